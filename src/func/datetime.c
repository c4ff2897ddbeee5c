/* func/datetime.c -- calendar fields, truncation and adding; no kernels here.
 *
 * Timestamps are microseconds since 1970 in the proleptic Gregorian calendar; weeks are ISO 8601's.
 * Tests: tests/unit/test_func_datetime.c */
#include "func/datetime.h"

bool ps_datefield_find(ps_str name, ps_datefield *out)
{
    static const char *const names[] = {
#define F(ID, list) list,
#include "func/datefields.def"
#undef F
    };

    for (size_t i = 0; i < PS_COUNT(names); i++) {
        for (const char *at = names[i]; *at;) {
            const size_t n = strcspn(at, ",");
            if (ps_str_equal_nocase(name, (ps_str){at, n})) {
                *out = (ps_datefield)i;
                return true;
            }
            at += n + (at[n] == ',');
        }
    }
    return false;
}

int32_t ps_iso_week(int64_t days, int64_t *year)
{
    const int64_t thursday =
        days - ps_weekday(days) + 3; /* a week belongs to the year of its Thursday */

    *year = ps_civil_of(thursday).year;
    return (int32_t)((thursday - ps_days_of_civil(*year, 1, 1)) / 7 + 1);
}

/* Years count from 1 up and from 0 down: century 1 is 1..100, 0 is -99..0. */
static int64_t year_part(int64_t year, int64_t span)
{
    return year > 0 ? (year - 1) / span + 1 : -(-year / span);
}

static int64_t time_field(ps_datefield field, int64_t us)
{
    switch (field) {
    case PS_FIELD_HOUR: return us / (3600 * PS_US_PER_SECOND);
    case PS_FIELD_MINUTE: return us / (60 * PS_US_PER_SECOND) % 60;
    case PS_FIELD_SECOND: return us / PS_US_PER_SECOND % 60;
    case PS_FIELD_MILLISECOND: return us / 1000 % 60000;
    case PS_FIELD_MICROSECOND: return us % (60 * PS_US_PER_SECOND);
    default: return 0; /* TIMEZONE: sessions are in UTC */
    }
}

bool ps_rows_us(ps_rows *rows, uint32_t arg, uint32_t row, int64_t *us)
{
    const ps_i128 exact = ps_moment_us(ps_rows_moment(rows, arg, row));

    *us = (int64_t)exact;
    if (*us == exact) return true;
    ps_rows_error(rows, row, "a date or time out of range");
    return false;
}

int64_t ps_datefield_of(ps_datefield field, ps_moment m)
{
    const int64_t days = m.days;
    int64_t year;

    switch (field) {
    case PS_FIELD_YEAR: return ps_civil_of(days).year;
    case PS_FIELD_MONTH: return ps_civil_of(days).month;
    case PS_FIELD_DAY: return ps_civil_of(days).day;
    case PS_FIELD_QUARTER: return (ps_civil_of(days).month - 1) / 3 + 1;
    case PS_FIELD_DECADE: return ps_civil_of(days).year / 10;
    case PS_FIELD_CENTURY: return year_part(ps_civil_of(days).year, 100);
    case PS_FIELD_MILLENNIUM: return year_part(ps_civil_of(days).year, 1000);
    case PS_FIELD_ERA: return ps_civil_of(days).year > 0;
    case PS_FIELD_WEEK: return ps_iso_week(days, &year);
    case PS_FIELD_ISOYEAR: return ps_iso_week(days, &year), year;
    case PS_FIELD_YEARWEEK: {
        const int64_t week = ps_iso_week(days, &year);
        return year * 100 + (year > 0 ? week : -week);
    }
    case PS_FIELD_DOW: return (ps_weekday(days) + 1) % 7;
    case PS_FIELD_ISODOW: return ps_weekday(days) + 1;
    case PS_FIELD_DOY: return days - ps_days_of_civil(ps_civil_of(days).year, 1, 1) + 1;
    default: return time_field(field, m.us);
    }
}

bool ps_timestamp_add(int64_t us, int64_t months, int64_t days, int64_t us_more, int64_t *out)
{
    int64_t day = ps_floor_div(us, PS_US_PER_DAY);
    const int64_t rest = us - day * PS_US_PER_DAY;

    if (months) {
        const ps_civil c = ps_civil_of(day);
        const int64_t month0 = c.year * 12 + c.month - 1 + months, year = ps_floor_div(month0, 12);
        const int32_t month = (int32_t)(month0 - year * 12) + 1;
        if (year < -300000 || year > 300000) return false;
        day = ps_days_of_civil(year, month, PS_MIN(c.day, ps_days_in_month(year, month)));
    }
    const ps_i128 sum = ((ps_i128)day + days) * PS_US_PER_DAY + rest + us_more;
    *out = (int64_t)sum;
    return sum >= INT64_MIN && sum <= INT64_MAX;
}

/* The first day of the unit of at least a day; false: not such a unit. */
static bool trunc_days(ps_datefield field, int64_t days, int64_t *out)
{
    const ps_civil c = ps_civil_of(days);
    int64_t year = c.year;

    switch (field) {
    case PS_FIELD_DAY:
    case PS_FIELD_DOW:
    case PS_FIELD_ISODOW:
    case PS_FIELD_DOY:
    case PS_FIELD_JULIAN: *out = days; return true;
    case PS_FIELD_WEEK:
    case PS_FIELD_YEARWEEK: *out = days - ps_weekday(days); return true;
    case PS_FIELD_MONTH: *out = ps_days_of_civil(year, c.month, 1); return true;
    case PS_FIELD_QUARTER: *out = ps_days_of_civil(year, (c.month - 1) / 3 * 3 + 1, 1); return true;
    case PS_FIELD_YEAR: break;
    case PS_FIELD_DECADE: year = ps_floor_div(year, 10) * 10; break;
    case PS_FIELD_CENTURY: year = ps_floor_div(year, 100) * 100; break;
    case PS_FIELD_MILLENNIUM: year = ps_floor_div(year, 1000) * 1000; break;
    case PS_FIELD_ISOYEAR: {
        const int64_t week = ps_iso_week(days, &year);
        *out = days - ps_weekday(days) - (week - 1) * 7;
        return true;
    }
    default: return false;
    }
    *out = ps_days_of_civil(year, 1, 1);
    return true;
}

bool ps_timestamp_trunc(ps_datefield field, int64_t us, int64_t *out)
{
    int64_t unit = 1, days;

    switch (field) {
    case PS_FIELD_HOUR: unit = 3600 * PS_US_PER_SECOND; break;
    case PS_FIELD_MINUTE: unit = 60 * PS_US_PER_SECOND; break;
    case PS_FIELD_SECOND:
    case PS_FIELD_EPOCH: unit = PS_US_PER_SECOND; break;
    case PS_FIELD_MILLISECOND: unit = 1000; break;
    case PS_FIELD_MICROSECOND: break;
    default:
        if (!trunc_days(field, ps_floor_div(us, PS_US_PER_DAY), &days)) return false;
        return !__builtin_mul_overflow(days, PS_US_PER_DAY, out);
    }
    return !__builtin_mul_overflow(ps_floor_div(us, unit), unit, out);
}

static const char *const weekday_names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                            "Friday", "Saturday", "Sunday"};
static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};

/* At least `wide` digits. */
static void put_number(ps_text *out, int wide, int64_t value)
{
    char room[24], *at = room + sizeof room;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    for (; rest || wide > 0; rest /= 10, wide--) *--at = (char)('0' + rest % 10);
    if (value < 0) *--at = '-';
    ps_text_add(out, at, (size_t)(room + sizeof room - at));
}

/* One specifier; false: unknown. */
static bool format_one(char letter, int width, ps_moment m, ps_text *out)
{
    const int64_t days = m.days, rest = m.us;
    const ps_civil c = ps_civil_of(days);
    const int hour = (int)(rest / (3600 * PS_US_PER_SECOND)), weekday = ps_weekday(days);
    const int doy = (int)(days - ps_days_of_civil(c.year, 1, 1));
    int64_t iso_year;

#define NUMBER(wide, value) put_number(out, width ? (wide) : 1, value)
    switch (letter) {
    case 'Y': NUMBER(4, c.year); break;
    case 'y': NUMBER(2, (c.year % 100 + 100) % 100); break;
    case 'm': NUMBER(2, c.month); break;
    case 'd': NUMBER(2, c.day); break;
    case 'H': NUMBER(2, hour); break;
    case 'I': NUMBER(2, (hour + 11) % 12 + 1); break;
    case 'M': NUMBER(2, time_field(PS_FIELD_MINUTE, rest)); break;
    case 'S': NUMBER(2, time_field(PS_FIELD_SECOND, rest)); break;
    case 'f': put_number(out, 6, rest % PS_US_PER_SECOND); break;
    case 'g': put_number(out, 3, rest % PS_US_PER_SECOND / 1000); break;
    case 'n': put_number(out, 9, rest % PS_US_PER_SECOND * 1000); break;
    case 'p': ps_text_puts(out, hour < 12 ? "AM" : "PM"); break;
    case 'a': ps_text_add(out, weekday_names[weekday], 3); break;
    case 'A': ps_text_puts(out, weekday_names[weekday]); break;
    case 'b': ps_text_add(out, month_names[c.month - 1], 3); break;
    case 'B': ps_text_puts(out, month_names[c.month - 1]); break;
    case 'j': NUMBER(3, doy + 1); break;
    case 'w': NUMBER(1, (weekday + 1) % 7); break;
    case 'u': NUMBER(1, weekday + 1); break;
    case 'U': NUMBER(2, (doy + 7 - (weekday + 1) % 7) / 7); break;
    case 'W': NUMBER(2, (doy + 7 - weekday) / 7); break;
    case 'V': NUMBER(2, ps_iso_week(days, &iso_year)); break;
    case 'G':
        ps_iso_week(days, &iso_year);
        NUMBER(4, iso_year);
        break;
    case 'z': ps_text_puts(out, "+00"); break;
    case 'Z': break; /* a wall clock has no zone */
    case '%': ps_text_char(out, '%'); break;
    default: return false;
    }
#undef NUMBER
    return true;
}

const char *ps_timestamp_format(ps_moment m, ps_str format, ps_text *out)
{
    for (size_t i = 0; i < format.n; i++) {
        int width = 1;
        if (format.at[i] != '%') {
            ps_text_char(out, format.at[i]);
            continue;
        }
        if (++i < format.n && format.at[i] == '-') width = 0, i++;
        if (i >= format.n) return "%";
        const char letter = format.at[i];
        const char *whole = letter == 'c'   ? "%Y-%m-%d %H:%M:%S"
                            : letter == 'x' ? "%Y-%m-%d"
                            : letter == 'X' ? "%H:%M:%S"
                                            : NULL;
        if (whole) {
            for (; *whole; whole++) {
                if (*whole == '%') format_one(*++whole, 1, m, out);
                else ps_text_char(out, *whole);
            }
        } else if (!format_one(letter, width, m, out)) {
            return format.at + i;
        }
    }
    return NULL;
}
