/* tests/unit/test_sessions.c -- sessions of one instance on threads of their own: queries, errors,
 * cancels, CREATE, DROP and INSERT at the same time.
 *
 * Under the thread sanitizer it finds races, under the address sanitizer leaks; what is left of the
 * instance's memory afterwards is what it began with. */
/* links: all */
#include "unit.h"

#include "api/handles.h"
#include "base/mem.h"
#include "base/thread.h"

#include <stdio.h>

enum { N_WORKERS = 4, N_STEPS = 60, ROWS_ADDED = 10 };

typedef struct worker {
    ps_session *session;
    uint32_t number, seed;
    int64_t n_added; /* rows that this one's INSERTs added to `common` */
    uint32_t n_bad;
    char bad[2048];
} worker;

static uint32_t next(worker *w)
{
    w->seed = w->seed * 1664525u + 1013904223u;
    return w->seed >> 8;
}

static ps_status drain(ps_result *result, int64_t *value, ps_error *error)
{
    ps_fetch fetch = PS_FETCH_BATCH;

    while (fetch != PS_FETCH_END) {
        struct ArrowArray batch;
        const ps_status st = ps_result_next(result, UINT64_MAX, &batch, &fetch, error);

        if (st != PS_OK) return st;
        if (fetch != PS_FETCH_BATCH) continue;
        if (value && batch.n_children && batch.length)
            *value = ((const int64_t *)batch.children[0]->buffers[1])[batch.children[0]->offset];
        batch.release(&batch);
    }
    return PS_OK;
}

/* Runs to the end; *value (optional): the first column of the last batch's first row, a BIGINT. */
static ps_status run(ps_session *session, const char *sql, int64_t *value, int64_t *changed,
                     ps_error *error)
{
    ps_result *result = NULL;
    ps_status st = ps_session_sql(session, sql, strlen(sql), NULL, &result, error);

    if (st == PS_OK) st = drain(result, value, error);
    if (st == PS_OK && changed) *changed = ps_result_rows_changed(result);
    ps_result_free(result);
    return st;
}

static void judge(worker *w, const char *sql, ps_status st, const ps_error *error, bool good)
{
    if (good || st == PS_CANCELLED) return;
    if (w->n_bad++ == 0)
        snprintf(w->bad, sizeof w->bad, "%s: %s: %.500s", ps_status_name(st), error->message, sql);
}

/* What every worker does to tables that all share. Their names come and go under the others' feet:
 * then the error says so. */
static void shared_step(worker *w, uint32_t what)
{
    static const char *const statements[] = {
        "CREATE OR REPLACE TABLE flip AS SELECT i, i * 2 AS k FROM range(3000) r(i)",
        ("CREATE OR REPLACE TABLE flip AS SELECT i::VARCHAR AS i, 'a text of some length ' || i AS "
         "k FROM range(2000) r(i)"),
        "INSERT INTO flip SELECT i, k FROM flip WHERE i IN (SELECT max(i) FROM flip)",
        "DROP TABLE IF EXISTS flip",
        "SELECT count(*) FROM flip a JOIN flip b ON a.i = b.i",
        "CREATE OR REPLACE VIEW seen AS SELECT count(*) AS n FROM common",
        "SELECT n FROM seen",
        "SHOW TABLES",
    };
    const char *sql = statements[what % (sizeof statements / sizeof statements[0])];
    ps_error error = {0};
    const ps_status st = run(w->session, sql, NULL, NULL, &error);

    judge(w, sql, st, &error, st == PS_OK || st == PS_BIND);
}

static void add_step(worker *w)
{
    char sql[128];
    ps_error error = {0};
    int64_t changed = 0, n = 0;

    snprintf(sql, sizeof sql, "INSERT INTO common SELECT i, %u FROM range(%d) r(i)", w->number,
             ROWS_ADDED);
    ps_status st = run(w->session, sql, NULL, &changed, &error);
    judge(w, sql, st, &error, st == PS_OK && changed == ROWS_ADDED);
    if (st == PS_OK) w->n_added += changed;
    /* a snapshot holds whole INSERTs, and all of one's own */
    snprintf(sql, sizeof sql, "SELECT count(*) FROM common WHERE w = %u", w->number);
    st = run(w->session, sql, &n, NULL, &error);
    judge(w, sql, st, &error, st == PS_OK && n == w->n_added);
}

static void own_step(worker *w, uint32_t what)
{
    char sql[256];
    ps_error error = {0};
    int64_t n = -1;
    ps_status st, wanted = PS_OK;

    switch (what % 5) {
    case 0:
        snprintf(
            sql, sizeof sql,
            "SELECT sum(n) FROM (SELECT i %% 1000 AS g, count(*)::BIGINT AS n FROM range(20000) "
            "r(i) GROUP BY g ORDER BY n, g) x");
        break;
    case 1:
        snprintf(
            sql, sizeof sql,
            "SELECT count(*) FROM (SELECT row_number() OVER (PARTITION BY i %% 7 ORDER BY i) AS n "
            "FROM range(20000) r(i)) x");
        break;
    case 2: snprintf(sql, sizeof sql, "SELECT count(nothing) FROM common"), wanted = PS_BIND; break;
    case 3:
        snprintf(sql, sizeof sql, "SELECT CAST(i AS TINYINT) FROM range(100000) r(i)");
        wanted = PS_VALUE;
        break;
    default:
        snprintf(sql, sizeof sql, "CREATE OR REPLACE TEMP TABLE own AS SELECT %u AS w", w->number);
        break;
    }
    st = run(w->session, sql, what % 5 < 2 ? &n : NULL, NULL, &error);
    judge(w, sql, st, &error, st == wanted && (what % 5 > 1 || n == 20000));
}

static void *work(void *user)
{
    worker *w = user;

    for (int step = 0; step < N_STEPS; step++) {
        const uint32_t what = next(w);

        switch (what % 3) {
        case 0: shared_step(w, what / 3); break;
        case 1: add_step(w); break;
        default: own_step(w, what / 3); break;
        }
    }
    return NULL;
}

typedef struct canceller {
    worker *workers;
    _Atomic bool over;
} canceller;

static void *cancel(void *user)
{
    canceller *c = user;

    for (uint32_t i = 0; !atomic_load(&c->over); i++) {
        const struct timespec pause = {.tv_nsec = 3000000};

        ps_session_cancel(c->workers[i % 2].session); /* the others are left in peace */
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void must(ps_session *session, const char *sql)
{
    ps_error error = {0};

    if (run(session, sql, NULL, NULL, &error) != PS_OK) fail_msg("%s: %s", sql, error.message);
}

/* Room for as many tables as there will be, so that it does not count as a loss. */
static int64_t used_at_rest(ps_instance *instance)
{
    ps_session *session = NULL;

    assert_int_equal(ps_session_new(instance, &session, NULL), PS_OK);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 8; i++) {
            char sql[64];

            snprintf(sql, sizeof sql, round ? "DROP TABLE w%d" : "CREATE TABLE w%d (i INTEGER)", i);
            must(session, sql);
        }
    }
    ps_session_free(session);
    return atomic_load(&instance->mem->used);
}

static void test_sessions_at_once(void **state)
{
    (void)state;
    ps_instance_options options = PS_INSTANCE_OPTIONS;
    ps_instance *instance = NULL;
    worker workers[N_WORKERS] = {0};
    canceller c = {.workers = workers};
    ps_thread threads[N_WORKERS + 1];
    ps_session *session = NULL;

    options.threads = 3;
    assert_int_equal(ps_instance_new(&options, &instance, NULL), PS_OK);
    const int64_t at_rest = used_at_rest(instance);
    assert_int_equal(ps_session_new(instance, &session, NULL), PS_OK);
    must(session, "CREATE TABLE common (i BIGINT, w INTEGER)");
    for (uint32_t i = 0; i < N_WORKERS; i++) {
        workers[i].number = i;
        workers[i].seed = i * 7919 + 1;
        assert_int_equal(ps_session_new(instance, &workers[i].session, NULL), PS_OK);
    }
    for (uint32_t i = 0; i < N_WORKERS; i++)
        assert_true(ps_thread_start(&threads[i], "worker", work, &workers[i]));
    assert_true(ps_thread_start(&threads[N_WORKERS], "cancel", cancel, &c));
    for (uint32_t i = 0; i < N_WORKERS; i++) ps_thread_join(threads[i]);
    atomic_store(&c.over, true);
    ps_thread_join(threads[N_WORKERS]);
    for (uint32_t i = 0; i < N_WORKERS; i++) {
        if (workers[i].n_bad) fail_msg("%u bad steps, first: %s", workers[i].n_bad, workers[i].bad);
        assert_true(workers[i].n_added > 0);
        ps_session_free(workers[i].session);
    }
    must(session, "DROP TABLE common");
    must(session, "DROP TABLE IF EXISTS flip");
    must(session, "DROP VIEW IF EXISTS seen");
    ps_session_free(session);
    assert_int_equal(atomic_load(&instance->mem->used), at_rest);
    ps_instance_free(instance);
}

/* An INSERT that takes its time, into a table that is not the same one at its end. */
static void *insert_slowly(void *user)
{
    static const char sql[] = "INSERT INTO flip SELECT count(*) FROM range(5000) a(x), range(5000) "
                              "b(y) WHERE x + y < 0";
    worker *w = user;
    ps_error error = {0};
    const ps_status st = run(w->session, sql, NULL, NULL, &error);

    judge(w, sql, st, &error, st == PS_BIND && strstr(error.message, "was replaced"));
    return NULL;
}

static bool runs(ps_session *session)
{
    ps_mutex_lock(&session->mutex);
    const bool it_does = session->current && session->current->query;
    ps_mutex_unlock(&session->mutex);
    return it_does;
}

static void test_replaced_under_an_insert(void **state)
{
    (void)state;
    ps_instance *instance = NULL;
    ps_session *session = NULL;
    worker w = {0};
    ps_thread thread;
    int64_t n = -1;
    ps_error error = {0};

    assert_int_equal(ps_instance_new(NULL, &instance, NULL), PS_OK);
    assert_int_equal(ps_session_new(instance, &session, NULL), PS_OK);
    assert_int_equal(ps_session_new(instance, &w.session, NULL), PS_OK);
    must(session, "CREATE TABLE flip AS SELECT 1::BIGINT AS n");
    assert_true(ps_thread_start(&thread, "insert", insert_slowly, &w));
    while (!runs(w.session)) nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    must(session, "CREATE OR REPLACE TABLE flip AS SELECT 'a text instead of a number' AS n");
    ps_thread_join(thread);
    if (w.n_bad) fail_msg("%s", w.bad);
    assert_int_equal(run(session, "SELECT length(n) FROM flip", &n, NULL, &error), PS_OK);
    assert_int_equal(n, 26);
    ps_session_free(w.session);
    ps_session_free(session);
    ps_instance_free(instance);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sessions_at_once),
                                       cmocka_unit_test(test_replaced_under_an_insert)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
