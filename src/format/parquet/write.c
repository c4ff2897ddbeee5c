/* format/parquet/write.c -- the sink: rows to row groups to a file that appears whole.
 *
 * Tests: tests/py/test_parquet_write.py, tests/slt/format/parquet_write.test */
#include "format/parquet/write.h"

struct ps_sink {
    ps_arena arena; /* the schema's nodes and names */
    ps_arena step;  /* of one step of shredding */
    ps_schema *schema;
    ps_pq_write_options options;
    ps_pq_write_schema nodes;
    ps_pq_chunk_writer chunks;
    ps_file_writer *file;
    ps_text groups; /* serialised metadata of the row groups written */
    uint32_t n_groups;
    uint64_t n_rows, group_rows; /* in all; in the open row group */
};

static void parquet_close(ps_sink *sink)
{
    if (!sink) return;
    for (uint32_t i = 0; i < sink->nodes.n_leaves; i++) {
        ps_text_release(&sink->nodes.leaves[i].values);
        ps_text_release(&sink->nodes.leaves[i].def);
        ps_text_release(&sink->nodes.leaves[i].rep);
    }
    ps_pq_chunk_writer_release(&sink->chunks);
    ps_file_writer_free(sink->file);
    ps_text_release(&sink->nodes.elements);
    ps_text_release(&sink->groups);
    ps_schema_unref(sink->schema);
    ps_arena_release(&sink->step);
    ps_arena_release(&sink->arena);
    ps_free(sink);
}

static ps_status parquet_open(ps_ctx *cx, const ps_sink_spec *spec, const ps_schema *schema,
                              ps_sink **out)
{
    ps_sink *sink = ps_alloc_zero(cx, sizeof *sink);
    ps_status st = PS_OK;

    *out = NULL;
    if (!sink) return PS_MEMORY;
    ps_text_init(&sink->groups, cx);
    ps_text_init(&sink->nodes.elements, cx);
    PS_GO(ps_pq_write_options_read(cx, &spec->options, &sink->options));
    ps_pq_chunk_writer_init(&sink->chunks, cx, NULL, &sink->options);
    PS_GO(ps_schema_new(cx, schema->fields, schema->n, &sink->schema));
    PS_GO(ps_pq_write_schema_build(cx, &sink->arena, sink->schema, &sink->nodes));
    for (uint32_t i = 0; i < sink->nodes.n_leaves; i++) {
        ps_text_init(&sink->nodes.leaves[i].values, cx);
        ps_text_init(&sink->nodes.leaves[i].def, cx);
        ps_text_init(&sink->nodes.leaves[i].rep, cx);
    }
    PS_GO(ps_file_writer_open(cx, spec->path, spec->stage, &sink->file));
    sink->chunks.file = sink->file;
    PS_GO(ps_file_writer_add(cx, sink->file, "PAR1", 4));
    *out = sink;
    sink = NULL;
done:
    parquet_close(sink);
    return st;
}

static ps_status group_write(ps_ctx *cx, ps_sink *sink)
{
    ps_pq_thrift_writer t = {.out = &sink->groups};
    const uint64_t at = ps_file_writer_bytes(sink->file);
    int64_t plain_bytes = 0, bytes = 0;

    if (!sink->group_rows) return PS_OK;
    sink->groups.cx = cx;
    ps_pq_put_list(&t, 1, PS_PQ_THRIFT_STRUCT, sink->nodes.n_leaves);
    for (uint32_t i = 0; i < sink->nodes.n_leaves; i++) {
        ps_pq_write_leaf *leaf = &sink->nodes.leaves[i];
        PS_TRY(ps_pq_chunk_write(cx, &sink->chunks, leaf, &sink->groups, &plain_bytes, &bytes));
        ps_text_clear(&leaf->values);
        ps_text_clear(&leaf->def);
        ps_text_clear(&leaf->rep);
        leaf->n_values = 0;
    }
    ps_pq_put_int(&t, 2, 64, plain_bytes);
    ps_pq_put_int(&t, 3, 64, (int64_t)sink->group_rows);
    ps_pq_put_int(&t, 5, 64, (int64_t)at);
    ps_pq_put_int(&t, 6, 64, bytes);
    if (sink->n_groups <= INT16_MAX) ps_pq_put_int(&t, 7, 16, sink->n_groups);
    ps_pq_put_end(&t);
    sink->n_groups++;
    sink->group_rows = 0;
    return ps_text_status(&sink->groups);
}

static uint64_t group_bytes(const ps_sink *sink)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < sink->nodes.n_leaves; i++) {
        const ps_pq_write_leaf *leaf = &sink->nodes.leaves[i];
        n += leaf->values.n + leaf->def.n + leaf->rep.n;
    }
    return n;
}

static uint64_t group_bytes_max(const ps_ctx *cx)
{
    return PS_MIN(ps_mem_limit(cx->mem) / 8, (uint64_t)PS_PQ_GROUP_BYTES);
}

/* What is in the group is all that memory could be short of here: large values, as a rule. */
static ps_status group_too_large(ps_ctx *cx, const ps_sink *sink, uint32_t rows_more)
{
    const uint64_t bytes = group_bytes(sink);

    if (bytes < group_bytes_max(cx)) return PS_MEMORY;
    ps_ctx_clear(cx);
    ps_fail(cx, PS_MEMORY,
            "a row group of Parquet doesn't fit into memory: its %llu rows take %llu bytes or more",
            (unsigned long long)(sink->group_rows + rows_more), (unsigned long long)bytes);
    ps_hint(cx, "raise memory_limit: a value is kept beside its encoded form until it is written");
    return PS_MEMORY;
}

static ps_status parquet_write(ps_ctx *cx, ps_sink *sink, const ps_batch *batch)
{
    uint32_t rows[PS_PQ_STEP_ROWS];

    for (uint32_t from = 0; from < batch->n_live;) {
        /* steps end at fixed rows of the group: where it is cut doesn't depend on batches */
        const uint64_t left = sink->options.group_rows - sink->group_rows;
        const uint64_t step = PS_PQ_STEP_ROWS - sink->group_rows % PS_PQ_STEP_ROWS;
        const uint32_t n = (uint32_t)PS_MIN((uint64_t)(batch->n_live - from), PS_MIN(left, step));
        PS_TRY(ps_poll(cx));
        for (uint32_t k = 0; k < n; k++) rows[k] = ps_batch_row(batch, from + k);
        for (uint32_t i = 0; i < batch->n_cols; i++) {
            const ps_status st = ps_pq_shred(cx, &sink->step, &sink->nodes.root.children[i],
                                             &batch->cols[i], rows, n);
            ps_arena_reset(&sink->step);
            if (st == PS_MEMORY) return group_too_large(cx, sink, n);
            PS_TRY(st);
        }
        from += n, sink->group_rows += n, sink->n_rows += n;
        if (sink->group_rows == sink->options.group_rows ||
            (sink->group_rows % PS_PQ_STEP_ROWS == 0 && group_bytes(sink) >= group_bytes_max(cx)))
            PS_TRY(group_write(cx, sink));
    }
    return PS_OK;
}

static ps_status footer_write(ps_ctx *cx, ps_sink *sink)
{
    ps_text footer;
    ps_pq_thrift_writer t = {.out = &footer};
    uint32_t n;
    ps_status st = PS_OK;

    ps_text_init(&footer, cx);
    ps_pq_put_int(&t, 1, 32, 2);
    ps_pq_put_list(&t, 2, PS_PQ_THRIFT_STRUCT, sink->nodes.n_elements);
    ps_text_add(&footer, sink->nodes.elements.at, sink->nodes.elements.n);
    ps_pq_put_int(&t, 3, 64, (int64_t)sink->n_rows);
    ps_pq_put_list(&t, 4, PS_PQ_THRIFT_STRUCT, sink->n_groups);
    if (sink->groups.n) ps_text_add(&footer, sink->groups.at, sink->groups.n);
    ps_pq_put_text(&t, 6, PS_STR("penstock 0.1.0"));
    ps_pq_put_list(&t, 7, PS_PQ_THRIFT_STRUCT, sink->nodes.n_leaves);
    for (uint32_t i = 0; i < sink->nodes.n_leaves; i++) { /* TYPE_ORDER for each */
        ps_pq_thrift_writer order = {.out = &footer};
        ps_pq_put_struct(&order, 1);
        ps_pq_put_end(&order);
        ps_pq_put_end(&order);
    }
    ps_pq_put_end(&t);
    n = (uint32_t)footer.n;
    ps_text_add(&footer, (const char *)&n, 4);
    ps_text_add(&footer, "PAR1", 4);
    PS_GO(ps_text_status(&footer));
    if (footer.n > INT32_MAX)
        PS_GO(ps_fail(cx, PS_UNSUPPORTED, "the footer of Parquet is too large: %zu", footer.n));
    PS_GO(ps_file_writer_add(cx, sink->file, footer.at, footer.n));
done:
    ps_text_release(&footer);
    return st;
}

static ps_status parquet_commit(ps_ctx *cx, ps_sink *sink, uint64_t *n_rows)
{
    PS_TRY(group_write(cx, sink));
    PS_TRY(footer_write(cx, sink));
    *n_rows = sink->n_rows;
    return ps_file_writer_commit(cx, sink->file);
}

static uint64_t parquet_bytes(const ps_sink *sink) { return ps_file_writer_bytes(sink->file); }

const ps_sink_class ps_pq_sink = {.name = "parquet",
                                  .bytes = parquet_bytes,
                                  .open = parquet_open,
                                  .write = parquet_write,
                                  .commit = parquet_commit,
                                  .close = parquet_close};
