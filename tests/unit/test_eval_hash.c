/* tests/unit/test_eval_hash.c -- equal values hash equal in every layout and encoding; columns
 * differ. */
#include "eval/program.h"

#include "eval_support.h"

/* Hash of each row through single-row constants: no layout, no dictionary. */
static uint64_t naive(world *w, const column *cols, const ps_type *types, uint32_t n_cols,
                      uint32_t row)
{
    ps_vec vecs[3];
    uint64_t hash;

    for (uint32_t c = 0; c < n_cols; c++)
        OK(w, ps_vec_of_values(&w->cx, &w->arena, types[c], &cols[c].values[row], 1, &vecs[c]));
    OK(w, ps_hash_rows(&w->cx, vecs, n_cols, NULL, 1, 42, &hash));
    return hash;
}

static void by_value(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        world w;
        column cols[3];
        ps_type types[3];
        ps_vec vecs[3];
        uint32_t n_cols, n, *sel;
        static uint64_t out[1200];

        world_init(&w, seed * 31);
        n_cols = 1 + rng_below(&w.r, 3);
        n = 1 + rng_below(&w.r, 1100);
        for (uint32_t c = 0; c < n_cols; c++) {
            types[c] = col_types[rng_below(&w.r, N_COLS)];
            column_random(&w, &cols[c], types[c], n);
            vecs[c] = cols[c].vec;
        }
        OK(&w, ps_hash_rows(&w.cx, vecs, n_cols, NULL, n, 42, out));
        for (uint32_t row = 0; row < n; row += 1 + rng_below(&w.r, 5))
            assert_true(out[row] == naive(&w, cols, types, n_cols, row));
        sel = PS_ARENA_ARRAY(&w.cx, &w.arena, uint32_t, n);
        uint32_t k = 0;
        for (uint32_t row = 0; row < n; row++)
            if (rng_below(&w.r, 3) == 0) sel[k++] = row;
        OK(&w, ps_hash_rows(&w.cx, vecs, n_cols, sel, k, 42, out));
        for (uint32_t i = 0; i < k; i += 1 + rng_below(&w.r, 5))
            assert_true(out[i] == naive(&w, cols, types, n_cols, sel[i]));
        world_release(&w);
    }
}

static void equal_values(void **state)
{
    world w;
    ps_value zero = ps_value_f64(0.0), minus = ps_value_f64(-0.0),
             f32 = {.type = PS_TYPE(FLOAT32), .f64 = 1.5};
    ps_value f64 = ps_value_f64(1.5), i16 = ps_value_int(PS_TYPE(INT16), -3),
             i128 = ps_value_int(PS_TYPE(INT128), -3);
    const ps_value pairs[][2] = {{zero, minus}, {f32, f64}, {i16, i128}};

    (void)state;
    world_init(&w, 1);
    for (size_t p = 0; p < PS_COUNT(pairs); p++) {
        uint64_t hash[2];
        for (int s = 0; s < 2; s++) {
            ps_vec vec;
            OK(&w, ps_vec_of_values(&w.cx, &w.arena, pairs[p][s].type, &pairs[p][s], 1, &vec));
            OK(&w, ps_hash_rows(&w.cx, &vec, 1, NULL, 1, 0, &hash[s]));
        }
        assert_true(hash[0] == hash[1]);
    }
    world_release(&w);
}

/* Dense keys fall evenly into the partitions that the high bits make. */
static void spreads(void **state)
{
    world w;
    ps_vec vec = {.type = PS_TYPE(INT64),
                  .layout = PS_LAYOUT_I64,
                  .encoding = PS_ENC_SEQUENCE,
                  .n = 8192,
                  .step = 1};
    static uint64_t out[8192];
    uint32_t counts[64] = {0};

    (void)state;
    world_init(&w, 1);
    OK(&w, ps_hash_rows(&w.cx, &vec, 1, NULL, 8192, 0, out));
    for (uint32_t i = 0; i < 8192; i++) counts[out[i] >> 58]++;
    for (uint32_t i = 0; i < 64; i++) assert_in_range(counts[i], 64, 256);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_value), cmocka_unit_test(equal_values),
                                       cmocka_unit_test(spreads)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
