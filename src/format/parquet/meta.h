/* format/parquet/meta.h -- a file's footer, page headers and indexes as structures.
 *
 * Everything is untrusted: parsing checks form, readers check meaning before use. Names and
 * statistics point into the footer's bytes, which live as long as the metadata.
 * Reference: parquet.thrift of apache/parquet-format 2.12. */
#ifndef PS_FORMAT_PARQUET_META_H
#define PS_FORMAT_PARQUET_META_H

#include "format/parquet/thrift.h"
#include "fs/file.h"

typedef enum ps_pq_physical {
    PS_PQ_BOOLEAN,
    PS_PQ_INT32,
    PS_PQ_INT64,
    PS_PQ_INT96,
    PS_PQ_FLOAT,
    PS_PQ_DOUBLE,
    PS_PQ_BYTE_ARRAY,
    PS_PQ_FIXED,
    PS_PQ_GROUP = -1
} ps_pq_physical;

typedef enum ps_pq_encoding {
    PS_PQ_PLAIN = 0,
    PS_PQ_PLAIN_DICTIONARY = 2,
    PS_PQ_RLE = 3,
    PS_PQ_BIT_PACKED = 4,
    PS_PQ_DELTA_BINARY_PACKED = 5,
    PS_PQ_DELTA_LENGTH_BYTE_ARRAY = 6,
    PS_PQ_DELTA_BYTE_ARRAY = 7,
    PS_PQ_RLE_DICTIONARY = 8,
    PS_PQ_BYTE_STREAM_SPLIT = 9
} ps_pq_encoding;

typedef enum ps_pq_codec {
    PS_PQ_UNCOMPRESSED,
    PS_PQ_SNAPPY,
    PS_PQ_GZIP,
    PS_PQ_LZO,
    PS_PQ_BROTLI,
    PS_PQ_LZ4,
    PS_PQ_ZSTD,
    PS_PQ_LZ4_RAW
} ps_pq_codec;

/* Field ids of the union LogicalType. */
typedef enum ps_pq_logical {
    PS_PQ_LOGICAL_NONE = 0,
    PS_PQ_STRING = 1,
    PS_PQ_MAP = 2,
    PS_PQ_LIST = 3,
    PS_PQ_ENUM = 4,
    PS_PQ_DECIMAL = 5,
    PS_PQ_DATE = 6,
    PS_PQ_TIME = 7,
    PS_PQ_TIMESTAMP = 8,
    PS_PQ_INTEGER = 10,
    PS_PQ_UNKNOWN = 11,
    PS_PQ_JSON = 12,
    PS_PQ_BSON = 13,
    PS_PQ_UUID = 14,
    PS_PQ_FLOAT16 = 15,
    PS_PQ_INTERVAL = 100 /* only as a converted type */
} ps_pq_logical;

typedef struct ps_pq_element {
    ps_str name;
    int8_t physical;    /* ps_pq_physical */
    uint8_t repetition; /* 0 required, 1 optional, 2 repeated */
    uint8_t logical;    /* ps_pq_logical; converted types are mapped to it */
    uint8_t unit;       /* TIME, TIMESTAMP: ps_unit's order, 1 ms, 2 us, 3 ns */
    bool utc, is_signed;
    uint8_t bits; /* INTEGER */
    int32_t precision, scale, length, n_children;
} ps_pq_element;

typedef struct ps_pq_stats {
    ps_str min, max; /* in the encoding of PLAIN; at NULL: absent */
    int64_t n_null;  /* -1: unknown */
    bool exact;      /* both are marked as values that are there */
    bool legacy;     /* from the fields that compare as signed bytes */
} ps_pq_stats;

typedef struct ps_pq_chunk {
    int64_t n_values, bytes, plain_bytes;               /* bytes: compressed, plain_bytes: not */
    int64_t data_offset, dict_offset;                   /* dict_offset 0: none told */
    int64_t offset_index_at, column_index_at, bloom_at; /* 0: none */
    int32_t offset_index_bytes, column_index_bytes, bloom_bytes;
    int8_t physical;
    uint8_t codec;
    bool encrypted, elsewhere, has_meta;
    ps_pq_stats stats;
} ps_pq_chunk;

typedef struct ps_pq_row_group {
    int64_t n_rows;
    ps_pq_chunk *chunks; /* one for each leaf */
} ps_pq_row_group;

typedef struct ps_pq_meta {
    int64_t n_rows;
    uint32_t n_elements, n_row_groups, n_leaves;
    ps_pq_element *elements; /* depth first; [0] is the root */
    ps_pq_row_group *row_groups;
    const bool
        *type_order; /* by leaf: bounds are in the order of the type; NULL: nothing is told */
    ps_str created_by;
} ps_pq_meta;

typedef enum ps_pq_page_type {
    PS_PQ_DATA_V1,
    PS_PQ_INDEX_PAGE,
    PS_PQ_DICTIONARY_PAGE,
    PS_PQ_DATA_V2
} ps_pq_page_type;

typedef struct ps_pq_page_header {
    int32_t type, plain_bytes, bytes; /* bytes: as stored, without the header */
    int32_t n_values, n_rows, encoding;
    int32_t def_encoding, rep_encoding; /* V1 */
    int32_t def_bytes, rep_bytes;       /* V2 */
    uint32_t crc;
    bool has_crc, compressed; /* compressed: false only if V2 says so */
    uint32_t header_bytes;
} ps_pq_page_header;

/* Where a data page lies and which row of the row group is its first. */
typedef struct ps_pq_page_at {
    int64_t at;
    int32_t bytes;
    int64_t first_row;
} ps_pq_page_at;

/* A page's range, from the column index. */
typedef struct ps_pq_page_stats {
    ps_pq_stats stats;
    bool null_page;
} ps_pq_page_stats;

/* Reads the footer; its bytes and the structures are in the arena. */
ps_status ps_pq_meta_read(ps_ctx *cx, ps_arena *arena, const ps_file *file, ps_pq_meta *out);
/* Parses at most n bytes. With too few of them *more is set (and nothing failed). */
ps_status ps_pq_page_header_parse(ps_ctx *cx, const uint8_t *bytes, size_t n,
                                  ps_pq_page_header *out, bool *more);
/* The pages of one chunk; checks that they lie in order within the file and the row group. */
ps_status ps_pq_offset_index_read(ps_ctx *cx, ps_arena *arena, const ps_file *file,
                                  const ps_pq_chunk *chunk, int64_t n_rows, ps_pq_page_at **pages,
                                  uint32_t *n);
ps_status ps_pq_column_index_read(ps_ctx *cx, ps_arena *arena, const ps_file *file,
                                  const ps_pq_chunk *chunk, uint32_t n, ps_pq_page_stats **out);
const char *ps_pq_codec_name(uint32_t codec);

#endif
