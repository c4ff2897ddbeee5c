/* format/parquet/reader.c -- one worker's reading of morsels: filter columns first, the rest only
 * where rows survive.
 *
 * A batch's columns are decoded when they are asked for: those of a filter before it runs, the
 * others at the end. When a filter leaves no row, columns that were not decoded skip the batch's
 * rows; pages that are skipped whole are never decompressed. */
#include "format/parquet/scan.h"

typedef struct reader {
    ps_reader base;
    ps_scan_filter *filter;
    ps_pq_column *columns; /* by column of the request */
    bool *decoded;         /* of the current batch */
    uint32_t *sel;         /* of dynamic filters */
    uint32_t n_columns, file;
    ps_file *open; /* the file that the columns' nodes are of */
    ps_pq_codecs codecs;
    ps_arena arena; /* of columns: made anew for each file */
    ps_arena morsel_arena;
    ps_pq_group *group; /* NULL: no morsel */
    uint64_t morsel, n_given;
    int64_t start, row; /* of the row group: the morsel's first, the next */
    ps_pq_spans spans;
    size_t span;
} reader;

static ps_pq_scan *scan_of(const reader *r)
{
    return (ps_pq_scan *)(void *)(uintptr_t)r->base.scan;
}

ps_status ps_pq_reader_open(ps_ctx *cx, ps_arena *arena, const ps_scan *scan,
                            ps_scan_filter *filter, ps_reader **out)
{
    const ps_scan_request *const request = &((const ps_pq_scan *)(const void *)scan)->request;
    reader *const r = PS_ARENA_NEW(cx, arena, reader);

    *out = NULL;
    if (!r) return PS_MEMORY;
    r->base.scan = scan;
    r->filter = filter;
    r->n_columns = request->n_columns;
    r->decoded = PS_ARENA_ARRAY(cx, arena, bool, PS_MAX(request->n_columns, 1));
    r->sel = PS_ARENA_ARRAY(cx, arena, uint32_t, PS_BATCH_ROWS_MAX);
    if (!r->decoded || !r->sel) return PS_MEMORY;
    *out = &r->base;
    return PS_OK;
}

static void file_close(reader *r)
{
    for (uint32_t i = 0; r->columns && i < r->n_columns; i++) ps_pq_column_release(&r->columns[i]);
    r->columns = NULL;
    ps_arena_release(&r->arena);
    ps_file_free(r->open);
    r->open = NULL;
}

static void group_leave(reader *r)
{
    if (r->group) ps_pq_group_leave(scan_of(r), r->group);
    r->group = NULL;
}

void ps_pq_reader_close(ps_reader *base)
{
    reader *const r = (reader *)(void *)base;

    if (!r) return;
    file_close(r);
    group_leave(r);
    ps_pq_codecs_release(&r->codecs);
    ps_arena_release(&r->morsel_arena);
}

static ps_status file_enter(ps_ctx *cx, reader *r, uint32_t number, const ps_pq_file *f)
{
    const ps_scan_request *const request = &scan_of(r)->request;

    if (r->open && r->file == number) return PS_OK;
    file_close(r);
    PS_TRY(ps_file_open(cx, f->path, &r->open));
    r->file = number;
    if (r->open->id.inode != f->id.inode || r->open->id.device != f->id.device ||
        r->open->id.size != f->id.size || r->open->id.mtime_ns != f->id.mtime_ns)
        return ps_fail(cx, PS_DATA, "the file was changed while it was in use: %.*s",
                       PS_STR_ARGS(f->path));
    r->columns = PS_ARENA_ARRAY(cx, &r->arena, ps_pq_column, PS_MAX(r->n_columns, 1));
    if (!r->columns) return PS_MEMORY;
    for (uint32_t i = 0; i < r->n_columns; i++)
        PS_TRY(ps_pq_column_init(cx, &r->arena, ps_pq_column_node(f, request->columns[i]),
                                 &r->codecs, PS_MAX(cx->batch_rows, 64), &r->columns[i]));
    return PS_OK;
}

static ps_status column_start(ps_ctx *cx, reader *r, const ps_pq_column *col,
                              const ps_pq_row_group *g, ps_pq_shared *shared, int64_t row,
                              int64_t row_end)
{
    for (uint32_t k = 0; k < col->node->n_leaves; k++) {
        ps_pq_cursor *const c = &col->cursors[k];
        const ps_pq_chunk *const chunk = &g->chunks[col->node->leaf + k];
        ps_status st = PS_OK;
        if (shared && !chunk->encrypted && chunk->has_meta)
            st = ps_pq_shared_prepare(cx, scan_of(r), r->open, c->leaf, chunk, g->n_rows,
                                      &shared[k]);
        if (st == PS_OK)
            st = ps_pq_cursor_start(cx, c, r->open, chunk, shared ? &shared[k] : NULL, g->n_rows,
                                    row, row_end);
        if (st != PS_OK)
            return ps_while(cx, st, "reading column %.*s", PS_STR_ARGS(col->node->field.name));
    }
    return PS_OK;
}

static ps_status where(ps_ctx *cx, const reader *r, ps_status st)
{
    const ps_pq_source *const s = ps_pq_source_of(r->base.scan->source);

    if (st == PS_OK || st == PS_CANCELLED || st == PS_TIMEOUT || !r->group) return st;
    return ps_while(cx, st, "reading row group %u of %.*s", r->group->row_group,
                    PS_STR_ARGS(s->files[r->group->file].path));
}

static void count_unread(ps_pq_scan *scan, int64_t n_rows)
{
    /* relaxed: a figure for display */
    atomic_fetch_add_explicit(&scan->base.facts.n_rows_unread, (uint64_t)n_rows,
                              memory_order_relaxed);
}

static ps_status morsel_begin(ps_ctx *cx, reader *r, const ps_pq_morsel *m)
{
    ps_pq_scan *const scan = scan_of(r);
    const ps_pq_file *const f = &ps_pq_source_of(scan->base.source)->files[r->group->file];
    const ps_pq_row_group *const g = &f->meta.row_groups[r->group->row_group];
    uint32_t leaf = 0;

    r->spans = (ps_pq_spans){0};
    r->span = 0;
    ps_arena_reset(&r->morsel_arena);
    if (ps_pq_group_excluded(f, g, &scan->request, true)) {
        count_unread(scan, m->row_end - m->row);
        return PS_OK;
    }
    PS_TRY(file_enter(cx, r, r->group->file, f));
    PS_TRY(ps_pq_page_spans(cx, &r->morsel_arena, r->open, f, g, &scan->request, m->row, m->row_end,
                            &r->spans));
    int64_t n_unread = m->row_end - m->row;
    for (size_t i = 0; i < r->spans.n; i++) n_unread -= r->spans.at[i].row_end - r->spans.at[i].row;
    count_unread(scan, n_unread);
    for (uint32_t i = 0; i < r->n_columns && r->spans.n; i++) {
        ps_pq_shared *const shared = r->group->leaves ? r->group->leaves + leaf : NULL;
        PS_TRY(column_start(cx, r, &r->columns[i], g, shared, m->row, m->row_end));
        leaf += r->columns[i].node->n_leaves;
    }
    return PS_OK;
}

ps_status ps_pq_reader_start(ps_ctx *cx, ps_reader *base, uint64_t morsel)
{
    reader *const r = (reader *)(void *)base;
    ps_pq_scan *const scan = scan_of(r);

    if (morsel >= scan->base.n_morsels) return PS_BUG(cx, "a morsel past the end of a scan");
    group_leave(r);
    r->group = &scan->groups[scan->morsels[morsel].group];
    r->morsel = morsel;
    r->start = r->row = scan->morsels[morsel].row;
    r->n_given = 0;
    return where(cx, r, morsel_begin(cx, r, &scan->morsels[morsel]));
}

static ps_status column_load(ps_ctx *cx, reader *r, uint32_t i, ps_batch *out)
{
    if (r->decoded[i]) return PS_OK;
    PS_TRY(ps_pq_column_read(cx, &r->columns[i], out->n, &out->cols[i]));
    r->decoded[i] = true;
    return PS_OK;
}

static void rows_skip(reader *r, uint64_t n)
{
    for (uint32_t i = 0; i < r->n_columns; i++) {
        if (r->decoded[i]) continue;
        for (uint32_t k = 0; k < r->columns[i].node->n_leaves; k++)
            ps_pq_cursor_skip(&r->columns[i].cursors[k], n);
    }
}

static ps_status filters_run(ps_ctx *cx, reader *r, ps_batch *out)
{
    const ps_scan_request *const request = &scan_of(r)->request;

    for (uint32_t f = 0; f < request->n_filters && out->n_live; f++) {
        for (uint32_t k = 0; k < request->n_filter_columns[f]; k++)
            PS_TRY(column_load(cx, r, request->filter_columns[f][k], out));
        PS_TRY(r->filter->run(cx, r->filter, f, out));
    }
    for (uint32_t i = 0; i < request->n_dynamic && out->n_live; i++) {
        const ps_dynamic_filter *const d = request->dynamic[i];
        if (!d->ready || !d->probe) continue;
        PS_TRY(column_load(cx, r, d->column, out));
        PS_TRY(d->probe(cx, d->state, &out->cols[d->column], out->sel, out->n_live, r->sel,
                        &out->n_live));
        out->sel = r->sel;
    }
    return PS_OK;
}

static ps_status batch_read(ps_ctx *cx, reader *r, ps_batch *out)
{
    PS_TRY(filters_run(cx, r, out));
    if (out->n_live == 0) {
        rows_skip(r, out->n);
        return PS_OK;
    }
    for (uint32_t i = 0; i < r->n_columns; i++) PS_TRY(column_load(cx, r, i, out));
    return PS_OK;
}

ps_status ps_pq_reader_next(ps_ctx *cx, ps_reader *base, ps_batch *out, bool *done)
{
    reader *const r = (reader *)(void *)base;
    const uint64_t limit = scan_of(r)->request.limit;

    *done = false;
    PS_ASSERT(out->cols_max >= r->n_columns);
    while (r->span < r->spans.n && (limit == 0 || r->n_given < limit)) {
        const ps_pq_span s = r->spans.at[r->span];
        PS_TRY(ps_poll(cx));
        memset(r->decoded, 0, r->n_columns * sizeof *r->decoded);
        if (s.row > r->row) rows_skip(r, (uint64_t)(s.row - r->row)), r->row = s.row;
        out->n_cols = r->n_columns;
        out->n = out->n_live = (uint32_t)PS_MIN(s.row_end - s.row, (int64_t)cx->batch_rows);
        out->sel = NULL;
        out->morsel = r->morsel;
        out->first_row = (uint64_t)(r->row - r->start);
        for (uint32_t i = 0; i < r->n_columns; i++) out->cols[i] = (ps_vec){.n = out->n};
        PS_TRY(where(cx, r, batch_read(cx, r, out)));
        r->row += out->n;
        r->spans.at[r->span].row = r->row;
        if (r->row == s.row_end) r->span++;
        r->n_given += out->n_live;
        if (out->n_live) return PS_OK;
    }
    out->n = out->n_live = 0;
    out->n_cols = r->n_columns;
    *done = true;
    group_leave(r);
    return PS_OK;
}
