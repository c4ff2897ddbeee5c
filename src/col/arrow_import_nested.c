/* col/arrow_import_nested.c -- lists, structs, maps, unions. */
#include "col/arrow_import.h"
#include "col/value.h"
#include "col/vec_take.h"

static ps_status import_child(const ps_arrow_import *im, const ps_arrow_window *w, uint32_t i,
                              ps_type type, int64_t skip, int64_t n, ps_vec *out)
{
    return ps_arrow_import_vec(im, w->schema->children[i], w->array->children[i], type, skip, n,
                               w->depth + 1, out);
}

static ps_type item_type(ps_type list)
{
    return list.id == PS_TYPE_MAP ? ps_type_entry(list) : list.ext->fields[0].type;
}

static int64_t int_at(const char *at, bool wide, int64_t i)
{
    int64_t long_value;
    int32_t value;

    if (wide) {
        memcpy(&long_value, at + i * 8, sizeof long_value);
        return long_value;
    }
    memcpy(&value, at + i * 4, sizeof value);
    return value;
}

/* Entries of a map are never null, nor are its keys. */
static ps_status check_map(const ps_arrow_import *im, const ps_vec *entries)
{
    const ps_vec *keys = &entries->children[0];
    bool null = false;

    if (entries->encoding != PS_ENC_FLAT) return PS_OK;
    for (uint32_t i = 0; i < entries->n && !null; i++)
        null = !ps_vec_row_valid(entries, i) || !ps_vec_row_valid(keys, i);
    return null ? ps_fail(im->cx, PS_DATA, "a map in an Arrow array has a null entry or key")
                : PS_OK;
}

static ps_status list_out(const ps_arrow_import *im, const ps_arrow_window *w, const ps_list *slots,
                          int64_t first, int64_t n_items, ps_vec *out)
{
    ps_vec *child = PS_ARENA_NEW(im->cx, im->arena, ps_vec);

    if (!child) return PS_MEMORY;
    PS_TRY(import_child(im, w, 0, item_type(w->type), first, n_items, child));
    ps_vec_flat(out, w->type, PS_LAYOUT_LIST, slots, w->valid, w->n);
    out->children = child;
    return w->type.id == PS_TYPE_MAP ? check_map(im, child) : PS_OK;
}

ps_status ps_arrow_import_list(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out)
{
    const bool wide = w->form.kind == PS_ARROW_LIST64;
    ps_list *slots = ps_arrow_room(im, w->n, sizeof *slots);
    const char *offsets;
    int64_t first = 0, last = 0;

    if (!slots) return PS_MEMORY;
    PS_TRY(ps_arrow_buffer(im, w, 1, &offsets));
    if (w->n) first = last = int_at(offsets, wide, w->first);
    for (uint32_t i = 0; i < w->n; i++) {
        const int64_t next = int_at(offsets, wide, w->first + i + 1);
        if (last < 0 || next < last || next - first > INT32_MAX)
            return ps_fail(im->cx, PS_DATA, "offset %u of an Arrow list is %lld after %lld", i + 1,
                           (long long)next, (long long)last);
        if (PS_ARROW_VALID(w, i))
            slots[i] = (ps_list){(uint32_t)(last - first), (uint32_t)(next - last)};
        last = next;
    }
    return list_out(im, w, slots, first, last - first, out);
}

ps_status ps_arrow_import_list_view(const ps_arrow_import *im, const ps_arrow_window *w,
                                    ps_vec *out)
{
    const bool wide = w->form.kind == PS_ARROW_LIST_VIEW64;
    const int64_t n_items = w->array->children[0]->length;
    ps_list *slots = ps_arrow_room(im, w->n, sizeof *slots);
    const char *offsets, *sizes;

    if (!slots) return PS_MEMORY;
    PS_TRY(ps_arrow_buffer(im, w, 1, &offsets));
    PS_TRY(ps_arrow_buffer(im, w, 2, &sizes));
    if (n_items < 0 || n_items > INT32_MAX)
        return ps_fail(im->cx, n_items < 0 ? PS_DATA : PS_UNSUPPORTED,
                       "the items of an Arrow list view are too many or bad: %lld",
                       (long long)n_items);
    for (uint32_t i = 0; i < w->n; i++) {
        if (!PS_ARROW_VALID(w, i)) continue;
        const int64_t at = int_at(offsets, wide, w->first + i),
                      n = int_at(sizes, wide, w->first + i);
        if (at < 0 || n < 0 || n > n_items || at > n_items - n)
            return ps_fail(im->cx, PS_DATA,
                           "an Arrow list view reaches past its items: %lld + %lld of %lld",
                           (long long)at, (long long)n, (long long)n_items);
        slots[i] = (ps_list){(uint32_t)at, (uint32_t)n};
    }
    return list_out(im, w, slots, 0, n_items, out);
}

ps_status ps_arrow_import_array(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out)
{
    const int64_t width = w->type.width;
    ps_list *slots = ps_arrow_room(im, w->n, sizeof *slots);
    int64_t first, n_items;

    if (!slots) return PS_MEMORY;
    if (__builtin_mul_overflow(w->first, width, &first) ||
        __builtin_mul_overflow((int64_t)w->n, width, &n_items))
        return ps_fail(im->cx, PS_DATA, "an Arrow array of %lld items a row has too many rows",
                       (long long)width);
    if (n_items > INT32_MAX)
        return ps_fail(im->cx, PS_UNSUPPORTED,
                       "an Arrow array has too many items for one batch: %lld", (long long)n_items);
    for (uint32_t i = 0; i < w->n; i++)
        if (PS_ARROW_VALID(w, i)) slots[i] = (ps_list){(uint32_t)(i * width), (uint32_t)width};
    return list_out(im, w, slots, first, n_items, out);
}

ps_status ps_arrow_import_struct(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out)
{
    const uint32_t n = w->type.ext->n_fields;
    ps_vec *children = PS_ARENA_ARRAY(im->cx, im->arena, ps_vec, n);

    if (!children) return PS_MEMORY;
    if (w->array->n_children != (int64_t)n)
        return ps_fail(im->cx, PS_MISUSE, "an Arrow struct has %lld members, its type has %u",
                       (long long)w->array->n_children, n);
    for (uint32_t i = 0; i < n; i++)
        PS_TRY(import_child(im, w, i, w->type.ext->fields[i].type, w->first, w->n, &children[i]));
    ps_vec_flat(out, w->type, PS_LAYOUT_STRUCT, NULL, w->valid, w->n);
    out->children = children;
    return PS_OK;
}

/* ---- unions ---- */

/* Arrow's type ids to our child numbers. */
static ps_status read_tags(const ps_arrow_import *im, const ps_arrow_window *w, int8_t *tags)
{
    int8_t child_of[128];
    const char *ids;

    memset(child_of, -1, sizeof child_of);
    for (uint32_t i = 0; i < w->form.n_tags; i++) child_of[w->form.tags[i]] = (int8_t)i;
    PS_TRY(ps_arrow_buffer(im, w, 0, &ids));
    for (uint32_t i = 0; i < w->n; i++) {
        const signed char id = (signed char)ids[w->first + i];
        tags[i] = id >= 0 ? child_of[id] : -1;
        if (tags[i] < 0)
            return ps_fail(im->cx, PS_DATA, "a type id of an Arrow union is not declared: %d", id);
    }
    return PS_OK;
}

/* A member of a dense union spread out to one row per row of the union. */
static ps_status spread_child(const ps_arrow_import *im, const ps_arrow_window *w,
                              const int8_t *tags, uint32_t c, uint32_t *idx, ps_vec *out)
{
    const int64_t n_items = w->array->children[c]->length;
    const ps_take how = {.cx = im->cx, .arena = im->arena};
    const ps_type type = w->type.ext->fields[c].type;
    const char *offsets;
    ps_vec child;

    PS_TRY(ps_arrow_buffer(im, w, 1, &offsets));
    for (uint32_t i = 0; i < w->n; i++) {
        idx[i] = 0;
        if (tags[i] != (int8_t)c) continue;
        const int64_t at = int_at(offsets, false, w->first + i);
        if (at < 0 || at >= n_items)
            return ps_fail(im->cx, PS_DATA,
                           "an offset of an Arrow union lies outside member %u: %lld of %lld", c,
                           (long long)at, (long long)n_items);
        idx[i] = (uint32_t)at;
    }
    if (n_items == 0) {
        const ps_value null = ps_value_null(type);
        PS_TRY(import_child(im, w, c, type, 0, 0, &child)); /* its shape is checked all the same */
        return ps_vec_constant(im->cx, im->arena, &null, w->n, out);
    }
    PS_TRY(import_child(im, w, c, type, 0, n_items, &child));
    PS_TRY(ps_vec_take(&how, &child, idx, w->n, NULL, NULL, out));
    out->owner = &im->holder->owner;
    return PS_OK;
}

ps_status ps_arrow_import_union(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out)
{
    const uint32_t n = w->type.ext->n_fields;
    ps_vec *children = PS_ARENA_ARRAY(im->cx, im->arena, ps_vec, n);
    int8_t *tags = ps_arrow_room(im, w->n, 1);
    uint32_t *idx = ps_arrow_room(im, w->n, sizeof *idx);

    if (!children || !tags || !idx) return PS_MEMORY;
    if (w->array->n_children != (int64_t)n || w->form.n_tags != n)
        return ps_fail(im->cx, PS_MISUSE, "an Arrow union has %lld members, its type has %u",
                       (long long)w->array->n_children, n);
    PS_TRY(read_tags(im, w, tags));
    for (uint32_t i = 0; i < n; i++) {
        if (w->form.kind == PS_ARROW_UNION_DENSE)
            PS_TRY(spread_child(im, w, tags, i, idx, &children[i]));
        else
            PS_TRY(
                import_child(im, w, i, w->type.ext->fields[i].type, w->first, w->n, &children[i]));
    }
    ps_vec_flat(out, w->type, PS_LAYOUT_UNION, tags, NULL, w->n);
    out->children = children;
    return PS_OK;
}
