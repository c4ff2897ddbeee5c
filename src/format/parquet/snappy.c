/* format/parquet/snappy.c -- decompression of snappy's block format.
 *
 * Ours and not libsnappy's: Debian's calls memmove for every element, which was three quarters
 * of the time of scanning TPC-H (bench/micro/parquet_scan_micro.c). Copies go 16 bytes at a time
 * and may write behind their end: the output has PS_PQ_SLACK_BYTES more than it needs, the input
 * may be read as far (base/mem.h). Every length and distance is held against both ends first.
 * Reference: format_description.txt of google/snappy. Tests: tests/unit/test_parquet_encoding.c */
#include "format/parquet/codec.h"

#include <string.h>

typedef struct stream {
    const uint8_t *at, *end;
    uint8_t *out, *out_start, *out_end;
} stream;

PS_STATIC_ASSERT(PS_PQ_SLACK_BYTES >= 64, "an element of 64 bytes is written in steps of 16");

PS_INLINE void copy16(uint8_t *to, const uint8_t *from)
{
    uint8_t step[16];

    memcpy(step, from, 16);
    memcpy(to, step, 16);
}

/* At most 64 bytes, 16 at a time: few branches, and those seldom taken. */
PS_INLINE void copy_steps(uint8_t *to, const uint8_t *from, size_t n)
{
    copy16(to, from);
    if (n > 16) copy16(to + 16, from + 16);
    if (PS_UNLIKELY(n > 32)) {
        copy16(to + 32, from + 32);
        copy16(to + 48, from + 48);
    }
}

PS_INLINE bool literal(stream *s, uint8_t tag)
{
    size_t n = (size_t)(tag >> 2) + 1;

    if (PS_UNLIKELY(n > 60)) {
        const size_t bytes = n - 60;
        uint32_t more = 0;
        if (bytes > (size_t)(s->end - s->at)) return false;
        memcpy(&more, s->at, bytes);
        s->at += bytes;
        n = (size_t)more + 1;
    }
    if (n > (size_t)(s->end - s->at) || n > (size_t)(s->out_end - s->out)) return false;
    if (PS_LIKELY(n <= 64)) copy_steps(s->out, s->at, n);
    else memcpy(s->out, s->at, n);
    s->at += n, s->out += n;
    return true;
}

/* n is at most 64. A distance below 16 repeats a pattern: what a step of 16 gets right are its
 * first `distance` bytes, after which twice as much of the pattern is there. */
PS_INLINE bool repeat(stream *s, size_t n, size_t distance)
{
    uint8_t *const after = s->out + n;
    const uint8_t *from = s->out - distance;

    if (distance - 1 >= (size_t)(s->out - s->out_start) || n > (size_t)(s->out_end - s->out))
        return false;
    while (PS_UNLIKELY(distance < 16) && s->out < after) {
        copy_steps(s->out, from, 16);
        s->out += distance;
        distance *= 2;
    }
    if (s->out < after) copy_steps(s->out, from, (size_t)(after - s->out));
    s->out = after;
    return true;
}

/* Copies of one and two bytes of distance are told apart without a branch: which of them comes is
 * as good as random. */
PS_INLINE bool copy_element(stream *s, uint8_t tag)
{
    const bool near = tag & 1;
    uint16_t two;
    uint32_t distance;
    size_t n;

    if (PS_UNLIKELY((tag & 3) == 3)) {
        if (s->end - s->at < 4) return false;
        memcpy(&distance, s->at, 4);
        s->at += 4;
        return repeat(s, (size_t)(tag >> 2) + 1, distance);
    }
    memcpy(&two, s->at, 2); /* may lie behind the end, which is found next */
    s->at += tag & 3;
    if (s->at > s->end) return false;
    distance = near ? (uint32_t)(tag >> 5) << 8 | (two & 0xFFu) : two;
    n = near ? 4u + ((tag >> 2) & 7u) : (size_t)(tag >> 2) + 1;
    return repeat(s, n, distance);
}

bool ps_pq_snappy_size(const uint8_t **at, const uint8_t *end, size_t *n)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 35 && *at < end; shift += 7) {
        const uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) {
            *n = (size_t)value;
            return value <= UINT32_MAX;
        }
    }
    return false;
}

bool ps_pq_snappy_decode(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out)
{
    stream s = {in, in + n_in, out, out, out + n_out};
    size_t n;

    if (!ps_pq_snappy_size(&s.at, s.end, &n) || n != n_out) return false;
    while (s.at < s.end) {
        uint8_t tag = *s.at++;
        if ((tag & 3) == 0) {
            if (!literal(&s, tag)) return false;
            if (s.at >= s.end) break;
            tag = *s.at; /* a copy follows, unless the literal was cut in pieces */
            if ((tag & 3) == 0) continue;
            s.at++;
        }
        if (!copy_element(&s, tag)) return false;
    }
    return s.out == s.out_end;
}
