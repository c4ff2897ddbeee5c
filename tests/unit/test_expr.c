/* tests/unit/test_expr.c -- builders, flattening, IN lists, equality, rewriting, limits, printing.
 */
#include "func/func.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct world {
    ps_mem mem;
    ps_ctx cx;
    ps_arena arena;
} world;

static void begin(world *w)
{
    memset(w, 0, sizeof *w);
    ps_mem_init(&w->mem, NULL, "test", 0);
    ps_ctx_init(&w->cx, &w->mem, NULL);
}
static void end(world *w)
{
    ps_arena_release(&w->arena);
    assert_int_equal(atomic_load(&w->mem.used), 0);
}

static const ps_expr *col(world *w, ps_col_id id, ps_type type)
{
    return ps_expr_column(&w->cx, &w->arena, id, type);
}
static const ps_expr *num(world *w, int64_t i)
{
    ps_value v = ps_value_int(PS_TYPE(INT64), i);
    return ps_expr_literal(&w->cx, &w->arena, &v);
}
static const ps_expr *call(world *w, const char *name, const ps_expr *a, const ps_expr *b)
{
    const ps_expr *args[] = {a, b};
    return ps_func_call(&w->cx, &w->arena, ps_str_of(name), args, 2);
}
static void prints(world *w, const ps_expr *e, const char *want)
{
    ps_text t;
    ps_text_init(&t, &w->cx);
    ps_expr_print(e, NULL, &t);
    assert_string_equal(t.at, want);
    ps_text_release(&t);
}

static void junctions_are_flat(void **state)
{
    world w;
    const ps_expr *a, *b, *c, *ab, *e;

    (void)state;
    begin(&w);
    a = col(&w, 1, PS_TYPE(BOOL)), b = col(&w, 2, PS_TYPE(BOOL)), c = col(&w, 3, PS_TYPE(BOOL));
    ab = ps_expr_and(&w.cx, &w.arena, (const ps_expr *[]){a, b}, 2);
    e = ps_expr_and(&w.cx, &w.arena, (const ps_expr *[]){ab, c}, 2);
    assert_int_equal(e->n_args, 3);
    prints(&w, e, "#1 AND #2 AND #3");
    e = ps_expr_or(&w.cx, &w.arena, (const ps_expr *[]){ab, c}, 2);
    prints(&w, e, "(#1 AND #2) OR #3");
    assert_ptr_equal(ps_expr_and(&w.cx, &w.arena, &a, 1), a);
    assert_ptr_equal(ps_expr_and(&w.cx, &w.arena, &ab, 1), ab);
    prints(&w, ps_expr_and(&w.cx, &w.arena, NULL, 0), "true");
    prints(&w, ps_expr_or(&w.cx, &w.arena, NULL, 0), "false");
    /* a rewritten conjunct that becomes an AND is flattened too */
    e = ps_expr_and(&w.cx, &w.arena, (const ps_expr *[]){b, c}, 2);
    e = ps_expr_with_children(&w.cx, &w.arena, e, (const ps_expr *[]){ab, c});
    assert_int_equal(e->n_args, 3);
    end(&w);
}

static void in_lists_are_sorted(void **state)
{
    world w;
    ps_value null = ps_value_null(PS_TYPE(INT64));
    const ps_expr *e, *items[5];

    (void)state;
    begin(&w);
    items[0] = num(&w, 7), items[1] = num(&w, -1), items[2] = num(&w, 7), items[3] = num(&w, 3);
    items[4] = ps_expr_literal(&w.cx, &w.arena, &null);
    e = ps_expr_in(&w.cx, &w.arena, col(&w, 1, PS_TYPE(INT64)), items, 5);
    assert_true(e->has_null_item);
    assert_int_equal(e->n_args, 4);
    assert_true(e->args[1]->literal.i == -1 && e->args[2]->literal.i == 3 &&
                e->args[3]->literal.i == 7);
    e = ps_expr_in(&w.cx, &w.arena, col(&w, 1, PS_TYPE(INT64)), items + 4, 1);
    assert_int_equal(e->n_args, 1);
    end(&w);
}

static void equality_and_hash(void **state)
{
    world w;
    const ps_expr *a, *b, *c;

    (void)state;
    begin(&w);
    a = call(&w, "+", col(&w, 1, PS_TYPE(INT64)), num(&w, 1));
    b = call(&w, "+", col(&w, 1, PS_TYPE(INT64)), num(&w, 1));
    c = call(&w, "+", col(&w, 1, PS_TYPE(INT64)), num(&w, 2));
    ps_expr_place(b, 17);
    assert_true(ps_expr_equal(a, b));
    assert_true(a->hash == b->hash && a->at != b->at);
    assert_false(ps_expr_equal(a, c));
    assert_true(a->hash != c->hash);
    assert_true(ps_expr_is_fallible(a));
    assert_false(ps_expr_is_fallible(ps_expr_try(&w.cx, &w.arena, a)));
    prints(&w, call(&w, "<", a, num(&w, 5)), "(#1 + 1::BIGINT) < 5::BIGINT");
    end(&w);
}

static const ps_expr *replace(ps_ctx *cx, const ps_expr *e, void *user)
{
    (void)cx;
    return e->kind == PS_EXPR_COLUMN && e->column == 1 ? user : e;
}
static bool count(const ps_expr *e, void *user)
{
    (void)e;
    return ++*(int *)user < 100;
}

static void rewriting_shares(void **state)
{
    world w;
    const ps_expr *left, *right, *e, *changed;
    int n = 0;

    (void)state;
    begin(&w);
    left = call(&w, "+", col(&w, 1, PS_TYPE(INT64)), num(&w, 1));
    right = call(&w, "+", col(&w, 2, PS_TYPE(INT64)), num(&w, 1));
    e = call(&w, "*", left, right);
    changed =
        ps_expr_rewrite(&w.cx, &w.arena, e, replace, (void *)(uintptr_t)col(&w, 9, PS_TYPE(INT64)));
    assert_ptr_equal(changed->args[1], right); /* what didn't change is the same node */
    assert_int_equal(changed->args[0]->args[0]->column, 9);
    assert_int_equal(e->args[0]->args[0]->column, 1);
    assert_ptr_equal(ps_expr_rewrite(&w.cx, &w.arena, right, replace, NULL), right);
    assert_true(ps_expr_visit(e, count, &n));
    assert_int_equal(n, 7);
    assert_int_equal(e->n_nodes, 7);
    end(&w);
}

static void depth_and_size_are_limited(void **state)
{
    world w;
    const ps_expr *e;
    int depth = 0;

    (void)state;
    begin(&w);
    e = col(&w, 1, PS_TYPE(INT64));
    while (e && depth++ < 10000) e = call(&w, "+", e, num(&w, 1));
    assert_null(e);
    assert_int_equal(w.cx.error.code, PS_UNSUPPORTED);
    assert_int_equal(depth, PS_EXPR_DEPTH_MAX);
    ps_ctx_clear(&w.cx);
    e = col(&w, 1, PS_TYPE(FLOAT64));
    for (depth = 0; e && depth < 64; depth++) e = call(&w, "+", e, e); /* shared: 2^64 as a tree */
    assert_null(e);
    assert_int_equal(w.cx.error.code, PS_UNSUPPORTED);
    end(&w);
}

static void casts_that_cannot_fail(void **state)
{
    static const struct {
        ps_type from, to;
        bool fallible;
    } cases[] = {
        {{.id = PS_TYPE_INT32}, {.id = PS_TYPE_INT64}, false},
        {{.id = PS_TYPE_INT64}, {.id = PS_TYPE_INT32}, true},
        {{.id = PS_TYPE_UINT8}, {.id = PS_TYPE_INT8}, true},
        {{.id = PS_TYPE_INT32}, {.id = PS_TYPE_DECIMAL, .precision = 12, .scale = 2}, false},
        {{.id = PS_TYPE_INT32}, {.id = PS_TYPE_DECIMAL, .precision = 11, .scale = 2}, true},
        {{.id = PS_TYPE_STRING}, {.id = PS_TYPE_INT32}, true},
        {{.id = PS_TYPE_INT32}, {.id = PS_TYPE_STRING}, false},
        {{.id = PS_TYPE_FLOAT64}, {.id = PS_TYPE_INT32}, true},
    };
    world w;

    (void)state;
    begin(&w);
    for (size_t i = 0; i < PS_COUNT(cases); i++) {
        const ps_expr *from = col(&w, 1, cases[i].from);
        assert_int_equal(
            ps_expr_is_fallible(ps_expr_cast(&w.cx, &w.arena, from, cases[i].to, PS_CAST_ERROR)),
            cases[i].fallible);
        assert_false(
            ps_expr_is_fallible(ps_expr_cast(&w.cx, &w.arena, from, cases[i].to, PS_CAST_TRY)));
    }
    end(&w);
}

static void windows_have_all_children(void **state)
{
    world w;
    ps_agg_part part = {0};
    ps_window_spec spec = {
        .n_partition = 1,
        .n_order = 1,
        .frame = {.unit = PS_FRAME_ROWS, .start = PS_BOUND_PRECEDING, .end = PS_BOUND_CURRENT}};
    const ps_expr *x, *p, *children[6];
    ps_sort_key key = {.descending = true};
    const ps_expr *e, *f;

    (void)state;
    begin(&w);
    x = col(&w, 1, PS_TYPE(INT64)), p = col(&w, 2, PS_TYPE(INT64));
    key.expr = col(&w, 3, PS_TYPE(INT64));
    spec.partition = &p, spec.order = &key, spec.frame.start_offset = num(&w, 2);
    part.filter = col(&w, 4, PS_TYPE(BOOL));
    e = ps_expr_window(&w.cx, &w.arena, ps_func_find(PS_FUNC_AGGREGATE, "sum"), PS_TYPE(INT128), &x,
                       1, &part, &spec);
    prints(&w, e,
           "sum(#1) FILTER (WHERE #4) OVER (PARTITION BY #2 ORDER BY #3 DESC ROWS BETWEEN "
           "2::BIGINT PRECEDING AND CURRENT ROW)");
    assert_int_equal(ps_expr_n_children(e), 5);
    for (uint32_t i = 0; i < 5; i++) children[i] = ps_expr_child(e, i);
    assert_ptr_equal(ps_expr_with_children(&w.cx, &w.arena, e, children), e);
    children[3] = col(&w, 8, PS_TYPE(INT64));
    f = ps_expr_with_children(&w.cx, &w.arena, e, children);
    assert_int_equal(f->order[0].expr->column, 8);
    assert_int_equal(e->order[0].expr->column, 3);
    assert_false(ps_expr_equal(e, f));
    children[3] = key.expr;
    assert_true(ps_expr_equal(ps_expr_with_children(&w.cx, &w.arena, f, children), e));
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(junctions_are_flat),         cmocka_unit_test(in_lists_are_sorted),
        cmocka_unit_test(equality_and_hash),          cmocka_unit_test(rewriting_shares),
        cmocka_unit_test(depth_and_size_are_limited), cmocka_unit_test(casts_that_cannot_fail),
        cmocka_unit_test(windows_have_all_children),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
