/* exec/query.c -- a query from plan to last batch; see query.h for the contract and sched.c for its
 * tasks. */
#include "exec/query_impl.h"

#include "base/diag.h"
#include "exec/op_result.h"
#include "exec/op_write.h"

#include <string.h>

enum { BEGIN_PAUSE_NS = 4000000 };

static void query_wake(void *user)
{
    ps_query *query = user;

    ps_mutex_lock(&query->mutex);
    ps_cond_broadcast(&query->changed);
    ps_mutex_unlock(&query->mutex);
}

static ps_status query_plan(ps_query *query, const ps_node *plan, uint32_t n_ids)
{
    ps_ctx *cx = &query->cx;
    ps_phys *p = &query->phys;
    ps_col_set needed = {.n_words = (n_ids + 63) / 64};
    ps_stream stream = {0};

    *p = (ps_phys){.cx = cx,
                   .arena = &query->arena,
                   .settings = &query->settings,
                   .mem = query->mem,
                   .rows_scanned = &query->rows_scanned,
                   .n_ids = n_ids};
    needed.bits = PS_ARENA_ARRAY(cx, &query->arena, uint64_t, needed.n_words + 1);
    if (!needed.bits) return PS_MEMORY;
    for (uint32_t i = 0; i < plan->n_cols; i++) ps_col_set_add(&needed, plan->cols[i].id);
    query->cols = plan->cols;
    query->n_cols = plan->n_cols;
    return ps_phys_result(p, plan, &needed, query_wake, query, &stream, &query->result);
}

static ps_status query_open_ops(ps_query *query)
{
    for (size_t i = 0; i < query->phys.ops.n; i++) {
        ps_op *op = query->phys.ops.at[i];

        query->cx.mem = op->mem;
        if (op->class->open) PS_TRY(op->class->open(&query->cx, op));
    }
    query->cx.mem = query->mem;
    return PS_OK;
}

/* Once, before tasks may be taken. A failure is the query's. */
static void query_begin_ops(ps_query *query)
{
    ps_status st = PS_OK;

    for (size_t i = 0; st == PS_OK && i < query->phys.ops.n; i++) {
        ps_op *op = query->phys.ops.at[i];

        query->cx.mem = op->mem;
        if (op->class->begin) st = op->class->begin(&query->cx, op);
    }
    query->cx.mem = query->mem;
    if (st != PS_OK) ps_query_fail(query, &query->cx.error);
    /* release: who sees it sees what was begun */
    atomic_store_explicit(&query->begun, true, memory_order_release);
}

static ps_status query_make_runs(ps_query *query)
{
    ps_ctx *cx = &query->cx;
    const uint32_t n = (uint32_t)query->phys.pipelines.n;

    query->pipes = PS_ARENA_ARRAY(cx, &query->arena, ps_run_pipe, n);
    query->sinks = PS_ARENA_ARRAY(cx, &query->arena, ps_run_sink, n);
    if (!query->pipes || !query->sinks) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        const ps_pipeline *plan = query->phys.pipelines.at[i];
        ps_run_sink *sink = NULL;

        for (uint32_t s = 0; s < query->n_sinks; s++) {
            if (query->sinks[s].op == plan->sink) sink = &query->sinks[s];
        }
        if (!sink) {
            sink = &query->sinks[query->n_sinks++];
            sink->op = plan->sink;
        }
        sink->n_feeders++;
        sink->last_pipe = i;
        query->pipes[i] = (ps_run_pipe){.query = query, .plan = plan, .sink = sink};
        query->pipes[i].lanes =
            PS_ARENA_ARRAY(cx, &query->arena, ps_lane *, query->settings.threads);
        if (!query->pipes[i].lanes) return PS_MEMORY;
    }
    query->n_pipes = n;
    return PS_OK;
}

ps_status ps_query_new(ps_ctx *cx, ps_pool *pool, const ps_node *plan,
                       const ps_exec_settings *settings, ps_cancel *cancel, ps_mem *mem,
                       uint32_t n_ids, ps_query **out)
{
    ps_status st;
    ps_query *query = ps_alloc_zero(cx, sizeof(*query));

    *out = NULL;
    if (!query) return PS_MEMORY;
    query->pool = pool;
    query->start_ns = ps_clock_ns();
    query->start_cycles = ps_cycles();
    query->settings = *settings;
    query->settings.threads = PS_MAX(settings->threads, 1);
    query->mem = mem;
    /* relaxed: set before anything of the query can write */
    atomic_store_explicit(&mem->disk_limit, (int64_t)PS_MIN(settings->temp_bytes_max, INT64_MAX),
                          memory_order_relaxed);
    ps_ctx_init(&query->cx, mem, cancel);
    query->cx.diag = cx->diag;
    query->cx.batch_rows = settings->batch_rows;
    ps_mutex_init(&query->mutex);
    ps_cond_init(&query->changed);
    PS_GO(query_plan(query, plan, n_ids));
    PS_GO(query_make_runs(query));
    PS_GO(ps_query_settle_floor(&query->cx, query));
    PS_GO(query_open_ops(query));
    ps_diag_add(cx, PS_PHASE_PLAN, PS_SEVERITY_INFO, PS_DIAG_NOTE,
                "%zu pipelines of %zu operators on %u threads", query->phys.pipelines.n,
                query->phys.ops.n, query->settings.threads);
    ps_pool_add(pool, query);
    *out = query;
    return PS_OK;
done:
    cx->error = query->cx.error;
    ps_query_free(query);
    return st;
}

const ps_col *ps_query_cols(const ps_query *query, uint32_t *n)
{
    *n = query->n_cols;
    return query->cols;
}

/* Hands a kept batch over: out's vectors are copied from it, each with its owner's reference. */
static void query_give(ps_kept *kept, ps_batch *out)
{
    ps_vec *cols = out->cols;
    const uint32_t cols_max = out->cols_max;

    *out = kept->batch;
    out->cols = cols;
    out->cols_max = cols_max;
    memcpy(cols, kept->cols, kept->batch.n_cols * sizeof(*cols));
    kept->batch.n_cols = 0; /* the references moved */
    ps_kept_free(kept);
}

static ps_status query_error(ps_ctx *cx, ps_query *query)
{
    cx->error = query->error;
    if (cx->error.code == PS_OK) return PS_BUG(cx, "a query failed without an error");
    return cx->error.code;
}

/* With the mutex held: waits for a change, at most until the deadline (0: none). False: time is up.
 */
static bool query_wait(ps_query *query, uint64_t deadline_ns)
{
    /* A query's own time limit and cancel flag are seen by its running tasks; the pause bounds how
     * long the puller sleeps when there are none. */
    uint64_t pause_ns = 50000000;

    if (deadline_ns) {
        const uint64_t now = ps_clock_ns();

        if (now >= deadline_ns) return false;
        pause_ns = PS_MIN(pause_ns, deadline_ns - now);
    }
    ps_cond_wait_ns(&query->changed, &query->mutex, pause_ns);
    return true;
}

/* Nobody tells when others end. */
static void query_pause(ps_query *query, uint64_t deadline_ns)
{
    const uint64_t soon = ps_clock_ns() + BEGIN_PAUSE_NS;

    ps_mutex_lock(&query->mutex);
    query_wait(query, deadline_ns ? PS_MIN(deadline_ns, soon) : soon);
    ps_mutex_unlock(&query->mutex);
}

/* Whether the query may begin; if not, waits a little, helping others meanwhile. */
static bool query_begin(ps_query *query, uint64_t deadline_ns)
{
    if (ps_query_admit(query)) return true;
    const uint64_t start = ps_clock_ns();
    const bool helped = ps_pool_help(query->pool, query);
    if (!helped) query_pause(query, deadline_ns);
    query->begin_wait_ns += ps_clock_ns() - start;
    return false;
}

/* Counts what is given on; above the limit the batch goes and the query has failed. */
static ps_status query_give_counted(ps_ctx *cx, ps_query *query, ps_kept *kept, ps_batch *out)
{
    const uint64_t max = query->settings.result_bytes_max;

    if (max) query->bytes_given += ps_batch_bytes(&kept->batch);
    if (max == 0 || query->bytes_given <= max) {
        query_give(kept, out);
        return PS_OK;
    }
    ps_kept_free(kept);
    ps_fail(cx, PS_LIMIT,
            "the rows of the statement take more than it may give: max_result_bytes is %llu",
            (unsigned long long)max);
    ps_hint(cx, "SET max_result_bytes allows more, 0 any number; COPY writes rows to a file");
    ps_query_fail(query, &cx->error);
    return PS_LIMIT;
}

static ps_status query_next(ps_ctx *cx, ps_query *query, uint64_t timeout_ns, ps_batch *out,
                            bool *done)
{
    const uint64_t deadline_ns = timeout_ns == UINT64_MAX ? 0 : ps_clock_ns() + timeout_ns;
    ps_task task;

    *done = false;
    out->n = out->n_live = 0;
    for (;;) {
        ps_kept *kept = NULL;

        PS_TRY(ps_result_pop(cx, query->result, &kept));
        if (kept) {
            PS_TRY(query_give_counted(cx, query, kept, out));
            ps_mutex_lock(&query->mutex);
            const bool more = ps_query_wants_help(query);
            ps_mutex_unlock(&query->mutex);
            if (more) ps_pool_kick(query->pool);
            return PS_OK;
        }
        PS_TRY(ps_poll(cx));
        if (!query_begin(query, deadline_ns)) {
            if (deadline_ns && ps_clock_ns() >= deadline_ns) return PS_OK;
            continue;
        }
        /* relaxed: only this thread sets it */
        if (!atomic_load_explicit(&query->begun, memory_order_relaxed)) query_begin_ops(query);
        ps_mutex_lock(&query->mutex);
        const bool picked = ps_query_pick(query, &task);
        const bool more = picked && ps_query_wants_help(query);
        const bool finished = !picked && ps_query_finished(query);
        const bool failed = atomic_load_explicit(&query->failed, memory_order_relaxed);
        const bool asks = !picked && ps_query_asks(query);
        bool late = false;
        if (asks) { /* as a pool thread would: the others' own threads may be elsewhere */
            ps_mutex_unlock(&query->mutex);
            if (ps_pool_help(query->pool, query)) continue;
            ps_mutex_lock(&query->mutex);
        }
        if (!picked && !finished && !ps_result_waiting(query->result))
            late = !query_wait(query, deadline_ns);
        ps_mutex_unlock(&query->mutex);
        if (more) ps_pool_kick(query->pool);
        if (picked) ps_query_run_task(query, &task);
        if (finished && failed) return query_error(cx, query);
        if (finished && !ps_result_waiting(query->result)) {
            ps_query_record(query);
            *done = true;
            return PS_OK;
        }
        if (late || (deadline_ns && ps_clock_ns() >= deadline_ns)) return PS_OK;
    }
}

ps_status ps_query_next(ps_ctx *cx, ps_query *query, uint64_t timeout_ns, ps_batch *out, bool *done)
{
    /* relaxed: others look at it now and then */
    atomic_fetch_add_explicit(&query->n_active, 1, memory_order_relaxed);
    const ps_status st = query_next(cx, query, timeout_ns, out, done);
    /* it ended, however: the next one need not wait until it is freed */
    if (st != PS_OK || *done) (void)ps_mem_reserve(query->mem, 0);
    atomic_fetch_sub_explicit(&query->n_active, 1, memory_order_relaxed);
    return st;
}

/* What a pipeline weighs in the progress: the rows its source is expected to give. What joins give
 * after all others is hardly ever more than a few: next to nothing. */
static double pipe_weight(const ps_run_pipe *pipe)
{
    const ps_op *source = pipe->plan->source;

    if (!source->node || source->class->push) return 1;
    return PS_MAX(source->node->rows_est, 1.0);
}

double ps_query_progress(ps_query *query)
{
    double all = 0, done = 0;

    ps_mutex_lock(&query->mutex);
    for (uint32_t i = 0; i < query->n_pipes; i++) {
        const ps_run_pipe *pipe = &query->pipes[i];
        const uint64_t n_ended = atomic_load_explicit(&pipe->n_ended, memory_order_relaxed);

        all += pipe_weight(pipe);
        if (pipe->state < PS_PIPE_RUNNING) continue;
        done +=
            pipe_weight(pipe) * (pipe->n_morsels ? (double)n_ended / (double)pipe->n_morsels : 1);
    }
    ps_mutex_unlock(&query->mutex);
    return all > 0 ? PS_MIN(done / all, 1.0) : 1;
}

/* Starts nothing more and waits for what runs. */
static void query_stop(ps_query *query)
{
    ps_mutex_lock(&query->mutex);
    query->stopping = true;
    query->failed_at = (ps_error_place){0, 0};
    atomic_store_explicit(&query->failed, true, memory_order_relaxed);
    while (query->n_running > 0) ps_cond_wait(&query->changed, &query->mutex);
    ps_mutex_unlock(&query->mutex);
}

bool ps_query_written(ps_query *query, uint64_t *n_rows)
{
    query_stop(query);
    for (size_t i = 0; i < query->phys.ops.n; i++) {
        if (ps_write_committed(query->phys.ops.at[i], n_rows)) return true;
    }
    return false;
}

void ps_query_free(ps_query *query)
{
    if (!query) return;
    query_stop(query);
    ps_pool_remove(query->pool, query);
    (void)ps_mem_reserve(query->mem, 0);
    for (uint32_t i = 0; i < query->n_pipes; i++) {
        for (uint32_t k = 0; k < query->pipes[i].n_lanes; k++)
            ps_lane_close(query->pipes[i].lanes[k]);
    }
    for (size_t i = query->phys.ops.n; i-- > 0;) {
        ps_op *op = query->phys.ops.at[i];

        if (op->class->close) op->class->close(op);
        ps_arena_release(&op->arena);
        ps_mem_close(op->mem);
    }
    ps_cond_destroy(&query->changed);
    ps_mutex_destroy(&query->mutex);
    ps_arena_release(&query->arena);
    ps_free(query);
}
