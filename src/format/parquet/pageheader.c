/* format/parquet/pageheader.c -- page headers, offset indexes, column indexes. */
#include "format/parquet/meta.h"

enum { INDEX_BYTES_MAX = 1 << 28, HEADER_BYTES_MAX = 1 << 24 };

const char *ps_pq_codec_name(uint32_t codec)
{
    static const char *const names[] = {"uncompressed", "snappy", "gzip", "lzo",
                                        "brotli",       "lz4",    "zstd", "lz4_raw"};
    return codec < PS_COUNT(names) ? names[codec] : "unknown";
}

static void data_v1_parse(ps_thrift *t, ps_pq_page_header *h)
{
    ps_thrift_struct s = {0};

    while (ps_thrift_field(t, &s)) {
        switch (s.id) {
        case 1: h->n_values = ps_thrift_i32(t, s.type); break;
        case 2: h->encoding = ps_thrift_i32(t, s.type); break;
        case 3: h->def_encoding = ps_thrift_i32(t, s.type); break;
        case 4: h->rep_encoding = ps_thrift_i32(t, s.type); break;
        default: ps_thrift_skip(t, s.type);
        }
    }
}

static void dict_parse(ps_thrift *t, ps_pq_page_header *h)
{
    ps_thrift_struct s = {0};

    while (ps_thrift_field(t, &s)) {
        switch (s.id) {
        case 1: h->n_values = ps_thrift_i32(t, s.type); break;
        case 2: h->encoding = ps_thrift_i32(t, s.type); break;
        default: ps_thrift_skip(t, s.type);
        }
    }
}

static void data_v2_parse(ps_thrift *t, ps_pq_page_header *h)
{
    ps_thrift_struct s = {0};

    while (ps_thrift_field(t, &s)) {
        switch (s.id) {
        case 1: h->n_values = ps_thrift_i32(t, s.type); break;
        case 3: h->n_rows = ps_thrift_i32(t, s.type); break;
        case 4: h->encoding = ps_thrift_i32(t, s.type); break;
        case 5: h->def_bytes = ps_thrift_i32(t, s.type); break;
        case 6: h->rep_bytes = ps_thrift_i32(t, s.type); break;
        case 7: h->compressed = ps_thrift_bool(t, s.type); break;
        default: ps_thrift_skip(t, s.type);
        }
    }
}

ps_status ps_pq_page_header_parse(ps_ctx *cx, const uint8_t *bytes, size_t n,
                                  ps_pq_page_header *out, bool *more)
{
    ps_pq_page_header h = {.type = -1, .compressed = true, .n_rows = -1};
    ps_thrift_struct s = {0};
    ps_thrift t;

    ps_thrift_init(&t, bytes, n);
    while (ps_thrift_field(&t, &s)) {
        switch (s.id) {
        case 1: h.type = ps_thrift_i32(&t, s.type); break;
        case 2: h.plain_bytes = ps_thrift_i32(&t, s.type); break;
        case 3: h.bytes = ps_thrift_i32(&t, s.type); break;
        case 4:
            h.crc = (uint32_t)ps_thrift_i32(&t, s.type);
            h.has_crc = true;
            break;
        case 5: data_v1_parse(&t, &h); break;
        case 7: dict_parse(&t, &h); break;
        case 8: data_v2_parse(&t, &h); break;
        default: ps_thrift_skip(&t, s.type);
        }
    }
    *more = t.bad && t.short_input && n < HEADER_BYTES_MAX;
    if (*more) return PS_OK;
    PS_TRY(ps_thrift_status(cx, &t, "page header"));
    h.header_bytes = (uint32_t)(t.at - t.start);
    if (h.bytes < 0 || h.plain_bytes < 0 || h.n_values < 0 || h.def_bytes < 0 || h.rep_bytes < 0)
        return ps_fail(cx, PS_DATA, "a page header has a negative size");
    if (h.type < 0 || h.type > PS_PQ_DATA_V2)
        return ps_fail(cx, PS_DATA, "a page header has type %d", h.type);
    *out = h;
    return PS_OK;
}

static ps_status index_bytes(ps_ctx *cx, ps_arena *arena, const ps_file *file, int64_t at,
                             int32_t n, ps_thrift *t)
{
    void *bytes;

    if (at <= 0 || n <= 0 || n > INDEX_BYTES_MAX)
        return ps_fail(cx, PS_DATA, "a page index lies at byte %lld with %d bytes", (long long)at,
                       n);
    if ((uint64_t)at > file->id.size || (uint64_t)n > file->id.size - (uint64_t)at)
        return ps_fail(cx, PS_DATA, "a page index lies outside the file, at byte %lld",
                       (long long)at);
    bytes = ps_arena_alloc_raw(cx, arena, (size_t)n, 8);
    if (!bytes) return PS_MEMORY;
    PS_TRY(ps_file_read(cx, file, (uint64_t)at, bytes, (size_t)n));
    ps_thrift_init(t, bytes, (size_t)n);
    return PS_OK;
}

static void location_parse(ps_thrift *t, ps_pq_page_at *p)
{
    ps_thrift_struct s = {0};

    while (ps_thrift_field(t, &s)) {
        switch (s.id) {
        case 1: p->at = ps_thrift_int(t, s.type); break;
        case 2: p->bytes = ps_thrift_i32(t, s.type); break;
        case 3: p->first_row = ps_thrift_int(t, s.type); break;
        default: ps_thrift_skip(t, s.type);
        }
    }
}

ps_status ps_pq_offset_index_read(ps_ctx *cx, ps_arena *arena, const ps_file *file,
                                  const ps_pq_chunk *chunk, int64_t n_rows, ps_pq_page_at **pages,
                                  uint32_t *n)
{
    ps_thrift_struct s = {0};
    ps_thrift t;
    uint8_t item;
    int64_t row = -1, at = 0;

    PS_TRY(index_bytes(cx, arena, file, chunk->offset_index_at, chunk->offset_index_bytes, &t));
    *pages = NULL, *n = 0;
    while (ps_thrift_field(&t, &s)) {
        if (s.id != 1 || *pages) {
            ps_thrift_skip(&t, s.type);
            continue;
        }
        *n = ps_thrift_list(&t, s.type, &item);
        *pages = PS_ARENA_ARRAY(cx, arena, ps_pq_page_at, PS_MAX(*n, 1));
        if (!*pages) return PS_MEMORY;
        for (uint32_t i = 0; i < *n && !t.bad; i++) location_parse(&t, &(*pages)[i]);
    }
    PS_TRY(ps_thrift_status(cx, &t, "offset index"));
    for (uint32_t i = 0; i < *n; i++) {
        const ps_pq_page_at *const p = &(*pages)[i];
        if (p->first_row < PS_MAX(row, 0) || p->first_row > n_rows ||
            (i == 0 && p->first_row != 0) || p->at < at || p->bytes < 0 ||
            (uint64_t)p->at > file->id.size || (uint64_t)p->bytes > file->id.size - (uint64_t)p->at)
            return ps_fail(cx, PS_DATA, "the offset index is damaged at its page %u", i);
        row = p->first_row, at = p->at + p->bytes;
    }
    return PS_OK;
}

static ps_status page_stats_room(ps_ctx *cx, ps_arena *arena, uint32_t n, ps_pq_page_stats **out)
{
    *out = PS_ARENA_ARRAY(cx, arena, ps_pq_page_stats, PS_MAX(n, 1));
    if (!*out) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) (*out)[i].stats.n_null = -1;
    return PS_OK;
}

ps_status ps_pq_column_index_read(ps_ctx *cx, ps_arena *arena, const ps_file *file,
                                  const ps_pq_chunk *chunk, uint32_t n, ps_pq_page_stats **out)
{
    ps_thrift_struct s = {0};
    ps_thrift t;
    uint8_t item;

    PS_TRY(index_bytes(cx, arena, file, chunk->column_index_at, chunk->column_index_bytes, &t));
    PS_TRY(page_stats_room(cx, arena, n, out));
    while (ps_thrift_field(&t, &s)) {
        if ((s.id < 1 || s.id > 3) && s.id != 5) {
            ps_thrift_skip(&t, s.type);
            continue;
        }
        if (ps_thrift_list(&t, s.type, &item) != n && !t.bad)
            return ps_fail(cx, PS_DATA,
                           "the column index is not of the %u pages of the offset index", n);
        for (uint32_t i = 0; i < n && !t.bad; i++) {
            ps_pq_page_stats *const p = &(*out)[i];
            if (s.id == 1) { /* booleans of a list are bytes: 1 true */
                if (t.at < t.end) p->null_page = *t.at++ == 1;
            } else if (s.id == 2) {
                p->stats.min = ps_thrift_binary(&t, item);
            } else if (s.id == 3) {
                p->stats.max = ps_thrift_binary(&t, item);
            } else {
                p->stats.n_null = ps_thrift_int(&t, item);
            }
        }
    }
    return ps_thrift_status(cx, &t, "column index");
}
