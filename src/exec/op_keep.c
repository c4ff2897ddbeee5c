/* exec/op_keep.c -- keeps rows in order and gives them again: LIMIT inside a plan, shared subplans.
 *
 * As a sink it collects batches by position and cuts [offset, offset + count) out of them; as a
 * source it gives them in morsels of about PS_SEGMENT_ROWS rows, to each of its readers. What a
 * limit needs ends the input: later morsels are not begun once the finished ones hold enough.
 * Beyond an eighth of the memory limit, or when memory is short, batches go to a temporary file as
 * they come, and are read back by whoever gives them; so does the rest, when it is asked for before
 * anybody reads. Tests: tests/slt/op/limit.test, tests/slt/opt/share_subplans.test,
 * tests/py/test_spill_aggregate.py */
#include "exec/collector.h"
#include "exec/phys.h"

typedef struct keep_config {
    int64_t offset, count;
} keep_config;

typedef struct keep_shared {
    ps_collector collector;
    const ps_row_layout *layout; /* of rows in the file; NULL: too wide for it */
    ps_mutex mutex;              /* guards spill */
    bool opened;
    ps_spill *spill;
    _Atomic uint64_t held;    /* bytes of batches in memory */
    PS_ARRAY(ps_kept *) kept; /* after seal, in order */
    PS_ARRAY(size_t) morsels; /* index of the first batch of each morsel */
    uint32_t rows_max;        /* of a batch */
} keep_shared;

typedef struct keep_local {
    size_t at, end;
    uint64_t first_row;
    /* a batch that was read back */
    ps_arena arena;
    ps_vec_buf *bufs;
    uint32_t n_bufs;
    uint8_t **rows;
    ps_row_page page;
} keep_local;

typedef struct keep_lane {
    ps_rows scratch;
    uint32_t batches;
} keep_lane;

static ps_status keep_open(ps_ctx *cx, ps_op *op)
{
    keep_shared *shared = op->shared;
    const keep_config *config = op->config;

    ps_type *types = PS_ARENA_ARRAY(cx, &op->arena, ps_type, op->n_cols + 1);

    if (!types) return PS_MEMORY;
    for (uint32_t c = 0; c < op->n_cols; c++) types[c] = op->cols[c].type;
    const ps_row_spec spec = {.types = types, .n_cols = op->n_cols};
    const ps_status st = ps_row_layout_new(cx, &op->arena, &spec, &shared->layout);
    if (st != PS_OK && st != PS_UNSUPPORTED) return st;
    if (st == PS_UNSUPPORTED) ps_ctx_clear(cx);
    ps_mutex_init(&shared->mutex);
    shared->opened = true;
    PS_TRY(ps_collector_init(cx, &op->arena, &shared->collector, op->n_feeders, UINT64_MAX));
    shared->collector.offset = (uint64_t)config->offset;
    shared->collector.count = config->count == INT64_MAX ? UINT64_MAX : (uint64_t)config->count;
    return PS_OK;
}

static ps_status spill_file(ps_ctx *cx, ps_op *op, ps_spill **out)
{
    keep_shared *shared = op->shared;

    return ps_op_spill_file(cx, op, &shared->mutex, &shared->spill, out);
}

/* Whether the next batch should go to the file. */
static bool is_short(const ps_op *op, const keep_lane *lane)
{
    const uint64_t limit = op->settings->memory_limit;
    const keep_shared *shared = op->shared;

    if (!shared->layout) return false;
    if (op->settings->force_spill && lane->batches % 2 == 1) return true;
    /* relaxed: about how much */
    return limit && (atomic_load_explicit(&shared->held, memory_order_relaxed) > limit / 8 ||
                     ps_mem_left(op->mem) < limit / 4);
}

static ps_status keep_in_file(ps_ctx *cx, ps_op *op, const ps_batch *batch, ps_rows *scratch,
                              ps_kept **out)
{
    ps_spill *spill;

    if (!scratch->layout) ps_rows_init(scratch, ((const keep_shared *)op->shared)->layout);
    PS_TRY(spill_file(cx, op, &spill));
    return ps_kept_file(cx, batch, scratch, spill, out);
}

static ps_status keep_sink(ps_ctx *cx, ps_op *op, void *local, const ps_batch *batch, ps_flow *flow)
{
    keep_shared *shared = op->shared;
    keep_lane *lane = local;
    ps_kept *kept;

    (void)flow;
    if (batch->n_live == 0) return PS_OK;
    const bool filed = is_short(op, lane);
    lane->batches++;
    if (filed) PS_TRY(keep_in_file(cx, op, batch, &lane->scratch, &kept));
    else PS_TRY(ps_kept_new(cx, batch, 0, batch->n_live, &kept));
    if (!filed) atomic_fetch_add_explicit(&shared->held, kept->bytes, memory_order_relaxed);
    return ps_collector_add_kept(cx, &shared->collector, kept);
}

static void keep_sink_close(ps_op *op, void *local)
{
    keep_lane *lane = local;

    (void)op;
    if (lane->scratch.layout) ps_rows_release(&lane->scratch);
}

/* Memory of what is kept, when nobody reads it yet; and writing it out. */
static uint64_t keep_bytes(const ps_op *op, const void *local)
{
    const keep_shared *shared = op->shared;

    return local || !shared->layout ? 0 : atomic_load_explicit(&shared->held, memory_order_relaxed);
}

static ps_status keep_shrink(ps_ctx *cx, ps_op *op, void *local, uint64_t wanted)
{
    keep_shared *shared = op->shared;
    ps_rows scratch = {0};

    (void)wanted;
    if (local || !shared->layout) return PS_OK;
    for (size_t i = 0; i < shared->kept.n; i++) {
        ps_kept *kept = shared->kept.at[i], *filed;
        if (kept->filed) continue;
        PS_TRY(ps_poll(cx));
        PS_TRY(keep_in_file(cx, op, &kept->batch, &scratch, &filed));
        shared->kept.at[i] = filed;
        ps_kept_free(kept);
    }
    atomic_store_explicit(&shared->held, 0, memory_order_relaxed);
    return PS_OK;
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

/* The batches in order. */
static ps_status list_kept(ps_ctx *cx, ps_op *op)
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
        shared->rows_max = PS_MAX(shared->rows_max, kept->batch.n);
    }
}

/* Once they are read nobody can ask for their memory any more: it goes now if those who read need
 * it. */
static ps_status keep_seal(ps_ctx *cx, ps_op *op)
{
    const ps_exec_settings *settings = op->settings;

    PS_TRY(list_kept(cx, op));
    if (settings->memory_limit == 0 || keep_bytes(op, NULL) == 0 ||
        ps_mem_left(op->mem) >= settings->memory_reserve)
        return PS_OK;
    return keep_shrink(cx, op, NULL, UINT64_MAX);
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

static ps_status source_buffers(ps_ctx *cx, ps_op *op, keep_local *l)
{
    if (l->rows) return PS_OK;
    l->bufs = PS_ARENA_ARRAY(cx, &l->arena, ps_vec_buf, op->n_cols + 1);
    l->rows = PS_ARENA_ARRAY(cx, &l->arena, uint8_t *, PS_BATCH_ROWS_MAX);
    if (!l->bufs || !l->rows) return PS_MEMORY;
    for (; l->n_bufs < op->n_cols; l->n_bufs++)
        PS_TRY(ps_vec_buf_init_layout(cx, &l->bufs[l->n_bufs],
                                      ((const keep_shared *)op->shared)->rows_max,
                                      ps_type_layout(op->cols[l->n_bufs].type)));
    return PS_OK;
}

/* A batch from the file; its texts are the page's, which stays until the next one. */
static ps_status read_back(ps_ctx *cx, ps_op *op, keep_local *l, const ps_kept *kept, ps_batch *out)
{
    const ps_row_layout *layout = kept->filed->layout;

    PS_TRY(source_buffers(cx, op, l));
    ps_free(l->page.rows);
    l->page.rows = NULL;
    PS_TRY(ps_rows_read(cx, kept->filed, 0, &l->page));
    for (uint32_t k = 0; k < kept->batch.n; k++)
        l->rows[k] = l->page.rows + (size_t)(kept->skip + k) * layout->row_bytes;
    for (uint32_t c = 0; c < op->n_cols; c++)
        PS_TRY(ps_rows_gather(cx, layout, c, l->rows, kept->batch.n, &l->bufs[c], &out->cols[c]));
    out->n = out->n_live = kept->batch.n;
    out->n_cols = op->n_cols;
    out->sel = NULL;
    return PS_OK;
}

static ps_status keep_source_next(ps_ctx *cx, ps_op *op, void *local, ps_batch *out, bool *done)
{
    const keep_shared *shared = op->shared;
    keep_local *l = local;
    const uint64_t morsel = out->morsel;
    const ps_kept *kept = shared->kept.at[l->at++];

    if (kept->filed) PS_TRY(read_back(cx, op, l, kept, out));
    else ps_batch_copy_header(&kept->batch, out);
    out->morsel = morsel;
    out->first_row = l->first_row;
    l->first_row += out->n;
    *done = l->at == l->end;
    return PS_OK;
}

static void keep_source_close(ps_op *op, void *local)
{
    keep_local *l = local;

    (void)op;
    for (uint32_t c = 0; c < l->n_bufs; c++) ps_vec_buf_release(&l->bufs[c]);
    ps_free(l->page.rows);
    ps_arena_release(&l->arena);
}

static void keep_close(ps_op *op)
{
    keep_shared *shared = op->shared;

    for (size_t i = 0; i < shared->kept.n; i++) ps_kept_free(shared->kept.at[i]);
    ps_collector_release(&shared->collector);
    ps_spill_free(shared->spill);
    if (shared->opened) ps_mutex_destroy(&shared->mutex);
}

static const ps_op_class keep_class = {
    .name = "keep",
    .shared_size = sizeof(keep_shared),
    .source_size = sizeof(keep_local),
    .sink_size = sizeof(keep_lane),
    .open = keep_open,
    .sink = keep_sink,
    .sink_end = keep_sink_end,
    .feeder = keep_feeder,
    .seal = keep_seal,
    .enough = keep_enough,
    .sink_close = keep_sink_close,
    .bytes = keep_bytes,
    .shrink = keep_shrink,
    .source_plan = keep_source_plan,
    .source_start = keep_source_start,
    .source_next = keep_source_next,
    .source_close = keep_source_close,
    .close = keep_close,
};

static ps_op *keep_op(ps_phys *p, const ps_node *node, int64_t offset, int64_t count,
                      const ps_stream *input)
{
    keep_config *config = PS_ARENA_NEW(p->cx, p->arena, keep_config);

    if (!config) return NULL;
    *config = (keep_config){offset, count};
    ps_op *op = ps_phys_op(p, &keep_class, node, config, input->cols, input->n_cols);
    if (!op) return NULL;
    /* A batch on its way to the file is there as rows too; on its way back as a block, as rows and
     * as columns. */
    const uint64_t bytes = ps_phys_batch_bytes(p, input->cols, input->n_cols);
    op->sink_bytes = 2 * bytes;
    op->lane_bytes = 3 * bytes;
    op->lane_needs = true;
    return op;
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
