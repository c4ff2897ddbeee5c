/* func/cast_time.c -- casts among dates, times, timestamps and durations; units.
 *
 * A coarser unit rounds half away from zero, a finer one is checked. Instants and wall clocks
 * change into each other in the session's zone, which is UTC here. Tests:
 * tests/unit/test_func_cast.c */
#include "func/cast.h"

#define US_PER_DAY INT64_C(86400000000)

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* value in units of `from` as units of `to`; false: it passes 64 bits. */
static bool in_unit(int64_t value, ps_unit from, ps_unit to, int64_t *out)
{
    const int64_t a = ps_unit_per_second(from), b = ps_unit_per_second(to);

    if (b >= a) return !__builtin_mul_overflow(value, b / a, out);
    const int64_t unit = a / b, rest = value % unit;
    *out = value / unit + (rest >= unit - rest) - (-rest >= unit + rest && rest < 0);
    return true;
}

static bool is_instant(ps_type t)
{
    return t.id == PS_TYPE_TIMESTAMP || t.id == PS_TYPE_TIMESTAMP_TZ;
}

/* One value; false: it doesn't fit. */
static bool convert(ps_type from, ps_type to, int64_t value, int64_t *out)
{
    const int64_t per_day = 86400 * ps_unit_per_second((ps_unit)from.unit);

    if (from.id == PS_TYPE_DATE)
        return !__builtin_mul_overflow(value, 86400 * ps_unit_per_second((ps_unit)to.unit), out);
    if (from.id == PS_TYPE_TIME_TZ) {
        const int64_t offset = (value & 0xFFFFFF) - (1 << 23);
        int64_t us = ((value >> 24) + offset * 1000000) % US_PER_DAY;
        if (us < 0) us += US_PER_DAY;
        return in_unit(us, PS_UNIT_US, (ps_unit)to.unit, out);
    }
    if (is_instant(from) && to.id == PS_TYPE_DATE) {
        *out = floor_div(value, per_day);
        return *out >= INT32_MIN && *out <= INT32_MAX;
    }
    if (is_instant(from) && to.id == PS_TYPE_TIME) value -= floor_div(value, per_day) * per_day;
    if (to.id == PS_TYPE_TIME_TZ) {
        if (!in_unit(value, (ps_unit)from.unit, PS_UNIT_US, out)) return false;
        *out = *out * (1 << 24) + (1 << 23);
        return true;
    }
    return in_unit(value, (ps_unit)from.unit, (ps_unit)to.unit, out);
}

static ps_status to_interval(ps_cast *cast)
{
    ps_ints in;

    PS_TRY(ps_rows_begin(cast->call, PS_LAYOUT_INTERVAL, &cast->rows));
    PS_TRY(ps_rows_ints(&cast->rows, 0, &in));
    for (uint32_t k = 0; k < cast->rows.n; k++) {
        const uint32_t row = ps_rows_at(&cast->rows, k);
        int64_t ns;
        if (!ps_cast_live(cast, row)) continue;
        if (!in_unit(ps_ints_at(&in, row), (ps_unit)cast->from.unit, PS_UNIT_NS, &ns))
            PS_TRY(ps_cast_misfit(cast, row));
        else ((ps_interval *)cast->rows.out)[row] = (ps_interval){.ns = ns};
    }
    return PS_OK;
}

ps_status ps_cast_times(ps_cast *cast)
{
    const ps_layout layout = ps_type_layout(cast->to);
    ps_ints in;

    if (cast->to.id == PS_TYPE_INTERVAL) return to_interval(cast);
    if (is_instant(cast->from) && is_instant(cast->to) && cast->from.unit == cast->to.unit &&
        cast->arg->encoding != PS_ENC_DICTIONARY) {
        ps_cast_retag(cast);
        return PS_OK;
    }
    PS_TRY(ps_rows_begin(cast->call, layout, &cast->rows));
    PS_TRY(ps_rows_ints(&cast->rows, 0, &in));
    for (uint32_t k = 0; k < cast->rows.n; k++) {
        const uint32_t row = ps_rows_at(&cast->rows, k);
        int64_t value;
        if (!ps_cast_live(cast, row)) continue;
        if (!convert(cast->from, cast->to, ps_ints_at(&in, row), &value))
            PS_TRY(ps_cast_misfit(cast, row));
        else if (layout == PS_LAYOUT_I32) ((int32_t *)cast->rows.out)[row] = (int32_t)value;
        else ((int64_t *)cast->rows.out)[row] = value;
    }
    return PS_OK;
}
