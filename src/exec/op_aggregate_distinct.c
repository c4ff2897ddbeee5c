/* exec/op_aggregate_distinct.c -- aggregates with DISTINCT, when a partition is merged.
 *
 * The sets of all lanes are merged like groups; each of their rows is then one argument row of the
 * group that it finds by its keys. Those aggregates are order-free, so the order of the set does
 * not matter. Tests: tests/unit/test_aggregate.c */
#include "exec/op_aggregate.h"

enum { CHUNK = 1024 };

typedef struct agg_set_work {
    ps_vec_buf *bufs;
    uint32_t n_bufs;
    ps_vec *results; /* arguments at the places where items look for them */
    uint64_t hashes[CHUNK], at[CHUNK];
    uint8_t *groups[CHUNK];
    uint32_t pairs[CHUNK], other[CHUNK];
    agg_work work;
} agg_set_work;

void ps_aggregate_distinct_close(agg_source *s)
{
    if (!s->sets) return;
    for (uint32_t b = 0; b < s->sets->n_bufs; b++) ps_vec_buf_release(&s->sets->bufs[b]);
    ps_free(s->sets);
    s->sets = NULL;
}

static ps_status work_new(ps_ctx *cx, agg_source *s)
{
    const uint32_t n = s->config->n_keys + AGG_ARGS_MAX;
    agg_set_work *w;

    if (s->sets) return PS_OK;
    w = s->sets = ps_alloc_zero(cx, sizeof(*w));
    if (!w) return PS_MEMORY;
    w->bufs = PS_ARENA_ARRAY(cx, &s->arena, ps_vec_buf, n);
    w->results = PS_ARENA_ARRAY(cx, &s->arena, ps_vec, s->config->n_results + 1);
    if (!w->bufs || !w->results) return PS_MEMORY;
    for (; w->n_bufs < n; w->n_bufs++) PS_TRY(ps_vec_buf_init(cx, &w->bufs[w->n_bufs], CHUNK));
    return PS_OK;
}

/* w->groups[k]: the merged group with the k-th row's keys. */
static ps_status find_groups(ps_ctx *cx, agg_source *s, const ps_vec *keys, uint32_t n)
{
    agg_set_work *w = s->sets;
    const ps_group_merge *merge = &s->merge;
    const uint64_t mask = ((uint64_t)1 << merge->dir_bits) - 1;
    uint32_t n_pending = n, n_equal;

    if (s->config->n_keys == 0) {
        for (uint32_t k = 0; k < n; k++) w->groups[k] = merge->groups[0];
        return PS_OK;
    }
    for (uint32_t k = 0; k < n; k++) {
        w->at[k] = (w->hashes[k] << merge->skip_bits) >> (64 - merge->dir_bits);
        w->pairs[k] = k;
    }
    while (n_pending > 0) {
        PS_TRY(ps_poll(cx));
        for (uint32_t i = 0; i < n_pending; i++) {
            const uint32_t k = w->pairs[i];
            for (;; w->at[k] = (w->at[k] + 1) & mask) {
                w->groups[k] = (uint8_t *)(uintptr_t)merge->dir[w->at[k]];
                if (!w->groups[k]) return PS_BUG(cx, "a distinct value has no group");
                if (ps_row_hash(w->groups[k]) == w->hashes[k]) break;
            }
        }
        PS_TRY(ps_rows_match(cx, merge->layout, keys, NULL, w->groups, w->pairs, n_pending,
                             w->other, &n_equal));
        n_pending -= n_equal;
        for (uint32_t i = 0; i < n_pending; i++) {
            w->pairs[i] = w->other[i];
            w->at[w->other[i]] = (w->at[w->other[i]] + 1) & mask;
        }
    }
    return PS_OK;
}

/* One chunk of a set's rows into the aggregates that it feeds. */
static ps_status feed(ps_ctx *cx, agg_source *s, uint32_t d, uint8_t *const *rows, uint32_t n)
{
    const agg_config *config = s->config;
    const agg_distinct *distinct = &config->distincts[d];
    const uint32_t hash_at = distinct->layout->cols[config->n_keys + distinct->n_args].at;
    agg_set_work *w = s->sets;
    ps_vec keys[64];
    const ps_batch batch = {.n = n, .n_live = n};

    for (uint32_t k = 0; k < n; k++) memcpy(&w->hashes[k], rows[k] + hash_at, sizeof(uint64_t));
    for (uint32_t c = 0; c < config->n_keys; c++)
        PS_TRY(ps_rows_gather(cx, distinct->layout, c, rows, n, &w->bufs[c], &keys[c]));
    for (uint32_t a = 0; a < distinct->n_args; a++)
        PS_TRY(ps_rows_gather(cx, distinct->layout, config->n_keys + a, rows, n,
                              &w->bufs[config->n_keys + a], &w->results[distinct->args[a]]));
    PS_TRY(find_groups(cx, s, keys, n));
    const agg_rows all = {.batch = &batch, .n = n, .shape = PS_AGG_ROWS, .rows = w->groups};
    for (uint32_t i = 0; i < config->n_items; i++) {
        const agg_item *item = &config->items[i];
        if (item->distinct != (int32_t)d || item->shared) continue;
        PS_TRY(ps_aggregate_update_item(cx, item, w->results, &all, &w->work, &s->heap.base));
    }
    return PS_OK;
}

static ps_status nothing_to_merge(ps_ctx *cx, void *user, uint8_t *const *dst, uint8_t *const *src,
                                  uint32_t n)
{
    (void)cx, (void)user, (void)dst, (void)src, (void)n;
    return PS_OK;
}

/* Rows of a set whose hashes agree in skip_bits; where they are too many, in pieces. */
static ps_status feed_rows(ps_ctx *cx, agg_source *s, uint32_t d, ps_rows *const *sources,
                           size_t n_sources, uint32_t skip_bits)
{
    const bool spills = s->op->settings->memory_limit > 0 || s->op->settings->force_spill;
    ps_rows *pieces = NULL;
    uint32_t n_pieces = 0;
    ps_group_merge set;
    uint64_t n_rows = 0;
    ps_status st = PS_OK;

    for (size_t t = 0; t < n_sources; t++) n_rows += sources[t]->n_rows;
    if (n_rows == 0) return PS_OK;
    PS_GO(ps_group_merge_init(cx, &set, s->config->distincts[d].layout, skip_bits,
                              spills ? PS_MIN(n_rows, (uint64_t)4096) : n_rows));
    set.is_full = ps_aggregate_is_full;
    set.user = s->op;
    for (size_t t = 0; t < n_sources && !set.full; t++) {
        size_t page = 0;
        PS_GO(ps_group_merge_add(cx, &set, sources[t], &page, nothing_to_merge, NULL));
        if (!set.full) continue;
        PS_GO(ps_aggregate_split_set(cx, s, &set, sources, n_sources, t, page, &pieces, &n_pieces));
    }
    for (uint64_t at = 0; !set.full && at < set.n; at += CHUNK)
        PS_GO(feed(cx, s, d, set.groups + at, (uint32_t)PS_MIN(set.n - at, (uint64_t)CHUNK)));
done:
    ps_group_merge_release(&set);
    for (uint32_t p = 0; pieces && p < n_pieces; p++) {
        if (st == PS_OK)
            st = feed_rows(cx, s, d, &(ps_rows *){&pieces[p]}, 1,
                           skip_bits + ps_log2_ceil(n_pieces));
        ps_rows_release(&pieces[p]);
    }
    ps_free(pieces);
    return st;
}

/* The part's set of every lane. */
static ps_status feed_part(ps_ctx *cx, ps_op *op, agg_source *s, uint32_t d, uint64_t part)
{
    const size_t n = ps_aggregate_n_sources(s);
    agg_shared *shared = op->shared;
    ps_rows **sources = ps_alloc(cx, (n + 1) * sizeof(*sources));

    if (!sources) return PS_MEMORY;
    for (size_t t = 0; t < n; t++)
        sources[t] = s->config->n_keys ? ps_aggregate_set_of(s, d, t)
                                       : &shared->tables.at[t]->sets[d].parts[part];
    const ps_status st = feed_rows(cx, s, d, sources, n, PS_GROUP_RADIX_BITS);
    for (size_t t = 0; t < n; t++) ps_rows_release(sources[t]);
    ps_free(sources);
    return st;
}

ps_status ps_aggregate_distinct(ps_ctx *cx, ps_op *op, agg_source *s)
{
    const agg_config *config = s->config;

    PS_TRY(work_new(cx, s));
    for (uint32_t d = 0; d < config->n_distincts; d++) {
        if (config->n_keys > 0) {
            PS_TRY(feed_part(cx, op, s, d, s->part));
            continue;
        }
        for (uint64_t part = 0; part < PS_GROUP_PARTITIONS; part++)
            PS_TRY(feed_part(cx, op, s, d, part));
    }
    return PS_OK;
}
