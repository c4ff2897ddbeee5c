/* func/math_exact.c -- integers and decimals: rounding, absolute values, gcd, bits, greatest and
 * least.
 *
 * All are computed in 128 bits and checked against the result's type; slots come out in the type's
 * own layout. Tests: tests/unit/test_func_eval.c, the examples in math.toml. */
#include "func/rows.h"

static void store(void *out, ps_layout layout, uint32_t row, ps_i128 value)
{
    switch (ps_layout_bytes(layout)) {
    case 1: ((uint8_t *)out)[row] = (uint8_t)value; break;
    case 2: ((uint16_t *)out)[row] = (uint16_t)value; break;
    case 4: ((uint32_t *)out)[row] = (uint32_t)value; break;
    case 8: ((uint64_t *)out)[row] = (uint64_t)value; break;
    default: ((ps_i128 *)out)[row] = value; break;
    }
}

/* fn of one or two integer-like arguments (the second 0 when there is none); false with *why: an
 * error. */
typedef bool (*wide_fn)(const ps_call *call, ps_i128 a, ps_i128 b, ps_i128 *out, const char **why);

static ps_status wide_rows(ps_call *call, wide_fn fn)
{
    const ps_layout layout = ps_type_layout(call->out->type);
    ps_i128 lo, hi;
    ps_wides a, b = {0};
    ps_rows rows;

    if (!ps_type_range(call->out->type, &lo, &hi))
        return PS_BUG(call->cx, "an exact function with a result without a range");
    PS_TRY(ps_rows_begin(call, layout, &rows));
    PS_TRY(ps_rows_i128s(&rows, 0, &a));
    if (call->n_args > 1) PS_TRY(ps_rows_i128s(&rows, 1, &b));
    for (uint32_t k = 0; k < rows.n; k++) {
        const uint32_t row = ps_rows_at(&rows, k);
        const char *why = "the result is out of its type's range";
        ps_i128 value;
        if (!ps_rows_live(&rows, row)) continue;
        if (!fn(call, ps_wides_at(&a, row), b.at ? ps_wides_at(&b, row) : 0, &value, &why) ||
            value < lo || value > hi) {
            ps_rows_error(&rows, row, "%s of %s", why,
                          call->expr ? call->expr->func->name : "a function");
            continue;
        }
        store(rows.out, layout, row, value);
    }
    return PS_OK;
}

/* Dense 64-bit loops for what can't fail there; false: another way. The result is moved to the
 * type's layout. */
static bool has_value(const int64_t *at, uint32_t n, int64_t value)
{
    bool found = false;

    for (uint32_t i = 0; i < n; i++) found |= at[i] == value;
    return found;
}

typedef enum narrow_op { NARROW_ABS, NARROW_AND, NARROW_OR, NARROW_XOR } narrow_op;
static ps_status narrow_rows(ps_call *call, narrow_op op, bool *done)
{
    const ps_layout layout = ps_type_layout(call->out->type);
    ps_ints a, b = {0};
    ps_rows rows;

    *done = false;
    if (!ps_layout_is_int(layout) || layout == PS_LAYOUT_I128 || layout == PS_LAYOUT_U64)
        return PS_OK;
    for (uint32_t i = 0; i < call->n_args; i++)
        if (!ps_rows_fits_i64(&call->args[i]) || call->args[i].encoding == PS_ENC_DICTIONARY)
            return PS_OK;
    ps_i128 lo, hi;
    if (!ps_type_range(call->out->type, &lo, &hi)) return PS_OK;
    PS_TRY(ps_rows_begin(call, layout, &rows));
    PS_TRY(ps_rows_ints(&rows, 0, &a));
    if (call->n_args > 1) PS_TRY(ps_rows_ints(&rows, 1, &b));
    const uint32_t n = rows.constant ? 1 : call->out->n;
    if (op == NARROW_ABS && has_value(a.at, n, (int64_t)lo))
        return PS_OK; /* the one without an opposite */
    *done = true;
    int64_t *to = layout == PS_LAYOUT_I64
                      ? rows.out
                      : ps_arena_alloc_raw(call->cx, &call->buf->heap, sizeof *to * (n + 8), 64);
    if (!to) return PS_MEMORY;
    switch (op) {
    case NARROW_ABS:
        for (uint32_t i = 0; i < n; i++)
            to[i] = a.at[i] < 0 ? (int64_t)(0 - (uint64_t)a.at[i]) : a.at[i];
        break;
    case NARROW_AND:
        for (uint32_t i = 0; i < n; i++) to[i] = ps_ints_at(&a, i) & ps_ints_at(&b, i);
        break;
    case NARROW_OR:
        for (uint32_t i = 0; i < n; i++) to[i] = ps_ints_at(&a, i) | ps_ints_at(&b, i);
        break;
    case NARROW_XOR:
        for (uint32_t i = 0; i < n; i++) to[i] = ps_ints_at(&a, i) ^ ps_ints_at(&b, i);
        break;
    }
    if (layout != PS_LAYOUT_I64) ps_slots_convert(PS_LAYOUT_I64, to, layout, rows.out, n);
    return PS_OK;
}

static bool wide_abs(const ps_call *call, ps_i128 a, ps_i128 b, ps_i128 *out, const char **why)
{
    (void)call, (void)b, (void)why;
    return a >= 0 ? (*out = a, true) : !__builtin_sub_overflow((ps_i128)0, a, out);
}
static ps_status abs_exact_eval(ps_call *call)
{
    bool done;
    PS_TRY(narrow_rows(call, NARROW_ABS, &done));
    return done ? PS_OK : wide_rows(call, wide_abs);
}
PS_FN(abs_exact, .eval = abs_exact_eval);

static bool wide_sign(const ps_call *call, ps_i128 a, ps_i128 b, ps_i128 *out, const char **why)
{
    (void)call, (void)b, (void)why;
    *out = (a > 0) - (a < 0);
    return true;
}
static ps_status sign_exact_eval(ps_call *call) { return wide_rows(call, wide_sign); }
PS_FN(sign_exact, .eval = sign_exact_eval);

/* Which way a decimal is cut. */
typedef enum cut { CUT_ROUND, CUT_TRUNC, CUT_FLOOR, CUT_CEIL } cut;
/* The same in 64 bits, ten times faster to divide. */
static int64_t cut_narrow(int64_t a, int64_t unit, cut how)
{
    const int64_t rest = a % unit, whole = a / unit;

    switch (how) {
    case CUT_TRUNC: return whole;
    case CUT_FLOOR: return whole - (rest < 0);
    case CUT_CEIL: return whole + (rest > 0);
    default: return rest >= 0 ? whole + (rest >= unit - rest) : whole - (-rest >= unit + rest);
    }
}
static ps_i128 cut_to(ps_i128 a, ps_i128 unit, cut how)
{
    if (a == (int64_t)a && unit == (int64_t)unit) return cut_narrow((int64_t)a, (int64_t)unit, how);
    const ps_i128 rest = a % unit, whole = a / unit;

    switch (how) {
    case CUT_TRUNC: return whole;
    case CUT_FLOOR: return whole - (rest < 0);
    case CUT_CEIL: return whole + (rest > 0);
    default: return rest >= 0 ? whole + (rest >= unit - rest) : whole - (-rest >= unit + rest);
    }
}

/* Cuts a at `digits` after the point (negative: before), then brings it to the result's scale. */
static bool cut_decimal(const ps_call *call, ps_i128 a, ps_i128 digits, cut how, ps_i128 *out)
{
    const int from = call->args[0].type.id == PS_TYPE_DECIMAL ? call->args[0].type.scale : 0;
    const int to = call->out->type.id == PS_TYPE_DECIMAL ? call->out->type.scale : 0;
    const ps_i128 drop = from - PS_MIN(digits, (ps_i128)from); /* digits that become zero */

    if (drop > 38) {
        *out = 0;
        return true;
    }
    const ps_i128 kept = cut_to(a, ps_pow10[drop], how);
    const int shift = to - from + (int)drop; /* kept has scale from - drop */
    return shift >= 0 ? !__builtin_mul_overflow(kept, ps_pow10[shift], out)
                      : (*out = cut_to(kept, ps_pow10[-shift], how), true);
}
static bool wide_round(const ps_call *call, ps_i128 a, ps_i128 b, ps_i128 *out, const char **why)
{
    (void)why;
    return cut_decimal(call, a, b, CUT_ROUND, out);
}
static ps_status round_exact_eval(ps_call *call) { return wide_rows(call, wide_round); }
PS_FN(round_exact, .eval = round_exact_eval);
static bool wide_trunc(const ps_call *call, ps_i128 a, ps_i128 b, ps_i128 *out, const char **why)
{
    (void)why;
    return cut_decimal(call, a, b, CUT_TRUNC, out);
}
static ps_status trunc_exact_eval(ps_call *call) { return wide_rows(call, wide_trunc); }
PS_FN(trunc_exact, .eval = trunc_exact_eval);
static bool wide_floor(const ps_call *call, ps_i128 a, ps_i128 b, ps_i128 *out, const char **why)
{
    (void)why, (void)b;
    return cut_decimal(call, a, 0, CUT_FLOOR, out);
}
static ps_status floor_exact_eval(ps_call *call) { return wide_rows(call, wide_floor); }
PS_FN(floor_exact, .eval = floor_exact_eval);
static bool wide_ceil(const ps_call *call, ps_i128 a, ps_i128 b, ps_i128 *out, const char **why)
{
    (void)why, (void)b;
    return cut_decimal(call, a, 0, CUT_CEIL, out);
}
static ps_status ceil_exact_eval(ps_call *call) { return wide_rows(call, wide_ceil); }
PS_FN(ceil_exact, .eval = ceil_exact_eval);

static ps_u128 gcd_of(ps_i128 a, ps_i128 b)
{
    ps_u128 x = a < 0 ? (ps_u128)0 - (ps_u128)a : (ps_u128)a,
            y = b < 0 ? (ps_u128)0 - (ps_u128)b : (ps_u128)b;

    while (y) {
        const ps_u128 rest = x % y;
        x = y, y = rest;
    }
    return x;
}
static bool wide_gcd(const ps_call *call, ps_i128 a, ps_i128 b, ps_i128 *out, const char **why)
{
    (void)call, (void)why;
    *out = (ps_i128)gcd_of(a, b);
    return true;
}
static ps_status gcd_eval(ps_call *call) { return wide_rows(call, wide_gcd); }
PS_FN(gcd, .eval = gcd_eval);
static bool wide_lcm(const ps_call *call, ps_i128 a, ps_i128 b, ps_i128 *out, const char **why)
{
    (void)call, (void)why;
    *out = 0;
    if (a == 0 || b == 0) return true;
    if (__builtin_mul_overflow(a / (ps_i128)gcd_of(a, b), b, out)) return false;
    return *out >= 0 || !__builtin_sub_overflow((ps_i128)0, *out, out);
}
static ps_status lcm_eval(ps_call *call) { return wide_rows(call, wide_lcm); }
PS_FN(lcm, .eval = lcm_eval);
static bool wide_factorial(const ps_call *call, ps_i128 a, ps_i128 b, ps_i128 *out,
                           const char **why)
{
    (void)call, (void)b;
    *out = 1;
    if (a < 0) *why = "a negative number is no argument";
    if (a < 0 || a > 33) return false;
    for (int i = 2; i <= (int)a; i++) *out *= i;
    return true;
}
static ps_status factorial_eval(ps_call *call) { return wide_rows(call, wide_factorial); }
PS_FN(factorial, .eval = factorial_eval);

static bool wide_and(const ps_call *call, ps_i128 a, ps_i128 b, ps_i128 *out, const char **why)
{
    (void)call, (void)why;
    *out = a & b;
    return true;
}
static ps_status bits_and_eval(ps_call *call)
{
    bool done;
    PS_TRY(narrow_rows(call, NARROW_AND, &done));
    return done ? PS_OK : wide_rows(call, wide_and);
}
PS_FN(bits_and, .eval = bits_and_eval);
static bool wide_or(const ps_call *call, ps_i128 a, ps_i128 b, ps_i128 *out, const char **why)
{
    (void)call, (void)why;
    *out = a | b;
    return true;
}
static ps_status bits_or_eval(ps_call *call)
{
    bool done;
    PS_TRY(narrow_rows(call, NARROW_OR, &done));
    return done ? PS_OK : wide_rows(call, wide_or);
}
PS_FN(bits_or, .eval = bits_or_eval);
static bool wide_xor(const ps_call *call, ps_i128 a, ps_i128 b, ps_i128 *out, const char **why)
{
    (void)call, (void)why;
    *out = a ^ b;
    return true;
}
static ps_status bits_xor_eval(ps_call *call)
{
    bool done;
    PS_TRY(narrow_rows(call, NARROW_XOR, &done));
    return done ? PS_OK : wide_rows(call, wide_xor);
}
PS_FN(bits_xor, .eval = bits_xor_eval);
static bool wide_not(const ps_call *call, ps_i128 a, ps_i128 b, ps_i128 *out, const char **why)
{
    ps_i128 lo = 0, hi = 0;
    (void)b, (void)why;
    ps_type_range(call->out->type, &lo, &hi);
    *out = lo < 0 ? ~a : hi - a; /* of unsigned types within their width */
    return true;
}
static ps_status bits_not_eval(ps_call *call) { return wide_rows(call, wide_not); }
PS_FN(bits_not, .eval = bits_not_eval);
/* As DuckDB: a left shift never loses bits. */
static bool wide_shift_left(const ps_call *call, ps_i128 a, ps_i128 b, ps_i128 *out,
                            const char **why)
{
    const ps_i128 width = 8 * (ps_i128)ps_layout_bytes(ps_type_layout(call->out->type));
    *why = "a left shift of a negative number, by too much or past the type";
    if (a < 0 || b < 0 || (b >= width && a != 0)) return false;
    *out = 0;
    return a == 0 || !__builtin_mul_overflow(a, (ps_i128)1 << PS_MIN(b, (ps_i128)126), out);
}
static ps_status shift_left_eval(ps_call *call) { return wide_rows(call, wide_shift_left); }
PS_FN(shift_left, .eval = shift_left_eval);
static bool wide_shift_right(const ps_call *call, ps_i128 a, ps_i128 b, ps_i128 *out,
                             const char **why)
{
    const ps_i128 width = 8 * (ps_i128)ps_layout_bytes(ps_type_layout(call->out->type));
    (void)why;
    *out = b < 0 || b >= width ? 0 : a >> (int)b;
    return true;
}
static ps_status shift_right_eval(ps_call *call) { return wide_rows(call, wide_shift_right); }
PS_FN(shift_right, .eval = shift_right_eval);
static bool wide_bit_count(const ps_call *call, ps_i128 a, ps_i128 b, ps_i128 *out,
                           const char **why)
{
    const size_t bytes = ps_layout_bytes(ps_type_layout(call->args[0].type));
    const ps_u128 mask = bytes == 16 ? ~(ps_u128)0 : ((ps_u128)1 << (8 * bytes)) - 1,
                  bits = (ps_u128)a & mask;
    (void)b, (void)why;
    *out = __builtin_popcountll((uint64_t)bits) + __builtin_popcountll((uint64_t)(bits >> 64));
    return true;
}
static ps_status bit_count_eval(ps_call *call) { return wide_rows(call, wide_bit_count); }
PS_FN(bit_count, .eval = bit_count_eval);

/* Integer-like arguments of up to 64 bits; false: another way. */
static ps_status extreme_ints(ps_call *call, int sign, bool *done)
{
    const ps_layout layout = ps_type_layout(call->out->type);
    ps_ints in[PS_ROWS_ARGS_MAX];
    ps_rows rows;

    *done = false;
    if (!ps_layout_is_int(layout) || layout == PS_LAYOUT_I128 || layout == PS_LAYOUT_U64)
        return PS_OK;
    if (call->n_args > PS_ROWS_ARGS_MAX) return PS_OK;
    for (uint32_t i = 0; i < call->n_args; i++)
        if (!ps_rows_fits_i64(&call->args[i])) return PS_OK;
    *done = true;
    PS_TRY(ps_rows_begin(call, layout, &rows));
    for (uint32_t i = 0; i < call->n_args; i++) PS_TRY(ps_rows_ints(&rows, i, &in[i]));
    for (uint32_t k = 0; k < rows.n; k++) {
        const uint32_t row = ps_rows_at(&rows, k);
        bool any = false;
        int64_t best = 0;
        for (uint32_t i = 0; i < call->n_args; i++) {
            if (!ps_rows_arg_valid(&rows, i, row)) continue;
            const int64_t value = ps_ints_at(&in[i], row);
            if (!any || (sign > 0 ? value > best : value < best)) best = value;
            any = true;
        }
        if (any) store(rows.out, layout, row, best);
        else PS_TRY(ps_rows_set_null(&rows, row));
    }
    return PS_OK;
}

/* greatest, least: the value of one of the arguments; nulls are left out. Any type that compares.
 */
static ps_status extreme_rows(ps_call *call, int sign)
{
    const ps_layout layout = ps_type_layout(call->out->type);
    const size_t bytes = ps_layout_bytes(layout);
    ps_rows rows;
    bool done;

    PS_TRY(extreme_ints(call, sign, &done));
    if (done) return PS_OK;
    PS_TRY(ps_rows_begin(call, layout, &rows));
    if (bytes == 0)
        return ps_fail(call->cx, PS_UNSUPPORTED,
                       "greatest and least of this type are not supported yet");
    for (uint32_t k = 0; k < rows.n; k++) {
        const uint32_t row = ps_rows_at(&rows, k);
        uint32_t best = UINT32_MAX;
        ps_value best_value = {0}, value;
        PS_TRY(ps_rows_poll(&rows, 0));
        for (uint32_t i = 0; i < call->n_args; i++) {
            if (!ps_vec_row_valid(&call->args[i], row)) continue;
            PS_TRY(ps_vec_value(call->cx, &call->buf->heap, &call->args[i], row, &value));
            if (best != UINT32_MAX && sign * ps_value_compare(&value, &best_value) <= 0) continue;
            best = i, best_value = value;
        }
        if (best == UINT32_MAX) {
            PS_TRY(ps_rows_set_null(&rows, row));
        } else if (layout == PS_LAYOUT_VIEW) {
            PS_TRY(ps_rows_put_copy(&rows, row, best_value.str.at, best_value.str.n));
        } else if (layout == PS_LAYOUT_F64) {
            ((double *)rows.out)[row] = best_value.f64;
        } else if (layout == PS_LAYOUT_F32) {
            ((float *)rows.out)[row] = (float)best_value.f64;
        } else if (layout == PS_LAYOUT_INTERVAL) {
            ((ps_interval *)rows.out)[row] = best_value.interval;
        } else if (ps_layout_is_int(layout) || layout == PS_LAYOUT_BOOL) {
            store(rows.out, layout, row, best_value.i);
        } else {
            return ps_fail(call->cx, PS_UNSUPPORTED,
                           "greatest and least of this type are not supported yet");
        }
    }
    return PS_OK;
}
static ps_status greatest_eval(ps_call *call) { return extreme_rows(call, 1); }
PS_FN(greatest, .eval = greatest_eval);
static ps_status least_eval(ps_call *call) { return extreme_rows(call, -1); }
PS_FN(least, .eval = least_eval);
