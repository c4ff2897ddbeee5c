/* tests/runner/jobs.c -- children that play files. See jobs.h. */
#include "jobs.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

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
    j->started = now_s();
    j->deadline = j->started + (double)r->opt.timeout_s;
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

static void show_crash(const job *j, int status)
{
    printf("%s: %s", j->path, j->timed_out ? "timeout" : "crashed");
    if (!j->timed_out && WIFSIGNALED(status)) printf(" by signal %d", WTERMSIG(status));
    else if (!j->timed_out) printf(" with exit code %d", WEXITSTATUS(status));
    const fault *f = &j->tally->fault;
    if (f->n) /* what kind points to is constant, so the same in the child */
        printf(" in line %zu with %s %ld failing%s", j->tally->line, f->kind, f->n,
               f->all ? ", and all after it" : "");
    printf("\n");
}

static void judge_file(runner *r, const job *j, bool clean)
{
    const tally *t = j->tally;
    totals *sum = &r->sum;
    /* a corpus is judged by its pass rate and by wrong results */
    const long bad = r->opt.pass_percent ? t->wrong : t->failed;

    if (!clean || bad) sum->failed++;
    else if (t->left_out) sum->skipped++;
    else sum->passed++;
    if (!clean || t->failed || r->opt.play.verbose)
        printf("%s  %s [%s]: %ld passed, %ld failed, %ld skipped in %.1f s\n",
               clean && !bad ? "pass" : "FAIL", j->path, j->config->name, t->passed, t->failed,
               t->skipped, now_s() - j->started);
}

static void finish(runner *r, job *j, int status)
{
    const tally *t = j->tally;
    totals *sum = &r->sum;
    const bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0 && t->done;

    sum->records.passed += t->passed;
    sum->records.failed += t->failed;
    sum->records.skipped += t->skipped;
    sum->records.wrong += t->wrong;
    sum->records.tainted += t->tainted;
    sum->records.unsupported += t->unsupported;
    sum->records.runs += t->runs;
    sum->records.faulty += t->faulty;
    if (!clean || t->failed || r->opt.play.verbose || r->opt.play.update) show_log(j);
    if (!clean) show_crash(j, status);
    judge_file(r, j, clean);
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

static void start_next(runner *r, const char *path, const configuration *config)
{
    job *j;

    while (!(j = free_job(r))) wait_one(r);
    if (start(r, j, path, config)) return;
    printf("%s: can't start: %s\n", path, strerror(errno));
    r->sum.failed++;
    j->pid = 0;
}

static void wait_all(runner *r)
{
    for (long i = 0; i < r->opt.jobs; i++)
        while (r->jobs[i].pid) wait_one(r);
}

void run_all(runner *r)
{
    for (size_t c = 0; c < r->opt.n_configs; c++)
        for (size_t i = 0; i < r->n_paths; i++) start_next(r, r->paths[i], r->opt.configs[c]);
    wait_all(r);
}
