/* tests/unit/test_fs_stage.c -- directories that appear whole, leftovers, lists of jobs. */
#include "unit.h"

#include "fs/file.h"
#include "fs/job.h"
#include "fs/place.h"
#include "fs/stage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
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
    snprintf(dir, sizeof dir, "/tmp/ps_stage_XXXXXX");
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

/* A path below the test's directory; two may be in use at a time. */
static const char *at(const char *name)
{
    static char rooms[4][256];
    static int next;
    char *room = rooms[next++ % 4];
    snprintf(room, sizeof rooms[0], "%s/%s", dir, name);
    return room;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(at(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static bool is_there(const char *name)
{
    struct stat info;
    return lstat(at(name), &info) == 0;
}

/* Entries of the test's directory but "." and "..". */
static int n_entries(const char *name)
{
    DIR *d = opendir(at(name));
    int n = -2;
    assert_non_null(d);
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static void stage_put(ps_stage *stage, const char *name)
{
    ps_file_writer *w = NULL;
    assert_int_equal(ps_file_writer_open(&cx, ps_str_of(name), stage, &w), PS_OK);
    assert_int_equal(ps_file_writer_add(&cx, w, name, strlen(name)), PS_OK);
    assert_int_equal(ps_file_writer_commit(&cx, w), PS_OK);
    ps_file_writer_free(w);
}

static ps_status write_in(ps_stage_mode mode, const char *const *names, int n, bool exchange)
{
    ps_stage *stage = NULL;
    PS_TRY(ps_stage_open(&cx, ps_str_of(at("d")), mode, &stage));
    if (!exchange) ps_stage_forbid_exchange(stage);
    for (int i = 0; i < n; i++) stage_put(stage, names[i]);
    const ps_status st = ps_stage_commit(&cx, stage);
    ps_stage_free(stage);
    return st;
}

static void directories_appear_whole(void **state)
{
    const char *const first[] = {"a=1/x", "a=2/x", "y"}, *const second[] = {"a=3/z"};
    ps_stage *stage = NULL;
    (void)state;
    assert_int_equal(ps_stage_open(&cx, ps_str_of(at("d/")), PS_STAGE_NEW, &stage), PS_OK);
    stage_put(stage, "a=1/x");
    assert_false(is_there("d"));
    ps_stage_free(stage); /* abandoned */
    assert_int_equal(n_entries("."), 0);
    for (int exchange = 0; exchange < 2; exchange++) {
        assert_int_equal(write_in(PS_STAGE_OVERWRITE, first, 3, exchange), PS_OK);
        assert_true(is_there("d/a=1/x") && is_there("d/a=2/x") && is_there("d/y"));
        assert_int_equal(write_in(PS_STAGE_NEW, second, 1, exchange), PS_EXISTS);
        ps_ctx_clear(&cx);
        assert_true(!is_there("d/a=3") && is_there("d/y"));
        assert_int_equal(write_in(PS_STAGE_APPEND, second, 1, exchange), PS_OK);
        assert_true(is_there("d/a=1/x") && is_there("d/a=3/z"));
        assert_int_equal(write_in(PS_STAGE_OVERWRITE, second, 1, exchange), PS_OK);
        assert_true(!is_there("d/a=1") && is_there("d/a=3/z"));
        assert_int_equal(n_entries("d"), 1);
        assert_int_equal(n_entries("."), 1);
    }
}

static void an_empty_directory_is_no_obstacle_but_a_late_file_is(void **state)
{
    ps_stage *stage = NULL;
    (void)state;
    assert_int_equal(mkdir(at("d"), 0750), 0);
    assert_int_equal(ps_stage_open(&cx, ps_str_of(at("d")), PS_STAGE_NEW, &stage), PS_OK);
    stage_put(stage, "x");
    put("d/other", "");
    assert_int_equal(ps_stage_commit(&cx, stage), PS_EXISTS);
    ps_stage_free(stage);
    ps_ctx_clear(&cx);
    assert_true(is_there("d/other") && !is_there("d/x"));
    unlink(at("d/other"));
    const char *const names[] = {"x"};
    assert_int_equal(write_in(PS_STAGE_NEW, names, 1, true), PS_OK);
    struct stat info;
    assert_int_equal(stat(at("d"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0750);
    assert_int_equal(n_entries("."), 1);
}

static void permissions_of_a_replaced_file_stay(void **state)
{
    ps_file_writer *w = NULL;
    struct stat info;
    (void)state;
    put("f", "old");
    chmod(at("f"), 0640);
    assert_int_equal(symlink(at("f"), at("link")), 0);
    assert_int_equal(ps_file_writer_open(&cx, ps_str_of(at("link")), NULL, &w), PS_OK);
    assert_int_equal(ps_file_writer_add(&cx, w, "new!", 4), PS_OK);
    assert_int_equal(ps_file_writer_commit(&cx, w), PS_OK);
    ps_file_writer_free(w);
    assert_int_equal(lstat(at("link"), &info), 0);
    assert_true(S_ISLNK(info.st_mode)); /* what it stands for was replaced */
    assert_int_equal(stat(at("f"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_int_equal(info.st_size, 4);
}

/* ---- leftovers ---- */

static void sweep_of(const char *name)
{
    ps_arena arena = {0};
    ps_place place;
    assert_int_equal(ps_place_init(&cx, &arena, ps_str_of(at(name)), &place), PS_OK);
    assert_int_equal(ps_place_sweep(&cx, &place), PS_OK);
    ps_arena_release(&arena);
}

static void what_dead_writers_left_is_removed(void **state)
{
    (void)state;
    put(".f.0123456789abcdef.penstock", "half");
    put(".f.lock.penstock", "");
    mkdir(at(".f.00000000000000aa.penstock"), 0777); /* between directory and lock */
    mkdir(at(".f.00000000000000ab.penstock"), 0777);
    put(".f.00000000000000ab.penstock/lock", "");
    mkdir(at(".f.00000000000000ab.penstock/new"), 0777);
    put(".f.00000000000000ab.penstock/new/x", "half");
    sweep_of("f");
    assert_int_equal(n_entries("."), 0);
}

static void what_is_not_ours_stays(void **state)
{
    static const char *const names[] = {"f.0123456789abcdef.penstock",
                                        ".f.0123456789abcdef.tmp",
                                        ".f.0123456789abcde.penstock",
                                        ".f.0123456789abcdeg.penstock",
                                        ".f.g.0123456789abcdef.penstock",
                                        ".0123456789abcdef.penstock",
                                        ".f.penstock",
                                        ".ff.0123456789abcdef.penstock"};
    (void)state;
    for (size_t i = 0; i < PS_COUNT(names); i++) put(names[i], "");
    mkdir(at(".f.0123456789abcdef.penstock"), 0777); /* has things, but no lock of ours */
    put(".f.0123456789abcdef.penstock/x", "");
    sweep_of("f");
    assert_int_equal(n_entries("."), PS_COUNT(names) + 1);
}

static void live_writers_keep_theirs(void **state)
{
    ps_file_writer *a = NULL, *b = NULL;
    ps_stage *c = NULL, *d = NULL;
    const char *const names[] = {"x"};
    (void)state;
    assert_int_equal(ps_file_writer_open(&cx, ps_str_of(at("f")), NULL, &a), PS_OK);
    assert_int_equal(ps_file_writer_open(&cx, ps_str_of(at("f")), NULL, &b), PS_OK);
    assert_int_equal(ps_stage_open(&cx, ps_str_of(at("d")), PS_STAGE_OVERWRITE, &c), PS_OK);
    assert_int_equal(ps_stage_open(&cx, ps_str_of(at("d")), PS_STAGE_OVERWRITE, &d), PS_OK);
    assert_int_equal(n_entries("."), 4);
    assert_int_equal(write_in(PS_STAGE_NEW, names, 1, true), PS_OK);
    assert_int_equal(ps_file_writer_commit(&cx, a), PS_OK);
    assert_int_equal(ps_file_writer_commit(&cx, b), PS_OK);
    assert_int_equal(ps_stage_commit(&cx, c), PS_OK);
    assert_int_equal(ps_stage_commit(&cx, d), PS_OK);
    ps_file_writer_free(a);
    ps_file_writer_free(b);
    ps_stage_free(c);
    ps_stage_free(d);
    assert_int_equal(n_entries("."), 2);
}

/* Killed between the two renames of an exchange in steps: the new directory was complete. */
static void an_interrupted_exchange_is_completed(void **state)
{
    (void)state;
    mkdir(at(".d.00000000000000ab.penstock"), 0777);
    put(".d.00000000000000ab.penstock/lock", "");
    mkdir(at(".d.00000000000000ab.penstock/new"), 0777);
    put(".d.00000000000000ab.penstock/new/new", "");
    mkdir(at(".d.00000000000000ab.penstock/old"), 0777);
    put(".d.00000000000000ab.penstock/old/old", "");
    const int fd = open(at(".d.00000000000000ab.penstock/lock"), O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    sweep_of("d"); /* it lives */
    assert_false(is_there("d"));
    close(fd);
    sweep_of("d");
    assert_true(is_there("d/new"));
    assert_int_equal(n_entries("."), 1);
}

/* ---- jobs ---- */

static ps_status job_open(uint64_t identity, ps_job **job)
{
    return ps_job_open(&cx, ps_str_of(at("d")), PS_STR("j"), (ps_hash128){identity, 7}, false, job);
}

static void a_job_goes_on_after_its_last_file(void **state)
{
    ps_job *job = NULL, *again = NULL;
    (void)state;
    assert_int_equal(job_open(1, &job), PS_OK);
    const uint64_t id = ps_job_id(job);
    put("d/x", "");
    put("d/y z", "");
    assert_int_equal(ps_job_add(&cx, job, PS_STR("x"), 10), PS_OK);
    assert_int_equal(ps_job_add(&cx, job, PS_STR("y z"), 5), PS_OK);
    assert_int_equal(job_open(1, &again), PS_EXISTS); /* it runs */
    assert_non_null(strstr(cx.error.message, "is writing"));
    const char *const names[] = {"w"};
    assert_int_equal(write_in(PS_STAGE_APPEND, names, 1, true), PS_EXISTS);
    ps_job_free(job);
    FILE *list = fopen(at("d/.j.job.penstock"), "a"); /* a line that was cut off */
    fputs("00000000 file 1000000 zz", list);
    fclose(list);
    assert_int_equal(job_open(2, &job), PS_EXISTS);
    assert_non_null(strstr(cx.error.message, "another query"));
    assert_int_equal(write_in(PS_STAGE_APPEND, names, 1, true),
                     PS_OK); /* it takes the list along */
    assert_int_equal(job_open(1, &job), PS_OK);
    assert_int_equal(ps_job_id(job), id);
    assert_int_equal(ps_job_rows(job), 15);
    assert_int_equal(ps_job_files(job), 2);
    assert_false(ps_job_is_done(job));
    assert_int_equal(ps_job_finish(&cx, job), PS_OK);
    ps_job_free(job);
    assert_int_equal(job_open(1, &job), PS_OK);
    assert_true(ps_job_is_done(job));
    assert_int_equal(ps_job_rows(job), 15);
    ps_job_free(job);
    unlink(at("d/x"));
    assert_int_equal(job_open(1, &job), PS_IO);
    ps_ctx_clear(&cx);
}

static void a_list_that_was_damaged_counts_to_the_damage(void **state)
{
    ps_job *job = NULL;
    char text[512];
    (void)state;
    assert_int_equal(job_open(1, &job), PS_OK);
    put("d/x", "");
    for (int i = 0; i < 3; i++) assert_int_equal(ps_job_add(&cx, job, PS_STR("x"), 1), PS_OK);
    ps_job_free(job);
    FILE *list = fopen(at("d/.j.job.penstock"), "r+");
    const size_t n = fread(text, 1, sizeof text, list);
    char *second = memchr(text, '\n', n);
    second = memchr(second + 1, '\n', n);
    fseek(list, second + 10 - text, SEEK_SET);
    fputc('#', list);
    fclose(list);
    assert_int_equal(job_open(1, &job), PS_OK);
    assert_int_equal(ps_job_rows(job), 1);
    ps_job_free(job);
    put("d/.j.job.penstock", "");
    assert_int_equal(job_open(5, &job), PS_OK); /* killed before it had begun: any job may */
    assert_int_equal(ps_job_rows(job), 0);
    ps_job_free(job);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(directories_appear_whole),
        T(an_empty_directory_is_no_obstacle_but_a_late_file_is),
        T(permissions_of_a_replaced_file_stay),
        T(what_dead_writers_left_is_removed),
        T(what_is_not_ours_stays),
        T(live_writers_keep_theirs),
        T(an_interrupted_exchange_is_completed),
        T(a_job_goes_on_after_its_last_file),
        T(a_list_that_was_damaged_counts_to_the_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
