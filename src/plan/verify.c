/* plan/verify.c -- what must hold of every plan; run after each rule in dev builds.
 *
 * A column that an expression uses is an output of the node's inputs with the same type, or, in
 * a subquery's plan, of the inputs of a node that holds the subquery; where a lateral join is
 * about, one that is defined somewhere in the whole plan. Output ids of a node are distinct, and no
 * node of a subquery's plan has one that the subquery could mean as an outer column. Types of keys,
 * inputs and predicates agree. A breach is a bug: PS_INTERNAL.
 * Tests: tests/unit/test_lower.c, test_plan_json.c */
#include "base/array.h"
#include "plan/node_internal.h"

#include <stdlib.h>

/* The nodes whose expressions hold the subquery that is being looked at, innermost first. */
typedef struct holder {
    const ps_node *node;
    const struct holder *up;
} holder;

typedef struct verifier {
    ps_arena arena;
    ps_ptr_map seen;                  /* subquery plans entered */
    PS_ARRAY(const ps_col *) defined; /* by id; NULL: nowhere */
    bool lateral;
    const holder *holders;
    const ps_node *node; /* whose expressions are being looked at */
} verifier;

static ps_status breach(ps_ctx *cx, const ps_node *node, const char *what,
                        unsigned long long number)
{
    return ps_fail(cx, PS_INTERNAL, "plan verification: %s in a %s node: %llu", what,
                   ps_node_kind_names[node->kind], number);
}

/* ---- pass 1: which ids are defined, is there a lateral join ---- */

static ps_status collect_plan(ps_ctx *cx, const ps_node *root, verifier *v);

typedef struct collect_call {
    ps_ctx *cx;
    verifier *v;
    ps_status status;
} collect_call;

static bool collect_subquery(const ps_expr *e, void *user)
{
    collect_call *call = user;

    if (e->kind == PS_EXPR_SUBQUERY) call->status = collect_plan(call->cx, e->plan, call->v);
    return call->status == PS_OK;
}

static ps_status collect_expr(ps_ctx *cx, const ps_expr *expr, void *user)
{
    collect_call call = {cx, user, PS_OK};

    if (expr->flags & PS_EXPR_HAS_SUBQUERY) ps_expr_visit(expr, collect_subquery, &call);
    return call.status;
}

static ps_status collect_node(ps_ctx *cx, const ps_node *node, void *user)
{
    verifier *v = user;

    for (uint32_t i = 0; i < node->n_cols; i++) {
        while (v->defined.n <= node->cols[i].id) {
            if (v->defined.n > 50000000)
                return breach(cx, node, "a column id out of all bounds", node->cols[i].id);
            PS_TRY(PS_ARRAY_ADD_IN(cx, &v->arena, &v->defined, NULL));
        }
        v->defined.at[node->cols[i].id] = &node->cols[i];
    }
    if (node->kind == PS_NODE_JOIN && ps_node_as_join(node)->lateral) v->lateral = true;
    return ps_node_visit_exprs(cx, node, collect_expr, v);
}

static ps_status collect_plan(ps_ctx *cx, const ps_node *root, verifier *v)
{
    if (ps_ptr_map_get(&v->seen, root)) return PS_OK;
    PS_TRY(ps_ptr_map_put(cx, &v->arena, &v->seen, root, root));
    return ps_node_visit(cx, root, collect_node, v);
}

/* ---- pass 2: nodes ---- */

static ps_status verify_plan(ps_ctx *cx, const ps_node *root, verifier *v);

static const ps_col *column_below(const ps_node *node, ps_col_id id)
{
    const ps_col *col = NULL;

    if (node->kind == PS_NODE_SCAN) return ps_node_find_col(node, id);
    for (uint32_t i = 0; i < node->n_inputs && !col; i++)
        col = ps_node_find_col(node->inputs[i], id);
    return col;
}

static const ps_col *column_in_reach(const verifier *v, ps_col_id id)
{
    const ps_col *col = column_below(v->node, id);

    for (const holder *h = v->holders; h && !col; h = h->up) col = column_below(h->node, id);
    if (!col && v->lateral && id < v->defined.n) col = v->defined.at[id];
    return col;
}

static bool verify_leaf(const ps_expr *e, void *user)
{
    collect_call *call = user;
    verifier *v = call->v;

    if (e->kind == PS_EXPR_COLUMN) {
        const ps_col *col = column_in_reach(v, e->column);
        if (!col)
            call->status =
                breach(call->cx, v->node, "a column that its inputs don't have", e->column);
        else if (!ps_type_equal(col->type, e->type))
            call->status = breach(call->cx, v->node, "a column of another type", e->column);
    } else if (e->kind == PS_EXPR_SUBQUERY) {
        const holder own = {v->node, v->holders};
        v->holders = &own;
        call->status = verify_plan(call->cx, e->plan, v);
        v->holders = own.up;
        v->node = own.node;
    }
    return call->status == PS_OK;
}

static ps_status verify_expr(ps_ctx *cx, const ps_expr *expr, void *user)
{
    collect_call call = {cx, user, PS_OK};

    ps_expr_visit(expr, verify_leaf, &call);
    return call.status;
}

static ps_status verify_join(ps_ctx *cx, const ps_node_join *join)
{
    const ps_node *node = &join->base;

    for (uint32_t i = 0; i < join->keys.n; i++)
        if (!ps_type_equal(join->keys.at[i].left->type, join->keys.at[i].right->type))
            return breach(cx, node, "key sides of two types", i);
    if (join->residual && join->residual->type.id != PS_TYPE_BOOL)
        return breach(cx, node, "a residual that is no condition", 0);
    if (join->join == PS_JOIN_MARK && join->mark.n != 1)
        return breach(cx, node, "no mark column", 0);
    if (join->join == PS_JOIN_CROSS && (join->keys.n || join->residual))
        return breach(cx, node, "a condition on a cross join", join->keys.n);
    return PS_OK;
}

static ps_status verify_positional(ps_ctx *cx, const ps_node *node, const ps_f_cols *cols)
{
    for (uint32_t k = 0; k < node->n_inputs; k++) {
        const ps_node *input = node->inputs[k];
        if (input->n_cols != cols->n) return breach(cx, node, "inputs of different width", k);
        for (uint32_t i = 0; i < cols->n; i++)
            if (!ps_type_equal(input->cols[i].type, cols->at[i].type))
                return breach(cx, node, "inputs of different types", i);
    }
    return PS_OK;
}

static ps_status verify_shape(ps_ctx *cx, const ps_node *node)
{
    switch ((ps_node_kind)node->kind) {
    case PS_NODE_FILTER:
        if (ps_node_as_filter(node)->predicate->type.id == PS_TYPE_BOOL) return PS_OK;
        return breach(cx, node, "a predicate that is no condition", 0);
    case PS_NODE_VALUES: {
        const ps_node_values *values = ps_node_as_values(node);
        if (values->columns.n ? values->cells.n % values->columns.n : values->cells.n)
            return breach(cx, node, "rows of different width", values->cells.n);
        for (uint32_t i = 0; i < values->cells.n; i++)
            if (!ps_type_equal(values->cells.at[i]->type,
                               values->columns.at[i % values->columns.n].type))
                return breach(cx, node, "a cell of another type", i);
        return PS_OK;
    }
    case PS_NODE_AGGREGATE:
        for (uint32_t i = 0; i < ps_node_as_aggregate(node)->aggs.n; i++)
            if (ps_node_as_aggregate(node)->aggs.at[i].expr->kind != PS_EXPR_AGGREGATE)
                return breach(cx, node, "an output that is no aggregate", i);
        return PS_OK;
    case PS_NODE_WINDOW:
        if (ps_node_as_window(node)->calls.n == 0) return breach(cx, node, "no call", 0);
        for (uint32_t i = 0; i < ps_node_as_window(node)->calls.n; i++)
            if (ps_node_as_window(node)->calls.at[i].expr->kind != PS_EXPR_WINDOW)
                return breach(cx, node, "an output that is no window call", i);
        return PS_OK;
    case PS_NODE_JOIN: return verify_join(cx, ps_node_as_join(node));
    case PS_NODE_SETOP: return verify_positional(cx, node, &ps_node_as_setop(node)->columns);
    case PS_NODE_SUBPLAN: return verify_positional(cx, node, &ps_node_as_subplan(node)->columns);
    case PS_NODE_LIMIT:
        if (ps_node_as_limit(node)->offset >= 0 && ps_node_as_limit(node)->count >= 0) return PS_OK;
        return breach(cx, node, "a negative limit or offset", 0);
    default: return PS_OK;
    }
}

static int compare_ids(const void *a, const void *b)
{
    ps_col_id x = *(const ps_col_id *)a, y = *(const ps_col_id *)b;

    return x < y ? -1 : x > y;
}

static ps_status verify_distinct_ids(ps_ctx *cx, const ps_node *node, verifier *v)
{
    ps_col_id *ids = PS_ARENA_ARRAY(cx, &v->arena, ps_col_id, node->n_cols + 1);

    if (!ids) return cx->error.code;
    for (uint32_t i = 0; i < node->n_cols; i++) ids[i] = node->cols[i].id;
    qsort(ids, node->n_cols, sizeof(*ids), compare_ids);
    for (uint32_t i = 1; i < node->n_cols; i++)
        if (ids[i] == ids[i - 1]) return breach(cx, node, "one column id twice", ids[i]);
    return PS_OK;
}

/* Unnesting makes a join of a holder's input and the subquery's plan: one id can't mean both. */
static ps_status verify_inner_ids(ps_ctx *cx, const ps_node *node, const verifier *v)
{
    for (const holder *h = v->holders; h; h = h->up)
        for (uint32_t i = 0; i < node->n_cols; i++)
            if (column_below(h->node, node->cols[i].id))
                return breach(cx, node, "an outer query's column id", node->cols[i].id);
    return PS_OK;
}

static ps_status verify_node(ps_ctx *cx, const ps_node *node, void *user)
{
    verifier *v = user;

    v->node = node;
    PS_TRY(verify_distinct_ids(cx, node, v));
    PS_TRY(verify_inner_ids(cx, node, v));
    PS_TRY(verify_shape(cx, node));
    return ps_node_visit_exprs(cx, node, verify_expr, v);
}

static ps_status verify_plan(ps_ctx *cx, const ps_node *root, verifier *v)
{
    if (ps_ptr_map_get(&v->seen, root)) return PS_OK;
    PS_TRY(ps_ptr_map_put(cx, &v->arena, &v->seen, root, root));
    return ps_node_visit(cx, root, verify_node, v);
}

ps_status ps_plan_verify(ps_ctx *cx, const ps_node *root)
{
    verifier v = {.holders = NULL};
    ps_status st = collect_plan(cx, root, &v);

    v.seen = (ps_ptr_map){0};
    if (st == PS_OK) st = verify_plan(cx, root, &v);
    ps_arena_release(&v.arena);
    return st;
}
