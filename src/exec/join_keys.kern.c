/* exec/join_keys.kern.c -- which rows have a key whose bit is set; compiled per x86-64 level.
 *
 * AVX-512: sixteen keys at once, their words gathered, and the rows that stay compressed in a
 * register and stored whole, because compressing stores are slow (Zen 4). What is stored beyond
 * them lies below the next rows' places, since no more rows stay than were read. Rows of a
 * selection go one by one: gathering keys, too, would take twice as long as that.
 * Tests: tests/unit/test_join_kernels.c */
#include "exec/join_kernels.h"

#if PS_CPU_LEVEL >= 4
/* mm_malloc.h calls malloc, which is banned: its guards (gcc, clang) keep it out */
#define _MM_MALLOC_H_INCLUDED
#define __MM_MALLOC_H
#include <immintrin.h>
#endif

#define ONE_BY_ONE(T)                                                                              \
    for (; k < n; k++) {                                                                           \
        const uint32_t row = sel ? sel[k] : k;                                                     \
        const uint64_t value = (uint64_t)(int64_t)((const T *)slots)[row] - (uint64_t)bits->lo;    \
        const uint64_t at = PS_MIN(value, bits->range);                                            \
        out[n_out] = row;                                                                          \
        n_out += (uint32_t)(bits->words[at / 64] >> (at % 64)) & 1;                                \
    }

#if PS_CPU_LEVEL >= 4

enum { STEP = 16 };

static PS_TEMPLATE __m512i rows_from(uint32_t k)
{
    return _mm512_add_epi32(
        _mm512_set1_epi32((int)k),
        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

/* The places of sixteen keys among the bits: lo fits 32 bits. */
static PS_TEMPLATE __m512i places_32(__m512i keys, const ps_join_bits *bits)
{
    return _mm512_min_epu32(_mm512_sub_epi32(keys, _mm512_set1_epi32((int)bits->lo)),
                            _mm512_set1_epi32((int)bits->range));
}

static PS_TEMPLATE __m512i places_64(__m512i low, __m512i high, const ps_join_bits *bits)
{
    const __m512i lo = _mm512_set1_epi64(bits->lo), range = _mm512_set1_epi64((int64_t)bits->range);
    const __m256i a = _mm512_cvtepi64_epi32(_mm512_min_epu64(_mm512_sub_epi64(low, lo), range));
    const __m256i b = _mm512_cvtepi64_epi32(_mm512_min_epu64(_mm512_sub_epi64(high, lo), range));

    return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}

/* Sixteen words. Keys that lie close behind the first, as in input that is in their order, have
 * theirs in one load: gathering takes three times as long (Zen 4). */
static PS_TEMPLATE __m512i words_of(__m512i at, const int32_t *words)
{
    const uint32_t first = (uint32_t)_mm_cvtsi128_si32(_mm512_castsi512_si128(at));
    const __m512i behind = _mm512_sub_epi32(at, _mm512_set1_epi32((int)first));

    if (_mm512_cmplt_epu32_mask(behind, _mm512_set1_epi32(16)) == 0xffff)
        return _mm512_permutexvar_epi32(behind, _mm512_loadu_si512(words + first));
    return _mm512_i32gather_epi32(at, words, 4);
}

/* Stores the rows whose bits are set; their number. */
static PS_TEMPLATE uint32_t keep(__m512i places, __m512i rows, const ps_join_bits *bits,
                                 uint32_t *out)
{
    const __m512i words =
        words_of(_mm512_srli_epi32(places, 5), (const int32_t *)(const void *)bits->words);
    const __m512i bit =
        _mm512_sllv_epi32(_mm512_set1_epi32(1), _mm512_and_si512(places, _mm512_set1_epi32(31)));
    const __mmask16 some = _mm512_test_epi32_mask(words, bit);

    _mm512_storeu_si512(out, _mm512_maskz_compress_epi32(some, rows));
    return (uint32_t)__builtin_popcount(some);
}

/* Whether a key less lo can be told in 32 bits. */
static PS_TEMPLATE bool is_narrow(const ps_join_bits *bits)
{
    return bits->lo >= INT32_MIN && bits->lo <= INT32_MAX - (int64_t)bits->range;
}

/* Keys that are told in 32 bits; LOAD widens sixteen of them. */
#define WITH_BIT_32(NAME, T, LOAD)                                                                 \
    static uint32_t NAME(const void *slots, const uint32_t *sel, uint32_t n,                       \
                         const ps_join_bits *bits, uint32_t *out)                                  \
    {                                                                                              \
        uint32_t n_out = 0, k = 0;                                                                 \
        for (; !sel && is_narrow(bits) && k + STEP <= n; k += STEP) {                              \
            const void *from = (const T *)slots + k;                                               \
            n_out += keep(places_32(LOAD(from), bits), rows_from(k), bits, out + n_out);           \
        }                                                                                          \
        ONE_BY_ONE(T)                                                                              \
        return n_out;                                                                              \
    }
#define LOAD_16(from) _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)(from)))
#define LOAD_8(from)  _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(from)))
WITH_BIT_32(with_bit_i32, int32_t, _mm512_loadu_si512)
WITH_BIT_32(with_bit_i16, int16_t, LOAD_16)
WITH_BIT_32(with_bit_i8, int8_t, LOAD_8)

static uint32_t with_bit_i64(const void *slots, const uint32_t *sel, uint32_t n,
                             const ps_join_bits *bits, uint32_t *out)
{
    const int64_t *keys = slots;
    uint32_t n_out = 0, k = 0;

    for (; !sel && k + STEP <= n; k += STEP) {
        const __m512i low = _mm512_loadu_si512(keys + k), high = _mm512_loadu_si512(keys + k + 8);
        n_out += keep(places_64(low, high, bits), rows_from(k), bits, out + n_out);
    }
    ONE_BY_ONE(int64_t)
    return n_out;
}

#else

#define WITH_BIT(NAME, T)                                                                          \
    static uint32_t NAME(const void *slots, const uint32_t *sel, uint32_t n,                       \
                         const ps_join_bits *bits, uint32_t *out)                                  \
    {                                                                                              \
        uint32_t n_out = 0, k = 0;                                                                 \
        ONE_BY_ONE(T)                                                                              \
        return n_out;                                                                              \
    }
WITH_BIT(with_bit_i8, int8_t)
WITH_BIT(with_bit_i16, int16_t)
WITH_BIT(with_bit_i32, int32_t)
WITH_BIT(with_bit_i64, int64_t)

#endif

const ps_join_kernels PS_CAT(ps_join_kernels_v, PS_CPU_LEVEL) = {
    .with_bit = {[PS_LAYOUT_I8] = with_bit_i8,
                 [PS_LAYOUT_I16] = with_bit_i16,
                 [PS_LAYOUT_I32] = with_bit_i32,
                 [PS_LAYOUT_I64] = with_bit_i64},
};
