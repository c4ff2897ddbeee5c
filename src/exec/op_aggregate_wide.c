/* exec/op_aggregate_wide.c -- grouping by one integer or code whose values lie close together.
 *
 * A lane has an array of group rows for a window of the key's values: a batch whose keys lie in it
 * finds its groups by a subtraction and a load, where the group table would hash, probe and
 * compare. What is not there yet is looked up in the table once, so what groups are, and their
 * order, is the table's business alone, as with small domains (op_aggregate_few.c). Windows grow to
 * what batches ask for, up to WIDE_SLOTS_MAX; then the next one begins, which fits input that lies
 * in the order of the key. Clearing slots must be worth it: a window costs as many rows as it has
 * slots / CLEARED_A_ROW, and until so many have come, batches go to the table. So do all where
 * rows of a key lie side by side, which the table finds without probing, or windows move on before
 * half of the rows found their group in them.
 * Tests: tests/unit/test_aggregate.c, tests/slt/op/aggregate_wide.test */
#include "exec/op_aggregate.h"

enum { WIDE_SLOTS_MAX = 1 << 20, WIDE_SLOTS_MIN = 1 << 12, CLEARED_A_ROW = 4, FREE_MOVES = 4 };

void ps_aggregate_wide_forget(agg_wide *wide)
{
    ps_free(wide->rows);
    wide->rows = NULL;
    wide->n_slots = 0;
}

/* ---- what a batch asks for ---- */

typedef struct span {
    int64_t lo, hi;
} span;

#define MEASURE(T)                                                                                 \
    do {                                                                                           \
        const T *at = vec->data;                                                                   \
        T lo = at[sel ? sel[0] : 0], hi = lo;                                                      \
        for (uint32_t k = 0; k < n; k++) {                                                         \
            const T v = at[sel ? sel[k] : k];                                                      \
            lo = PS_MIN(lo, v);                                                                    \
            hi = PS_MAX(hi, v);                                                                    \
        }                                                                                          \
        return (span){(int64_t)lo, (int64_t)hi};                                                   \
    } while (0)

/* Nulls may hold anything; lo above hi: there is no other row. */
static span measure_valid(const ps_vec *vec, const uint32_t *sel, uint32_t n)
{
    span out = {INT64_MAX, INT64_MIN};

    for (uint32_t k = 0; k < n; k++) {
        const uint32_t row = sel ? sel[k] : k;
        if (!ps_bit_get(vec->valid, row)) continue;
        const int64_t v = ps_aggregate_int_at(vec, row);
        out = (span){PS_MIN(out.lo, v), PS_MAX(out.hi, v)};
    }
    return out;
}

/* Of n > 0 rows. */
static span measure(const ps_vec *vec, const uint32_t *sel, uint32_t n)
{
    if (vec->valid) return measure_valid(vec, sel, n);
    switch ((ps_layout)vec->layout) {
    case PS_LAYOUT_U8: MEASURE(uint8_t);
    case PS_LAYOUT_U16: MEASURE(uint16_t);
    case PS_LAYOUT_U32: MEASURE(uint32_t);
    case PS_LAYOUT_I8: MEASURE(int8_t);
    case PS_LAYOUT_I16: MEASURE(int16_t);
    case PS_LAYOUT_I32: MEASURE(int32_t);
    default: MEASURE(int64_t);
    }
}

static uint64_t width_of(const span *s) { return (uint64_t)s->hi - (uint64_t)s->lo; }

/* The batch's least and greatest key; false: not such a key. */
static bool batch_span(const ps_vec *vec, const ps_batch *batch, span *out)
{
    if (vec->encoding == PS_ENC_DICTIONARY) {
        *out = (span){0, (int64_t)vec->dict->values.n - 1};
        return vec->dict->distinct && vec->dict->values.n && !vec->dict->values.valid;
    }
    if (vec->encoding != PS_ENC_FLAT || !ps_layout_is_int((ps_layout)vec->layout) ||
        vec->layout == PS_LAYOUT_I128 || vec->layout == PS_LAYOUT_U64)
        return false;
    *out = (span){vec->lo, vec->hi};
    if (vec->lo > vec->hi || width_of(out) >= WIDE_SLOTS_MAX)
        *out = measure(vec, batch->sel, batch->n_live);
    return out->lo <= out->hi && width_of(out) < WIDE_SLOTS_MAX;
}

/* ---- windows ---- */

static bool covers(const agg_wide *w, const span *s)
{
    return w->n_slots && s->lo >= w->base &&
           (uint64_t)s->hi - (uint64_t)w->base < (uint64_t)w->n_slots;
}

/* The window that replaces this one for a batch: both where that fits, and room to grow. */
static span next_window(const agg_wide *w, const span *s)
{
    span next = *s;

    if (w->n_slots) {
        const span all = {PS_MIN(w->base, s->lo), PS_MAX(w->base + (w->n_slots - 1), s->hi)};
        if (width_of(&all) < WIDE_SLOTS_MAX) next = all;
    }
    const uint64_t grown = PS_MAX(2 * width_of(&next), (uint64_t)WIDE_SLOTS_MIN - 1);
    const uint64_t more = PS_MIN(grown, (uint64_t)WIDE_SLOTS_MAX - 1) - width_of(&next);
    if (w->n_slots && s->lo < w->base && next.lo > INT64_MIN + (int64_t)more)
        next.lo -= (int64_t)more;
    else if (next.hi < INT64_MAX - (int64_t)more) next.hi += (int64_t)more;
    return next;
}

/* Whether half of the rows have the key of the row before. */
static bool lies_in_order(const ps_vec *vec, const ps_batch *batch)
{
    uint32_t n_same = 0;

    for (uint32_t k = 1; k < batch->n_live; k++) {
        const uint32_t a = ps_batch_row(batch, k - 1), b = ps_batch_row(batch, k);
        if (vec->encoding == PS_ENC_DICTIONARY) n_same += vec->codes[a] == vec->codes[b];
        else n_same += ps_aggregate_int_at(vec, a) == ps_aggregate_int_at(vec, b);
    }
    return n_same > batch->n_live / 2;
}

/* Whether the windows so far found what they were made for, and the next one may. */
static bool pays(agg_wide *w, const ps_vec *vec, const ps_batch *batch)
{
    w->given_up =
        (w->n_moves >= FREE_MOVES && w->found * 2 < w->looked) || lies_in_order(vec, batch);
    w->n_moves++;
    w->found = w->looked = 0;
    return !w->given_up;
}

/* *done false: it is not worth it yet, or memory is short. */
static ps_status window_move(ps_ctx *cx, ps_op *op, agg_wide *w, const span *s, const ps_vec *vec,
                             const ps_batch *batch, bool *done)
{
    const span next = next_window(w, s);
    const uint64_t n = width_of(&next) + 1, bytes = (n + 1) * sizeof(*w->rows);

    *done = w->cleared + n <= (w->seen + WIDE_SLOTS_MIN) * CLEARED_A_ROW &&
            (op->settings->memory_limit == 0 || ps_mem_left(op->mem) / 32 > bytes);
    *done = *done && pays(w, vec, batch);
    if (w->given_up) ps_aggregate_wide_forget(w);
    if (!*done) return PS_OK;
    uint8_t **rows = ps_alloc_zero(cx, bytes);
    *done = rows != NULL;
    if (!rows) ps_ctx_clear(cx); /* works without */
    if (!rows) return PS_OK;
    if (w->n_slots) rows[n] = w->rows[w->n_slots]; /* of null */
    if (w->n_slots && next.lo <= w->base && next.hi >= w->base + (w->n_slots - 1))
        memcpy(rows + ((uint64_t)w->base - (uint64_t)next.lo), w->rows,
               (size_t)w->n_slots * sizeof(*rows));
    ps_free(w->rows);
    w->rows = rows;
    w->base = next.lo;
    w->n_slots = (int64_t)n;
    w->cleared += n;
    return PS_OK;
}

/* Makes the window fit the batch; *done false: its keys go to the table. */
static ps_status prepare(ps_ctx *cx, ps_op *op, agg_wide *w, const ps_vec *vec,
                         const ps_batch *batch, bool *done)
{
    const uint64_t dict_id = vec->encoding == PS_ENC_DICTIONARY ? vec->dict->id : 0;
    span s;

    *done = false;
    w->seen += batch->n_live;
    if (!batch_span(vec, batch, &s)) return PS_OK;
    if (w->n_slots && w->dict_id != dict_id) ps_aggregate_wide_forget(w);
    w->dict_id = dict_id;
    *done = covers(w, &s);
    return *done ? PS_OK : window_move(cx, op, w, &s, vec, batch, done);
}

/* ---- groups ---- */

#define LOOK(T)                                                                                    \
    do {                                                                                           \
        const T *at = data;                                                                        \
        for (uint32_t k = 0; k < n; k++) {                                                         \
            const uint32_t slot = (uint32_t)((uint64_t)at[sel ? sel[k] : k] - base);               \
            uint8_t *row = rows[slot];                                                             \
            PS_PREFETCH(row);                                                                      \
            slots[k] = slot;                                                                       \
            out[k] = row;                                                                          \
            missing[n_missing] = k;                                                                \
            n_missing += row == NULL;                                                              \
        }                                                                                          \
    } while (0)

/* With nulls, whose group is behind the last slot. */
static uint32_t look_valid(agg_work *work, const ps_vec *vec, const uint32_t *sel, uint32_t n)
{
    const agg_wide *w = &work->wide;
    uint32_t n_missing = 0;

    for (uint32_t k = 0; k < n; k++) {
        const uint32_t row = sel ? sel[k] : k;
        uint32_t slot = (uint32_t)w->n_slots;
        if (ps_bit_get(vec->valid, row))
            slot = vec->encoding == PS_ENC_DICTIONARY
                       ? vec->codes[row]
                       : (uint32_t)(ps_aggregate_int_at(vec, row) - w->base);
        work->slots[k] = slot;
        work->rows[k] = w->rows[slot];
        work->subset_sel[n_missing] = k;
        n_missing += work->rows[k] == NULL;
    }
    return n_missing;
}

/* The rows' slots, and their groups as far as they are known; those that are not are listed in
 * subset_sel, and their number given. */
static uint32_t look(agg_work *work, const ps_vec *vec, const uint32_t *sel, uint32_t n)
{
    const bool coded = vec->encoding == PS_ENC_DICTIONARY;
    const void *data = coded ? vec->codes : vec->data;
    uint8_t *const *rows = work->wide.rows;
    const uint64_t base = (uint64_t)work->wide.base;
    uint8_t **out = work->rows;
    uint32_t *slots = work->slots, *missing = work->subset_sel, n_missing = 0;

    if (vec->valid) return look_valid(work, vec, sel, n);
    switch (coded ? PS_LAYOUT_U32 : (ps_layout)vec->layout) {
    case PS_LAYOUT_U8: LOOK(uint8_t); break;
    case PS_LAYOUT_U16: LOOK(uint16_t); break;
    case PS_LAYOUT_U32: LOOK(uint32_t); break;
    case PS_LAYOUT_I8: LOOK(int8_t); break;
    case PS_LAYOUT_I16: LOOK(int16_t); break;
    case PS_LAYOUT_I32: LOOK(int32_t); break;
    default: LOOK(int64_t); break;
    }
    return n_missing;
}

/* Looks up the groups of the n_missing rows: one row of each slot. */
static ps_status learn(ps_ctx *cx, ps_op *op, agg_local *l, const ps_batch *batch,
                       uint32_t n_missing)
{
    agg_work *work = l->work;
    uint8_t **rows = work->wide.rows, *const claimed = (uint8_t *)work;
    const uint32_t *slots = work->slots, *missing = work->subset_sel;
    uint32_t *sel = work->sel, n = 0;

    for (uint32_t i = 0; i < n_missing; i++) {
        uint8_t **row = &rows[slots[missing[i]]];
        sel[n] = missing[i];
        n += *row != claimed;
        *row = claimed;
    }
    for (uint32_t i = 0; batch->sel && i < n; i++) sel[i] = batch->sel[sel[i]];
    PS_TRY(ps_aggregate_hash(cx, op, l->results, 1, sel, n, work->hashes));
    PS_TRY(ps_group_table_find(cx, &l->tables->groups, l->results, sel, n, work->hashes,
                               work->subset_rows));
    n = 0;
    for (uint32_t i = 0; i < n_missing; i++) {
        uint8_t **row = &rows[slots[missing[i]]];
        if (*row == claimed) *row = work->subset_rows[n++];
        work->rows[missing[i]] = *row;
    }
    return PS_OK;
}

ps_status ps_aggregate_wide(ps_ctx *cx, ps_op *op, agg_local *l, const ps_batch *batch,
                            agg_rows *out, bool *done)
{
    agg_work *work = l->work;

    *done = false;
    if (((const agg_config *)op->config)->n_keys != 1 || work->wide.given_up) return PS_OK;
    PS_TRY(prepare(cx, op, &work->wide, &l->results[0], batch, done));
    if (!*done) return PS_OK;
    const uint32_t n_missing = look(work, &l->results[0], batch->sel, batch->n_live);
    work->wide.looked += batch->n_live;
    work->wide.found += batch->n_live - n_missing;
    if (n_missing) {
        const ps_status st = learn(cx, op, l, batch, n_missing);
        if (st != PS_OK) { /* some slots are claimed */
            ps_aggregate_wide_forget(&work->wide);
            return st;
        }
    }
    *out = (agg_rows){.batch = batch,
                      .sel = batch->sel,
                      .n = batch->n_live,
                      .shape = PS_AGG_ROWS,
                      .rows = work->rows};
    return PS_OK;
}
