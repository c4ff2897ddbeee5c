/* exec/sort_bound.c -- top-n: rows that their first key alone keeps out.
 *
 * Once a lane has as many rows as are wanted, the last of them bounds the first key: a row beyond
 * it can't be in the result, whatever its other keys are. For integers and the first four bytes of
 * texts that is one comparison a row, and none where a batch's bounds say it; only rows that pass
 * get normalised keys. Rows equal to the bound pass, for other keys and positions decide.
 * Tests: tests/slt/op/sort_topn.test */
#include "exec/sorter.h"

#include "col/slots.h"

/* The first bytes as a number that orders as they do; texts that are shorter have zeros. */
static int64_t prefix_of(const ps_view *view)
{
    uint32_t bytes;

    memcpy(&bytes, view->prefix, 4);
    return (int64_t)__builtin_bswap32(bytes);
}

void ps_sort_bound_set(const ps_sort_spec *spec, const uint8_t *row, ps_sort_bound *bound)
{
    bound->known = false;
    if (spec->n_keys == 0) return;
    const ps_row_col *col = &spec->layout->cols[0];
    bound->text = col->layout == PS_LAYOUT_VIEW;
    if (col->nested) return;
    if (!bound->text && !ps_layout_is_int((ps_layout)col->layout)) return;
    bound->null = ps_row_null(col, row);
    bound->known = true;
    if (bound->null) return;
    char slot[16] __attribute__((aligned(16)));
    memcpy(slot, row + col->at, col->slot_bytes);
    if (bound->text) {
        bound->value = prefix_of((const ps_view *)(const void *)slot);
        return;
    }
    const ps_i128 value = ps_slot_get((ps_layout)col->layout, slot, 0);
    bound->known = value >= INT64_MIN && value <= INT64_MAX;
    bound->value = (int64_t)value;
}

/* Texts that lie flat, or in a dictionary. */
static uint32_t pass_texts(const ps_sort_spec *spec, const ps_sort_bound *bound, const ps_vec *vec,
                           const ps_batch *in, uint32_t *sel)
{
    const bool descending = spec->keys[0].descending, nulls = spec->keys[0].nulls_first;
    const ps_reader_view r = ps_vec_read(vec);
    uint32_t n = 0;

    for (uint32_t k = 0; k < in->n_live; k++) {
        const uint32_t row = in->sel ? in->sel[k] : k;
        const int64_t prefix = prefix_of(&((const ps_view *)r.data)[ps_reader_at(&r, row)]);
        sel[n] = row;
        if (!ps_reader_valid(&r, row)) n += nulls;
        else n += descending ? prefix >= bound->value : prefix <= bound->value;
    }
    return n;
}

#define PASS(T, OP)                                                                                \
    for (uint32_t k = 0; k < in->n_live; k++) {                                                    \
        const uint32_t row = in->sel ? in->sel[k] : k;                                             \
        const bool null = vec->valid && !ps_bit_get(vec->valid, row);                              \
        sel[n] = row;                                                                              \
        n += null ? nulls : (int64_t)((const T *)vec->data)[row] OP bound->value;                  \
    }
#define PASS_EITHER(T)                                                                             \
    if (descending) PASS(T, >=) else PASS(T, <=) break;

bool ps_sort_bound_pass(const ps_sort_spec *spec, const ps_sort_bound *bound, const ps_vec *vec,
                        const ps_batch *in, uint32_t *sel, uint32_t *n_out)
{
    const bool descending = spec->keys[0].descending, nulls = spec->keys[0].nulls_first;
    uint32_t n = 0;

    /* a bound that is null keeps out nothing, or all that is not */
    if (!bound->known || bound->null) return false;
    if (bound->text && vec->layout == PS_LAYOUT_VIEW && vec->encoding != PS_ENC_SEQUENCE) {
        *n_out = pass_texts(spec, bound, vec, in, sel);
        return true;
    }
    if (bound->text || vec->encoding != PS_ENC_FLAT) return false;
    if (!vec->valid && vec->layout != PS_LAYOUT_I128 && vec->layout <= PS_LAYOUT_U32 &&
        (descending ? vec->hi < bound->value : vec->lo > bound->value)) {
        *n_out = 0;
        return true;
    }
    switch ((ps_layout)vec->layout) {
    case PS_LAYOUT_I8: PASS_EITHER(int8_t)
    case PS_LAYOUT_I16: PASS_EITHER(int16_t)
    case PS_LAYOUT_I32: PASS_EITHER(int32_t)
    case PS_LAYOUT_I64: PASS_EITHER(int64_t)
    case PS_LAYOUT_U8: PASS_EITHER(uint8_t)
    case PS_LAYOUT_U16: PASS_EITHER(uint16_t)
    case PS_LAYOUT_U32: PASS_EITHER(uint32_t)
    default: return false;
    }
    *n_out = n;
    return true;
}
