/* api/plan_run.c -- what is done with a plan: binding, running, its columns, text and hash.
 *
 * Each is a call of its session: a result is made for it, so that settings, cancelling and time
 * limits are those of statements. */
#include "api/made.h"

#include "front/sql/lower.h"
#include "front/sql/parser.h"
#include "opt/opt.h"

/* A call that uses a plan, from ps_session_enter to ps_session_leave. */
typedef struct plan_call {
    ps_session *session;
    ps_result *result;
    ps_planner planner;
    const ps_node *node; /* bound */
} plan_call;

static ps_status bind_statement(plan_call *call, const ps_made *plan, ps_sql_node *node,
                                ps_statement *bound)
{
    const ps_sql_statement statement = {.node = node};
    ps_bind_env env;

    ps_session_env(call->session, &env);
    const ps_status st = ps_sql_lower(&call->planner, &env, plan->text, &statement, bound);
    call->node = bound->plan;
    if (st == PS_OK) return call->node ? PS_OK : PS_BUG(&call->result->cx, "a plan without a node");
    ps_error *error = &call->result->cx.error;
    if (plan->text.n && error->offset) ps_sql_locate(plan->text, error->offset - 1, error);
    else error->offset = error->line = error->column = 0; /* nobody wrote a text */
    return st;
}

static ps_status bind(plan_call *call, const ps_made *plan)
{
    ps_statement bound;

    return bind_statement(call, plan, plan->node, &bound);
}

static ps_status call_begin(plan_call *call, const ps_plan *plan, ps_session *session,
                            ps_error *error)
{
    *call = (plan_call){.session = session};
    PS_TRY(ps_plan_check(plan, error));
    PS_TRY(ps_session_enter(session, error));
    const ps_status st = ps_result_make(session, (ps_str){"", 0}, &call->result, error);
    if (st != PS_OK) {
        ps_session_leave(session);
        return st;
    }
    ps_session_begin(session, call->result);
    call->planner = (ps_planner){.cx = &call->result->cx, .arena = &call->result->arena};
    return PS_OK;
}

/* Ends the call with st; the result goes with it. */
static ps_status call_end(plan_call *call, ps_status st, ps_error *error)
{
    if (st != PS_OK) ps_result_failed(call->result);
    ps_give_error(&call->result->cx, st, error);
    ps_result_free(call->result);
    ps_session_leave(call->session);
    return st;
}

static ps_status apply_options(ps_result *result, const ps_run_options *options)
{
    ps_exec_settings *const exec = &result->settings.exec;
    ps_run_options given = PS_RUN_OPTIONS;

    if (options) memcpy(&given, options, PS_MIN(options->size, sizeof given));
    if (given.threads_max) {
        if (exec->threads == 0) exec->threads = result->session->instance->threads;
        exec->threads = PS_MIN(exec->threads, given.threads_max);
    }
    if (given.memory_bytes_max) {
        exec->memory_limit = given.memory_bytes_max;
        ps_result_bound_memory(result, given.memory_bytes_max);
    }
    if (given.timeout_ms) ps_result_bound_time(result, given.timeout_ms);
    if (given.temp_bytes_max) exec->temp_bytes_max = given.temp_bytes_max;
    if (given.rows_scanned_max) exec->rows_scanned_max = given.rows_scanned_max;
    if (given.result_bytes_max) exec->result_bytes_max = given.result_bytes_max;
    if (!given.temp_directory) return PS_OK;
    return ps_settings_set(&result->cx, &result->settings, PS_STR("temp_directory"),
                           ps_str_of(given.temp_directory));
}

static ps_status optimize(plan_call *call)
{
    return ps_optimize(&call->planner, call->result->settings.disabled_rules, call->node,
                       &call->node, NULL, NULL);
}

static ps_status misuse(ps_error *error, const char *what)
{
    ps_ctx cx;

    ps_ctx_init(&cx, NULL, NULL);
    return ps_give_error(&cx, ps_fail(&cx, PS_MISUSE, "%s is NULL", what), error);
}

/* Positions of later errors are in the plan's own text, if it has one: a copy, for the plan may go
 * before the result. */
static ps_status place(plan_call *call, ps_str text)
{
    ps_result *result = call->result;

    if (text.n == 0) return PS_OK;
    result->placed.at = ps_arena_strndup(&result->cx, &result->arena, text.at, text.n);
    result->placed.n = text.n;
    return result->placed.at ? PS_OK : PS_MEMORY;
}

ps_status ps_plan_run(const ps_plan *plan, ps_session *session, const ps_run_options *options,
                      ps_result **out, ps_error *error)
{
    plan_call call;
    ps_status st;

    if (!out) return misuse(error, "out");
    *out = NULL;
    PS_TRY(call_begin(&call, plan, session, error));
    session->has_next = false;
    PS_GO(apply_options(call.result, options));
    PS_GO(bind(&call, &plan->made));
    PS_GO(optimize(&call));
    call.result->tag = "SELECT";
    PS_GO(place(&call, plan->made.text));
    PS_GO(ps_result_start(call.result, &call.planner, call.node));
    *out = call.result;
    ps_session_leave(session);
    return PS_OK;
done:
    return call_end(&call, st, error);
}

/* COPY of the plan's query: the tree that the parser makes of the options, with the query and the
 * path put into it. */
static ps_status write_statement(plan_call *call, const ps_made *plan, const char *path,
                                 const char *options, ps_sql_node **out)
{
    ps_ctx *cx = &call->result->cx;
    ps_arena *arena = &call->result->arena;
    ps_sql_copy_to *copy = PS_ARENA_NEW(cx, arena, ps_sql_copy_to);
    ps_sql_string *place = PS_ARENA_NEW(cx, arena, ps_sql_string);
    const char *const text = ps_arena_printf(
        cx, arena, options ? "COPY (SELECT 1) TO '' (%s)" : "COPY (SELECT 1) TO ''", options);
    ps_sql_statements parsed = {0};

    if (!copy || !place || !text) return PS_MEMORY;
    ps_status st = ps_sql_parse(cx, arena, ps_str_of(text), &parsed);
    const ps_sql_copy_to *to =
        st == PS_OK && parsed.n == 1 ? ps_sql_as(copy_to, COPY_TO, parsed.at[0].node) : NULL;
    if (st == PS_OK && (!to || parsed.at[0].n_params))
        st = ps_fail(cx, PS_PARSE, "not options of COPY: %s", options);
    if (st != PS_OK) { /* nobody wrote that text */
        cx->error.offset = cx->error.line = cx->error.column = 0;
        return st;
    }
    *place = *ps_sql_as(string, STRING, to->path);
    place->value.at = ps_arena_strndup(cx, arena, path, strlen(path));
    place->value.n = strlen(path);
    *copy = *to;
    copy->path = &place->head;
    copy->query = plan->node;
    copy->head.depth = (uint16_t)PS_MAX((unsigned)copy->head.depth, plan->node->depth + 1u);
    *out = &copy->head;
    return place->value.at ? PS_OK : PS_MEMORY;
}

ps_status ps_plan_write(const ps_plan *plan, ps_session *session, const char *path,
                        const char *options, const ps_run_options *run, uint64_t *n_rows,
                        ps_error *error)
{
    plan_call call;
    ps_statement bound;
    ps_sql_node *copy;
    size_t bad;
    ps_status st;

    if (n_rows) *n_rows = 0;
    if (!path) return misuse(error, "path");
    PS_TRY(call_begin(&call, plan, session, error));
    apply_options(call.result, run);
    if (!ps_utf8_valid(path, strlen(path), &bad) ||
        (options && !ps_utf8_valid(options, strlen(options), &bad)))
        PS_GO(ps_fail(&call.result->cx, PS_INVALID, "the path or an option is not UTF-8"));
    PS_GO(write_statement(&call, &plan->made, path, options, &copy));
    PS_GO(bind_statement(&call, &plan->made, copy, &bound));
    PS_GO(place(&call, plan->made.text));
    PS_GO(ps_statement_run(call.result, &call.planner, &bound));
    if (n_rows) *n_rows = (uint64_t)call.result->rows_changed;
done:
    return call_end(&call, st, error);
}

ps_status ps_plan_schema(const ps_plan *plan, ps_session *session, struct ArrowSchema *out,
                         ps_error *error)
{
    plan_call call;
    ps_schema *schema = NULL;
    ps_status st;

    if (!out) return misuse(error, "out");
    memset(out, 0, sizeof *out);
    PS_TRY(call_begin(&call, plan, session, error));
    PS_GO(bind(&call, &plan->made));
    ps_field *fields =
        PS_ARENA_ARRAY(&call.result->cx, &call.result->arena, ps_field, call.node->n_cols + 1);
    if (!fields) PS_GO(PS_MEMORY);
    for (uint32_t i = 0; i < call.node->n_cols; i++) {
        fields[i] = (ps_field){.name = call.node->cols[i].name,
                               .type = call.node->cols[i].type,
                               .nullable = call.node->cols[i].nullable};
    }
    PS_GO(ps_schema_new(&call.result->cx, fields, call.node->n_cols, &schema));
    PS_GO(ps_arrow_export_schema(&call.result->cx, schema, out));
done:
    ps_schema_unref(schema);
    return call_end(&call, st, error);
}

static ps_status print(plan_call *call, ps_plan_view view, ps_text *text)
{
    ps_ctx *cx = &call->result->cx;

    if (view == PS_PLAN_VIEW_JSON) return ps_plan_to_json(cx, call->node, text);
    PS_TRY(optimize(call));
    return ps_plan_print(cx, call->node,
                         view == PS_PLAN_VIEW_TEXT ? PS_PLAN_TEXT : PS_PLAN_GRAPHVIZ, NULL, text);
}

ps_status ps_plan_show(const ps_plan *plan, ps_session *session, ps_plan_view view, char **out,
                       ps_error *error)
{
    plan_call call;
    ps_text text;
    ps_ctx own;
    ps_status st;

    if (!out) return misuse(error, "out");
    *out = NULL;
    PS_TRY(call_begin(&call, plan, session, error));
    ps_ctx_init(&own, NULL, NULL); /* the text outlives the session: nobody's payer */
    ps_text_init(&text, &call.result->cx);
    if ((unsigned)view > PS_PLAN_VIEW_JSON)
        PS_GO(ps_fail(&call.result->cx, PS_INVALID, "there is no such view: %d", (int)view));
    PS_GO(bind(&call, &plan->made));
    PS_GO(print(&call, view, &text));
    PS_GO(ps_text_status(&text));
    *out = ps_alloc(&own, text.n + 1);
    if (!*out) {
        call.result->cx.error = own.error;
        PS_GO(PS_MEMORY);
    }
    if (text.n) memcpy(*out, text.at, text.n);
    (*out)[text.n] = 0;
done:
    ps_text_release(&text);
    return call_end(&call, st, error);
}

ps_status ps_plan_digest(const ps_plan *plan, ps_session *session, uint8_t out[16], ps_error *error)
{
    plan_call call;
    ps_hash128 hash;
    ps_status st;

    if (!out) return misuse(error, "out");
    memset(out, 0, 16);
    PS_TRY(call_begin(&call, plan, session, error));
    PS_GO(bind(&call, &plan->made));
    PS_GO(ps_plan_hash(&call.result->cx, call.node, false, &hash));
    _Static_assert(sizeof hash == 16, "a digest is 16 bytes");
    memcpy(out, &hash, sizeof hash);
done:
    return call_end(&call, st, error);
}

void ps_string_free(char *text) { ps_free(text); }
