/* api/table_sink.c -- CREATE TABLE AS and INSERT: rows in order become segments, put in place at
 * commit.
 *
 * A replaced or extended table changes for readers at one moment, in commit; until then nobody sees
 * the rows. The instance's store of tables pays for them from their segment on. */
#include "api/handles.h"

struct ps_sink {
    const ps_sink_spec *spec;
    const ps_schema *schema;
    ps_table_load load;
};

static void table_sink_close(ps_sink *sink)
{
    if (!sink) return;
    ps_table_load_release(&sink->load);
    ps_free(sink);
}

static ps_status table_sink_open(ps_ctx *cx, const ps_sink_spec *spec, const ps_schema *schema,
                                 ps_sink **out)
{
    const ps_table_target *target = spec->user;
    const ps_table_load_options options = {.how = ps_spill_options_of(target->exec),
                                           .memory_limit = target->exec->memory_limit,
                                           .force_spill = target->exec->force_spill};
    ps_sink *sink = ps_alloc_zero(cx, sizeof(*sink));

    *out = sink;
    if (!sink) return PS_MEMORY;
    sink->spec = spec;
    sink->schema = schema;
    return ps_table_load_begin(cx, schema, target->exec->tables, &options, &sink->load);
}

static ps_status table_sink_write(ps_ctx *cx, ps_sink *sink, const ps_batch *batch)
{
    return ps_table_load_add(cx, &sink->load, batch);
}

static ps_status table_sink_replace(ps_ctx *cx, ps_sink *sink, const ps_table_target *target)
{
    /* Columns of a query's result may take nulls later, also those that hold none now. */
    ps_field *fields = ps_alloc(cx, (sink->schema->n + 1) * sizeof(*fields));
    const ps_schema *const rows = sink->schema;
    ps_schema *schema = NULL;
    ps_table *empty = NULL, *table = NULL;
    bool kept;
    ps_status st = fields ? PS_OK : PS_MEMORY;

    PS_GO(st);
    for (uint32_t i = 0; i < rows->n; i++) {
        fields[i] = rows->fields[i];
        fields[i].nullable = true;
    }
    PS_GO(ps_schema_new(cx, fields, rows->n, &schema));
    PS_GO(ps_table_new_in(cx, target->exec->tables, schema, &empty));
    PS_GO(ps_table_append(cx, empty, sink->load.segments.at, (uint32_t)sink->load.segments.n,
                          &table));
    PS_GO(ps_relations_put_table(cx, target->relations, sink->spec->path, table, NULL, 0,
                                 target->exists, &kept));
done:
    ps_table_unref(table);
    ps_table_unref(empty);
    ps_schema_unref(schema);
    ps_free(fields);
    return st;
}

/* Sets of keys stay in memory: segments give way to them. An attempt may read the whole table, so
 * each asks for twice as much. */
static ps_status table_sink_append(ps_ctx *cx, ps_sink *sink, const ps_table_target *target)
{
    const ps_table_load *load = &sink->load;
    uint64_t given = 1;

    for (uint64_t bytes = PS_KEYS_GIVE_BYTES;; bytes *= 2) {
        const ps_status st =
            ps_relations_append(cx, target->relations, sink->spec->path, sink->schema,
                                load->segments.at, (uint32_t)load->segments.n);
        if (st != PS_MEMORY || given == 0) return st;
        ps_ctx_clear(cx);
        PS_TRY(ps_store_give(cx, load->store, &load->options.how, bytes, &given));
    }
}

static ps_status table_sink_commit(ps_ctx *cx, ps_sink *sink, uint64_t *n_rows)
{
    const ps_table_target *target = sink->spec->user;

    PS_TRY(ps_table_load_end(cx, &sink->load));
    *n_rows = sink->load.n_rows;
    if (!target->append) return table_sink_replace(cx, sink, target);
    return table_sink_append(cx, sink, target);
}

const ps_sink_class ps_table_sink = {
    .name = "table",
    .open = table_sink_open,
    .write = table_sink_write,
    .commit = table_sink_commit,
    .floor_bytes = ps_table_load_floor,
    .close = table_sink_close,
};
