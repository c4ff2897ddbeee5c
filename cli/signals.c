/* cli/signals.c -- Ctrl-C.
 *
 * The handler may do next to nothing, so it writes a byte to a pipe; a thread reads it and cancels
 * what the session is doing. The line editor looks at the flag between keys (editor.c). State is
 * global because a handler has no argument. */
#include "shell.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static int wake[2] = {-1, -1};
static atomic_bool armed, running, pressed;
static bool typing; /* set before the handler is */

static void on_interrupt(int number)
{
    const int saved = errno;
    const char byte = 0;

    (void)number;
    if (!atomic_load(&armed) && !typing) _exit(EXIT_INTERRUPTED); /* a script that reads its text */
    atomic_store(&pressed, true);
    if (write(wake[1], &byte, 1) < 0) errno = 0; /* full: a wake-up is under way already */
    errno = saved;
}

static void *watch(void *argument)
{
    shell *sh = argument;
    char byte;

    for (;;) {
        const ssize_t n = read(wake[0], &byte, 1);

        if (n == 0 || (n < 0 && errno != EINTR)) return NULL;
        /* the byte may be an earlier press's, at the prompt: then nothing is pressed any more */
        if (n > 0 && atomic_load(&running) && atomic_load(&pressed)) ps_session_cancel(sh->session);
    }
}

bool signals_start(shell *sh)
{
    /* restart: a write to the terminal goes on */
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    sigset_t all, before;
    pthread_t thread;

    typing = sh->interactive;
    if (pipe(wake) != 0) return false;
    sigfillset(&all); /* the thread takes no signals: they are for the line editor */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = pthread_create(&thread, NULL, watch, sh) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!started) return false;
    pthread_detach(thread);
    return sigaction(SIGINT, &action, NULL) == 0;
}

void signals_arm(bool statement)
{
    atomic_store(&pressed, false);
    atomic_store(&running, statement);
    atomic_store(&armed, true);
}

bool signals_pressed(void) { return atomic_load(&pressed); }

bool signals_disarm(void)
{
    atomic_store(&armed, false);
    atomic_store(&running, false);
    return atomic_load(&pressed);
}
