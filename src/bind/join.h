/* bind/join.h -- a join condition taken apart into key pairs and a residual. */
#ifndef PS_BIND_JOIN_H
#define PS_BIND_JOIN_H

#include "plan/node.h"

/* Sets keys and residual of spec from the conjuncts of condition (NULL: none): l = r and
 * l IS NOT DISTINCT FROM r with each side over one input only become keys, sides in order. */
ps_status ps_join_split(ps_planner *p, const ps_node *left, const ps_node *right,
                        const ps_expr *condition, ps_join_spec *spec);
/* Which columns an expression reads of a node: none, some, or (also) others. Columns read by
 * subquery plans count as others. */
typedef enum ps_reads { PS_READS_NONE, PS_READS_ONLY, PS_READS_OTHERS } ps_reads;
ps_reads ps_expr_reads(const ps_expr *expr, const ps_node *node);

#endif
