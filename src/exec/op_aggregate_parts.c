/* exec/op_aggregate_parts.c -- partitions that are too large to merge are split into pieces.
 *
 * A piece has the rows whose hashes agree in the next bits, so pieces one after the other keep the
 * result's order. Groups that were merged already go into the pieces as rows like all others, and
 * whatever a piece holds beyond a few pages is written out; one that is still too large is split
 * again. Sets go with their groups. A set of distinct values is split by its own hash where it is
 * fed, so that one group's values needn't fit either. Tests: tests/slt/op/aggregate_large.test,
 * tests/py/test_spill_aggregate.py */
#include "exec/op_aggregate.h"

enum {
    PIECE_BITS = 4,
    PIECES = 1 << PIECE_BITS,
    PIECE_BYTES = 96 << 10, /* held of one piece until it is written out */
    PIECE_PAGE_BYTES = 16 << 10,
    FULL_BYTES_MIN = 1 << 20,
    LANE_BYTES = 4 << 20,
    SKIP_BITS_MAX = 56,
    FORCED_ROWS = 64, /* force_spill: so that small tests meet pieces, and pieces of pieces */
    FORCED_BITS_MAX = PS_GROUP_RADIX_BITS + PIECE_BITS,
    CHUNK = 256
};

struct agg_pieces {
    agg_pieces *above;
    uint32_t next; /* the one after the current */
    uint32_t skip_bits;
    uint32_t level; /* how often their rows were written out */
    uint32_t n_each;
    ps_rows rows[]; /* by piece: groups, then sets */
};

/* Going into pieces has to fit yet, in every lane. */
static uint64_t full_left(const ps_exec_settings *settings)
{
    const uint64_t limit = settings->memory_limit;
    const uint64_t lanes = (uint64_t)LANE_BYTES * PS_MAX(settings->threads, 1u);

    return PS_MIN(PS_MAX(limit / 16, lanes), limit / 4);
}

bool ps_aggregate_is_full(const ps_group_merge *merge)
{
    const ps_op *op = merge->user;
    const ps_exec_settings *settings = op->settings;

    if (settings->force_spill)
        return merge->n >= FORCED_ROWS && merge->skip_bits <= FORCED_BITS_MAX;
    const uint64_t bytes = ps_group_merge_bytes(merge), left = ps_mem_left(op->mem);
    const uint64_t share = settings->memory_limit / 4 / PS_MAX(settings->threads, 1u);
    return settings->memory_limit && merge->skip_bits <= SKIP_BITS_MAX && bytes >= FULL_BYTES_MIN &&
           (bytes >= share || left < full_left(settings));
}

/* ---- what is merged now ---- */

static ps_rows *piece_rows(const agg_source *s, uint32_t at)
{
    return &s->pieces->rows[(s->pieces->next - 1) * s->pieces->n_each + at];
}

size_t ps_aggregate_n_sources(const agg_source *s)
{
    return s->pieces ? 1 : ((const agg_shared *)s->op->shared)->tables.n;
}

ps_rows *ps_aggregate_groups_of(const agg_source *s, size_t i)
{
    const agg_shared *shared = s->op->shared;

    return s->pieces ? piece_rows(s, 0) : &shared->tables.at[i]->groups.parts[s->part];
}

ps_rows *ps_aggregate_set_of(const agg_source *s, uint32_t set, size_t i)
{
    const agg_shared *shared = s->op->shared;

    return s->pieces ? piece_rows(s, 1 + set) : &shared->tables.at[i]->sets[set].parts[s->part];
}

uint32_t ps_aggregate_skip_bits(const agg_source *s)
{
    const agg_shared *shared = s->op->shared;

    return s->pieces ? s->pieces->skip_bits : shared->n_parts > 1 ? PS_GROUP_RADIX_BITS : 0;
}

uint32_t ps_aggregate_level(const agg_source *s)
{
    if (s->pieces) return s->pieces->level;
    return atomic_load_explicit(&s->op->stats.parts, memory_order_relaxed) ? 1 : 0;
}

/* Nobody else reads them: one morsel, one lane. Their space in the file stays: giving back pages of
 * some ten kilobytes one by one takes the file system longer than writing them did. */
void ps_aggregate_sources_free(agg_source *s)
{
    for (size_t t = 0; t < ps_aggregate_n_sources(s); t++) {
        ps_rows_release(ps_aggregate_groups_of(s, t));
        for (uint32_t d = 0; d < ps_aggregate_n_sets(s->config); d++)
            ps_rows_release(ps_aggregate_set_of(s, d, t));
    }
}

static void pieces_free(agg_pieces *pieces)
{
    for (uint32_t i = 0; i < PIECES * pieces->n_each; i++) ps_rows_release(&pieces->rows[i]);
    ps_free(pieces);
}

bool ps_aggregate_next_piece(agg_source *s)
{
    while (s->pieces) {
        agg_pieces *pieces = s->pieces;
        while (pieces->next < PIECES) {
            pieces->next++;
            if (piece_rows(s, 0)->n_rows) return true;
        }
        s->pieces = pieces->above;
        pieces_free(pieces);
    }
    return false;
}

void ps_aggregate_pieces_close(agg_source *s)
{
    while (s->pieces) {
        agg_pieces *above = s->pieces->above;
        pieces_free(s->pieces);
        s->pieces = above;
    }
}

/* ---- spreading rows ---- */

/* Rows over collections by the hash at an offset in each. */
typedef struct spreader {
    ps_rows *to;
    uint32_t step; /* from a piece's collection to the next piece's */
    uint32_t hash_at, skip_bits;
    ps_spill *spill;
} spreader;

static ps_status spread(ps_ctx *cx, const spreader *to, uint8_t *const *rows, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t hash;
        if (i % CHUNK == 0) PS_TRY(ps_poll(cx));
        memcpy(&hash, rows[i] + to->hash_at, sizeof(hash));
        ps_rows *piece = &to->to[to->step * ((hash << to->skip_bits) >> (64 - PIECE_BITS))];
        PS_TRY(ps_rows_append_rows(cx, piece, &(uint8_t *){rows[i]}, 1, NULL));
        if (piece->bytes > PIECE_BYTES) PS_TRY(ps_rows_spill(cx, piece, to->spill));
    }
    return PS_OK;
}

/* Pages from `page` on. */
static ps_status spread_pages(ps_ctx *cx, const spreader *to, ps_rows *from, size_t page)
{
    const uint32_t row_bytes = from->layout->row_bytes;
    uint8_t *rows[CHUNK];

    for (size_t p = page; p < from->pages.n; p++) {
        const bool from_file = !from->pages.at[p].rows;
        ps_status st = ps_rows_load(cx, from, p);
        const ps_row_page *at = &from->pages.at[p];
        for (uint32_t base = 0; st == PS_OK && base < at->n_rows; base += CHUNK) {
            const uint32_t n = PS_MIN(at->n_rows - base, (uint32_t)CHUNK);
            for (uint32_t k = 0; k < n; k++) rows[k] = at->rows + (size_t)(base + k) * row_bytes;
            st = spread(cx, to, rows, n);
        }
        if (from_file) ps_rows_unload(from, p);
        PS_TRY(st);
    }
    return PS_OK;
}

static ps_status pieces_new(ps_ctx *cx, const agg_source *s, agg_pieces **out)
{
    const agg_config *config = s->config;
    const uint32_t n_each = 1 + ps_aggregate_n_sets(config);
    agg_pieces *pieces =
        ps_alloc_zero(cx, sizeof(*pieces) + PIECES * n_each * sizeof(pieces->rows[0]));

    *out = pieces;
    if (!pieces) return PS_MEMORY;
    pieces->n_each = n_each;
    pieces->skip_bits = ps_aggregate_skip_bits(s) + PIECE_BITS;
    pieces->level = ps_aggregate_level(s) + 1;
    for (uint32_t i = 0; i < PIECES * n_each; i++) {
        const uint32_t set = i % n_each - 1;
        ps_rows_init(&pieces->rows[i], i % n_each == 0 ? config->layout
                                       : set < config->n_distincts
                                           ? config->distincts[set].layout
                                           : config->collects[set - config->n_distincts].layout);
        pieces->rows[i].page_bytes_max = PIECE_PAGE_BYTES;
    }
    return PS_OK;
}

/* Pieces, every step-th, that are in the file at all. */
static void tell_spilled(const agg_source *s, const ps_rows *pieces, uint32_t step, uint32_t level)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < PIECES; i++) n += pieces[i * step].spill != NULL;
    if (n) ps_op_spilled_as(s->op, n, level);
}

/* Where a row of a set has its group's hash. */
static uint32_t group_hash_at(const agg_config *config, uint32_t set)
{
    if (set >= config->n_distincts) return 0;
    const agg_distinct *distinct = &config->distincts[set];
    return distinct->layout->cols[config->n_keys + distinct->n_args].at;
}

ps_status ps_aggregate_split(ps_ctx *cx, agg_source *s, size_t source, size_t page)
{
    agg_pieces *pieces = NULL;
    spreader to = {0};
    ps_status st = PS_OK;

    PS_GO(pieces_new(cx, s, &pieces));
    to = (spreader){
        .to = pieces->rows, .step = pieces->n_each, .skip_bits = ps_aggregate_skip_bits(s)};
    PS_GO(ps_aggregate_spill_file(cx, s->op, &to.spill));
    PS_GO(spread(cx, &to, s->merge.groups, s->merge.n));
    ps_group_merge_release(&s->merge);
    for (size_t t = source; t < ps_aggregate_n_sources(s); t++)
        PS_GO(spread_pages(cx, &to, ps_aggregate_groups_of(s, t), t == source ? page : 0));
    for (uint32_t set = 0; set < ps_aggregate_n_sets(s->config); set++) {
        to.to = pieces->rows + 1 + set;
        to.hash_at = group_hash_at(s->config, set);
        for (size_t t = 0; t < ps_aggregate_n_sources(s); t++)
            PS_GO(spread_pages(cx, &to, ps_aggregate_set_of(s, set, t), 0));
    }
    for (uint32_t i = 0; i < PIECES * pieces->n_each; i++)
        PS_GO(ps_rows_spill(cx, &pieces->rows[i], to.spill)); /* it is long until the last's turn */
    tell_spilled(s, pieces->rows, pieces->n_each, pieces->level);
    ps_aggregate_sources_free(s);
    pieces->above = s->pieces;
    s->pieces = pieces;
    pieces = NULL;
done:
    if (pieces) pieces_free(pieces);
    return st;
}

/* ---- sets of distinct values ---- */

ps_status ps_aggregate_split_set(ps_ctx *cx, agg_source *s, const ps_group_merge *set,
                                 ps_rows *const *sources, size_t n_sources, size_t source,
                                 size_t page, ps_rows **out, uint32_t *n)
{
    ps_rows *pieces = ps_alloc_zero(cx, PIECES * sizeof(*pieces));
    spreader to = {.to = pieces, .step = 1, .skip_bits = set->skip_bits};
    ps_status st = PS_OK;

    *out = pieces;
    *n = PIECES;
    if (!pieces) return PS_MEMORY;
    for (uint32_t i = 0; i < PIECES; i++) {
        ps_rows_init(&pieces[i], set->layout);
        pieces[i].page_bytes_max = PIECE_PAGE_BYTES;
    }
    PS_GO(ps_aggregate_spill_file(cx, s->op, &to.spill));
    PS_GO(spread(cx, &to, set->groups, set->n));
    for (size_t t = source; t < n_sources; t++)
        PS_GO(spread_pages(cx, &to, sources[t], t == source ? page : 0));
    tell_spilled(s, pieces, 1,
                 ps_aggregate_level(s) + 1 + (set->skip_bits - PS_GROUP_RADIX_BITS) / PIECE_BITS);
done:
    return st;
}
