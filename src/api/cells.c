/* api/cells.c -- Arrow batches as text, for shells, tests and logs.
 *
 * A batch is imported as the engine would do it, so what can be shown is what can be read, and a
 * value looks here as it does in CAST(value AS VARCHAR). The cells pay from a root of their own:
 * a caller may read a result after its query has given back its memory.
 * Tests: every .test file (tests/runner/db.c), tests/unit/test_api.c. */
#include "col/batch.h"
#include "col/type.h"
#include "col/value.h"

struct ps_cells {
    ps_mem mem;
    ps_ctx cx;
    ps_arena arena;
    ps_schema *schema;
    const char **names, **types;
    ps_batch batch;
    ps_owner *owner;
    ps_text text;
};

static ps_status give_error(const ps_ctx *cx, ps_status status, ps_error *error)
{
    if (status != PS_OK && error) *error = cx->error;
    return status;
}

/* Names and types as C strings in the arena. */
static ps_status print_columns(ps_cells *cells)
{
    const ps_schema *schema = cells->schema;
    ps_ctx *cx = &cells->cx;

    cells->names = PS_ARENA_ARRAY(cx, &cells->arena, const char *, schema->n + 1);
    cells->types = PS_ARENA_ARRAY(cx, &cells->arena, const char *, schema->n + 1);
    if (!cells->names || !cells->types) return cx->error.code;
    for (uint32_t i = 0; i < schema->n; i++) {
        const ps_field *field = &schema->fields[i];

        ps_text_clear(&cells->text);
        ps_type_print(field->type, &cells->text);
        PS_TRY(ps_text_status(&cells->text));
        cells->names[i] = ps_arena_strndup(cx, &cells->arena, field->name.at, field->name.n);
        cells->types[i] = ps_arena_strndup(cx, &cells->arena, cells->text.at, cells->text.n);
        if (!cells->names[i] || !cells->types[i]) return cx->error.code;
    }
    return PS_OK;
}

static ps_status fill(ps_cells *cells, const struct ArrowSchema *schema, struct ArrowArray *batch)
{
    PS_TRY(ps_arrow_import_schema(&cells->cx, schema, &cells->schema));
    PS_TRY(print_columns(cells));
    if (!batch) return PS_OK;
    return ps_arrow_import_batch(&cells->cx, &cells->arena, cells->schema, schema, batch,
                                 &cells->batch, &cells->owner);
}

ps_status ps_cells_new(const struct ArrowSchema *schema, struct ArrowArray *batch, ps_cells **out,
                       ps_error *error)
{
    ps_ctx cx;
    ps_status st;

    *out = NULL;
    ps_ctx_init(&cx, NULL, NULL); /* the cells hold their payer, so they can't be charged to it */
    ps_cells *cells = ps_alloc_zero(&cx, sizeof *cells);
    if (!cells) {
        if (batch && batch->release) batch->release(batch);
        return give_error(&cx, cx.error.code, error);
    }
    ps_mem_init(&cells->mem, NULL, "text of a result", 0);
    ps_ctx_init(&cells->cx, &cells->mem, NULL);
    ps_text_init(&cells->text, &cells->cx);
    st = fill(cells, schema, batch);
    if (batch && batch->release) batch->release(batch); /* the import did not get to it */
    if (st != PS_OK) {
        give_error(&cells->cx, st, error);
        ps_cells_free(cells);
        return st;
    }
    *out = cells;
    return PS_OK;
}

void ps_cells_free(ps_cells *cells)
{
    if (!cells) return;
    ps_owner_unref(cells->owner);
    ps_schema_unref(cells->schema);
    ps_text_release(&cells->text);
    ps_arena_release(&cells->arena);
    ps_free(cells);
}

size_t ps_cells_n_rows(const ps_cells *cells) { return cells->batch.n_live; }
size_t ps_cells_n_columns(const ps_cells *cells) { return cells->schema->n; }

const char *ps_cells_name(const ps_cells *cells, size_t column)
{
    return column < cells->schema->n ? cells->names[column] : "";
}

const char *ps_cells_type(const ps_cells *cells, size_t column)
{
    return column < cells->schema->n ? cells->types[column] : "";
}

bool ps_cells_is_number(const ps_cells *cells, size_t column)
{
    return column < cells->schema->n && ps_type_is_numeric(cells->schema->fields[column].type);
}

ps_status ps_cells_text(ps_cells *cells, size_t row, size_t column, const char **text,
                        size_t *n_bytes, ps_error *error)
{
    ps_ctx *cx = &cells->cx;

    *text = NULL;
    if (n_bytes) *n_bytes = 0;
    if (row >= cells->batch.n_live || column >= cells->batch.n_cols) {
        return give_error(cx,
                          ps_fail(cx, PS_MISUSE, "no such cell: row %zu, column %zu of %u x %u",
                                  row, column, cells->batch.n_live, cells->batch.n_cols),
                          error);
    }
    const ps_vec *vec = &cells->batch.cols[column];
    const uint32_t at = ps_batch_row(&cells->batch, (uint32_t)row);

    if (!ps_vec_row_valid(vec, at)) return PS_OK;
    ps_text_clear(&cells->text);
    ps_text_add(&cells->text, "", 0);
    ps_vec_print(vec, at, &cells->text);
    if (ps_text_status(&cells->text) != PS_OK)
        return give_error(cx, ps_text_status(&cells->text), error);
    *text = cells->text.at;
    if (n_bytes) *n_bytes = cells->text.n;
    return PS_OK;
}
