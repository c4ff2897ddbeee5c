/* base/cpu.c -- the x86-64 level of this machine (System V psABI, microarchitecture levels). */
#include "base/cpu.h"

#include <stdatomic.h>
#include <stdlib.h>

#if defined(__x86_64__)
static int detect(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") ||
        !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("fma") ||
        !__builtin_cpu_supports("lzcnt"))
        return 2;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl"))
        return 3;
    return 4;
}
#else
static int detect(void) { return 0; }
#endif

int ps_cpu_level(void)
{
    /* -1: not looked at yet. Relaxed: every thread finds the same number. A fact of the machine,
     * not state. */
    static _Atomic int cached = -1;
    int level = atomic_load_explicit(&cached, memory_order_relaxed);

    if (level >= 0) return level;
    level = detect();
#ifdef PS_DEV
    const char *wanted = getenv("PS_CPU_LEVEL");
    if (wanted && wanted[0] >= '2' && wanted[0] <= '4' && !wanted[1])
        level = PS_MIN(level, wanted[0] - '0');
#endif
    atomic_store_explicit(&cached, level, memory_order_relaxed);
    return level;
}
