/* exec/window_list.c -- aggregates that take each frame's rows one by one: collecting classes,
 * DISTINCT in moving frames, ORDER BY in the aggregate.
 *
 * A frame's rows are listed for every row of the window, so that the cost is rows times frame; the
 * rows of one frame after the other share a result, over a whole partition too. A list is in
 * memory: of rows in other blocks of a store it has copies. Tests: tests/slt/op/window.test,
 * window_frame.test, window_large.test */
#include "exec/window.h"

/* ---- DISTINCT ---- */

/* Whether row r, in piece `at` of a frame, is the first of its equals there. */
static bool first_equal(const window_source *s, const window_call *call, const window_range *pieces,
                        uint32_t at, uint64_t r)
{
    const uint64_t *previous = s->block->made[ps_window_call_at(s, call)].previous,
                   first = s->block->first;

    for (uint64_t before = previous[r - first]; before > pieces[0].begin;
         before = previous[before - 1 - first])
        for (uint32_t p = 0; p <= at; p++)
            if (before - 1 >= pieces[p].begin && before - 1 < pieces[p].end) return false;
    return true;
}

/* ---- ORDER BY in the aggregate ---- */

static bool comes_before(const window_source *s, const window_call *call, const uint8_t *a,
                         const uint8_t *b)
{
    for (uint32_t i = 0; i < call->n_order; i++) {
        const ps_row_col *col = ps_window_col(s, call->order[i]);
        const ps_sort_key *key = &call->expr->agg->order[i];
        const bool nulls = ps_row_null(col, a) != ps_row_null(col, b);
        int way = ps_row_col_compare(col, a, b); /* nulls last */
        if (nulls ? key->nulls_first : key->descending) way = -way;
        if (way != 0) return way < 0;
    }
    return false;
}

/* Stable: ties stay in the window's order. */
static ps_status list_sort(ps_ctx *cx, const window_source *s, const window_call *call,
                           uint8_t **rows, uint64_t n)
{
    uint8_t **spare = ps_alloc(cx, (n + 1) * sizeof(*spare));
    ps_status st = spare ? PS_OK : PS_MEMORY;

    for (uint64_t width = 1; st == PS_OK && width < n; width *= 2)
        for (uint64_t left = 0; st == PS_OK && left + width < n; left += 2 * width) {
            const uint64_t middle = left + width, right = PS_MIN(left + 2 * width, n);
            uint64_t i = 0, j = middle, to = left;
            if ((left & 1023) == 0) st = ps_poll(cx);
            if (!comes_before(s, call, rows[middle], rows[middle - 1])) continue;
            memcpy(spare, rows + left, width * sizeof(*rows));
            while (i < width && j < right)
                rows[to++] = comes_before(s, call, rows[j], spare[i]) ? rows[j++] : spare[i++];
            while (i < width) rows[to++] = spare[i++];
        }
    ps_free(spare);
    return st;
}

/* ---- a frame's rows ---- */

/* In a store: leaves out those that repeat one before. */
static ps_status list_distinct(ps_ctx *cx, window_source *s, const window_call *call, uint32_t *n)
{
    uint64_t *previous = ps_alloc_zero(cx, (*n + 1) * sizeof(*previous));
    uint32_t kept = 0;

    if (!previous) return PS_MEMORY;
    const ps_status st = ps_window_repeats(cx, s, call, s->list, *n, previous);
    for (uint32_t i = 0; i < *n; i++)
        if (!previous[i]) s->list[kept++] = s->list[i];
    *n = kept;
    ps_free(previous);
    return st;
}

static ps_status list_room(ps_ctx *cx, window_source *s, uint64_t room)
{
    if (room > UINT32_MAX / 2)
        return ps_fail(cx, PS_UNSUPPORTED,
                       "a window frame of this aggregate has more than 2^31 rows");
    if (room <= s->list_room) return PS_OK;
    room = PS_MIN(PS_MAX(room, s->list_room * 2), (uint64_t)UINT32_MAX / 2);
    uint8_t **list = ps_realloc(cx, s->list, room * sizeof(*list));
    if (!list) return PS_MEMORY;
    s->list = list;
    s->list_room = room;
    return PS_OK;
}

/* The rows of a piece, as far as they are in one block. */
static ps_status list_rows(ps_ctx *cx, window_source *s, const window_call *call,
                           const window_range *pieces, uint32_t p, window_range *rest, uint32_t *n)
{
    window_block *block;

    PS_TRY(ps_window_block_of(cx, s, rest->begin, &block));
    const uint64_t to = PS_MIN(rest->end, block->first + block->n);
    for (; rest->begin < to; rest->begin++) {
        uint8_t *row = ps_window_row(block, rest->begin);
        if (!ps_window_wanted(s, call, row) ||
            (call->distinct && !s->store && !first_equal(s, call, pieces, p, rest->begin)))
            continue;
        s->list[(*n)++] = row;
        if (block != s->block)
            PS_TRY(ps_rows_append_rows(cx, &s->listed, &row, 1, &s->list[*n - 1]));
    }
    return ps_poll(cx);
}

static ps_status list_all(ps_ctx *cx, window_source *s, const window_call *call,
                          const window_range *pieces, uint32_t n_pieces, uint32_t *n)
{
    uint64_t room = 0;

    *n = 0;
    for (uint32_t p = 0; p < n_pieces; p++) room += pieces[p].end - pieces[p].begin;
    PS_TRY(list_room(cx, s, room));
    ps_rows_release(&s->listed);
    for (uint32_t p = 0; p < n_pieces; p++)
        for (window_range rest = pieces[p]; rest.begin < rest.end;)
            PS_TRY(list_rows(cx, s, call, pieces, p, &rest, n));
    if (call->distinct && s->store) PS_TRY(list_distinct(cx, s, call, n));
    return call->n_order && *n > 1 ? list_sort(cx, s, call, s->list, *n) : PS_OK;
}

ps_status ps_window_list(ps_ctx *cx, window_source *s, const window_call *call, uint32_t k,
                         uint32_t *n)
{
    window_range pieces[WINDOW_PIECES_MAX];
    const uint32_t n_pieces = ps_window_pieces(s, call, k, pieces);
    const ps_status st = list_all(cx, s, call, pieces, n_pieces, n);

    if (st != PS_MEMORY || !s->store) return st;
    ps_ctx_clear(cx);
    ps_fail(cx, PS_MEMORY,
            "a window frame of %llu rows doesn't fit into memory, which %s needs to see at once",
            (unsigned long long)(s->frames[k].end - s->frames[k].begin), call->expr->func->name);
    ps_hint(cx, "raise memory_limit, or take a smaller frame");
    return PS_MEMORY;
}

/* ---- collecting classes ---- */

/* Keeps row k's result and frame for the next batch. */
static ps_status carry_keep(ps_ctx *cx, window_source *s, const window_call *call, window_work *w,
                            const ps_vec_buf *buf, const ps_vec *out, uint32_t k)
{
    const size_t bytes = ps_layout_bytes((ps_layout)out->layout);
    window_heap *heap = &w->heaps[s->parity];
    ps_view view;

    w->has_carry = out->data == buf->data && !out->children && bytes <= sizeof(view) &&
                   call->frame->exclude == PS_EXCLUDE_NO_OTHERS;
    if (!w->has_carry) return PS_OK;
    memcpy(w->carry, (const char *)buf->data + k * bytes, bytes);
    w->carry_null = !ps_bit_get(buf->valid, k);
    w->carry_frame = s->frames[k];
    memcpy(&view, w->carry, sizeof(view));
    if (out->layout != PS_LAYOUT_VIEW || w->carry_null || view.n <= 12) return PS_OK;
    ps_arena_reset(&heap->arena);
    char *text = ps_arena_strndup(cx, &heap->arena, view.at, view.n);
    if (!text) return PS_MEMORY;
    view.at = text;
    memcpy(w->carry, &view, sizeof(view));
    return PS_OK;
}

/* The result of the last batch's last row, where the first row's frame is the same. */
static bool carry_use(const window_source *s, const window_call *call, const window_work *w,
                      ps_vec_buf *buf, ps_vec *out)
{
    const ps_layout layout = ps_type_layout(call->type);

    if (!w->has_carry || w->carry_frame.begin != s->frames[0].begin ||
        w->carry_frame.end != s->frames[0].end)
        return false;
    ps_bits_fill(buf->valid, buf->n_max, true);
    ps_vec_flat(out, call->type, layout, buf->data, buf->valid, 1);
    memcpy(buf->data, w->carry, ps_layout_bytes(layout));
    if (w->carry_null) ps_bit_clear(buf->valid, 0);
    return true;
}

/* A frame's rows as a run. */
typedef struct list_run {
    ps_agg_run run;
    window_source *s;
    const window_call *call;
} list_run;

static ps_status list_read(ps_ctx *cx, ps_agg_run *run, uint64_t at, uint32_t n_max, ps_vec *args,
                           uint32_t *n)
{
    list_run *list = (list_run *)(void *)run;

    *n = (uint32_t)PS_MIN(PS_MIN(run->n - at, (uint64_t)n_max), (uint64_t)PS_AGG_READ_ROWS);
    return ps_window_args(cx, list->s, list->call, list->s->list + at, *n, args);
}

/* Whether one row's slot may stand in another row: all of the result is in it. */
static bool slot_says_all(const ps_vec_buf *buf, const ps_vec *out)
{
    return out->data == buf->data && (!out->children || out->layout == PS_LAYOUT_LIST);
}

ps_status ps_window_collect(ps_ctx *cx, window_source *s, const window_call *call, window_work *w,
                            uint32_t n, ps_vec_buf *buf, ps_vec *out)
{
    list_run list = {.run = {.read = list_read}, .s = s, .call = call};
    uint32_t n_rows;

    ps_arena_reset(&buf->heap);
    for (uint32_t k = 0; k < n; k++) {
        const size_t bytes = k ? ps_layout_bytes((ps_layout)out->layout) : 0;
        if (k == 0 && carry_use(s, call, w, buf, out)) continue;
        if (ps_window_same_frame(s, call, k) && slot_says_all(buf, out)) {
            memcpy((char *)buf->data + k * bytes, (const char *)buf->data + (k - 1) * bytes, bytes);
            if (!ps_bit_get(buf->valid, k - 1)) ps_bit_clear(buf->valid, k);
            out->n = k + 1;
            continue;
        }
        ps_agg_run *run = NULL;
        if (s->store) PS_TRY(ps_window_store_run(cx, s, call, s->frames[k], &run));
        if (!run) {
            PS_TRY(ps_window_list(cx, s, call, k, &n_rows));
            list.run.n = n_rows;
            run = &list.run;
        }
        PS_TRY(call->agg.class->finish_run(cx, &call->agg, run, buf, k, out));
    }
    return carry_keep(cx, s, call, w, buf, out, n - 1);
}
