/* format/parquet/encoding.h -- the encodings of Parquet as streams over memory.
 *
 * Reference: Encodings.md of apache/parquet-format 2.12. Streams are inside blocks of
 * base/mem.h, so they may be read 64 bytes past their end. Tests:
 * tests/unit/test_parquet_encoding.c */
#ifndef PS_FORMAT_PARQUET_ENCODING_H
#define PS_FORMAT_PARQUET_ENCODING_H

#include "col/vec.h"
#include "format/parquet/kernels.h"

/* The RLE / bit-packing hybrid: codes, levels, booleans. */
typedef struct ps_pq_rle {
    const ps_pq_kernels *kernels;
    const uint8_t *at, *end;
    uint32_t width;     /* bits, 0..32 */
    uint64_t left;      /* values left in the current run */
    uint64_t taken;     /* packed: values taken from it */
    const uint8_t *run; /* packed: its bytes; NULL: repeated value */
    uint32_t value;
} ps_pq_rle;

void ps_pq_rle_init(ps_pq_rle *rle, const uint8_t *at, const uint8_t *end, uint32_t width);
/* The deprecated BIT_PACKED encoding of levels (most significant bit first): rewritten into
 * scratch (room for n * width / 8 + 8 bytes) as one packed run. */
void ps_pq_rle_init_packed(ps_pq_rle *rle, const uint8_t *at, const uint8_t *end, uint32_t width,
                           uint8_t *scratch, uint32_t n);
/* False when the stream ends first. */
bool ps_pq_rle_read(ps_pq_rle *rle, uint32_t *out, size_t n);
bool ps_pq_rle_skip(ps_pq_rle *rle, size_t n);
/* Streams of width 1 into bits [at, at + n) of a bitmap that is zero there; *ones counts them. */
bool ps_pq_rle_bits(ps_pq_rle *rle, uint64_t *bits, size_t at, size_t n, size_t *ones);

/* DELTA_BINARY_PACKED. *total: values of the stream, at most n_max. */
ps_status ps_pq_delta_total(ps_ctx *cx, const uint8_t *at, const uint8_t *end, uint32_t n_max,
                            uint32_t *total);
/* Decodes all of them into 4- or 8-byte slots; *after: where the stream ends. */
ps_status ps_pq_delta_decode(ps_ctx *cx, const uint8_t *at, const uint8_t *end, uint32_t slot_bytes,
                             void *out, const uint8_t **after);
/* DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY into views; both blocks are the caller's (NULL: none
 * was needed). */
ps_status ps_pq_delta_length_decode(ps_ctx *cx, const uint8_t *at, const uint8_t *end,
                                    uint32_t n_max, ps_view **views, uint32_t *n);
ps_status ps_pq_delta_bytes_decode(ps_ctx *cx, const uint8_t *at, const uint8_t *end,
                                   uint32_t n_max, ps_view **views, char **heap, uint32_t *n);

#endif
