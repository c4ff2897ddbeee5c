/* col/vec_bounds.h -- inside col: exact least and greatest values in 128 bits. */
#ifndef PS_COL_VEC_BOUNDS_H
#define PS_COL_VEC_BOUNDS_H

#include "col/vec.h"

/* Of the selected valid rows of a FLAT vector of an integer layout or BOOL; false: there is none.
 */
bool ps_slots_measure(const ps_vec *vec, const uint32_t *sel, uint32_t n, ps_i128 *lo, ps_i128 *hi);

#endif
