/* base/bits.h -- bitmaps of 64-bit words, bit i of word i / 64; Arrow's order on little endian. */
#ifndef PS_BASE_BITS_H
#define PS_BASE_BITS_H

#include "base/attr.h"

#define PS_BITS_WORDS(n) (((size_t)(n) + 63) / 64)
#define PS_BITS_BYTES(n) (PS_BITS_WORDS(n) * 8)

PS_INLINE bool ps_bit_get(const uint64_t *bits, size_t i) { return (bits[i >> 6] >> (i & 63)) & 1; }
PS_INLINE void ps_bit_set(uint64_t *bits, size_t i) { bits[i >> 6] |= (uint64_t)1 << (i & 63); }
PS_INLINE void ps_bit_clear(uint64_t *bits, size_t i)
{
    bits[i >> 6] &= ~((uint64_t)1 << (i & 63));
}
PS_INLINE void ps_bit_put(uint64_t *bits, size_t i, bool on)
{
    bits[i >> 6] = (bits[i >> 6] & ~((uint64_t)1 << (i & 63))) | ((uint64_t)on << (i & 63));
}
size_t ps_bits_count(const uint64_t *bits, size_t n); /* ones among the first n */
void ps_bits_fill(uint64_t *bits, size_t n, bool on);
void ps_bits_and(uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n);
void ps_bits_or(uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n);
/* Copies n bits from a bitmap that starts at any bit offset (Arrow slices). The source is read
 * byte by byte at its end: never past its last byte. */
void ps_bits_copy(uint64_t *out, const uint8_t *src, size_t src_offset, size_t n);
PS_INLINE unsigned ps_log2_ceil(uint64_t n)
{
    return n <= 1 ? 0 : 64u - (unsigned)__builtin_clzll(n - 1);
}

#endif
