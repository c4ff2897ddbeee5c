/* col/vec_copy.c -- flatten, gather and retain: what operators ask of the walk in vec_take.c.
 *
 * Tests: tests/unit/test_col_vec.c */
#include "col/slots.h"
#include "col/vec_take.h"

/* A dictionary that is much larger than the rows kept isn't worth keeping alive. */
enum { DICT_ROWS_PER_ROW = 4, DICT_ROWS_SMALL = 4096 };

/* ---- flatten ---- */

/* Validity of the selected rows of a dictionary vector: the row's and its code's. */
static void dict_valid_flatten(const ps_vec *src, const uint32_t *sel, uint32_t n, uint64_t *valid)
{
    const uint64_t *of_codes = src->dict->values.valid;

    ps_bits_fill(valid, src->n, true);
    if (src->valid) memcpy(valid, src->valid, PS_BITS_BYTES(src->n));
    if (!of_codes) return;
    for (uint32_t k = 0; k < n; k++) {
        const uint32_t i = sel ? sel[k] : k;
        if (ps_bit_get(valid, i) && !ps_bit_get(of_codes, src->codes[i])) ps_bit_clear(valid, i);
    }
}

/* Codes of unselected rows are undefined: what walks all rows sees 0 in their place. */
static ps_status safe_codes(ps_ctx *cx, ps_arena *arena, const ps_vec *src, const uint32_t *sel,
                            uint32_t n, const uint32_t **out)
{
    *out = src->codes;
    if (!sel) return PS_OK;
    uint32_t *codes = PS_ARENA_ARRAY(cx, arena, uint32_t, src->n);
    if (!codes) return PS_MEMORY;
    for (uint32_t k = 0; k < n; k++) codes[sel[k]] = src->codes[sel[k]];
    *out = codes;
    return PS_OK;
}

static bool is_nested(const ps_vec *vec)
{
    return vec->layout == PS_LAYOUT_STRUCT || vec->layout == PS_LAYOUT_UNION;
}

static ps_status dict_flatten(ps_ctx *cx, const ps_vec *src, const uint32_t *sel, uint32_t n,
                              ps_vec_buf *buf, ps_vec *out)
{
    const ps_vec *values = &src->dict->values;
    const size_t width = ps_layout_bytes((ps_layout)values->layout);
    const ps_take how = {.cx = cx, .arena = &buf->heap};

    *out = *values;
    out->n = src->n;
    out->owner = NULL;
    out->lo = src->lo, out->hi = src->hi, out->bounded = src->bounded;
    if (values->n == 0) { /* only null rows can refer to it */
        memset(buf->data, 0, width * src->n);
        out->data = buf->data;
    } else if (is_nested(src)) {
        const uint32_t *codes;
        PS_TRY(safe_codes(cx, &buf->heap, src, sel, n, &codes));
        PS_TRY(ps_vec_take(&how, values, codes, src->n, buf->data, buf->valid, out));
        out->type = src->type;
    } else {
        if (sel) ps_slots_take_at(width, values->data, src->codes, sel, n, buf->data);
        else ps_slots_take(width, values->data, src->codes, n, buf->data);
        out->data = buf->data;
    }
    out->valid = NULL;
    if (src->valid || values->valid) {
        dict_valid_flatten(src, sel, n, buf->valid);
        out->valid = buf->valid;
        ps_slots_zero_nulls((ps_layout)values->layout, buf->data, buf->valid, src->n);
    }
    return PS_OK;
}

static ps_status constant_flatten(ps_ctx *cx, const ps_vec *src, ps_vec_buf *buf, ps_vec *out)
{
    const size_t width = ps_layout_bytes((ps_layout)src->layout);

    *out = *src;
    if (src->layout == PS_LAYOUT_NONE) return PS_OK; /* the one form of all null */
    out->encoding = PS_ENC_FLAT;
    out->owner = NULL;
    out->valid = NULL;
    if (src->valid && !ps_bit_get(src->valid, 0)) {
        ps_bits_fill(buf->valid, src->n, false);
        out->valid = buf->valid;
    }
    if (width) {
        ps_slots_fill(width, src->data, src->n, buf->data);
        out->data = buf->data;
    }
    if (!is_nested(src)) return PS_OK;
    const uint32_t n_children = ps_vec_child_count(src);
    ps_vec *children = PS_ARENA_ARRAY(cx, &buf->heap, ps_vec, n_children);
    uint32_t *zeros = PS_ARENA_ARRAY(cx, &buf->heap, uint32_t, src->n);
    const ps_take how = {.cx = cx, .arena = &buf->heap};
    if (!children || !zeros) return PS_MEMORY;
    for (uint32_t i = 0; i < n_children; i++)
        PS_TRY(ps_vec_take(&how, &src->children[i], zeros, src->n, NULL, NULL, &children[i]));
    out->children = children;
    return PS_OK;
}

ps_status ps_vec_flatten(ps_ctx *cx, const ps_vec *src, const uint32_t *sel, uint32_t n,
                         ps_vec_buf *buf, ps_vec *out)
{
    const ps_vec from = *src; /* out may be src */

    PS_ASSERT(sel ? n <= from.n : n == from.n);
    if (from.encoding == PS_ENC_FLAT) {
        *out = from;
        return PS_OK;
    }
    PS_ASSERT(from.n <= buf->n_max);
    if (is_nested(&from)) ps_arena_reset(&buf->heap);
    switch (from.encoding) {
    case PS_ENC_CONSTANT: return constant_flatten(cx, &from, buf, out);
    case PS_ENC_DICTIONARY: return dict_flatten(cx, &from, sel, n, buf, out);
    default:
        *out = from;
        ps_slots_sequence((ps_layout)from.layout, from.start, from.step, NULL, from.n, buf->data);
        out->encoding = PS_ENC_FLAT;
        out->data = buf->data;
        out->owner = NULL;
        out->codes = NULL, out->dict = NULL;
        return PS_OK;
    }
}

/* ---- gather ---- */

ps_status ps_vec_gather(ps_ctx *cx, const ps_vec *src, const uint32_t *sel, uint32_t n,
                        ps_vec_buf *buf, ps_vec *out)
{
    const ps_take how = {.cx = cx, .arena = &buf->heap};

    PS_ASSERT(n <= buf->n_max);
    if (is_nested(src)) ps_arena_reset(&buf->heap);
    return ps_vec_take(&how, src, sel, n, buf->data, buf->valid, out);
}

/* ---- retain ---- */

typedef struct retained {
    ps_owner owner;
    ps_arena arena;
} retained;

static void retained_destroy(ps_owner *owner)
{
    retained *kept = (retained *)(void *)owner;
    ps_arena_release(&kept->arena);
    ps_free(kept);
}

uint64_t ps_vec_retained_bytes(const ps_vec *vec)
{
    return vec->owner ? ((const retained *)(const void *)vec->owner)->arena.bytes : 0;
}

/* A dictionary vector whose dictionary isn't worth keeping, as flat rows. */
static ps_status dict_expand(const ps_take *how, const ps_vec *src, const uint32_t *sel, uint32_t n,
                             ps_vec *out)
{
    const ps_vec *values = &src->dict->values;
    uint32_t *codes = PS_ARENA_ARRAY(how->cx, how->arena, uint32_t, n + 1);
    uint64_t *valid = PS_ARENA_ARRAY(how->cx, how->arena, uint64_t, PS_BITS_WORDS(n) + 1);

    if (!codes || !valid) return PS_MEMORY;
    for (uint32_t k = 0; k < n; k++) {
        const uint32_t i = sel ? sel[k] : k;
        if (!ps_vec_row_valid(src, i)) continue;
        codes[k] = src->codes[i];
        ps_bit_set(valid, k);
    }
    PS_TRY(ps_vec_take(how, values, codes, n, NULL, NULL, out));
    out->type = src->type;
    out->valid = valid;
    ps_slots_zero_nulls((ps_layout)out->layout, (void *)(uintptr_t)out->data, valid, n);
    return PS_OK;
}

ps_status ps_vec_retain(ps_ctx *cx, const ps_vec *src, const uint32_t *sel, uint32_t n, ps_vec *out)
{
    retained *kept = ps_alloc_zero(cx, sizeof *kept);
    const ps_take how = {.cx = cx, .arena = kept ? &kept->arena : NULL, .deep = true};
    ps_status st;

    if (!kept) return PS_MEMORY;
    ps_owner_init(&kept->owner, retained_destroy);
    /* a few rows in a chunk of their size: joins that keep little give many small batches */
    kept->arena.chunk_bytes_min = PS_MIN(4096, 256 + 24 * (size_t)n);
    const bool drop_dict = src->encoding == PS_ENC_DICTIONARY && src->dict->values.n > 0 &&
                           src->dict->values.n > PS_MAX(DICT_ROWS_SMALL, n) &&
                           src->dict->values.n / DICT_ROWS_PER_ROW > n;
    if (drop_dict) PS_GO(dict_expand(&how, src, sel, n, out));
    else PS_GO(ps_vec_take(&how, src, sel, n, NULL, NULL, out));
    PS_GO(ps_type_keep(cx, &kept->arena, out->type));
    out->owner = &kept->owner;
done:
    if (st != PS_OK) retained_destroy(&kept->owner);
    return st;
}
