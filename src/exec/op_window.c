/* exec/op_window.c -- window functions over one PARTITION BY and ORDER BY.
 *
 * As a sink a sorter (sorter.h) brings rows into (partition, order, position). As a source it gives
 * morsels of whole partitions, of some 16,000 rows or one large partition: that one is a single
 * task, whatever its size, and may be larger than memory (window_stream.c, window_store.c). Output
 * is in sorted order, so it is the same for any number of threads and any batch size. window_plan.c
 * makes the config; window_frame.c, window_value.c and window_agg.c compute.
 *
 * Threads: after seal the sorter is read-only; a source lane has its morsel's work to itself.
 * Tests: tests/slt/op/window.test, window_frame.test, tests/py/test_window.py */
#include "exec/window.h"

enum { MORSEL_ROWS = 16384, BATCH_ROWS_MIN = 64 };

typedef struct window_shared {
    ps_sorter sorter;
    PS_ARRAY(uint64_t) morsels; /* begins, then the end (op arena) */
} window_shared;

typedef struct window_sink {
    ps_arena arena;
    ps_eval *eval;
    ps_vec *vecs; /* results, then payload */
    ps_sort_lane lane;
} window_sink;

static ps_status window_open(ps_ctx *cx, ps_op *op)
{
    const window_config *config = op->config;
    window_shared *shared = op->shared;

    (void)cx;
    ps_sorter_init(&shared->sorter, op, &config->spec, UINT64_MAX);
    return PS_OK;
}

/* ---- sink ---- */

static ps_status sink_open(ps_ctx *cx, ps_op *op, void *local)
{
    const window_config *config = op->config;
    window_shared *shared = op->shared;
    window_sink *l = local;

    l->vecs = PS_ARENA_ARRAY(cx, &l->arena, ps_vec, config->spec.layout->n_cols + 1);
    if (!l->vecs) return PS_MEMORY;
    PS_TRY(ps_eval_new(cx, &l->arena, config->program, &l->eval));
    return ps_sort_lane_open(cx, &l->arena, &shared->sorter, &l->lane);
}

static void sink_close(ps_op *op, void *local)
{
    window_sink *l = local;

    (void)op;
    ps_eval_release(l->eval);
    ps_sort_lane_close(&l->lane);
    ps_arena_release(&l->arena);
}

static ps_status sink(ps_ctx *cx, ps_op *op, void *local, const ps_batch *in, ps_flow *flow)
{
    const window_config *config = op->config;
    window_shared *shared = op->shared;
    window_sink *l = local;

    (void)flow;
    PS_TRY(ps_eval_run(cx, l->eval, in, l->vecs));
    for (uint32_t i = 0; i < config->n_payload; i++)
        l->vecs[config->n_results + i] = in->cols[config->payload[i]];
    return ps_sort_lane_add(cx, &shared->sorter, &l->lane, l->vecs, in);
}

static ps_status combine(ps_ctx *cx, ps_op *op, void *local)
{
    return ps_sort_lane_combine(cx, &((window_shared *)op->shared)->sorter,
                                &((window_sink *)local)->lane);
}

static ps_status finish_plan(ps_ctx *cx, ps_op *op, uint64_t *n_tasks)
{
    return ps_sorter_plan(cx, &op->arena, &((window_shared *)op->shared)->sorter, n_tasks);
}

static ps_status finish_task(ps_ctx *cx, ps_op *op, uint64_t task)
{
    return ps_sorter_task(cx, &((window_shared *)op->shared)->sorter, task);
}

/* Where row `at`'s partition ends: by doubling steps, then halving. */
static uint64_t partition_end(const window_config *config, const ps_sorter *sorter, uint64_t at)
{
    const uint8_t *row = sorter->sorted[at];
    uint64_t step = 1, low = at, high;

    if (config->n_partition == 0) return sorter->n_rows;
    while (low + step < sorter->n_rows &&
           ps_window_same(config, 0, config->n_partition, row, sorter->sorted[low + step])) {
        low += step;
        step *= 2;
    }
    high = PS_MIN(low + step, sorter->n_rows);
    low++;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (ps_window_same(config, 0, config->n_partition, row, sorter->sorted[middle]))
            low = middle + 1;
        else high = middle;
    }
    return low;
}

/* What calls make of the largest morsels, one in each lane, has to fit beside the rows: else they
 * go to files, where a lane holds as much as it may. */
static bool fits(const ps_op *op)
{
    const window_config *config = op->config;
    const window_shared *shared = op->shared;
    uint64_t most = 0;

    for (size_t m = 0; m + 1 < shared->morsels.n; m++)
        most = PS_MAX(most, shared->morsels.at[m + 1] - shared->morsels.at[m]);
    const uint64_t rows = PS_MIN(most * PS_MAX(op->settings->threads, 1u), shared->sorter.n_rows);
    const uint64_t left = ps_mem_left(op->mem);
    return rows * config->row_bytes <= left - left / 4;
}

static ps_status seal(ps_ctx *cx, ps_op *op)
{
    window_shared *shared = op->shared;
    const ps_sorter *sorter = &shared->sorter;

    PS_TRY(ps_sorter_seal(cx, &op->arena, &shared->sorter));
    if (!sorter->sorted) return PS_OK; /* in files: window_stream.c makes morsels */
    for (uint64_t at = 0; at < sorter->n_rows;) {
        PS_TRY(PS_ARRAY_ADD_IN(cx, &op->arena, &shared->morsels, at));
        PS_TRY(ps_poll(cx));
        at = partition_end(op->config, sorter, PS_MIN(at + MORSEL_ROWS, sorter->n_rows) - 1);
    }
    PS_TRY(PS_ARRAY_ADD_IN(cx, &op->arena, &shared->morsels, sorter->n_rows));
    return fits(op) ? PS_OK : ps_sorter_shrink(cx, &shared->sorter, NULL, &op->arena);
}

static uint64_t window_bytes(const ps_op *op, const void *local)
{
    return ps_sorter_bytes(&((const window_shared *)op->shared)->sorter,
                           local ? &((const window_sink *)local)->lane : NULL);
}

static ps_status window_shrink(ps_ctx *cx, ps_op *op, void *local, uint64_t wanted)
{
    (void)wanted;
    return ps_sorter_shrink(cx, &((window_shared *)op->shared)->sorter,
                            local ? &((window_sink *)local)->lane : NULL, &op->arena);
}

static void window_close(ps_op *op) { ps_sorter_release(&((window_shared *)op->shared)->sorter); }

/* ---- source ---- */

static ps_status source_plan(ps_ctx *cx, ps_op *op, uint64_t *n_morsels)
{
    const window_shared *shared = op->shared;

    (void)cx;
    *n_morsels = shared->sorter.sorted ? shared->morsels.n - 1
                                       : ps_window_stream_morsels(op, &shared->sorter);
    return PS_OK;
}

static ps_status source_arrays(ps_ctx *cx, ps_op *op, window_source *s)
{
    const uint32_t n = op->settings->batch_rows;

    s->bounds = PS_ARENA_ARRAY(cx, &s->arena, window_range, n);
    s->peers = PS_ARENA_ARRAY(cx, &s->arena, window_range, n);
    s->group_of = PS_ARENA_ARRAY(cx, &s->arena, uint64_t, n);
    s->first_group = PS_ARENA_ARRAY(cx, &s->arena, uint64_t, n);
    s->frames = PS_ARENA_ARRAY(cx, &s->arena, window_range, n);
    s->wanted = PS_ARENA_ARRAY(cx, &s->arena, uint64_t, n);
    s->targets = PS_ARENA_ARRAY(cx, &s->arena, uint8_t *, n);
    s->states = PS_ARENA_ARRAY(cx, &s->arena, uint8_t *, n);
    s->scratch = PS_ARENA_NEW(cx, &s->arena, ps_agg_scratch);
    s->bufs = PS_ARENA_ARRAY(cx, &s->arena, ps_vec_buf, op->n_cols + 1);
    s->work = PS_ARENA_ARRAY(cx, &s->arena, window_work, s->config->n_calls + 1);
    s->whole.made = PS_ARENA_ARRAY(cx, &s->arena, window_made, s->config->n_calls + 1);
    s->null_row = ps_arena_alloc(cx, &s->arena, ps_window_layout(s)->row_bytes + 1);
    return s->bounds && s->peers && s->group_of && s->first_group && s->frames && s->wanted &&
                   s->targets && s->states && s->scratch && s->bufs && s->work && s->whole.made &&
                   s->null_row
               ? PS_OK
               : PS_MEMORY;
}

/* Rows of a batch: their frames' states are a small part of what a lane may hold. */
static uint32_t batch_rows(const ps_op *op)
{
    const window_config *config = op->config;
    const uint64_t share = ps_window_piece_bytes(op) / 4;
    uint64_t bytes = 1;

    for (uint32_t c = 0; c < config->n_calls; c++)
        if (config->calls[c].agg.class) bytes += config->calls[c].agg.class->state_bytes;
    return (uint32_t)PS_MIN((uint64_t)op->settings->batch_rows,
                            PS_MAX(share / bytes, (uint64_t)BATCH_ROWS_MIN));
}

static ps_status source_open(ps_ctx *cx, ps_op *op, void *local)
{
    window_source *s = local;

    s->op = op;
    s->config = op->config;
    s->batch_rows = batch_rows(op);
    ps_rows_init(&s->fetched, s->config->spec.layout);
    ps_rows_init(&s->listed, s->config->spec.layout);
    s->block = &s->whole;
    PS_TRY(source_arrays(cx, op, s));
    for (uint32_t c = 0; c < ps_window_layout(s)->n_cols; c++)
        s->null_row[ps_window_col(s, c)->null_at] |= ps_window_col(s, c)->null_mask;
    for (uint32_t c = 0; c < op->n_cols; c++)
        PS_TRY(ps_vec_buf_init(cx, &s->bufs[c], s->batch_rows));
    return PS_OK;
}

static void source_close(ps_op *op, void *local)
{
    window_source *s = local;

    for (uint32_t c = 0; s->bufs && c < op->n_cols; c++) ps_vec_buf_release(&s->bufs[c]);
    for (uint32_t i = 0; s->work && i < s->config->n_calls; i++)
        ps_window_work_release(&s->work[i]);
    for (uint32_t a = 0; a < WINDOW_ARGS_MAX; a++) ps_vec_buf_release(&s->arg_bufs[a]);
    ps_window_store_free(s);
    if (s->config) ps_window_block_clear(s->config, &s->whole);
    ps_free(s->whole.groups);
    ps_window_stream_release(&s->stream);
    ps_rows_release(&s->fetched);
    ps_rows_release(&s->listed);
    ps_free(s->partitions);
    ps_free(s->list);
    ps_arena_release(&s->batch_arena);
    ps_arena_release(&s->arena);
}

static ps_status source_start(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel)
{
    const window_shared *shared = op->shared;
    window_source *s = local;

    s->fed = 0;
    for (uint32_t i = 0; i < s->config->n_calls; i++) s->work[i].has_carry = false;
    if (!shared->sorter.sorted) return ps_window_stream_start(s, morsel), PS_OK;
    ps_window_block_clear(s->config, &s->whole);
    s->at = shared->morsels.at[morsel];
    s->end = shared->morsels.at[morsel + 1];
    s->whole.rows = shared->sorter.sorted + s->at;
    s->whole.first = s->at;
    s->whole.n = s->end - s->at;
    return ps_window_split(cx, s, true);
}

static ps_status source_next(ps_ctx *cx, ps_op *op, void *local, ps_batch *out, bool *done)
{
    window_source *s = local;
    const window_config *config = s->config;
    const ps_sorter *sorter = &((const window_shared *)op->shared)->sorter;
    const bool streamed = !sorter->sorted;

    bool again = false;

    if (streamed && s->at == s->end && ps_window_stream_more(s))
        PS_TRY(ps_window_stream_next(cx, s, sorter, &again));
    if (again) return PS_OK; /* an empty batch */
    const uint32_t n = (uint32_t)PS_MIN(s->batch_rows, s->end - s->at);
    if (n == 0) return *done = true, PS_OK; /* no partition begins in this morsel */
    ps_arena_reset(&s->batch_arena);
    ps_rows_release(&s->fetched);
    s->parity ^= 1;
    ps_window_place(s, n);
    for (uint32_t c = 0; c < op->n_cols; c++) {
        const window_output *output = &config->outputs[c];
        if (!output->call) {
            PS_TRY(ps_rows_gather(cx, config->spec.layout, output->at,
                                  s->block->rows + (s->at - s->block->first), n, &s->bufs[c],
                                  &out->cols[c]));
        } else if (config->calls[output->at].expr->func->window_id != PS_WINDOW_NONE) {
            PS_TRY(ps_window_value(cx, s, output->at, n, &s->bufs[c], &out->cols[c]));
        } else {
            PS_TRY(ps_window_aggregate(cx, s, output->at, n, &s->bufs[c], &out->cols[c]));
        }
    }
    out->n = out->n_live = n;
    out->sel = NULL;
    out->n_cols = op->n_cols;
    out->first_row = s->at;
    s->at += n;
    *done = s->at == s->end && (!streamed || !ps_window_stream_more(s));
    return PS_OK;
}

const ps_op_class ps_op_window_class = {
    .name = "window",
    .source_floor_bytes = 4 << 20,
    .sink_floor_bytes = 2 << 20,
    .shared_size = sizeof(window_shared),
    .sink_size = sizeof(window_sink),
    .source_size = sizeof(window_source),
    .open = window_open,
    .sink_open = sink_open,
    .sink = sink,
    .combine = combine,
    .finish_plan = finish_plan,
    .finish_task = finish_task,
    .seal = seal,
    .sink_close = sink_close,
    .source_plan = source_plan,
    .source_open = source_open,
    .source_start = source_start,
    .source_next = source_next,
    .source_close = source_close,
    .bytes = window_bytes,
    .shrink = window_shrink,
    .close = window_close,
};
