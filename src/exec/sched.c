/* exec/sched.c -- which task can run next, and what its end changes.
 *
 * States only move forward: a pipeline WAITING -> PLANNING -> RUNNING -> DRAINED, a sink FILLING ->
 * PLANNING -> FINISHING -> SEALING -> SEALED. Every transition happens under the query's mutex, in
 * ps_query_pick (a task is taken) or in task_ended. After an error only tasks with an earlier place
 * go on. */
#include "exec/query_impl.h"

static const uint64_t PLACE_AFTER_MORSELS = (uint64_t)1 << 62;
static const uint64_t LANE_OP_BYTES = 1 << 20; /* the local state of one operator, roughly */

static bool place_before(ps_error_place a, ps_error_place b)
{
    return a.pipe != b.pipe ? a.pipe < b.pipe : a.morsel < b.morsel;
}

static bool query_wants(const ps_query *query, ps_error_place place)
{
    return !atomic_load_explicit(&query->failed, memory_order_relaxed) ||
           place_before(place, query->failed_at);
}

/* Keeps the error with the lowest place. Mutex held. */
static void query_fail(ps_query *query, ps_error_place place, const ps_error *error)
{
    if (!query_wants(query, place)) return;
    query->failed_at = place;
    query->error = *error;
    atomic_store_explicit(&query->failed, true, memory_order_relaxed);
}

void ps_query_fail(ps_query *query, const ps_error *error)
{
    ps_mutex_lock(&query->mutex);
    query_fail(query, (ps_error_place){0, 0}, error);
    ps_cond_broadcast(&query->changed);
    ps_mutex_unlock(&query->mutex);
}

bool ps_query_is_moot(ps_query *query, ps_error_place place)
{
    ps_mutex_lock(&query->mutex);
    const bool moot = query->stopping || !query_wants(query, place);
    ps_mutex_unlock(&query->mutex);
    return moot;
}

static ps_run_sink *query_sink_of(ps_query *query, const ps_op *op)
{
    for (uint32_t i = 0; i < query->n_sinks; i++) {
        if (query->sinks[i].op == op) return &query->sinks[i];
    }
    return NULL;
}

static bool pipe_may_start(ps_query *query, const ps_run_pipe *pipe)
{
    const ps_pipeline *plan = pipe->plan;

    for (size_t i = 0; i < plan->after_sealed.n; i++) {
        const ps_run_sink *sink = query_sink_of(query, plan->after_sealed.at[i]);
        if (sink && (sink->state != PS_SINK_SEALED || sink->shrinking)) return false;
    }
    for (size_t i = 0; i < plan->after_drained.n; i++) {
        if (query->pipes[plan->after_drained.at[i]->number].state != PS_PIPE_DRAINED) return false;
    }
    return true;
}

static bool pick_parked(ps_run_pipe *pipe, ps_task *task)
{
    for (uint32_t i = 0; i < pipe->n_lanes; i++) {
        ps_lane *lane = pipe->lanes[i];

        if (lane->state != PS_LANE_PARKED || !ps_lane_ready(lane)) continue;
        if (!query_wants(pipe->query, (ps_error_place){pipe->plan->number, lane->morsel})) continue;
        *task = (ps_task){.kind = PS_TASK_MORSEL, .pipe = pipe, .lane = lane};
        return true;
    }
    return false;
}

/* Whether one more lane is worth its memory: a pipeline gets its first where half of what is left
 * holds it, and always when nothing else of the query runs; all of its lanes may take a quarter,
 * the rest is for what the query keeps. */
static bool lane_fits(const ps_run_pipe *pipe)
{
    const ps_pipeline *plan = pipe->plan;
    uint64_t bytes = plan->source->lane_bytes + LANE_OP_BYTES;

    for (size_t i = 0; i < plan->ops.n; i++)
        bytes += PS_MAX(plan->ops.at[i]->lane_bytes, LANE_OP_BYTES);
    if (pipe->n_lanes == 0)
        return pipe->query->n_running == 0 || bytes <= ps_mem_left(pipe->query->mem) / 2;
    return bytes <= ps_mem_left(pipe->query->mem) / 4 / ((uint64_t)pipe->n_lanes + 1);
}

/* A lane for a new morsel: an idle one, or a new one as long as there are fewer than threads and
 * there is memory for it. Those that are there do the work where it is short; without any the query
 * can't go on. */
static ps_lane *pipe_lane(ps_run_pipe *pipe)
{
    ps_query *query = pipe->query;

    for (uint32_t i = 0; i < pipe->n_lanes; i++) {
        if (pipe->lanes[i]->state == PS_LANE_IDLE) return pipe->lanes[i];
    }
    if (pipe->n_lanes == query->settings.threads || !lane_fits(pipe)) return NULL;
    ps_lane *lane = PS_ARENA_NEW(&query->cx, &query->arena, ps_lane);
    if (!lane) {
        const ps_error_place place = {pipe->plan->number, pipe->next_morsel};

        if (pipe->n_lanes == 0) query_fail(query, place, &query->cx.error);
        return NULL;
    }
    lane->pipe = pipe;
    ps_ctx_child(&query->cx, &lane->cx);
    pipe->lanes[pipe->n_lanes++] = lane;
    return lane;
}

static bool pick_morsel(ps_run_pipe *pipe, ps_task *task)
{
    ps_op *sink = pipe->plan->sink;
    const uint64_t position = ps_pipe_position(pipe, pipe->next_morsel);

    if (pipe->stopped || pipe->next_morsel == pipe->n_morsels) return false;
    if (!query_wants(pipe->query, (ps_error_place){pipe->plan->number, pipe->next_morsel}))
        return false;
    if (sink->class->enough && sink->class->enough(sink, position)) {
        pipe->stopped = true;
        return false;
    }
    if (sink->class->ready && !sink->class->ready(sink, position)) return false;
    ps_lane *lane = pipe_lane(pipe);
    if (!lane) return false;
    lane->morsel = pipe->next_morsel;
    lane->at = PS_LANE_SOURCE;
    lane->source_done = false;
    lane->start_due = true;
    *task = (ps_task){.kind = PS_TASK_MORSEL, .pipe = pipe, .lane = lane};
    return true;
}

/* When no morsel is left or under way, every lane combines once; then the pipeline is drained. */
static bool pick_combine(ps_run_pipe *pipe, ps_task *task)
{
    uint32_t n_combined = 0;

    if (!pipe->stopped && pipe->next_morsel < pipe->n_morsels) return false;
    for (uint32_t i = 0; i < pipe->n_lanes; i++) {
        const ps_lane_state state = pipe->lanes[i]->state;

        /* a lane that was made but never got a morsel has nothing to combine */
        if (state == PS_LANE_IDLE && !pipe->lanes[i]->opened)
            pipe->lanes[i]->state = PS_LANE_COMBINED;
        n_combined += pipe->lanes[i]->state == PS_LANE_COMBINED;
        if (state == PS_LANE_RUNNING || state == PS_LANE_PARKED) return false;
    }
    if (n_combined == pipe->n_lanes) {
        pipe->state = PS_PIPE_DRAINED;
        pipe->sink->n_drained++;
        return false;
    }
    if (!query_wants(pipe->query, (ps_error_place){pipe->plan->number, PLACE_AFTER_MORSELS}))
        return false;
    for (uint32_t i = 0; i < pipe->n_lanes; i++) {
        if (pipe->lanes[i]->state != PS_LANE_IDLE) continue;
        *task = (ps_task){.kind = PS_TASK_COMBINE, .pipe = pipe, .lane = pipe->lanes[i]};
        return true;
    }
    return false;
}

static bool pick_in_pipe(ps_query *query, ps_run_pipe *pipe, ps_task *task)
{
    if (pipe->state == PS_PIPE_WAITING && pipe_may_start(query, pipe) &&
        query_wants(query, (ps_error_place){pipe->plan->number, 0})) {
        *task = (ps_task){.kind = PS_TASK_PLAN, .pipe = pipe};
        return true;
    }
    if (pipe->state != PS_PIPE_RUNNING) return false;
    return pick_parked(pipe, task) || pick_morsel(pipe, task) || pick_combine(pipe, task);
}

static bool pick_in_sink(ps_query *query, ps_run_sink *sink, ps_task *task)
{
    const ps_error_place place = {sink->last_pipe, PLACE_AFTER_MORSELS + 1};

    if (sink->n_drained < sink->n_feeders || sink->state == PS_SINK_SEALED ||
        !query_wants(query, place))
        return false;
    *task = (ps_task){.sink = sink, .number = sink->next_task};
    if (sink->state == PS_SINK_FILLING) {
        task->kind = PS_TASK_FINISH_PLAN;
    } else if (sink->state == PS_SINK_FINISHING && sink->next_task < sink->n_tasks) {
        task->kind = PS_TASK_FINISH;
    } else if (sink->state == PS_SINK_FINISHING && sink->n_done == sink->n_tasks) {
        const bool more = sink->op->class->finish_more && !sink->went_on;
        task->kind = more ? PS_TASK_FINISH_MORE : PS_TASK_SEAL;
    } else {
        return false;
    }
    return true;
}

static bool query_find(ps_query *query, ps_task *task)
{
    if (query->stopping) return false;
    if (ps_query_pick_shrink(query, task)) return true;
    for (uint32_t i = 0; i < query->n_pipes; i++) {
        if (pick_in_pipe(query, &query->pipes[i], task)) return true;
    }
    for (uint32_t i = 0; i < query->n_sinks; i++) {
        if (pick_in_sink(query, &query->sinks[i], task)) return true;
    }
    return false;
}

bool ps_query_wants_help(ps_query *query)
{
    ps_task task;

    return query->n_helping + 1 < query->settings.threads && query_find(query, &task);
}

/* A parked lane goes on: whom it waited for. */
static void count_parked(const ps_lane *lane)
{
    const ps_pipeline *plan = lane->pipe->plan;
    ps_op *at = lane->at == PS_LANE_SOURCE ? plan->source
                : lane->at < plan->ops.n   ? plan->ops.at[lane->at]
                                           : plan->sink;

    /* relaxed: figures, read for display */
    atomic_fetch_add_explicit(lane->asks ? &at->stats.parked_memory : &at->stats.parked_output,
                              ps_cycles() - lane->parked_at, memory_order_relaxed);
}

/* What changes when a task is taken. Mutex held. */
static void query_take(ps_query *query, const ps_task *task)
{
    query->n_running++;
    switch (task->kind) {
    case PS_TASK_PLAN:
        task->pipe->state = PS_PIPE_PLANNING;
        for (size_t i = 0; i < task->pipe->plan->after_sealed.n; i++) {
            ps_run_sink *read = query_sink_of(query, task->pipe->plan->after_sealed.at[i]);
            if (read) ps_sink_unheld(query, read);
        }
        break;
    case PS_TASK_MORSEL:
        if (task->lane->state == PS_LANE_IDLE) task->pipe->next_morsel++;
        else count_parked(task->lane);
        task->lane->state = PS_LANE_RUNNING;
        task->lane->asks = false;
        break;
    case PS_TASK_SHRINK:
        query->n_shrinking++;
        if (task->lane) task->lane->state = PS_LANE_RUNNING;
        else task->sink->shrinking = true;
        break;
    case PS_TASK_COMBINE: task->lane->state = PS_LANE_RUNNING; break;
    case PS_TASK_FINISH_PLAN: task->sink->state = PS_SINK_PLANNING; break;
    case PS_TASK_FINISH: task->sink->next_task++; break;
    case PS_TASK_FINISH_MORE:
        task->sink->state = PS_SINK_PLANNING;
        task->sink->went_on = true;
        break;
    case PS_TASK_SEAL: task->sink->state = PS_SINK_SEALING; break;
    }
}

bool ps_query_pick(ps_query *query, ps_task *task)
{
    if (!query_find(query, task)) return false;
    query_take(query, task);
    return true;
}

bool ps_query_finished(const ps_query *query)
{
    if (query->n_running > 0) return false;
    if (query->stopping || atomic_load_explicit(&query->failed, memory_order_relaxed)) return true;
    for (uint32_t i = 0; i < query->n_sinks; i++) {
        if (query->sinks[i].state != PS_SINK_SEALED) return false;
    }
    return true;
}

static ps_status plan_source(ps_ctx *cx, ps_op *op, ps_run_pipe *pipe)
{
    ps_op *sink = pipe->plan->sink;

    PS_TRY(op->class->source_plan(cx, op, &pipe->n_morsels));
    if (sink->class->feeder) sink->class->feeder(sink, pipe->plan->feeder, pipe->n_morsels);
    return PS_OK;
}

/* The operator that a task is for; of a morsel the source. */
static ps_op *task_op(const ps_task *task)
{
    if (task->kind == PS_TASK_COMBINE || (task->kind == PS_TASK_SHRINK && task->lane))
        return task->pipe->plan->sink;
    return task->sink ? task->sink->op : task->pipe->plan->source;
}

static ps_status run_morsel(ps_lane *lane, bool *parked)
{
    if (lane->start_due) { /* opening and starting take memory, like a batch */
        PS_TRY(ps_lane_ask(lane, parked));
        if (*parked) return PS_OK;
        if (!lane->opened) PS_TRY(ps_lane_open(lane));
        lane->start_due = false;
        if (lane->pipe->plan->source->class->source_start) PS_TRY(ps_lane_start(lane));
    }
    return ps_lane_run(lane, parked);
}

static ps_status finish_more(ps_ctx *cx, ps_op *op, ps_run_sink *sink)
{
    uint64_t n_tasks = 0;

    PS_TRY(op->class->finish_more(cx, op, &n_tasks));
    sink->n_tasks += n_tasks;
    return PS_OK;
}

/* Runs the operator's part of a task; *parked for a morsel that waits. */
static ps_status task_body(ps_query *query, const ps_task *task, ps_ctx *cx, bool *parked)
{
    ps_op *op = task_op(task);

    cx->mem = op->mem;
    switch (task->kind) {
    case PS_TASK_PLAN: return plan_source(cx, op, task->pipe);
    case PS_TASK_MORSEL: return run_morsel(task->lane, parked);
    case PS_TASK_COMBINE: return ps_lane_combine(task->lane);
    case PS_TASK_FINISH_PLAN:
        task->sink->n_tasks = 0;
        return op->class->finish_plan ? op->class->finish_plan(cx, op, &task->sink->n_tasks)
                                      : PS_OK;
    case PS_TASK_FINISH: return op->class->finish_task(cx, op, task->number);
    case PS_TASK_FINISH_MORE: return finish_more(cx, op, task->sink);
    case PS_TASK_SEAL: return op->class->seal ? op->class->seal(cx, op) : PS_OK;
    case PS_TASK_SHRINK:
        return op->class->shrink(cx, op, task->lane ? task->lane->sink_local : NULL, task->wanted);
    }
    (void)query;
    return PS_BUG(cx, "unknown task kind");
}

static ps_error_place task_place(const ps_task *task)
{
    switch (task->kind) {
    case PS_TASK_PLAN: return (ps_error_place){task->pipe->plan->number, 0};
    case PS_TASK_MORSEL: return (ps_error_place){task->pipe->plan->number, task->lane->morsel};
    case PS_TASK_COMBINE: return (ps_error_place){task->pipe->plan->number, PLACE_AFTER_MORSELS};
    case PS_TASK_FINISH_PLAN:
        return (ps_error_place){task->sink->last_pipe, PLACE_AFTER_MORSELS + 1};
    case PS_TASK_FINISH:
    case PS_TASK_FINISH_MORE:
        return (ps_error_place){task->sink->last_pipe, PLACE_AFTER_MORSELS + 2 + task->number};
    case PS_TASK_SHRINK:
        if (task->lane) return (ps_error_place){task->pipe->plan->number, PLACE_AFTER_MORSELS};
        break;
    case PS_TASK_SEAL: break;
    }
    return (ps_error_place){task->sink->last_pipe, UINT64_MAX};
}

static void task_ended(ps_query *query, const ps_task *task, ps_status st, bool parked)
{
    switch (task->kind) {
    case PS_TASK_PLAN: task->pipe->state = PS_PIPE_RUNNING; break;
    case PS_TASK_MORSEL:
        task->lane->state = parked ? PS_LANE_PARKED : PS_LANE_IDLE;
        task->lane->parked_at = ps_cycles();
        if (!parked) atomic_fetch_add_explicit(&task->pipe->n_ended, 1, memory_order_relaxed);
        break;
    case PS_TASK_COMBINE: task->lane->state = PS_LANE_COMBINED; break;
    case PS_TASK_FINISH_PLAN:
    case PS_TASK_FINISH_MORE: task->sink->state = PS_SINK_FINISHING; break;
    case PS_TASK_FINISH: task->sink->n_done++; break;
    case PS_TASK_SEAL:
        task->sink->state = st == PS_OK ? PS_SINK_SEALED : PS_SINK_SEALING;
        if (st == PS_OK) ps_sink_sealed(query, task->sink);
        break;
    case PS_TASK_SHRINK:
        query->n_shrinking--;
        atomic_store_explicit(&query->shrink_wanted, false, memory_order_relaxed);
        if (task->lane) {
            task->lane->state = (ps_lane_state)task->number; /* what it was */
            ps_lane_shrunk(task->lane);
        } else {
            task->sink->shrinking = false;
            ps_sink_unheld(query, task->sink);
            if (st == PS_OK) ps_sink_sealed(query, task->sink); /* what it did not give back */
        }
        break;
    }
    query->n_running--;
}

/* A morsel's calls are counted by its lane, one by one; the other tasks here. */
static void count_task(ps_op *op, uint64_t start_cycles, uint64_t bytes_read)
{
    /* relaxed: figures, read for display */
    atomic_fetch_add_explicit(&op->stats.cycles, ps_cycles() - start_cycles, memory_order_relaxed);
    atomic_fetch_add_explicit(&op->stats.bytes_read, bytes_read, memory_order_relaxed);
}

void ps_query_run_task(ps_query *query, const ps_task *task)
{
    const bool has_lane = task->kind == PS_TASK_MORSEL || task->kind == PS_TASK_COMBINE;
    bool parked = false;
    ps_ctx own;
    ps_ctx *cx = has_lane ? &task->lane->cx : &own;

    if (!has_lane) ps_ctx_child(&query->cx, &own);
    const uint64_t start = ps_cycles(), read = cx->bytes_read;
    ps_status st = task_body(query, task, cx, &parked);
    if (task->kind != PS_TASK_MORSEL) count_task(task_op(task), start, cx->bytes_read - read);

    ps_mutex_lock(&query->mutex);
    /* A failed source can't be run: its error stands, whatever its place. */
    if (st != PS_OK) query_fail(query, task_place(task), &cx->error);
    task_ended(query, task, st, parked);
    const bool more = ps_query_wants_help(query);
    ps_cond_broadcast(&query->changed);
    ps_mutex_unlock(&query->mutex);
    if (task->kind == PS_TASK_SHRINK) ps_pool_shrunk(query->pool);
    if (more) ps_pool_kick(query->pool);
}

bool ps_query_shrink(ps_query *query)
{
    ps_task task;

    ps_mutex_lock(&query->mutex);
    const bool found = !query->stopping && ps_query_pick_shrink(query, &task);
    if (found) query_take(query, &task);
    else if (query->n_shrinking == 0)
        atomic_store_explicit(&query->shrink_wanted, false, memory_order_relaxed);
    ps_mutex_unlock(&query->mutex);
    if (found) ps_query_run_task(query, &task);
    else ps_pool_shrunk(query->pool); /* an answer too */
    return found;
}

bool ps_query_work(ps_query *query)
{
    ps_task task;

    if (!atomic_load_explicit(&query->begun, memory_order_acquire)) return false;
    ps_mutex_lock(&query->mutex);
    /* one place of settings.threads is the puller's */
    const bool found =
        query->n_helping + 1 < query->settings.threads && ps_query_pick(query, &task);
    query->n_helping += found;
    const bool more = found && ps_query_wants_help(query);
    ps_mutex_unlock(&query->mutex);
    if (!found) return false;
    if (more) ps_pool_kick(query->pool);
    atomic_fetch_add_explicit(&query->n_active, 1, memory_order_relaxed);
    ps_query_run_task(query, &task);
    atomic_fetch_sub_explicit(&query->n_active, 1, memory_order_relaxed);
    ps_mutex_lock(&query->mutex);
    query->n_helping--;
    ps_mutex_unlock(&query->mutex);
    return true;
}
