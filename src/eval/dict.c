/* eval/dict.c -- what an expression of one dictionary-encoded column gives, by dictionary value.
 *
 * The whole subtree is computed on the dictionary's values in a frame of its own, kept by the
 * dictionary's id, and comes out as a dictionary over the same codes. Values in error count only
 * where a live row has their code. A dictionary much larger than the batch is not worth it the
 * first time. Tests: tests/unit/test_eval.c */
#include "eval/eval.h"

static void result_destroy(ps_owner *owner)
{
    ps_dict *dict = PS_CONTAINER(owner, ps_dict, owner);

    ps_owner_unref(dict->values.owner);
    ps_free(dict);
}

static ps_dict_entry *entry_find(ps_dict_cache *cache, uint64_t id)
{
    for (uint32_t w = 0; w < PS_DICT_WAYS; w++)
        if (cache->ways[w].id == id) return &cache->ways[w];
    return NULL;
}

/* Keeps what register i of the dictionary frame holds. */
static ps_status entry_fill(ps_run *run, uint32_t i, uint64_t id, ps_dict_entry *entry)
{
    ps_reg *reg = &run->frame->regs[i];
    uint32_t n = run->frame->n;
    ps_dict *dict = NULL;
    ps_vec_buf flat = {0};
    ps_vec vec;
    ps_status st;

    PS_GO(ps_vec_buf_init(run->cx, &flat, PS_MAX(n, 1u)));
    PS_GO(ps_vec_flatten(run->cx, &reg->vec, NULL, n, &flat, &vec));
    vec.type = run->program->instrs[i].expr->type;
    dict = ps_alloc_zero(run->cx, sizeof(*dict));
    if (!dict) PS_GO(PS_MEMORY);
    PS_GO(ps_vec_retain(run->cx, &vec, NULL, n, &dict->values));
    if (dict->values.encoding != PS_ENC_FLAT)
        PS_GO(PS_BUG(run->cx, "a retained flat vector is not flat"));
    if (reg->err) {
        entry->err = ps_alloc(run->cx, PS_BITS_BYTES(n) + 8);
        if (!entry->err) PS_GO(PS_MEMORY);
        memcpy(entry->err, reg->err, PS_BITS_BYTES(n));
    }
    ps_owner_init(&dict->owner, result_destroy);
    dict->id = ps_dict_next_id();
    entry->dict = dict;
    entry->id = id;
    dict = NULL;
done:
    if (dict) ps_owner_unref(dict->values.owner);
    ps_free(dict);
    ps_vec_buf_release(&flat);
    return st;
}

static ps_status entry_make(ps_run *outer, uint32_t i, const ps_dict *dict, ps_dict_entry **out)
{
    ps_eval *eval = outer->eval;
    ps_dict_cache *cache = &eval->caches[i];
    ps_dict_entry *entry = &cache->ways[cache->next++ % PS_DICT_WAYS];
    ps_run run = {.cx = outer->cx, .eval = eval, .program = outer->program, .frame = &eval->dict};

    if (entry->dict) ps_owner_unref(&entry->dict->owner);
    ps_free(entry->err);
    *entry = (ps_dict_entry){0};
    eval->dict_cols[eval->program->instrs[i].column] = dict->values;
    PS_TRY(ps_frame_begin(&run, eval->dict_cols, dict->values.n, NULL, dict->values.n));
    PS_TRY(ps_run_node(&run, i, PS_SCOPE_ROOT));
    PS_TRY(entry_fill(&run, i, dict->id, entry));
    *out = entry;
    return PS_OK;
}

ps_status ps_run_on_dict(ps_run *run, uint32_t i, uint32_t scope, bool *done)
{
    const ps_instr *instr = &run->program->instrs[i];
    const ps_vec *col = &run->frame->cols[instr->column];
    const ps_scope *s = ps_scope_at(run, scope);
    ps_reg *reg = &run->frame->regs[i];
    ps_dict_entry *entry;

    if (col->encoding != PS_ENC_DICTIONARY || !col->dict->id) return PS_OK;
    if (col->valid && !instr->strict) return PS_OK; /* a null row may give a value */
    if (col->dict->values.n == 0 || col->dict->values.n > PS_DICT_ROWS_MAX) return PS_OK;
    entry = entry_find(&run->eval->caches[i], col->dict->id);
    if (!entry) {
        if (col->dict->values.n / 2 > s->n) return PS_OK;
        PS_TRY(entry_make(run, i, col->dict, &entry));
    }
    reg->vec = (ps_vec){.type = instr->expr->type,
                        .layout = entry->dict->values.layout,
                        .encoding = PS_ENC_DICTIONARY,
                        .bounded = entry->dict->values.bounded,
                        .n = col->n,
                        .valid = col->valid,
                        .lo = entry->dict->values.lo,
                        .hi = entry->dict->values.hi,
                        .codes = col->codes,
                        .dict = entry->dict,
                        .children = entry->dict->values.children};
    *done = true;
    if (!entry->err) return PS_OK;
    for (uint32_t k = 0; k < s->n; k++) {
        uint32_t row = ps_scope_row(s, k);
        if ((col->valid && !ps_bit_get(col->valid, row)) ||
            !ps_bit_get(entry->err, col->codes[row]))
            continue;
        if (!reg->err) reg->err = ps_run_bits(run);
        if (!reg->err) return PS_MEMORY;
        ps_bit_set(reg->err, row);
    }
    return PS_OK;
}
