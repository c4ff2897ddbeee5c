/* plan/ptr_map.h -- a map from addresses, so that walks see shared nodes once. */
#ifndef PS_PLAN_PTR_MAP_H
#define PS_PLAN_PTR_MAP_H

#include "base/arena.h"

/* Addresses to values; open addressing in an arena. */
typedef struct ps_ptr_map {
    const void **keys, **values;
    size_t n, room;
} ps_ptr_map;
ps_status ps_ptr_map_put(ps_ctx *cx, ps_arena *arena, ps_ptr_map *map, const void *key,
                         const void *value);
const void *ps_ptr_map_get(const ps_ptr_map *map, const void *key); /* NULL: absent */

#endif
