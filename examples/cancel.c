/* examples/cancel.c -- a query that would take an hour: another thread looks at its progress and
 * stops it; the session goes on. */
#define _POSIX_C_SOURCE 200809L
#include <penstock.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static ps_status run(ps_session *session, const char *sql, ps_result **out, ps_error *error)
{
    return ps_session_sql(session, sql, strlen(sql), NULL, out, error);
}

/* The result stays ours until this thread was joined. */
static void *watch(void *user)
{
    const struct timespec tick = {0, 50 * 1000 * 1000};
    ps_result *result = user;

    nanosleep(&tick, NULL);
    if (ps_result_progress(result) < 1) printf("still running\n");
    ps_result_cancel(result);
    return NULL;
}

static ps_status stopped(ps_session *session, ps_error *error)
{
    static const char sql[] =
        "SELECT count(*) FROM range(1000000) a(x), range(1000000) b(y) WHERE x + y < 0";
    struct ArrowArray batch;
    ps_result *result = NULL;
    ps_fetch fetch;
    pthread_t thread;
    ps_status st = run(session, sql, &result, error);

    if (st != PS_OK) return st;
    if (pthread_create(&thread, NULL, watch, result) == 0) {
        st = ps_result_next(result, UINT64_MAX, &batch, &fetch, error);
        pthread_join(thread, NULL);
    }
    ps_result_free(result);
    return st;
}

int main(void)
{
    ps_instance *instance = NULL;
    ps_session *session = NULL;
    ps_result *result = NULL;
    ps_error error = {0};
    ps_status st = ps_instance_new(NULL, &instance, &error);

    if (st == PS_OK) st = ps_session_new(instance, &session, &error);
    if (st == PS_OK) st = stopped(session, &error);
    printf("%s: %s\n", ps_status_name(st), ps_status_text(st));
    if (st == PS_CANCELLED) st = run(session, "SELECT 'the session goes on'", &result, &error);
    printf("%s: %s\n", ps_status_name(st), ps_status_text(st));
    ps_result_free(result);
    ps_session_free(session);
    ps_instance_free(instance);
    return st != PS_OK;
}
