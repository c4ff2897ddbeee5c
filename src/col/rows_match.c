/* col/rows_match.c -- comparing keys: vectors against rows, rows against rows.
 *
 * Vectors against rows goes a column at a time over the pairs that are still equal; rows against
 * rows compares all keys without pointers as one run of bytes (see rows.h why that is right).
 * Tests: tests/unit/test_rows.c */
#include "col/rows_int.h"

enum { AHEAD = 16 }; /* rows lie anywhere: each is asked for so many pairs before */

/* Whether the slot of a row has the value; bytes is known where this is compiled. */
PS_INLINE bool slot_is(const uint8_t *slot, uint32_t bytes, bool view, uint64_t in_lo,
                       uint64_t in_hi)
{
    uint64_t lo = 0, hi = 0;

    memcpy(&lo, slot, PS_MIN(bytes, 8u));
    if (bytes < 8) return lo == (in_lo & ((1ull << bytes * 8) - 1));
    if (bytes == 8) return lo == in_lo;
    memcpy(&hi, slot + 8, 8);
    if (lo == in_lo && hi == in_hi) return true;
    return view && lo == in_lo && (uint32_t)lo > 12 &&
           memcmp((const void *)(uintptr_t)hi, (const void *)(uintptr_t)in_hi, (uint32_t)lo) == 0;
}

/* Without branches on what was found: nobody can tell it before. Gives how many are equal. */
PS_INLINE uint32_t match_slots(const ps_row_col *col, uint32_t bytes, bool view,
                               const ps_row_chunk *in, uint8_t *const *rows, const uint32_t *pairs,
                               uint32_t n, uint32_t *kept, uint32_t *lost)
{
    uint32_t m = 0;

    for (uint32_t i = 0; i < n; i++) {
        const uint32_t pair = pairs[i]; /* kept may be pairs */
        const uint8_t *row = rows[pair];
        const bool null = in->any_null && in->null[i];

        PS_PREFETCH(rows[pairs[i + AHEAD < n ? i + AHEAD : i]] + col->at);
        const unsigned same = slot_is(row + col->at, bytes, view, in->lo[i], in->hi[i]);
        const unsigned equal = same & (unsigned)(ps_row_null(col, row) == null);
        kept[m] = pair;
        lost[i - m] = pair;
        m += equal;
    }
    return m;
}

/* Keeps the pairs whose chunk value equals the row's slot; the rest goes behind other[*n_other]. */
static uint32_t match_chunk(const ps_row_col *col, const ps_row_chunk *in, uint8_t *const *rows,
                            const uint32_t *pairs, uint32_t n, uint32_t *kept, uint32_t *other,
                            uint32_t *n_other)
{
    uint32_t nowhere[PS_ROW_CHUNK], m;
    uint32_t *lost = other ? other + *n_other : nowhere;

    switch (col->slot_bytes) {
    case 0: m = match_slots(col, 0, false, in, rows, pairs, n, kept, lost); break;
    case 1: m = match_slots(col, 1, false, in, rows, pairs, n, kept, lost); break;
    case 2: m = match_slots(col, 2, false, in, rows, pairs, n, kept, lost); break;
    case 4: m = match_slots(col, 4, false, in, rows, pairs, n, kept, lost); break;
    case 8: m = match_slots(col, 8, false, in, rows, pairs, n, kept, lost); break;
    default: {
        const bool view = col->layout == PS_LAYOUT_VIEW;
        m = match_slots(col, 16, view, in, rows, pairs, n, kept, lost);
        break;
    }
    }
    *n_other += n - m;
    return m;
}

static ps_status match_nested(ps_ctx *cx, const ps_row_col *col, const ps_vec *vec,
                              const uint32_t *physical, uint32_t n, ps_text *text,
                              ps_row_chunk *out, ps_arena *arena)
{
    out->any_null = true;
    for (uint32_t i = 0; i < n; i++) {
        out->lo[i] = out->hi[i] = 0;
        out->null[i] = !ps_vec_row_valid(vec, physical[i]);
        if (out->null[i]) continue;
        ps_text_clear(text);
        PS_TRY(ps_nested_write(cx, vec, physical[i], col->key, text));
        PS_TRY(ps_text_status(text));
        char *at = ps_arena_strndup(cx, arena, text->at ? text->at : "", text->n);
        if (!at) return PS_MEMORY;
        const ps_view view = ps_view_of(at, text->n);
        memcpy(&out->lo[i], &view, 8);
        memcpy(&out->hi[i], (const char *)&view + 8, 8);
    }
    return PS_OK;
}

static ps_status match_col(ps_ctx *cx, const ps_row_col *col, const ps_vec *vec,
                           const uint32_t *sel, uint8_t *const *rows, uint32_t *pairs, uint32_t n,
                           uint32_t *other, uint32_t *n_other, uint32_t *n_equal)
{
    ps_row_chunk chunk;
    uint32_t physical[PS_ROW_CHUNK];
    uint32_t kept = 0;
    ps_text text;
    ps_arena arena = {0};
    ps_status st = PS_OK;

    ps_text_init(&text, cx);
    for (uint32_t base = 0; base < n; base += PS_ROW_CHUNK) {
        const uint32_t m = PS_MIN(n - base, (uint32_t)PS_ROW_CHUNK);
        for (uint32_t i = 0; i < m; i++) physical[i] = sel ? sel[pairs[base + i]] : pairs[base + i];
        if (col->nested) {
            ps_arena_reset(&arena);
            PS_GO(match_nested(cx, col, vec, physical, m, &text, &chunk, &arena));
        } else {
            ps_row_chunk_load(col, vec, physical, 0, m, &chunk);
        }
        kept += match_chunk(col, &chunk, rows, pairs + base, m, pairs + kept, other, n_other);
    }
    *n_equal = kept;
done:
    ps_arena_release(&arena);
    ps_text_release(&text);
    return st;
}

ps_status ps_rows_match(ps_ctx *cx, const ps_row_layout *layout, const ps_vec *vecs,
                        const uint32_t *sel, uint8_t *const *rows, uint32_t *pairs, uint32_t n,
                        uint32_t *other, uint32_t *n_equal)
{
    uint32_t n_other = 0;

    for (uint32_t c = 0; c < layout->n_keys && n > 0; c++)
        PS_TRY(match_col(cx, &layout->cols[c], &vecs[c], sel, rows, pairs, n, other, &n_other, &n));
    *n_equal = n;
    return PS_OK;
}

bool ps_row_keys_equal(const ps_row_layout *layout, const uint8_t *a, const uint8_t *b)
{
    if (memcmp(a + layout->fixed_at, b + layout->fixed_at, layout->fixed_bytes) != 0) return false;
    for (uint32_t v = 0; v < layout->n_key_views; v++) {
        ps_view x, y;
        memcpy(&x, a + layout->views[v], 16);
        memcpy(&y, b + layout->views[v], 16);
        if (!ps_view_equal(&x, &y)) return false;
    }
    return true;
}

#define ORDER(x, y) (((x) > (y)) - ((x) < (y)))

static int float_order(double x, double y)
{
    const bool nan_x = x != x, nan_y = y != y;
    if (nan_x || nan_y) return (int)nan_x - (int)nan_y;
    return ORDER(x, y);
}

static double half_value(uint16_t bits)
{
    const int exponent = bits >> 10 & 31;
    const double sign = bits & 0x8000 ? -1.0 : 1.0;
    const double fraction = (double)(bits & 1023);

    if (exponent == 31) return bits & 1023 ? __builtin_nan("") : sign * __builtin_inf();
    if (exponent == 0) return sign * fraction * 0x1p-24;
    return sign * (1024.0 + fraction) * (double)((uint64_t)1 << exponent) * 0x1p-25;
}

static int interval_order(const ps_interval *x, const ps_interval *y)
{
    /* As DuckDB does: a month is 30 days, a day 24 hours. */
    const ps_i128 day = (ps_i128)86400 * 1000000000;
    const ps_i128 a = ((ps_i128)x->months * 30 + x->days) * day + x->ns;
    const ps_i128 b = ((ps_i128)y->months * 30 + y->days) * day + y->ns;
    if (a != b) return ORDER(a, b);
    /* Equal lengths in different units are different keys: some order between them. */
    return x->months != y->months ? ORDER(x->months, y->months) : ORDER(x->days, y->days);
}

/* Order of two slots of n bytes. */
static int slot_order(const ps_row_col *col, const uint8_t *a, const uint8_t *b)
{
    union {
        int8_t i8;
        int16_t i16;
        int32_t i32;
        int64_t i64;
        ps_i128 i128;
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
        float f32;
        double f64;
        ps_view view;
        ps_interval interval;
    } x, y;

    memcpy(&x, a, col->slot_bytes);
    memcpy(&y, b, col->slot_bytes);
    switch ((ps_layout)col->layout) {
    case PS_LAYOUT_BOOL:
    case PS_LAYOUT_U8: return ORDER(x.u8, y.u8);
    case PS_LAYOUT_U16: return ORDER(x.u16, y.u16);
    case PS_LAYOUT_U32: return ORDER(x.u32, y.u32);
    case PS_LAYOUT_U64: return ORDER(x.u64, y.u64);
    case PS_LAYOUT_I8: return ORDER(x.i8, y.i8);
    case PS_LAYOUT_I16: return ORDER(x.i16, y.i16);
    case PS_LAYOUT_I32: return ORDER(x.i32, y.i32);
    case PS_LAYOUT_I64: return ORDER(x.i64, y.i64);
    case PS_LAYOUT_I128: return ORDER(x.i128, y.i128);
    case PS_LAYOUT_F16: return float_order(half_value(x.u16), half_value(y.u16));
    case PS_LAYOUT_F32: return float_order((double)x.f32, (double)y.f32);
    case PS_LAYOUT_F64: return float_order(x.f64, y.f64);
    case PS_LAYOUT_VIEW: return ps_view_compare(&x.view, &y.view);
    case PS_LAYOUT_INTERVAL: return interval_order(&x.interval, &y.interval);
    default: return 0;
    }
}

int ps_row_col_compare(const ps_row_col *col, const uint8_t *a, const uint8_t *b)
{
    const bool null_a = ps_row_null(col, a), null_b = ps_row_null(col, b);

    if (null_a || null_b) return (int)null_a - (int)null_b;
    return slot_order(col, a + col->at, b + col->at);
}

int ps_row_keys_compare(const ps_row_layout *layout, const uint8_t *a, const uint8_t *b)
{
    for (uint32_t c = 0; c < layout->n_keys; c++) {
        const int order = ps_row_col_compare(&layout->cols[c], a, b);
        if (order != 0) return order;
    }
    return 0;
}
