/* base/array.c -- growth of arrays: doubling, from 8 elements. Tests: tests/unit/test_base_map.c */
#include "base/array.h"

#include <string.h>

enum { ROOM_MIN = 8 };

ps_status ps_array_grow(ps_ctx *cx, ps_arena *arena, void **at, size_t *room, size_t n, size_t size)
{
    size_t wanted = PS_MAX(*room * 2, (size_t)ROOM_MIN);
    size_t bytes;
    void *fresh;

    if (n <= *room) return PS_OK;
    wanted = PS_MAX(wanted, n);
    if (__builtin_mul_overflow(wanted, size, &bytes)) return ps_fail_memory(cx, SIZE_MAX);
    if (arena) {
        fresh = ps_arena_alloc_raw(cx, arena, bytes, 16);
        if (fresh && *room) memcpy(fresh, *at, *room * size);
    } else {
        fresh = ps_realloc(cx, *at, bytes);
    }
    if (!fresh) return PS_MEMORY;
    *at = fresh;
    *room = wanted;
    return PS_OK;
}
