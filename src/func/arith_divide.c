/* func/arith_divide.c -- // and % of integers and decimals; / and all arithmetic of floats.
 *
 * Integer quotients are cut toward zero and remainders have the dividend's sign. Division by zero
 * is a row error for integers and decimals and for //, IEEE's infinity or NaN elsewhere.
 * Tests: tests/unit/test_eval.c */
#include "func/operand.h"

#include "col/slots.h"

#include <math.h>

typedef struct quotient {
    ps_call *call;
    ps_lanes lanes;
    ps_operand a, b;
    bool remainder;
    ps_i128 type_lo, type_hi;
} quotient;

static ps_i128 slot_of(const ps_operand *o, uint32_t slot)
{
    return o->one ? o->lo : ps_slot_get(o->layout, o->data, slot);
}

static bool divide_row(quotient *q, uint32_t row, ps_i128 x, ps_i128 y, ps_i128 *z)
{
    const char *sign = q->remainder ? "%" : "//";
    bool overflow;

    if (y != 0) {
        bool small = x >= INT64_MIN && x <= INT64_MAX && y >= INT64_MIN && y <= INT64_MAX;
        if (y == -1) /* the one quotient that can overflow */
            *z = q->remainder ? 0 : (ps_i128)(0 - (ps_u128)x);
        else if (small) /* a 64-bit division is several times faster */
            *z = q->remainder ? (int64_t)x % (int64_t)y : (int64_t)x / (int64_t)y;
        else *z = q->remainder ? x % y : x / y;
        overflow = *z < q->type_lo || *z > q->type_hi || (y == -1 && x < 0 && *z < 0);
        if (!overflow) return true;
    }
    ps_value a = ps_value_int(q->call->args[0].type, x), b = ps_value_int(q->call->args[1].type, y);
    ps_call_error_binary(q->call, row, y == 0 ? "division by zero" : "overflow", &a, sign, &b);
    return false;
}

static ps_status divide_ints(ps_call *call, bool remainder)
{
    quotient q = {.call = call, .lanes = ps_lanes_of(call), .remainder = remainder};
    const uint64_t *valid = call->out->valid;
    ps_layout layout;
    void *out;

    if (!ps_type_range(call->out->type, &q.type_lo, &q.type_hi))
        return PS_BUG(call->cx, "division on a type that is no integer");
    PS_TRY(ps_operand_get(call, &q.lanes, 0, &q.a));
    PS_TRY(ps_operand_get(call, &q.lanes, 1, &q.b));
    layout = PS_MAX(ps_operand_signed(&q.a), PS_LAYOUT_I64);
    PS_TRY(ps_lanes_target(call, &q.lanes, ps_layout_bytes(layout), &out));
    for (uint32_t k = 0; k < q.lanes.n; k++) {
        uint32_t row = ps_lanes_row(&q.lanes, k), slot = ps_lanes_slot(&q.lanes, k);
        ps_i128 z;
        if (valid && !ps_bit_get(valid, row)) continue;
        if (divide_row(&q, row, slot_of(&q.a, slot), slot_of(&q.b, slot), &z))
            ps_slot_put(layout, out, slot, z);
    }
    ps_lanes_finish(call, &q.lanes, layout, out);
    ps_vec_bounds_reset(call->out);
    return PS_OK;
}

static ps_status divide_int(ps_call *call) { return divide_ints(call, false); }
static ps_status modulo_int(ps_call *call) { return divide_ints(call, true); }

static ps_status floats(ps_call *call, ps_arith_op op)
{
    ps_lanes lanes = ps_lanes_of(call);
    ps_operand a, b;
    ps_binary_loop loop;
    void *out;

    PS_TRY(ps_operand_get(call, &lanes, 0, &a));
    PS_TRY(ps_operand_get(call, &lanes, 1, &b));
    loop = ps_arith_kernels_get()->binary[op][a.layout];
    if (a.layout != b.layout || !loop || ps_layout_is_int(a.layout))
        return ps_fail(call->cx, PS_UNSUPPORTED, "arithmetic on this layout of floats");
    PS_TRY(ps_lanes_target(call, &lanes, ps_layout_bytes(a.layout), &out));
    loop(a.data, b.data, out, lanes.n_loop, ps_shape_of(&a, &b));
    ps_lanes_finish(call, &lanes, a.layout, out);
    return PS_OK;
}

static ps_status add(ps_call *call) { return floats(call, PS_ARITH_ADD); }
static ps_status subtract(ps_call *call) { return floats(call, PS_ARITH_SUB); }
static ps_status multiply(ps_call *call) { return floats(call, PS_ARITH_MUL); }
static ps_status divide(ps_call *call) { return floats(call, PS_ARITH_DIV); }

static double float_at(const ps_operand *o, uint32_t slot)
{
    slot = o->one ? 0 : slot;
    return o->layout == PS_LAYOUT_F32 ? (double)((const float *)o->data)[slot]
                                      : ((const double *)o->data)[slot];
}

static ps_status divide_checked(ps_call *call)
{
    ps_lanes lanes = ps_lanes_of(call);
    ps_operand a, b;

    PS_TRY(floats(call, PS_ARITH_DIV));
    PS_TRY(ps_operand_get(call, &lanes, 0, &a));
    PS_TRY(ps_operand_get(call, &lanes, 1, &b));
    for (uint32_t k = 0; k < lanes.n; k++) {
        uint32_t row = ps_lanes_row(&lanes, k), slot = ps_lanes_slot(&lanes, k);
        ps_value x, y;
        if (float_at(&b, slot) != 0 || (call->out->valid && !ps_bit_get(call->out->valid, row)))
            continue;
        x = ps_value_f64(float_at(&a, slot)), y = ps_value_f64(0);
        ps_call_error_binary(call, row, "division by zero", &x, "//", &y);
    }
    return PS_OK;
}

/* fmod and negation have no vector loop: fmod is a library call, negation a multiplication. */
static ps_status modulo_float(ps_call *call)
{
    ps_lanes lanes = ps_lanes_of(call);
    ps_operand a, b;
    void *out;

    PS_TRY(ps_operand_get(call, &lanes, 0, &a));
    PS_TRY(ps_operand_get(call, &lanes, 1, &b));
    PS_TRY(ps_lanes_target(call, &lanes, ps_layout_bytes(a.layout), &out));
    for (uint32_t k = 0; k < lanes.n; k++) {
        uint32_t slot = ps_lanes_slot(&lanes, k);
        double z = fmod(float_at(&a, slot), float_at(&b, slot));
        if (a.layout == PS_LAYOUT_F32)
            ((float *)out)[slot] = (float)z; /* exact: the remainder of two floats is one */
        else ((double *)out)[slot] = z;
    }
    ps_lanes_finish(call, &lanes, a.layout, out);
    return PS_OK;
}

static ps_status negate(ps_call *call)
{
    static const float minus_f32 = -1;
    static const double minus_f64 = -1;
    ps_lanes lanes = ps_lanes_of(call);
    ps_operand a;
    void *out;

    PS_TRY(ps_operand_get(call, &lanes, 0, &a));
    PS_TRY(ps_lanes_target(call, &lanes, ps_layout_bytes(a.layout), &out));
    ps_arith_kernels_get()->binary[PS_ARITH_MUL][a.layout](
        a.data, a.layout == PS_LAYOUT_F32 ? (const void *)&minus_f32 : &minus_f64, out,
        lanes.n_loop, a.one ? PS_SHAPE_COL_COL : PS_SHAPE_COL_ONE);
    ps_lanes_finish(call, &lanes, a.layout, out);
    return PS_OK;
}

const ps_func_class ps_fn_divide_int = {.eval = divide_int};
const ps_func_class ps_fn_modulo_int = {.eval = modulo_int};
const ps_func_class ps_fn_modulo_decimal = {.eval = modulo_int};
const ps_func_class ps_fn_add_float = {.eval = add};
const ps_func_class ps_fn_subtract_float = {.eval = subtract};
const ps_func_class ps_fn_multiply_float = {.eval = multiply};
const ps_func_class ps_fn_divide_float = {.eval = divide};
const ps_func_class ps_fn_divide_float_checked = {.eval = divide_checked};
const ps_func_class ps_fn_modulo_float = {.eval = modulo_float};
const ps_func_class ps_fn_negate_float = {.eval = negate};
