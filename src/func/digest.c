/* func/digest.c -- MD5 (RFC 1321), SHA-1 and SHA-256 (FIPS 180-4) of texts and blobs, in lower-case
 * hexadecimal.
 *
 * For comparing and keys of other systems, not for secrets. All three pad a message to blocks of 64
 * bytes with its length in bits at the end. Tests: tests/slt/func/encode.test */
#include "func/rows.h"

typedef void (*block_fn)(uint32_t *state, const uint8_t *block);

static uint32_t left(uint32_t x, int n) { return x << n | x >> (32 - n); }
static uint32_t right(uint32_t x, int n) { return x >> n | x << (32 - n); }
static uint32_t big(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static uint32_t little(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static ps_status digest(ps_ctx *cx, ps_str text, block_fn fn, bool big_endian, uint32_t *state)
{
    uint8_t tail[128] = {0};
    const uint8_t *at = (const uint8_t *)text.at;
    const uint64_t bits = (uint64_t)text.n * 8;
    size_t n = text.n;

    for (size_t k = 1; n >= 64; n -= 64, at += 64, k++) {
        fn(state, at);
        if ((k & 0x3fff) == 0) PS_TRY(ps_poll(cx));
    }
    if (n) memcpy(tail, at, n);
    tail[n] = 0x80;
    const size_t end = n < 56 ? 64 : 128;
    for (size_t i = 0; i < 8; i++)
        tail[end - 8 + i] = (uint8_t)(bits >> 8 * (big_endian ? 7 - i : i));
    for (size_t i = 0; i < end; i += 64) fn(state, tail + i);
    return PS_OK;
}

static ps_status put_hex(ps_rows *rows, uint32_t row, const uint32_t *state, uint32_t n,
                         bool big_endian)
{
    char out[64];

    for (uint32_t i = 0; i < n * 4; i++) {
        const uint8_t byte = (uint8_t)(state[i / 4] >> 8 * (big_endian ? 3 - i % 4 : i % 4));
        out[2 * i] = "0123456789abcdef"[byte >> 4];
        out[2 * i + 1] = "0123456789abcdef"[byte & 15];
    }
    return ps_rows_put_copy(rows, row, out, (size_t)n * 8);
}

/* ---- MD5 ---- */

/* floor(2^32 * |sin(i + 1)|) */
static const uint32_t MD5_SINES[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

static void md5_block(uint32_t *s, const uint8_t *block)
{
    static const int turns[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t a = s[0], b = s[1], c = s[2], d = s[3];

    for (uint32_t i = 0; i < 64; i++) {
        const uint32_t round = i / 16;
        const uint32_t f = round == 0   ? (b & c) | (~b & d)
                           : round == 1 ? (d & b) | (~d & c)
                           : round == 2 ? b ^ c ^ d
                                        : c ^ (b | ~d);
        const uint32_t g = round == 0 ? i : round == 1 ? 5 * i + 1 : round == 2 ? 3 * i + 5 : 7 * i;
        const uint32_t sum = a + f + MD5_SINES[i] + little(block + (size_t)(g % 16) * 4);
        a = d, d = c, c = b;
        b += left(sum, turns[round][i % 4]);
    }
    s[0] += a, s[1] += b, s[2] += c, s[3] += d;
}

static ps_status md5_row(ps_rows *rows, uint32_t row)
{
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

    PS_TRY(digest(rows->call->cx, ps_rows_str(rows, 0, row), md5_block, false, state));
    return put_hex(rows, row, state, 4, false);
}
PS_ROW_FN(md5, VIEW);

/* ---- SHA-1 ---- */

static void sha1_block(uint32_t *s, const uint8_t *block)
{
    uint32_t w[80], a = s[0], b = s[1], c = s[2], d = s[3], e = s[4];

    for (uint32_t i = 0; i < 16; i++) w[i] = big(block + (size_t)i * 4);
    for (uint32_t i = 16; i < 80; i++) w[i] = left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (uint32_t i = 0; i < 80; i++) {
        const uint32_t f = i < 20   ? (b & c) | (~b & d)
                           : i < 40 ? b ^ c ^ d
                           : i < 60 ? (b & c) | (b & d) | (c & d)
                                    : b ^ c ^ d;
        const uint32_t k = i < 20   ? 0x5a827999
                           : i < 40 ? 0x6ed9eba1
                           : i < 60 ? 0x8f1bbcdc
                                    : 0xca62c1d6;
        const uint32_t sum = left(a, 5) + f + e + k + w[i];
        e = d, d = c, c = left(b, 30), b = a, a = sum;
    }
    s[0] += a, s[1] += b, s[2] += c, s[3] += d, s[4] += e;
}

static ps_status sha1_row(ps_rows *rows, uint32_t row)
{
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};

    PS_TRY(digest(rows->call->cx, ps_rows_str(rows, 0, row), sha1_block, true, state));
    return put_hex(rows, row, state, 5, true);
}
PS_ROW_FN(sha1, VIEW);

/* ---- SHA-256 ---- */

/* The first 32 bits of the fractions of the cube roots of the first 64 primes. */
static const uint32_t SHA256_ROOTS[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static void sha256_block(uint32_t *s, const uint8_t *block)
{
    uint32_t w[64], v[8];

    for (uint32_t i = 0; i < 16; i++) w[i] = big(block + (size_t)i * 4);
    for (uint32_t i = 16; i < 64; i++) {
        const uint32_t x = w[i - 15], y = w[i - 2];
        w[i] = w[i - 16] + (right(x, 7) ^ right(x, 18) ^ x >> 3) + w[i - 7] +
               (right(y, 17) ^ right(y, 19) ^ y >> 10);
    }
    memcpy(v, s, sizeof v);
    for (uint32_t i = 0; i < 64; i++) {
        const uint32_t a = v[0], e = v[4];
        const uint32_t one = v[7] + (right(e, 6) ^ right(e, 11) ^ right(e, 25)) +
                             ((e & v[5]) ^ (~e & v[6])) + SHA256_ROOTS[i] + w[i];
        const uint32_t two =
            (right(a, 2) ^ right(a, 13) ^ right(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += one;
        v[0] = one + two;
    }
    for (uint32_t i = 0; i < 8; i++) s[i] += v[i];
}

static ps_status sha256_row(ps_rows *rows, uint32_t row)
{
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    PS_TRY(digest(rows->call->cx, ps_rows_str(rows, 0, row), sha256_block, true, state));
    return put_hex(rows, row, state, 8, true);
}
PS_ROW_FN(sha256, VIEW);
