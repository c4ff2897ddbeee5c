/* format/parquet/write_codec.c -- compression of pages. */
#include "format/parquet/write.h"

#include <brotli/encode.h>
#include <libdeflate.h>
#include <lz4.h>
#include <snappy-c.h>
#include <zstd.h>

enum { ZSTD_LEVEL = 3, GZIP_LEVEL = 6, BROTLI_LEVEL = 5 };

void ps_pq_packer_release(ps_pq_packer *packer)
{
    ZSTD_freeCCtx(packer->zstd);
    libdeflate_free_compressor(packer->deflate);
    packer->zstd = packer->deflate = NULL;
}

static ps_status contexts_make(ps_ctx *cx, ps_pq_packer *p)
{
    if (p->codec == PS_PQ_ZSTD && !p->zstd) p->zstd = ZSTD_createCCtx();
    if (p->codec == PS_PQ_GZIP && !p->deflate)
        p->deflate = libdeflate_alloc_compressor(p->has_level ? p->level : GZIP_LEVEL);
    if ((p->codec == PS_PQ_ZSTD && !p->zstd) || (p->codec == PS_PQ_GZIP && !p->deflate))
        return ps_fail(cx, PS_MEMORY, "no memory for a compressor of %s",
                       ps_pq_codec_name(p->codec));
    return PS_OK;
}

/* The most that n bytes become. */
static size_t bound_of(const ps_pq_packer *p, size_t n)
{
    switch (p->codec) {
    case PS_PQ_SNAPPY: return snappy_max_compressed_length(n);
    case PS_PQ_ZSTD: return ZSTD_compressBound(n);
    case PS_PQ_GZIP: return libdeflate_gzip_compress_bound(p->deflate, n);
    case PS_PQ_LZ4_RAW: return n <= LZ4_MAX_INPUT_SIZE ? (size_t)LZ4_compressBound((int)n) : 0;
    case PS_PQ_BROTLI: return BrotliEncoderMaxCompressedSize(n);
    default: return n;
    }
}

/* Bytes written; 0: failed. */
static size_t pack(const ps_pq_packer *p, const char *in, size_t n, char *out, size_t room)
{
    size_t got = room;

    switch (p->codec) {
    case PS_PQ_SNAPPY: return snappy_compress(in, n, out, &got) == SNAPPY_OK ? got : 0;
    case PS_PQ_ZSTD:
        got = ZSTD_compressCCtx(p->zstd, out, room, in, n, p->has_level ? p->level : ZSTD_LEVEL);
        return ZSTD_isError(got) ? 0 : got;
    case PS_PQ_GZIP: return libdeflate_gzip_compress(p->deflate, in, n, out, room);
    case PS_PQ_LZ4_RAW: {
        const int bytes = LZ4_compress_default(in, out, (int)n, (int)room);
        return bytes > 0 ? (size_t)bytes : 0;
    }
    case PS_PQ_BROTLI:
        return BrotliEncoderCompress(p->has_level ? p->level : BROTLI_LEVEL, BROTLI_DEFAULT_WINDOW,
                                     BROTLI_MODE_GENERIC, n, (const uint8_t *)in, &got,
                                     (uint8_t *)out)
                   ? got
                   : 0;
    default: return 0;
    }
}

ps_status ps_pq_compress(ps_ctx *cx, ps_pq_packer *packer, const char *in, size_t n, ps_text *out)
{
    size_t room;

    PS_TRY(contexts_make(cx, packer));
    room = bound_of(packer, n);
    ps_text_clear(out);
    ps_text_repeat(out, 0, room); /* makes the room */
    PS_TRY(ps_text_status(out));
    out->n = room ? pack(packer, in ? in : "", n, out->at, room) : 0;
    if (out->n) return PS_OK;
    return ps_fail(cx, PS_INTERNAL, "a page of %zu bytes can't be compressed by %s", n,
                   ps_pq_codec_name(packer->codec));
}
