/* col/rows_scatter.c -- vectors into rows and rows into vectors, column at a time.
 *
 * Both ways go through chunks of 512 values in a decoded form, so that encodings times layouts need
 * no loop of their own: load (one loop a layout), then store (one loop a slot width).
 * Tests: tests/unit/test_rows.c */
#include "col/rows_int.h"

/* ---- vector -> chunk ---- */

/* Slot numbers of n rows in the vector's data; nulls get slot 0. False: there is no slot at all. */
static bool chunk_slots(const ps_vec *vec, const uint32_t *sel, uint32_t first, uint32_t n,
                        ps_row_chunk *out, uint32_t *slots)
{
    const ps_reader_view r = ps_vec_read(vec);
    uint8_t any = 0;

    if (vec->layout == PS_LAYOUT_NONE) {
        memset(out->null, 1, n);
        out->any_null = n > 0;
        return false;
    }
    for (uint32_t k = 0; k < n; k++) {
        const uint32_t row = sel ? sel[k] : first + k;
        const uint8_t null = vec->encoding != PS_ENC_SEQUENCE && !ps_reader_valid(&r, row);
        out->null[k] = null;
        any |= null;
        slots[k] = null ? 0 : (uint32_t)ps_reader_at(&r, row);
    }
    out->any_null = any;
    return !(vec->encoding == PS_ENC_DICTIONARY && vec->dict->values.n == 0);
}

/* The same without any null. */
static void chunk_slots_dense(const ps_vec *vec, const uint32_t *sel, uint32_t first, uint32_t n,
                              ps_row_chunk *out, uint32_t *slots)
{
    out->any_null = false;
    if (vec->encoding == PS_ENC_CONSTANT) {
        memset(slots, 0, n * sizeof(*slots));
    } else if (vec->encoding == PS_ENC_DICTIONARY) {
        for (uint32_t k = 0; k < n; k++) slots[k] = vec->codes[sel ? sel[k] : first + k];
    } else {
        for (uint32_t k = 0; k < n; k++) slots[k] = sel ? sel[k] : first + k;
    }
}

static void sign_extend(ps_row_chunk *out, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) out->hi[k] = (uint64_t)((int64_t)out->lo[k] >> 63);
}

static void load_pairs(const void *data, const uint32_t *slots, uint32_t n, ps_row_chunk *out)
{
    for (uint32_t k = 0; k < n; k++) {
        memcpy(&out->lo[k], (const char *)data + (size_t)slots[k] * 16, 8);
        memcpy(&out->hi[k], (const char *)data + (size_t)slots[k] * 16 + 8, 8);
    }
}

static void load_slots(ps_layout layout, const void *data, const uint32_t *slots, uint32_t n,
                       ps_row_chunk *out)
{
    uint64_t *lo = out->lo;

    switch (layout) {
    case PS_LAYOUT_BOOL:
    case PS_LAYOUT_U8:
        for (uint32_t k = 0; k < n; k++) lo[k] = ((const uint8_t *)data)[slots[k]];
        break;
    case PS_LAYOUT_U16:
    case PS_LAYOUT_F16:
        for (uint32_t k = 0; k < n; k++) lo[k] = ((const uint16_t *)data)[slots[k]];
        break;
    case PS_LAYOUT_U32:
    case PS_LAYOUT_F32:
        for (uint32_t k = 0; k < n; k++) lo[k] = ((const uint32_t *)data)[slots[k]];
        break;
    case PS_LAYOUT_I8:
        for (uint32_t k = 0; k < n; k++) lo[k] = (uint64_t)((const int8_t *)data)[slots[k]];
        break;
    case PS_LAYOUT_I16:
        for (uint32_t k = 0; k < n; k++) lo[k] = (uint64_t)((const int16_t *)data)[slots[k]];
        break;
    case PS_LAYOUT_I32:
        for (uint32_t k = 0; k < n; k++) lo[k] = (uint64_t)((const int32_t *)data)[slots[k]];
        break;
    case PS_LAYOUT_I64:
    case PS_LAYOUT_F64:
    case PS_LAYOUT_U64:
        for (uint32_t k = 0; k < n; k++) lo[k] = ((const uint64_t *)data)[slots[k]];
        break;
    default: load_pairs(data, slots, n, out); return;
    }
    if (layout == PS_LAYOUT_U64) memset(out->hi, 0, n * sizeof(*out->hi));
    else sign_extend(out, n);
}

/* One NaN and no -0.0: equal keys must have equal bytes. */
static void canonical_floats(ps_layout layout, ps_row_chunk *out, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        uint64_t v = out->lo[k];
        if (layout == PS_LAYOUT_F64) {
            if ((v << 1) == 0) v = 0;
            else if ((v << 1) > 0xffe0000000000000u) v = 0x7ff8000000000000u;
        } else if (layout == PS_LAYOUT_F32) {
            if ((v & 0x7fffffffu) == 0) v = 0;
            else if ((v & 0x7fffffffu) > 0x7f800000u) v = 0x7fc00000u;
        } else {
            if ((v & 0x7fffu) == 0) v = 0;
            else if ((v & 0x7fffu) > 0x7c00u) v = 0x7e00u;
        }
        out->lo[k] = v;
    }
}

void ps_row_chunk_load(const ps_row_col *col, const ps_vec *vec, const uint32_t *sel,
                       uint32_t first, uint32_t n, ps_row_chunk *out)
{
    uint32_t slots[PS_ROW_CHUNK];
    const bool dictionary = vec->encoding == PS_ENC_DICTIONARY;
    const void *data = dictionary ? vec->dict->values.data : vec->data;
    const ps_layout layout = (ps_layout)(dictionary ? vec->dict->values.layout : vec->layout);

    PS_ASSERT(n <= PS_ROW_CHUNK);
    if (vec->valid || (dictionary && vec->dict->values.valid) || layout == PS_LAYOUT_NONE) {
        if (!chunk_slots(vec, sel, first, n, out, slots)) {
            memset(out->lo, 0, n * sizeof(*out->lo));
            memset(out->hi, 0, n * sizeof(*out->hi));
            return;
        }
    } else {
        chunk_slots_dense(vec, sel, first, n, out, slots);
    }
    if (vec->encoding == PS_ENC_SEQUENCE) {
        for (uint32_t k = 0; k < n; k++)
            out->lo[k] = (uint64_t)(vec->start + (int64_t)slots[k] * vec->step);
        sign_extend(out, n);
    } else {
        load_slots(layout, data, slots, n, out);
    }
    if (col->key && layout >= PS_LAYOUT_F16 && layout <= PS_LAYOUT_F64)
        canonical_floats(layout, out, n);
    if (!out->any_null) return;
    for (uint32_t k = 0; k < n; k++)
        if (out->null[k]) out->lo[k] = out->hi[k] = 0;
}

/* ---- chunk -> rows ---- */

static void store_slots(const ps_row_col *col, const ps_row_chunk *in, uint32_t n,
                        uint8_t *const *dst)
{
    const size_t at = col->at;

    switch (col->slot_bytes) {
    case 1:
        for (uint32_t k = 0; k < n; k++) dst[k][at] = (uint8_t)in->lo[k];
        break;
    case 2:
        for (uint32_t k = 0; k < n; k++) memcpy(dst[k] + at, &in->lo[k], 2);
        break;
    case 4:
        for (uint32_t k = 0; k < n; k++) memcpy(dst[k] + at, &in->lo[k], 4);
        break;
    case 8:
        for (uint32_t k = 0; k < n; k++) memcpy(dst[k] + at, &in->lo[k], 8);
        break;
    case 16:
        for (uint32_t k = 0; k < n; k++) {
            memcpy(dst[k] + at, &in->lo[k], 8);
            memcpy(dst[k] + at + 8, &in->hi[k], 8);
        }
        break;
    default: break;
    }
    if (!in->any_null) return;
    for (uint32_t k = 0; k < n; k++)
        if (in->null[k]) dst[k][col->null_at] |= col->null_mask;
}

/* Copies the bytes of long strings in a chunk of views into the heap; equal ones that follow each
 * other, as keys do, once. */
static ps_status keep_strings(ps_ctx *cx, ps_rows *rows, ps_row_chunk *chunk, uint32_t n)
{
    const char *last = NULL;
    uint64_t last_lo = 0; /* length and prefix */

    for (uint32_t k = 0; k < n; k++) {
        const uint32_t length = (uint32_t)chunk->lo[k];
        const char *from = (const char *)(uintptr_t)chunk->hi[k];
        if (length <= 12) continue;
        if (chunk->lo[k] != last_lo || memcmp(from, last, length) != 0) {
            char *at = ps_rows_heap(cx, rows, length);
            if (!at) return PS_MEMORY;
            memcpy(at, from, length);
            last = at;
            last_lo = chunk->lo[k];
        }
        chunk->hi[k] = (uint64_t)(uintptr_t)last;
    }
    return PS_OK;
}

static ps_status load_nested(ps_ctx *cx, ps_rows *rows, const ps_row_col *col, const ps_vec *vec,
                             const uint32_t *sel, uint32_t first, uint32_t n, ps_text *text,
                             ps_row_chunk *out)
{
    out->any_null = false;
    for (uint32_t k = 0; k < n; k++) {
        const uint32_t row = sel ? sel[k] : first + k;
        out->lo[k] = out->hi[k] = 0;
        out->null[k] = !ps_vec_row_valid(vec, row);
        out->any_null |= out->null[k];
        if (out->null[k]) continue;
        ps_text_clear(text);
        PS_TRY(ps_nested_write(cx, vec, row, col->key, text));
        PS_TRY(ps_text_status(text));
        char *at = text->n > 12 ? ps_rows_heap(cx, rows, text->n) : text->at;
        if (text->n && !at) return PS_MEMORY;
        if (text->n > 12) memcpy(at, text->at, text->n);
        const ps_view view = ps_view_of(at, text->n);
        memcpy(&out->lo[k], &view, 8);
        memcpy(&out->hi[k], (const char *)&view + 8, 8);
    }
    return PS_OK;
}

static ps_status scatter_col(ps_ctx *cx, ps_rows *rows, const ps_row_col *col, const ps_vec *vec,
                             const uint32_t *sel, uint32_t n, uint8_t *const *dst)
{
    ps_row_chunk chunk;
    ps_text text;
    ps_status st = PS_OK;

    ps_text_init(&text, cx);
    for (uint32_t base = 0; base < n && st == PS_OK; base += PS_ROW_CHUNK) {
        const uint32_t m = PS_MIN(n - base, (uint32_t)PS_ROW_CHUNK);
        const uint32_t *part = sel ? sel + base : NULL;
        if (col->nested) {
            st = load_nested(cx, rows, col, vec, part, base, m, &text, &chunk);
        } else {
            ps_row_chunk_load(col, vec, part, base, m, &chunk);
            if (col->layout == PS_LAYOUT_VIEW) st = keep_strings(cx, rows, &chunk, m);
        }
        if (st == PS_OK) store_slots(col, &chunk, m, dst + base);
    }
    ps_text_release(&text);
    return st;
}

ps_status ps_rows_scatter(ps_ctx *cx, ps_rows *rows, uint32_t first_col, const ps_vec *vecs,
                          uint32_t n_vecs, const uint32_t *sel, uint32_t n, uint8_t *const *dst)
{
    PS_ASSERT(first_col + n_vecs <= rows->layout->n_cols);
    for (uint32_t c = 0; c < n_vecs; c++)
        PS_TRY(scatter_col(cx, rows, &rows->layout->cols[first_col + c], &vecs[c], sel, n, dst));
    return PS_OK;
}

ps_status ps_rows_append(ps_ctx *cx, ps_rows *rows, const ps_vec *vecs, const uint64_t *hashes,
                         const uint32_t *sel, uint32_t n, uint8_t **out)
{
    uint8_t *own[PS_ROW_CHUNK];
    uint32_t shifted[PS_ROW_CHUNK];

    PS_ASSERT(!rows->layout->hashed || hashes || n == 0);
    for (uint32_t base = 0; base < n; base += PS_ROW_CHUNK) {
        const uint32_t m = PS_MIN(n - base, (uint32_t)PS_ROW_CHUNK);
        uint8_t **dst = out ? out + base : own;
        const uint32_t *part = sel ? sel + base : base ? shifted : NULL;
        if (!sel)
            for (uint32_t k = 0; k < m; k++) shifted[k] = base + k;
        PS_TRY(ps_rows_alloc(cx, rows, m, dst));
        if (rows->layout->hashed)
            for (uint32_t k = 0; k < m; k++) memcpy(dst[k], &hashes[base + k], 8);
        const ps_status st = ps_rows_scatter(cx, rows, 0, vecs, rows->layout->n_cols, part, m, dst);
        if (st != PS_OK) {
            ps_rows_unalloc(rows, m);
            return st;
        }
    }
    return PS_OK;
}

/* ---- rows -> vector ---- */

static void gather_slots(const ps_row_col *col, uint8_t *const *src, uint32_t n, void *data)
{
    enum { AHEAD = 16 };
    const size_t at = col->at;

    switch (col->slot_bytes) {
    case 1:
        for (uint32_t k = 0; k < n; k++) ((uint8_t *)data)[k] = src[k][at];
        break;
    case 2:
        for (uint32_t k = 0; k < n; k++) memcpy((uint16_t *)data + k, src[k] + at, 2);
        break;
    case 4:
        for (uint32_t k = 0; k < n; k++) memcpy((uint32_t *)data + k, src[k] + at, 4);
        break;
    case 8:
        for (uint32_t k = 0; k < n; k++) {
            if (k + AHEAD < n) PS_PREFETCH(src[k + AHEAD] + at);
            memcpy((uint64_t *)data + k, src[k] + at, 8);
        }
        break;
    case 16:
        for (uint32_t k = 0; k < n; k++) {
            if (k + AHEAD < n) PS_PREFETCH(src[k + AHEAD] + at);
            memcpy((char *)data + (size_t)k * 16, src[k] + at, 16);
        }
        break;
    default: break;
    }
}

ps_status ps_rows_gather(ps_ctx *cx, const ps_row_layout *layout, uint32_t c, uint8_t *const *src,
                         uint32_t n, ps_vec_buf *buf, ps_vec *out)
{
    const ps_row_col *col = &layout->cols[c];
    bool nulls = false;

    PS_ASSERT(n <= buf->n_max && c < layout->n_cols);
    for (uint32_t k = 0; k < n; k++) nulls |= (src[k][col->null_at] & col->null_mask) != 0;
    if (nulls) {
        ps_bits_fill(buf->valid, n, true);
        for (uint32_t k = 0; k < n; k++)
            if (ps_row_null(col, src[k])) ps_bit_clear(buf->valid, k);
    }
    gather_slots(col, src, n, buf->data);
    if (!col->nested) {
        ps_vec_flat(out, col->type, (ps_layout)col->layout, buf->data, nulls ? buf->valid : NULL,
                    n);
        return PS_OK;
    }
    /* The views are read from a copy, because the vector takes buf's memory for its own slots. */
    ps_view *views = ps_alloc(cx, (size_t)n * sizeof(*views));
    if (!views) return PS_MEMORY;
    memcpy(views, buf->data, (size_t)n * sizeof(*views));
    const ps_status st =
        ps_nested_read(cx, col->type, views, nulls ? buf->valid : NULL, n, buf, out);
    ps_free(views);
    return st;
}
