/* format/parquet/prune.c -- what a file's statistics rule out.
 *
 * Statistics are untrusted: here they only leave rows out, and only where the format says that they
 * are bounds. Floats: a NaN is above every number for us and is not counted in a maximum, so
 * a lower bound of a range never excludes. */
#include "format/parquet/scan.h"

static bool is_float(ps_type t) { return ps_type_class_of(t) == PS_CLASS_FLOAT; }

static bool float_value(const ps_pq_node *leaf, ps_str bytes, ps_value *out)
{
    float f;
    uint16_t half;

    if (bytes.n != leaf->width) return false;
    if (leaf->layout == PS_LAYOUT_F64) {
        memcpy(&out->f64, bytes.at, 8);
    } else if (leaf->layout == PS_LAYOUT_F32) {
        memcpy(&f, bytes.at, 4);
        out->f64 = (double)f;
    } else {
        memcpy(&half, bytes.at, 2);
        out->f64 = (double)ps_f16_to(half);
    }
    return out->f64 == out->f64;
}

static bool big_endian(ps_str bytes, ps_i128 *out)
{
    ps_u128 v = bytes.n && (bytes.at[0] & 0x80) ? ~(ps_u128)0 : 0;

    if (bytes.n == 0 || bytes.n > 16) return false;
    for (size_t i = 0; i < bytes.n; i++) v = v << 8 | (uint8_t)bytes.at[i];
    *out = (ps_i128)v;
    return true;
}

static bool int_value(const ps_pq_node *leaf, ps_str bytes, ps_value *out)
{
    int64_t wide = 0;
    int32_t narrow;

    if (bytes.n != leaf->width) return false;
    if (leaf->width == 1) {
        out->i = bytes.at[0] != 0;
    } else if (leaf->width == 4) {
        memcpy(&narrow, bytes.at, 4);
        out->i = leaf->layout == PS_LAYOUT_U32 ? (ps_i128)(uint32_t)narrow : narrow;
    } else {
        memcpy(&wide, bytes.at, 8);
        out->i = leaf->layout == PS_LAYOUT_U64 ? (ps_i128)(uint64_t)wide : wide;
    }
    return true;
}

bool ps_pq_stat_value(const ps_pq_node *leaf, bool legacy, ps_str bytes, ps_value *out)
{
    const bool is_signed = leaf->layout == PS_LAYOUT_I32 || leaf->layout == PS_LAYOUT_I64;

    *out = (ps_value){.type = leaf->field.type};
    if (!bytes.at || leaf->kind != PS_PQ_LEAF) return false;
    if (is_float(leaf->field.type)) return float_value(leaf, bytes, out);
    switch ((ps_pq_convert)leaf->convert) {
    case PS_PQ_TO_SAME:
        if (legacy && !is_signed) return false;
        return leaf->layout != PS_LAYOUT_NONE && int_value(leaf, bytes, out);
    case PS_PQ_TO_I8:
    case PS_PQ_TO_I16:
    case PS_PQ_TO_I64: return int_value(leaf, bytes, out);
    case PS_PQ_TO_U8:
    case PS_PQ_TO_U16: return !legacy && int_value(leaf, bytes, out);
    case PS_PQ_TO_DECIMAL: return !legacy && big_endian(bytes, &out->i);
    case PS_PQ_TO_UUID:
        if (legacy || bytes.n != 16 || !big_endian(bytes, &out->i)) return false;
        out->i = (ps_i128)((ps_u128)out->i ^ ((ps_u128)1 << 127));
        return true;
    case PS_PQ_TO_VIEW: out->str = bytes; return !legacy;
    default: return false;
    }
}

/* The column's logical type says unsigned byte order for text only: other byte columns compare so
 * too. */
bool ps_pq_range_excludes(const ps_pq_node *leaf, const ps_pq_stats *stats, int64_t n_values,
                          const ps_scan_range *range)
{
    ps_value min, max;
    const bool has_min = ps_pq_stat_value(leaf, stats->legacy, stats->min, &min);
    const bool has_max = ps_pq_stat_value(leaf, stats->legacy, stats->max, &max);

    if (leaf->kind != PS_PQ_LEAF) return false;
    if (stats->n_null >= 0 && stats->n_null == n_values) return true;
    if (has_min && has_max && ps_value_compare(&min, &max) > 0) return false; /* nonsense */
    if (has_min && range->hi && ps_type_equal(range->hi->type, min.type)) {
        const int order = ps_value_compare(&min, range->hi);
        if (order > 0 || (order == 0 && range->hi_strict)) return true;
    }
    if (has_max && range->lo && ps_type_equal(range->lo->type, max.type) && !is_float(max.type)) {
        const int order = ps_value_compare(&max, range->lo);
        if (order < 0 || (order == 0 && range->lo_strict)) return true;
    }
    return false;
}

/* A dynamic filter as a range; false: it says nothing. */
static bool dynamic_range(const ps_dynamic_filter *d, ps_scan_range *out)
{
    if (!d->ready || !d->has_range) return false;
    *out = (ps_scan_range){.column = d->column, .lo = &d->lo, .hi = &d->hi};
    return true;
}

static bool column_excludes(const ps_pq_file *file, const ps_pq_row_group *group,
                            const ps_scan_request *request, const ps_scan_range *range)
{
    const ps_pq_node *const leaf = ps_pq_column_node(file, request->columns[range->column]);

    return ps_pq_range_excludes(leaf, &group->chunks[leaf->leaf].stats, group->n_rows, range);
}

bool ps_pq_group_excluded(const ps_pq_file *file, const ps_pq_row_group *group,
                          const ps_scan_request *request, bool dynamic)
{
    ps_scan_range range;

    for (uint32_t i = 0; i < request->n_ranges && !dynamic; i++)
        if (column_excludes(file, group, request, &request->ranges[i])) return true;
    for (uint32_t i = 0; i < request->n_dynamic && dynamic; i++) {
        if (request->dynamic[i]->ready && request->dynamic[i]->empty) return true;
        if (dynamic_range(request->dynamic[i], &range) &&
            column_excludes(file, group, request, &range))
            return true;
    }
    return false;
}

/* Takes [row, row_end) out of the spans. */
static ps_status span_cut(ps_ctx *cx, ps_arena *arena, ps_pq_spans *spans, int64_t row,
                          int64_t row_end)
{
    ps_pq_spans next = {0};

    for (size_t i = 0; i < spans->n; i++) {
        const ps_pq_span s = spans->at[i];
        if (s.row_end <= row || s.row >= row_end) {
            PS_TRY(PS_ARRAY_ADD_IN(cx, arena, &next, s));
            continue;
        }
        if (s.row < row) PS_TRY(PS_ARRAY_ADD_IN(cx, arena, &next, ((ps_pq_span){s.row, row})));
        if (s.row_end > row_end)
            PS_TRY(PS_ARRAY_ADD_IN(cx, arena, &next, ((ps_pq_span){row_end, s.row_end})));
    }
    *spans = next;
    return PS_OK;
}

static ps_status range_spans(ps_ctx *cx, ps_arena *arena, const ps_file *file,
                             const ps_pq_node *leaf, const ps_pq_chunk *chunk, int64_t n_rows,
                             const ps_scan_range *range, ps_pq_spans *spans)
{
    ps_pq_page_at *pages;
    ps_pq_page_stats *stats;
    uint32_t n;

    if (leaf->kind != PS_PQ_LEAF || chunk->column_index_at <= 0 || chunk->offset_index_at <= 0)
        return PS_OK;
    PS_TRY(ps_pq_offset_index_read(cx, arena, file, chunk, n_rows, &pages, &n));
    PS_TRY(ps_pq_column_index_read(cx, arena, file, chunk, n, &stats));
    for (uint32_t i = 0; i < n; i++) {
        const int64_t row_end = i + 1 < n ? pages[i + 1].first_row : n_rows;
        if (stats[i].null_page ||
            ps_pq_range_excludes(leaf, &stats[i].stats, row_end - pages[i].first_row, range))
            PS_TRY(span_cut(cx, arena, spans, pages[i].first_row, row_end));
    }
    return PS_OK;
}

ps_status ps_pq_page_spans(ps_ctx *cx, ps_arena *arena, const ps_file *file, const ps_pq_file *meta,
                           const ps_pq_row_group *group, const ps_scan_request *request,
                           int64_t row, int64_t row_end, ps_pq_spans *out)
{
    ps_scan_range range;

    *out = (ps_pq_spans){0};
    PS_TRY(PS_ARRAY_ADD_IN(cx, arena, out, ((ps_pq_span){row, row_end})));
    for (uint32_t i = 0; i < request->n_ranges + request->n_dynamic; i++) {
        if (i < request->n_ranges) range = request->ranges[i];
        else if (!dynamic_range(request->dynamic[i - request->n_ranges], &range)) continue;
        const ps_pq_node *const leaf = ps_pq_column_node(meta, request->columns[range.column]);
        PS_TRY(range_spans(cx, arena, file, leaf, &group->chunks[leaf->leaf], group->n_rows, &range,
                           out));
    }
    return PS_OK;
}
