/* col/rows.h -- row pages: state that outlives a batch.
 *
 * Hash tables, aggregate states, sort runs, join builds and window partitions keep rows of one
 * layout in pages (Kuiper, Boncz, Muehleisen: Robust External Hash Aggregation, ICDE 2024):
 *
 *     hash (8, optional) | key views | other keys | key null bytes | other columns | null bytes |
 * states
 *
 * Columns have their type's canonical layout, so equal values have equal bytes: keys but views
 * compare with one memcmp, because slots of nulls are zero and floats in keys are canonical (one
 * NaN, no -0.0). Nested values are one view of a self-contained encoding (rows_nested.c). Strings
 * above 12 bytes live in heap blocks of the collection.
 *
 * A page may move: nothing in it but views holds an address, and the layout says where all of them
 * are (ps_rows_relocate, ps_rows_spill). Whoever keeps row addresses (a directory) rebuilds them
 * from the hashes in the rows. Rows stay where they are otherwise, however many are added.
 *
 * Threads: a collection is used by one thread at a time; reading rows is free for all.
 * Memory is charged to the context that appends. Tests: tests/unit/test_rows.c */
#ifndef PS_COL_ROWS_H
#define PS_COL_ROWS_H

#include "base/array.h"
#include "col/vec.h"
#include "fs/spill.h"

enum {
    PS_ROW_PAGE_BYTES_MIN = 4 * 1024, /* a collection's first page; each next one doubles */
    PS_ROW_PAGE_BYTES_MAX = 256 * 1024,
    PS_ROW_BYTES_MAX = 32 * 1024
};

typedef struct ps_row_col {
    ps_type type;
    uint8_t layout;     /* ps_layout of the slot; VIEW for nested types */
    uint8_t slot_bytes; /* 0: NULL type */
    bool key;
    bool nested;       /* the view holds an encoded nested value */
    uint8_t null_mask; /* bit of the null byte, set: null */
    uint32_t null_at;  /* offset of the null byte */
    uint32_t at;       /* offset of the slot */
} ps_row_col;

typedef struct ps_row_layout {
    uint32_t n_cols, n_keys; /* keys come first */
    const ps_row_col *cols;
    uint32_t row_bytes; /* a multiple of 8 */
    bool hashed;        /* a uint64_t at offset 0 */
    uint32_t fixed_at,
        fixed_bytes; /* of what compares by memcmp: keys but views, and key null bytes */
    uint32_t state_at, state_bytes;
    uint32_t n_key_views; /* views[0..n_key_views) are keys */
    uint32_t n_views;
    const uint32_t *views; /* offsets of every ps_view in a row, columns' and states' */
} ps_row_layout;

/* What a layout is made from. */
typedef struct ps_row_spec {
    const ps_type *types; /* keys first; borrowed types must outlive the layout */
    uint32_t n_cols, n_keys;
    bool hashed;
    uint32_t state_bytes;        /* multiple of 8 */
    const uint32_t *state_views; /* offsets of ps_views in the state area */
    uint32_t n_state_views;
} ps_row_spec;
/* PS_UNSUPPORTED when a row would be wider than PS_ROW_BYTES_MAX. */
ps_status ps_row_layout_new(ps_ctx *cx, ps_arena *arena, const ps_row_spec *spec,
                            const ps_row_layout **out);

typedef struct ps_row_page {
    uint8_t *rows; /* rows_max * row_bytes; NULL: in the spill file */
    uint32_t n_rows, rows_max;
    char *heap; /* of a page that was read back: its strings, behind its rows in one block; else
                   NULL */
    uint64_t file_at, file_bytes; /* of a page that was written out; 0 bytes: it never was */
} ps_row_page;

typedef struct ps_rows {
    const ps_row_layout *layout;
    PS_ARRAY(ps_row_page) pages;
    PS_ARRAY(char *) heaps;        /* blocks of string bytes */
    uint32_t heap_used, heap_room; /* of the newest block */
    uint64_t n_rows;
    uint64_t bytes;          /* taken for pages and heaps */
    uint32_t page_bytes_max; /* 0: PS_ROW_PAGE_BYTES_MAX; tests make it tiny */
    ps_spill *spill;         /* where pages without rows are; NULL: none are */
} ps_rows;

/* {0} with a layout is a valid empty collection. */
void ps_rows_init(ps_rows *rows, const ps_row_layout *layout);
void ps_rows_release(ps_rows *rows);
/* All pages and heaps of src go to dst (same layout), whose order then is dst's rows, src's rows.
 */
ps_status ps_rows_take(ps_ctx *cx, ps_rows *dst, ps_rows *src);

/* Room for n more rows (zeroed); out[k] is the address of the k-th. */
ps_status ps_rows_alloc(ps_ctx *cx, ps_rows *rows, uint32_t n, uint8_t **out);
/* Takes back the last n rows of the last ps_rows_alloc. */
void ps_rows_unalloc(ps_rows *rows, uint32_t n);
/* bytes of string memory that lives as long as the collection; NULL on failure. */
char *ps_rows_heap(ps_ctx *cx, ps_rows *rows, size_t bytes);
/* Writes vectors into rows, column by column: the row sel[k] (or k) of vecs[c] goes to dst[k] as
 * layout column first_col + c. Strings are copied into the heap of `rows`. */
ps_status ps_rows_scatter(ps_ctx *cx, ps_rows *rows, uint32_t first_col, const ps_vec *vecs,
                          uint32_t n_vecs, const uint32_t *sel, uint32_t n, uint8_t *const *dst);
/* Alloc, scatter of all columns, and hashes[k] (NULL: the layout has none); addresses in out
 * (optional). */
ps_status ps_rows_append(ps_ctx *cx, ps_rows *rows, const ps_vec *vecs, const uint64_t *hashes,
                         const uint32_t *sel, uint32_t n, uint8_t **out);
/* Copies of n rows (states too) with their strings. out is written before src is read to its end:
 * they must not overlap. */
ps_status ps_rows_append_rows(ps_ctx *cx, ps_rows *rows, uint8_t *const *src, uint32_t n,
                              uint8_t **out);

/* Column col of n rows as a FLAT vector in buf; its strings stay in the rows' heap. Validity is
 * left out when no row is null. */
ps_status ps_rows_gather(ps_ctx *cx, const ps_row_layout *layout, uint32_t col, uint8_t *const *src,
                         uint32_t n, ps_vec_buf *buf, ps_vec *out);
/* Compares the keys in vecs with rows: pairs[i] = k says: row sel[k] (or k) of the vectors against
 * rows[k]. Keeps the pairs that are equal (null equals null), in order, and gives their number;
 * those that differ go to `other` (optional; its count is n minus the result), not in order. */
ps_status ps_rows_match(ps_ctx *cx, const ps_row_layout *layout, const ps_vec *vecs,
                        const uint32_t *sel, uint8_t *const *rows, uint32_t *pairs, uint32_t n,
                        uint32_t *other, uint32_t *n_equal);
/* Keys of two rows: equality, and a total order (nulls last, NaN above numbers, text by bytes). */
bool ps_row_keys_equal(const ps_row_layout *layout, const uint8_t *a, const uint8_t *b);
int ps_row_keys_compare(const ps_row_layout *layout, const uint8_t *a, const uint8_t *b);
/* One column of two rows in the same order. */
int ps_row_col_compare(const ps_row_col *col, const uint8_t *a, const uint8_t *b);
PS_INLINE uint64_t ps_row_hash(const uint8_t *row)
{
    uint64_t hash;
    memcpy(&hash, row, 8);
    return hash;
}
PS_INLINE bool ps_row_null(const ps_row_col *col, const uint8_t *row)
{
    return row[col->null_at] & col->null_mask;
}

/* Walking all rows of pages in memory: addresses of up to n_max rows from *at on, which advances.
 */
typedef struct ps_row_cursor {
    size_t page;
    uint32_t row;
} ps_row_cursor;
uint32_t ps_rows_next(const ps_rows *rows, ps_row_cursor *at, uint32_t n_max, uint8_t **out);

/* Copies every page to a new address with fresh heaps and frees the old ones: garbage of replaced
 * strings goes too. Test configuration `relocate` calls it between batches. */
ps_status ps_rows_relocate(ps_ctx *cx, ps_rows *rows);

/* Writes every page that is in memory out and frees all memory of the collection but its list. On
 * failure the collection is unchanged. */
ps_status ps_rows_spill(ps_ctx *cx, ps_rows *rows, ps_spill *spill);
/* The same of the first n pages; strings stay where they are. */
ps_status ps_rows_spill_first(ps_ctx *cx, ps_rows *rows, size_t n, ps_spill *spill);
/* Frees the first n blocks of strings, where no row in memory has one any more. */
void ps_rows_free_first_heaps(ps_rows *rows, size_t n);
/* Writes copies of n rows of any collection as one more page, straight to the file. states
 * (optional, n * state_bytes) become the rows' states; src then has none: its layout is that of
 * `rows` without them. Unchanged on failure. */
ps_status ps_rows_spill_copy(ps_ctx *cx, ps_rows *rows, ps_spill *spill, uint8_t *const *src,
                             const void *states, uint32_t n);
/* Gives up all pages, and those in the file also there: its space goes back to the disk. */
void ps_rows_drop(ps_rows *rows);
/* Bytes that ps_rows_load would take. */
uint64_t ps_rows_spilled_bytes(const ps_rows *rows);
/* Reads page `page` back into memory (a no-op if it is there); ps_rows_unload gives it up again,
 * with what was changed in it since. */
ps_status ps_rows_load(ps_ctx *cx, ps_rows *rows, size_t page);
void ps_rows_unload(ps_rows *rows, size_t page);
/* Tells that page `page` is read soon, if there is one and it is in the file. */
void ps_rows_expect(const ps_rows *rows, size_t page);
/* The same for a reader of its own: a page in the file is read into *out, the collection stays as
 * it is, so that many may read it at once. ps_free(out->rows) gives it up. */
ps_status ps_rows_read(ps_ctx *cx, const ps_rows *rows, size_t page, ps_row_page *out);

/* Nested values as bytes (rows_nested.c): equal values have equal bytes in keys. */
ps_status ps_nested_write(ps_ctx *cx, const ps_vec *vec, uint32_t row, bool key, ps_text *out);
ps_status ps_nested_read(ps_ctx *cx, ps_type type, const ps_view *views, const uint64_t *valid,
                         uint32_t n, ps_vec_buf *buf, ps_vec *out);

#endif
