/* eval/merge.c -- one vector from the pieces of CASE and COALESCE.
 *
 * A single piece for all rows is handed on as it is. Integers take the smallest layout that holds
 * all pieces; their bounds are united. Tests: tests/unit/test_eval.c */
#include "eval/merge.h"

#include "col/slots.h"

ps_status ps_pieces_add(ps_run *run, ps_pieces *pieces, const ps_vec *vec, uint32_t scope)
{
    return PS_ARRAY_ADD_IN(run->cx, &run->eval->scratch, &pieces->list, (ps_piece){*vec, scope});
}

static bool is_int(const ps_vec *v) { return ps_layout_is_int((ps_layout)v->layout); }

/* What one piece needs; no layout for nulls. */
static ps_layout layout_of(const ps_vec *v)
{
    ps_layout layout = (ps_layout)v->layout;

    if (!is_int(v)) return layout;
    if (v->encoding == PS_ENC_CONSTANT && v->bounded) return ps_layout_for(v->lo, v->hi);
    if (v->encoding == PS_ENC_SEQUENCE) return PS_LAYOUT_I64;
    switch (layout) {
    case PS_LAYOUT_U8: return PS_LAYOUT_I16;
    case PS_LAYOUT_U16: return PS_LAYOUT_I32;
    case PS_LAYOUT_U32: return PS_LAYOUT_I64;
    case PS_LAYOUT_U64: return PS_LAYOUT_I128;
    default: return layout;
    }
}

static bool is_null_piece(const ps_vec *v)
{
    return v->layout == PS_LAYOUT_NONE ||
           (v->encoding == PS_ENC_CONSTANT && v->valid && !ps_bit_get(v->valid, 0));
}

/* The common layout; false when pieces can't be merged slot by slot. */
static bool common_layout(const ps_pieces *pieces, ps_layout *out)
{
    ps_layout all = PS_LAYOUT_NONE;

    for (size_t p = 0; p < pieces->list.n; p++) {
        const ps_vec *v = &pieces->list.at[p].vec;
        ps_layout one = layout_of(v);
        if (is_null_piece(v)) continue;
        if (one >= PS_LAYOUT_LIST && one <= PS_LAYOUT_UNION) return false;
        if (all == PS_LAYOUT_NONE || (is_int(v) && one > all)) all = one;
        else if (!is_int(v) && one != all) return false;
    }
    *out = all == PS_LAYOUT_NONE ? ps_type_layout(pieces->type) : all;
    return ps_layout_bytes(*out) > 0 && !(*out >= PS_LAYOUT_LIST && *out <= PS_LAYOUT_UNION);
}

static PS_TEMPLATE void copy_slots(const ps_vec *v, const ps_scope *s, size_t width, char *out)
{
    const ps_reader_view r = ps_vec_read(v);

    for (uint32_t k = 0; k < s->n; k++) {
        uint32_t row = ps_scope_row(s, k);
        memcpy(out + row * width, (const char *)r.data + ps_reader_at(&r, row) * width, width);
    }
}

static void copy_same(const ps_vec *v, const ps_scope *s, size_t width, char *out)
{
    switch (width) { /* constant widths: each copy is one move */
    case 1: copy_slots(v, s, 1, out); return;
    case 2: copy_slots(v, s, 2, out); return;
    case 4: copy_slots(v, s, 4, out); return;
    case 8: copy_slots(v, s, 8, out); return;
    default: PS_ASSERT(width == 16); copy_slots(v, s, 16, out);
    }
}

static void put_piece(const ps_vec *v, const ps_scope *s, ps_layout layout, char *out)
{
    if (is_null_piece(v)) {
        size_t width = ps_layout_bytes(layout); /* views of nulls are zero */
        for (uint32_t k = 0; k < s->n; k++) memset(out + ps_scope_row(s, k) * width, 0, width);
        return;
    }
    if (v->encoding == PS_ENC_SEQUENCE) {
        for (uint32_t k = 0; k < s->n; k++) {
            uint32_t row = ps_scope_row(s, k);
            ps_slot_put(layout, out, row, (ps_i128)v->start + (ps_i128)row * v->step);
        }
        return;
    }
    if (v->encoding == PS_ENC_DICTIONARY && v->dict->values.n == 0) return;
    if (v->layout == layout) {
        copy_same(v, s, ps_layout_bytes(layout), out);
        return;
    }
    const ps_reader_view r = ps_vec_read(v);
    if (v->encoding == PS_ENC_CONSTANT) {
        ps_i128 value = ps_slot_get((ps_layout)v->layout, v->data, 0);
        for (uint32_t k = 0; k < s->n; k++) ps_slot_put(layout, out, ps_scope_row(s, k), value);
        return;
    }
    for (uint32_t k = 0; k < s->n; k++) {
        uint32_t row = ps_scope_row(s, k);
        ps_slot_put(layout, out, row,
                    ps_slot_get((ps_layout)v->layout, r.data, ps_reader_at(&r, row)));
    }
}

static ps_status put_valid(ps_run *run, const ps_pieces *pieces, uint64_t *valid, bool *any_null)
{
    *any_null = false;
    ps_bits_fill(valid, run->frame->n, true);
    for (size_t p = 0; p < pieces->list.n; p++) {
        const ps_vec *v = &pieces->list.at[p].vec;
        const ps_scope *s = ps_scope_at(run, pieces->list.at[p].scope);
        const uint64_t *known;
        PS_TRY(ps_vec_known(run, v, pieces->list.at[p].scope, &known));
        if (!known && !is_null_piece(v)) continue;
        *any_null = true;
        for (uint32_t k = 0; k < s->n; k++) {
            uint32_t row = ps_scope_row(s, k);
            if (is_null_piece(v) || !ps_bit_get(known, row)) ps_bit_clear(valid, row);
        }
    }
    return PS_OK;
}

/* Bounds of all pieces, unless one has none. */
static void unite_bounds(const ps_pieces *pieces, ps_vec *out)
{
    bool first = true, known = true;
    int64_t lo = 0, hi = 0;

    ps_vec_bounds_reset(out);
    if (!is_int(out)) return;
    for (size_t p = 0; p < pieces->list.n; p++) {
        const ps_vec *v = &pieces->list.at[p].vec;
        if (is_null_piece(v)) continue;
        if (!v->bounded && (v->layout == PS_LAYOUT_I128 || v->layout == PS_LAYOUT_U64))
            known = false;
        lo = first || v->lo < lo ? v->lo : lo;
        hi = first || v->hi > hi ? v->hi : hi;
        first = false;
    }
    if (!known || first) return;
    out->lo = lo, out->hi = hi, out->bounded = true;
}

/* Nested types and mixed layouts: value by value. */
static ps_status merge_values(ps_run *run, const ps_pieces *pieces, ps_vec *out)
{
    ps_arena *scratch = &run->eval->scratch;
    ps_value *values = PS_ARENA_ARRAY(run->cx, scratch, ps_value, (size_t)run->frame->n + 1);

    if (!values) return PS_MEMORY;
    for (uint32_t row = 0; row < run->frame->n; row++) values[row] = ps_value_null(pieces->type);
    for (size_t p = 0; p < pieces->list.n; p++) {
        const ps_scope *s = ps_scope_at(run, pieces->list.at[p].scope);
        for (uint32_t k = 0; k < s->n; k++) {
            uint32_t row = ps_scope_row(s, k);
            PS_TRY(ps_vec_value(run->cx, scratch, &pieces->list.at[p].vec, row, &values[row]));
        }
    }
    return ps_vec_of_values(run->cx, scratch, pieces->type, values, run->frame->n, out);
}

ps_status ps_pieces_merge(ps_run *run, ps_pieces *pieces, uint32_t i, uint32_t scope)
{
    ps_reg *reg = &run->frame->regs[i];
    ps_layout layout;
    ps_vec_buf *buf;
    bool any_null;

    if (pieces->list.n == 0) return ps_run_null(run, pieces->type, &reg->vec);
    if (pieces->list.n == 1 &&
        (pieces->list.at[0].scope == scope || pieces->list.at[0].vec.encoding == PS_ENC_CONSTANT) &&
        pieces->list.at[0].vec.layout != PS_LAYOUT_NONE) {
        reg->vec = pieces->list.at[0].vec;
        return PS_OK;
    }
    if (!common_layout(pieces, &layout)) return merge_values(run, pieces, &reg->vec);
    PS_TRY(ps_reg_buf(run, i, &buf));
    for (size_t p = 0; p < pieces->list.n; p++)
        put_piece(&pieces->list.at[p].vec, ps_scope_at(run, pieces->list.at[p].scope), layout,
                  buf->data);
    PS_TRY(put_valid(run, pieces, buf->valid, &any_null));
    ps_vec_flat(&reg->vec, pieces->type, layout, buf->data, any_null ? buf->valid : NULL,
                run->frame->n);
    unite_bounds(pieces, &reg->vec);
    return PS_OK;
}
