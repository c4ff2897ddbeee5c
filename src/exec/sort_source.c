/* exec/sort_source.c -- a sealed sorter's rows in batches.
 *
 * Tests: tests/slt/op/sort.test, topn.test, join_spill.test */
#include "exec/sort_source.h"

ps_status ps_sort_source_open(ps_ctx *cx, ps_sort_source *source, const ps_op *op)
{
    const uint32_t n_max = op->settings->batch_rows;

    source->bufs = PS_ARENA_ARRAY(cx, &source->arena, ps_vec_buf, op->n_cols + 1);
    source->rows = PS_ARENA_ARRAY(cx, &source->arena, uint8_t *, n_max);
    if (!source->bufs || !source->rows) return PS_MEMORY;
    for (; source->n_cols < op->n_cols; source->n_cols++)
        PS_TRY(ps_vec_buf_init_layout(cx, &source->bufs[source->n_cols], n_max,
                                      ps_type_layout(op->cols[source->n_cols].type)));
    return PS_OK;
}

void ps_sort_source_close(ps_sort_source *source)
{
    for (uint32_t c = 0; c < source->n_cols; c++) ps_vec_buf_release(&source->bufs[c]);
    ps_sort_reader_release(&source->reader);
    ps_arena_release(&source->arena);
}

void ps_sort_source_start(ps_sort_source *source, uint64_t rank, uint64_t n)
{
    source->at = rank;
    source->end = rank + n;
    source->given = 0;
    source->seek_due = true;
}

ps_status ps_sort_source_next(ps_ctx *cx, const ps_sorter *sorter, ps_sort_source *source,
                              const uint32_t *columns, ps_batch *out, bool *done)
{
    const uint32_t n_max = (uint32_t)PS_MIN(cx->batch_rows, source->end - source->at);
    uint8_t *const *rows;
    ps_status st = PS_OK;
    uint32_t n = 0;

    if (source->seek_due) st = ps_sort_reader_seek(cx, sorter, &source->reader, source->at);
    source->seek_due = st != PS_OK;
    if (st == PS_OK)
        st = ps_sort_reader_next(cx, sorter, &source->reader, source->rows, n_max, &rows, &n);
    if (ps_sort_reader_retries(cx, &source->reader, st)) return PS_OK;
    PS_TRY(st);
    source->reader.n_refused = 0;
    if (n == 0) return PS_BUG(cx, "a sorter lost rows");
    for (uint32_t c = 0; c < source->n_cols; c++)
        PS_TRY(ps_rows_gather(cx, sorter->spec->layout, columns ? columns[c] : c, rows, n,
                              &source->bufs[c], &out->cols[c]));
    out->n = out->n_live = n;
    out->n_cols = source->n_cols;
    out->first_row = source->given;
    source->given += n;
    source->at += n;
    *done = source->at == source->end;
    return PS_OK;
}
