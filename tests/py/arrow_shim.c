/* tests/py/arrow_shim.c -- src/col behind a few plain functions, for tests/py/test_arrow.py. */
#include "col/batch.h"
#include "col/table.h"
#include "col/value.h"

#include <stdio.h>
#include <stdlib.h>

static ps_mem mem = {.name = "test"};

int64_t shim_used(void);
int shim_roundtrip(const struct ArrowSchema *schema, struct ArrowArray *array, int mode,
                   struct ArrowSchema *schema_out, struct ArrowArray *array_out, char *error);
int shim_print(const struct ArrowSchema *schema, struct ArrowArray *array, char *out, size_t room,
               char *error);
int shim_encodings(const struct ArrowSchema *schema, struct ArrowArray *array, char *out,
                   char *error);

enum { PLAIN, RETAINED, TABLE, SELECTED };
enum { READ_ROWS = 100 };

int64_t shim_used(void) { return mem.used; }

/* Every other row, through a selection. */
static ps_status select_rows(ps_ctx *cx, ps_arena *arena, ps_batch *batch)
{
    uint32_t *sel = PS_ARENA_ARRAY(cx, arena, uint32_t, batch->n + 1), n = 0;

    if (!sel) return PS_MEMORY;
    for (uint32_t i = 0; i < batch->n; i += 2) sel[n++] = i;
    batch->sel = sel;
    batch->n_live = n;
    return PS_OK;
}

/* All rows through a segment, in one read of n rows or many small ones that are put together again
 * by a second segment: reads at odd positions are used that way. */
static ps_status through_table(ps_ctx *cx, ps_arena *arena, const ps_schema *schema,
                               ps_batch *batch, ps_owner **owner)
{
    ps_segment_builder *builder = NULL;
    ps_segment *segment = NULL, *second = NULL;
    ps_table *empty = NULL, *table = NULL;
    ps_vec_buf *bufs = PS_ARENA_ARRAY(cx, arena, ps_vec_buf, schema->n);
    ps_col_hold *holds = PS_ARENA_ARRAY(cx, arena, ps_col_hold, schema->n);
    const ps_spill_options how = {0};
    ps_store *store = NULL;
    uint64_t given;
    ps_batch piece;
    ps_status st = PS_MEMORY;

    if (!bufs || !holds) goto done;
    PS_GO(ps_store_new(cx, cx->mem, &store));
    PS_GO(ps_segment_builder_new(cx, schema, &builder));
    ps_segment_builder_store(builder, store, false);
    PS_GO(ps_segment_builder_add(cx, builder, batch));
    PS_GO(ps_segment_builder_seal(cx, builder, 0, &segment));
    if (!segment) goto done;
    PS_GO(ps_store_give(cx, store, &how, UINT64_MAX, &given)); /* what is read below is in a file */
    PS_GO(ps_table_new(cx, (ps_schema *)(uintptr_t)schema, &empty));
    PS_GO(ps_table_append(cx, empty, &segment, 1, &table));
    PS_GO(ps_batch_init(cx, arena, schema->n, &piece));
    piece.n_cols = schema->n;
    for (uint32_t i = 0; i < schema->n; i++)
        PS_GO(ps_vec_buf_init(cx, &bufs[i], PS_MAX(batch->n, READ_ROWS)));
    for (uint32_t first = 0; first < segment->n_rows; first += piece.n) {
        piece.n = piece.n_live = PS_MIN(segment->n_rows - first, (uint32_t)READ_ROWS);
        for (uint32_t i = 0; i < schema->n; i++)
            PS_GO(ps_segment_read(cx, table->segments[0], i, first, piece.n, &holds[i], &bufs[i],
                                  &piece.cols[i]));
        PS_GO(ps_batch_verify(cx, &piece));
        PS_GO(ps_segment_builder_add(cx, builder, &piece));
    }
    PS_GO(ps_segment_builder_seal(cx, builder, 0, &second));
    for (uint32_t i = 0; i < schema->n; i++) {
        ps_vec whole;
        PS_GO(ps_segment_read(cx, second, i, 0, second->n_rows, &holds[i], &bufs[i], &whole));
        PS_GO(ps_vec_retain(cx, &whole, NULL, whole.n, &batch->cols[i]));
        PS_GO(ps_arena_own(cx, arena, batch->cols[i].owner, (void (*)(void *))ps_owner_unref));
    }
    ps_owner_unref(*owner);
    *owner = NULL;
done:
    for (uint32_t i = 0; bufs && holds && i < schema->n; i++) ps_col_hold_release(&holds[i]);
    for (uint32_t i = 0; bufs && i < schema->n; i++) ps_vec_buf_release(&bufs[i]);
    ps_segment_builder_free(builder);
    if (segment) ps_owner_unref(&segment->owner);
    if (second) ps_owner_unref(&second->owner);
    ps_table_unref(empty);
    ps_table_unref(table);
    ps_store_unref(store);
    return st;
}

static ps_status retain_all(ps_ctx *cx, ps_arena *arena, ps_batch *batch, ps_owner **owner)
{
    for (uint32_t i = 0; i < batch->n_cols; i++) {
        PS_TRY(ps_vec_retain(cx, &batch->cols[i], NULL, batch->n, &batch->cols[i]));
        PS_TRY(ps_arena_own(cx, arena, batch->cols[i].owner, (void (*)(void *))ps_owner_unref));
    }
    ps_owner_unref(*owner); /* nothing may point into the Arrow array any more */
    *owner = NULL;
    return ps_batch_verify(cx, batch);
}

int shim_roundtrip(const struct ArrowSchema *form, struct ArrowArray *array, int mode,
                   struct ArrowSchema *schema_out, struct ArrowArray *array_out, char *error)
{
    ps_arena arena = {0};
    ps_schema *schema = NULL;
    ps_owner *owner = NULL;
    ps_batch batch;
    ps_ctx cx;
    ps_status st;

    ps_ctx_init(&cx, &mem, NULL);
    PS_GO(ps_arrow_import_schema(&cx, form, &schema));
    PS_GO(ps_arrow_import_batch(&cx, &arena, schema, form, array, &batch, &owner));
    PS_GO(ps_batch_verify(&cx, &batch));
    if (mode == RETAINED) PS_GO(retain_all(&cx, &arena, &batch, &owner));
    if (mode == TABLE) PS_GO(through_table(&cx, &arena, schema, &batch, &owner));
    if (mode == SELECTED) PS_GO(select_rows(&cx, &arena, &batch));
    PS_GO(ps_arrow_export_batch(&cx, schema, &batch, array_out));
    st = ps_arrow_export_schema(&cx, schema, schema_out);
    if (st != PS_OK) array_out->release(array_out);
done:
    if (st != PS_OK) memcpy(error, cx.error.message, sizeof cx.error.message);
    ps_owner_unref(owner);
    ps_arena_release(&arena);
    ps_schema_unref(schema);
    return (int)st;
}

/* The texts of all rows, columns parted by \x1f, rows by \x1e; nulls are \x00-less "NULL". */
int shim_print(const struct ArrowSchema *form, struct ArrowArray *array, char *out, size_t room,
               char *error)
{
    ps_arena arena = {0};
    ps_schema *schema = NULL;
    ps_owner *owner = NULL;
    ps_text text;
    ps_batch batch;
    ps_ctx cx;
    ps_status st;

    ps_ctx_init(&cx, &mem, NULL);
    ps_text_init(&text, &cx);
    PS_GO(ps_arrow_import_schema(&cx, form, &schema));
    PS_GO(ps_arrow_import_batch(&cx, &arena, schema, form, array, &batch, &owner));
    for (uint32_t r = 0; r < batch.n; r++)
        for (uint32_t c = 0; c < batch.n_cols; c++) {
            if (ps_vec_row_valid(&batch.cols[c], r)) ps_vec_print(&batch.cols[c], r, &text);
            else ps_text_puts(&text, "NULL");
            ps_text_char(&text, c + 1 < batch.n_cols ? '\x1f' : '\x1e');
        }
    PS_GO(ps_text_status(&text));
    if (text.n >= room) PS_GO(ps_fail(&cx, PS_INVALID, "no room"));
    if (text.n) memcpy(out, text.at, text.n);
    out[text.n] = 0;
done:
    if (st != PS_OK) memcpy(error, cx.error.message, sizeof cx.error.message);
    ps_text_release(&text);
    ps_owner_unref(owner);
    ps_arena_release(&arena);
    ps_schema_unref(schema);
    return (int)st;
}

/* One letter a column: F(lat), C(onstant), D(ictionary), S(equence), and 'z' behind it if the
 * slots are the Arrow array's own. */
int shim_encodings(const struct ArrowSchema *form, struct ArrowArray *array, char *out, char *error)
{
    ps_arena arena = {0};
    ps_schema *schema = NULL;
    ps_owner *owner = NULL;
    const void *slots[64] = {0};
    ps_batch batch;
    ps_ctx cx;
    ps_status st;

    ps_ctx_init(&cx, &mem, NULL);
    for (int64_t i = 0; i < array->n_children && i < 64; i++)
        if (array->children[i]->n_buffers > 1) slots[i] = array->children[i]->buffers[1];
    PS_GO(ps_arrow_import_schema(&cx, form, &schema));
    PS_GO(ps_arrow_import_batch(&cx, &arena, schema, form, array, &batch, &owner));
    for (uint32_t c = 0; c < batch.n_cols; c++) {
        *out++ = "FCDS"[batch.cols[c].encoding];
        if (batch.cols[c].data && batch.cols[c].data == slots[c]) *out++ = 'z';
    }
    *out = 0;
done:
    if (st != PS_OK) memcpy(error, cx.error.message, sizeof cx.error.message);
    ps_owner_unref(owner);
    ps_arena_release(&arena);
    ps_schema_unref(schema);
    return (int)st;
}
