/* col/vec_bounds.c -- bounds of integer vectors: from type and layout, or measured.
 *
 * Unchecked loops rest on bounds, so they come from decoded values only. U64 and I128 slots
 * can hold what int64 bounds can't say: such a vector is simply not bounded.
 * Tests: tests/unit/test_col_vec.c */
#include "col/vec_bounds.h"

#define BOUNDS_T     int8_t
#define BOUNDS_NAME  bounds_i8
#define BOUNDS_LEAST INT8_MIN
#define BOUNDS_MOST  INT8_MAX
#include "col/bounds.tmpl.h"
#define BOUNDS_T     int16_t
#define BOUNDS_NAME  bounds_i16
#define BOUNDS_LEAST INT16_MIN
#define BOUNDS_MOST  INT16_MAX
#include "col/bounds.tmpl.h"
#define BOUNDS_T     int32_t
#define BOUNDS_NAME  bounds_i32
#define BOUNDS_LEAST INT32_MIN
#define BOUNDS_MOST  INT32_MAX
#include "col/bounds.tmpl.h"
#define BOUNDS_T     int64_t
#define BOUNDS_NAME  bounds_i64
#define BOUNDS_LEAST INT64_MIN
#define BOUNDS_MOST  INT64_MAX
#include "col/bounds.tmpl.h"
#define BOUNDS_T     ps_i128
#define BOUNDS_NAME  bounds_i128
#define BOUNDS_LEAST ((ps_i128)((ps_u128)1 << 127))
#define BOUNDS_MOST  ((ps_i128)(((ps_u128)1 << 127) - 1))
#include "col/bounds.tmpl.h"
#define BOUNDS_T     uint8_t
#define BOUNDS_NAME  bounds_u8
#define BOUNDS_LEAST 0
#define BOUNDS_MOST  UINT8_MAX
#include "col/bounds.tmpl.h"
#define BOUNDS_T     uint16_t
#define BOUNDS_NAME  bounds_u16
#define BOUNDS_LEAST 0
#define BOUNDS_MOST  UINT16_MAX
#include "col/bounds.tmpl.h"
#define BOUNDS_T     uint32_t
#define BOUNDS_NAME  bounds_u32
#define BOUNDS_LEAST 0
#define BOUNDS_MOST  UINT32_MAX
#include "col/bounds.tmpl.h"
#define BOUNDS_T     uint64_t
#define BOUNDS_NAME  bounds_u64
#define BOUNDS_LEAST 0
#define BOUNDS_MOST  UINT64_MAX
#include "col/bounds.tmpl.h"

static bool fits_i64(ps_i128 value) { return value >= INT64_MIN && value <= INT64_MAX; }

void ps_vec_bounds_reset(ps_vec *vec)
{
    ps_i128 lo, hi, type_lo, type_hi;

    vec->bounded = false;
    vec->lo = vec->hi = 0;
    if (!ps_layout_range((ps_layout)vec->layout, &lo, &hi)) return;
    const bool wide = !fits_i64(lo) || !fits_i64(hi);
    if (ps_type_range(vec->type, &type_lo, &type_hi)) {
        lo = PS_MAX(lo, type_lo);
        hi = PS_MIN(hi, type_hi);
    }
    if (!fits_i64(lo) || !fits_i64(hi)) return;
    vec->lo = (int64_t)lo;
    vec->hi = (int64_t)hi;
    vec->bounded = wide; /* for wide slots lo and hi count only if they are marked */
}

bool ps_slots_measure(const ps_vec *vec, const uint32_t *sel, uint32_t n, ps_i128 *lo, ps_i128 *hi)
{
    if (n == 0) return false; /* and there may be no memory */
    switch (vec->layout) {
    case PS_LAYOUT_I8: return bounds_i8(vec, sel, n, lo, hi);
    case PS_LAYOUT_I16: return bounds_i16(vec, sel, n, lo, hi);
    case PS_LAYOUT_I32: return bounds_i32(vec, sel, n, lo, hi);
    case PS_LAYOUT_I64: return bounds_i64(vec, sel, n, lo, hi);
    case PS_LAYOUT_I128: return bounds_i128(vec, sel, n, lo, hi);
    case PS_LAYOUT_BOOL:
    case PS_LAYOUT_U8: return bounds_u8(vec, sel, n, lo, hi);
    case PS_LAYOUT_U16: return bounds_u16(vec, sel, n, lo, hi);
    case PS_LAYOUT_U32: return bounds_u32(vec, sel, n, lo, hi);
    case PS_LAYOUT_U64: return bounds_u64(vec, sel, n, lo, hi);
    default: PS_ASSERT(ps_layout_is_int((ps_layout)vec->layout)); return false;
    }
}

void ps_vec_bounds_measure(ps_vec *vec, const uint32_t *sel, uint32_t n)
{
    ps_i128 lo, hi;

    PS_ASSERT(vec->encoding == PS_ENC_FLAT && ps_layout_is_int((ps_layout)vec->layout));
    if (!ps_slots_measure(vec, sel, n, &lo, &hi)) lo = hi = 0;
    if (!fits_i64(lo) || !fits_i64(hi)) {
        ps_vec_bounds_reset(vec);
        return;
    }
    vec->lo = (int64_t)lo;
    vec->hi = (int64_t)hi;
    vec->bounded = true;
}
