/* exec/op_aggregate_emit.c -- GROUP BY and aggregates: the source's side.
 *
 * A morsel is a partition: its rows of all lanes are merged, sorted by (hash, keys) and finished
 * into batches; partitions are ranges of the hash, so the whole result is in that order. What a
 * partition took is given back when its last batch has been used. Tests:
 * tests/unit/test_aggregate.c */
#include "exec/op_aggregate.h"

ps_status ps_aggregate_source_plan(ps_ctx *cx, ps_op *op, uint64_t *n_morsels)
{
    (void)cx;
    *n_morsels = ((const agg_shared *)op->shared)->n_parts;
    return PS_OK;
}

ps_status ps_aggregate_source_open(ps_ctx *cx, ps_op *op, void *local)
{
    agg_source *s = local;

    s->op = op;
    s->config = op->config;
    atomic_fetch_add_explicit(&((agg_shared *)op->shared)->n_readers, 1, memory_order_relaxed);
    s->bufs = PS_ARENA_ARRAY(cx, &s->arena, ps_vec_buf, op->n_cols + 1);
    s->states = PS_ARENA_ARRAY(cx, &s->arena, uint8_t *, op->settings->batch_rows);
    if (!s->bufs || !s->states) return PS_MEMORY;
    for (uint32_t c = 0; c < op->n_cols; c++)
        PS_TRY(ps_vec_buf_init(cx, &s->bufs[c], op->settings->batch_rows));
    return PS_OK;
}

ps_status ps_aggregate_merge_states(ps_ctx *cx, void *source, uint8_t *const *dst,
                                    uint8_t *const *src, uint32_t n)
{
    agg_source *s = source;
    uint8_t *to[256], *from[256];

    PS_ASSERT(n <= PS_COUNT(to));
    for (uint32_t i = 0; i < s->config->n_items; i++) {
        const agg_item *item = &s->config->items[i];
        if (item->shared || item->distinct != AGG_NONE || item->collect != AGG_NONE) continue;
        for (uint32_t k = 0; k < n; k++)
            to[k] = dst[k] + item->state_at, from[k] = src[k] + item->state_at;
        PS_TRY(item->agg.class->merge(cx, &item->agg, to, from, n, &s->heap.base));
    }
    return PS_OK;
}

/* How many of n rows the directory of a merge should have room for at once: of many rows few groups
 * may come, so where memory is short it grows with them. */
static uint64_t rows_expected(const ps_op *op, uint64_t n_rows)
{
    const uint64_t bytes = n_rows * 2 * sizeof(uint64_t);
    const bool plenty = op->settings->memory_limit == 0 || ps_mem_left(op->mem) / 64 > bytes;

    return plenty && !op->settings->force_spill ? n_rows : PS_MIN(n_rows, (uint64_t)4096);
}

/* Merges the groups of the partition or piece; *full: it went into pieces instead. */
static ps_status merge_groups(ps_ctx *cx, ps_op *op, agg_source *s, bool *full)
{
    const agg_shared *shared = op->shared;
    const size_t n_sources = ps_aggregate_n_sources(s);
    uint64_t n_rows = 0;
    size_t n_full = 0;

    *full = false;
    for (size_t t = 0; t < n_sources; t++) {
        const uint64_t n = ps_aggregate_groups_of(s, t)->n_rows;
        n_rows += n;
        n_full += n > 0;
    }
    /* One lane that never forgot a group: its rows are the groups. */
    const bool distinct = n_full <= 1 && shared->generations == 0 && !s->pieces &&
                          ps_aggregate_n_sets(s->config) == 0;
    PS_TRY(ps_group_merge_init(cx, &s->merge, s->config->layout, ps_aggregate_skip_bits(s),
                               distinct ? 0 : rows_expected(op, n_rows)));
    ps_aggregate_heap_init(&s->heap, &s->merge.own);
    s->merge.user = op;
    if (s->config->n_keys) s->merge.is_full = ps_aggregate_is_full;
    for (size_t t = 0; t < n_sources; t++) {
        ps_rows *rows = ps_aggregate_groups_of(s, t);
        size_t page = 0;
        if (distinct) PS_TRY(ps_group_merge_add_distinct(cx, &s->merge, rows));
        else PS_TRY(ps_group_merge_add(cx, &s->merge, rows, &page, ps_aggregate_merge_states, s));
        *full = s->merge.full;
        if (*full) return ps_aggregate_split(cx, s, t, page);
    }
    return PS_OK;
}

static ps_status merge(ps_ctx *cx, ps_op *op, agg_source *s)
{
    const agg_config *config = s->config;
    bool full;

    for (;;) {
        ps_group_merge_release(&s->merge);
        PS_TRY(merge_groups(cx, op, s, &full));
        if (!full) break;
        if (!ps_aggregate_next_piece(s)) return PS_BUG(cx, "a partition fell into no pieces");
    }
    if (config->n_keys == 0 && s->merge.n == 0) { /* no lane, no input: the group of nothing */
        uint8_t *row;
        PS_TRY(ps_rows_alloc(cx, &s->merge.own, 1, &row));
        s->merge.groups = ps_alloc(cx, sizeof(row));
        if (!s->merge.groups) return PS_MEMORY;
        s->merge.groups[0] = row;
        s->merge.n = s->merge.room = 1;
    }
    if (config->n_distincts) PS_TRY(ps_aggregate_distinct(cx, op, s));
    PS_TRY(ps_group_merge_sort(cx, &s->merge));
    return config->n_collects ? ps_aggregate_collect_start(cx, op, s) : PS_OK;
}

ps_status ps_aggregate_source_start(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel)
{
    agg_source *s = local;

    ps_group_merge_release(&s->merge);
    if (s->started) ps_aggregate_sources_free(s); /* its last batch has been used */
    s->started = true;
    s->part = morsel;
    s->at = s->given = 0;
    return merge(cx, op, s);
}

/* The next piece's groups, when those before have been used; *over: there are none. */
static ps_status go_on(ps_ctx *cx, ps_op *op, agg_source *s, bool *over)
{
    *over = false;
    if (s->at < s->merge.n || !s->pieces) return PS_OK;
    s->given += s->at;
    s->at = 0;
    ps_group_merge_release(&s->merge);
    ps_aggregate_sources_free(s);
    *over = !ps_aggregate_next_piece(s);
    return *over ? PS_OK : merge(cx, op, s);
}

ps_status ps_aggregate_source_next(ps_ctx *cx, ps_op *op, void *local, ps_batch *out, bool *done)
{
    agg_source *s = local;
    const agg_config *config = op->config;
    bool over;

    PS_TRY(go_on(cx, op, s, &over));
    uint32_t n = (uint32_t)PS_MIN(s->merge.n - s->at, (uint64_t)op->settings->batch_rows);
    uint8_t *const *rows = n ? s->merge.groups + s->at : NULL;

    if (config->n_collects) PS_TRY(ps_aggregate_collect_finish(cx, op, s, out, &n));
    for (uint32_t c = 0; c < op->n_cols && n > 0; c++) {
        const agg_output *output = &config->outputs[c];
        if (output->key) {
            PS_TRY(ps_rows_gather(cx, config->layout, output->at, rows, n, &s->bufs[c],
                                  &out->cols[c]));
            continue;
        }
        const agg_item *item = &config->items[output->at];
        if (item->agg.class->collect) continue;
        for (uint32_t k = 0; k < n; k++) s->states[k] = rows[k] + item->state_at;
        PS_TRY(item->agg.class->finish(cx, &item->agg, s->states, n, &s->bufs[c], &out->cols[c]));
    }
    out->n = out->n_live = n;
    out->sel = NULL;
    out->n_cols = n ? op->n_cols : out->n_cols;
    out->first_row = s->given + s->at;
    s->at += n;
    *done = over || (s->at == s->merge.n && !s->pieces);
    return PS_OK;
}

void ps_aggregate_source_close(ps_op *op, void *local)
{
    agg_shared *shared = op->shared;
    agg_source *s = local;

    for (uint32_t c = 0; s->bufs && c < op->n_cols; c++) ps_vec_buf_release(&s->bufs[c]);
    ps_aggregate_distinct_close(s);
    ps_aggregate_collect_close(s);
    ps_aggregate_pieces_close(s);
    ps_group_merge_release(&s->merge);
    ps_arena_release(&s->arena);
    /* Lanes close when all morsels are taken: after the last one nobody reads the tables' strings.
     * acq_rel: the others have read what they read */
    if (s->op && atomic_fetch_sub_explicit(&shared->n_readers, 1, memory_order_acq_rel) == 1)
        ps_aggregate_tables_end(op);
}
