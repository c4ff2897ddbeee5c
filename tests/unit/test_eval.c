/* tests/unit/test_eval.c -- random programs over random layouts, encodings, nulls and selections
 * against the naive evaluator; filters; errors; constants. */
#include "eval/program.h"

#include "eval_support.h"

static const ps_expr *gen(world *w, int kind, int depth);

enum { G_INT, G_DEC, G_F64, G_BOOL, G_STR, G_INTERVAL, G_KINDS };

static const ps_expr *call(world *w, const char *name, const ps_expr *a, const ps_expr *b)
{
    const ps_expr *args[2] = {a, b};
    const ps_expr *e = ps_func_call(&w->cx, &w->arena, ps_str_of(name), args, b ? 2 : 1);

    if (!e) fail_msg("%s: %s", name, w->cx.error.message);
    return e;
}
static const ps_expr *col_ref(world *w, ps_col_id id)
{
    return ps_expr_column(&w->cx, &w->arena, id, col_types[id]);
}
static const ps_expr *literal(world *w, ps_value v)
{
    return ps_expr_literal(&w->cx, &w->arena, &v);
}

static const ps_expr *gen_leaf(world *w, int kind)
{
    static const ps_col_id by_kind[G_KINDS][8] = {
        {COL_I32, COL_I64, COL_I16, COL_U64, COL_I128, COL_U8, COL_I8, COL_I32},
        {COL_DEC, COL_DEC, COL_DEC, COL_D38, COL_DEC, COL_DEC, COL_DEC, COL_D38},
        {COL_F64, COL_F64, COL_F64, COL_F32, COL_F64, COL_F64, COL_F32, COL_F32},
        {COL_BOOL, COL_BOOL, COL_BOOL, COL_BOOL, COL_BOOL, COL_BOOL, COL_BOOL, COL_BOOL},
        {COL_STR, COL_STR, COL_STR, COL_STR, COL_STR, COL_STR, COL_STR, COL_STR},
        {COL_INTERVAL, COL_INTERVAL, COL_INTERVAL, COL_INTERVAL, COL_INTERVAL, COL_INTERVAL,
         COL_INTERVAL, COL_INTERVAL}};
    ps_col_id id = by_kind[kind][rng_below(&w->r, 8)];

    if (rng_below(&w->r, 3)) return col_ref(w, id);
    if (rng_below(&w->r, 12) == 0) return literal(w, ps_value_null(col_types[id]));
    return literal(w, random_value(w, col_types[id], (int)rng_below(&w->r, 4)));
}

static const ps_expr *same(world *w, const ps_expr *e, ps_type type)
{
    return ps_expr_cast(&w->cx, &w->arena, e, type,
                        rng_below(&w->r, 3) ? PS_CAST_ERROR : PS_CAST_TRY);
}

/* CASE, COALESCE and TRY over any kind. */
static const ps_expr *gen_lazy(world *w, int kind, int depth)
{
    const ps_expr *args[5], *first = gen(w, kind, depth - 1);
    uint32_t n = 0;

    switch (rng_below(&w->r, 3)) {
    case 0: return ps_expr_try(&w->cx, &w->arena, first);
    case 1:
        args[n++] = first;
        while (n < 3) args[n] = same(w, gen(w, kind, depth - 1), first->type), n++;
        return ps_expr_coalesce(&w->cx, &w->arena, args, n);
    default:
        args[0] = gen(w, G_BOOL, depth - 1);
        args[1] = same(w, gen(w, kind, depth - 1), first->type);
        args[2] = gen(w, G_BOOL, depth - 1);
        args[3] = same(w, gen(w, kind, depth - 1), first->type);
        args[4] = first;
        return ps_expr_case(&w->cx, &w->arena, args, 5);
    }
}

static const ps_expr *gen_bool(world *w, int depth)
{
    static const char *const compares[] = {
        "=", "<>", "<", "<=", ">", ">=", "is_distinct_from", "is_not_distinct_from"};
    const ps_expr *args[4], *items[12];
    uint32_t n = 2 + rng_below(&w->r, 3);
    int kind = (int)rng_below(&w->r, G_KINDS);

    switch (rng_below(&w->r, 7)) {
    case 0:
    case 1:
        for (uint32_t i = 0; i < n; i++) args[i] = gen(w, G_BOOL, depth - 1);
        return rng_below(&w->r, 2) ? ps_expr_and(&w->cx, &w->arena, args, n)
                                   : ps_expr_or(&w->cx, &w->arena, args, n);
    case 2: return call(w, "not", gen(w, G_BOOL, depth - 1), NULL);
    case 3:
        return call(w, rng_below(&w->r, 2) ? "is_null" : "is_not_null", gen(w, kind, depth - 1),
                    NULL);
    case 4: {
        const ps_expr *needle = gen(w, kind, depth - 1);
        n = rng_below(&w->r, 12);
        for (uint32_t i = 0; i < n; i++)
            items[i] = literal(w, rng_below(&w->r, 8)
                                      ? random_value(w, needle->type, (int)rng_below(&w->r, 4))
                                      : ps_value_null(needle->type));
        if (n == 0) items[n++] = literal(w, ps_value_null(needle->type));
        return ps_expr_in(&w->cx, &w->arena, needle, items, n);
    }
    default:
        return call(w, compares[rng_below(&w->r, 8)], gen(w, kind, depth - 1),
                    gen(w, kind, depth - 1));
    }
}

static const ps_expr *gen(world *w, int kind, int depth)
{
    static const char *const ops[] = {"+", "-", "*", "//", "%", "+", "*"};
    const ps_expr *a, *b;
    const char *op;

    if (depth <= 0) return gen_leaf(w, kind);
    if (rng_below(&w->r, 5) == 0) return gen_lazy(w, kind, depth);
    if (kind == G_BOOL) return gen_bool(w, depth);
    if (kind == G_STR || kind == G_INTERVAL || rng_below(&w->r, 6) == 0) return gen_leaf(w, kind);
    a = gen(w, kind, depth - 1), b = gen(w, kind, depth - 1);
    if (rng_below(&w->r, 8) == 0) return call(w, "negate", a, NULL);
    op = ops[rng_below(&w->r, 7)];
    if (kind == G_DEC) { /* keep within 38 digits */
        if ((op[0] == '*' && a->type.precision + b->type.precision > 38) || !strcmp(op, "//"))
            return a;
    }
    return call(w, op, a, b);
}

typedef struct input {
    column cols[N_COLS];
    ps_vec vecs[N_COLS];
    ps_batch batch;
} input;

static void input_random(world *w, input *in, uint32_t n)
{
    *in = (input){0};
    for (int c = 0; c < N_COLS; c++) {
        column_random(w, &in->cols[c], col_types[c], n);
        in->vecs[c] = in->cols[c].vec;
    }
    in->batch =
        (ps_batch){.cols = in->vecs, .n_cols = N_COLS, .cols_max = N_COLS, .n = n, .n_live = n};
    if (rng_below(&w->r, 2)) {
        uint32_t *sel = PS_ARENA_ARRAY(&w->cx, &w->arena, uint32_t, n + 1), k = 0,
                 one_in = 1 + rng_below(&w->r, 40);
        for (uint32_t i = 0; i < n; i++)
            if (rng_below(&w->r, one_in) == 0) sel[k++] = i;
        in->batch.sel = sel, in->batch.n_live = k;
    }
}

static uint32_t random_rows(world *w)
{
    static const uint32_t sizes[] = {1, 7, 63, 64, 65, 200, 500};

    return sizes[rng_below(&w->r, PS_COUNT(sizes))];
}

static const ps_col_id ids[N_COLS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};

static void explain(world *w, const ps_expr *e, const char *what, uint32_t row,
                    const ps_value *want, const ps_value *got)
{
    ps_text t;
    ps_text_init(&t, &w->cx);
    ps_expr_print(e, NULL, &t);
    ps_text_printf(&t, "\n%s at row %u: want ", what, row);
    if (want) want->null ? ps_text_puts(&t, "NULL") : ps_value_print(want, &t);
    ps_text_puts(&t, " got ");
    if (got) got->null ? ps_text_puts(&t, "NULL") : ps_value_print(got, &t);
    fail_msg("%s %s", t.at, w->cx.error.message);
}

static void check_run(world *w, ps_eval *eval, const ps_expr *const *exprs, uint32_t n_exprs,
                      const input *in)
{
    ps_vec outs[4];
    ps_status st = ps_eval_run(&w->cx, eval, &in->batch, outs);
    const ps_expr *failing = NULL;
    uint32_t failing_row = 0;

    for (uint32_t k = 0; k < in->batch.n_live && !failing; k++)
        for (uint32_t e = 0; e < n_exprs && !failing; e++) {
            ps_value want;
            if (ref_eval(exprs[e], in->cols, ps_batch_row(&in->batch, k), &want) == FAILS)
                failing = exprs[e], failing_row = ps_batch_row(&in->batch, k);
        }
    if (failing && st != PS_VALUE) explain(w, failing, "no error", failing_row, NULL, NULL);
    if (failing) {
        assert_true(w->cx.error.message[0]);
        ps_ctx_clear(&w->cx);
        return;
    }
    if (st != PS_OK) explain(w, exprs[0], "an error", 0, NULL, NULL);
    for (uint32_t e = 0; e < n_exprs; e++) {
        assert_int_equal(outs[e].n, in->batch.n);
        for (uint32_t k = 0; k < in->batch.n_live; k++) {
            uint32_t row = ps_batch_row(&in->batch, k);
            ps_value want, got;
            ref_eval(exprs[e], in->cols, row, &want);
            OK(w, ps_vec_value(&w->cx, &w->arena, &outs[e], row, &got));
            if (want.null != got.null || (!want.null && ps_value_compare(&want, &got) != 0))
                explain(w, exprs[e], "a wrong value", row, &want, &got);
            if (!got.null && ps_layout_is_int((ps_layout)outs[e].layout) && outs[e].bounded &&
                (got.i < outs[e].lo || got.i > outs[e].hi))
                explain(w, exprs[e], "bounds that lie", row, &want, &got);
        }
    }
}

static void random_programs(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6000; seed++) {
        world w;
        const ps_expr *exprs[3];
        const ps_program *program;
        ps_eval *eval;
        uint32_t n_exprs;

        world_init(&w, seed * 7919);
        n_exprs = 1 + rng_below(&w.r, 3);
        for (uint32_t e = 0; e < n_exprs; e++) {
            exprs[e] = gen(&w, (int)rng_below(&w.r, G_KINDS), (int)rng_below(&w.r, 4));
            if (rng_below(&w.r, 3)) exprs[e] = ps_expr_try(&w.cx, &w.arena, exprs[e]);
        }
        OK(&w, ps_program_new(&w.cx, &w.arena, exprs, n_exprs, ids, N_COLS, &program));
        OK(&w, ps_eval_new(&w.cx, &w.arena, program, &eval));
        for (int b = 0; b < 3; b++) {
            input in;
            input_random(&w, &in, random_rows(&w));
            check_run(&w, eval, exprs, n_exprs, &in);
            check_run(&w, eval, exprs, n_exprs, &in); /* again, from caches */
        }
        ps_eval_release(eval);
        world_release(&w);
    }
}

/* What a filter does with a row: conjuncts as they are. */
static int ref_filter(const ps_expr *e, const input *in, uint32_t row)
{
    bool many = e->kind == PS_EXPR_AND, err = false;

    for (uint32_t a = 0; a < (many ? e->n_args : 1); a++) {
        ps_value v;
        if (ref_eval(many ? e->args[a] : e, in->cols, row, &v) == FAILS) err = true;
        else if (v.null || !v.i) return 0;
    }
    return err ? -1 : 1;
}

static void random_filters(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6000; seed++) {
        world w;
        static const char *const ends[] = {">", ">=", "<", "<="};
        const ps_expr *args[4], *e;
        const ps_program *program;
        ps_eval *eval;
        uint32_t n_args;

        world_init(&w, seed * 104729);
        n_args = 1 + rng_below(&w.r, 4);
        for (uint32_t a = 0; a < n_args; a++) {
            args[a] = gen(&w, G_BOOL, 1 + (int)rng_below(&w.r, 2));
            if (rng_below(&w.r, 2))
                args[a] = call(
                    &w, ends[rng_below(&w.r, 4)], col_ref(&w, COL_I32),
                    literal(&w, random_value(&w, col_types[COL_I32], (int)rng_below(&w.r, 3))));
            if (rng_below(&w.r, 3)) args[a] = ps_expr_try(&w.cx, &w.arena, args[a]);
        }
        e = ps_expr_and(&w.cx, &w.arena, args, n_args);
        OK(&w, ps_program_new(&w.cx, &w.arena, &e, 1, ids, N_COLS, &program));
        OK(&w, ps_eval_new(&w.cx, &w.arena, program, &eval));
        if (program)
            for (int b = 0; b < 4; b++) {
                input in;
                uint32_t n, sel[600], want[600], n_want = 0;
                bool err = false;
                ps_status st;
                input_random(&w, &in, random_rows(&w));
                st = ps_eval_filter(&w.cx, eval, &in.batch, sel, &n);
                for (uint32_t k = 0; k < in.batch.n_live; k++) {
                    int r = ref_filter(e, &in, ps_batch_row(&in.batch, k));
                    err |= r < 0;
                    if (r > 0) want[n_want++] = ps_batch_row(&in.batch, k);
                }
                if (err != (st == PS_VALUE) || (!err && st != PS_OK))
                    explain(&w, e, err ? "no error" : "an error", 0, NULL, NULL);
                ps_ctx_clear(&w.cx);
                if (err) continue;
                if (n != n_want || memcmp(sel, want, n * sizeof *sel) != 0)
                    explain(&w, e, "wrong rows", n, NULL, NULL);
            }
        ps_eval_release(eval);
        world_release(&w);
    }
}

static void errors_have_values(void **state)
{
    world w;
    const ps_expr *e;
    ps_value v;

    (void)state;
    world_init(&w, 1);
    e = call(&w, "+", literal(&w, ps_value_int(PS_TYPE(INT64), INT64_MAX)),
             literal(&w, ps_value_int(PS_TYPE(INT64), 1)));
    assert_int_equal(ps_eval_constant(&w.cx, &w.arena, e, &v), PS_VALUE);
    assert_string_equal(w.cx.error.message, "overflow in 9223372036854775807 + 1 (BIGINT)");
    ps_ctx_clear(&w.cx);
    e = call(&w, "//", literal(&w, ps_value_int(PS_TYPE(INT32), 5)),
             literal(&w, ps_value_int(PS_TYPE(INT32), 0)));
    assert_int_equal(ps_eval_constant(&w.cx, &w.arena, e, &v), PS_VALUE);
    assert_string_equal(w.cx.error.message, "division by zero in 5 // 0 (INTEGER)");
    world_release(&w);
}

static ps_value nested_value(world *w, ps_type type)
{
    ps_value v = {.type = type};
    ps_value *items = PS_ARENA_ARRAY(&w->cx, &w->arena, ps_value, 4);
    ps_type item = type.ext->fields[0].type;

    v.n_items = type.id == PS_TYPE_LIST ? rng_below(&w->r, 4) : type.ext->n_fields;
    for (uint32_t i = 0; i < v.n_items; i++) {
        if (type.id == PS_TYPE_STRUCT) item = type.ext->fields[i].type;
        items[i] = item.ext              ? nested_value(w, item)
                   : rng_below(&w->r, 5) ? random_value(w, item, 0)
                                         : ps_value_null(item);
    }
    v.items = items;
    return v;
}

/* Lists and structs of lists through comparison, CASE, COALESCE, IN and null tests. */
static void nested_types(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        world w;
        ps_field fields[2] = {{.name = PS_STR("a"), .type = PS_TYPE(INT64), .nullable = true},
                              {.name = PS_STR("b"), .type = PS_TYPE(STRING), .nullable = true}};
        ps_field item = {.name = PS_STR("item"), .nullable = true};
        ps_type pair, list, type;
        const ps_expr *a, *b, *exprs[3], *args[3], *items[3];
        const ps_program *program;
        ps_eval *eval;
        uint32_t n;
        input in;

        world_init(&w, seed * 92821);
        OK(&w, ps_type_struct(&w.cx, fields, 2, &pair));
        item.type = rng_below(&w.r, 2) ? pair : PS_TYPE(INT64);
        OK(&w, ps_type_list(&w.cx, &item, &list));
        type = rng_below(&w.r, 3) ? list : pair;
        n = random_rows(&w);
        input_random(&w, &in, n);
        for (int c = 0; c < 2; c++) {
            for (uint32_t i = 0; i < n; i++)
                in.cols[c].values[i] =
                    rng_below(&w.r, 4) ? nested_value(&w, type) : ps_value_null(type);
            column_encode(&w, &in.cols[c], type, n);
            in.vecs[c] = in.cols[c].vec;
        }
        a = ps_expr_column(&w.cx, &w.arena, 0, type), b = ps_expr_column(&w.cx, &w.arena, 1, type);
        args[0] = col_ref(&w, COL_BOOL), args[1] = a, args[2] = b;
        exprs[0] = ps_expr_case(&w.cx, &w.arena, args, 3);
        exprs[1] = ps_expr_coalesce(&w.cx, &w.arena, args + 1, 2);
        switch (rng_below(&w.r, 4)) {
        case 0: exprs[2] = call(&w, "<=", exprs[0], b); break;
        case 1: exprs[2] = call(&w, "is_distinct_from", a, exprs[1]); break;
        case 2: exprs[2] = call(&w, "is_null", a, NULL); break;
        default:
            for (int i = 0; i < 3; i++)
                items[i] = literal(&w, i ? nested_value(&w, type) : ps_value_null(type));
            exprs[2] = ps_expr_in(&w.cx, &w.arena, a, items, 3);
        }
        OK(&w, ps_program_new(&w.cx, &w.arena, exprs, 3, ids, N_COLS, &program));
        OK(&w, ps_eval_new(&w.cx, &w.arena, program, &eval));
        check_run(&w, eval, exprs, 3, &in);
        ps_eval_release(eval);
        ps_type_unref(list), ps_type_unref(pair);
        world_release(&w);
    }
}

/* Every allocation fails in turn: each run ends in a clean error, and nothing is leaked. */
static void allocations_fail(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        ps_status st = PS_MEMORY;
        for (int64_t nth = 1; st != PS_OK && st != PS_VALUE && nth < 5000; nth++) {
            world w;
            const ps_expr *e;
            const ps_program *program = NULL;
            ps_eval *eval = NULL;
            ps_vec out;
            uint32_t sel[600], n;
            input in;
            world_init(&w, seed * 611953);
            e = gen(&w, G_BOOL, 3);
            input_random(&w, &in, 500);
            ps_mem_fail_after(nth, false);
            st = ps_program_new(&w.cx, &w.arena, &e, 1, ids, N_COLS, &program);
            if (st == PS_OK) st = ps_eval_new(&w.cx, &w.arena, program, &eval);
            if (st == PS_OK) st = ps_eval_run(&w.cx, eval, &in.batch, &out);
            if (st == PS_OK) st = ps_eval_filter(&w.cx, eval, &in.batch, sel, &n);
            ps_mem_fail_after(0, false);
            if (st != PS_OK && st != PS_VALUE) assert_int_equal(st, PS_MEMORY);
            if (st != PS_OK) assert_true(w.cx.error.message[0]);
            ps_eval_release(eval);
            world_release(&w);
        }
        assert_true(st == PS_OK || st == PS_VALUE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_have_values), cmocka_unit_test(random_programs),
        cmocka_unit_test(random_filters),     cmocka_unit_test(nested_types),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
