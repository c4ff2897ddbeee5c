/* bench/micro/parquet_scan_micro.c -- how fast one thread decodes a Parquet file.
 *
 *     parquet_scan FILE                 each column alone, then all of them
 *     parquet_scan FILE COLUMN,COLUMN   these together
 * Prints the thread's CPU time, rows and decoded bytes (slots) a second, cycles of the time stamp
 * counter a value. Best of RUNS; the file should be in the page cache. CPU time and not the
 * clock's: others may use the machine. */
#include "base/thread.h"
#include "eval/program.h"
#include "format/parquet/parquet.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RUNS = 5 };

typedef struct result {
    double seconds, cycles;
    uint64_t n_rows;
} result;

static ps_status scan_once(ps_ctx *cx, const ps_source *source, const ps_scan_request *request,
                           uint64_t *n_rows)
{
    const ps_source_class *const c = source->class;
    ps_arena arena = {0};
    ps_scan *scan = NULL;
    ps_reader *reader = NULL;
    ps_batch batch;
    ps_status st;

    *n_rows = 0;
    PS_GO(ps_batch_init(cx, &arena, PS_MAX(request->n_columns, 1), &batch));
    PS_GO(c->scan_open(cx, &arena, source, request, &scan));
    PS_GO(c->reader_open(cx, &arena, scan, NULL, &reader));
    for (uint64_t m = 0; m < scan->n_morsels; m++) {
        bool done = false;
        PS_GO(c->reader_start(cx, reader, m));
        while (!done) {
            PS_GO(c->reader_next(cx, reader, &batch, &done));
            *n_rows += batch.n_live;
        }
    }
done:
    if (reader) c->reader_close(reader);
    if (scan) c->scan_close(scan);
    ps_arena_release(&arena);
    return st;
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static ps_status measure(ps_ctx *cx, const ps_source *source, const uint32_t *columns, uint32_t n,
                         const char *name, double bytes)
{
    const ps_scan_request request = {.columns = columns, .n_columns = n};
    result best = {.seconds = 1e9};

    for (int i = 0; i < RUNS; i++) {
        result r;
        const uint64_t wall = ps_clock_ns(), counter = ps_cycles();
        const double cpu = cpu_seconds();
        PS_TRY(scan_once(cx, source, &request, &r.n_rows));
        r.seconds = cpu_seconds() - cpu;
        r.cycles =
            (double)(ps_cycles() - counter) / (double)(ps_clock_ns() - wall) * 1e9 * r.seconds;
        if (r.seconds < best.seconds) best = r;
    }
    printf("%-20s %8.2f ms %8.1f Mrows/s %8.2f cycles/value", name, best.seconds * 1e3,
           (double)best.n_rows / best.seconds * 1e-6, best.cycles / (double)best.n_rows / n);
    if (bytes > 0) printf(" %6.2f GB/s", bytes / best.seconds * 1e-9);
    printf("\n");
    return PS_OK;
}

/* Bytes of n decoded values in their slots. */
static double slot_bytes(const ps_source *source, const uint32_t *columns, uint32_t n,
                         double n_rows)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += n_rows *
               (double)ps_layout_bytes(ps_type_layout(source->schema->fields[columns[i]].type));
    return sum;
}

static uint32_t columns_find(const ps_schema *schema, char *names, uint32_t *out)
{
    uint32_t n = 0;

    for (char *name = names, *next; name && *name; name = next) {
        next = strchr(name, ',');
        if (next) *next++ = 0;
        for (uint32_t i = 0; i < schema->n; i++)
            if (ps_str_equal(schema->fields[i].name, ps_str_of(name))) out[n++] = i;
    }
    return n;
}

static ps_status run(ps_ctx *cx, char **argv, int argc, ps_source **source)
{
    const ps_str path = ps_str_of(argv[1]);
    uint32_t columns[1000], n;
    ps_source_stats stats;
    ps_status st;

    PS_GO(ps_format_parquet.open(cx, &path, 1, NULL, source));
    PS_GO((*source)->class->stats(cx, *source, &stats));
    n = PS_MIN((*source)->schema->n, 1000u);
    if (argc > 2) {
        n = columns_find((*source)->schema, argv[2], columns);
        if (n)
            PS_GO(measure(cx, *source, columns, n, "these",
                          slot_bytes(*source, columns, n, stats.n_rows)));
    } else {
        for (uint32_t i = 0; i < n; i++) {
            char name[64];
            columns[i] = i;
            snprintf(name, sizeof name, "%.*s", PS_STR_ARGS((*source)->schema->fields[i].name));
            PS_GO(measure(cx, *source, &columns[i], 1, name,
                          slot_bytes(*source, &columns[i], 1, stats.n_rows)));
        }
        PS_GO(
            measure(cx, *source, columns, n, "all", slot_bytes(*source, columns, n, stats.n_rows)));
    }
done:
    return st;
}

int main(int argc, char **argv)
{
    ps_source *source = NULL;
    ps_mem mem;
    ps_ctx cx;
    ps_status st;

    if (argc < 2) return fprintf(stderr, "usage: parquet_scan FILE [COLUMN,...]\n"), 2;
    ps_mem_init(&mem, NULL, "bench", 0);
    ps_ctx_init(&cx, &mem, NULL);
    cx.batch_rows = PS_BATCH_ROWS;
    st = run(&cx, argv, argc, &source);
    if (st != PS_OK) fprintf(stderr, "%s\n", cx.error.message);
    ps_source_unref(source);
    return st != PS_OK;
}
