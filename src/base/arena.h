/* base/arena.h -- memory that dies together: one bind, one optimise run, one query's plan.
 *
 * Bump allocation in growing chunks; no per-object free. Charged to the payer of the context
 * it was made with. Not thread safe. Poisoned on reset under the address sanitizer. */
#ifndef PS_BASE_ARENA_H
#define PS_BASE_ARENA_H

#include "base/mem.h"

typedef struct ps_arena_chunk ps_arena_chunk;
typedef struct ps_arena_owned ps_arena_owned;
typedef struct ps_arena {
    ps_arena_chunk *chunk; /* newest first */
    char *at, *end;
    size_t bytes;           /* taken from the payer */
    size_t chunk_bytes_min; /* size of the first chunk, 0: 4 KiB; doubles up to 1 MiB */
    ps_arena_owned *owned;  /* released with the arena, newest first */
} ps_arena;

/* {0} is a valid empty arena. */
void *ps_arena_alloc(ps_ctx *cx, ps_arena *arena, size_t bytes)
    __attribute__((warn_unused_result)); /* 16-byte aligned, zeroed */
void *ps_arena_alloc_raw(ps_ctx *cx, ps_arena *arena, size_t bytes, size_t align)
    __attribute__((warn_unused_result)); /* not zeroed; align 1..64 */
char *ps_arena_strndup(ps_ctx *cx, ps_arena *arena, const char *text, size_t length);
char *ps_arena_printf(ps_ctx *cx, ps_arena *arena, const char *format, ...) PS_PRINTF(3, 4);
/* The arena takes over one reference and gives it back with release(object) at its end. */
ps_status ps_arena_own(ps_ctx *cx, ps_arena *arena, void *object, void (*release)(void *object));
/* Forgets all objects, keeps the largest chunk. */
void ps_arena_reset(ps_arena *arena);
void ps_arena_release(ps_arena *arena);

#define PS_ARENA_NEW(cx, arena, type) ((type *)ps_arena_alloc(cx, arena, sizeof(type)))
#define PS_ARENA_ARRAY(cx, arena, type, n)                                                         \
    ((type *)ps_arena_alloc(cx, arena, sizeof(type) * (size_t)(n)))

#endif
