/* base/attr.h -- compiler attributes and assertions; the only place that knows the compiler.
 *
 * PS_ASSERT states what the code relies on: checked in dev builds, an assumption's
 * documentation in release. A broken promise of a caller outside this library is never
 * an assertion: that is an error (base/ctx.h). */
#ifndef PS_BASE_ATTR_H
#define PS_BASE_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PS_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define PS_UNUSED                     __attribute__((unused))
#define PS_INLINE                     static inline __attribute__((always_inline))
#define PS_NOINLINE                   __attribute__((noinline))
#define PS_COLD                       __attribute__((cold, noinline))
#define PS_RESTRICT                   restrict
#define PS_ALIGNED(n)                 __attribute__((aligned(n)))
#define PS_LIKELY(x)                  __builtin_expect(!!(x), 1)
#define PS_UNLIKELY(x)                __builtin_expect(!!(x), 0)
#define PS_PREFETCH(p)                __builtin_prefetch(p)
/* The body of a loop template: inlined into each wrapper with constant arguments (zstd's way). */
#define PS_TEMPLATE      inline __attribute__((always_inline, unused))
#define PS_CAT_(a, b)    a##b
#define PS_CAT(a, b)     PS_CAT_(a, b)
#define PS_COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define PS_MIN(a, b)     ((a) < (b) ? (a) : (b))
#define PS_MAX(a, b)     ((a) > (b) ? (a) : (b))
#define PS_STATIC_ASSERT _Static_assert
/* The enclosing structure of a member. */
#define PS_CONTAINER(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

typedef __int128 ps_i128;
typedef unsigned __int128 ps_u128;

#ifdef PS_DEV
void ps_assert_failed(const char *expression, const char *file, int line)
    __attribute__((noreturn, cold));
#define PS_ASSERT(expression)                                                                      \
    (PS_LIKELY(expression) ? (void)0 : ps_assert_failed(#expression, __FILE__, __LINE__))
#else
#define PS_ASSERT(expression) ((void)sizeof(!(expression)))
#endif

#endif
