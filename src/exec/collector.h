/* exec/collector.h -- puts batches that come from many lanes back into the order of their
 * positions.
 *
 * The head is the earliest morsel that has not ended: its batches go straight to the output; later
 * morsels' batches are kept until it is their turn. Both are bounded: a lane that may not add is
 * told to park, and a slow reader of the output so stops the pipeline. The head may always add once
 * the output has room, so the order can't deadlock. Optionally cuts [offset, offset + count) out of
 * the rows and says when it has enough.
 *
 * Kept batches own their memory (ps_vec_retain). Threads: any; one mutex of its own. */
#ifndef PS_EXEC_COLLECTOR_H
#define PS_EXEC_COLLECTOR_H

#include "base/array.h"
#include "base/thread.h"
#include "col/rows.h"
#include "exec/op.h"

enum { PS_FEEDER_SHIFT = 40 }; /* position = feeder << PS_FEEDER_SHIFT | morsel */

/* A batch that owns its memory: an allocation of its own, vectors behind it. */
typedef struct ps_kept {
    struct ps_kept *next;
    uint64_t bytes; /* estimate, for bounds */
    /* Rows in a file instead: the only page of a collection, of which batch.n rows from `skip` on
     * count; the batch has no columns then. */
    ps_rows *filed;
    uint32_t skip;
    ps_batch batch;
    ps_vec cols[];
} ps_kept;
/* Copies the live rows; skips rows before `first`, gives at most `count`. */
ps_status ps_kept_new(ps_ctx *cx, const ps_batch *batch, uint32_t first, uint32_t count,
                      ps_kept **out);
void ps_kept_free(ps_kept *kept); /* this one, not its successors */
/* The same in a file: rows have the layout of the batch's columns; scratch is empty again after. */
ps_status ps_kept_file(ps_ctx *cx, const ps_batch *batch, ps_rows *scratch, ps_spill *spill,
                       ps_kept **out);

typedef struct ps_collector_morsel ps_collector_morsel;
typedef struct ps_collector {
    bool ready; /* initialised */
    ps_mutex mutex;
    uint64_t head; /* position of the earliest morsel that has not ended */
    ps_collector_morsel
        *later; /* ascending by position; the head's own entry is first when it has one */
    ps_kept *out_first, *out_last;
    uint64_t out_bytes, later_bytes;
    uint64_t out_bytes_max, later_bytes_max;
    uint64_t offset, count; /* rows to cut; count UINT64_MAX: all */
    uint64_t n_seen;        /* rows that reached the output, before the cut */
    uint64_t n_out;
    /* Morsels of each feeder, UINT64_MAX until its source is planned. */
    uint64_t *feeder_morsels;
    uint32_t n_feeders;
} ps_collector;

/* c zeroed; n_feeders: pipelines that end here. */
ps_status ps_collector_init(ps_ctx *cx, ps_arena *arena, ps_collector *c, uint32_t n_feeders,
                            uint64_t bytes_max);
void ps_collector_release(ps_collector *c);
/* Whether a batch of this morsel may be added now. */
bool ps_collector_may_add(ps_collector *c, uint64_t position);
ps_status ps_collector_add(ps_ctx *cx, ps_collector *c, const ps_batch *batch);
/* The same of a batch that is kept already; freed on failure. */
ps_status ps_collector_add_kept(ps_ctx *cx, ps_collector *c, ps_kept *kept);
/* A lane's way to add some columns of its batches, in another order. */
typedef struct ps_collector_view {
    ps_arena arena;
    ps_batch batch;
    const uint32_t *order; /* columns of the batches that come, n of them */
    uint32_t n;
} ps_collector_view;
ps_status ps_collector_view_init(ps_ctx *cx, ps_collector_view *view, const uint32_t *order,
                                 uint32_t n); /* view zeroed */
void ps_collector_view_release(ps_collector_view *view);
const ps_batch *ps_collector_view_of(ps_collector_view *view, const ps_batch *batch);
/* Whether a batch of this morsel would be the next to pop; stays so for the lane that has the
 * morsel while nobody else pops. */
bool ps_collector_is_next(ps_collector *c, uint64_t position);
/* False in *added: it may not add now, and nothing was done. */
ps_status ps_collector_add_view(ps_ctx *cx, ps_collector *c, ps_collector_view *view,
                                const ps_batch *batch, bool *added);
/* No more batches of this morsel. */
ps_status ps_collector_end(ps_ctx *cx, ps_collector *c, uint64_t position);
/* The earlier morsels hold all rows that the cut wants. */
bool ps_collector_enough(ps_collector *c, uint64_t position);
/* Tells how many morsels a feeder has, once its source is planned: so that the head knows where it
 * ends. */
void ps_collector_feeder(ps_collector *c, uint32_t feeder, uint64_t n_morsels);
bool ps_collector_waiting(ps_collector *c); /* there is a batch to pop */
/* The next kept batch in order, cut; *out NULL: none yet. The caller frees it. One reader at a
 * time. */
ps_status ps_collector_pop(ps_ctx *cx, ps_collector *c, ps_kept **out);

#endif
