/* tests/unit/test_plan_json.c -- plans to canonical JSON and back: exact round trips, hashes,
 * damaged texts. */
#include "front/sql/lower.h"

#include "lower_fixture.h"

#include <stdio.h>

static const char *const queries[] = {
    "SELECT * FROM t",
    "SELECT a, b, 'x''y\n', 1.5, 1e300, NULL, DATE '2020-01-02', INTERVAL '3' MONTH, 'ab'::BLOB "
    "FROM t WHERE a IN (1, 2, NULL) LIMIT 3 OFFSET 1",
    "SELECT CASE WHEN a > 1 THEN b END, coalesce(a, b), TRY_CAST(s AS INTEGER), a + b * 2 FROM "
    "t WHERE s LIKE 'a%' OR NOT (a = 1 AND b <> 2)",
    "SELECT s, sum(a), count(*), count(DISTINCT b) FILTER (WHERE a > 1), min(a ORDER BY b DESC) "
    "FROM t GROUP BY s HAVING max(b) > 3 ORDER BY 2 DESC, s",
    "SELECT row_number() OVER (PARTITION BY s ORDER BY a DESC), sum(b) OVER (ORDER BY a ROWS "
    "BETWEEN 2 PRECEDING AND 1 FOLLOWING) FROM t",
    "SELECT * FROM t LEFT JOIN u ON t.a = u.a AND t.b < u.c",
    "SELECT * FROM t FULL JOIN u USING (a)",
    "SELECT a FROM t WHERE b > (SELECT max(c) FROM u WHERE u.a = t.a) AND a NOT IN (SELECT a "
    "FROM u) AND EXISTS (SELECT 1 FROM u WHERE u.c > t.b)",
    "WITH q AS (SELECT a, b FROM t) SELECT * FROM q x, q y WHERE x.a = y.b AND x.a IN (SELECT a "
    "FROM q)",
    "SELECT * FROM t, LATERAL (SELECT c FROM u WHERE u.a = t.a) x",
    "SELECT a FROM t UNION SELECT c FROM u EXCEPT ALL VALUES (1), (2)",
    "SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, b",
    "SELECT r FROM range(10) r WHERE r > 3",
};

static ps_status resolve_source(ps_ctx *cx, void *user, ps_str description, ps_source **out)
{
    fixture *f = user;

    for (size_t i = 0; i < PS_COUNT(f->sources); i++) {
        ps_text text;
        ps_text_init(&text, &f->cx);
        f->sources[i]->class->describe(f->sources[i], &text);
        bool same = ps_str_equal(description, (ps_str){text.at, text.n});
        ps_text_release(&text);
        if (!same) continue;
        *out = ps_source_ref(f->sources[i]);
        return PS_OK;
    }
    if (ps_str_starts(description, PS_STR("range:0:1:10")))
        return ps_range_source_new(cx, 0, 10, 1, out);
    return ps_fail(cx, PS_BIND, "no such source: %.*s", PS_STR_ARGS(description));
}

static ps_status read_back(fixture *f, ps_str json, const ps_node **out)
{
    const ps_plan_resolver resolver = {.source = resolve_source, .user = f};

    ps_ctx_clear(&f->cx);
    return ps_plan_from_json(&f->planner, json, &resolver, out);
}

static void check_round_trip(fixture *f, const char *sql, const ps_node *plan)
{
    ps_text first, second;
    const ps_node *back;
    ps_hash128 a, b;

    ps_text_init(&first, &f->cx);
    ps_text_init(&second, &f->cx);
    if (ps_plan_to_json(&f->cx, plan, &first) != PS_OK)
        fail_msg("%s\n  %s", sql, f->cx.error.message);
    if (read_back(f, (ps_str){first.at, first.n}, &back) != PS_OK)
        fail_msg("%s\n  %s\n%s", sql, f->cx.error.message, first.at);
    assert_int_equal(ps_plan_to_json(&f->cx, back, &second), PS_OK);
    if (strcmp(first.at, second.at) != 0) fail_msg("%s\n%s\n%s", sql, first.at, second.at);
    assert_int_equal(ps_plan_hash(&f->cx, plan, false, &a), PS_OK);
    assert_int_equal(ps_plan_hash(&f->cx, back, false, &b), PS_OK);
    assert_memory_equal(&a, &b, sizeof a);
    ps_text_release(&first);
    ps_text_release(&second);
}

static void lower(fixture *f, const char *sql, ps_statement *out)
{
    if (fixture_lower(f, sql, out) != PS_OK) fail_msg("%s\n  %s", sql, f->cx.error.message);
}

static void test_round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < PS_COUNT(queries); i++) {
        fixture f;
        ps_statement out;

        fixture_init(&f);
        lower(&f, queries[i], &out);
        check_round_trip(&f, queries[i], out.plan);
        check_round_trip(&f, queries[i], ps_node_instantiate(&f.planner, out.plan));
        fixture_release(&f);
    }
}

static void test_tpch(void **state)
{
    (void)state;
    for (int q = 1; q <= 22; q++) {
        char path[512], sql[8192];
        fixture f;
        ps_statement out;

        snprintf(path, sizeof path, "%s/../examples/tpch/q%02d.sql", PS_TEST_DIR, q);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        sql[fread(sql, 1, sizeof sql - 1, file)] = 0;
        fclose(file);
        fixture_init(&f);
        lower(&f, sql, &out);
        check_round_trip(&f, path, out.plan);
        fixture_release(&f);
    }
}

static bool same_hash(const char *a, const char *b, bool without_literals)
{
    const char *const sql[] = {a, b};
    ps_hash128 hashes[2];
    fixture f;
    ps_statement out;

    fixture_init(&f);
    for (size_t i = 0; i < 2; i++) {
        lower(&f, sql[i], &out);
        assert_int_equal(ps_plan_hash(&f.cx, out.plan, without_literals, &hashes[i]), PS_OK);
    }
    fixture_release(&f);
    return hashes[0].high == hashes[1].high && hashes[0].low == hashes[1].low;
}

static void test_hash(void **state)
{
    (void)state;
    assert_true(same_hash("SELECT a FROM t WHERE b > 1", "select A from T x where (x.b>1)", false));
    assert_false(same_hash("SELECT a FROM t WHERE b > 1", "SELECT a FROM t WHERE b > 2", false));
    assert_true(same_hash("SELECT a FROM t WHERE b > 1", "SELECT a FROM t WHERE b > 2", true));
    assert_false(same_hash("SELECT a FROM t WHERE b > 1", "SELECT a FROM t WHERE b < 1", true));
    assert_false(same_hash("SELECT a FROM t", "SELECT b FROM t", false));
    assert_false(same_hash("SELECT a FROM t", "SELECT a AS c FROM t", false));
    assert_false(same_hash("SELECT a FROM t", "SELECT a FROM u", false));
}

/* Every kind of damage is an error; what still reads is a plan that holds. */
static void test_mutants(void **state)
{
    uint64_t seed = 42;

    (void)state;
    for (size_t i = 0; i < PS_COUNT(queries); i++) {
        fixture f;
        ps_statement out;
        ps_text text;

        fixture_init(&f);
        lower(&f, queries[i], &out);
        ps_text_init(&text, &f.cx);
        assert_int_equal(ps_plan_to_json(&f.cx, out.plan, &text), PS_OK);
        for (int k = 0; k < 400; k++) {
            static const char bytes[] = "0123456789{}[]\",:abtrue-";
            const ps_node *back = NULL;
            seed = ps_hash_u64(seed, 7);
            size_t at = seed % text.n;
            char kept = text.at[at];
            text.at[at] = bytes[(seed >> 40) % (sizeof bytes - 1)];
            ps_str cut = {text.at, k % 4 == 3 ? at : text.n};
            ps_status st = read_back(&f, cut, &back);
            text.at[at] = kept;
            if (st == PS_OK) assert_int_equal(ps_plan_verify(&f.cx, back), PS_OK);
            else if (st != PS_DATA && st != PS_UNSUPPORTED && st != PS_BIND && st != PS_INVALID &&
                     st != PS_VALUE)
                fail_msg("status %d: %s", (int)st, f.cx.error.message);
        }
        ps_text_release(&text);
        fixture_release(&f);
    }
}

#define RANGE_PLAN                                                                                 \
    "{\"penstock_plan\":1,\"nodes\":[{\"node\":\"scan\",\"source\":\"range:0:1:10\","              \
    "\"columns\":[{\"name\":\"range\",\"type\":\"INT64\",\"column\":0}]},"

static void test_damaged(void **state)
{
    static const struct {
        const char *json;
        ps_status status;
        const char *message;
    } texts[] = {
        {"", PS_DATA, "ends too early"},
        {"{}", PS_DATA, "not a plan"},
        {"{\"penstock_plan\":2,\"nodes\":[]}", PS_UNSUPPORTED, "another version: 2"},
        {"{\"penstock_plan\":1,\"nodes\":[]}", PS_DATA, "a plan has nodes"},
        {"{\"penstock_plan\":1,\"nodes\":[{\"node\":\"warp\"}]}", PS_UNSUPPORTED,
         "doesn't know at byte 36: warp"},
        {"{\"penstock_plan\":1,\"nodes\":[{\"node\":\"filter\"}]}", PS_DATA,
         "the number of inputs is wrong"},
        {"{\"penstock_plan\":1,\"nodes\":[{\"node\":\"values\",\"speed\":3}]}", PS_UNSUPPORTED,
         "speed"},
        {"{\"penstock_plan\":1,\"nodes\":[{\"node\":\"values\"},"
         "{\"node\":\"filter\",\"inputs\":[0],\"predicate\":0}]}",
         PS_DATA, "fewer columns"},
        {"{\"penstock_plan\":1,\"nodes\":[{\"node\":\"values\"},"
         "{\"node\":\"limit\",\"inputs\":[1]}]}",
         PS_DATA, "before this one"},
        {"{\"penstock_plan\":1,\"penstock_plan\":1}", PS_DATA, "twice"},
        {"{\"penstock_plan\":1,\"nodes\":[{\"node\":\"values\"},"
         "{\"node\":\"filter\",\"inputs\":[0],\"predicate\":{\"literal\":\"1\",\"type\":"
         "\"INT32\"}}]}",
         PS_DATA, "no condition"},
        {RANGE_PLAN "{\"node\":\"filter\",\"inputs\":[0],\"predicate\":{\"subquery\":\"any\","
                    "\"plan\":0,\"type\":\"BOOL\",\"compare\":\"=\",\"signature\":"
                    "\"(a: T, b: T) -> bool\",\"args\":[0]}}]}",
         PS_DATA, "an outer query's column id in a scan node"},
        {RANGE_PLAN "{\"node\":\"values\"},{\"node\":\"project\",\"inputs\":[1],\"items\":["
                    "{\"name\":\"a\",\"expr\":{\"outer\":[0,0]}}]}]}",
         PS_DATA, "a column that its inputs don't have"},
        {RANGE_PLAN "{\"node\":\"window\",\"inputs\":[0]}]}", PS_DATA, "no call in a window node"},
    };
    static char deep[20000];

    (void)state;
    for (size_t i = 0; i <= PS_COUNT(texts); i++) {
        fixture f;
        const ps_node *plan;

        memset(deep, '[', sizeof deep - 1);
        fixture_init(&f);
        ps_str json = i < PS_COUNT(texts) ? ps_str_of(texts[i].json) : ps_str_of(deep);
        ps_status wanted = i < PS_COUNT(texts) ? texts[i].status : PS_DATA;
        const char *message = i < PS_COUNT(texts) ? texts[i].message : "nested too deeply";
        ps_status st = read_back(&f, json, &plan);
        if (st != wanted || !strstr(f.cx.error.message, message))
            fail_msg("%.200s\n  status %d: %s\n  wanted %d: %s", json.at, (int)st,
                     f.cx.error.message, (int)wanted, message);
        fixture_release(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_tpch),
        cmocka_unit_test(test_hash),       cmocka_unit_test(test_mutants),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
