/* tests/runner/main.c -- slt [OPTION]... PATH...: plays .test files through the public library.
 *
 * Every file is played once for each configuration, each time by a child process of its own, so
 * that a crash, a leak or a hang is one failure and the others go on. A file is one case: it
 * passes if all of its records do. See tests/README.md for the syntax and the options. */
#include "play.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <dirent.h>

enum { JOBS_MAX = 64, CONFIGS_MAX = 64 };

typedef struct job {
    pid_t pid; /* 0: free */
    const char *path;
    const configuration *config;
    int log;      /* what the child printed */
    tally *tally; /* shared with the child */
    double deadline;
    bool timed_out;
} job;

typedef struct options {
    play_options play;
    long jobs, timeout_s, pass_percent;
    const char *counts;
    const configuration *configs[CONFIGS_MAX];
    size_t n_configs;
} options;

typedef struct totals {
    tally records;
    long passed, failed, skipped; /* files */
} totals;

typedef struct runner {
    pool p;
    options opt;
    char **paths;
    size_t n_paths;
    job jobs[JOBS_MAX];
    totals sum;
} runner;

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

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

/* ---- children */

static void child_main(runner *r, job *j)
{
    dup2(j->log, STDOUT_FILENO);
    dup2(j->log, STDERR_FILENO);
    setvbuf(stdout, NULL, _IOLBF, 0);
    play_file(j->path, j->config, &r->opt.play, j->tally);
    fflush(stdout);
    pool_release(&r->p); /* the leak checker sees only what the library lost */
    exit(0);
}

static bool start(runner *r, job *j, const char *path, const configuration *config)
{
    *j = (job){.path = path, .config = config};
    j->log = memfd_create("slt", MFD_CLOEXEC);
    j->tally =
        mmap(NULL, sizeof *j->tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (j->log < 0 || j->tally == MAP_FAILED) return false;
    fflush(stdout);
    j->deadline = now_s() + (double)r->opt.timeout_s;
    j->pid = fork();
    if (j->pid == 0) child_main(r, j);
    return j->pid > 0;
}

static void show_log(const job *j)
{
    char buffer[8192];
    ssize_t n;

    lseek(j->log, 0, SEEK_SET);
    while ((n = read(j->log, buffer, sizeof buffer)) > 0) fwrite(buffer, 1, (size_t)n, stdout);
}

static void finish(runner *r, job *j, int status)
{
    const tally *t = j->tally;
    totals *sum = &r->sum;
    const bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0 && t->done;
    /* a corpus is judged by its pass rate and by wrong results */
    const long bad = r->opt.pass_percent ? t->wrong : t->failed;

    sum->records.passed += t->passed;
    sum->records.failed += t->failed;
    sum->records.skipped += t->skipped;
    sum->records.wrong += t->wrong;
    sum->records.unsupported += t->unsupported;
    if (!clean || t->failed || r->opt.play.verbose || r->opt.play.update) show_log(j);
    if (!clean) {
        printf("%s: %s", j->path, j->timed_out ? "timeout" : "crashed");
        if (!j->timed_out && WIFSIGNALED(status)) printf(" by signal %d", WTERMSIG(status));
        else if (!j->timed_out) printf(" with exit code %d", WEXITSTATUS(status));
        printf("\n");
    }
    if (!clean || bad) sum->failed++;
    else if (t->left_out) sum->skipped++;
    else sum->passed++;
    if (!clean || t->failed || r->opt.play.verbose)
        printf("%s  %s [%s]: %ld passed, %ld failed, %ld skipped\n",
               clean && !bad ? "pass" : "FAIL", j->path, j->config->name, t->passed, t->failed,
               t->skipped);
    close(j->log);
    munmap(j->tally, sizeof *j->tally);
    j->pid = 0;
}

/* Waits until one child ended; kills those that are late. */
static void wait_one(runner *r)
{
    int status;

    for (;;) {
        const pid_t pid = waitpid(-1, &status, WNOHANG);

        for (size_t i = 0; i < JOBS_MAX; i++) {
            job *j = &r->jobs[i];

            if (pid > 0 && j->pid == pid) {
                finish(r, j, status);
                return;
            }
            if (j->pid && !j->timed_out && now_s() > j->deadline) {
                j->timed_out = true;
                kill(j->pid, SIGKILL);
            }
        }
        if (pid < 0) return;
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

static job *free_job(runner *r)
{
    for (long i = 0; i < r->opt.jobs; i++)
        if (!r->jobs[i].pid) return &r->jobs[i];
    return NULL;
}

static void run_all(runner *r)
{
    for (size_t c = 0; c < r->opt.n_configs; c++) {
        for (size_t i = 0; i < r->n_paths; i++) {
            job *j;

            while (!(j = free_job(r))) wait_one(r);
            if (start(r, j, r->paths[i], r->opt.configs[c])) continue;
            printf("%s: can't start: %s\n", r->paths[i], strerror(errno));
            r->sum.failed++;
            j->pid = 0;
        }
    }
    for (long i = 0; i < r->opt.jobs; i++)
        while (r->jobs[i].pid) wait_one(r);
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
    *took_value = false;
    if (strcmp(name, "--sqlite") == 0) r->opt.play.sqlite = true;
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
    printf("records: %ld of %ld pass (%.2f %%), %ld wrong, %ld not supported, %ld guarded\n",
           t->passed, judged, rate, t->wrong, t->unsupported, t->skipped);
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
