/* plan/source_range.c -- rows lo, lo + step, ... as SEQUENCE vectors: nothing is materialised.
 *
 * Morsels are PS_SEGMENT_ROWS rows each. Statistics are exact. Tests: tests/unit/test_plan_source.c
 */
#include "plan/source.h"

typedef struct range_source {
    ps_source base;
    int64_t lo, step;
    uint64_t n_rows;
} range_source;
typedef struct range_scan {
    ps_scan base;
    ps_scan_request request;
} range_scan;
typedef struct range_reader {
    ps_reader base;
    ps_scan_filter *filter;
    uint64_t morsel, at, end; /* rows of the source */
    uint64_t first;
} range_reader;

static const range_source *range_of(const ps_source *s)
{
    return (const range_source *)(const void *)s;
}

static void range_destroy(ps_source *source) { ps_free(source); }

static int64_t range_value(const range_source *s, uint64_t row)
{
    return (int64_t)((ps_i128)s->lo + (ps_i128)row * s->step);
}

static ps_status range_stats(ps_ctx *cx, const ps_source *source, ps_source_stats *out)
{
    const range_source *s = range_of(source);

    (void)cx;
    *out = (ps_source_stats){
        .n_rows = (double)s->n_rows, .n_rows_exact = true, .bytes = (double)s->n_rows * 8};
    return PS_OK;
}

static ps_status range_column(ps_ctx *cx, const ps_source *source, uint32_t column,
                              ps_source_col *out)
{
    const range_source *s = range_of(source);

    (void)cx, (void)column;
    out->nulls_exact = out->range_exact = true;
    if (s->n_rows == 0) return PS_OK;
    const int64_t a = s->lo, b = range_value(s, s->n_rows - 1);
    out->stats = (ps_col_stats){.has_range = true,
                                .n_distinct = (double)s->n_rows,
                                .min = ps_value_int(PS_TYPE(INT64), PS_MIN(a, b)),
                                .max = ps_value_int(PS_TYPE(INT64), PS_MAX(a, b))};
    return PS_OK;
}

static ps_status range_scan_open(ps_ctx *cx, ps_arena *arena, const ps_source *source,
                                 const ps_scan_request *request, ps_scan **out)
{
    range_scan *scan = PS_ARENA_NEW(cx, arena, range_scan);

    if (!scan) return cx->error.code;
    scan->base.source = source;
    scan->base.n_morsels = (range_of(source)->n_rows + PS_SEGMENT_ROWS - 1) / PS_SEGMENT_ROWS;
    scan->request = *request;
    *out = &scan->base;
    return PS_OK;
}

static void range_scan_close(ps_scan *scan) { (void)scan; }

static ps_status range_reader_open(ps_ctx *cx, ps_arena *arena, const ps_scan *scan,
                                   ps_scan_filter *filter, ps_reader **out)
{
    range_reader *reader = PS_ARENA_NEW(cx, arena, range_reader);

    if (!reader) return cx->error.code;
    reader->base.scan = scan;
    reader->filter = filter;
    *out = &reader->base;
    return PS_OK;
}

static void range_reader_close(ps_reader *reader) { (void)reader; }

static ps_status range_reader_start(ps_ctx *cx, ps_reader *base, uint64_t morsel)
{
    range_reader *reader = (range_reader *)(void *)base;

    if (morsel >= base->scan->n_morsels) return PS_BUG(cx, "a morsel past the end of a range");
    reader->morsel = morsel;
    reader->first = reader->at = morsel * PS_SEGMENT_ROWS;
    reader->end = PS_MIN(reader->at + PS_SEGMENT_ROWS, range_of(base->scan->source)->n_rows);
    return PS_OK;
}

static void range_fill(const range_source *s, uint64_t at, uint32_t n, ps_vec *out)
{
    int64_t a = range_value(s, at), b = range_value(s, at + n - 1);

    *out = (ps_vec){.type = PS_TYPE(INT64),
                    .layout = PS_LAYOUT_I64,
                    .encoding = PS_ENC_SEQUENCE,
                    .bounded = true,
                    .n = n,
                    .lo = PS_MIN(a, b),
                    .hi = PS_MAX(a, b)};
    out->start = a;
    out->step = s->step;
}

static ps_status range_reader_next(ps_ctx *cx, ps_reader *base, ps_batch *out, bool *done)
{
    range_reader *reader = (range_reader *)(void *)base;
    const range_source *s = range_of(base->scan->source);
    const ps_scan_request *request = &((const range_scan *)(const void *)base->scan)->request;

    *done = false;
    while (reader->at < reader->end) {
        uint32_t n = (uint32_t)PS_MIN(reader->end - reader->at, (uint64_t)cx->batch_rows);
        PS_TRY(ps_poll(cx));
        out->n_cols = request->n_columns;
        out->n = out->n_live = n;
        out->sel = NULL;
        out->morsel = reader->morsel;
        out->first_row = reader->at - reader->first;
        for (uint32_t i = 0; i < request->n_columns; i++)
            range_fill(s, reader->at, n, &out->cols[i]);
        reader->at += n;
        for (uint32_t f = 0; f < request->n_filters && out->n_live; f++)
            PS_TRY(reader->filter->run(cx, reader->filter, f, out));
        if (out->n_live) return PS_OK;
    }
    *done = true;
    out->n = out->n_live = 0;
    return PS_OK;
}

static void range_describe(const ps_source *source, ps_text *out)
{
    const range_source *s = range_of(source);

    ps_text_printf(out, "range:%lld:%lld:%llu", (long long)s->lo, (long long)s->step,
                   (unsigned long long)s->n_rows);
}

static const ps_source_class range_class = {
    .name = "range",
    .destroy = range_destroy,
    .stats = range_stats,
    .column = range_column,
    .scan_open = range_scan_open,
    .scan_close = range_scan_close,
    .reader_open = range_reader_open,
    .reader_close = range_reader_close,
    .reader_start = range_reader_start,
    .reader_next = range_reader_next,
    .describe = range_describe,
};

ps_status ps_range_source_new(ps_ctx *cx, int64_t lo, int64_t hi, int64_t step, ps_source **out)
{
    const ps_field field = {.name = PS_STR("range"), .type = PS_TYPE(INT64)};
    ps_schema *schema = NULL;

    *out = NULL;
    if (step == 0) return ps_fail(cx, PS_INVALID, "the step of a range must not be 0");
    PS_TRY(ps_schema_new(cx, &field, 1, &schema));
    range_source *s = ps_alloc_zero(cx, sizeof(*s));
    if (s) {
        ps_i128 span = step > 0 ? (ps_i128)hi - lo : (ps_i128)lo - hi;
        ps_i128 stride = step > 0 ? (ps_i128)step : -(ps_i128)step;
        s->lo = lo;
        s->step = step;
        s->n_rows = span > 0 ? (uint64_t)((span + stride - 1) / stride) : 0;
        ps_source_init(&s->base, &range_class, schema, PS_STR("range"));
        *out = &s->base;
    }
    ps_schema_unref(schema);
    return s ? PS_OK : cx->error.code;
}
