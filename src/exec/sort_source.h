/* exec/sort_source.h -- a sealed sorter's rows as the batches of a source: what sort and the order
 * of a join share. One for each lane of the source; sort_source.c. */
#ifndef PS_EXEC_SORT_SOURCE_H
#define PS_EXEC_SORT_SOURCE_H

#include "exec/sorter.h"

typedef struct ps_sort_source {
    ps_arena arena;
    ps_vec_buf *bufs;
    ps_sort_reader reader;
    uint8_t **rows; /* room for a batch's addresses */
    uint32_t n_cols;
    uint64_t at, end, given; /* ranks; rows given of the morsel */
    bool seek_due;
} ps_sort_source;

/* Of the operator's columns. */
ps_status ps_sort_source_open(ps_ctx *cx, ps_sort_source *source, const ps_op *op);
void ps_sort_source_close(ps_sort_source *source);
/* A morsel: n rows from a rank on. */
void ps_sort_source_start(ps_sort_source *source, uint64_t rank, uint64_t n);
/* Its next rows. columns: the layout's column for each of the batch's; NULL: the same. An empty
 * batch where there is no memory now and there may be later (ps_sort_reader_retries). */
ps_status ps_sort_source_next(ps_ctx *cx, const ps_sorter *sorter, ps_sort_source *source,
                              const uint32_t *columns, ps_batch *out, bool *done);

#endif
