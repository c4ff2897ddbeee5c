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

ps_status ps_table_from_stream(ps_ctx *cx, struct ArrowArrayStream *stream, ps_store *store,
                               const ps_table_load_options *options, ps_table **out)
{
    ps_arrow_reader *reader = NULL;
    ps_table *empty = NULL;
    ps_arena arena = {0};
    ps_table_load load = {0};
    ps_owner *owner = NULL;
    ps_batch batch;
    ps_status st;

    *out = NULL;
    PS_GO(ps_arrow_reader_new(cx, stream, &reader));
    PS_GO(ps_table_load_begin(cx, reader->schema, store, options, &load));
    do {
        ps_arena_reset(&arena);
        ps_owner_unref(owner);
        PS_GO(ps_arrow_reader_next(cx, reader, &arena, &batch, &owner));
        if (owner) PS_GO(ps_table_load_add(cx, &load, &batch));
    } while (owner);
    PS_GO(ps_table_load_end(cx, &load));
    if (store) PS_GO(ps_table_new_in(cx, store, reader->schema, &empty));
    else PS_GO(ps_table_new(cx, reader->schema, &empty));
    PS_GO(ps_table_append(cx, empty, load.segments.at, (uint32_t)load.segments.n, out));
done:
    ps_owner_unref(owner);
    ps_table_load_release(&load);
    ps_table_unref(empty);
    ps_arena_release(&arena);
    ps_arrow_reader_free(reader);
    return st;
}
