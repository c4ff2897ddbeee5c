/* exec/sorter_spill.c -- sorting more than fits: runs in files, how many are merged at once,
 * reading.
 *
 * A merge of k runs holds k pages for each lane that reads. A third of the query's floor, divided
 * by the lanes, says how many runs that may be; finish tasks make fewer, longer ones of what is
 * above that. Tests: tests/slt/op/sort.test under spill, tests/py/test_spill.py */
#include "exec/phys.h"
#include "exec/sorter.h"

enum {
    SPILL_BYTES_MIN = 1 << 20,
    RESERVE_BYTES = 4 << 20,
    BLOCK_BYTES_MIN = 16 << 10,
    BLOCK_BYTES_MAX = 120 << 10, /* with head and tail just below a size class */
    FAN_IN_WANTED = 32,
    FAN_IN_MIN = 8,
    FAN_IN_MAX = 256,
    MARKS_MAX = 1024,
    /* force_spill: so that small tests meet many runs and several passes */
    FORCED_BATCHES = 8,
    FORCED_BLOCK_BYTES = 2 << 10,
    FORCED_FAN_IN = 3,
    FORCED_MARKS = 8,
    SORT_ROWS_MIN = 4096
};

/* What one lane may hold of pages, which can't be written out again: a third of the query's floor
 * for all, or half of what is left. */
static uint64_t lane_budget(const ps_sorter *sorter)
{
    const ps_exec_settings *settings = sorter->op->settings;
    const uint64_t all = PS_MIN(settings->memory_floor / 3, ps_mem_left(sorter->op->mem) / 2);

    return all / PS_MAX(settings->threads, 1u);
}

static uint32_t block_bytes_wanted(const ps_sorter *sorter)
{
    const ps_exec_settings *settings = sorter->op->settings;
    const uint64_t lane = settings->memory_floor / 3 / PS_MAX(settings->threads, 1u);

    if (settings->force_spill) return FORCED_BLOCK_BYTES;
    if (settings->memory_limit == 0) return BLOCK_BYTES_MAX;
    return (uint32_t)PS_MAX(PS_MIN(lane / FAN_IN_WANTED, (uint64_t)BLOCK_BYTES_MAX),
                            (uint64_t)BLOCK_BYTES_MIN);
}

static size_t fan_in_wanted(const ps_sorter *sorter)
{
    if (sorter->op->settings->force_spill) return FORCED_FAN_IN;
    if (sorter->op->settings->memory_limit == 0) return FAN_IN_MAX;
    return PS_MAX(PS_MIN(lane_budget(sorter) / sorter->block_bytes, (uint64_t)FAN_IN_MAX),
                  (uint64_t)FAN_IN_MIN);
}

/* ---- lanes ---- */

static uint64_t run_bytes(const ps_sort_run *run)
{
    return run->rows.bytes + run->room * sizeof(*run->keys);
}

/* What is left must do for a batch of every lane, and for sorting all rows that are held. */
bool ps_sorter_is_short(const ps_sorter *sorter, const ps_sort_lane *lane)
{
    const ps_exec_settings *settings = sorter->op->settings;

    if (settings->force_spill && lane->batches % FORCED_BATCHES == FORCED_BATCHES - 1)
        return lane->run->n > 0;
    if (settings->memory_limit == 0 || run_bytes(lane->run) < SPILL_BYTES_MIN) return false;
    const uint64_t held = atomic_load_explicit(&sorter->n_held, memory_order_relaxed);
    const uint64_t reserve =
        PS_MAX(settings->memory_limit / 8, (uint64_t)RESERVE_BYTES * PS_MAX(settings->threads, 1u));
    return ps_mem_left(sorter->op->mem) < reserve + held * sizeof(ps_sort_row);
}

uint64_t ps_sorter_bytes(const ps_sorter *sorter, const ps_sort_lane *lane)
{
    uint64_t bytes = 0;

    if (lane) return lane->run && lane->run->n ? run_bytes(lane->run) : 0;
    if (!sorter->sorted) return 0;
    for (size_t r = 0; r < sorter->runs.n; r++) bytes += sorter->runs.at[r]->rows.bytes;
    return bytes + sorter->n_rows * sizeof(*sorter->sorted);
}

static ps_status file_new(ps_ctx *cx, ps_sorter *sorter, ps_sort_file **out)
{
    ps_sort_file *file = ps_alloc(cx, sizeof(*file));
    ps_status st = PS_OK;

    *out = file;
    if (!file) return PS_MEMORY;
    ps_mutex_lock(&sorter->mutex);
    if (!sorter->spill) {
        sorter->block_bytes = block_bytes_wanted(sorter);
        st = ps_op_spill_new(cx, sorter->op, &sorter->spill);
    }
    ps_mutex_unlock(&sorter->mutex);
    ps_sort_file_init(file, sorter->spec, sorter->block_bytes,
                      sorter->op->settings->force_spill ? FORCED_MARKS : MARKS_MAX);
    return st;
}

static void file_free(ps_sort_file *file, bool drop)
{
    if (!file) return;
    ps_sort_file_release(file, drop);
    ps_free(file);
}

static ps_status file_keep(ps_ctx *cx, ps_sorter *sorter, ps_sort_file *file)
{
    ps_mutex_lock(&sorter->mutex);
    const ps_status st = PS_ARRAY_ADD(cx, &sorter->files, file);
    ps_mutex_unlock(&sorter->mutex);
    return st;
}

/* Sorts and writes keys; where there is no memory to sort them all, in two runs. A row that no more
 * than `limit` others of its run come before is wanted: the rest is left out. */
static ps_status write_keys(ps_ctx *cx, ps_sorter *sorter, ps_sort_row *keys, size_t n,
                            ps_sort_lane *lane)
{
    ps_sort_row *scratch = ps_alloc(cx, (n + 1) * sizeof(*scratch));
    ps_sort_file *file = NULL;
    ps_status st = PS_OK;

    if (!scratch) {
        if (n <= SORT_ROWS_MIN) return PS_MEMORY;
        ps_ctx_clear(cx);
        PS_TRY(write_keys(cx, sorter, keys, n / 2, lane));
        return write_keys(cx, sorter, keys + n / 2, n - n / 2, lane);
    }
    PS_GO(ps_sort_rows(cx, sorter->spec, keys, scratch, n));
    ps_free(scratch);
    scratch = NULL;
    if (n >= sorter->limit) {
        n = (size_t)sorter->limit;
        if (lane && n > 0 &&
            (!lane->limit || keys[n - 1].high < lane->limit->high ||
             (keys[n - 1].high == lane->limit->high && keys[n - 1].low < lane->limit->low))) {
            lane->limit_row = keys[n - 1];
            lane->limit = &lane->limit_row;
        }
    }
    PS_GO(file_new(cx, sorter, &file));
    PS_GO(ps_sort_file_add(cx, file, sorter->spill, keys, n));
    PS_GO(file_keep(cx, sorter, file));
    ps_op_spilled_as(sorter->op, 1, sorter->level + 1);
    file = NULL;
done:
    ps_free(scratch);
    file_free(file, false);
    return st;
}

ps_status ps_sorter_spill(ps_ctx *cx, ps_sorter *sorter, ps_sort_run *run, ps_sort_lane *lane)
{
    if (run->n == 0) return PS_OK;
    atomic_store_explicit(&sorter->spilled, true, memory_order_relaxed);
    const bool before = ps_giving_back(cx, true);
    const ps_status st = write_keys(cx, sorter, run->keys, run->n, lane);
    ps_giving_back(cx, before);
    PS_TRY(st);
    atomic_fetch_sub_explicit(&sorter->n_held, run->n, memory_order_relaxed);
    ps_sort_run_clear(run);
    return PS_OK;
}

/* ---- merging until one merge fits ---- */

/* Runs of one size become one each: few merges of many while that is enough, else all runs in
 * fan_in merges. */
ps_status ps_sorter_spill_plan(ps_ctx *cx, ps_sorter *sorter, uint64_t *n_tasks)
{
    for (size_t r = 0; r < sorter->runs.n; r++) /* lanes that ended before another one spilled */
        PS_TRY(ps_sorter_spill(cx, sorter, sorter->runs.at[r], NULL));
    const size_t n = sorter->files.n;

    *n_tasks = 0;
    if (n == 0) return PS_OK;
    const size_t fan_in = sorter->fan_in = fan_in_wanted(sorter);
    if (n <= fan_in) return PS_OK;
    const size_t n_merges = (n - fan_in + fan_in - 2) / (fan_in - 1);
    sorter->merge_size = n_merges * fan_in <= n ? fan_in : (n + fan_in - 1) / fan_in;
    *n_tasks =
        n_merges * fan_in <= n ? n_merges : (n + sorter->merge_size - 1) / sorter->merge_size;
    return PS_OK;
}

/* One run of n; they are dropped. */
static ps_status merge_files(ps_ctx *cx, ps_sorter *sorter, ps_sort_file **files, size_t n)
{
    const uint32_t rows_max = cx->batch_rows;
    ps_sort_row *rows = ps_alloc(cx, rows_max * sizeof(*rows));
    ps_sort_merge *merge = NULL;
    ps_sort_file *file = NULL;
    ps_status st = rows ? PS_OK : PS_MEMORY;
    uint64_t left = sorter->limit;
    uint32_t m = 1;

    if (st == PS_OK) st = ps_sort_merge_new(cx, sorter->spec, files, n, &merge);
    if (st == PS_OK) st = file_new(cx, sorter, &file);
    while (st == PS_OK && left > 0) {
        st = ps_sort_merge_next(cx, merge, (uint32_t)PS_MIN(rows_max, left), rows, &m);
        if (m == 0) break;
        if (st == PS_OK) st = ps_sort_file_add(cx, file, sorter->spill, rows, m);
        left -= m;
    }
    ps_free(rows);
    ps_sort_merge_free(merge);
    if (st != PS_OK) {
        file_free(file, false);
        return st;
    }
    for (size_t f = 0; f < n; f++) {
        file_free(files[f], true);
        files[f] = NULL;
    }
    files[0] = file;
    return PS_OK;
}

ps_status ps_sorter_spill_task(ps_ctx *cx, ps_sorter *sorter, uint64_t task)
{
    ps_sort_file **files = sorter->files.at + task * sorter->merge_size;
    size_t n = PS_MIN(sorter->merge_size, sorter->files.n - task * sorter->merge_size);

    /* a pass: fan_in runs at a time; what each made stays at its first one's place */
    for (uint64_t depth = sorter->level + 2; n > 1; depth++) {
        size_t m = 0;

        ps_op_spilled_as(sorter->op, 0, depth);

        for (size_t at = 0; at < n; at += sorter->fan_in) {
            const size_t k = PS_MIN(sorter->fan_in, n - at);

            if (k > 1) PS_TRY(merge_files(cx, sorter, files + at, k));
            ps_sort_file *made = files[at];
            files[at] = NULL;
            files[m++] = made;
        }
        n = m;
    }
    return PS_OK;
}

ps_status ps_sorter_spill_seal(ps_ctx *cx, ps_arena *arena, ps_sorter *sorter)
{
    size_t n = 0;

    for (size_t f = 0; f < sorter->files.n; f++)
        if (sorter->files.at[f]) sorter->files.at[n++] = sorter->files.at[f];
    sorter->files.n = n;
    sorter->n_rows = 0;
    for (size_t f = 0; f < n; f++) sorter->n_rows += sorter->files.at[f]->rows.n_rows;
    return ps_sort_index_new(cx, arena, sorter->spec, sorter->files.at, n, &sorter->index);
}

/* The result as one run. Its rows' words are not known any more; their ranks order them as well. */
static ps_status spill_sorted(ps_ctx *cx, ps_arena *arena, ps_sorter *sorter)
{
    const uint32_t n_max = cx->batch_rows;
    ps_sort_row *keys = ps_alloc(cx, n_max * sizeof(*keys));
    ps_sort_file *file = NULL;
    ps_status st = keys ? PS_OK : PS_MEMORY;

    if (st == PS_OK) st = file_new(cx, sorter, &file);
    for (uint64_t at = 0; st == PS_OK && at < sorter->n_rows; at += n_max) {
        const uint32_t n = (uint32_t)PS_MIN(n_max, sorter->n_rows - at);

        for (uint32_t k = 0; k < n; k++)
            keys[k] = (ps_sort_row){.high = at + k, .row = sorter->sorted[at + k]};
        st = ps_sort_file_add(cx, file, sorter->spill, keys, n);
    }
    ps_free(keys);
    if (st == PS_OK) st = file_keep(cx, sorter, file);
    if (st == PS_OK) ps_op_spilled_as(sorter->op, 1, sorter->level + 1);
    if (st != PS_OK) {
        file_free(file, false);
        return st;
    }
    sorter->spilled = true;
    ps_free(sorter->sorted);
    sorter->sorted = NULL;
    for (size_t r = 0; r < sorter->runs.n; r++) ps_sort_run_clear(sorter->runs.at[r]);
    return ps_sorter_spill_seal(cx, arena, sorter);
}

ps_status ps_sorter_shrink(ps_ctx *cx, ps_sorter *sorter, ps_sort_lane *lane, ps_arena *arena)
{
    if (lane) return ps_sorter_spill(cx, sorter, lane->run, lane);
    return sorter->sorted && sorter->n_rows ? spill_sorted(cx, arena, sorter) : PS_OK;
}

void ps_sorter_spill_release(ps_sorter *sorter)
{
    for (size_t f = 0; f < sorter->files.n; f++) file_free(sorter->files.at[f], false);
    ps_free(sorter->files.at);
    ps_spill_free(sorter->spill);
}

/* ---- reading ---- */

bool ps_sort_reader_retries(ps_ctx *cx, ps_sort_reader *reader, ps_status st)
{
    if (st != PS_MEMORY || reader->n_refused == PS_SORT_REFUSED_MAX) return false;
    reader->n_refused++;
    ps_ctx_clear(cx);
    return true;
}

void ps_sort_reader_release(ps_sort_reader *reader)
{
    ps_sort_merge_free(reader->merge);
    ps_free(reader->rows);
}

ps_status ps_sort_reader_seek(ps_ctx *cx, const ps_sorter *sorter, ps_sort_reader *reader,
                              uint64_t rank)
{
    reader->at = rank;
    if (sorter->sorted || sorter->n_rows == 0) return PS_OK;
    if (!reader->rows) reader->rows = ps_alloc(cx, cx->batch_rows * sizeof(*reader->rows));
    if (!reader->rows) return PS_MEMORY;
    if (!reader->merge) {
        ps_sort_merge *merge;
        const ps_status st =
            ps_sort_merge_new(cx, sorter->spec, sorter->files.at, sorter->files.n, &merge);

        if (st != PS_OK) return ps_sort_merge_free(merge), st;
        reader->merge = merge;
    }
    return ps_sort_merge_seek(cx, reader->merge, &sorter->index, rank);
}

ps_status ps_sort_reader_next(ps_ctx *cx, const ps_sorter *sorter, ps_sort_reader *reader,
                              uint8_t **room, uint32_t n_max, uint8_t *const **rows, uint32_t *n)
{
    *n = 0;
    *rows = room;
    if (reader->at >= sorter->n_rows) return PS_OK;
    if (sorter->sorted) {
        *n = (uint32_t)PS_MIN(n_max, sorter->n_rows - reader->at);
        *rows = sorter->sorted + reader->at;
    } else {
        PS_TRY(ps_sort_merge_next(cx, reader->merge, n_max, reader->rows, n));
        for (uint32_t k = 0; k < *n; k++) room[k] = reader->rows[k].row;
    }
    reader->at += *n;
    return PS_OK;
}
