/* cli/shell.h -- the shell's state and what its parts offer each other. */
#ifndef PENSTOCK_SHELL_H
#define PENSTOCK_SHELL_H

#include "render.h"
#include "text.h"

#include <penstock.h>

/* Exit codes: scripts tell a failed statement from a wrong call. */
enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

typedef struct shell {
    ps_instance *instance;
    ps_session *session;
    render_mode mode;
    bool timer;
    bool interactive; /* a person types: errors don't end the session */
    bool progress;    /* stderr is a terminal */
    size_t rows_max;  /* of box and markdown; 0: all */
    bool leave;       /* .quit */
    bool interrupted; /* a statement was stopped by Ctrl-C */
} shell;

/* run.c: statements. False after an error, which was printed. */
bool shell_run(shell *sh, const char *sql, size_t n);
/* Every statement of a text; stops at the first error where nobody types. */
bool shell_run_all(shell *sh, const char *sql, size_t n);
void shell_print_error(const ps_error *error);

/* dot.c: .help and its like. False if the command is wrong. */
bool shell_dot(shell *sh, const char *line);

/* editor.c: the interactive loop. */
void shell_interact(shell *sh);

/* signals.c: Ctrl-C stops the session's statement, or clears the line being typed. */
bool signals_start(shell *sh);
/* Between these two Ctrl-C cancels the statement. */
void signals_arm(void);
/* Whether Ctrl-C came since signals_arm(); disarm also ends the watch. */
bool signals_pressed(void);
bool signals_disarm(void);

/* progress.c: a bar on stderr for what takes long. */
typedef struct progress {
    bool on, shown;
    double started_s;
} progress;
double progress_now(void); /* seconds of a steady clock */
void progress_start(progress *bar, bool on);
void progress_update(progress *bar, double part); /* 0..1; below 0: not known */
void progress_clear(progress *bar);

#endif
