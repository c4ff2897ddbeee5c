/* plan/source_table.c -- a table's snapshot as a source; a morsel is MORSEL_ROWS of a segment, so
 * that threads end together also where there are few segments.
 *
 * Filters run in stages: the columns of the first are read, rows dropped, then those of the next,
 * and the remaining columns only for batches with a row left. Segments are skipped by their
 * statistics, which are exact facts about decoded data. What is in a temporary file comes back a
 * part of a column at a time, when a batch needs it. Tests: tests/unit/test_plan_source.c,
 * tests/py/test_tables.py */
#include "eval/program.h"
#include "plan/source.h"

/* A multiple of what comes back from a file at a time. */
enum { MORSEL_ROWS = 2 * PS_SEGMENT_PART_ROWS };

typedef struct table_source {
    ps_source base;
    ps_table *table;
    char name[];
} table_source;
typedef struct table_morsel {
    uint32_t segment, first_row;
} table_morsel;
typedef struct table_scan {
    ps_scan base;
    ps_scan_request request;
    table_morsel *morsels;
} table_scan;
typedef struct table_reader {
    ps_reader base;
    ps_scan_filter *filter;
    ps_vec_buf *bufs; /* by column of the request */
    uint32_t n_bufs;
    bool *loaded;
    ps_col_hold *holds; /* by column of the request: of the segment that is read */
    uint32_t n_refused; /* in a row */
    bool ran;           /* a filter, over the rows that come next */
    bool loading;       /* set while rows come back: what fails then may be tried again */
    uint32_t *sel;      /* dynamic filters */
    const ps_segment *segment;
    uint64_t morsel;
    uint32_t begin, at, end; /* rows of the segment */
} table_reader;

static const table_source *table_of(const ps_source *s)
{
    return (const table_source *)(const void *)s;
}
static const ps_scan_request *request_of(const ps_reader *r)
{
    return &((const table_scan *)(const void *)r->scan)->request;
}

static void table_destroy(ps_source *source)
{
    ps_table_unref(((table_source *)(void *)source)->table);
    ps_free(source);
}

static ps_status table_stats(ps_ctx *cx, const ps_source *source, ps_source_stats *out)
{
    (void)cx;
    *out =
        (ps_source_stats){.n_rows = (double)table_of(source)->table->n_rows, .n_rows_exact = true};
    return PS_OK;
}

static ps_status table_column(ps_ctx *cx, const ps_source *source, uint32_t column,
                              ps_source_col *out)
{
    (void)cx;
    *out = (ps_source_col){
        .stats = table_of(source)->table->stats[column], .nulls_exact = true, .range_exact = true};
    return PS_OK;
}

/* What one reader holds where all of the table is in a file: more is never needed. */
static uint64_t table_reader_bytes(ps_ctx *cx, const ps_source *source,
                                   const ps_scan_request *request)
{
    const ps_table *table = table_of(source)->table;
    uint64_t most = 0;

    (void)cx;
    for (uint32_t i = 0; i < table->n_segments; i++) {
        const uint64_t bytes =
            ps_segment_part_bytes(table->segments[i], request->columns, request->n_columns);
        most = PS_MAX(most, bytes);
    }
    return most;
}

static ps_status plan_morsels(ps_ctx *cx, ps_arena *arena, const ps_table *table,
                              const ps_scan_request *request, table_scan *scan)
{
    const bool filtered = request->n_filters || request->n_dynamic;
    const uint64_t n_wanted = request->limit && !filtered ? request->limit : UINT64_MAX;
    uint64_t n = 0, n_rows = 0;

    for (uint32_t s = 0; s < table->n_segments; s++)
        n += (table->segments[s]->n_rows + MORSEL_ROWS - 1) / MORSEL_ROWS;
    scan->morsels = PS_ARENA_ARRAY(cx, arena, table_morsel, n + 1);
    if (!scan->morsels) return PS_MEMORY;
    n = 0;
    for (uint32_t s = 0; s < table->n_segments; s++) {
        const uint32_t end = table->segments[s]->n_rows;
        for (uint32_t row = 0; row < end && n_rows < n_wanted; row += MORSEL_ROWS) {
            scan->morsels[n++] = (table_morsel){.segment = s, .first_row = row};
            n_rows += PS_MIN(end - row, (uint32_t)MORSEL_ROWS);
        }
    }
    scan->base.n_morsels = n;
    return PS_OK;
}

static ps_status table_scan_open(ps_ctx *cx, ps_arena *arena, const ps_source *source,
                                 const ps_scan_request *request, ps_scan **out)
{
    table_scan *scan = PS_ARENA_NEW(cx, arena, table_scan);

    if (!scan) return cx->error.code;
    scan->base.source = source;
    PS_TRY(plan_morsels(cx, arena, table_of(source)->table, request, scan));
    scan->base.reader_bytes = table_reader_bytes(cx, source, request);
    scan->base.facts.part = "segments";
    scan->base.facts.n_parts = table_of(source)->table->n_segments;
    scan->request = *request;
    *out = &scan->base;
    return PS_OK;
}

static void table_scan_close(ps_scan *scan) { (void)scan; }

/* Rows that nothing of the reader's points into any more. */
static void let_go(table_reader *reader)
{
    for (uint32_t i = 0; i < reader->n_bufs; i++) ps_col_hold_release(&reader->holds[i]);
}

static void table_reader_close(ps_reader *base)
{
    table_reader *reader = (table_reader *)(void *)base;

    let_go(reader);
    for (uint32_t i = 0; i < reader->n_bufs; i++) ps_vec_buf_release(&reader->bufs[i]);
}

static ps_status table_reader_open(ps_ctx *cx, ps_arena *arena, const ps_scan *scan,
                                   ps_scan_filter *filter, ps_reader **out)
{
    table_reader *reader = PS_ARENA_NEW(cx, arena, table_reader);
    const ps_scan_request *request = &((const table_scan *)(const void *)scan)->request;

    if (!reader) return cx->error.code;
    reader->base.scan = scan;
    reader->filter = filter;
    reader->bufs = PS_ARENA_ARRAY(cx, arena, ps_vec_buf, request->n_columns + 1);
    reader->loaded = PS_ARENA_ARRAY(cx, arena, bool, request->n_columns + 1);
    reader->holds = PS_ARENA_ARRAY(cx, arena, ps_col_hold, request->n_columns + 1);
    if (!reader->bufs || !reader->loaded || !reader->holds) return cx->error.code;
    if (request->n_dynamic) {
        reader->sel = PS_ARENA_ARRAY(cx, arena, uint32_t, PS_BATCH_ROWS_MAX);
        if (!reader->sel) return cx->error.code;
    }
    for (; reader->n_bufs < request->n_columns; reader->n_bufs++)
        reader->bufs[reader->n_bufs].n_max = cx->batch_rows;
    *out = &reader->base;
    return PS_OK;
}

/* ---- pruning ---- */

static bool range_misses(const ps_col_stats *stats, uint32_t n_rows, const ps_value *lo,
                         bool lo_strict, const ps_value *hi, bool hi_strict)
{
    if (stats->n_null == n_rows) return true; /* a range is never true of a null */
    if (!stats->has_range) return false;
    if (lo && ps_type_equal(lo->type, stats->max.type)) {
        int order = ps_value_compare(&stats->max, lo);
        if (order < 0 || (order == 0 && lo_strict)) return true;
    }
    if (hi && ps_type_equal(hi->type, stats->min.type)) {
        int order = ps_value_compare(&stats->min, hi);
        if (order > 0 || (order == 0 && hi_strict)) return true;
    }
    return false;
}

static bool segment_misses(const ps_segment *segment, const ps_scan_request *request)
{
    for (uint32_t i = 0; i < request->n_ranges; i++) {
        const ps_scan_range *r = &request->ranges[i];
        const ps_col_stats *stats = &segment->stats[request->columns[r->column]];
        if (range_misses(stats, segment->n_rows, r->lo, r->lo_strict, r->hi, r->hi_strict))
            return true;
    }
    for (uint32_t i = 0; i < request->n_dynamic; i++) {
        const ps_dynamic_filter *d = request->dynamic[i];
        const ps_col_stats *stats = &segment->stats[request->columns[d->column]];
        if (!d->ready) continue;
        if (d->empty) return true;
        if (d->has_range && range_misses(stats, segment->n_rows, &d->lo, false, &d->hi, false))
            return true;
    }
    return false;
}

static ps_status table_reader_start(ps_ctx *cx, ps_reader *base, uint64_t morsel)
{
    table_reader *reader = (table_reader *)(void *)base;
    const table_scan *scan = (const table_scan *)(const void *)base->scan;
    const ps_table *table = table_of(base->scan->source)->table;

    if (morsel >= base->scan->n_morsels) return PS_BUG(cx, "a morsel past the end of a table");
    const table_morsel *m = &scan->morsels[morsel];
    let_go(reader);
    reader->segment = table->segments[m->segment];
    reader->morsel = morsel;
    reader->begin = reader->at = m->first_row;
    reader->end = PS_MIN(m->first_row + MORSEL_ROWS, reader->segment->n_rows);
    if (!segment_misses(reader->segment, request_of(base))) return PS_OK;
    ps_scan_facts *facts = (ps_scan_facts *)(uintptr_t)&base->scan->facts;
    /* relaxed: figures for display */
    atomic_fetch_add_explicit(&facts->n_left_out, m->first_row == 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&facts->n_rows_unread, reader->end - reader->at,
                              memory_order_relaxed);
    reader->end = reader->at;
    return PS_OK;
}

/* ---- reading ---- */

static ps_status load(ps_ctx *cx, table_reader *reader, uint32_t i, ps_batch *out)
{
    const uint64_t before = cx->bytes_read;

    if (reader->loaded[i]) return PS_OK;
    reader->loaded[i] = true;
    reader->loading = true;
    PS_TRY(ps_segment_read(cx, reader->segment, request_of(&reader->base)->columns[i], reader->at,
                           out->n, &reader->holds[i], &reader->bufs[i], &out->cols[i]));
    reader->loading = false;
    if (PS_UNLIKELY(cx->bytes_read != before)) {
        ps_scan_facts *facts = (ps_scan_facts *)(uintptr_t)&reader->base.scan->facts;
        /* relaxed: a figure for display */
        atomic_fetch_add_explicit(&facts->n_bytes_back, cx->bytes_read - before,
                                  memory_order_relaxed);
    }
    return PS_OK;
}

static ps_status run_filters(ps_ctx *cx, table_reader *reader, ps_batch *out)
{
    const ps_scan_request *request = request_of(&reader->base);

    for (uint32_t f = 0; f < request->n_filters && out->n_live; f++) {
        for (uint32_t c = 0; c < request->n_filter_columns[f]; c++)
            PS_TRY(load(cx, reader, request->filter_columns[f][c], out));
        reader->ran = true;
        PS_TRY(reader->filter->run(cx, reader->filter, f, out));
    }
    return PS_OK;
}

static ps_status run_dynamic(ps_ctx *cx, table_reader *reader, ps_batch *out)
{
    const ps_scan_request *request = request_of(&reader->base);

    for (uint32_t i = 0; i < request->n_dynamic && out->n_live; i++) {
        const ps_dynamic_filter *d = request->dynamic[i];
        if (!d->ready || !d->probe) continue;
        PS_TRY(load(cx, reader, d->column, out));
        PS_TRY(d->probe(cx, d->state, &out->cols[d->column], out->sel, out->n_live, reader->sel,
                        &out->n_live));
        out->sel = reader->sel;
    }
    return PS_OK;
}

/* The next batch that has a row left; out->n 0: there is none. */
static ps_status next_batch(ps_ctx *cx, table_reader *reader, ps_batch *out)
{
    const uint32_t n_columns = request_of(&reader->base)->n_columns;

    out->n = out->n_live = 0;
    while (reader->at < reader->end) {
        const uint32_t part = PS_SEGMENT_PART_ROWS - reader->at % PS_SEGMENT_PART_ROWS;

        PS_TRY(ps_poll(cx));
        PS_ASSERT(out->cols_max >= n_columns);
        out->n_cols = n_columns;
        out->n = out->n_live = PS_MIN(PS_MIN(reader->end - reader->at, part), cx->batch_rows);
        out->sel = NULL;
        out->morsel = reader->morsel;
        out->first_row = reader->at - reader->begin;
        for (uint32_t i = 0; i < n_columns; i++) {
            reader->loaded[i] = false;
            out->cols[i] = (ps_vec){.n = out->n};
        }
        PS_TRY(run_filters(cx, reader, out));
        PS_TRY(run_dynamic(cx, reader, out));
        for (uint32_t i = 0; i < n_columns && out->n_live; i++) PS_TRY(load(cx, reader, i, out));
        reader->at += out->n;
        reader->n_refused = 0;
        reader->ran = false;
        if (reader->filter) reader->filter->again = false;
        if (out->n_live) return PS_OK;
    }
    out->n = out->n_live = 0;
    return PS_OK;
}

/* Rows that have to come back from a file may find no room, whatever the query asked for before:
 * others may have been quicker. An empty batch lets it ask again; nothing is held meanwhile. A
 * filter that fails is not run again: what it prepares may be there in part. */
static ps_status table_reader_next(ps_ctx *cx, ps_reader *base, ps_batch *out, bool *done)
{
    enum { REFUSED_MAX = 8 };
    table_reader *reader = (table_reader *)(void *)base;
    reader->loading = false;
    const ps_status st = next_batch(cx, reader, out);

    *done = st == PS_OK && out->n == 0;
    if (*done) let_go(reader);
    if (st != PS_MEMORY || !reader->loading || base->scan->reader_bytes == 0 ||
        reader->n_refused == REFUSED_MAX)
        return st;
    ps_ctx_clear(cx);
    let_go(reader);
    reader->n_refused++;
    if (reader->filter) reader->filter->again = reader->ran;
    out->n = out->n_live = 0;
    return PS_OK;
}

static void table_describe(const ps_source *source, ps_text *out)
{
    ps_text_printf(out, "table:%.*s@%llu", PS_STR_ARGS(source->name),
                   (unsigned long long)table_of(source)->table->version);
}

static const ps_source_class table_class = {
    .name = "table",
    .destroy = table_destroy,
    .stats = table_stats,
    .column = table_column,
    .scan_open = table_scan_open,
    .scan_close = table_scan_close,
    .reader_open = table_reader_open,
    .reader_close = table_reader_close,
    .reader_start = table_reader_start,
    .reader_next = table_reader_next,
    .reader_bytes = table_reader_bytes,
    .reader_needs = true,
    .describe = table_describe,
};

ps_status ps_table_source_new(ps_ctx *cx, ps_table *table, ps_str name, ps_source **out)
{
    table_source *s = ps_alloc_zero(cx, sizeof(*s) + name.n + 1);

    *out = NULL;
    if (!s) return cx->error.code;
    if (name.n) memcpy(s->name, name.at, name.n);
    s->table = ps_table_ref(table);
    ps_source_init(&s->base, &table_class, table->schema, (ps_str){s->name, name.n});
    *out = &s->base;
    return PS_OK;
}
