/* func/kern/compare.tmpl.h -- K_OP(a[i], b[i]) as bytes of 0 or 1.
 *
 * Define K_SUFFIX, K_T (left alone) and K_OP. */
static PS_TEMPLATE void K_NAME(body)(const K_T *PS_RESTRICT a, size_t a_step,
                                     const K_T *PS_RESTRICT b, size_t b_step,
                                     uint8_t *PS_RESTRICT out, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = (uint8_t)(K_OP(a[i * a_step], b[i * b_step]));
}
static void K_NAME(loop)(const void *a, const void *b, void *out, size_t n, ps_shape shape)
{
    K_BY_SHAPE(shape, K_NAME(body)(a, A, b, B, out, n))
}
#undef K_SUFFIX
#undef K_OP
