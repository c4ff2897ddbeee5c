/* func/kernels.h -- tables of inner loops over raw slots, built once per x86-64 level.
 *
 * Loops see one layout, no nulls and no selection: they must be defined for any bit pattern, so
 * integers wrap. Who calls them has proven that live rows don't (arith.c) or checks afterwards.
 * NULL in a table: no loop for that layout. */
#ifndef PS_FUNC_KERNELS_H
#define PS_FUNC_KERNELS_H

#include "base/cpu.h"
#include "col/vec.h"

/* Which operand is one slot for all rows. */
typedef enum ps_shape { PS_SHAPE_COL_COL, PS_SHAPE_COL_ONE, PS_SHAPE_ONE_COL } ps_shape;

typedef enum ps_arith_op {
    PS_ARITH_ADD,
    PS_ARITH_SUB,
    PS_ARITH_MUL,
    PS_ARITH_DIV,
    PS_ARITH_COUNT
} ps_arith_op;
/* GT and GE are LT and LE with the operands exchanged. */
typedef enum ps_compare_op {
    PS_COMPARE_EQ,
    PS_COMPARE_NE,
    PS_COMPARE_LT,
    PS_COMPARE_LE,
    PS_COMPARE_COUNT
} ps_compare_op;

typedef void (*ps_binary_loop)(const void *a, const void *b, void *out, size_t n, ps_shape shape);
/* out[i] = lo <= x[i] <= hi as 0 or 1; lo and hi are one slot each. */
typedef void (*ps_range_loop)(const void *x, const void *lo, const void *hi, uint8_t *out,
                              size_t n);

typedef struct ps_arith_kernels {
    ps_binary_loop binary[PS_ARITH_COUNT][PS_LAYOUT_COUNT]; /* I16..I128 (no DIV), F32, F64 */
    ps_binary_loop multiply_wide;                           /* I32 slots to I64 products */
    /* Widens n slots; PS_LAYOUT_U8 and so on zero-extend. */
    void (*convert[PS_LAYOUT_COUNT][PS_LAYOUT_COUNT])(const void *src, void *dst, size_t n);
    /* Least and greatest of n > 0 slots: I8..I64 and U8..U32. */
    void (*bounds[PS_LAYOUT_COUNT])(const void *src, size_t n, int64_t *lo, int64_t *hi);
} ps_arith_kernels;

typedef struct ps_compare_kernels {
    ps_binary_loop binary[PS_COMPARE_COUNT][PS_LAYOUT_COUNT]; /* to bytes; integers, F32, F64 */
    ps_range_loop range[PS_LAYOUT_COUNT];                     /* I8..I64, U8..U64 */
    /* Bytes of 0 or 1 to bits; whole words are written, bits from n on are 0. */
    void (*bytes_to_bits)(const uint8_t *bytes, size_t n, uint64_t *bits);
    /* Positions of the ones among the first n bits (bits from n on are 0), their number. */
    size_t (*bits_to_sel)(const uint64_t *bits, size_t n, uint32_t *sel);
    /* out[i] = x[i] equals text (of at most 12 bytes) as 0 or 1; follows no pointer. */
    void (*short_text_equal)(const ps_view *x, const ps_view *text, size_t n, uint8_t *out);
    /* out[i] = bit codes[i] mod 32 of table: any code may come. */
    void (*lookup_bits)(uint32_t table, const uint32_t *codes, size_t n, uint8_t *out);
    /* out[i] = table[codes[i]]. */
    void (*lookup_bytes)(const uint8_t *table, const uint32_t *codes, size_t n, uint8_t *out);
} ps_compare_kernels;

PS_CPU_DECLARE(ps_arith_kernels, ps_arith_kernels);
PS_CPU_DECLARE(ps_compare_kernels, ps_compare_kernels);

PS_INLINE const ps_arith_kernels *ps_arith_kernels_get(void)
{
    return PS_CPU_PICK(ps_arith_kernels);
}
PS_INLINE const ps_compare_kernels *ps_compare_kernels_get(void)
{
    return PS_CPU_PICK(ps_compare_kernels);
}

#endif
