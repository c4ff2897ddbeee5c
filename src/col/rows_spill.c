/* col/rows_spill.c -- row pages as blocks of temporary files (fs/spill.h).
 *
 * A block is the rows of a page with their views made relative, then their long strings in row
 * order. A relative view holds the offset of its bytes in the string part instead of an address;
 * only strings that a row still refers to are written, and one that a row shares with the row
 * before is there once. Offsets are verified on the way back.
 * Tests: tests/unit/test_rows.c, test_spill.c */
#include "col/rows_int.h"

/* ---- a page as bytes ---- */

/* What a record is made of: rows one after the other, or by address. */
typedef struct record_rows {
    const ps_row_layout *layout;
    const uint8_t *first;
    uint8_t *const *list;  /* NULL: from `first` on */
    const uint8_t *states; /* NULL: the rows have theirs */
    uint32_t n;
} record_rows;

static const ps_view *view_at(const uint8_t *row, uint32_t at)
{
    return (const ps_view *)(const void *)(row + at);
}

static const uint8_t *record_row(const record_rows *from, uint32_t r)
{
    return from->list ? from->list[r] : from->first + (size_t)r * from->layout->row_bytes;
}

/* Whether row r has the same bytes, not only equal ones, as the row before. */
static bool is_shared(const record_rows *from, uint32_t r, uint32_t at)
{
    if (r == 0) return false;
    const ps_view *own = view_at(record_row(from, r), at);
    const ps_view *before = view_at(record_row(from, r - 1), at);
    return own->at == before->at && own->n == before->n;
}

static uint64_t heap_bytes(const record_rows *from)
{
    const ps_row_layout *layout = from->layout;
    uint64_t bytes = 0;

    for (uint32_t r = 0; r < from->n && layout->n_views; r++)
        for (uint32_t v = 0; v < layout->n_views; v++) {
            const ps_view *view = view_at(record_row(from, r), layout->views[v]);
            if (view->n > 12 && !is_shared(from, r, layout->views[v])) bytes += view->n;
        }
    return bytes;
}

static void pack_rows(const record_rows *from, char *out)
{
    const ps_row_layout *layout = from->layout;
    const uint32_t state_bytes = layout->state_bytes;

    if (!from->list) {
        memcpy(out, from->first, (size_t)from->n * layout->row_bytes);
        return;
    }
    for (uint32_t r = 0; r < from->n; r++) {
        char *to = out + (size_t)r * layout->row_bytes;
        if (r + 8 < from->n) PS_PREFETCH(from->list[r + 8]);
        memcpy(to, from->list[r], from->states ? layout->state_at : layout->row_bytes);
        if (from->states)
            memcpy(to + layout->state_at, from->states + (size_t)r * state_bytes, state_bytes);
    }
}

static void pack(const record_rows *from, char *out)
{
    const ps_row_layout *layout = from->layout;
    char *heap = out + (size_t)from->n * layout->row_bytes;
    uint64_t at = 0;

    pack_rows(from, out);
    for (uint32_t r = 0; r < from->n && layout->n_views; r++)
        for (uint32_t v = 0; v < layout->n_views; v++) {
            const size_t where = (size_t)r * layout->row_bytes + layout->views[v];
            ps_view view;
            memcpy(&view, out + where, sizeof(view));
            if (view.n <= 12) continue;
            if (is_shared(from, r, layout->views[v])) {
                memcpy(out + where + 8, out + where - layout->row_bytes + 8, 8);
                continue;
            }
            memcpy(heap + at, view.at, view.n);
            memcpy(out + where + 8, &at, 8);
            at += view.n;
        }
}

/* ---- out ---- */

/* Packs and writes; *page gets the place. */
static ps_status record_write(ps_ctx *cx, ps_spill *spill, const record_rows *from,
                              ps_row_page *page)
{
    const uint64_t n = (uint64_t)from->n * from->layout->row_bytes + heap_bytes(from);
    const bool before = ps_giving_back(cx, true);
    char *bytes = ps_alloc(cx, n + PS_SPILL_ROOM);
    ps_spill_block block;
    ps_status st = bytes ? PS_OK : PS_MEMORY;

    if (bytes) pack(from, bytes);
    if (bytes) st = ps_spill_write(cx, spill, bytes, n, &block);
    ps_free(bytes);
    ps_giving_back(cx, before);
    if (st != PS_OK) return st;
    page->file_at = block.at;
    page->file_bytes = block.n;
    return PS_OK;
}

static ps_status page_write(ps_ctx *cx, ps_spill *spill, const ps_row_layout *layout,
                            ps_row_page *page)
{
    const record_rows from = {.layout = layout, .first = page->rows, .n = page->n_rows};

    return record_write(cx, spill, &from, page);
}

ps_status ps_rows_spill_first(ps_ctx *cx, ps_rows *rows, size_t n, ps_spill *spill)
{
    PS_ASSERT(!rows->spill || rows->spill == spill);
    PS_ASSERT(n <= rows->pages.n);
    for (size_t p = 0; p < n; p++) {
        ps_row_page *page = &rows->pages.at[p];
        if (!page->rows || page->file_bytes) continue;
        const ps_status st = page_write(cx, spill, rows->layout, page);
        if (st == PS_OK) continue;
        /* Unchanged on failure: what was written stays unused in the file. */
        for (size_t q = 0; q < p; q++)
            if (rows->pages.at[q].rows && !rows->pages.at[q].heap) rows->pages.at[q].file_bytes = 0;
        return st;
    }
    for (size_t p = 0; p < n; p++) ps_rows_unload(rows, p);
    if (n) rows->spill = spill;
    return PS_OK;
}

ps_status ps_rows_spill(ps_ctx *cx, ps_rows *rows, ps_spill *spill)
{
    PS_TRY(ps_rows_spill_first(cx, rows, rows->pages.n, spill));
    ps_rows_free_heaps(rows);
    rows->bytes = 0;
    return PS_OK;
}

ps_status ps_rows_spill_copy(ps_ctx *cx, ps_rows *rows, ps_spill *spill, uint8_t *const *src,
                             const void *states, uint32_t n)
{
    const record_rows from = {.layout = rows->layout, .list = src, .states = states, .n = n};
    ps_row_page page = {.n_rows = n, .rows_max = n};

    PS_ASSERT(!rows->spill || rows->spill == spill);
    if (n == 0) return PS_OK;
    if (rows->pages.n == rows->pages.room)
        PS_TRY(ps_array_grow(cx, NULL, (void **)&rows->pages.at, &rows->pages.room,
                             rows->pages.n + 1, sizeof(ps_row_page)));
    PS_TRY(record_write(cx, spill, &from, &page));
    rows->pages.at[rows->pages.n++] = page;
    rows->n_rows += n;
    rows->spill = spill;
    return PS_OK;
}

static ps_spill_block page_block(const ps_row_page *page)
{
    return (ps_spill_block){page->file_at, page->file_bytes};
}

void ps_rows_drop(ps_rows *rows)
{
    for (size_t p = 0; p < rows->pages.n; p++)
        if (rows->pages.at[p].file_bytes)
            ps_spill_drop(rows->spill, page_block(&rows->pages.at[p]));
    ps_rows_release(rows);
}

/* ---- back ---- */

/* Makes views absolute again; false: one lies outside of its page. */
static bool unpack(const ps_row_layout *layout, ps_row_page *page, uint64_t n_heap)
{
    for (uint32_t r = 0; r < page->n_rows; r++)
        for (uint32_t v = 0; v < layout->n_views; v++) {
            uint8_t *row = page->rows + (size_t)r * layout->row_bytes;
            ps_view *view = (ps_view *)(void *)(row + layout->views[v]);
            uint64_t at;
            if (view->n <= 12) continue;
            memcpy(&at, (const char *)view + 8, 8);
            if (at > n_heap || view->n > n_heap - at) return false;
            view->at = page->heap + at;
        }
    return true;
}

static ps_status record_read(ps_ctx *cx, ps_spill *spill, const ps_row_layout *layout,
                             ps_row_page *page)
{
    const uint64_t n_rows = (uint64_t)page->n_rows * layout->row_bytes;
    char *bytes;
    uint64_t n;

    PS_TRY(ps_spill_read(cx, spill, page_block(page), &bytes, &n));
    page->rows = (uint8_t *)bytes;
    page->heap = bytes + n_rows;
    if (n >= n_rows && unpack(layout, page, n - n_rows)) return PS_OK;
    ps_free(bytes);
    page->rows = NULL;
    page->heap = NULL;
    return ps_spill_damaged(cx, spill, page_block(page), "its rows are not those of the page");
}

void ps_rows_expect(const ps_rows *rows, size_t p)
{
    if (p < rows->pages.n && !rows->pages.at[p].rows)
        ps_spill_expect(rows->spill, page_block(&rows->pages.at[p]));
}

uint64_t ps_rows_spilled_bytes(const ps_rows *rows)
{
    uint64_t bytes = 0;

    for (size_t p = 0; p < rows->pages.n; p++)
        if (!rows->pages.at[p].rows)
            bytes += (uint64_t)rows->pages.at[p].n_rows * rows->layout->row_bytes;
    return bytes;
}

ps_status ps_rows_load(ps_ctx *cx, ps_rows *rows, size_t p)
{
    ps_row_page *page = &rows->pages.at[p];

    if (page->rows) return PS_OK;
    PS_ASSERT(rows->spill && page->file_bytes > 0);
    PS_TRY(record_read(cx, rows->spill, rows->layout, page));
    ps_rows_expect(rows, p + 1); /* whoever loads pages does so in order */
    rows->bytes += ps_block_size(page->rows);
    return PS_OK;
}

ps_status ps_rows_read(ps_ctx *cx, const ps_rows *rows, size_t p, ps_row_page *out)
{
    PS_ASSERT(rows->spill && rows->pages.at[p].file_bytes > 0);
    *out = rows->pages.at[p];
    out->rows = NULL;
    out->heap = NULL;
    return record_read(cx, rows->spill, rows->layout, out);
}

void ps_rows_unload(ps_rows *rows, size_t p)
{
    ps_row_page *page = &rows->pages.at[p];

    if (!page->rows) return;
    PS_ASSERT(page->file_bytes > 0);
    rows->bytes -= PS_MIN(rows->bytes, ps_block_size(page->rows));
    ps_free(page->rows);
    page->rows = NULL;
    page->heap = NULL; /* it lay behind the rows */
    page->rows_max = page->n_rows;
}
