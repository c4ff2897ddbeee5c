/* exec/op_write.h -- whether a write took effect. */
#ifndef PS_EXEC_OP_WRITE_H
#define PS_EXEC_OP_WRITE_H

#include "exec/op.h"

/* True if op writes and its rows are in place, *n_rows of them. While no task of the query runs. */
bool ps_write_committed(const ps_op *op, uint64_t *n_rows);

#endif
