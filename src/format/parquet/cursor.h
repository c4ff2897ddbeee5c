/* format/parquet/cursor.h -- one leaf of one row group, read row by row: pages to values.
 *
 *     page.c      headers, reading ahead, checksums, decompression, levels, start of an encoding
 *     pieces.c    large pages, of which only a piece is open
 *     dict.c      dictionary pages
 *     values.c    stored values to slots
 *     cursor.c    rows of a flat leaf; entries of a nested one; skipping
 *     column.c    vectors, nested ones from levels
 *
 * A page that is skipped whole is never decompressed. What a read gives points into the
 * cursor's buffers and pages; those stay until the next read.
 * Threads: a cursor belongs to one reader; ps_pq_shared is used by the readers of one row group. */
#ifndef PS_FORMAT_PARQUET_CURSOR_H
#define PS_FORMAT_PARQUET_CURSOR_H

#include "base/array.h"
#include "base/hash.h"
#include "base/thread.h"
#include "format/parquet/codec.h"
#include "format/parquet/encoding.h"
#include "format/parquet/schema.h"

enum {
    PS_PQ_LEVELS_STEP = 1024,   /* entries decoded at a time */
    PS_PQ_READ_BYTES = 4 << 20, /* read ahead at most, but for larger pages */
    PS_PQ_READ_BYTES_MIN = 64 << 10,
    PS_PQ_PAGE_BYTES_MAX = 1 << 30,
    PS_PQ_DICT_FLAT_MIN = 4096 /* larger dictionaries of fixed values are looked up at once */
};

/* What the readers of one row group have in common of one leaf. */
typedef struct ps_pq_shared {
    ps_mutex mutex;
    bool tried;                 /* pages were looked for */
    const ps_pq_page_at *pages; /* in the scan's arena; NULL: pages are found by their headers */
    uint32_t n_pages;
    ps_dict *dict; /* decoded by the first who needed it; one reference */
} ps_pq_shared;

typedef enum ps_pq_values {
    PS_PQ_NO_VALUES,
    PS_PQ_FIXED_VALUES,
    PS_PQ_BYTE_VALUES,
    PS_PQ_VIEW_VALUES,
    PS_PQ_CODE_VALUES,
    PS_PQ_BIT_VALUES
} ps_pq_values;

/* Memory of the open page. */
enum {
    PS_PQ_PAGE_BYTES,
    PS_PQ_REP_BYTES,
    PS_PQ_DEF_BYTES,
    PS_PQ_VALUE_BYTES,
    PS_PQ_HEAP_BYTES,
    PS_PQ_BLOCKS
};

/* Of a page that is decompressed bit by bit: [page.at, page.end) is a piece of it. */
typedef struct ps_pq_pieces {
    bool on;                       /* there is more than this piece */
    bool plain;                    /* not compressed: the window is the piece */
    uint64_t start, in_at, in_end; /* of the file: the page's bytes, the next ones of them */
    size_t out_at, n_out;          /* of the page: where the piece ends; all of it */
    uint8_t *piece_end;
    ps_pq_snappy snappy; /* out_start: the piece, with what of the last one it needs */
} ps_pq_pieces;

/* The page that is open. */
typedef struct ps_pq_page {
    ps_pq_values kind;
    const uint8_t *at, *end; /* FIXED, BYTE: stored values */
    bool ascii;              /* BYTE: all of it */
    const ps_view *views;    /* VIEW */
    uint32_t view, n_views;
    ps_pq_rle codes; /* CODE, BIT */
    ps_pq_rle def, rep;
    ps_pq_pieces pieces;
    uint32_t left;       /* entries (rows, if flat) not taken; nested: not decoded */
    uint32_t lev, n_lev; /* nested: entries decoded and not taken are [lev, n_lev) */
} ps_pq_page;

typedef enum ps_pq_mode { PS_PQ_EMPTY, PS_PQ_REF, PS_PQ_CODES, PS_PQ_SLOTS } ps_pq_mode;

/* What the last read gave: dense values, and where they belong. */
typedef struct ps_pq_out {
    ps_pq_mode mode;
    const void *ref; /* REF: values in place */
    uint8_t *slots;
    uint32_t *codes;
    uint64_t *valid;     /* flat and optional: by row */
    uint16_t *def, *rep; /* nested: by entry */
    uint32_t room, n_values, n_entries, n_rows;
    bool plain; /* some values came from a page without dictionary */
} ps_pq_out;

typedef struct ps_pq_cursor {
    const ps_pq_node *leaf;
    bool flat; /* a column of its own: no levels but validity */
    const ps_file *file;
    const ps_pq_chunk *chunk;
    ps_pq_shared *shared;
    ps_pq_codecs *codecs;
    const ps_pq_page_at *pages; /* NULL: none known */
    uint32_t n_pages, next_page;
    int64_t n_rows;       /* of the row group */
    int64_t row, row_end; /* of the next page; of what the reader wants */
    int64_t page_rows;    /* nested: rows that began in the open page; -1: none was opened */
    uint64_t at, end;     /* bytes of the file: next header, end of the chunk */
    int64_t values_left;  /* of the chunk, by the headers seen */
    uint8_t *window;
    uint64_t window_at;
    size_t window_n;
    ps_pq_page page;
    uint8_t *blocks[PS_PQ_BLOCKS];         /* of the page: owned, retired with it */
    uint32_t levels[2][PS_PQ_LEVELS_STEP]; /* def, rep */
    uint64_t skip;                         /* rows to leave out before the next read */
    ps_dict *dict;
    PS_ARRAY(void *) retired; /* blocks of pages that the last read may point into */
    ps_pq_out out;
    const char *page_what; /* for errors */
    uint64_t page_at;
} ps_pq_cursor;

ps_status ps_pq_cursor_init(ps_ctx *cx, ps_pq_cursor *c, const ps_pq_node *leaf, bool flat,
                            ps_pq_codecs *codecs, uint32_t batch_rows);
void ps_pq_cursor_release(ps_pq_cursor *c);
/* Rows [row, row_end) of the row group whose chunk this is. */
ps_status ps_pq_cursor_start(ps_ctx *cx, ps_pq_cursor *c, const ps_file *file,
                             const ps_pq_chunk *chunk, ps_pq_shared *shared, int64_t n_rows,
                             int64_t row, int64_t row_end);
/* The next n rows into c->out. */
ps_status ps_pq_cursor_read(ps_ctx *cx, ps_pq_cursor *c, uint32_t n);
PS_INLINE void ps_pq_cursor_skip(ps_pq_cursor *c, uint64_t n) { c->skip += n; }

/* page.c: opens the next data page; leaves out c->skip rows where whole pages allow it. *any false:
 * the rows wanted have ended. */
ps_status ps_pq_page_next(ps_ctx *cx, ps_pq_cursor *c, bool *any);
void ps_pq_page_retire(ps_pq_cursor *c);
void ps_pq_retired_free(ps_pq_cursor *c);
/* The header of the chunk's first data page; *found false: not where it should be. */
ps_status ps_pq_first_page(ps_ctx *cx, const ps_file *file, const ps_pq_chunk *chunk,
                           ps_pq_page_header *out, bool *found);
/* Finds the pages of a chunk by walking its headers (flat leaves and pages of version 2); *n 0:
 * can't be told. */
ps_status ps_pq_pages_scan(ps_ctx *cx, ps_arena *arena, const ps_file *file,
                           const ps_pq_chunk *chunk, bool flat, int64_t n_rows,
                           ps_pq_page_at **pages, uint32_t *n);
/* Bytes to read ahead: less when memory is short, since every column of every lane does it. */
uint64_t ps_pq_read_ahead(const ps_ctx *cx);
ps_status ps_pq_chunk_range(ps_ctx *cx, const ps_file *file, const ps_pq_chunk *chunk, uint64_t *at,
                            uint64_t *end);

/* Bytes [at, at + n) of the file in the window, n at most what the chunk has; reads ahead up to
 * `until`. The last window is retired. */
ps_status ps_pq_window_ensure(ps_ctx *cx, ps_pq_cursor *c, uint64_t at, size_t n, uint64_t until);
PS_INLINE const uint8_t *ps_pq_window_bytes(const ps_pq_cursor *c, uint64_t at)
{
    return c->window + (at - c->window_at);
}
void ps_pq_window_free(ps_pq_cursor *c);
ps_status ps_pq_retired_room(ps_ctx *cx, ps_pq_cursor *c);
void ps_pq_block_retire(ps_pq_cursor *c, uint8_t **block);

/* pieces.c: whether a page is decompressed bit by bit; what a reader then holds of it. */
bool ps_pq_page_in_pieces(const ps_pq_node *leaf, uint32_t codec, const ps_pq_page_header *h);
uint64_t ps_pq_pieces_bytes(void);
/* Opens such a page behind its first `raw` bytes; nothing of it is there yet. */
ps_status ps_pq_pieces_begin(ps_ctx *cx, ps_pq_cursor *c, const ps_pq_page_header *h, uint64_t body,
                             size_t raw);
/* Of all its bytes, read once for it. */
ps_status ps_pq_pieces_crc(ps_ctx *cx, ps_pq_cursor *c, const ps_pq_page_header *h, uint64_t body,
                           uint32_t *crc);
ps_status ps_pq_pieces_more(ps_ctx *cx, ps_pq_cursor *c, size_t bytes);
/* Sees to it that so many bytes are there from page.at on, or all that the page has. */
PS_INLINE ps_status ps_pq_page_need(ps_ctx *cx, ps_pq_cursor *c, size_t bytes)
{
    if (PS_LIKELY(!c->page.pieces.on || (size_t)(c->page.end - c->page.at) >= bytes)) return PS_OK;
    return ps_pq_pieces_more(cx, c, bytes);
}

/* values.c: n stored values to slots. */
ps_status ps_pq_fixed_convert(ps_ctx *cx, const ps_pq_node *leaf, const uint8_t *raw, size_t n,
                              void *slots);
ps_status ps_pq_views_convert(ps_ctx *cx, const ps_pq_node *leaf, const ps_view *views, size_t n,
                              void *slots);
/* Of PLAIN bytes; *n becomes how many are whole before the end. */
ps_status ps_pq_bytes_convert(ps_ctx *cx, const ps_pq_node *leaf, const uint8_t **at,
                              const uint8_t *end, bool ascii, size_t *n, void *slots);
/* Measures integer slots and holds them against what the type allows (a decimal's precision); types
 * of which every slot is legal are not measured. */
ps_status ps_pq_bounds(ps_ctx *cx, const ps_pq_node *leaf, const void *slots, size_t n, bool always,
                       ps_vec *vec);
/* The next m values of the open page onto c->out; or none of them. */
ps_status ps_pq_values_take(ps_ctx *cx, ps_pq_cursor *c, uint32_t m);
ps_status ps_pq_values_skip(ps_ctx *cx, ps_pq_cursor *c, uint32_t m);
/* Makes dense values FLAT in slots. */
ps_status ps_pq_out_flatten(ps_ctx *cx, ps_pq_cursor *c);
/* Room for n values or entries in all. */
ps_status ps_pq_out_room(ps_ctx *cx, ps_pq_cursor *c, uint32_t n);

/* dict.c: takes over `bytes` (an owned block, the page's n bytes), also on failure. */
ps_status ps_pq_dict_new(ps_ctx *cx, const ps_pq_node *leaf, uint8_t *bytes, size_t n,
                         uint32_t n_values, ps_dict **out);

/* column.c: a column of the file, which may be nested. */
typedef struct ps_pq_column {
    const ps_pq_node *node;
    ps_pq_cursor *cursors; /* of all leaves below, in order; shared with the children */
    struct ps_pq_column *children;
    ps_vec *vecs; /* of the children */
    uint64_t *valid;
    ps_list *lists;
    uint32_t room;
} ps_pq_column;
ps_status ps_pq_column_init(ps_ctx *cx, ps_arena *arena, const ps_pq_node *node,
                            ps_pq_codecs *codecs, uint32_t batch_rows, ps_pq_column *out);
void ps_pq_column_release(ps_pq_column *column);
ps_status ps_pq_column_read(ps_ctx *cx, ps_pq_column *column, uint32_t n, ps_vec *out);

#endif
