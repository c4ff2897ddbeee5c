/* base/bits.c -- whole-bitmap operations. Bits past n in the last word are written as zero. */
#include "base/bits.h"

#include <string.h>

/* Ones where a bitmap of n bits has bits, in its last word. */
static uint64_t last_mask(size_t n) { return n % 64 ? ((uint64_t)1 << (n % 64)) - 1 : UINT64_MAX; }

size_t ps_bits_count(const uint64_t *bits, size_t n)
{
    size_t count = 0;

    for (size_t w = 0; w < n / 64; w++) count += (size_t)__builtin_popcountll(bits[w]);
    if (n % 64) count += (size_t)__builtin_popcountll(bits[n / 64] & last_mask(n));
    return count;
}

void ps_bits_fill(uint64_t *bits, size_t n, bool on)
{
    if (n == 0) return;
    memset(bits, on ? 0xFF : 0, PS_BITS_BYTES(n));
    bits[PS_BITS_WORDS(n) - 1] &= last_mask(n);
}

void ps_bits_and(uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
    const size_t words = PS_BITS_WORDS(n);

    for (size_t w = 0; w < words; w++) out[w] = a[w] & b[w];
    if (words) out[words - 1] &= last_mask(n);
}

void ps_bits_or(uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
    const size_t words = PS_BITS_WORDS(n);

    for (size_t w = 0; w < words; w++) out[w] = a[w] | b[w];
    if (words) out[words - 1] &= last_mask(n);
}

void ps_bits_copy(uint64_t *out, const uint8_t *src, size_t src_offset, size_t n)
{
    const size_t bytes = (src_offset % 8 + n + 7) / 8; /* of the source that hold bits */
    const unsigned shift = src_offset % 8;
    const uint8_t *at = src + src_offset / 8;
    size_t w = 0;

    if (n == 0) return;
    /* Whole words while nine source bytes are there: eight and the ninth for the shift. */
    for (; w * 8 + 9 <= bytes; w++) {
        uint64_t low;
        memcpy(&low, at + w * 8, 8);
        out[w] = shift ? low >> shift | (uint64_t)at[w * 8 + 8] << (64 - shift) : low;
    }
    for (; w < PS_BITS_WORDS(n); w++) {
        uint64_t low = 0, high = 0;
        const size_t from = w * 8, left = bytes > from ? bytes - from : 0;
        memcpy(&low, at + from, PS_MIN(left, (size_t)8));
        if (left > 8) high = at[from + 8];
        out[w] = shift ? low >> shift | high << (64 - shift) : low;
    }
    out[PS_BITS_WORDS(n) - 1] &= last_mask(n);
}
