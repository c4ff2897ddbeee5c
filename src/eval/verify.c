/* eval/verify.c -- a test mode: every call is computed again in other shapes and compared.
 *
 * The arguments flattened, behind dictionaries with shuffled codes, and one row at a time must give
 * the same values, nulls and errors as the first time; a function that is declared never to fail
 * must not. A difference is PS_INTERNAL with the call's text. Development builds do this for each
 * call when PS_VERIFY_FUNCTIONS is set in the environment. Tests: tests/unit/test_eval.c */
#include "eval/eval.h"

typedef struct verifier {
    ps_run *run;
    const ps_call *first;
    uint32_t scope;
    ps_status (*kernel)(ps_run *run, const ps_instr *instr, ps_call *call);
    const ps_instr *instr;
    const uint64_t *skip; /* rows whose arguments are in error: their values are undefined */
} verifier;

static ps_status differs(const verifier *v, const char *shape, const char *what, uint32_t row)
{
    ps_text text;

    ps_text_init(&text, v->run->cx);
    ps_expr_print(v->instr->expr, NULL, &text);
    ps_fail(v->run->cx, PS_INTERNAL, "%s gives another %s %s, row %u",
            ps_text_status(&text) == PS_OK ? text.at : "a call", what, shape, row);
    ps_text_release(&text);
    return PS_INTERNAL;
}

static ps_status compare_row(const verifier *v, const char *shape, const ps_call *again,
                             uint32_t row)
{
    ps_arena *scratch = &v->run->eval->scratch;
    const ps_call *first = v->first;
    bool null = !ps_vec_row_valid(first->out, row);
    bool err = !null && ps_bit_get(first->errors->rows, row);
    ps_value x, y;

    if (v->skip && ps_bit_get(v->skip, row)) return PS_OK;
    if (null != !ps_vec_row_valid(again->out, row)) return differs(v, shape, "null", row);
    if (null) return PS_OK;
    if (err != ps_bit_get(again->errors->rows, row)) return differs(v, shape, "error", row);
    if (err) return PS_OK;
    PS_TRY(ps_vec_value(v->run->cx, scratch, first->out, row, &x));
    PS_TRY(ps_vec_value(v->run->cx, scratch, again->out, row, &y));
    return ps_value_compare(&x, &y) == 0 ? PS_OK : differs(v, shape, "value", row);
}

/* Runs the kernel over other forms of the arguments for rows sel[0..n) and compares. */
static ps_status again(const verifier *v, const char *shape, const ps_vec *args,
                       const uint32_t *sel, uint32_t n)
{
    ps_row_errors errors = {.rows = ps_run_bits(v->run)};
    ps_call call = *v->first;
    ps_vec_buf buf = {0};
    ps_vec out = {.type = call.out->type, .n = v->run->frame->n};
    ps_status st;

    if (!errors.rows) return PS_MEMORY;
    PS_GO(ps_vec_buf_init(v->run->cx, &buf, v->run->frame->n_max));
    call.args = args, call.sel = sel, call.n = n;
    call.buf = &buf, call.out = &out, call.errors = &errors;
    if (v->instr->op == PS_EXPR_CAST || v->instr->expr->func->nulls == PS_NULLS_PROPAGATE)
        PS_GO(ps_args_known(v->run, args, call.n_args, v->scope, buf.valid, &out.valid));
    PS_GO(v->kernel(v->run, v->instr, &call));
    for (uint32_t k = 0; k < n; k++) PS_GO(compare_row(v, shape, &call, sel ? sel[k] : k));
done:
    ps_vec_buf_release(&buf);
    return st;
}

/* A vector over a dictionary of its own rows in reverse order. */
static ps_status behind_dictionary(const verifier *v, const ps_vec *src, ps_vec *out)
{
    ps_arena *scratch = &v->run->eval->scratch;
    uint32_t n = src->n, *codes = PS_ARENA_ARRAY(v->run->cx, scratch, uint32_t, (size_t)n + 16);
    ps_value *values = PS_ARENA_ARRAY(v->run->cx, scratch, ps_value, (size_t)n + 1);
    ps_dict *dict = PS_ARENA_NEW(v->run->cx, scratch, ps_dict);
    const ps_scope *s = ps_scope_at(v->run, v->scope);

    if (!codes || !values || !dict) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) values[i] = ps_value_null(src->type);
    for (uint32_t k = 0; k < s->n; k++) {
        uint32_t row = ps_scope_row(s, k);
        codes[row] = n - 1 - row;
        PS_TRY(ps_vec_value(v->run->cx, scratch, src, row, &values[n - 1 - row]));
    }
    PS_TRY(ps_vec_of_values(v->run->cx, scratch, src->type, values, n, &dict->values));
    dict->id = ps_dict_next_id();
    *out = (ps_vec){.type = src->type,
                    .layout = dict->values.layout,
                    .encoding = PS_ENC_DICTIONARY,
                    .bounded = dict->values.bounded,
                    .n = n,
                    .lo = dict->values.lo,
                    .hi = dict->values.hi,
                    .codes = codes,
                    .dict = dict,
                    .children = dict->values.children};
    return PS_OK;
}

static bool must_stay(const verifier *v, uint32_t arg)
{
    const ps_func *func = v->instr->op == PS_EXPR_CALL ? v->instr->expr->func : NULL;
    uint32_t param = func ? PS_MIN(arg, (uint32_t)func->n_params - 1u) : 0;

    return func && func->n_params > 0 && func->params[param].constant;
}

static ps_status other_shapes(const verifier *v)
{
    uint32_t n_args = v->first->n_args;
    ps_arena *scratch = &v->run->eval->scratch;
    ps_vec *flat = PS_ARENA_ARRAY(v->run->cx, scratch, ps_vec, (size_t)n_args + 1);
    ps_vec *coded = PS_ARENA_ARRAY(v->run->cx, scratch, ps_vec, (size_t)n_args + 1);
    ps_vec_buf *bufs = PS_ARENA_ARRAY(v->run->cx, scratch, ps_vec_buf, (size_t)n_args + 1);
    const ps_scope *s = ps_scope_at(v->run, v->scope);
    ps_status st = PS_OK;

    if (!flat || !coded || !bufs) return PS_MEMORY;
    for (uint32_t a = 0; a < n_args; a++) {
        flat[a] = coded[a] = v->first->args[a];
        if (must_stay(v, a) || flat[a].layout == PS_LAYOUT_NONE) continue;
        PS_GO(ps_vec_buf_init(v->run->cx, &bufs[a], v->run->frame->n_max));
        PS_GO(ps_vec_flatten(v->run->cx, &v->first->args[a], s->sel, s->n, &bufs[a], &flat[a]));
        PS_GO(behind_dictionary(v, &flat[a], &coded[a]));
    }
    PS_GO(again(v, "flat", flat, s->sel, s->n));
    PS_GO(again(v, "behind dictionaries", coded, s->sel, s->n));
    for (uint32_t k = 0; k < PS_MIN(s->n, 64u); k++) {
        uint32_t *one = ps_arena_alloc(v->run->cx, scratch, sizeof(*one));
        if (!one) PS_GO(PS_MEMORY);
        *one = ps_scope_row(s, k);
        PS_GO(again(v, "row by row", v->first->args, one, 1));
    }
done:
    for (uint32_t a = 0; a < n_args; a++) ps_vec_buf_release(&bufs[a]);
    return st;
}

ps_status ps_verify_call(ps_run *run, const ps_instr *instr, const ps_call *call, uint32_t scope,
                         const uint64_t *skip,
                         ps_status (*kernel)(ps_run *run, const ps_instr *instr, ps_call *call))
{
    verifier v = {run, call, scope, kernel, instr, skip};

    if (ps_expr_is_volatile(instr->expr) || call->errors->report) return PS_OK;
    if (instr->op == PS_EXPR_CALL && !instr->expr->func->fallible && call->errors->any)
        return differs(&v, "than declared", "error", 0);
    return other_shapes(&v);
}
