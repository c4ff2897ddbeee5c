/* func/agg_plain.c -- sum and avg of floats in plain doubles: what `deterministic = off` runs.
 *
 * Cheaper than binned sums (agg_binned.h), but the last bits depend on the order in which rows come
 * and states are merged: on threads, batches and spilling. They stand in for the classes that name
 * them in `plain`. Tests: tests/slt/sql/deterministic.test */
#include "func/agg_input.h"

typedef struct plain_state {
    uint64_t n;
    double x;
} plain_state;

static plain_state *plain_at(uint8_t *state) { return (plain_state *)(void *)state; }

/* Four sums side by side, so that one addition doesn't wait for the last. */
static double sum_of(const double *x, uint32_t n)
{
    double sums[4] = {0};
    uint32_t k = 0;

    for (; k + 4 <= n; k += 4)
        for (uint32_t i = 0; i < 4; i++) sums[i] += x[k + i];
    for (; k < n; k++) sums[0] += x[k];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

static ps_status plain_update(const ps_agg_update *u)
{
    ps_agg_input in;

    ps_agg_input_read(u, &u->args[0], &in);
    if (u->shape == PS_AGG_ONE && in.layout == PS_LAYOUT_F64 && !in.idx) {
        plain_at(in.states[0])->n += in.n;
        plain_at(in.states[0])->x += sum_of(in.data, in.n);
        return PS_OK;
    }
    for (uint32_t k = 0; k < in.n; k++) {
        plain_state *s = plain_at(ps_agg_state(u, &in, k));

        s->n++;
        s->x += ps_agg_double(in.layout, in.data, ps_agg_at(&in, k));
    }
    return PS_OK;
}

static ps_status plain_merge(ps_ctx *cx, const ps_agg *agg, uint8_t *const *dst,
                             uint8_t *const *src, uint32_t n, ps_agg_heap *heap)
{
    (void)cx, (void)agg, (void)heap;
    for (uint32_t i = 0; i < n; i++) {
        plain_at(dst[i])->n += plain_at(src[i])->n;
        plain_at(dst[i])->x += plain_at(src[i])->x;
    }
    return PS_OK;
}

static ps_status finish(const ps_agg *agg, uint8_t *const *states, uint32_t n, bool mean,
                        ps_vec_buf *buf, ps_vec *out)
{
    const bool narrow = agg->expr->type.id == PS_TYPE_FLOAT32;
    bool nulls = false;

    for (uint32_t i = 0; i < n; i++) {
        const plain_state *s = plain_at(states[i]);
        const double value = mean && s->n ? s->x / (double)s->n : s->x;

        ps_bit_put(buf->valid, i, s->n > 0);
        nulls |= s->n == 0;
        if (narrow) ((float *)buf->data)[i] = (float)value;
        else ((double *)buf->data)[i] = value;
    }
    ps_vec_flat(out, agg->expr->type, narrow ? PS_LAYOUT_F32 : PS_LAYOUT_F64, buf->data,
                nulls ? buf->valid : NULL, n);
    return PS_OK;
}

static ps_status sum_finish(ps_ctx *cx, const ps_agg *agg, uint8_t *const *states, uint32_t n,
                            ps_vec_buf *buf, ps_vec *out)
{
    return (void)cx, finish(agg, states, n, false, buf, out);
}

static ps_status avg_finish(ps_ctx *cx, const ps_agg *agg, uint8_t *const *states, uint32_t n,
                            ps_vec_buf *buf, ps_vec *out)
{
    return (void)cx, finish(agg, states, n, true, buf, out);
}

const ps_agg_class ps_agg_plain_sum = {.state_bytes = sizeof(plain_state),
                                       .update = plain_update,
                                       .merge = plain_merge,
                                       .finish = sum_finish};
const ps_agg_class ps_agg_plain_avg = {.state_bytes = sizeof(plain_state),
                                       .update = plain_update,
                                       .merge = plain_merge,
                                       .finish = avg_finish};
