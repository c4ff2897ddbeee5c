/* api/report.c -- what somebody who mends a bug needs to know: kept when a statement ends with
 * PS_INTERNAL, as a text to paste.
 *
 * Making it never fails a statement: what can't be had is left out. Values of rows are not in it,
 * but for those that stand in the statement's own text. Tests: tests/unit/test_api.c,
 * tests/py/test_shell.py */
#include "api/handles.h"

#if defined(PS_DEV)
#define BUILD "with assertions"
#else
#define BUILD "release"
#endif

static void put_settings(const ps_result *result, ps_text *out)
{
    const char *name, *doc, *kind;
    ps_settings initial;
    ps_text own, other;

    ps_settings_init(&initial);
    ps_text_init(&own, out->cx);
    ps_text_init(&other, out->cx);
    for (uint32_t i = 0; ps_settings_at(i, &name, &doc, &kind); i++) {
        own.n = other.n = 0;
        if (ps_settings_get(out->cx, &result->settings, ps_str_of(name), &own) != PS_OK ||
            ps_settings_get(out->cx, &initial, ps_str_of(name), &other) != PS_OK)
            break;
        if (ps_str_equal((ps_str){own.at, own.n}, (ps_str){other.at, other.n})) continue;
        ps_text_printf(out, "  %s = %.*s\n", name, (int)own.n, own.at ? own.at : "");
    }
    ps_text_release(&own);
    ps_text_release(&other);
    if (result->exec.threads) {
        ps_text_printf(out, "  in force: %u threads, %llu bytes of memory\n", result->exec.threads,
                       (unsigned long long)result->exec.memory_limit);
    }
}

static void put_plan(const ps_result *result, ps_text *out)
{
    ps_text plan;
    ps_ctx cx;

    if (!result->plan) {
        ps_text_puts(out, "plan: none was made\n");
        return;
    }
    ps_ctx_init(&cx, NULL, NULL);
    ps_text_init(&plan, &cx);
    if (ps_plan_print(&cx, result->plan, PS_PLAN_TEXT, NULL, &plan) == PS_OK && plan.n)
        ps_text_printf(out, "plan:\n%.*s", (int)PS_MIN(plan.n, (size_t)INT32_MAX), plan.at);
    ps_text_release(&plan);
}

static void make_report(const ps_result *result, ps_text *out)
{
    const ps_error *error = &result->cx.error;

    ps_text_printf(out, "penstock %s, %s, made by %s\nerror: %s\n", ps_version(), BUILD,
                   __VERSION__, error->message);
    ps_text_printf(out, "statement:\n%.*s\nsettings:\n",
                   (int)PS_MIN(result->placed.n, (size_t)INT32_MAX), result->placed.at);
    put_settings(result, out);
    put_plan(result, out);
}

/* Memory that tables hold is to be had as long as the disk takes them: if it didn't, that is the
 * reason, and what there is to do. */
static void add_why(ps_result *result)
{
    ps_exec_settings exec = result->settings.exec;
    const ps_error error = result->cx.error;
    ps_error why;

    if (error.code != PS_MEMORY) return;
    ps_limits_settle(result->session, &result->settings, &exec);
    const ps_spill_options how = ps_spill_options_of(&exec);
    if (!ps_store_refused(exec.tables, &how, result->begun_ns, &why)) return;
    ps_fail(&result->cx, PS_MEMORY, "%s; tables can't be written out to make room: %s",
            error.message, why.message);
    ps_hint(&result->cx, "%s%s%s", error.hint, error.hint[0] && why.hint[0] ? "; " : "", why.hint);
    result->cx.error.offset = error.offset;
    result->cx.error.line = error.line;
    result->cx.error.column = error.column;
}

void ps_result_failed(ps_result *result)
{
    ps_session *session = result->session;
    ps_text text;
    ps_ctx cx;

    add_why(result);
    ps_log_failure(&result->cx);
    if (result->cx.error.code != PS_INTERNAL) return;
    ps_ctx_init(&cx, NULL, NULL); /* the session's own payer may be full */
    ps_text_init(&text, &cx);
    make_report(result, &text);
    if (ps_text_status(&text) != PS_OK) {
        ps_text_release(&text);
        return;
    }
    ps_mutex_lock(&session->mutex);
    ps_free(session->report);
    session->report = text.at;
    ps_mutex_unlock(&session->mutex);
}

ps_status ps_session_bug_report(ps_session *session, char **out, ps_error *error)
{
    ps_text text;
    ps_ctx cx;

    *out = NULL;
    PS_TRY(ps_instance_check(session ? session->instance : NULL, error));
    ps_ctx_init(&cx, NULL, NULL);
    ps_text_init(&text, &cx);
    ps_mutex_lock(&session->mutex);
    ps_text_puts(&text, session->report ? session->report : "");
    ps_mutex_unlock(&session->mutex);
    ps_text_char(&text, 0);
    const ps_status st = ps_text_status(&text);
    if (st == PS_OK) *out = text.at; /* given */
    else ps_text_release(&text);
    return ps_give_error(&cx, st, error);
}
