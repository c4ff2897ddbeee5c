/* col/print.c -- canonical text of plain values, as DuckDB prints them.
 *
 * Tests: tests/unit/test_col_print.c, and against DuckDB in tests/py/test_arrow.py */
#include "col/print.h"

#include "col/value.h"

#include <inttypes.h>

/* Dates and timestamps at the ends of their range mean infinity (DuckDB's choice). */
static const char *infinity(int64_t value, int64_t most)
{
    return value == most ? "infinity" : value == -most ? "-infinity" : NULL;
}

void ps_print_i128(ps_i128 value, ps_text *out)
{
    char digits[40];
    size_t at = sizeof digits;
    ps_u128 rest = value < 0 ? -(ps_u128)value : (ps_u128)value;

    do {
        digits[--at] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest);
    if (value < 0) ps_text_char(out, '-');
    ps_text_add(out, digits + at, sizeof digits - at);
}

void ps_print_i64(int64_t value, ps_text *out)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

    do {
        digits[--at] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest);
    if (value < 0) ps_text_char(out, '-');
    ps_text_add(out, digits + at, sizeof digits - at);
}

/* `rest` with at least n digits */
static void print_padded(uint64_t rest, int n, ps_text *out)
{
    char digits[20];
    size_t at = sizeof digits;

    for (; rest || n > 0; rest /= 10, n--) digits[--at] = (char)('0' + (int)(rest % 10));
    ps_text_add(out, digits + at, sizeof digits - at);
}

void ps_print_decimal(ps_i128 value, int precision, int scale, ps_text *out)
{
    char digits[41];
    size_t at = sizeof digits;
    ps_u128 rest = value < 0 ? -(ps_u128)value : (ps_u128)value;
    int n = 0;

    while (rest || n <= scale) {
        if (n == scale && scale > 0) digits[--at] = '.';
        if (n == scale && rest == 0 && precision == scale && scale > 0) break;
        digits[--at] = (char)('0' + (int)(rest % 10));
        rest /= 10;
        n++;
    }
    if (value < 0) ps_text_char(out, '-');
    ps_text_add(out, digits + at, sizeof digits - at);
}

void ps_print_date(int64_t days, ps_text *out)
{
    const char *text = infinity(days, INT32_MAX);

    if (text) {
        ps_text_puts(out, text);
        return;
    }
    const ps_civil civil = ps_civil_of_days(days);
    const bool before = civil.year <= 0; /* year 0 is 1 BC */
    const int32_t md = civil.month * 100 + civil.day;
    print_padded((uint64_t)(before ? 1 - civil.year : civil.year), 4, out);
    ps_text_add(out,
                (const char[]){'-', (char)('0' + md / 1000), (char)('0' + md / 100 % 10), '-',
                               (char)('0' + md / 10 % 10), (char)('0' + md % 10)},
                6);
    if (before) ps_text_puts(out, " (BC)");
}

/* .5, .000001: without zeros at the end; nothing if there is no fraction */
static void print_fraction(uint64_t fraction, ps_unit unit, ps_text *out)
{
    int digits = unit == PS_UNIT_S ? 0 : unit == PS_UNIT_MS ? 3 : unit == PS_UNIT_US ? 6 : 9;

    if (fraction == 0) return;
    for (; fraction % 10 == 0; fraction /= 10) digits--;
    ps_text_char(out, '.');
    print_padded(fraction, digits, out);
}

static void print_clock(uint64_t units, ps_unit unit, ps_text *out)
{
    const uint64_t per_second = (uint64_t)ps_unit_per_second(unit);
    const uint64_t seconds = units / per_second;

    print_padded(seconds / 3600, 2, out);
    const uint64_t mmss = seconds / 60 % 60 * 100 + seconds % 60;
    ps_text_add(out,
                (const char[]){':', (char)('0' + mmss / 1000), (char)('0' + mmss / 100 % 10), ':',
                               (char)('0' + mmss / 10 % 10), (char)('0' + mmss % 10)},
                6);
    print_fraction(units % per_second, unit, out);
}

void ps_print_time(int64_t units, ps_unit unit, ps_text *out)
{
    if (units < 0) ps_text_char(out, '-'); /* not a time of day, but never a wrong text */
    print_clock(units < 0 ? -(uint64_t)units : (uint64_t)units, unit, out);
}

void ps_print_offset(int32_t seconds, ps_text *out)
{
    const uint32_t rest = seconds < 0 ? -(uint32_t)seconds : (uint32_t)seconds;

    ps_text_char(out, seconds < 0 ? '-' : '+');
    print_padded(rest / 3600, 2, out);
    if (rest % 3600 == 0) return;
    ps_text_char(out, ':');
    print_padded(rest / 60 % 60, 2, out);
    if (rest % 60 == 0) return;
    ps_text_char(out, ':');
    print_padded(rest % 60, 2, out);
}

void ps_print_timetz(int64_t packed, ps_text *out)
{
    const int64_t day_us = (int64_t)86400 * 1000000;
    const int32_t offset = (int32_t)(packed & 0xFFFFFF) - (1 << 23);
    int64_t local = (packed >> 24) + (int64_t)offset * 1000000;

    if (local < 0) local += day_us;
    if (local > day_us) local -= day_us;
    ps_print_time(local, PS_UNIT_US, out);
    ps_print_offset(offset, out);
}

void ps_print_timestamp(int64_t units, ps_unit unit, ps_text *out)
{
    const int64_t per_day = 86400 * ps_unit_per_second(unit);
    const char *text = infinity(units, INT64_MAX);

    if (text) {
        ps_text_puts(out, text);
        return;
    }
    const int64_t days = units / per_day - (units % per_day < 0);
    ps_print_date(days, out);
    ps_text_char(out, ' ');
    print_clock((uint64_t)(units - days * per_day), unit, out);
}

static void print_part(int64_t n, const char *unit, bool *any, ps_text *out)
{
    if (n == 0) return;
    if (*any) ps_text_char(out, ' ');
    ps_text_printf(out, "%" PRId64 " %s%s", n, unit, n == 1 || n == -1 ? "" : "s");
    *any = true;
}

void ps_print_interval(ps_interval interval, ps_text *out)
{
    bool any = false;

    print_part(interval.months / 12, "year", &any, out);
    print_part(interval.months % 12, "month", &any, out);
    print_part(interval.days, "day", &any, out);
    if (interval.ns == 0 && any) return;
    if (any) ps_text_char(out, ' ');
    ps_print_time(interval.ns, PS_UNIT_NS, out);
}

void ps_print_blob(ps_str bytes, ps_text *out)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < bytes.n; i++) {
        const unsigned char c = (unsigned char)bytes.at[i];
        if (c >= 32 && c <= 126 && c != '\\' && c != '\'' && c != '"') ps_text_char(out, (char)c);
        else ps_text_add(out, (const char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
    }
}

void ps_print_uuid(ps_i128 slot, ps_text *out)
{
    static const char hex[] = "0123456789abcdef";
    const ps_u128 bits = (ps_u128)slot ^ (ps_u128)1 << 127; /* undo the flip of the top bit */

    for (int digit = 0; digit < 32; digit++) {
        if (digit == 8 || digit == 12 || digit == 16 || digit == 20) ps_text_char(out, '-');
        ps_text_char(out, hex[(bits >> (124 - 4 * digit)) & 15]);
    }
}

void ps_print_quoted_if_needed(ps_str text, ps_text *out)
{
    bool quote = text.n == 0 || text.at[0] == ' ' || text.at[text.n - 1] == ' ' ||
                 ps_str_equal_nocase(text, PS_STR("null"));

    for (size_t i = 0; i < text.n && !quote; i++)
        quote = text.at[i] && strchr("\"'(),:=[\\]{}", text.at[i]);
    if (!quote) {
        ps_text_str(out, text);
        return;
    }
    ps_text_char(out, '\'');
    for (size_t i = 0; i < text.n; i++) {
        if (text.at[i] == '\'' || text.at[i] == '\\') ps_text_char(out, '\\');
        ps_text_char(out, text.at[i]);
    }
    ps_text_char(out, '\'');
}
