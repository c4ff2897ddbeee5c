/* exec/op_aggregate_few.c -- grouping by small key domains: array index instead of hash table.
 *
 * Keys that are codes of distinct dictionaries, integers in narrow bounds, booleans or constants
 * span a product of at most 4,096 slots. A slot's group is looked up in the group table once, then
 * found by an add for each key; so what groups are, and their order, is the table's business alone.
 * The cache is for one set of dictionaries and ranges: another dictionary (the next segment)
 * empties it. Tests: tests/unit/test_aggregate.c, tests/slt/op/aggregate.test */
#include "exec/op_aggregate.h"

void ps_aggregate_direct_forget(agg_direct *direct)
{
    memset(direct->rows, 0, direct->n_slots * sizeof(direct->rows[0]));
    direct->n_slots = 0;
    direct->n_few = 0;
}

/* What one key vector asks for, given what the cache has; false: not a small domain. */
static bool key_shape(const ps_vec *vec, const agg_key *old, agg_key *out)
{
    *out = (agg_key){.nulls = vec->valid != NULL};
    if (vec->encoding == PS_ENC_DICTIONARY) {
        if (!vec->dict->distinct || vec->dict->values.n >= AGG_SLOTS_MAX) return false;
        out->kind = AGG_KEY_CODE;
        out->dict_id = vec->dict->id;
        out->n_slots = vec->dict->values.n;
    } else if (vec->encoding == PS_ENC_CONSTANT) {
        out->kind = AGG_KEY_CONSTANT;
        out->n_slots = 1;
        out->nulls = false;
    } else if (vec->encoding == PS_ENC_FLAT && vec->layout == PS_LAYOUT_BOOL) {
        out->kind = AGG_KEY_INT;
        out->n_slots = 2;
    } else if (vec->encoding == PS_ENC_FLAT && ps_layout_is_int((ps_layout)vec->layout) &&
               vec->layout != PS_LAYOUT_I128 && vec->layout != PS_LAYOUT_U64) {
        int64_t lo = vec->lo, hi = vec->hi;
        if (old && old->kind == AGG_KEY_INT && old->n_slots) {
            lo = PS_MIN(lo, old->base);
            hi = PS_MAX(hi, old->base + ((int64_t)old->n_slots - 1));
        }
        if (hi < lo || (uint64_t)hi - (uint64_t)lo >= AGG_SLOTS_MAX) return false;
        out->kind = AGG_KEY_INT;
        out->base = lo;
        out->n_slots = (uint32_t)(hi - lo) + 1;
    } else {
        return false;
    }
    if (old && old->kind == out->kind) out->nulls |= old->nulls;
    return true;
}

static bool key_same(const agg_key *a, const agg_key *b)
{
    return a->kind == b->kind && a->nulls == b->nulls && a->n_slots == b->n_slots &&
           a->dict_id == b->dict_id && a->base == b->base &&
           a->kind != AGG_KEY_CONSTANT; /* the next constant may be another */
}

/* Makes the cache fit the batch's keys; false: they need the hash table. */
static bool prepare(agg_direct *d, const ps_vec *keys, uint32_t n_keys)
{
    agg_key wanted[AGG_KEYS_MAX];
    const bool known = d->n_slots > 0;
    uint64_t product = 1;
    bool same = known;

    if (n_keys > AGG_KEYS_MAX) return false;
    for (uint32_t c = 0; c < n_keys; c++) {
        if (!key_shape(&keys[c], known ? &d->keys[c] : NULL, &wanted[c])) return false;
        product *= wanted[c].n_slots + (wanted[c].nulls ? 1u : 0u);
        if (product > AGG_SLOTS_MAX) return false;
        same = same && key_same(&wanted[c], &d->keys[c]);
    }
    if (product == 0) return false; /* an empty dictionary */
    if (same) return true;
    ps_aggregate_direct_forget(d);
    memcpy(d->keys, wanted, sizeof(wanted));
    d->n_keys = n_keys;
    d->n_slots = (uint32_t)product;
    memset(d->rows, 0, d->n_slots * sizeof(d->rows[0]));
    return true;
}

static void add_codes(const uint32_t *codes, const uint32_t *sel, uint32_t n, uint32_t step,
                      bool first, uint16_t *slots)
{
    if (first && !sel)
        for (uint32_t k = 0; k < n; k++) slots[k] = (uint16_t)(codes[k] * step);
    else if (first)
        for (uint32_t k = 0; k < n; k++) slots[k] = (uint16_t)(codes[sel[k]] * step);
    else if (!sel)
        for (uint32_t k = 0; k < n; k++) slots[k] = (uint16_t)(slots[k] + codes[k] * step);
    else
        for (uint32_t k = 0; k < n; k++) slots[k] = (uint16_t)(slots[k] + codes[sel[k]] * step);
}

int64_t ps_aggregate_int_at(const ps_vec *vec, uint32_t row)
{
    switch ((ps_layout)vec->layout) {
    case PS_LAYOUT_BOOL:
    case PS_LAYOUT_U8: return ((const uint8_t *)vec->data)[row];
    case PS_LAYOUT_U16: return ((const uint16_t *)vec->data)[row];
    case PS_LAYOUT_U32: return ((const uint32_t *)vec->data)[row];
    case PS_LAYOUT_I8: return ((const int8_t *)vec->data)[row];
    case PS_LAYOUT_I16: return ((const int16_t *)vec->data)[row];
    case PS_LAYOUT_I32: return ((const int32_t *)vec->data)[row];
    default: return ((const int64_t *)vec->data)[row];
    }
}

static void add_key(const agg_key *key, const ps_vec *vec, const uint32_t *sel, uint32_t n,
                    uint32_t step, bool first, uint16_t *slots)
{
    if (key->kind == AGG_KEY_CONSTANT) {
        if (first) memset(slots, 0, n * sizeof(*slots));
        return;
    }
    if (key->kind == AGG_KEY_CODE && !vec->valid) {
        add_codes(vec->codes, sel, n, step, first, slots);
        return;
    }
    for (uint32_t k = 0; k < n; k++) {
        const uint32_t row = sel ? sel[k] : k;
        uint32_t slot;
        if (vec->valid && !ps_bit_get(vec->valid, row)) slot = key->n_slots;
        else if (key->kind == AGG_KEY_CODE) slot = vec->codes[row];
        else slot = (uint32_t)(ps_aggregate_int_at(vec, row) - key->base);
        slots[k] = (uint16_t)((first ? 0 : slots[k]) + slot * step);
    }
}

static void slots_fill(agg_direct *d, const ps_vec *keys, const uint32_t *sel, uint32_t n)
{
    uint32_t step = 1;

    for (uint32_t c = 0; c < d->n_keys; c++) {
        add_key(&d->keys[c], &keys[c], sel, n, step, c == 0, d->slots);
        step *= d->keys[c].n_slots + (d->keys[c].nulls ? 1u : 0u);
    }
}

/* Whether every row's slot has its group. */
static bool all_known(const agg_direct *d, uint32_t n)
{
    uint64_t seen = 0, known = 0;
    bool missing = false;

    if (d->n_slots > 64) {
        for (uint32_t k = 0; k < n; k++) missing |= d->rows[d->slots[k]] == NULL;
        return !missing;
    }
    for (uint32_t k = 0; k < n; k++) seen |= (uint64_t)1 << d->slots[k];
    for (uint32_t s = 0; s < d->n_slots; s++) known |= (uint64_t)(d->rows[s] != NULL) << s;
    return (seen & ~known) == 0;
}

/* Looks up the groups of slots that are seen for the first time. */
static ps_status learn(ps_ctx *cx, ps_op *op, agg_local *l, const ps_batch *batch)
{
    const agg_config *config = op->config;
    agg_work *w = l->work;
    agg_direct *d = &w->direct;
    uint32_t n = 0;

    for (uint32_t k = 0; k < batch->n_live; k++) {
        uint8_t **row = &d->rows[d->slots[k]];
        if (*row) continue;
        *row = (uint8_t *)w; /* claimed: only the first row of a slot is looked up */
        w->subset_sel[n++] = ps_batch_row(batch, k);
    }
    if (n == 0) return PS_OK;
    PS_TRY(ps_aggregate_hash(cx, op, l->results, config->n_keys, w->subset_sel, n, w->hashes));
    PS_TRY(ps_group_table_find(cx, &l->tables->groups, l->results, w->subset_sel, n, w->hashes,
                               w->subset_rows));
    n = 0;
    for (uint32_t k = 0; k < batch->n_live; k++) {
        const uint32_t slot = d->slots[k];
        if (d->rows[slot] != (uint8_t *)w) continue;
        d->rows[slot] = w->subset_rows[n++];
        if (d->n_few < PS_AGG_FEW_MAX) {
            d->few_rows[d->n_few] = d->rows[slot];
            d->numbers[slot] = (uint8_t)d->n_few;
        }
        d->n_few++;
    }
    return PS_OK;
}

/* Numbers of groups and how many rows each has; several counters take turns (see agg_int.tmpl.h).
 */
static void number(agg_work *w, uint32_t n)
{
    agg_direct *d = &w->direct;
    const uint8_t *numbers = d->numbers;
    const uint16_t *slots = d->slots;
    uint32_t k = 0;

    for (uint32_t c = 0; c < 4; c++) memset(d->counts[c], 0, d->n_few * sizeof(uint32_t));
    for (; k + 4 <= n; k += 4)
        for (uint32_t c = 0; c < 4; c++) {
            const uint8_t g = numbers[slots[k + c]];
            w->groups[k + c] = g;
            d->counts[c][g]++;
        }
    for (; k < n; k++) d->counts[0][w->groups[k] = numbers[slots[k]]]++;
    for (uint32_t g = 0; g < d->n_few; g++)
        w->group_n[g] = d->counts[0][g] + d->counts[1][g] + d->counts[2][g] + d->counts[3][g];
}

/* Groups by physical row, where few groups and hardly a row left out make that pay. */
static void number_dense(agg_work *w, const ps_batch *batch, agg_rows *out)
{
    const uint32_t *sel = batch->sel;
    const uint32_t n = batch->n_live, n_dense = sel && n ? sel[n - 1] + 1 : n;

    if (out->n_groups > PS_AGG_DENSE_MAX || n_dense - n > n / 4) return;
    out->n_dense = n_dense;
    out->dense = w->groups;
    if (!sel) return;
    out->dense = w->dense;
    memset(w->dense, PS_AGG_NO_GROUP, n_dense);
    for (uint32_t k = 0; k < n; k++) w->dense[sel[k]] = w->groups[k];
}

ps_status ps_aggregate_direct(ps_ctx *cx, ps_op *op, agg_local *l, const ps_batch *batch,
                              agg_rows *out, bool *done)
{
    const agg_config *config = op->config;
    agg_work *w = l->work;
    agg_direct *d = &w->direct;
    const uint32_t n = batch->n_live;

    *done = prepare(d, l->results, config->n_keys);
    if (!*done) return PS_OK;
    slots_fill(d, l->results, batch->sel, n);
    if (!all_known(d, n)) {
        const ps_status st = learn(cx, op, l, batch);
        if (st != PS_OK) {
            ps_aggregate_direct_forget(d);
            return st;
        }
    }
    *out = (agg_rows){.batch = batch, .sel = batch->sel, .n = n};
    if (d->n_few <= PS_AGG_FEW_MAX) {
        number(w, n);
        out->shape = PS_AGG_FEW;
        out->n_groups = d->n_few;
        out->groups = w->groups;
        out->group_n = w->group_n;
        out->rows = d->few_rows;
        number_dense(w, batch, out);
    } else {
        for (uint32_t k = 0; k < n; k++) w->rows[k] = d->rows[d->slots[k]];
        out->shape = PS_AGG_ROWS;
        out->rows = w->rows;
    }
    return PS_OK;
}
