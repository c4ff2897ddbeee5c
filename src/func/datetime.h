/* func/datetime.h -- calendar fields and arithmetic on microseconds, shared by the date functions.
 */
#ifndef PS_FUNC_DATETIME_H
#define PS_FUNC_DATETIME_H

#include "func/rows.h"

#define PS_US_PER_SECOND INT64_C(1000000)
#define PS_US_PER_DAY    INT64_C(86400000000)

typedef enum ps_datefield {
#define F(ID, names) PS_FIELD_##ID,
#include "func/datefields.def"
#undef F
    PS_FIELD_COUNT
} ps_datefield;

/* Year, month and day of a date within PS_CIVIL_FAST of 1970 (32,000 years), in 32-bit steps that
 * compilers vectorise: Neri and Schneider, "Euclidean affine functions and their application to
 * calendar algorithms" (2022). */
enum { PS_CIVIL_FAST = 11000000 };
typedef struct ps_ymd {
    int32_t year;
    uint32_t month, day;
} ps_ymd;
PS_INLINE ps_ymd ps_ymd_of(int32_t days)
{
    const uint32_t n = (uint32_t)(days + 719468 + 82 * 146097); /* since 1 March of a year -32800 */
    const uint32_t n1 = 4 * n + 3, century = n1 / 146097, n2 = n1 % 146097 | 3;
    const uint64_t p2 = (uint64_t)2939745 * n2;
    const uint32_t of_year = (uint32_t)p2 / 2939745 / 4, n3 = 2141 * of_year + 197913;
    const uint32_t late = of_year >= 306; /* January and February belong to the next year */

    return (ps_ymd){.year = (int32_t)(100 * century + (uint32_t)(p2 >> 32) + late) - 82 * 400,
                    .month = (n3 >> 16) - 12 * late,
                    .day = (n3 & 0xFFFF) / 2141 + 1};
}
PS_INLINE bool ps_days_are_near(int64_t days)
{
    return days > -PS_CIVIL_FAST && days < PS_CIVIL_FAST;
}
PS_INLINE ps_civil ps_civil_of(int64_t days)
{
    if (PS_UNLIKELY(!ps_days_are_near(days))) return ps_civil_of_days(days);
    const ps_ymd d = ps_ymd_of((int32_t)days);
    return (ps_civil){d.year, (int32_t)d.month, (int32_t)d.day};
}

/* Kernels per CPU level (datetime.kern.c): a field of near days, dense. */
typedef struct ps_date_kernels {
    void (*year)(const int64_t *days, uint32_t n, int64_t *out);
    void (*month)(const int64_t *days, uint32_t n, int64_t *out);
    void (*day)(const int64_t *days, uint32_t n, int64_t *out);
    bool (*all_near)(const int64_t *days, uint32_t n);
} ps_date_kernels;

/* By name, without case; false: unknown. */
bool ps_datefield_find(ps_str name, ps_datefield *out);
PS_INLINE bool ps_datefield_is_float(ps_datefield f)
{
    return f == PS_FIELD_EPOCH || f == PS_FIELD_JULIAN;
}

PS_INLINE int64_t ps_floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }
/* ISO week of a date: 1..53, and the year it belongs to. */
int32_t ps_iso_week(int64_t days, int64_t *year);
/* 0: Monday ... 6: Sunday */
PS_INLINE int32_t ps_weekday(int64_t days) { return (int32_t)((days % 7 + 10) % 7); }
/* A day, and microseconds of it: all dates and timestamps. In microseconds alone, as timestamps
 * are, dates beyond 292,000 years from 1970 don't fit 64 bits. */
typedef struct ps_moment {
    int64_t days, us;
} ps_moment;
PS_INLINE ps_moment ps_moment_of(int64_t us)
{
    const int64_t days = ps_floor_div(us, PS_US_PER_DAY);
    return (ps_moment){days, us - days * PS_US_PER_DAY};
}
PS_INLINE ps_i128 ps_moment_us(ps_moment m) { return (ps_i128)m.days * PS_US_PER_DAY + m.us; }
/* A DATE, TIMESTAMP, TIMESTAMP_TZ or TIME argument (a time is of day 0). */
PS_INLINE ps_moment ps_rows_moment(const ps_rows *rows, uint32_t arg, uint32_t row)
{
    const int64_t value = ps_rows_i64(rows, arg, row);
    return rows->call->args[arg].type.id == PS_TYPE_DATE ? (ps_moment){value, 0}
                                                         : ps_moment_of(value);
}
/* The same as a timestamp's slot; false with the row's error: out of range. */
bool ps_rows_us(ps_rows *rows, uint32_t arg, uint32_t row, int64_t *us);
/* A field; of INTEGER fields. */
int64_t ps_datefield_of(ps_datefield field, ps_moment m);
/* Adds months (the day is cut to the month's length), days and us; false: out of range. */
bool ps_timestamp_add(int64_t us, int64_t months, int64_t days, int64_t us_more, int64_t *out);
/* The start of the field's unit that us lies in; false: no such unit or out of range. */
bool ps_timestamp_trunc(ps_datefield field, int64_t us, int64_t *out);
/* strftime's text; NULL or the specifier that is unknown (one letter). */
const char *ps_timestamp_format(ps_moment m, ps_str format, ps_text *out);

#endif
