/* func/agg_count.c -- count(*), count(x), count_if(x): a state is one number.
 *
 * Tests: tests/unit/test_agg.c */
#include "func/agg_input.h"

static void count_add(const ps_agg_update *u, const ps_agg_input *in)
{
    switch (u->shape) {
    case PS_AGG_ONE: *(uint64_t *)(void *)in->states[0] += in->n; break;
    case PS_AGG_FEW:
        for (uint32_t g = 0; g < u->n_groups; g++)
            *(uint64_t *)(void *)in->states[g] += in->group_n[g];
        break;
    case PS_AGG_ROWS:
        for (uint32_t k = 0; k < in->n; k++) ++*(uint64_t *)(void *)in->states[k];
        break;
    }
}

static ps_status count_star_update(const ps_agg_update *u)
{
    const ps_agg_input in = {
        .n = u->n, .groups = u->groups, .group_n = u->group_n, .states = u->states};
    count_add(u, &in);
    return PS_OK;
}

static ps_status count_update(const ps_agg_update *u)
{
    ps_agg_input in;
    ps_agg_input_rows(u, &in);
    count_add(u, &in);
    return PS_OK;
}

static ps_status count_if_update(const ps_agg_update *u)
{
    ps_agg_input in;
    ps_agg_input_read(u, &u->args[0], &in);
    for (uint32_t k = 0; k < in.n; k++)
        *(uint64_t *)(void *)ps_agg_state(u, &in, k) +=
            (uint64_t)ps_agg_int(in.layout, in.data, ps_agg_at(&in, k));
    return PS_OK;
}

static ps_status count_merge(ps_ctx *cx, const ps_agg *agg, uint8_t *const *dst,
                             uint8_t *const *src, uint32_t n, ps_agg_heap *heap)
{
    (void)cx, (void)agg, (void)heap;
    for (uint32_t i = 0; i < n; i++)
        *(uint64_t *)(void *)dst[i] += *(const uint64_t *)(const void *)src[i];
    return PS_OK;
}

static ps_status count_finish(ps_ctx *cx, const ps_agg *agg, uint8_t *const *states, uint32_t n,
                              ps_vec_buf *buf, ps_vec *out)
{
    int64_t *values = buf->data;
    (void)cx;
    for (uint32_t i = 0; i < n; i++)
        values[i] = (int64_t)*(const uint64_t *)(const void *)states[i];
    ps_vec_flat(out, agg->expr->type, PS_LAYOUT_I64, values, NULL, n);
    return PS_OK;
}

const ps_agg_class ps_aggfn_count_star = {
    .state_bytes = 8, .update = count_star_update, .merge = count_merge, .finish = count_finish};
const ps_agg_class ps_aggfn_count = {
    .state_bytes = 8, .update = count_update, .merge = count_merge, .finish = count_finish};
const ps_agg_class ps_aggfn_count_if = {
    .state_bytes = 8, .update = count_if_update, .merge = count_merge, .finish = count_finish};
