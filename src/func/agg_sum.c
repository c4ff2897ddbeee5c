/* func/agg_sum.c -- sum and avg of integers, booleans and decimals: exact, so order can't matter.
 *
 * A state counts rows and sums in 128 bits; arguments wider than 64 bits get a third limb, because
 * 38 digits are nearly all of 128 bits and a sum may leave its range and come back. What the result
 * type can't hold is an error at the end only. avg is the sum's state and one division.
 *
 * Loops run in 64 bits where rows times bounds prove that enough (agg.kern.c), else in 128.
 * Tests: tests/unit/test_agg.c */
#include "func/agg_input.h"

#include "col/slots.h"

typedef struct sum_state {
    uint64_t lo, hi; /* two's complement, `top` on top in wide states */
    uint64_t n;
    int64_t top; /* wide only */
} sum_state;
enum { NARROW_BYTES = 24, WIDE_BYTES = 32 };

static void state_add(sum_state *s, ps_i128 value, bool wide)
{
    const ps_u128 old = (ps_u128)s->hi << 64 | s->lo;
    const ps_u128 sum = old + (ps_u128)value;

    if (wide) s->top += (value < 0 ? -1 : 0) + (sum < old ? 1 : 0);
    s->lo = (uint64_t)sum;
    s->hi = (uint64_t)(sum >> 64);
}

static ps_i128 value_at(const ps_agg_input *in, uint32_t k)
{
    if (in->layout == PS_LAYOUT_BOOL) return ((const uint8_t *)in->data)[ps_agg_at(in, k)];
    return ps_slot_get(in->layout, in->data, ps_agg_at(in, k));
}

/* A sum of n values within the bounds fits 64 bits. */
static bool sum_fits(const ps_vec *arg, uint32_t n)
{
    const int64_t most = INT64_MAX / (n ? n : 1);
    return arg->layout != PS_LAYOUT_I128 && arg->layout != PS_LAYOUT_U64 && arg->lo >= -most &&
           arg->hi <= most;
}

static void add_slow(const ps_agg_update *u, const ps_agg_input *in, bool wide)
{
    for (uint32_t k = 0; k < in->n; k++) {
        sum_state *s = (sum_state *)(void *)ps_agg_state(u, in, k);
        state_add(s, value_at(in, k), wide);
        s->n++;
    }
}

static void add_few(const ps_agg_update *u, const ps_agg_input *in, bool wide)
{
    int64_t acc[PS_AGG_FEW_MAX];

    const ps_agg_kernels *kernels = ps_agg_kernels_get();

    memset(acc, 0, u->n_groups * sizeof(*acc));
    /* the argument as it is: neither nulls nor codes were taken out */
    if (u->dense && in->idx == u->sel && in->groups == u->groups)
        kernels->sum_dense[in->layout](in->data, u->dense, u->n_dense, u->n_groups, acc);
    else kernels->sum_few[in->layout](in->data, in->idx, in->groups, in->n, u->n_groups, acc);
    for (uint32_t g = 0; g < u->n_groups; g++) {
        if (in->group_n[g] == 0) continue;
        sum_state *s = (sum_state *)(void *)in->states[g];
        state_add(s, acc[g], wide);
        s->n += in->group_n[g];
    }
}

static void add_rows(const ps_agg_input *in, bool wide)
{
    for (uint32_t k = 0; k < in->n; k++) {
        sum_state *s = (sum_state *)(void *)in->states[k];
        if (k + 8 < in->n) PS_PREFETCH(in->states[k + 8]);
        state_add(s, ps_agg_int(in->layout, in->data, ps_agg_at(in, k)), wide);
        s->n++;
    }
}

static ps_status sum_update(const ps_agg_update *u, bool wide)
{
    const ps_agg_kernels *kernels = ps_agg_kernels_get();
    ps_agg_input in;

    ps_agg_input_read(u, &u->args[0], &in);
    if (in.n == 0) return PS_OK;
    const bool fits = u->args[0].layout == PS_LAYOUT_BOOL || sum_fits(&u->args[0], in.n);
    if (!fits || !kernels->sum[in.layout]) {
        add_slow(u, &in, wide);
    } else if (u->shape == PS_AGG_ONE) {
        sum_state *s = (sum_state *)(void *)in.states[0];
        state_add(s, kernels->sum[in.layout](in.data, in.idx, in.n), wide);
        s->n += in.n;
    } else if (u->shape == PS_AGG_FEW) {
        add_few(u, &in, wide);
    } else {
        add_rows(&in, wide);
    }
    return PS_OK;
}

static ps_status narrow_update(const ps_agg_update *u) { return sum_update(u, false); }
static ps_status wide_update(const ps_agg_update *u) { return sum_update(u, true); }

static void merge_one(sum_state *to, const sum_state *from, bool wide)
{
    const ps_u128 old = (ps_u128)to->hi << 64 | to->lo;
    const ps_u128 sum = old + ((ps_u128)from->hi << 64 | from->lo);

    to->lo = (uint64_t)sum;
    to->hi = (uint64_t)(sum >> 64);
    to->n += from->n;
    if (wide) to->top += from->top + (sum < old ? 1 : 0);
}

static ps_status narrow_merge(ps_ctx *cx, const ps_agg *agg, uint8_t *const *dst,
                              uint8_t *const *src, uint32_t n, ps_agg_heap *heap)
{
    (void)cx, (void)agg, (void)heap;
    for (uint32_t i = 0; i < n; i++)
        merge_one((sum_state *)(void *)dst[i], (const sum_state *)(const void *)src[i], false);
    return PS_OK;
}

static ps_status wide_merge(ps_ctx *cx, const ps_agg *agg, uint8_t *const *dst, uint8_t *const *src,
                            uint32_t n, ps_agg_heap *heap)
{
    (void)cx, (void)agg, (void)heap;
    for (uint32_t i = 0; i < n; i++)
        merge_one((sum_state *)(void *)dst[i], (const sum_state *)(const void *)src[i], true);
    return PS_OK;
}

/* The sum in 128 bits; false: it doesn't fit. */
static bool state_value(const sum_state *s, bool wide, ps_i128 *out)
{
    *out = (ps_i128)((ps_u128)s->hi << 64 | s->lo);
    return !wide || s->top == (*out < 0 ? -1 : 0);
}

static ps_status sum_finish(ps_ctx *cx, const ps_agg *agg, uint8_t *const *states, uint32_t n,
                            ps_vec_buf *buf, ps_vec *out)
{
    const bool wide = agg->class->state_bytes == WIDE_BYTES;
    const ps_type type = agg->expr->type;
    const ps_layout layout = ps_type_layout(type);
    ps_i128 lo, hi, value;
    bool nulls = false;

    if (!ps_type_range(type, &lo, &hi))
        return PS_BUG(cx, "the result of sum is not of an integer layout");
    ps_bits_fill(buf->valid, n, true);
    for (uint32_t i = 0; i < n; i++) {
        const sum_state *s = (const sum_state *)(const void *)states[i];
        if (s->n == 0) {
            ps_bit_clear(buf->valid, i);
            nulls = true;
        }
        if (!state_value(s, wide, &value) || value < lo || value > hi) {
            ps_text text;
            ps_text_init(&text, cx);
            ps_type_print(type, &text);
            ps_fail(cx, PS_VALUE, "the sum does not fit its type: %.*s", (int)text.n,
                    text.at ? text.at : "");
            ps_text_release(&text);
            return PS_VALUE;
        }
        ps_slot_put(layout, buf->data, i, value);
    }
    ps_vec_flat(out, type, layout, buf->data, nulls ? buf->valid : NULL, n);
    return PS_OK;
}

#define EXACT_MAX ((int64_t)1 << 53) /* every whole number up to it is a double */

static double mean(const sum_state *s, bool wide, int scale)
{
    ps_i128 value;

    /* Quad precision holds the sum to 113 bits: one division, one rounding that matters. */
    __float128 sum;
    if (state_value(s, wide, &value)) {
        /* Doubles divide to the same bits where they hold both exactly: rounding twice changes
         * nothing, since 113 bits are more than twice 53 and two (Figueroa 1995). */
        const uint64_t divisor_max = EXACT_MAX / (uint64_t)ps_pow10[PS_MIN(scale, 15)];
        if (value >= -EXACT_MAX && value <= EXACT_MAX && scale <= 15 && s->n <= divisor_max)
            return (double)value / (double)(s->n * (uint64_t)ps_pow10[scale]);
        sum = (__float128)value;
    } else sum = (__float128)s->top * 0x1p128 + (__float128)((ps_u128)s->hi << 64 | s->lo);
    return (double)(sum / ((__float128)s->n * (__float128)ps_pow10[scale]));
}

static ps_status avg_finish(ps_ctx *cx, const ps_agg *agg, uint8_t *const *states, uint32_t n,
                            ps_vec_buf *buf, ps_vec *out)
{
    const bool wide = agg->class->state_bytes == WIDE_BYTES;
    const ps_type arg = agg->arg_types[0];
    const int scale = arg.id == PS_TYPE_DECIMAL ? arg.scale : 0;
    double *values = buf->data;
    bool nulls = false;

    if (agg->expr->type.id != PS_TYPE_FLOAT64) return PS_BUG(cx, "the result of avg is not DOUBLE");
    ps_bits_fill(buf->valid, n, true);
    for (uint32_t i = 0; i < n; i++) {
        const sum_state *s = (const sum_state *)(const void *)states[i];
        values[i] = s->n ? mean(s, wide, scale) : 0;
        if (s->n) continue;
        ps_bit_clear(buf->valid, i);
        nulls = true;
    }
    ps_vec_flat(out, agg->expr->type, PS_LAYOUT_F64, values, nulls ? buf->valid : NULL, n);
    return PS_OK;
}

static const ps_agg_class sum_narrow = {.state_bytes = NARROW_BYTES,
                                        .update = narrow_update,
                                        .merge = narrow_merge,
                                        .finish = sum_finish};
static const ps_agg_class sum_wide = {
    .state_bytes = WIDE_BYTES, .update = wide_update, .merge = wide_merge, .finish = sum_finish};
static const ps_agg_class avg_narrow = {.state_bytes = NARROW_BYTES,
                                        .update = narrow_update,
                                        .merge = narrow_merge,
                                        .finish = avg_finish};
static const ps_agg_class avg_wide = {
    .state_bytes = WIDE_BYTES, .update = wide_update, .merge = wide_merge, .finish = avg_finish};

static bool is_wide(const ps_expr *expr)
{
    return ps_type_layout(expr->args[0]->type) == PS_LAYOUT_I128;
}
static const ps_agg_class *sum_select(const ps_expr *expr)
{
    return is_wide(expr) ? &sum_wide : &sum_narrow;
}
static const ps_agg_class *avg_select(const ps_expr *expr)
{
    return is_wide(expr) ? &avg_wide : &avg_narrow;
}

const ps_agg_class ps_aggfn_sum_int = {.select = sum_select};
const ps_agg_class ps_aggfn_sum_bool = {.select = sum_select};
const ps_agg_class ps_aggfn_sum_decimal = {.select = sum_select};
const ps_agg_class ps_aggfn_avg_int = {.select = avg_select};
const ps_agg_class ps_aggfn_avg_decimal = {.select = avg_select};
