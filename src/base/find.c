/* base/find.c -- a piece of text in a text, 16 starts at a time.
 *
 * A start is looked at closely only when the needle's first and last byte are in place (Mula,
 * "SIMD-friendly algorithms for substring searching"). The worst case, a text of nearly all such
 * starts, goes to memmem, which is linear. Tests: tests/unit/test_func_eval.c */
#include "base/find.h"

#include <string.h>

#if defined(__SSE2__)

typedef char bytes16 __attribute__((vector_size(16), aligned(1), may_alias));
enum { STARTS = 16, FALSE_STARTS_MAX = 64 };

/* Starts of 16 places whose first and last byte fit. */
static unsigned starts_at(const char *at, size_t m, bytes16 first, bytes16 last)
{
    const bytes16 a = *(const bytes16 *)(const void *)at,
                  b = *(const bytes16 *)(const void *)(at + m - 1);
    return (unsigned)__builtin_ia32_pmovmskb128(
        (__attribute__((vector_size(16))) char)((a == first) & (b == last)));
}

static const char *find_long(const char *hay, size_t n, const char *needle, size_t m)
{
    const bytes16 first = (bytes16){0} + needle[0], last = (bytes16){0} + needle[m - 1];
    const size_t n_starts = n - m + 1;
    int false_starts = 0;

    for (size_t i = 0;;
         i = i + 2 * STARTS > n_starts && i + STARTS < n_starts ? n_starts - STARTS : i + STARTS) {
        if (i + STARTS > n_starts) return NULL;
        unsigned mask = starts_at(hay + i, m, first, last);
        for (; mask; mask &= mask - 1) {
            const char *at = hay + i + (unsigned)__builtin_ctz(mask);
            if (memcmp(at, needle, m) == 0) return at;
            if (++false_starts > FALSE_STARTS_MAX)
                return memmem(at, (size_t)(hay + n - at), needle, m);
        }
    }
}
#endif

const char *ps_find(const char *hay, size_t n, const char *needle, size_t m)
{
    if (m == 0) return hay;
    if (m > n) return NULL;
    if (m == 1) return memchr(hay, needle[0], n);
#if defined(__SSE2__)
    if (n - m + 1 >= STARTS) return find_long(hay, n, needle, m);
    for (size_t i = 0; i + m <= n; i++)
        if (hay[i] == needle[0] && memcmp(hay + i, needle, m) == 0) return hay + i;
    return NULL;
#else
    return memmem(hay, n, needle, m);
#endif
}
