/* func/datetime_bucket.c -- time_bucket, truncated intervals, Julian days, small things of dates.
 *
 * Buckets of months count from 2000-01-01, others from Monday 2000-01-03, so that weeks begin on
 * Mondays. Tests: tests/slt/func/time_bucket.test, the examples in datetime.toml. */
#include "func/datetime.h"

enum { ORIGIN_DAYS_MONTHS = 10957, ORIGIN_DAYS = 10959 };

static int64_t months_of(int64_t us)
{
    const ps_civil c = ps_civil_of(ps_floor_div(us, PS_US_PER_DAY));
    return c.year * 12 + c.month - 1;
}

static ps_status failed(ps_rows *rows, uint32_t row, const char *what)
{
    ps_rows_error(rows, row, "%s", what);
    return PS_OK;
}

/* The start of the bucket of us; origin begins one. */
static bool bucket_of(ps_interval width, int64_t us, int64_t origin, int64_t *out)
{
    if (width.months) {
        const int64_t first = months_of(origin), months = months_of(us) - first;
        const int64_t to = first + ps_floor_div(months, width.months) * width.months;

        *out = ps_days_of_civil(ps_floor_div(to, 12), (int32_t)(to - ps_floor_div(to, 12) * 12) + 1,
                                1) *
               PS_US_PER_DAY;
        return true;
    }
    const int64_t step = width.days * PS_US_PER_DAY + width.ns / 1000;
    int64_t distance;
    if (__builtin_sub_overflow(us, origin, &distance)) return false;
    return !__builtin_mul_overflow(ps_floor_div(distance, step), step, &distance) &&
           !__builtin_add_overflow(origin, distance, out);
}

static const char *width_error(ps_interval w)
{
    if (w.months && (w.days || w.ns)) return "a bucket is of months or of days and time, not both";
    if (w.months < 0 || w.days < 0 || w.ns < 0 || (!w.months && !w.days && w.ns < 1000))
        return "the width of a bucket must be above 0";
    return w.days > 100000000 ? "the width of a bucket is too large" : NULL;
}

static ps_status time_bucket_row(ps_rows *rows, uint32_t row)
{
    const ps_interval width = ps_rows_interval(rows, 0, row);
    const char *wrong = width_error(width);
    int64_t us, out = 0, origin = (width.months ? ORIGIN_DAYS_MONTHS : ORIGIN_DAYS) * PS_US_PER_DAY;
    ps_interval shift = {0};
    bool ok = true;

    if (wrong) return failed(rows, row, wrong);
    if (!ps_rows_us(rows, 1, row, &us)) return PS_OK;
    if (rows->call->n_args > 2 && rows->call->args[2].type.id == PS_TYPE_INTERVAL)
        shift = ps_rows_interval(rows, 2, row);
    else if (rows->call->n_args > 2 && !ps_rows_us(rows, 2, row, &origin)) return PS_OK;
    ok =
        ps_timestamp_add(us, -(int64_t)shift.months, -(int64_t)shift.days, -(shift.ns / 1000), &us);
    ok = ok && bucket_of(width, us, origin, &out);
    ok = ok && ps_timestamp_add(out, shift.months, shift.days, shift.ns / 1000, &out);
    if (!ok) return failed(rows, row, "the bucket is out of the range of times");
    if (rows->call->out->type.id == PS_TYPE_DATE)
        PS_ROWS_OUT(rows, int32_t)[row] = (int32_t)ps_floor_div(out, PS_US_PER_DAY);
    else PS_ROWS_OUT(rows, int64_t)[row] = out;
    return PS_OK;
}
static ps_status time_bucket_eval(ps_call *call)
{
    return ps_rows_each(call, ps_type_layout(call->out->type), time_bucket_row);
}
PS_FN(time_bucket, .eval = time_bucket_eval);

/* ---- date_trunc of an interval: each part on its own, as it is written ---- */

static ps_status interval_trunc_row(ps_rows *rows, uint32_t row)
{
    static const struct {
        ps_datefield field;
        int32_t months, days;
        int64_t ns;
    } units[] = {{PS_FIELD_MILLENNIUM, 12000, 0, 0},
                 {PS_FIELD_CENTURY, 1200, 0, 0},
                 {PS_FIELD_DECADE, 120, 0, 0},
                 {PS_FIELD_YEAR, 12, 0, 0},
                 {PS_FIELD_QUARTER, 3, 0, 0},
                 {PS_FIELD_MONTH, 1, 0, 0},
                 {PS_FIELD_WEEK, 0, 7, 0},
                 {PS_FIELD_DAY, 0, 1, 0},
                 {PS_FIELD_HOUR, 0, 0, 3600000000000},
                 {PS_FIELD_MINUTE, 0, 0, 60000000000},
                 {PS_FIELD_SECOND, 0, 0, 1000000000},
                 {PS_FIELD_MILLISECOND, 0, 0, 1000000},
                 {PS_FIELD_MICROSECOND, 0, 0, 1000}};
    ps_interval v = ps_rows_interval(rows, 1, row);
    ps_datefield field;
    size_t i = 0;

    if (!ps_datefield_find(ps_rows_str(rows, 0, row), &field))
        return failed(rows, row, "there is no such part of an interval");
    while (i < PS_COUNT(units) && units[i].field != field) i++;
    if (i == PS_COUNT(units)) return failed(rows, row, "an interval can't be cut to that part");
    if (units[i].months) v.months -= v.months % units[i].months, v.days = 0, v.ns = 0;
    if (units[i].days) v.days -= v.days % units[i].days, v.ns = 0;
    if (units[i].ns) v.ns -= v.ns % units[i].ns;
    PS_ROWS_OUT(rows, ps_interval)[row] = v;
    return PS_OK;
}
PS_ROW_FN(interval_trunc, INTERVAL);

/* ---- small things ---- */

static ps_status julian_row(ps_rows *rows, uint32_t row)
{
    const ps_i128 us = ps_moment_us(ps_rows_moment(rows, 0, row));
    PS_ROWS_OUT(rows, double)[row] = 2440588 + (double)us / (double)PS_US_PER_DAY;
    return PS_OK;
}
PS_ROW_FN(julian, F64);

static ps_status days_in_month_row(ps_rows *rows, uint32_t row)
{
    const ps_civil c = ps_civil_of(ps_rows_moment(rows, 0, row).days);
    PS_ROWS_OUT(rows, int64_t)[row] = ps_days_in_month(c.year, c.month);
    return PS_OK;
}
PS_ROW_FN(days_in_month, I64);

static ps_status nanosecond_row(ps_rows *rows, uint32_t row)
{
    const int64_t us = ps_rows_moment(rows, 0, row).us, minute = 60 * PS_US_PER_SECOND;
    PS_ROWS_OUT(rows, int64_t)[row] = (us - ps_floor_div(us, minute) * minute) * 1000;
    return PS_OK;
}
PS_ROW_FN(nanosecond, I64);
