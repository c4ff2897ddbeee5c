/* exec/join_rest.c -- what the probe could not give: after all of it has drained.
 *
 * One morsel a partition. Of a partition in memory: build rows that the probe did not (or did)
 * find, by position; probe columns are null. Of a spilled one: its pairs, then its build rows
 * (join_part.c). A spilled join whose order matters gives nothing here but to the sorter
 * (join_order.c): pairs by the probe row's position, then build rows by partition and position.
 * Nothing is planned where there is nothing to give. Tests: tests/slt/op/join_*.test */
#include "exec/join.h"

typedef struct rest_local {
    ps_arena arena;
    ps_vec_buf *bufs;
    uint8_t **rows;
    int part;
    uint64_t given;
    ps_join_reader reader;     /* of a partition in memory */
    ps_join_work *work;        /* for spilled ones */
    ps_join_order_lane *order; /* NULL: rows go on */
} rest_local;
const size_t ps_join_rest_size = sizeof(rest_local);

ps_status ps_join_rest_plan(ps_ctx *cx, ps_op *op, uint64_t *n_morsels)
{
    const ps_join_config *config = op->config;
    ps_join_shared *shared = op->shared;
    const uint32_t spilled = ps_join_spilled(shared);
    const bool rest = config->rest != PS_REST_NONE;

    (void)cx;
    /* in memory, what is left is given in order by the order operator's own source */
    *n_morsels = spilled || (rest && !config->order) ? PS_JOIN_ALL_PARTS : 0;
    /* nobody looks rows up any more: memory for what follows */
    ps_join_table_drop_dense(shared);
    for (int p = 0; p < PS_JOIN_ALL_PARTS; p++) {
        if (spilled >> p & 1) continue;
        if (rest) ps_join_directory_free(&shared->parts[p]);
        else ps_join_part_free(shared, p);
    }
    return PS_OK;
}

/* Of a spilled join first the partitions in memory, which then is free for the others. Rows of
 * one in memory go on in the order of partitions. */
static int part_of_morsel(const ps_op *op, uint64_t morsel)
{
    const uint32_t spilled = ps_join_spilled(op->shared);

    for (uint32_t in_file = 0; in_file < 2; in_file++)
        for (int p = 0; p < PS_JOIN_ALL_PARTS; p++)
            if ((spilled >> p & 1) == in_file && morsel-- == 0) return p;
    return PS_JOIN_NULL_PART;
}

ps_status ps_join_rest_open(ps_ctx *cx, ps_op *op, void *local)
{
    const ps_join_config *config = op->config;
    const bool spilled = ps_join_spilled(op->shared) != 0;
    rest_local *l = local;

    l->rows = PS_ARENA_ARRAY(cx, &l->arena, uint8_t *, PS_BATCH_ROWS_MAX);
    l->bufs = PS_ARENA_ARRAY(cx, &l->arena, ps_vec_buf, op->n_cols + 1);
    if (!l->rows || !l->bufs) return PS_MEMORY;
    for (uint32_t i = 0; i < op->n_cols; i++)
        PS_TRY(ps_vec_buf_init(cx, &l->bufs[i], PS_BATCH_ROWS_MAX));
    if (spilled) PS_TRY(ps_join_work_new(cx, op, &l->arena, &l->work));
    return spilled && config->order ? ps_join_order_open(cx, op, &l->arena, &l->order) : PS_OK;
}

ps_status ps_join_rest_combine(ps_ctx *cx, ps_op *op, void *local)
{
    rest_local *l = local;

    return l->order ? ps_join_order_combine(cx, op, l->order) : PS_OK;
}

void ps_join_rest_close(ps_op *op, void *local)
{
    rest_local *l = local;

    for (uint32_t i = 0; l->bufs && i < op->n_cols; i++) ps_vec_buf_release(&l->bufs[i]);
    ps_join_reader_release(&l->reader);
    ps_join_work_close(op, l->work);
    ps_join_order_close(l->order);
    ps_arena_release(&l->arena);
}

static bool is_spilled(const ps_op *op, const rest_local *l)
{
    return ps_join_spilled(op->shared) >> l->part & 1;
}

ps_status ps_join_rest_start(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel)
{
    rest_local *l = local;

    l->part = part_of_morsel(op, morsel);
    l->given = 0;
    if (is_spilled(op, l)) return ps_join_work_start(cx, op, l->work, l->part);
    return ps_join_reader_init(cx, &l->reader, op->shared, l->part);
}

/* Build rows as output: probe columns are null. */
static ps_status give_build(ps_ctx *cx, ps_op *op, rest_local *l, uint8_t *const *rows, uint32_t n,
                            ps_batch *out)
{
    const ps_join_config *config = op->config;

    for (uint32_t c = 0; c < op->n_cols; c++) {
        if (config->outs[c].side == PS_SIDE_BUILD) {
            PS_TRY(ps_rows_gather(cx, config->layout, config->outs[c].index, rows, n, &l->bufs[c],
                                  &out->cols[c]));
            continue;
        }
        ps_arena_reset(&l->bufs[c].heap);
        const ps_value null = ps_value_null(op->cols[c].type);
        PS_TRY(ps_vec_constant(cx, &l->bufs[c].heap, &null, n, &out->cols[c]));
    }
    out->n = out->n_live = n;
    out->n_cols = op->n_cols;
    out->sel = NULL;
    return PS_OK;
}

/* The next rows of a partition in memory. */
static ps_status next_resident(ps_ctx *cx, ps_op *op, rest_local *l, ps_batch *out, bool *done)
{
    const ps_join_config *config = op->config;
    const uint8_t want = config->rest == PS_REST_MATCHED;
    uint32_t n = 0, kept = 0;

    if (config->rest != PS_REST_NONE)
        PS_TRY(ps_join_reader_next(cx, &l->reader, cx->batch_rows, l->rows, &n));
    for (uint32_t k = 0; k < n; k++) {
        l->rows[kept] = l->rows[k];
        kept += l->rows[k][config->layout->state_at] == want;
    }
    if (kept) PS_TRY(give_build(cx, op, l, l->rows, kept, out));
    *done = n == 0;
    if (*done) {
        ps_join_reader_release(&l->reader);
        ps_join_part_free(op->shared, l->part);
    }
    return PS_OK;
}

/* Where the rows of `out` belong: rest NULL: by the probe rows they were made from. */
static ps_status put_in_order(ps_ctx *cx, ps_op *op, rest_local *l, uint8_t *const *rest,
                              ps_batch *out)
{
    const ps_join_config *config = op->config;
    uint64_t *high, *low;

    ps_join_order_places(l->order, &high, &low);
    for (uint32_t k = 0; k < out->n_live; k++) {
        if (!rest && is_spilled(op, l)) {
            ps_join_work_place(op, l->work, k, &high[k], &low[k]);
            continue;
        }
        /* one lane gives all of a partition in memory, in order */
        high[k] = PS_JOIN_PLACE_REST;
        low[k] = (uint64_t)l->part << 56 |
                 (rest ? ps_join_number(config->layout, rest[k]) : out->first_row + k);
    }
    return ps_join_order_add(cx, op, l->order, out);
}

ps_status ps_join_rest_next(ps_ctx *cx, ps_op *op, void *local, ps_batch *out, bool *done)
{
    rest_local *l = local;
    ps_join_gift gift = {0};

    out->morsel = (uint64_t)l->part;
    if (!is_spilled(op, l)) {
        PS_TRY(next_resident(cx, op, l, out, done));
    } else {
        PS_TRY(ps_join_work_next(cx, op, l->work, out, &gift));
        if (gift.n_rest) PS_TRY(give_build(cx, op, l, gift.rest, gift.n_rest, out));
        *done = gift.done;
    }
    out->first_row = l->given;
    l->given += out->n;
    if (l->order && out->n_live)
        PS_TRY(put_in_order(cx, op, l, gift.n_rest ? gift.rest : NULL, out));
    return PS_OK;
}
