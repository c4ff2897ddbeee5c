/* bench/micro/agg_micro.c -- TPC-H Q1 and Q6 through the engine without a frontend, and other
 * groupings.
 *
 * Reads the columns that bench/limit/export_columns.py wrote into an in-memory table and runs plans
 * made by hand; prints the best time of each. The ratio to bench/limit/q1q6 is Gate A.
 *
 *     agg_micro COLUMN_FOLDER [THREADS [RUNS [NAME]]] */
#include "col/table.h"
#include "exec/query.h"
#include "base/thread.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct bench {
    ps_mem mem;
    ps_ctx cx;
    ps_arena arena;
    ps_table *table;
    ps_source *source;
    ps_pool *pool;
    ps_planner planner;
    const ps_node *scan;
    uint32_t threads, runs;
} bench;

static void check(bench *b, ps_status st)
{
    if (st == PS_OK) return;
    fprintf(stderr, "%s\n", b->cx.error.message);
    exit(1);
}

static void *load(const char *folder, const char *name, size_t width, size_t *n)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s.bin", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    fseek(file, 0, SEEK_END);
    const size_t bytes = (size_t)ftell(file);
    rewind(file);
    void *data = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (!data || fread(data, 1, bytes, file) != bytes) exit(1);
    fclose(file);
    *n = bytes / width;
    return data;
}

enum { COLS = 7 };
static const char *const names[COLS] = {"l_quantity", "l_extendedprice", "l_discount",  "l_tax",
                                        "l_shipdate", "l_returnflag",    "l_linestatus"};
static const size_t widths[COLS] = {8, 8, 8, 8, 4, 1, 1};

static void table_build(bench *b, const char *folder)
{
    void *data[COLS];
    size_t n = 0;
    ps_field fields[COLS];
    ps_schema *schema;
    ps_segment_builder *builder;
    ps_view *views = malloc(PS_BATCH_ROWS * 2 * sizeof(ps_view));
    uint64_t sequence = 0;

    for (int c = 0; c < COLS; c++) {
        data[c] = load(folder, names[c], widths[c], &n);
        fields[c] = (ps_field){.name = ps_str_of(names[c]),
                               .type = c < 4    ? ps_type_decimal(15, 2)
                                       : c == 4 ? PS_TYPE(DATE)
                                                : PS_TYPE(STRING)};
    }
    check(b, ps_schema_new(&b->cx, fields, COLS, &schema));
    check(b, ps_table_new(&b->cx, schema, &b->table));
    check(b, ps_segment_builder_new(&b->cx, schema, &builder));
    for (size_t at = 0; at < n; at += PS_BATCH_ROWS) {
        const uint32_t m = (uint32_t)PS_MIN(n - at, (size_t)PS_BATCH_ROWS);
        ps_vec cols[COLS];
        const ps_batch batch = {
            .cols = cols, .n_cols = COLS, .cols_max = COLS, .n = m, .n_live = m};
        for (int c = 0; c < 4; c++)
            ps_vec_flat(&cols[c], fields[c].type, PS_LAYOUT_I64, (const int64_t *)data[c] + at,
                        NULL, m);
        ps_vec_flat(&cols[4], fields[4].type, PS_LAYOUT_I32, (const int32_t *)data[4] + at, NULL,
                    m);
        for (int c = 5; c < 7; c++) {
            ps_view *v = views + (c - 5) * PS_BATCH_ROWS;
            for (uint32_t i = 0; i < m; i++)
                v[i] = ps_view_of((c == 5 ? "ANR" : "FO") + ((const uint8_t *)data[c])[at + i], 1);
            ps_vec_flat(&cols[c], fields[c].type, PS_LAYOUT_VIEW, v, NULL, m);
        }
        check(b, ps_segment_builder_add(&b->cx, builder, &batch));
        if (ps_segment_builder_rows(builder) >= PS_SEGMENT_ROWS || at + m == n) {
            ps_segment *segment;
            ps_table *more;
            check(b, ps_segment_builder_seal(&b->cx, builder, sequence++, &segment));
            check(b, ps_table_append(&b->cx, b->table, &segment, 1, &more));
            ps_table_unref(b->table);
            ps_owner_unref(&segment->owner);
            b->table = more;
        }
    }
    ps_segment_builder_free(builder);
    ps_schema_unref(schema);
    for (int c = 0; c < COLS; c++) free(data[c]);
    free(views);
    check(b, ps_table_source_new(&b->cx, b->table, PS_STR("lineitem"), &b->source));
}

/* ---- expressions ---- */

static const ps_expr *col(bench *b, int c)
{
    return ps_expr_column(&b->cx, &b->arena, b->scan->cols[c].id, b->scan->cols[c].type);
}
static const ps_expr *lit(bench *b, ps_type type, ps_i128 v)
{
    const ps_value value = ps_value_int(type, v);
    return ps_expr_literal(&b->cx, &b->arena, &value);
}
static const ps_expr *call(bench *b, const char *name, const ps_expr *x, const ps_expr *y)
{
    const ps_expr *args[2] = {x, y};
    const ps_expr *e = ps_func_call(&b->cx, &b->arena, ps_str_of(name), args, 2);
    if (!e) check(b, PS_INTERNAL);
    return e;
}
static ps_item agg(bench *b, const char *name, const ps_expr *arg)
{
    ps_func_match match;
    check(b, ps_func_resolve(&b->cx, &b->arena, PS_FUNC_AGGREGATE, ps_str_of(name), &arg,
                             arg ? 1 : 0, &match));
    const ps_expr *cast =
        arg ? ps_expr_cast(&b->cx, &b->arena, arg, match.arg_types[0], PS_CAST_ERROR) : NULL;
    static const ps_agg_part part;
    const ps_expr *e =
        ps_expr_aggregate(&b->cx, &b->arena, match.func, match.result, &cast, arg ? 1 : 0, &part);
    if (!e) check(b, PS_INTERNAL);
    return (ps_item){.col = {.id = ps_planner_id(&b->planner),
                             .type = match.result,
                             .nullable = true,
                             .name = ps_str_of(name)},
                     .expr = e};
}
static ps_item key(bench *b, const ps_expr *e)
{
    return (ps_item){.col = {.id = ps_planner_id(&b->planner),
                             .type = e->type,
                             .nullable = true,
                             .name = PS_STR("k")},
                     .expr = e};
}
static const ps_node *scan(bench *b, const ps_expr *const *filters, uint32_t n)
{
    ps_scan_col cols[COLS];
    for (uint32_t c = 0; c < COLS; c++) cols[c] = (ps_scan_col){b->scan->cols[c], c};
    return ps_node_scan_new(&b->planner, b->source, cols, COLS, filters, n, 0);
}

static const ps_node *q1(bench *b)
{
    const ps_type cents = ps_type_decimal(15, 2);
    const ps_expr *filter = call(b, "<=", col(b, 4), lit(b, PS_TYPE(DATE), 10471));
    const ps_expr *net = call(b, "*", col(b, 1), call(b, "-", lit(b, cents, 100), col(b, 2)));
    const ps_expr *charge = call(b, "*", net, call(b, "+", lit(b, cents, 100), col(b, 3)));
    const ps_item keys[] = {key(b, col(b, 5)), key(b, col(b, 6))};
    const ps_item aggs[] = {agg(b, "sum", col(b, 0)), agg(b, "sum", col(b, 1)),
                            agg(b, "sum", net),       agg(b, "sum", charge),
                            agg(b, "avg", col(b, 0)), agg(b, "avg", col(b, 1)),
                            agg(b, "avg", col(b, 2)), agg(b, "count", NULL)};
    return ps_node_aggregate_new(&b->planner, scan(b, &filter, 1), keys, 2, aggs, 8);
}

static const ps_node *q6(bench *b)
{
    const ps_type cents = ps_type_decimal(15, 2);
    const ps_expr *filters[] = {call(b, ">=", col(b, 4), lit(b, PS_TYPE(DATE), 8766)),
                                call(b, "<", col(b, 4), lit(b, PS_TYPE(DATE), 9131)),
                                call(b, ">=", col(b, 2), lit(b, cents, 5)),
                                call(b, "<=", col(b, 2), lit(b, cents, 7)),
                                call(b, "<", col(b, 0), lit(b, cents, 2400))};
    const ps_item aggs[] = {agg(b, "sum", call(b, "*", col(b, 1), col(b, 2)))};
    return ps_node_aggregate_new(&b->planner, scan(b, filters, 5), NULL, 0, aggs, 1);
}

static const ps_node *by_date(bench *b) /* 2,526 groups: one range */
{
    const ps_item keys[] = {key(b, col(b, 4))};
    const ps_item aggs[] = {agg(b, "sum", col(b, 1)), agg(b, "count", NULL)};
    return ps_node_aggregate_new(&b->planner, scan(b, NULL, 0), keys, 1, aggs, 2);
}

static const ps_node *by_price(bench *b) /* 933,900 groups */
{
    const ps_item keys[] = {key(b, col(b, 1))};
    const ps_item aggs[] = {agg(b, "sum", col(b, 0)), agg(b, "count", NULL)};
    return ps_node_aggregate_new(&b->planner, scan(b, NULL, 0), keys, 1, aggs, 2);
}

static const ps_node *by_many(bench *b) /* almost every row a group */
{
    const ps_item keys[] = {key(b, col(b, 1)), key(b, col(b, 4))};
    const ps_item aggs[] = {agg(b, "sum", col(b, 0)), agg(b, "max", col(b, 2))};
    return ps_node_aggregate_new(&b->planner, scan(b, NULL, 0), keys, 2, aggs, 2);
}

static double run(bench *b, const ps_node *plan, uint64_t *n_rows, ps_text *first)
{
    const ps_exec_settings settings = {
        .threads = b->threads, .batch_rows = PS_BATCH_ROWS, .deterministic = true};
    ps_cancel cancel = {0};
    ps_query *query;
    ps_batch out;
    bool done = false;
    const uint64_t start = ps_clock_ns();

    check(b, ps_query_new(&b->cx, b->pool, plan, &settings, &cancel, &b->mem, b->planner.next_id,
                          &query));
    check(b, ps_batch_init(&b->cx, &b->arena, plan->n_cols, &out));
    *n_rows = 0;
    for (;;) {
        check(b, ps_query_next(&b->cx, query, UINT64_MAX, &out, &done));
        if (done) break;
        if (*n_rows == 0 && first)
            for (uint32_t c = 0; c < out.n_cols; c++)
                ps_vec_print(&out.cols[c], ps_batch_row(&out, 0), first), ps_text_puts(first, " ");
        *n_rows += out.n_live;
        for (uint32_t c = 0; c < out.n_cols; c++) ps_owner_unref(out.cols[c].owner);
    }
    const double ms = (double)(ps_clock_ns() - start) / 1e6;
    ps_query_free(query);
    return ms;
}

int main(int argc, char **argv)
{
    static bench b;
    static const struct {
        const char *name;
        const ps_node *(*plan)(bench *b);
    } cases[] = {
        {"q1", q1}, {"q6", q6}, {"by_date", by_date}, {"by_price", by_price}, {"by_many", by_many}};

    if (argc < 2) {
        fprintf(stderr, "use: agg_micro COLUMN_FOLDER [THREADS [RUNS [NAME]]]\n");
        return 2;
    }
    b.threads = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 2;
    b.runs = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 7;
    ps_mem_init(&b.mem, NULL, "bench", 0);
    ps_ctx_init(&b.cx, &b.mem, NULL);
    b.cx.batch_rows = PS_BATCH_ROWS;
    table_build(&b, argv[1]);
    check(&b, ps_pool_new(&b.cx, b.threads, &b.pool));
    b.planner = (ps_planner){.cx = &b.cx, .arena = &b.arena};
    b.scan = ps_node_scan_all(&b.planner, b.source);
    for (size_t i = 0; i < PS_COUNT(cases); i++) {
        uint64_t n_rows = 0;
        double best = 1e9;
        ps_text text;
        if (argc > 4 && strcmp(argv[4], cases[i].name) != 0) continue;
        const ps_node *plan = cases[i].plan(&b);
        if (!plan) check(&b, PS_INTERNAL);
        ps_text_init(&text, &b.cx);
        for (uint32_t r = 0; r < b.runs; r++) {
            const double ms = run(&b, plan, &n_rows, r == 0 ? &text : NULL);
            best = PS_MIN(best, ms);
        }
        printf("%-10s %8.2f ms  %8llu rows   %s\n", cases[i].name, best, (unsigned long long)n_rows,
               text.at ? text.at : "");
        ps_text_release(&text);
    }
    ps_pool_free(b.pool);
    ps_source_unref(b.source);
    ps_table_unref(b.table);
    ps_arena_release(&b.arena);
    return 0;
}
