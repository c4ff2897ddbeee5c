/* func/datetime.kern.c -- year, month and day of many dates; compiled once per CPU level.
 *
 * Tests: tests/unit/test_func_datetime.c compares every level with the plain calendar. */
#include "func/datetime.h"

static void year(const int64_t *days, uint32_t n, int64_t *out)
{
    for (uint32_t i = 0; i < n; i++) out[i] = ps_ymd_of((int32_t)days[i]).year;
}

static void month(const int64_t *days, uint32_t n, int64_t *out)
{
    for (uint32_t i = 0; i < n; i++) out[i] = ps_ymd_of((int32_t)days[i]).month;
}

static void day(const int64_t *days, uint32_t n, int64_t *out)
{
    for (uint32_t i = 0; i < n; i++) out[i] = ps_ymd_of((int32_t)days[i]).day;
}

static bool all_near(const int64_t *days, uint32_t n)
{
    uint64_t far = 0;

    for (uint32_t i = 0; i < n; i++)
        far |= (uint64_t)(PS_CIVIL_FAST - 1 - days[i]) | (uint64_t)(days[i] + PS_CIVIL_FAST - 1);
    return !(far >> 63);
}

extern const ps_date_kernels PS_CAT(ps_date_kernels_v, PS_CPU_LEVEL);
const ps_date_kernels PS_CAT(ps_date_kernels_v, PS_CPU_LEVEL) = {year, month, day, all_near};
