/* exec/op_project.c -- computes expressions; plain columns pass without a copy.
 *
 * Tests: tests/slt/op/project.test */
#include "exec/phys.h"

typedef struct project_config {
    const ps_program *program;
} project_config;

typedef struct project_local {
    ps_arena arena;
    ps_eval *eval;
} project_local;

static ps_status project_open(ps_ctx *cx, ps_op *op, void *local)
{
    const project_config *config = op->config;
    project_local *l = local;

    return ps_eval_new(cx, &l->arena, config->program, &l->eval);
}

static void project_close(ps_op *op, void *local)
{
    project_local *l = local;

    (void)op;
    ps_eval_release(l->eval);
    ps_arena_release(&l->arena);
}

static ps_status project_push(ps_ctx *cx, ps_op *op, void *local, const ps_batch *in, ps_batch *out,
                              ps_flow *flow)
{
    project_local *l = local;

    (void)flow;
    out->n = in->n;
    out->n_live = in->n_live;
    out->sel = in->sel;
    out->n_cols = op->n_cols;
    return ps_eval_run(cx, l->eval, in, out->cols);
}

static const ps_op_class project_class = {
    .name = "project",
    .local_size = sizeof(project_local),
    .local_open = project_open,
    .push = project_push,
    .local_close = project_close,
};

/* The items that are needed above, as expressions and output columns. */
static ps_status project_keep(ps_phys *p, const ps_node_project *project, const ps_col_set *needed,
                              const ps_expr ***exprs, ps_col **cols, uint32_t *n)
{
    *exprs = PS_ARENA_ARRAY(p->cx, p->arena, const ps_expr *, project->items.n + 1);
    *cols = PS_ARENA_ARRAY(p->cx, p->arena, ps_col, project->items.n + 1);
    *n = 0;
    if (!*exprs || !*cols) return PS_MEMORY;
    for (uint32_t i = 0; i < project->items.n; i++) {
        const ps_item *item = &project->items.at[i];

        if (!ps_col_set_has(needed, item->col.id)) continue;
        (*exprs)[*n] = item->expr;
        (*cols)[(*n)++] = item->col;
    }
    return PS_OK;
}

ps_status ps_phys_project(ps_phys *p, const ps_node *node, const ps_col_set *needed, ps_stream *out)
{
    project_config *config = PS_ARENA_NEW(p->cx, p->arena, project_config);
    const ps_expr **exprs;
    ps_col *cols;
    ps_col_set below;
    const ps_col_id *inputs;
    uint32_t n;

    if (!config) return PS_MEMORY;
    PS_TRY(project_keep(p, ps_node_as_project(node), needed, &exprs, &cols, &n));
    PS_TRY(ps_col_set_copy(p->cx, p->arena, needed, &below));
    ps_col_set_clear(&below);
    for (uint32_t i = 0; i < n; i++) ps_col_set_add_expr(&below, exprs[i]);
    bool order_free = p->order_free; /* random numbers go by position */
    for (uint32_t i = 0; i < n; i++) order_free &= !ps_expr_is_volatile(exprs[i]);
    PS_TRY(ps_phys_build_free(p, node->inputs[0], &below, order_free, out));
    PS_TRY(ps_phys_inputs(p, out, &inputs));
    PS_TRY(ps_program_new(p->cx, p->arena, exprs, n, inputs, out->n_cols, &config->program));
    ps_op *op = ps_phys_op(p, &project_class, node, config, cols, n);
    if (!op) return PS_MEMORY;
    op->row_wise = true;
    op->lane_bytes = ps_program_bytes(config->program, p->settings->batch_rows);
    return ps_phys_transform(p, out, op);
}
