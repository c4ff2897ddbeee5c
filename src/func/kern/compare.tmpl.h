/* func/kern/compare.tmpl.h -- K_OP(a[i], b[i]) as bytes, and as the positions where it holds.
 *
 * Define K_SUFFIX, K_T (left alone) and K_OP. Selecting is branch-free: every position is written
 * and the end moves on where the condition holds. */
static PS_TEMPLATE void K_NAME(body)(const K_T *PS_RESTRICT a, size_t a_step, const K_T *PS_RESTRICT b,
                                     size_t b_step, uint8_t *PS_RESTRICT out, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = (uint8_t)(K_OP(a[i * a_step], b[i * b_step]));
}
static void K_NAME(loop)(const void *a, const void *b, void *out, size_t n, ps_shape shape)
{
    K_BY_SHAPE(shape, K_NAME(body)(a, A, b, B, out, n))
}
static PS_TEMPLATE size_t K_NAME(keep)(const K_T *a, size_t a_step, const K_T *b, size_t b_step,
                                       const uint32_t *sel, size_t n, uint32_t *out)
{
    size_t found = 0;

    for (size_t k = 0; k < n; k++) {
        uint32_t i = sel[k];
        out[found] = i;
        found += (K_OP(a[i * a_step], b[i * b_step])) ? 1u : 0u;
    }
    return found;
}
static size_t K_NAME(select)(const void *a, const void *b, ps_shape shape, const uint32_t *sel, size_t n,
                             uint32_t *out)
{
    K_BY_SHAPE(shape, return K_NAME(keep)(a, A, b, B, sel, n, out))
    return 0;
}
#undef K_SUFFIX
#undef K_OP
