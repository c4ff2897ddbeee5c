/* front/sql/build.c -- nodes, lists and literals for the grammar's actions. */
#include "front/sql/build.h"
#include "front/sql/grammar.h"
#include "front/sql/grammar_state.h"

void ps_gram_fail_at(sql_parser *p, ps_status code, uint32_t at, const char *text)
{
    if (p->status != PS_OK) return; /* the first failure is the one to tell */
    p->status = ps_fail(p->cx, code, "%s", text);
    ps_fail_at(p->cx, at);
}

static void fail_memory(sql_parser *p)
{
    if (p->status == PS_OK) p->status = PS_MEMORY; /* the arena recorded it */
}

static void fail_depth(sql_parser *p, uint32_t at)
{
    if (p->status != PS_OK) return;
    p->status = ps_fail(p->cx, PS_PARSE, "the statement is nested too deeply: more than %d levels",
                        PS_SQL_DEPTH_MAX);
    ps_fail_at(p->cx, at);
}

void *ps_gram_stack_grow(sql_parser *p, void *block, size_t bytes)
{
    if (bytes > SQL_STACK_BYTES_MAX) return NULL;
    void *grown = ps_realloc(p->cx, block, bytes);
    if (!grown) fail_memory(p);
    return grown;
}

void ps_gram_stack_overflow(sql_parser *p) { fail_depth(p, p->tokens[p->at].start); }

typedef struct depth_state {
    uint32_t depth;
} depth_state;

static ps_status depth_visit(void *state, ps_sql_node *child)
{
    depth_state *s = state;
    if (child && child->depth > s->depth) s->depth = child->depth;
    return PS_OK;
}

ps_sql_node *ps_gram_node(sql_parser *p, ps_sql_kind kind, const void *filled, size_t bytes)
{
    ps_sql_node *node = ps_arena_alloc_raw(p->cx, p->arena, bytes, 8);
    depth_state s = {0};

    if (!node) return fail_memory(p), NULL;
    memcpy(node, filled, bytes);
    node->kind = (uint16_t)kind;
    (void)ps_sql_each_child(node, depth_visit, &s);
    if (s.depth >= PS_SQL_DEPTH_MAX) fail_depth(p, node->start);
    node->depth = (uint16_t)(s.depth + 1);
    node->end = p->at ? p->tokens[p->at - 1].end : 0;
    return node;
}

void ps_gram_depth_raise(sql_parser *p, ps_sql_node *node, const ps_sql_node *child)
{
    if (!node) return;
    node->end = p->at ? p->tokens[p->at - 1].end : node->end;
    if (!child || child->depth < node->depth) return;
    if (child->depth >= PS_SQL_DEPTH_MAX) fail_depth(p, node->start);
    node->depth = (uint16_t)(child->depth + 1);
}

/* Room for one more element; grows by doubling, the old array stays in the arena. */
static bool room_make(sql_parser *p, void **at, uint32_t n, uint32_t *room, size_t size)
{
    if (n < *room) return true;
    const uint32_t wider = *room ? *room * 2 : 2;
    void *grown = ps_arena_alloc_raw(p->cx, p->arena, (size_t)wider * size, 8);
    if (!grown) return fail_memory(p), false;
    if (n) memcpy(grown, *at, (size_t)n * size);
    *at = grown;
    *room = wider;
    return true;
}

ps_sql_list ps_gram_list_add(sql_parser *p, ps_sql_list list, ps_sql_node *node)
{
    if (node && room_make(p, (void **)&list.at, list.n, &list.room, sizeof *list.at))
        list.at[list.n++] = node;
    return list;
}

ps_sql_idents ps_gram_idents_add(sql_parser *p, ps_sql_idents idents, ps_sql_ident ident)
{
    if (room_make(p, (void **)&idents.at, idents.n, &idents.room, sizeof *idents.at))
        idents.at[idents.n++] = ident;
    return idents;
}

/* ---- literals ---- */

/* Text without its doubled quotes: borrowed when there are none. */
static ps_str undouble(sql_parser *p, ps_str text, char quote)
{
    if (!memchr(text.at, quote, text.n)) return text;
    char *copy = ps_arena_alloc_raw(p->cx, p->arena, text.n, 1);
    size_t n = 0;
    if (!copy) return fail_memory(p), (ps_str){"", 0};
    for (size_t i = 0; i < text.n; i++) {
        copy[n++] = text.at[i];
        if (text.at[i] == quote) i++;
    }
    return (ps_str){copy, n};
}

ps_sql_ident ps_gram_ident(sql_parser *p, sql_token token)
{
    const char *text = p->text + token->start;
    const size_t n = token->end - token->start;

    if (*text != '"') return (ps_sql_ident){{text, n}, token->start, false};
    if (n == 2) ps_gram_fail_at(p, PS_PARSE, token->start, "a quoted name is empty");
    return (ps_sql_ident){undouble(p, (ps_str){text + 1, n - 2}, '"'), token->start, true};
}

ps_sql_ident ps_gram_ident_of(const char *literal, uint32_t offset)
{
    return (ps_sql_ident){ps_str_of(literal), offset, false};
}

/* \x41, \u0041, \U00000041, \101: the value; *at ends behind the last digit. */
static uint32_t escape_number(ps_str text, size_t *at, unsigned base, size_t digits_max)
{
    uint32_t value = 0;
    for (size_t i = 0; i < digits_max && *at < text.n; i++, (*at)++) {
        const int digit = ps_hex_digit(text.at[*at]);
        if (digit < 0 || (unsigned)digit >= base) break;
        value = value * base + (uint32_t)digit;
    }
    return value;
}

/* One escape behind its backslash at text.at[*at]; appends to out, gives its bytes, 0: invalid. */
static size_t escape_read(ps_str text, size_t *at, char out[4])
{
    const char c = text.at[(*at)++];
    uint32_t value;
    switch (c) {
    case 'b': out[0] = '\b'; return 1;
    case 'f': out[0] = '\f'; return 1;
    case 'n': out[0] = '\n'; return 1;
    case 'r': out[0] = '\r'; return 1;
    case 't': out[0] = '\t'; return 1;
    case 'x': value = escape_number(text, at, 16, 2); break;
    case 'u': value = escape_number(text, at, 16, 4); break;
    case 'U': value = escape_number(text, at, 16, 8); break;
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
        --*at;
        value = escape_number(text, at, 8, 3);
        break;
    default: out[0] = c; return 1;
    }
    if (value == 0 || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return 0;
    return ps_utf8_put(out, value);
}

static ps_str unescape(sql_parser *p, ps_str text, uint32_t at)
{
    char *copy = ps_arena_alloc_raw(p->cx, p->arena, text.n + 4, 1);
    size_t n = 0;

    if (!copy) return fail_memory(p), (ps_str){"", 0};
    for (size_t i = 0; i < text.n;) {
        if (text.at[i] == '\'') {
            copy[n++] = '\'';
            i += 2;
        } else if (text.at[i] != '\\') {
            copy[n++] = text.at[i++];
        } else {
            i++;
            const size_t more = escape_read(text, &i, copy + n);
            if (!more) {
                ps_gram_fail_at(p, PS_PARSE, at + (uint32_t)i,
                                "an escape in a string gives no valid character");
                break;
            }
            n += more;
        }
    }
    return (ps_str){copy, n};
}

ps_str ps_gram_string(sql_parser *p, sql_token token)
{
    const char *text = p->text + token->start;
    const size_t n = token->end - token->start;

    if (*text == '\'') return undouble(p, (ps_str){text + 1, n - 2}, '\'');
    if (*text != '$') return unescape(p, (ps_str){text + 2, n - 3}, token->start + 2);
    const char *second = memchr(text + 1, '$', n - 1);
    const size_t tag = (size_t)(second - text) + 1;
    return (ps_str){text + tag, n - 2 * tag};
}

ps_sql_node *ps_gram_string_node(sql_parser *p, sql_token token)
{
    return SQL_NEW(p, string, STRING, token->start, .value = ps_gram_string(p, token));
}

ps_sql_node *ps_gram_number(sql_parser *p, sql_token token)
{
    ps_str text = {p->text + token->start, token->end - token->start};
    ps_sql_f_num form = PS_SQL_NUM_INTEGER;

    if (memchr(text.at, '_', text.n)) {
        char *copy = ps_arena_alloc_raw(p->cx, p->arena, text.n, 1);
        size_t n = 0;
        if (!copy) return fail_memory(p), NULL;
        for (size_t i = 0; i < text.n; i++)
            if (text.at[i] != '_') copy[n++] = text.at[i];
        text = (ps_str){copy, n};
    }
    if (token->kind == PS_TK_NUMBER) {
        const char second = text.n > 1 ? (char)(text.at[1] | 32) : '\0';
        if (second == 'x') form = PS_SQL_NUM_HEX;
        else if (second == 'b') form = PS_SQL_NUM_BINARY;
        else if (memchr(text.at, 'e', text.n) || memchr(text.at, 'E', text.n))
            form = PS_SQL_NUM_FLOAT;
        else form = PS_SQL_NUM_DECIMAL;
    }
    return SQL_NEW(p, number, NUMBER, token->start, .form = form, .text = text);
}

/* The digits of text as a number of at most 9 digits; -1: more. */
static int64_t digits_value(ps_str text)
{
    int64_t value = 0;
    if (text.n > 9) return -1;
    for (size_t i = 0; i < text.n; i++)
        if (text.at[i] != '_') value = value * 10 + (text.at[i] - '0');
    return value;
}

int64_t ps_gram_count(sql_parser *p, sql_token token)
{
    const uint32_t skip = p->text[token->start] == '#';
    const int64_t value =
        digits_value((ps_str){p->text + token->start + skip, token->end - token->start - skip});

    if (value >= 0) return value;
    ps_gram_fail_at(p, PS_PARSE, token->start, "a number here must be below 1000000000");
    return 0;
}

static const char MIXED[] = "parameters are named or numbered, not both";

/* Named parameters have numbers too: by their first appearance. */
static ps_sql_node *named_param(sql_parser *p, sql_token token, ps_str name)
{
    size_t i = 0;

    while (i < p->names.n && !ps_str_equal_nocase(p->names.at[i], name)) i++;
    if (i == p->names.n) {
        if (p->n_params > p->names.n) ps_gram_fail_at(p, PS_PARSE, token->start, MIXED);
        if (PS_ARRAY_ADD_IN(p->cx, p->arena, &p->names, name) != PS_OK) return NULL;
        p->n_params = (uint32_t)p->names.n;
    }
    return SQL_NEW(p, param, PARAM, token->start, .number = (int64_t)i + 1, .name = name);
}

ps_sql_node *ps_gram_param(sql_parser *p, sql_token token)
{
    const ps_str text = {p->text + token->start + 1, token->end - token->start - 1};
    int64_t number = 0;

    if (text.n && (text.at[0] < '0' || text.at[0] > '9')) return named_param(p, token, text);
    if (p->names.n) ps_gram_fail_at(p, PS_PARSE, token->start, MIXED);
    number = text.n ? digits_value(text) : (int64_t)++p->n_marks;
    if (number < 1 || number > 65535)
        ps_gram_fail_at(p, PS_PARSE, token->start, "the number of a parameter must be 1 to 65535");
    else if (number > p->n_params) p->n_params = (uint32_t)number;
    return SQL_NEW(p, param, PARAM, token->start, .number = number);
}

ps_sql_ident ps_gram_unit(sql_parser *p, sql_token token)
{
    static const char *const units[] = {
        "year",   "quarter",     "month",       "week",   "day",     "hour",      "minute",
        "second", "millisecond", "microsecond", "decade", "century", "millennium"};
    const ps_str word = {p->text + token->start, token->end - token->start};

    for (size_t i = 0; i < PS_COUNT(units); i++) {
        const ps_str unit = ps_str_of(units[i]);
        if (word.n >= unit.n && word.n <= unit.n + 1 &&
            ps_str_equal_nocase((ps_str){word.at, unit.n}, unit))
            return (ps_sql_ident){unit, token->start, false};
    }
    return ps_gram_ident_of((word.at[0] | 32) == 'c' ? "century" : "millennium", token->start);
}
