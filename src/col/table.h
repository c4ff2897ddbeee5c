/* col/table.h -- tables: immutable segments of about 120,000 rows under a version, in memory, or in
 * a temporary file where that is short (store.h).
 *
 * Appending makes a new version that shares the old segments: readers hold a snapshot. Within a
 * segment each column is stored in its narrowest form: CONSTANT, DICTIONARY (strings of low
 * cardinality, one dictionary per column chunk, distinct; codes in 8, 16 or 32 bits), FLAT in the
 * narrowest integer layout, or FLAT as it came. Statistics (min, max, nulls, distinct estimate) are
 * exact facts about decoded data: planning and unchecked loops may rest on them.
 *
 * Threads: a snapshot is immutable and shared; one builder is used by one thread (several builders
 * can fill one table: segments are put in order by their sequence number). All of it is charged. */
#ifndef PS_COL_TABLE_H
#define PS_COL_TABLE_H

#include "base/array.h"
#include "col/batch.h"
#include "col/store.h"
#include "col/value.h"

/* A part is what is read back from a file at a time: so many rows, or a half, a quarter, an eighth
 * of them where rows are wide. No batch should cross the border of two. */
enum {
    PS_SEGMENT_ROWS = 122880,
    PS_SEGMENT_PART_ROWS = 16384,
    PS_SEGMENT_PART_ROWS_MIN = PS_SEGMENT_PART_ROWS / 8,
    PS_SEGMENT_PARTS = (PS_SEGMENT_ROWS + PS_SEGMENT_PART_ROWS_MIN - 1) / PS_SEGMENT_PART_ROWS_MIN
};

typedef struct ps_col_stats {
    bool has_range;    /* min and max known and exact over valid rows */
    ps_value min, max; /* text longer than 64 bytes: has_range is false; bytes owned by who holds
                          the stats: a segment, or a table by its segments */
    uint64_t n_null;
    double n_distinct; /* estimate; 0: unknown */
    double width;      /* mean bytes of text; 0: fixed */
} ps_col_stats;

typedef struct ps_segment_col ps_segment_col;
typedef struct ps_segment {
    ps_owner owner;
    uint64_t sequence; /* orders segments of one append */
    uint32_t n_rows;
    uint32_t n_cols;
    ps_segment_col *cols;
    ps_col_stats *stats; /* n_cols */
} ps_segment;

/* A snapshot: counted, immutable. */
typedef struct ps_table {
    ps_owner owner;
    ps_schema *schema;
    uint64_t version; /* unique in this process */
    uint64_t n_rows;
    uint32_t n_segments;
    ps_segment **segments;
    ps_col_stats *stats; /* over all segments, n_cols */
} ps_table;

ps_status ps_table_new(ps_ctx *cx, ps_schema *schema, ps_table **out); /* empty */
/* The same, paid for by the store, as what is appended to it; schema is copied. */
ps_status ps_table_new_in(ps_ctx *cx, ps_store *store, const ps_schema *schema, ps_table **out);
/* A new version with the segments appended (references are taken). Small segments at the end are
 * joined where there is memory for it, so that many appends of few rows leave few segments. */
ps_status ps_table_append(ps_ctx *cx, const ps_table *table, ps_segment *const *segments,
                          uint32_t n, ps_table **out);
PS_INLINE ps_table *ps_table_ref(ps_table *t)
{
    if (t) ps_owner_ref(&t->owner);
    return t;
}
PS_INLINE void ps_table_unref(ps_table *t)
{
    if (t) ps_owner_unref(&t->owner);
}

/* Collects batches into segments. */
typedef struct ps_segment_builder ps_segment_builder;
ps_status ps_segment_builder_new(ps_ctx *cx, const ps_schema *schema, ps_segment_builder **out);
ps_status ps_segment_builder_add(ps_ctx *cx, ps_segment_builder *builder, const ps_batch *batch);
/* Segments are the store's from now on: it pays for them, and may write them out; never in plain
 * where `encrypt`. Before any row is added. */
void ps_segment_builder_store(ps_segment_builder *builder, ps_store *store, bool encrypt);
uint64_t ps_segment_builder_rows(const ps_segment_builder *builder);
/* About what the rows would take as a segment. */
uint64_t ps_segment_builder_bytes(const ps_segment_builder *builder);
/* About what stays in memory of a segment whose rows are in a file. */
uint64_t ps_segment_builder_kept_bytes(const ps_segment_builder *builder);
/* Seals what was added since the last call into one segment (NULL when nothing was); the caller
 * seals at PS_SEGMENT_ROWS or before. One reference is given. On failure no row is lost. */
ps_status ps_segment_builder_seal(ps_ctx *cx, ps_segment_builder *builder, uint64_t sequence,
                                  ps_segment **out);
void ps_segment_builder_free(ps_segment_builder *builder);

/* Rows that come in order and become segments: table_load.c. */
typedef struct ps_table_load_options {
    ps_spill_options how;  /* where tables go that give memory back */
    uint64_t memory_limit; /* 0: none */
    bool force_spill;      /* test: every segment is written out at once */
} ps_table_load_options;
typedef struct ps_table_load {
    ps_store *store; /* NULL: none. Borrowed */
    ps_table_load_options options;
    ps_schema *schema;
    ps_segment_builder *builder;
    PS_ARRAY(ps_segment *) segments; /* so far */
    uint64_t n_rows;
} ps_table_load;
/* options: NULL, no limit. *load is to be released in every case. */
ps_status ps_table_load_begin(ps_ctx *cx, const ps_schema *schema, ps_store *store,
                              const ps_table_load_options *options, ps_table_load *load);
ps_status ps_table_load_add(ps_ctx *cx, ps_table_load *load, const ps_batch *batch);
ps_status ps_table_load_end(ps_ctx *cx, ps_table_load *load); /* all rows are in segments */
void ps_table_load_release(ps_table_load *load);
/* What a load of such rows holds of those that it took, at most, under a memory limit. */
uint64_t ps_table_load_floor(const ps_schema *schema, uint64_t memory_limit);

/* What a reader holds of one column; {0}: nothing. Released before the segment goes. */
typedef struct ps_col_hold {
    const ps_segment *segment;
    uint32_t col;
    struct ps_col_rows *rows;
} ps_col_hold;
void ps_col_hold_release(ps_col_hold *hold);
/* Rows [first, first + n) of one column as a vector: FLAT without a copy, codes widened and frames
 * of reference added into buf; n at most buf->n_max. A buf of which only n_max is set gets its
 * memory where it is needed first. Bounds are the segment's. hold lets go what
 * isn't needed for these rows. Rows in a file come back to memory, charged to cx->mem: PS_IO
 * when they are not what was written. */
ps_status ps_segment_read(ps_ctx *cx, const ps_segment *segment, uint32_t col, uint32_t first,
                          uint32_t n, ps_col_hold *hold, ps_vec_buf *buf, ps_vec *out);
/* Bytes that reading a part of these columns takes where they are in a file, with what is prepared
 * of a batch. */
uint64_t ps_segment_part_bytes(const ps_segment *segment, const uint32_t *cols, uint32_t n);

#endif
