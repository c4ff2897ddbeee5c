/* exec/op_scan.h -- what other operators ask of a scan while the physical plan is built. */
#ifndef PS_EXEC_OP_SCAN_H
#define PS_EXEC_OP_SCAN_H

#include "exec/phys.h"

/* A filter on the column of the pipeline's scan that its last operator gives as `column`, to be
 * filled before the pipeline starts; *out NULL: there is no scan, or the column is none of its. */
ps_status ps_scan_dynamic(ps_phys *p, const ps_pipeline *pipe, ps_col_id column,
                          ps_dynamic_filter **out);
/* What the source's statistics say of such a column that is of an integer layout: every value lies
 * in [lo, hi]. False without an error: nothing is known. */
ps_status ps_scan_bounds(ps_phys *p, const ps_pipeline *pipe, ps_col_id column, int64_t *lo,
                         int64_t *hi, bool *known);

#endif
