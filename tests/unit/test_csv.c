/* tests/unit/test_csv.c -- the index against its definition byte by byte, for random bytes, every
 * cut of the input and both kinds of escape; scans under failing allocations. Values are compared
 * with other engines by tests/py/test_csv.py. */
#include "unit.h"

#include "format/csv/csv.h"
#include "format/csv/source.h"

#include "col/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static ps_mem mem;
static ps_ctx cx;

static int setup(void **state)
{
    (void)state;
    ps_mem_init(&mem, NULL, "test", 0);
    ps_ctx_init(&cx, &mem, NULL);
    cx.batch_rows = 64;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ps_mem_fail_after(0, false);
    assert_int_equal(mem.used, 0);
    return 0;
}

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

enum { N = 1000 };

/* Ends of fields by the state machine alone, one byte at a time. */
static uint32_t ends_plain(ps_csv_dialect d, const char *at, uint32_t n, uint32_t *ends, bool *last)
{
    ps_csv_state state = PS_CSV_START;
    bool after_cr = false;
    uint32_t count = 0;

    for (uint32_t i = 0; i < n; i++) {
        state = ps_csv_state_after(d, state, at + i, 1);
        const bool ends_field = state == PS_CSV_START;
        if (ends_field && !(after_cr && at[i] == '\n')) {
            last[count] = at[i] != d.delim;
            ends[count++] = i;
        }
        after_cr = ends_field && at[i] == '\r';
    }
    return count;
}

static void index_check(ps_csv_dialect d, const char *at, uint32_t cut)
{
    uint32_t ends[N];
    bool last[N];
    const uint32_t n = ends_plain(d, at, N, ends, last);
    ps_csv_index index = {0};
    uint32_t record = 0;

    ps_csv_index_start(&index, d, 0);
    assert_int_equal(ps_csv_index_add(&cx, &index, at, cut), PS_OK);
    assert_int_equal(ps_csv_index_add(&cx, &index, at, N), PS_OK);
    assert_int_equal(index.n_ends, n);
    assert_memory_equal(index.ends, ends, n * sizeof *ends);
    for (uint32_t i = 0; i < n; i++) {
        if (!last[i]) continue;
        assert_true(record < index.n_records);
        assert_int_equal(index.records[record++], i);
    }
    assert_int_equal(record, index.n_records);
    assert_int_equal(index.state, ps_csv_state_after(d, PS_CSV_START, at, N));
    ps_csv_index_release(&index);
}

static void test_index_is_the_state_machine(void **state)
{
    static const char letters[] = "\"\"aaaabbbb,,,\n\r\\aaaaaaaaaaaaaaaa";
    static const char rare[] = "aaaaaaaaaaaaaaaaaaaaaaaa,,,\n\r\"";
    uint64_t seed = 1;
    char at[N + 64] = {0};

    (void)state;
    for (int round = 0; round < 400; round++) {
        const bool dense = round % 2;
        for (int i = 0; i < N; i++)
            at[i] = dense ? letters[next_random(&seed) % (sizeof letters - 1)]
                          : rare[next_random(&seed) % (sizeof rare - 1)];
        const uint32_t cut = next_random(&seed) % N;
        index_check((ps_csv_dialect){',', '"', '"'}, at, cut);
        index_check((ps_csv_dialect){',', '"', '\\'}, at, cut);
        index_check((ps_csv_dialect){',', 0, 0}, at, cut);
    }
}

/* Fields that are quoted as they should be: the kernel's way through. */
static void test_index_of_well_formed_fields(void **state)
{
    static const char *const fields[] = {"a",          "",           "\"\"",    "\"a,b\"",
                                         "\"x\"\"y\"", "\"\n\r\n\"", "\"\"\"\""};
    uint64_t seed = 2;
    char at[N + 128] = {0};

    (void)state;
    for (int round = 0; round < 400; round++) {
        size_t n = 0;
        while (n < N) {
            const char *field = fields[next_random(&seed) % PS_COUNT(fields)];
            memcpy(at + n, field, strlen(field));
            n += strlen(field);
            const uint32_t pick = next_random(&seed) % 4;
            memcpy(at + n, pick == 0 ? "\r\n" : pick == 1 ? "\n" : ",", pick == 0 ? 2 : 1);
            n += pick == 0 ? 2 : 1;
        }
        index_check((ps_csv_dialect){',', '"', '"'}, at, next_random(&seed) % N);
    }
}

/* Pairs of bytes that mean something together, at every place: across the kernel's blocks too. */
static void test_pairs_at_every_place(void **state)
{
    static const char *const pairs[] = {"\r\n", ",\"", "\"\"", "\",", "\n\r", "\r\r"};
    char at[N + 64];

    (void)state;
    for (size_t p = 0; p < PS_COUNT(pairs); p++) {
        for (uint32_t i = 0; i < 300; i++) {
            memset(at, 'a', sizeof at);
            memcpy(at + i, pairs[p], 2);
            index_check((ps_csv_dialect){',', '"', '"'}, at, 0);
            memcpy(at + 500, ",\"", 2); /* what opens here is closed there, if nothing is open */
            memcpy(at + 600, "\",", 2);
            index_check((ps_csv_dialect){',', '"', '"'}, at, i);
        }
    }
}

static void test_states_compose(void **state)
{
    static const char letters[] = "\"a,\n\\\r";
    uint64_t seed = 3;
    char at[40];

    (void)state;
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof at; i++)
            at[i] = letters[next_random(&seed) % (sizeof letters - 1)];
        const ps_csv_dialect d = {',', '"', round % 2 ? '"' : '\\'};
        const size_t cut = next_random(&seed) % sizeof at;
        const ps_csv_state from = next_random(&seed) % PS_CSV_ESCAPED;
        const ps_csv_state half = ps_csv_state_after(d, from, at, cut);
        assert_int_equal(ps_csv_state_after(d, half, at + cut, sizeof at - cut),
                         ps_csv_state_after(d, from, at, sizeof at));
    }
}

static void test_field_text(void **state)
{
    static const struct {
        const char *in, *out;
        bool good;
    } cases[] = {{"a", "a", true},         {"\"\"", "", true},    {"\"a\"\"b\"", "a\"b", true},
                 {"\"a\"b", NULL, false},  {"\"", NULL, false},   {"\"a", NULL, false},
                 {"\"\"\"\"", "\"", true}, {"a\"b", "a\"b", true}};
    ps_arena arena = {0};

    (void)state;
    for (size_t i = 0; i < PS_COUNT(cases); i++) {
        ps_str out;
        bool quoted;
        const bool good = ps_csv_field(&cx, &arena, (ps_csv_dialect){',', '"', '"'}, cases[i].in,
                                       strlen(cases[i].in), &out, &quoted);
        assert_int_equal(good, cases[i].good);
        if (good) assert_true(ps_str_equal(out, ps_str_of(cases[i].out)));
    }
    ps_arena_release(&arena);
}

/* Opens and reads all of a file; the rows and the sum of column 0. */
static ps_status scan_all(ps_str path, const ps_options *options, uint64_t *n_rows, int64_t *sum)
{
    const uint32_t columns[] = {0, 1};
    const ps_scan_request request = {.columns = columns, .n_columns = 2};
    ps_source *source = NULL;
    ps_scan *scan = NULL;
    ps_reader *reader = NULL;
    ps_arena arena = {0};
    ps_batch b;
    ps_status st;

    *n_rows = 0, *sum = 0;
    PS_GO(ps_format_csv.open(&cx, &path, 1, options, &source));
    PS_GO(ps_batch_init(&cx, &arena, 2, &b));
    PS_GO(source->class->scan_open(&cx, &arena, source, &request, &scan));
    PS_GO(source->class->reader_open(&cx, &arena, scan, NULL, &reader));
    for (uint64_t m = 0; m < scan->n_morsels; m++) {
        bool done = false;
        PS_GO(source->class->reader_start(&cx, reader, m));
        while (!done) {
            PS_GO(source->class->reader_next(&cx, reader, &b, &done));
            if (!done) PS_GO(ps_batch_verify(&cx, &b));
            for (uint32_t i = 0; i < b.n; i++) *sum += ((const int64_t *)b.cols[0].data)[i];
            *n_rows += b.n;
        }
    }
done:
    if (reader) source->class->reader_close(reader);
    if (scan) source->class->scan_close(scan);
    ps_source_unref(source);
    ps_arena_release(&arena);
    return st;
}

static void test_failing_allocations(void **state)
{
    char path[] = "/tmp/penstock_csv_XXXXXX";
    const int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    const ps_option size = {PS_STR("buffer_size"), ps_value_int(PS_TYPE(INT64), 500), 0};
    const ps_options options = {&size, 1};
    uint64_t n_rows;
    int64_t sum;
    ps_status st = PS_MEMORY;

    (void)state;
    assert_non_null(file);
    for (int i = 0; i < 300; i++) fprintf(file, "%d,\"text \"\"%d\"\"\nof two lines\"\n", i, i);
    fclose(file);
    for (int64_t n = 1; st == PS_MEMORY; n++) {
        ps_mem_fail_after(n, false);
        st = scan_all(ps_str_of(path), &options, &n_rows, &sum);
        ps_mem_fail_after(0, false);
        assert_true(st == PS_OK || st == PS_MEMORY);
        assert_int_equal(mem.used, 0);
        ps_ctx_clear(&cx);
    }
    assert_int_equal(n_rows, 300);
    assert_int_equal(sum, 300 * 299 / 2);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_index_is_the_state_machine, setup, teardown),
        cmocka_unit_test_setup_teardown(test_index_of_well_formed_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pairs_at_every_place, setup, teardown),
        cmocka_unit_test_setup_teardown(test_states_compose, setup, teardown),
        cmocka_unit_test_setup_teardown(test_field_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failing_allocations, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
