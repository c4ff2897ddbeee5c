/* exec/op_aggregate_sorted.c -- collected rows that don't fit: sorted by group in files.
 *
 * Keys of the sort are the group's place in the result, the value for classes that want rows by
 * value, ORDER BY, and under DISTINCT the arguments; ties stay in the order of positions. A group's
 * rows are then a stretch of ranks that can be read from any place on. Under DISTINCT a first pass
 * counts what doesn't repeat and notes ranks now and then, so that reading may begin near any
 * place. A small group is copied out at once: seeking costs a page of every run.
 * Tests: tests/slt/op/aggregate_large.test */
#include "exec/op_aggregate_collect.h"

enum { CHUNK = 1024, SMALL = 2048, MARK_EVERY = 4096, GROUP = UINT32_MAX };

/* ---- the sort's columns ---- */

static uint32_t add_col(agg_sorted *sorted, ps_type *types, uint32_t source, ps_type type)
{
    sorted->source[sorted->n_cols] = source;
    types[sorted->n_cols] = type;
    return sorted->n_cols++;
}

static uint32_t add_key(agg_sorted *sorted, ps_type *types, uint32_t source, ps_type type,
                        bool descending, bool nulls_first)
{
    const uint32_t at = add_col(sorted, types, source, type);

    sorted->keys[at] = (ps_sort_key){.descending = descending, .nulls_first = nulls_first};
    return at;
}

static ps_status plan(ps_ctx *cx, agg_collected *s)
{
    agg_sorted *sorted = &s->sorted;
    const agg_collect *c = s->collect;
    const ps_row_col *cols = s->collect->layout->cols;
    const uint32_t args = s->config->n_keys, order = args + c->n_args;
    const bool by_value = s->class->collect && s->class->by_value;
    ps_type types[PS_COUNT(sorted->source)];
    uint32_t n_keys;

    if (sorted->planned) return PS_OK;
    sorted->n_cols = 0;
    if (s->config->n_keys) add_key(sorted, types, GROUP, PS_TYPE(UINT32), false, false);
    if (by_value) sorted->args[0] = add_key(sorted, types, args, cols[args].type, false, false);
    for (uint32_t o = 0; o < c->n_order; o++)
        sorted->order[o] = add_key(sorted, types, order + o, cols[order + o].type, c->descending[o],
                                   c->nulls_first[o]);
    for (uint32_t a = by_value; a < c->n_args && c->distinct; a++)
        sorted->args[a] = add_key(sorted, types, args + a, cols[args + a].type, false, false);
    n_keys = sorted->n_cols;
    for (uint32_t a = by_value; a < c->n_args && !c->distinct; a++)
        sorted->args[a] = add_col(sorted, types, args + a, cols[args + a].type);
    for (uint32_t p = 0; p < 2 && by_value && c->by_position; p++)
        sorted->position[p] = add_col(sorted, types, order + c->n_order + p, PS_TYPE(UINT64));
    PS_TRY(ps_sort_spec_init(cx, &s->arena, &sorted->spec, sorted->keys, n_keys, types,
                             sorted->n_cols));
    sorted->room = PS_ARENA_ARRAY(cx, &s->arena, uint8_t *, CHUNK);
    sorted->fresh = PS_ARENA_ARRAY(cx, &s->arena, uint8_t *, CHUNK);
    sorted->fresh_at = PS_ARENA_ARRAY(cx, &s->arena, uint32_t, CHUNK);
    if (!sorted->room || !sorted->fresh || !sorted->fresh_at) return PS_MEMORY;
    sorted->small_rows = PS_ARENA_ARRAY(cx, &s->arena, uint8_t *, SMALL);
    if (!sorted->small_rows) return PS_MEMORY;
    ps_rows_init(&sorted->last, sorted->spec.layout);
    ps_rows_init(&sorted->small, sorted->spec.layout);
    ps_sort_kept_init(&sorted->kept, sorted->spec.layout);
    sorted->planned = true;
    return PS_OK;
}

/* ---- into the sorter ---- */

typedef struct feeder {
    agg_collected *s;
    ps_vec *vecs;
    uint32_t numbers[CHUNK];
    uint64_t morsels[CHUNK], ordinals[CHUNK];
} feeder;

static ps_status feed(ps_ctx *cx, feeder *f, uint8_t *const *rows, uint32_t n)
{
    agg_collected *s = f->s;
    agg_sorted *sorted = &s->sorted;
    const agg_collect *c = s->collect;
    const ps_row_col *position = &c->layout->cols[s->config->n_keys + c->n_args + c->n_order];

    PS_TRY(ps_poll(cx));
    PS_TRY(ps_aggregate_group_numbers(cx, s, rows, n, f->numbers));
    for (uint32_t k = 0; k < n; k++) s->begins[f->numbers[k] + 1]++;
    for (uint32_t col = 0; col < sorted->n_cols; col++) {
        if (sorted->source[col] == GROUP) {
            ps_vec_flat(&f->vecs[col], PS_TYPE(UINT32), PS_LAYOUT_U32, f->numbers, NULL, n);
            continue;
        }
        PS_TRY(ps_rows_gather(cx, c->layout, sorted->source[col], rows, n, &sorted->bufs[col],
                              &f->vecs[col]));
    }
    for (uint32_t k = 0; k < n; k++) {
        f->morsels[k] = f->ordinals[k] = 0;
        if (!c->by_position) continue;
        memcpy(&f->morsels[k], rows[k] + position[0].at, sizeof(uint64_t));
        memcpy(&f->ordinals[k], rows[k] + position[1].at, sizeof(uint64_t));
    }
    return ps_sort_lane_add_at(cx, &sorted->sorter, &sorted->lane, f->vecs, n, f->morsels,
                               f->ordinals);
}

static ps_status feed_page(ps_ctx *cx, feeder *f, const ps_row_page *page)
{
    uint8_t *rows[CHUNK];

    for (uint32_t base = 0; base < page->n_rows; base += CHUNK) {
        const uint32_t n = PS_MIN(page->n_rows - base, (uint32_t)CHUNK);
        for (uint32_t k = 0; k < n; k++)
            rows[k] = page->rows + (size_t)(base + k) * f->s->collect->layout->row_bytes;
        PS_TRY(feed(cx, f, rows, n));
    }
    return PS_OK;
}

/* The partition's rows of all lanes, which are given up. */
static ps_status feed_all(ps_ctx *cx, feeder *f)
{
    for (size_t t = 0; t < ps_aggregate_n_sources(f->s->source); t++) {
        ps_rows *rows = ps_aggregate_set_of(f->s->source, f->s->set, t);
        for (size_t p = 0; p < rows->pages.n; p++) {
            const bool from_file = !rows->pages.at[p].rows;
            PS_TRY(ps_rows_load(cx, rows, p));
            const ps_status st = feed_page(cx, f, &rows->pages.at[p]);
            if (from_file) ps_rows_unload(rows, p);
            PS_TRY(st);
        }
        ps_rows_release(rows);
    }
    return PS_OK;
}

static ps_status sort(ps_ctx *cx, agg_collected *s)
{
    agg_sorted *sorted = &s->sorted;
    uint64_t n_tasks = 0;

    PS_TRY(ps_sort_lane_combine(cx, &sorted->sorter, &sorted->lane));
    PS_TRY(ps_sorter_plan(cx, &sorted->arena, &sorted->sorter, &n_tasks));
    for (uint64_t task = 0; task < n_tasks; task++)
        PS_TRY(ps_sorter_task(cx, &sorted->sorter, task));
    PS_TRY(ps_sorter_seal(cx, &sorted->arena, &sorted->sorter));
    return ps_sort_reader_seek(cx, &sorted->sorter, &sorted->reader, 0);
}

ps_status ps_aggregate_sorted_start(ps_ctx *cx, agg_collected *s)
{
    agg_sorted *sorted = &s->sorted;
    feeder *f = NULL;
    ps_status st = PS_OK;

    PS_TRY(plan(cx, s));
    f = PS_ARENA_NEW(cx, &sorted->arena, feeder);
    sorted->bufs = PS_ARENA_ARRAY(cx, &sorted->arena, ps_vec_buf, sorted->n_cols + 1);
    if (!f || !sorted->bufs) return PS_MEMORY;
    f->s = s;
    f->vecs = PS_ARENA_ARRAY(cx, &sorted->arena, ps_vec, sorted->n_cols + 1);
    if (!f->vecs) return PS_MEMORY;
    sorted->opened = true;
    ps_sorter_init(&sorted->sorter, s->op, &sorted->spec, UINT64_MAX);
    sorted->sorter.level = ps_aggregate_level(s->source);
    for (uint32_t c = 0; st == PS_OK && c < sorted->n_cols; c++)
        st = ps_vec_buf_init(cx, &sorted->bufs[c], CHUNK);
    if (st == PS_OK) st = ps_sort_lane_open(cx, &sorted->arena, &sorted->sorter, &sorted->lane);
    if (st == PS_OK) st = feed_all(cx, f);
    for (uint32_t c = 0; c < sorted->n_cols; c++) ps_vec_buf_release(&sorted->bufs[c]);
    return st == PS_OK ? sort(cx, s) : st;
}

void ps_aggregate_sorted_close(agg_collected *s)
{
    agg_sorted *sorted = &s->sorted;

    if (sorted->planned) {
        ps_rows_release(&sorted->last);
        ps_rows_release(&sorted->small);
        ps_sort_kept_release(&sorted->kept);
    }
    ps_free(sorted->marks.at);
    sorted->marks.at = NULL;
    sorted->marks.n = sorted->marks.room = 0;
    if (sorted->opened) {
        ps_sort_reader_release(&sorted->reader);
        ps_sort_lane_close(&sorted->lane);
        ps_sorter_release(&sorted->sorter);
    }
    ps_arena_release(&sorted->arena);
    memset(&sorted->reader, 0, sizeof(sorted->reader));
    memset(&sorted->lane, 0, sizeof(sorted->lane));
    memset(&sorted->sorter, 0, sizeof(sorted->sorter));
    sorted->opened = false;
}

/* ---- out of it ---- */

static ps_status read_ranks(ps_ctx *cx, agg_collected *s, uint64_t rank, uint32_t n_max,
                            uint8_t *const **rows, uint32_t *n)
{
    agg_sorted *sorted = &s->sorted;

    if (sorted->reader.at != rank)
        PS_TRY(ps_sort_reader_seek(cx, &sorted->sorter, &sorted->reader, rank));
    n_max = PS_MIN(PS_MIN(n_max, (uint32_t)CHUNK), cx->batch_rows);
    PS_TRY(ps_sort_reader_next(cx, &sorted->sorter, &sorted->reader, sorted->room, n_max, rows, n));
    return *n ? PS_OK : PS_BUG(cx, "an aggregate lost collected rows");
}

static ps_status args_of(ps_ctx *cx, agg_collected *s, uint8_t *const *rows, uint32_t n,
                         ps_vec *args)
{
    for (uint32_t a = 0; a < s->collect->n_args; a++)
        PS_TRY(ps_rows_gather(cx, s->sorted.spec.layout, s->sorted.args[a], rows, n, &s->bufs[a],
                              &args[a]));
    return PS_OK;
}

static ps_status read_sorted(ps_ctx *cx, ps_agg_run *run, uint64_t at, uint32_t n_max, ps_vec *args,
                             uint32_t *n)
{
    agg_collected *s = (agg_collected *)(void *)run;
    uint8_t *const *rows;

    PS_TRY(
        read_ranks(cx, s, s->first + at, (uint32_t)PS_MIN(run->n - at, (uint64_t)n_max), &rows, n));
    for (uint32_t k = 0; k < *n; k++) s->sorted.fresh[k] = rows[k]; /* for keep */
    return args_of(cx, s, rows, *n, args);
}

/* A copy of a row as the only one of a collection. */
static ps_status copy_row(ps_ctx *cx, ps_rows *to, uint8_t *row, uint8_t **out)
{
    ps_rows_release(to);
    return ps_rows_append_rows(cx, to, &row, 1, out);
}

/* ---- DISTINCT ---- */

static bool repeats(const agg_collected *s, const uint8_t *a, const uint8_t *b)
{
    const agg_sorted *sorted = &s->sorted;
    const ps_row_col *cols = sorted->spec.layout->cols;

    for (uint32_t o = 0; o < s->collect->n_order; o++)
        if (ps_row_col_compare(&cols[sorted->order[o]], a, b) != 0) return false;
    for (uint32_t i = 0; i < s->collect->n_args; i++)
        if (ps_row_col_compare(&cols[sorted->args[i]], a, b) != 0) return false;
    return true;
}

/* The rows from a rank on that don't repeat the one before, in sorted->fresh; *read: how many ranks
 * they take. What comes next is compared with the last of them. */
static ps_status read_fresh(ps_ctx *cx, agg_collected *s, uint64_t rank, uint64_t ranks,
                            uint32_t *read, uint32_t *n)
{
    agg_sorted *sorted = &s->sorted;
    uint8_t *const *rows;

    *n = 0;
    PS_TRY(ps_poll(cx));
    PS_TRY(read_ranks(cx, s, rank, (uint32_t)PS_MIN(ranks, (uint64_t)CHUNK), &rows, read));
    const uint8_t *before = sorted->last_row;
    for (uint32_t k = 0; k < *read; k++) {
        if (before && repeats(s, before, rows[k])) continue;
        sorted->fresh_at[*n] = k;
        sorted->fresh[(*n)++] = rows[k];
        before = rows[k];
    }
    return PS_OK;
}

/* Before the reader is asked again, which may move rows. */
static ps_status remember(ps_ctx *cx, agg_collected *s, uint8_t *row)
{
    return copy_row(cx, &s->sorted.last, row, &s->sorted.last_row);
}

static ps_status count_distinct(ps_ctx *cx, agg_collected *s, uint64_t n)
{
    agg_sorted *sorted = &s->sorted;
    uint64_t count = 0;
    uint32_t read, fresh;

    sorted->marks.n = 0;
    sorted->last_row = NULL;
    for (uint64_t at = 0; at < n; at += read) {
        PS_TRY(read_fresh(cx, s, s->first + at, n - at, &read, &fresh));
        for (uint32_t k = 0; k < fresh; k++, count++)
            if (count % MARK_EVERY == 0)
                PS_TRY(PS_ARRAY_ADD(cx, &sorted->marks, s->first + at + sorted->fresh_at[k]));
        if (fresh) PS_TRY(remember(cx, s, sorted->fresh[fresh - 1]));
    }
    sorted->next = UINT64_MAX;
    sorted->end = s->first + n;
    s->run.n = count;
    return PS_OK;
}

static ps_status read_distinct(ps_ctx *cx, ps_agg_run *run, uint64_t at, uint32_t n_max,
                               ps_vec *args, uint32_t *n)
{
    agg_collected *s = (agg_collected *)(void *)run;
    agg_sorted *sorted = &s->sorted;
    uint32_t read, fresh = 0, skip = 0;

    if (at != sorted->next) {
        sorted->next = at / MARK_EVERY * MARK_EVERY;
        sorted->rank = sorted->marks.at[at / MARK_EVERY];
        sorted->last_row = NULL;
    }
    for (*n = 0; *n == 0; sorted->rank += read) {
        PS_TRY(read_fresh(cx, s, sorted->rank, sorted->end - sorted->rank, &read, &fresh));
        skip = (uint32_t)PS_MIN((uint64_t)fresh, at - sorted->next);
        *n = PS_MIN(fresh - skip, n_max);
        if (skip + *n == 0) continue;
        if (skip + *n < fresh) read = sorted->fresh_at[skip + *n - 1] + 1;
        sorted->next += skip + *n;
        PS_TRY(remember(cx, s, sorted->fresh[skip + *n - 1]));
    }
    memmove(sorted->fresh, sorted->fresh + skip, *n * sizeof(uint8_t *)); /* for keep */
    return args_of(cx, s, sorted->fresh, *n, args);
}

/* ---- mode's two rows ---- */

static ps_status keep(ps_ctx *cx, ps_agg_run *run, uint32_t i)
{
    agg_sorted *sorted = &((agg_collected *)(void *)run)->sorted;

    return ps_sort_kept_put(cx, &sorted->kept, sorted->fresh[i]);
}

static void keep_newer(ps_agg_run *run)
{
    ps_sort_kept_turn(&((agg_collected *)(void *)run)->sorted.kept);
}

static bool newer_first(const ps_agg_run *run)
{
    const agg_collected *s = (const agg_collected *)(const void *)run;
    const agg_collect *c = s->collect;
    const agg_sorted *sorted = &s->sorted;
    const uint8_t *a = sorted->kept.at[0], *b = sorted->kept.at[1];

    for (uint32_t o = 0; o < c->n_order; o++) {
        const ps_row_col *col = &sorted->spec.layout->cols[sorted->order[o]];
        int way = ps_row_col_compare(col, a, b); /* nulls last */
        if (ps_row_null(col, a) != ps_row_null(col, b)) way = c->nulls_first[o] ? -way : way;
        else way = c->descending[o] ? -way : way;
        if (way != 0) return way < 0;
    }
    for (uint32_t i = 0; i < 2 && c->by_position; i++) {
        const int way = ps_row_col_compare(&sorted->spec.layout->cols[sorted->position[i]], a, b);
        if (way != 0) return way < 0;
    }
    return false;
}

/* ---- small groups ---- */

static ps_status read_small(ps_ctx *cx, ps_agg_run *run, uint64_t at, uint32_t n_max, ps_vec *args,
                            uint32_t *n)
{
    agg_collected *s = (agg_collected *)(void *)run;

    *n = (uint32_t)PS_MIN(PS_MIN(run->n - at, (uint64_t)n_max), (uint64_t)CHUNK);
    memcpy(s->sorted.fresh, s->sorted.small_rows + at, *n * sizeof(uint8_t *)); /* for keep */
    return args_of(cx, s, s->sorted.fresh, *n, args);
}

static ps_status copy_small(ps_ctx *cx, agg_collected *s, uint64_t n)
{
    agg_sorted *sorted = &s->sorted;
    uint32_t m, kept = 0;

    ps_rows_release(&sorted->small);
    for (uint64_t at = 0; at < n; at += m) {
        uint8_t *const *rows;
        PS_TRY(read_ranks(cx, s, s->first + at, (uint32_t)(n - at), &rows, &m));
        PS_TRY(ps_rows_append_rows(cx, &sorted->small, rows, m, sorted->small_rows + at));
    }
    uint8_t **rows = sorted->small_rows;
    for (uint32_t i = 0; s->collect->distinct && i < n; i++)
        if (kept == 0 || !repeats(s, rows[kept - 1], rows[i])) rows[kept++] = rows[i];
    s->run.n = s->collect->distinct ? kept : n;
    s->run.read = read_small;
    return PS_OK;
}

ps_status ps_aggregate_run_sorted(ps_ctx *cx, agg_collected *s, uint64_t n)
{
    s->run = (ps_agg_run){.n = n,
                          .sorted = s->class->collect && s->class->by_value,
                          .read = s->collect->distinct ? read_distinct : read_sorted,
                          .keep = keep,
                          .newer_first = newer_first,
                          .keep_newer = keep_newer};
    if (n <= SMALL) return copy_small(cx, s, n);
    return s->collect->distinct ? count_distinct(cx, s, n) : PS_OK;
}
