/* plan/node.c -- building nodes: one builder for each kind, and the derivation of output columns
 * that builders and every copy share.
 *
 * Nullability is a promise ("never null") that rules may use, so it is only given where it
 * surely holds. Tests: tests/unit/test_lower.c, test_plan_json.c */
#include "func/func.h"
#include "plan/node_internal.h"

const char *const ps_node_kind_names[PS_NODE_COUNT] = {
#define N(KIND, name, inputs) #name,
    PS_NODES(N)
#undef N
};
const char *const ps_join_kind_names[] = {"inner", "left", "right",  "full", "semi",
                                          "anti",  "mark", "single", "cross"};
const char *const ps_setop_names[] = {"union_all", "intersect", "intersect_all", "except",
                                      "except_all"};

static const size_t node_bytes[PS_NODE_COUNT] = {
#define N(KIND, name, inputs) sizeof(ps_node_##name),
    PS_NODES(N)
#undef N
};

/* ---- memory ---- */

static void *copy_array(ps_planner *p, const void *from, size_t size, uint32_t n)
{
    void *to = ps_arena_alloc(p->cx, p->arena, size * n + 1);

    if (to && n) memcpy(to, from, size * n);
    return to;
}
/* Sets a list field of a node from an array; gives NULL from the builder on failure. */
#define SET(list, from, count)                                                                     \
    do {                                                                                           \
        (list).at = copy_array(p, (from), sizeof(*(from)), (count));                               \
        if (!(list).at) return NULL;                                                               \
        (list).n = (count);                                                                        \
    } while (0)

ps_node *ps_node_alloc(ps_planner *p, ps_node_kind kind, const ps_node *const *inputs, uint32_t n)
{
    ps_node *node = ps_arena_alloc(p->cx, p->arena, node_bytes[kind]);

    if (!node) return NULL;
    node->kind = (uint8_t)kind;
    node->rows_est = -1;
    node->n_inputs = n;
    node->inputs = copy_array(p, inputs, sizeof(*inputs), n);
    if (!node->inputs) return NULL;
    for (uint32_t i = 0; i < n; i++)
        if (!inputs[i]) return NULL; /* the failure that made it is recorded */
    return node;
}

ps_node *ps_node_dup(ps_planner *p, const ps_node *node)
{
    ps_node *copy = ps_arena_alloc(p->cx, p->arena, node_bytes[node->kind]);

    if (copy) memcpy(copy, node, node_bytes[node->kind]);
    return copy;
}

const ps_col *ps_node_find_col(const ps_node *node, ps_col_id id)
{
    for (uint32_t i = 0; i < node->n_cols; i++)
        if (node->cols[i].id == id) return &node->cols[i];
    return NULL;
}

/* ---- nullability ---- */

static bool any_null(const ps_expr *const *args, uint32_t n, uint32_t first, uint32_t step,
                     const ps_node *const *inputs, uint32_t n_inputs)
{
    for (uint32_t i = first; i < n; i += step)
        if (ps_expr_may_be_null(args[i], inputs, n_inputs)) return true;
    return false;
}

/* Functions that give null for null arguments only; others may make nulls of their own (x / 0). */
static bool is_strict(const ps_func *func)
{
    static const char *const names[] = {"=", "<>", "<", "<=", ">", ">=", "+", "-", "*"};

    if (func->nulls != PS_NULLS_PROPAGATE) return false;
    for (size_t i = 0; i < PS_COUNT(names); i++)
        if (strcmp(func->name, names[i]) == 0) return true;
    return false;
}

static bool case_may_be_null(const ps_expr *e, const ps_node *const *inputs, uint32_t n)
{
    return any_null(e->args, e->n_args, 1, 2, inputs, n) ||
           ps_expr_may_be_null(e->args[e->n_args - 1], inputs, n);
}

static bool column_may_be_null(ps_col_id id, const ps_node *const *inputs, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const ps_col *col = ps_node_find_col(inputs[i], id);
        if (col) return col->nullable;
    }
    return true; /* of an outer query */
}

bool ps_expr_may_be_null(const ps_expr *e, const ps_node *const *inputs, uint32_t n)
{
    switch ((ps_expr_kind)e->kind) {
    case PS_EXPR_COLUMN: return column_may_be_null(e->column, inputs, n);
    case PS_EXPR_LITERAL: return e->literal.null;
    case PS_EXPR_CALL: return !is_strict(e->func) || any_null(e->args, e->n_args, 0, 1, inputs, n);
    case PS_EXPR_CAST: return e->cast == PS_CAST_TRY || ps_expr_may_be_null(e->args[0], inputs, n);
    case PS_EXPR_AND:
    case PS_EXPR_OR: return any_null(e->args, e->n_args, 0, 1, inputs, n);
    case PS_EXPR_CASE: return case_may_be_null(e, inputs, n);
    case PS_EXPR_COALESCE:
        for (uint32_t i = 0; i < e->n_args; i++)
            if (!ps_expr_may_be_null(e->args[i], inputs, n)) return false;
        return true;
    case PS_EXPR_IN: return e->has_null_item || ps_expr_may_be_null(e->args[0], inputs, n);
    case PS_EXPR_AGGREGATE: return strcmp(e->func->name, "count") != 0;
    case PS_EXPR_SUBQUERY: return e->subquery != PS_SUBQUERY_EXISTS;
    case PS_EXPR_WINDOW:
    case PS_EXPR_PARAM:
    case PS_EXPR_TRY: return true;
    }
    return true;
}

/* ---- output columns ---- */

static void add_cols(ps_col *out, uint32_t *n, const ps_node *from, bool made_nullable)
{
    for (uint32_t i = 0; i < from->n_cols; i++) {
        out[*n] = from->cols[i];
        if (made_nullable) out[*n].nullable = true;
        ++*n;
    }
}

static void add_items(ps_col *out, uint32_t *n, const ps_f_items *items, const ps_node *node)
{
    for (uint32_t i = 0; i < items->n; i++) {
        out[*n] = items->at[i].col;
        out[*n].type = items->at[i].expr->type;
        out[*n].nullable = ps_expr_may_be_null(items->at[i].expr, node->inputs, node->n_inputs);
        ++*n;
    }
}

static void add_join_cols(ps_col *out, uint32_t *n, const ps_node_join *join)
{
    const ps_node *left = join->base.inputs[0], *right = join->base.inputs[1];
    ps_join_kind kind = join->join;

    add_cols(out, n, left, kind == PS_JOIN_RIGHT || kind == PS_JOIN_FULL);
    if (kind == PS_JOIN_SEMI || kind == PS_JOIN_ANTI) return;
    if (kind == PS_JOIN_MARK) {
        out[(*n)++] = join->mark.at[0];
        return;
    }
    add_cols(out, n, right, kind == PS_JOIN_LEFT || kind == PS_JOIN_FULL || kind == PS_JOIN_SINGLE);
}

/* Columns by position over inputs: null where one of the inputs may be. */
static void add_positional(ps_col *out, uint32_t *n, const ps_f_cols *cols, const ps_node *node)
{
    for (uint32_t i = 0; i < cols->n; i++) {
        ps_col col = cols->at[i];
        col.nullable = false;
        for (uint32_t k = 0; k < node->n_inputs; k++)
            col.nullable |= node->inputs[k]->cols[i].nullable;
        out[(*n)++] = col;
    }
}

/* Nullable by its cells; or because it is said to be: a rule keeps what a column was. */
static void add_values(ps_col *out, uint32_t *n, const ps_node_values *values)
{
    for (uint32_t i = 0; i < values->columns.n; i++) {
        ps_col col = values->columns.at[i];
        for (uint32_t c = i; c < values->cells.n; c += values->columns.n)
            col.nullable |= ps_expr_may_be_null(values->cells.at[c], NULL, 0);
        out[(*n)++] = col;
    }
}

static uint32_t cols_max(const ps_node *node)
{
    uint32_t n = 1; /* a join's mark */

    for (uint32_t i = 0; i < node->n_inputs; i++) n += node->inputs[i]->n_cols;
    switch ((ps_node_kind)node->kind) {
    case PS_NODE_SCAN: return ps_node_as_scan(node)->columns.n;
    case PS_NODE_VALUES: return ps_node_as_values(node)->columns.n;
    case PS_NODE_PROJECT: return ps_node_as_project(node)->items.n;
    case PS_NODE_AGGREGATE:
        return ps_node_as_aggregate(node)->keys.n + ps_node_as_aggregate(node)->aggs.n;
    case PS_NODE_WINDOW: return n + ps_node_as_window(node)->calls.n;
    case PS_NODE_WRITE: return ps_node_as_write(node)->columns.n;
    default: return n;
    }
}

static void derive_cols(const ps_node *node, ps_col *out, uint32_t *n)
{
    switch ((ps_node_kind)node->kind) {
    case PS_NODE_SCAN:
        for (uint32_t i = 0; i < ps_node_as_scan(node)->columns.n; i++)
            out[(*n)++] = ps_node_as_scan(node)->columns.at[i].col;
        return;
    case PS_NODE_VALUES: add_values(out, n, ps_node_as_values(node)); return;
    case PS_NODE_FILTER:
    case PS_NODE_SORT:
    case PS_NODE_TOPN:
    case PS_NODE_LIMIT:
    case PS_NODE_DISTINCT: add_cols(out, n, node->inputs[0], false); return;
    case PS_NODE_PROJECT: add_items(out, n, &ps_node_as_project(node)->items, node); return;
    case PS_NODE_AGGREGATE:
        add_items(out, n, &ps_node_as_aggregate(node)->keys, node);
        add_items(out, n, &ps_node_as_aggregate(node)->aggs, node);
        return;
    case PS_NODE_WINDOW:
        add_cols(out, n, node->inputs[0], false);
        add_items(out, n, &ps_node_as_window(node)->calls, node);
        return;
    case PS_NODE_JOIN: add_join_cols(out, n, ps_node_as_join(node)); return;
    case PS_NODE_SETOP: add_positional(out, n, &ps_node_as_setop(node)->columns, node); return;
    case PS_NODE_SUBPLAN: add_positional(out, n, &ps_node_as_subplan(node)->columns, node); return;
    case PS_NODE_WRITE:
        for (uint32_t i = 0; i < ps_node_as_write(node)->columns.n; i++)
            out[(*n)++] = ps_node_as_write(node)->columns.at[i];
        return;
    case PS_NODE_COUNT: break;
    }
}

const ps_node *ps_node_finish(ps_planner *p, ps_node *node)
{
    uint32_t depth = 0;

    for (uint32_t i = 0; i < node->n_inputs; i++) depth = PS_MAX(depth, node->inputs[i]->depth);
    if (depth >= PS_PLAN_DEPTH_MAX) {
        ps_fail(p->cx, PS_UNSUPPORTED, "the plan is nested deeper than %d operators",
                PS_PLAN_DEPTH_MAX);
        return NULL;
    }
    node->depth = (uint16_t)(depth + 1);
    ps_col *cols = PS_ARENA_ARRAY(p->cx, p->arena, ps_col, cols_max(node) + 1);
    if (!cols) return NULL;
    node->n_cols = 0;
    derive_cols(node, cols, &node->n_cols);
    node->cols = cols;
    return node;
}

/* ---- builders ---- */

/* Starts a builder: allocates `node` of a kind over inputs and gives its typed form `n`. */
#define BEGIN(KIND, name, ins, n_ins)                                                              \
    ps_node *node = ps_node_alloc(p, PS_NODE_##KIND, (ins), (n_ins));                              \
    if (!node) return NULL;                                                                        \
    ps_node_##name *self = (ps_node_##name *)(void *)node

const ps_node *ps_node_scan_new(ps_planner *p, ps_source *source, const ps_scan_col *columns,
                                uint32_t n, const ps_expr *const *filters, uint32_t n_filters,
                                int64_t limit)
{
    BEGIN(SCAN, scan, (const ps_node *const *)NULL, 0);
    self->source = source;
    self->limit = limit;
    SET(self->columns, columns, n);
    SET(self->filters, filters, n_filters);
    return ps_node_finish(p, node);
}

const ps_node *ps_node_scan_all(ps_planner *p, ps_source *source)
{
    const ps_schema *schema = source->schema;
    ps_scan_col *columns = PS_ARENA_ARRAY(p->cx, p->arena, ps_scan_col, schema->n + 1);

    if (!columns) return NULL;
    for (uint32_t i = 0; i < schema->n; i++) {
        const ps_field *field = &schema->fields[i];
        columns[i] =
            (ps_scan_col){{ps_planner_id(p), field->type, field->nullable, field->name}, i};
    }
    return ps_node_scan_new(p, source, columns, schema->n, NULL, 0, 0);
}

const ps_node *ps_node_values_new(ps_planner *p, const ps_col *columns, uint32_t n,
                                  const ps_expr *const *cells, uint32_t n_cells)
{
    BEGIN(VALUES, values, (const ps_node *const *)NULL, 0);
    SET(self->columns, columns, n);
    SET(self->cells, cells, n_cells);
    return ps_node_finish(p, node);
}

const ps_node *ps_node_filter_new(ps_planner *p, const ps_node *input, const ps_expr *predicate)
{
    BEGIN(FILTER, filter, &input, 1);
    if (!predicate) return NULL;
    self->predicate = predicate;
    return ps_node_finish(p, node);
}

const ps_node *ps_node_project_new(ps_planner *p, const ps_node *input, const ps_item *items,
                                   uint32_t n)
{
    BEGIN(PROJECT, project, &input, 1);
    SET(self->items, items, n);
    return ps_node_finish(p, node);
}

const ps_node *ps_node_aggregate_new(ps_planner *p, const ps_node *input, const ps_item *keys,
                                     uint32_t n_keys, const ps_item *aggs, uint32_t n_aggs)
{
    BEGIN(AGGREGATE, aggregate, &input, 1);
    SET(self->keys, keys, n_keys);
    SET(self->aggs, aggs, n_aggs);
    return ps_node_finish(p, node);
}

const ps_node *ps_node_window_new(ps_planner *p, const ps_node *input, const ps_item *calls,
                                  uint32_t n)
{
    BEGIN(WINDOW, window, &input, 1);
    SET(self->calls, calls, n);
    return ps_node_finish(p, node);
}

const ps_node *ps_node_join_new(ps_planner *p, const ps_node *left, const ps_node *right,
                                const ps_join_spec *spec)
{
    const ps_node *inputs[] = {left, right};

    BEGIN(JOIN, join, inputs, 2);
    self->join = spec->kind;
    self->residual = spec->residual;
    self->lateral = spec->lateral;
    SET(self->keys, spec->keys, spec->n_keys);
    if (spec->kind == PS_JOIN_MARK) SET(self->mark, &spec->mark, 1);
    return ps_node_finish(p, node);
}

const ps_node *ps_node_sort_new(ps_planner *p, const ps_node *input, const ps_sort_key *keys,
                                uint32_t n)
{
    BEGIN(SORT, sort, &input, 1);
    SET(self->keys, keys, n);
    return ps_node_finish(p, node);
}

const ps_node *ps_node_topn_new(ps_planner *p, const ps_node *input, const ps_sort_key *keys,
                                uint32_t n, int64_t offset, int64_t count)
{
    BEGIN(TOPN, topn, &input, 1);
    SET(self->keys, keys, n);
    self->offset = offset;
    self->count = count;
    return ps_node_finish(p, node);
}

const ps_node *ps_node_limit_new(ps_planner *p, const ps_node *input, int64_t offset, int64_t count)
{
    BEGIN(LIMIT, limit, &input, 1);
    self->offset = offset;
    self->count = count;
    return ps_node_finish(p, node);
}

const ps_node *ps_node_distinct_new(ps_planner *p, const ps_node *input, const ps_expr *const *on,
                                    uint32_t n)
{
    BEGIN(DISTINCT, distinct, &input, 1);
    SET(self->on, on, n);
    return ps_node_finish(p, node);
}

const ps_node *ps_node_setop_new(ps_planner *p, ps_setop op, const ps_node *const *inputs,
                                 uint32_t n, const ps_col *columns)
{
    BEGIN(SETOP, setop, inputs, n);
    PS_ASSERT(n >= 1);
    self->op = op;
    SET(self->columns, columns, inputs[0]->n_cols);
    return ps_node_finish(p, node);
}

const ps_node *ps_node_subplan_new(ps_planner *p, const ps_node *shared, ps_str name,
                                   const ps_col *columns)
{
    BEGIN(SUBPLAN, subplan, &shared, 1);
    self->name = name;
    SET(self->columns, columns, shared->n_cols);
    return ps_node_finish(p, node);
}

/* Rows of one partition side by side, in the order they had: one file at a time is open, whatever
 * the number of partitions. */
static const ps_node *sort_for_partitions(ps_planner *p, const ps_node *input,
                                          const ps_dataset_spec *dataset)
{
    ps_sort_key *keys = PS_ARENA_ARRAY(p->cx, p->arena, ps_sort_key, dataset->n_partition + 1);

    for (uint32_t i = 0; keys && i < dataset->n_partition; i++) {
        const ps_col *col = &input->cols[dataset->partition[i]];
        keys[i].expr = ps_expr_column(p->cx, p->arena, col->id, col->type);
        if (!keys[i].expr) return NULL;
    }
    return keys ? ps_node_sort_new(p, input, keys, dataset->n_partition) : NULL;
}

const ps_node *ps_node_write_new(ps_planner *p, const ps_node *input, const ps_sink_spec *sink,
                                 ps_str count_name)
{
    if (sink->dataset && sink->dataset->n_partition)
        input = sort_for_partitions(p, input, sink->dataset);
    if (!input) return NULL;
    BEGIN(WRITE, write, &input, 1);
    ps_col col = {ps_planner_id(p), PS_TYPE(INT64), false, count_name};
    self->sink = sink;
    SET(self->columns, &col, 1);
    return ps_node_finish(p, node);
}
