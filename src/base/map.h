/* base/map.h -- a hash map from text to pointers, in an arena; keys by bytes or without case. */
#ifndef PS_BASE_MAP_H
#define PS_BASE_MAP_H

#include "base/str.h"

typedef struct ps_map_slot {
    ps_str key;
    void *value;
    uint64_t hash;
} ps_map_slot;
typedef struct ps_map {
    ps_map_slot *slots; /* open addressing; key.at NULL: free */
    size_t n, room;
    bool nocase; /* ASCII letters compare without case */
} ps_map;

/* Keeps key's bytes by reference; replaces the value of an equal key. */
ps_status ps_map_put(ps_ctx *cx, ps_arena *arena, ps_map *map, ps_str key, void *value);
void *ps_map_get(const ps_map *map, ps_str key); /* NULL: absent */

#endif
