/* col/gather.c -- see gather.h. */
#include "col/gather.h"

#include "col/segment.h"

bool ps_gather_can(const ps_type *types, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const ps_layout layout = ps_type_layout(types[i]);
        if (layout == PS_LAYOUT_NONE || layout == PS_LAYOUT_LIST || layout == PS_LAYOUT_STRUCT ||
            layout == PS_LAYOUT_UNION)
            return false;
    }
    return n > 0;
}

static ps_status begin(ps_ctx *cx, ps_arena *arena, ps_gather *g, const ps_batch *batch)
{
    g->cols = PS_ARENA_ARRAY(cx, arena, ps_col_build, batch->n_cols);
    if (!g->cols) return PS_MEMORY;
    for (uint32_t i = 0; i < batch->n_cols; i++) {
        PS_TRY(ps_col_build_init(cx, arena, batch->cols[i].type, &g->cols[i]));
        g->cols[i].plain = true;
    }
    return ps_batch_init(cx, arena, batch->n_cols, &g->batch);
}

ps_status ps_gather_add(ps_ctx *cx, ps_arena *arena, ps_gather *g, const ps_batch *batch)
{
    if (!g->cols) PS_TRY(begin(cx, arena, g, batch));
    PS_ASSERT(batch->n_cols == g->batch.cols_max);
    for (uint32_t i = 0; i < batch->n_cols; i++)
        PS_TRY(ps_col_build_add(cx, &g->cols[i], &batch->cols[i], batch->sel, batch->n_live));
    if (g->n_rows == 0) g->batch.morsel = batch->morsel, g->batch.first_row = batch->first_row;
    g->n_rows += batch->n_live;
    g->bytes += ps_batch_bytes(batch);
    return PS_OK;
}

const ps_batch *ps_gather_rows(ps_gather *g)
{
    g->batch.n = g->batch.n_live = g->n_rows;
    g->batch.n_cols = g->batch.cols_max;
    for (uint32_t i = 0; i < g->batch.n_cols; i++) {
        const ps_col_build *const col = &g->cols[i];
        ps_vec_flat(&g->batch.cols[i], col->type, col->layout, col->data,
                    col->n_null ? col->valid : NULL, g->n_rows);
    }
    return &g->batch;
}

void ps_gather_clear(ps_gather *g)
{
    for (uint32_t i = 0; g->cols && i < g->batch.cols_max; i++) ps_col_build_clear(&g->cols[i]);
    g->n_rows = 0;
    g->bytes = 0;
}

void ps_gather_release(ps_gather *g)
{
    for (uint32_t i = 0; g->cols && i < g->batch.cols_max; i++) ps_col_build_release(&g->cols[i]);
    *g = (ps_gather){0};
}
