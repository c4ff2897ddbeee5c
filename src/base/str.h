/* base/str.h -- slices of text and a growing text buffer.
 *
 * A ps_str borrows its bytes and need not end in a NUL. A ps_text owns its buffer; it is
 * what printers write to. An allocation failure latches: later writes do nothing and
 * ps_text_status() tells, so that printers need no checks. */
#ifndef PS_BASE_STR_H
#define PS_BASE_STR_H

#include "base/arena.h"

#include <stdarg.h>
#include <string.h>

typedef struct ps_str {
    const char *at;
    size_t n;
} ps_str;
#define PS_STR(literal) ((ps_str){(literal), sizeof(literal) - 1})
#define PS_STR_ARGS(s)  (int)(s).n, (s).at /* for "%.*s" */

PS_INLINE ps_str ps_str_of(const char *text) { return (ps_str){text, text ? strlen(text) : 0}; }
bool ps_str_equal(ps_str a, ps_str b);
bool ps_str_equal_nocase(ps_str a, ps_str b); /* ASCII letters only */
int ps_str_compare(ps_str a, ps_str b);       /* by bytes, shorter first */
bool ps_str_starts(ps_str text, ps_str prefix);
bool ps_str_ends(ps_str text, ps_str suffix);
/* Restricted Damerau-Levenshtein distance over bytes without case, at most limit + 1; for near
 * names. */
uint32_t ps_str_distance(ps_str a, ps_str b, uint32_t limit);

typedef struct ps_text {
    ps_ctx *cx;
    char *at; /* NUL-terminated once anything was written */
    size_t n, room;
    ps_status status;
} ps_text;

void ps_text_init(ps_text *text, ps_ctx *cx);
void ps_text_add(ps_text *text, const char *bytes, size_t n);
void ps_text_str(ps_text *text, ps_str str);
void ps_text_puts(ps_text *text, const char *literal);
void ps_text_char(ps_text *text, char byte);
void ps_text_repeat(ps_text *text, char byte, size_t n);
void ps_text_printf(ps_text *text, const char *format, ...) PS_PRINTF(2, 3);
/* As a JSON string with its quotes, escaped. */
void ps_text_json(ps_text *text, ps_str str);
void ps_text_clear(ps_text *text);
ps_status ps_text_status(const ps_text *text);
void ps_text_release(ps_text *text);

/* UTF-8. */
bool ps_utf8_valid(const char *bytes, size_t n,
                   size_t *bad_at);                /* bad_at: offset of the first bad byte */
size_t ps_utf8_count(const char *bytes, size_t n); /* code points of valid text */
size_t ps_utf8_width(ps_str text);                 /* terminal columns */
/* Decodes the code point at bytes (valid text), gives its length. */
uint32_t ps_utf8_next(const char *bytes, size_t n, size_t *length);
size_t ps_utf8_put(char out[4], uint32_t code_point);

/* 0 to 15 for a hexadecimal digit of either case, -1 for anything else. */
PS_INLINE int ps_hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    const int letter = (c | 32) - 'a';
    return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

#endif
