/* tests/runner/jobs.h -- files played by children, several at a time. */
#ifndef RUNNER_JOBS_H
#define RUNNER_JOBS_H

#include "play.h"

#include <sys/types.h>

enum { JOBS_MAX = 64, CONFIGS_MAX = 64 };

typedef struct job {
    pid_t pid; /* 0: free */
    const char *path;
    const configuration *config;
    long fail_at; /* the allocation that fails (torture); 0: none */
    int log;      /* what the child printed */
    tally *tally; /* shared with the child */
    double started, deadline;
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

/* The sweep of one file: which allocation fails next, and how it went so far. */
typedef struct sweep {
    long next, runs, bad;
    long calm; /* runs in a row that met no failed allocation: the sweep is over */
} sweep;

typedef struct runner {
    pool p;
    options opt;
    char **paths;
    size_t n_paths;
    job jobs[JOBS_MAX];
    totals sum;
    sweep sweep;
} runner;

double now_s(void); /* seconds of a steady clock */
/* Plays every file under every configuration. */
void run_all(runner *r);
/* Plays every file again and again, failing one allocation each time: the n-th for n = 1, 2, ...
 * until none is left to fail. Needs a library built with assertions (PS_DEV). */
void run_torture(runner *r);

#endif
