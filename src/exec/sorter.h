/* exec/sorter.h -- the blocking half of sort, top-n and window: rows of many lanes into one order.
 *
 * Each lane collects rows in pages beside their normalised keys (sort_keys.h) and sorts its own
 * when its input ends; finish tasks merge ranges of the key between splitters, in parallel. Ties
 * keep the input's order: a row's position is part of its key, so the result is the same for any
 * number of lanes. With a limit a lane keeps that many rows: when twice as many are there it sorts,
 * drops the rest and from then on ignores rows that come after its last one.
 *
 * Memory: a lane leaves room for what sorting takes; when too little is left, or memory is refused,
 * it sorts what it has, writes it out as a run (sort_file.h) and goes on. If any lane did, all do
 * in the end, finish tasks merge runs until one merge of them fits into its part of the limit, and
 * the result is read with ps_sort_reader instead of from `sorted`: the same rows in the same order.
 *
 * Threads: a lane belongs to one worker at a time; combine and tasks run in parallel. */
#ifndef PS_EXEC_SORTER_H
#define PS_EXEC_SORTER_H

#include "base/array.h"
#include "base/thread.h"
#include "exec/sort_file.h"

typedef struct ps_sort_run {
    ps_rows rows;
    ps_sort_row *keys;
    size_t n, room;
} ps_sort_run;

/* Where each run's part of a range begins; the last range's end is the runs' ends. */
typedef struct ps_sort_range {
    size_t *begins;
    uint64_t first, n;
} ps_sort_range;

/* Shared by the lanes of one operator; zeroed, then ps_sorter_init. */
typedef struct ps_sorter {
    const ps_sort_spec *spec;
    uint64_t limit; /* rows that are wanted at most; UINT64_MAX: all */
    ps_op *op;
    uint32_t level; /* how often its rows were in files before they came to it */
    ps_mutex mutex; /* guards runs, files and spill while lanes run */
    bool ready;
    PS_ARRAY(ps_sort_run *) runs;
    ps_sort_range *ranges;
    size_t n_ranges;
    uint8_t **sorted; /* after the tasks: addresses of all rows in order; NULL: they are in files */
    uint64_t n_rows;
    /* rows in files */
    ps_spill *spill;
    _Atomic bool spilled;    /* some rows are: all will be */
    _Atomic uint64_t n_held; /* rows in memory, of all lanes */
    PS_ARRAY(ps_sort_file *) files;
    uint32_t block_bytes;
    size_t fan_in;     /* runs that one merge may read */
    size_t merge_size; /* finish tasks: runs that each makes one of */
    ps_sort_index index;
} ps_sorter;
void ps_sorter_init(ps_sorter *sorter, ps_op *op, const ps_sort_spec *spec, uint64_t limit);
void ps_sorter_release(ps_sorter *sorter);

/* Top-n: what the last row that can be in the result says of the first key. */
typedef struct ps_sort_bound {
    bool known, null;
    bool text; /* the value is its first four bytes */
    int64_t value;
} ps_sort_bound;

typedef struct ps_sort_lane {
    uint32_t *sel;
    uint8_t **addresses;
    ps_sort_row *batch;
    ps_sort_run *run;
    ps_sort_row *limit; /* words of the last row that can be in the result; NULL: not known yet */
    ps_sort_row limit_row;
    ps_sort_bound bound; /* of the same row */
    uint32_t batches;
} ps_sort_lane;
ps_status ps_sort_lane_open(ps_ctx *cx, ps_arena *arena, const ps_sorter *sorter,
                            ps_sort_lane *lane);
void ps_sort_lane_close(ps_sort_lane *lane);
/* sort_bound.c: the bound that a row sets; the batch's live rows that it doesn't keep out, to sel,
 * which may be the batch's. False: it says nothing of such a key. */
void ps_sort_bound_set(const ps_sort_spec *spec, const uint8_t *row, ps_sort_bound *bound);
bool ps_sort_bound_pass(const ps_sort_spec *spec, const ps_sort_bound *bound, const ps_vec *vec,
                        const ps_batch *in, uint32_t *sel, uint32_t *n);
/* Adds the batch's live rows; vecs are the layout's columns: keys first. */
ps_status ps_sort_lane_add(ps_ctx *cx, ps_sorter *sorter, ps_sort_lane *lane, const ps_vec *vecs,
                           const ps_batch *in);
/* The same of n rows with positions of their own. */
ps_status ps_sort_lane_add_at(ps_ctx *cx, ps_sorter *sorter, ps_sort_lane *lane, const ps_vec *vecs,
                              uint32_t n, const uint64_t *morsels, const uint64_t *ordinals);
/* The same for a spec without keys: the k-th live row is ordered by high[k], then low[k]. */
ps_status ps_sort_lane_add_by(ps_ctx *cx, ps_sorter *sorter, ps_sort_lane *lane, const ps_vec *vecs,
                              const ps_batch *in, const uint64_t *high, const uint64_t *low);
ps_status ps_sort_lane_combine(ps_ctx *cx, ps_sorter *sorter, ps_sort_lane *lane);

ps_status ps_sorter_plan(ps_ctx *cx, ps_arena *arena, ps_sorter *sorter, uint64_t *n_tasks);
ps_status ps_sorter_task(ps_ctx *cx, ps_sorter *sorter, uint64_t task);
/* Gives the keys' memory back; rows and their order stay. */
ps_status ps_sorter_seal(ps_ctx *cx, ps_arena *arena, ps_sorter *sorter);

/* Memory of a lane's rows (NULL: of the sealed result), and writing them out; of the result before
 * anybody reads it. */
uint64_t ps_sorter_bytes(const ps_sorter *sorter, const ps_sort_lane *lane);
ps_status ps_sorter_shrink(ps_ctx *cx, ps_sorter *sorter, ps_sort_lane *lane, ps_arena *arena);

/* Reads the sealed result from any rank on. */
enum { PS_SORT_REFUSED_MAX = 8 };
typedef struct ps_sort_reader {
    ps_sort_merge *merge; /* NULL until the first rows from files are wanted */
    ps_sort_row *rows;    /* room for n_max of ps_sort_reader_next */
    uint64_t at;
    uint32_t n_refused; /* in a row, for the caller */
} ps_sort_reader;
/* After PS_MEMORY, which leaves the reader as it was: whether to give up for this batch and to try
 * again before the next one, when others may have given memory back (ADR 7). */
bool ps_sort_reader_retries(ps_ctx *cx, ps_sort_reader *reader, ps_status st);
void ps_sort_reader_release(ps_sort_reader *reader);
ps_status ps_sort_reader_seek(ps_ctx *cx, const ps_sorter *sorter, ps_sort_reader *reader,
                              uint64_t rank);
/* Up to n_max <= cx->batch_rows rows, in *rows until the next call; *n 0: there are no more. */
ps_status ps_sort_reader_next(ps_ctx *cx, const ps_sorter *sorter, ps_sort_reader *reader,
                              uint8_t **room, uint32_t n_max, uint8_t *const **rows, uint32_t *n);

/* Two of the rows that were read, for runs by value (ps_agg_run): the newer one and the older. */
typedef struct ps_sort_kept {
    ps_rows rows[2];
    uint8_t *at[2];
} ps_sort_kept;
void ps_sort_kept_init(ps_sort_kept *kept, const ps_row_layout *layout);
void ps_sort_kept_release(ps_sort_kept *kept);
ps_status ps_sort_kept_put(ps_ctx *cx, ps_sort_kept *kept, uint8_t *row); /* as the newer one */
void ps_sort_kept_turn(ps_sort_kept *kept); /* the newer one becomes the older */

/* sorter_spill.c, for sorter.c: whether a lane should write its rows out before the next batch, and
 * doing it: sorted, cut to what is wanted. */
bool ps_sorter_is_short(const ps_sorter *sorter, const ps_sort_lane *lane);
ps_status ps_sorter_spill(ps_ctx *cx, ps_sorter *sorter, ps_sort_run *run, ps_sort_lane *lane);
ps_status ps_sorter_spill_plan(ps_ctx *cx, ps_sorter *sorter, uint64_t *n_tasks);
ps_status ps_sorter_spill_task(ps_ctx *cx, ps_sorter *sorter, uint64_t task);
ps_status ps_sorter_spill_seal(ps_ctx *cx, ps_arena *arena, ps_sorter *sorter);
void ps_sorter_spill_release(ps_sorter *sorter);
void ps_sort_run_clear(ps_sort_run *run);

#endif
