/* exec/collector.c -- see collector.h.
 *
 * The head moves from morsel m of a feeder to m + 1 as each ends, and past the feeder's last one to
 * the next feeder's first: the scheduler tells how many each has once its source is planned. */
#include "exec/collector.h"

struct ps_collector_morsel {
    ps_collector_morsel *next;
    uint64_t position;
    ps_kept *first, *last;
    uint64_t bytes, n_rows;
    bool ended;
};

ps_status ps_kept_new(ps_ctx *cx, const ps_batch *batch, uint32_t first, uint32_t count,
                      ps_kept **out)
{
    const uint32_t n = PS_MIN(count, batch->n_live - PS_MIN(first, batch->n_live));
    const bool whole = !batch->sel && first == 0 && n == batch->n;
    uint32_t *rows = NULL;
    ps_status st = PS_OK;
    ps_kept *kept = ps_alloc_zero(cx, sizeof(*kept) + batch->n_cols * sizeof(ps_vec));

    *out = NULL;
    if (!kept) return PS_MEMORY;
    if (!whole) {
        rows = ps_alloc(cx, n * sizeof(*rows));
        if (!rows) PS_GO(PS_MEMORY);
        for (uint32_t k = 0; k < n; k++) rows[k] = ps_batch_row(batch, first + k);
    }
    kept->batch = (ps_batch){.cols = kept->cols,
                             .cols_max = batch->n_cols,
                             .n = n,
                             .n_live = n,
                             .morsel = batch->morsel,
                             .first_row = batch->first_row};
    for (uint32_t i = 0; i < batch->n_cols; i++) {
        PS_GO(ps_vec_retain(cx, &batch->cols[i], rows, n, &kept->cols[i]));
        kept->batch.n_cols = i + 1;
        kept->bytes += ps_vec_retained_bytes(&kept->cols[i]);
    }
    *out = kept;
    kept = NULL;
done:
    ps_free(rows);
    ps_kept_free(kept);
    return st;
}

ps_status ps_kept_file(ps_ctx *cx, const ps_batch *batch, ps_rows *scratch, ps_spill *spill,
                       ps_kept **out)
{
    const uint32_t n = batch->n_live;
    ps_kept *kept = ps_alloc_zero(cx, sizeof(*kept));
    uint8_t **rows = ps_alloc(cx, (n + 1) * sizeof(*rows));
    ps_status st = PS_OK;

    *out = NULL;
    if (!kept || !rows) PS_GO(PS_MEMORY);
    kept->filed = ps_alloc_zero(cx, sizeof(*kept->filed));
    if (!kept->filed) PS_GO(PS_MEMORY);
    ps_rows_init(kept->filed, scratch->layout);
    PS_GO(ps_rows_append(cx, scratch, batch->cols, NULL, batch->sel, n, rows));
    PS_GO(ps_rows_spill_copy(cx, kept->filed, spill, rows, NULL, n));
    kept->bytes = sizeof(*kept) + sizeof(*kept->filed);
    kept->batch =
        (ps_batch){.n = n, .n_live = n, .morsel = batch->morsel, .first_row = batch->first_row};
    *out = kept;
    kept = NULL;
done:
    ps_rows_release(scratch);
    ps_free(rows);
    ps_kept_free(kept);
    return st;
}

void ps_kept_free(ps_kept *kept)
{
    if (!kept) return;
    if (kept->filed) ps_rows_release(kept->filed);
    ps_free(kept->filed);
    for (uint32_t i = 0; i < kept->batch.n_cols; i++) ps_owner_unref(kept->cols[i].owner);
    ps_free(kept);
}

static void kept_free_all(ps_kept *kept)
{
    while (kept) {
        ps_kept *next = kept->next;

        ps_kept_free(kept);
        kept = next;
    }
}

ps_status ps_collector_init(ps_ctx *cx, ps_arena *arena, ps_collector *c, uint32_t n_feeders,
                            uint64_t bytes_max)
{
    c->feeder_morsels = PS_ARENA_ARRAY(cx, arena, uint64_t, n_feeders);
    if (!c->feeder_morsels) return PS_MEMORY;
    for (uint32_t i = 0; i < n_feeders; i++) c->feeder_morsels[i] = UINT64_MAX;
    c->n_feeders = n_feeders;
    ps_mutex_init(&c->mutex);
    c->ready = true;
    c->count = UINT64_MAX;
    c->out_bytes_max = bytes_max / 4;
    c->later_bytes_max = bytes_max - bytes_max / 4;
    return PS_OK;
}

void ps_collector_release(ps_collector *c)
{
    if (!c->ready) return;
    while (c->later) {
        ps_collector_morsel *next = c->later->next;

        kept_free_all(c->later->first);
        ps_free(c->later);
        c->later = next;
    }
    kept_free_all(c->out_first);
    c->out_first = c->out_last = NULL;
    ps_mutex_destroy(&c->mutex);
}

bool ps_collector_may_add(ps_collector *c, uint64_t position)
{
    ps_mutex_lock(&c->mutex);
    const bool may =
        position == c->head ? c->out_bytes < c->out_bytes_max : c->later_bytes < c->later_bytes_max;
    ps_mutex_unlock(&c->mutex);
    return may;
}

bool ps_collector_enough(ps_collector *c, uint64_t position)
{
    (void)position;
    if (c->count == UINT64_MAX) return false;
    ps_mutex_lock(&c->mutex);
    const bool enough = c->n_seen >= c->offset + c->count;
    ps_mutex_unlock(&c->mutex);
    return enough;
}

/* The entry of a morsel, made when there is none. Mutex held. */
static ps_status collector_entry(ps_ctx *cx, ps_collector *c, uint64_t position,
                                 ps_collector_morsel **out)
{
    ps_collector_morsel **at = &c->later;

    while (*at && (*at)->position < position) at = &(*at)->next;
    if (!*at || (*at)->position != position) {
        ps_collector_morsel *entry = ps_alloc_zero(cx, sizeof(*entry));

        if (!entry) return PS_MEMORY;
        entry->position = position;
        entry->next = *at;
        *at = entry;
    }
    *out = *at;
    return PS_OK;
}

static void collector_emit(ps_collector *c, ps_kept *kept)
{
    kept->next = NULL;
    if (c->out_last) c->out_last->next = kept;
    else c->out_first = kept;
    c->out_last = kept;
    c->out_bytes += kept->bytes;
    c->n_seen += kept->batch.n;
}

ps_status ps_collector_add(ps_ctx *cx, ps_collector *c, const ps_batch *batch)
{
    ps_kept *kept;

    /* copied outside of the mutex: this is where the time goes */
    PS_TRY(ps_kept_new(cx, batch, 0, batch->n_live, &kept));
    return ps_collector_add_kept(cx, c, kept);
}

ps_status ps_collector_add_kept(ps_ctx *cx, ps_collector *c, ps_kept *kept)
{
    ps_collector_morsel *entry;
    ps_status st = PS_OK;

    ps_mutex_lock(&c->mutex);
    if (kept->batch.morsel == c->head) {
        collector_emit(c, kept);
        kept = NULL;
    } else {
        PS_GO(collector_entry(cx, c, kept->batch.morsel, &entry));
        if (entry->last) entry->last->next = kept;
        else entry->first = kept;
        entry->last = kept;
        entry->n_rows += kept->batch.n;
        c->later_bytes += kept->bytes;
        entry->bytes += kept->bytes;
        kept = NULL;
    }
done:
    ps_mutex_unlock(&c->mutex);
    ps_kept_free(kept);
    return st;
}

/* Moves the head over everything that ended. Mutex held. */
static void collector_advance(ps_collector *c)
{
    for (;;) {
        ps_collector_morsel *entry = c->later;

        if (entry && entry->position == c->head) {
            for (ps_kept *kept = entry->first; kept;) {
                ps_kept *next = kept->next;

                collector_emit(c, kept);
                kept = next;
            }
            c->later_bytes -= entry->bytes;
            entry->bytes = 0;
            entry->first = entry->last = NULL;
            if (!entry->ended) return;
            c->later = entry->next;
            ps_free(entry);
            c->head++;
            continue;
        }
        /* past the last morsel of its feeder: on to the next feeder's first */
        const uint64_t feeder = c->head >> PS_FEEDER_SHIFT;
        const uint64_t morsel = c->head & (((uint64_t)1 << PS_FEEDER_SHIFT) - 1);

        if (feeder >= c->n_feeders || morsel < c->feeder_morsels[feeder]) return;
        if (feeder + 1 == c->n_feeders) return;
        c->head = (feeder + 1) << PS_FEEDER_SHIFT;
    }
}

ps_status ps_collector_view_init(ps_ctx *cx, ps_collector_view *view, const uint32_t *order,
                                 uint32_t n)
{
    view->order = order;
    view->n = n;
    return ps_batch_init(cx, &view->arena, n, &view->batch);
}

void ps_collector_view_release(ps_collector_view *view) { ps_arena_release(&view->arena); }

const ps_batch *ps_collector_view_of(ps_collector_view *view, const ps_batch *batch)
{
    ps_vec *cols = view->batch.cols;

    view->batch = *batch;
    view->batch.cols = cols;
    view->batch.cols_max = view->batch.n_cols = view->n;
    for (uint32_t i = 0; i < view->n; i++) cols[i] = batch->cols[view->order[i]];
    return &view->batch;
}

bool ps_collector_is_next(ps_collector *c, uint64_t position)
{
    ps_mutex_lock(&c->mutex);
    const bool next = position == c->head && !c->out_first;
    ps_mutex_unlock(&c->mutex);
    return next;
}

ps_status ps_collector_add_view(ps_ctx *cx, ps_collector *c, ps_collector_view *view,
                                const ps_batch *batch, bool *added)
{
    *added = ps_collector_may_add(c, batch->morsel);
    return *added ? ps_collector_add(cx, c, ps_collector_view_of(view, batch)) : PS_OK;
}

ps_status ps_collector_end(ps_ctx *cx, ps_collector *c, uint64_t position)
{
    ps_collector_morsel *entry;

    ps_mutex_lock(&c->mutex);
    ps_status st = collector_entry(cx, c, position, &entry);
    if (st == PS_OK) {
        entry->ended = true;
        collector_advance(c);
    }
    ps_mutex_unlock(&c->mutex);
    return st;
}

void ps_collector_feeder(ps_collector *c, uint32_t feeder, uint64_t n_morsels)
{
    ps_mutex_lock(&c->mutex);
    c->feeder_morsels[feeder] = n_morsels;
    collector_advance(c);
    ps_mutex_unlock(&c->mutex);
}

bool ps_collector_waiting(ps_collector *c)
{
    ps_mutex_lock(&c->mutex);
    const bool waiting = c->out_first != NULL;
    ps_mutex_unlock(&c->mutex);
    return waiting;
}

/* Drops the rows outside of [offset, offset + count) of a batch that begins at row `first`; NULL:
 * nothing is left. A whole batch passes as it is. */
static ps_kept *collector_cut(ps_ctx *cx, ps_collector *c, ps_kept *kept, uint64_t first)
{
    const uint64_t end = c->count > UINT64_MAX - c->offset ? UINT64_MAX : c->offset + c->count;
    const uint64_t lo = PS_MAX(first, c->offset), hi = PS_MIN(first + kept->batch.n, end);
    ps_kept *cut = NULL;

    if (lo == first && hi == first + kept->batch.n) return kept;
    if (kept->filed && lo < hi) {
        kept->skip += (uint32_t)(lo - first);
        kept->batch.n = kept->batch.n_live = (uint32_t)(hi - lo);
        return kept;
    }
    if (lo < hi &&
        ps_kept_new(cx, &kept->batch, (uint32_t)(lo - first), (uint32_t)(hi - lo), &cut) != PS_OK)
        cut = NULL;
    ps_kept_free(kept);
    return cut;
}

ps_status ps_collector_pop(ps_ctx *cx, ps_collector *c, ps_kept **out)
{
    *out = NULL;
    for (;;) {
        ps_mutex_lock(&c->mutex);
        ps_kept *kept = c->out_first;
        if (kept) {
            c->out_first = kept->next;
            if (!c->out_first) c->out_last = NULL;
            c->out_bytes -= kept->bytes;
        }
        ps_mutex_unlock(&c->mutex);
        if (!kept) return PS_OK;
        const uint64_t first = c->n_out;

        c->n_out += kept->batch.n;
        kept->next = NULL;
        ps_ctx_clear(cx);
        *out = collector_cut(cx, c, kept, first);
        if (*out) return PS_OK;
        if (cx->error.code != PS_OK) return cx->error.code;
    }
}
