/* format/parquet/rle.c -- the RLE / bit-packing hybrid. */
#include "format/parquet/encoding.h"

void ps_pq_rle_init(ps_pq_rle *rle, const uint8_t *at, const uint8_t *end, uint32_t width)
{
    PS_ASSERT(width <= 32 && at <= end);
    *rle = (ps_pq_rle){.kernels = ps_pq_kernels_here(), .at = at, .end = end, .width = width};
}

void ps_pq_rle_init_packed(ps_pq_rle *rle, const uint8_t *at, const uint8_t *end, uint32_t width,
                           uint8_t *scratch, uint32_t n)
{
    const uint64_t n_fit = PS_MIN((uint64_t)n, (uint64_t)(end - at) * 8 / PS_MAX(width, 1));
    const size_t bytes = (size_t)(((uint64_t)n * width + 7) / 8);

    memset(scratch, 0, bytes + 8);
    for (uint64_t i = 0; i < n_fit; i++) {
        for (uint32_t b = 0; b < width; b++) { /* its bits come from the most significant one */
            const uint64_t from = i * width + b, to = i * width + (width - 1 - b);
            const uint8_t bit = (uint8_t)((at[from >> 3] >> (7 - (from & 7))) & 1);
            scratch[to >> 3] = (uint8_t)(scratch[to >> 3] | (uint8_t)(bit << (to & 7)));
        }
    }
    ps_pq_rle_init(rle, end, end, width);
    rle->run = scratch;
    rle->left = n_fit;
}

/* Begins the next run; false: there is none, or it is damaged. */
static bool run_next(ps_pq_rle *r)
{
    const uint32_t value_bytes = (r->width + 7) / 8;
    uint64_t head = 0;
    unsigned shift = 0;

    do {
        if (r->at >= r->end || shift > 35) return false;
        head |= (uint64_t)(*r->at & 0x7F) << shift;
        shift += 7;
    } while (*r->at++ & 0x80);
    if (head & 1) {
        const uint64_t room = (uint64_t)(r->end - r->at), bytes = (head >> 1) * r->width;
        r->run = r->at;
        r->taken = 0;
        r->left = (head >> 1) * 8;
        if (bytes > room) r->left = room * 8 / r->width; /* writers may cut the last group short */
        r->at += PS_MIN(bytes, room);
        return true;
    }
    if ((size_t)(r->end - r->at) < value_bytes) return false;
    r->run = NULL;
    r->left = head >> 1;
    r->value = 0;
    memcpy(&r->value, r->at, value_bytes);
    r->at += value_bytes;
    return r->width == 32 || r->value >> r->width == 0;
}

/* Runs of no values are legal but never follow each other without end: each takes a byte. */
static bool run_ensure(ps_pq_rle *r)
{
    while (r->left == 0)
        if (!run_next(r)) return false;
    return true;
}

static void packed_read(ps_pq_rle *r, uint32_t *out, size_t n)
{
    size_t i = 0;

    for (; i < n && ((r->taken + i) & 7); i++)
        out[i] = ps_pq_unpack_one(r->run, r->width, r->taken + i);
    if (i < n) r->kernels->unpack(r->run + (r->taken + i) / 8 * r->width, r->width, n - i, out + i);
    r->taken += n;
}

bool ps_pq_rle_read(ps_pq_rle *r, uint32_t *out, size_t n)
{
    if (r->width == 0) {
        memset(out, 0, n * sizeof *out);
        return true;
    }
    while (n > 0) {
        if (!run_ensure(r)) return false;
        const size_t k = (size_t)PS_MIN((uint64_t)n, r->left);
        if (r->run) packed_read(r, out, k);
        else
            for (size_t i = 0; i < k; i++) out[i] = r->value;
        out += k, n -= k, r->left -= k;
    }
    return true;
}

bool ps_pq_rle_skip(ps_pq_rle *r, size_t n)
{
    if (r->width == 0) return true;
    while (n > 0) {
        if (!run_ensure(r)) return false;
        const size_t k = (size_t)PS_MIN((uint64_t)n, r->left);
        r->taken += k;
        n -= k, r->left -= k;
    }
    return true;
}

/* Up to 57 bits of a byte string from any bit. */
static uint64_t bits_at(const uint8_t *in, uint64_t bit, size_t n)
{
    uint64_t word;
    memcpy(&word, in + (bit >> 3), 8);
    return (word >> (bit & 7)) & (((uint64_t)1 << n) - 1);
}

static void bits_or(uint64_t *bits, size_t at, uint64_t value, size_t n)
{
    bits[at >> 6] |= value << (at & 63);
    if ((at & 63) + n > 64) bits[(at >> 6) + 1] |= value >> (64 - (at & 63));
}

bool ps_pq_rle_bits(ps_pq_rle *r, uint64_t *bits, size_t at, size_t n, size_t *ones)
{
    size_t count = 0;

    PS_ASSERT(r->width == 1);
    while (n > 0) {
        if (!run_ensure(r)) return false;
        const size_t k = (size_t)PS_MIN((uint64_t)n, r->left);
        for (size_t i = 0; i < k;) {
            const size_t step = PS_MIN(k - i, (size_t)56);
            const uint64_t ones_of = ((uint64_t)1 << step) - 1;
            const uint64_t word = r->run     ? bits_at(r->run, r->taken + i, step)
                                  : r->value ? ones_of
                                             : 0;
            bits_or(bits, at + i, word, step);
            count += (size_t)__builtin_popcountll(word);
            i += step;
        }
        r->taken += k;
        at += k, n -= k, r->left -= k;
    }
    *ones = count;
    return true;
}
