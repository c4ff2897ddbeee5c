/* exec/op_keep.c -- keeps rows in order and gives them again: LIMIT inside a plan, shared subplans.
 *
 * As a sink it collects batches by position and cuts [offset, offset + count) out of them; as a
 * source it gives them in morsels of about PS_SEGMENT_ROWS rows, to each of its readers. What a
 * limit needs ends the input: later morsels are not begun once the finished ones hold enough.
 * Tests: tests/slt/op/limit.test, subplan.test */
#include "exec/collector.h"
#include "exec/phys.h"

typedef struct keep_config {
    int64_t offset, count;
} keep_config;

typedef struct keep_shared {
    ps_collector collector;
    PS_ARRAY(ps_kept *) kept; /* after seal, in order */
    PS_ARRAY(size_t) morsels; /* index of the first batch of each morsel */
} keep_shared;

typedef struct keep_local {
    size_t at, end;
    uint64_t first_row;
} keep_local;

static ps_status keep_open(ps_ctx *cx, ps_op *op)
{
    keep_shared *shared = op->shared;
    const keep_config *config = op->config;

    PS_TRY(ps_collector_init(cx, &op->arena, &shared->collector, op->n_feeders, UINT64_MAX));
    shared->collector.offset = (uint64_t)config->offset;
    shared->collector.count = config->count == INT64_MAX ? UINT64_MAX : (uint64_t)config->count;
    return PS_OK;
}

static ps_status keep_sink(ps_ctx *cx, ps_op *op, void *local, const ps_batch *batch, ps_flow *flow)
{
    keep_shared *shared = op->shared;

    (void)local, (void)flow;
    return ps_collector_add(cx, &shared->collector, batch);
}

static ps_status keep_sink_end(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel)
{
    (void)local;
    return ps_collector_end(cx, &((keep_shared *)op->shared)->collector, morsel);
}

static void keep_feeder(ps_op *op, uint32_t feeder, uint64_t n_morsels)
{
    ps_collector_feeder(&((keep_shared *)op->shared)->collector, feeder, n_morsels);
}

static bool keep_enough(ps_op *op, uint64_t morsel)
{
    return ps_collector_enough(&((keep_shared *)op->shared)->collector, morsel);
}

static ps_status keep_seal(ps_ctx *cx, ps_op *op)
{
    keep_shared *shared = op->shared;
    uint64_t rows = PS_SEGMENT_ROWS;

    for (;;) {
        ps_kept *kept;

        PS_TRY(ps_poll(cx));
        PS_TRY(ps_collector_pop(cx, &shared->collector, &kept));
        if (!kept) return PS_OK;
        const ps_status st = PS_ARRAY_ADD_IN(cx, &op->arena, &shared->kept, kept);
        if (st != PS_OK) {
            ps_kept_free(kept);
            return st;
        }
        if (rows >= PS_SEGMENT_ROWS) {
            PS_TRY(PS_ARRAY_ADD_IN(cx, &op->arena, &shared->morsels, shared->kept.n - 1));
            rows = 0;
        }
        rows += kept->batch.n;
    }
}

static ps_status keep_source_plan(ps_ctx *cx, ps_op *op, uint64_t *n_morsels)
{
    (void)cx;
    *n_morsels = ((const keep_shared *)op->shared)->morsels.n;
    return PS_OK;
}

static ps_status keep_source_start(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel)
{
    const keep_shared *shared = op->shared;
    keep_local *l = local;

    (void)cx;
    l->at = shared->morsels.at[morsel];
    l->end = morsel + 1 < shared->morsels.n ? shared->morsels.at[morsel + 1] : shared->kept.n;
    l->first_row = 0;
    return PS_OK;
}

static ps_status keep_source_next(ps_ctx *cx, ps_op *op, void *local, ps_batch *out, bool *done)
{
    const keep_shared *shared = op->shared;
    keep_local *l = local;
    const uint64_t morsel = out->morsel;

    (void)cx;
    ps_batch_copy_header(&shared->kept.at[l->at++]->batch, out);
    out->morsel = morsel;
    out->first_row = l->first_row;
    l->first_row += out->n;
    *done = l->at == l->end;
    return PS_OK;
}

static void keep_close(ps_op *op)
{
    keep_shared *shared = op->shared;

    for (size_t i = 0; i < shared->kept.n; i++) ps_kept_free(shared->kept.at[i]);
    ps_collector_release(&shared->collector);
}

static const ps_op_class keep_class = {
    .name = "keep",
    .shared_size = sizeof(keep_shared),
    .source_size = sizeof(keep_local),
    .open = keep_open,
    .sink = keep_sink,
    .sink_end = keep_sink_end,
    .feeder = keep_feeder,
    .seal = keep_seal,
    .enough = keep_enough,
    .source_plan = keep_source_plan,
    .source_start = keep_source_start,
    .source_next = keep_source_next,
    .close = keep_close,
};

static ps_op *keep_op(ps_phys *p, const ps_node *node, int64_t offset, int64_t count,
                      const ps_stream *input)
{
    keep_config *config = PS_ARENA_NEW(p->cx, p->arena, keep_config);

    if (!config) return NULL;
    *config = (keep_config){offset, count};
    return ps_phys_op(p, &keep_class, node, config, input->cols, input->n_cols);
}

ps_status ps_phys_limit(ps_phys *p, const ps_node *node, const ps_col_set *needed, ps_stream *out)
{
    const ps_node_limit *limit = ps_node_as_limit(node);
    ps_stream input;

    PS_TRY(ps_phys_build(p, node->inputs[0], needed, &input));
    ps_op *op = keep_op(p, node, limit->offset, limit->count, &input);
    if (!op) return PS_MEMORY;
    PS_TRY(ps_phys_close(p, &input, op));
    return ps_phys_source(p, op, true, out);
}

/* A subplan is run once and kept with all its columns; each reader names them by its own ids. */
struct ps_phys_shared {
    const ps_node *node;
    ps_op *op;
};

static ps_status shared_op(ps_phys *p, const ps_node *node, ps_op **out)
{
    ps_col_set all = {.n_words = (p->n_ids + 63) / 64};
    ps_stream input;

    for (size_t i = 0; i < p->shared.n; i++) {
        if (p->shared.at[i].node == node) {
            *out = p->shared.at[i].op;
            return PS_OK;
        }
    }
    all.bits = PS_ARENA_ARRAY(p->cx, p->arena, uint64_t, all.n_words + 1);
    if (!all.bits) return PS_MEMORY;
    for (uint32_t i = 0; i < node->n_cols; i++) ps_col_set_add(&all, node->cols[i].id);
    PS_TRY(ps_phys_build(p, node, &all, &input));
    *out = keep_op(p, node, 0, INT64_MAX, &input);
    if (!*out) return PS_MEMORY;
    PS_TRY(ps_phys_close(p, &input, *out));
    return PS_ARRAY_ADD_IN(p->cx, p->arena, &p->shared, (struct ps_phys_shared){node, *out});
}

ps_status ps_phys_subplan(ps_phys *p, const ps_node *node, const ps_col_set *needed, ps_stream *out)
{
    const ps_node *shared = node->inputs[0];
    ps_op *op;

    (void)needed;
    PS_TRY(shared_op(p, shared, &op));
    PS_TRY(ps_phys_source(p, op, true, out));
    ps_col *cols = PS_ARENA_ARRAY(p->cx, p->arena, ps_col, op->n_cols + 1);
    if (!cols) return PS_MEMORY;
    for (uint32_t i = 0; i < op->n_cols; i++) {
        cols[i] = node->cols[ps_cols_find(shared->cols, shared->n_cols, op->cols[i].id)];
    }
    out->cols = cols;
    return PS_OK;
}
