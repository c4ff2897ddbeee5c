/* exec/op_sort.c -- sort and top-n: a sorter (sorter.h) and a source that gives its rows in
 * morsels.
 *
 * Tests: tests/slt/op/sort.test, topn.test */
#include "exec/phys.h"
#include "exec/sort_source.h"

typedef struct sort_config {
    ps_sort_spec spec;
    const ps_program *keys;
    uint32_t n_payload;
    const uint32_t *payload; /* batch columns kept beside the keys: layout columns n_keys + i */
    const uint32_t *outs;    /* by output column: its layout column */
    uint64_t offset, count;  /* count UINT64_MAX: all */
} sort_config;

typedef struct sort_local {
    ps_arena arena;
    ps_eval *eval;
    ps_vec *vecs; /* keys, then payload */
    ps_sort_lane lane;
} sort_local;

static ps_status sort_open(ps_ctx *cx, ps_op *op)
{
    const sort_config *config = op->config;
    const uint64_t limit =
        config->count > UINT64_MAX - config->offset ? UINT64_MAX : config->offset + config->count;

    (void)cx;
    ps_sorter_init(op->shared, op, &config->spec, limit);
    return PS_OK;
}

static ps_status sort_sink_open(ps_ctx *cx, ps_op *op, void *local)
{
    const sort_config *config = op->config;
    sort_local *l = local;

    l->vecs = PS_ARENA_ARRAY(cx, &l->arena, ps_vec, config->spec.layout->n_cols + 1);
    if (!l->vecs) return PS_MEMORY;
    PS_TRY(ps_eval_new(cx, &l->arena, config->keys, &l->eval));
    return ps_sort_lane_open(cx, &l->arena, op->shared, &l->lane);
}

static void sort_sink_close(ps_op *op, void *local)
{
    sort_local *l = local;

    (void)op;
    ps_eval_release(l->eval);
    ps_sort_lane_close(&l->lane);
    ps_arena_release(&l->arena);
}

static ps_status sort_sink(ps_ctx *cx, ps_op *op, void *local, const ps_batch *in, ps_flow *flow)
{
    const sort_config *config = op->config;
    sort_local *l = local;

    (void)flow;
    PS_TRY(ps_eval_run(cx, l->eval, in, l->vecs));
    for (uint32_t i = 0; i < config->n_payload; i++)
        l->vecs[config->spec.n_keys + i] = in->cols[config->payload[i]];
    return ps_sort_lane_add(cx, op->shared, &l->lane, l->vecs, in);
}

static ps_status sort_combine(ps_ctx *cx, ps_op *op, void *local)
{
    return ps_sort_lane_combine(cx, op->shared, &((sort_local *)local)->lane);
}

static ps_status sort_finish_plan(ps_ctx *cx, ps_op *op, uint64_t *n_tasks)
{
    return ps_sorter_plan(cx, &op->arena, op->shared, n_tasks);
}

static ps_status sort_finish_task(ps_ctx *cx, ps_op *op, uint64_t task)
{
    return ps_sorter_task(cx, op->shared, task);
}

static ps_status sort_seal(ps_ctx *cx, ps_op *op)
{
    return ps_sorter_seal(cx, &op->arena, op->shared);
}

static uint64_t sort_bytes(const ps_op *op, const void *local)
{
    return ps_sorter_bytes(op->shared, local ? &((const sort_local *)local)->lane : NULL);
}

static ps_status sort_shrink(ps_ctx *cx, ps_op *op, void *local, uint64_t wanted)
{
    (void)wanted;
    return ps_sorter_shrink(cx, op->shared, local ? &((sort_local *)local)->lane : NULL,
                            &op->arena);
}

static void sort_close(ps_op *op) { ps_sorter_release(op->shared); }

/* Rows of the result, after the cut. */
static uint64_t sort_result_rows(const sort_config *config, const ps_sorter *sorter)
{
    if (sorter->n_rows <= config->offset) return 0;
    return PS_MIN(sorter->n_rows - config->offset, config->count);
}

static ps_status sort_source_plan(ps_ctx *cx, ps_op *op, uint64_t *n_morsels)
{
    (void)cx;
    *n_morsels = (sort_result_rows(op->config, op->shared) + PS_SEGMENT_ROWS - 1) / PS_SEGMENT_ROWS;
    return PS_OK;
}

static ps_status sort_source_open(ps_ctx *cx, ps_op *op, void *local)
{
    return ps_sort_source_open(cx, local, op);
}

static void sort_source_close(ps_op *op, void *local)
{
    (void)op;
    ps_sort_source_close(local);
}

static ps_status sort_source_start(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel)
{
    const sort_config *config = op->config;
    const uint64_t n = sort_result_rows(config, op->shared), first = morsel * PS_SEGMENT_ROWS;

    (void)cx;
    ps_sort_source_start(local, config->offset + first, PS_MIN(n - first, PS_SEGMENT_ROWS));
    return PS_OK;
}

static ps_status sort_source_next(ps_ctx *cx, ps_op *op, void *local, ps_batch *out, bool *done)
{
    const sort_config *config = op->config;

    return ps_sort_source_next(cx, op->shared, local, config->outs, out, done);
}

static const ps_op_class sort_class = {
    .name = "sort",
    .source_floor_bytes = 3 << 19,
    .sink_floor_bytes = 5 << 19,
    .shared_size = sizeof(ps_sorter),
    .sink_size = sizeof(sort_local),
    .source_size = sizeof(ps_sort_source),
    .open = sort_open,
    .sink_open = sort_sink_open,
    .sink = sort_sink,
    .combine = sort_combine,
    .finish_plan = sort_finish_plan,
    .finish_task = sort_finish_task,
    .seal = sort_seal,
    .sink_close = sort_sink_close,
    .source_plan = sort_source_plan,
    .source_open = sort_source_open,
    .source_start = sort_source_start,
    .source_next = sort_source_next,
    .source_close = sort_source_close,
    .bytes = sort_bytes,
    .shrink = sort_shrink,
    .close = sort_close,
};

/* The row layout: keys, then the output columns that are no key themselves. */
static ps_status sort_layout(ps_phys *p, const ps_sort_key *keys, uint32_t n_keys,
                             const ps_stream *in, const ps_col *cols, uint32_t n_cols,
                             sort_config *config)
{
    ps_type *types = PS_ARENA_ARRAY(p->cx, p->arena, ps_type, n_keys + n_cols + 1);
    uint32_t *payload = PS_ARENA_ARRAY(p->cx, p->arena, uint32_t, n_cols + 1);
    uint32_t *outs = PS_ARENA_ARRAY(p->cx, p->arena, uint32_t, n_cols + 1);

    if (!types || !payload || !outs) return PS_MEMORY;
    for (uint32_t k = 0; k < n_keys; k++) types[k] = keys[k].expr->type;
    for (uint32_t c = 0; c < n_cols; c++) {
        outs[c] = UINT32_MAX;
        for (uint32_t k = 0; k < n_keys && outs[c] == UINT32_MAX; k++) {
            if (keys[k].expr->kind == PS_EXPR_COLUMN && keys[k].expr->column == cols[c].id)
                outs[c] = k;
        }
        if (outs[c] != UINT32_MAX) continue;
        outs[c] = n_keys + config->n_payload;
        types[outs[c]] = cols[c].type;
        payload[config->n_payload++] = ps_cols_find(in->cols, in->n_cols, cols[c].id);
    }
    config->payload = payload;
    config->outs = outs;
    return ps_sort_spec_init(p->cx, p->arena, &config->spec, keys, n_keys, types,
                             n_keys + config->n_payload);
}

static ps_status sort_plan(ps_phys *p, const ps_node *node, const ps_sort_key *keys,
                           uint32_t n_keys, uint64_t offset, uint64_t count,
                           const ps_col_set *needed, ps_stream *out)
{
    sort_config *config = PS_ARENA_NEW(p->cx, p->arena, sort_config);
    const ps_expr **exprs = PS_ARENA_ARRAY(p->cx, p->arena, const ps_expr *, n_keys + 1);
    const ps_col *cols;
    const ps_col_id *inputs;
    ps_col_set below;
    ps_stream in;
    uint32_t n;

    if (!config || !exprs) return PS_MEMORY;
    config->offset = offset;
    config->count = count;
    PS_TRY(ps_col_set_copy(p->cx, p->arena, needed, &below));
    for (uint32_t k = 0; k < n_keys; k++) {
        exprs[k] = keys[k].expr;
        ps_col_set_add_expr(&below, keys[k].expr);
    }
    PS_TRY(ps_phys_build(p, node->inputs[0], &below, &in));
    PS_TRY(ps_phys_keep(p, in.cols, in.n_cols, needed, &cols, &n));
    PS_TRY(ps_phys_inputs(p, &in, &inputs));
    PS_TRY(ps_program_new(p->cx, p->arena, exprs, n_keys, inputs, in.n_cols, &config->keys));
    PS_TRY(sort_layout(p, keys, n_keys, &in, cols, n, config));
    ps_op *op = ps_phys_op(p, &sort_class, node, config, cols, n);
    if (!op) return PS_MEMORY;
    PS_TRY(ps_phys_close(p, &in, op));
    return ps_phys_source(p, op, true, out);
}

ps_status ps_phys_sort(ps_phys *p, const ps_node *node, const ps_col_set *needed, ps_stream *out)
{
    const ps_node_sort *sort = ps_node_as_sort(node);

    return sort_plan(p, node, sort->keys.at, sort->keys.n, 0, UINT64_MAX, needed, out);
}

ps_status ps_phys_topn(ps_phys *p, const ps_node *node, const ps_col_set *needed, ps_stream *out)
{
    const ps_node_topn *topn = ps_node_as_topn(node);

    return sort_plan(p, node, topn->keys.at, topn->keys.n, (uint64_t)topn->offset,
                     (uint64_t)topn->count, needed, out);
}
