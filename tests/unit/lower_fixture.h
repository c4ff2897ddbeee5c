/* tests/unit/lower_fixture.h -- a session in miniature: empty tables of TPC-H's schema, views,
 * range(). */
#ifndef PS_TESTS_LOWER_FIXTURE_H
#define PS_TESTS_LOWER_FIXTURE_H

#include "unit.h"

#include "bind/dialect.h"
#include "front/sql/lower.h"
#include "front/sql/parser.h"
#include "plan/node.h"

typedef struct fixture_table {
    const char *name, *columns;
} fixture_table;
/* name type, ... in words that fixture_type() knows: i INTEGER, l BIGINT, d DECIMAL(15,2), t DATE,
 * s VARCHAR */
static const fixture_table fixture_tables[] = {
    {"lineitem",
     "l_orderkey l, l_partkey l, l_suppkey l, l_linenumber i, l_quantity d, l_extendedprice d, "
     "l_discount d, "
     "l_tax d, l_returnflag s, l_linestatus s, l_shipdate t, l_commitdate t, l_receiptdate t, "
     "l_shipinstruct s, l_shipmode s, l_comment s"},
    {"orders", "o_orderkey l, o_custkey l, o_orderstatus s, o_totalprice d, o_orderdate t, "
               "o_orderpriority s, o_clerk s, "
               "o_shippriority i, o_comment s"},
    {"customer",
     "c_custkey l, c_name s, c_address s, c_nationkey i, c_phone s, c_acctbal d, c_mktsegment "
     "s, c_comment s"},
    {"part", "p_partkey l, p_name s, p_mfgr s, p_brand s, p_type s, p_size i, p_container s, "
             "p_retailprice d, p_comment s"},
    {"supplier",
     "s_suppkey l, s_name s, s_address s, s_nationkey i, s_phone s, s_acctbal d, s_comment s"},
    {"partsupp", "ps_partkey l, ps_suppkey l, ps_availqty i, ps_supplycost d, ps_comment s"},
    {"nation", "n_nationkey i, n_name s, n_regionkey i, n_comment s"},
    {"region", "r_regionkey i, r_name s, r_comment s"},
    {"t", "a i, b i, s s"},
    {"u", "a i, c l, d d"},
};
static const struct {
    const char *name, *sql;
} fixture_views[] = {
    {"v", "SELECT a + 1 AS x, s FROM t"},
    {"v_broken", "SELECT nothing FROM t"},
    {"v_loop", "SELECT * FROM v_loop"},
};

typedef struct fixture {
    ps_mem mem;
    ps_ctx cx;
    ps_arena arena;
    ps_planner planner;
    ps_bind_env env;
    ps_source *sources[PS_COUNT(fixture_tables)];
} fixture;

static ps_type fixture_type(char c)
{
    switch (c) {
    case 'i': return PS_TYPE(INT32);
    case 'l': return PS_TYPE(INT64);
    case 'd': return ps_type_decimal(15, 2);
    case 't': return PS_TYPE(DATE);
    default: return PS_TYPE(STRING);
    }
}

static ps_source *fixture_source(fixture *f, const fixture_table *t)
{
    ps_field fields[20];
    uint32_t n = 0;
    ps_schema *schema;
    ps_table *table;
    ps_source *source;

    for (const char *at = t->columns; *at;) {
        const char *space = strchr(at, ' ');
        fields[n++] = (ps_field){
            .name = {at, (size_t)(space - at)}, .type = fixture_type(space[1]), .nullable = true};
        at = space[2] ? space + 4 : space + 2;
    }
    assert_int_equal(ps_schema_new(&f->cx, fields, n, &schema), PS_OK);
    assert_int_equal(ps_table_new(&f->cx, schema, &table), PS_OK);
    assert_int_equal(ps_table_source_new(&f->cx, table, ps_str_of(t->name), &source), PS_OK);
    ps_table_unref(table);
    ps_schema_unref(schema);
    return source;
}

static ps_status fixture_find(ps_ctx *cx, ps_arena *arena, void *user, ps_str schema, ps_str name,
                              bool *found, ps_bind_found *out)
{
    fixture *f = user;

    (void)cx, (void)arena, (void)schema;
    for (size_t i = 0; i < PS_COUNT(fixture_tables); i++)
        if (ps_str_equal_nocase(name, ps_str_of(fixture_tables[i].name))) {
            *found = true;
            *out = (ps_bind_found){.source = f->sources[i]};
        }
    for (size_t i = 0; i < PS_COUNT(fixture_views); i++)
        if (ps_str_equal_nocase(name, ps_str_of(fixture_views[i].name))) {
            *found = true;
            *out = (ps_bind_found){.is_view = true, .view_text = ps_str_of(fixture_views[i].sql)};
        }
    return PS_OK;
}

static void fixture_unref(void *source) { ps_source_unref(source); }

static ps_status fixture_function(ps_ctx *cx, ps_arena *arena, void *user, ps_str name,
                                  const ps_value *args, uint32_t n, const ps_options *options,
                                  bool *found, ps_source **out)
{
    (void)user, (void)options;
    *found = ps_str_equal_nocase(name, PS_STR("range")) && n == 1;
    if (!*found) return PS_OK;
    PS_TRY(ps_range_source_new(cx, 0, (int64_t)args[0].i, 1, out));
    return ps_arena_own(cx, arena, *out, fixture_unref);
}

static ps_status fixture_file(ps_ctx *cx, ps_arena *arena, void *user, ps_str path, ps_source **out)
{
    (void)arena, (void)user, (void)out;
    return ps_fail(cx, PS_IO, "no such file: %.*s", PS_STR_ARGS(path));
}

static void fixture_names(void *user, int what, void (*fn)(void *fn_user, ps_str name),
                          void *fn_user)
{
    (void)user;
    for (size_t i = 0; what == 0 && i < PS_COUNT(fixture_tables); i++)
        fn(fn_user, ps_str_of(fixture_tables[i].name));
    if (what == 1) fn(fn_user, PS_STR("range"));
}

static void fixture_init(fixture *f)
{
    memset(f, 0, sizeof *f);
    ps_mem_init(&f->mem, NULL, "test", 0);
    ps_ctx_init(&f->cx, &f->mem, NULL);
    f->planner = (ps_planner){&f->cx, &f->arena, 0};
    for (size_t i = 0; i < PS_COUNT(fixture_tables); i++)
        f->sources[i] = fixture_source(f, &fixture_tables[i]);
    f->env = (ps_bind_env){.user = f,
                           .table = fixture_find,
                           .table_function = fixture_function,
                           .file = fixture_file,
                           .names = fixture_names,
                           .dialect = &ps_dialect_default,
                           .now_us = 1583020800000000};
}

static void fixture_release(fixture *f)
{
    ps_arena_release(&f->arena);
    for (size_t i = 0; i < PS_COUNT(fixture_tables); i++) ps_source_unref(f->sources[i]);
    assert_int_equal(atomic_load(&f->mem.used), 0);
}

/* Parses and lowers the one statement of sql; the error is in f->cx. */
static PS_UNUSED ps_status fixture_lower(fixture *f, const char *sql, ps_statement *out)
{
    ps_sql_statements statements;

    ps_ctx_clear(&f->cx);
    PS_TRY(ps_sql_parse(&f->cx, &f->arena, ps_str_of(sql), &statements));
    assert_int_equal(statements.n, 1);
    return ps_sql_lower(&f->planner, &f->env, ps_str_of(sql), &statements.at[0], out);
}

#endif
