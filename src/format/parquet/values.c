/* format/parquet/values.c -- stored values to slots, and onto what a read has so far. */
#include "format/parquet/cursor.h"

static const int64_t DAY_US = 86400000000, EPOCH_JULIAN = 2440588;

static ps_status cut_fail(ps_ctx *cx)
{
    return ps_fail(cx, PS_DATA, "the values of a page are cut off");
}

/* ---- one value after the other ---- */

#define V    int8_t
#define NAME narrow_i8
#include "format/parquet/narrow.tmpl.h"
#define V    int16_t
#define NAME narrow_i16
#include "format/parquet/narrow.tmpl.h"
#define V    uint8_t
#define NAME narrow_u8
#include "format/parquet/narrow.tmpl.h"
#define V    uint16_t
#define NAME narrow_u16
#include "format/parquet/narrow.tmpl.h"

static void widen_i64(const uint8_t *raw, size_t n, int64_t *out)
{
    for (size_t i = 0; i < n; i++) {
        int32_t v;
        memcpy(&v, raw + i * 4, 4);
        out[i] = v;
    }
}

/* Nanoseconds of the day, then the Julian day. Parts of a microsecond are cut off. */
static bool int96_one(const uint8_t *raw, int64_t *out)
{
    int64_t ns, us;
    int32_t day;

    memcpy(&ns, raw, 8), memcpy(&day, raw + 8, 4);
    us = ns / 1000 - (ns % 1000 < 0);
    return !__builtin_mul_overflow((int64_t)day - EPOCH_JULIAN, DAY_US, out) &&
           !__builtin_add_overflow(*out, us, out);
}

/* Big-endian two's complement of any length: false when it needs more than 128 bits. */
static bool decimal_one(const uint8_t *raw, size_t n, ps_i128 *out)
{
    const uint8_t sign = n && (raw[0] & 0x80) ? 0xFF : 0;
    ps_u128 v = sign ? ~(ps_u128)0 : 0;

    while (n > 16) {
        if (*raw != sign) return false;
        raw++, n--;
    }
    if (n == 16 && ((raw[0] ^ sign) & 0x80)) return false;
    for (size_t i = 0; i < n; i++) v = v << 8 | raw[i];
    *out = (ps_i128)v;
    return true;
}

static bool decimal_put(const ps_pq_node *leaf, const uint8_t *raw, size_t n, size_t i, void *slots)
{
    ps_i128 v;

    if (!decimal_one(raw, n, &v)) return false;
    switch (leaf->layout) {
    case PS_LAYOUT_I32: ((int32_t *)slots)[i] = (int32_t)v; return v == (int32_t)v;
    case PS_LAYOUT_I64: ((int64_t *)slots)[i] = (int64_t)v; return v == (int64_t)v;
    default: ((ps_i128 *)slots)[i] = v; return true;
    }
}

static ps_i128 uuid_one(const uint8_t *raw)
{
    ps_u128 v = 0;
    for (size_t i = 0; i < 16; i++) v = v << 8 | raw[i];
    return (ps_i128)(v ^ ((ps_u128)1 << 127));
}

static ps_interval interval_one(const uint8_t *raw)
{
    uint32_t part[3];
    memcpy(part, raw, 12);
    return (ps_interval){(int32_t)part[0], (int32_t)part[1], (int64_t)part[2] * 1000000};
}

ps_status ps_pq_fixed_convert(ps_ctx *cx, const ps_pq_node *leaf, const uint8_t *raw, size_t n,
                              void *slots)
{
    const size_t width = leaf->width;
    bool good = true;

    switch ((ps_pq_convert)leaf->convert) {
    case PS_PQ_TO_SAME:
        if (n && leaf->slot_bytes) memcpy(slots, raw, n * width);
        break;
    case PS_PQ_TO_I8: good = narrow_i8(raw, n, slots); break;
    case PS_PQ_TO_I16: good = narrow_i16(raw, n, slots); break;
    case PS_PQ_TO_U8: good = narrow_u8(raw, n, slots); break;
    case PS_PQ_TO_U16: good = narrow_u16(raw, n, slots); break;
    case PS_PQ_TO_I64: widen_i64(raw, n, slots); break;
    case PS_PQ_TO_DECIMAL:
        for (size_t i = 0; i < n && good; i++)
            good = decimal_put(leaf, raw + i * width, width, i, slots);
        break;
    case PS_PQ_TO_UUID:
        for (size_t i = 0; i < n; i++) ((ps_i128 *)slots)[i] = uuid_one(raw + i * 16);
        break;
    case PS_PQ_TO_INTERVAL:
        for (size_t i = 0; i < n; i++) ((ps_interval *)slots)[i] = interval_one(raw + i * 12);
        break;
    case PS_PQ_TO_TIMESTAMP:
        for (size_t i = 0; i < n && good; i++) good = int96_one(raw + i * 12, (int64_t *)slots + i);
        break;
    case PS_PQ_TO_VIEW:
        for (size_t i = 0; i < n; i++)
            ((ps_view *)slots)[i] = ps_view_of((const char *)raw + i * width, width);
        break;
    }
    if (!good) return ps_fail(cx, PS_DATA, "a value is out of the range of the column's type");
    return PS_OK;
}

static ps_status utf8_fail(ps_ctx *cx) { return ps_fail(cx, PS_DATA, "text is not valid UTF-8"); }

ps_status ps_pq_views_convert(ps_ctx *cx, const ps_pq_node *leaf, const ps_view *views, size_t n,
                              void *slots)
{
    for (size_t i = 0; i < n; i++) {
        const char *const bytes = ps_view_bytes(&views[i]);
        if (leaf->width) {
            if (views[i].n != leaf->width)
                return ps_fail(cx, PS_DATA, "a value of %u bytes, not %u", views[i].n, leaf->width);
            if (leaf->convert == PS_PQ_TO_VIEW) ((ps_view *)slots)[i] = views[i];
            else
                PS_TRY(ps_pq_fixed_convert(cx, leaf, (const uint8_t *)bytes, 1,
                                           (char *)slots + i * leaf->slot_bytes));
        } else if (leaf->convert == PS_PQ_TO_DECIMAL) {
            if (!decimal_put(leaf, (const uint8_t *)bytes, views[i].n, i, slots))
                return ps_fail(cx, PS_DATA, "a decimal is out of the range of the column's type");
        } else {
            if (leaf->utf8 && !ps_utf8_valid(bytes, views[i].n, NULL)) return utf8_fail(cx);
            ((ps_view *)slots)[i] = views[i];
        }
    }
    return PS_OK;
}

/* Length and place of the next value of PLAIN bytes; false: the page ends first. */
PS_INLINE bool bytes_one(const uint8_t **at, const uint8_t *end, const uint8_t **value,
                         uint32_t *length)
{
    if (end - *at < 4) return false;
    memcpy(length, *at, 4);
    *value = *at + 4;
    if (*length > (size_t)(end - *value)) return false;
    *at = *value + *length;
    return true;
}

/* A view of bytes that may be read 16 past their end. */
PS_INLINE ps_view view_fast(const uint8_t *at, uint32_t n)
{
    ps_view v = {.n = n};
    uint64_t low;
    uint32_t high;

    if (n > 12) {
        memcpy(v.prefix, at, 4);
        v.at = (const char *)at;
        return v;
    }
    memcpy(&low, at, 8), memcpy(&high, at + 8, 4);
    if (n < 8) low = n ? low & (~(uint64_t)0 >> (64 - 8 * n)) : 0, high = 0;
    else high = n > 8 ? high & (~(uint32_t)0 >> (32 - 8 * (n - 8))) : 0;
    memcpy(v.prefix, &low, 4);
    low >>= 32;
    memcpy(v.rest, &low, 4), memcpy(v.rest + 4, &high, 4);
    return v;
}

ps_status ps_pq_bytes_convert(ps_ctx *cx, const ps_pq_node *leaf, const uint8_t **at,
                              const uint8_t *end, bool ascii, size_t *n, void *slots)
{
    const bool check = leaf->utf8 && !ascii;
    const uint8_t *value, *next = *at;
    uint32_t length;

    for (size_t i = 0; i < *n; i++) {
        if (!bytes_one(&next, end, &value, &length)) {
            *n = i;
            break;
        }
        if (leaf->convert == PS_PQ_TO_DECIMAL) {
            if (!decimal_put(leaf, value, length, i, slots))
                return ps_fail(cx, PS_DATA, "a decimal is out of the range of the column's type");
            continue;
        }
        if (check && !ps_utf8_valid((const char *)value, length, NULL)) return utf8_fail(cx);
        ((ps_view *)slots)[i] = view_fast(value, length);
    }
    *at = next;
    return PS_OK;
}

/* ---- bounds ---- */

static void measure(const ps_pq_node *leaf, const void *slots, size_t n, ps_i128 *lo, ps_i128 *hi)
{
    int64_t low, high;

    if (leaf->layout == PS_LAYOUT_I128) {
        const ps_i128 *const v = slots;
        *lo = *hi = v[0];
        for (size_t i = 1; i < n; i++) *lo = PS_MIN(*lo, v[i]), *hi = PS_MAX(*hi, v[i]);
        return;
    }
    if (leaf->layout == PS_LAYOUT_I64) ps_pq_kernels_here()->minmax64(slots, n, &low, &high);
    else ps_pq_kernels_here()->minmax32(slots, n, &low, &high);
    *lo = low, *hi = high;
}

ps_status ps_pq_bounds(ps_ctx *cx, const ps_pq_node *leaf, const void *slots, size_t n, bool always,
                       ps_vec *vec)
{
    const bool checked =
        leaf->field.type.id == PS_TYPE_DECIMAL || leaf->field.type.id == PS_TYPE_TIME;
    const bool signed_int = leaf->layout == PS_LAYOUT_I32 || leaf->layout == PS_LAYOUT_I64 ||
                            leaf->layout == PS_LAYOUT_I128;
    ps_i128 lo = 0, hi = 0, type_lo, type_hi;

    if (!signed_int || leaf->field.type.id == PS_TYPE_UUID || !(checked || always)) return PS_OK;
    if (n > 0) measure(leaf, slots, n, &lo, &hi);
    if (checked && n > 0 && ps_type_range(leaf->field.type, &type_lo, &type_hi) &&
        (lo < type_lo || hi > type_hi))
        return ps_fail(cx, PS_DATA, "a value is out of the range of the column's type");
    if (lo < INT64_MIN || hi > INT64_MAX) return PS_OK;
    vec->lo = (int64_t)lo, vec->hi = (int64_t)hi;
    vec->bounded = true;
    return PS_OK;
}

/* ---- onto a read's values ---- */

static ps_status codes_check(ps_ctx *cx, const ps_pq_cursor *c, const uint32_t *codes, size_t n)
{
    const uint32_t n_dict = c->dict->values.n, width = c->page.codes.width;

    if (n == 0 || (width < 32 && (uint64_t)1 << width <= n_dict)) return PS_OK;
    const uint32_t max = c->page.codes.kernels->max(codes, n);
    if (max < n_dict) return PS_OK;
    return ps_fail(cx, PS_DATA, "code %u of a dictionary of %u values", max, n_dict);
}

static ps_status codes_read(ps_ctx *cx, ps_pq_cursor *c, uint32_t *codes, size_t n)
{
    if (!ps_pq_rle_read(&c->page.codes, codes, n)) return cut_fail(cx);
    return codes_check(cx, c, codes, n);
}

static void dict_gather(const ps_pq_cursor *c, const uint32_t *codes, size_t n, uint8_t *to)
{
    const ps_pq_kernels *const k =
        c->page.codes.kernels ? c->page.codes.kernels : ps_pq_kernels_here();
    const void *const values = c->dict->values.data;

    switch (c->leaf->slot_bytes) {
    case 1: k->gather1(codes, n, values, to); break;
    case 2: k->gather2(codes, n, values, to); break;
    case 4: k->gather4(codes, n, values, to); break;
    case 8: k->gather8(codes, n, values, to); break;
    case 16: k->gather16(codes, n, values, to); break;
    default: break; /* NULL: no slots */
    }
}

ps_status ps_pq_out_flatten(ps_ctx *cx, ps_pq_cursor *c)
{
    ps_pq_out *const o = &c->out;

    (void)cx;
    if (o->mode == PS_PQ_CODES) dict_gather(c, o->codes, o->n_values, o->slots);
    if (o->mode == PS_PQ_REF && o->n_values)
        memcpy(o->slots, o->ref, (size_t)o->n_values * c->leaf->slot_bytes);
    o->mode = PS_PQ_SLOTS;
    return PS_OK;
}

static ps_status codes_take(ps_ctx *cx, ps_pq_cursor *c, uint32_t m)
{
    ps_pq_out *const o = &c->out;
    const bool keep = c->leaf->layout == PS_LAYOUT_VIEW || c->dict->values.n <= PS_PQ_DICT_FLAT_MIN;

    if (o->mode == PS_PQ_EMPTY) o->mode = keep ? PS_PQ_CODES : PS_PQ_SLOTS;
    if (o->mode == PS_PQ_CODES) return codes_read(cx, c, o->codes + o->n_values, m);
    if (o->mode == PS_PQ_REF) PS_TRY(ps_pq_out_flatten(cx, c));
    PS_TRY(codes_read(cx, c, o->codes, m)); /* not in use in this mode */
    dict_gather(c, o->codes, m, o->slots + (size_t)o->n_values * c->leaf->slot_bytes);
    return PS_OK;
}

static ps_status fixed_take(ps_ctx *cx, ps_pq_cursor *c, uint32_t m, uint8_t *to)
{
    ps_pq_page *const p = &c->page;
    const uint8_t *const raw = p->at;
    const size_t bytes = (size_t)m * c->leaf->width;

    if (bytes > (size_t)(p->end - raw)) return cut_fail(cx);
    p->at += bytes;
    return ps_pq_fixed_convert(cx, c->leaf, raw, m, to);
}

static ps_status bits_take(ps_ctx *cx, ps_pq_cursor *c, uint32_t m, uint8_t *to)
{
    if (!ps_pq_rle_read(&c->page.codes, c->out.codes, m)) return cut_fail(cx);
    for (uint32_t i = 0; i < m; i++) to[i] = (uint8_t)c->out.codes[i];
    return PS_OK;
}

/* The next value of PLAIN bytes, whole. */
static ps_status value_need(ps_ctx *cx, ps_pq_cursor *c)
{
    ps_pq_page *const p = &c->page;
    uint32_t length;

    PS_TRY(ps_pq_page_need(cx, c, 4));
    if (p->end - p->at < 4) return cut_fail(cx);
    memcpy(&length, p->at, 4);
    PS_TRY(ps_pq_page_need(cx, c, (size_t)length + 4));
    return (size_t)(p->end - p->at) - 4 < length ? cut_fail(cx) : PS_OK;
}

static ps_status bytes_take(ps_ctx *cx, ps_pq_cursor *c, uint32_t m, uint8_t *to)
{
    ps_pq_page *const p = &c->page;
    size_t done = 0;

    for (;;) {
        size_t n = m - done;

        PS_TRY(ps_pq_bytes_convert(cx, c->leaf, &p->at, p->end, p->ascii, &n,
                                   to + done * c->leaf->slot_bytes));
        done += n;
        if (done == m) return PS_OK;
        PS_TRY(value_need(cx, c));
    }
}

/* Values that can be used where they are: all that the read wants, aligned, not converted. */
static bool ref_take(ps_pq_cursor *c, uint32_t m)
{
    ps_pq_page *const p = &c->page;
    const size_t bytes = (size_t)m * c->leaf->width;

    if (c->out.mode != PS_PQ_EMPTY || p->kind != PS_PQ_FIXED_VALUES ||
        c->leaf->convert != PS_PQ_TO_SAME || !c->flat || m != c->out.n_rows ||
        bytes > (size_t)(p->end - p->at) || (uintptr_t)p->at % PS_MAX(c->leaf->slot_bytes, 1))
        return false;
    c->out.mode = PS_PQ_REF;
    c->out.ref = p->at;
    c->out.n_values += m;
    c->out.plain = true;
    p->at += bytes;
    return true;
}

ps_status ps_pq_values_take(ps_ctx *cx, ps_pq_cursor *c, uint32_t m)
{
    ps_pq_out *const o = &c->out;
    ps_pq_page *const p = &c->page;
    uint8_t *to;

    PS_ASSERT(o->n_values + m <= o->room);
    if (p->kind == PS_PQ_FIXED_VALUES) PS_TRY(ps_pq_page_need(cx, c, (size_t)m * c->leaf->width));
    if (m == 0 || ref_take(c, m)) return PS_OK;
    if (p->kind == PS_PQ_CODE_VALUES) {
        PS_TRY(codes_take(cx, c, m));
        o->n_values += m;
        return PS_OK;
    }
    if (o->mode != PS_PQ_SLOTS) PS_TRY(ps_pq_out_flatten(cx, c));
    o->plain = true;
    to = o->slots + (size_t)o->n_values * c->leaf->slot_bytes;
    switch (p->kind) {
    case PS_PQ_FIXED_VALUES: PS_TRY(fixed_take(cx, c, m, to)); break;
    case PS_PQ_BIT_VALUES: PS_TRY(bits_take(cx, c, m, to)); break;
    case PS_PQ_BYTE_VALUES: PS_TRY(bytes_take(cx, c, m, to)); break;
    case PS_PQ_VIEW_VALUES:
        if (m > p->n_views - p->view) return cut_fail(cx);
        PS_TRY(ps_pq_views_convert(cx, c->leaf, p->views + p->view, m, to));
        p->view += m;
        break;
    default: return cut_fail(cx);
    }
    o->n_values += m;
    return PS_OK;
}

static ps_status fixed_skip(ps_ctx *cx, ps_pq_cursor *c, size_t bytes)
{
    ps_pq_page *const p = &c->page;

    while (bytes) {
        PS_TRY(ps_pq_page_need(cx, c, 1));
        const size_t n = PS_MIN(bytes, (size_t)(p->end - p->at));
        if (n == 0) return cut_fail(cx);
        p->at += n, bytes -= n;
        ps_pq_retired_free(c); /* rows are left out before the first is read */
    }
    return PS_OK;
}

static ps_status bytes_skip(ps_ctx *cx, ps_pq_cursor *c, uint32_t m)
{
    ps_pq_page *const p = &c->page;
    const uint8_t *value;
    uint32_t length;

    for (uint32_t i = 0; i < m; i++) {
        if (bytes_one(&p->at, p->end, &value, &length)) continue;
        PS_TRY(value_need(cx, c));
        ps_pq_retired_free(c);
        i--;
    }
    return PS_OK;
}

ps_status ps_pq_values_skip(ps_ctx *cx, ps_pq_cursor *c, uint32_t m)
{
    ps_pq_page *const p = &c->page;

    switch (p->kind) {
    case PS_PQ_CODE_VALUES:
    case PS_PQ_BIT_VALUES: return ps_pq_rle_skip(&p->codes, m) ? PS_OK : cut_fail(cx);
    case PS_PQ_FIXED_VALUES: return fixed_skip(cx, c, (size_t)m * c->leaf->width);
    case PS_PQ_VIEW_VALUES:
        if (m > p->n_views - p->view) return cut_fail(cx);
        p->view += m;
        return PS_OK;
    case PS_PQ_BYTE_VALUES: return bytes_skip(cx, c, m);
    default: return m ? cut_fail(cx) : PS_OK;
    }
}
