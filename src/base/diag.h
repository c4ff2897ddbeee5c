/* base/diag.h -- the diagnostics recorder: what happened to a statement, from parse to write.
 *
 * Events are typed (phase, severity, code) with one line of text, kept in order of arrival
 * and readable as rows. Recording never fails: what does not fit (events_max, memory) is
 * counted as lost. No secret and no row value may be recorded.
 * Threads: ps_diag_add() from any; reading and release once nobody adds any more. */
#ifndef PS_BASE_DIAG_H
#define PS_BASE_DIAG_H

#include "base/arena.h"
#include "base/diag.def"
#include "base/thread.h"

#define X(NAME, name, text) PS_PHASE_##NAME,
typedef enum ps_phase { PS_PHASE_LIST(X) PS_PHASE_COUNT } ps_phase;
#undef X
#define X(NAME, name, text) PS_SEVERITY_##NAME,
typedef enum ps_severity { PS_SEVERITY_LIST(X) PS_SEVERITY_COUNT } ps_severity;
#undef X
#define X(NAME, name, text) PS_DIAG_##NAME,
typedef enum ps_diag_code { PS_DIAG_CODE_LIST(X) PS_DIAG_CODE_COUNT } ps_diag_code;
#undef X

typedef struct ps_diag_event {
    int64_t time_us;     /* wall clock, since 1970-01-01 UTC */
    uint64_t elapsed_ns; /* since the recorder was made */
    ps_phase phase;
    ps_severity severity;
    ps_diag_code code;
    const char *text; /* in the recorder's arena */
} ps_diag_event;

/* Called under the recorder's lock, on the thread that adds: must be quick and must not add. */
typedef void (*ps_diag_listener)(void *user, const ps_diag_event *event);

struct ps_diag {
    ps_ctx cx;      /* its own: recording must not touch a caller's error */
    ps_mutex mutex; /* guards everything below */
    ps_arena arena;
    ps_diag_event *events;
    size_t n, room, events_max;
    uint64_t lost; /* events that were not kept */
    uint64_t start_ns;
    ps_severity severity_min;  /* lower ones are ignored */
    ps_diag_listener listener; /* NULL: none */
    void *listener_user;
};

void ps_diag_init(ps_diag *diag, ps_mem *mem, size_t events_max); /* 0: 10,000 */
void ps_diag_listen(ps_diag *diag, ps_diag_listener listener, void *user);
/* Records one event with cx->diag; does nothing when nobody listens. */
void ps_diag_add(ps_ctx *cx, ps_phase phase, ps_severity severity, ps_diag_code code,
                 const char *format, ...) PS_PRINTF(5, 6);
void ps_diag_release(ps_diag *diag);

const char *ps_phase_name(ps_phase phase);
const char *ps_severity_name(ps_severity severity);
const char *ps_diag_code_name(ps_diag_code code);

#endif
