/* tests/unit/test_sql_parse.c -- errors and where they lie, hostile texts, failing allocations. */
#include "unit.h"

#include "base/arena.h"
#include "base/hash.h"
#include "front/sql/parser.h"

#include <stdio.h>
#include <stdlib.h>

static ps_mem mem;

static ps_status parse(ps_ctx *cx, ps_str text, size_t *n)
{
    ps_arena arena = {0};
    ps_sql_statements statements;
    ps_ctx_init(cx, &mem, NULL);
    const ps_status st = ps_sql_parse(cx, &arena, text, &statements);
    if (n) *n = statements.n;
    ps_arena_release(&arena);
    return st;
}

static void test_errors(void **state)
{
    static const struct {
        const char *text;
        ps_status code;
        uint32_t at;
        const char *message, *hint;
    } cases[] = {
        {"select * FORM t where x", PS_PARSE, 9, "syntax error at \"FORM\"", "did you mean FROM?"},
        {"selec 1", PS_PARSE, 0, "syntax error at \"selec\"", "did you mean SELECT?"},
        {"select a from t gruop by a", PS_PARSE, 16, "syntax error at \"gruop\"",
         "did you mean GROUP?"},
        {"select (1, [2 + (3)]", PS_PARSE, 20, "syntax error at the end of the statement",
         "the ( at line 1, column 8 is not closed"},
        {"select a from t where", PS_PARSE, 21, "syntax error at the end of the statement", ""},
        {"select a from t.", PS_PARSE, 16, "syntax error at the end of the statement",
         "expected a name"},
        {"set x", PS_PARSE, 5, "syntax error at the end of the statement", "expected = or TO"},
        {"select 1, 'abc", PS_PARSE, 10, "a string that starts here has no closing quote", ""},
        {"select \"abc", PS_PARSE, 7, "a quoted name that starts here has no closing quote", ""},
        {"select $a$ x", PS_PARSE, 7, "a dollar-quoted string that starts here has no end", ""},
        {"select 1 /* /* */", PS_PARSE, 9, "a comment that starts here has no end", ""},
        {"select \xff", PS_PARSE, 7, "the text is not valid UTF-8: byte 0xff", ""},
        {"select 1; select 1 2", PS_PARSE, 19, "syntax error at \"2\"", ""},
        {"select x'0'", PS_PARSE, 7, "x'..' needs pairs of hexadecimal digits", ""},
        {"select a = b = c", PS_PARSE, 13, "syntax error at \"=\"", ""},
        {"create trigger i on t (a)", PS_UNSUPPORTED, 7, "CREATE trigger is not supported", ""},
        {"attach 'x'", PS_UNSUPPORTED, 0, "attach is not supported here", ""},
        {"select sum(a) over (rows between current row and 1 preceding)", PS_PARSE, 20,
         "the window frame ends before it starts", ""},
    };
    ps_ctx cx;

    (void)state;
    for (size_t i = 0; i < PS_COUNT(cases); i++) {
        assert_int_equal(parse(&cx, ps_str_of(cases[i].text), NULL), cases[i].code);
        assert_string_equal(cx.error.message, cases[i].message);
        assert_int_equal(cx.error.offset, cases[i].at + 1);
        if (*cases[i].hint) assert_string_equal(cx.error.hint, cases[i].hint);
    }
    assert_int_equal(parse(&cx, (ps_str){"select\0 1", 9}, NULL), PS_PARSE);
    assert_int_equal(cx.error.offset, 7);
}

static void test_statements(void **state)
{
    ps_ctx cx;
    ps_arena arena = {0};
    ps_sql_statements s;
    const ps_str text = PS_STR(" ;; select ?, $5 ; -- x\n select 2;;");

    (void)state;
    ps_ctx_init(&cx, &mem, NULL);
    assert_int_equal(ps_sql_parse(&cx, &arena, text, &s), PS_OK);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.at[0].start, 4);
    assert_int_equal(s.at[0].end, 16);
    assert_int_equal(s.at[0].n_params, 5);
    assert_int_equal(s.at[1].start, 25);
    assert_int_equal(ps_sql_parse(&cx, &arena, PS_STR(" -- nothing"), &s), PS_OK);
    assert_int_equal(s.n, 0);
    assert_int_equal(ps_sql_parse(&cx, &arena, (ps_str){NULL, 0}, &s), PS_OK);
    ps_arena_release(&arena);
}

/* before, n times the middle, after. */
static char *repeat(const char *before, const char *middle, size_t n, const char *after,
                    size_t *length)
{
    const size_t b = strlen(before), m = strlen(middle), a = strlen(after);
    char *text = malloc(b + m * n + a + 1);
    assert_non_null(text);
    memcpy(text, before, b);
    for (size_t i = 0; i < n; i++) memcpy(text + b + i * m, middle, m);
    memcpy(text + b + m * n, after, a + 1);
    *length = b + m * n + a;
    return text;
}

static void test_depth(void **state)
{
    static const struct {
        const char *before, *middle;
        size_t n;
        const char *after;
        ps_status want;
    } cases[] = {
        {"select ", "(", 10000, "1", PS_PARSE},
        {"select ", "not ", 10000, "a", PS_PARSE},
        {"select ", "- ", 10000, "1", PS_PARSE},
        {"", "(select ", 10000, "1", PS_PARSE},
        {"select ", "f(", 10000, "1", PS_PARSE},
        {"select ", "case when ", 10000, "1", PS_PARSE},
        {"select ", "[", 10000, "1", PS_PARSE},
        {"", "explain ", 10000, "select 1", PS_PARSE},
        {"select 1", "::int", 10000, "", PS_PARSE},
        {"select a", "[1]", 10000, "", PS_PARSE},
        {"select 1::int", "[]", 10000, "", PS_PARSE},
        {"select 1", "+1-1", 10000, "", PS_PARSE},
        {"select * from t", " cross join t", 10000, "", PS_PARSE},
        {"select 1", " and 1", 10000, "", PS_OK},
        {"select 1", "+1", 10000, "", PS_OK},
        {"select 1", ",1", 5000, "", PS_OK},
        {"select 1 in (1", ",1", 100000, ")", PS_OK},
        {"select 1", " union all select 1", 5000, "", PS_OK},
        {"select '", "x", 1000000, "'", PS_OK},
        {"select '", "''", 1000000, "'", PS_OK},
    };
    ps_ctx cx;

    (void)state;
    for (size_t i = 0; i < PS_COUNT(cases); i++) {
        size_t n;
        char *text = repeat(cases[i].before, cases[i].middle, cases[i].n, cases[i].after, &n);
        const ps_status st = parse(&cx, (ps_str){text, n}, NULL);
        if (st != cases[i].want) fail_msg("%s: %d %s", cases[i].middle, st, cx.error.message);
        free(text);
    }
}

static void test_locate(void **state)
{
    ps_error error = {0};
    const ps_str text = PS_STR("select 1,\n  '\xc3\xa4\xc3\xb6' oops, 2\nfrom t");
    char *line;
    size_t n;

    (void)state;
    ps_sql_locate(text, 19, &error);
    assert_int_equal(error.line, 2);
    assert_int_equal(error.column, 8);
    assert_string_equal(error.excerpt, "  '\xc3\xa4\xc3\xb6' oops, 2\n       ^");
    ps_sql_locate(PS_STR("\tx"), 1, &error);
    assert_string_equal(error.excerpt, " x\n ^");
    ps_sql_locate(PS_STR(""), 7, &error);
    assert_string_equal(error.excerpt, "\n^");
    line = repeat("", "0123456789", 100, "", &n);
    ps_sql_locate((ps_str){line, n}, 505, &error);
    const char *caret = strchr(error.excerpt, '\n');
    assert_non_null(caret);
    assert_int_equal(error.excerpt[strlen(caret + 1) - 1], '5'); /* the caret is under it */
    assert_true(strlen(error.excerpt) < 200);
    free(line);
    for (uint32_t at = 0; at < 12; at++) /* any bytes, any offset */
        ps_sql_locate((ps_str){"\xff\xc3\xe2\x82\n\xf0\x9f\x80\x80\x80\t", 11}, at, &error);
}

static void test_complete(void **state)
{
    (void)state;
    assert_true(ps_sql_is_complete(PS_STR("select 1;")));
    assert_true(ps_sql_is_complete(PS_STR("select 1; -- done")));
    assert_true(ps_sql_is_complete(PS_STR("")));
    assert_false(ps_sql_is_complete(PS_STR("select 1")));
    assert_false(ps_sql_is_complete(PS_STR("select ';")));
    assert_false(ps_sql_is_complete(PS_STR("select 1; /* ")));
    assert_false(ps_sql_is_complete(PS_STR("select $$;")));
    assert_false(ps_sql_is_complete(PS_STR("select \";")));
}

static const char *const seeds[] = {
    "select a, sum(b) filter (where c > 1) over (partition by d order by e rows 2 preceding) "
    "from t "
    "left join u using (x) where a in (select 1) group by all having 1 order by 1 limit 3 offset 2",
    "with recursive x(a) as (select 1 union all select a + 1 from x) select * exclude (b) from "
    "x, y",
    "pivot t on a using sum(b) group by c",
    "from t pivot (sum(a) for b in (1, 2 as x) group by c)",
    "create table t (a int primary key, b decimal(10, 2)[] not null default 1)",
    "select {'a': 1}, map {1: 2}, [x for x in y if z], a[1:2], lambda x: x + 1, interval 3 days",
    "copy (select 1) to 'x' (format parquet); insert into t values (1, default) returning *",
    "select case when a then b end, cast(a as struct(x int)), extract(year from d), trim(both "
    "from s)",
    "explain (format json) select 1; set x = 1; prepare p as select $1; execute p(1); describe t",
};

/* Mutants made of pieces of the seeds: each ends in a status; what parses prints and parses. */
static void test_fuzz(void **state)
{
    uint64_t random = 42;
    char text[600];

    (void)state;
    for (int round = 0; round < 100000; round++) {
        size_t n = 0;
        random = ps_hash_u64((uint64_t)round, 7);
        const char *a = seeds[random % PS_COUNT(seeds)],
                   *b = seeds[(random >> 8) % PS_COUNT(seeds)];
        const size_t cut_a = (random >> 16) % (strlen(a) + 1),
                     cut_b = (random >> 32) % (strlen(b) + 1);
        ps_ctx cx;
        ps_arena arena = {0};
        ps_sql_statements s;
        ps_text printed;
        n += (size_t)snprintf(text, sizeof text, "%.*s%s", (int)cut_a, a, b + cut_b);
        if (n > 0 && (random & 3) == 0)
            text[(random >> 40) % n] = "()[]{},.'\"*:;-$?\xc3 1a"[(random >> 50) % 20];
        ps_ctx_init(&cx, &mem, NULL);
        ps_text_init(&printed, &cx);
        if (ps_sql_parse(&cx, &arena, (ps_str){text, n}, &s) == PS_OK) {
            for (size_t i = 0; i < s.n; i++) {
                ps_sql_statements again;
                ps_text_clear(&printed);
                ps_sql_print(s.at[i].node, &printed);
                if (ps_sql_parse(&cx, &arena, (ps_str){printed.at, printed.n}, &again) != PS_OK)
                    fail_msg("%s: %s\n  from %s", cx.error.message, printed.at, text);
            }
        } else {
            assert_true(cx.error.code == PS_PARSE || cx.error.code == PS_UNSUPPORTED);
            assert_true(cx.error.offset > 0 && cx.error.offset <= n + 1);
            ps_sql_locate((ps_str){text, n}, cx.error.offset - 1, &cx.error);
        }
        ps_text_release(&printed);
        ps_arena_release(&arena);
    }
}

static void test_memory(void **state)
{
    ps_ctx cx;
    ps_status st = PS_MEMORY;
    (void)state;
    for (size_t k = 0; k < PS_COUNT(seeds); k++) {
        for (int64_t n = 1; n < 200; n++) {
            ps_mem_fail_after(n, true);
            st = parse(&cx, ps_str_of(seeds[k]), NULL);
            ps_mem_fail_after(0, false);
            if (st == PS_OK) break;
            assert_int_equal(st, PS_MEMORY);
            assert_int_equal(cx.error.code, PS_MEMORY);
        }
        assert_int_equal(st, PS_OK);
    }
    assert_int_equal(atomic_load(&mem.used), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),   cmocka_unit_test(test_statements),
        cmocka_unit_test(test_depth),    cmocka_unit_test(test_locate),
        cmocka_unit_test(test_complete), cmocka_unit_test(test_fuzz),
        cmocka_unit_test(test_memory),
    };
    ps_mem_init(&mem, NULL, "test", 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
