/* cli/text.h -- growing text and a pool, for a program that ends when memory does.
 *
 * A pool keeps everything of one script or result until pool_release(); a text is its owner's. The
 * shell and the runner of .test files use it (they see no more than penstock.h). Out of memory
 * ends the process: the parent counts a crashed child as a failure. */
#ifndef PENSTOCK_TEXT_H
#define PENSTOCK_TEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct text {
    char *at; /* NUL-terminated once something was added; NULL: empty */
    size_t n, room;
} text;

void text_add(text *t, const char *bytes, size_t n);
void text_puts(text *t, const char *string);
void text_printf(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_clear(text *t);   /* keeps the room */
void text_release(text *t); /* back to zero */

typedef struct pool_chunk pool_chunk;
typedef struct pool {
    pool_chunk *chunks;
} pool;

void *pool_alloc(pool *p, size_t bytes); /* zeroed, aligned for any type */
char *pool_copy(pool *p, const char *bytes, size_t n);
/* A larger copy of an array of n items: doubles the room when n reaches a power of two. */
void *pool_grow(pool *p, void *items, size_t n, size_t item_bytes);
void pool_release(pool *p);

/* The whole file, NUL-terminated, or false with errno set. */
bool text_read_file(const char *path, text *out);
bool text_write_file(const char *path, const text *t);
/* The first n bytes as a decimal number; false if they are anything else. */
bool text_number(const char *at, size_t n, long *out);

#endif
