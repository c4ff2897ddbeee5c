/* tests/unit/test_col_store.c -- tables whose segments are written out and read back: who keeps
 * what, threads, failures. (Values of every type through files: tests/py/test_arrow.py.) */
#include "unit.h"

#include "base/thread.h"
#include "col/table.h"
#include "fs/sys.h"

#include <stdio.h>
#include <time.h>

enum { ROWS = 50000, BATCH = 2048, THREADS = 4, COLS = 6, SEVERAL = 12000 };

static ps_mem root;
static ps_ctx cx;
static ps_store *store;
static ps_schema *schema;

static void check(ps_status st)
{
    if (st != PS_OK) print_error("%s\n", cx.error.message);
    assert_int_equal(st, PS_OK);
}

/* Columns: small numbers with nulls, few texts, many, lists, a constant, a large dictionary. */
static ps_value value_at(ps_arena *arena, uint32_t col, uint64_t row)
{
    static const char *const few[] = {"green", "red", "a colour with a longer name"};
    const ps_type type = schema->fields[col].type;
    ps_value *items;

    switch (col) {
    case 0: return row % 5 == 0 ? ps_value_null(type) : ps_value_int(type, (ps_i128)(row % 3001));
    case 1: return row % 7 == 0 ? ps_value_null(type) : ps_value_str(ps_str_of(few[row % 3]));
    case 2:
        return ps_value_str(ps_str_of(
            ps_arena_printf(&cx, arena, "row number %llu of the table", (unsigned long long)row)));
    case 3:
        if (row % 3 == 0) return ps_value_null(type);
        items = PS_ARENA_ARRAY(&cx, arena, ps_value, 2);
        items[0] = ps_value_int(PS_TYPE(INT64), (ps_i128)row);
        items[1] = ps_value_null(PS_TYPE(INT64));
        return (ps_value){.type = type, .items = items, .n_items = (uint32_t)(row % 3)};
    case 4: return ps_value_int(type, 7);
    default:
        return ps_value_str(
            ps_str_of(ps_arena_printf(&cx, arena, "one of several texts, which repeat: %llu",
                                      (unsigned long long)(row / 4 % SEVERAL))));
    }
}

static ps_table *make_rows(uint32_t rows, uint64_t memory_limit, bool force_spill)
{
    const ps_table_load_options options = {.memory_limit = memory_limit,
                                           .force_spill = force_spill};
    ps_table *empty, *table;
    ps_table_load load;
    ps_arena arena = {0};

    check(ps_table_load_begin(&cx, schema, store, &options, &load));
    for (uint32_t first = 0; first < rows; first += 3000) {
        const uint32_t n = PS_MIN((uint32_t)3000, rows - first);
        ps_batch batch;
        check(ps_batch_init(&cx, &arena, schema->n, &batch));
        batch.n_cols = schema->n, batch.n = batch.n_live = n;
        for (uint32_t c = 0; c < schema->n; c++) {
            ps_value *values = PS_ARENA_ARRAY(&cx, &arena, ps_value, n);
            for (uint32_t i = 0; i < n; i++) values[i] = value_at(&arena, c, first + i);
            check(ps_vec_of_values(&cx, &arena, schema->fields[c].type, values, n, &batch.cols[c]));
        }
        check(ps_table_load_add(&cx, &load, &batch));
        ps_arena_reset(&arena);
    }
    check(ps_table_load_end(&cx, &load));
    check(ps_table_new_in(&cx, store, schema, &empty));
    check(ps_table_append(&cx, empty, load.segments.at, (uint32_t)load.segments.n, &table));
    ps_table_load_release(&load);
    ps_table_unref(empty);
    ps_arena_release(&arena);
    return table;
}

static ps_table *make_table(uint64_t memory_limit, bool force_spill)
{
    return make_rows(ROWS, memory_limit, force_spill);
}

/* Reads all rows and compares some of them; the first failure otherwise. */
static ps_status read_table(ps_ctx *own, const ps_table *table, bool compare)
{
    ps_col_hold holds[COLS] = {{0}};
    ps_arena arena = {0};
    ps_vec_buf bufs[COLS];
    uint64_t row = 0;
    ps_status st = PS_OK;

    for (uint32_t c = 0; c < schema->n; c++)
        assert_int_equal(ps_vec_buf_init(own, &bufs[c], BATCH), PS_OK);
    for (uint32_t s = 0; s < table->n_segments; s++) {
        const ps_segment *segment = table->segments[s];
        for (uint32_t first = 0; first < segment->n_rows && st == PS_OK; first += BATCH) {
            const uint32_t n = PS_MIN((uint32_t)BATCH, segment->n_rows - first);
            for (uint32_t c = 0; c < schema->n && st == PS_OK; c++) {
                ps_vec vec;
                st = ps_segment_read(own, segment, c, first, n, &holds[c], &bufs[c], &vec);
                if (st == PS_OK) assert_int_equal(ps_vec_verify(own, &vec), PS_OK);
                for (uint32_t i = 0; i < n && st == PS_OK && compare; i += 97) {
                    ps_value got, want = value_at(&arena, c, row + i);
                    check(ps_vec_value(own, &arena, &vec, i, &got));
                    assert_true(ps_value_equal(&got, &want));
                }
            }
            ps_arena_reset(&arena);
            row += n;
        }
        for (uint32_t c = 0; c < schema->n; c++) ps_col_hold_release(&holds[c]);
    }
    if (st == PS_OK) assert_int_equal(row, ROWS);
    for (uint32_t c = 0; c < schema->n; c++) ps_vec_buf_release(&bufs[c]);
    ps_arena_release(&arena);
    return st;
}

static uint64_t give(void)
{
    const ps_spill_options how = {0};
    uint64_t given;

    check(ps_store_give(&cx, store, &how, UINT64_MAX, &given));
    return given;
}

static void what_is_written_out_is_read_back(void **state)
{
    ps_table *table = make_table(0, false);
    const int64_t before = store->mem->used;
    const uint64_t resident = store->resident;
    (void)state;

    assert_int_equal(table->n_segments, 1);
    assert_true(resident > 1000000 && (int64_t)resident < before);
    assert_int_equal(give(), resident);
    assert_int_equal(store->resident, 0);
    assert_true(store->mem->used < before / 10 && store->mem->disk > 100000);
    assert_int_equal(give(), 0);
    check(read_table(&cx, table, true)); /* there is no limit: it comes back for good */
    assert_int_equal(store->resident, resident);
    const int64_t disk = store->mem->disk;
    assert_int_equal(give(), resident); /* without writing it again */
    assert_int_equal(store->mem->disk, disk);
    ps_table_unref(table);
    assert_int_equal(store->mem->disk, 0);
}

static void under_a_limit_readers_pay_for_parts(void **state)
{
    ps_table *table = make_table(0, false);
    ps_mem query;
    ps_ctx own;
    (void)state;

    give();
    ps_mem_init(&query, &root, "query", 6 << 20);
    ps_ctx_init(&own, &query, NULL);
    assert_true(ps_mem_try_charge(&query, 3 << 20)); /* less than half is left: nothing is kept */
    const int64_t before = store->mem->used;
    assert_int_equal(read_table(&own, table, true), PS_OK);
    assert_int_equal(store->mem->used, before);
    assert_int_equal(query.used, 3 << 20);
    assert_true(query.peak > (3 << 20) + 500000 && own.bytes_read > 100000);
    atomic_store(&query.limit, (3 << 20) + 600000);
    assert_int_equal(read_table(&own, table, true), PS_MEMORY);
    assert_int_equal(query.used, 3 << 20);
    ps_mem_uncharge(&query, 3 << 20);
    ps_table_unref(table);
}

/* A query's floor rests on it. */
static void a_part_takes_no_more_than_was_said(void **state)
{
    ps_table *table = make_table(0, false);
    const ps_segment *segment = table->segments[0];
    const uint32_t all[COLS] = {0, 1, 2, 3, 4, 5};
    (void)state;

    give();
    for (uint32_t from = 0; from <= COLS; from++) { /* each column, then all */
        const uint32_t begin = from < COLS ? from : 0, n = from < COLS ? 1 : COLS;
        const uint64_t said = ps_segment_part_bytes(segment, all + begin, n);
        ps_col_hold holds[COLS] = {{0}};
        ps_vec_buf bufs[COLS] = {{0}};
        ps_mem query;
        ps_ctx own;
        ps_vec vec;
        ps_mem_init(&query, &root, "query", 1);
        ps_ctx_init(&own, &query, NULL);
        atomic_store(&query.limit, (int64_t)(said + said / 8));
        for (uint32_t first = 0; first < segment->n_rows - BATCH; first += BATCH)
            for (uint32_t c = begin; c < begin + n; c++) {
                bufs[c].n_max = BATCH;
                const ps_status st =
                    ps_segment_read(&own, segment, c, first, BATCH, &holds[c], &bufs[c], &vec);
                if (st != PS_OK)
                    print_error("column %u, row %u: %s\n", c, first, own.error.message);
                assert_int_equal(st, PS_OK);
            }
        for (uint32_t c = 0; c < COLS; c++) {
            ps_col_hold_release(&holds[c]);
            ps_vec_buf_release(&bufs[c]);
        }
        assert_int_equal(query.used, 0);
    }
    ps_table_unref(table);
}

static void what_is_held_stays(void **state)
{
    ps_table *table = make_table(0, false);
    const ps_segment *segment = table->segments[0];
    const uint64_t resident = store->resident;
    ps_col_hold hold = {0};
    ps_vec_buf buf;
    ps_vec vec;
    ps_value value;
    ps_arena arena = {0};
    (void)state;

    check(ps_vec_buf_init(&cx, &buf, BATCH));
    check(ps_segment_read(&cx, segment, 2, 0, BATCH, &hold, &buf, &vec));
    const uint64_t given = give();
    assert_true(given > 0 && given < resident);
    assert_int_equal(store->resident, resident - given);
    check(ps_vec_value(&cx, &arena, &vec, 10, &value));
    assert_true(ps_str_equal(value.str, PS_STR("row number 10 of the table")));
    assert_non_null(vec.owner); /* who keeps the rows longer takes a reference */
    ps_owner_ref(vec.owner);
    ps_col_hold_release(&hold);
    assert_int_equal(give(), 0);
    ps_owner_unref(vec.owner);
    assert_int_equal(give(), resident - given);
    ps_arena_release(&arena);
    ps_vec_buf_release(&buf);
    ps_table_unref(table);
}

static void what_is_being_freed_is_passed_over(void **state)
{
    ps_table *dying = make_table(0, false), *table = make_table(0, false);
    const uint64_t resident = store->resident / 2;
    (void)state;

    assert_int_equal(dying->n_segments, 1);
    atomic_store(&dying->segments[0]->owner.refs, 0); /* as while a thread destroys it */
    assert_int_equal(give(), resident);
    atomic_store(&dying->segments[0]->owner.refs, 1);
    ps_table_unref(dying);
    check(read_table(&cx, table, true));
    ps_table_unref(table);
}

static void a_table_is_cut_and_written_while_it_is_loaded(void **state)
{
    ps_table *table = make_table(16 << 20, true);
    (void)state;

    assert_true(table->n_segments > 3);
    for (uint32_t s = 0; s + 1 < table->n_segments; s++)
        assert_int_equal(table->segments[s]->n_rows % BATCH, 0);
    assert_int_equal(store->resident, 0);
    check(read_table(&cx, table, true));
    ps_table_unref(table);
}

/* The builder keeps room for texts then, but has no row. */
static void nothing_comes_behind_a_last_segment_that_is_full(void **state)
{
    ps_table *table = make_rows(PS_SEGMENT_ROWS, 0, false);
    (void)state;

    assert_int_equal(table->n_segments, 1);
    assert_int_equal(table->n_rows, PS_SEGMENT_ROWS);
    ps_table_unref(table);
}

static void failures_lose_nothing(void **state)
{
    ps_table *table = make_table(0, false);
    const ps_spill_options how = {0}, nowhere = {.directory = "/there/is/no/such/folder"},
                           small = {.bytes_max = 4096};
    const uint64_t resident = store->resident;
    uint64_t given;
    (void)state;

    assert_int_equal(ps_store_give(&cx, store, &nowhere, UINT64_MAX, &given), PS_IO);
    assert_int_equal(ps_store_give(&cx, store, &small, UINT64_MAX, &given), PS_DISK_FULL);
    assert_int_equal(store->resident, resident);
    assert_int_equal(store->mem->disk, 0);
    for (int n = 1; n < 12;
         n++) { /* a disk that fails later: columns before are gone, it is whole */
        char fault[16];
        snprintf(fault, sizeof(fault), "EIO %d", n);
        ps_sys_fault_set(ps_str_of(fault));
        const ps_status st = ps_store_give(&cx, store, &how, UINT64_MAX, &given);
        ps_sys_fault_set(ps_str_of(""));
        assert_true(st == PS_OK || st == PS_IO);
        check(read_table(&cx, table, true));
    }
    for (int64_t n = 1; n < 40; n++) {
        ps_mem_fail_after(n, false);
        ps_status st = ps_store_give(&cx, store, &how, UINT64_MAX, &given);
        ps_mem_fail_after(0, false);
        assert_true(st == PS_OK || st == PS_MEMORY);
        check(read_table(&cx, table, true));
    }
    give();
    ps_sys_fault_set(PS_STR("FLIP 1"));
    assert_int_equal(read_table(&cx, table, false), PS_IO);
    ps_sys_fault_set(ps_str_of(""));
    ps_ctx_clear(&cx);
    check(read_table(&cx, table, true));
    ps_table_unref(table);
}

static void what_the_disk_refused_is_not_tried_again_at_once(void **state)
{
    ps_table *table = make_table(0, false);
    const ps_spill_options how = {0}, small = {.bytes_max = 4096}, larger = {.bytes_max = 8192};
    const uint64_t begin = ps_clock_ns();
    uint64_t given;
    (void)state;

    assert_int_equal(ps_store_give(&cx, store, &small, UINT64_MAX, &given), PS_DISK_FULL);
    const bool failed = ps_store_failed(store, &small);
    assert_true(failed || ps_clock_ns() - begin > 1000000000); /* a machine that stood still */
    assert_false(ps_store_failed(store, &how)); /* another session's files are other files */
    assert_false(ps_store_failed(store, &larger));
    ps_ctx_clear(&cx);
    give();
    ps_table_unref(table);
}

static void who_waits_to_write_can_be_cancelled(void **state)
{
    ps_table *table = make_table(0, false);
    const uint64_t resident = store->resident;
    const ps_spill_options how = {0};
    ps_cancel cancel = {0};
    uint64_t given;
    ps_ctx own;
    (void)state;

    ps_ctx_init(&own, &root, &cancel);
    store->is_giving = true; /* as while another thread writes */
    atomic_store(&cancel.deadline_ns, ps_clock_ns() + 20000000);
    assert_int_equal(ps_store_give(&own, store, &how, UINT64_MAX, &given), PS_TIMEOUT);
    assert_true(own.mem == &root && given == 0 && store->is_giving);
    store->is_giving = false;
    assert_int_equal(give(), resident);
    ps_table_unref(table);
}

/* ---- threads ---- */

static _Atomic bool stop;
static _Atomic int wrong; /* cmocka's assertions are the main thread's */
static ps_table *shared;

static void *reads(void *argument)
{
    ps_mem query;
    ps_ctx own;

    /* some with plenty, so that columns come back for good, some without */
    ps_mem_init(&query, &root, "query", argument ? 4 << 20 : 0);
    ps_ctx_init(&own, &query, NULL);
    for (int i = 0; i < 12; i++) wrong += read_table(&own, shared, false) != PS_OK;
    wrong += query.used != 0;
    return NULL;
}

static void *gives(void *argument)
{
    const ps_spill_options how = {0};
    uint64_t given;
    ps_ctx own;

    (void)argument;
    ps_ctx_init(&own, &root, NULL);
    while (!atomic_load(&stop)) wrong += ps_store_give(&own, store, &how, 100000, &given) != PS_OK;
    return NULL;
}

static void readers_and_writers_at_once(void **state)
{
    ps_thread readers[THREADS], givers[2];
    (void)state;

    shared = make_table(4 << 20, false);
    atomic_store(&stop, false);
    for (int i = 0; i < 2; i++) assert_true(ps_thread_start(&givers[i], "gives", gives, NULL));
    for (int i = 0; i < THREADS; i++)
        assert_true(ps_thread_start(&readers[i], "reads", reads, i % 2 ? &stop : NULL));
    for (int i = 0; i < 20; i++) { /* tables come and go meanwhile */
        ps_table *other = make_table(1 << 20, i % 2 == 0);
        ps_table_unref(other);
    }
    for (int i = 0; i < THREADS; i++) ps_thread_join(readers[i]);
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++) ps_thread_join(givers[i]);
    assert_int_equal(wrong, 0);
    check(read_table(&cx, shared, true));
    ps_table_unref(shared);
}

static _Atomic uint32_t n_ready;

static void nap(void) { nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL); }

/* Reads a column that is in the file, at once with others, and holds it until all have it. */
static void *holds(void *argument)
{
    ps_col_hold hold = {0};
    ps_vec_buf buf = {.n_max = BATCH};
    ps_ctx own;
    ps_vec vec;

    (void)argument;
    ps_ctx_init(&own, &root, NULL);
    n_ready++;
    while (n_ready < THREADS) nap();
    wrong += ps_segment_read(&own, shared->segments[0], 2, 0, BATCH, &hold, &buf, &vec) != PS_OK;
    n_ready++;
    while (!atomic_load(&stop)) nap();
    ps_col_hold_release(&hold);
    ps_vec_buf_release(&buf);
    return NULL;
}

static void who_reads_a_column_at_once_shares_it(void **state)
{
    ps_thread readers[THREADS];
    (void)state;

    shared = make_table(0, false);
    const uint64_t bytes = (uint64_t)store->mem->used;
    for (int i = 0; i < 10; i++) {
        give();
        atomic_store(&stop, false);
        atomic_store(&n_ready, 0);
        const uint64_t before = (uint64_t)store->mem->used;
        for (int t = 0; t < THREADS; t++)
            assert_true(ps_thread_start(&readers[t], "holds", holds, NULL));
        while (n_ready < 2 * THREADS) nap();
        const uint64_t held = (uint64_t)store->mem->used - before;
        atomic_store(&stop, true);
        for (int t = 0; t < THREADS; t++) ps_thread_join(readers[t]);
        assert_int_equal(wrong, 0);
        assert_true(held > 1000000 && held < bytes); /* one column's, not one for each reader */
    }
    ps_table_unref(shared);
}

static int set_up(void **state)
{
    const ps_field item = {PS_STR("item"), PS_TYPE(INT64), true, NULL};
    ps_type list;
    (void)state;

    ps_mem_init(&root, NULL, "instance", 0);
    ps_ctx_init(&cx, &root, NULL);
    check(ps_type_list(&cx, &item, &list));
    const ps_field fields[] = {
        {PS_STR("small"), PS_TYPE(INT64), true, NULL},
        {PS_STR("few"), PS_TYPE(STRING), true, NULL},
        {PS_STR("many"), PS_TYPE(STRING), false, NULL},
        {PS_STR("lists"), list, true, NULL},
        {PS_STR("one"), PS_TYPE(INT64), false, NULL},
        {PS_STR("several"), PS_TYPE(STRING), false, NULL},
    };
    check(ps_schema_new(&cx, fields, PS_COUNT(fields), &schema));
    ps_type_unref(list);
    check(ps_store_new(&cx, &root, &store));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ps_schema_unref(schema);
    ps_store_unref(store);
    return root.used == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_out_is_read_back),
        cmocka_unit_test(under_a_limit_readers_pay_for_parts),
        cmocka_unit_test(a_part_takes_no_more_than_was_said),
        cmocka_unit_test(what_is_held_stays),
        cmocka_unit_test(what_is_being_freed_is_passed_over),
        cmocka_unit_test(a_table_is_cut_and_written_while_it_is_loaded),
        cmocka_unit_test(nothing_comes_behind_a_last_segment_that_is_full),
        cmocka_unit_test(failures_lose_nothing),
        cmocka_unit_test(what_the_disk_refused_is_not_tried_again_at_once),
        cmocka_unit_test(who_waits_to_write_can_be_cancelled),
        cmocka_unit_test(readers_and_writers_at_once),
        cmocka_unit_test(who_reads_a_column_at_once_shares_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
