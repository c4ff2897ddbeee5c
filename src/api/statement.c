/* api/statement.c -- what each kind of bound statement does.
 *
 * Every result with rows is a query, also those of SHOW and EXPLAIN: a Values node over the text,
 * so that there is one way for rows to leave. */
#include "api/handles.h"

#include "base/diag.h"
#include "bind/near.h"
#include "exec/query.h"
#include "front/sql/lower.h"
#include "opt/opt.h"

static ps_status optimize(ps_result *result, ps_planner *planner, const ps_node **plan)
{
    return ps_optimize(planner, result->settings.disabled_rules, *plan, plan, NULL, NULL);
}

/* What is run goes through JSON when plans are verified; what EXPLAIN shows keeps its ids. */
static ps_status optimize_to_run(ps_result *result, ps_planner *planner, const ps_node **plan)
{
    const ps_node *back;

    if (!result->settings.exec.verify) return optimize(result, planner, plan);
    PS_TRY(ps_reread(planner, *plan, plan));
    PS_TRY(optimize(result, planner, plan));
    return ps_reread(planner, *plan, &back);
}

static ps_status run_query(ps_result *result, ps_planner *planner, const ps_node *plan)
{
    result->tag = "SELECT";
    PS_TRY(optimize_to_run(result, planner, &plan));
    return ps_result_start(result, planner, plan);
}

/* Runs a Write node to its end: nothing is left to fetch. Once the rows are in their place the
 * statement has succeeded, whatever comes between that and here (no memory for the row that counts
 * them, a cancel): who is told of an error may do it again. */
static ps_status run_write(ps_result *result, ps_planner *planner, const ps_node *plan,
                           const char *tag)
{
    uint64_t n_rows = 0;

    PS_TRY(ps_job_identify(result, &plan));
    PS_TRY(optimize_to_run(result, planner, &plan));
    PS_TRY(ps_result_start(result, planner, plan));
    const ps_status st = ps_result_drain(result);
    if (!ps_query_written(result->query, &n_rows))
        return st == PS_OK ? PS_BUG(&result->cx, "a write ended without a commit") : st;
    ps_ctx_clear(&result->cx);
    ps_result_end(result);
    result->tag = tag;
    result->rows_changed = (int64_t)n_rows;
    return PS_OK;
}

/* Rows of text, one column. */
static ps_status run_text(ps_result *result, ps_planner *planner, const char *column,
                          const ps_str *lines, uint32_t n)
{
    const ps_col col = {
        .id = ps_planner_id(planner), .type = PS_TYPE(STRING), .name = ps_str_of(column)};
    const ps_expr **cells = PS_ARENA_ARRAY(planner->cx, planner->arena, const ps_expr *, n + 1);

    if (!cells) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        const ps_value value = ps_value_str(lines[i]);

        cells[i] = ps_expr_literal(planner->cx, planner->arena, &value);
        if (!cells[i]) return PS_MEMORY;
    }
    const ps_node *plan = ps_node_values_new(planner, &col, 1, cells, n);
    return plan ? ps_result_start(result, planner, plan) : planner->cx->error.code;
}

static ps_relations *relations_of(ps_result *result, const ps_statement *s)
{
    const bool temporary = s->temporary || ps_str_equal_nocase(s->schema, PS_STR("temp"));

    return temporary ? &result->session->temporary : &result->session->instance->relations;
}

static ps_exists exists_of(const ps_statement *s)
{
    return s->replace ? PS_EXISTS_REPLACE : s->if_not_exists ? PS_EXISTS_KEEP : PS_EXISTS_FAIL;
}

static ps_status write_plan(ps_result *result, ps_planner *planner, const ps_node *rows,
                            ps_str name, const ps_table_target *target, const ps_node **out)
{
    ps_sink_spec *spec = PS_ARENA_NEW(&result->cx, &result->arena, ps_sink_spec);
    ps_table_target *own = PS_ARENA_NEW(&result->cx, &result->arena, ps_table_target);

    if (!spec || !own) return PS_MEMORY;
    *own = *target;
    own->exec = &result->exec;
    *spec = (ps_sink_spec){.class = &ps_table_sink, .path = name, .user = own};
    *out = ps_node_write_new(planner, rows, spec, PS_STR("Count"));
    return *out ? PS_OK : result->cx.error.code;
}

static ps_status create_table(ps_result *result, ps_planner *planner, const ps_statement *s)
{
    ps_relations *relations = relations_of(result, s);
    const ps_table_target target = {.relations = relations, .exists = exists_of(s)};
    ps_relation_found found;
    bool exists, kept;
    ps_table *table;
    const ps_node *plan;

    result->tag = "CREATE TABLE";
    PS_TRY(ps_relations_get(&result->cx, &result->arena, relations, s->name, &exists, &found));
    ps_table_unref(found.table);
    if (exists && s->if_not_exists) return PS_OK;
    if (exists && !s->replace) {
        ps_fail(&result->cx, PS_EXISTS, "a table or view of this name exists: %.*s",
                PS_STR_ARGS(s->name));
        ps_hint(&result->cx, "CREATE OR REPLACE replaces it, IF NOT EXISTS leaves it");
        ps_fail_at(&result->cx, s->at);
        return PS_EXISTS;
    }
    if (s->plan) {
        PS_TRY(write_plan(result, planner, s->plan, s->name, &target, &plan));
        return run_write(result, planner, plan, "CREATE TABLE");
    }
    PS_TRY(ps_table_new_in(&result->cx, result->session->instance->tables, s->columns, &table));
    const ps_status st = ps_relations_put_table(&result->cx, relations, s->name, table, s->keys,
                                                s->n_keys, exists_of(s), &kept);
    ps_table_unref(table);
    return st;
}

static ps_status create_view(ps_result *result, const ps_statement *s)
{
    bool kept;

    result->tag = "CREATE VIEW";
    return ps_relations_put_view(&result->cx, relations_of(result, s), s->name, s->sql, s->names.at,
                                 s->names.n, exists_of(s), &kept);
}

/* The list that has a relation of this name: the session's own first. */
static ps_status find_owner(ps_result *result, const ps_statement *s, ps_str name,
                            ps_relations **out)
{
    ps_relation_found found;
    bool exists;

    *out = relations_of(result, s);
    if (s->schema.n) return PS_OK;
    PS_TRY(ps_relations_get(&result->cx, &result->arena, &result->session->temporary, name, &exists,
                            &found));
    ps_table_unref(found.table);
    if (exists) *out = &result->session->temporary;
    return PS_OK;
}

static ps_status create_index(ps_result *result, const ps_statement *s)
{
    uint64_t bytes = PS_KEYS_GIVE_BYTES;
    ps_relations *relations;
    ps_status st;

    result->tag = "CREATE INDEX";
    PS_TRY(find_owner(result, s, s->table, &relations));
    for (;; bytes *= 2) { /* the set of a unique index stays in memory: tables give way to it */
        st =
            ps_relations_put_index(&result->cx, relations, s->table, &s->keys[0], s->if_not_exists);
        if (st != PS_MEMORY) break;
        const ps_error error = result->cx.error;
        if (!ps_session_tables_give(&result->cx, result->session, bytes)) {
            result->cx.error = error;
            break;
        }
        ps_ctx_clear(&result->cx);
    }
    if (st == PS_EXISTS) ps_fail_at(&result->cx, s->at);
    return st;
}

static ps_status drop_index(ps_result *result, const ps_statement *s)
{
    bool found = false;

    if (s->schema.n == 0)
        PS_TRY(ps_relations_drop_index(&result->cx, &result->session->temporary, s->name, &found));
    if (!found)
        PS_TRY(ps_relations_drop_index(&result->cx, relations_of(result, s), s->name, &found));
    if (found || s->if_exists) return PS_OK;
    ps_fail(&result->cx, PS_BIND, "there is no index of this name: %.*s", PS_STR_ARGS(s->name));
    ps_fail_at(&result->cx, s->at);
    return PS_BIND;
}

static ps_status insert(ps_result *result, ps_planner *planner, const ps_statement *s)
{
    ps_table_target target = {.append = true};
    const ps_node *plan;

    PS_TRY(find_owner(result, s, s->name, &target.relations));
    PS_TRY(write_plan(result, planner, s->plan, s->name, &target, &plan));
    return run_write(result, planner, plan, "INSERT");
}

static void near_name(void *user, ps_str name, bool view)
{
    (void)view;
    ps_near_add(user, name);
}

static ps_status drop(ps_result *result, const ps_statement *s)
{
    ps_near near = ps_near_of(s->name);
    ps_relations *relations;
    bool found;

    result->tag = "DROP";
    if (s->object == PS_OBJECT_SCHEMA)
        return ps_fail(&result->cx, PS_UNSUPPORTED, "schemas can't be dropped yet: %.*s",
                       PS_STR_ARGS(s->name));
    if (s->object == PS_OBJECT_INDEX) return drop_index(result, s);
    PS_TRY(find_owner(result, s, s->name, &relations));
    PS_TRY(ps_relations_drop(&result->cx, relations, s->name, s->object == PS_OBJECT_VIEW, &found));
    if (found || s->if_exists) return PS_OK;
    ps_fail(&result->cx, PS_BIND, "there is no %s of this name: %.*s",
            s->object == PS_OBJECT_VIEW ? "view" : "table", PS_STR_ARGS(s->name));
    ps_relations_names(&result->session->temporary, near_name, &near);
    ps_relations_names(&result->session->instance->relations, near_name, &near);
    ps_near_hint(&result->cx, &near);
    ps_fail_at(&result->cx, s->at);
    return PS_BIND;
}

/* The settings that SET and RESET change: with LOCAL those of the next statement alone. */
static ps_settings *settings_of(ps_session *session, const ps_statement *s)
{
    if (!s->local) return &session->settings;
    if (!session->has_next) session->next = session->settings;
    session->has_next = true;
    return &session->next;
}

static ps_status set(ps_result *result, const ps_statement *s)
{
    ps_settings *settings = settings_of(result->session, s);
    ps_text text;
    ps_status st = PS_OK;

    result->tag = "SET";
    ps_text_init(&text, &result->cx);
    ps_value_print(&s->value, &text);
    PS_GO(ps_text_status(&text));
    PS_GO(ps_settings_set(&result->cx, settings, s->name, (ps_str){text.at, text.n}));
    if (s->local && settings->fail_alloc != result->session->settings.fail_alloc) {
        settings->fail_alloc = result->session->settings.fail_alloc;
        st = ps_fail(&result->cx, PS_UNSUPPORTED,
                     "fail_alloc counts for the whole process: not LOCAL");
    }
done:
    ps_text_release(&text);
    if (st != PS_OK) ps_fail_at(&result->cx, s->at);
    return st;
}

static ps_status reset(ps_result *result, const ps_statement *s)
{
    result->tag = "RESET";
    const ps_status st = ps_settings_reset(&result->cx, settings_of(result->session, s), s->name);
    if (st != PS_OK) ps_fail_at(&result->cx, s->at);
    return st;
}

/* SHOW ALL: settings are few, and their rows are those of the table function. */
static ps_status show_all(ps_result *result, ps_planner *planner)
{
    ps_statement rows;

    result->placed = PS_STR("SELECT name, value, description FROM penstock_settings()");
    PS_TRY(ps_result_bind(result, planner, result->placed, NULL, &rows));
    PS_TRY(run_query(result, planner, rows.plan));
    result->tag = "SHOW";
    return PS_OK;
}

static ps_status show(ps_result *result, ps_planner *planner, const ps_statement *s)
{
    ps_text text;
    ps_str line;
    ps_status st;

    result->tag = "SHOW";
    ps_text_init(&text, &result->cx);
    PS_GO(ps_settings_get(&result->cx, &result->settings, s->name, &text));
    line = (ps_str){ps_arena_strndup(&result->cx, &result->arena, text.at ? text.at : "", text.n),
                    text.n};
    if (!line.at) PS_GO(PS_MEMORY);
    PS_GO(run_text(result, planner,
                   ps_arena_strndup(&result->cx, &result->arena, s->name.at, s->name.n), &line, 1));
done:
    ps_text_release(&text);
    return st;
}

static void annotate(void *user, const ps_node *node, bool root, ps_plan_form form, ps_text *out)
{
    ps_query_annotate(user, node, root, form, out);
}

/* The plan's text, as one row a line for the text form and one row for the others. */
static ps_status explain_rows(ps_result *result, ps_planner *planner, const ps_statement *s,
                              ps_text *text)
{
    PS_ARRAY(ps_str) lines = {0};
    const char *at =
        ps_arena_strndup(&result->cx, &result->arena, text->at ? text->at : "", text->n);

    if (!at) return PS_MEMORY;
    if (s->form != PS_PLAN_TEXT) {
        const ps_str whole = {at, text->n};

        return run_text(result, planner, "plan", &whole, 1);
    }
    for (const char *end = at + text->n; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const size_t n = (size_t)((stop ? stop : end) - at);

        PS_TRY(PS_ARRAY_ADD_IN(&result->cx, &result->arena, &lines, (ps_str){at, n}));
        at += n + (stop != NULL);
    }
    return run_text(result, planner, "plan", lines.at, (uint32_t)lines.n);
}

/* EXPLAIN RULES: what each rule did, a line each. */
static ps_status explain_rules(ps_result *result, ps_planner *planner, const ps_node *plan)
{
    const ps_rule_report *reports;
    uint32_t n;

    PS_TRY(ps_optimize(planner, result->settings.disabled_rules, plan, &plan, &reports, &n));
    ps_str *lines = PS_ARENA_ARRAY(&result->cx, &result->arena, ps_str, n + 1);
    if (!lines) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        const char *state = reports[i].disabled ? "off" : reports[i].n_changes ? "fired" : "-";
        const char *line = ps_arena_printf(&result->cx, &result->arena, "%-20s %-5s %s",
                                           reports[i].rule->name, state, reports[i].rule->doc);

        if (!line) return PS_MEMORY;
        lines[i] = ps_str_of(line);
    }
    return run_text(result, planner, "rule", lines, n);
}

static ps_status explain(ps_result *result, ps_planner *planner, const ps_statement *s)
{
    const ps_node *plan = s->inner->plan;
    ps_plan_annotate figures = {.fn = annotate};
    ps_text text;
    ps_status st;

    result->tag = "EXPLAIN";
    if (!plan)
        return ps_fail(&result->cx, PS_UNSUPPORTED, "only statements with a plan can be explained");
    if (s->rules) return explain_rules(result, planner, plan);
    ps_text_init(&text, &result->cx);
    if (s->analyze) PS_GO(ps_job_identify(result, &plan));
    if (!s->bound) PS_GO(optimize(result, planner, &plan));
    if (s->analyze) {
        result->settings.exec.profile = true;
        PS_GO(ps_result_start(result, planner, plan));
        PS_GO(ps_result_drain(result));
        figures.user = result->query;
    }
    PS_GO(ps_plan_print(&result->cx, plan, s->form, s->analyze ? &figures : NULL, &text));
    PS_GO(ps_text_status(&text));
    ps_result_end(result);
    PS_GO(explain_rows(result, planner, s, &text));
done:
    ps_text_release(&text);
    return st;
}

static ps_prepared *prepared_find(ps_session *session, ps_str name)
{
    for (size_t i = 0; i < session->prepared.n; i++) {
        if (ps_str_equal_nocase(ps_str_of(session->prepared.at[i].name), name))
            return &session->prepared.at[i];
    }
    return NULL;
}

static void prepared_release(ps_prepared *prepared)
{
    ps_free(prepared->name);
    ps_free(prepared->sql);
}

static char *session_text(ps_result *result, ps_str text)
{
    ps_ctx cx;

    ps_ctx_init(&cx, result->session->mem, NULL);
    char *copy = ps_alloc(&cx, text.n + 1);
    if (!copy) {
        result->cx.error = cx.error;
        return NULL;
    }
    memcpy(copy, text.at, text.n);
    copy[text.n] = 0;
    return copy;
}

static ps_status prepare(ps_result *result, const ps_statement *s)
{
    ps_session *session = result->session;
    ps_prepared prepared = {.name = session_text(result, s->name),
                            .sql = session_text(result, s->sql),
                            .n_params = s->n_params};
    ps_prepared *old = prepared_find(session, s->name);
    ps_status st = PS_OK;

    result->tag = "PREPARE";
    if (!prepared.name || !prepared.sql) {
        st = PS_MEMORY;
    } else if (old) {
        const ps_prepared swap = *old;

        *old = prepared;
        prepared = swap;
        prepared_release(&prepared);
        return PS_OK;
    } else {
        ps_ctx cx;

        ps_ctx_init(&cx, session->mem, NULL);
        st = PS_ARRAY_ADD(&cx, &session->prepared, prepared);
        if (st != PS_OK) result->cx.error = cx.error;
    }
    if (st != PS_OK) prepared_release(&prepared);
    return st;
}

static ps_status execute(ps_result *result, ps_planner *planner, const ps_statement *s)
{
    const ps_prepared *prepared = prepared_find(result->session, s->name);
    ps_statement *inner = PS_ARENA_NEW(&result->cx, &result->arena, ps_statement);

    if (!inner) return PS_MEMORY;
    if (!prepared) {
        ps_fail(&result->cx, PS_BIND, "there is no prepared statement of this name: %.*s",
                PS_STR_ARGS(s->name));
        ps_fail_at(&result->cx, s->at);
        return PS_BIND;
    }
    if (prepared->n_params != s->n_values) {
        ps_fail(&result->cx, PS_BIND, "%s takes %u parameters, not %u", prepared->name,
                prepared->n_params, s->n_values);
        ps_fail_at(&result->cx, s->at);
        return PS_BIND;
    }
    const char *sql =
        ps_arena_strndup(&result->cx, &result->arena, prepared->sql, strlen(prepared->sql));
    if (!sql) return PS_MEMORY;
    result->placed = ps_str_of(sql); /* from here on positions are in that text */
    PS_TRY(ps_result_bind(result, planner, ps_str_of(sql), s, inner));
    if (inner->kind == PS_STATEMENT_EXECUTE)
        return ps_fail(&result->cx, PS_UNSUPPORTED, "EXECUTE can't be prepared");
    return ps_statement_run(result, planner, inner);
}

static ps_status deallocate(ps_result *result, const ps_statement *s)
{
    ps_session *session = result->session;
    bool found = s->name.n == 0;

    result->tag = "DEALLOCATE";
    for (size_t i = session->prepared.n; i-- > 0;) {
        ps_prepared *prepared = &session->prepared.at[i];

        if (s->name.n && !ps_str_equal_nocase(ps_str_of(prepared->name), s->name)) continue;
        found = true;
        prepared_release(prepared);
        *prepared = session->prepared.at[--session->prepared.n];
    }
    if (found) return PS_OK;
    ps_fail(&result->cx, PS_BIND, "there is no prepared statement of this name: %.*s",
            PS_STR_ARGS(s->name));
    ps_fail_at(&result->cx, s->at);
    return PS_BIND;
}

ps_status ps_statement_run(ps_result *result, ps_planner *planner, const ps_statement *s)
{
    switch (s->kind) {
    case PS_STATEMENT_NONE: return PS_OK;
    case PS_STATEMENT_QUERY: return run_query(result, planner, s->plan);
    case PS_STATEMENT_COPY: return run_write(result, planner, s->plan, "COPY");
    case PS_STATEMENT_CREATE_TABLE: return create_table(result, planner, s);
    case PS_STATEMENT_CREATE_VIEW: return create_view(result, s);
    case PS_STATEMENT_CREATE_INDEX: return create_index(result, s);
    case PS_STATEMENT_INSERT: return insert(result, planner, s);
    case PS_STATEMENT_DROP: return drop(result, s);
    case PS_STATEMENT_SHOW: return show(result, planner, s);
    case PS_STATEMENT_SET: return set(result, s);
    case PS_STATEMENT_SHOW_ALL: return show_all(result, planner);
    case PS_STATEMENT_RESET: return reset(result, s);
    case PS_STATEMENT_EXPLAIN: return explain(result, planner, s);
    case PS_STATEMENT_PREPARE: return prepare(result, s);
    case PS_STATEMENT_EXECUTE: return execute(result, planner, s);
    case PS_STATEMENT_DEALLOCATE: return deallocate(result, s);
    case PS_STATEMENT_CREATE_SCHEMA:
    case PS_STATEMENT_USE: break;
    }
    ps_fail(&result->cx, PS_UNSUPPORTED, "schemas other than main and temp are not supported");
    ps_fail_at(&result->cx, s->at);
    return PS_UNSUPPORTED;
}
