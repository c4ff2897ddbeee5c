/* func/rows.c -- what kernels share: rows wanted, readers, nulls, errors, text results. */
#include "func/rows.h"

#include <stdio.h>

void ps_call_error(ps_call *call, uint32_t row, const char *format, ...)
{
    ps_row_errors *errors = call->errors;

    if (!errors) return;
    ps_bit_set(errors->rows, row);
    errors->any = true;
    if (errors->report && errors->report_row == row) {
        char message[400];
        va_list args;
        va_start(args, format);
        vsnprintf(message, sizeof message, format, args);
        va_end(args);
        ps_fail(call->cx, PS_VALUE, "%s", message);
    }
}

void ps_rows_error(ps_rows *rows, uint32_t row, const char *format, ...)
{
    ps_call *call = rows->call;
    char message[400];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (!rows->constant) {
        ps_call_error(call, row, "%s", message);
        return;
    }
    for (uint32_t k = 0; k < call->n; k++)
        ps_call_error(call, call->sel ? call->sel[k] : k, "%s", message);
}

/* A sequence as flat 64-bit slots. */
static ps_status write_sequence(ps_call *call, const ps_vec *vec, ps_reader_view *in)
{
    int64_t *slots =
        ps_arena_alloc_raw(call->cx, &call->buf->heap, sizeof(int64_t) * PS_MAX(vec->n, 1u), 64);

    if (!slots) return PS_MEMORY;
    for (uint32_t i = 0; i < vec->n; i++) slots[i] = vec->start + (int64_t)i * vec->step;
    *in = (ps_reader_view){.data = slots, .mask = ~0u};
    return PS_OK;
}

ps_status ps_rows_begin(ps_call *call, ps_layout layout, ps_rows *rows)
{
    ps_vec *out = call->out;
    bool null = false;

    PS_ASSERT(out->n <= call->buf->n_max);
    *rows = (ps_rows){
        .call = call, .sel = call->sel, .n = call->n, .constant = call->n > 0 && call->n_args > 0};
    for (uint32_t i = 0; i < call->n_args; i++) {
        const ps_vec *vec = &call->args[i];
        rows->constant &= vec->encoding == PS_ENC_CONSTANT;
        null |= vec->encoding == PS_ENC_CONSTANT && vec->valid && !ps_bit_get(vec->valid, 0);
        if (i >= PS_ROWS_ARGS_MAX) continue;
        if (vec->encoding == PS_ENC_SEQUENCE) PS_TRY(write_sequence(call, vec, &rows->in[i]));
        else rows->in[i] = ps_vec_read(vec);
    }
    rows->reads_text = call->n_args && ps_type_layout(call->args[0].type) == PS_LAYOUT_VIEW;
    const uint64_t *valid = out->valid;
    ps_vec_flat(out, out->type, layout, call->buf->data, valid, out->n);
    rows->out = call->buf->data;
    rows->valid = valid;
    if (rows->constant) {
        const ps_func *func =
            call->expr && call->expr->kind == PS_EXPR_CALL ? call->expr->func : NULL;
        rows->sel = NULL, rows->n = 1;
        out->encoding = PS_ENC_CONSTANT;
        out->valid = rows->valid =
            null && (!func || func->nulls == PS_NULLS_PROPAGATE) ? ps_zero_bits : NULL;
    }
    if (layout == PS_LAYOUT_VIEW)
        memset(rows->out, 0, sizeof(ps_view) * (rows->constant ? 1 : out->n));
    return PS_OK;
}

ps_status ps_rows_set_null(ps_rows *rows, uint32_t row)
{
    ps_vec *out = rows->call->out;
    uint64_t *own = rows->call->buf->valid;

    if (!rows->writable) {
        const uint32_t n = rows->constant ? 1 : out->n;
        if (!out->valid) ps_bits_fill(own, n, true);
        else if (out->valid != own) memcpy(own, out->valid, PS_BITS_BYTES(n));
        out->valid = own;
        rows->writable = true;
    }
    ps_bit_clear(own, row);
    if (out->layout == PS_LAYOUT_VIEW) ((ps_view *)rows->out)[row] = (ps_view){0};
    return PS_OK;
}

bool ps_rows_fits_i64(const ps_vec *vec)
{
    if (vec->layout == PS_LAYOUT_I128) return vec->bounded && vec->encoding != PS_ENC_DICTIONARY;
    return vec->layout != PS_LAYOUT_U64 || (vec->bounded && vec->encoding != PS_ENC_DICTIONARY);
}

/* Slot by slot through codes: the program evaluates dictionaries itself, so this path is rare. */
#define GATHER(T)                                                                                  \
    for (uint32_t k = 0; k < rows->n; k++) {                                                       \
        const uint32_t row = ps_rows_at(rows, k);                                                  \
        to[row] = ((const T *)in->data)[ps_reader_at(in, row)];                                    \
    }                                                                                              \
    break

static void gather_i64(const ps_rows *rows, const ps_reader_view *in, ps_layout layout, int64_t *to)
{
    switch (layout) {
    case PS_LAYOUT_BOOL:
    case PS_LAYOUT_U8: GATHER(uint8_t);
    case PS_LAYOUT_I8: GATHER(int8_t);
    case PS_LAYOUT_I16: GATHER(int16_t);
    case PS_LAYOUT_U16: GATHER(uint16_t);
    case PS_LAYOUT_I32: GATHER(int32_t);
    case PS_LAYOUT_U32: GATHER(uint32_t);
    case PS_LAYOUT_I128:
        for (uint32_t k = 0; k < rows->n; k++) {
            const uint32_t row = ps_rows_at(rows, k);
            to[row] = (int64_t)((const ps_i128 *)in->data)[ps_reader_at(in, row)];
        }
        break;
    default: GATHER(int64_t);
    }
}

static void gather_i128(const ps_rows *rows, const ps_reader_view *in, ps_layout layout,
                        ps_i128 *to)
{
    switch (layout) {
    case PS_LAYOUT_BOOL:
    case PS_LAYOUT_U8: GATHER(uint8_t);
    case PS_LAYOUT_I8: GATHER(int8_t);
    case PS_LAYOUT_I16: GATHER(int16_t);
    case PS_LAYOUT_U16: GATHER(uint16_t);
    case PS_LAYOUT_I32: GATHER(int32_t);
    case PS_LAYOUT_U32: GATHER(uint32_t);
    case PS_LAYOUT_I64: GATHER(int64_t);
    case PS_LAYOUT_U64: GATHER(uint64_t);
    default: GATHER(ps_i128);
    }
}

ps_status ps_rows_ints(ps_rows *rows, uint32_t arg, ps_ints *out)
{
    const ps_vec *vec = &rows->call->args[arg];
    const ps_reader_view *in = &rows->in[arg];
    const bool sequence = vec->encoding == PS_ENC_SEQUENCE;
    const ps_layout layout =
        sequence ? PS_LAYOUT_I64
                 : (ps_layout)(vec->encoding == PS_ENC_DICTIONARY ? vec->dict->values.layout
                                                                  : vec->layout);
    const uint32_t n = PS_MAX(vec->n, 1u);

    *out = (ps_ints){.at = in->data, .mask = in->mask};
    if (!in->codes && (layout == PS_LAYOUT_I64 || layout == PS_LAYOUT_U64)) return PS_OK;
    int64_t *slots =
        ps_arena_alloc_raw(rows->call->cx, &rows->call->buf->heap, sizeof(int64_t) * n, 64);
    if (!slots) return PS_MEMORY;
    out->at = slots;
    if (vec->encoding == PS_ENC_CONSTANT) {
        const ps_rows one = {.n = 1};
        gather_i64(&one, in, layout, slots);
    } else if (!in->codes && ps_layout_is_int(layout) && layout != PS_LAYOUT_I128) {
        ps_slots_convert(layout, in->data, PS_LAYOUT_I64, slots, vec->n);
    } else {
        gather_i64(rows, in, layout, slots);
    }
    return PS_OK;
}

ps_status ps_rows_i128s(ps_rows *rows, uint32_t arg, ps_wides *out)
{
    const ps_vec *vec = &rows->call->args[arg];
    const ps_reader_view *in = &rows->in[arg];
    const ps_layout layout =
        vec->encoding == PS_ENC_SEQUENCE
            ? PS_LAYOUT_I64
            : (ps_layout)(vec->encoding == PS_ENC_DICTIONARY ? vec->dict->values.layout
                                                             : vec->layout);
    const ps_rows one = {.n = 1};

    *out = (ps_wides){.at = in->data, .mask = in->mask};
    if (!in->codes && layout == PS_LAYOUT_I128) return PS_OK;
    ps_i128 *slots = ps_arena_alloc_raw(rows->call->cx, &rows->call->buf->heap,
                                        sizeof(ps_i128) * PS_MAX(vec->n, 1u), 64);
    if (!slots) return PS_MEMORY;
    out->at = slots;
    gather_i128(vec->encoding == PS_ENC_CONSTANT ? &one : rows, in, layout, slots);
    return PS_OK;
}

char *ps_rows_text(ps_rows *rows, size_t n)
{
    rows->unpolled += n;
    return ps_arena_alloc_raw(rows->call->cx, &rows->call->buf->heap, PS_MAX(n, (size_t)1), 1);
}

ps_status ps_rows_put_copy(ps_rows *rows, uint32_t row, const char *text, size_t n)
{
    if (n > 12) {
        char *copy = ps_rows_text(rows, n);
        if (!copy) return PS_MEMORY;
        memcpy(copy, text, n);
        text = copy;
    }
    ps_rows_put(rows, row, text, n);
    return PS_OK;
}

ps_status ps_rows_each(ps_call *call, ps_layout layout, ps_row_fn fn)
{
    ps_rows rows;

    PS_TRY(ps_rows_begin(call, layout, &rows));
    for (uint32_t i = 0; i < PS_MIN(call->n_args, (uint32_t)PS_ROWS_ARGS_MAX); i++) {
        const ps_layout in = ps_type_layout(call->args[i].type);
        ps_ints ints;
        if ((!ps_layout_is_int(in) && in != PS_LAYOUT_BOOL) || in == PS_LAYOUT_I128) continue;
        PS_TRY(ps_rows_ints(&rows, i, &ints));
        rows.ints[i] = ints.at, rows.int_mask[i] = ints.mask;
    }
    for (uint32_t k = 0; k < rows.n; k++) {
        const uint32_t row = ps_rows_at(&rows, k);
        if (!ps_rows_live(&rows, row)) continue;
        PS_TRY(ps_rows_poll(&rows, ps_rows_bytes(&rows, row)));
        PS_TRY(fn(&rows, row));
    }
    return PS_OK;
}
