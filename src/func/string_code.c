/* func/string_code.c -- text written in other ways: base 64, percent signs, binary digits, escapes,
 * without accents; sizes for people.
 *
 * Tests: tests/slt/func/encode.test, the examples in string.toml. */
#include "func/rows.h"

#include <utf8proc.h>

static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static ps_status to_base64_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    const uint8_t *in = (const uint8_t *)s.at;
    char *out = ps_rows_text(rows, (s.n + 2) / 3 * 4), *at = out;

    if (!out) return PS_MEMORY;
    for (size_t i = 0; i < s.n; i += 3) {
        const size_t left = s.n - i;
        const uint32_t bits = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                              (left > 2 ? in[i + 2] : 0);
        *at++ = BASE64[bits >> 18];
        *at++ = BASE64[bits >> 12 & 63];
        *at++ = left > 1 ? BASE64[bits >> 6 & 63] : '=';
        *at++ = left > 2 ? BASE64[bits & 63] : '=';
    }
    ps_rows_put(rows, row, out, (size_t)(at - out));
    return PS_OK;
}
PS_ROW_FN(to_base64, VIEW);

static int base64_digit(char c)
{
    const char *at = c ? strchr(BASE64, c) : NULL;
    return at ? (int)(at - BASE64) : -1;
}

static ps_status from_base64_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    char *out = ps_rows_text(rows, s.n / 4 * 3), *at = out;

    if (!out) return PS_MEMORY;
    for (size_t i = 0; s.n % 4 == 0 && i < s.n; i += 4) {
        const bool last = i + 4 == s.n;
        const int pads =
            last ? (s.at[i + 3] == '=') + (s.at[i + 3] == '=' && s.at[i + 2] == '=') : 0;
        uint32_t bits = 0;

        for (int k = 0; k < 4; k++) {
            const int digit = k >= 4 - pads ? 0 : base64_digit(s.at[i + (size_t)k]);
            if (digit < 0) goto done;
            bits = bits << 6 | (uint32_t)digit;
        }
        *at++ = (char)(bits >> 16);
        if (pads < 2) *at++ = (char)(bits >> 8);
        if (pads < 1) *at++ = (char)bits;
    }
    if (s.n % 4) goto done;
    ps_rows_put(rows, row, out, (size_t)(at - out));
    return PS_OK;
done:
    ps_rows_error(rows, row, "not a text in base 64: '%.*s'", (int)PS_MIN(s.n, (size_t)100), s.at);
    return PS_OK;
}
PS_ROW_FN(from_base64, VIEW);

static bool is_word(unsigned char c)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') || c == '_';
}
static bool is_plain(unsigned char c) { return is_word(c) || c == '-' || c == '.' || c == '~'; }

static ps_status url_encode_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    char *out = ps_rows_text(rows, s.n * 3), *at = out;

    if (!out) return PS_MEMORY;
    for (size_t i = 0; i < s.n; i++) {
        const unsigned char c = (unsigned char)s.at[i];
        if (is_plain(c)) {
            *at++ = (char)c;
        } else {
            *at++ = '%';
            *at++ = "0123456789ABCDEF"[c >> 4];
            *at++ = "0123456789ABCDEF"[c & 15];
        }
    }
    ps_rows_put(rows, row, out, (size_t)(at - out));
    return PS_OK;
}
PS_ROW_FN(url_encode, VIEW);

/* What is no percent code stays as it is; bytes that make no text are an error. */
static ps_status url_decode_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    char *out = ps_rows_text(rows, s.n), *at = out;
    size_t bad;

    if (!out) return PS_MEMORY;
    for (size_t i = 0; i < s.n; i++) {
        const int high = s.at[i] == '%' && i + 2 < s.n ? ps_hex_digit(s.at[i + 1]) : -1,
                  low = high >= 0 ? ps_hex_digit(s.at[i + 2]) : -1;
        if (low >= 0) *at++ = (char)(high << 4 | low), i += 2;
        else *at++ = s.at[i];
    }
    if (!ps_utf8_valid(out, (size_t)(at - out), &bad))
        ps_rows_error(rows, row, "the decoded bytes are not UTF-8: '%.*s'",
                      (int)PS_MIN(s.n, (size_t)100), s.at);
    else ps_rows_put(rows, row, out, (size_t)(at - out));
    return PS_OK;
}
PS_ROW_FN(url_decode, VIEW);

static ps_status encode_row(ps_rows *rows, uint32_t row)
{
    ((ps_view *)rows->out)[row] = *ps_rows_view(rows, 0, row);
    return PS_OK;
}
PS_ROW_FN(encode, VIEW);

static ps_status decode_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    size_t bad = 0;

    if (!ps_utf8_valid(s.at, s.n, &bad))
        ps_rows_error(rows, row, "the blob is not UTF-8, at byte %zu", bad);
    else ((ps_view *)rows->out)[row] = *ps_rows_view(rows, 0, row);
    return PS_OK;
}
PS_ROW_FN(decode, VIEW);

/* ---- digits ---- */

static ps_status bin_int_row(ps_rows *rows, uint32_t row)
{
    char room[64], *at = room + sizeof room;
    uint64_t value = (uint64_t)ps_rows_i64(rows, 0, row);

    do *--at = (char)('0' + (value & 1));
    while (value >>= 1);
    return ps_rows_put_copy(rows, row, at, (size_t)(room + sizeof room - at));
}
PS_ROW_FN(bin_int, VIEW);

static ps_status bin_bytes_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    char *out = ps_rows_text(rows, s.n * 8);

    if (!out) return PS_MEMORY;
    for (size_t i = 0; i < s.n * 8; i++)
        out[i] = (char)('0' + ((unsigned char)s.at[i / 8] >> (7 - i % 8) & 1));
    ps_rows_put(rows, row, out, s.n * 8);
    return PS_OK;
}
PS_ROW_FN(bin_bytes, VIEW);

static ps_status to_base_row(ps_rows *rows, uint32_t row)
{
    const int64_t value = ps_rows_i64(rows, 0, row), radix = ps_rows_i64(rows, 1, row),
                  wanted = rows->call->n_args > 2 ? ps_rows_i64(rows, 2, row) : 0;
    char room[64], *at = room + sizeof room;
    uint64_t left = (uint64_t)value;

    if (value < 0 || radix < 2 || radix > 36 || wanted < 0 || wanted > 64) {
        ps_rows_error(rows, row,
                      "to_base writes numbers from 0 in base 2 to 36 with up to 64 digits");
        return PS_OK;
    }
    do *--at = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[left % (uint64_t)radix];
    while (left /= (uint64_t)radix);
    while (room + sizeof room - at < wanted) *--at = '0';
    return ps_rows_put_copy(rows, row, at, (size_t)(room + sizeof room - at));
}
PS_ROW_FN(to_base, VIEW);

/* ---- text ---- */

static ps_status regexp_escape_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    char *out = ps_rows_text(rows, s.n * 2), *at = out;

    if (!out) return PS_MEMORY;
    for (size_t i = 0; i < s.n; i++) {
        const unsigned char c = (unsigned char)s.at[i];
        if (c < 0x80 && !is_word(c)) *at++ = '\\';
        *at++ = (char)c;
    }
    ps_rows_put(rows, row, out, (size_t)(at - out));
    return PS_OK;
}
PS_ROW_FN(regexp_escape, VIEW);

/* The text decomposed and put together again by utf8proc. */
static ps_status mapped(ps_rows *rows, uint32_t row, unsigned options)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    const utf8proc_uint8_t *in = (const utf8proc_uint8_t *)s.at;
    const utf8proc_option_t how = (utf8proc_option_t)options;
    const utf8proc_ssize_t room = utf8proc_decompose(in, (utf8proc_ssize_t)s.n, NULL, 0, how);
    ps_status st = PS_OK;

    if (room < 0) {
        ps_rows_error(rows, row, "the text can't be mapped");
        return PS_OK;
    }
    utf8proc_int32_t *points =
        ps_alloc(rows->call->cx, ((size_t)room + 1) * sizeof(utf8proc_int32_t));
    if (!points) return PS_MEMORY;
    utf8proc_decompose(in, (utf8proc_ssize_t)s.n, points, room, how);
    const utf8proc_ssize_t n = utf8proc_reencode(points, room, how);
    if (n < 0) ps_rows_error(rows, row, "the text can't be mapped");
    else st = ps_rows_put_copy(rows, row, (const char *)points, (size_t)n);
    ps_free(points);
    return st;
}
static ps_status strip_accents_row(ps_rows *rows, uint32_t row)
{
    return mapped(rows, row, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_STRIPMARK);
}
PS_ROW_FN(strip_accents, VIEW);
static ps_status nfc_normalize_row(ps_rows *rows, uint32_t row)
{
    return mapped(rows, row, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}
PS_ROW_FN(nfc_normalize, VIEW);

/* ---- sizes ---- */

static ps_status put_size(ps_rows *rows, uint32_t row, double unit, const char *const *names)
{
    const int64_t bytes = ps_rows_i64(rows, 0, row);
    double value = bytes < 0 ? -(double)bytes : (double)bytes;
    char out[48];
    int k = 0;

    while (k < 6 && value >= unit) value /= unit, k++;
    const int n = k ? snprintf(out, sizeof out, "%s%.1f %s", bytes < 0 ? "-" : "",
                               (double)(int64_t)(value * 10) / 10, names[k])
                    : snprintf(out, sizeof out, "%lld byte%s", (long long)bytes,
                               bytes == 1 || bytes == -1 ? "" : "s");
    return ps_rows_put_copy(rows, row, out, (size_t)n);
}
static ps_status format_bytes_row(ps_rows *rows, uint32_t row)
{
    static const char *const names[] = {"", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    return put_size(rows, row, 1024, names);
}
PS_ROW_FN(format_bytes, VIEW);
static ps_status format_bytes_decimal_row(ps_rows *rows, uint32_t row)
{
    static const char *const names[] = {"", "kB", "MB", "GB", "TB", "PB", "EB"};
    return put_size(rows, row, 1000, names);
}
PS_ROW_FN(format_bytes_decimal, VIEW);
