/* col/slots.c -- integer slots from one layout to another, and filling them.
 *
 * Null slots hold anything: a narrowing conversion of one is well defined (it wraps). */
#include "col/slots.h"

#define SLOT_LIST(X)                                                                               \
    X(I8, int8_t)                                                                                  \
    X(I16, int16_t)                                                                                \
    X(I32, int32_t)                                                                                \
    X(I64, int64_t)                                                                                \
    X(I128, ps_i128)                                                                               \
    X(U8, uint8_t)                                                                                 \
    X(U16, uint16_t)                                                                               \
    X(U32, uint32_t)                                                                               \
    X(U64, uint64_t)

#define SLOT_T    int8_t
#define SLOT_NAME from_i8
#include "col/slots.tmpl.h"
#define SLOT_T    int16_t
#define SLOT_NAME from_i16
#include "col/slots.tmpl.h"
#define SLOT_T    int32_t
#define SLOT_NAME from_i32
#include "col/slots.tmpl.h"
#define SLOT_T    int64_t
#define SLOT_NAME from_i64
#include "col/slots.tmpl.h"
#define SLOT_T    ps_i128
#define SLOT_NAME from_i128
#include "col/slots.tmpl.h"
#define SLOT_T    uint8_t
#define SLOT_NAME from_u8
#include "col/slots.tmpl.h"
#define SLOT_T    uint16_t
#define SLOT_NAME from_u16
#include "col/slots.tmpl.h"
#define SLOT_T    uint32_t
#define SLOT_NAME from_u32
#include "col/slots.tmpl.h"
#define SLOT_T    uint64_t
#define SLOT_NAME from_u64
#include "col/slots.tmpl.h"

void ps_slots_convert(ps_layout from, const void *src, ps_layout to, void *dst, size_t n)
{
    if (from == to) {
        if (n) memcpy(dst, src, n * ps_layout_bytes(to));
        return;
    }
    switch (from) {
    case PS_LAYOUT_I8: from_i8(src, to, dst, n); break;
    case PS_LAYOUT_I16: from_i16(src, to, dst, n); break;
    case PS_LAYOUT_I32: from_i32(src, to, dst, n); break;
    case PS_LAYOUT_I64: from_i64(src, to, dst, n); break;
    case PS_LAYOUT_I128: from_i128(src, to, dst, n); break;
    case PS_LAYOUT_U8: from_u8(src, to, dst, n); break;
    case PS_LAYOUT_U16: from_u16(src, to, dst, n); break;
    case PS_LAYOUT_U32: from_u32(src, to, dst, n); break;
    case PS_LAYOUT_U64: from_u64(src, to, dst, n); break;
    default: PS_ASSERT(ps_layout_is_int(from));
    }
}

ps_i128 ps_slot_get(ps_layout layout, const void *data, size_t i)
{
    switch (layout) {
    case PS_LAYOUT_BOOL: return ((const uint8_t *)data)[i] != 0;
#define X(LAYOUT, T)                                                                               \
    case PS_LAYOUT_##LAYOUT: return (ps_i128)((const T *)data)[i];
        SLOT_LIST(X)
#undef X
    default: PS_ASSERT(ps_layout_is_int(layout)); return 0;
    }
}

void ps_slot_put(ps_layout layout, void *data, size_t i, ps_i128 value)
{
    switch (layout) {
    case PS_LAYOUT_BOOL: ((uint8_t *)data)[i] = value != 0; break;
#define X(LAYOUT, T)                                                                               \
    case PS_LAYOUT_##LAYOUT: ((T *)data)[i] = (T)value; break;
        SLOT_LIST(X)
#undef X
    default: PS_ASSERT(ps_layout_is_int(layout));
    }
}

/* One loop a slot width: layouts of one width copy alike. */
typedef struct slot16 {
    uint64_t low, high;
} slot16;
#define WIDTH_LIST(X)                                                                              \
    X(1, uint8_t)                                                                                  \
    X(2, uint16_t)                                                                                 \
    X(4, uint32_t)                                                                                 \
    X(8, uint64_t)                                                                                 \
    X(16, slot16)

void ps_slots_take(size_t width, const void *src, const uint32_t *idx, size_t n, void *dst)
{
    switch (width) {
#define X(W, T)                                                                                    \
    case W: {                                                                                      \
        const T *restrict in = src;                                                                \
        T *restrict out = dst;                                                                     \
        for (size_t i = 0; i < n; i++) out[i] = in[idx[i]];                                        \
        break;                                                                                     \
    }
        WIDTH_LIST(X)
#undef X
    default: PS_ASSERT(width == 0);
    }
}

void ps_slots_take_at(size_t width, const void *src, const uint32_t *idx, const uint32_t *sel,
                      size_t n, void *dst)
{
    switch (width) {
#define X(W, T)                                                                                    \
    case W: {                                                                                      \
        const T *restrict in = src;                                                                \
        T *restrict out = dst;                                                                     \
        for (size_t k = 0; k < n; k++) out[sel[k]] = in[idx[sel[k]]];                              \
        break;                                                                                     \
    }
        WIDTH_LIST(X)
#undef X
    default: PS_ASSERT(width == 0);
    }
}

void ps_slots_fill(size_t width, const void *slot, size_t n, void *dst)
{
    switch (width) {
#define X(W, T)                                                                                    \
    case W: {                                                                                      \
        T value, *restrict out = dst;                                                              \
        memcpy(&value, slot, sizeof value);                                                        \
        for (size_t i = 0; i < n; i++) out[i] = value;                                             \
        break;                                                                                     \
    }
        WIDTH_LIST(X)
#undef X
    default: PS_ASSERT(width == 0);
    }
}

void ps_slots_sequence(ps_layout layout, int64_t start, int64_t step, const uint32_t *idx, size_t n,
                       void *dst)
{
    switch (layout) {
#define X(LAYOUT, T)                                                                               \
    case PS_LAYOUT_##LAYOUT: {                                                                     \
        T *restrict out = dst;                                                                     \
        if (idx)                                                                                   \
            for (size_t i = 0; i < n; i++)                                                         \
                out[i] = (T)((uint64_t)start + (uint64_t)step * idx[i]);                           \
        else                                                                                       \
            for (size_t i = 0; i < n; i++) out[i] = (T)((uint64_t)start + (uint64_t)step * i);     \
        break;                                                                                     \
    }
        X(I8, int8_t)
        X(I16, int16_t)
        X(I32, int32_t)
        X(I64, int64_t)
        X(U8, uint8_t)
        X(U16, uint16_t)
        X(U32, uint32_t)
        X(U64, uint64_t)
#undef X
    case PS_LAYOUT_I128: { /* through 64 bits: the sign extends */
        ps_i128 *out = dst;
        for (size_t i = 0; i < n; i++)
            out[i] = (int64_t)((uint64_t)start + (uint64_t)step * (idx ? idx[i] : i));
        break;
    }
    default: PS_ASSERT(ps_layout_is_int(layout));
    }
}

void ps_slots_zero_nulls(ps_layout layout, void *data, const uint64_t *valid, size_t n)
{
    const size_t width = ps_layout_bytes(layout);

    if (!valid || (layout != PS_LAYOUT_VIEW && layout != PS_LAYOUT_LIST)) return;
    for (size_t w = 0; w < PS_BITS_WORDS(n); w++) {
        uint64_t nulls = ~valid[w];
        if (n - w * 64 < 64) nulls &= ((uint64_t)1 << (n % 64)) - 1;
        for (; nulls; nulls &= nulls - 1)
            memset((char *)data + (w * 64 + (size_t)__builtin_ctzll(nulls)) * width, 0, width);
    }
}
