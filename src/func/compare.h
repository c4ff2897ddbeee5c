/* func/compare.h -- comparisons as filters see them. */
#ifndef PS_FUNC_COMPARE_H
#define PS_FUNC_COMPARE_H

#include "func/operand.h"

/* Whether func is one of the six comparisons; exchange: its operands change places. */
bool ps_compare_of(const ps_func *func, ps_compare_op *op, bool *exchange);
/* Whether bounds alone give the same answer for all rows that aren't null. */
bool ps_compare_by_bounds(ps_compare_op op, const ps_operand *a, const ps_operand *b, bool *always);
/* The layout to compare two integer operands in, once bounds gave no answer. */
ps_layout ps_compare_layout(const ps_operand *a, const ps_operand *b);

#endif
