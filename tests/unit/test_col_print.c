/* tests/unit/test_col_print.c -- text of values, SQL literals, order, equality, hash, calendar.
 * (Against DuckDB, and floats against Python's repr: tests/py/test_arrow.py.) */
#include "unit.h"

#include "col/print.h"
#include "col/value.h"

#include <math.h>

static ps_mem mem;
static ps_ctx cx;

static void texts(ps_value value, const char *plain, const char *sql)
{
    ps_text text;

    ps_text_init(&text, &cx);
    ps_value_print(&value, &text);
    assert_string_equal(text.at, plain);
    ps_text_clear(&text);
    ps_value_print_sql(&value, &text);
    assert_string_equal(text.at, sql);
    ps_text_release(&text);
}

static ps_value interval(int32_t months, int32_t days, int64_t ns)
{
    return (ps_value){.type = PS_TYPE(INTERVAL), .interval = {months, days, ns}};
}

static void plain_values(void **state)
{
    const ps_type money = ps_type_decimal(5, 2), part = ps_type_decimal(4, 4);
    const ps_i128 huge = (ps_i128)(((ps_u128)1 << 127) - 1);
    (void)state;
    texts(ps_value_null(PS_TYPE(NULL)), "NULL", "NULL");
    texts(ps_value_null(PS_TYPE(INT64)), "NULL", "NULL::BIGINT");
    texts(ps_value_bool(true), "true", "true");
    texts(ps_value_int(PS_TYPE(INT32), -5), "-5", "-5");
    texts(ps_value_int(PS_TYPE(INT64), 5), "5", "5::BIGINT");
    texts(ps_value_int(PS_TYPE(INT64), INT64_MIN), "-9223372036854775808",
          "'-9223372036854775808'::BIGINT");
    texts(ps_value_int(PS_TYPE(INT128), -huge - 1), "-170141183460469231731687303715884105728",
          "'-170141183460469231731687303715884105728'::HUGEINT");
    texts(ps_value_int(money, -5), "-0.05", "-0.05::DECIMAL(5,2)");
    texts(ps_value_int(money, 0), "0.00", "0.00::DECIMAL(5,2)");
    texts(ps_value_int(part, 12), ".0012", ".0012::DECIMAL(4,4)");
    texts(ps_value_int(ps_type_decimal(38, 0), ps_pow10[38] - 1),
          "99999999999999999999999999999999999999",
          "99999999999999999999999999999999999999::DECIMAL(38,0)");
    texts(ps_value_f64(0.1), "0.1", "'0.1'::DOUBLE");
    texts(ps_value_f64(-0.0), "-0.0", "'-0.0'::DOUBLE");
    texts(ps_value_f64((double)INFINITY), "inf", "'inf'::DOUBLE");
    texts(ps_value_str(PS_STR("it's")), "it's", "'it''s'");
    texts((ps_value){.type = PS_TYPE(BINARY), .str = PS_STR("a\\\x01")}, "a\\x5C\\x01",
          "'a\\x5C\\x01'::BLOB");
}

static void times(void **state)
{
    const ps_type ns = ps_type_in_unit(PS_TYPE_TIMESTAMP, PS_UNIT_NS);
    (void)state;
    texts(ps_value_int(PS_TYPE(DATE), 18292), "2020-01-31", "DATE '2020-01-31'");
    texts(ps_value_int(PS_TYPE(DATE), -719163), "0001-12-31 (BC)", "DATE '0001-12-31 (BC)'");
    texts(ps_value_int(PS_TYPE(DATE), INT32_MAX), "infinity", "DATE 'infinity'");
    texts(ps_value_int(PS_TYPE_SQL_TIME, 43200500000), "12:00:00.5", "'12:00:00.5'::TIME");
    texts(ps_value_int(ns, -1), "1969-12-31 23:59:59.999999999",
          "'1969-12-31 23:59:59.999999999'::TIMESTAMP_NS");
    texts(ps_value_int(PS_TYPE_SQL_TIMESTAMP_TZ, 0), "1970-01-01 00:00:00+00",
          "'1970-01-01 00:00:00+00'::TIMESTAMP WITH TIME ZONE");
    /* 12:00:00+05:30 is 06:30 UTC */
    texts(ps_value_int(PS_TYPE(TIME_TZ), ((ps_i128)23400000000 << 24) | (19800 + (1 << 23))),
          "12:00:00+05:30", "'12:00:00+05:30'::TIME WITH TIME ZONE");
    texts(interval(14, 3, 14706789000000), "1 year 2 months 3 days 04:05:06.789",
          "INTERVAL '1 year 2 months 3 days 04:05:06.789'");
    texts(interval(0, 0, 0), "00:00:00", "INTERVAL '00:00:00'");
    texts(interval(0, -1, -1000), "-1 day -00:00:00.000001", "INTERVAL '-1 day -00:00:00.000001'");
    texts(interval(INT32_MIN, INT32_MIN, INT64_MIN),
          "-178956970 years -8 months -2147483648 days -2562047:47:16.854775808",
          "INTERVAL '-178956970 years -8 months -2147483648 days -2562047:47:16.854775808'");
}

static void nested_values(void **state)
{
    const ps_field a = {PS_STR("a"), PS_TYPE(INT32), true, NULL};
    const ps_field b = {PS_STR("it's"), PS_TYPE(STRING), true, NULL};
    ps_value pair[] = {ps_value_int(PS_TYPE(INT32), 1), ps_value_str(PS_STR("x, y"))};
    ps_type row, list, map;
    (void)state;
    assert_int_equal(ps_type_struct(&cx, (ps_field[]){a, b}, 2, &row), PS_OK);
    assert_int_equal(ps_type_list(&cx, &b, &list), PS_OK);
    assert_int_equal(ps_type_map(&cx, &a, &b, &map), PS_OK);
    texts((ps_value){.type = row, .items = pair, .n_items = 2}, "{'a': 1, 'it\\'s': 'x, y'}",
          "{'a': 1, 'it''s': 'x, y'}");
    ps_value words[] = {ps_value_str(PS_STR("plain")), ps_value_str(PS_STR("")),
                        ps_value_str(PS_STR("null")), ps_value_null(PS_TYPE(STRING))};
    texts((ps_value){.type = list, .items = words, .n_items = 4}, "[plain, '', 'null', NULL]",
          "['plain', '', 'null', NULL::VARCHAR]");
    texts((ps_value){.type = list, .n_items = 0}, "[]", "[]");
    ps_value entry = {.type = ps_type_entry(map), .items = pair, .n_items = 2};
    texts((ps_value){.type = map, .items = &entry, .n_items = 1}, "{1='x, y'}", "MAP {1: 'x, y'}");
    ps_type_unref(row), ps_type_unref(list), ps_type_unref(map);
}

static void order_and_equality(void **state)
{
    const ps_value nan = ps_value_f64((double)NAN), inf = ps_value_f64((double)INFINITY);
    const ps_value zero = ps_value_f64(0.0), minus = ps_value_f64(-0.0);
    const ps_value null = ps_value_null(PS_TYPE(FLOAT64));
    const ps_value month = interval(1, 0, 0), days = interval(0, 30, 0);
    (void)state;
    assert_int_equal(ps_value_compare(&nan, &inf), 1);
    assert_int_equal(ps_value_compare(&nan, &nan), 0);
    assert_int_equal(ps_value_compare(&inf, &nan), -1);
    assert_int_equal(ps_value_compare(&null, &nan), 1); /* nulls last */
    assert_int_equal(ps_value_compare(&zero, &minus), 0);
    assert_false(ps_value_equal(&zero, &minus)); /* literals that mustn't stand for each other */
    assert_true(ps_value_equal(&nan, &nan) && ps_value_hash(&nan) == ps_value_hash(&nan));
    assert_true(ps_value_equal(&null, &null));
    assert_int_equal(ps_value_compare(&month, &days), 0);
    assert_false(ps_value_equal(&month, &days));
    const ps_value ab = ps_value_str(PS_STR("ab")), abc = ps_value_str(PS_STR("abc"));
    assert_int_equal(ps_value_compare(&ab, &abc), -1);
    const ps_value one = ps_value_int(PS_TYPE(INT32), 1), wide = ps_value_int(PS_TYPE(INT64), 1);
    assert_false(ps_value_equal(&one, &wide)); /* types count */
}

static void the_calendar_is_reversible(void **state)
{
    (void)state;
    assert_int_equal(ps_days_of_civil(1970, 1, 1), 0);
    assert_int_equal(ps_days_of_civil(2000, 3, 1), 11017);
    assert_int_equal(ps_days_in_month(1900, 2), 28);
    assert_int_equal(ps_days_in_month(2000, 2), 29);
    ps_civil last = ps_civil_of_days(-2000001);
    for (int64_t day = -2000000; day < 2000000; day++) {
        const ps_civil civil = ps_civil_of_days(day);
        assert_true(ps_days_of_civil(civil.year, civil.month, civil.day) == day);
        if (civil.day != 1) assert_true(civil.day == last.day + 1 && civil.month == last.month);
        else assert_int_equal(last.day, ps_days_in_month(last.year, last.month));
        last = civil;
    }
    const ps_civil far = ps_civil_of_days(INT32_MIN);
    assert_true(ps_days_of_civil(far.year, far.month, far.day) == INT32_MIN);
}

static void halves_round_to_nearest_even(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        const float value = ps_f16_to((uint16_t)bits);
        if (isnan(value)) {
            assert_true(isnan(ps_f16_to(ps_f16_of(value))));
            continue;
        }
        assert_int_equal(ps_f16_of(value), bits);
        if (bits < 0x7BFF) { /* halfway to the next: the even one wins */
            const float next = ps_f16_to((uint16_t)(bits + 1)), middle = value + (next - value) / 2;
            assert_int_equal(ps_f16_of(middle), bits % 2 ? bits + 1 : bits);
            assert_int_equal(ps_f16_of(nextafterf(middle, INFINITY)), bits + 1);
        }
    }
    assert_int_equal(ps_f16_of(65519.996f), 0x7BFF);
    assert_int_equal(ps_f16_of(65520.0f), 0x7C00);
}

static int set_up(void **state)
{
    (void)state;
    ps_mem_init(&mem, NULL, "instance", 0);
    ps_ctx_init(&cx, &mem, NULL);
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    return mem.used == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_values),
        cmocka_unit_test(times),
        cmocka_unit_test(nested_values),
        cmocka_unit_test(order_and_equality),
        cmocka_unit_test(the_calendar_is_reversible),
        cmocka_unit_test(halves_round_to_nearest_even),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
