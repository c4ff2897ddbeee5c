/* exec/window_tree.c -- segment trees of aggregate states, and rows' equals for DISTINCT.
 *
 * Leis, Kundhikanjana, Kemper, Neumann: Efficient Processing of Window Functions in Analytical SQL
 * Queries (VLDB 2015). A leaf holds the state of 16 rows, or of one where the class looks at
 * positions, which have to grow in one state; the other rows at a frame's two ends are added one by
 * one. One tree stands over all partitions of a morsel: a frame lies within one of them. Tests:
 * tests/slt/op/window_frame.test */
#include "exec/window.h"

static ps_status tree_level(ps_ctx *cx, window_work *w, uint64_t n, uint32_t bytes)
{
    if (w->n_levels == WINDOW_LEVELS_MAX) return PS_BUG(cx, "a segment tree of too many levels");
    uint8_t *states = ps_alloc_zero(cx, n * bytes + 1);
    if (!states) return PS_MEMORY;
    w->levels[w->n_levels] = states;
    w->level_n[w->n_levels++] = n;
    return PS_OK;
}

ps_status ps_window_tree_new(ps_ctx *cx, window_source *s, const window_call *call, window_work *w)
{
    const uint32_t bytes = call->agg.class->state_bytes, leaf = call->leaf_rows;
    ps_agg_heap *heap = &w->tree_heap.base;

    PS_TRY(tree_level(cx, w, (s->n + leaf - 1) / leaf, bytes));
    for (uint64_t r = 0; r < s->n; r++)
        PS_TRY(ps_window_feed(cx, s, call, heap, s->rows[r], w->levels[0] + r / leaf * bytes));
    PS_TRY(ps_window_flush(cx, s, call, heap));
    while (w->level_n[w->n_levels - 1] > WINDOW_FANOUT) {
        const uint32_t below = w->n_levels - 1;
        PS_TRY(tree_level(cx, w, (w->level_n[below] + WINDOW_FANOUT - 1) / WINDOW_FANOUT, bytes));
        for (uint64_t i = 0; i < w->level_n[below]; i++)
            PS_TRY(ps_window_merge(cx, s, call, heap,
                                   w->levels[below + 1] + i / WINDOW_FANOUT * bytes,
                                   w->levels[below] + i * bytes));
        PS_TRY(ps_window_flush(cx, s, call, heap));
    }
    return PS_OK;
}

static ps_status add_rows(ps_ctx *cx, window_source *s, const window_call *call, ps_agg_heap *heap,
                          uint64_t from, uint64_t to, uint8_t *state)
{
    for (uint64_t r = from; r < to; r++)
        PS_TRY(ps_window_feed(cx, s, call, heap, s->rows[r], state));
    return PS_OK;
}

static ps_status add_nodes(ps_ctx *cx, window_source *s, const window_call *call, window_work *w,
                           ps_agg_heap *heap, uint32_t level, uint64_t from, uint64_t to,
                           uint8_t *state)
{
    const uint32_t bytes = call->agg.class->state_bytes;

    for (uint64_t i = from; i < to; i++)
        PS_TRY(ps_window_merge(cx, s, call, heap, state, w->levels[level] + i * bytes));
    return PS_OK;
}

ps_status ps_window_tree_add(ps_ctx *cx, window_source *s, const window_call *call, window_work *w,
                             ps_agg_heap *heap, window_range range, uint8_t *state)
{
    const uint32_t leaf = call->leaf_rows;
    uint64_t from = (range.begin + leaf - 1) / leaf, to = range.end / leaf;

    if (from >= to) return add_rows(cx, s, call, heap, range.begin, range.end, state);
    PS_TRY(add_rows(cx, s, call, heap, range.begin, from * leaf, state));
    PS_TRY(add_rows(cx, s, call, heap, to * leaf, range.end, state));
    for (uint32_t level = 0;; level++) {
        const uint64_t up_from = (from + WINDOW_FANOUT - 1) / WINDOW_FANOUT,
                       up_to = to / WINDOW_FANOUT;
        if (up_from >= up_to || level + 1 == w->n_levels)
            return add_nodes(cx, s, call, w, heap, level, from, to, state);
        PS_TRY(add_nodes(cx, s, call, w, heap, level, from, up_from * WINDOW_FANOUT, state));
        PS_TRY(add_nodes(cx, s, call, w, heap, level, up_to * WINDOW_FANOUT, to, state));
        from = up_from;
        to = up_to;
    }
}

/* ---- equals ---- */

static int args_compare(const window_source *s, const window_call *call, uint64_t a, uint64_t b)
{
    for (uint32_t i = 0; i < call->n_args; i++) {
        const int way = ps_row_col_compare(ps_window_col(s, call->args[i]), s->rows[a], s->rows[b]);
        if (way != 0) return way;
    }
    return (a > b) - (a < b);
}

/* Sorts places in [from, to) by arguments, then place; spare is as large. */
static ps_status sort_places(ps_ctx *cx, const window_source *s, const window_call *call,
                             uint64_t *at, uint64_t *spare, uint64_t n)
{
    for (uint64_t width = 1; width < n; width *= 2)
        for (uint64_t left = 0; left + width < n; left += 2 * width) {
            const uint64_t middle = left + width, right = PS_MIN(left + 2 * width, n);
            uint64_t i = 0, j = middle, to = left;
            if ((left & 4095) == 0) PS_TRY(ps_poll(cx));
            memcpy(spare, at + left, width * sizeof(*at));
            while (i < width && j < right)
                at[to++] = args_compare(s, call, at[j], spare[i]) < 0 ? at[j++] : spare[i++];
            while (i < width) at[to++] = spare[i++];
        }
    return PS_OK;
}

ps_status ps_window_distinct_new(ps_ctx *cx, window_source *s, const window_call *call,
                                 window_work *w)
{
    uint64_t *places = ps_alloc(cx, (s->n + 1) * sizeof(*places)),
             *spare = ps_alloc(cx, (s->n + 1) * sizeof(*spare));
    ps_status st = PS_OK;

    w->previous = ps_alloc_zero(cx, (s->n + 1) * sizeof(*w->previous));
    if (!places || !spare || !w->previous) PS_GO(PS_MEMORY);
    for (uint64_t p = 0; p < s->n_partitions; p++) {
        uint64_t n = 0;
        for (uint64_t r = s->partitions[p]; r < s->partitions[p + 1]; r++)
            if (ps_window_wanted(s, call, s->rows[r])) places[n++] = r;
        PS_GO(sort_places(cx, s, call, places, spare, n));
        for (uint64_t i = 1; i < n; i++) {
            bool equal = true;
            for (uint32_t a = 0; equal && a < call->n_args; a++)
                equal = ps_row_col_compare(ps_window_col(s, call->args[a]), s->rows[places[i - 1]],
                                           s->rows[places[i]]) == 0;
            if (equal) w->previous[places[i]] = places[i - 1] + 1;
        }
    }
done:
    ps_free(places);
    ps_free(spare);
    return st;
}
