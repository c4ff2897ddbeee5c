/* col/rows_int.h -- shared by the files of row pages only. */
#ifndef PS_COL_ROWS_INT_H
#define PS_COL_ROWS_INT_H

#include "col/rows.h"

void ps_rows_free_heaps(ps_rows *rows);

enum { PS_ROW_CHUNK = 512 };

/* Up to PS_ROW_CHUNK values of one vector, decoded: integers widened to 64 bits (lo) or 128 (lo and
 * hi), floats and raw slots of up to 8 bytes in lo, 16-byte slots in lo and hi. */
typedef struct ps_row_chunk {
    uint64_t lo[PS_ROW_CHUNK], hi[PS_ROW_CHUNK];
    uint8_t null[PS_ROW_CHUNK];
    bool any_null;
} ps_row_chunk;

/* Rows sel[0..n) (or first..first+n-1 when sel is NULL) of vec for a slot of col. Not for nested
 * columns. Slots of nulls are zero; floats of keys canonical. */
void ps_row_chunk_load(const ps_row_col *col, const ps_vec *vec, const uint32_t *sel,
                       uint32_t first, uint32_t n, ps_row_chunk *out);

#endif
