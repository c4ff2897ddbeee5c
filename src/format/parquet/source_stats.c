/* format/parquet/source_stats.c -- what the footers of a source's files say of its columns.
 *
 * All of it is untrusted: it chooses plans and prunes, it proves nothing. What is marked exact, and
 * is what the reader would accept, answers aggregates (ADR 12): never of floats, whose bounds leave
 * NaN out and may have a zero of the other sign.
 *
 * Distinct values are hardly ever told (writers leave the field out), so they are guessed from
 * sizes: codes of a dictionary with d values take log2(d) bits each, and a footer gives the bytes
 * of the whole chunk and where its dictionary page ends. Across row groups: as if each part of the
 * column's range drew its values at random, which gives d for a column that repeats the same few
 * values everywhere, and the sum for one that is sorted. Tests: tests/unit/test_parquet_source.c */
#include "format/parquet/scan.h"

#include <math.h>

enum {
    CODE_BITS_MAX = 20, /* above: values lie plain, hardly any twice */
    TEXT_BYTES_MAX = 64 /* of a bound: longer ones are no range */
};

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
        if (!c->stats.min.n || !c->stats.max.n ||
            PS_MAX(c->stats.min.n, c->stats.max.n) > TEXT_BYTES_MAX)
            return 0;
        return 4 + (double)(c->stats.min.n + c->stats.max.n) / 2;
    default: return 0;
    }
}

/* d values of a known width and n codes of log2(d) bits take as much as the chunk: Newton's steps
 * from below, which never go past it, for the curve is concave. */
static double distinct_by_width(double n, double width, double plain)
{
    const double most_bits = log2(PS_MAX(1.0, PS_MIN(n, plain / width)));
    double d = PS_MAX(1.0, (plain - n * most_bits / 8) / width);

    if (n * log2(n) / 8 + n * width <= plain) return n;
    for (int i = 0; i < 40; i++) {
        const double lacks = plain - n * log2(d) / 8 - d * width;
        const double step = lacks / (n / (8 * M_LN2 * d) + width);
        if (!(step > 1e-9 * d)) break;
        d += step;
    }
    /* a few values: only the whole bits of their codes show, and d is somewhere below 2 to them */
    return d * width < plain / 16 ? PS_MAX(1.0, d * 0.75) : d;
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
    bool nulls_exact, range_exact;
    bool any; /* a row group with bounds, or with a value and without */
    ps_value min, max;
    uint64_t n_null;
} column_facts;

/* Whether a reader would take the value for one of the leaf's. */
static bool value_fits(const ps_pq_node *leaf, const ps_value *v)
{
    ps_i128 lo, hi;

    if (ps_type_class_of(v->type) == PS_CLASS_FLOAT) return false;
    if (leaf->layout == PS_LAYOUT_VIEW)
        return (!leaf->width || v->str.n == leaf->width) &&
               (!leaf->utf8 || ps_utf8_valid(v->str.at, v->str.n, NULL));
    return !ps_type_range(v->type, &lo, &hi) || (v->i >= lo && v->i <= hi);
}

/* What the reader would refuse has no exact facts. */
static bool chunk_fits(const ps_pq_node *leaf, const ps_pq_chunk *c, int64_t n_rows)
{
    return c->has_meta && !c->encrypted && !c->elsewhere && c->physical == leaf->physical &&
           c->n_values == n_rows;
}

static bool chunk_nulls(const ps_pq_node *leaf, const ps_pq_chunk *c, uint64_t *out)
{
    const int64_t n = leaf->levels.def == 0 ? 0 : c->stats.n_null;

    *out = n >= 0 && n <= c->n_values ? (uint64_t)n : 0;
    return n >= 0 && n <= c->n_values;
}

static void facts_add(column_facts *f, const ps_pq_meta *m, const ps_pq_node *leaf,
                      const ps_pq_row_group *g)
{
    const ps_pq_chunk *const c = &g->chunks[leaf->leaf];
    const bool fits = chunk_fits(leaf, c, g->n_rows);
    ps_value min, max;
    uint64_t n_null;
    const bool has_nulls = chunk_nulls(leaf, c, &n_null);

    f->nulls_exact &= has_nulls && fits;
    f->n_null += n_null;
    if (has_nulls && n_null == (uint64_t)c->n_values) return;
    f->has_range &= ps_pq_stat_value(leaf, c->stats.legacy, c->stats.min, &min) &&
                    ps_pq_stat_value(leaf, c->stats.legacy, c->stats.max, &max) &&
                    ps_value_compare(&min, &max) <= 0;
    if (f->has_range && leaf->layout == PS_LAYOUT_VIEW)
        f->has_range = min.str.n <= TEXT_BYTES_MAX && max.str.n <= TEXT_BYTES_MAX;
    const bool first = !f->any;
    f->any = true;
    if (!f->has_range) return;
    f->range_exact &= fits && c->stats.exact && !c->stats.legacy && m->type_order &&
                      m->type_order[leaf->leaf] && value_fits(leaf, &min) && value_fits(leaf, &max);
    if (first || ps_value_compare(&min, &f->min) < 0) f->min = min;
    if (first || ps_value_compare(&max, &f->max) > 0) f->max = max;
}

ps_status ps_pq_source_column(ps_ctx *cx, const ps_source *source, uint32_t column,
                              ps_source_col *out)
{
    const ps_pq_source *const s = ps_pq_source_of(source);
    column_facts f = {.has_range = true, .nulls_exact = true, .range_exact = true};
    double bytes = 0;
    variety v = {0};

    for (uint32_t i = 0; i < s->n_files; i++) {
        const ps_pq_node *const leaf = ps_pq_column_node(&s->files[i], column);
        const ps_pq_meta *const m = &s->files[i].meta;
        if (leaf->kind != PS_PQ_LEAF) return PS_OK;
        PS_TRY(ps_poll(cx));
        for (uint32_t g = 0; g < m->n_row_groups; g++) {
            const ps_pq_chunk *const c = &m->row_groups[g].chunks[leaf->leaf];
            if (m->row_groups[g].n_rows == 0) continue;
            facts_add(&f, m, leaf, &m->row_groups[g]);
            bytes += (double)PS_MAX(c->plain_bytes, 0);
            variety_add(&v, leaf, c);
        }
    }
    out->nulls_exact = f.nulls_exact;
    out->range_exact = f.range_exact;
    out->stats.has_range = f.has_range && f.any;
    if (out->stats.has_range) out->stats.min = f.min, out->stats.max = f.max;
    out->stats.n_distinct = variety_total(&v);
    out->stats.n_null = f.n_null;
    if (s->n_rows && ps_type_class_of(s->base.schema->fields[column].type) == PS_CLASS_BYTES)
        out->stats.width = bytes / (double)s->n_rows;
    return PS_OK;
}

ps_status ps_pq_source_stats(ps_ctx *cx, const ps_source *source, ps_source_stats *out)
{
    const ps_pq_source *const s = ps_pq_source_of(source);

    (void)cx;
    *out = (ps_source_stats){.n_rows = (double)s->n_rows, .n_rows_exact = true, .bytes = s->bytes};
    return PS_OK;
}
