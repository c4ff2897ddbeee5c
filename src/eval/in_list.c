/* eval/in_list.c -- x IN (literals): sets prepared once per program.
 *
 * Integers in a narrow range: a bitmap; other integers: binary search over 64 or 128 bits; text: a
 * hash table of views; the rest: binary search by value. A null needle is null; with NULL in the
 * list a needle that is not found is null. Tests: tests/unit/test_eval.c */
#include "eval/eval.h"

#include "base/hash.h"
#include "col/slots.h"

enum { BITMAP_SPAN_MAX = 1 << 16 };

typedef enum set_kind { SET_BITMAP, SET_INTS, SET_VIEWS, SET_VALUES } set_kind;

struct ps_in_set {
    set_kind kind;
    uint32_t n;
    bool has_null;
    ps_i128 lo, hi;       /* of integers */
    const uint64_t *bits; /* BITMAP: bit x - lo */
    const ps_i128 *ints;  /* INTS: sorted */
    const ps_view *views; /* VIEWS: n_slots of them, open addressing */
    const uint8_t *used;
    uint32_t n_slots;
    const ps_expr *const *items; /* VALUES: sorted */
};

static uint64_t view_hash(const ps_view *v)
{
    uint64_t head, tail;

    if (v->n > 12) return ps_hash_bytes(v->at, v->n, 0);
    memcpy(&head, v, 8), memcpy(&tail, (const char *)v + 8, 8);
    return ps_hash_combine(ps_hash_u64(head, 0), tail);
}

static ps_status set_ints(ps_ctx *cx, ps_arena *arena, ps_in_set *set)
{
    ps_i128 span;

    set->lo = set->items[0]->literal.i;
    set->hi = set->items[set->n - 1]->literal.i;
    if (!__builtin_sub_overflow(set->hi, set->lo, &span) && span < BITMAP_SPAN_MAX) {
        uint64_t *bits = PS_ARENA_ARRAY(cx, arena, uint64_t, span / 64 + 1);
        if (!bits) return PS_MEMORY;
        for (uint32_t k = 0; k < set->n; k++)
            ps_bit_set(bits, (size_t)(set->items[k]->literal.i - set->lo));
        set->bits = bits;
        set->kind = SET_BITMAP;
        return PS_OK;
    }
    ps_i128 *ints = PS_ARENA_ARRAY(cx, arena, ps_i128, set->n);
    if (!ints) return PS_MEMORY;
    for (uint32_t k = 0; k < set->n; k++) ints[k] = set->items[k]->literal.i;
    set->ints = ints;
    set->kind = SET_INTS;
    return PS_OK;
}

static ps_status set_views(ps_ctx *cx, ps_arena *arena, ps_in_set *set)
{
    ps_view *views;
    uint8_t *used;

    set->n_slots = 1u << (ps_log2_ceil(set->n) + 1);
    views = PS_ARENA_ARRAY(cx, arena, ps_view, set->n_slots);
    used = PS_ARENA_ARRAY(cx, arena, uint8_t, set->n_slots);
    if (!views || !used) return PS_MEMORY;
    for (uint32_t k = 0; k < set->n; k++) {
        ps_str str = set->items[k]->literal.str; /* its bytes live as long as the expression */
        ps_view v = ps_view_of(str.at, str.n);
        uint32_t at = (uint32_t)(view_hash(&v) >> 20) & (set->n_slots - 1);
        while (used[at]) at = (at + 1) & (set->n_slots - 1);
        views[at] = v, used[at] = 1;
    }
    set->views = views, set->used = used;
    set->kind = SET_VIEWS;
    return PS_OK;
}

ps_status ps_in_set_new(ps_ctx *cx, ps_arena *arena, const ps_expr *expr, const ps_in_set **out)
{
    ps_in_set *set = PS_ARENA_NEW(cx, arena, ps_in_set);
    ps_layout layout = ps_type_layout(expr->args[0]->type);

    if (!set) return PS_MEMORY;
    set->kind = SET_VALUES;
    set->items = expr->args + 1;
    set->n = expr->n_args - 1;
    set->has_null = expr->has_null_item;
    *out = set;
    if (set->n == 0) return PS_OK;
    if (ps_layout_is_int(layout) || layout == PS_LAYOUT_BOOL) return set_ints(cx, arena, set);
    if (layout == PS_LAYOUT_VIEW) return set_views(cx, arena, set);
    return PS_OK;
}

static bool has_int(const ps_in_set *set, ps_i128 x)
{
    uint32_t first = 0, n = set->n;

    if (x < set->lo || x > set->hi) return false;
    if (set->kind == SET_BITMAP) return ps_bit_get(set->bits, (size_t)(x - set->lo));
    while (n > 1) { /* branch-free halving: the last item not above x */
        uint32_t half = n / 2;
        first = set->ints[first + half] <= x ? first + half : first;
        n -= half;
    }
    return set->ints[first] == x;
}

static bool has_view(const ps_in_set *set, const ps_view *v)
{
    for (uint32_t at = (uint32_t)(view_hash(v) >> 20) & (set->n_slots - 1); set->used[at];
         at = (at + 1) & (set->n_slots - 1))
        if (ps_view_equal(&set->views[at], v)) return true;
    return false;
}

static bool has_value(const ps_in_set *set, const ps_value *value)
{
    uint32_t lo = 0, hi = set->n;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int order = ps_value_compare(&set->items[mid]->literal, value);
        if (order == 0) return true;
        if (order < 0) lo = mid + 1;
        else hi = mid;
    }
    return false;
}

/* Slots up to 64 bits against a bitmap of a narrow range: the usual case, without 128-bit steps. */
static void bitmap_rows(const ps_in_set *set, const ps_vec *v, const ps_scope *s, uint8_t *out)
{
    const ps_reader_view r = ps_vec_read(v);
    int64_t lo = (int64_t)set->lo;
    uint64_t span = (uint64_t)(set->hi - set->lo);

    for (uint32_t k = 0; k < s->n; k++) {
        uint32_t row = ps_scope_row(s, k);
        size_t at = ps_reader_at(&r, row);
        uint64_t x;
        switch ((ps_layout)v->layout) {
        case PS_LAYOUT_BOOL:
        case PS_LAYOUT_U8: x = ((const uint8_t *)r.data)[at]; break;
        case PS_LAYOUT_I8: x = (uint64_t)(int64_t)((const int8_t *)r.data)[at]; break;
        case PS_LAYOUT_I16: x = (uint64_t)(int64_t)((const int16_t *)r.data)[at]; break;
        case PS_LAYOUT_I32: x = (uint64_t)(int64_t)((const int32_t *)r.data)[at]; break;
        default: x = ((const uint64_t *)r.data)[at]; break;
        }
        x -= (uint64_t)lo;
        out[row] = x <= span && ps_bit_get(set->bits, x);
    }
}

static ps_status test_rows(ps_run *run, const ps_in_set *set, const ps_vec *v, const ps_scope *s,
                           uint8_t *out)
{
    ps_layout layout = (ps_layout)v->layout;
    bool small = layout == PS_LAYOUT_BOOL || layout == PS_LAYOUT_U8 ||
                 (layout >= PS_LAYOUT_I8 && layout <= PS_LAYOUT_I64);

    if (set->kind == SET_BITMAP && small && set->lo >= INT64_MIN && set->hi <= INT64_MAX) {
        bitmap_rows(set, v, s, out);
        return PS_OK;
    }
    const ps_reader_view r = ps_vec_read(v);
    for (uint32_t k = 0; k < s->n; k++) {
        uint32_t row = ps_scope_row(s, k);
        ps_value value;
        switch (set->kind) {
        case SET_BITMAP:
        case SET_INTS:
            out[row] = has_int(set, ps_slot_get(layout, r.data, ps_reader_at(&r, row)));
            break;
        case SET_VIEWS:
            out[row] = ps_reader_valid(&r, row) &&
                       has_view(set, (const ps_view *)r.data + ps_reader_at(&r, row));
            break;
        case SET_VALUES:
            PS_TRY(ps_vec_value(run->cx, &run->eval->scratch, v, row, &value));
            out[row] = has_value(set, &value);
            break;
        }
    }
    return PS_OK;
}

ps_status ps_run_in(ps_run *run, uint32_t i, uint32_t scope)
{
    const ps_instr *instr = &run->program->instrs[i];
    const ps_in_set *set = instr->set;
    ps_reg *reg = &run->frame->regs[i];
    const ps_reg *needle = &run->frame->regs[instr->args[0]];
    uint32_t n = run->frame->n;
    const uint64_t *known;
    const ps_scope *s;
    ps_vec_buf *buf;
    ps_vec v;

    PS_TRY(ps_run_node(run, instr->args[0], scope));
    PS_TRY(ps_err_add(run, &reg->err, needle->err));
    if ((set->n == 0 && set->has_null) || needle->vec.layout == PS_LAYOUT_NONE)
        return ps_run_null(run, PS_TYPE(BOOL), &reg->vec);
    PS_TRY(ps_reg_buf(run, i, &buf));
    s = ps_scope_at(run, scope);
    v = needle->vec;
    if (v.encoding == PS_ENC_SEQUENCE) {
        ps_vec_buf *flat;
        PS_TRY(ps_reg_buf(run, i, &flat));
        PS_TRY(ps_vec_flatten(run->cx, &needle->vec, s->sel, s->n, flat, &v));
    }
    ps_vec_flat(&reg->vec, PS_TYPE(BOOL), PS_LAYOUT_BOOL, buf->data, NULL, n);
    if (set->n == 0 || (v.encoding == PS_ENC_DICTIONARY && v.dict->values.n == 0))
        memset(buf->data, 0, n);
    else PS_TRY(test_rows(run, set, &v, s, buf->data));
    if (set->n == 0) return PS_OK; /* nothing is in an empty list, not even null */
    PS_TRY(ps_vec_known(run, &v, scope, &known));
    if (!set->has_null) {
        reg->vec.valid = known;
        return PS_OK;
    }
    ps_compare_kernels_get()->bytes_to_bits(buf->data, n, buf->valid); /* not found: unknown */
    if (known) ps_bits_and(buf->valid, buf->valid, known, n);
    reg->vec.valid = buf->valid;
    return PS_OK;
}
