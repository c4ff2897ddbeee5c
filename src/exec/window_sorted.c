/* exec/window_sorted.c -- the arguments of a stored partition in an order of their own.
 *
 * DISTINCT in a frame that begins with the partition wants to know of each row whether an equal one
 * came before. A second sort, by arguments and rank, puts equals beside each other; a bit for each
 * row says what was found. Like any sort it goes to files when memory is short.
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

ps_status ps_window_sorted_fresh(ps_ctx *cx, window_source *s, const window_call *call,
                                 uint64_t **bits)
{
    const window_range all = ps_window_store_range(s->store);
    sorted *o = ps_alloc_zero(cx, sizeof(*o));

    *bits = ps_alloc_zero(cx, ((all.end - all.begin) / 64 + 1) * sizeof(**bits));
    ps_status st = o && *bits ? PS_OK : PS_MEMORY;
    if (o) {
        ps_sorter_init(&o->sorter, (ps_op *)(uintptr_t)s->op, &call->sorted, UINT64_MAX);
        ps_rows_init(&o->last, call->sorted.layout);
        if (st == PS_OK) st = sort(cx, s, call, o);
        if (st == PS_OK) st = find_fresh(cx, call, all.begin, o, *bits);
        ps_rows_release(&o->last);
        ps_sort_reader_release(&o->reader);
        ps_sort_lane_close(&o->lane);
        ps_sorter_release(&o->sorter);
        ps_arena_release(&o->arena);
    }
    ps_free(o);
    if (st != PS_OK) {
        ps_free(*bits);
        *bits = NULL;
    }
    return st;
}
