/* format/csv/write.c -- rows as RFC 4180 text, quoted as DuckDB does, in a file that appears whole.
 *
 * A field is quoted where it holds a delimiter, quote, escape or line break, where it equals the
 * text of NULL, and where FORCE_QUOTE says so. One batch at a time (op_write).
 * Tests: tests/slt/format/csv_write.test, tests/py/test_csv.py */
#include "format/csv/write.h"

#include "col/value.h"
#include "format/csv/options.h"
#include "fs/file.h"

enum { FLUSH_BYTES = 1 << 16 };

struct ps_sink {
    ps_csv_options options;
    ps_file_writer *file;
    ps_text text;      /* rows not yet handed to the file */
    ps_text value;     /* one value */
    bool special[256]; /* bytes that need quotes */
    bool *forced;      /* by column */
    uint64_t n_rows;
};

static void field_add(ps_sink *sink, ps_str field, bool forced)
{
    const char quote = sink->options.quote, escape = sink->options.escape;
    bool quoted = forced || ps_str_equal(field, sink->options.null);
    size_t from = 0;

    for (size_t i = 0; !quoted && i < field.n; i++)
        quoted = sink->special[(unsigned char)field.at[i]];
    if (!quoted || !quote) {
        ps_text_str(&sink->text, field);
        return;
    }
    ps_text_char(&sink->text, quote);
    for (size_t i = 0; i < field.n; i++) {
        if (field.at[i] != quote && field.at[i] != escape) continue;
        ps_text_add(&sink->text, field.at + from, i - from);
        ps_text_char(&sink->text, escape);
        from = i;
    }
    ps_text_add(&sink->text, field.at + from, field.n - from);
    ps_text_char(&sink->text, quote);
}

static ps_status flush(ps_ctx *cx, ps_sink *sink)
{
    PS_TRY(ps_text_status(&sink->text));
    if (sink->text.n) PS_TRY(ps_file_writer_add(cx, sink->file, sink->text.at, sink->text.n));
    ps_text_clear(&sink->text);
    return PS_OK;
}

static ps_status forced_set(ps_ctx *cx, ps_sink *sink, const ps_schema *schema)
{
    const ps_str wanted = sink->options.force_quote;
    bool found = ps_str_equal(wanted, PS_STR("*"));

    for (uint32_t i = 0; i < schema->n; i++) {
        sink->forced[i] =
            sink->options.has_force && (ps_str_equal(wanted, PS_STR("*")) ||
                                        ps_str_equal_nocase(schema->fields[i].name, wanted));
        found |= sink->forced[i];
    }
    if (sink->options.has_force && !found)
        return ps_fail(cx, PS_BIND, "FORCE_QUOTE names no column of the result: %.*s",
                       PS_STR_ARGS(wanted));
    return PS_OK;
}

static void header_add(ps_sink *sink, const ps_schema *schema)
{
    for (uint32_t i = 0; i < schema->n; i++) {
        if (i) ps_text_char(&sink->text, sink->options.delim);
        field_add(sink, schema->fields[i].name, false);
    }
    ps_text_char(&sink->text, '\n');
}

static void csv_close(ps_sink *sink)
{
    if (!sink) return;
    ps_file_writer_free(sink->file);
    ps_text_release(&sink->text);
    ps_text_release(&sink->value);
    ps_free(sink->forced);
    ps_free(sink);
}

static ps_status csv_open(ps_ctx *cx, const ps_sink_spec *spec, const ps_schema *schema,
                          ps_sink **out)
{
    ps_sink *sink = ps_alloc_zero(cx, sizeof *sink);
    ps_csv_options *o;
    ps_status st = PS_OK;

    *out = NULL;
    if (!sink) return PS_MEMORY;
    o = &sink->options;
    ps_text_init(&sink->text, cx);
    ps_text_init(&sink->value, cx);
    o->delim = ps_str_ends(spec->path, PS_STR(".tsv")) ? '\t' : ',';
    o->quote = '"', o->header = true;
    PS_GO(ps_csv_options_read(cx, &spec->options, true, o));
    if (!o->escape) o->escape = o->quote;
    sink->special['\n'] = sink->special['\r'] = true;
    sink->special[(unsigned char)o->delim] = true;
    sink->special[(unsigned char)o->quote] = o->quote != 0;
    sink->special[(unsigned char)o->escape] |= o->escape != 0;
    sink->forced = ps_alloc_zero(cx, schema->n + 1);
    if (!sink->forced) PS_GO(PS_MEMORY);
    PS_GO(forced_set(cx, sink, schema));
    PS_GO(ps_file_writer_open(cx, spec->path, spec->stage, &sink->file));
    if (o->header) header_add(sink, schema);
    *out = sink;
    sink = NULL;
done:
    csv_close(sink);
    return st;
}

static void cell_add(ps_sink *sink, const ps_vec *vec, uint32_t row, bool forced)
{
    if (!ps_vec_row_valid(vec, row)) {
        ps_text_str(&sink->text, sink->options.null);
        return;
    }
    if (ps_type_storage(vec->type).id == PS_TYPE_STRING && vec->layout == PS_LAYOUT_VIEW) {
        const ps_reader_view r = ps_vec_read(vec);
        const ps_view *v = &((const ps_view *)r.data)[ps_reader_at(&r, row)];
        field_add(sink, ps_view_str(v), forced);
        return;
    }
    ps_text_clear(&sink->value);
    ps_vec_print(vec, row, &sink->value);
    if (sink->value.status != PS_OK) sink->text.status = sink->value.status;
    else field_add(sink, (ps_str){sink->value.at ? sink->value.at : "", sink->value.n}, forced);
}

static ps_status csv_write(ps_ctx *cx, ps_sink *sink, const ps_batch *batch)
{
    sink->text.cx = sink->value.cx = cx; /* errors go to whoever writes now */
    for (uint32_t k = 0; k < batch->n_live; k++) {
        const uint32_t row = ps_batch_row(batch, k);
        if (k % 256 == 0) PS_TRY(ps_poll(cx));
        for (uint32_t i = 0; i < batch->n_cols; i++) {
            if (i) ps_text_char(&sink->text, sink->options.delim);
            cell_add(sink, &batch->cols[i], row, sink->forced[i]);
        }
        ps_text_char(&sink->text, '\n');
        if (sink->text.n >= FLUSH_BYTES || sink->text.status != PS_OK) PS_TRY(flush(cx, sink));
    }
    sink->n_rows += batch->n_live;
    return PS_OK;
}

static ps_status csv_commit(ps_ctx *cx, ps_sink *sink, uint64_t *n_rows)
{
    sink->text.cx = sink->value.cx = cx;
    PS_TRY(flush(cx, sink));
    *n_rows = sink->n_rows;
    return ps_file_writer_commit(cx, sink->file);
}

static uint64_t csv_bytes(const ps_sink *sink)
{
    return ps_file_writer_bytes(sink->file) + sink->text.n;
}

const ps_sink_class ps_csv_sink = {.bytes = csv_bytes,
                                   .name = "csv",
                                   .open = csv_open,
                                   .write = csv_write,
                                   .commit = csv_commit,
                                   .close = csv_close};
