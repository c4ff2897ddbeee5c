/* fs/machine.h -- what this process may use: memory and processors of the machine, of its control
 * group and of those around it. Read when asked; any thread. */
#ifndef PS_FS_MACHINE_H
#define PS_FS_MACHINE_H

#include "base/attr.h"
#include "penstock.h"

/* Bytes: the machine's memory or the lowest limit of a control group; 0: not known.
 * @param root  "" for the system's files; a folder with copies of them for tests */
uint64_t ps_machine_memory(const char *root);
/* Processors: those of the affinity mask, or fewer where a control group has a quota (rounded up);
 * at least 1. */
uint32_t ps_machine_cpus(const char *root);

#endif
