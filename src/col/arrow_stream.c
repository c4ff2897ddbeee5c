/* col/arrow_stream.c -- reading Arrow C streams.
 *
 * A producer reports errno values and perhaps a text: both become one error of ours. ENOMEM is
 * memory, ENOSYS and EINVAL are what they say, all else is I/O.
 * Tests: tests/unit/test_col_arrow.c */
#include "col/arrow_stream.h"

#include "base/array.h"

#include <errno.h>

struct ps_arrow_reader {
    struct ArrowArrayStream stream;
    struct ArrowSchema form;
    ps_schema *schema;
};

static ps_status stream_error(ps_ctx *cx, struct ArrowArrayStream *stream, int code,
                              const char *what)
{
    const char *text = stream->get_last_error ? stream->get_last_error(stream) : NULL;
    const ps_status status = code == ENOMEM   ? PS_MEMORY
                             : code == ENOSYS ? PS_UNSUPPORTED
                             : code == EINVAL ? PS_INVALID
                                              : PS_IO;
    const bool shown = text && ps_utf8_valid(text, strlen(text), NULL);

    return ps_fail(cx, status, "an Arrow stream failed to give its %s: %s (error %d)", what,
                   shown ? text : "no reason was given", code);
}

void ps_arrow_reader_free(ps_arrow_reader *reader)
{
    if (!reader) return;
    if (reader->form.release) reader->form.release(&reader->form);
    if (reader->stream.release) reader->stream.release(&reader->stream);
    ps_schema_unref(reader->schema);
    ps_free(reader);
}

ps_status ps_arrow_reader_new(ps_ctx *cx, struct ArrowArrayStream *stream, ps_arrow_reader **out)
{
    ps_status st = PS_OK;

    *out = NULL;
    if (!stream->release)
        return ps_fail(cx, PS_MISUSE, "the Arrow stream was released before it was read");
    ps_arrow_reader *reader = ps_alloc_zero(cx, sizeof *reader);
    if (!reader) {
        stream->release(stream);
        return PS_MEMORY;
    }
    reader->stream = *stream;
    stream->release = NULL; /* moved */
    const int code = reader->stream.get_schema(&reader->stream, &reader->form);
    if (code != 0) {
        reader->form.release = NULL; /* undefined after a failure */
        PS_GO(stream_error(cx, &reader->stream, code, "schema"));
    }
    PS_GO(ps_arrow_import_schema(cx, &reader->form, &reader->schema));
    *out = reader;
done:
    if (st != PS_OK) ps_arrow_reader_free(reader);
    return st;
}

const ps_schema *ps_arrow_reader_schema(const ps_arrow_reader *reader) { return reader->schema; }

ps_status ps_arrow_reader_next(ps_ctx *cx, ps_arrow_reader *reader, ps_arena *arena, ps_batch *out,
                               ps_owner **owner)
{
    struct ArrowArray array = {0};

    *owner = NULL;
    PS_TRY(ps_poll(cx));
    const int code = reader->stream.get_next(&reader->stream, &array);
    if (code != 0) return stream_error(cx, &reader->stream, code, "next batch");
    if (!array.release) return PS_OK; /* the end */
    return ps_arrow_import_batch(cx, arena, reader->schema, &reader->form, &array, out, owner);
}

/* ---- tables ---- */

typedef struct stream_load {
    ps_segment_builder *builder;
    ps_segment **segments;
    size_t n, room;
} stream_load;

static ps_status seal(ps_ctx *cx, stream_load *load)
{
    ps_segment *segment;

    PS_TRY(ps_array_grow(cx, NULL, (void **)&load->segments, &load->room, load->n + 1,
                         sizeof(ps_segment *)));
    PS_TRY(ps_segment_builder_seal(cx, load->builder, load->n, &segment));
    if (segment) load->segments[load->n++] = segment;
    return PS_OK;
}

/* Adds a batch in pieces that end where segments do. */
static ps_status load_batch(ps_ctx *cx, ps_arena *arena, stream_load *load, const ps_batch *batch)
{
    ps_batch piece;

    PS_TRY(ps_batch_init(cx, arena, batch->n_cols, &piece));
    for (uint32_t first = 0; first < batch->n; first += piece.n) {
        const uint64_t left = PS_SEGMENT_ROWS - ps_segment_builder_rows(load->builder);
        const uint32_t most = (uint32_t)PS_MIN(left, (uint64_t)PS_BATCH_ROWS_MAX);
        PS_TRY(ps_batch_slice(cx, arena, batch, first, PS_MIN(batch->n - first, most), &piece));
        PS_TRY(ps_segment_builder_add(cx, load->builder, &piece));
        if (ps_segment_builder_rows(load->builder) >= PS_SEGMENT_ROWS) PS_TRY(seal(cx, load));
    }
    return PS_OK;
}

ps_status ps_table_from_stream(ps_ctx *cx, struct ArrowArrayStream *stream, ps_table **out)
{
    ps_arrow_reader *reader = NULL;
    ps_table *empty = NULL;
    ps_arena arena = {0};
    stream_load load = {0};
    ps_owner *owner = NULL;
    ps_batch batch;
    ps_status st;

    *out = NULL;
    PS_GO(ps_arrow_reader_new(cx, stream, &reader));
    PS_GO(ps_segment_builder_new(cx, reader->schema, &load.builder));
    do {
        ps_arena_reset(&arena);
        ps_owner_unref(owner);
        PS_GO(ps_arrow_reader_next(cx, reader, &arena, &batch, &owner));
        if (owner) PS_GO(load_batch(cx, &arena, &load, &batch));
    } while (owner);
    PS_GO(seal(cx, &load));
    PS_GO(ps_table_new(cx, reader->schema, &empty));
    PS_GO(ps_table_append(cx, empty, load.segments, (uint32_t)load.n, out));
done:
    ps_owner_unref(owner);
    for (size_t i = 0; i < load.n; i++) ps_owner_unref(&load.segments[i]->owner);
    ps_free(load.segments);
    ps_segment_builder_free(load.builder);
    ps_table_unref(empty);
    ps_arena_release(&arena);
    ps_arrow_reader_free(reader);
    return st;
}
