/* format/parquet/codec.c -- snappy, gzip, zstd, lz4 (raw, and Hadoop's framing), brotli. */
#include "format/parquet/codec.h"

#include "format/parquet/meta.h"

#include <brotli/decode.h>
#include <libdeflate.h>
#include <lz4.h>
#include <zstd.h>

void ps_pq_codecs_release(ps_pq_codecs *codecs)
{
    ZSTD_freeDCtx(codecs->zstd);
    libdeflate_free_decompressor(codecs->deflate);
    *codecs = (ps_pq_codecs){0};
}

/* The most that one byte can become, by codec: from the formats' definitions where they bound it.
 */
static size_t ratio_max(uint32_t codec)
{
    switch (codec) {
    case PS_PQ_SNAPPY: return 64;
    case PS_PQ_GZIP: return 1032;
    case PS_PQ_LZ4:
    case PS_PQ_LZ4_RAW: return 256;
    case PS_PQ_UNCOMPRESSED: return 1;
    default:
        return 1 << 17; /* zstd: a block of 128 KiB in a few bytes; brotli more, nobody writes it */
    }
}

ps_status ps_pq_codec_check(ps_ctx *cx, uint32_t codec, const uint8_t *in, size_t n_in,
                            size_t n_out)
{
    size_t exact = n_out;

    if (codec == PS_PQ_LZO || codec > PS_PQ_LZ4_RAW)
        return ps_fail(cx, PS_UNSUPPORTED, "pages compressed by codec %s", ps_pq_codec_name(codec));
    if (codec == PS_PQ_UNCOMPRESSED ? n_out != n_in : n_out / ratio_max(codec) > n_in + 64)
        return ps_fail(cx, PS_DATA, "%zu bytes of %s can't become %zu", n_in,
                       ps_pq_codec_name(codec), n_out);
    if (codec == PS_PQ_SNAPPY && !ps_pq_snappy_size(&in, in + n_in, &exact)) exact = SIZE_MAX;
    if (exact != n_out)
        return ps_fail(cx, PS_DATA, "a page of %zu bytes was compressed, its header tells %zu",
                       exact, n_out);
    return PS_OK;
}

static bool gzip_decode(void *d, const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out)
{
    size_t used, got;

    do { /* several members may follow each other */
        if (libdeflate_gzip_decompress_ex(d, in, n_in, out, n_out, &used, &got) !=
                LIBDEFLATE_SUCCESS &&
            libdeflate_zlib_decompress_ex(d, in, n_in, out, n_out, &used, &got) !=
                LIBDEFLATE_SUCCESS)
            return false;
        in += used, n_in -= used, out += got, n_out -= got;
    } while (n_in && used);
    return n_out == 0;
}

/* Hadoop's framing: big-endian sizes (plain, compressed) before each block; older writers of
 * ours kin put a bare block under the same codec number. */
static bool lz4_hadoop_decode(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out)
{
    while (n_in >= 8) {
        uint32_t plain, packed;
        memcpy(&plain, in, 4), memcpy(&packed, in + 4, 4);
        plain = __builtin_bswap32(plain), packed = __builtin_bswap32(packed);
        in += 8, n_in -= 8;
        if (packed > n_in || plain > n_out || packed > INT32_MAX || plain > INT32_MAX) return false;
        if (LZ4_decompress_safe((const char *)in, (char *)out, (int)packed, (int)plain) !=
            (int)plain)
            return false;
        in += packed, n_in -= packed, out += plain, n_out -= plain;
    }
    return n_in == 0 && n_out == 0;
}

static bool lz4_decode(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out)
{
    if (n_in > INT32_MAX || n_out > INT32_MAX) return false;
    return LZ4_decompress_safe((const char *)in, (char *)out, (int)n_in, (int)n_out) == (int)n_out;
}

static ps_status contexts_make(ps_ctx *cx, ps_pq_codecs *c, uint32_t codec)
{
    if (codec == PS_PQ_ZSTD && !c->zstd) c->zstd = ZSTD_createDCtx();
    if (codec == PS_PQ_GZIP && !c->deflate) c->deflate = libdeflate_alloc_decompressor();
    if ((codec == PS_PQ_ZSTD && !c->zstd) || (codec == PS_PQ_GZIP && !c->deflate))
        return ps_fail(cx, PS_MEMORY, "no memory for a decompressor of %s",
                       ps_pq_codec_name(codec));
    return PS_OK;
}

ps_status ps_pq_decompress(ps_ctx *cx, ps_pq_codecs *codecs, uint32_t codec, const uint8_t *in,
                           size_t n_in, uint8_t *out, size_t n_out)
{
    size_t got = n_out;
    bool good = false;

    PS_TRY(contexts_make(cx, codecs, codec));
    switch (codec) {
    case PS_PQ_UNCOMPRESSED:
        good = n_in == n_out;
        if (good && n_in) memcpy(out, in, n_in);
        break;
    case PS_PQ_SNAPPY: good = ps_pq_snappy_decode(in, n_in, out, n_out); break;
    case PS_PQ_GZIP: good = gzip_decode(codecs->deflate, in, n_in, out, n_out); break;
    case PS_PQ_ZSTD: good = ZSTD_decompressDCtx(codecs->zstd, out, n_out, in, n_in) == n_out; break;
    case PS_PQ_LZ4_RAW: good = lz4_decode(in, n_in, out, n_out); break;
    case PS_PQ_LZ4:
        good = lz4_hadoop_decode(in, n_in, out, n_out) || lz4_decode(in, n_in, out, n_out);
        break;
    case PS_PQ_BROTLI:
        good = BrotliDecoderDecompress(n_in, in, &got, out) == BROTLI_DECODER_RESULT_SUCCESS &&
               got == n_out;
        break;
    default: break;
    }
    if (good) return PS_OK;
    return ps_fail(cx, PS_DATA, "a page is damaged: %zu bytes of %s don't decompress to %zu", n_in,
                   ps_pq_codec_name(codec), n_out);
}
