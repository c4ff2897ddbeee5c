/* base/str.c -- slices of text and the growing text buffer. UTF-8 is in base/utf8.c.
 *
 * Tests: tests/unit/test_base_map.c */
#include "base/str.h"

#include <stdio.h>

static unsigned char lower(char c) { return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c); }

bool ps_str_equal(ps_str a, ps_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.at, b.at, a.n) == 0);
}

bool ps_str_equal_nocase(ps_str a, ps_str b)
{
    if (a.n != b.n) return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.at[i]) != lower(b.at[i])) return false;
    return true;
}

int ps_str_compare(ps_str a, ps_str b)
{
    const size_t n = PS_MIN(a.n, b.n);
    const int order = n ? memcmp(a.at, b.at, n) : 0;

    if (order) return order < 0 ? -1 : 1;
    return a.n < b.n ? -1 : a.n > b.n;
}

bool ps_str_starts(ps_str text, ps_str prefix)
{
    return prefix.n <= text.n && (prefix.n == 0 || memcmp(text.at, prefix.at, prefix.n) == 0);
}

bool ps_str_ends(ps_str text, ps_str suffix)
{
    return suffix.n <= text.n &&
           (suffix.n == 0 || memcmp(text.at + text.n - suffix.n, suffix.at, suffix.n) == 0);
}

uint32_t ps_str_distance(ps_str a, ps_str b, uint32_t limit)
{
    enum { NAME_MAX_BYTES = 128 }; /* longer names are near only if equal */
    uint32_t rows[3][NAME_MAX_BYTES + 1];
    const size_t gap = a.n > b.n ? a.n - b.n : b.n - a.n;

    if (ps_str_equal_nocase(a, b)) return 0;
    if (gap > limit || a.n > NAME_MAX_BYTES || b.n > NAME_MAX_BYTES) return limit + 1;
    for (uint32_t j = 0; j <= b.n; j++) rows[0][j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        uint32_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];
        uint32_t least = row[0] = (uint32_t)i;
        for (size_t j = 1; j <= b.n; j++) {
            const unsigned char ca = lower(a.at[i - 1]), cb = lower(b.at[j - 1]);
            uint32_t cost = above[j - 1] + (ca != cb);
            cost = PS_MIN(cost, PS_MIN(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && ca == lower(b.at[j - 2]) && lower(a.at[i - 2]) == cb)
                cost = PS_MIN(cost, above2[j - 2] + 1);
            row[j] = cost;
            least = PS_MIN(least, cost);
        }
        /* A swap can still reach past this row from the one above, for one more. */
        if (least > limit + 1) return limit + 1;
    }
    return PS_MIN(rows[a.n % 3][b.n], limit + 1);
}

void ps_text_init(ps_text *text, ps_ctx *cx) { *text = (ps_text){.cx = cx}; }

enum { TEXT_DOUBLES_MAX = 1 << 20 };

/* Room for n more bytes and the NUL. */
static bool text_room(ps_text *text, size_t n)
{
    if (text->status != PS_OK) return false;
    if (n < text->room - text->n && text->room) return true;
    /* large blocks grow in place: twice as much would be charged for nothing */
    const size_t more = text->room < TEXT_DOUBLES_MAX ? text->room : text->room / 4;
    const size_t room = PS_MAX(text->room + more, text->n + n + 1);
    char *grown =
        n < SIZE_MAX / 4 ? ps_realloc(text->cx, text->at, PS_MAX(room, (size_t)64)) : NULL;
    if (!grown) {
        text->status = PS_MEMORY;
        if (n >= SIZE_MAX / 4) ps_fail_memory(text->cx, n);
        return false;
    }
    text->at = grown;
    text->room = ps_block_size(grown);
    return true;
}

void ps_text_add(ps_text *text, const char *bytes, size_t n)
{
    if (!text_room(text, n)) return;
    if (n) memcpy(text->at + text->n, bytes, n);
    text->n += n;
    text->at[text->n] = 0;
}

void ps_text_str(ps_text *text, ps_str str) { ps_text_add(text, str.at, str.n); }
void ps_text_puts(ps_text *text, const char *literal)
{
    ps_text_add(text, literal, strlen(literal));
}
void ps_text_char(ps_text *text, char byte) { ps_text_add(text, &byte, 1); }

void ps_text_repeat(ps_text *text, char byte, size_t n)
{
    if (!text_room(text, n)) return;
    memset(text->at + text->n, byte, n);
    text->n += n;
    text->at[text->n] = 0;
}

void ps_text_printf(ps_text *text, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, args);
    if (n < 0) {
        if (text->status == PS_OK) text->status = PS_BUG(text->cx, "a text could not be formatted");
    } else if (text_room(text, (size_t)n)) {
        vsnprintf(text->at + text->n, (size_t)n + 1, format, again);
        text->n += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void ps_text_json(ps_text *text, ps_str str)
{
    size_t plain = 0; /* start of the bytes that go out as they are */

    ps_text_char(text, '"');
    for (size_t i = 0; i < str.n; i++) {
        const unsigned char c = (unsigned char)str.at[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        ps_text_add(text, str.at + plain, i - plain);
        plain = i + 1;
        switch (c) {
        case '"': ps_text_puts(text, "\\\""); break;
        case '\\': ps_text_puts(text, "\\\\"); break;
        case '\n': ps_text_puts(text, "\\n"); break;
        case '\r': ps_text_puts(text, "\\r"); break;
        case '\t': ps_text_puts(text, "\\t"); break;
        default: ps_text_printf(text, "\\u%04x", c);
        }
    }
    ps_text_add(text, str.at + plain, str.n - plain);
    ps_text_char(text, '"');
}

void ps_text_clear(ps_text *text)
{
    text->n = 0;
    if (text->at) text->at[0] = 0;
    text->status = PS_OK;
}

ps_status ps_text_status(const ps_text *text) { return text->status; }

void ps_text_release(ps_text *text)
{
    if (!text) return;
    ps_free(text->at);
    *text = (ps_text){.cx = text->cx};
}
