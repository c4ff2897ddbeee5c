/* fuzz/support/session.c -- see session.h. */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ROWS_MAX = 100000 };

static struct {
    ps_instance *instance;
    ps_session *session;
    int fd;
    char path[40];
} the;

static void stop(void)
{
    ps_session_free(the.session);
    ps_instance_free(the.instance);
}

static void must(ps_status status, const ps_error *error)
{
    if (status == PS_OK) return;
    fprintf(stderr, "%s: %s\n", ps_status_name(status), error->message);
    abort();
}

ps_session *fuzz_session(void)
{
    ps_error error = {0};
    ps_instance_options options = PS_INSTANCE_OPTIONS;

    if (the.session) return the.session;
    options.threads = 2;
    options.memory_bytes_max = 256 << 20;
    must(ps_instance_new(&options, &the.instance, &error), &error);
    must(ps_session_new(the.instance, &the.session, &error), &error);
    must(ps_session_set(the.session, "max_execution_time", "2s", &error), &error);
    atexit(stop);
    return the.session;
}

void fuzz_check(ps_status status, const ps_error *error)
{
    if (status == PS_INTERNAL || (status != PS_OK && status != error->code)) {
        fprintf(stderr, "%s: %s\n", ps_status_name(status), error->message);
        abort();
    }
}

ps_status fuzz_rows(ps_result *result, ps_error *error)
{
    ps_fetch fetch = PS_FETCH_BATCH;
    ps_status status = PS_OK;
    int64_t n_rows = 0;

    while (result && status == PS_OK && fetch != PS_FETCH_END && n_rows < ROWS_MAX) {
        struct ArrowArray batch = {0};
        status = ps_result_next(result, UINT64_MAX, &batch, &fetch, error);
        n_rows += batch.length;
        if (batch.release) batch.release(&batch);
    }
    ps_result_free(result);
    return status;
}

ps_status fuzz_sql(const char *text, size_t n, ps_error *error)
{
    ps_result *result = NULL;
    ps_status status = ps_session_sql(fuzz_session(), text, n, NULL, &result, error);

    if (status == PS_OK) status = fuzz_rows(result, error);
    fuzz_check(status, error);
    return status;
}

const char *fuzz_file(const uint8_t *bytes, size_t n)
{
    size_t put = 0;

    the.fd = memfd_create("fuzz", 0);
    while (the.fd >= 0 && put < n) {
        const ssize_t step = write(the.fd, bytes + put, n - put);
        if (step <= 0) abort();
        put += (size_t)step;
    }
    snprintf(the.path, sizeof the.path, "/proc/self/fd/%d", the.fd);
    return the.path;
}

void fuzz_file_close(void) { close(the.fd); }
