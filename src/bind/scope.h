/* bind/scope.h -- which columns an expression can name, and how names are looked up.
 *
 * A scope is what one FROM makes visible. `tables` answer qualified names, `visible` unqualified
 * ones and stars: they differ after USING, where merged columns come once. A name that isn't in a
 * scope is looked up in `outer`: the column's id is simply used there, and the scope it was found
 * in notes that something inside reads it. All memory is in the binder's arena. */
#ifndef PS_BIND_SCOPE_H
#define PS_BIND_SCOPE_H

#include "base/array.h"
#include "bind/dialect.h"
#include "bind/env.h"

typedef struct ps_name {
    ps_str text;
    bool quoted;
    uint32_t at;
} ps_name; /* as written */

typedef struct ps_scope_col {
    ps_str name;
    ps_str table; /* the alias it came under; "" for columns of USING */
    ps_col_id id;
    ps_type type;
} ps_scope_col;

typedef struct ps_scope_table {
    ps_str schema, name;
    const ps_scope_col *cols;
    uint32_t n;
} ps_scope_table;

typedef struct ps_scope {
    struct ps_scope *outer;
    PS_ARRAY(ps_scope_table) tables;
    PS_ARRAY(ps_scope_col) visible;
    bool read_from_inside; /* a subquery (or a lateral input) reads one of its columns */
} ps_scope;

/* A column found: the first n_used parts of the name; the rest are struct fields. */
typedef struct ps_scope_hit {
    const ps_scope_col *col; /* NULL: not found */
    uint32_t n_used;
} ps_scope_hit;

/* Adds a table with its columns; PS_BIND when the alias is there already. */
ps_status ps_scope_add(ps_ctx *cx, ps_arena *arena, ps_scope *scope, ps_str schema, ps_str alias,
                       const ps_col *cols, uint32_t n);
/* Appends right to left. Merged columns (USING) stand in place of left's of their names and right's
 * go. */
ps_status ps_scope_join(ps_ctx *cx, ps_arena *arena, ps_scope *left, const ps_scope *right,
                        const ps_scope_col *merged, uint32_t n_merged);
/* Looks in one scope only: a, t.a, s.t.a, a.field, t.a.field ... PS_BIND when ambiguous, with the
 * candidates. */
ps_status ps_scope_find_in(ps_ctx *cx, const ps_dialect *dialect, const ps_scope *scope,
                           const ps_name *parts, uint32_t n, ps_scope_hit *out);
/* Looks in scope, then outwards. */
ps_status ps_scope_find(ps_ctx *cx, const ps_dialect *dialect, ps_scope *scope,
                        const ps_name *parts, uint32_t n, ps_scope_hit *out);
/* The table of a qualified star or name; NULL: none. */
const ps_scope_table *ps_scope_table_of(const ps_dialect *dialect, const ps_scope *scope,
                                        const ps_name *parts, uint32_t n);
/* The error for a name that was not found: says what it is missing from, with a near name. */
ps_status ps_scope_unknown(ps_ctx *cx, const ps_dialect *dialect, const ps_scope *scope,
                           const ps_name *parts, uint32_t n);
/* Whether the id is one of the scope's own. */
bool ps_scope_has(const ps_scope *scope, ps_col_id id);

#endif
