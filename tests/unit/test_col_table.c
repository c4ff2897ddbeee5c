/* tests/unit/test_col_table.c -- segments and tables: forms, statistics, snapshots, failures.
 * (Values of every type through segments: tests/py/test_arrow.py.) */
#include "unit.h"

#include "col/table.h"

static ps_mem mem;
static ps_ctx cx;

static void check(ps_status st)
{
    if (st != PS_OK) print_error("%s\n", cx.error.message);
    assert_int_equal(st, PS_OK);
}

enum { ROWS = 5000, BATCH = 1000 };

/* Columns: a constant, a small range, a wide one with nulls, few texts, many texts, all null. */
static ps_schema *make_schema(void)
{
    const ps_field fields[] = {
        {PS_STR("one"), PS_TYPE(INT64), false, NULL},
        {PS_STR("small"), ps_type_decimal(15, 2), false, NULL},
        {PS_STR("wide"), PS_TYPE(INT64), true, NULL},
        {PS_STR("few"), PS_TYPE(STRING), true, NULL},
        {PS_STR("many"), PS_TYPE(STRING), false, NULL},
        {PS_STR("none"), PS_TYPE(INT32), true, NULL},
    };
    ps_schema *schema;
    check(ps_schema_new(&cx, fields, PS_COUNT(fields), &schema));
    return schema;
}

static ps_value value_at(ps_arena *arena, const ps_schema *schema, uint32_t col, uint64_t row)
{
    static const char *const few[] = {"green", "red", "a colour with a longer name"};
    const ps_type type = schema->fields[col].type;
    switch (col) {
    case 0: return ps_value_int(type, 7);
    case 1: return ps_value_int(type, (ps_i128)(row % 200) - 100);
    case 2: return row % 3 == 0 ? ps_value_null(type) : ps_value_int(type, (ps_i128)row * 1000003);
    case 3: return row % 7 == 0 ? ps_value_null(type) : ps_value_str(ps_str_of(few[row % 3]));
    case 4:
        return ps_value_str(ps_str_of(
            ps_arena_printf(&cx, arena, "row number %llu of the table", (unsigned long long)row)));
    default: return ps_value_null(type);
    }
}

static ps_status add_rows(ps_arena *arena, const ps_schema *schema, ps_segment_builder *builder,
                          uint64_t first, uint32_t n)
{
    ps_batch batch;
    check(ps_batch_init(&cx, arena, schema->n, &batch));
    batch.n_cols = schema->n, batch.n = batch.n_live = n;
    for (uint32_t c = 0; c < schema->n; c++) {
        ps_value *values = PS_ARENA_ARRAY(&cx, arena, ps_value, n);
        for (uint32_t i = 0; i < n; i++) values[i] = value_at(arena, schema, c, first + i);
        check(ps_vec_of_values(&cx, arena, schema->fields[c].type, values, n, &batch.cols[c]));
    }
    return ps_segment_builder_add(&cx, builder, &batch);
}

static ps_segment *make_segment(const ps_schema *schema, uint64_t first, uint32_t n)
{
    ps_segment_builder *builder;
    ps_segment *segment;
    ps_arena arena = {0};
    check(ps_segment_builder_new(&cx, schema, &builder));
    for (uint32_t at = 0; at < n; at += BATCH)
        check(add_rows(&arena, schema, builder, first + at, PS_MIN(n - at, (uint32_t)BATCH)));
    assert_int_equal(ps_segment_builder_rows(builder), n);
    check(ps_segment_builder_seal(&cx, builder, first, &segment));
    assert_int_equal(ps_segment_builder_rows(builder), 0);
    ps_segment_builder_free(builder);
    ps_arena_release(&arena);
    return segment;
}

static void columns_take_their_narrowest_form(void **state)
{
    ps_schema *schema = make_schema();
    ps_segment *segment = make_segment(schema, 0, ROWS);
    ps_vec_buf buf;
    ps_col_hold hold = {0};
    ps_vec vec;
    ps_arena arena = {0};
    (void)state;
    check(ps_vec_buf_init(&cx, &buf, BATCH));
    for (uint32_t c = 0; c < schema->n; c++)
        for (uint32_t first = 0; first < ROWS; first += 333) {
            const uint32_t n = PS_MIN(ROWS - first, (uint32_t)BATCH);
            check(ps_segment_read(&cx, segment, c, first, n, &hold, &buf, &vec));
            check(ps_vec_verify(&cx, &vec));
            for (uint32_t i = 0; i < n; i += 13) {
                ps_value got, want = value_at(&arena, schema, c, first + i);
                check(ps_vec_value(&cx, &arena, &vec, i, &got));
                assert_true(ps_value_equal(&got, &want));
            }
        }
    check(ps_segment_read(&cx, segment, 0, 0, 10, &hold, &buf, &vec));
    assert_int_equal(vec.encoding, PS_ENC_CONSTANT);
    check(ps_segment_read(&cx, segment, 1, 0, 10, &hold, &buf, &vec));
    assert_int_equal(vec.layout, PS_LAYOUT_I8);
    assert_true(vec.bounded && vec.lo == -100 && vec.hi == 99);
    check(ps_segment_read(&cx, segment, 3, 0, 10, &hold, &buf, &vec));
    assert_int_equal(vec.encoding, PS_ENC_DICTIONARY);
    assert_true(vec.dict->distinct && vec.dict->sorted);
    assert_int_equal(vec.dict->values.n, 3);
    check(ps_segment_read(&cx, segment, 4, 0, 10, &hold, &buf, &vec));
    assert_int_equal(vec.encoding, PS_ENC_FLAT);
    check(ps_segment_read(&cx, segment, 5, 0, 10, &hold, &buf, &vec));
    assert_int_equal(vec.encoding, PS_ENC_CONSTANT);
    ps_col_hold_release(&hold);
    ps_vec_buf_release(&buf);
    ps_arena_release(&arena);
    ps_owner_unref(&segment->owner);
    ps_schema_unref(schema);
}

static void a_kept_dictionary_outlives_its_segment(void **state)
{
    ps_schema *schema = make_schema();
    ps_segment *segment = make_segment(schema, 0, ROWS);
    ps_vec_buf buf;
    ps_col_hold hold = {0};
    ps_vec vec, kept;
    ps_text text;
    (void)state;
    check(ps_vec_buf_init(&cx, &buf, BATCH));
    check(ps_segment_read(&cx, segment, 3, 0, 10, &hold, &buf, &vec));
    check(ps_vec_retain(&cx, &vec, NULL, 10, &kept));
    assert_int_equal(kept.encoding, PS_ENC_DICTIONARY);
    ps_col_hold_release(&hold);
    ps_vec_buf_release(&buf);
    ps_owner_unref(&segment->owner);
    ps_schema_unref(schema);
    ps_text_init(&text, &cx);
    ps_vec_print(&kept, 2, &text);
    assert_string_equal(text.at, "a colour with a longer name");
    ps_text_release(&text);
    ps_owner_unref(kept.owner);
}

static void statistics_are_exact_over_segments(void **state)
{
    ps_schema *schema = make_schema();
    ps_segment *parts[] = {make_segment(schema, ROWS, ROWS), make_segment(schema, 0, ROWS)};
    ps_table *empty, *table;
    (void)state;
    check(ps_table_new(&cx, schema, &empty));
    const int64_t used = mem.used;
    check(ps_table_append(&cx, empty, parts, 2, &table));
    assert_true(mem.used - used < 6 * 1024); /* a version is a list, not sketches of columns */
    assert_true(table->version > empty->version);
    assert_int_equal(empty->n_rows, 0); /* the old snapshot stays */
    assert_int_equal(table->n_rows, 2 * ROWS);
    assert_int_equal(table->segments[0]->sequence, 0); /* in the order of sequences */
    assert_true(table->stats[2].has_range && table->stats[2].max.i == (ps_i128)9998 * 1000003);
    assert_int_equal(table->stats[2].n_null, (2 * ROWS + 2) / 3);
    assert_true(table->stats[2].n_distinct > 6000 && table->stats[2].n_distinct < 7400);
    assert_true(ps_str_equal(table->stats[3].min.str, PS_STR("a colour with a longer name")));
    assert_true(ps_str_equal(table->stats[3].max.str, PS_STR("red")));
    assert_true(table->stats[3].n_distinct > 2 && table->stats[3].n_distinct < 4);
    assert_true(table->stats[4].has_range && table->stats[4].width > 20);
    assert_false(table->stats[5].has_range);
    assert_int_equal(table->stats[5].n_null, 2 * ROWS);
    ps_table_unref(empty);
    ps_owner_unref(&parts[0]->owner), ps_owner_unref(&parts[1]->owner);
    ps_schema_unref(schema);
    assert_int_equal(table->schema->n, 6); /* the table keeps what it needs */
    ps_table_unref(table);
}

static void many_appends_leave_few_segments(void **state)
{
    enum { APPENDS = 300 };
    ps_schema *schema = make_schema();
    ps_table *table;
    ps_arena arena = {0};
    ps_vec_buf buf;
    ps_col_hold hold = {0};
    uint32_t row = 0;
    (void)state;
    check(ps_table_new(&cx, schema, &table));
    for (uint32_t i = 0; i < APPENDS; i++) {
        ps_segment *one = make_segment(schema, i, 1);
        ps_table *next;
        check(ps_table_append(&cx, table, &one, 1, &next));
        ps_owner_unref(&one->owner);
        ps_table_unref(table);
        table = next;
    }
    assert_int_equal(table->n_rows, APPENDS);
    assert_true(table->n_segments <= 9); /* 300 in binary has 9 digits */
    check(ps_vec_buf_init(&cx, &buf, BATCH));
    for (uint32_t s = 0; s < table->n_segments; s++) {
        for (uint32_t i = 0; i < table->segments[s]->n_rows; i++, row++) {
            for (uint32_t c = 0; c < schema->n; c++) {
                const ps_value wanted = value_at(&arena, schema, c, row);
                ps_value came;
                ps_vec vec;
                check(ps_segment_read(&cx, table->segments[s], c, i / 64 * 64, i % 64 + 1, &hold,
                                      &buf, &vec));
                check(ps_vec_value(&cx, &arena, &vec, i % 64, &came));
                assert_true(ps_value_equal(&came, &wanted));
            }
        }
    }
    assert_int_equal(row, APPENDS);
    ps_col_hold_release(&hold);
    ps_vec_buf_release(&buf);
    ps_arena_release(&arena);
    ps_table_unref(table);
    ps_schema_unref(schema);
}

static void failures_leave_nothing(void **state)
{
    ps_schema *schema = make_schema();
    bool done = false;
    (void)state;
    for (int64_t n = 1; !done; n++) {
        ps_segment_builder *builder = NULL;
        ps_segment *segment = NULL;
        ps_table *empty = NULL, *table = NULL, *joined = NULL;
        ps_arena arena = {0};
        ps_batch batch;
        check(ps_batch_init(&cx, &arena, schema->n, &batch));
        batch.n_cols = schema->n, batch.n = batch.n_live = 100;
        for (uint32_t c = 0; c < schema->n; c++) {
            ps_value values[100];
            for (uint32_t i = 0; i < 100; i++) values[i] = value_at(&arena, schema, c, i);
            check(
                ps_vec_of_values(&cx, &arena, schema->fields[c].type, values, 100, &batch.cols[c]));
        }
        ps_mem_fail_after(n, false);
        ps_status st = ps_segment_builder_new(&cx, schema, &builder);
        if (st == PS_OK) st = ps_segment_builder_add(&cx, builder, &batch);
        if (st == PS_OK) st = ps_segment_builder_seal(&cx, builder, 0, &segment);
        if (st == PS_OK) st = ps_table_new(&cx, schema, &empty);
        if (st == PS_OK) st = ps_table_append(&cx, empty, &segment, 1, &table);
        if (st == PS_OK) st = ps_table_append(&cx, table, &segment, 1, &joined);
        ps_mem_fail_after(0, false);
        assert_true(st == PS_OK || st == PS_MEMORY);
        if (st == PS_OK) assert_int_equal(joined->n_rows, 200);
        done = st == PS_OK && joined->n_segments == 1; /* what can't be joined stays as it is */
        ps_table_unref(joined), ps_table_unref(table), ps_table_unref(empty);
        if (segment) ps_owner_unref(&segment->owner);
        ps_segment_builder_free(builder);
        ps_arena_release(&arena);
    }
    ps_schema_unref(schema);
}

static int set_up(void **state)
{
    (void)state;
    ps_mem_init(&mem, NULL, "instance", 0);
    ps_ctx_init(&cx, &mem, NULL);
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    return mem.used == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_take_their_narrowest_form),
        cmocka_unit_test(a_kept_dictionary_outlives_its_segment),
        cmocka_unit_test(statistics_are_exact_over_segments),
        cmocka_unit_test(many_appends_leave_few_segments),
        cmocka_unit_test(failures_leave_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
