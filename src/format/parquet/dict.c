/* format/parquet/dict.c -- a dictionary page as a ps_dict.
 *
 * It owns the decompressed page (views point into it) and its slots. Small ones are checked for
 * double values, so that grouping may work on codes: -0.0 equals 0.0, a NaN any NaN. */
#include "format/parquet/cursor.h"

enum { DISTINCT_CHECK_MAX = 1 << 12, DICT_VALUES_MAX = 1 << 28 };

typedef struct parquet_dict {
    ps_dict dict;
    uint8_t *bytes; /* the page */
    void *slots;
} parquet_dict;

static void dict_destroy(ps_owner *owner)
{
    parquet_dict *const d = PS_CONTAINER(owner, parquet_dict, dict.owner);

    ps_free(d->bytes);
    ps_free(d->slots);
    ps_free(d);
}

static double float_at(const ps_vec *v, uint32_t i)
{
    if (v->layout == PS_LAYOUT_F64) return ((const double *)v->data)[i];
    return (double)((const float *)v->data)[i];
}

static uint64_t slot_hash(const ps_vec *v, uint32_t bytes, uint32_t i)
{
    if (v->layout == PS_LAYOUT_VIEW) {
        const ps_view *const view = (const ps_view *)v->data + i;
        return ps_hash_bytes(ps_view_bytes(view), view->n, 0);
    }
    if (v->layout == PS_LAYOUT_F32 || v->layout == PS_LAYOUT_F64) {
        const double d = float_at(v, i);
        uint64_t word = 0;
        if (d != d) return 1;
        if (d != 0) memcpy(&word, &d, 8);
        return ps_hash_u64(word, 0);
    }
    return ps_hash_bytes((const uint8_t *)v->data + (size_t)i * bytes, bytes, 0);
}

static bool slot_equal(const ps_vec *v, uint32_t bytes, uint32_t i, uint32_t j)
{
    if (v->layout == PS_LAYOUT_VIEW)
        return ps_view_equal((const ps_view *)v->data + i, (const ps_view *)v->data + j);
    if (v->layout == PS_LAYOUT_F32 || v->layout == PS_LAYOUT_F64) {
        const double a = float_at(v, i), b = float_at(v, j);
        return a == b || (a != a && b != b);
    }
    return memcmp((const uint8_t *)v->data + (size_t)i * bytes,
                  (const uint8_t *)v->data + (size_t)j * bytes, bytes) == 0;
}

/* A hash set of numbers of values, open addressing, at most half full. */
static ps_status distinct_check(ps_ctx *cx, const ps_vec *v, uint32_t bytes, bool *distinct)
{
    const size_t room = (size_t)1 << ps_log2_ceil((uint64_t)v->n * 2 + 1);
    uint32_t *set;

    *distinct = false;
    if (v->n > DISTINCT_CHECK_MAX || v->layout == PS_LAYOUT_F16) return PS_OK;
    set = ps_alloc_zero(cx, room * sizeof *set);
    if (!set) return PS_MEMORY;
    *distinct = true;
    for (uint32_t i = 0; i < v->n && *distinct; i++) {
        size_t at = slot_hash(v, bytes, i) & (room - 1);
        while (set[at] && *distinct) {
            if (slot_equal(v, bytes, i, set[at] - 1)) *distinct = false;
            at = (at + 1) & (room - 1);
        }
        set[at] = i + 1;
    }
    ps_free(set);
    return PS_OK;
}

static ps_status values_decode(ps_ctx *cx, const ps_pq_node *leaf, parquet_dict *d, size_t n,
                               uint32_t n_values)
{
    const uint8_t *at = d->bytes;
    size_t n_whole = n_values;
    const bool ascii = leaf->utf8 && ps_pq_kernels_here()->ascii(d->bytes, n);
    ps_vec *const v = &d->dict.values;

    if (leaf->physical == PS_PQ_BOOLEAN) return ps_fail(cx, PS_DATA, "a dictionary of booleans");
    if (leaf->width ? (uint64_t)n_values * leaf->width > n : (uint64_t)n_values * 4 > n)
        return ps_fail(cx, PS_DATA, "a dictionary of %u values in %zu bytes", n_values, n);
    d->slots = ps_alloc(cx, (size_t)n_values * PS_MAX(leaf->slot_bytes, 1));
    if (!d->slots) return PS_MEMORY;
    if (leaf->width) PS_TRY(ps_pq_fixed_convert(cx, leaf, d->bytes, n_values, d->slots));
    else PS_TRY(ps_pq_bytes_convert(cx, leaf, &at, d->bytes + n, ascii, &n_whole, d->slots));
    if (n_whole < n_values) return ps_fail(cx, PS_DATA, "the values of a dictionary are cut off");
    ps_vec_flat(v, leaf->field.type, (ps_layout)leaf->layout, d->slots, NULL, n_values);
    PS_TRY(ps_pq_bounds(cx, leaf, d->slots, n_values, true, v));
    v->owner = &d->dict.owner;
    return distinct_check(cx, v, leaf->slot_bytes, &d->dict.distinct);
}

ps_status ps_pq_dict_new(ps_ctx *cx, const ps_pq_node *leaf, uint8_t *bytes, size_t n,
                         uint32_t n_values, ps_dict **out)
{
    parquet_dict *const d = ps_alloc_zero(cx, sizeof *d);
    ps_status st;

    *out = NULL;
    if (!d) {
        ps_free(bytes);
        return PS_MEMORY;
    }
    ps_owner_init(&d->dict.owner, dict_destroy);
    d->dict.id = ps_dict_next_id();
    d->bytes = bytes;
    st = n_values > DICT_VALUES_MAX ? ps_fail(cx, PS_DATA, "a dictionary of %u values", n_values)
                                    : values_decode(cx, leaf, d, n, n_values);
    if (st != PS_OK) ps_owner_unref(&d->dict.owner);
    else *out = &d->dict;
    return st;
}
