/* exec/phys.h -- from a logical plan to pipelines.
 *
 * A stream is what a node produces: one or more pipelines under construction (several after UNION
 * ALL or a right join's unmatched rows), all with the same columns; their order is the order of the
 * rows. A planner function for a node kind gets its inputs' streams, adds transforms to each
 * pipeline, or closes them into a sink and begins a new pipeline. Adding an operator: its file with
 * class and planner function, a line in ops.def. */
#ifndef PS_EXEC_PHYS_H
#define PS_EXEC_PHYS_H

#include "exec/op.h"
#include "base/array.h"

typedef struct ps_pipeline ps_pipeline;
struct ps_pipeline {
    uint32_t number; /* order of closing: what it depends on has lower numbers */
    uint32_t feeder; /* place among the pipelines into the same sink */
    ps_op *source;
    PS_ARRAY(ps_op *) ops;
    ps_op *sink;                                 /* NULL while under construction */
    PS_ARRAY(const ps_op *) after_sealed;        /* sinks that must be sealed before */
    PS_ARRAY(const ps_pipeline *) after_drained; /* pipelines whose morsels must all have ended */
};

typedef struct ps_stream {
    PS_ARRAY(ps_pipeline *) pipes;
    uint32_t n_cols;
    const ps_col *cols; /* what batches hold, in order */
} ps_stream;

/* Column ids that somebody above needs. */
typedef struct ps_col_set {
    uint64_t *bits;
    uint32_t n_words;
} ps_col_set;
PS_INLINE bool ps_col_set_has(const ps_col_set *s, ps_col_id id)
{
    return id / 64 < s->n_words && (s->bits[id / 64] >> (id % 64) & 1);
}
ps_status ps_col_set_copy(ps_ctx *cx, ps_arena *arena, const ps_col_set *src, ps_col_set *out);
void ps_col_set_add(ps_col_set *s, ps_col_id id);
/* Adds the columns that an expression reads (NULL expression: none). */
void ps_col_set_add_expr(ps_col_set *s, const ps_expr *expr);
void ps_col_set_clear(ps_col_set *s);

typedef struct ps_phys {
    ps_ctx *cx;
    ps_arena *arena; /* the query's */
    const ps_exec_settings *settings;
    ps_mem *mem;
    _Atomic uint64_t *rows_scanned; /* of the query */
    uint32_t n_ids;                 /* ids are below this */
    PS_ARRAY(ps_op *) ops;
    PS_ARRAY(ps_pipeline *) pipelines;      /* closed ones, by number */
    PS_ARRAY(struct ps_phys_shared) shared; /* subplans already built */
    uint32_t depth;
    /* Of the node that is being planned: nobody above can tell in which order its rows come, so its
     * operators need not keep it (sums do not care, ties of a sort do). */
    bool order_free;
} ps_phys;

/* The stream of a node that gives at least the needed columns (it may give more only where that is
 * free). */
ps_status ps_phys_build(ps_phys *p, const ps_node *node, const ps_col_set *needed, ps_stream *out);
/* The same; order_free: the order of its rows changes nothing. */
ps_status ps_phys_build_free(ps_phys *p, const ps_node *node, const ps_col_set *needed,
                             bool order_free, ps_stream *out);
/* A new operator instance with output columns cols (may be NULL for pure sinks). NULL on failure.
 */
ps_op *ps_phys_op(ps_phys *p, const ps_op_class *class, const ps_node *node, void *config,
                  const ps_col *cols, uint32_t n_cols);
/* Appends a transform to every pipeline of the stream and sets its columns to the op's. */
ps_status ps_phys_transform(ps_phys *p, ps_stream *stream, ps_op *op);
/* Ends every pipeline of the stream in the sink. */
ps_status ps_phys_close(ps_phys *p, ps_stream *stream, ps_op *sink);
/* A stream of one new pipeline that starts at op. With after_seal it starts once op, a sink, is
 * sealed. */
ps_status ps_phys_source(ps_phys *p, ps_op *op, bool after_seal, ps_stream *out);
/* Every pipeline of the stream waits until sink is sealed. */
ps_status ps_phys_after_sealed(ps_phys *p, ps_stream *stream, const ps_op *sink);
/* Those columns of `cols` that are in the set, in order (arena). */
ps_status ps_phys_keep(ps_phys *p, const ps_col *cols, uint32_t n, const ps_col_set *needed,
                       const ps_col **out, uint32_t *n_out);
/* Ids of a stream's columns, as ps_program_new wants its inputs. */
ps_status ps_phys_inputs(ps_phys *p, const ps_stream *stream, const ps_col_id **out);
/* What a batch of such columns takes whose texts are short. */
uint64_t ps_phys_batch_bytes(const ps_phys *p, const ps_col *cols, uint32_t n);
/* An aggregate with every argument but the first made a literal where it is constant: a quantile, a
 * separator. NULL on failure. */
const ps_expr *ps_phys_with_literals(ps_phys *p, const ps_expr *expr);
/* Place of a column in a list, or UINT32_MAX. */
uint32_t ps_cols_find(const ps_col *cols, uint32_t n, ps_col_id id);

/* Planner functions, listed by node kind in ops.def: */
typedef ps_status ps_phys_fn(ps_phys *p, const ps_node *node, const ps_col_set *needed,
                             ps_stream *out);
#define O(KIND, function) ps_phys_fn function;
#include "exec/ops.def"
#undef O

#endif
