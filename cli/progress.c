/* cli/progress.c -- a bar on stderr, drawn once a statement has taken half a second. */
#include "shell.h"

#include <stdio.h>
#include <time.h>

enum { BAR_CELLS = 40 };
static const double DELAY_S = 0.5;

double progress_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void progress_start(progress *bar, bool on)
{
    *bar = (progress){.on = on, .started_s = progress_now()};
}

void progress_update(progress *bar, double part)
{
    const double elapsed = progress_now() - bar->started_s;

    if (!bar->on || elapsed < DELAY_S) return;
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
    bar->shown = true;
}

void progress_clear(progress *bar)
{
    if (bar->shown) fputs("\r\033[K", stderr);
    bar->shown = false;
}
