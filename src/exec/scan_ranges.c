/* exec/scan_ranges.c -- see scan_ranges.h. Each range is implied by its conjunct: rows outside fail
 * it (or are null). What isn't recognised implies nothing. */
#include "exec/scan_ranges.h"

#include "base/array.h"
#include "func/func.h"

typedef PS_ARRAY(ps_scan_range) range_list;

typedef struct range_out {
    ps_ctx *cx;
    ps_arena *arena;
    const ps_col *cols;
    uint32_t n_cols;
    range_list list;
} range_out;

static uint32_t column_of(const range_out *out, const ps_expr *expr)
{
    if (expr->kind != PS_EXPR_COLUMN) return UINT32_MAX;
    for (uint32_t i = 0; i < out->n_cols; i++) {
        if (out->cols[i].id == expr->column) return i;
    }
    return UINT32_MAX;
}

static bool is_name(const ps_expr *expr, const char *name)
{
    return strcmp(expr->func->name, name) == 0;
}

static ps_status add_comparison(range_out *out, const ps_expr *expr)
{
    if (expr->n_args != 2) return PS_OK;
    const bool swapped = ps_expr_is_literal(expr->args[0]);
    const ps_expr *literal = expr->args[swapped ? 0 : 1];
    const uint32_t column = column_of(out, expr->args[swapped ? 1 : 0]);

    if (column == UINT32_MAX || !ps_expr_is_literal(literal) || literal->literal.null) return PS_OK;
    const bool equal = is_name(expr, "=");
    const bool less = is_name(expr, "<") || is_name(expr, "<=");
    const bool greater = is_name(expr, ">") || is_name(expr, ">=");
    const bool strict = is_name(expr, "<") || is_name(expr, ">");
    ps_scan_range range = {.column = column};

    if (!equal && !less && !greater) return PS_OK;
    if (equal || greater != swapped) range.lo = &literal->literal;
    if (equal || less != swapped) range.hi = &literal->literal;
    if (!equal && range.lo && range.hi) return PS_OK;
    range.lo_strict = strict && range.lo;
    range.hi_strict = strict && range.hi;
    return PS_ARRAY_ADD_IN(out->cx, out->arena, &out->list, range);
}

static ps_status add_conjunct(range_out *out, const ps_expr *expr)
{
    if (expr->kind == PS_EXPR_AND) {
        /* ANDs are flat, so this goes one level deep */
        for (uint32_t i = 0; i < expr->n_args; i++) {
            if (expr->args[i]->kind != PS_EXPR_AND) PS_TRY(add_conjunct(out, expr->args[i]));
        }
        return PS_OK;
    }
    if (expr->kind == PS_EXPR_CALL) return add_comparison(out, expr);
    if (expr->kind == PS_EXPR_IN && expr->n_args > 1) {
        const uint32_t column = column_of(out, expr->args[0]);
        const ps_expr *lo = expr->args[1], *hi = expr->args[expr->n_args - 1]; /* sorted */

        if (column == UINT32_MAX) return PS_OK;
        return PS_ARRAY_ADD_IN(
            out->cx, out->arena, &out->list,
            (ps_scan_range){.column = column, .lo = &lo->literal, .hi = &hi->literal});
    }
    return PS_OK;
}

ps_status ps_scan_ranges(ps_ctx *cx, ps_arena *arena, const ps_expr *const *conjuncts, uint32_t n,
                         const ps_col *cols, uint32_t n_cols, const ps_scan_range **out,
                         uint32_t *n_out)
{
    range_out state = {.cx = cx, .arena = arena, .cols = cols, .n_cols = n_cols};

    for (uint32_t i = 0; i < n; i++) PS_TRY(add_conjunct(&state, conjuncts[i]));
    *out = state.list.at;
    *n_out = (uint32_t)state.list.n;
    return PS_OK;
}
