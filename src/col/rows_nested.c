/* col/rows_nested.c -- nested values as one run of bytes, so that they fit a row's view.
 *
 * A value is a byte that says null, then: text as length and bytes, numbers as 16 bytes, floats as
 * doubles, lists as count and items, structs as their fields, unions as tag and value. No
 * addresses and no padding: it may move, and equal keys have equal bytes (one NaN, no -0.0).
 * Reading checks every length; depth is bounded by the types'. Tests: tests/unit/test_rows.c */
#include "col/rows.h"

#include "col/value.h"

static void put(ps_text *out, const void *bytes, size_t n) { ps_text_add(out, bytes, n); }

static double canonical(double x) { return x != x ? __builtin_nan("") : x == 0 ? 0 : x; }

static void value_write(const ps_value *value, bool key, ps_text *out)
{
    const uint8_t null = value->null;
    const uint32_t n = value->n_items;
    uint32_t bytes;
    double x;

    put(out, &null, 1);
    if (null) return;
    switch (ps_type_layout(value->type)) {
    case PS_LAYOUT_NONE: break;
    case PS_LAYOUT_VIEW:
        bytes = (uint32_t)value->str.n;
        put(out, &bytes, sizeof(bytes));
        put(out, value->str.at, bytes);
        break;
    case PS_LAYOUT_F16:
    case PS_LAYOUT_F32:
    case PS_LAYOUT_F64:
        x = key ? canonical(value->f64) : value->f64;
        put(out, &x, sizeof(x));
        break;
    case PS_LAYOUT_INTERVAL: put(out, &value->interval, sizeof(value->interval)); break;
    case PS_LAYOUT_LIST: put(out, &n, sizeof(n)); /* fall through */
    case PS_LAYOUT_STRUCT:
        for (uint32_t i = 0; i < n; i++) value_write(&value->items[i], key, out);
        break;
    case PS_LAYOUT_UNION:
        put(out, &value->tag, 1);
        value_write(&value->items[0], key, out);
        break;
    default: put(out, &value->i, sizeof(value->i)); break;
    }
}

ps_status ps_nested_write(ps_ctx *cx, const ps_vec *vec, uint32_t row, bool key, ps_text *out)
{
    ps_arena arena = {0};
    ps_value value;
    const ps_status st = ps_vec_value(cx, &arena, vec, row, &value);

    if (st == PS_OK) value_write(&value, key, out);
    ps_arena_release(&arena);
    return st == PS_OK ? ps_text_status(out) : st;
}

typedef struct input {
    ps_ctx *cx;
    ps_arena *arena;
    const char *at, *end;
} input;

static ps_status take(input *in, void *out, size_t n)
{
    if (n > (size_t)(in->end - in->at))
        return ps_fail(in->cx, PS_DATA, "an encoded nested value ends early");
    memcpy(out, in->at, n);
    in->at += n;
    return PS_OK;
}

static ps_status value_read(input *in, ps_type type, ps_value *out);

static ps_status items_read(input *in, ps_type type, uint32_t n, ps_value *out)
{
    const ps_type storage = ps_type_storage(type);
    const bool fields = ps_type_layout(type) == PS_LAYOUT_STRUCT;

    if (n > (size_t)(in->end - in->at)) /* an item has at least one byte */
        return ps_fail(in->cx, PS_DATA, "an encoded nested value ends early");
    ps_value *items = PS_ARENA_ARRAY(in->cx, in->arena, ps_value, n + 1);
    if (!items) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        const ps_type item = fields                      ? storage.ext->fields[i].type
                             : storage.id == PS_TYPE_MAP ? ps_type_entry(storage)
                                                         : storage.ext->fields[0].type;
        PS_TRY(value_read(in, item, &items[i]));
    }
    out->items = items;
    out->n_items = n;
    return PS_OK;
}

static ps_status union_read(input *in, ps_type type, ps_value *out)
{
    const ps_type storage = ps_type_storage(type);
    ps_value *item = PS_ARENA_ARRAY(in->cx, in->arena, ps_value, 1);

    if (!item) return PS_MEMORY;
    PS_TRY(take(in, &out->tag, 1));
    if (out->tag < 0 || (uint32_t)out->tag >= storage.ext->n_fields)
        return ps_fail(in->cx, PS_DATA, "an encoded union has no such member: %d", out->tag);
    out->items = item;
    out->n_items = 1;
    return value_read(in, storage.ext->fields[out->tag].type, item);
}

static ps_status value_read(input *in, ps_type type, ps_value *out)
{
    uint8_t null;
    uint32_t n;

    PS_TRY(take(in, &null, 1));
    *out = (ps_value){.type = type, .null = null != 0};
    if (null) return PS_OK;
    switch (ps_type_layout(type)) {
    case PS_LAYOUT_NONE: return PS_OK;
    case PS_LAYOUT_VIEW:
        PS_TRY(take(in, &n, sizeof(n)));
        if (n > (size_t)(in->end - in->at))
            return ps_fail(in->cx, PS_DATA, "an encoded nested value ends early");
        out->str = (ps_str){in->at, n};
        in->at += n;
        return PS_OK;
    case PS_LAYOUT_F16:
    case PS_LAYOUT_F32:
    case PS_LAYOUT_F64: return take(in, &out->f64, sizeof(out->f64));
    case PS_LAYOUT_INTERVAL: return take(in, &out->interval, sizeof(out->interval));
    case PS_LAYOUT_LIST: PS_TRY(take(in, &n, sizeof(n))); return items_read(in, type, n, out);
    case PS_LAYOUT_STRUCT: return items_read(in, type, ps_type_storage(type).ext->n_fields, out);
    case PS_LAYOUT_UNION: return union_read(in, type, out);
    default: return take(in, &out->i, sizeof(out->i));
    }
}

ps_status ps_nested_read(ps_ctx *cx, ps_type type, const ps_view *views, const uint64_t *valid,
                         uint32_t n, ps_vec_buf *buf, ps_vec *out)
{
    ps_arena_reset(&buf->heap);
    ps_value *values = PS_ARENA_ARRAY(cx, &buf->heap, ps_value, n + 1);
    if (!values) return PS_MEMORY;
    for (uint32_t k = 0; k < n; k++) {
        values[k] = ps_value_null(type);
        if (valid && !ps_bit_get(valid, k)) continue;
        const char *bytes = ps_view_bytes(&views[k]);
        input in = {cx, &buf->heap, bytes, bytes + views[k].n};
        PS_TRY(value_read(&in, type, &values[k]));
    }
    return ps_vec_of_values(cx, &buf->heap, type, values, n, out);
}
