/* col/table_load.c -- rows in order become segments: CREATE TABLE AS, INSERT, imports.
 *
 * Segments are cut at exactly PS_SEGMENT_ROWS, or at a multiple of STEP_ROWS where the rows so far
 * would take more than their share of the memory limit: tables don't depend on the size of batches.
 * Before a segment is made older ones give memory back, and where that isn't enough it is written
 * out as it comes, so that a table may be larger than memory.
 * Tests: tests/py/test_tables.py, tests/slt/op/tables.test */
#include "col/segment.h"

enum {
    STEP_ROWS = 2048,
    KEPT_SHARE = 32, /* of its rows that may stay in memory of a segment in a file, */
    WIDE_SHARE = 16, /* unless they would take more than this of the limit */
    HEADROOM_BYTES_MAX = 64 << 20,
    TEXT_BYTES = 32 /* a text and its view, as a guess */
};

ps_status ps_table_load_begin(ps_ctx *cx, const ps_schema *schema, ps_store *store,
                              const ps_table_load_options *options, ps_table_load *load)
{
    ps_ctx own = *cx;
    ps_status st;

    *load = (ps_table_load){.store = store};
    if (options) load->options = *options;
    if (!store) return ps_segment_builder_new(cx, schema, &load->builder);
    own.mem = store->mem; /* segments keep the schema */
    st = ps_schema_new(&own, schema->fields, schema->n, &load->schema);
    if (st != PS_OK) return cx->error = own.error, st;
    PS_TRY(ps_segment_builder_new(cx, load->schema, &load->builder));
    ps_segment_builder_store(load->builder, store, load->options.how.encrypt);
    return PS_OK;
}

void ps_table_load_release(ps_table_load *load)
{
    ps_segment_builder_free(load->builder);
    for (size_t i = 0; i < load->segments.n; i++) ps_owner_unref(&load->segments.at[i]->owner);
    ps_free(load->segments.at);
    ps_schema_unref(load->schema);
    *load = (ps_table_load){0};
}

/* Whether the store may pay for one more segment, after others gave way to it and to what comes.
 * Where the disk takes none of them it is enough that this one fits. */
static ps_status make_room(ps_ctx *cx, ps_table_load *load, uint64_t bytes, bool *fits)
{
    const uint64_t limit = load->options.memory_limit;
    const uint64_t headroom = PS_MIN(limit / 8, (uint64_t)HEADROOM_BYTES_MAX);
    const ps_spill_options *how = &load->options.how;

    *fits = true;
    if (!load->store || limit == 0) return PS_OK;
    if (!ps_store_failed(load->store, how)) {
        const ps_status st = ps_store_make_room(cx, load->store, how, headroom + bytes, fits);
        if (st != PS_IO && st != PS_DISK_FULL) return st;
    }
    ps_ctx_clear(cx);
    return ps_store_make_room(cx, load->store, how, bytes, fits);
}

/* Where memory is short the query pays for the segment, as it did for its rows before, and it is
 * written out at once: a query's floor has room for that. */
static ps_status seal_through(ps_ctx *cx, ps_table_load *load, ps_segment **segment)
{
    ps_status st = ps_segment_builder_seal_through(cx, load->builder, load->segments.n, segment);

    if (st != PS_OK) return st;
    st = ps_store_give_segment(cx, load->store, &load->options.how, *segment);
    if (st == PS_OK) return PS_OK;
    ps_owner_unref(&(*segment)->owner);
    *segment = NULL;
    return st;
}

static ps_status seal(ps_ctx *cx, ps_table_load *load)
{
    const uint64_t bytes = ps_segment_builder_bytes(load->builder);
    ps_segment *segment = NULL;
    ps_status st = PS_MEMORY;
    bool fits;

    if (ps_segment_builder_rows(load->builder) == 0) return PS_OK; /* it may keep room for texts */
    PS_TRY(make_room(cx, load, bytes, &fits));
    if (fits) st = ps_segment_builder_seal(cx, load->builder, load->segments.n, &segment);
    if (st == PS_MEMORY && load->store && load->options.memory_limit) {
        ps_ctx_clear(cx);
        st = seal_through(cx, load, &segment);
    }
    if (st != PS_OK) return st;
    st = PS_ARRAY_ADD(cx, &load->segments, segment);
    if (st != PS_OK) ps_owner_unref(&segment->owner);
    if (st == PS_OK && load->store && load->options.force_spill)
        st = ps_store_give(cx, load->store, &load->options.how, UINT64_MAX, &(uint64_t){0});
    return st;
}

/* Rows [first, first + n) of a batch without a selection. */
static ps_status add_part(ps_ctx *cx, ps_table_load *load, const ps_batch *batch, uint32_t first,
                          uint32_t n)
{
    uint32_t sel[STEP_ROWS];
    ps_batch part = *batch;

    if (n < batch->n) {
        for (uint32_t k = 0; k < n; k++) sel[k] = first + k;
        part.sel = sel;
        part.n_live = n;
    }
    return ps_segment_builder_add(cx, load->builder, &part);
}

/* What the rows of a segment take when it is made, or a step's more. */
static uint64_t full_bytes(uint64_t kept_bytes, uint64_t limit)
{
    return PS_MAX(ps_segment_bytes_max(limit), PS_MIN(kept_bytes * KEPT_SHARE, limit / WIDE_SHARE));
}

/* Whether what was added is a segment. */
static bool is_full(const ps_table_load *load)
{
    const uint64_t rows = ps_segment_builder_rows(load->builder);
    const uint64_t limit = load->options.memory_limit;

    if (rows == PS_SEGMENT_ROWS) return true;
    if (limit == 0 || rows % STEP_ROWS != 0) return false;
    return ps_segment_builder_bytes(load->builder) >=
           full_bytes(ps_segment_builder_kept_bytes(load->builder), limit);
}

ps_status ps_table_load_add(ps_ctx *cx, ps_table_load *load, const ps_batch *batch)
{
    PS_ASSERT(!batch->sel);
    for (uint32_t at = 0; at < batch->n;) {
        const uint64_t room = STEP_ROWS - ps_segment_builder_rows(load->builder) % STEP_ROWS;
        const uint32_t n = (uint32_t)PS_MIN(room, batch->n - at);

        PS_TRY(add_part(cx, load, batch, at, n));
        at += n;
        if (is_full(load)) PS_TRY(seal(cx, load));
    }
    load->n_rows += batch->n;
    return PS_OK;
}

ps_status ps_table_load_end(ps_ctx *cx, ps_table_load *load) { return seal(cx, load); }

/* Before a segment is full the builder's columns, which grow by doubling, have room for twice its
 * bytes, or for a step where rows are that wide; then the segment is there beside them. */
uint64_t ps_table_load_floor(const ps_schema *schema, uint64_t memory_limit)
{
    uint64_t row = 0;

    for (uint32_t i = 0; i < schema->n; i++) {
        const ps_layout layout = ps_type_layout(schema->fields[i].type);
        row += layout == PS_LAYOUT_VIEW ? TEXT_BYTES : ps_layout_bytes(layout);
    }
    const uint64_t full =
        PS_MIN(full_bytes(ps_segment_kept_bytes(schema), memory_limit), row * PS_SEGMENT_ROWS);
    return PS_MAX(2 * full, row * STEP_ROWS) + full + row * STEP_ROWS;
}
