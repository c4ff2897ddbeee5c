/* format/parquet/kernels.h -- the loops that decode pages, built once per x86-64 level.
 *
 * Inputs may be read up to 64 bytes past their end (base/mem.h gives every block such a tail);
 * outputs are written exactly. */
#ifndef PS_FORMAT_PARQUET_KERNELS_H
#define PS_FORMAT_PARQUET_KERNELS_H

#include "base/bits.h"
#include "base/cpu.h"

#include <string.h>

typedef struct ps_pq_kernels {
    /* n values of width bits (1..32), least significant bit first, from a byte boundary. */
    void (*unpack)(const uint8_t *in, uint32_t width, size_t n, uint32_t *out);
    uint32_t (*max)(const uint32_t *values, size_t n); /* 0 for none */
    void (*gather1)(const uint32_t *codes, size_t n, const void *values, void *out);
    void (*gather2)(const uint32_t *codes, size_t n, const void *values, void *out);
    void (*gather4)(const uint32_t *codes, size_t n, const void *values, void *out);
    void (*gather8)(const uint32_t *codes, size_t n, const void *values, void *out);
    void (*gather16)(const uint32_t *codes, size_t n, const void *values, void *out);
    /* Moves the values at the start of slots to the rows whose bit is set, in place; others are
     * zeroed. */
    void (*expand1)(void *slots, size_t n_values, const uint64_t *valid, size_t n_rows);
    void (*expand2)(void *slots, size_t n_values, const uint64_t *valid, size_t n_rows);
    void (*expand4)(void *slots, size_t n_values, const uint64_t *valid, size_t n_rows);
    void (*expand8)(void *slots, size_t n_values, const uint64_t *valid, size_t n_rows);
    void (*expand16)(void *slots, size_t n_values, const uint64_t *valid, size_t n_rows);
    /* BYTE_STREAM_SPLIT: byte k of value i is in[k * n + i]. Values [first, first + n_out). */
    void (*join)(const uint8_t *in, size_t n, uint32_t width, uint8_t *out);
    bool (*ascii)(const void *bytes, size_t n);
    void (*minmax64)(const int64_t *values, size_t n, int64_t *lo, int64_t *hi); /* n > 0 */
    void (*minmax32)(const int32_t *values, size_t n, int64_t *lo, int64_t *hi);
} ps_pq_kernels;

PS_CPU_DECLARE(ps_pq_kernels, ps_pq_kernels);
PS_INLINE const ps_pq_kernels *ps_pq_kernels_here(void) { return PS_CPU_PICK(ps_pq_kernels); }

/* Value i of a run of packed values: for starts between byte boundaries. */
PS_INLINE uint32_t ps_pq_unpack_one(const uint8_t *in, uint32_t width, uint64_t i)
{
    const uint64_t bit = i * width;
    uint64_t word;
    memcpy(&word, in + (bit >> 3), 8);
    return (uint32_t)((word >> (bit & 7)) & (((uint64_t)1 << width) - 1));
}

#endif
