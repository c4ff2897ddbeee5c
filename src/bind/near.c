/* bind/near.c -- near names. The first of equally near ones wins, so hints are stable. */
#include "bind/near.h"

void ps_near_add(ps_near *near, ps_str candidate)
{
    uint32_t limit = near->wanted.n <= 3 ? 1 : near->wanted.n <= 6 ? 2 : 3;
    uint32_t distance = ps_str_distance(near->wanted, candidate, limit);

    if (distance > limit || distance >= near->distance || candidate.n == 0) return;
    near->best = candidate;
    near->distance = distance;
}

void ps_near_hint(ps_ctx *cx, const ps_near *near)
{
    if (near->best.n) ps_hint(cx, "did you mean \"%.*s\"?", PS_STR_ARGS(near->best));
}
