/* format/parquet/source_stats.c -- what the footers of a source's files say of its columns.
 *
 * All of it is untrusted: it chooses plans and prunes, it proves nothing.
 *
 * Distinct values are hardly ever told (writers leave the field out), so they are guessed from
 * sizes: codes of a dictionary with d values take log2(d) bits each, and a footer gives the bytes
 * of the whole chunk and where its dictionary page ends. Across row groups: as if each part of the
 * column's range drew its values at random, which gives d for a column that repeats the same few
 * values everywhere, and the sum for one that is sorted. Tests: tests/unit/test_parquet_source.c */
#include "format/parquet/scan.h"

#include <math.h>

enum { CODE_BITS_MAX = 20 }; /* above: values lie plain, hardly any twice */

/* What a column's chunks say about how many different values there are. */
typedef struct variety {
    double n_values, n_distinct; /* sums over the chunks */
    double spans, lo, hi;        /* widths of the chunks' ranges together; the whole range */
    uint32_t n_chunks, n_spans;
} variety;

/* Bytes of one value as PLAIN, of text those of the least and the greatest; 0: not known. */
static double plain_width(const ps_pq_chunk *c)
{
    switch (c->physical) {
    case PS_PQ_INT32:
    case PS_PQ_FLOAT: return 4;
    case PS_PQ_INT64:
    case PS_PQ_DOUBLE: return 8;
    case PS_PQ_INT96: return 12;
    case PS_PQ_BYTE_ARRAY:
        if (!c->stats.min.n || !c->stats.max.n || PS_MAX(c->stats.min.n, c->stats.max.n) > 64)
            return 0;
        return 4 + (double)(c->stats.min.n + c->stats.max.n) / 2;
    default: return 0;
    }
}

/* d values of a known width and n codes of log2(d) bits take as much as the chunk. */
static double distinct_by_width(double n, double width, double plain)
{
    double lo = 1, hi = n;

    if (n * log2(n) / 8 + n * width <= plain) return n;
    for (int i = 0; i < 40; i++) {
        const double mid = sqrt(lo * hi);
        if (n * log2(mid) / 8 + mid * width < plain) lo = mid;
        else hi = mid;
    }
    /* a few values: only the whole bits of their codes show, and d is somewhere below 2 to them */
    return lo * width < plain / 16 ? PS_MAX(1.0, lo * 0.75) : lo;
}

static double chunk_distinct(const ps_pq_chunk *c, double n)
{
    const double plain = (double)PS_MAX(c->plain_bytes, 0), stored = (double)PS_MAX(c->bytes, 1);
    const double width = plain_width(c);
    double dict = (double)c->data_offset - (double)c->dict_offset;

    if (c->physical == PS_PQ_BOOLEAN) return PS_MIN(n, 2);
    if (c->dict_offset <= 0 || !(dict > 0 && dict < stored)) return n;
    if (width > 0) return distinct_by_width(n, width, plain);
    dict *= plain / stored;
    const double bits = 8 * (plain - dict) / n;
    return bits > (double)CODE_BITS_MAX ? n : PS_MAX(1.0, PS_MIN(n, 0.75 * exp2(bits)));
}

static bool whole_number(ps_type t, const ps_value *v, double *out)
{
    const ps_type_class class = ps_type_class_of(t);

    if (class != PS_CLASS_INTEGER && class != PS_CLASS_DECIMAL && class != PS_CLASS_TEMPORAL)
        return false;
    if (t.id == PS_TYPE_INTERVAL) return false;
    *out = (double)v->i;
    return true;
}

static void variety_add(variety *v, const ps_pq_node *leaf, const ps_pq_chunk *c)
{
    const double n = (double)c->n_values - (double)PS_MAX(c->stats.n_null, 0);
    ps_value min, max;
    double lo, hi;

    if (!(n >= 1)) return;
    v->n_values += n;
    v->n_distinct += chunk_distinct(c, n);
    v->n_chunks++;
    if (!ps_pq_stat_value(leaf, c->stats.legacy, c->stats.min, &min) ||
        !ps_pq_stat_value(leaf, c->stats.legacy, c->stats.max, &max) ||
        !whole_number(leaf->field.type, &min, &lo) || !whole_number(leaf->field.type, &max, &hi) ||
        lo > hi)
        return;
    v->lo = v->n_spans ? PS_MIN(v->lo, lo) : lo;
    v->hi = v->n_spans ? PS_MAX(v->hi, hi) : hi;
    v->spans += hi - lo + 1;
    v->n_spans++;
}

/* How many values there must be that n draws show d different ones: d = D (1 - exp(-n / D)). */
static double domain_of(double n, double d)
{
    double lo = d, hi = d * 1024;

    if (d > 0.999 * n) return n * 1024;
    for (int i = 0; i < 40; i++) {
        const double mid = sqrt(lo * hi);
        if (mid * -expm1(-n / mid) < d) lo = mid;
        else hi = mid;
    }
    return lo;
}

/* 0: nothing is known. */
static double variety_total(const variety *v)
{
    if (v->n_chunks == 0) return 0;
    /* how many chunks lie over one place of the range: 1 if sorted, all if mixed */
    double layers = v->n_chunks;
    if (v->n_spans == v->n_chunks) layers = PS_MAX(1.0, v->spans / (v->hi - v->lo + 1));
    const double parts = v->n_chunks / PS_MIN(layers, v->n_chunks);
    const double domain = domain_of(v->n_values / v->n_chunks, v->n_distinct / v->n_chunks);
    const double n = v->n_values / parts;
    double total = parts * domain * -expm1(-n / domain);

    if (v->n_spans == v->n_chunks) total = PS_MIN(total, v->hi - v->lo + 1);
    return PS_MAX(1.0, PS_MIN(total, v->n_values));
}

typedef struct column_facts {
    bool has_range; /* every row group so far told its bounds */
    ps_value min, max;
    int64_t n_null; /* -1: not known of all */
} column_facts;

static void facts_add(column_facts *f, const ps_pq_node *leaf, const ps_pq_chunk *c, bool first)
{
    ps_value min, max;

    if (c->stats.n_null < 0 || f->n_null < 0 || c->stats.n_null > c->n_values) f->n_null = -1;
    else f->n_null += c->stats.n_null;
    if (!f->has_range || (c->stats.n_null >= 0 && c->stats.n_null == c->n_values)) return;
    f->has_range = ps_pq_stat_value(leaf, c->stats.legacy, c->stats.min, &min) &&
                   ps_pq_stat_value(leaf, c->stats.legacy, c->stats.max, &max) &&
                   ps_value_compare(&min, &max) <= 0;
    if (f->has_range && leaf->layout == PS_LAYOUT_VIEW)
        f->has_range = min.str.n <= 64 && max.str.n <= 64;
    if (!f->has_range) return;
    if (first || ps_value_compare(&min, &f->min) < 0) f->min = min;
    if (first || ps_value_compare(&max, &f->max) > 0) f->max = max;
}

static void column_stats(const ps_pq_source *s, uint32_t column, ps_col_stats *out)
{
    column_facts f = {.has_range = true};
    bool first = true;
    double bytes = 0;
    variety v = {0};

    for (uint32_t i = 0; i < s->n_files; i++) {
        const ps_pq_node *const leaf = ps_pq_column_node(&s->files[i], column);
        const ps_pq_meta *const m = &s->files[i].meta;
        if (leaf->kind != PS_PQ_LEAF) return;
        for (uint32_t g = 0; g < m->n_row_groups; g++) {
            const ps_pq_chunk *const c = &m->row_groups[g].chunks[leaf->leaf];
            if (m->row_groups[g].n_rows == 0) continue;
            const bool had = f.min.type.id != PS_TYPE_NULL;
            facts_add(&f, leaf, c, first && !had);
            first = first && f.min.type.id == PS_TYPE_NULL;
            bytes += (double)PS_MAX(c->plain_bytes, 0);
            variety_add(&v, leaf, c);
        }
    }
    out->has_range = f.has_range && !first;
    if (out->has_range) out->min = f.min, out->max = f.max;
    out->n_distinct = variety_total(&v);
    out->n_null = f.n_null > 0 ? (uint64_t)f.n_null : 0;
    if (s->n_rows && ps_type_class_of(s->base.schema->fields[column].type) == PS_CLASS_BYTES)
        out->width = bytes / (double)s->n_rows;
}

ps_status ps_pq_source_stats(ps_ctx *cx, ps_arena *arena, const ps_source *source,
                             ps_source_stats *out)
{
    const ps_pq_source *const s = ps_pq_source_of(source);
    const uint32_t n = source->schema->n;
    ps_col_stats *const cols = PS_ARENA_ARRAY(cx, arena, ps_col_stats, PS_MAX(n, 1));

    if (!cols) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) column_stats(s, i, &cols[i]);
    *out = (ps_source_stats){
        .n_rows = (double)s->n_rows, .n_rows_exact = true, .bytes = s->bytes, .cols = cols};
    return PS_OK;
}
