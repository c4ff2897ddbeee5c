/* func/arith.c -- + - * and negation of integers and decimals, in the narrowest layout proven
 * enough.
 *
 * The inputs' bounds give the result's interval in 128 bits. If it is within the type's range, the
 * smallest layout of 16 to 128 bits that holds inputs and result is chosen and the loop runs
 * without checks. If it is not, the inputs are measured once and asked again. What is still open is
 * computed in a layout that can't overflow and compared with the type's range afterwards, or, past
 * 64 bits, row by row with checks. Decimals are their unscaled integers: arguments of + and - come
 * with one scale, those of * may differ. Tests: tests/unit/test_eval.c */
#include "func/operand.h"

#include "col/slots.h"

typedef struct arith {
    ps_call *call;
    ps_arith_op op;
    ps_lanes lanes;
    ps_operand a, b;
    ps_i128 type_lo, type_hi; /* what the result's type holds */
    ps_i128 lo, hi;           /* what the result is within, if known */
    bool unary;               /* 0 - b is written as -b in messages */
} arith;

static bool combine(ps_arith_op op, ps_i128 x, ps_i128 y, ps_i128 *out)
{
    switch (op) {
    case PS_ARITH_ADD: return !__builtin_add_overflow(x, y, out);
    case PS_ARITH_SUB: return !__builtin_sub_overflow(x, y, out);
    case PS_ARITH_MUL: return !__builtin_mul_overflow(x, y, out);
    case PS_ARITH_DIV:
    case PS_ARITH_COUNT: break;
    }
    return false;
}

/* The interval of the result; false when 128 bits can't hold it. All three are extreme at corners.
 */
static bool interval(arith *t)
{
    const ps_i128 x[2] = {t->a.lo, t->a.hi}, y[2] = {t->b.lo, t->b.hi};

    for (int i = 0; i < 4; i++) {
        ps_i128 v;
        if (!combine(t->op, x[i & 1], y[i >> 1], &v)) return false;
        t->lo = i == 0 || v < t->lo ? v : t->lo;
        t->hi = i == 0 || v > t->hi ? v : t->hi;
    }
    return true;
}

static bool within_type(const arith *t) { return t->lo >= t->type_lo && t->hi <= t->type_hi; }
static bool within_i64(ps_i128 lo, ps_i128 hi) { return lo >= INT64_MIN && hi <= INT64_MAX; }

static void row_fails(arith *t, uint32_t row, ps_i128 x, ps_i128 y)
{
    static const char *const signs[] = {"+", "-", "*"};
    ps_call *call = t->call;
    ps_value a = ps_value_int(call->args[0].type, x);
    ps_value b = ps_value_int(call->args[call->n_args - 1].type, y);

    ps_call_error_binary(call, row, "overflow", t->unary ? NULL : &a, signs[t->op], &b);
}

static ps_i128 slot_of(const ps_operand *o, uint32_t slot)
{
    return o->one ? o->lo : ps_slot_get(o->layout, o->data, slot);
}

/* Finds the rows of a computed result that left the type's range, and the bounds of the others. */
static void check_results(arith *t, ps_layout layout, const void *slots)
{
    const uint64_t *valid = t->call->out->valid;
    ps_i128 lo = 0, hi = 0;
    bool first = true;

    if (!valid && (!t->lanes.sel || t->lanes.compact) && t->lanes.n_loop &&
        ps_arith_kernels_get()->bounds[layout]) {
        int64_t least, most;
        ps_arith_kernels_get()->bounds[layout](slots, t->lanes.n_loop, &least, &most);
        t->lo = least, t->hi = most;
        if (within_type(t)) return;
    }
    for (uint32_t k = 0; k < t->lanes.n; k++) {
        uint32_t row = ps_lanes_row(&t->lanes, k), slot = ps_lanes_slot(&t->lanes, k);
        ps_i128 x;
        if (valid && !ps_bit_get(valid, row)) continue;
        x = ps_slot_get(layout, slots, slot);
        if (x < t->type_lo || x > t->type_hi) {
            row_fails(t, row, slot_of(&t->a, slot), slot_of(&t->b, slot));
            continue;
        }
        lo = first || x < lo ? x : lo;
        hi = first || x > hi ? x : hi;
        first = false;
    }
    t->lo = lo, t->hi = hi;
}

static ps_status run_unchecked(arith *t, ps_layout layout)
{
    ps_layout inputs = PS_MAX(ps_operand_signed(&t->a), ps_operand_signed(&t->b));
    ps_binary_loop loop = ps_arith_kernels_get()->binary[t->op][layout];
    const void *a, *b;
    void *out;

    if (t->op == PS_ARITH_MUL && layout == PS_LAYOUT_I64 && inputs <= PS_LAYOUT_I32) {
        loop = ps_arith_kernels_get()->multiply_wide; /* saves widening both */
        inputs = PS_LAYOUT_I32;
    } else {
        inputs = layout;
    }
    PS_TRY(ps_operand_as(t->call, &t->lanes, &t->a, inputs, &a));
    PS_TRY(ps_operand_as(t->call, &t->lanes, &t->b, inputs, &b));
    PS_TRY(ps_lanes_target(t->call, &t->lanes, ps_layout_bytes(layout), &out));
    loop(a, b, out, t->lanes.n_loop, ps_shape_of(&t->a, &t->b));
    if (!within_type(t)) check_results(t, layout, out);
    ps_lanes_finish(t->call, &t->lanes, layout, out);
    return PS_OK;
}

/* One wanted row after the other, with checks: the operands are wide and so are the values. */
static ps_status run_checked(arith *t, ps_layout layout)
{
    const uint64_t *valid = t->call->out->valid;
    bool first = true;
    ps_i128 lo = 0, hi = 0;
    void *out;

    PS_TRY(ps_lanes_target(t->call, &t->lanes, ps_layout_bytes(layout), &out));
    for (uint32_t k = 0; k < t->lanes.n; k++) {
        uint32_t row = ps_lanes_row(&t->lanes, k), slot = ps_lanes_slot(&t->lanes, k);
        ps_i128 x = slot_of(&t->a, slot), y = slot_of(&t->b, slot), z;
        if (valid && !ps_bit_get(valid, row)) continue;
        if (!combine(t->op, x, y, &z) || z < t->type_lo || z > t->type_hi) {
            row_fails(t, row, x, y);
            continue;
        }
        ps_slot_put(layout, out, slot, z);
        lo = first || z < lo ? z : lo;
        hi = first || z > hi ? z : hi;
        first = false;
    }
    t->lo = lo, t->hi = hi;
    ps_lanes_finish(t->call, &t->lanes, layout, out);
    return PS_OK;
}

static ps_status run(arith *t)
{
    ps_call *call = t->call;
    ps_status st;
    bool known;

    if (!ps_type_range(call->out->type, &t->type_lo, &t->type_hi))
        return PS_BUG(call->cx, "arithmetic on a type that is no integer");
    known = interval(t);
    if (!known || !within_type(t) || !within_i64(t->lo, t->hi)) {
        ps_operand_measure(call, &t->lanes, 0, &t->a);
        ps_operand_measure(call, &t->lanes, call->n_args - 1, &t->b);
        known = interval(t);
    }
    if (known && (within_type(t) || within_i64(t->lo, t->hi))) {
        ps_layout layout = PS_MAX(ps_operand_signed(&t->a), ps_operand_signed(&t->b));
        ps_layout result = ps_layout_for(t->lo, t->hi);
        st = run_unchecked(t, PS_MAX(layout, result));
    } else {
        st = run_checked(t, within_i64(t->type_lo, t->type_hi) ? PS_LAYOUT_I64 : PS_LAYOUT_I128);
    }
    if (st != PS_OK) return st;
    call->out->bounded = within_i64(t->lo, t->hi);
    if (call->out->bounded) call->out->lo = (int64_t)t->lo, call->out->hi = (int64_t)t->hi;
    else ps_vec_bounds_reset(call->out);
    return PS_OK;
}

static ps_status binary(ps_call *call, ps_arith_op op)
{
    arith t = {.call = call, .op = op, .lanes = ps_lanes_of(call)};

    PS_ASSERT(call->n_args == 2);
    PS_TRY(ps_operand_get(call, &t.lanes, 0, &t.a));
    PS_TRY(ps_operand_get(call, &t.lanes, 1, &t.b));
    return run(&t);
}

static ps_status add(ps_call *call) { return binary(call, PS_ARITH_ADD); }
static ps_status subtract(ps_call *call) { return binary(call, PS_ARITH_SUB); }
static ps_status multiply(ps_call *call) { return binary(call, PS_ARITH_MUL); }
static ps_status negate(ps_call *call)
{
    static const ps_i128 zero = 0;
    arith t = {.call = call, .op = PS_ARITH_SUB, .lanes = ps_lanes_of(call), .unary = true};

    t.a = (ps_operand){.data = &zero, .one = true, .exact = true, .layout = PS_LAYOUT_I128};
    PS_TRY(ps_operand_get(call, &t.lanes, 0, &t.b));
    return run(&t);
}

const ps_func_class ps_fn_add_int = {.eval = add};
const ps_func_class ps_fn_add_decimal = {.eval = add};
const ps_func_class ps_fn_subtract_int = {.eval = subtract};
const ps_func_class ps_fn_subtract_decimal = {.eval = subtract};
const ps_func_class ps_fn_multiply_int = {.eval = multiply};
const ps_func_class ps_fn_multiply_decimal = {.eval = multiply};
const ps_func_class ps_fn_negate_int = {.eval = negate};
const ps_func_class ps_fn_negate_decimal = {.eval = negate};
