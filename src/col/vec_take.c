/* col/vec_take.c -- copying chosen rows: the one walk behind gather, flatten and retain.
 *
 * Nested vectors recurse into their children (depth is bounded by the type's). A deep copy of
 * lists takes only the items that the chosen rows use.
 * Tests: tests/unit/test_col_vec.c */
#include "col/vec_take.h"

#include "col/slots.h"

void ps_bits_take(const uint64_t *src, const uint32_t *idx, size_t n, uint64_t *out)
{
    for (size_t w = 0; w < PS_BITS_WORDS(n); w++) {
        const size_t run = PS_MIN(n - w * 64, (size_t)64);
        uint64_t word = 0;
        for (size_t i = 0; i < run; i++) word |= (uint64_t)ps_bit_get(src, idx[w * 64 + i]) << i;
        out[w] = word;
    }
}

static void *room_for(const ps_take *how, void *room, size_t bytes)
{
    /* PS_ALIGN more: data may be read up to the next multiple of 64 */
    return room ? room : ps_arena_alloc_raw(how->cx, how->arena, bytes + PS_ALIGN, PS_ALIGN);
}

static ps_status take_valid(const ps_take *how, const ps_vec *src, const uint32_t *idx, uint32_t n,
                            uint64_t *room, ps_vec *out)
{
    out->valid = NULL;
    if (!src->valid || n == 0) return PS_OK;
    uint64_t *valid = room_for(how, room, PS_BITS_BYTES(n));
    if (!valid) return PS_MEMORY;
    if (idx) ps_bits_take(src->valid, idx, n, valid);
    else memcpy(valid, src->valid, PS_BITS_BYTES(n));
    out->valid = valid;
    return PS_OK;
}

ps_status ps_view_copy(ps_ctx *cx, ps_arena *arena, const ps_view *src, ps_view *out)
{
    *out = *src;
    if (src->n <= 12) return PS_OK;
    char *bytes = ps_arena_alloc_raw(cx, arena, src->n, 1);
    if (!bytes) return PS_MEMORY;
    memcpy(bytes, src->at, src->n);
    out->at = bytes;
    return PS_OK;
}

/* Makes the bytes of out's long texts the arena's: one block for all of them. */
static ps_status own_texts(const ps_take *how, ps_view *views, const uint64_t *valid, uint32_t n)
{
    size_t bytes = 0;
    char *at;

    for (uint32_t i = 0; i < n; i++) {
        if (valid && !ps_bit_get(valid, i)) views[i] = (ps_view){0};
        if (views[i].n > 12) bytes += views[i].n;
    }
    if (bytes == 0) return PS_OK;
    at = ps_arena_alloc_raw(how->cx, how->arena, bytes + PS_ALIGN, 1);
    if (!at) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        if (views[i].n <= 12) continue;
        memcpy(at, views[i].at, views[i].n);
        views[i].at = at;
        at += views[i].n;
    }
    return PS_OK;
}

/* Replaces the child of a list by a deep copy of the items in use; slots are moved to match. */
static ps_status own_items(const ps_take *how, ps_list *slots, const uint64_t *valid, uint32_t n,
                           ps_vec *out)
{
    uint64_t total = 0;
    uint32_t *items, at = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (valid && !ps_bit_get(valid, i)) slots[i] = (ps_list){0};
        total += slots[i].n;
    }
    if (total > UINT32_MAX)
        return ps_fail(how->cx, PS_UNSUPPORTED, "the lists of one batch hold too many items: %llu",
                       (unsigned long long)total);
    items = PS_ARENA_ARRAY(how->cx, how->arena, uint32_t, total + 1);
    ps_vec *child = PS_ARENA_NEW(how->cx, how->arena, ps_vec);
    if (!items || !child) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t start = at;
        for (uint32_t k = 0; k < slots[i].n; k++) items[at++] = slots[i].start + k;
        slots[i].start = start;
    }
    const ps_vec *old = out->children;
    out->children = child;
    return ps_vec_take(how, old, items, at, NULL, NULL, child);
}

static ps_status take_children(const ps_take *how, const ps_vec *src, const uint32_t *idx,
                               uint32_t n, ps_vec *out)
{
    const uint32_t n_children = ps_vec_child_count(src);
    ps_vec *children = PS_ARENA_ARRAY(how->cx, how->arena, ps_vec, n_children);

    if (!children) return PS_MEMORY;
    for (uint32_t i = 0; i < n_children; i++)
        PS_TRY(ps_vec_take(how, &src->children[i], idx, n, NULL, NULL, &children[i]));
    out->children = children;
    return PS_OK;
}

static ps_status take_flat(const ps_take *how, const ps_vec *src, const uint32_t *idx, uint32_t n,
                           void *data_room, uint64_t *valid_room, ps_vec *out)
{
    const size_t width = ps_layout_bytes((ps_layout)src->layout);

    PS_TRY(take_valid(how, src, idx, n, valid_room, out));
    if (width) {
        void *data = room_for(how, data_room, width * n);
        if (!data) return PS_MEMORY;
        if (idx) ps_slots_take(width, src->data, idx, n, data);
        else if (n) memcpy(data, src->data, width * n);
        out->data = data;
        if (src->layout == PS_LAYOUT_VIEW && how->deep) PS_TRY(own_texts(how, data, out->valid, n));
        if (src->layout == PS_LAYOUT_LIST && how->deep)
            PS_TRY(own_items(how, data, out->valid, n, out));
    }
    if (src->layout == PS_LAYOUT_STRUCT || src->layout == PS_LAYOUT_UNION)
        PS_TRY(take_children(how, src, idx, n, out));
    return PS_OK;
}

static void dict_unref(void *dict) { ps_owner_unref(&((ps_dict *)dict)->owner); }

static ps_status take_codes(const ps_take *how, const ps_vec *src, const uint32_t *idx, uint32_t n,
                            void *data_room, uint64_t *valid_room, ps_vec *out)
{
    uint32_t *codes = room_for(how, data_room, n * sizeof *codes);

    if (!codes) return PS_MEMORY;
    PS_TRY(take_valid(how, src, idx, n, valid_room, out));
    if (idx) ps_slots_take(sizeof *codes, src->codes, idx, n, codes);
    else if (n) memcpy(codes, src->codes, n * sizeof *codes);
    out->codes = codes;
    if (!how->deep) return PS_OK;
    ps_owner_ref((ps_owner *)(uintptr_t)&src->dict->owner);
    return ps_arena_own(how->cx, how->arena, (void *)(uintptr_t)src->dict, dict_unref);
}

/* A deep constant needs its one slot (and children) copied. */
static ps_status take_constant(const ps_take *how, const ps_vec *src, uint32_t n, ps_vec *out)
{
    static const uint32_t first[1] = {0};
    ps_vec one = *src;

    if (how->deep) {
        one.encoding = PS_ENC_FLAT;
        one.n = 1;
        PS_TRY(take_flat(how, &one, first, 1, NULL, NULL, out));
        out->encoding = PS_ENC_CONSTANT;
    }
    out->n = n;
    return PS_OK;
}

ps_status ps_vec_take(const ps_take *how, const ps_vec *src, const uint32_t *idx, uint32_t n,
                      void *data_room, uint64_t *valid_room, ps_vec *out)
{
    const ps_vec from = *src; /* out may be src */

    *out = from;
    out->n = n;
    out->owner = NULL;
    switch (from.encoding) {
    case PS_ENC_CONSTANT: return take_constant(how, &from, n, out);
    case PS_ENC_DICTIONARY: return take_codes(how, &from, idx, n, data_room, valid_room, out);
    case PS_ENC_SEQUENCE: {
        void *data = room_for(how, data_room, ps_layout_bytes((ps_layout)from.layout) * n);
        if (!data) return PS_MEMORY;
        ps_slots_sequence((ps_layout)from.layout, from.start, from.step, idx, n, data);
        out->encoding = PS_ENC_FLAT;
        out->data = data;
        out->codes = NULL, out->dict = NULL;
        return PS_OK;
    }
    default: return take_flat(how, &from, idx, n, data_room, valid_room, out);
    }
}
