/* format/parquet/write_chunk.c -- the values of one leaf of one row group as a column chunk.
 *
 * A chunk is encoded by a dictionary where that is small (PS_PQ_DICT_BYTES) and repeats enough
 * (no more distinct values than half of all), else PLAIN: decided once, on all its values. Pages
 * end at rows, but those of a row of many MB, which the first version of pages allows. Every page
 * has its CRC-32, of the bytes as they are stored. */
#include "format/parquet/write.h"

#include "base/hash.h"

void ps_pq_chunk_writer_init(ps_pq_chunk_writer *w, ps_ctx *cx, ps_file_writer *file,
                             const ps_pq_write_options *options)
{
    *w = (ps_pq_chunk_writer){.file = file,
                              .options = options,
                              .packer = {.codec = options->codec,
                                         .level = options->level,
                                         .has_level = options->has_level}};
    ps_text_init(&w->page, cx);
    ps_text_init(&w->packed, cx);
    ps_text_init(&w->header, cx);
    ps_text_init(&w->dict, cx);
}

void ps_pq_chunk_writer_release(ps_pq_chunk_writer *w)
{
    ps_pq_packer_release(&w->packer);
    ps_text_release(&w->page);
    ps_text_release(&w->packed);
    ps_text_release(&w->header);
    ps_text_release(&w->dict);
    ps_free(w->codes);
    ps_free(w->slots);
    w->codes = w->slots = NULL;
}

/* Bytes of the stored value at `at`, its length included. */
static size_t stored_bytes(const ps_pq_write_leaf *leaf, const char *at)
{
    uint32_t n;

    if (leaf->width) return leaf->width;
    memcpy(&n, at, 4);
    return (size_t)n + 4;
}

/* ---- dictionary ---- */

/* What was in the block stays. */
static ps_status room_make(ps_ctx *cx, uint32_t **block, size_t *room, size_t n)
{
    if (*room >= n) return PS_OK;
    uint32_t *const grown = ps_realloc(cx, *block, n * sizeof **block);
    if (!grown) return PS_MEMORY;
    *block = grown;
    *room = n;
    return PS_OK;
}

typedef struct dict_maker {
    const ps_pq_write_leaf *leaf;
    uint32_t *slots; /* code + 1; 0: free */
    uint32_t *starts;
    size_t mask, n;
} dict_maker;

/* The code of a value, which may be new. */
static uint32_t dict_code(dict_maker *d, ps_text *dict, const char *at, size_t n)
{
    size_t i = (size_t)ps_hash_bytes(at, n, 0) & d->mask;

    for (; d->slots[i]; i = (i + 1) & d->mask) {
        const uint32_t code = d->slots[i] - 1;
        if (stored_bytes(d->leaf, dict->at + d->starts[code]) == n &&
            memcmp(dict->at + d->starts[code], at, n) == 0)
            return code;
    }
    d->slots[i] = (uint32_t)d->n + 1;
    d->starts[d->n] = (uint32_t)dict->n;
    ps_text_add(dict, at, n);
    return (uint32_t)d->n++;
}

/* Fills w->dict and w->codes; *n 0: not worth it. The table has twice as many slots as there may
 * be distinct values. */
static ps_status dict_make(ps_ctx *cx, ps_pq_chunk_writer *w, const ps_pq_write_leaf *leaf,
                           uint32_t *n)
{
    const size_t n_values = (size_t)leaf->n_values;
    const size_t distinct_max =
        PS_MIN(n_values / 2 + 1, (size_t)PS_PQ_DICT_BYTES / PS_MAX(leaf->width, 2));
    const size_t n_slots = (size_t)1 << ps_log2_ceil(distinct_max * 2 + 2);
    dict_maker d = {.leaf = leaf, .mask = n_slots - 1};
    const char *at = leaf->values.at;

    *n = 0;
    if (!w->options->dictionary || !n_values || leaf->store == PS_PQ_STORE_BOOL ||
        leaf->store == PS_PQ_STORE_NULL)
        return PS_OK;
    PS_TRY(room_make(cx, &w->slots, &w->slots_room, n_slots + distinct_max + 1));
    d.slots = w->slots, d.starts = w->slots + n_slots;
    memset(d.slots, 0, n_slots * sizeof *d.slots);
    ps_text_clear(&w->dict);
    for (size_t i = 0; i < n_values; i++) {
        const size_t bytes = stored_bytes(leaf, at);
        if (i % 4096 == 0) PS_TRY(ps_poll(cx));
        if (d.n >= distinct_max || w->dict.n + bytes > PS_PQ_DICT_BYTES) return PS_OK;
        /* by and by: mostly a few values tell that it isn't worth it */
        if (i >= w->codes_room)
            PS_TRY(room_make(cx, &w->codes, &w->codes_room,
                             PS_MIN(n_values, PS_MAX(i * 2, (size_t)PS_PQ_GROUP_ROWS))));
        w->codes[i] = dict_code(&d, &w->dict, at, bytes);
        PS_TRY(ps_text_status(&w->dict));
        at += bytes;
    }
    *n = (uint32_t)d.n;
    return PS_OK;
}

/* ---- pages ---- */

typedef struct chunk {
    ps_pq_write_leaf *leaf;
    uint32_t n_dict;
    uint64_t dict_at, data_at, plain_bytes;
} chunk;

/* Writes w->page with a header. */
static ps_status page_write(ps_ctx *cx, ps_pq_chunk_writer *w, chunk *c, ps_pq_page_type type,
                            uint32_t n)
{
    ps_pq_thrift_writer t = {.out = &w->header};
    const bool packs = w->packer.codec != PS_PQ_UNCOMPRESSED;
    const ps_text *body = packs ? &w->packed : &w->page;

    PS_TRY(ps_text_status(&w->page));
    if (packs) PS_TRY(ps_pq_compress(cx, &w->packer, w->page.at, w->page.n, &w->packed));
    if (w->page.n > INT32_MAX || body->n > INT32_MAX)
        return ps_fail(cx, PS_UNSUPPORTED, "a page of column %.*s is too large for Parquet: %zu",
                       PS_STR_ARGS(c->leaf->path), w->page.n);
    ps_text_clear(&w->header);
    ps_pq_put_int(&t, 1, 32, type);
    ps_pq_put_int(&t, 2, 32, (int64_t)w->page.n);
    ps_pq_put_int(&t, 3, 32, (int64_t)body->n);
    ps_pq_put_int(&t, 4, 32, (int32_t)ps_crc32(0, body->at, body->n));
    ps_pq_put_struct(&t, type == PS_PQ_DICTIONARY_PAGE ? 7 : 5);
    ps_pq_put_int(&t, 1, 32, n);
    ps_pq_put_int(&t, 2, 32,
                  type == PS_PQ_DATA_V1 && c->n_dict ? PS_PQ_RLE_DICTIONARY : PS_PQ_PLAIN);
    if (type == PS_PQ_DATA_V1) {
        ps_pq_put_int(&t, 3, 32, PS_PQ_RLE);
        ps_pq_put_int(&t, 4, 32, PS_PQ_RLE);
    }
    ps_pq_put_end(&t);
    ps_pq_put_end(&t);
    PS_TRY(ps_text_status(&w->header));
    c->plain_bytes += w->header.n + w->page.n;
    PS_TRY(ps_file_writer_add(cx, w->file, w->header.at, w->header.n));
    return body->n ? ps_file_writer_add(cx, w->file, body->at, body->n) : PS_OK;
}

/* A length and the levels. */
static void levels_add(ps_text *page, const char *levels, size_t n, uint32_t max)
{
    const size_t at = page->n;
    uint32_t bytes;

    if (!max) return;
    ps_text_add(page, "\0\0\0", 4);
    ps_pq_levels_write(page, levels, n, ps_log2_ceil((uint64_t)max + 1));
    bytes = (uint32_t)(page->n - at - 4);
    if (page->status == PS_OK) memcpy(page->at + at, &bytes, 4);
}

static void bools_add(ps_text *page, const char *values, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        uint32_t byte = 0;
        for (size_t k = 0; k < 8 && i + k < n; k++) byte |= (uint32_t)(values[i + k] != 0) << k;
        ps_text_char(page, (char)(uint8_t)byte);
    }
}

/* A place in the chunk. */
typedef struct place {
    size_t entry, value, byte;
} place;

/* Where the page that begins at `from` ends: at a row, unless that is too long for a page. */
static place page_end(const ps_pq_chunk_writer *w, const chunk *c, place from)
{
    const ps_pq_write_leaf *leaf = c->leaf;
    place at = from;

    for (; at.entry < leaf->def.n; at.entry++) {
        const bool row = !leaf->rep_max || leaf->rep.at[at.entry] == 0;
        if (row && (at.entry - from.entry >= PS_PQ_PAGE_ROWS ||
                    at.byte - from.byte >= w->options->page_bytes))
            break;
        if (at.byte - from.byte >= PS_MAX(w->options->page_bytes, (uint64_t)PS_PQ_ROW_BYTES)) break;
        if ((uint8_t)leaf->def.at[at.entry] != leaf->def_max) continue;
        if (leaf->store == PS_PQ_STORE_NULL) continue;
        at.byte += stored_bytes(leaf, leaf->values.at + at.byte);
        at.value++;
    }
    return at;
}

static ps_status data_pages(ps_ctx *cx, ps_pq_chunk_writer *w, chunk *c)
{
    const ps_pq_write_leaf *leaf = c->leaf;
    const uint32_t width = c->n_dict ? ps_log2_ceil(c->n_dict) : 0;
    place from = {0};

    while (from.entry < leaf->def.n) {
        const place to = page_end(w, c, from);
        const size_t n = to.entry - from.entry;
        PS_TRY(ps_poll(cx));
        ps_text_clear(&w->page);
        if (leaf->rep_max) levels_add(&w->page, leaf->rep.at + from.entry, n, leaf->rep_max);
        levels_add(&w->page, leaf->def.at + from.entry, n, leaf->def_max);
        if (c->n_dict) {
            ps_text_char(&w->page, (char)(uint8_t)width);
            ps_pq_rle_write(&w->page, w->codes + from.value, to.value - from.value, width);
        } else if (leaf->store == PS_PQ_STORE_BOOL) {
            bools_add(&w->page, leaf->values.at + from.byte, to.value - from.value);
        } else if (to.byte > from.byte) {
            ps_text_add(&w->page, leaf->values.at + from.byte, to.byte - from.byte);
        }
        PS_TRY(page_write(cx, w, c, PS_PQ_DATA_V1, (uint32_t)n));
        from = to;
    }
    return PS_OK;
}

/* ---- metadata ---- */

static void stats_put(ps_pq_thrift_writer *t, const ps_pq_write_leaf *leaf)
{
    ps_pq_bounds_at bounds;
    const bool has = ps_pq_write_bounds(leaf, &bounds);

    ps_pq_put_struct(t, 12);
    ps_pq_put_int(t, 3, 64, (int64_t)(leaf->def.n - leaf->n_values));
    if (has) {
        ps_pq_put_text(t, 5, bounds.max);
        ps_pq_put_text(t, 6, bounds.min);
        ps_pq_put_bool(t, 7, true);
        ps_pq_put_bool(t, 8, true);
    }
    ps_pq_put_end(t);
}

static void meta_put(const ps_pq_chunk_writer *w, const chunk *c, uint64_t bytes, ps_text *meta)
{
    ps_pq_thrift_writer t = {.out = meta};
    const ps_pq_write_leaf *leaf = c->leaf;

    ps_pq_put_int(&t, 2, 64, 0); /* file_offset: deprecated, 0 as the format asks */
    ps_pq_put_struct(&t, 3);
    ps_pq_put_int(&t, 1, 32, leaf->physical);
    ps_pq_put_list(&t, 2, PS_PQ_THRIFT_I32, c->n_dict ? 3 : 2);
    ps_pq_put_item_int(&t, PS_PQ_PLAIN);
    ps_pq_put_item_int(&t, PS_PQ_RLE);
    if (c->n_dict) ps_pq_put_item_int(&t, PS_PQ_RLE_DICTIONARY);
    ps_pq_put_list(&t, 3, PS_PQ_THRIFT_TEXT, leaf->n_names);
    for (uint32_t i = 0; i < leaf->n_names; i++) ps_pq_put_item_text(&t, leaf->names[i]);
    ps_pq_put_int(&t, 4, 32, w->packer.codec);
    ps_pq_put_int(&t, 5, 64, (int64_t)leaf->def.n);
    ps_pq_put_int(&t, 6, 64, (int64_t)c->plain_bytes);
    ps_pq_put_int(&t, 7, 64, (int64_t)bytes);
    ps_pq_put_int(&t, 9, 64, (int64_t)c->data_at);
    if (c->n_dict) ps_pq_put_int(&t, 11, 64, (int64_t)c->dict_at);
    stats_put(&t, leaf);
    ps_pq_put_end(&t);
    ps_pq_put_end(&t);
}

ps_status ps_pq_chunk_write(ps_ctx *cx, ps_pq_chunk_writer *w, ps_pq_write_leaf *leaf,
                            ps_text *meta, int64_t *plain_bytes, int64_t *bytes)
{
    chunk c = {.leaf = leaf, .dict_at = ps_file_writer_bytes(w->file)};
    uint64_t n;

    w->page.cx = w->packed.cx = w->header.cx = w->dict.cx = cx;
    PS_TRY(dict_make(cx, w, leaf, &c.n_dict));
    if (c.n_dict) {
        ps_text_clear(&w->page);
        ps_text_add(&w->page, w->dict.at, w->dict.n);
        PS_TRY(page_write(cx, w, &c, PS_PQ_DICTIONARY_PAGE, c.n_dict));
    }
    c.data_at = ps_file_writer_bytes(w->file);
    PS_TRY(data_pages(cx, w, &c));
    n = ps_file_writer_bytes(w->file) - c.dict_at;
    meta_put(w, &c, n, meta);
    *plain_bytes += (int64_t)c.plain_bytes, *bytes += (int64_t)n;
    return ps_text_status(meta);
}
