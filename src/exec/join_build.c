/* exec/join_build.c -- the build side's sink: rows into pages, by partition and morsel. See join.h.
 *
 * Rows whose key is null can match nothing (unless null equals null): they are kept in a partition
 * of their own, only where the rest source gives unmatched rows. What does not fit into memory is
 * written out by join_spill.c. */
#include "exec/join.h"

struct ps_join_build_local {
    ps_arena arena;
    ps_eval *keys;
    ps_join_lane *lane; /* moves to the shared list at the end */
    ps_vec *vecs;       /* keys, then payload */
    uint64_t *hashes, *part_hashes;
    uint32_t *rows, *part_rows;
    ps_join_once *once;             /* NULL: every row is kept */
    uint8_t **kept;                 /* NULL as well: addresses of rows as they are kept */
    bool opened[PS_JOIN_ALL_PARTS]; /* the partition has a run of this morsel */
    uint64_t morsel;
    bool begun;
};
const size_t ps_join_build_size = sizeof(ps_join_build_local);

static ps_join_build_local *local_of(void *local) { return local; }

ps_join_lane *ps_join_build_lane(const void *local)
{
    return ((const ps_join_build_local *)local)->lane;
}

ps_status ps_join_build_open(ps_ctx *cx, ps_op *op, void *local)
{
    const ps_join_config *config = op->config;
    ps_join_build_local *l = local_of(local);

    l->vecs = PS_ARENA_ARRAY(cx, &l->arena, ps_vec, config->n_keys + config->n_payload + 1);
    l->hashes = PS_ARENA_ARRAY(cx, &l->arena, uint64_t, PS_BATCH_ROWS_MAX);
    l->part_hashes = PS_ARENA_ARRAY(cx, &l->arena, uint64_t, PS_BATCH_ROWS_MAX);
    l->rows = PS_ARENA_ARRAY(cx, &l->arena, uint32_t, PS_BATCH_ROWS_MAX);
    l->part_rows = PS_ARENA_ARRAY(cx, &l->arena, uint32_t, PS_BATCH_ROWS_MAX);
    if (!l->vecs || !l->hashes || !l->part_hashes || !l->rows || !l->part_rows) return PS_MEMORY;
    if (config->n_keys) PS_TRY(ps_eval_new(cx, &l->arena, config->build_keys, &l->keys));
    if (config->once) {
        l->kept = PS_ARENA_ARRAY(cx, &l->arena, uint8_t *, PS_BATCH_ROWS_MAX);
        if (!l->kept) return PS_MEMORY;
        PS_TRY(ps_join_once_new(cx, &l->arena, &l->once));
    }
    l->lane = ps_alloc_zero(cx, sizeof(*l->lane));
    if (!l->lane) return PS_MEMORY;
    for (int p = 0; p < PS_JOIN_ALL_PARTS; p++) {
        ps_rows_init(&l->lane->parts[p].rows, config->layout);
        l->lane->parts[p].rows.page_bytes_max = ps_join_page_bytes(op);
    }
    return PS_OK;
}

/* Splits the live rows into those whose key can match (written to rows) and the others (to nulls).
 */
static uint32_t split_nulls(const ps_join_config *config, const ps_vec *keys, const ps_batch *batch,
                            uint32_t *rows, uint32_t *nulls, uint32_t *n_nulls)
{
    uint32_t n = 0;

    *n_nulls = 0;
    for (uint32_t k = 0; k < batch->n_live; k++) {
        const uint32_t row = ps_batch_row(batch, k);
        bool null = false;

        for (uint32_t c = 0; c < config->n_keys; c++)
            null |= !config->null_equal[c] && !ps_vec_row_valid(&keys[c], row);
        if (null) nulls[(*n_nulls)++] = row;
        else rows[n++] = row;
    }
    return n;
}

static bool keys_may_be_null(const ps_join_config *config, const ps_vec *keys)
{
    for (uint32_t c = 0; c < config->n_keys; c++) {
        const bool in_dict = keys[c].encoding == PS_ENC_DICTIONARY && keys[c].dict->values.valid;

        if (!config->null_equal[c] &&
            (keys[c].valid || in_dict || keys[c].layout == PS_LAYOUT_NONE))
            return true;
    }
    return false;
}

/* Where the next row of a collection comes. */
static ps_row_cursor end_of(const ps_rows *rows)
{
    const size_t n = rows->pages.n;

    return n ? (ps_row_cursor){n - 1, rows->pages.at[n - 1].n_rows} : (ps_row_cursor){0};
}

/* Unchanged on failure. */
static ps_status append_rows(ps_ctx *cx, ps_join_build_local *l, ps_rows *to, const uint32_t *rows,
                             const uint64_t *hashes, uint32_t n)
{
    const uint64_t before = to->n_rows;
    const ps_status st = ps_rows_append(cx, to, l->vecs, hashes, rows, n, l->kept);

    if (st != PS_OK) ps_rows_unalloc(to, (uint32_t)(to->n_rows - before));
    return st;
}

static ps_status append(ps_ctx *cx, ps_op *op, ps_join_build_local *l, int p, const uint32_t *rows,
                        const uint64_t *hashes, uint32_t n)
{
    ps_join_lane_part *part = &l->lane->parts[p];

    if (!l->opened[p]) {
        const ps_join_run run = {.morsel = l->morsel, .at = end_of(&part->rows)};

        PS_TRY(PS_ARRAY_ADD(cx, &part->runs, run));
        l->opened[p] = true;
    }
    ps_status st = append_rows(cx, l, &part->rows, rows, hashes, n);
    if (st == PS_MEMORY && ps_join_lane_bytes(l->lane) > 0) {
        ps_ctx_clear(cx); /* refused: half of what is here goes out, then once more */
        PS_TRY(ps_join_lane_shrink(cx, op, l->lane, UINT64_MAX));
        st = append_rows(cx, l, &part->rows, rows, hashes, n);
    }
    if (st == PS_OK) part->runs.at[part->runs.n - 1].n += n;
    if (st == PS_OK && l->once) ps_join_once_kept(l->once, hashes, l->kept, n);
    return st;
}

/* Rows and hashes in the order of their partitions; counts gives each one's number. */
static void partition(const ps_join_build_local *l, const uint32_t *rows, uint32_t n,
                      uint32_t *counts)
{
    uint32_t at[PS_JOIN_PARTS];
    uint32_t sum = 0;

    memset(counts, 0, PS_JOIN_PARTS * sizeof(*counts));
    for (uint32_t k = 0; k < n; k++) counts[l->hashes[k] >> 60]++;
    for (int p = 0; p < PS_JOIN_PARTS; p++) {
        at[p] = sum;
        sum += counts[p];
    }
    for (uint32_t k = 0; k < n; k++) {
        const uint32_t to = at[l->hashes[k] >> 60]++;

        l->part_rows[to] = rows[k];
        l->part_hashes[to] = l->hashes[k];
    }
}

/* Keeps l->rows with l->hashes. */
static ps_status append_parts(ps_ctx *cx, ps_op *op, ps_join_build_local *l, uint32_t n)
{
    uint32_t counts[PS_JOIN_PARTS];
    uint32_t at = 0;

    partition(l, l->rows, n, counts);
    for (int p = 0; p < PS_JOIN_PARTS; p++) {
        if (counts[p] == 0) continue;
        PS_TRY(append(cx, op, l, p, l->part_rows + at, l->part_hashes + at, counts[p]));
        at += counts[p];
    }
    return PS_OK;
}

/* Keeps n of l->rows. */
static ps_status build_rows(ps_ctx *cx, ps_op *op, ps_join_build_local *l, uint32_t n)
{
    const ps_join_config *config = op->config;

    if (n == 0) return PS_OK;
    if (config->n_keys == 0 || op->settings->one_hash) {
        memset(l->hashes, 0, n * sizeof(*l->hashes));
    } else {
        PS_TRY(ps_hash_rows(cx, l->vecs, config->n_keys, l->rows, n, op->settings->hash_seed,
                            l->hashes));
    }
    const uint32_t n_same =
        l->once ? ps_join_once_split(l->once, l->lane, l->rows, l->hashes, &n) : 0;
    PS_TRY(append_parts(cx, op, l, n));
    if (n_same == 0) return PS_OK;
    PS_TRY(ps_join_once_rest(cx, l->once, l->lane, l->vecs, n_same, l->rows, l->hashes, &n));
    return append_parts(cx, op, l, n);
}

static ps_status relocate(ps_ctx *cx, ps_join_lane *lane)
{
    lane->moved++;
    for (int p = 0; p < PS_JOIN_ALL_PARTS; p++) PS_TRY(ps_rows_relocate(cx, &lane->parts[p].rows));
    return PS_OK;
}

ps_status ps_join_build(ps_ctx *cx, ps_op *op, void *local, const ps_batch *batch, ps_flow *flow)
{
    const ps_join_config *config = op->config;
    ps_join_shared *shared = op->shared;
    ps_join_build_local *l = local_of(local);
    uint32_t n = batch->n_live, n_nulls = 0;

    (void)flow;
    if (ps_join_is_limited(op)) PS_TRY(ps_join_lane_check(cx, op, l->lane));
    if (!l->begun || l->morsel != batch->morsel) memset(l->opened, 0, sizeof(l->opened));
    l->begun = true;
    l->morsel = batch->morsel;
    if (config->n_keys) PS_TRY(ps_eval_run(cx, l->keys, batch, l->vecs));
    for (uint32_t i = 0; i < config->n_payload; i++)
        l->vecs[config->n_keys + i] = batch->cols[config->payload[i]];
    if (keys_may_be_null(config, l->vecs)) {
        uint32_t *nulls = l->part_rows;

        n = split_nulls(config, l->vecs, batch, l->rows, nulls, &n_nulls);
        if (n_nulls) {
            /* relaxed: read after the build has drained */
            atomic_store_explicit(&shared->has_null, true, memory_order_relaxed);
            if (config->rest == PS_REST_UNMATCHED) {
                memset(l->hashes, 0, n_nulls * sizeof(*l->hashes));
                PS_TRY(append(cx, op, l, PS_JOIN_NULL_PART, nulls, l->hashes, n_nulls));
            }
        }
    } else {
        for (uint32_t k = 0; k < n; k++) l->rows[k] = ps_batch_row(batch, k);
    }
    PS_TRY(build_rows(cx, op, l, n));
    return op->settings->relocate_pages ? relocate(cx, l->lane) : PS_OK;
}

ps_status ps_join_build_combine(ps_ctx *cx, ps_op *op, void *local)
{
    ps_join_shared *shared = op->shared;
    ps_join_build_local *l = local_of(local);

    if (ps_join_spilled(shared)) PS_TRY(ps_join_lane_spill(cx, op, l->lane));
    for (int p = 0; p < PS_JOIN_PARTS; p++)
        PS_TRY(ps_join_lane_measure(cx, op->config, l->lane, &l->lane->parts[p].rows));
    ps_mutex_lock(&shared->mutex);
    const ps_status st = PS_ARRAY_ADD(cx, &shared->lanes, l->lane);
    if (st == PS_OK) l->lane = NULL;
    ps_mutex_unlock(&shared->mutex);
    return st;
}

static void lane_free(ps_join_lane *lane)
{
    if (!lane) return;
    for (int p = 0; p < PS_JOIN_ALL_PARTS; p++) {
        ps_rows_release(&lane->parts[p].rows);
        ps_free(lane->parts[p].runs.at);
    }
    ps_free(lane->ranges);
    ps_free(lane);
}

void ps_join_build_close(ps_op *op, void *local)
{
    ps_join_build_local *l = local_of(local);

    (void)op;
    lane_free(l->lane);
    ps_eval_release(l->keys);
    ps_arena_release(&l->arena);
}

void ps_join_table_close(ps_op *op)
{
    ps_join_shared *shared = op->shared;

    for (size_t i = 0; i < shared->lanes.n; i++) lane_free(shared->lanes.at[i]);
    ps_free(shared->lanes.at);
    for (int p = 0; p < PS_JOIN_ALL_PARTS; p++) {
        ps_free(shared->parts[p].entries);
        ps_free(shared->parts[p].slots);
    }
    for (int p = 0; p < PS_JOIN_PARTS; p++) ps_rows_release(&shared->deferred[p]);
    ps_spill_free(shared->spill);
    ps_join_keys_drop_bits(shared, op->config);
    ps_join_table_drop_dense(shared);
    if (shared->ready) ps_mutex_destroy(&shared->mutex);
}
