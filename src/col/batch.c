/* col/batch.c -- batches. Tests: tests/unit/test_col_vec.c */
#include "col/batch.h"

#include "col/vec_take.h"
#include "col/vec_verify.h"

ps_status ps_batch_init(ps_ctx *cx, ps_arena *arena, uint32_t cols_max, ps_batch *out)
{
    *out = (ps_batch){.cols_max = cols_max};
    out->cols = PS_ARENA_ARRAY(cx, arena, ps_vec, cols_max);
    return out->cols ? PS_OK : PS_MEMORY;
}

void ps_batch_copy_header(const ps_batch *src, ps_batch *out)
{
    ps_vec *cols = out->cols;
    const uint32_t cols_max = out->cols_max;

    PS_ASSERT(src->n_cols <= cols_max);
    *out = *src;
    out->cols = cols;
    out->cols_max = cols_max;
    if (src->n_cols) memmove(cols, src->cols, src->n_cols * sizeof *cols);
}

ps_status ps_batch_slice(ps_ctx *cx, ps_arena *arena, const ps_batch *src, uint32_t first,
                         uint32_t n, ps_batch *out)
{
    const ps_take how = {.cx = cx, .arena = arena};
    uint32_t *idx = NULL;

    PS_ASSERT(!src->sel && src->n_cols <= out->cols_max);
    if (first % 64) {
        idx = PS_ARENA_ARRAY(cx, arena, uint32_t, n + 1);
        if (!idx) return PS_MEMORY;
        for (uint32_t i = 0; i < n; i++) idx[i] = first + i;
    }
    for (uint32_t c = 0; c < src->n_cols; c++)
        PS_TRY(idx ? ps_vec_take(&how, &src->cols[c], idx, n, NULL, NULL, &out->cols[c])
                   : ps_vec_slice(cx, arena, &src->cols[c], first, n, &out->cols[c]));
    out->n_cols = src->n_cols;
    out->n = out->n_live = n;
    out->sel = NULL;
    out->morsel = src->morsel;
    out->first_row = src->first_row + first;
    return PS_OK;
}

ps_status ps_batch_verify(ps_ctx *cx, const ps_batch *batch)
{
    if (batch->n_cols > batch->cols_max || batch->n_live > batch->n)
        return PS_BUG(cx, "a batch's counts are off");
    if (!batch->sel && batch->n_live != batch->n)
        return PS_BUG(cx, "a batch without a selection has dead rows");
    for (uint32_t k = 0; batch->sel && k < batch->n_live; k++)
        if (batch->sel[k] >= batch->n || (k && batch->sel[k] <= batch->sel[k - 1]))
            return PS_BUG(cx, "a batch's selection doesn't increase below its length");
    for (uint32_t i = 0; i < batch->n_cols; i++) {
        if (batch->cols[i].n != batch->n) return PS_BUG(cx, "a column's length isn't its batch's");
        ps_status st = ps_vec_verify_rows(cx, &batch->cols[i], batch->sel, batch->n_live);
        if (st != PS_OK) return ps_while(cx, st, "verifying column %u", i);
    }
    return PS_OK;
}
