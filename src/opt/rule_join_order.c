/* opt/rule_join_order.c -- a join (b join c)  =>  the order of joins with the fewest rows between
 *
 * Why: the order as written may be thousands of times dearer, and a comma list in the wrong order
 * makes cross products.
 * Safe: inner joins commute and associate; each predicate is applied at the first join that has all
 * its columns. Semi and anti joins are filters by their right input: they go wherever the columns
 * are that they read, but in no region with a condition that may fail, which would see other rows.
 * Outer, mark and single joins are relations of their own here; so are filters that may fail.
 * How: cost is the rows that are built and those that pipelines carry (C_out, but that a build side
 * filters the scan which its pipeline begins with: joins before it see fewer rows, too). Up to 14
 * relations dynamic programming over every pair of connected sets, predicates over several
 * relations included; above, or where the pairs are too many, greedy operator ordering (Fegaras
 * 1998). What equals one column is equal: a = b and b = c may be joined by a = c first. Cross
 * products only where nothing connects: neither the region's conditions nor an equality above it
 * that may fail, which then joins sets that are whole. A plan already as cheap stays.
 * Order: after pushdown made the predicates. Tests: tests/slt/opt/join_order.test */
#include "opt/join_region.h"

#include "base/diag.h"

#include <math.h>

enum { DP_RELATIONS_MAX = 14, PAIRS_MAX = 100000 };

/* Whether an order is worth a new tree. */
static bool is_better(const join_region *r, double cost)
{
    return r->crossed || cost < r->old_cost * 0.999;
}

typedef struct plan_part {
    rel_set set;
    const ps_node *node;
    join_price price;
} plan_part;
typedef struct done_node {
    const ps_node *before, *after;
} done_node;
typedef struct ordering {
    ps_opt *opt;
    ps_stat stat;
    PS_ARRAY(done_node) done;
} ordering;

/* ---- building ---- */

static bool key_fits(const join_edge *e, rel_set a, rel_set b)
{
    return !e->expr && e->left && e->right && !(e->left & ~a) && !(e->right & ~b);
}

static ps_status as_condition(const join_region *r, const join_edge *e, ps_conjuncts *list)
{
    const ps_expr *expr = e->expr;

    if (!expr)
        expr = ps_opt_call(r->opt, e->key.null_equal ? "is_not_distinct_from" : "=", e->key.left,
                           e->key.right);
    return expr ? ps_conjuncts_add(r->opt, list, expr) : r->opt->cx->error.code;
}

static ps_status filter_part(const join_region *r, const filter_join *f, const plan_part *left,
                             const plan_part *right, plan_part *out)
{
    const ps_join_spec spec = {.kind = f->join->join,
                               .keys = f->join->keys.at,
                               .n_keys = f->join->keys.n,
                               .residual = f->join->residual};

    *out = (plan_part){.set = left->set | right->set,
                       .node = ps_node_join_new(r->opt->planner, left->node, right->node, &spec)};
    return out->node ? PS_OK : r->opt->cx->error.code;
}

/* Whether an edge before this one makes the class's columns of both sets equal; those of one set
 * are. */
static bool is_implied(const join_region *r, size_t at, rel_set a, rel_set b)
{
    const uint32_t class = r->edges.at[at].class;

    for (size_t i = 0; class && i < at; i++) {
        const join_edge *e = &r->edges.at[i];
        if (e->class == class && !(e->refs & ~(a | b)) && e->refs & a && e->refs & b) return true;
    }
    return false;
}

/* The join of two parts with every predicate that it is the first to have the columns of; the
 * larger one is left. */
static ps_status join_parts(const join_region *r, const plan_part *a, const plan_part *b,
                            plan_part *out)
{
    ps_opt *opt = r->opt;

    if (ps_region_filter_of(r, a->set))
        return filter_part(r, ps_region_filter_of(r, a->set), b, a, out);
    if (ps_region_filter_of(r, b->set))
        return filter_part(r, ps_region_filter_of(r, b->set), a, b, out);
    const plan_part *left = ps_price_is_probe(r, a->set, b->set) ? a : b,
                    *right = left == a ? b : a;
    const rel_set both = a->set | b->set;
    ps_join_key *keys = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_join_key, r->edges.n + 1);
    ps_join_spec spec = {.kind = PS_JOIN_INNER, .keys = keys};
    ps_conjuncts rest = {0};

    if (!keys) return PS_MEMORY;
    for (size_t i = 0; i < r->edges.n; i++) {
        const join_edge *e = &r->edges.at[i];
        if (e->refs & ~both || !(e->refs & ~a->set) || !(e->refs & ~b->set)) continue;
        if (is_implied(r, i, a->set, b->set)) continue;
        if (key_fits(e, left->set, right->set)) keys[spec.n_keys++] = e->key;
        else if (key_fits(e, right->set, left->set))
            keys[spec.n_keys++] = (ps_join_key){e->key.right, e->key.left, e->key.null_equal};
        else PS_TRY(as_condition(r, e, &rest));
    }
    if (rest.n && !(spec.residual = ps_conjuncts_and(opt, &rest))) return opt->cx->error.code;
    if (!spec.n_keys && !spec.residual) spec.kind = PS_JOIN_CROSS;
    *out = (plan_part){.set = both,
                       .node = ps_node_join_new(opt->planner, left->node, right->node, &spec)};
    return out->node ? PS_OK : opt->cx->error.code;
}

/* ---- every order ---- */

typedef struct best {
    double cost, rows;
    join_price price;
    rel_set left;
} best;

static ps_status build_best(const join_region *r, const best *table, rel_set set, plan_part *out)
{
    plan_part left, right;

    for (size_t i = 0; i < r->rels.n; i++) {
        if (set != (rel_set)1 << i) continue;
        *out = (plan_part){.set = set, .node = r->rels.at[i]};
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
    const join_region *r;
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
    const best *of_a = &e->table[a], *of_b = &e->table[b];

    if ((++e->n_pairs & 255) == 0) PS_TRY(ps_poll(e->r->opt->cx));
    e->too_many |= e->n_pairs > PAIRS_MAX;
    if (!isfinite(of_a->cost) || !isfinite(of_b->cost) || !ps_region_connected(e->r, a, b))
        return PS_OK;
    if (both->rows == 0) both->rows = ps_region_rows(e->r, a | b);
    const join_price now = ps_price_pair(e->r, a, &of_a->price, b, &of_b->price, both->rows);
    if (ps_price_cost(&now) >= both->cost) return PS_OK;
    both->price = now;
    both->cost = ps_price_cost(&now);
    both->left = a;
    return PS_OK;
}

static ps_status grow_partner(enumeration *e, rel_set a, rel_set b, rel_set without)
{
    const rel_set near = neighbourhood(e, b, without);

    for (rel_set more = ps_rel_lowest(near); more && !e->too_many; more = next_subset(more, near))
        PS_TRY(try_pair(e, a, b | more));
    for (rel_set more = ps_rel_lowest(near); more && !e->too_many; more = next_subset(more, near))
        PS_TRY(grow_partner(e, a, b | more, without | near));
    return PS_OK;
}

/* Every partner of a set whose lowest relation is above the set's own. */
static ps_status find_partners(enumeration *e, rel_set set)
{
    const rel_set without = set | up_to(ps_rel_lowest(set));
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

    for (rel_set more = ps_rel_lowest(near); more && !e->too_many; more = next_subset(more, near))
        PS_TRY(find_partners(e, set | more));
    for (rel_set more = ps_rel_lowest(near); more && !e->too_many; more = next_subset(more, near))
        PS_TRY(grow(e, set | more, without | near));
    return PS_OK;
}

/* A predicate over all of them is left out: it makes no two of them nearer. */
static void find_neighbours(enumeration *e)
{
    const join_region *r = e->r;
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
static ps_status order_all(join_region *r, bool *found, plan_part *out)
{
    const rel_set all = ((rel_set)1 << r->rels.n) - 1;
    enumeration e = {.r = r, .table = PS_ARENA_ARRAY(r->opt->cx, r->opt->arena, best, all + 1)};

    *found = false;
    out->node = NULL;
    if (!e.table) return PS_MEMORY;
    for (rel_set set = 1; set <= all; set++) e.table[set].cost = INFINITY;
    for (size_t i = 0; i < r->rels.n; i++)
        e.table[(rel_set)1 << i] = (best){.rows = r->rows[i], .price = ps_price_of_relation(r, i)};
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
static ps_status next_pair(const join_region *r, const plan_part *parts, size_t n, size_t *a,
                           size_t *b, double *rows)
{
    bool have = false, have_connected = false;

    for (size_t i = 0; i < n; i++) {
        PS_TRY(ps_poll(r->opt->cx));
        for (size_t k = i + 1; k < n; k++) {
            const bool edge_between = ps_region_connected(r, parts[i].set, parts[k].set);
            if (have_connected && !edge_between) continue;
            if (!edge_between &&
                (ps_region_filter_of(r, parts[i].set) || ps_region_filter_of(r, parts[k].set)))
                continue; /* its left side is not together yet */
            const double now = ps_region_rows(r, parts[i].set | parts[k].set);
            if (have && have_connected == edge_between && now >= *rows) continue;
            *a = i, *b = k, *rows = now;
            have = true;
            have_connected = edge_between;
        }
    }
    return PS_OK;
}

static ps_status order_greedy(join_region *r, plan_part *out)
{
    size_t n = r->rels.n, a = 0, b = 1;
    plan_part *parts = PS_ARENA_ARRAY(r->opt->cx, r->opt->arena, plan_part, n);
    double rows = 0;

    if (!parts) return PS_MEMORY;
    for (size_t i = 0; i < n; i++)
        parts[i] = (plan_part){(rel_set)1 << i, r->rels.at[i], ps_price_of_relation(r, i)};
    while (n > 1) {
        PS_TRY(next_pair(r, parts, n, &a, &b, &rows));
        const join_price now =
            ps_price_pair(r, parts[a].set, &parts[a].price, parts[b].set, &parts[b].price, rows);
        PS_TRY(join_parts(r, &parts[a], &parts[b], &parts[a]));
        parts[a].price = now;
        parts[b] = parts[--n];
    }
    *out = is_better(r, ps_price_cost(&parts[0].price)) ? parts[0] : (plan_part){0};
    return PS_OK;
}

/* ---- the plan ---- */

static const ps_node *order(ordering *o, const ps_node *node);

/* With the conditions above it: what did not become a condition of a join is a filter again. */
static const ps_node *finish_region(const join_region *r, const plan_part *out)
{
    const ps_node *node =
        out->node ? ps_opt_keep(r->opt, out->node, r->top->cols, r->top->n_cols) : r->top;

    if (!node || !r->above) return node;
    return ps_opt_filter(r->opt, node, out->node ? &r->stay_above : r->above);
}

static const ps_node *order_region(ordering *o, const ps_node *top, bool with_filters,
                                   const ps_conjuncts *above)
{
    join_region r = {
        .opt = o->opt, .stat = &o->stat, .top = top, .with_filters = with_filters, .above = above};
    plan_part out = {0};
    size_t next = 0;
    rel_set set;
    join_price old;
    bool found = false;

    if (ps_region_flatten(&r, top) != PS_OK) return NULL;
    if (r.rels.n > RELATIONS_MAX) {
        ps_diag_add(
            o->opt->cx, PS_PHASE_OPTIMIZE, PS_SEVERITY_INFO, PS_DIAG_FALLBACK,
            "%zu relations are joined in the order as written: more than %d are not ordered",
            r.rels.n, (int)RELATIONS_MAX);
    }
    if (r.rels.n < 3 || r.rels.n > RELATIONS_MAX) return finish_region(&r, &out);
    if (ps_region_weigh(&r) != PS_OK || ps_region_take_from_above(&r) != PS_OK) return NULL;
    old = ps_price_of_tree(&r, top, &next, &set);
    r.old_cost = ps_price_cost(&old);
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
        const bool inside = ps_region_is_part(with_filters, node) &&
                            ps_region_is_part(with_filters, input) &&
                            (i == 0 || ps_region_is_inner(node));

        inputs[i] = inside ? order_inputs(o, input, with_filters) : order(o, input);
        if (!inputs[i]) return NULL;
    }
    return ps_node_with_inputs(o->opt->planner, node, inputs);
}

/* A region and what it gives filtered: some of that may become conditions of its joins. */
static const ps_node *order_filtered(ordering *o, const ps_node *filter)
{
    const bool with_filters = !ps_region_may_fail(filter->inputs[0]);
    const ps_node *now = order_inputs(o, filter->inputs[0], with_filters);
    ps_conjuncts above = {0};

    if (!now) return NULL;
    if (ps_conjuncts_add(o->opt, &above, ps_node_as_filter(filter)->predicate) != PS_OK)
        return NULL;
    return order_region(o, now, with_filters, &above);
}

static const ps_node *order(ordering *o, const ps_node *node)
{
    const bool with_filters = !ps_region_may_fail(node);

    if (ps_poll(o->opt->cx) != PS_OK) return NULL;
    if (node->kind == PS_NODE_FILTER &&
        ps_region_is_part(!ps_region_may_fail(node->inputs[0]), node->inputs[0]))
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
    return now && ps_region_is_part(with_filters, now) ? order_region(o, now, with_filters, NULL)
                                                       : now;
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
