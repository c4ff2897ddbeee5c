/* front/sql/lower_int.h -- what the lower_*.c files share; not for others.
 *
 * Functions that make an expression or a node give NULL on failure, with the error recorded and
 * placed. Recursion follows the syntax tree, whose depth the parser bounds, and views, which are
 * counted too: ps_lower.depth bounds both. */
#ifndef PS_FRONT_SQL_LOWER_INT_H
#define PS_FRONT_SQL_LOWER_INT_H

#include "bind/dialect.h"
#include "bind/join.h"
#include "bind/near.h"
#include "bind/scope.h"
#include "front/sql/lower.h"
#include "func/coerce.h"

enum { PS_LOWER_DEPTH_MAX = 1500, PS_LOWER_VIEWS_MAX = 16 };

/* A common table expression in reach; newer ones first. */
typedef struct ps_lower_cte {
    const struct ps_lower_cte *next;
    ps_sql_ident name;
    const ps_node *plan;          /* shared; each reference reads it through a SUBPLAN node */
    const ps_sql_idents *columns; /* names it gives its columns, or none */
} ps_lower_cte;

/* The place of a subquery that is being bound; the next one out. */
typedef struct ps_lower_place {
    const struct ps_lower_place *outer;
    const struct ps_lower_in *in;
} ps_lower_place;

/* The lowering of one text. */
typedef struct ps_lower {
    ps_planner *p;
    ps_ctx *cx;
    ps_arena *arena;
    const ps_bind_env *env;
    const ps_dialect *dialect;
    ps_str text;
    const ps_lower_cte *ctes;
    const ps_lower_place *places; /* of the subqueries around, innermost first; NULL: none */
    uint32_t depth;               /* levels of recursion now */
    bool preparing;               /* bound only to find mistakes: parameters have no values yet */
    uint32_t n_views; /* views being expanded: positions are not of the statement's text then */
} ps_lower;

/* One output column of a SELECT: bound when it is first needed, so that aliases may be used before.
 */
typedef struct ps_lower_item {
    const ps_sql_node *ast; /* NULL: made by a star */
    ps_str name;
    bool aliased; /* the name was given with AS */
    bool quoted;
    bool busy;           /* being bound: an alias that needs itself */
    const ps_expr *expr; /* NULL: not bound yet */
} ps_lower_item;

/* Where an expression stands: what it may name and contain. */
typedef PS_ARRAY(ps_item) ps_lower_lifted;
typedef struct ps_lower_in {
    ps_lower *lo;
    ps_scope *scope;
    struct ps_lower_items *items; /* aliases in reach; NULL: none */
    bool alias_first;             /* ORDER BY: an alias wins over a column */
    bool no_aggregates, no_windows;
    bool
        *saw_aggregate; /* set when an aggregate is bound here, even if folding drops it; or NULL */
    /* Aggregates over this scope's columns that stand in subqueries; NULL: none may. */
    ps_lower_lifted *lifted;
    const char *clause;         /* "WHERE", for errors */
    const ps_sql_list *windows; /* WINDOW clause */
} ps_lower_in;

typedef struct ps_lower_items {
    PS_ARRAY(ps_lower_item) list;
    ps_lower_in in; /* where items themselves stand */
} ps_lower_items;

/* ---- lower.c ---- */
/* Places the recorded error at the node, unless it has a place, and gives NULL. */
void *ps_lower_fail_at(ps_lower *lo, const ps_sql_node *node);
/* Records an error at the node; gives NULL. */
void *ps_lower_fail(ps_lower *lo, const ps_sql_node *node, ps_status code, const char *format, ...)
    PS_PRINTF(4, 5);
/* "x is not supported yet". */
void *ps_lower_unsupported(ps_lower *lo, const ps_sql_node *node, const char *what);
/* Implicit or explicit cast; literals are cast now where that works. */
const ps_expr *ps_lower_cast(ps_lower *lo, const ps_expr *e, ps_type type, ps_cast_mode mode);
/* e as a condition. */
const ps_expr *ps_lower_condition(ps_lower *lo, const ps_expr *e);
/* Casts n expressions to their common type; false: there is none (error recorded). */
bool ps_lower_unify(ps_lower *lo, const ps_expr **exprs, uint32_t n, const char *what);
const ps_expr *ps_lower_column_of(ps_lower *lo, const ps_col *col);
const ps_expr *ps_lower_int(ps_lower *lo, int64_t value);
const ps_expr *ps_lower_text(ps_lower *lo, ps_str text);
const ps_expr *ps_lower_bool(ps_lower *lo, bool on);
const ps_expr *ps_lower_call1(ps_lower *lo, const char *name, const ps_expr *a);
const ps_expr *ps_lower_call2(ps_lower *lo, const char *name, const ps_expr *a, const ps_expr *b);
/* One level of recursion; false: too deep (error recorded). Leave with lo->depth--. */
bool ps_lower_enter(ps_lower *lo, const ps_sql_node *node);
bool ps_lower_same(const ps_lower *lo, const ps_sql_ident *written, ps_str name);
/* The canonical text of a tree, in the arena: names of columns, definitions; .at NULL: failed. */
ps_str ps_lower_print(ps_lower *lo, const ps_sql_node *node);
/* The value of an expression without columns; the clause's name is for the error. */
ps_status ps_lower_constant(ps_lower *lo, const ps_sql_node *node, const char *clause,
                            ps_value *out);

/* ---- expressions ---- */
const ps_expr *ps_lower_expr(ps_lower_in *in, const ps_sql_node *node);
const ps_expr *ps_lower_bool_expr(ps_lower_in *in, const ps_sql_node *node); /* as a condition */
/* The items of a list; NULL on failure (not for an empty list). */
const ps_expr **ps_lower_exprs(ps_lower_in *in, const ps_sql_list *list);
const ps_expr *ps_lower_operator(ps_lower_in *in, const ps_sql_binary *node);
const ps_expr *ps_lower_unary(ps_lower_in *in, const ps_sql_unary *node);
const ps_expr *ps_lower_like(ps_lower_in *in, const ps_sql_like *node);
const ps_expr *ps_lower_between(ps_lower_in *in, const ps_sql_between *node);
const ps_expr *ps_lower_in_list(ps_lower_in *in, const ps_sql_in *node);
const ps_expr *ps_lower_compare(ps_lower *lo, ps_sql_f_op op, const ps_expr *a, const ps_expr *b);
const char *ps_lower_function_of(ps_sql_f_op op); /* the catalog's name; NULL: none */
const ps_expr *ps_lower_literal(ps_lower_in *in, const ps_sql_node *node);
const ps_expr *ps_lower_number(ps_lower *lo, const ps_sql_number *node, bool negative);
const ps_expr *ps_lower_param(ps_lower *lo, const ps_sql_param *node);
bool ps_lower_type(ps_lower *lo, const ps_sql_type *node, ps_type *out);
const ps_expr *ps_lower_call(ps_lower_in *in, const ps_sql_call *node);
/* A word that stands for a function without brackets: current_date ...; *found false: none. */
const ps_expr *ps_lower_clock(ps_lower *lo, ps_str name, bool *found);
const ps_expr *ps_lower_aggregate(ps_lower_in *in, const ps_sql_call *node, ps_str name);
const ps_expr *ps_lower_window(ps_lower_in *in, const ps_sql_call *node, ps_str name);
/* count(*): a star and nothing else. */
bool ps_lower_counts_rows(const ps_sql_call *node, ps_str name);
/* FILTER, DISTINCT, ORDER BY of an aggregate call. */
bool ps_lower_agg_part(ps_lower_in *in, const ps_sql_call *node, ps_agg_part *out);
/* Arguments cast to what was resolved. */
bool ps_lower_cast_args(ps_lower *lo, const ps_func_match *match, const ps_expr **args, uint32_t n);
bool ps_lower_sort_key(ps_lower_in *in, const ps_sql_sort *sort, ps_sort_key *out);
void ps_lower_sort_order(const ps_lower *lo, const ps_sql_sort *sort,
                         ps_sort_key *out); /* but for its expression */
const ps_expr *ps_lower_subquery(ps_lower_in *in,
                                 const ps_sql_node *node); /* SUBQUERY, EXISTS, QUANTIFIED */
const ps_expr *ps_lower_in_query(ps_lower_in *in, const ps_sql_in *node);

/* ---- SELECT ---- */
typedef struct ps_lower_select {
    ps_lower *lo;
    const ps_sql_select *ast;
    ps_scope scope;
    const ps_node *node;
    ps_lower_in in;
    ps_lower_items items;
    PS_ARRAY(ps_sort_key) order;     /* bound; keys of ORDER BY */
    PS_ARRAY(const ps_expr *) group; /* bound keys */
    PS_ARRAY(const ps_expr *) on;    /* DISTINCT ON */
    ps_lower_lifted lifted;
    const ps_expr *having, *qualify;
    bool grouped;
    bool saw_aggregate;
} ps_lower_select;

/* All expressions above the grouping: items, having, qualify, order, distinct on; fn replaces each.
 */
bool ps_lower_select_map(ps_lower_select *s,
                         const ps_expr *(*fn)(ps_lower_select *s, const ps_expr *e, void *user),
                         void *user);
bool ps_lower_group(ps_lower_select *s);   /* the Aggregate node, if one is needed */
bool ps_lower_windows(ps_lower_select *s); /* the Window nodes, if any */
bool ps_lower_items_expand(ps_lower_select *s);
const ps_expr *ps_lower_item_expr(ps_lower_items *items, size_t i);
/* The item an unqualified name means as an alias; SIZE_MAX: none. */
size_t ps_lower_alias(const ps_lower_in *in, const ps_sql_ident *name);
const ps_node *ps_lower_select_node(ps_lower *lo, const ps_sql_select *ast,
                                    const ps_sql_list *order, ps_scope *outer);

/* ---- queries and tables ---- */
const ps_node *ps_lower_query(ps_lower *lo, const ps_sql_node *query, ps_scope *outer);
const ps_node *ps_lower_setop(ps_lower *lo, const ps_sql_setop *ast, ps_scope *outer);
const ps_node *ps_lower_values(ps_lower *lo, const ps_sql_values *ast, ps_scope *outer);
/* A projection that casts columns to types (and takes names when given); the node itself when
 * nothing changes. */
const ps_node *ps_lower_cast_cols(ps_lower *lo, const ps_node *node, const ps_type *types,
                                  const ps_str *names);
/* One row without columns: what a SELECT without FROM reads. */
const ps_node *ps_lower_one_row(ps_lower *lo);
/* FROM: its tables joined; scope is filled and gets outer. */
const ps_node *ps_lower_from(ps_lower *lo, const ps_sql_list *from, ps_scope *outer,
                             ps_scope *scope);
const ps_node *ps_lower_table(ps_lower *lo, const ps_sql_node *node, ps_scope *outer,
                              ps_scope *scope);
const ps_node *ps_lower_join(ps_lower *lo, const ps_sql_join *node, ps_scope *outer,
                             ps_scope *scope);
/* Joins two inputs whose scopes are given; left's becomes the join's. */
const ps_node *ps_lower_cross(ps_lower *lo, const ps_node *left, ps_scope *left_scope,
                              const ps_node *right, const ps_scope *right_scope, bool lateral);

/* ---- statements ---- */
bool ps_lower_schema_name(ps_lower *lo, const ps_sql_node *node, const ps_sql_idents *name,
                          ps_str *schema, ps_str *object);
/* Whether a table or view has the name; false with the error recorded when looking failed. */
bool ps_lower_is_relation(ps_lower *lo, const ps_sql_idents *name);
/* The table that a statement changes or reads by name. */
bool ps_lower_find_table(ps_lower *lo, const ps_sql_node *node, const ps_sql_idents *name,
                         ps_bind_found *out);
ps_status ps_lower_no_table(ps_lower *lo, const ps_sql_ident *name);
ps_status ps_lower_create_table(ps_lower *lo, const ps_sql_create_table *node, ps_statement *out);
ps_status ps_lower_create_index(ps_lower *lo, const ps_sql_create_index *node, ps_statement *out);
ps_status ps_lower_create_view(ps_lower *lo, const ps_sql_create_view *node, ps_statement *out);
ps_status ps_lower_insert(ps_lower *lo, const ps_sql_insert *node, ps_statement *out);
ps_status ps_lower_copy_to(ps_lower *lo, const ps_sql_copy_to *node, ps_statement *out);
ps_status ps_lower_copy_from(ps_lower *lo, const ps_sql_copy_from *node, ps_statement *out);
/* Rows about columns or tables, as a plan; for FROM (DESCRIBE ..) too. */
const ps_node *ps_lower_describe(ps_lower *lo, const ps_sql_describe *node);
const ps_node *ps_lower_show(ps_lower *lo, const ps_sql_show *node);
ps_status ps_lower_statement(ps_lower *lo, const ps_sql_node *node, ps_statement *out);

#endif
