/* exec/window_frame.c -- partitions, peers and frames of a morsel's rows.
 *
 * RANGE with a distance: the bound of every row was computed beside it (window_plan.c), so a
 * frame's end is a binary search for that value among the partition's keys that aren't null. Tests:
 * tests/slt/op/window_frame.test */
#include "exec/window.h"

bool ps_window_int(const window_source *s, uint32_t at, uint64_t row, int64_t *out)
{
    const ps_row_col *col = ps_window_col(s, at);

    if (ps_row_null(col, s->rows[row])) return false;
    PS_ASSERT(col->layout == PS_LAYOUT_I64);
    memcpy(out, s->rows[row] + col->at, sizeof(*out));
    return true;
}

/* ---- partitions and peers ---- */

bool ps_window_same(const window_config *config, uint32_t first, uint32_t n, const uint8_t *a,
                    const uint8_t *b)
{
    for (uint32_t c = first; c < first + n; c++)
        if (ps_row_col_compare(&config->spec.layout->cols[c], a, b) != 0) return false;
    return true;
}

static ps_status begins_add(ps_ctx *cx, uint64_t **at, uint64_t *n, uint64_t *room, uint64_t begin)
{
    if (*n == *room) {
        const uint64_t more = *room ? *room * 2 : 1024;
        uint64_t *grown = ps_realloc(cx, *at, more * sizeof(*grown));
        if (!grown) return PS_MEMORY;
        *at = grown;
        *room = more;
    }
    (*at)[(*n)++] = begin;
    return PS_OK;
}

ps_status ps_window_split(ps_ctx *cx, window_source *s)
{
    const window_config *config = s->config;

    s->n_partitions = s->n_groups = 0;
    for (uint64_t i = 0; i < s->n; i++) {
        if ((i & 4095) == 0) PS_TRY(ps_poll(cx));
        const bool partition =
            i == 0 || !ps_window_same(config, 0, config->n_partition, s->rows[i - 1], s->rows[i]);
        if (partition)
            PS_TRY(begins_add(cx, &s->partitions, &s->n_partitions, &s->partitions_room, i));
        if (partition ||
            !ps_window_same(config, config->n_partition, config->spec.n_keys - config->n_partition,
                            s->rows[i - 1], s->rows[i]))
            PS_TRY(begins_add(cx, &s->groups, &s->n_groups, &s->groups_room, i));
    }
    PS_TRY(begins_add(cx, &s->partitions, &s->n_partitions, &s->partitions_room, s->n));
    PS_TRY(begins_add(cx, &s->groups, &s->n_groups, &s->groups_room, s->n));
    s->n_partitions--;
    s->n_groups--;
    s->at = s->partition = s->group = s->partition_group = 0;
    return PS_OK;
}

void ps_window_place(window_source *s, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        const uint64_t i = s->at + k;
        if (i == s->groups[s->group + 1]) s->group++;
        if (i == s->partitions[s->partition + 1]) {
            s->partition++;
            s->partition_group = s->group;
        }
        s->bounds[k] = (window_range){s->partitions[s->partition], s->partitions[s->partition + 1]};
        s->group_of[k] = s->group;
        s->first_group[k] = s->partition_group;
    }
}

/* ---- frames ---- */

static ps_status distance(ps_ctx *cx, const window_source *s, const window_bound *bound,
                          uint64_t row, uint64_t *out)
{
    int64_t value;

    if (!ps_window_int(s, (uint32_t)bound->offset, row, &value))
        return ps_fail(cx, PS_VALUE, "the distance of a window frame's bound is null");
    if (value < 0)
        return ps_fail(cx, PS_VALUE, "the distance of a window frame's bound is negative: %lld",
                       (long long)value);
    *out = (uint64_t)value;
    return PS_OK;
}

/* The row after the frame (end), or its first one. */
static ps_status rows_bound(ps_ctx *cx, const window_source *s, const window_bound *bound,
                            ps_bound_kind kind, bool end, uint32_t k, uint64_t *out)
{
    const uint64_t i = s->at + k + end;
    const window_range p = s->bounds[k];
    uint64_t d = 0;

    if (kind != PS_BOUND_CURRENT) PS_TRY(distance(cx, s, bound, s->at + k, &d));
    if (kind == PS_BOUND_FOLLOWING) *out = d > p.end || i + d > p.end ? p.end : i + d;
    else *out = d > i || i - d < p.begin ? p.begin : i - d;
    return PS_OK;
}

static ps_status groups_bound(ps_ctx *cx, const window_source *s, const window_bound *bound,
                              ps_bound_kind kind, bool end, uint32_t k, uint64_t *out)
{
    const uint64_t g = s->group_of[k] + end, first = s->first_group[k];
    const window_range p = s->bounds[k];
    uint64_t d = 0;

    if (kind != PS_BOUND_CURRENT) PS_TRY(distance(cx, s, bound, s->at + k, &d));
    if (kind == PS_BOUND_FOLLOWING)
        *out = d >= s->n_groups - g ? p.end : PS_MIN(s->groups[g + d], p.end);
    else *out = d > g || g - d < first ? p.begin : s->groups[g - d];
    return PS_OK;
}

/* Order of a slot of one column against one of another, both of one type and neither null. */
static int slots_compare(const ps_row_col *x, const uint8_t *a, const ps_row_col *y,
                         const uint8_t *b)
{
    ps_row_col plain = *x;

    plain.at = plain.null_at = 0;
    plain.null_mask = 0;
    return ps_row_col_compare(&plain, a + x->at, b + y->at);
}

/* The first row of [from, to) whose key isn't before (after: is after) the bound of row `of`. */
static uint64_t search(const window_source *s, const window_call *call, const window_bound *bound,
                       uint64_t of, bool after, uint64_t from, uint64_t to)
{
    const ps_row_col *key = ps_window_col(s, (uint32_t)bound->key),
                     *value = ps_window_col(s, (uint32_t)bound->value);

    while (from < to) {
        const uint64_t middle = from + (to - from) / 2;
        int way = slots_compare(key, s->rows[middle], value, s->rows[of]);
        if (call->descending) way = -way;
        if (after ? way <= 0 : way < 0) from = middle + 1;
        else to = middle;
    }
    return from;
}

static ps_status range_bound(ps_ctx *cx, const window_source *s, const window_call *call,
                             const window_bound *bound, ps_bound_kind kind, bool end, uint32_t k,
                             uint64_t *out)
{
    const uint64_t g = s->group_of[k], row = s->at + k;

    *out = s->groups[g + end];
    if (kind == PS_BOUND_CURRENT) return PS_OK;
    const ps_row_col *key = ps_window_col(s, (uint32_t)bound->key),
                     *value = ps_window_col(s, (uint32_t)bound->value);
    if (ps_row_null(key, s->rows[row])) return PS_OK; /* a null is near nulls only */
    if (ps_row_null(value, s->rows[row]))
        return ps_fail(cx, PS_VALUE, "the distance of a window frame's bound is null");
    int way = slots_compare(value, s->rows[row], key, s->rows[row]);
    if (call->descending) way = -way;
    if (kind == PS_BOUND_PRECEDING ? way > 0 : way < 0)
        return ps_fail(cx, PS_VALUE, "the distance of a window frame's bound is negative");
    window_range keys = s->bounds[k];
    /* nulls are one group, the first or the last */
    if (ps_row_null(key, s->rows[keys.begin])) keys.begin = s->groups[s->first_group[k] + 1];
    if (ps_row_null(key, s->rows[keys.end - 1]))
        for (uint64_t low = keys.begin; low < keys.end;) {
            const uint64_t middle = low + (keys.end - low) / 2;
            if (ps_row_null(key, s->rows[middle])) keys.end = middle;
            else low = middle + 1;
        }
    if (kind == PS_BOUND_PRECEDING) keys.end = s->groups[g + 1];
    else keys.begin = s->groups[g];
    *out = search(s, call, bound, row, end, keys.begin, keys.end);
    return PS_OK;
}

static ps_status bound_of(ps_ctx *cx, const window_source *s, const window_call *call, bool end,
                          uint32_t k, uint64_t *out)
{
    const ps_bound_kind kind = end ? call->frame->end : call->frame->start;
    const window_bound *bound = end ? &call->end : &call->start;

    if (kind == PS_BOUND_UNBOUNDED_PRECEDING) return *out = s->bounds[k].begin, PS_OK;
    if (kind == PS_BOUND_UNBOUNDED_FOLLOWING) return *out = s->bounds[k].end, PS_OK;
    switch (call->frame->unit) {
    case PS_FRAME_ROWS: return rows_bound(cx, s, bound, kind, end, k, out);
    case PS_FRAME_GROUPS: return groups_bound(cx, s, bound, kind, end, k, out);
    case PS_FRAME_RANGE: return range_bound(cx, s, call, bound, kind, end, k, out);
    }
    return PS_BUG(cx, "a window frame of no known unit");
}

ps_status ps_window_frames(ps_ctx *cx, window_source *s, const window_call *call, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        window_range *f = &s->frames[k];
        PS_TRY(bound_of(cx, s, call, false, k, &f->begin));
        PS_TRY(bound_of(cx, s, call, true, k, &f->end));
        if (f->end < f->begin) f->end = f->begin;
    }
    return ps_poll(cx);
}

uint32_t ps_window_pieces(const window_source *s, const window_call *call, uint32_t k,
                          window_range pieces[WINDOW_PIECES_MAX])
{
    const window_range f = s->frames[k];
    const uint64_t i = s->at + k, g = s->group_of[k];
    const ps_frame_exclude exclude = call->frame->exclude;
    const bool one = exclude == PS_EXCLUDE_CURRENT_ROW;
    const uint64_t from = one ? i : s->groups[g], to = one ? i + 1 : s->groups[g + 1];
    window_range all[WINDOW_PIECES_MAX] = {f, {i, i}, {f.end, f.end}};
    uint32_t n = 0;

    if (exclude != PS_EXCLUDE_NO_OTHERS) {
        all[0].end = PS_MIN(f.end, from);
        all[2].begin = PS_MAX(f.begin, to);
        if (exclude == PS_EXCLUDE_TIES && i >= f.begin && i < f.end) all[1].end = i + 1;
    }
    for (uint32_t p = 0; p < WINDOW_PIECES_MAX; p++)
        if (all[p].begin < all[p].end) pieces[n++] = all[p];
    return n;
}
