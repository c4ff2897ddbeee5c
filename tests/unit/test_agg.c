/* tests/unit/test_agg.c -- aggregate classes: any shape, split, order and encoding gives the same
 * bits; sums against plain references.
 *
 * Each case spreads N rows over G groups three ways: all by ROWS, batches by FEW, one group at a
 * time by ONE; with and without a selection, as flat and as dictionary vectors, and merged in both
 * orders. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "func/agg.h"
#include "func/agg_binned.h"

enum { N = 4000, G = 7, STATE_MAX = 1024 };

#define CLASSES(C)                                                                                 \
    C(count_star)                                                                                  \
    C(count)                                                                                       \
    C(sum_int)                                                                                     \
    C(sum_decimal)                                                                                 \
    C(sum_float)                                                                                   \
    C(avg_int) C(avg_decimal) C(avg_float) C(min) C(max) C(var_samp) C(stddev_pop) C(first)        \
        C(last) C(any_value) C(arg_min) C(arg_max) C(corr) C(covar_pop) C(bit_and) C(bit_or)       \
            C(bit_xor)
#define C(name) extern const ps_agg_class ps_aggfn_##name;
CLASSES(C)
#undef C

static ps_mem mem;
static ps_ctx cx;

typedef struct test_heap {
    ps_agg_heap base;
    ps_arena arena;
} test_heap;
static char *test_alloc(ps_ctx *c, ps_agg_heap *heap, size_t bytes)
{
    return ps_arena_alloc_raw(c, &PS_CONTAINER(heap, test_heap, base)->arena, bytes, 1);
}

typedef struct run {
    ps_agg agg;
    ps_expr expr, arg[2];
    const ps_expr *args[2];
    ps_func func;
    ps_vec vecs[2];
    uint8_t groups[N];
    test_heap heap;
    uint8_t (*states)[STATE_MAX];
    ps_agg_scratch scratch;
} run;

static run *run_new(const ps_agg_class *class, ps_type result, const ps_vec *vecs, uint32_t n_args)
{
    run *r = test_calloc(1, sizeof(*r));
    r->heap.base.alloc = test_alloc;
    for (uint32_t a = 0; a < n_args; a++) {
        r->arg[a].type = vecs[a].type;
        r->args[a] = &r->arg[a];
        r->vecs[a] = vecs[a];
    }
    r->func = (ps_func){.name = "test", .aggregate = class};
    r->expr = (ps_expr){.kind = PS_EXPR_AGGREGATE,
                        .type = result,
                        .n_args = n_args,
                        .args = r->args,
                        .func = &r->func};
    assert_int_equal(ps_agg_bind(&cx, &r->expr, &r->agg), PS_OK);
    assert_true(r->agg.class->state_bytes <= STATE_MAX);
    r->states = test_calloc(G, STATE_MAX);
    for (uint32_t i = 0; i < N; i++)
        r->groups[i] = (uint8_t)(ps_hash_u64(i, 5) % (G - 1)); /* the last group stays empty */
    return r;
}

static void run_free(run *r)
{
    ps_arena_release(&r->heap.arena);
    test_free(r->states);
    test_free(r);
}

/* Rows [from, to) by the given shape into states. */
static void feed(run *r, ps_agg_shape shape, uint32_t from, uint32_t to,
                 uint8_t (*states)[STATE_MAX])
{
    uint32_t sel[N], group_n[G];
    uint8_t groups[N], *at[N], *few[G];
    ps_agg_update u = {.cx = &cx,
                       .agg = &r->agg,
                       .args = r->vecs,
                       .sel = sel,
                       .shape = shape,
                       .heap = &r->heap.base,
                       .scratch = &r->scratch,
                       .groups = groups,
                       .n_groups = G,
                       .group_n = group_n};
    for (uint32_t g = 0; g < G; g++) few[g] = states[g];
    if (shape == PS_AGG_ONE) {
        for (uint32_t g = 0; g < G; g++) {
            u.n = 0;
            for (uint32_t i = from; i < to; i++)
                if (r->groups[i] == g) sel[u.n++] = i;
            u.states = &few[g];
            if (u.n) assert_int_equal(r->agg.class->update(&u), PS_OK);
        }
        return;
    }
    memset(group_n, 0, sizeof(group_n));
    for (uint32_t i = from; i < to; i++) {
        sel[u.n] = i, groups[u.n] = r->groups[i], group_n[r->groups[i]]++;
        at[u.n++] = states[r->groups[i]];
    }
    if (from == 0) u.sel = NULL; /* dense */
    uint8_t dense[N];
    if (shape == PS_AGG_FEW && to % 2 == 0) { /* the same groups told by physical row */
        memset(dense, PS_AGG_NO_GROUP, sizeof(dense));
        for (uint32_t i = from; i < to; i++) dense[i] = r->groups[i];
        u.dense = dense;
        u.n_dense = to;
    }
    u.states = shape == PS_AGG_FEW ? few : at;
    assert_int_equal(r->agg.class->update(&u), PS_OK);
}

/* Results of a run split into `split` pieces, merged forwards or backwards, must have the bits of
 * `expected`. */
static void finish(run *r, uint8_t (*states)[STATE_MAX], ps_vec_buf *buf, ps_vec *out)
{
    uint8_t *at[G];
    for (uint32_t g = 0; g < G; g++) at[g] = states[g];
    assert_int_equal(r->agg.class->finish(&cx, &r->agg, at, G, buf, out), PS_OK);
}

static void check_equal(const ps_vec *a, const ps_vec *b)
{
    assert_int_equal(a->layout, b->layout);
    for (uint32_t g = 0; g < G; g++) {
        assert_int_equal(ps_vec_row_valid(a, g), ps_vec_row_valid(b, g));
        if (!ps_vec_row_valid(a, g)) continue;
        const size_t bytes = ps_layout_bytes((ps_layout)a->layout);
        if (a->layout == PS_LAYOUT_VIEW)
            assert_true(
                ps_view_equal(&((const ps_view *)a->data)[g], &((const ps_view *)b->data)[g]));
        else
            assert_memory_equal((const char *)a->data + g * bytes,
                                (const char *)b->data + g * bytes, bytes);
    }
}

static void all_ways_agree(run *r, ps_vec_buf *result, ps_vec *out)
{
    ps_vec_buf buf;
    ps_vec other;
    assert_int_equal(ps_vec_buf_init(&cx, &buf, G), PS_OK);
    feed(r, PS_AGG_ROWS, 0, N, r->states);
    finish(r, r->states, result, out);
    assert_false(ps_vec_row_valid(out, G - 1) && r->agg.expr->type.id != PS_TYPE_INT64);
    for (int shape = PS_AGG_ONE; shape <= PS_AGG_ROWS; shape++)
        for (uint32_t split = 1; split < 40; split = split * 3 + 1)
            for (int backwards = 0; backwards < 2; backwards++) {
                uint8_t(*states)[STATE_MAX] = test_calloc(G * split, STATE_MAX);
                uint8_t(*total)[STATE_MAX] = test_calloc(G, STATE_MAX);
                for (uint32_t s = 0; s < split; s++)
                    feed(r, (ps_agg_shape)shape, N * s / split, N * (s + 1) / split,
                         states + G * s);
                for (uint32_t s = 0; s < split; s++) {
                    uint8_t *dst[G], *src[G];
                    for (uint32_t g = 0; g < G; g++)
                        dst[g] = total[g], src[g] = states[G * (backwards ? split - 1 - s : s) + g];
                    assert_int_equal(r->agg.class->merge(&cx, &r->agg, dst, src, G, &r->heap.base),
                                     PS_OK);
                }
                finish(r, total, &buf, &other);
                check_equal(out, &other);
                test_free(states);
                test_free(total);
            }
    ps_vec_buf_release(&buf);
}

static uint64_t bits(uint32_t i, uint64_t seed) { return ps_hash_u64(i, seed); }

typedef struct inputs {
    int16_t narrow[N];
    int64_t wide[N];
    ps_i128 huge[N];
    double floats[N];
    ps_view views[N];
    char text[N][24];
    uint64_t valid[PS_BITS_WORDS(N)];
    uint32_t codes[N];
    ps_dict dict;
} inputs;

static inputs *inputs_new(void)
{
    inputs *in = test_calloc(1, sizeof(*in));
    ps_bits_fill(in->valid, N, true);
    for (uint32_t i = 0; i < N; i++) {
        in->narrow[i] = (int16_t)bits(i, 1);
        in->wide[i] = (int64_t)bits(i, 2);
        in->huge[i] = (ps_i128)(int64_t)bits(i, 3) * ((ps_i128)1 << 62);
        in->floats[i] = ldexp((double)(int64_t)bits(i, 4), (int)(bits(i, 6) % 120) - 100);
        const int n = snprintf(in->text[i], sizeof(in->text[i]), "%0*d", (int)(bits(i, 7) % 20 + 1),
                               (int)(bits(i, 8) % 1000));
        if (bits(i, 9) % 10 == 0) ps_bit_clear(in->valid, i);
        else in->views[i] = ps_view_of(in->text[i], (size_t)n);
        in->codes[i] = (uint32_t)(bits(i, 10) % N);
    }
    return in;
}

/* The same values in another encoding: `out` reads `flat` through codes. */
static void as_dictionary(inputs *in, const ps_vec *flat, ps_vec *out)
{
    in->dict = (ps_dict){.id = 9, .values = *flat};
    *out = *flat;
    out->encoding = PS_ENC_DICTIONARY, out->data = NULL, out->valid = NULL, out->codes = in->codes,
    out->dict = &in->dict;
}

static void vec_of(inputs *in, ps_type type, ps_vec *out)
{
    switch ((ps_type_id)type.id) {
    case PS_TYPE_INT16: ps_vec_flat(out, type, PS_LAYOUT_I16, in->narrow, in->valid, N); break;
    case PS_TYPE_INT64: ps_vec_flat(out, type, PS_LAYOUT_I64, in->wide, in->valid, N); break;
    case PS_TYPE_INT128: ps_vec_flat(out, type, PS_LAYOUT_I128, in->huge, in->valid, N); break;
    case PS_TYPE_FLOAT64: ps_vec_flat(out, type, PS_LAYOUT_F64, in->floats, in->valid, N); break;
    case PS_TYPE_STRING: ps_vec_flat(out, type, PS_LAYOUT_VIEW, in->views, in->valid, N); break;
    default: ps_vec_flat(out, type, PS_LAYOUT_I16, in->narrow, NULL, N); break; /* DECIMAL */
    }
}

static void every_class_gives_the_same_bits_any_way(void **state)
{
    inputs *in = inputs_new();
    const ps_type types[] = {PS_TYPE(INT16),   PS_TYPE(INT64),  PS_TYPE(INT128),
                             PS_TYPE(FLOAT64), PS_TYPE(STRING), ps_type_decimal(9, 2)};
    const struct {
        const ps_agg_class *class;
        uint32_t types;
        ps_type result;
        uint32_t n_args;
    } cases[] = {{&ps_aggfn_count_star, 63, PS_TYPE(INT64), 0},
                 {&ps_aggfn_count, 63, PS_TYPE(INT64), 1},
                 {&ps_aggfn_sum_int, 3, PS_TYPE(INT128), 1},
                 {&ps_aggfn_avg_int, 7, PS_TYPE(FLOAT64), 1},
                 {&ps_aggfn_sum_decimal, 32, ps_type_decimal(38, 2), 1},
                 {&ps_aggfn_avg_decimal, 32, PS_TYPE(FLOAT64), 1},
                 {&ps_aggfn_sum_float, 8, PS_TYPE(FLOAT64), 1},
                 {&ps_aggfn_avg_float, 8, PS_TYPE(FLOAT64), 1},
                 {&ps_aggfn_var_samp, 8, PS_TYPE(FLOAT64), 1},
                 {&ps_aggfn_stddev_pop, 8, PS_TYPE(FLOAT64), 1},
                 {&ps_aggfn_bit_and, 7, PS_TYPE(NULL), 1},
                 {&ps_aggfn_bit_or, 7, PS_TYPE(NULL), 1},
                 {&ps_aggfn_bit_xor, 7, PS_TYPE(NULL), 1},
                 {&ps_aggfn_min, 63, PS_TYPE(NULL), 1},
                 {&ps_aggfn_max, 63, PS_TYPE(NULL), 1},
                 {&ps_aggfn_first, 63, PS_TYPE(NULL), 1},
                 {&ps_aggfn_last, 63, PS_TYPE(NULL), 1},
                 {&ps_aggfn_any_value, 63, PS_TYPE(NULL), 1},
                 {&ps_aggfn_arg_min, 63, PS_TYPE(NULL), 2},
                 {&ps_aggfn_arg_max, 63, PS_TYPE(NULL), 2},
                 {&ps_aggfn_corr, 8, PS_TYPE(FLOAT64), 2},
                 {&ps_aggfn_covar_pop, 8, PS_TYPE(FLOAT64), 2}};
    (void)state;
    for (size_t c = 0; c < PS_COUNT(cases); c++)
        for (uint32_t t = 0; t < PS_COUNT(types); t++)
            for (int dictionary = 0; dictionary < 2; dictionary++) {
                if (!(cases[c].types >> t & 1)) continue;
                ps_vec vecs[2], out;
                ps_vec_buf buf;
                vec_of(in, types[t], &vecs[0]);
                if (dictionary) as_dictionary(in, &vecs[0], &vecs[0]);
                vecs[1] = vecs[0];
                if (cases[c].n_args == 2 && types[t].id == PS_TYPE_INT16)
                    vec_of(in, PS_TYPE(STRING), &vecs[1]);
                run *r = run_new(cases[c].class,
                                 cases[c].result.id == PS_TYPE_NULL ? types[t] : cases[c].result,
                                 vecs, cases[c].n_args);
                assert_int_equal(ps_vec_buf_init(&cx, &buf, G), PS_OK);
                all_ways_agree(r, &buf, &out);
                ps_vec_buf_release(&buf);
                run_free(r);
            }
    test_free(in);
}

static void sums_and_extremes_are_right(void **state)
{
    inputs *in = inputs_new();
    ps_vec vec, out;
    ps_vec_buf buf;
    (void)state;
    assert_int_equal(ps_vec_buf_init(&cx, &buf, G), PS_OK);
    ps_i128 sum[G] = {0}, least[G];
    double mean[G];
    uint64_t n[G] = {0};
    vec_of(in, PS_TYPE(INT64), &vec);
    run *r = run_new(&ps_aggfn_sum_int, PS_TYPE(INT128), &vec, 1);
    for (uint32_t i = 0; i < N; i++) {
        const uint8_t g = r->groups[i];
        if (!ps_bit_get(in->valid, i)) continue;
        sum[g] += in->wide[i];
        least[g] = n[g]++ == 0 || in->wide[i] < least[g] ? in->wide[i] : least[g];
    }
    all_ways_agree(r, &buf, &out);
    for (uint32_t g = 0; g + 1 < G; g++) assert_true(((const ps_i128 *)out.data)[g] == sum[g]);
    run_free(r);
    r = run_new(&ps_aggfn_min, PS_TYPE(INT64), &vec, 1);
    all_ways_agree(r, &buf, &out);
    for (uint32_t g = 0; g + 1 < G; g++) assert_true(((const int64_t *)out.data)[g] == least[g]);
    run_free(r);
    r = run_new(&ps_aggfn_avg_int, PS_TYPE(FLOAT64), &vec, 1);
    all_ways_agree(r, &buf, &out);
    for (uint32_t g = 0; g + 1 < G; g++) {
        mean[g] = (double)((__float128)sum[g] / (__float128)n[g]);
        assert_true(((const double *)out.data)[g] == mean[g]);
    }
    run_free(r);
    ps_vec_buf_release(&buf);
    test_free(in);
}

static void sums_beyond_the_type_are_errors_only_at_the_end(void **state)
{
    ps_i128 values[N];
    ps_vec vec, out;
    ps_vec_buf buf;
    uint8_t *at;
    (void)state;
    for (uint32_t i = 0; i < N; i++) values[i] = i < N / 2 ? ps_pow10[38] - 1 : -(ps_pow10[38] - 1);
    ps_vec_flat(&vec, ps_type_decimal(38, 0), PS_LAYOUT_I128, values, NULL, N);
    assert_int_equal(ps_vec_buf_init(&cx, &buf, G), PS_OK);
    run *r = run_new(&ps_aggfn_sum_decimal, ps_type_decimal(38, 0), &vec, 1);
    memset(r->groups, 0, sizeof(r->groups));
    feed(r, PS_AGG_ONE, 0, N, r->states); /* far out and back again */
    at = r->states[0];
    assert_int_equal(r->agg.class->finish(&cx, &r->agg, &at, 1, &buf, &out), PS_OK);
    assert_true(((const ps_i128 *)out.data)[0] == 0);
    feed(r, PS_AGG_ROWS, 0, 1, r->states);
    feed(r, PS_AGG_ROWS, 0, 1, r->states);
    assert_int_equal(r->agg.class->finish(&cx, &r->agg, &at, 1, &buf, &out), PS_VALUE);
    ps_ctx_clear(&cx);
    run_free(r);
    ps_vec_buf_release(&buf);
}

static int by_magnitude(const void *a, const void *b)
{
    const double x = fabs(*(const double *)a), y = fabs(*(const double *)b);
    return (x > y) - (x < y);
}

static void binned_sums_are_exact_enough_and_order_free(void **state)
{
    double x[1000];
    (void)state;
    for (uint64_t seed = 1; seed < 300; seed++) {
        const int spread = (int)(seed % 7) * 100, base = (int)(seed * 7 % 1800) - 1000;
        double most = 0;
        ps_binned a = {0}, b = {0}, c = {0};
        __float128 exact = 0;
        for (uint32_t i = 0; i < 1000; i++) {
            int e = base + (spread ? (int)(bits(i, seed) % (uint64_t)spread) : 0);
            e = e > 900 ? 900 : e < -1100 ? -1100 : e;
            x[i] = ldexp((double)(int64_t)bits(i, seed + 1000), e - 30);
            if (isinf(x[i])) x[i] = 1e300;
            most = fmax(most, fabs(x[i]));
            exact += (__float128)x[i];
        }
        ps_binned_add_many(&a, x, 1000);
        qsort(x, 1000, sizeof(*x), by_magnitude); /* smallest first: the top rises all the way */
        for (uint32_t i = 0; i < 500; i++) ps_binned_add(&b, x[i]);
        ps_binned_add_many(&c, x + 500, 500);
        ps_binned_merge(&b, &c);
        assert_int_equal(a.top, b.top);
        const double va = ps_binned_value(&a), vb = ps_binned_value(&b);
        assert_memory_equal(&va, &vb, 8);
        assert_true(ps_binned_quad(&a) == ps_binned_quad(&b)); /* the bits below too */
        const __float128 error =
            exact > (__float128)va ? exact - (__float128)va : (__float128)va - exact;
        const double ulp = nextafter(fabs(va), INFINITY) - fabs(va);
        assert_true(error <= (__float128)most * 1000 * 0x1p-64 + (__float128)ulp);
    }
    const double special[] = {1e308, 1e308, -1e308, -1e308, 3, 0.0, -0.0, 5e-324};
    ps_binned s = {0};
    ps_binned_add_many(&s, special, PS_COUNT(special));
    assert_true(ps_binned_value(&s) == 0 || fabs(ps_binned_value(&s)) <= 3);
    ps_binned_add(&s, INFINITY);
    assert_true(isinf(ps_binned_value(&s)));
    ps_binned_add(&s, -INFINITY);
    assert_true(isnan(ps_binned_value(&s)));
    ps_binned tiny = {0};
    for (int i = 0; i < 10; i++) ps_binned_add(&tiny, 5e-324);
    assert_true(ps_binned_value(&tiny) == 10 * 5e-324);
}

static int setup(void **state)
{
    (void)state;
    ps_mem_init(&mem, NULL, "test", 0);
    ps_ctx_init(&cx, &mem, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return atomic_load(&mem.used) != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_class_gives_the_same_bits_any_way, setup, teardown),
        cmocka_unit_test_setup_teardown(sums_and_extremes_are_right, setup, teardown),
        cmocka_unit_test_setup_teardown(sums_beyond_the_type_are_errors_only_at_the_end, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(binned_sums_are_exact_enough_and_order_free, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
