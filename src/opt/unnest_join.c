/* opt/unnest_join.c -- bindings pushed down a dependent join. Part of rule_unnest.c.
 *
 * inner: the dependent sides are bound, on equal bindings; everything that keeps left rows: left is
 * bound, and what right reads of the binding it reads of left's columns now (it becomes lateral,
 * and is unnested later). */
#include "opt/unnest.h"

typedef struct binding_join {
    ps_dep *dep;
    const ps_node *node;
    const ps_node_join *join;
    bool in_left, in_right;
    ps_bound left, right;
} binding_join;

/* The join's condition with the binding's columns read from `bound`, and keys for equal bindings
 * when both sides have one. */
static ps_status finish(binding_join *b, ps_join_kind kind, const ps_node *left,
                        const ps_node *right, const ps_bound *bound, bool both, bool lateral,
                        ps_bound *out)
{
    ps_dep *dep = b->dep;
    ps_opt *opt = dep->opt;
    const ps_node_join *join = b->join;
    ps_join_key *keys = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_join_key, join->keys.n + dep->n + 1);
    ps_join_spec spec = {.kind = kind, .keys = keys, .n_keys = join->keys.n, .lateral = lateral};
    ps_substs map = {0};

    if (!keys) return PS_MEMORY;
    PS_TRY(ps_unnest_map(dep, bound, &map));
    for (uint32_t i = 0; i < join->keys.n; i++) {
        keys[i] = join->keys.at[i];
        keys[i].left = ps_opt_substitute(opt, keys[i].left, &map);
        keys[i].right = ps_opt_substitute(opt, keys[i].right, &map);
        if (!keys[i].left || !keys[i].right) return opt->cx->error.code;
    }
    if (join->residual && !(spec.residual = ps_opt_substitute(opt, join->residual, &map)))
        return opt->cx->error.code;
    if (both) {
        PS_TRY(ps_unnest_keys(dep, b->left.reprs, b->right.reprs, keys + join->keys.n));
        spec.n_keys += dep->n;
    }
    if (kind == PS_JOIN_CROSS && (spec.n_keys || spec.residual)) spec.kind = PS_JOIN_INNER;
    if (join->mark.n) spec.mark = join->mark.at[0];
    out->node = ps_node_join_new(opt->planner, left, right, &spec);
    out->reprs = bound->reprs;
    return out->node ? PS_OK : opt->cx->error.code;
}

/* A dependent condition between inputs that don't depend: a filter above them, which may find
 * equalities for the binding. */
static ps_status by_filter(binding_join *b, ps_bound *out)
{
    ps_opt *opt = b->dep->opt;
    const ps_node_join *join = b->join;
    const ps_join_spec cross = {.kind = PS_JOIN_CROSS};
    ps_conjuncts all = {0};

    for (uint32_t i = 0; i < join->keys.n; i++) {
        const ps_join_key *key = &join->keys.at[i];
        const ps_expr *e =
            ps_opt_call(opt, key->null_equal ? "is_not_distinct_from" : "=", key->left, key->right);
        if (!e) return opt->cx->error.code;
        PS_TRY(ps_conjuncts_add(opt, &all, e));
    }
    PS_TRY(ps_conjuncts_add(opt, &all, join->residual));
    const ps_node *node =
        ps_node_join_new(opt->planner, b->node->inputs[0], b->node->inputs[1], &cross);
    node = ps_opt_filter(opt, node, &all);
    return node ? ps_unnest_node(b->dep, node, out) : opt->cx->error.code;
}

static ps_status inner(binding_join *b, ps_bound *out)
{
    const ps_node *left = b->node->inputs[0], *right = b->node->inputs[1];

    if (!b->in_left && !b->in_right) return by_filter(b, out);
    if (b->in_left) {
        PS_TRY(ps_unnest_node(b->dep, left, &b->left));
        left = b->left.node;
    }
    if (b->in_right) {
        PS_TRY(ps_unnest_node(b->dep, right, &b->right));
        right = b->right.node;
    }
    return finish(b, b->join->join, left, right, b->in_left ? &b->left : &b->right,
                  b->in_left && b->in_right, false, out);
}

/* left, semi, anti, mark, single and every lateral join. */
static ps_status keeps_left(binding_join *b, ps_bound *out)
{
    ps_opt *opt = b->dep->opt;
    const ps_node *right = b->node->inputs[1];
    ps_substs map = {0};

    PS_TRY(ps_unnest_node(b->dep, b->node->inputs[0], &b->left));
    PS_TRY(ps_unnest_map(b->dep, &b->left, &map));
    if (b->in_right && !(right = ps_opt_substitute_node(opt, right, &map)))
        return opt->cx->error.code;
    return finish(b, b->join->join, b->left.node, right, &b->left, false,
                  b->join->lateral || b->in_right, out);
}

/* The same with the sides exchanged. */
static ps_status keeps_right(binding_join *b, ps_bound *out)
{
    ps_opt *opt = b->dep->opt;
    const ps_node_join *join = b->join;
    ps_join_key *keys = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_join_key, join->keys.n + 1);
    ps_join_spec spec = {
        .kind = PS_JOIN_LEFT, .keys = keys, .n_keys = join->keys.n, .residual = join->residual};

    if (!keys) return PS_MEMORY;
    for (uint32_t i = 0; i < join->keys.n; i++) {
        keys[i] = (ps_join_key){join->keys.at[i].right, join->keys.at[i].left,
                                join->keys.at[i].null_equal};
    }
    const ps_node *swapped =
        ps_node_join_new(opt->planner, b->node->inputs[1], b->node->inputs[0], &spec);
    return swapped ? ps_unnest_node(b->dep, swapped, out) : opt->cx->error.code;
}

/* Rows of both sides are kept, so both have the binding; it is null on the padded side. */
static ps_status full(binding_join *b, ps_bound *out)
{
    ps_dep *dep = b->dep;
    ps_opt *opt = dep->opt;
    ps_bound joined;

    PS_TRY(ps_unnest_node(dep, b->node->inputs[0], &b->left));
    PS_TRY(ps_unnest_node(dep, b->node->inputs[1], &b->right));
    PS_TRY(finish(b, PS_JOIN_FULL, b->left.node, b->right.node, &b->left, true, false, &joined));
    const uint32_t n = joined.node->n_cols;
    ps_item *items = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_item, n + dep->n + 1);
    out->reprs = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_col, dep->n + 1);
    if (!items || !out->reprs) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        items[i] = (ps_item){joined.node->cols[i], ps_opt_col(opt, &joined.node->cols[i])};
        if (!items[i].expr) return opt->cx->error.code;
    }
    for (uint32_t i = 0; i < dep->n; i++) {
        const ps_expr *both[] = {ps_opt_col(opt, &b->left.reprs[i]),
                                 ps_opt_col(opt, &b->right.reprs[i])};
        if (!both[0] || !both[1]) return opt->cx->error.code;
        out->reprs[i] = dep->cols[i];
        out->reprs[i].id = ps_planner_id(opt->planner);
        out->reprs[i].nullable = b->left.reprs[i].nullable || b->right.reprs[i].nullable;
        items[n + i] = (ps_item){out->reprs[i], ps_expr_coalesce(opt->cx, opt->arena, both, 2)};
        if (!items[n + i].expr) return opt->cx->error.code;
    }
    out->node = ps_node_project_new(opt->planner, joined.node, items, n + dep->n);
    return out->node ? PS_OK : opt->cx->error.code;
}

ps_status ps_unnest_join(ps_dep *dep, const ps_node *node, ps_bound *out)
{
    binding_join b = {.dep = dep, .node = node, .join = ps_node_as_join(node)};

    PS_TRY(ps_node_uses(dep->opt, node->inputs[0], &dep->set, &b.in_left));
    PS_TRY(ps_node_uses(dep->opt, node->inputs[1], &dep->set, &b.in_right));
    if (b.join->lateral) return keeps_left(&b, out);
    switch (b.join->join) {
    case PS_JOIN_INNER:
    case PS_JOIN_CROSS: return inner(&b, out);
    case PS_JOIN_RIGHT: return keeps_right(&b, out);
    case PS_JOIN_FULL: return full(&b, out);
    default: return keeps_left(&b, out);
    }
}
