/* format/parquet/page.c -- from bytes of a file to an open page. */
#include "format/parquet/cursor.h"

enum { CHUNK_SLACK_BYTES = 100, HEADER_GUESS_BYTES = 4096, PAGES_MAX = 1 << 24 };

ps_status ps_pq_chunk_range(ps_ctx *cx, const ps_file *file, const ps_pq_chunk *chunk, uint64_t *at,
                            uint64_t *end)
{
    int64_t start = chunk->data_offset;

    if (chunk->dict_offset > 0 && chunk->dict_offset < start) start = chunk->dict_offset;
    if (start < 0 || chunk->bytes < 0 || (uint64_t)start > file->id.size ||
        (uint64_t)chunk->bytes > file->id.size - (uint64_t)start)
        return ps_fail(cx, PS_DATA,
                       "a column chunk of %lld bytes at byte %lld lies outside the file",
                       (long long)chunk->bytes, (long long)start);
    *at = (uint64_t)start;
    /* Old writers forgot the dictionary's header when they added up: the number of values tells the
     * end. */
    *end = PS_MIN((uint64_t)(start + chunk->bytes) + CHUNK_SLACK_BYTES, file->id.size);
    return PS_OK;
}

ps_status ps_pq_retired_room(ps_ctx *cx, ps_pq_cursor *c)
{
    if (c->retired.n + 24 <= c->retired.room) return PS_OK;
    return ps_array_grow(cx, NULL, (void **)&c->retired.at, &c->retired.room, c->retired.n + 24,
                         sizeof(void *));
}

void ps_pq_block_retire(ps_pq_cursor *c, uint8_t **block)
{
    /* ps_pq_retired_room made room for more than one step can take */
    PS_ASSERT(c->retired.n < c->retired.room || !*block);
    if (*block) c->retired.at[c->retired.n++] = *block;
    *block = NULL;
}

void ps_pq_page_retire(ps_pq_cursor *c)
{
    for (uint32_t i = 0; i < PS_PQ_BLOCKS; i++) ps_pq_block_retire(c, &c->blocks[i]);
    c->page = (ps_pq_page){0};
}

void ps_pq_retired_free(ps_pq_cursor *c)
{
    while (c->retired.n) ps_free(c->retired.at[--c->retired.n]);
}

uint64_t ps_pq_read_ahead(const ps_ctx *cx)
{
    const uint64_t most = PS_MIN(ps_mem_left(cx->mem) / 64, (uint64_t)PS_PQ_READ_BYTES);
    return PS_MAX(most, (uint64_t)PS_PQ_READ_BYTES_MIN);
}

void ps_pq_window_free(ps_pq_cursor *c)
{
    ps_free(c->window);
    c->window = NULL;
    c->window_n = 0;
}

ps_status ps_pq_window_ensure(ps_ctx *cx, ps_pq_cursor *c, uint64_t at, size_t n, uint64_t until)
{
    PS_ASSERT(until >= at);
    if (c->window && at >= c->window_at && at + n <= c->window_at + c->window_n) return PS_OK;
    const size_t bytes = PS_MAX((size_t)PS_MIN(until - at, ps_pq_read_ahead(cx)), n);
    ps_pq_block_retire(c, &c->window);
    c->window_n = 0;
    c->window = ps_alloc(cx, bytes);
    if (!c->window) return PS_MEMORY;
    PS_TRY(ps_file_read(cx, c->file, at, c->window, bytes));
    c->window_at = at, c->window_n = bytes;
    return PS_OK;
}

static ps_status header_read(ps_ctx *cx, ps_pq_cursor *c, uint64_t at, uint64_t until,
                             ps_pq_page_header *h)
{
    size_t n = (size_t)PS_MIN(until - at, (uint64_t)HEADER_GUESS_BYTES);
    bool more;

    c->page_at = at;
    for (;;) {
        PS_TRY(ps_pq_window_ensure(cx, c, at, n, until));
        PS_TRY(ps_pq_page_header_parse(cx, ps_pq_window_bytes(c, at), n, h, &more));
        if (!more) break;
        if (n == until - at) return ps_fail(cx, PS_DATA, "the chunk ends inside a page header");
        n = (size_t)PS_MIN(until - at, (uint64_t)n * 8);
    }
    if ((uint64_t)h->bytes > until - at - h->header_bytes)
        return ps_fail(cx, PS_DATA, "a page of %d bytes is longer than the chunk", h->bytes);
    return PS_OK;
}

static ps_status crc_compare(ps_ctx *cx, const ps_pq_page_header *h, uint32_t crc)
{
    if (crc == h->crc) return PS_OK;
    return ps_fail(cx, PS_DATA, "the checksum of a page is %08x, its header tells %08x", crc,
                   h->crc);
}

static ps_status crc_check(ps_ctx *cx, const ps_pq_page_header *h, const uint8_t *body)
{
    return h->has_crc ? crc_compare(cx, h, ps_crc32(0, body, (size_t)h->bytes)) : PS_OK;
}

/* The page's bytes, decompressed but for the first `raw` ones: in place or in the page's block. */
static ps_status body_decode(ps_ctx *cx, ps_pq_cursor *c, const ps_pq_page_header *h,
                             const uint8_t *body, size_t raw, const uint8_t **out, size_t *n)
{
    const uint32_t codec = h->compressed ? c->chunk->codec : PS_PQ_UNCOMPRESSED;
    const size_t n_in = (size_t)h->bytes - raw;
    size_t n_out;

    if (raw > (size_t)h->plain_bytes || h->plain_bytes > PS_PQ_PAGE_BYTES_MAX)
        return ps_fail(cx, PS_DATA, "a page of %d bytes when decompressed", h->plain_bytes);
    n_out = (size_t)h->plain_bytes - raw;
    *out = body + raw, *n = n_in;
    if (codec == PS_PQ_UNCOMPRESSED || (n_in == 0 && n_out == 0)) {
        if (n_in == n_out) return PS_OK;
        return ps_fail(cx, PS_DATA, "a page of %zu bytes would have %zu, not compressed", n_in,
                       n_out);
    }
    PS_TRY(ps_pq_codec_check(cx, codec, body + raw, n_in, n_out));
    PS_ASSERT(!c->blocks[PS_PQ_PAGE_BYTES]);
    uint8_t *const bytes = c->blocks[PS_PQ_PAGE_BYTES] = ps_alloc(cx, n_out + PS_PQ_SLACK_BYTES);
    if (!bytes) return PS_MEMORY;
    PS_TRY(ps_pq_decompress(cx, c->codecs, codec, body + raw, n_in, bytes, n_out));
    *out = bytes, *n = n_out;
    /* a page as large as the window: nobody needs its compressed form any more, but what a page
     * before it has in place is still pointed into */
    if (raw == 0 && n_in + HEADER_GUESS_BYTES >= c->window_n && c->window_at >= c->page_at)
        ps_pq_window_free(c);
    return PS_OK;
}

static ps_status dict_read(ps_ctx *cx, ps_pq_cursor *c, const ps_pq_page_header *h,
                           const uint8_t *body)
{
    const uint8_t *bytes;
    uint8_t *owned;
    size_t n;

    if (c->dict) return ps_fail(cx, PS_DATA, "a second dictionary page");
    if (h->encoding != PS_PQ_PLAIN && h->encoding != PS_PQ_PLAIN_DICTIONARY)
        return ps_fail(cx, PS_DATA, "a dictionary page of encoding %d", h->encoding);
    PS_TRY(crc_check(cx, h, body));
    PS_TRY(body_decode(cx, c, h, body, 0, &bytes, &n));
    owned = c->blocks[PS_PQ_PAGE_BYTES];
    c->blocks[PS_PQ_PAGE_BYTES] = NULL;
    if (!owned) { /* not compressed: the window goes, the dictionary stays */
        owned = ps_alloc(cx, n);
        if (!owned) return PS_MEMORY;
        if (n) memcpy(owned, bytes, n);
    }
    return ps_pq_dict_new(cx, c->leaf, owned, n, (uint32_t)h->n_values, &c->dict);
}

/* The dictionary is decoded once for all readers of the row group. */
static ps_status dict_get(ps_ctx *cx, ps_pq_cursor *c, const ps_pq_page_header *h,
                          const uint8_t *body)
{
    ps_pq_shared *const s = c->shared;
    ps_status st = PS_OK;

    if (!s) return dict_read(cx, c, h, body);
    ps_mutex_lock(&s->mutex);
    if (s->dict && !c->dict) {
        c->dict = s->dict;
        ps_owner_ref(&c->dict->owner);
    } else {
        st = dict_read(cx, c, h, body);
        if (st == PS_OK) {
            s->dict = c->dict;
            ps_owner_ref(&s->dict->owner);
        }
    }
    ps_mutex_unlock(&s->mutex);
    return st;
}

/* ---- levels ---- */

typedef struct span {
    const uint8_t *at, *end;
} span;

static uint32_t level_width(uint32_t max) { return max ? 32u - (uint32_t)__builtin_clz(max) : 0; }

/* Levels of a V1 page at the start of s, which moves behind them. */
static ps_status levels_v1(ps_ctx *cx, uint8_t **block, int32_t encoding, uint32_t max, uint32_t n,
                           span *s, ps_pq_rle *out)
{
    const uint32_t width = level_width(max);
    const size_t room = (size_t)(s->end - s->at);
    uint32_t bytes;

    if (encoding == PS_PQ_BIT_PACKED) {
        const uint64_t packed = ((uint64_t)n * width + 7) / 8;
        if (packed > room) return ps_fail(cx, PS_DATA, "the levels of a page are cut off");
        *block = ps_alloc(cx, (size_t)packed + 16);
        if (!*block) return PS_MEMORY;
        ps_pq_rle_init_packed(out, s->at, s->at + packed, width, *block, n);
        s->at += packed;
        return PS_OK;
    }
    if (encoding != PS_PQ_RLE) return ps_fail(cx, PS_DATA, "levels of encoding %d", encoding);
    if (room < 4) return ps_fail(cx, PS_DATA, "the levels of a page are cut off");
    memcpy(&bytes, s->at, 4);
    if (bytes > room - 4)
        return ps_fail(cx, PS_DATA, "levels of %u bytes in a page with %zu more", bytes, room - 4);
    ps_pq_rle_init(out, s->at + 4, s->at + 4 + bytes, width);
    s->at += 4 + bytes;
    return PS_OK;
}

/* ---- values ---- */

static ps_status delta_start(ps_ctx *cx, ps_pq_cursor *c, uint32_t n_values, span s)
{
    ps_pq_page *const p = &c->page;
    uint32_t n;

    if (c->leaf->physical != PS_PQ_INT32 && c->leaf->physical != PS_PQ_INT64)
        return ps_fail(cx, PS_DATA, "delta encoding of a column that holds no integers");
    p->kind = PS_PQ_FIXED_VALUES;
    if (s.at == s.end) return PS_OK;
    PS_TRY(ps_pq_delta_total(cx, s.at, s.end, n_values, &n));
    uint8_t *const values = c->blocks[PS_PQ_VALUE_BYTES] = ps_alloc(cx, (size_t)n * c->leaf->width);
    if (!values) return PS_MEMORY;
    p->at = values, p->end = values + (size_t)n * c->leaf->width;
    return ps_pq_delta_decode(cx, s.at, s.end, c->leaf->width, values, NULL);
}

static ps_status views_start(ps_ctx *cx, ps_pq_cursor *c, bool fronts, uint32_t n_values, span s)
{
    ps_pq_page *const p = &c->page;
    ps_view *views = NULL;
    char *heap = NULL;
    ps_status st = PS_OK;

    if (c->leaf->physical != PS_PQ_BYTE_ARRAY && !(fronts && c->leaf->physical == PS_PQ_FIXED))
        return ps_fail(cx, PS_DATA, "delta encoded bytes in a column that holds none");
    p->kind = PS_PQ_VIEW_VALUES;
    if (s.at == s.end) return PS_OK;
    st = fronts ? ps_pq_delta_bytes_decode(cx, s.at, s.end, n_values, &views, &heap, &p->n_views)
                : ps_pq_delta_length_decode(cx, s.at, s.end, n_values, &views, &p->n_views);
    c->blocks[PS_PQ_VALUE_BYTES] = (uint8_t *)views;
    c->blocks[PS_PQ_HEAP_BYTES] = (uint8_t *)heap;
    p->views = views;
    return st;
}

static ps_status split_start(ps_ctx *cx, ps_pq_cursor *c, uint32_t n_values, span s)
{
    const uint32_t width = c->leaf->width;
    const size_t bytes = (size_t)(s.end - s.at);

    if (width < 2) return ps_fail(cx, PS_DATA, "split bytes in a column without fixed values");
    if (bytes % width || bytes / width > n_values)
        return ps_fail(cx, PS_DATA, "%zu split bytes for at most %u values of %u", bytes, n_values,
                       width);
    uint8_t *const values = c->blocks[PS_PQ_VALUE_BYTES] = ps_alloc(cx, bytes);
    if (!values) return PS_MEMORY;
    ps_pq_kernels_here()->join(s.at, bytes / width, width, values);
    c->page.kind = PS_PQ_FIXED_VALUES;
    c->page.at = values, c->page.end = values + bytes;
    return PS_OK;
}

static ps_status codes_start(ps_ctx *cx, ps_pq_cursor *c, span s)
{
    uint32_t width = 1;

    if (!c->dict) return ps_fail(cx, PS_DATA, "codes of a dictionary that isn't there");
    if (s.at < s.end) width = *s.at++;
    if (width > 32) return ps_fail(cx, PS_DATA, "codes of %u bits", width);
    c->page.kind = PS_PQ_CODE_VALUES;
    ps_pq_rle_init(&c->page.codes, s.at, s.end, width);
    return PS_OK;
}

/* Booleans: packed bits, as one run of the hybrid. */
static void bits_start(ps_pq_cursor *c, span s)
{
    c->page.kind = PS_PQ_BIT_VALUES;
    ps_pq_rle_init(&c->page.codes, s.end, s.end, 1);
    c->page.codes.run = s.at;
    c->page.codes.left = (uint64_t)(s.end - s.at) * 8;
}

static ps_status plain_start(ps_ctx *cx, ps_pq_cursor *c, span s)
{
    (void)cx;
    c->page.at = s.at, c->page.end = s.end;
    if (c->leaf->physical == PS_PQ_BOOLEAN) {
        bits_start(c, s);
    } else if (c->leaf->width) {
        c->page.kind = PS_PQ_FIXED_VALUES;
    } else {
        c->page.kind = PS_PQ_BYTE_VALUES;
        /* Lengths below 128 are ASCII too: then one look at the page is enough. */
        c->page.ascii = c->leaf->utf8 && ps_pq_kernels_here()->ascii(s.at, (size_t)(s.end - s.at));
    }
    return PS_OK;
}

static ps_status values_start(ps_ctx *cx, ps_pq_cursor *c, int32_t encoding, uint32_t n_values,
                              span s)
{
    span rle;

    switch (encoding) {
    case PS_PQ_PLAIN: return plain_start(cx, c, s);
    case PS_PQ_PLAIN_DICTIONARY:
    case PS_PQ_RLE_DICTIONARY: return codes_start(cx, c, s);
    case PS_PQ_RLE:
        if (c->leaf->physical != PS_PQ_BOOLEAN) break;
        c->page.kind = PS_PQ_BIT_VALUES;
        rle =
            (span){s.at + PS_MIN((size_t)(s.end - s.at), (size_t)4), s.end}; /* its length first */
        ps_pq_rle_init(&c->page.codes, rle.at, rle.end, 1);
        return PS_OK;
    case PS_PQ_DELTA_BINARY_PACKED: return delta_start(cx, c, n_values, s);
    case PS_PQ_DELTA_LENGTH_BYTE_ARRAY: return views_start(cx, c, false, n_values, s);
    case PS_PQ_DELTA_BYTE_ARRAY: return views_start(cx, c, true, n_values, s);
    case PS_PQ_BYTE_STREAM_SPLIT: return split_start(cx, c, n_values, s);
    default: break;
    }
    return ps_fail(
        cx, encoding >= 0 && encoding <= PS_PQ_BYTE_STREAM_SPLIT ? PS_DATA : PS_UNSUPPORTED,
        "a page of encoding %d in a column of physical type %u", encoding, c->leaf->physical);
}

/* Bytes of levels before what is compressed. */
static ps_status raw_bytes(ps_ctx *cx, const ps_pq_page_header *h, size_t *raw)
{
    const uint64_t n = (uint64_t)h->def_bytes + (uint64_t)h->rep_bytes;

    *raw = 0;
    if (h->type != PS_PQ_DATA_V2) return PS_OK;
    if (n > (uint64_t)h->bytes || n > (uint64_t)h->plain_bytes)
        return ps_fail(cx, PS_DATA, "levels of %d and %d bytes in a page of %d", h->rep_bytes,
                       h->def_bytes, h->bytes);
    *raw = (size_t)n;
    return PS_OK;
}

static ps_status data_open(ps_ctx *cx, ps_pq_cursor *c, const ps_pq_page_header *h,
                           const uint8_t *body)
{
    const ps_pq_levels *const max = &c->leaf->levels;
    const uint32_t n = (uint32_t)h->n_values;
    const bool v2 = h->type == PS_PQ_DATA_V2;
    size_t raw, bytes;
    span s;

    PS_TRY(raw_bytes(cx, h, &raw));
    PS_TRY(crc_check(cx, h, body));
    PS_TRY(body_decode(cx, c, h, body, raw, &s.at, &bytes));
    s.end = s.at + bytes;
    if (v2) {
        const uint8_t *const def = body + h->rep_bytes;
        ps_pq_rle_init(&c->page.rep, body, def, level_width(max->rep));
        ps_pq_rle_init(&c->page.def, def, def + h->def_bytes, level_width(max->def));
    } else {
        uint8_t **const blocks = c->blocks;
        ps_pq_rle_init(&c->page.rep, s.at, s.at, 0); /* zeros without end */
        ps_pq_rle_init(&c->page.def, s.at, s.at, 0);
        if (max->rep)
            PS_TRY(levels_v1(cx, &blocks[PS_PQ_REP_BYTES], h->rep_encoding, max->rep, n, &s,
                             &c->page.rep));
        if (max->def)
            PS_TRY(levels_v1(cx, &blocks[PS_PQ_DEF_BYTES], h->def_encoding, max->def, n, &s,
                             &c->page.def));
    }
    c->page.left = n;
    return values_start(cx, c, h->encoding, n, s);
}

/* ---- pages in pieces ---- */

/* A copy of levels, which are read bit by bit while pieces come and go. */
static ps_status levels_copy(ps_ctx *cx, uint8_t **block, const uint8_t *at, size_t n, uint32_t max,
                             ps_pq_rle *out)
{
    *block = ps_alloc(cx, n);
    if (!*block) return PS_MEMORY;
    if (n) memcpy(*block, at, n);
    ps_pq_rle_init(out, *block, *block + n, level_width(max));
    return PS_OK;
}

static ps_status levels_take(ps_ctx *cx, ps_pq_cursor *c, uint8_t **block, uint32_t max,
                             ps_pq_rle *out)
{
    ps_pq_page *const p = &c->page;
    uint32_t n = 0;

    ps_pq_rle_init(out, p->at, p->at, 0); /* zeros without end */
    if (max == 0) return PS_OK;
    PS_TRY(ps_pq_page_need(cx, c, 4));
    if (p->end - p->at < 4) return ps_fail(cx, PS_DATA, "the levels of a page are cut off");
    memcpy(&n, p->at, 4);
    PS_TRY(ps_pq_page_need(cx, c, (size_t)n + 4));
    const size_t room = (size_t)(p->end - p->at) - 4;
    if (n > room)
        return ps_fail(cx, PS_DATA, "levels of %u bytes in a page with %zu more", n, room);
    PS_TRY(levels_copy(cx, block, p->at + 4, n, max, out));
    p->at += (size_t)n + 4;
    return PS_OK;
}

static ps_status pieces_open(ps_ctx *cx, ps_pq_cursor *c, const ps_pq_page_header *h, uint64_t body)
{
    const ps_pq_levels *const max = &c->leaf->levels;
    ps_pq_page *const p = &c->page;
    uint8_t **const rep = &c->blocks[PS_PQ_REP_BYTES], **const def = &c->blocks[PS_PQ_DEF_BYTES];
    uint32_t crc;
    size_t raw;

    PS_TRY(raw_bytes(cx, h, &raw));
    if (h->has_crc) {
        PS_TRY(ps_pq_pieces_crc(cx, c, h, body, &crc));
        PS_TRY(crc_compare(cx, h, crc));
    }
    if (h->type == PS_PQ_DATA_V2) {
        const size_t n_rep = (size_t)h->rep_bytes, n_def = (size_t)h->def_bytes;

        PS_TRY(ps_pq_window_ensure(cx, c, body, raw, c->end));
        PS_TRY(levels_copy(cx, rep, ps_pq_window_bytes(c, body), n_rep, max->rep, &p->rep));
        PS_TRY(levels_copy(cx, def, ps_pq_window_bytes(c, body) + n_rep, n_def, max->def, &p->def));
        PS_TRY(ps_pq_pieces_begin(cx, c, h, body, raw));
    } else {
        PS_TRY(ps_pq_pieces_begin(cx, c, h, body, 0));
        PS_TRY(levels_take(cx, c, rep, max->rep, &p->rep));
        PS_TRY(levels_take(cx, c, def, max->def, &p->def));
    }
    p->left = (uint32_t)h->n_values;
    return plain_start(cx, c, (span){p->at, p->end});
}

/* ---- the next page ---- */

/* Rows of the page, -1: not known before its levels are. */
static int64_t header_rows(const ps_pq_cursor *c, const ps_pq_page_header *h)
{
    if (c->leaf->levels.rep == 0) return h->n_values;
    return h->type == PS_PQ_DATA_V2 ? h->n_rows : -1;
}

/* Gives the window up behind the last page wanted, if that was decompressed as a whole: a chunk of
 * one page is then held once, not twice. */
static void window_finish(ps_pq_cursor *c, const ps_pq_page_header *h, int64_t rows)
{
    const bool last = c->values_left == 0 || (rows >= 0 && c->row >= c->row_end);

    if (!last || h->type == PS_PQ_DATA_V2 || !c->blocks[PS_PQ_PAGE_BYTES]) return;
    ps_pq_block_retire(c, &c->window);
    c->window_n = 0;
}

static ps_status data_or_skip(ps_ctx *cx, ps_pq_cursor *c, const ps_pq_page_header *h, uint64_t at,
                              bool *opened)
{
    const int64_t rows = header_rows(c, h);

    *opened = false;
    if (h->n_values > c->values_left)
        return ps_fail(cx, PS_DATA, "a page of %d values, the chunk has %lld more", h->n_values,
                       (long long)c->values_left);
    c->values_left -= h->n_values;
    if (rows >= 0 && (uint64_t)rows <= c->skip) {
        c->skip -= (uint64_t)rows;
        c->row += rows;
        return PS_OK;
    }
    if (rows >= 0) c->row += rows;
    *opened = h->n_values > 0;
    if (*opened && ps_pq_page_in_pieces(c->leaf, c->chunk->codec, h))
        return pieces_open(cx, c, h, at + h->header_bytes);
    PS_TRY(ps_pq_window_ensure(cx, c, at, h->header_bytes + (size_t)h->bytes, c->end));
    if (!*opened) return PS_OK;
    PS_TRY(data_open(cx, c, h, ps_pq_window_bytes(c, at) + h->header_bytes));
    window_finish(c, h, rows);
    return PS_OK;
}

static ps_status page_step(ps_ctx *cx, ps_pq_cursor *c, bool *opened)
{
    ps_pq_page_header h;
    const uint64_t at = c->at;

    PS_TRY(ps_poll(cx));
    *opened = false;
    PS_TRY(ps_pq_retired_room(cx, c));
    PS_TRY(header_read(cx, c, at, c->end, &h));
    c->at = at + h.header_bytes + (uint64_t)h.bytes;
    if (h.type == PS_PQ_INDEX_PAGE) return PS_OK;
    if (h.type == PS_PQ_DICTIONARY_PAGE) {
        PS_TRY(ps_pq_window_ensure(cx, c, at, h.header_bytes + (size_t)h.bytes, c->end));
        return dict_get(cx, c, &h, ps_pq_window_bytes(c, at) + h.header_bytes);
    }
    return data_or_skip(cx, c, &h, at, opened);
}

/* With known pages: goes to the one that has the first row that isn't skipped. */
static ps_status page_jump(ps_ctx *cx, ps_pq_cursor *c, bool *any)
{
    uint32_t i = c->next_page;
    int64_t next = i < c->n_pages ? c->pages[i].first_row : c->n_rows;

    if (c->leaf->levels.rep > 0 && i > 0) { /* what was counted is held against the index */
        if (c->page_rows >= 0 && c->pages[i - 1].first_row + c->page_rows != next)
            return ps_fail(cx, PS_DATA, "a page has %lld rows, the offset index tells %lld",
                           (long long)c->page_rows, (long long)(next - c->pages[i - 1].first_row));
        c->row = next;
    }
    for (; i < c->n_pages; i++) {
        next = i + 1 < c->n_pages ? c->pages[i + 1].first_row : c->n_rows;
        if (next > c->row + (int64_t)c->skip && next > c->pages[i].first_row) break;
    }
    *any = i < c->n_pages && c->pages[i].first_row < c->row_end;
    if (!*any) return PS_OK;
    if (c->pages[i].at < (int64_t)c->at || (uint64_t)c->pages[i].at >= c->end)
        return ps_fail(cx, PS_DATA, "page %u of the offset index lies outside its chunk", i);
    c->skip = (uint64_t)(c->row + (int64_t)c->skip - c->pages[i].first_row);
    c->row = c->pages[i].first_row;
    c->at = (uint64_t)c->pages[i].at;
    c->next_page = i + 1;
    return PS_OK;
}

/* A page opened by the index has the rows that the index tells. */
static ps_status page_confirm(ps_ctx *cx, const ps_pq_cursor *c)
{
    const uint32_t i = c->next_page;
    const int64_t next = i < c->n_pages ? c->pages[i].first_row : c->n_rows;

    if (c->leaf->levels.rep > 0 || c->row == next) return PS_OK;
    return ps_fail(cx, PS_DATA, "a page ends at row %lld, the offset index tells %lld",
                   (long long)c->row, (long long)next);
}

ps_status ps_pq_page_next(ps_ctx *cx, ps_pq_cursor *c, bool *any)
{
    bool opened = false;

    *any = true;
    if (c->next_page == 0) c->page_rows = -1;
    ps_pq_page_retire(c);
    while (!opened) {
        if (c->pages) {
            /* The dictionary, if there is one, comes before the first page. */
            while (!c->dict && c->next_page == 0 && c->at < (uint64_t)c->pages[0].at)
                PS_TRY(page_step(cx, c, &opened));
            if (opened)
                return ps_fail(cx, PS_DATA, "data lies before the first page of the offset index");
            PS_TRY(page_jump(cx, c, any));
        } else {
            *any = c->at < c->end && c->values_left > 0 && c->row < c->row_end;
        }
        if (!*any) return PS_OK;
        PS_TRY(page_step(cx, c, &opened));
    }
    c->page_rows = 0;
    return c->pages ? page_confirm(cx, c) : PS_OK;
}

ps_status ps_pq_first_page(ps_ctx *cx, const ps_file *file, const ps_pq_chunk *chunk,
                           ps_pq_page_header *out, bool *found)
{
    uint8_t bytes[HEADER_GUESS_BYTES];
    uint64_t at, end;
    bool more;

    *found = false;
    PS_TRY(ps_pq_chunk_range(cx, file, chunk, &at, &end));
    for (int i = 0; at < end && !*found && i < 2; i++) { /* a dictionary may come first */
        const size_t got = (size_t)PS_MIN(end - at, (uint64_t)HEADER_GUESS_BYTES);

        PS_TRY(ps_file_read(cx, file, at, bytes, got));
        PS_TRY(ps_pq_page_header_parse(cx, bytes, got, out, &more));
        if (more) return PS_OK;
        *found = out->type == PS_PQ_DATA_V1 || out->type == PS_PQ_DATA_V2;
        at += (uint64_t)((int64_t)out->header_bytes + out->bytes);
    }
    return PS_OK;
}

ps_status ps_pq_pages_scan(ps_ctx *cx, ps_arena *arena, const ps_file *file,
                           const ps_pq_chunk *chunk, bool flat, int64_t n_rows,
                           ps_pq_page_at **pages, uint32_t *n)
{
    PS_ARRAY(ps_pq_page_at) list = {0};
    uint8_t bytes[HEADER_GUESS_BYTES + 64];
    ps_pq_page_header h;
    uint64_t at, end;
    int64_t row = 0;
    bool more;

    *pages = NULL, *n = 0;
    PS_TRY(ps_pq_chunk_range(cx, file, chunk, &at, &end));
    while (at < end && row < n_rows) {
        const size_t got = (size_t)PS_MIN(end - at, (uint64_t)HEADER_GUESS_BYTES);
        PS_TRY(ps_poll(cx));
        PS_TRY(ps_file_read(cx, file, at, bytes, got));
        PS_TRY(ps_pq_page_header_parse(cx, bytes, got, &h, &more));
        if (more || list.n >= PAGES_MAX)
            return PS_OK; /* a header of this size: read in order instead */
        const int64_t size = (int64_t)h.header_bytes + h.bytes;
        if (h.type == PS_PQ_DATA_V1 || h.type == PS_PQ_DATA_V2) {
            const int64_t rows = flat ? h.n_values : h.type == PS_PQ_DATA_V2 ? h.n_rows : -1;
            if (rows < 0 || size > INT32_MAX) return PS_OK;
            PS_TRY(PS_ARRAY_ADD_IN(cx, arena, &list,
                                   ((ps_pq_page_at){(int64_t)at, (int32_t)size, row})));
            row += rows;
        }
        at += (uint64_t)size;
    }
    if (row != n_rows)
        return ps_fail(cx, PS_DATA, "the pages of a chunk have %lld rows, its row group %lld",
                       (long long)row, (long long)n_rows);
    *pages = list.at, *n = (uint32_t)list.n;
    return PS_OK;
}
