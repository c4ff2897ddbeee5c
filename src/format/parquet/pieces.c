/* format/parquet/pieces.c -- large pages of plain values, decompressed a piece at a time.
 *
 * Some writers make a page of a whole column chunk, many MB of it. Held whole, compressed and not,
 * by each lane, a few of them are more than a small memory limit. So what is open of such a page is
 * a piece of it, from the first value that isn't taken; ps_pq_page_need goes on. A copy of snappy
 * reaches back 64 KiB in what all known writers make; where one reaches further, and where anything
 * is wrong, the page is decompressed as a whole after all, which gives the right bytes or the
 * error.
 *
 * Values in earlier pieces stay where they are until the next read, as in earlier pages.
 * Tests: tests/unit/test_parquet_encoding.c, tests/py/test_parquet_pages.py */
#include "format/parquet/cursor.h"

enum {
    WHOLE_BYTES_MAX = 1 << 20, /* pages up to here are decompressed at once */
    HISTORY_BYTES = 64 << 10,
    PIECE_BYTES = 256 << 10,
    INPUT_BYTES_MIN = 4096
};

bool ps_pq_page_in_pieces(const ps_pq_node *leaf, uint32_t codec, const ps_pq_page_header *h)
{
    if (h->plain_bytes <= WHOLE_BYTES_MAX || h->plain_bytes > PS_PQ_PAGE_BYTES_MAX) return false;
    if (h->encoding != PS_PQ_PLAIN || leaf->physical == PS_PQ_BOOLEAN) return false;
    if (h->type == PS_PQ_DATA_V1 && ((leaf->levels.rep && h->rep_encoding != PS_PQ_RLE) ||
                                     (leaf->levels.def && h->def_encoding != PS_PQ_RLE)))
        return false;
    if (!h->compressed || codec == PS_PQ_UNCOMPRESSED) return h->bytes == h->plain_bytes;
    /* levels alone, of nulls or empty lists: nothing was compressed */
    if (h->type == PS_PQ_DATA_V2 && h->bytes - h->def_bytes == h->rep_bytes) return false;
    return codec == PS_PQ_SNAPPY;
}

uint64_t ps_pq_pieces_bytes(void)
{
    return 2 * (PIECE_BYTES + HISTORY_BYTES); /* the last one, until the next read, and the next */
}

/* Bytes [at, at + n) of the file, of the page that starts at `start`. A window that has only bytes
 * of a compressed page goes at once: no value lies in it. */
static ps_status input_ensure(ps_ctx *cx, ps_pq_cursor *c, uint64_t start, uint64_t at, size_t n)
{
    PS_TRY(ps_poll(cx));
    PS_TRY(ps_pq_retired_room(cx, c));
    if (c->window_at >= start && at + n > c->window_at + c->window_n) ps_pq_window_free(c);
    return ps_pq_window_ensure(cx, c, at, n, c->end);
}

ps_status ps_pq_pieces_crc(ps_ctx *cx, ps_pq_cursor *c, const ps_pq_page_header *h, uint64_t body,
                           uint32_t *crc)
{
    const uint64_t end = body + (uint64_t)h->bytes;

    *crc = 0;
    for (uint64_t at = body; at < end;) {
        PS_TRY(input_ensure(cx, c, body, at, (size_t)PS_MIN(end - at, (uint64_t)INPUT_BYTES_MIN)));
        const size_t n = (size_t)(PS_MIN(c->window_at + c->window_n, end) - at);
        *crc = ps_crc32(*crc, ps_pq_window_bytes(c, at), n);
        at += n;
    }
    return PS_OK;
}

ps_status ps_pq_pieces_begin(ps_ctx *cx, ps_pq_cursor *c, const ps_pq_page_header *h, uint64_t body,
                             size_t raw)
{
    ps_pq_pieces *const s = &c->page.pieces;
    const uint64_t end = body + (uint64_t)h->bytes;
    const uint8_t *at;
    size_t n, n_out = (size_t)h->plain_bytes - raw;

    *s = (ps_pq_pieces){.on = true,
                        .plain = !h->compressed || c->chunk->codec == PS_PQ_UNCOMPRESSED,
                        .start = body + raw,
                        .in_at = body + raw,
                        .in_end = end,
                        .n_out = n_out};
    c->page.at = c->page.end = NULL;
    if (s->plain) return PS_OK;
    n = (size_t)(end - s->in_at);
    PS_TRY(input_ensure(cx, c, s->start, s->in_at, PS_MIN(n, (size_t)INPUT_BYTES_MIN)));
    at = ps_pq_window_bytes(c, s->in_at);
    PS_TRY(ps_pq_codec_check(cx, PS_PQ_SNAPPY, at, n, n_out));
    const uint8_t *const first = at;
    ps_pq_snappy_size(&at, at + n, &n_out);
    s->in_at += (uint64_t)(at - first);
    return PS_OK;
}

/* Not compressed: the window is the piece. It begins with the first value that isn't taken. */
static ps_status plain_more(ps_ctx *cx, ps_pq_cursor *c, size_t bytes)
{
    ps_pq_page *const p = &c->page;
    ps_pq_pieces *const s = &p->pieces;
    const uint64_t at = s->in_at - (uint64_t)(p->end - p->at);
    const size_t n = (size_t)PS_MIN((uint64_t)bytes, s->in_end - at);

    PS_TRY(ps_pq_window_ensure(cx, c, at, n, c->end));
    s->in_at = PS_MIN(c->window_at + c->window_n, s->in_end);
    s->out_at = (size_t)(s->in_at - s->start);
    p->at = ps_pq_window_bytes(c, at);
    p->end = p->at + (s->in_at - at);
    s->on = s->in_at < s->in_end;
    return PS_OK;
}

/* All of the page; what was taken stays taken. */
static ps_status whole_read(ps_ctx *cx, ps_pq_cursor *c)
{
    ps_pq_page *const p = &c->page;
    ps_pq_pieces *const s = &p->pieces;
    const size_t taken = s->out_at - (size_t)(p->end - p->at);
    const size_t n = (size_t)(s->in_end - s->start);
    uint8_t *bytes;

    ps_pq_block_retire(c, &c->blocks[PS_PQ_PAGE_BYTES]);
    PS_TRY(input_ensure(cx, c, s->start, s->start, n));
    bytes = c->blocks[PS_PQ_PAGE_BYTES] = ps_alloc(cx, s->n_out + PS_PQ_SLACK_BYTES);
    if (!bytes) return PS_MEMORY;
    PS_TRY(ps_pq_decompress(cx, c->codecs, PS_PQ_SNAPPY, ps_pq_window_bytes(c, s->start), n, bytes,
                            s->n_out));
    if (c->window_at >= s->start) ps_pq_window_free(c);
    s->on = false;
    p->at = bytes + taken;
    p->end = bytes + s->n_out;
    return PS_OK;
}

/* Decompresses from the window until there are `bytes` from p->at on, or the page ends. *good
 * false: something is wrong, or reaches further back than what is kept. */
static ps_status piece_fill(ps_ctx *cx, ps_pq_cursor *c, size_t bytes, uint8_t *end, bool *good)
{
    ps_pq_page *const p = &c->page;
    ps_pq_pieces *const s = &p->pieces;
    uint8_t *out = s->piece_end;

    *good = true;
    while (*good && s->out_at < s->n_out && (size_t)(p->end - p->at) < bytes) {
        const size_t left = (size_t)(s->in_end - s->in_at);

        PS_TRY(input_ensure(cx, c, s->start, s->in_at, PS_MIN(left, (size_t)INPUT_BYTES_MIN)));
        const size_t n = (size_t)(PS_MIN(c->window_at + c->window_n, s->in_end) - s->in_at);
        const uint8_t *const in = ps_pq_window_bytes(c, s->in_at);
        s->snappy.at = in, s->snappy.end = in + n;
        s->snappy.last_in = n == left;
        s->snappy.out = out, s->snappy.out_end = end;
        s->snappy.last_out = s->n_out - s->out_at == (size_t)(end - out);
        *good = ps_pq_snappy_some(&s->snappy);
        const size_t n_in = (size_t)(s->snappy.at - in), n_made = (size_t)(s->snappy.out - out);
        if (n_in == 0 && n_made == 0) *good = false; /* it ends too early */
        s->in_at += n_in, s->out_at += n_made;
        p->end = s->piece_end = out = s->snappy.out;
    }
    if (s->out_at == s->n_out && s->in_at != s->in_end) *good = false;
    return PS_OK;
}

static ps_status piece_more(ps_ctx *cx, ps_pq_cursor *c, size_t bytes)
{
    ps_pq_page *const p = &c->page;
    ps_pq_pieces *const s = &p->pieces;
    uint8_t *const old = c->blocks[PS_PQ_PAGE_BYTES];
    const size_t tail = (size_t)(p->end - p->at);
    const size_t kept = old ? PS_MIN(PS_MAX(tail, (size_t)HISTORY_BYTES),
                                     (size_t)(s->piece_end - s->snappy.out_start))
                            : 0;
    /* values are as aligned as in a whole page */
    const size_t pad = (0 - (kept - tail)) % PS_ALIGN;
    const size_t room =
        PS_MIN(PS_MAX((size_t)PIECE_BYTES, bytes - tail + PS_PQ_SLACK_BYTES), s->n_out - s->out_at);
    uint8_t *const piece = ps_alloc(cx, pad + kept + room + PS_PQ_SLACK_BYTES);
    bool good;

    if (!piece) return PS_MEMORY;
    if (kept) memcpy(piece + pad, s->piece_end - kept, kept);
    ps_pq_block_retire(c, &c->blocks[PS_PQ_PAGE_BYTES]);
    c->blocks[PS_PQ_PAGE_BYTES] = piece;
    s->snappy.out_start = piece + pad;
    p->end = s->piece_end = piece + pad + kept;
    p->at = p->end - tail;
    PS_TRY(piece_fill(cx, c, bytes, s->piece_end + room, &good));
    if (!good) return whole_read(cx, c);
    if (s->out_at == s->n_out) s->on = false;
    return PS_OK;
}

ps_status ps_pq_pieces_more(ps_ctx *cx, ps_pq_cursor *c, size_t bytes)
{
    ps_pq_page *const p = &c->page;

    PS_TRY(ps_pq_retired_room(cx, c));
    PS_TRY(p->pieces.plain ? plain_more(cx, c, bytes) : piece_more(cx, c, bytes));
    if (p->kind == PS_PQ_BYTE_VALUES)
        p->ascii = c->leaf->utf8 && ps_pq_kernels_here()->ascii(p->at, (size_t)(p->end - p->at));
    return PS_OK;
}
