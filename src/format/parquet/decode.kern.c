/* format/parquet/decode.kern.c -- unpacking, gathering, expanding.
 *
 * Unpacking on AVX2: eight values of width bits are width bytes. Each half of a register gets
 * the bytes of four values (at most 4 bits of slack + 4 * 25 bits, so 16 bytes are enough), a
 * byte shuffle puts each value's bytes into its own 32 bits, a variable shift and a mask do
 * the rest (Lemire and Boytsov 2015 do it with fixed widths). Wider values go one by one. */
#include "format/parquet/kernels.h"

#if PS_CPU_LEVEL >= 3
#include <immintrin.h>
#endif

enum { SHUFFLE_WIDTH_MAX = 25 };

static PS_TEMPLATE void unpack_each(const uint8_t *in, uint32_t width, size_t first, size_t n,
                                    uint32_t *out)
{
    const uint64_t mask = ((uint64_t)1 << width) - 1;

    for (size_t i = first; i < n; i++) {
        const uint64_t bit = (uint64_t)i * width;
        uint64_t word;
        memcpy(&word, in + (bit >> 3), 8);
        out[i] = (uint32_t)((word >> (bit & 7)) & mask);
    }
}

#if PS_CPU_LEVEL >= 3
/* Values [0, n rounded down to 8), by shuffles. */
static size_t unpack_eights(const uint8_t *in, uint32_t width, size_t n, uint32_t *out)
{
    const uint32_t half_bit = 4 * width, half_byte = half_bit >> 3;
    uint8_t shuffle[32];
    uint32_t shift[8];
    const __m256i mask = _mm256_set1_epi32((int)(((uint64_t)1 << width) - 1));
    size_t i = 0;

    for (uint32_t k = 0; k < 8; k++) {
        const uint32_t bit = k < 4 ? k * width : (half_bit & 7) + (k - 4) * width;
        shift[k] = bit & 7;
        for (uint32_t b = 0; b < 4; b++) {
            const uint32_t from = (bit >> 3) + b;
            shuffle[k * 4 + b] = (uint8_t)(from < 16 ? from : 0x80);
        }
    }
    const __m256i order = _mm256_loadu_si256((const __m256i *)(const void *)shuffle);
    const __m256i shifts = _mm256_loadu_si256((const __m256i *)(const void *)shift);
    for (; i + 8 <= n; i += 8, in += width) {
        const __m128i low = _mm_loadu_si128((const __m128i *)(const void *)in);
        const __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(in + half_byte));
        __m256i v = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
        v = _mm256_shuffle_epi8(v, order);
        v = _mm256_and_si256(_mm256_srlv_epi32(v, shifts), mask);
        _mm256_storeu_si256((__m256i *)(void *)(out + i), v);
    }
    return i;
}
#endif

static void unpack(const uint8_t *in, uint32_t width, size_t n, uint32_t *out)
{
    size_t first = 0;

#if PS_CPU_LEVEL >= 3
    if (width <= SHUFFLE_WIDTH_MAX) first = unpack_eights(in, width, n, out);
#endif
    unpack_each(in, width, first, n, out);
}

static uint32_t max32(const uint32_t *values, size_t n)
{
    uint32_t max = 0;

    for (size_t i = 0; i < n; i++) max = PS_MAX(max, values[i]);
    return max;
}

static bool ascii(const void *bytes, size_t n)
{
    const uint8_t *const at = bytes;
    uint64_t high = 0, word;
    size_t i = 0;

    for (; i + 64 <= n; i += 64) {
        for (size_t k = 0; k < 64; k += 8) {
            memcpy(&word, at + i + k, 8);
            high |= word;
        }
    }
    for (; i < n; i++) high |= (uint64_t)at[i];
    return (high & 0x8080808080808080u) == 0;
}

static void join(const uint8_t *PS_RESTRICT in, size_t n, uint32_t width, uint8_t *PS_RESTRICT out)
{
    for (size_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < width; k++) out[i * width + k] = in[k * n + i];
}

static void minmax64(const int64_t *values, size_t n, int64_t *lo, int64_t *hi)
{
    int64_t min = values[0], max = values[0];

    for (size_t i = 0; i < n; i++) {
        min = PS_MIN(min, values[i]);
        max = PS_MAX(max, values[i]);
    }
    *lo = min, *hi = max;
}

static void minmax32(const int32_t *values, size_t n, int64_t *lo, int64_t *hi)
{
    int32_t min = values[0], max = values[0];

    for (size_t i = 0; i < n; i++) {
        min = PS_MIN(min, values[i]);
        max = PS_MAX(max, values[i]);
    }
    *lo = min, *hi = max;
}

typedef struct wide {
    uint64_t low, high;
} wide;

#define V       uint8_t
#define N(name) name##1
#include "format/parquet/decode.tmpl.h"
#define V       uint16_t
#define N(name) name##2
#include "format/parquet/decode.tmpl.h"
#define V       uint32_t
#define N(name) name##4
#include "format/parquet/decode.tmpl.h"
#define V       uint64_t
#define N(name) name##8
#include "format/parquet/decode.tmpl.h"
#define V       wide
#define N(name) name##16
#include "format/parquet/decode.tmpl.h"

extern const ps_pq_kernels PS_CAT(ps_pq_kernels_v, PS_CPU_LEVEL);
const ps_pq_kernels PS_CAT(ps_pq_kernels_v, PS_CPU_LEVEL) = {.unpack = unpack,
                                                             .max = max32,
                                                             .gather1 = gather1,
                                                             .gather2 = gather2,
                                                             .gather4 = gather4,
                                                             .gather8 = gather8,
                                                             .gather16 = gather16,
                                                             .expand1 = expand1,
                                                             .expand2 = expand2,
                                                             .expand4 = expand4,
                                                             .expand8 = expand8,
                                                             .expand16 = expand16,
                                                             .join = join,
                                                             .ascii = ascii,
                                                             .minmax64 = minmax64,
                                                             .minmax32 = minmax32};
