/* exec/join_rest.c -- build rows that the probe did not (or did) find, after all of it has drained.
 *
 * One morsel a partition, rows in the order of the directory; probe columns are null. */
#include "exec/join.h"

typedef struct rest_local {
    ps_arena arena;
    ps_vec_buf *bufs;
    uint8_t **rows;
    const ps_join_part *part;
    uint64_t at, given;
} rest_local;
const size_t ps_join_rest_size = sizeof(rest_local);

ps_status ps_join_rest_plan(ps_ctx *cx, ps_op *op, uint64_t *n_morsels)
{
    (void)cx, (void)op;
    *n_morsels = PS_JOIN_ALL_PARTS;
    return PS_OK;
}

ps_status ps_join_rest_open(ps_ctx *cx, ps_op *op, void *local)
{
    rest_local *l = local;

    l->rows = PS_ARENA_ARRAY(cx, &l->arena, uint8_t *, PS_BATCH_ROWS_MAX);
    l->bufs = PS_ARENA_ARRAY(cx, &l->arena, ps_vec_buf, op->n_cols + 1);
    if (!l->rows || !l->bufs) return PS_MEMORY;
    for (uint32_t i = 0; i < op->n_cols; i++)
        PS_TRY(ps_vec_buf_init(cx, &l->bufs[i], PS_BATCH_ROWS_MAX));
    return PS_OK;
}

void ps_join_rest_close(ps_op *op, void *local)
{
    rest_local *l = local;

    for (uint32_t i = 0; l->bufs && i < op->n_cols; i++) ps_vec_buf_release(&l->bufs[i]);
    ps_arena_release(&l->arena);
}

ps_status ps_join_rest_start(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel)
{
    rest_local *l = local;

    (void)cx;
    l->part = &((const ps_join_shared *)op->shared)->parts[morsel];
    l->at = l->given = 0;
    return PS_OK;
}

ps_status ps_join_rest_next(ps_ctx *cx, ps_op *op, void *local, ps_batch *out, bool *done)
{
    const ps_join_config *config = op->config;
    const uint8_t want = config->rest == PS_REST_MATCHED;
    rest_local *l = local;
    uint32_t n = 0;

    while (n < cx->batch_rows && l->at < l->part->n) {
        uint8_t *row = l->part->entries[l->at++];

        if ((l->at & 65535) == 0) PS_TRY(ps_poll(cx));
        l->rows[n] = row;
        n += row[config->layout->state_at] == want;
    }
    for (uint32_t c = 0; c < op->n_cols; c++) {
        if (config->outs[c].side == PS_SIDE_BUILD) {
            PS_TRY(ps_rows_gather(cx, config->layout, config->outs[c].index, l->rows, n,
                                  &l->bufs[c], &out->cols[c]));
            continue;
        }
        ps_arena_reset(&l->bufs[c].heap);
        const ps_value null = ps_value_null(op->cols[c].type);
        PS_TRY(ps_vec_constant(cx, &l->bufs[c].heap, &null, n, &out->cols[c]));
    }
    out->n = out->n_live = n;
    out->n_cols = op->n_cols;
    out->first_row = l->given;
    l->given += n;
    *done = l->at == l->part->n;
    return PS_OK;
}
