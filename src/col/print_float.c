/* col/print_float.c -- the shortest decimal that reads back as the same float.
 *
 * Schubfach (Giulietti 2020, as given by Junekey Jeon and Alexander Bolz): the candidates of one
 * power of ten inside the rounding interval are found with one 64 x 128 bit product per bound;
 * of the shortest, the closest to the value. No locale, no library call, the same on every CPU.
 * Form (that of DuckDB and Python): plain for 1e-4 <= |x| < 1e16, else d.ddde+XX; always with a
 * point or an exponent. Tests: tests/unit/test_col_print.c, tests/py/test_arrow.py */
#include "col/print.h"

#include "col/pow10_table.h"
#include "col/value.h"

enum { PLAIN_EXPONENT_LEAST = -4, PLAIN_EXPONENT_MOST = 15 };

/* A binary float in parts: significand * 2^exponent. */
typedef struct binary {
    uint64_t significand;
    int exponent;
    bool lower_is_closer; /* the float below is half as far as the one above */
} binary;
typedef struct decimal {
    uint64_t digits;
    int exponent;
} decimal; /* digits * 10^exponent */

/* floor of g * cp / 2^128, with the lowest bit set if anything was cut off. */
static uint64_t round_to_odd(uint64_t high, uint64_t low, uint64_t cp)
{
    const ps_u128 x = (ps_u128)low * cp;
    const ps_u128 y = (ps_u128)high * cp + (uint64_t)(x >> 64);

    return (uint64_t)(y >> 64) | ((uint64_t)y > 1);
}

static int floor_log2_pow10(int k) { return (k * 1741647) >> 19; }

static decimal shortest(binary b)
{
    const bool even = b.significand % 2 == 0;
    /* bounds of the rounding interval and the value, times four to make them integers */
    const uint64_t below = 4 * b.significand - 2 + b.lower_is_closer, at = 4 * b.significand;
    const int k = (b.exponent * 1262611 - (b.lower_is_closer ? 524031 : 0)) >> 22;
    const int h = b.exponent + floor_log2_pow10(-k) + 1;
    const uint64_t high = pow10_table[-k - POW10_LEAST].high,
                   low = pow10_table[-k - POW10_LEAST].low;

    PS_ASSERT(-k >= POW10_LEAST && -k <= POW10_MOST && h >= 0 && h < 8);
    const uint64_t value = round_to_odd(high, low, at << h);
    const uint64_t lower = round_to_odd(high, low, below << h) + !even;
    const uint64_t upper = round_to_odd(high, low, (at + 2) << h) - !even;
    const uint64_t s = value / 4;
    if (s >= 10) { /* one digit less */
        const uint64_t t = s / 10;
        const bool down = lower <= 40 * t, up = 40 * t + 40 <= upper;
        if (down != up) return (decimal){t + up, k + 1};
    }
    const bool down = lower <= 4 * s, up = 4 * s + 4 <= upper;
    if (down != up) return (decimal){s + up, k};
    const uint64_t middle = 4 * s + 2;
    return (decimal){s + (value > middle || (value == middle && s % 2)), k};
}

/* Splits bits of a float with the given width of fraction and exponent bias. */
static binary split(uint64_t fraction, unsigned exponent, unsigned fraction_bits, int bias)
{
    if (exponent == 0) return (binary){fraction, 1 - bias - (int)fraction_bits, false};
    return (binary){fraction | (uint64_t)1 << fraction_bits,
                    (int)exponent - bias - (int)fraction_bits, fraction == 0 && exponent > 1};
}

/* Digits of a decimal without zeros at the end, first to last; gives their number. */
static int digits_of(decimal *d, char out[20])
{
    char last_first[20];
    int n = 0;

    while (d->digits % 10 == 0) d->digits /= 10, d->exponent++;
    for (; d->digits; d->digits /= 10) last_first[n++] = (char)('0' + d->digits % 10);
    for (int i = 0; i < n; i++) out[i] = last_first[n - 1 - i];
    return n;
}

static void print_scientific(const char *digits, int n, int exponent, ps_text *out)
{
    ps_text_char(out, digits[0]);
    if (n > 1) ps_text_char(out, '.');
    ps_text_add(out, digits + 1, (size_t)n - 1);
    ps_text_printf(out, "e%c%02d", exponent < 0 ? '-' : '+', exponent < 0 ? -exponent : exponent);
}

static void print_decimal(decimal d, ps_text *out)
{
    char digits[20], text[48];
    const int n = digits_of(&d, digits);
    const int exponent = d.exponent + n - 1; /* of the first digit */
    int at = 0;

    if (exponent < PLAIN_EXPONENT_LEAST || exponent > PLAIN_EXPONENT_MOST) {
        print_scientific(digits, n, exponent, out);
        return;
    }
    for (int i = PS_MIN(exponent, 0); i < PS_MAX(n, exponent + 2); i++) {
        text[at++] = i >= 0 && i < n ? digits[i] : '0';
        if (i == exponent) text[at++] = '.';
    }
    ps_text_add(out, text, (size_t)at);
}

static void print_parts(bool negative, uint64_t fraction, unsigned exponent, unsigned exponent_bits,
                        unsigned fraction_bits, ps_text *out)
{
    const unsigned special = (1u << exponent_bits) - 1;

    if (exponent == special && fraction) {
        ps_text_puts(out, "nan");
        return;
    }
    if (negative) ps_text_char(out, '-');
    if (exponent == special) ps_text_puts(out, "inf");
    else if (exponent == 0 && fraction == 0) ps_text_puts(out, "0.0");
    else
        print_decimal(shortest(split(fraction, exponent, fraction_bits, (int)(special >> 1))), out);
}

void ps_print_f64(double value, ps_text *out)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    print_parts(bits >> 63, bits & 0xFFFFFFFFFFFFFu, (unsigned)(bits >> 52) & 0x7FF, 11, 52, out);
}

void ps_print_f32(float value, ps_text *out)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    print_parts(bits >> 31, bits & 0x7FFFFF, (bits >> 23) & 0xFF, 8, 23, out);
}

void ps_print_f16(uint16_t bits, ps_text *out)
{
    print_parts(bits >> 15, bits & 0x3FF, (bits >> 10) & 0x1F, 5, 10, out);
}
