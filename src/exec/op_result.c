/* exec/op_result.c -- the last sink: rows leave in order while later morsels still run.
 *
 * A collector with two bounds; what doesn't fit parks its lane, so a slow reader stops the query.
 *
 * Each batch that leaves has a price, here and for whoever takes it. Of a lane that gave several
 * with few rows, the rows after them are gathered into a full batch or until the morsel ends (20 of
 * 2,048 rows in 16 columns: a third of the time of such a scan). The first ones leave as they come:
 * who waits for a row sees it, and short queries pay nothing. Not with a limit, which has to see
 * rows at once, and not where memory is short. Tests: tests/slt/op/result.test
 */
#include "exec/op_result.h"

#include "col/gather.h"

enum {
    RESULT_BYTES_MAX = 64 << 20,
    FEW_SHARE = 4,              /* few rows: a quarter of a batch at most */
    FEW_FIRST = 8,              /* batches with few rows that a lane gives before it gathers */
    GATHER_BYTES_MAX = 1 << 20, /* of rows that are gathered */
    GATHER_MEMORY_SHARE = 64    /* of the memory that is left */
};

typedef struct result_config {
    void (*wake)(void *user);
    void *user;
    uint32_t *order; /* result column i is batch column order[i] */
    uint32_t n;
    int64_t offset, count;
    bool gathers; /* types and the lack of a limit let it */
} result_config;

typedef struct result_shared {
    ps_collector collector;
} result_shared;
typedef struct result_local {
    ps_collector_view view;
    uint32_t n_few; /* batches with few rows so far, up to FEW_FIRST */
    ps_arena arena;
    ps_gather rows; /* of one morsel */
} result_local;

static ps_status result_open(ps_ctx *cx, ps_op *op)
{
    result_shared *shared = op->shared;
    const result_config *config = op->config;
    const uint64_t limit = op->settings->memory_limit, floor = op->settings->memory_floor;
    const uint64_t bytes = limit ? PS_MIN(PS_MAX(limit / 32, floor / 4), (uint64_t)RESULT_BYTES_MAX)
                                 : RESULT_BYTES_MAX;

    PS_TRY(ps_collector_init(cx, &op->arena, &shared->collector, op->n_feeders, bytes));
    shared->collector.offset = (uint64_t)config->offset;
    shared->collector.count = config->count == INT64_MAX ? UINT64_MAX : (uint64_t)config->count;
    return PS_OK;
}

static ps_status result_sink_open(ps_ctx *cx, ps_op *op, void *local)
{
    const result_config *config = op->config;

    return ps_collector_view_init(cx, &((result_local *)local)->view, config->order, config->n);
}

static void result_sink_close(ps_op *op, void *local)
{
    result_local *l = local;

    (void)op;
    ps_collector_view_release(&l->view);
    ps_gather_release(&l->rows);
    ps_arena_release(&l->arena);
}

/* What was gathered leaves, whether there is room for it or not: it is little. */
static ps_status flush(ps_ctx *cx, result_shared *shared, result_local *l)
{
    if (l->rows.n_rows == 0) return PS_OK;
    PS_TRY(ps_collector_add(cx, &shared->collector, ps_gather_rows(&l->rows)));
    ps_gather_clear(&l->rows);
    return PS_OK;
}

/* Whether a batch is one to be gathered. Its bytes only matter where rows may be long. */
static bool is_sparse(ps_ctx *cx, const ps_op *op, result_local *l, const ps_batch *batch)
{
    const result_config *config = op->config;

    if (!config->gathers || batch->n_live > cx->batch_rows / FEW_SHARE) return false;
    if (l->n_few < FEW_FIRST) return l->n_few++, false;
    const size_t bytes = ps_batch_bytes(batch);
    return bytes <= GATHER_BYTES_MAX / FEW_SHARE &&
           bytes / batch->n_live * cx->batch_rows <= ps_mem_left(op->mem) / GATHER_MEMORY_SHARE;
}

static ps_status result_sink(ps_ctx *cx, ps_op *op, void *local, const ps_batch *batch,
                             ps_flow *flow)
{
    result_shared *shared = op->shared;
    const result_config *config = op->config;
    result_local *l = local;
    bool added;

    if (is_sparse(cx, op, l, batch)) {
        if (l->rows.n_rows + batch->n_live <= cx->batch_rows && l->rows.bytes < GATHER_BYTES_MAX)
            return ps_gather_add(cx, &l->arena, &l->rows, ps_collector_view_of(&l->view, batch));
        if (ps_collector_may_add(&shared->collector, batch->morsel)) {
            PS_TRY(flush(cx, shared, l));
            PS_TRY(ps_gather_add(cx, &l->arena, &l->rows, ps_collector_view_of(&l->view, batch)));
        } else {
            *flow = PS_FLOW_BLOCKED;
        }
    } else {
        PS_TRY(flush(cx, shared, l));
        PS_TRY(ps_collector_add_view(cx, &shared->collector, &l->view, batch, &added));
        if (!added) *flow = PS_FLOW_BLOCKED;
    }
    if (*flow != PS_FLOW_BLOCKED && ps_collector_waiting(&shared->collector))
        config->wake(config->user);
    return PS_OK;
}

static ps_status result_sink_end(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel)
{
    result_shared *shared = op->shared;
    const result_config *config = op->config;

    PS_TRY(flush(cx, shared, local));
    PS_TRY(ps_collector_end(cx, &shared->collector, morsel));
    if (ps_collector_waiting(&shared->collector)) config->wake(config->user);
    return PS_OK;
}

static void result_feeder(ps_op *op, uint32_t feeder, uint64_t n_morsels)
{
    ps_collector_feeder(&((result_shared *)op->shared)->collector, feeder, n_morsels);
}

static bool result_ready(ps_op *op, uint64_t morsel)
{
    return ps_collector_may_add(&((result_shared *)op->shared)->collector, morsel);
}

static bool result_enough(ps_op *op, uint64_t morsel)
{
    return ps_collector_enough(&((result_shared *)op->shared)->collector, morsel);
}

static void result_close(ps_op *op)
{
    ps_collector_release(&((result_shared *)op->shared)->collector);
}

static const ps_op_class result_class = {
    .name = "result",
    .shared_size = sizeof(result_shared),
    .sink_size = sizeof(result_local),
    .open = result_open,
    .sink_open = result_sink_open,
    .sink = result_sink,
    .sink_end = result_sink_end,
    .feeder = result_feeder,
    .sink_close = result_sink_close,
    .ready = result_ready,
    .enough = result_enough,
    .close = result_close,
};

ps_status ps_result_pop(ps_ctx *cx, ps_op *result, ps_kept **out)
{
    return ps_collector_pop(cx, &((result_shared *)result->shared)->collector, out);
}

bool ps_result_waiting(ps_op *result)
{
    return ps_collector_waiting(&((result_shared *)result->shared)->collector);
}

ps_status ps_phys_result(ps_phys *p, const ps_node *plan, const ps_col_set *needed,
                         void (*wake)(void *user), void *user, ps_stream *stream, ps_op **result)
{
    result_config *config = PS_ARENA_NEW(p->cx, p->arena, result_config);
    const ps_node *body = plan;

    if (!config) return PS_MEMORY;
    *config = (result_config){.wake = wake, .user = user, .n = plan->n_cols, .count = INT64_MAX};
    if (plan->kind == PS_NODE_LIMIT) {
        const ps_node_limit *limit = ps_node_as_limit(plan);

        config->offset = limit->offset;
        config->count = limit->count;
        body = plan->inputs[0];
    }
    PS_TRY(ps_phys_build(p, body, needed, stream));
    config->order = PS_ARENA_ARRAY(p->cx, p->arena, uint32_t, plan->n_cols);
    if (!config->order) return PS_MEMORY;
    config->gathers = config->count == INT64_MAX && config->offset == 0;
    for (uint32_t i = 0; i < plan->n_cols; i++) {
        config->gathers &= ps_gather_can(&plan->cols[i].type, 1);
        config->order[i] = ps_cols_find(stream->cols, stream->n_cols, plan->cols[i].id);
        if (config->order[i] == UINT32_MAX)
            return PS_BUG(p->cx, "a result column is missing from the plan");
    }
    *result = ps_phys_op(p, &result_class, plan, config, NULL, 0);
    return *result ? ps_phys_close(p, stream, *result) : PS_MEMORY;
}
