/* tests/runner/main.c -- slt [OPTION]... PATH...: plays .test files through the public library.
 *
 * Every file is played once for each configuration, each time by a child process of its own, so
 * that a crash, a leak or a hang is one failure and the others go on. A file is one case: it
 * passes if all of its records do. See tests/README.md for the syntax and the options. */
#include "jobs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what to play */

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_path(runner *r, const char *path)
{
    r->paths = pool_grow(&r->p, r->paths, r->n_paths, sizeof *r->paths);
    r->paths[r->n_paths++] = pool_copy(&r->p, path, strlen(path));
}

/* A file, or every .test file below a folder. */
static bool collect(runner *r, const char *path, int depth)
{
    struct stat st;
    struct dirent *entry;

    if (stat(path, &st) != 0) {
        fprintf(stderr, "slt: %s: %s\n", path, strerror(errno));
        return false;
    }
    if (!S_ISDIR(st.st_mode)) {
        add_path(r, path);
        return true;
    }
    DIR *dir = depth < 16 ? opendir(path) : NULL;
    if (!dir) return false;
    while ((entry = readdir(dir))) {
        const size_t n = strlen(entry->d_name);
        text child = {0};

        if (entry->d_name[0] == '.') continue;
        text_printf(&child, "%s/%s", path, entry->d_name);
        if (stat(child.at, &st) == 0 && S_ISDIR(st.st_mode)) collect(r, child.at, depth + 1);
        else if (n > 5 && strcmp(entry->d_name + n - 5, ".test") == 0) add_path(r, child.at);
        text_release(&child);
    }
    closedir(dir);
    return true;
}

/* ---- the command line */

static const char usage[] =
    "usage: slt [OPTION]... PATH...\n"
    "  --config FILE        settings that are made first (more than once: each in turn)\n"
    "  --jobs N             files at a time\n"
    "  --timeout SECONDS    for one file (default 300)\n"
    "  --sqlite             formats of SQLite's sqllogictest corpus\n"
    "  --pass-percent N     fails below this rate of records, or with any wrong result\n"
    "  --counts FILE        writes `passed failed skipped` there\n"
    "  --torture some|all   fails one allocation of each statement after the other: each run must\n"
    "                       end in a clean error (a library with assertions; some: with steps)\n"
    "  --faults             with --torture: system calls on files fail instead, and blocks of\n"
    "                       temporary files come back damaged\n"
    "  --verbose            also what passed\n"
    "UPDATE=1 in the environment rewrites the expectations of failing records.\n";

static bool add_config(runner *r, const char *path)
{
    configuration *config = pool_alloc(&r->p, sizeof *config);
    char *why = NULL;

    if (r->opt.n_configs == CONFIGS_MAX) return false;
    if (!configuration_read(&r->p, path, config, &why)) {
        fprintf(stderr, "slt: %s: %s\n", path, why);
        return false;
    }
    r->opt.configs[r->opt.n_configs++] = config;
    return true;
}

static bool number_option(const char *value, long min, long max, long *out)
{
    return value && text_number(value, strlen(value), out) && *out >= min && *out <= max;
}

static bool parse_option(runner *r, const char *name, const char *value, bool *took_value)
{
    *took_value = true;
    if (strcmp(name, "--config") == 0) return value && add_config(r, value);
    if (strcmp(name, "--jobs") == 0) return number_option(value, 1, JOBS_MAX, &r->opt.jobs);
    if (strcmp(name, "--timeout") == 0) return number_option(value, 1, 86400, &r->opt.timeout_s);
    if (strcmp(name, "--pass-percent") == 0)
        return number_option(value, 1, 100, &r->opt.pass_percent);
    if (strcmp(name, "--counts") == 0) {
        r->opt.counts = value;
        return value != NULL;
    }
    if (strcmp(name, "--torture") == 0) {
        r->opt.play.torture = value && strcmp(value, "all") == 0 ? TORTURE_ALL : TORTURE_SOME;
        return value && (r->opt.play.torture == TORTURE_ALL || strcmp(value, "some") == 0);
    }
    *took_value = false;
    if (strcmp(name, "--sqlite") == 0) r->opt.play.sqlite = true;
    else if (strcmp(name, "--faults") == 0) r->opt.play.io = true;
    else if (strcmp(name, "--verbose") == 0) r->opt.play.verbose = true;
    else return false;
    return true;
}

static bool parse_arguments(runner *r, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        bool took_value = false;

        if (strncmp(argv[i], "--", 2) != 0) {
            if (!collect(r, argv[i], 0)) return false;
        } else if (!parse_option(r, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &took_value)) {
            fputs(usage, stderr);
            return false;
        }
        i += took_value;
    }
    if (r->n_paths) qsort(r->paths, r->n_paths, sizeof *r->paths, compare_paths);
    return true;
}

static int report(runner *r, double seconds)
{
    totals *sum = &r->sum;
    const tally *t = &sum->records;
    const long judged = t->passed + t->failed;
    const double rate = judged ? 100.0 * (double)t->passed / (double)judged : 100.0;

    if (r->opt.pass_percent) {
        if (rate < (double)r->opt.pass_percent) sum->failed++;
        else sum->passed++;
    }
    printf("records: %ld of %ld pass (%.2f %%), %ld wrong, %ld wrong after a failed statement, "
           "%ld not supported, %ld guarded\n",
           t->passed, judged, rate, t->wrong, t->tainted, t->unsupported, t->skipped);
    if (r->opt.play.torture)
        printf("sweeps: %ld runs with a failing %s, %ld ended in its error\n", t->runs,
               r->opt.play.io ? "system call" : "allocation", t->faulty);
    printf("files: %ld passed, %ld failed, %ld skipped in %.1f s\n", sum->passed, sum->failed,
           sum->skipped, seconds);
    if (r->opt.counts) {
        text line = {0};

        text_printf(&line, "%ld %ld %ld\n", sum->passed, sum->failed, sum->skipped);
        if (!text_write_file(r->opt.counts, &line)) sum->failed++;
        text_release(&line);
    }
    return sum->failed ? 1 : 0;
}

int main(int argc, char **argv)
{
    runner r = {.opt = {.jobs = 1, .timeout_s = 300}};
    const char *update = getenv("UPDATE");
    char *cwd = getcwd(NULL, 0);
    const double started = now_s();
    configuration plain = {0};
    int code = 2;

    r.opt.play.root = cwd ? cwd : ".";
    r.opt.play.update = update && strcmp(update, "1") == 0;
    if (parse_arguments(&r, argc, argv) && r.n_paths) {
        if (r.opt.n_configs == 0) {
            plain.name = pool_copy(&r.p, "default", 7);
            r.opt.configs[r.opt.n_configs++] = &plain;
        }
        run_all(&r);
        code = report(&r, now_s() - started);
    } else if (r.n_paths == 0) {
        fputs("slt: nothing to play\n", stderr);
    }
    pool_release(&r.p);
    free(cwd);
    return code;
}
