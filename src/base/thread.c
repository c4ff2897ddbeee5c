/* base/thread.c -- pthreads, with what can't fail here asserted instead of returned. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* CPU sets, thread names */
#endif
#include "base/thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What the deepest expression needs several times over, whatever `ulimit -s` gives by default. */
enum { STACK_BYTES = 8 << 20 };

/* These calls fail only when the caller breaks their rules (EINVAL, EDEADLK, EPERM). */
static void must(int result)
{
    PS_ASSERT(result == 0);
    (void)result;
}

void ps_mutex_init(ps_mutex *mutex) { must(pthread_mutex_init(mutex, NULL)); }
void ps_mutex_destroy(ps_mutex *mutex) { must(pthread_mutex_destroy(mutex)); }
void ps_mutex_lock(ps_mutex *mutex) { must(pthread_mutex_lock(mutex)); }
void ps_mutex_unlock(ps_mutex *mutex) { must(pthread_mutex_unlock(mutex)); }

void ps_cond_init(ps_cond *cond)
{
    pthread_condattr_t attr;

    must(pthread_condattr_init(&attr));
    must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC)); /* deadlines survive clock changes */
    must(pthread_cond_init(cond, &attr));
    must(pthread_condattr_destroy(&attr));
}
void ps_cond_destroy(ps_cond *cond) { must(pthread_cond_destroy(cond)); }
void ps_cond_wait(ps_cond *cond, ps_mutex *mutex) { must(pthread_cond_wait(cond, mutex)); }
void ps_cond_signal(ps_cond *cond) { must(pthread_cond_signal(cond)); }
void ps_cond_broadcast(ps_cond *cond) { must(pthread_cond_broadcast(cond)); }

bool ps_cond_wait_ns(ps_cond *cond, ps_mutex *mutex, uint64_t timeout_ns)
{
    const uint64_t now = ps_clock_ns();
    const uint64_t until = timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
    const struct timespec at = {(time_t)(until / 1000000000u), (long)(until % 1000000000u)};
    const int result = pthread_cond_timedwait(cond, mutex, &at);

    PS_ASSERT(result == 0 || result == ETIMEDOUT);
    return result != ETIMEDOUT;
}

bool ps_thread_start(ps_thread *thread, const char *name, void *(*body)(void *), void *argument)
{
    pthread_attr_t attr;
    sigset_t all, old;
    char shown[16] = {0}; /* Linux keeps 15 bytes */

    /* The new thread inherits the mask: the host's handlers never run on ours. */
    sigfillset(&all);
    must(pthread_sigmask(SIG_SETMASK, &all, &old));
    must(pthread_attr_init(&attr));
    must(pthread_attr_setstacksize(&attr, STACK_BYTES));
    const int result = pthread_create(thread, &attr, body, argument);
    must(pthread_attr_destroy(&attr));
    must(pthread_sigmask(SIG_SETMASK, &old, NULL));
    if (result != 0) return false;
    strncpy(shown, name, sizeof shown - 1);
    (void)pthread_setname_np(*thread, shown); /* only for people: a failure changes nothing */
    return true;
}

void ps_thread_join(ps_thread thread) { must(pthread_join(thread, NULL)); }

uint32_t ps_cpu_count(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return (uint32_t)CPU_COUNT(&set);
    const long online = sysconf(_SC_NPROCESSORS_ONLN); /* more CPUs than the set can hold */
    return online > 0 ? (uint32_t)online : 1;
}

uint64_t ps_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int64_t ps_wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
