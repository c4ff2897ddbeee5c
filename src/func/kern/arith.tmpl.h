/* func/kern/arith.tmpl.h -- out[i] = K_OP(a[i], b[i]) over slots of K_T, results cut to K_OUT.
 *
 * Define K_SUFFIX (of the function's name), K_T, K_OP and, where it is another type, K_OUT. */
#ifndef K_OUT
#define K_OUT K_T
#endif
static PS_TEMPLATE void K_NAME(body)(const K_T *PS_RESTRICT a, size_t a_step,
                                     const K_T *PS_RESTRICT b, size_t b_step,
                                     K_OUT *PS_RESTRICT out, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = (K_OUT)K_OP(a[i * a_step], b[i * b_step]);
}
static void K_NAME(loop)(const void *a, const void *b, void *out, size_t n, ps_shape shape)
{
    K_BY_SHAPE(shape, K_NAME(body)(a, A, b, B, out, n))
}
#undef K_SUFFIX
#undef K_T
#undef K_OUT
#undef K_OP
