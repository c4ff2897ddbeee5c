/* expr/build.h -- what the files of this folder share: how a node is completed. */
#ifndef PS_EXPR_BUILD_H
#define PS_EXPR_BUILD_H

#include "expr/expr.h"

enum { PS_EXPR_PURITY_VOLATILE = 2 }; /* PS_PURITY_VOLATILE; checked in func.h */

/* Fills depth, size, flags and hash of a node that has everything else; NULL with the error
 * recorded when it is too deep or too large, or a child is missing. */
const ps_expr *ps_expr_finish(ps_ctx *cx, ps_expr *node);
/* Hash of a node from its own fields and the hashes of its children. */
uint64_t ps_expr_hash_of(const ps_expr *node);
/* Whether a cast gives a value for every value: known by the types' ranges alone. */
bool ps_cast_never_fails(ps_type from, ps_type to);

#endif
