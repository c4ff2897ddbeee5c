/* func/operand.c -- arguments of a call as raw slots. Tests: tests/unit/test_eval.c */
#include "func/operand.h"

#include "col/slots.h"

enum { SPARSE_PARTS = 16 }; /* fewer wanted rows than 1 in so many: gather them first */

ps_lanes ps_lanes_of(const ps_call *call)
{
    ps_lanes lanes = {
        .sel = call->sel, .n = call->n, .n_loop = call->out->n, .constant = call->n_args > 0};

    for (uint32_t i = 0; i < call->n_args; i++)
        lanes.constant = lanes.constant && call->args[i].encoding == PS_ENC_CONSTANT;
    if (lanes.constant) {
        lanes.n_loop = PS_MIN(call->n, 1u);
    } else if (call->sel && call->n < call->out->n / SPARSE_PARTS) {
        lanes.compact = true;
        lanes.n_loop = call->n;
    }
    return lanes;
}

void *ps_call_scratch(ps_call *call, size_t bytes)
{
    return ps_arena_alloc_raw(call->cx, &call->buf->heap, PS_MAX(bytes, (size_t)16) + 64, 64);
}

ps_status ps_lanes_target(ps_call *call, const ps_lanes *lanes, size_t width, void **out)
{
    *out = call->buf->data;
    if (!lanes->compact && !lanes->constant) return PS_OK;
    *out = ps_call_scratch(call, lanes->n_loop * width);
    return *out ? PS_OK : PS_MEMORY;
}

static void scatter(size_t width, const void *src, const uint32_t *sel, uint32_t n, void *dst)
{
    switch (width) { /* constant sizes: each copy is one move */
    case 1:
        for (uint32_t k = 0; k < n; k++) ((uint8_t *)dst)[sel[k]] = ((const uint8_t *)src)[k];
        return;
    case 2:
        for (uint32_t k = 0; k < n; k++) ((uint16_t *)dst)[sel[k]] = ((const uint16_t *)src)[k];
        return;
    case 4:
        for (uint32_t k = 0; k < n; k++) ((uint32_t *)dst)[sel[k]] = ((const uint32_t *)src)[k];
        return;
    case 8:
        for (uint32_t k = 0; k < n; k++) ((uint64_t *)dst)[sel[k]] = ((const uint64_t *)src)[k];
        return;
    default:
        PS_ASSERT(width == 16);
        for (uint32_t k = 0; k < n; k++)
            memcpy((char *)dst + (size_t)sel[k] * 16, (const char *)src + (size_t)k * 16, 16);
    }
}

void ps_lanes_finish(ps_call *call, const ps_lanes *lanes, ps_layout layout, const void *slots)
{
    size_t width = ps_layout_bytes(layout);

    if (lanes->constant && lanes->n_loop)
        ps_slots_fill(width, slots, call->out->n, call->buf->data);
    else if (lanes->compact) scatter(width, slots, lanes->sel, lanes->n, call->buf->data);
    call->out->data = call->buf->data;
    call->out->layout = (uint8_t)layout;
    call->out->encoding = PS_ENC_FLAT;
}

/* Bounds from the vector: always true of its valid rows. */
static void operand_bounds(const ps_vec *v, ps_operand *out)
{
    bool narrow = v->layout != PS_LAYOUT_I128 && v->layout != PS_LAYOUT_U64;

    out->exact = v->bounded || v->layout == PS_LAYOUT_BOOL;
    out->lo = v->lo, out->hi = v->hi;
    if (v->layout == PS_LAYOUT_BOOL) out->lo = 0, out->hi = 1;
    if (narrow || v->bounded) return;
    if (v->layout == PS_LAYOUT_U64) {
        out->lo = 0, out->hi = UINT64_MAX;
    } else if (!ps_type_range(v->type, &out->lo, &out->hi)) {
        out->hi = (ps_i128)(~(ps_u128)0 >> 1);
        out->lo = -out->hi - 1;
    }
}

ps_status ps_operand_get(ps_call *call, const ps_lanes *lanes, uint32_t arg, ps_operand *out)
{
    const ps_vec *v = &call->args[arg];
    size_t width = ps_layout_bytes(v->layout);
    bool integer = ps_layout_is_int(v->layout) || v->layout == PS_LAYOUT_BOOL;
    void *scratch;

    *out = (ps_operand){.data = v->data, .layout = v->layout};
    if (integer) operand_bounds(v, out);
    switch ((ps_encoding)v->encoding) {
    case PS_ENC_CONSTANT:
        out->one = out->exact = true;
        if (integer)
            out->lo = out->hi = ps_vec_row_valid(v, 0) ? ps_slot_get(v->layout, v->data, 0) : 0;
        return PS_OK;
    case PS_ENC_FLAT:
        if (!lanes->compact) return PS_OK;
        break;
    case PS_ENC_SEQUENCE: width = 8, out->layout = PS_LAYOUT_I64; break;
    case PS_ENC_DICTIONARY: break;
    }
    scratch = ps_call_scratch(call, width * (lanes->compact ? lanes->n : v->n));
    if (!scratch) return PS_MEMORY;
    out->data = scratch;
    if (v->encoding == PS_ENC_SEQUENCE) {
        ps_slots_sequence(PS_LAYOUT_I64, v->start, v->step, lanes->compact ? lanes->sel : NULL,
                          lanes->n_loop, scratch);
    } else if (v->encoding == PS_ENC_FLAT) {
        ps_slots_take(width, v->data, lanes->sel, lanes->n, scratch);
    } else if (v->dict->values.n == 0) {
        memset(scratch, 0, width * lanes->n_loop); /* all rows are null */
    } else if (lanes->compact) {
        uint32_t *codes = ps_call_scratch(call, sizeof(*codes) * lanes->n);
        if (!codes) return PS_MEMORY;
        ps_slots_take(sizeof(*codes), v->codes, lanes->sel, lanes->n, codes);
        ps_slots_take(width, v->dict->values.data, codes, lanes->n, scratch);
    } else if (lanes->sel) {
        ps_slots_take_at(width, v->dict->values.data, v->codes, lanes->sel, lanes->n, scratch);
    } else {
        ps_slots_take(width, v->dict->values.data, v->codes, lanes->n, scratch);
    }
    return PS_OK;
}

void ps_operand_measure(ps_call *call, const ps_lanes *lanes, uint32_t arg, ps_operand *operand)
{
    const ps_vec *v = &call->args[arg];
    bool first = true,
         nulls = v->valid || (v->encoding == PS_ENC_DICTIONARY && v->dict->values.valid);
    ps_i128 lo = 0, hi = 0;

    if (operand->exact) return;
    operand->exact = true;
    if (!nulls && (!lanes->sel || lanes->compact) && lanes->n_loop &&
        ps_arith_kernels_get()->bounds[operand->layout]) {
        int64_t least, most;
        ps_arith_kernels_get()->bounds[operand->layout](operand->data, lanes->n_loop, &least,
                                                        &most);
        operand->lo = least, operand->hi = most;
        return;
    }
    for (uint32_t k = 0; k < lanes->n; k++) {
        ps_i128 x;
        if (nulls && !ps_vec_row_valid(v, ps_lanes_row(lanes, k))) continue;
        x = ps_slot_get(operand->layout, operand->data, ps_lanes_slot(lanes, k));
        lo = first || x < lo ? x : lo;
        hi = first || x > hi ? x : hi;
        first = false;
    }
    operand->lo = lo, operand->hi = hi;
}

ps_layout ps_operand_signed(const ps_operand *operand)
{
    ps_layout by_value = ps_layout_for(operand->lo, operand->hi);

    if (by_value < PS_LAYOUT_I16) by_value = PS_LAYOUT_I16;
    if (operand->one) return by_value;
    switch ((ps_layout)operand->layout) {
    case PS_LAYOUT_I64:
    case PS_LAYOUT_U32: return PS_LAYOUT_I64;
    case PS_LAYOUT_I32:
    case PS_LAYOUT_U16: return PS_LAYOUT_I32;
    case PS_LAYOUT_I128:
    case PS_LAYOUT_U64: return PS_MAX(by_value, PS_LAYOUT_I64);
    default: return PS_LAYOUT_I16;
    }
}

ps_status ps_operand_as(ps_call *call, const ps_lanes *lanes, const ps_operand *operand,
                        ps_layout layout, const void **out)
{
    ps_layout from = operand->layout;
    void *scratch;

    *out = operand->data;
    if (from == PS_LAYOUT_BOOL) from = PS_LAYOUT_U8;
    if (from == layout || (from == PS_LAYOUT_U64 && layout == PS_LAYOUT_I64 && !operand->one))
        return PS_OK;
    scratch = ps_call_scratch(call, (operand->one ? 1 : lanes->n_loop) * ps_layout_bytes(layout));
    if (!scratch) return PS_MEMORY;
    if (operand->one) {
        ps_slot_put(layout, scratch, 0, operand->lo);
    } else {
        PS_ASSERT(ps_arith_kernels_get()->convert[from][layout]);
        ps_arith_kernels_get()->convert[from][layout](operand->data, scratch, lanes->n_loop);
    }
    *out = scratch;
    return PS_OK;
}

void ps_call_error_binary(ps_call *call, uint32_t row, const char *what, const ps_value *a,
                          const char *op, const ps_value *b)
{
    ps_text text;

    if (!ps_call_reports(call, row)) {
        ps_call_mark(call, row);
        return;
    }
    ps_text_init(&text, call->cx);
    if (a) ps_value_print(a, &text);
    ps_text_printf(&text, a ? " %s " : "%s", op);
    if (b) ps_value_print(b, &text);
    ps_text_puts(&text, " (");
    ps_type_print(call->out->type, &text);
    ps_text_char(&text, ')');
    ps_call_error(call, row, "%s in %s", what, ps_text_status(&text) == PS_OK ? text.at : op);
    ps_text_release(&text);
}
