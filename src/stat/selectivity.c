/* stat/selectivity.c -- the share of rows that conditions keep. See estimate.h.
 *
 * Ranges by interpolation between least and greatest value, equality by distinct values, the rest
 * by fixed shares; conjuncts are taken as independent. Tests: tests/slt/opt/join_order.test */
#include "func/func.h"
#include "stat/estimate.h"

#include <math.h>

enum { NEAR_PARTS = 64 };
static const double SHARE_UNKNOWN = 0.33, SHARE_LIKE = 0.1, SHARE_NULL = 0.05, SHARE_LEAST = 1e-7;

static bool number_of(const ps_value *v, double *out)
{
    if (v->null) return false;
    switch (v->type.id) {
    case PS_TYPE_FLOAT16:
    case PS_TYPE_FLOAT32:
    case PS_TYPE_FLOAT64: *out = v->f64; return isfinite(v->f64);
    case PS_TYPE_INT8:
    case PS_TYPE_INT16:
    case PS_TYPE_INT32:
    case PS_TYPE_INT64:
    case PS_TYPE_INT128:
    case PS_TYPE_UINT8:
    case PS_TYPE_UINT16:
    case PS_TYPE_UINT32:
    case PS_TYPE_UINT64:
    case PS_TYPE_DECIMAL:
    case PS_TYPE_DATE:
    case PS_TYPE_TIME:
    case PS_TYPE_TIMESTAMP:
    case PS_TYPE_TIMESTAMP_TZ: *out = (double)v->i; return true;
    default: return false;
    }
}

static const ps_stat_col *col_of(const ps_stat *stat, const ps_expr *e)
{
    while (e->kind == PS_EXPR_CAST && e->args[0]->type.id != PS_TYPE_STRING) e = e->args[0];
    return e->kind == PS_EXPR_COLUMN && e->column < stat->n_cols ? &stat->cols[e->column] : NULL;
}

double ps_stat_distinct(const ps_stat *stat, const ps_expr *expr, double rows)
{
    const ps_stat_col *col = col_of(stat, expr);
    double n = col && col->n_distinct > 0 ? col->n_distinct : pow(rows, 0.75);

    if (ps_expr_is_literal(expr)) n = 1;
    if (expr->type.id == PS_TYPE_BOOL) n = 2;
    return PS_MAX(1.0, PS_MIN(n, rows));
}

double ps_stat_keys(const ps_stat *stat, const ps_join_key *keys, uint32_t n, double left,
                    double right)
{
    double l = 1, r = 1;

    for (uint32_t i = 0; i < n; i++) {
        l *= ps_stat_distinct(stat, keys[i].left, left);
        r *= ps_stat_distinct(stat, keys[i].right, right);
    }
    return 1 / PS_MAX(1.0, PS_MAX(PS_MIN(l, left), PS_MIN(r, right)));
}

/* column < value, as a share of the column's range; equal values count for `inclusive`. */
static double below(const ps_stat_col *col, double value)
{
    if (col->hi <= col->lo) return value > col->lo ? 1 : 0.5;
    return PS_MAX(0.0, PS_MIN(1.0, (value - col->lo) / (col->hi - col->lo)));
}

static double compare(const ps_stat *stat, const char *name, const ps_expr *column,
                      const ps_expr *literal)
{
    const ps_stat_col *col = col_of(stat, column);
    const bool same_scale =
        ps_type_equal(column->type, literal->type) && column->kind == PS_EXPR_COLUMN;
    double value = 0;
    const bool ranged = col && col->has_range && same_scale && number_of(&literal->literal, &value);

    if (literal->literal.null) return SHARE_LEAST;
    if (strcmp(name, "=") == 0 || strcmp(name, "<>") == 0) {
        double share = col && col->n_distinct > 0 ? 1 / col->n_distinct : 0.05;
        if (ranged && (value < col->lo || value > col->hi)) share = SHARE_LEAST;
        return name[0] == '=' ? share : 1 - share;
    }
    if (!ranged) return SHARE_UNKNOWN;
    return PS_MAX(SHARE_LEAST, name[0] == '<' ? below(col, value) : 1 - below(col, value));
}

static double call(const ps_stat *stat, const ps_expr *e)
{
    const char *name = ps_func_head_of(e->func).name, *mirrored = ps_comparison_mirrored(name);

    if (strcmp(name, "not") == 0) return 1 - ps_stat_selectivity(stat, e->args[0]);
    if (strcmp(name, "is_null") == 0) return SHARE_NULL;
    if (strcmp(name, "is_not_null") == 0) return 1 - SHARE_NULL;
    if (strstr(name, "like") || strcmp(name, "starts_with") == 0 || strcmp(name, "contains") == 0)
        return SHARE_LIKE;
    if (!mirrored || e->n_args != 2) return SHARE_UNKNOWN;
    if (ps_expr_is_literal(e->args[1])) return compare(stat, name, e->args[0], e->args[1]);
    if (ps_expr_is_literal(e->args[0])) return compare(stat, mirrored, e->args[1], e->args[0]);
    if (strcmp(name, "=") != 0) return SHARE_UNKNOWN;
    const double a = ps_stat_distinct(stat, e->args[0], 1e9),
                 b = ps_stat_distinct(stat, e->args[1], 1e9);
    return 1 / PS_MAX(a, b);
}

/* Two bounds on one column are one range, not two independent halves. They are looked for among
 * neighbours: a condition may have 100,000 parts. */
static double conjunction(const ps_stat *stat, const ps_expr *e)
{
    double share = 1;

    for (uint32_t i = 0; i < e->n_args; i++) {
        const double own = ps_stat_selectivity(stat, e->args[i]);
        double joint = own;

        for (uint32_t k = i > NEAR_PARTS ? i - NEAR_PARTS : 0; k < i; k++) {
            const ps_expr *a = e->args[k], *b = e->args[i];
            const bool bounds = a->kind == PS_EXPR_CALL && b->kind == PS_EXPR_CALL &&
                                a->n_args == 2 && b->n_args == 2 &&
                                ps_expr_equal(a->args[0], b->args[0]) &&
                                ps_expr_is_literal(a->args[1]) && ps_expr_is_literal(b->args[1]);
            if (!bounds || ps_func_head_of(a->func).name[0] == ps_func_head_of(b->func).name[0])
                continue;
            const double other = ps_stat_selectivity(stat, a);
            if (own + other > 1) joint = PS_MIN(own, (own + other - 1) / other);
        }
        share *= joint;
    }
    return share;
}

double ps_stat_selectivity(const ps_stat *stat, const ps_expr *e)
{
    double none = 1, share;
    const ps_stat_col *col;

    switch ((ps_expr_kind)e->kind) {
    case PS_EXPR_LITERAL: return !e->literal.null && e->literal.i ? 1 : SHARE_LEAST;
    case PS_EXPR_AND: share = conjunction(stat, e); return PS_MAX(SHARE_LEAST, share);
    case PS_EXPR_OR:
        for (uint32_t i = 0; i < e->n_args; i++) none *= 1 - ps_stat_selectivity(stat, e->args[i]);
        return PS_MAX(SHARE_LEAST, 1 - none);
    case PS_EXPR_IN:
        col = col_of(stat, e->args[0]);
        return PS_MIN(1.0,
                      (e->n_args - 1) * (col && col->n_distinct > 0 ? 1 / col->n_distinct : 0.05));
    case PS_EXPR_CALL: share = call(stat, e); return PS_MAX(SHARE_LEAST, share);
    case PS_EXPR_COLUMN: return 0.5;
    default: return SHARE_UNKNOWN;
    }
}
