/* fuzz/parquet.c -- any bytes as a Parquet file: read whole, every batch verified.
 *
 * Built with libFuzzer (preset fuzz) it is a target; without, a program:
 *     fuzz_parquet FILE...                reads each
 *     fuzz_parquet -mutate N FILE...      reads N mutants of each, the same ones every time
 * It ends with status 1 when memory isn't given back, a batch breaks its promises or a mutant
 * makes us take more than BYTES_MAX; a crash or the sanitizers say the rest. */
#include "col/batch.h"
#include "eval/program.h"
#include "format/parquet/parquet.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const uint64_t BYTES_MAX = 256u << 20;

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
    ps_batch batch;
    ps_status st;

    PS_GO(c->stats(cx, arena, source, &stats));
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

/* False: a promise was broken. */
static bool bytes_try(const uint8_t *bytes, size_t n, const char *what)
{
    char path[64];
    const int fd = memfd_create("parquet", 0);
    bool good = true;

    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    for (int filtered = 0; filtered < 2; filtered++) {
        ps_mem mem;
        ps_ctx cx;
        ps_mem_init(&mem, NULL, "fuzz", BYTES_MAX);
        ps_ctx_init(&cx, &mem, NULL);
        cx.batch_rows = filtered ? 100 : 2048;
        const ps_status st = file_read(&cx, path, filtered);
        if (getenv("PS_VERBOSE")) printf("%s: %s %s\n", what, ps_status_name(st), cx.error.message);
        if (st == PS_INTERNAL || (st == PS_OK) != (cx.error.code == PS_OK)) good = false;
        if (mem.used != 0)
            printf("%s: %lld bytes were not given back\n", what, (long long)mem.used), good = false;
        if (st == PS_INTERNAL) printf("%s: %s\n", what, cx.error.message);
    }
    close(fd);
    return good;
}

#ifdef PS_LIBFUZZER
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (!bytes_try(bytes, n, "input")) abort();
    return 0;
}
#else
static uint64_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static size_t mutate(uint8_t *bytes, size_t n, uint64_t seed)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    const uint64_t kind = random_next(&state) % 8;
    const uint64_t changes = 1 + random_next(&state) % 4;

    if (n < 16) return n;
    if (kind == 0) return 1 + random_next(&state) % n; /* cut off */
    for (uint64_t i = 0; i < changes; i++) {
        size_t at = random_next(&state) % n;
        if (kind < 5) at = n - 1 - random_next(&state) % PS_MIN(n, (size_t)2000); /* the footer */
        if (kind & 1) bytes[at] ^= (uint8_t)(1u << random_next(&state) % 8);
        else bytes[at] = (uint8_t)random_next(&state);
    }
    return n;
}

static bool file_try(const char *path, uint64_t mutants)
{
    FILE *const f = fopen(path, "rb");
    bool good = true;
    uint8_t *bytes, *copy;
    size_t n;

    if (!f) return false;
    bytes = malloc(64 << 20), copy = malloc(64 << 20);
    n = fread(bytes, 1, 64 << 20, f);
    fclose(f);
    if (mutants == 0) good = bytes_try(bytes, n, path);
    for (uint64_t i = 0; i < mutants; i++) {
        char what[4200];
        memcpy(copy, bytes, n);
        snprintf(what, sizeof what, "%s mutant %llu", path, (unsigned long long)i);
        const size_t n_copy = mutate(copy, n, i);
        if (!bytes_try(copy, n_copy, what)) printf("FAIL %s\n", what), good = false;
    }
    free(bytes), free(copy);
    return good;
}

int main(int argc, char **argv)
{
    uint64_t mutants = 0, failed = 0, passed = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-mutate") == 0 && i + 1 < argc) {
            mutants = strtoull(argv[++i], NULL, 10);
        } else if (file_try(argv[i], mutants)) {
            passed++;
        } else {
            failed++;
        }
    }
    printf("%llu passed, %llu failed, 0 skipped\n", (unsigned long long)passed,
           (unsigned long long)failed);
    return failed > 0;
}
#endif
