/* front/sql/lexer.re -- one token of SQL text; re2c makes gen/front/sql/lexer.c of it.
 *
 * The text is valid UTF-8 with a NUL behind it and none inside, so the NUL stops every loop and
 * no length is checked. Bytes of 0x80 and above are letters. Nested comments and $tag$ strings
 * are not regular: they are finished by hand. */
#include "front/sql/lexer.h"
#include "front/sql/grammar.h"

static ps_sql_token token_make(const char *text, uint16_t kind, const char *start, const char *end)
{
    return (ps_sql_token){kind, (uint32_t)(start - text), (uint32_t)(end - text)};
}

/* at is behind the opening slash and star; the byte behind the comment, NULL when it never ends. */
static const char *comment_end(const char *at)
{
    for (uint32_t depth = 1; *at; at++) {
        if (at[0] == '*' && at[1] == '/') {
            at++;
            if (--depth == 0) return at + 1;
        } else if (at[0] == '/' && at[1] == '*') {
            at++;
            depth++;
        }
    }
    return NULL;
}

/* start is at the opening $tag$ of n bytes; the byte behind the closing one, NULL: none. */
static const char *dollar_end(const char *start, size_t n, const char *end)
{
    for (const char *at = start + n; (at = memchr(at, '$', (size_t)(end - at))) != NULL; at++)
        if ((size_t)(end - at) >= n && memcmp(at, start, n) == 0) return at + n;
    return NULL;
}

ps_sql_token ps_sql_scan(const char *text, const char *end, const char **at)
{
    const char *cursor = *at, *marker, *start;

/*!re2c
    re2c:define:YYCTYPE = "unsigned char";
    re2c:define:YYCURSOR = cursor;
    re2c:define:YYMARKER = marker;
    re2c:yyfill:enable = 0;
    blank   = [ \t\r\n\f\v];
    digit   = [0-9];
    digits  = digit ("_"? digit)*;
    letter  = [a-zA-Z_\x80-\xff];
    word    = letter (letter | digit | "$")*;
    tag     = letter (letter | digit)*;
    exponent = [eE] [+-]? digits;
*/
#define TOKEN(KIND) return *at = cursor, token_make(text, (KIND), start, cursor)
scan:
    start = cursor;
/*!re2c
    "\x00"                  { TOKEN(start < end ? PS_TK_BAD_CHARACTER : PS_TK_EOT); }
    blank+                  { goto scan; }
    "\xc2\xa0" | "\xef\xbb\xbf" { goto scan; }
    "--" [^\n\x00]*         { goto scan; }
    "/*"                    { cursor = comment_end(cursor);
                              if (cursor) goto scan;
                              cursor = end;
                              TOKEN(PS_TK_OPEN_COMMENT); }

    word                    { TOKEN(ps_sql_word_kind(start, (size_t)(cursor - start))); }
    "\"" ([^"\x00] | "\"\"")* "\"" { TOKEN(PS_TK_ID); }
    "\""                    { TOKEN(PS_TK_OPEN_NAME); }
    ['] ([^'\x00] | "''")* ['] { TOKEN(PS_TK_STRING); }
    [']                     { TOKEN(PS_TK_OPEN_STRING); }
    [eE] ['] ([^'\\\x00] | "''" | "\\" [^\x00])* ['] { TOKEN(PS_TK_STRING); }
    [eE] [']                { TOKEN(PS_TK_OPEN_STRING); }
    [xX] ['] ([0-9a-fA-F] [0-9a-fA-F])* ['] { TOKEN(PS_TK_BLOB); }
    [xX] [']                { TOKEN(PS_TK_BAD_BLOB); }
    "$" tag? "$"            { cursor = dollar_end(start, (size_t)(cursor - start), end);
                              if (cursor) TOKEN(PS_TK_STRING);
                              cursor = end;
                              TOKEN(PS_TK_OPEN_DOLLAR); }

    digits                  { TOKEN(PS_TK_INTEGER); }
    "0" [xX] [0-9a-fA-F] ("_"? [0-9a-fA-F])* { TOKEN(PS_TK_NUMBER); }
    "0" [bB] [01] ("_"? [01])* { TOKEN(PS_TK_NUMBER); }
    digits "." digits? exponent? | "." digits exponent? | digits exponent { TOKEN(PS_TK_NUMBER); }
    "?" digit* | "$" digit+ | "$" tag { TOKEN(PS_TK_PARAM); }
    "#" digit+              { TOKEN(PS_TK_ORDINAL); }

    "("                     { TOKEN(PS_TK_LP); }
    ")"                     { TOKEN(PS_TK_RP); }
    "["                     { TOKEN(PS_TK_LB); }
    "]"                     { TOKEN(PS_TK_RB); }
    "{"                     { TOKEN(PS_TK_LC); }
    "}"                     { TOKEN(PS_TK_RC); }
    ","                     { TOKEN(PS_TK_COMMA); }
    ";"                     { TOKEN(PS_TK_SEMI_COLON); }
    "."                     { TOKEN(PS_TK_DOT); }
    ":"                     { TOKEN(PS_TK_COLON); }
    "::"                    { TOKEN(PS_TK_TYPECAST); }
    ":="                    { TOKEN(PS_TK_ASSIGN); }
    "=>"                    { TOKEN(PS_TK_FAT_ARROW); }
    "="                     { TOKEN(PS_TK_EQ); }
    "=="                    { TOKEN(PS_TK_EQ); }
    "<>" | "!="             { TOKEN(PS_TK_NE); }
    "<"                     { TOKEN(PS_TK_LT); }
    "<="                    { TOKEN(PS_TK_LE); }
    ">"                     { TOKEN(PS_TK_GT); }
    ">="                    { TOKEN(PS_TK_GE); }
    "+"                     { TOKEN(PS_TK_PLUS); }
    "-"                     { TOKEN(PS_TK_MINUS); }
    "*"                     { TOKEN(PS_TK_STAR); }
    "/"                     { TOKEN(PS_TK_SLASH); }
    "//"                    { TOKEN(PS_TK_INT_DIV); }
    "%"                     { TOKEN(PS_TK_MOD); }
    "**" | "^"              { TOKEN(PS_TK_POWER); }
    "||"                    { TOKEN(PS_TK_CONCAT); }
    "->"                    { TOKEN(PS_TK_ARROW); }
    "->>"                   { TOKEN(PS_TK_OPERATOR); }
    "&" | "|" | "<<" | ">>" | "^@" | "@>" | "<@" | "&&" | "!~" | "~*" | "!~*" | "~~" | "!~~"
    | "~~*" | "!~~*" | "~~~" | "<->" | "<=>" | "<#>" { TOKEN(PS_TK_OPERATOR); }
    "~"                     { TOKEN(PS_TK_TILDE); }
    "@"                     { TOKEN(PS_TK_AT_SIGN); }
    "!"                     { TOKEN(PS_TK_BANG); }
    *                       { TOKEN(PS_TK_BAD_CHARACTER); }
*/
#undef TOKEN
}
