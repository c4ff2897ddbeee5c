/* tests/unit/test_fs_file.c -- reading, atomic writing, errors about paths; patterns. */
#include "unit.h"

#include "fs/file.h"
#include "fs/glob.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static ps_mem mem;
static ps_ctx cx;
static char dir[64];

static int setup(void **state)
{
    (void)state;
    ps_mem_init(&mem, NULL, "test", 0);
    ps_ctx_init(&cx, &mem, NULL);
    snprintf(dir, sizeof dir, "/tmp/ps_fs_XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    assert_int_equal(mem.used, 0);
    return system(command);
}

static ps_str in_dir(char *room, size_t n, const char *name)
{
    snprintf(room, n, "%s/%s", dir, name);
    return ps_str_of(room);
}

static void touch(const char *name)
{
    char room[256];
    ps_file_writer *w = NULL;
    assert_int_equal(ps_file_writer_open(&cx, in_dir(room, sizeof room, name), NULL, &w), PS_OK);
    assert_int_equal(ps_file_writer_add(&cx, w, name, strlen(name)), PS_OK);
    assert_int_equal(ps_file_writer_commit(&cx, w), PS_OK);
    ps_file_writer_free(w);
}

static void writes_appear_whole_or_not_at_all(void **state)
{
    char room[256], *bytes;
    size_t n;
    ps_file *f = NULL;
    ps_file_writer *w = NULL;
    const ps_str path = in_dir(room, sizeof room, "a.bin");
    (void)state;
    touch("a.bin");
    assert_int_equal(ps_file_writer_open(&cx, path, NULL, &w), PS_OK);
    for (int i = 0; i < 3000000; i += 8)
        assert_int_equal(ps_file_writer_add(&cx, w, "12345678", 8), PS_OK);
    ps_file_writer_free(w); /* abandoned */
    assert_int_equal(ps_file_open(&cx, path, &f), PS_OK);
    assert_int_equal(ps_file_read_all(&cx, f, &bytes, &n), PS_OK);
    assert_string_equal(bytes, "a.bin");
    assert_int_equal(f->id.size, n);
    assert_int_equal(ps_file_read(&cx, f, 3, bytes, 3), PS_DATA);
    ps_free(bytes);
    ps_file_free(f);
    assert_int_equal(ps_file_writer_open(&cx, ps_str_of(dir), NULL, &w), PS_IO);
    ps_str *paths;
    uint32_t n_paths;
    ps_arena arena = {0};
    const ps_str all[] = {in_dir(room, sizeof room, ".*")};
    assert_int_equal(ps_glob_expand(&cx, &arena, all, 1, &paths, &n_paths),
                     PS_IO); /* no temporary left */
    ps_arena_release(&arena);
}

static void a_full_device_is_its_own_error(void **state)
{
    (void)state;
    assert_int_equal(ps_file_fail(&cx, ENOSPC, "writing", PS_STR("x")), PS_DISK_FULL);
    assert_int_equal(ps_file_fail(&cx, EACCES, "writing", PS_STR("x")), PS_IO);
}

static void errors_name_what_is_near(void **state)
{
    char room[256];
    ps_file *f = NULL;
    (void)state;
    touch("lineitem.parquet");
    assert_int_equal(ps_file_open(&cx, in_dir(room, sizeof room, "linitem.parquet"), &f), PS_IO);
    assert_non_null(strstr(cx.error.message, "no such file"));
    assert_non_null(strstr(cx.error.hint, "lineitem.parquet"));
    assert_int_equal(ps_file_open(&cx, ps_str_of(dir), &f), PS_IO);
    assert_non_null(strstr(cx.error.message, "is a directory"));
    assert_int_equal(ps_file_open(&cx, in_dir(room, sizeof room, "no/such/x"), &f), PS_IO);
    assert_non_null(strstr(cx.error.hint, "there is no directory"));
}

static void patterns_match(void **state)
{
    static const struct {
        const char *pattern, *name;
        bool match;
    } cases[] = {
        {"*", "a.csv", true},
        {"*", ".a", false},
        {".*", ".a", true},
        {"*.csv", "a.csv", true},
        {"*.csv", "a.csvx", false},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"a?c",
         "a\xC3\xA4"
         "c",
         true},
        {"[a-c]x", "bx", true},
        {"[!a-c]x", "bx", false},
        {"[]]", "]", true},
        {"a*b*c", "aXbYbZc", true},
        {"a*b*c", "aXbYbZ", false},
        {"", "", true},
        {"**", "x", true},
        {"[a", "[a", true},
    };
    (void)state;
    for (size_t i = 0; i < PS_COUNT(cases); i++)
        assert_int_equal(ps_glob_match(ps_str_of(cases[i].pattern), ps_str_of(cases[i].name)),
                         cases[i].match);
}

static uint32_t count(const char *pattern)
{
    char room[256];
    ps_str *paths;
    uint32_t n = 0;
    ps_arena arena = {0};
    const ps_str one = in_dir(room, sizeof room, pattern);
    if (ps_glob_expand(&cx, &arena, &one, 1, &paths, &n) != PS_OK) n = 0;
    for (uint32_t i = 1; i < n; i++) assert_true(ps_str_compare(paths[i - 1], paths[i]) < 0);
    ps_arena_release(&arena);
    return n;
}

static void directories_are_walked(void **state)
{
    char room[256];
    (void)state;
    mkdir(in_dir(room, sizeof room, "y=1").at, 0777);
    mkdir(in_dir(room, sizeof room, "y=1/m").at, 0777);
    mkdir(in_dir(room, sizeof room, "y=2").at, 0777);
    touch("top.csv"), touch("y=1/a.csv"), touch("y=1/b.txt"), touch("y=1/m/c.csv"),
        touch("y=2/a.csv");
    assert_int_equal(count("*.csv"), 1);
    assert_int_equal(count("y=*/*.csv"), 2);
    assert_int_equal(count("**/*.csv"), 4);
    assert_int_equal(count("**"), 5);
    assert_int_equal(count("y=1/**/*.{csv,txt}"), 3);
    assert_int_equal(count("y={1,2}/a.csv"), 2);
    assert_int_equal(count("{top,{no,y=1/a}}.csv"), 2);
    assert_int_equal(count("y=1/a.csv"), 1);
    assert_int_equal(count("z*"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_appear_whole_or_not_at_all, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_device_is_its_own_error, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_name_what_is_near, setup, teardown),
        cmocka_unit_test_setup_teardown(patterns_match, setup, teardown),
        cmocka_unit_test_setup_teardown(directories_are_walked, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
