/* base/arena.c -- bump allocation in growing chunks.
 *
 * Chunks are blocks of the allocator, so they are charged and can fail like any other.
 * Unused bytes of a chunk are poisoned under the address sanitizer: an overrun of one object
 * into the next is caught because a gap is left between objects in that build.
 * Tests: tests/unit/test_base_mem.c */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define ARENA_GAP 16
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes)   ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#define ARENA_GAP                              0
#endif

enum { CHUNK_BYTES_MIN = 4096, CHUNK_BYTES_MAX = 1 << 20 };

struct ps_arena_chunk {
    ps_arena_chunk *next; /* older */
    size_t bytes;         /* with this header */
};
struct ps_arena_owned {
    ps_arena_owned *next;
    void *object;
    void (*release)(void *object);
};

static char *chunk_start(ps_arena_chunk *chunk)
{
    return (char *)chunk + (sizeof *chunk + PS_ALIGN - 1) / PS_ALIGN * PS_ALIGN;
}

static void chunk_use(ps_arena *arena, ps_arena_chunk *chunk)
{
    arena->at = chunk_start(chunk);
    arena->end = (char *)chunk + chunk->bytes;
    ASAN_POISON_MEMORY_REGION(arena->at, (size_t)(arena->end - arena->at));
}

static void chunk_free(ps_arena_chunk *chunk)
{
    ASAN_UNPOISON_MEMORY_REGION(chunk, chunk->bytes);
    ps_free(chunk);
}

static bool chunk_add(ps_ctx *cx, ps_arena *arena, size_t bytes)
{
    const size_t first = arena->chunk_bytes_min ? arena->chunk_bytes_min : CHUNK_BYTES_MIN;
    size_t size = arena->chunk ? arena->chunk->bytes * 2 : first;

    size = PS_MIN(size, PS_MAX((size_t)CHUNK_BYTES_MAX, arena->chunk_bytes_min));
    if (bytes > PTRDIFF_MAX / 4) {
        ps_fail_memory(cx, bytes);
        return false;
    }
    size = PS_MAX(size, bytes + 2 * PS_ALIGN); /* header, and the gap */
    ps_arena_chunk *chunk = ps_alloc(cx, size);
    if (!chunk) return false;
    chunk->bytes = ps_block_size(chunk);
    chunk->next = arena->chunk;
    arena->chunk = chunk;
    arena->bytes += chunk->bytes;
    chunk_use(arena, chunk);
    return true;
}

void *ps_arena_alloc_raw(ps_ctx *cx, ps_arena *arena, size_t bytes, size_t align)
{
    PS_ASSERT(align > 0 && align <= PS_ALIGN && (align & (align - 1)) == 0);
#ifdef PS_DEV /* else only what needs a new chunk could ever be seen to fail */
    if (ps_mem_fault_due()) {
        ps_fail_memory(cx, bytes);
        return NULL;
    }
#endif
    for (;;) {
        char *at = (char *)(((uintptr_t)arena->at + align - 1) & ~(uintptr_t)(align - 1));
        if (arena->chunk && at <= arena->end && (size_t)(arena->end - at) >= bytes) {
            const size_t left = (size_t)(arena->end - at) - bytes;
            arena->at = at + bytes + PS_MIN((size_t)ARENA_GAP, left);
            ASAN_UNPOISON_MEMORY_REGION(at, bytes);
            return at;
        }
        if (!chunk_add(cx, arena, bytes)) return NULL;
    }
}

void *ps_arena_alloc(ps_ctx *cx, ps_arena *arena, size_t bytes)
{
    void *at = ps_arena_alloc_raw(cx, arena, bytes, 16);
    if (at) memset(at, 0, bytes);
    return at;
}

char *ps_arena_strndup(ps_ctx *cx, ps_arena *arena, const char *text, size_t length)
{
    char *copy = length < SIZE_MAX ? ps_arena_alloc_raw(cx, arena, length + 1, 1) : NULL;
    if (!copy) return NULL;
    if (length) memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

char *ps_arena_printf(ps_ctx *cx, ps_arena *arena, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, args);
    char *text = NULL;
    if (n >= 0) text = ps_arena_alloc_raw(cx, arena, (size_t)n + 1, 1);
    else PS_BUG(cx, "a text could not be formatted");
    if (text) vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

ps_status ps_arena_own(ps_ctx *cx, ps_arena *arena, void *object, void (*release)(void *object))
{
    ps_arena_owned *owned = PS_ARENA_NEW(cx, arena, ps_arena_owned);

    if (!owned) {
        release(object); /* taken over in any case: the caller has nothing to undo */
        return PS_MEMORY;
    }
    *owned = (ps_arena_owned){arena->owned, object, release};
    arena->owned = owned;
    return PS_OK;
}

static void owned_release(ps_arena *arena)
{
    for (ps_arena_owned *owned = arena->owned; owned; owned = owned->next)
        owned->release(owned->object);
    arena->owned = NULL;
}

void ps_arena_reset(ps_arena *arena)
{
    ps_arena_chunk *largest = arena->chunk;

    owned_release(arena);
    for (ps_arena_chunk *chunk = arena->chunk; chunk; chunk = chunk->next)
        if (chunk->bytes > largest->bytes) largest = chunk;
    for (ps_arena_chunk *chunk = arena->chunk, *next; chunk; chunk = next) {
        next = chunk->next;
        if (chunk != largest) chunk_free(chunk);
    }
    arena->chunk = largest;
    arena->bytes = 0;
    if (!largest) return;
    largest->next = NULL;
    arena->bytes = largest->bytes;
    chunk_use(arena, largest);
}

void ps_arena_release(ps_arena *arena)
{
    if (!arena) return;
    owned_release(arena);
    for (ps_arena_chunk *chunk = arena->chunk, *next; chunk; chunk = next) {
        next = chunk->next;
        chunk_free(chunk);
    }
    *arena = (ps_arena){.chunk_bytes_min = arena->chunk_bytes_min};
}
