/* opt/join_region.h -- joins that may be done in any order: relations and conditions, how many rows
 * a set of them gives, and what making it costs. Used by rule_join_order.c alone. */
#ifndef PS_OPT_JOIN_REGION_H
#define PS_OPT_JOIN_REGION_H

#include "opt/util.h"
#include "stat/estimate.h"

enum { RELATIONS_MAX = 64 };
typedef uint64_t rel_set;

/* Which edges say how many rows are left, where the columns of one class are equal already: keys
 * that count together before single ones, those that are implied last. */
typedef enum edge_rank { RANK_JOINT, RANK_SINGLE, RANK_IMPLIED, N_RANKS } edge_rank;

typedef struct join_edge {
    const ps_expr *expr; /* NULL: a key */
    ps_join_key key;
    rel_set refs, left, right;
    double share;
    bool folded;    /* its share is in another edge's */
    uint32_t class; /* of columns that are equal, one of a relation at most; 0: none */
    uint8_t rank;
} join_edge;

/* What making a set costs: rows that are built, or carried by pipelines that have ended; then the
 * joins of the pipeline that gives it, each of which carries the set's rows. */
typedef struct join_price {
    double closed, rows;
    uint32_t n_joins;
    rel_set base; /* the relation that the pipeline scans, if its scan can be filtered */
} join_price;

/* A semi or anti join: its right input is relation `rel`, which only meets a set that has `left`.
 */
typedef struct filter_join {
    const ps_node_join *join;
    rel_set rel, left;
    double share; /* of the left rows that stay */
} filter_join;

typedef struct join_region {
    ps_opt *opt;
    ps_stat *stat;
    const ps_node *top;
    bool with_filters; /* semi and anti joins are part of it */
    PS_ARRAY(const ps_node *) rels;
    PS_ARRAY(join_edge) edges;
    PS_ARRAY(filter_join) filters;
    double rows[RELATIONS_MAX];
    rel_set scans; /* relations whose scan a build side may filter */
    uint32_t n_classes;
    double old_cost;
    const ps_conjuncts *above; /* conditions on what the region gives, NULL: none */
    ps_conjuncts stay_above;   /* those that did not become edges */
    bool crossed; /* one did: as it stands, the tree has a cross product in its place */
} join_region;

PS_INLINE rel_set ps_rel_lowest(rel_set set) { return set & -set; }

bool ps_region_is_inner(const ps_node *node);
bool ps_region_is_filter(const ps_node *node); /* a semi or anti join that moves */
bool ps_region_is_part(bool with_filters, const ps_node *node);
/* Whether some condition of the joins may fail: then no other may move past it. */
bool ps_region_may_fail(const ps_node *node);
/* The relations and conditions below a node that is part of it; then their weights, and edges from
 * the conditions above. */
ps_status ps_region_flatten(join_region *r, const ps_node *node);
ps_status ps_region_weigh(join_region *r);
ps_status ps_region_take_from_above(join_region *r);

/* The semi or anti join whose right input is exactly this set, NULL: none. */
const filter_join *ps_region_filter_of(const join_region *r, rel_set set);
double ps_region_rows(const join_region *r, rel_set set);
bool ps_region_connected(const join_region *r, rel_set a, rel_set b);

/* join_price.c */
join_price ps_price_of_relation(const join_region *r, size_t rel);
double ps_price_cost(const join_price *p);
/* Of two sets: the one that is looked up with, and what joining them costs. */
bool ps_price_is_probe(const join_region *r, rel_set a, rel_set b);
join_price ps_price_pair(const join_region *r, rel_set a, const join_price *of_a, rel_set b,
                         const join_price *of_b, double rows);
/* Of the tree as it stands; *next and *set count its relations, from 0. */
join_price ps_price_of_tree(const join_region *r, const ps_node *node, size_t *next, rel_set *set);

#endif
