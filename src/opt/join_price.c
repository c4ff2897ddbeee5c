/* opt/join_price.c -- what an order of joins costs; see join_region.h.
 *
 * Rows that are built, and those that pipelines carry; a build side filters the scan that its
 * pipeline begins with, so joins before it carry fewer, too.
 * Tests: tests/slt/opt/join_order.test */
#include "opt/join_region.h"

join_price ps_price_of_relation(const join_region *r, size_t rel)
{
    return (join_price){.rows = r->rows[rel], .base = r->scans & (rel_set)1 << rel};
}

double ps_price_cost(const join_price *p) { return p->closed + p->n_joins * p->rows; }

/* Whether a join's build side filters the scan of its probe side's pipeline: by a key that is a
 * plain column of it. */
static bool filters_scan(const join_region *r, rel_set base, rel_set build)
{
    const filter_join *f = ps_region_filter_of(r, build);

    if (f) return f->join->join == PS_JOIN_SEMI && (f->left & base) != 0;
    for (size_t i = 0; i < r->edges.n; i++) {
        const join_edge *e = &r->edges.at[i];
        if (!e->expr &&
            (((e->left & base) && (e->right & build)) || ((e->right & base) && (e->left & build))))
            return true;
    }
    return false;
}

/* Joins two sets, the first of which is the probe side. */
static join_price price_join(const join_region *r, const join_price *probe, const join_price *build,
                             rel_set build_set, double rows)
{
    const bool filtered = filters_scan(r, probe->base, build_set);

    return (join_price){.closed = probe->closed + ps_price_cost(build) + build->rows +
                                  (filtered ? 0 : probe->n_joins * probe->rows),
                        .rows = rows,
                        .n_joins = filtered ? probe->n_joins + 1 : 1,
                        .base = probe->base};
}

bool ps_price_is_probe(const join_region *r, rel_set a, rel_set b)
{
    if (ps_region_filter_of(r, a) || ps_region_filter_of(r, b))
        return ps_region_filter_of(r, b) != NULL;
    return ps_region_rows(r, a) >= ps_region_rows(r, b);
}

/* A semi or anti join whose left side is the smaller builds that, looks for its rows in what the
 * other one then has to give, and gives them in a pipeline of their own. */
static join_price price_filter(const join_price *left, double rows)
{
    return (join_price){
        .closed = ps_price_cost(left) + 2 * left->rows, .rows = rows, .n_joins = 1, .base = 0};
}

join_price ps_price_pair(const join_region *r, rel_set a, const join_price *of_a, rel_set b,
                         const join_price *of_b, double rows)
{
    const bool first = ps_price_is_probe(r, a, b);
    const join_price *probe = first ? of_a : of_b, *build = first ? of_b : of_a;
    const rel_set build_set = first ? b : a;

    if (ps_region_filter_of(r, build_set) && probe->rows < build->rows)
        return price_filter(probe, rows);
    return price_join(r, probe, build, build_set, rows);
}

/* Of the tree as it stands. */
join_price ps_price_of_tree(const join_region *r, const ps_node *node, size_t *next, rel_set *set)
{
    rel_set left, right;

    if (!ps_region_is_part(r->with_filters, node)) {
        *set = (rel_set)1 << *next;
        return ps_price_of_relation(r, (*next)++);
    }
    const join_price of_left = ps_price_of_tree(r, node->inputs[0], next, &left);
    const join_price of_right = ps_region_is_filter(node)
                                    ? ps_price_of_relation(r, *next)
                                    : ps_price_of_tree(r, node->inputs[1], next, &right);
    if (ps_region_is_filter(node)) right = (rel_set)1 << (*next)++;
    *set = left | right;
    return ps_price_pair(r, left, &of_left, right, &of_right, ps_region_rows(r, *set));
}
