/* exec/op_aggregate_collect.c -- aggregates that need all rows of a group at once, or in an order.
 *
 * Median, mode, string_agg and the like, and ORDER BY in an aggregate. A lane keeps (keys,
 * arguments, order keys, position) as rows in the partitions of the group's hash. When a partition
 * has been merged its rows are spread over its groups, and each group's are sorted by order keys
 * and position. Where they don't fit into memory, a sorter (sorter.h) brings them into the order of
 * (group, order keys, position) instead, or (group, value) for classes that want it so: then not
 * even the rows of one group have to fit. A collecting class gets a group's rows as a run; another
 * one is updated with it, in order, before it is finished. DISTINCT sorts by the arguments too and
 * passes over repeats. Tests: tests/unit/test_aggregate.c, tests/slt/op/aggregate_large.test */
#include "exec/op_aggregate_collect.h"

#include "func/agg_collect.h"

/* ---- the lane's side ---- */

static bool wanted(const agg_collect *collect, const ps_vec *results, uint32_t row)
{
    for (uint32_t a = 0; collect->skip_nulls && a < collect->n_args; a++)
        if (!ps_vec_row_valid(&results[collect->stored[a]], row)) return false;
    return true;
}

ps_status ps_aggregate_collect(ps_ctx *cx, ps_op *op, agg_local *l, uint32_t at,
                               const agg_rows *rows)
{
    const agg_config *config = op->config;
    const agg_collect *collect = &config->collects[at];
    const uint32_t n_stored = collect->n_args + collect->n_order;
    ps_group_table *set = &l->tables->sets[config->n_distincts + at];
    const ps_row_col *position = &collect->layout->cols[config->n_keys + n_stored];
    agg_work *w = l->work;
    ps_vec cols[AGG_ARGS_MAX + AGG_ORDER_MAX];
    uint32_t n = 0;

    for (uint32_t k = 0; k < rows->n; k++) {
        const uint32_t row = rows->sel ? rows->sel[k] : k;
        if (wanted(collect, l->results, row)) w->subset_sel[n++] = row;
    }
    if (n == 0) return PS_OK;
    PS_TRY(ps_aggregate_hash(cx, op, l->results, config->n_keys, w->subset_sel, n, w->hashes));
    PS_TRY(ps_group_table_find(cx, set, l->results, w->subset_sel, n, w->hashes, w->subset_rows));
    for (uint32_t c = 0; c < n_stored; c++) cols[c] = l->results[collect->stored[c]];
    PS_TRY(ps_rows_scatter(cx, &set->heap, config->n_keys, cols, n_stored, w->subset_sel, n,
                           w->subset_rows));
    for (uint32_t k = 0; collect->by_position && k < n; k++) {
        const uint64_t row = rows->batch->first_row + w->subset_sel[k];
        memcpy(w->subset_rows[k] + position[0].at, &rows->batch->morsel, sizeof(uint64_t));
        memcpy(w->subset_rows[k] + position[1].at, &row, sizeof(uint64_t));
    }
    return PS_OK;
}

/* ---- a group's rows in memory ---- */

static int stored_compare(const agg_config *config, const agg_collect *c, const uint8_t *a,
                          const uint8_t *b)
{
    const ps_row_col *args = &c->layout->cols[config->n_keys], *keys = args + c->n_args;

    for (uint32_t i = 0; i < c->n_order; i++) {
        const bool null_a = ps_row_null(&keys[i], a), null_b = ps_row_null(&keys[i], b);
        int way = ps_row_col_compare(&keys[i], a, b); /* nulls last */
        if (null_a != null_b) way = c->nulls_first[i] ? -way : way;
        else way = c->descending[i] ? -way : way;
        if (way != 0) return way;
    }
    for (uint32_t i = 0; c->distinct && i < c->n_args; i++) {
        const int way = ps_row_col_compare(&args[i], a, b);
        if (way != 0) return way;
    }
    return 0;
}

static bool before(const agg_config *config, const agg_collect *c, const uint8_t *a,
                   const uint8_t *b)
{
    const ps_row_col *position = &c->layout->cols[config->n_keys + c->n_args + c->n_order];
    int way = stored_compare(config, c, a, b);

    for (uint32_t i = 0; way == 0 && i < 2 && c->by_position; i++) {
        uint64_t x, y;
        memcpy(&x, a + position[i].at, sizeof(x)), memcpy(&y, b + position[i].at, sizeof(y));
        way = (x > y) - (x < y);
    }
    return way < 0;
}

/* Merges; what is in order already costs one comparison a piece. */
static ps_status sort(ps_ctx *cx, const agg_config *config, const agg_collect *c, uint8_t **rows,
                      uint8_t **spare, uint64_t n)
{
    uint64_t steps = 0;

    for (uint64_t width = 1; width < n; width *= 2)
        for (uint64_t left = 0; left + width < n; left += 2 * width) {
            const uint64_t middle = left + width, right = PS_MIN(left + 2 * width, n);
            if ((++steps & (POLL_ROWS / 16 - 1)) == 0) PS_TRY(ps_poll(cx));
            if (!before(config, c, rows[middle], rows[middle - 1])) continue;
            memcpy(spare, rows + left, width * sizeof(*rows));
            uint64_t i = 0, j = middle, to = left;
            while (i < width && j < right) {
                rows[to++] = before(config, c, rows[j], spare[i]) ? rows[j++] : spare[i++];
                if ((++steps & (POLL_ROWS / 16 - 1)) == 0) PS_TRY(ps_poll(cx));
            }
            memcpy(rows + to, spare + i, (width - i) * sizeof(*rows));
        }
    return PS_OK;
}

static ps_status args_of(ps_ctx *cx, agg_collected *s, const ps_row_layout *layout,
                         const uint32_t *cols, uint8_t *const *rows, uint32_t n, ps_vec *args)
{
    for (uint32_t a = 0; a < s->collect->n_args; a++)
        PS_TRY(ps_rows_gather(cx, layout, cols[a], rows, n, &s->bufs[a], &args[a]));
    return PS_OK;
}

static ps_status read_memory(ps_ctx *cx, ps_agg_run *run, uint64_t at, uint32_t n_max, ps_vec *args,
                             uint32_t *n)
{
    agg_collected *s = (agg_collected *)(void *)run;

    *n = (uint32_t)PS_MIN(PS_MIN(run->n - at, (uint64_t)n_max), (uint64_t)PS_AGG_READ_ROWS);
    return args_of(cx, s, s->collect->layout, s->arg_cols, s->rows + s->first + at, *n, args);
}

/* The group's rows are rows[first..first + n); those that repeat under DISTINCT are passed over. */
static ps_status run_memory(ps_ctx *cx, agg_collected *s, uint64_t n)
{
    uint8_t **rows = s->rows + s->first;
    uint64_t kept = 0;

    for (uint64_t i = 0; s->collect->distinct && i < n; i++) {
        if ((i & (POLL_ROWS - 1)) == 0) PS_TRY(ps_poll(cx));
        if (kept == 0 || stored_compare(s->config, s->collect, rows[kept - 1], rows[i]) != 0)
            rows[kept++] = rows[i];
    }
    s->run.n = s->collect->distinct ? kept : n;
    s->run.sorted = false;
    s->run.read = read_memory;
    return PS_OK;
}

/* The next group's rows as s->run. */
static ps_status next_run(ps_ctx *cx, agg_collected *s)
{
    const uint64_t group = s->group++, n = s->begins[group + 1] - s->begins[group];

    s->first = s->begins[group];
    return s->rows || n == 0 ? run_memory(cx, s, n) : ps_aggregate_run_sorted(cx, s, n);
}

/* ---- all rows of a partition ---- */

void ps_aggregate_collect_clear(agg_collected *s)
{
    ps_free(s->rows);
    ps_free(s->numbers);
    s->rows = NULL;
    s->numbers = NULL;
    s->n = 0;
    ps_aggregate_sorted_close(s);
}

void ps_aggregate_collect_close(agg_source *s)
{
    for (uint32_t c = 0; s->collected && c < s->config->n_collects; c++) {
        agg_collected *collected = &s->collected[c];
        ps_aggregate_collect_clear(collected);
        ps_free(collected->begins);
        ps_arena_release(&collected->arena);
        for (uint32_t a = 0; a < AGG_ARGS_MAX; a++) ps_vec_buf_release(&collected->bufs[a]);
    }
}

/* Whether a collected row and a group's row have the same keys: the same columns in two layouts. */
static bool same_group(const agg_config *config, const agg_collect *collect, const uint8_t *row,
                       const uint8_t *group)
{
    if (ps_row_hash(row) != ps_row_hash(group)) return false;
    for (uint32_t k = 0; k < config->n_keys; k++) {
        const ps_row_col *x = &collect->layout->cols[k], *y = &config->layout->cols[k];
        if (ps_row_null(x, row) != ps_row_null(y, group)) return false;
        if (x->layout == PS_LAYOUT_VIEW) {
            ps_view a, b;
            memcpy(&a, row + x->at, sizeof(a)), memcpy(&b, group + y->at, sizeof(b));
            if (!ps_view_equal(&a, &b)) return false;
        } else if (memcmp(row + x->at, group + y->at, x->slot_bytes) != 0) {
            return false;
        }
    }
    return true;
}

static uint64_t dir_at(const ps_group_merge *merge, const uint8_t *row)
{
    return (ps_row_hash(row) << merge->skip_bits) >> (64 - merge->dir_bits);
}

ps_status ps_aggregate_group_numbers(ps_ctx *cx, const agg_collected *s, uint8_t *const *rows,
                                     uint32_t n, uint32_t *out)
{
    const ps_group_merge *merge = s->merge;
    const uint64_t mask = ((uint64_t)1 << merge->dir_bits) - 1;

    if (s->config->n_keys == 0) return memset(out, 0, n * sizeof(*out)), PS_OK;
    for (uint32_t k = 0; k < n; k++) PS_PREFETCH(&merge->dir[dir_at(merge, rows[k])]);
    for (uint32_t k = 0; k < n; k++) {
        const uint8_t *group;
        uint64_t number;
        for (uint64_t at = dir_at(merge, rows[k]);; at = (at + 1) & mask) {
            group = (const uint8_t *)(uintptr_t)merge->dir[at];
            if (!group) return PS_BUG(cx, "a collected row has no group");
            if (same_group(s->config, s->collect, rows[k], group)) break;
        }
        memcpy(&number, group + s->config->number_at, sizeof(number));
        out[k] = (uint32_t)number;
    }
    return PS_OK;
}

/* Whether a page more, and the arrays to sort what is there then, should not be loaded. */
static bool is_short(const ps_op *op, uint64_t n_rows)
{
    const ps_exec_settings *settings = op->settings;

    return settings->memory_limit &&
           ps_mem_left(op->mem) < settings->memory_limit / 4 + n_rows * 4 * sizeof(uint8_t *);
}

/* Addresses of all rows of the partition, in memory; *fits false: they are too many. */
static ps_status load(ps_ctx *cx, ps_op *op, agg_collected *s, bool *fits)
{
    const size_t n_sources = ps_aggregate_n_sources(s->source);
    uint64_t n_rows = 0;

    for (size_t t = 0; t < n_sources; t++)
        n_rows += ps_aggregate_set_of(s->source, s->set, t)->n_rows;
    *fits = n_rows == 0 || !op->settings->force_spill;
    if (n_rows == 0 || !*fits) return PS_OK;
    s->rows = ps_alloc(cx, n_rows * sizeof(*s->rows));
    if (!s->rows) return PS_MEMORY;
    for (size_t t = 0; t < n_sources; t++) {
        ps_rows *rows = ps_aggregate_set_of(s->source, s->set, t);
        ps_row_cursor at = {0};
        uint32_t n;
        for (size_t p = 0; p < rows->pages.n; p++) {
            *fits = rows->pages.at[p].rows || !is_short(op, n_rows);
            if (!*fits) return PS_OK;
            PS_TRY(ps_rows_load(cx, rows, p));
            PS_TRY(ps_poll(cx));
        }
        while ((n = ps_rows_next(rows, &at, POLL_ROWS, s->rows + s->n)) > 0) {
            s->n += n;
            PS_TRY(ps_poll(cx));
        }
    }
    return PS_OK;
}

/* Pages that were loaded go back to the file. */
static void unload(const agg_collected *s)
{
    for (size_t t = 0; t < ps_aggregate_n_sources(s->source); t++) {
        ps_rows *rows = ps_aggregate_set_of(s->source, s->set, t);
        for (size_t p = 0; p < rows->pages.n; p++)
            if (rows->pages.at[p].file_bytes) ps_rows_unload(rows, p);
    }
}

/* begins from counts: group g's is behind its own place. */
static void begins_of_counts(agg_collected *s)
{
    for (uint64_t g = 0; g < s->merge->n; g++) s->begins[g + 1] += s->begins[g];
}

/* Rows, in any order, to the places of their groups. */
static ps_status spread(ps_ctx *cx, agg_collected *s)
{
    enum { PIECE = 256 };
    uint8_t **sorted = NULL;
    ps_status st = PS_OK;

    s->numbers = ps_alloc(cx, (s->n + 1) * sizeof(*s->numbers));
    sorted = ps_alloc(cx, (s->n + 1) * sizeof(*sorted));
    if (!s->numbers || !sorted) PS_GO(PS_MEMORY);
    for (uint64_t i = 0; i < s->n; i += PIECE) {
        const uint32_t n = (uint32_t)PS_MIN(s->n - i, (uint64_t)PIECE);
        PS_GO(ps_aggregate_group_numbers(cx, s, s->rows + i, n, s->numbers + i));
        for (uint32_t k = 0; k < n; k++) s->begins[s->numbers[i + k] + 1]++;
        PS_GO(ps_poll(cx));
    }
    begins_of_counts(s);
    /* begins[g] moves to the group's end, which is the next one's begin: all move one place up. */
    for (uint64_t i = 0; i < s->n; i++) {
        if ((i & (POLL_ROWS - 1)) == 0) PS_GO(ps_poll(cx));
        sorted[s->begins[s->numbers[i]]++] = s->rows[i];
    }
    memmove(s->begins + 1, s->begins, s->merge->n * sizeof(*s->begins));
    s->begins[0] = 0;
    ps_free(s->rows);
    s->rows = sorted;
    sorted = NULL;
done:
    ps_free(s->numbers);
    ps_free(sorted);
    s->numbers = NULL;
    return st;
}

static ps_status sort_groups(ps_ctx *cx, agg_collected *s)
{
    const agg_collect *c = s->collect;
    uint64_t longest = 0;
    ps_status st = PS_OK;

    if (!c->by_position && !c->n_order && !c->distinct) return PS_OK;
    for (uint64_t g = 0; g < s->merge->n; g++)
        longest = PS_MAX(longest, s->begins[g + 1] - s->begins[g]);
    uint8_t **spare = ps_alloc(cx, (longest + 1) * sizeof(*spare));
    if (!spare) return PS_MEMORY;
    for (uint64_t g = 0; st == PS_OK && g < s->merge->n; g++) {
        const uint64_t n = s->begins[g + 1] - s->begins[g];
        if (n > 1) st = sort(cx, s->config, c, s->rows + s->begins[g], spare, n);
        if (st == PS_OK && (g & 1023) == 0) st = ps_poll(cx);
    }
    ps_free(spare);
    return st;
}

/* In memory; *fits false: can't be. */
static ps_status in_memory(ps_ctx *cx, ps_op *op, agg_collected *s, bool *fits)
{
    ps_status st = load(cx, op, s, fits);

    if (st == PS_OK && *fits) {
        if (s->config->n_keys) st = spread(cx, s);
        else s->begins[1] = s->n;
    }
    if (st == PS_OK && *fits) st = sort_groups(cx, s);
    if (st == PS_MEMORY && op->settings->memory_limit) {
        ps_ctx_clear(cx);
        *fits = false;
        st = PS_OK;
    }
    if (st != PS_OK || *fits) return st;
    ps_aggregate_collect_clear(s);
    unload(s);
    memset(s->begins, 0, (s->merge->n + 1) * sizeof(*s->begins));
    return PS_OK;
}

/* Updates the groups' states of an ordered aggregate: positions are places in the run. */
static ps_status update_ordered(ps_ctx *cx, agg_source *source, agg_collected *s)
{
    const agg_item *item = &s->config->items[s->collect->item];
    ps_agg_scratch *scratch = ps_alloc(cx, sizeof(*scratch));
    ps_status st = scratch ? PS_OK : PS_MEMORY;

    for (uint64_t g = 0; st == PS_OK && g < source->merge.n; g++) {
        uint8_t *state = source->merge.groups[g] + item->state_at;
        ps_vec args[AGG_ARGS_MAX];
        uint32_t n = 0;
        st = next_run(cx, s);
        for (uint64_t at = 0; st == PS_OK && at < s->run.n; at += n) {
            st = s->run.read(cx, &s->run, at, PS_AGG_READ_ROWS, args, &n);
            if (st == PS_OK) st = ps_poll(cx);
            if (st != PS_OK) break;
            const ps_agg_update u = {.cx = cx,
                                     .agg = &item->agg,
                                     .args = args,
                                     .n = n,
                                     .shape = PS_AGG_ONE,
                                     .n_groups = 1,
                                     .states = &state,
                                     .first_row = at,
                                     .heap = &source->heap.base,
                                     .scratch = scratch};
            st = item->agg.class->update(&u);
        }
    }
    ps_free(scratch);
    return st;
}

static ps_status collected_open(ps_ctx *cx, ps_op *op, agg_source *source, uint32_t c)
{
    agg_collected *s = &source->collected[c];
    const agg_config *config = source->config;

    *s = (agg_collected){.op = op,
                         .config = config,
                         .collect = &config->collects[c],
                         .source = source,
                         .merge = &source->merge,
                         .set = config->n_distincts + c};
    s->class = config->items[s->collect->item].agg.class;
    for (uint32_t a = 0; a < s->collect->n_args; a++) {
        s->arg_cols[a] = config->n_keys + a;
        PS_TRY(ps_vec_buf_init(cx, &s->bufs[a], PS_AGG_READ_ROWS));
    }
    return PS_OK;
}

static ps_status collected_start(ps_ctx *cx, ps_op *op, agg_source *source, agg_collected *s)
{
    bool fits;

    ps_aggregate_collect_clear(s);
    ps_free(s->begins);
    s->begins = ps_alloc_zero(cx, (source->merge.n + 1) * sizeof(*s->begins));
    if (!s->begins) return PS_MEMORY;
    s->group = 0;
    PS_TRY(in_memory(cx, op, s, &fits));
    if (fits) return PS_OK;
    PS_TRY(ps_aggregate_sorted_start(cx, s));
    begins_of_counts(s);
    return PS_OK;
}

ps_status ps_aggregate_collect_start(ps_ctx *cx, ps_op *op, agg_source *s)
{
    const agg_config *config = s->config;

    if (!s->collected) {
        s->collected = PS_ARENA_ARRAY(cx, &s->arena, agg_collected, config->n_collects);
        if (!s->collected) return PS_MEMORY;
        for (uint32_t c = 0; c < config->n_collects; c++) PS_TRY(collected_open(cx, op, s, c));
    }
    for (uint64_t g = 0; g < s->merge.n; g++)
        memcpy(s->merge.groups[g] + config->number_at, &g, sizeof(g));
    for (uint32_t c = 0; c < config->n_collects; c++) {
        PS_TRY(collected_start(cx, op, s, &s->collected[c]));
        if (!s->collected[c].class->collect) PS_TRY(update_ordered(cx, s, &s->collected[c]));
    }
    return PS_OK;
}

/* ---- results ---- */

/* Bytes that a batch's results may take before it ends early. */
static uint64_t batch_bytes_max(const ps_op *op)
{
    const ps_exec_settings *settings = op->settings;
    const uint64_t share = settings->memory_limit / 16 / PS_MAX(settings->threads, 1u);

    return settings->memory_limit ? PS_MAX(share, (uint64_t)1 << 20) : (uint64_t)16 << 20;
}

/* Results hold nothing of the rows that they were made from: who writes the last ones has their
 * memory. */
static void collected_end(agg_source *s)
{
    for (uint32_t c = 0; c < s->config->n_collects; c++) {
        ps_aggregate_collect_clear(&s->collected[c]);
        for (size_t t = 0; t < ps_aggregate_n_sources(s); t++)
            ps_rows_release(ps_aggregate_set_of(s, s->collected[c].set, t));
    }
}

ps_status ps_aggregate_collect_finish(ps_ctx *cx, ps_op *op, agg_source *s, ps_batch *out,
                                      uint32_t *n)
{
    const agg_config *config = s->config;
    const uint64_t bytes_max = batch_bytes_max(op);

    for (uint32_t g = 0; g < *n; g++) {
        uint64_t bytes = 0;
        for (uint32_t c = 0; c < op->n_cols; c++) {
            const agg_output *output = &config->outputs[c];
            const agg_item *item = output->key ? NULL : &config->items[output->at];
            if (!item || !item->agg.class->collect) continue;
            agg_collected *collected = &s->collected[item->collect];
            ps_vec_buf *buf = &s->bufs[c];
            if (g == 0) ps_arena_reset(&buf->heap);
            PS_TRY(next_run(cx, collected));
            const ps_status st =
                item->agg.class->finish_run(cx, &item->agg, &collected->run, buf, g, &out->cols[c]);
            /* also where it was the next piece of the rows that found no room beside the result */
            if (st == PS_MEMORY && buf->heap.bytes > op->settings->memory_limit / 4)
                return ps_agg_result_too_large(cx, &item->agg, buf->heap.bytes);
            PS_TRY(st);
            bytes += buf->heap.bytes;
        }
        PS_TRY(ps_poll(cx));
        if (bytes > bytes_max) *n = g + 1;
    }
    if (s->at + *n == s->merge.n) collected_end(s);
    return PS_OK;
}
