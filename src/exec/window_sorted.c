/* exec/window_sorted.c -- the arguments of a stored partition in an order of their own.
 *
 * A second sort, by arguments and rank, which like any sort goes to files when memory is short.
 * DISTINCT in a frame that begins with the partition wants to know of each row whether an equal one
 * came before: equals stand beside each other there, and a bit for each row says what was found.
 * Aggregates that want their rows by value (median, mode) over the whole partition read them there.
 * Tests: tests/slt/op/window_large.test, tests/py/test_window_large.py */
#include "exec/window.h"

enum { CHUNK = 1024 };

typedef struct sorted {
    ps_arena arena;
    ps_sorter sorter;
    ps_sort_lane lane;
    ps_sort_reader reader;
    uint8_t **room;
    ps_rows last; /* a copy of the row before */
    uint64_t *ranks, *zeros;
} sorted;

ps_status ps_window_sorted_plan(ps_ctx *cx, ps_arena *arena, window_call *call)
{
    ps_sort_key *keys = PS_ARENA_ARRAY(cx, arena, ps_sort_key, call->n_args + 1);
    ps_type types[WINDOW_ARGS_MAX + 1];

    if (!keys) return PS_MEMORY;
    for (uint32_t a = 0; a < call->n_args; a++) types[a] = call->expr->args[a]->type;
    types[call->n_args] = PS_TYPE(UINT64);
    return ps_sort_spec_init(cx, arena, &call->sorted, keys, call->n_args, types, call->n_args + 1);
}

static ps_status add(ps_ctx *cx, window_source *s, const window_call *call, sorted *o,
                     uint8_t *const *rows, uint32_t n)
{
    ps_vec vecs[WINDOW_ARGS_MAX + 1];

    PS_TRY(ps_window_args(cx, s, call, rows, n, vecs));
    ps_vec_flat(&vecs[call->n_args], PS_TYPE(UINT64), PS_LAYOUT_U64, o->ranks, NULL, n);
    return ps_sort_lane_add_at(cx, &o->sorter, &o->lane, vecs, n, o->zeros, o->ranks);
}

/* The rows of a block that count. */
static ps_status add_block(ps_ctx *cx, window_source *s, const window_call *call, sorted *o,
                           const window_block *block)
{
    const uint32_t n_max = PS_MIN((uint32_t)CHUNK, cx->batch_rows);
    uint8_t *rows[CHUNK];
    uint32_t n = 0;

    for (uint64_t r = 0; r < block->n; r++) {
        if (!ps_window_wanted(s, call, block->rows[r])) continue;
        o->ranks[n] = block->first + r;
        rows[n++] = block->rows[r];
        if (n == n_max) PS_TRY(add(cx, s, call, o, rows, n));
        if (n == n_max) n = 0;
    }
    PS_TRY(ps_poll(cx));
    return n ? add(cx, s, call, o, rows, n) : PS_OK;
}

static ps_status sort(ps_ctx *cx, window_source *s, const window_call *call, sorted *o)
{
    const window_range all = ps_window_store_range(s->store);
    uint64_t n_tasks;

    o->ranks = PS_ARENA_ARRAY(cx, &o->arena, uint64_t, CHUNK);
    o->zeros = PS_ARENA_ARRAY(cx, &o->arena, uint64_t, CHUNK);
    o->room = PS_ARENA_ARRAY(cx, &o->arena, uint8_t *, cx->batch_rows);
    if (!o->ranks || !o->zeros || !o->room) return PS_MEMORY;
    PS_TRY(ps_sort_lane_open(cx, &o->arena, &o->sorter, &o->lane));
    for (uint64_t at = all.begin; at < all.end;) {
        window_block *block;
        PS_TRY(ps_window_store_block(cx, s, at, &block));
        PS_TRY(add_block(cx, s, call, o, block));
        at = block->first + block->n;
    }
    PS_TRY(ps_sort_lane_combine(cx, &o->sorter, &o->lane));
    PS_TRY(ps_sorter_plan(cx, &o->arena, &o->sorter, &n_tasks));
    for (uint64_t task = 0; task < n_tasks; task++) PS_TRY(ps_sorter_task(cx, &o->sorter, task));
    PS_TRY(ps_sorter_seal(cx, &o->arena, &o->sorter));
    return ps_sort_reader_seek(cx, &o->sorter, &o->reader, 0);
}

/* Sets the bits of rows that no equal one comes before. */
static ps_status find_fresh(ps_ctx *cx, const window_call *call, uint64_t first, sorted *o,
                            uint64_t *bits)
{
    const ps_row_col *cols = call->sorted.layout->cols, *rank_col = &cols[call->n_args];
    const uint8_t *before = NULL;
    uint8_t *const *rows, *copy;
    uint32_t n;

    for (;;) {
        PS_TRY(ps_sort_reader_next(cx, &o->sorter, &o->reader, o->room, cx->batch_rows, &rows, &n));
        if (n == 0) return PS_OK;
        for (uint32_t k = 0; k < n; k++) {
            uint64_t rank;
            bool equal = before != NULL;
            for (uint32_t a = 0; equal && a < call->n_args; a++)
                equal = ps_row_col_compare(&cols[a], before, rows[k]) == 0;
            before = rows[k];
            memcpy(&rank, rows[k] + rank_col->at, sizeof(rank));
            if (!equal) ps_bit_set(bits, rank - first);
        }
        ps_rows_release(&o->last); /* what is read next takes its place */
        PS_TRY(ps_rows_append_rows(cx, &o->last, &rows[n - 1], 1, &copy));
        before = copy;
        PS_TRY(ps_poll(cx));
    }
}

/* It has rows after sort(); release is due in any case. */
static void sorted_init(const window_source *s, const window_call *call, sorted *o)
{
    ps_sorter_init(&o->sorter, (ps_op *)(uintptr_t)s->op, &call->sorted, UINT64_MAX);
    o->sorter.level = 2; /* by the sort, into the store */
    ps_rows_init(&o->last, call->sorted.layout);
}

static void sorted_release(sorted *o)
{
    ps_rows_release(&o->last);
    ps_sort_reader_release(&o->reader);
    ps_sort_lane_close(&o->lane);
    ps_sorter_release(&o->sorter);
    ps_arena_release(&o->arena);
}

ps_status ps_window_sorted_fresh(ps_ctx *cx, window_source *s, const window_call *call,
                                 uint64_t **bits)
{
    const window_range all = ps_window_store_range(s->store);
    sorted *o = ps_alloc_zero(cx, sizeof(*o));

    *bits = ps_alloc_zero(cx, ((all.end - all.begin) / 64 + 1) * sizeof(**bits));
    ps_status st = o && *bits ? PS_OK : PS_MEMORY;
    if (o) {
        sorted_init(s, call, o);
        if (st == PS_OK) st = sort(cx, s, call, o);
        if (st == PS_OK) st = find_fresh(cx, call, all.begin, o, *bits);
        sorted_release(o);
    }
    ps_free(o);
    if (st != PS_OK) {
        ps_free(*bits);
        *bits = NULL;
    }
    return st;
}

/* ---- runs by value ---- */

struct window_by_value {
    ps_agg_run run; /* first, so that reads find the rest */
    sorted order;
    const window_call *call;
    ps_vec_buf buf;
    uint8_t *rows[CHUNK]; /* of the last read */
    ps_sort_kept kept;
};

static ps_status run_read(ps_ctx *cx, ps_agg_run *run, uint64_t at, uint32_t n_max, ps_vec *args,
                          uint32_t *n)
{
    window_by_value *v = (window_by_value *)(void *)run;
    sorted *o = &v->order;
    uint8_t *const *rows;

    n_max = PS_MIN(PS_MIN(n_max, (uint32_t)CHUNK), cx->batch_rows);
    n_max = (uint32_t)PS_MIN((uint64_t)n_max, run->n - at);
    if (o->reader.at != at) PS_TRY(ps_sort_reader_seek(cx, &o->sorter, &o->reader, at));
    PS_TRY(ps_sort_reader_next(cx, &o->sorter, &o->reader, o->room, n_max, &rows, n));
    if (*n == 0) return PS_BUG(cx, "a window lost rows by value");
    for (uint32_t k = 0; k < *n; k++) v->rows[k] = rows[k];
    return ps_rows_gather(cx, v->call->sorted.layout, 0, v->rows, *n, &v->buf, &args[0]);
}

static ps_status run_keep(ps_ctx *cx, ps_agg_run *run, uint32_t i)
{
    window_by_value *v = (window_by_value *)(void *)run;

    return ps_sort_kept_put(cx, &v->kept, v->rows[i]);
}

static void run_keep_newer(ps_agg_run *run)
{
    ps_sort_kept_turn(&((window_by_value *)(void *)run)->kept);
}

static bool run_newer_first(const ps_agg_run *run)
{
    const window_by_value *v = (const window_by_value *)(const void *)run;
    const ps_row_col *rank = &v->call->sorted.layout->cols[v->call->n_args];

    return ps_row_col_compare(rank, v->kept.at[0], v->kept.at[1]) < 0;
}

ps_status ps_window_by_value_new(ps_ctx *cx, window_source *s, const window_call *call,
                                 window_by_value **out)
{
    window_by_value *v = ps_alloc_zero(cx, sizeof(*v));

    if (!v) return PS_MEMORY;
    v->call = call;
    sorted_init(s, call, &v->order);
    ps_sort_kept_init(&v->kept, call->sorted.layout);
    ps_status st = ps_vec_buf_init(cx, &v->buf, CHUNK);
    if (st == PS_OK) st = sort(cx, s, call, &v->order);
    if (st != PS_OK) return ps_window_by_value_free(v), st;
    v->run = (ps_agg_run){.n = v->order.sorter.n_rows,
                          .sorted = true,
                          .read = run_read,
                          .keep = run_keep,
                          .newer_first = run_newer_first,
                          .keep_newer = run_keep_newer};
    *out = v;
    return PS_OK;
}

ps_agg_run *ps_window_by_value_run(window_by_value *v) { return &v->run; }

void ps_window_by_value_free(window_by_value *v)
{
    if (!v) return;
    sorted_release(&v->order);
    ps_sort_kept_release(&v->kept);
    ps_vec_buf_release(&v->buf);
    ps_free(v);
}
