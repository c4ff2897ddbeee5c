/* col/gather.h -- the live rows of sparse batches, put together into dense ones.
 *
 * For those who pass rows on where each batch has a price of its own: 20 rows of 2,048 at a time
 * are copied into flat columns of canonical layouts until there are enough. Not for nested types.
 * Threads: one at a time. Tests: tests/unit/test_col_gather.c */
#ifndef PS_COL_GATHER_H
#define PS_COL_GATHER_H

#include "col/batch.h"

typedef struct ps_gather {
    struct ps_col_build *cols; /* NULL: no rows yet, or since the release */
    ps_batch batch;            /* the rows as a batch: ps_gather_rows */
    uint32_t n_rows;
    uint64_t bytes; /* of the rows, about */
} ps_gather;

/* Whether rows of these types can be gathered. */
bool ps_gather_can(const ps_type *types, uint32_t n);
/* Adds the live rows of a batch, whose columns have the types of those before. After a failure only
 * the release is left. g zeroed at first; what is made once is in the arena. */
ps_status ps_gather_add(ps_ctx *cx, ps_arena *arena, ps_gather *g, const ps_batch *batch);
/* All of them, valid until the next call; the batch has the morsel of the first that was added. */
const ps_batch *ps_gather_rows(ps_gather *g);
void ps_gather_clear(ps_gather *g); /* keeps the room */
void ps_gather_release(ps_gather *g);

#endif
