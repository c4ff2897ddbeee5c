/* base/find.h -- a piece of text in a text. */
#ifndef PS_BASE_FIND_H
#define PS_BASE_FIND_H

#include "base/attr.h"

/* The first place of needle[0..m) in hay[0..n); NULL: none. m 0: hay. Never reads outside. */
const char *ps_find(const char *hay, size_t n, const char *needle, size_t m);

#endif
