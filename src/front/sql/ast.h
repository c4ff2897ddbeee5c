/* front/sql/ast.h -- the syntax tree of SQL: what the text says, nothing resolved.
 *
 * Nodes live in the arena given to ps_sql_parse() and are not changed after it. Text in them is
 * copied or borrowed from the statement's text, which must outlive the arena's use. A tree is at
 * most PS_SQL_DEPTH_MAX deep (AND, OR, operator chains, set operations and lists count once,
 * whatever their length), so walking it by recursion is safe.
 *
 *     const ps_sql_call *call = ps_sql_as(call, CALL, node);
 *     switch (node->kind) { case PS_SQL_CAST: ... ((const ps_sql_cast *)node)->type ... }
 *
 * Fields and their meaning: ast.def. Tests: tests/unit/test_sql_parse.c. */
#ifndef PS_FRONT_SQL_AST_H
#define PS_FRONT_SQL_AST_H

#include "base/ctx.h"
#include "base/str.h"
#include "front/sql/ast.def"

enum { PS_SQL_DEPTH_MAX = 1000 }; /* levels of a tree and open brackets of a text */

typedef enum ps_sql_kind {
    PS_SQL_NONE, /* no node has this kind */
#define N(KIND, name, doc) PS_SQL_##KIND,
    PS_SQL_NODES(N)
#undef N
        PS_SQL_KIND_COUNT
} ps_sql_kind;

/* ps_sql_f_op is the type of a field F(op, ..): PS_SQL_OP_ADD, ...; and so for each enum list. */
#define E(NAME, text) PS_SQL_OP_##NAME,
typedef enum ps_sql_f_op { PS_SQL_OP_LIST(E) } ps_sql_f_op;
#undef E
#define E(NAME, text) PS_SQL_NUM_##NAME,
typedef enum ps_sql_f_num { PS_SQL_NUM_LIST(E) } ps_sql_f_num;
#undef E
#define E(NAME, text) PS_SQL_IS_##NAME,
typedef enum ps_sql_f_is { PS_SQL_IS_LIST(E) } ps_sql_f_is;
#undef E
#define E(NAME, text) PS_SQL_LIKE_##NAME,
typedef enum ps_sql_f_like { PS_SQL_LIKE_LIST(E) } ps_sql_f_like;
#undef E
#define E(NAME, text) PS_SQL_NULLS_##NAME,
typedef enum ps_sql_f_nulls { PS_SQL_NULLS_LIST(E) } ps_sql_f_nulls;
#undef E
#define E(NAME, text) PS_SQL_DIRECTION_##NAME,
typedef enum ps_sql_f_direction { PS_SQL_DIRECTION_LIST(E) } ps_sql_f_direction;
#undef E
#define E(NAME, text) PS_SQL_NULL_ORDER_##NAME,
typedef enum ps_sql_f_null_order { PS_SQL_NULL_ORDER_LIST(E) } ps_sql_f_null_order;
#undef E
#define E(NAME, text) PS_SQL_FRAME_##NAME,
typedef enum ps_sql_f_frame { PS_SQL_FRAME_LIST(E) } ps_sql_f_frame;
#undef E
#define E(NAME, text) PS_SQL_BOUND_##NAME,
typedef enum ps_sql_f_bound { PS_SQL_BOUND_LIST(E) } ps_sql_f_bound;
#undef E
#define E(NAME, text) PS_SQL_EXCLUDE_##NAME,
typedef enum ps_sql_f_exclude { PS_SQL_EXCLUDE_LIST(E) } ps_sql_f_exclude;
#undef E
#define E(NAME, text) PS_SQL_JOIN_##NAME,
typedef enum ps_sql_f_join { PS_SQL_JOIN_LIST(E) } ps_sql_f_join;
#undef E
#define E(NAME, text) PS_SQL_GROUPING_##NAME,
typedef enum ps_sql_f_grouping { PS_SQL_GROUPING_LIST(E) } ps_sql_f_grouping;
#undef E
#define E(NAME, text) PS_SQL_SETOP_##NAME,
typedef enum ps_sql_f_setop { PS_SQL_SETOP_LIST(E) } ps_sql_f_setop;
#undef E
#define E(NAME, text) PS_SQL_MATERIALIZED_##NAME,
typedef enum ps_sql_f_materialized { PS_SQL_MATERIALIZED_LIST(E) } ps_sql_f_materialized;
#undef E
#define E(NAME, text) PS_SQL_CONSTRAINT_##NAME,
typedef enum ps_sql_f_constraint { PS_SQL_CONSTRAINT_LIST(E) } ps_sql_f_constraint;
#undef E
#define E(NAME, text) PS_SQL_OBJECT_##NAME,
typedef enum ps_sql_f_object { PS_SQL_OBJECT_LIST(E) } ps_sql_f_object;
#undef E
#define E(NAME, text) PS_SQL_SCOPE_##NAME,
typedef enum ps_sql_f_scope { PS_SQL_SCOPE_LIST(E) } ps_sql_f_scope;
#undef E
#define E(NAME, text) PS_SQL_TRANSACTION_##NAME,
typedef enum ps_sql_f_transaction { PS_SQL_TRANSACTION_LIST(E) } ps_sql_f_transaction;
#undef E

/* First member of every node. start and end are byte offsets in the whole text. */
typedef struct ps_sql_node {
    uint16_t kind;  /* ps_sql_kind */
    uint16_t depth; /* levels below and with this node */
    uint32_t start; /* of the token that best says where: an operator's, a name's first byte */
    uint32_t end;   /* one past the last byte; may be past closing brackets */
} ps_sql_node;

typedef struct ps_sql_list {
    ps_sql_node **at;
    uint32_t n, room;
} ps_sql_list;
/* A name. Quoted text is unescaped. text.n is 0 where a name may be missing and is. */
typedef struct ps_sql_ident {
    ps_str text;
    uint32_t offset;
    bool quoted;
} ps_sql_ident;
typedef struct ps_sql_idents {
    ps_sql_ident *at;
    uint32_t n, room;
} ps_sql_idents;
typedef struct ps_sql_dims {
    int64_t *at;
    uint32_t n, room;
} ps_sql_dims;

typedef ps_sql_node *ps_sql_f_node;
typedef ps_sql_list ps_sql_f_list;
typedef ps_sql_ident ps_sql_f_ident;
typedef ps_sql_idents ps_sql_f_idents;
typedef ps_sql_dims ps_sql_f_dims;
typedef ps_str ps_sql_f_str;
typedef bool ps_sql_f_flag;
typedef int64_t ps_sql_f_int;

/* typedef struct ps_sql_call { ps_sql_node head; ps_sql_idents name; ... } ps_sql_call; */
#define F(type, name, doc) ps_sql_f_##type name;
#define N(KIND, name, doc)                                                                         \
    typedef struct ps_sql_##name {                                                                 \
        ps_sql_node head;                                                                          \
        PS_SQL_FIELDS_##KIND(F)                                                                    \
    } ps_sql_##name;
PS_SQL_NODES(N)
#undef N
#undef F

/* One statement of a text. node: QUERY or one of ast.def's statements. */
typedef struct ps_sql_statement {
    ps_sql_node *node;
    uint32_t start, end; /* bytes, without the semicolon and blanks around it */
    uint32_t n_params;   /* highest number of ? and $n */
} ps_sql_statement;

typedef struct ps_sql_statements {
    ps_sql_statement *at;
    size_t n, room;
} ps_sql_statements;

/* Checked downcast: NULL when node is NULL or of another kind. */
#define ps_sql_as(name, KIND, node_)                                                               \
    ((const ps_sql_##name *)ps_sql_as_kind((const ps_sql_node *)(node_), PS_SQL_##KIND))
PS_INLINE const ps_sql_node *ps_sql_as_kind(const ps_sql_node *node, ps_sql_kind kind)
{
    return node && node->kind == kind ? node : NULL;
}

/* "CREATE_TABLE"; static. */
const char *ps_sql_kind_name(ps_sql_kind kind);
/* "IS DISTINCT FROM": an enum's text by the name of its type, static. */
const char *ps_sql_op_text(ps_sql_f_op op);

/* Calls visit for each child of node, in field order; stops at the first that isn't PS_OK. */
typedef ps_status (*ps_sql_visit)(void *state, ps_sql_node *child);
ps_status ps_sql_each_child(const ps_sql_node *node, ps_sql_visit visit, void *state);

/* Canonical SQL text of a tree: parsing it gives an equal tree. For view definitions. */
void ps_sql_print(const ps_sql_node *node, ps_text *out);
/* The tree as "(KIND field=value ...)", for tests and debugging. */
void ps_sql_dump(const ps_sql_node *node, ps_text *out);

#endif
