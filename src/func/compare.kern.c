/* func/compare.kern.c -- inner loops of comparison, and of bits, bytes and positions; compiled per
 * x86-64 level.
 *
 * Floats have a total order: NaN equals NaN and is above all numbers, -0.0 equals 0.0.
 * Packing bytes to bits and bits to positions has code of its own for AVX-512 and AVX2; positions
 * are compressed in a register and stored whole, because compressing stores are slow (Zen 4).
 * Tests: tests/unit/test_eval.c */
#include "func/kernels.h"

#include "func/kern/shape.h"

#if PS_CPU_LEVEL >= 3
/* mm_malloc.h calls malloc, which is banned: its guards (gcc, clang) keep it out */
#define _MM_MALLOC_H_INCLUDED
#define __MM_MALLOC_H
#include <immintrin.h>
#endif

#define INT_EQ(a, b)   ((a) == (b))
#define INT_NE(a, b)   ((a) != (b))
#define INT_LT(a, b)   ((a) < (b))
#define INT_LE(a, b)   ((a) <= (b))
#define IS_NAN(x)      ((x) != (x))
#define FLOAT_EQ(a, b) (((a) == (b)) | (IS_NAN(a) & IS_NAN(b)))
#define FLOAT_NE(a, b) (!FLOAT_EQ(a, b))
#define FLOAT_LT(a, b) (((a) < (b)) | (!IS_NAN(a) & IS_NAN(b)))
#define FLOAT_LE(a, b) (((a) <= (b)) | IS_NAN(b))

#define K_TYPE     i8
#define K_T        int8_t
#define K_UNSIGNED uint8_t
#define K_EQ       INT_EQ
#define K_NE       INT_NE
#define K_LT       INT_LT
#define K_LE       INT_LE
#include "func/kern/compare_type.tmpl.h"
#define K_TYPE     i16
#define K_T        int16_t
#define K_UNSIGNED uint16_t
#define K_EQ       INT_EQ
#define K_NE       INT_NE
#define K_LT       INT_LT
#define K_LE       INT_LE
#include "func/kern/compare_type.tmpl.h"
#define K_TYPE     i32
#define K_T        int32_t
#define K_UNSIGNED uint32_t
#define K_EQ       INT_EQ
#define K_NE       INT_NE
#define K_LT       INT_LT
#define K_LE       INT_LE
#include "func/kern/compare_type.tmpl.h"
#define K_TYPE     i64
#define K_T        int64_t
#define K_UNSIGNED uint64_t
#define K_EQ       INT_EQ
#define K_NE       INT_NE
#define K_LT       INT_LT
#define K_LE       INT_LE
#include "func/kern/compare_type.tmpl.h"
#define K_TYPE i128
#define K_T    ps_i128
#define K_EQ   INT_EQ
#define K_NE   INT_NE
#define K_LT   INT_LT
#define K_LE   INT_LE
#include "func/kern/compare_type.tmpl.h"
#define K_TYPE     u8
#define K_T        uint8_t
#define K_UNSIGNED uint8_t
#define K_EQ       INT_EQ
#define K_NE       INT_NE
#define K_LT       INT_LT
#define K_LE       INT_LE
#include "func/kern/compare_type.tmpl.h"
#define K_TYPE     u16
#define K_T        uint16_t
#define K_UNSIGNED uint16_t
#define K_EQ       INT_EQ
#define K_NE       INT_NE
#define K_LT       INT_LT
#define K_LE       INT_LE
#include "func/kern/compare_type.tmpl.h"
#define K_TYPE     u32
#define K_T        uint32_t
#define K_UNSIGNED uint32_t
#define K_EQ       INT_EQ
#define K_NE       INT_NE
#define K_LT       INT_LT
#define K_LE       INT_LE
#include "func/kern/compare_type.tmpl.h"
#define K_TYPE     u64
#define K_T        uint64_t
#define K_UNSIGNED uint64_t
#define K_EQ       INT_EQ
#define K_NE       INT_NE
#define K_LT       INT_LT
#define K_LE       INT_LE
#include "func/kern/compare_type.tmpl.h"
#define K_TYPE f32
#define K_T    float
#define K_EQ   FLOAT_EQ
#define K_NE   FLOAT_NE
#define K_LT   FLOAT_LT
#define K_LE   FLOAT_LE
#include "func/kern/compare_type.tmpl.h"
#define K_TYPE f64
#define K_T    double
#define K_EQ   FLOAT_EQ
#define K_NE   FLOAT_NE
#define K_LT   FLOAT_LT
#define K_LE   FLOAT_LE
#include "func/kern/compare_type.tmpl.h"

/* 64 bytes of 0 or 1 as bits; the positions of a word's ones plus base, their number. */
#if PS_CPU_LEVEL >= 4
static PS_TEMPLATE uint64_t pack_64(const uint8_t *bytes)
{
    __m512i x = _mm512_loadu_si512(bytes);

    return _mm512_test_epi8_mask(x, x);
}
#elif PS_CPU_LEVEL == 3
static PS_TEMPLATE uint64_t pack_64(const uint8_t *bytes)
{
    __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)bytes);
    __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + 32));
    uint32_t a = (uint32_t)_mm256_movemask_epi8(_mm256_slli_epi16(low, 7));
    uint32_t b = (uint32_t)_mm256_movemask_epi8(_mm256_slli_epi16(high, 7));

    return a | (uint64_t)b << 32;
}
#else
static PS_TEMPLATE uint64_t pack_64(const uint8_t *bytes)
{
    uint64_t word = 0, eight;

    for (unsigned k = 0; k < 8; k++) { /* gathers the low bit of 8 bytes into the top byte */
        memcpy(&eight, bytes + k * 8, 8);
        word |= ((eight & 0x0101010101010101u) * 0x0102040810204080u >> 56) << (k * 8);
    }
    return word;
}
#endif

#if PS_CPU_LEVEL >= 4
static PS_TEMPLATE size_t expand_64(uint64_t word, uint32_t base, uint32_t *sel)
{
    __m512i lane =
        _mm512_add_epi32(_mm512_set1_epi32((int)base),
                         _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    size_t found = 0;

    for (unsigned k = 0; k < 4; k++) {
        __mmask16 some = (__mmask16)(word >> (k * 16));
        unsigned n = (unsigned)__builtin_popcount(some);
        /* masked: sel has room for the ones only */
        _mm512_mask_storeu_epi32(sel + found, (__mmask16)_bzhi_u32(0xffff, n),
                                 _mm512_maskz_compress_epi32(some, lane));
        lane = _mm512_add_epi32(lane, _mm512_set1_epi32(16));
        found += n;
    }
    return found;
}
#else
static PS_TEMPLATE size_t expand_64(uint64_t word, uint32_t base, uint32_t *sel)
{
    size_t found = 0;

    if (word == ~(uint64_t)0) {
        for (uint32_t k = 0; k < 64; k++) sel[k] = base + k;
        return 64;
    }
    for (; word; word &= word - 1) sel[found++] = base + (uint32_t)__builtin_ctzll(word);
    return found;
}
#endif

static void bytes_to_bits(const uint8_t *bytes, size_t n, uint64_t *bits)
{
    size_t i = 0;

    for (; i + 64 <= n; i += 64) bits[i / 64] = pack_64(bytes + i);
    if (i < n) {
        uint64_t word = 0;
        for (size_t k = i; k < n; k++) word |= (uint64_t)(bytes[k] & 1) << (k - i);
        bits[i / 64] = word;
    }
}

static size_t bits_to_sel(const uint64_t *bits, size_t n, uint32_t *sel)
{
    size_t found = 0;

    for (size_t i = 0; i < n; i += 64) {
        uint64_t word = bits[i / 64];
        if (word) found += expand_64(word, (uint32_t)i, sel + found);
    }
    return found;
}

static void short_text_equal(const ps_view *x, const ps_view *text, size_t n,
                             uint8_t *PS_RESTRICT out)
{
    const uint64_t *words = (const uint64_t *)(const void *)x;
    uint64_t head, tail;

    memcpy(&head, text, 8), memcpy(&tail, (const char *)text + 8, 8);
    for (size_t i = 0; i < n; i++)
        out[i] = ((words[2 * i] ^ head) | (words[2 * i + 1] ^ tail)) == 0;
}

static void lookup_bits(uint32_t table, const uint32_t *PS_RESTRICT codes, size_t n,
                        uint8_t *PS_RESTRICT out)
{
    for (size_t i = 0; i < n; i++) out[i] = (uint8_t)((table >> (codes[i] & 31)) & 1);
}

static void lookup_bytes(const uint8_t *table, const uint32_t *codes, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) out[i] = table[codes[i]];
}

#define ROW(kind, op)                                                                              \
    {[PS_LAYOUT_I8] = kind##_##op##_i8,     [PS_LAYOUT_I16] = kind##_##op##_i16,                   \
     [PS_LAYOUT_I32] = kind##_##op##_i32,   [PS_LAYOUT_I64] = kind##_##op##_i64,                   \
     [PS_LAYOUT_I128] = kind##_##op##_i128, [PS_LAYOUT_U8] = kind##_##op##_u8,                     \
     [PS_LAYOUT_U16] = kind##_##op##_u16,   [PS_LAYOUT_U32] = kind##_##op##_u32,                   \
     [PS_LAYOUT_U64] = kind##_##op##_u64,   [PS_LAYOUT_F32] = kind##_##op##_f32,                   \
     [PS_LAYOUT_F64] = kind##_##op##_f64,   [PS_LAYOUT_BOOL] = kind##_##op##_u8}
#define ROW_RANGE(kind)                                                                            \
    {[PS_LAYOUT_I8] = kind##_i8,   [PS_LAYOUT_I16] = kind##_i16, [PS_LAYOUT_I32] = kind##_i32,     \
     [PS_LAYOUT_I64] = kind##_i64, [PS_LAYOUT_U8] = kind##_u8,   [PS_LAYOUT_U16] = kind##_u16,     \
     [PS_LAYOUT_U32] = kind##_u32, [PS_LAYOUT_U64] = kind##_u64}

const ps_compare_kernels PS_CAT(ps_compare_kernels_v, PS_CPU_LEVEL) = {
    .binary = {ROW(loop, eq), ROW(loop, ne), ROW(loop, lt), ROW(loop, le)},
    .range = ROW_RANGE(range),
    .bytes_to_bits = bytes_to_bits,
    .bits_to_sel = bits_to_sel,
    .short_text_equal = short_text_equal,
    .lookup_bits = lookup_bits,
    .lookup_bytes = lookup_bytes,
};
