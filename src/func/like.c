/* func/like.c -- LIKE, ILIKE and their negations, with ESCAPE.
 *
 * A pattern is cut at its % into segments; the first and the last may be anchored, the others are
 * found leftmost, one after the other, which is enough because % takes any text. A segment without
 * _ is a plain search. A constant pattern is compiled once; ILIKE compares lower-case forms. Time:
 * pattern length x text length at worst. Tests: tests/unit/test_func_eval.c */
#include "base/find.h"
#include "func/rows.h"

#include <utf8proc.h>

#define ANY_ONE '\xFF' /* _ in a compiled segment: no byte of UTF-8 */

typedef struct segment {
    const char *at;
    size_t n;
    bool any_one;
} segment;

typedef struct pattern {
    segment *segments;
    uint32_t n;
    bool from_start, to_end; /* the first (last) segment must be at the start (end) */
    size_t n_min;            /* bytes a matching text has at least */
} pattern;

static char *lower_of(ps_ctx *cx, ps_arena *arena, ps_str s, size_t *n)
{
    char *out = ps_arena_alloc_raw(cx, arena, s.n * 3 + 4, 1);

    *n = 0;
    if (!out) return NULL;
    for (size_t i = 0, length; i < s.n; i += length) {
        const unsigned char byte = (unsigned char)s.at[i];
        if (byte < 0x80) {
            out[(*n)++] = (char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
            length = 1;
        } else {
            const uint32_t c = ps_utf8_next(s.at + i, s.n - i, &length);
            *n += ps_utf8_put(out + *n, (uint32_t)utf8proc_tolower((utf8proc_int32_t)c));
        }
    }
    return out;
}

/* Compiles text; *problem: what is wrong with it, else NULL. */
static ps_status compile(ps_ctx *cx, ps_arena *arena, ps_str text, ps_str escape, pattern *out,
                         const char **problem)
{
    char *bytes = ps_arena_alloc_raw(cx, arena, text.n + 1, 1);
    segment *segments = PS_ARENA_ARRAY(cx, arena, segment, text.n + 1);
    size_t n = 0, start = 0;
    bool any_one = false;

    *problem = NULL;
    if (!bytes || !segments) return PS_MEMORY;
    *out = (pattern){.segments = segments,
                     .from_start =
                         text.n == 0 || text.at[0] != '%' || (escape.n && escape.at[0] == '%'),
                     .to_end = true};
    for (size_t i = 0; i <= text.n; i++) {
        const bool end = i == text.n;
        if (!end && escape.n && text.at[i] == escape.at[0]) {
            if (++i == text.n) {
                *problem = "a LIKE pattern must not end with its escape character";
                return PS_OK;
            }
            bytes[n++] = text.at[i];
        } else if (!end && text.at[i] == '_') {
            bytes[n++] = ANY_ONE;
            any_one = true;
        } else if (!end && text.at[i] != '%') {
            bytes[n++] = text.at[i];
        } else { /* the end of a segment */
            if (n > start || end) segments[out->n++] = (segment){bytes + start, n - start, any_one};
            if (end && n == start && i > 0 && text.at[i - 1] == '%') out->to_end = false, out->n--;
            start = n, any_one = false;
        }
    }
    out->n_min = n;
    return PS_OK;
}

/* Bytes of s that the segment takes at its start; SIZE_MAX: it doesn't match there. */
static size_t match_at(const segment *seg, const char *s, size_t n)
{
    size_t at = 0, length;

    if (!seg->any_one) return seg->n <= n && memcmp(s, seg->at, seg->n) == 0 ? seg->n : SIZE_MAX;
    for (size_t i = 0; i < seg->n; i++) {
        if (at >= n) return SIZE_MAX;
        if (seg->at[i] == ANY_ONE) {
            ps_utf8_next(s + at, n - at, &length);
            at += length;
        } else if (s[at++] != seg->at[i]) {
            return SIZE_MAX;
        }
    }
    return at;
}

/* Leftmost match; gives its end, NULL: none. */
static const char *find(const segment *seg, const char *s, size_t n)
{
    if (!seg->any_one) {
        const char *hit = ps_find(s, n, seg->at, seg->n);
        return hit ? hit + seg->n : NULL;
    }
    for (size_t i = 0, length; i < n; i += length) {
        const size_t taken = match_at(seg, s + i, n - i);
        if (taken != SIZE_MAX) return s + i + taken;
        ps_utf8_next(s + i, n - i, &length);
    }
    return NULL;
}

/* Whether the segment matches exactly at the end of s. */
static bool match_end(const segment *seg, const char *s, size_t n)
{
    size_t from = n;

    if (!seg->any_one) return seg->n <= n && memcmp(s + n - seg->n, seg->at, seg->n) == 0;
    /* as many code points from the end as the segment has */
    for (size_t i = 0; i < seg->n; i++) {
        if (((unsigned char)seg->at[i] & 0xC0) == 0x80) continue;
        if (from == 0) return false;
        for (from--; from > 0 && ((unsigned char)s[from] & 0xC0) == 0x80;) from--;
    }
    return match_at(seg, s + from, n - from) == n - from;
}

static bool matches(const pattern *p, const char *s, size_t n)
{
    uint32_t first = 0, last = p->n;

    if (n < p->n_min) return false; /* _ counts as one byte, the least it takes */
    if (p->from_start && p->n) {
        const size_t taken = match_at(&p->segments[0], s, n);
        if (taken == SIZE_MAX) return false;
        if (p->n == 1 && p->to_end) return taken == n;
        s += taken, n -= taken, first = 1;
    }
    if (p->to_end && last > first) last--;
    for (uint32_t i = first; i < last; i++) {
        const char *end = find(&p->segments[i], s, n);
        if (!end) return false;
        n -= (size_t)(end - s), s = end;
    }
    return !p->to_end || p->n == 0 || match_end(&p->segments[p->n - 1], s, n);
}

/* What a call says; the compiled form of its constant pattern. */
typedef struct like_state {
    pattern pattern;
    const char *problem;
} like_state;

static const char *escape_problem(ps_str escape)
{
    return escape.n > 1 ? "ESCAPE takes one ASCII character or an empty text" : NULL;
}

static bool is_insensitive(const ps_expr *expr)
{
    return strstr(expr->func->name, "ilike") != NULL;
}

static ps_status compile_for(ps_ctx *cx, ps_arena *arena, bool insensitive, ps_str text,
                             ps_str escape, like_state *out)
{
    out->problem = escape_problem(escape);
    if (out->problem) return PS_OK;
    if (insensitive) {
        size_t n;
        text.at = lower_of(cx, arena, text, &n);
        if (!text.at) return PS_MEMORY;
        text.n = n;
    }
    return compile(cx, arena, text, escape, &out->pattern, &out->problem);
}

static ps_status like_prepare(ps_ctx *cx, ps_arena *arena, const ps_expr *expr, void **state)
{
    const ps_expr *text = expr->args[1], *escape = expr->n_args > 2 ? expr->args[2] : NULL;

    *state = NULL;
    if (!ps_expr_is_literal(text) || text->literal.null) return PS_OK;
    if (escape && (!ps_expr_is_literal(escape) || escape->literal.null)) return PS_OK;
    like_state *made = PS_ARENA_NEW(cx, arena, like_state);
    if (!made) return PS_MEMORY;
    PS_TRY(compile_for(cx, arena, is_insensitive(expr), text->literal.str,
                       escape ? escape->literal.str : PS_STR(""), made));
    *state = made;
    return PS_OK;
}

static ps_status like_row(ps_rows *rows, uint32_t row, const like_state *like, bool insensitive,
                          bool negated)
{
    ps_str s = ps_rows_str(rows, 0, row);

    if (like->problem) {
        ps_rows_error(rows, row, "%s", like->problem);
        return PS_OK;
    }
    if (insensitive) {
        size_t n;
        s.at = lower_of(rows->call->cx, &rows->call->buf->heap, s, &n);
        if (!s.at) return PS_MEMORY;
        s.n = n;
    }
    ((uint8_t *)rows->out)[row] = matches(&like->pattern, s.at, s.n) != negated;
    return PS_OK;
}

/* A prefix: its first four bytes are in the view itself. */
static void prefix_rows(ps_rows *rows, const segment *seg, bool negated)
{
    const uint32_t m = (uint32_t)seg->n, head = PS_MIN(m, 4u);
    const uint32_t mask = head == 4 ? UINT32_MAX : (1u << 8 * head) - 1;
    uint8_t *out = rows->out;
    uint32_t wanted = 0;

    memcpy(&wanted, seg->at, head);
    for (uint32_t k = 0; k < rows->n; k++) {
        const uint32_t row = ps_rows_at(rows, k);
        const ps_view *view = ps_rows_view(rows, 0, row);
        uint32_t first;
        memcpy(&first, view->prefix, 4);
        bool hit = ((first ^ wanted) & mask) == 0 && view->n >= m;
        if (hit && m > 4 && ps_rows_live(rows, row))
            hit = memcmp(ps_view_bytes(view) + 4, seg->at + 4, m - 4) == 0;
        out[row] = hit != negated;
    }
}

/* A piece anywhere, or at the end. */
static ps_status piece_rows(ps_rows *rows, const segment *seg, bool at_end, bool negated)
{
    uint8_t *out = rows->out;

    for (uint32_t k = 0; k < rows->n; k++) {
        const uint32_t row = ps_rows_at(rows, k);
        const ps_str s = ps_rows_str(rows, 0, row);
        if (!ps_rows_live(rows, row)) continue;
        PS_TRY(ps_rows_poll(rows, s.n));
        const bool hit = at_end ? s.n >= seg->n && memcmp(s.at + s.n - seg->n, seg->at, seg->n) == 0
                                : ps_find(s.at, s.n, seg->at, seg->n) != NULL;
        out[row] = hit != negated;
    }
    return PS_OK;
}

/* The usual patterns 'x%', '%x' and '%x%'; *done false: another one. Null rows hold empty views. */
static ps_status simple_rows(ps_rows *rows, const pattern *p, bool negated, bool *done)
{
    *done = p->n == 1 && !p->segments[0].any_one && p->segments[0].n > 0 &&
            !(p->from_start && p->to_end);
    if (!*done) return PS_OK;
    if (!p->from_start) return piece_rows(rows, &p->segments[0], p->to_end, negated);
    prefix_rows(rows, &p->segments[0], negated);
    return PS_OK;
}

static ps_status like_rows(ps_call *call, bool insensitive, bool negated)
{
    const like_state *prepared = call->state;
    const bool one_pattern = call->args[1].encoding == PS_ENC_CONSTANT &&
                             (call->n_args < 3 || call->args[2].encoding == PS_ENC_CONSTANT);
    like_state made = {0};
    bool have = false;
    ps_rows rows;

    PS_TRY(ps_rows_begin(call, PS_LAYOUT_BOOL, &rows));
    if (prepared && !prepared->problem && !insensitive) {
        bool done;
        PS_TRY(simple_rows(&rows, &prepared->pattern, negated, &done));
        if (done) return PS_OK;
    }
    for (uint32_t k = 0; k < rows.n; k++) {
        const uint32_t row = ps_rows_at(&rows, k);
        if (!ps_rows_live(&rows, row)) continue;
        PS_TRY(ps_rows_poll(&rows, ps_rows_bytes(&rows, row)));
        if (!prepared && (!have || !one_pattern)) {
            const ps_str escape = call->n_args > 2 ? ps_rows_str(&rows, 2, row) : PS_STR("");
            PS_TRY(compile_for(call->cx, &call->buf->heap, insensitive, ps_rows_str(&rows, 1, row),
                               escape, &made));
            have = true;
        }
        PS_TRY(like_row(&rows, row, prepared ? prepared : &made, insensitive, negated));
    }
    return PS_OK;
}

static ps_status like_eval(ps_call *call) { return like_rows(call, false, false); }
PS_FN(like, .eval = like_eval, .prepare = like_prepare);
static ps_status not_like_eval(ps_call *call) { return like_rows(call, false, true); }
PS_FN(not_like, .eval = not_like_eval, .prepare = like_prepare);
static ps_status ilike_eval(ps_call *call) { return like_rows(call, true, false); }
PS_FN(ilike, .eval = ilike_eval, .prepare = like_prepare);
static ps_status not_ilike_eval(ps_call *call) { return like_rows(call, true, true); }
PS_FN(not_ilike, .eval = not_ilike_eval, .prepare = like_prepare);
