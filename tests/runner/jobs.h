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

typedef struct runner {
    pool p;
    options opt;
    char **paths;
    size_t n_paths;
    job jobs[JOBS_MAX];
    totals sum;
} runner;

double now_s(void); /* seconds of a steady clock */
/* Plays every file under every configuration. */
void run_all(runner *r);

#endif
