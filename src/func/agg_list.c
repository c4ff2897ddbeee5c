/* func/agg_list.c -- list: the values of a group, nulls too, in one list.
 *
 * The lists of a batch share one vector of items, which grows in the result buffer's heap; items of
 * any type are copied there whole. Tests: tests/slt/op/aggregate_list.test */
#include "func/agg_collect.h"

/* A vector that grows: its items, and of nested items their children. */
typedef struct items {
    ps_vec *vec;
    char *slots;
    uint64_t *valid;
    uint64_t room;
    struct items *children;
} items;
typedef struct list_items {
    ps_vec child; /* what the result's `children` points at */
    items items;
} list_items;

static ps_status items_init(ps_ctx *cx, ps_arena *arena, ps_type type, ps_vec *vec, items *out)
{
    const ps_layout layout = ps_type_layout(type);
    const ps_type storage = ps_type_storage(type);

    *out = (items){.vec = vec};
    ps_vec_flat(vec, type, layout, NULL, NULL, 0);
    if (layout == PS_LAYOUT_NONE) {
        vec->encoding = PS_ENC_CONSTANT;
        vec->valid = ps_zero_bits;
        return PS_OK;
    }
    const uint32_t n = ps_vec_child_count(vec);
    if (n == 0) return PS_OK;
    ps_vec *children = PS_ARENA_ARRAY(cx, arena, ps_vec, n);
    out->children = PS_ARENA_ARRAY(cx, arena, items, n);
    if (!children || !out->children) return PS_MEMORY;
    vec->children = children;
    for (uint32_t i = 0; i < n; i++) {
        const ps_type item = layout == PS_LAYOUT_LIST && storage.id == PS_TYPE_MAP
                                 ? ps_type_entry(storage)
                                 : storage.ext->fields[i].type;
        PS_TRY(items_init(cx, arena, item, &children[i], &out->children[i]));
    }
    return PS_OK;
}

/* Room for n more items; a first long list gets just what it needs. */
static ps_status items_room(ps_ctx *cx, const ps_agg *agg, ps_vec_buf *buf, items *to, uint64_t n)
{
    const size_t width = ps_layout_bytes((ps_layout)to->vec->layout);
    const uint64_t have = to->vec->n, room = PS_MAX(have + n, to->room ? 2 * to->room : 0);

    if (have + n <= to->room) return PS_OK;
    char *slots = ps_agg_result_alloc(cx, agg, buf, room * width + PS_ALIGN);
    uint64_t *valid = ps_agg_result_alloc(cx, agg, buf, PS_BITS_BYTES(room) + PS_ALIGN);
    if (!slots || !valid) return PS_MEMORY;
    if (have) memcpy(slots, to->slots, have * width), memcpy(valid, to->valid, PS_BITS_BYTES(have));
    to->slots = slots;
    to->valid = valid;
    to->vec->data = slots;
    to->vec->valid = valid;
    to->room = room;
    return PS_OK;
}

/* Gives the long texts of n slots bytes of their own: one block. */
static ps_status own_texts(ps_ctx *cx, const ps_agg *agg, ps_vec_buf *buf, ps_view *views,
                           uint32_t n)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < n; i++) bytes += views[i].n > 12 ? views[i].n : 0;
    if (bytes == 0) return PS_OK;
    char *at = ps_agg_result_alloc(cx, agg, buf, bytes);
    if (!at) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        if (views[i].n <= 12) continue;
        memcpy(at, views[i].at, views[i].n);
        views[i].at = at;
        at += views[i].n;
    }
    return PS_OK;
}

static ps_status items_add(ps_ctx *cx, const ps_agg *agg, ps_vec_buf *buf, items *to,
                           const ps_vec *src)
{
    const ps_layout layout = (ps_layout)to->vec->layout;
    const size_t width = ps_layout_bytes(layout);
    const uint32_t n = src->n, have = to->vec->n;

    if ((uint64_t)have + n > UINT32_MAX)
        return ps_fail(cx, PS_VALUE, "the result of %s is too long: more than 2^32 items",
                       agg->expr->func->name);
    to->vec->n = have + n;
    if (layout == PS_LAYOUT_NONE) return PS_OK;
    to->vec->n = have;
    PS_TRY(items_room(cx, agg, buf, to, n));
    char *slots = to->slots + have * width;
    if (width && n) memcpy(slots, src->data, n * width);
    for (uint32_t i = 0; i < n; i++) {
        const bool valid = !src->valid || ps_bit_get(src->valid, i);
        ps_bit_put(to->valid, have + i, valid);
        if (!valid && width) memset(slots + i * width, 0, width);
    }
    to->vec->n = have + n;
    if (layout == PS_LAYOUT_VIEW) return own_texts(cx, agg, buf, (ps_view *)(void *)slots, n);
    if (layout == PS_LAYOUT_LIST)
        for (uint32_t i = 0; i < n; i++)
            ((ps_list *)(void *)slots)[i].start += to->children[0].vec->n;
    for (uint32_t c = 0; c < ps_vec_child_count(to->vec); c++)
        PS_TRY(items_add(cx, agg, buf, &to->children[c], &src->children[c]));
    return PS_OK;
}

static ps_status list_finish(ps_ctx *cx, const ps_agg *agg, ps_agg_run *run, ps_vec_buf *buf,
                             uint32_t row, ps_vec *out)
{
    list_items *list;
    ps_vec args[4];
    uint32_t n;

    ps_agg_result_begin(agg, buf, row, out);
    if (row == 0) {
        list = PS_ARENA_NEW(cx, &buf->heap, list_items);
        if (!list) return PS_MEMORY;
        PS_TRY(items_init(cx, &buf->heap, agg->expr->args[0]->type, &list->child, &list->items));
        out->children = &list->child;
    }
    list = (list_items *)(uintptr_t)out->children;
    if (run->n == 0) return ps_agg_result_null(buf, row, out), PS_OK;
    if (run->n + list->child.n > UINT32_MAX)
        return ps_fail(cx, PS_VALUE, "the result of %s is too long: %llu items",
                       agg->expr->func->name, (unsigned long long)run->n);
    ((ps_list *)buf->data)[row] = (ps_list){list->child.n, (uint32_t)run->n};
    if (list->child.layout != PS_LAYOUT_NONE)
        PS_TRY(items_room(cx, agg, buf, &list->items, run->n));
    for (uint64_t at = 0; at < run->n; at += n) {
        PS_TRY(run->read(cx, run, at, PS_AGG_READ_ROWS, args, &n));
        PS_TRY(items_add(cx, agg, buf, &list->items, &args[0]));
        PS_TRY(ps_poll(cx));
    }
    return PS_OK;
}
const ps_agg_class ps_aggfn_list = {.collect = true, .finish_run = list_finish};
