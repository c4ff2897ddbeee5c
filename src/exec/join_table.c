/* exec/join_table.c -- the directory over the build side's rows; see join.h.
 *
 * One task a partition. It first lists its rows in the order of their positions (join_reader.c).
 * Equal keys have equal hashes, so they are in one partition: tasks write disjoint slots of the
 * dense array. Partitions in the file have no directory, and then there is no dense array. */
#include "exec/join.h"

enum { TASK_ROWS_MIN = 16 * 1024 };

/* Row addresses of a partition in order of position. */
static ps_status list_rows(ps_ctx *cx, const ps_join_shared *shared, int p, uint8_t **out)
{
    ps_join_reader reader = {0};
    ps_status st = ps_join_reader_init(cx, &reader, shared, p);
    uint32_t n = 1;

    while (st == PS_OK && n > 0) {
        st = ps_poll(cx);
        if (st == PS_OK) st = ps_join_reader_next(cx, &reader, UINT32_MAX, out, &n);
        out += n;
    }
    ps_join_reader_release(&reader);
    return st;
}

/* Slots and entries, or neither: the directory needs less, so no room is no error yet. */
static void plan_slots(ps_ctx *cx, ps_join_shared *shared, uint64_t n_slots, uint64_t n_words)
{
    const uint64_t bytes = (n_slots + shared->n_rows) * 8 + n_words * sizeof(uint32_t);

    if (ps_mem_left(cx->mem) / 2 < bytes) return;
    shared->dense_slots = ps_alloc_zero(cx, (size_t)n_slots * 8);
    shared->dense_entries = ps_alloc(cx, shared->n_rows * sizeof(uint8_t *));
    if (n_words) shared->dense_ranks = ps_alloc(cx, n_words * sizeof(uint32_t));
    shared->dense =
        shared->dense_slots && shared->dense_entries && (n_words == 0 || shared->dense_ranks);
    if (shared->dense) return;
    ps_join_table_drop_dense(shared);
    ps_ctx_clear(cx);
}

/* A single integer key is found without hashing it, or comparing: in slots by value where the range
 * is narrow, else by the key's number among the bits that are set. */
static void plan_dense(ps_ctx *cx, ps_join_shared *shared, const ps_join_config *config)
{
    if (config->n_keys != 1 || !shared->key_sets || !shared->key_sets[0].known) return;
    const ps_join_key_set *set = &shared->key_sets[0];
    const ps_u128 range = (ps_u128)((ps_i128)set->hi - set->lo) + 1;
    const bool narrow = range <= (ps_u128)shared->n_rows * 8 + 1024 && range < (ps_u128)1 << 31;

    if (ps_join_spilled(shared) || (!narrow && !set->bits)) return;
    shared->dense_lo = set->lo;
    shared->dense_range = (uint64_t)range;
    if (narrow) plan_slots(cx, shared, (uint64_t)range, 0);
    else plan_slots(cx, shared, shared->n_rows + 1, set->range / 64 + 1);
    shared->ranked = shared->dense && !narrow;
}

void ps_join_table_drop_dense(ps_join_shared *shared)
{
    ps_free(shared->dense_slots);
    ps_free(shared->dense_entries);
    ps_free(shared->dense_ranks);
    shared->dense_slots = NULL;
    shared->dense_entries = NULL;
    shared->dense_ranks = NULL;
    shared->dense = shared->ranked = false;
}

/* All bits are set: how many come before each word. */
static void count_ranks(ps_join_shared *shared)
{
    const ps_join_key_set *set = &shared->key_sets[0];
    uint32_t sum = 0;

    for (uint64_t w = 0; w <= set->range / 64; w++) {
        shared->dense_ranks[w] = sum;
        /* relaxed: the tasks that set them have ended */
        sum += (uint32_t)__builtin_popcountll(
            atomic_load_explicit(&set->bits[w], memory_order_relaxed));
    }
}

ps_status ps_join_table_plan(ps_ctx *cx, ps_op *op, uint64_t *n_tasks)
{
    ps_join_shared *shared = op->shared;
    uint64_t first = 0, n_spilled = 0;

    PS_TRY(ps_join_spill_plan(cx, op));
    for (int p = 0; p < PS_JOIN_ALL_PARTS; p++) {
        ps_join_part *part = &shared->parts[p];
        uint64_t n = 0;

        for (size_t i = 0; i < shared->lanes.n; i++) n += shared->lanes.at[i]->parts[p].rows.n_rows;
        if (p == PS_JOIN_NULL_PART) break;
        shared->dense_first[p] = first;
        if (ps_join_spilled(shared) >> p & 1) n_spilled += n;
        else part->n = n, first += n;
    }
    shared->n_rows = first + n_spilled;
    if (first > UINT32_MAX / 2)
        return ps_fail(cx, PS_UNSUPPORTED, "a join's build side has too many rows: %llu",
                       (unsigned long long)first);
    PS_TRY(ps_join_keys_plan(cx, op));
    plan_dense(cx, shared, op->config);
    *n_tasks = first < TASK_ROWS_MIN ? 1 : PS_JOIN_PARTS;
    shared->one_task = *n_tasks == 1;
    shared->n_bit_tasks = shared->ranked ? *n_tasks : 0;
    return PS_OK;
}

ps_status ps_join_table_more(ps_ctx *cx, ps_op *op, uint64_t *n_tasks)
{
    ps_join_shared *shared = op->shared;

    (void)cx;
    *n_tasks = shared->n_bit_tasks;
    if (shared->ranked) count_ranks(shared);
    return PS_OK;
}

static uint64_t hash_tags(uint64_t hash)
{
    return (uint64_t)1 << (hash & 15) | (uint64_t)1 << (hash >> 4 & 15);
}

static unsigned directory_bits(uint64_t n) { return PS_MAX(ps_log2_ceil(n + n / 2 + 1), 4); }

uint64_t ps_join_directory_bytes(uint64_t n_rows)
{
    return (((uint64_t)1 << directory_bits(n_rows)) + n_rows + 4) * 8;
}

/* Histogram, prefix sums, rows into their buckets: stable, so a bucket keeps the order of
 * positions. */
ps_status ps_join_directory(ps_ctx *cx, ps_join_part *part, uint8_t *const *rows, uint32_t level)
{
    const unsigned bits = directory_bits(part->n);

    part->mask = ((uint64_t)1 << bits) - 1;
    part->shift = 60 - 4 * level - bits;
    part->slots = ps_alloc_zero(cx, ((size_t)part->mask + 3) * 8);
    part->entries = ps_alloc(cx, (part->n + 1) * sizeof(uint8_t *));
    if (!part->slots || !part->entries) return PS_MEMORY;
    /* slots[s + 2] counts s; after the prefix sums slots[s + 1] is the place of s's next row, in
     * the end its end */
    uint64_t *counts = part->slots + 2;
    for (uint64_t i = 0; i < part->n; i++) {
        const uint64_t hash = ps_row_hash(rows[i]);

        counts[hash >> part->shift & part->mask] += (uint64_t)1 << 16;
    }
    for (uint64_t s = 1; s <= part->mask; s++) counts[s] += counts[s - 1];
    PS_TRY(ps_poll(cx));
    for (uint64_t i = 0; i < part->n; i++) {
        const uint64_t hash = ps_row_hash(rows[i]);
        uint64_t *slot = &part->slots[(hash >> part->shift & part->mask) + 1];

        part->entries[*slot >> 16] = rows[i];
        *slot = (*slot + ((uint64_t)1 << 16)) | hash_tags(hash);
    }
    return PS_OK;
}

/* The slot of a key's value, less the least: its own, or that of its number. A value whose bit is
 * not set has the number of the next one. */
PS_INLINE uint64_t rank_of(const uint64_t *bits, const uint32_t *ranks, uint64_t at)
{
    const uint64_t before = bits[at / 64] & (((uint64_t)1 << (at % 64)) - 1);

    return ranks[at / 64] + (uint64_t)__builtin_popcountll(before);
}

static const uint64_t *bits_of(const ps_join_shared *shared)
{
    return (const uint64_t *)(const void *)shared->key_sets[0].bits; /* nobody writes any more */
}

static uint64_t *slot_of(const ps_join_shared *shared, const ps_row_layout *layout,
                         const uint8_t *row)
{
    const uint64_t at = (uint64_t)ps_join_key_of(layout, 0, row) - (uint64_t)shared->dense_lo;

    return &shared->dense_slots[shared->ranked ? rank_of(bits_of(shared), shared->dense_ranks, at)
                                               : at];
}

static void fill_dense(ps_join_shared *shared, const ps_row_layout *layout, int p,
                       uint8_t *const *rows)
{
    const uint64_t n = shared->parts[p].n;
    uint64_t next = shared->dense_first[p];

    /* first how many rows a key has, as n << 1 | 1 */
    for (uint64_t i = 0; i < n; i++) {
        uint64_t *slot = slot_of(shared, layout, rows[i]);

        *slot = *slot ? *slot + 2 : 3;
    }
    for (uint64_t i = 0; i < n; i++) {
        uint64_t *slot = slot_of(shared, layout, rows[i]);

        if (*slot == 3) {
            *slot =
                (uint64_t)(uintptr_t)rows[i]; /* the only one: rows are 8-byte aligned, so even */
            continue;
        }
        if ((*slot >> 32) == 0) {
            /* the first of several: takes their places; the count of those placed begins anew */
            const uint64_t count = *slot >> 1;

            *slot = (next + 1) << 32 | 1;
            next += count;
        }
        const uint64_t begin = (*slot >> 32) - 1, placed = (*slot & UINT32_MAX) >> 1;
        shared->dense_entries[begin + placed] = rows[i];
        *slot += 2;
    }
}

static ps_status build_part(ps_ctx *cx, ps_op *op, int p)
{
    const ps_join_config *config = op->config;
    ps_join_shared *shared = op->shared;
    ps_join_part *part = &shared->parts[p];
    uint8_t **rows = ps_alloc(cx, (part->n + 1) * sizeof(*rows));
    ps_status st;

    if (!rows) return PS_MEMORY;
    PS_GO(list_rows(cx, shared, p, rows));
    if (!shared->ranked) PS_GO(ps_join_keys_add(cx, shared, config, rows, part->n));
    if (shared->dense) fill_dense(shared, config->layout, p, rows);
    else PS_GO(ps_join_directory(cx, part, rows, 0));
done:
    ps_free(rows);
    return st;
}

/* Where memory is refused the partition will go to the file. */
ps_status ps_join_table_part(ps_ctx *cx, ps_op *op, int p)
{
    ps_join_shared *shared = op->shared;

    if (ps_join_spilled(shared) >> p & 1) return PS_OK;
    const ps_status st = build_part(cx, op, p);
    if (st != PS_MEMORY || shared->parts[p].n == 0) return st;
    ps_ctx_clear(cx);
    atomic_fetch_or_explicit(&shared->refused, 1u << p, memory_order_relaxed);
    return PS_OK;
}

ps_status ps_join_table_task(ps_ctx *cx, ps_op *op, uint64_t task)
{
    ps_join_shared *shared = op->shared;
    const bool sets_bits = task < shared->n_bit_tasks;
    const int first = shared->one_task ? 0 : (int)(task - (sets_bits ? 0 : shared->n_bit_tasks));
    const int end = shared->one_task ? PS_JOIN_PARTS : first + 1;

    for (int p = first; p < end; p++)
        PS_TRY(sets_bits ? ps_join_keys_add_part(cx, shared, op->config, p)
                         : ps_join_table_part(cx, op, p));
    return PS_OK;
}

void ps_join_table_filters(ps_op *op)
{
    const ps_join_config *config = op->config;
    const ps_join_shared *shared = op->shared;

    for (uint32_t i = 0; i < config->n_dynamic; i++) {
        ps_dynamic_filter *filter = config->dynamic[i];
        ps_join_filter *state = &config->dynamic_states[i];
        const ps_join_key_set *set = shared->key_sets ? &shared->key_sets[state->key] : NULL;
        const ps_type type = config->layout->cols[state->key].type;
        const bool whole = config->n_keys == 1 && !ps_join_spilled(shared);

        filter->empty = shared->n_rows == 0;
        if (set && set->known) {
            filter->has_range = true;
            filter->lo = ps_value_int(type, set->lo);
            filter->hi = ps_value_int(type, set->hi);
        }
        filter->probe = NULL;
        if (whole || (set && set->bits)) {
            state->op = op;
            filter->probe = ps_join_may_match;
            filter->state = state;
        }
        filter->ready = true;
    }
}

ps_status ps_join_table_seal(ps_ctx *cx, ps_op *op)
{
    PS_TRY(ps_join_spill_refused(cx, op));
    ps_join_table_filters(op);
    return PS_OK;
}

#define FIND(PART)                                                                                 \
    for (uint32_t k = 0; k < n; k++) {                                                             \
        const ps_join_part *part = PART;                                                           \
        const uint64_t *slot = &part->slots[hashes[k] >> part->shift & part->mask];                \
        const uint64_t tags = hash_tags(hashes[k]), end = slot[1];                                 \
                                                                                                   \
        if ((end & tags) != tags) continue;                                                        \
        const uint64_t begin = slot[0] >> 16, count = (end >> 16) - begin;                         \
        rows_out[n_out] = rows[k];                                                                 \
        out[n_out] = (ps_join_bucket){.at = part->entries + begin, .n = (uint32_t)count};          \
        n_out += count > 0;                                                                        \
    }

uint32_t ps_join_find(const ps_join_shared *shared, const uint64_t *hashes, const uint32_t *rows,
                      uint32_t n, uint32_t *rows_out, ps_join_bucket *out)
{
    uint32_t n_out = 0;

    FIND(&shared->parts[hashes[k] >> 60])
    return n_out;
}

uint32_t ps_join_find_in(const ps_join_part *one, const uint64_t *hashes, const uint32_t *rows,
                         uint32_t n, uint32_t *rows_out, ps_join_bucket *out)
{
    uint32_t n_out = 0;

    FIND(one)
    return n_out;
}

/* One loop a layout: the key, if it is in range and has a slot. */
#define FIND_SLOT(T, SLOT)                                                                         \
    for (uint32_t k = 0; k < n; k++) {                                                             \
        const uint64_t at = (uint64_t)(int64_t)((const T *)key->data)[rows[k]] - (uint64_t)lo;     \
        const uint64_t slot = SLOT;                                                                \
        rows_out[n_out] = rows[k];                                                                 \
        out[n_out] = (slot & 1)                                                                    \
                         ? (ps_join_bucket){.at = shared->dense_entries + ((slot >> 32) - 1),      \
                                            .n = (uint32_t)(slot & UINT32_MAX) >> 1}               \
                         : (ps_join_bucket){.n = 1, .only = (uint8_t *)(uintptr_t)slot};           \
        n_out += slot != 0;                                                                        \
    }
#define FIND_ALL(SLOT)                                                                             \
    switch ((ps_layout)key->layout) {                                                              \
    case PS_LAYOUT_I8: FIND_SLOT(int8_t, SLOT) break;                                              \
    case PS_LAYOUT_I16: FIND_SLOT(int16_t, SLOT) break;                                            \
    case PS_LAYOUT_I32: FIND_SLOT(int32_t, SLOT) break;                                            \
    case PS_LAYOUT_I64: FIND_SLOT(int64_t, SLOT) break;                                            \
    default: PS_ASSERT(false); break; /* a dense key has a signed layout */                        \
    }

/* The slot of a value by its number; 0 if its bit, or the one behind the last, isn't set. */
PS_INLINE uint64_t ranked_slot(const uint64_t *bits, const uint32_t *ranks, const uint64_t *slots,
                               uint64_t range, uint64_t value)
{
    const uint64_t at = PS_MIN(value, range);
    const uint64_t set = bits[at / 64] >> (at % 64) & 1;

    return slots[rank_of(bits, ranks, at)] & -set;
}

uint32_t ps_join_find_dense(const ps_join_shared *shared, const ps_vec *key, const uint32_t *rows,
                            uint32_t n, uint32_t *rows_out, ps_join_bucket *out)
{
    const int64_t lo = shared->dense_lo;
    const uint64_t range = shared->dense_range, *slots = shared->dense_slots;
    const uint64_t *bits = shared->ranked ? bits_of(shared) : NULL;
    const uint32_t *ranks = shared->dense_ranks;
    uint32_t n_out = 0;

    if (shared->ranked) FIND_ALL(ranked_slot(bits, ranks, slots, range, at))
    else FIND_ALL(at < range ? slots[at] : 0)
    return n_out;
}
