/* col/civil.c -- days to calendar dates and back, proleptic Gregorian, any year of 64 bits / 400.
 *
 * Years are counted from March so that the leap day ends them; eras of 400 years have
 * 146,097 days (Hinnant, "chrono-compatible low-level date algorithms"). */
#include "col/value.h"

enum { DAYS_PER_ERA = 146097, DAYS_TO_1970 = 719468 };

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

ps_civil ps_civil_of_days(int64_t days)
{
    const int64_t shifted = days + DAYS_TO_1970;
    const int64_t era = floor_div(shifted, DAYS_PER_ERA);
    const int64_t of_era = shifted - era * DAYS_PER_ERA;
    const int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    const int64_t month = (5 * of_year + 2) / 153; /* from March */
    ps_civil civil = {.year = year + era * 400};

    civil.day = (int32_t)(of_year - (153 * month + 2) / 5 + 1);
    civil.month = (int32_t)(month < 10 ? month + 3 : month - 9);
    civil.year += civil.month <= 2;
    return civil;
}

int64_t ps_days_of_civil(int64_t year, int32_t month, int32_t day)
{
    const int64_t y = year - (month <= 2);
    const int64_t era = floor_div(y, 400);
    const int64_t year_of_era = y - era * 400;
    const int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    const int64_t of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;

    return era * DAYS_PER_ERA + of_era - DAYS_TO_1970;
}

int32_t ps_days_in_month(int64_t year, int32_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    PS_ASSERT(month >= 1 && month <= 12);
    return days[month - 1] + (month == 2 && leap);
}
