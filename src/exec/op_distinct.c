/* exec/op_distinct.c -- SELECT DISTINCT and DISTINCT ON, as aggregation.
 *
 * DISTINCT groups by all columns and has no aggregates. DISTINCT ON (...) groups by its expressions
 * and takes first(column) of every column, which goes by position: all of one group's values come
 * from its first row. Both get spilling, small domains and result order (hash, keys) from there.
 * Tests: tests/unit/test_aggregate.c */
#include "exec/op_aggregate.h"

static ps_status items_of_columns(ps_phys *p, const ps_node *node, const ps_func *first,
                                  ps_item *items)
{
    static const ps_agg_part plain;

    for (uint32_t c = 0; c < node->n_cols; c++) {
        const ps_expr *column =
            ps_expr_column(p->cx, p->arena, node->cols[c].id, node->cols[c].type);
        const ps_expr *expr = column;
        if (column && first)
            expr = ps_expr_aggregate(p->cx, p->arena, first, column->type, &column, 1, &plain);
        if (!expr) return PS_MEMORY;
        items[c] = (ps_item){.col = node->cols[c], .expr = expr};
    }
    return PS_OK;
}

ps_status ps_phys_distinct(ps_phys *p, const ps_node *node, const ps_col_set *needed,
                           ps_stream *out)
{
    const ps_node_distinct *distinct = ps_node_as_distinct(node);
    const ps_func *first = distinct->on.n ? ps_func_find(PS_FUNC_AGGREGATE, "first") : NULL;
    ps_node_aggregate aggregate = {.base = *node};
    ps_item *items = PS_ARENA_ARRAY(p->cx, p->arena, ps_item, node->n_cols + 1);
    ps_item *keys = PS_ARENA_ARRAY(p->cx, p->arena, ps_item, distinct->on.n + 1);

    if (!items || !keys) return PS_MEMORY;
    if (distinct->on.n && !first) return PS_BUG(p->cx, "the catalog has no first()");
    PS_TRY(items_of_columns(p, node, first, items));
    for (uint32_t k = 0; k < distinct->on.n; k++)
        keys[k] = (ps_item){.col = {.id = PS_COL_NONE, .type = distinct->on.at[k]->type},
                            .expr = distinct->on.at[k]};
    if (distinct->on.n) {
        aggregate.keys.at = keys, aggregate.keys.n = distinct->on.n;
        aggregate.aggs.at = items, aggregate.aggs.n = node->n_cols;
    } else {
        aggregate.keys.at = items, aggregate.keys.n = node->n_cols;
    }
    return ps_aggregate_plan(p, node, &aggregate, needed, out);
}
