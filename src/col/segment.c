/* col/segment.c -- segments: built from batches, read as vectors.
 *
 * A segment is immutable once sealed and keeps its schema (whose types its vectors borrow). Where a
 * column's rows are changes: under the segment's mutex, which is held for that alone.
 * Tests: tests/unit/test_col_table.c, tests/unit/test_col_store.c */
#include "col/segment.h"

#include "col/vec_take.h"

#include <inttypes.h>

/* What a segment keeps beside its rows; of a column in a file also its blocks. */
enum {
    ARENA_BYTES = 512,
    COL_BYTES = sizeof(ps_segment_col) + sizeof(ps_col_stats),
    RANGE_BYTES = 160, /* texts of a range, which are short */
    FILE_BYTES = sizeof(ps_col_file) + 300
};
enum { PART_BYTES = 4 << 20 }; /* of all columns */

struct ps_segment_builder {
    ps_schema *schema;
    ps_store *store; /* NULL: none; one reference */
    bool encrypt;
    ps_arena arena;        /* the column structures */
    ps_sketches *sketches; /* NULL: no segment was made yet; one reference */
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
    if (builder->sketches) ps_owner_unref(&builder->sketches->owner);
    ps_store_unref(builder->store);
    ps_free(builder);
}

void ps_segment_builder_store(ps_segment_builder *builder, ps_store *store, bool encrypt)
{
    PS_ASSERT(!builder->store && builder->n_rows == 0);
    builder->store = ps_store_ref(store);
    builder->encrypt = encrypt;
}

static uint64_t build_bytes(const ps_col_build *col)
{
    uint64_t bytes = col->n * (col->codes ? sizeof(*col->codes) : ps_layout_bytes(col->layout));

    bytes += col->n_null ? PS_BITS_BYTES(col->n) : 0;
    bytes += col->n_dict * sizeof(*col->dict) + col->heap.bytes;
    for (uint32_t i = 0; i < col->n_children; i++) bytes += build_bytes(&col->children[i]);
    return bytes;
}

uint64_t ps_segment_builder_bytes(const ps_segment_builder *builder)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < builder->schema->n; i++) bytes += build_bytes(&builder->cols[i]);
    return bytes;
}

/* Of its structures, without what is in files. */
static uint64_t arena_bytes(const ps_schema *schema)
{
    uint64_t bytes = ARENA_BYTES + schema->n * (uint64_t)COL_BYTES;

    for (uint32_t i = 0; i < schema->n; i++)
        bytes += ps_type_layout(schema->fields[i].type) == PS_LAYOUT_VIEW ? RANGE_BYTES : 0;
    return bytes;
}

uint64_t ps_segment_kept_bytes(const ps_schema *schema)
{
    return arena_bytes(schema) + schema->n * (uint64_t)FILE_BYTES;
}

uint64_t ps_segment_builder_kept_bytes(const ps_segment_builder *builder)
{
    return ps_segment_kept_bytes(builder->schema);
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

static void rows_destroy(ps_owner *owner)
{
    ps_col_rows *rows = (ps_col_rows *)(void *)owner;

    ps_arena_release(&rows->arena);
    ps_schema_unref(rows->schema);
    ps_free(rows);
}

ps_status ps_col_rows_new(ps_ctx *cx, ps_schema *schema, ps_col_rows **out)
{
    ps_col_rows *rows = ps_alloc_zero(cx, sizeof(*rows));

    *out = rows;
    if (!rows) return PS_MEMORY;
    ps_owner_init(&rows->owner, rows_destroy);
    rows->schema = ps_schema_ref(schema);
    rows->arena.chunk_bytes_min = 512; /* tables of few rows are many */
    return PS_OK;
}

static void segment_destroy(ps_owner *owner)
{
    ps_segment_body *body = (ps_segment_body *)(void *)owner;
    ps_store *store = body->store;
    bool filed = false;

    if (store) ps_store_remove(store, body);
    for (uint32_t i = 0; body->head.cols && i < body->head.n_cols; i++) {
        ps_segment_col *col = &body->head.cols[i];
        if (col->rows) ps_segment_count(body, -(int64_t)col->bytes);
        ps_col_rows_unref(col->rows);
        filed |= col->file != NULL;
        ps_col_file_free(col->file);
    }
    if (filed) ps_store_left_files(store);
    ps_arena_release(&body->arena);
    if (body->sketches) ps_owner_unref(&body->sketches->owner);
    ps_schema_unref(body->schema);
    ps_mutex_destroy(&body->mutex);
    ps_free(body);
    ps_store_unref(store);
}

static ps_status seal_rows(ps_ctx *cx, const ps_segment_builder *builder, ps_segment_body *body,
                           uint32_t i)
{
    ps_segment_col *col = &body->head.cols[i];
    ps_sketch sketch = {0};

    PS_TRY(ps_col_rows_new(cx, builder->schema, &col->rows));
    PS_TRY(ps_col_build_seal(cx, &body->arena, &col->rows->arena, &builder->cols[i],
                             &col->rows->col, &sketch, &body->head.stats[i]));
    if (body->head.stats[i].n_distinct == 0) return PS_OK;
    ps_sketch_merge(&body->sketches->cols[i], &sketch);
    col->sketch = &body->sketches->cols[i];
    return PS_OK;
}

/* One column; its rows are rows_mem's to pay for, but a constant, which stays in memory. */
static ps_status seal_col(ps_ctx *cx, ps_mem *rows_mem, const ps_segment_builder *builder,
                          ps_segment_body *body, uint32_t i)
{
    ps_segment_col *col = &body->head.cols[i];
    ps_mem *const payer = cx->mem;

    cx->mem = rows_mem;
    const ps_status st = seal_rows(cx, builder, body, i);
    cx->mem = payer;
    if (st != PS_OK) return st;
    const ps_vec *vec = &col->rows->col.vec;
    if (vec->encoding == PS_ENC_CONSTANT && rows_mem != payer) {
        ps_col_rows_unref(col->rows);
        col->rows = NULL;
        return seal_rows(cx, builder, body, i);
    }
    col->whole = vec->layout >= PS_LAYOUT_LIST && vec->encoding == PS_ENC_FLAT;
    if (!builder->store || vec->encoding == PS_ENC_CONSTANT) return PS_OK;
    col->bytes = ps_col_bytes(&col->rows->col);
    col->dict_bytes = ps_col_dict_bytes(&col->rows->col);
    return PS_OK;
}

static void sketches_destroy(ps_owner *owner) { ps_free(owner); }

static ps_status seal(ps_ctx *cx, ps_mem *rows_mem, ps_segment_builder *builder, uint64_t sequence,
                      ps_segment **out)
{
    const uint32_t n_cols = builder->schema->n;
    ps_segment_body *body = ps_alloc_zero(cx, sizeof *body);
    ps_status st = PS_MEMORY;

    if (!body) return PS_MEMORY;
    ps_owner_init(&body->head.owner, segment_destroy);
    ps_mutex_init(&body->mutex);
    body->schema = ps_schema_ref(builder->schema);
    body->head.sequence = sequence;
    body->head.n_rows = (uint32_t)builder->n_rows;
    body->head.n_cols = n_cols;
    body->arena.chunk_bytes_min = arena_bytes(builder->schema);
    if (!builder->sketches) {
        ps_sketches *made = ps_alloc_zero(cx, sizeof(*made) + n_cols * sizeof(*made->cols));
        if (!made) goto done;
        ps_owner_init(&made->owner, sketches_destroy);
        builder->sketches = made;
    }
    ps_owner_ref(&builder->sketches->owner);
    body->sketches = builder->sketches;
    body->head.cols = PS_ARENA_ARRAY(cx, &body->arena, ps_segment_col, n_cols);
    body->head.stats = PS_ARENA_ARRAY(cx, &body->arena, ps_col_stats, n_cols);
    if (!body->head.cols || !body->head.stats) goto done;
    for (uint32_t i = 0; i < n_cols; i++) PS_GO(seal_col(cx, rows_mem, builder, body, i));
    st = PS_OK;
    *out = &body->head;
done:
    if (st != PS_OK) segment_destroy(&body->head.owner);
    return st;
}

/* Rows of which a part of all columns takes no more than PART_BYTES, if rows are not that wide. */
static uint32_t rows_part(const ps_segment *segment)
{
    uint32_t rows = PS_SEGMENT_PART_ROWS;
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < segment->n_cols; i++)
        bytes += segment->cols[i].whole ? 0 : segment->cols[i].bytes - segment->cols[i].dict_bytes;
    while (rows > PS_SEGMENT_PART_ROWS_MIN && bytes / segment->n_rows * rows > PART_BYTES)
        rows /= 2;
    return rows;
}

/* The segment is the store's, and the builder empty. */
static void sealed(ps_segment_builder *builder, ps_segment *segment)
{
    ps_segment_body *body = ps_segment_body_of(segment);

    for (uint32_t i = 0; i < builder->schema->n; i++) ps_col_build_clear(&builder->cols[i]);
    builder->n_rows = 0;
    if (!builder->store) return;
    PS_ASSERT(segment->n_rows <= PS_SEGMENT_ROWS);
    body->store = ps_store_ref(builder->store);
    body->encrypt = builder->encrypt;
    body->rows_part = rows_part(segment);
    atomic_init(&body->read_ns, ps_clock_ns());
    for (uint32_t i = 0; i < segment->n_cols; i++)
        ps_segment_count(body, (int64_t)segment->cols[i].bytes);
    ps_store_add(body->store, body);
}

ps_status ps_segment_builder_seal(ps_ctx *cx, ps_segment_builder *builder, uint64_t sequence,
                                  ps_segment **out)
{
    ps_mem *const payer = cx->mem;

    *out = NULL;
    if (builder->n_rows == 0) return PS_OK;
    if (builder->store) cx->mem = builder->store->mem;
    const ps_status st = seal(cx, cx->mem, builder, sequence, out);
    cx->mem = payer;
    if (st == PS_OK) sealed(builder, *out);
    return st;
}

/* What stays in memory has to fit: it is never given back, so must not be charged beyond a limit,
 * but for what others have taken for a moment: the rows that are written give more back. The
 * store's own payer doesn't see a session's. */
static ps_status check_kept(ps_ctx *cx, const ps_segment_builder *builder)
{
    const uint64_t bytes = ps_segment_builder_kept_bytes(builder);
    const uint64_t left = ps_mem_left_beside(cx->mem, builder->store->mem);

    if (left >= bytes || left + ps_mem_overdraft(ps_mem_limit(cx->mem)) >= bytes) return PS_OK;
    ps_fail(cx, PS_MEMORY,
            "the memory limit is reached: what tables keep in memory of rows in files asked for "
            "%" PRIu64 " bytes more, %" PRIu64 " are left of %" PRIu64,
            bytes, left, ps_mem_limit(cx->mem));
    ps_hint(cx, "raise memory_limit, or keep fewer rows or columns in tables");
    return PS_MEMORY;
}

ps_status ps_segment_builder_seal_through(ps_ctx *cx, ps_segment_builder *builder,
                                          uint64_t sequence, ps_segment **out)
{
    ps_mem *const payer = cx->mem;

    *out = NULL;
    PS_TRY(check_kept(cx, builder));
    cx->mem = builder->store->mem;
    const ps_status st = seal(cx, payer, builder, sequence, out);
    cx->mem = payer;
    if (st == PS_OK) sealed(builder, *out);
    return st;
}

/* ---- reading ---- */

/* Memory of a buffer: rows of most columns are where they can be used, so few readers need it. */
static ps_status want(ps_ctx *cx, ps_vec_buf *buf)
{
    const ps_arena heap = buf->heap;
    const uint32_t n_max = buf->n_max;

    if (buf->data) return PS_OK;
    const ps_status st = ps_vec_buf_init(cx, buf, n_max);
    buf->n_max = n_max;
    buf->heap = heap;
    return st;
}

/* Validity of rows from `first` on: in place at a word's border, else shifted into buf. */
static ps_status read_valid(ps_ctx *cx, const uint64_t *valid, uint32_t first, uint32_t n,
                            ps_vec_buf *buf, const uint64_t **out)
{
    *out = valid && first % 64 == 0 ? valid + first / 64 : NULL;
    if (!valid || first % 64 == 0) return PS_OK;
    PS_TRY(want(cx, buf));
    ps_bits_copy(buf->valid, (const uint8_t *)valid, first, n);
    *out = buf->valid;
    return PS_OK;
}

static ps_status read_nested(ps_ctx *cx, const ps_vec *vec, uint32_t first, uint32_t n,
                             ps_vec_buf *buf, ps_vec *out)
{
    ps_arena_reset(&buf->heap);
    if (first % 64 == 0) return ps_vec_slice(cx, &buf->heap, vec, first, n, out);
    PS_TRY(want(cx, buf));
    const ps_take how = {.cx = cx, .arena = &buf->heap};
    uint32_t *idx = PS_ARENA_ARRAY(cx, &buf->heap, uint32_t, n);
    if (!idx) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) idx[i] = first + i;
    return ps_vec_take(&how, vec, idx, n, buf->data, buf->valid, out);
}

void ps_col_hold_release(ps_col_hold *hold)
{
    ps_col_rows_unref(hold->rows);
    *hold = (ps_col_hold){0};
}

/* Whether all of a column may come back for good: half of what memory there is stays free. */
static bool has_room(const ps_ctx *cx, const ps_segment_body *body, uint64_t bytes)
{
    const uint64_t limit = ps_mem_limit(cx->mem);

    return limit == UINT64_MAX ||
           (ps_mem_left(cx->mem) >= limit / 2 + bytes &&
            ps_mem_left_beside(cx->mem, body->store->mem) >= limit / 2 + bytes);
}

/* The whole column comes back into the segment; where somebody was quicker, theirs is taken. */
static ps_status adopt(ps_ctx *cx, ps_segment_body *body, uint32_t c, ps_col_rows **out)
{
    ps_segment_col *col = &body->head.cols[c];
    ps_mem *const payer = cx->mem;
    ps_col_rows *rows;

    cx->mem = body->store->mem;
    const ps_status st = ps_col_read_back(cx, col->file, body->schema, body->schema->fields[c].type,
                                          0, col->file->n_parts, NULL, &rows);
    cx->mem = payer;
    if (st != PS_OK) return st;
    ps_mutex_lock(&body->mutex);
    const bool first = !col->rows;
    if (first) col->rows = rows;
    *out = col->rows;
    ps_owner_ref(&(*out)->owner);
    ps_mutex_unlock(&body->mutex);
    if (first) ps_segment_count(body, (int64_t)col->bytes);
    else ps_col_rows_unref(rows);
    return PS_OK;
}

/* Rows [first, first + n) from the file. */
static ps_status from_file(ps_ctx *cx, ps_segment_body *body, uint32_t c, const ps_dict *dict,
                           uint32_t first, uint32_t n, ps_col_rows **out)
{
    const ps_col_file *file = body->head.cols[c].file;
    const uint32_t part = first / file->rows_part;

    if (has_room(cx, body, body->head.cols[c].bytes)) {
        const ps_status st = adopt(cx, body, c, out);
        if (st != PS_MEMORY) return st;
        ps_ctx_clear(cx);
    }
    return ps_col_read_back(cx, file, body->schema, body->schema->fields[c].type, part,
                            (first + n - 1) / file->rows_part - part + 1, dict, out);
}

static ps_status take_hold(ps_ctx *cx, const ps_segment *segment, uint32_t c, uint32_t first,
                           uint32_t n, ps_col_hold *hold)
{
    ps_segment_body *body = ps_segment_body_of(segment);
    ps_segment_col *col = &body->head.cols[c];
    const bool same = hold->rows && hold->segment == segment && hold->col == c;
    ps_col_rows *rows = same ? hold->rows : NULL;

    if (rows && first >= rows->first && first + n - rows->first <= rows->col.vec.n) return PS_OK;
    const ps_dict *dict = rows && rows->col.code_bytes ? rows->col.vec.dict : NULL;
    ps_mutex_lock(&body->mutex);
    rows = col->rows;
    if (rows) ps_owner_ref(&rows->owner);
    ps_mutex_unlock(&body->mutex);
    /* relaxed: a guess of what is read again soon */
    atomic_store_explicit(&body->read_ns, ps_clock_ns(), memory_order_relaxed);
    if (!rows) {
        ps_owner *kept = dict ? ps_owner_ref((ps_owner *)(uintptr_t)&dict->owner) : NULL;
        ps_col_hold_release(hold); /* nobody reads it, and its memory may be needed now */
        const ps_status st = from_file(cx, body, c, dict, first, n, &rows);
        ps_owner_unref(kept);
        PS_TRY(st);
    }
    ps_col_hold_release(hold);
    *hold = (ps_col_hold){.segment = segment, .col = c, .rows = rows};
    return PS_OK;
}

ps_status ps_segment_read(ps_ctx *cx, const ps_segment *segment, uint32_t col, uint32_t first,
                          uint32_t n, ps_col_hold *hold, ps_vec_buf *buf, ps_vec *out)
{
    PS_ASSERT(first <= segment->n_rows && n <= segment->n_rows - first);
    PS_ASSERT(n > 0 && n <= buf->n_max);
    PS_TRY(take_hold(cx, segment, col, first, n, hold));
    const ps_col_sealed *stored = &hold->rows->col;
    const ps_vec *vec = &stored->vec;
    ps_owner *owner = &hold->rows->owner;
    first -= hold->rows->first;
    if (vec->layout >= PS_LAYOUT_STRUCT && vec->encoding == PS_ENC_FLAT) {
        PS_TRY(read_nested(cx, vec, first, n, buf, out));
        out->owner = NULL; /* headers of children are in buf */
        return PS_OK;
    }
    *out = *vec;
    out->n = n;
    if (vec->encoding == PS_ENC_CONSTANT) {
        out->owner = owner;
        return PS_OK;
    }
    PS_TRY(read_valid(cx, vec->valid, first, n, buf, &out->valid));
    if (stored->code_bytes) {
        PS_TRY(want(cx, buf));
        const char *codes = (const char *)stored->codes + (size_t)first * stored->code_bytes;
        static const uint8_t layouts[] = {0, PS_LAYOUT_U8, PS_LAYOUT_U16, 0, PS_LAYOUT_U32};
        ps_slots_convert((ps_layout)layouts[stored->code_bytes], codes, PS_LAYOUT_U32, buf->data,
                         n);
        out->codes = buf->data;
        return PS_OK;
    }
    out->data = (const char *)vec->data + first * ps_layout_bytes((ps_layout)vec->layout);
    if (!out->valid || out->valid != buf->valid) out->owner = owner;
    return PS_OK;
}

uint64_t ps_segment_part_bytes(const ps_segment *segment, const uint32_t *cols, uint32_t n)
{
    enum { CODES_BYTES = PS_BATCH_ROWS * 16 + PS_BATCH_ROWS / 8 }; /* a buffer: want() */
    const uint32_t rows = PS_MIN(ps_segment_body_of(segment)->rows_part, segment->n_rows);
    uint64_t bytes = 0, largest = 0;

    for (uint32_t i = 0; i < n; i++) {
        const ps_segment_col *col = &segment->cols[cols[i]];
        const uint64_t by_row = col->bytes - col->dict_bytes;
        const uint64_t part =
            col->whole ? col->bytes : col->dict_bytes + by_row * rows / segment->n_rows;

        bytes += part + (col->dict_bytes ? CODES_BYTES : 0);
        largest = PS_MAX(largest, part);
    }
    /* a block as it is stored, and unpacked */
    return bytes + 2 * PS_MIN(largest, (uint64_t)PS_COL_BLOCK_BYTES);
}
