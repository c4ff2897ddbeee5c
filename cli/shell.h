/* cli/shell.h -- the shell's state and what its parts offer each other. */
#ifndef PENSTOCK_SHELL_H
#define PENSTOCK_SHELL_H

#include "render.h"
#include "text.h"

#include <penstock.h>
#include <pthread.h>

/* Exit codes: scripts tell a failed statement from a wrong call. */
enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

typedef struct shell {
    ps_instance *instance;
    ps_session *session;
    render_mode mode;
    bool timer;
    bool interactive; /* a person types: errors don't end the session */
    bool progress;    /* show the bar */
    size_t rows_max;  /* of box and markdown; 0: all */
    bool leave;       /* .quit */
    bool interrupted; /* a statement was stopped by Ctrl-C */
    const char *file; /* that is being run, for errors; NULL: none */
    size_t line;      /* of that text where the statement begins, from 0 */
    pthread_t reaper; /* frees the result of a cancelled statement */
    bool reaping;
} shell;

/* run.c: statements. False after an error, which was printed. */
bool shell_run(shell *sh, const char *sql, size_t n);
/* Every statement of a text; stops at the first error where nobody types. file: its name for
 * errors; NULL: none. */
bool shell_run_all(shell *sh, const char *file, const char *sql, size_t n);
void shell_print_error(const shell *sh, const ps_error *error);
/* Calls fn with the first two columns of each row (a missing one is empty), for the shell's own
 * queries; false after an error, which was printed. */
bool shell_each(shell *sh, const char *sql,
                void (*fn)(void *user, const char *first, const char *second), void *user);
/* Writes out what was printed; false, told once on stderr, when that fails (a full disk). */
bool shell_flush(void);
/* Waits until what a cancelled statement held is given back. */
void shell_reap(shell *sh);

/* dot.c: .help and its like. False if the command is wrong. */
bool shell_dot(shell *sh, const char *line);

/* editor.c: the interactive loop. */
void shell_interact(shell *sh);

/* signals.c: Ctrl-C stops the session's statement, or clears the line being typed. */
bool signals_start(shell *sh);
/* Between these two Ctrl-C cancels the statement (at the prompt it is only noticed); outside of
 * them it ends a script. */
void signals_arm(bool statement);
/* Whether Ctrl-C came since signals_arm(); disarm also ends the watch. */
bool signals_pressed(void);
bool signals_disarm(void);

/* progress.c: a bar on stderr for what takes long, drawn by a thread. */
double progress_now(void);  /* seconds of a steady clock */
bool progress_wanted(void); /* stderr is a terminal that can clear a line */
/* Shows how far the session's statement is that began at since_s. */
void progress_start(const shell *sh, double since_s);
void progress_stop(void); /* the bar is gone when this returns */

#endif
