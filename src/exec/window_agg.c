/* exec/window_agg.c -- aggregates over frames.
 *
 * RUNNING: each distinct end in a batch has a state of the rows since the end before; merging each
 * into the next one makes them running states: merge goes through its pairs in order, and a class's
 * result doesn't depend on how its rows were split (agg.h). TREE: window_tree.c. DIRECT and COLLECT
 * list each frame's rows: window_list.c. Positions that classes see are places in the order of
 * feeding, which is the window's for any one state; where blocks are read again, the block's number
 * comes first.
 *
 * Bytes of states live in one of two heaps by turns: a batch's results stay valid while the next
 * batch copies what it carries on. Tests: tests/slt/op/window.test, window_frame.test,
 * window_large.test */
#include "exec/window.h"

/* ---- rows into states ---- */

bool ps_window_wanted(const window_source *s, const window_call *call, const uint8_t *row)
{
    if (call->filter != WINDOW_NONE) {
        const ps_row_col *filter = ps_window_col(s, (uint32_t)call->filter);
        if (ps_row_null(filter, row) || !row[filter->at]) return false;
    }
    for (uint32_t a = 0; call->skip_nulls && a < call->n_args; a++)
        if (ps_row_null(ps_window_col(s, call->args[a]), row)) return false;
    return true;
}

ps_status ps_window_args(ps_ctx *cx, window_source *s, const window_call *call,
                         uint8_t *const *rows, uint32_t n, ps_vec *args)
{
    for (uint32_t a = 0; a < call->n_args; a++) {
        ps_vec_buf *buf = &s->arg_bufs[a];
        if (n > buf->n_max || !buf->data) {
            ps_vec_buf_release(buf);
            memset(buf, 0, sizeof(*buf));
            PS_TRY(ps_vec_buf_init(cx, buf, PS_MAX(n, (uint32_t)WINDOW_CHUNK)));
        }
        PS_TRY(ps_rows_gather(cx, ps_window_layout(s), call->args[a], rows, n, buf, &args[a]));
    }
    return PS_OK;
}

static ps_status feed_flush(ps_ctx *cx, window_source *s)
{
    const window_call *call = s->feed_call;
    const uint32_t n = s->n_feed;
    ps_vec args[WINDOW_ARGS_MAX];

    if (n == 0) return PS_OK;
    s->n_feed = 0;
    PS_TRY(ps_poll(cx));
    PS_TRY(ps_window_args(cx, s, call, s->feed_rows, n, args));
    bool all = s->feed_states[0] == s->feed_states[n - 1];
    for (uint32_t k = 1; all && k < n; k++) all = s->feed_states[k] == s->feed_states[0];
    const ps_agg_update u = {.cx = cx,
                             .agg = &call->agg,
                             .args = args,
                             .n = n,
                             .shape = all ? PS_AGG_ONE : PS_AGG_ROWS,
                             .n_groups = all,
                             .states = s->feed_states,
                             .morsel = s->feed_block,
                             .first_row = s->fed,
                             .heap = s->feed_heap,
                             .scratch = s->scratch};
    s->fed += n;
    return call->agg.class->update(&u);
}

static ps_status merge_flush(ps_ctx *cx, window_source *s)
{
    const window_call *call = s->feed_call;
    const uint32_t n = s->n_merge;

    if (n == 0) return PS_OK;
    s->n_merge = 0;
    PS_TRY(ps_poll(cx));
    return call->agg.class->merge(cx, &call->agg, s->merge_to, s->merge_from, n, s->feed_heap);
}

ps_status ps_window_flush(ps_ctx *cx, window_source *s)
{
    PS_TRY(feed_flush(cx, s));
    return merge_flush(cx, s);
}

ps_status ps_window_feeding(ps_ctx *cx, window_source *s, const window_call *call,
                            ps_agg_heap *heap, const window_block *block)
{
    if (s->feed_call == call && s->feed_heap == heap && s->feed_block == block->number)
        return PS_OK;
    if (s->n_feed || s->n_merge) PS_TRY(ps_window_flush(cx, s));
    s->feed_call = call;
    s->feed_heap = heap;
    s->feed_block = block->number;
    return PS_OK;
}

ps_status ps_window_feed(ps_ctx *cx, window_source *s, uint8_t *row, uint8_t *state)
{
    if (!ps_window_wanted(s, s->feed_call, row)) return PS_OK;
    s->feed_rows[s->n_feed] = row;
    s->feed_states[s->n_feed++] = state;
    return s->n_feed == WINDOW_CHUNK ? feed_flush(cx, s) : PS_OK;
}

ps_status ps_window_merge(ps_ctx *cx, window_source *s, uint8_t *to, uint8_t *from)
{
    s->merge_to[s->n_merge] = to;
    s->merge_from[s->n_merge++] = from;
    return s->n_merge == WINDOW_CHUNK ? merge_flush(cx, s) : PS_OK;
}

ps_status ps_window_feed_rows(ps_ctx *cx, window_source *s, const window_call *call,
                              ps_agg_heap *heap, window_range range, uint8_t *state)
{
    while (range.begin < range.end) {
        window_block *block;
        PS_TRY(ps_window_block_of(cx, s, range.begin, &block));
        PS_TRY(ps_window_feeding(cx, s, call, heap, block));
        const uint64_t to = PS_MIN(range.end, block->first + block->n);
        for (; range.begin < to; range.begin++)
            PS_TRY(ps_window_feed(cx, s, ps_window_row(block, range.begin), state));
    }
    return PS_OK;
}

/* ---- running states ---- */

/* The same without rows that repeat one of the partition from `begin` on. */
static ps_status running_fresh(ps_ctx *cx, window_source *s, const window_call *call,
                               ps_agg_heap *heap, uint64_t begin, window_range range,
                               uint8_t *state)
{
    const uint32_t at = ps_window_call_at(s, call);

    while (range.begin < range.end) {
        window_block *block;
        PS_TRY(ps_window_block_of(cx, s, range.begin, &block));
        PS_TRY(ps_window_feeding(cx, s, call, heap, block));
        const uint64_t to = PS_MIN(range.end, block->first + block->n);
        for (; range.begin < to; range.begin++) {
            const uint64_t r = range.begin;
            if (s->store ? ps_window_store_fresh(s, call, r)
                         : block->made[at].previous[r - block->first] <= begin)
                PS_TRY(ps_window_feed(cx, s, ps_window_row(block, r), state));
        }
    }
    return PS_OK;
}

/* Adds rows [from, to) of a partition that begins at `begin`. */
static ps_status running_rows(ps_ctx *cx, window_source *s, const window_call *call,
                              ps_agg_heap *heap, uint64_t begin, uint64_t from, uint64_t to,
                              uint8_t *state)
{
    const window_range range = {from, to};
    window_range added = {to, to};

    if (call->distinct) return running_fresh(cx, s, call, heap, begin, range, state);
    if (s->store && call->sums && from < to) {
        PS_TRY(ps_window_feeding(cx, s, call, heap, s->block));
        PS_TRY(ps_window_store_sums(cx, s, call, range, state, &added));
    }
    PS_TRY(ps_window_feed_rows(cx, s, call, heap, (window_range){from, added.begin}, state));
    return ps_window_feed_rows(cx, s, call, heap, (window_range){added.end, to}, state);
}

static ps_status running(ps_ctx *cx, window_source *s, const window_call *call, window_work *w,
                         uint32_t n)
{
    const uint32_t bytes = call->agg.class->state_bytes;
    window_heap *heap = &w->heaps[s->parity];
    uint8_t *state = NULL;
    uint32_t m = 0;
    uint64_t added = w->has_carry ? w->added : 0, partition = w->carried;
    const bool carry = w->has_carry && partition == s->bounds[0].begin;

    for (uint32_t k = 0; k < n; k++) {
        const window_range f = s->frames[k];
        const bool fresh = k > 0 ? f.begin != partition : !carry;
        if (fresh) added = f.begin;
        if (k == 0 || fresh || f.end != added) {
            state = w->slots + (size_t)m++ * bytes;
            memset(state, 0, bytes);
            PS_TRY(running_rows(cx, s, call, &heap->base, f.begin, added, f.end, state));
        }
        partition = f.begin;
        added = PS_MAX(added, f.end);
        s->states[k] = state;
    }
    PS_TRY(ps_window_feeding(cx, s, call, &heap->base, s->block));
    PS_TRY(feed_flush(cx, s));
    if (carry) PS_TRY(ps_window_merge(cx, s, s->states[0], w->carry));
    for (uint32_t k = 1; k < n; k++)
        if (s->states[k] != s->states[k - 1] && s->frames[k].begin == s->frames[k - 1].begin)
            PS_TRY(ps_window_merge(cx, s, s->states[k], s->states[k - 1]));
    PS_TRY(merge_flush(cx, s));
    memcpy(w->carry, state, bytes);
    w->has_carry = true;
    w->carried = partition;
    w->added = added;
    return PS_OK;
}

/* ---- any frame ---- */

bool ps_window_same_frame(const window_source *s, const window_call *call, uint32_t k)
{
    return k > 0 && call->frame->exclude == PS_EXCLUDE_NO_OTHERS &&
           s->frames[k].begin == s->frames[k - 1].begin && s->frames[k].end == s->frames[k - 1].end;
}

static ps_status moving(ps_ctx *cx, window_source *s, const window_call *call, window_work *w,
                        uint32_t n)
{
    const uint32_t bytes = call->agg.class->state_bytes;
    ps_agg_heap *heap = &w->heaps[s->parity].base;

    for (uint32_t k = 0; k < n; k++) {
        window_range pieces[WINDOW_PIECES_MAX];
        if (ps_window_same_frame(s, call, k)) {
            s->states[k] = s->states[k - 1];
            continue;
        }
        s->states[k] = w->slots + (size_t)k * bytes;
        memset(s->states[k], 0, bytes);
        if (call->how == WINDOW_DIRECT) {
            uint32_t n_rows;
            PS_TRY(ps_window_list(cx, s, call, k, &n_rows));
            PS_TRY(ps_window_feeding(cx, s, call, heap, s->block));
            for (uint32_t i = 0; i < n_rows; i++)
                PS_TRY(ps_window_feed(cx, s, s->list[i], s->states[k]));
            if (s->listed.n_rows) PS_TRY(ps_window_flush(cx, s)); /* copies, until the next list */
            continue;
        }
        const uint32_t n_pieces = ps_window_pieces(s, call, k, pieces);
        for (uint32_t p = 0; p < n_pieces; p++)
            PS_TRY(ps_window_tree_add(cx, s, call, heap, pieces[p], s->states[k]));
    }
    PS_TRY(ps_window_feeding(cx, s, call, heap, s->block));
    return ps_window_flush(cx, s);
}

/* ---- a batch ---- */

static char *heap_alloc(ps_ctx *cx, ps_agg_heap *heap, size_t bytes)
{
    return ps_arena_alloc_raw(cx, &((window_heap *)(void *)heap)->arena, bytes ? bytes : 1, 1);
}

void ps_window_heap_init(window_heap *heap) { heap->base.alloc = heap_alloc; }

static ps_status work_open(ps_ctx *cx, window_source *s, const window_call *call, window_work *w)
{
    const size_t bytes = call->agg.class->state_bytes;

    ps_window_heap_init(&w->heaps[0]);
    ps_window_heap_init(&w->heaps[1]);
    w->slots = ps_alloc(cx, bytes * s->batch_rows);
    if (!w->slots) return PS_MEMORY;
    w->carry = ps_alloc(cx, PS_MAX(bytes, sizeof(ps_view)));
    return w->carry ? PS_OK : PS_MEMORY;
}

ps_status ps_window_aggregate(ps_ctx *cx, window_source *s, uint32_t at, uint32_t n,
                              ps_vec_buf *buf, ps_vec *out)
{
    const window_call *call = &s->config->calls[at];
    window_work *w = &s->work[at];
    window_made *made = &s->block->made[at];

    if (!w->carry) PS_TRY(work_open(cx, s, call, w));
    if (call->distinct && !s->store && !made->previous)
        PS_TRY(ps_window_distinct_new(cx, s, call, s->block, made));
    s->n_feed = s->n_merge = 0;
    PS_TRY(ps_window_frames(cx, s, call, n));
    if (call->how == WINDOW_COLLECT) return ps_window_collect(cx, s, call, w, n, buf, out);
    ps_arena_reset(&w->heaps[s->parity].arena);
    if (call->how == WINDOW_RUNNING) PS_TRY(running(cx, s, call, w, n));
    else PS_TRY(moving(cx, s, call, w, n));
    return call->agg.class->finish(cx, &call->agg, s->states, n, buf, out);
}

void ps_window_block_clear(const window_config *config, window_block *block)
{
    for (uint32_t c = 0; block->made && c < config->n_calls; c++) {
        window_made *made = &block->made[c];
        for (uint32_t l = 0; l < made->n_levels; l++) ps_free(made->levels[l]);
        ps_free(made->before);
        ps_free(made->places);
        ps_free(made->previous);
        ps_arena_release(&made->heap.arena);
        memset(made, 0, sizeof(*made));
    }
    block->n = block->n_groups = 0;
}

void ps_window_work_release(window_work *w)
{
    ps_free(w->slots);
    ps_free(w->carry);
    ps_arena_release(&w->heaps[0].arena);
    ps_arena_release(&w->heaps[1].arena);
}
