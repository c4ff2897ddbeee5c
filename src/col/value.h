/* col/value.h -- one value of any type: literals, statistics, printing.
 *
 * Every type of an integer layout (integers, decimals, dates, times, booleans, uuid, enum)
 * keeps its slot in `i`, sign-extended. */
#ifndef PS_COL_VALUE_H
#define PS_COL_VALUE_H

#include "col/vec.h"

typedef struct ps_value ps_value;
struct ps_value {
    ps_type type;
    bool null;
    union {
        ps_i128 i;
        double f64; /* FLOAT16, FLOAT32 too, exactly widened */
        ps_str str; /* BYTES: borrowed */
        ps_interval interval;
        struct {
            const ps_value *items;
            uint32_t n_items;
            int8_t tag;
        }; /* nested; MAP: n structs; UNION: 1 */
    };
};

PS_INLINE ps_value ps_value_null(ps_type type) { return (ps_value){.type = type, .null = true}; }
PS_INLINE ps_value ps_value_int(ps_type type, ps_i128 i)
{
    return (ps_value){.type = type, .i = i};
}
PS_INLINE ps_value ps_value_f64(double f64)
{
    return (ps_value){.type = PS_TYPE(FLOAT64), .f64 = f64};
}
PS_INLINE ps_value ps_value_str(ps_str str)
{
    return (ps_value){.type = PS_TYPE(STRING), .str = str};
}
PS_INLINE ps_value ps_value_bool(bool on) { return (ps_value){.type = PS_TYPE(BOOL), .i = on}; }

bool ps_value_equal(const ps_value *a,
                    const ps_value *b); /* types too; null equals null; NaN equals NaN */
/* Total order of two values of one type: nulls last, NaN above all numbers, -0.0 = 0.0, bytes for
 * text. */
int ps_value_compare(const ps_value *a, const ps_value *b);
uint64_t ps_value_hash(const ps_value *value); /* of equal values equal */
ps_status ps_value_copy(ps_ctx *cx, ps_arena *arena, const ps_value *src, ps_value *out);

/* Text as DuckDB's shell shows it: 2020-01-31, 1.50, {'a': 1}, [1, NULL]; floats shortest that
 * reads back equal. */
void ps_value_print(const ps_value *value, ps_text *out);
/* A SQL literal that reads back equal: DATE '2020-01-31', 1.50::DECIMAL(15,2), 'it''s'. */
void ps_value_print_sql(const ps_value *value, ps_text *out);
/* The text of one row of a vector (empty for null: the caller asks validity). */
void ps_vec_print(const ps_vec *vec, uint32_t row, ps_text *out);

/* Civil dates, proleptic Gregorian; days since 1970-01-01; years -290307..294247 and more. */
typedef struct ps_civil {
    int64_t year;
    int32_t month, day;
} ps_civil; /* month 1..12, day 1..31 */
ps_civil ps_civil_of_days(int64_t days);
int64_t ps_days_of_civil(int64_t year, int32_t month, int32_t day);
int32_t ps_days_in_month(int64_t year, int32_t month);
/* Units per second: 1, 1000, ... */
int64_t ps_unit_per_second(ps_unit unit);

#endif
