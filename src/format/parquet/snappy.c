/* format/parquet/snappy.c -- decompression of snappy's block format.
 *
 * Ours and not libsnappy's: Debian's calls memmove for every element, which was three quarters
 * of the time of scanning TPC-H (bench/micro/parquet_scan_micro.c). Copies go 16 bytes at a time
 * and may write behind their end: the output has PS_PQ_SLACK_BYTES more than it needs, the input
 * may be read as far (base/mem.h). Every length and distance is held against both ends first.
 * A stream can be decoded in steps: what is decoded goes on where input or room ended.
 * Reference: format_description.txt of google/snappy. Tests: tests/unit/test_parquet_encoding.c */
#include "format/parquet/codec.h"

#include <string.h>

typedef ps_pq_snappy stream;

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

/* As much of a literal as both sides have; false: more than they ever will. */
PS_INLINE bool literal_more(stream *s)
{
    const size_t in = (size_t)(s->end - s->at), out = (size_t)(s->out_end - s->out);
    const size_t n = PS_MIN(s->literal, PS_MIN(in, out));

    if ((s->last_in && s->literal > in) || (s->last_out && s->literal > out)) return false;
    memcpy(s->out, s->at, n);
    s->at += n, s->out += n, s->literal -= n;
    return true;
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
    if (n > 64 || n > (size_t)(s->end - s->at) || n > (size_t)(s->out_end - s->out)) {
        s->literal = n;
        return literal_more(s);
    }
    copy_steps(s->out, s->at, n);
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

/* ---- the two fast loops: both give up, with everything up to there done, at what is rare and near
 * the ends ---- */

enum { ROOM_IN = 72, ROOM_OUT = 64, SAMPLE_BYTES = 2048 };

PS_INLINE bool has_room(const stream *s)
{
    return s->end - s->at > ROOM_IN && s->out_end - s->out > ROOM_OUT;
}

/* Numbers: a literal and a copy take turns, so the processor guesses which comes; what it can't
 * guess, the form of the copy, is no branch. */
static void decode_turns(stream *s)
{
    const uint8_t *at = s->at, *const at_end = s->end - ROOM_IN;
    uint8_t *out = s->out, *const out_end = s->out_end - ROOM_OUT;
    size_t tag = *at;

    while (at < at_end && out < out_end) {
        const size_t type = tag & 3, high = tag >> 2;
        const bool is_literal = type == 0;
        uint16_t two;

        memcpy(&two, at + 1, 2);
        if (PS_UNLIKELY(type == 3 || (is_literal && high >= 60))) break;
        const size_t n = type == 1 ? 4 + (high & 7) : high + 1;
        const size_t skip = is_literal ? high + 2 : type + 1;
        const size_t distance = type == 1 ? (tag >> 5 << 8 | (two & 0xFF)) : two;
        const uint8_t *from = is_literal ? at + 1 : out - distance;

        at += skip;
        tag = *at;
        if (PS_UNLIKELY(!is_literal && (distance < n || distance > (size_t)(out - s->out_start)))) {
            at -= skip;
            break;
        }
        copy_steps(out, from, n);
        out += n;
    }
    s->at = at, s->out = out;
}

/* What a tag says: length, and bytes to the next tag << 8; 0: told by the slow loop. */
#define LENGTH(t) (((t) & 3) == 1 ? 4 + ((t) >> 2 & 7) : ((t) >> 2) + 1)
#define SKIP(t)   (((t) & 3) == 0 ? ((t) >> 2) + 2 : ((t) & 3) + 1)
#define RARE(t)   (((t) & 3) == 3 || (((t) & 3) == 0 && (t) >> 2 >= 60))
#define TAG(t)    (uint16_t)(RARE(t) ? 0 : LENGTH(t) | SKIP(t) << 8)
#define TAGS4(t)  TAG((t)), TAG((t) + 1), TAG((t) + 2), TAG((t) + 3)
#define TAGS16(t) TAGS4((t)), TAGS4((t) + 4), TAGS4((t) + 8), TAGS4((t) + 12)
#define TAGS64(t) TAGS16((t)), TAGS16((t) + 16), TAGS16((t) + 32), TAGS16((t) + 48)
static const uint16_t tags[256] = {TAGS64(0), TAGS64(64), TAGS64(128), TAGS64(192)};

/* Text: which kind comes next is as good as random, so nothing that is common is a branch. */
static void decode_mixed(stream *s)
{
    static const uint32_t distance_masks[4] = {0, 0xFF, 0xFFFF, 0};
    const uint8_t *at = s->at, *const at_end = s->end - ROOM_IN;
    uint8_t *out = s->out, *const out_end = s->out_end - ROOM_OUT;

    while (at < at_end && out < out_end) {
        const size_t tag = *at, type = tag & 3, entry = tags[tag], n = entry & 0xFF;
        const uintptr_t literal_mask = -(uintptr_t)(type == 0);
        uint32_t two;

        memcpy(&two, at + 1, 4);
        const size_t distance =
            (two & distance_masks[type]) | (tag >> 5 << 8 & -(size_t)(type == 1));
        if (PS_UNLIKELY(n == 0 || (distance | literal_mask) < n ||
                        distance > (size_t)(out - s->out_start)))
            break;
        /* by masks: the compiler would make a branch of a choice */
        const uint8_t *from = (const uint8_t *)(((uintptr_t)(at + 1) & literal_mask) |
                                                ((uintptr_t)(out - distance) & ~literal_mask));
        at += entry >> 8;
        copy_steps(out, from, n);
        out += n;
    }
    s->at = at, s->out = out;
}

/* One element with all checks. The first ones are counted, to tell which loop fits. */
PS_INLINE bool element(stream *s)
{
    const uint8_t *const start = s->at;
    const uint8_t tag = *s->at++;
    const bool is_literal = (tag & 3) == 0;

    if (!(is_literal ? literal(s, tag) : copy_element(s, tag))) return false;
    if (s->n_sampled < SAMPLE_BYTES) {
        s->n_sampled += (size_t)(s->at - start);
        s->n_elements++;
        s->n_literals += is_literal;
    }
    return true;
}

/* Whether the next element's head is there, and room for a copy. */
PS_INLINE bool has_element(const stream *s)
{
    if (s->literal || s->at == s->end) return false;
    return (s->last_in || s->end - s->at > ROOM_IN) &&
           (s->last_out || s->out_end - s->out >= ROOM_OUT);
}

PS_INLINE bool go_on(stream *s)
{
    if (s->literal && !literal_more(s)) return false;
    while (has_element(s)) {
        if (s->n_sampled >= SAMPLE_BYTES && has_room(s)) {
            if (s->n_literals * 3 >= s->n_elements) decode_turns(s);
            else decode_mixed(s);
            if (!has_element(s)) break;
        }
        if (!element(s)) return false;
    }
    return true;
}

/* On a copy, which can be kept in registers. */
bool ps_pq_snappy_some(ps_pq_snappy *s)
{
    stream copy = *s;
    const bool good = go_on(&copy);

    *s = copy;
    return good;
}

bool ps_pq_snappy_decode(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out)
{
    stream s = {.at = in,
                .end = in + n_in,
                .last_in = true,
                .out = out,
                .out_start = out,
                .out_end = out + n_out,
                .last_out = true};
    size_t n;

    return ps_pq_snappy_size(&s.at, s.end, &n) && n == n_out && go_on(&s) && s.at == s.end &&
           s.out == s.out_end;
}
