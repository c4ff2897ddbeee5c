/* exec/sort_file.h -- sorted runs in a temporary file, and merging them from any place on.
 *
 * A run is written as pages of rows that carry their normalised key and position as a state, so a
 * reader compares and copies without making keys again. Beside each run stay marks in memory: the
 * first row of every so many pages. With the marks of all runs in one order (ps_sort_index) a
 * reader can begin at the row of any rank: it loads one page of each run instead of all that come
 * before. So lanes merge different parts of the result at once.
 *
 * A merge holds one page of each run. How many may be merged at once follows from the memory limit;
 * more runs are merged into fewer first.
 *
 * Threads: a written run and an index are read-only; a merge belongs to one task at a time. */
#ifndef PS_EXEC_SORT_FILE_H
#define PS_EXEC_SORT_FILE_H

#include "exec/sort_keys.h"

typedef struct ps_sort_mark {
    ps_sort_row key; /* row: a copy in the run's `marked`; NULL where the words say all */
    uint64_t first;  /* rows of the run before it */
    size_t page;
} ps_sort_mark;

typedef struct ps_sort_file {
    const ps_sort_spec *spec;
    uint32_t block_bytes; /* of a page, about */
    ps_rows rows;         /* of spec->file_layout, all pages in the file */
    ps_rows marked;
    PS_ARRAY(ps_sort_mark) marks;
    uint64_t bytes, next_mark; /* rows' bytes so far, and where the next mark is due */
    uint32_t mark_pages;       /* pages from mark to mark, at least */
    uint32_t marks_max;        /* when there are as many, every second one goes */
} ps_sort_file;
void ps_sort_file_init(ps_sort_file *file, const ps_sort_spec *spec, uint32_t block_bytes,
                       uint32_t marks_max);
/* drop: its space in the file too. */
void ps_sort_file_release(ps_sort_file *file, bool drop);
/* Adds n rows that come after all that it has: of spec->layout, or of another run. */
ps_status ps_sort_file_add(ps_ctx *cx, ps_sort_file *file, ps_spill *spill, const ps_sort_row *keys,
                           size_t n);

/* Every mark of some runs in order, each with a number of rows that no row before it exceeds. */
typedef struct ps_sort_index {
    const ps_sort_mark **marks;
    uint64_t *rows_max;
    size_t n;
} ps_sort_index;
ps_status ps_sort_index_new(ps_ctx *cx, ps_arena *arena, const ps_sort_spec *spec,
                            ps_sort_file *const *files, size_t n_files, ps_sort_index *out);

typedef struct ps_sort_merge ps_sort_merge;
/* Stands before the first row. */
ps_status ps_sort_merge_new(ps_ctx *cx, const ps_sort_spec *spec, ps_sort_file *const *files,
                            size_t n_files, ps_sort_merge **out);
void ps_sort_merge_free(ps_sort_merge *merge);
/* Rank of the next row. */
uint64_t ps_sort_merge_at(const ps_sort_merge *merge);
ps_status ps_sort_merge_seek(ps_ctx *cx, ps_sort_merge *merge, const ps_sort_index *index,
                             uint64_t rank);
/* The next 1 to n_max rows, fewer where their pages would get too many: *n, 0 at the end. They stay
 * where they are until the next call. Refused memory (PS_MEMORY) leaves the merge as it was, here
 * and in seek: it may be called again. */
ps_status ps_sort_merge_next(ps_ctx *cx, ps_sort_merge *merge, uint32_t n_max, ps_sort_row *out,
                             uint32_t *n);

#endif
