/* front/sql/words.c -- keywords: lookup, and settling those that need their neighbours.
 *
 * SQL uses many words both as names and as keywords. Where one look at the tokens around decides,
 * it is decided here, before the grammar: LEFT is a keyword before JOIN and else a name, and NOT
 * before LIKE is a token of its own. So every rule about neighbours is one line of one table.
 * Tests: tests/unit/test_sql_parse.c. */
#include "front/sql/lexer.h"
#include "front/sql/grammar.h"
#include "front/sql/words.inc" /* word_table, WORD_HASH: from keywords.def */

uint16_t ps_sql_word_kind(const char *word, size_t n)
{
    if (n < WORD_BYTES_MIN || n > WORD_BYTES_MAX) return PS_TK_ID;
    const unsigned char *w = (const unsigned char *)word;
    const word_entry *entry = &word_table[word_slots[WORD_HASH(w, n)]];
    if (entry->n != n) return PS_TK_ID;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = w[i];
        if (c >= 'a' && c <= 'z') c = (unsigned char)(c - 32);
        if (c != (unsigned char)entry->text[i]) return PS_TK_ID;
    }
    return entry->kind;
}

bool ps_sql_word_is_reserved(ps_str word)
{
    if (word.n < WORD_BYTES_MIN || word.n > WORD_BYTES_MAX) return false;
    const unsigned char *w = (const unsigned char *)word.at;
    const word_entry *entry = &word_table[word_slots[WORD_HASH(w, word.n)]];
    return entry->n == word.n && entry->class != WORD_UNIT &&
           ps_str_equal_nocase(word, (ps_str){entry->text, entry->n});
}

const char *ps_sql_word_text(uint16_t kind)
{
    for (size_t i = 1; i < PS_COUNT(word_table); i++)
        if (word_table[i].kind == kind) return word_table[i].text;
    return NULL;
}

const char *ps_sql_word_near(ps_str word, bool (*accepts)(void *state, uint16_t kind), void *state)
{
    const char *best = NULL;
    uint32_t limit = word.n >= 8 ? 2 : 1;

    if (word.n < 3 || word.n > WORD_BYTES_MAX) return NULL;
    for (size_t i = 1; i < PS_COUNT(word_table); i++) {
        const word_entry *entry = &word_table[i];
        if (!accepts(state, entry->kind)) continue;
        const uint32_t distance = ps_str_distance(word, (ps_str){entry->text, entry->n}, limit);
        if (distance == 0 || distance > limit) continue;
        best = entry->text;
        if (distance == 1) break;
        limit = distance - 1;
    }
    return best;
}

/* Is a word of this kind, before `next` and `after_next`, the keyword? (CONTEXT words only.) */
static bool word_is_keyword(uint16_t kind, uint16_t before, uint16_t next, uint16_t after_next)
{
    switch (kind) {
    case PS_TK_LEFT:
    case PS_TK_RIGHT:
    case PS_TK_FULL:
    case PS_TK_INNER:
    case PS_TK_CROSS:
    case PS_TK_NATURAL:
    case PS_TK_SEMI:
    case PS_TK_ANTI:
    case PS_TK_ASOF:
    case PS_TK_POSITIONAL:
        return next == PS_TK_JOIN || next == PS_TK_OUTER || next == PS_TK_LEFT ||
               next == PS_TK_RIGHT || next == PS_TK_FULL || next == PS_TK_INNER ||
               next == PS_TK_SEMI || next == PS_TK_ANTI;
    case PS_TK_COLUMNS:
    case PS_TK_CUBE:
    case PS_TK_EXISTS:
    case PS_TK_EXTRACT:
    case PS_TK_FILTER:
    case PS_TK_OVERLAY:
    case PS_TK_POSITION:
    case PS_TK_ROLLUP:
    case PS_TK_ROW:
    case PS_TK_SUBSTRING:
    case PS_TK_TRIM:
    case PS_TK_TRY_CAST:
    case PS_TK_VALUES: return next == PS_TK_LP;
    case PS_TK_GENERATED: return next == PS_TK_ALWAYS;
    case PS_TK_GROUPING: return next == PS_TK_SETS;
    case PS_TK_IGNORE:
    case PS_TK_RESPECT: return next == PS_TK_NULLS;
    case PS_TK_OVER: return before == PS_TK_RP || before == PS_TK_NULLS;
    case PS_TK_AT: return next == PS_TK_TIME || (next == PS_TK_LP && after_next == PS_TK_ID);
    case PS_TK_PARTITION: return next == PS_TK_BY;
    case PS_TK_ROWS:
    case PS_TK_RANGE:
    case PS_TK_GROUPS:
        if (before == PS_TK_ON || before == PS_TK_AND || before == PS_TK_OR ||
            before == PS_TK_WHERE || before == PS_TK_SELECT || before == PS_TK_COMMA)
            return false;
        return next == PS_TK_BETWEEN || next == PS_TK_UNBOUNDED || next == PS_TK_CURRENT ||
               next == PS_TK_INTEGER || next == PS_TK_NUMBER || next == PS_TK_INTERVAL ||
               next == PS_TK_PARAM;
    case PS_TK_SET:
        return before == PS_TK_EOT || before == PS_TK_SEMI_COLON || before == PS_TK_UPDATE ||
               after_next == PS_TK_EQ || next == PS_TK_LP;
    case PS_TK_INTERVAL:
        return next == PS_TK_STRING || next == PS_TK_INTEGER || next == PS_TK_NUMBER ||
               next == PS_TK_LP || next == PS_TK_PARAM ||
               (next == PS_TK_ID && after_next == PS_TK_UNIT);
    default: return true;
    }
}

typedef struct word_run {
    uint16_t words[3]; /* 0: none */
    uint16_t kind;     /* of the run */
    bool keep_last;    /* the last word stays a token of its own */
} word_run;

/* Runs of words that mean one thing; the grammar sees one token. */
static const word_run word_runs[] = {
    {{PS_TK_NOT, PS_TK_LIKE}, PS_TK_NOT_LA, true},
    {{PS_TK_NOT, PS_TK_ILIKE}, PS_TK_NOT_LA, true},
    {{PS_TK_NOT, PS_TK_SIMILAR}, PS_TK_NOT_LA, true},
    {{PS_TK_NOT, PS_TK_GLOB}, PS_TK_NOT_LA, true},
    {{PS_TK_NOT, PS_TK_IN}, PS_TK_NOT_LA, true},
    {{PS_TK_NOT, PS_TK_BETWEEN}, PS_TK_NOT_LA, true},
    {{PS_TK_IF, PS_TK_NOT, PS_TK_EXISTS}, PS_TK_IF_NOT_EXISTS, false},
    {{PS_TK_IF, PS_TK_EXISTS}, PS_TK_IF_EXISTS, false},
    {{PS_TK_OR, PS_TK_REPLACE}, PS_TK_OR_REPLACE, false},
    {{PS_TK_OR, PS_TK_IGNORE}, PS_TK_OR_IGNORE, false},
    {{PS_TK_IGNORE, PS_TK_NULLS, PS_TK_OVER}, PS_TK_IGNORE_NULLS_OVER, false},
    {{PS_TK_RESPECT, PS_TK_NULLS, PS_TK_OVER}, PS_TK_RESPECT_NULLS_OVER, false},
    {{PS_TK_WITH, PS_TK_TIME, PS_TK_ZONE}, PS_TK_WITH_TIME_ZONE, false},
    {{PS_TK_WITHOUT, PS_TK_TIME, PS_TK_ZONE}, PS_TK_WITHOUT_TIME_ZONE, false},
    {{PS_TK_WITH, PS_TK_ORDINALITY}, PS_TK_WITH_ORDINALITY, false},
    {{PS_TK_WITHIN, PS_TK_GROUP}, PS_TK_WITHIN_GROUP, false},
    {{PS_TK_NULLS, PS_TK_FIRST}, PS_TK_NULLS_FIRST, false},
    {{PS_TK_NULLS, PS_TK_LAST}, PS_TK_NULLS_LAST, false},
    {{PS_TK_INCLUDE, PS_TK_NULLS}, PS_TK_INCLUDE_NULLS, false},
    {{PS_TK_EXCLUDE, PS_TK_NULLS}, PS_TK_EXCLUDE_NULLS, false},
    {{PS_TK_CURRENT, PS_TK_ROW}, PS_TK_CURRENT_ROW, false},
    {{PS_TK_DEFAULT, PS_TK_VALUES}, PS_TK_DEFAULT_VALUES, false},
    {{PS_TK_ON, PS_TK_CONFLICT}, PS_TK_ON_CONFLICT, false},
};

/* The run that starts at token i, NULL: none. n: its words. */
static const word_run *run_at(const ps_sql_token *tokens, size_t i, size_t *n)
{
    for (size_t k = 0; k < PS_COUNT(word_runs); k++) {
        const word_run *run = &word_runs[k];
        if (tokens[i].kind != run->words[0] || tokens[i + 1].kind != run->words[1]) continue;
        *n = run->words[2] ? 3 : 2;
        if (*n == 3 && tokens[i + 2].kind != run->words[2]) continue;
        return run;
    }
    return NULL;
}

static bool run_may_start(uint16_t kind)
{
    return kind == PS_TK_NOT || kind == PS_TK_IF || kind == PS_TK_OR || kind == PS_TK_WITH ||
           kind == PS_TK_WITHOUT || kind == PS_TK_WITHIN || kind == PS_TK_NULLS ||
           kind == PS_TK_INCLUDE || kind == PS_TK_ON || kind == PS_TK_IGNORE ||
           kind == PS_TK_RESPECT || kind == PS_TK_DEFAULT || kind == PS_TK_EXCLUDE ||
           kind == PS_TK_CURRENT;
}

void ps_sql_words_settle(const char *text, ps_sql_tokens *tokens)
{
    ps_sql_token *t = tokens->at;
    size_t out = 0;
    uint16_t before = PS_TK_EOT;

    (void)text;
    /* the array ends with three PS_TK_EOT, so looking two ahead is safe */
    for (size_t i = 0; i + 2 < tokens->n; i++) {
        ps_sql_token token = t[i];
        const word_run *run;
        size_t n;
        if (before == PS_TK_DOT && token.kind != PS_TK_EOT && token.kind < PS_TK_WORDS_END) {
            token.kind = PS_TK_ID; /* a.select, t.left: no word is a keyword behind a dot */
        } else if (run_may_start(token.kind) && (run = run_at(t, i, &n)) != NULL) {
            token.kind = run->kind;
            i += run->keep_last ? 0 : n - 1;
            token.end = run->keep_last ? token.end : t[i].end;
        } else if (token.kind == PS_TK_MAP && t[i + 1].kind == PS_TK_LC) {
            token.kind = PS_TK_MAP_LITERAL;
        } else if (token.kind < PS_TK_WORDS_END && token.kind != PS_TK_ID &&
                   !word_is_keyword(token.kind, before, t[i + 1].kind, t[i + 2].kind)) {
            token.kind = PS_TK_ID;
        }
        before = token.kind;
        t[out++] = token;
    }
    tokens->n = out;
}
