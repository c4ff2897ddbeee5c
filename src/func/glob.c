/* func/glob.c -- text GLOB pattern: * any text, ? one code point, [a-z] [!a] one of a set, \ plain.
 *
 * (DuckDB counts bytes for ?.) Matched with one star remembered, so time is at most pattern length
 * x text length. Compared by code points; a set without its end matches nothing. Tests:
 * tests/unit/test_func_eval.c */
#include "func/rows.h"

typedef struct place {
    const char *at, *end;
} place;

static uint32_t next(place *p)
{
    size_t length;
    const uint32_t c = ps_utf8_next(p->at, (size_t)(p->end - p->at), &length);

    p->at += length;
    return c;
}

/* A set after its [; moves past its ]. */
static bool in_set(place *p, uint32_t c)
{
    bool negated = false, found = false, first = true;

    if (p->at < p->end && *p->at == '!') negated = true, p->at++;
    for (; p->at < p->end && (first || *p->at != ']'); first = false) {
        const uint32_t low = next(p);
        uint32_t high = low;
        if (p->end - p->at >= 2 && p->at[0] == '-' && p->at[1] != ']') {
            p->at++;
            high = next(p);
        }
        found |= c >= low && c <= high;
    }
    if (p->at == p->end) return false;
    p->at++;
    return found != negated;
}

/* One element of the pattern that is not a star against one code point. */
static bool match_one(place *p, uint32_t c)
{
    const uint32_t wanted = next(p);

    if (wanted == '?') return true;
    if (wanted == '[') return in_set(p, c);
    if (wanted == '\\' && p->at < p->end) return next(p) == c;
    return wanted == c;
}

static bool matches(ps_str text, ps_str pattern)
{
    place s = {text.at, text.at + text.n}, p = {pattern.at, pattern.at + pattern.n};
    place star_s = s, star_p = {NULL, NULL}; /* where to go on when a try fails */

    for (;;) {
        if (p.at < p.end && *p.at == '*') {
            p.at++;
            star_p = p, star_s = s;
            continue;
        }
        if (s.at == s.end && p.at == p.end) return true;
        if (s.at < s.end && p.at < p.end && match_one(&p, next(&s))) continue;
        if (!star_p.at || star_s.at == star_s.end) return false;
        next(&star_s); /* the star takes one more */
        s = star_s, p = star_p;
    }
}

static ps_status glob_row(ps_rows *rows, uint32_t row)
{
    PS_ROWS_OUT(rows, uint8_t)[row] = matches(ps_rows_str(rows, 0, row), ps_rows_str(rows, 1, row));
    return PS_OK;
}
PS_ROW_FN(glob, BOOL);
