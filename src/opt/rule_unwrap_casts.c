/* opt/rule_unwrap_casts.c -- CAST(x AS wider) < literal  =>  x < literal in x's own type
 *
 * Why: scans prune and filter by plain columns, and the cast costs a pass over the data; DATE
 * columns are compared with timestamps wherever a date plus an interval bounds them.
 * Safe: for casts that multiply a whole number by a constant (date to timestamp, integer to
 * decimal, coarse to fine unit), which keep order and are one to one. A literal between two values
 * of x is rounded to the side that keeps the comparison. Nulls stay nulls. A value that the wider
 * type could not hold was an error and now compares as the number that it is; nothing that was a
 * row changes. Order: after constants are folded, before filters move. Tests:
 * tests/slt/opt/unwrap_casts.test */
#include "expr/build.h"
#include "func/func.h"
#include "opt/util.h"

static const int64_t SECONDS_PER_DAY = 86400;

static bool is_integer(ps_type t) { return t.id >= PS_TYPE_INT8 && t.id <= PS_TYPE_UINT64; }

/* The power of ten of a decimal or integer, -1: neither. */
static int scale_of(ps_type t)
{
    if (t.id == PS_TYPE_DECIMAL) return t.scale;
    return is_integer(t) ? 0 : -1;
}

/* The constant that the cast multiplies by; 0: it is not of that kind. */
static ps_i128 factor_of(ps_type from, ps_type to)
{
    ps_i128 factor = 1;

    if (to.id == PS_TYPE_TIMESTAMP && from.id == PS_TYPE_DATE)
        return (ps_i128)SECONDS_PER_DAY * ps_unit_per_second((ps_unit)to.unit);
    if (to.id == PS_TYPE_TIMESTAMP && from.id == PS_TYPE_TIMESTAMP) {
        const int64_t coarse = ps_unit_per_second((ps_unit)from.unit),
                      fine = ps_unit_per_second((ps_unit)to.unit);
        return fine >= coarse ? fine / coarse : 0;
    }
    const int a = scale_of(from), b = scale_of(to);
    if (a < 0 || b < a) return 0;
    for (int i = a; i < b; i++) factor *= 10;
    return factor;
}

/* The greatest whole q with q * factor <= value. */
static ps_i128 floor_div(ps_i128 value, ps_i128 factor)
{
    const ps_i128 q = value / factor;
    return q * factor > value ? q - 1 : q;
}

static const ps_expr *unwrap(ps_opt *opt, const char *name, const ps_expr *cast,
                             const ps_value *literal, const ps_expr *e)
{
    const ps_expr *x = cast->args[0];
    const ps_i128 factor = factor_of(x->type, cast->type);
    ps_value value = ps_value_int(x->type, 0);
    ps_i128 lo, hi;

    if (factor == 0 || literal->null) return e;
    /* a user's own narrowing keeps its errors, and TRY_CAST its nulls */
    const bool temporal = x->type.id == PS_TYPE_DATE || x->type.id == PS_TYPE_TIMESTAMP;
    if (cast->flags & PS_EXPR_FALLIBLE && !temporal) return e;
    if (cast->cast == PS_CAST_TRY && !ps_cast_never_fails(x->type, cast->type)) return e;
    value.i = floor_div(literal->i, factor);
    if (value.i * factor != literal->i) {
        /* between q and q + 1: x < literal is x <= q, and x >= literal is x > q */
        if (strcmp(name, "<") == 0) name = "<=";
        else if (strcmp(name, ">=") == 0) name = ">";
        else if (strcmp(name, "=") == 0 || strcmp(name, "<>") == 0) return e;
    }
    if (!ps_type_range(x->type, &lo, &hi) || value.i < lo || value.i > hi) return e;
    const ps_expr *own = ps_expr_literal(opt->cx, opt->arena, &value);
    return own ? ps_opt_call(opt, name, x, own) : NULL;
}

static bool is_plain_cast(const ps_expr *e)
{
    return e->kind == PS_EXPR_CAST && e->args[0]->flags & PS_EXPR_HAS_COLUMN;
}

static const ps_expr *unwrap_one(ps_ctx *cx, const ps_expr *e, void *user)
{
    ps_opt *opt = user;

    (void)cx;
    if (e->kind != PS_EXPR_CALL || e->n_args != 2) return e;
    const char *name = ps_func_head_of(e->func).name, *mirrored = ps_comparison_mirrored(name);
    const ps_expr *a = e->args[0], *b = e->args[1];
    if (mirrored && is_plain_cast(a) && ps_expr_is_literal(b))
        return unwrap(opt, name, a, &b->literal, e);
    if (mirrored && is_plain_cast(b) && ps_expr_is_literal(a))
        return unwrap(opt, mirrored, b, &a->literal, e);
    return e;
}

static const ps_expr *unwrap_expr(ps_ctx *cx, const ps_expr *e, void *user)
{
    return ps_expr_rewrite(cx, ((ps_opt *)user)->arena, e, unwrap_one, user);
}

static const ps_node *unwrap_casts(ps_opt *opt, const ps_node *node)
{
    return ps_node_map_exprs(opt->planner, node, unwrap_expr, opt);
}

const ps_rule ps_rule_unwrap_casts = {
    .name = "unwrap_casts",
    .doc = "cast(x as wider) < literal => x < literal of x's type",
    .root = PS_NODE_COUNT,
    .node = unwrap_casts,
};
