/* func/agg_extreme.c -- min, max, bool_and, bool_or; first, last, any_value, arg_min, arg_max.
 *
 * One state for all: the slot that decides (`by`), the slot that is the result (`value`), and the
 * row's position, which is what first and last go by and what breaks ties of the others. min and
 * max need no second slot. Slots are canonical layouts of up to 16 bytes; text beyond 12 bytes is
 * copied into the rows' heap, over the text it replaces when that was as long. Order: as sorting
 * (NaN above numbers, -0.0 = 0.0 and the result is 0.0, text by bytes); nulls are skipped, except
 * that first and last take them as values and arg_min/arg_max may give one. Tests:
 * tests/unit/test_agg.c */
#include "func/agg_input.h"

#include "col/slots.h"

typedef struct extreme_state {
    uint64_t by[2]; /* the best slot so far */
    uint64_t seen;
    /* only where there is a second slot: */
    uint64_t value[2];
    uint64_t null;
    uint64_t morsel, row;
} extreme_state;
enum { ONE_BYTES = 24, TWO_BYTES = 64 };
PS_STATIC_ASSERT(sizeof(extreme_state) == TWO_BYTES, "the state's layout");

static extreme_state *state_at(uint8_t *state) { return (extreme_state *)(void *)state; }

#define ORDER(x, y) (((x) > (y)) - ((x) < (y)))

static int float_order(double x, double y)
{
    const bool nan_x = x != x, nan_y = y != y;
    if (nan_x || nan_y) return (int)nan_x - (int)nan_y;
    return ORDER(x, y);
}

static int slot_order(ps_layout layout, const uint64_t a[2], const uint64_t b[2])
{
    switch (layout) {
    case PS_LAYOUT_U64: return ORDER(a[0], b[0]);
    case PS_LAYOUT_I128:
        return a[1] != b[1] ? ORDER((int64_t)a[1], (int64_t)b[1]) : ORDER(a[0], b[0]);
    case PS_LAYOUT_F64:
    case PS_LAYOUT_F32:
    case PS_LAYOUT_F16:
        return float_order(ps_agg_double(layout, a, 0), ps_agg_double(layout, b, 0));
    case PS_LAYOUT_VIEW:
        return ps_view_compare((const ps_view *)(const void *)a, (const ps_view *)(const void *)b);
    case PS_LAYOUT_INTERVAL: {
        const ps_interval *x = (const void *)a, *y = (const void *)b;
        const ps_i128 day = (ps_i128)86400 * 1000000000;
        const ps_i128 m = ((ps_i128)x->months * 30 + x->days) * day + x->ns,
                      n = ((ps_i128)y->months * 30 + y->days) * day + y->ns;
        if (m != n) return ORDER(m, n);
        return x->months != y->months ? ORDER(x->months, y->months) : ORDER(x->days, y->days);
    }
    default:
        return ORDER((int64_t)a[0],
                     (int64_t)b[0]); /* sign-extended or unsigned of less than 64 bits */
    }
}

/* Writes a slot that points to foreign text into the state, with a copy of the text. The room of
 * the text it replaces is that text's length: more would be lost when the row's page moves. */
static ps_status slot_keep(ps_ctx *cx, ps_agg_heap *heap, ps_layout layout, const uint64_t slot[2],
                           uint64_t out[2])
{
    const uint32_t n = (uint32_t)slot[0], room = (uint32_t)out[0];
    char *at = NULL;

    if (layout == PS_LAYOUT_VIEW && n > 12) {
        at = room >= n ? (char *)(uintptr_t)out[1] : heap->alloc(cx, heap, n);
        if (!at) return PS_MEMORY;
        memmove(at, (const char *)(uintptr_t)slot[1], n);
    }
    out[0] = slot[0];
    out[1] = at ? (uint64_t)(uintptr_t)at : slot[1];
    return PS_OK;
}

static void canonical_zero(ps_layout layout, uint64_t slot[2])
{
    if (layout == PS_LAYOUT_F64 && slot[0] << 1 == 0) slot[0] = 0;
    if (layout == PS_LAYOUT_F32 && (slot[0] & 0x7fffffff) == 0) slot[0] = 0;
    if (layout == PS_LAYOUT_F16 && (slot[0] & 0x7fff) == 0) slot[0] = 0;
}

/* ---- min and max ---- */

static ps_status extreme_take(const ps_agg_update *u, ps_layout layout, int sign,
                              const uint64_t slot[2], extreme_state *s)
{
    if (s->seen && slot_order(layout, slot, s->by) * sign <= 0) return PS_OK;
    PS_TRY(slot_keep(u->cx, u->heap, layout, slot, s->by));
    s->seen = 1;
    return PS_OK;
}

static ps_status extreme_ints(const ps_agg_update *u, const ps_agg_input *in, ps_layout layout,
                              int sign)
{
    uint64_t slot[2];
    int64_t lo, hi;

    if (u->shape == PS_AGG_ONE) {
        ps_agg_kernels_get()->range[in->layout](in->data, in->idx, in->n, &lo, &hi);
        slot[0] = (uint64_t)(sign > 0 ? hi : lo);
        slot[1] = (uint64_t)((int64_t)slot[0] >> 63);
        return extreme_take(u, layout, sign, slot, state_at(in->states[0]));
    }
    for (uint32_t k = 0; k < in->n; k++) {
        extreme_state *s = state_at(ps_agg_state(u, in, k));
        const int64_t v = ps_agg_int(in->layout, in->data, ps_agg_at(in, k));
        slot[0] = (uint64_t)v;
        slot[1] = (uint64_t)(v >> 63);
        if (!s->seen || slot_order(layout, slot, s->by) * sign > 0)
            s->by[0] = slot[0], s->by[1] = slot[1], s->seen = 1;
    }
    return PS_OK;
}

static ps_status extreme_update(const ps_agg_update *u, int sign)
{
    const ps_layout layout = ps_type_layout(u->agg->arg_types[0]);
    ps_agg_input in;
    uint64_t slot[2];

    ps_agg_input_read(u, &u->args[0], &in);
    if (in.n == 0) return PS_OK;
    if (ps_agg_kernels_get()->range[in.layout]) return extreme_ints(u, &in, layout, sign);
    for (uint32_t k = 0; k < in.n; k++) {
        ps_agg_slot(&in, layout, ps_agg_at(&in, k), slot);
        canonical_zero(layout, slot);
        PS_TRY(extreme_take(u, layout, sign, slot, state_at(ps_agg_state(u, &in, k))));
    }
    return PS_OK;
}
static ps_status min_update(const ps_agg_update *u) { return extreme_update(u, -1); }
static ps_status max_update(const ps_agg_update *u) { return extreme_update(u, 1); }

static ps_status extreme_merge(ps_ctx *cx, const ps_agg *agg, uint8_t *const *dst,
                               uint8_t *const *src, uint32_t n, ps_agg_heap *heap, int sign)
{
    const ps_agg_update u = {.cx = cx, .agg = agg, .heap = heap};
    const ps_layout layout = ps_type_layout(agg->arg_types[0]);

    for (uint32_t i = 0; i < n; i++)
        if (state_at(src[i])->seen)
            PS_TRY(extreme_take(&u, layout, sign, state_at(src[i])->by, state_at(dst[i])));
    return PS_OK;
}
static ps_status min_merge(ps_ctx *cx, const ps_agg *agg, uint8_t *const *dst, uint8_t *const *src,
                           uint32_t n, ps_agg_heap *heap)
{
    return extreme_merge(cx, agg, dst, src, n, heap, -1);
}
static ps_status max_merge(ps_ctx *cx, const ps_agg *agg, uint8_t *const *dst, uint8_t *const *src,
                           uint32_t n, ps_agg_heap *heap)
{
    return extreme_merge(cx, agg, dst, src, n, heap, 1);
}

/* ---- results ---- */

/* Slots of n states as a vector; long text stays in the states' heap. */
static void slots_finish(const ps_agg *agg, uint8_t *const *states, uint32_t n, bool second,
                         ps_vec_buf *buf, ps_vec *out)
{
    const ps_layout layout = ps_type_layout(agg->expr->type);
    const size_t bytes = ps_layout_bytes(layout);
    bool nulls = false;

    ps_bits_fill(buf->valid, n, true);
    for (uint32_t i = 0; i < n; i++) {
        const extreme_state *s = state_at(states[i]);
        const uint64_t zero[2] = {0};
        const bool null = !s->seen || (second && s->null);
        memcpy((char *)buf->data + i * bytes, null ? zero : second ? s->value : s->by, bytes);
        if (null) ps_bit_clear(buf->valid, i);
        nulls |= null;
    }
    ps_vec_flat(out, agg->expr->type, layout, buf->data, nulls ? buf->valid : NULL, n);
}
static ps_status one_finish(ps_ctx *cx, const ps_agg *agg, uint8_t *const *states, uint32_t n,
                            ps_vec_buf *buf, ps_vec *out)
{
    return (void)cx, slots_finish(agg, states, n, false, buf, out), PS_OK;
}
static ps_status two_finish(ps_ctx *cx, const ps_agg *agg, uint8_t *const *states, uint32_t n,
                            ps_vec_buf *buf, ps_vec *out)
{
    return (void)cx, slots_finish(agg, states, n, true, buf, out), PS_OK;
}

/* ---- by position, or by another argument with ties by position ---- */

typedef enum pick { PICK_FIRST, PICK_LAST, PICK_LEAST, PICK_MOST } pick;

static bool comes_before(uint64_t morsel, uint64_t row, const extreme_state *s)
{
    return morsel != s->morsel ? morsel < s->morsel : row < s->row;
}

/* Whether the row beats the state. */
static bool pick_wins(pick how, ps_layout layout, const uint64_t by[2], uint64_t morsel,
                      uint64_t row, const extreme_state *s)
{
    if (!s->seen) return true;
    if (how == PICK_FIRST) return comes_before(morsel, row, s);
    if (how == PICK_LAST) return !comes_before(morsel, row, s);
    const int order = slot_order(layout, by, s->by);
    if (order == 0) return comes_before(morsel, row, s);
    return how == PICK_LEAST ? order < 0 : order > 0;
}

typedef struct picked {
    uint64_t by[2], value[2], morsel, row;
    bool null;
} picked;

static ps_status pick_take(ps_ctx *cx, const ps_agg *agg, ps_agg_heap *heap, pick how,
                           const picked *p, extreme_state *s)
{
    const ps_layout layout = how >= PICK_LEAST ? ps_type_layout(agg->arg_types[1]) : PS_LAYOUT_NONE;

    if (!pick_wins(how, layout, p->by, p->morsel, p->row, s)) return PS_OK;
    if (how >= PICK_LEAST) PS_TRY(slot_keep(cx, heap, layout, p->by, s->by));
    if (!p->null)
        PS_TRY(slot_keep(cx, heap, ps_type_layout(agg->arg_types[0]), p->value, s->value));
    s->null = p->null;
    s->seen = 1;
    s->morsel = p->morsel;
    s->row = p->row;
    return PS_OK;
}

static void slot_of(const ps_vec *vec, ps_type type, uint32_t row, uint64_t slot[2])
{
    const ps_reader_view r = ps_vec_read(vec);
    const ps_agg_input in = {
        .data = r.data, .layout = (ps_layout)(r.codes ? vec->dict->values.layout : vec->layout)};

    if (vec->encoding == PS_ENC_SEQUENCE) {
        const int64_t v = vec->start + (int64_t)row * vec->step;
        slot[0] = (uint64_t)v, slot[1] = (uint64_t)(v >> 63);
        return;
    }
    ps_agg_slot(&in, ps_type_layout(type), ps_reader_at(&r, row), slot);
}

static ps_status pick_update(const ps_agg_update *u, pick how, bool nulls_count)
{
    for (uint32_t k = 0; k < u->n; k++) {
        const uint32_t row = u->sel ? u->sel[k] : k;
        picked p = {.morsel = u->morsel, .row = u->first_row + row};
        p.null = !ps_vec_row_valid(&u->args[0], row);
        if (p.null && !nulls_count) continue;
        if (how >= PICK_LEAST) {
            if (!ps_vec_row_valid(&u->args[1], row)) continue;
            slot_of(&u->args[1], u->agg->arg_types[1], row, p.by);
            canonical_zero(ps_type_layout(u->agg->arg_types[1]), p.by);
        }
        if (!p.null) slot_of(&u->args[0], u->agg->arg_types[0], row, p.value);
        uint8_t *state = u->shape == PS_AGG_ONE   ? u->states[0]
                         : u->shape == PS_AGG_FEW ? u->states[u->groups[k]]
                                                  : u->states[k];
        PS_TRY(pick_take(u->cx, u->agg, u->heap, how, &p, state_at(state)));
    }
    return PS_OK;
}

static ps_status pick_merge(ps_ctx *cx, const ps_agg *agg, uint8_t *const *dst, uint8_t *const *src,
                            uint32_t n, ps_agg_heap *heap, pick how)
{
    for (uint32_t i = 0; i < n; i++) {
        const extreme_state *s = state_at(src[i]);
        if (!s->seen) continue;
        const picked p = {.by = {s->by[0], s->by[1]},
                          .value = {s->value[0], s->value[1]},
                          .morsel = s->morsel,
                          .row = s->row,
                          .null = s->null};
        PS_TRY(pick_take(cx, agg, heap, how, &p, state_at(dst[i])));
    }
    return PS_OK;
}

#define PICK(name, how, nulls_count)                                                               \
    static ps_status name##_update(const ps_agg_update *u)                                         \
    {                                                                                              \
        return pick_update(u, how, nulls_count);                                                   \
    }                                                                                              \
    static ps_status name##_merge(ps_ctx *cx, const ps_agg *agg, uint8_t *const *dst,              \
                                  uint8_t *const *src, uint32_t n, ps_agg_heap *heap)              \
    {                                                                                              \
        return pick_merge(cx, agg, dst, src, n, heap, how);                                        \
    }
PICK(first, PICK_FIRST, true)
PICK(any, PICK_FIRST, false)
PICK(last, PICK_LAST, true)
PICK(least, PICK_LEAST, false)
PICK(least_null, PICK_LEAST, true)
PICK(most, PICK_MOST, false)
PICK(most_null, PICK_MOST, true)

/* ---- classes: one for each combination of slots that hold text ---- */

static bool has_slot(ps_type type)
{
    const ps_layout layout = ps_type_layout(type);
    return layout != PS_LAYOUT_NONE && layout != PS_LAYOUT_LIST && layout != PS_LAYOUT_STRUCT &&
           layout != PS_LAYOUT_UNION;
}
static bool is_text(ps_type type) { return ps_type_layout(type) == PS_LAYOUT_VIEW; }

#define ONE_CLASS(fn)                                                                              \
    {.state_bytes = ONE_BYTES, .update = fn##_update, .merge = fn##_merge, .finish = one_finish}
#define TWO_CLASS(fn, count, ...)                                                                  \
    {.state_bytes = TWO_BYTES,                                                                     \
     .n_views = count,                                                                             \
     .views = {__VA_ARGS__},                                                                       \
     .update = fn##_update,                                                                        \
     .merge = fn##_merge,                                                                          \
     .finish = two_finish}
enum { BY_AT = offsetof(extreme_state, by), VALUE_AT = offsetof(extreme_state, value) };

static const ps_agg_class min_plain = ONE_CLASS(min), max_plain = ONE_CLASS(max);
static const ps_agg_class min_text = {.state_bytes = ONE_BYTES,
                                      .n_views = 1,
                                      .views = {BY_AT},
                                      .update = min_update,
                                      .merge = min_merge,
                                      .finish = one_finish};
static const ps_agg_class max_text = {.state_bytes = ONE_BYTES,
                                      .n_views = 1,
                                      .views = {BY_AT},
                                      .update = max_update,
                                      .merge = max_merge,
                                      .finish = one_finish};
static const ps_agg_class first_class[2] = {TWO_CLASS(first, 0, 0), TWO_CLASS(first, 1, VALUE_AT)};
static const ps_agg_class last_class[2] = {TWO_CLASS(last, 0, 0), TWO_CLASS(last, 1, VALUE_AT)};
static const ps_agg_class any_class[2] = {TWO_CLASS(any, 0, 0), TWO_CLASS(any, 1, VALUE_AT)};
#define BY_CLASSES(name)                                                                           \
    {TWO_CLASS(name, 0, 0), TWO_CLASS(name, 1, VALUE_AT), TWO_CLASS(name, 1, BY_AT),               \
     TWO_CLASS(name, 2, BY_AT, VALUE_AT)}
static const ps_agg_class least_class[4] = BY_CLASSES(least);
static const ps_agg_class least_null_class[4] = BY_CLASSES(least_null);
static const ps_agg_class most_class[4] = BY_CLASSES(most);
static const ps_agg_class most_null_class[4] = BY_CLASSES(most_null);

#define SELECT_ONE(name, plain, text)                                                              \
    static const ps_agg_class *name##_select(const ps_expr *expr)                                  \
    {                                                                                              \
        const ps_type type = expr->args[0]->type;                                                  \
        return !has_slot(type) ? NULL : is_text(type) ? &text : &plain;                            \
    }
SELECT_ONE(min, min_plain, min_text)
SELECT_ONE(max, max_plain, max_text)
SELECT_ONE(first, first_class[0], first_class[1])
SELECT_ONE(last, last_class[0], last_class[1])
SELECT_ONE(any, any_class[0], any_class[1])

static const ps_agg_class *select_two(const ps_expr *expr, const ps_agg_class classes[4])
{
    const ps_type value = expr->args[0]->type, by = expr->args[1]->type;
    return has_slot(value) && has_slot(by)
               ? &classes[(is_text(by) ? 2 : 0) + (is_text(value) ? 1 : 0)]
               : NULL;
}
static const ps_agg_class *least_select(const ps_expr *expr)
{
    return select_two(expr, least_class);
}
static const ps_agg_class *most_select(const ps_expr *expr) { return select_two(expr, most_class); }
static const ps_agg_class *least_null_select(const ps_expr *expr)
{
    return select_two(expr, least_null_class);
}
static const ps_agg_class *most_null_select(const ps_expr *expr)
{
    return select_two(expr, most_null_class);
}

const ps_agg_class ps_aggfn_min = {.select = min_select};
const ps_agg_class ps_aggfn_max = {.select = max_select};
const ps_agg_class ps_aggfn_bool_and = {.select = min_select};
const ps_agg_class ps_aggfn_bool_or = {.select = max_select};
const ps_agg_class ps_aggfn_first = {.select = first_select};
const ps_agg_class ps_aggfn_last = {.select = last_select};
const ps_agg_class ps_aggfn_any_value = {.select = any_select};
const ps_agg_class ps_aggfn_arg_min = {.select = least_select};
const ps_agg_class ps_aggfn_arg_max = {.select = most_select};
const ps_agg_class ps_aggfn_arg_min_null = {.select = least_null_select};
const ps_agg_class ps_aggfn_arg_max_null = {.select = most_null_select};
