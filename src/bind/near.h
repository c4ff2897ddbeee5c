/* bind/near.h -- the known name nearest to an unknown one, for "did you mean". */
#ifndef PS_BIND_NEAR_H
#define PS_BIND_NEAR_H

#include "base/str.h"

typedef struct ps_near {
    ps_str wanted;
    ps_str best; /* n 0: none near enough yet */
    uint32_t distance;
} ps_near;

PS_INLINE ps_near ps_near_of(ps_str wanted)
{
    return (ps_near){.wanted = wanted, .distance = UINT32_MAX};
}
void ps_near_add(ps_near *near, ps_str candidate); /* keeps candidate by reference */
/* Adds the hint to the error just recorded, if there is a near name. */
void ps_near_hint(ps_ctx *cx, const ps_near *near);

#endif
