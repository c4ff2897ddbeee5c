/* opt/rule_aggregate_from_statistics.c -- aggregate(scan) of count, min, max  =>  one row of values
 *
 *   without keys: count(*), count(x), min(x), max(x), where the source knows them exactly
 *
 * Why: a count or a range of a column is in the footers of files and the statistics of tables; what
 * is not read takes no time.
 * Safe: a source marks as exact what reading would find, of the state that this statement sees
 * (ADR 12). All or nothing: with one aggregate to read for, the others cost little. Float: NaN is
 * left to reading, which gives its bits; a zero is 0.0, as min and max give it.
 * Not with filters, a limit, FILTER, or DISTINCT where it matters: the scan gives fewer rows.
 * Order: after prune, which leaves only plain columns of projections.
 * Tests: tests/slt/opt/aggregate_from_statistics.test, tests/py/test_parquet_statistics.py */
#include "opt/util.h"

#include "func/func.h"

enum { COUNT_MAX_BITS = 53 }; /* rows are told as a double */

/* The column of the scan that an expression over `node` is; NULL: it is none. */
static const ps_scan_col *scan_column(const ps_node *node, const ps_expr *expr)
{
    while (expr->kind == PS_EXPR_COLUMN && node->kind == PS_NODE_PROJECT) {
        const ps_f_items *const items = &ps_node_as_project(node)->items;
        uint32_t i = 0;

        while (i < items->n && items->at[i].col.id != expr->column) i++;
        if (i == items->n) return NULL;
        expr = items->at[i].expr;
        node = node->inputs[0];
    }
    if (expr->kind != PS_EXPR_COLUMN) return NULL;
    const ps_f_scan_cols *const columns = &ps_node_as_scan(node)->columns;
    for (uint32_t i = 0; i < columns->n; i++)
        if (columns->at[i].col.id == expr->column) return &columns->at[i];
    return NULL;
}

static bool least_or_greatest(const ps_source_col *col, bool greatest, double n_rows, ps_type type,
                              ps_value *out)
{
    *out = ps_value_null(type);
    if (col->nulls_exact && (double)col->stats.n_null == n_rows) return true;
    if (!col->stats.has_range || !col->range_exact) return false;
    *out = greatest ? col->stats.max : col->stats.min;
    if (ps_type_class_of(type) == PS_CLASS_FLOAT) {
        if (out->f64 != out->f64) return false;
        if (out->f64 == 0) out->f64 = 0;
    }
    return ps_type_equal(out->type, type);
}

/* What one aggregate gives; *known: the source says so. */
static ps_status answer(ps_opt *opt, const ps_node *input, const ps_node_scan *scan, double n_rows,
                        const ps_expr *agg, ps_value *out, bool *known)
{
    const ps_str name = ps_str_of(agg->func->name);
    const bool counts = ps_str_equal(name, PS_STR("count"));
    const bool greatest = ps_str_equal(name, PS_STR("max"));
    ps_source_col col;

    *known = false;
    if (agg->agg->filter || !(counts || greatest || ps_str_equal(name, PS_STR("min"))))
        return PS_OK;
    if (counts && agg->n_args == 0) {
        *out = ps_value_int(agg->type, (ps_i128)n_rows);
        return *known = true, PS_OK;
    }
    if (agg->n_args != 1 || (counts && agg->agg->distinct)) return PS_OK;
    const ps_scan_col *const at = scan_column(input, agg->args[0]);
    if (!at) return PS_OK;
    PS_TRY(ps_source_column(opt->cx, scan->source, at->source_column, &col));
    if (counts) {
        *known = col.nulls_exact;
        *out = ps_value_int(agg->type, (ps_i128)n_rows - (ps_i128)col.stats.n_null);
    } else {
        *known = least_or_greatest(&col, greatest, n_rows, agg->type, out);
    }
    return PS_OK;
}

static const ps_node *from_statistics(ps_opt *opt, const ps_node *node)
{
    const ps_node_aggregate *const aggregate = ps_node_as_aggregate(node);
    const ps_node *input = node->inputs[0];
    ps_source_stats stats;
    bool known = true;

    while (input->kind == PS_NODE_PROJECT) input = input->inputs[0];
    if (aggregate->keys.n || !aggregate->aggs.n || input->kind != PS_NODE_SCAN) return node;
    const ps_node_scan *const scan = ps_node_as_scan(input);
    if (scan->filters.n || scan->limit) return node;
    if (scan->source->class->stats(opt->cx, scan->source, &stats) != PS_OK) return NULL;
    if (!stats.n_rows_exact || stats.n_rows > (double)((int64_t)1 << COUNT_MAX_BITS)) return node;
    const ps_expr **const cells =
        PS_ARENA_ARRAY(opt->cx, opt->arena, const ps_expr *, aggregate->aggs.n + 1);
    if (!cells) return NULL;
    for (uint32_t i = 0; i < aggregate->aggs.n; i++) {
        ps_value value;

        if (answer(opt, node->inputs[0], scan, stats.n_rows, aggregate->aggs.at[i].expr, &value,
                   &known) != PS_OK)
            return NULL;
        if (!known) return node;
        cells[i] = ps_expr_literal(opt->cx, opt->arena, &value);
        if (!cells[i]) return NULL;
    }
    return ps_node_values_new(opt->planner, node->cols, node->n_cols, cells, aggregate->aggs.n);
}

const ps_rule ps_rule_aggregate_from_statistics = {
    .name = "aggregate_from_statistics",
    .doc = "count, min, max of a whole source => values that it knows exactly",
    .root = PS_NODE_AGGREGATE,
    .node = from_statistics,
};
