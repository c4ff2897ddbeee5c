/* func/coerce.c -- the coercion lattice: common types, costs of implicit casts, what literals adapt
 * to.
 *
 * Costs only order overloads: widening within a class is cheap, leaving a class is dear, and text
 * never becomes anything but by an explicit cast or as a bare literal. docs/types.md has the
 * tables. Tests: tests/unit/test_func_resolve.c */
#include "func/coerce.h"

enum {
    COST_NEAR = 1,
    COST_UNIT = 5,
    COST_KIND = 10,
    COST_DECIMAL = 20,
    COST_LITERAL = 25,
    COST_DOUBLE = 30,
    COST_FLOAT = 32
};

/* Bits of an integer type; unsigned ones are told by is_unsigned. */
static int integer_bits(ps_type t)
{
    switch (t.id) {
    case PS_TYPE_INT8:
    case PS_TYPE_UINT8: return 8;
    case PS_TYPE_INT16:
    case PS_TYPE_UINT16: return 16;
    case PS_TYPE_INT32:
    case PS_TYPE_UINT32: return 32;
    case PS_TYPE_INT64:
    case PS_TYPE_UINT64: return 64;
    default: return 128;
    }
}

static bool is_unsigned(ps_type t) { return t.id >= PS_TYPE_UINT8 && t.id <= PS_TYPE_UINT64; }
static bool is_class(ps_type t, ps_type_class c) { return ps_type_class_of(t) == c; }

static ps_type signed_of_bits(int bits)
{
    return bits <= 8    ? PS_TYPE(INT8)
           : bits <= 16 ? PS_TYPE(INT16)
           : bits <= 32 ? PS_TYPE(INT32)
           : bits <= 64 ? PS_TYPE(INT64)
                        : PS_TYPE(INT128);
}

static ps_type integer_common(ps_type a, ps_type b)
{
    const int bits_a = integer_bits(a), bits_b = integer_bits(b);

    if (is_unsigned(a) == is_unsigned(b)) return bits_a >= bits_b ? a : b;
    if (is_unsigned(b)) return bits_a > bits_b ? a : signed_of_bits(2 * bits_b);
    return bits_b > bits_a ? b : signed_of_bits(2 * bits_a);
}

bool ps_decimal_of(ps_type type, ps_type *out)
{
    static const uint8_t digits[PS_TYPE_COUNT] = {
        [PS_TYPE_BOOL] = 1,    [PS_TYPE_INT8] = 3,    [PS_TYPE_INT16] = 5, [PS_TYPE_INT32] = 10,
        [PS_TYPE_INT64] = 19,  [PS_TYPE_INT128] = 38, [PS_TYPE_UINT8] = 3, [PS_TYPE_UINT16] = 5,
        [PS_TYPE_UINT32] = 10, [PS_TYPE_UINT64] = 20,
    };

    if (type.id == PS_TYPE_DECIMAL) *out = type;
    else if (type.id < PS_TYPE_COUNT && digits[type.id]) *out = ps_type_decimal(digits[type.id], 0);
    else return false;
    return true;
}

static int digits_of(ps_i128 value)
{
    ps_u128 rest = value < 0 ? (ps_u128)0 - (ps_u128)value : (ps_u128)value;
    int n = 1;

    while (rest >= 10) rest /= 10, n++;
    return n;
}

static bool is_integer_literal(const ps_expr *e)
{
    return ps_expr_is_literal(e) && !e->literal.null && is_class(e->type, PS_CLASS_INTEGER);
}

static bool is_text_literal(const ps_expr *e)
{
    return ps_expr_is_literal(e) && !e->literal.null && e->type.id == PS_TYPE_STRING;
}

bool ps_expr_adapts(const ps_expr *e)
{
    return e->type.id == PS_TYPE_NULL || is_text_literal(e) || is_integer_literal(e) ||
           (ps_expr_is_literal(e) && e->type.id == PS_TYPE_DECIMAL);
}

bool ps_decimal_of_expr(const ps_expr *expr, ps_type *out)
{
    if (is_integer_literal(expr)) {
        const int n = digits_of(expr->literal.i);
        if (n > 38) return false;
        *out = ps_type_decimal(n, 0);
        return true;
    }
    return ps_decimal_of(expr->type, out);
}

static ps_type decimal_common(ps_type a, ps_type b)
{
    const int scale = PS_MAX(a.scale, b.scale);
    const int whole = PS_MAX(a.precision - a.scale, b.precision - b.scale);

    return ps_type_decimal(PS_MAX(1, PS_MIN(38, whole + scale)), scale);
}

static bool number_common(ps_type a, ps_type b, ps_type *out)
{
    ps_type da, db;

    if (is_class(a, PS_CLASS_FLOAT) || is_class(b, PS_CLASS_FLOAT)) {
        if (!is_class(a, PS_CLASS_FLOAT)) *out = b;
        else if (!is_class(b, PS_CLASS_FLOAT)) *out = a;
        else *out = a.id >= b.id ? a : b;
        return true;
    }
    if (is_class(a, PS_CLASS_INTEGER) && is_class(b, PS_CLASS_INTEGER)) {
        *out = integer_common(a, b);
        return true;
    }
    if (a.id == PS_TYPE_BOOL || b.id == PS_TYPE_BOOL) {
        *out = a.id == PS_TYPE_BOOL ? b : a;
        return true;
    }
    if (!ps_decimal_of(a, &da) || !ps_decimal_of(b, &db)) return false;
    *out = decimal_common(da, db);
    return true;
}

static bool temporal_common(ps_type a, ps_type b, ps_type *out)
{
    const ps_unit unit = (ps_unit)PS_MAX(a.unit, b.unit);

    if (a.id == b.id) {
        *out = a;
        out->unit = (uint8_t)unit; /* the finer one */
        return true;
    }
    if (a.id > b.id) {
        const ps_type swap = a;
        a = b, b = swap;
    }
    if (a.id == PS_TYPE_DATE && (b.id == PS_TYPE_TIMESTAMP || b.id == PS_TYPE_TIMESTAMP_TZ))
        *out = b;
    else if (a.id == PS_TYPE_TIMESTAMP && b.id == PS_TYPE_TIMESTAMP_TZ)
        *out = b, out->unit = (uint8_t)unit;
    else if (a.id == PS_TYPE_TIME && b.id == PS_TYPE_TIME_TZ) *out = b;
    else if (a.id == PS_TYPE_DURATION && b.id == PS_TYPE_INTERVAL) *out = b;
    else return false;
    return true;
}

static bool number_or_bool(ps_type t) { return ps_type_is_numeric(t) || t.id == PS_TYPE_BOOL; }

bool ps_type_common(ps_type a, ps_type b, ps_type *out)
{
    *out = a;
    if (ps_type_equal(a, b) || b.id == PS_TYPE_NULL) return true;
    *out = b;
    if (a.id == PS_TYPE_NULL) return true;
    if (number_or_bool(a) && number_or_bool(b)) return number_common(a, b, out);
    if (is_class(a, PS_CLASS_TEMPORAL) && is_class(b, PS_CLASS_TEMPORAL))
        return temporal_common(a, b, out);
    if ((a.id == PS_TYPE_ENUM || a.id == PS_TYPE_STRING) &&
        (b.id == PS_TYPE_ENUM || b.id == PS_TYPE_STRING)) {
        *out = PS_TYPE(STRING);
        return true;
    }
    if ((a.id == PS_TYPE_BINARY || a.id == PS_TYPE_FIXED_BINARY) &&
        (b.id == PS_TYPE_BINARY || b.id == PS_TYPE_FIXED_BINARY)) {
        *out = PS_TYPE(BINARY);
        return true;
    }
    return false;
}

static bool literal_fits(const ps_expr *e, ps_type type)
{
    ps_i128 lo, hi;
    return ps_type_range(type, &lo, &hi) && e->literal.i >= lo && e->literal.i <= hi;
}

/* The common type of a literal's possible types and a type that is settled. */
static bool literal_common(const ps_expr *literal, ps_type type, ps_type *out)
{
    *out = type;
    if (is_text_literal(literal)) return true;
    if (is_integer_literal(literal)) {
        ps_type decimal;
        if (is_class(type, PS_CLASS_INTEGER) && literal_fits(literal, type)) return true;
        if (type.id == PS_TYPE_DECIMAL && ps_decimal_of_expr(literal, &decimal)) {
            *out = decimal_common(decimal, type);
            return true;
        }
    }
    return ps_type_common(literal->type, type, out);
}

bool ps_type_common_expr(const ps_expr *a, const ps_expr *b, ps_type *out)
{
    const bool a_adapts = ps_expr_adapts(a), b_adapts = ps_expr_adapts(b);

    if (a_adapts && b_adapts) { /* text meets a number: as the number; two numbers: by type */
        if (is_text_literal(a)) return literal_common(a, b->type, out);
        if (is_text_literal(b)) return literal_common(b, a->type, out);
        if (is_integer_literal(a)) return literal_common(a, b->type, out);
        return literal_common(b, a->type, out);
    }
    if (a_adapts) return literal_common(a, b->type, out);
    if (b_adapts) return literal_common(b, a->type, out);
    return ps_type_common(a->type, b->type, out);
}

bool ps_type_common_exprs(const ps_expr *const *exprs, uint32_t n, ps_type *out)
{
    bool any = false;

    *out = PS_TYPE(NULL);
    for (uint32_t i = 0; i < n;
         i++) { /* settled types first, so that literals have what to adapt to */
        if (ps_expr_adapts(exprs[i])) continue;
        if (!any) *out = exprs[i]->type, any = true;
        else if (!ps_type_common(*out, exprs[i]->type, out)) return false;
    }
    for (int text = 0; text < 2;
         text++) { /* then numbers, then text: '5' adapts to what they come to */
        for (uint32_t i = 0; i < n; i++) {
            if (!ps_expr_adapts(exprs[i]) || exprs[i]->type.id == PS_TYPE_NULL ||
                is_text_literal(exprs[i]) != text)
                continue;
            if (!any) *out = exprs[i]->type, any = true;
            else if (!literal_common(exprs[i], *out, out)) return false;
        }
    }
    return true;
}

/* float <- numbers */
static int float_cost(ps_type from, ps_type to)
{
    if (is_class(from, PS_CLASS_FLOAT)) return from.id <= to.id ? COST_KIND : -1;
    if (!is_class(from, PS_CLASS_INTEGER) && from.id != PS_TYPE_DECIMAL) return -1;
    return to.id == PS_TYPE_FLOAT64   ? COST_DOUBLE
           : to.id == PS_TYPE_FLOAT32 ? COST_FLOAT
                                      : COST_FLOAT + 1;
}

static int temporal_cost(ps_type from, ps_type to)
{
    ps_type common;

    if (from.id == to.id) return from.unit < to.unit ? COST_UNIT : COST_UNIT + 3;
    if (!temporal_common(from, to, &common) || common.id != to.id) return -1;
    return to.id == PS_TYPE_TIMESTAMP_TZ ? COST_KIND + (from.id == PS_TYPE_DATE ? 5 : 2)
                                         : COST_KIND;
}

int ps_cast_cost(ps_type from, ps_type to)
{
    ps_type decimal;

    if (ps_type_equal(from, to)) return 0;
    if (from.id == PS_TYPE_NULL) return COST_NEAR;
    switch (ps_type_class_of(to)) {
    case PS_CLASS_INTEGER:
        if (!is_class(from, PS_CLASS_INTEGER) || !ps_type_equal(integer_common(from, to), to))
            return -1;
        return COST_NEAR + integer_bits(to) / integer_bits(from) + is_unsigned(from);
    case PS_CLASS_DECIMAL:
        if (!ps_decimal_of(from, &decimal) || from.id == PS_TYPE_BOOL) return -1;
        if (decimal.scale > to.scale) return -1;
        if (decimal.precision - decimal.scale > to.precision - to.scale && to.precision < 38)
            return -1;
        return from.id == PS_TYPE_DECIMAL ? COST_NEAR : COST_DECIMAL;
    case PS_CLASS_FLOAT: return float_cost(from, to);
    case PS_CLASS_TEMPORAL: return is_class(from, PS_CLASS_TEMPORAL) ? temporal_cost(from, to) : -1;
    case PS_CLASS_BYTES:
        if (to.id == PS_TYPE_STRING && from.id == PS_TYPE_ENUM) return COST_KIND;
        return to.id == PS_TYPE_BINARY && from.id == PS_TYPE_FIXED_BINARY ? COST_UNIT : -1;
    default: return -1;
    }
}

int ps_cast_cost_expr(const ps_expr *from, ps_type to)
{
    ps_type decimal;

    if (is_text_literal(from)) {
        if (to.id == PS_TYPE_STRING) return 0;
        return to.id == PS_TYPE_NULL || is_class(to, PS_CLASS_NESTED) ? -1 : COST_LITERAL;
    }
    if (is_integer_literal(from) && is_class(to, PS_CLASS_INTEGER)) {
        if (!literal_fits(from, to)) return -1;
        return ps_type_equal(from->type, to) ? 0 : COST_NEAR + is_unsigned(to);
    }
    if (is_integer_literal(from) && to.id == PS_TYPE_DECIMAL)
        return ps_decimal_of_expr(from, &decimal) && decimal.precision <= to.precision - to.scale
                   ? COST_DECIMAL
                   : -1;
    return ps_cast_cost(from->type, to);
}
