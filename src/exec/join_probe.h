/* exec/join_probe.h -- a batch of probe rows against a directory: shared by join_probe.c, whose
 * batches come from below, and join_part.c, whose batches come from the file. */
#ifndef PS_EXEC_JOIN_PROBE_H
#define PS_EXEC_JOIN_PROBE_H

#include "exec/join.h"

/* How much of the build side the directory has. */
typedef enum ps_join_pass {
    PS_JOIN_ALL,   /* all that the batch's rows can match */
    PS_JOIN_CHUNK, /* a part of it: rows without a pair are not decided */
    PS_JOIN_LAST   /* nothing: all pairs are given, rows without one are decided */
} ps_join_pass;

typedef struct ps_join_prober {
    ps_arena arena;
    ps_eval *residual_eval;
    ps_vec *keys;
    uint64_t *hashes;
    uint32_t *rows;      /* rows whose key can match */
    uint32_t *cand_rows; /* candidates: physical row and its bucket */
    ps_join_bucket *cands;
    uint32_t n_cands, at; /* candidates before `at` are done */
    uint32_t at_entry;    /* entries of the candidate at `at` that are done */
    uint32_t *pair_rows;  /* a batch of pairs */
    uint8_t **pair_ptrs;
    uint32_t *pairs; /* those that survive */
    ps_batch pair_batch;
    ps_vec_buf *pair_bufs, *out_bufs;
    uint32_t *gather_rows;
    uint8_t **gather_ptrs;
    uint32_t *list_rows; /* what is given next: probe rows and their build rows */
    uint8_t **list_ptrs;
    uint32_t n_list, list_at; /* entries before `list_at` are given */
    uint32_t live_at;         /* live rows before it are decided: outer joins */
    uint8_t *null_row;        /* stands for the build row of probe rows without one */
    uint64_t *matched;        /* by physical row */
    uint32_t *sel;
    ps_vec_buf mark_buf;
    bool begun;
    ps_join_pass pass;
    const uint32_t *given; /* of the last output: the probe row of each live row */
    uint64_t morsel, next_row;
} ps_join_prober;

ps_status ps_join_prober_open(ps_ctx *cx, ps_op *op, ps_join_prober *l);
void ps_join_prober_close(ps_op *op, ps_join_prober *l);
/* A new batch of n physical rows: keys and candidates are set. */
void ps_join_prober_begin(const ps_op *op, ps_join_prober *l, uint32_t n);
/* The next output; *more: there may be more of the same batch. */
ps_status ps_join_prober_next(ps_ctx *cx, ps_op *op, ps_join_prober *l, const ps_batch *in,
                              ps_batch *out, bool *more);

#endif
