/* front/sql/lexer.h -- text to tokens: the re2c scanner and the words that need their neighbours.
 *
 * The scanner (lexer.re) knows no context. The grammar is LALR(1); words that are keywords only
 * beside certain neighbours are settled by ps_sql_words_settle() on the finished token array
 * (words.c), so the grammar itself stays free of conflicts. */
#ifndef PS_FRONT_SQL_LEXER_H
#define PS_FRONT_SQL_LEXER_H

#include "base/array.h"
#include "base/str.h"

typedef struct ps_sql_token {
    uint16_t kind;       /* PS_TK_..., gen/front/sql/grammar.h */
    uint32_t start, end; /* bytes */
} ps_sql_token;

typedef PS_ARRAY(ps_sql_token) ps_sql_tokens;

/* What scanning a token can give besides a token. */
enum {
    PS_TK_EOT = 0, /* end of the text; also lemon's end marker */
    PS_TK_BAD_CHARACTER = 1000,
    PS_TK_OPEN_STRING, /* no closing quote: the token is the opening one */
    PS_TK_OPEN_NAME,
    PS_TK_OPEN_DOLLAR,
    PS_TK_OPEN_COMMENT,
    PS_TK_BAD_BLOB,
};

/* Scans one token of text, which ends at `end` with a NUL after it; *at moves behind it. Blanks and
 * comments are skipped. Words that are keywords have their own kind, unsettled. */
ps_sql_token ps_sql_scan(const char *text, const char *end, const char **at);
/* All tokens of text (NUL after its end, none inside), ending with one PS_TK_EOT; the words
 * settled. The caller frees out->at. */
ps_status ps_sql_tokens_read(ps_ctx *cx, ps_str text, ps_sql_tokens *out);
/* Turns words that are names here into PS_TK_ID and pairs such as NOT LIKE into their own kinds. */
void ps_sql_words_settle(const char *text, ps_sql_tokens *tokens);

/* The kind of a word: a keyword's or PS_TK_ID. */
uint16_t ps_sql_word_kind(const char *word, size_t n);
/* Must a name spelled like this be quoted to be read as a name everywhere? */
bool ps_sql_word_is_reserved(ps_str word);
/* The keyword nearest to a misspelled word, NULL when none is near; static. */
const char *ps_sql_word_near(ps_str word, bool (*accepts)(void *state, uint16_t kind), void *state);
/* The word of a keyword's kind, NULL for others; static. */
const char *ps_sql_word_text(uint16_t kind);

#endif
