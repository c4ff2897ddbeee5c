/* fuzz/parquet.c -- any bytes as a Parquet file: read whole, every batch verified, and by SQL.
 *
 * Built with libFuzzer (preset fuzz) it is a target; without, a program:
 *     fuzz_parquet FILE...                      reads each
 *     fuzz_parquet -mutate N FILE...            reads N mutants of each, the same ones every time
 *     fuzz_parquet -only I FILE                 reads mutant I
 *     fuzz_parquet -mutant I FILE > OUT         writes mutant I
 * It ends with status 1 when memory isn't given back, a batch breaks its promises, an error isn't
 * typed or doesn't name the file, or the process has grown by more than GROWTH_MAX; a crash, the
 * sanitizers and the alarm (MUTANT_SECONDS_MAX for one) say the rest. */
#include "col/batch.h"
#include "eval/program.h"
#include "format/parquet/parquet.h"
#include "support/parquet_mutate.h"
#include "support/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static const uint64_t BYTES_MAX = 256u << 20;
enum { MUTANT_SECONDS_MAX = 60, FILE_BYTES_MAX = 64 << 20 };

static ps_status drop_third(ps_ctx *cx, ps_scan_filter *filter, uint32_t stage, ps_batch *batch)
{
    uint32_t *const n = filter->user;
    (void)cx, (void)stage;
    if (++*n % 3 == 0) batch->n_live = 0;
    return PS_OK;
}

static ps_status scan_all(ps_ctx *cx, ps_arena *arena, const ps_source *source,
                          const ps_scan_request *request)
{
    const ps_source_class *const c = source->class;
    uint32_t n_run = 0;
    ps_scan_filter filter = {.run = drop_third, .user = &n_run};
    ps_scan *scan = NULL;
    ps_reader *reader = NULL;
    ps_source_stats stats;
    ps_source_col column;
    ps_batch batch;
    ps_status st;

    PS_GO(c->stats(cx, source, &stats));
    for (uint32_t i = 0; i < request->n_columns; i++)
        PS_GO(ps_source_column(cx, source, request->columns[i], &column));
    PS_GO(ps_batch_init(cx, arena, PS_MAX(request->n_columns, 1), &batch));
    PS_GO(c->scan_open(cx, arena, source, request, &scan));
    PS_GO(c->reader_open(cx, arena, scan, &filter, &reader));
    for (uint64_t m = 0; m < PS_MIN(scan->n_morsels, 1000); m++) {
        bool done = false;
        PS_GO(c->reader_start(cx, reader, m));
        for (uint32_t i = 0; !done && i < 5000; i++) {
            PS_GO(c->reader_next(cx, reader, &batch, &done));
            if (!done) PS_GO(ps_batch_verify(cx, &batch));
        }
    }
done:
    if (reader) c->reader_close(reader);
    if (scan) c->scan_close(scan);
    return st;
}

static ps_status file_read(ps_ctx *cx, const char *path, bool filtered)
{
    const ps_str name = ps_str_of(path);
    const uint32_t first = 0, *const filter_columns = &first, n_filter_columns = 1;
    ps_arena arena = {0};
    ps_source *source = NULL;
    ps_status st;

    PS_GO(ps_format_parquet.open(cx, &name, 1, NULL, &source));
    const uint32_t n = source->schema->n;
    uint32_t *const columns = PS_ARENA_ARRAY(cx, &arena, uint32_t, PS_MAX(n, 1));
    if (!columns) PS_GO(PS_MEMORY);
    for (uint32_t i = 0; i < n; i++) columns[i] = i;
    const ps_scan_request request = {.columns = columns,
                                     .n_columns = n,
                                     .filter_columns = &filter_columns,
                                     .n_filter_columns = &n_filter_columns,
                                     .n_filters = filtered && n};
    PS_GO(scan_all(cx, &arena, source, &request));
done:
    ps_source_unref(source);
    ps_arena_release(&arena);
    return st;
}

/* What is wrong with how a read ended; NULL: nothing. */
static const char *outcome(ps_status st, const ps_error *error, const char *path)
{
    if (st == PS_INTERNAL) return "a bug is reported";
    if (st != error->code) return "status and error differ";
    if (st == PS_OK || st == PS_MEMORY) return NULL;
    if (st != PS_DATA && st != PS_UNSUPPORTED && st != PS_IO) return "an error of another type";
    return strstr(error->message, path) ? NULL : "the error doesn't name the file";
}

/* Through the scan alone. False: a promise was broken. */
static bool scan_try(const char *path, bool filtered, const char *what)
{
    ps_mem mem;
    ps_ctx cx;

    ps_mem_init(&mem, NULL, "fuzz", BYTES_MAX);
    ps_ctx_init(&cx, &mem, NULL);
    cx.batch_rows = filtered ? 100 : 2048;
    const ps_status st = file_read(&cx, path, filtered);
    const char *wrong = outcome(st, &cx.error, path);
    if (getenv("PS_VERBOSE")) printf("%s: %s %s\n", what, ps_status_name(st), cx.error.message);
    if (mem.used != 0) wrong = "memory was not given back";
    if (wrong) printf("%s: %s: %s\n", what, wrong, cx.error.message);
    return !wrong;
}

/* Through queries on two threads: all rows, and groups by every column. */
static bool query_try(const char *path, const char *what)
{
    static const char *const forms[] = {"SELECT * FROM read_parquet('%s')",
                                        "SELECT DISTINCT * FROM read_parquet('%s') LIMIT 10"};
    char sql[300];
    const char *wrong = NULL;

    for (size_t i = 0; i < PS_COUNT(forms) && !wrong; i++) {
        ps_error error = {0};
        const int n = snprintf(sql, sizeof sql, forms[i], path);
        const ps_status st = fuzz_sql(sql, (size_t)n, &error);
        if (st != PS_TIMEOUT) wrong = outcome(st, &error, path);
        if (wrong) printf("%s: %s: %s\n", what, wrong, error.message);
    }
    return !wrong;
}

static bool bytes_try(const uint8_t *bytes, size_t n, const char *what)
{
    const char *const path = fuzz_file(bytes, n);
    bool good = scan_try(path, false, what);

    good = scan_try(path, true, what) && good;
    good = query_try(path, what) && good;
    fuzz_file_close();
    return good;
}

#ifdef PS_LIBFUZZER
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (!bytes_try(bytes, n, "input")) abort();
    return 0;
}
#else
static const long GROWTH_MAX = 300 << 10; /* kilobytes, as getrusage() counts */

static long grown(void)
{
    struct rusage now;

    getrusage(RUSAGE_SELF, &now);
    return now.ru_maxrss;
}

typedef struct jobs {
    uint64_t first, last; /* mutants; 0 is the file itself */
    bool print;
} jobs;

static bool file_try(const char *path, const jobs *todo)
{
    FILE *const f = fopen(path, "rb");
    uint8_t *const bytes = malloc(FILE_BYTES_MAX);
    bool good = true;

    if (!f || !bytes) return false;
    const size_t n = fread(bytes, 1, FILE_BYTES_MAX, f);
    const long before = grown();
    fclose(f);
    for (uint64_t i = todo->first; i <= todo->last; i++) {
        char what[4200];
        uint8_t *const copy = malloc(n + PARQUET_MUTATE_ROOM);
        if (!copy) abort();
        memcpy(copy, bytes, n);
        snprintf(what, sizeof what, "%s mutant %llu", path, (unsigned long long)i);
        const size_t n_copy = i ? parquet_mutate(copy, n, i) : n;
        alarm(MUTANT_SECONDS_MAX);
        if (todo->print) good = fwrite(copy, 1, n_copy, stdout) == n_copy;
        else if (!bytes_try(copy, n_copy, what)) printf("FAIL %s\n", what), good = false;
        free(copy);
    }
    free(bytes);
    if (grown() - before <= GROWTH_MAX) return good;
    printf("FAIL %s: the process grew by %ld KiB\n", path, grown() - before);
    return false;
}

int main(int argc, char **argv)
{
    uint64_t failed = 0, passed = 0;
    jobs todo = {0};

    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-' && i + 1 < argc) {
            const bool all = strcmp(argv[i], "-mutate") == 0;
            todo.print = strcmp(argv[i], "-mutant") == 0;
            todo.last = strtoull(argv[++i], NULL, 10);
            todo.first = all ? 0 : todo.last;
        } else if (file_try(argv[i], &todo)) {
            passed++;
        } else {
            failed++;
        }
    }
    if (!todo.print)
        printf("%llu passed, %llu failed, 0 skipped\n", (unsigned long long)passed,
               (unsigned long long)failed);
    return failed > 0;
}
#endif
