/* front/sql/lower_query.c -- queries: WITH, the body, ORDER BY and LIMIT around it; VALUES.
 *
 * Tests: tests/unit/test_lower.c, tests/slt/sql/cte.test, order.test */
#include "front/sql/lower_int.h"

const ps_node *ps_lower_one_row(ps_lower *lo)
{
    return ps_node_values_new(lo->p, (const ps_col *)NULL, 0, NULL, 0);
}

const ps_node *ps_lower_cast_cols(ps_lower *lo, const ps_node *node, const ps_type *types,
                                  const ps_str *names)
{
    ps_item *items = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_item, node->n_cols + 1);
    bool changed = names != NULL;

    if (!items) return NULL;
    for (uint32_t i = 0; i < node->n_cols; i++) {
        const ps_expr *column = ps_lower_column_of(lo, &node->cols[i]);
        items[i] = (ps_item){node->cols[i], ps_lower_cast(lo, column, types[i], PS_CAST_ERROR)};
        if (!items[i].expr) return NULL;
        if (names) items[i].col.name = names[i];
        items[i].col.type = types[i];
        if (items[i].expr == column) continue;
        items[i].col.id = ps_planner_id(lo->p);
        changed = true;
    }
    return changed ? ps_node_project_new(lo->p, node, items, node->n_cols) : node;
}

/* ---- WITH ---- */

static bool add_ctes(ps_lower *lo, const ps_sql_query *ast, ps_scope *outer)
{
    for (uint32_t i = 0; i < ast->ctes.n; i++) {
        const ps_sql_cte *cte = (const ps_sql_cte *)(const void *)ast->ctes.at[i];
        ps_lower_cte *made = PS_ARENA_NEW(lo->cx, lo->arena, ps_lower_cte);
        if (!made) return false;
        if (cte->key.n) return ps_lower_unsupported(lo, &cte->head, "USING KEY"), false;
        for (uint32_t k = 0; k < i; k++) {
            const ps_sql_cte *other = (const ps_sql_cte *)(const void *)ast->ctes.at[k];
            if (ps_lower_same(lo, &cte->name, other->name.text))
                return ps_lower_fail(lo, &cte->head, PS_BIND, "WITH has \"%.*s\" twice",
                                     PS_STR_ARGS(cte->name.text)),
                       false;
        }
        made->plan = ps_lower_query(lo, cte->query, outer);
        if (!made->plan) return false;
        if (cte->columns.n > made->plan->n_cols)
            return ps_lower_fail(lo, &cte->head, PS_BIND,
                                 "\"%.*s\" has %u columns, %u names are given",
                                 PS_STR_ARGS(cte->name.text), made->plan->n_cols, cte->columns.n),
                   false;
        made->name = cte->name;
        made->columns = &cte->columns;
        made->next = lo->ctes;
        lo->ctes = made;
    }
    return true;
}

/* ---- ORDER BY over the columns of a body that is no SELECT ---- */

static bool output_key(ps_lower *lo, const ps_sql_sort *sort, ps_lower_in *in, const ps_node *node,
                       ps_sort_key *out)
{
    const ps_sql_number *number = ps_sql_as(number, NUMBER, sort->expr);
    uint64_t value = 0;

    if (!number || number->form != PS_SQL_NUM_INTEGER) return ps_lower_sort_key(in, sort, out);
    for (size_t i = 0; i < number->text.n && value < 1000000; i++)
        value = value * 10 + (uint64_t)(number->text.at[i] - '0');
    if (value < 1 || value > node->n_cols) {
        ps_lower_fail(lo, sort->expr, PS_BIND,
                      "ORDER BY counts the %u columns from 1, there is no column %.*s",
                      node->n_cols, PS_STR_ARGS(number->text));
        return false;
    }
    out->expr = ps_lower_column_of(lo, &node->cols[value - 1]);
    ps_lower_sort_order(lo, sort, out);
    return out->expr != NULL;
}

static const ps_node *sort_outputs(ps_lower *lo, const ps_node *node, const ps_sql_list *order,
                                   ps_scope *outer)
{
    ps_scope *scope = PS_ARENA_NEW(lo->cx, lo->arena, ps_scope);
    PS_ARRAY(ps_sort_key) keys = {0};

    if (!scope) return NULL;
    scope->outer = outer;
    if (ps_scope_add(lo->cx, lo->arena, scope, (ps_str){NULL, 0}, (ps_str){"", 0}, node->cols,
                     node->n_cols) != PS_OK)
        return NULL;
    ps_lower_in in = {.lo = lo,
                      .scope = scope,
                      .no_aggregates = true,
                      .no_windows = true,
                      .clause = "ORDER BY of a set operation"};
    for (uint32_t i = 0; i < order->n; i++) {
        const ps_sql_sort *sort = (const ps_sql_sort *)(const void *)order->at[i];
        ps_sort_key key;
        for (uint32_t c = 0; sort->all && c < node->n_cols; c++) {
            key.expr = ps_lower_column_of(lo, &node->cols[c]);
            ps_lower_sort_order(lo, sort, &key);
            if (!key.expr || PS_ARRAY_ADD_IN(lo->cx, lo->arena, &keys, key) != PS_OK) return NULL;
        }
        if (sort->all) continue;
        if (!output_key(lo, sort, &in, node, &key)) return NULL;
        if (PS_ARRAY_ADD_IN(lo->cx, lo->arena, &keys, key) != PS_OK) return NULL;
    }
    return keys.n ? ps_node_sort_new(lo->p, node, keys.at, (uint32_t)keys.n) : node;
}

/* ---- LIMIT ---- */

/* LIMIT and OFFSET: numbers, or expressions of subqueries. */
typedef struct row_limits {
    int64_t count, offset;
    const ps_expr *count_expr, *offset_expr; /* NULL: the number counts */
} row_limits;

/* The clause's expression, if it holds a subquery; false: an error. A negative number is out of
 * uint64's range. */
static bool limit_subquery(ps_lower *lo, const ps_sql_node *node, const char *clause,
                           const ps_expr **out)
{
    ps_scope empty = {.outer = NULL};
    ps_lower_in in = {
        .lo = lo, .scope = &empty, .no_aggregates = true, .no_windows = true, .clause = clause};

    if (node->kind == PS_SQL_STRUCT) return true; /* no subquery: the constant's error */
    const ps_expr *e = ps_lower_expr(&in, node);
    if (!e || !(e->flags & PS_EXPR_HAS_SUBQUERY)) return e != NULL;
    e = ps_lower_cast(lo, e, PS_TYPE(UINT64), PS_CAST_ERROR);
    if (e) *out = ps_lower_cast(lo, e, PS_TYPE(INT64), PS_CAST_ERROR);
    return *out != NULL;
}

static bool limit_value(ps_lower *lo, const ps_sql_node *node, const char *clause, int64_t absent,
                        int64_t *out, const ps_expr **subquery)
{
    ps_value value, whole;
    bool ok = false;

    *out = absent;
    *subquery = NULL;
    if (!node) return true;
    if (lo->preparing && node->kind == PS_SQL_PARAM) return true;
    if (!limit_subquery(lo, node, clause, subquery)) return false;
    if (*subquery) return true;
    if (ps_lower_constant(lo, node, clause, &value) != PS_OK) return false;
    if (value.null) return true;
    if (ps_cast_value(lo->cx, lo->arena, &value, PS_TYPE(INT64), &ok, &whole) != PS_OK)
        return false;
    if (!ok) {
        ps_lower_fail(lo, node, PS_VALUE, "%s is not a whole number", clause);
        return false;
    }
    if (whole.i < 0) {
        ps_lower_fail(lo, node, PS_VALUE, "LIMIT and OFFSET must not be negative");
        return false;
    }
    *out = (int64_t)whole.i;
    return true;
}

/* The window node that numbers a node's rows from 1, in their order. */
static const ps_node *number_rows(ps_lower *lo, const ps_node *node, ps_col *number)
{
    const ps_window_spec spec = {.frame = {.unit = PS_FRAME_ROWS,
                                           .start = PS_BOUND_UNBOUNDED_PRECEDING,
                                           .end = PS_BOUND_CURRENT}};
    const ps_agg_part part = {0};

    *number = (ps_col){.id = ps_planner_id(lo->p), .type = PS_TYPE(INT64)};
    const ps_item item = {*number, ps_expr_window(lo->cx, lo->arena,
                                                  ps_func_find(PS_FUNC_WINDOW, "row_number"),
                                                  number->type, NULL, 0, &part, &spec)};
    return item.expr ? ps_node_window_new(lo->p, node, &item, 1) : NULL;
}

/* number > offset and number - offset <= count; a count of null, or none, keeps all. */
static const ps_expr *within_limits(ps_lower *lo, const ps_col *number, const row_limits *limits)
{
    const ps_expr *n = ps_lower_column_of(lo, number);
    const ps_expr *offset = ps_lower_int(lo, limits->offset);
    const ps_expr *count = limits->count_expr, *yes = ps_lower_bool(lo, true);

    if (limits->offset_expr) {
        const ps_value zero = ps_value_int(PS_TYPE(INT64), 0);
        const ps_expr *both[] = {limits->offset_expr, ps_expr_literal(lo->cx, lo->arena, &zero)};
        offset = both[1] ? ps_expr_coalesce(lo->cx, lo->arena, both, 2) : NULL;
    }
    if (!count) count = ps_lower_int(lo, limits->count);
    if (!n || !yes || !offset || !count) return NULL;
    const ps_expr *below = ps_lower_call2(lo, "<=", ps_lower_call2(lo, "-", n, offset), count);
    const ps_expr *known[] = {below, yes};
    const ps_expr *all[] = {
        ps_lower_call2(lo, ">", n, offset),
        below ? ps_expr_coalesce(lo->cx, lo->arena, known, 2) : NULL,
    };
    return all[0] && all[1] ? ps_expr_and(lo->cx, lo->arena, all, 2) : NULL;
}

/* A limit that is known only when the query runs: the rows are numbered and filtered. The subquery
 * becomes a join, which need not keep the order, so the number gives it back. */
static const ps_node *limit_by_number(ps_lower *lo, const ps_node *input, const row_limits *limits)
{
    ps_col number;
    const ps_node *node = number_rows(lo, input, &number);
    const ps_expr *e = node ? within_limits(lo, &number, limits) : NULL;
    ps_item *items = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_item, input->n_cols + 1);

    if (!e || !items || !(node = ps_node_filter_new(lo->p, node, e))) return NULL;
    const ps_sort_key key = {.expr = ps_lower_column_of(lo, &number)};
    if (!key.expr || !(node = ps_node_sort_new(lo->p, node, &key, 1))) return NULL;
    for (uint32_t i = 0; i < input->n_cols; i++) {
        items[i] = (ps_item){input->cols[i], ps_lower_column_of(lo, &input->cols[i])};
        if (!items[i].expr) return NULL;
    }
    return ps_node_project_new(lo->p, node, items, input->n_cols);
}

static const ps_node *add_limit(ps_lower *lo, const ps_node *node, const ps_sql_query *ast)
{
    row_limits l;

    if (!ast->limit && !ast->offset) return node;
    if (ast->limit_percent) return ps_lower_unsupported(lo, ast->limit, "LIMIT by percentage");
    if (!limit_value(lo, ast->limit, "LIMIT", INT64_MAX, &l.count, &l.count_expr) ||
        !limit_value(lo, ast->offset, "OFFSET", 0, &l.offset, &l.offset_expr))
        return NULL;
    if (l.count_expr || l.offset_expr) return limit_by_number(lo, node, &l);
    if (l.count == INT64_MAX && l.offset == 0) return node;
    return ps_node_limit_new(lo->p, node, l.offset, l.count);
}

/* ---- VALUES ---- */

/* One column's cells at their common type, written back row by row. */
static bool unify_column(ps_lower *lo, const ps_expr **cells, uint32_t n_rows, uint32_t n_cols,
                         uint32_t c)
{
    const ps_expr **column = PS_ARENA_ARRAY(lo->cx, lo->arena, const ps_expr *, n_rows + 1);

    if (!column) return false;
    for (uint32_t r = 0; r < n_rows; r++) column[r] = cells[(size_t)r * n_cols + c];
    if (!ps_lower_unify(lo, column, n_rows, "a column of VALUES")) return false;
    for (uint32_t r = 0; r < n_rows; r++) cells[(size_t)r * n_cols + c] = column[r];
    return true;
}

/* Rows that are not constant: a projection of one row for each, united. */
static const ps_node *row_by_row(ps_lower *lo, const ps_col *cols, uint32_t n_cols,
                                 const ps_expr **cells, uint32_t n_rows)
{
    const ps_node **rows = PS_ARENA_ARRAY(lo->cx, lo->arena, const ps_node *, n_rows + 1);
    ps_item *items = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_item, n_cols + 1);

    for (uint32_t r = 0; rows && items && r < n_rows; r++) {
        for (uint32_t c = 0; c < n_cols; c++) {
            items[c] = (ps_item){cols[c], cells[(size_t)r * n_cols + c]};
            items[c].col.id = ps_planner_id(lo->p);
        }
        const ps_node *one = ps_lower_one_row(lo);
        if (!one || !(rows[r] = ps_node_project_new(lo->p, one, items, n_cols))) return NULL;
    }
    if (!rows || !items) return NULL;
    return n_rows == 1 ? rows[0] : ps_node_setop_new(lo->p, PS_SETOP_UNION_ALL, rows, n_rows, cols);
}

const ps_node *ps_lower_values(ps_lower *lo, const ps_sql_values *ast, ps_scope *outer)
{
    const uint32_t n_rows = ast->rows.n;
    const uint32_t n_cols = ((const ps_sql_row *)(const void *)ast->rows.at[0])->items.n;
    const ps_expr **cells =
        PS_ARENA_ARRAY(lo->cx, lo->arena, const ps_expr *, (size_t)n_rows *n_cols + 1);
    ps_col *cols = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_col, n_cols + 1);
    ps_scope *empty = PS_ARENA_NEW(lo->cx, lo->arena, ps_scope);
    uint32_t flags = 0;

    if (!cells || !cols || !empty) return NULL;
    empty->outer = outer;
    ps_lower_in in = {
        .lo = lo, .scope = empty, .no_aggregates = true, .no_windows = true, .clause = "VALUES"};
    for (uint32_t r = 0; r < n_rows; r++) {
        const ps_sql_row *row = (const ps_sql_row *)(const void *)ast->rows.at[r];
        if (row->items.n != n_cols)
            return ps_lower_fail(lo, &row->head, PS_BIND,
                                 "the rows of VALUES have %u and %u values", n_cols, row->items.n);
        for (uint32_t c = 0; c < n_cols; c++) {
            const ps_expr *e = ps_lower_expr(&in, row->items.at[c]);
            if (!e) return NULL;
            cells[(size_t)r * n_cols + c] = e;
            flags |= e->flags;
        }
        if (ps_poll(lo->cx) != PS_OK) return NULL;
    }
    for (uint32_t c = 0; c < n_cols; c++) {
        if (!unify_column(lo, cells, n_rows, n_cols, c)) return ps_lower_fail_at(lo, &ast->head);
        const char *name = ps_arena_printf(lo->cx, lo->arena, "col%u", c);
        if (!name) return NULL;
        cols[c] = (ps_col){ps_planner_id(lo->p), cells[c]->type, false, ps_str_of(name)};
    }
    if (flags & (PS_EXPR_HAS_COLUMN | PS_EXPR_HAS_SUBQUERY | PS_EXPR_HAS_PARAM | PS_EXPR_VOLATILE))
        return row_by_row(lo, cols, n_cols, cells, n_rows);
    return ps_node_values_new(lo->p, cols, n_cols, cells, n_rows * n_cols);
}

/* ---- the query ---- */

static const ps_node *lower_body(ps_lower *lo, const ps_sql_node *body, const ps_sql_list *order,
                                 ps_scope *outer)
{
    const ps_node *node;

    switch ((ps_sql_kind)body->kind) {
    case PS_SQL_SELECT:
        return ps_lower_select_node(lo, (const ps_sql_select *)(const void *)body, order, outer);
    case PS_SQL_VALUES:
        node = ps_lower_values(lo, (const ps_sql_values *)(const void *)body, outer);
        break;
    case PS_SQL_SETOP:
        node = ps_lower_setop(lo, (const ps_sql_setop *)(const void *)body, outer);
        break;
    case PS_SQL_QUERY: node = ps_lower_query(lo, body, outer); break;
    default: return ps_lower_unsupported(lo, body, ps_sql_kind_name((ps_sql_kind)body->kind));
    }
    return node && order->n ? sort_outputs(lo, node, order, outer) : node;
}

static const ps_node *lower_query(ps_lower *lo, const ps_sql_query *ast, ps_scope *outer)
{
    const ps_lower_cte *before = lo->ctes;
    const ps_node *node = NULL;

    if (ast->recursive && ast->ctes.n)
        return ps_lower_unsupported(lo, ast->ctes.at[0], "WITH RECURSIVE");
    if (add_ctes(lo, ast, outer)) node = lower_body(lo, ast->body, &ast->order, outer);
    if (node) node = add_limit(lo, node, ast);
    lo->ctes = before;
    return node;
}

const ps_node *ps_lower_query(ps_lower *lo, const ps_sql_node *query, ps_scope *outer)
{
    const ps_node *node;

    if (!ps_lower_enter(lo, query)) return NULL;
    if (query->kind == PS_SQL_QUERY) {
        node = lower_query(lo, (const ps_sql_query *)(const void *)query, outer);
    } else {
        const ps_sql_list none = {0};
        node = lower_body(lo, query, &none, outer);
    }
    lo->depth--;
    return node ? node : ps_lower_fail_at(lo, query);
}
