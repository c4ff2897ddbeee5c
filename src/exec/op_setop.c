/* exec/op_setop.c -- UNION ALL: the inputs' pipelines go on side by side, in order; nothing is
 * kept.
 *
 * Each input's batches are put into the output's column order by a transform that copies headers
 * only. INTERSECT and EXCEPT are joins and aggregates by the time they get here (opt). Tests:
 * tests/slt/op/union.test */
#include "exec/phys.h"

typedef struct order_config {
    const uint32_t *order;
} order_config;

static ps_status order_push(ps_ctx *cx, ps_op *op, void *local, const ps_batch *in, ps_batch *out,
                            ps_flow *flow)
{
    const order_config *config = op->config;

    (void)cx, (void)local, (void)flow;
    out->n = in->n;
    out->n_live = in->n_live;
    out->sel = in->sel;
    out->n_cols = op->n_cols;
    for (uint32_t i = 0; i < op->n_cols; i++) out->cols[i] = in->cols[config->order[i]];
    return PS_OK;
}

static const ps_op_class order_class = {.name = "order columns", .push = order_push};

static ps_status order_stream(ps_phys *p, const ps_node *input, const ps_node *node,
                              const ps_col *cols, uint32_t n, ps_stream *stream)
{
    order_config *config = PS_ARENA_NEW(p->cx, p->arena, order_config);
    uint32_t *order = PS_ARENA_ARRAY(p->cx, p->arena, uint32_t, n + 1);

    if (!config || !order) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t column = ps_cols_find(node->cols, node->n_cols, cols[i].id);

        order[i] = ps_cols_find(stream->cols, stream->n_cols, input->cols[column].id);
        if (order[i] == UINT32_MAX) return PS_BUG(p->cx, "an input of UNION lacks a column");
    }
    config->order = order;
    ps_op *op = ps_phys_op(p, &order_class, NULL, config, cols, n);
    if (!op) return PS_MEMORY;
    op->row_wise = true;
    return ps_phys_transform(p, stream, op);
}

ps_status ps_phys_setop(ps_phys *p, const ps_node *node, const ps_col_set *needed, ps_stream *out)
{
    const ps_node_setop *setop = ps_node_as_setop(node);
    const ps_col *cols;
    uint32_t n;

    if (setop->op != PS_SETOP_UNION_ALL) {
        return ps_fail(
            p->cx, PS_UNSUPPORTED,
            "INTERSECT and EXCEPT can't run without the optimizer's rule intersect_except");
    }
    PS_TRY(ps_phys_keep(p, node->cols, node->n_cols, needed, &cols, &n));
    *out = (ps_stream){.cols = cols, .n_cols = n};
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const ps_node *input = node->inputs[i];
        ps_col_set below;
        ps_stream stream;

        PS_TRY(ps_col_set_copy(p->cx, p->arena, needed, &below));
        ps_col_set_clear(&below);
        for (uint32_t c = 0; c < n; c++) {
            ps_col_set_add(&below,
                           input->cols[ps_cols_find(node->cols, node->n_cols, cols[c].id)].id);
        }
        PS_TRY(ps_phys_build_free(p, input, &below, p->order_free, &stream));
        PS_TRY(order_stream(p, input, node, cols, n, &stream));
        for (size_t k = 0; k < stream.pipes.n; k++) {
            PS_TRY(PS_ARRAY_ADD_IN(p->cx, p->arena, &out->pipes, stream.pipes.at[k]));
        }
    }
    return PS_OK;
}
