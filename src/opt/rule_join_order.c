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
#include "func/func.h"

#include "base/diag.h"
#include "opt/util.h"
#include "stat/estimate.h"

#include <math.h>

enum { DP_RELATIONS_MAX = 14, PAIRS_MAX = 100000, RELATIONS_MAX = 64 };
/* With more relations implied equalities would make too many pairs. */
enum { CLASS_RELATIONS_MAX = 10 };
typedef uint64_t rel_set;

/* Which edges say how many rows are left, where the columns of one class are equal already: keys
 * that count together before single ones, those that are implied last. */
typedef enum edge_rank { RANK_JOINT, RANK_SINGLE, RANK_IMPLIED, N_RANKS } edge_rank;

typedef struct edge {
    const ps_expr *expr; /* NULL: a key */
    ps_join_key key;
    rel_set refs, left, right;
    double share;
    bool folded;    /* its share is in another edge's */
    uint32_t class; /* of columns that are equal, one of a relation at most; 0: none */
    uint8_t rank;
} edge;

/* What making a set costs: rows that are built, or carried by pipelines that have ended; then the
 * joins of the pipeline that gives it, each of which carries the set's rows. */
typedef struct price {
    double closed, rows;
    uint32_t n_joins;
    rel_set base; /* the relation that the pipeline scans, if its scan can be filtered */
} price;

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
    rel_set scans; /* relations whose scan a build side may filter */
    uint32_t n_classes;
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
    price price;
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

/* Whether the class's columns of two relations were not equal yet; now they are. `tied` has, by
 * relation, those whose column is known to be equal. */
static bool ties(const edge *e, rel_set *tied)
{
    const rel_set both = tied[__builtin_ctzll(e->left)] | tied[__builtin_ctzll(e->right)] | e->refs;

    if (tied[__builtin_ctzll(e->left)] & e->right) return false;
    for (rel_set left = both; left; left &= left - 1) tied[__builtin_ctzll(left)] = both;
    return true;
}

/* The share of a set's combinations for which its conditions hold. */
static double edges_share(const region *r, rel_set set)
{
    rel_set tied[CLASS_RELATIONS_MAX];
    double share = 1;

    for (size_t i = 0; i < r->edges.n; i++) {
        const edge *e = &r->edges.at[i];
        if (!e->class && !e->folded && (e->refs & ~set) == 0) share *= e->share;
    }
    for (uint32_t class = 1; class <= r->n_classes; class ++) {
        memset(tied, 0, sizeof(tied));
        for (uint32_t rank = 0; rank < N_RANKS; rank++)
            for (size_t i = 0; i < r->edges.n; i++) {
                const edge *e = &r->edges.at[i];
                if (e->class != class || e->rank != rank || (e->refs & ~set) != 0) continue;
                if (ties(e, tied) && !e->folded) share *= e->share;
            }
    }
    return share;
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
    return PS_MAX(rows * edges_share(r, set), 1.0);
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
        e->rank = RANK_JOINT;
    }
    if (n == 1) first->rank = RANK_SINGLE;
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

/* ---- columns that are equal ---- */

static bool is_single(rel_set set) { return set && (set & (set - 1)) == 0; }

/* a = b of two relations' columns. */
static bool is_plain(const edge *e)
{
    return !e->expr && !e->key.null_equal && e->key.left->kind == PS_EXPR_COLUMN &&
           e->key.right->kind == PS_EXPR_COLUMN && is_single(e->left) && is_single(e->right) &&
           e->left != e->right;
}

static bool shares_column(const ps_join_key *a, const ps_join_key *b)
{
    return a->left->column == b->left->column || a->left->column == b->right->column ||
           a->right->column == b->left->column || a->right->column == b->right->column;
}

static void merge_classes(region *r, size_t at)
{
    edge *e = &r->edges.at[at];

    e->class = ++r->n_classes;
    for (size_t i = 0; i < at; i++) {
        const uint32_t other = r->edges.at[i].class;
        if (!other || other == e->class || !shares_column(&r->edges.at[i].key, &e->key)) continue;
        for (size_t k = 0; k < at; k++)
            if (r->edges.at[k].class == other) r->edges.at[k].class = e->class;
    }
}

/* By relation the class's column; *many false: it has fewer than three, and nothing is implied.
 * False: two of one relation, which a join by one of them would not make equal. */
static bool members_of(const region *r, uint32_t class, const ps_expr **members, bool *many)
{
    uint32_t n = 0;

    memset(members, 0, RELATIONS_MAX * sizeof(*members));
    for (size_t i = 0; i < r->edges.n; i++) {
        const edge *e = &r->edges.at[i];
        if (e->class != class) continue;
        const ps_expr *ends[2] = {e->key.left, e->key.right};
        const rel_set rels[2] = {e->left, e->right};
        for (uint32_t end = 0; end < 2; end++) {
            const ps_expr **member = &members[__builtin_ctzll(rels[end])];
            if (*member && (*member)->column != ends[end]->column) return false;
            n += !*member;
            *member = ends[end];
        }
    }
    *many = n > 2;
    return true;
}

static bool has_edge(const region *r, uint32_t class, rel_set refs)
{
    for (size_t i = 0; i < r->edges.n; i++)
        if (r->edges.at[i].class == class && r->edges.at[i].refs == refs) return true;
    return false;
}

static ps_status imply(region *r, uint32_t class, const ps_expr *const *members)
{
    for (size_t a = 0; a < r->rels.n; a++)
        for (size_t b = a + 1; b < r->rels.n && members[a]; b++) {
            const rel_set left = (rel_set)1 << a, right = (rel_set)1 << b;
            if (!members[b] || has_edge(r, class, left | right)) continue;
            edge e = {.key = {members[a], members[b], false},
                      .refs = left | right,
                      .left = left,
                      .right = right,
                      .class = class,
                      .rank = RANK_IMPLIED};
            e.share = ps_stat_keys(r->stat, &e.key, 1, r->rows[a], r->rows[b]);
            PS_TRY(PS_ARRAY_ADD_IN(r->opt->cx, r->opt->arena, &r->edges, e));
        }
    return PS_OK;
}

static ps_status find_classes(region *r)
{
    const ps_expr *members[RELATIONS_MAX];
    uint32_t n = 0;

    if (r->rels.n > CLASS_RELATIONS_MAX) return PS_OK;
    for (size_t i = 0; i < r->edges.n; i++)
        if (is_plain(&r->edges.at[i])) merge_classes(r, i);
    const uint32_t n_found = r->n_classes;
    for (uint32_t class = 1; class <= n_found; class ++) {
        bool many = false;
        const bool sound = members_of(r, class, members, &many);
        for (size_t i = 0; i < r->edges.n; i++) /* n < class: no two classes get one number */
            if (r->edges.at[i].class == class) r->edges.at[i].class = sound && many ? n + 1 : 0;
        if (!sound || !many) continue;
        PS_TRY(imply(r, ++n, members));
    }
    r->n_classes = n;
    return PS_OK;
}

/* ---- weights ---- */

/* Filters and renamings of a scan: a join may have it leave out rows. */
static bool is_scan(const ps_node *node)
{
    while (node->kind == PS_NODE_FILTER || node->kind == PS_NODE_PROJECT) node = node->inputs[0];
    return node->kind == PS_NODE_SCAN;
}

static ps_status weigh(region *r)
{
    for (size_t i = 0; i < r->rels.n; i++) {
        const ps_node *stamped = ps_stat_stamp(r->stat, r->rels.at[i]);
        if (!stamped) return r->opt->cx->error.code;
        r->rows[i] = PS_MAX(stamped->rows_est, 1.0);
        if (is_scan(stamped)) r->scans |= (rel_set)1 << i;
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
    return find_classes(r);
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

/* ---- prices ---- */

static price price_of_relation(const region *r, size_t rel)
{
    return (price){.rows = r->rows[rel], .base = r->scans & (rel_set)1 << rel};
}

static double cost_of(const price *p) { return p->closed + p->n_joins * p->rows; }

/* Whether a join's build side filters the scan of its probe side's pipeline: by a key that is a
 * plain column of it. */
static bool filters_scan(const region *r, rel_set base, rel_set build)
{
    const filter_join *f = filter_of(r, build);

    if (f) return f->join->join == PS_JOIN_SEMI && (f->left & base) != 0;
    for (size_t i = 0; i < r->edges.n; i++) {
        const edge *e = &r->edges.at[i];
        if (!e->expr &&
            (((e->left & base) && (e->right & build)) || ((e->right & base) && (e->left & build))))
            return true;
    }
    return false;
}

/* Joins two sets, the first of which is the probe side. */
static price price_join(const region *r, const price *probe, const price *build, rel_set build_set,
                        double rows)
{
    const bool filtered = filters_scan(r, probe->base, build_set);

    return (price){.closed = probe->closed + cost_of(build) + build->rows +
                             (filtered ? 0 : probe->n_joins * probe->rows),
                   .rows = rows,
                   .n_joins = filtered ? probe->n_joins + 1 : 1,
                   .base = probe->base};
}

static bool is_probe(const region *r, rel_set a, rel_set b)
{
    if (filter_of(r, a) || filter_of(r, b)) return filter_of(r, b) != NULL;
    return rows_of(r, a) >= rows_of(r, b);
}

/* A semi or anti join whose left side is the smaller builds that, looks for its rows in what the
 * other one then has to give, and gives them in a pipeline of their own. */
static price price_filter(const price *left, double rows)
{
    return (price){.closed = cost_of(left) + 2 * left->rows, .rows = rows, .n_joins = 1, .base = 0};
}

static price price_pair(const region *r, rel_set a, const price *of_a, rel_set b, const price *of_b,
                        double rows)
{
    const bool first = is_probe(r, a, b);
    const price *probe = first ? of_a : of_b, *build = first ? of_b : of_a;
    const rel_set build_set = first ? b : a;

    if (filter_of(r, build_set) && probe->rows < build->rows) return price_filter(probe, rows);
    return price_join(r, probe, build, build_set, rows);
}

/* Of the tree as it stands. */
static price price_of_tree(const region *r, const ps_node *node, size_t *next, rel_set *set)
{
    rel_set left, right;

    if (!is_part(r->with_filters, node)) {
        *set = (rel_set)1 << *next;
        return price_of_relation(r, (*next)++);
    }
    const price of_left = price_of_tree(r, node->inputs[0], next, &left);
    const price of_right = is_filter(node) ? price_of_relation(r, *next)
                                           : price_of_tree(r, node->inputs[1], next, &right);
    if (is_filter(node)) right = (rel_set)1 << (*next)++;
    *set = left | right;
    return price_pair(r, left, &of_left, right, &of_right, rows_of(r, *set));
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

    *out = (plan_part){.set = left->set | right->set,
                       .node = ps_node_join_new(r->opt->planner, left->node, right->node, &spec)};
    return out->node ? PS_OK : r->opt->cx->error.code;
}

/* Whether an edge before this one makes the class's columns of both sets equal; those of one set
 * are. */
static bool is_implied(const region *r, size_t at, rel_set a, rel_set b)
{
    const uint32_t class = r->edges.at[at].class;

    for (size_t i = 0; class && i < at; i++) {
        const edge *e = &r->edges.at[i];
        if (e->class == class && !(e->refs & ~(a | b)) && e->refs & a && e->refs & b) return true;
    }
    return false;
}

/* The join of two parts with every predicate that it is the first to have the columns of; the
 * larger one is left. */
static ps_status join_parts(const region *r, const plan_part *a, const plan_part *b, plan_part *out)
{
    ps_opt *opt = r->opt;

    if (filter_of(r, a->set)) return filter_part(r, filter_of(r, a->set), b, a, out);
    if (filter_of(r, b->set)) return filter_part(r, filter_of(r, b->set), a, b, out);
    const plan_part *left = is_probe(r, a->set, b->set) ? a : b, *right = left == a ? b : a;
    const rel_set both = a->set | b->set;
    ps_join_key *keys = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_join_key, r->edges.n + 1);
    ps_join_spec spec = {.kind = PS_JOIN_INNER, .keys = keys};
    ps_conjuncts rest = {0};

    if (!keys) return PS_MEMORY;
    for (size_t i = 0; i < r->edges.n; i++) {
        const edge *e = &r->edges.at[i];
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
    price price;
    rel_set left;
} best;

static ps_status build_best(const region *r, const best *table, rel_set set, plan_part *out)
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
    const best *of_a = &e->table[a], *of_b = &e->table[b];

    if ((++e->n_pairs & 255) == 0) PS_TRY(ps_poll(e->r->opt->cx));
    e->too_many |= e->n_pairs > PAIRS_MAX;
    if (!isfinite(of_a->cost) || !isfinite(of_b->cost) || !connected(e->r, a, b)) return PS_OK;
    if (both->rows == 0) both->rows = rows_of(e->r, a | b);
    const price now = price_pair(e->r, a, &of_a->price, b, &of_b->price, both->rows);
    if (cost_of(&now) >= both->cost) return PS_OK;
    both->price = now;
    both->cost = cost_of(&now);
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
    for (size_t i = 0; i < r->rels.n; i++)
        e.table[(rel_set)1 << i] = (best){.rows = r->rows[i], .price = price_of_relation(r, i)};
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
    double rows = 0;

    if (!parts) return PS_MEMORY;
    for (size_t i = 0; i < n; i++)
        parts[i] = (plan_part){(rel_set)1 << i, r->rels.at[i], price_of_relation(r, i)};
    while (n > 1) {
        PS_TRY(next_pair(r, parts, n, &a, &b, &rows));
        const price now =
            price_pair(r, parts[a].set, &parts[a].price, parts[b].set, &parts[b].price, rows);
        PS_TRY(join_parts(r, &parts[a], &parts[b], &parts[a]));
        parts[a].price = now;
        parts[b] = parts[--n];
    }
    *out = is_better(r, cost_of(&parts[0].price)) ? parts[0] : (plan_part){0};
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
    price old;
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
    old = price_of_tree(&r, top, &next, &set);
    r.old_cost = cost_of(&old);
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
