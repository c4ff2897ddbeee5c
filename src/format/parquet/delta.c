/* format/parquet/delta.c -- DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY. */
#include "format/parquet/encoding.h"

#include "base/mem.h"

enum { BLOCK_VALUES_MAX = 1 << 20, MINIBLOCKS_MAX = 4096, HEAP_BYTES_MAX = 1 << 30, CHUNK = 256 };

typedef struct stream {
    const uint8_t *at, *end;
    bool bad;
} stream;

typedef struct delta_head {
    uint32_t block, n_mini, total;
    int64_t first;
} delta_head;

static uint64_t varint(stream *s)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && s->at < s->end; shift += 7) {
        const uint8_t byte = *s->at++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) return value;
    }
    s->bad = true;
    return 0;
}

static int64_t zigzag(stream *s)
{
    const uint64_t v = varint(s);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static bool head_read(stream *s, delta_head *h)
{
    const uint64_t block = varint(s), n_mini = varint(s), total = varint(s);

    h->first = zigzag(s);
    if (s->bad || block == 0 || block > BLOCK_VALUES_MAX || n_mini == 0 ||
        n_mini > MINIBLOCKS_MAX || block % n_mini || (block / n_mini) % 8 || total > UINT32_MAX)
        return false;
    h->block = (uint32_t)block, h->n_mini = (uint32_t)n_mini, h->total = (uint32_t)total;
    return true;
}

ps_status ps_pq_delta_total(ps_ctx *cx, const uint8_t *at, const uint8_t *end, uint32_t n_max,
                            uint32_t *total)
{
    stream s = {at, end, false};
    delta_head h;

    if (!head_read(&s, &h))
        return ps_fail(cx, PS_DATA, "the head of delta encoded values is damaged");
    if (h.total > n_max)
        return ps_fail(cx, PS_DATA, "%u delta encoded values in a page of %u", h.total, n_max);
    *total = h.total;
    return PS_OK;
}

/* n values of up to 64 bits. */
static void unpack_wide(const uint8_t *in, uint32_t width, size_t n, uint64_t *out)
{
    const uint64_t mask = width == 64 ? ~(uint64_t)0 : ((uint64_t)1 << width) - 1;

    for (size_t i = 0; i < n; i++) {
        const uint64_t bit = i * width;
        ps_u128 word = 0;
        memcpy(&word, in + (bit >> 3), 9);
        out[i] = (uint64_t)(word >> (bit & 7)) & mask;
    }
}

static void slot_put(void *out, uint32_t slot_bytes, size_t i, uint64_t value)
{
    if (slot_bytes == 4) ((uint32_t *)out)[i] = (uint32_t)value;
    else ((uint64_t *)out)[i] = value;
}

/* One miniblock: deltas of width bits on top of min. Sums wrap, as the format says. */
static void mini_decode(const uint8_t *in, uint32_t width, size_t n, uint64_t min, uint64_t *value,
                        uint32_t slot_bytes, void *out)
{
    const ps_pq_kernels *const k = ps_pq_kernels_here();
    uint32_t narrow[CHUNK];
    uint64_t wide[CHUNK];

    for (size_t i = 0; i < n;) {
        const size_t step = PS_MIN(n - i, (size_t)CHUNK); /* a multiple of 8 but at the end */
        const uint8_t *const from = in + i / 8 * width;
        if (width > 32) unpack_wide(from, width, step, wide);
        else if (width > 0) k->unpack(from, width, step, narrow);
        for (size_t j = 0; j < step; j++) {
            *value += min + (width > 32 ? wide[j] : width ? narrow[j] : 0);
            slot_put(out, slot_bytes, i + j, *value);
        }
        i += step;
    }
}

static bool block_decode(stream *s, const delta_head *h, uint32_t *done, uint64_t *value,
                         uint32_t slot_bytes, uint8_t *out)
{
    const uint64_t min = (uint64_t)zigzag(s);
    const uint32_t per_mini = h->block / h->n_mini;
    const uint8_t *const widths = s->at;

    if (s->bad || (size_t)(s->end - s->at) < h->n_mini) return false;
    s->at += h->n_mini;
    for (uint32_t m = 0; m < h->n_mini && *done < h->total; m++) {
        const size_t n = PS_MIN(per_mini, h->total - *done);
        const size_t bytes = (size_t)per_mini / 8 * widths[m], needed = (n * widths[m] + 7) / 8;
        if (widths[m] > 64 || needed > (size_t)(s->end - s->at)) return false;
        mini_decode(s->at, widths[m], n, min, value, slot_bytes, out + (size_t)*done * slot_bytes);
        s->at += PS_MIN(bytes, (size_t)(s->end - s->at));
        *done += (uint32_t)n;
    }
    return true;
}

ps_status ps_pq_delta_decode(ps_ctx *cx, const uint8_t *at, const uint8_t *end, uint32_t slot_bytes,
                             void *out, const uint8_t **after)
{
    stream s = {at, end, false};
    delta_head h;
    uint64_t value;
    uint32_t done = 0;

    if (!head_read(&s, &h))
        return ps_fail(cx, PS_DATA, "the head of delta encoded values is damaged");
    value = (uint64_t)h.first;
    if (h.total) slot_put(out, slot_bytes, done++, value);
    while (done < h.total)
        if (!block_decode(&s, &h, &done, &value, slot_bytes, out))
            return ps_fail(cx, PS_DATA, "delta encoded values are damaged after %u of %u", done,
                           h.total);
    if (after) *after = s.at;
    return PS_OK;
}

/* A stream of lengths into an owned block; each is checked to be 0..INT32_MAX. */
static ps_status lengths_decode(ps_ctx *cx, const uint8_t *at, const uint8_t *end, uint32_t n_max,
                                int32_t **lengths, uint32_t *n, const uint8_t **after)
{
    PS_TRY(ps_pq_delta_total(cx, at, end, n_max, n));
    *lengths = ps_alloc(cx, (size_t)*n * 4);
    if (!*lengths) return PS_MEMORY;
    PS_TRY(ps_pq_delta_decode(cx, at, end, 4, *lengths, after));
    for (uint32_t i = 0; i < *n; i++)
        if ((*lengths)[i] < 0)
            return ps_fail(cx, PS_DATA, "a value of a negative length: %d", (*lengths)[i]);
    return PS_OK;
}

ps_status ps_pq_delta_length_decode(ps_ctx *cx, const uint8_t *at, const uint8_t *end,
                                    uint32_t n_max, ps_view **views, uint32_t *n)
{
    int32_t *lengths = NULL;
    const uint8_t *bytes;
    ps_status st;

    *views = NULL;
    PS_GO(lengths_decode(cx, at, end, n_max, &lengths, n, &bytes));
    *views = ps_alloc(cx, sizeof(ps_view) * *n);
    if (!*views) PS_GO(PS_MEMORY);
    for (uint32_t i = 0; i < *n; i++) {
        if (lengths[i] > end - bytes)
            PS_GO(ps_fail(cx, PS_DATA, "value %u has %d bytes, the page %td more", i, lengths[i],
                          end - bytes));
        (*views)[i] = ps_view_of((const char *)bytes, (size_t)lengths[i]);
        bytes += lengths[i];
    }
done:
    ps_free(lengths);
    return st;
}

/* prefix bytes of the value before, then the bytes of suffix: front coding. */
static ps_status fronts_join(ps_ctx *cx, const int32_t *prefixes, ps_view *views, uint32_t n,
                             char *heap)
{
    const char *before = heap;
    size_t n_before = 0;

    for (uint32_t i = 0; i < n; i++) {
        const ps_view suffix = views[i];
        const size_t prefix = (size_t)prefixes[i], length = prefix + suffix.n;
        if (prefix > n_before)
            return ps_fail(cx, PS_DATA, "value %u shares %zu bytes with one of %zu", i, prefix,
                           n_before);
        memmove(heap, before, prefix);
        if (suffix.n) memcpy(heap + prefix, ps_view_bytes(&suffix), suffix.n);
        views[i] = ps_view_of(heap, length);
        before = heap, n_before = length;
        heap += length;
    }
    return PS_OK;
}

ps_status ps_pq_delta_bytes_decode(ps_ctx *cx, const uint8_t *at, const uint8_t *end,
                                   uint32_t n_max, ps_view **views, char **heap, uint32_t *n)
{
    int32_t *prefixes = NULL;
    const uint8_t *suffixes;
    uint32_t n_suffixes = 0;
    size_t bytes = 0;
    ps_status st;

    *views = NULL, *heap = NULL;
    PS_GO(lengths_decode(cx, at, end, n_max, &prefixes, n, &suffixes));
    PS_GO(ps_pq_delta_length_decode(cx, suffixes, end, n_max, views, &n_suffixes));
    if (n_suffixes != *n)
        PS_GO(ps_fail(cx, PS_DATA, "%u shared beginnings for %u values", *n, n_suffixes));
    for (uint32_t i = 0; i < *n; i++) {
        bytes += (size_t)prefixes[i] + (*views)[i].n;
        if (bytes > HEAP_BYTES_MAX)
            PS_GO(ps_fail(cx, PS_DATA, "a page's values have more than %d bytes", HEAP_BYTES_MAX));
    }
    *heap = ps_alloc(cx, bytes);
    if (!*heap) PS_GO(PS_MEMORY);
    PS_GO(fronts_join(cx, prefixes, *views, *n, *heap));
done:
    ps_free(prefixes);
    return st;
}
