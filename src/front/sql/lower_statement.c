/* front/sql/lower_statement.c -- statements around queries: SET, EXPLAIN, PREPARE and the dispatch.
 *
 * Tests: tests/unit/test_lower.c, tests/slt/sql/statement.test */
#include "front/sql/lower_int.h"

#include "eval/program.h"

static ps_status failed(const ps_lower *lo) { return lo->cx->error.code; }

static ps_status lower_query_statement(ps_lower *lo, const ps_sql_node *node, ps_statement *out)
{
    out->kind = PS_STATEMENT_QUERY;
    out->plan = ps_lower_query(lo, node, NULL);
    return out->plan ? PS_OK : failed(lo);
}

static ps_status lower_drop(ps_lower *lo, const ps_sql_drop *node, ps_statement *out)
{
    out->kind = PS_STATEMENT_DROP;
    out->at = node->name.n ? node->name.at[node->name.n - 1].offset : node->head.start;
    out->if_exists = node->if_exists;
    out->cascade = node->cascade;
    switch (node->what) {
    case PS_SQL_OBJECT_TABLE: out->object = PS_OBJECT_TABLE; break;
    case PS_SQL_OBJECT_VIEW: out->object = PS_OBJECT_VIEW; break;
    case PS_SQL_OBJECT_INDEX: out->object = PS_OBJECT_INDEX; break;
    case PS_SQL_OBJECT_SCHEMA: out->object = PS_OBJECT_SCHEMA; break;
    default:
        ps_lower_unsupported(lo, &node->head, "DROP of this kind of object");
        return PS_UNSUPPORTED;
    }
    return ps_lower_schema_name(lo, &node->head, &node->name, &out->schema, &out->name)
               ? PS_OK
               : failed(lo);
}

/* ---- settings ---- */

/* The value of SET x = value: a constant, or a bare word as its text. */
static ps_status setting_value(ps_lower *lo, const ps_sql_node *node, ps_value *out)
{
    const ps_sql_column *word = ps_sql_as(column, COLUMN, node);

    if (word && word->parts.n == 1) {
        *out = ps_value_str(word->parts.at[0].text);
        return PS_OK;
    }
    return ps_lower_constant(lo, node, "SET", out);
}

static ps_status lower_set(ps_lower *lo, const ps_sql_set *node, ps_statement *out)
{
    out->kind = node->reset || node->values.n == 0 ? PS_STATEMENT_RESET : PS_STATEMENT_SET;
    out->name = node->name.text;
    out->at = node->name.offset;
    out->global = node->scope == PS_SQL_SCOPE_GLOBAL;
    out->local = node->scope == PS_SQL_SCOPE_LOCAL;
    if (node->scope == PS_SQL_SCOPE_VARIABLE)
        return ps_lower_unsupported(lo, &node->head, "SET VARIABLE"), PS_UNSUPPORTED;
    if (out->kind == PS_STATEMENT_RESET) return PS_OK;
    if (node->values.n > 1)
        return ps_lower_unsupported(lo, node->values.at[1], "a setting of several values"),
               PS_UNSUPPORTED;
    const ps_sql_column *word = ps_sql_as(column, COLUMN, node->values.at[0]);
    if (word && word->parts.n == 1 && !word->parts.at[0].quoted &&
        ps_str_equal_nocase(word->parts.at[0].text, PS_STR("default"))) {
        out->kind = PS_STATEMENT_RESET;
        return PS_OK;
    }
    if (node->values.at[0]->kind == PS_SQL_DEFAULT) {
        out->kind = PS_STATEMENT_RESET;
        return PS_OK;
    }
    return setting_value(lo, node->values.at[0], &out->value);
}

/* PRAGMA x = v and PRAGMA x are spellings of SET and SHOW. */
static ps_status lower_pragma(ps_lower *lo, const ps_sql_pragma *node, ps_statement *out)
{
    out->name = node->name.text;
    out->at = node->name.offset;
    if (node->args.n)
        return ps_lower_unsupported(lo, &node->head, "a PRAGMA with arguments"), PS_UNSUPPORTED;
    out->kind = node->value ? PS_STATEMENT_SET : PS_STATEMENT_SHOW;
    return node->value ? setting_value(lo, node->value, &out->value) : PS_OK;
}

static ps_status lower_plan_statement(const ps_lower *lo, const ps_node *plan, ps_statement *out)
{
    out->kind = PS_STATEMENT_QUERY;
    out->plan = plan;
    return plan ? PS_OK : failed(lo);
}

/* SHOW t describes a table or view, SHOW x gives a setting, in this order, as in DuckDB. */
static ps_status lower_show(ps_lower *lo, const ps_sql_show *node, ps_statement *out)
{
    if (node->tables || node->all_tables) {
        out->kind = PS_STATEMENT_QUERY;
        out->plan = ps_lower_show(lo, node);
        return out->plan ? PS_OK : failed(lo);
    }
    if (node->settings) {
        out->kind = PS_STATEMENT_SHOW_ALL;
        return PS_OK;
    }
    if (ps_lower_is_relation(lo, &node->name)) {
        const ps_sql_describe describe = {.head = node->head, .name = node->name};
        return lower_plan_statement(lo, ps_lower_describe(lo, &describe), out);
    }
    if (lo->cx->error.code != PS_OK) return failed(lo);
    out->kind = PS_STATEMENT_SHOW;
    if (node->name.n == 0)
        return ps_lower_unsupported(lo, &node->head, "SHOW without a name"), PS_UNSUPPORTED;
    out->name = node->name.at[node->name.n - 1].text;
    out->at = node->name.at[node->name.n - 1].offset;
    return PS_OK;
}

/* ---- EXPLAIN ---- */

static ps_status explain_format(ps_lower *lo, const ps_sql_option *option, ps_statement *out)
{
    ps_value value;

    if (!option->value)
        return ps_lower_fail(lo, &option->head, PS_PARSE, "FORMAT needs a value"), PS_PARSE;
    PS_TRY(setting_value(lo, option->value, &value));
    ps_str text = value.type.id == PS_TYPE_STRING && !value.null ? value.str : PS_STR("");
    if (ps_str_equal_nocase(text, PS_STR("text"))) out->form = PS_PLAN_TEXT;
    else if (ps_str_equal_nocase(text, PS_STR("json"))) out->form = PS_PLAN_JSON;
    else if (ps_str_equal_nocase(text, PS_STR("graphviz"))) out->form = PS_PLAN_GRAPHVIZ;
    else
        return ps_lower_fail(lo, &option->head, PS_BIND,
                             "EXPLAIN's formats are text, json and graphviz"),
               PS_BIND;
    return PS_OK;
}

static ps_status lower_explain(ps_lower *lo, const ps_sql_explain *node, ps_statement *out)
{
    ps_statement *inner = PS_ARENA_NEW(lo->cx, lo->arena, ps_statement);

    if (!inner) return PS_MEMORY;
    out->kind = PS_STATEMENT_EXPLAIN;
    out->analyze = node->analyze;
    out->rules = node->rules;
    for (uint32_t i = 0; i < node->options.n; i++) {
        const ps_sql_option *option = (const ps_sql_option *)(const void *)node->options.at[i];
        if (ps_str_equal_nocase(option->name.text, PS_STR("analyze"))) out->analyze = true;
        else if (ps_str_equal_nocase(option->name.text, PS_STR("rules"))) out->rules = true;
        else if (ps_str_equal_nocase(option->name.text, PS_STR("bound"))) out->bound = true;
        else if (ps_str_equal_nocase(option->name.text, PS_STR("optimized"))) out->bound = false;
        else if (ps_str_equal_nocase(option->name.text, PS_STR("format")))
            PS_TRY(explain_format(lo, option, out));
        else
            return ps_lower_fail(lo, &option->head, PS_BIND, "EXPLAIN has no option \"%.*s\"",
                                 PS_STR_ARGS(option->name.text)),
                   PS_BIND;
    }
    if (out->bound && (out->analyze || out->rules))
        return ps_lower_fail(lo, &node->head, PS_BIND,
                             "a plan as it was bound is not run: BOUND goes without ANALYZE and "
                             "RULES"),
               PS_BIND;
    PS_TRY(ps_lower_statement(lo, node->statement, inner));
    out->inner = inner;
    return PS_OK;
}

/* ---- PREPARE ---- */

static ps_status lower_prepare(ps_lower *lo, const ps_sql_prepare *node, ps_statement *out)
{
    ps_statement checked = {.kind = PS_STATEMENT_NONE};

    if (node->types.n)
        return ps_lower_unsupported(lo, node->types.at[0], "types of parameters"), PS_UNSUPPORTED;
    /* bound once without values, so that mistakes show now */
    lo->preparing = true;
    const ps_status st = ps_lower_statement(lo, node->statement, &checked);
    lo->preparing = false;
    PS_TRY(st);
    out->kind = PS_STATEMENT_PREPARE;
    out->name = node->name.text;
    out->at = node->name.offset;
    out->sql = ps_lower_print(lo, node->statement);
    return out->sql.at ? PS_OK : failed(lo);
}

static ps_status lower_execute(ps_lower *lo, const ps_sql_execute *node, ps_statement *out)
{
    ps_value *values = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_value, node->args.n + 1);
    ps_str *names = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_str, node->args.n + 1);
    uint32_t n_named = 0;

    if (!values || !names) return PS_MEMORY;
    out->kind = PS_STATEMENT_EXECUTE;
    out->name = node->name.text;
    out->at = node->name.offset;
    for (uint32_t i = 0; i < node->args.n; i++) {
        const ps_sql_named *named = ps_sql_as(named, NAMED, node->args.at[i]);
        if (i > 0 && (named != NULL) != (n_named > 0))
            return ps_lower_fail(lo, node->args.at[i], PS_BIND,
                                 "values of parameters are named or numbered, not both"),
                   PS_BIND;
        if (named) names[n_named++] = named->name.text;
        PS_TRY(
            ps_lower_constant(lo, named ? named->value : node->args.at[i], "EXECUTE", &values[i]));
    }
    out->values = values;
    out->value_names = n_named ? names : NULL;
    out->n_values = node->args.n;
    return PS_OK;
}

static ps_status lower_named(ps_lower *lo, const ps_sql_node *node, const ps_sql_idents *name,
                             ps_statement_kind kind, ps_statement *out)
{
    out->kind = kind;
    out->at = name->n ? name->at[name->n - 1].offset : node->start;
    return ps_lower_schema_name(lo, node, name, &out->schema, &out->name) ? PS_OK : failed(lo);
}

static ps_status dispatch(ps_lower *lo, const ps_sql_node *node, ps_statement *out)
{
    switch ((ps_sql_kind)node->kind) {
    case PS_SQL_QUERY: return lower_query_statement(lo, node, out);
    case PS_SQL_CREATE_TABLE:
        return ps_lower_create_table(lo, (const ps_sql_create_table *)(const void *)node, out);
    case PS_SQL_CREATE_VIEW:
        return ps_lower_create_view(lo, (const ps_sql_create_view *)(const void *)node, out);
    case PS_SQL_CREATE_INDEX:
        return ps_lower_create_index(lo, (const ps_sql_create_index *)(const void *)node, out);
    case PS_SQL_CREATE_SCHEMA: {
        const ps_sql_create_schema *schema = (const ps_sql_create_schema *)(const void *)node;
        out->replace = schema->replace;
        out->if_not_exists = schema->if_not_exists;
        return lower_named(lo, node, &schema->name, PS_STATEMENT_CREATE_SCHEMA, out);
    }
    case PS_SQL_INSERT: return ps_lower_insert(lo, (const ps_sql_insert *)(const void *)node, out);
    case PS_SQL_DROP: return lower_drop(lo, (const ps_sql_drop *)(const void *)node, out);
    case PS_SQL_COPY_TO:
        return ps_lower_copy_to(lo, (const ps_sql_copy_to *)(const void *)node, out);
    case PS_SQL_COPY_FROM:
        return ps_lower_copy_from(lo, (const ps_sql_copy_from *)(const void *)node, out);
    case PS_SQL_DESCRIBE:
        return lower_plan_statement(
            lo, ps_lower_describe(lo, (const ps_sql_describe *)(const void *)node), out);
    case PS_SQL_SHOW: return lower_show(lo, (const ps_sql_show *)(const void *)node, out);
    case PS_SQL_SET: return lower_set(lo, (const ps_sql_set *)(const void *)node, out);
    case PS_SQL_PRAGMA: return lower_pragma(lo, (const ps_sql_pragma *)(const void *)node, out);
    case PS_SQL_EXPLAIN: return lower_explain(lo, (const ps_sql_explain *)(const void *)node, out);
    case PS_SQL_PREPARE: return lower_prepare(lo, (const ps_sql_prepare *)(const void *)node, out);
    case PS_SQL_EXECUTE: return lower_execute(lo, (const ps_sql_execute *)(const void *)node, out);
    case PS_SQL_DEALLOCATE:
        out->kind = PS_STATEMENT_DEALLOCATE;
        out->name = ((const ps_sql_deallocate *)(const void *)node)->name.text;
        return PS_OK;
    case PS_SQL_USE:
        return lower_named(lo, node, &((const ps_sql_use *)(const void *)node)->name,
                           PS_STATEMENT_USE, out);
    default:
        ps_lower_unsupported(lo, node, ps_sql_kind_name((ps_sql_kind)node->kind));
        return PS_UNSUPPORTED;
    }
}

ps_status ps_lower_statement(ps_lower *lo, const ps_sql_node *node, ps_statement *out)
{
    if (!ps_lower_enter(lo, node)) return failed(lo);
    ps_status st = dispatch(lo, node, out);
    lo->depth--;
    if (st != PS_OK) ps_lower_fail_at(lo, node);
    return st;
}
