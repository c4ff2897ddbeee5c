/* exec/op_aggregate_collect.c -- aggregates that need all rows of a group at once, or in an order.
 *
 * Median, mode, string_agg and the like, and ORDER BY in an aggregate. A lane keeps (keys,
 * arguments, order keys, position) as rows in the partitions of the group's hash. When a partition
 * is merged its rows are sorted by (hash, keys), as its groups are, then by order keys and
 * position: each group's rows are then the next run. A collecting class gets each run as vectors;
 * another one is updated with it, in order, before it is finished. DISTINCT sorts by the arguments
 * too and passes over repeats. Tests: tests/unit/test_aggregate.c */
#include "exec/op_aggregate.h"

enum { POLL_ROWS = 1 << 16 }; /* between two looks at cancelling */

typedef struct agg_collected {
    uint8_t **rows; /* all of the partition, sorted */
    uint64_t n, at; /* at: the first row of the next group */
    ps_vec_buf bufs[AGG_ARGS_MAX];
    uint8_t **run; /* room for the longest run */
    uint64_t run_room;
} agg_collected;

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
    for (uint32_t k = 0; k < n; k++) {
        const uint64_t row = rows->batch->first_row + w->subset_sel[k];
        memcpy(w->subset_rows[k] + position[0].at, &rows->batch->morsel, sizeof(uint64_t));
        memcpy(w->subset_rows[k] + position[1].at, &row, sizeof(uint64_t));
    }
    return PS_OK;
}

/* ---- order ---- */

typedef struct order {
    const agg_collect *collect;
    uint32_t n_keys;
} order;

static int stored_compare(const order *o, const uint8_t *a, const uint8_t *b)
{
    const agg_collect *c = o->collect;
    const ps_row_col *args = &c->layout->cols[o->n_keys], *keys = args + c->n_args;

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

static bool before(const order *o, const uint8_t *a, const uint8_t *b)
{
    const uint64_t x = ps_row_hash(a), y = ps_row_hash(b);
    const ps_row_col *position =
        &o->collect->layout->cols[o->n_keys + o->collect->n_args + o->collect->n_order];

    if (x != y) return x < y;
    int way = ps_row_keys_compare(o->collect->layout, a, b);
    if (way == 0) way = stored_compare(o, a, b);
    for (uint32_t i = 0; way == 0 && i < 2 && (o->collect->by_position || o->collect->n_order); i++)
        way = ps_row_col_compare(&position[i], a, b);
    return way < 0;
}

static ps_status sort(ps_ctx *cx, const order *o, uint8_t **rows, uint64_t n)
{
    uint8_t **spare = ps_alloc(cx, n * sizeof(*spare));
    ps_status st = PS_OK;

    if (!spare) return PS_MEMORY;
    for (uint64_t width = 1; st == PS_OK && width < n; width *= 2)
        for (uint64_t left = 0; st == PS_OK && left + width < n; left += 2 * width) {
            const uint64_t middle = left + width, right = PS_MIN(left + 2 * width, n);
            if (!before(o, rows[middle], rows[middle - 1])) continue;
            memcpy(spare, rows + left, width * sizeof(*rows));
            uint64_t i = 0, j = middle, to = left;
            while (i < width && j < right)
                rows[to++] = before(o, rows[j], spare[i]) ? rows[j++] : spare[i++];
            while (i < width) rows[to++] = spare[i++];
            st = ps_poll(cx);
        }
    ps_free(spare);
    return st;
}

/* ---- the source's side ---- */

void ps_aggregate_collect_close(agg_source *s)
{
    for (uint32_t c = 0; s->collected && c < s->config->n_collects; c++) {
        agg_collected *collected = &s->collected[c];
        ps_free(collected->rows);
        ps_free(collected->run);
        for (uint32_t a = 0; a < AGG_ARGS_MAX; a++) ps_vec_buf_release(&collected->bufs[a]);
    }
}

/* All rows of a part, in memory. */
static ps_status gather_rows(ps_ctx *cx, ps_op *op, agg_source *s, uint32_t c, uint64_t part,
                             agg_collected *out)
{
    agg_shared *shared = op->shared;
    const uint32_t set = s->config->n_distincts + c;
    uint64_t n_rows = out->n;

    for (size_t t = 0; t < shared->tables.n; t++)
        n_rows += shared->tables.at[t]->sets[set].parts[part].n_rows;
    if (n_rows == out->n) return PS_OK;
    uint8_t **more = ps_realloc(cx, out->rows, n_rows * sizeof(*more));
    if (!more) return PS_MEMORY;
    out->rows = more;
    for (size_t t = 0; t < shared->tables.n; t++) {
        ps_rows *rows = &shared->tables.at[t]->sets[set].parts[part];
        ps_row_cursor at = {0};
        uint32_t n;
        for (size_t p = 0; p < rows->pages.n; p++) PS_TRY(ps_rows_load(cx, rows, p));
        while ((n = ps_rows_next(rows, &at, POLL_ROWS, out->rows + out->n)) > 0) {
            out->n += n;
            PS_TRY(ps_poll(cx));
        }
    }
    return PS_OK;
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

/* The rows of a group, without repeats under DISTINCT, in collected->run; the next groups' come
 * after. */
static ps_status next_run(ps_ctx *cx, const agg_config *config, uint32_t c,
                          agg_collected *collected, const uint8_t *group, uint64_t *n)
{
    const agg_collect *collect = &config->collects[c];
    const order o = {collect, config->n_keys};
    uint64_t end = collected->at;

    while (end < collected->n && same_group(config, collect, collected->rows[end], group)) {
        if ((++end & (POLL_ROWS - 1)) == 0) PS_TRY(ps_poll(cx));
    }
    if (end - collected->at > collected->run_room) {
        uint8_t **run = ps_realloc(cx, collected->run, (end - collected->at) * sizeof(*run));
        if (!run) return PS_MEMORY;
        collected->run = run;
        collected->run_room = end - collected->at;
    }
    *n = 0;
    for (uint64_t i = collected->at; i < end; i++) {
        if ((i & (POLL_ROWS - 1)) == 0) PS_TRY(ps_poll(cx));
        if (!collect->distinct || *n == 0 ||
            stored_compare(&o, collected->run[*n - 1], collected->rows[i]) != 0)
            collected->run[(*n)++] = collected->rows[i];
    }
    collected->at = end;
    return PS_OK;
}

/* Arguments of n rows of the run as vectors. */
static ps_status run_args(ps_ctx *cx, const agg_config *config, uint32_t c,
                          agg_collected *collected, uint8_t *const *rows, uint32_t n, ps_vec *args)
{
    const agg_collect *collect = &config->collects[c];

    for (uint32_t a = 0; a < collect->n_args; a++) {
        ps_vec_buf *buf = &collected->bufs[a];
        if (n > buf->n_max) {
            ps_vec_buf_release(buf);
            memset(buf, 0, sizeof(*buf));
            PS_TRY(ps_vec_buf_init(cx, buf, n < 1024 ? 1024 : n));
        }
        PS_TRY(ps_rows_gather(cx, collect->layout, config->n_keys + a, rows, n, buf, &args[a]));
    }
    return PS_OK;
}

/* Updates the groups' states of an ordered aggregate: positions are places in the run. */
static ps_status update_ordered(ps_ctx *cx, agg_source *s, uint32_t c)
{
    enum { CHUNK = 1024 };
    const agg_config *config = s->config;
    const agg_item *item = &config->items[config->collects[c].item];
    ps_agg_scratch *scratch = ps_alloc(cx, sizeof(*scratch));
    ps_status st = scratch ? PS_OK : PS_MEMORY;

    for (uint64_t g = 0; st == PS_OK && g < s->merge.n; g++) {
        uint8_t *state = s->merge.groups[g] + item->state_at;
        ps_vec args[AGG_ARGS_MAX];
        uint64_t n = 0;
        st = next_run(cx, config, c, &s->collected[c], s->merge.groups[g], &n);
        for (uint64_t i = 0; st == PS_OK && i < n; i += CHUNK) {
            const uint32_t m = (uint32_t)PS_MIN(n - i, (uint64_t)CHUNK);
            st = run_args(cx, config, c, &s->collected[c], s->collected[c].run + i, m, args);
            if (st != PS_OK) break;
            const ps_agg_update u = {.cx = cx,
                                     .agg = &item->agg,
                                     .args = args,
                                     .n = m,
                                     .shape = PS_AGG_ONE,
                                     .n_groups = 1,
                                     .states = &state,
                                     .first_row = i,
                                     .heap = &s->heap.base,
                                     .scratch = scratch};
            st = item->agg.class->update(&u);
        }
    }
    ps_free(scratch);
    return st;
}

ps_status ps_aggregate_collect_start(ps_ctx *cx, ps_op *op, agg_source *s)
{
    const agg_config *config = s->config;

    if (!s->collected)
        s->collected = PS_ARENA_ARRAY(cx, &s->arena, agg_collected, config->n_collects);
    if (!s->collected) return PS_MEMORY;
    for (uint32_t c = 0; c < config->n_collects; c++) {
        agg_collected *collected = &s->collected[c];
        const order o = {&config->collects[c], config->n_keys};
        collected->n = collected->at = 0;
        for (uint64_t part = 0; part < (config->n_keys ? 1 : PS_GROUP_PARTITIONS); part++)
            PS_TRY(gather_rows(cx, op, s, c, config->n_keys ? s->part : part, collected));
        PS_TRY(sort(cx, &o, collected->rows, collected->n));
        if (!config->items[config->collects[c].item].agg.class->collect)
            PS_TRY(update_ordered(cx, s, c));
    }
    return PS_OK;
}

ps_status ps_aggregate_collect_finish(ps_ctx *cx, agg_source *s, const agg_item *item, uint32_t n,
                                      ps_vec_buf *buf, ps_vec *out)
{
    const uint32_t c = (uint32_t)item->collect;
    ps_vec args[AGG_ARGS_MAX];

    ps_arena_reset(&buf->heap);
    for (uint32_t g = 0; g < n; g++) {
        uint64_t n_rows;
        PS_TRY(next_run(cx, s->config, c, &s->collected[c], s->merge.groups[s->at + g], &n_rows));
        if (n_rows > UINT32_MAX / 2)
            return ps_fail(cx, PS_UNSUPPORTED, "a group of this aggregate has more than 2^31 rows");
        PS_TRY(run_args(cx, s->config, c, &s->collected[c], s->collected[c].run, (uint32_t)n_rows,
                        args));
        PS_TRY(item->agg.class->finish_sorted(cx, &item->agg, args, (uint32_t)n_rows, buf, g, out));
        PS_TRY(ps_poll(cx));
    }
    return PS_OK;
}
