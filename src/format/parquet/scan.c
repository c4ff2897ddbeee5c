/* format/parquet/scan.c -- row groups to morsels.
 *
 * Row groups that the static ranges exclude are left out, as is what comes after the rows of a
 * limit. A row group of more than one and a half morsels is cut near every PS_PQ_MORSEL_ROWS rows,
 * at page borders of its largest column where the file has an offset index, so that few pages are
 * decompressed twice. A nested column can be cut only with an offset index. */
#include "format/parquet/scan.h"

enum { PAGE_BYTES_USUAL = 1 << 20 }; /* most writers' limit; DuckDB's pages are whole chunks */

typedef struct planner {
    ps_ctx *cx;
    ps_arena *arena;
    const ps_pq_source *source;
    ps_pq_scan *scan;
    PS_ARRAY(ps_pq_group) groups;
    PS_ARRAY(ps_pq_morsel) morsels;
    uint64_t n_rows; /* of the morsels */
    struct widest *widest;
} planner;

/* Whether all requested leaves can start at any row, and the one with most bytes. */
static bool group_can_split(const planner *p, const ps_pq_file *f, const ps_pq_row_group *g,
                            const ps_pq_chunk **largest)
{
    const ps_scan_request *const r = &p->scan->request;

    *largest = NULL;
    for (uint32_t i = 0; i < r->n_columns; i++) {
        const ps_pq_node *const node = ps_pq_column_node(f, r->columns[i]);
        for (uint32_t k = 0; k < node->n_leaves; k++) {
            const ps_pq_chunk *const c = &g->chunks[node->leaf + k];
            if (f->schema.leaves[node->leaf + k]->levels.rep > 0 && c->offset_index_at <= 0)
                return false;
            if (c->offset_index_at > 0 && (!*largest || c->bytes > (*largest)->bytes)) *largest = c;
        }
    }
    return true;
}

/* Whether the morsels have all rows that are wanted, none of which a filter takes away. */
static bool is_enough(const planner *p)
{
    const ps_scan_request *const r = &p->scan->request;

    return r->limit && p->n_rows >= r->limit && r->n_filters == 0 && r->n_dynamic == 0;
}

static ps_status morsel_add(planner *p, int64_t row, int64_t row_end)
{
    const ps_pq_morsel m = {(uint32_t)p->groups.n - 1, row, row_end};

    if (is_enough(p)) return PS_OK;
    p->n_rows += (uint64_t)(row_end - row);
    return PS_ARRAY_ADD_IN(p->cx, p->arena, &p->morsels, m);
}

/* Borders are first rows of pages, if pages are known, at least a morsel from the last border. */
static ps_status morsels_cut(planner *p, int64_t n_rows, const ps_pq_page_at *pages,
                             uint32_t n_pages)
{
    int64_t row = 0;

    for (uint32_t i = 0; i < n_pages; i++) {
        const int64_t border = pages[i].first_row;
        if (border - row < PS_PQ_MORSEL_ROWS * 7 / 8 || n_rows - border < PS_PQ_MORSEL_ROWS / 2)
            continue;
        PS_TRY(morsel_add(p, row, border));
        row = border;
    }
    while (n_rows - row > PS_PQ_MORSEL_ROWS * 3 / 2) {
        PS_TRY(ps_poll(p->cx));
        PS_TRY(morsel_add(p, row, row + PS_PQ_MORSEL_ROWS));
        row += PS_PQ_MORSEL_ROWS;
    }
    return morsel_add(p, row, n_rows);
}

static ps_status group_split(planner *p, const ps_pq_file *f, const ps_pq_row_group *g,
                             const ps_pq_chunk *largest)
{
    ps_pq_group *const group = &p->groups.at[p->groups.n - 1];
    const size_t first = p->morsels.n;
    ps_pq_page_at *pages = NULL;
    uint32_t n_pages = 0;
    ps_file *file = NULL;
    ps_status st = PS_OK;

    if (g->n_rows > (int64_t)PS_PQ_MORSEL_ROWS << 24)
        return ps_fail(p->cx, PS_DATA, "a row group of %lld rows", (long long)g->n_rows);
    if (largest) {
        PS_TRY(ps_file_open(p->cx, f->path, &file));
        st = ps_pq_offset_index_read(p->cx, p->arena, file, largest, g->n_rows, &pages, &n_pages);
        ps_file_free(file);
    }
    if (st == PS_OK) st = morsels_cut(p, g->n_rows, pages, n_pages);
    if (st != PS_OK) return ps_while(p->cx, st, "planning to read %.*s", PS_STR_ARGS(f->path));
    atomic_init(&group->left, (uint32_t)(p->morsels.n - first));
    group->leaves = PS_ARENA_ARRAY(p->cx, p->arena, ps_pq_shared, PS_MAX(p->scan->n_leaves, 1));
    if (!group->leaves) return PS_MEMORY;
    for (uint32_t i = 0; i < p->scan->n_leaves; i++) ps_mutex_init(&group->leaves[i].mutex);
    return PS_OK;
}

/* What a reader of this row group holds: of each chunk a window of the file and an open page.
 * Pages are taken for usual ones, or (file given) to be like the first of their chunk. */
static uint64_t group_bytes(ps_ctx *cx, const ps_scan_request *request, const ps_pq_file *f,
                            const ps_pq_row_group *g, const ps_file *file, uint64_t *chunk_bytes)
{
    const uint64_t ahead = ps_pq_read_ahead(cx);
    uint64_t sum = 0;

    *chunk_bytes = 0;
    for (uint32_t i = 0; i < request->n_columns; i++) {
        const ps_pq_node *const node = ps_pq_column_node(f, request->columns[i]);
        for (uint32_t k = 0; k < node->n_leaves; k++) {
            const ps_pq_chunk *const chunk = &g->chunks[node->leaf + k];
            const uint64_t bytes = (uint64_t)PS_MAX(chunk->bytes, 0);
            const uint64_t plain = (uint64_t)PS_MAX(chunk->plain_bytes, 0);
            uint64_t window = ahead, page = PAGE_BYTES_USUAL;
            ps_pq_page_header h;
            bool found = false;

            if (file && plain > PAGE_BYTES_USUAL) {
                /* only an estimate: who reads the page will say what is wrong with it */
                if (ps_pq_first_page(cx, file, chunk, &h, &found) != PS_OK) ps_ctx_clear(cx);
                if (found &&
                    ps_pq_page_in_pieces(f->schema.leaves[node->leaf + k], chunk->codec, &h)) {
                    window = 2 * ahead; /* as with pieces: the last one stays until the next read */
                    page = ps_pq_pieces_bytes();
                } else if (found) {
                    window = PS_MAX(ahead, (uint64_t)PS_MAX(h.bytes, 0));
                    page = (uint64_t)PS_MAX(h.plain_bytes, 0);
                }
            }
            sum += PS_MIN(bytes, window) + PS_MIN(plain, page);
            *chunk_bytes += bytes + plain;
        }
    }
    return sum;
}

/* What a reader holds at most, and the row group with the largest chunks. */
typedef struct widest {
    const ps_pq_file *file; /* NULL: none yet */
    const ps_pq_row_group *group;
    uint64_t chunk_bytes, reader_bytes;
} widest;

static void widest_add(ps_ctx *cx, widest *w, const ps_scan_request *request, const ps_pq_file *f,
                       const ps_pq_row_group *g)
{
    uint64_t chunk_bytes;

    w->reader_bytes = PS_MAX(w->reader_bytes, group_bytes(cx, request, f, g, NULL, &chunk_bytes));
    if (w->file && chunk_bytes <= w->chunk_bytes) return;
    w->file = f;
    w->group = g;
    w->chunk_bytes = chunk_bytes;
}

/* Some writers make a page of a whole chunk, 12 MB of it. Where a few readers of such pages would
 * not fit into the memory that is left, one row group's pages are looked at. */
static uint64_t widest_bytes(ps_ctx *cx, const widest *w, const ps_scan_request *request)
{
    ps_file *file = NULL;
    uint64_t bytes = 0, chunk_bytes;

    if (!w->file || w->chunk_bytes <= ps_mem_left(cx->mem) / 64) return w->reader_bytes;
    if (ps_file_open(cx, w->file->path, &file) == PS_OK)
        bytes = group_bytes(cx, request, w->file, w->group, file, &chunk_bytes);
    else ps_ctx_clear(cx); /* who reads it will say so */
    ps_file_free(file);
    return PS_MAX(bytes, w->reader_bytes);
}

uint64_t ps_pq_reader_bytes(ps_ctx *cx, const ps_source *source, const ps_scan_request *request)
{
    const ps_pq_source *s = (const ps_pq_source *)(const void *)source;
    widest w = {0};

    for (uint32_t i = 0; i < s->n_files; i++) {
        const ps_pq_file *const f = &s->files[i];

        for (uint32_t g = 0; g < f->meta.n_row_groups; g++)
            widest_add(cx, &w, request, f, &f->meta.row_groups[g]);
    }
    return widest_bytes(cx, &w, request);
}

static ps_status group_add(planner *p, uint32_t file, uint32_t row_group)
{
    const ps_pq_file *const f = &p->source->files[file];
    const ps_pq_row_group *const g = &f->meta.row_groups[row_group];
    const ps_pq_chunk *largest;
    const ps_pq_group group = {.file = file, .row_group = row_group};

    p->scan->base.facts.n_parts++;
    if (g->n_rows == 0) return PS_OK;
    if (is_enough(p) || ps_pq_group_excluded(f, g, &p->scan->request, false)) {
        p->scan->base.facts.n_left_out++;
        p->scan->base.facts.n_rows_unread += (uint64_t)g->n_rows;
        return PS_OK;
    }
    PS_TRY(PS_ARRAY_ADD_IN(p->cx, p->arena, &p->groups, group));
    widest_add(p->cx, p->widest, &p->scan->request, f, g);
    if (g->n_rows > PS_PQ_MORSEL_ROWS * 3 / 2 && group_can_split(p, f, g, &largest))
        return group_split(p, f, g, largest);
    return morsel_add(p, 0, g->n_rows);
}

ps_status ps_pq_scan_open(ps_ctx *cx, ps_arena *arena, const ps_source *source,
                          const ps_scan_request *request, ps_scan **out)
{
    ps_pq_scan *const scan = PS_ARENA_NEW(cx, arena, ps_pq_scan);
    widest w = {0};
    planner p = {
        .cx = cx, .arena = arena, .source = ps_pq_source_of(source), .scan = scan, .widest = &w};
    ps_status st = PS_OK;

    *out = NULL;
    if (!scan) return PS_MEMORY;
    scan->base.source = source;
    scan->base.facts.part = "row groups";
    scan->request = *request;
    for (uint32_t i = 0; i < request->n_columns; i++) {
        PS_ASSERT(request->columns[i] < source->schema->n);
        scan->n_leaves += ps_pq_column_node(&p.source->files[0], request->columns[i])->n_leaves;
    }
    ps_mutex_init(&scan->mutex);
    for (uint32_t f = 0; f < p.source->n_files && st == PS_OK; f++)
        for (uint32_t g = 0; g < p.source->files[f].meta.n_row_groups && st == PS_OK; g++)
            st = group_add(&p, f, g);
    if (st == PS_OK) scan->base.reader_bytes = widest_bytes(cx, &w, request);
    scan->groups = p.groups.at, scan->n_groups = (uint32_t)p.groups.n;
    scan->morsels = p.morsels.at, scan->base.n_morsels = p.morsels.n;
    if (st == PS_OK) *out = &scan->base;
    else ps_pq_scan_close(&scan->base);
    return st;
}

static void group_close(const ps_pq_scan *scan, ps_pq_group *g)
{
    for (uint32_t i = 0; g->leaves && i < scan->n_leaves; i++) {
        if (g->leaves[i].dict) ps_owner_unref(&g->leaves[i].dict->owner);
        g->leaves[i].dict = NULL;
    }
}

void ps_pq_scan_close(ps_scan *base)
{
    ps_pq_scan *const scan = (ps_pq_scan *)(void *)base;

    if (!scan) return;
    for (uint32_t i = 0; i < scan->n_groups; i++) {
        group_close(scan, &scan->groups[i]);
        for (uint32_t k = 0; scan->groups[i].leaves && k < scan->n_leaves; k++)
            ps_mutex_destroy(&scan->groups[i].leaves[k].mutex);
    }
    ps_mutex_destroy(&scan->mutex);
    ps_arena_release(&scan->pages);
}

ps_status ps_pq_shared_prepare(ps_ctx *cx, ps_pq_scan *scan, const ps_file *file,
                               const ps_pq_node *leaf, const ps_pq_chunk *chunk, int64_t n_rows,
                               ps_pq_shared *shared)
{
    ps_pq_page_at *pages = NULL;
    uint32_t n = 0;
    ps_status st = PS_OK;

    ps_mutex_lock(&shared->mutex);
    if (!shared->tried) {
        ps_mutex_lock(&scan->mutex);
        if (chunk->offset_index_at > 0)
            st = ps_pq_offset_index_read(cx, &scan->pages, file, chunk, n_rows, &pages, &n);
        else
            st = ps_pq_pages_scan(cx, &scan->pages, file, chunk, leaf->levels.rep == 0, n_rows,
                                  &pages, &n);
        ps_mutex_unlock(&scan->mutex);
        if (st == PS_OK && n > 0) shared->pages = pages, shared->n_pages = n;
        shared->tried = st == PS_OK;
    }
    ps_mutex_unlock(&shared->mutex);
    return st;
}

void ps_pq_group_leave(ps_pq_scan *scan, ps_pq_group *group)
{
    /* acq_rel: the last one must see every dictionary that the others stored */
    if (group->leaves && atomic_fetch_sub_explicit(&group->left, 1, memory_order_acq_rel) == 1)
        group_close(scan, group);
}
