/* exec/op_scan.c -- reads a source; the pushed filters run inside the reader, stage by stage.
 *
 * Tests: tests/slt/op/scan.test */
#include "exec/op_scan.h"

#include "base/array.h"
#include "exec/scan_ranges.h"

typedef struct scan_config {
    const ps_source *source;
    ps_scan_request request;
    const ps_program *const *filters; /* request.n_filters */
    const uint32_t *not_null; /* by filter: the column that it says isn't null; UINT32_MAX: more */
    PS_ARRAY(ps_dynamic_filter *) dynamic;
} scan_config;

typedef struct scan_shared {
    ps_scan *scan;
} scan_shared;

typedef struct scan_local {
    ps_scan_filter filter; /* first: the reader hands it back */
    ps_op *op;
    ps_arena arena;
    ps_eval **evals;   /* by stage */
    uint32_t *sels[2]; /* a stage reads one selection and writes the other */
    ps_reader *reader;
} scan_local;

static ps_status scan_source_plan(ps_ctx *cx, ps_op *op, uint64_t *n_morsels)
{
    const scan_config *config = op->config;
    scan_shared *shared = op->shared;

    PS_TRY(config->source->class->scan_open(cx, &op->arena, config->source, &config->request,
                                            &shared->scan));
    *n_morsels = shared->scan->n_morsels;
    op->lane_bytes = shared->scan->reader_bytes;
    return PS_OK;
}

/* Rows that were read count, whether a filter takes them or not. */
static ps_status scan_count(ps_ctx *cx, ps_op *op, uint32_t n_rows)
{
    const uint64_t max = op->settings->rows_scanned_max;

    if (PS_LIKELY(max == 0)) return PS_OK;
    /* relaxed: a sum */
    if (atomic_fetch_add_explicit(op->rows_scanned, n_rows, memory_order_relaxed) + n_rows <= max)
        return PS_OK;
    ps_fail(cx, PS_LIMIT, "the statement reads more rows than it may: max_rows_scanned is %llu",
            (unsigned long long)max);
    ps_hint(cx,
            "SET max_rows_scanned allows more, 0 any number; a filter on a column that files or "
            "tables are ordered by reads fewer");
    return PS_LIMIT;
}

/* Whether the stage asks that a column isn't null, which it never is in this batch. */
static bool passes_all(const scan_config *config, uint32_t stage, const ps_batch *batch)
{
    const uint32_t column = config->not_null[stage];

    if (column == UINT32_MAX) return false;
    const ps_vec *vec = &batch->cols[column];
    return !vec->valid && vec->layout != PS_LAYOUT_NONE &&
           (vec->encoding != PS_ENC_DICTIONARY || !vec->dict->values.valid);
}

static ps_status scan_run_filter(ps_ctx *cx, ps_scan_filter *filter, uint32_t stage,
                                 ps_batch *batch)
{
    scan_local *l = filter->user;
    uint32_t *sel = batch->sel == l->sels[0] ? l->sels[1] : l->sels[0];

    uint32_t n; /* not batch->n_live: the program still reads it */

    if (stage == 0 && !filter->again) PS_TRY(scan_count(cx, l->op, batch->n));
    if (passes_all(l->op->config, stage, batch)) return PS_OK;
    PS_TRY(ps_eval_filter(cx, l->evals[stage], batch, sel, &n));
    batch->n_live = n;
    batch->sel = sel;
    return PS_OK;
}

static ps_status scan_source_open(ps_ctx *cx, ps_op *op, void *local)
{
    const scan_config *config = op->config;
    const scan_shared *shared = op->shared;
    scan_local *l = local;

    l->op = op;
    l->filter = (ps_scan_filter){.run = scan_run_filter, .user = l};
    l->evals = PS_ARENA_ARRAY(cx, &l->arena, ps_eval *, config->request.n_filters + 1);
    if (!l->evals) return PS_MEMORY;
    for (uint32_t i = 0; i < 2; i++) {
        l->sels[i] = PS_ARENA_ARRAY(cx, &l->arena, uint32_t, PS_BATCH_ROWS_MAX);
        if (!l->sels[i]) return PS_MEMORY;
    }
    for (uint32_t i = 0; i < config->request.n_filters; i++) {
        PS_TRY(ps_eval_new(cx, &l->arena, config->filters[i], &l->evals[i]));
    }
    return config->source->class->reader_open(cx, &l->arena, shared->scan, &l->filter, &l->reader);
}

static void scan_source_close(ps_op *op, void *local)
{
    const scan_config *config = op->config;
    scan_local *l = local;

    if (l->reader) config->source->class->reader_close(l->reader);
    for (uint32_t i = 0; l->evals && i < config->request.n_filters; i++)
        ps_eval_release(l->evals[i]);
    ps_arena_release(&l->arena);
}

static ps_status scan_source_start(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel)
{
    const scan_config *config = op->config;

    return config->source->class->reader_start(cx, ((scan_local *)local)->reader, morsel);
}

static ps_status scan_source_next(ps_ctx *cx, ps_op *op, void *local, ps_batch *out, bool *done)
{
    const scan_config *config = op->config;

    PS_TRY(config->source->class->reader_next(cx, ((scan_local *)local)->reader, out, done));
    return config->request.n_filters ? PS_OK : scan_count(cx, op, out->n);
}

static void scan_close(ps_op *op)
{
    const scan_config *config = op->config;
    scan_shared *shared = op->shared;

    if (shared->scan) config->source->class->scan_close(shared->scan);
}

static void scan_explain(const ps_op *op, ps_text *out)
{
    const scan_config *config = op->config;
    const scan_shared *shared = op->shared;
    const ps_scan_facts *facts = shared->scan ? &shared->scan->facts : NULL;
    const char *separator = "";

    if (facts && facts->part) {
        ps_text_printf(out, "%llu of %llu %s left out, %llu rows unread",
                       (unsigned long long)facts->n_left_out, (unsigned long long)facts->n_parts,
                       facts->part, (unsigned long long)facts->n_rows_unread);
        separator = ", ";
        if (facts->n_bytes_back)
            ps_text_printf(out, ", %llu bytes back from temporary files",
                           (unsigned long long)facts->n_bytes_back);
    }
    for (size_t i = 0; i < config->dynamic.n; i++) {
        const ps_dynamic_filter *filter = config->dynamic.at[i];

        if (!filter->ready) continue;
        ps_text_printf(out, "%s%s%.*s", separator, i ? "" : "filtered by join on ",
                       PS_STR_ARGS(op->cols[filter->column].name));
        separator = ", ";
    }
}

static const ps_op_class scan_class = {
    .name = "scan",
    .shared_size = sizeof(scan_shared),
    .source_size = sizeof(scan_local),
    .source_plan = scan_source_plan,
    .source_open = scan_source_open,
    .source_start = scan_source_start,
    .source_next = scan_source_next,
    .source_close = scan_source_close,
    .close = scan_close,
    .explain = scan_explain,
};

/* Which column of the pipeline's scan its last operator gives as `column`, by another name or the
 * same; UINT32_MAX: none, or it is computed. */
static uint32_t scanned_as(const ps_pipeline *pipe, ps_col_id column)
{
    for (size_t i = pipe->ops.n; i-- > 0;) {
        const ps_node *node = pipe->ops.at[i]->node;
        const ps_expr *expr = NULL;

        if (!node || node->kind != PS_NODE_PROJECT) continue;
        const ps_node_project *project = ps_node_as_project(node);
        for (uint32_t k = 0; k < project->items.n && !expr; k++)
            if (project->items.at[k].col.id == column) expr = project->items.at[k].expr;
        if (!expr || expr->kind != PS_EXPR_COLUMN) return UINT32_MAX;
        column = expr->column;
    }
    if (pipe->source->class != &scan_class) return UINT32_MAX;
    return ps_cols_find(pipe->source->cols, pipe->source->n_cols, column);
}

ps_status ps_scan_dynamic(ps_phys *p, const ps_pipeline *pipe, ps_col_id column,
                          ps_dynamic_filter **out)
{
    const uint32_t at = scanned_as(pipe, column);

    *out = NULL;
    if (at == UINT32_MAX) return PS_OK;
    scan_config *config = pipe->source->config;
    ps_dynamic_filter *filter = PS_ARENA_NEW(p->cx, p->arena, ps_dynamic_filter);
    if (!filter) return PS_MEMORY;
    filter->column = at;
    PS_TRY(PS_ARRAY_ADD_IN(p->cx, p->arena, &config->dynamic, filter));
    config->request.dynamic = config->dynamic.at;
    config->request.n_dynamic = (uint32_t)config->dynamic.n;
    *out = filter;
    return PS_OK;
}

ps_status ps_scan_bounds(ps_phys *p, const ps_pipeline *pipe, ps_col_id column, int64_t *lo,
                         int64_t *hi, bool *known)
{
    const uint32_t at = scanned_as(pipe, column);

    *known = false;
    if (at == UINT32_MAX) return PS_OK;
    const scan_config *config = pipe->source->config;
    ps_source_col col;
    PS_TRY(ps_source_column(p->cx, config->source, config->request.columns[at], &col));
    *known = col.stats.has_range && col.stats.min.i >= INT64_MIN && col.stats.max.i <= INT64_MAX;
    if (*known) *lo = (int64_t)col.stats.min.i, *hi = (int64_t)col.stats.max.i;
    return PS_OK;
}

/* Which request columns a filter reads. */
static ps_status scan_filter_columns(ps_phys *p, const ps_expr *filter, const ps_col *cols,
                                     uint32_t n_cols, const uint32_t **out, uint32_t *n_out)
{
    uint32_t *list = PS_ARENA_ARRAY(p->cx, p->arena, uint32_t, n_cols + 1);
    ps_col_set used = {.n_words = (p->n_ids + 63) / 64};

    used.bits = PS_ARENA_ARRAY(p->cx, p->arena, uint64_t, used.n_words + 1);
    *n_out = 0;
    *out = list;
    if (!list || !used.bits) return PS_MEMORY;
    ps_col_set_add_expr(&used, filter);
    for (uint32_t i = 0; i < n_cols; i++) {
        if (ps_col_set_has(&used, cols[i].id)) list[(*n_out)++] = i;
    }
    return PS_OK;
}

static ps_status scan_plan_filters(ps_phys *p, const ps_node_scan *scan, const ps_stream *stream,
                                   scan_config *config)
{
    const uint32_t n = scan->filters.n;
    const ps_program **programs = PS_ARENA_ARRAY(p->cx, p->arena, const ps_program *, n + 1);
    const uint32_t **columns = PS_ARENA_ARRAY(p->cx, p->arena, const uint32_t *, n + 1);
    uint32_t *n_columns = PS_ARENA_ARRAY(p->cx, p->arena, uint32_t, n + 1);
    uint32_t *not_null = PS_ARENA_ARRAY(p->cx, p->arena, uint32_t, n + 1);
    const ps_col_id *inputs;

    if (!programs || !columns || !n_columns || !not_null) return PS_MEMORY;
    PS_TRY(ps_phys_inputs(p, stream, &inputs));
    for (uint32_t i = 0; i < n; i++) {
        PS_TRY(ps_program_new(p->cx, p->arena, &scan->filters.at[i], 1, inputs, stream->n_cols,
                              &programs[i]));
        PS_TRY(scan_filter_columns(p, scan->filters.at[i], stream->cols, stream->n_cols,
                                   &columns[i], &n_columns[i]));
        const ps_expr *filter = scan->filters.at[i];
        const bool simple = filter->kind == PS_EXPR_CALL &&
                            strcmp(filter->func->name, "is_not_null") == 0 &&
                            filter->args[0]->kind == PS_EXPR_COLUMN;
        not_null[i] = simple ? columns[i][0] : UINT32_MAX;
    }
    config->filters = programs;
    config->not_null = not_null;
    config->request.filter_columns = columns;
    config->request.n_filter_columns = n_columns;
    config->request.n_filters = n;
    return ps_scan_ranges(p->cx, p->arena, scan->filters.at, n, stream->cols, stream->n_cols,
                          &config->request.ranges, &config->request.n_ranges);
}

ps_status ps_phys_scan(ps_phys *p, const ps_node *node, const ps_col_set *needed, ps_stream *out)
{
    const ps_node_scan *scan = ps_node_as_scan(node);
    scan_config *config = PS_ARENA_NEW(p->cx, p->arena, scan_config);
    ps_col *cols = PS_ARENA_ARRAY(p->cx, p->arena, ps_col, scan->columns.n + 1);
    uint32_t *ordinals = PS_ARENA_ARRAY(p->cx, p->arena, uint32_t, scan->columns.n + 1);
    ps_col_set used;
    uint32_t n = 0;

    if (!config || !cols || !ordinals) return PS_MEMORY;
    PS_TRY(ps_col_set_copy(p->cx, p->arena, needed, &used));
    for (uint32_t i = 0; i < scan->filters.n; i++) ps_col_set_add_expr(&used, scan->filters.at[i]);
    for (uint32_t i = 0; i < scan->columns.n; i++) {
        if (!ps_col_set_has(&used, scan->columns.at[i].col.id)) continue;
        cols[n] = scan->columns.at[i].col;
        ordinals[n++] = scan->columns.at[i].source_column;
    }
    config->source = scan->source;
    config->request = (ps_scan_request){.columns = ordinals,
                                        .n_columns = n,
                                        .limit = scan->limit > 0 ? (uint64_t)scan->limit - 1 : 0};
    ps_op *op = ps_phys_op(p, &scan_class, node, config, cols, n);
    if (!op) return PS_MEMORY;
    op->lane_needs = config->source->class->reader_needs;
    if (config->source->class->reader_bytes)
        op->lane_bytes =
            config->source->class->reader_bytes(p->cx, config->source, &config->request);
    PS_TRY(ps_phys_source(p, op, false, out));
    return scan_plan_filters(p, scan, out, config);
}
