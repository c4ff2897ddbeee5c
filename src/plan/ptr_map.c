/* plan/ptr_map.c -- see ptr_map.h. */
#include "plan/ptr_map.h"

#include "base/hash.h"

static size_t slot_of(const ps_ptr_map *map, const void *key)
{
    size_t at = (size_t)ps_hash_u64((uint64_t)(uintptr_t)key, 0) & (map->room - 1);

    while (map->keys[at] && map->keys[at] != key) at = (at + 1) & (map->room - 1);
    return at;
}

static ps_status grow(ps_ctx *cx, ps_arena *arena, ps_ptr_map *map)
{
    ps_ptr_map bigger = {.room = map->room ? map->room * 2 : 32};

    bigger.keys = PS_ARENA_ARRAY(cx, arena, const void *, bigger.room);
    bigger.values = PS_ARENA_ARRAY(cx, arena, const void *, bigger.room);
    if (!bigger.keys || !bigger.values) return cx->error.code;
    for (size_t i = 0; i < map->room; i++) {
        if (!map->keys[i]) continue;
        size_t at = slot_of(&bigger, map->keys[i]);
        bigger.keys[at] = map->keys[i], bigger.values[at] = map->values[i];
    }
    bigger.n = map->n;
    *map = bigger;
    return PS_OK;
}

ps_status ps_ptr_map_put(ps_ctx *cx, ps_arena *arena, ps_ptr_map *map, const void *key,
                         const void *value)
{
    if (map->n * 2 >= map->room) PS_TRY(grow(cx, arena, map));
    size_t at = slot_of(map, key);
    if (!map->keys[at]) map->n++;
    map->keys[at] = key, map->values[at] = value;
    return PS_OK;
}

const void *ps_ptr_map_get(const ps_ptr_map *map, const void *key)
{
    if (map->n == 0) return NULL;
    return map->values[slot_of(map, key)];
}
