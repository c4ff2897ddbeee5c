/* exec/join_order.c -- what a spilled join gives, in the order of positions again.
 *
 * Partitions in memory give their rows while the probe runs, spilled ones afterwards. Where the
 * order of the rows can be seen above, both go to a sorter instead, by the probe row's position;
 * pairs of one probe row come from one lane in the order of their build rows, which the sorter
 * keeps. The operator is the sink of the join's rest pipeline and the source of what follows it.
 * While nothing is spilled it has nothing to do but to give the build rows of an outer join: the
 * probe's rows went on as they came.
 *
 * Tests: tests/slt/op/join_spill.test */
#include "exec/join.h"
#include "exec/sort_source.h"

typedef struct order_config {
    ps_op *join;
    ps_sort_spec spec;
} order_config;

typedef struct order_local {
    ps_arena arena;
    void *rest; /* of a join in memory: join_rest.c's local */
    ps_sort_source sorted;
} order_local;

struct ps_join_order_lane {
    ps_sort_lane lane;
    uint64_t *high, *low;
};

static ps_op *order_of(const ps_op *join) { return ((const ps_join_config *)join->config)->order; }

static bool is_spilled(const ps_op *order)
{
    return ps_join_spilled(((const order_config *)order->config)->join->shared) != 0;
}

/* ---- the join's lanes ---- */

ps_status ps_join_order_open(ps_ctx *cx, ps_op *op, ps_arena *arena, ps_join_order_lane **out)
{
    ps_join_order_lane *l = PS_ARENA_NEW(cx, arena, ps_join_order_lane);

    *out = l;
    if (!l) return PS_MEMORY;
    l->high = PS_ARENA_ARRAY(cx, arena, uint64_t, PS_BATCH_ROWS_MAX);
    l->low = PS_ARENA_ARRAY(cx, arena, uint64_t, PS_BATCH_ROWS_MAX);
    if (!l->high || !l->low) return PS_MEMORY;
    return ps_sort_lane_open(cx, arena, order_of(op)->shared, &l->lane);
}

void ps_join_order_places(ps_join_order_lane *l, uint64_t **high, uint64_t **low)
{
    *high = l->high;
    *low = l->low;
}

ps_status ps_join_order_add(ps_ctx *cx, ps_op *op, ps_join_order_lane *l, ps_batch *batch)
{
    PS_TRY(ps_sort_lane_add_by(cx, order_of(op)->shared, &l->lane, batch->cols, batch, l->high,
                               l->low));
    /* relaxed: figures, read for display */
    atomic_fetch_add_explicit(&op->stats.rows_out, batch->n_live, memory_order_relaxed);
    batch->n = batch->n_live = 0;
    batch->sel = NULL;
    return PS_OK;
}

ps_status ps_join_order_combine(ps_ctx *cx, ps_op *op, ps_join_order_lane *l)
{
    return ps_sort_lane_combine(cx, order_of(op)->shared, &l->lane);
}

void ps_join_order_close(ps_join_order_lane *l)
{
    if (l) ps_sort_lane_close(&l->lane);
}

/* ---- the operator ---- */

static ps_status order_open(ps_ctx *cx, ps_op *op)
{
    (void)cx;
    ps_sorter_init(op->shared, op, &((const order_config *)op->config)->spec, UINT64_MAX);
    return PS_OK;
}

static ps_status order_sink(ps_ctx *cx, ps_op *op, void *local, const ps_batch *batch,
                            ps_flow *flow)
{
    (void)op, (void)local, (void)batch, (void)flow;
    return PS_BUG(cx, "a join's lanes bring their rows themselves");
}

static ps_status order_finish_plan(ps_ctx *cx, ps_op *op, uint64_t *n_tasks)
{
    return is_spilled(op) ? ps_sorter_plan(cx, &op->arena, op->shared, n_tasks) : PS_OK;
}

static ps_status order_finish_task(ps_ctx *cx, ps_op *op, uint64_t task)
{
    return ps_sorter_task(cx, op->shared, task);
}

static ps_status order_seal(ps_ctx *cx, ps_op *op)
{
    return is_spilled(op) ? ps_sorter_seal(cx, &op->arena, op->shared) : PS_OK;
}

static uint64_t order_bytes(const ps_op *op, const void *local)
{
    return local ? 0 : ps_sorter_bytes(op->shared, NULL);
}

static ps_status order_shrink(ps_ctx *cx, ps_op *op, void *local, uint64_t wanted)
{
    (void)wanted;
    return local ? PS_OK : ps_sorter_shrink(cx, op->shared, NULL, &op->arena);
}

static void order_close(ps_op *op) { ps_sorter_release(op->shared); }

static ps_status order_source_plan(ps_ctx *cx, ps_op *op, uint64_t *n_morsels)
{
    const ps_op *join = ((const order_config *)op->config)->join;
    const ps_sorter *sorter = op->shared;

    (void)cx;
    if (is_spilled(op)) *n_morsels = (sorter->n_rows + PS_SEGMENT_ROWS - 1) / PS_SEGMENT_ROWS;
    else
        *n_morsels =
            ((const ps_join_config *)join->config)->rest != PS_REST_NONE ? PS_JOIN_ALL_PARTS : 0;
    return PS_OK;
}

static ps_status order_source_open(ps_ctx *cx, ps_op *op, void *local)
{
    order_local *l = local;

    if (!is_spilled(op)) {
        l->rest = ps_arena_alloc(cx, &l->arena, ps_join_rest_size);
        return l->rest ? ps_join_rest_open(cx, ((const order_config *)op->config)->join, l->rest)
                       : PS_MEMORY;
    }
    return ps_sort_source_open(cx, &l->sorted, op);
}

static void order_source_close(ps_op *op, void *local)
{
    order_local *l = local;

    if (l->rest) ps_join_rest_close(((const order_config *)op->config)->join, l->rest);
    ps_sort_source_close(&l->sorted);
    ps_arena_release(&l->arena);
}

static ps_status order_source_start(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel)
{
    const uint64_t first = morsel * PS_SEGMENT_ROWS;
    order_local *l = local;

    if (l->rest)
        return ps_join_rest_start(cx, ((const order_config *)op->config)->join, l->rest, morsel);
    const uint64_t n = ((const ps_sorter *)op->shared)->n_rows - first;
    ps_sort_source_start(&l->sorted, first, PS_MIN(n, PS_SEGMENT_ROWS));
    return PS_OK;
}

static ps_status order_source_next(ps_ctx *cx, ps_op *op, void *local, ps_batch *out, bool *done)
{
    ps_op *join = ((const order_config *)op->config)->join;
    order_local *l = local;

    if (!l->rest) return ps_sort_source_next(cx, op->shared, &l->sorted, NULL, out, done);
    PS_TRY(ps_join_rest_next(cx, join, l->rest, out, done));
    atomic_fetch_add_explicit(&join->stats.rows_out, out->n_live, memory_order_relaxed);
    return PS_OK;
}

static const ps_op_class order_class = {
    .name = "order of a join",
    .gives_again = true,
    .shared_size = sizeof(ps_sorter),
    .source_size = sizeof(order_local),
    .open = order_open,
    .sink = order_sink,
    .finish_plan = order_finish_plan,
    .finish_task = order_finish_task,
    .seal = order_seal,
    .source_plan = order_source_plan,
    .source_open = order_source_open,
    .source_start = order_source_start,
    .source_next = order_source_next,
    .source_close = order_source_close,
    .bytes = order_bytes,
    .shrink = order_shrink,
    .close = order_close,
};

ps_status ps_join_order_new(ps_phys *p, ps_op *join, ps_op **out)
{
    order_config *config = PS_ARENA_NEW(p->cx, p->arena, order_config);
    ps_type *types = PS_ARENA_ARRAY(p->cx, p->arena, ps_type, join->n_cols + 1);

    if (!config || !types) return PS_MEMORY;
    config->join = join;
    for (uint32_t c = 0; c < join->n_cols; c++) types[c] = join->cols[c].type;
    PS_TRY(ps_sort_spec_init(p->cx, p->arena, &config->spec, NULL, 0, types, join->n_cols));
    *out = ps_phys_op(p, &order_class, join->node, config, join->cols, join->n_cols);
    return *out ? PS_OK : PS_MEMORY;
}
