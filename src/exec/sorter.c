/* exec/sorter.c -- see sorter.h. Tests: tests/slt/op/sort.test, topn.test, window.test */
#include "exec/sorter.h"

#include "exec/phys.h"

enum { RANGE_ROWS = 64 * 1024, SAMPLES_PER_RUN = 64, RESERVE_SMALL_ROWS = 16 * 1024 };

void ps_sorter_init(ps_sorter *sorter, ps_op *op, const ps_sort_spec *spec, uint64_t limit)
{
    sorter->spec = spec;
    sorter->limit = limit;
    sorter->op = op;
    ps_mutex_init(&sorter->mutex);
    sorter->ready = true;
}

void ps_sort_run_clear(ps_sort_run *run)
{
    ps_rows_release(&run->rows);
    ps_free(run->keys);
    run->keys = NULL;
    run->n = run->room = 0;
}

static void run_free(ps_sort_run *run)
{
    if (!run) return;
    ps_sort_run_clear(run);
    ps_free(run);
}

void ps_sorter_release(ps_sorter *sorter)
{
    for (size_t r = 0; r < sorter->runs.n; r++) run_free(sorter->runs.at[r]);
    ps_free(sorter->runs.at);
    ps_free(sorter->sorted);
    ps_sorter_spill_release(sorter);
    if (sorter->ready) ps_mutex_destroy(&sorter->mutex);
}

ps_status ps_sort_lane_open(ps_ctx *cx, ps_arena *arena, const ps_sorter *sorter,
                            ps_sort_lane *lane)
{
    lane->sel = PS_ARENA_ARRAY(cx, arena, uint32_t, PS_BATCH_ROWS_MAX);
    lane->addresses = PS_ARENA_ARRAY(cx, arena, uint8_t *, PS_BATCH_ROWS_MAX);
    lane->batch = PS_ARENA_ARRAY(cx, arena, ps_sort_row, PS_BATCH_ROWS_MAX);
    if (!lane->sel || !lane->addresses || !lane->batch) return PS_MEMORY;
    lane->run = ps_alloc_zero(cx, sizeof(*lane->run));
    if (!lane->run) return PS_MEMORY;
    ps_rows_init(&lane->run->rows, sorter->spec->layout);
    return PS_OK;
}

void ps_sort_lane_close(ps_sort_lane *lane)
{
    run_free(lane->run);
    lane->run = NULL;
}

static ps_status run_reserve(ps_ctx *cx, ps_sort_run *run, size_t n)
{
    if (n <= run->room) return PS_OK;
    /* Large ones by an eighth: what is taken and not used counts, and moving mappings is cheap. */
    const size_t room =
        PS_MAX(n, run->room + (run->room < RESERVE_SMALL_ROWS ? run->room : run->room / 8));
    ps_sort_row *keys = ps_realloc(cx, run->keys, room * sizeof(*keys));

    if (!keys) return PS_MEMORY;
    run->keys = keys;
    run->room = room;
    return PS_OK;
}

static ps_status run_sort(ps_ctx *cx, const ps_sort_spec *spec, ps_sort_run *run)
{
    ps_sort_row *scratch = ps_alloc(cx, (run->n + 1) * sizeof(*scratch));

    if (!scratch) return PS_MEMORY;
    const ps_status st = ps_sort_rows(cx, spec, run->keys, scratch, run->n);
    ps_free(scratch);
    return st;
}

/* Keeps the first n of a sorted run and copies their rows together, so that the others' pages can
 * go. Unchanged on failure. */
static ps_status run_cut(ps_ctx *cx, const ps_sort_spec *spec, ps_sort_run *run, size_t n)
{
    ps_rows kept;
    uint8_t *rows[256];
    ps_row_cursor cursor = {0};
    size_t next = 0;
    uint32_t m;

    ps_rows_init(&kept, spec->layout);
    for (size_t at = 0; at < n; at += m) {
        m = (uint32_t)PS_MIN(PS_COUNT(rows), n - at);
        for (uint32_t k = 0; k < m; k++) rows[k] = run->keys[at + k].row;
        const ps_status st = ps_rows_append_rows(cx, &kept, rows, m, NULL);
        if (st != PS_OK) {
            ps_rows_release(&kept);
            return st;
        }
    }
    while ((m = ps_rows_next(&kept, &cursor, PS_COUNT(rows), rows)) > 0)
        for (uint32_t k = 0; k < m; k++) run->keys[next++].row = rows[k];
    ps_rows_release(&run->rows);
    run->rows = kept;
    run->n = n;
    return PS_OK;
}

/* The rows of the batch that can be in the result: their places in sel order, in `batch` too. */
static uint32_t drop_late(const ps_sort_lane *l, uint32_t n, const ps_batch *in)
{
    uint32_t kept = 0;

    for (uint32_t k = 0; k < n; k++) {
        const ps_sort_row *row = &l->batch[k];

        /* The words alone: a row whose words equal the limit's may be before it. */
        if (l->limit && (row->high > l->limit->high ||
                         (row->high == l->limit->high && row->low > l->limit->low)))
            continue;
        l->sel[kept] = ps_batch_row(in, k);
        l->batch[kept++] = *row;
    }
    return kept;
}

static ps_status lane_trim(ps_ctx *cx, ps_sorter *sorter, ps_sort_lane *l, bool end)
{
    const uint64_t want = sorter->limit;
    ps_sort_run *run = l->run;
    const size_t n = run->n;

    if (want == UINT64_MAX || run->n <= want || (!end && run->n < want * 2 + 4096)) return PS_OK;
    PS_TRY(run_sort(cx, sorter->spec, run));
    PS_TRY(run_cut(cx, sorter->spec, run, want));
    atomic_fetch_sub_explicit(&sorter->n_held, n - run->n, memory_order_relaxed);
    l->limit = NULL;
    if (want) {
        l->limit_row = run->keys[want - 1];
        l->limit = &l->limit_row;
        ps_sort_bound_set(sorter->spec, l->limit_row.row, &l->bound);
    }
    return PS_OK;
}

/* Moves every page and looks the rows' addresses up again: the sort_rows are in the order of the
 * pages until they are sorted. */
static ps_status relocate(ps_ctx *cx, const ps_sorter *sorter, ps_sort_run *run)
{
    ps_row_cursor at = {0};
    uint8_t *rows[256];
    size_t next = 0;
    uint32_t n;

    if (sorter->limit != UINT64_MAX) return PS_OK; /* top-n's are not in that order */
    PS_TRY(ps_rows_relocate(cx, &run->rows));
    while ((n = ps_rows_next(&run->rows, &at, PS_COUNT(rows), rows)) > 0) {
        for (uint32_t k = 0; k < n; k++) run->keys[next++].row = rows[k];
    }
    return PS_OK;
}

/* The batch's rows behind the run's; unchanged on failure. */
static ps_status lane_append(ps_ctx *cx, ps_sorter *sorter, ps_sort_lane *l, const ps_vec *vecs,
                             uint32_t n)
{
    ps_sort_run *run = l->run;
    const uint64_t before = run->rows.n_rows;

    PS_TRY(run_reserve(cx, run, run->n + n));
    const ps_status st = ps_rows_append(cx, &run->rows, vecs, NULL, l->sel, n, l->addresses);
    if (st != PS_OK) {
        ps_rows_unalloc(&run->rows, (uint32_t)(run->rows.n_rows - before));
        return st;
    }
    for (uint32_t k = 0; k < n; k++) {
        run->keys[run->n + k] = l->batch[k];
        run->keys[run->n + k].row = l->addresses[k];
    }
    run->n += n;
    atomic_fetch_add_explicit(&sorter->n_held, n, memory_order_relaxed);
    return PS_OK;
}

/* l->batch has the rows' words and positions. */
static ps_status lane_add(ps_ctx *cx, ps_sorter *sorter, ps_sort_lane *l, const ps_vec *vecs,
                          const ps_batch *in)
{
    if (ps_sorter_is_short(sorter, l)) PS_TRY(ps_sorter_spill(cx, sorter, l->run, l));
    l->batches++;
    const uint32_t n = drop_late(l, in->n_live, in);
    ps_status st = lane_append(cx, sorter, l, vecs, n);
    if (st == PS_MEMORY && l->run->n > 0) { /* refused: what is here goes out, then once more */
        ps_ctx_clear(cx);
        PS_TRY(ps_sorter_spill(cx, sorter, l->run, l));
        st = lane_append(cx, sorter, l, vecs, n);
    }
    if (st != PS_OK) return st;
    if (sorter->op->settings->relocate_pages) st = relocate(cx, sorter, l->run);
    if (st == PS_OK) st = lane_trim(cx, sorter, l, false);
    if (st != PS_MEMORY || l->run->n == 0) return st;
    ps_ctx_clear(cx);
    return ps_sorter_spill(cx, sorter, l->run, l);
}

ps_status ps_sort_lane_add(ps_ctx *cx, ps_sorter *sorter, ps_sort_lane *l, const ps_vec *vecs,
                           const ps_batch *in)
{
    ps_batch some;
    uint32_t n;

    if (l->limit && ps_sort_bound_pass(sorter->spec, &l->bound, &vecs[0], in, l->sel, &n)) {
        if (n == 0) return PS_OK;
        some = *in;
        some.sel = l->sel;
        some.n_live = n;
        in = &some;
    }
    PS_TRY(ps_sort_normalise(cx, sorter->spec, vecs, in->sel, in->n_live, l->batch));
    for (uint32_t k = 0; k < in->n_live; k++) {
        l->batch[k].ordinal = in->first_row + ps_batch_row(in, k);
        l->batch[k].morsel = in->morsel;
    }
    return lane_add(cx, sorter, l, vecs, in);
}

ps_status ps_sort_lane_add_at(ps_ctx *cx, ps_sorter *sorter, ps_sort_lane *l, const ps_vec *vecs,
                              uint32_t n, const uint64_t *morsels, const uint64_t *ordinals)
{
    const ps_batch in = {.n = n, .n_live = n};

    PS_TRY(ps_sort_normalise(cx, sorter->spec, vecs, NULL, n, l->batch));
    for (uint32_t k = 0; k < n; k++) {
        l->batch[k].morsel = morsels[k];
        l->batch[k].ordinal = ordinals[k];
    }
    return lane_add(cx, sorter, l, vecs, &in);
}

ps_status ps_sort_lane_add_by(ps_ctx *cx, ps_sorter *sorter, ps_sort_lane *l, const ps_vec *vecs,
                              const ps_batch *in, const uint64_t *high, const uint64_t *low)
{
    PS_ASSERT(sorter->spec->n_keys == 0 && sorter->spec->exact);
    for (uint32_t k = 0; k < in->n_live; k++)
        l->batch[k] = (ps_sort_row){.high = high[k],
                                    .low = low[k],
                                    .morsel = in->morsel,
                                    .ordinal = in->first_row + ps_batch_row(in, k)};
    return lane_add(cx, sorter, l, vecs, in);
}

/* Sorted, in memory; false: it went to a file, because others' rows do or memory is refused. */
static ps_status run_finish(ps_ctx *cx, ps_sorter *sorter, ps_sort_lane *l, bool *in_memory)
{
    ps_status st = PS_MEMORY;

    *in_memory = !atomic_load_explicit(&sorter->spilled, memory_order_relaxed);
    if (*in_memory) {
        st = lane_trim(cx, sorter, l, true);
        if (st == PS_OK) st = run_sort(cx, sorter->spec, l->run);
    }
    if (st != PS_MEMORY || l->run->n == 0) return l->run->n == 0 ? PS_OK : st;
    *in_memory = false;
    ps_ctx_clear(cx);
    return ps_sorter_spill(cx, sorter, l->run, l);
}

ps_status ps_sort_lane_combine(ps_ctx *cx, ps_sorter *sorter, ps_sort_lane *l)
{
    bool in_memory;

    PS_TRY(run_finish(cx, sorter, l, &in_memory));
    if (!in_memory) return PS_OK;
    ps_mutex_lock(&sorter->mutex);
    const ps_status st = PS_ARRAY_ADD(cx, &sorter->runs, l->run);
    if (st == PS_OK) l->run = NULL;
    ps_mutex_unlock(&sorter->mutex);
    return st;
}

/* Splitters: every so many rows of every run, sorted; ranges begin at evenly spaced ones. */
static ps_status choose_splitters(ps_ctx *cx, const ps_sorter *sorter, ps_arena *arena,
                                  size_t n_ranges, ps_sort_row **out)
{
    const size_t n_max = sorter->runs.n * SAMPLES_PER_RUN;
    ps_sort_row *samples = PS_ARENA_ARRAY(cx, arena, ps_sort_row, n_max + 1);
    ps_sort_row *scratch = PS_ARENA_ARRAY(cx, arena, ps_sort_row, n_max + 1);
    size_t n = 0;

    *out = PS_ARENA_ARRAY(cx, arena, ps_sort_row, n_ranges + 1);
    if (!samples || !scratch || !*out) return PS_MEMORY;
    for (size_t r = 0; r < sorter->runs.n; r++) {
        const ps_sort_run *run = sorter->runs.at[r];

        for (size_t i = 0; i < SAMPLES_PER_RUN && run->n; i++)
            samples[n++] = run->keys[run->n * i / SAMPLES_PER_RUN];
    }
    PS_TRY(ps_sort_rows(cx, sorter->spec, samples, scratch, n));
    for (size_t i = 1; i < n_ranges; i++) (*out)[i] = samples[n * i / n_ranges];
    return PS_OK;
}

static ps_status plan_ranges(ps_ctx *cx, ps_arena *arena, ps_sorter *sorter, uint64_t *n_tasks)
{
    ps_sort_row *splitters;
    uint64_t first = 0;

    sorter->n_rows = 0;
    for (size_t r = 0; r < sorter->runs.n; r++) sorter->n_rows += sorter->runs.at[r]->n;
    sorter->n_ranges = sorter->n_rows / RANGE_ROWS + 1;
    sorter->ranges = PS_ARENA_ARRAY(cx, arena, ps_sort_range, sorter->n_ranges + 1);
    sorter->sorted = ps_alloc(cx, (sorter->n_rows + 1) * sizeof(uint8_t *));
    if (!sorter->ranges || !sorter->sorted) return PS_MEMORY;
    PS_TRY(choose_splitters(cx, sorter, arena, sorter->n_ranges, &splitters));
    for (size_t i = 0; i <= sorter->n_ranges; i++) {
        ps_sort_range *range = &sorter->ranges[i];

        range->begins = PS_ARENA_ARRAY(cx, arena, size_t, sorter->runs.n + 1);
        if (!range->begins) return PS_MEMORY;
        for (size_t r = 0; r < sorter->runs.n; r++) {
            const ps_sort_run *run = sorter->runs.at[r];

            range->begins[r] = i == 0 ? 0
                               : i == sorter->n_ranges
                                   ? run->n
                                   : ps_sort_lower(sorter->spec, run->keys, run->n, &splitters[i]);
            if (i > 0)
                sorter->ranges[i - 1].n += range->begins[r] - sorter->ranges[i - 1].begins[r];
        }
        if (i > 0) first += sorter->ranges[i - 1].n;
        range->first = first;
    }
    *n_tasks = sorter->n_ranges;
    return PS_OK;
}

ps_status ps_sorter_plan(ps_ctx *cx, ps_arena *arena, ps_sorter *sorter, uint64_t *n_tasks)
{
    if (!sorter->spilled) {
        const ps_status st = plan_ranges(cx, arena, sorter, n_tasks);

        if (st != PS_MEMORY || sorter->n_rows == 0) return st;
        ps_ctx_clear(cx); /* no room for the order itself: out with the rows */
        ps_free(sorter->sorted);
        sorter->sorted = NULL;
    }
    return ps_sorter_spill_plan(cx, sorter, n_tasks);
}

/* Merges the runs' parts of a range: runs are as few as lanes, so the smallest head is found by
 * looking at all. */
static ps_status merge_range(ps_ctx *cx, ps_sorter *sorter, uint64_t task)
{
    const ps_sort_range *range = &sorter->ranges[task];
    uint8_t **out = sorter->sorted + range->first;
    ps_status st = PS_OK;
    size_t *at = ps_alloc(cx, (sorter->runs.n + 1) * sizeof(*at));

    if (!at) return PS_MEMORY;
    memcpy(at, range->begins, sorter->runs.n * sizeof(*at));
    for (uint64_t i = 0; i < range->n; i++) {
        size_t best = SIZE_MAX;

        if ((i & 16383) == 0) PS_GO(ps_poll(cx));
        for (size_t r = 0; r < sorter->runs.n; r++) {
            if (at[r] == range[1].begins[r]) continue;
            if (best == SIZE_MAX || ps_sort_compare(sorter->spec, &sorter->runs.at[r]->keys[at[r]],
                                                    &sorter->runs.at[best]->keys[at[best]]) < 0) {
                best = r;
            }
        }
        out[i] = sorter->runs.at[best]->keys[at[best]++].row;
    }
done:
    ps_free(at);
    return st;
}

ps_status ps_sorter_task(ps_ctx *cx, ps_sorter *sorter, uint64_t task)
{
    return sorter->sorted ? merge_range(cx, sorter, task) : ps_sorter_spill_task(cx, sorter, task);
}

ps_status ps_sorter_seal(ps_ctx *cx, ps_arena *arena, ps_sorter *sorter)
{
    if (sorter->spilled) return ps_sorter_spill_seal(cx, arena, sorter);
    for (size_t r = 0; r < sorter->runs.n; r++) {
        ps_free(sorter->runs.at[r]->keys);
        sorter->runs.at[r]->keys = NULL;
    }
    return PS_OK;
}

/* ---- rows that are kept ---- */

void ps_sort_kept_init(ps_sort_kept *kept, const ps_row_layout *layout)
{
    for (uint32_t i = 0; i < 2; i++) ps_rows_init(&kept->rows[i], layout);
}

void ps_sort_kept_release(ps_sort_kept *kept)
{
    for (uint32_t i = 0; i < 2; i++) ps_rows_release(&kept->rows[i]);
}

ps_status ps_sort_kept_put(ps_ctx *cx, ps_sort_kept *kept, uint8_t *row)
{
    ps_rows_release(&kept->rows[0]);
    return ps_rows_append_rows(cx, &kept->rows[0], &row, 1, &kept->at[0]);
}

void ps_sort_kept_turn(ps_sort_kept *kept)
{
    const ps_rows rows = kept->rows[0];
    uint8_t *const at = kept->at[0];

    kept->rows[0] = kept->rows[1], kept->at[0] = kept->at[1];
    kept->rows[1] = rows, kept->at[1] = at;
}
