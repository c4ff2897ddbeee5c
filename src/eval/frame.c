/* eval/frame.c -- registers, their buffers, scopes and bitmaps of one batch. Tests:
 * tests/unit/test_eval.c */
#include "eval/eval.h"

/* All or none: a source that was refused memory runs its filter again. */
static ps_status regs_new(ps_run *run)
{
    ps_reg *regs = PS_ARENA_ARRAY(run->cx, run->eval->arena, ps_reg, run->program->n + 1);

    if (!regs) return PS_MEMORY;
    for (uint32_t i = 0; i < run->program->n; i++) {
        const ps_instr *instr = &run->program->instrs[i];
        ps_reg *reg = &regs[i];
        reg->next_buf = &reg->bufs;
        if (instr->op == PS_EXPR_LITERAL)
            PS_TRY(ps_vec_constant(run->cx, run->eval->arena, &instr->expr->literal, 1, &reg->vec));
        reg->args = PS_ARENA_ARRAY(run->cx, run->eval->arena, ps_vec, (size_t)instr->n_args + 1);
        if (!reg->args) return PS_MEMORY;
    }
    run->frame->regs = regs;
    return PS_OK;
}

static void bufs_release(ps_frame_regs *frame, const ps_program *program)
{
    for (uint32_t i = 0; frame->regs && i < program->n; i++) {
        ps_reg *reg = &frame->regs[i];
        for (ps_eval_buf *b = reg->bufs; b; b = b->next) ps_vec_buf_release(&b->buf);
        reg->bufs = NULL, reg->next_buf = &reg->bufs;
    }
}

void ps_frame_release(ps_frame_regs *frame, const ps_program *program)
{
    bufs_release(frame, program);
    for (uint32_t i = 0; frame->regs && i < program->n; i++) {
        const ps_instr *instr = &program->instrs[i];
        if (instr->op == PS_EXPR_CALL && instr->expr->func->scalar->release && frame->regs[i].state)
            instr->expr->func->scalar->release(frame->regs[i].state);
        frame->regs[i].state = NULL;
    }
}

/* Forgets the last batch. */
static void regs_reset(ps_frame_regs *frame, uint32_t n_regs)
{
    for (uint32_t i = 0; i < n_regs; i++) {
        ps_reg *reg = &frame->regs[i];
        for (ps_eval_buf *b = reg->bufs; b != *reg->next_buf; b = b->next)
            if (b->buf.heap.bytes) ps_arena_reset(&b->buf.heap);
        reg->next_buf = &reg->bufs;
        reg->scope = 0;
        reg->err = NULL;
    }
}

ps_status ps_frame_begin(ps_run *run, const ps_vec *cols, uint32_t n, const uint32_t *sel,
                         uint32_t n_live)
{
    ps_frame_regs *frame = run->frame;

    if (!frame->regs) PS_TRY(regs_new(run));
    regs_reset(frame, run->program->n);
    if (n > frame->n_max) {
        bufs_release(frame, run->program);
        frame->n_max =
            (PS_MAX(n, PS_MIN(run->cx->batch_rows, (uint32_t)PS_BATCH_ROWS_MAX)) + 63) / 64 * 64;
    }
    frame->cols = cols;
    frame->n = n;
    frame->scopes.n = 0;
    PS_TRY(PS_ARRAY_ADD_IN(run->cx, run->eval->arena, &frame->scopes,
                           (ps_scope){0})); /* 0: no scope */
    return PS_ARRAY_ADD_IN(run->cx, run->eval->arena, &frame->scopes,
                           (ps_scope){.n = n_live, .sel = sel});
}

ps_status ps_scope_open(ps_run *run, uint32_t parent, const uint32_t *sel, uint32_t n,
                        uint32_t *out)
{
    *out = (uint32_t)run->frame->scopes.n;
    return PS_ARRAY_ADD_IN(run->cx, run->eval->arena, &run->frame->scopes,
                           (ps_scope){.parent = parent, .n = n, .sel = sel});
}

ps_status ps_reg_buf(ps_run *run, uint32_t i, ps_vec_buf **out)
{
    ps_reg *reg = &run->frame->regs[i];
    ps_eval_buf *b = *reg->next_buf;

    if (!b) {
        b = PS_ARENA_NEW(run->cx, run->eval->arena, ps_eval_buf);
        if (!b) return PS_MEMORY;
        PS_TRY(ps_vec_buf_init(run->cx, &b->buf, run->frame->n_max));
        *reg->next_buf = b;
    }
    reg->next_buf = &b->next;
    *out = &b->buf;
    return PS_OK;
}

/* A buffer for each value that is computed. */
uint64_t ps_program_bytes(const ps_program *program, uint32_t batch_rows)
{
    enum { SLOT_BYTES = 16 };
    uint64_t n = 0;

    for (uint32_t i = 0; i < program->n; i++)
        n += program->instrs[i].op != PS_EXPR_COLUMN && program->instrs[i].op != PS_EXPR_LITERAL;
    return n * ((uint64_t)batch_rows * SLOT_BYTES + PS_BITS_BYTES(batch_rows));
}

uint64_t *ps_run_bits(ps_run *run)
{
    return ps_arena_alloc(run->cx, &run->eval->scratch, PS_BITS_BYTES(run->frame->n) + 8);
}

uint64_t *ps_scope_bits(ps_run *run, uint32_t scope)
{
    const ps_scope *s = ps_scope_at(run, scope);
    uint64_t *bits = ps_run_bits(run);

    if (!bits) return NULL;
    if (!s->sel) {
        ps_bits_fill(bits, s->n, true);
        return bits;
    }
    /* By way of bytes: setting bit after bit in one word, each waits for the one before. */
    uint8_t bytes[PS_BATCH_ROWS_MAX];
    memset(bytes, 0, run->frame->n);
    for (uint32_t k = 0; k < s->n; k++) bytes[s->sel[k]] = 1;
    ps_compare_kernels_get()->bytes_to_bits(bytes, run->frame->n, bits);
    return bits;
}

ps_status ps_scope_of_bits(ps_run *run, uint32_t parent, const uint64_t *bits, uint32_t *out)
{
    size_t n = ps_bits_count(bits, run->frame->n);
    uint32_t *sel;

    if (n == ps_scope_at(run, parent)->n) {
        *out = parent;
        return PS_OK;
    }
    sel = ps_arena_alloc_raw(run->cx, &run->eval->scratch, (n + 1) * sizeof(*sel), 64);
    if (!sel) return PS_MEMORY;
    n = ps_compare_kernels_get()->bits_to_sel(bits, run->frame->n, sel);
    return ps_scope_open(run, parent, sel, (uint32_t)n, out);
}

ps_status ps_err_add(ps_run *run, uint64_t **err, const uint64_t *more)
{
    if (!more) return PS_OK;
    if (!*err) *err = ps_run_bits(run);
    if (!*err) return PS_MEMORY;
    ps_bits_or(*err, *err, more, run->frame->n);
    return PS_OK;
}

ps_status ps_run_null(ps_run *run, ps_type type, ps_vec *out)
{
    ps_value null = ps_value_null(type);

    return ps_vec_constant(run->cx, &run->eval->scratch, &null, run->frame->n, out);
}

ps_status ps_vec_known(ps_run *run, const ps_vec *vec, uint32_t scope, const uint64_t **out)
{
    const ps_scope *s = ps_scope_at(run, scope);
    bool dict_nulls = vec->encoding == PS_ENC_DICTIONARY && vec->dict->values.valid;
    uint64_t *bits;

    *out = vec->valid;
    if (!dict_nulls && vec->encoding != PS_ENC_CONSTANT) return PS_OK;
    if (!dict_nulls && (!vec->valid || ps_bit_get(vec->valid, 0))) {
        *out = NULL;
        return PS_OK;
    }
    bits = ps_run_bits(run);
    if (!bits) return PS_MEMORY;
    if (dict_nulls)
        for (uint32_t k = 0; k < s->n; k++) {
            uint32_t row = ps_scope_row(s, k);
            if (ps_vec_row_valid(vec, row)) ps_bit_set(bits, row);
        }
    *out = bits;
    return PS_OK;
}

/* Bytes of a dictionary of flags by row. */
static void flags_by_code(const ps_vec *vec, const ps_scope *s, uint8_t *bytes)
{
    const uint8_t *table = vec->dict->values.data;
    uint32_t size = vec->dict->values.n;

    if (size <= 32) { /* all flags in one register */
        uint64_t bits;
        ps_compare_kernels_get()->bytes_to_bits(table, size, &bits);
        ps_compare_kernels_get()->lookup_bits((uint32_t)bits, vec->codes, vec->n, bytes);
        return;
    }
    if (!s->sel) {
        ps_compare_kernels_get()->lookup_bytes(table, vec->codes, s->n, bytes);
        return;
    }
    for (uint32_t k = 0; k < s->n; k++) bytes[s->sel[k]] = table[vec->codes[s->sel[k]]];
}

ps_status ps_reg_flags(ps_run *run, const ps_reg *reg, uint32_t scope, uint64_t *truth,
                       uint64_t *known)
{
    const ps_scope *s = ps_scope_at(run, scope);
    const ps_vec *vec = &reg->vec;
    uint32_t n = run->frame->n;
    const uint64_t *valid;

    if (vec->layout == PS_LAYOUT_NONE) {
        ps_bits_fill(truth, n, false);
        if (known) ps_bits_fill(known, n, false);
        return PS_OK;
    }
    PS_ASSERT(vec->layout == PS_LAYOUT_BOOL);
    PS_TRY(ps_vec_known(run, vec, scope, &valid));
    if (vec->encoding == PS_ENC_CONSTANT) {
        ps_bits_fill(truth, n, *(const uint8_t *)vec->data);
    } else if (vec->encoding == PS_ENC_DICTIONARY) {
        uint8_t *bytes = ps_arena_alloc_raw(run->cx, &run->eval->scratch, n + 64u, 64);
        if (!bytes) return PS_MEMORY;
        if (s->sel) memset(bytes, 0, n);
        if (vec->dict->values.n) flags_by_code(vec, s, bytes);
        else memset(bytes, 0, n);
        ps_compare_kernels_get()->bytes_to_bits(bytes, n, truth);
    } else {
        ps_compare_kernels_get()->bytes_to_bits(vec->data, n, truth);
    }
    if (valid) ps_bits_and(truth, truth, valid, n);
    if (known && valid) memcpy(known, valid, PS_BITS_BYTES(n));
    if (known && !valid) ps_bits_fill(known, n, true);
    return PS_OK;
}
