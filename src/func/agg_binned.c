/* func/agg_binned.c -- reproducible sums of doubles (see agg_binned.h).
 *
 * Values at and above 2^992 would make 1.5 * 2^52 units overflow: they are scaled by 2^-128 first,
 * exactly, as everything that counts beside them is far from the subnormals.
 * Tests: tests/unit/test_agg.c */
#include "func/agg_binned.h"

#include <math.h>
#include <string.h>

enum { TOP_MIN = 2, TOP_SCALED = 59, SCALE = 128, BLOCK = 512, LANES = 8 };

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, 8);
    return bits;
}

static double power_of_two(int exponent) /* -1074..1023 */
{
    const uint64_t bits =
        exponent < -1022 ? (uint64_t)1 << (exponent + 1074) : (uint64_t)(exponent + 1023) << 52;
    double x;
    memcpy(&x, &bits, 8);
    return x;
}

/* The lowest top with |x| < 2^31 units, from the bits of |x| (finite). */
static int top_for(uint64_t magnitude)
{
    const int top = (int)(((magnitude >> 52) + 52) >> 5);
    return top < TOP_MIN ? TOP_MIN : top;
}

static int unit_exponent(int bin) { return PS_BINNED_BITS * bin - 1074; }

static void raise_top(ps_binned *sum, int top)
{
    const int shift = top - sum->top;

    if (shift <= 0) return;
    for (int i = PS_BINNED_FOLDS - 1; i >= 0; i--) {
        const bool from = i - shift >= 0 && sum->top != 0;
        sum->lo[i] = from ? sum->lo[i - shift] : 0;
        sum->hi[i] = from ? sum->hi[i - shift] : 0;
    }
    sum->top = (uint8_t)top;
}

static void bin_add(ps_binned *sum, int i, int64_t units)
{
    const int64_t lo = sum->lo[i] + units; /* |lo| < 2^62 before, |units| < 2^62 */

    sum->hi[i] += (int32_t)(lo >> 62);
    sum->lo[i] = lo & (((int64_t)1 << 62) - 1);
}

static void flag(ps_binned *sum, double x)
{
    sum->flags |= x != x ? PS_BINNED_NAN : x > 0 ? PS_BINNED_POS_INF : PS_BINNED_NEG_INF;
}

/* v in units of 2^bits, to nearest, ties to even. */
static ps_i128 rounded(ps_i128 v, int bits)
{
    const ps_i128 down = v >> bits, rest = v - down * ((ps_i128)1 << bits),
                  half = (ps_i128)1 << (bits - 1);

    return down + (rest > half || (rest == half && (down & 1)));
}

/* One value, by integers: the same slices as those of add_many. */
void ps_binned_add(ps_binned *sum, double x)
{
    const uint64_t magnitude = bits_of(x) & INT64_MAX, field = magnitude >> 52;

    if (PS_UNLIKELY(field == 2047)) {
        flag(sum, x);
        return;
    }
    if (magnitude == 0) return;
    const int top = top_for(magnitude);
    if (PS_UNLIKELY(top > sum->top)) raise_top(sum, top);
    const int64_t whole =
        (int64_t)(magnitude & (((uint64_t)1 << 52) - 1)) | (field ? (int64_t)1 << 52 : 0);
    /* x = whole * 2^shift units of the lowest bin; |x| < 2^95 of them, as the top says */
    const int shift = (int)(field ? field : 1) - 1 - PS_BINNED_BITS * (sum->top - TOP_MIN);
    const int finer = shift < 0 ? 53 : 0; /* bits below the unit that decide how to round */
    if (shift < -53) return;
    ps_i128 rest = (ps_i128)(x < 0 ? -whole : whole) * ((ps_i128)1 << (shift + finer));
    const ps_i128 high = shift < 0 ? 0 : rounded(rest, 2 * PS_BINNED_BITS);
    rest -= high * ((ps_i128)1 << 2 * PS_BINNED_BITS);
    const ps_i128 middle = rounded(rest, PS_BINNED_BITS + finer);
    rest -= middle * ((ps_i128)1 << (PS_BINNED_BITS + finer));
    bin_add(sum, 0, (int64_t)high);
    bin_add(sum, 1, (int64_t)middle);
    bin_add(sum, 2, (int64_t)(finer ? rounded(rest, finer) : rest));
}

/* Largest bits of |x|; infinities and NaN are left out and counted. */
static uint64_t magnitude_max(ps_binned *sum, const double *x, uint32_t n, uint32_t *n_special)
{
    const uint64_t infinity = (uint64_t)2047 << 52;
    uint64_t all = 0, most = 0;

    for (uint32_t k = 0; k < n; k++) {
        const uint64_t m = bits_of(x[k]) & INT64_MAX;
        all = m > all ? m : all;
    }
    *n_special = 0;
    if (all < infinity) return all;
    for (uint32_t k = 0; k < n; k++) {
        const uint64_t m = bits_of(x[k]) & INT64_MAX;
        if (m >= infinity) flag(sum, x[k]), ++*n_special;
        else most = m > most ? m : most;
    }
    return most;
}

/* Slices of one block, counted in units of each bin. */
static void slice(const double *restrict x, uint32_t n, double scale,
                  const double magic[PS_BINNED_FOLDS], const double per_unit[PS_BINNED_FOLDS],
                  int64_t units[PS_BINNED_FOLDS])
{
    double a[LANES] = {0}, b[LANES] = {0}, c[LANES] = {0};
    uint32_t k = 0;

    for (; k + LANES <= n; k += LANES)
        for (uint32_t l = 0; l < LANES; l++) {
            double r = x[k + l] * scale, q;
            q = (r + magic[0]) - magic[0], a[l] += q, r -= q;
            q = (r + magic[1]) - magic[1], b[l] += q, r -= q;
            q = (r + magic[2]) - magic[2], c[l] += q;
        }
    for (; k < n; k++) {
        double r = x[k] * scale, q;
        q = (r + magic[0]) - magic[0], a[0] += q, r -= q;
        q = (r + magic[1]) - magic[1], b[0] += q, r -= q;
        q = (r + magic[2]) - magic[2], c[0] += q;
    }
    for (uint32_t l = 0; l < LANES; l++) {
        units[0] += (int64_t)(a[l] * per_unit[0]);
        units[1] += (int64_t)(b[l] * per_unit[1]);
        units[2] += (int64_t)(c[l] * per_unit[2]);
    }
}

void ps_binned_add_many(ps_binned *sum, const double *x, uint32_t n)
{
    double magic[PS_BINNED_FOLDS], per_unit[PS_BINNED_FOLDS], clean[BLOCK];

    for (uint32_t base = 0; base < n; base += BLOCK) {
        const uint32_t m = n - base < BLOCK ? n - base : BLOCK;
        const double *from = x + base;
        int64_t units[PS_BINNED_FOLDS] = {0};
        uint32_t n_special;
        const uint64_t most = magnitude_max(sum, from, m, &n_special);
        if (most == 0) continue;
        if (n_special) {
            for (uint32_t k = 0; k < m; k++) clean[k] = isfinite(from[k]) ? from[k] : 0;
            from = clean;
        }
        raise_top(sum, top_for(most));
        const int shift = sum->top >= TOP_SCALED ? SCALE : 0;
        for (int i = 0; i < PS_BINNED_FOLDS; i++) {
            const int e = unit_exponent(sum->top - i) - shift;
            magic[i] = 1.5 * power_of_two(e + 52);
            /* 2^-e in two steps would be needed below 2^-1022: 2^1074 is no double. */
            per_unit[i] = e < -1000 ? 0 : power_of_two(-e);
        }
        if (per_unit[PS_BINNED_FOLDS - 1] != 0) {
            slice(from, m, shift ? 0x1p-128 : 1.0, magic, per_unit, units);
        } else { /* near the subnormals: the same cut, counted value by value */
            for (uint32_t k = 0; k < m; k++) {
                double r = from[k];
                for (int i = 0; i < PS_BINNED_FOLDS; i++) {
                    const double q = (r + magic[i]) - magic[i];
                    units[i] += (int64_t)ldexp(q, -unit_exponent(sum->top - i));
                    r -= q;
                }
            }
        }
        for (int i = 0; i < PS_BINNED_FOLDS; i++) bin_add(sum, i, units[i]);
    }
}

void ps_binned_merge(ps_binned *to, const ps_binned *from)
{
    ps_binned other = *from;

    to->flags |= other.flags;
    if (other.top == 0) return;
    raise_top(to, other.top);
    raise_top(&other, to->top);
    for (int i = 0; i < PS_BINNED_FOLDS; i++) {
        bin_add(to, i, other.lo[i]);
        to->hi[i] += other.hi[i];
    }
}

/* Whole units of the lowest bin, as high * 2^64 + low 64 bits. */
static ps_i128 normalise(const ps_binned *sum, uint64_t *low)
{
    ps_i128 v[PS_BINNED_FOLDS];

    for (int i = 0; i < PS_BINNED_FOLDS; i++)
        v[i] = ((ps_i128)sum->hi[i] * ((ps_i128)1 << 62)) + sum->lo[i];
    v[1] += v[2] >> 32;
    v[0] += v[1] >> 32;
    *low = (uint64_t)(v[1] & 0xffffffff) << 32 | (uint64_t)(v[2] & 0xffffffff);
    return v[0];
}

double ps_binned_value(const ps_binned *sum)
{
    if (sum->flags & PS_BINNED_NAN || (sum->flags & 3) == 3) return NAN;
    if (sum->flags) return sum->flags & PS_BINNED_POS_INF ? INFINITY : -INFINITY;
    if (sum->top == 0) return 0;
    uint64_t low;
    const ps_i128 high = normalise(sum, &low);
    const int e = unit_exponent(sum->top - 2);
    const ps_i128 limit = (ps_i128)1 << 62;
    if (high < limit && high >= -limit)
        return ldexp((double)((ps_i128)((ps_u128)high << 64 | low)), e);
    /* The lowest 64 bits are far below the rounding: they only say that the value is not exact. */
    return ldexp((double)(ps_i128)((ps_u128)high << 32 | low >> 32 | ((low & 0xffffffff) != 0)),
                 e + 32);
}

__float128 ps_binned_quad(const ps_binned *sum)
{
    uint64_t low;

    if (sum->top == 0) return 0;
    const ps_i128 high = normalise(sum, &low);
    const int e = unit_exponent(sum->top - 2);
    __float128 value = (__float128)high * 0x1p64 + (__float128)low;
    /* Powers beyond double's range, in two exact steps. */
    value *= (__float128)power_of_two(e / 2);
    return value * (__float128)power_of_two(e - e / 2);
}
