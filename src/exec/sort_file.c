/* exec/sort_file.c -- see sort_file.h.
 *
 * The merge is a tree of losers (Knuth, volume 3, 5.4.1) over the runs' next rows: log2(runs)
 * comparisons a row. Keys are never equal, since positions are part of them.
 * Tests: tests/slt/op/sort.test under spill, tests/py/test_spill.py */
#include "exec/sort_file.h"

enum { CHUNK_ROWS = 2048, MARK_SHARE = 256, RETIRED_BYTES_MAX = 1 << 20 };

/* What a row carries in the file. */
typedef struct row_state {
    uint64_t high, low, morsel, ordinal;
} row_state;
PS_STATIC_ASSERT(sizeof(row_state) == PS_SORT_STATE_BYTES, "layouts leave room for it");

/* ---- writing ---- */

void ps_sort_file_init(ps_sort_file *file, const ps_sort_spec *spec, uint32_t block_bytes,
                       uint32_t marks_max)
{
    *file = (ps_sort_file){
        .spec = spec, .block_bytes = block_bytes, .marks_max = marks_max, .mark_pages = 1};
    ps_rows_init(&file->rows, spec->file_layout);
    ps_rows_init(&file->marked, spec->layout); /* the first part of file_layout */
}

void ps_sort_file_release(ps_sort_file *file, bool drop)
{
    if (drop) ps_rows_drop(&file->rows);
    else ps_rows_release(&file->rows);
    ps_rows_release(&file->marked);
    ps_free(file->marks.at);
    memset(&file->marks, 0, sizeof(file->marks));
}

static uint64_t row_bytes(const ps_row_layout *layout, const uint8_t *row)
{
    uint64_t bytes = layout->row_bytes;

    for (uint32_t v = 0; v < layout->n_views; v++) {
        ps_view view;

        memcpy(&view, row + layout->views[v], sizeof(view));
        if (view.n > 12) bytes += view.n;
    }
    return bytes;
}

/* Every second mark goes: their number stays bounded however long a run gets. */
static ps_status marks_thin(ps_ctx *cx, ps_sort_file *file)
{
    ps_rows marked;
    ps_status st = PS_OK;
    size_t n = 0;

    ps_rows_init(&marked, file->spec->layout);
    for (size_t m = 0; m < file->marks.n; m += 2) {
        ps_sort_mark mark = file->marks.at[m];
        uint8_t *row = mark.key.row;

        if (row) PS_GO(ps_rows_append_rows(cx, &marked, &row, 1, &mark.key.row));
        file->marks.at[n++] = mark;
    }
    file->marks.n = n;
    file->mark_pages *= 2;
    ps_rows_release(&file->marked);
    file->marked = marked;
    return PS_OK;
done:
    ps_rows_release(&marked);
    return st;
}

/* A mark at the page that is written next, where one is due: all marks together take a small part
 * of what they stand for, however wide rows are. A failed one may leave others without rows: the
 * run is lost then, with its query. */
static ps_status mark_add(ps_ctx *cx, ps_sort_file *file, const ps_sort_row *key)
{
    ps_sort_mark mark = {.key = *key, .first = file->rows.n_rows, .page = file->rows.pages.n};
    const size_t n = file->marks.n;

    if (n > 0 && (file->bytes < file->next_mark ||
                  mark.page - file->marks.at[n - 1].page < file->mark_pages))
        return PS_OK;
    mark.key.row = NULL;
    if (!file->spec->exact)
        PS_TRY(ps_rows_append_rows(cx, &file->marked, &(uint8_t *){key->row}, 1, &mark.key.row));
    PS_TRY(PS_ARRAY_ADD(cx, &file->marks, mark));
    file->next_mark = file->bytes + MARK_SHARE * row_bytes(file->spec->layout, key->row);
    return file->marks.n < file->marks_max ? PS_OK : marks_thin(cx, file);
}

/* One page of at most block_bytes, if one row isn't more: gives the rows it took. */
static ps_status page_add(ps_ctx *cx, ps_sort_file *file, ps_spill *spill, const ps_sort_row *keys,
                          size_t n, uint8_t **rows, row_state *states, size_t *n_taken)
{
    uint64_t bytes = 0;
    uint32_t m = 0;

    while (m < n && m < CHUNK_ROWS) {
        const uint64_t more = row_bytes(file->spec->file_layout, keys[m].row);

        if (m > 0 && bytes + more > file->block_bytes) break;
        bytes += more;
        rows[m] = keys[m].row;
        states[m] = (row_state){keys[m].high, keys[m].low, keys[m].morsel, keys[m].ordinal};
        m++;
    }
    PS_TRY(mark_add(cx, file, &keys[0]));
    PS_TRY(ps_rows_spill_copy(cx, &file->rows, spill, rows, states, m));
    file->bytes += bytes;
    *n_taken = m;
    return PS_OK;
}

ps_status ps_sort_file_add(ps_ctx *cx, ps_sort_file *file, ps_spill *spill, const ps_sort_row *keys,
                           size_t n)
{
    uint8_t **rows = ps_alloc(cx, CHUNK_ROWS * sizeof(*rows));
    row_state *states = ps_alloc(cx, CHUNK_ROWS * sizeof(*states));
    ps_status st = rows && states ? PS_OK : PS_MEMORY;

    for (size_t at = 0, m; st == PS_OK && at < n; at += m) {
        st = page_add(cx, file, spill, keys + at, n - at, rows, states, &m);
        if (st == PS_OK) st = ps_poll(cx);
    }
    ps_free(rows);
    ps_free(states);
    return st;
}

/* ---- the index ---- */

ps_status ps_sort_index_new(ps_ctx *cx, ps_arena *arena, const ps_sort_spec *spec,
                            ps_sort_file *const *files, size_t n_files, ps_sort_index *out)
{
    size_t *at = PS_ARENA_ARRAY(cx, arena, size_t, n_files + 1);
    uint64_t rows = 0;
    size_t n = 0;

    for (size_t f = 0; f < n_files; f++) n += files[f]->marks.n;
    out->marks = PS_ARENA_ARRAY(cx, arena, const ps_sort_mark *, n + 1);
    out->rows_max = PS_ARENA_ARRAY(cx, arena, uint64_t, n + 1);
    if (!at || !out->marks || !out->rows_max) return PS_MEMORY;
    for (out->n = 0; out->n < n; out->n++) {
        size_t best = SIZE_MAX;

        for (size_t f = 0; f < n_files; f++) {
            if (at[f] == files[f]->marks.n) continue;
            if (best == SIZE_MAX || ps_sort_compare(spec, &files[f]->marks.at[at[f]].key,
                                                    &files[best]->marks.at[at[best]].key) < 0)
                best = f;
        }
        const ps_sort_mark *mark = &files[best]->marks.at[at[best]++];
        /* Of each run: at most the rows before its first mark that isn't before this one. */
        out->marks[out->n] = mark;
        out->rows_max[out->n] = rows;
        rows += (at[best] < files[best]->marks.n ? mark[1].first : files[best]->rows.n_rows) -
                mark->first;
        if ((out->n & 1023) == 0) PS_TRY(ps_poll(cx));
    }
    return PS_OK;
}

/* ---- reading ---- */

/* One run's next row; page.rows NULL: there is none. */
typedef struct cursor {
    const ps_sort_file *file;
    size_t page_at;
    ps_row_page page;
    uint32_t row;
    ps_sort_row key;
} cursor;

struct ps_sort_merge {
    const ps_sort_spec *spec;
    cursor *cursors;
    uint32_t n, *losers; /* losers[0]: the winner */
    uint64_t at;
    bool load_due;               /* the winner's next page */
    PS_ARRAY(uint8_t *) retired; /* pages whose rows were given and may still be used */
    uint64_t retired_bytes;
};

static void page_row(const ps_sort_file *file, const ps_row_page *page, uint32_t row,
                     ps_sort_row *key)
{
    const ps_row_layout *layout = file->spec->file_layout;
    uint8_t *at = page->rows + (size_t)row * layout->row_bytes;
    row_state state;

    memcpy(&state, at + layout->state_at, sizeof(state));
    *key = (ps_sort_row){state.high, state.low, at, state.morsel, state.ordinal};
}

static ps_status cursor_load(ps_ctx *cx, cursor *c)
{
    c->page.rows = NULL;
    c->row = 0;
    if (c->page_at == c->file->rows.pages.n) return PS_OK;
    PS_TRY(ps_rows_read(cx, &c->file->rows, c->page_at, &c->page));
    page_row(c->file, &c->page, 0, &c->key);
    return ps_poll(cx);
}

/* The same where the pages after it are read too. */
static ps_status cursor_go_on(ps_ctx *cx, cursor *c)
{
    PS_TRY(cursor_load(cx, c));
    ps_rows_expect(&c->file->rows, c->page_at + 1);
    return PS_OK;
}

static void retired_free(ps_sort_merge *merge)
{
    for (size_t p = 0; p < merge->retired.n; p++) ps_free(merge->retired.at[p]);
    merge->retired.n = 0;
    merge->retired_bytes = 0;
}

ps_status ps_sort_merge_new(ps_ctx *cx, const ps_sort_spec *spec, ps_sort_file *const *files,
                            size_t n_files, ps_sort_merge **out)
{
    ps_sort_merge *merge = ps_alloc_zero(cx, sizeof(*merge));

    *out = merge;
    if (!merge) return PS_MEMORY;
    merge->spec = spec;
    merge->at = UINT64_MAX; /* nothing is loaded */
    merge->cursors = ps_alloc_zero(cx, (n_files + 1) * sizeof(cursor));
    merge->losers = ps_alloc_zero(cx, (n_files + 1) * sizeof(uint32_t));
    if (!merge->cursors || !merge->losers) return PS_MEMORY;
    merge->n = (uint32_t)n_files;
    for (size_t f = 0; f < n_files; f++) merge->cursors[f].file = files[f];
    return PS_OK;
}

void ps_sort_merge_free(ps_sort_merge *merge)
{
    if (!merge) return;
    retired_free(merge);
    ps_free(merge->retired.at);
    for (uint32_t c = 0; merge->cursors && c < merge->n; c++) ps_free(merge->cursors[c].page.rows);
    ps_free(merge->cursors);
    ps_free(merge->losers);
    ps_free(merge);
}

uint64_t ps_sort_merge_at(const ps_sort_merge *merge) { return merge->at; }

/* merge->n stands for a cursor before all, while the tree is made. */
static bool before(const ps_sort_merge *merge, uint32_t a, uint32_t b)
{
    if (a == merge->n || b == merge->n) return a == merge->n;
    const cursor *x = &merge->cursors[a], *y = &merge->cursors[b];
    if (!x->page.rows || !y->page.rows) return x->page.rows != NULL;
    return ps_sort_compare(merge->spec, &x->key, &y->key) < 0;
}

/* The cursor has another key: it plays its way up again. */
static void replay(ps_sort_merge *merge, uint32_t winner)
{
    for (uint32_t t = (winner + merge->n) / 2; t > 0; t /= 2) {
        if (!before(merge, merge->losers[t], winner)) continue;
        const uint32_t loser = winner;

        winner = merge->losers[t];
        merge->losers[t] = loser;
    }
    merge->losers[0] = winner;
}

static void tree_make(ps_sort_merge *merge)
{
    for (uint32_t t = 0; t < merge->n; t++) merge->losers[t] = merge->n;
    for (uint32_t c = merge->n; c-- > 0;) replay(merge, c);
}

/* To the next row of the winner, or load_due; keep: its page's rows may still be used. */
static ps_status winner_step(ps_ctx *cx, ps_sort_merge *merge, bool keep)
{
    const uint32_t winner = merge->losers[0];
    cursor *c = &merge->cursors[winner];

    if (++c->row < c->page.n_rows) {
        page_row(c->file, &c->page, c->row, &c->key);
        merge->at++;
    } else {
        if (keep) {
            c->row--; /* stays, if the list can't grow */
            PS_TRY(PS_ARRAY_ADD(cx, &merge->retired, c->page.rows));
            merge->retired_bytes += ps_block_size(c->page.rows);
        } else {
            ps_free(c->page.rows);
        }
        c->page.rows = NULL;
        c->page_at++;
        merge->at++;
        merge->load_due = true;
        return PS_OK;
    }
    replay(merge, winner);
    return PS_OK;
}

static ps_status load_if_due(ps_ctx *cx, ps_sort_merge *merge)
{
    if (!merge->load_due) return PS_OK;
    PS_TRY(cursor_go_on(cx, &merge->cursors[merge->losers[0]]));
    merge->load_due = false;
    replay(merge, merge->losers[0]);
    return PS_OK;
}

/* The run's cursor at its first row that isn't before `key`; NULL: at the first. */
static ps_status cursor_seek(ps_ctx *cx, cursor *c, const ps_sort_row *key, uint64_t *rank)
{
    const ps_sort_file *file = c->file;
    const ps_sort_spec *spec = file->spec;
    size_t low = 0, high = file->marks.n;

    ps_free(c->page.rows);
    c->page_at = 0;
    c->page.rows = NULL;
    if (!key || high == 0) return cursor_go_on(cx, c);
    while (low < high) { /* marks before the key */
        const size_t middle = low + (high - low) / 2;
        if (ps_sort_compare(spec, &file->marks.at[middle].key, key) < 0) low = middle + 1;
        else high = middle;
    }
    if (low == 0) return cursor_go_on(cx, c);
    size_t page = file->marks.at[low - 1].page;
    size_t end = low < file->marks.n ? file->marks.at[low].page : file->rows.pages.n;
    while (end - page > 1) { /* the last page that begins before the key */
        const size_t middle = page + (end - page) / 2;
        c->page_at = middle;
        PS_TRY(cursor_load(cx, c));
        if (ps_sort_compare(spec, &c->key, key) < 0) page = middle;
        else end = middle;
        ps_free(c->page.rows);
        c->page.rows = NULL;
    }
    *rank += file->marks.at[low - 1].first;
    for (size_t p = file->marks.at[low - 1].page; p < page; p++)
        *rank += file->rows.pages.at[p].n_rows;
    c->page_at = page;
    PS_TRY(cursor_go_on(cx, c));
    while (ps_sort_compare(spec, &c->key, key) < 0) {
        (*rank)++;
        if (++c->row == c->page.n_rows) {
            ps_free(c->page.rows);
            c->page_at++;
            return cursor_go_on(cx, c);
        }
        page_row(file, &c->page, c->row, &c->key);
    }
    return PS_OK;
}

/* To the last mark that surely has no more than `rank` rows before it, then row by row. */
ps_status ps_sort_merge_seek(ps_ctx *cx, ps_sort_merge *merge, const ps_sort_index *index,
                             uint64_t rank)
{
    const ps_sort_row *key = NULL;
    size_t low = 0, high = index ? index->n : 0;
    uint64_t at = 0;

    if (merge->at == rank) return PS_OK;
    retired_free(merge);
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (index->rows_max[middle] <= rank) low = middle + 1;
        else high = middle;
    }
    if (low > 0) key = &index->marks[low - 1]->key;
    merge->at = UINT64_MAX; /* nowhere, should this fail */
    merge->load_due = false;
    for (uint32_t c = 0; c < merge->n; c++) PS_TRY(cursor_seek(cx, &merge->cursors[c], key, &at));
    tree_make(merge);
    for (merge->at = at; merge->at < rank;) {
        if ((merge->at & 4095) == 0) PS_TRY(ps_poll(cx));
        ps_status st = load_if_due(cx, merge);
        if (st == PS_OK && !merge->cursors[merge->losers[0]].page.rows) break;
        if (st == PS_OK) st = winner_step(cx, merge, false);
        if (st == PS_OK) continue;
        merge->at = UINT64_MAX;
        return st;
    }
    return PS_OK;
}

ps_status ps_sort_merge_next(ps_ctx *cx, ps_sort_merge *merge, uint32_t n_max, ps_sort_row *out,
                             uint32_t *n)
{
    *n = 0;
    if (merge->at == UINT64_MAX) PS_TRY(ps_sort_merge_seek(cx, merge, NULL, 0));
    retired_free(merge);
    if (merge->n == 0) return PS_OK;
    while (*n < n_max && merge->retired_bytes < RETIRED_BYTES_MAX) {
        const ps_status st = load_if_due(cx, merge);
        if (st == PS_MEMORY && *n > 0) return ps_ctx_clear(cx), PS_OK;
        if (st != PS_OK) return st;
        const cursor *c = &merge->cursors[merge->losers[0]];

        if (!c->page.rows) break;
        out[*n] = c->key;
        const ps_status moved = winner_step(cx, merge, true);
        if (moved == PS_MEMORY && *n > 0) return ps_ctx_clear(cx), PS_OK;
        if (moved != PS_OK) return moved;
        (*n)++;
    }
    return ps_poll(cx);
}
