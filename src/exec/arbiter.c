/* exec/arbiter.c -- who gives memory back when a query is short of it: ADR 7.
 *
 * A lane asks before each batch. It shrinks what its own sink holds, or parks and lets the largest
 * part of its query, then of other queries, be shrunk. It goes on when there is headroom again, or
 * when nobody has anything left to give.
 *
 * Threads: `held` of lanes and queries are atomics; all else under the query's mutex, but for what
 * belongs to the lane, which is the caller's or nobody's. Tests: tests/py/test_spill.py */
#include "exec/query_impl.h"

enum {
    HEADROOM_BYTES_MIN = 1 << 20,
    HEADROOM_BYTES_MAX = 64 << 20,
    ASKS_MAX = 4,
    TABLE_BYTES = 4 << 20 /* that tables give at a time, while it isn't urgent */
};

static uint64_t headroom(uint64_t limit)
{
    return PS_MAX(PS_MIN(limit / 8, (uint64_t)HEADROOM_BYTES_MAX), (uint64_t)HEADROOM_BYTES_MIN);
}

/* Bytes that are missing to go on; 0: none. */
static uint64_t query_lacks(const ps_query *query)
{
    const uint64_t limit = query->settings.memory_limit, reserve = query->settings.memory_reserve;
    const uint64_t left = ps_mem_left(query->mem);

    if (limit == 0 || left >= headroom(limit)) return 0;
    /* what is its own does as well: nobody else can take it */
    const uint64_t own = ps_mem_spare(query->mem);
    if (own >= PS_MAX(reserve / 4, (uint64_t)HEADROOM_BYTES_MIN)) return 0;
    return headroom(limit) - left;
}

/* The source may take what it said it needs at any batch: a page that is as large as a chunk at the
 * next row group. What the sink took meanwhile is given back in time. */
static uint64_t source_lacks(const ps_lane *lane)
{
    const ps_op *source = lane->pipe->plan->source;
    const int64_t used = atomic_load_explicit(&source->mem->used, memory_order_relaxed);
    const uint64_t now = (uint64_t)PS_MAX(used, 0);
    /* an eighth more: blocks have sizes of their own */
    const uint64_t most = source->lane_bytes + source->lane_bytes / 8;

    const uint64_t left = ps_mem_left(lane->pipe->query->mem);

    return most > now && left < most - now + HEADROOM_BYTES_MIN
               ? most - now + HEADROOM_BYTES_MIN - left
               : 0;
}

static uint64_t lane_lacks(const ps_lane *lane)
{
    return PS_MAX(query_lacks(lane->pipe->query), source_lacks(lane));
}
static bool lane_is_short(const ps_lane *lane) { return lane_lacks(lane) > 0; }

static uint64_t held_of(const ps_lane *lane)
{
    /* relaxed: a figure; who acts on it holds the mutex */
    return atomic_load_explicit(&lane->held, memory_order_relaxed);
}

void ps_lane_publish_held(ps_lane *lane, uint64_t held)
{
    const uint64_t before = held_of(lane);

    if (before == held) return;
    atomic_store_explicit(&lane->held, held, memory_order_relaxed);
    atomic_fetch_add_explicit(&lane->pipe->query->held, held - before, memory_order_relaxed);
}

/* Tables that nobody reads give first: nothing that runs has to be read again for it. A query that
 * grows gets more than its headroom of them, so that operators, which begin to write out where a
 * quarter of the limit is left, don't while tables rest in memory. */
static ps_status tables_give(ps_lane *lane)
{
    const ps_query *query = lane->pipe->query;
    const ps_exec_settings *settings = &query->settings;
    const uint64_t limit = settings->memory_limit, plenty = limit / 8 * 3;
    uint64_t wanted = 0;

    const uint64_t left = ps_mem_left(query->mem);
    if (PS_LIKELY(left >= plenty) || !settings->tables) return PS_OK;
    /* relaxed: a figure */
    const int64_t used = atomic_load_explicit(&query->mem->used, memory_order_relaxed);
    if ((uint64_t)PS_MAX(used, 0) > limit / 16) wanted = PS_MIN(plenty, left + TABLE_BYTES);
    if (lane_is_short(lane))
        wanted = headroom(limit) + lane->pipe->plan->source->lane_bytes + TABLE_BYTES;
    return wanted > left ? ps_tables_make_room(&lane->cx, settings, query->mem, wanted) : PS_OK;
}

void ps_lane_shrunk(ps_lane *lane)
{
    const ps_op *sink = lane->pipe->plan->sink;

    ps_lane_publish_held(lane, sink->class->bytes(sink, lane->sink_local));
}

/* The lane's own part first. */
static ps_status shrink_own(ps_lane *lane, uint64_t wanted)
{
    ps_query *query = lane->pipe->query;
    ps_op *sink = lane->pipe->plan->sink;

    lane->cx.mem = sink->mem;
    PS_TRY(sink->class->shrink(&lane->cx, sink, lane->sink_local, wanted));
    atomic_store_explicit(&query->shrink_wanted, false, memory_order_relaxed);
    ps_lane_shrunk(lane);
    ps_pool_shrunk(query->pool);
    return PS_OK;
}

ps_status ps_lane_ask(ps_lane *lane, bool *parked)
{
    ps_query *query = lane->pipe->query;
    ps_op *sink = lane->pipe->plan->sink;
    uint64_t held = 0;

    if (query->settings.memory_limit == 0) return PS_OK;
    PS_TRY(tables_give(lane));
    if (sink->class->shrink && lane->opened) held = sink->class->bytes(sink, lane->sink_local);
    const uint64_t lacks = lane_lacks(lane);
    const bool wanted = atomic_load_explicit(&query->shrink_wanted, memory_order_relaxed);
    if ((wanted || lacks) && held >= PS_SHRINK_BYTES_MIN)
        return shrink_own(lane, wanted ? UINT64_MAX : lacks);
    ps_lane_publish_held(lane, held);
    if (!lacks || lane->granted) {
        lane->granted = false;
        lane->n_asked = 0;
        return PS_OK;
    }
    /* Read before others are asked: what ends from now on is an answer. */
    lane->asked_at = ps_pool_n_shrunk(query->pool);
    lane->n_asked =
        lane->n_asked < ASKS_MAX && ps_pool_ask(query->pool, query) ? lane->n_asked + 1 : ASKS_MAX;
    lane->asks = true;
    *parked = true;
    return PS_OK;
}

/* Whether any part of the query can be shrunk, now or at the next batch of who runs it. */
static bool has_candidates(const ps_query *query)
{
    if (query->n_shrinking > 0) return true;
    for (uint32_t p = 0; p < query->n_pipes; p++) {
        const ps_run_pipe *pipe = &query->pipes[p];

        for (uint32_t l = 0; l < pipe->n_lanes; l++)
            if (held_of(pipe->lanes[l]) >= PS_SHRINK_BYTES_MIN) return true;
    }
    for (uint32_t s = 0; s < query->n_sinks; s++)
        if (query->sinks[s].held >= PS_SHRINK_BYTES_MIN) return true;
    return false;
}

bool ps_lane_granted(ps_lane *lane)
{
    const ps_query *query = lane->pipe->query;

    if (!lane_is_short(lane)) return true;
    if (has_candidates(query)) return false;
    if (lane->n_asked < ASKS_MAX) /* look again after each answer of the others */
        return ps_pool_n_shrunk(query->pool) != lane->asked_at;
    lane->granted = true; /* nobody has anything to give: go on and see */
    return true;
}

/* The most that a parked lane lacks. */
static uint64_t asked_bytes(const ps_query *query)
{
    uint64_t most = 0;

    for (uint32_t p = 0; p < query->n_pipes; p++) {
        const ps_run_pipe *pipe = &query->pipes[p];

        for (uint32_t l = 0; l < pipe->n_lanes; l++)
            if (pipe->lanes[l]->state == PS_LANE_PARKED && pipe->lanes[l]->asks)
                most = PS_MAX(most, lane_lacks(pipe->lanes[l]));
    }
    return most;
}

bool ps_query_asks(const ps_query *query) { return asked_bytes(query) > 0; }

bool ps_query_pick_shrink(ps_query *query, ps_task *task)
{
    const bool wanted = atomic_load_explicit(&query->shrink_wanted, memory_order_relaxed);
    uint64_t most = PS_SHRINK_BYTES_MIN - 1;

    if (query->settings.memory_limit == 0 || query->n_shrinking > 0) return false;
    const uint64_t bytes = wanted ? UINT64_MAX : asked_bytes(query);
    if (bytes == 0) return false;
    for (uint32_t p = 0; p < query->n_pipes; p++) {
        ps_run_pipe *pipe = &query->pipes[p];

        for (uint32_t l = 0; l < pipe->n_lanes; l++) {
            ps_lane *lane = pipe->lanes[l];

            if (held_of(lane) <= most ||
                (lane->state != PS_LANE_IDLE && lane->state != PS_LANE_PARKED))
                continue;
            most = held_of(lane);
            *task = (ps_task){.kind = PS_TASK_SHRINK,
                              .pipe = pipe,
                              .lane = lane,
                              .number = lane->state,
                              .wanted = bytes};
        }
    }
    for (uint32_t s = 0; s < query->n_sinks; s++) {
        if (query->sinks[s].held <= most) continue;
        most = query->sinks[s].held;
        *task = (ps_task){.kind = PS_TASK_SHRINK, .sink = &query->sinks[s], .wanted = bytes};
    }
    return most >= PS_SHRINK_BYTES_MIN;
}

void ps_sink_sealed(ps_query *query, ps_run_sink *sink)
{
    const ps_op_class *class = sink->op->class;

    if (query->settings.memory_limit == 0 || !class->shrink) return;
    sink->held = class->bytes(sink->op, NULL);
    atomic_fetch_add_explicit(&query->held, sink->held, memory_order_relaxed);
}

void ps_sink_unheld(ps_query *query, ps_run_sink *sink)
{
    atomic_fetch_sub_explicit(&query->held, sink->held, memory_order_relaxed);
    sink->held = 0;
}
