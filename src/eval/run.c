/* eval/run.c -- running a program over a batch; what errors are left at the end.
 *
 * Tests: tests/unit/test_eval.c */
#include "eval/eval.h"

#include <stdlib.h>

/* Whether scope lies inside outer; parents have smaller numbers. */
static bool scope_inside(const ps_run *run, uint32_t scope, uint32_t outer)
{
    while (scope > outer) scope = run->frame->scopes.at[scope].parent;
    return scope == outer;
}

static ps_status run_op(ps_run *run, uint32_t i, uint32_t scope)
{
    const ps_instr *instr = &run->program->instrs[i];
    ps_reg *reg = &run->frame->regs[i];

    switch ((ps_expr_kind)instr->op) {
    case PS_EXPR_COLUMN: reg->vec = run->frame->cols[instr->input]; return PS_OK;
    case PS_EXPR_LITERAL: reg->vec.n = run->frame->n; return PS_OK;
    case PS_EXPR_CALL:
    case PS_EXPR_CAST: return ps_run_call(run, i, scope, NULL);
    case PS_EXPR_AND:
    case PS_EXPR_OR: return ps_run_junction(run, i, scope);
    case PS_EXPR_CASE: return ps_run_case(run, i, scope);
    case PS_EXPR_COALESCE: return ps_run_coalesce(run, i, scope);
    case PS_EXPR_IN: return ps_run_in(run, i, scope);
    case PS_EXPR_TRY: return ps_run_try(run, i, scope);
    case PS_EXPR_PARAM:
    case PS_EXPR_AGGREGATE:
    case PS_EXPR_WINDOW:
    case PS_EXPR_SUBQUERY: break;
    }
    return PS_BUG(run->cx, "an expression kind that no program holds");
}

ps_status ps_run_node(ps_run *run, uint32_t i, uint32_t scope)
{
    const ps_instr *instr = &run->program->instrs[i];
    ps_reg *reg = &run->frame->regs[i];
    bool done = false;

    if (reg->scope && scope_inside(run, scope, reg->scope)) return PS_OK;
    reg->err = NULL;
    if (instr->op != PS_EXPR_COLUMN && instr->column != PS_COL_NONE &&
        run->frame == &run->eval->batch)
        PS_TRY(ps_run_on_dict(run, i, scope, &done));
    if (!done) PS_TRY(run_op(run, i, scope));
    run->frame->regs[i].scope = scope;
    return PS_OK;
}

/* The first child that has the error of a row, or the node itself when it is its own. */
static ps_status blame(ps_run *run, uint32_t i, uint32_t row, uint32_t scope)
{
    const ps_instr *instr = &run->program->instrs[i];
    bool lazy_case = instr->op == PS_EXPR_CASE;

    for (uint32_t a = 0; a < instr->n_args; a++) {
        uint32_t arg = instr->args[a];
        const ps_reg *reg = &run->frame->regs[arg];
        bool last = a + 1 == instr->n_args;
        uint64_t *truth;
        PS_TRY(ps_run_node(run, arg, scope));
        if (reg->err && ps_bit_get(reg->err, row)) return blame(run, arg, row, scope);
        if (instr->op == PS_EXPR_COALESCE && ps_vec_row_valid(&reg->vec, row)) break;
        if (!lazy_case || last) continue;
        truth = ps_run_bits(run); /* a condition: its branch is next, others are skipped */
        if (!truth) return PS_MEMORY;
        PS_TRY(ps_reg_flags(run, reg, scope, truth, NULL));
        if (!ps_bit_get(truth, row)) {
            a++;
            continue;
        }
        PS_TRY(ps_run_node(run, instr->args[a + 1], scope));
        reg = &run->frame->regs[instr->args[a + 1]];
        if (reg->err && ps_bit_get(reg->err, row))
            return blame(run, instr->args[a + 1], row, scope);
        break;
    }
    if (instr->op != PS_EXPR_CALL && instr->op != PS_EXPR_CAST) return PS_OK;
    PS_TRY(ps_run_call(run, i, scope, &row));
    if (run->cx->error.code != PS_OK && instr->expr->at) ps_fail_at(run->cx, instr->expr->at - 1);
    return PS_OK;
}

ps_status ps_run_report(ps_run *run, uint32_t i, uint32_t row)
{
    uint32_t *sel = ps_arena_alloc(run->cx, &run->eval->scratch, 64), scope;
    ps_text text;

    if (!sel) return PS_MEMORY;
    sel[0] = row;
    PS_TRY(ps_scope_open(run, PS_SCOPE_ROOT, sel, 1, &scope));
    ps_ctx_clear(run->cx);
    PS_TRY(blame(run, i, row, scope));
    if (run->cx->error.code != PS_OK) return run->cx->error.code;
    ps_text_init(&text, run->cx);
    ps_expr_print(run->program->instrs[i].expr, NULL, &text);
    ps_fail(run->cx, PS_VALUE, "no value for %s",
            ps_text_status(&text) == PS_OK ? text.at : "an expression");
    ps_text_release(&text);
    return PS_VALUE;
}

/* Raises the error of the lowest live row; of the first expression that has one there. */
static ps_status raise_errors(ps_run *run)
{
    const ps_program *program = run->program;
    uint64_t *live = NULL;
    uint32_t row = UINT32_MAX, culprit = 0;

    for (uint32_t o = 0; o < program->n_outs; o++) {
        const uint64_t *err = run->frame->regs[program->outs[o]].err;
        if (!err) continue;
        if (!live) live = ps_scope_bits(run, PS_SCOPE_ROOT);
        if (!live) return PS_MEMORY;
        for (uint32_t w = 0; w < PS_BITS_WORDS(run->frame->n); w++) {
            uint64_t word = err[w] & live[w];
            if (!word) continue;
            uint32_t at = w * 64 + (uint32_t)__builtin_ctzll(word);
            if (at < row) row = at, culprit = program->outs[o];
            break;
        }
    }
    return row == UINT32_MAX ? PS_OK : ps_run_report(run, culprit, row);
}

ps_status ps_eval_new(ps_ctx *cx, ps_arena *arena, const ps_program *program, ps_eval **out)
{
    ps_eval *eval = PS_ARENA_NEW(cx, arena, ps_eval);

    *out = NULL;
    if (!eval) return PS_MEMORY;
    eval->arena = arena;
    eval->program = program;
    eval->caches = PS_ARENA_ARRAY(cx, arena, ps_dict_cache, (size_t)program->n + 1);
    eval->dict_cols = PS_ARENA_ARRAY(cx, arena, ps_vec, (size_t)program->n_inputs + 1);
    if (!eval->caches || !eval->dict_cols) return PS_MEMORY;
#ifdef PS_DEV
    eval->verify = getenv("PS_VERIFY_FUNCTIONS") != NULL; /* verify.c */
#endif
    *out = eval;
    return PS_OK;
}

void ps_eval_release(ps_eval *eval)
{
    if (!eval) return;
    for (uint32_t i = 0; i < eval->program->n; i++)
        for (uint32_t w = 0; w < PS_DICT_WAYS; w++) {
            ps_dict_entry *entry = &eval->caches[i].ways[w];
            if (entry->dict) ps_owner_unref(&entry->dict->owner);
            ps_free(entry->err);
            *entry = (ps_dict_entry){0};
        }
    ps_frame_release(&eval->batch, eval->program);
    ps_frame_release(&eval->dict, eval->program);
    ps_arena_release(&eval->scratch);
}

ps_status ps_eval_run(ps_ctx *cx, ps_eval *eval, const ps_batch *batch, ps_vec *outs)
{
    ps_run run = {.cx = cx, .eval = eval, .program = eval->program, .frame = &eval->batch};

    PS_ASSERT(batch->n_cols >= eval->program->n_inputs);
    if (eval->scratch.bytes) ps_arena_reset(&eval->scratch);
    PS_TRY(ps_frame_begin(&run, batch->cols, batch->n, batch->sel, batch->n_live));
    for (uint32_t o = 0; o < eval->program->n_outs; o++)
        PS_TRY(ps_run_node(&run, eval->program->outs[o], PS_SCOPE_ROOT));
    PS_TRY(raise_errors(&run));
    for (uint32_t o = 0; o < eval->program->n_outs; o++)
        outs[o] = eval->batch.regs[eval->program->outs[o]].vec;
    return PS_OK;
}

ps_status ps_eval_constant(ps_ctx *cx, ps_arena *arena, const ps_expr *expr, ps_value *out)
{
    ps_batch batch = {.n = 1, .n_live = 1};
    ps_arena work = {0};
    ps_eval *eval = NULL;
    const ps_program *program;
    ps_value value;
    ps_vec vec;
    ps_status st;

    if (expr->kind == PS_EXPR_LITERAL) {
        *out = expr->literal;
        return PS_OK;
    }
    PS_GO(ps_program_compile(cx, &work, &expr, 1, NULL, 0, false, &program));
    PS_GO(ps_eval_new(cx, &work, program, &eval));
    PS_GO(ps_eval_run(cx, eval, &batch, &vec));
    PS_GO(ps_vec_value(cx, &work, &vec, 0, &value));
    if (value.type.ext) PS_GO(ps_type_keep(cx, arena, value.type));
    PS_GO(ps_value_copy(cx, arena, &value, out));
done:
    ps_eval_release(eval);
    ps_arena_release(&work);
    return st;
}
