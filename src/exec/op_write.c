/* exec/op_write.c -- hands rows, in order, to a sink: files of a format, in-memory tables.
 *
 * Lanes add to a collector; whoever finds output there and nobody draining becomes the drainer and
 * writes it, outside of any lock, one batch at a time. commit is called once, when every row was
 * written: nothing appears before. The result is one row: the number of rows written. Tests:
 * tests/slt/op/write.test */
#include "exec/op_write.h"

#include "exec/collector.h"
#include "exec/dataset.h"
#include "exec/phys.h"

enum {
    WRITE_BYTES_MAX = 64 << 20,
    WRITER_BYTES_MAX = 256 << 20,
    ENCODE_BYTES_MAX = 6 << 20,
    LARGE_ROWS_MAX = 64
};

typedef struct write_config {
    ps_schema *schema; /* one reference, the arena's */
    uint32_t *order;   /* written column i is batch column order[i] */
    uint32_t n;
} write_config;

typedef struct write_shared {
    ps_collector collector;
    ps_sink *sink;
    _Atomic bool draining;
    uint64_t n_rows;
    bool committed;
} write_shared;

static const ps_sink_class *class_of(const ps_op *op)
{
    const ps_sink_spec *spec = ps_node_as_write(op->node)->sink;

    return spec->dataset ? &ps_dataset_sink : spec->class;
}

/* Rows that wait to be written. */
static uint64_t write_bytes_max(const ps_exec_settings *settings)
{
    const uint64_t limit = settings->memory_limit;

    return limit ? PS_MIN(limit / 16, (uint64_t)WRITE_BYTES_MAX) : WRITE_BYTES_MAX;
}

/* And what a writer holds of those it took. Of files: an eighth of the limit, in blocks that grow
 * by a quarter, and what it needs to encode them. */
static uint64_t write_floor_bytes(const ps_op *op, const ps_schema *schema)
{
    const uint64_t limit = op->settings->memory_limit;
    const uint64_t taken = PS_MIN(limit / 8, (uint64_t)WRITER_BYTES_MAX);

    if (!limit) return 0;
    if (class_of(op)->floor_bytes)
        return write_bytes_max(op->settings) + class_of(op)->floor_bytes(schema, limit);
    return write_bytes_max(op->settings) + taken + taken / 4 +
           PS_MIN(limit / 8 * 3, (uint64_t)ENCODE_BYTES_MAX);
}

static ps_status write_open(ps_ctx *cx, ps_op *op)
{
    write_shared *shared = op->shared;

    return ps_collector_init(cx, &op->arena, &shared->collector, op->n_feeders,
                             write_bytes_max(op->settings));
}

static ps_status write_begin(ps_ctx *cx, ps_op *op)
{
    const write_config *config = op->config;
    write_shared *shared = op->shared;

    return class_of(op)->open(cx, ps_node_as_write(op->node)->sink, config->schema, &shared->sink);
}

/* Writes what is out, unless somebody else does. */
static ps_status write_drain(ps_ctx *cx, ps_op *op)
{
    const ps_sink_class *class = class_of(op);
    write_shared *shared = op->shared;
    ps_status st = PS_OK;

    while (st == PS_OK && ps_collector_waiting(&shared->collector)) {
        bool idle = false;
        ps_kept *kept = NULL;

        /* acquire/release: the next drainer continues with the sink's state of the last one */
        if (!atomic_compare_exchange_strong_explicit(&shared->draining, &idle, true,
                                                     memory_order_acquire, memory_order_relaxed)) {
            return PS_OK;
        }
        do {
            st = ps_collector_pop(cx, &shared->collector, &kept);
            if (kept) st = class->write(cx, shared->sink, &kept->batch);
            ps_kept_free(kept);
        } while (st == PS_OK && kept);
        atomic_store_explicit(&shared->draining, false, memory_order_release);
    }
    return st;
}

/* A batch of a few values of many MB is written from where it is, if it comes next: a copy of them
 * may be more than there is. Whoever adds meanwhile sees somebody draining. */
static ps_status write_large(ps_ctx *cx, ps_op *op, ps_collector_view *view, const ps_batch *batch,
                             bool *written)
{
    write_shared *shared = op->shared;
    bool idle = false;
    ps_status st = PS_OK;

    *written = false;
    if (batch->n_live > LARGE_ROWS_MAX || batch->sel ||
        ps_batch_bytes(batch) < write_bytes_max(op->settings) / 2)
        return PS_OK;
    if (!atomic_compare_exchange_strong_explicit(&shared->draining, &idle, true,
                                                 memory_order_acquire, memory_order_relaxed))
        return PS_OK;
    *written = ps_collector_is_next(&shared->collector, batch->morsel);
    if (*written) st = class_of(op)->write(cx, shared->sink, ps_collector_view_of(view, batch));
    atomic_store_explicit(&shared->draining, false, memory_order_release);
    return st == PS_OK ? write_drain(cx, op) : st;
}

static ps_status write_sink_open(ps_ctx *cx, ps_op *op, void *local)
{
    const write_config *config = op->config;

    return ps_collector_view_init(cx, local, config->order, config->n);
}

static void write_sink_close(ps_op *op, void *local)
{
    (void)op;
    ps_collector_view_release(local);
}

static ps_status write_sink(ps_ctx *cx, ps_op *op, void *local, const ps_batch *batch,
                            ps_flow *flow)
{
    write_shared *shared = op->shared;
    bool added;

    PS_TRY(write_large(cx, op, local, batch, &added));
    if (added) return PS_OK;
    PS_TRY(ps_collector_add_view(cx, &shared->collector, local, batch, &added));
    if (!added) {
        *flow = PS_FLOW_BLOCKED;
        return PS_OK;
    }
    return write_drain(cx, op);
}

static ps_status write_sink_end(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel)
{
    (void)local;
    PS_TRY(ps_collector_end(cx, &((write_shared *)op->shared)->collector, morsel));
    return write_drain(cx, op);
}

static void write_feeder(ps_op *op, uint32_t feeder, uint64_t n_morsels)
{
    ps_collector_feeder(&((write_shared *)op->shared)->collector, feeder, n_morsels);
}

static bool write_ready(ps_op *op, uint64_t morsel)
{
    return ps_collector_may_add(&((write_shared *)op->shared)->collector, morsel);
}

static ps_status write_seal(ps_ctx *cx, ps_op *op)
{
    write_shared *shared = op->shared;

    PS_TRY(write_drain(cx, op));
    PS_TRY(class_of(op)->commit(cx, shared->sink, &shared->n_rows));
    shared->committed = true;
    return PS_OK;
}

static ps_status write_source_plan(ps_ctx *cx, ps_op *op, uint64_t *n_morsels)
{
    (void)cx, (void)op;
    *n_morsels = 1;
    return PS_OK;
}

static ps_status write_source_next(ps_ctx *cx, ps_op *op, void *local, ps_batch *out, bool *done)
{
    const write_shared *shared = op->shared;
    const ps_value count = ps_value_int(PS_TYPE(INT64), (ps_i128)shared->n_rows);

    /* one call a query: the local is an arena for this constant */
    out->n = out->n_live = 1;
    out->n_cols = op->n_cols;
    *done = true;
    return op->n_cols ? ps_vec_constant(cx, local, &count, 1, &out->cols[0]) : PS_OK;
}

static void write_source_close(ps_op *op, void *local)
{
    (void)op;
    ps_arena_release(local);
}

static void write_close(ps_op *op)
{
    write_shared *shared = op->shared;

    if (shared->sink) class_of(op)->close(shared->sink);
    ps_collector_release(&shared->collector);
}

static const ps_op_class write_class = {
    .name = "write",
    .shared_size = sizeof(write_shared),
    .sink_size = sizeof(ps_collector_view),
    .source_size = sizeof(ps_arena),
    .open = write_open,
    .begin = write_begin,
    .sink_open = write_sink_open,
    .sink = write_sink,
    .sink_end = write_sink_end,
    .feeder = write_feeder,
    .sink_close = write_sink_close,
    .ready = write_ready,
    .seal = write_seal,
    .source_plan = write_source_plan,
    .source_next = write_source_next,
    .source_close = write_source_close,
    .close = write_close,
};

bool ps_write_committed(const ps_op *op, uint64_t *n_rows)
{
    const write_shared *shared = op->shared;

    if (op->class != &write_class || !shared->committed) return false;
    *n_rows = shared->n_rows;
    return true;
}

static void release_schema(void *schema) { ps_schema_unref(schema); }

static ps_status write_plan_columns(ps_phys *p, const ps_node *input, const ps_stream *stream,
                                    write_config *config)
{
    ps_field *fields = PS_ARENA_ARRAY(p->cx, p->arena, ps_field, input->n_cols + 1);

    config->n = input->n_cols;
    config->order = PS_ARENA_ARRAY(p->cx, p->arena, uint32_t, input->n_cols + 1);
    if (!fields || !config->order) return PS_MEMORY;
    for (uint32_t i = 0; i < input->n_cols; i++) {
        const ps_col *col = &input->cols[i];

        fields[i] = (ps_field){.name = col->name, .type = col->type, .nullable = col->nullable};
        config->order[i] = ps_cols_find(stream->cols, stream->n_cols, col->id);
    }
    PS_TRY(ps_schema_new(p->cx, fields, input->n_cols, &config->schema));
    return ps_arena_own(p->cx, p->arena, config->schema, release_schema);
}

/* A rule may have moved the sort for the partitions, but there must be one. */
static bool is_sorted(const ps_node *write)
{
    const ps_dataset_spec *dataset = ps_node_as_write(write)->sink->dataset;
    const ps_node *input = write->inputs[0];

    if (!dataset || !dataset->n_partition) return true;
    if (input->kind != PS_NODE_SORT) return false;
    const ps_f_sort_keys *keys = &ps_node_as_sort(input)->keys;
    for (uint32_t i = 0; i < dataset->n_partition; i++) {
        const ps_col_id id = input->cols[dataset->partition[i]].id;
        if (i >= keys->n || keys->at[i].expr->kind != PS_EXPR_COLUMN ||
            keys->at[i].expr->column != id)
            return false;
    }
    return true;
}

ps_status ps_phys_write(ps_phys *p, const ps_node *node, const ps_col_set *needed, ps_stream *out)
{
    const ps_node *input = node->inputs[0];
    write_config *config = PS_ARENA_NEW(p->cx, p->arena, write_config);
    ps_col_set below;
    ps_stream stream;

    if (!config) return PS_MEMORY;
    if (!is_sorted(node)) return PS_BUG(p->cx, "rows of a partitioned write are not sorted");
    PS_TRY(ps_col_set_copy(p->cx, p->arena, needed, &below));
    ps_col_set_clear(&below);
    for (uint32_t i = 0; i < input->n_cols; i++) ps_col_set_add(&below, input->cols[i].id);
    PS_TRY(ps_phys_build(p, input, &below, &stream));
    PS_TRY(write_plan_columns(p, input, &stream, config));
    ps_op *op = ps_phys_op(p, &write_class, node, config, node->cols, node->n_cols);
    if (!op) return PS_MEMORY;
    op->floor_bytes = write_floor_bytes(op, config->schema);
    op->sink_bytes = ps_phys_batch_bytes(p, input->cols, input->n_cols); /* on its way */
    PS_TRY(ps_phys_close(p, &stream, op));
    return ps_phys_source(p, op, true, out);
}
