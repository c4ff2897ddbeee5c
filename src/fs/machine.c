/* fs/machine.c -- limits of control groups, version 1 and 2 (man 7 cgroups; the kernel's
 * admin-guide/cgroup-v2).
 *
 * /proc/self/cgroup names the process's group in each hierarchy. Its limits and those of every
 * group around it hold, so the lowest counts. In a container that path is the host's, which the
 * container doesn't see: what is there of it is read, and the mount's root, which is the
 * container's own group, in any case. memory.high counts as a limit: above it the kernel slows a
 * group down until it stands still. Tests: tests/unit/test_fs_machine.c */
#include "fs/machine.h"

#include "base/thread.h"
#include "fs/sys.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 + 256, GROUPS_BYTES = 16 << 10 };

/* Below this a limit says "none", in the kernel's way: a huge number. */
static const uint64_t BYTES_NONE = (uint64_t)1 << 60;

typedef struct limits {
    const char *root;
    uint64_t memory; /* UINT64_MAX: none */
    double cpus;     /* 0: none */
} limits;

/* The text of a small file, cut at room; false: it can't be read. */
static bool read_text(const char *root, const char *folder, const char *name, char *out,
                      size_t room)
{
    char path[PATH_BYTES];
    const int n = snprintf(path, sizeof path, "%s%s/%s", root, folder, name);
    const int fd =
        n > 0 && (size_t)n < sizeof path ? ps_sys_open(path, O_RDONLY | O_CLOEXEC, 0) : -1;

    if (fd < 0) return false;
    const ssize_t got = ps_sys_pread(fd, out, room - 1, 0);
    ps_sys_close(fd);
    out[got > 0 ? got : 0] = 0;
    return got > 0;
}

static bool read_in(const limits *l, const char *folder, const char *name, char *out, size_t room)
{
    return read_text(l->root, folder, name, out, room);
}

static void memory_limit(limits *l, const char *folder, const char *name)
{
    char line[64];
    char *end;

    if (!read_in(l, folder, name, line, sizeof line)) return;
    const uint64_t bytes = strtoull(line, &end, 10); /* "max": no digits */
    if (end != line && bytes > 0 && bytes < BYTES_NONE) l->memory = PS_MIN(l->memory, bytes);
}

static void cpu_limit(limits *l, double quota, double period)
{
    if (!(quota > 0) || !(period > 0)) return;
    const double cpus = quota / period;
    if (l->cpus == 0 || cpus < l->cpus) l->cpus = cpus;
}

static void group_v2(limits *l, const char *folder)
{
    char line[128];
    char *end;

    memory_limit(l, folder, "memory.max");
    memory_limit(l, folder, "memory.high");
    if (!read_in(l, folder, "cpu.max", line, sizeof line)) return;
    const double quota = strtod(line, &end);
    if (end != line) cpu_limit(l, quota, strtod(end, NULL));
}

static void memory_v1(limits *l, const char *folder)
{
    memory_limit(l, folder, "memory.limit_in_bytes");
}

static void cpu_v1(limits *l, const char *folder)
{
    char quota[64], period[64];

    if (read_in(l, folder, "cpu.cfs_quota_us", quota, sizeof quota) && /* -1: none */
        read_in(l, folder, "cpu.cfs_period_us", period, sizeof period))
        cpu_limit(l, strtod(quota, NULL), strtod(period, NULL));
}

/* Reads the group at mount + path and all around it, the mount's root last. */
static void walk(limits *l, const char *mount, const char *path,
                 void (*group)(limits *, const char *))
{
    char folder[PATH_BYTES];
    const int wrote = snprintf(folder, sizeof folder, "%s%s", mount, path);
    size_t n = (size_t)wrote;

    if (wrote < 0 || n >= sizeof folder) return;
    for (;;) {
        while (n > strlen(mount) && folder[n - 1] == '/') folder[--n] = 0;
        group(l, folder);
        if (n <= strlen(mount)) return;
        while (n > strlen(mount) && folder[n - 1] != '/') folder[--n] = 0;
    }
}

static bool has_controller(const char *list, const char *name)
{
    const size_t n = strlen(name);

    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, n) == 0 && (at[n] == 0 || at[n] == ',')) return true;
    }
    return false;
}

/* A line of /proc/self/cgroup: number:controllers:path; version 2 has no controllers. */
static void read_hierarchy(limits *l, char *line)
{
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;

    if (!path) return;
    *path++ = 0;
    controllers++;
    if (*controllers == 0) {
        walk(l, "/sys/fs/cgroup", path, group_v2);
        walk(l, "/sys/fs/cgroup/unified", path, group_v2);
    }
    if (has_controller(controllers, "memory")) walk(l, "/sys/fs/cgroup/memory", path, memory_v1);
    if (has_controller(controllers, "cpu")) walk(l, "/sys/fs/cgroup/cpu", path, cpu_v1);
}

static limits read_limits(const char *root)
{
    limits l = {.root = root, .memory = UINT64_MAX};
    char text[GROUPS_BYTES];

    if (!read_text(root, "/proc/self", "cgroup", text, sizeof text)) return l;
    for (char *line = text; line;) {
        char *const end = strchr(line, '\n');

        if (end) *end = 0;
        read_hierarchy(&l, line);
        line = end ? end + 1 : NULL;
    }
    return l;
}

uint64_t ps_machine_memory(const char *root)
{
    const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    const uint64_t group = read_limits(root).memory;

    if (pages <= 0 || bytes <= 0) return group == UINT64_MAX ? 0 : group;
    return PS_MIN(group, (uint64_t)pages * (uint64_t)bytes);
}

uint32_t ps_machine_cpus(const char *root)
{
    const uint32_t all = ps_cpu_count();
    const double quota = read_limits(root).cpus;

    if (quota == 0 || quota >= all) return all;
    const uint32_t whole = (uint32_t)quota;
    return PS_MAX(whole + (whole < quota), 1u);
}
