/* exec/op_values.c -- constant rows: VALUES, SELECT without FROM.
 *
 * One morsel; the rows are turned into vectors when the query opens. Tests:
 * tests/slt/op/values.test */
#include "exec/phys.h"

typedef struct values_config {
    uint32_t n_rows;
    const uint32_t *cells; /* of the node's cells, by output column */
} values_config;

typedef struct values_shared {
    ps_vec *cols;
} values_shared;

typedef struct values_local {
    uint32_t at;
    ps_arena arena;
    ps_vec_buf *bufs;
    uint32_t *rows;
} values_local;

static ps_status values_column(ps_ctx *cx, ps_op *op, uint32_t c)
{
    const values_config *config = op->config;
    const ps_node_values *node = ps_node_as_values(op->node);
    values_shared *shared = op->shared;
    ps_value *values = PS_ARENA_ARRAY(cx, &op->arena, ps_value, config->n_rows + 1);

    if (!values) return PS_MEMORY;
    for (uint32_t r = 0; r < config->n_rows; r++) {
        PS_TRY(ps_poll(cx));
        PS_TRY(ps_eval_constant(
            cx, &op->arena, node->cells.at[r * node->columns.n + config->cells[c]], &values[r]));
    }
    return ps_vec_of_values(cx, &op->arena, op->cols[c].type, values, config->n_rows,
                            &shared->cols[c]);
}

static ps_status values_source_plan(ps_ctx *cx, ps_op *op, uint64_t *n_morsels)
{
    const values_config *config = op->config;
    values_shared *shared = op->shared;

    shared->cols = PS_ARENA_ARRAY(cx, &op->arena, ps_vec, op->n_cols + 1);
    if (!shared->cols) return PS_MEMORY;
    for (uint32_t c = 0; c < op->n_cols; c++) PS_TRY(values_column(cx, op, c));
    *n_morsels = config->n_rows > 0;
    return PS_OK;
}

static ps_status values_source_open(ps_ctx *cx, ps_op *op, void *local)
{
    const values_config *config = op->config;
    const uint32_t n_max = PS_MIN(op->settings->batch_rows, config->n_rows);
    values_local *l = local;

    l->rows = PS_ARENA_ARRAY(cx, &l->arena, uint32_t, n_max);
    l->bufs = PS_ARENA_ARRAY(cx, &l->arena, ps_vec_buf, op->n_cols + 1);
    if (!l->rows || !l->bufs) return PS_MEMORY;
    for (uint32_t c = 0; c < op->n_cols; c++)
        PS_TRY(ps_vec_buf_init_layout(cx, &l->bufs[c], n_max, ps_type_layout(op->cols[c].type)));
    return PS_OK;
}

static ps_status values_source_start(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel)
{
    (void)cx, (void)op, (void)morsel;
    ((values_local *)local)->at = 0;
    return PS_OK;
}

static ps_status values_source_next(ps_ctx *cx, ps_op *op, void *local, ps_batch *out, bool *done)
{
    const values_config *config = op->config;
    const values_shared *shared = op->shared;
    values_local *l = local;
    const uint32_t n = PS_MIN(cx->batch_rows, config->n_rows - l->at);

    for (uint32_t k = 0; k < n; k++) l->rows[k] = l->at + k;
    for (uint32_t c = 0; c < op->n_cols; c++) {
        PS_TRY(ps_vec_gather(cx, &shared->cols[c], l->rows, n, &l->bufs[c], &out->cols[c]));
    }
    out->n = out->n_live = n;
    out->n_cols = op->n_cols;
    out->first_row = l->at;
    l->at += n;
    *done = l->at == config->n_rows;
    return PS_OK;
}

static void values_source_close(ps_op *op, void *local)
{
    values_local *l = local;

    for (uint32_t c = 0; l->bufs && c < op->n_cols; c++) ps_vec_buf_release(&l->bufs[c]);
    ps_arena_release(&l->arena);
}

static const ps_op_class values_class = {
    .name = "values",
    .shared_size = sizeof(values_shared),
    .source_size = sizeof(values_local),
    .source_plan = values_source_plan,
    .source_open = values_source_open,
    .source_start = values_source_start,
    .source_next = values_source_next,
    .source_close = values_source_close,
};

ps_status ps_phys_values(ps_phys *p, const ps_node *node, const ps_col_set *needed, ps_stream *out)
{
    const ps_node_values *values = ps_node_as_values(node);
    values_config *config = PS_ARENA_NEW(p->cx, p->arena, values_config);
    uint32_t *cells = PS_ARENA_ARRAY(p->cx, p->arena, uint32_t, node->n_cols + 1);
    const ps_col *cols;
    uint32_t n;

    if (!config || !cells) return PS_MEMORY;
    PS_TRY(ps_phys_keep(p, node->cols, node->n_cols, needed, &cols, &n));
    for (uint32_t c = 0; c < n; c++) cells[c] = ps_cols_find(node->cols, node->n_cols, cols[c].id);
    /* without columns the cells can't tell the number of rows: one row */
    config->n_rows = values->columns.n ? values->cells.n / values->columns.n : 1;
    config->cells = cells;
    ps_op *op = ps_phys_op(p, &values_class, node, config, cols, n);
    return op ? ps_phys_source(p, op, false, out) : PS_MEMORY;
}
