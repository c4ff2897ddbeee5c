/* func/string.c -- text: case, length, slices, searching, trimming.
 *
 * Positions and lengths are in code points, from 1; ASCII text (the usual case) is indexed by
 * bytes. Slices point into the argument. Tests: tests/unit/test_func_eval.c, the examples in
 * string.toml. */
#include "base/find.h"
#include "func/rows.h"

#include <utf8proc.h>

static bool is_ascii(ps_str s)
{
    uint64_t high = 0;
    size_t i = 0;

    for (; i + 8 <= s.n; i += 8) {
        uint64_t word;
        memcpy(&word, s.at + i, 8);
        high |= word;
    }
    for (; i < s.n; i++) high |= (unsigned char)s.at[i];
    return !(high & 0x8080808080808080u);
}

/* Byte offset of the code point number `count` (0-based); s.n beyond the end. */
static size_t offset_of(ps_str s, size_t count, bool ascii)
{
    size_t i = 0;

    if (ascii) return PS_MIN(count, s.n);
    for (; i < s.n && count > 0; count--) {
        i++;
        while (i < s.n && ((unsigned char)s.at[i] & 0xC0) == 0x80) i++;
    }
    return i;
}

/* Code points start..end of s, both clamped. */
static void put_slice(ps_rows *rows, uint32_t row, ps_str s, int64_t start, int64_t end)
{
    const bool ascii = is_ascii(s);

    start = PS_MAX(start, 0), end = PS_MAX(end, start);
    const size_t from = offset_of(s, (size_t)start, ascii);
    const size_t n = offset_of((ps_str){s.at + from, s.n - from}, (size_t)(end - start), ascii);
    ps_rows_put(rows, row, s.at + from, n);
}

static int64_t count_of(ps_str s) { return (int64_t)ps_utf8_count(s.at, s.n); }

/* Each code point through map; the result is at most 3 bytes a byte longer (U+0250 to U+2C6F). */
static ps_status put_mapped(ps_rows *rows, uint32_t row, ps_str s,
                            utf8proc_int32_t (*map)(utf8proc_int32_t), char from, char to)
{
    const bool ascii = is_ascii(s);
    char *out = ps_rows_text(rows, ascii ? s.n : s.n * 3 + 4);
    size_t n = 0;

    if (!out) return PS_MEMORY;
    if (ascii) {
        for (; n < s.n; n++)
            out[n] = (char)(s.at[n] >= from && s.at[n] <= to ? s.at[n] ^ 32 : s.at[n]);
    } else {
        for (size_t i = 0, length; i < s.n; i += length) {
            const uint32_t c = ps_utf8_next(s.at + i, s.n - i, &length);
            n += ps_utf8_put(out + n, (uint32_t)map((utf8proc_int32_t)c));
        }
    }
    ps_rows_put(rows, row, out, n);
    return PS_OK;
}

static ps_status lower_row(ps_rows *rows, uint32_t row)
{
    return put_mapped(rows, row, ps_rows_str(rows, 0, row), utf8proc_tolower, 'A', 'Z');
}
PS_ROW_FN(lower, VIEW);

static ps_status upper_row(ps_rows *rows, uint32_t row)
{
    return put_mapped(rows, row, ps_rows_str(rows, 0, row), utf8proc_toupper, 'a', 'z');
}
PS_ROW_FN(upper, VIEW);

/* The first letter of each word upper, the others lower; words are letters and digits. */
static ps_status initcap_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    char *out = ps_rows_text(rows, s.n * 3 + 4);
    size_t n = 0;
    bool inside = false;

    if (!out) return PS_MEMORY;
    for (size_t i = 0, length; i < s.n; i += length) {
        const utf8proc_int32_t c = (utf8proc_int32_t)ps_utf8_next(s.at + i, s.n - i, &length);
        const utf8proc_category_t k = utf8proc_category(c);
        const bool word =
            (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) || k == UTF8PROC_CATEGORY_ND;
        n += ps_utf8_put(out + n, (uint32_t)(inside ? utf8proc_tolower(c) : utf8proc_toupper(c)));
        inside = word;
    }
    ps_rows_put(rows, row, out, n);
    return PS_OK;
}
PS_ROW_FN(initcap, VIEW);

static ps_status length_row(ps_rows *rows, uint32_t row)
{
    PS_ROWS_OUT(rows, int64_t)[row] = count_of(ps_rows_str(rows, 0, row));
    return PS_OK;
}
PS_ROW_FN(length, I64);

static ps_status octet_length_row(ps_rows *rows, uint32_t row)
{
    PS_ROWS_OUT(rows, int64_t)[row] = ps_rows_view(rows, 0, row)->n;
    return PS_OK;
}
PS_ROW_FN(octet_length, I64);

static ps_status bit_length_row(ps_rows *rows, uint32_t row)
{
    PS_ROWS_OUT(rows, int64_t)[row] = (int64_t)ps_rows_view(rows, 0, row)->n * 8;
    return PS_OK;
}
PS_ROW_FN(bit_length, I64);

static ps_status list_length_row(ps_rows *rows, uint32_t row)
{
    const ps_reader_view *in = &rows->in[0];
    PS_ROWS_OUT(rows, int64_t)[row] = ((const ps_list *)in->data)[ps_reader_at(in, row)].n;
    return PS_OK;
}
PS_ROW_FN(list_length, I64);

/* start from 1, negative from the end, 0 is before the first; a negative length goes backwards. */
static ps_status substring_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    int64_t start = ps_rows_i64(rows, 1, row), length = INT64_MAX / 2, end;

    if (start > 0) start = PS_MIN(start - 1, (int64_t)UINT32_MAX);
    else start = start < 0 ? PS_MAX(start, -(int64_t)UINT32_MAX) + count_of(s) : -1;
    if (rows->call->n_args == 3) {
        length = ps_rows_i64(rows, 2, row);
        length = PS_MAX(PS_MIN(length, (int64_t)UINT32_MAX), -(int64_t)UINT32_MAX);
    }
    end = start + length;
    if (length < 0) {
        const int64_t swap = start;
        start = end, end = swap;
    }
    put_slice(rows, row, s, start, PS_MAX(end, 0));
    return PS_OK;
}
PS_ROW_FN(substring, VIEW);

static ps_status left_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    const int64_t n = ps_rows_i64(rows, 1, row);

    put_slice(rows, row, s, 0, n >= 0 ? n : PS_MAX(n, -INT64_MAX) + count_of(s));
    return PS_OK;
}
PS_ROW_FN(left, VIEW);

static ps_status right_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    const int64_t n = ps_rows_i64(rows, 1, row), count = count_of(s);

    put_slice(rows, row, s,
              n >= 0           ? count - n
              : n == INT64_MIN ? INT64_MAX / 2
                               : -n,
              PS_MAX(count, 0));
    return PS_OK;
}
PS_ROW_FN(right, VIEW);

static bool set_has(ps_str set, const char *at, size_t length)
{
    for (size_t i = 0, n; i < set.n; i += n) {
        ps_utf8_next(set.at + i, set.n - i, &n);
        if (n == length && memcmp(set.at + i, at, n) == 0) return true;
    }
    return false;
}

static ps_status put_trimmed(ps_rows *rows, uint32_t row, bool front, bool back)
{
    const ps_str set = rows->call->n_args > 1 ? ps_rows_str(rows, 1, row) : PS_STR(" ");
    ps_str s = ps_rows_str(rows, 0, row);
    size_t length;

    while (front && s.n) {
        ps_utf8_next(s.at, s.n, &length);
        if (!set_has(set, s.at, length)) break;
        s.at += length, s.n -= length;
    }
    while (back && s.n) {
        size_t i = s.n - 1;
        while (i > 0 && ((unsigned char)s.at[i] & 0xC0) == 0x80) i--;
        if (!set_has(set, s.at + i, s.n - i)) break;
        s.n = i;
    }
    ps_rows_put(rows, row, s.at, s.n);
    return PS_OK;
}
static ps_status trim_row(ps_rows *rows, uint32_t row)
{
    return put_trimmed(rows, row, true, true);
}
PS_ROW_FN(trim, VIEW);
static ps_status ltrim_row(ps_rows *rows, uint32_t row)
{
    return put_trimmed(rows, row, true, false);
}
PS_ROW_FN(ltrim, VIEW);
static ps_status rtrim_row(ps_rows *rows, uint32_t row)
{
    return put_trimmed(rows, row, false, true);
}
PS_ROW_FN(rtrim, VIEW);

static ps_status starts_with_row(ps_rows *rows, uint32_t row)
{
    PS_ROWS_OUT(rows, uint8_t)
    [row] = ps_str_starts(ps_rows_str(rows, 0, row), ps_rows_str(rows, 1, row));
    return PS_OK;
}
PS_ROW_FN(starts_with, BOOL);

static ps_status ends_with_row(ps_rows *rows, uint32_t row)
{
    PS_ROWS_OUT(rows, uint8_t)
    [row] = ps_str_ends(ps_rows_str(rows, 0, row), ps_rows_str(rows, 1, row));
    return PS_OK;
}
PS_ROW_FN(ends_with, BOOL);

static ps_status contains_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row), piece = ps_rows_str(rows, 1, row);
    PS_ROWS_OUT(rows, uint8_t)[row] = ps_find(s.at, s.n, piece.at, piece.n) != NULL;
    return PS_OK;
}
PS_ROW_FN(contains, BOOL);

static ps_status strpos_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row), piece = ps_rows_str(rows, 1, row);
    const char *at = ps_find(s.at, s.n, piece.at, piece.n);
    PS_ROWS_OUT(rows, int64_t)
    [row] = at ? (int64_t)ps_utf8_count(s.at, (size_t)(at - s.at)) + 1 : 0;
    return PS_OK;
}
PS_ROW_FN(strpos, I64);

/* The empty separator parts every code point. Gives the end of the part that begins at `from`. */
static size_t part_end(ps_str s, ps_str separator, size_t from)
{
    size_t length;

    if (from >= s.n) return s.n;
    if (separator.n == 0) {
        ps_utf8_next(s.at + from, s.n - from, &length);
        return from + length;
    }
    const char *at = ps_find(s.at + from, s.n - from, separator.at, separator.n);
    return at ? (size_t)(at - s.at) : s.n;
}

static int64_t part_count(ps_str s, ps_str separator)
{
    int64_t n = 1;

    for (size_t end = part_end(s, separator, 0);
         end + separator.n < s.n + (separator.n > 0) && end < s.n; n++)
        end = part_end(s, separator, end + separator.n);
    return n;
}

static ps_status split_part_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row), separator = ps_rows_str(rows, 1, row);
    int64_t n = ps_rows_i64(rows, 2, row);
    size_t from = 0, end;

    if (n < 0) n = n < -INT64_MAX ? 0 : part_count(s, separator) + n + 1;
    if (n <= 0) return PS_OK; /* slots begin empty */
    for (end = part_end(s, separator, 0); --n > 0; end = part_end(s, separator, from)) {
        if (end == s.n) return PS_OK;
        from = end + separator.n;
    }
    ps_rows_put(rows, row, s.at + from, end - from);
    return PS_OK;
}
PS_ROW_FN(split_part, VIEW);

static ps_status ascii_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    size_t length;
    PS_ROWS_OUT(rows, int32_t)[row] = s.n ? (int32_t)ps_utf8_next(s.at, s.n, &length) : 0;
    return PS_OK;
}
PS_ROW_FN(ascii, I32);

static ps_status unicode_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    size_t length;
    PS_ROWS_OUT(rows, int32_t)[row] = s.n ? (int32_t)ps_utf8_next(s.at, s.n, &length) : -1;
    return PS_OK;
}
PS_ROW_FN(unicode, I32);
