/* col/arrow_stream.h -- Arrow C streams as a source of batches, and whole streams as tables. */
#ifndef PS_COL_ARROW_STREAM_H
#define PS_COL_ARROW_STREAM_H

#include "col/table.h"

/* One call at a time. */
typedef struct ps_arrow_reader ps_arrow_reader;

/* Takes the stream over, also on failure (marks it released). */
ps_status ps_arrow_reader_new(ps_ctx *cx, struct ArrowArrayStream *stream, ps_arrow_reader **out);
const ps_schema *ps_arrow_reader_schema(const ps_arrow_reader *reader); /* borrowed */
/* The next batch, of any number of rows (cut it with ps_batch_slice()); *owner as
 * ps_arrow_import_batch() gives it, NULL at the end. */
ps_status ps_arrow_reader_next(ps_ctx *cx, ps_arrow_reader *reader, ps_arena *arena, ps_batch *out,
                               ps_owner **owner);
void ps_arrow_reader_free(ps_arrow_reader *reader);

/* Reads a stream to its end into a table of our own, kept by the store (NULL: none); takes the
 * stream over. */
ps_status ps_table_from_stream(ps_ctx *cx, struct ArrowArrayStream *stream, ps_store *store,
                               const ps_table_load_options *options, ps_table **out);

#endif
