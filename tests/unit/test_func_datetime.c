/* tests/unit/test_func_datetime.c -- the fast calendar against the plain one, with the kernels of
 * this CPU.
 */
#include "base/cpu.h"
#include "func/datetime.h"

#include "unit.h"

PS_CPU_DECLARE(ps_date_kernels, ps_date_kernels);

/* Every day of four centuries around 1970 and steps of 37 days over the whole range. */
static void test_calendar(void **state)
{
    (void)state;
    for (int32_t days = -PS_CIVIL_FAST + 1;
         days<PS_CIVIL_FAST; days += days> - 80000 && days < 80000 ? 1 : 37) {
        const ps_civil want = ps_civil_of_days(days);
        const ps_ymd got = ps_ymd_of(days);
        if (want.year != got.year || want.month != (int32_t)got.month ||
            want.day != (int32_t)got.day)
            fail_msg("day %d: %d-%u-%u", days, got.year, got.month, got.day);
    }
}

static void test_kernels(void **state)
{
    const ps_date_kernels *level = PS_CPU_PICK(ps_date_kernels);
    int64_t days[1000], out[1000];

    (void)state;
    for (int i = 0; i < 1000; i++) days[i] = (int64_t)i * 7919 - 4000000;
    assert_true(level->all_near(days, 1000));
    level->year(days, 1000, out);
    for (int i = 0; i < 1000; i++) assert_int_equal(out[i], ps_civil_of_days(days[i]).year);
    level->month(days, 1000, out);
    for (int i = 0; i < 1000; i++) assert_int_equal(out[i], ps_civil_of_days(days[i]).month);
    level->day(days, 1000, out);
    for (int i = 0; i < 1000; i++) assert_int_equal(out[i], ps_civil_of_days(days[i]).day);
    days[500] = INT32_MAX;
    assert_false(level->all_near(days, 1000));
    days[500] = INT32_MIN;
    assert_false(level->all_near(days, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_calendar),
                                       cmocka_unit_test(test_kernels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
