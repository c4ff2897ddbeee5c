/* front/sql/grammar_state.h -- values of grammar symbols that are not nodes, and what actions call.
 *
 * Included by the generated grammar only (and by build_*.c, which implement it). The parser's
 * stack is memory of the context, at most SQL_STACK_BYTES_MAX: past it a text is nested too
 * deeply, which is an error and never an overflow. */
#ifndef PS_FRONT_SQL_GRAMMAR_STATE_H
#define PS_FRONT_SQL_GRAMMAR_STATE_H

#include "front/sql/build.h"

enum { SQL_STACK_BYTES_MAX = 4 << 20 };

typedef struct sql_alias {
    ps_sql_ident name;
    ps_sql_idents columns;
} sql_alias;
typedef struct sql_limits {
    ps_sql_node *limit, *offset;
    bool percent;
} sql_limits;
typedef struct sql_distinct {
    bool distinct;
    ps_sql_list on;
} sql_distinct;
typedef struct sql_with {
    ps_sql_list ctes;
    bool recursive;
} sql_with;
typedef struct sql_join_kind {
    ps_sql_f_join kind;
    uint32_t at;
    bool natural, asof;
} sql_join_kind;
typedef struct sql_join_qual {
    ps_sql_node *on;
    ps_sql_idents columns;
} sql_join_qual;
typedef struct sql_bound {
    ps_sql_f_bound kind;
    ps_sql_node *value;
} sql_bound;
typedef struct sql_frame {
    sql_bound start, end;
    ps_sql_f_frame unit;
    ps_sql_f_exclude exclude;
} sql_frame;
typedef struct sql_setop_kind {
    ps_sql_f_setop op;
    bool all, by_name;
    uint32_t at;
} sql_setop_kind;
typedef struct sql_entries {
    ps_sql_list keys, values;
} sql_entries;
typedef struct sql_call_body {
    ps_sql_list args, order;
    uint8_t nulls;
    bool distinct;
} sql_call_body;
typedef struct sql_groups {
    ps_sql_list list;
    bool all;
} sql_groups;
typedef struct sql_over {
    int nulls;
    ps_sql_node *window;
} sql_over;
typedef struct sql_unpivot_names {
    ps_sql_ident name;
    ps_sql_idents values;
} sql_unpivot_names;

/* lemon's malloc and realloc; NULL with the failure recorded. */
void *ps_gram_stack_grow(sql_parser *p, void *block, size_t bytes);
void ps_gram_stack_overflow(sql_parser *p);

bool ps_gram_is_word(const sql_parser *p, sql_token token, uint16_t kind);
int ps_gram_over_nulls(sql_token token);
ps_sql_f_like ps_gram_like_kind(sql_token token);

ps_sql_node *ps_gram_column(sql_parser *p, ps_sql_idents parts);
ps_sql_node *ps_gram_integer(sql_parser *p, int64_t value, uint32_t at);
ps_sql_node *ps_gram_typed(sql_parser *p, ps_sql_idents name, const char *suffix, sql_token text);
ps_sql_node *ps_gram_star_with(sql_parser *p, ps_sql_node *star, ps_sql_list exclude,
                               ps_sql_list replace, ps_sql_list rename);
ps_sql_node *ps_gram_between_with(sql_parser *p, ps_sql_node *between, ps_sql_node *arg,
                                  ps_sql_node *low, ps_sql_node *high);
ps_sql_node *ps_gram_in_with(sql_parser *p, ps_sql_node *in, ps_sql_node *arg, bool negated,
                             uint32_t at);
ps_sql_node *ps_gram_position(sql_parser *p, uint32_t at, ps_sql_list args);
ps_sql_node *ps_gram_trim(sql_parser *p, sql_token side, uint32_t at, ps_sql_list args);
ps_sql_node *ps_gram_call_named(sql_parser *p, ps_sql_idents name, const sql_call_body *body);
ps_sql_node *ps_gram_call_chained(sql_parser *p, sql_token name, ps_sql_node *receiver,
                                  const sql_call_body *body);
ps_sql_node *ps_gram_call_with(sql_parser *p, ps_sql_node *call, ps_sql_list within,
                               ps_sql_node *filter, bool export_state, sql_over over);
sql_frame ps_gram_frame_of(sql_parser *p, sql_token unit, sql_bound start, sql_bound end,
                           int exclude);

ps_sql_node *ps_gram_type(sql_parser *p, ps_sql_idents name, const char *suffix,
                          ps_sql_list params);
ps_sql_node *ps_gram_type_word(sql_parser *p, sql_token word, ps_sql_list params);
ps_sql_node *ps_gram_type_dim(sql_parser *p, ps_sql_node *type, int64_t size);
ps_sql_idents ps_gram_varying(ps_sql_idents name);

ps_sql_node *ps_gram_query_tail(sql_parser *p, ps_sql_node *body, ps_sql_list order,
                                sql_limits limits);
ps_sql_node *ps_gram_query_with(sql_parser *p, sql_with with, ps_sql_node *query);
ps_sql_node *ps_gram_select_with(sql_parser *p, ps_sql_node *select, uint32_t at,
                                 sql_distinct distinct, ps_sql_list items, ps_sql_list from);
ps_sql_node *ps_gram_table(sql_parser *p, ps_sql_idents name);
ps_sql_node *ps_gram_table_query(sql_parser *p, sql_token table, ps_sql_idents name);
ps_sql_node *ps_gram_join_of(sql_parser *p, sql_join_kind kind, ps_sql_node *left,
                             ps_sql_node *right, sql_join_qual qual);
/* ON a, b IN (..): expressions of a PIVOT statement as PIVOT_ON nodes. */
ps_sql_list ps_gram_pivot_ons(sql_parser *p, ps_sql_list items);
ps_sql_node *ps_gram_table_body(sql_parser *p, ps_sql_list elements, ps_sql_node *query,
                                bool no_data);
void ps_gram_create_table_with(sql_parser *p, ps_sql_node *create, uint32_t at, bool replace,
                               bool temporary, bool if_not_exists, ps_sql_idents name);
void ps_gram_insert_with(sql_parser *p, ps_sql_node *insert, uint32_t at, int conflict_rule,
                         ps_sql_idents name, ps_sql_ident alias, ps_sql_node *conflict,
                         ps_sql_list returning);

/* The generated parser. */
void ps_sql_grammarInit(void *parser, sql_parser *p);
void ps_sql_grammarFinalize(void *parser);
void ps_sql_grammar(void *parser, int kind, sql_token token);
size_t ps_sql_grammar_bytes(void); /* of its state */

#endif
