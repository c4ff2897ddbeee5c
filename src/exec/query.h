/* exec/query.h -- one running query and the pool whose threads run all of them.
 *
 * A query is a DAG of pipelines (phys.h). Its work is cut into tasks: plan a source, run a morsel,
 * combine a lane, finish a sink. No task waits on a pool thread: what can't go on is parked in its
 * lane and the thread takes other work. The thread that pulls results runs tasks of its query while
 * it waits, so with threads = 1 there is no pool thread and a tiny query wakes none.
 *
 * Errors: the one with the lowest (pipeline, morsel) wins; later tasks stop, earlier ones finish,
 * so that the error reported does not depend on timing.
 *
 * Threads: a pool is shared; a query is pulled by one thread at a time; cancel from any. */
#ifndef PS_EXEC_QUERY_H
#define PS_EXEC_QUERY_H

#include "exec/op.h"

typedef struct ps_pool ps_pool;
ps_status ps_pool_new(ps_ctx *cx, uint32_t threads,
                      ps_pool **out); /* threads start at the first need */
ps_status ps_pool_want(ps_ctx *cx, ps_pool *pool, uint32_t threads); /* at least so many */
/* For who was refused memory and holds none: has queries give some back, and waits a little. False:
 * none runs whose end could help. */
bool ps_pool_wait_room(ps_pool *pool);
void ps_pool_free(ps_pool *pool); /* no query may be running */

typedef struct ps_query ps_query;
/* Plans and opens; nothing runs yet. The plan, its expressions and what they point to must outlive
 * the query. With a Write at the top the result is its row count. */
ps_status ps_query_new(ps_ctx *cx, ps_pool *pool, const ps_node *plan,
                       const ps_exec_settings *settings, ps_cancel *cancel, ps_mem *mem,
                       uint32_t n_ids, ps_query **out);
/* The next batch of the result in order; *done: there was none. Its vectors own their memory
 * (owner), valid after the query too. timeout_ns UINT64_MAX: as long as it takes; PS_OK with
 * neither batch nor done: time is up. */
ps_status ps_query_next(ps_ctx *cx, ps_query *query, uint64_t timeout_ns, ps_batch *out,
                        bool *done);
/* Stops what still runs; true: the rows of the Write at the top are in place, *n_rows of them. */
bool ps_query_written(ps_query *query, uint64_t *n_rows);
/* After PS_MEMORY: whether it is worth beginning anew, with settings.begins_again. It held less
 * than would be set aside then, so others that run held the rest; and nothing is in place yet.
 * Once. */
bool ps_query_may_begin_again(ps_query *query);
const ps_col *ps_query_cols(const ps_query *query, uint32_t *n);
/* Part of the work done so far, 0..1, never falling: a pipeline weighs the rows it should read. */
double ps_query_progress(ps_query *query);
/* What it did so far, as a JSON object, from any thread. profile.c. */
void ps_query_statistics(ps_query *query, ps_text *out);
/* EXPLAIN ANALYZE, once the query has ended: true rows, time, bytes and memory of the operators
 * behind a node, in a plan's form; behind the root also the query's. Nothing for a node that has no
 * operator. Time is the sum over threads. profile.c. */
void ps_query_annotate(const ps_query *query, const ps_node *node, bool root, ps_plan_form form,
                       ps_text *out);
/* Tells the recorder how the query went, once it has given its last row. profile.c. */
void ps_query_record(ps_query *query);
void ps_query_free(ps_query *query); /* stops what still runs; waits for its tasks only */

#endif
