/* exec/phys.c -- building streams; see phys.h.
 *
 * Recursion follows the plan's depth, which PS_PLAN_DEPTH_MAX bounds. */
#include "exec/phys.h"

#include <string.h>

static ps_phys_fn *const PLANNERS[PS_NODE_COUNT] = {
#define O(KIND, function) [PS_NODE_##KIND] = function,
#include "exec/ops.def"
#undef O
};

static const char *const NODE_NAMES[PS_NODE_COUNT] = {
#define N(KIND, name, inputs) [PS_NODE_##KIND] = #name,
    PS_NODES(N)
#undef N
};

ps_status ps_phys_build(ps_phys *p, const ps_node *node, const ps_col_set *needed, ps_stream *out)
{
    return ps_phys_build_free(p, node, needed, false, out);
}

ps_status ps_phys_build_free(ps_phys *p, const ps_node *node, const ps_col_set *needed,
                             bool order_free, ps_stream *out)
{
    const bool outer = p->order_free;

    *out = (ps_stream){0};
    if (!PLANNERS[node->kind]) {
        return ps_fail(p->cx, PS_UNSUPPORTED, "the native engine can't run this yet: %s",
                       NODE_NAMES[node->kind]);
    }
    if (p->depth >= PS_PLAN_DEPTH_MAX)
        return ps_fail(p->cx, PS_UNSUPPORTED, "the plan is nested too deep: %d", PS_PLAN_DEPTH_MAX);
    p->depth++;
    p->order_free = order_free;
    PS_TRY(PLANNERS[node->kind](p, node, needed, out));
    p->order_free = outer;
    p->depth--;
    return PS_OK;
}

ps_op *ps_phys_op(ps_phys *p, const ps_op_class *class, const ps_node *node, void *config,
                  const ps_col *cols, uint32_t n_cols)
{
    ps_op *op = PS_ARENA_NEW(p->cx, p->arena, ps_op);

    if (!op) return NULL;
    op->class = class;
    op->node = node;
    op->config = config;
    op->settings = p->settings;
    op->rows_scanned = p->rows_scanned;
    op->cols = cols;
    op->n_cols = n_cols;
    op->number = (uint32_t)p->ops.n;
    op->mem = ps_mem_new(p->cx, p->mem, class->name, 0);
    if (!op->mem) return NULL;
    op->shared = ps_arena_alloc(p->cx, p->arena, class->shared_size ? class->shared_size : 1);
    if (!op->shared || PS_ARRAY_ADD_IN(p->cx, p->arena, &p->ops, op) != PS_OK) {
        ps_mem_close(op->mem); /* the query closes those that are listed */
        return NULL;
    }
    return op;
}

ps_status ps_phys_transform(ps_phys *p, ps_stream *stream, ps_op *op)
{
    for (size_t i = 0; i < stream->pipes.n; i++) {
        PS_TRY(PS_ARRAY_ADD_IN(p->cx, p->arena, &stream->pipes.at[i]->ops, op));
    }
    stream->cols = op->cols;
    stream->n_cols = op->n_cols;
    return PS_OK;
}

ps_status ps_phys_close(ps_phys *p, ps_stream *stream, ps_op *sink)
{
    for (size_t i = 0; i < stream->pipes.n; i++) {
        ps_pipeline *pipe = stream->pipes.at[i];

        pipe->sink = sink;
        pipe->feeder = sink->n_feeders++;
        pipe->number = (uint32_t)p->pipelines.n;
        PS_TRY(PS_ARRAY_ADD_IN(p->cx, p->arena, &p->pipelines, pipe));
    }
    return PS_OK;
}

ps_status ps_phys_source(ps_phys *p, ps_op *op, bool after_seal, ps_stream *out)
{
    ps_pipeline *pipe = PS_ARENA_NEW(p->cx, p->arena, ps_pipeline);

    *out = (ps_stream){.cols = op->cols, .n_cols = op->n_cols};
    if (!pipe) return PS_MEMORY;
    pipe->source = op;
    if (after_seal)
        PS_TRY(PS_ARRAY_ADD_IN(p->cx, p->arena, &pipe->after_sealed, (const ps_op *)op));
    return PS_ARRAY_ADD_IN(p->cx, p->arena, &out->pipes, pipe);
}

ps_status ps_phys_after_sealed(ps_phys *p, ps_stream *stream, const ps_op *sink)
{
    for (size_t i = 0; i < stream->pipes.n; i++) {
        PS_TRY(PS_ARRAY_ADD_IN(p->cx, p->arena, &stream->pipes.at[i]->after_sealed, sink));
    }
    return PS_OK;
}

ps_status ps_phys_keep(ps_phys *p, const ps_col *cols, uint32_t n, const ps_col_set *needed,
                       const ps_col **out, uint32_t *n_out)
{
    ps_col *kept = PS_ARENA_ARRAY(p->cx, p->arena, ps_col, n + 1);

    *n_out = 0;
    *out = kept;
    if (!kept) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        if (ps_col_set_has(needed, cols[i].id)) kept[(*n_out)++] = cols[i];
    }
    return PS_OK;
}

ps_status ps_phys_inputs(ps_phys *p, const ps_stream *stream, const ps_col_id **out)
{
    ps_col_id *ids = PS_ARENA_ARRAY(p->cx, p->arena, ps_col_id, stream->n_cols + 1);

    *out = ids;
    if (!ids) return PS_MEMORY;
    for (uint32_t i = 0; i < stream->n_cols; i++) ids[i] = stream->cols[i].id;
    return PS_OK;
}

uint64_t ps_phys_batch_bytes(const ps_phys *p, const ps_col *cols, uint32_t n)
{
    uint64_t bytes = 0;

    for (uint32_t c = 0; c < n; c++) bytes += ps_layout_bytes(ps_type_layout(cols[c].type));
    return bytes * p->settings->batch_rows;
}

uint32_t ps_cols_find(const ps_col *cols, uint32_t n, ps_col_id id)
{
    for (uint32_t i = 0; i < n; i++) {
        if (cols[i].id == id) return i;
    }
    return UINT32_MAX;
}

ps_status ps_col_set_copy(ps_ctx *cx, ps_arena *arena, const ps_col_set *src, ps_col_set *out)
{
    out->n_words = src->n_words;
    out->bits = PS_ARENA_ARRAY(cx, arena, uint64_t, src->n_words + 1);
    if (!out->bits) return PS_MEMORY;
    memcpy(out->bits, src->bits, src->n_words * sizeof(uint64_t));
    return PS_OK;
}

void ps_col_set_add(ps_col_set *s, ps_col_id id)
{
    PS_ASSERT(id / 64 < s->n_words);
    s->bits[id / 64] |= (uint64_t)1 << (id % 64);
}

static bool add_column(const ps_expr *expr, void *user)
{
    if (expr->kind == PS_EXPR_COLUMN) ps_col_set_add(user, expr->column);
    return true;
}

void ps_col_set_add_expr(ps_col_set *s, const ps_expr *expr)
{
    if (expr) ps_expr_visit(expr, add_column, s);
}

void ps_col_set_clear(ps_col_set *s) { memset(s->bits, 0, s->n_words * sizeof(uint64_t)); }

const ps_expr *ps_phys_with_literals(ps_phys *p, const ps_expr *expr)
{
    ps_ctx *cx = p->cx;
    const uint32_t n = ps_expr_n_children(expr);
    const ps_expr **children = PS_ARENA_ARRAY(cx, p->arena, const ps_expr *, n + 1);

    if (!children) return NULL;
    for (uint32_t i = 0; i < n; i++) {
        children[i] = ps_expr_child(expr, i);
        if (i == 0 || i >= expr->n_args || ps_expr_is_literal(children[i]) ||
            children[i]->flags & PS_EXPR_HAS_COLUMN)
            continue;
        ps_value value;
        if (ps_eval_constant(cx, p->arena, children[i], &value) != PS_OK) return NULL;
        children[i] = ps_expr_literal(cx, p->arena, &value);
        if (!children[i]) return NULL;
    }
    return ps_expr_with_children(cx, p->arena, expr, children);
}
