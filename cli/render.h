/* cli/render.h -- results as text: box, csv, json, jsonlines, markdown.
 *
 * A renderer takes batches as they come. Row formats write at once; box and markdown keep the rows
 * they show (the first and last rows_max / 2) until the end, because widths depend on all of them.
 */
#ifndef PENSTOCK_RENDER_H
#define PENSTOCK_RENDER_H

#include "text.h"

#include <penstock.h>
#include <stdio.h>

typedef enum render_mode {
    RENDER_BOX,
    RENDER_CSV,
    RENDER_JSON,
    RENDER_JSONLINES,
    RENDER_MARKDOWN,
    RENDER_MODES
} render_mode;

extern const char *const render_mode_names[RENDER_MODES];
/* RENDER_MODES: no mode of that name. */
render_mode render_mode_of(const char *name);

typedef struct render_options {
    render_mode mode;
    size_t rows_max;  /* of box and markdown; 0: all */
    size_t width;     /* columns of the terminal; 0: no limit */
    bool document;    /* a plan: box writes its lines as they are, all of them */
    const char *null; /* how box, csv and markdown write NULL */
} render_options;

typedef struct render_row {
    char **cells; /* NULL: null */
} render_row;

typedef struct render {
    render_options options;
    FILE *out;
    pool keep;
    size_t n_columns;
    char **names, **types;
    bool *numeric;
    size_t n_rows;    /* that came */
    render_row *head; /* the first rows, all where nothing is left out */
    size_t n_head;
    render_row *tail; /* a ring of the last rows_max / 2 */
    pool *tail_pools; /* of each ring slot */
    size_t tail_room;
    text line;
} render;

void render_begin(render *r, const render_options *options, FILE *out, const ps_cells *columns);
/* Takes the rows of one batch; false with *error filled on failure. */
bool render_batch(render *r, ps_cells *cells, ps_error *error);
/* Writes what is left; complete: the result ended without an error. */
void render_end(render *r, bool complete);

#endif
