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
/* A field of an instant or wall clock of us; of INTEGER fields. */
int64_t ps_datefield_of(ps_datefield field, int64_t us);
/* Adds months (the day is cut to the month's length), days and us; false: out of range. */
bool ps_timestamp_add(int64_t us, int64_t months, int64_t days, int64_t us_more, int64_t *out);
/* The start of the field's unit that us lies in; false: no such unit or out of range. */
bool ps_timestamp_trunc(ps_datefield field, int64_t us, int64_t *out);
/* strftime's text of us; NULL or the specifier that is unknown (one letter). */
const char *ps_timestamp_format(int64_t us, ps_str format, ps_text *out);

#endif
