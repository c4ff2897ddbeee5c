/* func/agg_collect.c -- string_agg, product, median and quantiles, mode, entropy, mad: results from
 * all rows of a group.
 *
 * The operator keeps the rows (exec/op_aggregate_collect.c); here are no states. Rows are read in
 * pieces, so a group may be larger than memory where its result isn't; what goes by value takes the
 * values into memory, or a run that is sorted by them (agg_value.h). Arguments after the first are
 * literals, read from the expression. Tests: tests/unit/test_aggregate.c,
 * tests/slt/op/aggregate_large.test */
#include "func/agg_collect.h"

#include "col/slots.h"
#include "func/agg_value.h"

#include <math.h>

ps_status ps_agg_result_too_large(ps_ctx *cx, const ps_agg *agg, uint64_t bytes)
{
    ps_ctx_clear(cx);
    ps_fail(cx, PS_MEMORY, "a result of %s doesn't fit into memory: it needs %llu bytes or more",
            agg->expr->func->name, (unsigned long long)bytes);
    ps_hint(cx, "raise memory_limit, or group by more columns");
    return PS_MEMORY;
}

void *ps_agg_result_alloc(ps_ctx *cx, const ps_agg *agg, ps_vec_buf *buf, uint64_t bytes)
{
    void *at = ps_arena_alloc_raw(cx, &buf->heap, bytes ? bytes : 1, PS_ALIGN);

    if (!at) ps_agg_result_too_large(cx, agg, PS_MAX(buf->heap.bytes, bytes));
    return at;
}

/* ---- string_agg ---- */

static ps_status text_bytes(ps_ctx *cx, ps_agg_run *run, size_t separator, uint64_t *bytes)
{
    ps_vec args[4];
    uint32_t n;

    *bytes = (run->n - 1) * separator;
    for (uint64_t at = 0; at < run->n; at += n) {
        PS_TRY(run->read(cx, run, at, PS_AGG_READ_ROWS, args, &n));
        const ps_view *texts = args[0].data;
        for (uint32_t i = 0; i < n; i++) *bytes += texts[i].n;
        PS_TRY(ps_poll(cx));
    }
    return PS_OK;
}

static ps_status text_join(ps_ctx *cx, ps_agg_run *run, ps_str separator, char *to)
{
    ps_vec args[4];
    uint32_t n;

    for (uint64_t at = 0; at < run->n; at += n) {
        PS_TRY(run->read(cx, run, at, PS_AGG_READ_ROWS, args, &n));
        const ps_view *texts = args[0].data;
        for (uint32_t i = 0; i < n; i++) {
            if (at + i && separator.n) memcpy(to, separator.at, separator.n), to += separator.n;
            if (texts[i].n) memcpy(to, ps_view_bytes(&texts[i]), texts[i].n);
            to += texts[i].n;
        }
        PS_TRY(ps_poll(cx));
    }
    return PS_OK;
}

static ps_status string_finish(ps_ctx *cx, const ps_agg *agg, ps_agg_run *run, ps_vec_buf *buf,
                               uint32_t row, ps_vec *out)
{
    ps_str separator = PS_STR(",");
    bool null = run->n == 0;
    uint64_t bytes;

    ps_agg_result_begin(agg, buf, row, out);
    if (agg->expr->n_args > 1) {
        const ps_expr *literal = agg->expr->args[1];
        if (!ps_expr_is_literal(literal))
            return ps_fail(cx, PS_UNSUPPORTED, "the separator of string_agg must be a constant");
        null |= literal->literal.null;
        separator = literal->literal.str;
    }
    if (null) return ps_agg_result_null(buf, row, out), PS_OK;
    PS_TRY(text_bytes(cx, run, separator.n, &bytes));
    if (bytes > UINT32_MAX)
        return ps_fail(cx, PS_VALUE, "the result of string_agg is too long: %llu bytes",
                       (unsigned long long)bytes);
    char *text = ps_agg_result_alloc(cx, agg, buf, bytes);
    if (!text) return PS_MEMORY;
    PS_TRY(text_join(cx, run, separator, text));
    ((ps_view *)buf->data)[row] = ps_view_of(text, bytes);
    return PS_OK;
}

/* Zeros of both signs are equal: the result is one of them, whichever came first. */
static void positive_zero(ps_layout layout, void *data, uint32_t row)
{
    if (layout == PS_LAYOUT_F64 && ((double *)data)[row] == 0) ((double *)data)[row] = 0;
    if (layout == PS_LAYOUT_F32 && ((float *)data)[row] == 0) ((float *)data)[row] = 0;
}

/* A picked value as the result; its text may go before the result does. */
static ps_status put(ps_ctx *cx, const ps_agg *agg, const char *slot, ps_vec_buf *buf, uint32_t row,
                     const ps_vec *out)
{
    const size_t bytes = ps_layout_bytes((ps_layout)out->layout);

    memcpy((char *)buf->data + row * bytes, slot, bytes);
    positive_zero((ps_layout)out->layout, buf->data, row);
    if (out->layout != PS_LAYOUT_VIEW) return PS_OK;
    ps_view *view = &((ps_view *)buf->data)[row];
    if (view->n <= 12) return PS_OK;
    char *copy = ps_agg_result_alloc(cx, agg, buf, view->n);
    if (!copy) return PS_MEMORY;
    memcpy(copy, view->at, view->n);
    view->at = copy;
    return PS_OK;
}

/* ---- quantiles ---- */

static ps_status quantile_of(ps_ctx *cx, const ps_agg *agg, double *out)
{
    *out = 0.5; /* median */
    if (agg->expr->n_args < 2) return PS_OK;
    const ps_expr *literal = agg->expr->args[1];
    if (!ps_expr_is_literal(literal) || literal->literal.null)
        return ps_fail(cx, PS_UNSUPPORTED, "a quantile must be a constant number");
    *out = literal->literal.f64;
    if (!(*out >= -1 && *out <= 1))
        return ps_fail(cx, PS_INVALID,
                       "a quantile must lie between 0 and 1, or -1 and 0 from the largest: %g",
                       *out);
    return PS_OK;
}

static ps_layout arg_layout(const ps_agg *agg) { return ps_type_layout(agg->expr->args[0]->type); }

static ps_status disc_finish(ps_ctx *cx, const ps_agg *agg, ps_agg_run *run, ps_vec_buf *buf,
                             uint32_t row, ps_vec *out)
{
    char slot[32] __attribute__((aligned(16)));
    const uint64_t n = run->n;
    double q;

    ps_agg_result_begin(agg, buf, row, out);
    if (n == 0) return ps_agg_result_null(buf, row, out), PS_OK;
    PS_TRY(quantile_of(cx, agg, &q));
    const double place = ceil(fabs(q) * (double)n) -
                         1; /* the least value with at least q of the rows at or below it */
    const uint64_t from_end = place < 0 ? 0 : (uint64_t)PS_MIN(place, (double)(n - 1));
    const uint64_t k = q < 0 ? n - 1 - from_end : from_end;
    PS_TRY(ps_agg_run_pick(cx, run, arg_layout(agg), k, 0, slot));
    return put(cx, agg, slot, buf, row, out);
}

/* Between two neighbours: a + (b - a) * part, in the result's type. */
static void interpolate(const ps_agg *agg, ps_layout layout, const char *pair, double part,
                        void *data, uint32_t row)
{
    if (layout == PS_LAYOUT_F64 || layout == PS_LAYOUT_F32) {
        const float *singles = (const float *)(const void *)pair;
        const double *doubles = (const double *)(const void *)pair;
        const double x = layout == PS_LAYOUT_F64 ? doubles[0] : (double)singles[0];
        const double y = layout == PS_LAYOUT_F64 ? doubles[1] : (double)singles[1];
        const double v = part == 0 || x == y ? x : x + (y - x) * part;
        if (agg->expr->type.id == PS_TYPE_FLOAT32) ((float *)data)[row] = (float)v;
        else ((double *)data)[row] = v;
        return;
    }
    const ps_i128 x = ps_slot_get(layout, pair, 0), y = ps_slot_get(layout, pair, 1);
    const __float128 v = (__float128)x + ((__float128)y - (__float128)x) * (__float128)part;
    if (agg->expr->type.id == PS_TYPE_FLOAT64) {
        ((double *)data)[row] = (double)v;
        return;
    }
    ps_i128 whole = (ps_i128)v; /* decimals round half away from zero */
    const __float128 rest = v - (__float128)whole;
    if (rest >= 0.5Q) whole++;
    else if (rest <= -0.5Q) whole--;
    ps_slot_put(ps_type_layout(agg->expr->type), data, row, part == 0 ? x : whole);
}

static ps_status cont_finish(ps_ctx *cx, const ps_agg *agg, ps_agg_run *run, ps_vec_buf *buf,
                             uint32_t row, ps_vec *out)
{
    char pair[32] __attribute__((aligned(16)));
    const ps_layout layout = arg_layout(agg);
    const uint64_t n = run->n;
    double q;

    ps_agg_result_begin(agg, buf, row, out);
    if (n == 0) return ps_agg_result_null(buf, row, out), PS_OK;
    PS_TRY(quantile_of(cx, agg, &q));
    const double place = fabs(q) * (double)(n - 1);
    const uint64_t from_end = (uint64_t)PS_MIN(floor(place), (double)(n - 1));
    const uint64_t k = q < 0 ? n - 1 - from_end : from_end;
    const double part = place - (double)from_end;
    const bool between = part > 0 && from_end + 1 < n;
    const size_t bytes = ps_layout_bytes(layout);
    PS_TRY(ps_agg_run_pick(cx, run, layout, k, !between ? 0 : q < 0 ? -1 : 1, pair));
    if (!between) memcpy(pair + bytes, pair, bytes);
    interpolate(agg, layout, pair, part, buf->data, row);
    positive_zero((ps_layout)out->layout, buf->data, row);
    return PS_OK;
}

/* ---- mode ---- */

/* The most frequent value; of several the one that came first. */
static ps_status mode_finish(ps_ctx *cx, const ps_agg *agg, ps_agg_run *run, ps_vec_buf *buf,
                             uint32_t row, ps_vec *out)
{
    uint64_t best_n = 0, best_first = 0, n, first = 0;
    ps_agg_stretches s;
    ps_status st = PS_OK;

    ps_agg_result_begin(agg, buf, row, out);
    if (run->n == 0) return ps_agg_result_null(buf, row, out), PS_OK;
    PS_GO(ps_agg_stretches_begin(cx, run, arg_layout(agg), &s));
    for (;;) {
        PS_GO(ps_agg_stretches_next(cx, &s, true, &n, &first));
        if (n == 0) break;
        if (n < best_n) continue;
        if (n == best_n && !(run->sorted ? run->newer_first(run) : first < best_first)) continue;
        if (run->sorted) run->keep_newer(run);
        best_n = n, best_first = first;
        PS_GO(put(cx, agg, s.last, buf, row, out));
    }
done:
    ps_agg_stretches_release(&s);
    return st;
}

/* ---- entropy ---- */

/* The sum of -p log2 p over the shares p of the different values; 0 without rows. */
static ps_status entropy_finish(ps_ctx *cx, const ps_agg *agg, ps_agg_run *run, ps_vec_buf *buf,
                                uint32_t row, ps_vec *out)
{
    uint64_t n, first;
    double sum = 0;
    ps_agg_stretches s;
    ps_status st = PS_OK;

    ps_agg_result_begin(agg, buf, row, out);
    ((double *)buf->data)[row] = 0;
    if (run->n == 0) return PS_OK;
    PS_GO(ps_agg_stretches_begin(cx, run, arg_layout(agg), &s));
    for (;;) {
        PS_GO(ps_agg_stretches_next(cx, &s, false, &n, &first));
        if (n == 0) break;
        const double share = (double)n / (double)run->n;
        sum += share * log2(1 / share);
    }
    ((double *)buf->data)[row] = sum;
done:
    ps_agg_stretches_release(&s);
    return st;
}

/* ---- mad ---- */

/* The middle of n doubles in memory. */
static ps_status middle(ps_ctx *cx, ps_agg_values *values, double *out)
{
    double pair[2];

    PS_TRY(ps_agg_values_pick(cx, values, (values->n - 1) / 2, values->n % 2 == 0 ? 1 : 0,
                              (char *)pair));
    *out = values->n % 2 || pair[0] == pair[1] ? pair[0] : pair[0] + (pair[1] - pair[0]) * 0.5;
    return PS_OK;
}

static ps_status mad_in_memory(ps_ctx *cx, ps_agg_run *run, double *out)
{
    ps_agg_values values = {0};
    double median = 0;
    ps_status st = ps_agg_values_load(cx, run, PS_LAYOUT_F64, &values);

    if (st == PS_OK) st = middle(cx, &values, &median);
    for (uint64_t i = 0; st == PS_OK && i < values.n; i++) {
        values.keys[i] = ps_agg_key_of_double(fabs(ps_agg_double_of_key(values.keys[i]) - median));
        if ((i & 0xffff) == 0xffff) st = ps_poll(cx);
    }
    if (st == PS_OK) st = middle(cx, &values, out);
    ps_agg_values_release(&values);
    return st;
}

/* n doubles of a run, from a place on. */
static ps_status doubles_read(ps_ctx *cx, ps_agg_run *run, uint64_t at, uint64_t n, double *out)
{
    ps_vec args[4];
    uint32_t m;

    for (uint64_t i = 0; i < n; i += m) {
        PS_TRY(run->read(cx, run, at + i, (uint32_t)PS_MIN(n - i, (uint64_t)PS_AGG_READ_ROWS), args,
                         &m));
        memcpy(out + i, args[0].data, m * sizeof(double));
        PS_TRY(ps_poll(cx));
    }
    return PS_OK;
}

/* The k-th distance from the median, of values in order: those of the k + 1 nearest lie side by
 * side, so it is the least, over all such stretches, of the farther end's. */
static ps_status distance_of(ps_ctx *cx, ps_agg_run *run, double median, uint64_t k, double *out)
{
    enum { PIECE = 1 << 16 };
    double *lo = ps_alloc(cx, 2 * PIECE * sizeof(*lo)), *hi = lo + PIECE;
    uint64_t least = UINT64_MAX;
    ps_status st = lo ? PS_OK : PS_MEMORY;

    for (uint64_t at = 0; st == PS_OK && at + k < run->n; at += PIECE) {
        const uint64_t n = PS_MIN((uint64_t)PIECE, run->n - k - at);
        st = doubles_read(cx, run, at, n, lo);
        if (st == PS_OK) st = doubles_read(cx, run, at + k, n, hi);
        for (uint64_t i = 0; st == PS_OK && i < n; i++) {
            const uint64_t a = ps_agg_key_of_double(fabs(lo[i] - median));
            const uint64_t b = ps_agg_key_of_double(fabs(hi[i] - median));
            least = PS_MIN(least, PS_MAX(a, b));
        }
    }
    ps_free(lo);
    *out = ps_agg_double_of_key(least);
    return st;
}

/* Distances from a median that is no number: infinite, or none. */
static ps_status distances_infinite(ps_ctx *cx, ps_agg_run *run, double median, uint64_t *n)
{
    ps_vec args[4];
    uint32_t m;

    *n = 0;
    for (uint64_t at = 0; at < run->n; at += m) {
        PS_TRY(run->read(cx, run, at, PS_AGG_READ_ROWS, args, &m));
        for (uint32_t i = 0; i < m; i++) {
            const double far = fabs(((const double *)args[0].data)[i] - median);
            *n += far == far;
        }
        PS_TRY(ps_poll(cx));
    }
    return PS_OK;
}

static ps_status mad_sorted(ps_ctx *cx, ps_agg_run *run, double *out)
{
    const uint64_t k = (run->n - 1) / 2, n_places = run->n % 2 ? 1 : 2;
    double pair[2], far[2] = {0};
    uint64_t n_infinite;

    PS_TRY(ps_agg_run_pick(cx, run, PS_LAYOUT_F64, k, n_places == 2 ? 1 : 0, (char *)pair));
    const double median =
        n_places == 1 || pair[0] == pair[1] ? pair[0] : pair[0] + (pair[1] - pair[0]) * 0.5;
    if (!isfinite(median)) PS_TRY(distances_infinite(cx, run, median, &n_infinite));
    for (uint64_t i = 0; i < n_places; i++) {
        if (isfinite(median)) PS_TRY(distance_of(cx, run, median, k + i, &far[i]));
        else far[i] = k + i < n_infinite ? INFINITY : NAN;
    }
    *out = n_places == 1 || far[0] == far[1] ? far[0] : far[0] + (far[1] - far[0]) * 0.5;
    return PS_OK;
}

/* The median of the distances from the median. */
static ps_status mad_finish(ps_ctx *cx, const ps_agg *agg, ps_agg_run *run, ps_vec_buf *buf,
                            uint32_t row, ps_vec *out)
{
    double *result = &((double *)buf->data)[row];

    ps_agg_result_begin(agg, buf, row, out);
    if (run->n == 0) return ps_agg_result_null(buf, row, out), PS_OK;
    return run->sorted ? mad_sorted(cx, run, result) : mad_in_memory(cx, run, result);
}

/* ---- product ---- */

/* Rounded after each factor: the order of rows is part of the result, as the catalog says. */
static ps_status product_finish(ps_ctx *cx, const ps_agg *agg, ps_agg_run *run, ps_vec_buf *buf,
                                uint32_t row, ps_vec *out)
{
    double product = 1;
    ps_vec args[4];
    uint32_t n;

    ps_agg_result_begin(agg, buf, row, out);
    if (run->n == 0) return ps_agg_result_null(buf, row, out), PS_OK;
    for (uint64_t at = 0; at < run->n; at += n) {
        PS_TRY(run->read(cx, run, at, PS_AGG_READ_ROWS, args, &n));
        for (uint32_t i = 0; i < n; i++) product *= ((const double *)args[0].data)[i];
        PS_TRY(ps_poll(cx));
    }
    ((double *)buf->data)[row] = product;
    return PS_OK;
}

static const ps_agg_class disc_class = {
    .collect = true, .by_value = true, .finish_run = disc_finish};
static const ps_agg_class cont_class = {
    .collect = true, .by_value = true, .finish_run = cont_finish};
static const ps_agg_class entropy_class = {
    .collect = true, .by_value = true, .finish_run = entropy_finish};
static const ps_agg_class mode_class = {
    .collect = true, .by_value = true, .finish_run = mode_finish};

static const ps_agg_class *disc_select(const ps_expr *expr)
{
    return ps_agg_has_order(ps_type_layout(expr->args[0]->type)) ? &disc_class : NULL;
}
static const ps_agg_class *cont_select(const ps_expr *expr)
{
    const ps_layout layout = ps_type_layout(expr->args[0]->type);
    return ps_agg_has_order(layout) && layout != PS_LAYOUT_VIEW ? &cont_class : NULL;
}
static const ps_agg_class *mode_select(const ps_expr *expr)
{
    return ps_agg_has_order(ps_type_layout(expr->args[0]->type)) ? &mode_class : NULL;
}

static const ps_agg_class *entropy_select(const ps_expr *expr)
{
    return ps_agg_has_order(ps_type_layout(expr->args[0]->type)) ? &entropy_class : NULL;
}

const ps_agg_class ps_aggfn_string_agg = {.collect = true, .finish_run = string_finish};
const ps_agg_class ps_aggfn_product = {.collect = true, .finish_run = product_finish};
const ps_agg_class ps_aggfn_quantile_cont = {.select = cont_select};
const ps_agg_class ps_aggfn_quantile_disc = {.select = disc_select};
const ps_agg_class ps_aggfn_mode = {.select = mode_select};
const ps_agg_class ps_aggfn_entropy = {.select = entropy_select};
const ps_agg_class ps_aggfn_mad = {.collect = true, .by_value = true, .finish_run = mad_finish};
