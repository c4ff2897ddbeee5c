/* exec/window_stream.c -- windows over rows that a sort left in files.
 *
 * A morsel is a range of ranks: it has the partitions that begin there. Its lane reads the rows in
 * order and holds some 16,000 at a time, cut where a partition ends. A partition that is longer is
 * held whole, unless every call of the operator can go on from what it carries (row_number, rank,
 * aggregates from the partition's start to the current row): then it is cut too, between peers
 * where they matter, and may be larger than memory.
 *
 * Tests: tests/py/test_spill.py, tests/slt/op/window*.test under spill */
#include "exec/window.h"

enum { HELD_BYTES_MIN = 1 << 20 };

/* force_spill: so that small tests meet many of both */
static uint64_t morsel_rows(const ps_op *op)
{
    return op->settings->force_spill ? 2000 : PS_SEGMENT_ROWS;
}

static uint64_t held_rows(const ps_op *op) { return op->settings->force_spill ? 256 : 16384; }

/* ---- which calls can go on in a cut partition ---- */

static bool call_streams(const window_call *call, bool *peers)
{
    const ps_frame *f = call->frame;

    switch ((ps_window_id)call->expr->func->window_id) {
    case PS_WINDOW_ROW_NUMBER: return true;
    case PS_WINDOW_RANK:
    case PS_WINDOW_DENSE_RANK: *peers = true; return true;
    case PS_WINDOW_NONE: break;
    default: return false;
    }
    *peers |= f->unit != PS_FRAME_ROWS;
    return call->how == WINDOW_RUNNING && !call->distinct && f->end == PS_BOUND_CURRENT;
}

void ps_window_stream_plan(window_config *config)
{
    config->streams = true;
    for (uint32_t i = 0; i < config->n_calls; i++)
        config->streams &= call_streams(&config->calls[i], &config->whole_peers);
}

/* ---- rows ---- */

uint64_t ps_window_stream_morsels(const ps_op *op, const ps_sorter *sorter)
{
    return (sorter->n_rows + morsel_rows(op) - 1) / morsel_rows(op);
}

/* The next row of the sort; NULL: there is none. */
static ps_status peek(ps_ctx *cx, const ps_sorter *sorter, window_stream *st, const uint8_t **row)
{
    if (st->pending_at == st->n_pending) {
        PS_TRY(ps_sort_reader_next(cx, sorter, &st->reader, st->room, cx->batch_rows, &st->pending,
                                   &st->n_pending));
        st->pending_at = 0;
    }
    *row = st->n_pending ? st->pending[st->pending_at] : NULL;
    return PS_OK;
}

static void step(window_stream *st)
{
    st->pending_at++;
    st->rank++;
}

/* A copy of a row that what comes next is compared with. */
static ps_status remember(ps_ctx *cx, window_stream *st, const uint8_t *row)
{
    ps_rows_release(&st->last);
    return ps_rows_append_rows(cx, &st->last, &(uint8_t *){(uint8_t *)(uintptr_t)row}, 1,
                               &st->last_row);
}

static bool same_partition(const window_config *config, const uint8_t *a, const uint8_t *b)
{
    return ps_window_same(config, 0, config->n_partition, a, b);
}

void ps_window_stream_start(window_source *s, uint64_t morsel)
{
    window_stream *st = &s->stream;

    s->n = s->at = 0;
    st->given = st->before = st->groups_before = 0;
    st->over = st->filling = false;
    st->start_due = true;
    st->morsel = morsel;
}

/* To the first partition that begins in the morsel. */
static ps_status start(ps_ctx *cx, window_source *s, const ps_sorter *sorter)
{
    const uint64_t first = s->stream.morsel * morsel_rows(s->op);
    window_stream *st = &s->stream;
    const uint8_t *row;

    if (!st->room) {
        st->room = PS_ARENA_ARRAY(cx, &s->arena, uint8_t *, cx->batch_rows);
        if (!st->room) return PS_MEMORY;
        ps_rows_init(&st->held, s->config->spec.layout);
        ps_rows_init(&st->last, s->config->spec.layout);
    }
    st->end = first + morsel_rows(s->op);
    st->rank = first ? first - 1 : 0;
    st->n_pending = st->pending_at = 0;
    PS_TRY(ps_sort_reader_seek(cx, sorter, &st->reader, st->rank));
    if (first == 0) return PS_OK;
    PS_TRY(peek(cx, sorter, st, &row));
    if (!row) return PS_BUG(cx, "a window lost rows");
    PS_TRY(remember(cx, st, row));
    do { /* the rest of the partition that began before */
        step(st);
        PS_TRY(peek(cx, sorter, st, &row));
        if (!row || st->rank >= st->end) return st->over = true, PS_OK;
    } while (same_partition(s->config, st->last_row, row));
    return PS_OK;
}

/* One partition doesn't fit: says how large it is. */
static ps_status too_large(ps_ctx *cx, window_source *s, const ps_sorter *sorter)
{
    window_stream *st = &s->stream;
    const uint64_t held = st->held.n_rows, bytes = st->held.bytes + st->n_rows * sizeof(uint8_t *);
    uint64_t n = 0;
    const uint8_t *row;

    ps_ctx_clear(cx);
    PS_TRY(remember(cx, st, st->rows[0]));
    ps_rows_release(&st->held);
    for (;; step(st), n++) {
        PS_TRY(peek(cx, sorter, st, &row));
        if (!row || !same_partition(s->config, st->last_row, row)) break;
    }
    ps_fail(cx, PS_MEMORY,
            "a window's partition of %llu rows doesn't fit into memory: it needs about %llu bytes",
            (unsigned long long)(held + n), (unsigned long long)(bytes / held * (held + n)));
    ps_hint(cx, "raise memory_limit, or partition by more columns");
    return PS_MEMORY;
}

static ps_status hold(ps_ctx *cx, window_source *s, const uint8_t *row)
{
    window_stream *st = &s->stream;

    if (st->n_rows == st->rows_room) {
        const size_t room = PS_MAX((size_t)1024, st->rows_room + st->rows_room / 2);
        uint8_t **rows = ps_realloc(cx, st->rows, room * sizeof(*rows));
        if (!rows) return PS_MEMORY;
        st->rows = rows;
        st->rows_room = room;
    }
    PS_TRY(ps_rows_append_rows(cx, &st->held, &(uint8_t *){(uint8_t *)(uintptr_t)row}, 1,
                               &st->rows[st->n_rows]));
    st->n_rows++;
    return PS_OK;
}

/* Whether what is held may end before `row`, which is of the partition of the row before. */
static bool may_cut(const window_config *config, const uint8_t *before, const uint8_t *row)
{
    return config->streams &&
           (!config->whole_peers ||
            !ps_window_same(config, config->n_partition, config->spec.n_keys - config->n_partition,
                            before, row));
}

/* Forgets the rows that were given; what their last partition's rest needs to know stays. */
static ps_status let_go(ps_ctx *cx, window_source *s)
{
    window_stream *st = &s->stream;

    if (s->n) {
        const uint64_t begin = s->partitions[s->n_partitions - 1];

        PS_TRY(remember(cx, st, s->rows[s->n - 1]));
        st->before = s->n - begin + (begin == 0 ? st->before : 0);
        st->groups_before =
            s->n_groups - s->partition_group + (s->partition_group == 0 ? st->groups_before : 0);
        st->given += s->n;
    }
    ps_rows_release(&st->held);
    st->n_rows = 0;
    return PS_OK;
}

/* Goes on where it was refused. */
static ps_status fill(ps_ctx *cx, window_source *s, const ps_sorter *sorter)
{
    const window_config *config = s->config;
    window_stream *st = &s->stream;
    const ps_exec_settings *settings = s->op->settings;
    const uint64_t share = settings->memory_floor / 8 / PS_MAX(settings->threads, 1u);
    const uint64_t bytes_max = share ? PS_MAX(share, (uint64_t)HELD_BYTES_MIN) : UINT64_MAX;
    const uint8_t *before = st->n_rows ? st->rows[st->n_rows - 1] : s->n ? st->last_row : NULL;
    const uint8_t *row;

    for (;;) {
        PS_TRY(peek(cx, sorter, st, &row));
        const bool fresh = !row || !before || !same_partition(config, before, row);
        if (!row || (fresh && st->rank >= st->end)) return st->over = true, PS_OK;
        const bool full = st->n_rows >= held_rows(s->op) || st->held.bytes >= bytes_max;
        if (full && (fresh || may_cut(config, before, row))) return PS_OK;
        if (st->n_rows == 0) st->continues = !fresh;
        PS_TRY(hold(cx, s, row));
        before = st->rows[st->n_rows - 1];
        step(st);
    }
}

/* What can be done again after a refusal. */
static ps_status advance(ps_ctx *cx, window_source *s, const ps_sorter *sorter)
{
    window_stream *st = &s->stream;

    if (st->start_due) PS_TRY(start(cx, s, sorter));
    st->start_due = false;
    if (!st->filling) PS_TRY(let_go(cx, s));
    if (!st->filling) st->continues = false;
    st->filling = true;
    return st->over ? PS_OK : fill(cx, s, sorter);
}

ps_status ps_window_stream_next(ps_ctx *cx, window_source *s, const ps_sorter *sorter, bool *again)
{
    window_stream *st = &s->stream;
    const ps_status status = advance(cx, s, sorter);

    *again = ps_sort_reader_retries(cx, &st->reader, status);
    if (*again) return PS_OK;
    if (status == PS_MEMORY && st->filling && st->n_rows > 0) return too_large(cx, s, sorter);
    PS_TRY(status);
    st->reader.n_refused = 0;
    st->filling = false;
    s->rows = st->rows;
    s->n = st->n_rows;
    if (!st->continues) st->before = st->groups_before = 0;
    for (uint32_t i = 0; i < s->config->n_calls; i++) {
        window_work *w = &s->work[i];

        if (!st->continues) ps_window_work_clear(w);
        w->carried = w->added = 0; /* the rows before are in what it carries */
    }
    return s->n ? ps_window_split(cx, s) : PS_OK;
}

void ps_window_stream_release(window_stream *st)
{
    ps_sort_reader_release(&st->reader);
    if (st->held.layout) ps_rows_release(&st->held);
    if (st->last.layout) ps_rows_release(&st->last);
    ps_free(st->rows);
}
