/* col/arrow_import.h -- inside col: the state of one import, shared by the files that do it. */
#ifndef PS_COL_ARROW_IMPORT_H
#define PS_COL_ARROW_IMPORT_H

#include "col/arrow_form.h"
#include "col/batch.h"

/* What the vectors point into: the Arrow array and what had to be converted. */
typedef struct ps_arrow_memory {
    ps_owner owner;
    struct ArrowArray array;
    ps_arena arena;
} ps_arrow_memory;

/* The owner that is given out: holds the memory and the dictionaries (which hold the memory). */
typedef struct ps_arrow_holder {
    ps_owner owner;
    ps_arrow_memory *memory;
    ps_arena arena; /* references to dictionaries */
} ps_arrow_holder;

/* Rows [first, first + n) of an array, counted from the start of its buffers. */
typedef struct ps_arrow_window {
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
    ps_arrow_form form;
    ps_type type; /* what to make of it; never an extension */
    int64_t first;
    uint32_t n;
    const uint64_t *valid; /* of these rows; NULL: no nulls */
    unsigned depth;
} ps_arrow_window;

typedef struct ps_arrow_import {
    ps_ctx *cx;
    ps_arrow_holder *holder;
    ps_arena *arena; /* the memory's */
} ps_arrow_import;

/* Imports rows [skip, skip + n) of an array (after its own offset) as a vector of a type. */
ps_status ps_arrow_import_vec(const ps_arrow_import *im, const struct ArrowSchema *schema,
                              const struct ArrowArray *array, ps_type type, int64_t skip, int64_t n,
                              unsigned depth, ps_vec *out);
/* The kinds; w was checked as far as it goes without them. */
ps_status ps_arrow_import_bytes(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out);
ps_status ps_arrow_import_views(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out);
ps_status ps_arrow_import_fixed_bytes(const ps_arrow_import *im, const ps_arrow_window *w,
                                      ps_vec *out);
ps_status ps_arrow_import_list(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out);
ps_status ps_arrow_import_list_view(const ps_arrow_import *im, const ps_arrow_window *w,
                                    ps_vec *out);
ps_status ps_arrow_import_array(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out);
ps_status ps_arrow_import_struct(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out);
ps_status ps_arrow_import_union(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out);
ps_status ps_arrow_import_runs(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out);
ps_status ps_arrow_import_dictionary(const ps_arrow_import *im, const ps_arrow_window *w,
                                     ps_vec *out);

/* Buffer number i; fails when it is missing although rows need it. */
ps_status ps_arrow_buffer(const ps_arrow_import *im, const ps_arrow_window *w, int i,
                          const char **out);
/* `bytes` bytes at `at`, in place if they are aligned and readable to the next 64, else copied. */
ps_status ps_arrow_adopt(const ps_arrow_import *im, const char *at, size_t bytes, size_t align,
                         const void **out);
/* Zeroed memory of n elements that lives as long as the vectors. */
void *ps_arrow_room(const ps_arrow_import *im, size_t n, size_t size);
#define PS_ARROW_VALID(w, i) (!(w)->valid || ps_bit_get((w)->valid, i))

#endif
