/* format/parquet/codec.h -- decompression of pages, bounded by the size the page declares. */
#ifndef PS_FORMAT_PARQUET_CODEC_H
#define PS_FORMAT_PARQUET_CODEC_H

#include "base/mem.h"

enum { PS_PQ_SLACK_BYTES = 64 };

/* What a worker keeps between pages: decompressors are costly to make. {0} is valid. */
typedef struct ps_pq_codecs {
    void *zstd;
    void *deflate;
} ps_pq_codecs;
void ps_pq_codecs_release(ps_pq_codecs *codecs);

/* Fails if n_in bytes can't possibly become n_out: before anybody allocates n_out. */
ps_status ps_pq_codec_check(ps_ctx *cx, uint32_t codec, const uint8_t *in, size_t n_in,
                            size_t n_out);
/* Exactly n_out bytes, or PS_DATA. out has room for PS_PQ_SLACK_BYTES more, which are overwritten;
 * in may be read as far behind its end. */
ps_status ps_pq_decompress(ps_ctx *cx, ps_pq_codecs *codecs, uint32_t codec, const uint8_t *in,
                           size_t n_in, uint8_t *out, size_t n_out);

/* snappy.c: the size that the stream tells, moving *at behind it; false: damaged. */
bool ps_pq_snappy_size(const uint8_t **at, const uint8_t *end, size_t *n);
bool ps_pq_snappy_decode(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out);

#endif
