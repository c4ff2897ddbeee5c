/* api/table_sink.c -- CREATE TABLE AS and INSERT: rows in order become segments, put in place at
 * commit.
 *
 * A replaced or extended table changes for readers at one moment, in commit; until then nobody sees
 * the rows. */
#include "api/handles.h"

struct ps_sink {
    const ps_sink_spec *spec;
    const ps_schema *schema;
    ps_segment_builder *builder;
    PS_ARRAY(ps_segment *) segments;
    uint64_t n_rows;
};

static void table_sink_close(ps_sink *sink)
{
    if (!sink) return;
    ps_segment_builder_free(sink->builder);
    for (size_t i = 0; i < sink->segments.n; i++) ps_owner_unref(&sink->segments.at[i]->owner);
    ps_free(sink->segments.at);
    ps_free(sink);
}

static ps_status table_sink_open(ps_ctx *cx, const ps_sink_spec *spec, const ps_schema *schema,
                                 ps_sink **out)
{
    ps_sink *sink = ps_alloc_zero(cx, sizeof(*sink));

    *out = sink;
    if (!sink) return PS_MEMORY;
    sink->spec = spec;
    sink->schema = schema;
    return ps_segment_builder_new(cx, schema, &sink->builder);
}

static ps_status table_sink_seal(ps_ctx *cx, ps_sink *sink)
{
    ps_segment *segment = NULL;

    PS_TRY(ps_segment_builder_seal(cx, sink->builder, sink->segments.n, &segment));
    if (!segment) return PS_OK;
    const ps_status st = PS_ARRAY_ADD(cx, &sink->segments, segment);
    if (st != PS_OK) ps_owner_unref(&segment->owner);
    return st;
}

/* Rows [first, first + n) of a batch without a selection. */
static ps_status table_sink_part(ps_ctx *cx, ps_sink *sink, const ps_batch *batch, uint32_t first,
                                 uint32_t n)
{
    uint32_t *sel = NULL;
    ps_batch part = *batch;
    ps_status st = PS_OK;

    if (n < batch->n) {
        sel = ps_alloc(cx, n * sizeof(*sel));
        if (!sel) return PS_MEMORY;
        for (uint32_t k = 0; k < n; k++) sel[k] = first + k;
        part.sel = sel;
        part.n_live = n;
    }
    st = ps_segment_builder_add(cx, sink->builder, &part);
    ps_free(sel);
    return st;
}

static ps_status table_sink_write(ps_ctx *cx, ps_sink *sink, const ps_batch *batch)
{
    /* Segments are cut at exactly PS_SEGMENT_ROWS: tables do not depend on batch sizes. */
    for (uint32_t at = 0; at < batch->n;) {
        const uint64_t room = PS_SEGMENT_ROWS - ps_segment_builder_rows(sink->builder);
        const uint32_t n = (uint32_t)PS_MIN(room, batch->n - at);

        PS_TRY(table_sink_part(cx, sink, batch, at, n));
        at += n;
        if (ps_segment_builder_rows(sink->builder) == PS_SEGMENT_ROWS)
            PS_TRY(table_sink_seal(cx, sink));
    }
    sink->n_rows += batch->n;
    return PS_OK;
}

static ps_status table_sink_replace(ps_ctx *cx, ps_sink *sink, const ps_table_target *target)
{
    /* Columns of a query's result may take nulls later, also those that hold none now. */
    ps_field *fields = ps_alloc(cx, (sink->schema->n + 1) * sizeof(*fields));
    ps_schema *schema = NULL;
    ps_table *empty = NULL, *table = NULL;
    bool kept;
    ps_status st = fields ? PS_OK : PS_MEMORY;

    PS_GO(st);
    for (uint32_t i = 0; i < sink->schema->n; i++) {
        fields[i] = sink->schema->fields[i];
        fields[i].nullable = true;
    }
    PS_GO(ps_schema_new(cx, fields, sink->schema->n, &schema));
    PS_GO(ps_table_new(cx, schema, &empty));
    PS_GO(ps_table_append(cx, empty, sink->segments.at, (uint32_t)sink->segments.n, &table));
    PS_GO(ps_relations_put_table(cx, target->relations, sink->spec->path, table, NULL, 0,
                                 target->exists, &kept));
done:
    ps_table_unref(table);
    ps_table_unref(empty);
    ps_schema_unref(schema);
    ps_free(fields);
    return st;
}

static ps_status table_sink_commit(ps_ctx *cx, ps_sink *sink, uint64_t *n_rows)
{
    const ps_table_target *target = sink->spec->user;

    PS_TRY(table_sink_seal(cx, sink));
    *n_rows = sink->n_rows;
    if (!target->append) return table_sink_replace(cx, sink, target);
    return ps_relations_append(cx, target->relations, sink->spec->path, sink->schema,
                               sink->segments.at, (uint32_t)sink->segments.n);
}

const ps_sink_class ps_table_sink = {
    .name = "table",
    .open = table_sink_open,
    .write = table_sink_write,
    .commit = table_sink_commit,
    .close = table_sink_close,
};
