/* api/session.c -- sessions: settings, cancelling, running SQL text. */
#include "api/handles.h"

#include "front/sql/lower.h"
#include "front/sql/parser.h"
#include "fs/sys.h"

ps_status ps_session_new(ps_instance *instance, ps_session **out, ps_error *error)
{
    ps_ctx cx;

    *out = NULL;
    PS_TRY(ps_instance_check(instance, error));
    ps_ctx_init(&cx, instance->mem, NULL);
    ps_session *session = ps_alloc_zero(&cx, sizeof(*session));
    if (!session) return ps_give_error(&cx, PS_MEMORY, error);
    session->mem = ps_mem_new(&cx, instance->mem, "session", 0);
    if (!session->mem) {
        ps_free(session);
        return ps_give_error(&cx, PS_MEMORY, error);
    }
    ps_mem_set_beside(session->mem, instance->tables->mem);
    atomic_init(&session->refs, 1);
    atomic_init(&session->busy, false);
    session->instance = ps_instance_ref(instance);
    ps_relations_init(&session->temporary, session->mem);
    ps_mutex_init(&session->mutex);
    ps_settings_init(&session->settings);
    *out = session;
    return PS_OK;
}

ps_session *ps_session_ref(ps_session *session)
{
    /* relaxed: made from a reference that is held */
    atomic_fetch_add_explicit(&session->refs, 1, memory_order_relaxed);
    return session;
}

void ps_session_unref(ps_session *session)
{
    /* acq_rel: the last holder sees everything done under the others */
    if (!session || atomic_fetch_sub_explicit(&session->refs, 1, memory_order_acq_rel) != 1) return;
    ps_instance *instance = session->instance;

    for (size_t i = 0; i < session->prepared.n; i++) {
        ps_free(session->prepared.at[i].name);
        ps_free(session->prepared.at[i].sql);
    }
    ps_free(session->prepared.at);
    ps_free(session->report);
    ps_relations_release(&session->temporary);
    ps_logs_release(&session->logs);
    ps_mutex_destroy(&session->mutex);
    ps_mem_close(session->mem);
    ps_free(session);
    ps_instance_unref(instance);
}

void ps_session_free(ps_session *session) { ps_session_unref(session); }

ps_status ps_session_enter(ps_session *session, ps_error *error)
{
    bool idle = false;
    ps_ctx cx;

    PS_TRY(ps_instance_check(session ? session->instance : NULL, error));
    /* acquire: sees what the last call on another thread did */
    if (atomic_compare_exchange_strong_explicit(&session->busy, &idle, true, memory_order_acquire,
                                                memory_order_relaxed)) {
        return PS_OK;
    }
    ps_ctx_init(&cx, NULL, NULL);
    ps_fail(&cx, PS_MISUSE, "a session takes one call at a time");
    return ps_give_error(&cx, PS_MISUSE, error);
}

void ps_session_leave(ps_session *session)
{
    atomic_store_explicit(&session->busy, false, memory_order_release);
}

static void session_apply(ps_session *session)
{
    /* relaxed: read by charges of later queries */
    atomic_store_explicit(&session->mem->limit, (int64_t)session->settings.exec.memory_limit,
                          memory_order_relaxed);
    if (strcmp(session->fail_io, session->settings.fail_io) != 0) {
        memcpy(session->fail_io, session->settings.fail_io, sizeof(session->fail_io));
        ps_sys_fault_set(ps_str_of(session->fail_io));
    }
    if (session->fail_alloc == session->settings.fail_alloc) return;
    session->fail_alloc = session->settings.fail_alloc;
    ps_mem_fail_after((int64_t)session->fail_alloc, session->settings.fail_alloc_all);
}

ps_status ps_session_set(ps_session *session, const char *name, const char *value, ps_error *error)
{
    ps_ctx cx;

    PS_TRY(ps_session_enter(session, error));
    ps_ctx_init(&cx, session->mem, NULL);
    const ps_status st =
        ps_settings_set(&cx, &session->settings, ps_str_of(name), ps_str_of(value));
    session_apply(session);
    ps_session_leave(session);
    return ps_give_error(&cx, st, error);
}

ps_status ps_session_get(ps_session *session, const char *name, char *buffer, size_t buffer_bytes,
                         ps_error *error)
{
    ps_ctx cx;
    ps_text text;

    PS_TRY(ps_session_enter(session, error));
    ps_ctx_init(&cx, session->mem, NULL);
    ps_text_init(&text, &cx);
    ps_settings now = session->settings;
    if (now.fail_alloc) now.fail_alloc = (uint64_t)ps_mem_fail_left();
    if (now.fail_io[0]) ps_sys_fault_get(now.fail_io, sizeof(now.fail_io));
    const ps_status st = ps_settings_get(&cx, &now, ps_str_of(name), &text);
    if (st == PS_OK && buffer_bytes) {
        const size_t n = PS_MIN(text.n, buffer_bytes - 1);

        if (n) memcpy(buffer, text.at, n);
        buffer[n] = 0;
    }
    ps_text_release(&text);
    ps_session_leave(session);
    return ps_give_error(&cx, st, error);
}

const ps_settings *ps_session_settings(const ps_session *session)
{
    return session->has_next ? &session->next : &session->settings;
}

bool ps_session_tables_give(ps_ctx *cx, const ps_session *session, uint64_t bytes)
{
    ps_store *tables = session->instance->tables;
    ps_exec_settings exec = ps_session_settings(session)->exec;
    uint64_t given;

    if (!ps_store_has(tables)) return false;
    ps_limits_settle(session, ps_session_settings(session), &exec);
    if (session->current) exec.tables_written = &session->current->tables_written;
    const ps_spill_options how = ps_spill_options_of(&exec);
    if (ps_store_failed(tables, &how)) return false;
    const ps_status st = ps_store_give(cx, tables, &how, bytes, &given);
    if (st != PS_OK) ps_ctx_clear(cx); /* what is asked for next says so */
    return given > 0;
}

void ps_session_begin(ps_session *session, ps_result *result)
{
    enum { PLAN_BYTES = 4 << 20 };
    const uint64_t limit = ps_mem_limit(session->mem);
    const uint64_t wanted = PS_MIN(limit / 2, (uint64_t)PLAN_BYTES);

    ps_mutex_lock(&session->mutex);
    session->current = result;
    ps_mutex_unlock(&session->mutex);
    while (ps_mem_left(session->mem) < wanted &&
           ps_session_tables_give(&result->cx, session, wanted)) {
    }
}

void ps_session_cancel(ps_session *session)
{
    if (!session) return;
    ps_mutex_lock(&session->mutex);
    if (session->current) ps_result_cancel(session->current);
    ps_mutex_unlock(&session->mutex);
}

double ps_session_progress(ps_session *session)
{
    double part = -1;

    if (!session) return part;
    ps_mutex_lock(&session->mutex);
    if (session->current && session->current->query)
        part = ps_query_progress(session->current->query);
    ps_mutex_unlock(&session->mutex);
    return part;
}

ps_status ps_session_statistics(ps_session *session, char **out, ps_error *error)
{
    ps_text text;
    ps_ctx cx;

    *out = NULL;
    PS_TRY(ps_instance_check(session ? session->instance : NULL, error));
    ps_ctx_init(&cx, NULL, NULL); /* the text outlives the session: nobody's payer */
    ps_text_init(&text, &cx);
    ps_mutex_lock(&session->mutex);
    if (session->current && session->current->query)
        ps_query_statistics(session->current->query, &text);
    else ps_text_puts(&text, "{}");
    ps_mutex_unlock(&session->mutex);
    const ps_status st = ps_text_status(&text);
    if (st == PS_OK) *out = text.at; /* given */
    else ps_text_release(&text);
    return ps_give_error(&cx, st, error);
}

ps_status ps_session_diagnostics(ps_session *session, char **out, ps_error *error)
{
    ps_text text;
    ps_ctx cx;

    *out = NULL;
    PS_TRY(ps_session_enter(session, error));
    ps_ctx_init(&cx, session->mem, NULL);
    ps_text_init(&text, &cx);
    ps_logs_json(&session->logs, &text);
    const ps_status st = ps_text_status(&text);
    if (st == PS_OK) *out = text.at; /* given */
    else ps_text_release(&text);
    ps_session_leave(session);
    return ps_give_error(&cx, st, error);
}

ps_status ps_result_bind(ps_result *result, ps_planner *planner, ps_str text,
                         const ps_statement *execute, ps_statement *out)
{
    ps_sql_statements statements;
    ps_bind_env env;

    PS_TRY(ps_sql_parse(&result->cx, &result->arena, text, &statements));
    *out = (ps_statement){.kind = PS_STATEMENT_NONE};
    if (statements.n == 0) return PS_OK;
    ps_session_env(result->session, &env);
    if (execute) {
        env.params = execute->values;
        env.param_names = execute->value_names;
        env.n_params = execute->n_values;
    }
    return ps_sql_lower(planner, &env, text, &statements.at[0], out);
}

ps_status ps_result_make(ps_session *session, ps_str text, ps_result **out, ps_error *error)
{
    ps_ctx cx;

    const ps_settings *settings = ps_session_settings(session);

    ps_ctx_init(&cx, session->mem, NULL);
    ps_result *result = ps_alloc_zero(&cx, sizeof(*result));
    char *copy = ps_alloc(&cx, text.n + 1);
    ps_mem *mem = ps_mem_new(&cx, session->mem, "query", 0);
    if (!result || !copy || !mem) {
        ps_free(result);
        ps_free(copy);
        ps_mem_close(mem);
        return ps_give_error(&cx, PS_MEMORY, error);
    }
    if (text.n) memcpy(copy, text.at, text.n);
    copy[text.n] = 0;
    result->text = copy;
    result->text_bytes = text.n;
    result->placed = (ps_str){copy, text.n};
    result->session = ps_session_ref(session);
    result->rows_changed = -1;
    result->begun_ns = ps_clock_ns();
    result->tag = "";
    result->settings = *settings;
    result->mem = mem;
    ps_result_bound_time(result, settings->max_execution_ms);
    ps_result_bound_memory(result, settings->exec.memory_limit);
    ps_ctx_init(&result->cx, result->mem, &result->cancel);
    result->cx.batch_rows = settings->exec.batch_rows;
    result->log = ps_logs_begin(&session->logs, session->mem, settings->diagnostics);
    result->cx.diag = result->log ? &result->log->diag : NULL;
    *out = result;
    return PS_OK;
}

void ps_result_locate(ps_result *result)
{
    ps_error *error = &result->cx.error;

    if (error->offset && result->placed.n) ps_sql_locate(result->placed, error->offset - 1, error);
    else error->offset = error->line = error->column = 0;
}

/* *sets_next: what SET LOCAL set before waits for a later statement still. */
static ps_status run_first(ps_result *result, const char **tail, const char *text, bool *sets_next)
{
    ps_planner planner = {.cx = &result->cx, .arena = &result->arena};
    ps_sql_statements statements;
    ps_statement statement;
    ps_bind_env env;
    ps_status st;

    st = ps_sql_parse(&result->cx, &result->arena, (ps_str){result->text, result->text_bytes},
                      &statements);
    if (st == PS_OK && statements.n == 0) {
        if (tail) *tail = text + result->text_bytes;
        *sets_next = true;
        return PS_OK;
    }
    if (st == PS_OK && !tail && statements.n > 1) {
        st = ps_fail(&result->cx, PS_PARSE, "one statement was expected, not %u",
                     (unsigned)statements.n);
        ps_fail_at(&result->cx, statements.at[1].start);
    }
    if (st == PS_OK) {
        ps_diag_add(&result->cx, PS_PHASE_PARSE, PS_SEVERITY_INFO, PS_DIAG_NOTE,
                    "%zu bytes of text", result->text_bytes);
        ps_session_env(result->session, &env);
        st = ps_sql_lower(&planner, &env, (ps_str){result->text, result->text_bytes},
                          &statements.at[0], &statement);
    }
    if (st == PS_OK && tail)
        *tail = text + (statements.n > 1 ? statements.at[1].start : result->text_bytes);
    if (st == PS_OK) *sets_next = statement.kind == PS_STATEMENT_NONE || statement.local;
    if (st == PS_OK) {
        ps_diag_add(&result->cx, PS_PHASE_BIND, PS_SEVERITY_INFO, PS_DIAG_NOTE,
                    "names and types are resolved: %u columns", planner.next_id);
        st = ps_statement_run(result, &planner, &statement);
    }
    if (st != PS_OK) ps_result_locate(result);
    if (st != PS_OK) ps_result_failed(result);
    return st;
}

ps_status ps_session_sql(ps_session *session, const char *text, size_t bytes, const char **tail,
                         ps_result **out, ps_error *error)
{
    ps_result *result = NULL;

    *out = NULL;
    PS_TRY(ps_session_enter(session, error));
    ps_status st = ps_result_make(session, (ps_str){text, bytes}, &result, error);
    if (st == PS_OK) {
        ps_session_begin(session, result);
        bool sets_next = false;
        st = run_first(result, tail, text, &sets_next);
        session->has_next &= sets_next;
        session_apply(session);
        ps_give_error(&result->cx, st, error);
    }
    if (st != PS_OK) {
        ps_result_free(result);
        result = NULL;
    }
    ps_session_leave(session);
    *out = result;
    return st;
}
