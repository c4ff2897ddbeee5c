/* exec/join_part.c -- a spilled partition: its build rows in memory, its probe rows streamed.
 *
 * Whole if it fits into the lane's part of the limit. Else build and probe rows are split sixteen
 * ways by the next four bits of their hashes, and the parts wait on a stack. Where that does not
 * help (one key with most of the rows, or no keys at all) the build rows are taken in chunks, in
 * the order of their positions, and all probe rows pass by each: a bit for each probe row remembers
 * whether it had a pair, and a last pass decides those without one.
 *
 * A step does some of it and may give rows, so that the lane can stop between any two. Refused
 * memory makes a chunk smaller. Tests: tests/slt/op/join_spill.test, tests/py/test_spill_join.py */
#include "exec/join_probe.h"

enum {
    LEVELS_MAX = 6,
    REFUSED_MAX = 8,
    BUDGET_BYTES_MIN = 256 << 10,
    /* force_spill: so that small tests meet splits and chunks */
    FORCED_ROWS = 24,
    FORCED_CHUNKS = 5,
    FORCED_LEVELS = 2
};

typedef struct work_item {
    ps_rows build, probe; /* in the file */
    uint32_t level;       /* times that its rows were split again */
    bool nested;          /* its hashes say no more */
} work_item;

typedef enum work_state {
    WORK_NEXT,
    WORK_SPLIT_BUILD,
    WORK_SPLIT_PROBE,
    WORK_LOAD,
    WORK_PROBE,
    WORK_REST
} work_state;

struct ps_join_work {
    ps_join_prober prober;
    int part; /* of the build side's */
    bool top; /* the current item is all of it: build rows are the lanes' */
    PS_ARRAY(work_item) items;
    work_item item;
    work_item *parts; /* what a split makes */
    work_state state;
    ps_join_reader build, probe;
    uint64_t n_build, n_probe;
    uint64_t budget; /* bytes */
    uint32_t n_refused;
    bool whole; /* all build rows in one chunk */
    ps_rows chunk;
    ps_join_part directory;
    ps_row_cursor rest_at;
    uint64_t *seen; /* bits: the probe row had a pair; NULL: nobody asks */
    uint64_t seen_at;
    ps_batch in;
    ps_vec *in_vecs; /* by stored column */
    ps_vec_buf *in_bufs;
    uint8_t **rows, **split_rows;
};

ps_status ps_join_work_new(ps_ctx *cx, ps_op *op, ps_arena *arena, ps_join_work **out)
{
    const ps_join_config *config = op->config;
    const uint32_t n = config->probe_layout->n_cols;
    ps_join_work *w = PS_ARENA_NEW(cx, arena, ps_join_work);

    *out = w;
    if (!w) return PS_MEMORY;
    ps_rows_init(&w->chunk, config->layout);
    w->parts = PS_ARENA_ARRAY(cx, arena, work_item, PS_JOIN_PARTS);
    w->rows = PS_ARENA_ARRAY(cx, arena, uint8_t *, PS_BATCH_ROWS_MAX);
    w->split_rows = PS_ARENA_ARRAY(cx, arena, uint8_t *, PS_BATCH_ROWS_MAX);
    w->in_vecs = PS_ARENA_ARRAY(cx, arena, ps_vec, n + 1);
    w->in_bufs = PS_ARENA_ARRAY(cx, arena, ps_vec_buf, n + 1);
    if (!w->parts || !w->rows || !w->split_rows || !w->in_vecs || !w->in_bufs) return PS_MEMORY;
    for (uint32_t c = 0; c < n; c++)
        PS_TRY(ps_vec_buf_init(cx, &w->in_bufs[c], PS_MAX(cx->batch_rows, 64u)));
    PS_TRY(ps_batch_init(cx, arena, config->n_probe_cols, &w->in));
    w->in.n_cols = config->n_probe_cols;
    return ps_join_prober_open(cx, op, &w->prober);
}

static void chunk_free(ps_join_work *w)
{
    ps_rows_release(&w->chunk);
    ps_join_directory_free(&w->directory);
    w->directory = (ps_join_part){0};
}

static void item_free(work_item *item)
{
    ps_rows_release(&item->build);
    ps_rows_release(&item->probe);
}

void ps_join_work_close(ps_op *op, ps_join_work *w)
{
    const ps_join_config *config = op->config;

    if (!w) return;
    ps_join_reader_release(&w->build);
    ps_join_reader_release(&w->probe);
    chunk_free(w);
    item_free(&w->item);
    for (size_t i = 0; i < w->items.n; i++) item_free(&w->items.at[i]);
    for (int p = 0; w->parts && p < PS_JOIN_PARTS; p++) item_free(&w->parts[p]);
    for (uint32_t c = 0; w->in_bufs && c < config->probe_layout->n_cols; c++)
        ps_vec_buf_release(&w->in_bufs[c]);
    ps_free(w->items.at);
    ps_free(w->seen);
    ps_join_prober_close(op, &w->prober);
}

ps_status ps_join_work_start(ps_ctx *cx, ps_op *op, ps_join_work *w, int p)
{
    const ps_join_config *config = op->config;
    ps_join_shared *shared = op->shared;
    const bool hashed = config->n_keys > 0 && !op->settings->one_hash;

    w->part = p;
    w->top = true;
    w->state = WORK_NEXT;
    if (p == PS_JOIN_NULL_PART) { /* no probe rows, and nothing to find them by */
        PS_TRY(PS_ARRAY_ADD(cx, &w->items, (work_item){.nested = true}));
        return PS_OK;
    }
    PS_TRY(
        PS_ARRAY_ADD(cx, &w->items, (work_item){.probe = shared->deferred[p], .nested = !hashed}));
    ps_rows_init(&shared->deferred[p], config->probe_layout);
    return PS_OK;
}

/* Memory of one lane for build rows and their directory. */
static uint64_t lane_budget(const ps_op *op)
{
    const uint64_t limit = op->settings->memory_limit ? op->settings->memory_limit : UINT64_MAX / 2;
    const uint64_t all = PS_MIN(limit / 4, ps_mem_left(op->mem) / 2);

    return PS_MAX(all / PS_MAX(op->settings->threads, 1u), (uint64_t)BUDGET_BYTES_MIN);
}

static bool fits(const ps_op *op, const ps_join_work *w)
{
    const ps_join_config *config = op->config;

    if (op->settings->force_spill) return w->n_build <= FORCED_ROWS;
    return w->n_build * config->layout->row_bytes + ps_join_directory_bytes(w->n_build) <=
           w->budget;
}

/* Splits it or takes chunks of it. */
static ps_status divide(ps_ctx *cx, ps_op *op, ps_join_work *w)
{
    const ps_join_config *config = op->config;
    const uint32_t levels = op->settings->force_spill ? FORCED_LEVELS : LEVELS_MAX;

    if (!w->item.nested && w->item.level < levels) {
        for (int p = 0; p < PS_JOIN_PARTS; p++) {
            work_item *part = &w->parts[p];

            *part = (work_item){.level = w->item.level + 1};
            ps_rows_init(&part->build, config->layout);
            ps_rows_init(&part->probe, config->probe_layout);
            part->build.page_bytes_max = part->probe.page_bytes_max = ps_join_page_bytes(op);
        }
        w->state = WORK_SPLIT_BUILD;
        return PS_OK;
    }
    w->whole = false;
    w->prober.pass = PS_JOIN_CHUNK;
    w->state = WORK_LOAD;
    if (config->probe == PS_PROBE_INNER || config->probe == PS_PROBE_NONE || w->seen) return PS_OK;
    w->seen = ps_alloc_zero(cx, PS_BITS_BYTES(w->n_probe + 1));
    return w->seen ? PS_OK : PS_MEMORY;
}

static void rows_drop(ps_rows *rows, bool space)
{
    if (space) ps_rows_drop(rows);
    else ps_rows_release(rows);
}

/* Nobody reads the item any more. Its space in the file goes back where it is written again, or
 * where space is capped: that takes as long as writing does. */
static void item_drop(ps_op *op, ps_join_work *w)
{
    ps_join_shared *shared = op->shared;
    const bool space = w->state == WORK_SPLIT_PROBE || op->settings->temp_bytes_max;

    ps_join_reader_release(&w->build);
    ps_join_reader_release(&w->probe);
    chunk_free(w);
    for (size_t i = 0; w->top && i < shared->lanes.n; i++)
        rows_drop(&shared->lanes.at[i]->parts[w->part].rows, space);
    if (!w->top) rows_drop(&w->item.build, space);
    rows_drop(&w->item.probe, space);
    ps_free(w->seen);
    w->seen = NULL;
    w->top = false;
    w->state = WORK_NEXT;
}

/* Takes the next item, and says what becomes of it. */
static ps_status next_item(ps_ctx *cx, ps_op *op, ps_join_work *w, bool *done)
{
    const ps_join_config *config = op->config;
    const bool needs_pair = config->probe == PS_PROBE_INNER || config->probe == PS_PROBE_SEMI ||
                            config->probe == PS_PROBE_NONE;

    *done = w->items.n == 0;
    if (*done) return PS_OK;
    w->item = w->items.at[--w->items.n];
    if (w->top) PS_TRY(ps_join_reader_init(cx, &w->build, op->shared, w->part));
    else PS_TRY(ps_join_reader_init_rows(cx, &w->build, &w->item.build));
    PS_TRY(ps_join_reader_init_rows(cx, &w->probe, &w->item.probe));
    w->n_build = ps_join_reader_rows(&w->build);
    w->n_probe = w->item.probe.n_rows;
    w->seen_at = 0;
    if ((w->n_probe == 0 && config->rest == PS_REST_NONE) || (w->n_build == 0 && needs_pair)) {
        item_drop(op, w);
        return PS_OK;
    }
    w->budget = lane_budget(op);
    w->whole = fits(op, w);
    w->prober.pass = PS_JOIN_ALL;
    w->state = WORK_LOAD;
    return w->whole ? PS_OK : divide(cx, op, w);
}

/* ---- splitting ---- */

static ps_status write_parts(ps_ctx *cx, ps_op *op, ps_join_work *w, bool all)
{
    ps_spill *spill;

    PS_TRY(ps_join_spill_file(cx, op, &spill));
    for (int p = 0; p < PS_JOIN_PARTS; p++) {
        ps_rows *sides[] = {&w->parts[p].build, &w->parts[p].probe};

        for (size_t s = 0; s < PS_COUNT(sides); s++)
            if (sides[s]->bytes > 0 && (all || ps_join_page_is_full(op, sides[s])))
                PS_TRY(ps_rows_spill(cx, sides[s], spill));
    }
    return PS_OK;
}

/* Unchanged on failure. */
static ps_status append(ps_ctx *cx, ps_rows *to, uint8_t *const *rows, uint32_t n)
{
    const uint64_t before = to->n_rows;
    const ps_status st = ps_rows_append_rows(cx, to, rows, n, NULL);

    if (st != PS_OK) ps_rows_unalloc(to, (uint32_t)(to->n_rows - before));
    return st;
}

static ps_status split_rows(ps_ctx *cx, ps_op *op, ps_join_work *w, bool build, uint32_t n)
{
    const uint32_t shift = 56 - 4 * w->item.level;
    uint32_t at[PS_JOIN_PARTS], counts[PS_JOIN_PARTS] = {0};
    uint32_t sum = 0;

    for (uint32_t k = 0; k < n; k++) counts[ps_row_hash(w->rows[k]) >> shift & 15]++;
    for (int p = 0; p < PS_JOIN_PARTS; p++) {
        at[p] = sum;
        sum += counts[p];
    }
    for (uint32_t k = 0; k < n; k++)
        w->split_rows[at[ps_row_hash(w->rows[k]) >> shift & 15]++] = w->rows[k];
    for (int p = 0; p < PS_JOIN_PARTS; p++) {
        ps_rows *to = build ? &w->parts[p].build : &w->parts[p].probe;
        uint8_t *const *from = w->split_rows + at[p] - counts[p];

        ps_status st = append(cx, to, from, counts[p]);
        if (st == PS_MEMORY) { /* refused: what is here goes out, then once more */
            ps_ctx_clear(cx);
            PS_TRY(write_parts(cx, op, w, true));
            st = append(cx, to, from, counts[p]);
        }
        PS_TRY(st);
    }
    return write_parts(cx, op, w, false);
}

/* The next build rows, numbered by position when they come from the lanes. */
static ps_status next_build(ps_ctx *cx, ps_op *op, ps_join_work *w, uint32_t n_max, uint32_t *n)
{
    const ps_row_layout *layout = ((const ps_join_config *)op->config)->layout;
    const uint64_t first = w->build.n_given;

    PS_TRY(ps_join_reader_next(cx, &w->build, n_max, w->rows, n));
    for (uint32_t k = 0; w->top && layout->state_bytes && k < *n; k++)
        ps_join_number_set(layout, w->rows[k], first + k);
    return PS_OK;
}

/* Everything is split: the parts wait, the first on top. */
static ps_status end_split(ps_ctx *cx, ps_op *op, ps_join_work *w)
{
    uint64_t n_parts = 0;

    PS_TRY(write_parts(cx, op, w, true));
    if (w->items.n + PS_JOIN_PARTS > w->items.room)
        PS_TRY(ps_array_grow(cx, NULL, (void **)&w->items.at, &w->items.room,
                             w->items.n + PS_JOIN_PARTS, sizeof(work_item)));
    for (int p = PS_JOIN_PARTS; p-- > 0;) {
        work_item *part = &w->parts[p];

        n_parts += part->build.n_rows + part->probe.n_rows > 0;
        part->nested = part->build.n_rows > w->n_build - w->n_build / 4;
        w->items.at[w->items.n++] = *part;
        *part = (work_item){0};
    }
    const uint32_t level = w->item.level + 2; /* each row once before it was split at all */
    item_drop(op, w);
    ps_op_spilled_as(op, n_parts, level);
    return PS_OK;
}

static ps_status split(ps_ctx *cx, ps_op *op, ps_join_work *w)
{
    const bool build = w->state == WORK_SPLIT_BUILD;
    uint32_t n;

    if (build) PS_TRY(next_build(cx, op, w, PS_BATCH_ROWS_MAX, &n));
    else PS_TRY(ps_join_reader_next(cx, &w->probe, PS_BATCH_ROWS_MAX, w->rows, &n));
    if (n > 0) return split_rows(cx, op, w, build, n);
    if (!build) return end_split(cx, op, w);
    w->state = WORK_SPLIT_PROBE;
    return write_parts(cx, op, w, true);
}

/* ---- joining ---- */

static ps_status list_chunk(ps_ctx *cx, ps_join_work *w)
{
    ps_row_cursor at = {0};
    uint8_t **list = ps_alloc(cx, (w->chunk.n_rows + 1) * sizeof(*list));
    uint64_t n = 0;
    uint32_t m;

    if (!list) return PS_MEMORY;
    while ((m = ps_rows_next(&w->chunk, &at, 65536, list + n)) > 0) n += m;
    w->directory.n = n;
    const ps_status st = ps_join_directory(cx, &w->directory, list, w->item.level);
    ps_free(list);
    return st;
}

/* As many build rows as there is room for, or all. */
static ps_status fill_chunk(ps_ctx *cx, ps_op *op, ps_join_work *w, bool *all)
{
    const bool forced = op->settings->force_spill;
    const uint64_t rows_max =
        forced ? PS_MAX(w->n_build / FORCED_CHUNKS, (uint64_t)FORCED_ROWS) : UINT64_MAX;
    uint32_t n;

    *all = false;
    for (;;) {
        const uint64_t room = rows_max - w->chunk.n_rows;

        PS_TRY(ps_poll(cx));
        if (room == 0) break;
        PS_TRY(next_build(cx, op, w, (uint32_t)PS_MIN(room, 512), &n));
        if (n == 0) break;
        PS_TRY(append(cx, &w->chunk, w->rows, n));
        if (!forced && w->chunk.bytes + ps_join_directory_bytes(w->chunk.n_rows) > w->budget) break;
    }
    *all = w->build.n_given == w->n_build;
    return list_chunk(cx, w);
}

static ps_status load(ps_ctx *cx, ps_op *op, ps_join_work *w)
{
    const ps_join_mark_at begin = ps_join_reader_at(&w->build);
    bool all;
    const ps_status st = fill_chunk(cx, op, w, &all);

    if (st == PS_OK && (all || !w->whole)) {
        w->n_refused = 0;
        w->rest_at = (ps_row_cursor){0};
        w->state = WORK_PROBE;
        return PS_OK;
    }
    if (st != PS_OK && (st != PS_MEMORY || w->n_refused++ == REFUSED_MAX)) return st;
    if (st != PS_OK) ps_ctx_clear(cx);
    chunk_free(w); /* too large: strings, or others took the memory */
    ps_join_reader_back(&w->build, begin);
    w->budget /= 2;
    return w->whole ? divide(cx, op, w) : PS_OK;
}

/* A batch of probe rows as it came from below, and what it may match. */
static ps_status begin_batch(ps_ctx *cx, ps_op *op, ps_join_work *w, uint32_t n)
{
    const ps_join_config *config = op->config;
    ps_join_prober *l = &w->prober;

    for (uint32_t c = 0; c < config->probe_layout->n_cols; c++)
        PS_TRY(ps_rows_gather(cx, config->probe_layout, c, w->rows, n, &w->in_bufs[c],
                              &w->in_vecs[c]));
    for (uint32_t c = 0; c < config->n_keys; c++) l->keys[c] = w->in_vecs[c];
    for (uint32_t c = 0; c < config->n_stored; c++)
        w->in.cols[config->stored[c].column] = w->in_vecs[config->stored[c].stored];
    w->in.n = w->in.n_live = n;
    w->in.morsel = (uint64_t)w->part;
    for (uint32_t k = 0; k < n; k++) {
        l->rows[k] = k;
        l->hashes[k] = ps_row_hash(w->rows[k]);
    }
    l->n_cands = l->pass == PS_JOIN_LAST ? 0
                                         : ps_join_find_in(&w->directory, l->hashes, l->rows, n,
                                                           l->cand_rows, l->cands);
    ps_join_prober_begin(op, l, n);
    for (uint32_t k = 0; w->seen && k < n; k++)
        if (ps_bit_get(w->seen, w->seen_at + k)) ps_bit_set(l->matched, k);
    return PS_OK;
}

/* The chunk has seen all probe rows, or the last pass is over. */
static void end_pass(ps_op *op, ps_join_work *w)
{
    if (w->prober.pass == PS_JOIN_LAST) item_drop(op, w);
    else w->state = WORK_REST;
}

static ps_status probe(ps_ctx *cx, ps_op *op, ps_join_work *w, ps_batch *out)
{
    ps_join_prober *l = &w->prober;
    bool more;

    if (!l->begun) {
        uint32_t n;
        const ps_status st = ps_join_reader_next(cx, &w->probe, cx->batch_rows, w->rows, &n);

        if (st == PS_MEMORY && w->n_refused++ < REFUSED_MAX) return ps_ctx_clear(cx), PS_OK;
        PS_TRY(st);
        w->n_refused = 0;
        if (n == 0) return end_pass(op, w), PS_OK;
        PS_TRY(begin_batch(cx, op, w, n));
    }
    PS_TRY(ps_join_prober_next(cx, op, l, &w->in, out, &more));
    if (more) return PS_OK;
    for (uint32_t k = 0; w->seen && k < w->in.n; k++)
        if (ps_bit_get(l->matched, k)) ps_bit_set(w->seen, w->seen_at + k);
    w->seen_at += w->in.n;
    return PS_OK;
}

/* The chunk's build rows without a pair, or with one; then the next chunk, or the last pass. */
static ps_status rest(ps_ctx *cx, ps_op *op, ps_join_work *w, ps_join_gift *gift)
{
    const ps_join_config *config = op->config;
    const uint8_t want = config->rest == PS_REST_MATCHED;
    uint32_t n = 0;

    if (config->rest != PS_REST_NONE)
        n = ps_rows_next(&w->chunk, &w->rest_at, cx->batch_rows, w->rows);
    for (uint32_t k = 0; k < n; k++) {
        w->rows[gift->n_rest] = w->rows[k];
        gift->n_rest += w->rows[k][config->layout->state_at] == want;
    }
    gift->rest = w->rows;
    if (n > 0) return PS_OK;
    chunk_free(w);
    if (w->build.n_given == w->n_build && !w->seen) {
        item_drop(op, w);
        return PS_OK;
    }
    ps_join_reader_release(&w->probe);
    PS_TRY(ps_join_reader_init_rows(cx, &w->probe, &w->item.probe));
    w->seen_at = 0;
    w->state = WORK_LOAD;
    if (w->build.n_given < w->n_build) return PS_OK;
    w->prober.pass = PS_JOIN_LAST;
    w->state = WORK_PROBE;
    return PS_OK;
}

ps_status ps_join_work_next(ps_ctx *cx, ps_op *op, ps_join_work *w, ps_batch *out,
                            ps_join_gift *gift)
{
    ps_status st = PS_OK;

    *gift = (ps_join_gift){0};
    switch (w->state) {
    case WORK_NEXT: st = next_item(cx, op, w, &gift->done); break;
    case WORK_SPLIT_BUILD:
    case WORK_SPLIT_PROBE: st = split(cx, op, w); break;
    case WORK_LOAD: st = load(cx, op, w); break;
    case WORK_PROBE: st = probe(cx, op, w, out); break;
    case WORK_REST: st = rest(cx, op, w, gift); break;
    }
    return st;
}

void ps_join_work_place(const ps_op *op, const ps_join_work *w, uint32_t k, uint64_t *high,
                        uint64_t *low)
{
    const ps_join_config *config = op->config;

    ps_join_position(config->probe_layout, w->rows[w->prober.given[k]], high, low);
}
