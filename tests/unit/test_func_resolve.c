/* tests/unit/test_func_resolve.c -- overloads, result types and what literals adapt to.
 *
 * Arguments: a type name is a column of that type, a quoted text, a number or NULL a literal.
 * Results as DuckDB 2.0 gives them; where docs/types.md says we differ, ours. */
#include "func/func.h"

#include "func_fixture.h"

typedef struct named {
    const char *name;
    ps_type type;
} named;
#define ID(x) {.id = PS_TYPE_##x}
static const named types[] = {
    {"i8", ID(INT8)},
    {"i16", ID(INT16)},
    {"i32", ID(INT32)},
    {"i64", ID(INT64)},
    {"i128", ID(INT128)},
    {"u8", ID(UINT8)},
    {"u16", ID(UINT16)},
    {"u32", ID(UINT32)},
    {"u64", ID(UINT64)},
    {"f32", ID(FLOAT32)},
    {"f64", ID(FLOAT64)},
    {"d", {.id = PS_TYPE_DECIMAL, .precision = 15, .scale = 2}},
    {"d4", {.id = PS_TYPE_DECIMAL, .precision = 4, .scale = 1}},
    {"d38", {.id = PS_TYPE_DECIMAL, .precision = 38, .scale = 10}},
    {"s", ID(STRING)},
    {"b", ID(BOOL)},
    {"bl", ID(BINARY)},
    {"dt", ID(DATE)},
    {"ts", {.id = PS_TYPE_TIMESTAMP, .unit = PS_UNIT_US}},
    {"tsn", {.id = PS_TYPE_TIMESTAMP, .unit = PS_UNIT_NS}},
    {"tz", {.id = PS_TYPE_TIMESTAMP_TZ, .unit = PS_UNIT_US}},
    {"tm", {.id = PS_TYPE_TIME, .unit = PS_UNIT_US}},
    {"iv", ID(INTERVAL)},
    {"u", ID(UUID)},
};

static const ps_expr *arg_of(fixture *f, ps_str text)
{
    ps_value value;

    for (size_t i = 0; i < PS_COUNT(types); i++)
        if (ps_str_equal(text, ps_str_of(types[i].name)))
            return ps_expr_column(&f->cx, &f->arena, (ps_col_id)i, types[i].type);
    if (ps_str_equal(text, PS_STR("NULL"))) value = ps_value_null(PS_TYPE(NULL));
    else if (text.at[0] == '\'') value = ps_value_str((ps_str){text.at + 1, text.n - 2});
    else {
        const char *point = memchr(text.at, '.', text.n);
        const int scale = point ? (int)(text.at + text.n - point - 1) : 0;
        const ps_value s = ps_value_str(text);
        const ps_type to = point         ? ps_type_decimal((int)text.n - 1, scale)
                           : text.n > 18 ? PS_TYPE(INT128)
                           : text.n > 9  ? PS_TYPE(INT64)
                                         : PS_TYPE(INT32);
        bool ok;
        assert_int_equal(ps_cast_value(&f->cx, &f->arena, &s, to, &ok, &value), PS_OK);
        assert_true(ok);
    }
    return ps_expr_literal(&f->cx, &f->arena, &value);
}

/* want: result type, then the arguments' types; NULL: no such call. */
typedef struct rule {
    const char *name, *args, *want;
} rule;
static const rule rules[] = {
    {"+", "i8|1", "TINYINT(TINYINT, TINYINT)"},
    {"+", "i8|200", "INTEGER(INTEGER, INTEGER)"},
    {"+", "i8|i16", "SMALLINT(SMALLINT, SMALLINT)"},
    {"+", "i32|1", "INTEGER(INTEGER, INTEGER)"},
    {"+", "i32|3000000000", "BIGINT(BIGINT, BIGINT)"},
    {"+", "u8|i8", "SMALLINT(SMALLINT, SMALLINT)"},
    {"+", "u32|i32", "BIGINT(BIGINT, BIGINT)"},
    {"+", "u64|i64", "HUGEINT(HUGEINT, HUGEINT)"},
    {"+", "u64|1", "UBIGINT(UBIGINT, UBIGINT)"},
    {"+", "u8|-1", "INTEGER(INTEGER, INTEGER)"},
    {"+", "i8|u64", "HUGEINT(HUGEINT, HUGEINT)"},
    {"+", "i32|d", "DECIMAL(16,2)(DECIMAL(12,2), DECIMAL(15,2))"},
    {"+", "i64|d", "DECIMAL(22,2)(DECIMAL(21,2), DECIMAL(15,2))"},
    {"-", "1|d", "DECIMAL(16,2)(DECIMAL(3,2), DECIMAL(15,2))"},
    {"+", "d|0.05", "DECIMAL(16,2)(DECIMAL(15,2), DECIMAL(3,2))"},
    {"+", "d|d4", "DECIMAL(16,2)(DECIMAL(15,2), DECIMAL(5,2))"},
    {"+", "d|d38", "DECIMAL(38,10)(DECIMAL(23,10), DECIMAL(38,10))"},
    {"*", "d|d4", "DECIMAL(19,3)(DECIMAL(15,2), DECIMAL(4,1))"},
    {"*", "d|d", "DECIMAL(30,4)(DECIMAL(15,2), DECIMAL(15,2))"},
    {"*", "d38|d", "DECIMAL(38,12)(DECIMAL(38,10), DECIMAL(15,2))"},
    {"/", "d|d4", "DOUBLE(DOUBLE, DOUBLE)"},
    {"/", "i32|i32", "DOUBLE(DOUBLE, DOUBLE)"},
    {"/", "f32|f32", "FLOAT(FLOAT, FLOAT)"},
    {"//", "i32|i32", "INTEGER(INTEGER, INTEGER)"},
    {"%", "d|d4", "DECIMAL(15,2)(DECIMAL(15,2), DECIMAL(5,2))"},
    {"+", "d|f64", "DOUBLE(DOUBLE, DOUBLE)"},
    {"+", "d|f32", "FLOAT(FLOAT, FLOAT)"},
    {"+", "i64|f32", "FLOAT(FLOAT, FLOAT)"},
    {"+", "f32|f64", "DOUBLE(DOUBLE, DOUBLE)"},
    {"+", "NULL|1", "INTEGER(INTEGER, INTEGER)"},
    {"+", "dt|1", "DATE(DATE, INTEGER)"},
    {"+", "1|dt", "DATE(INTEGER, DATE)"},
    {"-", "dt|dt", "BIGINT(DATE, DATE)"},
    {"+", "dt|i64", NULL},
    {"+", "dt|iv", "TIMESTAMP(TIMESTAMP, INTERVAL)"},
    {"-", "dt|iv", "TIMESTAMP(TIMESTAMP, INTERVAL)"},
    {"+", "tz|iv", "TIMESTAMP WITH TIME ZONE(TIMESTAMP WITH TIME ZONE, INTERVAL)"},
    {"+", "tm|iv", "TIME(TIME, INTERVAL)"},
    {"-", "ts|ts", "INTERVAL(TIMESTAMP, TIMESTAMP)"},
    {"-", "ts|dt", "INTERVAL(TIMESTAMP, TIMESTAMP)"},
    {"+", "dt|tm", "TIMESTAMP(DATE, TIME)"},
    {"-", "tm|tm", NULL},
    {"*", "iv|2", "INTERVAL(INTERVAL, BIGINT)"},
    {"*", "iv|2.5", "INTERVAL(INTERVAL, DOUBLE)"},
    {"=", "i32|'5'", "BOOLEAN(INTEGER, INTEGER)"},
    {"=", "i32|s", "BOOLEAN(INTEGER, INTEGER)"},
    {"<", "dt|'1995-01-01'", "BOOLEAN(DATE, DATE)"},
    {"<", "dt|s", NULL},
    {">", "s|i32", NULL},
    {"=", "d|'5'", "BOOLEAN(DECIMAL(15,2), DECIMAL(15,2))"},
    {"<", "i32|1.5", "BOOLEAN(DECIMAL(11,1), DECIMAL(11,1))"},
    {"<", "d|24", "BOOLEAN(DECIMAL(15,2), DECIMAL(15,2))"},
    {">=", "d|0.05", "BOOLEAN(DECIMAL(15,2), DECIMAL(15,2))"},
    {"=", "b|1", "BOOLEAN(INTEGER, INTEGER)"},
    {"<", "ts|dt", "BOOLEAN(TIMESTAMP, TIMESTAMP)"},
    {"=", "ts|tz", "BOOLEAN(TIMESTAMP WITH TIME ZONE, TIMESTAMP WITH TIME ZONE)"},
    {"=", "s|5", "BOOLEAN(INTEGER, INTEGER)"},
    {"=", "u|'x'", "BOOLEAN(UUID, UUID)"},
    {"=", "NULL|NULL", "BOOLEAN(INTEGER, INTEGER)"},
    {"||", "s|i32", "VARCHAR(VARCHAR, INTEGER)"},
    {"||", "s|s", "VARCHAR(VARCHAR, VARCHAR)"},
    {"||", "bl|bl", "BLOB(BLOB, BLOB)"},
    {"upper", "5", NULL},
    {"length", "i32", NULL},
    {"sqrt", "'4'", "DOUBLE(DOUBLE)"},
    {"sqrt", "i32", "DOUBLE(DOUBLE)"},
    {"sqrt", "d", "DOUBLE(DOUBLE)"},
    {"greatest", "i32|'3'", "INTEGER(INTEGER, INTEGER)"},
    {"greatest", "i32|s", NULL},
    {"greatest", "dt|ts", "TIMESTAMP(TIMESTAMP, TIMESTAMP)"},
    {"round", "d", "DECIMAL(15,0)(DECIMAL(15,2))"},
    {"round", "d|1", "DECIMAL(15,1)(DECIMAL(15,2), INTEGER)"},
    {"round", "i32", "INTEGER(INTEGER)"},
    {"ceil", "i32", "DOUBLE(DOUBLE)"},
    {"date_part", "'year'|dt", "BIGINT(VARCHAR, DATE)"},
    {"date_part", "'epoch'|dt", "DOUBLE(VARCHAR, DATE)"},
    {"date_trunc", "'month'|dt", "TIMESTAMP(VARCHAR, DATE)"},
    {"substring", "s|1|2", "VARCHAR(VARCHAR, BIGINT, BIGINT)"},
    {"like", "s|'a%'", "BOOLEAN(VARCHAR, VARCHAR)"},
    {"~~", "s|'a%'", "BOOLEAN(VARCHAR, VARCHAR)"},
    {"subsrting", "s|1", NULL},
};

static void check(fixture *f, const rule *r, ps_func_kind kind)
{
    const ps_expr *args[8];
    uint32_t n = 0;
    ps_func_match match;
    ps_text text;

    for (const char *at = r->args; *at;) {
        const size_t length = strcspn(at, "|");
        args[n++] = arg_of(f, (ps_str){at, length});
        at += length + (at[length] == '|');
    }
    const ps_status st =
        ps_func_resolve(&f->cx, &f->arena, kind, ps_str_of(r->name), args, n, &match);
    if (st == PS_UNSUPPORTED) return; /* resolved, but its kernel is not there yet */
    if (st != PS_OK && r->want) fail_msg("%s(%s): %s", r->name, r->args, f->cx.error.message);
    if (st != PS_OK) {
        assert_int_equal(st, PS_BIND);
        return;
    }
    ps_text_init(&text, &f->cx);
    ps_type_print(match.result, &text);
    ps_text_char(&text, '(');
    for (uint32_t i = 0; i < n; i++) {
        if (i) ps_text_puts(&text, ", ");
        ps_type_print(match.arg_types[i], &text);
    }
    ps_text_char(&text, ')');
    if (!r->want || strcmp(text.at, r->want))
        fail_msg("%s(%s): %s, not %s", r->name, r->args, text.at, r->want ? r->want : "an error");
    ps_text_release(&text);
}

static void test_rules(void **state)
{
    for (size_t i = 0; i < PS_COUNT(rules); i++) check(*state, &rules[i], PS_FUNC_SCALAR);
}

static void test_aggregates(void **state)
{
    static const rule aggregates[] = {
        {"sum", "d", "DECIMAL(38,2)(DECIMAL(15,2))"},
        {"sum", "i32", "HUGEINT(INTEGER)"},
        {"sum", "f32", "DOUBLE(FLOAT)"},
        {"avg", "d", "DOUBLE(DECIMAL(15,2))"},
        {"avg", "i32", "DOUBLE(INTEGER)"},
        {"min", "s", "VARCHAR(VARCHAR)"},
        {"count", "s", "BIGINT(VARCHAR)"},
        {"count", "", "BIGINT()"},
        {"median", "i32", "DOUBLE(INTEGER)"},
        {"median", "d", "DECIMAL(15,2)(DECIMAL(15,2))"},
        {"stddev", "i32", "DOUBLE(DOUBLE)"},
        {"sum", "s", NULL},
    };
    for (size_t i = 0; i < PS_COUNT(aggregates); i++)
        check(*state, &aggregates[i], PS_FUNC_AGGREGATE);
}

static void test_messages(void **state)
{
    fixture *f = *state;
    const ps_expr *arg = arg_of(f, PS_STR("i32"));
    ps_func_match match;

    assert_int_equal(
        ps_func_resolve(&f->cx, &f->arena, PS_FUNC_SCALAR, PS_STR("uper"), &arg, 1, &match),
        PS_BIND);
    assert_string_equal(f->cx.error.message, "there is no function named uper");
    assert_string_equal(f->cx.error.hint, "did you mean upper?");
    ps_ctx_clear(&f->cx);
    assert_int_equal(
        ps_func_resolve(&f->cx, &f->arena, PS_FUNC_SCALAR, PS_STR("upper"), &arg, 1, &match),
        PS_BIND);
    assert_string_equal(f->cx.error.message,
                        "no function fits upper(INTEGER); there is upper(text: str) -> str");
}

/* Every entry: names, an example, a class or a reason. */
static void test_catalog(void **state)
{
    uint32_t without = 0;

    (void)state;
    assert_true(ps_catalog_count > 300);
    for (size_t i = 0; i < ps_catalog_count; i++) {
        const ps_func *func = ps_catalog[i];
        assert_non_null(func->doc), assert_non_null(func->example),
            assert_string_equal(func->names[0], func->name);
        assert_true(func->n_required <= func->n_params);
        assert_true(ps_func_exists((ps_func_kind)func->kind, ps_str_of(func->name)));
        if (func->kind == PS_FUNC_SCALAR && !func->scalar)
            print_message("no kernel: %s%s\n", func->name, func->signature), without++;
        if (func->kind == PS_FUNC_AGGREGATE && !func->aggregate)
            print_message("no class: %s%s\n", func->name, func->signature);
        if (func->kind == PS_FUNC_WINDOW) assert_true(func->window_id != PS_WINDOW_NONE);
    }
    for (size_t i = 1; i < ps_func_names_count; i++)
        assert_true(strcmp(ps_func_names[i - 1].name, ps_func_names[i].name) <= 0);
    assert_int_equal(without, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rules, fixture_make, fixture_end),
        cmocka_unit_test_setup_teardown(test_aggregates, fixture_make, fixture_end),
        cmocka_unit_test_setup_teardown(test_messages, fixture_make, fixture_end),
        cmocka_unit_test_setup_teardown(test_catalog, fixture_make, fixture_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
