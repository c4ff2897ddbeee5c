/* opt/join_region.c -- a region of joins taken apart: relations, conditions, rows (join_region.h).
 *
 * Equal columns are a class: of its conditions as many count as tie relations that were not equal
 * yet, and those that are implied make pairs of relations that nobody wrote.
 * Tests: tests/slt/opt/join_order.test */
#include "opt/join_region.h"

/* With more relations implied equalities would make too many pairs. */
enum { CLASS_RELATIONS_MAX = 10 };

bool ps_region_is_inner(const ps_node *node)
{
    if (node->kind != PS_NODE_JOIN || ps_node_as_join(node)->lateral) return false;
    return ps_node_as_join(node)->join == PS_JOIN_INNER ||
           ps_node_as_join(node)->join == PS_JOIN_CROSS;
}

bool ps_region_is_filter(const ps_node *node)
{
    if (node->kind != PS_NODE_JOIN || ps_node_as_join(node)->lateral) return false;
    const ps_node_join *join = ps_node_as_join(node);
    return (join->join == PS_JOIN_SEMI || join->join == PS_JOIN_ANTI) && join->keys.n > 0;
}

static bool is_inside(const ps_node *node)
{
    return ps_region_is_inner(node) || ps_region_is_filter(node);
}

/* Whether some condition of the joins may fail: then no other may move past it. */
bool ps_region_may_fail(const ps_node *node)
{
    if (!is_inside(node)) return false;
    const ps_node_join *join = ps_node_as_join(node);
    bool fails = join->residual && ps_expr_may_fail(join->residual);

    for (uint32_t i = 0; i < join->keys.n; i++)
        fails |=
            ps_expr_may_fail(join->keys.at[i].left) || ps_expr_may_fail(join->keys.at[i].right);
    return fails || ps_region_may_fail(node->inputs[0]) ||
           (ps_region_is_inner(node) && ps_region_may_fail(node->inputs[1]));
}

/* ---- rows and costs ---- */

static rel_set refs_of(const join_region *r, const ps_expr *e)
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
const filter_join *ps_region_filter_of(const join_region *r, rel_set set)
{
    for (size_t i = 0; i < r->filters.n; i++) {
        if (r->filters.at[i].rel == set) return &r->filters.at[i];
    }
    return NULL;
}

/* Whether the class's columns of two relations were not equal yet; now they are. `tied` has, by
 * relation, those whose column is known to be equal. */
static bool ties(const join_edge *e, rel_set *tied)
{
    const rel_set both = tied[__builtin_ctzll(e->left)] | tied[__builtin_ctzll(e->right)] | e->refs;

    if (tied[__builtin_ctzll(e->left)] & e->right) return false;
    for (rel_set left = both; left; left &= left - 1) tied[__builtin_ctzll(left)] = both;
    return true;
}

/* The share of a set's combinations for which its conditions hold. */
static double edges_share(const join_region *r, rel_set set)
{
    rel_set tied[CLASS_RELATIONS_MAX];
    double share = 1;

    for (size_t i = 0; i < r->edges.n; i++) {
        const join_edge *e = &r->edges.at[i];
        if (!e->class && !e->folded && (e->refs & ~set) == 0) share *= e->share;
    }
    for (uint32_t class = 1; class <= r->n_classes; class ++) {
        memset(tied, 0, sizeof(tied));
        for (uint32_t rank = 0; rank < N_RANKS; rank++)
            for (size_t i = 0; i < r->edges.n; i++) {
                const join_edge *e = &r->edges.at[i];
                if (e->class != class || e->rank != rank || (e->refs & ~set) != 0) continue;
                if (ties(e, tied) && !e->folded) share *= e->share;
            }
    }
    return share;
}

double ps_region_rows(const join_region *r, rel_set set)
{
    double rows = 1;
    rel_set own = set;

    for (size_t i = 0; i < r->filters.n && !ps_region_filter_of(r, set); i++) {
        if (!(set & r->filters.at[i].rel)) continue;
        rows *= r->filters.at[i].share;
        own &= ~r->filters.at[i].rel;
    }
    for (size_t i = 0; i < r->rels.n; i++) {
        if (own >> i & 1) rows *= r->rows[i];
    }
    return PS_MAX(rows * edges_share(r, set), 1.0);
}

bool ps_region_connected(const join_region *r, rel_set a, rel_set b)
{
    const filter_join *of_a = ps_region_filter_of(r, a), *of_b = ps_region_filter_of(r, b);

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

bool ps_region_is_part(bool with_filters, const ps_node *node)
{
    return ps_region_is_inner(node) || (with_filters && ps_region_is_filter(node));
}

ps_status ps_region_flatten(join_region *r, const ps_node *node)
{
    const ps_node_join *join;

    if (!ps_region_is_part(r->with_filters, node))
        return PS_ARRAY_ADD_IN(r->opt->cx, r->opt->arena, &r->rels, node);
    join = ps_node_as_join(node);
    PS_TRY(ps_region_flatten(r, node->inputs[0]));
    if (ps_region_is_filter(node)) {
        const filter_join filter = {.join = join, .rel = (rel_set)1 << (r->rels.n & 63)};

        PS_TRY(PS_ARRAY_ADD_IN(r->opt->cx, r->opt->arena, &r->filters, filter));
        return PS_ARRAY_ADD_IN(r->opt->cx, r->opt->arena, &r->rels, node->inputs[1]);
    }
    PS_TRY(ps_region_flatten(r, node->inputs[1]));
    for (uint32_t i = 0; i < join->keys.n; i++) {
        PS_TRY(PS_ARRAY_ADD_IN(r->opt->cx, r->opt->arena, &r->edges,
                               (join_edge){.key = join->keys.at[i]}));
    }
    ps_conjuncts all = {0};
    PS_TRY(ps_conjuncts_add(r->opt, &all, join->residual));
    for (size_t i = 0; i < all.n; i++)
        PS_TRY(
            PS_ARRAY_ADD_IN(r->opt->cx, r->opt->arena, &r->edges, (join_edge){.expr = all.at[i]}));
    return PS_OK;
}

/* Keys between the same two relations count together: their columns are hardly independent. */
static double keys_share(join_region *r, size_t at)
{
    join_edge *first = &r->edges.at[at];
    ps_join_key few[8];
    uint32_t n = 0;
    double left = 1e18, right = 1e18;

    for (size_t i = at; i < r->edges.n && n < PS_COUNT(few); i++) {
        join_edge *e = &r->edges.at[i];
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

static void weigh_filters(join_region *r)
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
static bool is_plain(const join_edge *e)
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

static void merge_classes(join_region *r, size_t at)
{
    join_edge *e = &r->edges.at[at];

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
static bool members_of(const join_region *r, uint32_t class, const ps_expr **members, bool *many)
{
    uint32_t n = 0;

    memset(members, 0, RELATIONS_MAX * sizeof(*members));
    for (size_t i = 0; i < r->edges.n; i++) {
        const join_edge *e = &r->edges.at[i];
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

static bool has_edge(const join_region *r, uint32_t class, rel_set refs)
{
    for (size_t i = 0; i < r->edges.n; i++)
        if (r->edges.at[i].class == class && r->edges.at[i].refs == refs) return true;
    return false;
}

static ps_status imply(join_region *r, uint32_t class, const ps_expr *const *members)
{
    for (size_t a = 0; a < r->rels.n; a++)
        for (size_t b = a + 1; b < r->rels.n && members[a]; b++) {
            const rel_set left = (rel_set)1 << a, right = (rel_set)1 << b;
            if (!members[b] || has_edge(r, class, left | right)) continue;
            join_edge e = {.key = {members[a], members[b], false},
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

static ps_status find_classes(join_region *r)
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

ps_status ps_region_weigh(join_region *r)
{
    for (size_t i = 0; i < r->rels.n; i++) {
        const ps_node *stamped = ps_stat_stamp(r->stat, r->rels.at[i]);
        if (!stamped) return r->opt->cx->error.code;
        r->rows[i] = PS_MAX(stamped->rows_est, 1.0);
        if (is_scan(stamped)) r->scans |= (rel_set)1 << i;
    }
    for (size_t i = 0; i < r->edges.n; i++) {
        join_edge *e = &r->edges.at[i];
        e->left = e->expr ? 0 : refs_of(r, e->key.left);
        e->right = e->expr ? 0 : refs_of(r, e->key.right);
        e->refs = e->expr ? refs_of(r, e->expr) : e->left | e->right;
        /* what reads one relation only was left here because it may fail: last of all */
        if ((e->refs & (e->refs - 1)) == 0) e->refs = UINT64_MAX >> (64 - r->rels.n);
    }
    for (size_t i = 0; i < r->edges.n; i++) {
        join_edge *e = &r->edges.at[i];
        if (e->folded) continue;
        e->share = e->expr ? ps_stat_selectivity(r->stat, e->expr) : keys_share(r, i);
    }
    weigh_filters(r);
    return find_classes(r);
}

/* ---- equalities that may fail ---- */

/* Relations that conditions connect with those of `set`. One that reads all is none of them. */
static rel_set component(const join_region *r, rel_set set)
{
    const rel_set all = UINT64_MAX >> (64 - r->rels.n);
    rel_set before = 0;

    while (set != before) {
        before = set;
        for (size_t i = 0; i < r->edges.n; i++) {
            const join_edge *e = &r->edges.at[i];
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
static bool joins_components(const join_region *r, const ps_expr *e, join_edge *out)
{
    const bool null_equal = ps_expr_is_call(e, "is_not_distinct_from");

    if ((!ps_expr_is_call(e, "=") && !null_equal) || ps_expr_is_volatile(e)) return false;
    if (!ps_type_equal(e->args[0]->type, e->args[1]->type)) return false;
    *out = (join_edge){.key = {e->args[0], e->args[1], null_equal},
                       .left = refs_of(r, e->args[0]),
                       .right = refs_of(r, e->args[1])};
    if (!out->left || !out->right) return false;
    const rel_set a = component(r, ps_rel_lowest(out->left)),
                  b = component(r, ps_rel_lowest(out->right));
    out->refs = a | b;
    return !(a & b) && !(out->left & ~a) && !(out->right & ~b);
}

ps_status ps_region_take_from_above(join_region *r)
{
    for (size_t i = 0; r->above && i < r->above->n; i++) {
        const ps_expr *e = r->above->at[i];
        join_edge late;

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
