/* exec/op_aggregate.h -- what the files of the aggregate operator share. */
#ifndef PS_EXEC_OP_AGGREGATE_H
#define PS_EXEC_OP_AGGREGATE_H

#include "base/thread.h"
#include "exec/group_table.h"
#include "exec/phys.h"

enum { AGG_NONE = -1, AGG_ARGS_MAX = 4 };

/* One aggregate that is computed. */
typedef struct agg_item {
    ps_agg agg;
    uint32_t args[AGG_ARGS_MAX]; /* places in the program's results */
    int32_t filter;              /* place of FILTER's predicate, or AGG_NONE */
    uint32_t state_at;           /* in the group's row */
    bool shared;                 /* another item keeps this state up to date */
    int32_t distinct;            /* index of the distinct set that feeds it, or AGG_NONE */
    int32_t collect; /* index of the rows that feed it when groups are merged, or AGG_NONE */
} agg_item;

/* Distinct argument rows of each group, for aggregates with DISTINCT: a group table of its own
 * whose keys are the group's keys and the arguments, and whose partitions are those of the group's
 * hash. */
typedef struct agg_distinct {
    uint32_t args[AGG_ARGS_MAX];
    uint32_t n_args;
    int32_t filter;
    const ps_row_layout *layout; /* keys, arguments; then the group's hash */
} agg_distinct;

/* Argument rows that are kept until a group's are complete: for aggregates that must see all of
 * them, and for ORDER BY in an aggregate (op_aggregate_collect.c). */
enum { AGG_ORDER_MAX = 16 };
typedef struct agg_collect {
    uint32_t item;
    uint32_t n_args; /* those that aren't literals come first in `stored` */
    uint32_t n_order;
    uint32_t stored[AGG_ARGS_MAX + AGG_ORDER_MAX]; /* places in the program's results */
    bool descending[AGG_ORDER_MAX], nulls_first[AGG_ORDER_MAX];
    bool distinct, by_position, skip_nulls;
    int32_t filter;
    const ps_row_layout *layout; /* the group's keys; stored columns; by_position: morsel, row */
} agg_collect;

typedef struct agg_output {
    bool key;
    uint32_t at;
} agg_output; /* key column or item */

typedef struct agg_config {
    const ps_program *program; /* keys, then arguments and filters */
    uint32_t n_results, n_keys;
    const ps_row_layout *layout;
    agg_item *items;
    uint32_t n_items;
    agg_distinct *distincts;
    uint32_t n_distincts;
    agg_collect *collects;
    uint32_t n_collects;
    uint32_t number_at;  /* with collects: a group's place in the result, in its row */
    agg_output *outputs; /* of op->cols */
} agg_config;

PS_INLINE uint32_t ps_aggregate_n_sets(const agg_config *c)
{
    return c->n_distincts + c->n_collects;
}

typedef struct agg_heap {
    ps_agg_heap base;
    ps_rows *rows;
} agg_heap;
void ps_aggregate_heap_init(agg_heap *heap, ps_rows *rows);

/* Everything one lane has gathered. */
typedef struct agg_tables {
    ps_group_table groups;
    ps_group_table *sets; /* distinct sets, then collected rows */
    bool opened;
} agg_tables;

typedef struct agg_shared {
    ps_mutex mutex; /* guards tables, spill while lanes run */
    bool opened;
    PS_ARRAY(agg_tables *) tables; /* of combined lanes */
    ps_spill *spill;
    uint64_t lacks, held;       /* of merging, when all lanes are combined: finish_plan says */
    uint32_t n_parts;           /* after seal */
    _Atomic uint32_t n_readers; /* lanes of the source */
    uint32_t generations;       /* of all tables together */
} agg_shared;

/* Groups by small integers: slots of a key domain that batches keep to (op_aggregate_few.c). */
enum { AGG_SLOTS_MAX = 4096, AGG_KEYS_MAX = 8 };
typedef enum agg_key_kind { AGG_KEY_CODE, AGG_KEY_INT, AGG_KEY_CONSTANT } agg_key_kind;
typedef struct agg_key {
    uint8_t kind;
    bool nulls; /* the last slot is null's */
    uint32_t n_slots;
    uint64_t dict_id;
    int64_t base;
} agg_key;
typedef struct agg_direct {
    agg_key keys[AGG_KEYS_MAX];
    uint32_t n_keys, n_slots; /* n_slots 0: nothing cached */
    uint32_t n_few;           /* groups that have a number */
    uint8_t *few_rows[PS_AGG_FEW_MAX];
    uint8_t numbers[AGG_SLOTS_MAX]; /* slot -> number; meaningless without a row */
    uint8_t *rows[AGG_SLOTS_MAX];   /* slot -> row; NULL: not looked up yet */
    uint16_t slots[PS_BATCH_ROWS_MAX];
    uint32_t counts[4][PS_AGG_FEW_MAX];
} agg_direct;

/* Groups of one integer or code by a window of its values (op_aggregate_wide.c). */
typedef struct agg_wide {
    uint8_t **rows;         /* by value - base, then null's; NULL: not looked up yet */
    int64_t base, n_slots;  /* n_slots 0: no window */
    uint64_t dict_id;       /* the values are this one's codes; 0: integers */
    uint64_t seen, cleared; /* rows that came; slots that were made for them */
    uint64_t looked,
        found; /* rows of the windows since it moved last; those whose group was there */
    uint32_t n_moves;
    bool given_up;
} agg_wide;

/* A batch's rows and their groups. */
typedef struct agg_rows {
    const ps_batch *batch;
    const uint32_t *sel;
    uint32_t n;
    ps_agg_shape shape;
    uint32_t n_groups;
    const uint8_t *groups; /* FEW: number of the k-th row's group */
    const uint32_t *group_n;
    const uint8_t *dense; /* FEW, optional: see ps_agg_update */
    uint32_t n_dense;
    uint8_t *const *rows; /* ONE: rows[0]; FEW: by number; ROWS: by k */
} agg_rows;

/* One lane's arrays, as large as a batch. */
typedef struct agg_work {
    uint64_t hashes[PS_BATCH_ROWS_MAX], distinct_hashes[PS_BATCH_ROWS_MAX];
    uint8_t *rows[PS_BATCH_ROWS_MAX];
    uint8_t *states[PS_BATCH_ROWS_MAX];
    uint8_t groups[PS_BATCH_ROWS_MAX], dense[PS_BATCH_ROWS_MAX];
    uint32_t group_n[PS_AGG_FEW_MAX];
    uint32_t subset_sel[PS_BATCH_ROWS_MAX];
    uint32_t slots[PS_BATCH_ROWS_MAX], sel[PS_BATCH_ROWS_MAX];
    uint8_t *subset_rows[PS_BATCH_ROWS_MAX];
    uint8_t subset_groups[PS_BATCH_ROWS_MAX];
    uint32_t subset_group_n[PS_AGG_FEW_MAX];
    agg_direct direct;
    agg_wide wide;
    ps_agg_scratch scratch;
} agg_work;

typedef struct agg_local {
    ps_arena arena;
    ps_eval *eval;
    ps_vec *results;
    agg_work *work;
    agg_tables *tables;
    uint8_t *single; /* without keys: the only row */
    uint32_t batches;
} agg_local;

/* Finds the batch's groups through the slots cache; *done false: the keys are not of that kind. */
ps_status ps_aggregate_direct(ps_ctx *cx, ps_op *op, agg_local *l, const ps_batch *batch,
                              agg_rows *out, bool *done);
void ps_aggregate_direct_forget(agg_direct *direct);
/* The same through a window of one key's values. */
ps_status ps_aggregate_wide(ps_ctx *cx, ps_op *op, agg_local *l, const ps_batch *batch,
                            agg_rows *out, bool *done);
void ps_aggregate_wide_forget(agg_wide *wide);
int64_t ps_aggregate_int_at(const ps_vec *vec, uint32_t row); /* of a flat one, not U64, I128 */
ps_status ps_aggregate_hash(ps_ctx *cx, ps_op *op, const ps_vec *keys, uint32_t n_keys,
                            const uint32_t *sel, uint32_t n, uint64_t *out);
void ps_aggregate_tables_free(const agg_config *config, agg_tables *tables);
void ps_aggregate_tables_end(ps_op *op); /* frees those of all lanes */
ps_status ps_aggregate_update_item(ps_ctx *cx, const agg_item *item, const ps_vec *results,
                                   const agg_rows *rows, agg_work *work, ps_agg_heap *heap);

/* Plans what `aggregate` says over node's input, in node's name. */
ps_status ps_aggregate_plan(ps_phys *p, const ps_node *node, const ps_node_aggregate *aggregate,
                            const ps_col_set *needed, ps_stream *out);

/* The source's slots (op_aggregate_emit.c). */
typedef struct agg_pieces agg_pieces;
typedef struct agg_source {
    ps_arena arena;
    ps_vec_buf *bufs;     /* one for each output column */
    ps_group_merge merge; /* of the morsel's partition */
    ps_op *op;
    const agg_config *config;
    agg_heap heap;
    bool started;
    uint64_t part, at;
    uint64_t given;                  /* rows of the morsel's pieces before this one */
    struct agg_pieces *pieces;       /* of a partition that was split; NULL: it is merged whole */
    uint8_t **states;                /* settings->batch_rows */
    struct agg_set_work *sets;       /* for DISTINCT; NULL: not needed yet */
    struct agg_collected *collected; /* by collect; NULL: not needed yet */
} agg_source;

/* Collected rows: keeping a batch's; those of a merged partition by group; results of the *n groups
 * from s->at on, or of fewer, which *n then says. */
ps_status ps_aggregate_collect(ps_ctx *cx, ps_op *op, agg_local *l, uint32_t at,
                               const agg_rows *rows);
ps_status ps_aggregate_collect_start(ps_ctx *cx, ps_op *op, agg_source *s);
ps_status ps_aggregate_collect_finish(ps_ctx *cx, ps_op *op, agg_source *s, ps_batch *out,
                                      uint32_t *n);
void ps_aggregate_collect_close(agg_source *s);
ps_status ps_aggregate_source_plan(ps_ctx *cx, ps_op *op, uint64_t *n_morsels);
ps_status ps_aggregate_source_open(ps_ctx *cx, ps_op *op, void *local);
ps_status ps_aggregate_source_start(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel);
ps_status ps_aggregate_source_next(ps_ctx *cx, ps_op *op, void *local, ps_batch *out, bool *done);
void ps_aggregate_source_close(ps_op *op, void *local);

/* What is merged now, a partition's rows of all lanes or a piece of it (op_aggregate_parts.c). */
size_t ps_aggregate_n_sources(const agg_source *s);
ps_rows *ps_aggregate_groups_of(const agg_source *s, size_t i);
ps_rows *ps_aggregate_set_of(const agg_source *s, uint32_t set, size_t i);
uint32_t ps_aggregate_skip_bits(const agg_source *s);
uint32_t ps_aggregate_level(const agg_source *s); /* how often its rows were written out, at most */
void ps_aggregate_sources_free(agg_source *s);
/* For merges whose `user` is the operator: whether to go on in pieces. */
bool ps_aggregate_is_full(const ps_group_merge *merge);
/* Makes pieces of s->merge's groups and of the rows from a source's page on, and gives up both;
 * then of the sets. */
ps_status ps_aggregate_split(ps_ctx *cx, agg_source *s, size_t source, size_t page);
bool ps_aggregate_next_piece(agg_source *s); /* false: there are no more */
void ps_aggregate_pieces_close(agg_source *s);
/* The same of a set of distinct values; *out, n of them, is the caller's. */
ps_status ps_aggregate_split_set(ps_ctx *cx, agg_source *s, const ps_group_merge *set,
                                 ps_rows *const *sources, size_t n_sources, size_t source,
                                 size_t page, ps_rows **out, uint32_t *n);
/* The operator's temporary file. */
ps_status ps_aggregate_spill_file(ps_ctx *cx, ps_op *op, ps_spill **out);

/* Updates the merged groups from the merged sets of distinct arguments (op_aggregate_distinct.c).
 */
ps_status ps_aggregate_distinct(ps_ctx *cx, ps_op *op, agg_source *s);
void ps_aggregate_distinct_close(agg_source *s);
ps_status ps_aggregate_merge_states(ps_ctx *cx, void *source, uint8_t *const *dst,
                                    uint8_t *const *src, uint32_t n);

/* Memory (op_aggregate_memory.c): what tables hold; a lane's before a batch; and the operator's
 * slots. */
uint64_t ps_aggregate_tables_bytes(const agg_config *config, const agg_tables *tables);
ps_status ps_aggregate_make_room(ps_ctx *cx, ps_op *op, agg_local *l);
ps_status ps_aggregate_finish_plan(ps_ctx *cx, ps_op *op, uint64_t *n_tasks);
ps_status ps_aggregate_finish_task(ps_ctx *cx, ps_op *op, uint64_t task);
uint64_t ps_aggregate_bytes(const ps_op *op, const void *local);
ps_status ps_aggregate_shrink(ps_ctx *cx, ps_op *op, void *local, uint64_t wanted);

extern const ps_op_class ps_aggregate_class;

#endif
