/* opt/rule_top_n.c -- limit(sort(x, k), o, c)  =>  topn(x, k, o, c)
 *
 * Why: only offset + count rows have to be kept and sorted.
 * Safe: the same rows in the same order; ties keep input order in both. Not for a limit without a
 * count.
 * Order: late; other rules know limit and sort. Tests: tests/slt/sql/order.test */
#include "opt/opt.h"

static const ps_node *top_n(ps_opt *opt, const ps_node *node)
{
    const ps_node_limit *limit = ps_node_as_limit(node);
    const ps_node *input = node->inputs[0];

    if (input->kind != PS_NODE_SORT || limit->count == INT64_MAX) return node;
    const ps_node_sort *sort = ps_node_as_sort(input);
    return ps_node_topn_new(opt->planner, input->inputs[0], sort->keys.at, sort->keys.n,
                            limit->offset, limit->count);
}

const ps_rule ps_rule_top_n = {
    .name = "top_n",
    .doc = "limit(sort(x)) => topn(x)",
    .root = PS_NODE_LIMIT,
    .node = top_n,
};
