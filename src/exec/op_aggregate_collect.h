/* exec/op_aggregate_collect.h -- collected rows of one partition: in memory by group, or sorted in
 * files (op_aggregate_sorted.c). */
#ifndef PS_EXEC_OP_AGGREGATE_COLLECT_H
#define PS_EXEC_OP_AGGREGATE_COLLECT_H

#include "exec/op_aggregate.h"
#include "exec/sorter.h"

enum { POLL_ROWS = 1 << 16 }; /* between two looks at cancelling */

/* Rows of a partition in a sorter: layout columns are the sort's keys, then what is left. */
typedef struct agg_sorted {
    bool planned, opened;
    ps_sort_spec spec;
    ps_sort_key keys[1 + AGG_ARGS_MAX + AGG_ORDER_MAX];
    uint32_t source[1 + 2 * AGG_ARGS_MAX + AGG_ORDER_MAX + 2]; /* by column: of the collected row */
    uint32_t n_cols;
    uint32_t args[AGG_ARGS_MAX], order[AGG_ORDER_MAX], position[2];
    ps_vec_buf *bufs; /* by column, of a chunk */
    ps_sorter sorter;
    ps_sort_lane lane;
    ps_sort_reader reader;
    uint8_t **room;
    uint8_t **fresh; /* rows of the last read, and their places in it */
    uint32_t *fresh_at;
    ps_rows small; /* a copy of a small group */
    uint8_t **small_rows;
    ps_arena arena; /* of the sorter */
    /* DISTINCT: repeats are passed over as rows are read */
    uint64_t next, rank, end; /* the place of what comes next, without repeats; its rank at least */
    ps_rows last;             /* the row before it */
    uint8_t *last_row;
    PS_ARRAY(uint64_t) marks; /* ranks of every so many rows without repeats */
    ps_sort_kept kept;        /* mode */
} agg_sorted;

typedef struct agg_collected {
    ps_agg_run run; /* of the group that is finished: first, so that reads find the rest */
    ps_op *op;
    const agg_config *config;
    const agg_collect *collect;
    const ps_agg_class *class;
    const agg_source *source;
    const ps_group_merge *merge;
    uint32_t set; /* its place among the tables' sets */
    uint32_t arg_cols[AGG_ARGS_MAX];
    ps_vec_buf bufs[AGG_ARGS_MAX];
    uint64_t *begins;      /* by group: its first row; then their number */
    uint64_t group, first; /* the next group; the first row of the run's */
    uint8_t **rows;        /* in memory: all of the partition; NULL: in the sorter */
    uint64_t n;
    uint32_t *numbers; /* their groups', while they are spread */
    agg_sorted sorted;
    ps_arena arena;
} agg_collected;

void ps_aggregate_collect_clear(agg_collected *s);
/* Groups' places in the result's order, of collected rows. */
ps_status ps_aggregate_group_numbers(ps_ctx *cx, const agg_collected *s, uint8_t *const *rows,
                                     uint32_t n, uint32_t *out);

/* Sorts the partition's rows and counts each group's in begins[group + 1]. */
ps_status ps_aggregate_sorted_start(ps_ctx *cx, agg_collected *s);
/* s->run: the n rows from rank s->first on. */
ps_status ps_aggregate_run_sorted(ps_ctx *cx, agg_collected *s, uint64_t n);
void ps_aggregate_sorted_close(agg_collected *s);

#endif
