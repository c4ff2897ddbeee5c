/* func/agg_binned.h -- sums of doubles that give the same bits in any order and any merge tree.
 *
 * After Demmel and Nguyen (Parallel Reproducible Summation, 2015), with integers for accumulators.
 * The exponent range is cut into bins 32 bits wide; bin b counts units of 2^(32 b - 1074). A sum
 * keeps the three highest bins that its largest value needs, `top` down. Each value is cut into one
 * slice a bin by adding and subtracting 1.5 * 2^52 units, which rounds to a whole number of units
 * and is exact otherwise; slices are counted exactly. Together the slices of x are x rounded to the
 * lowest bin's unit, whatever the top was when x came: a top is chosen so that |x| < 2^31 units of
 * it, hence a value whose bins have all been dropped would have rounded to zero. The error is below
 * n * 2^-64 * max|x|: better than a plain sum in double. Infinities and NaN are flags. */
#ifndef PS_FUNC_AGG_BINNED_H
#define PS_FUNC_AGG_BINNED_H

#include "base/attr.h"

enum { PS_BINNED_FOLDS = 3, PS_BINNED_BITS = 32 };
enum { PS_BINNED_POS_INF = 1, PS_BINNED_NEG_INF = 2, PS_BINNED_NAN = 4 };

typedef struct ps_binned {       /* zero: an empty sum */
    int64_t lo[PS_BINNED_FOLDS]; /* units of bin top - i, 0..2^62-1, plus hi[i] * 2^62 */
    int32_t hi[PS_BINNED_FOLDS];
    uint8_t top; /* 0: nothing but zeros yet, else 2..65 */
    uint8_t flags;
} ps_binned;
PS_STATIC_ASSERT(sizeof(ps_binned) == 40, "three bins and their carries");

void ps_binned_add(ps_binned *sum, double x);
/* x[0..n) at once: the same result, vectorised. */
void ps_binned_add_many(ps_binned *sum, const double *x, uint32_t n);
void ps_binned_merge(ps_binned *to, const ps_binned *from);
double ps_binned_value(const ps_binned *sum);
/* The finite part to 113 bits, for differences of large sums. */
__float128 ps_binned_quad(const ps_binned *sum);
PS_INLINE bool ps_binned_finite(const ps_binned *sum) { return sum->flags == 0; }

#endif
