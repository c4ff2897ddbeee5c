/* exec/join.h -- the hash join's parts: join_build.c, join_keys.c, join_table.c, join_probe.c,
 * op_join.c.
 *
 * One side is built: its rows lie in row pages, and a directory says which rows a hash (or a dense
 * integer key) may match. The other side probes, batch by batch. What must be known about all probe
 * rows first (unmatched build rows of outer joins, semi joins that give build rows) is given
 * afterwards by the rest source.
 *
 * Positions: a pair's is (probe row, build row). Rows of a partition are put in the directory in
 * the order of their positions, whatever lanes brought them, so pairs come out in that order for
 * any number of threads.
 *
 * The directory (Birler, Kemper, Neumann: Simple, Efficient, and Robust Hash Tables for Join
 * Processing, DaMoN 2024): a slot is the end of its bucket in one array of row addresses, shifted
 * left by 16, and 16 tag bits that say which hashes are there at all. Sixteen partitions by the
 * hash's upper bits are built in parallel. A single integer key whose range is not much wider than
 * its number of rows gets a dense array instead: no hash, no key comparison. */
#ifndef PS_EXEC_JOIN_H
#define PS_EXEC_JOIN_H

#include "base/thread.h"
#include "col/rows.h"
#include "exec/phys.h"

enum {
    PS_JOIN_PARTS = 16,
    PS_JOIN_NULL_PART = PS_JOIN_PARTS,
    PS_JOIN_ALL_PARTS = PS_JOIN_PARTS + 1
};

typedef enum ps_probe_kind {
    PS_PROBE_INNER,  /* pairs */
    PS_PROBE_OUTER,  /* pairs, and probe rows without one */
    PS_PROBE_SINGLE, /* the same; a second pair of a probe row is an error */
    PS_PROBE_SEMI,   /* probe rows with a pair */
    PS_PROBE_ANTI,   /* probe rows without one */
    PS_PROBE_MARK,   /* all probe rows, with a boolean */
    PS_PROBE_NONE    /* nothing: only marks build rows */
} ps_probe_kind;

typedef enum ps_rest_kind { PS_REST_NONE, PS_REST_UNMATCHED, PS_REST_MATCHED } ps_rest_kind;

/* Where an output column comes from. */
typedef enum ps_join_side { PS_SIDE_PROBE, PS_SIDE_BUILD, PS_SIDE_MARK } ps_join_side;
typedef struct ps_join_out {
    ps_join_side side;
    uint32_t index; /* PROBE: batch column; BUILD: layout column */
} ps_join_out;

/* What a dynamic filter asks. */
typedef struct ps_join_filter {
    const ps_op *op;
    uint32_t key;
} ps_join_filter;

typedef struct ps_join_config {
    ps_probe_kind probe;
    ps_rest_kind rest;
    bool build_left; /* the left input is built, the right one probes */
    uint32_t n_keys;
    const bool *null_equal;                    /* by key */
    const ps_program *build_keys, *probe_keys; /* n_keys expressions each */
    uint32_t n_payload;
    const uint32_t
        *payload; /* build batch columns kept beside the keys: layout columns n_keys + i */
    const ps_row_layout *layout;
    const ps_join_out *outs; /* op->n_cols */
    /* What else must be true of a pair: over pair_cols, gathered for each batch of pairs. */
    const ps_program *residual; /* NULL: nothing */
    bool sound;                 /* the residual has no errors: pairs may be asked for in vain */
    const ps_join_out *pair_cols;
    uint32_t n_pair_cols;
    ps_dynamic_filter **dynamic; /* filters to fill when the build side is sealed */
    uint32_t n_dynamic;
    struct ps_join_filter *dynamic_states; /* which key each is for */
} ps_join_config;

/* The rows that one lane brought to one partition; each run is one morsel's, in order. */
typedef struct ps_join_run {
    uint64_t morsel;
    ps_row_cursor at;
    uint64_t n;
} ps_join_run;
typedef struct ps_join_lane_part {
    ps_rows rows;
    PS_ARRAY(ps_join_run) runs;
} ps_join_lane_part;
typedef struct ps_join_lane {
    ps_join_lane_part parts[PS_JOIN_ALL_PARTS];
} ps_join_lane;

typedef struct ps_join_part {
    uint64_t n;
    uint8_t **entries; /* row addresses, by bucket, in order of position within one */
    uint64_t *slots;   /* n_slots + 1; slots[s] is the begin of s and the end of s - 1; see above */
    uint64_t mask;
    uint32_t shift;
} ps_join_part;

/* The values of one integer key on the build side: the range, and a bit for each value of it, bit
 * value - lo; bit `range` is 0. A hundredth of the memory that finding a row touches. */
typedef struct ps_join_key_set {
    bool known; /* an integer key, measured */
    int64_t lo, hi;
    _Atomic uint64_t *bits; /* NULL: the range is too wide for the number of rows */
    uint64_t range;
} ps_join_key_set;

typedef struct ps_join_shared {
    ps_mutex mutex; /* guards lanes while they combine */
    bool ready;     /* the mutex was made */
    PS_ARRAY(ps_join_lane *) lanes;
    ps_join_part parts[PS_JOIN_ALL_PARTS];
    uint64_t n_rows;       /* with a key that can match */
    _Atomic bool has_null; /* a key that can't match was seen */
    bool dense;
    int64_t dense_lo;
    uint64_t dense_range;  /* slots */
    uint64_t *dense_slots; /* 0: none; even: the only row's address; odd: begin << 32 | n << 1 | 1
                              into dense_entries */
    uint8_t **dense_entries;
    uint64_t dense_first[PS_JOIN_PARTS]; /* each partition's first place in dense_entries */
    ps_join_key_set *key_sets;           /* by key; NULL: no rows */
} ps_join_shared;

/* join_build.c: the sink's slots. */
typedef struct ps_join_build_local ps_join_build_local;
extern const size_t ps_join_build_size;
ps_status ps_join_build_open(ps_ctx *cx, ps_op *op, void *local);
ps_status ps_join_build(ps_ctx *cx, ps_op *op, void *local, const ps_batch *batch, ps_flow *flow);
ps_status ps_join_build_combine(ps_ctx *cx, ps_op *op, void *local);
void ps_join_build_close(ps_op *op, void *local);

/* join_table.c: the directory. */
ps_status ps_join_table_plan(ps_ctx *cx, ps_op *op, uint64_t *n_tasks);
ps_status ps_join_table_task(ps_ctx *cx, ps_op *op, uint64_t task);
ps_status ps_join_table_seal(ps_ctx *cx, ps_op *op);
void ps_join_table_close(ps_op *op);
/* The bucket of n keys: entries [begin, end) of each; empty ones have begin == end. */
typedef struct ps_join_bucket {
    uint8_t *const *at;
    uint32_t n;
    uint8_t *only;
} ps_join_bucket;
/* Finds candidates for the live rows: writes the physical row and the bucket of those that have
 * any; gives their number. For a bucket of one, `only` is its row and `at` NULL. Dense tables read
 * the key vector, others the hashes. */
uint32_t ps_join_find(const ps_join_shared *shared, const uint64_t *hashes, const uint32_t *rows,
                      uint32_t n, uint32_t *rows_out, ps_join_bucket *out);
uint32_t ps_join_find_dense(const ps_join_shared *shared, const ps_vec *key, const uint32_t *rows,
                            uint32_t n, uint32_t *rows_out, ps_join_bucket *out);
/* Dynamic filters: which rows of a column may match. state is a ps_join_filter. */
ps_status ps_join_may_match(ps_ctx *cx, const void *state, const ps_vec *vec, const uint32_t *sel,
                            uint32_t n, uint32_t *sel_out, uint32_t *n_out);

/* join_keys.c: what integer keys there are. Planned when all rows are there, then filled. */
int64_t ps_join_key_of(const ps_row_layout *layout, uint32_t key, const uint8_t *row);
ps_status ps_join_keys_plan(ps_ctx *cx, ps_op *op);
ps_status ps_join_keys_add(ps_ctx *cx, ps_join_shared *shared, const ps_join_config *config,
                           uint8_t *const *rows, uint64_t n);
/* Those of the rows whose value is in a set with bits. */
uint32_t ps_join_keys_find(const ps_join_key_set *set, const ps_reader_view *view, ps_layout layout,
                           const uint32_t *rows, uint32_t n, uint32_t *rows_out);
void ps_join_keys_release(ps_join_shared *shared, const ps_join_config *config);

/* join_probe.c: the transform's slots. */
extern const size_t ps_join_probe_size;
ps_status ps_join_probe_open(ps_ctx *cx, ps_op *op, void *local);
ps_status ps_join_probe(ps_ctx *cx, ps_op *op, void *local, const ps_batch *in, ps_batch *out,
                        ps_flow *flow);
void ps_join_probe_close(ps_op *op, void *local);

/* join_rest.c: the source's slots. */
extern const size_t ps_join_rest_size;
ps_status ps_join_rest_plan(ps_ctx *cx, ps_op *op, uint64_t *n_morsels);
ps_status ps_join_rest_open(ps_ctx *cx, ps_op *op, void *local);
ps_status ps_join_rest_start(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel);
ps_status ps_join_rest_next(ps_ctx *cx, ps_op *op, void *local, ps_batch *out, bool *done);
void ps_join_rest_close(ps_op *op, void *local);

/* A build row's mark that a pair was found; set by any lane. */
PS_INLINE void ps_join_mark(const ps_row_layout *layout, uint8_t *row)
{
    /* relaxed: read only after all probes have drained, which the scheduler's mutex orders */
    __atomic_store_n(row + layout->state_at, 1, __ATOMIC_RELAXED);
}

#endif
