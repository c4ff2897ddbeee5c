/* base/array.h -- growing arrays of any element type.
 *
 *     PS_ARRAY(ps_token) tokens = {0};
 *     PS_TRY(PS_ARRAY_ADD(cx, &tokens, token));   owner frees tokens.at with ps_free()
 * The arena form never frees: PS_ARRAY_ADD_IN(cx, arena, &tokens, token). */
#ifndef PS_BASE_ARRAY_H
#define PS_BASE_ARRAY_H

#include "base/arena.h"

#define PS_ARRAY(type)                                                                             \
    struct {                                                                                       \
        type *at;                                                                                  \
        size_t n, room;                                                                            \
    }

/* Makes room for n elements in all; at/room are the array's members. */
ps_status ps_array_grow(ps_ctx *cx, ps_arena *arena, void **at, size_t *room, size_t n,
                        size_t size);

#define PS_ARRAY_ADD_IN(cx, arena, a, ...)                                                         \
    (((a)->n < (a)->room || ps_array_grow(cx, arena, (void **)&(a)->at, &(a)->room, (a)->n + 1,    \
                                          sizeof(*(a)->at)) == PS_OK)                              \
         ? ((a)->at[(a)->n++] = (__VA_ARGS__), PS_OK)                                              \
         : PS_MEMORY)
#define PS_ARRAY_ADD(cx, a, ...) PS_ARRAY_ADD_IN(cx, NULL, a, __VA_ARGS__)

#endif
