/* front/sql/lower_subquery.c -- subqueries inside expressions; the optimizer unnests them.
 *
 * x IN (q) is x = ANY (q); NOT IN its negation, so nulls follow the standard by themselves.
 * Tests: tests/unit/test_lower.c, tests/slt/sql/subquery.test */
#include "front/sql/lower_int.h"

static const ps_node *plan_of(ps_lower_in *in, const ps_sql_node *query)
{
    const ps_lower_place place = {in->lo->places, in};

    in->lo->places = &place;
    const ps_node *plan = ps_lower_query(in->lo, query, in->scope);
    in->lo->places = place.outer;
    return plan;
}

/* The compared sides get common types: args by casts, the plan's columns by a projection above it.
 */
static const ps_expr *compared(ps_lower_in *in, const ps_sql_node *node, ps_subquery_kind kind,
                               const char *function, const ps_expr **args, uint32_t n,
                               const ps_sql_node *query)
{
    ps_lower *lo = in->lo;
    const ps_node *plan = plan_of(in, query);
    const ps_func *func = NULL;

    if (!plan) return NULL;
    if (plan->n_cols != n)
        return ps_lower_fail(lo, node, PS_BIND,
                             "the subquery gives %u columns where %u are compared", plan->n_cols,
                             n);
    ps_type *types = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_type, n + 1);
    for (uint32_t i = 0; types && i < n; i++) {
        ps_func_match match;
        const ps_expr *sides[] = {args[i], ps_lower_column_of(lo, &plan->cols[i])};
        if (!sides[1] || ps_func_resolve(lo->cx, lo->arena, PS_FUNC_SCALAR, ps_str_of(function),
                                         sides, 2, &match) != PS_OK)
            return NULL;
        types[i] = match.arg_types[1];
        func = match.func;
        if (!(args[i] = ps_lower_cast(lo, args[i], match.arg_types[0], PS_CAST_ERROR))) return NULL;
    }
    if (!types || !(plan = ps_lower_cast_cols(lo, plan, types, NULL))) return NULL;
    return ps_expr_subquery(lo->cx, lo->arena, kind, PS_TYPE(BOOL), func, args, n, plan);
}

/* The operand: a row's items or one expression. */
static const ps_expr **operands(ps_lower_in *in, const ps_sql_node *node, uint32_t *n)
{
    const ps_sql_row *row = ps_sql_as(row, ROW, node);
    ps_sql_node *one[] = {(ps_sql_node *)(uintptr_t)node};
    const ps_sql_list list = row ? row->items : (ps_sql_list){one, 1, 1};

    *n = list.n;
    return ps_lower_exprs(in, &list);
}

const ps_expr *ps_lower_in_query(ps_lower_in *in, const ps_sql_in *node)
{
    uint32_t n;
    const ps_expr **args = operands(in, node->arg, &n);
    const ps_expr *e =
        args ? compared(in, &node->head, PS_SUBQUERY_ANY, "=", args, n, node->query) : NULL;

    return node->negated ? ps_lower_call1(in->lo, "not", e) : e;
}

static const ps_expr *lower_quantified(ps_lower_in *in, const ps_sql_quantified *node)
{
    ps_lower *lo = in->lo;
    const char *function = ps_lower_function_of(node->op);
    bool comparison = node->op >= PS_SQL_OP_EQ && node->op <= PS_SQL_OP_GE;
    uint32_t n;

    if (!node->query) return ps_lower_unsupported(lo, &node->head, "ANY or ALL over a list value");
    if (!comparison || !function)
        return ps_lower_unsupported(lo, &node->head, "this operator with ANY or ALL");
    const ps_expr **args = operands(in, node->arg, &n);
    if (!args) return NULL;
    if (n > 1) {
        if (node->op == PS_SQL_OP_EQ && !node->all)
            return compared(in, &node->head, PS_SUBQUERY_ANY, "=", args, n, node->query);
        if (node->op == PS_SQL_OP_NE && node->all)
            return ps_lower_call1(
                lo, "not", compared(in, &node->head, PS_SUBQUERY_ANY, "=", args, n, node->query));
        return ps_lower_unsupported(lo, &node->head, "this comparison of rows with ANY or ALL");
    }
    return compared(in, &node->head, node->all ? PS_SUBQUERY_ALL : PS_SUBQUERY_ANY, function, args,
                    n, node->query);
}

static const ps_expr *lower_scalar(ps_lower_in *in, const ps_sql_subquery *node)
{
    ps_lower *lo = in->lo;

    if (node->array) return ps_lower_unsupported(lo, &node->head, "ARRAY(SELECT ..)");
    const ps_node *plan = plan_of(in, node->query);
    if (!plan) return NULL;
    if (plan->n_cols != 1)
        return ps_lower_fail(lo, &node->head, PS_BIND,
                             "a subquery used as a value gives one column, this one %u",
                             plan->n_cols);
    return ps_expr_subquery(lo->cx, lo->arena, PS_SUBQUERY_SCALAR, plan->cols[0].type, NULL, NULL,
                            0, plan);
}

const ps_expr *ps_lower_subquery(ps_lower_in *in, const ps_sql_node *node)
{
    ps_lower *lo = in->lo;

    if (node->kind == PS_SQL_QUANTIFIED)
        return lower_quantified(in, (const ps_sql_quantified *)(const void *)node);
    if (node->kind == PS_SQL_SUBQUERY)
        return lower_scalar(in, (const ps_sql_subquery *)(const void *)node);
    const ps_node *plan = plan_of(in, ((const ps_sql_exists *)(const void *)node)->query);
    if (!plan) return NULL;
    return ps_expr_subquery(lo->cx, lo->arena, PS_SUBQUERY_EXISTS, PS_TYPE(BOOL), NULL, NULL, 0,
                            plan);
}
