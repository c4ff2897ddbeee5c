/* func/compare.c -- = <> < <= > >= and IS [NOT] DISTINCT FROM for every type.
 *
 * Integers of any layout are compared in the column's own layout when the constant fits it; a
 * constant outside, or two columns whose bounds don't meet, give the answer without a loop. Text
 * and blobs compare by bytes with the length and prefix first; floats as kernels.h says; intervals
 * by their length with months of 30 days; what is left by ps_value_compare(). Rows outside the
 * selection are never followed through pointers. Tests: tests/unit/test_eval.c */
#include "func/compare.h"

#include "col/slots.h"

/* a OP b, with GT and GE turned into LT and LE of the exchanged operands. */
typedef struct comparison {
    ps_call *call;
    ps_compare_op op;
    uint32_t left, right; /* argument numbers */
    ps_lanes lanes;
    uint8_t *out;
} comparison;

static void fill(comparison *t, bool on) { memset(t->out, on, t->lanes.n_loop); }

static bool holds(ps_compare_op op, int order)
{
    switch (op) {
    case PS_COMPARE_EQ: return order == 0;
    case PS_COMPARE_NE: return order != 0;
    case PS_COMPARE_LT: return order < 0;
    case PS_COMPARE_LE: return order <= 0;
    case PS_COMPARE_COUNT: break;
    }
    return false;
}

bool ps_compare_by_bounds(ps_compare_op op, const ps_operand *a, const ps_operand *b, bool *always)
{
    if (a->hi < b->lo) *always = holds(op, -1);
    else if (a->lo > b->hi) *always = holds(op, 1);
    else if (a->lo == a->hi && b->lo == b->hi) *always = holds(op, 0);
    else if (op == PS_COMPARE_LE && a->hi <= b->lo) *always = true;
    else if (op == PS_COMPARE_LT && a->lo >= b->hi) *always = false;
    else return false;
    return true;
}

ps_layout ps_compare_layout(const ps_operand *a, const ps_operand *b)
{
    const ps_operand *column = a->one ? b : a, *other = a->one ? a : b;
    ps_layout layout = column->layout == PS_LAYOUT_BOOL ? PS_LAYOUT_U8 : (ps_layout)column->layout;

    if (!other->one && other->layout == column->layout) return layout;
    if (other->one) {
        /* the constant lies between the column's bounds, so it fits its slots unless bounds are
         * those of a narrower layout than the slots: then too */
        return layout;
    }
    return PS_MAX(ps_operand_signed(a), ps_operand_signed(b));
}

static ps_status compare_ints(comparison *t)
{
    ps_operand a, b;
    const void *x, *y;
    ps_layout layout;
    bool always;

    PS_TRY(ps_operand_get(t->call, &t->lanes, t->left, &a));
    PS_TRY(ps_operand_get(t->call, &t->lanes, t->right, &b));
    if (ps_compare_by_bounds(t->op, &a, &b, &always)) {
        fill(t, always);
        return PS_OK;
    }
    layout = ps_compare_layout(&a, &b);
    PS_TRY(ps_operand_as(t->call, &t->lanes, &a, layout, &x));
    PS_TRY(ps_operand_as(t->call, &t->lanes, &b, layout, &y));
    ps_compare_kernels_get()->binary[t->op][layout](x, y, t->out, t->lanes.n_loop,
                                                    ps_shape_of(&a, &b));
    return PS_OK;
}

/* FLOAT16 slots as float. */
static ps_status float_slots(comparison *t, ps_operand *operand)
{
    uint32_t n = operand->one ? 1 : t->lanes.n_loop;
    float *wide;

    if (operand->layout != PS_LAYOUT_F16) return PS_OK;
    wide = ps_call_scratch(t->call, n * sizeof(*wide));
    if (!wide) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) wide[i] = ps_f16_to(((const uint16_t *)operand->data)[i]);
    operand->data = wide, operand->layout = PS_LAYOUT_F32;
    return PS_OK;
}

static ps_status compare_floats(comparison *t)
{
    ps_operand a, b;

    PS_TRY(ps_operand_get(t->call, &t->lanes, t->left, &a));
    PS_TRY(ps_operand_get(t->call, &t->lanes, t->right, &b));
    PS_TRY(float_slots(t, &a));
    PS_TRY(float_slots(t, &b));
    if (a.layout != b.layout) return PS_BUG(t->call->cx, "floats of two widths are compared");
    ps_compare_kernels_get()->binary[t->op][a.layout](a.data, b.data, t->out, t->lanes.n_loop,
                                                      ps_shape_of(&a, &b));
    return PS_OK;
}

static PS_TEMPLATE void views_loop(comparison *t, const ps_reader_view *a, const ps_reader_view *b,
                                   bool equality)
{
    const ps_view *x = a->data, *y = b->data;

    for (uint32_t k = 0; k < t->lanes.n; k++) {
        uint32_t row = ps_lanes_row(&t->lanes, k);
        bool on = false;
        /* a dictionary of nulls only has no slot to look at */
        if (ps_reader_valid(a, row) && ps_reader_valid(b, row)) {
            const ps_view *v = &x[ps_reader_at(a, row)], *w = &y[ps_reader_at(b, row)];
            on = equality ? ps_view_equal(v, w) == (t->op == PS_COMPARE_EQ)
                          : holds(t->op, ps_view_compare(v, w));
        }
        t->out[ps_lanes_slot(&t->lanes, k)] = on;
    }
}

/* Equality with a short constant looks at the 16 bytes of a view alone, so it may run over rows
 * that nobody asked for. */
static ps_status compare_short_text(comparison *t, uint32_t column, const ps_view *text)
{
    ps_operand x;

    PS_TRY(ps_operand_get(t->call, &t->lanes, column, &x));
    ps_compare_kernels_get()->short_text_equal(x.data, text, t->lanes.n_loop, t->out);
    if (t->op == PS_COMPARE_NE)
        for (uint32_t i = 0; i < t->lanes.n_loop; i++) t->out[i] ^= 1;
    return PS_OK;
}

static const ps_view *short_text(const ps_vec *v)
{
    const ps_view *view = v->data;

    return v->encoding == PS_ENC_CONSTANT && view->n <= 12 ? view : NULL;
}

static ps_status compare_views(comparison *t)
{
    bool equality = t->op == PS_COMPARE_EQ || t->op == PS_COMPARE_NE;
    const ps_view *left = short_text(&t->call->args[t->left]),
                  *right = short_text(&t->call->args[t->right]);

    if (equality && right) return compare_short_text(t, t->left, right);
    if (equality && left) return compare_short_text(t, t->right, left);
    ps_reader_view a = ps_vec_read(&t->call->args[t->left]),
                   b = ps_vec_read(&t->call->args[t->right]);

    if (equality) views_loop(t, &a, &b, true);
    else views_loop(t, &a, &b, false);
    return PS_OK;
}

/* Nested types, intervals and mixed layouts: value by value. */
static ps_status compare_values(comparison *t)
{
    const ps_vec *a = &t->call->args[t->left], *b = &t->call->args[t->right];

    for (uint32_t k = 0; k < t->lanes.n; k++) {
        uint32_t row = ps_lanes_row(&t->lanes, k);
        ps_value x, y;
        PS_TRY(ps_vec_value(t->call->cx, &t->call->buf->heap, a, row, &x));
        PS_TRY(ps_vec_value(t->call->cx, &t->call->buf->heap, b, row, &y));
        t->out[ps_lanes_slot(&t->lanes, k)] = holds(t->op, ps_value_compare(&x, &y));
    }
    return PS_OK;
}

static ps_status compare_any(comparison *t)
{
    const ps_vec *a = &t->call->args[t->left], *b = &t->call->args[t->right];
    bool integers = ps_layout_is_int(a->layout) || a->layout == PS_LAYOUT_BOOL;

    if (a->layout == PS_LAYOUT_NONE || b->layout == PS_LAYOUT_NONE) {
        fill(t, false); /* NULL only: validity says so */
        return PS_OK;
    }
    if (integers && (ps_layout_is_int(b->layout) || b->layout == PS_LAYOUT_BOOL))
        return compare_ints(t);
    if (ps_type_class_of(a->type) == PS_CLASS_FLOAT) return compare_floats(t);
    if (a->layout == PS_LAYOUT_VIEW && b->layout == PS_LAYOUT_VIEW) return compare_views(t);
    return compare_values(t);
}

static ps_status compare(ps_call *call, ps_compare_op op, bool exchange)
{
    comparison t = {
        .call = call, .op = op, .left = exchange, .right = !exchange, .lanes = ps_lanes_of(call)};
    void *out;

    PS_ASSERT(call->n_args == 2);
    PS_TRY(ps_lanes_target(call, &t.lanes, 1, &out));
    t.out = out;
    PS_TRY(compare_any(&t));
    ps_lanes_finish(call, &t.lanes, PS_LAYOUT_BOOL, out);
    return PS_OK;
}

static ps_status eq(ps_call *call) { return compare(call, PS_COMPARE_EQ, false); }
static ps_status ne(ps_call *call) { return compare(call, PS_COMPARE_NE, false); }
static ps_status lt(ps_call *call) { return compare(call, PS_COMPARE_LT, false); }
static ps_status le(ps_call *call) { return compare(call, PS_COMPARE_LE, false); }
static ps_status gt(ps_call *call) { return compare(call, PS_COMPARE_LT, true); }
static ps_status ge(ps_call *call) { return compare(call, PS_COMPARE_LE, true); }

static bool vec_has_nulls(const ps_vec *v)
{
    return v->valid || v->layout == PS_LAYOUT_NONE ||
           (v->encoding == PS_ENC_DICTIONARY && v->dict->values.valid);
}

/* Null is a value like others here: the loop first, then rows with nulls. */
static ps_status distinct(ps_call *call, ps_compare_op op)
{
    const ps_vec *a = &call->args[0], *b = &call->args[1];
    uint8_t *out;

    PS_TRY(compare(call, op, false));
    if (!vec_has_nulls(a) && !vec_has_nulls(b)) return PS_OK;
    out = call->buf->data;
    for (uint32_t k = 0; k < call->n; k++) {
        uint32_t row = call->sel ? call->sel[k] : k;
        bool null_a = a->layout == PS_LAYOUT_NONE || !ps_vec_row_valid(a, row);
        bool null_b = b->layout == PS_LAYOUT_NONE || !ps_vec_row_valid(b, row);
        if (null_a || null_b) out[row] = (null_a == null_b) == (op == PS_COMPARE_EQ);
    }
    return PS_OK;
}

static ps_status is_distinct_from(ps_call *call) { return distinct(call, PS_COMPARE_NE); }
static ps_status is_not_distinct_from(ps_call *call) { return distinct(call, PS_COMPARE_EQ); }

const ps_func_class ps_fn_eq = {.eval = eq};
const ps_func_class ps_fn_ne = {.eval = ne};
const ps_func_class ps_fn_lt = {.eval = lt};
const ps_func_class ps_fn_le = {.eval = le};
const ps_func_class ps_fn_gt = {.eval = gt};
const ps_func_class ps_fn_ge = {.eval = ge};
const ps_func_class ps_fn_is_distinct_from = {.eval = is_distinct_from};
const ps_func_class ps_fn_is_not_distinct_from = {.eval = is_not_distinct_from};

bool ps_compare_of(const ps_func *func, ps_compare_op *op, bool *exchange)
{
    const ps_func_class *c = func->scalar;

    *exchange = c == &ps_fn_gt || c == &ps_fn_ge;
    if (c == &ps_fn_eq) *op = PS_COMPARE_EQ;
    else if (c == &ps_fn_ne) *op = PS_COMPARE_NE;
    else if (c == &ps_fn_lt || c == &ps_fn_gt) *op = PS_COMPARE_LT;
    else if (c == &ps_fn_le || c == &ps_fn_ge) *op = PS_COMPARE_LE;
    else return false;
    return true;
}

const char *ps_comparison_mirrored(const char *name)
{
    static const char *const pairs[][2] = {{"=", "="},   {"<>", "<>"}, {"<", ">"},
                                           {"<=", ">="}, {">", "<"},   {">=", "<="}};

    for (size_t i = 0; i < PS_COUNT(pairs); i++) {
        if (strcmp(name, pairs[i][0]) == 0) return pairs[i][1];
    }
    return NULL;
}
