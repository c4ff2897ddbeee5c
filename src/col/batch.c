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

/* Bytes behind the views: of texts too long for the view itself. */
static size_t text_bytes(const ps_vec *vec, const uint32_t *sel, uint32_t n)
{
    const ps_reader_view in = ps_vec_read(vec);
    size_t sum = 0;

    for (uint32_t k = 0; k < n; k++) {
        const uint32_t row = sel ? sel[k] : k;
        if (!ps_reader_valid(&in, row)) continue;
        const ps_view *view = (const ps_view *)in.data + ps_reader_at(&in, row);
        sum += view->n > 12 ? view->n : 0;
    }
    return sum;
}

static size_t column_bytes(const ps_vec *vec, const uint32_t *sel, uint32_t n)
{
    switch ((ps_encoding)vec->encoding) {
    case PS_ENC_SEQUENCE: return sizeof(ps_vec);
    case PS_ENC_CONSTANT: return sizeof(ps_vec);
    case PS_ENC_DICTIONARY: return n * sizeof(uint32_t);
    case PS_ENC_FLAT: break;
    }
    size_t sum = n * ps_layout_bytes((ps_layout)vec->layout);
    if (vec->layout == PS_LAYOUT_VIEW) sum += text_bytes(vec, sel, n);
    for (size_t i = 0; i < ps_vec_child_count(vec); i++)
        sum += vec->children[i].n * ps_layout_bytes((ps_layout)vec->children[i].layout);
    return sum;
}

size_t ps_batch_bytes(const ps_batch *batch)
{
    size_t sum = 0;

    for (uint32_t i = 0; i < batch->n_cols; i++)
        sum += column_bytes(&batch->cols[i], batch->sel, batch->n_live);
    return sum;
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
