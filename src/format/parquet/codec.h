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
/* A stream behind its size, decoded in steps: at and end are the input that is there, with its last
 * byte or not, out_start what copies may reach, out_end the room that there is, up to the last byte
 * or not. The rest is {0} at first. */
typedef struct ps_pq_snappy {
    const uint8_t *at, *end;
    uint8_t *out, *out_start, *out_end;
    bool last_in, last_out;
    size_t literal; /* bytes of a literal that are to come */
    size_t n_sampled, n_elements, n_literals;
} ps_pq_snappy;
/* Goes on as far as input and room allow, to less than 73 bytes of input or 64 of room where they
 * aren't the last; false: damaged, or a copy reaches behind out_start. */
bool ps_pq_snappy_some(ps_pq_snappy *s);
bool ps_pq_snappy_decode(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out);

#endif
