/* front/sql/parser.c -- drives scanner and grammar; errors that say where and what was meant.
 *
 * One pass scans the whole text, so that words can look at their neighbours; then each statement
 * is fed to a grammar of its own. Open brackets are counted before the grammar sees them: that,
 * the depth of nodes (build.c) and the bound of the grammar's stack (grammar_state.h) together
 * keep every text from overflowing a stack. Tests: tests/unit/test_sql_parse.c. */
#include "front/sql/parser.h"
#include "front/sql/grammar.h"
#include "front/sql/grammar_state.h"

enum { SQL_TEXT_BYTES_MAX = 1 << 30 };

/* ---- tokens ---- */

static ps_status fail_token(ps_ctx *cx, const char *text, ps_sql_token token)
{
    switch (token.kind) {
    case PS_TK_OPEN_STRING:
        ps_fail(cx, PS_PARSE, "a string that starts here has no closing quote");
        break;
    case PS_TK_OPEN_NAME:
        ps_fail(cx, PS_PARSE, "a quoted name that starts here has no closing quote");
        break;
    case PS_TK_OPEN_DOLLAR:
        ps_fail(cx, PS_PARSE, "a dollar-quoted string that starts here has no end");
        break;
    case PS_TK_OPEN_COMMENT: ps_fail(cx, PS_PARSE, "a comment that starts here has no end"); break;
    case PS_TK_BAD_BLOB: ps_fail(cx, PS_PARSE, "x'..' needs pairs of hexadecimal digits"); break;
    default:
        ps_fail(cx, PS_PARSE, "syntax error at \"%.*s\"", (int)(token.end - token.start),
                text + token.start);
        break;
    }
    ps_fail_at(cx, token.start);
    return PS_PARSE;
}

ps_status ps_sql_tokens_read(ps_ctx *cx, ps_str text, ps_sql_tokens *out)
{
    const char *at = text.at, *end = text.at + text.n;
    ps_sql_token token;

    do {
        token = ps_sql_scan(text.at, end, &at);
        if (PS_UNLIKELY(token.kind >= PS_TK_BAD_CHARACTER)) return fail_token(cx, text.at, token);
        PS_TRY(PS_ARRAY_ADD(cx, out, token));
        if (PS_UNLIKELY((out->n & 0xffff) == 0)) PS_TRY(ps_poll(cx));
    } while (token.kind != PS_TK_EOT);
    /* words.c looks two tokens ahead of the last one */
    for (int i = 0; i < 2; i++) PS_TRY(PS_ARRAY_ADD(cx, out, token));
    ps_sql_words_settle(text.at, out);
    return PS_ARRAY_ADD(cx, out, token);
}

/* ---- syntax errors ---- */

static bool is_clause_word(void *state, uint16_t kind)
{
    (void)state;
    switch (kind) {
    case PS_TK_SELECT:
    case PS_TK_FROM:
    case PS_TK_WHERE:
    case PS_TK_GROUP:
    case PS_TK_ORDER:
    case PS_TK_HAVING:
    case PS_TK_LIMIT:
    case PS_TK_OFFSET:
    case PS_TK_QUALIFY:
    case PS_TK_UNION:
    case PS_TK_INTERSECT:
    case PS_TK_EXCEPT:
    case PS_TK_JOIN:
    case PS_TK_USING:
    case PS_TK_WINDOW:
    case PS_TK_LEFT:
    case PS_TK_RIGHT:
    case PS_TK_INNER:
    case PS_TK_CROSS:
    case PS_TK_BETWEEN:
    case PS_TK_LIKE:
    case PS_TK_DISTINCT:
    case PS_TK_TABLE:
    case PS_TK_VALUES: return true;
    default: return false;
    }
}

static ps_str token_text(const sql_parser *p, size_t i)
{
    return (ps_str){p->text + p->tokens[i].start, p->tokens[i].end - p->tokens[i].start};
}

/* A clause's word misspelled as a name, at the token or just before it; NULL: none. */
static const char *misspelled(const sql_parser *p, size_t *at,
                              bool (*accepts)(void *state, uint16_t kind), void *state)
{
    const char *near = NULL;
    const size_t i = *at;

    if (i > 0 && p->tokens[i - 1].kind == PS_TK_ID && p->text[p->tokens[i - 1].start] != '"')
        near = ps_sql_word_near(token_text(p, i - 1), is_clause_word, NULL);
    if (near) {
        *at = i - 1;
        return near;
    }
    if (p->tokens[i].kind == PS_TK_ID) near = ps_sql_word_near(token_text(p, i), accepts, state);
    if (!near && p->tokens[i].kind == PS_TK_ID)
        near = ps_sql_word_near(token_text(p, i), is_clause_word, NULL);
    return near;
}

/* Says which bracket is open at the end of a statement; false: none is. */
static bool hint_open_bracket(sql_parser *p, size_t at)
{
    const uint16_t kind = p->tokens[at].kind;
    ps_error place = {0};
    uint32_t depth = 0;
    size_t i = at;

    if (kind != PS_TK_EOT && kind != PS_TK_SEMI_COLON) return false;
    while (i > 0 && p->tokens[i - 1].kind != PS_TK_SEMI_COLON) {
        const uint16_t now = p->tokens[--i].kind;

        if (now == PS_TK_RP || now == PS_TK_RB || now == PS_TK_RC) depth++;
        if (now != PS_TK_LP && now != PS_TK_LB && now != PS_TK_LC) continue;
        if (depth-- > 0) continue;
        ps_sql_locate((ps_str){p->text, p->tokens[at].start}, p->tokens[i].start, &place);
        ps_hint(p->cx, "the %.*s at line %u, column %u is not closed",
                PS_STR_ARGS(token_text(p, i)), place.line, place.column);
        return true;
    }
    return false;
}

/* "expected FROM, WHERE or )" while there are few; writes nothing when there are many, or when the
 * parser has already closed what stood before the token, so that only a query's last words are
 * left. */
static void hint_expected(sql_parser *p, bool (*accepts)(void *state, uint16_t kind), void *state)
{
    static const struct {
        uint16_t kind;
        const char *text;
    } signs[] = {{PS_TK_ID, "a name"},
                 {PS_TK_LP, "("},
                 {PS_TK_RP, ")"},
                 {PS_TK_RB, "]"},
                 {PS_TK_RC, "}"},
                 {PS_TK_COMMA, ","},
                 {PS_TK_EQ, "="},
                 {PS_TK_INTEGER, "a number"},
                 {PS_TK_STRING, "a string"},
                 {PS_TK_COLON, ":"}};
    const char *found[5];
    size_t n = 0;

    for (size_t i = 0; i < PS_COUNT(signs) && n < 5; i++)
        if (accepts(state, signs[i].kind)) found[n++] = signs[i].text;
    for (uint16_t kind = PS_TK_UNIT + 1; kind < PS_TK_WORDS_END && n < 5; kind++)
        if (accepts(state, kind)) found[n++] = ps_sql_word_text(kind);
    if (accepts(state, PS_TK_LIMIT) || (n == 1 && accepts(state, PS_TK_COMMA))) return;
    if (n == 1) ps_hint(p->cx, "expected %s", found[0]);
    if (n == 2) ps_hint(p->cx, "expected %s or %s", found[0], found[1]);
    if (n == 3) ps_hint(p->cx, "expected %s, %s or %s", found[0], found[1], found[2]);
    if (n == 4) ps_hint(p->cx, "expected %s, %s, %s or %s", found[0], found[1], found[2], found[3]);
}

/* The first word of a statement DuckDB has and this grammar has not; false: none. */
static bool fail_unsupported(sql_parser *p)
{
    const uint16_t kind = p->tokens[p->at].kind;
    const ps_str word = token_text(p, p->at);

    switch (kind) {
    case PS_TK_ALTER:
    case PS_TK_ATTACH:
    case PS_TK_CHECKPOINT:
    case PS_TK_COMMENT:
    case PS_TK_DETACH:
    case PS_TK_EXPORT:
    case PS_TK_FORCE:
    case PS_TK_IMPORT:
    case PS_TK_INSTALL:
    case PS_TK_LOAD:
    case PS_TK_MERGE:
    case PS_TK_VACUUM:
    case PS_TK_ANALYZE:
    case PS_TK_INSERT:
        if (p->at > 0 && p->tokens[p->at - 1].kind != PS_TK_SEMI_COLON && kind != PS_TK_MERGE &&
            kind != PS_TK_INSERT)
            return false;
        break;
    case PS_TK_INDEX:
    case PS_TK_SEQUENCE:
    case PS_TK_DATABASE:
    case PS_TK_TRIGGER:
    case PS_TK_UNIQUE:
    case PS_TK_SECRET: break;
    default: return false;
    }
    if (kind == PS_TK_INSERT && (p->at == 0 || p->tokens[p->at - 1].kind != PS_TK_RP)) return false;
    if (kind == PS_TK_INDEX || kind == PS_TK_SEQUENCE || kind == PS_TK_DATABASE ||
        kind == PS_TK_TRIGGER || kind == PS_TK_UNIQUE || kind == PS_TK_SECRET) {
        size_t i = p->at;
        while (i > 0 && p->tokens[i - 1].kind != PS_TK_SEMI_COLON) i--;
        if (p->tokens[i].kind != PS_TK_CREATE || p->at - i > 3) return false;
        p->status =
            ps_fail(p->cx, PS_UNSUPPORTED, "CREATE %.*s is not supported", PS_STR_ARGS(word));
    } else {
        p->status = ps_fail(p->cx, PS_UNSUPPORTED, "%.*s is not supported here", PS_STR_ARGS(word));
    }
    ps_fail_at(p->cx, p->tokens[p->at].start);
    return true;
}

void ps_gram_syntax_error(sql_parser *p, bool (*accepts)(void *state, uint16_t kind), void *state)
{
    size_t at = p->at;
    const char *near;

    if (p->status != PS_OK || fail_unsupported(p)) return;
    near = misspelled(p, &at, accepts, state);
    if (p->tokens[at].kind == PS_TK_EOT || p->tokens[at].kind == PS_TK_SEMI_COLON)
        p->status = ps_fail(p->cx, PS_PARSE, "syntax error at the end of the statement");
    else if (p->tokens[at].end - p->tokens[at].start > 200)
        p->status = ps_fail(p->cx, PS_PARSE, "syntax error at a token of %u bytes",
                            p->tokens[at].end - p->tokens[at].start);
    else
        p->status =
            ps_fail(p->cx, PS_PARSE, "syntax error at \"%.*s\"", PS_STR_ARGS(token_text(p, at)));
    ps_fail_at(p->cx, p->tokens[at].start);
    if (near) ps_hint(p->cx, "did you mean %s?", near);
    else if (hint_open_bracket(p, at)) return;
    else if (p->tokens[at].kind > PS_TK_UNIT && p->tokens[at].kind < PS_TK_WORDS_END &&
             accepts(state, PS_TK_ID))
        ps_hint(p->cx, "%.*s is a keyword: as a name it is written \"%.*s\"",
                PS_STR_ARGS(token_text(p, at)), PS_STR_ARGS(token_text(p, at)));
    else hint_expected(p, accepts, state);
}

/* ---- statements ---- */

static bool opens(uint16_t kind)
{
    return kind == PS_TK_LP || kind == PS_TK_LB || kind == PS_TK_LC;
}
static bool closes(uint16_t kind)
{
    return kind == PS_TK_RP || kind == PS_TK_RB || kind == PS_TK_RC;
}

/* Feeds the tokens of one statement; p->at is its first and ends at its end. */
static ps_status statement_feed(sql_parser *p, void *grammar)
{
    uint32_t open = 0;

    for (;; p->at++) {
        const ps_sql_token *token = &p->tokens[p->at];
        if (token->kind == PS_TK_SEMI_COLON || token->kind == PS_TK_EOT) break;
        if (opens(token->kind) && ++open > PS_SQL_DEPTH_MAX) {
            ps_gram_stack_overflow(p);
            return p->status;
        }
        if (closes(token->kind) && open) open--;
        ps_sql_grammar(grammar, token->kind, token);
        if (PS_UNLIKELY(p->status != PS_OK)) return p->status;
        if (PS_UNLIKELY((p->at & 0xffff) == 0)) PS_TRY(p->status = ps_poll(p->cx));
    }
    ps_sql_grammar(grammar, PS_TK_EOT, &p->tokens[p->at]);
    return p->status;
}

static ps_status statement_read(sql_parser *p, void *grammar, ps_sql_statement *out)
{
    const size_t first = p->at;

    p->statement = NULL;
    p->n_params = p->n_marks = 0;
    p->names.n = 0;
    ps_sql_grammarInit(grammar, p);
    if (p->status == PS_OK) statement_feed(p, grammar);
    ps_sql_grammarFinalize(grammar);
    if (p->status != PS_OK) return p->status;
    if (!p->statement) return PS_BUG(p->cx, "the grammar ended without a statement");
    *out = (ps_sql_statement){p->statement, p->tokens[first].start, p->tokens[p->at - 1].end,
                              p->n_params};
    return PS_OK;
}

/* The arena's copy of text with a NUL behind it, when it is text at all. */
static ps_status text_take(ps_ctx *cx, ps_arena *arena, ps_str text, ps_str *out)
{
    size_t bad_at = 0;
    const char *nul;

    if (text.n > SQL_TEXT_BYTES_MAX)
        return ps_fail(cx, PS_INVALID, "a text of SQL may have 1 GiB, this has %zu bytes", text.n);
    if (text.n && (nul = memchr(text.at, 0, text.n)) != NULL) {
        ps_fail(cx, PS_PARSE, "a NUL byte in the text");
        ps_fail_at(cx, (uint32_t)(nul - text.at));
        return PS_PARSE;
    }
    if (text.n && !ps_utf8_valid(text.at, text.n, &bad_at)) {
        ps_fail(cx, PS_PARSE, "the text is not valid UTF-8: byte 0x%02x",
                (unsigned char)text.at[bad_at]);
        ps_fail_at(cx, (uint32_t)bad_at);
        return PS_PARSE;
    }
    char *copy = ps_arena_alloc_raw(cx, arena, text.n + 1, 1);
    if (!copy) return PS_MEMORY;
    if (text.n) memcpy(copy, text.at, text.n);
    copy[text.n] = '\0';
    *out = (ps_str){copy, text.n};
    return PS_OK;
}

ps_status ps_sql_parse(ps_ctx *cx, ps_arena *arena, ps_str text, ps_sql_statements *out)
{
    ps_sql_tokens tokens = {0};
    sql_parser p = {.cx = cx, .arena = arena};
    void *grammar = NULL;
    ps_status st;

    *out = (ps_sql_statements){0};
    PS_GO(text_take(cx, arena, text, &text));
    PS_GO(ps_sql_tokens_read(cx, text, &tokens));
    grammar = ps_alloc(cx, ps_sql_grammar_bytes());
    if (!grammar) PS_GO(PS_MEMORY);
    p.text = text.at;
    p.tokens = tokens.at;
    while (p.tokens[p.at].kind != PS_TK_EOT) {
        ps_sql_statement statement;
        if (p.tokens[p.at].kind == PS_TK_SEMI_COLON) {
            p.at++;
            continue;
        }
        PS_GO(statement_read(&p, grammar, &statement));
        PS_GO(PS_ARRAY_ADD_IN(cx, arena, out, statement));
    }
done:
    ps_free(grammar);
    ps_free(tokens.at);
    if (st != PS_OK) *out = (ps_sql_statements){0};
    return st;
}

bool ps_sql_is_complete(ps_str text)
{
    char small[256];
    ps_ctx cx;
    ps_mem mem;
    char *copy = small;
    uint16_t last = PS_TK_SEMI_COLON;

    ps_mem_init(&mem, NULL, "sql", 0);
    ps_ctx_init(&cx, &mem, NULL);
    if (text.n >= sizeof small && !(copy = ps_alloc(&cx, text.n + 1)))
        return true; /* let it run and fail */
    if (text.n) memcpy(copy, text.at, text.n);
    copy[text.n] = '\0';
    const size_t n = strlen(copy);
    const char *at = copy;
    for (;;) {
        const ps_sql_token token = ps_sql_scan(copy, copy + n, &at);
        if (token.kind == PS_TK_EOT) break;
        last = token.kind;
        if (token.kind > PS_TK_BAD_CHARACTER && token.kind != PS_TK_BAD_BLOB) break;
    }
    if (copy != small) ps_free(copy);
    return last == PS_TK_SEMI_COLON;
}
