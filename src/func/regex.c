/* func/regex.c -- regular expressions by PCRE2 with JIT.
 *
 * A constant pattern is compiled once per worker and call site, others once per row (the last one
 * is kept). Patterns and text are UTF-8. Limits on matching steps, depth and heap make a runaway
 * pattern a typed error, never a hang; the context is polled between rows. Options: c i s m n p l g
 * as in DuckDB (l: the pattern is plain text; g: replace all). Tests: tests/unit/test_func_eval.c
 */
#include "func/rows.h"

#include <stdio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    MATCH_LIMIT = 1000000,
    DEPTH_LIMIT = 100000,
    HEAP_LIMIT_KIB = 16 * 1024,
    PATTERN_MAX = 64 * 1024,
    GROUP_MAX = 99,
    JIT_STACK_MAX = 1 << 20
};

typedef struct regex {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    bool global;
    bool constant;     /* the pattern of every row */
    char problem[200]; /* empty: usable */
} regex;

static void regex_clear(regex *re)
{
    pcre2_code_free(re->code);
    pcre2_match_data_free(re->match);
    pcre2_match_context_free(re->context);
    pcre2_jit_stack_free(re->stack);
    *re = (regex){0};
}

static void regex_release(void *state)
{
    if (state) regex_clear(state);
}

/* Flags of an option text; false: an unknown letter. */
static bool options_of(ps_str options, uint32_t *flags, bool *global)
{
    *global = false;
    for (size_t i = 0; i < options.n; i++) {
        switch (options.at[i]) {
        case 'c': *flags &= ~(uint32_t)PCRE2_CASELESS; break;
        case 'i': *flags |= PCRE2_CASELESS; break;
        case 's': *flags |= PCRE2_DOTALL; break;
        case 'm':
        case 'n':
        case 'p':
            *flags |= PCRE2_MULTILINE;
            *flags &= ~(uint32_t)PCRE2_DOTALL;
            break;
        case 'l': *flags |= PCRE2_LITERAL; break;
        case 'g': *global = true; break;
        default: return false;
        }
    }
    return true;
}

/* Compiles; what is wrong with the pattern goes to re->problem, an error of its rows. */
static ps_status regex_compile(ps_ctx *cx, regex *re, ps_str pattern, ps_str options,
                               uint32_t flags)
{
    int code = 0;
    PCRE2_SIZE at = 0;

    regex_clear(re);
    if (!options_of(options, &flags, &re->global)) {
        snprintf(re->problem, sizeof re->problem, "unknown option of a regular expression: '%.*s'",
                 (int)PS_MIN(options.n, (size_t)20), options.at);
        return PS_OK;
    }
    if (pattern.n > PATTERN_MAX) {
        snprintf(re->problem, sizeof re->problem, "a regular expression of more than %d bytes",
                 PATTERN_MAX);
        return PS_OK;
    }
    if (flags & PCRE2_LITERAL)
        flags &= PCRE2_LITERAL | PCRE2_CASELESS | PCRE2_UTF | PCRE2_ENDANCHORED | PCRE2_ANCHORED;
    re->code = pcre2_compile((PCRE2_SPTR)pattern.at, pattern.n,
                             flags | PCRE2_UTF | PCRE2_NO_UTF_CHECK |
                                 (flags & PCRE2_LITERAL ? 0 : PCRE2_NEVER_BACKSLASH_C),
                             &code, &at, NULL);
    if (!re->code) {
        PCRE2_UCHAR message[128];
        if (code == PCRE2_ERROR_NOMEMORY) return ps_fail_memory(cx, pattern.n);
        pcre2_get_error_message(code, message, sizeof message);
        snprintf(re->problem, sizeof re->problem, "bad regular expression: %s at byte %zu",
                 (const char *)message, at);
        return PS_OK;
    }
    pcre2_jit_compile(re->code,
                      PCRE2_JIT_COMPLETE); /* where there is no JIT, the interpreter does it */
    re->match = pcre2_match_data_create_from_pattern(re->code, NULL);
    re->context = pcre2_match_context_create(NULL);
    re->stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK_MAX, NULL);
    if (!re->match || !re->context || !re->stack) return ps_fail_memory(cx, JIT_STACK_MAX);
    pcre2_set_match_limit(re->context, MATCH_LIMIT);
    pcre2_set_depth_limit(re->context, DEPTH_LIMIT);
    pcre2_set_heap_limit(re->context, HEAP_LIMIT_KIB);
    pcre2_jit_stack_assign(re->context, NULL, re->stack);
    return PS_OK;
}

/* Which argument holds the options: functions differ. */
static uint32_t options_arg(const ps_expr *expr)
{
    return strcmp(expr->func->name, "regexp_replace") == 0 ||
                   strcmp(expr->func->name, "regexp_extract") == 0
               ? 3
               : 2;
}

static uint32_t base_flags(const ps_expr *expr)
{
    const bool full = strcmp(expr->func->name, "regexp_full_match") == 0 ||
                      strcmp(expr->func->name, "similar_to") == 0;
    return full ? PCRE2_ANCHORED | PCRE2_ENDANCHORED : 0;
}

static ps_status regex_prepare(ps_ctx *cx, ps_arena *arena, const ps_expr *expr, void **state)
{
    const uint32_t at = options_arg(expr);
    const ps_expr *pattern = expr->args[1], *options = expr->n_args > at ? expr->args[at] : NULL;

    regex *re = PS_ARENA_NEW(cx, arena, regex);
    if (!re) return PS_MEMORY;
    *state = re;
    if (!ps_expr_is_literal(pattern) || pattern->literal.null) return PS_OK;
    if (options && (!ps_expr_is_literal(options) || options->literal.null)) return PS_OK;
    PS_TRY(regex_compile(cx, re, pattern->literal.str, options ? options->literal.str : PS_STR(""),
                         base_flags(expr)));
    re->constant = true;
    return PS_OK;
}

/* The expression of a row, ready to match; NULL with the row marked when it is bad. */
static ps_status regex_of(ps_rows *rows, uint32_t row, regex **out)
{
    const ps_call *call = rows->call;
    regex *re = call->state;

    *out = NULL;
    if (!re) return PS_BUG(call->cx, "a regular expression without its state");
    if (!re->constant) {
        const uint32_t at = options_arg(call->expr);
        PS_TRY(regex_compile(call->cx, re, ps_rows_str(rows, 1, row),
                             call->n_args > at ? ps_rows_str(rows, at, row) : PS_STR(""),
                             base_flags(call->expr)));
    }
    if (re->problem[0]) ps_rows_error(rows, row, "%s", re->problem);
    else *out = re;
    return PS_OK;
}

/* Matches s from byte `from`; *found; a limit reached marks the row. */
static ps_status regex_match(ps_rows *rows, uint32_t row, regex *re, ps_str s, size_t from,
                             uint32_t flags, bool *found)
{
    const int code = pcre2_match(re->code, (PCRE2_SPTR)s.at, s.n, from, PCRE2_NO_UTF_CHECK | flags,
                                 re->match, re->context);

    *found = code > 0 || code == 0;
    if (code >= 0 || code == PCRE2_ERROR_NOMATCH) return PS_OK;
    if (code == PCRE2_ERROR_NOMEMORY) return ps_fail_memory(rows->call->cx, s.n);
    if (code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_DEPTHLIMIT ||
        code == PCRE2_ERROR_HEAPLIMIT || code == PCRE2_ERROR_JIT_STACKLIMIT)
        ps_rows_error(rows, row,
                      "the regular expression needs too many steps on a text of %zu bytes", s.n);
    else ps_rows_error(rows, row, "the regular expression failed with PCRE2 code %d", code);
    return PS_OK;
}

static ps_status regex_test_row(ps_rows *rows, uint32_t row)
{
    regex *re;
    bool found = false;

    PS_TRY(regex_of(rows, row, &re));
    if (re) PS_TRY(regex_match(rows, row, re, ps_rows_str(rows, 0, row), 0, 0, &found));
    PS_ROWS_OUT(rows, uint8_t)[row] = found;
    return PS_OK;
}
static ps_status regex_test_eval(ps_call *call)
{
    return ps_rows_each(call, PS_LAYOUT_BOOL, regex_test_row);
}
PS_FN(regex_test, .eval = regex_test_eval, .prepare = regex_prepare, .release = regex_release);

/* Bytes of group `group` of the last match. */
static ps_str group_of(const regex *re, ps_str s, uint32_t group)
{
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(re->match);

    if (group >= pcre2_get_ovector_count(re->match) || ends[2 * group] == PCRE2_UNSET ||
        ends[2 * group + 1] < ends[2 * group])
        return PS_STR("");
    return (ps_str){s.at + ends[2 * group], ends[2 * group + 1] - ends[2 * group]};
}

static ps_status regex_extract_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    const int64_t group = rows->call->n_args > 2 ? ps_rows_i64(rows, 2, row) : 0;
    regex *re;
    bool found = false;

    if (group < 0 || group > GROUP_MAX) {
        ps_rows_error(rows, row, "a group of a regular expression is 0 to %d: %lld", GROUP_MAX,
                      (long long)group);
        return PS_OK;
    }
    PS_TRY(regex_of(rows, row, &re));
    if (re) PS_TRY(regex_match(rows, row, re, s, 0, 0, &found));
    if (!found) return PS_OK; /* the empty text */
    const ps_str piece = group_of(re, s, (uint32_t)group);
    ps_rows_put(rows, row, piece.at, piece.n);
    return PS_OK;
}
static ps_status regex_extract_eval(ps_call *call)
{
    return ps_rows_each(call, PS_LAYOUT_VIEW, regex_extract_row);
}
PS_FN(regex_extract, .eval = regex_extract_eval, .prepare = regex_prepare,
      .release = regex_release);

/* Appends the replacement: \0..\9 are groups, \\ a backslash. */
static void add_replacement(const regex *re, ps_str s, ps_str to, ps_text *out)
{
    for (size_t i = 0; i < to.n; i++) {
        const char next = i + 1 < to.n ? to.at[i + 1] : 0;
        if (to.at[i] != '\\' || (next != '\\' && (next < '0' || next > '9'))) {
            ps_text_char(out, to.at[i]);
            continue;
        }
        if (next == '\\') ps_text_char(out, '\\');
        else ps_text_str(out, group_of(re, s, (uint32_t)(next - '0')));
        i++;
    }
}

/* Builds the replaced text; *any: something matched. */
static ps_status replace_into(ps_rows *rows, uint32_t row, regex *re, ps_str s, ps_str to,
                              ps_text *out, bool *any)
{
    size_t at = 0, from = 0;
    bool found;
    uint32_t n = 0;

    *any = false;
    do {
        PS_TRY(regex_match(rows, row, re, s, from, 0, &found));
        if (!found) break;
        const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(re->match);
        const size_t start = ends[0], end = ends[1];
        if (start < at || end < start) break; /* \K can look back */
        if ((++n & 1023) == 0) PS_TRY(ps_poll(rows->call->cx));
        *any = true;
        ps_text_add(out, s.at + at, start - at);
        add_replacement(re, s, to, out);
        at = end, from = end;
        if (start == end && end < s.n) { /* an empty match: go on after the next code point */
            size_t length;
            ps_utf8_next(s.at + end, s.n - end, &length);
            from = end + length;
        } else if (start == end) {
            break;
        }
    } while (re->global && from <= s.n);
    ps_text_add(out, s.at + at, s.n - at);
    return ps_text_status(out);
}

static ps_status regex_replace_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row), to = ps_rows_str(rows, 2, row);
    regex *re;
    ps_text out;
    bool any;
    ps_status st;

    PS_TRY(regex_of(rows, row, &re));
    if (!re) return PS_OK;
    ps_text_init(&out, rows->call->cx);
    PS_GO(replace_into(rows, row, re, s, to, &out, &any));
    if (!any) ((ps_view *)rows->out)[row] = *ps_rows_view(rows, 0, row);
    else PS_GO(ps_rows_put_copy(rows, row, out.at ? out.at : "", out.n));
done:
    ps_text_release(&out);
    return st;
}
static ps_status regex_replace_eval(ps_call *call)
{
    return ps_rows_each(call, PS_LAYOUT_VIEW, regex_replace_row);
}
PS_FN(regex_replace, .eval = regex_replace_eval, .prepare = regex_prepare,
      .release = regex_release);
