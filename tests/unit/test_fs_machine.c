/* tests/unit/test_fs_machine.c -- limits of control groups, from made-up files. */
#include "unit.h"

#include "fs/machine.h"
#include "base/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static int setup(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/ps_machine_XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

/* A file below the root, with its folders. */
static void put(const char *path, const char *text)
{
    char full[512];

    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')); at++) {
        *at = 0;
        mkdir(full, 0700);
        *at = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void nothing_known_is_the_machine(void **state)
{
    (void)state;
    const uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

    assert_int_equal(ps_machine_memory(root), all);
    assert_int_equal(ps_machine_cpus(root), ps_cpu_count());
    put("/proc/self/cgroup", "nonsense\n0::\n7:memory\n");
    assert_int_equal(ps_machine_memory(root), all);
    put("/proc/self/cgroup", "0::/a/b\n");
    put("/sys/fs/cgroup/a/b/memory.max", "max\n");
    put("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    assert_int_equal(ps_machine_memory(root), all);
    assert_int_equal(ps_machine_cpus(root), ps_cpu_count());
}

static void version_2_takes_the_lowest_on_the_way_up(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/a/b/c\n");
    put("/sys/fs/cgroup/a/b/c/memory.max", "max\n");
    put("/sys/fs/cgroup/a/b/memory.max", "67108864\n");
    put("/sys/fs/cgroup/a/memory.max", "134217728\n");
    assert_int_equal(ps_machine_memory(root), 67108864);
    put("/sys/fs/cgroup/a/b/c/memory.high", "50000000\n");
    assert_int_equal(ps_machine_memory(root), 50000000);
    put("/sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/a/cpu.max", "50000 100000\n");
    assert_int_equal(ps_machine_cpus(root), 1);
    /* in a container the path is the host's, the limits are the mount's */
    put("/proc/self/cgroup", "0::/docker/0123\n");
    put("/sys/fs/cgroup/memory.max", "33554432\n");
    put("/sys/fs/cgroup/cpu.max", "1000000000 100000\n");
    assert_int_equal(ps_machine_memory(root), 33554432);
    assert_int_equal(ps_machine_cpus(root), ps_cpu_count());
}

static void version_1_by_controller(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "11:cpu,cpuacct:/x/y\n9:memory:/x/y\n5:cpuset:/z\n0::/unused\n");
    put("/sys/fs/cgroup/memory/x/y/memory.limit_in_bytes", "9223372036854771712\n");
    put("/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "40000000\n");
    put("/sys/fs/cgroup/cpu/x/y/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu/x/y/cpu.cfs_period_us", "100000\n");
    assert_int_equal(ps_machine_memory(root), 40000000);
    assert_int_equal(ps_machine_cpus(root), ps_cpu_count());
    put("/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "30000\n");
    put("/sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
    assert_int_equal(ps_machine_cpus(root), 1);
    put("/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "130000\n"); /* rounded up */
    assert_int_equal(ps_machine_cpus(root), PS_MIN(2u, ps_cpu_count()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_known_is_the_machine, setup, teardown),
        cmocka_unit_test_setup_teardown(version_2_takes_the_lowest_on_the_way_up, setup, teardown),
        cmocka_unit_test_setup_teardown(version_1_by_controller, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
