/* exec/op_sort.c -- sort and top-n.
 *
 * Each lane collects rows in pages beside their normalised keys (sort_keys.h) and sorts its own when its input ends; the
 * finish tasks merge ranges of the key between splitters, in parallel; the source gives rows in morsels. Ties keep the
 * input's order: a row's ordinal is its position, so the result is the same for any number of lanes.
 * Top-n keeps offset + count rows a lane: when twice as many are there it sorts, drops the rest and from then on
 * ignores rows that come after its last one. Tests: tests/slt/op/sort.test, topn.test */
#include "base/thread.h"
#include "exec/phys.h"
#include "exec/sort_keys.h"

enum { RANGE_ROWS = 64 * 1024, SAMPLES_PER_RUN = 64 };

typedef struct sort_config {
    ps_sort_spec spec;
    const ps_program *keys;
    uint32_t n_payload;
    const uint32_t *payload;    /* batch columns kept beside the keys: layout columns n_keys + i */
    const uint32_t *outs;       /* by output column: its layout column */
    uint64_t offset, count;     /* count UINT64_MAX: all */
} sort_config;

typedef struct sort_run {
    ps_rows rows;
    ps_sort_row *keys;
    size_t n, room;
} sort_run;

/* Where each run's part of a range begins; the last range's end is the runs' ends. */
typedef struct sort_range { size_t *begins; uint64_t first; uint64_t n; } sort_range;

typedef struct sort_shared {
    ps_mutex mutex;             /* guards runs while lanes combine */
    bool ready;
    PS_ARRAY(sort_run *) runs;
    sort_range *ranges;
    size_t n_ranges;
    uint8_t **sorted;           /* addresses of all rows in order */
    uint64_t n_rows;
} sort_shared;

typedef struct sort_local {
    ps_arena arena;
    ps_eval *eval;
    ps_vec *vecs;               /* keys, then payload */
    uint32_t *sel;
    uint8_t **addresses;
    ps_sort_row *batch;
    sort_run *run;
    ps_sort_row *limit;         /* top-n: the last row that can be in the result; NULL: not known yet */
    ps_sort_row limit_row;
} sort_local;

typedef struct sort_out { ps_arena arena; ps_vec_buf *bufs; uint64_t at, end, given; } sort_out;

static ps_status sort_open(ps_ctx *cx, ps_op *op)
{
    sort_shared *shared = op->shared;

    (void)cx;
    ps_mutex_init(&shared->mutex);
    shared->ready = true;
    return PS_OK;
}

static void run_free(sort_run *run)
{
    if (!run) return;
    ps_rows_release(&run->rows);
    ps_free(run->keys);
    ps_free(run);
}

static ps_status sort_sink_open(ps_ctx *cx, ps_op *op, void *local)
{
    const sort_config *config = op->config;
    sort_local *l = local;

    l->vecs = PS_ARENA_ARRAY(cx, &l->arena, ps_vec, config->spec.layout->n_cols + 1);
    l->sel = PS_ARENA_ARRAY(cx, &l->arena, uint32_t, PS_BATCH_ROWS_MAX);
    l->addresses = PS_ARENA_ARRAY(cx, &l->arena, uint8_t *, PS_BATCH_ROWS_MAX);
    l->batch = PS_ARENA_ARRAY(cx, &l->arena, ps_sort_row, PS_BATCH_ROWS_MAX);
    if (!l->vecs || !l->sel || !l->addresses || !l->batch) return PS_MEMORY;
    PS_TRY(ps_eval_new(cx, &l->arena, config->keys, &l->eval));
    l->run = ps_alloc_zero(cx, sizeof(*l->run));
    if (!l->run) return PS_MEMORY;
    ps_rows_init(&l->run->rows, config->spec.layout);
    return PS_OK;
}

static void sort_sink_close(ps_op *op, void *local)
{
    sort_local *l = local;

    (void)op;
    ps_eval_release(l->eval);
    run_free(l->run);
    ps_arena_release(&l->arena);
}

static ps_status run_reserve(ps_ctx *cx, sort_run *run, size_t n)
{
    if (n <= run->room) return PS_OK;
    const size_t room = PS_MAX(n, run->room * 2);
    ps_sort_row *keys = ps_realloc(cx, run->keys, room * sizeof(*keys));

    if (!keys) return PS_MEMORY;
    run->keys = keys;
    run->room = room;
    return PS_OK;
}

static ps_status run_sort(ps_ctx *cx, const ps_sort_spec *spec, sort_run *run)
{
    ps_sort_row *scratch = ps_alloc(cx, (run->n + 1) * sizeof(*scratch));

    if (!scratch) return PS_MEMORY;
    const ps_status st = ps_sort_rows(cx, spec, run->keys, scratch, run->n);
    ps_free(scratch);
    return st;
}

/* Keeps the first n of a sorted run and copies their rows together, so that the others' pages can go. */
static ps_status run_cut(ps_ctx *cx, const ps_sort_spec *spec, sort_run *run, size_t n)
{
    ps_rows kept;
    uint8_t *from[256], *to[256];

    ps_rows_init(&kept, spec->layout);
    for (size_t at = 0; at < n; at += PS_COUNT(from)) {
        const uint32_t m = (uint32_t)PS_MIN(PS_COUNT(from), n - at);

        for (uint32_t k = 0; k < m; k++) from[k] = run->keys[at + k].row;
        const ps_status st = ps_rows_append_rows(cx, &kept, from, m, to);
        if (st != PS_OK) {
            ps_rows_release(&kept);
            return st;
        }
        for (uint32_t k = 0; k < m; k++) run->keys[at + k].row = to[k];
    }
    ps_rows_release(&run->rows);
    run->rows = kept;
    run->n = n;
    return PS_OK;
}

/* The rows of the batch that can be in the result: their places in sel order, in `batch` too. */
static uint32_t drop_late(const sort_local *l, uint32_t n, const ps_batch *in)
{
    uint32_t kept = 0;

    for (uint32_t k = 0; k < n; k++) {
        const ps_sort_row *row = &l->batch[k];

        /* The words alone: a row whose words equal the limit's may be before it. */
        if (l->limit && (row->high > l->limit->high || (row->high == l->limit->high && row->low > l->limit->low))) continue;
        l->sel[kept] = ps_batch_row(in, k);
        l->batch[kept++] = *row;
    }
    return kept;
}

static ps_status top_n_trim(ps_ctx *cx, const sort_config *config, sort_local *l, bool end)
{
    const uint64_t want = config->offset + config->count;
    sort_run *run = l->run;

    if (run->n <= want || (!end && run->n < want * 2 + 4096)) return PS_OK;
    PS_TRY(run_sort(cx, &config->spec, run));
    PS_TRY(run_cut(cx, &config->spec, run, want));
    l->limit = NULL;
    if (want) {
        l->limit_row = run->keys[want - 1];
        l->limit = &l->limit_row;
    }
    return PS_OK;
}

/* Moves every page and looks the rows' addresses up again: the sort_rows are in the order of the pages until they are sorted. */
static ps_status relocate(ps_ctx *cx, const sort_config *config, sort_run *run)
{
    ps_row_cursor at = {0};
    uint8_t *rows[256];
    size_t next = 0;
    uint32_t n;

    if (config->count != UINT64_MAX) return PS_OK; /* top-n's are not in that order */
    PS_TRY(ps_rows_relocate(cx, &run->rows));
    while ((n = ps_rows_next(&run->rows, &at, PS_COUNT(rows), rows)) > 0) {
        for (uint32_t k = 0; k < n; k++) run->keys[next++].row = rows[k];
    }
    return PS_OK;
}

static ps_status sort_sink(ps_ctx *cx, ps_op *op, void *local, const ps_batch *in, ps_flow *flow)
{
    const sort_config *config = op->config;
    sort_local *l = local;
    sort_run *run = l->run;

    (void)flow;
    PS_TRY(ps_eval_run(cx, l->eval, in, l->vecs));
    for (uint32_t i = 0; i < config->n_payload; i++) l->vecs[config->spec.n_keys + i] = in->cols[config->payload[i]];
    PS_TRY(ps_sort_normalise(cx, &config->spec, l->vecs, in->sel, in->n_live, l->batch));
    for (uint32_t k = 0; k < in->n_live; k++) {
        l->batch[k].ordinal = in->first_row + ps_batch_row(in, k);
        l->batch[k].morsel = in->morsel;
    }
    const uint32_t n = drop_late(l, in->n_live, in);
    PS_TRY(run_reserve(cx, run, run->n + n));
    PS_TRY(ps_rows_append(cx, &run->rows, l->vecs, NULL, l->sel, n, l->addresses));
    for (uint32_t k = 0; k < n; k++) {
        run->keys[run->n + k] = l->batch[k];
        run->keys[run->n + k].row = l->addresses[k];
    }
    run->n += n;
    if (op->settings->relocate_pages) PS_TRY(relocate(cx, config, run));
    return config->count == UINT64_MAX ? PS_OK : top_n_trim(cx, config, l, false);
}

static ps_status sort_combine(ps_ctx *cx, ps_op *op, void *local)
{
    const sort_config *config = op->config;
    sort_shared *shared = op->shared;
    sort_local *l = local;

    if (config->count != UINT64_MAX) PS_TRY(top_n_trim(cx, config, l, true));
    PS_TRY(run_sort(cx, &config->spec, l->run));
    ps_mutex_lock(&shared->mutex);
    const ps_status st = PS_ARRAY_ADD(cx, &shared->runs, l->run);
    if (st == PS_OK) l->run = NULL;
    ps_mutex_unlock(&shared->mutex);
    return st;
}

/* Splitters: every so many rows of every run, sorted; ranges begin at evenly spaced ones. */
static ps_status choose_splitters(ps_ctx *cx, const ps_sort_spec *spec, const sort_shared *shared, ps_arena *arena,
                                  size_t n_ranges, ps_sort_row **out)
{
    const size_t n_max = shared->runs.n * SAMPLES_PER_RUN;
    ps_sort_row *samples = PS_ARENA_ARRAY(cx, arena, ps_sort_row, n_max + 1);
    ps_sort_row *scratch = PS_ARENA_ARRAY(cx, arena, ps_sort_row, n_max + 1);
    size_t n = 0;

    *out = PS_ARENA_ARRAY(cx, arena, ps_sort_row, n_ranges + 1);
    if (!samples || !scratch || !*out) return PS_MEMORY;
    for (size_t r = 0; r < shared->runs.n; r++) {
        const sort_run *run = shared->runs.at[r];

        for (size_t i = 0; i < SAMPLES_PER_RUN && run->n; i++) samples[n++] = run->keys[run->n * i / SAMPLES_PER_RUN];
    }
    PS_TRY(ps_sort_rows(cx, spec, samples, scratch, n));
    for (size_t i = 1; i < n_ranges; i++) (*out)[i] = samples[n * i / n_ranges];
    return PS_OK;
}

static ps_status sort_finish_plan(ps_ctx *cx, ps_op *op, uint64_t *n_tasks)
{
    const sort_config *config = op->config;
    sort_shared *shared = op->shared;
    ps_sort_row *splitters;
    uint64_t first = 0;

    for (size_t r = 0; r < shared->runs.n; r++) shared->n_rows += shared->runs.at[r]->n;
    shared->n_ranges = shared->n_rows / RANGE_ROWS + 1;
    shared->ranges = PS_ARENA_ARRAY(cx, &op->arena, sort_range, shared->n_ranges + 1);
    shared->sorted = ps_alloc(cx, (shared->n_rows + 1) * sizeof(uint8_t *));
    if (!shared->ranges || !shared->sorted) return PS_MEMORY;
    PS_TRY(choose_splitters(cx, &config->spec, shared, &op->arena, shared->n_ranges, &splitters));
    for (size_t i = 0; i <= shared->n_ranges; i++) {
        sort_range *range = &shared->ranges[i];

        range->begins = PS_ARENA_ARRAY(cx, &op->arena, size_t, shared->runs.n + 1);
        if (!range->begins) return PS_MEMORY;
        for (size_t r = 0; r < shared->runs.n; r++) {
            const sort_run *run = shared->runs.at[r];

            range->begins[r] = i == 0                  ? 0
                               : i == shared->n_ranges ? run->n
                                                       : ps_sort_lower(&config->spec, run->keys, run->n, &splitters[i]);
            if (i > 0) shared->ranges[i - 1].n += range->begins[r] - shared->ranges[i - 1].begins[r];
        }
        if (i > 0) first += shared->ranges[i - 1].n;
        range->first = first;
    }
    *n_tasks = shared->n_ranges;
    return PS_OK;
}

/* Merges the runs' parts of a range: runs are as few as lanes, so the smallest head is found by looking at all. */
static ps_status sort_finish_task(ps_ctx *cx, ps_op *op, uint64_t task)
{
    const sort_config *config = op->config;
    sort_shared *shared = op->shared;
    const sort_range *range = &shared->ranges[task];
    uint8_t **out = shared->sorted + range->first;
    ps_status st = PS_OK;
    size_t *at = ps_alloc(cx, (shared->runs.n + 1) * sizeof(*at));

    if (!at) return PS_MEMORY;
    memcpy(at, range->begins, shared->runs.n * sizeof(*at));
    for (uint64_t i = 0; i < range->n; i++) {
        size_t best = SIZE_MAX;

        if ((i & 16383) == 0) PS_GO(ps_poll(cx));
        for (size_t r = 0; r < shared->runs.n; r++) {
            if (at[r] == range[1].begins[r]) continue;
            if (best == SIZE_MAX || ps_sort_compare(&config->spec, &shared->runs.at[r]->keys[at[r]],
                                                    &shared->runs.at[best]->keys[at[best]]) < 0) {
                best = r;
            }
        }
        out[i] = shared->runs.at[best]->keys[at[best]++].row;
    }
done:
    ps_free(at);
    return st;
}

static ps_status sort_seal(ps_ctx *cx, ps_op *op)
{
    sort_shared *shared = op->shared;

    (void)cx;
    for (size_t r = 0; r < shared->runs.n; r++) {
        ps_free(shared->runs.at[r]->keys);
        shared->runs.at[r]->keys = NULL;
    }
    return PS_OK;
}

static void sort_close(ps_op *op)
{
    sort_shared *shared = op->shared;

    for (size_t r = 0; r < shared->runs.n; r++) run_free(shared->runs.at[r]);
    ps_free(shared->runs.at);
    ps_free(shared->sorted);
    if (shared->ready) ps_mutex_destroy(&shared->mutex);
}

/* Rows of the result, after the cut. */
static uint64_t sort_result_rows(const sort_config *config, const sort_shared *shared)
{
    if (shared->n_rows <= config->offset) return 0;
    return PS_MIN(shared->n_rows - config->offset, config->count);
}

static ps_status sort_source_plan(ps_ctx *cx, ps_op *op, uint64_t *n_morsels)
{
    (void)cx;
    *n_morsels = (sort_result_rows(op->config, op->shared) + PS_SEGMENT_ROWS - 1) / PS_SEGMENT_ROWS;
    return PS_OK;
}

static ps_status sort_source_open(ps_ctx *cx, ps_op *op, void *local)
{
    sort_out *l = local;

    l->bufs = PS_ARENA_ARRAY(cx, &l->arena, ps_vec_buf, op->n_cols + 1);
    if (!l->bufs) return PS_MEMORY;
    for (uint32_t c = 0; c < op->n_cols; c++) PS_TRY(ps_vec_buf_init(cx, &l->bufs[c], PS_BATCH_ROWS_MAX));
    return PS_OK;
}

static void sort_source_close(ps_op *op, void *local)
{
    sort_out *l = local;

    for (uint32_t c = 0; l->bufs && c < op->n_cols; c++) ps_vec_buf_release(&l->bufs[c]);
    ps_arena_release(&l->arena);
}

static ps_status sort_source_start(ps_ctx *cx, ps_op *op, void *local, uint64_t morsel)
{
    const sort_config *config = op->config;
    const uint64_t n = sort_result_rows(config, op->shared), first = morsel * PS_SEGMENT_ROWS;
    sort_out *l = local;

    (void)cx;
    l->at = config->offset + first;
    l->end = l->at + PS_MIN(n - first, PS_SEGMENT_ROWS);
    l->given = 0;
    return PS_OK;
}

static ps_status sort_source_next(ps_ctx *cx, ps_op *op, void *local, ps_batch *out, bool *done)
{
    const sort_config *config = op->config;
    const sort_shared *shared = op->shared;
    sort_out *l = local;
    const uint32_t n = (uint32_t)PS_MIN(cx->batch_rows, l->end - l->at);

    for (uint32_t c = 0; c < op->n_cols; c++) {
        PS_TRY(ps_rows_gather(cx, config->spec.layout, config->outs[c], shared->sorted + l->at, n, &l->bufs[c], &out->cols[c]));
    }
    out->n = out->n_live = n;
    out->n_cols = op->n_cols;
    out->first_row = l->given;
    l->given += n;
    l->at += n;
    *done = l->at == l->end;
    return PS_OK;
}

static const ps_op_class sort_class = {
    .name = "sort", .shared_size = sizeof(sort_shared), .sink_size = sizeof(sort_local), .source_size = sizeof(sort_out),
    .open = sort_open, .sink_open = sort_sink_open, .sink = sort_sink, .combine = sort_combine,
    .finish_plan = sort_finish_plan, .finish_task = sort_finish_task, .seal = sort_seal, .sink_close = sort_sink_close,
    .source_plan = sort_source_plan, .source_open = sort_source_open, .source_start = sort_source_start,
    .source_next = sort_source_next, .source_close = sort_source_close, .close = sort_close,
};

/* The row layout: keys, then the output columns that are no key themselves. */
static ps_status sort_layout(ps_phys *p, const ps_sort_key *keys, uint32_t n_keys, const ps_stream *in, const ps_col *cols,
                             uint32_t n_cols, sort_config *config)
{
    ps_type *types = PS_ARENA_ARRAY(p->cx, p->arena, ps_type, n_keys + n_cols + 1);
    uint32_t *payload = PS_ARENA_ARRAY(p->cx, p->arena, uint32_t, n_cols + 1);
    uint32_t *outs = PS_ARENA_ARRAY(p->cx, p->arena, uint32_t, n_cols + 1);
    const ps_row_layout *layout;

    if (!types || !payload || !outs) return PS_MEMORY;
    for (uint32_t k = 0; k < n_keys; k++) types[k] = keys[k].expr->type;
    for (uint32_t c = 0; c < n_cols; c++) {
        outs[c] = UINT32_MAX;
        for (uint32_t k = 0; k < n_keys && outs[c] == UINT32_MAX; k++) {
            if (keys[k].expr->kind == PS_EXPR_COLUMN && keys[k].expr->column == cols[c].id) outs[c] = k;
        }
        if (outs[c] != UINT32_MAX) continue;
        outs[c] = n_keys + config->n_payload;
        types[outs[c]] = cols[c].type;
        payload[config->n_payload++] = ps_cols_find(in->cols, in->n_cols, cols[c].id);
    }
    config->payload = payload;
    config->outs = outs;
    const ps_row_spec spec = {.types = types, .n_cols = n_keys + config->n_payload};
    PS_TRY(ps_row_layout_new(p->cx, p->arena, &spec, &layout));
    ps_sort_spec_init(&config->spec, keys, n_keys, layout);
    return PS_OK;
}

static ps_status sort_plan(ps_phys *p, const ps_node *node, const ps_sort_key *keys, uint32_t n_keys, uint64_t offset,
                           uint64_t count, const ps_col_set *needed, ps_stream *out)
{
    sort_config *config = PS_ARENA_NEW(p->cx, p->arena, sort_config);
    const ps_expr **exprs = PS_ARENA_ARRAY(p->cx, p->arena, const ps_expr *, n_keys + 1);
    const ps_col *cols;
    const ps_col_id *inputs;
    ps_col_set below;
    ps_stream in;
    uint32_t n;

    if (!config || !exprs) return PS_MEMORY;
    config->offset = offset;
    config->count = count;
    PS_TRY(ps_col_set_copy(p->cx, p->arena, needed, &below));
    for (uint32_t k = 0; k < n_keys; k++) {
        exprs[k] = keys[k].expr;
        ps_col_set_add_expr(&below, keys[k].expr);
    }
    PS_TRY(ps_phys_build(p, node->inputs[0], &below, &in));
    PS_TRY(ps_phys_keep(p, in.cols, in.n_cols, needed, &cols, &n));
    PS_TRY(ps_phys_inputs(p, &in, &inputs));
    PS_TRY(ps_program_new(p->cx, p->arena, exprs, n_keys, inputs, in.n_cols, &config->keys));
    PS_TRY(sort_layout(p, keys, n_keys, &in, cols, n, config));
    ps_op *op = ps_phys_op(p, &sort_class, node, config, cols, n);
    if (!op) return PS_MEMORY;
    PS_TRY(ps_phys_close(p, &in, op));
    return ps_phys_source(p, op, true, out);
}

ps_status ps_phys_sort(ps_phys *p, const ps_node *node, const ps_col_set *needed, ps_stream *out)
{
    const ps_node_sort *sort = ps_node_as_sort(node);

    return sort_plan(p, node, sort->keys.at, sort->keys.n, 0, UINT64_MAX, needed, out);
}

ps_status ps_phys_topn(ps_phys *p, const ps_node *node, const ps_col_set *needed, ps_stream *out)
{
    const ps_node_topn *topn = ps_node_as_topn(node);

    return sort_plan(p, node, topn->keys.at, topn->keys.n, (uint64_t)topn->offset, (uint64_t)topn->count, needed, out);
}
