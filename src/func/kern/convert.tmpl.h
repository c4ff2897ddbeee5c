/* func/kern/convert.tmpl.h -- dst[i] = src[i] from K_FROM to the wider K_TO. Define K_SUFFIX too.
 */
static void K_NAME(convert)(const void *src, void *dst, size_t n)
{
    const K_FROM *PS_RESTRICT from = src;
    K_TO *PS_RESTRICT to = dst;

    for (size_t i = 0; i < n; i++) to[i] = (K_TO)from[i];
}
#undef K_SUFFIX
#undef K_FROM
#undef K_TO
