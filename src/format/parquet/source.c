/* format/parquet/source.c -- one or more files of one schema as a source.
 *
 * Footers are read when the source is opened; each reader opens files anew and holds them
 * against the identity kept here, so a file that was replaced meanwhile is an error, not
 * nonsense. Columns are matched by name. Tests: tests/unit/test_parquet_source.c,
 * tests/py/test_parquet.py */
#include "format/parquet/scan.h"

#include "base/map.h"
#include "format/parquet/write.h"

static void source_destroy(ps_source *source)
{
    ps_pq_source *const s = (ps_pq_source *)(void *)source;

    ps_arena_release(&s->arena);
    ps_free(s);
}

static ps_status file_open(ps_ctx *cx, ps_arena *arena, ps_str path, ps_pq_file *out)
{
    ps_file *file = NULL;
    const char *const name = ps_arena_strndup(cx, arena, path.at, path.n);
    ps_status st;

    if (!name) return PS_MEMORY;
    out->path = (ps_str){name, path.n};
    PS_TRY(ps_file_open(cx, path, &file));
    out->id = file->id;
    st = ps_pq_meta_read(cx, arena, file, &out->meta);
    if (st == PS_OK) st = ps_pq_schema_build(cx, arena, &out->meta, &out->schema);
    ps_file_free(file);
    return st == PS_OK ? PS_OK : ps_while(cx, st, "opening %.*s", PS_STR_ARGS(path));
}

/* The columns of the first file are the source's; each other file must have them too. */
static ps_status columns_match(ps_ctx *cx, ps_pq_source *s, uint32_t f, ps_field *fields)
{
    ps_pq_file *const file = &s->files[f];
    const ps_pq_node *const first = &s->files[0].schema.root, *const own = &file->schema.root;
    ps_map map = {0};

    file->columns = PS_ARENA_ARRAY(cx, &s->arena, uint32_t, PS_MAX(first->n_children, 1));
    if (!file->columns) return PS_MEMORY;
    if (f > 0)
        for (uint32_t i = own->n_children; i-- > 0;)
            PS_TRY(ps_map_put(cx, &s->arena, &map, own->children[i].field.name, &own->children[i]));
    for (uint32_t i = 0; i < first->n_children; i++) {
        const ps_pq_node *const node =
            f == 0 ? &own->children[i] : ps_map_get(&map, fields[i].name);
        if (!node)
            return ps_fail(cx, PS_DATA, "column %.*s of %.*s is missing in %.*s",
                           PS_STR_ARGS(fields[i].name), PS_STR_ARGS(s->files[0].path),
                           PS_STR_ARGS(file->path));
        if (!ps_type_equal(node->field.type, first->children[i].field.type))
            return ps_fail(cx, PS_DATA, "column %.*s has another type in %.*s than in %.*s",
                           PS_STR_ARGS(fields[i].name), PS_STR_ARGS(s->files[0].path),
                           PS_STR_ARGS(file->path));
        file->columns[i] = (uint32_t)(node - own->children);
        fields[i].nullable |= node->field.nullable;
    }
    return PS_OK;
}

static void totals_add(ps_pq_source *s, const ps_pq_meta *m)
{
    s->n_rows += m->n_rows;
    for (uint32_t g = 0; g < m->n_row_groups; g++)
        for (uint32_t i = 0; i < m->n_leaves; i++)
            s->bytes += (double)PS_MAX(m->row_groups[g].chunks[i].bytes, 0);
}

static const ps_source_class parquet_source;

static ps_status source_fill(ps_ctx *cx, ps_pq_source *s, const ps_str *paths, uint32_t n_paths)
{
    ps_schema *schema;
    ps_field *fields;
    uint32_t n;

    s->files = PS_ARENA_ARRAY(cx, &s->arena, ps_pq_file, n_paths);
    if (!s->files) return PS_MEMORY;
    for (uint32_t i = 0; i < n_paths; i++) {
        PS_TRY(ps_poll(cx));
        PS_TRY(file_open(cx, &s->arena, paths[i], &s->files[i]));
        totals_add(s, &s->files[i].meta);
    }
    s->n_files = n_paths;
    n = s->files[0].schema.root.n_children;
    fields = PS_ARENA_ARRAY(cx, &s->arena, ps_field, PS_MAX(n, 1));
    if (!fields) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) fields[i] = s->files[0].schema.root.children[i].field;
    for (uint32_t i = 0; i < n_paths; i++) PS_TRY(columns_match(cx, s, i, fields));
    PS_TRY(ps_schema_new(cx, fields, n, &schema));
    ps_source_init(&s->base, &parquet_source, schema, s->files[0].path);
    ps_schema_unref(schema); /* the source holds one */
    return PS_OK;
}

static ps_status parquet_open(ps_ctx *cx, const ps_str *paths, uint32_t n_paths,
                              const ps_options *options, ps_source **out)
{
    ps_pq_source *s;
    ps_status st;

    *out = NULL;
    PS_ASSERT(n_paths > 0);
    if (options && options->n)
        return ps_fail(cx, PS_BIND, "read_parquet has no option %.*s",
                       PS_STR_ARGS(options->at[0].name));
    s = ps_alloc_zero(cx, sizeof *s);
    if (!s) return PS_MEMORY;
    st = source_fill(cx, s, paths, n_paths);
    if (st == PS_OK) {
        *out = &s->base;
        return PS_OK;
    }
    ps_arena_release(&s->arena);
    ps_free(s);
    return st;
}

static void parquet_explain(const ps_source *source, ps_text *out)
{
    const ps_pq_source *const s = ps_pq_source_of(source);
    uint32_t n = 0;

    for (uint32_t i = 0; i < s->n_files; i++) n += s->files[i].meta.n_row_groups;
    if (s->n_files > 1) ps_text_printf(out, "and %u more ", s->n_files - 1);
    ps_text_printf(out, "(parquet, %u row groups)", n);
}

static void parquet_describe(const ps_source *source, ps_text *out)
{
    const ps_pq_source *const s = ps_pq_source_of(source);

    ps_text_puts(out, "parquet");
    for (uint32_t i = 0; i < s->n_files; i++) {
        const ps_file_id *const id = &s->files[i].id;
        ps_text_char(out, ' ');
        ps_text_json(out, s->files[i].path);
        ps_text_printf(out, " %llu %lld", (unsigned long long)id->size, (long long)id->mtime_ns);
    }
}

static const ps_source_class parquet_source = {.name = "parquet",
                                               .destroy = source_destroy,
                                               .stats = ps_pq_source_stats,
                                               .column = ps_pq_source_column,
                                               .reader_bytes = ps_pq_reader_bytes,
                                               .scan_open = ps_pq_scan_open,
                                               .scan_close = ps_pq_scan_close,
                                               .reader_open = ps_pq_reader_open,
                                               .reader_close = ps_pq_reader_close,
                                               .reader_start = ps_pq_reader_start,
                                               .reader_next = ps_pq_reader_next,
                                               .explain = parquet_explain,
                                               .describe = parquet_describe};

static const char *const extensions[] = {".parquet", ".parq", ".pq", NULL};
const ps_format ps_format_parquet = {
    .name = "parquet", .extensions = extensions, .open = parquet_open, .sink = &ps_pq_sink};
