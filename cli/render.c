/* cli/render.c -- keeping rows, and the formats that write each row at once. See render.h. */
#include "render.h"

#include "render_box.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const char *const render_mode_names[RENDER_MODES] = {"box", "csv", "json", "jsonlines", "markdown"};

render_mode render_mode_of(const char *name)
{
    render_mode mode = RENDER_BOX;

    while (mode < RENDER_MODES && strcmp(render_mode_names[mode], name) != 0) mode++;
    return mode;
}

/* ---- rows as they come */

static void csv_field(text *t, const char *cell)
{
    if (!cell[strcspn(cell, ",\"\r\n")]) {
        text_puts(t, cell);
        return;
    }
    text_puts(t, "\"");
    for (; *cell; cell++) text_add(t, *cell == '"' ? "\"\"" : cell, *cell == '"' ? 2 : 1);
    text_puts(t, "\"");
}

static void csv_row(render *r, char *const *cells)
{
    for (size_t i = 0; i < r->n_columns; i++) {
        if (i) text_puts(&r->line, ",");
        if (!cells[i]) text_puts(&r->line, r->options.null);
        else if (!cells[i][0]) text_puts(&r->line, "\"\""); /* the empty text is not null */
        else csv_field(&r->line, cells[i]);
    }
    text_puts(&r->line, "\n");
}

static void json_string(text *t, const char *s)
{
    text_puts(t, "\"");
    for (; *s; s++) {
        const unsigned char byte = (unsigned char)*s;

        if (byte == '"' || byte == '\\') text_printf(t, "\\%c", byte);
        else if (byte == '\n') text_puts(t, "\\n");
        else if (byte < ' ') text_printf(t, "\\u%04x", byte);
        else text_add(t, s, 1);
    }
    text_puts(t, "\"");
}

/* JSON has no NaN and no infinities: those stay text. */
static bool is_json_number(const char *cell)
{
    const char *last = cell + strlen(cell) - 1;

    return (cell[0] == '-' || isdigit((unsigned char)cell[0])) && isdigit((unsigned char)*last) &&
           !strpbrk(cell, "nN");
}

static void json_row(render *r, char *const *cells)
{
    text_puts(&r->line, "{");
    for (size_t i = 0; i < r->n_columns; i++) {
        if (i) text_puts(&r->line, ",");
        json_string(&r->line, r->names[i]);
        text_puts(&r->line, ":");
        if (!cells[i]) text_puts(&r->line, "null");
        else if (strcmp(r->types[i], "BOOLEAN") == 0) text_puts(&r->line, cells[i]);
        else if (r->numeric[i] && is_json_number(cells[i])) text_puts(&r->line, cells[i]);
        else json_string(&r->line, cells[i]);
    }
    text_puts(&r->line, "}");
}

static void write_row(render *r, char *const *cells)
{
    text_clear(&r->line);
    if (r->options.mode == RENDER_CSV) {
        csv_row(r, cells);
    } else if (r->options.mode == RENDER_JSON) {
        text_puts(&r->line, r->n_rows ? ",\n" : "[");
        json_row(r, cells);
    } else {
        json_row(r, cells);
        text_puts(&r->line, "\n");
    }
    fwrite(r->line.at, 1, r->line.n, r->out);
}

/* ---- rows that are kept */

static bool is_kept(const render *r)
{
    return r->options.mode == RENDER_BOX || r->options.mode == RENDER_MARKDOWN;
}

static char **copy_cells(pool *p, char *const *cells, size_t n)
{
    char **copy = pool_alloc(p, (n + 1) * sizeof *copy);

    for (size_t i = 0; i < n; i++)
        copy[i] = cells[i] ? pool_copy(p, cells[i], strlen(cells[i])) : NULL;
    return copy;
}

static void keep_row(render *r, char *const *cells)
{
    const size_t head_room = r->options.rows_max ? r->options.rows_max - r->tail_room : SIZE_MAX;

    if (r->n_head < head_room) {
        r->head = pool_grow(&r->keep, r->head, r->n_head, sizeof *r->head);
        r->head[r->n_head++].cells = copy_cells(&r->keep, cells, r->n_columns);
    } else if (r->tail_room) {
        const size_t slot = (r->n_rows - r->n_head) % r->tail_room;

        pool_release(&r->tail_pools[slot]);
        r->tail[slot].cells = copy_cells(&r->tail_pools[slot], cells, r->n_columns);
    }
}

/* ---- the three calls */

void render_begin(render *r, const render_options *options, FILE *out, const ps_cells *columns)
{
    const size_t n = ps_cells_n_columns(columns);

    *r = (render){.options = *options, .out = out, .n_columns = n};
    r->names = pool_alloc(&r->keep, (n + 1) * sizeof *r->names);
    r->types = pool_alloc(&r->keep, (n + 1) * sizeof *r->types);
    r->numeric = pool_alloc(&r->keep, (n + 1) * sizeof *r->numeric);
    for (size_t i = 0; i < n; i++) {
        const char *name = ps_cells_name(columns, i), *type = ps_cells_type(columns, i);

        r->names[i] = pool_copy(&r->keep, name, strlen(name));
        r->types[i] = pool_copy(&r->keep, type, strlen(type));
        r->numeric[i] = ps_cells_is_number(columns, i);
    }
    if (is_kept(r) && options->rows_max) {
        r->tail_room = options->rows_max / 2;
        r->tail = pool_alloc(&r->keep, (r->tail_room + 1) * sizeof *r->tail);
        r->tail_pools = pool_alloc(&r->keep, (r->tail_room + 1) * sizeof *r->tail_pools);
    }
    if (options->mode == RENDER_CSV) {
        csv_row(r, r->names);
        fwrite(r->line.at, 1, r->line.n, out);
    }
}

bool render_batch(render *r, ps_cells *cells, ps_error *error)
{
    const size_t n_rows = ps_cells_n_rows(cells);
    pool step = {0};
    bool good = true;

    for (size_t row = 0; good && row < n_rows; row++) {
        char **values = pool_alloc(&step, (r->n_columns + 1) * sizeof *values);

        for (size_t i = 0; good && i < r->n_columns; i++) {
            const char *cell;
            size_t n;

            good = ps_cells_text(cells, row, i, &cell, &n, error) == PS_OK;
            values[i] = good && cell ? pool_copy(&step, cell, n) : NULL;
        }
        if (!good) break;
        if (is_kept(r)) keep_row(r, values);
        else write_row(r, values);
        r->n_rows++;
        pool_release(&step);
    }
    pool_release(&step);
    return good;
}

void render_end(render *r, bool complete)
{
    if (complete) {
        if (r->options.mode == RENDER_BOX) render_box(r);
        if (r->options.mode == RENDER_MARKDOWN) render_markdown(r);
        if (r->options.mode == RENDER_JSON) fputs(r->n_rows ? "]\n" : "[]\n", r->out);
    }
    for (size_t i = 0; i < r->tail_room; i++) pool_release(&r->tail_pools[i]);
    pool_release(&r->keep);
    text_release(&r->line);
    fflush(r->out);
}
