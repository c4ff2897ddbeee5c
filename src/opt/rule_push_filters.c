/* opt/rule_push_filters.c -- filter(join(a, b), p and q)  =>  join(filter(a, p), filter(b, q))
 *
 * And so on, down to the scans.
 * Why: rows that don't count are dropped before they cost anything; cross joins with equalities
 * become hash joins.
 * Safe: a conjunct moves below a node only where it drops rows whose every descendant it would
 * drop:
 *
 *   project      its columns replaced by their expressions, unless volatile
 *   aggregate    over keys only
 *   window       over the partition of every call
 *   distinct on  over the columns it is distinct on
 *   union all    into each input
 *   join         below the side whose rows are kept or dropped whole; a conjunct that rejects nulls
 *                of the side that an outer join pads makes the join inner on that side
 *   limit, top-n, a shared subplan: never
 *
 * What may fail stays above joins, where it would see more rows, but for an equality over both
 * sides of a join that has no key else (push_join.c). Volatile conjuncts stay where they
 * are. Copies (implied conditions of OR, conditions over equal keys) are added, the original stays.
 * Order: after unnesting, before join order; the whole plan top-down in one pass.
 * Tests: tests/slt/opt/push_filters.test */
#include "opt/push.h"

#include "func/func.h"

/* Memo of what shared plans became. */
static const ps_node *known(const ps_push *push, const ps_node *node)
{
    for (size_t i = 0; i < push->done.n; i++) {
        if (push->done.at[i].before == node) return push->done.at[i].after;
    }
    return NULL;
}

static bool same_filter(const ps_node *a, const ps_node *b)
{
    return a->kind == PS_NODE_FILTER && b->kind == PS_NODE_FILTER && a->inputs[0] == b->inputs[0] &&
           ps_expr_equal(ps_node_as_filter(a)->predicate, ps_node_as_filter(b)->predicate);
}

static const ps_node *push_filter(ps_push *push, const ps_node *node, const ps_conjuncts *above)
{
    ps_conjuncts all = {0};

    for (size_t i = 0; i < above->n; i++) {
        if (ps_conjuncts_add(push->opt, &all, above->at[i]) != PS_OK) return NULL;
    }
    if (ps_conjuncts_add(push->opt, &all, ps_node_as_filter(node)->predicate) != PS_OK) return NULL;
    const ps_node *out = ps_push_into(push, node->inputs[0], &all);
    return out && same_filter(node, out) ? node : out;
}

static const ps_node *push_scan(ps_push *push, const ps_node *node, const ps_conjuncts *list)
{
    ps_opt *opt = push->opt;
    const ps_node_scan *scan = ps_node_as_scan(node);
    ps_conjuncts inside = {0}, rest = {0};

    if (scan->limit || push->joins_only) return ps_opt_filter(opt, node, list);
    for (uint32_t i = 0; i < scan->filters.n; i++) {
        if (ps_conjuncts_add(opt, &inside, scan->filters.at[i]) != PS_OK) return NULL;
    }
    for (size_t i = 0; i < list->n; i++) {
        const ps_expr *e = list->at[i];
        const bool stays =
            ps_expr_is_volatile(e) || ps_expr_may_fail(e) || !(e->flags & PS_EXPR_HAS_COLUMN);

        if (ps_conjuncts_add(opt, stays ? &rest : &inside, e) != PS_OK) return NULL;
    }
    if (inside.n > scan->filters.n) {
        node = ps_node_scan_new(opt->planner, scan->source, scan->columns.at, scan->columns.n,
                                inside.at, (uint32_t)inside.n, 0);
    }
    return ps_opt_filter(opt, node, &rest);
}

/* Conjuncts that pass through, with columns replaced, and those that stay above. */
static ps_status split_through(ps_push *push, const ps_conjuncts *list, const ps_f_items *items,
                               const ps_ids *through, ps_conjuncts *below, ps_conjuncts *above)
{
    ps_substs map = {0};

    PS_TRY(ps_substs_of_items(push->opt, items, &map));
    for (size_t i = 0; i < list->n; i++) {
        const ps_expr *e = list->at[i];

        if (!(e->flags & PS_EXPR_HAS_COLUMN) || ps_expr_is_volatile(e) ||
            !ps_expr_within(e, through)) {
            PS_TRY(ps_conjuncts_add(push->opt, above, e));
            continue;
        }
        const ps_expr *now = ps_opt_substitute(push->opt, e, &map);
        if (!now) return push->opt->cx->error.code;
        PS_TRY(ps_conjuncts_add(push->opt, ps_expr_is_volatile(now) ? above : below,
                                ps_expr_is_volatile(now) ? e : now));
    }
    return PS_OK;
}

static const ps_node *push_items(ps_push *push, const ps_node *node, const ps_f_items *items,
                                 const ps_conjuncts *list)
{
    ps_conjuncts below = {0}, above = {0};
    ps_ids through;

    if (ps_ids_init(push->opt, &through) != PS_OK) return NULL;
    for (uint32_t i = 0; i < items->n; i++) ps_ids_add(&through, items->at[i].col.id);
    if (split_through(push, list, items, &through, &below, &above) != PS_OK) return NULL;
    const ps_node *input = ps_push_into(push, node->inputs[0], &below);
    if (!input) return NULL;
    return ps_opt_filter(push->opt, ps_node_with_inputs(push->opt->planner, node, &input), &above);
}

/* Those of list that read only columns of `through` and can't fail go below. */
static const ps_node *push_plain(ps_push *push, const ps_node *node, const ps_ids *through,
                                 const ps_conjuncts *list)
{
    ps_conjuncts below = {0}, above = {0};

    for (size_t i = 0; i < list->n; i++) {
        const ps_expr *e = list->at[i];
        const bool may =
            !ps_expr_is_volatile(e) && !ps_expr_may_fail(e) && ps_expr_within(e, through);

        if (ps_conjuncts_add(push->opt, may ? &below : &above, e) != PS_OK) return NULL;
    }
    const ps_node *input = ps_push_into(push, node->inputs[0], &below);
    if (!input) return NULL;
    return ps_opt_filter(push->opt, ps_node_with_inputs(push->opt->planner, node, &input), &above);
}

static const ps_node *push_window(ps_push *push, const ps_node *node, const ps_conjuncts *list)
{
    const ps_f_items *calls = &ps_node_as_window(node)->calls;
    ps_ids through;

    if (ps_ids_init(push->opt, &through) != PS_OK) return NULL;
    for (uint32_t k = 0; k < calls->at[0].expr->n_partition; k++) {
        const ps_expr *key = calls->at[0].expr->partition[k];
        bool in_all = key->kind == PS_EXPR_COLUMN;

        for (uint32_t i = 1; in_all && i < calls->n; i++) {
            const ps_expr *call = calls->at[i].expr;
            bool found = false;

            for (uint32_t m = 0; m < call->n_partition; m++)
                found |= ps_expr_equal(call->partition[m], key);
            in_all = found;
        }
        if (in_all) ps_ids_add(&through, key->column);
    }
    return push_plain(push, node, &through, list);
}

static const ps_node *push_distinct(ps_push *push, const ps_node *node, const ps_conjuncts *list)
{
    const ps_f_exprs *on = &ps_node_as_distinct(node)->on;
    ps_ids through;

    if (on->n == 0) {
        if (ps_ids_of_node(push->opt, node, &through) != PS_OK) return NULL;
    } else {
        if (ps_ids_init(push->opt, &through) != PS_OK) return NULL;
        for (uint32_t i = 0; i < on->n; i++) {
            if (on->at[i]->kind == PS_EXPR_COLUMN) ps_ids_add(&through, on->at[i]->column);
        }
    }
    return push_plain(push, node, &through, list);
}

static const ps_node *push_union(ps_push *push, const ps_node *node, const ps_conjuncts *list)
{
    ps_opt *opt = push->opt;
    const ps_node_setop *setop = ps_node_as_setop(node);
    const ps_node **inputs =
        PS_ARENA_ARRAY(opt->cx, opt->arena, const ps_node *, node->n_inputs + 1);
    ps_conjuncts below = {0}, above = {0};

    if (!inputs) return NULL;
    for (size_t i = 0; i < list->n; i++) {
        const bool may = setop->op == PS_SETOP_UNION_ALL && !ps_expr_is_volatile(list->at[i]);
        if (ps_conjuncts_add(opt, may ? &below : &above, list->at[i]) != PS_OK) return NULL;
    }
    for (uint32_t k = 0; k < node->n_inputs; k++) {
        ps_substs map = {0};
        ps_conjuncts mine = {0};

        for (uint32_t i = 0; i < setop->columns.n; i++) {
            const ps_subst one = {setop->columns.at[i].id,
                                  ps_opt_col(opt, &node->inputs[k]->cols[i])};
            if (!one.expr || PS_ARRAY_ADD_IN(opt->cx, opt->arena, &map, one) != PS_OK) return NULL;
        }
        for (size_t i = 0; i < below.n; i++) {
            const ps_expr *now = ps_opt_substitute(opt, below.at[i], &map);
            if (!now || ps_conjuncts_add(opt, &mine, now) != PS_OK) return NULL;
        }
        if (!(inputs[k] = ps_push_into(push, node->inputs[k], &mine))) return NULL;
    }
    return ps_opt_filter(opt, ps_node_with_inputs(opt->planner, node, inputs), &above);
}

/* Nothing passes; the inputs are worked on by themselves, shared ones once. */
static const ps_node *push_barrier(ps_push *push, const ps_node *node, const ps_conjuncts *list)
{
    const ps_conjuncts none = {0};

    if (node->n_inputs == 1) {
        const ps_node *input = known(push, node->inputs[0]);

        if (!input) {
            input = ps_push_into(push, node->inputs[0], &none);
            const ps_pushed pushed = {node->inputs[0], input};
            if (!input ||
                PS_ARRAY_ADD_IN(push->opt->cx, push->opt->arena, &push->done, pushed) != PS_OK)
                return NULL;
        }
        node = ps_node_with_inputs(push->opt->planner, node, &input);
    }
    return ps_opt_filter(push->opt, node, list);
}

const ps_node *ps_push_into(ps_push *push, const ps_node *node, const ps_conjuncts *list)
{
    ps_ids all;

    if (ps_poll(push->opt->cx) != PS_OK) return NULL;
    switch ((ps_node_kind)node->kind) {
    case PS_NODE_SCAN: return push_scan(push, node, list);
    case PS_NODE_FILTER: return push_filter(push, node, list);
    case PS_NODE_PROJECT: return push_items(push, node, &ps_node_as_project(node)->items, list);
    case PS_NODE_AGGREGATE: return push_items(push, node, &ps_node_as_aggregate(node)->keys, list);
    case PS_NODE_WINDOW: return push_window(push, node, list);
    case PS_NODE_DISTINCT: return push_distinct(push, node, list);
    case PS_NODE_SORT:
        if (ps_ids_of_node(push->opt, node, &all) != PS_OK) return NULL;
        return push_plain(push, node, &all, list);
    case PS_NODE_JOIN: return ps_push_join(push, node, list);
    case PS_NODE_SETOP: return push_union(push, node, list);
    default: return push_barrier(push, node, list);
    }
}

static const ps_node *push_filters(ps_opt *opt, const ps_node *plan)
{
    ps_push push = {.opt = opt};
    const ps_conjuncts none = {0};

    return ps_push_into(&push, plan, &none);
}

static const ps_node *join_keys(ps_opt *opt, const ps_node *plan)
{
    ps_push push = {.opt = opt, .joins_only = true};
    const ps_conjuncts none = {0};

    return ps_push_into(&push, plan, &none);
}

/* Required: a comma list left as cross products would not end. */
const ps_rule ps_rule_join_keys = {
    .name = "join_keys",
    .doc = "filter(a cross join b, a.x = b.y) => a join b on x = y",
    .plan = join_keys,
};
const ps_rule ps_rule_push_filters = {
    .name = "push_filters",
    .doc = "filter(f(x)) => f(filter(x)), cross joins with equalities => joins",
    .plan = push_filters,
};
