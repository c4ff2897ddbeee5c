/* col/vec_verify.c -- every claim of vec.h that can be checked, for dev builds and tests. */
#include "col/vec_verify.h"

#include "col/slots.h"
#include "col/vec_bounds.h"

static bool layout_fits(ps_type type, ps_layout layout)
{
    const ps_layout canonical = ps_type_layout(type);
    return layout == canonical || (ps_layout_is_int(canonical) && ps_layout_is_int(layout));
}

static ps_status verify_views(ps_ctx *cx, const ps_vec *vec, const uint32_t *sel, uint32_t n)
{
    const bool text = ps_type_storage(vec->type).id == PS_TYPE_STRING;
    const ps_view *views = vec->data;

    for (uint32_t k = 0; k < n; k++) {
        const uint32_t i = sel ? sel[k] : k;
        const ps_view *view = &views[i];
        if (vec->valid && !ps_bit_get(vec->valid, i)) {
            if (view->n) return PS_BUG(cx, "a null view has a length");
            continue;
        }
        if (view->n > 12 && memcmp(view->at, view->prefix, 4) != 0)
            return PS_BUG(cx, "a view's prefix isn't its text's");
        for (uint32_t b = view->n; b < 12; b++)
            if (ps_view_bytes(view)[b]) return PS_BUG(cx, "a short view isn't padded with zeros");
        if (text && !ps_utf8_valid(ps_view_bytes(view), view->n, NULL))
            return PS_BUG(cx, "a text isn't UTF-8");
    }
    return PS_OK;
}

static ps_status verify_lists(ps_ctx *cx, const ps_vec *vec, const uint32_t *sel, uint32_t n)
{
    const ps_type type = ps_type_storage(vec->type);
    const ps_list *lists = vec->data;

    for (uint32_t k = 0; k < n; k++) {
        const uint32_t i = sel ? sel[k] : k;
        if (vec->valid && !ps_bit_get(vec->valid, i)) {
            if (lists[i].n) return PS_BUG(cx, "a null list has items");
            continue;
        }
        if (lists[i].n > vec->children[0].n || lists[i].start > vec->children[0].n - lists[i].n)
            return PS_BUG(cx, "a list reaches past its items");
        if (type.id == PS_TYPE_ARRAY && lists[i].n != (uint32_t)type.width)
            return PS_BUG(cx, "an array isn't as wide as its type");
    }
    return ps_vec_verify(cx, &vec->children[0]);
}

static ps_status verify_children(ps_ctx *cx, const ps_vec *vec, const uint32_t *sel, uint32_t n)
{
    const uint32_t n_children = ps_vec_child_count(vec);

    for (uint32_t c = 0; c < n_children; c++) {
        if (vec->children[c].n != vec->n) return PS_BUG(cx, "a child's length isn't its parent's");
        PS_TRY(ps_vec_verify_rows(cx, &vec->children[c], sel, n));
    }
    for (uint32_t k = 0; vec->layout == PS_LAYOUT_UNION && k < n; k++) {
        const uint32_t i = sel ? sel[k] : k;
        if (vec->valid && !ps_bit_get(vec->valid, i)) continue;
        if ((uint8_t)((const int8_t *)vec->data)[i] >= n_children)
            return PS_BUG(cx, "a union's child number is out of range");
    }
    return PS_OK;
}

static ps_status verify_flat(ps_ctx *cx, const ps_vec *vec, const uint32_t *sel, uint32_t n)
{
    const ps_layout layout = (ps_layout)vec->layout;
    ps_i128 lo, hi;

    if (layout == PS_LAYOUT_NONE) return PS_BUG(cx, "a vector of nulls must be constant");
    if (n && ps_layout_bytes(layout) && !vec->data) return PS_BUG(cx, "a flat vector has no data");
    if (n == 0) return PS_OK;
    if (layout == PS_LAYOUT_BOOL && ps_slots_measure(vec, sel, n, &lo, &hi) && hi > 1)
        return PS_BUG(cx, "a boolean is neither 0 nor 1");
    if (ps_layout_is_int(layout)) {
        const bool wide = layout == PS_LAYOUT_I128 || layout == PS_LAYOUT_U64;
        if ((!wide || vec->bounded) && ps_slots_measure(vec, sel, n, &lo, &hi) &&
            (lo < vec->lo || hi > vec->hi))
            return PS_BUG(cx, "a value lies outside its vector's bounds");
    }
    if (layout == PS_LAYOUT_VIEW) return verify_views(cx, vec, sel, n);
    if (layout == PS_LAYOUT_LIST) return verify_lists(cx, vec, sel, n);
    if (layout == PS_LAYOUT_STRUCT || layout == PS_LAYOUT_UNION)
        return verify_children(cx, vec, sel, n);
    return PS_OK;
}

static ps_status verify_codes(ps_ctx *cx, const ps_vec *vec, const uint32_t *sel, uint32_t n)
{
    const ps_vec *values = &vec->dict->values;

    if (values->encoding != PS_ENC_FLAT || values->layout != vec->layout)
        return PS_BUG(cx, "a dictionary isn't flat or has another layout");
    for (uint32_t k = 0; k < n; k++) {
        const uint32_t i = sel ? sel[k] : k;
        const bool valid = !vec->valid || ps_bit_get(vec->valid, i);
        if (vec->codes[i] >= values->n && (valid || vec->codes[i] > 0))
            return PS_BUG(cx, "a code lies outside its dictionary");
    }
    return PS_OK;
}

ps_status ps_vec_verify_rows(ps_ctx *cx, const ps_vec *vec, const uint32_t *sel, uint32_t n)
{
    ps_vec one = *vec;

    if (vec->type.id >= PS_TYPE_COUNT || !layout_fits(vec->type, (ps_layout)vec->layout))
        return PS_BUG(cx, "a vector's layout isn't one of its type's");
    switch (vec->encoding) {
    case PS_ENC_FLAT: return verify_flat(cx, vec, sel, n);
    case PS_ENC_CONSTANT:
        if (vec->layout == PS_LAYOUT_NONE)
            return vec->valid && !ps_bit_get(vec->valid, 0) ? PS_OK
                                                            : PS_BUG(cx, "a NULL isn't null");
        one.n = 1;
        return n ? verify_flat(cx, &one, NULL, 1) : PS_OK;
    case PS_ENC_DICTIONARY: return verify_codes(cx, vec, sel, n);
    case PS_ENC_SEQUENCE:
        if (!ps_layout_is_int((ps_layout)vec->layout) || vec->valid)
            return PS_BUG(cx, "a sequence isn't of integers or has nulls");
        return PS_OK;
    default: return PS_BUG(cx, "an unknown encoding");
    }
}

ps_status ps_vec_verify(ps_ctx *cx, const ps_vec *vec)
{
    return ps_vec_verify_rows(cx, vec, NULL, vec->n);
}
