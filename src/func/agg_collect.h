/* func/agg_collect.h -- what aggregates over collected rows share: the result vector. */
#ifndef PS_FUNC_AGG_COLLECT_H
#define PS_FUNC_AGG_COLLECT_H

#include "func/agg.h"

/* Begins the result vector with its first row. */
PS_INLINE void ps_agg_result_begin(const ps_agg *agg, ps_vec_buf *buf, uint32_t row, ps_vec *out)
{
    if (row == 0) {
        ps_bits_fill(buf->valid, buf->n_max, true);
        ps_vec_flat(out, agg->expr->type, ps_type_layout(agg->expr->type), buf->data, buf->valid,
                    0);
    }
    out->n = row + 1;
}

PS_INLINE void ps_agg_result_null(ps_vec_buf *buf, uint32_t row, ps_vec *out)
{
    const size_t bytes = ps_layout_bytes((ps_layout)out->layout);

    memset((char *)buf->data + row * bytes, 0, bytes);
    ps_bit_clear(buf->valid, row);
}

/* The error of a result that is too large, instead of the recorded one. */
ps_status ps_agg_result_too_large(ps_ctx *cx, const ps_agg *agg, uint64_t bytes);
/* Memory for a result's own bytes in the buffer's heap; the error names the aggregate. */
void *ps_agg_result_alloc(ps_ctx *cx, const ps_agg *agg, ps_vec_buf *buf, uint64_t bytes);

#endif
