/* exec/window_frame.c -- partitions, peers and frames of a morsel's rows.
 *
 * RANGE with a distance: the bound of every row was computed beside it (window_plan.c), so a
 * frame's end is a binary search for that value among the partition's keys that aren't null; in a
 * store first for the block, which as a rule is that of the row before. Tests:
 * tests/slt/op/window_frame.test, window_large.test */
#include "exec/window.h"

bool ps_window_int(const window_source *s, uint32_t at, uint64_t rank, int64_t *out)
{
    const ps_row_col *col = ps_window_col(s, at);
    const uint8_t *row = ps_window_row(s->block, rank);

    if (ps_row_null(col, row)) return false;
    PS_ASSERT(col->layout == PS_LAYOUT_I64);
    memcpy(out, row + col->at, sizeof(*out));
    return true;
}

/* ---- partitions and peers ---- */

enum { AHEAD = 16 }; /* sorted rows lie anywhere: each is asked for so many rows before */

bool ps_window_same(const window_config *config, uint32_t first, uint32_t n, const uint8_t *a,
                    const uint8_t *b)
{
    for (uint32_t c = first; c < first + n; c++)
        if (ps_row_col_compare(&config->spec.layout->cols[c], a, b) != 0) return false;
    return true;
}

bool ps_window_same_partition(const window_config *config, const uint8_t *a, const uint8_t *b)
{
    return ps_window_same(config, 0, config->n_partition, a, b);
}

bool ps_window_same_peers(const window_config *config, const uint8_t *a, const uint8_t *b)
{
    return ps_window_same(config, config->n_partition, config->spec.n_keys - config->n_partition, a,
                          b);
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

static ps_status group_add(ps_ctx *cx, window_block *block, uint64_t begin)
{
    return begins_add(cx, &block->groups, &block->n_groups, &block->groups_room, begin);
}

ps_status ps_window_split(ps_ctx *cx, window_source *s, bool fresh)
{
    const window_config *config = s->config;
    window_block *block = &s->whole;
    uint8_t *const *rows = block->rows;

    s->n_partitions = block->n_groups = 0;
    for (uint64_t i = 0; i < block->n; i++) {
        const bool kept = i == 0 && !fresh;
        const uint64_t rank = block->first + i;
        if ((i & 4095) == 0) PS_TRY(ps_poll(cx));
        PS_PREFETCH(rows[PS_MIN(i + AHEAD, block->n - 1)]);
        const bool partition = i == 0 || !ps_window_same_partition(config, rows[i - 1], rows[i]);
        if (partition)
            PS_TRY(begins_add(cx, &s->partitions, &s->n_partitions, &s->partitions_room,
                              kept ? s->stream.partition_begin : rank));
        if (partition || !ps_window_same_peers(config, rows[i - 1], rows[i]))
            PS_TRY(group_add(cx, block, kept ? s->stream.group_begin : rank));
    }
    const uint64_t end = block->first + block->n;
    PS_TRY(begins_add(cx, &s->partitions, &s->n_partitions, &s->partitions_room, end));
    PS_TRY(group_add(cx, block, end));
    s->n_partitions--;
    block->n_groups--;
    block->first_group = fresh ? 0 : s->stream.group;
    s->partition_group = fresh ? 0 : s->stream.partition_group;
    s->groups_end = block->first_group + block->n_groups;
    s->block = block;
    s->partition = s->group = 0;
    return PS_OK;
}

ps_status ps_window_one_partition(ps_ctx *cx, window_source *s, window_range partition)
{
    s->n_partitions = 0;
    PS_TRY(begins_add(cx, &s->partitions, &s->n_partitions, &s->partitions_room, partition.begin));
    PS_TRY(begins_add(cx, &s->partitions, &s->n_partitions, &s->partitions_room, partition.end));
    s->n_partitions--;
    return PS_OK;
}

ps_status ps_window_split_block(ps_ctx *cx, const window_config *config, window_block *block,
                                uint64_t group_begin, uint64_t group_end)
{
    block->n_groups = 0;
    PS_TRY(group_add(cx, block, group_begin));
    for (uint64_t i = 1; i < block->n; i++) {
        PS_PREFETCH(block->rows[PS_MIN(i + AHEAD, block->n - 1)]);
        if (!ps_window_same_peers(config, block->rows[i - 1], block->rows[i]))
            PS_TRY(group_add(cx, block, block->first + i));
    }
    PS_TRY(group_add(cx, block, group_end));
    block->n_groups--;
    return PS_OK;
}

void ps_window_place(window_source *s, uint32_t n)
{
    const window_block *block = s->block;

    for (uint32_t k = 0; k < n; k++) {
        const uint64_t i = s->at + k;
        while (i >= block->groups[s->group + 1]) s->group++;
        if (i == s->partitions[s->partition + 1]) {
            s->partition++;
            s->partition_group = block->first_group + s->group;
        }
        s->bounds[k] = (window_range){s->partitions[s->partition], s->partitions[s->partition + 1]};
        s->peers[k] = (window_range){block->groups[s->group], block->groups[s->group + 1]};
        s->group_of[k] = block->first_group + s->group;
        s->first_group[k] = s->partition_group;
    }
}

/* ---- frames ---- */

static ps_status distance(ps_ctx *cx, const window_source *s, const window_bound *bound,
                          uint64_t rank, uint64_t *out)
{
    int64_t value;

    if (!ps_window_int(s, (uint32_t)bound->offset, rank, &value))
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

/* Where the group with this number begins. */
static ps_status group_begin(ps_ctx *cx, window_source *s, uint64_t number, uint64_t *begin)
{
    const window_block *block = s->block;

    if (number < block->first_group || number - block->first_group > block->n_groups)
        return ps_window_store_group(cx, s, number, begin);
    *begin = block->groups[number - block->first_group];
    return PS_OK;
}

static ps_status groups_bound(ps_ctx *cx, window_source *s, const window_bound *bound,
                              ps_bound_kind kind, bool end, uint32_t k, uint64_t *out)
{
    const uint64_t g = s->group_of[k] + end, first = s->first_group[k];
    const window_range p = s->bounds[k];
    uint64_t d = 0;

    *out = end ? s->peers[k].end : s->peers[k].begin;
    if (kind == PS_BOUND_CURRENT) return PS_OK;
    PS_TRY(distance(cx, s, bound, s->at + k, &d));
    if (kind == PS_BOUND_FOLLOWING) {
        if (d >= s->groups_end - g) return *out = p.end, PS_OK;
        PS_TRY(group_begin(cx, s, g + d, out));
        *out = PS_MIN(*out, p.end);
        return PS_OK;
    }
    if (d > g || g - d < first) return *out = p.begin, PS_OK;
    return group_begin(cx, s, g - d, out);
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

/* What is true of the rows before some row of a partition. */
typedef struct probe {
    const ps_row_col *key, *value;
    const uint8_t *of;     /* the row whose bound it is; NULL: whether the key is null */
    bool descending, upto; /* upto: rows at the bound are before it */
    bool null;             /* of NULL: what it is of the rows before */
} probe;

static bool comes_before(const probe *p, const uint8_t *row)
{
    if (!p->of) return ps_row_null(p->key, row) == p->null;
    int way = slots_compare(p->key, row, p->value, p->of);
    if (p->descending) way = -way;
    return p->upto ? way <= 0 : way < 0;
}

/* The first row of the range that doesn't come before the bound; *near: a row that may be near. */
static ps_status search(ps_ctx *cx, window_source *s, const probe *p, window_range in,
                        uint64_t *near, uint64_t *out)
{
    window_block *block = s->block;

    *near = PS_MIN(PS_MAX(*near, in.begin), PS_MAX(in.end, 1) - 1);
    for (uint32_t steps = 1; s->store && in.begin < in.end; steps++) {
        PS_TRY(ps_window_block_of(cx, s, *near, &block));
        const uint64_t from = PS_MAX(in.begin, block->first),
                       to = PS_MIN(in.end, block->first + block->n);
        if (!comes_before(p, ps_window_row(block, from))) {
            in.end = from;
            *near = from - (from > in.begin);
        } else if (comes_before(p, ps_window_row(block, to - 1))) {
            in.begin = to;
            *near = to;
        } else {
            in = (window_range){from, to};
            break;
        }
        if (steps > 2) *near = in.begin + (in.end - in.begin) / 2;
    }
    while (in.begin < in.end) {
        const uint64_t middle = in.begin + (in.end - in.begin) / 2;
        if (comes_before(p, ps_window_row(block, middle))) in.begin = middle + 1;
        else in.end = middle;
    }
    *out = *near = in.begin;
    return PS_OK;
}

/* The partition's rows whose key isn't null: nulls are one group, the first or the last. */
static ps_status keys_of(ps_ctx *cx, window_source *s, const ps_row_col *key, window_range p,
                         window_work *w)
{
    probe nulls = {.key = key, .null = true};
    window_block *block;

    if (w->keys_of == p.begin + 1) return PS_OK;
    w->keys = p;
    PS_TRY(ps_window_block_of(cx, s, p.begin, &block));
    if (ps_row_null(key, ps_window_row(block, p.begin)))
        PS_TRY(search(cx, s, &nulls, p, &w->near[2], &w->keys.begin));
    nulls.null = false;
    PS_TRY(search(cx, s, &nulls, (window_range){w->keys.begin, p.end}, &w->near[3], &w->keys.end));
    w->keys_of = p.begin + 1;
    return PS_OK;
}

static ps_status range_bound(ps_ctx *cx, window_source *s, const window_call *call,
                             const window_bound *bound, ps_bound_kind kind, bool end, uint32_t k,
                             uint64_t *out)
{
    const uint8_t *row = ps_window_row(s->block, s->at + k);
    window_work *w = &s->work[ps_window_call_at(s, call)];

    *out = end ? s->peers[k].end : s->peers[k].begin;
    if (kind == PS_BOUND_CURRENT) return PS_OK;
    const probe p = {.key = ps_window_col(s, (uint32_t)bound->key),
                     .value = ps_window_col(s, (uint32_t)bound->value),
                     .of = row,
                     .descending = call->descending,
                     .upto = end};
    if (ps_row_null(p.key, row)) return PS_OK; /* a null is near nulls only */
    if (ps_row_null(p.value, row))
        return ps_fail(cx, PS_VALUE, "the distance of a window frame's bound is null");
    int way = slots_compare(p.value, row, p.key, row);
    if (call->descending) way = -way;
    if (kind == PS_BOUND_PRECEDING ? way > 0 : way < 0)
        return ps_fail(cx, PS_VALUE, "the distance of a window frame's bound is negative");
    PS_TRY(keys_of(cx, s, p.key, s->bounds[k], w));
    window_range keys = w->keys;
    if (kind == PS_BOUND_PRECEDING) keys.end = s->peers[k].end;
    else keys.begin = s->peers[k].begin;
    return search(cx, s, &p, keys, &w->near[end], out);
}

static ps_status bound_of(ps_ctx *cx, window_source *s, const window_call *call, bool end,
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
    const uint64_t i = s->at + k;
    const ps_frame_exclude exclude = call->frame->exclude;
    const bool one = exclude == PS_EXCLUDE_CURRENT_ROW;
    const uint64_t from = one ? i : s->peers[k].begin, to = one ? i + 1 : s->peers[k].end;
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
