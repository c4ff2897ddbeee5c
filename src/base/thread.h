/* base/thread.h -- pthreads with names of our own; clocks.
 *
 * C11 threads crash under gcc's thread sanitizer, so these are pthreads. */
#ifndef PS_BASE_THREAD_H
#define PS_BASE_THREAD_H

#include "base/attr.h"
#include "penstock.h"

#include <pthread.h>

typedef pthread_mutex_t ps_mutex;
typedef pthread_cond_t ps_cond;
typedef pthread_t ps_thread;

void ps_mutex_init(ps_mutex *mutex);
void ps_mutex_destroy(ps_mutex *mutex);
void ps_mutex_lock(ps_mutex *mutex);
void ps_mutex_unlock(ps_mutex *mutex);
void ps_cond_init(ps_cond *cond);
void ps_cond_destroy(ps_cond *cond);
void ps_cond_wait(ps_cond *cond, ps_mutex *mutex);
/* False when the time was up. */
bool ps_cond_wait_ns(ps_cond *cond, ps_mutex *mutex, uint64_t timeout_ns);
void ps_cond_signal(ps_cond *cond);
void ps_cond_broadcast(ps_cond *cond);
/* Starts a thread with all signals blocked; false when the system refuses. */
bool ps_thread_start(ps_thread *thread, const char *name, void *(*body)(void *), void *argument);
void ps_thread_join(ps_thread thread);
uint32_t ps_cpu_count(void); /* that this process may use, at least 1 */

uint64_t ps_clock_ns(void);        /* monotonic */
int64_t ps_wall_us(void);          /* microseconds since 1970-01-01 UTC */
PS_INLINE uint64_t ps_cycles(void) /* time stamp counter, for per-operator cost */
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return ps_clock_ns();
#endif
}

#endif
