/* tests/unit/test_col_vec.c -- types, values, vectors: making, copying, measuring, verifying. */
#include "unit.h"

#include "base/hash.h"
#include "col/batch.h"
#include "col/value.h"

static ps_mem mem;
static ps_ctx cx;

static void check(ps_status st)
{
    if (st != PS_OK) print_error("%s\n", cx.error.message);
    assert_int_equal(st, PS_OK);
}

/* A random value of a type, null one time in five. */
static uint64_t seed;
static uint64_t roll(uint64_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % n;
}
static ps_value any_value(ps_arena *arena, ps_type type)
{
    static const char text[] = "Penstocks feed turbines; turbines feed the mill.";
    ps_value value = {.type = type};
    ps_i128 lo, hi;

    if (roll(5) == 0 || type.id == PS_TYPE_NULL) return ps_value_null(type);
    if (ps_type_range(type, &lo, &hi)) {
        value.i = roll(2) ? lo + (ps_i128)roll(100) : hi - (ps_i128)roll(100);
        value.i = PS_MAX(lo, PS_MIN(hi, value.i));
        return value;
    }
    switch (type.id) {
    case PS_TYPE_BOOL: value.i = (ps_i128)roll(2); break;
    case PS_TYPE_FLOAT16: value.f64 = (double)roll(2000) / 4 - 250; break;
    case PS_TYPE_FLOAT32:
    case PS_TYPE_FLOAT64: value.f64 = (double)roll(1u << 20) / 8 - 1000; break;
    case PS_TYPE_INTERVAL:
        value.interval = (ps_interval){(int32_t)roll(9), (int32_t)roll(40), (int64_t)roll(99)};
        break;
    case PS_TYPE_STRING:
    case PS_TYPE_BINARY: value.str = (ps_str){text + roll(4), roll(40)}; break;
    default: {
        const bool list = type.id == PS_TYPE_LIST || type.id == PS_TYPE_MAP;
        value.tag = type.id == PS_TYPE_UNION ? (int8_t)roll(type.ext->n_fields) : 0;
        value.n_items = list                       ? (uint32_t)roll(4)
                        : type.id == PS_TYPE_UNION ? 1
                                                   : type.ext->n_fields;
        ps_value *items = PS_ARENA_ARRAY(&cx, arena, ps_value, value.n_items);
        for (uint32_t i = 0; i < value.n_items; i++)
            items[i] =
                any_value(arena, type.id == PS_TYPE_MAP     ? ps_type_entry(type)
                                 : list                     ? type.ext->fields[0].type
                                 : type.id == PS_TYPE_UNION ? type.ext->fields[value.tag].type
                                                            : type.ext->fields[i].type);
        value.items = items;
    }
    }
    return value;
}

/* The types the tests run over; nested ones belong to the arena. */
static size_t some_types(ps_arena *arena, ps_type *out)
{
    const ps_type plain[] = {
        PS_TYPE(BOOL),    PS_TYPE(INT8),         PS_TYPE(INT16),         PS_TYPE(INT32),
        PS_TYPE(INT64),   PS_TYPE(INT128),       PS_TYPE(UINT8),         PS_TYPE(UINT16),
        PS_TYPE(UINT32),  PS_TYPE(UINT64),       PS_TYPE(FLOAT16),       PS_TYPE(FLOAT32),
        PS_TYPE(FLOAT64), ps_type_decimal(5, 2), ps_type_decimal(15, 2), ps_type_decimal(38, 10),
        PS_TYPE(DATE),    PS_TYPE_SQL_TIME,      PS_TYPE_SQL_TIMESTAMP,  PS_TYPE(INTERVAL),
        PS_TYPE(STRING),  PS_TYPE(BINARY),       PS_TYPE(UUID),          PS_TYPE(NULL)};
    size_t n = PS_COUNT(plain);
    memcpy(out, plain, sizeof plain);
    const ps_field a = {PS_STR("a"), PS_TYPE(INT32), true, NULL},
                   b = {PS_STR("b"), PS_TYPE(STRING), true, NULL};
    const ps_str labels[] = {PS_STR("x"), PS_STR("y")};
    check(ps_type_list(&cx, &b, &out[n++]));
    check(ps_type_struct(&cx, (ps_field[]){a, b}, 2, &out[n++]));
    check(ps_type_map(&cx, &a, &b, &out[n++]));
    check(ps_type_union(&cx, (ps_field[]){a, b}, (int8_t[]){3, 7}, 2, &out[n++]));
    check(ps_type_enum(&cx, labels, 2, &out[n++]));
    const ps_field deep = {PS_STR("d"), out[PS_COUNT(plain) + 1], true, NULL};
    check(ps_type_list(&cx, &deep, &out[n++]));
    for (size_t i = PS_COUNT(plain); i < n; i++) {
        check(ps_type_keep(&cx, arena, out[i]));
        ps_type_unref(out[i]);
    }
    return n;
}

static void same_rows(ps_arena *arena, const ps_vec *vec, const ps_value *values,
                      const uint32_t *idx, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        ps_value got;
        check(ps_vec_value(&cx, arena, vec, k, &got));
        assert_true(ps_value_equal(&got, &values[idx ? idx[k] : k]));
    }
}

enum { ROWS = 200 };

static void every_type_survives_copying(void **state)
{
    ps_type types[40];
    ps_arena arena = {0};
    const size_t n_types = some_types(&arena, types);
    (void)state;
    for (size_t t = 0; t < n_types; t++) {
        ps_value values[ROWS];
        uint32_t idx[ROWS];
        ps_vec vec, out, kept, slice;
        ps_vec_buf buf;
        for (uint32_t i = 0; i < ROWS; i++)
            values[i] = any_value(&arena, types[t]), idx[i] = (uint32_t)roll(ROWS);
        check(ps_vec_buf_init(&cx, &buf, ROWS));
        check(ps_vec_of_values(&cx, &arena, types[t], values, ROWS, &vec));
        check(ps_vec_verify(&cx, &vec));
        same_rows(&arena, &vec, values, NULL, ROWS);
        check(ps_vec_gather(&cx, &vec, idx, ROWS, &buf, &out));
        check(ps_vec_verify(&cx, &out));
        same_rows(&arena, &out, values, idx, ROWS);
        check(ps_vec_retain(&cx, &vec, idx, ROWS, &kept));
        check(ps_vec_verify(&cx, &kept));
        same_rows(&arena, &kept, values, idx, ROWS);
        ps_owner_unref(kept.owner);
        check(ps_vec_slice(&cx, &arena, &vec, 64, 100, &slice));
        same_rows(&arena, &slice, values + 64, NULL, 100);
        /* constants: flattened and retained */
        check(ps_vec_constant(&cx, &arena, &values[7], 50, &vec));
        check(ps_vec_verify(&cx, &vec));
        for (uint32_t i = 0; i < 50; i++) idx[i] = 7;
        same_rows(&arena, &vec, values, idx, 50);
        check(ps_vec_flatten(&cx, &vec, NULL, 50, &buf, &out));
        check(ps_vec_verify(&cx, &out));
        same_rows(&arena, &out, values, idx, 50);
        check(ps_vec_retain(&cx, &vec, NULL, 50, &kept));
        same_rows(&arena, &kept, values, idx, 50);
        ps_owner_unref(kept.owner);
        ps_vec_buf_release(&buf);
    }
    ps_arena_release(&arena);
}

static void dict_leave(ps_owner *owner) { (void)owner; }

static void dictionaries_resolve_codes_and_nulls(void **state)
{
    ps_type types[40];
    ps_arena arena = {0};
    const size_t n_types = some_types(&arena, types);
    (void)state;
    for (size_t t = 0; t < n_types; t++) {
        ps_value values[8], rows[ROWS];
        uint32_t codes[ROWS], sel[ROWS / 2];
        uint64_t valid[PS_BITS_WORDS(ROWS)];
        ps_dict dict = {.id = ps_dict_next_id()};
        ps_vec vec, out;
        ps_vec_buf buf;
        if (types[t].id == PS_TYPE_NULL) continue;
        ps_owner_init(&dict.owner, dict_leave);
        for (int i = 0; i < 8; i++) values[i] = any_value(&arena, types[t]);
        check(ps_vec_of_values(&cx, &arena, types[t], values, 8, &dict.values));
        for (uint32_t i = 0; i < ROWS; i++) {
            codes[i] = (uint32_t)roll(8);
            ps_bit_put(valid, i, roll(4) != 0);
            rows[i] = ps_bit_get(valid, i) ? values[codes[i]] : ps_value_null(types[t]);
        }
        vec = dict.values;
        vec.encoding = PS_ENC_DICTIONARY, vec.n = ROWS, vec.codes = codes, vec.dict = &dict,
        vec.valid = valid;
        vec.data = NULL;
        check(ps_vec_verify(&cx, &vec));
        same_rows(&arena, &vec, rows, NULL, ROWS);
        check(ps_vec_buf_init(&cx, &buf, ROWS));
        check(ps_vec_flatten(&cx, &vec, NULL, ROWS, &buf, &out));
        check(ps_vec_verify(&cx, &out));
        same_rows(&arena, &out, rows, NULL, ROWS);
        for (uint32_t k = 0; k < ROWS / 2; k++)
            sel[k] = 2 * k + 1, codes[2 * k] = 0xFFFFFFFF; /* undefined */
        check(ps_vec_flatten(&cx, &vec, sel, ROWS / 2, &buf, &out));
        for (uint32_t k = 0; k < ROWS / 2; k++) {
            ps_value got;
            check(ps_vec_value(&cx, &arena, &out, sel[k], &got));
            assert_true(ps_value_equal(&got, &rows[sel[k]]));
        }
        check(ps_vec_gather(&cx, &vec, sel, ROWS / 2, &buf, &out));
        assert_int_equal(out.encoding, PS_ENC_DICTIONARY);
        same_rows(&arena, &out, rows, sel, ROWS / 2);
        ps_vec_buf_release(&buf);
    }
    ps_arena_release(&arena);
}

static void sequences_and_slots(void **state)
{
    ps_vec vec = {.type = PS_TYPE(INT64),
                  .layout = PS_LAYOUT_I64,
                  .encoding = PS_ENC_SEQUENCE,
                  .n = 100,
                  .start = -7,
                  .step = 3,
                  .lo = -7,
                  .hi = 290,
                  .bounded = true},
           out;
    const uint32_t sel[] = {5, 50, 99};
    ps_vec_buf buf;
    (void)state;
    check(ps_vec_buf_init(&cx, &buf, 128));
    check(ps_vec_flatten(&cx, &vec, NULL, 100, &buf, &out));
    check(ps_vec_verify(&cx, &out));
    assert_int_equal(((const int64_t *)out.data)[99], 290);
    check(ps_vec_gather(&cx, &vec, sel, 3, &buf, &out));
    assert_int_equal(((const int64_t *)out.data)[1], 143);
    for (ps_layout from = PS_LAYOUT_I8; from <= PS_LAYOUT_U64; from++)
        for (ps_layout to = PS_LAYOUT_I8; to <= PS_LAYOUT_U64; to++) {
            uint8_t src[4 * 16] = {0}, dst[4 * 16] = {0}, back[4 * 16] = {0};
            for (size_t i = 0; i < 4; i++)
                src[i * ps_layout_bytes(from)] = (uint8_t)(i * 40); /* below 128 */
            ps_slots_convert(from, src, to, dst, 4);
            ps_slots_convert(to, dst, from, back, 4);
            assert_memory_equal(src, back, 4 * ps_layout_bytes(from));
        }
    ps_vec_buf_release(&buf);
}

static void bounds_are_exact(void **state)
{
    int32_t data[300];
    uint64_t valid[PS_BITS_WORDS(300)];
    uint32_t sel[100];
    ps_vec vec;
    (void)state;
    for (int round = 0; round < 50; round++) {
        int64_t lo = INT64_MAX, hi = INT64_MIN, slo = INT64_MAX, shi = INT64_MIN;
        for (uint32_t i = 0; i < 300; i++) {
            data[i] = (int32_t)roll(1u << 31) - (1 << 30);
            ps_bit_put(valid, i, i < 128 || roll(3)); /* whole words valid, too */
            if (!ps_bit_get(valid, i)) continue;
            lo = PS_MIN(lo, data[i]), hi = PS_MAX(hi, data[i]);
            if (i % 3 == 0) slo = PS_MIN(slo, data[i]), shi = PS_MAX(shi, data[i]);
        }
        for (uint32_t k = 0; k < 100; k++) sel[k] = 3 * k;
        ps_vec_flat(&vec, PS_TYPE(INT32), PS_LAYOUT_I32, data, valid, 300);
        assert_false(vec.bounded);
        assert_true(vec.lo == INT32_MIN && vec.hi == INT32_MAX);
        ps_vec_bounds_measure(&vec, NULL, 300);
        assert_true(vec.bounded && vec.lo == lo && vec.hi == hi);
        ps_vec_bounds_measure(&vec, sel, 100);
        assert_true(vec.lo == slo && vec.hi == shi);
        vec.hi--; /* a lie is found */
        assert_int_equal(ps_vec_verify(&cx, &vec), PS_INTERNAL);
    }
    const uint64_t big[] = {1, UINT64_MAX};
    ps_vec_flat(&vec, PS_TYPE(UINT64), PS_LAYOUT_U64, big, NULL, 2);
    ps_vec_bounds_measure(&vec, NULL, 2);
    assert_false(vec.bounded);
    ps_vec_flat(&vec, ps_type_decimal(4, 1), PS_LAYOUT_I64, big, NULL, 2);
    assert_true(vec.lo == -9999 && vec.hi == 9999); /* the type says less than the layout */
}

static void types_compare_by_value(void **state)
{
    const ps_field a = {PS_STR("a"), PS_TYPE(INT32), true, NULL},
                   b = {PS_STR("b"), PS_TYPE(INT32), false, NULL};
    ps_type s1, s2, s3, l1, l2, z1, z2, deep, next;
    (void)state;
    check(ps_type_struct(&cx, &a, 1, &s1));
    check(ps_type_struct(&cx, &a, 1, &s2));
    check(ps_type_struct(&cx, &b, 1, &s3));
    check(ps_type_list(&cx, &a, &l1));
    check(ps_type_list(&cx, &b, &l2));
    check(ps_type_zoned(&cx, PS_UNIT_US, PS_STR("Europe/Vienna"), &z1));
    check(ps_type_zoned(&cx, PS_UNIT_US, PS_STR("UTC"), &z2));
    assert_true(ps_type_equal(s1, s2) && ps_type_hash(s1) == ps_type_hash(s2));
    assert_false(ps_type_equal(s1, s3));
    assert_true(ps_type_equal(l1, l2) && ps_type_hash(l1) == ps_type_hash(l2));
    assert_true(ps_type_equal(z1, z2) && ps_type_hash(z1) == ps_type_hash(z2));
    assert_false(ps_type_equal(l1, s1));
    ps_text text;
    ps_text_init(&text, &cx);
    ps_type_print(s1, &text);
    assert_string_equal(text.at, "STRUCT(a INTEGER)");
    ps_text_release(&text);
    ps_type_unref(s1), ps_type_unref(s2), ps_type_unref(s3), ps_type_unref(l1), ps_type_unref(l2);
    ps_type_unref(z1), ps_type_unref(z2);
    deep = PS_TYPE(INT32);
    ps_status st = PS_OK;
    for (int i = 0; i < 100 && st == PS_OK; i++) {
        const ps_field item = {PS_STR("i"), deep, true, NULL};
        st = ps_type_list(&cx, &item, &next);
        if (st == PS_OK) ps_type_unref(deep), deep = next;
    }
    assert_int_equal(st, PS_UNSUPPORTED); /* depth is bounded */
    ps_type_unref(deep);
}

static void allocation_failures_are_clean(void **state)
{
    ps_type types[40];
    ps_arena arena = {0};
    const size_t n_types = some_types(&arena, types);
    (void)state;
    for (size_t t = 0; t < n_types; t++) {
        ps_value values[70];
        ps_vec vec, kept;
        bool done = false;
        for (uint32_t i = 0; i < 70; i++) values[i] = any_value(&arena, types[t]);
        check(ps_vec_of_values(&cx, &arena, types[t], values, 70, &vec));
        for (int64_t n = 1; !done; n++) {
            ps_mem_fail_after(n, false);
            const ps_status st = ps_vec_retain(&cx, &vec, NULL, 70, &kept);
            ps_mem_fail_after(0, false);
            done = st == PS_OK;
            if (done) ps_owner_unref(kept.owner);
            else assert_int_equal(st, PS_MEMORY);
        }
    }
    ps_arena_release(&arena);
}

static int set_up(void **state)
{
    (void)state;
    seed = 42;
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
        cmocka_unit_test(every_type_survives_copying),
        cmocka_unit_test(dictionaries_resolve_codes_and_nulls),
        cmocka_unit_test(sequences_and_slots),
        cmocka_unit_test(bounds_are_exact),
        cmocka_unit_test(types_compare_by_value),
        cmocka_unit_test(allocation_failures_are_clean),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
