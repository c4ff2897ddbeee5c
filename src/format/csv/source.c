/* format/csv/source.c -- one or more CSV files as a source: opening, statistics, description.
 *
 * Dialect and types come from the first file; the others must fit it. Morsels are ranges of bytes
 * of a fixed size: a record belongs to the one its first byte is in. */
#include "format/csv/source.h"

#include "format/csv/csv.h"
#include "format/csv/write.h"

enum { CHUNK_BYTES = 4 << 20, LINE_BYTES_MAX = 2 << 20, SAMPLE_ROWS = 20480 };

static void source_destroy(ps_source *source)
{
    ps_csv_source *s = (ps_csv_source *)(void *)source;

    ps_arena_release(&s->arena);
    ps_free(s);
}

static ps_status csv_stats(ps_ctx *cx, const ps_source *source, ps_source_stats *out)
{
    const ps_csv_source *s = (const ps_csv_source *)(const void *)source;

    (void)cx;
    *out = (ps_source_stats){.bytes = (double)s->bytes,
                             .n_rows = s->row_bytes > 0 ? (double)s->bytes / s->row_bytes : 0};
    return PS_OK;
}

static ps_status csv_scan_open(ps_ctx *cx, ps_arena *arena, const ps_source *source,
                               const ps_scan_request *request, ps_scan **out)
{
    const ps_csv_source *s = (const ps_csv_source *)(const void *)source;
    const uint64_t n = s->n_morsels;
    ps_csv_scan *scan = PS_ARENA_NEW(cx, arena, ps_csv_scan);

    *out = NULL;
    if (!scan) return PS_MEMORY;
    scan->base.source = source;
    scan->base.n_morsels = n;
    scan->base.reader_bytes = s->options.chunk_bytes;
    scan->request = *request;
    scan->exits = ps_arena_alloc(cx, arena, n * sizeof *scan->exits + 1);
    scan->entries = PS_ARENA_ARRAY(cx, arena, uint8_t, n + 1);
    if (!scan->exits || !scan->entries) return PS_MEMORY;
    ps_mutex_init(&scan->mutex);
    *out = &scan->base;
    return PS_OK;
}

static uint64_t csv_reader_bytes(ps_ctx *cx, const ps_source *source,
                                 const ps_scan_request *request)
{
    (void)cx, (void)request;
    return ((const ps_csv_source *)(const void *)source)->options.chunk_bytes;
}

static void csv_scan_close(ps_scan *scan)
{
    if (scan) ps_mutex_destroy(&((ps_csv_scan *)(void *)scan)->mutex);
}

static void csv_explain(const ps_source *source, ps_text *out)
{
    const ps_csv_source *s = (const ps_csv_source *)(const void *)source;

    ps_text_printf(out, "csv %.*s", PS_STR_ARGS(s->files[0].path));
    if (s->n_files > 1) ps_text_printf(out, " and %u more", s->n_files - 1);
}

static void csv_describe(const ps_source *source, ps_text *out)
{
    const ps_csv_source *s = (const ps_csv_source *)(const void *)source;

    ps_text_printf(out, "csv %d %d %d %d%d%d %llu %llu ", s->dialect.delim, s->dialect.quote,
                   s->dialect.escape, s->options.ignore_errors, s->options.null_padding,
                   s->options.header, (unsigned long long)s->options.chunk_bytes,
                   (unsigned long long)s->options.line_bytes_max);
    ps_text_json(out, s->options.null);
    ps_text_char(out, ' ');
    ps_schema_print(s->base.schema, out);
    for (uint32_t i = 0; i < s->n_files; i++) {
        ps_text_char(out, ' ');
        ps_text_json(out, s->files[i].path);
        ps_text_printf(out, " %llu %lld", (unsigned long long)s->files[i].id.size,
                       (long long)s->files[i].id.mtime_ns);
    }
}

static const ps_source_class csv_source = {.name = "csv",
                                           .destroy = source_destroy,
                                           .stats = csv_stats,
                                           .reader_bytes = csv_reader_bytes,
                                           .scan_open = csv_scan_open,
                                           .scan_close = csv_scan_close,
                                           .reader_open = ps_csv_reader_open,
                                           .reader_close = ps_csv_reader_close,
                                           .reader_start = ps_csv_reader_start,
                                           .reader_next = ps_csv_reader_next,
                                           .explain = csv_explain,
                                           .describe = csv_describe};

static ps_status schema_make(ps_ctx *cx, ps_csv_source *s, ps_file *file)
{
    ps_schema *schema;
    ps_field *fields;
    uint32_t n;

    PS_TRY(ps_csv_sniff(cx, s, file, &s->files[0], &fields, &n));
    PS_TRY(ps_schema_new(cx, fields, n, &schema));
    ps_source_init(&s->base, &csv_source, schema, s->files[0].path);
    ps_schema_unref(schema); /* the source holds one */
    return PS_OK;
}

static ps_status file_add(ps_ctx *cx, ps_csv_source *s, uint32_t i, ps_str path)
{
    ps_csv_file *f = &s->files[i];
    ps_file *file = NULL;
    ps_status st;

    f->path = (ps_str){ps_arena_strndup(cx, &s->arena, path.at, path.n), path.n};
    if (!f->path.at) return PS_MEMORY;
    PS_TRY(ps_file_open(cx, f->path, &file));
    f->id = file->id;
    f->morsel = s->n_morsels;
    st = i == 0 ? schema_make(cx, s, file) : ps_csv_file_start(cx, s, file, f);
    ps_file_free(file);
    if (st != PS_OK) return ps_while(cx, st, "opening %.*s", PS_STR_ARGS(path));
    s->n_morsels += (f->id.size - f->start + s->options.chunk_bytes - 1) / s->options.chunk_bytes;
    s->bytes += f->id.size;
    return PS_OK;
}

static ps_status source_fill(ps_ctx *cx, ps_csv_source *s, const ps_str *paths, uint32_t n_paths,
                             const ps_options *options)
{
    s->options = (ps_csv_options){.quote = '"',
                                  .null = {"", 0},
                                  .sample = SAMPLE_ROWS,
                                  .line_bytes_max = LINE_BYTES_MAX,
                                  .chunk_bytes = CHUNK_BYTES};
    PS_TRY(ps_csv_options_read(cx, options, false, &s->options));
    char *null = ps_arena_strndup(cx, &s->arena, s->options.null.at, s->options.null.n);
    s->files = PS_ARENA_ARRAY(cx, &s->arena, ps_csv_file, n_paths);
    if (!s->files || !null) return PS_MEMORY;
    s->options.null.at = null;
    s->n_files = n_paths;
    for (uint32_t i = 0; i < n_paths; i++) {
        PS_TRY(ps_poll(cx));
        PS_TRY(file_add(cx, s, i, paths[i]));
    }
    return PS_OK;
}

static ps_status csv_open(ps_ctx *cx, const ps_str *paths, uint32_t n_paths,
                          const ps_options *options, ps_source **out)
{
    ps_csv_source *s = ps_alloc_zero(cx, sizeof *s);
    ps_status st;

    *out = NULL;
    if (!s) return PS_MEMORY;
    st = source_fill(cx, s, paths, n_paths, options);
    s->options.names = s->options.types = s->options.columns = NULL; /* the caller's */
    if (st == PS_OK) *out = &s->base;
    else if (s->base.schema) ps_source_unref(&s->base);
    else source_destroy(&s->base);
    return st;
}

static const char *const extensions[] = {".csv", ".tsv", NULL};
const ps_format ps_format_csv = {
    .name = "csv", .extensions = extensions, .open = csv_open, .sink = &ps_csv_sink};
