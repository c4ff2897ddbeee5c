/* tests/unit/test_parquet_source.c -- the source: statistics, pruning, morsels of a large row
 * group, filters that leave columns undecoded, several files, failing allocations. Values are
 * compared with pyarrow's by tests/py/test_parquet.py; the files are made by
 * tests/data/parquet/make.py. */
#include "unit.h"

#include "eval/program.h"
#include "format/parquet/parquet.h"

#include <stdlib.h>

static ps_mem mem;
static ps_ctx cx;

static int setup(void **state)
{
    (void)state;
    ps_mem_init(&mem, NULL, "test", 0);
    ps_ctx_init(&cx, &mem, NULL);
    cx.batch_rows = 500;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ps_mem_fail_after(0, false);
    assert_int_equal(mem.used, 0);
    return 0;
}

static const ps_str pages = {PS_TEST_DIR "/data/parquet/pages.parquet",
                             sizeof PS_TEST_DIR "/data/parquet/pages.parquet" - 1};
static const ps_str split = {PS_TEST_DIR "/data/parquet/split.parquet",
                             sizeof PS_TEST_DIR "/data/parquet/split.parquet" - 1};

typedef struct seen {
    uint64_t n_rows, n_live, n_batches, n_morsels;
    int64_t sum, lo, hi;
    bool in_order;
} seen;

/* Column g of both files is made from k. */
static int64_t g_of(const ps_source *source, int64_t k)
{
    return source->schema->n == 4 ? k % 7 : k / 1000 % 5;
}

/* Reads everything; column 0 of the request is k. */
static ps_status scan_all(ps_source *source, const ps_scan_request *request, ps_scan_filter *filter,
                          seen *out)
{
    const ps_source_class *const c = source->class;
    ps_arena arena = {0};
    ps_scan *scan = NULL;
    ps_reader *reader = NULL;
    ps_batch b;
    ps_status st;

    *out = (seen){.lo = INT64_MAX, .hi = INT64_MIN, .in_order = true};
    PS_GO(ps_batch_init(&cx, &arena, request->n_columns, &b));
    PS_GO(c->scan_open(&cx, &arena, source, request, &scan));
    PS_GO(c->reader_open(&cx, &arena, scan, filter, &reader));
    out->n_morsels = scan->n_morsels;
    for (uint64_t m = 0; m < scan->n_morsels; m++) {
        bool done = false;
        PS_GO(c->reader_start(&cx, reader, m));
        for (;;) {
            PS_GO(c->reader_next(&cx, reader, &b, &done));
            if (done) break;
            PS_GO(ps_batch_verify(&cx, &b));
            out->n_rows += b.n, out->n_live += b.n_live, out->n_batches++;
            for (uint32_t i = 0; i < b.n_live; i++) {
                ps_value v;
                PS_GO(ps_vec_value(&cx, &arena, &b.cols[0], ps_batch_row(&b, i), &v));
                if (v.null) continue;
                if ((int64_t)v.i <= out->hi) out->in_order = false;
                out->sum += (int64_t)v.i;
                const int64_t k = (int64_t)v.i;
                for (uint32_t col = 1; col < request->n_columns; col++) {
                    if (request->columns[col] != 1) continue;
                    PS_GO(ps_vec_value(&cx, &arena, &b.cols[col], ps_batch_row(&b, i), &v));
                    assert_int_equal((int64_t)v.i, g_of(source, k));
                }
                v.i = k;
                out->lo = PS_MIN(out->lo, (int64_t)v.i), out->hi = PS_MAX(out->hi, (int64_t)v.i);
            }
        }
    }
done:
    if (reader) c->reader_close(reader);
    if (scan) c->scan_close(scan);
    ps_arena_release(&arena);
    return st;
}

static ps_source *open_one(ps_str path)
{
    ps_source *source = NULL;
    assert_int_equal(ps_format_parquet.open(&cx, &path, 1, NULL, &source), PS_OK);
    return source;
}

static const uint32_t all_columns[] = {0, 1, 2, 3};

static void statistics_come_from_the_footer(void **state)
{
    ps_source_stats stats;
    ps_source_col cols[4];
    ps_source *const source = open_one(pages);
    (void)state;
    assert_int_equal(source->schema->n, 4);
    assert_int_equal(source->class->stats(&cx, source, &stats), PS_OK);
    assert_true(stats.n_rows == 10000 && stats.n_rows_exact);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(ps_source_column(&cx, source, i, &cols[i]), PS_OK);
    assert_true(cols[0].stats.has_range && cols[0].stats.min.i == 0 && cols[0].stats.max.i == 9999);
    assert_true(cols[1].stats.has_range && cols[1].stats.min.i == 0 && cols[1].stats.max.i == 6);
    assert_true(cols[2].stats.n_null == 910 && cols[2].nulls_exact);
    assert_false(cols[3].stats.has_range);
    /* guessed from sizes: 10000, 7 and 455 it is */
    assert_true(cols[0].stats.n_distinct > 5000 && cols[0].stats.n_distinct <= 10000);
    assert_true(cols[1].stats.n_distinct >= 3 && cols[1].stats.n_distinct <= 7);
    assert_true(cols[2].stats.n_distinct > 200 && cols[2].stats.n_distinct < 1000);
    ps_source_unref(source);
}

static void a_large_row_group_is_cut(void **state)
{
    ps_source *const source = open_one(split);
    const ps_scan_request request = {.columns = all_columns, .n_columns = 2};
    seen s;
    (void)state;
    cx.batch_rows = 2048;
    assert_int_equal(scan_all(source, &request, NULL, &s), PS_OK);
    assert_int_equal(s.n_rows, 300000);
    assert_true(s.n_morsels >= 2 && s.in_order);
    assert_int_equal(s.sum, (int64_t)300000 * 299999 / 2);
    ps_source_unref(source);
}

static void a_limit_ends_the_plan(void **state)
{
    ps_dynamic_filter d = {.column = 0};
    ps_dynamic_filter *const list[] = {&d};
    (void)state;
    for (int i = 0; i < 2; i++) {
        ps_source *const source = open_one(i ? split : pages);
        ps_scan_request request = {.columns = all_columns, .n_columns = 2, .limit = 10};
        seen all, s;
        assert_int_equal(scan_all(source, &request, NULL, &s), PS_OK);
        assert_true(s.n_morsels == 1 && s.lo == 0 && s.n_rows >= 10);
        request.limit = (uint64_t)source->schema->n == 4 ? 5001 : 200000;
        assert_int_equal(scan_all(source, &request, NULL, &s), PS_OK);
        assert_true(s.n_morsels == 2 && s.n_rows >= request.limit && s.in_order);
        request.limit = 0;
        assert_int_equal(scan_all(source, &request, NULL, &all), PS_OK);
        request.limit = 10, request.dynamic = list, request.n_dynamic = 1;
        assert_int_equal(scan_all(source, &request, NULL, &s), PS_OK);
        assert_int_equal(s.n_morsels, all.n_morsels);
        ps_source_unref(source);
    }
}

static void ranges_leave_out_row_groups_and_pages(void **state)
{
    ps_source *const source = open_one(pages);
    const ps_value lo = ps_value_int(PS_TYPE(INT64), 7000), hi = ps_value_int(PS_TYPE(INT64), 7050);
    ps_scan_range range = {.column = 0, .lo = &lo, .hi = &hi};
    ps_scan_request request = {
        .columns = all_columns, .n_columns = 4, .ranges = &range, .n_ranges = 1};
    seen s;
    (void)state;
    assert_int_equal(scan_all(source, &request, NULL, &s), PS_OK);
    assert_int_equal(s.n_morsels, 1);
    assert_true(s.n_rows < 5000 && s.lo <= 7000 && s.hi >= 7050 && s.in_order);
    range.lo = &hi, range.hi = NULL, range.lo_strict = true;
    assert_int_equal(scan_all(source, &request, NULL, &s), PS_OK);
    assert_true(s.lo <= 7051 && s.lo > 5000 && s.hi == 9999);
    const ps_value above = ps_value_int(PS_TYPE(INT64), 9999);
    range.lo = &above;
    assert_int_equal(scan_all(source, &request, NULL, &s), PS_OK);
    assert_int_equal(s.n_rows, 0);
    ps_source_unref(source);
}

static void dynamic_filters_prune_and_probe(void **state)
{
    ps_source *const source = open_one(pages);
    ps_dynamic_filter d = {.column = 0, .ready = true, .has_range = true};
    ps_dynamic_filter *const list[] = {&d};
    const ps_scan_request request = {
        .columns = all_columns, .n_columns = 4, .dynamic = list, .n_dynamic = 1};
    seen s;
    (void)state;
    d.lo = ps_value_int(PS_TYPE(INT64), 100), d.hi = ps_value_int(PS_TYPE(INT64), 120);
    assert_int_equal(scan_all(source, &request, NULL, &s), PS_OK);
    assert_true(s.n_morsels == 2 && s.n_rows < 5000 && s.lo <= 100 && s.hi >= 120 && s.hi < 5000);
    d.empty = true;
    assert_int_equal(scan_all(source, &request, NULL, &s), PS_OK);
    assert_int_equal(s.n_rows, 0);
    ps_source_unref(source);
}

static uint32_t kept[PS_BATCH_ROWS_MAX];

/* Keeps the rows of which column 0 ends in 77 of 100, in two batches of three. */
static ps_status some_rows(ps_ctx *ctx, ps_scan_filter *filter, uint32_t stage, ps_batch *b)
{
    uint32_t *const n_run = filter->user;
    ps_arena arena = {0};
    uint32_t n = 0;
    (void)stage;
    if (++*n_run % 3 != 0) {
        for (uint32_t i = 0; i < b->n; i++) {
            ps_value v;
            PS_TRY(ps_vec_value(ctx, &arena, &b->cols[0], i, &v));
            if (v.i % 100 == 77) kept[n++] = i;
        }
    }
    assert_int_equal(b->cols[1].n, b->n);
    assert_null(b->cols[1].data); /* not decoded yet */
    b->sel = kept, b->n_live = n;
    return PS_OK;
}

static void filters_run_before_the_other_columns(void **state)
{
    ps_source *const source = open_one(pages);
    static const uint32_t order[] = {0, 3, 2, 1}, zero = 0, one = 1;
    const uint32_t *const filter_columns = &zero;
    const ps_scan_request request = {.columns = order,
                                     .n_columns = 4,
                                     .filter_columns = &filter_columns,
                                     .n_filter_columns = &one,
                                     .n_filters = 1};
    uint32_t n_run = 0;
    ps_scan_filter filter = {.run = some_rows, .user = &n_run};
    seen s;
    (void)state;
    assert_int_equal(scan_all(source, &request, &filter, &s), PS_OK);
    assert_int_equal(n_run, 20);
    assert_int_equal(s.n_live, 14 * 5); /* 14 of 20 batches, 5 rows each */
    assert_true(s.in_order);
    ps_source_unref(source);
}

static void files_must_agree(void **state)
{
    const ps_str both[] = {pages, pages, split};
    ps_source *source = NULL;
    seen s;
    const ps_scan_request request = {.columns = all_columns, .n_columns = 4};
    (void)state;
    assert_int_equal(ps_format_parquet.open(&cx, both, 2, NULL, &source), PS_OK);
    assert_int_equal(scan_all(source, &request, NULL, &s), PS_OK);
    assert_int_equal(s.n_rows, 20000);
    ps_source_unref(source);
    assert_int_equal(ps_format_parquet.open(&cx, both, 3, NULL, &source), PS_DATA);
    assert_non_null(strstr(cx.error.message, "split.parquet"));
    const ps_str none = PS_STR(PS_TEST_DIR "/data/parquet/page.parquet");
    assert_int_equal(ps_format_parquet.open(&cx, &none, 1, NULL, &source), PS_IO);
    assert_non_null(strstr(cx.error.hint, "pages.parquet"));
    const ps_str text = PS_STR(PS_TEST_DIR "/data/parquet/make.py");
    assert_int_equal(ps_format_parquet.open(&cx, &text, 1, NULL, &source), PS_DATA);
}

static void every_allocation_may_fail(void **state)
{
    const ps_scan_request request = {.columns = all_columns, .n_columns = 4};
    ps_status st = PS_MEMORY;
    seen s;
    (void)state;
    cx.batch_rows = 2048;
    for (int64_t n = 1; st == PS_MEMORY; n++) {
        ps_source *source = NULL;
        assert_true(n < 5000);
        ps_mem_fail_after(n, false);
        st = ps_format_parquet.open(&cx, &pages, 1, NULL, &source);
        if (st == PS_OK) st = scan_all(source, &request, NULL, &s);
        ps_source_unref(source);
        assert_true(st == PS_OK || st == PS_MEMORY);
        assert_int_equal(mem.used, 0);
    }
    ps_mem_fail_after(0, false);
    assert_int_equal(s.n_rows, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(statistics_come_from_the_footer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_row_group_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(a_limit_ends_the_plan, setup, teardown),
        cmocka_unit_test_setup_teardown(ranges_leave_out_row_groups_and_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(dynamic_filters_prune_and_probe, setup, teardown),
        cmocka_unit_test_setup_teardown(filters_run_before_the_other_columns, setup, teardown),
        cmocka_unit_test_setup_teardown(files_must_agree, setup, teardown),
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
