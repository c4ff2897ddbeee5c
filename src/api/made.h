/* api/made.h -- what terms and plans have in common: a piece of SQL's syntax tree that holds on to
 * the pieces below it.
 *
 * Builders make the tree that the parser would make of the same query, so names, types, coercions
 * and near names are lowered in one place (front/sql/lower.h). A piece is immutable once made and
 * may stand in many others; the tree is a DAG, lowered as a tree, so its size written out is
 * bounded. A piece that failed holds nothing but its error.
 *
 * Threads: pieces any; a ps_maker is one call's. Tests: tests/unit/test_api_plan.c */
#ifndef PS_API_MADE_H
#define PS_API_MADE_H

#include "api/handles.h"
#include "front/sql/build.h"

enum { PS_MADE_DEPTH_MAX = 800, PS_MADE_NODES_MAX = 1 << 18 };

typedef struct ps_made {
    _Atomic uint32_t refs;
    ps_arena arena;        /* the nodes made here, their text, held, error */
    struct ps_made **held; /* NULL where a piece was optional */
    size_t n_held;
    ps_sql_node *node; /* a plan: QUERY; a term: an expression, ITEM, SORT; NULL: failed */
    uint32_t depth;
    uint64_t n_nodes; /* written out as a tree */
    ps_status status;
    const ps_error *error;    /* of a failure; NULL: there was no room for it */
    ps_table *table;          /* ps_plan_stream */
    char table_name[8];       /* its name in the tree: says by its address which plan is meant */
    ps_sql_statements parsed; /* ps_plan_sql */
    ps_str text;              /* ps_plan_sql: for positions in errors */
} ps_made;

struct ps_term {
    ps_made made;
};
struct ps_plan {
    ps_made made;
};

/* The schema that names of ps_plan_stream()'s tables have: known by its address. */
extern const char ps_made_schema[];
PS_INLINE const ps_made *ps_made_of_table(ps_str name)
{
    return (const ps_made *)(const void *)(name.at - offsetof(ps_made, table_name));
}

/* The making of one piece. */
typedef struct ps_maker {
    ps_ctx cx;
    sql_parser p;
    ps_made *made;
} ps_maker;

/* Begins a piece over others, which are taken over. False: it has failed already. */
bool ps_make_begin(ps_maker *m, ps_made *const *a, size_t n_a, ps_made *const *b, size_t n_b);
/* Ends it; node NULL, or a failure of the maker's parser or context: it failed. Never NULL. */
ps_made *ps_make_end(ps_maker *m, ps_sql_node *node);
void ps_make_fail(ps_maker *m, ps_status code, const char *format, ...) PS_PRINTF(3, 4);
/* Text copied into the piece; checked to be UTF-8 without NUL. */
ps_str ps_make_text(ps_maker *m, const char *text, size_t n);
ps_sql_ident ps_make_ident(ps_maker *m, const char *name); /* quoted: compared as dialects do */
/* A held piece as an expression, an item of a SELECT list, a sort key. */
ps_sql_node *ps_make_expr(ps_maker *m, size_t held);
ps_sql_node *ps_make_item(ps_maker *m, size_t held);
ps_sql_node *ps_make_sort(ps_maker *m, size_t held);
/* n held pieces from `first` on, each turned by fn. */
ps_sql_list ps_make_list(ps_maker *m, size_t first, size_t n,
                         ps_sql_node *(*fn)(ps_maker *m, size_t held));
/* The one item of "SELECT <before><text><after>": an ITEM. NULL: it failed. */
ps_sql_node *ps_make_parse(ps_maker *m, const char *before, const char *text, const char *after,
                           const char *what);
ps_sql_node *ps_make_type(ps_maker *m, const char *type);

void ps_made_unref(ps_made *made);
ps_status ps_made_check(const ps_made *made, const char *what, ps_error *error);

PS_INLINE ps_made *const *ps_made_terms(ps_term *const *terms)
{
    return (ps_made *const *)(const void *)terms;
}
PS_INLINE ps_made *const *ps_made_plans(ps_plan *const *plans)
{
    return (ps_made *const *)(const void *)plans;
}

#endif
