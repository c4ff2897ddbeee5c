/* func/agg_bits.c -- bit_and, bit_or, bit_xor of integers: one slot of 128 bits and a count.
 *
 * Tests: tests/unit/test_agg.c */
#include "func/agg_input.h"

#include "col/slots.h"

typedef struct bits_state {
    uint64_t lo, hi, n;
} bits_state;
typedef enum bits_op { BITS_AND, BITS_OR, BITS_XOR } bits_op;

static bits_state *state_at(uint8_t *state) { return (bits_state *)(void *)state; }

static void take(bits_op op, uint64_t lo, uint64_t hi, uint64_t n, bits_state *s)
{
    if (s->n == 0) s->lo = lo, s->hi = hi;
    else if (op == BITS_AND) s->lo &= lo, s->hi &= hi;
    else if (op == BITS_OR) s->lo |= lo, s->hi |= hi;
    else s->lo ^= lo, s->hi ^= hi;
    s->n += n;
}

static ps_status bits_update(const ps_agg_update *u, bits_op op)
{
    ps_agg_input in;

    ps_agg_input_read(u, &u->args[0], &in);
    for (uint32_t k = 0; k < in.n; k++) {
        const ps_i128 v = ps_slot_get(in.layout, in.data, ps_agg_at(&in, k));
        take(op, (uint64_t)v, (uint64_t)((ps_u128)v >> 64), 1, state_at(ps_agg_state(u, &in, k)));
    }
    return PS_OK;
}

static ps_status bits_merge(bits_op op, uint8_t *const *dst, uint8_t *const *src, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const bits_state *s = state_at(src[i]);
        if (s->n) take(op, s->lo, s->hi, s->n, state_at(dst[i]));
    }
    return PS_OK;
}

static ps_status bits_finish(ps_ctx *cx, const ps_agg *agg, uint8_t *const *states, uint32_t n,
                             ps_vec_buf *buf, ps_vec *out)
{
    const ps_layout layout = ps_type_layout(agg->expr->type);

    (void)cx;
    for (uint32_t i = 0; i < n; i++) {
        const bits_state *s = state_at(states[i]);
        ps_slot_put(layout, buf->data, i, (ps_i128)((ps_u128)s->hi << 64 | s->lo));
        ps_bit_put(buf->valid, i, s->n > 0);
    }
    ps_vec_flat(out, agg->expr->type, layout, buf->data, buf->valid, n);
    return PS_OK;
}

#define BITS(name, op)                                                                             \
    static ps_status name##_update(const ps_agg_update *u) { return bits_update(u, op); }          \
    static ps_status name##_merge(ps_ctx *cx, const ps_agg *agg, uint8_t *const *dst,              \
                                  uint8_t *const *src, uint32_t n, ps_agg_heap *heap)              \
    {                                                                                              \
        (void)cx, (void)agg, (void)heap;                                                           \
        return bits_merge(op, dst, src, n);                                                        \
    }
BITS(and, BITS_AND)
BITS(or, BITS_OR)
BITS(xor, BITS_XOR)

const ps_agg_class ps_aggfn_bit_and = {.state_bytes = sizeof(bits_state),
                                       .update = and_update,
                                       .merge = and_merge,
                                       .finish = bits_finish};
const ps_agg_class ps_aggfn_bit_or = {.state_bytes = sizeof(bits_state),
                                      .update = or_update,
                                      .merge = or_merge,
                                      .finish = bits_finish};
const ps_agg_class ps_aggfn_bit_xor = {.state_bytes = sizeof(bits_state),
                                       .update = xor_update,
                                       .merge = xor_merge,
                                       .finish = bits_finish};
