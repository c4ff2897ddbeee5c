/* tests/unit/test_plan_source.c -- ranges and in-memory tables as sources: rows, stages, pruning,
 * dynamic filters. */
#include "plan/source.h"

#include "unit.h"

typedef struct reading {
    ps_mem mem;
    ps_ctx cx;
    ps_arena arena;
    ps_scan *scan;
    ps_reader *reader;
    ps_batch batch;
    ps_source *source;
} reading;

/* Keeps rows whose value in column 0 of the batch is odd; counts its calls. */
typedef struct odd_filter {
    ps_scan_filter base;
    uint32_t sel[PS_BATCH_ROWS_MAX];
    uint32_t calls;
} odd_filter;

static int64_t value_at(reading *r, uint32_t col, uint32_t row)
{
    ps_value value;

    assert_int_equal(ps_vec_value(&r->cx, &r->arena, &r->batch.cols[col], row, &value), PS_OK);
    assert_false(value.null);
    return (int64_t)value.i;
}

static ps_status odd_run(ps_ctx *cx, ps_scan_filter *base, uint32_t stage, ps_batch *batch)
{
    odd_filter *filter = (odd_filter *)(void *)base;
    reading *r = base->user;
    uint32_t n = 0;

    (void)cx;
    assert_int_equal(stage, 0);
    filter->calls++;
    for (uint32_t k = 0; k < batch->n_live; k++)
        if (value_at(r, 0, ps_batch_row(batch, k)) % 2) filter->sel[n++] = ps_batch_row(batch, k);
    batch->sel = filter->sel;
    batch->n_live = n;
    return PS_OK;
}

static void start(reading *r, uint32_t batch_rows)
{
    memset(r, 0, sizeof *r);
    ps_mem_init(&r->mem, NULL, "test", 0);
    ps_ctx_init(&r->cx, &r->mem, NULL);
    r->cx.batch_rows = batch_rows;
}

static void open_scan(reading *r, const ps_scan_request *request, ps_scan_filter *filter)
{
    assert_int_equal(r->source->class->scan_open(&r->cx, &r->arena, r->source, request, &r->scan),
                     PS_OK);
    assert_int_equal(r->source->class->reader_open(&r->cx, &r->arena, r->scan, filter, &r->reader),
                     PS_OK);
    assert_int_equal(ps_batch_init(&r->cx, &r->arena, 4, &r->batch), PS_OK);
}

static void stop(reading *r)
{
    r->source->class->reader_close(r->reader);
    r->source->class->scan_close(r->scan);
    ps_source_unref(r->source);
    ps_arena_release(&r->arena);
    assert_int_equal(atomic_load(&r->mem.used), 0);
}

/* Reads everything: rows, and the sum of column 0. */
static uint64_t read_all(reading *r, int64_t *sum)
{
    uint64_t n = 0;
    bool done = false;

    *sum = 0;
    for (uint64_t m = 0; m < r->scan->n_morsels; m++) {
        assert_int_equal(r->source->class->reader_start(&r->cx, r->reader, m), PS_OK);
        for (;;) {
            assert_int_equal(r->source->class->reader_next(&r->cx, r->reader, &r->batch, &done),
                             PS_OK);
            if (r->batch.n == 0) break;
            assert_true(r->batch.n <= r->cx.batch_rows);
            assert_int_equal(r->batch.morsel, m);
            n += r->batch.n_live;
            for (uint32_t k = 0; r->batch.n_cols && k < r->batch.n_live; k++)
                /* wraps: the ends of the range are among the cases */
                *sum = (int64_t)((uint64_t)*sum +
                                 (uint64_t)value_at(r, 0, ps_batch_row(&r->batch, k)));
        }
        assert_true(done);
    }
    return n;
}

static void test_range(void **state)
{
    static const struct {
        int64_t lo, hi, step;
        uint64_t n;
        int64_t sum;
    } cases[] = {
        {0, 10, 1, 10, 45},
        {10, 0, -3, 4, 22},
        {0, 0, 1, 0, 0},
        {5, 1, 1, 0, 0},
        {-3, 4, 2, 4, 0},
        {0, 300000, 1, 300000, 44999850000},
        {INT64_MIN, INT64_MAX, INT64_MAX, 3, -3},
    };
    const uint32_t columns[] = {0};
    const ps_scan_request request = {.columns = columns, .n_columns = 1};

    (void)state;
    for (size_t i = 0; i < PS_COUNT(cases); i++) {
        reading r;
        int64_t sum;
        start(&r, 1000);
        assert_int_equal(
            ps_range_source_new(&r.cx, cases[i].lo, cases[i].hi, cases[i].step, &r.source), PS_OK);
        open_scan(&r, &request, NULL);
        assert_int_equal(read_all(&r, &sum), cases[i].n);
        assert_true(sum == cases[i].sum);
        stop(&r);
    }
    reading r;
    start(&r, 1000);
    assert_int_equal(ps_range_source_new(&r.cx, 0, 1, 0, &r.source), PS_INVALID);
}

/* A table of two segments: 0..999 and 1000..1499 in column a, twice that in b. */
static void make_table(reading *r)
{
    const ps_field fields[] = {{.name = PS_STR("a"), .type = PS_TYPE(INT64)},
                               {.name = PS_STR("b"), .type = PS_TYPE(INT64)}};
    ps_schema *schema;
    ps_table *empty, *table;
    ps_segment_builder *builder;
    ps_segment *segments[2];
    static int64_t slots[2][1000];

    assert_int_equal(ps_schema_new(&r->cx, fields, 2, &schema), PS_OK);
    assert_int_equal(ps_table_new(&r->cx, schema, &empty), PS_OK);
    assert_int_equal(ps_segment_builder_new(&r->cx, schema, &builder), PS_OK);
    for (uint32_t s = 0; s < 2; s++) {
        const uint32_t n = s ? 500 : 1000;
        ps_vec cols[2];
        ps_batch batch = {.cols = cols, .n_cols = 2, .cols_max = 2, .n = n, .n_live = n};
        for (uint32_t i = 0; i < n; i++) slots[0][i] = s * 1000 + i, slots[1][i] = 2 * slots[0][i];
        for (uint32_t c = 0; c < 2; c++)
            ps_vec_flat(&cols[c], PS_TYPE(INT64), PS_LAYOUT_I64, slots[c], NULL, n);
        assert_int_equal(ps_segment_builder_add(&r->cx, builder, &batch), PS_OK);
        assert_int_equal(ps_segment_builder_seal(&r->cx, builder, s, &segments[s]), PS_OK);
    }
    assert_int_equal(ps_table_append(&r->cx, empty, segments, 2, &table), PS_OK);
    assert_int_equal(ps_table_source_new(&r->cx, table, PS_STR("t"), &r->source), PS_OK);
    for (uint32_t s = 0; s < 2; s++) ps_owner_unref(&segments[s]->owner);
    ps_segment_builder_free(builder);
    ps_table_unref(table);
    ps_table_unref(empty);
    ps_schema_unref(schema);
}

static void test_table(void **state)
{
    const uint32_t both[] = {0, 1}, filter_columns[] = {0};
    const uint32_t *filters[] = {filter_columns};
    const uint32_t n_filter_columns[] = {1};
    const ps_value low = ps_value_int(PS_TYPE(INT64), 999);
    const ps_scan_range range = {.column = 0, .lo = &low, .lo_strict = true};
    ps_dynamic_filter dynamic = {.column = 0,
                                 .ready = true,
                                 .has_range = true,
                                 .lo = ps_value_int(PS_TYPE(INT64), 0),
                                 .hi = ps_value_int(PS_TYPE(INT64), 10)};
    ps_dynamic_filter *const dynamics[] = {&dynamic};
    static odd_filter filter;
    int64_t sum;
    reading r;

    (void)state;
    /* all rows, and none of the columns: a count */
    for (uint32_t n = 0; n <= 2; n += 2) {
        start(&r, 64);
        make_table(&r);
        open_scan(&r, &(ps_scan_request){.columns = both, .n_columns = n}, NULL);
        assert_int_equal(read_all(&r, &sum), 1500);
        assert_true(sum == (n ? 1124250 : 0));
        stop(&r);
    }
    /* a filter in its stage */
    start(&r, 64);
    make_table(&r);
    filter.base = (ps_scan_filter){.run = odd_run, .user = &r};
    open_scan(&r,
              &(ps_scan_request){.columns = both,
                                 .n_columns = 2,
                                 .filter_columns = filters,
                                 .n_filter_columns = n_filter_columns,
                                 .n_filters = 1},
              &filter.base);
    assert_int_equal(read_all(&r, &sum), 750);
    assert_int_equal(filter.calls, 16 + 8);
    stop(&r);
    /* statistics leave out the first segment */
    start(&r, 64);
    make_table(&r);
    open_scan(&r,
              &(ps_scan_request){.columns = both, .n_columns = 2, .ranges = &range, .n_ranges = 1},
              NULL);
    assert_int_equal(read_all(&r, &sum), 500);
    stop(&r);
    /* a join's range leaves out the second, an empty build side both */
    for (int empty = 0; empty < 2; empty++) {
        start(&r, 64);
        make_table(&r);
        dynamic.empty = empty;
        open_scan(&r,
                  &(ps_scan_request){
                      .columns = both, .n_columns = 2, .dynamic = dynamics, .n_dynamic = 1},
                  NULL);
        assert_int_equal(read_all(&r, &sum), empty ? 0 : 1000);
        stop(&r);
    }
}

/* What comes after the rows of a limit is no morsel, unless filters may take rows away. */
static void test_table_limit(void **state)
{
    static const struct {
        uint64_t limit, n_morsels;
    } cases[] = {{1, 1}, {1000, 1}, {1001, 2}, {5000, 2}, {0, 2}};
    const uint32_t columns[] = {0};
    const uint32_t *filters[] = {columns};
    const uint32_t n_filter_columns[] = {1};

    (void)state;
    for (size_t i = 0; i < 2 * PS_COUNT(cases); i++) {
        ps_scan_request request = {.columns = columns,
                                   .n_columns = 1,
                                   .filter_columns = filters,
                                   .n_filter_columns = n_filter_columns,
                                   .n_filters = i % 2,
                                   .limit = cases[i / 2].limit};
        static odd_filter filter;
        reading r;

        start(&r, 64);
        make_table(&r);
        filter.base = (ps_scan_filter){.run = odd_run, .user = &r};
        open_scan(&r, &request, &filter.base);
        assert_int_equal(r.scan->n_morsels, i % 2 ? 2 : cases[i / 2].n_morsels);
        stop(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_range), cmocka_unit_test(test_table),
                                       cmocka_unit_test(test_table_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
