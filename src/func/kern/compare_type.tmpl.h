/* func/kern/compare_type.tmpl.h -- all comparisons of one slot type.
 *
 * Define K_TYPE (of the names), K_T, K_EQ, K_NE, K_LT, K_LE, and K_UNSIGNED where ranges are
 * wanted: lo <= x <= hi is one unsigned comparison of x - lo with hi - lo. */
#define K_SUFFIX PS_CAT(eq_, K_TYPE)
#define K_OP     K_EQ
#include "func/kern/compare.tmpl.h"
#define K_SUFFIX PS_CAT(ne_, K_TYPE)
#define K_OP     K_NE
#include "func/kern/compare.tmpl.h"
#define K_SUFFIX PS_CAT(lt_, K_TYPE)
#define K_OP     K_LT
#include "func/kern/compare.tmpl.h"
#define K_SUFFIX PS_CAT(le_, K_TYPE)
#define K_OP     K_LE
#include "func/kern/compare.tmpl.h"
#ifdef K_UNSIGNED
#define K_SUFFIX K_TYPE
static void K_NAME(range)(const void *x, const void *lo, const void *hi, uint8_t *out, size_t n)
{
    const K_UNSIGNED *PS_RESTRICT a = x;
    K_UNSIGNED low = *(const K_UNSIGNED *)lo;
    K_UNSIGNED span = (K_UNSIGNED)(*(const K_UNSIGNED *)hi - low);

    for (size_t i = 0; i < n; i++) out[i] = (K_UNSIGNED)(a[i] - low) <= span;
}
#undef K_SUFFIX
#undef K_UNSIGNED
#endif
#undef K_TYPE
#undef K_T
#undef K_EQ
#undef K_NE
#undef K_LT
#undef K_LE
