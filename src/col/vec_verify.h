/* col/vec_verify.h -- inside col: checks of the selected rows of a vector (NULL: the first n). */
#ifndef PS_COL_VEC_VERIFY_H
#define PS_COL_VEC_VERIFY_H

#include "col/vec.h"

ps_status ps_vec_verify_rows(ps_ctx *cx, const ps_vec *vec, const uint32_t *sel, uint32_t n);

#endif
