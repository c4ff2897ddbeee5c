/* opt/rule_push_limit.c -- limits go down to where rows come from
 *
 *   limit(x, o, 0)                  =>  no rows
 *   limit(project(x), o, c)         =>  project(limit(x, o, c))
 *   limit(limit(x, p, d), o, c)     =>  limit(x, p + o, min(d - o, c))
 *   limit(union all(x, y), o, c)    =>  limit(union all(limit(x, 0, o + c), ..), o, c)
 *   limit(scan, o, c)               =>  limit(scan giving o + c rows at most, o, c)
 *
 * Why: rows that nobody takes are not made; a limit that meets a sort becomes a top-n.
 * Safe: rows keep their order, a projection keeps their number; what is not made can't fail.
 * Order: with the filters, which stop at a limit wherever it is.
 * Tests: tests/slt/opt/push_limit.test */
#include "opt/util.h"

static const ps_node *push(ps_opt *opt, const ps_node *node);

/* Whether a plan gives so few rows by itself that a limit says nothing new. */
static bool is_short(const ps_node *node, int64_t n)
{
    switch ((ps_node_kind)node->kind) {
    case PS_NODE_LIMIT: return ps_node_as_limit(node)->count <= n;
    case PS_NODE_TOPN: return ps_node_as_topn(node)->count <= n;
    case PS_NODE_AGGREGATE: return ps_node_as_aggregate(node)->keys.n == 0;
    case PS_NODE_VALUES:
        return node->n_cols && ps_node_as_values(node)->cells.n / node->n_cols <= n;
    case PS_NODE_SCAN: return ps_node_as_scan(node)->limit && ps_node_as_scan(node)->limit - 1 <= n;
    case PS_NODE_PROJECT: return is_short(node->inputs[0], n);
    case PS_NODE_SETOP: {
        int64_t each = node->n_inputs ? n / (int64_t)node->n_inputs : 0;
        for (uint32_t i = 0; i < node->n_inputs; i++)
            if (!is_short(node->inputs[i], each)) return false;
        return true;
    }
    default: return false;
    }
}

static const ps_node *over_union(ps_opt *opt, const ps_node *node, int64_t rows)
{
    const ps_node *set = node->inputs[0];
    const ps_node **inputs =
        PS_ARENA_ARRAY(opt->cx, opt->arena, const ps_node *, set->n_inputs + 1);
    bool changed = false;

    if (!inputs) return NULL;
    for (uint32_t i = 0; i < set->n_inputs; i++) {
        inputs[i] = set->inputs[i];
        if (is_short(inputs[i], rows)) continue;
        inputs[i] = ps_node_limit_new(opt->planner, inputs[i], 0, rows);
        if (inputs[i]) inputs[i] = push(opt, inputs[i]);
        if (!inputs[i]) return NULL;
        changed = true;
    }
    if (!changed) return node;
    const ps_node *now = ps_node_with_inputs(opt->planner, set, inputs);
    return now ? ps_node_with_inputs(opt->planner, node, &now) : NULL;
}

static const ps_node *over_scan(ps_opt *opt, const ps_node *node, int64_t rows)
{
    const ps_node_scan *scan = ps_node_as_scan(node->inputs[0]);

    if (is_short(node->inputs[0], rows)) return node;
    const ps_node *now =
        ps_node_scan_new(opt->planner, scan->source, scan->columns.at, scan->columns.n,
                         scan->filters.at, scan->filters.n, rows + 1);
    return now ? ps_node_with_inputs(opt->planner, node, &now) : NULL;
}

static const ps_node *over_limit(ps_opt *opt, const ps_node_limit *limit, const ps_node *node)
{
    const ps_node_limit *inner = ps_node_as_limit(node->inputs[0]);
    const int64_t left =
        inner->count == INT64_MAX ? INT64_MAX : PS_MAX(inner->count - limit->offset, (int64_t)0);
    int64_t offset;

    if (__builtin_add_overflow(inner->offset, limit->offset, &offset)) return node;
    const ps_node *out =
        ps_node_limit_new(opt->planner, inner->base.inputs[0], offset, PS_MIN(left, limit->count));
    return out ? push(opt, out) : NULL;
}

/* A limit at the top of node. */
static const ps_node *push(ps_opt *opt, const ps_node *node)
{
    const ps_node_limit *limit = ps_node_as_limit(node);
    const ps_node *input = node->inputs[0];
    int64_t rows;

    if (limit->count == 0 && node->n_cols)
        return ps_node_values_new(opt->planner, node->cols, node->n_cols, NULL, 0);
    if (input->kind == PS_NODE_LIMIT) return over_limit(opt, limit, node);
    if (input->kind == PS_NODE_PROJECT) {
        const ps_node *below =
            ps_node_limit_new(opt->planner, input->inputs[0], limit->offset, limit->count);
        if (below) below = push(opt, below);
        return below ? ps_node_with_inputs(opt->planner, input, &below) : NULL;
    }
    if (__builtin_add_overflow(limit->offset, limit->count, &rows) || rows == INT64_MAX)
        return node;
    if (input->kind == PS_NODE_SCAN) return over_scan(opt, node, rows);
    if (input->kind == PS_NODE_SETOP && ps_node_as_setop(input)->op == PS_SETOP_UNION_ALL)
        return over_union(opt, node, rows);
    return node;
}

const ps_rule ps_rule_push_limit = {
    .name = "push_limit",
    .doc = "limit(project(x)) => project(limit(x)); into unions and scans",
    .root = PS_NODE_LIMIT,
    .node = push,
};
