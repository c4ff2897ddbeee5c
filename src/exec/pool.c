/* exec/pool.c -- the threads of an instance: they go round the running queries and take tasks.
 *
 * pool->mutex guards the list of queries, their pool_users and the generation. A thread that found
 * nothing sleeps until the generation changes; every kick changes it and wakes one thread, which
 * kicks the next when there is more work than it took: so a query with one task wakes nobody and a
 * large one wakes all. Round robin over queries, one task each, is what keeps a short query short
 * beside a long one. */
#include "exec/query_impl.h"

enum { ROOM_PAUSE_NS = 4000000 };

struct ps_pool {
    ps_mutex mutex;
    ps_mutex begin;    /* held by who looks whether its query may begin: floor.c. Comes first */
    ps_cond wake;      /* pool threads */
    ps_cond left;      /* a thread stopped looking at a query */
    ps_query *queries; /* singly linked, oldest first */
    uint64_t generation;
    uint32_t n_wanted; /* threads to have; the puller is one more */
    uint32_t n_started;
    bool ending;
    ps_thread *threads;
    _Atomic uint64_t n_shrunk; /* answers to askers for memory (arbiter.c) */
};

ps_status ps_pool_new(ps_ctx *cx, uint32_t threads, ps_pool **out)
{
    ps_pool *pool = ps_alloc_zero(cx, sizeof(*pool));

    *out = NULL;
    if (!pool) return PS_MEMORY;
    ps_mutex_init(&pool->mutex);
    ps_mutex_init(&pool->begin);
    ps_cond_init(&pool->wake);
    ps_cond_init(&pool->left);
    const ps_status st = ps_pool_want(cx, pool, threads);
    if (st == PS_OK) *out = pool;
    else ps_pool_free(pool);
    return st;
}

ps_status ps_pool_want(ps_ctx *cx, ps_pool *pool, uint32_t threads)
{
    const uint32_t n = threads > 1 ? threads - 1 : 0;
    ps_status st = PS_OK;

    ps_mutex_lock(&pool->mutex);
    if (n > pool->n_wanted || !pool->threads) {
        /* the first block, which ps_pool_new asks for, fixes who pays: no query does */
        ps_thread *const grown = ps_realloc(cx, pool->threads, (n + 1) * sizeof(*grown));
        if (!grown) PS_GO(PS_MEMORY);
        pool->threads = grown;
        pool->n_wanted = n;
    }
done:
    ps_mutex_unlock(&pool->mutex);
    return st;
}

/* The query after `last` in round-robin order, with a use counted; NULL: none. Mutex held. */
static ps_query *pool_next(ps_pool *pool, const ps_query *last)
{
    ps_query *query = last && last->next_in_pool ? last->next_in_pool : pool->queries;

    if (query) query->pool_users++;
    return query;
}

static void pool_leave(ps_pool *pool, ps_query *query)
{
    if (--query->pool_users == 0) ps_cond_broadcast(&pool->left);
}

static uint32_t pool_count(const ps_pool *pool)
{
    uint32_t n = 0;

    for (const ps_query *q = pool->queries; q; q = q->next_in_pool) n++;
    return n;
}

static void *pool_thread(void *argument)
{
    ps_pool *pool = argument;
    uint64_t seen;

    ps_mutex_lock(&pool->mutex);
    while (!pool->ending) {
        ps_query *query = NULL;
        uint32_t idle = 0;

        seen = pool->generation;
        /* until a whole round found nothing */
        while (!pool->ending && idle <= pool_count(pool)) {
            ps_query *next = pool_next(pool, query);

            if (query) pool_leave(pool, query);
            query = next;
            if (!query) break;
            ps_mutex_unlock(&pool->mutex);
            idle = ps_query_work(query) ? 0 : idle + 1;
            ps_mutex_lock(&pool->mutex);
        }
        if (query) pool_leave(pool, query);
        while (!pool->ending && pool->generation == seen) ps_cond_wait(&pool->wake, &pool->mutex);
    }
    ps_mutex_unlock(&pool->mutex);
    return NULL;
}

uint64_t ps_pool_n_shrunk(ps_pool *pool)
{
    return atomic_load_explicit(&pool->n_shrunk, memory_order_relaxed);
}

void ps_pool_shrunk(ps_pool *pool)
{
    /* relaxed: askers look again, under their own mutex */
    atomic_fetch_add_explicit(&pool->n_shrunk, 1, memory_order_relaxed);
}

bool ps_pool_ask(ps_pool *pool, ps_query *asker)
{
    ps_query *largest = NULL;
    uint64_t most = PS_SHRINK_BYTES_MIN - 1;

    ps_mutex_lock(&pool->mutex);
    for (ps_query *q = pool->queries; q; q = q->next_in_pool) {
        const uint64_t held = PS_MIN(atomic_load_explicit(&q->held, memory_order_relaxed),
                                     ps_mem_above_reserve(q->mem));

        if (q == asker || held <= most) continue;
        most = held;
        largest = q;
    }
    if (largest) atomic_store_explicit(&largest->shrink_wanted, true, memory_order_relaxed);
    ps_mutex_unlock(&pool->mutex);
    if (largest) ps_pool_kick(pool);
    return largest != NULL;
}

void ps_pool_begin_lock(ps_pool *pool) { ps_mutex_lock(&pool->begin); }
void ps_pool_begin_unlock(ps_pool *pool) { ps_mutex_unlock(&pool->begin); }

static bool is_below(const ps_mem *mem, const ps_mem *payer)
{
    while (mem && mem != payer) mem = mem->parent;
    return mem == payer;
}

/* payer: NULL, any. The mutex is held. */
static bool others_run(const ps_pool *pool, const ps_query *query, const ps_mem *payer)
{
    for (const ps_query *q = pool->queries; q; q = q->next_in_pool) {
        if (q != query && atomic_load_explicit(&q->n_active, memory_order_relaxed) > 0 &&
            atomic_load_explicit(&q->admitted, memory_order_acquire) &&
            (!payer || is_below(q->mem, payer)))
            return true;
    }
    return false;
}

bool ps_pool_others_run(ps_pool *pool, const ps_query *query, const ps_mem *payer)
{
    ps_mutex_lock(&pool->mutex);
    const bool runs = others_run(pool, query, payer);
    ps_mutex_unlock(&pool->mutex);
    return runs;
}

bool ps_pool_is_first(ps_pool *pool, const ps_query *query)
{
    bool first = true;

    ps_mutex_lock(&pool->mutex);
    for (const ps_query *q = pool->queries; first && q && q != query; q = q->next_in_pool) {
        const bool waits =
            q->waits_for && !atomic_load_explicit(&q->admitted, memory_order_acquire);

        first = !waits || atomic_load_explicit(&q->n_active, memory_order_relaxed) == 0 ||
                !is_below(query->mem, q->waits_for) || !others_run(pool, query, q->waits_for);
    }
    ps_mutex_unlock(&pool->mutex);
    return first;
}

bool ps_pool_help(ps_pool *pool, ps_query *helper)
{
    ps_query *query;

    ps_mutex_lock(&pool->mutex);
    for (query = pool->queries; query; query = query->next_in_pool) {
        if (query != helper && atomic_load_explicit(&query->shrink_wanted, memory_order_relaxed))
            break;
    }
    if (query) query->pool_users++;
    ps_mutex_unlock(&pool->mutex);
    if (!query) return false;
    const bool done = ps_query_shrink(query);
    ps_mutex_lock(&pool->mutex);
    pool_leave(pool, query);
    ps_mutex_unlock(&pool->mutex);
    return done;
}

bool ps_pool_wait_room(ps_pool *pool)
{
    if (!ps_pool_others_run(pool, NULL, NULL)) return false;
    ps_pool_ask(pool, NULL);
    if (ps_pool_help(pool, NULL)) return true;
    ps_mutex_lock(&pool->mutex);
    ps_cond_wait_ns(&pool->left, &pool->mutex, ROOM_PAUSE_NS);
    ps_mutex_unlock(&pool->mutex);
    return true;
}

void ps_pool_kick(ps_pool *pool)
{
    if (pool->n_wanted == 0) return;
    ps_mutex_lock(&pool->mutex);
    pool->generation++;
    /* One thread at a time, when there is work for it. One that the system refuses is not missed:
     * the puller runs every task itself. */
    if (pool->n_started < pool->n_wanted && !pool->ending &&
        ps_thread_start(&pool->threads[pool->n_started], "penstock", pool_thread, pool)) {
        pool->n_started++;
    }
    ps_cond_signal(&pool->wake);
    ps_mutex_unlock(&pool->mutex);
}

void ps_pool_add(ps_pool *pool, ps_query *query)
{
    ps_mutex_lock(&pool->mutex);
    ps_query **end = &pool->queries;
    while (*end) end = &(*end)->next_in_pool;
    *end = query;
    query->next_in_pool = NULL;
    ps_mutex_unlock(&pool->mutex);
}

void ps_pool_remove(ps_pool *pool, ps_query *query)
{
    ps_pool_shrunk(pool); /* who asked it gets no other answer */
    ps_mutex_lock(&pool->mutex);
    /* A thread that looks at it will step from it to its successor: so wait for it before
     * unlinking. The wait ends with the mutex held, so none comes in between. */
    while (query->pool_users > 0) ps_cond_wait(&pool->left, &pool->mutex);
    ps_query **at = &pool->queries;
    while (*at && *at != query) at = &(*at)->next_in_pool;
    if (*at) *at = query->next_in_pool;
    ps_mutex_unlock(&pool->mutex);
}

void ps_pool_free(ps_pool *pool)
{
    if (!pool) return;
    ps_mutex_lock(&pool->mutex);
    PS_ASSERT(!pool->queries);
    pool->ending = true;
    ps_cond_broadcast(&pool->wake);
    ps_mutex_unlock(&pool->mutex);
    for (uint32_t i = 0; i < pool->n_started; i++) ps_thread_join(pool->threads[i]);
    ps_cond_destroy(&pool->left);
    ps_cond_destroy(&pool->wake);
    ps_mutex_destroy(&pool->mutex);
    ps_mutex_destroy(&pool->begin);
    ps_free(pool->threads);
    ps_free(pool);
}
