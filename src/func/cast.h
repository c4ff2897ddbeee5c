/* func/cast.h -- inside the casts: one call's state and its parts by class of type. */
#ifndef PS_FUNC_CAST_H
#define PS_FUNC_CAST_H

#include "func/rows.h"

typedef struct ps_cast {
    ps_rows rows;
    ps_call *call;
    const ps_vec *arg;
    ps_type from, to;
    bool try; /* a value that doesn't fit becomes null */
} ps_cast;

/* The row's value doesn't fit: null or an error that shows it. */
ps_status ps_cast_misfit(ps_cast *cast, uint32_t row);
PS_INLINE bool ps_cast_live(const ps_cast *cast, uint32_t row)
{
    return ps_rows_arg_valid(&cast->rows, 0, row) && ps_rows_live(&cast->rows, row);
}
/* The argument under the new type: nothing is copied. */
void ps_cast_retag(ps_cast *cast);
/* Text can be read as this type. */
bool ps_cast_from_text_exists(ps_type to);

ps_status ps_cast_ints(ps_cast *cast); /* booleans, integers, decimals among themselves */
ps_status ps_cast_ints_to_float(ps_cast *cast);
ps_status ps_cast_float_to_ints(ps_cast *cast);
ps_status ps_cast_floats(ps_cast *cast);
ps_status ps_cast_to_bool(ps_cast *cast);
ps_status ps_cast_to_text(ps_cast *cast);
ps_status ps_cast_from_text(ps_cast *cast);
ps_status ps_cast_times(ps_cast *cast);

#endif
