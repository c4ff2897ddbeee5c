/* opt/unnest.h -- what the files of rule unnest share; not for others. */
#ifndef PS_OPT_UNNEST_H
#define PS_OPT_UNNEST_H

#include "opt/util.h"

/* One lateral join being removed: the right input reads `cols` of the left one. */
typedef struct ps_dep {
    ps_opt *opt;
    const ps_node *left;
    ps_col *cols; /* the columns of left that right reads */
    uint32_t n;
    ps_ids set;     /* the same as a set */
    bool shared;    /* left is read more than once: through SUBPLAN nodes */
    bool restrict_; /* rows of other bindings may not be computed: something may fail on them */
} ps_dep;

/* A plan that gives, for each binding of the dep's columns, the rows that the dependent plan would
 * give for it: reprs[i] is the column that holds cols[i]. Bindings that left does not have may be
 * there too; null in reprs only if left has it. */
typedef struct ps_bound {
    const ps_node *node;
    ps_col *reprs;
} ps_bound;

ps_status ps_unnest_node(ps_dep *dep, const ps_node *node, ps_bound *out);
/* The distinct bindings, under fresh ids. */
ps_status ps_unnest_domain(ps_dep *dep, ps_bound *out);
/* left again, all columns under fresh ids in cols (room for all of left's). */
const ps_node *ps_unnest_left_again(ps_dep *dep, ps_col **cols);
/* From the dep's columns to the ones that stand for them. */
ps_status ps_unnest_map(ps_dep *dep, const ps_bound *bound, ps_substs *map);
/* Pairs of columns that must be equal, null equal to null. */
ps_status ps_unnest_keys(ps_dep *dep, const ps_col *left, const ps_col *right, ps_join_key *keys);
/* An aggregate for each binding: no row where it has no input. */
ps_status ps_unnest_grouped(ps_dep *dep, const ps_node_aggregate *aggregate, ps_bound *out);
/* count is 0, not null, where there was no row: for columns of the aggregate read above an outer
 * join. */
ps_status ps_unnest_counts(ps_dep *dep, const ps_node_aggregate *aggregate, ps_substs *map);
/* unnest_join.c */
ps_status ps_unnest_join(ps_dep *dep, const ps_node *node, ps_bound *out);

#endif
