/* eval/call.c -- one call or cast: arguments, nulls, constants, errors.
 *
 * Casts between integers and decimals of one scale whose bounds fit move no data: layout is a
 * property of the vector, so only the type changes. Tests: tests/unit/test_eval.c */
#include "eval/eval.h"

#include "col/slots.h"

ps_status ps_args_known(ps_run *run, const ps_vec *args, uint32_t n, uint32_t scope, uint64_t *room,
                        const uint64_t **out)
{
    const uint64_t *all = NULL;

    for (uint32_t a = 0; a < n; a++) {
        const uint64_t *one;
        PS_TRY(ps_vec_known(run, &args[a], scope, &one));
        if (!one) continue;
        if (all) {
            ps_bits_and(room, all, one, run->frame->n);
            all = room;
        } else {
            all = one;
        }
    }
    *out = all;
    return PS_OK;
}

static bool is_null_constant(const ps_vec *v)
{
    return v->encoding == PS_ENC_CONSTANT && v->valid && !ps_bit_get(v->valid, 0);
}

/* Errors of the call itself: a null has none; TRY_CAST makes null of them. */
static ps_status own_errors(ps_run *run, const ps_expr *expr, ps_row_errors *errors, uint64_t *room,
                            ps_reg *reg)
{
    uint32_t n = run->frame->n;

    if (!errors->any) return PS_OK;
    if (reg->vec.valid && reg->vec.encoding != PS_ENC_CONSTANT)
        ps_bits_and(errors->rows, errors->rows, reg->vec.valid, n);
    if (expr->kind != PS_EXPR_CAST || expr->cast != PS_CAST_TRY)
        return ps_err_add(run, &reg->err, errors->rows);
    for (size_t w = 0; w < PS_BITS_WORDS(n); w++)
        room[w] = (reg->vec.valid ? reg->vec.valid[w] : ~(uint64_t)0) & ~errors->rows[w];
    reg->vec.valid = room;
    return PS_OK;
}

/* All arguments are constants: one row stands for all. */
static ps_status constant_call(ps_run *run, ps_call *call, ps_reg *reg,
                               ps_status (*eval)(ps_call *call))
{
    const ps_expr *expr = call->expr;

    for (uint32_t a = 0; a < call->n_args; a++) reg->args[a].n = 1;
    call->sel = NULL, call->n = 1;
    call->errors->report_row = 0;
    call->out->n = 1, call->out->valid = NULL;
    PS_TRY(eval(call));
    reg->vec.n = run->frame->n;
    if (reg->vec.encoding == PS_ENC_FLAT) {
        reg->vec.encoding = PS_ENC_CONSTANT;
    } else if (reg->vec.encoding != PS_ENC_CONSTANT) {
        return PS_BUG(run->cx, "a kernel gave one row in an encoding that can't stand for all");
    }
    if (!call->errors->any || !ps_bit_get(call->errors->rows, 0)) return PS_OK;
    if (reg->vec.valid && !ps_bit_get(reg->vec.valid, 0)) return PS_OK;
    if (expr->kind == PS_EXPR_CAST && expr->cast == PS_CAST_TRY)
        return ps_run_null(run, expr->type, &reg->vec);
    ps_bits_fill(call->errors->rows, run->frame->n, true);
    return ps_err_add(run, &reg->err, call->errors->rows);
}

static bool is_plain_number(ps_type type)
{
    ps_type_class class = ps_type_class_of(type);

    return class == PS_CLASS_INTEGER || class == PS_CLASS_DECIMAL;
}

/* Whether the cast is a change of type alone for this vector. */
static bool is_retype(const ps_vec *v, ps_type to)
{
    ps_i128 lo, hi;

    if (!is_plain_number(v->type) || !is_plain_number(to) || v->type.scale != to.scale)
        return false;
    if (v->encoding == PS_ENC_DICTIONARY || !ps_layout_is_int((ps_layout)v->layout)) return false;
    if (!ps_type_range(to, &lo, &hi)) return false;
    if ((v->layout == PS_LAYOUT_I128 || v->layout == PS_LAYOUT_U64) && !v->bounded) {
        ps_i128 from_lo, from_hi;
        return ps_type_range(v->type, &from_lo, &from_hi) && from_lo >= lo && from_hi <= hi;
    }
    return v->lo >= lo && v->hi <= hi;
}

static ps_status retype(ps_run *run, const ps_vec *v, ps_type to, ps_reg *reg)
{
    (void)run;
    reg->vec = *v;
    reg->vec.type = to;
    return PS_OK;
}

/* A number brought to a larger scale, where bounds say that it fits: one multiplication. */
static ps_status try_rescale(ps_run *run, ps_call *call, bool *done)
{
    const ps_vec *v = &call->args[0];
    int up = call->out->type.scale - v->type.scale;
    ps_i128 lo, hi;
    ps_vec two[2];
    ps_value factor;

    if (!is_plain_number(v->type) || !is_plain_number(call->out->type) || up <= 0) return PS_OK;
    if (!ps_layout_is_int((ps_layout)v->layout) || v->layout == PS_LAYOUT_I128 ||
        v->layout == PS_LAYOUT_U64)
        return PS_OK;
    if (!ps_type_range(call->out->type, &lo, &hi)) return PS_OK;
    if (v->lo < lo / ps_pow10[up] || v->hi > hi / ps_pow10[up]) return PS_OK;
    factor = ps_value_int(ps_type_decimal(38, 0), ps_pow10[up]);
    two[0] = *v;
    PS_TRY(ps_vec_constant(run->cx, &run->eval->scratch, &factor, v->n, &two[1]));
    ps_call product = *call;
    product.args = two, product.n_args = 2;
    *done = true;
    return ps_fn_multiply_decimal.eval(&product);
}

static ps_status cast_eval(ps_run *run, ps_call *call)
{
    bool done = false;

    PS_TRY(try_rescale(run, call, &done));
    return done ? PS_OK : ps_cast_eval(call);
}

static ps_status prepare(ps_run *run, const ps_instr *instr, ps_reg *reg)
{
    const ps_func_class *class = instr->expr->func->scalar;

    if (!class->prepare || reg->state) return PS_OK;
    return class->prepare(run->cx, run->eval->arena, instr->expr, &reg->state);
}

/* The arguments' vectors and errors, under the scope. */
static ps_status get_args(ps_run *run, const ps_instr *instr, ps_reg *reg, uint32_t scope,
                          bool *constant)
{
    *constant = instr->n_args > 0 &&
                !(instr->op == PS_EXPR_CALL && instr->expr->func->purity == PS_PURITY_VOLATILE);
    for (uint32_t a = 0; a < instr->n_args; a++) {
        const ps_reg *arg = &run->frame->regs[instr->args[a]];
        PS_TRY(ps_run_node(run, instr->args[a], scope));
        reg->args[a] = arg->vec;
        *constant = *constant && arg->vec.encoding == PS_ENC_CONSTANT;
        PS_TRY(ps_err_add(run, &reg->err, arg->err));
    }
    return PS_OK;
}

static ps_status call_kernel(ps_run *run, const ps_instr *instr, ps_call *call)
{
    return instr->op == PS_EXPR_CAST ? cast_eval(run, call) : instr->expr->func->scalar->eval(call);
}

ps_status ps_run_call(ps_run *run, uint32_t i, uint32_t scope, const uint32_t *report)
{
    const ps_instr *instr = &run->program->instrs[i];
    const ps_expr *expr = instr->expr;
    ps_reg *reg = &run->frame->regs[i];
    const ps_scope *s;
    ps_row_errors errors = {.report = report != NULL, .report_row = report ? *report : 0};
    bool propagate = instr->op == PS_EXPR_CAST || expr->func->nulls == PS_NULLS_PROPAGATE, constant;
    ps_vec_buf *buf;

    PS_TRY(get_args(run, instr, reg, scope, &constant));
    if (propagate)
        for (uint32_t a = 0; a < instr->n_args; a++)
            if (is_null_constant(&reg->args[a]) || reg->args[a].layout == PS_LAYOUT_NONE)
                return ps_run_null(run, expr->type, &reg->vec);
    if (instr->op == PS_EXPR_CAST && is_retype(&reg->args[0], expr->type))
        return retype(run, &reg->args[0], expr->type, reg);
    if (instr->op == PS_EXPR_CALL) PS_TRY(prepare(run, instr, reg));
    PS_TRY(ps_reg_buf(run, i, &buf));
    errors.rows = ps_run_bits(run);
    if (!errors.rows) return PS_MEMORY;
    s = ps_scope_at(run, scope);
    reg->vec = (ps_vec){.type = expr->type, .n = run->frame->n};
    ps_call call = {.cx = run->cx,
                    .expr = expr,
                    .args = reg->args,
                    .n_args = instr->n_args,
                    .sel = s->sel,
                    .n = s->n,
                    .buf = buf,
                    .out = &reg->vec,
                    .errors = &errors,
                    .state = reg->state};
    if (constant) {
        if (instr->op == PS_EXPR_CAST) return constant_call(run, &call, reg, ps_cast_eval);
        return constant_call(run, &call, reg, expr->func->scalar->eval);
    }
    if (propagate)
        PS_TRY(ps_args_known(run, reg->args, instr->n_args, scope, buf->valid, &reg->vec.valid));
    PS_TRY(call_kernel(run, instr, &call));
    if (run->eval->verify) PS_TRY(ps_verify_call(run, instr, &call, scope, reg->err, call_kernel));
    return own_errors(run, expr, &errors, buf->valid, reg);
}
