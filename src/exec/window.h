/* exec/window.h -- what the files of the window operator share.
 *
 * Rows come sorted by (partition, order, position). A morsel is a range of whole partitions; rows
 * are named by their place in it. Results are made a batch at a time, so a partition of any size
 * costs its frames' states only where a segment tree is needed. */
#ifndef PS_EXEC_WINDOW_H
#define PS_EXEC_WINDOW_H

#include "exec/phys.h"
#include "exec/sorter.h"
#include "func/agg.h"

enum {
    WINDOW_NONE = -1,
    WINDOW_ARGS_MAX = 4,
    WINDOW_ORDER_MAX = 16,
    WINDOW_CHUNK = 2048,
    WINDOW_FANOUT = 16,
    WINDOW_LEVELS_MAX = 16,
    WINDOW_PIECES_MAX = 3
};

/* A bound with a distance: layout columns. */
typedef struct window_bound {
    int32_t offset;     /* ROWS, GROUPS: the distance */
    int32_t key, value; /* RANGE: the order key and the key at that distance, of one type */
} window_bound;

typedef enum window_how {
    WINDOW_RUNNING, /* the frame begins with the partition and its end never goes back */
    WINDOW_TREE,
    WINDOW_DIRECT, /* row by row: DISTINCT in moving frames, ORDER BY in the aggregate */
    WINDOW_COLLECT /* a class that must see all rows of a frame */
} window_how;

typedef struct window_call {
    const ps_expr *expr;
    ps_type type;
    const ps_frame *frame;
    window_bound start, end;
    bool descending; /* of the only order key, for RANGE with a distance */
    uint32_t args[WINDOW_ARGS_MAX];
    uint32_t n_args; /* that are kept: literals of collecting classes are not */
    int32_t filter;
    /* aggregates */
    ps_agg agg;
    window_how how;
    bool distinct, skip_nulls;
    uint32_t order[WINDOW_ORDER_MAX], n_order; /* ORDER BY in the aggregate: layout columns */
    uint32_t leaf_rows;                        /* rows of a leaf of the tree */
} window_call;

typedef struct window_output {
    bool call;
    uint32_t at;
} window_output; /* a call, or a layout column */

typedef struct window_config {
    ps_sort_spec spec;
    uint32_t n_partition;      /* the first keys */
    const ps_program *program; /* keys, then what calls read */
    uint32_t n_results, n_payload;
    const uint32_t *payload; /* batch columns beside the results: layout columns n_results + i */
    window_call *calls;
    uint32_t n_calls;
    window_output *outputs; /* of op->cols */
    /* A partition's rows may come in pieces (window_stream.c), but peers together. */
    bool streams, whole_peers;
} window_config;

typedef struct window_range {
    uint64_t begin, end;
} window_range;

/* Bytes of states; as long as the arena isn't reset. */
typedef struct window_heap {
    ps_agg_heap base;
    ps_arena arena;
} window_heap;

/* One call's state in one source lane. */
typedef struct window_work {
    uint64_t *before;   /* IGNORE NULLS: values among the rows before each row; n + 1 */
    uint64_t *places;   /* IGNORE NULLS: their rows */
    uint64_t *previous; /* DISTINCT: 1 + the last equal row before in the partition; 0: none */
    uint8_t *levels[WINDOW_LEVELS_MAX]; /* TREE: states, leaves first */
    uint64_t level_n[WINDOW_LEVELS_MAX];
    uint32_t n_levels;
    uint8_t *slots; /* states of a batch's frames */
    uint8_t *carry; /* RUNNING: the state of rows up to `added` of the partition from `carried` on;
                       COLLECT: the last result */
    uint64_t carried, added;
    bool has_carry, carry_null;
    window_range carry_frame; /* COLLECT */
    window_heap heaps[2];     /* of this batch's states and of the last one's */
    window_heap tree_heap;
    bool prepared;
} window_work;

/* Reading rows that the sort left in files. */
typedef struct window_stream {
    ps_sort_reader reader;
    uint8_t **room;
    uint8_t *const *pending; /* what the reader gave last */
    uint32_t n_pending, pending_at;
    uint64_t rank; /* of the next one */
    uint64_t end;  /* a partition that begins there or later is another morsel's */
    bool over;     /* what is held is the morsel's last */
    bool start_due, filling, continues;
    uint64_t morsel;
    uint64_t given; /* rows of the morsel before those */
    ps_rows held, last;
    uint8_t **rows, *last_row; /* what is held, in order; the row before it */
    size_t n_rows, rows_room;
    uint64_t before, groups_before; /* of the first partition: what was given earlier */
} window_stream;

/* A source lane: the rows of its morsel, and where each of the batch's rows stands. */
typedef struct window_source {
    ps_arena arena;
    const ps_op *op;
    const window_config *config;
    window_stream stream;
    uint32_t batch_rows;
    uint8_t *const *rows; /* of the morsel, in order */
    uint64_t n, at;
    uint64_t *partitions, n_partitions, partitions_room; /* begins, then n */
    uint64_t *groups, n_groups, groups_room;             /* peers: begins, then n */
    uint64_t partition, group;                           /* of row `at` */
    uint64_t partition_group;                            /* the first group of its partition */
    uint32_t parity;                                     /* of the batch: which heap is its */
    /* by row of the batch */
    window_range *bounds; /* its partition */
    uint64_t *group_of, *first_group;
    window_range *frames;
    uint8_t **targets; /* rows that values come from */
    uint8_t **states;
    /* rows to add to states, states to merge into states */
    uint8_t *feed_rows[WINDOW_CHUNK], *feed_states[WINDOW_CHUNK], *merge_to[WINDOW_CHUNK],
        *merge_from[WINDOW_CHUNK];
    uint32_t n_feed, n_merge;
    uint64_t fed;   /* rows ever: their positions */
    uint8_t **list; /* DIRECT, COLLECT: a frame's rows */
    uint64_t list_room;
    ps_agg_scratch *scratch;
    ps_vec_buf arg_bufs[WINDOW_ARGS_MAX];
    ps_vec_buf *bufs; /* by output column */
    ps_arena batch_arena;
    uint8_t *null_row; /* every column is null */
    window_work *work; /* by call */
} window_source;

PS_INLINE const ps_row_layout *ps_window_layout(const window_source *s)
{
    return s->config->spec.layout;
}
PS_INLINE const ps_row_col *ps_window_col(const window_source *s, uint32_t col)
{
    return &s->config->spec.layout->cols[col];
}
/* An integer argument of a row; false: null. */
bool ps_window_int(const window_source *s, uint32_t col, uint64_t row, int64_t *out);

/* window_frame.c */
ps_status ps_window_split(ps_ctx *cx, window_source *s);
bool ps_window_same(const window_config *config, uint32_t first, uint32_t n, const uint8_t *a,
                    const uint8_t *b);
/* Where the n rows from s->at on stand, and (frames) the frame of each for a call. */
void ps_window_place(window_source *s, uint32_t n);
ps_status ps_window_frames(ps_ctx *cx, window_source *s, const window_call *call, uint32_t n);
/* Row k's frame without what it excludes. */
uint32_t ps_window_pieces(const window_source *s, const window_call *call, uint32_t k,
                          window_range pieces[WINDOW_PIECES_MAX]);

/* window_value.c: ranks, lag, first_value and the like, of n rows. */
ps_status ps_window_value(ps_ctx *cx, window_source *s, uint32_t call, uint32_t n, ps_vec_buf *buf,
                          ps_vec *out);

/* window_agg.c, window_tree.c, window_list.c: aggregates. */
ps_status ps_window_aggregate(ps_ctx *cx, window_source *s, uint32_t call, uint32_t n,
                              ps_vec_buf *buf, ps_vec *out);
ps_status ps_window_feed(ps_ctx *cx, window_source *s, const window_call *call, ps_agg_heap *heap,
                         uint8_t *row, uint8_t *state);
ps_status ps_window_merge(ps_ctx *cx, window_source *s, const window_call *call, ps_agg_heap *heap,
                          uint8_t *to, uint8_t *from);
ps_status ps_window_flush(ps_ctx *cx, window_source *s, const window_call *call, ps_agg_heap *heap);
/* Whether the row counts: FILTER, and nulls where the class wants none. */
bool ps_window_wanted(const window_source *s, const window_call *call, const uint8_t *row);
/* Arguments of n rows; whether row k's frame is the one before's. */
ps_status ps_window_args(ps_ctx *cx, window_source *s, const window_call *call,
                         uint8_t *const *rows, uint32_t n, ps_vec *args);
bool ps_window_same_frame(const window_source *s, const window_call *call, uint32_t k);
/* Row k's frame in s->list: what counts, in order. */
ps_status ps_window_list(ps_ctx *cx, window_source *s, const window_call *call, window_work *w,
                         uint32_t k, uint32_t *n);
ps_status ps_window_collect(ps_ctx *cx, window_source *s, const window_call *call, window_work *w,
                            uint32_t n, ps_vec_buf *buf, ps_vec *out);
ps_status ps_window_tree_new(ps_ctx *cx, window_source *s, const window_call *call, window_work *w);
/* Adds the rows of a range to a state. */
ps_status ps_window_tree_add(ps_ctx *cx, window_source *s, const window_call *call, window_work *w,
                             ps_agg_heap *heap, window_range range, uint8_t *state);
ps_status ps_window_distinct_new(ps_ctx *cx, window_source *s, const window_call *call,
                                 window_work *w);
/* Forgets what belongs to a morsel; release: everything. */
void ps_window_work_clear(window_work *w);
void ps_window_work_release(window_work *w);

/* window_stream.c: when the sorter's rows are in files, in place of its `sorted`. next: replaces
 * the source's rows by the morsel's next ones; none are left when stream.over. */
void ps_window_stream_plan(window_config *config);
uint64_t ps_window_stream_morsels(const ps_op *op, const ps_sorter *sorter);
void ps_window_stream_start(window_source *s, uint64_t morsel);
/* *again: memory was refused, and may not be when it is called again. */
ps_status ps_window_stream_next(ps_ctx *cx, window_source *s, const ps_sorter *sorter, bool *again);
void ps_window_stream_release(window_stream *st);

/* window_plan.c plans these for the class of op_window.c. */
extern const ps_op_class ps_op_window_class;

#endif
