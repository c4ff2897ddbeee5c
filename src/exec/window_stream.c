/* exec/window_stream.c -- windows over rows that a sort left in files.
 *
 * A morsel is a range of ranks: it has the partitions that begin there. Its lane reads the rows in
 * order and holds some 16,000 at a time, cut where a partition ends. A partition that is longer is
 * held whole as long as that is a small part of what is left of memory. Else it is cut:
 *
 * - Where every call of the operator can go on from what it carries (row_number, rank, aggregates
 *   from the partition's start) and looks at rows within a constant distance only (lag, ROWS
 *   between constants), rows pass by in pieces. What is held has the rows that a piece's frames
 *   reach, on both sides; where peers matter a piece ends with a group.
 * - Else, or where a group of peers or those distances are too large, the partition goes to a store
 *   from the first row on that is still needed: window_store.c.
 *
 * Tests: tests/py/test_spill.py, test_window_large.py, tests/slt/op/window*.test under spill */
#include "exec/window.h"

enum { HELD_BYTES_MIN = 1 << 20 };

/* force_spill: so that small tests meet many of both */
static uint64_t morsel_rows(const ps_op *op)
{
    return op->settings->force_spill ? 2000 : PS_SEGMENT_ROWS;
}

uint64_t ps_window_piece_rows(const ps_op *op) { return op->settings->force_spill ? 256 : 16384; }

uint64_t ps_window_piece_bytes(const ps_op *op)
{
    const ps_exec_settings *settings = op->settings;
    const uint64_t share = settings->memory_floor / 8 / PS_MAX(settings->threads, 1u);

    return share ? PS_MAX(share, (uint64_t)HELD_BYTES_MIN) : UINT64_MAX;
}

/* ---- how far calls reach ---- */

/* A constant distance, if it is one; a null or negative one is an error of the first row. */
static bool distance_of(const ps_expr *expr, uint64_t *out)
{
    const ps_value *value = &expr->literal;

    if (!ps_expr_is_literal(expr) || ps_type_class_of(expr->type) != PS_CLASS_INTEGER) return false;
    *out = value->null || value->i < 0 ? 0 : (uint64_t)PS_MIN(value->i, (ps_i128)INT64_MAX);
    return true;
}

static bool bound_reach(ps_bound_kind kind, const ps_expr *offset, window_config *config)
{
    uint64_t rows;

    if (kind == PS_BOUND_CURRENT) return true;
    if (kind != PS_BOUND_PRECEDING && kind != PS_BOUND_FOLLOWING) return false;
    if (!distance_of(offset, &rows)) return false;
    uint64_t *reach = kind == PS_BOUND_PRECEDING ? &config->back : &config->ahead;
    *reach = PS_MAX(*reach, rows);
    return true;
}

static bool frame_reach(const ps_frame *f, window_config *config)
{
    return f->unit == PS_FRAME_ROWS &&
           (f->exclude == PS_EXCLUDE_NO_OTHERS || f->exclude == PS_EXCLUDE_CURRENT_ROW) &&
           bound_reach(f->start, f->start_offset, config) &&
           bound_reach(f->end, f->end_offset, config);
}

static bool shift_reach(const window_call *call, window_config *config)
{
    const ps_expr *expr = call->expr;
    uint64_t rows = 1;

    if (expr->agg->ignore_nulls) return false;
    if (expr->n_args > 1) {
        const ps_expr *steps = expr->args[1];
        if (!distance_of(steps, &rows)) return false;
        if (!steps->literal.null && steps->literal.i < 0) return false;
    }
    uint64_t *reach = expr->func->window_id == PS_WINDOW_LAG ? &config->back : &config->ahead;
    *reach = PS_MAX(*reach, rows);
    return true;
}

/* From the partition's start: what comes before a piece is in what it carries. */
static bool running_reach(const window_call *call, window_config *config)
{
    const ps_frame *f = call->frame;

    if (call->distinct) return false;
    if (f->unit == PS_FRAME_ROWS) return bound_reach(f->end, f->end_offset, config);
    config->whole_peers = true;
    return f->end == PS_BOUND_CURRENT;
}

static bool call_reach(const window_call *call, window_config *config)
{
    switch ((ps_window_id)call->expr->func->window_id) {
    case PS_WINDOW_ROW_NUMBER:
    case PS_WINDOW_RANK:
    case PS_WINDOW_DENSE_RANK: return true;
    case PS_WINDOW_LAG:
    case PS_WINDOW_LEAD: return shift_reach(call, config);
    case PS_WINDOW_FIRST_VALUE:
    case PS_WINDOW_LAST_VALUE:
    case PS_WINDOW_NTH_VALUE: return frame_reach(call->frame, config);
    case PS_WINDOW_NONE: break;
    default: return false;
    }
    return call->how == WINDOW_RUNNING ? running_reach(call, config)
                                       : frame_reach(call->frame, config);
}

/* Bytes that a call takes for each row of a block: window_made, its list. */
static uint64_t call_bytes(const window_call *call)
{
    uint64_t bytes = call->expr->agg->ignore_nulls ? 2 * sizeof(uint64_t) : 0;

    if (call->expr->func->window_id != PS_WINDOW_NONE) return bytes;
    if (call->distinct) bytes += 3 * sizeof(uint64_t);
    if (call->how == WINDOW_COLLECT || call->how == WINDOW_DIRECT) bytes += 2 * sizeof(uint8_t *);
    if (call->how == WINDOW_TREE)
        bytes += (uint64_t)call->agg.class->state_bytes * (WINDOW_FANOUT + 1) / WINDOW_FANOUT /
                     call->leaf_rows +
                 1;
    return bytes;
}

void ps_window_stream_plan(window_config *config)
{
    config->streams = true;
    config->row_bytes = sizeof(uint8_t *) + 2 * sizeof(uint64_t); /* address, peers */
    for (uint32_t i = 0; i < config->n_calls; i++) {
        window_call *call = &config->calls[i];
        const ps_frame *f = call->frame;

        config->streams &= call_reach(call, config);
        config->row_bytes += call_bytes(call);
        call->sums = call->how == WINDOW_TREE ||
                     (call->how == WINDOW_RUNNING && !call->distinct &&
                      (f->unit != PS_FRAME_ROWS || f->end == PS_BOUND_UNBOUNDED_FOLLOWING));
        call->fresh = call->how == WINDOW_RUNNING && call->distinct;
        call->by_value = call->how == WINDOW_COLLECT && call->agg.class->by_value &&
                         !call->distinct && call->n_order == 0 && call->n_args == 1;
        call->sums &= call->expr->func->window_id == PS_WINDOW_NONE;
    }
}

/* ---- rows ---- */

uint64_t ps_window_stream_morsels(const ps_op *op, const ps_sorter *sorter)
{
    return (sorter->n_rows + morsel_rows(op) - 1) / morsel_rows(op);
}

/* The next row of the sort; NULL: there is none. */
static ps_status peek(ps_ctx *cx, const ps_sorter *sorter, window_stream *st, const uint8_t **row)
{
    if (st->seek_due) PS_TRY(ps_sort_reader_seek(cx, sorter, &st->reader, st->rank));
    st->seek_due = false;
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

/* The reader's pages are given up until a row is wanted again. */
static void rest(window_stream *st)
{
    ps_sort_reader_release(&st->reader);
    memset(&st->reader, 0, sizeof(st->reader));
    st->n_pending = st->pending_at = 0;
    st->seek_due = true;
}

/* A copy of a row that what comes next is compared with. */
static ps_status remember(ps_ctx *cx, window_stream *st, const uint8_t *row)
{
    ps_rows_release(&st->last);
    return ps_rows_append_rows(cx, &st->last, &(uint8_t *){(uint8_t *)(uintptr_t)row}, 1,
                               &st->last_row);
}

/* Nothing is held, and all before `rank` was given. */
static void forget(window_stream *st)
{
    ps_rows_release(&st->held);
    st->n_rows = st->check_at = 0;
    st->first = st->given = st->rank;
    st->inside = false;
}

void ps_window_stream_start(window_source *s, uint64_t morsel)
{
    window_stream *st = &s->stream;

    ps_window_store_free(s);
    s->at = s->end = 0;
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
    st->seek_due = true;
    if (first == 0) return forget(st), PS_OK;
    PS_TRY(peek(cx, sorter, st, &row));
    if (!row) return PS_BUG(cx, "a window lost rows");
    PS_TRY(remember(cx, st, row));
    do { /* the rest of the partition that began before */
        step(st);
        PS_TRY(peek(cx, sorter, st, &row));
        st->over = !row || st->rank >= st->end;
    } while (!st->over && ps_window_same_partition(s->config, st->last_row, row));
    return forget(st), PS_OK;
}

/* Of the partition that begins with it, if it is fresh. */
static ps_status hold(ps_ctx *cx, window_stream *st, const uint8_t *row, bool fresh)
{
    if (st->n_rows == st->rows_room) {
        const size_t room = PS_MAX((size_t)1024, st->rows_room + st->rows_room / 2);
        uint8_t **rows = ps_realloc(cx, st->rows, room * sizeof(*rows));
        if (!rows) return PS_MEMORY;
        st->rows = rows;
        st->rows_room = room;
    }
    PS_TRY(ps_rows_append_rows(cx, &st->held, &(uint8_t *){(uint8_t *)(uintptr_t)row}, 1,
                               &st->rows[st->n_rows]));
    if (fresh) st->last_begin = st->rank;
    if (fresh && st->n_rows == 0) {
        st->partition_begin = st->group_begin = st->rank;
        st->partition_group = st->group = 0;
    }
    st->n_rows++;
    step(st);
    return PS_OK;
}

/* ---- pieces ---- */

/* The place of what begins last up to a rank. */
static uint64_t place_of(const uint64_t *begins, uint64_t n, uint64_t rank)
{
    uint64_t low = 0, high = n;

    while (high - low > 1) {
        const uint64_t middle = low + (high - low) / 2;
        if (begins[middle] <= rank) low = middle;
        else high = middle;
    }
    return low;
}

/* Forgets rows that were given, but for those that what comes next of their partition may want. */
static ps_status let_go(ps_ctx *cx, window_source *s)
{
    window_stream *st = &s->stream;
    const window_block *block = &s->whole;
    const uint64_t back = s->config->streams ? s->config->back : 0;

    st->given = s->end;
    if (!st->inside || st->n_rows == 0) return forget(st), PS_OK;
    const uint64_t anchor = PS_MIN(st->given, st->first + st->n_rows - 1),
                   p = place_of(s->partitions, s->n_partitions, anchor), begin = s->partitions[p];
    uint64_t from = PS_MAX(PS_MAX(begin, st->first), st->given - PS_MIN(back, st->given));
    from = PS_MIN(from, anchor);
    const size_t skip = (size_t)(from - st->first), n = st->n_rows - skip;
    uint8_t **kept = ps_alloc(cx, n * sizeof(*kept));
    if (!kept) return PS_MEMORY;
    ps_rows rows;
    ps_rows_init(&rows, s->config->spec.layout);
    ps_status status = PS_OK;
    for (size_t at = 0, m; status == PS_OK && at < n; at += m) {
        m = PS_MIN(n - at, (size_t)WINDOW_CHUNK);
        status = ps_rows_append_rows(cx, &rows, st->rows + skip + at, (uint32_t)m, kept + at);
    }
    if (status == PS_OK) {
        const uint64_t g = place_of(block->groups, block->n_groups, from);
        memcpy(st->rows, kept, n * sizeof(*kept));
        if (p > 0)
            st->partition_group =
                block->first_group + place_of(block->groups, block->n_groups, begin);
        st->partition_begin = begin;
        st->group_begin = block->groups[g];
        st->group = block->first_group + g;
        st->first = from;
        st->n_rows = n;
        st->check_at = 0;
        const ps_rows given = st->held;
        st->held = rows;
        rows = given;
    }
    ps_rows_release(&rows);
    ps_free(kept);
    return status;
}

/* Up to where rows may be given though their partition goes on with `row`, if that are so many. */
static uint64_t cut_at(const window_source *s, const uint8_t *row, uint64_t least)
{
    const window_config *config = s->config;
    const window_stream *st = &s->stream;
    size_t known = st->n_rows; /* peers of the rows before that are */

    if (!config->streams || config->ahead >= st->n_rows) return st->given;
    if (config->whole_peers && ps_window_same_peers(config, st->rows[known - 1], row)) {
        known--;
        while (known > 0 && st->first + known > st->last_begin &&
               ps_window_same_peers(config, st->rows[known - 1], st->rows[known]))
            known--;
    }
    const uint64_t end = st->first + PS_MIN(known, st->n_rows - (size_t)config->ahead);
    return end > st->given && end - st->given >= least ? end : st->given;
}

/* What a partition may take that is held whole, with what calls make of it: a small part of what is
 * left. */
static bool too_large(const window_source *s)
{
    const window_stream *st = &s->stream;
    const uint64_t bytes = st->held.bytes + st->n_rows * s->config->row_bytes,
                   left = ps_mem_left(s->op->mem) / 4 / PS_MAX(s->op->settings->threads, 1u);

    if (s->op->settings->force_spill) return st->n_rows >= 2 * ps_window_piece_rows(s->op);
    return bytes >= PS_MAX(ps_window_piece_bytes(s->op), left);
}

static bool is_full(const window_source *s)
{
    const window_stream *st = &s->stream;

    return st->first + st->n_rows - st->given >= ps_window_piece_rows(s->op) ||
           st->held.bytes >= ps_window_piece_bytes(s->op);
}

/* Reads on from where it was refused: to what is given next, or (*store) until no piece can be. */
static ps_status fill(ps_ctx *cx, window_source *s, const ps_sorter *sorter, bool *store)
{
    window_stream *st = &s->stream;
    const uint8_t *row;

    for (;;) {
        PS_TRY(peek(cx, sorter, st, &row));
        const bool fresh = !row || st->n_rows == 0 ||
                           !ps_window_same_partition(s->config, st->rows[st->n_rows - 1], row);
        const bool over = !row || (fresh && st->rank >= st->end), full = is_full(s);
        ps_status status = PS_OK;

        s->end = st->rank;
        st->over = over;
        st->inside = !fresh;
        if (over || (full && fresh)) return PS_OK;
        const bool looks = full && st->n_rows >= st->check_at;
        if (looks) {
            s->end = cut_at(s, row, st->n_rows / 2);
            if (s->end > st->given) return PS_OK;
            st->check_at = st->n_rows + st->n_rows / 8 + 1;
        }
        status = looks && too_large(s) ? PS_MEMORY : hold(cx, st, row, fresh);
        if (status == PS_OK) continue;
        if (status != PS_MEMORY || st->first + st->n_rows == st->given) return status;
        ps_ctx_clear(cx);
        if (fresh) return PS_OK;
        s->end = PS_MAX(st->last_begin, cut_at(s, row, st->n_rows / 4));
        *store = s->end <= st->given;
        return PS_OK;
    }
}

/* ---- a partition that is stored ---- */

static ps_status add_held(ps_ctx *cx, window_source *s)
{
    window_stream *st = &s->stream;

    if (st->n_rows == 0) return PS_OK;
    for (uint64_t n; st->n_added < st->n_rows; st->n_added += n) {
        const uint8_t *before = st->n_added ? st->rows[st->n_added - 1] : st->last_row;
        n = PS_MIN(st->n_rows - st->n_added, ps_window_store_rows(s));
        PS_TRY(ps_window_store_add(cx, s, before, st->rows + st->n_added, n));
    }
    PS_TRY(remember(cx, st, st->rows[st->n_rows - 1]));
    st->n_added = 0;
    return forget(st), PS_OK;
}

/* All that is held and what follows of its partition; goes on where it was refused. */
static ps_status store_all(ps_ctx *cx, window_source *s, const ps_sorter *sorter)
{
    window_stream *st = &s->stream;
    const uint8_t *row;
    bool ends = false;

    if (!s->store) {
        PS_TRY(ps_window_store_new(cx, s, sorter));
        st->last_row = NULL;
        st->n_added = 0;
    }
    while (!ends) {
        PS_TRY(peek(cx, sorter, st, &row));
        ends = !row || !ps_window_same_partition(
                           s->config, st->n_rows ? st->rows[st->n_rows - 1] : st->last_row, row);
        if (ends || st->n_rows >= ps_window_store_rows(s)) PS_TRY(add_held(cx, s));
        if (ends) continue;
        const ps_status status = hold(cx, st, row, false);
        if (status == PS_OK) continue;
        if (status != PS_MEMORY || st->n_rows == 0) return status;
        ps_ctx_clear(cx);
        PS_TRY(add_held(cx, s));
    }
    st->over = !row || st->rank >= st->end;
    PS_TRY(ps_window_store_seal(cx, s));
    return rest(st), PS_OK;
}

/* ---- what is given next ---- */

bool ps_window_stream_more(const window_source *s)
{
    return !s->stream.over || (s->store && s->end < ps_window_store_range(s->store).end);
}

/* What can be done again after a refusal. */
static ps_status advance(ps_ctx *cx, window_source *s, const ps_sorter *sorter)
{
    window_stream *st = &s->stream;
    bool store = s->store != NULL;

    if (st->start_due) {
        PS_TRY(start(cx, s, sorter));
        s->at = s->end = st->given;
        st->start_due = false;
    }
    if (!store) {
        if (!st->filling) PS_TRY(let_go(cx, s));
        st->filling = true;
        if (st->over) s->end = st->rank;
        else PS_TRY(fill(cx, s, sorter, &store));
        s->at = st->given;
    }
    if (store) return store_all(cx, s, sorter);
    return PS_OK;
}

/* What is held as a block. */
static ps_status show(ps_ctx *cx, window_source *s)
{
    const window_stream *st = &s->stream;
    window_block *block = &s->whole;

    ps_window_block_clear(s->config, block);
    block->rows = st->rows;
    block->first = st->first;
    block->n = st->n_rows;
    return s->at < s->end ? ps_window_split(cx, s, false) : PS_OK;
}

/* The same. */
static ps_status next(ps_ctx *cx, window_source *s, const ps_sorter *sorter)
{
    window_stream *st = &s->stream;

    if (s->store && ps_window_store_sealed(s->store)) {
        if (s->at < ps_window_store_range(s->store).end) return ps_window_store_next(cx, s);
        ps_window_store_free(s);
        s->at = s->end = st->given;
        if (st->over) return PS_OK;
    }
    PS_TRY(advance(cx, s, sorter));
    if (!s->store) PS_TRY(show(cx, s));
    st->filling = false;
    return s->store ? ps_window_store_next(cx, s) : PS_OK;
}

ps_status ps_window_stream_next(ps_ctx *cx, window_source *s, const ps_sorter *sorter, bool *again)
{
    window_stream *st = &s->stream;
    const ps_status status = next(cx, s, sorter);

    if (status != PS_OK) s->end = s->at; /* nothing to give yet */
    *again = ps_sort_reader_retries(cx, &st->reader, status);
    if (!*again && status == PS_OK) st->reader.n_refused = 0;
    return *again ? PS_OK : status;
}

void ps_window_stream_release(window_stream *st)
{
    ps_sort_reader_release(&st->reader);
    if (st->held.layout) ps_rows_release(&st->held);
    if (st->last.layout) ps_rows_release(&st->last);
    ps_free(st->rows);
}
