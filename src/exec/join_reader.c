/* exec/join_reader.c -- rows of a partition in the order of their positions: see join.h.
 *
 * Lanes bring runs, one a morsel, each in order, and a lane's runs follow each other in its pages.
 * So sorting the runs by morsel is enough, and one page of each lane is in memory at a time. */
#include "exec/join.h"

#include <stdlib.h>

struct ps_join_reader_run {
    const ps_rows *rows;
    ps_join_run run;
};

struct ps_join_reader_page {
    const ps_rows *rows; /* whose */
    size_t number;
    ps_row_page page; /* rows NULL: none */
};

static int run_compare(const void *a, const void *b)
{
    const uint64_t x = ((const struct ps_join_reader_run *)a)->run.morsel,
                   y = ((const struct ps_join_reader_run *)b)->run.morsel;

    return x < y ? -1 : x > y;
}

static void run_begin(ps_join_reader *reader, size_t run)
{
    reader->run = run;
    if (run == reader->runs.n) return;
    reader->at = reader->runs.at[run].run.at;
    reader->left = reader->runs.at[run].run.n;
}

ps_status ps_join_reader_init(ps_ctx *cx, ps_join_reader *reader, const ps_join_shared *shared,
                              int p)
{
    for (size_t i = 0; i < shared->lanes.n; i++) {
        const ps_join_lane_part *part = &shared->lanes.at[i]->parts[p];

        for (size_t r = 0; r < part->runs.n; r++)
            PS_TRY(PS_ARRAY_ADD(cx, &reader->runs,
                                (struct ps_join_reader_run){&part->rows, part->runs.at[r]}));
    }
    if (reader->runs.n)
        qsort(reader->runs.at, reader->runs.n, sizeof(*reader->runs.at), run_compare);
    run_begin(reader, 0);
    return PS_OK;
}

ps_status ps_join_reader_init_rows(ps_ctx *cx, ps_join_reader *reader, const ps_rows *rows)
{
    const ps_join_run run = {.n = rows->n_rows};

    PS_TRY(PS_ARRAY_ADD(cx, &reader->runs, (struct ps_join_reader_run){rows, run}));
    run_begin(reader, 0);
    return PS_OK;
}

uint64_t ps_join_reader_rows(const ps_join_reader *reader)
{
    uint64_t n = 0;

    for (size_t r = 0; r < reader->runs.n; r++) n += reader->runs.at[r].run.n;
    return n;
}

void ps_join_reader_release(ps_join_reader *reader)
{
    for (size_t i = 0; i < reader->pages.n; i++) ps_free(reader->pages.at[i].page.rows);
    ps_free(reader->pages.at);
    ps_free(reader->runs.at);
    *reader = (ps_join_reader){0};
}

/* The page of a collection that the reader stands on, from the file where it is there. */
static ps_status page_of(ps_ctx *cx, ps_join_reader *reader, const ps_rows *rows, size_t number,
                         const ps_row_page **out)
{
    struct ps_join_reader_page *mine = NULL;

    *out = &rows->pages.at[number];
    if ((*out)->rows) return PS_OK;
    for (size_t i = 0; i < reader->pages.n && !mine; i++)
        if (reader->pages.at[i].rows == rows) mine = &reader->pages.at[i];
    if (!mine) {
        PS_TRY(PS_ARRAY_ADD(cx, &reader->pages, (struct ps_join_reader_page){.rows = rows}));
        mine = &reader->pages.at[reader->pages.n - 1];
    }
    if (!mine->page.rows || mine->number != number) {
        ps_free(mine->page.rows);
        mine->page.rows = NULL;
        PS_TRY(ps_rows_read(cx, rows, number, &mine->page));
        mine->number = number;
    }
    *out = &mine->page;
    return PS_OK;
}

ps_status ps_join_reader_next(ps_ctx *cx, ps_join_reader *reader, uint32_t n_max, uint8_t **out,
                              uint32_t *n)
{
    const ps_row_page *page;

    *n = 0;
    while (reader->run < reader->runs.n && reader->left == 0) run_begin(reader, reader->run + 1);
    if (reader->run == reader->runs.n) return PS_OK;
    const ps_rows *rows = reader->runs.at[reader->run].rows;
    while (reader->at.row == rows->pages.at[reader->at.page].n_rows)
        reader->at.page++, reader->at.row = 0;
    PS_TRY(page_of(cx, reader, rows, reader->at.page, &page));
    const uint32_t row_bytes = rows->layout->row_bytes;
    const uint32_t m = (uint32_t)PS_MIN(PS_MIN(reader->left, n_max), page->n_rows - reader->at.row);
    for (uint32_t k = 0; k < m; k++) out[k] = page->rows + (size_t)(reader->at.row + k) * row_bytes;
    reader->at.row += m;
    reader->left -= m;
    reader->n_given += m;
    *n = m;
    return PS_OK;
}

ps_join_mark_at ps_join_reader_at(const ps_join_reader *reader)
{
    return (ps_join_mark_at){reader->run, reader->at, reader->left, reader->n_given};
}

void ps_join_reader_back(ps_join_reader *reader, ps_join_mark_at to)
{
    reader->run = to.run;
    reader->at = to.at;
    reader->left = to.left;
    reader->n_given = to.n_given;
}
