/* func/parse.c -- text to numbers, booleans, uuids, blobs, enums.
 *
 * Decimals are collected as digits and a power of ten, so that 1.005 is what it says; doubles go to
 * strtod in the C locale, which glibc rounds correctly. Tests: tests/unit/test_func_cast.c */
#include "func/parse.h"

#include <locale.h>
#include <stdlib.h>

enum { F64_TEXT_MAX = 512 };

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

ps_str ps_parse_trim(ps_str s)
{
    while (s.n && is_blank(s.at[0])) s.at++, s.n--;
    while (s.n && is_blank(s.at[s.n - 1])) s.n--;
    return s;
}

/* A decimal number taken apart: digits (38 kept, `more` says whether a dropped one is nonzero),
 * exponent. */
typedef struct number {
    ps_u128 digits;
    int64_t exponent; /* value = digits * 10^exponent */
    int n_digits;     /* significant ones in digits */
    bool negative;
    bool dropped_half; /* the first dropped digit was 5 or more */
} number;

static void number_digit(number *x, int digit, bool after_point)
{
    if (x->n_digits < 38) {
        x->digits = x->digits * 10 + (unsigned)digit;
        x->n_digits += x->digits != 0;
        x->exponent -= after_point;
        return;
    }
    if (x->n_digits == 38) x->dropped_half = digit >= 5, x->n_digits++;
    x->exponent += !after_point;
}

/* Digits, one underscore between two of them. Gives how many digits there were. */
static size_t number_digits(ps_str s, size_t *at, bool after_point, number *x)
{
    size_t n = 0;

    while (*at < s.n) {
        if (is_digit(s.at[*at])) number_digit(x, s.at[*at] - '0', after_point), n++, ++*at;
        else if (s.at[*at] == '_' && n && *at + 1 < s.n && is_digit(s.at[*at + 1])) ++*at;
        else break;
    }
    return n;
}

static bool number_exponent(ps_str s, size_t *at, number *x)
{
    int64_t e = 0;
    bool negative = false;
    size_t n = 0;

    if (*at >= s.n || (s.at[*at] != 'e' && s.at[*at] != 'E')) return true;
    ++*at;
    if (*at < s.n && (s.at[*at] == '+' || s.at[*at] == '-')) negative = s.at[(*at)++] == '-';
    for (; *at < s.n && is_digit(s.at[*at]); ++*at, n++)
        if (e < 100000) e = e * 10 + (s.at[*at] - '0');
    x->exponent += negative ? -e : e;
    return n > 0;
}

static bool number_parse(ps_str s, number *x)
{
    size_t at = 0, n;

    *x = (number){0};
    s = ps_parse_trim(s);
    if (at < s.n && (s.at[at] == '+' || s.at[at] == '-')) x->negative = s.at[at++] == '-';
    n = number_digits(s, &at, false, x);
    if (at < s.n && s.at[at] == '.') at++, n += number_digits(s, &at, true, x);
    return n > 0 && number_exponent(s, &at, x) && at == s.n;
}

/* x as an integer times 10^-scale, rounded half away from zero; false beyond 38 digits. */
static bool number_scaled(const number *x, int scale, ps_i128 *out)
{
    const int64_t shift = x->exponent + scale;
    ps_u128 value = x->digits;

    if (value == 0 || shift < -39) value = 0;
    else if (shift >= 0) {
        if (shift > 38 || value > (ps_u128)ps_pow10[38] / (ps_u128)ps_pow10[shift]) return false;
        value *= (ps_u128)ps_pow10[shift];
        if (shift == 0) value += x->dropped_half;
    } else if (shift == -39) {
        value = 0; /* at most 38 digits: below a half */
    } else {
        const ps_u128 unit = (ps_u128)ps_pow10[-shift], rest = value % unit;
        value = value / unit + (rest >= unit - rest);
    }
    if (value > ((ps_u128)1 << 127) - 1) return false;
    *out = x->negative ? -(ps_i128)value : (ps_i128)value;
    return true;
}

static bool parse_hex(ps_str s, ps_i128 *out)
{
    ps_u128 value = 0;

    if (s.n < 3 || s.at[0] != '0' || (s.at[1] != 'x' && s.at[1] != 'X') || s.n > 33) return false;
    for (size_t i = 2; i < s.n; i++) {
        const char c = s.at[i];
        const int digit = is_digit(c)            ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) return false;
        value = value << 4 | (unsigned)digit;
    }
    *out = (ps_i128)value;
    return value >> 127 == 0;
}

bool ps_parse_int(ps_str text, ps_i128 lo, ps_i128 hi, ps_i128 *out)
{
    const ps_str s = ps_parse_trim(text);
    number x;

    if (s.n && s.n <= 18) { /* plain digits */
        size_t i = s.at[0] == '-';
        int64_t value = 0;
        for (; i < s.n && is_digit(s.at[i]); i++) value = value * 10 + (s.at[i] - '0');
        if (i == s.n && i > (s.at[0] == '-')) {
            *out = s.at[0] == '-' ? -value : value;
            return *out >= lo && *out <= hi;
        }
    }
    /* 39 digits of a HUGEINT don't fit `number`: its own loop */
    if (s.n >= 39 && s.n <= 41) {
        size_t i = s.at[0] == '-' || s.at[0] == '+';
        ps_u128 value = 0;
        const size_t first = i;
        for (; i < s.n && is_digit(s.at[i]); i++)
            if (__builtin_mul_overflow(value, 10, &value) ||
                __builtin_add_overflow(value, (unsigned)(s.at[i] - '0'), &value))
                return false;
        if (i == s.n && i > first) {
            const bool negative = s.at[0] == '-';
            if (value > ((ps_u128)1 << 127) - !negative) return false;
            *out = negative ? (ps_i128)(0 - value) : (ps_i128)value;
            return *out >= lo && *out <= hi;
        }
    }
    if (!number_parse(s, &x)) return parse_hex(s, out) && *out >= lo && *out <= hi;
    return number_scaled(&x, 0, out) && *out >= lo && *out <= hi;
}

bool ps_parse_decimal(ps_str text, int precision, int scale, ps_i128 *out)
{
    number x;

    if (!number_parse(text, &x) || !number_scaled(&x, scale, out)) return false;
    return *out < ps_pow10[precision] && *out > -ps_pow10[precision];
}

static bool parse_special(ps_str s, double *out)
{
    const bool negative = s.n && s.at[0] == '-';

    if (s.n && (s.at[0] == '-' || s.at[0] == '+')) s.at++, s.n--;
    if (ps_str_equal_nocase(s, PS_STR("inf")) || ps_str_equal_nocase(s, PS_STR("infinity")))
        *out = negative ? -__builtin_inf() : __builtin_inf();
    else if (ps_str_equal_nocase(s, PS_STR("nan"))) *out = __builtin_nan("");
    else return false;
    return true;
}

/* glibc needs a NUL, so a copy; the C locale's object is static there and costs nothing to get. */
static bool strtod_text(ps_str s, double *out)
{
    char copy[F64_TEXT_MAX];
    size_t n = 0;
    char *end;

    for (size_t i = 0; i < s.n; i++) {
        if (s.at[i] == '_') continue;
        if (n + 1 >= sizeof copy) return false;
        copy[n++] = s.at[i];
    }
    copy[n] = 0;
    const locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c_locale == (locale_t)0) return false;
    *out = strtod_l(copy, &end, c_locale);
    freelocale(c_locale);
    return end == copy + n && n > 0;
}

bool ps_parse_f64(ps_str text, double *out)
{
    static const double exact_pow10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                         1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                         1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const ps_str s = ps_parse_trim(text);
    number x;

    if (!number_parse(s, &x)) return parse_special(s, out);
    if (x.digits < ((ps_u128)1 << 53) && x.exponent >= -22 && x.exponent <= 22) {
        const double value = (double)(uint64_t)x.digits; /* both exact: one rounding (Clinger) */
        *out = x.exponent < 0 ? value / exact_pow10[-x.exponent] : value * exact_pow10[x.exponent];
        if (x.negative) *out = -*out;
        return true;
    }
    return strtod_text(s, out);
}

bool ps_parse_bool(ps_str text, bool *out)
{
    static const char *const words[] = {"true", "t", "yes", "y", "1", "false", "f", "no", "n", "0"};
    const ps_str s = ps_parse_trim(text);

    for (size_t i = 0; i < PS_COUNT(words); i++) {
        if (!ps_str_equal_nocase(s, ps_str_of(words[i]))) continue;
        *out = i < 5;
        return true;
    }
    return false;
}

bool ps_parse_uuid(ps_str text, ps_i128 *out)
{
    ps_str s = ps_parse_trim(text);
    ps_u128 value = 0;
    int n = 0;

    if (s.n > 1 && s.at[0] == '{' && s.at[s.n - 1] == '}') s.at++, s.n -= 2;
    for (size_t i = 0; i < s.n; i++) {
        const int digit = ps_hex_digit(s.at[i]);
        if (s.at[i] == '-' && n > 0 && n < 32 && s.at[i - 1] != '-') continue;
        if (digit < 0 || n == 32) return false;
        value = value << 4 | (unsigned)digit;
        n++;
    }
    *out = (ps_i128)(value ^ (ps_u128)1 << 127);
    return n == 32;
}

bool ps_parse_blob(ps_str text, char *out, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < text.n; i++) {
        const char c = text.at[i];
        if ((unsigned char)c >= 0x80) return false;
        if (c != '\\') {
            out[(*n)++] = c;
            continue;
        }
        if (i + 3 >= text.n || text.at[i + 1] != 'x') return false;
        const int high = ps_hex_digit(text.at[i + 2]), low = ps_hex_digit(text.at[i + 3]);
        if (high < 0 || low < 0) return false;
        out[(*n)++] = (char)(high << 4 | low);
        i += 3;
    }
    return true;
}

bool ps_parse_enum(ps_str text, ps_type type, ps_i128 *out)
{
    for (uint32_t i = 0; type.ext && i < type.ext->n_labels; i++) {
        if (!ps_str_equal(text, type.ext->labels[i])) continue;
        *out = i;
        return true;
    }
    return false;
}
