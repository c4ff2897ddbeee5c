/* cli/progress.c -- a bar on stderr, drawn once a statement has taken half a second.
 *
 * A thread draws it, because a statement that gives no rows (COPY, CREATE TABLE AS) keeps the main
 * thread until it ends. The mutex guards everything here; progress_stop() returns with the bar
 * cleared, so output and bar never mix. */
#include "shell.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BAR_CELLS = 40, TICK_NS = 100000000 };
static const double DELAY_S = 0.5;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static ps_session *session; /* whose statement is shown; NULL: no bar */
static double started_s;
static bool running, shown; /* the thread runs; something is on the terminal */

double progress_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

bool progress_wanted(void)
{
    const char *terminal = getenv("TERM");

    return isatty(STDERR_FILENO) && !(terminal && strcmp(terminal, "dumb") == 0);
}

static void draw(void)
{
    const double elapsed = progress_now() - started_s;
    double part = ps_session_progress(session);

    if (elapsed < DELAY_S) return;
    if (part > 1.0) part = 1.0;
    fputs("\r\033[K", stderr);
    if (part < 0.0) {
        fprintf(stderr, "%.0f s", elapsed);
    } else {
        const int full = (int)(part * (double)BAR_CELLS);

        fprintf(stderr, "%3d %% ", (int)(part * 100.0));
        for (int i = 0; i < BAR_CELLS; i++) fputs(i < full ? "█" : "░", stderr);
        if (part > 0.02) fprintf(stderr, " %.0f s left", elapsed / part - elapsed);
    }
    fflush(stderr);
    shown = true;
}

static void *draw_on(void *argument)
{
    struct timespec until;

    (void)argument;
    pthread_mutex_lock(&mutex);
    for (;;) {
        while (!session) pthread_cond_wait(&changed, &mutex);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TICK_NS;
        if (until.tv_nsec >= 1000000000) until.tv_nsec -= 1000000000, until.tv_sec++;
        pthread_cond_timedwait(&changed, &mutex, &until);
        if (session) draw();
    }
    return NULL;
}

/* Signals are for the main thread. False: no bar then. */
static bool start_thread(void)
{
    sigset_t all, before;
    pthread_t thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = pthread_create(&thread, NULL, draw_on, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started) pthread_detach(thread);
    return started;
}

void progress_start(const shell *sh, double since_s)
{
    if (!sh->progress) return;
    pthread_mutex_lock(&mutex);
    if (!running) running = start_thread();
    session = sh->session;
    started_s = since_s;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
}

void progress_stop(void)
{
    pthread_mutex_lock(&mutex);
    session = NULL;
    if (shown) fputs("\r\033[K", stderr);
    shown = false;
    pthread_mutex_unlock(&mutex);
}
