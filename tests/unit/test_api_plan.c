/* tests/unit/test_api_plan.c -- terms and plans of the public interface: what they compute, what
 * failures they carry. */
/* links: all */
#include "unit.h"

#include <penstock.h>

#include <stdio.h>
#include <stdlib.h>

static ps_instance *instance;
static ps_session *session;

static void run_sql(const char *sql)
{
    ps_error error = {0};
    ps_result *result = NULL;

    if (ps_session_sql(session, sql, strlen(sql), NULL, &result, &error) != PS_OK)
        fail_msg("%s: %s", sql, error.message);
    ps_result_free(result);
}

static int setup(void **state)
{
    (void)state;
    ps_instance_options options = PS_INSTANCE_OPTIONS;
    options.threads = 2;
    if (ps_instance_new(&options, &instance, NULL) != PS_OK) return -1;
    if (ps_session_new(instance, &session, NULL) != PS_OK) return -1;
    run_sql("CREATE TABLE item(id INTEGER, kind VARCHAR, price DECIMAL(8,2))");
    run_sql("INSERT INTO item VALUES (1, 'a', 1.50), (2, 'b', 2.25), (3, 'a', NULL), (4, 'b', 4)");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ps_session_free(session);
    ps_instance_free(instance);
    return 0;
}

/* The rows as "a|b;c|d;" */
static void rows_of(ps_result *result, char *out, size_t room)
{
    struct ArrowSchema schema;
    ps_fetch fetch = PS_FETCH_BATCH;
    size_t n = 0;

    assert_int_equal(ps_result_schema(result, &schema, NULL), PS_OK);
    while (fetch != PS_FETCH_END) {
        struct ArrowArray batch;
        ps_error error = {0};
        ps_cells *cells;

        if (ps_result_next(result, UINT64_MAX, &batch, &fetch, &error) != PS_OK)
            fail_msg("%s", error.message);
        if (fetch != PS_FETCH_BATCH) continue;
        assert_int_equal(ps_cells_new(&schema, &batch, &cells, NULL), PS_OK);
        for (size_t r = 0; r < ps_cells_n_rows(cells); r++) {
            for (size_t c = 0; c < ps_cells_n_columns(cells); c++) {
                const char *text;
                assert_int_equal(ps_cells_text(cells, r, c, &text, NULL, NULL), PS_OK);
                n += (size_t)snprintf(out + n, room - n, "%s%s", c ? "|" : "", text ? text : "-");
            }
            n += (size_t)snprintf(out + n, room - n, ";");
        }
        ps_cells_free(cells);
    }
    schema.release(&schema);
}

/* Runs a plan, which is taken over, and compares. */
static void expect(ps_plan *plan, const char *wanted)
{
    char text[4096] = "";
    ps_error error = {0};
    ps_result *result = NULL;

    if (ps_plan_run(plan, session, NULL, &result, &error) != PS_OK)
        fail_msg("%s (%s), wanted %s", error.message, error.hint, wanted);
    ps_plan_unref(plan); /* the result stands on its own */
    rows_of(result, text, sizeof text);
    ps_result_free(result);
    assert_string_equal(text, wanted);
}

static void expect_fail(ps_plan *plan, ps_status code, const char *part)
{
    ps_error error = {0};
    ps_result *result = NULL;

    assert_int_equal(ps_plan_run(plan, session, NULL, &result, &error), code);
    assert_null(result);
    assert_int_equal(error.code, code);
    if (!strstr(error.message, part) && !strstr(error.hint, part))
        fail_msg("\"%s\" (%s) does not say \"%s\"", error.message, error.hint, part);
    ps_plan_unref(plan);
    run_sql("SELECT 1"); /* the session goes on */
}

static ps_plan *items(void) { return ps_plan_table("item"); }
static ps_term *col(const char *name) { return ps_term_column(name); }
static ps_plan *by_id(ps_plan *plan)
{
    ps_term *key = col("id");
    return ps_plan_sort(plan, &key, 1);
}
static ps_plan *only(ps_plan *plan, ps_term *term) { return ps_plan_select(plan, &term, 1); }

static void test_rows(void **state)
{
    (void)state;
    expect(by_id(items()), "1|a|1.50;2|b|2.25;3|a|-;4|b|4.00;");
    expect(ps_plan_limit(by_id(items()), 1, 2), "2|b|2.25;3|a|-;");
    expect(ps_plan_filter(by_id(items()),
                          ps_term_call2("<", col("price"), ps_term_typed("DECIMAL(4,1)", "4.0"))),
           "1|a|1.50;2|b|2.25;");
    const char *const dropped[] = {"price", "kind"};
    expect(ps_plan_drop(by_id(items()), dropped, 2), "1;2;3;4;");
    ps_term *twice = ps_term_as(ps_term_call2("*", col("id"), ps_term_int64(-2)), "id");
    expect(ps_plan_replace(by_id(items()), &twice, 1), "-2|a|1.50;-4|b|2.25;-6|a|-;-8|b|4.00;");
    ps_term *more = ps_term_as(ps_term_sql("id + 1"), "next");
    expect(ps_plan_limit(ps_plan_extend(by_id(items()), &more, 1), 0, 1), "1|a|1.50|2;");
    ps_term *key = ps_term_key(col("price"), true, PS_NULL_PLACE_FIRST);
    expect(only(ps_plan_sort(items(), &key, 1), col("id")), "3;4;2;1;");
    key = ps_term_key(col("kind"), true, PS_NULL_PLACE_LAST);
    expect(ps_plan_sort(ps_plan_distinct(only(items(), col("kind"))), &key, 1), "b;a;");
}

static void test_terms(void **state)
{
    (void)state;
    ps_plan *one = ps_plan_limit(by_id(items()), 0, 1);
    ps_term *parts[] = {ps_term_call2("=", col("kind"), ps_term_text("a", 1)),
                        ps_term_text("x'y", 3)};
    ps_term *between[] = {col("id"), ps_term_int64(1), ps_term_int64(3)};
    ps_term *in[] = {col("id"), ps_term_int64(7), ps_term_int64(1)};
    ps_term *sum[] = {col("id"), ps_term_int64(2), ps_term_int64(3)};
    ps_term *terms[] = {
        ps_term_null(),
        ps_term_bool(true),
        ps_term_int64(INT64_MIN),
        ps_term_double(0.1),
        ps_term_typed("DATE", "1998-12-01"),
        ps_term_case(parts, 1, NULL),
        ps_term_call("between", between, 3),
        ps_term_call("not in", in, 3),
        ps_term_call("+", sum, 3),
        ps_term_cast(ps_term_text("12", 2), "BIGINT", false),
        ps_term_cast(ps_term_text("zwölf", 6), "BIGINT", true),
        ps_term_call1("upper", col("kind")),
        ps_term_call2("like", col("kind"), ps_term_text("_", 1)),
        ps_term_call1("is not null", col("price")),
        ps_term_call1("not", ps_term_bool(true)),
        ps_term_call1("-", col("id")),
    };
    expect(
        ps_plan_select(one, terms, sizeof terms / sizeof *terms),
        "-|true|-9223372036854775808|0.1|1998-12-01|x'y|true|false|6|12|-|A|true|true|false|-1;");
}

static void test_aggregates_and_windows(void **state)
{
    (void)state;
    ps_term *star = ps_term_star(), *key = col("kind"), *order = ps_term_key(col("id"), true, 0);
    ps_term *text[] = {ps_term_cast(col("id"), "VARCHAR", false), ps_term_text(",", 1)};
    ps_term *aggregates[] = {
        ps_term_as(ps_term_call("count", &star, 1), "n"),
        ps_term_call1("sum", col("price")),
        ps_term_filter(ps_term_call1("max", col("id")),
                       ps_term_call2("<", col("id"), ps_term_int64(4))),
        ps_term_distinct(ps_term_call1("count", col("kind"))),
        ps_term_order(ps_term_call("string_agg", text, 2), &order, 1),
    };
    ps_term *by = col("kind");
    expect(ps_plan_sort(ps_plan_aggregate(items(), &key, 1, aggregates, 5), &by, 1),
           "a|2|1.50|3|1|3,1;b|2|6.25|2|1|4,2;");
    ps_window_options over = PS_WINDOW_OPTIONS;
    ps_term *partition = col("kind"), *within = col("id");
    over.partition = &partition;
    over.n_partition = 1;
    over.order = &within;
    over.n_order = 1;
    over.frame = "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW";
    ps_term *outputs[] = {col("id"), ps_term_over(ps_term_call1("sum", col("id")), &over)};
    ps_plan *plan = ps_plan_select(items(), outputs, 2);
    ps_error error = {0};
    char *json = NULL;
    if (ps_plan_show(plan, session, PS_PLAN_VIEW_JSON, &json, &error) != PS_OK)
        fail_msg("%s", error.message);
    assert_non_null(strstr(json, "\"rows\""));
    assert_non_null(strstr(json, "preceding"));
    ps_string_free(json);
    ps_plan_unref(plan);
}

static void test_joins(void **state)
{
    (void)state;
    ps_plan *all = items();
    ps_term *on =
        ps_term_call2("<", ps_term_column_of("left", "id"), ps_term_column_of("right", "id"));
    ps_term *pair[] = {ps_term_sql("count(*) AS n")};
    /* one plan joined with itself */
    ps_plan *self = ps_plan_join(ps_plan_ref(all), ps_plan_ref(all), PS_MATCH_INNER, on);
    expect(ps_plan_aggregate(self, NULL, 0, pair, 1), "6;");
    const char *const names[] = {"id"};
    ps_plan *few = ps_plan_filter(ps_plan_ref(all), ps_term_sql("id > 2"));
    expect(
        only(by_id(ps_plan_join_using(ps_plan_ref(all), ps_plan_ref(few), PS_MATCH_ANTI, names, 1)),
             col("id")),
        "1;2;");
    expect(by_id(ps_plan_select(
               ps_plan_join_using(ps_plan_ref(all), ps_plan_ref(few), PS_MATCH_LEFT, names, 1),
               (ps_term *[]){col("id")}, 1)),
           "1;2;3;4;");
    expect(ps_plan_aggregate(ps_plan_join(ps_plan_ref(all), ps_plan_ref(few), PS_MATCH_CROSS, NULL),
                             NULL, 0, (ps_term *[]){ps_term_sql("count(*)")}, 1),
           "8;");
    ps_plan *both[] = {only(ps_plan_ref(all), col("id")), only(few, col("id"))};
    expect(by_id(ps_plan_combine(PS_COMBINE_EXCEPT, false, both, 2)), "1;2;");
    ps_plan_unref(all);
}

static void test_failures(void **state)
{
    (void)state;
    ps_error error = {0};
    ps_term *deep = ps_term_int64(1);

    expect_fail(ps_plan_filter(items(), col("kin")), PS_BIND, "kind");
    expect_fail(ps_plan_table("itme"), PS_BIND, "item");
    expect_fail(ps_plan_filter(items(), NULL), PS_MISUSE, "NULL");
    expect_fail(ps_plan_filter(NULL, ps_term_bool(true)), PS_MISUSE, "NULL");
    expect_fail(ps_plan_filter(items(), ps_term_sql("1; DROP TABLE item")), PS_PARSE, "expression");
    expect_fail(ps_plan_filter(items(), ps_term_sql("1 FROM item")), PS_PARSE, "expression");
    expect_fail(ps_plan_filter(items(), ps_term_cast(col("id"), "INT) + CAST(1 AS INT", 0)),
                PS_PARSE, "type");
    expect_fail(ps_plan_filter(items(), ps_term_text("\xff", 1)), PS_INVALID, "UTF-8");
    expect_fail(ps_plan_filter(items(), ps_term_call1("no_such", col("id"))), PS_BIND, "no_such");
    expect_fail(ps_plan_sql("SELECT 1 +", 10), PS_PARSE, "");
    expect_fail(ps_plan_sql("DROP TABLE item", 15), PS_PARSE, "query");
    expect_fail(ps_plan_sql("SELECT nothing FROM item", 24), PS_BIND, "nothing");
    expect_fail(ps_plan_select(items(), NULL, 0), PS_INVALID, "column");
    expect_fail(ps_plan_files((const char *const[]){"no/such.parquet"}, 1, NULL), PS_IO, "");
    ps_plan *plan = items();
    ps_result *result = NULL;
    assert_int_equal(ps_plan_run(plan, session, NULL, NULL, &error), PS_MISUSE);
    assert_int_equal(ps_plan_run(plan, NULL, NULL, &result, &error), PS_MISUSE);
    assert_int_equal(ps_plan_run(NULL, session, NULL, &result, &error), PS_MISUSE);
    ps_plan_unref(plan);
    for (int i = 0; i < 100000; i++) deep = ps_term_call1("-", deep);
    assert_int_equal(ps_term_check(deep, &error), PS_INVALID);
    ps_term_unref(deep);
    deep = ps_term_int64(1);
    for (int i = 0; i < 64; i++) deep = ps_term_call2("+", ps_term_ref(deep), deep);
    assert_int_equal(ps_term_check(deep, &error), PS_INVALID);
    ps_term_unref(deep);
    ps_term_unref(NULL);
    ps_plan_unref(NULL);
    ps_string_free(NULL);
}

/* As many steps as are allowed run. */
static void test_long_chain(void **state)
{
    (void)state;
    ps_plan *plan = by_id(items());

    for (int i = 0; i < 200; i++) plan = ps_plan_filter(plan, ps_term_sql("id < 3"));
    expect(only(plan, col("id")), "1;2;");
    plan = items();
    for (int i = 0; i < 1000; i++) plan = ps_plan_filter(plan, ps_term_bool(true));
    assert_true(ps_plan_check(plan, NULL) != PS_OK);
    ps_plan_unref(plan);
}

static void test_views(void **state)
{
    (void)state;
    ps_plan *a = ps_plan_filter(items(), ps_term_sql("id > 1")),
            *b = ps_plan_filter(items(), ps_term_sql("id > 1"));
    ps_plan *c = ps_plan_filter(items(), ps_term_sql("id > 2"));
    uint8_t x[16], y[16], z[16];
    struct ArrowSchema schema;
    char *text;

    assert_int_equal(ps_plan_digest(a, session, x, NULL), PS_OK);
    assert_int_equal(ps_plan_digest(b, session, y, NULL), PS_OK);
    assert_int_equal(ps_plan_digest(c, session, z, NULL), PS_OK);
    assert_memory_equal(x, y, 16);
    assert_memory_not_equal(x, z, 16);
    for (int view = PS_PLAN_VIEW_TEXT; view <= PS_PLAN_VIEW_JSON; view++) {
        assert_int_equal(ps_plan_show(a, session, (ps_plan_view)view, &text, NULL), PS_OK);
        assert_true(strlen(text) > 10);
        ps_string_free(text);
    }
    assert_int_equal(ps_plan_show(a, session, (ps_plan_view)7, &text, NULL), PS_INVALID);
    assert_int_equal(ps_plan_schema(a, session, &schema, NULL), PS_OK);
    assert_int_equal(schema.n_children, 3);
    assert_string_equal(schema.children[1]->name, "kind");
    schema.release(&schema);
    ps_plan_unref(a);
    ps_plan_unref(b);
    ps_plan_unref(c);
}

static void test_stream(void **state)
{
    (void)state;
    struct ArrowArrayStream stream;
    ps_result *result = NULL;
    ps_error error = {0};

    assert_int_equal(ps_session_sql(session, "FROM item", 9, NULL, &result, &error), PS_OK);
    assert_int_equal(ps_result_stream(result, &stream, NULL), PS_OK);
    ps_plan *plan = ps_plan_stream(session, &stream);
    assert_null(stream.release);
    assert_int_equal(ps_plan_check(plan, &error), PS_OK);
    const char *const names[] = {"id"};
    expect(ps_plan_aggregate(ps_plan_join_using(ps_plan_ref(plan), plan, PS_MATCH_INNER, names, 1),
                             NULL, 0,
                             (ps_term *[]){ps_term_sql("count(*)"), ps_term_sql("sum(id)")}, 2),
           "4|10;");
    plan = ps_plan_stream(session, NULL);
    assert_int_equal(ps_plan_check(plan, &error), PS_MISUSE);
    ps_plan_unref(plan);
}

static void test_options(void **state)
{
    (void)state;
    static const char sql[] =
        "SELECT count(*) FROM range(100000) a(x), range(100000) b(y) WHERE x + y < 0";
    ps_plan *plan = ps_plan_sql(sql, sizeof sql - 1);
    ps_run_options options = PS_RUN_OPTIONS;
    struct ArrowArray batch;
    ps_result *result = NULL;
    ps_error error = {0};
    ps_fetch fetch;

    options.timeout_ms = 50;
    options.threads_max = 1;
    assert_int_equal(ps_plan_run(plan, session, &options, &result, &error), PS_OK);
    assert_int_equal(ps_result_next(result, UINT64_MAX, &batch, &fetch, &error), PS_TIMEOUT);
    ps_result_free(result);
    ps_plan_unref(plan);
    run_sql("SELECT 1");
}

/* Runs SQL as a plan with options to its end. */
static ps_status run_with(ps_session *with, const char *sql, const ps_run_options *options,
                          ps_error *error)
{
    ps_plan *plan = ps_plan_sql(sql, strlen(sql));
    ps_result *result = NULL;
    ps_fetch fetch = PS_FETCH_BATCH;
    ps_status st = ps_plan_run(plan, with, options, &result, error);

    while (st == PS_OK && fetch == PS_FETCH_BATCH) {
        struct ArrowArray batch;

        st = ps_result_next(result, UINT64_MAX, &batch, &fetch, error);
        if (batch.release) batch.release(&batch);
    }
    ps_result_free(result);
    ps_plan_unref(plan);
    return st;
}

static void test_limits_of_a_run(void **state)
{
    (void)state;
    static const char sql[] = "SELECT i FROM range(5000) r(i)";
    ps_run_options options = PS_RUN_OPTIONS;
    ps_error error = {0};

    assert_int_equal(run_with(session, sql, &options, &error), PS_OK);
    options.rows_scanned_max = 100;
    assert_int_equal(run_with(session, sql, &options, &error), PS_LIMIT);
    assert_non_null(strstr(error.message, "max_rows_scanned is 100"));
    options.rows_scanned_max = 0;
    options.result_bytes_max = 1000;
    assert_int_equal(run_with(session, sql, &options, &error), PS_LIMIT);
    assert_non_null(strstr(error.message, "max_result_bytes is 1000"));
    options.result_bytes_max = 0;
    options.memory_bytes_max = 1;
    assert_int_equal(run_with(session, sql, &options, &error), PS_MEMORY);
    options = PS_RUN_OPTIONS;
    options.temp_directory = "/no/such/folder";
    assert_int_equal(run_with(session, sql, &options, &error), PS_OK); /* it doesn't spill */
    /* SET LOCAL is for this run, and gone after it; the closest word counts */
    run_sql("SET LOCAL max_rows_scanned = 10");
    options = PS_RUN_OPTIONS;
    assert_int_equal(run_with(session, sql, &options, &error), PS_LIMIT);
    assert_int_equal(run_with(session, sql, &options, &error), PS_OK);
    run_sql("SET LOCAL max_rows_scanned = 10");
    options.rows_scanned_max = 100000;
    assert_int_equal(run_with(session, sql, &options, &error), PS_OK);
}

static void test_limits_of_an_instance(void **state)
{
    (void)state;
    static const char sql[] = "SELECT i FROM range(5000) r(i)";
    static const char slow[] =
        "SELECT count(*) FROM range(100000) a(x), range(100000) b(y) WHERE x + y < 0";
    ps_instance_options options = PS_INSTANCE_OPTIONS;
    ps_run_options given = PS_RUN_OPTIONS;
    ps_instance *bound = NULL;
    ps_session *own = NULL;
    ps_error error = {0};
    char value[32];

    options.timeout_ms = 60;
    options.rows_scanned_max = 200000;
    options.result_bytes_max = 1000;
    options.temp_bytes_max = 1 << 20;
    assert_int_equal(ps_instance_new(&options, &bound, NULL), PS_OK);
    assert_int_equal(ps_session_new(bound, &own, NULL), PS_OK);
    /* a session and a call may ask for less, not for more */
    given.result_bytes_max = 1 << 30;
    given.rows_scanned_max = 1 << 30;
    assert_int_equal(run_with(own, sql, &given, &error), PS_LIMIT);
    assert_non_null(strstr(error.message, "max_result_bytes is 1000"));
    assert_int_equal(run_with(own, "SELECT sum(i) FROM range(300000) r(i)", &given, &error),
                     PS_LIMIT);
    assert_non_null(strstr(error.message, "max_rows_scanned is 200000"));
    assert_int_equal(ps_session_set(own, "max_execution_time", "0", NULL), PS_OK);
    given.timeout_ms = 1000000;
    assert_int_equal(run_with(own, slow, &given, &error), PS_TIMEOUT);
    assert_non_null(strstr(error.message, "60 ms"));
    assert_int_equal(ps_session_set(own, "max_execution_time", "20", NULL), PS_OK);
    given.timeout_ms = 0;
    assert_int_equal(run_with(own, slow, &given, &error), PS_TIMEOUT);
    assert_non_null(strstr(error.message, "20 ms"));
    assert_int_equal(ps_session_get(own, "max_execution_time", value, sizeof value, NULL), PS_OK);
    assert_string_equal(value, "20");
    ps_session_free(own);
    ps_instance_free(bound);
}

static void test_write(void **state)
{
    char dir[] = "/tmp/ps_write_XXXXXX", path[64], command[64];
    const char *pattern = path;
    ps_error error = {0};
    uint64_t n = 0;
    ps_plan *plan = items();
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/x.parquet", dir);
    assert_int_equal(ps_plan_write(plan, session, path, NULL, NULL, &n, &error), PS_OK);
    ps_plan *back = ps_plan_files(&pattern, 1, NULL);
    ps_term *count = ps_term_call("count", NULL, 0);
    char wanted[32];
    snprintf(wanted, sizeof wanted, "%d;", (int)n);
    assert_true(n > 0);
    expect(ps_plan_aggregate(back, NULL, 0, &count, 1), wanted);
    snprintf(path, sizeof path, "%s/d", dir);
    const char *const options = "FORMAT csv, PARTITION_BY (id)";
    assert_int_equal(ps_plan_write(plan, session, path, options, NULL, NULL, &error), PS_OK);
    assert_int_equal(ps_plan_write(plan, session, path, options, NULL, &n, &error), PS_EXISTS);
    assert_int_equal(n, 0);
    assert_int_equal(ps_plan_write(plan, session, path, "FORMAT csv, NO_SUCH 1", NULL, &n, &error),
                     PS_BIND);
    assert_int_equal(
        ps_plan_write(plan, session, path, "FORMAT csv); DROP TABLE item; (", NULL, &n, &error),
        PS_PARSE);
    assert_int_equal(ps_plan_write(plan, session, path, "", NULL, &n, &error), PS_PARSE);
    assert_int_equal(ps_plan_write(plan, session, path, "FORMAT ?", NULL, &n, &error), PS_PARSE);
    assert_int_equal(ps_plan_write(plan, session, "\xff", NULL, NULL, &n, &error), PS_INVALID);
    assert_int_equal(ps_plan_write(plan, session, NULL, NULL, NULL, &n, &error), PS_MISUSE);
    assert_int_equal(ps_plan_write(NULL, session, path, NULL, NULL, &n, &error), PS_MISUSE);
    ps_plan_unref(plan);
    run_sql("SELECT count(*) FROM item");
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_terms),
        cmocka_unit_test(test_aggregates_and_windows),
        cmocka_unit_test(test_joins),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_limits_of_a_run),
        cmocka_unit_test(test_limits_of_an_instance),
        cmocka_unit_test(test_long_chain),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
