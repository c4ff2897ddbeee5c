/* front/sql/lower_select.c -- one SELECT block, in the order of its meaning:
 *
 * FROM, WHERE, GROUP BY with aggregates, HAVING, windows, QUALIFY, the items, DISTINCT, ORDER BY.
 * ORDER BY belongs to the query around it but is bound here, because it may name what the items
 * don't show; such keys ride along as hidden columns and are projected away after the sort.
 * Tests: tests/unit/test_lower.c, tests/slt/sql */
#include "front/sql/lower_int.h"

/* ---- binding ---- */

static bool bind_where(ps_lower_select *s)
{
    ps_lower_in in = s->in;

    if (!s->ast->where) return true;
    in.no_aggregates = in.no_windows = true;
    in.clause = "WHERE";
    in.items = s->lo->dialect->alias_anywhere ? &s->items : NULL;
    const ps_expr *e = ps_lower_bool_expr(&in, s->ast->where);
    if (!e) return false;
    /* an alias brings its item's aggregates with it */
    if (e->flags & (PS_EXPR_HAS_AGGREGATE | PS_EXPR_HAS_WINDOW)) {
        ps_lower_fail(s->lo, s->ast->where, PS_BIND,
                      "aggregates and window functions can't stand in WHERE");
        return false;
    }
    return (s->node = ps_node_filter_new(s->lo->p, s->node, e)) != NULL;
}

/* An integer literal in GROUP BY, ORDER BY or DISTINCT ON counts items from 1. */
static bool ordinal(ps_lower_select *s, const ps_sql_node *node, const char *clause,
                    bool *is_ordinal, const ps_expr **out)
{
    const ps_sql_number *number = ps_sql_as(number, NUMBER, node);
    uint64_t value = 0;

    *is_ordinal = number && number->form == PS_SQL_NUM_INTEGER;
    if (!*is_ordinal) return true;
    for (size_t i = 0; i < number->text.n && value < 1000000; i++)
        value = value * 10 + (uint64_t)(number->text.at[i] - '0');
    if (value < 1 || value > s->items.list.n) {
        ps_lower_fail(s->lo, node, PS_BIND,
                      "%s counts the %zu items of SELECT from 1, there is no item %.*s", clause,
                      s->items.list.n, PS_STR_ARGS(number->text));
        return false;
    }
    *out = ps_lower_item_expr(&s->items, value - 1);
    return *out != NULL;
}

static bool bind_key(ps_lower_select *s, ps_lower_in *in, const ps_sql_node *node,
                     const ps_expr **out)
{
    bool is_ordinal;

    if (!ordinal(s, node, in->clause, &is_ordinal, out)) return false;
    if (!is_ordinal) *out = ps_lower_expr(in, node);
    return *out != NULL;
}

static bool add_group_key(ps_lower_select *s, const ps_sql_node *node)
{
    ps_lower_in in = s->in;
    const ps_expr *e = NULL;

    in.no_aggregates = in.no_windows = true;
    in.clause = "GROUP BY";
    in.items = &s->items;
    if (node->kind == PS_SQL_GROUPING) {
        const ps_sql_grouping *grouping = (const ps_sql_grouping *)(const void *)node;
        if (grouping->kind == PS_SQL_GROUPING_EMPTY) return true;
        ps_lower_unsupported(s->lo, node, "ROLLUP, CUBE and GROUPING SETS");
        return false;
    }
    if (!bind_key(s, &in, node, &e)) return false;
    if (e->flags & (PS_EXPR_HAS_AGGREGATE | PS_EXPR_HAS_WINDOW)) {
        ps_lower_fail(s->lo, node, PS_BIND,
                      "aggregates and window functions can't stand in GROUP BY");
        return false;
    }
    return PS_ARRAY_ADD_IN(s->lo->cx, s->lo->arena, &s->group, e) == PS_OK;
}

static bool bind_group(ps_lower_select *s)
{
    s->grouped = s->ast->group_all || s->ast->group.n > 0;
    for (uint32_t i = 0; i < s->ast->group.n; i++)
        if (!add_group_key(s, s->ast->group.at[i])) return false;
    for (size_t i = 0; s->ast->group_all && i < s->items.list.n; i++) {
        const ps_expr *e = ps_lower_item_expr(&s->items, i);
        if (!e) return false;
        if (e->flags & (PS_EXPR_HAS_AGGREGATE | PS_EXPR_HAS_WINDOW)) continue;
        if (PS_ARRAY_ADD_IN(s->lo->cx, s->lo->arena, &s->group, e) != PS_OK) return false;
    }
    return true;
}

static bool bind_items(ps_lower_select *s)
{
    for (size_t i = 0; i < s->items.list.n; i++)
        if (!ps_lower_item_expr(&s->items, i)) return false;
    return true;
}

static bool bind_having(ps_lower_select *s)
{
    ps_lower_in in = s->in;

    in.items = s->lo->dialect->alias_anywhere ? &s->items : NULL;
    if (s->ast->having) {
        in.no_windows = true;
        in.clause = "HAVING";
        if (!(s->having = ps_lower_bool_expr(&in, s->ast->having))) return false;
        s->grouped = true;
    }
    if (s->ast->qualify) {
        in.no_windows = false;
        in.items = &s->items;
        if (!(s->qualify = ps_lower_bool_expr(&in, s->ast->qualify))) return false;
    }
    return true;
}

static bool add_sort_key(ps_lower_select *s, const ps_sql_sort *sort, const ps_expr *e)
{
    ps_sort_key key = {.expr = e};

    ps_lower_sort_order(s->lo, sort, &key);
    return PS_ARRAY_ADD_IN(s->lo->cx, s->lo->arena, &s->order, key) == PS_OK;
}

static bool bind_order(ps_lower_select *s, const ps_sql_list *order)
{
    ps_lower_in in = s->in;

    in.items = &s->items;
    in.alias_first = true;
    in.clause = "ORDER BY";
    for (uint32_t i = 0; i < order->n; i++) {
        const ps_sql_sort *sort = (const ps_sql_sort *)(const void *)order->at[i];
        const ps_expr *e = NULL;
        for (size_t k = 0; sort->all && k < s->items.list.n; k++)
            if (!add_sort_key(s, sort, s->items.list.at[k].expr)) return false;
        if (!sort->all && (!bind_key(s, &in, sort->expr, &e) || !add_sort_key(s, sort, e)))
            return false;
    }
    in.clause = "DISTINCT ON";
    for (uint32_t i = 0; i < s->ast->distinct_on.n; i++) {
        const ps_expr *e = NULL;
        if (!bind_key(s, &in, s->ast->distinct_on.at[i], &e)) return false;
        if (PS_ARRAY_ADD_IN(s->lo->cx, s->lo->arena, &s->on, e) != PS_OK) return false;
    }
    return true;
}

static void note_aggregates(ps_lower_select *s)
{
    uint32_t flags = 0;

    for (size_t i = 0; i < s->items.list.n; i++) flags |= s->items.list.at[i].expr->flags;
    for (size_t i = 0; i < s->order.n; i++) flags |= s->order.at[i].expr->flags;
    for (size_t i = 0; i < s->on.n; i++) flags |= s->on.at[i]->flags;
    if (s->qualify) flags |= s->qualify->flags;
    if (flags & PS_EXPR_HAS_AGGREGATE || s->saw_aggregate) s->grouped = true;
}

bool ps_lower_select_map(ps_lower_select *s,
                         const ps_expr *(*fn)(ps_lower_select *s, const ps_expr *e, void *user),
                         void *user)
{
    for (size_t i = 0; i < s->items.list.n; i++)
        if (!(s->items.list.at[i].expr = fn(s, s->items.list.at[i].expr, user))) return false;
    for (size_t i = 0; i < s->order.n; i++)
        if (!(s->order.at[i].expr = fn(s, s->order.at[i].expr, user))) return false;
    for (size_t i = 0; i < s->on.n; i++)
        if (!(s->on.at[i] = fn(s, s->on.at[i], user))) return false;
    if (s->having && !(s->having = fn(s, s->having, user))) return false;
    return !s->qualify || (s->qualify = fn(s, s->qualify, user)) != NULL;
}

/* ---- output ---- */

typedef struct output {
    PS_ARRAY(ps_item) items; /* shown ones first, then hidden ones */
    uint32_t n_shown;
} output;

/* Plain columns of the input pass under their ids, the first time. */
static bool add_output(ps_lower_select *s, output *out, const ps_expr *e, ps_str name)
{
    ps_lower *lo = s->lo;
    ps_item item = {{PS_COL_NONE, e->type, true, name}, e};
    bool keeps = e->kind == PS_EXPR_COLUMN && ps_node_find_col(s->node, e->column);

    for (size_t i = 0; keeps && i < out->items.n; i++) keeps = out->items.at[i].col.id != e->column;
    item.col.id = keeps ? e->column : ps_planner_id(lo->p);
    return PS_ARRAY_ADD_IN(lo->cx, lo->arena, &out->items, item) == PS_OK;
}

/* The output column that an ORDER BY or DISTINCT ON expression is; hidden ones are added, unless
 * DISTINCT. */
static const ps_expr *output_column(ps_lower_select *s, output *out, const ps_expr *e)
{
    for (size_t i = 0; i < out->items.n; i++)
        if (ps_expr_equal(out->items.at[i].expr, e) && !ps_expr_is_volatile(e))
            return ps_lower_column_of(s->lo, &out->items.at[i].col);
    if (s->ast->distinct && s->on.n == 0) {
        ps_fail(s->lo->cx, PS_BIND, "ORDER BY of SELECT DISTINCT can only name what is selected");
        if (e->at && s->lo->n_views == 0) ps_fail_at(s->lo->cx, e->at - 1);
        return NULL;
    }
    if (!add_output(s, out, e, (ps_str){"", 0})) return NULL;
    return ps_lower_column_of(s->lo, &out->items.at[out->items.n - 1].col);
}

static bool make_output(ps_lower_select *s, output *out)
{
    for (size_t i = 0; i < s->items.list.n; i++)
        if (!add_output(s, out, s->items.list.at[i].expr, s->items.list.at[i].name)) return false;
    out->n_shown = (uint32_t)out->items.n;
    for (size_t i = 0; i < s->order.n; i++)
        if (!(s->order.at[i].expr = output_column(s, out, s->order.at[i].expr))) return false;
    for (size_t i = 0; i < s->on.n; i++)
        if (!(s->on.at[i] = output_column(s, out, s->on.at[i]))) return false;
    return (s->node = ps_node_project_new(s->lo->p, s->node, out->items.at,
                                          (uint32_t)out->items.n)) != NULL;
}

static bool hide_extra(ps_lower_select *s, const output *out)
{
    ps_lower *lo = s->lo;
    ps_item *items = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_item, out->n_shown + 1);

    if (out->n_shown == out->items.n) return true;
    for (uint32_t i = 0; items && i < out->n_shown; i++) {
        items[i] = (ps_item){s->node->cols[i], ps_lower_column_of(lo, &s->node->cols[i])};
        if (!items[i].expr) return false;
    }
    return items && (s->node = ps_node_project_new(lo->p, s->node, items, out->n_shown)) != NULL;
}

static bool finish(ps_lower_select *s)
{
    ps_planner *p = s->lo->p;
    output out = {.n_shown = 0};

    if (!make_output(s, &out)) return false;
    if (s->ast->distinct && s->on.n == 0 &&
        !(s->node = ps_node_distinct_new(p, s->node, s->on.at, 0)))
        return false;
    if (s->order.n && !(s->node = ps_node_sort_new(p, s->node, s->order.at, (uint32_t)s->order.n)))
        return false;
    if (s->on.n == 0) return hide_extra(s, &out);
    /* DISTINCT ON keeps the first row in the order asked for, but gives rows in an order of its own
     */
    s->node = ps_node_distinct_new(p, s->node, s->on.at, (uint32_t)s->on.n);
    if (s->node && s->order.n)
        s->node = ps_node_sort_new(p, s->node, s->order.at, (uint32_t)s->order.n);
    if (!s->node) return false;
    return hide_extra(s, &out);
}

static bool lower(ps_lower_select *s, const ps_sql_list *order, ps_scope *outer)
{
    ps_lower *lo = s->lo;

    if (s->ast->sample) return ps_lower_unsupported(lo, s->ast->sample, "USING SAMPLE"), false;
    if (!(s->node = ps_lower_from(lo, &s->ast->from, outer, &s->scope))) return false;
    s->in = (ps_lower_in){.lo = lo,
                          .scope = &s->scope,
                          .saw_aggregate = &s->saw_aggregate,
                          .lifted = &s->lifted,
                          .clause = "SELECT",
                          .windows = &s->ast->windows};
    s->items.in = s->in;
    s->items.in.items = lo->dialect->alias_anywhere ? &s->items : NULL;
    if (!ps_lower_items_expand(s) || !bind_where(s) || !bind_group(s) || !bind_items(s) ||
        !bind_having(s) || !bind_order(s, order))
        return false;
    note_aggregates(s);
    if (!ps_lower_group(s)) return false;
    if (s->having && !(s->node = ps_node_filter_new(lo->p, s->node, s->having))) return false;
    s->having = NULL;
    if (!ps_lower_windows(s)) return false;
    if (s->qualify && !(s->node = ps_node_filter_new(lo->p, s->node, s->qualify))) return false;
    return finish(s);
}

const ps_node *ps_lower_select_node(ps_lower *lo, const ps_sql_select *ast,
                                    const ps_sql_list *order, ps_scope *outer)
{
    /* in the arena: inner scopes point at this one, and plans outlive this call */
    ps_lower_select *s = PS_ARENA_NEW(lo->cx, lo->arena, ps_lower_select);

    if (!s) return NULL;
    s->lo = lo;
    s->ast = ast;
    return lower(s, order, outer) ? s->node : ps_lower_fail_at(lo, &ast->head);
}
