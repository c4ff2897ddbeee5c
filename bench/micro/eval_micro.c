/* bench/micro/eval_micro.c -- cycles per value of programs and filters on one thread.
 *
 *     cmake --preset release && ninja -C build/release eval_micro && build/release/eval_micro
 * Each line: what, cycles per row of the best of many batches (time stamp counter), and the median.
 */
#include "base/thread.h"
#include "eval/program.h"

#include "col/slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 2048, ROUNDS = 4000, COLS_MAX = 4 };

typedef struct bench {
    ps_mem mem;
    ps_ctx cx;
    ps_arena arena;
    ps_vec cols[COLS_MAX];
    ps_expr const *exprs[COLS_MAX];
    ps_batch batch;
} bench;

static uint64_t state = 1;
static uint64_t next_random(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
}

static void must(bench *b, ps_status st)
{
    if (st == PS_OK) return;
    fprintf(stderr, "%s\n", b->cx.error.message);
    exit(1);
}

/* Column i: random integers in [lo, hi] in the given layout. */
static void int_column(bench *b, int i, ps_type type, ps_layout layout, int64_t lo, int64_t hi)
{
    void *data = ps_arena_alloc_raw(&b->cx, &b->arena, ROWS * 16 + 64, 64);

    for (uint32_t k = 0; k < ROWS; k++)
        ps_slot_put(layout, data, k, lo + (int64_t)(next_random() % (uint64_t)(hi - lo + 1)));
    ps_vec_flat(&b->cols[i], type, layout, data, NULL, ROWS);
    b->cols[i].lo = lo, b->cols[i].hi = hi, b->cols[i].bounded = true;
    b->exprs[i] = ps_expr_column(&b->cx, &b->arena, (ps_col_id)i, type);
}

static void text_column(bench *b, int i, bool dictionary)
{
    static const char *const words[] = {"DELIVER IN PERSON", "COLLECT COD", "NONE",
                                        "TAKE BACK RETURN"};
    ps_value values[ROWS];

    for (uint32_t k = 0; k < ROWS; k++)
        values[k] = ps_value_str(ps_str_of(words[dictionary ? k % 4 : next_random() % 4]));
    must(b, ps_vec_of_values(&b->cx, &b->arena, PS_TYPE(STRING), values, dictionary ? 4 : ROWS,
                             &b->cols[i]));
    if (dictionary) {
        ps_dict *dict = ps_arena_alloc(&b->cx, &b->arena, sizeof *dict);
        uint32_t *codes = ps_arena_alloc(&b->cx, &b->arena, ROWS * 4 + 64);
        dict->id = ps_dict_next_id();
        dict->values = b->cols[i];
        for (uint32_t k = 0; k < ROWS; k++) codes[k] = (uint32_t)(next_random() % 4);
        b->cols[i] = (ps_vec){.type = PS_TYPE(STRING),
                              .layout = PS_LAYOUT_VIEW,
                              .encoding = PS_ENC_DICTIONARY,
                              .n = ROWS,
                              .codes = codes,
                              .dict = dict};
    }
    b->exprs[i] = ps_expr_column(&b->cx, &b->arena, (ps_col_id)i, PS_TYPE(STRING));
}

static const ps_expr *lit(bench *b, ps_type type, int64_t i)
{
    ps_value v = ps_value_int(type, i);
    return ps_expr_literal(&b->cx, &b->arena, &v);
}
static const ps_expr *call(bench *b, const char *name, const ps_expr *x, const ps_expr *y)
{
    const ps_expr *args[] = {x, y}, *e = ps_func_call(&b->cx, &b->arena, ps_str_of(name), args, 2);
    if (!e) must(b, PS_BIND);
    return e;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void run(bench *b, const char *what, const ps_expr *const *exprs, uint32_t n, bool filter,
                uint32_t rows)
{
    static const ps_col_id ids[COLS_MAX] = {0, 1, 2, 3};
    static double times[ROUNDS];
    const ps_program *program;
    ps_eval *eval;
    ps_vec outs[8];
    static uint32_t sel[ROWS + 64];
    uint32_t found = 0;

    must(b, ps_program_new(&b->cx, &b->arena, exprs, n, ids, COLS_MAX, &program));
    must(b, ps_eval_new(&b->cx, &b->arena, program, &eval));
    b->batch = (ps_batch){
        .cols = b->cols, .n_cols = COLS_MAX, .cols_max = COLS_MAX, .n = rows, .n_live = rows};
    for (int r = 0; r < ROUNDS; r++) {
        uint64_t start = ps_cycles();
        must(b, filter ? ps_eval_filter(&b->cx, eval, &b->batch, sel, &found)
                       : ps_eval_run(&b->cx, eval, &b->batch, outs));
        times[r] = (double)(ps_cycles() - start);
    }
    qsort(times, ROUNDS, sizeof *times, by_value);
    printf("%-44s %8.3f %8.3f cycles a row, %7.0f a batch of %u%s", what, times[0] / rows,
           times[ROUNDS / 2] / rows, times[ROUNDS / 2], rows, filter ? "" : "\n");
    if (filter) printf(", %u pass\n", found);
    ps_eval_release(eval);
}

static void bench_ints(bench *b)
{
    const ps_type i32 = PS_TYPE(INT32), i64 = PS_TYPE(INT64);
    const ps_expr *e, *args[4];

    int_column(b, 0, i32, PS_LAYOUT_I32, 0, 1000000);
    int_column(b, 1, i64, PS_LAYOUT_I64, 0, 1000000);
    int_column(b, 2, i32, PS_LAYOUT_I16, 0, 10000);
    int_column(b, 3, i64, PS_LAYOUT_I64, INT64_MIN / 4, INT64_MAX / 4);
    e = call(b, "<", b->exprs[0], lit(b, i32, 500000));
    run(b, "i32 < const, filter", &e, 1, true, ROWS);
    run(b, "i32 < const, flags", &e, 1, false, ROWS);
    run(b, "i32 < const, flags, 1 row", &e, 1, false, 1);
    run(b, "i32 < const, filter, 1 row", &e, 1, true, 1);
    e = call(b, "<", b->exprs[0], lit(b, i32, 10000));
    run(b, "i32 < const, 1 % pass, filter", &e, 1, true, ROWS);
    args[0] = call(b, ">=", b->exprs[0], lit(b, i32, 300000)),
    args[1] = call(b, "<", b->exprs[0], lit(b, i32, 400000));
    args[2] = call(b, "<", b->exprs[2], lit(b, i32, 2400));
    e = ps_expr_and(&b->cx, &b->arena, args, 3);
    run(b, "i32 range and i16 < const, filter", &e, 1, true, ROWS);
    e = call(b, "*", b->exprs[1], b->exprs[1]);
    run(b, "i64 * i64, bounds prove it", &e, 1, false, ROWS);
    e = call(b, "+", b->exprs[3], b->exprs[3]);
    run(b, "i64 + i64, bounds prove it", &e, 1, false, ROWS);
    b->cols[3].bounded = false, b->cols[3].lo = INT64_MIN, b->cols[3].hi = INT64_MAX;
    run(b, "i64 + i64, bounds measured", &e, 1, false, ROWS);
    b->cols[0].bounded = false, b->cols[0].lo = INT32_MIN, b->cols[0].hi = INT32_MAX;
    e = call(b, "+", b->exprs[0], lit(b, i32, 1));
    run(b, "i32 + const, bounds measured", &e, 1, false, ROWS);
}

static void bench_case(bench *b)
{
    const ps_type i32 = PS_TYPE(INT32), i64 = PS_TYPE(INT64);
    const ps_expr *args[3], *e;

    int_column(b, 0, i32, PS_LAYOUT_I32, 0, 1000000);
    int_column(b, 1, i64, PS_LAYOUT_I64, 0, 1000000);
    b->cols[2] = b->cols[3] = b->cols[0];
    args[0] = call(b, "<", b->exprs[0], lit(b, i32, 500000));
    args[1] = b->exprs[1], args[2] = lit(b, i64, 0);
    e = ps_expr_case(&b->cx, &b->arena, args, 3);
    run(b, "CASE WHEN i32 < const THEN i64 ELSE 0", &e, 1, false, ROWS);
    args[1] = call(b, "*", b->exprs[1], b->exprs[1]);
    e = ps_expr_case(&b->cx, &b->arena, args, 3);
    run(b, "CASE WHEN i32 < const THEN i64 * i64 ELSE 0", &e, 1, false, ROWS);
}

static void bench_q1(bench *b)
{
    const ps_type money = ps_type_decimal(15, 2);
    const ps_expr *one = lit(b, money, 100), *exprs[2];

    int_column(b, 0, money, PS_LAYOUT_I32, 90000, 10494950);
    int_column(b, 1, money, PS_LAYOUT_I8, 0, 10);
    int_column(b, 2, money, PS_LAYOUT_I8, 0, 8);
    b->cols[3] = b->cols[2];
    exprs[0] = call(b, "*", b->exprs[0], call(b, "-", one, b->exprs[1]));
    exprs[1] = call(b, "*", exprs[0], call(b, "+", one, b->exprs[2]));
    run(b, "Q1 price*(1-discount), *(1+tax), narrow", exprs, 2, false, ROWS);
    int_column(b, 0, money, PS_LAYOUT_I64, 90000, 10494950);
    int_column(b, 1, money, PS_LAYOUT_I64, 0, 10);
    int_column(b, 2, money, PS_LAYOUT_I64, 0, 8);
    run(b, "Q1 chain, 64-bit slots, bounded", exprs, 2, false, ROWS);
    for (int c = 0; c < 3; c++)
        b->cols[c].bounded = false, b->cols[c].lo = INT64_MIN, b->cols[c].hi = INT64_MAX;
    run(b, "Q1 chain, 64-bit slots, unknown bounds", exprs, 2, false, ROWS);
}

static void bench_text(bench *b)
{
    ps_value word = ps_value_str(PS_STR("COLLECT COD"));
    const ps_expr *literal = ps_expr_literal(&b->cx, &b->arena, &word), *e;

    text_column(b, 0, false);
    text_column(b, 1, true);
    b->cols[2] = b->cols[3] = b->cols[0];
    e = call(b, "=", b->exprs[0], literal);
    run(b, "text = const, filter", &e, 1, true, ROWS);
    e = call(b, "=", b->exprs[1], literal);
    run(b, "text = const by dictionary, filter", &e, 1, true, ROWS);
}

static void bench_hash(bench *b)
{
    static uint64_t hashes[ROWS];
    static double times[ROUNDS];

    int_column(b, 0, PS_TYPE(INT64), PS_LAYOUT_I64, 0, 1000000000);
    int_column(b, 1, PS_TYPE(INT32), PS_LAYOUT_I32, 0, 1000000000);
    text_column(b, 2, false);
    for (uint32_t c = 0; c < 3; c++) {
        for (int r = 0; r < ROUNDS; r++) {
            uint64_t start = ps_cycles();
            must(b, ps_hash_rows(&b->cx, &b->cols[c], 1, NULL, ROWS, 0, hashes));
            times[r] = (double)(ps_cycles() - start);
        }
        qsort(times, ROUNDS, sizeof *times, by_value);
        printf("hash of column %u %35.3f %8.3f cycles a row\n", c, times[0] / (double)ROWS,
               times[ROUNDS / 2] / (double)ROWS);
    }
}

/* What a query pays once: compiling, an eval, its first row. */
static void bench_compile(bench *b)
{
    static double times[2][ROUNDS];
    static const ps_col_id ids[COLS_MAX] = {0, 1, 2, 3};
    const ps_expr *e;

    int_column(b, 0, PS_TYPE(INT32), PS_LAYOUT_I32, 0, 1000000);
    e = call(b, "<", call(b, "+", b->exprs[0], b->exprs[0]), lit(b, PS_TYPE(INT32), 500));
    for (int r = 0; r < ROUNDS; r++) {
        ps_arena arena = {0};
        const ps_program *program;
        ps_eval *eval;
        ps_vec out;
        uint64_t start = ps_cycles();
        must(b, ps_program_new(&b->cx, &arena, &e, 1, ids, COLS_MAX, &program));
        times[0][r] = (double)(ps_cycles() - start);
        must(b, ps_eval_new(&b->cx, &arena, program, &eval));
        b->batch.n = b->batch.n_live = 1;
        must(b, ps_eval_run(&b->cx, eval, &b->batch, &out));
        times[1][r] = (double)(ps_cycles() - start);
        ps_eval_release(eval);
        ps_arena_release(&arena);
    }
    qsort(times[0], ROUNDS, sizeof(double), by_value);
    qsort(times[1], ROUNDS, sizeof(double), by_value);
    printf("a + a < const: compile %.0f cycles, and first run %.0f\n", times[0][ROUNDS / 2],
           times[1][ROUNDS / 2]);
}

int main(void)
{
    static bench b;

    ps_mem_init(&b.mem, NULL, "bench", 0);
    ps_ctx_init(&b.cx, &b.mem, NULL);
    b.cx.batch_rows = ROWS;
    bench_ints(&b);
    bench_q1(&b);
    bench_case(&b);
    bench_text(&b);
    bench_hash(&b);
    bench_compile(&b);
    ps_arena_release(&b.arena);
    return 0;
}
