/* cli/width.h -- columns that text takes on a terminal. */
#ifndef PENSTOCK_WIDTH_H
#define PENSTOCK_WIDTH_H

#include <stddef.h>

/* Terminal columns of UTF-8 text (combining marks 0, East Asian wide 2). */
size_t width_of(const char *text);
/* Bytes of the longest beginning that takes at most `columns`; *taken: the columns it takes. */
size_t width_cut(const char *text, size_t columns, size_t *taken);

#endif
