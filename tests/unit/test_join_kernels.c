/* tests/unit/test_join_kernels.c -- rows whose key has its bit, by every level that runs here and
 * every width of keys: against one look at a time. links: exec */
#include "unit.h"

#include "base/bits.h"
#include "base/hash.h"
#include "exec/join_kernels.h"

enum { N_MAX = 300, RANGE_MAX = 3000 };

static uint64_t words[RANGE_MAX / 64 + 1 + PS_JOIN_BITS_MORE / 8];
static int8_t slots_8[N_MAX];
static int16_t slots_16[N_MAX];
static int32_t slots_32[N_MAX];
static int64_t slots_64[N_MAX];
static const void *const slots[] = {slots_8, slots_16, slots_32, slots_64};

static uint32_t levels(const ps_join_kernels **out)
{
    uint32_t n = 0;

#if defined(__x86_64__)
    out[n++] = &ps_join_kernels_v2;
    if (ps_cpu_level() >= 3) out[n++] = &ps_join_kernels_v3;
    if (ps_cpu_level() >= 4) out[n++] = &ps_join_kernels_v4;
#else
    out[n++] = &ps_join_kernels_v0;
#endif
    return n;
}

static int64_t key_at(uint32_t width, uint32_t row)
{
    switch (width) {
    case 0: return slots_8[row];
    case 1: return slots_16[row];
    case 2: return slots_32[row];
    default: return slots_64[row];
    }
}

static void check(const ps_join_bits *bits, uint32_t width, const uint32_t *sel, uint32_t n)
{
    const ps_join_kernels *all[3];
    const uint32_t n_levels = levels(all);
    uint32_t expected[N_MAX], out[N_MAX], n_expected = 0;

    for (uint32_t k = 0; k < n; k++) {
        const uint32_t row = sel ? sel[k] : k;
        const __int128 at = (__int128)key_at(width, row) - bits->lo;
        if (at >= 0 && at < (__int128)bits->range && ps_bit_get(bits->words, (size_t)at))
            expected[n_expected++] = row;
    }
    for (uint32_t i = 0; i < n_levels; i++)
        for (uint32_t in_place = 0; in_place < (sel ? 2 : 1); in_place++) {
            if (in_place) memcpy(out, sel, n * sizeof(*out));
            const uint32_t found = all[i]->with_bit[PS_LAYOUT_I8 + width](
                slots[width], in_place ? out : sel, n, bits, out);
            assert_int_equal(found, n_expected);
            assert_memory_equal(out, expected, n_expected * sizeof(*out));
        }
}

/* Keys around the bits, in order (`step`) or in none, and the ends of their type. */
static void fill(int64_t lo, uint64_t range, int64_t step, uint64_t seed)
{
    static const int64_t ends[] = {INT8_MIN,  INT8_MAX,  INT16_MIN, INT16_MAX,
                                   INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX};

    for (uint32_t i = 0; i < N_MAX; i++) {
        const uint64_t random = ps_hash_u64(i, seed);
        const uint64_t near = (uint64_t)lo + random % (range + 200) - 100;
        uint64_t key = step ? (uint64_t)lo + i * (uint64_t)step : near;
        if (random % 23 == 0) key = (uint64_t)ends[random / 23 % 8];
        slots_8[i] = (int8_t)key;
        slots_16[i] = (int16_t)key;
        slots_32[i] = (int32_t)key;
        slots_64[i] = (int64_t)key;
    }
}

static void with_bit(void **state)
{
    static const int64_t los[] = {0,
                                  -100,
                                  1000,
                                  INT32_MIN,
                                  INT32_MAX - 50,
                                  INT32_MAX,
                                  (1ll << 32) + 5,
                                  INT64_MIN,
                                  INT64_MAX - 3000};
    static const uint64_t ranges[] = {1, 63, 64, 65, 700, RANGE_MAX - 1};
    uint32_t sel[N_MAX];

    (void)state;
    for (size_t l = 0; l < sizeof(los) / sizeof(*los); l++)
        for (size_t r = 0; r < sizeof(ranges) / sizeof(*ranges); r++)
            for (int64_t step = 0; step < 40; step = step * 2 + 1) {
                const ps_join_bits bits = {words, los[l], ranges[r]};
                uint32_t n_sel = 0;
                memset(words, 0, sizeof(words));
                for (uint64_t b = 0; b < bits.range; b++)
                    if (ps_hash_u64(b, l * 7 + r) % 3 == 0) ps_bit_set(words, b);
                fill(bits.lo, bits.range, step, l * 100 + r * 10 + (uint64_t)step);
                for (uint32_t i = 0; i < N_MAX; i++)
                    if (ps_hash_u64(i, 5) % 3) sel[n_sel++] = i;
                for (uint32_t width = 0; width < 4; width++) {
                    check(&bits, width, NULL, N_MAX);
                    check(&bits, width, NULL, 17);
                    check(&bits, width, sel, n_sel);
                }
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(with_bit)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
