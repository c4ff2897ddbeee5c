/* exec/window_plan.c -- from a Window node to operators: one for each PARTITION BY and ORDER BY
 * among its calls.
 *
 * The rows kept are: partition and order keys, what calls read (arguments, filters, distances, and
 * for RANGE the order key at the frame's distance), and the columns that are needed above. Only
 * calls that are needed are computed. Integer keys of RANGE are widened to 128 bits first: their
 * bounds can't overflow. */
#include "exec/window.h"

typedef struct plan {
    ps_phys *p;
    const ps_node *node;
    window_config *config;
    const ps_expr **results;
    const ps_expr *like; /* a call of this PARTITION BY and ORDER BY */
} plan;

/* The layout column that will hold an expression. */
static uint32_t result_of(plan *b, const ps_expr *expr)
{
    window_config *config = b->config;

    for (uint32_t r = 0; r < config->n_results; r++)
        if (ps_expr_equal(b->results[r], expr) && !ps_expr_is_volatile(expr)) return r;
    b->results[config->n_results] = expr;
    return config->n_results++;
}

/* ---- frames ---- */

static ps_status range_of(plan *b, const window_call *call, const ps_expr *offset, bool add,
                          window_bound *bound)
{
    ps_ctx *cx = b->p->cx;
    ps_arena *arena = b->p->arena;
    const ps_expr *key = call->expr->order[0].expr;

    if (ps_type_class_of(key->type) == PS_CLASS_INTEGER) {
        key = ps_expr_cast(cx, arena, key, PS_TYPE(INT128), PS_CAST_ERROR);
        if (key) offset = ps_expr_cast(cx, arena, offset, PS_TYPE(INT128), PS_CAST_ERROR);
        if (!key || !offset) return cx->error.code;
    }
    const ps_expr *const args[2] = {key, offset};
    const ps_expr *value = ps_func_call(cx, arena, add ? PS_STR("+") : PS_STR("-"), args, 2);
    if (!value) return cx->error.code;
    key = ps_expr_cast(cx, arena, key, value->type, PS_CAST_ERROR);
    if (!key) return cx->error.code;
    bound->key = (int32_t)result_of(b, key);
    bound->value = (int32_t)result_of(b, value);
    return PS_OK;
}

static ps_status bound_of(plan *b, const window_call *call, ps_bound_kind kind,
                          const ps_expr *offset, window_bound *bound)
{
    *bound = (window_bound){WINDOW_NONE, WINDOW_NONE, WINDOW_NONE};
    if (kind != PS_BOUND_PRECEDING && kind != PS_BOUND_FOLLOWING) return PS_OK;
    if (call->frame->unit == PS_FRAME_RANGE) {
        if (call->expr->n_order != 1)
            return ps_fail(b->p->cx, PS_BIND, "RANGE with a distance needs one ORDER BY key");
        return range_of(b, call, offset, (kind == PS_BOUND_FOLLOWING) != call->descending, bound);
    }
    offset = ps_expr_cast(b->p->cx, b->p->arena, offset, PS_TYPE(INT64), PS_CAST_ERROR);
    if (!offset) return b->p->cx->error.code;
    bound->offset = (int32_t)result_of(b, offset);
    return PS_OK;
}

/* ---- calls ---- */

/* Whether a frame's end can't go back from one row of a partition to the next. */
static bool grows(const ps_frame *f)
{
    if (f->start != PS_BOUND_UNBOUNDED_PRECEDING || f->exclude != PS_EXCLUDE_NO_OTHERS)
        return false;
    return !f->end_offset || !(f->end_offset->flags & (PS_EXPR_HAS_COLUMN | PS_EXPR_VOLATILE));
}

static ps_status aggregate_of(plan *b, window_call *call)
{
    ps_ctx *cx = b->p->cx;
    const ps_func *func = call->expr->func;
    const ps_agg_part *part = call->expr->agg;

    PS_TRY(ps_agg_bind(cx, call->expr, &call->agg));
    if (call->agg.class->collect) {
        call->expr = ps_phys_with_literals(b->p, call->expr);
        if (!call->expr) return cx->error.code;
        PS_TRY(ps_agg_bind(cx, call->expr, &call->agg));
    }
    const bool ordered = part->n_order && (func->order_sensitive || call->agg.class->collect);
    if (ordered && part->n_order > WINDOW_ORDER_MAX)
        return ps_fail(cx, PS_UNSUPPORTED,
                       "more than %d ORDER BY keys in an aggregate over a window: %s",
                       WINDOW_ORDER_MAX, func->name);
    for (uint32_t i = 0; ordered && i < part->n_order; i++)
        call->order[call->n_order++] = result_of(b, part->order[i].expr);
    if (part->ignore_nulls)
        return ps_fail(cx, PS_UNSUPPORTED, "IGNORE NULLS can't be computed for an aggregate: %s",
                       func->name);
    call->distinct = part->distinct && call->expr->n_args > 0;
    call->skip_nulls = call->agg.class->collect && func->nulls != PS_NULLS_ACCEPT;
    call->leaf_rows = func->order_sensitive ? 1 : WINDOW_FANOUT;
    if (call->agg.class->collect) call->how = WINDOW_COLLECT;
    else if (ordered) call->how = WINDOW_DIRECT;
    else if (grows(call->frame)) call->how = WINDOW_RUNNING;
    else call->how = call->distinct ? WINDOW_DIRECT : WINDOW_TREE;
    return PS_OK;
}

static ps_status call_of(plan *b, const ps_item *item, window_call *call)
{
    ps_ctx *cx = b->p->cx;
    const ps_expr *expr = item->expr;
    const ps_agg_part *part = expr->agg;

    *call = (window_call){.expr = expr,
                          .type = expr->type,
                          .frame = expr->frame,
                          .filter = WINDOW_NONE,
                          .descending = expr->n_order && expr->order[0].descending};
    if (expr->n_args > WINDOW_ARGS_MAX)
        return ps_fail(cx, PS_UNSUPPORTED, "a window function takes at most %d arguments: %s",
                       WINDOW_ARGS_MAX, expr->func->name);
    if (expr->func->window_id == PS_WINDOW_NONE) PS_TRY(aggregate_of(b, call));
    else if (part->filter || part->distinct || part->n_order)
        return ps_fail(cx, PS_UNSUPPORTED,
                       "FILTER, DISTINCT and ORDER BY are for aggregates over a window: %s",
                       expr->func->name);
    for (uint32_t a = 0; a < expr->n_args; a++) {
        if (a > 0 && call->how == WINDOW_COLLECT && ps_expr_is_literal(call->expr->args[a])) break;
        call->args[call->n_args++] = result_of(b, call->expr->args[a]);
    }
    if (part->filter) call->filter = (int32_t)result_of(b, part->filter);
    PS_TRY(bound_of(b, call, expr->frame->start, expr->frame->start_offset, &call->start));
    return bound_of(b, call, expr->frame->end, expr->frame->end_offset, &call->end);
}

/* ---- one operator ---- */

static ps_status keys_of(plan *b)
{
    const ps_expr *like = b->like;
    ps_sort_key *keys =
        PS_ARENA_ARRAY(b->p->cx, b->p->arena, ps_sort_key, like->n_partition + like->n_order + 1);

    if (!keys) return PS_MEMORY;
    for (uint32_t i = 0; i < like->n_partition; i++)
        keys[i] = (ps_sort_key){.expr = like->partition[i]};
    for (uint32_t i = 0; i < like->n_order; i++) keys[like->n_partition + i] = like->order[i];
    b->config->n_partition = like->n_partition;
    b->config->spec.keys = keys;
    b->config->spec.n_keys = b->config->n_results = like->n_partition + like->n_order;
    for (uint32_t i = 0; i < b->config->n_results; i++) b->results[i] = keys[i].expr;
    return PS_OK;
}

/* The input's columns that are needed: a result where one is just that column, else kept beside the
 * results. */
static ps_status payload_of(plan *b, const ps_stream *in, const ps_col_set *needed, ps_col *cols,
                            uint32_t *n_cols)
{
    window_config *config = b->config;
    uint32_t *payload = PS_ARENA_ARRAY(b->p->cx, b->p->arena, uint32_t, in->n_cols + 1);

    if (!payload) return PS_MEMORY;
    config->payload = payload;
    for (uint32_t c = 0; c < in->n_cols; c++) {
        uint32_t r = 0;
        if (!ps_col_set_has(needed, in->cols[c].id)) continue;
        while (r < config->n_results &&
               !(b->results[r]->kind == PS_EXPR_COLUMN && b->results[r]->column == in->cols[c].id))
            r++;
        if (r == config->n_results) {
            r += config->n_payload;
            payload[config->n_payload++] = c;
        }
        config->outputs[*n_cols] = (window_output){false, r};
        cols[(*n_cols)++] = in->cols[c];
    }
    return PS_OK;
}

static ps_status layout_of(plan *b, const ps_stream *in)
{
    window_config *config = b->config;
    const uint32_t n = config->n_results + config->n_payload;
    ps_type *types = PS_ARENA_ARRAY(b->p->cx, b->p->arena, ps_type, n + 1);

    if (!types) return PS_MEMORY;
    for (uint32_t r = 0; r < config->n_results; r++) types[r] = b->results[r]->type;
    for (uint32_t i = 0; i < config->n_payload; i++)
        types[config->n_results + i] = in->cols[config->payload[i]].type;
    return ps_sort_spec_init(b->p->cx, b->p->arena, &config->spec, config->spec.keys,
                             config->spec.n_keys, types, n);
}

/* Replaces the stream by one with the calls (by their places in the node) added. */
static ps_status window_stage(plan *b, const uint32_t *calls, uint32_t n_calls,
                              const ps_col_set *needed, ps_stream *stream)
{
    ps_phys *p = b->p;
    const ps_node_window *window = ps_node_as_window(b->node);
    window_config *config = b->config = PS_ARENA_NEW(p->cx, p->arena, window_config);
    ps_col *cols = PS_ARENA_ARRAY(p->cx, p->arena, ps_col, stream->n_cols + n_calls + 1);
    const uint32_t n_each =
        WINDOW_ARGS_MAX + WINDOW_ORDER_MAX + 5; /* a filter, two for each bound */
    const uint32_t n_keys = b->like->n_partition + b->like->n_order;
    const ps_col_id *inputs;
    uint32_t n_cols = 0;

    b->results = PS_ARENA_ARRAY(p->cx, p->arena, const ps_expr *, n_keys + n_calls * n_each + 1);
    if (!config || !cols || !b->results) return PS_MEMORY;
    config->calls = PS_ARENA_ARRAY(p->cx, p->arena, window_call, n_calls + 1);
    config->outputs = PS_ARENA_ARRAY(p->cx, p->arena, window_output, stream->n_cols + n_calls + 1);
    if (!config->calls || !config->outputs) return PS_MEMORY;
    PS_TRY(keys_of(b));
    for (uint32_t i = 0; i < n_calls; i++)
        PS_TRY(call_of(b, &window->calls.at[calls[i]], &config->calls[config->n_calls++]));
    ps_window_stream_plan(config);
    for (uint32_t i = 0; i < n_calls; i++)
        if (config->calls[i].fresh || config->calls[i].by_value)
            PS_TRY(ps_window_sorted_plan(p->cx, p->arena, &config->calls[i]));
    PS_TRY(payload_of(b, stream, needed, cols, &n_cols));
    for (uint32_t i = 0; i < n_calls; i++) {
        config->outputs[n_cols] = (window_output){true, i};
        cols[n_cols++] = window->calls.at[calls[i]].col;
    }
    PS_TRY(layout_of(b, stream));
    PS_TRY(ps_phys_inputs(p, stream, &inputs));
    PS_TRY(ps_program_new(p->cx, p->arena, b->results, config->n_results, inputs, stream->n_cols,
                          &config->program));
    ps_op *op = ps_phys_op(p, &ps_op_window_class, b->node, config, cols, n_cols);
    if (!op) return PS_MEMORY;
    PS_TRY(ps_phys_close(p, stream, op));
    return ps_phys_source(p, op, true, stream);
}

ps_status ps_phys_window(ps_phys *p, const ps_node *node, const ps_col_set *needed, ps_stream *out)
{
    const ps_node_window *window = ps_node_as_window(node);
    bool *done = PS_ARENA_ARRAY(p->cx, p->arena, bool, window->calls.n + 1);
    uint32_t *calls = PS_ARENA_ARRAY(p->cx, p->arena, uint32_t, window->calls.n + 1);
    ps_col_set below;

    if (!done || !calls) return PS_MEMORY;
    PS_TRY(ps_col_set_copy(p->cx, p->arena, needed, &below));
    for (uint32_t i = 0; i < window->calls.n; i++) {
        done[i] = !ps_col_set_has(needed, window->calls.at[i].col.id);
        if (!done[i]) ps_col_set_add_expr(&below, window->calls.at[i].expr);
    }
    PS_TRY(ps_phys_build(p, node->inputs[0], &below, out));
    for (uint32_t i = 0; i < window->calls.n; i++) {
        plan b = {.p = p, .node = node, .like = window->calls.at[i].expr};
        bool more = false;
        uint32_t n = 0;
        for (uint32_t k = i; k < window->calls.n; k++) {
            if (done[k]) continue;
            more |= !ps_expr_same_window(b.like, window->calls.at[k].expr);
            if (!ps_expr_same_window(b.like, window->calls.at[k].expr)) continue;
            calls[n++] = k;
            done[k] = true;
        }
        if (done[i] && n == 0) continue;
        PS_TRY(window_stage(&b, calls, n, more ? &below : needed, out));
    }
    return PS_OK;
}
