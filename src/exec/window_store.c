/* exec/window_store.c -- one partition's rows in a file, for frames that reach far in it.
 *
 * Rows are written as blocks of a few thousand. Of each there stay in memory: its ranks, where its
 * first and last groups of peers begin and end, values before it (IGNORE NULLS), and the state of
 * its rows for calls that aggregate over frames. Once all are written everything about the
 * partition is known: its end, the end of every group, the aggregate over all of it. Blocks are
 * read back as they are asked for, and some are kept: of the current row, and near the frames'
 * ends. A frame's aggregate is that of rows of the blocks where it begins and ends and of states of
 * the blocks between them, over which a tree of states stands (window_tree.c).
 *
 * The file is the sort's; its space there is given up with the store.
 * Tests: tests/slt/op/window_large.test, tests/py/test_window_large.py */
#include "exec/window.h"

enum { BLOCK_SHARE = 8, BLOCK_BYTES_MIN = 32 << 10, CACHE_MIN = 4, CACHE_MAX = 12 };

/* What stays of a block. */
typedef struct block_fact {
    uint64_t first;                  /* rank */
    uint64_t group;                  /* number of its first row's group */
    uint64_t group_begin, group_end; /* where that begins, and where its last row's ends */
} block_fact;

struct window_store {
    ps_rows rows; /* a page is a block */
    ps_spill *spill;
    uint64_t end;
    block_fact *facts;
    uint64_t **values; /* by call: before each block, then of all; NULL: not counted */
    window_made *sums; /* by call: states of blocks */
    uint64_t **fresh;  /* by call: bits of rows that repeat none before; NULL: not asked for */
    window_by_value **by_value;  /* by call: its rows in that order; NULL: not asked for */
    size_t n, room;              /* blocks */
    size_t open;                 /* the first one whose last group's end isn't known */
    uint64_t group_begin, group; /* of the last row */
    window_heap scratch;
    bool sealed;
    window_block *cache;
    uint32_t n_cache;
    uint64_t clock;
};

bool ps_window_store_sealed(const window_store *store) { return store->sealed; }

window_range ps_window_store_range(const window_store *store)
{
    return (window_range){store->n ? store->facts[0].first : store->end, store->end};
}

static bool counts_values(const window_call *call) { return call->expr->agg->ignore_nulls; }

uint64_t ps_window_store_rows(const window_source *s)
{
    const window_stream *st = &s->stream;
    const uint64_t rows = PS_MAX(st->n_rows, 1),
                   row = PS_MAX(st->held.bytes / rows, s->config->spec.layout->row_bytes),
                   bytes = PS_MAX(ps_window_piece_bytes(s->op) / BLOCK_SHARE, BLOCK_BYTES_MIN);

    if (s->op->settings->force_spill) return ps_window_piece_rows(s->op) / 4;
    return PS_MIN(PS_MAX(bytes / (row + s->config->row_bytes), 16), ps_window_piece_rows(s->op));
}

/* ---- making it ---- */

ps_status ps_window_store_new(ps_ctx *cx, window_source *s, const ps_sorter *sorter)
{
    const uint32_t n_calls = s->config->n_calls;
    window_store *store = ps_alloc_zero(cx, sizeof(*store));

    if (!store) return PS_MEMORY;
    store->values = ps_alloc_zero(cx, (n_calls + 1) * sizeof(*store->values));
    store->sums = ps_alloc_zero(cx, (n_calls + 1) * sizeof(*store->sums));
    store->fresh = ps_alloc_zero(cx, (n_calls + 1) * sizeof(*store->fresh));
    store->by_value = ps_alloc_zero(cx, (n_calls + 1) * sizeof(window_by_value *));
    if (!store->values || !store->sums || !store->fresh || !store->by_value) {
        ps_free(store->by_value);
        ps_free(store->values);
        ps_free(store->fresh);
        ps_free(store->sums);
        ps_free(store);
        return PS_MEMORY;
    }
    ps_rows_init(&store->rows, s->config->spec.layout);
    ps_window_heap_init(&store->scratch);
    for (uint32_t c = 0; c < n_calls; c++) ps_window_heap_init(&store->sums[c].heap);
    store->spill = sorter->spill;
    store->end = s->stream.first;
    store->group_begin = s->stream.group_begin;
    store->group = s->stream.group;
    s->store = store;
    ps_op_spilled_as((ps_op *)(uintptr_t)s->op, 1, 2); /* after the sort */
    return PS_OK;
}

static void slot_clear(const window_config *config, window_block *block)
{
    ps_window_block_clear(config, block);
    ps_free(block->page.rows);
    ps_free(block->addresses);
    block->page.rows = NULL;
    block->addresses = NULL;
    block->number = 0;
}

void ps_window_store_free(window_source *s)
{
    window_store *store = s->store;
    const window_config *config = s->config;

    if (!store) return;
    for (uint32_t b = 0; b < store->n_cache; b++) {
        slot_clear(config, &store->cache[b]);
        ps_free(store->cache[b].groups);
        ps_free(store->cache[b].made);
    }
    for (uint32_t c = 0; c < config->n_calls; c++) {
        for (uint32_t l = 0; l < store->sums[c].n_levels; l++) ps_free(store->sums[c].levels[l]);
        ps_arena_release(&store->sums[c].heap.arena);
        ps_free(store->values[c]);
        ps_free(store->fresh[c]);
        ps_window_by_value_free(store->by_value[c]);
    }
    ps_free(store->by_value);
    ps_free(store->fresh);
    ps_free(store->values);
    ps_free(store->sums);
    ps_free(store->facts);
    ps_free(store->cache);
    ps_arena_release(&store->scratch.arena);
    ps_rows_drop(&store->rows);
    ps_free(store);
    s->store = NULL;
    s->block = &s->whole;
}

/* Room for one more block and what closes the lists. */
static ps_status make_room(ps_ctx *cx, window_source *s)
{
    window_store *store = s->store;
    const size_t room = PS_MAX(store->room * 2, (size_t)64);

    if (store->n + 1 < store->room) return PS_OK;
    block_fact *facts = ps_realloc(cx, store->facts, room * sizeof(*facts));
    if (!facts) return PS_MEMORY;
    store->facts = facts;
    for (uint32_t c = 0; c < s->config->n_calls; c++) {
        const window_call *call = &s->config->calls[c];
        window_made *sums = &store->sums[c];
        if (counts_values(call)) {
            uint64_t *values = ps_realloc(cx, store->values[c], room * sizeof(*values));
            if (!values) return PS_MEMORY;
            if (!store->values[c]) values[0] = 0;
            store->values[c] = values;
        }
        if (call->sums) {
            uint8_t *states =
                ps_realloc(cx, sums->levels[0], room * call->agg.class->state_bytes + 1);
            if (!states) return PS_MEMORY;
            sums->levels[0] = states;
            sums->n_levels = 1;
        }
    }
    store->room = room;
    return PS_OK;
}

/* The state of a block's rows, as the next one. */
static ps_status add_sums(ps_ctx *cx, window_source *s, const window_call *call,
                          const window_block *block)
{
    window_store *store = s->store;
    const uint32_t bytes = call->agg.class->state_bytes;
    window_made *sums = &store->sums[ps_window_call_at(s, call)];
    uint8_t *sum = sums->levels[0] + store->n * bytes;

    ps_arena_reset(&store->scratch.arena);
    uint8_t *state = ps_arena_alloc(cx, &store->scratch.arena, bytes + 1);
    if (!state) return PS_MEMORY;
    s->n_feed = s->n_merge = 0;
    PS_TRY(ps_window_feeding(cx, s, call, &store->scratch.base, block));
    for (uint64_t r = 0; r < block->n; r++) PS_TRY(ps_window_feed(cx, s, block->rows[r], state));
    PS_TRY(ps_window_flush(cx, s));
    PS_TRY(ps_window_feeding(cx, s, call, &sums->heap.base, block));
    memset(sum, 0, bytes);
    PS_TRY(ps_window_merge(cx, s, sum, state));
    PS_TRY(ps_window_flush(cx, s));
    sums->level_n[0] = store->n + 1;
    return PS_OK;
}

static uint64_t count_values(const window_source *s, const window_call *call,
                             const window_block *block)
{
    const ps_row_col *col = ps_window_col(s, call->args[0]);
    uint64_t n = 0;

    for (uint64_t r = 0; r < block->n; r++) n += !ps_row_null(col, block->rows[r]);
    return n;
}

/* The block is written: groups that begin in it end those before. */
static void add_fact(const window_source *s, const uint8_t *before, const window_block *block)
{
    window_store *store = s->store;
    block_fact fact = {.first = block->first};

    for (uint64_t r = 0; r < block->n; r++) {
        if (before && !ps_window_same_peers(s->config, before, block->rows[r])) {
            store->group_begin = block->first + r;
            store->group++;
            for (; store->open < store->n; store->open++)
                store->facts[store->open].group_end = store->group_begin;
        }
        before = block->rows[r];
        if (r > 0) continue;
        fact.group_begin = store->group_begin;
        fact.group = store->group;
    }
    store->facts[store->n++] = fact;
    store->end += block->n;
}

ps_status ps_window_store_add(ps_ctx *cx, window_source *s, const uint8_t *before,
                              uint8_t *const *rows, uint64_t n)
{
    window_store *store = s->store;
    const window_block block = {.first = store->end, .n = n, .rows = rows, .number = store->n + 1};

    PS_TRY(make_room(cx, s));
    for (uint32_t c = 0; c < s->config->n_calls; c++) {
        const window_call *call = &s->config->calls[c];
        if (call->sums) PS_TRY(add_sums(cx, s, call, &block));
        if (counts_values(call))
            store->values[c][store->n + 1] =
                store->values[c][store->n] + count_values(s, call, &block);
    }
    PS_TRY(ps_rows_spill_copy(cx, &store->rows, store->spill, rows, NULL, (uint32_t)n));
    add_fact(s, before, &block);
    return ps_poll(cx);
}

ps_status ps_window_store_seal(ps_ctx *cx, window_source *s)
{
    window_store *store = s->store;
    const window_config *config = s->config;

    for (uint32_t c = 0; c < config->n_calls; c++) {
        if (!config->calls[c].sums || store->sums[c].n_levels > 1) continue;
        const window_block none = {.number = 0};
        s->n_feed = s->n_merge = 0;
        PS_TRY(ps_window_feeding(cx, s, &config->calls[c], &store->sums[c].heap.base, &none));
        const ps_status status = ps_window_tree_grow(cx, s, &config->calls[c], &store->sums[c]);
        for (window_made *sums = &store->sums[c]; status != PS_OK && sums->n_levels > 1;)
            ps_free(sums->levels[--sums->n_levels]);
        PS_TRY(status);
    }
    if (!store->cache) {
        const uint32_t n =
            PS_MAX(PS_MIN(2 + 2 * config->n_calls, (uint32_t)CACHE_MAX), (uint32_t)CACHE_MIN);
        store->cache = ps_alloc_zero(cx, n * sizeof(*store->cache));
        if (!store->cache) return PS_MEMORY;
        store->n_cache = n;
    }
    for (; store->open < store->n; store->open++) store->facts[store->open].group_end = store->end;
    for (uint32_t c = 0; c < config->n_calls; c++)
        if (config->calls[c].fresh && !store->fresh[c])
            PS_TRY(ps_window_sorted_fresh(cx, s, &config->calls[c], &store->fresh[c]));
    s->groups_end = store->group + 1;
    s->partition_group = s->stream.partition_group;
    PS_TRY(ps_window_one_partition(cx, s, (window_range){s->stream.partition_begin, store->end}));
    store->sealed = true;
    return PS_OK;
}

/* ---- reading it ---- */

/* The last block that begins at the rank or before. */
static size_t block_at(const window_store *store, uint64_t rank)
{
    size_t low = 0, high = store->n;

    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (store->facts[middle].first <= rank) low = middle;
        else high = middle;
    }
    return low;
}

static uint64_t block_end(const window_store *store, size_t b)
{
    return b + 1 < store->n ? store->facts[b + 1].first : store->end;
}

static ps_status slot_read(ps_ctx *cx, window_source *s, size_t b, window_block *slot)
{
    window_store *store = s->store;
    const block_fact *fact = &store->facts[b];
    const uint32_t row_bytes = s->config->spec.layout->row_bytes;

    if (!slot->made) slot->made = ps_alloc_zero(cx, (s->config->n_calls + 1) * sizeof(window_made));
    if (!slot->made) return PS_MEMORY;
    PS_TRY(ps_rows_read(cx, &store->rows, b, &slot->page));
    slot->n = slot->page.n_rows;
    slot->addresses = ps_alloc(cx, slot->n * sizeof(*slot->addresses));
    if (!slot->addresses) return PS_MEMORY;
    for (uint64_t r = 0; r < slot->n; r++) slot->addresses[r] = slot->page.rows + r * row_bytes;
    slot->rows = slot->addresses;
    slot->first = fact->first;
    slot->first_group = fact->group;
    slot->number = b + 1;
    return ps_window_split_block(cx, s->config, slot, fact->group_begin, fact->group_end);
}

/* An empty slot, or the one that was used last longest ago and isn't the current row's. */
static window_block *slot_for(window_source *s)
{
    window_store *store = s->store;
    window_block *oldest = NULL;

    for (uint32_t b = 0; b < store->n_cache; b++) {
        window_block *slot = &store->cache[b];
        if (slot->number == 0) return slot;
        if (slot != s->block && (!oldest || slot->used < oldest->used)) oldest = slot;
    }
    return oldest;
}

ps_status ps_window_store_block(ps_ctx *cx, window_source *s, uint64_t rank, window_block **out)
{
    window_store *store = s->store;

    if (!store) return PS_BUG(cx, "a window looked beyond the rows it has");
    for (uint32_t b = 0; b < store->n_cache; b++) {
        *out = &store->cache[b];
        if ((*out)->number == 0 || !ps_window_in(*out, rank)) continue;
        (*out)->used = ++store->clock;
        return PS_OK;
    }
    window_block *slot = slot_for(s);
    if (slot->number) PS_TRY(ps_window_flush(cx, s));
    slot_clear(s->config, slot);
    ps_status status = slot_read(cx, s, block_at(store, rank), slot);
    if (status == PS_MEMORY) { /* with no others beside it */
        slot_clear(s->config, slot);
        ps_ctx_clear(cx);
        PS_TRY(ps_window_flush(cx, s));
        for (uint32_t b = 0; b < store->n_cache; b++)
            if (&store->cache[b] != s->block) slot_clear(s->config, &store->cache[b]);
        status = slot_read(cx, s, block_at(store, rank), slot);
    }
    if (status != PS_OK) slot_clear(s->config, slot);
    slot->used = ++store->clock;
    *out = slot;
    return status;
}

ps_status ps_window_store_next(ps_ctx *cx, window_source *s)
{
    window_block *block;

    s->block = &s->whole; /* none is kept */
    ps_window_block_clear(s->config, &s->whole);
    PS_TRY(ps_window_store_block(cx, s, s->at, &block));
    ps_rows_expect(&s->store->rows, block->number);
    s->block = block;
    s->end = block->first + block->n;
    s->partition = s->group = 0;
    return PS_OK;
}

ps_status ps_window_store_group(ps_ctx *cx, window_source *s, uint64_t number, uint64_t *begin)
{
    const window_store *store = s->store;
    size_t low = 0, high = store ? store->n : 0;
    window_block *block;

    if (!store) return PS_BUG(cx, "a window looked beyond the groups it has");
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (store->facts[middle].group <= number) low = middle;
        else high = middle;
    }
    *begin = store->facts[low].group_begin;
    if (store->facts[low].group == number) return PS_OK;
    PS_TRY(ps_window_block_of(cx, s, store->facts[low].first, &block));
    *begin = block->groups[number - block->first_group];
    return PS_OK;
}

bool ps_window_store_fresh(const window_source *s, const window_call *call, uint64_t rank)
{
    const window_store *store = s->store;

    return ps_bit_get(store->fresh[ps_window_call_at(s, call)], rank - store->facts[0].first);
}

ps_status ps_window_store_run(ps_ctx *cx, window_source *s, const window_call *call,
                              window_range frame, ps_agg_run **run)
{
    window_store *store = s->store;
    const uint32_t at = ps_window_call_at(s, call);

    *run = NULL;
    if (!call->by_value || frame.begin != store->facts[0].first || frame.end != store->end ||
        call->frame->exclude != PS_EXCLUDE_NO_OTHERS)
        return PS_OK;
    if (!store->by_value[at]) PS_TRY(ps_window_by_value_new(cx, s, call, &store->by_value[at]));
    *run = ps_window_by_value_run(store->by_value[at]);
    return PS_OK;
}

static ps_status values_of(ps_ctx *cx, window_source *s, const window_call *call, size_t b,
                           window_block **block, window_made **made)
{
    PS_TRY(ps_window_block_of(cx, s, s->store->facts[b].first, block));
    *made = &(*block)->made[ps_window_call_at(s, call)];
    return (*made)->before ? PS_OK : ps_window_values_find(cx, s, call, *block, *made);
}

ps_status ps_window_store_values(ps_ctx *cx, window_source *s, const window_call *call,
                                 uint64_t rank, uint64_t *n)
{
    const window_store *store = s->store;
    const uint64_t *values = store->values[ps_window_call_at(s, call)];
    const size_t b = block_at(store, rank);
    window_block *block;
    window_made *made;

    *n = rank >= store->end ? values[store->n] : values[b];
    if (rank <= store->facts[b].first || rank >= store->end) return PS_OK;
    PS_TRY(values_of(cx, s, call, b, &block, &made));
    *n += made->before[rank - block->first];
    return PS_OK;
}

ps_status ps_window_store_place(ps_ctx *cx, window_source *s, const window_call *call,
                                uint64_t value, uint64_t *rank)
{
    const uint64_t *values = s->store->values[ps_window_call_at(s, call)];
    size_t low = 0, high = s->store->n;
    window_block *block;
    window_made *made;

    while (high - low > 1) { /* the last block with fewer values before it */
        const size_t middle = low + (high - low) / 2;
        if (values[middle] <= value) low = middle;
        else high = middle;
    }
    PS_TRY(values_of(cx, s, call, low, &block, &made));
    *rank = block->first + made->places[value - values[low]];
    return PS_OK;
}

ps_status ps_window_store_sums(ps_ctx *cx, window_source *s, const window_call *call,
                               window_range range, uint8_t *state, window_range *added)
{
    const window_store *store = s->store;
    window_range nodes;

    *added = (window_range){range.end, range.end};
    if (range.begin >= range.end) return PS_OK;
    nodes.begin = block_at(store, range.begin);
    if (store->facts[nodes.begin].first < range.begin) nodes.begin++;
    nodes.end = block_at(store, range.end - 1);
    if (block_end(store, nodes.end) <= range.end) nodes.end++;
    if (nodes.begin >= nodes.end) return PS_OK;
    *added = (window_range){store->facts[nodes.begin].first, block_end(store, nodes.end - 1)};
    return ps_window_tree_nodes(cx, s, call, &store->sums[ps_window_call_at(s, call)], nodes,
                                state);
}
