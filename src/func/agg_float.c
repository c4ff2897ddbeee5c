/* func/agg_float.c -- sum and avg of floats, variances, covariances, correlation,
 * regression.
 *
 * All rest on binned sums (agg_binned.h), so their bits depend on the rows alone. Products of two
 * doubles are split exactly (p = x * y, e = fma(x, y, -p)) and each part has a sum of its own: a
 * sum's bins reach 64 bits below its largest value, so that one for both would round e away. Those
 * sums are exact while the values lie within a factor of 2^5; beyond, the spread is of the size of
 * the largest square, and n * 2^-64 of that is lost. The differences that cancel (sum of squares
 * minus square of the sum) are taken in twice quad precision: equal values have no spread at all.
 * Tests: tests/unit/test_agg.c, tests/slt/sql/group.test */
#include "func/agg_input.h"

#include "func/agg_binned.h"

#include <math.h>

typedef struct float_state {
    uint64_t n;
    ps_binned x;
} float_state;
typedef struct product_sum {
    ps_binned high, low; /* of the products as doubles, and of what those leave out */
} product_sum;
typedef struct moment_state {
    uint64_t n;
    ps_binned x;
    product_sum xx;
} moment_state;
typedef struct pair_state {
    uint64_t n;
    ps_binned x, y;
    product_sum xx, yy, xy;
} pair_state;

static float_state *float_at(uint8_t *state) { return (float_state *)(void *)state; }
static moment_state *moment_at(uint8_t *state) { return (moment_state *)(void *)state; }
static pair_state *pair_at(uint8_t *state) { return (pair_state *)(void *)state; }

enum { BLOCK = 512 };

/* ---- sum and avg ---- */

static void float_add_one(const ps_agg_input *in)
{
    double block[BLOCK];
    float_state *s = float_at(in->states[0]);

    s->n += in->n;
    if (in->layout == PS_LAYOUT_F64 && !in->idx) {
        ps_binned_add_many(&s->x, in->data, in->n);
        return;
    }
    for (uint32_t base = 0; base < in->n; base += BLOCK) {
        const uint32_t m = PS_MIN(in->n - base, (uint32_t)BLOCK);
        for (uint32_t k = 0; k < m; k++)
            block[k] = ps_agg_double(in->layout, in->data, ps_agg_at(in, base + k));
        ps_binned_add_many(&s->x, block, m);
    }
}

/* Values put together group by group, so that each group is one vectorised sum. */
static void float_add_few(const ps_agg_update *u, const ps_agg_input *in)
{
    double *sorted = (double *)(void *)u->scratch->slots;
    uint32_t at[PS_AGG_FEW_MAX], start = 0;

    {
        for (uint32_t g = 0; g < u->n_groups; g++) at[g] = start, start += in->group_n[g];
        for (uint32_t k = 0; k < in->n; k++)
            sorted[at[in->groups[k]]++] = ps_agg_double(in->layout, in->data, ps_agg_at(in, k));
    }
    start = 0;
    for (uint32_t g = 0; g < u->n_groups; g++) {
        if (in->group_n[g] == 0) continue;
        float_state *s = float_at(in->states[g]);
        s->n += in->group_n[g];
        ps_binned_add_many(&s->x, sorted + start, in->group_n[g]);
        start += in->group_n[g];
    }
}

static ps_status float_update(const ps_agg_update *u)
{
    ps_agg_input in;

    ps_agg_input_read(u, &u->args[0], &in);
    if (u->shape == PS_AGG_ONE) {
        float_add_one(&in);
    } else if (u->shape == PS_AGG_FEW) {
        float_add_few(u, &in);
    } else {
        for (uint32_t k = 0; k < in.n; k++) {
            float_state *s = float_at(in.states[k]);
            s->n++;
            ps_binned_add(&s->x, ps_agg_double(in.layout, in.data, ps_agg_at(&in, k)));
        }
    }
    return PS_OK;
}

static ps_status float_merge(ps_ctx *cx, const ps_agg *agg, uint8_t *const *dst,
                             uint8_t *const *src, uint32_t n, ps_agg_heap *heap)
{
    (void)cx, (void)agg, (void)heap;
    for (uint32_t i = 0; i < n; i++) {
        float_at(dst[i])->n += float_at(src[i])->n;
        ps_binned_merge(&float_at(dst[i])->x, &float_at(src[i])->x);
    }
    return PS_OK;
}

/* Results of n states, each a double or null, in the result's layout. */
typedef bool (*float_result)(const uint8_t *state, double *out);
static ps_status finish_doubles(const ps_agg *agg, uint8_t *const *states, uint32_t n,
                                float_result result, ps_vec_buf *buf, ps_vec *out)
{
    const bool narrow = agg->expr->type.id == PS_TYPE_FLOAT32;
    bool nulls = false;

    ps_bits_fill(buf->valid, n, true);
    for (uint32_t i = 0; i < n; i++) {
        double value = 0;
        if (!result(states[i], &value)) {
            ps_bit_clear(buf->valid, i);
            nulls = true;
        }
        if (narrow) ((float *)buf->data)[i] = (float)value;
        else ((double *)buf->data)[i] = value;
    }
    ps_vec_flat(out, agg->expr->type, narrow ? PS_LAYOUT_F32 : PS_LAYOUT_F64, buf->data,
                nulls ? buf->valid : NULL, n);
    return PS_OK;
}

static bool sum_result(const uint8_t *state, double *out)
{
    const float_state *s = (const float_state *)(const void *)state;
    *out = ps_binned_value(&s->x);
    return s->n > 0;
}
static bool avg_result(const uint8_t *state, double *out)
{
    const float_state *s = (const float_state *)(const void *)state;
    if (s->n == 0) return false;
    *out = ps_binned_finite(&s->x) ? (double)(ps_binned_quad(&s->x) / (__float128)s->n)
                                   : ps_binned_value(&s->x);
    return true;
}

/* ---- variance ---- */

static void product_add(product_sum *sum, double x, double y)
{
    const double product = x * y;

    ps_binned_add(&sum->high, product);
    if (isfinite(product)) ps_binned_add(&sum->low, fma(x, y, -product));
}
static void product_merge(product_sum *to, const product_sum *from)
{
    ps_binned_merge(&to->high, &from->high);
    ps_binned_merge(&to->low, &from->low);
}
static bool product_finite(const product_sum *sum) { return ps_binned_finite(&sum->high); }

static ps_status moment_update(const ps_agg_update *u)
{
    ps_agg_input in;

    ps_agg_input_read(u, &u->args[0], &in);
    for (uint32_t k = 0; k < in.n; k++) {
        moment_state *s = moment_at(ps_agg_state(u, &in, k));
        const double x = ps_agg_double(in.layout, in.data, ps_agg_at(&in, k));
        s->n++;
        ps_binned_add(&s->x, x);
        product_add(&s->xx, x, x);
    }
    return PS_OK;
}

static ps_status moment_merge(ps_ctx *cx, const ps_agg *agg, uint8_t *const *dst,
                              uint8_t *const *src, uint32_t n, ps_agg_heap *heap)
{
    (void)cx, (void)agg, (void)heap;
    for (uint32_t i = 0; i < n; i++) {
        moment_at(dst[i])->n += moment_at(src[i])->n;
        ps_binned_merge(&moment_at(dst[i])->x, &moment_at(src[i])->x);
        product_merge(&moment_at(dst[i])->xx, &moment_at(src[i])->xx);
    }
    return PS_OK;
}

/* a * b as the sum of two quads (Dekker); nothing overflows, quads have exponents to spare. */
static void multiply(__float128 a, __float128 b, __float128 *high, __float128 *low)
{
    const __float128 cut = (__float128)(1ull << 57) + 1; /* 113 bits into 56 and 57 */
    const __float128 a_cut = a * cut, a_high = a_cut - (a_cut - a), a_low = a - a_high;
    const __float128 b_cut = b * cut, b_high = b_cut - (b_cut - b), b_low = b - b_high;

    *high = a * b;
    *low = ((a_high * b_high - *high) + a_high * b_low + a_low * b_high) + a_low * b_low;
}

/* sum of xy - sum of x * sum of y / n */
static __float128 spread(uint64_t n, const ps_binned *x, const ps_binned *y, const product_sum *xy)
{
    const __float128 count = (__float128)n;
    __float128 all, all_low, square, square_low;

    multiply(count, ps_binned_quad(&xy->high), &all, &all_low);
    multiply(ps_binned_quad(x), ps_binned_quad(y), &square, &square_low);
    return ((all - square) + (all_low - square_low) + count * ps_binned_quad(&xy->low)) / count;
}

static bool variance(const uint8_t *state, uint64_t less, bool root, double *out)
{
    const moment_state *s = (const moment_state *)(const void *)state;

    if (s->n <= less) return false;
    if (!ps_binned_finite(&s->x) || !product_finite(&s->xx)) {
        *out = ps_binned_finite(&s->x) ? INFINITY : NAN; /* a square beyond the largest double */
        return true;
    }
    const __float128 v = spread(s->n, &s->x, &s->x, &s->xx) / (__float128)(s->n - less);
    *out = v > 0 ? (double)v : 0; /* rounding of the last bin may give a tiny negative */
    if (root) *out = sqrt(*out);
    return true;
}
static bool var_samp_result(const uint8_t *state, double *out)
{
    return variance(state, 1, false, out);
}
static bool var_pop_result(const uint8_t *state, double *out)
{
    return variance(state, 0, false, out);
}
static bool stddev_samp_result(const uint8_t *state, double *out)
{
    return variance(state, 1, true, out);
}
static bool stddev_pop_result(const uint8_t *state, double *out)
{
    return variance(state, 0, true, out);
}

/* ---- two arguments ---- */

static double double_at(const ps_vec *vec, uint32_t row)
{
    const ps_reader_view r = ps_vec_read(vec);
    const ps_layout layout =
        (ps_layout)(vec->encoding == PS_ENC_DICTIONARY ? vec->dict->values.layout : vec->layout);
    return ps_agg_double(layout, r.data, ps_reader_at(&r, row));
}

static ps_status pair_update(const ps_agg_update *u)
{
    ps_agg_input in;

    ps_agg_input_rows(u, &in);
    for (uint32_t k = 0; k < in.n; k++) {
        pair_state *s = pair_at(ps_agg_state(u, &in, k));
        const double y = double_at(&u->args[0], ps_agg_row(&in, k)),
                     x = double_at(&u->args[1], ps_agg_row(&in, k));
        s->n++;
        ps_binned_add(&s->x, x);
        ps_binned_add(&s->y, y);
        product_add(&s->xx, x, x);
        product_add(&s->yy, y, y);
        product_add(&s->xy, x, y);
    }
    return PS_OK;
}

static ps_status pair_merge(ps_ctx *cx, const ps_agg *agg, uint8_t *const *dst, uint8_t *const *src,
                            uint32_t n, ps_agg_heap *heap)
{
    (void)cx, (void)agg, (void)heap;
    for (uint32_t i = 0; i < n; i++) {
        pair_state *to = pair_at(dst[i]), *from = pair_at(src[i]);
        to->n += from->n;
        ps_binned_merge(&to->x, &from->x);
        ps_binned_merge(&to->y, &from->y);
        product_merge(&to->xx, &from->xx);
        product_merge(&to->yy, &from->yy);
        product_merge(&to->xy, &from->xy);
    }
    return PS_OK;
}

static bool pair_finite(const pair_state *s)
{
    return ps_binned_finite(&s->x) && ps_binned_finite(&s->y) && product_finite(&s->xx) &&
           product_finite(&s->yy) && product_finite(&s->xy);
}

static bool covariance(const uint8_t *state, uint64_t less, double *out)
{
    const pair_state *s = (const pair_state *)(const void *)state;

    if (s->n <= less) return false;
    *out = pair_finite(s) ? (double)(spread(s->n, &s->x, &s->y, &s->xy) / (__float128)(s->n - less))
                          : NAN;
    return true;
}
static bool covar_samp_result(const uint8_t *state, double *out)
{
    return covariance(state, 1, out);
}
static bool covar_pop_result(const uint8_t *state, double *out)
{
    return covariance(state, 0, out);
}

static bool corr_result(const uint8_t *state, double *out)
{
    const pair_state *s = (const pair_state *)(const void *)state;

    if (s->n == 0) return false;
    if (!pair_finite(s)) {
        *out = NAN;
        return true;
    }
    const double xx = (double)spread(s->n, &s->x, &s->x, &s->xx),
                 yy = (double)spread(s->n, &s->y, &s->y, &s->yy);
    if (!(xx > 0) || !(yy > 0)) { /* no spread: undefined */
        *out = NAN;
        return true;
    }
    *out = (double)spread(s->n, &s->x, &s->y, &s->xy) / (sqrt(xx) * sqrt(yy));
    *out = *out > 1 ? 1 : *out < -1 ? -1 : *out;
    return true;
}

/* ---- the least-squares line y = slope * x + intercept ---- */

/* A mean of the pairs; quads, so that nothing is rounded twice. */
static __float128 mean(const ps_binned *sum, uint64_t n)
{
    return ps_binned_quad(sum) / (__float128)n;
}
static bool regr_avgx_result(const uint8_t *state, double *out)
{
    const pair_state *s = (const pair_state *)(const void *)state;

    if (s->n) *out = ps_binned_finite(&s->x) ? (double)mean(&s->x, s->n) : ps_binned_value(&s->x);
    return s->n > 0;
}
static bool regr_avgy_result(const uint8_t *state, double *out)
{
    const pair_state *s = (const pair_state *)(const void *)state;

    if (s->n) *out = ps_binned_finite(&s->y) ? (double)mean(&s->y, s->n) : ps_binned_value(&s->y);
    return s->n > 0;
}
static bool pair_spread(const pair_state *s, const ps_binned *a, const ps_binned *b,
                        const product_sum *ab, double *out)
{
    if (s->n) *out = pair_finite(s) ? (double)spread(s->n, a, b, ab) : NAN;
    return s->n > 0;
}
static bool regr_sxx_result(const uint8_t *state, double *out)
{
    const pair_state *s = (const pair_state *)(const void *)state;
    return pair_spread(s, &s->x, &s->x, &s->xx, out);
}
static bool regr_syy_result(const uint8_t *state, double *out)
{
    const pair_state *s = (const pair_state *)(const void *)state;
    return pair_spread(s, &s->y, &s->y, &s->yy, out);
}
static bool regr_sxy_result(const uint8_t *state, double *out)
{
    const pair_state *s = (const pair_state *)(const void *)state;
    return pair_spread(s, &s->x, &s->y, &s->xy, out);
}
static bool regr_slope_result(const uint8_t *state, double *out)
{
    double xx, xy;

    if (!regr_sxx_result(state, &xx) || !regr_sxy_result(state, &xy)) return false;
    *out = xx == 0 ? NAN : xy / xx; /* all x are one */
    return true;
}
static bool regr_intercept_result(const uint8_t *state, double *out)
{
    double x, y, slope;

    if (!regr_avgx_result(state, &x) || !regr_avgy_result(state, &y)) return false;
    if (!regr_slope_result(state, &slope)) return false;
    *out = y - slope * x;
    return slope == slope || !pair_finite((const pair_state *)(const void *)state);
}
static bool regr_r2_result(const uint8_t *state, double *out)
{
    double xx, xy, yy;

    if (!regr_sxx_result(state, &xx) || xx == 0) return false;
    if (!regr_sxy_result(state, &xy) || !regr_syy_result(state, &yy)) return false;
    *out = yy == 0 ? 1 : xy / xx * (xy / yy);
    return true;
}
static ps_status regr_count_finish(ps_ctx *cx, const ps_agg *agg, uint8_t *const *states,
                                   uint32_t n, ps_vec_buf *buf, ps_vec *out)
{
    (void)cx;
    for (uint32_t i = 0; i < n; i++)
        ((int64_t *)buf->data)[i] = (int64_t)((const pair_state *)(const void *)states[i])->n;
    ps_vec_flat(out, agg->expr->type, PS_LAYOUT_I64, buf->data, NULL, n);
    return PS_OK;
}

#define FINISH(name)                                                                               \
    static ps_status name##_finish(ps_ctx *cx, const ps_agg *agg, uint8_t *const *states,          \
                                   uint32_t n, ps_vec_buf *buf, ps_vec *out)                       \
    {                                                                                              \
        return (void)cx, finish_doubles(agg, states, n, name##_result, buf, out);                  \
    }
FINISH(sum)
FINISH(avg)
FINISH(var_samp)
FINISH(var_pop)
FINISH(stddev_samp)
FINISH(stddev_pop)
FINISH(covar_samp)
FINISH(covar_pop)
FINISH(corr)
FINISH(regr_avgx)
FINISH(regr_avgy)
FINISH(regr_sxx)
FINISH(regr_syy)
FINISH(regr_sxy)
FINISH(regr_slope)
FINISH(regr_intercept)
FINISH(regr_r2)

#define FLOAT_CLASS(kind, name)                                                                    \
    {.state_bytes = sizeof(kind##_state),                                                          \
     .update = kind##_update,                                                                      \
     .merge = kind##_merge,                                                                        \
     .finish = name##_finish}
const ps_agg_class ps_aggfn_sum_float = {.state_bytes = sizeof(float_state),
                                         .plain = &ps_agg_plain_sum,
                                         .update = float_update,
                                         .merge = float_merge,
                                         .finish = sum_finish};
const ps_agg_class ps_aggfn_avg_float = {.state_bytes = sizeof(float_state),
                                         .plain = &ps_agg_plain_avg,
                                         .update = float_update,
                                         .merge = float_merge,
                                         .finish = avg_finish};
const ps_agg_class ps_aggfn_var_samp = FLOAT_CLASS(moment, var_samp);
const ps_agg_class ps_aggfn_var_pop = FLOAT_CLASS(moment, var_pop);
const ps_agg_class ps_aggfn_stddev_samp = FLOAT_CLASS(moment, stddev_samp);
const ps_agg_class ps_aggfn_stddev_pop = FLOAT_CLASS(moment, stddev_pop);
const ps_agg_class ps_aggfn_covar_samp = FLOAT_CLASS(pair, covar_samp);
const ps_agg_class ps_aggfn_covar_pop = FLOAT_CLASS(pair, covar_pop);
const ps_agg_class ps_aggfn_corr = FLOAT_CLASS(pair, corr);
const ps_agg_class ps_aggfn_regr_avgx = FLOAT_CLASS(pair, regr_avgx);
const ps_agg_class ps_aggfn_regr_avgy = FLOAT_CLASS(pair, regr_avgy);
const ps_agg_class ps_aggfn_regr_sxx = FLOAT_CLASS(pair, regr_sxx);
const ps_agg_class ps_aggfn_regr_syy = FLOAT_CLASS(pair, regr_syy);
const ps_agg_class ps_aggfn_regr_sxy = FLOAT_CLASS(pair, regr_sxy);
const ps_agg_class ps_aggfn_regr_slope = FLOAT_CLASS(pair, regr_slope);
const ps_agg_class ps_aggfn_regr_intercept = FLOAT_CLASS(pair, regr_intercept);
const ps_agg_class ps_aggfn_regr_r2 = FLOAT_CLASS(pair, regr_r2);
const ps_agg_class ps_aggfn_regr_count = FLOAT_CLASS(pair, regr_count);
