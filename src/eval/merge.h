/* eval/merge.h -- one vector from pieces, each good for its own rows: what CASE and COALESCE give.
 */
#ifndef PS_EVAL_MERGE_H
#define PS_EVAL_MERGE_H

#include "eval/eval.h"

typedef struct ps_piece {
    ps_vec vec;
    uint32_t scope; /* its rows; pieces don't overlap */
} ps_piece;
typedef struct ps_pieces {
    ps_type type;
    PS_ARRAY(ps_piece) list;
} ps_pieces;

ps_status ps_pieces_add(ps_run *run, ps_pieces *pieces, const ps_vec *vec, uint32_t scope);
/* Writes register i from the pieces; rows of scope that are in no piece are in error. */
ps_status ps_pieces_merge(ps_run *run, ps_pieces *pieces, uint32_t i, uint32_t scope);

#endif
