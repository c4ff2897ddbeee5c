/* func/datetime_fn.c -- dates and times: fields, truncation, differences, construction, formatting.
 *
 * Timestamps come in microseconds (the binder casts others); zones are UTC. The field of date_part
 * and its kin is read once. Tests: tests/unit/test_func_datetime.c, the examples in datetime.toml.
 */
#include "base/cpu.h"
#include "func/coerce.h"
#include "func/datetime.h"

static ps_status out_of_range(ps_rows *rows, uint32_t row)
{
    ps_rows_error(rows, row, "a date or time out of range");
    return PS_OK;
}

/* The field named by the literal (or constant) first argument of this call; each row may differ. */
static bool field_of(ps_rows *rows, uint32_t row, ps_datefield *field)
{
    const ps_str name = ps_rows_str(rows, 0, row);

    if (rows->call->state) {
        *field = *(const ps_datefield *)rows->call->state;
        if (*field != PS_FIELD_COUNT) return true;
    } else if (ps_datefield_find(name, field)) {
        return true;
    }
    ps_rows_error(rows, row, "no such part of a date or time: '%.*s'",
                  (int)PS_MIN(name.n, (size_t)40), name.at);
    return false;
}

static ps_status field_prepare(ps_ctx *cx, ps_arena *arena, const ps_expr *expr, void **state)
{
    const ps_expr *name = expr->args[0];

    *state = NULL;
    if (!ps_expr_is_literal(name) || name->literal.null) return PS_OK;
    ps_datefield *field = PS_ARENA_NEW(cx, arena, ps_datefield);
    if (!field) return PS_MEMORY;
    if (!ps_datefield_find(name->literal.str, field)) *field = PS_FIELD_COUNT;
    *state = field;
    return PS_OK;
}

PS_RESOLVER(date_part)
{
    ps_datefield field;

    (void)cx, (void)func, (void)arg_types, (void)n;
    const bool known = ps_expr_is_literal(args[0]) && !args[0]->literal.null &&
                       args[0]->type.id == PS_TYPE_STRING &&
                       ps_datefield_find(args[0]->literal.str, &field);
    *result = known && ps_datefield_is_float(field) ? PS_TYPE(FLOAT64) : PS_TYPE(INT64);
    return PS_OK;
}

static int64_t interval_field(ps_datefield field, ps_interval v, bool *ok)
{
    *ok = true;
    switch (field) {
    case PS_FIELD_YEAR: return v.months / 12;
    case PS_FIELD_MONTH: return v.months % 12;
    case PS_FIELD_QUARTER: return v.months % 12 / 3 + 1;
    case PS_FIELD_DECADE: return v.months / 120;
    case PS_FIELD_CENTURY: return v.months / 1200;
    case PS_FIELD_MILLENNIUM: return v.months / 12000;
    case PS_FIELD_DAY: return v.days;
    case PS_FIELD_HOUR: return v.ns / (3600 * INT64_C(1000000000));
    case PS_FIELD_MINUTE: return v.ns / (60 * INT64_C(1000000000)) % 60;
    case PS_FIELD_SECOND: return v.ns / INT64_C(1000000000) % 60;
    case PS_FIELD_MILLISECOND: return v.ns / 1000000 % 60000;
    case PS_FIELD_MICROSECOND: return v.ns / 1000 % (60 * PS_US_PER_SECOND);
    default: *ok = false; return 0;
    }
}

/* Years of 365.25 days, months of 30, as Postgres and DuckDB count. */
static double interval_epoch(ps_interval v)
{
    const int64_t years = v.months / 12, months = v.months % 12;
    return (double)(years * 31557600 + (months * 30 + v.days) * 86400) + (double)v.ns / 1e9;
}

/* Seconds; whole days are exact however far. */
static double moment_epoch(ps_moment m)
{
    return m.us ? (double)ps_moment_us(m) / 1e6 : (double)(m.days * 86400);
}

static void put_number(ps_rows *rows, uint32_t row, double real, int64_t whole, bool is_real)
{
    if (rows->call->out->type.id == PS_TYPE_FLOAT64)
        PS_ROWS_OUT(rows, double)[row] = is_real ? real : (double)whole;
    else PS_ROWS_OUT(rows, int64_t)[row] = is_real ? (int64_t)real : whole;
}

static ps_status date_part_row(ps_rows *rows, uint32_t row)
{
    const ps_type_id id = rows->call->args[1].type.id;
    ps_datefield field;
    bool ok;

    if (!field_of(rows, row, &field)) return PS_OK;
    if (id == PS_TYPE_INTERVAL) {
        const ps_interval v = ps_rows_interval(rows, 1, row);
        if (field == PS_FIELD_EPOCH) {
            put_number(rows, row, interval_epoch(v), 0, true);
            return PS_OK;
        }
        put_number(rows, row, 0, interval_field(field, v, &ok), false);
        if (!ok) ps_rows_error(rows, row, "an interval has no such part");
        return PS_OK;
    }
    const ps_moment m = ps_rows_moment(rows, 1, row);
    if (id == PS_TYPE_TIME && (field < PS_FIELD_HOUR || field > PS_FIELD_MICROSECOND) &&
        field != PS_FIELD_EPOCH) {
        ps_rows_error(rows, row, "a time has no such part");
        return PS_OK;
    }
    if (field == PS_FIELD_EPOCH) put_number(rows, row, moment_epoch(m), 0, true);
    else if (field == PS_FIELD_JULIAN)
        put_number(rows, row, (double)m.days + 2440588 + (double)m.us / (double)PS_US_PER_DAY, 0,
                   true);
    else put_number(rows, row, 0, ps_datefield_of(field, m), false);
    return PS_OK;
}
/* Dense: dates near enough for the kernels; false: another way. */
PS_CPU_DECLARE(ps_date_kernels, ps_date_kernels);
static bool part_dense(const ps_rows *rows, const ps_ints *in, ps_datefield field)
{
    const ps_date_kernels *kernels = PS_CPU_PICK(ps_date_kernels);
    const uint32_t n = rows->constant ? 1 : rows->call->out->n;

    if (field > PS_FIELD_DAY || !in->mask || rows->sel || !kernels->all_near(in->at, n))
        return false;
    if (field == PS_FIELD_YEAR) kernels->year(in->at, n, rows->out);
    else if (field == PS_FIELD_MONTH) kernels->month(in->at, n, rows->out);
    else kernels->day(in->at, n, rows->out);
    return true;
}

/* year(x), month(x), ...: one field of a date or timestamp, without errors. */
static ps_status part_rows(ps_call *call, uint32_t arg, ps_datefield field, int64_t lo, int64_t hi)
{
    const bool is_date = call->args[arg].type.id == PS_TYPE_DATE;
    ps_rows rows;
    ps_ints in;

    PS_TRY(ps_rows_begin(call, PS_LAYOUT_I64, &rows));
    PS_TRY(ps_rows_ints(&rows, arg, &in));
    int64_t *out = rows.out;
    if (lo < hi) ps_rows_bounds(&rows, lo, hi);
    if (is_date && part_dense(&rows, &in, field)) return PS_OK;
    for (uint32_t k = 0; k < rows.n; k++) {
        const uint32_t row = ps_rows_at(&rows, k);
        const int64_t value = ps_ints_at(&in, row);
        if (ps_rows_live(&rows, row))
            out[row] =
                ps_datefield_of(field, is_date ? (ps_moment){value, 0} : ps_moment_of(value));
    }
    return PS_OK;
}

static ps_status date_part_eval(ps_call *call)
{
    const ps_datefield *field = call->state;
    const ps_type_id id = call->args[1].type.id;
    const bool calendar =
        id == PS_TYPE_DATE || id == PS_TYPE_TIMESTAMP || id == PS_TYPE_TIMESTAMP_TZ;

    if (field && *field < PS_FIELD_EPOCH && calendar) return part_rows(call, 1, *field, 0, 0);
    const bool is_float = call->out->type.id == PS_TYPE_FLOAT64;
    return ps_rows_each(call, is_float ? PS_LAYOUT_F64 : PS_LAYOUT_I64, date_part_row);
}
PS_FN(date_part, .eval = date_part_eval, .prepare = field_prepare);

static ps_status year_eval(ps_call *call) { return part_rows(call, 0, PS_FIELD_YEAR, 0, 0); }
PS_FN(year_part, .eval = year_eval);
static ps_status month_eval(ps_call *call) { return part_rows(call, 0, PS_FIELD_MONTH, 1, 12); }
PS_FN(month_part, .eval = month_eval);
static ps_status day_eval(ps_call *call) { return part_rows(call, 0, PS_FIELD_DAY, 1, 31); }
PS_FN(day_part, .eval = day_eval);
static ps_status quarter_eval(ps_call *call) { return part_rows(call, 0, PS_FIELD_QUARTER, 1, 4); }
PS_FN(quarter_part, .eval = quarter_eval);
static ps_status week_eval(ps_call *call) { return part_rows(call, 0, PS_FIELD_WEEK, 1, 53); }
PS_FN(week_part, .eval = week_eval);
static ps_status dayofweek_eval(ps_call *call) { return part_rows(call, 0, PS_FIELD_DOW, 0, 6); }
PS_FN(dayofweek_part, .eval = dayofweek_eval);
static ps_status isodow_eval(ps_call *call) { return part_rows(call, 0, PS_FIELD_ISODOW, 1, 7); }
PS_FN(isodow_part, .eval = isodow_eval);
static ps_status dayofyear_eval(ps_call *call) { return part_rows(call, 0, PS_FIELD_DOY, 1, 366); }
PS_FN(dayofyear_part, .eval = dayofyear_eval);
static ps_status isoyear_eval(ps_call *call) { return part_rows(call, 0, PS_FIELD_ISOYEAR, 0, 0); }
PS_FN(isoyear_part, .eval = isoyear_eval);
static ps_status yearweek_eval(ps_call *call)
{
    return part_rows(call, 0, PS_FIELD_YEARWEEK, 0, 0);
}
PS_FN(yearweek_part, .eval = yearweek_eval);
static ps_status decade_eval(ps_call *call) { return part_rows(call, 0, PS_FIELD_DECADE, 0, 0); }
PS_FN(decade_part, .eval = decade_eval);
static ps_status century_eval(ps_call *call) { return part_rows(call, 0, PS_FIELD_CENTURY, 0, 0); }
PS_FN(century_part, .eval = century_eval);
static ps_status millennium_eval(ps_call *call)
{
    return part_rows(call, 0, PS_FIELD_MILLENNIUM, 0, 0);
}
PS_FN(millennium_part, .eval = millennium_eval);
static ps_status era_eval(ps_call *call) { return part_rows(call, 0, PS_FIELD_ERA, 0, 1); }
PS_FN(era_part, .eval = era_eval);
static ps_status hour_eval(ps_call *call) { return part_rows(call, 0, PS_FIELD_HOUR, 0, 24); }
PS_FN(hour_part, .eval = hour_eval);
static ps_status minute_eval(ps_call *call) { return part_rows(call, 0, PS_FIELD_MINUTE, 0, 59); }
PS_FN(minute_part, .eval = minute_eval);
static ps_status second_eval(ps_call *call) { return part_rows(call, 0, PS_FIELD_SECOND, 0, 59); }
PS_FN(second_part, .eval = second_eval);
static ps_status millisecond_eval(ps_call *call)
{
    return part_rows(call, 0, PS_FIELD_MILLISECOND, 0, 59999);
}
PS_FN(millisecond_part, .eval = millisecond_eval);
static ps_status microsecond_eval(ps_call *call)
{
    return part_rows(call, 0, PS_FIELD_MICROSECOND, 0, 59999999);
}
PS_FN(microsecond_part, .eval = microsecond_eval);

static ps_status date_trunc_row(ps_rows *rows, uint32_t row)
{
    ps_datefield field;
    int64_t us, out;

    if (!field_of(rows, row, &field)) return PS_OK;
    if (!ps_rows_us(rows, 1, row, &us)) return PS_OK;
    if (!ps_timestamp_trunc(field, us, &out)) return out_of_range(rows, row);
    PS_ROWS_OUT(rows, int64_t)[row] = out;
    return PS_OK;
}
static ps_status date_trunc_eval(ps_call *call)
{
    return ps_rows_each(call, PS_LAYOUT_I64, date_trunc_row);
}
PS_FN(date_trunc, .eval = date_trunc_eval, .prepare = field_prepare);

/* Microseconds of a unit of constant length; 0: it has none. */
static int64_t unit_us(ps_datefield field)
{
    switch (field) {
    case PS_FIELD_DAY:
    case PS_FIELD_DOW:
    case PS_FIELD_ISODOW:
    case PS_FIELD_DOY:
    case PS_FIELD_JULIAN: return PS_US_PER_DAY;
    case PS_FIELD_WEEK:
    case PS_FIELD_YEARWEEK: return 7 * PS_US_PER_DAY;
    case PS_FIELD_HOUR: return 3600 * PS_US_PER_SECOND;
    case PS_FIELD_MINUTE: return 60 * PS_US_PER_SECOND;
    case PS_FIELD_SECOND:
    case PS_FIELD_EPOCH: return PS_US_PER_SECOND;
    case PS_FIELD_MILLISECOND: return 1000;
    case PS_FIELD_MICROSECOND: return 1;
    default: return 0;
    }
}

/* Months of a unit of months; 0: it has none. */
static int64_t unit_months(ps_datefield field)
{
    switch (field) {
    case PS_FIELD_MONTH: return 1;
    case PS_FIELD_QUARTER: return 3;
    case PS_FIELD_YEAR: return 12;
    case PS_FIELD_DECADE: return 120;
    case PS_FIELD_CENTURY: return 1200;
    case PS_FIELD_MILLENNIUM: return 12000;
    default: return 0;
    }
}

static int64_t months_of(ps_moment m)
{
    const ps_civil c = ps_civil_of(m.days);
    return c.year * 12 + c.month - 1;
}

static ps_i128 floor_div(ps_i128 a, int64_t b) { return a / b - (a % b < 0); }

/* date_diff: unit boundaries passed between a and b; false: not a unit. */
static bool boundaries(ps_datefield field, ps_moment a, ps_moment b, ps_i128 *out)
{
    const int64_t us = unit_us(field), months = unit_months(field);
    int64_t year_a, year_b;

    if (us == 7 * PS_US_PER_DAY) { /* whole weeks of days, as DuckDB 2.0 counts them */
        *out = (b.days - a.days) / 7;
    } else if (us) {
        *out = floor_div(ps_moment_us(b), us) - floor_div(ps_moment_us(a), us);
    } else if (months >= 12) {
        const int64_t years = months / 12; /* decades of years cut toward 0 */
        *out = ps_floor_div(months_of(b), 12) / years - ps_floor_div(months_of(a), 12) / years;
    } else if (months) {
        *out = ps_floor_div(months_of(b), months) - ps_floor_div(months_of(a), months);
    } else if (field == PS_FIELD_ISOYEAR) {
        ps_iso_week(a.days, &year_a);
        ps_iso_week(b.days, &year_b);
        *out = year_b - year_a;
    } else {
        return false;
    }
    return true;
}

/* Whole months from a to b; backwards the same number, negative. A day beyond its month's end is
 * cut to it, so the 31st is one month before the 28th of February. */
static int64_t whole_months(ps_moment a, ps_moment b)
{
    const bool back = ps_moment_us(b) < ps_moment_us(a);
    const ps_moment early = back ? b : a, late = back ? a : b;
    int64_t months = months_of(late) - months_of(early);
    const ps_civil c = ps_civil_of(late.days);
    const int32_t day = PS_MIN(ps_civil_of(early.days).day, ps_days_in_month(c.year, c.month));

    if (months > 0 && (day > c.day || (day == c.day && early.us > late.us))) months--;
    return back ? -months : months;
}

static ps_status diff_row(ps_rows *rows, uint32_t row, bool whole)
{
    const ps_moment a = ps_rows_moment(rows, 1, row), b = ps_rows_moment(rows, 2, row);
    ps_datefield field;
    ps_i128 out = 0;
    bool ok = true;

    if (!field_of(rows, row, &field)) return PS_OK;
    if (!whole) ok = boundaries(field, a, b, &out);
    else if (unit_us(field)) out = (ps_moment_us(b) - ps_moment_us(a)) / unit_us(field);
    else if (unit_months(field)) out = whole_months(a, b) / unit_months(field);
    else ok = false;
    if (!ok) ps_rows_error(rows, row, "no difference can be counted in that part");
    else if (out != (int64_t)out) return out_of_range(rows, row);
    PS_ROWS_OUT(rows, int64_t)[row] = (int64_t)out;
    return PS_OK;
}
static ps_status date_diff_row(ps_rows *rows, uint32_t row) { return diff_row(rows, row, false); }
static ps_status date_diff_eval(ps_call *call)
{
    return ps_rows_each(call, PS_LAYOUT_I64, date_diff_row);
}
PS_FN(date_diff, .eval = date_diff_eval, .prepare = field_prepare);
static ps_status date_sub_row(ps_rows *rows, uint32_t row) { return diff_row(rows, row, true); }
static ps_status date_sub_eval(ps_call *call)
{
    return ps_rows_each(call, PS_LAYOUT_I64, date_sub_row);
}
PS_FN(date_sub, .eval = date_sub_eval, .prepare = field_prepare);

static ps_status last_day_row(ps_rows *rows, uint32_t row)
{
    const ps_civil c = ps_civil_of(ps_rows_moment(rows, 0, row).days);
    PS_ROWS_OUT(rows, int32_t)
    [row] = (int32_t)ps_days_of_civil(c.year, c.month, ps_days_in_month(c.year, c.month));
    return PS_OK;
}
PS_ROW_FN(last_day, I32);

/* One text for all rows; format NULL: argument 1. */
static ps_status format_rows(ps_call *call, const char *format)
{
    ps_rows rows;
    ps_ints in;
    ps_text text;
    ps_status st;

    PS_TRY(ps_rows_begin(call, PS_LAYOUT_VIEW, &rows));
    PS_TRY(ps_rows_ints(&rows, 0, &in));
    const bool is_date = call->args[0].type.id == PS_TYPE_DATE;
    ps_text_init(&text, call->cx);
    for (uint32_t k = 0; k < rows.n; k++) {
        const uint32_t row = ps_rows_at(&rows, k);
        if (!ps_rows_live(&rows, row)) continue;
        if ((k & 255) == 255) PS_GO(ps_poll(call->cx));
        text.n = 0;
        const ps_str by = format ? ps_str_of(format) : ps_rows_str(&rows, 1, row);
        const int64_t value = ps_ints_at(&in, row);
        const char *unknown =
            ps_timestamp_format(is_date ? (ps_moment){value, 0} : ps_moment_of(value), by, &text);
        if (unknown)
            ps_rows_error(&rows, row, "unknown specifier of a date format: %%%c", *unknown);
        PS_GO(ps_text_status(&text));
        PS_GO(ps_rows_put_copy(&rows, row, text.at ? text.at : "", text.n));
    }
    st = PS_OK;
done:
    ps_text_release(&text);
    return st;
}
static ps_status dayname_eval(ps_call *call) { return format_rows(call, "%A"); }
PS_FN(dayname, .eval = dayname_eval);
static ps_status monthname_eval(ps_call *call) { return format_rows(call, "%B"); }
PS_FN(monthname, .eval = monthname_eval);
static ps_status strftime_eval(ps_call *call) { return format_rows(call, NULL); }
PS_FN(strftime, .eval = strftime_eval);

static ps_status epoch_row(ps_rows *rows, uint32_t row)
{
    const bool interval = rows->call->args[0].type.id == PS_TYPE_INTERVAL;
    PS_ROWS_OUT(rows, double)
    [row] = interval ? interval_epoch(ps_rows_interval(rows, 0, row))
                     : moment_epoch(ps_rows_moment(rows, 0, row));
    return PS_OK;
}
PS_ROW_FN(epoch, F64);

static ps_status epoch_ms_row(ps_rows *rows, uint32_t row)
{
    const ps_i128 us = ps_moment_us(ps_rows_moment(rows, 0, row));
    PS_ROWS_OUT(rows, int64_t)[row] = (int64_t)(us / 1000); /* toward 1970; of any date it fits */
    return PS_OK;
}
PS_ROW_FN(epoch_ms, I64);
static ps_status epoch_us_row(ps_rows *rows, uint32_t row)
{
    ps_rows_us(rows, 0, row, PS_ROWS_OUT(rows, int64_t) + row);
    return PS_OK;
}
PS_ROW_FN(epoch_us, I64);
/* us to ns, and ms to us: times a thousand. */
static ps_status times_1000_row(ps_rows *rows, uint32_t row)
{
    int64_t value;
    if (!ps_rows_us(rows, 0, row, &value)) return PS_OK;
    if (__builtin_mul_overflow(value, 1000, PS_ROWS_OUT(rows, int64_t) + row))
        return out_of_range(rows, row);
    return PS_OK;
}
PS_ROW_FN(times_1000, I64);
