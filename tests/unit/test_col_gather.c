/* tests/unit/test_col_gather.c -- rows of sparse batches put together: encodings, layouts, nulls,
 * selections, failures. */
#include "unit.h"

#include "col/gather.h"
#include "col/value.h"

static ps_mem mem;
static ps_ctx cx;

static void check(ps_status st)
{
    if (st != PS_OK) print_error("%s\n", cx.error.message);
    assert_int_equal(st, PS_OK);
}

static int setup(void **state)
{
    (void)state;
    ps_mem_init(&mem, NULL, "test", 0);
    ps_ctx_init(&cx, &mem, NULL);
    cx.batch_rows = PS_BATCH_ROWS;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return atomic_load(&mem.used) == 0 ? 0 : -1;
}

enum { ROWS = 100, COLS = 7, SEQUENCE = 0, NARROW = 1, CODES = 3, SAME = 4 };
static const ps_type types[COLS] = {
    {.id = PS_TYPE_INT64}, {.id = PS_TYPE_INT64},   {.id = PS_TYPE_STRING}, {.id = PS_TYPE_STRING},
    {.id = PS_TYPE_INT64}, {.id = PS_TYPE_FLOAT64}, {.id = PS_TYPE_INT32}};

/* What a column has in a row of all batches: a sequence, a narrow layout, texts and nulls, codes, a
 * constant, floats and nulls, nulls alone. */
static ps_value value_at(ps_arena *arena, uint32_t col, uint64_t row)
{
    static const char *const few[] = {"green", "a colour with a longer name", ""};

    switch (col) {
    case SEQUENCE: return ps_value_int(types[col], 3 * (ps_i128)row);
    case NARROW: return ps_value_int(types[col], (ps_i128)(row % 200) - 100);
    case CODES:
        return row % 11 == 0 ? ps_value_null(types[col]) : ps_value_str(ps_str_of(few[row % 3]));
    case SAME: return ps_value_int(types[col], -(ps_i128)(row / ROWS));
    case 5: return row % 3 == 0 ? ps_value_null(types[col]) : ps_value_f64((double)row / 8);
    case 6: return ps_value_null(types[col]);
    default: break;
    }
    if (row % 5 == 0) return ps_value_null(types[col]);
    const char *const text = ps_arena_printf(&cx, arena, "%.*s %llu", (int)(row % 20),
                                             "a text of some length", (unsigned long long)row);
    return ps_value_str(ps_str_of(text));
}

/* The column in the form that its number stands for. */
static void form(ps_arena *arena, uint32_t col, uint64_t first, ps_vec *vec)
{
    ps_value *const values = PS_ARENA_ARRAY(&cx, arena, ps_value, ROWS);

    for (uint32_t i = 0; i < ROWS; i++) values[i] = value_at(arena, col, first + i);
    check(ps_vec_of_values(&cx, arena, types[col], values, ROWS, vec));
    if (col == SEQUENCE) {
        *vec = (ps_vec){.type = types[col],
                        .layout = PS_LAYOUT_I64,
                        .encoding = PS_ENC_SEQUENCE,
                        .n = ROWS,
                        .start = 3 * (int64_t)first,
                        .step = 3};
        ps_vec_bounds_reset(vec);
    } else if (col == NARROW) {
        int8_t *const slots = PS_ARENA_ARRAY(&cx, arena, int8_t, ROWS);
        for (uint32_t i = 0; i < ROWS; i++) slots[i] = (int8_t)values[i].i;
        ps_vec_flat(vec, types[col], PS_LAYOUT_I8, slots, NULL, ROWS);
    } else if (col == SAME) {
        check(ps_vec_constant(&cx, arena, &values[0], ROWS, vec));
    } else if (col == CODES) {
        ps_dict *const dict = PS_ARENA_NEW(&cx, arena, ps_dict);
        uint32_t *const codes = PS_ARENA_ARRAY(&cx, arena, uint32_t, ROWS);
        const uint64_t *const valid = vec->valid;
        ps_value entries[3];
        for (uint32_t i = 0; i < 3; i++) entries[i] = value_at(arena, CODES, 12 + i);
        check(ps_vec_of_values(&cx, arena, types[col], entries, 3, &dict->values));
        dict->id = ps_dict_next_id();
        for (uint32_t i = 0; i < ROWS; i++) codes[i] = (uint32_t)((first + i) % 3);
        vec->encoding = PS_ENC_DICTIONARY, vec->data = NULL, vec->valid = valid;
        vec->codes = codes, vec->dict = dict;
    }
}

/* Every step-th row from `first` on; step 1: a batch without a selection. */
static void make(ps_arena *arena, uint64_t first, uint32_t step, ps_batch *batch)
{
    uint32_t *const sel = PS_ARENA_ARRAY(&cx, arena, uint32_t, ROWS);

    check(ps_batch_init(&cx, arena, COLS, batch));
    batch->n_cols = COLS, batch->n = ROWS, batch->n_live = 0, batch->morsel = first;
    for (uint32_t c = 0; c < COLS; c++) form(arena, c, first, &batch->cols[c]);
    for (uint32_t i = 0; i < ROWS; i += step) sel[batch->n_live++] = i;
    if (step > 1) batch->sel = sel;
    check(ps_batch_verify(&cx, batch));
}

static void every_encoding(void **state)
{
    static const uint32_t steps[] = {7, 1, 50, 33, 3};
    ps_arena own = {0};
    ps_gather g = {0};

    (void)state;
    assert_true(ps_gather_can(types, COLS));
    for (uint64_t round = 0; round < 3; round++) {
        ps_arena arena = {0};
        uint32_t at = 0;

        for (uint64_t i = 0; i < PS_COUNT(steps); i++) {
            ps_batch batch;
            make(&arena, (round + i) * ROWS, steps[i], &batch);
            check(ps_gather_add(&cx, &own, &g, &batch));
        }
        const ps_batch *const rows = ps_gather_rows(&g);
        check(ps_batch_verify(&cx, rows));
        assert_true(rows->morsel == round * ROWS && g.bytes > g.n_rows);
        for (uint64_t i = 0; i < PS_COUNT(steps); i++) {
            for (uint32_t row = 0; row < ROWS; row += steps[i], at++) {
                for (uint32_t c = 0; c < COLS; c++) {
                    const ps_value want = value_at(&arena, c, (round + i) * ROWS + row);
                    ps_value got;
                    check(ps_vec_value(&cx, &arena, &rows->cols[c], at, &got));
                    assert_true(ps_value_equal(&got, &want));
                }
            }
        }
        assert_int_equal(at, rows->n_live);
        ps_gather_clear(&g);
        ps_arena_release(&arena);
    }
    ps_gather_release(&g);
    ps_arena_release(&own);
}

static void nested_types_are_refused(void **state)
{
    const ps_field item = {PS_STR("item"), PS_TYPE(INT64), true, NULL};
    ps_type list;

    (void)state;
    check(ps_type_list(&cx, &item, &list));
    assert_false(ps_gather_can(&list, 1));
    assert_false(ps_gather_can(&PS_TYPE(NULL), 1));
    assert_false(ps_gather_can(types, 0));
    ps_type_unref(list);
}

static void every_allocation_may_fail(void **state)
{
    ps_arena arena = {0};
    ps_status st = PS_MEMORY;
    ps_batch batch;

    (void)state;
    make(&arena, 0, 3, &batch);
    for (int64_t n = 1; st == PS_MEMORY; n++) {
        ps_arena own = {0};
        ps_gather g = {0};

        assert_true(n < 500);
        ps_mem_fail_after(n, false);
        for (int i = 0; i < 8 && (i == 0 || st == PS_OK); i++)
            st = ps_gather_add(&cx, &own, &g, &batch);
        assert_true(st == PS_OK || st == PS_MEMORY);
        ps_gather_release(&g);
        ps_arena_release(&own);
    }
    ps_mem_fail_after(0, false);
    ps_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_encoding, setup, teardown),
        cmocka_unit_test_setup_teardown(nested_types_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
