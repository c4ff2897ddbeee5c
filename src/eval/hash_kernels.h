/* eval/hash_kernels.h -- inner loops of hashing keys, built once per x86-64 level. */
#ifndef PS_EVAL_HASH_KERNELS_H
#define PS_EVAL_HASH_KERNELS_H

#include "base/cpu.h"
#include "col/vec.h"

typedef struct ps_hash_kernels {
    /* words[k] = hash of slot idx[k] (NULL: slot k); integers up to 64 bits, BOOL, F32, F64. */
    void (*words[PS_LAYOUT_COUNT])(const void *slots, const uint32_t *idx, size_t n, uint64_t seed,
                                   uint64_t *words);
    /* out[k] = combine(out[k], words[k]) */
    void (*combine)(const uint64_t *words, size_t n, uint64_t *out);
} ps_hash_kernels;

PS_CPU_DECLARE(ps_hash_kernels, ps_hash_kernels);
PS_INLINE const ps_hash_kernels *ps_hash_kernels_get(void) { return PS_CPU_PICK(ps_hash_kernels); }

/* Doubles that compare equal have one pattern. */
PS_INLINE uint64_t ps_hash_f64_bits(double x)
{
    uint64_t bits;

    x = x == 0 ? 0.0 : x; /* -0.0 */
    memcpy(&bits, &x, 8);
    return x != x ? 0x7ff8000000000000u : bits;
}

#endif
