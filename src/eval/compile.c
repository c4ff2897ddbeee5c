/* eval/compile.c -- from expressions to a flat program; equal subexpressions become one
 * instruction.
 *
 * Constant subtrees are folded to literals; one that fails stays, because its error counts only for
 * rows that reach it. Tests: tests/unit/test_eval.c */
#include "eval/eval.h"

typedef struct compiler {
    ps_ctx *cx;
    ps_arena *arena;
    const ps_col_id *inputs;
    uint32_t n_inputs;
    bool fold;
    PS_ARRAY(ps_instr) instrs;
    uint32_t *table; /* instruction numbers plus one by expression hash, open addressing */
    uint32_t n_slots;
} compiler;

static ps_status table_grow(compiler *c)
{
    uint32_t n_slots = c->n_slots ? c->n_slots * 2 : 32;
    uint32_t *table = PS_ARENA_ARRAY(c->cx, c->arena, uint32_t, n_slots);

    if (!table) return PS_MEMORY;
    for (uint32_t i = 0; i < c->instrs.n; i++) {
        uint32_t at = (uint32_t)c->instrs.at[i].expr->hash & (n_slots - 1);
        while (table[at]) at = (at + 1) & (n_slots - 1);
        table[at] = i + 1;
    }
    c->table = table, c->n_slots = n_slots;
    return PS_OK;
}

static bool find(const compiler *c, const ps_expr *expr, uint32_t *out)
{
    if (!c->n_slots || ps_expr_is_volatile(expr)) return false;
    for (uint32_t at = (uint32_t)expr->hash & (c->n_slots - 1); c->table[at];
         at = (at + 1) & (c->n_slots - 1)) {
        if (!ps_expr_equal(c->instrs.at[c->table[at] - 1].expr, expr)) continue;
        *out = c->table[at] - 1;
        return true;
    }
    return false;
}

static ps_status add(compiler *c, const ps_instr *instr, uint32_t *out)
{
    uint32_t at;

    if ((c->instrs.n + 1) * 2 > c->n_slots) PS_TRY(table_grow(c));
    *out = (uint32_t)c->instrs.n;
    PS_TRY(PS_ARRAY_ADD_IN(c->cx, c->arena, &c->instrs, *instr));
    at = (uint32_t)instr->expr->hash & (c->n_slots - 1);
    while (c->table[at]) at = (at + 1) & (c->n_slots - 1);
    c->table[at] = *out + 1;
    return PS_OK;
}

static bool is_constant(const ps_expr *expr)
{
    return !(expr->flags & (PS_EXPR_HAS_COLUMN | PS_EXPR_HAS_PARAM | PS_EXPR_VOLATILE |
                            PS_EXPR_HAS_AGGREGATE | PS_EXPR_HAS_WINDOW | PS_EXPR_HAS_SUBQUERY));
}

/* *out is the literal that expr comes to, or expr itself. */
static ps_status fold(compiler *c, const ps_expr *expr, const ps_expr **out)
{
    ps_error before = c->cx->error;
    ps_value value;
    ps_status st;

    *out = expr;
    if (!c->fold || expr->kind == PS_EXPR_LITERAL || !is_constant(expr)) return PS_OK;
    st = ps_eval_constant(c->cx, c->arena, expr, &value);
    if (st == PS_VALUE || st == PS_UNSUPPORTED) {
        c->cx->error = before;
        return PS_OK;
    }
    if (st != PS_OK) return st;
    *out = ps_expr_literal(c->cx, c->arena, &value);
    return *out ? PS_OK : PS_MEMORY;
}

/* Whether a null in the instruction's only column makes it null. */
static bool is_strict(const compiler *c, const ps_instr *instr)
{
    bool any = false;

    switch ((ps_expr_kind)instr->op) {
    case PS_EXPR_COLUMN: return true;
    case PS_EXPR_CAST:
    case PS_EXPR_TRY: return c->instrs.at[instr->args[0]].strict;
    case PS_EXPR_IN: return instr->expr->n_args > 1 && c->instrs.at[instr->args[0]].strict;
    case PS_EXPR_CALL:
        if (instr->expr->func->nulls != PS_NULLS_PROPAGATE) return false;
        for (uint32_t i = 0; i < instr->n_args; i++) any |= c->instrs.at[instr->args[i]].strict;
        return any;
    default: return false;
    }
}

/* The one column that all arguments together read. */
static uint32_t only_column(const compiler *c, const ps_instr *instr)
{
    uint32_t column = PS_COL_NONE;

    if (ps_expr_is_volatile(instr->expr)) return PS_COL_NONE;
    for (uint32_t i = 0; i < instr->n_args; i++) {
        const ps_instr *arg = &c->instrs.at[instr->args[i]];
        uint32_t reads = arg->op == PS_EXPR_COLUMN ? arg->input : arg->column;
        if (!(arg->expr->flags & PS_EXPR_HAS_COLUMN)) continue;
        if (reads == PS_COL_NONE || (column != PS_COL_NONE && column != reads)) return PS_COL_NONE;
        column = reads;
    }
    return column;
}

static ps_status compile_column(compiler *c, const ps_expr *expr, ps_instr *instr)
{
    for (uint32_t i = 0; i < c->n_inputs; i++) {
        if (c->inputs[i] != expr->column) continue;
        instr->input = i;
        return PS_OK;
    }
    return ps_fail(c->cx, PS_INTERNAL, "expression reads column #%u, which its input doesn't have",
                   expr->column);
}

static ps_status check(compiler *c, const ps_expr *expr)
{
    switch ((ps_expr_kind)expr->kind) {
    case PS_EXPR_CALL:
        if (!expr->func->scalar)
            return ps_fail(c->cx, PS_UNSUPPORTED, "function %s is not there yet", expr->func->name);
        return PS_OK;
    case PS_EXPR_PARAM: return ps_fail(c->cx, PS_MISUSE, "parameter $%u has no value", expr->param);
    case PS_EXPR_AGGREGATE:
    case PS_EXPR_WINDOW:
    case PS_EXPR_SUBQUERY:
        return PS_BUG(c->cx, "an aggregate, window or subquery reached a program");
    default: return PS_OK;
    }
}

static ps_status compile(compiler *c, const ps_expr *expr, uint32_t *out)
{
    ps_instr instr = {.op = expr->kind, .input = PS_COL_NONE, .column = PS_COL_NONE};

    if (find(c, expr, out)) return PS_OK;
    PS_TRY(fold(c, expr, &expr));
    if (find(c, expr, out)) return PS_OK;
    PS_TRY(check(c, expr));
    instr.expr = expr, instr.op = expr->kind;
    if (expr->kind == PS_EXPR_COLUMN) PS_TRY(compile_column(c, expr, &instr));
    if (expr->kind == PS_EXPR_IN) PS_TRY(ps_in_set_new(c->cx, c->arena, expr, &instr.set));
    instr.n_args = expr->kind == PS_EXPR_IN ? 1 : expr->n_args; /* items are in the set */
    if (instr.n_args) {
        uint32_t *args = PS_ARENA_ARRAY(c->cx, c->arena, uint32_t, instr.n_args);
        if (!args) return PS_MEMORY;
        for (uint32_t i = 0; i < instr.n_args; i++) PS_TRY(compile(c, expr->args[i], &args[i]));
        instr.args = args;
    }
    instr.strict = is_strict(c, &instr);
    instr.column = only_column(c, &instr);
    return add(c, &instr, out);
}

ps_status ps_program_compile(ps_ctx *cx, ps_arena *arena, const ps_expr *const *exprs, uint32_t n,
                             const ps_col_id *inputs, uint32_t n_inputs, bool with_fold,
                             const ps_program **out)
{
    compiler c = {
        .cx = cx, .arena = arena, .inputs = inputs, .n_inputs = n_inputs, .fold = with_fold};
    ps_program *program = PS_ARENA_NEW(cx, arena, ps_program);
    uint32_t *outs = PS_ARENA_ARRAY(cx, arena, uint32_t, (size_t)n + 1);

    *out = NULL;
    if (!program || !outs) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) PS_TRY(compile(&c, exprs[i], &outs[i]));
    program->instrs = c.instrs.at;
    program->n = (uint32_t)c.instrs.n;
    program->outs = outs;
    program->n_outs = n;
    program->n_inputs = n_inputs;
    *out = program;
    return PS_OK;
}

ps_status ps_program_new(ps_ctx *cx, ps_arena *arena, const ps_expr *const *exprs, uint32_t n,
                         const ps_col_id *inputs, uint32_t n_inputs, const ps_program **out)
{
    return ps_program_compile(cx, arena, exprs, n, inputs, n_inputs, true, out);
}
