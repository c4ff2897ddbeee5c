/* col/segment.c -- segments: built from batches, read as vectors.
 *
 * A segment is immutable once sealed and keeps its schema (whose types its vectors borrow).
 * Tests: tests/unit/test_col_table.c */
#include "col/segment.h"

#include "col/vec_take.h"

struct ps_segment_builder {
    ps_schema *schema;
    ps_arena arena; /* the column structures */
    ps_col_build *cols;
    uint64_t n_rows;
};

ps_status ps_segment_builder_new(ps_ctx *cx, const ps_schema *schema, ps_segment_builder **out)
{
    ps_segment_builder *builder = ps_alloc_zero(cx, sizeof *builder);
    ps_status st = PS_MEMORY;

    *out = NULL;
    if (!builder) return PS_MEMORY;
    builder->schema = ps_schema_ref((ps_schema *)(uintptr_t)schema);
    builder->cols = PS_ARENA_ARRAY(cx, &builder->arena, ps_col_build, schema->n);
    if (!builder->cols) goto done;
    for (uint32_t i = 0; i < schema->n; i++)
        PS_GO(ps_col_build_init(cx, &builder->arena, schema->fields[i].type, &builder->cols[i]));
    st = PS_OK;
    *out = builder;
done:
    if (st != PS_OK) ps_segment_builder_free(builder);
    return st;
}

void ps_segment_builder_free(ps_segment_builder *builder)
{
    if (!builder) return;
    for (uint32_t i = 0; builder->cols && i < builder->schema->n; i++)
        ps_col_build_release(&builder->cols[i]);
    ps_arena_release(&builder->arena);
    ps_schema_unref(builder->schema);
    ps_free(builder);
}

uint64_t ps_segment_builder_rows(const ps_segment_builder *builder) { return builder->n_rows; }

ps_status ps_segment_builder_add(ps_ctx *cx, ps_segment_builder *builder, const ps_batch *batch)
{
    PS_ASSERT(batch->n_cols == builder->schema->n);
    PS_TRY(ps_poll(cx));
    for (uint32_t i = 0; i < batch->n_cols; i++)
        PS_TRY(ps_col_build_add(cx, &builder->cols[i], &batch->cols[i], batch->sel, batch->n_live));
    builder->n_rows += batch->n_live;
    return PS_OK;
}

static void segment_destroy(ps_owner *owner)
{
    ps_segment_body *body = (ps_segment_body *)(void *)owner;

    ps_arena_release(&body->arena);
    ps_schema_unref(body->schema);
    ps_free(body);
}

ps_status ps_segment_builder_seal(ps_ctx *cx, ps_segment_builder *builder, uint64_t sequence,
                                  ps_segment **out)
{
    const uint32_t n_cols = builder->schema->n;
    ps_status st = PS_MEMORY;

    *out = NULL;
    if (builder->n_rows == 0) return PS_OK;
    ps_segment_body *body = ps_alloc_zero(cx, sizeof *body);
    if (!body) return PS_MEMORY;
    ps_owner_init(&body->head.owner, segment_destroy);
    body->schema = ps_schema_ref(builder->schema);
    body->head.sequence = sequence;
    body->head.n_rows = (uint32_t)builder->n_rows;
    body->head.n_cols = n_cols;
    body->head.cols = PS_ARENA_ARRAY(cx, &body->arena, ps_segment_col, n_cols);
    body->head.stats = PS_ARENA_ARRAY(cx, &body->arena, ps_col_stats, n_cols);
    if (!body->head.cols || !body->head.stats) goto done;
    for (uint32_t i = 0; i < n_cols; i++) {
        PS_GO(ps_col_build_seal(cx, &body->arena, &builder->cols[i], &body->head.cols[i],
                                &body->head.stats[i]));
        ps_col_build_clear(&builder->cols[i]);
    }
    st = PS_OK;
    builder->n_rows = 0;
    *out = &body->head;
done:
    if (st != PS_OK) segment_destroy(&body->head.owner);
    return st;
}

/* ---- reading ---- */

/* Validity of rows from `first` on: in place at a word's border, else shifted into buf. */
static const uint64_t *read_valid(const uint64_t *valid, uint32_t first, uint32_t n,
                                  ps_vec_buf *buf)
{
    if (!valid) return NULL;
    if (first % 64 == 0) return valid + first / 64;
    ps_bits_copy(buf->valid, (const uint8_t *)valid, first, n);
    return buf->valid;
}

static ps_status read_nested(ps_ctx *cx, const ps_vec *vec, uint32_t first, uint32_t n,
                             ps_vec_buf *buf, ps_vec *out)
{
    ps_arena_reset(&buf->heap);
    if (first % 64 == 0) return ps_vec_slice(cx, &buf->heap, vec, first, n, out);
    const ps_take how = {.cx = cx, .arena = &buf->heap};
    uint32_t *idx = PS_ARENA_ARRAY(cx, &buf->heap, uint32_t, n);
    if (!idx) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) idx[i] = first + i;
    return ps_vec_take(&how, vec, idx, n, buf->data, buf->valid, out);
}

ps_status ps_segment_read(ps_ctx *cx, const ps_segment *segment, uint32_t col, uint32_t first,
                          uint32_t n, ps_vec_buf *buf, ps_vec *out)
{
    const ps_segment_col *stored = &segment->cols[col];
    const ps_vec *vec = &stored->vec;

    PS_ASSERT(first <= segment->n_rows && n <= segment->n_rows - first);
    PS_ASSERT(n <= buf->n_max);
    if (vec->layout >= PS_LAYOUT_STRUCT && vec->encoding == PS_ENC_FLAT) {
        PS_TRY(read_nested(cx, vec, first, n, buf, out));
        out->owner = NULL; /* headers of children are in buf */
        return PS_OK;
    }
    *out = *vec;
    out->n = n;
    if (vec->encoding == PS_ENC_CONSTANT) {
        out->owner = (ps_owner *)(uintptr_t)&segment->owner;
        return PS_OK;
    }
    out->valid = read_valid(vec->valid, first, n, buf);
    if (stored->code_bytes) {
        const char *codes = (const char *)stored->codes + (size_t)first * stored->code_bytes;
        static const uint8_t layouts[] = {0, PS_LAYOUT_U8, PS_LAYOUT_U16, 0, PS_LAYOUT_U32};
        ps_slots_convert((ps_layout)layouts[stored->code_bytes], codes, PS_LAYOUT_U32, buf->data,
                         n);
        out->codes = buf->data;
        return PS_OK;
    }
    out->data = (const char *)vec->data + first * ps_layout_bytes((ps_layout)vec->layout);
    if (out->valid != buf->valid || !out->valid)
        out->owner = (ps_owner *)(uintptr_t)&segment->owner;
    return PS_OK;
}
