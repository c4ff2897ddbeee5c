/* tests/py/parquet_stream.c -- a Parquet file through our reader as an Arrow stream, for
 * test_parquet.py: what pyarrow reads from us is compared with what it reads itself.
 *
 * parquet_stream_open() never fails: errors come from the stream's callbacks. With skip_every n > 0
 * a filter drops every batch whose number is a multiple of n after its first column was decoded, so
 * that the other columns have to skip. */
#include "col/batch.h"
#include "eval/program.h"
#include "format/parquet/parquet.h"

#include <stdlib.h>

typedef struct parquet_stream {
    ps_mem mem;
    ps_ctx cx;
    ps_arena arena;
    ps_status opened;
    ps_source *source;
    ps_scan_request request;
    ps_scan *scan;
    ps_reader *reader;
    ps_scan_filter filter;
    ps_batch batch;
    uint64_t morsel;
    bool started;
    uint32_t skip_every, n_batches;
    const uint32_t *filter_columns[1];
    uint32_t n_filter_columns[1], first_column, *columns;
} parquet_stream;

static ps_status every_filter(ps_ctx *cx, ps_scan_filter *filter, uint32_t stage, ps_batch *batch)
{
    parquet_stream *const s = filter->user;
    (void)cx, (void)stage;
    if (s->n_batches++ % s->skip_every == 0) batch->n_live = 0;
    return PS_OK;
}

static ps_status stream_open(parquet_stream *s, const char *path)
{
    const ps_str name = ps_str_of(path);
    ps_options options = {0};

    PS_TRY(ps_format_parquet.open(&s->cx, &name, 1, &options, &s->source));
    const uint32_t n = s->source->schema->n;
    s->columns = PS_ARENA_ARRAY(&s->cx, &s->arena, uint32_t, PS_MAX(n, 1));
    if (!s->columns) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) s->columns[i] = i;
    s->request = (ps_scan_request){.columns = s->columns, .n_columns = n};
    if (s->skip_every && n) {
        s->filter_columns[0] = &s->first_column, s->n_filter_columns[0] = 1;
        s->request.filter_columns = s->filter_columns;
        s->request.n_filter_columns = s->n_filter_columns;
        s->request.n_filters = 1;
    }
    s->filter = (ps_scan_filter){.run = every_filter, .user = s};
    PS_TRY(ps_batch_init(&s->cx, &s->arena, PS_MAX(n, 1), &s->batch));
    PS_TRY(s->source->class->scan_open(&s->cx, &s->arena, s->source, &s->request, &s->scan));
    return s->source->class->reader_open(&s->cx, &s->arena, s->scan, &s->filter, &s->reader);
}

static int stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    parquet_stream *const s = stream->private_data;
    if (s->opened != PS_OK) return 22;
    return ps_arrow_export_schema(&s->cx, s->source->schema, out) == PS_OK ? 0 : 22;
}

static ps_status next_batch(parquet_stream *s, bool *end)
{
    const ps_source_class *const c = s->source->class;
    bool done = true;

    *end = false;
    for (;;) {
        if (s->started) PS_TRY(c->reader_next(&s->cx, s->reader, &s->batch, &done));
        if (s->started && !done) break;
        if (s->morsel >= s->scan->n_morsels) {
            *end = true;
            return PS_OK;
        }
        s->started = true;
        PS_TRY(c->reader_start(&s->cx, s->reader, s->morsel++));
        done = true;
    }
    return ps_batch_verify(&s->cx, &s->batch);
}

static int stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    parquet_stream *const s = stream->private_data;
    bool end;

    memset(out, 0, sizeof *out);
    if (s->opened != PS_OK || next_batch(s, &end) != PS_OK) return 5;
    if (end) return 0;
    return ps_arrow_export_batch(&s->cx, s->source->schema, &s->batch, out) == PS_OK ? 0 : 5;
}

static const char *stream_error(struct ArrowArrayStream *stream)
{
    parquet_stream *const s = stream->private_data;
    return s->cx.error.message;
}

static void stream_release(struct ArrowArrayStream *stream)
{
    parquet_stream *const s = stream->private_data;
    if (s->reader) s->source->class->reader_close(s->reader);
    if (s->scan) s->source->class->scan_close(s->scan);
    ps_source_unref(s->source);
    ps_arena_release(&s->arena);
    stream->release = NULL; /* s->mem is charged by arrays that may live on: it is left */
}

__attribute__((visibility("default"))) void parquet_stream_open(const char *path,
                                                                uint32_t batch_rows,
                                                                uint32_t skip_every,
                                                                struct ArrowArrayStream *out);
void parquet_stream_open(const char *path, uint32_t batch_rows, uint32_t skip_every,
                         struct ArrowArrayStream *out)
{
    parquet_stream *const s = calloc(1, sizeof *s);
    ps_mem_init(&s->mem, NULL, "test", 0);
    ps_ctx_init(&s->cx, &s->mem, NULL);
    s->cx.batch_rows = batch_rows;
    s->skip_every = skip_every;
    s->opened = stream_open(s, path);
    *out = (struct ArrowArrayStream){stream_schema, stream_next, stream_error, stream_release, s};
}
