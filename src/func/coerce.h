/* func/coerce.h -- what literals adapt to, and result types that a signature can't say.
 *
 * A bare literal has no type of its own yet: NULL adapts to anything, 'text' to the other side's
 * type, an integer or decimal literal to the smallest type that holds it. docs/types.md has the
 * tables. */
#ifndef PS_FUNC_COERCE_H
#define PS_FUNC_COERCE_H

#include "func/func.h"

/* The smallest decimal that holds every value of a numeric type; false for floats and non-numbers.
 */
bool ps_decimal_of(ps_type type, ps_type *out);
/* The same for an expression: an integer literal needs its own digits only. */
bool ps_decimal_of_expr(const ps_expr *expr, ps_type *out);
/* The type that all of n expressions become in CASE, COALESCE, UNION, VALUES and greatest(). */
bool ps_type_common_exprs(const ps_expr *const *exprs, uint32_t n, ps_type *out);

/* Whether expr is a literal that has no type of its own: NULL, 'text', 1, 1.5. */
bool ps_expr_adapts(const ps_expr *expr);

/* Every name of the catalog, lower case, sorted; overloads in catalog order. */
typedef struct ps_func_name {
    const char *name;
    const ps_func *func;
} ps_func_name;
extern const ps_func_name ps_func_names[];
extern const size_t ps_func_names_count;

/* Resolvers, named by `resolve` in the TOML. */
#define PS_RESOLVER(name)                                                                          \
    ps_status ps_resolve_##name(ps_ctx *cx, const ps_func *func, const ps_expr *const *args,       \
                                uint32_t n, ps_type *arg_types, ps_type *result)
PS_RESOLVER(decimal_add);      /* max integer digits + 1, max scale; arguments at that scale */
PS_RESOLVER(decimal_multiply); /* p1 + p2, s1 + s2 */
PS_RESOLVER(decimal_modulo);   /* max integer digits, max scale; arguments at that scale */
PS_RESOLVER(decimal_sum);      /* DECIMAL(38, s) */
PS_RESOLVER(decimal_round);    /* ceil, floor, round, trunc: the scale goes, or is the literal's */
PS_RESOLVER(comparison);       /* one type for both sides */
PS_RESOLVER(common);           /* greatest, least: one type for all */
PS_RESOLVER(string_agg);       /* any value as its text */
PS_RESOLVER(date_part);        /* DOUBLE for epoch and julian, else BIGINT */

#endif
