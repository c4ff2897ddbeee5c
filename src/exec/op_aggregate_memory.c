/* exec/op_aggregate_memory.c -- GROUP BY and aggregates: what is written out, and when.
 *
 * A lane that is short writes out its oldest rows, as many as are missing and a little more, and
 * goes on with the others where they are: what does not fit costs a file, not all there is. When
 * lanes have combined, they write out what merging needs room for. Tests:
 * tests/unit/test_aggregate.c, tests/py/test_spill_aggregate.py,
 * tests/slt/op/aggregate_large.test */
#include "exec/op_aggregate.h"

enum {
    FORCED_BATCHES = 8,  /* force_spill: a lane writes half of its rows out so often */
    BYTES_MIN = 1 << 20, /* held by whoever is asked */
    RESERVE_BYTES = 4 << 20
};

/* Of the groups' table, then of the sets': all but the one row without keys. */
static ps_group_table *table_at(const agg_config *config, const agg_tables *tables, uint32_t i)
{
    if (i > 0) return &tables->sets[i - 1];
    return config->n_keys ? (ps_group_table *)(uintptr_t)&tables->groups : NULL;
}

uint64_t ps_aggregate_tables_bytes(const agg_config *config, const agg_tables *tables)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i <= ps_aggregate_n_sets(config); i++) {
        const ps_group_table *table = table_at(config, tables, i);
        if (table) bytes += ps_group_table_bytes(table);
    }
    return bytes;
}

ps_status ps_aggregate_spill_file(ps_ctx *cx, ps_op *op, ps_spill **out)
{
    agg_shared *shared = op->shared;

    return ps_op_spill_file(cx, op, &shared->mutex, &shared->spill, out);
}

/* bytes * part / whole, upwards; everything stays everything. */
static uint64_t share_of(uint64_t bytes, uint64_t part, uint64_t whole)
{
    if (bytes >= whole) return UINT64_MAX;
    return (uint64_t)((double)bytes * (double)part / (double)whole) + 1;
}

/* Writes out the oldest rows of each table, `wanted` bytes in all. */
static ps_status tables_spill(ps_ctx *cx, ps_op *op, agg_tables *tables, uint64_t wanted)
{
    const agg_config *config = op->config;
    const uint64_t all = ps_aggregate_tables_bytes(config, tables);
    const bool before = ps_giving_back(cx, true);
    ps_spill *spill;
    ps_status st = ps_aggregate_spill_file(cx, op, &spill);

    for (uint32_t i = 0; st == PS_OK && i <= ps_aggregate_n_sets(config); i++) {
        ps_group_table *table = table_at(config, tables, i);
        if (!table) continue;
        const uint64_t own = ps_group_table_bytes(table);
        st = ps_group_table_spill(cx, table, share_of(wanted, own, all), spill);
        for (uint32_t p = 0; st == PS_OK && p < table->n_parts; p++)
            if (table->parts[p].spill) ps_op_spilled_part(op, p);
    }
    ps_giving_back(cx, before);
    return st;
}

/* Little by little would write small pages. */
static uint64_t at_least(const ps_op *op, uint64_t wanted)
{
    const uint64_t more = op->settings->memory_limit / 16;

    return wanted > UINT64_MAX - more ? wanted : wanted + more;
}

static ps_status local_spill(ps_ctx *cx, ps_op *op, agg_local *l, uint64_t wanted)
{
    ps_aggregate_direct_forget(&l->work->direct);
    ps_aggregate_wide_forget(&l->work->wide);
    return tables_spill(cx, op, l->tables, wanted);
}

/* Spills when the limit leaves less than every lane may need for a batch and its directory. */
ps_status ps_aggregate_make_room(ps_ctx *cx, ps_op *op, agg_local *l)
{
    const agg_config *config = op->config;
    const ps_exec_settings *settings = op->settings;

    if (config->n_keys == 0 && ps_aggregate_n_sets(config) == 0) return PS_OK;
    if (settings->force_spill && l->batches % FORCED_BATCHES == FORCED_BATCHES - 1)
        return local_spill(cx, op, l, ps_aggregate_tables_bytes(config, l->tables) / 2);
    if (settings->memory_limit == 0) return PS_OK;
    const uint64_t left = ps_mem_left(op->mem);
    const uint64_t reserve =
        PS_MAX(settings->memory_limit / 8, (uint64_t)RESERVE_BYTES * PS_MAX(settings->threads, 1u));
    if (left >= reserve || ps_aggregate_tables_bytes(config, l->tables) < BYTES_MIN) return PS_OK;
    return local_spill(cx, op, l, at_least(op, reserve - left));
}

/* ---- of all lanes ---- */

/* For the operators behind: what lanes want before each batch, and what a writer holds. */
static uint64_t kept_free(const ps_exec_settings *settings)
{
    return PS_MAX(settings->memory_limit / 8, settings->memory_reserve - settings->memory_floor);
}

/* What merging should find left: something for the operators behind it, and in each lane a
 * partition's rows that come back from the file. UINT64_MAX: all there is, since partitions don't
 * fit and are merged in pieces. */
static uint64_t merge_bytes(const ps_op *op)
{
    const agg_config *config = op->config;
    const ps_exec_settings *settings = op->settings;
    const agg_shared *shared = op->shared;
    const uint64_t limit = settings->memory_limit, threads = PS_MAX(settings->threads, 1u);
    uint64_t parts[PS_GROUP_PARTITIONS] = {0}, most = 0;

    if (config->n_keys == 0 && config->n_collects) return UINT64_MAX; /* rows of one group */
    for (size_t t = 0; t < shared->tables.n; t++)
        for (uint32_t i = 0; i <= ps_aggregate_n_sets(config); i++) {
            const ps_group_table *table = table_at(config, shared->tables.at[t], i);
            if (table) ps_group_table_filed(table, parts);
        }
    for (uint32_t p = 0; p < PS_GROUP_PARTITIONS; p++) most = PS_MAX(most, parts[p]);
    if (most > limit / 8 / threads) return UINT64_MAX;
    return kept_free(settings) + (config->n_collects ? limit / 8 : limit / 16) + most * threads;
}

/* Tables' strings are not given back partition by partition. */
ps_status ps_aggregate_finish_plan(ps_ctx *cx, ps_op *op, uint64_t *n_tasks)
{
    const uint64_t limit = op->settings->memory_limit, left = ps_mem_left(op->mem);
    agg_shared *shared = op->shared;

    (void)cx;
    *n_tasks = 0;
    if (limit == 0 || (!shared->spill && left >= kept_free(op->settings))) return PS_OK;
    const uint64_t needs = merge_bytes(op);
    if (left >= needs) return PS_OK;
    shared->lacks = needs - left;
    shared->held = ps_aggregate_bytes(op, NULL);
    *n_tasks = shared->tables.n;
    return PS_OK;
}

ps_status ps_aggregate_finish_task(ps_ctx *cx, ps_op *op, uint64_t task)
{
    agg_shared *shared = op->shared;
    agg_tables *tables = shared->tables.at[task];
    const uint64_t bytes = ps_aggregate_tables_bytes(op->config, tables);

    if (bytes < BYTES_MIN) return PS_OK;
    return tables_spill(cx, op, tables, share_of(shared->lacks, bytes, shared->held));
}

/* Memory of a lane's rows, or of all lanes' when they are sealed; and writing them out. */
uint64_t ps_aggregate_bytes(const ps_op *op, const void *local)
{
    const agg_shared *shared = op->shared;
    const agg_local *l = local;
    uint64_t bytes = 0;

    if (l) return l->tables ? ps_aggregate_tables_bytes(op->config, l->tables) : 0;
    for (size_t t = 0; t < shared->tables.n; t++)
        bytes += ps_aggregate_tables_bytes(op->config, shared->tables.at[t]);
    return bytes;
}

ps_status ps_aggregate_shrink(ps_ctx *cx, ps_op *op, void *local, uint64_t wanted)
{
    agg_shared *shared = op->shared;
    agg_local *l = local;

    if (l) return l->tables ? local_spill(cx, op, l, at_least(op, wanted)) : PS_OK;
    const uint64_t all = ps_aggregate_bytes(op, NULL), enough = at_least(op, wanted);
    for (size_t t = 0; t < shared->tables.n; t++) {
        agg_tables *tables = shared->tables.at[t];
        const uint64_t bytes = ps_aggregate_tables_bytes(op->config, tables);
        shared->generations++; /* rows that are read back are the groups no more */
        if (bytes) PS_TRY(tables_spill(cx, op, tables, share_of(enough, bytes, all)));
    }
    return PS_OK;
}
