/* exec/join_kernels.h -- inner loops of joins, built once per x86-64 level. */
#ifndef PS_EXEC_JOIN_KERNELS_H
#define PS_EXEC_JOIN_KERNELS_H

#include "base/cpu.h"
#include "col/vec.h"

/* A bit for each value from lo on; the one at `range`, behind them, is zero. range < 2^31. Behind
 * the word of that one PS_JOIN_BITS_MORE bytes may be read. */
enum { PS_JOIN_BITS_MORE = 64 };
typedef struct ps_join_bits {
    const uint64_t *words;
    int64_t lo;
    uint64_t range;
} ps_join_bits;

typedef struct ps_join_kernels {
    /* Those of n rows (sel; NULL: 0 to n - 1) whose slot has its bit, to out, which has room for n
     * and may be sel; their number. By layout of the slots, signed integers. */
    uint32_t (*with_bit[PS_LAYOUT_COUNT])(const void *slots, const uint32_t *sel, uint32_t n,
                                          const ps_join_bits *bits, uint32_t *out);
} ps_join_kernels;

PS_CPU_DECLARE(ps_join_kernels, ps_join_kernels);
PS_INLINE const ps_join_kernels *ps_join_kernels_get(void) { return PS_CPU_PICK(ps_join_kernels); }

#endif
