/* plan/node.h -- the logical plan: an immutable DAG of nodes.
 *
 * Every column that a node produces has an id, unique in its plan; expressions name columns by
 * id, so rules move them without renumbering. Outside (JSON, hash, printing) a column is an ordinal
 * of its input: json_write.c and json_read.c convert. A shared subplan (CTE) is one node read
 * through SUBPLAN nodes that give fresh ids. Nodes live in arenas; a ps_plan (plan.h) is the
 * counted handle that owns one. A transformation only builds nodes. Build with the functions below:
 * they derive the output columns. Depth is at most PS_PLAN_DEPTH_MAX. */
#ifndef PS_PLAN_NODE_H
#define PS_PLAN_NODE_H

#include "expr/expr.h"
#include "base/hash.h"
#include "plan/source.h"

enum { PS_PLAN_DEPTH_MAX = 2000 };

typedef struct ps_col {
    ps_col_id id;
    ps_type type;
    bool nullable;
    ps_str name; /* as the user sees it; "" for columns made by rules */
} ps_col;

typedef struct ps_item {
    ps_col col;
    const ps_expr *expr;
} ps_item; /* col computed by expr */
typedef struct ps_scan_col {
    ps_col col;
    uint32_t source_column;
} ps_scan_col;
typedef struct ps_join_key {
    const ps_expr *left, *right; /* over the left and the right input; same type */
    bool null_equal; /* null matches null (IS NOT DISTINCT FROM, set operations, unnesting) */
} ps_join_key;

typedef enum ps_join_kind {
    PS_JOIN_INNER,
    PS_JOIN_LEFT,
    PS_JOIN_RIGHT,
    PS_JOIN_FULL,
    PS_JOIN_SEMI,   /* left rows with a match */
    PS_JOIN_ANTI,   /* left rows without a match */
    PS_JOIN_MARK,   /* all left rows and a column: true, false, or null where IN's rules say unknown
                     */
    PS_JOIN_SINGLE, /* LEFT, and a second match of a row is an error (scalar subqueries) */
    PS_JOIN_CROSS
} ps_join_kind;

typedef enum ps_setop {
    PS_SETOP_UNION_ALL,
    PS_SETOP_INTERSECT,
    PS_SETOP_INTERSECT_ALL,
    PS_SETOP_EXCEPT,
    PS_SETOP_EXCEPT_ALL
} ps_setop;

/* Field types of nodes.def. */
typedef int64_t ps_f_i64;
typedef bool ps_f_bool;
typedef ps_str ps_f_str;
typedef const ps_expr *ps_f_expr;
typedef ps_source *ps_f_source;
typedef const ps_sink_spec *ps_f_sink;
typedef ps_join_kind ps_f_join_kind;
typedef ps_setop ps_f_setop;
typedef struct {
    const ps_expr *const *at;
    uint32_t n;
} ps_f_exprs;
typedef struct {
    const ps_item *at;
    uint32_t n;
} ps_f_items;
typedef struct {
    const ps_col *at;
    uint32_t n;
} ps_f_cols;
typedef struct {
    const ps_scan_col *at;
    uint32_t n;
} ps_f_scan_cols;
typedef struct {
    const ps_sort_key *at;
    uint32_t n;
} ps_f_sort_keys;
typedef struct {
    const ps_join_key *at;
    uint32_t n;
} ps_f_join_keys;

#include "plan/nodes.def"

typedef enum ps_node_kind {
#define N(KIND, name, inputs) PS_NODE_##KIND,
    PS_NODES(N)
#undef N
        PS_NODE_COUNT
} ps_node_kind;

struct ps_node {
    uint8_t kind; /* ps_node_kind */
    uint16_t depth;
    uint32_t at; /* byte offset in the statement plus one */
    uint32_t n_inputs;
    const ps_node *const *inputs;
    uint32_t n_cols;
    const ps_col *cols; /* output columns, in order */
    double rows_est;    /* set by stat; < 0: not estimated yet */
};

#define F(type, name, id, doc) ps_f_##type name;
#define N(KIND, name, inputs)                                                                      \
    typedef struct ps_node_##name {                                                                \
        ps_node base;                                                                              \
        PS_FIELDS_##KIND(F)                                                                        \
    } ps_node_##name;
PS_NODES(N)
#undef N
#undef F

/* Checked downcasts: ps_node_as_filter(node). */
#define N(KIND, name, inputs)                                                                      \
    PS_INLINE const ps_node_##name *ps_node_as_##name(const ps_node *node)                         \
    {                                                                                              \
        PS_ASSERT(node->kind == PS_NODE_##KIND);                                                   \
        return (const ps_node_##name *)(const void *)node;                                         \
    }
PS_NODES(N)
#undef N

/* What builds and transforms plans: an arena, the id counter, the context. */
typedef struct ps_planner {
    ps_ctx *cx;
    ps_arena *arena;
    ps_col_id next_id;
} ps_planner;
PS_INLINE ps_col_id ps_planner_id(ps_planner *p) { return p->next_id++; }

/* Builders: copy arrays into the arena, derive output columns; NULL with the error recorded on
 * failure. */
const ps_node *ps_node_scan_new(ps_planner *p, ps_source *source, const ps_scan_col *columns,
                                uint32_t n, const ps_expr *const *filters, uint32_t n_filters,
                                int64_t limit);
/* All columns of a source under fresh ids. */
const ps_node *ps_node_scan_all(ps_planner *p, ps_source *source);
const ps_node *ps_node_values_new(ps_planner *p, const ps_col *columns, uint32_t n,
                                  const ps_expr *const *cells, uint32_t n_cells);
const ps_node *ps_node_filter_new(ps_planner *p, const ps_node *input, const ps_expr *predicate);
const ps_node *ps_node_project_new(ps_planner *p, const ps_node *input, const ps_item *items,
                                   uint32_t n);
const ps_node *ps_node_aggregate_new(ps_planner *p, const ps_node *input, const ps_item *keys,
                                     uint32_t n_keys, const ps_item *aggs, uint32_t n_aggs);
const ps_node *ps_node_window_new(ps_planner *p, const ps_node *input, const ps_item *calls,
                                  uint32_t n);
typedef struct ps_join_spec {
    ps_join_kind kind;
    const ps_join_key *keys;
    uint32_t n_keys;
    const ps_expr *residual; /* NULL: none */
    ps_col mark;             /* MARK */
    bool lateral;
} ps_join_spec;
const ps_node *ps_node_join_new(ps_planner *p, const ps_node *left, const ps_node *right,
                                const ps_join_spec *spec);
const ps_node *ps_node_sort_new(ps_planner *p, const ps_node *input, const ps_sort_key *keys,
                                uint32_t n);
const ps_node *ps_node_topn_new(ps_planner *p, const ps_node *input, const ps_sort_key *keys,
                                uint32_t n, int64_t offset, int64_t count);
const ps_node *ps_node_limit_new(ps_planner *p, const ps_node *input, int64_t offset,
                                 int64_t count);
const ps_node *ps_node_distinct_new(ps_planner *p, const ps_node *input, const ps_expr *const *on,
                                    uint32_t n);
const ps_node *ps_node_setop_new(ps_planner *p, ps_setop op, const ps_node *const *inputs,
                                 uint32_t n, const ps_col *columns);
const ps_node *ps_node_subplan_new(ps_planner *p, const ps_node *shared, ps_str name,
                                   const ps_col *columns);
const ps_node *ps_node_write_new(ps_planner *p, const ps_node *input, const ps_sink_spec *sink,
                                 ps_str count_name);
/* The same node over other inputs (whose columns must cover what it uses); itself if none changed.
 */
const ps_node *ps_node_with_inputs(ps_planner *p, const ps_node *node,
                                   const ps_node *const *inputs);
/* The same node with an estimate of its rows. */
const ps_node *ps_node_with_rows(ps_planner *p, const ps_node *node, double rows_est);
/* A deep copy with fresh ids for every column: to use one plan twice. */
const ps_node *ps_node_instantiate(ps_planner *p, const ps_node *node);

/* The one rewriter: each node after its inputs, shared nodes once; same pointer: unchanged; NULL:
 * failure. Iterative. */
typedef const ps_node *(*ps_node_fn)(ps_planner *p, const ps_node *node, void *user);
const ps_node *ps_node_rewrite(ps_planner *p, const ps_node *root, ps_node_fn fn, void *user);
/* The one visitor: inputs first, shared nodes once. */
ps_status ps_node_visit(ps_ctx *cx, const ps_node *root,
                        ps_status (*fn)(ps_ctx *cx, const ps_node *node, void *user), void *user);
/* The expressions of a node, and the node with each replaced by fn (same type). */
ps_status ps_node_visit_exprs(ps_ctx *cx, const ps_node *node,
                              ps_status (*fn)(ps_ctx *cx, const ps_expr *expr, void *user),
                              void *user);
const ps_node *ps_node_map_exprs(ps_planner *p, const ps_node *node, ps_expr_fn fn, void *user);
/* Whether two nodes do the same to equal inputs: kind and fields are equal but for the ids and
 * names that they define; expressions by the callback. Sources by identity: the same object or the
 * same description. A node that writes equals none. */
typedef bool (*ps_expr_same_fn)(void *user, const ps_expr *a, const ps_expr *b);
ps_status ps_node_same(ps_ctx *cx, const ps_node *a, const ps_node *b, ps_expr_same_fn same,
                       void *user, bool *out);
const ps_col *ps_node_find_col(const ps_node *node, ps_col_id id); /* NULL: not an output column */

/* Dev builds, after each rule: every column used is there with its type, ids are unique, inputs
 * match. */
ps_status ps_plan_verify(ps_ctx *cx, const ps_node *root);
extern const char *const ps_node_kind_names[PS_NODE_COUNT]; /* "scan" */

typedef enum ps_plan_form { PS_PLAN_TEXT, PS_PLAN_JSON, PS_PLAN_GRAPHVIZ } ps_plan_form;
/* EXPLAIN's tree; rows_est shown when set; annotate (optional) adds a node's run-time figures: a
 * line of text below the node, members of its JSON object (",\"rows\":1"), or a label's lines. */
typedef struct ps_plan_annotate {
    void (*fn)(void *user, const ps_node *node, bool root, ps_plan_form form, ps_text *out);
    void *user;
} ps_plan_annotate;
ps_status ps_plan_print(ps_ctx *cx, const ps_node *root, ps_plan_form form,
                        const ps_plan_annotate *annotate, ps_text *out);
/* The canonical JSON form and back; sources and sinks are described by their class and resolved by
 * the callback. */
ps_status ps_plan_to_json(ps_ctx *cx, const ps_node *root, ps_text *out);
typedef struct ps_plan_resolver {
    ps_status (*source)(ps_ctx *cx, void *user, ps_str description, ps_source **out);
    ps_status (*sink)(ps_ctx *cx, void *user, ps_str description, ps_sink_spec *out);
    void *user;
} ps_plan_resolver;
ps_status ps_plan_from_json(ps_planner *p, ps_str json, const ps_plan_resolver *resolver,
                            const ps_node **out);
/* 128 bits over the canonical form; without_literals leaves literal values out. */
ps_status ps_plan_hash(ps_ctx *cx, const ps_node *root, bool without_literals, ps_hash128 *out);

#endif
