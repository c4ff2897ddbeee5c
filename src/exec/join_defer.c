/* exec/join_defer.c -- probe rows of spilled partitions: written out until their partition's turn.
 *
 * A lane collects a page of rows for each partition: hash, key values, the columns that are needed,
 * and the row's position. Tests: tests/slt/op/join_spill.test */
#include "exec/join.h"

struct ps_join_defer {
    ps_rows parts[PS_JOIN_PARTS];
    ps_vec *vecs;
    uint32_t *rows; /* of one batch, by partition */
    uint64_t *hashes;
    uint8_t **addresses;
    uint64_t *gone; /* bits by physical row */
    uint32_t *sel;
};

ps_status ps_join_defer_open(ps_ctx *cx, ps_op *op, ps_arena *arena, ps_join_defer **out)
{
    const ps_join_config *config = op->config;
    ps_join_defer *d = PS_ARENA_NEW(cx, arena, ps_join_defer);

    *out = d;
    if (!d) return PS_MEMORY;
    for (int p = 0; p < PS_JOIN_PARTS; p++) {
        ps_rows_init(&d->parts[p], config->probe_layout);
        d->parts[p].page_bytes_max = ps_join_page_bytes(op);
    }
    d->vecs = PS_ARENA_ARRAY(cx, arena, ps_vec, config->probe_layout->n_cols + 1);
    d->rows = PS_ARENA_ARRAY(cx, arena, uint32_t, PS_BATCH_ROWS_MAX);
    d->hashes = PS_ARENA_ARRAY(cx, arena, uint64_t, PS_BATCH_ROWS_MAX);
    d->addresses = PS_ARENA_ARRAY(cx, arena, uint8_t *, PS_BATCH_ROWS_MAX);
    d->gone = PS_ARENA_ARRAY(cx, arena, uint64_t, PS_BITS_WORDS(PS_BATCH_ROWS_MAX));
    d->sel = PS_ARENA_ARRAY(cx, arena, uint32_t, PS_BATCH_ROWS_MAX);
    return d->vecs && d->rows && d->hashes && d->addresses && d->gone && d->sel ? PS_OK : PS_MEMORY;
}

void ps_join_defer_close(ps_join_defer *d)
{
    for (int p = 0; d && p < PS_JOIN_PARTS; p++) ps_rows_release(&d->parts[p]);
}

static ps_status write_parts(ps_ctx *cx, ps_op *op, ps_join_defer *d, bool all)
{
    ps_spill *spill;

    PS_TRY(ps_join_spill_file(cx, op, &spill));
    for (int p = 0; p < PS_JOIN_PARTS; p++)
        if (d->parts[p].bytes > 0 && (all || ps_join_page_is_full(op, &d->parts[p])))
            PS_TRY(ps_rows_spill(cx, &d->parts[p], spill));
    return PS_OK;
}

static ps_status append(ps_ctx *cx, const ps_join_config *config, ps_join_defer *d, int p,
                        const ps_batch *in, uint32_t at, uint32_t n)
{
    const uint32_t state_at = config->probe_layout->state_at;
    ps_rows *rows = &d->parts[p];
    const uint64_t before = rows->n_rows;
    const ps_status st =
        ps_rows_append(cx, rows, d->vecs, d->hashes + at, d->rows + at, n, d->addresses);

    if (st != PS_OK) {
        ps_rows_unalloc(rows, (uint32_t)(rows->n_rows - before));
        return st;
    }
    for (uint32_t k = 0; k < n; k++) {
        const uint64_t position[2] = {in->morsel, in->first_row + d->rows[at + k]};

        memcpy(d->addresses[k] + state_at, position, sizeof(position));
    }
    return PS_OK;
}

/* Sorts the rows that wait by partition into d; counts gives each one's number. */
static uint32_t split(ps_join_defer *d, uint32_t spilled, uint32_t *rows, uint64_t *hashes,
                      uint32_t *n, uint32_t *counts)
{
    uint32_t at[PS_JOIN_PARTS];
    uint32_t sum = 0, kept = 0;

    memset(counts, 0, PS_JOIN_PARTS * sizeof(*counts));
    for (uint32_t k = 0; k < *n; k++) counts[hashes[k] >> 60] += spilled >> (hashes[k] >> 60) & 1;
    for (int p = 0; p < PS_JOIN_PARTS; p++) {
        at[p] = sum;
        sum += counts[p];
    }
    for (uint32_t k = 0; k < *n; k++) {
        const uint32_t row = rows[k];
        const uint64_t hash = hashes[k];

        if (!(spilled >> (hash >> 60) & 1)) {
            rows[kept] = row;
            hashes[kept++] = hash;
            continue;
        }
        const uint32_t to = at[hash >> 60]++;
        d->rows[to] = row;
        d->hashes[to] = hash;
        ps_bit_set(d->gone, row);
    }
    *n = kept;
    return sum;
}

ps_status ps_join_defer_rows(ps_ctx *cx, ps_op *op, ps_join_defer *d, const ps_batch *in,
                             const ps_vec *keys, uint32_t *rows, uint64_t *hashes, uint32_t *n,
                             ps_batch *left)
{
    const ps_join_config *config = op->config;
    uint32_t counts[PS_JOIN_PARTS];
    uint32_t at = 0;

    *left = *in;
    memset(d->gone, 0, PS_BITS_BYTES(in->n));
    if (split(d, ps_join_spilled(op->shared), rows, hashes, n, counts) == 0) return PS_OK;
    left->sel = d->sel;
    left->n_live = 0;
    for (uint32_t k = 0; k < in->n_live; k++) {
        d->sel[left->n_live] = ps_batch_row(in, k);
        left->n_live += !ps_bit_get(d->gone, ps_batch_row(in, k));
    }
    for (uint32_t c = 0; c < config->n_keys; c++) d->vecs[c] = keys[c];
    for (uint32_t c = 0; c < config->n_stored; c++)
        if (config->stored[c].stored >= config->n_keys)
            d->vecs[config->stored[c].stored] = in->cols[config->stored[c].column];
    for (int p = 0; p < PS_JOIN_PARTS; p++) {
        if (counts[p] == 0) continue;
        ps_status st = append(cx, config, d, p, in, at, counts[p]);
        if (st == PS_MEMORY) { /* refused: what is here goes out, then once more */
            ps_ctx_clear(cx);
            PS_TRY(write_parts(cx, op, d, true));
            st = append(cx, config, d, p, in, at, counts[p]);
        }
        PS_TRY(st);
        at += counts[p];
    }
    return write_parts(cx, op, d, false);
}

ps_status ps_join_defer_combine(ps_ctx *cx, ps_op *op, ps_join_defer *d)
{
    ps_join_shared *shared = op->shared;
    ps_status st = PS_OK;

    PS_TRY(write_parts(cx, op, d, true));
    ps_mutex_lock(&shared->mutex);
    for (int p = 0; st == PS_OK && p < PS_JOIN_PARTS; p++)
        st = ps_rows_take(cx, &shared->deferred[p], &d->parts[p]);
    ps_mutex_unlock(&shared->mutex);
    return st;
}
