/* tests/unit/test_func_cast.c -- casts and parsers, value by value, against what DuckDB 2.0 answers
 * (docs/types.md lists where we differ). */
#include "func/func.h"

#include "func_fixture.h"

typedef struct row {
    const char *from;
    ps_type to;
    const char *want;
} row; /* want NULL: it doesn't fit */

#define T(ID)   PS_TYPE(ID)
#define D(p, s) {.id = PS_TYPE_DECIMAL, .precision = p, .scale = s}
#define TS(u)   {.id = PS_TYPE_TIMESTAMP, .unit = PS_UNIT_##u}
#define ID(x)   {.id = PS_TYPE_##x}
#define US(x)   {.id = PS_TYPE_##x, .unit = PS_UNIT_US}

static const row from_text[] = {
    {" 5 ", ID(INT32), "5"},
    {"5.5", ID(INT32), "6"},
    {"5.4", ID(INT32), "5"},
    {"-5.5", ID(INT32), "-6"},
    {"1e3", ID(INT32), "1000"},
    {"1_000", ID(INT32), "1000"},
    {"+5", ID(INT32), "5"},
    {"", ID(INT32), NULL},
    {"5a", ID(INT32), NULL},
    {"99999999999", ID(INT32), NULL},
    {"-129", ID(INT8), NULL},
    {"-128", ID(INT8), "-128"},
    {"0x1F", ID(INT32), "31"},
    {"5.", ID(INT32), "5"},
    {".5", ID(INT32), "1"},
    {"1e-1", ID(INT32), "0"},
    {"170141183460469231731687303715884105727", ID(INT128),
     "170141183460469231731687303715884105727"},
    {"-170141183460469231731687303715884105728", ID(INT128),
     "-170141183460469231731687303715884105728"},
    {"170141183460469231731687303715884105728", ID(INT128), NULL},
    {"18446744073709551615", ID(UINT64), "18446744073709551615"},
    {"-1", ID(UINT64), NULL},
    {"1.005", D(5, 2), "1.01"},
    {"1.015", D(5, 2), "1.02"},
    {"-1.005", D(5, 2), "-1.01"},
    {"1e2", D(5, 2), "100.00"},
    {"1.5e-1", D(5, 2), "0.15"},
    {"1000", D(5, 2), NULL},
    {"999.995", D(5, 2), NULL},
    {"999.994", D(5, 2), "999.99"},
    {" 1 ", D(5, 2), "1.00"},
    {"", D(5, 2), NULL},
    {"abc", D(5, 2), NULL},
    {".5", D(5, 2), "0.50"},
    {"5.", D(5, 2), "5.00"},
    {"99999999999999999999999999999999999999", D(38, 0), "99999999999999999999999999999999999999"},
    {"0.00000000000000000000000000000000000001", D(38, 38),
     ".00000000000000000000000000000000000001"},
    {"1.5", ID(FLOAT64), "1.5"},
    {" 1.5 ", ID(FLOAT64), "1.5"},
    {"inf", ID(FLOAT64), "inf"},
    {"-Infinity", ID(FLOAT64), "-inf"},
    {"nan", ID(FLOAT64), "nan"},
    {"1e400", ID(FLOAT64), "inf"},
    {"1.5x", ID(FLOAT64), NULL},
    {"", ID(FLOAT64), NULL},
    {"1_000.5", ID(FLOAT64), "1000.5"},
    {"0x10", ID(FLOAT64), NULL},
    {"0.1", ID(FLOAT32), "0.1"},
    {"2.2250738585072011e-308", ID(FLOAT64), "2.225073858507201e-308"},
    {"true", ID(BOOL), "true"},
    {"t", ID(BOOL), "true"},
    {"NO", ID(BOOL), "false"},
    {"2", ID(BOOL), NULL},
    {"on", ID(BOOL), NULL},
    {"2020-1-5", ID(DATE), "2020-01-05"},
    {"2020/01/05", ID(DATE), "2020-01-05"},
    {"20200105", ID(DATE), NULL},
    {" 2020-01-05 ", ID(DATE), "2020-01-05"},
    {"2020-01-05x", ID(DATE), NULL},
    {"2020-02-30", ID(DATE), NULL},
    {"2020-02-29", ID(DATE), "2020-02-29"},
    {"2021-02-29", ID(DATE), NULL},
    {"2020-01-05 10:00:00", ID(DATE), "2020-01-05"},
    {"12345-01-01", ID(DATE), "12345-01-01"},
    {"99-01-01", ID(DATE), "0099-01-01"},
    {"2020-01/05", ID(DATE), NULL},
    {"2020-01-05T10:00:00Z", US(TIMESTAMP), "2020-01-05 10:00:00"},
    {"2020-01-05 10:00", US(TIMESTAMP), "2020-01-05 10:00:00"},
    {"2020-01-05 10", US(TIMESTAMP), NULL},
    {"2020-01-05 10:00:00+02", US(TIMESTAMP), "2020-01-05 10:00:00"},
    {"2020-01-05 10:00:00.1234567", US(TIMESTAMP), "2020-01-05 10:00:00.123456"},
    {"2020-01-05 24:00:00", US(TIMESTAMP), "2020-01-06 00:00:00"},
    {"2020-01-05", US(TIMESTAMP), "2020-01-05 00:00:00"},
    {"2020-01-05 10:00:00+02:30", US(TIMESTAMP_TZ), "2020-01-05 07:30:00+00"},
    {"2020-01-05 10:00:00 UTC", US(TIMESTAMP_TZ), "2020-01-05 10:00:00+00"},
    {"epoch", US(TIMESTAMP), "1970-01-01 00:00:00"},
    {"10:11", US(TIME), "10:11:00"},
    {"10", US(TIME), NULL},
    {"10:11:12.5", US(TIME), "10:11:12.5"},
    {"24:00:00", US(TIME), "24:00:00"},
    {"25:00:00", US(TIME), NULL},
    {"1:2:3", US(TIME), "01:02:03"},
    {"1.5 months", ID(INTERVAL), "1 month 15 days"},
    {"1 year 2 months 3 days 04:05:06.789", ID(INTERVAL), "1 year 2 months 3 days 04:05:06.789"},
    {"-1 day", ID(INTERVAL), "-1 day"},
    {"1 day -2 hours", ID(INTERVAL), "1 day -02:00:00"},
    {"1 fortnight", ID(INTERVAL), NULL},
    {"25 hours", ID(INTERVAL), "25:00:00"},
    {"1 day 25:00:00", ID(INTERVAL), "1 day 25:00:00"},
    {"1 day ago", ID(INTERVAL), "-1 day"},
    {"", ID(INTERVAL), NULL},
    {"-90 minutes", ID(INTERVAL), "-01:30:00"},
    {"0.5 seconds", ID(INTERVAL), "00:00:00.5"},
    {"\\xAA", ID(BINARY), "\\xAA"},
    {"abc", ID(BINARY), "abc"},
    {"\\xA", ID(BINARY), NULL},
    {"a\\b", ID(BINARY), NULL},
    {"5b36ba45-9e42-4d3f-8d6b-2c4f1c0a4c0e", ID(UUID), "5b36ba45-9e42-4d3f-8d6b-2c4f1c0a4c0e"},
    {"{5b36ba459e424d3f8d6b2c4f1c0a4c0e}", ID(UUID), "5b36ba45-9e42-4d3f-8d6b-2c4f1c0a4c0e"},
    {"5b36ba45", ID(UUID), NULL},
};

/* text -> via -> to -> text */
typedef struct chain {
    const char *text;
    ps_type via, to;
    const char *want;
} chain;
static const chain chains[] = {
    {"2.5", D(3, 1), ID(INT32), "3"},
    {"-2.5", D(3, 1), ID(INT32), "-3"},
    {"2.5", ID(FLOAT64), ID(INT32), "2"},
    {"3.5", ID(FLOAT64), ID(INT32), "4"},
    {"-2.5", ID(FLOAT64), ID(INT32), "-2"},
    {"127.5", ID(FLOAT64), ID(INT8), NULL},
    {"127.4", ID(FLOAT64), ID(INT8), "127"},
    {"1e20", ID(FLOAT64), ID(INT64), NULL},
    {"nan", ID(FLOAT64), ID(INT32), NULL},
    {"9223372036854775807", ID(FLOAT64), ID(INT64), NULL},
    {"300", ID(INT32), ID(INT8), NULL},
    {"-1", ID(INT32), ID(UINT8), NULL},
    {"1.005", D(5, 3), D(5, 2), "1.01"},
    {"1.995", D(5, 3), D(3, 2), "2.00"},
    {"9.995", D(5, 3), D(3, 2), NULL},
    {"123", ID(INT32), D(3, 2), NULL},
    {"123", ID(INT32), D(15, 2), "123.00"},
    {"-7", ID(INT8), D(38, 10), "-7.0000000000"},
    {"1.005", ID(FLOAT64), D(5, 2), "1.00"},
    {"2.675", ID(FLOAT64), D(5, 2), "2.68"},
    {"1e10", ID(FLOAT64), D(5, 2), NULL},
    {"0.1", D(38, 30), ID(FLOAT64), "0.1"},
    {"99999999999999999999999999999999999999", D(38, 0), ID(FLOAT64), "1e+38"},
    {"170141183460469231731687303715884105727", ID(INT128), ID(FLOAT64), "1.7014118346046923e+38"},
    {"1e38", ID(FLOAT64), ID(INT128), "99999999999999997748809823456034029568"},
    {"2e38", ID(FLOAT64), ID(INT128), NULL},
    {"1e300", ID(FLOAT64), ID(FLOAT32), NULL},
    {"0.1", ID(FLOAT32), ID(FLOAT64), "0.10000000149011612"},
    {"inf", ID(FLOAT64), ID(FLOAT32), "inf"},
    {"0.5", D(2, 1), ID(BOOL), "true"},
    {"true", ID(BOOL), ID(INT32), "1"},
    {"true", ID(BOOL), D(3, 1), "1.0"},
    {"true", ID(BOOL), ID(FLOAT64), "1.0"},
    {"2", ID(INT32), ID(BOOL), "true"},
    {"2020-01-31", ID(DATE), US(TIMESTAMP), "2020-01-31 00:00:00"},
    {"2020-01-31 10:11:12", US(TIMESTAMP), ID(DATE), "2020-01-31"},
    {"1969-12-31 23:00:00", US(TIMESTAMP), ID(DATE), "1969-12-31"},
    {"1969-12-31 23:00:00", US(TIMESTAMP), US(TIME), "23:00:00"},
    {"2020-01-01 00:00:00.5", US(TIMESTAMP), TS(S), "2020-01-01 00:00:01"},
    {"1969-12-31 23:59:59.5", US(TIMESTAMP), TS(S), "1969-12-31 23:59:59"},
    {"2020-01-01 00:00:00.1234", US(TIMESTAMP), TS(MS), "2020-01-01 00:00:00.123"},
    {"290000-01-01", US(TIMESTAMP), TS(NS), NULL},
    {"2020-01-01 00:00:00.123456789", TS(NS), US(TIMESTAMP), "2020-01-01 00:00:00.123457"},
    {"294247-01-11", ID(DATE), US(TIMESTAMP), NULL},
    {"10:00:00", US(TIME), US(TIME_TZ), "10:00:00+00"},
};

static void check(fixture *f, const ps_value *from, ps_type to, const char *want, const char *text)
{
    ps_value out;
    ps_text printed;
    bool ok;

    assert_int_equal(ps_cast_value(&f->cx, &f->arena, from, to, &ok, &out), PS_OK);
    if (ok != (want != NULL)) fail_msg("%s: %s", text, ok ? "fits" : f->cx.error.message);
    if (!ok) {
        assert_true(strstr(f->cx.error.message, "can't cast") != NULL);
        return;
    }
    ps_text_init(&printed, &f->cx);
    ps_value_print(&out, &printed);
    if (strcmp(printed.at ? printed.at : "", want))
        fail_msg("%s: %s, not %s", text, printed.at, want);
    ps_text_release(&printed);
}

static void test_from_text(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < PS_COUNT(from_text); i++) {
        const ps_value v = ps_value_str(ps_str_of(from_text[i].from));
        check(f, &v, from_text[i].to, from_text[i].want, from_text[i].from);
    }
}

static void test_chains(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < PS_COUNT(chains); i++) {
        const ps_value v = ps_value_str(ps_str_of(chains[i].text));
        ps_value via;
        bool ok;
        assert_int_equal(ps_cast_value(&f->cx, &f->arena, &v, chains[i].via, &ok, &via), PS_OK);
        assert_true(ok);
        check(f, &via, chains[i].to, chains[i].want, chains[i].text);
    }
}

/* A flat vector with nulls, a selection and a value that doesn't fit. */
static void test_rows(void **state)
{
    fixture *f = *state;
    int64_t data[8] = {1, 300, -5, 127, 999, 6, 7, 8};
    uint64_t valid = 0xEF, errors_bits = 0; /* row 4 is null: its 999 is no error */
    const uint32_t sel[] = {0, 1, 3, 4, 5};
    ps_vec arg, out = {.type = PS_TYPE(INT8), .n = 8, .valid = &valid};
    ps_vec_buf buf;
    ps_row_errors errors = {.rows = &errors_bits};
    ps_call call = {.cx = &f->cx,
                    .args = &arg,
                    .n_args = 1,
                    .sel = sel,
                    .n = 5,
                    .buf = &buf,
                    .out = &out,
                    .errors = &errors};

    ps_vec_flat(&arg, PS_TYPE(INT64), PS_LAYOUT_I64, data, &valid, 8);
    assert_int_equal(ps_vec_buf_init(&f->cx, &buf, 64), PS_OK);
    assert_int_equal(ps_cast_eval(&call), PS_OK);
    assert_int_equal(errors_bits, 2);
    assert_int_equal(((const int8_t *)out.data)[0], 1);
    assert_int_equal(((const int8_t *)out.data)[3], 127);
    assert_int_equal(((const int8_t *)out.data)[5], 6);
    ps_vec_buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_from_text, fixture_make, fixture_end),
        cmocka_unit_test_setup_teardown(test_chains, fixture_make, fixture_end),
        cmocka_unit_test_setup_teardown(test_rows, fixture_make, fixture_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
