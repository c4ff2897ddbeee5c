/* opt/rule_estimate.c -- plan  =>  the plan with the rows that each node is thought to give
 *
 * Why: the join builds its table over the smaller side; EXPLAIN shows it.
 * Safe: nothing else changes.
 * Order: last; after it no rule makes nodes. Tests: tests/slt/opt/join_order.test */
#include "opt/opt.h"
#include "stat/estimate.h"

static const ps_node *estimate(ps_opt *opt, const ps_node *plan)
{
    ps_stat stat;

    return ps_stat_init(opt->planner, &stat) == PS_OK ? ps_stat_stamp(&stat, plan) : NULL;
}

const ps_rule ps_rule_estimate = {
    .name = "estimate", .doc = "rows of every node", .plan = estimate};
