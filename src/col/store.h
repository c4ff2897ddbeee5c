/* col/store.h -- where the rows of an instance's tables are: in memory, or in a temporary file.
 *
 * A store pays for the segments of all tables that are built for it. Where memory is short it
 * writes out columns of those that nobody reads, what was read longest ago first, and frees them;
 * what was written once is only freed the next time. Statistics stay, so pruning reads nothing. A
 * reader gets a part of a column back at a time, which its query pays for; where there is plenty of
 * memory again, the whole of it, for good. Rows that vectors still point into live until those are
 * gone, and count until then.
 *
 * Threads: any. Locks, in this order, none held while another part of the engine is called but the
 * allocator: the store's mutex, a segment's. One writes at a time, holding none (is_giving), so
 * nobody who holds memory is waited for; who waits to write can be cancelled.
 * Tests: tests/unit/test_col_store.c, tests/py/test_tables.py, tests/torture_io/tables.test */
#ifndef PS_COL_STORE_H
#define PS_COL_STORE_H

#include "fs/spill.h"

struct ps_segment_body;
struct ps_store_file;

typedef struct ps_store {
    ps_owner owner;
    ps_mem *mem;               /* "tables" */
    ps_spill_list spills;      /* of the instance: its own files and those of queries */
    _Atomic uint64_t resident; /* bytes of columns in memory that can be written out */
    /* until then nothing is to be had: the last attempt found nothing */
    _Atomic uint64_t barren_ns;
    /* until then files as failed_how wants them (a hash) aren't tried again: the disk refused */
    _Atomic uint64_t failed_ns, failed_how;
    struct ps_store_file *files[2]; /* that are written to now: plain, encrypted. is_giving's */
    uint64_t pass;                  /* is_giving's */
    ps_mutex mutex;                 /* guards the list and is_giving */
    ps_cond gave;                   /* is_giving was lowered */
    bool is_giving;                 /* somebody writes */
    ps_error refused;               /* what the disk said at failed_ns; the mutex guards it */
    uint32_t n_waiting;             /* to write, now; the mutex guards it */
    struct ps_segment_body *first;
} ps_store;

ps_status ps_store_new(ps_ctx *cx, ps_mem *parent, ps_store **out);
PS_INLINE ps_store *ps_store_ref(ps_store *store)
{
    if (store) ps_owner_ref(&store->owner);
    return store;
}
PS_INLINE void ps_store_unref(ps_store *store)
{
    if (store) ps_owner_unref(&store->owner);
}
/* Whether it is worth asking for something back now. Cheap. */
bool ps_store_has(ps_store *store);
/* Whether the disk refused the same not long ago: each attempt writes up to a column until it fails
 * again. For those who can go on without. */
bool ps_store_failed(const ps_store *store, const ps_spill_options *how);
/* What it said, if it refused the same, that held at some time since then, and there is something
 * to give still: for who was refused memory. */
bool ps_store_refused(ps_store *store, const ps_spill_options *how, uint64_t since_ns,
                      ps_error *why);
/* Writes out and frees until about `bytes` are given back or there is nothing to give. The file is
 * as `how` wants it, its cap (bytes_max) holds for all tables together. On failure (a disk that is
 * full, a cancel) what is in memory stays there. */
ps_status ps_store_give(ps_ctx *cx, ps_store *store, const ps_spill_options *how, uint64_t bytes,
                        uint64_t *given);
/* The same until the store could take `bytes` more, within the limits of cx->mem too: *fits. */
ps_status ps_store_make_room(ps_ctx *cx, ps_store *store, const ps_spill_options *how,
                             uint64_t bytes, bool *fits);

#endif
