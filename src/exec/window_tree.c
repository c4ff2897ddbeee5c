/* exec/window_tree.c -- segment trees of aggregate states, and rows' equals for DISTINCT.
 *
 * Leis, Kundhikanjana, Kemper, Neumann: Efficient Processing of Window Functions in Analytical SQL
 * Queries (VLDB 2015). A leaf holds the state of 16 rows, or of one where the class looks at
 * positions, which have to grow in one state; the other rows at a frame's two ends are added one by
 * one. One tree stands over a block, all partitions of a morsel as a rule: a frame lies within one
 * of them. In a store it may begin in one block and end in another; over the blocks between them
 * stands a tree whose leaves are blocks (window_store.c). Tests: tests/slt/op/window_frame.test,
 * window_large.test */
#include "exec/window.h"

static ps_status tree_level(ps_ctx *cx, window_made *made, uint64_t n, uint32_t bytes)
{
    if (made->n_levels == WINDOW_LEVELS_MAX) return PS_BUG(cx, "a segment tree of too many levels");
    uint8_t *states = ps_alloc_zero(cx, n * bytes + 1);
    if (!states) return PS_MEMORY;
    made->levels[made->n_levels] = states;
    made->level_n[made->n_levels++] = n;
    return PS_OK;
}

ps_status ps_window_tree_grow(ps_ctx *cx, window_source *s, const window_call *call,
                              window_made *made)
{
    const uint32_t bytes = call->agg.class->state_bytes;

    while (made->level_n[made->n_levels - 1] > WINDOW_FANOUT) {
        const uint32_t below = made->n_levels - 1;
        PS_TRY(tree_level(cx, made, (made->level_n[below] + WINDOW_FANOUT - 1) / WINDOW_FANOUT,
                          bytes));
        for (uint64_t i = 0; i < made->level_n[below]; i++)
            PS_TRY(ps_window_merge(cx, s, made->levels[below + 1] + i / WINDOW_FANOUT * bytes,
                                   made->levels[below] + i * bytes));
        PS_TRY(ps_window_flush(cx, s));
    }
    return PS_OK;
}

/* Its lowest level is there before rows are added: a tree that failed is not used again. */
static ps_status tree_new(ps_ctx *cx, window_source *s, const window_call *call,
                          const window_block *block, window_made *made)
{
    const uint32_t bytes = call->agg.class->state_bytes, leaf = call->leaf_rows;

    ps_window_heap_init(&made->heap);
    PS_TRY(tree_level(cx, made, (block->n + leaf - 1) / leaf, bytes));
    PS_TRY(ps_window_feeding(cx, s, call, &made->heap.base, block));
    for (uint64_t r = 0; r < block->n; r++)
        PS_TRY(ps_window_feed(cx, s, block->rows[r], made->levels[0] + r / leaf * bytes));
    PS_TRY(ps_window_flush(cx, s));
    return ps_window_tree_grow(cx, s, call, made);
}

static ps_status add_rows(ps_ctx *cx, window_source *s, const window_block *block, uint64_t from,
                          uint64_t to, uint8_t *state)
{
    for (uint64_t r = from; r < to; r++) PS_TRY(ps_window_feed(cx, s, block->rows[r], state));
    return PS_OK;
}

static ps_status add_nodes(ps_ctx *cx, window_source *s, const window_call *call, window_made *made,
                           uint32_t level, uint64_t from, uint64_t to, uint8_t *state)
{
    const uint32_t bytes = call->agg.class->state_bytes;

    for (uint64_t i = from; i < to; i++)
        PS_TRY(ps_window_merge(cx, s, state, made->levels[level] + i * bytes));
    return PS_OK;
}

ps_status ps_window_tree_nodes(ps_ctx *cx, window_source *s, const window_call *call,
                               window_made *made, window_range nodes, uint8_t *state)
{
    uint64_t from = nodes.begin, to = nodes.end;

    for (uint32_t level = 0;; level++) {
        const uint64_t up_from = (from + WINDOW_FANOUT - 1) / WINDOW_FANOUT,
                       up_to = to / WINDOW_FANOUT;
        if (up_from >= up_to || level + 1 == made->n_levels)
            return add_nodes(cx, s, call, made, level, from, to, state);
        PS_TRY(add_nodes(cx, s, call, made, level, from, up_from * WINDOW_FANOUT, state));
        PS_TRY(add_nodes(cx, s, call, made, level, up_to * WINDOW_FANOUT, to, state));
        from = up_from;
        to = up_to;
    }
}

/* The rows of one block, by their place in it. */
static ps_status block_add(ps_ctx *cx, window_source *s, const window_call *call, ps_agg_heap *heap,
                           window_block *block, window_range range, uint8_t *state)
{
    const uint64_t leaf = call->leaf_rows;
    const window_range nodes = {(range.begin + leaf - 1) / leaf, range.end / leaf};
    window_made *made = &block->made[ps_window_call_at(s, call)];

    if (!made->n_levels) PS_TRY(tree_new(cx, s, call, block, made));
    PS_TRY(ps_window_feeding(cx, s, call, heap, block));
    if (nodes.begin >= nodes.end) return add_rows(cx, s, block, range.begin, range.end, state);
    PS_TRY(add_rows(cx, s, block, range.begin, nodes.begin * leaf, state));
    PS_TRY(add_rows(cx, s, block, nodes.end * leaf, range.end, state));
    return ps_window_tree_nodes(cx, s, call, made, nodes, state);
}

ps_status ps_window_tree_add(ps_ctx *cx, window_source *s, const window_call *call,
                             ps_agg_heap *heap, window_range range, uint8_t *state)
{
    window_range added = {range.end, range.end};

    if (s->store) {
        PS_TRY(ps_window_feeding(cx, s, call, heap, s->block));
        PS_TRY(ps_window_store_sums(cx, s, call, range, state, &added));
    }
    while (range.begin < range.end) {
        window_block *block;
        if (range.begin == added.begin) range.begin = added.end;
        if (range.begin == range.end) break;
        PS_TRY(ps_window_block_of(cx, s, range.begin, &block));
        const uint64_t to = PS_MIN(range.end, block->first + block->n);
        PS_TRY(block_add(cx, s, call, heap, block,
                         (window_range){range.begin - block->first, to - block->first}, state));
        range.begin = to;
    }
    return PS_OK;
}

/* ---- equals ---- */

static int args_compare(const window_source *s, const window_call *call, const uint8_t *a,
                        const uint8_t *b)
{
    for (uint32_t i = 0; i < call->n_args; i++) {
        const int way = ps_row_col_compare(ps_window_col(s, call->args[i]), a, b);
        if (way != 0) return way;
    }
    return 0;
}

/* Sorts places by arguments; equal ones stay in order. spare is as large. */
static ps_status sort_places(ps_ctx *cx, const window_source *s, const window_call *call,
                             uint8_t *const *rows, uint64_t *at, uint64_t *spare, uint64_t n)
{
    for (uint64_t width = 1; width < n; width *= 2)
        for (uint64_t left = 0; left + width < n; left += 2 * width) {
            const uint64_t middle = left + width, right = PS_MIN(left + 2 * width, n);
            uint64_t i = 0, j = middle, to = left;
            if ((left & 4095) == 0) PS_TRY(ps_poll(cx));
            memcpy(spare, at + left, width * sizeof(*at));
            while (i < width && j < right)
                at[to++] =
                    args_compare(s, call, rows[at[j]], rows[spare[i]]) < 0 ? at[j++] : spare[i++];
            while (i < width) at[to++] = spare[i++];
        }
    return PS_OK;
}

ps_status ps_window_repeats(ps_ctx *cx, const window_source *s, const window_call *call,
                            uint8_t *const *rows, uint64_t n, uint64_t *previous)
{
    uint64_t *places = ps_alloc(cx, (n + 1) * sizeof(*places)),
             *spare = ps_alloc(cx, (n + 1) * sizeof(*spare)), n_wanted = 0;
    ps_status st = PS_OK;

    if (!places || !spare) PS_GO(PS_MEMORY);
    for (uint64_t i = 0; i < n; i++)
        if (ps_window_wanted(s, call, rows[i])) places[n_wanted++] = i;
    PS_GO(sort_places(cx, s, call, rows, places, spare, n_wanted));
    for (uint64_t i = 1; i < n_wanted; i++)
        if (args_compare(s, call, rows[places[i - 1]], rows[places[i]]) == 0)
            previous[places[i]] = places[i - 1] + 1;
done:
    ps_free(places);
    ps_free(spare);
    return st;
}

ps_status ps_window_distinct_new(ps_ctx *cx, window_source *s, const window_call *call,
                                 const window_block *block, window_made *made)
{
    uint64_t *previous = ps_alloc_zero(cx, (block->n + 1) * sizeof(*previous));
    ps_status st = PS_OK;

    if (!previous) return PS_MEMORY;
    for (uint64_t p = 0; st == PS_OK && p < s->n_partitions; p++) {
        const uint64_t from = PS_MAX(s->partitions[p], block->first) - block->first,
                       to = PS_MIN(s->partitions[p + 1] - block->first, block->n);
        st = ps_window_repeats(cx, s, call, block->rows + from, to - from, previous + from);
        for (uint64_t i = from; i < to; i++)
            if (previous[i]) previous[i] += block->first + from;
    }
    if (st == PS_OK) made->previous = previous;
    else ps_free(previous);
    return st;
}
