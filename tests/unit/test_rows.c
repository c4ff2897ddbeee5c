/* tests/unit/test_rows.c -- row pages against plain arrays: every slot width, nulls, long strings,
 * moves, files, faults. */
#include "unit.h"

#include <stdio.h>

#include "base/hash.h"
#include "col/rows.h"
#include "col/value.h"

static ps_mem mem;
static ps_ctx cx;

enum { N = 1500 };
typedef struct data {
    ps_vec vecs[6];
    int8_t narrow[N]; /* INT64 in I8 slots: widened */
    int32_t ints[N];
    double floats[N];
    ps_view views[N];
    ps_i128 wide[N];
    uint8_t flags[N];
    uint64_t valid[PS_BITS_WORDS(N)];
    char text[N][40];
} data;

static const ps_type *types(void)
{
    static ps_type t[6];
    t[0] = PS_TYPE(INT64), t[1] = PS_TYPE(INT32), t[2] = PS_TYPE(FLOAT64);
    t[3] = PS_TYPE(STRING), t[4] = PS_TYPE(INT128), t[5] = PS_TYPE(BOOL);
    return t;
}

static data *data_new(void)
{
    data *d = test_calloc(1, sizeof(*d));
    ps_bits_fill(d->valid, N, true);
    for (uint32_t i = 0; i < N; i++) {
        d->narrow[i] = (int8_t)(i * 7);
        d->ints[i] = (int32_t)(i % 50);
        d->floats[i] = i % 11 == 0 ? -0.0 : i % 13 == 0 ? -__builtin_nan("7") : (double)(i % 9);
        const int n = snprintf(d->text[i], sizeof(d->text[i]),
                               i % 2 ? "k%u" : "a string that is longer than a view %u", i % 20);
        d->wide[i] = -(ps_i128)i * 1000000007 * 1000000007;
        d->flags[i] = i % 3 == 0;
        if (i % 5 == 0) ps_bit_clear(d->valid, i);
        d->views[i] = ps_bit_get(d->valid, i) ? ps_view_of(d->text[i], (size_t)n) : (ps_view){0};
    }
    ps_vec_flat(&d->vecs[0], types()[0], PS_LAYOUT_I8, d->narrow, NULL, N);
    ps_vec_flat(&d->vecs[1], types()[1], PS_LAYOUT_I32, d->ints, d->valid, N);
    ps_vec_flat(&d->vecs[2], types()[2], PS_LAYOUT_F64, d->floats, NULL, N);
    ps_vec_flat(&d->vecs[3], types()[3], PS_LAYOUT_VIEW, d->views, d->valid, N);
    ps_vec_flat(&d->vecs[4], types()[4], PS_LAYOUT_I128, d->wide, NULL, N);
    ps_vec_flat(&d->vecs[5], types()[5], PS_LAYOUT_BOOL, d->flags, NULL, N);
    return d;
}

static const ps_row_layout *layout_new(ps_arena *arena, uint32_t n_keys)
{
    const ps_row_layout *layout;
    const uint32_t view = 8;
    const ps_row_spec spec = {.types = types(),
                              .n_cols = 6,
                              .n_keys = n_keys,
                              .hashed = true,
                              .state_bytes = 24,
                              .state_views = &view,
                              .n_state_views = 1};
    assert_int_equal(ps_row_layout_new(&cx, arena, &spec, &layout), PS_OK);
    assert_int_equal(layout->n_views, 2);
    assert_int_equal(layout->state_at % 8, 0);
    return layout;
}

static void hashes_fill(uint64_t *hashes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) hashes[i] = ps_hash_u64(i, 1);
}

/* Every column of `rows` equals the data's rows sel. */
static void check(const data *d, ps_rows *rows, const uint32_t *sel, uint32_t n)
{
    uint8_t **at = test_calloc(n, sizeof(*at));
    ps_row_cursor cursor = {0};
    ps_vec_buf buf;
    ps_vec out;
    assert_int_equal(ps_rows_next(rows, &cursor, n, at), n);
    assert_int_equal(ps_vec_buf_init(&cx, &buf, n), PS_OK);
    for (uint32_t c = 0; c < 6; c++) {
        assert_int_equal(ps_rows_gather(&cx, rows->layout, c, at, n, &buf, &out), PS_OK);
        for (uint32_t k = 0; k < n; k++) {
            const uint32_t i = sel ? sel[k] : k;
            const bool null = (c == 1 || c == 3) && !ps_bit_get(d->valid, i);
            assert_int_equal(out.valid && !ps_bit_get(out.valid, k), null);
            if (null) continue;
            switch (c) {
            case 0: assert_true(((const int64_t *)out.data)[k] == d->narrow[i]); break;
            case 1: assert_int_equal(((const int32_t *)out.data)[k], d->ints[i]); break;
            case 2: {
                const double v = ((const double *)out.data)[k];
                if (d->floats[i] != d->floats[i]) assert_true(v != v);
                else assert_true(v == d->floats[i]);
                break;
            }
            case 3:
                assert_true(ps_view_equal(&((const ps_view *)out.data)[k], &d->views[i]));
                break;
            case 4: assert_true(((const ps_i128 *)out.data)[k] == d->wide[i]); break;
            default: assert_int_equal(((const uint8_t *)out.data)[k], d->flags[i]); break;
            }
        }
    }
    ps_vec_buf_release(&buf);
    test_free(at);
}

static void rows_come_back_as_they_went_in(void **state)
{
    data *d = data_new();
    ps_arena arena = {0};
    uint64_t hashes[N];
    uint32_t sel[N / 2];
    (void)state;
    hashes_fill(hashes, N);
    for (uint32_t k = 0; k < N / 2; k++) sel[k] = k * 2 + 1;
    for (uint32_t page = 0; page < 3; page++) {
        ps_rows rows;
        ps_rows_init(&rows, layout_new(&arena, 4));
        rows.page_bytes_max = page == 0 ? 1 : page == 1 ? 1000 : 0;
        assert_int_equal(ps_rows_append(&cx, &rows, d->vecs, hashes, NULL, N, NULL), PS_OK);
        assert_int_equal(rows.n_rows, N);
        check(d, &rows, NULL, N);
        assert_int_equal(ps_rows_relocate(&cx, &rows), PS_OK);
        check(d, &rows, NULL, N);
        ps_rows_release(&rows);
        assert_int_equal(ps_rows_append(&cx, &rows, d->vecs, hashes, sel, N / 2, NULL), PS_OK);
        check(d, &rows, sel, N / 2);
        ps_rows_release(&rows);
    }
    ps_arena_release(&arena);
    test_free(d);
}

static void dictionaries_constants_and_sequences_scatter(void **state)
{
    data *d = data_new();
    ps_arena arena = {0};
    uint64_t hashes[N];
    uint32_t codes[N];
    ps_dict dict = {.id = 1, .values = d->vecs[3]};
    const ps_row_layout *layout;
    ps_type t[3] = {PS_TYPE(STRING), PS_TYPE(INT32), PS_TYPE(INT64)};
    const ps_row_spec spec = {.types = t, .n_cols = 3, .n_keys = 1, .hashed = true};
    ps_vec vecs[3];
    ps_rows rows;
    uint8_t *at[N];
    ps_vec_buf buf;
    ps_vec out;
    const int32_t seven = 7;
    (void)state;
    hashes_fill(hashes, N);
    for (uint32_t i = 0; i < N; i++) codes[i] = (i * 31) % N;
    vecs[0] = d->vecs[3];
    vecs[0].encoding = PS_ENC_DICTIONARY, vecs[0].data = NULL, vecs[0].valid = NULL,
    vecs[0].codes = codes, vecs[0].dict = &dict;
    ps_vec_flat(&vecs[1], t[1], PS_LAYOUT_I32, &seven, NULL, N);
    vecs[1].encoding = PS_ENC_CONSTANT;
    ps_vec_flat(&vecs[2], t[2], PS_LAYOUT_I64, NULL, NULL, N);
    vecs[2].encoding = PS_ENC_SEQUENCE, vecs[2].start = -5, vecs[2].step = 3;
    assert_int_equal(ps_row_layout_new(&cx, &arena, &spec, &layout), PS_OK);
    ps_rows_init(&rows, layout);
    assert_int_equal(ps_rows_append(&cx, &rows, vecs, hashes, NULL, N, at), PS_OK);
    assert_int_equal(ps_vec_buf_init(&cx, &buf, N), PS_OK);
    assert_int_equal(ps_rows_gather(&cx, layout, 0, at, N, &buf, &out), PS_OK);
    for (uint32_t i = 0; i < N; i++) {
        assert_int_equal(!out.valid || ps_bit_get(out.valid, i), ps_bit_get(d->valid, codes[i]));
        assert_true(ps_view_equal(&((const ps_view *)out.data)[i], &d->views[codes[i]]));
    }
    assert_int_equal(ps_rows_gather(&cx, layout, 1, at, N, &buf, &out), PS_OK);
    for (uint32_t i = 0; i < N; i++) assert_int_equal(((const int32_t *)out.data)[i], 7);
    assert_int_equal(ps_rows_gather(&cx, layout, 2, at, N, &buf, &out), PS_OK);
    for (uint32_t i = 0; i < N; i++)
        assert_true(((const int64_t *)out.data)[i] == -5 + 3 * (int64_t)i);
    ps_vec_buf_release(&buf);
    ps_rows_release(&rows);
    ps_arena_release(&arena);
    test_free(d);
}

static void keys_match_and_order(void **state)
{
    data *d = data_new();
    ps_arena arena = {0};
    uint64_t hashes[N];
    uint8_t *at[N];
    uint32_t pairs[N], other[N], n;
    ps_rows rows;
    (void)state;
    hashes_fill(hashes, N);
    ps_rows_init(&rows, layout_new(&arena, 4));
    assert_int_equal(ps_rows_append(&cx, &rows, d->vecs, hashes, NULL, N, at), PS_OK);
    for (uint32_t i = 0; i < N; i++) pairs[i] = i;
    assert_int_equal(ps_rows_match(&cx, rows.layout, d->vecs, NULL, at, pairs, N, other, &n),
                     PS_OK);
    assert_int_equal(n, N); /* nulls, NaN and -0.0 too */
    uint8_t *moved[N];
    for (uint32_t i = 0; i < N; i++) moved[i] = at[i % 3 ? i : (i + 1) % N];
    for (uint32_t i = 0; i < N; i++) pairs[i] = i;
    assert_int_equal(ps_rows_match(&cx, rows.layout, d->vecs, NULL, moved, pairs, N, other, &n),
                     PS_OK);
    uint32_t expected = 0, lost = 0;
    for (uint32_t i = 0; i < N; i++) {
        const bool equal = ps_row_keys_equal(rows.layout, at[i], moved[i]);
        assert_int_equal(ps_row_keys_compare(rows.layout, at[i], moved[i]) == 0, equal);
        assert_int_equal(ps_row_keys_compare(rows.layout, at[i], moved[i]),
                         -ps_row_keys_compare(rows.layout, moved[i], at[i]));
        if (equal) assert_int_equal(pairs[expected++], i);
        else lost++;
    }
    assert_int_equal(n, expected);
    assert_int_equal(N - n, lost);
    assert_true(lost > N / 4);
    ps_rows_release(&rows);
    ps_arena_release(&arena);
    test_free(d);
}

static ps_status spill_new(const char *directory, uint64_t bytes_max, ps_spill **out)
{
    return ps_spill_new(&cx, &(ps_spill_options){.directory = directory, .bytes_max = bytes_max},
                        out);
}

static void states_and_strings_survive_files(void **state)
{
    data *d = data_new();
    ps_arena arena = {0};
    uint64_t hashes[N];
    uint8_t *at[N];
    ps_rows rows;
    ps_spill *spill;
    (void)state;
    hashes_fill(hashes, N);
    ps_rows_init(&rows, layout_new(&arena, 4));
    rows.page_bytes_max = 3000;
    assert_int_equal(ps_rows_append(&cx, &rows, d->vecs, hashes, NULL, N, at), PS_OK);
    for (uint32_t i = 0; i < N; i++) {
        ps_view view = ps_view_of(d->text[i], strlen(d->text[i]));
        if (view.n > 12) view.at = memcpy(ps_rows_heap(&cx, &rows, view.n), view.at, view.n);
        memcpy(at[i] + rows.layout->state_at + 8, &view, 16);
    }
    assert_int_equal(spill_new(NULL, 0, &spill), PS_OK);
    for (int round = 0; round < 2; round++) {
        const int64_t before = atomic_load(&mem.used);
        assert_int_equal(ps_rows_spill(&cx, &rows, spill), PS_OK);
        assert_true(atomic_load(&mem.used) < before);
        assert_int_equal(rows.bytes, 0);
        for (size_t p = 0; p < rows.pages.n; p++)
            assert_int_equal(ps_rows_load(&cx, &rows, p), PS_OK);
        check(d, &rows, NULL, N);
    }
    ps_row_cursor cursor = {0};
    ps_rows_next(&rows, &cursor, N, at);
    for (uint32_t i = 0; i < N; i++) {
        ps_view view;
        memcpy(&view, at[i] + rows.layout->state_at + 8, 16);
        assert_memory_equal(ps_view_bytes(&view), d->text[i], strlen(d->text[i]));
        assert_int_equal(ps_row_hash(at[i]), hashes[i]);
    }
    ps_rows_release(&rows);
    ps_spill_free(spill);
    assert_int_equal(spill_new(NULL, 1000, &spill), PS_OK);
    assert_int_equal(ps_rows_append(&cx, &rows, d->vecs, hashes, NULL, N, NULL), PS_OK);
    assert_int_equal(ps_rows_spill(&cx, &rows, spill), PS_DISK_FULL);
    ps_ctx_clear(&cx);
    check(d, &rows, NULL, N);
    ps_rows_release(&rows);
    ps_spill_free(spill);
    assert_int_equal(spill_new("/nonexistent/x", 0, &spill), PS_IO);
    ps_arena_release(&arena);
    test_free(d);
}

/* Values of STRUCT(a LIST(DOUBLE), b VARCHAR), some null at every level. */
static ps_value nested_value(ps_arena *arena, ps_type type, uint32_t i)
{
    ps_value *items = PS_ARENA_ARRAY(&cx, arena, ps_value, 2);
    ps_value *list = PS_ARENA_ARRAY(&cx, arena, ps_value, i % 5 + 1);
    char *text =
        ps_arena_printf(&cx, arena, i % 2 ? "%u" : "a text of more than twelve bytes %u", i % 7);
    const ps_type list_type = type.ext->fields[0].type;

    if (i % 9 == 0) return ps_value_null(type);
    for (uint32_t k = 0; k < i % 5; k++)
        list[k] =
            k % 3 == 2 ? ps_value_null(PS_TYPE(FLOAT64)) : ps_value_f64((double)(i % 4) - 2.0);
    items[0] = i % 6 == 0 ? ps_value_null(list_type) : (ps_value){.type = list_type};
    if (!items[0].null) items[0].items = list, items[0].n_items = i % 5;
    items[1] = ps_value_str(ps_str_of(text));
    ps_value value = {.type = type};
    value.items = items;
    value.n_items = 2;
    return value;
}

static void nested_values_come_back_and_match(void **state)
{
    enum { M = 700 };
    ps_arena arena = {0};
    const ps_field item = {.name = PS_STR("item"), .type = PS_TYPE(FLOAT64), .nullable = true};
    ps_field fields[2] = {{.name = PS_STR("a"), .nullable = true},
                          {.name = PS_STR("b"), .type = PS_TYPE(STRING)}};
    ps_type type;
    ps_value values[M];
    uint64_t hashes[M];
    uint32_t pairs[M], n;
    uint8_t *at[M];
    const ps_row_layout *layout;
    ps_vec vec, out;
    ps_vec_buf buf;
    ps_rows rows;
    ps_spill *spill;
    (void)state;
    assert_int_equal(ps_type_list(&cx, &item, &fields[0].type), PS_OK);
    assert_int_equal(ps_type_struct(&cx, fields, 2, &type), PS_OK);
    hashes_fill(hashes, M);
    for (uint32_t i = 0; i < M; i++) values[i] = nested_value(&arena, type, i), pairs[i] = i;
    assert_int_equal(ps_vec_of_values(&cx, &arena, type, values, M, &vec), PS_OK);
    const ps_row_spec spec = {.types = &type, .n_cols = 1, .n_keys = 1, .hashed = true};
    assert_int_equal(ps_row_layout_new(&cx, &arena, &spec, &layout), PS_OK);
    ps_rows_init(&rows, layout);
    assert_int_equal(ps_rows_append(&cx, &rows, &vec, hashes, NULL, M, at), PS_OK);
    assert_int_equal(ps_rows_match(&cx, layout, &vec, NULL, at, pairs, M, NULL, &n), PS_OK);
    assert_int_equal(n, M);
    assert_int_equal(spill_new(NULL, 0, &spill), PS_OK);
    assert_int_equal(ps_rows_spill(&cx, &rows, spill), PS_OK);
    for (size_t p = 0; p < rows.pages.n; p++) assert_int_equal(ps_rows_load(&cx, &rows, p), PS_OK);
    ps_row_cursor cursor = {0};
    assert_int_equal(ps_rows_next(&rows, &cursor, M, at), M);
    assert_int_equal(ps_vec_buf_init(&cx, &buf, M), PS_OK);
    assert_int_equal(ps_rows_gather(&cx, layout, 0, at, M, &buf, &out), PS_OK);
    for (uint32_t i = 0; i < M; i++) {
        ps_value back;
        assert_int_equal(ps_vec_value(&cx, &arena, &out, i, &back), PS_OK);
        assert_true(ps_value_equal(&back, &values[i]));
    }
    ps_vec_buf_release(&buf);
    ps_rows_release(&rows);
    ps_spill_free(spill);
    ps_arena_release(&arena);
    ps_type_unref(type);
    ps_type_unref(fields[0].type);
}

static void every_allocation_may_fail(void **state)
{
    data *d = data_new();
    ps_arena arena = {0};
    uint64_t hashes[N];
    const ps_row_layout *layout = layout_new(&arena, 4);
    (void)state;
    hashes_fill(hashes, N);
    for (int64_t fault = 1; fault < 200; fault++) {
        ps_rows rows;
        ps_spill *spill = NULL;
        ps_rows_init(&rows, layout);
        rows.page_bytes_max = 8000;
        ps_mem_fail_after(fault, false);
        ps_status st = ps_rows_append(&cx, &rows, d->vecs, hashes, NULL, N, NULL);
        if (st == PS_OK) st = ps_rows_relocate(&cx, &rows);
        if (st == PS_OK) st = spill_new(NULL, 0, &spill);
        if (st == PS_OK) st = ps_rows_spill(&cx, &rows, spill);
        for (size_t p = 0; st == PS_OK && p < rows.pages.n; p++) st = ps_rows_load(&cx, &rows, p);
        ps_mem_fail_after(0, false);
        assert_true(st == PS_OK || st == PS_MEMORY);
        if (st == PS_OK) check(d, &rows, NULL, N);
        ps_rows_release(&rows);
        ps_spill_free(spill);
    }
    ps_arena_release(&arena);
    test_free(d);
}

static int setup(void **state)
{
    (void)state;
    ps_mem_init(&mem, NULL, "test", 0);
    ps_ctx_init(&cx, &mem, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return atomic_load(&mem.used) != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_come_back_as_they_went_in, setup, teardown),
        cmocka_unit_test_setup_teardown(dictionaries_constants_and_sequences_scatter, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(keys_match_and_order, setup, teardown),
        cmocka_unit_test_setup_teardown(states_and_strings_survive_files, setup, teardown),
        cmocka_unit_test_setup_teardown(nested_values_come_back_and_match, setup, teardown),
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
