/* opt/rule_join_order.c -- a join (b join c)  =>  the order of joins with the fewest rows between
 *
 * Why: the order as written may be thousands of times dearer, and a comma list in the wrong order
 * makes cross products.
 * Safe: inner joins commute and associate; each predicate is applied at the first join that has all
 * its columns. Semi and anti joins are filters by their right input: they go wherever the columns
 * are that they read, but in no region with a condition that may fail, which would see other rows.
 * Outer, mark and single joins are relations of their own here; so are filters that may fail.
 * How: cost is the sum of intermediate rows (C_out). Up to 14 relations dynamic programming over
 * every pair of connected sets, predicates over several relations included; above, or where the
 * pairs are too many, greedy operator ordering (Fegaras 1998). Cross products only where nothing
 * connects: neither the region's conditions nor an equality above it that may fail, which then
 * joins sets that are whole. A plan already as cheap stays.
 * Order: after pushdown made the predicates. Tests: tests/slt/opt/join_order.test */
#include "func/func.h"

#include "base/diag.h"
#include "opt/util.h"
#include "stat/estimate.h"

#include <math.h>

enum { DP_RELATIONS_MAX = 14, PAIRS_MAX = 100000, RELATIONS_MAX = 64 };
typedef uint64_t rel_set;

typedef struct edge {
    const ps_expr *expr; /* NULL: a key */
    ps_join_key key;
    rel_set refs, left, right;
    double share;
    bool folded; /* its share is in another edge's */
} edge;

/* A semi or anti join: its right input is relation `rel`, which only meets a set that has `left`.
 */
typedef struct filter_join {
    const ps_node_join *join;
    rel_set rel, left;
    double share; /* of the left rows that stay */
} filter_join;

typedef struct region {
    ps_opt *opt;
    ps_stat *stat;
    const ps_node *top;
    bool with_filters; /* semi and anti joins are part of it */
    PS_ARRAY(const ps_node *) rels;
    PS_ARRAY(edge) edges;
    PS_ARRAY(filter_join) filters;
    double rows[RELATIONS_MAX];
    double old_cost;
    const ps_conjuncts *above; /* conditions on what the region gives, NULL: none */
    ps_conjuncts stay_above;   /* those that did not become edges */
    bool crossed; /* one did: as it stands, the tree has a cross product in its place */
} region;

/* Whether an order is worth a new tree. */
static bool is_better(const region *r, double cost)
{
    return r->crossed || cost < r->old_cost * 0.999;
}

typedef struct plan_part {
    rel_set set;
    const ps_node *node;
} plan_part;
typedef struct done_node {
    const ps_node *before, *after;
} done_node;
typedef struct ordering {
    ps_opt *opt;
    ps_stat stat;
    PS_ARRAY(done_node) done;
} ordering;

static rel_set lowest(rel_set set) { return set & -set; }

static bool is_inner(const ps_node *node)
{
    if (node->kind != PS_NODE_JOIN || ps_node_as_join(node)->lateral) return false;
    return ps_node_as_join(node)->join == PS_JOIN_INNER ||
           ps_node_as_join(node)->join == PS_JOIN_CROSS;
}

static bool is_filter(const ps_node *node)
{
    if (node->kind != PS_NODE_JOIN || ps_node_as_join(node)->lateral) return false;
    const ps_node_join *join = ps_node_as_join(node);
    return (join->join == PS_JOIN_SEMI || join->join == PS_JOIN_ANTI) && join->keys.n > 0;
}

static bool is_inside(const ps_node *node) { return is_inner(node) || is_filter(node); }

/* Whether some condition of the joins may fail: then no other may move past it. */
static bool may_fail(const ps_node *node)
{
    if (!is_inside(node)) return false;
    const ps_node_join *join = ps_node_as_join(node);
    bool fails = join->residual && ps_expr_may_fail(join->residual);

    for (uint32_t i = 0; i < join->keys.n; i++)
        fails |=
            ps_expr_may_fail(join->keys.at[i].left) || ps_expr_may_fail(join->keys.at[i].right);
    return fails || may_fail(node->inputs[0]) || (is_inner(node) && may_fail(node->inputs[1]));
}

/* ---- rows and costs ---- */

static rel_set refs_of(const region *r, const ps_expr *e)
{
    rel_set refs = 0;

    for (size_t i = 0; i < r->rels.n; i++) {
        ps_ids ids;
        if (ps_ids_of_node(r->opt, r->rels.at[i], &ids) == PS_OK && ps_expr_uses(e, &ids))
            refs |= (rel_set)1 << i;
    }
    return refs;
}

/* The semi or anti join whose right input is exactly this set, NULL: none. */
static const filter_join *filter_of(const region *r, rel_set set)
{
    for (size_t i = 0; i < r->filters.n; i++) {
        if (r->filters.at[i].rel == set) return &r->filters.at[i];
    }
    return NULL;
}

static double rows_of(const region *r, rel_set set)
{
    double rows = 1;
    rel_set own = set;

    for (size_t i = 0; i < r->filters.n && !filter_of(r, set); i++) {
        if (!(set & r->filters.at[i].rel)) continue;
        rows *= r->filters.at[i].share;
        own &= ~r->filters.at[i].rel;
    }
    for (size_t i = 0; i < r->rels.n; i++) {
        if (own >> i & 1) rows *= r->rows[i];
    }
    for (size_t i = 0; i < r->edges.n; i++) {
        const edge *e = &r->edges.at[i];
        if (!e->folded && (e->refs & ~set) == 0) rows *= e->share;
    }
    return PS_MAX(rows, 1.0);
}

static bool connected(const region *r, rel_set a, rel_set b)
{
    const filter_join *of_a = filter_of(r, a), *of_b = filter_of(r, b);

    if (of_a || of_b) {
        if (of_a && of_b) return false;
        return of_a ? (of_a->left & ~b) == 0 : (of_b->left & ~a) == 0;
    }
    for (size_t i = 0; i < r->edges.n; i++) {
        const rel_set refs = r->edges.at[i].refs;
        if (refs & a && refs & b && (refs & ~(a | b)) == 0) return true;
    }
    return false;
}

/* ---- taking a region apart ---- */

static bool is_part(bool with_filters, const ps_node *node)
{
    return is_inner(node) || (with_filters && is_filter(node));
}

static ps_status flatten(region *r, const ps_node *node)
{
    const ps_node_join *join;

    if (!is_part(r->with_filters, node))
        return PS_ARRAY_ADD_IN(r->opt->cx, r->opt->arena, &r->rels, node);
    join = ps_node_as_join(node);
    PS_TRY(flatten(r, node->inputs[0]));
    if (is_filter(node)) {
        const filter_join filter = {.join = join, .rel = (rel_set)1 << (r->rels.n & 63)};

        PS_TRY(PS_ARRAY_ADD_IN(r->opt->cx, r->opt->arena, &r->filters, filter));
        return PS_ARRAY_ADD_IN(r->opt->cx, r->opt->arena, &r->rels, node->inputs[1]);
    }
    PS_TRY(flatten(r, node->inputs[1]));
    for (uint32_t i = 0; i < join->keys.n; i++) {
        PS_TRY(
            PS_ARRAY_ADD_IN(r->opt->cx, r->opt->arena, &r->edges, (edge){.key = join->keys.at[i]}));
    }
    ps_conjuncts all = {0};
    PS_TRY(ps_conjuncts_add(r->opt, &all, join->residual));
    for (size_t i = 0; i < all.n; i++)
        PS_TRY(PS_ARRAY_ADD_IN(r->opt->cx, r->opt->arena, &r->edges, (edge){.expr = all.at[i]}));
    return PS_OK;
}

/* Keys between the same two relations count together: their columns are hardly independent. */
static double keys_share(region *r, size_t at)
{
    edge *first = &r->edges.at[at];
    ps_join_key few[8];
    uint32_t n = 0;
    double left = 1e18, right = 1e18;

    for (size_t i = at; i < r->edges.n && n < PS_COUNT(few); i++) {
        edge *e = &r->edges.at[i];
        if (e->expr || e->refs != first->refs) continue;
        if (e->left == first->left) few[n++] = e->key;
        else few[n++] = (ps_join_key){e->key.right, e->key.left, e->key.null_equal};
        e->folded = i != at;
    }
    for (size_t i = 0; i < r->rels.n; i++) {
        if (first->left == (rel_set)1 << i) left = r->rows[i];
        if (first->right == (rel_set)1 << i) right = r->rows[i];
    }
    return ps_stat_keys(r->stat, few, n, left, right);
}

static void weigh_filters(region *r)
{
    for (size_t i = 0; i < r->filters.n; i++) {
        filter_join *f = &r->filters.at[i];
        double left = 1, right = 1;

        for (uint32_t k = 0; k < f->join->keys.n; k++)
            f->left |= refs_of(r, f->join->keys.at[k].left);
        if (f->join->residual) f->left |= refs_of(r, f->join->residual) & ~f->rel;
        for (size_t k = 0; k < r->rels.n; k++) {
            if (f->left >> k & 1) left *= r->rows[k];
            if (f->rel >> k & 1) right = r->rows[k];
        }
        f->share = PS_MIN(1.0, ps_stat_join(r->stat, f->join, left, right) / left);
    }
}

static ps_status weigh(region *r)
{
    for (size_t i = 0; i < r->rels.n; i++) {
        const ps_node *stamped = ps_stat_stamp(r->stat, r->rels.at[i]);
        if (!stamped) return r->opt->cx->error.code;
        r->rows[i] = PS_MAX(stamped->rows_est, 1.0);
    }
    for (size_t i = 0; i < r->edges.n; i++) {
        edge *e = &r->edges.at[i];
        e->left = e->expr ? 0 : refs_of(r, e->key.left);
        e->right = e->expr ? 0 : refs_of(r, e->key.right);
        e->refs = e->expr ? refs_of(r, e->expr) : e->left | e->right;
        /* what reads one relation only was left here because it may fail: last of all */
        if ((e->refs & (e->refs - 1)) == 0) e->refs = UINT64_MAX >> (64 - r->rels.n);
    }
    for (size_t i = 0; i < r->edges.n; i++) {
        edge *e = &r->edges.at[i];
        if (e->folded) continue;
        e->share = e->expr ? ps_stat_selectivity(r->stat, e->expr) : keys_share(r, i);
    }
    weigh_filters(r);
    return PS_OK;
}

/* ---- equalities that may fail ---- */

/* Relations that conditions connect with those of `set`. One that reads all is none of them. */
static rel_set component(const region *r, rel_set set)
{
    const rel_set all = UINT64_MAX >> (64 - r->rels.n);
    rel_set before = 0;

    while (set != before) {
        before = set;
        for (size_t i = 0; i < r->edges.n; i++) {
            const edge *e = &r->edges.at[i];
            if (e->refs & set && (e->refs != all || !e->expr)) set |= e->refs;
        }
        for (size_t i = 0; i < r->filters.n; i++) {
            const rel_set refs = r->filters.at[i].left | r->filters.at[i].rel;
            if (refs & set) set |= refs;
        }
    }
    return set;
}

/* a = b where a reads one set of connected relations and b another. Its edge needs both of them
 * whole, so a and b see the rows that they would see above a cross product, and also those for
 * which there is none because the other set is empty: SQL leaves it open (push_join.c). */
static bool joins_components(const region *r, const ps_expr *e, edge *out)
{
    const bool null_equal = ps_expr_is_call(e, "is_not_distinct_from");

    if ((!ps_expr_is_call(e, "=") && !null_equal) || ps_expr_is_volatile(e)) return false;
    if (!ps_type_equal(e->args[0]->type, e->args[1]->type)) return false;
    *out = (edge){.key = {e->args[0], e->args[1], null_equal},
                  .left = refs_of(r, e->args[0]),
                  .right = refs_of(r, e->args[1])};
    if (!out->left || !out->right) return false;
    const rel_set a = component(r, lowest(out->left)), b = component(r, lowest(out->right));
    out->refs = a | b;
    return !(a & b) && !(out->left & ~a) && !(out->right & ~b);
}

static ps_status take_from_above(region *r)
{
    for (size_t i = 0; r->above && i < r->above->n; i++) {
        const ps_expr *e = r->above->at[i];
        edge late;

        if (!joins_components(r, e, &late)) {
            PS_TRY(ps_conjuncts_add(r->opt, &r->stay_above, e));
            continue;
        }
        PS_TRY(PS_ARRAY_ADD_IN(r->opt->cx, r->opt->arena, &r->edges, late));
        r->edges.at[r->edges.n - 1].share = keys_share(r, r->edges.n - 1);
        r->crossed = true;
    }
    return PS_OK;
}

/* Rows between the joins of the tree as it stands. */
static double cost_of(const region *r, const ps_node *node, size_t *next, rel_set *set)
{
    rel_set left, right;

    if (!is_part(r->with_filters, node)) {
        *set = (rel_set)1 << (*next)++;
        return 0;
    }
    double cost = cost_of(r, node->inputs[0], next, &left);
    if (is_filter(node)) right = (rel_set)1 << (*next)++;
    else cost += cost_of(r, node->inputs[1], next, &right);
    *set = left | right;
    return cost + rows_of(r, *set);
}

/* ---- building ---- */

static bool key_fits(const edge *e, rel_set a, rel_set b)
{
    return !e->expr && e->left && e->right && !(e->left & ~a) && !(e->right & ~b);
}

static ps_status as_condition(const region *r, const edge *e, ps_conjuncts *list)
{
    const ps_expr *expr = e->expr;

    if (!expr)
        expr = ps_opt_call(r->opt, e->key.null_equal ? "is_not_distinct_from" : "=", e->key.left,
                           e->key.right);
    return expr ? ps_conjuncts_add(r->opt, list, expr) : r->opt->cx->error.code;
}

static ps_status filter_part(const region *r, const filter_join *f, const plan_part *left,
                             const plan_part *right, plan_part *out)
{
    const ps_join_spec spec = {.kind = f->join->join,
                               .keys = f->join->keys.at,
                               .n_keys = f->join->keys.n,
                               .residual = f->join->residual};

    *out = (plan_part){left->set | right->set,
                       ps_node_join_new(r->opt->planner, left->node, right->node, &spec)};
    return out->node ? PS_OK : r->opt->cx->error.code;
}

/* The join of two parts with every predicate that it is the first to have the columns of; the
 * larger one is left. */
static ps_status join_parts(const region *r, const plan_part *a, const plan_part *b, plan_part *out)
{
    ps_opt *opt = r->opt;

    if (filter_of(r, a->set)) return filter_part(r, filter_of(r, a->set), b, a, out);
    if (filter_of(r, b->set)) return filter_part(r, filter_of(r, b->set), a, b, out);
    const plan_part *left = rows_of(r, a->set) >= rows_of(r, b->set) ? a : b,
                    *right = left == a ? b : a;
    const rel_set both = a->set | b->set;
    ps_join_key *keys = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_join_key, r->edges.n + 1);
    ps_join_spec spec = {.kind = PS_JOIN_INNER, .keys = keys};
    ps_conjuncts rest = {0};

    if (!keys) return PS_MEMORY;
    for (size_t i = 0; i < r->edges.n; i++) {
        const edge *e = &r->edges.at[i];
        if (e->refs & ~both || !(e->refs & ~a->set) || !(e->refs & ~b->set)) continue;
        if (key_fits(e, left->set, right->set)) keys[spec.n_keys++] = e->key;
        else if (key_fits(e, right->set, left->set))
            keys[spec.n_keys++] = (ps_join_key){e->key.right, e->key.left, e->key.null_equal};
        else PS_TRY(as_condition(r, e, &rest));
    }
    if (rest.n && !(spec.residual = ps_conjuncts_and(opt, &rest))) return opt->cx->error.code;
    if (!spec.n_keys && !spec.residual) spec.kind = PS_JOIN_CROSS;
    *out = (plan_part){both, ps_node_join_new(opt->planner, left->node, right->node, &spec)};
    return out->node ? PS_OK : opt->cx->error.code;
}

/* ---- every order ---- */

typedef struct best {
    double cost, rows;
    rel_set left;
} best;

static ps_status build_best(const region *r, const best *table, rel_set set, plan_part *out)
{
    plan_part left, right;

    for (size_t i = 0; i < r->rels.n; i++) {
        if (set != (rel_set)1 << i) continue;
        *out = (plan_part){set, r->rels.at[i]};
        return PS_OK;
    }
    PS_TRY(build_best(r, table, table[set].left, &left));
    PS_TRY(build_best(r, table, set & ~table[set].left, &right));
    return join_parts(r, &left, &right, out);
}

/* Pairs of connected sets, each once and small ones first (DPccp; Moerkotte and Neumann 2006). A
 * predicate over several relations makes all of them neighbours (DPhyp, 2008, does with fewer);
 * pairs that no predicate joins yet are passed over. */
typedef struct enumeration {
    const region *r;
    best *table; /* by set; cost INFINITY: no way to join it yet */
    rel_set neighbours[DP_RELATIONS_MAX];
    size_t n_pairs;
    bool too_many;
} enumeration;

static rel_set up_to(rel_set one) { return one | (one - 1); }
static rel_set next_subset(rel_set subset, rel_set of) { return (subset - of) & of; }

static rel_set neighbourhood(const enumeration *e, rel_set set, rel_set without)
{
    rel_set out = 0;

    for (size_t i = 0; i < e->r->rels.n; i++) {
        if (set >> i & 1) out |= e->neighbours[i];
    }
    return out & ~set & ~without;
}

static ps_status try_pair(enumeration *e, rel_set a, rel_set b)
{
    best *both = &e->table[a | b];
    const double inputs = e->table[a].cost + e->table[b].cost;

    if ((++e->n_pairs & 255) == 0) PS_TRY(ps_poll(e->r->opt->cx));
    e->too_many |= e->n_pairs > PAIRS_MAX;
    if (!isfinite(inputs) || !connected(e->r, a, b)) return PS_OK;
    if (both->rows == 0) both->rows = rows_of(e->r, a | b);
    if (inputs + both->rows >= both->cost) return PS_OK;
    both->cost = inputs + both->rows;
    both->left = a;
    return PS_OK;
}

static ps_status grow_partner(enumeration *e, rel_set a, rel_set b, rel_set without)
{
    const rel_set near = neighbourhood(e, b, without);

    for (rel_set more = lowest(near); more && !e->too_many; more = next_subset(more, near))
        PS_TRY(try_pair(e, a, b | more));
    for (rel_set more = lowest(near); more && !e->too_many; more = next_subset(more, near))
        PS_TRY(grow_partner(e, a, b | more, without | near));
    return PS_OK;
}

/* Every partner of a set whose lowest relation is above the set's own. */
static ps_status find_partners(enumeration *e, rel_set set)
{
    const rel_set without = set | up_to(lowest(set));
    const rel_set near = neighbourhood(e, set, without);

    for (size_t i = e->r->rels.n; i-- > 0;) {
        const rel_set one = (rel_set)1 << i;

        if (!(near & one)) continue;
        PS_TRY(try_pair(e, set, one));
        PS_TRY(grow_partner(e, set, one, without | (up_to(one) & near)));
    }
    return PS_OK;
}

static ps_status grow(enumeration *e, rel_set set, rel_set without)
{
    const rel_set near = neighbourhood(e, set, without);

    for (rel_set more = lowest(near); more && !e->too_many; more = next_subset(more, near))
        PS_TRY(find_partners(e, set | more));
    for (rel_set more = lowest(near); more && !e->too_many; more = next_subset(more, near))
        PS_TRY(grow(e, set | more, without | near));
    return PS_OK;
}

/* A predicate over all of them is left out: it makes no two of them nearer. */
static void find_neighbours(enumeration *e)
{
    const region *r = e->r;
    const rel_set all = ((rel_set)1 << r->rels.n) - 1;

    for (size_t i = 0; i < r->rels.n; i++) {
        const rel_set one = (rel_set)1 << i;

        for (size_t k = 0; k < r->edges.n; k++) {
            const rel_set refs = r->edges.at[k].refs;
            if (refs & one && refs != all) e->neighbours[i] |= refs & ~one;
        }
        for (size_t k = 0; k < r->filters.n; k++) {
            const rel_set refs = r->filters.at[k].left | r->filters.at[k].rel;
            if (refs & one) e->neighbours[i] |= refs & ~one;
        }
    }
}

/* *found false: not all is connected, or there are too many ways; *out NULL: nothing is cheaper
 * than the tree that stands. */
static ps_status order_all(region *r, bool *found, plan_part *out)
{
    const rel_set all = ((rel_set)1 << r->rels.n) - 1;
    enumeration e = {.r = r, .table = PS_ARENA_ARRAY(r->opt->cx, r->opt->arena, best, all + 1)};

    *found = false;
    out->node = NULL;
    if (!e.table) return PS_MEMORY;
    for (rel_set set = 1; set <= all; set++) e.table[set].cost = INFINITY;
    for (size_t i = 0; i < r->rels.n; i++) e.table[(rel_set)1 << i].cost = 0;
    find_neighbours(&e);
    for (size_t i = r->rels.n; i-- > 0;) {
        const rel_set one = (rel_set)1 << i;

        PS_TRY(find_partners(&e, one));
        PS_TRY(grow(&e, one, up_to(one)));
    }
    const best *whole = &e.table[all];
    *found = !e.too_many && isfinite(whole->cost);
    return *found && is_better(r, whole->cost) ? build_best(r, e.table, all, out) : PS_OK;
}

/* ---- greedy ---- */

/* The pair of parts whose join gives the fewest rows, connected ones first. */
static ps_status next_pair(const region *r, const plan_part *parts, size_t n, size_t *a, size_t *b,
                           double *rows)
{
    bool have = false, have_connected = false;

    for (size_t i = 0; i < n; i++) {
        PS_TRY(ps_poll(r->opt->cx));
        for (size_t k = i + 1; k < n; k++) {
            const bool edge_between = connected(r, parts[i].set, parts[k].set);
            if (have_connected && !edge_between) continue;
            if (!edge_between && (filter_of(r, parts[i].set) || filter_of(r, parts[k].set)))
                continue; /* its left side is not together yet */
            const double now = rows_of(r, parts[i].set | parts[k].set);
            if (have && have_connected == edge_between && now >= *rows) continue;
            *a = i, *b = k, *rows = now;
            have = true;
            have_connected = edge_between;
        }
    }
    return PS_OK;
}

static ps_status order_greedy(region *r, plan_part *out)
{
    size_t n = r->rels.n, a = 0, b = 1;
    plan_part *parts = PS_ARENA_ARRAY(r->opt->cx, r->opt->arena, plan_part, n);
    double cost = 0, rows = 0;

    if (!parts) return PS_MEMORY;
    for (size_t i = 0; i < n; i++) parts[i] = (plan_part){(rel_set)1 << i, r->rels.at[i]};
    while (n > 1) {
        PS_TRY(next_pair(r, parts, n, &a, &b, &rows));
        PS_TRY(join_parts(r, &parts[a], &parts[b], &parts[a]));
        parts[b] = parts[--n];
        cost += rows;
    }
    *out = is_better(r, cost) ? parts[0] : (plan_part){0};
    return PS_OK;
}

/* ---- the plan ---- */

static const ps_node *order(ordering *o, const ps_node *node);

/* With the conditions above it: what did not become a condition of a join is a filter again. */
static const ps_node *finish_region(const region *r, const plan_part *out)
{
    const ps_node *node =
        out->node ? ps_opt_keep(r->opt, out->node, r->top->cols, r->top->n_cols) : r->top;

    if (!node || !r->above) return node;
    return ps_opt_filter(r->opt, node, out->node ? &r->stay_above : r->above);
}

static const ps_node *order_region(ordering *o, const ps_node *top, bool with_filters,
                                   const ps_conjuncts *above)
{
    region r = {
        .opt = o->opt, .stat = &o->stat, .top = top, .with_filters = with_filters, .above = above};
    plan_part out = {0};
    size_t next = 0;
    rel_set set;
    bool found = false;

    if (flatten(&r, top) != PS_OK) return NULL;
    if (r.rels.n > RELATIONS_MAX) {
        ps_diag_add(
            o->opt->cx, PS_PHASE_OPTIMIZE, PS_SEVERITY_INFO, PS_DIAG_FALLBACK,
            "%zu relations are joined in the order as written: more than %d are not ordered",
            r.rels.n, (int)RELATIONS_MAX);
    }
    if (r.rels.n < 3 || r.rels.n > RELATIONS_MAX) return finish_region(&r, &out);
    if (weigh(&r) != PS_OK || take_from_above(&r) != PS_OK) return NULL;
    r.old_cost = cost_of(&r, top, &next, &set);
    if (r.rels.n <= DP_RELATIONS_MAX && order_all(&r, &found, &out) != PS_OK) return NULL;
    if (!found && order_greedy(&r, &out) != PS_OK) return NULL;
    if (out.node) {
        ps_diag_add(o->opt->cx, PS_PHASE_OPTIMIZE, PS_SEVERITY_INFO, PS_DIAG_JOIN_ORDER,
                    "%zu relations in a new order, by %s; the one before was expected to make %.0f "
                    "rows in between",
                    r.rels.n,
                    found ? "search of all orders" : "joining the smallest pair each time",
                    r.old_cost);
    }
    return finish_region(&r, &out);
}

/* The region's relations with their own regions ordered, under the same joins. */
static const ps_node *order_inputs(ordering *o, const ps_node *node, bool with_filters)
{
    const ps_node **inputs =
        PS_ARENA_ARRAY(o->opt->cx, o->opt->arena, const ps_node *, node->n_inputs + 1);

    if (!inputs) return NULL;
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const ps_node *input = node->inputs[i];
        const bool inside = is_part(with_filters, node) && is_part(with_filters, input) &&
                            (i == 0 || is_inner(node));

        inputs[i] = inside ? order_inputs(o, input, with_filters) : order(o, input);
        if (!inputs[i]) return NULL;
    }
    return ps_node_with_inputs(o->opt->planner, node, inputs);
}

/* A region and what it gives filtered: some of that may become conditions of its joins. */
static const ps_node *order_filtered(ordering *o, const ps_node *filter)
{
    const bool with_filters = !may_fail(filter->inputs[0]);
    const ps_node *now = order_inputs(o, filter->inputs[0], with_filters);
    ps_conjuncts above = {0};

    if (!now) return NULL;
    if (ps_conjuncts_add(o->opt, &above, ps_node_as_filter(filter)->predicate) != PS_OK)
        return NULL;
    return order_region(o, now, with_filters, &above);
}

static const ps_node *order(ordering *o, const ps_node *node)
{
    const bool with_filters = !may_fail(node);

    if (ps_poll(o->opt->cx) != PS_OK) return NULL;
    if (node->kind == PS_NODE_FILTER && is_part(!may_fail(node->inputs[0]), node->inputs[0]))
        return order_filtered(o, node);
    for (size_t i = 0; node->kind == PS_NODE_SUBPLAN && i < o->done.n; i++) {
        if (o->done.at[i].before == node->inputs[0])
            return ps_node_with_inputs(o->opt->planner, node, &o->done.at[i].after);
    }
    const ps_node *now = order_inputs(o, node, with_filters);
    if (now && node->kind == PS_NODE_SUBPLAN) {
        const done_node done = {node->inputs[0], now->inputs[0]};
        if (PS_ARRAY_ADD_IN(o->opt->cx, o->opt->arena, &o->done, done) != PS_OK) return NULL;
    }
    return now && is_part(with_filters, now) ? order_region(o, now, with_filters, NULL) : now;
}

static const ps_node *join_order(ps_opt *opt, const ps_node *plan)
{
    ordering o = {.opt = opt};

    return ps_stat_init(opt->planner, &o.stat) == PS_OK ? order(&o, plan) : NULL;
}

const ps_rule ps_rule_join_order = {
    .name = "join_order",
    .doc = "inner, semi and anti joins in the order with the fewest rows in between",
    .plan = join_order,
};
