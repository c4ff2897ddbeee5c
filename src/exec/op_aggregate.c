/* exec/op_aggregate.c -- GROUP BY and aggregates: the sink's side.
 *
 * Every lane gathers groups of its own; combine hands them over, seal makes all lanes agree on
 * partitions, and the source merges and gives one partition a morsel (op_aggregate_emit.c), so
 * merging is parallel and the memory of a partition is free once its groups have left.
 *
 * How a batch finds its groups: without keys there is one row; small key domains go through an
 * array (op_aggregate_few.c); all else is hashed (group_table.h). FILTER and DISTINCT: the rows
 * that an aggregate sees are a subset of the batch; DISTINCT keeps them in a set of its own and
 * updates when the source merges.
 *
 * Memory: with a limit, lanes partition from the start; when what is left gets small a lane writes
 * out its oldest rows and goes on (op_aggregate_memory.c). Result order: by (hash of the keys,
 * keys), the same for any number of threads, batch size and spilling. Without keys there is one
 * row, also for no input.
 * Tests: tests/unit/test_aggregate.c, tests/slt/op/aggregate.test */
#include "exec/op_aggregate.h"

static char *heap_alloc(ps_ctx *cx, ps_agg_heap *heap, size_t bytes)
{
    return ps_rows_heap(cx, PS_CONTAINER(heap, agg_heap, base)->rows, bytes);
}
void ps_aggregate_heap_init(agg_heap *heap, ps_rows *rows)
{
    heap->base.alloc = heap_alloc;
    heap->rows = rows;
}

void ps_aggregate_tables_free(const agg_config *config, agg_tables *tables)
{
    if (!tables) return;
    ps_group_table_release(&tables->groups);
    for (uint32_t d = 0; tables->sets && d < ps_aggregate_n_sets(config); d++)
        ps_group_table_release(&tables->sets[d]);
    ps_free(tables->sets);
    ps_free(tables);
}

void ps_aggregate_tables_end(ps_op *op)
{
    agg_shared *shared = op->shared;

    for (size_t t = 0; t < shared->tables.n; t++)
        ps_aggregate_tables_free(op->config, shared->tables.at[t]);
    shared->tables.n = 0;
}

static ps_status tables_new(ps_ctx *cx, const ps_op *op, agg_tables **out)
{
    const agg_config *config = op->config;
    const bool spills = op->settings->memory_limit > 0 || op->settings->force_spill;
    agg_tables *tables = ps_alloc_zero(cx, sizeof(*tables));

    *out = tables;
    if (!tables) return PS_MEMORY;
    /* Without keys there is one group row, but sets of distinct values still may have to spill.
     * Groups are partitioned from the start: lanes keep addresses, and partitioning moves rows. */
    PS_TRY(ps_group_table_init(cx, &tables->groups, config->layout, config->n_keys > 0, 0));
    if (ps_aggregate_n_sets(config) == 0) return PS_OK;
    tables->sets = ps_alloc_zero(cx, ps_aggregate_n_sets(config) * sizeof(ps_group_table));
    if (!tables->sets) return PS_MEMORY;
    for (uint32_t d = 0; d < config->n_distincts; d++)
        PS_TRY(ps_group_table_init(cx, &tables->sets[d], config->distincts[d].layout, spills, 0));
    for (uint32_t c = 0; c < config->n_collects; c++) {
        ps_group_table *set = &tables->sets[config->n_distincts + c];
        PS_TRY(ps_group_table_init(cx, set, config->collects[c].layout,
                                   spills || config->n_keys > 0, 0));
        set->append_only = true;
    }
    return PS_OK;
}

/* Test configurations write out after some rows, and not all of them. */
static void tables_mark_often(const agg_config *config, agg_tables *tables)
{
    tables->groups.mark_bytes = 1;
    for (uint32_t d = 0; d < ps_aggregate_n_sets(config); d++) tables->sets[d].mark_bytes = 1;
}

/* ---- lanes ---- */

static ps_status aggregate_open(ps_ctx *cx, ps_op *op)
{
    agg_shared *shared = op->shared;

    (void)cx;
    ps_mutex_init(&shared->mutex);
    shared->opened = true;
    return PS_OK;
}

static ps_status aggregate_sink_open(ps_ctx *cx, ps_op *op, void *local)
{
    const agg_config *config = op->config;
    agg_local *l = local;

    l->results = PS_ARENA_ARRAY(cx, &l->arena, ps_vec, config->n_results + 1);
    l->work = ps_alloc(cx, sizeof(*l->work));
    if (!l->work) return PS_MEMORY;
    memset(&l->work->direct, 0, sizeof(l->work->direct));
    memset(&l->work->wide, 0, sizeof(l->work->wide));
    if (!l->results) return PS_MEMORY;
    PS_TRY(ps_eval_new(cx, &l->arena, config->program, &l->eval));
    PS_TRY(tables_new(cx, op, &l->tables));
    if (op->settings->force_spill) tables_mark_often(config, l->tables);
    return config->n_keys == 0 ? ps_rows_alloc(cx, &l->tables->groups.parts[0], 1, &l->single)
                               : PS_OK;
}

static void aggregate_sink_close(ps_op *op, void *local)
{
    agg_local *l = local;

    ps_eval_release(l->eval);
    ps_aggregate_tables_free(op->config, l->tables);
    if (l->work) ps_aggregate_wide_forget(&l->work->wide);
    ps_free(l->work);
    ps_arena_release(&l->arena);
}

ps_status ps_aggregate_hash(ps_ctx *cx, ps_op *op, const ps_vec *keys, uint32_t n_keys,
                            const uint32_t *sel, uint32_t n, uint64_t *out)
{
    if (n_keys == 0) { /* the group of everything: its row has no hash */
        memset(out, 0, n * sizeof(*out));
        return PS_OK;
    }
    PS_TRY(ps_hash_rows(cx, keys, n_keys, sel, n, op->settings->hash_seed, out));
    if (op->settings->one_hash)
        for (uint32_t k = 0; k < n; k++) out[k] = 0x5555555555555555;
    return PS_OK;
}

/* ---- a batch ---- */

static ps_status find_groups(ps_ctx *cx, ps_op *op, agg_local *l, const ps_batch *batch,
                             agg_rows *out)
{
    const agg_config *config = op->config;
    agg_work *w = l->work;
    bool done = false;

    *out = (agg_rows){.batch = batch,
                      .sel = batch->sel,
                      .n = batch->n_live,
                      .shape = PS_AGG_ONE,
                      .n_groups = 1,
                      .rows = &l->single};
    if (config->n_keys == 0) return PS_OK;
    PS_TRY(ps_aggregate_direct(cx, op, l, batch, out, &done));
    if (!done) PS_TRY(ps_aggregate_wide(cx, op, l, batch, out, &done));
    if (done) return PS_OK;
    PS_TRY(ps_aggregate_hash(cx, op, l->results, config->n_keys, batch->sel, batch->n_live,
                             w->hashes));
    PS_TRY(ps_group_table_find(cx, &l->tables->groups, l->results, batch->sel, batch->n_live,
                               w->hashes, w->rows));
    out->shape = PS_AGG_ROWS;
    out->rows = w->rows;
    return PS_OK;
}

/* The rows where the predicate is true. */
static void filter_rows(const ps_vec *predicate, const agg_rows *in, agg_work *w, agg_rows *out)
{
    const ps_reader_view r = ps_vec_read(predicate);
    uint32_t n = 0;

    *out = *in;
    if (in->shape == PS_AGG_FEW) memset(w->subset_group_n, 0, in->n_groups * sizeof(uint32_t));
    for (uint32_t k = 0; k < in->n && predicate->layout != PS_LAYOUT_NONE; k++) {
        const uint32_t row = in->sel ? in->sel[k] : k;
        if (!ps_reader_valid(&r, row) || !((const uint8_t *)r.data)[ps_reader_at(&r, row)])
            continue;
        w->subset_sel[n] = row;
        if (in->shape == PS_AGG_FEW) w->subset_group_n[w->subset_groups[n] = in->groups[k]]++;
        else if (in->shape == PS_AGG_ROWS) w->subset_rows[n] = in->rows[k];
        n++;
    }
    out->sel = w->subset_sel;
    out->n = n;
    out->dense = NULL;
    if (in->shape == PS_AGG_FEW) out->groups = w->subset_groups, out->group_n = w->subset_group_n;
    else if (in->shape == PS_AGG_ROWS) out->rows = w->subset_rows;
}

ps_status ps_aggregate_update_item(ps_ctx *cx, const agg_item *item, const ps_vec *results,
                                   const agg_rows *rows, agg_work *work, ps_agg_heap *heap)
{
    const uint32_t n_states = rows->shape == PS_AGG_ROWS  ? rows->n
                              : rows->shape == PS_AGG_FEW ? rows->n_groups
                                                          : 1;
    ps_vec args[AGG_ARGS_MAX];

    if (rows->n == 0) return PS_OK;
    for (uint32_t a = 0; a < item->agg.n_args; a++) args[a] = results[item->args[a]];
    for (uint32_t s = 0; s < n_states; s++) work->states[s] = rows->rows[s] + item->state_at;
    const ps_agg_update update = {.cx = cx,
                                  .agg = &item->agg,
                                  .args = args,
                                  .sel = rows->sel,
                                  .n = rows->n,
                                  .shape = rows->shape,
                                  .groups = rows->groups,
                                  .n_groups = rows->n_groups,
                                  .group_n = rows->group_n,
                                  .dense = rows->dense,
                                  .n_dense = rows->n_dense,
                                  .states = work->states,
                                  .morsel = rows->batch->morsel,
                                  .first_row = rows->batch->first_row,
                                  .heap = heap,
                                  .scratch = &work->scratch};
    return item->agg.class->update(&update);
}

/* Adds the rows' argument values to the set of their group. */
static ps_status distinct_add(ps_ctx *cx, ps_op *op, agg_local *l, uint32_t at,
                              const agg_rows *rows)
{
    const agg_config *config = op->config;
    const agg_distinct *distinct = &config->distincts[at];
    const uint32_t n_cols = config->n_keys + distinct->n_args + 1;
    const uint64_t top = ~(uint64_t)0 << (64 - PS_GROUP_RADIX_BITS);
    agg_work *w = l->work;
    ps_vec cols[64];
    uint32_t n = 0;

    for (uint32_t k = 0; k < rows->n; k++) { /* aggregates skip nulls: so may their sets */
        const uint32_t row = rows->sel ? rows->sel[k] : k;
        bool valid = true;
        for (uint32_t a = 0; a < distinct->n_args; a++)
            valid = valid && ps_vec_row_valid(&l->results[distinct->args[a]], row);
        if (valid) w->subset_sel[n++] = row;
    }
    if (n == 0) return PS_OK;
    PS_ASSERT(n_cols <= PS_COUNT(cols));
    for (uint32_t c = 0; c < config->n_keys; c++) cols[c] = l->results[c];
    for (uint32_t a = 0; a < distinct->n_args; a++)
        cols[config->n_keys + a] = l->results[distinct->args[a]];
    PS_TRY(ps_aggregate_hash(cx, op, cols, config->n_keys, w->subset_sel, n, w->hashes));
    PS_TRY(ps_aggregate_hash(cx, op, cols, n_cols - 1, w->subset_sel, n, w->distinct_hashes));
    /* Partitions follow the groups'; without keys there is one group, and the set's own hash
     * spreads it. */
    for (uint32_t k = 0; config->n_keys > 0 && k < n; k++)
        w->distinct_hashes[k] = (w->hashes[k] & top) | w->distinct_hashes[k] >> PS_GROUP_RADIX_BITS;
    PS_TRY(ps_group_table_find(cx, &l->tables->sets[at], cols, w->subset_sel, n, w->distinct_hashes,
                               w->subset_rows));
    for (uint32_t k = 0; k < n; k++)
        memcpy(w->subset_rows[k] + distinct->layout->cols[n_cols - 1].at, &w->hashes[k],
               sizeof(uint64_t));
    return PS_OK;
}

static ps_status update_all(ps_ctx *cx, ps_op *op, agg_local *l, const agg_rows *rows)
{
    const agg_config *config = op->config;
    agg_heap heap;
    agg_rows subset;

    ps_aggregate_heap_init(&heap, &l->tables->groups.heap);
    for (uint32_t i = 0; i < config->n_items; i++) {
        const agg_item *item = &config->items[i];
        if (item->shared || item->distinct != AGG_NONE || item->collect != AGG_NONE) continue;
        if (item->filter != AGG_NONE)
            filter_rows(&l->results[item->filter], rows, l->work, &subset);
        PS_TRY(ps_aggregate_update_item(
            cx, item, l->results, item->filter != AGG_NONE ? &subset : rows, l->work, &heap.base));
    }
    for (uint32_t d = 0; d < config->n_distincts; d++) {
        const int32_t filter = config->distincts[d].filter;
        if (filter != AGG_NONE) filter_rows(&l->results[filter], rows, l->work, &subset);
        PS_TRY(distinct_add(cx, op, l, d, filter != AGG_NONE ? &subset : rows));
    }
    for (uint32_t c = 0; c < config->n_collects; c++) {
        const int32_t filter = config->collects[c].filter;
        if (filter != AGG_NONE) filter_rows(&l->results[filter], rows, l->work, &subset);
        PS_TRY(ps_aggregate_collect(cx, op, l, c, filter != AGG_NONE ? &subset : rows));
    }
    return PS_OK;
}

/* ---- memory and ends ---- */

static ps_status local_relocate(ps_ctx *cx, const agg_config *config, agg_local *l)
{
    ps_row_cursor at = {0};

    ps_aggregate_direct_forget(&l->work->direct);
    ps_aggregate_wide_forget(&l->work->wide);
    PS_TRY(ps_group_table_relocate(cx, &l->tables->groups));
    for (uint32_t d = 0; d < ps_aggregate_n_sets(config); d++)
        PS_TRY(ps_group_table_relocate(cx, &l->tables->sets[d]));
    if (config->n_keys == 0) ps_rows_next(&l->tables->groups.parts[0], &at, 1, &l->single);
    return PS_OK;
}

static ps_status aggregate_sink(ps_ctx *cx, ps_op *op, void *local, const ps_batch *batch,
                                ps_flow *flow)
{
    agg_local *l = local;
    agg_rows rows;

    (void)flow;
    if (batch->n_live == 0) return PS_OK;
    PS_TRY(ps_aggregate_make_room(cx, op, l));
    PS_TRY(ps_eval_run(cx, l->eval, batch, l->results));
    PS_TRY(find_groups(cx, op, l, batch, &rows));
    PS_TRY(update_all(cx, op, l, &rows));
    l->batches++;
    return op->settings->relocate_pages ? local_relocate(cx, op->config, l) : PS_OK;
}

/* No row is looked for any more. */
static void tables_end(const agg_config *config, agg_tables *tables)
{
    ps_group_table_end(&tables->groups);
    for (uint32_t d = 0; d < ps_aggregate_n_sets(config); d++) ps_group_table_end(&tables->sets[d]);
}

static ps_status aggregate_combine(ps_ctx *cx, ps_op *op, void *local)
{
    agg_shared *shared = op->shared;
    agg_local *l = local;

    if (!l || !l->tables) return PS_OK; /* a lane that never got a morsel */
    tables_end(op->config, l->tables);
    ps_mutex_lock(&shared->mutex);
    const ps_status st = PS_ARRAY_ADD(cx, &shared->tables, l->tables);
    if (st == PS_OK) l->tables = NULL; /* moved */
    ps_mutex_unlock(&shared->mutex);
    return st;
}

/* All lanes' tables get the same partitions. */
static ps_status aggregate_seal(ps_ctx *cx, ps_op *op)
{
    const agg_config *config = op->config;
    agg_shared *shared = op->shared;

    shared->n_parts = 1;
    for (size_t t = 0; t < shared->tables.n; t++) {
        const agg_tables *tables = shared->tables.at[t];
        shared->n_parts = PS_MAX(shared->n_parts, tables->groups.n_parts);
        for (uint32_t d = 0; config->n_keys > 0 && d < ps_aggregate_n_sets(config); d++)
            shared->n_parts = PS_MAX(shared->n_parts, tables->sets[d].n_parts);
        shared->generations += tables->groups.generations;
    }
    if (shared->n_parts == 1) return PS_OK;
    for (size_t t = 0; t < shared->tables.n; t++) {
        PS_TRY(ps_group_table_partition(cx, &shared->tables.at[t]->groups));
        for (uint32_t d = 0; d < ps_aggregate_n_sets(config); d++)
            PS_TRY(ps_group_table_partition(cx, &shared->tables.at[t]->sets[d]));
    }
    return PS_OK;
}

static void aggregate_close(ps_op *op)
{
    agg_shared *shared = op->shared;

    if (!shared || !shared->opened) return;
    ps_aggregate_tables_end(op);
    ps_free(shared->tables.at);
    ps_spill_free(shared->spill);
    ps_mutex_destroy(&shared->mutex);
}

static void aggregate_explain(const ps_op *op, ps_text *out)
{
    const agg_config *config = op->config;
    ps_text_printf(out, "%u keys, %u aggregates, rows of %u bytes", config->n_keys, config->n_items,
                   config->layout->row_bytes);
}

const ps_op_class ps_aggregate_class = {
    .name = "aggregate",
    .source_floor_bytes = 4 << 20,
    .sink_floor_bytes = 3 << 20,
    .shared_size = sizeof(agg_shared),
    .sink_size = sizeof(agg_local),
    .source_size = sizeof(agg_source),
    .open = aggregate_open,
    .sink_open = aggregate_sink_open,
    .sink = aggregate_sink,
    .combine = aggregate_combine,
    .finish_plan = ps_aggregate_finish_plan,
    .finish_task = ps_aggregate_finish_task,
    .seal = aggregate_seal,
    .sink_close = aggregate_sink_close,
    .source_plan = ps_aggregate_source_plan,
    .source_open = ps_aggregate_source_open,
    .source_start = ps_aggregate_source_start,
    .source_next = ps_aggregate_source_next,
    .source_close = ps_aggregate_source_close,
    .bytes = ps_aggregate_bytes,
    .shrink = ps_aggregate_shrink,
    .close = aggregate_close,
    .explain = aggregate_explain,
};
