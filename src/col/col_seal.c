/* col/col_seal.c -- from a growing column to its stored form and statistics.
 *
 * Forms, narrowest first: constant, dictionary codes, integers in the smallest layout that holds
 * their range, flat as it came. Statistics are measured on the values, never taken over.
 * Tests: tests/unit/test_col_table.c */
#include "base/hash.h"
#include "col/segment.h"
#include "col/slots.h"
#include "col/vec_bounds.h"
#include "col/vec_take.h"

#include <stdlib.h>

enum { SORT_MAX = 4096, RANGE_TEXT_BYTES = 64, BLOCK_OF_ITS_OWN = 32 * 1024 };

/* Large pieces are blocks of their own, so that chunks waste nothing. */
void *ps_col_room(ps_ctx *cx, ps_arena *arena, size_t bytes)
{
    if (bytes < BLOCK_OF_ITS_OWN) return ps_arena_alloc_raw(cx, arena, bytes + PS_ALIGN, PS_ALIGN);
    void *block = ps_alloc(cx, bytes);
    return block && ps_arena_own(cx, arena, block, ps_free) == PS_OK ? block : NULL;
}

static ps_status segment_copy(ps_ctx *cx, ps_arena *arena, const void *src, size_t bytes,
                              const void **out)
{
    void *copy = ps_col_room(cx, arena, bytes);
    if (!copy) return PS_MEMORY;
    if (bytes) memcpy(copy, src, bytes);
    *out = copy;
    return PS_OK;
}

/* ---- statistics ---- */

static ps_status text_range(ps_ctx *cx, ps_arena *arena, const ps_vec *vec, ps_col_stats *out)
{
    const ps_view *views = vec->data, *least = NULL, *most = NULL;
    double bytes = 0;

    for (uint32_t i = 0; i < vec->n; i++) {
        if (vec->valid && !ps_bit_get(vec->valid, i)) continue;
        bytes += views[i].n;
        if (!least || ps_view_compare(&views[i], least) < 0) least = &views[i];
        if (!most || ps_view_compare(&views[i], most) > 0) most = &views[i];
    }
    if (!least) return PS_OK;
    out->width = bytes / (double)(vec->n - out->n_null);
    if (least->n > RANGE_TEXT_BYTES || most->n > RANGE_TEXT_BYTES) return PS_OK;
    ps_value min = {.type = vec->type, .str = ps_view_str(least)};
    ps_value max = {.type = vec->type, .str = ps_view_str(most)};
    PS_TRY(ps_value_copy(cx, arena, &min, &out->min));
    PS_TRY(ps_value_copy(cx, arena, &max, &out->max));
    out->has_range = true;
    return PS_OK;
}

static double float_at(const ps_vec *vec, uint32_t i)
{
    switch (vec->layout) {
    case PS_LAYOUT_F16: return (double)ps_f16_to(((const uint16_t *)vec->data)[i]);
    case PS_LAYOUT_F32: return (double)((const float *)vec->data)[i];
    default: return ((const double *)vec->data)[i];
    }
}

static void float_range(const ps_vec *vec, ps_col_stats *out)
{
    ps_value min = {.type = vec->type}, max = {.type = vec->type};
    bool any = false;

    for (uint32_t i = 0; i < vec->n; i++) {
        const ps_value value = {.type = vec->type, .f64 = float_at(vec, i)};
        if (vec->valid && !ps_bit_get(vec->valid, i)) continue;
        if (!any || ps_value_compare(&value, &min) < 0) min = value;
        if (!any || ps_value_compare(&value, &max) > 0) max = value;
        any = true;
    }
    out->has_range = any;
    out->min = min, out->max = max;
}

/* Least and greatest value, nulls, width of a FLAT vector; text of the range goes to the arena. */
static ps_status stats_measure(ps_ctx *cx, ps_arena *arena, const ps_vec *vec, ps_col_stats *out)
{
    ps_i128 lo, hi;

    *out = (ps_col_stats){.n_null = vec->valid ? vec->n - ps_bits_count(vec->valid, vec->n) : 0};
    switch (vec->layout) {
    case PS_LAYOUT_NONE: out->n_null = vec->n; return PS_OK;
    case PS_LAYOUT_INTERVAL:
    case PS_LAYOUT_LIST:
    case PS_LAYOUT_STRUCT:
    case PS_LAYOUT_UNION: return PS_OK;
    case PS_LAYOUT_VIEW: return text_range(cx, arena, vec, out);
    case PS_LAYOUT_F16:
    case PS_LAYOUT_F32:
    case PS_LAYOUT_F64: float_range(vec, out); return PS_OK;
    default:
        out->has_range = ps_slots_measure(vec, NULL, vec->n, &lo, &hi);
        if (out->has_range)
            out->min = ps_value_int(vec->type, lo), out->max = ps_value_int(vec->type, hi);
        return PS_OK;
    }
}

/* Hashes of valid slots: only within columns, so that a value may hash as it sits. */
static void sketch_slots(const ps_vec *vec, ps_sketch *sketch)
{
    switch (ps_layout_bytes((ps_layout)vec->layout)) {
#define X(WIDTH, T)                                                                                \
    case WIDTH:                                                                                    \
        for (uint32_t i = 0; i < vec->n; i++)                                                      \
            if (!vec->valid || ps_bit_get(vec->valid, i))                                          \
                ps_sketch_add(sketch, ps_hash_u64(((const T *)vec->data)[i], 0));                  \
        break;
        X(1, uint8_t)
        X(2, uint16_t)
        X(4, uint32_t)
        X(8, uint64_t)
#undef X
    default: /* 16 bytes */
        for (uint32_t i = 0; i < vec->n; i++)
            if (!vec->valid || ps_bit_get(vec->valid, i))
                ps_sketch_add(sketch,
                              ps_hash_bytes((const char *)vec->data + (size_t)i * 16, 16, 0));
    }
}

/* False: values of such a column aren't counted. */
static bool sketch_fill(const ps_vec *vec, ps_sketch *sketch)
{
    if (vec->layout == PS_LAYOUT_NONE || vec->layout >= PS_LAYOUT_LIST) return false;
    if (vec->layout != PS_LAYOUT_VIEW) {
        sketch_slots(vec, sketch);
        return true;
    }
    for (uint32_t i = 0; i < vec->n; i++) {
        if (vec->valid && !ps_bit_get(vec->valid, i)) continue;
        const ps_str str = ps_view_str(&((const ps_view *)vec->data)[i]);
        ps_sketch_add(sketch, ps_hash_bytes(str.at, str.n, 0));
    }
    return true;
}

/* ---- forms ---- */

/* A dictionary with its own memory: vectors may keep it longer than its segment lives. */
typedef struct seal_dict {
    ps_dict dict;
    ps_arena arena;
} seal_dict;

static void dict_destroy(ps_owner *owner)
{
    seal_dict *dict = (seal_dict *)(void *)owner;

    ps_arena_release(&dict->arena);
    ps_free(dict);
}

static void dict_unref(void *dict) { ps_owner_unref(dict); }

typedef struct by_text {
    const ps_view *dict;
    uint32_t code;
} by_text;
static int by_text_compare(const void *a, const void *b)
{
    const by_text *x = a, *y = b;
    return ps_view_compare(&x->dict[x->code], &y->dict[y->code]);
}

/* rank[old code] = new code: by text if there are few, which makes codes comparable. */
static ps_status dict_order(ps_ctx *cx, ps_arena *scratch, const ps_col_build *col, uint32_t *rank)
{
    by_text *order = PS_ARENA_ARRAY(cx, scratch, by_text, col->n_dict + 1);

    if (!order) return PS_MEMORY;
    for (uint32_t i = 0; i < col->n_dict; i++) order[i] = (by_text){col->dict, i};
    if (col->n_dict <= SORT_MAX) qsort(order, col->n_dict, sizeof *order, by_text_compare);
    for (uint32_t i = 0; i < col->n_dict; i++) rank[order[i].code] = i;
    return PS_OK;
}

ps_status ps_col_dict_new(ps_ctx *cx, ps_arena *owner, ps_arena **arena, ps_dict **out)
{
    seal_dict *made = ps_alloc_zero(cx, sizeof *made);

    if (!made) return PS_MEMORY;
    ps_owner_init(&made->dict.owner, dict_destroy);
    PS_TRY(ps_arena_own(cx, owner, made, dict_unref)); /* takes it over either way */
    made->dict.id = ps_dict_next_id();
    *arena = &made->arena;
    *out = &made->dict;
    return PS_OK;
}

static ps_status dict_make(ps_ctx *cx, ps_arena *data, const ps_col_build *col,
                           const uint32_t *rank, const ps_dict **out)
{
    ps_arena *arena;
    ps_dict *made;

    PS_TRY(ps_col_dict_new(cx, data, &arena, &made));
    ps_view *views =
        ps_arena_alloc_raw(cx, arena, col->n_dict * sizeof *views + PS_ALIGN, PS_ALIGN);
    if (!views) return PS_MEMORY;
    for (uint32_t i = 0; i < col->n_dict; i++)
        PS_TRY(ps_view_copy(cx, arena, &col->dict[i], &views[rank[i]]));
    made->distinct = true;
    made->sorted = col->n_dict <= SORT_MAX;
    ps_vec_flat(&made->values, col->type, PS_LAYOUT_VIEW, views, NULL, col->n_dict);
    *out = made;
    return PS_OK;
}

static ps_status seal_text_codes(ps_ctx *cx, ps_arena *arena, ps_arena *data,
                                 const ps_col_build *col, ps_col_sealed *out, ps_sketch *sketch,
                                 ps_col_stats *stats)
{
    const uint8_t bytes = col->n_dict <= 256 ? 1 : col->n_dict <= 65536 ? 2 : 4;
    ps_arena scratch = {0};
    const ps_dict *dict;
    double width = 0;
    ps_status st = PS_MEMORY;

    uint32_t *rank = PS_ARENA_ARRAY(cx, &scratch, uint32_t, col->n_dict + 1);
    void *codes = ps_col_room(cx, data, col->n * bytes);
    if (!rank || !codes) goto done;
    PS_GO(dict_order(cx, &scratch, col, rank));
    PS_GO(dict_make(cx, data, col, rank, &dict));
    for (size_t i = 0; i < col->n; i++) {
        const bool valid = ps_bit_get(col->valid, i);
        width += valid ? col->dict[col->codes[i]].n : 0;
        const uint32_t code = valid ? rank[col->codes[i]] : 0;
        if (bytes == 1) ((uint8_t *)codes)[i] = (uint8_t)code;
        if (bytes == 2) ((uint16_t *)codes)[i] = (uint16_t)code;
        if (bytes == 4) ((uint32_t *)codes)[i] = code;
    }
    PS_GO(stats_measure(cx, arena, &dict->values, stats));
    stats->n_null = col->n_null;
    stats->n_distinct = col->n_dict;
    stats->width = col->n > col->n_null ? width / (double)(col->n - col->n_null) : 0;
    if (sketch) sketch_fill(&dict->values, sketch);
    out->codes = codes;
    out->code_bytes = bytes;
    out->vec.encoding = PS_ENC_DICTIONARY;
    out->vec.dict = dict;
done:
    ps_arena_release(&scratch);
    return st;
}

/* Long text of flat views moves into the segment, in one piece. */
static ps_status views_move(ps_ctx *cx, ps_arena *arena, const ps_col_build *col, const void **out)
{
    const ps_view *src = (const ps_view *)(const void *)col->data;
    ps_view *views = ps_col_room(cx, arena, col->n * sizeof *views);
    size_t bytes = 0;

    if (!views) return PS_MEMORY;
    for (size_t i = 0; i < col->n; i++) bytes += src[i].n > 12 ? src[i].n : 0;
    char *at = ps_col_room(cx, arena, bytes);
    if (!at) return PS_MEMORY;
    for (size_t i = 0; i < col->n; i++) {
        views[i] = src[i];
        if (src[i].n <= 12) continue;
        memcpy(at, src[i].at, src[i].n);
        views[i].at = at;
        at += src[i].n;
    }
    *out = views;
    return PS_OK;
}

/* Integers in the smallest layout of their range; one value and no null: a constant. */
static ps_status seal_integers(ps_ctx *cx, ps_arena *arena, const ps_col_build *col,
                               const ps_col_stats *stats, ps_vec *vec)
{
    const ps_i128 lo = stats->has_range ? stats->min.i : 0,
                  hi = stats->has_range ? stats->max.i : 0;
    ps_layout layout = ps_layout_for(lo, hi);

    if (ps_layout_bytes(layout) >= ps_layout_bytes(col->layout)) layout = col->layout;
    if (col->n_null == 0 && lo == hi && stats->has_range) {
        const ps_value value = stats->min;
        return ps_vec_constant(cx, arena, &value, vec->n, vec);
    }
    void *slots = ps_col_room(cx, arena, col->n * ps_layout_bytes(layout));
    if (!slots) return PS_MEMORY;
    ps_slots_convert(col->layout, col->data, layout, slots, col->n);
    vec->layout = (uint8_t)layout;
    vec->data = slots;
    vec->bounded = lo >= INT64_MIN && hi <= INT64_MAX;
    if (vec->bounded) vec->lo = (int64_t)lo, vec->hi = (int64_t)hi;
    return PS_OK;
}

/* Statistics of children are nobody's. */
static ps_status seal_children(ps_ctx *cx, ps_arena *data, const ps_col_build *col, ps_vec *vec)
{
    ps_vec *children = PS_ARENA_ARRAY(cx, data, ps_vec, col->n_children);
    ps_col_stats ignored;

    if (!children) return PS_MEMORY;
    for (uint32_t i = 0; i < col->n_children; i++) {
        const ps_col_build *child = &col->children[i];
        ps_col_sealed sealed = {0};
        PS_TRY(ps_col_build_seal(cx, data, data, child, &sealed, NULL, &ignored));
        if (sealed.code_bytes == 1 ||
            sealed.code_bytes == 2) { /* children are read in place: 32-bit codes */
            uint32_t *codes = ps_col_room(cx, data, child->n * sizeof *codes);
            if (!codes) return PS_MEMORY;
            ps_slots_convert(sealed.code_bytes == 1 ? PS_LAYOUT_U8 : PS_LAYOUT_U16, sealed.codes,
                             PS_LAYOUT_U32, codes, child->n);
            sealed.codes = codes;
        }
        if (sealed.code_bytes) sealed.vec.codes = sealed.codes;
        children[i] = sealed.vec;
    }
    vec->children = children;
    return PS_OK;
}

ps_status ps_col_build_seal(ps_ctx *cx, ps_arena *arena, ps_arena *data, const ps_col_build *col,
                            ps_col_sealed *out, ps_sketch *sketch, ps_col_stats *stats)
{
    ps_vec *vec = &out->vec;
    const void *valid = NULL;

    PS_TRY(ps_poll(cx));
    if (col->n_null) PS_TRY(segment_copy(cx, data, col->valid, PS_BITS_BYTES(col->n), &valid));
    ps_vec_flat(vec, col->type, col->layout, col->data, valid, (uint32_t)col->n);
    if (col->layout == PS_LAYOUT_NONE || (col->n && col->n_null == col->n)) {
        const ps_value null = ps_value_null(col->type);
        *stats = (ps_col_stats){.n_null = col->n};
        return ps_vec_constant(cx, data, &null, vec->n, vec);
    }
    if (col->codes && col->n) return seal_text_codes(cx, arena, data, col, out, sketch, stats);
    PS_TRY(stats_measure(cx, arena, vec, stats));
    stats->n_null = col->n_null;
    if (sketch && sketch_fill(vec, sketch)) stats->n_distinct = ps_sketch_count(sketch);
    if (ps_layout_is_int(col->layout)) return seal_integers(cx, data, col, stats, vec);
    if (col->layout == PS_LAYOUT_VIEW && !col->codes) PS_TRY(views_move(cx, data, col, &vec->data));
    else if (col->layout != PS_LAYOUT_STRUCT)
        PS_TRY(
            segment_copy(cx, data, col->data, col->n * ps_layout_bytes(col->layout), &vec->data));
    return col->n_children ? seal_children(cx, data, col, vec) : PS_OK;
}
