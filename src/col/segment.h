/* col/segment.h -- inside col: how a column of a segment is stored, and growing columns. */
#ifndef PS_COL_SEGMENT_H
#define PS_COL_SEGMENT_H

#include "col/table.h"

/* Counts distinct values: HyperLogLog with 1024 registers, 3 % standard error. */
enum { PS_SKETCH_REGISTERS = 1024 };
typedef struct ps_sketch {
    uint8_t registers[PS_SKETCH_REGISTERS];
} ps_sketch;
PS_INLINE void ps_sketch_add(ps_sketch *sketch, uint64_t hash)
{
    const uint64_t rest = hash << 10 | 512; /* 10 bits choose the register; never zero */
    const uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);
    uint8_t *at = &sketch->registers[hash >> 54];

    *at = PS_MAX(*at, rank);
}
void ps_sketch_merge(ps_sketch *into, const ps_sketch *other);
double ps_sketch_count(const ps_sketch *sketch);
/* Of the columns of all segments that one builder made: they are large beside small segments, and
 * those of one load are counted together anyway. */
typedef struct ps_sketches {
    ps_owner owner;
    ps_sketch cols[];
} ps_sketches;

/* A column as it was sealed. DICTIONARY: its codes are in `codes`, vec.codes is NULL. */
typedef struct ps_col_sealed {
    ps_vec vec;
    const void *codes;
    uint8_t code_bytes; /* 1, 2 or 4; 0: not a dictionary */
} ps_col_sealed;

/* Rows of a column in memory: all of them, or parts that came back from a file. Counted: vectors in
 * flight keep them when the segment has given them up. */
typedef struct ps_col_rows {
    ps_owner owner;
    ps_schema *schema; /* whose types the vectors borrow */
    ps_arena arena;
    uint32_t first; /* row of the segment that the vector begins with */
    ps_col_sealed col;
} ps_col_rows;
/* Empty; one reference is given. */
ps_status ps_col_rows_new(ps_ctx *cx, ps_schema *schema, ps_col_rows **out);
PS_INLINE void ps_col_rows_unref(ps_col_rows *rows)
{
    if (rows) ps_owner_unref(&rows->owner);
}

/* Where a column is in a temporary file: part p in blocks [part_at[p], part_at[p + 1]), behind the
 * last one the dictionary of all. Immutable once made. */
typedef struct ps_col_file {
    struct ps_store_file *file; /* one reference */
    uint32_t n_rows, n_parts, rows_part;
    bool distinct, sorted;   /* of the dictionary */
    const uint32_t *part_at; /* n_parts + 2, behind the blocks */
    ps_spill_block blocks[];
} ps_col_file;

struct ps_segment_col {
    ps_col_rows *rows;       /* NULL: in the file only. Guarded by the segment's mutex, as `file` */
    ps_col_file *file;       /* NULL: not written yet */
    const ps_sketch *sketch; /* NULL: of a type that isn't counted. In the segment's sketches */
    uint64_t bytes;          /* of the rows; 0: a constant, which stays in memory */
    uint64_t dict_bytes;     /* of them the dictionary's, which is read whole with each part */
    bool whole;              /* nested: read back as one part */
};

/* The whole of a segment; ps_segment is its head. */
typedef struct ps_segment_body {
    ps_segment head;
    ps_schema *schema;
    ps_arena arena;        /* statistics, the columns' structures */
    ps_sketches *sketches; /* one reference */
    ps_mutex mutex;
    ps_store *store;                        /* NULL: none, its rows stay in memory */
    bool encrypt;                           /* its maker wants temporary files encrypted */
    struct ps_segment_body *before, *after; /* in the store's list */
    uint64_t pass;                          /* of the store that tried it last */
    uint32_t rows_part;        /* a part of its columns, but of those that are read back whole */
    _Atomic uint64_t read_ns;  /* when somebody began to read a column, or when it was made */
    _Atomic uint64_t resident; /* bytes of columns in memory that can be written out */
} ps_segment_body;
PS_INLINE ps_segment_body *ps_segment_body_of(const ps_segment *segment)
{
    return (ps_segment_body *)(uintptr_t)segment;
}

/* What the rows of a segment may take while it is made, under a memory limit (0: none): segments of
 * wide rows are smaller, so that one can be made, joined and written where memory is short. */
PS_INLINE uint64_t ps_segment_bytes_max(uint64_t limit)
{
    enum { SHARE = 32, BYTES_MIN = 256 << 10 };

    return limit ? PS_MAX(limit / SHARE, (uint64_t)BYTES_MIN) : UINT64_MAX;
}
/* As ps_segment_builder_kept_bytes, for segments of a schema. */
uint64_t ps_segment_kept_bytes(const ps_schema *schema);
/* As ps_segment_builder_seal, but the rows are paid for by cx->mem: for what is written out at once
 * (ps_store_give_segment). */
ps_status ps_segment_builder_seal_through(ps_ctx *cx, ps_segment_builder *builder,
                                          uint64_t sequence, ps_segment **out);
/* Counts a column's bytes as in memory, or not any more. */
void ps_segment_count(ps_segment_body *body, int64_t bytes);

/* store.c */
/* Writes out a segment that nobody knows yet. */
ps_status ps_store_give_segment(ps_ctx *cx, ps_store *store, const ps_spill_options *how,
                                ps_segment *segment);
struct ps_store_file {
    ps_owner owner;
    ps_spill *spill;
    char *directory;
};
void ps_store_add(ps_store *store, ps_segment_body *body);
void ps_store_remove(ps_store *store, ps_segment_body *body);
/* Columns in its files are gone: it closes those that hold none any more. */
void ps_store_left_files(ps_store *store);

/* segment_file.c: columns in temporary files, in blocks of at most so many bytes. */
enum { PS_COL_BLOCK_BYTES = 240 << 10 };
/* Bytes of a column as they are written, before compression. */
uint64_t ps_col_bytes(const ps_col_sealed *col);
uint64_t ps_col_dict_bytes(const ps_col_sealed *col); /* of them the dictionary's */
ps_status ps_col_write(ps_ctx *cx, struct ps_store_file *file, const ps_col_sealed *col,
                       uint32_t rows_part, ps_col_file **out);
void ps_col_file_free(ps_col_file *file); /* its blocks are dropped */
/* Rows of parts [first, first + n) back, paid by cx->mem. dict: that of the column, if it is in
 * memory still; NULL: read back too. */
ps_status ps_col_read_back(ps_ctx *cx, const ps_col_file *file, ps_schema *schema, ps_type type,
                           uint32_t first, uint32_t n, const ps_dict *dict, ps_col_rows **out);

/* A growing column: flat, in the canonical layout of its type, children beside it. Text starts
 * out as codes of a dictionary and turns flat when too much of it is distinct. */
typedef struct ps_col_build {
    ps_type type;
    ps_layout layout;
    size_t n, room; /* rows */
    size_t n_null;
    char *data;
    uint64_t *valid;
    ps_arena heap; /* bytes of text */
    struct ps_col_build *children;
    uint32_t n_children;
    bool plain;      /* text is never looked for among that before: it stays flat */
    uint32_t *codes; /* NULL: flat */
    ps_view *dict;
    uint32_t n_dict, dict_room;
    uint32_t *slots; /* open addressing: code plus one */
    size_t slots_room;
} ps_col_build;

ps_status ps_col_build_init(ps_ctx *cx, ps_arena *arena, ps_type type, ps_col_build *out);
/* Appends rows idx[0..n) of vec (NULL: rows 0..n). */
ps_status ps_col_build_add(ps_ctx *cx, ps_col_build *col, const ps_vec *vec, const uint32_t *idx,
                           uint32_t n);
/* Forgets the rows, keeps the room. */
void ps_col_build_clear(ps_col_build *col);
void ps_col_build_release(ps_col_build *col);
/* Copies the rows into `data` in their narrowest form; statistics go to the arena, values are added
 * to the sketch (NULL: nobody wants it; stats->n_distinct stays 0 where they can't be). */
ps_status ps_col_build_seal(ps_ctx *cx, ps_arena *arena, ps_arena *data, const ps_col_build *col,
                            ps_col_sealed *out, ps_sketch *sketch, ps_col_stats *stats);
/* A dictionary that `owner` holds, with memory of its own: vectors may keep it longer than the rows
 * that it was made for. */
ps_status ps_col_dict_new(ps_ctx *cx, ps_arena *owner, ps_arena **arena, ps_dict **out);
/* Memory for n bytes of a column; large pieces are blocks of their own. */
void *ps_col_room(ps_ctx *cx, ps_arena *arena, size_t bytes);

#endif
