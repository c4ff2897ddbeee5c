/* exec/window.h -- what the files of the window operator share.
 *
 * Rows come sorted by (partition, order, position) and are named by their rank in that order, here
 * and wherever `rank`, `at`, `begin` or `end` of rows is said. What is in memory of them are
 * blocks, stretches of ranks. A morsel is a range of whole partitions. As a rule its rows are one
 * block; a partition that is larger than memory passes by in pieces, each a block that holds the
 * rows near it that frames may reach (window_stream.c), or, where frames reach further, becomes a
 * store of many blocks in a file (window_store.c). Results are made a batch at a time. */
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
#define WINDOW_NO_ROW UINT64_MAX

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
    bool by_value;       /* over a whole store its rows may come in the order of their values */
    bool fresh;          /* in a store it must be known which rows repeat none of the partition */
    ps_sort_spec sorted; /* of either: its arguments, then ranks */
    bool sums;           /* states of a store's whole blocks are of use */
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
    /* A partition's rows may come in pieces: no call reaches further than so many rows before and
     * after the current one; peers: but the end of its peers must be known. */
    bool streams, whole_peers;
    uint64_t back, ahead;
    uint64_t row_bytes; /* that calls take beside each row of a block */
} window_config;

typedef struct window_range {
    uint64_t begin, end;
} window_range;

/* Bytes of states; as long as the arena isn't reset. */
typedef struct window_heap {
    ps_agg_heap base;
    ps_arena arena;
} window_heap;

/* What a call made of a block's rows, by their place in it. */
typedef struct window_made {
    uint64_t *before;   /* IGNORE NULLS: values among the rows before each row; n + 1 */
    uint64_t *places;   /* IGNORE NULLS: their rows */
    uint64_t *previous; /* DISTINCT: 1 + rank of the last equal row before in the partition; 0:
                           none */
    uint8_t *levels[WINDOW_LEVELS_MAX]; /* TREE: states, leaves first */
    uint64_t level_n[WINDOW_LEVELS_MAX];
    uint32_t n_levels;
    window_heap heap; /* of those states */
} window_made;

/* Rows that are in memory. */
typedef struct window_block {
    uint64_t first, n;
    uint8_t *const *rows;
    /* Where its peer groups begin, then where the last one ends, as far as that is known; the first
     * may begin before the block, the last end after it. */
    uint64_t *groups, n_groups, groups_room;
    uint64_t first_group; /* the first one's number in its partition or morsel */
    uint64_t number;      /* in its store, from 1 on; 0: it is no store's */
    window_made *made;    /* by call */
    /* of a store: */
    ps_row_page page;
    uint8_t **addresses;
    uint64_t used; /* when, for choosing what goes */
} window_block;

/* One call's state in one source lane. */
typedef struct window_work {
    uint8_t *slots; /* states of a batch's frames */
    uint8_t *carry; /* RUNNING: the state of rows up to `added` of the partition from `carried` on;
                       COLLECT: the last result */
    uint64_t carried, added;
    bool has_carry, carry_null;
    window_range carry_frame; /* COLLECT */
    window_heap heaps[2];     /* of this batch's states and of the last one's */
    /* RANGE: the partition's rows whose key isn't null; where the last bounds were in a store */
    window_range keys;
    uint64_t keys_of; /* 1 + the partition's begin; 0: not known */
    uint64_t near[4];
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
    bool start_due, seek_due, filling;
    uint64_t morsel;
    ps_rows held, last;
    uint8_t **rows, *last_row;         /* what is held, in order; the row before `rank` */
    size_t n_rows, rows_room, n_added; /* that are in the store already */
    size_t check_at; /* rows held when it is looked again whether some can be given */
    uint64_t first;  /* rank of what is held */
    uint64_t given;  /* up to there */
    bool inside;     /* what is given ends inside of a partition */
    uint64_t last_begin;
    /* of the first row that is held: */
    uint64_t partition_begin, partition_group, group_begin, group;
} window_stream;

/* A source lane: the rows of its morsel, and where each of the batch's rows stands. */
typedef struct window_source {
    ps_arena arena;
    const ps_op *op;
    const window_config *config;
    window_stream stream;
    struct window_store *store; /* of one partition; NULL: none */
    uint32_t batch_rows;
    window_block whole;  /* all rows that are in memory, without a store */
    window_block *block; /* it, or the store's that has row `at` */
    uint64_t at, end;    /* what comes next; what may be given now ends there */
    uint64_t *partitions, n_partitions, partitions_room; /* begins, then the end */
    uint64_t partition, group; /* of row `at`: places in those, in the block's groups */
    uint64_t partition_group;  /* number of the first group of its partition */
    uint64_t groups_end;       /* and of the group after all */
    uint32_t parity;           /* of the batch: which heap is its */
    /* by row of the batch */
    window_range *bounds, *peers; /* its partition, its peers */
    uint64_t *group_of, *first_group;
    window_range *frames;
    uint64_t *wanted;  /* rows that values come from; WINDOW_NO_ROW: in targets already */
    uint8_t **targets; /* the same */
    ps_rows fetched;   /* copies of those that are in other blocks */
    uint8_t **states;
    /* rows to add to states, states to merge into states, for a call */
    uint8_t *feed_rows[WINDOW_CHUNK], *feed_states[WINDOW_CHUNK], *merge_to[WINDOW_CHUNK],
        *merge_from[WINDOW_CHUNK];
    uint32_t n_feed, n_merge;
    const window_call *feed_call;
    ps_agg_heap *feed_heap;
    uint64_t feed_block; /* number of the block that the rows are of */
    uint64_t fed;        /* rows ever: their positions */
    uint8_t **list;      /* DIRECT, COLLECT: a frame's rows */
    uint64_t list_room;
    ps_rows listed; /* copies of those that are in other blocks */
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
PS_INLINE bool ps_window_in(const window_block *block, uint64_t rank)
{
    return rank - block->first < block->n; /* wraps */
}
PS_INLINE uint8_t *ps_window_row(const window_block *block, uint64_t rank)
{
    return block->rows[rank - block->first];
}
PS_INLINE uint32_t ps_window_call_at(const window_source *s, const window_call *call)
{
    return (uint32_t)(call - s->config->calls);
}
/* The block of a row: it stays until the next one is asked for, the one of row `at` longer. What
 * waits to be added or merged is before one goes. */
ps_status ps_window_store_block(ps_ctx *cx, window_source *s, uint64_t rank, window_block **out);
PS_INLINE ps_status ps_window_block_of(ps_ctx *cx, window_source *s, uint64_t rank,
                                       window_block **out)
{
    *out = s->block;
    return ps_window_in(s->block, rank) ? PS_OK : ps_window_store_block(cx, s, rank, out);
}
/* An integer argument of a row in the block of row `at`; false: null. */
bool ps_window_int(const window_source *s, uint32_t col, uint64_t rank, int64_t *out);

/* window_frame.c */
bool ps_window_same(const window_config *config, uint32_t first, uint32_t n, const uint8_t *a,
                    const uint8_t *b);
bool ps_window_same_partition(const window_config *config, const uint8_t *a, const uint8_t *b);
bool ps_window_same_peers(const window_config *config, const uint8_t *a, const uint8_t *b);
/* Partitions and peers of s->whole; its first row's are those of s->stream where it isn't new. */
ps_status ps_window_split(ps_ctx *cx, window_source *s, bool fresh);
/* There is but this one. */
ps_status ps_window_one_partition(ps_ctx *cx, window_source *s, window_range partition);
/* Peers of a block of one partition, whose first group begins at group_begin. */
ps_status ps_window_split_block(ps_ctx *cx, const window_config *config, window_block *block,
                                uint64_t group_begin, uint64_t group_end);
/* Where the n rows from s->at on stand, and (frames) the frame of each for a call. */
void ps_window_place(window_source *s, uint32_t n);
ps_status ps_window_frames(ps_ctx *cx, window_source *s, const window_call *call, uint32_t n);
/* Row k's frame without what it excludes. */
uint32_t ps_window_pieces(const window_source *s, const window_call *call, uint32_t k,
                          window_range pieces[WINDOW_PIECES_MAX]);

/* window_value.c: ranks, lag, first_value and the like, of n rows. */
ps_status ps_window_value(ps_ctx *cx, window_source *s, uint32_t call, uint32_t n, ps_vec_buf *buf,
                          ps_vec *out);
/* IGNORE NULLS: where a block's values are. */
ps_status ps_window_values_find(ps_ctx *cx, const window_source *s, const window_call *call,
                                const window_block *block, window_made *made);

/* window_agg.c, window_tree.c, window_list.c: aggregates. */
ps_status ps_window_aggregate(ps_ctx *cx, window_source *s, uint32_t call, uint32_t n,
                              ps_vec_buf *buf, ps_vec *out);
void ps_window_heap_init(window_heap *heap);
/* Rows and states that wait are of this call and heap, and rows of this block. */
ps_status ps_window_feeding(ps_ctx *cx, window_source *s, const window_call *call,
                            ps_agg_heap *heap, const window_block *block);
ps_status ps_window_feed(ps_ctx *cx, window_source *s, uint8_t *row, uint8_t *state);
/* The rows of a range, a block after the other. */
ps_status ps_window_feed_rows(ps_ctx *cx, window_source *s, const window_call *call,
                              ps_agg_heap *heap, window_range range, uint8_t *state);
ps_status ps_window_merge(ps_ctx *cx, window_source *s, uint8_t *to, uint8_t *from);
ps_status ps_window_flush(ps_ctx *cx, window_source *s);
/* Whether the row counts: FILTER, and nulls where the class wants none. */
bool ps_window_wanted(const window_source *s, const window_call *call, const uint8_t *row);
/* Arguments of n rows; whether row k's frame is the one before's. */
ps_status ps_window_args(ps_ctx *cx, window_source *s, const window_call *call,
                         uint8_t *const *rows, uint32_t n, ps_vec *args);
bool ps_window_same_frame(const window_source *s, const window_call *call, uint32_t k);
/* Row k's frame in s->list: what counts, in order. */
ps_status ps_window_list(ps_ctx *cx, window_source *s, const window_call *call, uint32_t k,
                         uint32_t *n);
ps_status ps_window_collect(ps_ctx *cx, window_source *s, const window_call *call, window_work *w,
                            uint32_t n, ps_vec_buf *buf, ps_vec *out);
/* Levels over the lowest, which is there. */
ps_status ps_window_tree_grow(ps_ctx *cx, window_source *s, const window_call *call,
                              window_made *made);
/* Adds the rows of a range, or nodes of the lowest level, to a state. */
ps_status ps_window_tree_add(ps_ctx *cx, window_source *s, const window_call *call,
                             ps_agg_heap *heap, window_range range, uint8_t *state);
ps_status ps_window_tree_nodes(ps_ctx *cx, window_source *s, const window_call *call,
                               window_made *made, window_range nodes, uint8_t *state);
/* previous[i], zeroed: 1 + the place of the last row before i with equal arguments that counts. */
ps_status ps_window_repeats(ps_ctx *cx, const window_source *s, const window_call *call,
                            uint8_t *const *rows, uint64_t n, uint64_t *previous);
ps_status ps_window_distinct_new(ps_ctx *cx, window_source *s, const window_call *call,
                                 const window_block *block, window_made *made);
/* What calls made of a block is forgotten: its rows go. */
void ps_window_block_clear(const window_config *config, window_block *block);
void ps_window_work_release(window_work *w);

/* window_stream.c: when the sorter's rows are in files, in place of its `sorted`. next: makes
 * s->at to s->end the morsel's next rows; more: whether there may be some after those. */
void ps_window_stream_plan(window_config *config);
uint64_t ps_window_stream_morsels(const ps_op *op, const ps_sorter *sorter);
void ps_window_stream_start(window_source *s, uint64_t morsel);
bool ps_window_stream_more(const window_source *s);
/* *again: memory was refused, and may not be when it is called again. */
ps_status ps_window_stream_next(ps_ctx *cx, window_source *s, const ps_sorter *sorter, bool *again);
void ps_window_stream_release(window_stream *st);
/* What a lane may hold in a piece: bytes, and rows. */
uint64_t ps_window_piece_bytes(const ps_op *op);
uint64_t ps_window_piece_rows(const ps_op *op);

/* window_store.c: one partition's rows from some row on, in a file. */
typedef struct window_store window_store;
/* Of the rows that the stream holds, and those that follow. */
ps_status ps_window_store_new(ps_ctx *cx, window_source *s, const ps_sorter *sorter);
void ps_window_store_free(window_source *s);
/* Adds the partition's next rows, which come after `before`, as one block; nothing on failure. */
ps_status ps_window_store_add(ps_ctx *cx, window_source *s, const uint8_t *before,
                              uint8_t *const *rows, uint64_t n);
uint64_t ps_window_store_rows(const window_source *s); /* how many that should be */
ps_status ps_window_store_seal(ps_ctx *cx, window_source *s);
bool ps_window_store_sealed(const window_store *store);
/* To the block of row s->at. */
ps_status ps_window_store_next(ps_ctx *cx, window_source *s);
/* Ranks that it has. */
window_range ps_window_store_range(const window_store *store);
/* Where the group with this number begins. */
ps_status ps_window_store_group(ps_ctx *cx, window_source *s, uint64_t number, uint64_t *begin);
/* Values before a row, and the row of a value, by their number in the store. */
ps_status ps_window_store_values(ps_ctx *cx, window_source *s, const window_call *call,
                                 uint64_t rank, uint64_t *n);
ps_status ps_window_store_place(ps_ctx *cx, window_source *s, const window_call *call,
                                uint64_t value, uint64_t *rank);
/* Adds the states of whole blocks in the range, and gives those rows: maybe none. */
ps_status ps_window_store_sums(ps_ctx *cx, window_source *s, const window_call *call,
                               window_range range, uint8_t *state, window_range *added);

/* Whether row `rank` repeats no row before that counts. */
bool ps_window_store_fresh(const window_source *s, const window_call *call, uint64_t rank);

/* window_sorted.c: the same of all rows, as bits by their place in the store. */
ps_status ps_window_sorted_plan(ps_ctx *cx, ps_arena *arena, window_call *call);
ps_status ps_window_sorted_fresh(ps_ctx *cx, window_source *s, const window_call *call,
                                 uint64_t **bits);

/* All rows that count as a run in the order of their values, for classes that want them so. */
typedef struct window_by_value window_by_value;
ps_status ps_window_by_value_new(ps_ctx *cx, window_source *s, const window_call *call,
                                 window_by_value **out);
void ps_window_by_value_free(window_by_value *v); /* NULL ok */
ps_agg_run *ps_window_by_value_run(window_by_value *v);
/* The store's, if the frame is all of the partition and it helps; else *run is NULL. */
ps_status ps_window_store_run(ps_ctx *cx, window_source *s, const window_call *call,
                              window_range frame, ps_agg_run **run);

/* window_plan.c plans these for the class of op_window.c. */
extern const ps_op_class ps_op_window_class;

#endif
