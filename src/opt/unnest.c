/* opt/unnest.c -- pushing the bindings of a lateral join down a dependent plan.
 *
 * Operator by operator, after Neumann and Kemper, Unnesting Arbitrary Queries (2015), and Neumann,
 * Improving Unnesting of Complex Queries (2025). At a filter above what no longer depends, an
 * equality with a plain expression gives the column's value and no domain is needed. Recursion
 * follows the plan, whose depth is bounded. Part of rule_unnest.c. */
#include "opt/unnest.h"

#include "func/func.h"

const ps_node *ps_unnest_left_again(ps_dep *dep, ps_col **cols)
{
    ps_opt *opt = dep->opt;

    *cols = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_col, dep->left->n_cols + 1);
    if (!*cols) return NULL;
    for (uint32_t i = 0; i < dep->left->n_cols; i++) {
        (*cols)[i] = dep->left->cols[i];
        (*cols)[i].id = ps_planner_id(opt->planner);
    }
    dep->shared = true;
    return ps_node_subplan_new(opt->planner, dep->left, PS_STR("outer"), *cols);
}

/* The column of left_again that stands for cols[i]. */
static const ps_col *again_col(const ps_dep *dep, const ps_col *again, uint32_t i)
{
    for (uint32_t k = 0; k < dep->left->n_cols; k++) {
        if (dep->left->cols[k].id == dep->cols[i].id) return &again[k];
    }
    return NULL;
}

ps_status ps_unnest_domain(ps_dep *dep, ps_bound *out)
{
    ps_opt *opt = dep->opt;
    ps_col *again;
    const ps_node *left = ps_unnest_left_again(dep, &again);
    ps_item *keys = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_item, dep->n + 1);

    out->reprs = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_col, dep->n + 1);
    if (!left || !keys || !out->reprs) return opt->cx->error.code;
    for (uint32_t i = 0; i < dep->n; i++) {
        const ps_col *col = again_col(dep, again, i);
        if (!col) return PS_BUG(opt->cx, "a lateral join's column is not its left input's");
        keys[i] = (ps_item){*col, ps_opt_col(opt, col)};
        keys[i].col.id = ps_planner_id(opt->planner);
        if (!keys[i].expr) return opt->cx->error.code;
    }
    out->node = ps_node_aggregate_new(opt->planner, left, keys, dep->n, NULL, 0);
    if (!out->node) return opt->cx->error.code;
    for (uint32_t i = 0; i < dep->n; i++) out->reprs[i] = out->node->cols[i];
    return PS_OK;
}

ps_status ps_unnest_map(ps_dep *dep, const ps_bound *bound, ps_substs *map)
{
    for (uint32_t i = 0; i < dep->n; i++) {
        const ps_subst one = {dep->cols[i].id, ps_opt_col(dep->opt, &bound->reprs[i])};
        if (!one.expr) return dep->opt->cx->error.code;
        PS_TRY(PS_ARRAY_ADD_IN(dep->opt->cx, dep->opt->arena, map, one));
    }
    return PS_OK;
}

ps_status ps_unnest_keys(ps_dep *dep, const ps_col *left, const ps_col *right, ps_join_key *keys)
{
    for (uint32_t i = 0; i < dep->n; i++) {
        const bool nullable = left[i].nullable && right[i].nullable;
        keys[i] = (ps_join_key){ps_opt_col(dep->opt, &left[i]), ps_opt_col(dep->opt, &right[i]),
                                nullable};
        if (!keys[i].left || !keys[i].right) return dep->opt->cx->error.code;
    }
    return PS_OK;
}

/* What does not depend, for every binding. */
static ps_status with_domain(ps_dep *dep, const ps_node *node, ps_bound *out)
{
    const ps_join_spec spec = {.kind = PS_JOIN_CROSS};

    PS_TRY(ps_unnest_domain(dep, out));
    out->node = ps_node_join_new(dep->opt->planner, out->node, node, &spec);
    return out->node ? PS_OK : dep->opt->cx->error.code;
}

/* ---- filter ---- */

/* column i = x with x over the input alone; NULL: there is none among the conjuncts. */
static const ps_expr *equal_to(const ps_dep *dep, const ps_conjuncts *all, const ps_ids *inner,
                               uint32_t i)
{
    const ps_type type = dep->cols[i].type;

    if (type.id == PS_TYPE_FLOAT64 || type.id == PS_TYPE_FLOAT32 || type.id == PS_TYPE_FLOAT16)
        return NULL; /* -0.0 */
    for (size_t k = 0; k < all->n; k++) {
        const ps_expr *e = all->at[k];

        if (!ps_expr_is_call(e, "=") || e->flags & (PS_EXPR_VOLATILE | PS_EXPR_FALLIBLE)) continue;
        for (int side = 0; side < 2; side++) {
            const ps_expr *a = e->args[side], *b = e->args[1 - side];
            if (a->kind == PS_EXPR_COLUMN && a->column == dep->cols[i].id &&
                b->flags & PS_EXPR_HAS_COLUMN && ps_expr_within(b, inner) &&
                ps_type_equal(a->type, b->type))
                return b;
        }
    }
    return NULL;
}

/* Whether a conjunct is an equality that gave a binding: it holds by then. */
static bool is_used(const ps_dep *dep, const ps_expr *e, const ps_expr *const *equals)
{
    if (!ps_expr_is_call(e, "=")) return false;
    for (uint32_t i = 0; i < dep->n; i++) {
        for (int side = 0; side < 2; side++) {
            const ps_expr *a = e->args[side];
            if (e->args[1 - side] == equals[i] && a->kind == PS_EXPR_COLUMN &&
                a->column == dep->cols[i].id)
                return true;
        }
    }
    return false;
}

/* input with columns for the expressions that equal the bindings, none of them null. */
static ps_status add_reprs(ps_dep *dep, const ps_node *input, const ps_expr **equals, ps_bound *out)
{
    ps_opt *opt = dep->opt;
    ps_item *items = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_item, input->n_cols + dep->n + 1);
    ps_conjuncts known = {0};

    out->reprs = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_col, dep->n + 1);
    if (!items || !out->reprs) return PS_MEMORY;
    for (uint32_t i = 0; i < input->n_cols; i++) {
        items[i] = (ps_item){input->cols[i], ps_opt_col(opt, &input->cols[i])};
        if (!items[i].expr) return opt->cx->error.code;
    }
    for (uint32_t i = 0; i < dep->n; i++) {
        const ps_expr *test = ps_opt_call1(opt, "is_not_null", equals[i]);
        if (!test) return opt->cx->error.code;
        PS_TRY(ps_conjuncts_add(opt, &known, test));
        items[input->n_cols + i] = (ps_item){dep->cols[i], equals[i]};
        items[input->n_cols + i].col.id = ps_planner_id(opt->planner);
    }
    out->node = ps_node_project_new(opt->planner, ps_opt_filter(opt, input, &known), items,
                                    input->n_cols + dep->n);
    if (!out->node) return opt->cx->error.code;
    for (uint32_t i = 0; i < dep->n; i++) {
        out->reprs[i] = out->node->cols[input->n_cols + i];
        out->reprs[i].nullable = false;
    }
    return PS_OK;
}

/* Keeps the rows whose binding left has. */
static ps_status restrict_to_left(ps_dep *dep, ps_bound *bound)
{
    ps_opt *opt = dep->opt;
    ps_join_key *keys = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_join_key, dep->n + 1);
    ps_col *again, *right = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_col, dep->n + 1);
    const ps_node *left = ps_unnest_left_again(dep, &again);

    if (!keys || !right || !left) return opt->cx->error.code;
    for (uint32_t i = 0; i < dep->n; i++) right[i] = *again_col(dep, again, i);
    PS_TRY(ps_unnest_keys(dep, bound->reprs, right, keys));
    const ps_join_spec spec = {.kind = PS_JOIN_SEMI, .keys = keys, .n_keys = dep->n};
    bound->node = ps_node_join_new(opt->planner, bound->node, left, &spec);
    return bound->node ? PS_OK : opt->cx->error.code;
}

/* The conjuncts over a bound plan, the binding's columns replaced. */
static ps_status filter_bound(ps_dep *dep, const ps_conjuncts *all, ps_bound *bound)
{
    ps_substs map = {0};
    ps_conjuncts now = {0};

    PS_TRY(ps_unnest_map(dep, bound, &map));
    for (size_t k = 0; k < all->n; k++) {
        const ps_expr *e = ps_opt_substitute(dep->opt, all->at[k], &map);
        if (!e) return dep->opt->cx->error.code;
        PS_TRY(ps_conjuncts_add(dep->opt, &now, e));
    }
    bound->node = ps_opt_filter(dep->opt, bound->node, &now);
    return bound->node ? PS_OK : dep->opt->cx->error.code;
}

static ps_status unnest_filter(ps_dep *dep, const ps_node *node, ps_bound *out)
{
    ps_opt *opt = dep->opt;
    const ps_node *input = node->inputs[0];
    ps_conjuncts all = {0}, plain = {0}, rest = {0};
    const ps_expr **equals = PS_ARENA_ARRAY(opt->cx, opt->arena, const ps_expr *, dep->n + 1);
    ps_ids inner;
    bool dependent, covered = true;

    PS_TRY(ps_conjuncts_add(opt, &all, ps_node_as_filter(node)->predicate));
    PS_TRY(ps_node_uses(opt, input, &dep->set, &dependent));
    if (dependent) {
        PS_TRY(ps_unnest_node(dep, input, out));
        return filter_bound(dep, &all, out);
    }
    PS_TRY(ps_ids_of_node(opt, input, &inner));
    if (!equals) return PS_MEMORY;
    for (uint32_t i = 0; i < dep->n; i++)
        covered &= (equals[i] = equal_to(dep, &all, &inner, i)) != NULL;
    if (!covered) {
        PS_TRY(with_domain(dep, input, out));
        return filter_bound(dep, &all, out);
    }
    for (size_t k = 0; k < all.n; k++) {
        if (is_used(dep, all.at[k], equals)) continue;
        const bool here =
            ps_expr_within(all.at[k], &inner) && !(all.at[k]->flags & PS_EXPR_FALLIBLE);
        PS_TRY(ps_conjuncts_add(opt, here ? &plain : &rest, all.at[k]));
    }
    if (!(input = ps_opt_filter(opt, input, &plain))) return opt->cx->error.code;
    PS_TRY(add_reprs(dep, input, equals, out));
    if (dep->restrict_) PS_TRY(restrict_to_left(dep, out));
    return filter_bound(dep, &rest, out);
}

/* ---- project, aggregate, distinct, sort ---- */

static ps_status map_items(ps_dep *dep, const ps_f_items *items, const ps_bound *bound,
                           uint32_t n_more, ps_item **out)
{
    ps_substs map = {0};

    *out = PS_ARENA_ARRAY(dep->opt->cx, dep->opt->arena, ps_item, items->n + n_more + 1);
    if (!*out) return PS_MEMORY;
    PS_TRY(ps_unnest_map(dep, bound, &map));
    for (uint32_t i = 0; i < items->n; i++) {
        (*out)[i] =
            (ps_item){items->at[i].col, ps_opt_substitute(dep->opt, items->at[i].expr, &map)};
        if (!(*out)[i].expr) return dep->opt->cx->error.code;
    }
    return PS_OK;
}

static ps_status pass_reprs(ps_dep *dep, const ps_bound *bound, ps_item *items)
{
    for (uint32_t i = 0; i < dep->n; i++) {
        items[i] = (ps_item){bound->reprs[i], ps_opt_col(dep->opt, &bound->reprs[i])};
        if (!items[i].expr) return dep->opt->cx->error.code;
    }
    return PS_OK;
}

static ps_status unnest_project(ps_dep *dep, const ps_node *node, ps_bound *out)
{
    const ps_f_items *old = &ps_node_as_project(node)->items;
    ps_item *items;

    PS_TRY(ps_unnest_node(dep, node->inputs[0], out));
    PS_TRY(map_items(dep, old, out, dep->n, &items));
    PS_TRY(pass_reprs(dep, out, items + old->n));
    out->node = ps_node_project_new(dep->opt->planner, out->node, items, old->n + dep->n);
    return out->node ? PS_OK : dep->opt->cx->error.code;
}

ps_status ps_unnest_grouped(ps_dep *dep, const ps_node_aggregate *aggregate, ps_bound *out)
{
    ps_item *keys, *aggs;

    PS_TRY(ps_unnest_node(dep, aggregate->base.inputs[0], out));
    PS_TRY(map_items(dep, &aggregate->keys, out, dep->n, &keys));
    PS_TRY(map_items(dep, &aggregate->aggs, out, 0, &aggs));
    PS_TRY(pass_reprs(dep, out, keys + aggregate->keys.n));
    out->node = ps_node_aggregate_new(dep->opt->planner, out->node, keys,
                                      aggregate->keys.n + dep->n, aggs, aggregate->aggs.n);
    return out->node ? PS_OK : dep->opt->cx->error.code;
}

static bool is_count(const ps_expr *e)
{
    const char *name = ps_func_head_of(e->func).name;

    return strncmp(name, "count", 5) == 0 || strncmp(name, "approx_count", 12) == 0 ||
           strcmp(name, "regr_count") == 0;
}

ps_status ps_unnest_counts(ps_dep *dep, const ps_node_aggregate *aggregate, ps_substs *map)
{
    ps_opt *opt = dep->opt;

    for (uint32_t i = 0; i < aggregate->aggs.n; i++) {
        const ps_item *item = &aggregate->aggs.at[i];
        const ps_value zero = ps_value_int(item->expr->type, 0);

        if (!is_count(item->expr)) continue;
        const ps_expr *both[] = {
            ps_expr_column(opt->cx, opt->arena, item->col.id, item->expr->type),
            ps_expr_literal(opt->cx, opt->arena, &zero)};
        if (!both[0] || !both[1]) return opt->cx->error.code;
        const ps_subst one = {item->col.id, ps_expr_coalesce(opt->cx, opt->arena, both, 2)};
        if (!one.expr) return opt->cx->error.code;
        PS_TRY(PS_ARRAY_ADD_IN(opt->cx, opt->arena, map, one));
    }
    return PS_OK;
}

/* Without grouping there is a row for every binding, also where there is no input. */
static ps_status unnest_ungrouped(ps_dep *dep, const ps_node_aggregate *aggregate, ps_bound *out)
{
    ps_opt *opt = dep->opt;
    const uint32_t n = aggregate->aggs.n;
    ps_join_key *keys = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_join_key, dep->n + 1);
    ps_item *items = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_item, n + dep->n + 1);
    ps_substs map = {0};
    ps_bound domain, grouped;

    if (!keys || !items) return PS_MEMORY;
    PS_TRY(ps_unnest_grouped(dep, aggregate, &grouped));
    PS_TRY(ps_unnest_domain(dep, &domain));
    PS_TRY(ps_unnest_keys(dep, domain.reprs, grouped.reprs, keys));
    const ps_join_spec spec = {.kind = PS_JOIN_LEFT, .keys = keys, .n_keys = dep->n};
    out->node = ps_node_join_new(opt->planner, domain.node, grouped.node, &spec);
    if (!out->node) return opt->cx->error.code;
    PS_TRY(ps_unnest_counts(dep, aggregate, &map));
    for (uint32_t i = 0; i < n; i++) {
        const ps_expr *col = ps_expr_column(opt->cx, opt->arena, aggregate->aggs.at[i].col.id,
                                            aggregate->aggs.at[i].expr->type);
        items[i] =
            (ps_item){aggregate->aggs.at[i].col, col ? ps_opt_substitute(opt, col, &map) : NULL};
        if (!items[i].expr) return opt->cx->error.code;
    }
    out->reprs = domain.reprs;
    PS_TRY(pass_reprs(dep, out, items + n));
    out->node = ps_node_project_new(opt->planner, out->node, items, n + dep->n);
    return out->node ? PS_OK : opt->cx->error.code;
}

static ps_status unnest_distinct(ps_dep *dep, const ps_node *node, ps_bound *out)
{
    ps_opt *opt = dep->opt;
    const ps_f_exprs *old = &ps_node_as_distinct(node)->on;
    const ps_expr **on =
        PS_ARENA_ARRAY(opt->cx, opt->arena, const ps_expr *, old->n + dep->n + node->n_cols + 1);
    ps_substs map = {0};
    uint32_t n = 0;

    if (!on) return PS_MEMORY;
    PS_TRY(ps_unnest_node(dep, node->inputs[0], out));
    PS_TRY(ps_unnest_map(dep, out, &map));
    for (uint32_t i = 0; i < old->n; i++) on[n++] = ps_opt_substitute(opt, old->at[i], &map);
    for (uint32_t i = 0; old->n == 0 && i < node->n_cols; i++)
        on[n++] = ps_opt_col(opt, &node->cols[i]);
    for (uint32_t i = 0; i < dep->n; i++) on[n++] = ps_opt_col(opt, &out->reprs[i]);
    for (uint32_t i = 0; i < n; i++) {
        if (!on[i]) return opt->cx->error.code;
    }
    /* other columns that came along with the bindings don't count: on, not all */
    out->node = ps_node_distinct_new(opt->planner, out->node, on, n);
    return out->node ? PS_OK : opt->cx->error.code;
}

/* ---- limit and top-n: numbered within each binding ---- */

typedef struct cut {
    const ps_sort_key *keys;
    uint32_t n;
    int64_t offset, count;
} cut;

static const ps_node *number_rows(ps_dep *dep, const ps_bound *bound, const cut *c, ps_col *number)
{
    ps_opt *opt = dep->opt;
    const ps_expr **partition = PS_ARENA_ARRAY(opt->cx, opt->arena, const ps_expr *, dep->n + 1);
    ps_sort_key *order = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_sort_key, c->n + 1);
    const ps_agg_part part = {0};
    ps_substs map = {0};

    if (!partition || !order || ps_unnest_map(dep, bound, &map) != PS_OK) return NULL;
    for (uint32_t i = 0; i < dep->n; i++) {
        if (!(partition[i] = ps_opt_col(opt, &bound->reprs[i]))) return NULL;
    }
    for (uint32_t i = 0; i < c->n; i++) {
        order[i] = c->keys[i];
        if (!(order[i].expr = ps_opt_substitute(opt, c->keys[i].expr, &map))) return NULL;
    }
    const ps_window_spec spec = {.partition = partition,
                                 .n_partition = dep->n,
                                 .order = order,
                                 .n_order = c->n,
                                 .frame = {.unit = PS_FRAME_ROWS,
                                           .start = PS_BOUND_UNBOUNDED_PRECEDING,
                                           .end = PS_BOUND_CURRENT}};
    *number = (ps_col){.id = ps_planner_id(opt->planner), .type = PS_TYPE(INT64)};
    const ps_item item = {*number, ps_expr_window(opt->cx, opt->arena,
                                                  ps_func_find(PS_FUNC_WINDOW, "row_number"),
                                                  number->type, NULL, 0, &part, &spec)};
    return item.expr ? ps_node_window_new(opt->planner, bound->node, &item, 1) : NULL;
}

static ps_status unnest_cut(ps_dep *dep, const ps_node *input, const cut *c, ps_bound *out)
{
    ps_opt *opt = dep->opt;
    ps_conjuncts list = {0};
    ps_col number;

    PS_TRY(ps_unnest_node(dep, input, out));
    if (!(out->node = number_rows(dep, out, c, &number))) return opt->cx->error.code;
    if (c->offset > 0) {
        const ps_expr *e =
            ps_opt_call(opt, ">", ps_opt_col(opt, &number), ps_opt_int(opt, c->offset));
        if (!e) return opt->cx->error.code;
        PS_TRY(ps_conjuncts_add(opt, &list, e));
    }
    if (c->count < INT64_MAX - c->offset) {
        const ps_expr *e =
            ps_opt_call(opt, "<=", ps_opt_col(opt, &number), ps_opt_int(opt, c->offset + c->count));
        if (!e) return opt->cx->error.code;
        PS_TRY(ps_conjuncts_add(opt, &list, e));
    }
    out->node = ps_opt_filter(opt, out->node, &list);
    return out->node ? PS_OK : opt->cx->error.code;
}

static ps_status unnest_limit(ps_dep *dep, const ps_node *node, ps_bound *out)
{
    const ps_node_limit *limit = ps_node_as_limit(node);
    const ps_node *input = node->inputs[0];
    cut c = {.offset = limit->offset, .count = limit->count};

    if (input->kind == PS_NODE_SORT) {
        c.keys = ps_node_as_sort(input)->keys.at;
        c.n = ps_node_as_sort(input)->keys.n;
        input = input->inputs[0];
    }
    return unnest_cut(dep, input, &c, out);
}

/* ---- windows, sorts, set operations, subplans ---- */

static ps_status unnest_window(ps_dep *dep, const ps_node *node, ps_bound *out)
{
    ps_opt *opt = dep->opt;
    const ps_f_items *old = &ps_node_as_window(node)->calls;
    ps_item *calls;

    PS_TRY(ps_unnest_node(dep, node->inputs[0], out));
    PS_TRY(map_items(dep, old, out, 0, &calls));
    for (uint32_t i = 0; i < old->n; i++) {
        const ps_expr *e = calls[i].expr;
        const ps_expr **partition =
            PS_ARENA_ARRAY(opt->cx, opt->arena, const ps_expr *, e->n_partition + dep->n + 1);

        if (!partition) return PS_MEMORY;
        for (uint32_t k = 0; k < e->n_partition; k++) partition[k] = e->partition[k];
        for (uint32_t k = 0; k < dep->n; k++) {
            if (!(partition[e->n_partition + k] = ps_opt_col(opt, &out->reprs[k])))
                return opt->cx->error.code;
        }
        const ps_window_spec spec = {partition, e->n_partition + dep->n, e->order, e->n_order,
                                     *e->frame};
        calls[i].expr = ps_expr_window(opt->cx, opt->arena, e->func, e->type, e->args, e->n_args,
                                       e->agg, &spec);
        if (!calls[i].expr) return opt->cx->error.code;
    }
    out->node = ps_node_window_new(opt->planner, out->node, calls, old->n);
    return out->node ? PS_OK : opt->cx->error.code;
}

static ps_status unnest_sort(ps_dep *dep, const ps_node *node, ps_bound *out)
{
    const ps_f_sort_keys *old = &ps_node_as_sort(node)->keys;
    ps_sort_key *keys = PS_ARENA_ARRAY(dep->opt->cx, dep->opt->arena, ps_sort_key, old->n + 1);
    ps_substs map = {0};

    if (!keys) return PS_MEMORY;
    PS_TRY(ps_unnest_node(dep, node->inputs[0], out));
    PS_TRY(ps_unnest_map(dep, out, &map));
    for (uint32_t i = 0; i < old->n; i++) {
        keys[i] = old->at[i];
        if (!(keys[i].expr = ps_opt_substitute(dep->opt, old->at[i].expr, &map)))
            return dep->opt->cx->error.code;
    }
    out->node = ps_node_sort_new(dep->opt->planner, out->node, keys, old->n);
    return out->node ? PS_OK : dep->opt->cx->error.code;
}

/* cols, then reprs, in this order. */
static ps_status in_order(ps_dep *dep, const ps_col *cols, uint32_t n, ps_bound *bound)
{
    ps_col *all = PS_ARENA_ARRAY(dep->opt->cx, dep->opt->arena, ps_col, n + dep->n + 1);

    if (!all) return PS_MEMORY;
    if (n) memcpy(all, cols, sizeof(*all) * n);
    memcpy(all + n, bound->reprs, sizeof(*all) * dep->n);
    bound->node = ps_opt_keep(dep->opt, bound->node, all, n + dep->n);
    return bound->node ? PS_OK : dep->opt->cx->error.code;
}

static ps_status unnest_setop(ps_dep *dep, const ps_node *node, ps_bound *out)
{
    ps_opt *opt = dep->opt;
    const ps_node_setop *setop = ps_node_as_setop(node);
    const uint32_t n = setop->columns.n;
    const ps_node **inputs =
        PS_ARENA_ARRAY(opt->cx, opt->arena, const ps_node *, node->n_inputs + 1);
    ps_col *cols = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_col, n + dep->n + 1);

    if (!inputs || !cols) return PS_MEMORY;
    for (uint32_t k = 0; k < node->n_inputs; k++) {
        ps_bound one;
        PS_TRY(ps_unnest_node(dep, node->inputs[k], &one));
        PS_TRY(in_order(dep, node->inputs[k]->cols, n, &one));
        inputs[k] = one.node;
    }
    if (n) memcpy(cols, setop->columns.at, sizeof(*cols) * n);
    for (uint32_t i = 0; i < dep->n; i++) {
        cols[n + i] = dep->cols[i];
        cols[n + i].id = ps_planner_id(opt->planner);
    }
    out->node = ps_node_setop_new(opt->planner, setop->op, inputs, node->n_inputs, cols);
    if (!out->node) return opt->cx->error.code;
    out->reprs = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_col, dep->n + 1);
    if (!out->reprs) return PS_MEMORY;
    memcpy(out->reprs, out->node->cols + n, sizeof(*cols) * dep->n);
    return PS_OK;
}

/* A dependent shared plan can't stay shared: each reader has its own copy. */
static ps_status unnest_subplan(ps_dep *dep, const ps_node *node, ps_bound *out)
{
    ps_opt *opt = dep->opt;
    const ps_f_cols *cols = &ps_node_as_subplan(node)->columns;
    const ps_node *body = ps_node_instantiate(opt->planner, node->inputs[0]);
    ps_item *items = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_item, cols->n + dep->n + 1);

    if (!body || !items) return opt->cx->error.code;
    PS_TRY(ps_unnest_node(dep, body, out));
    for (uint32_t i = 0; i < cols->n; i++) {
        items[i] = (ps_item){cols->at[i], ps_opt_col(opt, &body->cols[i])};
        if (!items[i].expr) return opt->cx->error.code;
    }
    PS_TRY(pass_reprs(dep, out, items + cols->n));
    out->node = ps_node_project_new(opt->planner, out->node, items, cols->n + dep->n);
    return out->node ? PS_OK : opt->cx->error.code;
}

ps_status ps_unnest_node(ps_dep *dep, const ps_node *node, ps_bound *out)
{
    bool dependent;

    PS_TRY(ps_poll(dep->opt->cx));
    PS_TRY(ps_node_uses(dep->opt, node, &dep->set, &dependent));
    if (!dependent) return with_domain(dep, node, out);
    switch ((ps_node_kind)node->kind) {
    case PS_NODE_FILTER: return unnest_filter(dep, node, out);
    case PS_NODE_PROJECT: return unnest_project(dep, node, out);
    case PS_NODE_AGGREGATE:
        if (ps_node_as_aggregate(node)->keys.n)
            return ps_unnest_grouped(dep, ps_node_as_aggregate(node), out);
        return unnest_ungrouped(dep, ps_node_as_aggregate(node), out);
    case PS_NODE_DISTINCT: return unnest_distinct(dep, node, out);
    case PS_NODE_SORT: return unnest_sort(dep, node, out);
    case PS_NODE_LIMIT: return unnest_limit(dep, node, out);
    case PS_NODE_TOPN: {
        const ps_node_topn *topn = ps_node_as_topn(node);
        const cut c = {topn->keys.at, topn->keys.n, topn->offset, topn->count};
        return unnest_cut(dep, node->inputs[0], &c, out);
    }
    case PS_NODE_WINDOW: return unnest_window(dep, node, out);
    case PS_NODE_SETOP: return unnest_setop(dep, node, out);
    case PS_NODE_SUBPLAN: return unnest_subplan(dep, node, out);
    case PS_NODE_JOIN: return ps_unnest_join(dep, node, out);
    default:
        return ps_fail(dep->opt->cx, PS_UNSUPPORTED,
                       "a correlated subquery of this form is not supported");
    }
}
