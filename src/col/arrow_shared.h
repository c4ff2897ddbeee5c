/* col/arrow_shared.h -- inside col: the memory behind exported Arrow structures.
 *
 * One arena holds a whole tree; every node of it counts as a reference, because a consumer may
 * move a child out and release its parent first. The memory belongs to the host from then on, so
 * no payer is charged for it: it may outlive the instance. */
#ifndef PS_COL_ARROW_SHARED_H
#define PS_COL_ARROW_SHARED_H

#include "base/arena.h"

typedef struct ps_arrow_shared {
    ps_owner owner;
    ps_ctx cx;      /* without a payer; takes the errors of the export */
    ps_arena arena; /* owns references to what is shared without a copy, too */
    uint32_t n_nodes;
} ps_arrow_shared;

ps_status ps_arrow_shared_new(ps_ctx *cx, ps_arrow_shared **out);
/* After success: one reference for each node. */
void ps_arrow_shared_publish(ps_arrow_shared *shared);
/* After failure: frees all of it and records the error in cx. */
ps_status ps_arrow_shared_fail(ps_ctx *cx, ps_arrow_shared *shared, ps_status st);

#endif
