/* func/resolve_types.c -- argument and result types that a signature can't say: decimals,
 * comparisons.
 *
 * Exactness first: a sum or product of decimals has all the digits it can need, to 38; beyond that
 * the kernel reports the overflow. Kernels of + - % and comparisons get both sides at one scale.
 * Tests: tests/unit/test_func_resolve.c */
#include "func/coerce.h"

/* The decimal type of each of two arguments; NULL and text literals count as the other one. */
static ps_status decimal_pair(ps_ctx *cx, const ps_func *func, const ps_expr *const *args,
                              ps_type *types)
{
    bool known[2];

    for (int i = 0; i < 2; i++) known[i] = ps_decimal_of_expr(args[i], &types[i]);
    for (int i = 0; i < 2; i++)
        if (!known[i]) types[i] = types[1 - i];
    return known[0] || known[1] ? PS_OK
                                : ps_fail(cx, PS_BIND, "%s needs a decimal argument", func->name);
}

/* Both arguments at the larger scale; carry: digits the result may gain in front. */
static void at_one_scale(ps_type *types, int carry, ps_type *result)
{
    const int scale = PS_MAX(types[0].scale, types[1].scale);
    const int whole =
        PS_MAX(types[0].precision - types[0].scale, types[1].precision - types[1].scale);

    for (int i = 0; i < 2; i++)
        types[i] = ps_type_decimal(
            PS_MAX(1, PS_MIN(38, types[i].precision - types[i].scale + scale)), scale);
    *result = ps_type_decimal(PS_MAX(1, PS_MIN(38, whole + scale + carry)), scale);
}

PS_RESOLVER(decimal_add)
{
    (void)n;
    PS_TRY(decimal_pair(cx, func, args, arg_types));
    at_one_scale(arg_types, 1, result);
    return PS_OK;
}

PS_RESOLVER(decimal_modulo)
{
    (void)n;
    PS_TRY(decimal_pair(cx, func, args, arg_types));
    at_one_scale(arg_types, 0, result);
    return PS_OK;
}

PS_RESOLVER(decimal_multiply)
{
    (void)n;
    PS_TRY(decimal_pair(cx, func, args, arg_types));
    const int scale = arg_types[0].scale + arg_types[1].scale;
    if (scale > 38)
        return ps_fail(
            cx, PS_BIND,
            "the product of decimals of scale %d and %d needs more than 38 digits; cast one to "
            "fewer",
            arg_types[0].scale, arg_types[1].scale);
    *result = ps_type_decimal(PS_MIN(38, arg_types[0].precision + arg_types[1].precision), scale);
    return PS_OK;
}

PS_RESOLVER(decimal_sum)
{
    (void)cx, (void)func, (void)n;
    if (!ps_decimal_of(args[0]->type, &arg_types[0]))
        return ps_fail(cx, PS_BIND, "%s needs a decimal argument", func->name);
    *result = ps_type_decimal(38, arg_types[0].scale);
    return PS_OK;
}

PS_RESOLVER(decimal_round)
{
    int scale = 0;

    if (!ps_decimal_of_expr(args[0], &arg_types[0]))
        return ps_fail(cx, PS_BIND, "%s needs a decimal argument", func->name);
    if (n == 2) { /* a column of digits keeps the scale */
        scale = arg_types[0].scale;
        if (ps_expr_is_literal(args[1]) && !args[1]->literal.null &&
            ps_type_class_of(args[1]->type) == PS_CLASS_INTEGER)
            scale = args[1]->literal.i < 0       ? 0
                    : args[1]->literal.i < scale ? (int)args[1]->literal.i
                                                 : scale;
    }
    *result = ps_type_decimal(arg_types[0].precision, scale);
    return PS_OK;
}

static bool is_equality(const ps_func *func)
{
    return func->name[0] == '=' || func->name[0] == 'i' ||
           (func->name[0] == '<' && func->name[1] == '>');
}

PS_RESOLVER(comparison)
{
    ps_type common;

    (void)n;
    if (!ps_type_common_expr(args[0], args[1], &common)) {
        const int text = args[0]->type.id == PS_TYPE_STRING ? 0 : 1;
        ps_text a, b;

        if (is_equality(func) && args[text]->type.id == PS_TYPE_STRING &&
            ps_cast_exists(args[text]->type, args[1 - text]->type)) {
            arg_types[0] = arg_types[1] =
                args[1 - text]->type; /* text = number reads the text as the number */
            *result = PS_TYPE(BOOL);
            return PS_OK;
        }
        ps_text_init(&a, cx), ps_text_init(&b, cx);
        ps_type_print(args[0]->type, &a), ps_type_print(args[1]->type, &b);
        ps_fail(cx, PS_BIND, "can't compare %s and %s; cast one of them explicitly",
                a.at ? a.at : "?", b.at ? b.at : "?");
        ps_text_release(&a), ps_text_release(&b);
        return PS_BIND;
    }
    if (common.id == PS_TYPE_NULL) common = PS_TYPE(INT32);
    arg_types[0] = arg_types[1] = common;
    *result = PS_TYPE(BOOL);
    return PS_OK;
}

PS_RESOLVER(common)
{
    ps_type common;

    if (!ps_type_common_exprs(args, n, &common))
        return ps_fail(cx, PS_BIND, "the arguments of %s have no common type; cast them explicitly",
                       func->name);
    if (common.id == PS_TYPE_NULL) common = PS_TYPE(INT32);
    for (uint32_t i = 0; i < n; i++) arg_types[i] = common;
    *result = common;
    return PS_OK;
}

PS_RESOLVER(string_agg)
{
    (void)cx, (void)func, (void)args;
    for (uint32_t i = 0; i < n; i++) arg_types[i] = PS_TYPE(STRING);
    *result = PS_TYPE(STRING);
    return PS_OK;
}
