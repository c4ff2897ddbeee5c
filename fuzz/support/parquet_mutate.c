/* fuzz/support/parquet_mutate.c -- see its header.
 *
 * Blind damage: bits, bytes, cut ends, lost middles, zeroed, swapped and copied ranges. Aimed
 * damage: the numbers, lengths and counts of the footer, and of every structure that a number of
 * the footer is the offset of (page headers, page indexes), are found by walking the compact
 * protocol and replaced by numbers that programs stumble over. */
#include "parquet_mutate.h"

#include <stdbool.h>
#include <string.h>

enum { PLACES_MAX = 20000, DEPTH_MAX = 16, OFFSETS_MAX = 500, TAIL_BYTES = 8 };

/* Where varints stand. */
typedef struct places {
    const uint8_t *bytes;
    size_t n, at, end;
    uint32_t starts[PLACES_MAX];
    uint64_t values[PLACES_MAX];
    bool broken;
} places;

static uint64_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static size_t below(uint64_t *state, size_t n) { return n ? random_next(state) % n : 0; }

static uint8_t take(places *p)
{
    if (p->at < p->end) return p->bytes[p->at++];
    p->broken = true;
    return 0;
}

static uint64_t number(places *p)
{
    const size_t start = p->at;
    uint64_t value = 0;
    uint8_t byte = 0x80;

    for (unsigned shift = 0; shift < 64 && byte & 0x80 && !p->broken; shift += 7)
        value |= (uint64_t)((byte = take(p)) & 0x7F) << shift;
    if (p->broken || p->n == PLACES_MAX) return value;
    p->starts[p->n] = (uint32_t)start;
    p->values[p->n++] = value;
    return value;
}

static void walk(places *p, uint8_t type, bool in_list, unsigned depth);

static void walk_struct(places *p, unsigned depth)
{
    for (uint8_t head = take(p); head && !p->broken; head = take(p)) {
        if (!(head >> 4)) number(p);
        walk(p, head & 15, false, depth + 1);
    }
}

static void walk_list(places *p, unsigned depth)
{
    const uint8_t head = take(p);
    const uint64_t n = head >> 4 == 15 ? number(p) : head >> 4;

    for (uint64_t i = 0; i < n && !p->broken; i++) walk(p, head & 15, true, depth + 1);
}

/* One value of the compact protocol; depth is bounded. */
static void walk(places *p, uint8_t type, bool in_list, unsigned depth)
{
    uint64_t n;

    if (depth > DEPTH_MAX) p->broken = true;
    if (p->broken) return;
    switch (type) {
    case 1:
    case 2:
        if (in_list) take(p);
        break;
    case 3: take(p); break;
    case 4:
    case 5:
    case 6: number(p); break;
    case 7: p->at += 8; break;
    case 8:
        n = number(p);
        if (n > p->end - p->at) p->broken = true;
        else p->at += n;
        break;
    case 9: walk_list(p, depth); break;
    case 12: walk_struct(p, depth); break;
    default: p->broken = true;
    }
}

static uint32_t footer_bytes(const uint8_t *bytes, size_t n)
{
    uint32_t length = 0;

    if (n >= 12) memcpy(&length, bytes + n - TAIL_BYTES, 4);
    return length <= n - TAIL_BYTES ? length : 0;
}

/* The numbers of the footer; with pages, of what lies at the offsets among them instead. */
static void places_find(places *p, const uint8_t *bytes, size_t n, bool pages)
{
    uint32_t n_footer = footer_bytes(bytes, n);
    size_t n_offsets = 0;
    uint64_t offsets[OFFSETS_MAX];

    *p = (places){.bytes = bytes, .at = n - TAIL_BYTES - n_footer, .end = n - TAIL_BYTES};
    walk_struct(p, 0);
    if (!pages) return;
    for (size_t i = 0; i < p->n && n_offsets < OFFSETS_MAX; i++) {
        const uint64_t value = p->values[i] >> 1; /* zigzag */
        if (!(p->values[i] & 1) && value >= 4 && value < n - n_footer) offsets[n_offsets++] = value;
    }
    p->n = 0;
    for (size_t i = 0; i < n_offsets; i++) {
        const size_t before = p->n;
        p->at = offsets[i], p->broken = false;
        walk_struct(p, 0);
        if (p->broken) p->n = before; /* no structure: a size or a count that looked like one */
    }
}

static size_t varint_bytes(const uint8_t *bytes, size_t n, size_t at)
{
    size_t length = 1;
    while (at + length < n && bytes[at + length - 1] & 0x80) length++;
    return length;
}

/* A number that programs stumble over, zigzag or not. */
static uint64_t awkward(uint64_t *state, uint64_t old)
{
    static const uint64_t numbers[] = {0,
                                       1,
                                       2,
                                       3,
                                       0x7F,
                                       0x80,
                                       0xFFFF,
                                       0xFFFFFFF,
                                       0x7FFFFFFF,
                                       0x80000000,
                                       0xFFFFFFFF,
                                       0xFFFFFFFEu,
                                       0x1FFFFFFFFu,
                                       UINT64_MAX,
                                       1ull << 62,
                                       (1ull << 63) - 1,
                                       UINT64_MAX - 1};
    const uint64_t kind = random_next(state) % 4;

    if (kind == 0) return old + 1 + random_next(state) % 8;
    if (kind == 1) return old - 1 - random_next(state) % 8;
    if (kind == 2) return old ^ 1ull << random_next(state) % 40;
    return numbers[below(state, sizeof numbers / sizeof *numbers)];
}

/* Writes a number in place of the varint at `at`; the bytes behind move, and the footer's length
 * with them if the number is in the footer. */
static size_t number_put(uint8_t *bytes, size_t n, size_t at, uint64_t value)
{
    uint8_t fresh[10];
    size_t n_fresh = 0;
    const size_t n_old = varint_bytes(bytes, n, at);
    uint32_t n_footer = footer_bytes(bytes, n);

    do {
        fresh[n_fresh++] = (uint8_t)((value & 0x7F) | (value > 0x7F ? 0x80 : 0));
        value >>= 7;
    } while (value);
    if (at >= n - TAIL_BYTES - n_footer) {
        n_footer = (uint32_t)(n_footer + n_fresh - n_old);
        memcpy(bytes + n - TAIL_BYTES, &n_footer, 4);
    } else {
        /* pages must stay where the footer says: a longer number takes the bytes behind it */
        if (at + n_fresh > n) return n;
        memcpy(bytes + at, fresh, n_fresh);
        return n;
    }
    memmove(bytes + at + n_fresh, bytes + at + n_old, n - at - n_old);
    memcpy(bytes + at, fresh, n_fresh);
    return n + n_fresh - n_old;
}

static size_t numbers_change(uint8_t *bytes, size_t n, uint64_t *state)
{
    static places found; /* one mutant at a time */
    const bool pages = random_next(state) % 2;

    places_find(&found, bytes, n, pages);
    if (found.n == 0) return n;
    /* from the back, so that places before the change hold; ten bytes of growth each at most */
    for (size_t left = 1 + random_next(state) % 3, top = found.n; left && top; left--) {
        const size_t i = below(state, top);
        n = number_put(bytes, n, found.starts[i], awkward(state, found.values[i]));
        top = i;
    }
    return n;
}

static void range_pick(uint64_t *state, size_t n, size_t *at, size_t *length)
{
    const size_t longest = random_next(state) % 2 ? 16 : random_next(state) % 2 ? 300 : n / 4 + 1;

    *at = below(state, n);
    *length = 1 + below(state, longest);
    if (*length > n - *at) *length = n - *at;
}

static void ranges_swap(uint8_t *bytes, size_t n, uint64_t *state, bool copy)
{
    size_t a, b, n_a, n_b;

    range_pick(state, n, &a, &n_a);
    range_pick(state, n, &b, &n_b);
    const size_t m = n_a < n_b ? n_a : n_b;
    for (size_t i = 0; i < m; i++) {
        const uint8_t byte = bytes[a + i];
        bytes[a + i] = bytes[b + i];
        if (!copy) bytes[b + i] = byte;
    }
}

static void bytes_damage(uint8_t *bytes, size_t n, uint64_t *state, bool footer)
{
    const size_t from = footer ? n - TAIL_BYTES - footer_bytes(bytes, n) : 0;

    for (uint64_t left = 1 + random_next(state) % 4; left; left--) {
        const size_t at = from + below(state, n - from);
        if (random_next(state) % 2) bytes[at] ^= (uint8_t)(1u << random_next(state) % 8);
        else bytes[at] = (uint8_t)random_next(state);
    }
}

size_t parquet_mutate(uint8_t *bytes, size_t n, uint64_t seed)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    const uint64_t kind = random_next(&state) % 16;
    size_t at, length;

    if (n < 16) return n;
    range_pick(&state, n - TAIL_BYTES, &at, &length);
    switch (kind) {
    case 0: return below(&state, n); /* cut off */
    case 1:                          /* a lost piece before the footer's end */
        memmove(bytes + at, bytes + at + length, n - at - length);
        return n - length;
    case 2: memset(bytes + at, random_next(&state) % 4 ? 0 : 255, length); return n;
    case 3: ranges_swap(bytes, n, &state, false); return n;
    case 4: ranges_swap(bytes, n, &state, true); return n;
    case 5:
    case 6:
    case 7: bytes_damage(bytes, n, &state, false); return n;
    case 8:
    case 9: bytes_damage(bytes, n, &state, true); return n;
    default: return numbers_change(bytes, n, &state);
    }
}
