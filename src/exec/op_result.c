/* exec/op_result.c -- the last sink: rows leave in order while later morsels still run.
 *
 * A collector with two bounds; what doesn't fit parks its lane, so a slow reader stops the query.
 */
#include "exec/op_result.h"

enum { RESULT_BYTES_MAX = 64 << 20 };

typedef struct result_config {
    void (*wake)(void *user);
    void *user;
    uint32_t *order; /* result column i is batch column order[i] */
    uint32_t n;
    int64_t offset, count;
} result_config;

typedef struct result_shared {
    ps_collector collector;
} result_shared;
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

    return ps_collector_view_init(cx, local, config->order, config->n);
}

static void result_sink_close(ps_op *op, void *local)
{
    (void)op;
    ps_collector_view_release(local);
}

static ps_status result_sink(ps_ctx *cx, ps_op *op, void *local, const ps_batch *batch,
                             ps_flow *flow)
{
    result_shared *shared = op->shared;
    const result_config *config = op->config;
    bool added;

    PS_TRY(ps_collector_add_view(cx, &shared->collector, local, batch, &added));
    if (!added) {
        *flow = PS_FLOW_BLOCKED;
        return PS_OK;
    }
    if (ps_collector_waiting(&shared->collector)) config->wake(config->user);
    return PS_OK;
}

static ps_status result_sink_end(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel)
{
    (void)local;
    return ps_collector_end(cx, &((result_shared *)op->shared)->collector, morsel);
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
    .sink_size = sizeof(ps_collector_view),
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
    for (uint32_t i = 0; i < plan->n_cols; i++) {
        config->order[i] = ps_cols_find(stream->cols, stream->n_cols, plan->cols[i].id);
        if (config->order[i] == UINT32_MAX)
            return PS_BUG(p->cx, "a result column is missing from the plan");
    }
    *result = ps_phys_op(p, &result_class, plan, config, NULL, 0);
    return *result ? ps_phys_close(p, stream, *result) : PS_MEMORY;
}
