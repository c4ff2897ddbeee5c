/* exec/op_result.h -- the last sink of a query: its rows in order, for the puller. */
#ifndef PS_EXEC_OP_RESULT_H
#define PS_EXEC_OP_RESULT_H

#include "exec/collector.h"
#include "exec/phys.h"

/* Plans the whole query into a result sink that gives exactly plan->cols; wake(user) is called,
 * from any thread, when a batch came out. A Limit at the top is done by the sink. */
ps_status ps_phys_result(ps_phys *p, const ps_node *plan, const ps_col_set *needed,
                         void (*wake)(void *user), void *user, ps_stream *stream, ps_op **result);
ps_status ps_result_pop(ps_ctx *cx, ps_op *result, ps_kept **out);
bool ps_result_waiting(ps_op *result); /* a batch is there to pop */

#endif
