/* func/operand.h -- arguments of a call as raw slots that inner loops take.
 *
 * Loops run over all physical rows while a fair part of them is wanted; a sparse selection is
 * gathered first and the results are scattered. Scratch memory is in the heap of the call's buffer.
 */
#ifndef PS_FUNC_OPERAND_H
#define PS_FUNC_OPERAND_H

#include "func/func.h"
#include "func/kernels.h"

/* Classes that the evaluator itself calls. */
extern const ps_func_class ps_fn_multiply_decimal;

/* Which slots loops compute for a call. */
typedef struct ps_lanes {
    const uint32_t *sel; /* wanted rows; NULL: 0..n-1 */
    uint32_t n;          /* number of wanted rows */
    uint32_t n_loop;     /* slots that loops run over */
    bool compact;        /* slot k is row sel[k]; else slot = row */
    bool constant;       /* every argument is one slot: n_loop is 1, the result is for all rows */
} ps_lanes;
ps_lanes ps_lanes_of(const ps_call *call);
PS_INLINE uint32_t ps_lanes_row(const ps_lanes *lanes, uint32_t k)
{
    return lanes->sel ? lanes->sel[k] : k;
}
/* The slot that holds the k-th wanted row. */
PS_INLINE uint32_t ps_lanes_slot(const ps_lanes *lanes, uint32_t k)
{
    if (lanes->constant) return 0;
    return lanes->compact || !lanes->sel ? k : lanes->sel[k];
}
/* Where loops write: the call's buffer, or scratch when results must be moved by ps_lanes_finish().
 */
ps_status ps_lanes_target(ps_call *call, const ps_lanes *lanes, size_t width, void **out);
/* Brings results to their rows and sets the out vector's data, layout and FLAT encoding. */
void ps_lanes_finish(ps_call *call, const ps_lanes *lanes, ps_layout layout, const void *slots);

typedef struct ps_operand {
    const void *data; /* slots as ps_lanes says, or one slot */
    bool one;
    uint8_t layout;
    bool exact;     /* lo and hi were measured or known */
    ps_i128 lo, hi; /* integer layouts: bounds of the wanted valid rows */
} ps_operand;
/* Any layout of fixed width; integer layouts get bounds. */
ps_status ps_operand_get(ps_call *call, const ps_lanes *lanes, uint32_t arg, ps_operand *out);
/* Tightens the bounds of an integer operand by looking at its wanted valid rows. */
void ps_operand_measure(ps_call *call, const ps_lanes *lanes, uint32_t arg, ps_operand *operand);
/* The smallest of I16, I32, I64, I128 that holds every value of the operand and is not narrower
 * than its slots, unless these are I128 or U64 of small values. */
ps_layout ps_operand_signed(const ps_operand *operand);
/* The slots in another integer layout, which must hold the bounds. */
ps_status ps_operand_as(ps_call *call, const ps_lanes *lanes, const ps_operand *operand,
                        ps_layout layout, const void **out);
PS_INLINE ps_shape ps_shape_of(const ps_operand *a, const ps_operand *b)
{
    if (a->one == b->one) return PS_SHAPE_COL_COL; /* both one: a loop of one slot */
    return a->one ? PS_SHAPE_ONE_COL : PS_SHAPE_COL_ONE;
}

/* Whether row's mark is asked for with its message. */
PS_INLINE bool ps_call_reports(const ps_call *call, uint32_t row)
{
    return call->errors->report && call->errors->report_row == row;
}
PS_INLINE void ps_call_mark(ps_call *call, uint32_t row)
{
    ps_bit_set(call->errors->rows, row);
    call->errors->any = true;
}
void *ps_call_scratch(ps_call *call, size_t bytes);
/* "overflow in 1 + 2 (INTEGER)": marks the row; a or b may be NULL (unary). */
void ps_call_error_binary(ps_call *call, uint32_t row, const char *what, const ps_value *a,
                          const char *op, const ps_value *b);

#endif
