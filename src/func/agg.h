/* func/agg.h -- aggregate functions: fixed-size states that live in row pages.
 *
 * A state is state_bytes of plain memory (8-byte aligned) inside a group's row; its only pointers
 * are the ps_views listed in `views`, whose bytes are in the row's heap: so a page of states can be
 * written out, read back elsewhere and merged (col/rows.h). States start zeroed: zero must mean
 * "no row seen". update and merge are order-free to the last bit (integers exactly; floats by
 * agg_binned.h) unless the function is order_sensitive: then they use positions.
 *
 * Aggregates that must see all their rows (median, quantile, string_agg, list, mode) have no state
 * here: `collect` is set, the operator keeps argument rows in pages, brings them into the order of
 * groups, ORDER BY and position, and calls finish_run once per group. A group may be larger than
 * memory: then a class with `by_value` gets its rows sorted by value instead. */
#ifndef PS_FUNC_AGG_H
#define PS_FUNC_AGG_H

#include "func/func.h"

/* One aggregate of one Aggregate node, bound. */
typedef struct ps_agg {
    const ps_agg_class *class;
    const ps_expr *expr; /* the AGGREGATE node: func, args' types, result type */
    ps_type arg_types[4];
    uint32_t n_args;
} ps_agg;

/* Where states keep bytes that outlive a batch. */
typedef struct ps_agg_heap {
    char *(*alloc)(ps_ctx *cx, struct ps_agg_heap *heap,
                   size_t bytes); /* NULL: failed, error recorded */
} ps_agg_heap;

typedef enum ps_agg_shape {
    PS_AGG_ONE, /* every row goes to states[0] */
    PS_AGG_FEW, /* the k-th wanted row goes to states[groups[k]], n_groups <= PS_AGG_FEW_MAX:
                 * accumulate per group in registers or a small table, then touch each state once */
    PS_AGG_ROWS /* the k-th wanted row goes to states[k] */
} ps_agg_shape;
enum { PS_AGG_FEW_MAX = 256, PS_AGG_DENSE_MAX = 8, PS_AGG_NO_GROUP = 255 };

/* One lane's working memory for updates: contents mean nothing between calls. */
typedef struct ps_agg_scratch {
    uint32_t idx[PS_BATCH_ROWS_MAX], rows[PS_BATCH_ROWS_MAX];
    uint8_t groups[PS_BATCH_ROWS_MAX];
    uint8_t *states[PS_BATCH_ROWS_MAX];
    uint32_t group_n[PS_AGG_FEW_MAX];
    int64_t slots[PS_BATCH_ROWS_MAX];
} ps_agg_scratch;

typedef struct ps_agg_update {
    ps_ctx *cx;
    const ps_agg *agg;
    const ps_vec *args; /* rows of any encoding and layout; nulls as they are */
    const uint32_t
        *sel; /* wanted rows, NULL: 0..n-1; FILTER and nulls of keys are applied already */
    uint32_t n;
    ps_agg_shape shape;
    const uint8_t *groups; /* FEW: by k */
    uint32_t n_groups;
    const uint32_t *group_n; /* FEW: wanted rows of each group; its sum is n */
    /* FEW, optional: the group of physical rows 0..n_dense-1, PS_AGG_NO_GROUP for rows that aren't
     * wanted: for loops over groups instead of rows. Only up to PS_AGG_DENSE_MAX groups. */
    const uint8_t *dense;
    uint32_t n_dense;
    uint8_t *const *states;     /* addresses of the states */
    uint64_t morsel, first_row; /* position of physical row 0 */
    ps_agg_heap *heap;
    ps_agg_scratch *scratch;
} ps_agg_update;

/* The argument rows of one group, in order; maybe from a file. */
enum { PS_AGG_READ_ROWS = 1024 };
typedef struct ps_agg_run {
    uint64_t n;
    /* By the first argument (NaN last, text by bytes), ties in order. Else, and with by_value,
     * rows are in memory: their text stays where it is after a read. */
    bool sorted;
    /* Up to n_max <= PS_AGG_READ_ROWS rows from the at-th on (at < run->n) as FLAT vectors, until
     * the next read. Any place may be asked for; what comes next is cheapest. */
    ps_status (*read)(ps_ctx *cx, struct ps_agg_run *run, uint64_t at, uint32_t n_max, ps_vec *args,
                      uint32_t *n);
    /* Sorted runs: keeps row i of the last read as the newer of two rows; whether it comes before
     * the older one in the order that was there first; the newer one becomes the older. */
    ps_status (*keep)(ps_ctx *cx, struct ps_agg_run *run, uint32_t i);
    bool (*newer_first)(const struct ps_agg_run *run);
    void (*keep_newer)(struct ps_agg_run *run);
} ps_agg_run;

struct ps_agg_class {
    uint32_t state_bytes; /* multiple of 8 */
    uint8_t n_views;
    uint8_t views[2]; /* offsets of ps_views in the state */
    bool collect, by_value;
    const ps_agg_class *plain; /* stands in with deterministic = off; NULL: nothing is cheaper */
    /* The class for these argument types, NULL: none; without select: this one. */
    const ps_agg_class *(*select)(const ps_expr *expr);
    ps_status (*update)(const ps_agg_update *update);
    /* Adds states src[i] into dst[i]; views of src are copied into the heap. */
    ps_status (*merge)(ps_ctx *cx, const ps_agg *agg, uint8_t *const *dst, uint8_t *const *src,
                       uint32_t n, ps_agg_heap *heap);
    /* Results of n states as a FLAT vector in buf; a state that overflowed its result type is
     * PS_VALUE. */
    ps_status (*finish)(ps_ctx *cx, const ps_agg *agg, uint8_t *const *states, uint32_t n,
                        ps_vec_buf *buf, ps_vec *out);
    /* collect: the result of one group, appended as row `row` of out. */
    ps_status (*finish_run)(ps_ctx *cx, const ps_agg *agg, ps_agg_run *run, ps_vec_buf *buf,
                            uint32_t row, ps_vec *out);
};

/* Two aggregates over equal arguments, filters and distinctness may share one state when they agree
 * on update and state_bytes: sum and avg do. */
PS_INLINE bool ps_agg_shares_state(const ps_agg_class *a, const ps_agg_class *b)
{
    return !a->collect && !b->collect && a->update == b->update && a->state_bytes == b->state_bytes;
}

/* The class for the bound aggregate (by argument types); PS_UNSUPPORTED when there is none. */
ps_status ps_agg_bind(ps_ctx *cx, const ps_expr *expr, ps_agg *out);

#endif
