/* eval/hash.c -- hashes of key rows, column by column in blocks that stay in the L1 cache.
 *
 * The hash of a value depends on the value alone: integers of any layout hash as numbers (those
 * past 64 bits as two words), floats by canonical pattern, text by its bytes, nested values from
 * their items. A dictionary not larger than the rows is hashed once and looked up.
 * Tests: tests/unit/test_eval_hash.c */
#include "eval/program.h"

#include "base/hash.h"
#include "col/slots.h"
#include "eval/hash_kernels.h"

enum { BLOCK = 512, NESTED_DEPTH_MAX = 64 };
#define NULL_WORD 0x6e756c6c6e756c6cu

static uint64_t i128_hash(ps_i128 x, uint64_t seed)
{
    if (x >= INT64_MIN && x <= INT64_MAX) return ps_hash_u64((uint64_t)(int64_t)x, seed);
    return ps_hash_combine(ps_hash_u64((uint64_t)x, seed), (uint64_t)((ps_u128)x >> 64));
}

static uint64_t view_hash(const ps_view *v, uint64_t seed)
{
    uint64_t head, tail;

    if (v->n > 12) return ps_hash_bytes(v->at, v->n, seed);
    memcpy(&head, v, 8),
        memcpy(&tail, (const char *)v + 8, 8); /* zero padded: equal text, equal words */
    return ps_hash_combine(ps_hash_u64(head, seed), tail);
}

/* Intervals of equal length are equal: months have 30 days. */
static uint64_t interval_hash(const ps_interval *v, uint64_t seed)
{
    ps_i128 days = (ps_i128)v->months * 30 + v->days;

    return i128_hash(days * 86400000000000 + v->ns, seed);
}

static ps_status hash_slots(ps_ctx *cx, const ps_vec *v, const uint32_t *idx, uint32_t n,
                            uint64_t seed, uint64_t *words, int depth);

/* One row of a LIST: its length and items in order. */
static ps_status list_hash(ps_ctx *cx, const ps_vec *v, uint32_t row, uint64_t seed, uint64_t *word,
                           int depth)
{
    ps_list list = ((const ps_list *)v->data)[row];
    uint64_t hash = ps_hash_u64(list.n, seed), words[64];
    uint32_t idx[64];

    for (uint32_t at = 0; at < list.n; at += 64) {
        uint32_t n = PS_MIN(list.n - at, 64u);
        for (uint32_t k = 0; k < n; k++) idx[k] = list.start + at + k;
        PS_TRY(hash_slots(cx, &v->children[0], idx, n, seed, words, depth + 1));
        for (uint32_t k = 0; k < n; k++) hash = ps_hash_combine(hash, words[k]);
    }
    *word = hash;
    return PS_OK;
}

/* One row of a STRUCT (all children) or UNION (the chosen one). */
static ps_status struct_hash(ps_ctx *cx, const ps_vec *v, uint32_t row, uint64_t seed,
                             uint64_t *word, int depth)
{
    uint32_t n = ps_vec_child_count(v), first = 0, last = n;
    uint64_t hash = ps_hash_u64(n, seed), item;

    if (v->layout == PS_LAYOUT_UNION) {
        first = (uint32_t)((const int8_t *)v->data)[row];
        last = first + 1;
        hash = ps_hash_combine(hash, first);
    }
    for (uint32_t i = first; i < last; i++) {
        PS_TRY(hash_slots(cx, &v->children[i], &row, 1, seed, &item, depth + 1));
        hash = ps_hash_combine(hash, item);
    }
    *word = hash;
    return PS_OK;
}

/* Words of slots idx[0..n) (NULL: 0..n-1) of FLAT data without a look at nulls. */
static ps_status hash_data(ps_ctx *cx, const ps_vec *v, const uint32_t *idx, uint32_t n,
                           uint64_t seed, uint64_t *words, int depth)
{
    ps_layout layout = (ps_layout)v->layout;

    if (ps_hash_kernels_get()->words[layout]) {
        ps_hash_kernels_get()->words[layout](v->data, idx, n, seed, words);
        return PS_OK;
    }
    for (uint32_t k = 0; k < n; k++) {
        uint32_t i = idx ? idx[k] : k;
        switch (layout) {
        case PS_LAYOUT_I128:
        case PS_LAYOUT_U64: words[k] = i128_hash(ps_slot_get(layout, v->data, i), seed); break;
        case PS_LAYOUT_F16:
            words[k] = ps_hash_u64(
                ps_hash_f64_bits((double)ps_f16_to(((const uint16_t *)v->data)[i])), seed);
            break;
        case PS_LAYOUT_VIEW: words[k] = view_hash((const ps_view *)v->data + i, seed); break;
        case PS_LAYOUT_INTERVAL:
            words[k] = interval_hash((const ps_interval *)v->data + i, seed);
            break;
        case PS_LAYOUT_LIST:
            words[k] = 0;
            if (!v->valid || ps_bit_get(v->valid, i))
                PS_TRY(list_hash(cx, v, i, seed, &words[k], depth));
            break;
        case PS_LAYOUT_STRUCT:
        case PS_LAYOUT_UNION:
            words[k] = 0;
            if (!v->valid || ps_bit_get(v->valid, i))
                PS_TRY(struct_hash(cx, v, i, seed, &words[k], depth));
            break;
        default: words[k] = ps_hash_u64(NULL_WORD, seed); /* NONE: all null */
        }
    }
    return PS_OK;
}

static ps_status hash_flat(ps_ctx *cx, const ps_vec *v, const uint32_t *idx, uint32_t n,
                           uint64_t seed, uint64_t *words, int depth)
{
    PS_TRY(hash_data(cx, v, idx, n, seed, words, depth));
    if (!v->valid) return PS_OK;
    for (uint32_t k = 0; k < n; k++)
        if (!ps_bit_get(v->valid, idx ? idx[k] : k)) words[k] = ps_hash_u64(NULL_WORD, seed);
    return PS_OK;
}

/* Words of up to BLOCK rows of any encoding. */
static ps_status hash_slots(ps_ctx *cx, const ps_vec *v, const uint32_t *idx, uint32_t n,
                            uint64_t seed, uint64_t *words, int depth)
{
    uint32_t codes[BLOCK];

    PS_ASSERT(n <= BLOCK);
    if (depth > NESTED_DEPTH_MAX)
        return ps_fail(cx, PS_UNSUPPORTED, "values nested more than %d deep can't be keys",
                       NESTED_DEPTH_MAX);
    switch ((ps_encoding)v->encoding) {
    case PS_ENC_FLAT: return hash_flat(cx, v, idx, n, seed, words, depth);
    case PS_ENC_CONSTANT:
        codes[0] = 0;
        PS_TRY(hash_flat(cx, v, codes, 1, seed, words, depth));
        for (uint32_t k = 1; k < n; k++) words[k] = words[0];
        return PS_OK;
    case PS_ENC_SEQUENCE:
        for (uint32_t k = 0; k < n; k++) {
            uint64_t i = idx ? idx[k] : k;
            words[k] = ps_hash_u64((uint64_t)v->start + i * (uint64_t)v->step, seed);
        }
        return PS_OK;
    case PS_ENC_DICTIONARY: break;
    }
    for (uint32_t k = 0; k < n; k++) {
        uint32_t row = idx ? idx[k] : k;
        codes[k] = v->valid && !ps_bit_get(v->valid, row) ? 0 : v->codes[row];
    }
    if (v->dict->values.n) PS_TRY(hash_flat(cx, &v->dict->values, codes, n, seed, words, depth));
    for (uint32_t k = 0; k < n; k++)
        if ((v->valid && !ps_bit_get(v->valid, idx ? idx[k] : k)) || !v->dict->values.n)
            words[k] = ps_hash_u64(NULL_WORD, seed);
    return PS_OK;
}

/* Hashes of a dictionary's values; *out is freed by the caller. */
static ps_status dict_words(ps_ctx *cx, const ps_vec *values, uint64_t seed, uint64_t **out)
{
    uint32_t idx[BLOCK];

    *out = ps_alloc(cx, ((size_t)values->n + 1) * sizeof(**out));
    if (!*out) return PS_MEMORY;
    for (uint32_t at = 0; at < values->n; at += BLOCK) {
        uint32_t n = PS_MIN(values->n - at, (uint32_t)BLOCK);
        for (uint32_t k = 0; k < n; k++) idx[k] = at + k;
        ps_status st = hash_flat(cx, values, idx, n, seed, *out + at, 0);
        if (st != PS_OK) return st;
    }
    return PS_OK;
}

static ps_status hash_column(ps_ctx *cx, const ps_vec *v, const uint32_t *sel, uint32_t n,
                             uint64_t seed, bool first, uint64_t *out)
{
    bool by_dict =
        v->encoding == PS_ENC_DICTIONARY && v->dict->values.n > 0 && v->dict->values.n <= n;
    uint64_t block[BLOCK], *dict = NULL;
    uint32_t idx[BLOCK];
    ps_status st = PS_OK;

    if (first && v->encoding == PS_ENC_FLAT && !v->valid &&
        ps_hash_kernels_get()->words[v->layout]) {
        ps_hash_kernels_get()->words[v->layout](v->data, sel, n, seed,
                                                out); /* the usual single key */
        return PS_OK;
    }
    if (by_dict) PS_GO(dict_words(cx, &v->dict->values, seed, &dict));
    for (uint32_t at = 0; at < n; at += BLOCK) {
        uint32_t n_block = PS_MIN(n - at, (uint32_t)BLOCK);
        uint64_t *words = first ? out + at : block;
        const uint32_t *rows = sel ? sel + at : NULL;
        if (!rows && (at > 0 || by_dict)) {
            for (uint32_t k = 0; k < n_block; k++) idx[k] = at + k;
            rows = idx;
        }
        if (by_dict) {
            for (uint32_t k = 0; k < n_block; k++)
                words[k] = v->valid && !ps_bit_get(v->valid, rows[k]) ? ps_hash_u64(NULL_WORD, seed)
                                                                      : dict[v->codes[rows[k]]];
        } else {
            PS_GO(hash_slots(cx, v, rows, n_block, seed, words, 0));
        }
        if (!first) ps_hash_kernels_get()->combine(words, n_block, out + at);
    }
done:
    ps_free(dict);
    return st;
}

ps_status ps_hash_rows(ps_ctx *cx, const ps_vec *cols, uint32_t n_cols, const uint32_t *sel,
                       uint32_t n, uint64_t seed, uint64_t *out)
{
    if (n_cols == 0)
        for (uint32_t k = 0; k < n; k++) out[k] = ps_hash_u64(0, seed);
    for (uint32_t i = 0; i < n_cols; i++)
        PS_TRY(hash_column(cx, &cols[i], sel, n, seed, i == 0, out));
    return PS_OK;
}
