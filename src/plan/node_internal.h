/* plan/node_internal.h -- what the files of this folder share; not for others. */
#ifndef PS_PLAN_NODE_INTERNAL_H
#define PS_PLAN_NODE_INTERNAL_H

#include "plan/node.h"
#include "plan/ptr_map.h"

extern const char *const ps_join_kind_names[]; /* "inner", by ps_join_kind */
extern const char *const ps_setop_names[];     /* "union_all", by ps_setop */
enum { PS_JOIN_KIND_COUNT = PS_JOIN_CROSS + 1, PS_SETOP_COUNT = PS_SETOP_EXCEPT_ALL + 1 };

/* A node of the kind with its inputs copied and its fields zeroed; NULL on failure. */
ps_node *ps_node_alloc(ps_planner *p, ps_node_kind kind, const ps_node *const *inputs, uint32_t n);
/* A copy of the node's own struct: fields and inputs by reference. */
ps_node *ps_node_dup(ps_planner *p, const ps_node *node);
/* Derives output columns and depth from fields and inputs; NULL on failure. */
const ps_node *ps_node_finish(ps_planner *p, ps_node *node);
/* Whether an expression may be null over the columns of up to two inputs. */
bool ps_expr_may_be_null(const ps_expr *expr, const ps_node *const *inputs, uint32_t n);

/* What ps_node_map_fields() applies to a node's fields: expr to each expression, def to each column
 * that the node itself defines. Either may be NULL. */
typedef struct ps_field_map {
    ps_planner *p;
    const ps_expr *(*expr)(struct ps_field_map *map, const ps_expr *expr);
    ps_col_id (*def)(struct ps_field_map *map, ps_col_id id);
    ps_expr_fn fn; /* of ps_node_map_exprs */
    void *user;
    bool changed;
} ps_field_map;
bool ps_node_map_fields(ps_field_map *map, ps_node *node); /* in place; false: failure */

#endif
