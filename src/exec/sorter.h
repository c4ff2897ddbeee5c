/* exec/sorter.h -- the blocking half of sort, top-n and window: rows of many lanes into one order.
 *
 * Each lane collects rows in pages beside their normalised keys (sort_keys.h) and sorts its own
 * when its input ends; finish tasks merge ranges of the key between splitters, in parallel. Ties
 * keep the input's order: a row's position is part of its key, so the result is the same for any
 * number of lanes. With a limit a lane keeps that many rows: when twice as many are there it sorts,
 * drops the rest and from then on ignores rows that come after its last one.
 *
 * Threads: a lane belongs to one worker at a time; combine and tasks run in parallel. */
#ifndef PS_EXEC_SORTER_H
#define PS_EXEC_SORTER_H

#include "base/array.h"
#include "base/thread.h"
#include "exec/sort_keys.h"

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
    bool relocate;
    ps_mutex mutex; /* guards runs while lanes combine */
    bool ready;
    PS_ARRAY(ps_sort_run *) runs;
    ps_sort_range *ranges;
    size_t n_ranges;
    uint8_t **sorted; /* after the tasks: addresses of all rows in order */
    uint64_t n_rows;
} ps_sorter;
void ps_sorter_init(ps_sorter *sorter, const ps_sort_spec *spec, uint64_t limit, bool relocate);
void ps_sorter_release(ps_sorter *sorter);

typedef struct ps_sort_lane {
    uint32_t *sel;
    uint8_t **addresses;
    ps_sort_row *batch;
    ps_sort_run *run;
    ps_sort_row *limit; /* the last row that can be in the result; NULL: not known yet */
    ps_sort_row limit_row;
} ps_sort_lane;
ps_status ps_sort_lane_open(ps_ctx *cx, ps_arena *arena, const ps_sorter *sorter,
                            ps_sort_lane *lane);
void ps_sort_lane_close(ps_sort_lane *lane);
/* Adds the batch's live rows; vecs are the layout's columns: keys first. */
ps_status ps_sort_lane_add(ps_ctx *cx, const ps_sorter *sorter, ps_sort_lane *lane,
                           const ps_vec *vecs, const ps_batch *in);
ps_status ps_sort_lane_combine(ps_ctx *cx, ps_sorter *sorter, ps_sort_lane *lane);

ps_status ps_sorter_plan(ps_ctx *cx, ps_arena *arena, ps_sorter *sorter, uint64_t *n_tasks);
ps_status ps_sorter_task(ps_ctx *cx, ps_sorter *sorter, uint64_t task);
/* Gives the keys' memory back; rows and their order stay. */
void ps_sorter_seal(ps_sorter *sorter);

#endif
