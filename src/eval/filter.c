/* eval/filter.c -- filters: conjunct after conjunct over the rows that are left, as a bitmap.
 *
 * A conjunct runs over the whole batch while a fair part of it is left (dense loops, 64 rows a
 * word) and over a narrower scope after that. lo <= x AND x <= hi over integers is one pass. The
 * order follows measured cost and selectivity; it can't be seen: a row passes only if every
 * conjunct is true, and a row in error stays until another conjunct drops it. The error shown is
 * the lowest row's, of its first conjunct as written. Tests: tests/unit/test_eval.c */
#include "eval/eval.h"

#include "base/thread.h"
#include "col/slots.h"
#include "func/compare.h"

enum { REORDER_EVERY = 16 };

struct ps_conjunct {
    uint32_t instr; /* the condition; of a range: its lower end's */
    uint32_t other; /* RANGE: the upper end's condition */
    bool range;
    bool cheap;        /* a dense loop over all rows costs less than narrowing */
    uint32_t column;   /* RANGE: the instruction that is compared */
    ps_i128 lo, hi;    /* RANGE: inclusive */
    double cost, pass; /* cycles per row, share of rows that pass: moving averages */
};

/* A comparison with an integer literal as an end of a range. */
typedef struct range_end {
    bool lower;
    uint32_t column;
    ps_i128 value;
} range_end;

static bool is_int_literal(const ps_instr *instr)
{
    return instr->op == PS_EXPR_LITERAL && !instr->expr->literal.null &&
           ps_layout_is_int(ps_type_layout(instr->expr->type));
}

static bool range_end_of(const ps_program *program, uint32_t i, range_end *out)
{
    const ps_instr *instr = &program->instrs[i], *left, *right;
    ps_compare_op op;
    bool exchange, strict;

    if (instr->op != PS_EXPR_CALL || !ps_compare_of(instr->expr->func, &op, &exchange))
        return false;
    if (op != PS_COMPARE_LT && op != PS_COMPARE_LE) return false;
    strict = op == PS_COMPARE_LT;
    left = &program->instrs[instr->args[exchange]],
    right = &program->instrs[instr->args[!exchange]];
    out->lower = is_int_literal(left);
    if (out->lower == is_int_literal(right)) return false;
    out->column = instr->args[out->lower ? !exchange : exchange];
    /* > the greatest HUGEINT: no range, an ordinary condition */
    if (out->lower) return !__builtin_add_overflow(left->expr->literal.i, strict, &out->value);
    return !__builtin_sub_overflow(right->expr->literal.i, strict, &out->value);
}

/* A column or literal, also under a cast that only changes the type (call.c). */
static bool is_at_hand(const ps_program *program, uint32_t i)
{
    const ps_instr *instr = &program->instrs[i];

    if (instr->op == PS_EXPR_CAST && !ps_expr_is_fallible(instr->expr) &&
        ps_type_is_numeric(instr->expr->type) && instr->expr->type.id != PS_TYPE_FLOAT64 &&
        instr->expr->type.scale == instr->expr->args[0]->type.scale)
        instr = &program->instrs[instr->args[0]];
    return instr->op == PS_EXPR_COLUMN || instr->op == PS_EXPR_LITERAL;
}

static bool is_cheap(const ps_program *program, uint32_t i)
{
    const ps_instr *instr = &program->instrs[i];
    ps_compare_op op;
    bool exchange;

    if (instr->op != PS_EXPR_CALL || !ps_compare_of(instr->expr->func, &op, &exchange))
        return false;
    for (uint32_t a = 0; a < 2; a++) {
        if (!is_at_hand(program, instr->args[a])) return false;
        if (ps_layout_bytes(ps_type_layout(instr->expr->args[a]->type)) > 8) return false;
    }
    return true;
}

/* Joins a lower and an upper end over the same operand. */
static bool join_ranges(const ps_program *program, ps_conjunct *list, uint32_t n, uint32_t i)
{
    range_end end, first;

    if (!range_end_of(program, i, &end)) return false;
    for (uint32_t c = 0; c < n; c++) {
        if (list[c].range || !range_end_of(program, list[c].instr, &first)) continue;
        if (first.column != end.column || first.lower == end.lower) continue;
        list[c].range = true;
        list[c].other = i;
        list[c].column = end.column;
        list[c].lo = end.lower ? end.value : first.value;
        list[c].hi = end.lower ? first.value : end.value;
        list[c].cheap = is_at_hand(program, end.column);
        return true;
    }
    return false;
}

static ps_status conjuncts_new(ps_run *run)
{
    const ps_program *program = run->program;
    const ps_instr *root = &program->instrs[program->outs[0]];
    bool many = root->op == PS_EXPR_AND;
    uint32_t n = many ? root->n_args : 1;
    ps_conjunct *list = PS_ARENA_ARRAY(run->cx, run->eval->arena, ps_conjunct, n);

    if (!list) return PS_MEMORY;
    run->eval->n_conjuncts = 0;
    for (uint32_t a = 0; a < n; a++) {
        uint32_t i = many ? root->args[a] : program->outs[0];
        if (join_ranges(program, list, run->eval->n_conjuncts, i)) continue;
        ps_conjunct *c = &list[run->eval->n_conjuncts++];
        *c = (ps_conjunct){.instr = i, .cheap = is_cheap(program, i), .pass = 0.5};
        c->cost = c->cheap ? 1 : 4.0 * program->instrs[i].expr->n_nodes;
    }
    run->eval->conjuncts = list;
    return PS_OK;
}

typedef struct filter {
    ps_run run;
    uint32_t scope; /* holds every live row */
    uint64_t *live; /* rows not dropped yet */
    uint64_t *err;  /* live rows in error; NULL: none */
    uint64_t *truth;
    size_t n_live;
} filter;

static ps_status range_loop(filter *f, const ps_conjunct *c, ps_call *call, ps_operand *x)
{
    uint32_t n = f->run.frame->n;
    ps_range_loop loop = ps_compare_kernels_get()->range[x->layout];
    ps_i128 lo = PS_MAX(c->lo, x->lo), hi = PS_MIN(c->hi, x->hi), slots[2];
    uint8_t *bytes;

    if (lo > hi || (lo == x->lo && hi == x->hi)) {
        ps_bits_fill(f->truth, n, lo <= hi);
        return PS_OK;
    }
    bytes = ps_call_scratch(call, n);
    if (!bytes) return PS_MEMORY;
    ps_slot_put(x->layout, &slots[0], 0, lo);
    ps_slot_put(x->layout, &slots[1], 0, hi);
    loop(x->data, &slots[0], &slots[1], bytes, n);
    ps_compare_kernels_get()->bytes_to_bits(bytes, n, f->truth);
    return PS_OK;
}

/* A range over flat integers in one pass; *done false: not possible here. */
static ps_status run_range(filter *f, const ps_conjunct *c, const uint64_t **err, bool *done)
{
    ps_run *run = &f->run;
    const ps_reg *reg = &run->frame->regs[c->column];
    ps_vec_buf scratch = {0};
    ps_lanes lanes = {.n_loop = run->frame->n};
    const uint64_t *known;
    ps_operand x;
    ps_vec out = {.n = run->frame->n};
    ps_call call = {.cx = run->cx, .args = &reg->vec, .n_args = 1, .buf = &scratch, .out = &out};
    ps_status st;

    *done = false;
    PS_TRY(ps_run_node(run, c->column, f->scope));
    if (reg->vec.encoding != PS_ENC_FLAT || !ps_compare_kernels_get()->range[reg->vec.layout])
        return PS_OK;
    PS_GO(ps_operand_get(&call, &lanes, 0, &x));
    PS_GO(range_loop(f, c, &call, &x));
    PS_GO(ps_vec_known(run, &reg->vec, f->scope, &known));
    if (known) ps_bits_and(f->truth, f->truth, known, run->frame->n);
    *err = reg->err;
    *done = true;
done:
    ps_arena_release(&scratch.heap);
    return st;
}

/* Drops the rows for which the register is neither true nor in error. */
static ps_status apply(filter *f, const uint64_t *err)
{
    size_t n = 0;

    if (err && !f->err) f->err = ps_run_bits(&f->run);
    if (err && !f->err) return PS_MEMORY;
    for (uint32_t w = 0; w < PS_BITS_WORDS(f->run.frame->n); w++) {
        uint64_t pass = f->truth[w];
        if (err) pass |= err[w], f->err[w] |= err[w] & f->live[w];
        f->live[w] &= pass;
        n += (size_t)__builtin_popcountll(f->live[w]);
    }
    f->n_live = n;
    return PS_OK;
}

static ps_status run_condition(filter *f, uint32_t i)
{
    const ps_reg *reg = &f->run.frame->regs[i];

    PS_TRY(ps_run_node(&f->run, i, f->scope));
    PS_TRY(ps_reg_flags(&f->run, reg, f->scope, f->truth, NULL));
    return apply(f, reg->err);
}

static ps_status run_conjunct(filter *f, const ps_conjunct *c)
{
    size_t n_scope = ps_scope_at(&f->run, f->scope)->n;
    const uint64_t *err = NULL;
    bool done = false;

    /* narrow when it saves more than it costs */
    if (c->cheap ? f->n_live * 16 < n_scope : f->n_live * 8 < n_scope * 7)
        PS_TRY(ps_scope_of_bits(&f->run, f->scope, f->live, &f->scope));
    if (c->range && f->n_live * 16 >= f->run.frame->n) PS_TRY(run_range(f, c, &err, &done));
    if (done) return apply(f, err);
    PS_TRY(run_condition(f, c->instr));
    return c->range && f->n_live ? run_condition(f, c->other) : PS_OK;
}

static double rank(const ps_conjunct *c) { return c->cost / (1.01 - c->pass); }

static void reorder(ps_eval *eval)
{
    for (uint32_t i = 1; i < eval->n_conjuncts; i++) { /* insertion: nearly sorted already */
        ps_conjunct c = eval->conjuncts[i];
        uint32_t at = i;
        for (; at > 0 && rank(&eval->conjuncts[at - 1]) > rank(&c); at--)
            eval->conjuncts[at] = eval->conjuncts[at - 1];
        eval->conjuncts[at] = c;
    }
}

static ps_status measured(filter *f, ps_conjunct *c)
{
    size_t before = f->n_live;
    uint64_t start = ps_cycles();

    PS_TRY(run_conjunct(f, c));
    c->cost += ((double)(ps_cycles() - start) / (double)PS_MAX(before, (size_t)1) - c->cost) / 8;
    c->pass += ((double)f->n_live / (double)PS_MAX(before, (size_t)1) - c->pass) / 8;
    return PS_OK;
}

/* The error of the lowest live row: of the first conjunct, as written, that has one there. */
static ps_status raise(filter *f)
{
    const ps_program *program = f->run.program;
    const ps_instr *root = &program->instrs[program->outs[0]];
    bool many = root->op == PS_EXPR_AND;
    uint32_t w = 0, row, scope, *sel = ps_arena_alloc(f->run.cx, &f->run.eval->scratch, 64);

    while (w < PS_BITS_WORDS(f->run.frame->n) && !(f->err[w] & f->live[w])) w++;
    if (w == PS_BITS_WORDS(f->run.frame->n)) return PS_OK;
    if (!sel) return PS_MEMORY;
    row = sel[0] = w * 64 + (uint32_t)__builtin_ctzll(f->err[w] & f->live[w]);
    PS_TRY(ps_scope_open(&f->run, PS_SCOPE_ROOT, sel, 1, &scope));
    for (uint32_t a = 0; a < (many ? root->n_args : 1); a++) {
        uint32_t i = many ? root->args[a] : program->outs[0];
        PS_TRY(ps_run_node(&f->run, i, scope));
        if (f->run.frame->regs[i].err && ps_bit_get(f->run.frame->regs[i].err, row))
            return ps_run_report(&f->run, i, row);
    }
    return PS_BUG(f->run.cx, "the error of a filter went away");
}

ps_status ps_eval_filter(ps_ctx *cx, ps_eval *eval, const ps_batch *batch, uint32_t *sel,
                         uint32_t *n)
{
    filter f = {.run = {.cx = cx, .eval = eval, .program = eval->program, .frame = &eval->batch},
                .scope = PS_SCOPE_ROOT,
                .n_live = batch->n_live};

    PS_ASSERT(eval->program->n_outs == 1);
    PS_ASSERT(batch->n_cols >= eval->program->n_inputs);
    *n = 0;
    if (eval->scratch.bytes) ps_arena_reset(&eval->scratch);
    PS_TRY(ps_frame_begin(&f.run, batch->cols, batch->n, batch->sel, batch->n_live));
    if (!eval->conjuncts) PS_TRY(conjuncts_new(&f.run));
    f.live = ps_scope_bits(&f.run, PS_SCOPE_ROOT);
    f.truth = ps_run_bits(&f.run);
    if (!f.live || !f.truth) return PS_MEMORY;
    if (eval->n_conjuncts > 1 && eval->n_filtered++ % REORDER_EVERY == 1) reorder(eval);
    for (uint32_t c = 0; c < eval->n_conjuncts && f.n_live; c++)
        PS_TRY(measured(&f, &eval->conjuncts[c]));
    if (f.err) PS_TRY(raise(&f));
    *n = (uint32_t)ps_compare_kernels_get()->bits_to_sel(f.live, batch->n, sel);
    return PS_OK;
}
