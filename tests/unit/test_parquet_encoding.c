/* tests/unit/test_parquet_encoding.c -- kernels of every level this machine runs, the hybrid,
 * delta, snappy. */
#include "unit.h"

#include "format/parquet/codec.h"
#include "format/parquet/encoding.h"

#include <stdlib.h>

static ps_mem mem;
static ps_ctx cx;

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
    assert_int_equal(mem.used, 0);
    return 0;
}

static uint64_t next(uint64_t *s)
{
    return (*s = *s * 6364136223846793005u + 1442695040888963407u) >> 20;
}

static uint32_t levels(const ps_pq_kernels *out[3])
{
    uint32_t n = 0;
#if defined(__x86_64__)
    out[n++] = &ps_pq_kernels_v2;
    if (ps_cpu_level() >= 3) out[n++] = &ps_pq_kernels_v3;
    if (ps_cpu_level() >= 4) out[n++] = &ps_pq_kernels_v4;
#else
    out[n++] = &ps_pq_kernels_v0;
#endif
    return n;
}

static void unpacking_gives_what_was_packed(void **state)
{
    enum { N = 1000 };
    uint8_t *const in = ps_alloc_zero(&cx, N * 4 + 16);
    uint32_t want[N], got[N + 1];
    const ps_pq_kernels *k[3];
    const uint32_t n_levels = levels(k);
    uint64_t seed = 1;
    (void)state;
    for (uint32_t width = 1; width <= 32; width++) {
        memset(in, 0, N * 4);
        for (uint32_t i = 0; i < N; i++) {
            want[i] = (uint32_t)(next(&seed) & (((uint64_t)1 << width) - 1));
            for (uint32_t b = 0; b < width; b++)
                if (want[i] >> b & 1)
                    in[(i * width + b) / 8] |= (uint8_t)(1 << (i * width + b) % 8);
        }
        for (uint32_t l = 0; l < n_levels; l++) {
            for (uint32_t n = 0; n <= N; n += 1 + n / 9) {
                got[n] = 0xABCDEF01;
                k[l]->unpack(in, width, n, got);
                assert_memory_equal(got, want, n * 4);
                assert_int_equal(got[n], 0xABCDEF01); /* nothing behind the end */
            }
        }
        for (uint32_t i = 0; i < N; i += 37)
            assert_int_equal(ps_pq_unpack_one(in, width, i), want[i]);
    }
    ps_free(in);
}

static void expanding_puts_values_where_bits_are(void **state)
{
    enum { N = 300 };
    uint64_t valid[PS_BITS_WORDS(N)], seed = 3;
    uint32_t slots[N];
    const ps_pq_kernels *k[3];
    const uint32_t n_levels = levels(k);
    (void)state;
    for (uint32_t round = 0; round < 60; round++) {
        const uint32_t n = 1 + (uint32_t)(next(&seed) % N), density = (uint32_t)(next(&seed) % 5);
        uint32_t m = 0;
        memset(valid, 0, sizeof valid);
        for (uint32_t i = 0; i < n; i++) {
            const bool on = density == 0   ? false
                            : density == 4 ? i > 70
                                           : next(&seed) % 4 < density;
            ps_bit_put(valid, i, on);
            m += on;
        }
        for (uint32_t l = 0; l < n_levels; l++) {
            for (uint32_t i = 0; i < m; i++) slots[i] = i + 1;
            k[l]->expand4(slots, m, valid, n);
            for (uint32_t i = 0, v = 0; i < n; i++)
                assert_int_equal(slots[i], ps_bit_get(valid, i) ? ++v : 0);
        }
    }
}

static void the_hybrid_reads_runs_in_any_pieces(void **state)
{
    /* 10 times 5, then 16 packed values 0..7,0..7 of 3 bits */
    static const uint8_t stream[] = {20, 5, 5, 0x88, 0xC6, 0xFA, 0x88, 0xC6, 0xFA};
    uint8_t *const bytes = ps_alloc(&cx, sizeof stream);
    uint32_t got[26];
    (void)state;
    memcpy(bytes, stream, sizeof stream);
    for (size_t step = 1; step <= 26; step++) {
        ps_pq_rle r;
        size_t i = 0;
        ps_pq_rle_init(&r, bytes, bytes + sizeof stream, 3);
        for (; i + step <= 26; i += step) assert_true(ps_pq_rle_read(&r, got + i, step));
        assert_true(ps_pq_rle_read(&r, got + i, 26 - i));
        for (uint32_t j = 0; j < 26; j++) assert_int_equal(got[j], j < 10 ? 5 : (j - 10) % 8);
        assert_false(ps_pq_rle_read(&r, got, 1));
        ps_pq_rle_init(&r, bytes, bytes + sizeof stream, 3);
        assert_true(ps_pq_rle_skip(&r, step - 1));
        assert_true(ps_pq_rle_read(&r, got, 1));
        assert_int_equal(got[0], step - 1 < 10 ? 5 : (step - 11) % 8);
    }
    ps_free(bytes);
}

static void bits_are_collected_at_any_place(void **state)
{
    static const uint8_t stream[] = {0x05, 0xF0, 0x0F, 40, 1}; /* 16 packed, then 20 ones */
    uint8_t *const bytes = ps_alloc(&cx, sizeof stream);
    (void)state;
    memcpy(bytes, stream, sizeof stream);
    for (size_t at = 0; at < 64; at += 7) {
        uint64_t bits[4] = {0};
        size_t ones;
        ps_pq_rle r;
        ps_pq_rle_init(&r, bytes, bytes + sizeof stream, 1);
        assert_true(ps_pq_rle_bits(&r, bits, at, 36, &ones));
        assert_int_equal(ones, 28);
        for (size_t i = 0; i < 128; i++)
            assert_int_equal(ps_bit_get(bits, i),
                             i >= at + 4 && i < at + 36 && !(i >= at + 12 && i < at + 16));
    }
    ps_free(bytes);
}

static void delta_follows_the_format(void **state)
{
    /* Encodings.md's example: 7, 5, 3, 1, 2, 3, 4, 5 in blocks of 128 with 4 miniblocks, widths of
     * 2 bits */
    static const uint8_t stream[] = {0x80, 0x01, 4,    8, 14, 3, 2, 0, 0,
                                     0,    0xC0, 0x3F, 0, 0,  0, 0, 0, 0};
    uint8_t *const bytes = ps_alloc(&cx, sizeof stream);
    static const int64_t want[] = {7, 5, 3, 1, 2, 3, 4, 5};
    int64_t got[8];
    uint32_t n;
    (void)state;
    memcpy(bytes, stream, sizeof stream);
    assert_int_equal(ps_pq_delta_total(&cx, bytes, bytes + sizeof stream, 8, &n), PS_OK);
    assert_int_equal(n, 8);
    assert_int_equal(ps_pq_delta_decode(&cx, bytes, bytes + sizeof stream, 8, got, NULL), PS_OK);
    assert_memory_equal(got, want, sizeof want);
    assert_int_equal(ps_pq_delta_total(&cx, bytes, bytes + sizeof stream, 7, &n), PS_DATA);
    assert_int_equal(ps_pq_delta_decode(&cx, bytes, bytes + 8, 8, got, NULL), PS_DATA);
    ps_free(bytes);
}

static bool snappy(const char *stream, size_t n, const char *want)
{
    const size_t n_out = strlen(want);
    uint8_t *const in = ps_alloc(&cx, n), *const out = ps_alloc(&cx, n_out + PS_PQ_SLACK_BYTES);
    bool good;
    memcpy(in, stream, n);
    good = ps_pq_snappy_decode(in, n, out, n_out) && memcmp(out, want, n_out) == 0;
    ps_free(in), ps_free(out);
    return good;
}

static void snappy_repeats_and_refuses(void **state)
{
    (void)state;
    assert_true(snappy("\x05\x10hello", 7, "hello"));
    assert_true(snappy("\x0a\x00"
                       "a\x15\x01",
                       5, "aaaaaaaaaa")); /* 1 literal, 9 from distance 1 */
    assert_true(snappy("\x0b\x08"
                       "abc\x1e\x03\x00",
                       8, "abcabcabcab"));
    assert_false(snappy("\x0b\x08"
                        "abc\x1e\x04\x00",
                        8, "abcabcabcab")); /* before the start */
    assert_false(snappy("\x0b\x08"
                        "abc\x1e\x00\x00",
                        8, "abcabcabcab")); /* no distance */
    assert_false(snappy("\x0b\x08"
                        "abc\x1e\x03",
                        7, "abcabcabcab")); /* cut off */
    assert_false(snappy("\x0b\x08"
                        "abc\x22\x03\x00",
                        8, "abcabcabcab")); /* too long */
    assert_false(snappy("\x05\x14hello", 7, "hello"));
    assert_false(snappy("\x05\xf4\xff", 3, "hello"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(unpacking_gives_what_was_packed, setup, teardown),
        cmocka_unit_test_setup_teardown(expanding_puts_values_where_bits_are, setup, teardown),
        cmocka_unit_test_setup_teardown(the_hybrid_reads_runs_in_any_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(bits_are_collected_at_any_place, setup, teardown),
        cmocka_unit_test_setup_teardown(delta_follows_the_format, setup, teardown),
        cmocka_unit_test_setup_teardown(snappy_repeats_and_refuses, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
