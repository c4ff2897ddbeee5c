/* bench/fixed/fixed_cost.c -- the fixed cost of small queries through penstock.h alone.
 *
 *     fixed_cost THREADS RUNS SETUP QUERY...
 *
 * Runs the statement SETUP, then prints a line for each query: medians in microseconds of RUNS
 * runs, after a tenth as many that warm up, to the last batch fetched and everything given back:
 * from SQL text, EXECUTE of a prepared statement, and ps_plan_run of a plan made once. */
#include <penstock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct bench {
    ps_session *session;
    const char *text;
    ps_plan *plan; /* NULL: text is run */
    size_t n_runs;
    double *times;
} bench;

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void check(ps_status status, const ps_error *error)
{
    if (status == PS_OK) return;
    fprintf(stderr, "%s: %s\n", ps_status_name(status), error->message);
    exit(1);
}

static void run_once(bench *b)
{
    ps_error error = {0};
    ps_result *result = NULL;
    ps_fetch fetch = PS_FETCH_END;

    if (b->plan) check(ps_plan_run(b->plan, b->session, NULL, &result, &error), &error);
    else check(ps_session_sql(b->session, b->text, strlen(b->text), NULL, &result, &error), &error);
    do {
        struct ArrowArray rows = {0};
        if (ps_result_columns(result) == 0) break;
        check(ps_result_next(result, UINT64_MAX, &rows, &fetch, &error), &error);
        if (fetch == PS_FETCH_BATCH) rows.release(&rows);
    } while (fetch != PS_FETCH_END);
    ps_result_free(result);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_us(bench *b)
{
    for (size_t i = 0; i < b->n_runs / 10; i++) run_once(b);
    for (size_t i = 0; i < b->n_runs; i++) {
        const double start = now_us();
        run_once(b);
        b->times[i] = now_us() - start;
    }
    qsort(b->times, b->n_runs, sizeof(double), compare);
    return b->times[b->n_runs / 2];
}

static void measure(bench *b, const char *query)
{
    ps_error error = {0};
    char prepare[4096];
    bench once = *b;

    b->text = query;
    const double text = median_us(b);
    snprintf(prepare, sizeof(prepare), "PREPARE p AS %s", query);
    once.text = prepare;
    run_once(&once);
    b->text = "EXECUTE p";
    const double execute = median_us(b);
    b->plan = ps_plan_sql(query, strlen(query));
    check(ps_plan_check(b->plan, &error), &error);
    printf("%.2f %.2f %.2f\n", text, execute, median_us(b));
    ps_plan_unref(b->plan);
    b->plan = NULL;
    once.text = "DEALLOCATE p";
    run_once(&once);
}

int main(int argc, char **argv)
{
    ps_instance_options options = PS_INSTANCE_OPTIONS;
    ps_instance *instance = NULL;
    ps_error error = {0};
    bench b = {0};

    if (argc < 4) {
        fprintf(stderr, "usage: fixed_cost THREADS RUNS SETUP QUERY...\n");
        return 2;
    }
    options.threads = (uint32_t)strtoul(argv[1], NULL, 10);
    b.n_runs = strtoul(argv[2], NULL, 10) + 1;
    b.times = malloc(b.n_runs * sizeof(double));
    if (!b.times) return 1;
    check(ps_instance_new(&options, &instance, &error), &error);
    check(ps_session_new(instance, &b.session, &error), &error);
    b.text = argv[3];
    run_once(&b);
    for (int i = 4; i < argc; i++) measure(&b, argv[i]);
    ps_session_free(b.session);
    ps_instance_free(instance);
    free(b.times);
    return 0;
}
