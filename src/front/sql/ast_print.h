/* front/sql/ast_print.h -- what the printer's files share. */
#ifndef PS_FRONT_SQL_AST_PRINT_H
#define PS_FRONT_SQL_AST_PRINT_H

#include "front/sql/ast_text.h"

#define SELF(name, node) const ps_sql_##name *self = (const ps_sql_##name *)(node)

/* How tightly an expression binds; grammar.y's precedences. */
enum {
    LEVEL_ARROW = 1,
    LEVEL_OR,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_IS,
    LEVEL_COMPARE,
    LEVEL_LIKE,
    LEVEL_OPERATOR,
    LEVEL_ADD,
    LEVEL_MUL,
    LEVEL_POWER,
    LEVEL_COLLATE,
    LEVEL_UNARY,
    LEVEL_POSTFIX,
    LEVEL_PRIMARY
};

void ps_sql_print_expr(const ps_sql_node *node, int level,
                       ps_text *out); /* in brackets below level */
void ps_sql_print_exprs(ps_sql_list list, const char *between, ps_text *out);
void ps_sql_print_list(const char *before, ps_sql_list list, ps_text *out); /* nothing when empty */
void ps_sql_print_ident(ps_sql_ident ident, ps_text *out);
void ps_sql_print_idents(ps_sql_idents idents, const char *between, ps_text *out);
void ps_sql_print_names(ps_sql_idents names, ps_text *out);    /* " (a, b)", nothing when empty */
void ps_sql_print_word_name(ps_sql_idents name, ps_text *out); /* of a function or type */
void ps_sql_print_string(ps_str text, ps_text *out);
void ps_sql_print_alias(ps_sql_ident alias, ps_sql_idents columns, ps_text *out);
void ps_sql_print_window(const ps_sql_window *window, ps_text *out);
void ps_sql_print_type(const ps_sql_type *type, ps_text *out);
/* Each answers whether it knows the node's kind. */
bool ps_sql_print_query_part(const ps_sql_node *node, ps_text *out);
bool ps_sql_print_table_part(const ps_sql_node *node, ps_text *out);
bool ps_sql_print_statement(const ps_sql_node *node, ps_text *out);
PS_INLINE void sql_print_if(bool on, const char *text, ps_text *out)
{
    if (on) ps_text_puts(out, text);
}
PS_INLINE void sql_print_opt(const char *before, const ps_sql_node *node, ps_text *out)
{
    if (!node) return;
    ps_text_puts(out, before);
    ps_sql_print(node, out);
}

#endif
