/* base/map.c -- open addressing with linear probing, at most 3/4 full, never shrinks.
 *
 * There is no removal, so a free slot always ends a probe. Tests: tests/unit/test_base_map.c */
#include "base/map.h"

#include "base/hash.h"

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

static uint64_t key_hash(const ps_map *map, ps_str key)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a, then mixed: keys are short names */

    if (!map->nocase) return ps_hash_bytes(key.at, key.n, 0);
    for (size_t i = 0; i < key.n; i++)
        hash = (hash ^ (unsigned char)lower(key.at[i])) * 0x100000001b3u;
    return ps_hash_u64(hash, 0);
}

static bool key_equal(const ps_map *map, ps_str a, ps_str b)
{
    return map->nocase ? ps_str_equal_nocase(a, b) : ps_str_equal(a, b);
}

/* The slot that holds key, or the free one where it belongs. */
static ps_map_slot *slot_find(const ps_map *map, ps_str key, uint64_t hash)
{
    for (size_t i = hash & (map->room - 1);; i = (i + 1) & (map->room - 1)) {
        ps_map_slot *slot = &map->slots[i];
        if (!slot->key.at || (slot->hash == hash && key_equal(map, slot->key, key))) return slot;
    }
}

static ps_status map_grow(ps_ctx *cx, ps_arena *arena, ps_map *map)
{
    ps_map bigger = {.room = map->room ? map->room * 2 : 16, .n = map->n, .nocase = map->nocase};

    bigger.slots = PS_ARENA_ARRAY(cx, arena, ps_map_slot, bigger.room);
    if (!bigger.slots) return PS_MEMORY;
    for (size_t i = 0; i < map->room; i++)
        if (map->slots[i].key.at)
            *slot_find(&bigger, map->slots[i].key, map->slots[i].hash) = map->slots[i];
    *map = bigger;
    return PS_OK;
}

ps_status ps_map_put(ps_ctx *cx, ps_arena *arena, ps_map *map, ps_str key, void *value)
{
    if (map->n + 1 > map->room / 4 * 3) PS_TRY(map_grow(cx, arena, map));
    if (!key.at) key.at = ""; /* NULL marks a free slot */
    const uint64_t hash = key_hash(map, key);
    ps_map_slot *slot = slot_find(map, key, hash);
    if (!slot->key.at) {
        slot->key = key;
        slot->hash = hash;
        map->n++;
    }
    slot->value = value;
    return PS_OK;
}

void *ps_map_get(const ps_map *map, ps_str key)
{
    if (map->n == 0) return NULL;
    if (!key.at) key.at = "";
    return slot_find(map, key, key_hash(map, key))->value;
}
