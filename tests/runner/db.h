/* tests/runner/db.h -- the runner's view of penstock.h: run a statement, get text.
 *
 * One db is one session of one instance. Values arrive as text, NULL as a null pointer; they live
 * in the pool given. */
#ifndef RUNNER_DB_H
#define RUNNER_DB_H

#include "text.h"

#include <penstock.h>

typedef struct db db;

typedef struct result {
    ps_status status; /* PS_OK, or why it failed */
    char *message;    /* "CODE: what", NULL: it did not fail */
    size_t n_cols, n_rows;
    char **cells; /* n_rows * n_cols, by row; NULL: null */
} result;

/* Opens an instance with one session; NULL with the reason in *why. */
db *db_open(pool *p, char **why);
/* Another session of the same instance, by name; made at its first use. */
bool db_session(db *d, pool *p, const char *name, char **why);
/* Runs one statement in the current session and reads all of its rows. */
void db_run(db *d, pool *p, const char *sql, result *out);
/* What fails in a run: the n-th allocation, or system call of a kind (fs/sys.h); with `all` those
 * after it too. */
typedef struct fault {
    const char *kind; /* "allocation", "EIO", ... */
    long n;           /* 0: nothing fails */
    bool all;
} fault;
void db_fault(db *d, const fault *f);
/* Whether what was set came; to be asked before nothing is set again. *call: the system call. */
bool db_fault_came(db *d, const fault *f, char call[16]);
void db_close(db *d);

#endif
