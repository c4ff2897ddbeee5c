/* opt/rule_unnest.c -- lateral join(l, r)  =>  join(l, r') where r' reads nothing of l
 *
 * Conditions of r that read l move to the join's own condition, where the operators above them
 * allow; ungrouped aggregates become grouped ones under a left join, count of nothing being 0;
 * everything else: r' gives r for each distinct binding of the columns of l that it reads, joined
 * on the binding (unnest.c).
 * Why: the engine runs no plan per row; hash joins do the same work in linear time.
 * Safe: Neumann and Kemper 2015. Null bindings equal each other. The outermost lateral join goes
 * first.
 * Order: required, after rule subqueries; joins left lateral can't run.
 * Tests: tests/slt/opt/unnest.test */
#include "opt/unnest.h"

#include "func/func.h"

/* ---- moving conditions up ---- */

typedef struct lifting {
    ps_opt *opt;
    ps_ids outer; /* left's columns */
    ps_conjuncts lifted;
    bool semi_like;    /* only the existence of rows counts */
    ps_substs renamed; /* columns of dropped projections */
} lifting;

static const ps_node *lift(lifting *l, const ps_node *node);

static ps_status split(lifting *l, const ps_conjuncts *all, ps_conjuncts *kept)
{
    bool any = false;

    for (size_t i = 0; i < all->n; i++) any |= ps_expr_uses(all->at[i], &l->outer);
    for (size_t i = 0; i < all->n; i++) {
        const bool up =
            ps_expr_uses(all->at[i], &l->outer) || (any && ps_expr_is_fallible(all->at[i]));
        PS_TRY(ps_conjuncts_add(l->opt, up ? &l->lifted : kept, all->at[i]));
    }
    return PS_OK;
}

/* e over what is below the projections dropped since `from`: from the top down, each may read the
 * next one's columns. */
static const ps_expr *below_dropped(lifting *l, const ps_expr *e, size_t from)
{
    for (size_t i = from; e && i < l->renamed.n; i++) {
        ps_subst one = l->renamed.at[i];
        const ps_substs map = {&one, 1, 1};

        if (one.expr->kind != PS_EXPR_COLUMN || one.expr->column != one.id)
            e = ps_opt_substitute(l->opt, e, &map);
    }
    return e;
}

static const ps_node *lift_filter(lifting *l, const ps_node *node)
{
    ps_conjuncts all = {0}, kept = {0};
    const size_t from = l->renamed.n;
    const ps_node *input = lift(l, node->inputs[0]);
    const ps_expr *predicate =
        input ? below_dropped(l, ps_node_as_filter(node)->predicate, from) : NULL;

    if (!predicate || ps_conjuncts_add(l->opt, &all, predicate) != PS_OK) return NULL;
    if (split(l, &all, &kept) != PS_OK) return NULL;
    return ps_opt_filter(l->opt, input, &kept);
}

static const ps_node *lift_project(lifting *l, const ps_node *node)
{
    const ps_f_items *items = &ps_node_as_project(node)->items;
    ps_opt *opt = l->opt;
    ps_ids reads;
    uint32_t n = items->n;

    if (l->semi_like) {
        if (ps_substs_of_items(opt, items, &l->renamed) != PS_OK) return NULL;
        return lift(l, node->inputs[0]);
    }
    for (uint32_t i = 0; i < items->n; i++) {
        if (ps_expr_uses(items->at[i].expr, &l->outer)) return node;
    }
    const size_t before = l->lifted.n;
    const ps_node *input = lift(l, node->inputs[0]);
    if (!input || l->lifted.n == before)
        return input ? ps_node_with_inputs(opt->planner, node, &input) : NULL;
    if (ps_ids_init(opt, &reads) != PS_OK) return NULL;
    for (size_t i = before; i < l->lifted.n; i++) ps_ids_add_expr(&reads, l->lifted.at[i]);
    ps_item *all = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_item, n + input->n_cols + 1);
    if (!all) return NULL;
    memcpy(all, items->at, sizeof(*all) * n);
    for (uint32_t i = 0; i < input->n_cols; i++) {
        if (!ps_ids_has(&reads, input->cols[i].id) || ps_node_find_col(node, input->cols[i].id))
            continue;
        all[n] = (ps_item){input->cols[i], ps_opt_col(opt, &input->cols[i])};
        if (!all[n++].expr) return NULL;
    }
    return ps_node_project_new(opt->planner, input, all, n);
}

static const ps_node *lift_join(lifting *l, const ps_node *node)
{
    const ps_node_join *join = ps_node_as_join(node);
    ps_opt *opt = l->opt;
    ps_conjuncts all = {0}, kept = {0};
    ps_join_key *keys = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_join_key, join->keys.n + 1);
    ps_join_spec spec = {.kind = join->join, .keys = keys};
    const bool semi_like = l->semi_like;

    if (join->lateral || (join->join != PS_JOIN_INNER && join->join != PS_JOIN_CROSS) || !keys)
        return keys ? node : NULL;
    for (uint32_t i = 0; i < join->keys.n; i++) {
        const ps_join_key *key = &join->keys.at[i];
        if (ps_expr_uses(key->left, &l->outer) || ps_expr_uses(key->right, &l->outer)) {
            const ps_expr *e = ps_opt_call(opt, key->null_equal ? "is_not_distinct_from" : "=",
                                           key->left, key->right);
            if (!e || ps_conjuncts_add(opt, &l->lifted, e) != PS_OK) return NULL;
        } else {
            keys[spec.n_keys++] = *key;
        }
    }
    if (ps_conjuncts_add(opt, &all, join->residual) != PS_OK || split(l, &all, &kept) != PS_OK)
        return NULL;
    l->semi_like = false; /* the join above reads its inputs' columns */
    const ps_node *left = lift(l, node->inputs[0]), *right = left ? lift(l, node->inputs[1]) : NULL;
    l->semi_like = semi_like;
    if (!right || (kept.n && !(spec.residual = ps_conjuncts_and(opt, &kept)))) return NULL;
    spec.kind = spec.n_keys || spec.residual ? PS_JOIN_INNER : PS_JOIN_CROSS;
    return ps_node_join_new(opt->planner, left, right, &spec);
}

static const ps_node *lift(lifting *l, const ps_node *node)
{
    switch ((ps_node_kind)node->kind) {
    case PS_NODE_FILTER: return lift_filter(l, node);
    case PS_NODE_PROJECT: return lift_project(l, node);
    case PS_NODE_JOIN: return lift_join(l, node);
    case PS_NODE_SORT: return l->semi_like ? lift(l, node->inputs[0]) : node;
    case PS_NODE_DISTINCT:
        return l->semi_like && ps_node_as_distinct(node)->on.n == 0 ? lift(l, node->inputs[0])
                                                                    : node;
    default: return node;
    }
}

/* ---- one lateral join ---- */

typedef struct removal {
    ps_dep dep;
    ps_opt *opt;
    const ps_node *node;
    const ps_node_join *join;
    ps_conjuncts residual;
    PS_ARRAY(ps_join_key) keys;
} removal;

static bool semi_like(ps_join_kind kind)
{
    return kind == PS_JOIN_SEMI || kind == PS_JOIN_ANTI || kind == PS_JOIN_MARK;
}

static ps_status find_cols(removal *r, const ps_node *right)
{
    const ps_node *left = r->node->inputs[0];
    ps_ids reads;

    PS_TRY(ps_ids_init(r->opt, &reads));
    PS_TRY(ps_ids_init(r->opt, &r->dep.set));
    PS_TRY(ps_ids_add_reads(r->opt, right, &reads));
    r->dep.cols = PS_ARENA_ARRAY(r->opt->cx, r->opt->arena, ps_col, left->n_cols + 1);
    if (!r->dep.cols) return PS_MEMORY;
    r->dep.n = 0;
    for (uint32_t i = 0; i < left->n_cols; i++) {
        if (!ps_ids_has(&reads, left->cols[i].id)) continue;
        ps_ids_add(&r->dep.set, left->cols[i].id);
        r->dep.cols[r->dep.n++] = left->cols[i];
    }
    return PS_OK;
}

/* The residual of a mark join with a single key keeps it two-valued (op_join.c): the key's equality
 * again. */
static ps_status two_valued(removal *r)
{
    if (r->join->join != PS_JOIN_MARK || r->keys.n != 1 || r->residual.n ||
        r->keys.at[0].null_equal)
        return PS_OK;
    const ps_expr *e = ps_opt_call(r->opt, "=", r->keys.at[0].left, r->keys.at[0].right);
    return e ? ps_conjuncts_add(r->opt, &r->residual, e) : r->opt->cx->error.code;
}

/* The same join over new inputs with what was gathered as its condition, cut to the old columns. */
static const ps_node *rejoin(removal *r, const ps_node *left, const ps_node *right)
{
    ps_join_spec spec = {.kind = r->join->join};

    if (two_valued(r) != PS_OK) return NULL;
    spec.keys = r->keys.at;
    spec.n_keys = (uint32_t)r->keys.n;
    if (r->residual.n && !(spec.residual = ps_conjuncts_and(r->opt, &r->residual))) return NULL;
    if (spec.kind == PS_JOIN_CROSS && (spec.n_keys || spec.residual)) spec.kind = PS_JOIN_INNER;
    if (r->join->mark.n) spec.mark = r->join->mark.at[0];
    return ps_opt_keep(r->opt, ps_node_join_new(r->opt->planner, left, right, &spec), r->node->cols,
                       r->node->n_cols);
}

static ps_status start_condition(removal *r)
{
    r->keys.n = 0;
    r->residual.n = 0;
    for (uint32_t i = 0; i < r->join->keys.n; i++)
        PS_TRY(PS_ARRAY_ADD_IN(r->opt->cx, r->opt->arena, &r->keys, r->join->keys.at[i]));
    return ps_conjuncts_add(r->opt, &r->residual, r->join->residual);
}

/* An equality of a mark join's condition as a key: push_filters leaves that kind alone. */
static ps_status mark_keys(removal *r, const ps_node *right)
{
    ps_conjuncts rest = {0};
    ps_ids left_ids, right_ids;

    if (r->join->join != PS_JOIN_MARK) return PS_OK;
    PS_TRY(ps_ids_of_node(r->opt, r->node->inputs[0], &left_ids));
    PS_TRY(ps_ids_of_node(r->opt, right, &right_ids));
    for (size_t i = 0; i < r->residual.n; i++) {
        const ps_expr *e = r->residual.at[i];
        const bool equal = ps_expr_is_call(e, "=") &&
                           !(e->flags & (PS_EXPR_FALLIBLE | PS_EXPR_VOLATILE)) &&
                           ps_type_equal(e->args[0]->type, e->args[1]->type);
        const int side = equal && ps_expr_within(e->args[0], &left_ids) ? 0 : 1;

        if (equal && e->args[0]->flags & e->args[1]->flags & PS_EXPR_HAS_COLUMN &&
            ps_expr_within(e->args[side], &left_ids) &&
            ps_expr_within(e->args[1 - side], &right_ids)) {
            PS_TRY(PS_ARRAY_ADD_IN(r->opt->cx, r->opt->arena, &r->keys,
                                   (ps_join_key){e->args[side], e->args[1 - side], false}));
        } else {
            PS_TRY(ps_conjuncts_add(r->opt, &rest, e));
        }
    }
    r->residual = rest;
    return PS_OK;
}

/* Keys whose right side turned out to be a column of left are conditions of pairs; *fits false: a
 * mark join's answer to nulls would change. */
static ps_status keys_of_left(removal *r, bool *fits)
{
    size_t n = 0;

    *fits = true;
    for (size_t i = 0; i < r->keys.n; i++) {
        const ps_join_key key = r->keys.at[i];

        if (!ps_expr_uses(key.right, &r->dep.set)) {
            r->keys.at[n++] = key;
            continue;
        }
        *fits &= r->join->join != PS_JOIN_MARK;
        const ps_expr *e =
            ps_opt_call(r->opt, key.null_equal ? "is_not_distinct_from" : "=", key.left, key.right);
        if (!e) return r->opt->cx->error.code;
        PS_TRY(ps_conjuncts_add(r->opt, &r->residual, e));
    }
    r->keys.n = n;
    return PS_OK;
}

/* Conditions moved up until right reads nothing of left; *out NULL: that was not enough. */
static ps_status by_lifting(removal *r, const ps_node **out)
{
    lifting l = {.opt = r->opt, .outer = r->dep.set, .semi_like = semi_like(r->join->join)};
    const ps_node *right = lift(&l, r->node->inputs[1]);
    bool dependent, fits;

    *out = NULL;
    if (!right) return r->opt->cx->error.code;
    PS_TRY(ps_node_uses(r->opt, right, &r->dep.set, &dependent));
    if (dependent) return PS_OK;
    PS_TRY(start_condition(r));
    for (size_t i = 0; i < l.lifted.n; i++)
        PS_TRY(ps_conjuncts_add(r->opt, &r->residual, l.lifted.at[i]));
    for (size_t i = 0; i < r->keys.n; i++) {
        if (!(r->keys.at[i].right = below_dropped(&l, r->keys.at[i].right, 0)))
            return r->opt->cx->error.code;
    }
    for (size_t i = 0; i < r->residual.n; i++) {
        if (!(r->residual.at[i] = below_dropped(&l, r->residual.at[i], 0)))
            return r->opt->cx->error.code;
    }
    PS_TRY(keys_of_left(r, &fits));
    if (!fits) return PS_OK;
    PS_TRY(mark_keys(r, right));
    *out = rejoin(r, r->node->inputs[0], right);
    return *out ? PS_OK : r->opt->cx->error.code;
}

/* left as the join reads it: through a SUBPLAN when bindings read it too; the ids stay. */
static const ps_node *left_input(removal *r)
{
    ps_opt *opt = r->opt;
    const ps_node *left = r->dep.left;
    ps_col *again;
    ps_item *items = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_item, left->n_cols + 1);

    if (!items) return NULL;
    if (!r->dep.shared) return left;
    const ps_node *read = ps_unnest_left_again(&r->dep, &again);
    for (uint32_t i = 0; read && i < left->n_cols; i++) {
        items[i] = (ps_item){left->cols[i], ps_opt_col(opt, &again[i])};
        if (!items[i].expr) return NULL;
    }
    return read ? ps_node_project_new(opt->planner, read, items, left->n_cols) : NULL;
}

static ps_status add_binding_keys(removal *r, const ps_bound *bound)
{
    const size_t n = r->keys.n;
    const ps_join_key none = {0};

    for (uint32_t i = 0; i < r->dep.n; i++)
        PS_TRY(PS_ARRAY_ADD_IN(r->opt->cx, r->opt->arena, &r->keys, none));
    return ps_unnest_keys(&r->dep, r->dep.cols, bound->reprs, r->keys.at + n);
}

/* Projections over an ungrouped aggregate: grouped by binding under a left join, the projections
 * above it. */
static ps_status by_grouping(removal *r, const ps_node *aggregate, const ps_node **out)
{
    ps_opt *opt = r->opt;
    const ps_node *right = r->node->inputs[1];
    ps_substs map = {0};
    ps_bound bound;
    ps_join_spec spec = {.kind = PS_JOIN_LEFT};

    PS_TRY(ps_unnest_grouped(&r->dep, ps_node_as_aggregate(aggregate), &bound));
    PS_TRY(add_binding_keys(r, &bound));
    spec.keys = r->keys.at;
    spec.n_keys = (uint32_t)r->keys.n;
    const ps_node *left = left_input(r);
    const ps_node *join = left ? ps_node_join_new(opt->planner, left, bound.node, &spec) : NULL;
    if (!join) return opt->cx->error.code;
    PS_TRY(ps_unnest_counts(&r->dep, ps_node_as_aggregate(aggregate), &map));
    ps_item *items = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_item, r->node->n_cols + 1);
    for (uint32_t i = 0; items && i < r->node->n_cols; i++) {
        const ps_expr *e = ps_opt_col(opt, &r->node->cols[i]);
        const bool of_right = ps_node_find_col(right, r->node->cols[i].id) != NULL;

        for (const ps_node *at = right; e && of_right && at != aggregate; at = at->inputs[0]) {
            ps_substs step = {0};
            PS_TRY(ps_substs_of_items(opt, &ps_node_as_project(at)->items, &step));
            e = ps_opt_substitute(opt, e, &step);
        }
        if (e && of_right) e = ps_opt_substitute(opt, e, &map);
        if (!e) return opt->cx->error.code;
        items[i] = (ps_item){r->node->cols[i], e};
    }
    *out = items ? ps_node_project_new(opt->planner, join, items, r->node->n_cols) : NULL;
    return *out ? PS_OK : opt->cx->error.code;
}

static const ps_node *top_aggregate(const removal *r)
{
    const ps_node *node = r->node->inputs[1];

    if (r->join->join != PS_JOIN_LEFT && r->join->join != PS_JOIN_CROSS &&
        r->join->join != PS_JOIN_INNER)
        return NULL;
    if (r->join->keys.n || r->join->residual) return NULL;
    while (node->kind == PS_NODE_PROJECT) node = node->inputs[0];
    return node->kind == PS_NODE_AGGREGATE && ps_node_as_aggregate(node)->keys.n == 0 ? node : NULL;
}

static ps_status fallible_expr(ps_ctx *cx, const ps_expr *expr, void *user)
{
    (void)cx;
    *(bool *)user |= ps_expr_is_fallible(expr);
    return PS_OK;
}
static ps_status fallible_node(ps_ctx *cx, const ps_node *node, void *user)
{
    return ps_node_visit_exprs(cx, node, fallible_expr, user);
}
static ps_status filter_node(ps_ctx *cx, const ps_node *node, void *user)
{
    (void)cx;
    *(bool *)user |= node->kind == PS_NODE_FILTER ||
                     (node->kind == PS_NODE_SCAN && ps_node_as_scan(node)->filters.n);
    return PS_OK;
}

static ps_status remove_lateral(removal *r, const ps_node **out)
{
    ps_opt *opt = r->opt;
    const ps_node *aggregate = top_aggregate(r);
    ps_bound bound;

    r->dep.opt = opt;
    r->dep.left = r->node->inputs[0];
    PS_TRY(find_cols(r, r->node->inputs[1]));
    PS_TRY(start_condition(r));
    if (r->dep.n == 0) {
        *out = rejoin(r, r->node->inputs[0], r->node->inputs[1]);
        return *out ? PS_OK : opt->cx->error.code;
    }
    PS_TRY(by_lifting(r, out));
    if (*out) return PS_OK;
    PS_TRY(start_condition(r));
    /* bindings that left does not have: computed only where nothing can fail and left is not cut
     * down anyway */
    PS_TRY(ps_node_visit(opt->cx, r->node->inputs[1], fallible_node, &r->dep.restrict_));
    PS_TRY(ps_node_visit(opt->cx, r->dep.left, filter_node, &r->dep.restrict_));
    if (aggregate) return by_grouping(r, aggregate, out);
    PS_TRY(ps_unnest_node(&r->dep, r->node->inputs[1], &bound));
    PS_TRY(add_binding_keys(r, &bound));
    const ps_node *left = left_input(r);
    *out = left ? rejoin(r, left, bound.node) : NULL;
    return *out ? PS_OK : opt->cx->error.code;
}

/* ---- the plan ---- */

/* The visit sees inputs first: the last lateral join that it meets has none above it. */
static ps_status keep_lateral(ps_ctx *cx, const ps_node *node, void *user)
{
    const ps_node **last = user;

    (void)cx;
    if (node->kind == PS_NODE_JOIN && ps_node_as_join(node)->lateral) *last = node;
    return PS_OK;
}

typedef struct replace {
    const ps_node *old, *new;
} replace;

static const ps_node *replace_node(ps_planner *p, const ps_node *node, void *user)
{
    const replace *r = user;

    (void)p;
    return node == r->old ? r->new : node;
}

static const ps_node *unnest(ps_opt *opt, const ps_node *plan)
{
    for (;;) {
        replace swap = {0};
        if (ps_node_visit(opt->cx, plan, keep_lateral, &swap.old) != PS_OK) return NULL;
        if (!swap.old) return plan;
        removal r = {.opt = opt, .node = swap.old, .join = ps_node_as_join(swap.old)};
        if (ps_poll(opt->cx) != PS_OK || remove_lateral(&r, &swap.new) != PS_OK) return NULL;
        if (!(plan = ps_node_rewrite(opt->planner, plan, replace_node, &swap))) return NULL;
    }
}

const ps_rule ps_rule_unnest = {
    .name = "unnest",
    .doc = "lateral join(l, r) => join(l, r') on the columns of l that r reads",
    .plan = unnest,
};
