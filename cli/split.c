/* cli/split.c -- see split.h. */
#include "split.h"

#include <ctype.h>
#include <string.h>

/* The end of a quoted piece that begins at text[0]; n if it does not end. */
static size_t skip_quoted(const char *text, size_t n)
{
    const char quote = text[0];

    for (size_t i = 1; i < n; i++) {
        if (text[i] != quote) continue;
        if (i + 1 < n && text[i + 1] == quote) i++; /* doubled: stands for itself */
        else return i + 1;
    }
    return n;
}

/* The same for a comment that may nest. */
static size_t skip_comment(const char *text, size_t n)
{
    size_t depth = 0;

    for (size_t i = 0; i + 1 < n; i++) {
        if (text[i] == '/' && text[i + 1] == '*') {
            depth++, i++;
        } else if (text[i] == '*' && text[i + 1] == '/') {
            i++;
            if (--depth == 0) return i + 1;
        }
    }
    return n;
}

/* The same for $tag$ ... $tag$; 1 where the dollar opens nothing. */
static size_t skip_dollar(const char *text, size_t n)
{
    size_t tag = 1;

    while (tag < n && (isalnum((unsigned char)text[tag]) || text[tag] == '_')) tag++;
    if (tag >= n || text[tag] != '$' || (tag > 1 && isdigit((unsigned char)text[1]))) return 1;
    tag++;
    const char *end = memmem(text + tag, n - tag, text, tag);
    return end ? (size_t)(end - text) + tag : n;
}

/* The length of the token-like piece at text[0]: what must not be looked into. */
static size_t skip_piece(const char *text, size_t n)
{
    if (text[0] == '\'' || text[0] == '"') return skip_quoted(text, n);
    if (text[0] == '$') return skip_dollar(text, n);
    if (n > 1 && text[0] == '/' && text[1] == '*') return skip_comment(text, n);
    if (n > 1 && text[0] == '-' && text[1] == '-') {
        const char *end = memchr(text, '\n', n);
        return end ? (size_t)(end - text) : n;
    }
    return 1;
}

size_t split_statement(const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        if (text[i] == ';') return i + 1;
        i += skip_piece(text + i, n - i);
    }
    return 0;
}

bool split_is_empty(const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        const bool comment =
            n - i > 1 && (memcmp(text + i, "--", 2) == 0 || memcmp(text + i, "/*", 2) == 0);

        if (!comment && text[i] != ';' && !isspace((unsigned char)text[i])) return false;
        i += comment ? skip_piece(text + i, n - i) : 1;
    }
    return true;
}
