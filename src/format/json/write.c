/* format/json/write.c -- rows as JSON lines: one object a row, in a file that appears whole.
 *
 * Numbers and decimals are numbers, structs and maps with text keys objects, lists arrays, all
 * else text. What JSON numbers can't say (inf, nan) is text. Maps whose keys aren't text become
 * objects with the keys' text. Reading is not there yet: a typed error.
 * Tests: tests/slt/format/json_write.test, tests/py/test_csv.py */
#include "col/value.h"
#include "format/json/json.h"
#include "fs/file.h"

#include <math.h>

enum { FLUSH_BYTES = 1 << 16 };

struct ps_sink {
    ps_file_writer *file;
    ps_text text, value;
    ps_schema *schema;
    ps_arena arena; /* nested values of one row */
    uint64_t n_rows;
};

static void quoted_add(ps_sink *sink, const ps_value *v)
{
    ps_text_clear(&sink->value);
    ps_value_print(v, &sink->value);
    if (sink->value.status != PS_OK) sink->text.status = sink->value.status;
    else ps_text_json(&sink->text, (ps_str){sink->value.at ? sink->value.at : "", sink->value.n});
}

/* A leading zero where the value's text has none: .50 is no JSON. */
static void decimal_add(ps_sink *sink, const ps_value *v)
{
    ps_text_clear(&sink->value);
    ps_value_print(v, &sink->value);
    if (sink->value.status != PS_OK || !sink->value.n) {
        if (sink->value.status != PS_OK) sink->text.status = sink->value.status;
        return;
    }
    const char *at = sink->value.at;
    if (*at == '-') ps_text_char(&sink->text, *at++);
    if (*at == '.') ps_text_char(&sink->text, '0');
    ps_text_puts(&sink->text, at);
}

static void value_add(ps_sink *sink, const ps_value *v);

static void struct_add(ps_sink *sink, const ps_value *v, ps_type type)
{
    ps_text_char(&sink->text, '{');
    for (uint32_t i = 0; i < v->n_items; i++) {
        if (i) ps_text_char(&sink->text, ',');
        ps_text_json(&sink->text, type.ext->fields[i].name);
        ps_text_char(&sink->text, ':');
        value_add(sink, &v->items[i]);
    }
    ps_text_char(&sink->text, '}');
}

static void map_add(ps_sink *sink, const ps_value *v)
{
    ps_text_char(&sink->text, '{');
    for (uint32_t i = 0; i < v->n_items; i++) {
        if (i) ps_text_char(&sink->text, ',');
        quoted_add(sink, &v->items[i].items[0]);
        ps_text_char(&sink->text, ':');
        value_add(sink, &v->items[i].items[1]);
    }
    ps_text_char(&sink->text, '}');
}

static void list_add(ps_sink *sink, const ps_value *v)
{
    ps_text_char(&sink->text, '[');
    for (uint32_t i = 0; i < v->n_items; i++) {
        if (i) ps_text_char(&sink->text, ',');
        value_add(sink, &v->items[i]);
    }
    ps_text_char(&sink->text, ']');
}

/* Recursion follows the type, whose depth is bounded. */
static void value_add(ps_sink *sink, const ps_value *v)
{
    const ps_type type = ps_type_storage(v->type);

    if (v->null) {
        ps_text_puts(&sink->text, "null");
        return;
    }
    switch (type.id) {
    case PS_TYPE_LIST:
    case PS_TYPE_ARRAY: list_add(sink, v); return;
    case PS_TYPE_STRUCT: struct_add(sink, v, type); return;
    case PS_TYPE_MAP: map_add(sink, v); return;
    case PS_TYPE_UNION: value_add(sink, &v->items[0]); return;
    case PS_TYPE_STRING: ps_text_json(&sink->text, v->str); return;
    case PS_TYPE_DECIMAL: decimal_add(sink, v); return;
    case PS_TYPE_BOOL: ps_value_print(v, &sink->text); return;
    default: break;
    }
    const ps_type_class class = ps_type_class_of(type);
    if (class == PS_CLASS_INTEGER || (class == PS_CLASS_FLOAT && isfinite(v->f64)))
        ps_value_print(v, &sink->text);
    else quoted_add(sink, v);
}

static ps_status flush(ps_ctx *cx, ps_sink *sink)
{
    PS_TRY(ps_text_status(&sink->text));
    if (sink->text.n) PS_TRY(ps_file_writer_add(cx, sink->file, sink->text.at, sink->text.n));
    ps_text_clear(&sink->text);
    return PS_OK;
}

static void json_close(ps_sink *sink)
{
    if (!sink) return;
    ps_file_writer_free(sink->file);
    ps_text_release(&sink->text);
    ps_text_release(&sink->value);
    ps_schema_unref(sink->schema);
    ps_arena_release(&sink->arena);
    ps_free(sink);
}

static ps_status json_open(ps_ctx *cx, const ps_sink_spec *spec, const ps_schema *schema,
                           ps_sink **out)
{
    ps_sink *sink;
    ps_status st;

    *out = NULL;
    if (spec->options.n)
        return ps_fail(cx, PS_BIND, "writing JSON has no option of this name: %.*s",
                       PS_STR_ARGS(spec->options.at[0].name));
    sink = ps_alloc_zero(cx, sizeof *sink);
    if (!sink) return PS_MEMORY;
    ps_text_init(&sink->text, cx);
    ps_text_init(&sink->value, cx);
    st = ps_schema_new(cx, schema->fields, schema->n, &sink->schema);
    if (st == PS_OK) st = ps_file_writer_open(cx, spec->path, spec->stage, &sink->file);
    if (st == PS_OK) *out = sink;
    else json_close(sink);
    return st;
}

static ps_status row_add(ps_ctx *cx, ps_sink *sink, const ps_batch *batch, uint32_t row)
{
    ps_text_char(&sink->text, '{');
    for (uint32_t i = 0; i < batch->n_cols; i++) {
        ps_value v;
        if (i) ps_text_char(&sink->text, ',');
        ps_text_json(&sink->text, sink->schema->fields[i].name);
        ps_text_char(&sink->text, ':');
        PS_TRY(ps_vec_value(cx, &sink->arena, &batch->cols[i], row, &v));
        value_add(sink, &v);
    }
    ps_text_puts(&sink->text, "}\n");
    ps_arena_reset(&sink->arena);
    return PS_OK;
}

static ps_status json_write(ps_ctx *cx, ps_sink *sink, const ps_batch *batch)
{
    sink->text.cx = sink->value.cx = cx; /* errors go to whoever writes now */
    for (uint32_t k = 0; k < batch->n_live; k++) {
        if (k % 256 == 0) PS_TRY(ps_poll(cx));
        PS_TRY(row_add(cx, sink, batch, ps_batch_row(batch, k)));
        if (sink->text.n >= FLUSH_BYTES || sink->text.status != PS_OK) PS_TRY(flush(cx, sink));
    }
    sink->n_rows += batch->n_live;
    return PS_OK;
}

static ps_status json_commit(ps_ctx *cx, ps_sink *sink, uint64_t *n_rows)
{
    sink->text.cx = sink->value.cx = cx;
    PS_TRY(flush(cx, sink));
    *n_rows = sink->n_rows;
    return ps_file_writer_commit(cx, sink->file);
}

static uint64_t json_bytes(const ps_sink *sink)
{
    return ps_file_writer_bytes(sink->file) + sink->text.n;
}

static const ps_sink_class json_sink = {.bytes = json_bytes,
                                        .name = "json",
                                        .open = json_open,
                                        .write = json_write,
                                        .commit = json_commit,
                                        .close = json_close};

static ps_status json_read(ps_ctx *cx, const ps_str *paths, uint32_t n_paths,
                           const ps_options *options, ps_source **out)
{
    (void)n_paths, (void)options;
    *out = NULL;
    return ps_fail(cx, PS_UNSUPPORTED, "JSON files can't be read yet: %.*s", PS_STR_ARGS(paths[0]));
}

static const char *const extensions[] = {".jsonl", ".ndjson", ".json", NULL};
const ps_format ps_format_json = {
    .name = "json", .extensions = extensions, .open = json_read, .sink = &json_sink};
