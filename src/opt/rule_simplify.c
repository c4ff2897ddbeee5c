/* opt/rule_simplify.c -- expressions that say the same with less
 *
 *   f(literals)                =>  literal
 *   x and true                 =>  x           (or, false likewise)
 *   x and false                =>  false
 *   not not x                  =>  x
 *   not (a < b)                =>  a >= b      (and the other comparisons)
 *   (a and x) or (a and y)     =>  a and (x or y)
 *   filter(x, true)            =>  x
 *   filter(x, false or null)   =>  no rows
 *
 * Why: constants are computed once, and what can't fail any more may move; common conditions of OR
 * become keys and filters.
 * Safe: three-valued logic holds each line, errors included (false and error = false). A constant
 * whose value is an error stays as it is: it fails only if a row asks for it.
 * Order: before whatever looks at fallible expressions. Tests: tests/slt/opt/simplify.test */
#include "eval/program.h"
#include "func/func.h"
#include "opt/util.h"

static bool is_true(const ps_expr *e)
{
    return ps_expr_is_literal(e) && e->type.id == PS_TYPE_BOOL && !e->literal.null && e->literal.i;
}
static bool is_false(const ps_expr *e)
{
    return ps_expr_is_literal(e) && e->type.id == PS_TYPE_BOOL && !e->literal.null && !e->literal.i;
}

static const ps_expr *fold(ps_opt *opt, const ps_expr *e)
{
    const uint8_t kept = PS_EXPR_VOLATILE | PS_EXPR_HAS_COLUMN | PS_EXPR_HAS_PARAM |
                         PS_EXPR_HAS_AGGREGATE | PS_EXPR_HAS_WINDOW | PS_EXPR_HAS_SUBQUERY;
    ps_value value;

    if (e->flags & kept) return e;
    const ps_error before = opt->cx->error;
    const ps_status st = ps_eval_constant(opt->cx, opt->arena, e, &value);
    if (st == PS_VALUE) {
        opt->cx->error = before;
        return e;
    }
    if (st != PS_OK) return NULL;
    return ps_type_equal(value.type, e->type) ? ps_expr_literal(opt->cx, opt->arena, &value) : e;
}

/* AND, OR without the argument that changes nothing. */
static const ps_expr *junction(ps_opt *opt, const ps_expr *e)
{
    const bool and = e->kind == PS_EXPR_AND;
    const ps_expr **args = PS_ARENA_ARRAY(opt->cx, opt->arena, const ps_expr *, e->n_args + 1);
    uint32_t n = 0;

    if (!args) return NULL;
    for (uint32_t i = 0; i < e->n_args; i++) {
        if (and? is_false(e->args[i]) : is_true(e->args[i])) return e->args[i];
        if (!(and? is_true(e->args[i]) : is_false(e->args[i]))) args[n++] = e->args[i];
    }
    if (n == e->n_args) return e;
    return and ? ps_expr_and(opt->cx, opt->arena, args, n)
               : ps_expr_or(opt->cx, opt->arena, args, n);
}

static bool holds(const ps_conjuncts *list, const ps_expr *e)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->at[i]->hash == e->hash && ps_expr_equal(list->at[i], e)) return true;
    }
    return false;
}

/* What every branch of an OR asks for, once. */
static const ps_expr *factor(ps_opt *opt, const ps_expr *e)
{
    ps_conjuncts *branches = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_conjuncts, e->n_args + 1);
    const ps_expr **rests = PS_ARENA_ARRAY(opt->cx, opt->arena, const ps_expr *, e->n_args + 1);
    ps_conjuncts common = {0};
    uint32_t n = 0;

    if (!branches || !rests) return NULL;
    for (uint32_t i = 0; i < e->n_args; i++) {
        if (ps_conjuncts_add(opt, &branches[i], e->args[i]) != PS_OK) return NULL;
    }
    for (size_t k = 0; k < branches[0].n; k++) {
        const ps_expr *c = branches[0].at[k];
        bool in_all = !ps_expr_is_volatile(c);

        for (uint32_t i = 1; in_all && i < e->n_args; i++) in_all = holds(&branches[i], c);
        if (in_all && ps_conjuncts_add(opt, &common, c) != PS_OK) return NULL;
    }
    if (common.n == 0) return e;
    for (uint32_t i = 0; i < e->n_args; i++) {
        ps_conjuncts rest = {0};

        for (size_t k = 0; k < branches[i].n; k++) {
            if (!holds(&common, branches[i].at[k]) &&
                ps_conjuncts_add(opt, &rest, branches[i].at[k]) != PS_OK)
                return NULL;
        }
        if (rest.n == 0) return ps_conjuncts_and(opt, &common);
        if (!(rests[n++] = ps_conjuncts_and(opt, &rest))) return NULL;
    }
    const ps_expr *any = ps_expr_or(opt->cx, opt->arena, rests, n);
    if (!any || ps_conjuncts_add(opt, &common, any) != PS_OK) return NULL;
    return ps_conjuncts_and(opt, &common);
}

static const ps_expr *negation(ps_opt *opt, const ps_expr *e)
{
    static const char *const pairs[][2] = {
        {"=", "<>"}, {"<", ">="}, {">", "<="}, {"is_null", "is_not_null"}};
    const ps_expr *x = e->args[0];

    if (ps_expr_is_call(x, "not")) return x->args[0];
    for (size_t i = 0; i < PS_COUNT(pairs); i++) {
        for (int side = 0; side < 2; side++) {
            if (ps_expr_is_call(x, pairs[i][side]))
                return x->n_args > 1 ? ps_opt_call(opt, pairs[i][1 - side], x->args[0], x->args[1])
                                     : ps_opt_call1(opt, pairs[i][1 - side], x->args[0]);
        }
    }
    return e;
}

static const ps_expr *simplify_one(ps_ctx *cx, const ps_expr *e, void *user)
{
    ps_opt *opt = user;

    (void)cx;
    if (ps_expr_is_literal(e) || e->kind == PS_EXPR_COLUMN) return e;
    if (!(e->flags & PS_EXPR_HAS_COLUMN)) {
        e = fold(opt, e);
        if (!e || ps_expr_is_literal(e)) return e;
    }
    if (e->kind == PS_EXPR_AND || e->kind == PS_EXPR_OR) e = junction(opt, e);
    if (e && e->kind == PS_EXPR_OR) e = factor(opt, e);
    return e && ps_expr_is_call(e, "not") ? negation(opt, e) : e;
}

static const ps_expr *simplify_expr(ps_ctx *cx, const ps_expr *e, void *user)
{
    return ps_expr_rewrite(cx, ((ps_opt *)user)->arena, e, simplify_one, user);
}

static const ps_node *simplify(ps_opt *opt, const ps_node *node)
{
    node = ps_node_map_exprs(opt->planner, node, simplify_expr, opt);
    if (!node || node->kind != PS_NODE_FILTER) return node;
    const ps_expr *predicate = ps_node_as_filter(node)->predicate;
    if (!ps_expr_is_literal(predicate)) return node;
    if (is_true(predicate)) return node->inputs[0];
    return node->n_cols ? ps_node_values_new(opt->planner, node->cols, node->n_cols, NULL, 0)
                        : node;
}

const ps_rule ps_rule_simplify = {
    .name = "simplify",
    .doc = "constants folded, logic made shorter",
    .root = PS_NODE_COUNT,
    .node = simplify,
};
/* The same once more with what pushdown brought together. */
const ps_rule ps_rule_simplify_pushed = {
    .name = "simplify_pushed",
    .doc = "simplify after conditions have moved",
    .root = PS_NODE_COUNT,
    .node = simplify,
};
