/* eval/lazy.c -- AND, OR, CASE, COALESCE, TRY: arguments are asked only for rows that need them.
 *
 * AND by rows: false if any argument is false, else an error if any is, else null if any is, else
 * true; OR with true for false. So the order of arguments can't be seen. A later argument is asked
 * under a narrower scope once a fair part of the rows is decided. CASE and COALESCE collect pieces
 * (register, rows) and merge them at the end, when the layouts are known.
 * Tests: tests/unit/test_eval.c */
#include "eval/eval.h"

#include "eval/merge.h"

/* Bytes of 0 or 1 from bits, whole words. */
static void bits_to_bytes(const uint64_t *bits, size_t n, uint8_t *bytes)
{
    for (size_t i = 0; i < n; i += 8) { /* buffers have room up to the next multiple of 64 */
        uint64_t eight = (bits[i / 64] >> (i % 64)) & 0xff;
        eight = ((eight * 0x8040201008040201u) & 0x8080808080808080u) >> 7;
        eight = __builtin_bswap64(eight);
        memcpy(bytes + i, &eight, 8);
    }
}

typedef struct junction {
    bool all;          /* AND */
    uint32_t scope;    /* of the arguments still to come */
    uint64_t *open;    /* rows that no argument has decided */
    uint64_t *decided; /* rows where one is false (AND), true (OR) */
    uint64_t *null;
    uint64_t *err;
} junction;

static ps_status junction_add(ps_run *run, junction *j, const ps_reg *arg, uint64_t *truth,
                              uint64_t *known)
{
    uint32_t n_words = (uint32_t)PS_BITS_WORDS(run->frame->n);

    PS_TRY(ps_reg_flags(run, arg, j->scope, truth, known));
    for (uint32_t w = 0; w < n_words; w++) {
        uint64_t err = arg->err ? arg->err[w] : 0;
        uint64_t decides = known[w] & ~err & (j->all ? ~truth[w] : truth[w]);
        j->decided[w] |= decides & j->open[w];
        j->null[w] |= ~known[w];
        j->err[w] |= err;
        j->open[w] &= ~decides;
    }
    return PS_OK;
}

/* Narrows the scope when at least a quarter of its rows is decided; false in *more: nothing is
 * open. */
static ps_status junction_narrow(ps_run *run, junction *j, bool *more)
{
    size_t n = ps_bits_count(j->open, run->frame->n);

    *more = n > 0;
    if (!*more || n * 4 > (size_t)ps_scope_at(run, j->scope)->n * 3) return PS_OK;
    return ps_scope_of_bits(run, j->scope, j->open, &j->scope);
}

ps_status ps_run_junction(ps_run *run, uint32_t i, uint32_t scope)
{
    const ps_instr *instr = &run->program->instrs[i];
    ps_reg *reg = &run->frame->regs[i];
    junction j = {.all = instr->op == PS_EXPR_AND,
                  .scope = scope,
                  .open = ps_scope_bits(run, scope),
                  .decided = ps_run_bits(run),
                  .null = ps_run_bits(run),
                  .err = ps_run_bits(run)};
    uint64_t *truth = ps_run_bits(run), *known = ps_run_bits(run), any_null = 0, any_err = 0;
    ps_vec_buf *buf;
    bool more = true;

    if (!j.open || !j.decided || !j.null || !j.err || !truth || !known) return PS_MEMORY;
    for (uint32_t a = 0; a < instr->n_args && more; a++) {
        PS_TRY(ps_run_node(run, instr->args[a], j.scope));
        PS_TRY(junction_add(run, &j, &run->frame->regs[instr->args[a]], truth, known));
        if (a + 1 < instr->n_args) PS_TRY(junction_narrow(run, &j, &more));
    }
    PS_TRY(ps_reg_buf(run, i, &buf));
    for (uint32_t w = 0; w < PS_BITS_WORDS(run->frame->n); w++) {
        j.err[w] &= j.open[w];
        j.null[w] &= j.open[w] & ~j.err[w];
        any_null |= j.null[w], any_err |= j.err[w];
        truth[w] = j.all ? ~j.decided[w] : j.decided[w];
        buf->valid[w] = ~j.null[w];
    }
    bits_to_bytes(truth, run->frame->n, buf->data);
    ps_vec_flat(&reg->vec, PS_TYPE(BOOL), PS_LAYOUT_BOOL, buf->data, any_null ? buf->valid : NULL,
                run->frame->n);
    reg->err = any_err ? j.err : NULL;
    return PS_OK;
}

/* Adds what argument `arg` gives for the rows in bits; errors go to reg. */
static ps_status add_piece(ps_run *run, ps_pieces *pieces, ps_reg *reg, uint32_t arg,
                           uint32_t scope, const uint64_t *bits)
{
    uint32_t inner;
    const ps_reg *value = &run->frame->regs[arg];

    PS_TRY(ps_scope_of_bits(run, scope, bits, &inner));
    if (ps_scope_at(run, inner)->n == 0) return PS_OK;
    PS_TRY(ps_run_node(run, arg, inner));
    if (value->err) {
        uint64_t *err = ps_run_bits(run);
        if (!err) return PS_MEMORY;
        ps_bits_and(err, value->err, bits, run->frame->n);
        PS_TRY(ps_err_add(run, &reg->err, err));
    }
    return ps_pieces_add(run, pieces, &value->vec, inner);
}

ps_status ps_run_case(ps_run *run, uint32_t i, uint32_t scope)
{
    const ps_instr *instr = &run->program->instrs[i];
    ps_reg *reg = &run->frame->regs[i];
    uint64_t *open = ps_scope_bits(run, scope), *truth = ps_run_bits(run), *taken;
    uint32_t n_words = (uint32_t)PS_BITS_WORDS(run->frame->n), asked = scope;
    ps_pieces pieces = {.type = instr->expr->type};

    if (!open || !truth) return PS_MEMORY;
    for (uint32_t a = 0; a + 1 < instr->n_args; a += 2) {
        const ps_reg *when = &run->frame->regs[instr->args[a]];
        uint64_t *err;
        PS_TRY(ps_scope_of_bits(run, asked, open, &asked));
        if (ps_scope_at(run, asked)->n == 0) break;
        PS_TRY(ps_run_node(run, instr->args[a], asked));
        PS_TRY(ps_reg_flags(run, when, asked, truth, NULL));
        taken = ps_run_bits(run), err = ps_run_bits(run);
        if (!taken || !err) return PS_MEMORY;
        for (uint32_t w = 0; w < n_words; w++) {
            err[w] = when->err ? when->err[w] & open[w] : 0;
            taken[w] = truth[w] & open[w] & ~err[w];
            open[w] &= ~(taken[w] | err[w]);
        }
        if (when->err) PS_TRY(ps_err_add(run, &reg->err, err));
        PS_TRY(add_piece(run, &pieces, reg, instr->args[a + 1], asked, taken));
    }
    PS_TRY(add_piece(run, &pieces, reg, instr->args[instr->n_args - 1], asked, open));
    return ps_pieces_merge(run, &pieces, i, scope);
}

ps_status ps_run_coalesce(ps_run *run, uint32_t i, uint32_t scope)
{
    const ps_instr *instr = &run->program->instrs[i];
    ps_reg *reg = &run->frame->regs[i];
    uint64_t *open = ps_scope_bits(run, scope);
    uint32_t n_words = (uint32_t)PS_BITS_WORDS(run->frame->n), asked = scope;
    ps_pieces pieces = {.type = instr->expr->type};

    if (!open) return PS_MEMORY;
    for (uint32_t a = 0; a < instr->n_args; a++) {
        const ps_reg *value = &run->frame->regs[instr->args[a]];
        const uint64_t *known;
        uint64_t *taken;
        PS_TRY(ps_scope_of_bits(run, asked, open, &asked));
        if (ps_scope_at(run, asked)->n == 0) break;
        if (a + 1 == instr->n_args) {
            PS_TRY(add_piece(run, &pieces, reg, instr->args[a], asked, open));
            break;
        }
        PS_TRY(ps_run_node(run, instr->args[a], asked));
        PS_TRY(ps_vec_known(run, &value->vec, asked, &known));
        if (value->vec.layout == PS_LAYOUT_NONE && !value->err) continue;
        taken = ps_run_bits(run);
        if (!taken) return PS_MEMORY;
        for (uint32_t w = 0; w < n_words; w++) {
            taken[w] =
                open[w] & ((known ? known[w] : ~(uint64_t)0) | (value->err ? value->err[w] : 0));
            open[w] &= ~taken[w];
        }
        PS_TRY(add_piece(run, &pieces, reg, instr->args[a], asked, taken));
    }
    return ps_pieces_merge(run, &pieces, i, scope);
}

ps_status ps_run_try(ps_run *run, uint32_t i, uint32_t scope)
{
    const ps_instr *instr = &run->program->instrs[i];
    const ps_reg *arg = &run->frame->regs[instr->args[0]];
    ps_reg *reg = &run->frame->regs[i];
    const uint64_t *known;
    ps_vec_buf *buf;

    PS_TRY(ps_run_node(run, instr->args[0], scope));
    reg->vec = arg->vec;
    if (!arg->err) return PS_OK;
    PS_TRY(ps_reg_buf(run, i, &buf));
    if (reg->vec.encoding == PS_ENC_CONSTANT || reg->vec.encoding == PS_ENC_SEQUENCE)
        PS_TRY(ps_vec_flatten(run->cx, &arg->vec, NULL, run->frame->n, buf, &reg->vec));
    PS_TRY(ps_vec_known(run, &reg->vec, scope, &known));
    for (uint32_t w = 0; w < PS_BITS_WORDS(run->frame->n); w++)
        buf->valid[w] = (known ? known[w] : ~(uint64_t)0) & ~arg->err[w];
    reg->vec.valid = buf->valid;
    return PS_OK;
}
