/* exec/join.h -- the hash join's parts: join_build.c, join_once.c, join_keys.c, join_table.c,
 * join_probe.c, join_rest.c, op_join.c; for what does not fit into memory join_spill.c,
 * join_defer.c, join_part.c, join_order.c.
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
 * its number of rows gets a dense array instead; one whose values have a bit each (join_keys.c), an
 * array by the number of the bit: no hash, no key comparison.
 *
 * What does not fit: partitions of the build side are written to a temporary file, the largest
 * first (join_spill.c), and probe rows that belong to them too (join_defer.c); the others are
 * joined as always. Then the rest source joins the spilled partitions one by one (join_part.c).
 * Where somebody above could tell, all rows of such a join are sorted by their positions again
 * before they go on (join_order.c): the same rows in the same order, spilled or not. */
#ifndef PS_EXEC_JOIN_H
#define PS_EXEC_JOIN_H

#include "base/thread.h"
#include "col/rows.h"
#include "exec/phys.h"
#include "exec/sorter.h"

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

/* A column of the probe side's batches and the layout column it is stored as. */
typedef struct ps_join_stored {
    uint32_t column, stored;
} ps_join_stored;

/* What a dynamic filter asks. */
typedef struct ps_join_filter {
    const ps_op *op;
    uint32_t key;
} ps_join_filter;

/* The values of a build key that some row of the probe side may have. */
typedef struct ps_join_span {
    int64_t lo, hi;
} ps_join_span;

typedef struct ps_join_config {
    ps_probe_kind probe;
    ps_rest_kind rest;
    bool build_left; /* the left input is built, the right one probes */
    bool once;       /* a build row with a key that another one has adds nothing */
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
    /* Probe rows in the file: key values, then what else is needed of them; a state of 16 bytes is
     * the row's position (morsel, row). */
    const ps_row_layout *probe_layout;
    const ps_join_stored *stored;
    uint32_t n_stored, n_probe_cols; /* of the probe side's batches */
    ps_op *order;                    /* sorts what a spilled join gives; NULL: any order will do */
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
typedef struct ps_join_range {
    int64_t lo, hi; /* lo > hi: no rows */
} ps_join_range;
typedef struct ps_join_lane {
    ps_join_lane_part parts[PS_JOIN_ALL_PARTS];
    ps_join_range
        *ranges; /* by key, of rows in the file; of all, once it has combined; NULL: none */
    uint32_t batches;
    uint32_t moved; /* counts how often rows in memory went away: kept addresses say nothing then */
} ps_join_lane;

typedef struct ps_join_part {
    uint64_t n;        /* rows in memory */
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
    /* The slots are numbered by the keys there are, not by value: a key's number is how many bits
     * of the key set are set before its own. */
    bool ranked;
    uint32_t *dense_ranks;               /* by word of the bits: those set before it */
    uint64_t n_bit_tasks;                /* tasks that set bits, before those that fill slots */
    uint64_t dense_first[PS_JOIN_PARTS]; /* each partition's first place in dense_entries */
    ps_join_key_set *key_sets;           /* by key; NULL: no rows */
    /* Bit p: partition p goes to the file. Lanes set bits while they build; nobody after that. */
    _Atomic uint32_t spilled;
    bool one_task;                   /* makes all directories */
    _Atomic uint32_t refused;        /* partitions whose directory got no memory */
    ps_spill *spill;                 /* made under the mutex */
    ps_rows deferred[PS_JOIN_PARTS]; /* probe rows of spilled partitions; grow under the mutex */
} ps_join_shared;

PS_INLINE uint32_t ps_join_spilled(const ps_join_shared *shared)
{
    /* relaxed: a lane that sees a bit late writes its part out later */
    return atomic_load_explicit(&((ps_join_shared *)(uintptr_t)shared)->spilled,
                                memory_order_relaxed);
}

/* join_build.c: the sink's slots. */
typedef struct ps_join_build_local ps_join_build_local;
extern const size_t ps_join_build_size;
ps_status ps_join_build_open(ps_ctx *cx, ps_op *op, void *local);
ps_status ps_join_build(ps_ctx *cx, ps_op *op, void *local, const ps_batch *batch, ps_flow *flow);
ps_status ps_join_build_combine(ps_ctx *cx, ps_op *op, void *local);
void ps_join_build_close(ps_op *op, void *local);
ps_join_lane *ps_join_build_lane(const void *local);

/* join_once.c: rows that are not kept. */
typedef struct ps_join_once ps_join_once;
ps_status ps_join_once_new(ps_ctx *cx, ps_arena *arena, ps_join_once **out);
/* Takes those of the n rows out whose key may be that of a row that is kept, and gives their
 * number; the others are to be kept now. */
uint32_t ps_join_once_split(ps_join_once *once, const ps_join_lane *lane, uint32_t *rows,
                            uint64_t *hashes, uint32_t *n);
void ps_join_once_kept(ps_join_once *once, const uint64_t *hashes, uint8_t *const *kept,
                       uint32_t n);
/* Of the n_same rows that were taken out: those that are to be kept too. */
ps_status ps_join_once_rest(ps_ctx *cx, ps_join_once *once, const ps_join_lane *lane,
                            const ps_vec *vecs, uint32_t n_same, uint32_t *rows, uint64_t *hashes,
                            uint32_t *n);

/* join_spill.c: the build side in the file. */
bool ps_join_is_limited(const ps_op *op); /* memory may be short: there is a limit, or a test */
uint32_t ps_join_page_bytes(const ps_op *op);
/* Rows that go to the file make up a page. */
bool ps_join_page_is_full(const ps_op *op, const ps_rows *rows);
/* Before a batch: when memory is short, says which partition goes; writes out what goes. */
ps_status ps_join_lane_check(ps_ctx *cx, ps_op *op, ps_join_lane *lane);
/* Writes out what is wanted and a little more, half of what the lane has at most. */
ps_status ps_join_lane_shrink(ps_ctx *cx, ps_op *op, ps_join_lane *lane, uint64_t wanted);
/* Writes out the lane's rows of all partitions that go. */
ps_status ps_join_lane_spill(ps_ctx *cx, ps_op *op, ps_join_lane *lane);
/* The ranges of integer keys must be known of rows that nobody sees again before the probe. */
ps_status ps_join_lane_measure(ps_ctx *cx, const ps_join_config *config, ps_join_lane *lane,
                               const ps_rows *rows);
uint64_t ps_join_lane_bytes(const ps_join_lane *lane);
/* All rows are there: what does not fit beside its directory goes. */
ps_status ps_join_spill_plan(ps_ctx *cx, ps_op *op);
/* After the tasks: partitions that got no memory go too. */
ps_status ps_join_spill_refused(ps_ctx *cx, ps_op *op);
uint64_t ps_join_bytes(const ps_op *op, const void *local);
ps_status ps_join_shrink(ps_ctx *cx, ps_op *op, void *local, uint64_t wanted);
/* Gives a partition's memory back. */
void ps_join_part_free(ps_join_shared *shared, int p);
ps_status ps_join_spill_file(ps_ctx *cx, ps_op *op, ps_spill **out);

/* join_reader.c: rows of one partition in the order of their positions, wherever they are. */
typedef struct ps_join_reader {
    PS_ARRAY(struct ps_join_reader_run) runs;
    PS_ARRAY(struct ps_join_reader_page) pages; /* one of each lane, read from the file */
    size_t run;
    ps_row_cursor at; /* in the current run */
    uint64_t left;    /* of the current run */
    uint64_t n_given;
} ps_join_reader;
/* Of all lanes' rows of partition p, or of all rows of a collection. */
ps_status ps_join_reader_init(ps_ctx *cx, ps_join_reader *reader, const ps_join_shared *shared,
                              int p);
ps_status ps_join_reader_init_rows(ps_ctx *cx, ps_join_reader *reader, const ps_rows *rows);
uint64_t ps_join_reader_rows(const ps_join_reader *reader); /* of all runs */
void ps_join_reader_release(ps_join_reader *reader);
/* The next 1 to n_max rows, fewer at the end of a page: *n, 0 at the end; they stay until the next
 * call. On PS_MEMORY it stays where it was. */
ps_status ps_join_reader_next(ps_ctx *cx, ps_join_reader *reader, uint32_t n_max, uint8_t **out,
                              uint32_t *n);
/* Goes back to a place that a copy of run, at, left and n_given tells. */
typedef struct ps_join_mark_at {
    size_t run;
    ps_row_cursor at;
    uint64_t left, n_given;
} ps_join_mark_at;
ps_join_mark_at ps_join_reader_at(const ps_join_reader *reader);
void ps_join_reader_back(ps_join_reader *reader, ps_join_mark_at to);

/* join_table.c: the directory. */
ps_status ps_join_table_plan(ps_ctx *cx, ps_op *op, uint64_t *n_tasks);
ps_status ps_join_table_task(ps_ctx *cx, ps_op *op, uint64_t task);
ps_status ps_join_table_more(ps_ctx *cx, ps_op *op, uint64_t *n_tasks);
ps_status ps_join_table_seal(ps_ctx *cx, ps_op *op);
ps_status ps_join_table_part(ps_ctx *cx, ps_op *op, int p);
void ps_join_table_drop_dense(ps_join_shared *shared);
void ps_join_table_filters(ps_op *op); /* tells the probe's scans what is known of the keys */
uint64_t ps_join_directory_bytes(uint64_t n_rows);
void ps_join_directory_free(ps_join_part *part);
/* A directory over rows in the order of their positions; 4 * level upper bits of all hashes say
 * nothing. */
ps_status ps_join_directory(ps_ctx *cx, ps_join_part *part, uint8_t *const *rows, uint32_t level);
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
/* The same in one directory. */
uint32_t ps_join_find_in(const ps_join_part *part, const uint64_t *hashes, const uint32_t *rows,
                         uint32_t n, uint32_t *rows_out, ps_join_bucket *out);
uint32_t ps_join_find_dense(const ps_join_shared *shared, const ps_vec *key, const uint32_t *rows,
                            uint32_t n, uint32_t *rows_out, ps_join_bucket *out);
/* Dynamic filters: which rows of a column may match. state is a ps_join_filter. */
ps_status ps_join_may_match(ps_ctx *cx, const void *state, const ps_vec *vec, const uint32_t *sel,
                            uint32_t n, uint32_t *sel_out, uint32_t *n_out);

/* The same on the build's scan. state is a ps_join_span. */
ps_status ps_join_in_span(ps_ctx *cx, const void *state, const ps_vec *vec, const uint32_t *sel,
                          uint32_t n, uint32_t *sel_out, uint32_t *n_out);

/* join_keys.c: what integer keys there are. Planned when all rows are there, then filled. */
bool ps_join_key_is_integer(const ps_join_config *config, uint32_t key);
/* Whether somebody wants to know what values an integer key has. */
bool ps_join_key_is_asked(const ps_join_config *config, uint32_t key);
/* Widens the ranges by the rows of the collection's pages that are in memory. */
ps_status ps_join_keys_measure(ps_ctx *cx, const ps_join_config *config, const ps_rows *rows,
                               uint32_t key, ps_join_range *range);
int64_t ps_join_key_of(const ps_row_layout *layout, uint32_t key, const uint8_t *row);
ps_status ps_join_keys_plan(ps_ctx *cx, ps_op *op);
ps_status ps_join_keys_add(ps_ctx *cx, ps_join_shared *shared, const ps_join_config *config,
                           uint8_t *const *rows, uint64_t n);
/* The same of a partition's rows in memory. */
ps_status ps_join_keys_add_part(ps_ctx *cx, ps_join_shared *shared, const ps_join_config *config,
                                int p);
bool ps_join_keys_in_place(const ps_reader_view *view); /* a row's slot is its own */
/* Those of the rows (NULL, where slots are in place: all n) whose value is in a set with bits;
 * rows_out may be rows. */
uint32_t ps_join_keys_find(const ps_join_key_set *set, const ps_reader_view *view, ps_layout layout,
                           const uint32_t *rows, uint32_t n, uint32_t *rows_out);
void ps_join_keys_drop_bits(ps_join_shared *shared, const ps_join_config *config);

/* join_defer.c: probe rows that wait for their partition, of one lane. */
typedef struct ps_join_defer ps_join_defer;
ps_status ps_join_defer_open(ps_ctx *cx, ps_op *op, ps_arena *arena, ps_join_defer **out);
/* Takes those of the n rows that belong to spilled partitions out of rows and hashes, and of in's
 * live rows: the others are in *left, with a selection that lives until the next call. */
ps_status ps_join_defer_rows(ps_ctx *cx, ps_op *op, ps_join_defer *defer, const ps_batch *in,
                             const ps_vec *keys, uint32_t *rows, uint64_t *hashes, uint32_t *n,
                             ps_batch *left);
ps_status ps_join_defer_combine(ps_ctx *cx, ps_op *op, ps_join_defer *defer);
void ps_join_defer_close(ps_join_defer *defer);
/* The position in a deferred row. */
PS_INLINE void ps_join_position(const ps_row_layout *layout, const uint8_t *row, uint64_t *morsel,
                                uint64_t *ordinal)
{
    memcpy(morsel, row + layout->state_at, 8);
    memcpy(ordinal, row + layout->state_at + 8, 8);
}

/* join_order.c: what a spilled join gives, in the order of positions again. */
typedef struct ps_join_order_lane ps_join_order_lane;
ps_status ps_join_order_open(ps_ctx *cx, ps_op *op, ps_arena *arena, ps_join_order_lane **out);
/* Room for the places of a batch's live rows, to be filled before ps_join_order_add: build rows
 * that are given in the end have `high` PS_JOIN_PLACE_REST. */
#define PS_JOIN_PLACE_REST UINT64_MAX
void ps_join_order_places(ps_join_order_lane *lane, uint64_t **high, uint64_t **low);
/* Takes the batch's live rows; it has none then. Rows with one place keep the order they come in:
 * one lane brings them, with growing positions. */
ps_status ps_join_order_add(ps_ctx *cx, ps_op *op, ps_join_order_lane *lane, ps_batch *batch);
ps_status ps_join_order_combine(ps_ctx *cx, ps_op *op, ps_join_order_lane *lane);
void ps_join_order_close(ps_join_order_lane *lane);
ps_status ps_join_order_new(ps_phys *p, ps_op *join, ps_op **out);

/* join_probe.c: the transform's slots. */
extern const size_t ps_join_probe_size;
ps_status ps_join_probe_open(ps_ctx *cx, ps_op *op, void *local);
ps_status ps_join_probe(ps_ctx *cx, ps_op *op, void *local, const ps_batch *in, ps_batch *out,
                        ps_flow *flow);
ps_status ps_join_probe_combine(ps_ctx *cx, ps_op *op, void *local);
void ps_join_probe_close(ps_op *op, void *local);

/* join_rest.c: the source's slots. */
extern const size_t ps_join_rest_size;
ps_status ps_join_rest_plan(ps_ctx *cx, ps_op *op, uint64_t *n_morsels);
ps_status ps_join_rest_open(ps_ctx *cx, ps_op *op, void *local);
ps_status ps_join_rest_start(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel);
ps_status ps_join_rest_next(ps_ctx *cx, ps_op *op, void *local, ps_batch *out, bool *done);
ps_status ps_join_rest_combine(ps_ctx *cx, ps_op *op, void *local);
void ps_join_rest_close(ps_op *op, void *local);

/* join_part.c: one spilled partition, step by step. */
typedef struct ps_join_work ps_join_work;
ps_status ps_join_work_new(ps_ctx *cx, ps_op *op, ps_arena *arena, ps_join_work **out);
ps_status ps_join_work_start(ps_ctx *cx, ps_op *op, ps_join_work *work, int p);
/* A step, which may give rows in out, or n_rest build rows in `rest`, until the next call. */
typedef struct ps_join_gift {
    bool done; /* the partition has no more */
    uint8_t **rest;
    uint32_t n_rest;
} ps_join_gift;
ps_status ps_join_work_next(ps_ctx *cx, ps_op *op, ps_join_work *work, ps_batch *out,
                            ps_join_gift *gift);
/* The position of the probe row that the k-th live row of out was made from. */
void ps_join_work_place(const ps_op *op, const ps_join_work *work, uint32_t k, uint64_t *high,
                        uint64_t *low);
void ps_join_work_close(ps_op *op, ps_join_work *work);
/* The state of a build row: its mark, and its number in its partition by position. */
PS_INLINE void ps_join_number_set(const ps_row_layout *layout, uint8_t *row, uint64_t number)
{
    const uint64_t state = number << 8 | row[layout->state_at];
    memcpy(row + layout->state_at, &state, 8);
}
PS_INLINE uint64_t ps_join_number(const ps_row_layout *layout, const uint8_t *row)
{
    uint64_t state;
    memcpy(&state, row + layout->state_at, 8);
    return state >> 8;
}

/* A build row's mark that a pair was found; set by any lane. */
PS_INLINE void ps_join_mark(const ps_row_layout *layout, uint8_t *row)
{
    /* relaxed: read only after all probes have drained, which the scheduler's mutex orders */
    __atomic_store_n(row + layout->state_at, 1, __ATOMIC_RELAXED);
}

#endif
