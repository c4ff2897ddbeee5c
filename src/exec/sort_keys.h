/* exec/sort_keys.h -- sorting rows by several keys, shared by sort, top-n and windows.
 *
 * A row becomes a ps_sort_row: the first 16 bytes of its normalised keys as two big-endian words,
 * whose unsigned order is the keys' order (Kuiper, Muehleisen: These Rows Are Made for Sorting,
 * ICDE 2023), the row's address in its page, and its position, which breaks ties: so the sort is
 * stable whatever ran in parallel. Where 16 bytes don't say all (long text, many keys), equal words
 * are decided by comparing the columns in the row.
 *
 * Threads: a ps_sort_spec is read-only; functions work on the caller's arrays. */
#ifndef PS_EXEC_SORT_KEYS_H
#define PS_EXEC_SORT_KEYS_H

#include "col/rows.h"
#include "exec/op.h"

typedef struct ps_sort_row {
    uint64_t high, low;
    uint8_t *row;
    uint64_t morsel, ordinal; /* the row's position */
} ps_sort_row;

enum { PS_SORT_STATE_BYTES = 32 };

typedef struct ps_sort_spec {
    const ps_sort_key *keys; /* directions and null order; key i is layout column i */
    uint32_t n_keys;
    const ps_row_layout *layout;
    const ps_row_layout *file_layout; /* the same and a state, for rows in files (sort_file.h) */
    bool exact;                       /* the words say all */
} ps_sort_spec;

/* Layouts of the columns, keys first; exact from the types of the keys. */
ps_status ps_sort_spec_init(ps_ctx *cx, ps_arena *arena, ps_sort_spec *spec,
                            const ps_sort_key *keys, uint32_t n_keys, const ps_type *types,
                            uint32_t n_cols);
/* Fills high and low of n rows: key vectors, the row sel[k] (or k) for out[k]. */
ps_status ps_sort_normalise(ps_ctx *cx, const ps_sort_spec *spec, const ps_vec *keys,
                            const uint32_t *sel, uint32_t n, ps_sort_row *out);
int ps_sort_compare(const ps_sort_spec *spec, const ps_sort_row *a, const ps_sort_row *b);
/* Sorts; scratch has room for n rows too. The result is in rows. */
ps_status ps_sort_rows(ps_ctx *cx, const ps_sort_spec *spec, ps_sort_row *rows,
                       ps_sort_row *scratch, size_t n);
/* The number of rows of a sorted array that come before `key`. */
size_t ps_sort_lower(const ps_sort_spec *spec, const ps_sort_row *rows, size_t n,
                     const ps_sort_row *key);

#endif
