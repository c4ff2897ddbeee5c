/* func/parse.h -- text to values, the same for casts, literals and text files.
 *
 * All take the whole text (blanks around it are skipped) and say false when it isn't one; none
 * depends on the locale or reads past n bytes. Dates are days, times and timestamps are in units.
 */
#ifndef PS_FUNC_PARSE_H
#define PS_FUNC_PARSE_H

#include "col/value.h"

ps_str ps_parse_trim(ps_str text); /* without blanks at both ends */
/* 12, +1_000, 5.5 (rounds half away from zero), 1e3, 0x1F; false out of [lo, hi]. */
bool ps_parse_int(ps_str text, ps_i128 lo, ps_i128 hi, ps_i128 *out);
/* Exact; rounds half away from zero to scale; false above precision digits. */
bool ps_parse_decimal(ps_str text, int precision, int scale, ps_i128 *out);
bool ps_parse_f64(ps_str text, double *out); /* correctly rounded; inf, -Infinity, nan */
bool ps_parse_bool(ps_str text, bool *out);  /* true t yes y 1, false f no n 0 */
bool ps_parse_date(ps_str text, int32_t *days);
/* HH:MM[:SS[.fraction]], up to 24:00:00. */
bool ps_parse_time(ps_str text, ps_unit unit, int64_t *out);
/* With zone (Z, UTC, +HH[:MM[:SS]]): *offset seconds east; has_zone tells. */
bool ps_parse_time_zoned(ps_str text, int64_t *us, int32_t *offset);
/* YYYY-MM-DD[( |T)HH:MM[:SS[.fraction]]][zone]; the offset is applied when zoned, else ignored. */
bool ps_parse_timestamp(ps_str text, ps_unit unit, bool zoned, int64_t *out);
bool ps_parse_interval(ps_str text, ps_interval *out); /* 1 year 2 days 04:05:06.5, '3 weeks ago' */
bool ps_parse_uuid(ps_str text, ps_i128 *out);         /* top bit flipped, as vectors hold it */
/* \xAA escapes; out has room for text.n bytes. */
bool ps_parse_blob(ps_str text, char *out, size_t *n);
/* Index of the label; false: none. */
bool ps_parse_enum(ps_str text, ps_type type, ps_i128 *out);

#endif
