/* format/parquet/write.h -- what the parts of the writer share.
 *
 *     write.c          the sink: rows to leaves, row groups, the file
 *     write_options.c  options of COPY
 *     write_schema.c   types to leaves and schema elements
 *     write_shred.c    rows to definition and repetition levels and stored values
 *     write_chunk.c    a leaf's values to dictionary, pages, checksums
 *     write_rle.c      the RLE / bit-packing hybrid
 *     write_stats.c    minimum and maximum in the order of the type
 *     write_codec.c    compression
 *     write_thrift.c   compact protocol
 *
 * A row group is kept as stored values and levels by leaf, and encoded when it is full: memory is
 * bounded by one row group (rows and bytes). What is written depends on rows and options alone.
 * Threads: one at a time. Reference: parquet.thrift, Encodings.md of apache/parquet-format 2.12. */
#ifndef PS_FORMAT_PARQUET_WRITE_H
#define PS_FORMAT_PARQUET_WRITE_H

#include "format/parquet/meta.h"
#include "plan/source.h"

enum {
    PS_PQ_GROUP_ROWS = 122880,
    PS_PQ_GROUP_BYTES = 256 << 20, /* of values kept before a row group is written; at most an
                                      eighth of the memory limit */
    PS_PQ_PAGE_SIZE = 1 << 20,
    PS_PQ_ROW_BYTES = 8 << 20, /* of one row that go into one page */
    PS_PQ_PAGE_ROWS = 20000,   /* or entries: pages end at rows */
    PS_PQ_DICT_BYTES = 1 << 20,
    PS_PQ_STAT_BYTES = 64, /* longer bounds are left out */
    PS_PQ_STEP_ROWS = 1024 /* shredded at a time */
};

typedef struct ps_pq_write_options {
    uint8_t codec; /* ps_pq_codec */
    bool has_level;
    int32_t level;
    uint64_t group_rows, page_bytes;
    bool dictionary;
} ps_pq_write_options;
ps_status ps_pq_write_options_read(ps_ctx *cx, const ps_options *options, ps_pq_write_options *out);

/* How slots become stored values. */
typedef enum ps_pq_store {
    PS_PQ_STORE_NULL,
    PS_PQ_STORE_BOOL,    /* a byte each until the page is made */
    PS_PQ_STORE_INT,     /* slots converted to `layout`, times `factor` */
    PS_PQ_STORE_SAME,    /* floats */
    PS_PQ_STORE_DECIMAL, /* 16 bytes, most significant first */
    PS_PQ_STORE_UUID,
    PS_PQ_STORE_INTERVAL,
    PS_PQ_STORE_TEXT, /* length and bytes */
    PS_PQ_STORE_FIXED,
    PS_PQ_STORE_ENUM
} ps_pq_store;

/* The order of minimum and maximum. */
typedef enum ps_pq_order {
    PS_PQ_ORDER_NONE,
    PS_PQ_ORDER_I32,
    PS_PQ_ORDER_I64,
    PS_PQ_ORDER_U32,
    PS_PQ_ORDER_U64,
    PS_PQ_ORDER_F16,
    PS_PQ_ORDER_F32,
    PS_PQ_ORDER_F64,
    PS_PQ_ORDER_BOOL,
    PS_PQ_ORDER_BYTES, /* as unsigned bytes */
    PS_PQ_ORDER_SIGNED /* two's complement, most significant first */
} ps_pq_order;

typedef struct ps_pq_write_leaf {
    ps_str path; /* dotted, for errors */
    const ps_str *names;
    uint32_t n_names;
    ps_type type;
    uint8_t physical, store, order, layout; /* layout: of INT */
    uint8_t def_max, rep_max;
    uint32_t width; /* bytes of a stored value; 0: TEXT */
    int64_t factor;
    /* of the open row group */
    ps_text values;
    ps_text def, rep; /* a byte for each entry */
    uint64_t n_values;
} ps_pq_write_leaf;

/* A column or a part of one. */
typedef struct ps_pq_write_node {
    ps_str name;
    ps_type type;                 /* storage */
    uint8_t repetition, def, rep; /* levels of a value that is there */
    struct ps_pq_write_node *children;
    uint32_t n_children;
    ps_pq_write_leaf *leaf; /* NULL: a group */
} ps_pq_write_node;

typedef struct ps_pq_write_schema {
    ps_pq_write_node root;
    ps_pq_write_leaf *leaves;
    uint32_t n_leaves;
    ps_text elements; /* serialised */
    uint32_t n_elements;
} ps_pq_write_schema;
ps_status ps_pq_write_schema_build(ps_ctx *cx, ps_arena *arena, const ps_schema *schema,
                                   ps_pq_write_schema *out);

/* Adds rows[0..n) of vec to the leaves below node. */
ps_status ps_pq_shred(ps_ctx *cx, ps_arena *arena, const ps_pq_write_node *node, const ps_vec *vec,
                      const uint32_t *rows, uint32_t n);

/* write_rle.c: n codes, or levels, of `width` bits: all of a page. */
void ps_pq_rle_write(ps_text *out, const uint32_t *codes, size_t n, uint32_t width);
void ps_pq_levels_write(ps_text *out, const char *levels, size_t n, uint32_t width);

/* write_stats.c: places of the least and greatest of n stored values; false: no bounds. */
typedef struct ps_pq_bounds_at {
    ps_str min, max;
    uint8_t room[2][8];
} ps_pq_bounds_at;
bool ps_pq_write_bounds(const ps_pq_write_leaf *leaf, ps_pq_bounds_at *out);

/* write_codec.c */
typedef struct ps_pq_packer {
    uint8_t codec;
    int32_t level;
    bool has_level;
    void *zstd, *deflate;
} ps_pq_packer;
void ps_pq_packer_release(ps_pq_packer *packer);
/* out is cleared first. */
ps_status ps_pq_compress(ps_ctx *cx, ps_pq_packer *packer, const char *in, size_t n, ps_text *out);

/* write_chunk.c: what encoding needs, kept between chunks. */
typedef struct ps_pq_chunk_writer {
    ps_file_writer *file;
    const ps_pq_write_options *options;
    ps_pq_packer packer;
    ps_text page, packed, header, dict;
    uint32_t *codes, *slots; /* by value; hash table */
    size_t codes_room, slots_room;
} ps_pq_chunk_writer;
void ps_pq_chunk_writer_init(ps_pq_chunk_writer *w, ps_ctx *cx, ps_file_writer *file,
                             const ps_pq_write_options *options);
void ps_pq_chunk_writer_release(ps_pq_chunk_writer *w);
/* Writes the leaf's pages; adds its ColumnChunk to `meta` and its plain size to *bytes. */
ps_status ps_pq_chunk_write(ps_ctx *cx, ps_pq_chunk_writer *w, ps_pq_write_leaf *leaf,
                            ps_text *meta, int64_t *plain_bytes, int64_t *bytes);

/* write_thrift.c: structs of the compact protocol; fields in order of their ids. */
enum { PS_PQ_THRIFT_DEPTH = 8 };
typedef struct ps_pq_thrift_writer {
    ps_text *out;
    int16_t last[PS_PQ_THRIFT_DEPTH];
    uint32_t depth;
} ps_pq_thrift_writer;
void ps_pq_put_varint(ps_text *out, uint64_t value);
void ps_pq_put_int(ps_pq_thrift_writer *w, int16_t id, int bits, int64_t value);
void ps_pq_put_bool(ps_pq_thrift_writer *w, int16_t id, bool value);
void ps_pq_put_text(ps_pq_thrift_writer *w, int16_t id, ps_str text);
void ps_pq_put_struct(ps_pq_thrift_writer *w, int16_t id);
void ps_pq_put_end(ps_pq_thrift_writer *w); /* of a struct, also the outermost */
typedef enum ps_pq_thrift_kind {
    PS_PQ_THRIFT_I32 = 5,
    PS_PQ_THRIFT_TEXT = 8,
    PS_PQ_THRIFT_STRUCT = 12
} ps_pq_thrift_kind;
void ps_pq_put_list(ps_pq_thrift_writer *w, int16_t id, ps_pq_thrift_kind kind, uint32_t n);
void ps_pq_put_item_int(ps_pq_thrift_writer *w, int64_t value);
void ps_pq_put_item_text(ps_pq_thrift_writer *w, ps_str text);

extern const ps_sink_class ps_pq_sink;

#endif
