/* tests/runner/play.h -- runs the records of one script and judges each. */
#ifndef RUNNER_PLAY_H
#define RUNNER_PLAY_H

#include "db.h"
#include "script.h"

enum { PLAY_SETS_MAX = 256 };

/* One line of tests/configs/NAME.conf each: statements run first in every session, and files left
 * out, with the reason. */
typedef struct configuration {
    char *name;
    char *sets[PLAY_SETS_MAX];
    size_t n_sets;
    char *skips[PLAY_SETS_MAX]; /* "path reason" */
    size_t n_skips;
} configuration;

/* What a child tells its parent; also counts of records for pass rates. */
typedef struct tally {
    long passed, failed, skipped; /* records */
    long wrong;                   /* of the failed ones: an answer, but not the right one */
    long tainted;                 /* the same, but a statement had failed before: a consequence */
    long faulty;                  /* runs that ended in the error of what failed (torture) */
    long unsupported;             /* of the failed ones: PS_UNSUPPORTED */
    bool left_out;                /* the whole file, by require, config or a skip list */
    bool done;                    /* the script was played to its end */
    size_t line;                  /* of the record that is played, for a crash (torture) */
    fault fault;                  /* what fails there */
    long runs;                    /* of statements, with something that fails */
} tally;

typedef enum torture { TORTURE_NONE, TORTURE_SOME, TORTURE_ALL } torture;

typedef struct play_options {
    bool sqlite; /* the formats and sorting of SQLite's corpus */
    bool update; /* rewrite what failing records expect */
    bool verbose;
    torture torture;  /* every statement again and again, each time something else fails */
    bool io;          /* system calls and blocks of temporary files, not allocations */
    const char *root; /* of the repository: what ${ROOT} stands for */
} play_options;

bool configuration_read(pool *p, const char *path, configuration *out, char **why);
/* Plays a file in a fresh instance; failures go to stdout. */
void play_file(const char *path, const configuration *config, const play_options *options,
               tally *out);

#endif
