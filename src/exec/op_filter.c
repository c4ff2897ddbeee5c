/* exec/op_filter.c -- keeps the rows for which a predicate is true.
 *
 * Narrows the selection; the columns pass as they are. Tests: tests/slt/op/filter.test */
#include "exec/phys.h"

typedef struct filter_config {
    const ps_program *program;
    uint32_t n_cols;
} filter_config;

typedef struct filter_local {
    ps_arena arena;
    ps_eval *eval;
    uint32_t *sel;
} filter_local;

static ps_status filter_open(ps_ctx *cx, ps_op *op, void *local)
{
    const filter_config *config = op->config;
    filter_local *l = local;

    l->sel = PS_ARENA_ARRAY(cx, &l->arena, uint32_t, PS_BATCH_ROWS_MAX);
    return l->sel ? ps_eval_new(cx, &l->arena, config->program, &l->eval) : PS_MEMORY;
}

static void filter_close(ps_op *op, void *local)
{
    filter_local *l = local;

    (void)op;
    ps_eval_release(l->eval);
    ps_arena_release(&l->arena);
}

static ps_status filter_push(ps_ctx *cx, ps_op *op, void *local, const ps_batch *in, ps_batch *out,
                             ps_flow *flow)
{
    filter_local *l = local;

    (void)op, (void)flow;
    ps_batch_copy_header(in, out);
    PS_TRY(ps_eval_filter(cx, l->eval, in, l->sel, &out->n_live));
    out->sel = out->n_live == out->n ? NULL : l->sel;
    return PS_OK;
}

static const ps_op_class filter_class = {
    .name = "filter",
    .local_size = sizeof(filter_local),
    .local_open = filter_open,
    .push = filter_push,
    .local_close = filter_close,
};

ps_status ps_phys_filter(ps_phys *p, const ps_node *node, const ps_col_set *needed, ps_stream *out)
{
    const ps_node_filter *filter = ps_node_as_filter(node);
    filter_config *config = PS_ARENA_NEW(p->cx, p->arena, filter_config);
    ps_col_set below;
    const ps_col_id *inputs;

    if (!config) return PS_MEMORY;
    PS_TRY(ps_col_set_copy(p->cx, p->arena, needed, &below));
    ps_col_set_add_expr(&below, filter->predicate);
    PS_TRY(ps_phys_build_free(p, node->inputs[0], &below,
                              p->order_free && !ps_expr_is_volatile(filter->predicate), out));
    PS_TRY(ps_phys_inputs(p, out, &inputs));
    PS_TRY(ps_program_new(p->cx, p->arena, &filter->predicate, 1, inputs, out->n_cols,
                          &config->program));
    ps_op *op = ps_phys_op(p, &filter_class, node, config, out->cols, out->n_cols);
    if (!op) return PS_MEMORY;
    op->row_wise = true;
    op->lane_bytes = ps_program_bytes(config->program, p->settings->batch_rows);
    return ps_phys_transform(p, out, op);
}
