/* opt/rule_prune.c -- columns that nobody reads are not made
 *
 * Of projects, aggregates, windows, scans, unions and shared plans; and
 *
 *   project(project(x)) of plain columns  =>  project(x)
 *
 * Why: what is not read need not be decoded, carried or kept.
 * Safe: grouping keys, filters, sort keys and what DISTINCT compares stay; rows don't change. At
 * least one column of a node stays, so that rows can be counted.
 * How: two passes: which columns are read, parents first; then the nodes. What is read of a node is
 * noted when its parents are done: one id may stand above and below a shared plan (unnest gives the
 * readers of the outer side its ids back), and what is read below says nothing of above.
 * Order: after everything that moves expressions. Tests: tests/slt/opt/prune.test */
#include "opt/util.h"

typedef struct pruned {
    const ps_node *before, *after;
} pruned;
typedef struct noted {
    const ps_node *node;
    bool *keep;   /* by column: it is read above */
    bool carried; /* a node above gives its columns on, maybe beside others with the same ids */
} noted;
typedef struct pruning {
    ps_opt *opt;
    ps_ids needed;
    PS_ARRAY(noted) nodes; /* inputs first, a shared one once */
    PS_ARRAY(pruned) done; /* shared plans */
} pruning;

static ps_status collect(ps_ctx *cx, const ps_node *node, void *user)
{
    pruning *p = user;
    const noted one = {.node = node,
                       .keep = PS_ARENA_ARRAY(cx, p->opt->arena, bool, node->n_cols + 1)};

    return one.keep ? PS_ARRAY_ADD_IN(cx, p->opt->arena, &p->nodes, one) : PS_MEMORY;
}
/* What was noted of a node of the plan as it was. */
static noted *noted_of(const pruning *p, const ps_node *node)
{
    for (size_t i = 0; i < p->nodes.n; i++) {
        if (p->nodes.at[i].node == node) return &p->nodes.at[i];
    }
    return NULL;
}
static bool none_kept(const bool *keep, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (keep[i]) return false;
    }
    return true;
}

static ps_status need_expr(ps_ctx *cx, const ps_expr *e, void *user)
{
    (void)cx;
    ps_ids_add_expr(user, e);
    return PS_OK;
}
static void need_items(pruning *p, const ps_f_items *items, bool all)
{
    bool any = false;

    for (uint32_t i = 0; i < items->n; i++) {
        if (!all && !ps_ids_has(&p->needed, items->at[i].col.id)) continue;
        ps_ids_add_expr(&p->needed, items->at[i].expr);
        any = true;
    }
    /* the first stays when none is needed: some column has to carry the rows */
    if (!any && items->n) ps_ids_add_expr(&p->needed, items->at[0].expr);
}
static void need_cols(pruning *p, const ps_node *node)
{
    for (uint32_t i = 0; i < node->n_cols; i++) ps_ids_add(&p->needed, node->cols[i].id);
}
static void need_positions(pruning *p, const ps_node *node, const ps_f_cols *cols, bool all)
{
    bool any = all;

    for (uint32_t i = 0; i < cols->n && !any; i++) any = ps_ids_has(&p->needed, cols->at[i].id);
    for (uint32_t i = 0; i < cols->n; i++) {
        if (!all && !ps_ids_has(&p->needed, cols->at[i].id) && (any || i > 0)) continue;
        ps_ids_add(&p->needed, cols->at[i].id);
        for (uint32_t k = 0; k < node->n_inputs; k++)
            ps_ids_add(&p->needed, node->inputs[k]->cols[i].id);
    }
}

/* A project of which only the rows count: its input has them, too. */
static bool counts_only(const noted *note)
{
    return !note->carried && note->node->inputs[0]->n_cols > 0 &&
           none_kept(note->keep, note->node->n_cols);
}

/* What a node reads, given what is read of it. */
static ps_status need(pruning *p, const noted *note)
{
    const ps_node *node = note->node;

    switch ((ps_node_kind)node->kind) {
    case PS_NODE_PROJECT: {
        const ps_f_items *items = &ps_node_as_project(node)->items;
        if (!counts_only(note)) need_items(p, items, false);
        return PS_OK;
    }
    case PS_NODE_AGGREGATE:
        need_items(p, &ps_node_as_aggregate(node)->keys, true);
        need_items(p, &ps_node_as_aggregate(node)->aggs, false);
        return PS_OK;
    case PS_NODE_WINDOW: need_items(p, &ps_node_as_window(node)->calls, false); return PS_OK;
    case PS_NODE_SETOP:
        need_positions(p, node, &ps_node_as_setop(node)->columns,
                       ps_node_as_setop(node)->op != PS_SETOP_UNION_ALL);
        return PS_OK;
    case PS_NODE_SUBPLAN:
        need_positions(p, node, &ps_node_as_subplan(node)->columns, false);
        return PS_OK;
    case PS_NODE_DISTINCT:
        if (ps_node_as_distinct(node)->on.n == 0) need_cols(p, node->inputs[0]);
        break;
    case PS_NODE_WRITE: need_cols(p, node->inputs[0]); break;
    default: break;
    }
    return ps_node_visit_exprs(p->opt->cx, node, need_expr, &p->needed);
}

/* ---- the nodes ---- */

/* The items that are read, the first when none is; *n unchanged: all. */
static ps_item *kept_items(pruning *p, const ps_f_items *items, const bool *keep, uint32_t *n)
{
    ps_item *kept = PS_ARENA_ARRAY(p->opt->cx, p->opt->arena, ps_item, items->n + 1);

    *n = 0;
    for (uint32_t i = 0; kept && i < items->n; i++) {
        if (keep[i]) kept[(*n)++] = items->at[i];
    }
    if (kept && *n == 0 && items->n) kept[(*n)++] = items->at[0];
    return kept;
}

static bool all_columns(const ps_f_items *items)
{
    bool all = true;

    for (uint32_t i = 0; i < items->n; i++) all &= items->at[i].expr->kind == PS_EXPR_COLUMN;
    return all;
}

static const ps_node *prune_project(pruning *p, const ps_node *node, const noted *note)
{
    ps_opt *opt = p->opt;
    const ps_node *input = node->inputs[0];
    const ps_f_items *old = &ps_node_as_project(node)->items;
    uint32_t n;
    if (counts_only(note)) return input;
    ps_item *items = kept_items(p, old, note->keep, &n);
    bool changed = n != old->n;

    while (items && input->kind == PS_NODE_PROJECT &&
           all_columns(&ps_node_as_project(input)->items)) {
        ps_substs map = {0};
        if (ps_substs_of_items(opt, &ps_node_as_project(input)->items, &map) != PS_OK) return NULL;
        for (uint32_t i = 0; i < n; i++) {
            if (!(items[i].expr = ps_opt_substitute(opt, items[i].expr, &map))) return NULL;
        }
        input = input->inputs[0];
        changed = true;
    }
    if (!items) return NULL;
    bool same = input->n_cols == n;
    for (uint32_t i = 0; same && i < n; i++) {
        same = items[i].expr->kind == PS_EXPR_COLUMN && items[i].expr->column == items[i].col.id &&
               input->cols[i].id == items[i].col.id &&
               ps_str_equal(input->cols[i].name, items[i].col.name);
    }
    if (same) return input;
    return changed ? ps_node_project_new(opt->planner, input, items, n) : node;
}

static const ps_node *prune_aggregate(pruning *p, const ps_node *node, const bool *keep)
{
    const ps_node_aggregate *old = ps_node_as_aggregate(node);
    uint32_t n;
    ps_item *aggs = kept_items(p, &old->aggs, keep + old->keys.n, &n);

    if (!aggs) return NULL;
    if (old->keys.n && n == 1 && none_kept(keep + old->keys.n, old->aggs.n)) n = 0;
    if (n == old->aggs.n) return node;
    return ps_node_aggregate_new(p->opt->planner, node->inputs[0], old->keys.at, old->keys.n, aggs,
                                 n);
}

/* keep is of the window's own columns, which come after its input's. */
static const ps_node *prune_window(pruning *p, const ps_node *node, const bool *keep)
{
    const ps_f_items *old = &ps_node_as_window(node)->calls;
    uint32_t n;
    ps_item *calls = kept_items(p, old, keep, &n);

    if (!calls) return NULL;
    if (n == 1 && none_kept(keep, old->n)) return node->inputs[0];
    return n == old->n ? node : ps_node_window_new(p->opt->planner, node->inputs[0], calls, n);
}

static const ps_node *prune_scan(pruning *p, const ps_node *node, const bool *keep)
{
    const ps_node_scan *old = ps_node_as_scan(node);
    ps_scan_col *cols = PS_ARENA_ARRAY(p->opt->cx, p->opt->arena, ps_scan_col, old->columns.n + 1);
    uint32_t n = 0;

    if (!cols) return NULL;
    for (uint32_t i = 0; i < old->columns.n; i++) {
        if (keep[i]) cols[n++] = old->columns.at[i];
    }
    if (n == 0 && old->columns.n) cols[n++] = old->columns.at[0];
    if (n == old->columns.n) return node;
    return ps_node_scan_new(p->opt->planner, old->source, cols, n, old->filters.at, old->filters.n,
                            old->limit);
}

/* Columns by position: the same positions of node's list and of each input. keep: of a shared plan,
 * what any reader needs. */
static const ps_node *prune_positional(pruning *p, const ps_node *node, const ps_f_cols *cols,
                                       const bool *keep, const ps_node **inputs)
{
    ps_opt *opt = p->opt;
    ps_col *outer = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_col, cols->n + 1);
    uint32_t n = 0;

    if (!outer) return NULL;
    for (uint32_t k = 0; k < node->n_inputs; k++) {
        ps_col *inner = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_col, cols->n + 1);
        if (!inner) return NULL;
        n = 0;
        for (uint32_t i = 0; i < cols->n; i++) {
            if (!keep[i]) continue;
            outer[n] = cols->at[i];
            inner[n++] = node->inputs[k]->cols[i];
        }
        if (!(inputs[k] = ps_opt_keep(opt, inputs[k], inner, n))) return NULL;
    }
    if (n == cols->n) return ps_node_with_inputs(opt->planner, node, inputs);
    if (node->kind == PS_NODE_SETOP) {
        return ps_node_setop_new(opt->planner, ps_node_as_setop(node)->op, inputs, node->n_inputs,
                                 outer);
    }
    return ps_node_subplan_new(opt->planner, inputs[0], ps_node_as_subplan(node)->name, outer);
}

static const ps_node *prune_node(pruning *p, const ps_node *node);

static const ps_node *prune_subplan(pruning *p, const ps_node *node)
{
    const ps_f_cols *cols = &ps_node_as_subplan(node)->columns;
    const bool *keep = noted_of(p, node->inputs[0])->keep;
    const ps_node *body = NULL;

    for (size_t i = 0; i < p->done.n && !body; i++) {
        if (p->done.at[i].before == node->inputs[0]) body = p->done.at[i].after;
    }
    if (body) return prune_positional(p, node, cols, keep, &body);
    if (!(body = prune_node(p, node->inputs[0]))) return NULL;
    const ps_node *out = prune_positional(p, node, cols, keep, &body);
    const pruned one = {node->inputs[0], body};
    return PS_ARRAY_ADD_IN(p->opt->cx, p->opt->arena, &p->done, one) == PS_OK ? out : NULL;
}

/* Recursion follows the plan, whose depth is bounded. */
static const ps_node *prune_node(pruning *p, const ps_node *node)
{
    const ps_node **inputs =
        PS_ARENA_ARRAY(p->opt->cx, p->opt->arena, const ps_node *, node->n_inputs + 1);

    const noted *note = noted_of(p, node);

    if (!inputs || !note || ps_poll(p->opt->cx) != PS_OK) return NULL;
    const bool *keep = note->keep;
    if (node->kind == PS_NODE_SUBPLAN) return prune_subplan(p, node);
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        if (!(inputs[i] = prune_node(p, node->inputs[i]))) return NULL;
    }
    if (node->kind == PS_NODE_SETOP)
        return prune_positional(p, node, &ps_node_as_setop(node)->columns, keep, inputs);
    if (node->kind == PS_NODE_DISTINCT && ps_node_as_distinct(node)->on.n == 0) {
        inputs[0] = ps_opt_keep(p->opt, inputs[0], node->inputs[0]->cols, node->inputs[0]->n_cols);
    }
    if (node->kind == PS_NODE_WRITE)
        inputs[0] = ps_opt_keep(p->opt, inputs[0], node->inputs[0]->cols, node->inputs[0]->n_cols);
    if (node->n_inputs && !inputs[0]) return NULL;
    if (node->kind == PS_NODE_WINDOW) keep += node->n_cols - ps_node_as_window(node)->calls.n;
    if (!(node = ps_node_with_inputs(p->opt->planner, node, inputs))) return NULL;
    switch ((ps_node_kind)node->kind) {
    case PS_NODE_PROJECT: return prune_project(p, node, note);
    case PS_NODE_AGGREGATE: return prune_aggregate(p, node, keep);
    case PS_NODE_WINDOW: return prune_window(p, node, keep);
    case PS_NODE_SCAN: return prune_scan(p, node, keep);
    default: return node;
    }
}

static const ps_node *prune(ps_opt *opt, const ps_node *plan)
{
    pruning p = {.opt = opt};

    if (ps_ids_init(opt, &p.needed) != PS_OK || ps_node_visit(opt->cx, plan, collect, &p) != PS_OK)
        return NULL;
    need_cols(&p, plan);
    for (size_t i = p.nodes.n; i-- > 0;) {
        const noted *at = &p.nodes.at[i];
        const bool own = at->node->kind == PS_NODE_SCAN; /* its filters read what it gives */

        if (at->node->kind != PS_NODE_AGGREGATE) {
            for (uint32_t k = 0; k < at->node->n_inputs; k++)
                noted_of(&p, at->node->inputs[k])->carried = true;
        }

        if (own && need(&p, at) != PS_OK) return NULL;
        for (uint32_t c = 0; c < at->node->n_cols; c++)
            at->keep[c] = ps_ids_has(&p.needed, at->node->cols[c].id);
        if (!own && need(&p, at) != PS_OK) return NULL;
    }
    const ps_node *out = prune_node(&p, plan);
    return ps_opt_keep(opt, out, plan->cols, plan->n_cols);
}

const ps_rule ps_rule_prune = {
    .name = "prune", .doc = "columns that nobody reads are not made", .plan = prune};
