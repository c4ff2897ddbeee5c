/* format/parquet/cursor.c -- rows of a flat leaf, entries of a nested one, skipping. */
#include "format/parquet/cursor.h"

enum { ENTRIES_MAX = 1 << 28 };

ps_status ps_pq_out_room(ps_ctx *cx, ps_pq_cursor *c, uint32_t n)
{
    ps_pq_out *const o = &c->out;
    const uint64_t room = PS_MAX((uint64_t)n + PS_PQ_LEVELS_STEP, (uint64_t)o->room * 2);
    void *block;

    if (n <= o->room) return PS_OK;
    if (n > ENTRIES_MAX)
        return ps_fail(cx, PS_UNSUPPORTED, "more than %d values in the rows of one batch",
                       ENTRIES_MAX);
    block = ps_realloc(cx, o->slots, (size_t)room * PS_MAX(c->leaf->slot_bytes, 1));
    if (!block) return PS_MEMORY;
    o->slots = block;
    block = ps_realloc(cx, o->codes, (size_t)room * sizeof *o->codes);
    if (!block) return PS_MEMORY;
    o->codes = block;
    block = ps_realloc(cx, o->valid, PS_BITS_BYTES(room + 64)); /* rle_bits writes whole words */
    if (!block) return PS_MEMORY;
    o->valid = block;
    if (!c->flat) {
        block = ps_realloc(cx, o->def, (size_t)room * sizeof *o->def);
        if (!block) return PS_MEMORY;
        o->def = block;
        block = ps_realloc(cx, o->rep, (size_t)room * sizeof *o->rep);
        if (!block) return PS_MEMORY;
        o->rep = block;
    }
    o->room = (uint32_t)room;
    return PS_OK;
}

ps_status ps_pq_cursor_init(ps_ctx *cx, ps_pq_cursor *c, const ps_pq_node *leaf, bool flat,
                            ps_pq_codecs *codecs, uint32_t batch_rows)
{
    *c = (ps_pq_cursor){.leaf = leaf, .flat = flat, .codecs = codecs};
    return ps_pq_out_room(cx, c, batch_rows);
}

static void chunk_forget(ps_pq_cursor *c)
{
    ps_pq_retired_free(c);
    for (uint32_t i = 0; i < PS_PQ_BLOCKS; i++) {
        ps_free(c->blocks[i]);
        c->blocks[i] = NULL;
    }
    ps_free(c->window);
    c->window = NULL;
    c->window_n = 0;
    if (c->dict) ps_owner_unref(&c->dict->owner);
    c->dict = NULL;
    c->page = (ps_pq_page){0};
}

void ps_pq_cursor_release(ps_pq_cursor *c)
{
    chunk_forget(c);
    ps_free(c->retired.at);
    ps_free(c->out.slots);
    ps_free(c->out.codes);
    ps_free(c->out.valid);
    ps_free(c->out.def);
    ps_free(c->out.rep);
    *c = (ps_pq_cursor){0};
}

/* Where the pages that hold the rows wanted end: nothing behind them is read. */
static void end_limit(ps_pq_cursor *c)
{
    for (uint32_t i = c->n_pages; i-- > 0;) {
        const uint64_t end = (uint64_t)(c->pages[i].at + c->pages[i].bytes);
        if (c->pages[i].first_row >= c->row_end) continue;
        if (end < c->end) c->end = end;
        return;
    }
}

ps_status ps_pq_cursor_start(ps_ctx *cx, ps_pq_cursor *c, const ps_file *file,
                             const ps_pq_chunk *chunk, ps_pq_shared *shared, int64_t n_rows,
                             int64_t row, int64_t row_end)
{
    chunk_forget(c);
    c->file = file, c->chunk = chunk, c->shared = shared;
    c->n_rows = n_rows;
    c->row = 0, c->row_end = row_end;
    c->skip = (uint64_t)row;
    c->values_left = chunk->n_values;
    c->pages = NULL, c->n_pages = 0, c->next_page = 0;
    c->page_rows = -1;
    c->page_at = (uint64_t)chunk->data_offset;
    if (chunk->encrypted) return ps_fail(cx, PS_UNSUPPORTED, "the column is encrypted");
    if (chunk->elsewhere)
        return ps_fail(cx, PS_UNSUPPORTED, "the column chunk lies in another file");
    if (!chunk->has_meta) return ps_fail(cx, PS_DATA, "the column chunk has no metadata");
    if (chunk->physical != c->leaf->physical)
        return ps_fail(cx, PS_DATA, "physical type %d in the chunk, %u in the schema",
                       chunk->physical, c->leaf->physical);
    if (c->leaf->levels.rep == 0 && chunk->n_values != n_rows)
        return ps_fail(cx, PS_DATA, "the chunk has %lld values, its row group %lld rows",
                       (long long)chunk->n_values, (long long)n_rows);
    PS_TRY(ps_pq_chunk_range(cx, file, chunk, &c->at, &c->end));
    if (shared && shared->pages) {
        c->pages = shared->pages, c->n_pages = shared->n_pages;
        end_limit(c);
    }
    return PS_OK;
}

static ps_status rows_missing(ps_ctx *cx)
{
    return ps_fail(cx, PS_DATA, "the pages of the chunk end before its rows");
}

/* ---- flat ---- */

static ps_status validity_read(ps_ctx *cx, ps_pq_cursor *c, uint32_t at, uint32_t k, uint32_t *ones)
{
    size_t n = k;

    if (c->leaf->levels.def && !ps_pq_rle_bits(&c->page.def, c->out.valid, at, k, &n))
        return ps_fail(cx, PS_DATA, "the levels of a page are cut off");
    *ones = (uint32_t)n;
    return PS_OK;
}

static ps_status flat_skip(ps_ctx *cx, ps_pq_cursor *c)
{
    while (c->skip) {
        bool any;
        if (c->page.left == 0) {
            PS_TRY(ps_pq_page_next(cx, c, &any));
            if (!any) return rows_missing(cx);
            continue;
        }
        uint32_t k = (uint32_t)PS_MIN(c->skip, (uint64_t)c->page.left), ones;
        if (k < c->page.left) { /* else the page is done with */
            k = PS_MIN(k, c->out.room);
            memset(c->out.valid, 0, PS_BITS_BYTES(k + 64));
            PS_TRY(validity_read(cx, c, 0, k, &ones));
            PS_TRY(ps_pq_values_skip(cx, c, ones));
        }
        c->skip -= k;
        c->page.left -= k;
    }
    return PS_OK;
}

static ps_status flat_read(ps_ctx *cx, ps_pq_cursor *c, uint32_t n)
{
    PS_ASSERT(n <= c->out.room);
    PS_TRY(flat_skip(cx, c));
    if (c->leaf->levels.def) memset(c->out.valid, 0, PS_BITS_BYTES(n + 64));
    for (uint32_t done = 0; done < n;) {
        uint32_t k, ones;
        bool any = true;
        if (c->page.left == 0) PS_TRY(ps_pq_page_next(cx, c, &any));
        if (!any) return rows_missing(cx);
        k = PS_MIN(n - done, c->page.left);
        PS_TRY(validity_read(cx, c, done, k, &ones));
        PS_TRY(ps_pq_values_take(cx, c, ones));
        done += k;
        c->page.left -= k;
    }
    return PS_OK;
}

/* ---- nested ---- */

/* Makes sure that an entry is decoded; *any false: the rows wanted have ended. */
static ps_status entries_ensure(ps_ctx *cx, ps_pq_cursor *c, bool *any)
{
    ps_pq_page *const p = &c->page;

    *any = true;
    while (p->lev == p->n_lev) {
        const ps_pq_levels *const max = &c->leaf->levels;
        uint32_t k;
        if (p->left == 0) {
            PS_TRY(ps_pq_page_next(cx, c, any));
            if (!*any) return PS_OK;
            continue;
        }
        k = PS_MIN(p->left, (uint32_t)PS_PQ_LEVELS_STEP);
        if (!ps_pq_rle_read(&p->def, c->levels[0], k) || !ps_pq_rle_read(&p->rep, c->levels[1], k))
            return ps_fail(cx, PS_DATA, "the levels of a page are cut off");
        if (p->def.kernels->max(c->levels[0], k) > max->def ||
            p->def.kernels->max(c->levels[1], k) > max->rep)
            return ps_fail(cx, PS_DATA, "a level is above its maximum of %u or %u", max->def,
                           max->rep);
        p->lev = 0, p->n_lev = k;
        p->left -= k;
    }
    return PS_OK;
}

static ps_status entries_keep(ps_ctx *cx, ps_pq_cursor *c, uint32_t from, uint32_t to)
{
    ps_pq_out *const o = &c->out;
    const uint32_t k = to - from;

    PS_TRY(ps_pq_out_room(cx, c, o->n_entries + k));
    for (uint32_t i = 0; i < k; i++) {
        o->def[o->n_entries + i] = (uint16_t)c->levels[0][from + i];
        o->rep[o->n_entries + i] = (uint16_t)c->levels[1][from + i];
    }
    o->n_entries += k;
    return PS_OK;
}

/* The entries of n rows: kept, or left out. */
static ps_status nested_rows(ps_ctx *cx, ps_pq_cursor *c, uint64_t n, bool keep)
{
    uint64_t rows = 0;

    for (;;) {
        uint32_t i, values = 0;
        bool any, stop = false;
        PS_TRY(entries_ensure(cx, c, &any));
        if (!any) break;
        for (i = c->page.lev; i < c->page.n_lev; i++) {
            const bool begins = c->levels[1][i] == 0;
            stop = begins && rows == n;
            if (stop) break;
            rows += begins;
            c->page_rows += begins;
            if (rows == 0) return ps_fail(cx, PS_DATA, "a page begins inside a row");
            values += c->levels[0][i] == c->leaf->levels.def;
        }
        if (keep) PS_TRY(entries_keep(cx, c, c->page.lev, i));
        PS_TRY(keep ? ps_pq_values_take(cx, c, values) : ps_pq_values_skip(cx, c, values));
        c->page.lev = i;
        if (stop) break;
    }
    return rows == n ? PS_OK : rows_missing(cx);
}

static ps_status nested_skip(ps_ctx *cx, ps_pq_cursor *c)
{
    while (c->skip) {
        uint64_t n;
        bool any;
        /* Between pages whole ones are left out by ps_pq_page_next, which takes from c->skip. */
        PS_TRY(entries_ensure(cx, c, &any));
        if (!any) return c->skip ? rows_missing(cx) : PS_OK;
        n = PS_MIN(c->skip, (uint64_t)PS_PQ_LEVELS_STEP);
        c->skip -= n;
        PS_TRY(nested_rows(cx, c, n, false));
    }
    return PS_OK;
}

ps_status ps_pq_cursor_read(ps_ctx *cx, ps_pq_cursor *c, uint32_t n)
{
    ps_pq_out *const o = &c->out;
    ps_status st;

    ps_pq_retired_free(c);
    o->mode = PS_PQ_EMPTY;
    o->n_values = o->n_entries = 0;
    o->n_rows = n;
    o->plain = false;
    if (c->flat) {
        st = flat_read(cx, c, n);
    } else {
        st = nested_skip(cx, c);
        if (st == PS_OK) st = nested_rows(cx, c, n, true);
    }
    if (st == PS_OK || st == PS_CANCELLED || st == PS_TIMEOUT) return st;
    return ps_while(cx, st, "reading the page at byte %llu", (unsigned long long)c->page_at);
}
