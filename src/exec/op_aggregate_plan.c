/* exec/op_aggregate_plan.c -- from an Aggregate node to the operator's description.
 *
 * Only aggregates that somebody above needs are computed. Equal arguments are evaluated once;
 * aggregates that can share a state (sum and avg of one argument) do; DISTINCT is dropped where it
 * changes nothing. */
#include "exec/op_aggregate.h"

typedef struct plan {
    ps_phys *p;
    agg_config *config;
    const ps_expr **results;
    uint32_t state_bytes, n_views;
    uint32_t *views;
    ps_type *types; /* scratch for layouts */
} plan;

/* The place of an expression in the program's results; `from`: keys keep places of their own. */
static uint32_t result_of(plan *b, const ps_expr *expr)
{
    agg_config *config = b->config;

    for (uint32_t r = 0; r < config->n_results; r++)
        if (ps_expr_equal(b->results[r], expr) && !ps_expr_is_volatile(expr)) return r;
    b->results[config->n_results] = expr;
    return config->n_results++;
}

static bool distinct_matters(const ps_expr *expr)
{
    static const char *const indifferent[] = {"min",     "max",    "bool_and",  "bool_or",
                                              "bit_and", "bit_or", "any_value", "first"};

    if (!expr->agg || !expr->agg->distinct || expr->n_args == 0) return false;
    for (size_t i = 0; i < PS_COUNT(indifferent); i++)
        if (strcmp(expr->func->name, indifferent[i]) == 0) return false;
    return true;
}

static bool same_args(const uint32_t *a, const uint32_t *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (a[i] != b[i]) return false;
    return true;
}

/* The set of distinct arguments that the item reads; sets over equal arguments and filters are
 * shared. */
static ps_status distinct_of(plan *b, agg_item *item)
{
    agg_config *config = b->config;

    for (uint32_t d = 0; d < config->n_distincts; d++) {
        const agg_distinct *set = &config->distincts[d];
        if (set->n_args == item->agg.n_args && set->filter == item->filter &&
            same_args(set->args, item->args, set->n_args)) {
            item->distinct = (int32_t)d;
            return PS_OK;
        }
    }
    if (config->n_keys + item->agg.n_args + 1 > 64)
        return ps_fail(
            b->p->cx, PS_UNSUPPORTED,
            "DISTINCT aggregates beside more than 60 grouping columns can't be computed yet");
    agg_distinct *set = &config->distincts[config->n_distincts];
    set->n_args = item->agg.n_args;
    set->filter = item->filter;
    memcpy(set->args, item->args, sizeof(set->args));
    for (uint32_t c = 0; c < config->n_keys; c++) b->types[c] = b->results[c]->type;
    for (uint32_t a = 0; a < set->n_args; a++)
        b->types[config->n_keys + a] = b->results[set->args[a]]->type;
    b->types[config->n_keys + set->n_args] = PS_TYPE(UINT64);
    const ps_row_spec spec = {.types = b->types,
                              .n_cols = config->n_keys + set->n_args + 1,
                              .n_keys = config->n_keys + set->n_args,
                              .hashed = true};
    PS_TRY(ps_row_layout_new(b->p->cx, b->p->arena, &spec, &set->layout));
    item->distinct = (int32_t)config->n_distincts++;
    return PS_OK;
}

static void state_of(plan *b, agg_item *item)
{
    const agg_config *config = b->config;
    const ps_agg_class *class = item->agg.class;

    for (const agg_item *other = config->items; other < item; other++) {
        if (item->collect != AGG_NONE || other->collect != AGG_NONE ||
            !ps_agg_shares_state(class, other->agg.class) || other->agg.n_args != item->agg.n_args)
            continue;
        if (other->filter != item->filter || other->distinct != item->distinct) continue;
        if (!same_args(other->args, item->args, item->agg.n_args)) continue;
        item->state_at = other->state_at;
        item->shared = true;
        return;
    }
    item->state_at = b->state_bytes; /* the layout adds where states begin */
    for (uint32_t v = 0; v < class->n_views; v++)
        b->views[b->n_views++] = b->state_bytes + class->views[v];
    b->state_bytes += class->state_bytes;
}

/* Rows to keep for an aggregate that needs all of them, or in an order. */
static ps_status collect_of(plan *b, const ps_expr *expr, agg_item *item)
{
    agg_config *config = b->config;
    agg_collect *collect = &config->collects[config->n_collects];
    ps_type types[64 + AGG_ARGS_MAX + AGG_ORDER_MAX + 2];
    uint32_t n = config->n_keys;

    if (expr->agg->n_order > AGG_ORDER_MAX || n > 64)
        return ps_fail(b->p->cx, PS_UNSUPPORTED, "too many keys for this aggregate: %s",
                       expr->func->name);
    *collect = (agg_collect){.item = (uint32_t)(item - config->items),
                             .distinct = expr->agg->distinct,
                             .by_position = expr->func->order_sensitive,
                             .skip_nulls = expr->func->nulls != PS_NULLS_ACCEPT,
                             .filter = item->filter,
                             .n_order = expr->func->order_sensitive ? expr->agg->n_order : 0};
    for (uint32_t c = 0; c < n; c++) types[c] = b->results[c]->type;
    for (uint32_t a = 0; a < expr->n_args; a++) {
        if (item->agg.class->collect && ps_expr_is_literal(expr->args[a]) && a > 0) break;
        collect->stored[collect->n_args++] = item->args[a];
        types[n++] = expr->args[a]->type;
    }
    for (uint32_t o = 0; o < collect->n_order; o++) {
        collect->stored[collect->n_args + o] = result_of(b, expr->agg->order[o].expr);
        collect->descending[o] = expr->agg->order[o].descending;
        collect->nulls_first[o] = expr->agg->order[o].nulls_first;
        types[n++] = expr->agg->order[o].expr->type;
    }
    for (uint32_t i = 0; i < 2 && collect->by_position; i++) types[n++] = PS_TYPE(UINT64);
    const ps_row_spec spec = {
        .types = types, .n_cols = n, .n_keys = config->n_keys, .hashed = true};
    PS_TRY(ps_row_layout_new(b->p->cx, b->p->arena, &spec, &collect->layout));
    item->collect = (int32_t)config->n_collects++;
    return PS_OK;
}

static ps_status item_of(plan *b, const ps_expr *expr, agg_item *item)
{
    ps_ctx *cx = b->p->cx;
    const ps_agg_part none = {0};

    PS_TRY(ps_agg_bind(cx, expr, &item->agg));
    if (item->agg.class->collect) {
        expr = ps_phys_with_literals(b->p, expr);
        if (!expr) return cx->error.code;
        PS_TRY(ps_agg_bind(cx, expr, &item->agg));
    }
    if (!b->p->settings->deterministic && item->agg.class->plain)
        item->agg.class = item->agg.class->plain;
    const ps_agg_part *part = expr->agg ? expr->agg : &none;
    for (uint32_t a = 0; a < expr->n_args; a++) item->args[a] = result_of(b, expr->args[a]);
    item->filter = part->filter ? (int32_t)result_of(b, part->filter) : AGG_NONE;
    item->distinct = item->collect = AGG_NONE;
    const bool ordered = part->n_order > 0 && expr->func->order_sensitive;
    if (item->agg.class->collect || ordered ||
        (part->distinct && expr->func->order_sensitive && distinct_matters(expr)))
        PS_TRY(collect_of(b, expr, item));
    else if (distinct_matters(expr)) PS_TRY(distinct_of(b, item));
    state_of(b, item);
    return PS_OK;
}

static ps_status plan_arrays(plan *b, const ps_node_aggregate *node)
{
    const uint32_t n_items = node->aggs.n, n_keys = node->keys.n;
    ps_ctx *cx = b->p->cx;
    ps_arena *arena = b->p->arena;

    b->config = PS_ARENA_NEW(cx, arena, agg_config);
    b->results = PS_ARENA_ARRAY(cx, arena, const ps_expr *,
                                n_keys + n_items * (AGG_ARGS_MAX + AGG_ORDER_MAX + 1) + 1);
    b->views = PS_ARENA_ARRAY(cx, arena, uint32_t, n_items * 2 + 1);
    b->types = PS_ARENA_ARRAY(cx, arena, ps_type, n_keys + AGG_ARGS_MAX + 1);
    if (!b->config || !b->results || !b->views || !b->types) return PS_MEMORY;
    b->config->items = PS_ARENA_ARRAY(cx, arena, agg_item, n_items + 1);
    b->config->distincts = PS_ARENA_ARRAY(cx, arena, agg_distinct, n_items + 1);
    b->config->collects = PS_ARENA_ARRAY(cx, arena, agg_collect, n_items + 1);
    b->config->outputs = PS_ARENA_ARRAY(cx, arena, agg_output, n_keys + n_items + 1);
    return b->config->items && b->config->distincts && b->config->collects && b->config->outputs
               ? PS_OK
               : PS_MEMORY;
}

/* Items, states and outputs of what is needed; cols gets the output columns. */
static ps_status plan_items(plan *b, const ps_node_aggregate *node, const ps_col_set *needed,
                            ps_col *cols, uint32_t *n_cols)
{
    agg_config *config = b->config;

    config->n_keys = config->n_results = node->keys.n;
    for (uint32_t k = 0; k < node->keys.n; k++) {
        b->results[k] = node->keys.at[k].expr;
        if (!ps_col_set_has(needed, node->keys.at[k].col.id)) continue;
        config->outputs[*n_cols] = (agg_output){true, k};
        cols[(*n_cols)++] = node->keys.at[k].col;
    }
    for (uint32_t i = 0; i < node->aggs.n; i++) {
        if (!ps_col_set_has(needed, node->aggs.at[i].col.id)) continue;
        config->n_items++;
        PS_TRY(item_of(b, node->aggs.at[i].expr, &config->items[config->n_items - 1]));
        config->outputs[*n_cols] = (agg_output){false, config->n_items - 1};
        cols[(*n_cols)++] = node->aggs.at[i].col;
    }
    config->number_at = b->state_bytes;
    if (config->n_collects) b->state_bytes += sizeof(uint64_t);
    for (uint32_t k = 0; k < config->n_keys; k++) b->types[k] = b->results[k]->type;
    const ps_row_spec spec = {.types = b->types,
                              .n_cols = config->n_keys,
                              .n_keys = config->n_keys,
                              .hashed = true,
                              .state_bytes = b->state_bytes,
                              .state_views = b->views,
                              .n_state_views = b->n_views};
    PS_TRY(ps_row_layout_new(b->p->cx, b->p->arena, &spec, &config->layout));
    for (uint32_t i = 0; i < config->n_items; i++)
        config->items[i].state_at += config->layout->state_at;
    config->number_at += config->layout->state_at;
    return PS_OK;
}

/* Groups come out by hash and key; so only what goes by position needs an order. */
static bool is_order_free(const ps_node_aggregate *node)
{
    for (uint32_t i = 0; i < node->aggs.n; i++)
        if (node->aggs.at[i].expr->func->order_sensitive ||
            ps_expr_is_volatile(node->aggs.at[i].expr))
            return false;
    for (uint32_t k = 0; k < node->keys.n; k++)
        if (ps_expr_is_volatile(node->keys.at[k].expr)) return false;
    return true;
}

ps_status ps_aggregate_plan(ps_phys *p, const ps_node *node, const ps_node_aggregate *aggregate,
                            const ps_col_set *needed, ps_stream *out)
{
    plan b = {.p = p};
    ps_stream input;
    ps_col_set below;
    const ps_col_id *inputs;
    uint32_t n_cols = 0;
    ps_col *cols =
        PS_ARENA_ARRAY(p->cx, p->arena, ps_col, aggregate->keys.n + aggregate->aggs.n + 1);

    if (!cols) return PS_MEMORY;
    PS_TRY(plan_arrays(&b, aggregate));
    PS_TRY(plan_items(&b, aggregate, needed, cols, &n_cols));
    PS_TRY(ps_col_set_copy(p->cx, p->arena, needed, &below));
    ps_col_set_clear(&below);
    for (uint32_t r = 0; r < b.config->n_results; r++) ps_col_set_add_expr(&below, b.results[r]);
    PS_TRY(ps_phys_build_free(p, node->inputs[0], &below, is_order_free(aggregate), &input));
    PS_TRY(ps_phys_inputs(p, &input, &inputs));
    PS_TRY(ps_program_new(p->cx, p->arena, b.results, b.config->n_results, inputs, input.n_cols,
                          &b.config->program));
    ps_op *op = ps_phys_op(p, &ps_aggregate_class, node, b.config, cols, n_cols);
    if (!op) return PS_MEMORY;
    PS_TRY(ps_phys_close(p, &input, op));
    return ps_phys_source(p, op, true, out);
}

ps_status ps_phys_aggregate(ps_phys *p, const ps_node *node, const ps_col_set *needed,
                            ps_stream *out)
{
    return ps_aggregate_plan(p, node, ps_node_as_aggregate(node), needed, out);
}
