/* func/list.c -- lists: making them from values, taking items out.
 *
 * Items are written in their type's own layout; lists of nested items wait for a builder of
 * children. Tests: the examples in list.toml. */
#include "func/rows.h"

/* Writes a value into slot `at` of canonical layout; text is borrowed from the argument. */
static void put_item(ps_layout layout, void *slots, uint32_t at, const ps_value *value)
{
    switch (layout) {
    case PS_LAYOUT_VIEW: ((ps_view *)slots)[at] = ps_view_of(value->str.at, value->str.n); break;
    case PS_LAYOUT_F64: ((double *)slots)[at] = value->f64; break;
    case PS_LAYOUT_F32: ((float *)slots)[at] = (float)value->f64; break;
    case PS_LAYOUT_F16: ((uint16_t *)slots)[at] = ps_f16_of((float)value->f64); break;
    case PS_LAYOUT_INTERVAL: ((ps_interval *)slots)[at] = value->interval; break;
    default:
        memcpy((char *)slots + at * ps_layout_bytes(layout), &value->i, ps_layout_bytes(layout));
        break;
    }
}

/* Room for n items of a type with a validity bitmap, all valid. */
static ps_status items_new(ps_call *call, ps_type type, uint32_t n, ps_vec *out, uint64_t **valid,
                           void **slots)
{
    const ps_layout layout = ps_type_layout(type);
    const size_t bytes = ps_layout_bytes(layout);

    if (layout == PS_LAYOUT_LIST || layout == PS_LAYOUT_STRUCT || layout == PS_LAYOUT_UNION)
        return ps_fail(call->cx, PS_UNSUPPORTED, "a list of nested values is not supported yet");
    *slots = ps_arena_alloc(call->cx, &call->buf->heap, bytes * n + 64);
    *valid = ps_arena_alloc(call->cx, &call->buf->heap, PS_BITS_BYTES(n) + 8);
    if (!*slots || !*valid) return PS_MEMORY;
    ps_bits_fill(*valid, n, true);
    ps_vec_flat(out, type, layout, *slots, *valid, n);
    return PS_OK;
}

static ps_status list_value_eval(ps_call *call)
{
    const ps_type item = call->out->type.ext->fields[0].type;
    ps_vec *child = PS_ARENA_NEW(call->cx, &call->buf->heap, ps_vec);
    uint64_t *valid;
    void *slots;
    ps_rows rows;

    if (!child) return PS_MEMORY;
    PS_TRY(ps_rows_begin(call, PS_LAYOUT_LIST, &rows));
    PS_TRY(items_new(call, item, rows.n * call->n_args, child, &valid, &slots));
    for (uint32_t k = 0; k < rows.n; k++) {
        const uint32_t row = ps_rows_at(&rows, k), start = k * call->n_args;
        if ((k & 255) == 255) PS_TRY(ps_poll(call->cx));
        PS_ROWS_OUT(&rows, ps_list)[row] = (ps_list){start, call->n_args};
        for (uint32_t i = 0; i < call->n_args; i++) {
            ps_value value;
            PS_TRY(ps_vec_value(call->cx, &call->buf->heap, &call->args[i], row, &value));
            if (value.null) ps_bit_clear(valid, start + i);
            else put_item((ps_layout)child->layout, slots, start + i, &value);
        }
    }
    call->out->children = child;
    return PS_OK;
}
PS_FN(list_value, .eval = list_value_eval);

/* The items are gathered at once; rows without one are null. */
static ps_status list_extract_eval(ps_call *call)
{
    const ps_vec *lists = &call->args[0];
    const ps_vec *child =
        lists->encoding == PS_ENC_DICTIONARY ? lists->dict->values.children : lists->children;
    const uint32_t n = call->out->n;
    const ps_type type = call->out->type;
    uint32_t *at = ps_arena_alloc(call->cx, &call->buf->heap, sizeof *at * PS_MAX(n, 1u));
    uint64_t *valid = ps_arena_alloc(call->cx, &call->buf->heap, PS_BITS_BYTES(n) + 8);
    ps_rows rows;
    ps_ints index;

    if (!at || !valid) return PS_MEMORY;
    PS_TRY(ps_rows_begin(call, ps_type_layout(type), &rows));
    PS_TRY(ps_rows_ints(&rows, 1, &index));
    for (uint32_t k = 0; k < call->n; k++) {
        const uint32_t row = call->sel ? call->sel[k] : k;
        if (!ps_rows_arg_valid(&rows, 0, row) || !ps_rows_arg_valid(&rows, 1, row)) continue;
        const ps_list list = ((const ps_list *)rows.in[0].data)[ps_reader_at(&rows.in[0], row)];
        const int64_t i = ps_ints_at(&index, row), from_start = i > 0   ? i - 1
                                                                : i < 0 ? i + list.n
                                                                        : -1;
        if (from_start < 0 || from_start >= list.n) continue;
        at[row] = list.start + (uint32_t)from_start;
        if (ps_vec_row_valid(child, at[row])) ps_bit_set(valid, row);
    }
    if (child->n == 0) {
        ps_vec_flat(call->out, type, ps_type_layout(type), call->buf->data, ps_zero_bits, n);
        memset(call->buf->data, 0, ps_layout_bytes((ps_layout)call->out->layout) * n);
        return PS_OK;
    }
    PS_TRY(ps_vec_gather(call->cx, child, at, n, call->buf, call->out));
    if (call->out->encoding == PS_ENC_CONSTANT)
        return PS_OK; /* a constant item: validity is its own */
    call->out->valid = valid;
    return PS_OK;
}
PS_FN(list_extract, .eval = list_extract_eval);
