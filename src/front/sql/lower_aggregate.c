/* front/sql/lower_aggregate.c -- aggregate calls, and the grouping that they and GROUP BY make.
 *
 * Expressions above the grouping are bound over FROM's columns, aggregates included; then whatever
 * equals a key becomes the key's column, aggregates become columns of the Aggregate node, and a
 * column of FROM that is left is an error. A key that is a plain column keeps its id, so that
 * correlated subqueries above the grouping need no change.
 * Tests: tests/unit/test_lower.c, tests/slt/sql/group.test */
#include "front/sql/lower_int.h"

/* ---- calls ---- */

void ps_lower_sort_order(const ps_lower *lo, const ps_sql_sort *sort, ps_sort_key *out)
{
    out->descending = sort->direction == PS_SQL_DIRECTION_DESC;
    out->nulls_first = sort->nulls == PS_SQL_NULL_ORDER_FIRST ||
                       (sort->nulls == PS_SQL_NULL_ORDER_DEFAULT && out->descending &&
                        lo->dialect->nulls_first_desc);
}

bool ps_lower_sort_key(ps_lower_in *in, const ps_sql_sort *sort, ps_sort_key *out)
{
    if (sort->all) {
        ps_lower_fail(in->lo, &sort->head, PS_BIND, "ORDER BY ALL can't stand here");
        return false;
    }
    out->expr = ps_lower_expr(in, sort->expr);
    ps_lower_sort_order(in->lo, sort, out);
    return out->expr != NULL;
}

bool ps_lower_counts_rows(const ps_sql_call *node, ps_str name)
{
    const ps_sql_star *star = node->args.n == 1 ? ps_sql_as(star, STAR, node->args.at[0]) : NULL;

    return star && ps_str_equal_nocase(name, PS_STR("count")) && !star->table.n &&
           !star->like_op.n && !star->exclude.n && !star->replace.n && !star->rename.n;
}

bool ps_lower_agg_part(ps_lower_in *in, const ps_sql_call *node, ps_agg_part *out)
{
    ps_lower *lo = in->lo;
    const ps_sql_list *order = node->order.n ? &node->order : &node->within;
    ps_sort_key *keys = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_sort_key, order->n + 1);

    if (!keys) return false;
    *out = (ps_agg_part){.distinct = node->distinct,
                         .ignore_nulls = node->nulls == PS_SQL_NULLS_IGNORE};
    if (node->filter && !(out->filter = ps_lower_bool_expr(in, node->filter))) return false;
    for (uint32_t i = 0; i < order->n; i++)
        if (!ps_lower_sort_key(in, (const ps_sql_sort *)(const void *)order->at[i], &keys[i]))
            return false;
    out->order = keys;
    out->n_order = order->n;
    return true;
}

bool ps_lower_cast_args(ps_lower *lo, const ps_func_match *match, const ps_expr **args, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!(args[i] = ps_lower_cast(lo, args[i], match->arg_types[i], PS_CAST_ERROR)))
            return false;
    return true;
}

static bool is_quantile(ps_str name)
{
    static const char *const names[] = {"percentile_cont", "percentile_disc", "quantile_cont",
                                        "quantile_disc", "quantile"};
    bool is = false;

    for (size_t i = 0; i < PS_COUNT(names); i++)
        is |= ps_str_equal_nocase(name, ps_str_of(names[i]));
    return is;
}

/* A quantile's fraction as a literal, going down negative: counted from the largest. */
static const ps_expr *fraction(ps_lower *lo, const ps_sql_node *node, const ps_expr *e, bool down)
{
    ps_value value, q;
    bool ok = false;

    if (lo->preparing && e->flags & PS_EXPR_HAS_PARAM) return e;
    if (ps_lower_constant(lo, node, "a fraction", &value) != PS_OK ||
        ps_cast_value(lo->cx, lo->arena, &value, PS_TYPE(FLOAT64), &ok, &q) != PS_OK)
        return NULL;
    if (!ok || q.null || !(q.f64 >= 0 && q.f64 <= 1))
        return ps_lower_fail(lo, node, PS_INVALID, "a fraction must be a number between 0 and 1");
    /* 0 has no sign that is safe: from the largest it is 1 from the smallest */
    q.f64 = !down ? q.f64 : q.f64 > 0 ? -q.f64 : 1;
    return ps_expr_literal(lo->cx, lo->arena, &q);
}

/* percentile_cont(0.5) WITHIN GROUP (ORDER BY x) is percentile_cont(x, 0.5), where the order is in
 * the fraction's sign; mode() WITHIN GROUP (ORDER BY x) is mode(x ORDER BY x). */
static const ps_expr **within_args(ps_lower_in *in, const ps_sql_call *node, ps_str name,
                                   const ps_expr **args, uint32_t *n, ps_agg_part *part)
{
    ps_lower *lo = in->lo;
    const ps_sql_sort *sort = (const ps_sql_sort *)(const void *)node->within.at[0];
    const ps_expr **all = PS_ARENA_ARRAY(lo->cx, lo->arena, const ps_expr *, *n + 2);

    if (!all) return NULL;
    if (node->within.n != 1 || sort->all)
        return ps_lower_unsupported(lo, &node->head, "WITHIN GROUP over several keys");
    if (!(all[0] = ps_lower_expr(in, sort->expr))) return NULL;
    for (uint32_t i = 0; i < *n; i++) all[i + 1] = args[i];
    if (*n == 1 && is_quantile(name)) {
        const bool down = sort->direction == PS_SQL_DIRECTION_DESC;

        if (!(all[1] = fraction(lo, node->args.at[0], args[0], down))) return NULL;
        part->order = NULL, part->n_order = 0;
    }
    ++*n;
    return all;
}

/* Where an aggregate's columns come from. */
typedef struct column_use {
    const ps_scope *scope;
    const ps_lower_place *places;
    bool inner, outer;
    const ps_lower_place *owner; /* the innermost one around that has any of them */
} column_use;

static bool use_visit(const ps_expr *e, void *user)
{
    column_use *use = user;

    if (e->kind != PS_EXPR_COLUMN) return true;
    if (ps_scope_has(use->scope, e->column)) {
        use->inner = true;
        return true;
    }
    use->outer = true;
    for (const ps_lower_place *p = use->places; p && p != use->owner; p = p->outer)
        if (ps_scope_has(p->in->scope, e->column)) use->owner = p;
    return true;
}

static column_use columns_of(const ps_lower_in *in, const ps_expr **args, uint32_t n,
                             const ps_agg_part *part)
{
    column_use use = {.scope = in->scope, .places = in->lo->places};

    for (uint32_t i = 0; i < n; i++) ps_expr_visit(args[i], use_visit, &use);
    if (part->filter) ps_expr_visit(part->filter, use_visit, &use);
    for (uint32_t i = 0; i < part->n_order; i++)
        ps_expr_visit(part->order[i].expr, use_visit, &use);
    return use;
}

/* An aggregate of a query around this one (SQL:2016, 10.9: that of the innermost column): computed
 * there, a correlated column here. */
static const ps_expr *lift(const ps_lower_in *in, const ps_expr *aggregate)
{
    ps_lower *lo = in->lo;
    ps_item item = {{PS_COL_NONE, aggregate->type, true, {"", 0}}, aggregate};

    if (in->saw_aggregate) *in->saw_aggregate = true;
    for (size_t i = 0; i < in->lifted->n; i++)
        if (ps_expr_equal(in->lifted->at[i].expr, aggregate))
            return ps_lower_column_of(lo, &in->lifted->at[i].col);
    item.col.id = ps_planner_id(lo->p);
    if (PS_ARRAY_ADD_IN(lo->cx, lo->arena, in->lifted, item) != PS_OK) return NULL;
    return ps_lower_column_of(lo, &item.col);
}

const ps_expr *ps_lower_aggregate(ps_lower_in *in, const ps_sql_call *node, ps_str name)
{
    ps_lower *lo = in->lo;
    ps_lower_in inner = *in;
    uint32_t n = node->args.n;
    ps_func_match match;
    ps_agg_part part;

    if (in->no_aggregates && !lo->places)
        return ps_lower_fail(lo, &node->head, PS_BIND, "aggregates can't stand in %s", in->clause);
    inner.no_aggregates = inner.no_windows = true;
    inner.clause = "the arguments of an aggregate";
    if (ps_lower_counts_rows(node, name)) n = 0;
    const ps_sql_list list = {node->args.at, n, n};
    const ps_expr **args = ps_lower_exprs(&inner, &list);
    if (!args || !ps_lower_agg_part(&inner, node, &part)) return NULL;
    if (node->within.n) {
        if (!(args = within_args(&inner, node, name, args, &n, &part))) return NULL;
    }
    const column_use use = columns_of(in, args, n, &part);
    const bool is_outer = use.outer && !use.inner;
    const ps_lower_in *owner = !is_outer ? in : use.owner ? use.owner->in : NULL;
    if (!owner || (is_outer && !owner->lifted))
        return ps_lower_fail(lo, &node->head, PS_BIND,
                             "an aggregate of columns from around a LATERAL input");
    if (owner->no_aggregates)
        return ps_lower_fail(lo, &node->head, PS_BIND, "aggregates can't stand in %s",
                             owner->clause);
    if (in->saw_aggregate && !is_outer) *in->saw_aggregate = true;
    if (ps_func_resolve(lo->cx, lo->arena, PS_FUNC_AGGREGATE, name, args, n, &match) != PS_OK ||
        !ps_lower_cast_args(lo, &match, args, n))
        return NULL;
    const ps_expr *e =
        ps_expr_aggregate(lo->cx, lo->arena, match.func, match.result, args, n, &part);
    return e && is_outer ? lift(owner, e) : e;
}

/* ---- grouping ---- */

typedef struct grouping {
    ps_lower_select *s;
    ps_item *keys;
    uint32_t n_keys;
    PS_ARRAY(ps_item) aggs;
} grouping;

static const ps_expr *not_grouped(grouping *g, ps_col_id id, uint32_t at)
{
    ps_lower *lo = g->s->lo;
    ps_str name = {"?", 1};

    for (size_t i = 0; i < g->s->scope.visible.n; i++)
        if (g->s->scope.visible.at[i].id == id) name = g->s->scope.visible.at[i].name;
    ps_fail(lo->cx, PS_BIND, "the column \"%.*s\" must be in GROUP BY or inside an aggregate",
            PS_STR_ARGS(name));
    if (at && lo->n_views == 0) ps_fail_at(lo->cx, at - 1);
    return NULL;
}

static bool is_key_column(const grouping *g, ps_col_id id)
{
    for (uint32_t i = 0; i < g->n_keys; i++)
        if (g->keys[i].col.id == id) return true;
    return false;
}

/* What a subquery above the grouping reads of FROM must be a key. */
typedef struct subquery_check {
    grouping *g;
    ps_col_id bad;
    uint32_t at;
} subquery_check;

static ps_status check_plan(ps_ctx *cx, const ps_node *node, void *user);

static bool check_leaf(const ps_expr *e, void *user)
{
    subquery_check *check = user;

    if (e->kind == PS_EXPR_SUBQUERY)
        return ps_node_visit(check->g->s->lo->cx, e->plan, check_plan, check) == PS_OK;
    if (e->kind != PS_EXPR_COLUMN || check->bad != PS_COL_NONE) return true;
    if (ps_scope_has(&check->g->s->scope, e->column) && !is_key_column(check->g, e->column))
        check->bad = e->column, check->at = e->at;
    return true;
}

static ps_status check_expr(ps_ctx *cx, const ps_expr *expr, void *user)
{
    (void)cx;
    ps_expr_visit(expr, check_leaf, user);
    return PS_OK;
}

static ps_status check_plan(ps_ctx *cx, const ps_node *node, void *user)
{
    return ps_node_visit_exprs(cx, node, check_expr, user);
}

static const ps_expr *aggregate_column(grouping *g, const ps_expr *e)
{
    ps_lower *lo = g->s->lo;
    ps_item item = {.expr = e};

    for (size_t i = 0; i < g->aggs.n; i++)
        if (ps_expr_equal(g->aggs.at[i].expr, e)) return ps_lower_column_of(lo, &g->aggs.at[i].col);
    item.col = (ps_col){ps_planner_id(lo->p), e->type, true, {"", 0}};
    if (PS_ARRAY_ADD_IN(lo->cx, lo->arena, &g->aggs, item) != PS_OK) return NULL;
    return ps_lower_column_of(lo, &item.col);
}

static const ps_expr *regroup(grouping *g, const ps_expr *e)
{
    ps_lower *lo = g->s->lo;

    if (e->kind == PS_EXPR_AGGREGATE) return aggregate_column(g, e);
    for (uint32_t i = 0; i < g->n_keys; i++)
        if (ps_expr_equal(g->keys[i].expr, e))
            return ps_expr_place(ps_lower_column_of(lo, &g->keys[i].col), e->at);
    if (e->kind == PS_EXPR_COLUMN)
        return ps_scope_has(&g->s->scope, e->column) ? not_grouped(g, e->column, e->at) : e;
    if (e->kind == PS_EXPR_SUBQUERY) {
        subquery_check check = {g, PS_COL_NONE, 0};
        if (ps_node_visit(lo->cx, e->plan, check_plan, &check) != PS_OK) return NULL;
        if (check.bad != PS_COL_NONE) return not_grouped(g, check.bad, check.at);
    }
    uint32_t n = ps_expr_n_children(e);
    if (n == 0) return e;
    const ps_expr **children = PS_ARENA_ARRAY(lo->cx, lo->arena, const ps_expr *, n);
    for (uint32_t i = 0; children && i < n; i++)
        if (!(children[i] = regroup(g, ps_expr_child(e, i)))) return NULL;
    return children ? ps_expr_place(ps_expr_with_children(lo->cx, lo->arena, e, children), e->at)
                    : NULL;
}

static const ps_expr *regroup_one(ps_lower_select *s, const ps_expr *e, void *user)
{
    (void)s;
    return regroup(user, e);
}

static bool make_keys(grouping *g)
{
    ps_lower_select *s = g->s;
    ps_lower *lo = s->lo;

    g->keys = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_item, s->group.n + 1);
    if (!g->keys) return false;
    for (size_t i = 0; i < s->group.n; i++) {
        const ps_expr *e = s->group.at[i];
        bool twice = false;
        for (uint32_t k = 0; k < g->n_keys; k++) twice |= ps_expr_equal(g->keys[k].expr, e);
        if (twice) continue;
        ps_col col = {PS_COL_NONE, e->type, true, {"", 0}};
        const ps_col *plain =
            e->kind == PS_EXPR_COLUMN ? ps_node_find_col(s->node, e->column) : NULL;
        if (plain) col = *plain;
        else col.id = ps_planner_id(lo->p);
        g->keys[g->n_keys++] = (ps_item){col, e};
    }
    return true;
}

bool ps_lower_group(ps_lower_select *s)
{
    grouping g = {.s = s};

    if (!s->grouped) return true;
    if (!make_keys(&g) || !ps_lower_select_map(s, regroup_one, &g)) return false;
    for (size_t i = 0; i < s->lifted.n; i++)
        if (PS_ARRAY_ADD_IN(s->lo->cx, s->lo->arena, &g.aggs, s->lifted.at[i]) != PS_OK)
            return false;
    s->node = ps_node_aggregate_new(s->lo->p, s->node, g.keys, g.n_keys,
                                    g.aggs.at ? g.aggs.at : g.keys, (uint32_t)g.aggs.n);
    return s->node != NULL;
}
