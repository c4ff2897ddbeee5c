/* api/result.c -- results: fetching, cancelling, the Arrow stream. */
#include "api/handles.h"

#include <errno.h>
#include <stdio.h>

void ps_result_free(ps_result *result)
{
    if (!result) return;
    ps_session *session = result->session;

    ps_mutex_lock(&session->mutex);
    if (session->current == result) session->current = NULL;
    ps_mutex_unlock(&session->mutex);
    ps_query_free(result->query);
    ps_schema_unref(result->schema);
    ps_arena_release(&result->arena);
    ps_log_unref(result->log);
    ps_free(result->text);
    ps_mem_close(result->mem);
    ps_free(result);
    ps_session_unref(session);
}

uint32_t ps_result_columns(const ps_result *result)
{
    return result->schema ? result->schema->n : 0;
}
const char *ps_result_tag(const ps_result *result) { return result->tag; }
int64_t ps_result_rows_changed(const ps_result *result) { return result->rows_changed; }

void ps_result_cancel(ps_result *result)
{
    int32_t running = PS_OK;

    /* relaxed: only the flag itself matters */
    atomic_compare_exchange_strong_explicit(&result->cancel.code, &running, PS_CANCELLED,
                                            memory_order_relaxed, memory_order_relaxed);
}

double ps_result_progress(const ps_result *result)
{
    ps_mutex_lock(&result->session->mutex); /* the query goes with its last row */
    const double part = result->query ? ps_query_progress(result->query) : 1;
    ps_mutex_unlock(&result->session->mutex);
    return part;
}

uint64_t ps_limit_tighter(uint64_t a, uint64_t b) { return a && b ? PS_MIN(a, b) : a + b; }

void ps_result_bound_time(ps_result *result, uint64_t timeout_ms)
{
    const uint64_t ms =
        PS_MIN(ps_limit_tighter(timeout_ms, result->session->instance->most.timeout_ms),
               (uint64_t)INT32_MAX * 1000);

    result->cancel.limit_ms = ms;
    /* relaxed: nothing runs yet */
    atomic_store_explicit(&result->cancel.deadline_ns, ms ? ps_clock_ns() + ms * 1000000u : 0,
                          memory_order_relaxed);
}

void ps_result_bound_memory(ps_result *result, uint64_t bytes)
{
    /* relaxed: nothing runs yet */
    atomic_store_explicit(&result->mem->limit, (int64_t)PS_MIN(bytes, (uint64_t)INT64_MAX),
                          memory_order_relaxed);
}

void ps_limits_settle(const ps_session *session, const ps_settings *settings,
                      ps_exec_settings *exec)
{
    const ps_instance *instance = session->instance;

    if (exec->threads == 0 || (instance->threads_most && exec->threads > instance->threads))
        exec->threads = instance->threads;
    exec->rows_scanned_max = ps_limit_tighter(exec->rows_scanned_max, instance->most.rows_scanned);
    exec->result_bytes_max = ps_limit_tighter(exec->result_bytes_max, instance->most.result_bytes);
    exec->tables = session->instance->tables;
    exec->spills = &session->instance->tables->spills;
    exec->temp_directory =
        settings->temp_directory[0] ? settings->temp_directory : instance->temp_directory;
}

/* The mutex is for ps_session_progress, which reads it from any thread. */
static void result_set_query(ps_result *result, ps_query *query)
{
    ps_mutex_lock(&result->session->mutex);
    result->query = query;
    ps_mutex_unlock(&result->session->mutex);
}

void ps_result_settle(ps_result *result)
{
    result->exec = result->settings.exec;
    ps_limits_settle(result->session, &result->settings, &result->exec);
    const uint64_t memory = ps_mem_limit(result->mem);
    result->exec.memory_limit = memory == UINT64_MAX ? 0 : memory;
    result->exec.tables_written = &result->tables_written;
}

static ps_status query_begin(ps_result *result)
{
    ps_query *query;

    PS_TRY(ps_query_new(&result->cx, result->session->instance->pool, result->plan, &result->exec,
                        &result->cancel, result->mem, result->n_ids, &query));
    result_set_query(result, query);
    return PS_OK;
}

ps_status ps_result_start(ps_result *result, ps_planner *planner, const ps_node *plan)
{
    ps_ctx *cx = &result->cx;
    ps_field *fields = PS_ARENA_ARRAY(cx, &result->arena, ps_field, plan->n_cols + 1);

    if (!fields) return PS_MEMORY;
    result->plan = plan;
    for (uint32_t i = 0; i < plan->n_cols; i++) {
        fields[i] = (ps_field){.name = plan->cols[i].name,
                               .type = plan->cols[i].type,
                               .nullable = plan->cols[i].nullable};
    }
    PS_TRY(ps_schema_new(cx, fields, plan->n_cols, &result->schema));
    ps_result_settle(result);
    PS_TRY(ps_pool_want(cx, result->session->instance->pool, result->exec.threads));
    PS_TRY(ps_batch_init(cx, &result->arena, plan->n_cols, &result->batch));
    result->n_ids = planner->next_id;
    result->gave = false;
    return query_begin(result);
}

/* What it holds, memory and temporary files, is free as soon as there is no more to fetch: a caller
 * may keep a result, or the error that it gave, for long. */
static void query_end(ps_result *result)
{
    ps_query *query = result->query;

    result_set_query(result, NULL);
    ps_query_free(query);
}

void ps_result_end(ps_result *result)
{
    query_end(result);
    ps_schema_unref(result->schema);
    result->schema = NULL;
}

static void batch_release(ps_batch *batch)
{
    for (uint32_t i = 0; i < batch->n_cols; i++) {
        ps_owner_unref(batch->cols[i].owner);
        batch->cols[i].owner = NULL;
    }
}

/* The next batch. A query that was refused memory that others held, before it gave a row or put one
 * in place, begins again when half of the limit can be set aside for it: nobody sees that. */
static ps_status query_next(ps_result *result, uint64_t timeout_ns, bool *done)
{
    ps_status st = ps_query_next(&result->cx, result->query, timeout_ns, &result->batch, done);

    if (st == PS_MEMORY && !result->gave && ps_query_may_begin_again(result->query)) {
        query_end(result);
        ps_ctx_clear(&result->cx);
        result->exec.begins_again = true;
        PS_TRY(query_begin(result));
        st = ps_query_next(&result->cx, result->query, timeout_ns, &result->batch, done);
    }
    result->gave |= st == PS_OK && !*done && result->batch.n > 0;
    return st;
}

ps_status ps_result_drain(ps_result *result)
{
    bool done = false;

    while (!done) {
        PS_TRY(query_next(result, UINT64_MAX, &done));
        if (!done) batch_release(&result->batch);
    }
    return PS_OK;
}

ps_status ps_result_schema(ps_result *result, struct ArrowSchema *out, ps_error *error)
{
    ps_schema *empty = NULL;
    ps_status st = PS_OK;

    if (!result->schema) st = ps_schema_new(&result->cx, NULL, 0, &empty);
    if (st == PS_OK)
        st = ps_arrow_export_schema(&result->cx, result->schema ? result->schema : empty, out);
    ps_schema_unref(empty);
    return ps_give_error(&result->cx, st, error);
}

static ps_status fetch(ps_result *result, uint64_t timeout_ms, struct ArrowArray *out,
                       ps_fetch *what)
{
    const uint64_t timeout_ns =
        timeout_ms > UINT64_MAX / 1000000 ? UINT64_MAX : timeout_ms * 1000000;
    bool done = false;

    *what = PS_FETCH_END;
    if (!result->query) return result->failed;
    const ps_status st = query_next(result, timeout_ns, &done);
    if (st != PS_OK) ps_result_locate(result), ps_result_failed(result);
    if (st != PS_OK || done) {
        query_end(result);
        return result->failed = st;
    }
    *what = PS_FETCH_WAIT;
    if (result->batch.n == 0) return PS_OK;
    *what = PS_FETCH_BATCH;
    const ps_status exported =
        ps_arrow_export_batch(&result->cx, result->schema, &result->batch, out);
    batch_release(&result->batch);
    if (exported != PS_OK) query_end(result); /* these rows are lost */
    return result->failed = exported;
}

ps_status ps_result_next(ps_result *result, uint64_t timeout_ms, struct ArrowArray *out,
                         ps_fetch *what, ps_error *error)
{
    memset(out, 0, sizeof(*out));
    PS_TRY(ps_instance_check(result->session->instance, error));
    return ps_give_error(&result->cx, fetch(result, timeout_ms, out, what), error);
}

static int stream_errno(ps_status st)
{
    switch (st) {
    case PS_OK: return 0;
    case PS_MEMORY: return ENOMEM;
    case PS_CANCELLED: return ECANCELED;
    case PS_TIMEOUT: return ETIMEDOUT;
    case PS_IO: return EIO;
    case PS_DISK_FULL: return ENOSPC;
    case PS_UNSUPPORTED: return ENOTSUP;
    default: return EINVAL;
    }
}

static int stream_fail(ps_result *result, ps_status st, const ps_error *error)
{
    if (st != PS_OK) {
        snprintf(result->stream_error, sizeof(result->stream_error), "%s: %s%s%s",
                 ps_status_name(st), error->message, error->hint[0] ? ": " : "", error->hint);
    }
    return stream_errno(st);
}

static int stream_get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    ps_result *result = stream->private_data;
    ps_error error = {0};
    const ps_status st = ps_result_schema(result, out, &error);

    return stream_fail(result, st, &error);
}

static int stream_get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    ps_result *result = stream->private_data;
    ps_error error = {0};
    ps_fetch what;
    const ps_status st = ps_result_next(result, UINT64_MAX, out, &what, &error);

    return stream_fail(result, st, &error);
}

static const char *stream_get_last_error(struct ArrowArrayStream *stream)
{
    const ps_result *result = stream->private_data;

    return result->stream_error[0] ? result->stream_error : NULL;
}

static void stream_release(struct ArrowArrayStream *stream)
{
    ps_result_free(stream->private_data);
    stream->private_data = NULL;
    stream->release = NULL;
}

ps_status ps_result_stream(ps_result *result, struct ArrowArrayStream *out, ps_error *error)
{
    (void)error;
    *out = (struct ArrowArrayStream){.get_schema = stream_get_schema,
                                     .get_next = stream_get_next,
                                     .get_last_error = stream_get_last_error,
                                     .release = stream_release,
                                     .private_data = result};
    return PS_OK;
}
