/* base/cpu.h -- the x86-64 level of this machine, the one place that chooses kernels.
 *
 * A *.kern.c is compiled once per level and exports its table as ps_<x>_kernels_v2, _v3, _v4
 * (_v0 elsewhere); PS_CPU_PICK(ps_x_kernels) gives the address of the best one that runs here.
 * PS_CPU_LEVEL=2|3 in the environment of a dev build lowers the level, for tests. */
#ifndef PS_BASE_CPU_H
#define PS_BASE_CPU_H

#include "base/attr.h"

/* 2, 3 or 4; 0 off x86-64. Detected once. Any thread. */
int ps_cpu_level(void);

#if defined(__x86_64__)
#define PS_CPU_PICK(table)                                                                         \
    (ps_cpu_level() >= 4 ? &table##_v4 : ps_cpu_level() >= 3 ? &table##_v3 : &table##_v2)
#define PS_CPU_DECLARE(type, table) extern const type table##_v2, table##_v3, table##_v4
#else
#define PS_CPU_PICK(table)          (&table##_v0)
#define PS_CPU_DECLARE(type, table) extern const type table##_v0
#endif

#endif
