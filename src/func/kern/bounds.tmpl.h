/* func/kern/bounds.tmpl.h -- least and greatest of n > 0 slots of K_T. Define K_SUFFIX and K_T. */
static void K_NAME(bounds)(const void *src, size_t n, int64_t *lo, int64_t *hi)
{
    const K_T *x = src;
    K_T least = x[0], most = x[0];

    for (size_t i = 1; i < n; i++) {
        least = x[i] < least ? x[i] : least;
        most = x[i] > most ? x[i] : most;
    }
    *lo = (int64_t)least, *hi = (int64_t)most;
}
#undef K_SUFFIX
#undef K_T
