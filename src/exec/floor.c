/* exec/floor.c -- what a query can't do without, and when it may begin: ADR 7.
 *
 * A pipeline's floor is the sum over its operators, for each lane: what the source and the sink
 * need to go on when nothing more is given (blocks of runs that are merged, rows before they can be
 * written out), and some for each transform. A query's is that of its largest pipeline. It is set
 * aside before the query begins, for the whole of it, so that nobody else's growth can refuse it;
 * above its floor a query takes what is free and gives it back when asked.
 *
 * Tests: tests/py/test_spill.py, tests/all/test_memory_limit.py, tests/slt/sql/settings.test */
#include "exec/query_impl.h"

enum {
    TRANSFORM_BYTES = 128 << 10,
    SOURCE_BYTES = 256 << 10,
    QUERY_BYTES = 512 << 10, /* plans, programs, batches between operators */
    SHARE = 6,               /* a query that keeps rows has a sixth of the limit */
    FREE_SHARE = 16          /* a sixteenth is not set aside: statements that are being planned */
};

/* What a scan's reader holds of files is an estimate, and of what it is most wants to have rather
 * than must: an eighth of the limit counts at most. */
static uint64_t pipe_lane_floor(const ps_pipeline *plan)
{
    const ps_op *source = plan->source;
    uint64_t bytes = source->lane_bytes;

    if (!source->lane_needs) bytes = PS_MIN(bytes, source->settings->memory_limit / 8);
    bytes += PS_MAX(source->class->source_floor_bytes, (uint32_t)SOURCE_BYTES);
    for (size_t i = 0; i < plan->ops.n; i++)
        bytes += PS_MAX(plan->ops.at[i]->lane_bytes, (uint64_t)TRANSFORM_BYTES);
    return bytes + plan->sink->class->sink_floor_bytes + plan->sink->sink_bytes;
}

static bool keeps_rows(const ps_query *query) { return query->n_sinks > 1; }

static uint64_t query_floor(const ps_query *query, uint32_t n_lanes)
{
    uint64_t most = 0;

    for (uint32_t p = 0; p < query->n_pipes; p++)
        most = PS_MAX(most, pipe_lane_floor(query->pipes[p].plan) * n_lanes);
    return most + QUERY_BYTES;
}

/* What operators need beside their lanes; the largest is in use at a time. */
static uint64_t query_beside(const ps_query *query)
{
    uint64_t most = 0;

    for (uint32_t p = 0; p < query->n_pipes; p++) {
        const ps_pipeline *plan = query->pipes[p].plan;

        most = PS_MAX(most, plan->source->floor_bytes + plan->sink->floor_bytes);
    }
    return most;
}

static double mib(uint64_t bytes) { return (double)bytes / 1048576; }

/* Half of the limit, where that fits beside what sinks need. */
static uint64_t floor_again(uint64_t limit, uint64_t floor, uint64_t beside)
{
    const uint64_t kept = limit / FREE_SHARE + beside;

    return kept < limit ? PS_MAX(floor, PS_MIN(limit / 2, limit - kept)) : floor;
}

ps_status ps_query_settle_floor(ps_ctx *cx, ps_query *query)
{
    ps_exec_settings *settings = &query->settings;
    const uint64_t limit = settings->memory_limit, beside = query_beside(query);

    if (limit == 0) return PS_OK;
    if (query_floor(query, 1) + beside > limit) {
        const double needs = mib(query_floor(query, 1) + beside);

        ps_fail(
            cx, PS_MEMORY,
            "the query needs at least %.1f MiB with one thread, and its memory limit is %.1f MiB",
            needs, mib(limit));
        ps_hint(cx, "SET memory_limit = '%.0fMiB' or more lets it run", needs + 1);
        return PS_MEMORY;
    }
    /* a quarter is left for statements that are planned and queries that wait */
    while (settings->threads > 1 &&
           query_floor(query, settings->threads) + beside > limit - limit / 4)
        settings->threads--;
    settings->memory_floor = query_floor(query, settings->threads);
    settings->memory_needs = settings->memory_floor + beside;
    if (keeps_rows(query)) /* a sixth of the limit, where that fits */
        settings->memory_floor =
            PS_MAX(settings->memory_floor, PS_MIN(limit / SHARE, limit - beside));
    if (settings->begins_again)
        settings->memory_floor = floor_again(limit, settings->memory_floor, beside);
    settings->memory_reserve = settings->memory_floor + beside;
    return PS_OK;
}

bool ps_query_may_begin_again(ps_query *query)
{
    const ps_exec_settings *settings = &query->settings;
    const uint64_t beside = settings->memory_reserve - settings->memory_floor;
    /* relaxed: nobody runs for it any more, or will when ps_query_written has stopped it */
    const int64_t used = atomic_load_explicit(&query->mem->used, memory_order_relaxed);
    uint64_t n_rows;

    if (settings->begins_again || settings->memory_limit == 0 || ps_query_written(query, &n_rows))
        return false;
    if (settings->fail_memory) return true;
    /* what is set aside is used; a writer's may be most of the limit already */
    const uint64_t again =
        floor_again(settings->memory_limit, settings->memory_floor, beside) + beside;
    return (uint64_t)PS_MAX(used, 0) < again && ps_pool_others_run(query->pool, query, NULL);
}

/* The first payer on the way up whose limit refuses `bytes` more; NULL: none does. */
static const ps_mem *full_payer(const ps_mem *mem, uint64_t bytes)
{
    for (uint64_t spare = 0; mem; mem = mem->parent) {
        const int64_t limit = ps_mem_own_limit(mem);
        const int64_t used = atomic_load_explicit(&mem->used, memory_order_relaxed);

        if (limit && spare + (uint64_t)PS_MAX(limit - used, 0) < bytes) return mem;
        spare += ps_mem_spare(mem); /* charged above already */
    }
    return NULL;
}

/* In turn, so that one that needs much gets it some day; but who waits for room below one payer is
 * in nobody's way below another. */
static bool may_begin(ps_query *query)
{
    const uint64_t limit = query->settings.memory_limit, reserve = query->settings.memory_reserve;
    const uint64_t kept_free = limit / FREE_SHARE;

    if (limit == 0) return true;
    query->waits_for = NULL;
    if (reserve > limit / 64 && !ps_pool_is_first(query->pool, query)) return false;
    const ps_mem *full = full_payer(query->mem, reserve + kept_free);
    if (!full && ps_mem_reserve(query->mem, reserve)) return true;
    query->waits_for = full;
    if (ps_pool_others_run(query->pool, query, full)) return false;
    /* Nobody runs whose end could help (rows of a result are not fetched, tables hold the rest): it
     * begins with what there is. */
    for (uint64_t less = reserve; less > limit / 64; less -= less / 8)
        if (!full_payer(query->mem, less + kept_free) && ps_mem_reserve(query->mem, less)) break;
    return true;
}

/* Tables that nobody reads make room for it. */
static void tables_give(ps_query *query)
{
    ps_ctx own;

    ps_ctx_child(&query->cx, &own);
    /* a cancel is seen by who pulls */
    (void)ps_tables_make_room(&own, &query->settings, query->mem,
                              query->settings.memory_reserve +
                                  query->settings.memory_limit / FREE_SHARE);
}

bool ps_query_admit(ps_query *query)
{
    if (atomic_load_explicit(&query->admitted, memory_order_acquire)) return true;
    if (query->settings.memory_limit) tables_give(query); /* before the lock: it may write */
    ps_pool_begin_lock(query->pool);
    const bool begins = may_begin(query);
    /* release: who sees it sees the reserve */
    if (begins) atomic_store_explicit(&query->admitted, true, memory_order_release);
    ps_pool_begin_unlock(query->pool);
    return begins;
}
