/* base/diag.c -- the diagnostics recorder. Tests: tests/unit/test_base_ctx.c */
#include "base/diag.h"

#include "base/array.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { EVENTS_MAX_DEFAULT = 10000, TEXT_BYTES_MAX = 1024 };

#define X(NAME, name, text) #name,
static const char *const phase_names[] = {PS_PHASE_LIST(X)};
static const char *const severity_names[] = {PS_SEVERITY_LIST(X)};
static const char *const code_names[] = {PS_DIAG_CODE_LIST(X)};
#undef X

const char *ps_phase_name(ps_phase phase)
{
    return (unsigned)phase < PS_PHASE_COUNT ? phase_names[phase] : "unknown";
}
const char *ps_severity_name(ps_severity severity)
{
    return (unsigned)severity < PS_SEVERITY_COUNT ? severity_names[severity] : "unknown";
}
const char *ps_diag_code_name(ps_diag_code code)
{
    return (unsigned)code < PS_DIAG_CODE_COUNT ? code_names[code] : "unknown";
}

void ps_diag_init(ps_diag *diag, ps_mem *mem, size_t events_max)
{
    *diag = (ps_diag){.events_max = events_max ? events_max : EVENTS_MAX_DEFAULT};
    ps_ctx_init(&diag->cx, mem, NULL);
    ps_mutex_init(&diag->mutex);
    diag->start_ns = ps_clock_ns();
}

void ps_diag_listen(ps_diag *diag, ps_diag_listener listener, void *user)
{
    ps_mutex_lock(&diag->mutex);
    diag->listener = listener;
    diag->listener_user = user;
    ps_mutex_unlock(&diag->mutex);
}

/* Keeps the event; false when there is no room. The mutex is held. */
static bool event_keep(ps_diag *diag, const ps_diag_event *event)
{
    ps_diag_event kept = *event;

    if (diag->n >= diag->events_max) return false;
    kept.text = ps_arena_strndup(&diag->cx, &diag->arena, event->text, strlen(event->text));
    if (!kept.text) return false;
    if (diag->n == diag->room && ps_array_grow(&diag->cx, NULL, (void **)&diag->events, &diag->room,
                                               diag->n + 1, sizeof *diag->events) != PS_OK)
        return false;
    diag->events[diag->n++] = kept;
    return true;
}

void ps_diag_add(ps_ctx *cx, ps_phase phase, ps_severity severity, ps_diag_code code,
                 const char *format, ...)
{
    ps_diag *diag = cx->diag;
    char text[TEXT_BYTES_MAX];
    va_list args;

    if (!diag || severity < diag->severity_min) return;
    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0) text[0] = 0;
    va_end(args);
    ps_diag_event event = {.time_us = ps_wall_us(),
                           .elapsed_ns = ps_clock_ns() - diag->start_ns,
                           .phase = phase,
                           .severity = severity,
                           .code = code,
                           .text = text};
    ps_mutex_lock(&diag->mutex);
    if (!event_keep(diag, &event)) diag->lost++;
    if (diag->listener) diag->listener(diag->listener_user, &event);
    ps_mutex_unlock(&diag->mutex);
}

void ps_diag_release(ps_diag *diag)
{
    if (!diag) return;
    ps_free(diag->events);
    ps_arena_release(&diag->arena);
    ps_mutex_destroy(&diag->mutex);
    *diag = (ps_diag){0};
}
