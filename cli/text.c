/* cli/text.c -- see text.h. */
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 64 * 1024 };

struct pool_chunk {
    pool_chunk *next;
    size_t used, room;
    _Alignas(16) char bytes[];
};

static void *must(void *block)
{
    if (block) return block;
    fputs("out of memory\n", stderr);
    exit(EXIT_FAILURE);
}

static void text_reserve(text *t, size_t more)
{
    if (t->room - t->n > more) return;
    size_t room = t->room ? t->room : 256;

    while (room - t->n <= more) room *= 2;
    t->at = must(realloc(t->at, room));
    t->room = room;
}

void text_add(text *t, const char *bytes, size_t n)
{
    text_reserve(t, n);
    if (n) memcpy(t->at + t->n, bytes, n);
    t->n += n;
    t->at[t->n] = 0;
}

void text_puts(text *t, const char *string) { text_add(t, string, strlen(string)); }

void text_printf(text *t, const char *format, ...)
{
    va_list args, again;
    int n;

    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n >= 0) {
        text_reserve(t, (size_t)n);
        vsnprintf(t->at + t->n, (size_t)n + 1, format, again);
        t->n += (size_t)n;
    }
    va_end(again);
}

void text_clear(text *t)
{
    t->n = 0;
    if (t->at) t->at[0] = 0;
}

void text_release(text *t)
{
    free(t->at);
    *t = (text){0};
}

void *pool_alloc(pool *p, size_t bytes)
{
    pool_chunk *chunk = p->chunks;

    bytes = (bytes + 15) & ~(size_t)15;
    if (!chunk || chunk->room - chunk->used < bytes) {
        size_t room = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;

        chunk = must(malloc(sizeof *chunk + room));
        *chunk = (pool_chunk){.next = p->chunks, .room = room};
        p->chunks = chunk;
    }
    void *block = chunk->bytes + chunk->used;
    chunk->used += bytes;
    return memset(block, 0, bytes);
}

char *pool_copy(pool *p, const char *bytes, size_t n)
{
    char *copy = pool_alloc(p, n + 1);

    if (n) memcpy(copy, bytes, n);
    return copy;
}

void *pool_grow(pool *p, void *items, size_t n, size_t item_bytes)
{
    if (n != 0 && (n & (n - 1)) != 0) return items;
    char *grown = pool_alloc(p, (n ? n * 2 : 1) * item_bytes);

    if (n) memcpy(grown, items, n * item_bytes);
    return grown;
}

void pool_release(pool *p)
{
    while (p->chunks) {
        pool_chunk *next = p->chunks->next;

        free(p->chunks);
        p->chunks = next;
    }
}

bool text_read_file(const char *path, text *out)
{
    FILE *file = fopen(path, "rb");
    char buffer[16384];
    size_t n;

    text_clear(out);
    text_add(out, "", 0);
    if (!file) return false;
    while ((n = fread(buffer, 1, sizeof buffer, file)) > 0) text_add(out, buffer, n);
    const bool good = !ferror(file);
    fclose(file);
    return good;
}

bool text_write_file(const char *path, const text *t)
{
    FILE *file = fopen(path, "wb");

    if (!file) return false;
    const bool good = fwrite(t->at, 1, t->n, file) == t->n;
    return fclose(file) == 0 && good;
}

bool text_number(const char *at, size_t n, long *out)
{
    char digits[24];
    char *end;

    if (n == 0 || n >= sizeof digits) return false;
    memcpy(digits, at, n);
    digits[n] = 0;
    errno = 0;
    *out = strtol(digits, &end, 10);
    return *end == 0 && errno == 0;
}
