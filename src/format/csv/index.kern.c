/* format/csv/index.kern.c -- ends of fields by masks of 64 bytes.
 *
 * A prefix XOR over the quotes tells what lies between them (Langdale and Lemire, "Parsing
 * gigabytes of JSON per second", 2019), which holds as long as each opening quote begins a field
 * and each closing one ends it or is half of a doubled one. That is checked for each block; where
 * it doesn't hold, the caller goes on byte by byte. Tests: tests/unit/test_csv.c */
#include "format/csv/index.h"

#include <string.h>

/* Written so that compilers turn it into a compare and a move of the mask. */
PS_INLINE uint64_t equal_mask(const char *at, char byte)
{
#if defined(__AVX512BW__)
    typedef char lane __attribute__((vector_size(64)));
    lane v;
    memcpy(&v, at, 64);
    return __builtin_ia32_cmpb512_mask(v, (lane){0} + byte, 0, ~(uint64_t)0);
#elif defined(__AVX2__)
    typedef char lane __attribute__((vector_size(32)));
    lane v[2];
    memcpy(v, at, 64);
    const uint32_t lo = (uint32_t)__builtin_ia32_pmovmskb256((lane)(v[0] == byte));
    const uint32_t hi = (uint32_t)__builtin_ia32_pmovmskb256((lane)(v[1] == byte));
    return (uint64_t)hi << 32 | lo;
#elif defined(__SSE2__)
    typedef char lane __attribute__((vector_size(16)));
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++) {
        lane v;
        memcpy(&v, at + 16 * i, 16);
        mask |= (uint64_t)(uint16_t)__builtin_ia32_pmovmskb128((lane)(v == byte)) << (16 * i);
    }
    return mask;
#else
    uint64_t mask = 0;
    for (int i = 0; i < 64; i++) mask |= (uint64_t)(at[i] == byte) << i;
    return mask;
#endif
}

PS_INLINE uint64_t any_high(const char *at)
{
    uint64_t words[8], any = 0;

    memcpy(words, at, 64);
    for (int i = 0; i < 8; i++) any |= words[i];
    return any & 0x8080808080808080u;
}

PS_INLINE uint64_t prefix_xor(uint64_t x)
{
    x ^= x << 1, x ^= x << 2, x ^= x << 4;
    x ^= x << 8, x ^= x << 16, x ^= x << 32;
    return x;
}

typedef struct masks {
    uint64_t delim, quote, lf, cr, escape, high;
} masks;

static void block_masks(const char *at, ps_csv_dialect d, masks *out)
{
    out->delim = equal_mask(at, d.delim);
    out->lf = equal_mask(at, '\n');
    out->cr = equal_mask(at, '\r');
    out->quote = d.quote ? equal_mask(at, d.quote) : 0;
    out->escape = d.escape != d.quote && d.escape ? equal_mask(at, d.escape) : 0;
    out->high = any_high(at);
}

static size_t blocks_index(const char *at, size_t n_blocks, ps_csv_dialect d, uint32_t base,
                           uint64_t *quoted, uint32_t *before, uint32_t *ends, uint32_t *n_ends,
                           uint32_t *records, uint32_t *n_records, bool *high)
{
    uint64_t carry = *quoted, any = 0;
    uint32_t last = *before, n = *n_ends, r = *n_records;
    size_t b = 0;

    for (; b < n_blocks; b++, at += 64, base += 64) {
        masks m;
        block_masks(at, d, &m);
        const uint64_t inside = m.quote ? carry ^ prefix_xor(m.quote) : carry;
        const uint64_t separators = (m.lf | m.cr | m.delim) & ~inside, cr = m.cr & ~inside;
        const uint64_t opening = m.quote & inside, closing = m.quote & ~inside;
        const uint64_t after_separator = separators << 1 | (last & 1);
        const uint64_t after_closing = closing << 1 | (last >> 1 & 1);
        const uint64_t ends_here = separators & ~(m.lf & (cr << 1 | (last >> 2 & 1)));

        if ((opening & ~(after_separator | after_closing)) | m.escape |
            (after_closing & ~(separators | m.quote)))
            break;
        any |= m.high;
        for (uint64_t x = ends_here & (m.lf | m.cr); x; x &= x - 1)
            records[r++] = n + (uint32_t)__builtin_popcountll(ends_here & ((x & (0 - x)) - 1));
        for (uint64_t x = ends_here; x; x &= x - 1) ends[n++] = base + (uint32_t)__builtin_ctzll(x);
        last = (uint32_t)(separators >> 63 | closing >> 63 << 1 | cr >> 63 << 2);
        carry = 0 - (inside >> 63);
    }
    *quoted = carry, *before = last, *n_ends = n, *n_records = r;
    *high |= any != 0;
    return b;
}

const ps_csv_kernels PS_CAT(ps_csv_kernels_v, PS_CPU_LEVEL) = {blocks_index};
