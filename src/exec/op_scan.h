/* exec/op_scan.h -- what other operators ask of a scan while the physical plan is built. */
#ifndef PS_EXEC_OP_SCAN_H
#define PS_EXEC_OP_SCAN_H

#include "exec/phys.h"

/* A filter on a column of the scan `op`, to be filled before the scan's pipeline starts; *out NULL:
 * op is no scan, or has no such column. */
ps_status ps_scan_dynamic(ps_phys *p, ps_op *op, ps_col_id column, ps_dynamic_filter **out);

#endif
