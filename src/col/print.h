/* col/print.h -- the text of plain values, for the printers of values, rows and formats. */
#ifndef PS_COL_PRINT_H
#define PS_COL_PRINT_H

#include "col/vec.h"

void ps_print_i64(int64_t value, ps_text *out);
void ps_print_i128(ps_i128 value, ps_text *out);
void ps_print_decimal(ps_i128 value, int precision, int scale,
                      ps_text *out); /* 1.50; .50 if p = s */
/* Shortest that reads back equal: 1.0, 1e+16, -0.0, inf, nan. */
void ps_print_f64(double value, ps_text *out);
void ps_print_f32(float value, ps_text *out);
void ps_print_f16(uint16_t bits, ps_text *out);
void ps_print_date(int64_t days, ps_text *out);                     /* 2020-01-31 */
void ps_print_time(int64_t units, ps_unit unit, ps_text *out);      /* 12:00:00.5 */
void ps_print_timetz(int64_t packed, ps_text *out);                 /* 12:00:00+05:30 */
void ps_print_timestamp(int64_t units, ps_unit unit, ps_text *out); /* 2020-01-31 12:00:00 */
void ps_print_offset(int32_t seconds, ps_text *out);                /* +00, +05:30, -08:00:01 */
void ps_print_interval(ps_interval interval, ps_text *out);         /* 1 year 2 days 03:00:00 */
void ps_print_blob(ps_str bytes, ps_text *out);                     /* ab\x00 */
void ps_print_uuid(ps_i128 slot, ps_text *out);
/* Text inside a list, struct or map: in quotes where it could be misread. */
void ps_print_quoted_if_needed(ps_str text, ps_text *out);

#endif
