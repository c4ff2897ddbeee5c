/* col/vec_take.h -- inside col: chosen rows of a vector of any type and encoding. */
#ifndef PS_COL_VEC_TAKE_H
#define PS_COL_VEC_TAKE_H

#include "col/vec.h"

typedef struct ps_take {
    ps_ctx *cx;
    ps_arena *arena; /* of everything that out needs, unless room is given */
    bool deep;       /* copy text and list items too, hold dictionaries through the arena */
} ps_take;

/* Rows idx[0..n) of src as rows 0..n of out; idx NULL: rows 0..n. Constants and dictionaries stay
 * what they are, sequences become flat. data_room and valid_room (NULL: from the arena) hold
 * the slots or codes and the validity of the outermost vector. */
ps_status ps_vec_take(const ps_take *how, const ps_vec *src, const uint32_t *idx, uint32_t n,
                      void *data_room, uint64_t *valid_room, ps_vec *out);
/* A text in the arena: inline bytes stay, longer ones are copied. */
ps_status ps_view_copy(ps_ctx *cx, ps_arena *arena, const ps_view *src, ps_view *out);

#endif
