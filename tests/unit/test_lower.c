/* tests/unit/test_lower.c -- SQL to plans: the 22 TPC-H plans as they were, errors with their
 * places, depth.
 *
 * Golden plans are in tests/golden/plan; UPDATE=1 in the environment rewrites them. */
#include "front/sql/lower.h"

#include "lower_fixture.h"

#include <stdio.h>
#include <stdlib.h>

/* A whole file, NUL-terminated, or NULL; freed by the caller. */
static char *read_whole(const char *path)
{
    FILE *file = fopen(path, "rb");
    static char buffer[65536];

    if (!file) return NULL;
    size_t n = fread(buffer, 1, sizeof buffer - 1, file);
    buffer[n] = 0;
    fclose(file);
    return buffer;
}

static void check_golden(const char *name, const char *text)
{
    char path[512];
    const char *update = getenv("UPDATE");

    snprintf(path, sizeof path, "%s/golden/plan/%s.txt", PS_TEST_DIR, name);
    if (update && update[0] == '1') {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
        return;
    }
    const char *expected = read_whole(path);
    if (!expected) fail_msg("no golden file %s; run with UPDATE=1", path);
    if (strcmp(expected, text) != 0)
        fail_msg("%s differs:\n--- expected\n%s--- got\n%s", name, expected, text);
}

static void lower_ok(fixture *f, const char *sql, ps_statement *out)
{
    if (fixture_lower(f, sql, out) != PS_OK)
        fail_msg("%s\n  %s (at %u)", sql, f->cx.error.message, f->cx.error.offset);
    if (out->plan && ps_plan_verify(&f->cx, out->plan) != PS_OK)
        fail_msg("%s\n  %s", sql, f->cx.error.message);
}

static void test_tpch(void **state)
{
    (void)state;
    for (int q = 1; q <= 22; q++) {
        char path[512], name[32];
        fixture f;
        ps_statement out;
        ps_text text;

        fixture_init(&f);
        snprintf(path, sizeof path, "%s/../examples/tpch/q%02d.sql", PS_TEST_DIR, q);
        const char *whole = read_whole(path);
        assert_non_null(whole);
        lower_ok(&f, whole, &out);
        ps_text_init(&text, &f.cx);
        assert_int_equal(ps_plan_print(&f.cx, out.plan, PS_PLAN_TEXT, NULL, &text), PS_OK);
        snprintf(name, sizeof name, "tpch_q%02d", q);
        check_golden(name, text.at);
        /* a copy with fresh ids is a plan too, and prints alike but for ids */
        const ps_node *copy = ps_node_instantiate(&f.planner, out.plan);
        assert_non_null(copy);
        assert_int_equal(ps_plan_verify(&f.cx, copy), PS_OK);
        assert_int_not_equal(copy->cols[0].id, out.plan->cols[0].id);
        ps_text_release(&text);
        fixture_release(&f);
    }
}

/* ---- statements that lower, with the names and types of what they give ---- */

static const struct {
    const char *sql, *columns;
} good[] = {
    {"SELECT 1, 2147483648, 9223372036854775808, 1.5, 0.05, 1e3, 'x', NULL, true, -2147483648, "
     "0x10",
     "1 INTEGER, 2147483648 BIGINT, 9223372036854775808 HUGEINT, 1.5 DECIMAL(2,1), 0.05 "
     "DECIMAL(3,2), 1e3 DOUBLE, "
     "'x' VARCHAR, NULL NULL, TRUE BOOLEAN, -2147483648 INTEGER, 0x10 INTEGER"},
    {"FROM t SELECT a", "a INTEGER"},
    {"SELECT A, T.B FROM t", "a INTEGER, b INTEGER"},
    {"SELECT * FROM t JOIN u USING (a)",
     "a INTEGER, b INTEGER, s VARCHAR, c BIGINT, d DECIMAL(15,2)"},
    {"SELECT * FROM t NATURAL FULL JOIN u",
     "a INTEGER, b INTEGER, s VARCHAR, c BIGINT, d DECIMAL(15,2)"},
    {"SELECT t.a, u.a, a FROM t RIGHT JOIN u USING (a)", "a INTEGER, a INTEGER, a INTEGER"},
    {"SELECT * FROM t SEMI JOIN u ON t.a = u.a", "a INTEGER, b INTEGER, s VARCHAR"},
    {"SELECT * EXCLUDE (s) REPLACE (a + 1 AS a) RENAME (b AS z) FROM t", "a INTEGER, z INTEGER"},
    {"SELECT COLUMNS('^[ab]$') FROM t", "a INTEGER, b INTEGER"},
    {"SELECT t.* FROM t, u", "a INTEGER, b INTEGER, s VARCHAR"},
    {"SELECT a + 1 AS x, x * 2 AS y FROM t WHERE x > 1", "x INTEGER, y INTEGER"},
    {"SELECT a % 2 AS k, count(*) FROM t GROUP BY k HAVING count(*) > 1 ORDER BY sum(b) DESC",
     "k INTEGER, count_star() BIGINT"},
    {"SELECT a, b, sum(a) AS s FROM t GROUP BY ALL ORDER BY ALL",
     "a INTEGER, b INTEGER, s HUGEINT"},
    {"SELECT s, a FROM t ORDER BY b, 1 DESC LIMIT 1 + 1 OFFSET 1", "s VARCHAR, a INTEGER"},
    {"SELECT DISTINCT ON (a) a, s FROM t ORDER BY a, b", "a INTEGER, s VARCHAR"},
    {"SELECT a FROM t UNION SELECT 2.5 ORDER BY 1", "a DECIMAL(11,1)"},
    {"(SELECT a FROM t) INTERSECT ALL (SELECT a FROM u) EXCEPT SELECT 1", "a INTEGER"},
    {"VALUES (1, 'a'), (2.5, NULL)", "col0 DECIMAL(11,1), col1 VARCHAR"},
    {"WITH q(x) AS (SELECT a FROM t) SELECT q1.x, q2.x AS y FROM q q1, q q2",
     "x INTEGER, y INTEGER"},
    {"SELECT (SELECT max(u.c) FROM u WHERE u.a = t.a) AS m FROM t", "m BIGINT"},
    {"SELECT a FROM t WHERE a IN (SELECT a FROM u) AND b > ALL (SELECT c FROM u) AND NOT EXISTS "
     "(SELECT 1 FROM u WHERE u.a = b)",
     "a INTEGER"},
    {"SELECT a FROM t GROUP BY a HAVING (SELECT count(*) FROM u WHERE u.a = t.a) > 1", "a INTEGER"},
    {"SELECT * FROM t, LATERAL (SELECT c FROM u WHERE u.a = t.a) x",
     "a INTEGER, b INTEGER, s VARCHAR, c BIGINT"},
    {"SELECT row_number() OVER w AS r, sum(b) OVER (w ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) "
     "AS m FROM t "
     "WINDOW w AS (PARTITION BY s ORDER BY a)",
     "r BIGINT, m HUGEINT"},
    {"SELECT s, sum(sum(b)) OVER (ORDER BY s) AS m FROM t GROUP BY s QUALIFY m > 1",
     "s VARCHAR, m HUGEINT"},
    {"SELECT CASE a WHEN 1 THEN 2 ELSE 2.5 END AS c, coalesce(a, 1.5) AS d, nullif(a, 1) AS n "
     "FROM t",
     "c DECIMAL(11,1), d DECIMAL(11,1), n INTEGER"},
    {"SELECT a IN (1, 2, NULL) AS i, a BETWEEN 1 AND 2 AS b, s LIKE 'x%' AS l, a IS NULL AS n "
     "FROM t",
     "i BOOLEAN, b BOOLEAN, l BOOLEAN, n BOOLEAN"},
    {"SELECT x FROM v", "x INTEGER"},
    {"SELECT * FROM range(3) r", "r BIGINT"},
    {"SELECT sum(DISTINCT a) FILTER (WHERE b > 1) AS x, min(s ORDER BY a DESC) AS y FROM t",
     "x HUGEINT, y VARCHAR"},
    {"SELECT (a, b) = (1, 2) AS e FROM t WHERE (a, b) IN (SELECT a, c FROM u)", "e BOOLEAN"},
    {"DESCRIBE t",
     "column_name VARCHAR, column_type VARCHAR, null VARCHAR, key VARCHAR, default VARCHAR, "
     "extra VARCHAR"},
    {"SHOW TABLES", "name VARCHAR"},
    {"SELECT #2 FROM t", "#2 INTEGER"},
    {"INSERT INTO u (c, a) SELECT a, b FROM t", "a INTEGER, c BIGINT, d DECIMAL(15,2)"},
    {"CREATE TABLE n AS SELECT a, a, NULL AS z FROM t", "a INTEGER, a_1 INTEGER, z INTEGER"},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < PS_COUNT(good); i++) {
        fixture f;
        ps_statement out;
        ps_text text;

        fixture_init(&f);
        lower_ok(&f, good[i].sql, &out);
        assert_non_null(out.plan);
        ps_text_init(&text, &f.cx);
        for (uint32_t c = 0; c < out.plan->n_cols; c++) {
            if (c) ps_text_puts(&text, ", ");
            ps_text_str(&text, out.plan->cols[c].name);
            ps_text_char(&text, ' ');
            ps_type_print(out.plan->cols[c].type, &text);
        }
        if (strcmp(text.at, good[i].columns) != 0)
            fail_msg("%s\n  wanted %s\n  got    %s", good[i].sql, good[i].columns, text.at);
        ps_text_release(&text);
        fixture_release(&f);
    }
}

/* ---- errors: code, offset and a part of the message; hint where there is one ---- */

static const struct {
    const char *sql;
    ps_status code;
    uint32_t offset;
    const char *message, *hint;
} bad[] = {
    {"SELECT aa FROM t", PS_BIND, 7, "no column has the name \"aa\"", "\"a\""},
    {"SELECT t.zz FROM t", PS_BIND, 7, "table \"t\" has no column \"zz\"", NULL},
    {"SELECT x.a FROM t", PS_BIND, 7, "no table of this FROM has the name \"x\"", "\"t\""},
    {"SELECT 1 FROM lineitm", PS_BIND, 14, "no table or view has the name \"lineitm\"", "lineitem"},
    {"SELECT 1 FROM rnge(3)", PS_BIND, 14, "no table function has the name \"rnge\"", "range"},
    {"SELECT a FROM t, u", PS_BIND, 7, "ambiguous: t.a or u.a", NULL},
    {"SELECT a, b FROM t GROUP BY a", PS_BIND, 10, "\"b\" must be in GROUP BY", NULL},
    {"SELECT a FROM t GROUP BY a HAVING (SELECT max(c) FROM u WHERE u.a = t.b) > 1", PS_BIND, 68,
     "\"b\" must be in GROUP BY", NULL},
    {"SELECT a FROM t WHERE sum(a) > 1", PS_BIND, 22, "aggregates can't stand in WHERE", NULL},
    {"SELECT sum(a) AS x FROM t WHERE x > 1", PS_BIND, 34, "can't stand in WHERE", NULL},
    {"SELECT sum(sum(a)) FROM t", PS_BIND, 11, "arguments of an aggregate", NULL},
    {"SELECT rank() FROM t", PS_BIND, 7, "needs OVER", NULL},
    {"SELECT a FROM t ORDER BY 2", PS_BIND, 25, "there is no item 2", NULL},
    {"SELECT a FROM t GROUP BY 3", PS_BIND, 25, "there is no item 3", NULL},
    {"SELECT DISTINCT a FROM t ORDER BY b", PS_BIND, 34, "can only name what is selected", NULL},
    {"SELECT a FROM t LIMIT -1", PS_VALUE, 22, "must not be negative", NULL},
    {"SELECT x AS y, y AS x FROM t", PS_BIND, UINT32_MAX, "defined by itself", NULL},
    {"SELECT a FROM t WHERE s", PS_BIND, 22, "a condition must be BOOLEAN", NULL},
    {"SELECT a FROM t UNION SELECT a, b FROM t", PS_BIND, UINT32_MAX, "1 and 2 columns", NULL},
    {"SELECT (SELECT a, b FROM t)", PS_BIND, UINT32_MAX, "gives one column, this one 2", NULL},
    {"SELECT a::nosuch FROM t", PS_BIND, UINT32_MAX, "no type has the name", NULL},
    {"SELECT a::DECIMAL(39, 1) FROM t", PS_BIND, UINT32_MAX, "from 1 to 38", NULL},
    {"SELECT * EXCLUDE (q) FROM t", PS_BIND, 18, "no column of this name", NULL},
    {"SELECT * FROM t JOIN u USING (c)", PS_BIND, 30, "no column has the name \"c\"", NULL},
    {"SELECT * FROM t x, u x", PS_BIND, UINT32_MAX, "have the name \"x\"", NULL},
    {"SELECT * FROM v_broken", PS_BIND, 14, "expanding the view v_broken", NULL},
    {"SELECT * FROM v_loop", PS_UNSUPPORTED, 14, "nested deeper", NULL},
    {"SELECT * FROM 'x.parquet'", PS_IO, 14, "no such file", NULL},
    {"SELECT a FROM t GROUP BY ROLLUP (a)", PS_UNSUPPORTED, 25, "ROLLUP", NULL},
    {"WITH RECURSIVE q AS (SELECT 1) SELECT * FROM q", PS_UNSUPPORTED, UINT32_MAX, "WITH RECURSIVE",
     NULL},
    {"SELECT * FROM t TABLESAMPLE 10%", PS_UNSUPPORTED, UINT32_MAX, "sample", NULL},
    {"SELECT sum(a) OVER nope FROM t", PS_BIND, 19, "no window has the name", NULL},
    {"SELECT sum(a) OVER w FROM t WINDOW w AS (w)", PS_UNSUPPORTED, UINT32_MAX, "nested deeper",
     NULL},
    {"INSERT INTO t VALUES (1, 2)", PS_BIND, UINT32_MAX, "2 values are given for 3 columns", NULL},
    {"INSERT INTO t (a, q) VALUES (1, 2)", PS_BIND, 18, "no column \"q\"", NULL},
    {"CREATE TABLE x (a INTEGER, A INTEGER)", PS_BIND, UINT32_MAX, "twice", NULL},
    {"CREATE TABLE x (a INTEGER CHECK (a > 0))", PS_UNSUPPORTED, UINT32_MAX, "constraint", NULL},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < PS_COUNT(bad); i++) {
        fixture f;
        ps_statement out;

        fixture_init(&f);
        ps_status st = fixture_lower(&f, bad[i].sql, &out);
        const ps_error *e = &f.cx.error;
        if (st != bad[i].code || !strstr(e->message, bad[i].message) ||
            (bad[i].offset != UINT32_MAX ? e->offset != bad[i].offset + 1 : e->offset == 0) ||
            (bad[i].hint && !strstr(e->hint, bad[i].hint)))
            fail_msg("%s\n  status %d at %d: %s (hint: %s)\n  wanted %d at %d: %s", bad[i].sql,
                     (int)st, (int)e->offset - 1, e->message, e->hint, (int)bad[i].code,
                     (int)bad[i].offset, bad[i].message);
        fixture_release(&f);
    }
}

/* Nesting ends in an error or a plan, never in a crash; long chains are fine. */
static void test_depth(void **state)
{
    static const struct {
        const char *open, *middle, *close;
    } shapes[] = {
        {"SELECT ", "(", "1"},
        {"SELECT a FROM t WHERE ", "NOT ", "true"},
        {"SELECT 1", "+1", ""},
        {"SELECT true", " OR false", ""},
        {"SELECT 1", " UNION ALL SELECT 1", ""},
        {"SELECT ", "(SELECT ", "1"},
    };
    static char sql[400000];

    (void)state;
    for (size_t i = 0; i < PS_COUNT(shapes); i++)
        for (size_t n = 200; n <= 10000; n *= 7) {
            fixture f;
            ps_statement out;
            size_t at = (size_t)snprintf(sql, sizeof sql, "%s", shapes[i].open);
            for (size_t k = 0; k < n; k++)
                at += (size_t)snprintf(sql + at, sizeof sql - at, "%s", shapes[i].middle);
            at += (size_t)snprintf(sql + at, sizeof sql - at, "%s", shapes[i].close);
            for (size_t k = 0; shapes[i].middle[0] == '(' && k < n; k++) sql[at++] = ')';
            sql[at] = 0;
            fixture_init(&f);
            ps_status st = fixture_lower(&f, sql, &out);
            assert_true(st == PS_OK || st == PS_UNSUPPORTED || st == PS_PARSE || st == PS_INVALID);
            if (st != PS_OK) assert_true(f.cx.error.message[0] != 0);
            fixture_release(&f);
        }
}

/* Every allocation of a lowering may fail: a clean error, nothing leaked. */
static void test_memory(void **state)
{
    (void)state;
    for (int64_t n = 1; n < 60; n++) {
        fixture f;
        ps_statement out;

        fixture_init(&f);
        ps_mem_fail_after(n, true);
        ps_status st = fixture_lower(
            &f,
            "WITH q AS (SELECT a, sum(b) AS m FROM t GROUP BY a) SELECT *, row_number() OVER "
            "(ORDER BY m) "
            "FROM q WHERE m > (SELECT max(c) FROM u WHERE u.a = q.a) ORDER BY 1",
            &out);
        ps_mem_fail_after(0, false);
        assert_true(st == PS_OK || st == PS_MEMORY);
        fixture_release(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),   cmocka_unit_test(test_bad),  cmocka_unit_test(test_depth),
        cmocka_unit_test(test_memory), cmocka_unit_test(test_tpch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
