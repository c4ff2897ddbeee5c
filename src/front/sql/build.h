/* front/sql/build.h -- what the actions of grammar.y use to make the tree.
 *
 * A failure (allocation, depth, a literal that can't be read) is recorded once in the parser's
 * status and stops the feeding of tokens; until then helpers may return NULL, and every helper
 * accepts NULL children. Nothing is freed here: all memory is the arena's. */
#ifndef PS_FRONT_SQL_BUILD_H
#define PS_FRONT_SQL_BUILD_H

#include "front/sql/ast.h"
#include "front/sql/lexer.h"

typedef struct sql_parser {
    ps_ctx *cx;
    ps_arena *arena;
    const char *text; /* the arena's copy, NUL behind it */
    const ps_sql_token *tokens;
    size_t at; /* the token being fed */
    ps_status status;
    ps_sql_node *statement;     /* result of one statement */
    uint32_t n_params, n_marks; /* highest number; ? seen so far */
    PS_ARRAY(ps_str) names;     /* of $name parameters, in the order of first appearance */
} sql_parser;

typedef const ps_sql_token *sql_token;

/* Copies a filled node (head.start set) into the arena, sets kind, depth and end. */
ps_sql_node *ps_gram_node(sql_parser *p, ps_sql_kind kind, const void *filled, size_t bytes);
/* SQL_NEW(p, null, NULL, at) or SQL_NEW(p, not, NOT, at, .arg = node). */
#define SQL_NEW(p, name, KIND, at_, ...)                                                           \
    ps_gram_node((p), PS_SQL_##KIND, &(ps_sql_##name){.head = {.start = (at_)}, __VA_ARGS__},      \
                 sizeof(ps_sql_##name))

ps_sql_list ps_gram_list_add(sql_parser *p, ps_sql_list list, ps_sql_node *node);
ps_sql_idents ps_gram_idents_add(sql_parser *p, ps_sql_idents idents, ps_sql_ident ident);
/* Recomputes depth after children were added to a node that was already made. */
void ps_gram_depth_raise(sql_parser *p, ps_sql_node *node, const ps_sql_node *child);

/* Tokens to values. */
ps_sql_ident ps_gram_ident(sql_parser *p, sql_token token); /* a word or a "quoted name" */
ps_sql_ident ps_gram_ident_of(const char *literal, uint32_t offset);
ps_str ps_gram_string(sql_parser *p, sql_token token); /* '..', E'..', $$..$$ without quotes */
ps_sql_node *ps_gram_string_node(sql_parser *p, sql_token token);
ps_sql_node *ps_gram_number(sql_parser *p, sql_token token);
int64_t ps_gram_count(sql_parser *p, sql_token token); /* a small non-negative integer */
ps_sql_node *ps_gram_param(sql_parser *p, sql_token token);
ps_sql_ident ps_gram_unit(sql_parser *p, sql_token token); /* "days" -> "day" */
ps_sql_f_op ps_gram_op(sql_parser *p, sql_token token);    /* of PS_TK_OPERATOR and its like */

/* Expressions with a shape of their own. */
ps_sql_node *ps_gram_and_or(sql_parser *p, ps_sql_kind kind, uint32_t at, ps_sql_node *a,
                            ps_sql_node *b);
ps_sql_node *ps_gram_binary(sql_parser *p, ps_sql_f_op op, uint32_t at, ps_sql_node *a,
                            ps_sql_node *b);
ps_sql_node *ps_gram_operator(sql_parser *p, sql_token token, ps_sql_node *a, ps_sql_node *b);
ps_sql_node *ps_gram_unary(sql_parser *p, ps_sql_f_op op, uint32_t at, ps_sql_node *arg);
ps_sql_node *ps_gram_like(sql_parser *p, ps_sql_f_like op, bool negated, uint32_t at,
                          ps_sql_node *arg, ps_sql_node *pattern, ps_sql_node *escape);
ps_sql_node *ps_gram_call(sql_parser *p, const char *name, uint32_t at, ps_sql_list args);
ps_sql_node *ps_gram_quantified(sql_parser *p, sql_token op, ps_sql_node *arg, bool all,
                                ps_sql_node *query, ps_sql_node *set);
ps_sql_node *ps_gram_is(sql_parser *p, ps_sql_f_is what, bool negated, uint32_t at,
                        ps_sql_node *arg);
ps_sql_node *ps_gram_setop(sql_parser *p, ps_sql_f_setop op, bool all, bool by_name, uint32_t at,
                           ps_sql_node *a, ps_sql_node *b);
/* A QUERY around a body, unless the body is one. */
ps_sql_node *ps_gram_query_of(sql_parser *p, ps_sql_node *body);
/* Fails: token isn't what the grammar expects there (message, hint). Lemon calls it. */
void ps_gram_syntax_error(sql_parser *p, bool (*accepts)(void *state, uint16_t kind), void *state);
void ps_gram_fail_at(sql_parser *p, ps_status code, uint32_t at, const char *text);
/* Puts the alias on a table node of any kind. */
ps_sql_node *ps_gram_table_alias(sql_parser *p, ps_sql_node *table, ps_sql_ident alias,
                                 ps_sql_idents columns);
ps_sql_node *ps_gram_table_sample(sql_parser *p, ps_sql_node *table, ps_sql_node *sample);

#endif
