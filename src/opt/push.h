/* opt/push.h -- what the files of push_filters share; not for others. */
#ifndef PS_OPT_PUSH_H
#define PS_OPT_PUSH_H

#include "opt/util.h"

typedef struct ps_pushed {
    const ps_node *before, *after;
} ps_pushed;

typedef struct ps_push {
    ps_opt *opt;
    PS_ARRAY(ps_pushed) done; /* shared plans */
    bool joins_only; /* only as far as joins need it: nothing into scans, no copies, outer joins
                        stay */
} ps_push;

/* The node's rows for which every conjunct is true. Recursion follows the plan, whose depth is
 * bounded. */
const ps_node *ps_push_into(ps_push *push, const ps_node *node, const ps_conjuncts *list);
const ps_node *ps_push_join(ps_push *push, const ps_node *node, const ps_conjuncts *list);

#endif
