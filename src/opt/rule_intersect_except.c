/* opt/rule_intersect_except.c -- INTERSECT and EXCEPT  =>  semi and anti joins
 *
 *   intersect(a, b)  =>  distinct(a semi join b on all columns, nulls equal)
 *   except(a, b)     =>  distinct(a anti join b on all columns, nulls equal)
 *   with ALL: the same over rows numbered within their equals
 *
 * Why: the engine has no operators for them; joins bring all that joins have.
 * Safe: nulls equal nulls in both. With ALL a row that occurs m times on the left and n times on
 * the right comes out min(m, n) or max(m - n, 0) times: exactly the rows whose number in the left
 * has (has not) a partner of that number in the right.
 * Order: required, before pushdown; nothing after it knows INTERSECT and EXCEPT.
 * Tests: tests/slt/sql/setop.test */
#include "func/func.h"
#include "opt/opt.h"

/* The input with a column that numbers equal rows from 1; its id in *number. */
static const ps_node *number_rows(ps_opt *opt, const ps_node *input, ps_col *number)
{
    ps_ctx *cx = opt->cx;
    const ps_func *row_number = ps_func_find(PS_FUNC_WINDOW, "row_number");
    const ps_expr **partition = PS_ARENA_ARRAY(cx, opt->arena, const ps_expr *, input->n_cols + 1);
    ps_window_spec spec = {.n_partition = input->n_cols,
                           .frame = {.unit = PS_FRAME_ROWS,
                                     .start = PS_BOUND_UNBOUNDED_PRECEDING,
                                     .end = PS_BOUND_CURRENT}};
    const ps_agg_part part = {0};

    if (!partition) return NULL;
    for (uint32_t i = 0; i < input->n_cols; i++) {
        partition[i] = ps_expr_column(cx, opt->arena, input->cols[i].id, input->cols[i].type);
        if (!partition[i]) return NULL;
    }
    spec.partition = partition;
    *number = (ps_col){.id = ps_planner_id(opt->planner), .type = PS_TYPE(INT64)};
    const ps_expr *call =
        ps_expr_window(cx, opt->arena, row_number, number->type, NULL, 0, &part, &spec);
    const ps_item item = {.col = *number, .expr = call};
    return call ? ps_node_window_new(opt->planner, input, &item, 1) : NULL;
}

static bool add_key(ps_opt *opt, ps_join_key *key, const ps_col *left, const ps_col *right)
{
    key->left = ps_expr_column(opt->cx, opt->arena, left->id, left->type);
    key->right = ps_expr_column(opt->cx, opt->arena, right->id, right->type);
    key->null_equal = true;
    return key->left && key->right;
}

/* left semi or anti join right on all columns of the original inputs, and on the numbers when there
 * are any. */
static const ps_node *join_all(ps_opt *opt, const ps_node *left, const ps_node *right,
                               const ps_col *left_number, const ps_col *right_number, uint32_t n,
                               ps_join_kind kind)
{
    ps_join_key *keys = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_join_key, n + 1);
    const bool numbered = left_number != NULL;

    if (!keys) return NULL;
    for (uint32_t i = 0; i < n; i++) {
        if (!add_key(opt, &keys[i], &left->cols[i], &right->cols[i])) return NULL;
    }
    if (numbered && !add_key(opt, &keys[n], left_number, right_number)) return NULL;
    const ps_join_spec spec = {.kind = kind, .keys = keys, .n_keys = n + numbered};
    return ps_node_join_new(opt->planner, left, right, &spec);
}

/* The join's first columns under the set operation's ids. */
static const ps_node *rename_columns(ps_opt *opt, const ps_node *input, const ps_node_setop *setop)
{
    ps_item *items = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_item, setop->columns.n + 1);

    if (!items) return NULL;
    for (uint32_t i = 0; i < setop->columns.n; i++) {
        items[i] = (ps_item){
            .col = setop->columns.at[i],
            .expr = ps_expr_column(opt->cx, opt->arena, input->cols[i].id, input->cols[i].type)};
        if (!items[i].expr) return NULL;
    }
    return ps_node_project_new(opt->planner, input, items, setop->columns.n);
}

static const ps_node *two_inputs(ps_opt *opt, const ps_node_setop *setop, const ps_node *left,
                                 const ps_node *right)
{
    const bool except = setop->op == PS_SETOP_EXCEPT || setop->op == PS_SETOP_EXCEPT_ALL;
    const bool all = setop->op == PS_SETOP_EXCEPT_ALL || setop->op == PS_SETOP_INTERSECT_ALL;
    const uint32_t n = left->n_cols;
    ps_col left_number, right_number;

    if (all) {
        left = number_rows(opt, left, &left_number);
        right = number_rows(opt, right, &right_number);
        if (!left || !right) return NULL;
    }
    const ps_node *join =
        join_all(opt, left, right, all ? &left_number : NULL, all ? &right_number : NULL, n,
                 except ? PS_JOIN_ANTI : PS_JOIN_SEMI);
    return join && !all ? ps_node_distinct_new(opt->planner, join, NULL, 0) : join;
}

static const ps_node *intersect_except(ps_opt *opt, const ps_node *node)
{
    const ps_node_setop *setop = ps_node_as_setop(node);
    const ps_node *left = node->inputs[0];

    if (setop->op == PS_SETOP_UNION_ALL) return node;
    for (uint32_t i = 1; i < node->n_inputs; i++) {
        left = two_inputs(opt, setop, left, node->inputs[i]);
        if (!left) return NULL;
    }
    return rename_columns(opt, left, setop);
}

const ps_rule ps_rule_intersect_except = {
    .name = "intersect_except",
    .doc = "intersect, except => semi, anti join on all columns",
    .root = PS_NODE_SETOP,
    .node = intersect_except,
};
