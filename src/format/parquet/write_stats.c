/* format/parquet/write_stats.c -- bounds of a chunk in the order that the format defines.
 *
 * Floats with a NaN have none: readers can't know that one is there. Zeros are widened to
 * -0.0 .. +0.0. Bounds longer than PS_PQ_STAT_BYTES are left out: they would have to be cut. */
#include "format/parquet/write.h"

#include <math.h>

#define BOUNDS_OF(NAME, T)                                                                         \
    static bool NAME(const char *at, size_t n, ps_pq_bounds_at *out)                               \
    {                                                                                              \
        T lo, hi, v;                                                                               \
        memcpy(&lo, at, sizeof lo);                                                                \
        hi = lo;                                                                                   \
        for (size_t i = 1; i < n; i++) {                                                           \
            memcpy(&v, at + i * sizeof v, sizeof v);                                               \
            lo = v < lo ? v : lo, hi = v > hi ? v : hi;                                            \
        }                                                                                          \
        memcpy(out->room[0], &lo, sizeof lo), memcpy(out->room[1], &hi, sizeof hi);                \
        return true;                                                                               \
    }
BOUNDS_OF(bounds_i32, int32_t)
BOUNDS_OF(bounds_i64, int64_t)
BOUNDS_OF(bounds_u32, uint32_t)
BOUNDS_OF(bounds_u64, uint64_t)
BOUNDS_OF(bounds_bool, uint8_t)

static double float_at(const char *at, uint32_t width)
{
    uint16_t half;
    float single;
    double f64;

    if (width == 2) return memcpy(&half, at, 2), (double)ps_f16_to(half);
    if (width == 4) return memcpy(&single, at, 4), (double)single;
    return memcpy(&f64, at, 8), f64;
}

static void float_put(double v, uint32_t width, uint8_t *out)
{
    const float single = (float)v;
    const uint16_t half = ps_f16_of(single);

    memcpy(out, width == 2 ? (const void *)&half : width == 4 ? (const void *)&single : &v, width);
}

static bool bounds_float(const char *at, size_t n, uint32_t width, ps_pq_bounds_at *out)
{
    double lo = INFINITY, hi = -INFINITY;

    for (size_t i = 0; i < n; i++) {
        const double v = float_at(at + i * width, width);
        if (isnan(v)) return false;
        lo = v < lo ? v : lo, hi = v > hi ? v : hi;
    }
    if (lo == 0) lo = -0.0;
    if (hi == 0) hi = 0.0;
    float_put(lo, width, out->room[0]), float_put(hi, width, out->room[1]);
    return true;
}

static int bytes_compare(ps_str a, ps_str b, bool is_signed)
{
    if (is_signed && a.n && b.n) {
        const int high = (signed char)a.at[0] - (signed char)b.at[0];
        if (high) return high;
    }
    return ps_str_compare(a, b);
}

static bool bounds_bytes(const ps_pq_write_leaf *leaf, ps_pq_bounds_at *out)
{
    const char *at = leaf->values.at, *const end = at + leaf->values.n;
    bool first = true;

    while (at < end) {
        ps_str v = {at, leaf->width};
        if (leaf->store == PS_PQ_STORE_TEXT || leaf->store == PS_PQ_STORE_ENUM) {
            uint32_t n;
            memcpy(&n, at, 4);
            v = (ps_str){at + 4, n};
        }
        at = v.at + v.n;
        if (first || bytes_compare(v, out->min, leaf->order == PS_PQ_ORDER_SIGNED) < 0)
            out->min = v;
        if (first || bytes_compare(v, out->max, leaf->order == PS_PQ_ORDER_SIGNED) > 0)
            out->max = v;
        first = false;
    }
    return out->min.n <= PS_PQ_STAT_BYTES && out->max.n <= PS_PQ_STAT_BYTES;
}

bool ps_pq_write_bounds(const ps_pq_write_leaf *leaf, ps_pq_bounds_at *out)
{
    const char *const at = leaf->values.at;
    const size_t n = (size_t)leaf->n_values;

    if (!n) return false;
    out->min = (ps_str){(const char *)out->room[0], leaf->width};
    out->max = (ps_str){(const char *)out->room[1], leaf->width};
    switch ((ps_pq_order)leaf->order) {
    case PS_PQ_ORDER_I32: return bounds_i32(at, n, out);
    case PS_PQ_ORDER_I64: return bounds_i64(at, n, out);
    case PS_PQ_ORDER_U32: return bounds_u32(at, n, out);
    case PS_PQ_ORDER_U64: return bounds_u64(at, n, out);
    case PS_PQ_ORDER_F16:
    case PS_PQ_ORDER_F32:
    case PS_PQ_ORDER_F64: return bounds_float(at, n, leaf->width, out);
    case PS_PQ_ORDER_BOOL: return bounds_bool(at, n, out);
    case PS_PQ_ORDER_BYTES:
    case PS_PQ_ORDER_SIGNED: return bounds_bytes(leaf, out);
    case PS_PQ_ORDER_NONE: break;
    }
    return false;
}
