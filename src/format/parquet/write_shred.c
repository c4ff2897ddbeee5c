/* format/parquet/write_shred.c -- rows to levels and stored values (the Dremel way).
 *
 * A node gets entries: rows of its vector with the levels reached so far. An entry that ended (a
 * null or an empty list above) has row GONE and its final definition level. Each node turns the
 * entries it got into those of its children; a leaf adds one pair of levels for each and stored
 * values for those that are there. Recursion is as deep as the type, PS_TYPE_DEPTH_MAX. */
#include "format/parquet/write.h"

#include "col/slots.h"

enum { GONE = -1, ITEMS_STEP = 32768 };

static const ps_vec absent = {.layout = PS_LAYOUT_NONE, .encoding = PS_ENC_CONSTANT};

typedef struct entries {
    int64_t *row;
    uint8_t *def, *rep;
    size_t n;
} entries;

static ps_status entries_make(ps_ctx *cx, ps_arena *arena, size_t n, entries *out)
{
    out->row = PS_ARENA_ARRAY(cx, arena, int64_t, n + 1);
    out->def = PS_ARENA_ARRAY(cx, arena, uint8_t, n + 1);
    out->rep = PS_ARENA_ARRAY(cx, arena, uint8_t, n + 1);
    out->n = n;
    return out->row && out->def && out->rep ? PS_OK : PS_MEMORY;
}

/* Nulls end; rows become places in the vector's (or its dictionary's) data. */
static ps_status entries_enter(ps_ctx *cx, const ps_pq_write_node *node, const ps_vec *vec,
                               const entries *in, entries *out)
{
    const ps_reader_view r = ps_vec_read(vec);
    const bool sequence = vec->encoding == PS_ENC_SEQUENCE;

    for (size_t i = 0; i < in->n; i++) {
        const int64_t from = in->row[i]; /* out may be in */
        const size_t row = (size_t)from;
        out->rep[i] = in->rep[i], out->def[i] = in->def[i], out->row[i] = GONE;
        if (from == GONE) continue;
        if (vec->layout != PS_LAYOUT_NONE && (sequence || ps_reader_valid(&r, row))) {
            out->row[i] = sequence ? from : (int64_t)ps_reader_at(&r, row);
            out->def[i] = node->def;
        } else if (node->repetition != 1) { /* keys and entries are never null */
            return ps_fail(cx, PS_VALUE,
                           "a key or entry of a map is null, which Parquet can't hold");
        }
    }
    return PS_OK;
}

/* ---- stored values ---- */

static ps_status store_int(ps_ctx *cx, ps_pq_write_leaf *leaf, const void *slots, ps_layout layout,
                           size_t n)
{
    int64_t room[PS_PQ_STEP_ROWS];

    ps_slots_convert(layout, slots, (ps_layout)leaf->layout, room, n);
    for (size_t i = 0; leaf->factor != 1 && i < n; i++) {
        if (leaf->width == 4) {
            ((int32_t *)(void *)room)[i] *= (int32_t)leaf->factor; /* seconds of a day */
        } else if (__builtin_mul_overflow(room[i], leaf->factor, &room[i])) {
            return ps_fail(cx, PS_VALUE, "a timestamp of column %.*s is out of Parquet's range",
                           PS_STR_ARGS(leaf->path));
        }
    }
    ps_text_add(&leaf->values, (const char *)room, n * leaf->width);
    return PS_OK;
}

/* Most significant byte first. */
static void wide_put(ps_text *out, ps_u128 v)
{
    const uint64_t part[2] = {__builtin_bswap64((uint64_t)(v >> 64)),
                              __builtin_bswap64((uint64_t)v)};

    ps_text_add(out, (const char *)part, 16);
}

static ps_status store_wide(ps_ctx *cx, ps_pq_write_leaf *leaf, const void *slots, ps_layout layout,
                            size_t n)
{
    const bool uuid = leaf->store == PS_PQ_STORE_UUID;
    const ps_u128 flip = uuid ? (ps_u128)1 << 127 : 0;
    ps_i128 room[64];

    for (size_t from = 0; from < n; from += 64) {
        const size_t m = PS_MIN(n - from, 64u);
        ps_slots_convert(layout, (const char *)slots + from * ps_layout_bytes(layout),
                         PS_LAYOUT_I128, room, m);
        for (size_t i = 0; i < m; i++) {
            if (!uuid && (room[i] >= ps_pow10[38] || room[i] <= -ps_pow10[38]))
                return ps_fail(cx, PS_VALUE,
                               "a value of column %.*s has more than the 38 digits of Parquet",
                               PS_STR_ARGS(leaf->path));
            wide_put(&leaf->values, (ps_u128)room[i] ^ flip);
        }
    }
    return PS_OK;
}

static ps_status store_interval(ps_ctx *cx, ps_pq_write_leaf *leaf, const ps_interval *slots,
                                size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const ps_interval v = slots[i];
        const uint32_t part[3] = {(uint32_t)v.months, (uint32_t)v.days, (uint32_t)(v.ns / 1000000)};
        if (v.months < 0 || v.days < 0 || v.ns < 0 || v.ns % 1000000 || v.ns / 1000000 > UINT32_MAX)
            return ps_fail(cx, PS_VALUE,
                           "an interval of column %.*s is negative or finer than the milliseconds "
                           "of Parquet",
                           PS_STR_ARGS(leaf->path));
        ps_text_add(&leaf->values, (const char *)part, 12);
    }
    return PS_OK;
}

static ps_status text_put(ps_ctx *cx, ps_pq_write_leaf *leaf, ps_str v)
{
    const uint32_t n = (uint32_t)v.n;

    if (v.n > 1u << 30)
        return ps_fail(cx, PS_UNSUPPORTED, "a value of column %.*s is too long for Parquet: %zu",
                       PS_STR_ARGS(leaf->path), v.n);
    if (leaf->store == PS_PQ_STORE_FIXED && v.n != leaf->width)
        return ps_fail(cx, PS_DATA, "a value of column %.*s has not its type's length: %zu",
                       PS_STR_ARGS(leaf->path), v.n);
    if (leaf->store != PS_PQ_STORE_FIXED) ps_text_add(&leaf->values, (const char *)&n, 4);
    ps_text_str(&leaf->values, v);
    return PS_OK;
}

static ps_status store_texts(ps_ctx *cx, ps_pq_write_leaf *leaf, const void *slots,
                             ps_layout layout, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (leaf->store != PS_PQ_STORE_ENUM) {
            PS_TRY(text_put(cx, leaf, ps_view_str((const ps_view *)slots + i)));
            continue;
        }
        const ps_i128 at = ps_slot_get(layout, slots, i);
        if (at < 0 || at >= leaf->type.ext->n_labels)
            return ps_fail(cx, PS_DATA, "a value of column %.*s is no label of its ENUM",
                           PS_STR_ARGS(leaf->path));
        PS_TRY(text_put(cx, leaf, leaf->type.ext->labels[at]));
    }
    return PS_OK;
}

/* The values at places[0..n) of a vector's data; n is at most PS_PQ_STEP_ROWS. */
static ps_status values_store(ps_ctx *cx, ps_pq_write_leaf *leaf, const ps_vec *vec,
                              const uint32_t *places, size_t n)
{
    _Alignas(16) char slots[PS_PQ_STEP_ROWS * 16];
    const ps_vec *from = vec->encoding == PS_ENC_DICTIONARY ? &vec->dict->values : vec;
    const ps_layout layout = (ps_layout)from->layout;
    const size_t width = ps_layout_bytes(layout);

    if (vec->encoding == PS_ENC_SEQUENCE)
        ps_slots_sequence(layout, vec->start, vec->step, places, n, slots);
    else ps_slots_take(width, from->data, places, n, slots);
    leaf->n_values += n;
    switch ((ps_pq_store)leaf->store) {
    case PS_PQ_STORE_NULL: break;
    case PS_PQ_STORE_INT: PS_TRY(store_int(cx, leaf, slots, layout, n)); break;
    case PS_PQ_STORE_BOOL:
    case PS_PQ_STORE_SAME: ps_text_add(&leaf->values, slots, n * leaf->width); break;
    case PS_PQ_STORE_DECIMAL:
    case PS_PQ_STORE_UUID: PS_TRY(store_wide(cx, leaf, slots, layout, n)); break;
    case PS_PQ_STORE_INTERVAL:
        PS_TRY(store_interval(cx, leaf, (const ps_interval *)(void *)slots, n));
        break;
    case PS_PQ_STORE_TEXT:
    case PS_PQ_STORE_FIXED:
    case PS_PQ_STORE_ENUM: PS_TRY(store_texts(cx, leaf, slots, layout, n)); break;
    }
    return ps_text_status(&leaf->values);
}

static ps_status leaf_add(ps_ctx *cx, ps_pq_write_leaf *leaf, const ps_vec *vec, const entries *in)
{
    uint32_t places[PS_PQ_STEP_ROWS];
    size_t n = 0;

    leaf->values.cx = leaf->def.cx = leaf->rep.cx = cx;
    ps_text_add(&leaf->def, (const char *)in->def, in->n);
    if (leaf->rep_max) ps_text_add(&leaf->rep, (const char *)in->rep, in->n);
    PS_TRY(ps_text_status(&leaf->def));
    PS_TRY(ps_text_status(&leaf->rep));
    for (size_t i = 0; i < in->n; i++) {
        if (in->row[i] == GONE) continue;
        places[n++] = (uint32_t)in->row[i];
        if (n < PS_PQ_STEP_ROWS) continue;
        PS_TRY(ps_poll(cx));
        PS_TRY(values_store(cx, leaf, vec, places, n));
        n = 0;
    }
    return n ? values_store(cx, leaf, vec, places, n) : PS_OK;
}

/* ---- groups ---- */

static ps_status node_shred(ps_ctx *cx, ps_arena *arena, const ps_pq_write_node *node,
                            const ps_vec *vec, const entries *in);

/* Where the items of lists go on. */
typedef struct items_place {
    size_t entry;
    uint32_t item;
} items_place;

static size_t items_count(const ps_list *lists, const entries *in)
{
    size_t n = 0;

    for (size_t i = 0; i < in->n; i++) n += in->row[i] == GONE ? 1 : PS_MAX(lists[in->row[i]].n, 1);
    return n;
}

/* The next items, at most as many as out has room for. */
static void items_of(const ps_pq_write_node *group, const ps_list *lists, const entries *in,
                     items_place *at, size_t room, entries *out)
{
    size_t n = 0;

    for (; at->entry < in->n && n < room; at->entry++) {
        const size_t i = at->entry;
        const ps_list none = {0}, *l = in->row[i] == GONE ? &none : &lists[in->row[i]];
        uint32_t k = at->item;
        for (; k < PS_MAX(l->n, 1) && n < room; k++, n++) {
            out->row[n] = l->n ? (int64_t)l->start + k : GONE;
            out->def[n] = l->n ? group->def : in->def[i];
            out->rep[n] = k ? group->rep : in->rep[i];
        }
        at->item = k < PS_MAX(l->n, 1) ? k : 0;
        if (at->item) break;
    }
    out->n = n;
}

/* A list's items into its child, or a map's into its two. */
static ps_status items_shred(ps_ctx *cx, ps_arena *arena, const ps_pq_write_node *node,
                             const ps_vec *child, entries *items)
{
    const ps_pq_write_node *group = node->children;
    const bool none = child->layout == PS_LAYOUT_NONE;

    if (node->type.id != PS_TYPE_MAP)
        return node_shred(cx, arena, &group->children[0], child, items);
    /* a map's child is a struct of entries, none of which is null */
    const ps_vec *entry = child;
    if (!none) {
        const entries places = *items;
        PS_TRY(entries_enter(cx, group, entry, &places, items));
        if (entry->encoding == PS_ENC_DICTIONARY) entry = &entry->dict->values;
    }
    for (uint32_t i = 0; i < 2; i++)
        PS_TRY(node_shred(cx, arena, &group->children[i],
                          none || entry->layout == PS_LAYOUT_NONE ? &absent : &entry->children[i],
                          items));
    return PS_OK;
}

/* Items in steps: what a step takes beside them is many times as large as they. */
static ps_status lists_shred(ps_ctx *cx, ps_arena *arena, const ps_pq_write_node *node,
                             const ps_list *lists, const ps_vec *child, const entries *in)
{
    const size_t n = items_count(lists, in), room = PS_MIN(n, (size_t)ITEMS_STEP);
    ps_arena step = {0};
    items_place at = {0};
    entries items;
    ps_status st = PS_OK;

    PS_TRY(entries_make(cx, arena, room, &items));
    while (st == PS_OK && at.entry < in->n) {
        items_of(node->children, lists, in, &at, room, &items);
        st = items_shred(cx, n > room ? &step : arena, node, child, &items);
        ps_arena_reset(&step);
        if (st == PS_OK) st = ps_poll(cx);
    }
    ps_arena_release(&step);
    return st;
}

static ps_status node_shred(ps_ctx *cx, ps_arena *arena, const ps_pq_write_node *node,
                            const ps_vec *vec, const entries *in)
{
    const ps_vec *data = vec->encoding == PS_ENC_DICTIONARY ? &vec->dict->values : vec;
    const bool none = vec->layout == PS_LAYOUT_NONE;
    entries own;

    PS_TRY(entries_make(cx, arena, in->n, &own));
    PS_TRY(entries_enter(cx, node, vec, in, &own));
    if (node->leaf) return leaf_add(cx, node->leaf, vec, &own);
    if (node->type.id != PS_TYPE_STRUCT)
        return lists_shred(cx, arena, node, data->data, none ? &absent : &data->children[0], &own);
    for (uint32_t i = 0; i < node->n_children; i++)
        PS_TRY(
            node_shred(cx, arena, &node->children[i], none ? &absent : &data->children[i], &own));
    return PS_OK;
}

ps_status ps_pq_shred(ps_ctx *cx, ps_arena *arena, const ps_pq_write_node *node, const ps_vec *vec,
                      const uint32_t *rows, uint32_t n)
{
    entries in;

    PS_TRY(entries_make(cx, arena, n, &in));
    for (uint32_t i = 0; i < n; i++) in.row[i] = rows[i], in.def[i] = 0, in.rep[i] = 0;
    return node_shred(cx, arena, node, vec, &in);
}
