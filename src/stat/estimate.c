/* stat/estimate.c -- rows of every node, from the leaves up. See estimate.h. Tests:
 * tests/slt/opt/join_order.test */
#include "stat/estimate.h"

#include <math.h>

ps_status ps_stat_init(ps_planner *planner, ps_stat *stat)
{
    *stat = (ps_stat){.planner = planner, .n_cols = planner->next_id};
    stat->cols = PS_ARENA_ARRAY(planner->cx, planner->arena, ps_stat_col, stat->n_cols + 1);
    return stat->cols ? PS_OK : PS_MEMORY;
}

static void copy_col(ps_stat *stat, ps_col_id to, ps_col_id from)
{
    if (to < stat->n_cols && from < stat->n_cols) stat->cols[to] = stat->cols[from];
}

/* Columns made by expressions: plain ones are what they were. */
static void set_items(ps_stat *stat, const ps_f_items *items, double rows)
{
    for (uint32_t i = 0; i < items->n; i++) {
        const ps_item *item = &items->at[i];

        if (item->col.id >= stat->n_cols) continue;
        if (item->expr->kind == PS_EXPR_COLUMN) copy_col(stat, item->col.id, item->expr->column);
        else
            stat->cols[item->col.id] =
                (ps_stat_col){.n_distinct = ps_stat_distinct(stat, item->expr, rows)};
    }
}

static bool as_number(const ps_value *v, double *out)
{
    switch (v->type.id) {
    case PS_TYPE_FLOAT16:
    case PS_TYPE_FLOAT32:
    case PS_TYPE_FLOAT64: *out = v->f64; return isfinite(v->f64);
    case PS_TYPE_STRING:
    case PS_TYPE_BINARY:
    case PS_TYPE_FIXED_BINARY:
    case PS_TYPE_INTERVAL:
    case PS_TYPE_UUID:
    case PS_TYPE_LIST:
    case PS_TYPE_ARRAY:
    case PS_TYPE_STRUCT:
    case PS_TYPE_MAP:
    case PS_TYPE_UNION:
    case PS_TYPE_EXTENSION:
    case PS_TYPE_NULL: return false;
    default: *out = (double)v->i; return true;
    }
}

/* Different values where the source has not counted them: not more than the range has whole
 * numbers. */
static double guess_distinct(const ps_stat_col *col, ps_type type, double rows)
{
    const bool whole =
        type.id != PS_TYPE_FLOAT64 && type.id != PS_TYPE_FLOAT32 && type.id != PS_TYPE_FLOAT16;

    if (col->has_range && whole) return PS_MAX(1.0, PS_MIN(rows, col->hi - col->lo + 1));
    return PS_MAX(1.0, pow(rows, 0.75));
}

static ps_status scan_rows(ps_stat *stat, const ps_node_scan *scan, double *rows)
{
    ps_planner *p = stat->planner;
    ps_source_stats known = {0};

    PS_TRY(scan->source->class->stats(p->cx, scan->source, &known));
    *rows = known.n_rows;
    for (uint32_t i = 0; i < scan->columns.n; i++) {
        const ps_scan_col *column = &scan->columns.at[i];
        ps_source_col from;
        ps_stat_col col = {0};

        if (column->col.id >= stat->n_cols) continue;
        PS_TRY(ps_source_column(p->cx, scan->source, column->source_column, &from));
        if (from.stats.has_range)
            col.has_range =
                as_number(&from.stats.min, &col.lo) && as_number(&from.stats.max, &col.hi);
        col.n_distinct = from.stats.n_distinct > 0 ? from.stats.n_distinct
                                                   : guess_distinct(&col, column->col.type, *rows);
        stat->cols[column->col.id] = col;
    }
    if (scan->filters.n) {
        const ps_expr *all = ps_expr_and(p->cx, p->arena, scan->filters.at, scan->filters.n);
        if (!all) return p->cx->error.code;
        *rows *= ps_stat_selectivity(stat, all);
    }
    if (scan->limit) *rows = PS_MIN(*rows, (double)(scan->limit - 1));
    return PS_OK;
}

double ps_stat_join(const ps_stat *stat, const ps_node_join *join, double l, double r)
{
    const double share = ps_stat_keys(stat, join->keys.at, join->keys.n, l, r);
    double pairs = l * r * (join->keys.n ? share : 1), semi = l;

    if (join->residual) pairs *= ps_stat_selectivity(stat, join->residual);
    if (join->keys.n) {
        double dl = 1, dr = 1;
        for (uint32_t i = 0; i < join->keys.n; i++) {
            dl *= ps_stat_distinct(stat, join->keys.at[i].left, l);
            dr *= ps_stat_distinct(stat, join->keys.at[i].right, r);
        }
        semi = l * PS_MIN(1.0, PS_MIN(dr, r) / PS_MAX(1.0, PS_MIN(dl, l)));
    }
    switch (join->join) {
    case PS_JOIN_LEFT: return PS_MAX(pairs, l);
    case PS_JOIN_RIGHT: return PS_MAX(pairs, r);
    case PS_JOIN_FULL: return PS_MAX(pairs, l + r);
    case PS_JOIN_SEMI: return PS_MIN(l, PS_MIN(semi, PS_MAX(pairs, 1.0)));
    case PS_JOIN_ANTI: return PS_MAX(l * 0.1, l - semi);
    case PS_JOIN_MARK:
    case PS_JOIN_SINGLE: return l;
    default: return pairs;
    }
}

static double group_rows(const ps_stat *stat, const ps_node *node, double in)
{
    const ps_node_aggregate *aggregate =
        node->kind == PS_NODE_AGGREGATE ? ps_node_as_aggregate(node) : NULL;
    double groups = 1;

    if (aggregate) {
        for (uint32_t i = 0; i < aggregate->keys.n; i++)
            groups *= ps_stat_distinct(stat, aggregate->keys.at[i].expr, in);
    } else {
        for (uint32_t i = 0; i < node->n_cols; i++) {
            const ps_col_id id = node->cols[i].id;
            groups *=
                id < stat->n_cols && stat->cols[id].n_distinct > 0 ? stat->cols[id].n_distinct : in;
        }
    }
    return PS_MAX(1.0, PS_MIN(groups, aggregate && aggregate->keys.n == 0 ? 1.0 : in));
}

/* Columns by position: what the first input's are; a union has the values of all. */
static void set_positional(ps_stat *stat, const ps_f_cols *cols, const ps_node *node)
{
    for (uint32_t i = 0; i < cols->n; i++) {
        if (cols->at[i].id >= stat->n_cols) continue;
        copy_col(stat, cols->at[i].id, node->inputs[0]->cols[i].id);
        ps_stat_col *col = &stat->cols[cols->at[i].id];
        for (uint32_t k = 1; k < node->n_inputs; k++) {
            const ps_col_id id = node->inputs[k]->cols[i].id;
            if (id < stat->n_cols)
                col->n_distinct = PS_MAX(col->n_distinct, stat->cols[id].n_distinct);
            col->has_range = false;
        }
    }
}

/* Keys of a join have the values that both sides have. */
static void meet_keys(ps_stat *stat, const ps_node_join *join)
{
    const bool left_cut = join->join == PS_JOIN_INNER || join->join == PS_JOIN_SEMI ||
                          join->join == PS_JOIN_RIGHT,
               right_cut = join->join == PS_JOIN_INNER || join->join == PS_JOIN_LEFT;

    for (uint32_t i = 0; i < join->keys.n; i++) {
        const ps_expr *a = join->keys.at[i].left, *b = join->keys.at[i].right;

        if (a->kind != PS_EXPR_COLUMN || b->kind != PS_EXPR_COLUMN) continue;
        if (a->column >= stat->n_cols || b->column >= stat->n_cols) continue;
        ps_stat_col *l = &stat->cols[a->column], *r = &stat->cols[b->column];
        const double least = PS_MIN(l->n_distinct, r->n_distinct);
        if (least <= 0) continue;
        if (left_cut) l->n_distinct = least;
        if (right_cut) r->n_distinct = least;
    }
}

/* No column has more values than the node has rows. */
static void cap_distinct(ps_stat *stat, const ps_node *node, double rows)
{
    for (uint32_t i = 0; i < node->n_cols; i++) {
        if (node->cols[i].id >= stat->n_cols) continue;
        ps_stat_col *col = &stat->cols[node->cols[i].id];
        col->n_distinct = PS_MIN(col->n_distinct, PS_MAX(1.0, rows));
    }
}

static ps_status node_rows(ps_stat *stat, const ps_node *node, double *rows)
{
    const double in = node->n_inputs ? node->inputs[0]->rows_est : 0;

    *rows = in;
    switch ((ps_node_kind)node->kind) {
    case PS_NODE_SCAN: return scan_rows(stat, ps_node_as_scan(node), rows);
    case PS_NODE_VALUES: {
        const ps_node_values *values = ps_node_as_values(node);
        *rows = values->columns.n ? (double)(values->cells.n / values->columns.n) : 1;
        return PS_OK;
    }
    case PS_NODE_FILTER:
        *rows = in * ps_stat_selectivity(stat, ps_node_as_filter(node)->predicate);
        return PS_OK;
    case PS_NODE_PROJECT: set_items(stat, &ps_node_as_project(node)->items, in); return PS_OK;
    case PS_NODE_AGGREGATE:
        *rows = group_rows(stat, node, in);
        set_items(stat, &ps_node_as_aggregate(node)->keys, in);
        return PS_OK;
    case PS_NODE_DISTINCT: *rows = group_rows(stat, node, in); return PS_OK;
    case PS_NODE_JOIN:
        *rows = ps_stat_join(stat, ps_node_as_join(node), in, node->inputs[1]->rows_est);
        meet_keys(stat, ps_node_as_join(node));
        return PS_OK;
    case PS_NODE_LIMIT: *rows = PS_MIN(in, (double)ps_node_as_limit(node)->count); return PS_OK;
    case PS_NODE_TOPN: *rows = PS_MIN(in, (double)ps_node_as_topn(node)->count); return PS_OK;
    case PS_NODE_SETOP:
        for (uint32_t i = 1; i < node->n_inputs; i++) *rows += node->inputs[i]->rows_est;
        set_positional(stat, &ps_node_as_setop(node)->columns, node);
        return PS_OK;
    case PS_NODE_SUBPLAN:
        set_positional(stat, &ps_node_as_subplan(node)->columns, node);
        return PS_OK;
    default: return PS_OK;
    }
}

static const ps_node *stamp(ps_planner *p, const ps_node *node, void *user)
{
    double rows;

    if (node_rows(user, node, &rows) != PS_OK) return NULL;
    if (!(rows >= 0)) rows = 0;
    cap_distinct(user, node, rows);
    return node->rows_est >= 0 && fabs(node->rows_est - rows) <= 1e-9 * rows
               ? node
               : ps_node_with_rows(p, node, rows);
}

const ps_node *ps_stat_stamp(ps_stat *stat, const ps_node *root)
{
    return ps_node_rewrite(stat->planner, root, stamp, stat);
}
