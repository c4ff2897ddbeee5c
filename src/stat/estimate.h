/* stat/estimate.h -- how many rows a plan's nodes give: what sources know, carried up the plan.
 *
 * Estimates choose plans and sizes of nothing: they are never trusted. One ps_stat serves one
 * optimise run. */
#ifndef PS_STAT_ESTIMATE_H
#define PS_STAT_ESTIMATE_H

#include "plan/node.h"

/* What is thought of a column of the plan. */
typedef struct ps_stat_col {
    double n_distinct; /* 0: unknown */
    double lo, hi;     /* of values that are numbers inside: integers, decimals, dates, floats */
    bool has_range;
} ps_stat_col;

typedef struct ps_stat {
    ps_planner *planner;
    ps_stat_col *cols; /* by id */
    uint32_t n_cols;
} ps_stat;

ps_status ps_stat_init(ps_planner *planner, ps_stat *stat);
/* The plan with rows_est in every node; NULL on failure. */
const ps_node *ps_stat_stamp(ps_stat *stat, const ps_node *root);
/* The share of rows for which a condition is true, after the plan that gives its columns was
 * stamped. */
double ps_stat_selectivity(const ps_stat *stat, const ps_expr *condition);
/* Different values of an expression among `rows` rows. */
double ps_stat_distinct(const ps_stat *stat, const ps_expr *expr, double rows);
/* Rows of a join whose inputs have l and r rows. */
double ps_stat_join(const ps_stat *stat, const ps_node_join *join, double l, double r);
/* The share of pairs for which all n keys are equal. */
double ps_stat_keys(const ps_stat *stat, const ps_join_key *keys, uint32_t n, double left,
                    double right);

#endif
