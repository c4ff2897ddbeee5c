/* func/cast_number.c -- casts among booleans, integers, decimals and floats.
 *
 * Integers and decimals are one thing: a number of slots with a scale. Where the argument's bounds
 * prove the result the loop is dense and unchecked; else each row is checked. Rounding: decimals
 * half away from zero, floats to integers half to even (as DuckDB). Tests:
 * tests/unit/test_func_cast.c */
#include "func/cast.h"
#include "func/parse.h"

#include <math.h>

static int scale_of(ps_type t) { return t.id == PS_TYPE_DECIMAL ? t.scale : 0; }

/* Bounds of the argument's values; of those that don't fit 64 bits the type's range. */
static void arg_range(const ps_cast *cast, ps_i128 *lo, ps_i128 *hi)
{
    const ps_vec *v = cast->arg;

    if (v->layout == PS_LAYOUT_BOOL) {
        *lo = 0, *hi = 1;
    } else if ((v->layout == PS_LAYOUT_I128 || v->layout == PS_LAYOUT_U64) && !v->bounded) {
        if (!ps_type_range(cast->from, lo, hi)) *lo = -ps_pow10[38], *hi = ps_pow10[38];
    } else {
        *lo = v->lo, *hi = v->hi;
    }
}

static ps_i128 divide_half_away(ps_i128 value, ps_i128 unit)
{
    const ps_i128 rest = value % unit, whole = value / unit;

    if (rest >= 0) return whole + (rest >= unit - rest);
    return whole - (-rest >= unit + rest);
}

/* value * 10^shift (shift < 0: rounded); false: it passes 128 bits. */
static bool rescale(ps_i128 value, int shift, ps_i128 *out)
{
    if (shift >= 0) return !__builtin_mul_overflow(value, ps_pow10[shift], out);
    *out = divide_half_away(value, ps_pow10[-shift]);
    return true;
}

static void store(void *out, ps_layout layout, uint32_t row, ps_i128 value)
{
    switch (layout) {
    case PS_LAYOUT_BOOL:
    case PS_LAYOUT_I8:
    case PS_LAYOUT_U8: ((uint8_t *)out)[row] = (uint8_t)value; break;
    case PS_LAYOUT_I16:
    case PS_LAYOUT_U16: ((uint16_t *)out)[row] = (uint16_t)value; break;
    case PS_LAYOUT_I32:
    case PS_LAYOUT_U32: ((uint32_t *)out)[row] = (uint32_t)value; break;
    case PS_LAYOUT_I64:
    case PS_LAYOUT_U64: ((uint64_t *)out)[row] = (uint64_t)value; break;
    default: ((ps_i128 *)out)[row] = value; break;
    }
}

/* Every row checked, through 128 bits. */
static ps_status ints_checked(ps_cast *cast, int shift, ps_i128 lo, ps_i128 hi)
{
    const ps_layout layout = ps_type_layout(cast->to);
    ps_wides in;

    PS_TRY(ps_rows_begin(cast->call, layout, &cast->rows));
    PS_TRY(ps_rows_i128s(&cast->rows, 0, &in));
    for (uint32_t k = 0; k < cast->rows.n; k++) {
        const uint32_t row = ps_rows_at(&cast->rows, k);
        ps_i128 value;
        if (!ps_cast_live(cast, row)) continue;
        if (!rescale(ps_wides_at(&in, row), shift, &value) || value < lo || value > hi)
            PS_TRY(ps_cast_misfit(cast, row));
        else store(cast->rows.out, layout, row, value);
    }
    return PS_OK;
}

/* 64-bit slots whose range is checked but whose scale stays: narrowing integers. */
static ps_status ints_narrow(ps_cast *cast, int64_t lo, int64_t hi)
{
    const ps_layout layout = ps_type_layout(cast->to);
    ps_ints in;

    PS_TRY(ps_rows_begin(cast->call, layout, &cast->rows));
    PS_TRY(ps_rows_ints(&cast->rows, 0, &in));
    for (uint32_t k = 0; k < cast->rows.n; k++) {
        const uint32_t row = ps_rows_at(&cast->rows, k);
        const int64_t value = ps_ints_at(&in, row);
        if (PS_LIKELY(value >= lo && value <= hi)) store(cast->rows.out, layout, row, value);
        else if (ps_cast_live(cast, row)) PS_TRY(ps_cast_misfit(cast, row));
    }
    return PS_OK;
}

/* Multiplied without checks: the bounds proved it. Dense, whatever is selected. */
static ps_status ints_scale_up(ps_cast *cast, int64_t factor, int64_t lo, int64_t hi)
{
    ps_ints in;

    PS_TRY(ps_rows_begin(cast->call, PS_LAYOUT_I64, &cast->rows));
    PS_TRY(ps_rows_ints(&cast->rows, 0, &in));
    uint64_t *out = cast->rows.out;
    const uint64_t *from = (const uint64_t *)in.at;
    const uint32_t n = cast->rows.constant || !in.mask ? 1 : cast->call->out->n;
    if (cast->rows.in[0].codes) {
        for (uint32_t k = 0; k < cast->rows.n; k++)
            out[ps_rows_at(&cast->rows, k)] = from[ps_rows_at(&cast->rows, k)] * (uint64_t)factor;
    } else {
        for (uint32_t i = 0; i < n; i++) out[i] = from[i] * (uint64_t)factor;
    }
    ps_rows_bounds(&cast->rows, lo, hi);
    if (cast->call->out->encoding == PS_ENC_CONSTANT) cast->call->out->valid = cast->arg->valid;
    return PS_OK;
}

ps_status ps_cast_ints(ps_cast *cast)
{
    const int shift = scale_of(cast->to) - scale_of(cast->from);
    const bool plain = cast->arg->encoding != PS_ENC_DICTIONARY;
    ps_i128 lo = 0, hi = 0, from_lo, from_hi, wide_lo, wide_hi;

    if (!ps_type_range(cast->to, &lo, &hi))
        return PS_BUG(cast->call->cx, "a cast to a type without a range");
    arg_range(cast, &from_lo, &from_hi);
    const bool fits64 = ps_rows_fits_i64(cast->arg) && from_lo >= INT64_MIN && from_hi <= INT64_MAX;
    if (shift == 0 && plain && from_lo >= lo && from_hi <= hi &&
        ps_layout_bytes((ps_layout)cast->arg->layout) <=
            ps_layout_bytes(ps_type_layout(cast->to))) {
        ps_cast_retag(cast);
        if (cast->arg->layout == PS_LAYOUT_BOOL)
            cast->call->out->layout = PS_LAYOUT_I8, cast->call->out->lo = 0,
            cast->call->out->hi = 1;
        return PS_OK;
    }
    if (shift == 0 && fits64)
        return ints_narrow(cast, (int64_t)PS_MAX(lo, INT64_MIN), (int64_t)PS_MIN(hi, INT64_MAX));
    if (shift > 0 && shift <= 18 && fits64 && rescale(from_lo, shift, &wide_lo) &&
        rescale(from_hi, shift, &wide_hi) && wide_lo >= PS_MAX(lo, INT64_MIN) &&
        wide_hi <= PS_MIN(hi, INT64_MAX) && cast->to.precision > 9)
        return ints_scale_up(cast, (int64_t)ps_pow10[shift], (int64_t)wide_lo, (int64_t)wide_hi);
    return ints_checked(cast, shift, lo, hi);
}

/* Exactly: digits and exponent as text, read back with correct rounding. */
static double f64_of_decimal(ps_i128 value, int scale)
{
    char text[64];
    size_t at = sizeof text;
    ps_u128 rest = value < 0 ? (ps_u128)0 - (ps_u128)value : (ps_u128)value;
    double out = 0;
    int exponent = scale;

    if (scale == 0) return (double)value;
    do text[--at] = (char)('0' + exponent % 10);
    while (exponent /= 10);
    text[--at] = '-', text[--at] = 'e';
    do text[--at] = (char)('0' + (int)(rest % 10));
    while (rest /= 10);
    if (value < 0) text[--at] = '-';
    ps_parse_f64((ps_str){text + at, sizeof text - at}, &out);
    return out;
}

static void put_float(void *out, ps_type_id id, uint32_t row, double value)
{
    if (id == PS_TYPE_FLOAT64) ((double *)out)[row] = value;
    else if (id == PS_TYPE_FLOAT32) ((float *)out)[row] = (float)value;
    else ((uint16_t *)out)[row] = ps_f16_of((float)value);
}

ps_status ps_cast_ints_to_float(ps_cast *cast)
{
    const int scale = scale_of(cast->from);
    const int64_t exact = INT64_C(1) << 53;
    ps_i128 lo, hi;
    ps_wides wides;
    ps_ints in;

    arg_range(cast, &lo, &hi);
    PS_TRY(ps_rows_begin(cast->call, ps_type_layout(cast->to), &cast->rows));
    if (cast->call->out->encoding == PS_ENC_CONSTANT) cast->call->out->valid = cast->arg->valid;
    if (ps_rows_fits_i64(cast->arg) && lo >= INT64_MIN && hi <= INT64_MAX &&
        (scale == 0 || (scale <= 22 && lo >= -exact && hi <= exact))) {
        const double unit = (double)ps_pow10[scale]; /* exact up to 10^22: one rounding */
        const uint32_t n = cast->rows.constant ? 1 : cast->call->out->n;
        PS_TRY(ps_rows_ints(&cast->rows, 0, &in));
        if (cast->to.id == PS_TYPE_FLOAT64 && !cast->rows.in[0].codes) {
            double *out = cast->rows.out;
            if (scale == 0)
                for (uint32_t i = 0; i < n; i++) out[i] = (double)in.at[i];
            else
                for (uint32_t i = 0; i < n; i++) out[i] = (double)in.at[i] / unit;
            return PS_OK;
        }
        for (uint32_t k = 0; k < cast->rows.n; k++) {
            const uint32_t row = ps_rows_at(&cast->rows, k);
            const int64_t value = ps_ints_at(&in, row);
            if (scale == 0 && cast->to.id == PS_TYPE_FLOAT32)
                ((float *)cast->rows.out)[row] = (float)value;
            else put_float(cast->rows.out, cast->to.id, row, (double)value / unit);
        }
        return PS_OK;
    }
    PS_TRY(ps_rows_i128s(&cast->rows, 0, &wides));
    for (uint32_t k = 0; k < cast->rows.n; k++) {
        const uint32_t row = ps_rows_at(&cast->rows, k);
        if (ps_cast_live(cast, row))
            put_float(cast->rows.out, cast->to.id, row,
                      f64_of_decimal(ps_wides_at(&wides, row), scale));
    }
    return PS_OK;
}

static double get_float(const ps_cast *cast, uint32_t row)
{
    const ps_reader_view *in = &cast->rows.in[0];
    const size_t at = ps_reader_at(in, row);

    if (cast->from.id == PS_TYPE_FLOAT64) return ((const double *)in->data)[at];
    if (cast->from.id == PS_TYPE_FLOAT32) return ((const float *)in->data)[at];
    return ps_f16_to(((const uint16_t *)in->data)[at]);
}

ps_status ps_cast_float_to_ints(ps_cast *cast)
{
    const ps_layout layout = ps_type_layout(cast->to);
    const int scale = scale_of(cast->to);
    const bool decimal = cast->to.id == PS_TYPE_DECIMAL;
    const double unit = (double)ps_pow10[scale];
    ps_i128 lo, hi;

    if (!ps_type_range(cast->to, &lo, &hi))
        return PS_BUG(cast->call->cx, "a cast to a type without a range");
    PS_TRY(ps_rows_begin(cast->call, layout, &cast->rows));
    for (uint32_t k = 0; k < cast->rows.n; k++) {
        const uint32_t row = ps_rows_at(&cast->rows, k);
        if (!ps_cast_live(cast, row)) continue;
        const double value = get_float(cast, row);
        const double whole = decimal ? round(value * unit) : nearbyint(value);
        /* 2^127 is exact; NaN fails both */
        const bool in_128 = whole > -0x1p127 && whole < 0x1p127;
        const ps_i128 slot = in_128 ? (ps_i128)whole : 0;
        if (!in_128 || slot < lo || slot > hi) PS_TRY(ps_cast_misfit(cast, row));
        else store(cast->rows.out, layout, row, slot);
    }
    return PS_OK;
}

ps_status ps_cast_floats(ps_cast *cast)
{
    PS_TRY(ps_rows_begin(cast->call, ps_type_layout(cast->to), &cast->rows));
    for (uint32_t k = 0; k < cast->rows.n; k++) {
        const uint32_t row = ps_rows_at(&cast->rows, k);
        const double value = get_float(cast, row);
        const bool lost = cast->to.id == PS_TYPE_FLOAT32 ? isinf((float)value)
                          : cast->to.id == PS_TYPE_FLOAT16
                              ? isinf((double)ps_f16_to(ps_f16_of((float)value)))
                              : false;
        put_float(cast->rows.out, cast->to.id, row, value);
        if (lost && isfinite(value) && ps_cast_live(cast, row)) PS_TRY(ps_cast_misfit(cast, row));
    }
    if (cast->call->out->encoding == PS_ENC_CONSTANT && !cast->rows.writable)
        cast->call->out->valid = cast->arg->valid;
    return PS_OK;
}

ps_status ps_cast_to_bool(ps_cast *cast)
{
    const bool is_float = ps_type_class_of(cast->from) == PS_CLASS_FLOAT;
    ps_wides in = {0};

    PS_TRY(ps_rows_begin(cast->call, PS_LAYOUT_BOOL, &cast->rows));
    if (cast->call->out->encoding == PS_ENC_CONSTANT) cast->call->out->valid = cast->arg->valid;
    if (!is_float) PS_TRY(ps_rows_i128s(&cast->rows, 0, &in));
    for (uint32_t k = 0; k < cast->rows.n; k++) {
        const uint32_t row = ps_rows_at(&cast->rows, k);
        ((uint8_t *)cast->rows.out)[row] =
            is_float ? get_float(cast, row) != 0 : ps_wides_at(&in, row) != 0;
    }
    return PS_OK;
}
