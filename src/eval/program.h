/* eval/program.h -- register programs: bound expressions compiled once, run batch by batch.
 *
 * A program is read-only and shared by all workers; a ps_eval is one worker's registers, caches and
 * kernel states. Common subexpressions are computed once; constants are folded; a subtree over one
 * dictionary-encoded column is computed on the dictionary (only codes of live rows report errors)
 * and kept by the dictionary's id; integer-like arithmetic picks the narrowest layout that its
 * inputs' bounds prove enough, without checks, and falls back to checked loops where nothing is
 * proven.
 *
 * Errors are row values: marked in bitmaps, dropped with the rows that AND, OR, CASE,
 * COALESCE and filters do not take, made null by TRY; what is left on a live row at the end is
 * raised as PS_VALUE for the lowest row. */
#ifndef PS_EVAL_PROGRAM_H
#define PS_EVAL_PROGRAM_H

#include "func/func.h"

typedef struct ps_program ps_program;
typedef struct ps_eval ps_eval;

/* inputs[i] is the id of the batch's column i. Expressions hold no aggregates, windows, subqueries.
 */
ps_status ps_program_new(ps_ctx *cx, ps_arena *arena, const ps_expr *const *exprs, uint32_t n,
                         const ps_col_id *inputs, uint32_t n_inputs, const ps_program **out);
/* About what an evaluation's registers take, for batches of so many rows. */
uint64_t ps_program_bytes(const ps_program *program, uint32_t batch_rows);
ps_status ps_eval_new(ps_ctx *cx, ps_arena *arena, const ps_program *program, ps_eval **out);
void ps_eval_release(ps_eval *eval);

/* Computes every expression for the batch's live rows: outs[i].n is batch->n, rows outside the
 * selection are undefined. Valid until the next run. A plain column comes out as it went in. */
ps_status ps_eval_run(ps_ctx *cx, ps_eval *eval, const ps_batch *batch, ps_vec *outs);

/* A program of one boolean expression (its conjuncts when it is an AND): writes the live rows for
 * which it is true to sel (room for batch->n) and their number to *n. Conjuncts run in the order of
 * measured cost and selectivity; a row with an error is shown the remaining conjuncts before it
 * counts. */
ps_status ps_eval_filter(ps_ctx *cx, ps_eval *eval, const ps_batch *batch, uint32_t *sel,
                         uint32_t *n);

/* The value of an expression without columns (the session's clock and zone are literals by then).
 * An error of the value is PS_VALUE. */
ps_status ps_eval_constant(ps_ctx *cx, ps_arena *arena, const ps_expr *expr, ps_value *out);

/* Hash of n live rows over several key columns, value by value as base/hash.h says; nulls have a
 * hash of their own. out[k] is for the k-th live row. */
ps_status ps_hash_rows(ps_ctx *cx, const ps_vec *cols, uint32_t n_cols, const uint32_t *sel,
                       uint32_t n, uint64_t seed, uint64_t *out);

#endif
