/* base/ctx.c -- contexts: recording failures, polling for cancellation.
 *
 * Messages live in fixed arrays; what does not fit is cut at a code point's border.
 * Tests: tests/unit/test_base_ctx.c */
#include "base/ctx.h"

#include "base/mem.h"
#include "base/thread.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_ROWS_DEFAULT = 2048 };

void ps_ctx_init(ps_ctx *cx, ps_mem *mem, const ps_cancel *cancel)
{
    memset(cx, 0, sizeof *cx);
    cx->mem = mem;
    cx->cancel = cancel;
    cx->batch_rows = BATCH_ROWS_DEFAULT;
}

void ps_ctx_child(const ps_ctx *parent, ps_ctx *child)
{
    ps_ctx_init(child, parent->mem, parent->cancel);
    child->diag = parent->diag;
    child->batch_rows = parent->batch_rows;
}

/* Cuts an incomplete code point off the end of text[0..n). */
static size_t cut_at_code_point(const char *text, size_t n)
{
    size_t start = n;

    while (start > 0 && n - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) start--;
    if (start == 0) return n;
    const unsigned char lead = (unsigned char)text[start - 1];
    const size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    return n - (start - 1) < need ? start - 1 : n;
}

/* Appends formatted text at text[n] of an array of room bytes. */
static void append(char *text, size_t room, size_t n, const char *format, va_list args)
{
    const int wrote = vsnprintf(text + n, room - n, format, args);

    if (wrote < 0) text[n] = 0;
    else if ((size_t)wrote >= room - n) text[cut_at_code_point(text, room - 1)] = 0;
}

ps_status ps_fail_record(ps_ctx *cx, ps_status code, const char *format, ...)
{
    va_list args;
    /* The arguments may point into the old message: print before overwriting. */
    char message[sizeof cx->error.message];

    PS_ASSERT(code != PS_OK);
    va_start(args, format);
    append(message, sizeof message, 0, format, args);
    va_end(args);
    memset(&cx->error, 0, sizeof cx->error);
    cx->error.code = code;
    memcpy(cx->error.message, message, strlen(message) + 1);
    return code;
}

ps_status ps_while(ps_ctx *cx, ps_status code, const char *format, ...)
{
    static const char joint[] = " while ";
    char *message = cx->error.message;
    const size_t n = strlen(message);
    va_list args;

    PS_ASSERT(code != PS_OK && cx->error.code == code);
    if (n + sizeof joint >= sizeof cx->error.message) return code;
    memcpy(message + n, joint, sizeof joint);
    va_start(args, format);
    append(message, sizeof cx->error.message, n + sizeof joint - 1, format, args);
    va_end(args);
    return code;
}

void ps_hint(ps_ctx *cx, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    append(cx->error.hint, sizeof cx->error.hint, 0, format, args);
    va_end(args);
}

void ps_fail_at(ps_ctx *cx, uint32_t offset)
{
    if (cx->error.offset == 0 && offset < UINT32_MAX) cx->error.offset = offset + 1;
}

void ps_ctx_clear(ps_ctx *cx) { memset(&cx->error, 0, sizeof cx->error); }

/* What the query that asked has, and what it was promised: whether it said too little. */
static void tell_reserve(const ps_mem *mem, char *out, size_t room)
{
    *out = 0;
    for (; mem; mem = mem->parent) {
        const int64_t reserve = atomic_load_explicit(&mem->reserve, memory_order_relaxed);
        const int64_t used = atomic_load_explicit(&mem->used, memory_order_relaxed);

        if (reserve == 0) continue;
        (void)snprintf(out, room, "; %s has %" PRId64 ", %" PRId64 " were set aside for it",
                       mem->name, used, reserve);
        return;
    }
}

ps_status ps_fail_memory_record(ps_ctx *cx, size_t bytes)
{
    for (const ps_mem *mem = cx->mem; mem; mem = mem->parent) {
        const int64_t limit = atomic_load_explicit(&mem->limit, memory_order_relaxed);
        const int64_t own = ps_mem_own_limit(mem);
        const int64_t used = atomic_load_explicit(&mem->used, memory_order_relaxed);

        if (own == 0 || (bytes <= INT64_MAX && used <= own - (int64_t)bytes)) continue;
        char reserve[120];
        tell_reserve(cx->mem, reserve, sizeof(reserve));
        ps_fail(cx, PS_MEMORY,
                "the memory limit is reached: %s asked for %zu bytes more, %" PRId64 " of %" PRId64
                " bytes are in use by %s%s%s",
                cx->mem->name, bytes, used + limit - own, limit, mem->name,
                limit > own ? " and tables" : "", reserve);
        ps_hint(cx, "raise memory_limit, or let the query touch fewer rows or columns");
        return PS_MEMORY;
    }
    return ps_fail(cx, PS_MEMORY, "allocation failed: %s asked for %zu bytes",
                   cx->mem ? cx->mem->name : "the library", bytes);
}

ps_status ps_poll(ps_ctx *cx)
{
    const ps_cancel *cancel = cx->cancel;

    if (!cancel) return PS_OK;
    /* relaxed: the flag carries no data, only the wish to stop */
    ps_status code = (ps_status)atomic_load_explicit(&cancel->code, memory_order_relaxed);
    if (PS_LIKELY(code == PS_OK)) {
        const uint64_t deadline = atomic_load_explicit(&cancel->deadline_ns, memory_order_relaxed);
        if (PS_LIKELY(deadline == 0 || ps_clock_ns() < deadline)) return PS_OK;
        code = PS_TIMEOUT;
    }
    if (code != PS_TIMEOUT) return ps_fail(cx, code, "the statement was %s", ps_status_text(code));
    ps_fail(cx, code, "the statement was %s: %" PRIu64 " ms", ps_status_text(code),
            cancel->limit_ms);
    ps_hint(cx, "SET max_execution_time gives it longer; 0: as long as it takes");
    return code;
}

#ifdef PS_DEV
void ps_assert_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression);
    abort();
}
#endif
