/* eval/eval.h -- inside eval: instructions, registers, scopes.
 *
 * A program is a flat array of instructions, arguments before users; instruction i writes register
 * i. Running asks for the outputs; an instruction runs when it is first asked for, under the scope
 * (set of rows) of who asks. A register stays good for its scope and all scopes inside it, so lazy
 * branches cost nothing until taken, and what was computed for more rows is never computed again.
 * Every run of an instruction within one batch writes a buffer of its own: vectors handed on by
 * reference stay as they are until the next batch. */
#ifndef PS_EVAL_EVAL_H
#define PS_EVAL_EVAL_H

#include "eval/program.h"

#include "base/array.h"
#include "func/operand.h"

enum { PS_DICT_ROWS_MAX = PS_BATCH_ROWS_MAX, PS_DICT_WAYS = 4, PS_SCOPE_ROOT = 1 };

typedef struct ps_in_set ps_in_set; /* in_list.c */

typedef struct ps_instr {
    const ps_expr *expr;
    const uint32_t *args; /* instructions */
    uint32_t n_args;
    uint8_t op;           /* ps_expr_kind */
    bool strict;          /* null when its only column is */
    uint32_t input;       /* COLUMN: its place in the batch */
    uint32_t column;      /* the one batch column that it reads; PS_COL_NONE: none or several */
    const ps_in_set *set; /* IN */
} ps_instr;

struct ps_program {
    const ps_instr *instrs;
    const uint32_t *outs;
    uint32_t n, n_outs, n_inputs;
};

typedef struct ps_eval_buf {
    ps_vec_buf buf;
    struct ps_eval_buf *next;
} ps_eval_buf;

typedef struct ps_reg {
    ps_vec vec;
    uint64_t *err;                 /* rows in error; NULL: none */
    uint32_t scope;                /* what vec is computed for; 0: not computed in this batch */
    ps_eval_buf *bufs, **next_buf; /* all, and the first one not used in this batch */
    ps_vec *args;                  /* room for the vectors of a call */
    void *state;                   /* of func->scalar->prepare */
} ps_reg;

typedef struct ps_scope {
    uint32_t parent;
    uint32_t n;
    const uint32_t *sel; /* NULL: all rows */
} ps_scope;

/* Registers for one kind of input: batches, or the values of dictionaries. */
typedef struct ps_frame_regs {
    ps_reg *regs; /* NULL: not used yet */
    const ps_vec *cols;
    uint32_t n;     /* rows */
    uint32_t n_max; /* rows that buffers have room for */
    PS_ARRAY(ps_scope) scopes;
} ps_frame_regs;

/* What an instruction gave for a dictionary. */
typedef struct ps_dict_entry {
    uint64_t id;   /* of the column's dictionary; 0: free */
    ps_dict *dict; /* results by code */
    uint64_t *err; /* codes in error; NULL: none */
} ps_dict_entry;
typedef struct ps_dict_cache {
    ps_dict_entry ways[PS_DICT_WAYS];
    uint32_t next;
} ps_dict_cache;

typedef struct ps_conjunct ps_conjunct; /* filter.c */

struct ps_eval {
    ps_ctx *cx;      /* of the running call */
    ps_arena *arena; /* lives as long as this */
    const ps_program *program;
    ps_frame_regs batch, dict;
    ps_vec dict_cols_one; /* the column that a dictionary stands for */
    ps_vec *dict_cols;
    ps_dict_cache *caches;  /* by instruction */
    ps_arena scratch;       /* selections and bitmaps of the current batch */
    ps_conjunct *conjuncts; /* NULL until the first filter */
    uint32_t n_conjuncts, n_filtered;
    bool verify; /* tests: run each call in other encodings too and compare */
};

/* One frame of an eval while it runs. */
typedef struct ps_run {
    ps_ctx *cx;
    ps_eval *eval;
    const ps_program *program;
    ps_frame_regs *frame;
} ps_run;

/* Makes register i good for scope. */
ps_status ps_run_node(ps_run *run, uint32_t i, uint32_t scope);
/* AND, OR, CASE, COALESCE, TRY (lazy.c) and IN (in_list.c). */
ps_status ps_run_junction(ps_run *run, uint32_t i, uint32_t scope);
ps_status ps_run_case(ps_run *run, uint32_t i, uint32_t scope);
ps_status ps_run_coalesce(ps_run *run, uint32_t i, uint32_t scope);
ps_status ps_run_try(ps_run *run, uint32_t i, uint32_t scope);
ps_status ps_run_in(ps_run *run, uint32_t i, uint32_t scope);
/* Computes instruction i on the dictionary of its column if that pays; *done tells. */
ps_status ps_run_on_dict(ps_run *run, uint32_t i, uint32_t scope, bool *done);
/* A call or cast; report: records the message of this row's error. */
ps_status ps_run_call(ps_run *run, uint32_t i, uint32_t scope, const uint32_t *report);

/* Frames. */
ps_status ps_frame_begin(ps_run *run, const ps_vec *cols, uint32_t n, const uint32_t *sel,
                         uint32_t n_live);
void ps_frame_release(ps_frame_regs *frame, const ps_program *program);
ps_status ps_scope_open(ps_run *run, uint32_t parent, const uint32_t *sel, uint32_t n,
                        uint32_t *out);
PS_INLINE const ps_scope *ps_scope_at(const ps_run *run, uint32_t scope)
{
    return &run->frame->scopes.at[scope];
}
PS_INLINE uint32_t ps_scope_row(const ps_scope *s, uint32_t k) { return s->sel ? s->sel[k] : k; }
/* A buffer for this run of instruction i. */
ps_status ps_reg_buf(ps_run *run, uint32_t i, ps_vec_buf **out);
uint64_t *ps_run_bits(
    ps_run *run); /* a zeroed bitmap of the frame's rows; NULL: failure recorded */
/* Rows of a scope as bits. */
uint64_t *ps_scope_bits(ps_run *run, uint32_t scope);
/* A scope of the rows in bits, a part of parent's; parent itself when it has all of them. */
ps_status ps_scope_of_bits(ps_run *run, uint32_t parent, const uint64_t *bits, uint32_t *out);
/* truth: rows where a boolean register is true; known: rows where it is not null (may be NULL to
 * leave out). Both are of the scope's rows; others are undefined. */
ps_status ps_reg_flags(ps_run *run, const ps_reg *reg, uint32_t scope, uint64_t *truth,
                       uint64_t *known);
/* Rows of the scope where the register is not null; others are undefined. NULL in *out: all. */
ps_status ps_vec_known(ps_run *run, const ps_vec *vec, uint32_t scope, const uint64_t **out);
/* A constant null of the type in the scratch arena. */
ps_status ps_run_null(ps_run *run, ps_type type, ps_vec *out);
/* Adds the rows of more (NULL: none) to *err, a bitmap of this run. */
ps_status ps_err_add(ps_run *run, uint64_t **err, const uint64_t *more);
/* Fails with the message of the error that register i has at row. */
ps_status ps_run_report(ps_run *run, uint32_t i, uint32_t row);

/* The AND of the arguments' validity: NULL when no row of the scope is null; an argument's own
 * bitmap when only one has nulls; else room. */
ps_status ps_args_known(ps_run *run, const ps_vec *args, uint32_t n, uint32_t scope, uint64_t *room,
                        const uint64_t **out);
/* verify.c: computes a call again in other shapes and compares the rows not in skip. */
ps_status ps_verify_call(ps_run *run, const ps_instr *instr, const ps_call *call, uint32_t scope,
                         const uint64_t *skip,
                         ps_status (*kernel)(ps_run *run, const ps_instr *instr, ps_call *call));

/* in_list.c */
ps_status ps_in_set_new(ps_ctx *cx, ps_arena *arena, const ps_expr *expr, const ps_in_set **out);
/* compile.c: without folding constants. */
ps_status ps_program_compile(ps_ctx *cx, ps_arena *arena, const ps_expr *const *exprs, uint32_t n,
                             const ps_col_id *inputs, uint32_t n_inputs, bool fold,
                             const ps_program **out);

#endif
