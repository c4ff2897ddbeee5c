/* col/vec_value.c -- single values out of vectors, and small vectors out of values.
 *
 * For literals, statistics, printing and tests: nothing here is meant for loops over data.
 * Recursion follows the type, whose depth is bounded. */
#include "col/slots.h"
#include "col/value.h"

static ps_status nested_value(ps_ctx *cx, ps_arena *arena, const ps_vec *vec, uint32_t at,
                              ps_value *out)
{
    const ps_type type = ps_type_storage(vec->type);
    const uint32_t n = vec->layout == PS_LAYOUT_LIST     ? ((const ps_list *)vec->data)[at].n
                       : vec->layout == PS_LAYOUT_STRUCT ? type.ext->n_fields
                                                         : 1;
    ps_value *items = PS_ARENA_ARRAY(cx, arena, ps_value, n);

    if (!items) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        if (vec->layout == PS_LAYOUT_LIST) {
            const uint32_t start = ((const ps_list *)vec->data)[at].start;
            PS_TRY(ps_vec_value(cx, arena, &vec->children[0], start + i, &items[i]));
        } else if (vec->layout == PS_LAYOUT_STRUCT) {
            PS_TRY(ps_vec_value(cx, arena, &vec->children[i], at, &items[i]));
        } else {
            out->tag = ((const int8_t *)vec->data)[at];
            PS_TRY(ps_vec_value(cx, arena, &vec->children[out->tag], at, &items[i]));
        }
    }
    out->items = items;
    out->n_items = n;
    return PS_OK;
}

ps_status ps_vec_value(ps_ctx *cx, ps_arena *arena, const ps_vec *vec, uint32_t row, ps_value *out)
{
    PS_ASSERT(row < vec->n);
    *out = ps_value_null(vec->type);
    if (vec->encoding == PS_ENC_SEQUENCE) {
        *out = ps_value_int(vec->type, (ps_i128)vec->start + (ps_i128)vec->step * row);
        return PS_OK;
    }
    if (!ps_vec_row_valid(vec, row)) return PS_OK;
    if (vec->encoding == PS_ENC_DICTIONARY) {
        PS_TRY(ps_vec_value(cx, arena, &vec->dict->values, vec->codes[row], out));
        out->type = vec->type;
        return PS_OK;
    }
    const uint32_t at = vec->encoding == PS_ENC_CONSTANT ? 0 : row;
    out->null = false;
    switch (vec->layout) {
    case PS_LAYOUT_NONE: out->null = true; break;
    case PS_LAYOUT_F16: out->f64 = (double)ps_f16_to(((const uint16_t *)vec->data)[at]); break;
    case PS_LAYOUT_F32: out->f64 = (double)((const float *)vec->data)[at]; break;
    case PS_LAYOUT_F64: out->f64 = ((const double *)vec->data)[at]; break;
    case PS_LAYOUT_VIEW: out->str = ps_view_str(&((const ps_view *)vec->data)[at]); break;
    case PS_LAYOUT_INTERVAL: out->interval = ((const ps_interval *)vec->data)[at]; break;
    case PS_LAYOUT_LIST:
    case PS_LAYOUT_STRUCT:
    case PS_LAYOUT_UNION: return nested_value(cx, arena, vec, at, out);
    default: out->i = ps_slot_get((ps_layout)vec->layout, vec->data, at);
    }
    return PS_OK;
}

/* ---- vectors of values ---- */

static ps_status slot_of_value(ps_ctx *cx, ps_arena *arena, const ps_value *value, ps_layout layout,
                               char *slot)
{
    switch (layout) {
    case PS_LAYOUT_NONE: return PS_OK;
    case PS_LAYOUT_F16: {
        const uint16_t half = ps_f16_of((float)value->f64);
        memcpy(slot, &half, sizeof half);
        return PS_OK;
    }
    case PS_LAYOUT_F32: {
        const float single = (float)value->f64;
        memcpy(slot, &single, sizeof single);
        return PS_OK;
    }
    case PS_LAYOUT_F64: memcpy(slot, &value->f64, sizeof value->f64); return PS_OK;
    case PS_LAYOUT_INTERVAL: memcpy(slot, &value->interval, sizeof value->interval); return PS_OK;
    case PS_LAYOUT_VIEW: {
        const char *bytes = value->str.at;
        if (value->str.n > UINT32_MAX)
            return ps_fail(cx, PS_VALUE, "a text is too long: %zu bytes", value->str.n);
        if (value->str.n > 12) {
            bytes = ps_arena_strndup(cx, arena, bytes, value->str.n);
            if (!bytes) return PS_MEMORY;
        }
        const ps_view view = ps_view_of(bytes, value->str.n);
        memcpy(slot, &view, sizeof view);
        return PS_OK;
    }
    default: ps_slot_put(layout, slot, 0, value->i); return PS_OK;
    }
}

static ps_status lists_of_values(ps_ctx *cx, ps_arena *arena, ps_type type, const ps_value *values,
                                 uint32_t n, ps_list *slots, ps_vec *child)
{
    const ps_type item = type.id == PS_TYPE_MAP ? ps_type_entry(type) : type.ext->fields[0].type;
    uint64_t total = 0;

    for (uint32_t i = 0; i < n; i++) total += values[i].null ? 0 : values[i].n_items;
    if (total > UINT32_MAX) return ps_fail(cx, PS_UNSUPPORTED, "lists hold too many items");
    ps_value *items = PS_ARENA_ARRAY(cx, arena, ps_value, total);
    if (!items) return PS_MEMORY;
    uint32_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (values[i].null) continue;
        slots[i] = (ps_list){at, values[i].n_items};
        if (values[i].n_items)
            memcpy(items + at, values[i].items, values[i].n_items * sizeof *items);
        at += values[i].n_items;
    }
    return ps_vec_of_values(cx, arena, item, items, at, child);
}

/* Children of structs and unions: one value a row each, null where the row has none. */
static ps_status children_of_values(ps_ctx *cx, ps_arena *arena, ps_type type,
                                    const ps_value *values, uint32_t n, int8_t *tags,
                                    ps_vec *children)
{
    ps_value *column = PS_ARENA_ARRAY(cx, arena, ps_value, n);

    if (!column) return PS_MEMORY;
    for (uint32_t f = 0; f < type.ext->n_fields; f++) {
        for (uint32_t i = 0; i < n; i++) {
            const ps_value *value = &values[i];
            column[i] = ps_value_null(type.ext->fields[f].type);
            if (value->null) continue;
            if (!tags) column[i] = value->items[f];
            else if ((tags[i] = value->tag) == (int8_t)f) column[i] = value->items[0];
        }
        PS_TRY(ps_vec_of_values(cx, arena, type.ext->fields[f].type, column, n, &children[f]));
    }
    return PS_OK;
}

ps_status ps_vec_of_values(ps_ctx *cx, ps_arena *arena, ps_type type, const ps_value *values,
                           uint32_t n, ps_vec *out)
{
    const ps_type storage = ps_type_storage(type);
    const ps_layout layout = ps_type_layout(type);
    const size_t width = ps_layout_bytes(layout);
    uint64_t *valid = PS_ARENA_ARRAY(cx, arena, uint64_t, PS_BITS_WORDS(n) + 1);
    char *data = ps_arena_alloc_raw(cx, arena, width * n + PS_ALIGN, PS_ALIGN);
    bool any_null = false;

    if (!valid || !data) return PS_MEMORY;
    memset(data, 0, width * n + PS_ALIGN);
    for (uint32_t i = 0; i < n; i++) {
        ps_bit_put(valid, i, !values[i].null);
        any_null |= values[i].null;
    }
    ps_vec_flat(out, type, layout, data, any_null ? valid : NULL, n);
    if (layout == PS_LAYOUT_NONE) {
        out->encoding = PS_ENC_CONSTANT;
        out->valid = ps_zero_bits;
        return PS_OK;
    }
    ps_vec *children = PS_ARENA_ARRAY(cx, arena, ps_vec, ps_vec_child_count(out));
    if (!children) return PS_MEMORY;
    out->children = ps_vec_child_count(out) ? children : NULL;
    if (layout == PS_LAYOUT_LIST)
        return lists_of_values(cx, arena, storage, values, n, (ps_list *)(void *)data, children);
    if (layout == PS_LAYOUT_STRUCT || layout == PS_LAYOUT_UNION)
        return children_of_values(cx, arena, storage, values, n,
                                  layout == PS_LAYOUT_UNION ? (int8_t *)data : NULL, children);
    for (uint32_t i = 0; i < n; i++)
        if (!values[i].null) PS_TRY(slot_of_value(cx, arena, &values[i], layout, data + i * width));
    return PS_OK;
}
