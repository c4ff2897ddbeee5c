/* front/sql/lower_literal.c -- literals: the smallest type that holds them, and parameters.
 *
 * Integers are INTEGER, BIGINT or HUGEINT; numbers with a point exact DECIMALs of up to 38 digits,
 * else DOUBLE; with an exponent DOUBLE. Tests: tests/unit/test_lower.c */
#include "front/sql/lower_int.h"

#include <limits.h>

static const ps_i128 I128_MAX = (ps_i128)(((ps_u128)1 << 127) - 1);

static const ps_expr *make(ps_lower *lo, ps_value value)
{
    return ps_expr_literal(lo->cx, lo->arena, &value);
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Digits of text from `from` in a base; false when they don't fit 127 bits (plus one). */
static bool parse_digits(ps_str text, size_t from, uint32_t base, ps_u128 *out)
{
    *out = 0;
    for (size_t i = from; i < text.n; i++) {
        const uint32_t digit = (uint32_t)digit_of(text.at[i]);
        if (digit >= base) continue; /* a decimal point */
        if (*out > ((ps_u128)I128_MAX + 1 - digit) / base) return false;
        *out = *out * base + digit;
    }
    return true;
}

static const ps_expr *as_double(ps_lower *lo, ps_str text, bool negative)
{
    char *signed_text =
        ps_arena_printf(lo->cx, lo->arena, "%s%.*s", negative ? "-" : "", PS_STR_ARGS(text));

    if (!signed_text) return NULL;
    const ps_expr *e = ps_lower_text(lo, ps_str_of(signed_text));
    return ps_lower_cast(lo, e, PS_TYPE(FLOAT64), PS_CAST_ERROR);
}

static const ps_expr *as_integer(ps_lower *lo, ps_u128 magnitude, bool negative)
{
    ps_i128 value = negative ? (ps_i128)(0 - magnitude) : (ps_i128)magnitude;
    ps_type type = PS_TYPE(INT128);

    if (value >= INT32_MIN && value <= INT32_MAX) type = PS_TYPE(INT32);
    else if (value >= INT64_MIN && value <= INT64_MAX) type = PS_TYPE(INT64);
    return make(lo, ps_value_int(type, value));
}

static const ps_expr *as_decimal(ps_lower *lo, ps_str text, bool negative)
{
    size_t point = 0, first = 0;
    ps_u128 magnitude;

    while (point < text.n && text.at[point] != '.') point++;
    while (first < point && text.at[first] == '0') first++;
    size_t scale = point < text.n ? text.n - point - 1 : 0;
    size_t precision = PS_MAX(point - first + scale, (size_t)1);
    if (precision > 38 || !parse_digits(text, 0, 10, &magnitude) ||
        lo->dialect->float_literals == 1)
        return as_double(lo, text, negative);
    /* as 0.05 is DECIMAL(3,2): one digit before the point is counted even when it is 0 */
    if (precision == scale && precision < 38) precision++;
    return make(lo, ps_value_int(ps_type_decimal((int)precision, (int)scale),
                                 negative ? -(ps_i128)magnitude : (ps_i128)magnitude));
}

const ps_expr *ps_lower_number(ps_lower *lo, const ps_sql_number *node, bool negative)
{
    ps_u128 magnitude;

    switch (node->form) {
    case PS_SQL_NUM_FLOAT: return as_double(lo, node->text, negative);
    case PS_SQL_NUM_DECIMAL: return as_decimal(lo, node->text, negative);
    default: break;
    }
    uint32_t base = node->form == PS_SQL_NUM_HEX ? 16 : node->form == PS_SQL_NUM_BINARY ? 2 : 10;
    bool fits = parse_digits(node->text, base == 10 ? 0 : 2, base, &magnitude);
    if (fits && (negative || magnitude <= (ps_u128)I128_MAX))
        return as_integer(lo, magnitude, negative);
    if (base != 10)
        return ps_lower_fail(lo, &node->head, PS_VALUE, "the number does not fit 128 bits: %.*s",
                             PS_STR_ARGS(node->text));
    return as_double(lo, node->text, negative);
}

static const ps_expr *lower_blob(ps_lower *lo, const ps_sql_blob *node)
{
    char *bytes = ps_arena_alloc(lo->cx, lo->arena, node->hex.n / 2 + 1);

    if (!bytes) return NULL;
    for (size_t i = 0; i + 1 < node->hex.n; i += 2)
        bytes[i / 2] = (char)(digit_of(node->hex.at[i]) * 16 + digit_of(node->hex.at[i + 1]));
    return make(lo, (ps_value){.type = PS_TYPE(BINARY), .str = {bytes, node->hex.n / 2}});
}

/* ---- intervals ---- */

typedef struct unit {
    const char *name;
    int32_t months, days;
    int64_t ns;
} unit;
static const unit units[] = {
    {"millennium", 12000, 0, 0},
    {"century", 1200, 0, 0},
    {"decade", 120, 0, 0},
    {"year", 12, 0, 0},
    {"quarter", 3, 0, 0},
    {"month", 1, 0, 0},
    {"week", 0, 7, 0},
    {"day", 0, 1, 0},
    {"hour", 0, 0, 3600000000000},
    {"minute", 0, 0, 60000000000},
    {"second", 0, 0, 1000000000},
    {"millisecond", 0, 0, 1000000},
    {"microsecond", 0, 0, 1000},
};

static const unit *unit_of(ps_str name)
{
    for (size_t i = 0; i < PS_COUNT(units); i++)
        if (ps_str_equal_nocase(name, ps_str_of(units[i].name))) return &units[i];
    return NULL;
}

/* A whole number of at most 18 digits with an optional sign; blanks around it are allowed. */
static bool parse_whole(ps_str text, int64_t *out)
{
    size_t i = 0, n = text.n;
    bool negative = false;

    while (i < n && text.at[i] == ' ') i++;
    while (n > i && text.at[n - 1] == ' ') n--;
    if (i < n && (text.at[i] == '-' || text.at[i] == '+')) negative = text.at[i++] == '-';
    if (i == n || n - i > 18) return false;
    for (*out = 0; i < n; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') return false;
        *out = *out * 10 + (text.at[i] - '0');
    }
    if (negative) *out = -*out;
    return true;
}

static const ps_expr *lower_interval(ps_lower_in *in, const ps_sql_interval *node)
{
    ps_lower *lo = in->lo;
    const ps_sql_string *text = ps_sql_as(string, STRING, node->value);
    const ps_sql_number *number = ps_sql_as(number, NUMBER, node->value);
    const unit *u = unit_of(node->unit.text);
    int64_t count;

    if (node->unit.text.n == 0)
        return ps_lower_cast(lo, ps_lower_expr(in, node->value), PS_TYPE(INTERVAL), PS_CAST_ERROR);
    if (!u) return ps_lower_unsupported(lo, &node->head, "this unit of an interval");
    if ((text && parse_whole(text->value, &count)) ||
        (number && parse_whole(number->text, &count))) {
        int64_t months = 0, days = 0, ns = 0;
        if (!__builtin_mul_overflow(count, u->months, &months) &&
            !__builtin_mul_overflow(count, u->days, &days) &&
            !__builtin_mul_overflow(count, u->ns, &ns) && months == (int32_t)months &&
            days == (int32_t)days)
            return make(lo, (ps_value){.type = PS_TYPE(INTERVAL),
                                       .interval = {(int32_t)months, (int32_t)days, ns}});
        return ps_lower_fail(lo, node->value, PS_VALUE, "the interval is out of range");
    }
    if (text) {
        char *whole =
            ps_arena_printf(lo->cx, lo->arena, "%.*s %s", PS_STR_ARGS(text->value), u->name);
        if (!whole) return NULL;
        return ps_lower_cast(lo, ps_lower_text(lo, ps_str_of(whole)), PS_TYPE(INTERVAL),
                             PS_CAST_ERROR);
    }
    char *name = ps_arena_printf(lo->cx, lo->arena, "to_%s",
                                 u == &units[0]   ? "millennia"
                                 : u == &units[1] ? "centuries"
                                                  : u->name);
    if (!name) return NULL;
    if (u > &units[1] && !(name = ps_arena_printf(lo->cx, lo->arena, "%ss", name))) return NULL;
    return ps_lower_call1(lo, name, ps_lower_expr(in, node->value));
}

static const ps_expr *lower_typed(ps_lower *lo, const ps_sql_typed *node)
{
    ps_type type;

    if (!ps_lower_type(lo, (const ps_sql_type *)(const void *)node->type, &type)) return NULL;
    return ps_lower_cast(lo, ps_lower_text(lo, node->value), type, PS_CAST_ERROR);
}

/* The value that was given under a parameter's name. */
static const ps_expr *named_value(ps_lower *lo, const ps_sql_param *node)
{
    const ps_bind_env *env = lo->env;

    if (!env->param_names)
        return ps_lower_fail(lo, &node->head, PS_BIND,
                             "the parameter $%.*s is given by its name: %.*s := value",
                             PS_STR_ARGS(node->name), PS_STR_ARGS(node->name));
    for (uint32_t i = 0; i < env->n_params; i++)
        if (ps_str_equal_nocase(env->param_names[i], node->name))
            return ps_expr_literal(lo->cx, lo->arena, &env->params[i]);
    return ps_lower_fail(lo, &node->head, PS_BIND, "the parameter $%.*s has no value",
                         PS_STR_ARGS(node->name));
}

const ps_expr *ps_lower_param(ps_lower *lo, const ps_sql_param *node)
{
    if (node->number > UINT16_MAX)
        return ps_lower_fail(lo, &node->head, PS_BIND, "parameter numbers go up to %d", UINT16_MAX);
    if (lo->env->n_params == 0)
        return ps_expr_param(lo->cx, lo->arena, (uint32_t)node->number, PS_TYPE(NULL));
    if (node->name.n) return named_value(lo, node);
    if (lo->env->param_names)
        return ps_lower_fail(lo, &node->head, PS_BIND, "parameter %lld has no name to give it by",
                             (long long)node->number);
    if ((uint64_t)node->number > lo->env->n_params)
        return ps_lower_fail(lo, &node->head, PS_BIND, "parameter %lld has no value: %u were given",
                             (long long)node->number, lo->env->n_params);
    return ps_expr_literal(lo->cx, lo->arena, &lo->env->params[node->number - 1]);
}

const ps_expr *ps_lower_literal(ps_lower_in *in, const ps_sql_node *node)
{
    ps_lower *lo = in->lo;

    switch ((ps_sql_kind)node->kind) {
    case PS_SQL_NULL: return make(lo, ps_value_null(PS_TYPE(NULL)));
    case PS_SQL_BOOL: return ps_lower_bool(lo, ((const ps_sql_bool *)(const void *)node)->value);
    case PS_SQL_NUMBER:
        return ps_lower_number(lo, (const ps_sql_number *)(const void *)node, false);
    case PS_SQL_STRING:
        return ps_lower_text(lo, ((const ps_sql_string *)(const void *)node)->value);
    case PS_SQL_BLOB: return lower_blob(lo, (const ps_sql_blob *)(const void *)node);
    case PS_SQL_TYPED: return lower_typed(lo, (const ps_sql_typed *)(const void *)node);
    default: return lower_interval(in, (const ps_sql_interval *)(const void *)node);
    }
}
