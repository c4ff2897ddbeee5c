/* exec/window_value.c -- ranks, and functions that give another row's value.
 *
 * A value function finds the row that each value comes from; one gather fetches them all. Defaults
 * of lag and lead become a row of their own, so that any type works alike. Tests:
 * tests/slt/op/window.test */
#include "exec/window.h"

/* ---- ranks ---- */

static ps_status rank_double(const window_source *s, ps_window_id id, uint32_t n, ps_vec_buf *buf,
                             ps_type type, ps_vec *out)
{
    double *values = buf->data;

    for (uint32_t k = 0; k < n; k++) {
        const window_range p = s->bounds[k];
        const uint64_t before = s->groups[s->group_of[k]] - p.begin,
                       upto = s->groups[s->group_of[k] + 1] - p.begin;
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
        const uint64_t before = begin == 0 ? s->stream.before : 0;
        if (id == PS_WINDOW_ROW_NUMBER) values[k] = (int64_t)(before + s->at + k - begin) + 1;
        else if (id == PS_WINDOW_RANK)
            values[k] = (int64_t)(before + s->groups[s->group_of[k]] - begin) + 1;
        else if (id == PS_WINDOW_DENSE_RANK)
            values[k] = (int64_t)((begin == 0 ? s->stream.groups_before : 0) + s->group_of[k] -
                                  s->first_group[k]) +
                        1;
        else PS_TRY(ntile(cx, s, call, k, buf));
    }
    ps_vec_flat(out, call->type, PS_LAYOUT_I64, values, id == PS_WINDOW_NTILE ? buf->valid : NULL,
                n);
    return PS_OK;
}

/* ---- rows of values ---- */

/* IGNORE NULLS: where the values are. */
static ps_status values_find(ps_ctx *cx, const window_source *s, const window_call *call,
                             window_work *w)
{
    const ps_row_col *col = ps_window_col(s, call->args[0]);
    uint64_t n = 0;

    w->before = ps_alloc(cx, (s->n + 1) * sizeof(*w->before));
    w->places = ps_alloc(cx, (s->n + 1) * sizeof(*w->places));
    if (!w->before || !w->places) return PS_MEMORY;
    for (uint64_t i = 0; i < s->n; i++) {
        if ((i & 16383) == 0) PS_TRY(ps_poll(cx));
        w->before[i] = n;
        if (!ps_row_null(col, s->rows[i])) w->places[n++] = i;
    }
    w->before[s->n] = n;
    return PS_OK;
}

/* A copy of the null row whose value is the row's default. */
static ps_status default_row(ps_ctx *cx, window_source *s, const window_call *call, uint64_t row,
                             uint8_t **out)
{
    const ps_row_layout *layout = ps_window_layout(s);
    const ps_row_col *value = ps_window_col(s, call->args[0]);

    *out = s->null_row;
    if (call->n_args < 3) return PS_OK;
    const ps_row_col *other = ps_window_col(s, call->args[2]);
    if (ps_row_null(other, s->rows[row])) return PS_OK;
    uint8_t *copy = ps_arena_alloc_raw(cx, &s->batch_arena, layout->row_bytes, 16);
    if (!copy) return PS_MEMORY;
    memcpy(copy, s->null_row, layout->row_bytes);
    copy[value->null_at] = (uint8_t)(copy[value->null_at] & ~value->null_mask);
    memcpy(copy + value->at, s->rows[row] + other->at, value->slot_bytes);
    *out = copy;
    return PS_OK;
}

/* The row `steps` values after (before: < 0) row i of the partition; false: there is none. */
static bool stepped(const window_work *w, window_range p, uint64_t i, int64_t steps, uint64_t *out)
{
    const bool back = steps < 0;
    const uint64_t far = back ? 0 - (uint64_t)steps : (uint64_t)steps;

    *out = i;
    if (steps == 0) return true;
    if (!w->before) {
        if (back ? far > i - p.begin : far >= p.end - i) return false;
        *out = back ? i - far : i + far;
        return true;
    }
    const uint64_t low = w->before[p.begin], high = w->before[p.end],
                   here = back ? w->before[i] : w->before[i + 1];
    if (back ? far > here - low : far > high - here) return false;
    *out = w->places[back ? here - far : here + far - 1];
    return true;
}

static ps_status shift_targets(ps_ctx *cx, window_source *s, const window_call *call,
                               const window_work *w, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        const uint64_t i = s->at + k;
        int64_t steps = 1;
        uint64_t row;
        s->targets[k] = s->null_row;
        if (call->n_args > 1 && !ps_window_int(s, call->args[1], i, &steps)) continue;
        if (call->expr->func->window_id == PS_WINDOW_LAG)
            steps = steps == INT64_MIN ? INT64_MAX : -steps;
        if (stepped(w, s->bounds[k], i, steps, &row)) s->targets[k] = s->rows[row];
        else PS_TRY(default_row(cx, s, call, i, &s->targets[k]));
    }
    return PS_OK;
}

/* The nth (from 0) value of the pieces, from their end with `last`. */
static bool nth_of(const window_work *w, const window_range *pieces, uint32_t n, uint64_t nth,
                   bool last, uint64_t *out)
{
    for (uint32_t p = 0; p < n; p++) {
        const window_range r = pieces[last ? n - 1 - p : p];
        const uint64_t from = w->before ? w->before[r.begin] : r.begin,
                       to = w->before ? w->before[r.end] : r.end;
        if (nth < to - from) {
            const uint64_t at = last ? to - 1 - nth : from + nth;
            *out = w->before ? w->places[at] : at;
            return true;
        }
        nth -= to - from;
    }
    return false;
}

static ps_status frame_targets(ps_ctx *cx, window_source *s, const window_call *call,
                               const window_work *w, uint32_t n)
{
    const uint8_t id = call->expr->func->window_id;

    PS_TRY(ps_window_frames(cx, s, call, n));
    for (uint32_t k = 0; k < n; k++) {
        window_range pieces[WINDOW_PIECES_MAX];
        const uint32_t n_pieces = ps_window_pieces(s, call, k, pieces);
        int64_t nth = 1;
        uint64_t row;
        s->targets[k] = s->null_row;
        if (id == PS_WINDOW_NTH_VALUE &&
            (!ps_window_int(s, call->args[1], s->at + k, &nth) || nth < 1))
            continue;
        if (nth_of(w, pieces, n_pieces, (uint64_t)nth - 1, id == PS_WINDOW_LAST_VALUE, &row))
            s->targets[k] = s->rows[row];
    }
    return PS_OK;
}

ps_status ps_window_value(ps_ctx *cx, window_source *s, uint32_t at, uint32_t n, ps_vec_buf *buf,
                          ps_vec *out)
{
    const window_call *call = &s->config->calls[at];
    const ps_window_id id = (ps_window_id)call->expr->func->window_id;
    window_work *w = &s->work[at];

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
    if (call->expr->agg->ignore_nulls && !w->before) PS_TRY(values_find(cx, s, call, w));
    if (id == PS_WINDOW_LAG || id == PS_WINDOW_LEAD) PS_TRY(shift_targets(cx, s, call, w, n));
    else PS_TRY(frame_targets(cx, s, call, w, n));
    return ps_rows_gather(cx, ps_window_layout(s), call->args[0], s->targets, n, buf, out);
}
