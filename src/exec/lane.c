/* exec/lane.c -- the driver: pushes one morsel's batches through a pipeline.
 *
 * A lane keeps everything needed to go on later (which operator is next, which have more output),
 * so that a task can be parked between any two calls and taken up by another thread. The loop is
 * the only place that calls source_next, push and sink; cancellation and moot work are checked
 * here, once a batch. */
#include "exec/query_impl.h"

static ps_status lane_alloc(ps_ctx *cx, ps_arena *arena, ps_mem *mem, size_t bytes, void **out)
{
    cx->mem = mem;
    *out = ps_arena_alloc(cx, arena, bytes ? bytes : 1);
    return *out ? PS_OK : PS_MEMORY;
}

/* Memory first, then the operators' own opening, so that closing a half-open lane finds zeroed
 * locals. */
static ps_status lane_reserve(ps_lane *lane)
{
    const ps_pipeline *plan = lane->pipe->plan;
    ps_query *query = lane->pipe->query;
    const size_t n = plan->ops.n;
    ps_ctx *cx = &lane->cx;

    cx->mem = query->mem;
    lane->locals = PS_ARENA_ARRAY(cx, &lane->arena, void *, n + 1);
    lane->batches = PS_ARENA_ARRAY(cx, &lane->arena, ps_batch, n + 1);
    lane->pending = PS_ARENA_ARRAY(cx, &lane->arena, bool, n + 1);
    lane->stats = PS_ARENA_ARRAY(cx, &lane->arena, ps_lane_stats, n + 2);
    if (!lane->locals || !lane->batches || !lane->pending || !lane->stats) return PS_MEMORY;
    PS_TRY(lane_alloc(cx, &lane->arena, query->mem, plan->source->class->source_size,
                      &lane->source_local));
    PS_TRY(
        lane_alloc(cx, &lane->arena, query->mem, plan->sink->class->sink_size, &lane->sink_local));
    PS_TRY(ps_batch_init(cx, &lane->arena, plan->source->n_cols, &lane->batches[0]));
    for (size_t i = 0; i < n; i++) {
        PS_TRY(lane_alloc(cx, &lane->arena, query->mem, plan->ops.at[i]->class->local_size,
                          &lane->locals[i]));
        PS_TRY(ps_batch_init(cx, &lane->arena, plan->ops.at[i]->n_cols, &lane->batches[i + 1]));
    }
    return PS_OK;
}

ps_status ps_lane_open(ps_lane *lane)
{
    const ps_pipeline *plan = lane->pipe->plan;
    ps_ctx *cx = &lane->cx;

    lane->opened = true;
    PS_TRY(lane_reserve(lane));
    cx->mem = plan->source->mem;
    if (plan->source->class->source_open) {
        PS_TRY(plan->source->class->source_open(cx, plan->source, lane->source_local));
    }
    for (size_t i = 0; i < plan->ops.n; i++) {
        ps_op *op = plan->ops.at[i];

        cx->mem = op->mem;
        if (op->class->local_open) PS_TRY(op->class->local_open(cx, op, lane->locals[i]));
    }
    cx->mem = plan->sink->mem;
    return plan->sink->class->sink_open
               ? plan->sink->class->sink_open(cx, plan->sink, lane->sink_local)
               : PS_OK;
}

ps_status ps_lane_start(ps_lane *lane)
{
    ps_op *source = lane->pipe->plan->source;
    const uint64_t start = ps_cycles(), read = lane->cx.bytes_read;

    lane->cx.mem = source->mem;
    PS_TRY(source->class->source_start(&lane->cx, source, lane->source_local, lane->morsel));
    lane->stats[0].bytes_read += lane->cx.bytes_read - read;
    lane->stats[0].cycles += ps_cycles() - start;
    return PS_OK;
}

void ps_lane_close(ps_lane *lane)
{
    const ps_pipeline *plan = lane->pipe->plan;

    if (lane->opened && lane->source_local && plan->source->class->source_close) {
        plan->source->class->source_close(plan->source, lane->source_local);
    }
    for (size_t i = 0; lane->opened && lane->locals && i < plan->ops.n; i++) {
        ps_op *op = plan->ops.at[i];

        if (lane->locals[i] && op->class->local_close) op->class->local_close(op, lane->locals[i]);
    }
    if (lane->opened && lane->sink_local && plan->sink->class->sink_close) {
        plan->sink->class->sink_close(plan->sink, lane->sink_local);
    }
    ps_arena_release(&lane->arena);
    lane->opened = false;
}

bool ps_lane_ready(ps_lane *lane)
{
    const ps_pipeline *plan = lane->pipe->plan;
    ps_op *op = lane->at == PS_LANE_SOURCE ? plan->source
                : lane->at < plan->ops.n   ? plan->ops.at[lane->at]
                                           : plan->sink;

    if (lane->asks && !ps_lane_granted(lane)) return false;
    return !op->class->ready || op->class->ready(op, ps_pipe_position(lane->pipe, lane->morsel));
}

static void lane_count(const ps_lane *lane, ps_lane_stats *stats, const ps_batch *in,
                       const ps_batch *out, uint64_t cycles)
{
    stats->rows_in += in ? in->n_live : 0;
    stats->rows_out += out ? out->n_live : 0;
    stats->batches++;
    stats->cycles += cycles;
    if (out && lane->pipe->query->settings.profile) stats->bytes_out += ps_batch_bytes(out);
}

/* Adds the lane's counts to the operators' and zeroes them. */
static void lane_publish(ps_lane *lane)
{
    const ps_pipeline *plan = lane->pipe->plan;
    const size_t n = plan->ops.n;

    for (size_t i = 0; i < n + 2; i++) {
        ps_op *op = i == 0 ? plan->source : i <= n ? plan->ops.at[i - 1] : plan->sink;
        ps_lane_stats *s = &lane->stats[i];

        /* relaxed: figures, read for display */
        atomic_fetch_add_explicit(&op->stats.rows_in, s->rows_in, memory_order_relaxed);
        atomic_fetch_add_explicit(&op->stats.rows_out, s->rows_out, memory_order_relaxed);
        atomic_fetch_add_explicit(&op->stats.batches, s->batches, memory_order_relaxed);
        atomic_fetch_add_explicit(&op->stats.cycles, s->cycles, memory_order_relaxed);
        atomic_fetch_add_explicit(&op->stats.bytes_out, s->bytes_out, memory_order_relaxed);
        atomic_fetch_add_explicit(&op->stats.bytes_read, s->bytes_read, memory_order_relaxed);
        *s = (ps_lane_stats){0};
    }
}

static ps_status lane_source(ps_lane *lane)
{
    const ps_run_pipe *pipe = lane->pipe;
    ps_op *source = pipe->plan->source;
    ps_batch *batch = &lane->batches[0];
    const uint64_t start = ps_cycles(), read = lane->cx.bytes_read;

    lane->cx.mem = source->mem;
    batch->n = batch->n_live = 0;
    batch->sel = NULL;
    PS_TRY(source->class->source_next(&lane->cx, source, lane->source_local, batch,
                                      &lane->source_done));
    batch->morsel = ps_pipe_position(pipe, lane->morsel);
    lane->stats[0].bytes_read += lane->cx.bytes_read - read;
    lane_count(lane, &lane->stats[0], NULL, batch, ps_cycles() - start);
    return PS_OK;
}

static ps_status lane_push(ps_lane *lane, uint32_t i, ps_flow *flow)
{
    ps_op *op = lane->pipe->plan->ops.at[i];
    const ps_batch *in = &lane->batches[i];
    ps_batch *out = &lane->batches[i + 1];
    const uint64_t start = ps_cycles();

    lane->cx.mem = op->mem;
    out->n = out->n_live = 0;
    out->sel = NULL;
    out->morsel = in->morsel;
    out->first_row = in->first_row;
    *flow = PS_FLOW_MORE_INPUT;
    PS_TRY(op->class->push(&lane->cx, op, lane->locals[i], in, out, flow));
    lane_count(lane, &lane->stats[i + 1], in, out, ps_cycles() - start);
    return PS_OK;
}

static ps_status lane_sink(ps_lane *lane, ps_flow *flow)
{
    const ps_pipeline *plan = lane->pipe->plan;
    const ps_batch *in = &lane->batches[plan->ops.n];
    const uint64_t start = ps_cycles();

    lane->cx.mem = plan->sink->mem;
    *flow = PS_FLOW_MORE_INPUT;
    PS_TRY(plan->sink->class->sink(&lane->cx, plan->sink, lane->sink_local, in, flow));
    lane_count(lane, &lane->stats[plan->ops.n + 1], in, NULL, ps_cycles() - start);
    return PS_OK;
}

/* Where to go after a batch came to its end: the deepest operator with more output, or the source.
 */
static uint32_t lane_backtrack(const ps_lane *lane, uint32_t from)
{
    for (uint32_t i = from; i-- > 0;) {
        if (lane->pending[i]) return i;
    }
    return PS_LANE_SOURCE;
}

/* One call of one operator; *parked when it can't go on. */
static ps_status lane_step(ps_lane *lane, bool *parked)
{
    const uint32_t n_ops = (uint32_t)lane->pipe->plan->ops.n;
    const uint32_t at = lane->at;
    ps_flow flow;

    if (at == PS_LANE_SOURCE) {
        PS_TRY(lane_source(lane));
        lane->at = lane->batches[0].n_live ? 0 : PS_LANE_SOURCE;
        return PS_OK;
    }
    PS_TRY(at < n_ops ? lane_push(lane, at, &flow) : lane_sink(lane, &flow));
    if (flow == PS_FLOW_BLOCKED) {
        *parked = true;
        return PS_OK;
    }
    if (at < n_ops) lane->pending[at] = flow == PS_FLOW_MORE_OUTPUT;
    if (flow == PS_FLOW_DONE) {
        /* nothing before this operator is needed any more */
        lane->source_done = true;
        for (uint32_t i = 0; i < PS_MIN(at, n_ops); i++) lane->pending[i] = false;
    }
    if (at < n_ops && lane->batches[at + 1].n_live) {
        lane->at = at + 1;
    } else {
        lane->at = lane_backtrack(lane, PS_MIN(at + 1, n_ops));
    }
    return PS_OK;
}

static ps_status lane_end(ps_lane *lane)
{
    const ps_pipeline *plan = lane->pipe->plan;

    const uint64_t start = ps_cycles();
    ps_status st = PS_OK;

    lane->cx.mem = plan->sink->mem;
    if (plan->sink->class->sink_end)
        st = plan->sink->class->sink_end(&lane->cx, plan->sink, lane->sink_local,
                                         ps_pipe_position(lane->pipe, lane->morsel));
    lane->stats[plan->ops.n + 1].cycles += ps_cycles() - start;
    lane_publish(lane);
    return st;
}

/* Tests ask for it. */
static ps_status fail_as_asked(ps_lane *lane)
{
    ps_query *query = lane->pipe->query;
    const ps_exec_settings *settings = &query->settings;
    const uint64_t n = atomic_fetch_add(&query->n_batches, 1) + 1;

    if (n == settings->fail_bug) return PS_BUG(&lane->cx, "the setting fail_bug asked for it");
    if (n == settings->fail_memory && !settings->begins_again)
        return ps_fail(&lane->cx, PS_MEMORY, "the setting fail_memory asked for it");
    return PS_OK;
}

ps_status ps_lane_run(ps_lane *lane, bool *parked)
{
    ps_query *query = lane->pipe->query;
    const ps_error_place place = {lane->pipe->plan->number, lane->morsel};

    *parked = false;
    while (!(lane->at == PS_LANE_SOURCE && lane->source_done)) {
        PS_TRY(ps_poll(&lane->cx));
        /* relaxed: a late look only costs time */
        if (PS_UNLIKELY(atomic_load_explicit(&query->failed, memory_order_relaxed)) &&
            ps_query_is_moot(query, place)) {
            return PS_CANCELLED;
        }
        if (PS_UNLIKELY(query->settings.fail_bug || query->settings.fail_memory))
            PS_TRY(fail_as_asked(lane));
        if (lane->at == PS_LANE_SOURCE) PS_TRY(ps_lane_ask(lane, parked));
        if (!*parked) PS_TRY(lane_step(lane, parked));
        if (*parked) return PS_OK;
        if (PS_UNLIKELY(query->settings.park_always) &&
            !(lane->at == PS_LANE_SOURCE && lane->source_done)) {
            *parked = true;
            return PS_OK;
        }
    }
    return lane_end(lane);
}

/* What source and transforms gathered beside their output. */
static ps_status combine_locals(ps_lane *lane)
{
    const ps_pipeline *plan = lane->pipe->plan;
    ps_op *source = plan->source;

    lane->cx.mem = source->mem;
    if (source->class->source_combine)
        PS_TRY(source->class->source_combine(&lane->cx, source, lane->source_local));
    for (size_t i = 0; i < plan->ops.n; i++) {
        ps_op *op = plan->ops.at[i];

        lane->cx.mem = op->mem;
        if (op->class->local_combine)
            PS_TRY(op->class->local_combine(&lane->cx, op, lane->locals[i]));
    }
    return PS_OK;
}

ps_status ps_lane_combine(ps_lane *lane)
{
    ps_op *sink = lane->pipe->plan->sink;

    if (!lane->opened) return PS_OK; /* made for a morsel that another lane took */
    ps_lane_publish_held(lane, 0);
    PS_TRY(combine_locals(lane));
    lane->cx.mem = sink->mem;
    if (sink->class->combine) PS_TRY(sink->class->combine(&lane->cx, sink, lane->sink_local));
    /* What the lane read and computed with is not needed by the pipelines to come. */
    ps_lane_close(lane);
    return PS_OK;
}
