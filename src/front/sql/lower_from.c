/* front/sql/lower_from.c -- what stands in FROM: tables, views, CTEs, files, functions, subqueries.
 *
 * Tests: tests/unit/test_lower.c, tests/slt/sql/from.test */
#include "front/sql/lower_int.h"

#include "front/sql/parser.h"

/* ---- scopes of one table ---- */

/* The columns of node under an alias, some renamed by t(a, b). */
static bool add_to_scope(ps_lower *lo, const ps_sql_node *at, ps_scope *scope, ps_str schema,
                         ps_str alias, const ps_sql_idents *renamed, const ps_node *node)
{
    ps_col *cols = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_col, node->n_cols + 1);

    if (!cols) return false;
    for (uint32_t i = 0; i < node->n_cols; i++) cols[i] = node->cols[i];
    if (renamed->n > node->n_cols) {
        ps_lower_fail(lo, at, PS_BIND, "\"%.*s\" has %u columns, %u names are given",
                      PS_STR_ARGS(alias), node->n_cols, renamed->n);
        return false;
    }
    for (uint32_t i = 0; i < renamed->n; i++) cols[i].name = renamed->at[i].text;
    if (ps_scope_add(lo->cx, lo->arena, scope, schema, alias, cols, node->n_cols) == PS_OK)
        return true;
    ps_lower_fail_at(lo, at);
    return false;
}

/* ---- names ---- */

static const ps_node *cte_reference(ps_lower *lo, const ps_lower_cte *cte)
{
    const ps_node *shared = cte->plan;
    ps_col *cols = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_col, shared->n_cols + 1);

    if (!cols) return NULL;
    for (uint32_t i = 0; i < shared->n_cols; i++) {
        cols[i] = shared->cols[i];
        cols[i].id = ps_planner_id(lo->p);
        if (cte->columns && i < cte->columns->n) cols[i].name = cte->columns->at[i].text;
    }
    return ps_node_subplan_new(lo->p, shared, cte->name.text, cols);
}

static const ps_lower_cte *find_cte(const ps_lower *lo, const ps_sql_ident *name)
{
    for (const ps_lower_cte *cte = lo->ctes; cte; cte = cte->next)
        if (ps_lower_same(lo, name, cte->name.text)) return cte;
    return NULL;
}

static const ps_node *expand_view(ps_lower *lo, const ps_bind_found *view)
{
    ps_lower inner = *lo;
    ps_sql_statements statements;

    inner.text = view->view_text;
    inner.ctes = NULL;
    inner.n_views++;
    if (inner.n_views > PS_LOWER_VIEWS_MAX) {
        ps_fail(lo->cx, PS_UNSUPPORTED, "views are nested deeper than %d", PS_LOWER_VIEWS_MAX);
        return NULL;
    }
    if (ps_sql_parse(lo->cx, lo->arena, view->view_text, &statements) != PS_OK) {
        lo->cx->error.offset = 0;
        return NULL;
    }
    if (statements.n != 1)
        return ps_fail(lo->cx, PS_INTERNAL, "a view's text holds no statement"), NULL;
    const ps_node *node = ps_lower_query(&inner, statements.at[0].node, NULL);
    if (!node || view->n_view_columns == 0) return node;
    if (view->n_view_columns > node->n_cols)
        return ps_fail(lo->cx, PS_BIND, "the view names more columns than it has now"), NULL;
    ps_str *names = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_str, node->n_cols + 1);
    ps_type *types = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_type, node->n_cols + 1);
    if (!names || !types) return NULL;
    for (uint32_t i = 0; i < node->n_cols; i++) {
        names[i] = i < view->n_view_columns ? view->view_columns[i] : node->cols[i].name;
        types[i] = node->cols[i].type;
    }
    return ps_lower_cast_cols(lo, node, types, names);
}

static void near_name(void *user, ps_str name) { ps_near_add(user, name); }

ps_status ps_lower_no_table(ps_lower *lo, const ps_sql_ident *name)
{
    ps_near near = ps_near_of(name->text);

    for (const ps_lower_cte *cte = lo->ctes; cte; cte = cte->next)
        ps_near_add(&near, cte->name.text);
    if (lo->env->names) lo->env->names(lo->env->user, 0, near_name, &near);
    ps_fail(lo->cx, PS_BIND, "no table or view has the name \"%.*s\"", PS_STR_ARGS(name->text));
    ps_near_hint(lo->cx, &near);
    if (lo->n_views == 0) ps_fail_at(lo->cx, name->offset);
    return PS_BIND;
}

bool ps_lower_schema_name(ps_lower *lo, const ps_sql_node *node, const ps_sql_idents *name,
                          ps_str *schema, ps_str *object)
{
    *schema = (ps_str){NULL, 0};
    if (name->n == 0 || name->n > 3) {
        ps_lower_fail(lo, node, PS_BIND, "a name has up to three parts");
        return false;
    }
    /* the catalog's name before the schema's says nothing here: there is one catalog */
    if (name->n >= 2) *schema = name->at[name->n - 2].text;
    *object = name->at[name->n - 1].text;
    return true;
}

bool ps_lower_is_relation(ps_lower *lo, const ps_sql_idents *name)
{
    const ps_sql_node at = {.kind = PS_SQL_TABLE};
    ps_str schema, object;
    ps_bind_found found;
    bool is_there = false;

    if (name->n == 0 || !ps_lower_schema_name(lo, &at, name, &schema, &object)) return false;
    return lo->env->table(lo->cx, lo->arena, lo->env->user, schema, object, &is_there, &found) ==
               PS_OK &&
           is_there;
}

static const ps_node *lower_name(ps_lower *lo, const ps_sql_table *node, ps_scope *scope)
{
    const ps_sql_ident *last = &node->name.at[node->name.n - 1];
    ps_str schema, name, alias = node->alias.text.n ? node->alias.text : last->text;
    const ps_lower_cte *cte = node->name.n == 1 ? find_cte(lo, last) : NULL;
    const ps_node *out = NULL;

    if (node->sample) return ps_lower_unsupported(lo, node->sample, "a sample");
    if (node->at) return ps_lower_unsupported(lo, node->at, "a table at an earlier time");
    if (!ps_lower_schema_name(lo, &node->head, &node->name, &schema, &name)) return NULL;
    if (cte) {
        out = cte_reference(lo, cte);
    } else {
        ps_bind_found found = {0};
        bool is_there = false;
        if (lo->env->table(lo->cx, lo->arena, lo->env->user, schema, name, &is_there, &found) !=
            PS_OK)
            return NULL;
        if (!is_there) return ps_lower_no_table(lo, last), NULL;
        out = found.is_view ? expand_view(lo, &found) : ps_node_scan_all(lo->p, found.source);
        if (!out && found.is_view) {
            lo->cx->error.offset =
                0; /* of the view's text: the caller places it where the view is named */
            ps_while(lo->cx, lo->cx->error.code, "expanding the view %.*s", PS_STR_ARGS(name));
        }
    }
    if (!out ||
        !add_to_scope(lo, &node->head, scope, node->alias.text.n ? (ps_str){NULL, 0} : schema,
                      alias, &node->columns, out))
        return NULL;
    return out;
}

/* ---- files and functions ---- */

static ps_str stem_of(ps_str path)
{
    size_t from = path.n, to = path.n;

    while (from > 0 && path.at[from - 1] != '/') from--;
    for (size_t i = from; i < path.n; i++)
        if (path.at[i] == '.') {
            to = i;
            break;
        }
    return to > from ? (ps_str){path.at + from, to - from} : path;
}

static const ps_node *lower_file(ps_lower *lo, const ps_sql_file *node, ps_scope *scope)
{
    ps_source *source = NULL;

    if (node->sample) return ps_lower_unsupported(lo, node->sample, "a sample");
    if (lo->env->file(lo->cx, lo->arena, lo->env->user, node->path, &source) != PS_OK) return NULL;
    const ps_node *out = ps_node_scan_all(lo->p, source);
    ps_str alias = node->alias.text.n ? node->alias.text : stem_of(node->path);
    if (!out ||
        !add_to_scope(lo, &node->head, scope, (ps_str){NULL, 0}, alias, &node->columns, out))
        return NULL;
    return out;
}

/* name := value, name => value, and name = value, which names nothing else where no column is in
 * reach. NULL: an argument by position. */
static const ps_sql_node *named_arg(const ps_sql_node *arg, ps_sql_ident *name)
{
    const ps_sql_named *named = ps_sql_as(named, NAMED, arg);
    const ps_sql_binary *equal = ps_sql_as(binary, BINARY, arg);

    if (named) return *name = named->name, named->value;
    if (!equal || equal->op != PS_SQL_OP_EQ || equal->args.n != 2) return NULL;
    const ps_sql_column *column = ps_sql_as(column, COLUMN, equal->args.at[0]);
    if (!column || column->parts.n != 1) return NULL;
    return *name = column->parts.at[0], equal->args.at[1];
}

static ps_status find_column(void *state, ps_sql_node *node)
{
    bool *found = state;

    *found |= node->kind == PS_SQL_COLUMN;
    return *found || node->kind == PS_SQL_QUERY ? PS_OK
                                                : ps_sql_each_child(node, find_column, state);
}

/* Splits arguments into values by position and options by name. */
static bool function_args(ps_lower *lo, const ps_sql_call *call, ps_value *values, uint32_t *n,
                          ps_option *options, uint32_t *n_options)
{
    for (uint32_t i = 0; i < call->args.n; i++) {
        ps_sql_ident name;
        const ps_sql_node *named = named_arg(call->args.at[i], &name);
        bool column = false;
        if (!named) find_column(&column, (ps_sql_node *)(uintptr_t)call->args.at[i]);
        if (column) {
            ps_lower_unsupported(lo, call->args.at[i],
                                 "a column as an argument of a table function");
            return false;
        }
        ps_value *value = named ? &options[*n_options].value : &values[*n];
        if (ps_lower_constant(lo, named ? named : call->args.at[i], "a table function", value) !=
            PS_OK) {
            ps_lower_fail_at(lo, call->args.at[i]);
            return false;
        }
        if (named) {
            options[*n_options].name = name.text;
            options[(*n_options)++].at = name.offset;
        } else if (*n_options) {
            ps_lower_fail(lo, call->args.at[i], PS_PARSE,
                          "arguments by position come before named ones");
            return false;
        } else {
            ++*n;
        }
    }
    return true;
}

static const ps_node *lower_function(ps_lower *lo, const ps_sql_function *node, ps_scope *scope)
{
    const ps_sql_call *call = (const ps_sql_call *)(const void *)node->call;
    ps_str name = call->name.at[call->name.n - 1].text,
           alias = node->alias.text.n ? node->alias.text : name;
    ps_value *values = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_value, call->args.n + 1);
    ps_option *options = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_option, call->args.n + 1);
    uint32_t n = 0, n_options = 0;
    ps_source *source = NULL;
    bool found = false;

    if (node->sample) return ps_lower_unsupported(lo, node->sample, "a sample");
    if (node->ordinality) return ps_lower_unsupported(lo, &node->head, "WITH ORDINALITY");
    if (!values || !options || !function_args(lo, call, values, &n, options, &n_options))
        return NULL;
    const ps_options named = {options, n_options};
    if (lo->env->table_function(lo->cx, lo->arena, lo->env->user, name, values, n, &named, &found,
                                &source) != PS_OK)
        return NULL;
    if (!found) {
        ps_near near = ps_near_of(name);
        if (lo->env->names) lo->env->names(lo->env->user, 1, near_name, &near);
        ps_fail(lo->cx, PS_BIND, "no table function has the name \"%.*s\"", PS_STR_ARGS(name));
        ps_near_hint(lo->cx, &near);
        return ps_lower_fail_at(lo, node->call);
    }
    const ps_node *out = ps_node_scan_all(lo->p, source);
    if (!out) return NULL;
    /* FROM range(3) r: the one column goes by the alias too, as functions that give one value do */
    ps_sql_ident one = node->alias;
    ps_sql_idents columns = node->columns;
    if (columns.n == 0 && one.text.n && out->n_cols == 1 &&
        (ps_str_equal_nocase(name, PS_STR("range")) ||
         ps_str_equal_nocase(name, PS_STR("generate_series"))))
        columns = (ps_sql_idents){&one, 1, 1};
    return add_to_scope(lo, &node->head, scope, (ps_str){NULL, 0}, alias, &columns, out) ? out
                                                                                         : NULL;
}

static const ps_node *lower_derived(ps_lower *lo, const ps_sql_derived *node, ps_scope *outer,
                                    ps_scope *scope)
{
    const ps_node *out;

    if (node->sample) return ps_lower_unsupported(lo, node->sample, "a sample");
    switch ((ps_sql_kind)node->query->kind) {
    case PS_SQL_DESCRIBE:
        out = ps_lower_describe(lo, (const ps_sql_describe *)(const void *)node->query);
        break;
    case PS_SQL_SHOW:
        out = ps_lower_show(lo, (const ps_sql_show *)(const void *)node->query);
        break;
    case PS_SQL_QUERY: out = ps_lower_query(lo, node->query, outer); break;
    default: return ps_lower_unsupported(lo, node->query, "this statement in FROM");
    }
    if (!out || !add_to_scope(lo, &node->head, scope, (ps_str){NULL, 0}, node->alias.text,
                              &node->columns, out))
        return NULL;
    return out;
}

const ps_node *ps_lower_table(ps_lower *lo, const ps_sql_node *node, ps_scope *outer,
                              ps_scope *scope)
{
    const ps_node *out;

    *scope = (ps_scope){.outer = outer};
    if (!ps_lower_enter(lo, node)) return NULL;
    switch ((ps_sql_kind)node->kind) {
    case PS_SQL_TABLE: out = lower_name(lo, (const ps_sql_table *)(const void *)node, scope); break;
    case PS_SQL_FILE: out = lower_file(lo, (const ps_sql_file *)(const void *)node, scope); break;
    case PS_SQL_FUNCTION:
        out = lower_function(lo, (const ps_sql_function *)(const void *)node, scope);
        break;
    case PS_SQL_DERIVED:
        out = lower_derived(lo, (const ps_sql_derived *)(const void *)node, outer, scope);
        break;
    case PS_SQL_JOIN:
        out = ps_lower_join(lo, (const ps_sql_join *)(const void *)node, outer, scope);
        break;
    default: out = ps_lower_unsupported(lo, node, ps_sql_kind_name((ps_sql_kind)node->kind)); break;
    }
    lo->depth--;
    return out ? out : ps_lower_fail_at(lo, node);
}

const ps_node *ps_lower_from(ps_lower *lo, const ps_sql_list *from, ps_scope *outer,
                             ps_scope *scope)
{
    *scope = (ps_scope){.outer = outer};
    if (from->n == 0) return ps_lower_one_row(lo);
    const ps_node *node = ps_lower_table(lo, from->at[0], outer, scope);
    for (uint32_t i = 1; node && i < from->n; i++) {
        /* inputs to the right may read what stands to their left */
        ps_scope *bridge = PS_ARENA_NEW(lo->cx, lo->arena, ps_scope);
        ps_scope right;
        if (!bridge) return NULL;
        *bridge = *scope;
        const ps_node *next = ps_lower_table(lo, from->at[i], bridge, &right);
        node =
            next ? ps_lower_cross(lo, node, scope, next, &right, bridge->read_from_inside) : NULL;
        if (!node) return ps_lower_fail_at(lo, from->at[i]);
    }
    return node;
}
