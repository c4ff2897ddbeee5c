/* func/agg_value.c -- see agg_value.h. Selecting is Hoare's, with a partition that doesn't branch;
 * sorting is by merging, so that equal values stay in their order. Tests:
 * tests/unit/test_aggregate.c, tests/slt/op/aggregate_large.test */
#include "func/agg_value.h"

#include "col/slots.h"

enum { POLL_VALUES = 1 << 16 };

/* ---- order ---- */

bool ps_agg_has_order(ps_layout layout)
{
    return layout == PS_LAYOUT_BOOL || ps_layout_is_int(layout) || layout == PS_LAYOUT_F32 ||
           layout == PS_LAYOUT_F64 || layout == PS_LAYOUT_VIEW;
}

static bool has_keys(ps_layout layout)
{
    return layout != PS_LAYOUT_VIEW && layout != PS_LAYOUT_I128;
}

uint64_t ps_agg_key_of_double(double x)
{
    const uint64_t sign = (uint64_t)1 << 63;
    uint64_t bits;

    if (x != x) return UINT64_MAX;
    x = x == 0 ? 0 : x;
    memcpy(&bits, &x, sizeof(bits));
    return bits & sign ? ~bits : bits | sign;
}

double ps_agg_double_of_key(uint64_t key)
{
    const uint64_t sign = (uint64_t)1 << 63, bits = key & sign ? key ^ sign : ~key;
    double x;

    if (key == UINT64_MAX) return __builtin_nan("");
    memcpy(&x, &bits, sizeof(x));
    return x;
}

#define EACH(type)                                                                                 \
    for (uint32_t i = 0; i < n; i++) out[i] = (uint64_t)(int64_t)((const type *)data)[i]

static void keys_of(ps_layout layout, const void *data, uint32_t n, uint64_t *out)
{
    const uint64_t sign = (uint64_t)1 << 63;

    switch (layout) {
    case PS_LAYOUT_BOOL:
    case PS_LAYOUT_U8: EACH(uint8_t); return;
    case PS_LAYOUT_U16: EACH(uint16_t); return;
    case PS_LAYOUT_U32: EACH(uint32_t); return;
    case PS_LAYOUT_U64: EACH(uint64_t); return;
    case PS_LAYOUT_F64:
        for (uint32_t i = 0; i < n; i++) out[i] = ps_agg_key_of_double(((const double *)data)[i]);
        return;
    case PS_LAYOUT_F32:
        for (uint32_t i = 0; i < n; i++)
            out[i] = ps_agg_key_of_double((double)((const float *)data)[i]);
        return;
    case PS_LAYOUT_I8: EACH(int8_t); break;
    case PS_LAYOUT_I16: EACH(int16_t); break;
    case PS_LAYOUT_I32: EACH(int32_t); break;
    default: EACH(int64_t); break;
    }
    for (uint32_t i = 0; i < n; i++) out[i] ^= sign;
}

/* The slot whose key this is. */
static void slot_of_key(ps_layout layout, uint64_t key, char *out)
{
    const uint64_t sign = (uint64_t)1 << 63;
    const double x = ps_agg_double_of_key(key);
    const float single = (float)x;

    switch (layout) {
    case PS_LAYOUT_F64: memcpy(out, &x, sizeof(x)); return;
    case PS_LAYOUT_F32: memcpy(out, &single, sizeof(single)); return;
    case PS_LAYOUT_I8:
    case PS_LAYOUT_I16:
    case PS_LAYOUT_I32:
    case PS_LAYOUT_I64: key ^= sign; break;
    default: break;
    }
    memcpy(out, &key, ps_layout_bytes(layout)); /* little endian: the low bytes */
}

int ps_agg_slots_order(const ps_agg_slots *s, uint32_t a, uint32_t b)
{
    const char *x = s->data + a * s->bytes, *y = s->data + b * s->bytes;

    if (s->layout == PS_LAYOUT_VIEW)
        return ps_view_compare((const ps_view *)(const void *)x, (const ps_view *)(const void *)y);
    if (s->layout == PS_LAYOUT_I128) {
        const ps_i128 v = ps_slot_get(s->layout, s->data, a),
                      w = ps_slot_get(s->layout, s->data, b);
        return (v > w) - (v < w);
    }
    uint64_t v, w;
    keys_of(s->layout, x, 1, &v), keys_of(s->layout, y, 1, &w);
    return (v > w) - (v < w);
}

/* ---- values in memory ---- */

void ps_agg_values_release(ps_agg_values *values)
{
    ps_free(values->keys);
    ps_free(values->data);
    ps_free(values->index);
    *values = (ps_agg_values){0};
}

ps_status ps_agg_values_load(ps_ctx *cx, ps_agg_run *run, ps_layout layout, ps_agg_values *values)
{
    const size_t bytes = ps_layout_bytes(layout);
    ps_vec args[4];
    uint32_t n;

    *values = (ps_agg_values){.layout = layout, .n = run->n};
    if (run->n > UINT32_MAX / 2)
        return ps_fail(cx, PS_UNSUPPORTED, "a group of this aggregate has more than 2^31 rows");
    if (has_keys(layout)) {
        values->keys = ps_alloc(cx, run->n * sizeof(uint64_t));
        if (!values->keys) return PS_MEMORY;
    } else {
        values->data = ps_alloc(cx, run->n * bytes);
        values->index = ps_alloc(cx, run->n * sizeof(uint32_t));
        if (!values->data || !values->index) return PS_MEMORY;
        for (uint32_t i = 0; i < run->n; i++) values->index[i] = i;
    }
    for (uint64_t at = 0; at < run->n; at += n) {
        PS_TRY(run->read(cx, run, at, PS_AGG_READ_ROWS, args, &n));
        if (values->keys) keys_of(layout, args[0].data, n, values->keys + at);
        else memcpy(values->data + at * bytes, args[0].data, n * bytes);
        PS_TRY(ps_poll(cx));
    }
    return PS_OK;
}

static uint64_t middle_of_3(uint64_t a, uint64_t b, uint64_t c)
{
    return PS_MAX(PS_MIN(a, b), PS_MIN(PS_MAX(a, b), c));
}

static uint64_t pivot_of(const uint64_t *x, uint64_t lo, uint64_t hi)
{
    const uint64_t step = (hi - lo) / 8;

    if (step < 8) return middle_of_3(x[lo], x[lo + (hi - lo) / 2], x[hi]);
    return middle_of_3(middle_of_3(x[lo], x[lo + step], x[lo + 2 * step]),
                       middle_of_3(x[lo + 3 * step], x[lo + 4 * step], x[lo + 5 * step]),
                       middle_of_3(x[lo + 6 * step], x[lo + 7 * step], x[hi]));
}

/* Those below the pivot (or equal to it, with `equal`) go to the front of [lo, hi); *end: where
 * they end. */
static ps_status split(ps_ctx *cx, uint64_t *x, uint64_t lo, uint64_t hi, uint64_t pivot,
                       bool equal, uint64_t *end)
{
    uint64_t front = lo;

    for (uint64_t from = lo; from < hi; from += POLL_VALUES) {
        const uint64_t to = PS_MIN(from + POLL_VALUES, hi);
        PS_TRY(ps_poll(cx));
        for (uint64_t i = from; i < to; i++) {
            const uint64_t v = x[i];
            x[i] = x[front];
            x[front] = v;
            front += equal ? v <= pivot : v < pivot;
        }
    }
    *end = front;
    return PS_OK;
}

/* The k-th least in its place, none larger before it, none smaller behind. */
static ps_status select_key(ps_ctx *cx, uint64_t *x, uint64_t n, uint64_t k)
{
    uint64_t lo = 0, hi = n, end;

    while (hi - lo > 1) {
        const uint64_t pivot = pivot_of(x, lo, hi - 1);
        PS_TRY(split(cx, x, lo, hi, pivot, false, &end));
        if (k < end) {
            hi = end;
            continue;
        }
        lo = end;
        PS_TRY(split(cx, x, lo, hi, pivot, true, &end)); /* equal ones: at least the pivot */
        if (k < end) return PS_OK;
        lo = end;
    }
    return PS_OK;
}

/* The same for slots behind an index; three parts a round. */
static ps_status select_slot(ps_ctx *cx, const ps_agg_slots *s, uint32_t *index, uint64_t n,
                             uint64_t k)
{
    uint64_t lo = 0, hi = n - 1, steps = 0;

    while (lo < hi) {
        const uint64_t x = lo + (hi - lo) / 2, y = lo + (hi - lo) / 4, z = hi - (hi - lo) / 4;
        const uint32_t a = index[x], b = index[y], c = index[z];
        const uint32_t pivot = ps_agg_slots_order(s, a, b) < 0
                                   ? (ps_agg_slots_order(s, b, c) < 0   ? b
                                      : ps_agg_slots_order(s, a, c) < 0 ? c
                                                                        : a)
                                   : (ps_agg_slots_order(s, a, c) < 0   ? a
                                      : ps_agg_slots_order(s, b, c) < 0 ? c
                                                                        : b);
        uint64_t less = lo, i = lo, more = hi + 1;
        while (i < more) {
            const int way = ps_agg_slots_order(s, index[i], pivot);
            const uint64_t at = way < 0 ? less++ : way > 0 ? --more : i;
            const uint32_t t = index[at];
            index[at] = index[i];
            index[i] = t;
            if (way <= 0) i++;
            if ((++steps & (POLL_VALUES / 16 - 1)) == 0) PS_TRY(ps_poll(cx));
        }
        if (k < less) hi = less - 1;
        else if (k >= more) lo = more;
        else return PS_OK;
    }
    return PS_OK;
}

/* What follows the k-th: the least behind it, or going down the greatest before it. */
static void key_beside(const ps_agg_values *values, uint64_t k, int beside, char *out)
{
    const uint64_t *x = values->keys;
    uint64_t next = beside > 0 ? UINT64_MAX : 0;

    for (uint64_t i = k + 1; beside > 0 && i < values->n; i++) next = PS_MIN(next, x[i]);
    for (uint64_t i = 0; beside < 0 && i < k; i++) next = PS_MAX(next, x[i]);
    slot_of_key(values->layout, next, out);
}

static uint32_t slot_beside(const ps_agg_values *values, const ps_agg_slots *s, uint64_t k,
                            int beside)
{
    const uint64_t begin = beside < 0 ? 0 : k + 1, end = beside < 0 ? k : values->n;
    uint32_t next = values->index[begin];

    for (uint64_t i = begin + 1; i < end; i++) {
        const int way = ps_agg_slots_order(s, values->index[i], next);
        if (beside < 0 ? way > 0 : way < 0) next = values->index[i];
    }
    return next;
}

ps_status ps_agg_values_pick(ps_ctx *cx, ps_agg_values *values, uint64_t k, int beside, char *out)
{
    const size_t bytes = ps_layout_bytes(values->layout);

    if (values->keys) {
        PS_TRY(select_key(cx, values->keys, values->n, k));
        slot_of_key(values->layout, values->keys[k], out);
        if (beside) key_beside(values, k, beside, out + bytes);
        return PS_OK;
    }
    const ps_agg_slots s = {values->layout, bytes, values->data};
    PS_TRY(select_slot(cx, &s, values->index, values->n, k));
    memcpy(out, s.data + values->index[k] * bytes, bytes);
    if (beside) memcpy(out + bytes, s.data + slot_beside(values, &s, k, beside) * bytes, bytes);
    return PS_OK;
}

ps_status ps_agg_run_pick(ps_ctx *cx, ps_agg_run *run, ps_layout layout, uint64_t k, int beside,
                          char *out)
{
    const size_t bytes = ps_layout_bytes(layout);
    ps_agg_values values = {0};
    ps_vec args[4];
    uint32_t n;

    if (!run->sorted) {
        ps_status st = ps_agg_values_load(cx, run, layout, &values);
        if (st == PS_OK) st = ps_agg_values_pick(cx, &values, k, beside, out);
        ps_agg_values_release(&values);
        return st;
    }
    for (int i = 0; i < 2; i++) { /* the lower place first */
        const bool second = (beside > 0) == (i == 1);
        if (second && !beside) continue;
        PS_TRY(run->read(cx, run, second ? k + (uint64_t)(int64_t)beside : k, 1, args, &n));
        memcpy(second ? out + bytes : out, args[0].data, bytes);
    }
    return PS_OK;
}

/* ---- stretches of equal values ---- */

static int values_order(const ps_agg_values *v, const ps_agg_slots *s, uint32_t a, uint32_t b)
{
    if (!v->keys) return ps_agg_slots_order(s, a, b);
    return (v->keys[a] > v->keys[b]) - (v->keys[a] < v->keys[b]);
}

/* Places by value, ties in their order: merges that skip what is in order already. */
static ps_status order_of(ps_ctx *cx, const ps_agg_values *values, uint32_t *order)
{
    const ps_agg_slots s = {values->layout, ps_layout_bytes(values->layout), values->data};
    const uint64_t n = values->n;
    uint32_t *spare = ps_alloc(cx, n * sizeof(*spare));
    uint64_t steps = 0;
    ps_status st = spare ? PS_OK : PS_MEMORY;

    for (uint32_t i = 0; i < n; i++) order[i] = i;
    for (uint64_t width = 1; st == PS_OK && width < n; width *= 2)
        for (uint64_t left = 0; st == PS_OK && left + width < n; left += 2 * width) {
            const uint64_t middle = left + width, right = PS_MIN(left + 2 * width, n);
            uint64_t i = 0, j = middle, to = left;
            if (values_order(values, &s, order[middle], order[middle - 1]) >= 0) continue;
            memcpy(spare, order + left, width * sizeof(*order));
            while (st == PS_OK && i < width && j < right) {
                order[to++] =
                    values_order(values, &s, order[j], spare[i]) < 0 ? order[j++] : spare[i++];
                if ((++steps & (POLL_VALUES - 1)) == 0) st = ps_poll(cx);
            }
            memcpy(order + to, spare + i, (width - i) * sizeof(*order));
        }
    ps_free(spare);
    return st;
}

ps_status ps_agg_stretches_begin(ps_ctx *cx, ps_agg_run *run, ps_layout layout, ps_agg_stretches *s)
{
    *s = (ps_agg_stretches){.run = run, .layout = layout};
    ps_text_init(&s->text, cx);
    if (run->sorted) return PS_OK;
    PS_TRY(ps_agg_values_load(cx, run, layout, &s->values));
    s->order = ps_alloc(cx, run->n * sizeof(*s->order));
    return s->order ? order_of(cx, &s->values, s->order) : PS_MEMORY;
}

void ps_agg_stretches_release(ps_agg_stretches *s)
{
    ps_agg_values_release(&s->values);
    ps_free(s->order);
    ps_text_release(&s->text);
}

static ps_status next_in_memory(ps_ctx *cx, ps_agg_stretches *s, uint64_t *n, uint64_t *first)
{
    const ps_agg_values *v = &s->values;
    const ps_agg_slots slots = {v->layout, ps_layout_bytes(v->layout), v->data};
    const uint64_t begin = s->at;

    while (s->at < v->n && values_order(v, &slots, s->order[begin], s->order[s->at]) == 0) {
        if ((++s->at & (POLL_VALUES - 1)) == 0) PS_TRY(ps_poll(cx));
    }
    *n = s->at - begin;
    if (*n == 0) return PS_OK;
    *first = s->order[begin];
    if (v->keys) slot_of_key(v->layout, v->keys[s->order[begin]], s->last);
    else memcpy(s->last, v->data + s->order[begin] * slots.bytes, slots.bytes);
    return PS_OK;
}

/* Keeps the value that the stretch begins with: a read may end in the middle of it. */
static ps_status value_keep(ps_agg_stretches *s, const char *slot)
{
    memcpy(s->last, slot, ps_layout_bytes(s->layout));
    if (s->layout != PS_LAYOUT_VIEW) return PS_OK;
    const ps_view *view = (const ps_view *)(const void *)slot;
    if (view->n <= 12) return PS_OK;
    ps_text_clear(&s->text);
    ps_text_add(&s->text, view->at, view->n);
    PS_TRY(ps_text_status(&s->text));
    const ps_view kept = ps_view_of(s->text.at, view->n);
    memcpy(s->last, &kept, sizeof(kept));
    return PS_OK;
}

static bool is_last(const ps_agg_stretches *s, const char *slot)
{
    char both[32] __attribute__((aligned(16)));
    const size_t bytes = ps_layout_bytes(s->layout);
    const ps_agg_slots slots = {s->layout, bytes, both};

    memcpy(both, s->last, bytes), memcpy(both + bytes, slot, bytes);
    return ps_agg_slots_order(&slots, 0, 1) == 0;
}

static ps_status next_in_file(ps_ctx *cx, ps_agg_stretches *s, bool keep, uint64_t *n)
{
    const size_t bytes = ps_layout_bytes(s->layout);

    for (*n = 0; s->at < s->run->n; s->at++, s->read_at++, ++*n) {
        if (s->read_at == s->read_n) {
            PS_TRY(ps_poll(cx));
            PS_TRY(s->run->read(cx, s->run, s->at, PS_AGG_READ_ROWS, s->args, &s->read_n));
            s->read_at = 0;
        }
        const char *slot = (const char *)s->args[0].data + s->read_at * bytes;
        if (*n > 0) {
            if (!is_last(s, slot)) return PS_OK;
            continue;
        }
        PS_TRY(value_keep(s, slot));
        if (keep) PS_TRY(s->run->keep(cx, s->run, s->read_at));
    }
    return PS_OK;
}

ps_status ps_agg_stretches_next(ps_ctx *cx, ps_agg_stretches *s, bool keep, uint64_t *n,
                                uint64_t *first)
{
    return s->run->sorted ? next_in_file(cx, s, keep, n) : next_in_memory(cx, s, n, first);
}
