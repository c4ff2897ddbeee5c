/* exec/op_join.c -- joins of every kind: which side is built, what is kept, where it goes. See
 * join.h.
 *
 * A join without equal keys is the same operator with one bucket for all rows. MARK with more than
 * one key or a residual is not null-aware here: the optimizer must not make one (rule unnest says
 * how). Tests: tests/slt/op/join_*.test */
#include "exec/join.h"
#include "exec/op_scan.h"

static ps_status join_open(ps_ctx *cx, ps_op *op)
{
    ps_join_shared *shared = op->shared;

    (void)cx;
    ps_mutex_init(&shared->mutex);
    shared->ready = true;
    for (int p = 0; p < PS_JOIN_PARTS; p++)
        ps_rows_init(&shared->deferred[p], ((const ps_join_config *)op->config)->probe_layout);
    return PS_OK;
}

static void join_explain(const ps_op *op, ps_text *out)
{
    const ps_join_config *c = op->config;
    const ps_join_shared *shared = op->shared;
    const uint32_t spilled = ps_join_spilled(shared) & ((1u << PS_JOIN_PARTS) - 1);
    const uint64_t depth =
        atomic_load_explicit(&((ps_op *)(uintptr_t)op)->stats.depth, memory_order_relaxed);

    ps_text_printf(out, "builds the %s input", c->build_left ? "left" : "right");
    if (c->n_dynamic) ps_text_puts(out, ", whose keys filter the other one's scan");
    if (spilled)
        ps_text_printf(out, ", %d of %d partitions spilled", __builtin_popcount(spilled),
                       PS_JOIN_PARTS);
    if (depth > 1) ps_text_printf(out, ", split again %llu deep", (unsigned long long)depth - 1);
}

/* The sizes of locals are known to their files only: the planner copies this and fills them in. */
static const ps_op_class JOIN_CLASS = {
    .name = "hash join",
    .sink_floor_bytes = 2 << 20,
    .shared_size = sizeof(ps_join_shared),
    .open = join_open,
    .sink_open = ps_join_build_open,
    .sink = ps_join_build,
    .combine = ps_join_build_combine,
    .finish_plan = ps_join_table_plan,
    .finish_task = ps_join_table_task,
    .finish_more = ps_join_table_more,
    .seal = ps_join_table_seal,
    .sink_close = ps_join_build_close,
    .local_open = ps_join_probe_open,
    .push = ps_join_probe,
    .local_combine = ps_join_probe_combine,
    .local_close = ps_join_probe_close,
    .source_plan = ps_join_rest_plan,
    .source_open = ps_join_rest_open,
    .source_start = ps_join_rest_start,
    .source_next = ps_join_rest_next,
    .source_combine = ps_join_rest_combine,
    .source_close = ps_join_rest_close,
    .bytes = ps_join_bytes,
    .shrink = ps_join_shrink,
    .close = ps_join_table_close,
    .explain = join_explain,
};

typedef struct join_plan {
    ps_phys *p;
    const ps_node_join *node;
    const ps_col_set *needed;
    bool build_left;
    ps_join_config *config;
    ps_stream build, probe;
    ps_type *types; /* of layout columns */
    uint32_t *payload;
    bool order_free; /* of the join's rows */
    const ps_expr **build_keys, **probe_keys;
} join_plan;

/* Which kind the probe and the rest play, and which side is built. */
static ps_status choose_roles(join_plan *j)
{
    const ps_node *left = j->node->base.inputs[0], *right = j->node->base.inputs[1];
    const bool known = left->rows_est >= 0 && right->rows_est >= 0;
    const bool left_small = known && left->rows_est < right->rows_est;
    ps_join_config *c = j->config;

    switch (j->node->join) {
    case PS_JOIN_INNER:
    case PS_JOIN_CROSS:
        j->build_left = left_small;
        c->probe = PS_PROBE_INNER;
        return PS_OK;
    case PS_JOIN_LEFT:
        j->build_left = left_small;
        c->probe = left_small ? PS_PROBE_INNER : PS_PROBE_OUTER;
        c->rest = left_small ? PS_REST_UNMATCHED : PS_REST_NONE;
        return PS_OK;
    case PS_JOIN_RIGHT:
        j->build_left = !known || left->rows_est <= right->rows_est;
        c->probe = j->build_left ? PS_PROBE_OUTER : PS_PROBE_INNER;
        c->rest = j->build_left ? PS_REST_NONE : PS_REST_UNMATCHED;
        return PS_OK;
    case PS_JOIN_FULL:
        j->build_left = left_small;
        c->probe = PS_PROBE_OUTER;
        c->rest = PS_REST_UNMATCHED;
        return PS_OK;
    case PS_JOIN_SEMI:
        j->build_left = left_small;
        c->probe = left_small ? PS_PROBE_NONE : PS_PROBE_SEMI;
        c->rest = left_small ? PS_REST_MATCHED : PS_REST_NONE;
        return PS_OK;
    case PS_JOIN_ANTI:
        j->build_left = left_small;
        c->probe = left_small ? PS_PROBE_NONE : PS_PROBE_ANTI;
        c->rest = left_small ? PS_REST_UNMATCHED : PS_REST_NONE;
        return PS_OK;
    case PS_JOIN_MARK: c->probe = PS_PROBE_MARK; return PS_OK;
    case PS_JOIN_SINGLE: c->probe = PS_PROBE_SINGLE; return PS_OK;
    }
    return PS_BUG(j->p->cx, "unknown join kind");
}

static bool is_probe_col(const join_plan *j, ps_col_id id)
{
    return ps_node_find_col(j->node->base.inputs[j->build_left ? 1 : 0], id) != NULL;
}

static bool hides_build_order(const ps_join_config *c)
{
    return c->rest == PS_REST_NONE && (c->probe == PS_PROBE_SEMI || c->probe == PS_PROBE_ANTI ||
                                       c->probe == PS_PROBE_MARK || c->probe == PS_PROBE_SINGLE);
}

/* No build row is given, and nothing is asked of one but its key. */
static bool asks_keys_only(const join_plan *j)
{
    const ps_join_config *c = j->config;

    return c->rest == PS_REST_NONE && !j->node->residual && c->n_keys > 0 && c->n_payload == 0 &&
           (c->probe == PS_PROBE_SEMI || c->probe == PS_PROBE_ANTI || c->probe == PS_PROBE_MARK);
}

/* Both inputs' streams; the build side's pipelines come first. */
static ps_status build_streams(join_plan *j)
{
    ps_phys *p = j->p;
    const ps_node_join *node = j->node;
    const int build = j->build_left ? 0 : 1;
    ps_col_set below;

    PS_TRY(ps_col_set_copy(p->cx, p->arena, j->needed, &below));
    for (uint32_t i = 0; i < node->keys.n; i++) {
        ps_col_set_add_expr(&below, node->keys.at[i].left);
        ps_col_set_add_expr(&below, node->keys.at[i].right);
    }
    ps_col_set_add_expr(&below, node->residual);
    bool free = j->order_free;
    for (uint32_t i = 0; i < node->keys.n; i++)
        free &= !ps_expr_is_volatile(node->keys.at[i].left) &&
                !ps_expr_is_volatile(node->keys.at[i].right);
    free &= !node->residual || !ps_expr_is_volatile(node->residual);
    /* where no build row is given, or at most one, their order can't be seen at all */
    PS_TRY(ps_phys_build_free(p, node->base.inputs[build], &below,
                              free || hides_build_order(j->config), &j->build));
    return ps_phys_build_free(p, node->base.inputs[1 - build], &below, free, &j->probe);
}

static ps_status plan_keys(join_plan *j)
{
    ps_phys *p = j->p;
    ps_join_config *c = j->config;
    const uint32_t n = j->node->keys.n;
    bool *null_equal = PS_ARENA_ARRAY(p->cx, p->arena, bool, n + 1);
    const ps_col_id *inputs;

    j->build_keys = PS_ARENA_ARRAY(p->cx, p->arena, const ps_expr *, n + 1);
    j->probe_keys = PS_ARENA_ARRAY(p->cx, p->arena, const ps_expr *, n + 1);
    if (!null_equal || !j->build_keys || !j->probe_keys) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        const ps_join_key *key = &j->node->keys.at[i];

        j->build_keys[i] = j->build_left ? key->left : key->right;
        j->probe_keys[i] = j->build_left ? key->right : key->left;
        null_equal[i] = key->null_equal;
    }
    c->n_keys = n;
    c->null_equal = null_equal;
    if (n == 0) return PS_OK;
    PS_TRY(ps_phys_inputs(p, &j->build, &inputs));
    PS_TRY(
        ps_program_new(p->cx, p->arena, j->build_keys, n, inputs, j->build.n_cols, &c->build_keys));
    PS_TRY(ps_phys_inputs(p, &j->probe, &inputs));
    return ps_program_new(p->cx, p->arena, j->probe_keys, n, inputs, j->probe.n_cols,
                          &c->probe_keys);
}

/* The row layout: keys, then the build columns that somebody needs. */
static ps_status plan_layout(join_plan *j)
{
    ps_phys *p = j->p;
    ps_join_config *c = j->config;
    ps_col_set used;

    PS_TRY(ps_col_set_copy(p->cx, p->arena, j->needed, &used));
    ps_col_set_add_expr(&used, j->node->residual);
    j->types = PS_ARENA_ARRAY(p->cx, p->arena, ps_type, c->n_keys + j->build.n_cols + 1);
    j->payload = PS_ARENA_ARRAY(p->cx, p->arena, uint32_t, j->build.n_cols + 1);
    if (!j->types || !j->payload) return PS_MEMORY;
    for (uint32_t i = 0; i < c->n_keys; i++) j->types[i] = j->build_keys[i]->type;
    for (uint32_t i = 0; i < j->build.n_cols; i++) {
        if (!ps_col_set_has(&used, j->build.cols[i].id)) continue;
        j->types[c->n_keys + c->n_payload] = j->build.cols[i].type;
        j->payload[c->n_payload++] = i;
    }
    c->payload = j->payload;
    const ps_row_spec spec = {.types = j->types,
                              .n_cols = c->n_keys + c->n_payload,
                              .n_keys = c->n_keys,
                              .hashed = true,
                              .state_bytes = c->rest == PS_REST_NONE ? 0 : 8};
    return ps_row_layout_new(p->cx, p->arena, &spec, &c->layout);
}

/* Where a column of the join comes from. */
static ps_status locate(join_plan *j, ps_col_id id, ps_join_out *out)
{
    if (j->node->join == PS_JOIN_MARK && j->node->mark.n && j->node->mark.at[0].id == id) {
        *out = (ps_join_out){PS_SIDE_MARK, 0};
        return PS_OK;
    }
    if (is_probe_col(j, id)) {
        *out = (ps_join_out){PS_SIDE_PROBE, ps_cols_find(j->probe.cols, j->probe.n_cols, id)};
        if (out->index != UINT32_MAX) return PS_OK;
    }
    for (uint32_t i = 0; i < j->config->n_payload; i++) {
        if (j->build.cols[j->payload[i]].id != id) continue;
        *out = (ps_join_out){PS_SIDE_BUILD, j->config->n_keys + i};
        return PS_OK;
    }
    return PS_BUG(j->p->cx, "a join's column comes from neither side");
}

static ps_status plan_outputs(join_plan *j, const ps_col **cols, uint32_t *n)
{
    ps_phys *p = j->p;
    const ps_node *node = &j->node->base;

    PS_TRY(ps_phys_keep(p, node->cols, node->n_cols, j->needed, cols, n));
    ps_join_out *outs = PS_ARENA_ARRAY(p->cx, p->arena, ps_join_out, *n + 1);
    if (!outs) return PS_MEMORY;
    for (uint32_t i = 0; i < *n; i++) PS_TRY(locate(j, (*cols)[i].id, &outs[i]));
    j->config->outs = outs;
    return PS_OK;
}

static ps_status plan_residual(join_plan *j)
{
    ps_phys *p = j->p;
    ps_join_config *c = j->config;
    const uint32_t n_max = j->probe.n_cols + c->n_payload;
    ps_join_out *cols = PS_ARENA_ARRAY(p->cx, p->arena, ps_join_out, n_max + 1);
    ps_col_id *ids = PS_ARENA_ARRAY(p->cx, p->arena, ps_col_id, n_max + 1);
    ps_col_set used = {.n_words = (p->n_ids + 63) / 64};

    c->sound = !j->node->residual || !ps_expr_is_fallible(j->node->residual);
    if (!j->node->residual) return PS_OK;
    used.bits = PS_ARENA_ARRAY(p->cx, p->arena, uint64_t, used.n_words + 1);
    if (!cols || !ids || !used.bits) return PS_MEMORY;
    ps_col_set_add_expr(&used, j->node->residual);
    for (uint32_t i = 0; i < j->probe.n_cols; i++) {
        if (!ps_col_set_has(&used, j->probe.cols[i].id)) continue;
        ids[c->n_pair_cols] = j->probe.cols[i].id;
        cols[c->n_pair_cols++] = (ps_join_out){PS_SIDE_PROBE, i};
    }
    for (uint32_t i = 0; i < c->n_payload; i++) {
        const ps_col_id id = j->build.cols[j->payload[i]].id;

        if (!ps_col_set_has(&used, id)) continue;
        ids[c->n_pair_cols] = id;
        cols[c->n_pair_cols++] = (ps_join_out){PS_SIDE_BUILD, c->n_keys + i};
    }
    c->pair_cols = cols;
    return ps_program_new(p->cx, p->arena, &j->node->residual, 1, ids, c->n_pair_cols,
                          &c->residual);
}

static bool may_filter_probe(const ps_join_config *c)
{
    return c->probe == PS_PROBE_INNER || c->probe == PS_PROBE_SEMI || c->probe == PS_PROBE_NONE;
}

static bool is_row_wise(const ps_pipeline *pipe)
{
    bool all = true;

    for (size_t i = 0; i < pipe->ops.n; i++) all &= pipe->ops.at[i]->row_wise;
    return all;
}

/* Gives the probe's scans a filter for each key that is a plain column of theirs. */
static ps_status plan_dynamic(join_plan *j)
{
    ps_phys *p = j->p;
    ps_join_config *c = j->config;
    const size_t room = j->probe.pipes.n * c->n_keys;
    ps_dynamic_filter **filters = PS_ARENA_ARRAY(p->cx, p->arena, ps_dynamic_filter *, room + 1);
    ps_join_filter *states = PS_ARENA_ARRAY(p->cx, p->arena, ps_join_filter, room + 1);

    if (!filters || !states) return PS_MEMORY;
    c->dynamic = filters;
    c->dynamic_states = states;
    if (!may_filter_probe(c)) return PS_OK;
    for (size_t i = 0; i < j->probe.pipes.n; i++) {
        const ps_pipeline *pipe = j->probe.pipes.at[i];
        const bool row_wise = is_row_wise(pipe);

        for (uint32_t k = 0; row_wise && k < c->n_keys; k++) {
            if (j->probe_keys[k]->kind != PS_EXPR_COLUMN || c->null_equal[k]) continue;
            ps_dynamic_filter *filter;

            PS_TRY(ps_scan_dynamic(p, pipe, j->probe_keys[k]->column, &filter));
            if (!filter) continue;
            states[c->n_dynamic].key = k;
            filters[c->n_dynamic++] = filter;
        }
    }
    return PS_OK;
}

/* Build rows that can't meet a probe row may go, unless they are given in the end. A mark wants to
 * know of them too: whether there are any, or nulls. */
static bool may_filter_build(const ps_join_config *c)
{
    return c->probe != PS_PROBE_MARK && c->rest != PS_REST_UNMATCHED;
}

/* The values of a probe key, by the statistics of all scans that give it. */
static ps_status probe_span(join_plan *j, uint32_t key, ps_join_span *out, bool *known)
{
    *out = (ps_join_span){INT64_MAX, INT64_MIN};
    *known = j->probe.pipes.n > 0 && j->probe_keys[key]->kind == PS_EXPR_COLUMN &&
             ps_join_key_is_integer(j->config, key);
    for (size_t i = 0; *known && i < j->probe.pipes.n; i++) {
        int64_t lo, hi;

        PS_TRY(ps_scan_bounds(j->p, j->probe.pipes.at[i], j->probe_keys[key]->column, &lo, &hi,
                              known));
        if (!*known) break;
        out->lo = PS_MIN(out->lo, lo);
        out->hi = PS_MAX(out->hi, hi);
    }
    return PS_OK;
}

/* A filter for a scan of the build side, if half of what its key's values may be is left out. */
static ps_status filter_build(join_plan *j, const ps_pipeline *pipe, uint32_t key,
                              const ps_join_span *span)
{
    ps_phys *p = j->p;
    const ps_expr *expr = j->build_keys[key];
    ps_dynamic_filter *filter;
    int64_t lo, hi;
    bool known;

    if (expr->kind != PS_EXPR_COLUMN || !is_row_wise(pipe)) return PS_OK;
    PS_TRY(ps_scan_bounds(p, pipe, expr->column, &lo, &hi, &known));
    if (!known) return PS_OK;
    const double all = (double)hi - (double)lo + 1;
    const double left = (double)PS_MIN(hi, span->hi) - (double)PS_MAX(lo, span->lo) + 1;
    if (left > all / 2) return PS_OK;
    PS_TRY(ps_scan_dynamic(p, pipe, expr->column, &filter));
    if (!filter) return PS_OK;
    ps_join_span *state = PS_ARENA_NEW(p->cx, p->arena, ps_join_span);
    if (!state) return PS_MEMORY;
    *state = *span;
    filter->has_range = true;
    filter->lo = ps_value_int(expr->type, span->lo);
    filter->hi = ps_value_int(expr->type, span->hi);
    filter->probe = ps_join_in_span;
    filter->state = state;
    filter->ready = true;
    return PS_OK;
}

static ps_status plan_spans(join_plan *j)
{
    if (!may_filter_build(j->config)) return PS_OK;
    for (uint32_t k = 0; k < j->config->n_keys; k++) {
        ps_join_span span;
        bool known;

        PS_TRY(probe_span(j, k, &span, &known));
        for (size_t i = 0; known && i < j->build.pipes.n; i++)
            PS_TRY(filter_build(j, j->build.pipes.at[i], k, &span));
    }
    return PS_OK;
}

/* The layout of probe rows in the file: key values, then columns that are given or asked for. A
 * key that is such a column is there once. */
static ps_status plan_stored(join_plan *j)
{
    ps_phys *p = j->p;
    ps_join_config *c = j->config;
    const uint32_t n_max = c->n_keys + j->probe.n_cols;
    ps_type *types = PS_ARENA_ARRAY(p->cx, p->arena, ps_type, n_max + 1);
    ps_join_stored *stored = PS_ARENA_ARRAY(p->cx, p->arena, ps_join_stored, n_max + 1);
    ps_col_set used;
    uint32_t n = c->n_keys;

    PS_TRY(ps_col_set_copy(p->cx, p->arena, j->needed, &used));
    if (!types || !stored) return PS_MEMORY;
    ps_col_set_add_expr(&used, j->node->residual);
    for (uint32_t k = 0; k < n; k++) types[k] = j->probe_keys[k]->type;
    for (uint32_t i = 0; i < j->probe.n_cols; i++) {
        uint32_t k = 0;

        if (!ps_col_set_has(&used, j->probe.cols[i].id)) continue;
        while (k < c->n_keys && (j->probe_keys[k]->kind != PS_EXPR_COLUMN ||
                                 j->probe_keys[k]->column != j->probe.cols[i].id))
            k++;
        if (k == c->n_keys) types[k = n++] = j->probe.cols[i].type;
        stored[c->n_stored++] = (ps_join_stored){i, k};
    }
    c->stored = stored;
    c->n_probe_cols = j->probe.n_cols;
    const ps_row_spec spec = {.types = types, .n_cols = n, .hashed = true, .state_bytes = 16};
    return ps_row_layout_new(p->cx, p->arena, &spec, &c->probe_layout);
}

/* The pipeline that gives what the probe can't, after every probe pipeline. A join whose order
 * matters has its rows sorted before they go on, if it was spilled. */
static ps_status plan_rest(join_plan *j, ps_op *op, ps_stream *out)
{
    ps_phys *p = j->p;
    ps_stream rest;

    PS_TRY(ps_phys_source(p, op, true, &rest));
    for (size_t i = 0; i < j->probe.pipes.n; i++) {
        PS_TRY(PS_ARRAY_ADD_IN(p->cx, p->arena, &rest.pipes.at[0]->after_drained,
                               (const ps_pipeline *)j->probe.pipes.at[i]));
    }
    if (j->config->order) {
        PS_TRY(ps_phys_close(p, &rest, j->config->order));
        PS_TRY(ps_phys_source(p, j->config->order, true, &rest));
    }
    return PS_ARRAY_ADD_IN(p->cx, p->arena, &out->pipes, rest.pipes.at[0]);
}

ps_status ps_phys_join(ps_phys *p, const ps_node *node, const ps_col_set *needed, ps_stream *out)
{
    join_plan j = {
        .p = p, .node = ps_node_as_join(node), .needed = needed, .order_free = p->order_free};
    ps_op_class *class = PS_ARENA_NEW(p->cx, p->arena, ps_op_class);
    const ps_col *cols;
    uint32_t n;

    j.config = PS_ARENA_NEW(p->cx, p->arena, ps_join_config);
    if (!j.config || !class) return PS_MEMORY;
    if (j.node->lateral)
        return ps_fail(p->cx, PS_UNSUPPORTED, "a correlated subquery could not be unnested");
    *class = JOIN_CLASS;
    class->sink_size = ps_join_build_size;
    class->local_size = ps_join_probe_size;
    class->source_size = ps_join_rest_size;
    PS_TRY(choose_roles(&j));
    j.config->build_left = j.build_left;
    PS_TRY(build_streams(&j));
    PS_TRY(plan_keys(&j));
    PS_TRY(plan_layout(&j));
    j.config->once = asks_keys_only(&j);
    PS_TRY(plan_stored(&j));
    PS_TRY(plan_outputs(&j, &cols, &n));
    PS_TRY(plan_residual(&j));
    PS_TRY(plan_dynamic(&j));
    PS_TRY(plan_spans(&j));
    ps_op *op = ps_phys_op(p, class, node, j.config, cols, n);
    if (!op) return PS_MEMORY;
    if (!j.order_free) PS_TRY(ps_join_order_new(p, op, &j.config->order));
    op->row_wise = j.config->rest == PS_REST_NONE;
    PS_TRY(ps_phys_close(p, &j.build, op));
    PS_TRY(ps_phys_transform(p, &j.probe, op));
    PS_TRY(ps_phys_after_sealed(p, &j.probe, op));
    *out = j.probe;
    return plan_rest(&j, op, out);
}
