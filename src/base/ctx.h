/* base/ctx.h -- the context that every fallible internal function takes first.
 *
 * A context is used by one thread at a time and is cheap: each task has its own, made from
 * its query's with ps_ctx_child(). It says who pays for memory, when to stop, and carries
 * the error of the call that failed. Nothing here allocates, so errors can be reported when
 * memory is gone.
 *
 * Errors: a function that fails records one with ps_fail() and returns its code; callers add
 * where it happened with ps_while() and pass the code on. Three classes never mix: a user's
 * error is ps_fail(); a bug is PS_ASSERT in dev and PS_INTERNAL in release; an error of one
 * row inside a kernel is a mark in an error bitmap (eval/program.h). */
#ifndef PS_BASE_CTX_H
#define PS_BASE_CTX_H

#include "base/attr.h"
#include "penstock.h"

#include <stdatomic.h>

typedef struct ps_mem ps_mem;   /* base/mem.h */
typedef struct ps_diag ps_diag; /* base/diag.h */

/* Why a query must stop; set once, by any thread, never cleared while the query lives. */
typedef struct ps_cancel {
    _Atomic int32_t code;         /* ps_status: PS_OK while running, else PS_CANCELLED, ... */
    _Atomic uint64_t deadline_ns; /* ps_clock_ns() value after which it is PS_TIMEOUT; 0: none */
    uint64_t limit_ms;            /* what the deadline came from, for the message */
} ps_cancel;

typedef struct ps_ctx {
    ps_mem *mem;             /* pays for what is allocated through this context */
    const ps_cancel *cancel; /* NULL: can't be cancelled */
    ps_diag *diag;           /* NULL: nobody listens */
    uint32_t batch_rows;     /* rows per batch, 1..PS_BATCH_ROWS_MAX (col/batch.h) */
    bool gives_back;         /* memory is being written out: see ps_giving_back */
    uint64_t bytes_read;     /* from files, through this context: for EXPLAIN ANALYZE */
    ps_error error;          /* of the last failure; code PS_OK: none */
} ps_ctx;

void ps_ctx_init(ps_ctx *cx, ps_mem *mem, const ps_cancel *cancel);
/* Writing memory out takes some: a page packed for the file, scratch to sort. While it is being
 * given back (set by what spills), an allocation of at most PS_OVERDRAFT_BYTES is charged even
 * where the limit is reached; it is gone again when the call returns, or more than it was given
 * back: what stays for good is never charged so. (Up to ps_mem_overdraft of a limit any allocation
 * is, see mem.c.) Gives what was set before. */
enum { PS_OVERDRAFT_BYTES = 2 << 20 };
PS_INLINE bool ps_giving_back(ps_ctx *cx, bool on)
{
    const bool before = cx->gives_back;

    cx->gives_back = on;
    return before;
}
/* A context for a task of the same query: same payer, same cancel flag, no error. */
void ps_ctx_child(const ps_ctx *parent, ps_ctx *child);

/* Records a failure and returns code, which is evaluated twice. The message is a sentence with the
 * values at its end and no full stop: what is wrong, where, what would be right.
 * A macro, so that the compiler sees which status comes back: it would warn of outputs that are not
 * set on failure if that could be PS_OK. */
#define ps_fail(cx, code, ...) ps_failed(ps_fail_record(cx, code, __VA_ARGS__), code)
ps_status ps_fail_record(ps_ctx *cx, ps_status code, const char *format, ...)
    PS_PRINTF(3, 4) PS_COLD;
PS_INLINE ps_status ps_failed(ps_status recorded, ps_status code)
{
    (void)recorded;
    if (code == PS_OK) __builtin_unreachable();
    return code;
}
/* Adds what was being done: "... while reading row group 3 of a.parquet". Returns code. */
ps_status ps_while(ps_ctx *cx, ps_status code, const char *format, ...) PS_PRINTF(3, 4) PS_COLD;
/* Adds advice to the recorded error: what to do about it. */
void ps_hint(ps_ctx *cx, const char *format, ...) PS_PRINTF(2, 3) PS_COLD;
/* Sets where in the statement's text the recorded error lies (byte offset), unless it is set. */
void ps_fail_at(ps_ctx *cx, uint32_t offset) PS_COLD;
/* Forgets the recorded error: for a caller that recovers. */
void ps_ctx_clear(ps_ctx *cx);
/* "memory limit reached" or "allocation failed", with the payer's name and numbers. */
#define ps_fail_memory(cx, bytes) ps_failed(ps_fail_memory_record(cx, bytes), PS_MEMORY)
ps_status ps_fail_memory_record(ps_ctx *cx, size_t bytes) PS_COLD;

/* PS_OK, or PS_CANCELLED / PS_TIMEOUT with the error recorded. For loops that can outlast a
 * millisecond; costs two relaxed loads, and a look at the clock where there is a time limit. */
ps_status ps_poll(ps_ctx *cx);

/* Returns from the calling function on failure. Only where that function owns nothing. */
#define PS_TRY(call)                                                                               \
    do {                                                                                           \
        ps_status try_st_ = (call);                                                                \
        if (PS_UNLIKELY(try_st_ != PS_OK)) return try_st_;                                         \
    } while (0)
/* Goes to the function's one exit label on failure; needs a local `ps_status st`. */
#define PS_GO(call)                                                                                \
    do {                                                                                           \
        st = (call);                                                                               \
        if (PS_UNLIKELY(st != PS_OK)) goto done;                                                   \
    } while (0)

/* A bug found at run time in a build without assertions: an error, never an abort. */
#define PS_BUG(cx, text) ps_fail(cx, PS_INTERNAL, "%s (%s:%d)", text, __FILE__, __LINE__)

#endif
