/* func/agg_collect.c -- string_agg, product, median and quantiles, mode, entropy, mad: results from
 * all rows of a group.
 *
 * The operator keeps the rows (exec/op_aggregate_collect.c); here are no states. Arguments after
 * the first are literals, read from the expression. Quantiles select in place of sorting (Hoare's),
 * in the vector's own memory, which the operator gathered for this call. Order of values is
 * sorting's: NaN above numbers. Tests: tests/unit/test_aggregate.c */
#include "func/agg_collect.h"

#include "col/slots.h"

#include <math.h>

/* ---- string_agg ---- */

static ps_status string_finish(ps_ctx *cx, const ps_agg *agg, const ps_vec *args, uint32_t n,
                               ps_vec_buf *buf, uint32_t row, ps_vec *out)
{
    const ps_view *texts = n ? args[0].data : NULL;
    ps_str separator = PS_STR(",");
    uint64_t bytes = 0;

    ps_agg_result_begin(agg, buf, row, out);
    if (agg->expr->n_args > 1) {
        const ps_expr *literal = agg->expr->args[1];
        if (!ps_expr_is_literal(literal))
            return ps_fail(cx, PS_UNSUPPORTED, "the separator of string_agg must be a constant");
        if (literal->literal.null) n = 0;
        separator = literal->literal.str;
    }
    if (n == 0) {
        ps_agg_result_null(buf, row, out);
        return PS_OK;
    }
    for (uint32_t i = 0; i < n; i++) bytes += texts[i].n + (i ? separator.n : 0);
    if (bytes > UINT32_MAX)
        return ps_fail(cx, PS_VALUE, "the result of string_agg is too long: %llu bytes",
                       (unsigned long long)bytes);
    char *text = ps_arena_alloc_raw(cx, &buf->heap, bytes ? bytes : 1, 1), *to = text;
    if (!text) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        if (i && separator.n) memcpy(to, separator.at, separator.n), to += separator.n;
        if (texts[i].n) memcpy(to, ps_view_bytes(&texts[i]), texts[i].n);
        to += texts[i].n;
    }
    ((ps_view *)buf->data)[row] = ps_view_of(text, bytes);
    return PS_OK;
}

/* Zeros of both signs are equal: the result is one of them, whichever came first. */
static void positive_zero(ps_layout layout, void *data, uint32_t row)
{
    if (layout == PS_LAYOUT_F64 && ((double *)data)[row] == 0) ((double *)data)[row] = 0;
    if (layout == PS_LAYOUT_F32 && ((float *)data)[row] == 0) ((float *)data)[row] = 0;
}

/* ---- order of slots ---- */

typedef struct slots {
    ps_layout layout;
    size_t bytes;
    const char *data;
} slots;

static int slots_order(const slots *s, uint32_t a, uint32_t b)
{
    const char *x = s->data + a * s->bytes, *y = s->data + b * s->bytes;

    if (s->layout == PS_LAYOUT_VIEW)
        return ps_view_compare((const ps_view *)(const void *)x, (const ps_view *)(const void *)y);
    if (s->layout == PS_LAYOUT_F64 || s->layout == PS_LAYOUT_F32) {
        const double v = s->layout == PS_LAYOUT_F64 ? *(const double *)(const void *)x
                                                    : (double)*(const float *)(const void *)x;
        const double w = s->layout == PS_LAYOUT_F64 ? *(const double *)(const void *)y
                                                    : (double)*(const float *)(const void *)y;
        if (v != v || w != w) return (v != v) - (w != w);
        return (v > w) - (v < w);
    }
    const ps_i128 v = ps_slot_get(s->layout, s->data, a), w = ps_slot_get(s->layout, s->data, b);
    return (v > w) - (v < w);
}

static bool slots_have_order(ps_layout layout)
{
    return layout == PS_LAYOUT_BOOL || ps_layout_is_int(layout) || layout == PS_LAYOUT_F32 ||
           layout == PS_LAYOUT_F64 || layout == PS_LAYOUT_VIEW;
}

/* Puts the k-th least of index[lo..hi] in its place, smaller ones before it, larger ones behind.
 * Three parts a round, so that many equal values cost nothing. */
static ps_status select_kth(ps_ctx *cx, const slots *s, uint32_t *index, uint32_t n, uint32_t k)
{
    uint32_t lo = 0, hi = n - 1;

    while (lo < hi) {
        const uint32_t x = lo + (hi - lo) / 2, y = lo + (hi - lo) / 4, z = hi - (hi - lo) / 4;
        const uint32_t a = index[x], b = index[y], c = index[z];
        const uint32_t pivot = slots_order(s, a, b) < 0 ? (slots_order(s, b, c) < 0   ? b
                                                           : slots_order(s, a, c) < 0 ? c
                                                                                      : a)
                                                        : (slots_order(s, a, c) < 0   ? a
                                                           : slots_order(s, b, c) < 0 ? c
                                                                                      : b);
        uint32_t less = lo, i = lo, more = hi + 1;
        while (i < more) {
            const int way = slots_order(s, index[i], pivot);
            const uint32_t at = way < 0 ? less++ : way > 0 ? --more : i;
            const uint32_t t = index[at];
            index[at] = index[i];
            index[i] = t;
            if (way <= 0) i++;
        }
        PS_TRY(ps_poll(cx));
        if (k < less) hi = less - 1;
        else if (k >= more) lo = more;
        else return PS_OK;
    }
    return PS_OK;
}

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

static uint32_t *index_new(ps_ctx *cx, uint32_t n)
{
    uint32_t *index = ps_alloc(cx, (size_t)n * sizeof(*index));
    for (uint32_t i = 0; index && i < n; i++) index[i] = i;
    return index;
}

static ps_status disc_finish(ps_ctx *cx, const ps_agg *agg, const ps_vec *args, uint32_t n,
                             ps_vec_buf *buf, uint32_t row, ps_vec *out)
{
    double q;

    ps_agg_result_begin(agg, buf, row, out);
    if (n == 0) return ps_agg_result_null(buf, row, out), PS_OK;
    PS_TRY(quantile_of(cx, agg, &q));
    const slots s = {(ps_layout)args[0].layout, ps_layout_bytes((ps_layout)args[0].layout),
                     args[0].data};
    uint32_t *index = index_new(cx, n);
    if (!index) return PS_MEMORY;
    const double place = ceil(fabs(q) * (double)n) -
                         1; /* the least value with at least q of the rows at or below it */
    const uint32_t from_end = place < 0 ? 0 : (uint32_t)PS_MIN(place, (double)(n - 1));
    const uint32_t k = q < 0 ? n - 1 - from_end : from_end;
    const ps_status st = select_kth(cx, &s, index, n, k);
    if (st == PS_OK)
        memcpy((char *)buf->data + row * s.bytes, s.data + index[k] * s.bytes, s.bytes);
    positive_zero((ps_layout)out->layout, buf->data, row);
    if (st == PS_OK && s.layout == PS_LAYOUT_VIEW) {
        ps_view *view =
            &((ps_view *)buf->data)[row]; /* the argument's text may go before the result does */
        char *copy = view->n > 12 ? ps_arena_strndup(cx, &buf->heap, view->at, view->n) : NULL;
        if (view->n > 12 && !copy) return ps_free(index), PS_MEMORY;
        if (copy) view->at = copy;
    }
    ps_free(index);
    return st;
}

/* Between two neighbours: a + (b - a) * part, in the result's type. */
static void interpolate(const ps_agg *agg, const slots *s, uint32_t a, uint32_t b, double part,
                        void *data, uint32_t row)
{
    if (s->layout == PS_LAYOUT_F64 || s->layout == PS_LAYOUT_F32) {
        const double x = s->layout == PS_LAYOUT_F64
                             ? ((const double *)(const void *)s->data)[a]
                             : (double)((const float *)(const void *)s->data)[a];
        const double y = s->layout == PS_LAYOUT_F64
                             ? ((const double *)(const void *)s->data)[b]
                             : (double)((const float *)(const void *)s->data)[b];
        const double v = part == 0 || x == y ? x : x + (y - x) * part;
        if (agg->expr->type.id == PS_TYPE_FLOAT32) ((float *)data)[row] = (float)v;
        else ((double *)data)[row] = v;
        return;
    }
    const ps_i128 x = ps_slot_get(s->layout, s->data, a), y = ps_slot_get(s->layout, s->data, b);
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

/* What follows the k-th in order, of rows split at k: the least behind it, or going down the
 * greatest before it. */
static uint32_t neighbour(const slots *s, const uint32_t *index, uint32_t n, uint32_t k, bool down)
{
    uint32_t next = down ? k - 1 : k + 1;
    const uint32_t begin = down ? 0 : k + 2, end = down ? k : n;

    for (uint32_t i = begin; i < end; i++) {
        const int way = slots_order(s, index[i], index[next]);

        if (down ? way > 0 : way < 0) next = i;
    }
    return next;
}

static ps_status cont_finish(ps_ctx *cx, const ps_agg *agg, const ps_vec *args, uint32_t n,
                             ps_vec_buf *buf, uint32_t row, ps_vec *out)
{
    double q;

    ps_agg_result_begin(agg, buf, row, out);
    if (n == 0) return ps_agg_result_null(buf, row, out), PS_OK;
    PS_TRY(quantile_of(cx, agg, &q));
    const slots s = {(ps_layout)args[0].layout, ps_layout_bytes((ps_layout)args[0].layout),
                     args[0].data};
    uint32_t *index = index_new(cx, n);
    if (!index) return PS_MEMORY;
    const double place = fabs(q) * (double)(n - 1);
    const uint32_t from_end = (uint32_t)PS_MIN(floor(place), (double)(n - 1));
    const uint32_t k = q < 0 ? n - 1 - from_end : from_end;
    const double part = place - (double)from_end;
    ps_status st = select_kth(cx, &s, index, n, k);
    const bool between = part > 0 && from_end + 1 < n;
    const uint32_t next = st == PS_OK && between ? neighbour(&s, index, n, k, q < 0) : k;
    if (st == PS_OK) interpolate(agg, &s, index[k], index[next], part, buf->data, row);
    positive_zero((ps_layout)out->layout, buf->data, row);
    ps_free(index);
    return st;
}

/* ---- mode ---- */

static void sift(const slots *s, uint32_t *index, uint32_t at, uint32_t n)
{
    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && slots_order(s, index[child], index[child + 1]) < 0) child++;
        if (slots_order(s, index[at], index[child]) >= 0) return;
        const uint32_t t = index[at];
        index[at] = index[child];
        index[child] = t;
    }
}

static ps_status heap_sort(ps_ctx *cx, const slots *s, uint32_t *index, uint32_t n)
{
    for (uint32_t i = n / 2; i-- > 0;) sift(s, index, i, n);
    for (uint32_t i = n; i-- > 1;) {
        const uint32_t t = index[0];
        index[0] = index[i];
        index[i] = t;
        sift(s, index, 0, i);
        if ((i & 16383) == 0) PS_TRY(ps_poll(cx));
    }
    return PS_OK;
}

/* The values of a column in order, as an index of its rows; NULL: failed. Free it. */
static uint32_t *sorted_rows(ps_ctx *cx, const ps_vec *arg, uint32_t n, slots *s)
{
    uint32_t *index = index_new(cx, n);

    *s = (slots){(ps_layout)arg->layout, ps_layout_bytes((ps_layout)arg->layout), arg->data};
    if (index && heap_sort(cx, s, index, n) != PS_OK) {
        ps_free(index);
        return NULL;
    }
    return index;
}

/* The most frequent value; of several the one that came first. */
static ps_status mode_finish(ps_ctx *cx, const ps_agg *agg, const ps_vec *args, uint32_t n,
                             ps_vec_buf *buf, uint32_t row, ps_vec *out)
{
    uint32_t best = 0, best_n = 0, best_first = 0;

    ps_agg_result_begin(agg, buf, row, out);
    if (n == 0) return ps_agg_result_null(buf, row, out), PS_OK;
    slots s;
    uint32_t *index = sorted_rows(cx, &args[0], n, &s);
    if (!index) return cx->error.code;
    for (uint32_t i = 0, end; i < n; i = end) {
        uint32_t first = index[i];
        for (end = i + 1; end < n && slots_order(&s, index[i], index[end]) == 0; end++)
            first = PS_MIN(first, index[end]);
        if (end - i < best_n || (end - i == best_n && first > best_first)) continue;
        best = first, best_n = end - i, best_first = first;
    }
    ps_free(index);
    memcpy((char *)buf->data + row * s.bytes, s.data + best * s.bytes, s.bytes);
    positive_zero((ps_layout)out->layout, buf->data, row);
    if (s.layout == PS_LAYOUT_VIEW) {
        ps_view *view = &((ps_view *)buf->data)[row];
        char *copy = view->n > 12 ? ps_arena_strndup(cx, &buf->heap, view->at, view->n) : NULL;
        if (view->n > 12 && !copy) return PS_MEMORY;
        if (copy) view->at = copy;
    }
    return PS_OK;
}

/* ---- entropy ---- */

/* The sum of -p log2 p over the shares p of the different values; 0 without rows. */
static ps_status entropy_finish(ps_ctx *cx, const ps_agg *agg, const ps_vec *args, uint32_t n,
                                ps_vec_buf *buf, uint32_t row, ps_vec *out)
{
    double sum = 0;

    ps_agg_result_begin(agg, buf, row, out);
    ((double *)buf->data)[row] = 0;
    if (n == 0) return PS_OK;
    slots s;
    uint32_t *index = sorted_rows(cx, &args[0], n, &s);
    if (!index) return cx->error.code;
    for (uint32_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && slots_order(&s, index[i], index[end]) == 0;) end++;
        const double share = (double)(end - i) / (double)n;
        sum += share * log2(1 / share);
    }
    ps_free(index);
    ((double *)buf->data)[row] = sum;
    return PS_OK;
}

/* ---- mad ---- */

/* The middle of n doubles, in place. */
static ps_status middle(ps_ctx *cx, const double *x, uint32_t *index, uint32_t n, double *out)
{
    const slots s = {PS_LAYOUT_F64, sizeof(double), (const char *)x};
    const uint32_t k = (n - 1) / 2;

    PS_TRY(select_kth(cx, &s, index, n, k));
    const uint32_t next = n % 2 == 0 ? neighbour(&s, index, n, k, false) : k;
    const double a = x[index[k]], b = x[index[next]];
    *out = a == b ? a : a + (b - a) * 0.5;
    return PS_OK;
}

/* The median of the distances from the median. */
static ps_status mad_finish(ps_ctx *cx, const ps_agg *agg, const ps_vec *args, uint32_t n,
                            ps_vec_buf *buf, uint32_t row, ps_vec *out)
{
    double *far = NULL, median, mad = 0;
    uint32_t *index = NULL;
    ps_status st = PS_OK;

    ps_agg_result_begin(agg, buf, row, out);
    if (n == 0) return ps_agg_result_null(buf, row, out), PS_OK;
    if (!(index = index_new(cx, n)) || !(far = ps_alloc(cx, (size_t)n * sizeof(*far)))) {
        st = PS_MEMORY;
        goto done;
    }
    PS_GO(middle(cx, args[0].data, index, n, &median));
    for (uint32_t i = 0; i < n; i++) far[i] = fabs(((const double *)args[0].data)[i] - median);
    PS_GO(middle(cx, far, index, n, &mad));
    ((double *)buf->data)[row] = mad;
done:
    ps_free(index);
    ps_free(far);
    return st;
}

/* ---- product ---- */

/* Rounded after each factor: the order of rows is part of the result, as the catalog says. */
static ps_status product_finish(ps_ctx *cx, const ps_agg *agg, const ps_vec *args, uint32_t n,
                                ps_vec_buf *buf, uint32_t row, ps_vec *out)
{
    const double *factors = n ? args[0].data : NULL;
    double product = 1;

    (void)cx;
    ps_agg_result_begin(agg, buf, row, out);
    if (n == 0) return ps_agg_result_null(buf, row, out), PS_OK;
    for (uint32_t i = 0; i < n; i++) product *= factors[i];
    ((double *)buf->data)[row] = product;
    return PS_OK;
}

static const ps_agg_class disc_class = {.collect = true, .finish_sorted = disc_finish};
static const ps_agg_class cont_class = {.collect = true, .finish_sorted = cont_finish};
static const ps_agg_class entropy_class = {.collect = true, .finish_sorted = entropy_finish};
static const ps_agg_class mode_class = {.collect = true, .finish_sorted = mode_finish};

static const ps_agg_class *disc_select(const ps_expr *expr)
{
    return slots_have_order(ps_type_layout(expr->args[0]->type)) ? &disc_class : NULL;
}
static const ps_agg_class *cont_select(const ps_expr *expr)
{
    const ps_layout layout = ps_type_layout(expr->args[0]->type);
    return slots_have_order(layout) && layout != PS_LAYOUT_VIEW ? &cont_class : NULL;
}
static const ps_agg_class *mode_select(const ps_expr *expr)
{
    return slots_have_order(ps_type_layout(expr->args[0]->type)) ? &mode_class : NULL;
}

static const ps_agg_class *entropy_select(const ps_expr *expr)
{
    return slots_have_order(ps_type_layout(expr->args[0]->type)) ? &entropy_class : NULL;
}

const ps_agg_class ps_aggfn_string_agg = {.collect = true, .finish_sorted = string_finish};
const ps_agg_class ps_aggfn_product = {.collect = true, .finish_sorted = product_finish};
const ps_agg_class ps_aggfn_quantile_cont = {.select = cont_select};
const ps_agg_class ps_aggfn_quantile_disc = {.select = disc_select};
const ps_agg_class ps_aggfn_mode = {.select = mode_select};
const ps_agg_class ps_aggfn_entropy = {.select = entropy_select};
const ps_agg_class ps_aggfn_mad = {.collect = true, .finish_sorted = mad_finish};
