/* col/rows.c -- row pages: layouts, pages, heaps, walking, copying.
 *
 * Pages double from 4 KiB to 256 KiB, so small state is small. Heap blocks do the same; a longer
 * string gets a block of its own size. Moving vectors in and out is rows_scatter.c, comparing
 * rows_match.c, temporary files rows_spill.c. Tests: tests/unit/test_rows.c */
#include "col/rows.h"

#include "col/rows_int.h"

enum {
    BLOCK_EDGES = 128,
    HEAP_BYTES_MIN = 4096 - BLOCK_EDGES,
    HEAP_BYTES_MAX = 512 * 1024 - BLOCK_EDGES
};

/* ---- layouts ---- */

static uint8_t slot_bytes(ps_layout layout) { return (uint8_t)ps_layout_bytes(layout); }

static void col_init(ps_row_col *col, ps_type type, bool key)
{
    const ps_layout layout = ps_type_layout(type);

    *col = (ps_row_col){.type = type, .layout = (uint8_t)layout, .key = key};
    if (layout == PS_LAYOUT_LIST || layout == PS_LAYOUT_STRUCT || layout == PS_LAYOUT_UNION) {
        col->layout = PS_LAYOUT_VIEW;
        col->nested = true;
    }
    col->slot_bytes = slot_bytes((ps_layout)col->layout);
}

/* Gives slots of `bytes` to the columns [from, to) that need as many. */
static uint64_t place_slots(ps_row_col *cols, uint32_t from, uint32_t to, uint8_t bytes, bool views,
                            uint64_t at)
{
    for (uint32_t c = from; c < to; c++) {
        if (cols[c].slot_bytes != bytes || (cols[c].layout == PS_LAYOUT_VIEW) != views) continue;
        cols[c].at = (uint32_t)at;
        at += bytes;
    }
    return at;
}

static uint64_t place_cols(ps_row_col *cols, uint32_t from, uint32_t to, uint64_t at,
                           uint64_t *fixed_at)
{
    at = place_slots(cols, from, to, 16, true, at);
    *fixed_at = at;
    for (uint8_t bytes = 16; bytes > 0; bytes /= 2)
        at = place_slots(cols, from, to, bytes, false, at);
    for (uint32_t c = from; c < to; c++) {
        cols[c].null_at = (uint32_t)(at + (c - from) / 8);
        cols[c].null_mask = (uint8_t)(1u << ((c - from) % 8));
    }
    return at + (to - from + 7) / 8;
}

static void list_views(const ps_row_spec *spec, const ps_row_col *cols, ps_row_layout *out,
                       uint32_t *views)
{
    uint32_t n = 0;

    for (uint32_t c = 0; c < spec->n_cols; c++) {
        if (c == spec->n_keys) out->n_key_views = n;
        if (cols[c].layout == PS_LAYOUT_VIEW) views[n++] = cols[c].at;
    }
    if (spec->n_keys == spec->n_cols) out->n_key_views = n;
    for (uint32_t v = 0; v < spec->n_state_views; v++)
        views[n++] = out->state_at + spec->state_views[v];
    out->n_views = n;
    out->views = views;
}

ps_status ps_row_layout_new(ps_ctx *cx, ps_arena *arena, const ps_row_spec *spec,
                            const ps_row_layout **out)
{
    ps_row_layout *layout = PS_ARENA_NEW(cx, arena, ps_row_layout);
    ps_row_col *cols = PS_ARENA_ARRAY(cx, arena, ps_row_col, spec->n_cols + 1);
    uint32_t *views = PS_ARENA_ARRAY(cx, arena, uint32_t, spec->n_cols + spec->n_state_views + 1);
    uint64_t at, fixed_at, ignored;

    if (!layout || !cols || !views) return PS_MEMORY;
    PS_ASSERT(spec->state_bytes % 8 == 0 && spec->n_keys <= spec->n_cols);
    for (uint32_t c = 0; c < spec->n_cols; c++)
        col_init(&cols[c], spec->types[c], c < spec->n_keys);
    at = place_cols(cols, 0, spec->n_keys, spec->hashed ? 8 : 0, &fixed_at);
    *layout = (ps_row_layout){
        .n_cols = spec->n_cols, .n_keys = spec->n_keys, .cols = cols, .hashed = spec->hashed};
    layout->fixed_at = (uint32_t)fixed_at;
    layout->fixed_bytes = (uint32_t)(at - fixed_at);
    at = (at + 7) / 8 * 8;
    at = place_cols(cols, spec->n_keys, spec->n_cols, at, &ignored);
    at = (at + 7) / 8 * 8;
    if (at == 0) at = 8; /* before the state: a layout with one begins as the one without */
    layout->state_at = (uint32_t)at;
    layout->state_bytes = spec->state_bytes;
    at += spec->state_bytes;
    if (at > PS_ROW_BYTES_MAX)
        return ps_fail(cx, PS_UNSUPPORTED,
                       "a row of state is at most %d bytes wide, this one needs %llu",
                       (int)PS_ROW_BYTES_MAX, (unsigned long long)at);
    layout->row_bytes = (uint32_t)at;
    list_views(spec, cols, layout, views);
    *out = layout;
    return PS_OK;
}

/* ---- collections ---- */

void ps_rows_init(ps_rows *rows, const ps_row_layout *layout)
{
    *rows = (ps_rows){.layout = layout};
}

static void page_free(ps_row_page *page)
{
    ps_free(page->rows); /* a page that was read back has its heap behind its rows */
    page->rows = NULL;
    page->heap = NULL;
}

void ps_rows_free_first_heaps(ps_rows *rows, size_t n)
{
    for (size_t h = 0; h < n; h++) {
        rows->bytes -= ps_block_size(rows->heaps.at[h]);
        ps_free(rows->heaps.at[h]);
    }
    if (n) memmove(rows->heaps.at, rows->heaps.at + n, (rows->heaps.n - n) * sizeof(char *));
    rows->heaps.n -= n;
    if (rows->heaps.n == 0) rows->heap_used = rows->heap_room = 0;
}

void ps_rows_free_heaps(ps_rows *rows)
{
    for (size_t h = 0; h < rows->heaps.n; h++) ps_free(rows->heaps.at[h]);
    rows->heaps.n = 0;
    rows->heap_used = rows->heap_room = 0;
}

void ps_rows_release(ps_rows *rows)
{
    const ps_row_layout *layout = rows->layout;

    for (size_t p = 0; p < rows->pages.n; p++) page_free(&rows->pages.at[p]);
    ps_rows_free_heaps(rows);
    ps_free(rows->pages.at);
    ps_free(rows->heaps.at);
    *rows = (ps_rows){.layout = layout, .page_bytes_max = rows->page_bytes_max};
}

ps_status ps_rows_take(ps_ctx *cx, ps_rows *dst, ps_rows *src)
{
    PS_ASSERT(dst->layout == src->layout || src->n_rows == 0);
    PS_ASSERT(!src->spill || !dst->spill || src->spill == dst->spill);
    if (dst->pages.n + src->pages.n > dst->pages.room)
        PS_TRY(ps_array_grow(cx, NULL, (void **)&dst->pages.at, &dst->pages.room,
                             dst->pages.n + src->pages.n, sizeof(ps_row_page)));
    if (dst->heaps.n + src->heaps.n > dst->heaps.room)
        PS_TRY(ps_array_grow(cx, NULL, (void **)&dst->heaps.at, &dst->heaps.room,
                             dst->heaps.n + src->heaps.n, sizeof(char *)));
    for (size_t p = 0; p < src->pages.n; p++) dst->pages.at[dst->pages.n++] = src->pages.at[p];
    for (size_t h = 0; h < src->heaps.n; h++) dst->heaps.at[dst->heaps.n++] = src->heaps.at[h];
    if (src->heaps.n) dst->heap_used = src->heap_used, dst->heap_room = src->heap_room;
    dst->n_rows += src->n_rows;
    dst->bytes += src->bytes;
    if (src->spill) dst->spill = src->spill;
    src->pages.n = src->heaps.n = 0;
    src->n_rows = 0;
    ps_rows_release(src);
    return PS_OK;
}

static ps_status page_add(ps_ctx *cx, ps_rows *rows)
{
    const uint32_t row_bytes = rows->layout->row_bytes;
    const uint32_t max = rows->page_bytes_max ? rows->page_bytes_max : PS_ROW_PAGE_BYTES_MAX;
    const size_t shift = PS_MIN(rows->pages.n, 6);
    /* Less than a power of two by what the block's own head and tail take: the next size class
     * would be a quarter larger. */
    size_t bytes = PS_MIN((size_t)PS_ROW_PAGE_BYTES_MIN << shift, max);
    if (bytes > 4 * BLOCK_EDGES) bytes -= BLOCK_EDGES;
    ps_row_page page = {.rows_max = (uint32_t)PS_MAX(bytes / row_bytes, 1)};

    bytes = (size_t)page.rows_max * row_bytes;
    page.rows = ps_alloc(cx, bytes);
    if (!page.rows) return PS_MEMORY;
    const ps_status st = PS_ARRAY_ADD(cx, &rows->pages, page);
    if (st != PS_OK) {
        ps_free(page.rows);
        return st;
    }
    rows->bytes += ps_block_size(page.rows);
    return PS_OK;
}

ps_status ps_rows_alloc(ps_ctx *cx, ps_rows *rows, uint32_t n, uint8_t **out)
{
    const uint32_t row_bytes = rows->layout->row_bytes;

    for (uint32_t done = 0; done < n;) {
        ps_row_page *page = rows->pages.n ? &rows->pages.at[rows->pages.n - 1] : NULL;
        if (!page || !page->rows || page->heap || page->n_rows == page->rows_max) {
            const ps_status st = page_add(cx, rows);
            if (st != PS_OK) {
                ps_rows_unalloc(rows, done);
                return st;
            }
            page = &rows->pages.at[rows->pages.n - 1];
        }
        const uint32_t m = PS_MIN(n - done, page->rows_max - page->n_rows);
        uint8_t *first = page->rows + (size_t)page->n_rows * row_bytes;
        memset(first, 0, (size_t)m * row_bytes);
        for (uint32_t k = 0; k < m; k++) out[done + k] = first + (size_t)k * row_bytes;
        page->n_rows += m;
        rows->n_rows += m;
        done += m;
    }
    return PS_OK;
}

void ps_rows_unalloc(ps_rows *rows, uint32_t n)
{
    for (size_t p = rows->pages.n; n > 0; p--) {
        PS_ASSERT(p > 0);
        ps_row_page *page = &rows->pages.at[p - 1];
        const uint32_t m = PS_MIN(n, page->n_rows);
        page->n_rows -= m;
        rows->n_rows -= m;
        n -= m;
        if (page->n_rows == 0 && p == rows->pages.n) {
            rows->bytes -= ps_block_size(page->rows);
            page_free(page);
            rows->pages.n--;
        }
    }
}

char *ps_rows_heap(ps_ctx *cx, ps_rows *rows, size_t bytes)
{
    if (PS_UNLIKELY(bytes > rows->heap_room - rows->heap_used)) {
        const size_t shift = PS_MIN(rows->heaps.n, 7);
        const size_t room =
            PS_MAX(PS_MIN(((size_t)HEAP_BYTES_MIN << shift), (size_t)HEAP_BYTES_MAX), bytes);
        char *block = ps_alloc(cx, room);
        if (!block) return NULL;
        if (PS_ARRAY_ADD(cx, &rows->heaps, block) != PS_OK) {
            ps_free(block);
            return NULL;
        }
        rows->bytes += ps_block_size(block);
        rows->heap_room = (uint32_t)PS_MIN(room, UINT32_MAX);
        rows->heap_used = 0;
    }
    char *at = rows->heaps.at[rows->heaps.n - 1] + rows->heap_used;
    rows->heap_used += (uint32_t)PS_MIN(bytes, UINT32_MAX);
    return at;
}

/* Gives the strings of one row, which still points to other memory, a place in this collection. */
static ps_status adopt_views(ps_ctx *cx, ps_rows *rows, uint8_t *row)
{
    const ps_row_layout *layout = rows->layout;

    for (uint32_t v = 0; v < layout->n_views; v++) {
        ps_view *view = (ps_view *)(void *)(row + layout->views[v]);
        if (view->n <= 12) continue;
        char *at = ps_rows_heap(cx, rows, view->n);
        if (!at) return PS_MEMORY;
        memcpy(at, view->at, view->n);
        view->at = at;
    }
    return PS_OK;
}

ps_status ps_rows_append_rows(ps_ctx *cx, ps_rows *rows, uint8_t *const *src, uint32_t n,
                              uint8_t **out)
{
    uint8_t *chunk[256];

    PS_ASSERT(!out || src + n <= (uint8_t *const *)out || (uint8_t *const *)out + n <= src);
    for (uint32_t base = 0; base < n; base += PS_COUNT(chunk)) {
        const uint32_t m = PS_MIN(n - base, (uint32_t)PS_COUNT(chunk));
        uint8_t **dst = out ? out + base : chunk;
        PS_TRY(ps_rows_alloc(cx, rows, m, dst));
        for (uint32_t k = 0; k < m; k++) {
            if (k + 8 < m) PS_PREFETCH(src[base + k + 8]);
            memcpy(dst[k], src[base + k], rows->layout->row_bytes);
        }
        if (rows->layout->n_views == 0) continue;
        for (uint32_t k = 0; k < m; k++) {
            const ps_status st = adopt_views(cx, rows, dst[k]);
            if (st == PS_OK) continue;
            ps_rows_unalloc(rows, m); /* no row with a borrowed string may stay */
            return st;
        }
    }
    return PS_OK;
}

uint32_t ps_rows_next(const ps_rows *rows, ps_row_cursor *at, uint32_t n_max, uint8_t **out)
{
    const uint32_t row_bytes = rows->layout->row_bytes;
    uint32_t n = 0;

    while (n < n_max && at->page < rows->pages.n) {
        const ps_row_page *page = &rows->pages.at[at->page];
        PS_ASSERT(page->rows || page->n_rows == 0);
        const uint32_t m = PS_MIN(n_max - n, page->n_rows - at->row);
        uint8_t *first = page->rows + (size_t)at->row * row_bytes;
        for (uint32_t k = 0; k < m; k++) out[n + k] = first + (size_t)k * row_bytes;
        n += m;
        at->row += m;
        if (at->row == page->n_rows) at->page++, at->row = 0;
    }
    return n;
}

/* Copies of one page's rows behind what `moved` has; a page in the file is only listed. */
static ps_status move_page(ps_ctx *cx, ps_rows *moved, const ps_row_page *page)
{
    const uint32_t row_bytes = moved->layout->row_bytes;
    uint8_t *src[256];

    if (!page->rows) {
        PS_TRY(PS_ARRAY_ADD(cx, &moved->pages, *page));
        moved->n_rows += page->n_rows;
        return PS_OK;
    }
    for (uint32_t base = 0; base < page->n_rows; base += PS_COUNT(src)) {
        const uint32_t n = PS_MIN(page->n_rows - base, (uint32_t)PS_COUNT(src));
        for (uint32_t k = 0; k < n; k++) src[k] = page->rows + (size_t)(base + k) * row_bytes;
        PS_TRY(ps_rows_append_rows(cx, moved, src, n, NULL));
        PS_TRY(ps_poll(cx));
    }
    return PS_OK;
}

ps_status ps_rows_relocate(ps_ctx *cx, ps_rows *rows)
{
    ps_rows moved = {
        .layout = rows->layout, .page_bytes_max = rows->page_bytes_max, .spill = rows->spill};

    for (size_t p = 0; p < rows->pages.n; p++) {
        const ps_status st = move_page(cx, &moved, &rows->pages.at[p]);
        if (st == PS_OK) continue;
        ps_rows_release(&moved);
        return st;
    }
    ps_rows_release(rows);
    *rows = moved;
    return PS_OK;
}
