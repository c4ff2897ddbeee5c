/* front/sql/lower_ddl.c -- CREATE TABLE, CREATE INDEX, CREATE VIEW, INSERT and COPY.
 *
 * Tests: tests/unit/test_lower.c, tests/slt/sql/keys.test, tests/slt/sql/statement.test */
#include "bind/copy.h"
#include "front/sql/lower_int.h"

static ps_status failed(const ps_lower *lo) { return lo->cx->error.code; }

static void release_schema(void *schema) { ps_schema_unref(schema); }

/* ---- CREATE TABLE ---- */

/* The keys of a table as they are found. */
typedef struct key_list {
    ps_key_def *at;
    uint32_t n;
    ps_field *fields;
    uint32_t n_fields;
} key_list;

static ps_status add_key(ps_lower *lo, key_list *list, const ps_sql_constraint *node,
                         const uint32_t *cols, uint32_t n)
{
    const bool primary = node->kind == PS_SQL_CONSTRAINT_PRIMARY_KEY;

    for (uint32_t i = 0; primary && i < list->n; i++)
        if (list->at[i].kind == PS_KEY_PRIMARY)
            return ps_lower_fail(lo, &node->head, PS_BIND, "a table has one PRIMARY KEY only"),
                   PS_BIND;
    for (uint32_t i = 0; primary && i < n; i++) list->fields[cols[i]].nullable = false;
    list->at[list->n++] = (ps_key_def){.name = node->name.text,
                                       .kind = primary ? PS_KEY_PRIMARY : PS_KEY_UNIQUE,
                                       .n_cols = n,
                                       .cols = cols};
    return PS_OK;
}

static ps_status table_constraint(ps_lower *lo, key_list *list, const ps_sql_constraint *node)
{
    uint32_t *cols = PS_ARENA_ARRAY(lo->cx, lo->arena, uint32_t, node->columns.n + 1);

    if (!cols) return PS_MEMORY;
    if (node->kind != PS_SQL_CONSTRAINT_PRIMARY_KEY && node->kind != PS_SQL_CONSTRAINT_UNIQUE)
        return ps_lower_unsupported(lo, &node->head, "this constraint"), PS_UNSUPPORTED;
    for (uint32_t i = 0; i < node->columns.n; i++) {
        const ps_sql_ident *name = &node->columns.at[i];
        uint32_t c = 0;
        while (c < list->n_fields && !ps_lower_same(lo, name, list->fields[c].name)) c++;
        if (c == list->n_fields)
            return ps_lower_fail(lo, &node->head, PS_BIND, "the table has no column \"%.*s\"",
                                 PS_STR_ARGS(name->text)),
                   PS_BIND;
        for (uint32_t k = 0; k < i; k++)
            if (cols[k] == c)
                return ps_lower_fail(lo, &node->head, PS_BIND,
                                     "the column \"%.*s\" is in the key twice",
                                     PS_STR_ARGS(name->text)),
                       PS_BIND;
        cols[i] = c;
    }
    return add_key(lo, list, node, cols, node->columns.n);
}

static ps_status column_constraints(ps_lower *lo, const ps_sql_column_def *def, uint32_t c,
                                    key_list *keys)
{
    for (uint32_t i = 0; i < def->constraints.n; i++) {
        const ps_sql_constraint *node =
            (const ps_sql_constraint *)(const void *)def->constraints.at[i];
        if (node->kind == PS_SQL_CONSTRAINT_NOT_NULL) {
            keys->fields[c].nullable = false;
        } else if (node->kind == PS_SQL_CONSTRAINT_PRIMARY_KEY ||
                   node->kind == PS_SQL_CONSTRAINT_UNIQUE) {
            uint32_t *col = PS_ARENA_NEW(lo->cx, lo->arena, uint32_t);
            if (!col) return PS_MEMORY;
            *col = c;
            PS_TRY(add_key(lo, keys, node, col, 1));
        } else if (node->kind != PS_SQL_CONSTRAINT_NULLABLE) {
            return ps_lower_unsupported(lo, &node->head, "this constraint"), PS_UNSUPPORTED;
        }
    }
    return PS_OK;
}

static ps_status column_list(ps_lower *lo, const ps_sql_create_table *node, ps_statement *out)
{
    const uint32_t n = node->columns.n;
    ps_field *fields = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_field, n + 1);

    uint32_t n_keys = node->constraints.n;
    for (uint32_t i = 0; i < n; i++)
        n_keys += ((const ps_sql_column_def *)(const void *)node->columns.at[i])->constraints.n;
    key_list keys = {.at = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_key_def, n_keys + 1),
                     .fields = fields,
                     .n_fields = n};
    if (!fields || !keys.at) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        const ps_sql_column_def *def = (const ps_sql_column_def *)(const void *)node->columns.at[i];
        fields[i] = (ps_field){.name = def->name.text, .nullable = true};
        if (!def->type)
            return ps_lower_unsupported(lo, &def->head, "a generated column"), PS_UNSUPPORTED;
        if (!ps_lower_type(lo, (const ps_sql_type *)(const void *)def->type, &fields[i].type))
            return failed(lo);
        PS_TRY(column_constraints(lo, def, i, &keys));
        for (uint32_t k = 0; k < i; k++)
            if (ps_str_equal_nocase(fields[k].name, fields[i].name))
                return ps_lower_fail(lo, &def->head, PS_BIND,
                                     "the table has the column \"%.*s\" twice",
                                     PS_STR_ARGS(fields[i].name)),
                       PS_BIND;
    }
    for (uint32_t i = 0; i < node->constraints.n; i++)
        PS_TRY(table_constraint(lo, &keys,
                                (const ps_sql_constraint *)(const void *)node->constraints.at[i]));
    out->keys = keys.at;
    out->n_keys = keys.n;
    PS_TRY(ps_schema_new(lo->cx, fields, n, &out->columns));
    return ps_arena_own(lo->cx, lo->arena, out->columns, release_schema);
}

/* The query of CREATE TABLE AS: its names, unique; columns of no type become INTEGER. */
static ps_status table_query(ps_lower *lo, const ps_sql_create_table *node, ps_statement *out)
{
    const ps_node *plan = ps_lower_query(lo, node->query, NULL);

    if (!plan) return failed(lo);
    ps_type *types = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_type, plan->n_cols + 1);
    ps_str *names = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_str, plan->n_cols + 1);
    if (!types || !names) return PS_MEMORY;
    if (node->aliases.n > plan->n_cols)
        return ps_lower_fail(lo, &node->head, PS_BIND,
                             "the query gives %u columns, %u names are given", plan->n_cols,
                             node->aliases.n),
               PS_BIND;
    for (uint32_t i = 0; i < plan->n_cols; i++) {
        types[i] = plan->cols[i].type.id == PS_TYPE_NULL ? PS_TYPE(INT32) : plan->cols[i].type;
        names[i] = i < node->aliases.n ? node->aliases.at[i].text : plan->cols[i].name;
        /* a, a becomes a, a_1 as in DuckDB: a table's names are unique */
        for (uint32_t k = 0, copy = 0; k < i; k++) {
            if (!ps_str_equal_nocase(names[k], names[i])) continue;
            const char *name = ps_arena_printf(lo->cx, lo->arena, "%.*s_%u",
                                               PS_STR_ARGS(plan->cols[i].name), ++copy);
            if (!name) return PS_MEMORY;
            names[i] = ps_str_of(name);
            k = (uint32_t)-1;
        }
    }
    out->plan = ps_lower_cast_cols(lo, plan, types, names);
    if (out->plan && node->no_data) out->plan = ps_node_limit_new(lo->p, out->plan, 0, 0);
    return out->plan ? PS_OK : failed(lo);
}

ps_status ps_lower_create_table(ps_lower *lo, const ps_sql_create_table *node, ps_statement *out)
{
    out->kind = PS_STATEMENT_CREATE_TABLE;
    out->at = node->name.n ? node->name.at[node->name.n - 1].offset : node->head.start;
    out->replace = node->replace;
    out->temporary = node->temporary;
    out->if_not_exists = node->if_not_exists;
    if (!ps_lower_schema_name(lo, &node->head, &node->name, &out->schema, &out->name))
        return failed(lo);
    return node->query ? table_query(lo, node, out) : column_list(lo, node, out);
}

/* ---- CREATE VIEW ---- */

ps_status ps_lower_create_view(ps_lower *lo, const ps_sql_create_view *node, ps_statement *out)
{
    ps_str *names = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_str, node->columns.n + 1);

    if (!names) return PS_MEMORY;
    if (node->recursive)
        return ps_lower_unsupported(lo, &node->head, "a recursive view"), PS_UNSUPPORTED;
    out->kind = PS_STATEMENT_CREATE_VIEW;
    out->at = node->name.n ? node->name.at[node->name.n - 1].offset : node->head.start;
    out->replace = node->replace;
    out->temporary = node->temporary;
    out->if_not_exists = node->if_not_exists;
    if (!ps_lower_schema_name(lo, &node->head, &node->name, &out->schema, &out->name))
        return failed(lo);
    const ps_node *plan = ps_lower_query(lo, node->query, NULL);
    if (!plan) return failed(lo);
    if (node->columns.n > plan->n_cols)
        return ps_lower_fail(lo, &node->head, PS_BIND,
                             "the query gives %u columns, %u names are given", plan->n_cols,
                             node->columns.n),
               PS_BIND;
    for (uint32_t i = 0; i < node->columns.n; i++) names[i] = node->columns.at[i].text;
    out->names = (ps_names){names, node->columns.n};
    out->sql = ps_lower_print(lo, node->query);
    return out->sql.at ? PS_OK : failed(lo);
}

/* ---- tables and their columns by name ---- */

bool ps_lower_find_table(ps_lower *lo, const ps_sql_node *node, const ps_sql_idents *name,
                         ps_bind_found *out)
{
    ps_str schema, object;
    bool found = false;

    if (!ps_lower_schema_name(lo, node, name, &schema, &object)) return false;
    if (lo->env->table(lo->cx, lo->arena, lo->env->user, schema, object, &found, out) != PS_OK) {
        ps_lower_fail_at(lo, node);
        return false;
    }
    if (!found) ps_lower_no_table(lo, &name->at[name->n - 1]);
    return found;
}

static bool find_column(ps_lower *lo, const ps_schema *schema, const ps_sql_ident *name,
                        uint32_t *out)
{
    ps_near near = ps_near_of(name->text);

    for (*out = 0; *out < schema->n; ++*out) {
        if (ps_lower_same(lo, name, schema->fields[*out].name)) return true;
        ps_near_add(&near, schema->fields[*out].name);
    }
    ps_fail(lo->cx, PS_BIND, "the table has no column \"%.*s\"", PS_STR_ARGS(name->text));
    ps_near_hint(lo->cx, &near);
    if (lo->n_views == 0) ps_fail_at(lo->cx, name->offset);
    return false;
}

/* ---- CREATE INDEX ---- */

ps_status ps_lower_create_index(ps_lower *lo, const ps_sql_create_index *node, ps_statement *out)
{
    ps_key_def *key = PS_ARENA_NEW(lo->cx, lo->arena, ps_key_def);
    uint32_t *cols = PS_ARENA_ARRAY(lo->cx, lo->arena, uint32_t, node->sorts.n + 1);
    ps_bind_found found = {0};

    if (!key || !cols) return PS_MEMORY;
    if (node->name.n != 1)
        return ps_lower_unsupported(lo, &node->head, "an index with a schema"), PS_UNSUPPORTED;
    if (!ps_lower_schema_name(lo, &node->head, &node->table, &out->schema, &out->table) ||
        !ps_lower_find_table(lo, &node->head, &node->table, &found))
        return failed(lo);
    if (found.is_view)
        return ps_lower_fail(lo, &node->head, PS_BIND, "a view has no indexes"), PS_BIND;
    for (uint32_t i = 0; i < node->sorts.n; i++) {
        const ps_sql_sort *sort = (const ps_sql_sort *)(const void *)node->sorts.at[i];
        const ps_sql_column *column = ps_sql_as(column, COLUMN, sort->expr);
        if (!column || column->parts.n != 1)
            return ps_lower_unsupported(lo, &sort->head, "an index of an expression"),
                   PS_UNSUPPORTED;
        if (!find_column(lo, found.source->schema, &column->parts.at[0], &cols[i]))
            return failed(lo);
    }
    out->kind = PS_STATEMENT_CREATE_INDEX;
    out->name = node->name.at[0].text;
    out->at = node->name.at[0].offset;
    out->if_not_exists = node->if_not_exists;
    *key = (ps_key_def){.name = out->name,
                        .kind = node->unique ? PS_KEY_UNIQUE_INDEX : PS_KEY_INDEX,
                        .n_cols = node->sorts.n,
                        .cols = cols};
    out->keys = key;
    out->n_keys = 1;
    return PS_OK;
}

/* ---- INSERT ---- */

/* from[c]: which output of the plan goes into column c of the table; UINT32_MAX: null. */
static bool map_columns(ps_lower *lo, const ps_sql_node *node, const ps_schema *schema,
                        const ps_sql_idents *columns, uint32_t n_given, uint32_t *from)
{
    const uint32_t n = columns->n ? columns->n : schema->n;

    for (uint32_t c = 0; c < schema->n; c++) from[c] = columns->n ? UINT32_MAX : c;
    if (n_given != n) {
        ps_lower_fail(lo, node, PS_BIND, "%u values are given for %u columns", n_given, n);
        return false;
    }
    for (uint32_t i = 0; i < columns->n; i++) {
        uint32_t c;
        if (!find_column(lo, schema, &columns->at[i], &c)) return false;
        if (from[c] != UINT32_MAX) {
            ps_lower_fail(lo, node, PS_BIND, "the column \"%.*s\" is given twice",
                          PS_STR_ARGS(columns->at[i].text));
            return false;
        }
        from[c] = i;
    }
    return true;
}

/* The plan's outputs in the table's order and types. */
static const ps_node *fit_table(ps_lower *lo, const ps_node *plan, const ps_schema *schema,
                                const uint32_t *from)
{
    ps_item *items = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_item, schema->n + 1);

    for (uint32_t c = 0; items && c < schema->n; c++) {
        const ps_field *field = &schema->fields[c];
        ps_value null = ps_value_null(field->type);
        const ps_expr *e = from[c] == UINT32_MAX
                               ? ps_expr_literal(lo->cx, lo->arena, &null)
                               : ps_lower_cast(lo, ps_lower_column_of(lo, &plan->cols[from[c]]),
                                               field->type, PS_CAST_ERROR);
        items[c] = (ps_item){{ps_planner_id(lo->p), field->type, true, field->name}, e};
        if (!e) return NULL;
    }
    return items ? ps_node_project_new(lo->p, plan, items, schema->n) : NULL;
}

static const ps_node *insert_rows(ps_lower *lo, const ps_sql_insert *node, const ps_schema *schema,
                                  uint32_t *from)
{
    if (node->default_values) {
        for (uint32_t c = 0; c < schema->n; c++) from[c] = UINT32_MAX;
        return ps_lower_one_row(lo);
    }
    const ps_node *plan = ps_lower_query(lo, node->query, NULL);
    if (!plan) return NULL;
    if (!node->by_name)
        return map_columns(lo, &node->head, schema, &node->columns, plan->n_cols, from) ? plan
                                                                                        : NULL;
    ps_sql_idents names = {PS_ARENA_ARRAY(lo->cx, lo->arena, ps_sql_ident, plan->n_cols + 1),
                           plan->n_cols, plan->n_cols};
    if (!names.at) return NULL;
    for (uint32_t i = 0; i < plan->n_cols; i++)
        names.at[i] = (ps_sql_ident){plan->cols[i].name, node->head.start, false};
    return map_columns(lo, &node->head, schema, &names, plan->n_cols, from) ? plan : NULL;
}

ps_status ps_lower_insert(ps_lower *lo, const ps_sql_insert *node, ps_statement *out)
{
    ps_bind_found found = {0};

    if (node->replace || node->ignore || node->conflict)
        return ps_lower_unsupported(lo, node->conflict ? node->conflict : &node->head,
                                    "a conflict clause"),
               PS_UNSUPPORTED;
    if (node->returning.n)
        return ps_lower_unsupported(lo, node->returning.at[0], "RETURNING"), PS_UNSUPPORTED;
    out->kind = PS_STATEMENT_INSERT;
    out->at = node->name.n ? node->name.at[node->name.n - 1].offset : node->head.start;
    if (!ps_lower_schema_name(lo, &node->head, &node->name, &out->schema, &out->name) ||
        !ps_lower_find_table(lo, &node->head, &node->name, &found))
        return failed(lo);
    if (found.is_view)
        return ps_lower_fail(lo, &node->head, PS_BIND, "rows can't be inserted into a view"),
               PS_BIND;
    const ps_schema *schema = found.source->schema;
    uint32_t *from = PS_ARENA_ARRAY(lo->cx, lo->arena, uint32_t, schema->n + 1);
    const ps_node *plan = from ? insert_rows(lo, node, schema, from) : NULL;
    out->plan = plan ? fit_table(lo, plan, schema, from) : NULL;
    return out->plan ? PS_OK : failed(lo);
}

/* ---- COPY ---- */

/* One value of an option: a constant, a bare word as text. */
static ps_status option_part(ps_lower *lo, const ps_sql_node *node, ps_value *out)
{
    const ps_sql_column *word = ps_sql_as(column, COLUMN, node);

    if (word && word->parts.n == 1) {
        *out = ps_value_str(word->parts.at[0].text);
        return PS_OK;
    }
    return ps_lower_constant(lo, node, "an option", out);
}

/* An option's value: nothing as true, (a, b) and [a, b] as a list of texts. */
static ps_status option_value(ps_lower *lo, const ps_sql_option *option, ps_value *out)
{
    const ps_sql_row *row = ps_sql_as(row, ROW, option->value);
    const ps_sql_list_literal *list = ps_sql_as(list_literal, LIST, option->value);

    if (!option->value) {
        *out = ps_value_bool(true);
        return PS_OK;
    }
    if (option->value->kind == PS_SQL_STAR)
        return ps_lower_unsupported(lo, option->value, "* as an option"), PS_UNSUPPORTED;
    if (!row && !list) return option_part(lo, option->value, out);
    const ps_sql_list *items = row ? &row->items : &list->items;
    ps_value *values = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_value, items->n + 1);
    const ps_field item = {.name = PS_STR("item"), .type = PS_TYPE(STRING), .nullable = true};
    if (!values) return PS_MEMORY;
    for (uint32_t i = 0; i < items->n; i++) {
        PS_TRY(option_part(lo, items->at[i], &values[i]));
        if (values[i].null || values[i].type.id != PS_TYPE_STRING)
            return ps_lower_fail(lo, items->at[i], PS_BIND, "a list of an option holds names"),
                   PS_BIND;
    }
    *out = (ps_value){.items = values, .n_items = items->n};
    PS_TRY(ps_type_list(lo->cx, &item, &out->type));
    const ps_status st = ps_type_keep(lo->cx, lo->arena, out->type);
    ps_type_unref(out->type); /* the arena has its own reference */
    return st;
}

/* Options but FORMAT, whose value goes to *format (empty: by the path). */
static ps_status copy_options(ps_lower *lo, const ps_sql_list *list, ps_str *format,
                              ps_options *out)
{
    ps_option *options = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_option, list->n + 1);

    *format = (ps_str){NULL, 0};
    *out = (ps_options){options, 0};
    if (!options) return PS_MEMORY;
    for (uint32_t i = 0; i < list->n; i++) {
        const ps_sql_option *option = (const ps_sql_option *)(const void *)list->at[i];
        ps_value value;
        PS_TRY(option_value(lo, option, &value));
        if (ps_str_equal_nocase(option->name.text, PS_STR("format"))) {
            if (value.null || value.type.id != PS_TYPE_STRING)
                return ps_lower_fail(lo, &option->head, PS_BIND, "FORMAT takes a format's name"),
                       PS_BIND;
            *format = value.str;
            continue;
        }
        options[out->n++] = (ps_option){option->name.text, value, option->name.offset};
    }
    return PS_OK;
}

static ps_status copy_path(ps_lower *lo, const ps_sql_node *node, ps_str *out)
{
    ps_value value;

    PS_TRY(ps_lower_constant(lo, node, "the path of COPY", &value));
    if (value.null || value.type.id != PS_TYPE_STRING)
        return ps_lower_fail(lo, node, PS_BIND, "the path of COPY is a text"), PS_BIND;
    *out = value.str;
    return PS_OK;
}

/* COPY t (a, b) TO: those columns of the table. */
static const ps_node *copy_table(ps_lower *lo, const ps_sql_copy_to *node)
{
    const ps_sql_table table = {.head = {.kind = PS_SQL_TABLE,
                                         .depth = 1,
                                         .start = node->head.start,
                                         .end = node->head.end},
                                .name = node->name};
    ps_scope scope;
    const ps_node *plan = ps_lower_table(lo, &table.head, NULL, &scope);

    if (!plan || node->columns.n == 0) return plan;
    ps_item *items = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_item, node->columns.n + 1);
    for (uint32_t i = 0; items && i < node->columns.n; i++) {
        const ps_sql_ident *name = &node->columns.at[i];
        const ps_name part = {name->text, name->quoted, name->offset};
        ps_scope_hit hit;
        if (ps_scope_find_in(lo->cx, lo->dialect, &scope, &part, 1, &hit) != PS_OK) return NULL;
        if (!hit.col) return ps_scope_unknown(lo->cx, lo->dialect, &scope, &part, 1), NULL;
        items[i] = (ps_item){{ps_planner_id(lo->p), hit.col->type, true, hit.col->name},
                             ps_expr_column(lo->cx, lo->arena, hit.col->id, hit.col->type)};
        if (!items[i].expr) return NULL;
    }
    return items ? ps_node_project_new(lo->p, plan, items, node->columns.n) : NULL;
}

ps_status ps_lower_copy_to(ps_lower *lo, const ps_sql_copy_to *node, ps_statement *out)
{
    ps_sink_spec *sink = PS_ARENA_NEW(lo->cx, lo->arena, ps_sink_spec);
    ps_options options;
    ps_str format;

    if (!sink) return PS_MEMORY;
    out->kind = PS_STATEMENT_COPY;
    out->at = node->head.start;
    PS_TRY(copy_path(lo, node->path, &sink->path));
    PS_TRY(copy_options(lo, &node->options, &format, &options));
    ps_status st = lo->env->sink(lo->cx, lo->env->user, format, sink->path, &sink->class);
    if (st != PS_OK) return ps_lower_fail_at(lo, node->path), st;
    const ps_node *plan =
        node->query ? ps_lower_query(lo, node->query, NULL) : copy_table(lo, node);
    if (!plan) return failed(lo);
    PS_TRY(ps_bind_write(lo->cx, lo->arena, plan, &options, sink));
    out->plan = ps_node_write_new(lo->p, plan, sink, PS_STR("Count"));
    return out->plan ? PS_OK : failed(lo);
}

ps_status ps_lower_copy_from(ps_lower *lo, const ps_sql_copy_from *node, ps_statement *out)
{
    ps_bind_found found = {0};
    ps_source *source = NULL;
    ps_options options;
    ps_str format, path;

    out->kind = PS_STATEMENT_INSERT;
    out->at = node->name.n ? node->name.at[node->name.n - 1].offset : node->head.start;
    if (!ps_lower_schema_name(lo, &node->head, &node->name, &out->schema, &out->name) ||
        !ps_lower_find_table(lo, &node->head, &node->name, &found))
        return failed(lo);
    if (found.is_view)
        return ps_lower_fail(lo, &node->head, PS_BIND, "rows can't be copied into a view"), PS_BIND;
    PS_TRY(copy_path(lo, node->path, &path));
    PS_TRY(copy_options(lo, &node->options, &format, &options));
    ps_status st =
        lo->env->copy_from(lo->cx, lo->arena, lo->env->user, format, path, &options, &source);
    if (st != PS_OK) return ps_lower_fail_at(lo, node->path), st;
    const ps_node *scan = ps_node_scan_all(lo->p, source);
    const ps_schema *schema = found.source->schema;
    uint32_t *from = PS_ARENA_ARRAY(lo->cx, lo->arena, uint32_t, schema->n + 1);
    if (!scan || !from || !map_columns(lo, &node->head, schema, &node->columns, scan->n_cols, from))
        return failed(lo);
    out->plan = fit_table(lo, scan, schema, from);
    return out->plan ? PS_OK : failed(lo);
}
