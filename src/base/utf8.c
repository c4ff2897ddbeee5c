/* base/utf8.c -- UTF-8: validation, counting, decoding, terminal width.
 *
 * Valid is what Unicode 15, table 3-7 allows: shortest forms, no surrogates, to U+10FFFF.
 * Tests: tests/unit/test_base_map.c */
#include "base/str.h"

#include <utf8proc.h>

/* Length of the code point at s[0..n), 0 if it is not well formed. */
static size_t sequence_length(const unsigned char *s, size_t n)
{
    const unsigned char lead = s[0];
    unsigned char low = 0x80, high = 0xBF; /* of the second byte */
    size_t length;

    if (lead < 0x80) return 1;
    if (lead < 0xC2 || lead > 0xF4) return 0;
    length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (length > n) return 0;
    if (lead == 0xE0) low = 0xA0;  /* longer forms than needed */
    if (lead == 0xED) high = 0x9F; /* surrogates */
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F; /* above U+10FFFF */
    if (s[1] < low || s[1] > high) return 0;
    for (size_t i = 2; i < length; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    return length;
}

bool ps_utf8_valid(const char *bytes, size_t n, size_t *bad_at)
{
    const unsigned char *s = (const unsigned char *)bytes;
    size_t i = 0;

    while (i < n) {
        uint64_t words[4];
        while (n - i >= sizeof words) { /* ASCII, 32 bytes a step */
            memcpy(words, s + i, sizeof words);
            if ((words[0] | words[1] | words[2] | words[3]) & 0x8080808080808080u) break;
            i += sizeof words;
        }
        for (const size_t stop = PS_MIN(n, i + sizeof words); i < stop;) {
            const size_t length = sequence_length(s + i, n - i);
            if (length == 0) {
                if (bad_at) *bad_at = i;
                return false;
            }
            i += length;
        }
    }
    return true;
}

size_t ps_utf8_count(const char *bytes, size_t n)
{
    size_t count = n, i = 0;

    for (; i + 8 <= n; i += 8) { /* bytes 10xxxxxx go on: bit 7 set, bit 6 not */
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        count -= (size_t)__builtin_popcountll(word >> 7 & ~(word >> 6) & 0x0101010101010101u);
    }
    for (; i < n; i++) count -= ((unsigned char)bytes[i] & 0xC0) == 0x80;
    return count;
}

uint32_t ps_utf8_next(const char *bytes, size_t n, size_t *length)
{
    const unsigned char *s = (const unsigned char *)bytes;

    PS_ASSERT(n > 0);
    *length = sequence_length(s, n);
    switch (*length) {
    case 1: return s[0];
    case 2: return (uint32_t)(s[0] & 0x1F) << 6 | (s[1] & 0x3Fu);
    case 3: return (uint32_t)(s[0] & 0x0F) << 12 | (uint32_t)(s[1] & 0x3F) << 6 | (s[2] & 0x3Fu);
    case 4:
        return (uint32_t)(s[0] & 0x07) << 18 | (uint32_t)(s[1] & 0x3F) << 12 |
               (uint32_t)(s[2] & 0x3F) << 6 | (s[3] & 0x3Fu);
    default: *length = 1; return 0xFFFD; /* a caller's loop still ends */
    }
}

size_t ps_utf8_put(char out[4], uint32_t code_point)
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xC0 | code_point >> 6);
        out[1] = (char)(0x80 | (code_point & 0x3F));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xE0 | code_point >> 12);
        out[1] = (char)(0x80 | (code_point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code_point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code_point >> 18);
    out[1] = (char)(0x80 | (code_point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code_point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code_point & 0x3F));
    return 4;
}

size_t ps_utf8_width(ps_str text)
{
    size_t width = 0;

    for (size_t i = 0, length; i < text.n; i += length) {
        const uint32_t code_point = ps_utf8_next(text.at + i, text.n - i, &length);
        const int columns = utf8proc_charwidth((utf8proc_int32_t)code_point);
        width += columns > 0 ? (size_t)columns : 0;
    }
    return width;
}
