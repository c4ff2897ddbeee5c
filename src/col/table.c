/* col/table.c -- snapshots of in-memory tables: lists of shared segments under a version.
 *
 * Tests: tests/unit/test_col_table.c */
#include "col/segment.h"

#include <stdlib.h>

typedef struct table_body {
    ps_table head;
    ps_store *store; /* that pays for it and its segments; NULL: none */
    ps_arena arena;  /* lists, statistics */
} table_body;

static uint64_t next_version(void)
{
    /* Process-wide on purpose: caches key on it. relaxed: it orders nothing. */
    static _Atomic uint64_t next = 1;
    return atomic_fetch_add_explicit(&next, 1, memory_order_relaxed);
}

static void table_destroy(ps_owner *owner)
{
    table_body *body = (table_body *)(void *)owner;

    for (uint32_t i = 0; i < body->head.n_segments; i++)
        ps_owner_unref(&body->head.segments[i]->owner);
    ps_store *store = body->store;

    ps_arena_release(&body->arena);
    ps_schema_unref(body->head.schema);
    ps_free(body);
    ps_store_unref(store);
}

static int by_sequence(const void *a, const void *b)
{
    const ps_segment *x = *(ps_segment *const *)a, *y = *(ps_segment *const *)b;
    return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

/* Widens stats by those of one more segment, which has a valid row: where all are null there is no
 * range, which can't be told from an unknown one. Texts of the range stay the segment's. */
static void widen(const ps_col_stats *one, bool first, ps_col_stats *stats)
{
    stats->has_range = one->has_range && (first || stats->has_range);
    if (!stats->has_range) return;
    if (first || ps_value_compare(&one->min, &stats->min) < 0) stats->min = one->min;
    if (first || ps_value_compare(&one->max, &stats->max) > 0) stats->max = one->max;
}

/* Statistics of one column over all segments. */
static void stats_all(table_body *body, uint32_t col)
{
    ps_col_stats *stats = &body->head.stats[col];
    ps_sketch sketch = {0};
    bool first = true, counted = false;
    double bytes = 0;

    for (uint32_t i = 0; i < body->head.n_segments; i++) {
        const ps_segment *segment = body->head.segments[i];
        const ps_col_stats *one = &segment->stats[col];
        stats->n_null += one->n_null;
        if (one->n_null == segment->n_rows) continue;
        widen(one, first, stats);
        first = false;
        bytes += one->width * (double)(segment->n_rows - one->n_null);
        if (segment->cols[col].sketch) ps_sketch_merge(&sketch, segment->cols[col].sketch);
        counted |= segment->cols[col].sketch != NULL;
    }
    const double n_valid = (double)(body->head.n_rows - stats->n_null);
    stats->width = n_valid > 0 ? bytes / n_valid : 0;
    const double estimate = counted ? ps_sketch_count(&sketch) : 0;
    stats->n_distinct = PS_MIN(estimate, n_valid);
}

/* ---- joining small segments ---- */

static ps_status copy_rows(ps_ctx *cx, const ps_segment *segment, ps_segment_builder *builder,
                           ps_batch *batch, ps_col_hold *holds, ps_vec_buf *bufs)
{
    for (uint32_t first = 0; first < segment->n_rows; first += PS_BATCH_ROWS) {
        batch->n = batch->n_live = PS_MIN((uint32_t)PS_BATCH_ROWS, segment->n_rows - first);
        for (uint32_t c = 0; c < segment->n_cols; c++)
            PS_TRY(ps_segment_read(cx, segment, c, first, batch->n, &holds[c], &bufs[c],
                                   &batch->cols[c]));
        PS_TRY(ps_segment_builder_add(cx, builder, batch));
    }
    return PS_OK;
}

static bool any_encrypted(ps_segment *const *segments, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (ps_segment_body_of(segments[i])->encrypt) return true;
    return false;
}

static ps_status join_segments(ps_ctx *cx, const table_body *table, ps_segment *const *segments,
                               uint32_t n, ps_segment **out)
{
    const ps_schema *schema = table->head.schema;
    ps_arena arena = {0};
    ps_segment_builder *builder = NULL;
    ps_vec_buf *bufs = PS_ARENA_ARRAY(cx, &arena, ps_vec_buf, schema->n + 1);
    ps_col_hold *holds = PS_ARENA_ARRAY(cx, &arena, ps_col_hold, schema->n + 1);
    ps_batch batch;
    ps_status st = bufs && holds ? PS_OK : PS_MEMORY;

    PS_GO(st);
    PS_GO(ps_batch_init(cx, &arena, schema->n, &batch));
    batch.n_cols = schema->n;
    for (uint32_t i = 0; i < schema->n; i++) bufs[i].n_max = PS_BATCH_ROWS;
    PS_GO(ps_segment_builder_new(cx, schema, &builder));
    ps_segment_builder_store(builder, table->store, any_encrypted(segments, n));
    for (uint32_t i = 0; i < n; i++)
        PS_GO(copy_rows(cx, segments[i], builder, &batch, holds, bufs));
    PS_GO(ps_segment_builder_seal(cx, builder, segments[n - 1]->sequence, out));
done:
    ps_segment_builder_free(builder);
    for (uint32_t i = 0; bufs && i < schema->n; i++) ps_vec_buf_release(&bufs[i]);
    for (uint32_t i = 0; holds && i < schema->n; i++) ps_col_hold_release(&holds[i]);
    ps_arena_release(&arena);
    return st;
}

/* At least what the rows take in a builder, which holds them wider than a segment does. */
static uint64_t bytes_to_build(const ps_segment *segment, const ps_schema *schema)
{
    uint64_t bytes = 0;

    for (uint32_t c = 0; c < schema->n; c++) {
        const ps_layout layout = ps_type_layout(schema->fields[c].type);
        bytes += segment->cols[c].bytes + segment->n_rows * ps_layout_bytes(layout);
    }
    return bytes;
}

/* Where the segments begin that are joined: the one before is no larger than all after it, and
 * together they are no larger than a load would make them. n appends of one row leave O(log n)
 * segments, and as many as fill their bytes; they copy O(n log n) rows. */
static uint32_t tail_begin(const ps_table *table, uint64_t bytes_max, uint64_t *bytes)
{
    uint32_t first = table->n_segments - 1;
    uint64_t rows = table->segments[first]->n_rows;

    *bytes = bytes_to_build(table->segments[first], table->schema);
    for (; first > 0; first--) {
        const ps_segment *before = table->segments[first - 1];
        const uint64_t more = bytes_to_build(before, table->schema);

        if (before->n_rows > rows || before->n_rows + rows > PS_SEGMENT_ROWS) break;
        if (more > bytes_max || *bytes > bytes_max - more) break;
        rows += before->n_rows;
        *bytes += more;
    }
    return first;
}

/* Joins segments at the end. It is for later readers' sake, so where memory is short they stay as
 * they are. */
static ps_status table_tidy(ps_ctx *cx, table_body *body)
{
    ps_table *table = &body->head;
    const uint64_t bytes_max = ps_segment_bytes_max(ps_mem_limit(cx->mem));
    ps_segment *joined = NULL;
    uint64_t bytes;

    const uint32_t first = tail_begin(table, bytes_max, &bytes);
    const uint32_t n = table->n_segments - first;
    if (n < 2) return PS_OK;
    if (body->store && ps_mem_left_beside(cx->mem, body->store->mem) < bytes) return PS_OK;
    const ps_status st = join_segments(cx, body, table->segments + first, n, &joined);
    if (st == PS_MEMORY) {
        ps_ctx_clear(cx);
        return PS_OK;
    }
    if (st != PS_OK) return st;
    for (uint32_t i = 0; i < n; i++) ps_owner_unref(&table->segments[first + i]->owner);
    table->segments[first] = joined;
    table->n_segments = first + 1;
    return PS_OK;
}

/* The payer of what lasts. */
static ps_mem *payer_of(const ps_ctx *cx, const table_body *body)
{
    return body->store ? body->store->mem : cx->mem;
}

static ps_status table_fill(ps_ctx *cx, table_body *body, const ps_table *base,
                            ps_segment *const *segments, uint32_t n)
{
    const uint32_t n_old = base ? base->n_segments : 0;
    const ps_schema *schema = body->head.schema;
    ps_ctx own = *cx;

    own.mem = payer_of(cx, body);
    body->head.segments = PS_ARENA_ARRAY(&own, &body->arena, ps_segment *, n_old + n);
    body->head.stats = PS_ARENA_ARRAY(&own, &body->arena, ps_col_stats, schema->n);
    if (!body->head.segments || !body->head.stats) return cx->error = own.error, PS_MEMORY;
    for (uint32_t i = 0; i < n_old + n; i++) {
        ps_segment *segment = i < n_old ? base->segments[i] : segments[i - n_old];
        ps_owner_ref(&segment->owner);
        body->head.segments[body->head.n_segments++] = segment;
        body->head.n_rows += segment->n_rows;
    }
    /* sequences differ within one append, so qsort's order of equals doesn't matter */
    qsort(body->head.segments + n_old, n, sizeof *segments, by_sequence);
    if (n_old && n) PS_TRY(table_tidy(cx, body)); /* the caller pays while it is made */
    for (uint32_t i = 0; i < schema->n; i++) stats_all(body, i);
    return PS_OK;
}

static ps_status table_make(ps_ctx *cx, ps_store *store, const ps_table *base, ps_schema *schema,
                            ps_segment *const *segments, uint32_t n, ps_table **out)
{
    ps_mem *const payer = cx->mem;

    *out = NULL;
    if (store) cx->mem = store->mem;
    table_body *body = ps_alloc_zero(cx, sizeof *body);
    cx->mem = payer;
    if (!body) return PS_MEMORY;
    ps_owner_init(&body->head.owner, table_destroy);
    body->store = ps_store_ref(store);
    body->head.schema = ps_schema_ref(schema);
    body->head.version = next_version();
    const ps_status st = table_fill(cx, body, base, segments, n);
    if (st == PS_OK) *out = &body->head;
    else table_destroy(&body->head.owner);
    return st;
}

ps_status ps_table_new(ps_ctx *cx, ps_schema *schema, ps_table **out)
{
    return table_make(cx, NULL, NULL, schema, NULL, 0, out);
}

ps_status ps_table_new_in(ps_ctx *cx, ps_store *store, const ps_schema *schema, ps_table **out)
{
    ps_ctx own = *cx;
    ps_schema *copy = NULL;

    *out = NULL;
    own.mem = store->mem;
    ps_status st = ps_schema_new(&own, schema->fields, schema->n, &copy);
    if (st == PS_OK) st = table_make(&own, store, NULL, copy, NULL, 0, out);
    ps_schema_unref(copy);
    if (st != PS_OK) cx->error = own.error;
    return st;
}

ps_status ps_table_append(ps_ctx *cx, const ps_table *table, ps_segment *const *segments,
                          uint32_t n, ps_table **out)
{
    const table_body *body = (const table_body *)(const void *)table;

    return table_make(cx, body->store, table, table->schema, segments, n, out);
}
