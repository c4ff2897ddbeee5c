/* format/parquet/write_rle.c -- the RLE / bit-packing hybrid of levels and dictionary codes.
 *
 * Runs of at least 8 become repeats, the rest packed groups of 8, as Encodings.md asks: a packed
 * run before a repeat is filled up with the repeat's first values. */
#include "format/parquet/write.h"

/* Codes of 4 bytes, or levels of one. */
typedef struct codes {
    const uint32_t *wide; /* NULL: bytes */
    const char *bytes;
} codes;
static uint32_t code_at(const codes *c, size_t i)
{
    return c->wide ? c->wide[i] : (uint8_t)c->bytes[i];
}

static void packed_add(ps_text *out, const codes *c, size_t from, size_t n, uint32_t width)
{
    const size_t groups = (n + 7) / 8;
    uint64_t bits = 0;
    uint32_t have = 0;

    if (!n) return;
    ps_pq_put_varint(out, groups << 1 | 1);
    for (size_t i = 0; i < groups * 8; i++) {
        bits |= (uint64_t)(i < n ? code_at(c, from + i) : 0) << have;
        for (have += width; have >= 8; have -= 8, bits >>= 8)
            ps_text_char(out, (char)(uint8_t)bits);
    }
    /* groups of 8 values are whole bytes: nothing is left */
}

static void repeat_add(ps_text *out, uint32_t code, size_t n, uint32_t width)
{
    ps_pq_put_varint(out, (uint64_t)n << 1);
    for (uint32_t bit = 0; bit < width; bit += 8) ps_text_char(out, (char)(uint8_t)(code >> bit));
}

/* All of a page at once: only its last packed group may be filled up with values that are none. */
static void rle_write(ps_text *out, const codes *c, size_t n, uint32_t width)
{
    size_t from = 0, i = 0;

    while (i < n) {
        const uint32_t code = code_at(c, i);
        size_t end = i + 1, fill;
        while (end < n && code_at(c, end) == code) end++;
        fill = (8 - (i - from) % 8) % 8;
        if (end - i >= 8 + fill) {
            packed_add(out, c, from, i + fill - from, width);
            repeat_add(out, code, end - i - fill, width);
            from = end;
        }
        i = end;
    }
    packed_add(out, c, from, n - from, width);
}

void ps_pq_rle_write(ps_text *out, const uint32_t *values, size_t n, uint32_t width)
{
    rle_write(out, &(codes){.wide = values}, n, width);
}

void ps_pq_levels_write(ps_text *out, const char *levels, size_t n, uint32_t width)
{
    rle_write(out, &(codes){.bytes = levels}, n, width);
}
