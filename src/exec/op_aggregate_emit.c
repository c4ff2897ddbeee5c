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

    s->config = op->config;
    s->bufs = PS_ARENA_ARRAY(cx, &s->arena, ps_vec_buf, op->n_cols + 1);
    s->states = PS_ARENA_ARRAY(cx, &s->arena, uint8_t *, op->settings->batch_rows);
    if (!s->bufs || !s->states) return PS_MEMORY;
    for (uint32_t c = 0; c < op->n_cols; c++)
        PS_TRY(ps_vec_buf_init(cx, &s->bufs[c], op->settings->batch_rows));
    return PS_OK;
}

/* Nobody else reads the part: one morsel, one lane. */
static void part_free(ps_op *op, uint64_t part)
{
    agg_shared *shared = op->shared;
    const agg_config *config = op->config;

    for (size_t t = 0; t < shared->tables.n; t++) {
        ps_rows_release(&shared->tables.at[t]->groups.parts[part]);
        for (uint32_t d = 0; d < ps_aggregate_n_sets(config); d++)
            ps_rows_release(&shared->tables.at[t]->sets[d].parts[part]);
    }
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

ps_status ps_aggregate_source_start(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel)
{
    agg_source *s = local;
    agg_shared *shared = op->shared;
    const agg_config *config = op->config;
    uint64_t n_rows = 0;
    size_t n_full = 0;

    ps_group_merge_release(&s->merge);
    if (s->started) part_free(op, s->part); /* its last batch has been used */
    s->started = true;
    s->part = morsel;
    s->at = 0;
    for (size_t t = 0; t < shared->tables.n; t++) {
        const uint64_t n = shared->tables.at[t]->groups.parts[morsel].n_rows;
        n_rows += n;
        n_full += n > 0;
    }
    /* One lane that never forgot a group: its rows are the groups. */
    const bool distinct =
        n_full <= 1 && shared->generations == 0 && ps_aggregate_n_sets(config) == 0;
    PS_TRY(ps_group_merge_init(cx, &s->merge, config->layout,
                               shared->n_parts > 1 ? PS_GROUP_RADIX_BITS : 0,
                               distinct ? 0 : n_rows));
    ps_aggregate_heap_init(&s->heap, &s->merge.own);
    for (size_t t = 0; t < shared->tables.n; t++) {
        ps_rows *rows = &shared->tables.at[t]->groups.parts[morsel];
        if (distinct) PS_TRY(ps_group_merge_add_distinct(cx, &s->merge, rows));
        else PS_TRY(ps_group_merge_add(cx, &s->merge, rows, ps_aggregate_merge_states, s));
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

ps_status ps_aggregate_source_next(ps_ctx *cx, ps_op *op, void *local, ps_batch *out, bool *done)
{
    agg_source *s = local;
    const agg_config *config = op->config;
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
    out->first_row = s->at;
    s->at += n;
    *done = s->at == s->merge.n;
    return PS_OK;
}

void ps_aggregate_source_close(ps_op *op, void *local)
{
    agg_source *s = local;

    for (uint32_t c = 0; s->bufs && c < op->n_cols; c++) ps_vec_buf_release(&s->bufs[c]);
    ps_aggregate_distinct_close(s);
    ps_aggregate_collect_close(s);
    ps_group_merge_release(&s->merge);
    ps_arena_release(&s->arena);
}
