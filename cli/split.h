/* cli/split.h -- where one statement ends and the next begins. */
#ifndef PENSTOCK_SPLIT_H
#define PENSTOCK_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of text up to and with the first semicolon that ends a statement; 0: none does yet.
 * Knows quotes ('', "", $tag$), comments (-- and nested slash-star) and nothing else of SQL. */
size_t split_statement(const char *text, size_t n);
/* Whether nothing but blanks, comments and semicolons is there. */
bool split_is_empty(const char *text, size_t n);

#endif
