/* front/sql/locate.c -- line, column and an excerpt with a caret, from a byte offset.
 *
 * The text may be anything, broken UTF-8 included: bytes that are no text show as '?'. Tabs show
 * as one blank, so that the caret stays under its character. */
#include "front/sql/parser.h"

#include <stdio.h>

enum { EXCERPT_COLUMNS = 76 }; /* shown of a long line */

/* Start of the character that holds text.at[at]. */
static size_t char_start(ps_str text, size_t at)
{
    size_t back = 0;
    while (back < 3 && at - back > 0 && ((unsigned char)text.at[at - back] & 0xc0) == 0x80) back++;
    return ((unsigned char)text.at[at - back] & 0xc0) == 0x80 ? at : at - back;
}

/* Bytes of the character at text.at[at], its terminal columns; 1 byte when it is broken. */
static size_t char_bytes(ps_str text, size_t at, size_t *width)
{
    const unsigned char c = (unsigned char)text.at[at];
    size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

    *width = 1;
    if (n == 1) return 1;
    if (at + n > text.n || !ps_utf8_valid(text.at + at, n, NULL)) return 1;
    *width = ps_utf8_width((ps_str){text.at + at, n});
    return n;
}

static void put(char *out, size_t room, size_t *n, const char *bytes, size_t length)
{
    if (*n + length >= room) return;
    memcpy(out + *n, bytes, length);
    *n += length;
}

/* Writes the visible characters of text[from, to) and gives their width. */
static size_t put_line(ps_str text, size_t from, size_t to, char *out, size_t room, size_t *n)
{
    size_t columns = 0;
    while (from < to) {
        size_t width;
        const size_t bytes = char_bytes(text, from, &width);
        const unsigned char c = (unsigned char)text.at[from];
        if (bytes > 1) put(out, room, n, text.at + from, bytes);
        else put(out, room, n, c == '\t' ? " " : c < 32 || c >= 127 ? "?" : text.at + from, 1);
        columns += width;
        from += bytes;
    }
    return columns;
}

/* Moves `at` by up to `columns` characters, within [low, high]. */
static size_t step(ps_str text, size_t at, size_t columns, bool back, size_t limit)
{
    while (columns > 0 && at != limit) {
        size_t width = 1;
        if (back) {
            at = char_start(text, at - 1);
            if (at < limit) return limit;
            (void)char_bytes(text, at, &width);
        } else {
            at += char_bytes(text, at, &width);
            if (at > limit) return limit;
        }
        columns -= PS_MIN(columns, width ? width : 1);
    }
    return at;
}

void ps_sql_locate(ps_str text, uint32_t offset, ps_error *error)
{
    size_t start = 0, end, at = PS_MIN((size_t)offset, text.n), n = 0;
    char *out = error->excerpt;
    const size_t room = sizeof error->excerpt;

    error->offset = (uint32_t)at + 1;
    error->line = error->column = 1;
    for (size_t i = 0; i < at; i++) {
        if (text.at[i] != '\n') continue;
        error->line++;
        start = i + 1;
    }
    if (at < text.n && at > start) at = PS_MAX(char_start(text, at), start);
    for (size_t i = start, width; i < at; i += char_bytes(text, i, &width)) error->column++;
    for (end = at; end < text.n && text.at[end] != '\n'; end++) {
    }
    if (end > start && end > at && text.at[end - 1] == '\r') end--;

    size_t from = step(text, at, EXCERPT_COLUMNS / 2, true, start);
    size_t to = step(text, at, EXCERPT_COLUMNS / 2, false, end);
    if (from == start) to = step(text, start, EXCERPT_COLUMNS, false, end);
    if (to < at) to = at;
    if (to == end) from = PS_MIN(from, step(text, end, EXCERPT_COLUMNS, true, start));
    size_t columns = from > start ? 3 : 0;
    if (from > start) put(out, room, &n, "...", 3);
    columns += put_line(text, from, at, out, room, &n);
    (void)put_line(text, at, to, out, room, &n);
    if (to < end) put(out, room, &n, "...", 3);
    put(out, room, &n, "\n", 1);
    for (size_t i = 0; i < columns; i++) put(out, room, &n, " ", 1);
    put(out, room, &n, "^", 1);
    out[n] = '\0';
}
