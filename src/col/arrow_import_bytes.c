/* col/arrow_import_bytes.c -- text and binary: offsets, views and fixed widths to 16-byte views.
 *
 * Bytes stay where they are; only views are made. Text is checked to be UTF-8 here, once:
 * everything behind relies on it. Bytes of null rows may be anything. */
#include "col/arrow_import.h"

static ps_status bad_text(const ps_arrow_import *im, uint32_t row)
{
    return ps_fail(im->cx, PS_DATA, "a text in an Arrow array is not UTF-8: row %u", row);
}

static int64_t offset_at(const char *offsets, bool wide, int64_t i)
{
    int64_t wide_offset;
    int32_t offset;

    if (wide) {
        memcpy(&wide_offset, offsets + i * 8, sizeof wide_offset);
        return wide_offset;
    }
    memcpy(&offset, offsets + i * 4, sizeof offset);
    return offset;
}

/* All offsets of the window rise from zero on, and no value is too long for a view. */
static ps_status check_offsets(const ps_arrow_import *im, const ps_arrow_window *w,
                               const char *offsets, bool wide)
{
    int64_t last = 0;

    for (int64_t i = 0; i <= w->n; i++) {
        const int64_t offset = offset_at(offsets, wide, w->first + i);
        if (offset < last || (i > 0 && offset - last > INT32_MAX))
            return ps_fail(im->cx, PS_DATA, "offset %lld of an Arrow array is %lld after %lld",
                           (long long)i, (long long)offset, (long long)last);
        last = offset;
    }
    return PS_OK;
}

/* Text of all rows at once, then that no value begins inside a code point. Falls back to single
 * values if bytes of null rows are in the way. */
static ps_status check_text(const ps_arrow_import *im, const ps_arrow_window *w,
                            const ps_view *views, const char *bytes, size_t n_bytes)
{
    bool whole = ps_utf8_valid(bytes, n_bytes, NULL);

    for (uint32_t i = 0; whole && i < w->n; i++)
        whole = views[i].n == 0 || ((unsigned char)views[i].prefix[0] & 0xC0) != 0x80;
    if (whole) return PS_OK;
    for (uint32_t i = 0; i < w->n; i++)
        if (!ps_utf8_valid(ps_view_bytes(&views[i]), views[i].n, NULL)) return bad_text(im, i);
    return PS_OK;
}

ps_status ps_arrow_import_bytes(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out)
{
    const bool wide = w->form.kind == PS_ARROW_BYTES64;
    ps_view *views = ps_arrow_room(im, w->n, sizeof *views);
    const char *offsets;

    if (!views) return PS_MEMORY;
    PS_TRY(ps_arrow_buffer(im, w, 1, &offsets));
    ps_vec_flat(out, w->type, PS_LAYOUT_VIEW, views, w->valid, w->n);
    if (w->n == 0) return PS_OK;
    PS_TRY(check_offsets(im, w, offsets, wide));
    const char *bytes = w->array->buffers[2];
    const int64_t first = offset_at(offsets, wide, w->first);
    const int64_t last = offset_at(offsets, wide, w->first + w->n);
    if (!bytes && last > first)
        return ps_fail(im->cx, PS_DATA,
                       "an Arrow array of text has no bytes, but offsets up to %lld",
                       (long long)last);
    for (uint32_t i = 0; i < w->n; i++) {
        const int64_t at = offset_at(offsets, wide, w->first + i);
        const int64_t end = offset_at(offsets, wide, w->first + i + 1);
        if (end > at && PS_ARROW_VALID(w, i)) views[i] = ps_view_of(bytes + at, (size_t)(end - at));
    }
    if (w->type.id != PS_TYPE_STRING || last == first) return PS_OK;
    return check_text(im, w, views, bytes + first, (size_t)(last - first));
}

/* Arrow's view: length, then 12 inline bytes, or prefix, buffer number and offset. */
typedef struct arrow_view {
    int32_t n;
    char prefix[4];
    int32_t buffer, offset;
} arrow_view;

static ps_status view_import(const ps_arrow_import *im, const ps_arrow_window *w, const char *slot,
                             const int64_t *sizes, ps_view *out)
{
    const int64_t n_data = w->array->n_buffers - 3;
    arrow_view view;
    int64_t size;

    memcpy(&view, slot, sizeof view);
    if (view.n < 0)
        return ps_fail(im->cx, PS_DATA, "a view in an Arrow array has a negative length: %d",
                       view.n);
    if (view.n <= 12) {
        *out = ps_view_of(slot + 4, (size_t)view.n);
        return PS_OK;
    }
    if (view.buffer < 0 || view.buffer >= n_data)
        return ps_fail(im->cx, PS_DATA, "a view in an Arrow array points into buffer %d of %lld",
                       view.buffer, (long long)n_data);
    memcpy(&size, sizes + view.buffer, sizeof size);
    const char *bytes = w->array->buffers[2 + view.buffer];
    if (!bytes || view.offset < 0 || view.n > size || view.offset > size - view.n)
        return ps_fail(im->cx, PS_DATA,
                       "a view in an Arrow array reaches past its buffer: %d + %d of %lld",
                       view.offset, view.n, (long long)size);
    *out = ps_view_of(bytes + view.offset, (size_t)view.n);
    return PS_OK;
}

ps_status ps_arrow_import_views(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out)
{
    const int64_t n_data = w->array->n_buffers - 3;
    ps_view *views = ps_arrow_room(im, w->n, sizeof *views);
    const char *slots;

    if (!views) return PS_MEMORY;
    PS_TRY(ps_arrow_buffer(im, w, 1, &slots));
    const int64_t *sizes = w->array->buffers[w->array->n_buffers - 1];
    if (n_data > 0 && !sizes && w->n)
        return ps_fail(im->cx, PS_DATA, "an Arrow array of views lacks the sizes of its buffers");
    for (uint32_t i = 0; i < w->n; i++) {
        if (!PS_ARROW_VALID(w, i)) continue;
        PS_TRY(view_import(im, w, slots + (w->first + i) * 16, sizes, &views[i]));
        if (w->type.id == PS_TYPE_STRING &&
            !ps_utf8_valid(ps_view_bytes(&views[i]), views[i].n, NULL))
            return bad_text(im, i);
    }
    ps_vec_flat(out, w->type, PS_LAYOUT_VIEW, views, w->valid, w->n);
    return PS_OK;
}

/* Slots of 16 bytes for UUID (big endian, top bit flipped) and INT128 (as it is). */
static ps_status import_i128(const ps_arrow_import *im, const ps_arrow_window *w, const char *bytes,
                             ps_vec *out)
{
    ps_i128 *data = ps_arrow_room(im, w->n, sizeof *data);

    if (!data) return PS_MEMORY;
    for (uint32_t i = 0; i < w->n; i++) {
        uint64_t halves[2];
        memcpy(halves, bytes + (w->first + i) * 16, 16);
        if (w->type.id == PS_TYPE_UUID)
            data[i] = (ps_i128)(((ps_u128)__builtin_bswap64(halves[0]) << 64 |
                                 __builtin_bswap64(halves[1])) ^
                                (ps_u128)1 << 127);
        else memcpy(&data[i], halves, 16);
    }
    ps_vec_flat(out, w->type, PS_LAYOUT_I128, data, w->valid, w->n);
    return PS_OK;
}

ps_status ps_arrow_import_fixed_bytes(const ps_arrow_import *im, const ps_arrow_window *w,
                                      ps_vec *out)
{
    const int64_t width = w->form.type.width;
    const char *bytes;

    PS_TRY(ps_arrow_buffer(im, w, 1, &bytes));
    if (w->type.id != PS_TYPE_FIXED_BINARY) return import_i128(im, w, bytes, out);
    ps_view *views = ps_arrow_room(im, w->n, sizeof *views);
    if (!views) return PS_MEMORY;
    for (uint32_t i = 0; i < w->n; i++)
        if (PS_ARROW_VALID(w, i))
            views[i] = ps_view_of(bytes + (w->first + i) * width, (size_t)width);
    ps_vec_flat(out, w->type, PS_LAYOUT_VIEW, views, w->valid, w->n);
    return PS_OK;
}
