/* exec/join_probe.c -- the probe side: candidates, key comparison, residual, output. See join.h.
 *
 * Kinds that give pairs expand candidates in order, a batch of pairs at a time. Kinds that only ask
 * whether there is a pair go in rounds instead (the next candidates of every row that has none
 * yet), so that a key with many build rows costs one comparison. Rows without a pair, where the
 * kind wants them, come at their place among the others: so the order of the result does not depend
 * on where a batch ends. */
#include "exec/join_probe.h"

typedef struct probe_local {
    ps_join_prober prober;
    ps_eval *keys_eval;
    ps_vec_buf key_buf;        /* a dense key, made flat */
    ps_join_defer *defer;      /* NULL: all of the build side is in memory */
    ps_join_order_lane *order; /* of a spilled join whose order matters */
    ps_batch left;             /* what is not deferred of the current batch */
} probe_local;
const size_t ps_join_probe_size = sizeof(probe_local);

static ps_status open_bufs(ps_ctx *cx, ps_arena *arena, uint32_t n, ps_vec_buf **out)
{
    *out = PS_ARENA_ARRAY(cx, arena, ps_vec_buf, n + 1);
    if (!*out) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) PS_TRY(ps_vec_buf_init(cx, &(*out)[i], PS_BATCH_ROWS_MAX));
    return PS_OK;
}

static ps_status open_arrays(ps_ctx *cx, const ps_join_config *config, ps_join_prober *l)
{
    const size_t n = PS_BATCH_ROWS_MAX;
    ps_arena *a = &l->arena;

    l->keys = PS_ARENA_ARRAY(cx, a, ps_vec, config->n_keys + 1);
    l->hashes = PS_ARENA_ARRAY(cx, a, uint64_t, n);
    l->rows = PS_ARENA_ARRAY(cx, a, uint32_t, n);
    l->cand_rows = PS_ARENA_ARRAY(cx, a, uint32_t, n + 1);
    l->cands = PS_ARENA_ARRAY(cx, a, ps_join_bucket, n + 1);
    l->pair_rows = PS_ARENA_ARRAY(cx, a, uint32_t, n);
    l->pair_ptrs = PS_ARENA_ARRAY(cx, a, uint8_t *, n);
    l->pairs = PS_ARENA_ARRAY(cx, a, uint32_t, n);
    l->gather_rows = PS_ARENA_ARRAY(cx, a, uint32_t, n);
    l->gather_ptrs = PS_ARENA_ARRAY(cx, a, uint8_t *, n);
    l->list_rows = PS_ARENA_ARRAY(cx, a, uint32_t, 2 * n);
    l->list_ptrs = PS_ARENA_ARRAY(cx, a, uint8_t *, 2 * n);
    l->sel = PS_ARENA_ARRAY(cx, a, uint32_t, n);
    l->matched = PS_ARENA_ARRAY(cx, a, uint64_t, PS_BITS_WORDS(n));
    l->null_row = PS_ARENA_ARRAY(cx, a, uint8_t, config->layout->row_bytes);
    if (!l->keys || !l->hashes || !l->rows || !l->cand_rows || !l->cands || !l->pair_rows ||
        !l->pair_ptrs || !l->pairs || !l->gather_rows || !l->gather_ptrs || !l->sel ||
        !l->matched || !l->null_row || !l->list_rows || !l->list_ptrs) {
        return PS_MEMORY;
    }
    for (uint32_t c = 0; c < config->layout->n_cols; c++) {
        l->null_row[config->layout->cols[c].null_at] |= config->layout->cols[c].null_mask;
    }
    return PS_OK;
}

ps_status ps_join_prober_open(ps_ctx *cx, ps_op *op, ps_join_prober *l)
{
    const ps_join_config *config = op->config;

    PS_TRY(open_arrays(cx, config, l));
    if (config->residual) {
        PS_TRY(ps_eval_new(cx, &l->arena, config->residual, &l->residual_eval));
        PS_TRY(ps_batch_init(cx, &l->arena, config->n_pair_cols, &l->pair_batch));
        PS_TRY(open_bufs(cx, &l->arena, config->n_pair_cols, &l->pair_bufs));
    }
    PS_TRY(ps_vec_buf_init(cx, &l->mark_buf, PS_BATCH_ROWS_MAX));
    return open_bufs(cx, &l->arena, op->n_cols, &l->out_bufs);
}

void ps_join_prober_close(ps_op *op, ps_join_prober *l)
{
    const ps_join_config *config = op->config;

    ps_eval_release(l->residual_eval);
    for (uint32_t i = 0; l->pair_bufs && i < config->n_pair_cols; i++)
        ps_vec_buf_release(&l->pair_bufs[i]);
    for (uint32_t i = 0; l->out_bufs && i < op->n_cols; i++) ps_vec_buf_release(&l->out_bufs[i]);
    ps_vec_buf_release(&l->mark_buf);
    ps_arena_release(&l->arena);
}

ps_status ps_join_probe_open(ps_ctx *cx, ps_op *op, void *local)
{
    const ps_join_config *config = op->config;
    probe_local *l = local;
    ps_arena *arena = &l->prober.arena;

    PS_TRY(ps_join_prober_open(cx, op, &l->prober));
    if (config->n_keys) PS_TRY(ps_eval_new(cx, arena, config->probe_keys, &l->keys_eval));
    PS_TRY(ps_vec_buf_init(cx, &l->key_buf, PS_BATCH_ROWS_MAX));
    if (!ps_join_spilled(op->shared)) return PS_OK;
    PS_TRY(ps_join_defer_open(cx, op, arena, &l->defer));
    return config->order ? ps_join_order_open(cx, op, arena, &l->order) : PS_OK;
}

ps_status ps_join_probe_combine(ps_ctx *cx, ps_op *op, void *local)
{
    probe_local *l = local;

    if (l->defer) PS_TRY(ps_join_defer_combine(cx, op, l->defer));
    return l->order ? ps_join_order_combine(cx, op, l->order) : PS_OK;
}

void ps_join_probe_close(ps_op *op, void *local)
{
    probe_local *l = local;

    ps_eval_release(l->keys_eval);
    ps_vec_buf_release(&l->key_buf);
    ps_join_defer_close(l->defer);
    ps_join_order_close(l->order);
    ps_join_prober_close(op, &l->prober);
}

/* Live rows none of whose keys is a null that matches nothing. */
static uint32_t probe_rows(const ps_join_config *config, const ps_vec *keys, const ps_batch *in,
                           uint32_t *rows)
{
    ps_reader_view views[8];
    uint32_t n_views = 0, n = 0;

    for (uint32_t c = 0; c < config->n_keys && n_views < PS_COUNT(views); c++) {
        const ps_reader_view view = ps_vec_read(&keys[c]);

        if (!config->null_equal[c] && (view.valid || view.dict_valid)) views[n_views++] = view;
    }
    for (uint32_t k = 0; k < in->n_live; k++) {
        const uint32_t row = ps_batch_row(in, k);
        bool valid = true;

        for (uint32_t v = 0; v < n_views; v++) valid &= ps_reader_valid(&views[v], row);
        rows[n] = row;
        n += valid;
    }
    return n;
}

/* Keys, hashes and candidates of an input batch; rows of spilled partitions leave it. */
static ps_status find_candidates(ps_ctx *cx, ps_op *op, probe_local *local, const ps_batch *in)
{
    const ps_join_config *config = op->config;
    const ps_join_shared *shared = op->shared;
    ps_join_prober *l = &local->prober;

    if (config->n_keys) PS_TRY(ps_eval_run(cx, local->keys_eval, in, l->keys));
    uint32_t n = probe_rows(config, l->keys, in, l->rows);
    if (shared->dense) {
        ps_vec flat;

        PS_TRY(ps_vec_flatten(cx, &l->keys[0], l->rows, n, &local->key_buf, &flat));
        l->n_cands = ps_join_find_dense(shared, &flat, l->rows, n, l->cand_rows, l->cands);
        return PS_OK;
    }
    if (config->n_keys == 0 || op->settings->one_hash) memset(l->hashes, 0, n * sizeof(*l->hashes));
    else
        PS_TRY(ps_hash_rows(cx, l->keys, config->n_keys, l->rows, n, op->settings->hash_seed,
                            l->hashes));
    if (local->defer)
        PS_TRY(ps_join_defer_rows(cx, op, local->defer, in, l->keys, l->rows, l->hashes, &n,
                                  &local->left));
    l->n_cands = ps_join_find(shared, l->hashes, l->rows, n, l->cand_rows, l->cands);
    return PS_OK;
}

void ps_join_prober_begin(const ps_op *op, ps_join_prober *l, uint32_t n)
{
    const ps_join_config *config = op->config;

    l->at = l->at_entry = l->live_at = l->n_list = l->list_at = 0;
    if (config->probe != PS_PROBE_INNER) memset(l->matched, 0, PS_BITS_BYTES(n));
    l->begun = true;
}

/* A new input batch. Without build rows no pair asks for a key, so none can fail. */
static ps_status begin(ps_ctx *cx, ps_op *op, probe_local *local, const ps_batch *in)
{
    local->prober.n_cands = 0;
    local->left = *in;
    if (((const ps_join_shared *)op->shared)->n_rows) PS_TRY(find_candidates(cx, op, local, in));
    ps_join_prober_begin(op, &local->prober, in->n);
    return PS_OK;
}

static uint8_t *bucket_row(const ps_join_bucket *bucket, uint32_t i)
{
    return bucket->at ? bucket->at[i] : bucket->only;
}

/* The next pairs in order, up to a batch. */
static uint32_t expand(ps_ctx *cx, ps_join_prober *l)
{
    uint32_t n = 0;

    while (l->at < l->n_cands && n < cx->batch_rows) {
        const ps_join_bucket *bucket = &l->cands[l->at];
        const uint32_t take = PS_MIN(bucket->n - l->at_entry, cx->batch_rows - n);

        for (uint32_t i = 0; i < take; i++) {
            l->pair_rows[n + i] = l->cand_rows[l->at];
            l->pair_ptrs[n + i] = bucket_row(bucket, l->at_entry + i);
        }
        n += take;
        l->at_entry += take;
        if (l->at_entry == bucket->n) {
            l->at++;
            l->at_entry = 0;
        }
    }
    return n;
}

/* The next pair of each candidate that is not decided, or the next few when there are not many and
 * one too many can't be an error. Rows that are decided, or have no more entries, leave the list.
 */
static uint32_t expand_round(ps_ctx *cx, const ps_join_config *config, ps_join_prober *l)
{
    uint32_t n = 0, kept = 0;

    for (uint32_t i = 0; i < l->n_cands; i++) {
        if (l->cands[i].n == 0 || ps_bit_get(l->matched, l->cand_rows[i])) continue;
        l->cand_rows[kept] = l->cand_rows[i];
        l->cands[kept++] = l->cands[i];
    }
    l->n_cands = kept;
    const uint32_t each =
        config->sound && kept && kept < cx->batch_rows ? cx->batch_rows / kept : 1;
    for (uint32_t i = 0; i < kept && n < cx->batch_rows; i++) {
        ps_join_bucket *bucket = &l->cands[i];
        const uint32_t take = PS_MIN(bucket->n, PS_MIN(each, cx->batch_rows - n));

        for (uint32_t k = 0; k < take; k++) {
            l->pair_rows[n] = l->cand_rows[i];
            l->pair_ptrs[n++] = bucket_row(bucket, k);
        }
        bucket->n -= take;
        if (bucket->at) bucket->at += take;
    }
    return n;
}

/* One column over pairs: of the probe by rows, of the build by addresses. */
static ps_status pair_column(ps_ctx *cx, const ps_join_config *config, const ps_join_out *from,
                             const ps_batch *in, const uint32_t *rows, uint8_t *const *ptrs,
                             uint32_t n, ps_vec_buf *buf, ps_vec *out)
{
    if (from->side == PS_SIDE_PROBE)
        return ps_vec_gather(cx, &in->cols[from->index], rows, n, buf, out);
    return ps_rows_gather(cx, config->layout, from->index, ptrs, n, buf, out);
}

/* Which of n pairs are pairs indeed: l->pairs, ascending. */
static ps_status check_pairs(ps_ctx *cx, ps_op *op, ps_join_prober *l, const ps_batch *in,
                             uint32_t n, uint32_t *n_out)
{
    const ps_join_config *config = op->config;
    const ps_join_shared *shared = op->shared;

    for (uint32_t i = 0; i < n; i++) l->pairs[i] = i;
    *n_out = n;
    if (config->n_keys && !shared->dense) {
        PS_TRY(ps_rows_match(cx, config->layout, l->keys, l->pair_rows, l->pair_ptrs, l->pairs, n,
                             NULL, n_out));
    }
    if (!config->residual || *n_out == 0) return PS_OK;
    const uint32_t m = *n_out;
    for (uint32_t i = 0; i < m; i++) {
        l->gather_rows[i] = l->pair_rows[l->pairs[i]];
        l->gather_ptrs[i] = l->pair_ptrs[l->pairs[i]];
    }
    for (uint32_t c = 0; c < config->n_pair_cols; c++) {
        PS_TRY(pair_column(cx, config, &config->pair_cols[c], in, l->gather_rows, l->gather_ptrs, m,
                           &l->pair_bufs[c], &l->pair_batch.cols[c]));
    }
    l->pair_batch.n = l->pair_batch.n_live = m;
    l->pair_batch.n_cols = config->n_pair_cols;
    l->pair_batch.sel = NULL;
    PS_TRY(ps_eval_filter(cx, l->residual_eval, &l->pair_batch, l->sel, n_out));
    for (uint32_t i = 0; i < *n_out; i++) l->pairs[i] = l->pairs[l->sel[i]];
    return PS_OK;
}

/* Notes what the pairs mean for probe and build rows. */
static ps_status note_pairs(ps_ctx *cx, const ps_join_config *config, ps_join_prober *l, uint32_t n)
{
    for (uint32_t i = 0; config->rest != PS_REST_NONE && i < n; i++) {
        ps_join_mark(config->layout, l->pair_ptrs[l->pairs[i]]);
    }
    if (config->probe == PS_PROBE_INNER || config->probe == PS_PROBE_NONE) return PS_OK;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t row = l->pair_rows[l->pairs[i]];

        if (config->probe == PS_PROBE_SINGLE && ps_bit_get(l->matched, row)) {
            return ps_fail(cx, PS_VALUE, "a subquery used as a value gave more than one row");
        }
        ps_bit_set(l->matched, row);
    }
    return PS_OK;
}

static void place_output(ps_join_prober *l, const ps_batch *in, ps_batch *out)
{
    if (l->morsel != in->morsel) l->next_row = 0;
    l->morsel = in->morsel;
    out->first_row = l->next_row;
    l->next_row += out->n;
}

/* Lists n pairs and, for outer joins, the rows that are known to have none: those before the first
 * candidate that is not done. */
static void list_pairs(const ps_join_config *config, ps_join_prober *l, const ps_batch *in,
                       uint32_t n)
{
    const uint32_t end = l->at < l->n_cands ? l->cand_rows[l->at] : UINT32_MAX;
    uint32_t at = 0, done = 0;

    while (config->probe != PS_PROBE_INNER && l->pass != PS_JOIN_CHUNK && l->live_at < in->n_live) {
        const uint32_t row = ps_batch_row(in, l->live_at);

        if (row >= end) break;
        l->live_at++;
        for (; done < n && l->pair_rows[l->pairs[done]] < row; done++) {
            l->list_rows[at] = l->pair_rows[l->pairs[done]];
            l->list_ptrs[at++] = l->pair_ptrs[l->pairs[done]];
        }
        if (ps_bit_get(l->matched, row)) continue;
        l->list_rows[at] = row;
        l->list_ptrs[at++] = l->null_row;
    }
    for (; done < n; done++) {
        l->list_rows[at] = l->pair_rows[l->pairs[done]];
        l->list_ptrs[at++] = l->pair_ptrs[l->pairs[done]];
    }
    l->n_list = at;
    l->list_at = 0;
}

/* The probe's columns as they are with the listed rows selected, the build's gathered in place:
 * when every probe row is there at most once and most are. */
static ps_status give_in_place(ps_ctx *cx, ps_op *op, ps_join_prober *l, const ps_batch *in,
                               uint32_t n, ps_batch *out)
{
    const ps_join_config *config = op->config;

    for (uint32_t row = 0; row < in->n; row++) l->gather_ptrs[row] = l->null_row;
    for (uint32_t i = 0; i < n; i++) {
        l->sel[i] = l->list_rows[l->list_at + i];
        l->gather_ptrs[l->sel[i]] = l->list_ptrs[l->list_at + i];
    }
    for (uint32_t c = 0; c < op->n_cols; c++) {
        const ps_join_out *from = &config->outs[c];

        if (from->side == PS_SIDE_PROBE) {
            out->cols[c] = in->cols[from->index];
            continue;
        }
        PS_TRY(ps_rows_gather(cx, config->layout, from->index, l->gather_ptrs, in->n,
                              &l->out_bufs[c], &out->cols[c]));
    }
    out->n = in->n;
    out->sel = n == in->n ? NULL : l->sel;
    out->n_live = n;
    return PS_OK;
}

static ps_status give_gathered(ps_ctx *cx, ps_op *op, ps_join_prober *l, const ps_batch *in,
                               uint32_t n, ps_batch *out)
{
    const ps_join_config *config = op->config;

    for (uint32_t c = 0; c < op->n_cols; c++) {
        PS_TRY(pair_column(cx, config, &config->outs[c], in, l->list_rows + l->list_at,
                           l->list_ptrs + l->list_at, n, &l->out_bufs[c], &out->cols[c]));
    }
    out->n = out->n_live = n;
    out->sel = NULL;
    return PS_OK;
}

/* The next rows of the list, a batch at most. */
static ps_status give_list(ps_ctx *cx, ps_op *op, ps_join_prober *l, const ps_batch *in,
                           ps_batch *out)
{
    const uint32_t n = PS_MIN(l->n_list - l->list_at, cx->batch_rows);
    const uint32_t *rows = l->list_rows + l->list_at;
    bool unique = n * 2 >= in->n;

    for (uint32_t i = 1; unique && i < n; i++) unique = rows[i] > rows[i - 1];
    PS_TRY(unique ? give_in_place(cx, op, l, in, n, out) : give_gathered(cx, op, l, in, n, out));
    l->given = rows;
    l->list_at += n;
    out->n_cols = op->n_cols;
    place_output(l, in, out);
    return PS_OK;
}

/* MARK's column: true with a pair; without one null where IN's answer is unknown, else false. */
static ps_status mark_column(ps_ctx *cx, ps_op *op, ps_join_prober *l, const ps_batch *in,
                             ps_vec *out)
{
    const ps_join_config *config = op->config;
    const ps_join_shared *shared = op->shared;
    const bool aware = config->n_keys == 1 && !config->null_equal[0] && !config->residual;
    const bool build_null = atomic_load_explicit(&shared->has_null, memory_order_relaxed);
    const bool build_empty = shared->n_rows == 0 && !build_null;
    uint8_t *data = l->mark_buf.data;
    bool any_null = false;

    (void)cx;
    for (uint32_t k = 0; k < in->n_live; k++) {
        const uint32_t row = ps_batch_row(in, k);
        const bool found = ps_bit_get(l->matched, row);
        const bool null =
            aware && !found && !build_empty && (build_null || !ps_vec_row_valid(&l->keys[0], row));

        data[row] = found;
        ps_bit_put(l->mark_buf.valid, row, !null);
        any_null |= null;
    }
    ps_vec_flat(out, PS_TYPE(BOOL), PS_LAYOUT_BOOL, data, any_null ? l->mark_buf.valid : NULL,
                in->n);
    return PS_OK;
}

/* Probe rows with (or without) a pair, their columns as they are; build columns null. */
static ps_status give_rows(ps_ctx *cx, ps_op *op, ps_join_prober *l, const ps_batch *in,
                           ps_batch *out)
{
    const ps_join_config *config = op->config;
    const bool all = config->probe == PS_PROBE_MARK, want = config->probe == PS_PROBE_SEMI;
    uint32_t n = 0;

    for (uint32_t k = 0; k < in->n_live; k++) {
        const uint32_t row = ps_batch_row(in, k);

        l->sel[n] = row;
        n += all || ps_bit_get(l->matched, row) == want;
    }
    for (uint32_t row = 0; row < in->n; row++) l->gather_ptrs[row] = l->null_row;
    for (uint32_t c = 0; n && c < op->n_cols; c++) {
        const ps_join_out *from = &config->outs[c];

        if (from->side == PS_SIDE_PROBE) out->cols[c] = in->cols[from->index];
        else if (from->side == PS_SIDE_MARK) PS_TRY(mark_column(cx, op, l, in, &out->cols[c]));
        else
            PS_TRY(ps_rows_gather(cx, config->layout, from->index, l->gather_ptrs, in->n,
                                  &l->out_bufs[c], &out->cols[c]));
    }
    out->n = in->n;
    out->n_live = n;
    out->sel = n == in->n ? NULL : l->sel;
    out->n_cols = op->n_cols;
    l->given = l->sel;
    place_output(l, in, out);
    return PS_OK;
}

static bool gives_pairs(ps_probe_kind kind)
{
    return kind == PS_PROBE_INNER || kind == PS_PROBE_OUTER || kind == PS_PROBE_SINGLE;
}

/* Kinds that give each probe row once, or no row: all candidates, then the rows. */
static ps_status probe_only(ps_ctx *cx, ps_op *op, ps_join_prober *l, const ps_batch *in,
                            ps_batch *out)
{
    const ps_join_config *config = op->config;
    const bool rounds = config->rest == PS_REST_NONE; /* a build row's own mark needs every pair */
    uint32_t n, n_pairs;

    while ((n = rounds ? expand_round(cx, config, l) : expand(cx, l)) > 0) {
        PS_TRY(ps_poll(cx));
        PS_TRY(check_pairs(cx, op, l, in, n, &n_pairs));
        PS_TRY(note_pairs(cx, config, l, n_pairs));
    }
    l->begun = false;
    if (config->probe == PS_PROBE_NONE || l->pass == PS_JOIN_CHUNK) return PS_OK;
    return give_rows(cx, op, l, in, out);
}

ps_status ps_join_prober_next(ps_ctx *cx, ps_op *op, ps_join_prober *l, const ps_batch *in,
                              ps_batch *out, bool *more)
{
    const ps_join_config *config = op->config;

    *more = false;
    if (!gives_pairs(config->probe)) return probe_only(cx, op, l, in, out);
    do {
        if (l->list_at == l->n_list) {
            const uint32_t n = expand(cx, l);
            uint32_t n_pairs = 0;

            PS_TRY(ps_poll(cx));
            if (n) PS_TRY(check_pairs(cx, op, l, in, n, &n_pairs));
            PS_TRY(note_pairs(cx, config, l, n_pairs));
            list_pairs(config, l, in, n_pairs);
        }
        *more = l->at < l->n_cands;
    } while (l->n_list == 0 && *more);
    if (l->n_list) PS_TRY(give_list(cx, op, l, in, out));
    *more |= l->list_at < l->n_list;
    l->begun = *more;
    return PS_OK;
}

/* A batch of a spilled join whose order matters: goes to the sorter with the probe rows' places. */
static ps_status put_in_order(ps_ctx *cx, ps_op *op, probe_local *l, ps_batch *out)
{
    uint64_t *high, *low;

    ps_join_order_places(l->order, &high, &low);
    for (uint32_t k = 0; k < out->n_live; k++) {
        high[k] = l->left.morsel;
        low[k] = l->left.first_row + l->prober.given[k];
    }
    return ps_join_order_add(cx, op, l->order, out);
}

ps_status ps_join_probe(ps_ctx *cx, ps_op *op, void *local, const ps_batch *in, ps_batch *out,
                        ps_flow *flow)
{
    probe_local *l = local;
    bool more;

    if (!l->prober.begun) PS_TRY(begin(cx, op, l, in));
    PS_TRY(ps_join_prober_next(cx, op, &l->prober, l->defer ? &l->left : in, out, &more));
    if (more) *flow = PS_FLOW_MORE_OUTPUT;
    return l->order && out->n_live ? put_in_order(cx, op, l, out) : PS_OK;
}
