/* tests/runner/lost.h -- what a process holds that a failed statement must give back. */
#ifndef RUNNER_LOST_H
#define RUNNER_LOST_H

#include <stdbool.h>
#include <stdint.h>

/* Open file descriptors of this process. */
long lost_descriptors(void);
/* Threads of this process. */
long lost_threads(void);
/* Takes temporary files (names that begin with a dot) out of a folder and those in it; how many. */
long lost_leftovers(const char *path);
/* A number over the names, sizes, inodes and times of the files of a folder and those in it: equal
 * while nobody writes there. */
uint64_t lost_folder(const char *path);
/* Memory that nothing points to any more, told on stderr; false without the leak checker. */
bool lost_memory(void);

#endif
