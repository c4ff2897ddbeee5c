/* tests/unit/eval_support.h -- random columns, random expressions, and a naive evaluator to compare
 * programs with: one row at a time, 128-bit integers, no layouts, no encodings. */
#ifndef EVAL_SUPPORT_H
#define EVAL_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/hash.h"
#include "col/slots.h"
#include "eval/program.h"

#include <math.h>

typedef struct bench_rng {
    uint64_t state;
} rng;

static uint64_t rng_next(rng *r)
{
    r->state += 0x9e3779b97f4a7c15u;
    return ps_hash_u64(r->state, 7);
}
static uint32_t rng_below(rng *r, uint32_t n) { return (uint32_t)(rng_next(r) >> 33) % n; }

typedef struct world {
    ps_mem mem;
    ps_ctx cx;
    ps_arena arena;
    rng r;
} world;

static void world_init(world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    ps_mem_init(&w->mem, NULL, "test", 0);
    ps_ctx_init(&w->cx, &w->mem, NULL);
    w->cx.batch_rows = PS_BATCH_ROWS;
    w->r.state = seed;
}
static void world_release(world *w)
{
    ps_arena_release(&w->arena);
    assert_int_equal(atomic_load(&w->mem.used), 0);
}
#define OK(w, call)                                                                                \
    do {                                                                                           \
        ps_status ok_st_ = (call);                                                                 \
        if (ok_st_ != PS_OK) fail_msg("%s: %s", #call, (w)->cx.error.message);                     \
    } while (0)

/* Columns: id = place. */
enum {
    COL_I32,
    COL_I64,
    COL_DEC,
    COL_STR,
    COL_F64,
    COL_BOOL,
    COL_I16,
    COL_DATE,
    COL_U64,
    COL_I128,
    COL_U8,
    COL_I8,
    COL_D38,
    COL_F32,
    COL_INTERVAL,
    N_COLS
};
static const ps_type col_types[N_COLS] = {{.id = PS_TYPE_INT32},
                                          {.id = PS_TYPE_INT64},
                                          {.id = PS_TYPE_DECIMAL, .precision = 15, .scale = 2},
                                          {.id = PS_TYPE_STRING},
                                          {.id = PS_TYPE_FLOAT64},
                                          {.id = PS_TYPE_BOOL},
                                          {.id = PS_TYPE_INT16},
                                          {.id = PS_TYPE_DATE},
                                          {.id = PS_TYPE_UINT64},
                                          {.id = PS_TYPE_INT128},
                                          {.id = PS_TYPE_UINT8},
                                          {.id = PS_TYPE_INT8},
                                          {.id = PS_TYPE_DECIMAL, .precision = 38, .scale = 2},
                                          {.id = PS_TYPE_FLOAT32},
                                          {.id = PS_TYPE_INTERVAL}};

static ps_value random_value(world *w, ps_type type, int style)
{
    static const char *const texts[] = {"",
                                        "a",
                                        "ab",
                                        "abcdefghijkl",
                                        "abcdefghijklm",
                                        "abcdefghijklmnopqrst",
                                        "abcdefghijklmnopqrsu",
                                        "b",
                                        "zz"};
    ps_i128 lo, hi;
    ps_value v = {.type = type};

    if (type.id == PS_TYPE_STRING) {
        v.str = ps_str_of(texts[rng_below(&w->r, PS_COUNT(texts))]);
    } else if (type.id == PS_TYPE_FLOAT64) {
        static const double values[] = {0.0, -0.0, 1.5, -2, 1e300, -1e300, NAN, INFINITY, 3};
        v.f64 = values[rng_below(&w->r, PS_COUNT(values))];
    } else if (type.id == PS_TYPE_FLOAT32) {
        static const double values[] = {0.0, -0.0, 1.5, -2, 0.25, NAN, INFINITY, 3};
        v.f64 = values[rng_below(&w->r, PS_COUNT(values))];
    } else if (type.id == PS_TYPE_INTERVAL) {
        v.interval = (ps_interval){(int32_t)rng_below(&w->r, 3), (int32_t)rng_below(&w->r, 3) * 30,
                                   rng_below(&w->r, 2)};
    } else if (type.id == PS_TYPE_BOOL) {
        v.i = rng_below(&w->r, 2);
    } else {
        assert_true(ps_type_range(type, &lo, &hi));
        switch (style) {
        case 0: v.i = (ps_i128)rng_below(&w->r, 21) - 10; break;
        case 1: v.i = (ps_i128)rng_below(&w->r, 60000) - 30000; break;
        case 2: v.i = (ps_i128)(int32_t)rng_next(&w->r); break;
        default:
            v.i = rng_below(&w->r, 4)
                      ? (ps_i128)(int64_t)rng_next(&w->r)
                      : (rng_below(&w->r, 2) ? hi - rng_below(&w->r, 2) : lo + rng_below(&w->r, 2));
        }
        if (v.i < lo) v.i = lo;
        if (v.i > hi) v.i = hi;
    }
    return v;
}

typedef struct column {
    ps_value *values; /* by row, the truth */
    ps_vec vec;
} column;

/* A vector of the values in a random layout and encoding. */
static void column_encode(world *w, column *c, ps_type type, uint32_t n)
{
    ps_vec flat;
    int encoding = (int)rng_below(&w->r, 4);

    OK(w, ps_vec_of_values(&w->cx, &w->arena, type, c->values, n, &flat));
    c->vec = flat;
    if (ps_layout_is_int((ps_layout)flat.layout) && type.id != PS_TYPE_INTERVAL &&
        rng_below(&w->r, 2)) {
        ps_layout want;
        ps_i128 lo = 0, hi = 0;
        for (uint32_t i = 0; i < n; i++) {
            if (c->values[i].null) continue;
            lo = PS_MIN(lo, c->values[i].i), hi = PS_MAX(hi, c->values[i].i);
        }
        want = ps_layout_for(lo, hi);
        if (rng_below(&w->r, 3) == 0 && want < PS_LAYOUT_I128) want = (ps_layout)(want + 1);
        void *data = ps_arena_alloc_raw(&w->cx, &w->arena, n * 16 + 64, 64);
        for (uint32_t i = 0; i < n; i++)
            ps_slot_put(want, data, i,
                        c->values[i].null ? 77 : ps_slot_get((ps_layout)flat.layout, flat.data, i));
        ps_vec_flat(&c->vec, type, want, data, flat.valid, n);
        if (want <= PS_LAYOUT_I64 && rng_below(&w->r, 2)) ps_vec_bounds_measure(&c->vec, NULL, n);
    }
    if (encoding == 1) { /* a dictionary: rows shuffled through codes */
        ps_dict *dict = PS_ARENA_NEW(&w->cx, &w->arena, ps_dict);
        uint32_t *codes = PS_ARENA_ARRAY(&w->cx, &w->arena, uint32_t, n + 64);
        uint32_t size = 1 + rng_below(&w->r, n);
        ps_value *rows = PS_ARENA_ARRAY(&w->cx, &w->arena, ps_value, n);
        dict->id = ps_dict_next_id();
        dict->values = c->vec;
        dict->values.n = size;
        for (uint32_t i = 0; i < n; i++)
            codes[i] = rng_below(&w->r, size), rows[i] = c->values[codes[i]];
        c->values = rows;
        c->vec = (ps_vec){.type = type,
                          .layout = dict->values.layout,
                          .encoding = PS_ENC_DICTIONARY,
                          .n = n,
                          .codes = codes,
                          .dict = dict,
                          .lo = dict->values.lo,
                          .hi = dict->values.hi,
                          .bounded = dict->values.bounded};
        if (rng_below(&w->r, 2)) {
            uint64_t *valid = PS_ARENA_ARRAY(&w->cx, &w->arena, uint64_t, PS_BITS_WORDS(n));
            for (uint32_t i = 0; i < n; i++) {
                bool on = rng_below(&w->r, 5) != 0;
                ps_bit_put(valid, i, on);
                if (!on) rows[i] = ps_value_null(type);
            }
            c->vec.valid = valid;
        }
    } else if (encoding == 2 && rng_below(&w->r, 2)) {
        OK(w, ps_vec_constant(&w->cx, &w->arena, &c->values[0], n, &c->vec));
        for (uint32_t i = 1; i < n; i++) c->values[i] = c->values[0];
    } else if (encoding == 3 && (type.id == PS_TYPE_INT64 || type.id == PS_TYPE_INT32)) {
        c->vec = (ps_vec){.type = type,
                          .layout = PS_LAYOUT_I64,
                          .encoding = PS_ENC_SEQUENCE,
                          .n = n,
                          .start = -5,
                          .step = 3,
                          .bounded = true,
                          .lo = -5,
                          .hi = -5 + 3 * (int64_t)n};
        for (uint32_t i = 0; i < n; i++) c->values[i] = ps_value_int(type, -5 + 3 * (ps_i128)i);
    }
}

static void column_random(world *w, column *c, ps_type type, uint32_t n)
{
    int style = (int)rng_below(&w->r, 4);
    bool nulls = rng_below(&w->r, 2);

    c->values = PS_ARENA_ARRAY(&w->cx, &w->arena, ps_value, n);
    for (uint32_t i = 0; i < n; i++)
        c->values[i] =
            nulls && rng_below(&w->r, 4) == 0 ? ps_value_null(type) : random_value(w, type, style);
    column_encode(w, c, type, n);
}

/* The naive evaluator. */
typedef enum outcome { GIVES, FAILS } outcome;

static ps_value ref_bool(int on) { return ps_value_bool(on != 0); }

static outcome ref_arith(const ps_expr *e, const char *op, const ps_value *a, const ps_value *b,
                         ps_value *out)
{
    ps_i128 lo, hi, z = 0;
    bool overflow = false;

    *out = (ps_value){.type = e->type};
    if (e->type.id == PS_TYPE_FLOAT32) {
        float x = (float)a->f64, y = (float)b->f64, z32;
        switch (op[0]) {
        case '+': z32 = x + y; break;
        case '-': z32 = x - y; break;
        case '*': z32 = x * y; break;
        case '/':
            if (op[1] && y == 0) return FAILS;
            z32 = x / y;
            break;
        default: z32 = fmodf(x, y); break;
        }
        return out->f64 = (double)z32, GIVES;
    }
    if (e->type.id == PS_TYPE_FLOAT64) {
        switch (op[0]) {
        case '+': out->f64 = a->f64 + b->f64; break;
        case '-': out->f64 = a->f64 - b->f64; break;
        case '*': out->f64 = a->f64 * b->f64; break;
        case '/':
            if (op[1] && b->f64 == 0) return FAILS;
            out->f64 = a->f64 / b->f64;
            break;
        default: out->f64 = fmod(a->f64, b->f64); break;
        }
        return GIVES;
    }
    assert_true(ps_type_range(e->type, &lo, &hi));
    switch (op[0]) {
    case '+': overflow = __builtin_add_overflow(a->i, b->i, &z); break;
    case '-': overflow = __builtin_sub_overflow(a->i, b->i, &z); break;
    case '*': overflow = __builtin_mul_overflow(a->i, b->i, &z); break;
    default:
        if (b->i == 0) return FAILS;
        z = op[0] == '/' ? a->i / b->i : a->i % b->i;
    }
    out->i = z;
    return overflow || z < lo || z > hi ? FAILS : GIVES;
}

static outcome ref_eval(const ps_expr *e, const column *cols, uint32_t row, ps_value *out);

static outcome ref_call(const ps_expr *e, const column *cols, uint32_t row, ps_value *out)
{
    const char *name = e->func->name;
    ps_value v[2] = {0};
    int order;

    for (uint32_t i = 0; i < e->n_args; i++)
        if (ref_eval(e->args[i], cols, row, &v[i]) == FAILS) return FAILS;
    if (!strcmp(name, "is_null")) return *out = ref_bool(v[0].null), GIVES;
    if (!strcmp(name, "is_not_null")) return *out = ref_bool(!v[0].null), GIVES;
    if (!strcmp(name, "is_distinct_from") || !strcmp(name, "is_not_distinct_from")) {
        bool same =
            v[0].null || v[1].null ? v[0].null == v[1].null : ps_value_compare(&v[0], &v[1]) == 0;
        return *out = ref_bool(same == (name[3] == 'n')), GIVES;
    }
    if (v[0].null || (e->n_args > 1 && v[1].null)) return *out = ps_value_null(e->type), GIVES;
    if (!strcmp(name, "not")) return *out = ref_bool(!v[0].i), GIVES;
    if (!strcmp(name, "negate")) {
        ps_value zero = {.type = v[0].type};
        if (ps_type_class_of(e->type) == PS_CLASS_FLOAT)
            return *out = v[0], out->f64 = -v[0].f64, GIVES;
        return ref_arith(e, "-", &zero, &v[0], out);
    }
    if (e->type.id != PS_TYPE_BOOL) return ref_arith(e, name, &v[0], &v[1], out);
    order = ps_value_compare(&v[0], &v[1]);
    if (!strcmp(name, "=")) *out = ref_bool(order == 0);
    else if (!strcmp(name, "<>")) *out = ref_bool(order != 0);
    else if (!strcmp(name, "<")) *out = ref_bool(order < 0);
    else if (!strcmp(name, "<=")) *out = ref_bool(order <= 0);
    else if (!strcmp(name, ">")) *out = ref_bool(order > 0);
    else if (!strcmp(name, ">=")) *out = ref_bool(order >= 0);
    else fail_msg("no reference for %s", name);
    return GIVES;
}

static outcome ref_junction(const ps_expr *e, const column *cols, uint32_t row, ps_value *out)
{
    bool all = e->kind == PS_EXPR_AND, null = false, err = false;

    for (uint32_t i = 0; i < e->n_args; i++) {
        ps_value v;
        if (ref_eval(e->args[i], cols, row, &v) == FAILS) err = true;
        else if (v.null) null = true;
        else if ((v.i != 0) != all) return *out = ref_bool(!all), GIVES;
    }
    if (err) return FAILS;
    *out = null ? ps_value_null(e->type) : ref_bool(all);
    return GIVES;
}

static outcome ref_cast(const ps_expr *e, const ps_value *v, ps_value *out)
{
    bool ok;
    ps_ctx cx;
    ps_arena arena = {0};
    ps_mem mem;

    if (v->null) return *out = ps_value_null(e->type), GIVES;
    ps_mem_init(&mem, NULL, "ref", 0);
    ps_ctx_init(&cx, &mem, NULL);
    assert_int_equal(ps_cast_value(&cx, &arena, v, e->type, &ok, out), PS_OK);
    ps_arena_release(&arena);
    if (ok) return GIVES;
    if (e->cast == PS_CAST_ERROR) return FAILS;
    return *out = ps_value_null(e->type), GIVES;
}

static outcome ref_eval(const ps_expr *e, const column *cols, uint32_t row, ps_value *out)
{
    ps_value v;

    switch ((ps_expr_kind)e->kind) {
    case PS_EXPR_COLUMN: return *out = cols[e->column].values[row], GIVES;
    case PS_EXPR_LITERAL: return *out = e->literal, GIVES;
    case PS_EXPR_CALL: return ref_call(e, cols, row, out);
    case PS_EXPR_AND:
    case PS_EXPR_OR: return ref_junction(e, cols, row, out);
    case PS_EXPR_CASE:
        for (uint32_t i = 0; i + 1 < e->n_args; i += 2) {
            if (ref_eval(e->args[i], cols, row, &v) == FAILS) return FAILS;
            if (!v.null && v.i) return ref_eval(e->args[i + 1], cols, row, out);
        }
        return ref_eval(e->args[e->n_args - 1], cols, row, out);
    case PS_EXPR_COALESCE:
        for (uint32_t i = 0; i < e->n_args; i++) {
            if (ref_eval(e->args[i], cols, row, out) == FAILS) return FAILS;
            if (!out->null) return GIVES;
        }
        return GIVES;
    case PS_EXPR_IN:
        if (ref_eval(e->args[0], cols, row, &v) == FAILS) return FAILS;
        if (e->n_args == 1 && !e->has_null_item) return *out = ref_bool(0), GIVES;
        if (v.null) return *out = ps_value_null(e->type), GIVES;
        for (uint32_t i = 1; i < e->n_args; i++)
            if (ps_value_compare(&v, &e->args[i]->literal) == 0) return *out = ref_bool(1), GIVES;
        *out = e->has_null_item ? ps_value_null(e->type) : ref_bool(0);
        return GIVES;
    case PS_EXPR_TRY:
        if (ref_eval(e->args[0], cols, row, out) == FAILS) *out = ps_value_null(e->type);
        return GIVES;
    case PS_EXPR_CAST:
        if (ref_eval(e->args[0], cols, row, &v) == FAILS) return FAILS;
        return ref_cast(e, &v, out);
    default: fail_msg("kind %d", e->kind);
    }
    return FAILS;
}

#endif
