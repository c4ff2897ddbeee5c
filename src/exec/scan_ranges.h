/* exec/scan_ranges.h -- what conjuncts imply about single columns, for pruning. */
#ifndef PS_EXEC_SCAN_RANGES_H
#define PS_EXEC_SCAN_RANGES_H

#include "plan/node.h"

/* Ranges implied by `column OP literal` (either way round), BETWEEN's two halves and IN lists;
 * several for one column may come out. column is an index into cols. */
ps_status ps_scan_ranges(ps_ctx *cx, ps_arena *arena, const ps_expr *const *conjuncts, uint32_t n,
                         const ps_col *cols, uint32_t n_cols, const ps_scan_range **out,
                         uint32_t *n_out);

#endif
