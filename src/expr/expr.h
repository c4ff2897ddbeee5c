/* expr/expr.h -- immutable, typed, bound expressions.
 *
 * Nodes live in an arena and are shared freely. A column is named by an id that is unique in its
 * plan (plan/node.h), so moving an expression between operators needs no renumbering. Types and
 * casts are explicit: what overflows, divides by zero or rounds is said by function and cast mode,
 * never by the engine's mood. Build nodes with the functions below only: they fill type
 * flags and hash. Trees are at most PS_EXPR_DEPTH_MAX deep (long AND/OR chains are n-ary), so
 * recursion over them is bounded, and have at most PS_EXPR_NODES_MAX nodes when written out as
 * trees, so that sharing can't make a walk endless. */
#ifndef PS_EXPR_EXPR_H
#define PS_EXPR_EXPR_H

#include "col/value.h"

enum { PS_EXPR_DEPTH_MAX = 1200, PS_EXPR_NODES_MAX = 1 << 20 };

typedef uint32_t ps_col_id;
#define PS_COL_NONE ((ps_col_id) - 1)

typedef struct ps_func ps_func; /* func/func.h: the catalog's entry, static */
/* What expressions know of an entry: how ps_func begins (checked in func.h; func is above expr). */
typedef struct ps_func_head {
    const char *name;
    uint8_t kind, nulls, purity; /* ps_func_kind, ps_nulls, ps_purity */
    bool fallible;
} ps_func_head;
PS_INLINE ps_func_head ps_func_head_of(const ps_func *func)
{
    ps_func_head head;
    memcpy(&head, func, sizeof head);
    return head;
}
typedef struct ps_node ps_node; /* plan/node.h */
typedef struct ps_expr ps_expr;

typedef enum ps_expr_kind {
    PS_EXPR_COLUMN,   /* column */
    PS_EXPR_LITERAL,  /* literal */
    PS_EXPR_PARAM,    /* parameter `param` (1-based) of a prepared statement */
    PS_EXPR_CALL,     /* func(args): same-type kernels, casts already inserted */
    PS_EXPR_CAST,     /* args[0] to type, by cast mode */
    PS_EXPR_AND,      /* n-ary, three-valued; false AND error = false */
    PS_EXPR_OR,       /* n-ary, three-valued; true OR error = true */
    PS_EXPR_CASE,     /* args: when1, then1, when2, then2, ..., else (always there) */
    PS_EXPR_COALESCE, /* the first that is not null; later ones are not evaluated for that row */
    PS_EXPR_IN,  /* args[0] IN (args[1..]): literals of its type, sorted by ps_value_compare, no
                  * duplicates, no nulls; has_null_item says that NULL was in the list */
    PS_EXPR_TRY, /* args[0], null where it has an error */
    PS_EXPR_AGGREGATE, /* func(args) in an Aggregate node only */
    PS_EXPR_WINDOW,    /* func(args) OVER in a Window node only */
    PS_EXPR_SUBQUERY   /* between binder and unnesting only */
} ps_expr_kind;

typedef enum ps_cast_mode {
    PS_CAST_ERROR,
    PS_CAST_TRY
} ps_cast_mode; /* of a value that doesn't fit: error, null */

enum {
    PS_EXPR_VOLATILE = 1, /* random(): every evaluation counts */
    PS_EXPR_FALLIBLE = 2, /* some row may be an error */
    PS_EXPR_HAS_COLUMN = 4,
    PS_EXPR_HAS_PARAM = 8,
    PS_EXPR_HAS_AGGREGATE = 16,
    PS_EXPR_HAS_WINDOW = 32,
    PS_EXPR_HAS_SUBQUERY = 64
};

typedef struct ps_sort_key {
    const ps_expr *expr;
    bool descending;
    bool nulls_first;
} ps_sort_key;

typedef enum ps_frame_unit { PS_FRAME_ROWS, PS_FRAME_RANGE, PS_FRAME_GROUPS } ps_frame_unit;
typedef enum ps_bound_kind {
    PS_BOUND_UNBOUNDED_PRECEDING,
    PS_BOUND_PRECEDING,
    PS_BOUND_CURRENT,
    PS_BOUND_FOLLOWING,
    PS_BOUND_UNBOUNDED_FOLLOWING
} ps_bound_kind;
typedef enum ps_frame_exclude {
    PS_EXCLUDE_NO_OTHERS,
    PS_EXCLUDE_CURRENT_ROW,
    PS_EXCLUDE_GROUP,
    PS_EXCLUDE_TIES
} ps_frame_exclude;
typedef struct ps_frame {
    ps_frame_unit unit;
    ps_bound_kind start, end;
    const ps_expr *start_offset, *end_offset; /* PRECEDING/FOLLOWING only */
    ps_frame_exclude exclude;
} ps_frame;

typedef enum ps_subquery_kind {
    PS_SUBQUERY_SCALAR, /* the only row's only value; none: null; more: an error */
    PS_SUBQUERY_EXISTS,
    PS_SUBQUERY_ANY, /* args OP ANY (rows): func is the comparison, null-aware */
    PS_SUBQUERY_ALL
} ps_subquery_kind;

typedef struct ps_agg_part { /* of AGGREGATE, and of WINDOW with an aggregate */
    bool distinct;
    bool ignore_nulls;        /* window functions lag, first_value, ... */
    const ps_expr *filter;    /* NULL: none */
    const ps_sort_key *order; /* ordered aggregates: string_agg(x ORDER BY y) */
    uint32_t n_order;
} ps_agg_part;

struct ps_expr {
    uint8_t kind;  /* ps_expr_kind */
    uint8_t flags; /* PS_EXPR_VOLATILE ... of the whole subtree */
    uint16_t depth;
    uint32_t at; /* byte offset in the statement plus one; 0: unknown; not part of equality */
    ps_type type;
    uint64_t hash; /* of everything but `at` */
    uint32_t n_args;
    uint32_t n_nodes; /* of the subtree, shared ones counted each time */
    const ps_expr *const *args;
    union {
        ps_col_id column;
        ps_value literal;
        uint32_t param;
        ps_cast_mode cast;
        bool has_null_item;
        struct {
            const ps_func *func;
            const ps_agg_part *agg;          /* AGGREGATE, WINDOW; else NULL */
            const ps_expr *const *partition; /* WINDOW */
            uint32_t n_partition;
            const ps_sort_key *order; /* WINDOW: OVER (ORDER BY) */
            uint32_t n_order;
            const ps_frame *frame; /* WINDOW */
        };
        struct {
            ps_subquery_kind subquery;
            const ps_func *compare; /* ANY, ALL */
            const ps_node *plan;    /* outputs the compared columns first */
        };
    };
};

/* Builders: NULL with the error recorded on failure. */
const ps_expr *ps_expr_column(ps_ctx *cx, ps_arena *arena, ps_col_id id, ps_type type);
const ps_expr *ps_expr_literal(ps_ctx *cx, ps_arena *arena,
                               const ps_value *value); /* value is copied */
const ps_expr *ps_expr_param(ps_ctx *cx, ps_arena *arena, uint32_t param, ps_type type);
/* The result type was found by ps_func_resolve(); fallible/volatile come from the catalog entry. */
const ps_expr *ps_expr_call(ps_ctx *cx, ps_arena *arena, const ps_func *func, ps_type type,
                            const ps_expr *const *args, uint32_t n);
const ps_expr *ps_expr_cast(ps_ctx *cx, ps_arena *arena, const ps_expr *arg, ps_type type,
                            ps_cast_mode mode); /* arg itself when types are equal */
/* Flattens nested ANDs (ORs); one argument: that argument; none: true (false). */
const ps_expr *ps_expr_and(ps_ctx *cx, ps_arena *arena, const ps_expr *const *args, uint32_t n);
const ps_expr *ps_expr_or(ps_ctx *cx, ps_arena *arena, const ps_expr *const *args, uint32_t n);
const ps_expr *ps_expr_case(ps_ctx *cx, ps_arena *arena, const ps_expr *const *args, uint32_t n);
const ps_expr *ps_expr_coalesce(ps_ctx *cx, ps_arena *arena, const ps_expr *const *args,
                                uint32_t n);
/* items: literals of needle's type, any order; sorts and removes duplicates and nulls. */
const ps_expr *ps_expr_in(ps_ctx *cx, ps_arena *arena, const ps_expr *needle,
                          const ps_expr *const *items, uint32_t n);
const ps_expr *ps_expr_try(ps_ctx *cx, ps_arena *arena, const ps_expr *arg);
const ps_expr *ps_expr_aggregate(ps_ctx *cx, ps_arena *arena, const ps_func *func, ps_type type,
                                 const ps_expr *const *args, uint32_t n, const ps_agg_part *part);
typedef struct ps_window_spec {
    const ps_expr *const *partition;
    uint32_t n_partition;
    const ps_sort_key *order;
    uint32_t n_order;
    ps_frame frame;
} ps_window_spec;
const ps_expr *ps_expr_window(ps_ctx *cx, ps_arena *arena, const ps_func *func, ps_type type,
                              const ps_expr *const *args, uint32_t n, const ps_agg_part *part,
                              const ps_window_spec *spec);
const ps_expr *ps_expr_subquery(ps_ctx *cx, ps_arena *arena, ps_subquery_kind kind, ps_type type,
                                const ps_func *compare, const ps_expr *const *args, uint32_t n,
                                const ps_node *plan);
/* Says where in the statement a node just built comes from (byte offset plus one); a node that has
 * a place keeps it. NULL passes through. */
const ps_expr *ps_expr_place(const ps_expr *expr, uint32_t at);
/* The same node with other arguments (same number and types); the node itself if none changed.
 * Children are args, then a window's or aggregate's filter, partition, OVER's order, the
 * aggregate's own order, and the frame's offsets, in ps_expr_child order. */
const ps_expr *ps_expr_with_children(ps_ctx *cx, ps_arena *arena, const ps_expr *expr,
                                     const ps_expr *const *children);
uint32_t ps_expr_n_children(const ps_expr *expr);
const ps_expr *ps_expr_child(const ps_expr *expr, uint32_t i);

bool ps_expr_equal(const ps_expr *a, const ps_expr *b); /* structural; subquery plans by address */
/* WINDOW expressions with the same PARTITION BY and ORDER BY: one sort serves both. */
bool ps_expr_same_window(const ps_expr *a, const ps_expr *b);
/* Bottom-up rewriting: fn gets each node after its children; same pointer: unchanged; NULL:
 * failure. */
typedef const ps_expr *(*ps_expr_fn)(ps_ctx *cx, const ps_expr *expr, void *user);
const ps_expr *ps_expr_rewrite(ps_ctx *cx, ps_arena *arena, const ps_expr *expr, ps_expr_fn fn,
                               void *user);
/* Visits every node, parents first, until fn gives false; false then. Does not enter subquery
 * plans. */
bool ps_expr_visit(const ps_expr *expr, bool (*fn)(const ps_expr *expr, void *user), void *user);
/* Text for plans and errors: (a + 1) > b; names come from the callback (NULL: #id). */
typedef struct ps_expr_names {
    ps_str (*name)(void *user, ps_col_id id);
    void *user;
} ps_expr_names;
void ps_expr_print(const ps_expr *expr, const ps_expr_names *names, ps_text *out);

PS_INLINE bool ps_expr_is_literal(const ps_expr *e) { return e->kind == PS_EXPR_LITERAL; }
PS_INLINE bool ps_expr_is_volatile(const ps_expr *e) { return e->flags & PS_EXPR_VOLATILE; }
PS_INLINE bool ps_expr_is_fallible(const ps_expr *e) { return e->flags & PS_EXPR_FALLIBLE; }

#endif
