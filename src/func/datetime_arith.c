/* func/datetime_arith.c -- + - * / on dates, times and intervals; making dates; parsing formats.
 *
 * Adding an interval adds its months (the day cut to the month's length), then its days, then its
 * time. Intervals keep months, days and nanoseconds apart. Tests: tests/unit/test_func_datetime.c
 */
#include "func/datetime.h"
#include "func/parse.h"

#include <math.h>

#define NS_PER_DAY (PS_US_PER_DAY * 1000)

static ps_status out_of_range(ps_rows *rows, uint32_t row)
{
    ps_rows_error(rows, row, "a date, time or interval out of range");
    return PS_OK;
}

static ps_status put_days(ps_rows *rows, uint32_t row, int64_t days)
{
    if (days < INT32_MIN || days > INT32_MAX) return out_of_range(rows, row);
    PS_ROWS_OUT(rows, int32_t)[row] = (int32_t)days;
    return PS_OK;
}
static ps_status add_date_days_row(ps_rows *rows, uint32_t row)
{
    return put_days(rows, row, ps_rows_i64(rows, 0, row) + ps_rows_i64(rows, 1, row));
}
PS_ROW_FN(add_date_days, I32);
static ps_status subtract_date_days_row(ps_rows *rows, uint32_t row)
{
    return put_days(rows, row, ps_rows_i64(rows, 0, row) - ps_rows_i64(rows, 1, row));
}
PS_ROW_FN(subtract_date_days, I32);

static ps_status subtract_dates_row(ps_rows *rows, uint32_t row)
{
    PS_ROWS_OUT(rows, int64_t)[row] = ps_rows_i64(rows, 0, row) - ps_rows_i64(rows, 1, row);
    return PS_OK;
}
PS_ROW_FN(subtract_dates, I64);

/* date + time */
static ps_status add_date_time_row(ps_rows *rows, uint32_t row)
{
    const bool first = rows->call->args[0].type.id == PS_TYPE_DATE;
    const int64_t days = ps_rows_i64(rows, !first, row), us = ps_rows_i64(rows, first, row);

    if (!ps_timestamp_add(us, 0, days, 0, PS_ROWS_OUT(rows, int64_t) + row))
        return out_of_range(rows, row);
    return PS_OK;
}
PS_ROW_FN(add_date_time, I64);

static ps_status put_shifted(ps_rows *rows, uint32_t row, int64_t us, ps_interval v, int sign)
{
    if (!ps_timestamp_add(us, sign * (int64_t)v.months, sign * (int64_t)v.days,
                          sign * (v.ns / 1000), PS_ROWS_OUT(rows, int64_t) + row))
        return out_of_range(rows, row);
    return PS_OK;
}
static ps_status add_interval_row(ps_rows *rows, uint32_t row)
{
    const bool first = rows->call->args[0].type.id == PS_TYPE_INTERVAL;
    return put_shifted(rows, row, ps_rows_i64(rows, first, row),
                       ps_rows_interval(rows, !first, row), 1);
}
PS_ROW_FN(add_interval, I64);
static ps_status subtract_interval_row(ps_rows *rows, uint32_t row)
{
    return put_shifted(rows, row, ps_rows_i64(rows, 0, row), ps_rows_interval(rows, 1, row), -1);
}
PS_ROW_FN(subtract_interval, I64);

/* A time goes round the clock; months and days change nothing. */
static void put_clock(ps_rows *rows, uint32_t row, int64_t us, ps_interval v, int sign)
{
    const int64_t sum = (us + sign * (v.ns / 1000 % PS_US_PER_DAY)) % PS_US_PER_DAY;
    PS_ROWS_OUT(rows, int64_t)[row] = sum < 0 ? sum + PS_US_PER_DAY : sum;
}
static ps_status add_time_interval_row(ps_rows *rows, uint32_t row)
{
    const bool first = rows->call->args[0].type.id == PS_TYPE_INTERVAL;
    put_clock(rows, row, ps_rows_i64(rows, first, row), ps_rows_interval(rows, !first, row), 1);
    return PS_OK;
}
PS_ROW_FN(add_time_interval, I64);
static ps_status subtract_time_interval_row(ps_rows *rows, uint32_t row)
{
    put_clock(rows, row, ps_rows_i64(rows, 0, row), ps_rows_interval(rows, 1, row), -1);
    return PS_OK;
}
PS_ROW_FN(subtract_time_interval, I64);

static ps_status put_interval(ps_rows *rows, uint32_t row, ps_i128 months, ps_i128 days, ps_i128 ns)
{
    if (months < INT32_MIN || months > INT32_MAX || days < INT32_MIN || days > INT32_MAX ||
        ns < INT64_MIN || ns > INT64_MAX)
        return out_of_range(rows, row);
    PS_ROWS_OUT(rows, ps_interval)
    [row] = (ps_interval){(int32_t)months, (int32_t)days, (int64_t)ns};
    return PS_OK;
}

/* a - b in days and time */
static ps_status subtract_timestamps_row(ps_rows *rows, uint32_t row)
{
    const ps_i128 span = (ps_i128)ps_rows_i64(rows, 0, row) - ps_rows_i64(rows, 1, row);
    return put_interval(rows, row, 0, span / PS_US_PER_DAY, span % PS_US_PER_DAY * 1000);
}
PS_ROW_FN(subtract_timestamps, INTERVAL);

static ps_status combine_intervals(ps_rows *rows, uint32_t row, int sign)
{
    const ps_interval a = ps_rows_interval(rows, 0, row), b = ps_rows_interval(rows, 1, row);
    return put_interval(rows, row, (ps_i128)a.months + sign * b.months,
                        (ps_i128)a.days + sign * b.days, (ps_i128)a.ns + sign * (ps_i128)b.ns);
}
static ps_status add_intervals_row(ps_rows *rows, uint32_t row)
{
    return combine_intervals(rows, row, 1);
}
PS_ROW_FN(add_intervals, INTERVAL);
static ps_status subtract_intervals_row(ps_rows *rows, uint32_t row)
{
    return combine_intervals(rows, row, -1);
}
PS_ROW_FN(subtract_intervals, INTERVAL);

static ps_status negate_interval_row(ps_rows *rows, uint32_t row)
{
    const ps_interval v = ps_rows_interval(rows, 0, row);
    return put_interval(rows, row, -(ps_i128)v.months, -(ps_i128)v.days, -(ps_i128)v.ns);
}
PS_ROW_FN(negate_interval, INTERVAL);

static ps_status multiply_interval_int_row(ps_rows *rows, uint32_t row)
{
    const bool first = rows->call->args[0].type.id == PS_TYPE_INTERVAL;
    const ps_interval v = ps_rows_interval(rows, !first, row);
    const ps_i128 factor = ps_rows_i64(rows, first, row);
    return put_interval(rows, row, factor * v.months, factor * v.days, factor * v.ns);
}
PS_ROW_FN(multiply_interval_int, INTERVAL);

/* Fractions of a month become days of 30 to the month, fractions of a day time. */
static ps_status scale_interval(ps_rows *rows, uint32_t row, ps_interval v, double factor)
{
    const double months = (double)v.months * factor, whole_months = trunc(months);
    const double days = (double)v.days * factor + (months - whole_months) * 30,
                 whole_days = trunc(days);
    const double ns =
        rint(((double)v.ns * factor + (days - whole_days) * (double)NS_PER_DAY) / 1000) * 1000;

    if (!(fabs(whole_months) < 2147483648.0 && fabs(whole_days) < 2147483648.0 &&
          fabs(ns) < 0x1p63))
        return out_of_range(rows, row);
    return put_interval(rows, row, (ps_i128)whole_months, (ps_i128)whole_days, (ps_i128)ns);
}
static ps_status multiply_interval_float_row(ps_rows *rows, uint32_t row)
{
    const bool first = rows->call->args[0].type.id == PS_TYPE_INTERVAL;
    return scale_interval(rows, row, ps_rows_interval(rows, !first, row),
                          ps_rows_f64(rows, first, row));
}
PS_ROW_FN(multiply_interval_float, INTERVAL);
static ps_status divide_interval_row(ps_rows *rows, uint32_t row)
{
    const double by = ps_rows_f64(rows, 1, row);
    if (by == 0) {
        ps_rows_error(rows, row, "division of an interval by zero");
        return PS_OK;
    }
    return scale_interval(rows, row, ps_rows_interval(rows, 0, row), 1 / by);
}
PS_ROW_FN(divide_interval, INTERVAL);

static ps_status to_months_row(ps_rows *rows, uint32_t row)
{
    return put_interval(rows, row, ps_rows_i64(rows, 0, row), 0, 0);
}
PS_ROW_FN(to_months, INTERVAL);
static ps_status to_years_row(ps_rows *rows, uint32_t row)
{
    return put_interval(rows, row, (ps_i128)ps_rows_i64(rows, 0, row) * 12, 0, 0);
}
PS_ROW_FN(to_years, INTERVAL);
static ps_status to_weeks_row(ps_rows *rows, uint32_t row)
{
    return put_interval(rows, row, 0, (ps_i128)ps_rows_i64(rows, 0, row) * 7, 0);
}
PS_ROW_FN(to_weeks, INTERVAL);
static ps_status to_days_row(ps_rows *rows, uint32_t row)
{
    return put_interval(rows, row, 0, ps_rows_i64(rows, 0, row), 0);
}
PS_ROW_FN(to_days, INTERVAL);
static ps_status to_hours_row(ps_rows *rows, uint32_t row)
{
    return put_interval(rows, row, 0, 0, (ps_i128)ps_rows_i64(rows, 0, row) * 3600 * 1000000000);
}
PS_ROW_FN(to_hours, INTERVAL);
static ps_status to_minutes_row(ps_rows *rows, uint32_t row)
{
    return put_interval(rows, row, 0, 0, (ps_i128)ps_rows_i64(rows, 0, row) * 60 * 1000000000);
}
PS_ROW_FN(to_minutes, INTERVAL);
static ps_status to_seconds_row(ps_rows *rows, uint32_t row)
{
    return scale_interval(rows, row, (ps_interval){.ns = 1000000000}, ps_rows_f64(rows, 0, row));
}
PS_ROW_FN(to_seconds, INTERVAL);

static ps_status to_milliseconds_row(ps_rows *rows, uint32_t row)
{
    return scale_interval(rows, row, (ps_interval){.ns = 1000000}, ps_rows_f64(rows, 0, row));
}
PS_ROW_FN(to_milliseconds, INTERVAL);
static ps_status to_microseconds_row(ps_rows *rows, uint32_t row)
{
    return put_interval(rows, row, 0, 0, (ps_i128)ps_rows_i64(rows, 0, row) * 1000);
}
PS_ROW_FN(to_microseconds, INTERVAL);
static ps_status to_quarters_row(ps_rows *rows, uint32_t row)
{
    return put_interval(rows, row, (ps_i128)ps_rows_i64(rows, 0, row) * 3, 0, 0);
}
PS_ROW_FN(to_quarters, INTERVAL);
static ps_status to_decades_row(ps_rows *rows, uint32_t row)
{
    return put_interval(rows, row, (ps_i128)ps_rows_i64(rows, 0, row) * 120, 0, 0);
}
PS_ROW_FN(to_decades, INTERVAL);
static ps_status to_centuries_row(ps_rows *rows, uint32_t row)
{
    return put_interval(rows, row, (ps_i128)ps_rows_i64(rows, 0, row) * 1200, 0, 0);
}
PS_ROW_FN(to_centuries, INTERVAL);

/* Days of year, month, day; false: no such date. */
static bool days_of(int64_t year, int64_t month, int64_t day, int64_t *out)
{
    if (year < -5877641 || year > 5881580 || month < 1 || month > 12 || day < 1) return false;
    if (day > ps_days_in_month(year, (int32_t)month)) return false;
    *out = ps_days_of_civil(year, (int32_t)month, (int32_t)day);
    return true;
}

static ps_status no_such_date(ps_rows *rows, uint32_t row)
{
    ps_rows_error(rows, row, "no such date: %lld-%lld-%lld", (long long)ps_rows_i64(rows, 0, row),
                  (long long)ps_rows_i64(rows, 1, row), (long long)ps_rows_i64(rows, 2, row));
    return PS_OK;
}

static ps_status make_date_row(ps_rows *rows, uint32_t row)
{
    int64_t days;
    if (!days_of(ps_rows_i64(rows, 0, row), ps_rows_i64(rows, 1, row), ps_rows_i64(rows, 2, row),
                 &days))
        return no_such_date(rows, row);
    return put_days(rows, row, days);
}
PS_ROW_FN(make_date, I32);

static bool clock_of(int64_t hour, int64_t minute, double second, int64_t *us)
{
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || !(second >= 0 && second < 60))
        return false;
    *us = (hour * 60 + minute) * 60 * PS_US_PER_SECOND + (int64_t)round(second * 1e6);
    return true;
}

static ps_status make_time_row(ps_rows *rows, uint32_t row)
{
    if (!clock_of(ps_rows_i64(rows, 0, row), ps_rows_i64(rows, 1, row), ps_rows_f64(rows, 2, row),
                  PS_ROWS_OUT(rows, int64_t) + row))
        ps_rows_error(rows, row, "no such time: %lld:%lld:%g", (long long)ps_rows_i64(rows, 0, row),
                      (long long)ps_rows_i64(rows, 1, row), ps_rows_f64(rows, 2, row));
    return PS_OK;
}
PS_ROW_FN(make_time, I64);

static ps_status make_timestamp_row(ps_rows *rows, uint32_t row)
{
    int64_t days, us;
    if (!days_of(ps_rows_i64(rows, 0, row), ps_rows_i64(rows, 1, row), ps_rows_i64(rows, 2, row),
                 &days))
        return no_such_date(rows, row);
    if (!clock_of(ps_rows_i64(rows, 3, row), ps_rows_i64(rows, 4, row), ps_rows_f64(rows, 5, row),
                  &us) ||
        !ps_timestamp_add(us, 0, days, 0, PS_ROWS_OUT(rows, int64_t) + row))
        return out_of_range(rows, row);
    return PS_OK;
}
PS_ROW_FN(make_timestamp, I64);

static ps_status to_timestamp_row(ps_rows *rows, uint32_t row)
{
    const double us = rint(ps_rows_f64(rows, 0, row) * 1e6);
    if (!(fabs(us) < 0x1p63)) return out_of_range(rows, row);
    PS_ROWS_OUT(rows, int64_t)[row] = (int64_t)us;
    return PS_OK;
}
PS_ROW_FN(to_timestamp, I64);

/* a - b in years, months, days and time, as Postgres' age(): all of one sign. */
static ps_status age_row(ps_rows *rows, uint32_t row)
{
    int64_t late = ps_rows_i64(rows, 0, row), early = ps_rows_i64(rows, 1, row);
    const int sign = late < early ? -1 : 1;

    if (sign < 0) {
        const int64_t swap = late;
        late = early, early = swap;
    }
    const int64_t day_l = ps_floor_div(late, PS_US_PER_DAY),
                  day_e = ps_floor_div(early, PS_US_PER_DAY);
    const ps_civil a = ps_civil_of(day_l), b = ps_civil_of(day_e);
    int64_t months = (a.year - b.year) * 12 + a.month - b.month, days = a.day - b.day;
    int64_t us = (late - day_l * PS_US_PER_DAY) - (early - day_e * PS_US_PER_DAY);
    if (us < 0) us += PS_US_PER_DAY, days--;
    if (days < 0)
        days += ps_days_in_month(b.year, b.month), months--; /* borrows the earlier month */
    return put_interval(rows, row, sign * months, sign * days, (ps_i128)sign * us * 1000);
}
PS_ROW_FN(age, INTERVAL);

/* strptime: fields read so far. */
typedef struct reading {
    int64_t year, month, day, hour, minute, second, us;
    int pm;
    int64_t offset;
} reading;

static bool read_number(ps_str *s, size_t digits_max, int64_t *out)
{
    size_t n = 0;
    for (*out = 0; n < digits_max && n < s->n && s->at[n] >= '0' && s->at[n] <= '9'; n++)
        *out = *out * 10 + (s->at[n] - '0');
    s->at += n, s->n -= n;
    return n > 0;
}

/* One of `names` (of their first 3 letters when short), from 1; false: none. */
static bool read_name(ps_str *s, const char *const *names, size_t n, bool brief, int64_t *out)
{
    for (size_t i = 0; i < n; i++) {
        const size_t length = brief ? 3 : strlen(names[i]);
        if (s->n < length ||
            !ps_str_equal_nocase((ps_str){s->at, length}, (ps_str){names[i], length}))
            continue;
        s->at += length, s->n -= length;
        *out = (int64_t)i + 1;
        return true;
    }
    return false;
}

static bool read_offset(ps_str *s, int64_t *out)
{
    int64_t hours, minutes = 0;

    if (s->n && s->at[0] == 'Z') {
        s->at++, s->n--, *out = 0;
        return true;
    }
    if (!s->n || (s->at[0] != '+' && s->at[0] != '-')) return false;
    const bool negative = s->at[0] == '-';
    s->at++, s->n--;
    if (!read_number(s, 2, &hours)) return false;
    if (s->n && s->at[0] == ':') s->at++, s->n--;
    if (s->n && s->at[0] >= '0' && s->at[0] <= '9' && !read_number(s, 2, &minutes)) return false;
    *out = (hours * 60 + minutes) * 60 * (negative ? -1 : 1);
    return true;
}

static bool read_fraction(ps_str *s, int64_t *us)
{
    int64_t unit = PS_US_PER_SECOND / 10;
    size_t n = 0;

    for (*us = 0; n < s->n && s->at[n] >= '0' && s->at[n] <= '9'; n++, unit /= 10)
        *us += (s->at[n] - '0') * unit;
    s->at += n, s->n -= n;
    return n > 0;
}

static bool read_one(char letter, ps_str *s, reading *r)
{
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};
    static const char *const halves[] = {"AM", "PM"};
    int64_t value;
    bool negative;

    switch (letter) {
    case 'Y':
        negative = s->n && s->at[0] == '-';
        if (negative) s->at++, s->n--;
        if (!read_number(s, 6, &r->year)) return false;
        if (negative) r->year = -r->year;
        return true;
    case 'y':
        if (!read_number(s, 2, &r->year)) return false;
        r->year += r->year < 69 ? 2000 : 1900;
        return true;
    case 'm': return read_number(s, 2, &r->month);
    case 'd': return read_number(s, 2, &r->day);
    case 'H':
    case 'I': return read_number(s, 2, &r->hour);
    case 'M': return read_number(s, 2, &r->minute);
    case 'S': return read_number(s, 2, &r->second);
    case 'f': return read_fraction(s, &r->us);
    case 'p':
        if (!read_name(s, halves, 2, false, &value)) return false;
        r->pm = (int)value;
        return true;
    case 'b': return read_name(s, months, 12, true, &r->month);
    case 'B': return read_name(s, months, 12, false, &r->month);
    case 'a': return read_name(s, days, 7, true, &value);
    case 'A': return read_name(s, days, 7, false, &value);
    case 'z': return read_offset(s, &r->offset);
    default: return false;
    }
}

/* Reads s by format into us; false: it doesn't fit. */
static bool read_timestamp(ps_str s, ps_str format, int64_t *us)
{
    reading r = {.year = 1900, .month = 1, .day = 1};
    int64_t days, clock;

    s = ps_parse_trim(s);
    for (size_t i = 0; i < format.n; i++) {
        char letter = format.at[i];
        if (letter == ' ') {
            while (s.n && s.at[0] == ' ') s.at++, s.n--;
            continue;
        }
        if (letter == '%' && i + 1 < format.n) {
            letter = format.at[++i];
            if (letter == '-' && i + 1 < format.n) letter = format.at[++i];
            if (letter != '%') {
                if (!read_one(letter, &s, &r)) return false;
                continue;
            }
        }
        if (!s.n || s.at[0] != letter) return false;
        s.at++, s.n--;
    }
    if (r.pm && (r.hour < 1 || r.hour > 12)) return false;
    if (r.pm) r.hour = r.hour % 12 + (r.pm == 2 ? 12 : 0);
    if (s.n || !days_of(r.year, r.month, r.day, &days) ||
        !clock_of(r.hour, r.minute, (double)r.second, &clock))
        return false;
    return ps_timestamp_add(clock + r.us, 0, days, -r.offset * PS_US_PER_SECOND, us);
}

static ps_status strptime_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row), format = ps_rows_str(rows, 1, row);

    if (!read_timestamp(s, format, PS_ROWS_OUT(rows, int64_t) + row))
        ps_rows_error(rows, row, "'%.*s' doesn't fit the format '%.*s'",
                      (int)PS_MIN(s.n, (size_t)100), s.at, (int)PS_MIN(format.n, (size_t)100),
                      format.at);
    return PS_OK;
}
PS_ROW_FN(strptime, I64);
static ps_status try_strptime_row(ps_rows *rows, uint32_t row)
{
    if (read_timestamp(ps_rows_str(rows, 0, row), ps_rows_str(rows, 1, row),
                       PS_ROWS_OUT(rows, int64_t) + row))
        return PS_OK;
    return ps_rows_set_null(rows, row);
}
PS_ROW_FN(try_strptime, I64);
