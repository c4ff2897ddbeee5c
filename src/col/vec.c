/* col/vec.c -- vectors: making them over given memory, buffers, constants, slices.
 *
 * Copying is in vec_take.c, measuring in vec_bounds.c, single values in vec_value.c.
 * Tests: tests/unit/test_col_vec.c */
#include "col/vec.h"

#include "col/value.h"

const uint64_t ps_zero_bits[PS_BITS_WORDS(PS_BATCH_ROWS_MAX)] = {0};

enum { SLOT_BYTES_MAX = 16 };

uint64_t ps_dict_next_id(void)
{
    /* Process-wide on purpose: an id is never used twice. relaxed: it orders nothing. */
    static _Atomic uint64_t next = 1;
    return atomic_fetch_add_explicit(&next, 1, memory_order_relaxed);
}

int ps_view_compare(const ps_view *a, const ps_view *b)
{
    uint32_t pa, pb;

    memcpy(&pa, a->prefix, 4), memcpy(&pb, b->prefix, 4);
    /* zero padding makes a short text smaller, which is its order unless it holds NULs */
    if (pa != pb) return __builtin_bswap32(pa) < __builtin_bswap32(pb) ? -1 : 1;
    return ps_str_compare(ps_view_str(a), ps_view_str(b));
}

static ps_status buf_init(ps_ctx *cx, ps_vec_buf *buf, uint32_t n_max, size_t slot_bytes)
{
    *buf = (ps_vec_buf){.n_max = n_max};
    buf->data = ps_alloc(cx, n_max * slot_bytes);
    if (buf->data) buf->valid = ps_alloc(cx, PS_BITS_BYTES(n_max));
    if (buf->valid) return PS_OK;
    ps_vec_buf_release(buf);
    return PS_MEMORY;
}

ps_status ps_vec_buf_init(ps_ctx *cx, ps_vec_buf *buf, uint32_t n_max)
{
    return buf_init(cx, buf, n_max, SLOT_BYTES_MAX);
}

ps_status ps_vec_buf_init_layout(ps_ctx *cx, ps_vec_buf *buf, uint32_t n_max, ps_layout layout)
{
    return buf_init(cx, buf, n_max,
                    layout < PS_LAYOUT_VIEW ? ps_layout_bytes(layout) : SLOT_BYTES_MAX);
}

void ps_vec_buf_release(ps_vec_buf *buf)
{
    if (!buf) return;
    ps_free(buf->data);
    ps_free(buf->valid);
    ps_arena_release(&buf->heap);
    *buf = (ps_vec_buf){0};
}

void ps_vec_flat(ps_vec *out, ps_type type, ps_layout layout, const void *data,
                 const uint64_t *valid, uint32_t n)
{
    *out = (ps_vec){.type = type,
                    .layout = (uint8_t)layout,
                    .encoding = PS_ENC_FLAT,
                    .n = n,
                    .data = data,
                    .valid = valid};
    ps_vec_bounds_reset(out);
}

bool ps_vec_row_valid(const ps_vec *vec, uint32_t row)
{
    PS_ASSERT(row < vec->n);
    if (vec->encoding == PS_ENC_SEQUENCE) return true;
    const ps_reader_view reader = ps_vec_read(vec);
    return ps_reader_valid(&reader, row);
}

ps_status ps_vec_constant(ps_ctx *cx, ps_arena *arena, const ps_value *value, uint32_t n,
                          ps_vec *out)
{
    PS_TRY(ps_vec_of_values(cx, arena, value->type, value, 1, out));
    out->encoding = PS_ENC_CONSTANT;
    out->n = n;
    if (ps_layout_is_int((ps_layout)out->layout)) {
        const ps_i128 i = value->null ? 0 : value->i;
        out->bounded = i >= INT64_MIN && i <= INT64_MAX;
        if (out->bounded) out->lo = out->hi = (int64_t)i;
    }
    return PS_OK;
}

/* Moves a bitmap on by `first` rows, a multiple of 64. */
static const uint64_t *bits_from(const uint64_t *bits, uint32_t first)
{
    return bits ? bits + first / 64 : NULL;
}

ps_status ps_vec_slice(ps_ctx *cx, ps_arena *arena, const ps_vec *src, uint32_t first, uint32_t n,
                       ps_vec *out)
{
    const uint32_t n_children = ps_vec_child_count(src);
    ps_vec cut = *src;

    PS_ASSERT(first % 64 == 0 && first <= src->n && n <= src->n - first);
    cut.n = n;
    switch (src->encoding) {
    case PS_ENC_CONSTANT: break;
    case PS_ENC_SEQUENCE: cut.start = src->start + (int64_t)first * src->step; break;
    case PS_ENC_DICTIONARY:
        cut.codes = src->codes + first;
        cut.valid = bits_from(src->valid, first);
        break;
    default:
        cut.valid = bits_from(src->valid, first);
        if (src->data)
            cut.data = (const char *)src->data + first * ps_layout_bytes((ps_layout)src->layout);
        if (src->layout != PS_LAYOUT_STRUCT && src->layout != PS_LAYOUT_UNION) break;
        ps_vec *children = PS_ARENA_ARRAY(cx, arena, ps_vec, n_children);
        if (!children) return PS_MEMORY;
        for (uint32_t i = 0; i < n_children; i++)
            PS_TRY(ps_vec_slice(cx, arena, &src->children[i], first, n, &children[i]));
        cut.children = children;
    }
    *out = cut;
    return PS_OK;
}
