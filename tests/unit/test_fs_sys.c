/* tests/unit/test_fs_sys.c -- system calls that fail on purpose: which one, how often, and what of
 * it callers see. */
#include "unit.h"

#include "base/mem.h"
#include "fs/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static ps_ctx cx;
static char dir[] = "/tmp/ps_sys_XXXXXX";

static void set(const char *fault) { ps_sys_fault_set(ps_str_of(fault)); }

static void expect(const char *text)
{
    char now[64];

    ps_sys_fault_get(now, sizeof now);
    assert_string_equal(now, text);
}

static int file_open(void)
{
    char path[64];

    snprintf(path, sizeof path, "%s/f", dir);
    const int fd = ps_sys_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) assert_int_equal(unlink(path), 0);
    return fd;
}

static void the_nth_call_fails_once_or_from_then_on(void **state)
{
    struct stat info;
    (void)state;
    for (int all = 0; all < 2; all++) {
        set(all ? "EIO 3 all" : "EIO 3");
        expect(all ? "EIO 3 all" : "EIO 3");
        const int fd = file_open();
        assert_int_equal(ps_sys_pwrite(fd, "abcd", 4, 0), 4);
        expect(all ? "EIO 1 all" : "EIO 1");
        assert_int_equal(ps_sys_fsync(fd), -1);
        assert_int_equal(errno, EIO);
        expect(all ? "EIO 0 all fsync" : "EIO 0 fsync");
        assert_int_equal(ps_sys_fstat(fd, &info), all ? -1 : 0);
        assert_int_equal(ps_sys_close(fd), all ? -1 : 0);
        assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed all the same */
        set("");
        expect("");
    }
}

static void interruptions_are_invisible(void **state)
{
    static const char *const faults[] = {"EINTR 1", "EINTR 3", "EINTR 1 all", "EINTR 2 all"};
    char bytes[8];
    struct stat info;
    (void)state;
    for (size_t f = 0; f < PS_COUNT(faults); f++) {
        set(faults[f]);
        const int fd = file_open();
        assert_true(fd >= 0);
        assert_int_equal(ps_sys_write(fd, "abcdefgh", 8), 8);
        assert_int_equal(ps_sys_pread(fd, bytes, 8, 0), 8);
        assert_memory_equal(bytes, "abcdefgh", 8);
        assert_int_equal(ps_sys_fstat(fd, &info), 0);
        assert_int_equal(ps_sys_random(bytes, 8), 0);
        DIR *d = ps_sys_opendir(dir);
        assert_non_null(d);
        int n = 0;
        while (ps_sys_readdir(d)) n++;
        assert_int_equal(errno, 0);
        assert_int_equal(n, 2);
        ps_sys_closedir(d);
        assert_int_equal(ps_sys_close(fd), 0);
        set("");
    }
}

static void short_ones_move_half(void **state)
{
    char bytes[8];
    (void)state;
    set("SHORT 2");
    const int fd = file_open();
    assert_int_equal(ps_sys_pwrite(fd, "abcdefgh", 8, 0), 8);
    assert_int_equal(ps_sys_pread(fd, bytes, 8, 0), 4);
    assert_int_equal(ps_sys_pread(fd, bytes, 8, 0), 8);
    expect("SHORT 0 read");
    assert_int_equal(ps_sys_close(fd), 0);
    set("");
}

static void blocks_are_damaged_in_three_ways(void **state)
{
    static const char *const faults[] = {"FLIP 1", "ZERO 1", "CUT 1"};
    (void)state;
    for (int f = 0; f < 3; f++) {
        char bytes[16];
        int bits = 0;

        memset(bytes, 'x', sizeof bytes);
        set(faults[f]);
        const size_t n = ps_sys_spoil(bytes, sizeof bytes);
        for (int i = 0; i < 16; i++) bits += __builtin_popcount((unsigned)(bytes[i] ^ 'x') & 255);
        assert_int_equal(bits, f == 0 ? 1 : f == 1 ? 16 * __builtin_popcount('x') : 0);
        assert_true(f == 2 ? n < 16 : n == 16);
        assert_int_equal(ps_sys_spoil(bytes, sizeof bytes), sizeof bytes); /* once */
        set("");
    }
}

static void what_is_no_fault_is_refused(void **state)
{
    static const char *const bad[] = {
        "EIO",        "EIO 0", "EXYZ 1",
        "EIO 1 some", "1",     "EIO 1 all and a text that is longer than any fault is ever to be"};
    (void)state;
    for (size_t b = 0; b < PS_COUNT(bad); b++) {
        assert_int_equal(ps_sys_fault_check(&cx, ps_str_of(bad[b])), PS_INVALID);
        set(bad[b]);
        expect("");
    }
    assert_int_equal(ps_sys_fault_check(&cx, ps_str_of("CUT 7 all")), PS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nth_call_fails_once_or_from_then_on),
        cmocka_unit_test(interruptions_are_invisible),
        cmocka_unit_test(short_ones_move_half),
        cmocka_unit_test(blocks_are_damaged_in_three_ways),
        cmocka_unit_test(what_is_no_fault_is_refused),
    };
    ps_ctx_init(&cx, NULL, NULL);
    if (!mkdtemp(dir)) return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(dir);
    return failed;
}
