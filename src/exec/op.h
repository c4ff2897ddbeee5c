/* exec/op.h -- the operator contract: one file with one static const class for each operator.
 *
 * An operator plays up to three roles, each a group of slots; NULL: role not played.
 *
 *   source     starts a pipeline   plan -> n morsels; a lane opens a local; start(morsel), next...
 *   transform  in a pipeline       push(in) -> out
 *   sink       ends a pipeline     sink(batch)..., end(morsel), combine; plan -> n, task(i), seal
 *
 * An aggregate is the sink of one pipeline and the source of the next. Who calls what:
 *
 *   open               once, before anything runs; op->shared is zeroed, op->config is set by the
 *                      planner function
 *   source_plan        once, when everything the pipeline depends on is sealed or drained
 *   *_open             once for each lane (a worker's place in a pipeline); local is zeroed
 *   source_start, source_next, push, sink, sink_end
 *                      by the lane's current worker: parallel over lanes, never for one lane
 *   source_combine, local_combine, combine
 *                      once for each lane, after its last morsel, in the order of the pipeline;
 *                      parallel
 *   finish_plan        once, when all lanes of all pipelines into this sink have combined
 *   finish_task(i)     parallel, in any order
 *   finish_more        once, after those tasks, for tasks that need what they did: *n_tasks more,
 *                      whose numbers go on
 *   seal               once, after all tasks
 *   *_close, close     on every way out, after success, error and cancel alike; NULL-safe on
 *                      half-open state
 *
 * Everything else that happens to an operator happens through its batches. The scheduler checks
 * cancellation before each batch; a slot that can outlast a millisecond calls ps_poll().
 *
 * Position: batch->morsel grows over a pipeline's input order, also across several pipelines into
 * one sink (the feeder's number is in its upper bits): (morsel, first_row + row) orders all rows. A
 * transform passes morsel on, and gives its output rows first_row so that positions stay increasing
 * within the morsel.
 *
 * Batches: `in` is read-only and stays as it is until the push that answers MORE_INPUT; `out` has
 * room for op->n_cols vectors; its vectors live until the next push, source_next. Keep nothing of a
 * batch without a copy or its owner. A transform with no output rows sets out->n_live = 0. */
#ifndef PS_EXEC_OP_H
#define PS_EXEC_OP_H

#include "eval/program.h"
#include "fs/spill.h"
#include "plan/node.h"

typedef enum ps_flow {
    PS_FLOW_MORE_INPUT,  /* give me the next batch */
    PS_FLOW_MORE_OUTPUT, /* call me again with the same batch: more output waits */
    PS_FLOW_BLOCKED, /* nothing was done: call me again with the same batch once `ready` says so */
    PS_FLOW_DONE     /* out is valid; this morsel needs no more input */
} ps_flow;

/* What a query runs under; read-only while it runs. */
typedef struct ps_exec_settings {
    uint32_t threads;
    uint32_t batch_rows;
    uint64_t hash_seed;
    uint64_t memory_limit;      /* bytes; 0: none */
    uint64_t memory_floor;      /* of that, the query's own: what can't be written out is sized by
                                 * this. As memory_limit where there is none; 0: no limit */
    uint64_t memory_reserve;    /* the floor and what sinks need beside it: set aside */
    uint64_t memory_needs;      /* of that, what lanes and sinks can't do without */
    const char *temp_directory; /* NULL: the system's */
    uint64_t temp_bytes_max;
    bool temp_encryption;
    ps_spill_list *spills;            /* that shows temporary files; NULL: none */
    ps_store *tables;                 /* of the instance, that may give memory back; NULL: none */
    _Atomic uint64_t *tables_written; /* bytes that they wrote for the statement; NULL: not told */
    uint64_t rows_scanned_max;        /* read by all scans of the query; 0: any number */
    uint64_t result_bytes_max;        /* of the rows given to whoever pulls; 0: any number */
    uint64_t fail_bug;                /* test: the n-th batch finds a bug of ours; 0: none does */
    uint64_t fail_memory;             /* test: the n-th batch is refused memory, the first time */
    bool begins_again; /* it was refused what others held: half of the limit is its own now */
    bool force_spill;  /* test configurations: see tests/configs */
    bool relocate_pages;
    bool park_always;
    bool verify;
    bool one_hash;      /* every key hashes to the same value */
    bool deterministic; /* off: sums of floats may depend on the order of rows */
    bool profile;       /* EXPLAIN ANALYZE: count the bytes between operators too */
} ps_exec_settings;

typedef struct ps_op ps_op;
typedef struct ps_op_class {
    const char *name;
    bool gives_again; /* the rows it gives were counted by the operator that made them */
    size_t shared_size, source_size, local_size,
        sink_size; /* zeroed memory of each kind of state */

    ps_status (*open)(ps_ctx *cx, ps_op *op);
    /* Once, when the query's floor is set aside and before any task: what takes more memory than
     * a statement that waits may have, or shows outside. */
    ps_status (*begin)(ps_ctx *cx, ps_op *op);

    ps_status (*source_plan)(ps_ctx *cx, ps_op *op, uint64_t *n_morsels);
    ps_status (*source_open)(ps_ctx *cx, ps_op *op, void *local);
    ps_status (*source_start)(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel); /* 0..n-1 */
    /* *done: the morsel ends with this batch (which may be empty). */
    ps_status (*source_next)(ps_ctx *cx, ps_op *op, void *local, ps_batch *out, bool *done);
    ps_status (*source_combine)(ps_ctx *cx, ps_op *op, void *local);
    void (*source_close)(ps_op *op, void *local);

    ps_status (*local_open)(ps_ctx *cx, ps_op *op, void *local);
    ps_status (*push)(ps_ctx *cx, ps_op *op, void *local, const ps_batch *in, ps_batch *out,
                      ps_flow *flow);
    ps_status (*local_combine)(ps_ctx *cx, ps_op *op, void *local);
    void (*local_close)(ps_op *op, void *local);

    ps_status (*sink_open)(ps_ctx *cx, ps_op *op, void *local);
    ps_status (*sink)(ps_ctx *cx, ps_op *op, void *local, const ps_batch *batch,
                      ps_flow *flow); /* MORE_INPUT, BLOCKED, DONE */
    ps_status (*sink_end)(ps_ctx *cx, ps_op *op, void *local,
                          uint64_t morsel); /* no more rows of this morsel; optional */
    /* Sinks that keep order: pipeline number `feeder` of op->n_feeders has this many morsels; told
     * once each. */
    void (*feeder)(ps_op *op, uint32_t feeder, uint64_t n_morsels);
    ps_status (*combine)(ps_ctx *cx, ps_op *op, void *local);
    ps_status (*finish_plan)(ps_ctx *cx, ps_op *op, uint64_t *n_tasks);
    ps_status (*finish_task)(ps_ctx *cx, ps_op *op, uint64_t task);
    ps_status (*finish_more)(ps_ctx *cx, ps_op *op, uint64_t *n_tasks); /* optional */
    ps_status (*seal)(ps_ctx *cx, ps_op *op);
    void (*sink_close)(ps_op *op, void *local);

    /* After BLOCKED, and before a morsel is begun at a source or sink that has it: may it go on
     * now? Cheap, any thread. */
    bool (*ready)(ps_op *op, uint64_t morsel);
    /* Sinks: rows of this and later morsels are not needed any more (LIMIT). Cheap, any thread. */
    bool (*enough)(ps_op *op, uint64_t morsel);
    /* Memory: what shrink would give back, and giving it back (ADR 7). Of a lane's part of the
     * sink, at a batch boundary; with sink_local NULL of the sealed sink before any pipeline that
     * waits for it is planned. `wanted` bytes are enough; one that gives less though it has more
     * is asked again. A shrink leaves less than it found. */
    uint64_t (*bytes)(const ps_op *op, const void *sink_local);
    ps_status (*shrink)(ps_ctx *cx, ps_op *op, void *sink_local, uint64_t wanted);
    void (*close)(ps_op *op);
    /* What it can't do without in each lane, as source and as sink; 0: little (ADR 7). */
    uint32_t source_floor_bytes, sink_floor_bytes;
    /* Words behind the name in EXPLAIN of the physical plan. */
    void (*explain)(const ps_op *op, ps_text *out);
} ps_op_class;

/* Figures of one operator, summed over lanes when each ends a morsel. */
typedef struct ps_op_stats {
    _Atomic uint64_t rows_in, rows_out, batches, cycles, spilled_bytes;
    _Atomic uint64_t bytes_out;  /* of the rows given on; counted with settings->profile */
    _Atomic uint64_t bytes_read; /* from files */
    /* Of state in temporary files: how many pieces it was cut into, and how often a row was written
     * at most: ps_op_spilled_as. Bits of the partitions among them: ps_op_spilled_part. */
    _Atomic uint64_t partitions, depth, parts;
    /* Cycles that lanes were parked: until there was memory, until somebody took their output. */
    _Atomic uint64_t parked_memory, parked_output;
} ps_op_stats;

struct ps_op {
    const ps_op_class *class;
    const ps_node *node; /* whose work it does; NULL: none in particular */
    void *config;        /* the operator's own description, made by its planner function (arena) */
    void *shared;        /* class->shared_size */
    ps_arena arena; /* its own; use only in open, source_plan, finish_plan, seal: never in parallel
                       slots */
    const ps_exec_settings *settings;
    uint32_t n_cols; /* output: as source or transform */
    const ps_col *cols;
    uint32_t number; /* position in the physical plan */
    bool row_wise; /* as transform: each output row comes from one input row, so a row that a later
                    * operator would drop may be dropped before this one */
    /* as source: what a lane holds, roughly; better once planned. As transform: its registers */
    uint64_t lane_bytes;
    uint64_t sink_bytes;  /* as sink: what a lane can't do without, beside its class's */
    bool lane_needs;      /* as source: all of that, rather than likes to have it */
    uint64_t floor_bytes; /* what it can't do without beside its lanes; set before it is opened */
    uint32_t n_feeders;   /* as sink: pipelines that end here; known when open is called */
    ps_mem *mem;          /* pays for its state; a child of the query's */
    _Atomic uint64_t *rows_scanned; /* of the query: what settings->rows_scanned_max bounds */
    ps_op_stats stats;
};

/* A temporary file for what the operator writes out, as the query's settings want it. Its bytes are
 * the operator's spilled_bytes. spill.c */
ps_status ps_op_spill_new(ps_ctx *cx, ps_op *op, ps_spill **out);
/* The one that its lanes share, made by the first who wants it; mutex guards *shared. */
ps_status ps_op_spill_file(ps_ctx *cx, ps_op *op, ps_mutex *mutex, ps_spill **shared,
                           ps_spill **out);
ps_spill_options ps_spill_options_of(const ps_exec_settings *settings);
/* Tables give memory back (col/store.h) until mem could charge `bytes`, or have no more to give.
 * Fails only when the query is to stop: that tables can't be written is no failure of hers. */
ps_status ps_tables_make_room(ps_ctx *cx, const ps_exec_settings *settings, const ps_mem *mem,
                              uint64_t bytes);

/* Parts (runs, partitions) that the operator wrote to temporary files, beside those it told before,
 * at this level: 1 for rows that were written once, 2 for what was read and written again. */
PS_INLINE void ps_op_spilled_as(ps_op *op, uint64_t n_parts, uint64_t depth)
{
    /* relaxed: figures, read for display */
    uint64_t seen = atomic_load_explicit(&op->stats.depth, memory_order_relaxed);

    atomic_fetch_add_explicit(&op->stats.partitions, n_parts, memory_order_relaxed);
    while (seen < depth &&
           !atomic_compare_exchange_weak_explicit(&op->stats.depth, &seen, depth,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

/* The same of the partition of this number, below 64, by whichever of its lanes writes first. */
PS_INLINE void ps_op_spilled_part(ps_op *op, uint32_t part)
{
    const uint64_t bit = (uint64_t)1 << part;

    if (!(atomic_fetch_or_explicit(&op->stats.parts, bit, memory_order_relaxed) & bit))
        ps_op_spilled_as(op, 1, 1);
}

/* A local that needs memory embeds its own ps_arena and releases it in its _close. cx->mem is
 * op->mem in every slot, so what a slot allocates is charged to its operator. */

#endif
