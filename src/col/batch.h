/* col/batch.h -- vectors of one length with an optional selection: what flows between operators.
 *
 * sel lists the live rows, strictly increasing positions below n; without it all n rows live.
 * A row's position in the query's input order is (morsel, first_row + its place): what
 * deterministic order and ties rest on. The header and the cols array belong to whoever declares
 * the batch; cols points at room for cols_max vectors. */
#ifndef PS_COL_BATCH_H
#define PS_COL_BATCH_H

#include "col/vec.h"

typedef struct ps_batch {
    ps_vec *cols;
    uint32_t n_cols, cols_max;
    uint32_t n;          /* rows of every vector */
    uint32_t n_live;     /* rows in sel, or n */
    const uint32_t *sel; /* NULL: all */
    uint64_t morsel;     /* number of the morsel these rows came from */
    uint64_t first_row;  /* rows of this morsel that came before this batch's row 0 */
} ps_batch;

ps_status ps_batch_init(ps_ctx *cx, ps_arena *arena, uint32_t cols_max, ps_batch *out);
/* Same rows and columns as src; out keeps its own cols array. */
void ps_batch_copy_header(const ps_batch *src, ps_batch *out);
PS_INLINE uint32_t ps_batch_row(const ps_batch *b, uint32_t k) { return b->sel ? b->sel[k] : k; }
/* Rows [first, first + n) of src, which has no selection; in place where first is a multiple of
 * 64, else copied into the arena. out was initialised with room for src's columns. */
ps_status ps_batch_slice(ps_ctx *cx, ps_arena *arena, const ps_batch *src, uint32_t first,
                         uint32_t n, ps_batch *out);
/* Bytes of the live rows as they lie in memory, texts with their bytes; an estimate for nested
 * columns. For EXPLAIN ANALYZE. */
size_t ps_batch_bytes(const ps_batch *batch);
ps_status ps_batch_verify(ps_ctx *cx, const ps_batch *batch);

/* Arrow C Data and C Stream (structs in penstock.h). */
struct ArrowSchema;
struct ArrowArray;
struct ArrowArrayStream;
ps_status ps_arrow_export_schema(ps_ctx *cx, const ps_schema *schema, struct ArrowSchema *out);
/* A struct array of the batch's live rows. Columns with an owner and no selection are shared where
 * layouts agree, the rest is copied; released by the consumer on any thread. */
ps_status ps_arrow_export_batch(ps_ctx *cx, const ps_schema *schema, const ps_batch *batch,
                                struct ArrowArray *out);
ps_status ps_arrow_import_schema(ps_ctx *cx, const struct ArrowSchema *schema, ps_schema **out);
/* Takes the array over, also on failure (marks it released); checks offsets, lengths, null counts,
 * codes and UTF-8. `form` is the Arrow schema that `schema` was imported from: it tells the form of
 * the buffers. The vectors of *out (headers in the arena) share one owner, given as *owner with one
 * reference; it may outlive cx but not cx->mem. At most INT32_MAX rows, any number above
 * PS_BATCH_ROWS_MAX: cut it with ps_vec_slice(). */
ps_status ps_arrow_import_batch(ps_ctx *cx, ps_arena *arena, const ps_schema *schema,
                                const struct ArrowSchema *form, struct ArrowArray *array,
                                ps_batch *out, ps_owner **owner);

#endif
