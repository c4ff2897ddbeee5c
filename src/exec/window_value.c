/* exec/window_value.c -- ranks, and functions that give another row's value.
 *
 * A value function finds the rank of the row that each value comes from; one gather fetches them
 * all. Of rows in other blocks of a store there are copies for it. Defaults of lag and lead become
 * a row of their own, so that any type works alike. Tests: tests/slt/op/window.test,
 * window_large.test */
#include "exec/window.h"

/* ---- ranks ---- */

static ps_status rank_double(const window_source *s, ps_window_id id, uint32_t n, ps_vec_buf *buf,
                             ps_type type, ps_vec *out)
{
    double *values = buf->data;

    for (uint32_t k = 0; k < n; k++) {
        const window_range p = s->bounds[k];
        const uint64_t before = s->peers[k].begin - p.begin, upto = s->peers[k].end - p.begin;
        if (id == PS_WINDOW_CUME_DIST) values[k] = (double)upto / (double)(p.end - p.begin);
        else values[k] = p.end - p.begin > 1 ? (double)before / (double)(p.end - p.begin - 1) : 0;
    }
    ps_vec_flat(out, type, PS_LAYOUT_F64, values, NULL, n);
    return PS_OK;
}

static ps_status ntile(ps_ctx *cx, const window_source *s, const window_call *call, uint32_t k,
                       ps_vec_buf *buf)
{
    const uint64_t n_rows = s->bounds[k].end - s->bounds[k].begin,
                   row = s->at + k - s->bounds[k].begin;
    int64_t wanted, *values = buf->data;

    values[k] = 0;
    if (!ps_window_int(s, call->args[0], s->at + k, &wanted))
        return ps_bit_clear(buf->valid, k), PS_OK;
    if (wanted <= 0)
        return ps_fail(cx, PS_VALUE, "ntile needs a number of groups above 0: %lld",
                       (long long)wanted);
    const uint64_t n = PS_MIN((uint64_t)wanted, n_rows), size = n_rows / n, larger = n_rows % n;
    const uint64_t tile =
        row < larger * (size + 1) ? row / (size + 1) : larger + (row - larger * (size + 1)) / size;
    values[k] = (int64_t)tile + 1;
    return PS_OK;
}

static ps_status rank_int(ps_ctx *cx, const window_source *s, const window_call *call, uint32_t n,
                          ps_vec_buf *buf, ps_vec *out)
{
    const ps_window_id id = (ps_window_id)call->expr->func->window_id;
    int64_t *values = buf->data;

    ps_bits_fill(buf->valid, n, true);
    for (uint32_t k = 0; k < n; k++) {
        const uint64_t begin = s->bounds[k].begin;
        if (id == PS_WINDOW_ROW_NUMBER) values[k] = (int64_t)(s->at + k - begin) + 1;
        else if (id == PS_WINDOW_RANK) values[k] = (int64_t)(s->peers[k].begin - begin) + 1;
        else if (id == PS_WINDOW_DENSE_RANK)
            values[k] = (int64_t)(s->group_of[k] - s->first_group[k]) + 1;
        else PS_TRY(ntile(cx, s, call, k, buf));
    }
    ps_vec_flat(out, call->type, PS_LAYOUT_I64, values, id == PS_WINDOW_NTILE ? buf->valid : NULL,
                n);
    return PS_OK;
}

/* ---- rows of values ---- */

ps_status ps_window_values_find(ps_ctx *cx, const window_source *s, const window_call *call,
                                const window_block *block, window_made *made)
{
    const ps_row_col *col = ps_window_col(s, call->args[0]);
    uint64_t n = 0;

    made->before = ps_alloc(cx, (block->n + 1) * sizeof(*made->before));
    made->places = ps_alloc(cx, (block->n + 1) * sizeof(*made->places));
    if (!made->before || !made->places) {
        ps_free(made->before);
        made->before = NULL;
        return PS_MEMORY;
    }
    for (uint64_t i = 0; i < block->n; i++) {
        if ((i & 16383) == 0) PS_TRY(ps_poll(cx));
        made->before[i] = n;
        if (!ps_row_null(col, block->rows[i])) made->places[n++] = i;
    }
    made->before[block->n] = n;
    return PS_OK;
}

/* IGNORE NULLS: values before a row, counted from anywhere; without it: rows. */
static ps_status values_before(ps_ctx *cx, window_source *s, const window_call *call, uint64_t rank,
                               uint64_t *n)
{
    if (!call->expr->agg->ignore_nulls) return *n = rank, PS_OK;
    if (s->store) return ps_window_store_values(cx, s, call, rank, n);
    *n = s->block->made[ps_window_call_at(s, call)].before[rank - s->block->first];
    return PS_OK;
}

/* The row of a value, by that number. */
static ps_status value_row(ps_ctx *cx, window_source *s, const window_call *call, uint64_t value,
                           uint64_t *rank)
{
    if (!call->expr->agg->ignore_nulls) return *rank = value, PS_OK;
    if (s->store) return ps_window_store_place(cx, s, call, value, rank);
    *rank = s->block->first + s->block->made[ps_window_call_at(s, call)].places[value];
    return PS_OK;
}

/* A copy of the null row whose value is the row's default. */
static ps_status default_row(ps_ctx *cx, window_source *s, const window_call *call,
                             const uint8_t *row, uint8_t **out)
{
    const ps_row_layout *layout = ps_window_layout(s);
    const ps_row_col *value = ps_window_col(s, call->args[0]);

    *out = s->null_row;
    if (call->n_args < 3) return PS_OK;
    const ps_row_col *other = ps_window_col(s, call->args[2]);
    if (ps_row_null(other, row)) return PS_OK;
    uint8_t *copy = ps_arena_alloc_raw(cx, &s->batch_arena, layout->row_bytes, 16);
    if (!copy) return PS_MEMORY;
    memcpy(copy, s->null_row, layout->row_bytes);
    copy[value->null_at] = (uint8_t)(copy[value->null_at] & ~value->null_mask);
    memcpy(copy + value->at, row + other->at, value->slot_bytes);
    *out = copy;
    return PS_OK;
}

/* The row `steps` values after (before: < 0) row i of the partition; WINDOW_NO_ROW: there is none.
 */
static ps_status stepped(ps_ctx *cx, window_source *s, const window_call *call, window_range p,
                         uint64_t i, int64_t steps, uint64_t *out)
{
    const bool back = steps < 0;
    const uint64_t far = back ? 0 - (uint64_t)steps : (uint64_t)steps;
    uint64_t here, last;

    if (steps == 0) return *out = i, PS_OK;
    *out = WINDOW_NO_ROW;
    PS_TRY(values_before(cx, s, call, back ? i : i + 1, &here));
    PS_TRY(values_before(cx, s, call, back ? p.begin : p.end, &last));
    if (back ? far > here - last : far > last - here) return PS_OK;
    return value_row(cx, s, call, back ? here - far : here + far - 1, out);
}

static ps_status shift_targets(ps_ctx *cx, window_source *s, const window_call *call, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        const uint64_t i = s->at + k;
        int64_t steps = 1;
        s->targets[k] = s->null_row;
        s->wanted[k] = WINDOW_NO_ROW;
        if (call->n_args > 1 && !ps_window_int(s, call->args[1], i, &steps)) continue;
        if (call->expr->func->window_id == PS_WINDOW_LAG)
            steps = steps == INT64_MIN ? INT64_MAX : -steps;
        PS_TRY(stepped(cx, s, call, s->bounds[k], i, steps, &s->wanted[k]));
        if (s->wanted[k] == WINDOW_NO_ROW)
            PS_TRY(default_row(cx, s, call, ps_window_row(s->block, i), &s->targets[k]));
    }
    return PS_OK;
}

/* The nth (from 0) value of the pieces, from their end with `last`; WINDOW_NO_ROW: none. */
static ps_status nth_of(ps_ctx *cx, window_source *s, const window_call *call,
                        const window_range *pieces, uint32_t n, uint64_t nth, bool last,
                        uint64_t *out)
{
    *out = WINDOW_NO_ROW;
    for (uint32_t p = 0; p < n; p++) {
        const window_range r = pieces[last ? n - 1 - p : p];
        uint64_t from, to;
        PS_TRY(values_before(cx, s, call, r.begin, &from));
        PS_TRY(values_before(cx, s, call, r.end, &to));
        if (nth < to - from) return value_row(cx, s, call, last ? to - 1 - nth : from + nth, out);
        nth -= to - from;
    }
    return PS_OK;
}

static ps_status frame_targets(ps_ctx *cx, window_source *s, const window_call *call, uint32_t n)
{
    const uint8_t id = call->expr->func->window_id;

    PS_TRY(ps_window_frames(cx, s, call, n));
    for (uint32_t k = 0; k < n; k++) {
        window_range pieces[WINDOW_PIECES_MAX];
        const uint32_t n_pieces = ps_window_pieces(s, call, k, pieces);
        int64_t nth = 1;
        s->targets[k] = s->null_row;
        s->wanted[k] = WINDOW_NO_ROW;
        if (id == PS_WINDOW_NTH_VALUE &&
            (!ps_window_int(s, call->args[1], s->at + k, &nth) || nth < 1))
            continue;
        PS_TRY(nth_of(cx, s, call, pieces, n_pieces, (uint64_t)nth - 1, id == PS_WINDOW_LAST_VALUE,
                      &s->wanted[k]));
    }
    return PS_OK;
}

/* ---- from ranks to rows ---- */

/* Copies what others of the batch want of a block too: a block is read once for all of them. */
static ps_status fetch_block(ps_ctx *cx, window_source *s, const window_block *block, uint32_t from,
                             uint32_t n)
{
    uint64_t before = WINDOW_NO_ROW;
    uint8_t *copy = NULL;

    for (uint32_t k = from; k < n; k++) {
        if (s->wanted[k] == WINDOW_NO_ROW || !ps_window_in(block, s->wanted[k])) continue;
        uint8_t *row = ps_window_row(block, s->wanted[k]);
        if (s->wanted[k] != before) PS_TRY(ps_rows_append_rows(cx, &s->fetched, &row, 1, &copy));
        before = s->wanted[k];
        s->targets[k] = copy;
        s->wanted[k] = WINDOW_NO_ROW;
    }
    return ps_poll(cx);
}

static ps_status fetch(ps_ctx *cx, window_source *s, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        if (s->wanted[k] == WINDOW_NO_ROW || !ps_window_in(s->block, s->wanted[k])) continue;
        s->targets[k] = ps_window_row(s->block, s->wanted[k]);
        s->wanted[k] = WINDOW_NO_ROW;
    }
    for (uint32_t k = 0; s->store && k < n; k++) {
        window_block *block;
        if (s->wanted[k] == WINDOW_NO_ROW) continue;
        PS_TRY(ps_window_block_of(cx, s, s->wanted[k], &block));
        PS_TRY(fetch_block(cx, s, block, k, n));
    }
    return PS_OK;
}

ps_status ps_window_value(ps_ctx *cx, window_source *s, uint32_t at, uint32_t n, ps_vec_buf *buf,
                          ps_vec *out)
{
    const window_call *call = &s->config->calls[at];
    const ps_window_id id = (ps_window_id)call->expr->func->window_id;
    window_made *made = s->block->made + at;

    switch (id) {
    case PS_WINDOW_PERCENT_RANK:
    case PS_WINDOW_CUME_DIST: return rank_double(s, id, n, buf, call->type, out);
    case PS_WINDOW_ROW_NUMBER:
    case PS_WINDOW_RANK:
    case PS_WINDOW_DENSE_RANK:
    case PS_WINDOW_NTILE: return rank_int(cx, s, call, n, buf, out);
    case PS_WINDOW_LAG:
    case PS_WINDOW_LEAD:
    case PS_WINDOW_FIRST_VALUE:
    case PS_WINDOW_LAST_VALUE:
    case PS_WINDOW_NTH_VALUE: break;
    case PS_WINDOW_NONE: return PS_BUG(cx, "an aggregate among value functions");
    }
    if (call->expr->agg->ignore_nulls && !s->store && !made->before)
        PS_TRY(ps_window_values_find(cx, s, call, s->block, made));
    if (id == PS_WINDOW_LAG || id == PS_WINDOW_LEAD) PS_TRY(shift_targets(cx, s, call, n));
    else PS_TRY(frame_targets(cx, s, call, n));
    PS_TRY(fetch(cx, s, n));
    return ps_rows_gather(cx, ps_window_layout(s), call->args[0], s->targets, n, buf, out);
}
