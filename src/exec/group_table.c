/* exec/group_table.c -- one lane's groups (see group_table.h). */
#include "exec/group_table.h"

enum { DIR_BITS_MIN = 9, TAG_SHIFT = 48, PART_PAGE_BYTES = 32 * 1024, MARK_BYTES = 1 << 20 };
static const uint64_t address_mask = ((uint64_t)1 << TAG_SHIFT) - 1;

typedef struct group_scratch {
    uint64_t at[PS_BATCH_ROWS_MAX]; /* directory position of the k-th row */
    uint32_t pending[PS_BATCH_ROWS_MAX];
    uint32_t again[PS_BATCH_ROWS_MAX]; /* rows with the hash of the one before */
    uint32_t fresh[PS_BATCH_ROWS_MAX];
    uint32_t pairs[PS_BATCH_ROWS_MAX];
    uint32_t other[PS_BATCH_ROWS_MAX];
    uint32_t physical[PS_BATCH_ROWS_MAX];
    uint8_t *rows[PS_BATCH_ROWS_MAX];
} group_scratch;

static uint64_t entry_of(const uint8_t *row, uint64_t hash)
{
    return hash << TAG_SHIFT | (uint64_t)(uintptr_t)row;
}
static uint8_t *entry_row(uint64_t entry) { return (uint8_t *)(uintptr_t)(entry & address_mask); }
/* The bits below those of the partition, which may say little where they come from few groups. */
static uint64_t dir_index(uint64_t hash, uint32_t bits)
{
    return (hash << PS_GROUP_RADIX_BITS) >> (64 - bits);
}
static bool entry_tag_is(uint64_t entry, uint64_t hash)
{
    return (entry ^ hash << TAG_SHIFT) >> TAG_SHIFT == 0;
}

ps_status ps_group_table_init(ps_ctx *cx, ps_group_table *table, const ps_row_layout *layout,
                              bool partitioned, uint32_t dir_bits_max)
{
    *table = (ps_group_table){.layout = layout, .n_parts = partitioned ? PS_GROUP_PARTITIONS : 1};
    table->dir_bits_max = dir_bits_max ? dir_bits_max : PS_GROUP_DIR_BITS_MAX;
    table->dir_bits = PS_MIN((uint32_t)DIR_BITS_MIN, table->dir_bits_max);
    table->mark_bytes = MARK_BYTES;
    for (uint32_t p = 0; p < PS_GROUP_PARTITIONS; p++) {
        ps_rows_init(&table->parts[p], layout);
        /* With a limit, 64 half-empty pages of the largest size would be most of a small one. */
        if (partitioned) table->parts[p].page_bytes_max = PART_PAGE_BYTES;
    }
    ps_rows_init(&table->heap, layout);
    table->dir = ps_alloc_zero(cx, sizeof(uint64_t) << table->dir_bits);
    table->scratch = ps_alloc(cx, sizeof(group_scratch));
    return table->dir && table->scratch ? PS_OK : PS_MEMORY;
}

void ps_group_table_release(ps_group_table *table)
{
    for (uint32_t p = 0; p < PS_GROUP_PARTITIONS; p++) ps_rows_release(&table->parts[p]);
    ps_rows_release(&table->heap);
    ps_free(table->marks.at);
    table->marks.at = NULL;
    table->marks.n = table->marks.room = 0;
    ps_free(table->dir);
    ps_free(table->scratch);
    table->dir = NULL;
    table->scratch = NULL;
}

void ps_group_table_rest(ps_group_table *table)
{
    ps_free(table->scratch);
    table->scratch = NULL;
}

void ps_group_table_end(ps_group_table *table)
{
    ps_group_table_rest(table);
    ps_free(table->dir);
    table->dir = NULL;
    table->dir_n = 0;
}

uint64_t ps_group_table_bytes(const ps_group_table *table)
{
    uint64_t bytes = table->heap.bytes;

    for (uint32_t p = 0; p < table->n_parts; p++) bytes += table->parts[p].bytes;
    return bytes;
}

void ps_group_table_clear(ps_group_table *table)
{
    for (uint32_t p = 0; p < table->n_parts; p++) {
        const size_t n = table->parts[p].pages.n;
        table->born_page[p] = (uint32_t)(n ? n - 1 : 0);
        table->born_row[p] = n ? table->parts[p].pages.at[n - 1].n_rows : 0;
    }
    if (table->dir_n == 0) return;
    memset(table->dir, 0, sizeof(uint64_t) << table->dir_bits);
    table->dir_n = 0;
    table->rows_seen = 0;
    table->generations++;
}

static ps_rows *part_of(ps_group_table *table, uint64_t hash)
{
    return &table->parts[table->n_parts == 1 ? 0 : hash >> (64 - PS_GROUP_RADIX_BITS)];
}

/* Rows of one part go to all parts, which end at different times: their strings must be the lane's.
 * (A collection has strings of its own after it was relocated.) */
static ps_status heaps_to_lane(ps_ctx *cx, ps_group_table *table, ps_rows *part)
{
    ps_rows *heap = &table->heap;
    const size_t n = heap->heaps.n + part->heaps.n;

    if (part->heaps.n == 0) return PS_OK;
    if (n > heap->heaps.room)
        PS_TRY(ps_array_grow(cx, NULL, (void **)&heap->heaps.at, &heap->heaps.room, n,
                             sizeof(char *)));
    for (size_t h = 0; h < part->heaps.n; h++) {
        const size_t bytes = ps_block_size(part->heaps.at[h]);
        heap->heaps.at[heap->heaps.n++] = part->heaps.at[h];
        heap->bytes += bytes;
        part->bytes -= bytes;
    }
    heap->heap_used = heap->heap_room =
        0; /* the newest block is not the one that was being filled */
    part->heaps.n = 0;
    part->heap_used = part->heap_room = 0;
    return PS_OK;
}

/* Moves rows from the only collection to the partitions; strings stay where they are. */
ps_status ps_group_table_partition(ps_ctx *cx, ps_group_table *table)
{
    ps_row_cursor at = {0};
    uint8_t *src[256];
    ps_status st = PS_OK;
    uint32_t n;

    if (table->n_parts > 1) return PS_OK;
    PS_TRY(heaps_to_lane(cx, table, &table->parts[0]));
    ps_rows whole = table->parts[0];
    ps_rows_init(&table->parts[0], table->layout);
    table->n_parts = PS_GROUP_PARTITIONS;
    while (st == PS_OK && (n = ps_rows_next(&whole, &at, PS_COUNT(src), src)) > 0) {
        for (uint32_t k = 0; st == PS_OK && k < n; k++) {
            uint8_t *dst;
            st = ps_rows_alloc(cx, part_of(table, ps_row_hash(src[k])), 1, &dst);
            if (st == PS_OK) memcpy(dst, src[k], table->layout->row_bytes);
        }
        if (st == PS_OK) st = ps_poll(cx);
    }
    ps_rows_release(&whole);
    ps_group_table_clear(table);
    return st;
}

static ps_status dir_grow(ps_ctx *cx, ps_group_table *table)
{
    const uint32_t bits = table->dir_bits + 1;
    uint64_t *dir = ps_alloc_zero(cx, sizeof(uint64_t) << bits);

    if (!dir) return PS_MEMORY;
    const uint64_t old_size = (uint64_t)1 << table->dir_bits, mask = ((uint64_t)1 << bits) - 1;
    for (uint64_t i = 0; i < old_size; i++) {
        const uint64_t entry = table->dir[i];
        if (!entry) continue;
        uint64_t at = dir_index(ps_row_hash(entry_row(entry)), bits);
        while (dir[at]) at = (at + 1) & mask;
        dir[at] = entry;
    }
    ps_free(table->dir);
    table->dir = dir;
    table->dir_bits = bits;
    return PS_OK;
}

/* Room in the directory for n more rows: it grows, or it starts empty again. */
static ps_status dir_room(ps_ctx *cx, ps_group_table *table, uint32_t n)
{
    while ((table->dir_n + n) * 2 > (uint64_t)1 << table->dir_bits) {
        if (table->dir_bits < table->dir_bits_max || table->dir_n == 0) {
            PS_TRY(dir_grow(cx, table));
            continue;
        }
        /* Fewer than 3 rows for 2 groups: finding them again costs more than merging them. */
        const bool useless = table->rows_seen * 2 < table->dir_n * 3;
        PS_TRY(ps_group_table_partition(cx, table));
        ps_group_table_clear(table);
        if (useless) {
            table->append_only = true;
            table->generations++;
        }
    }
    return PS_OK;
}

/* New rows for the batch rows k in list: hashes and keys written, addresses in out[k]. The
 * directory entries are the caller's. */
static ps_status rows_new(ps_ctx *cx, ps_group_table *table, const ps_vec *keys,
                          const uint32_t *sel, const uint32_t *list, uint32_t n,
                          const uint64_t *hashes, uint8_t **out)
{
    group_scratch *s = table->scratch;

    if (n == 0) return PS_OK;
    if (table->n_parts == 1) {
        PS_TRY(ps_rows_alloc(cx, &table->parts[0], n, s->rows));
    } else {
        for (uint32_t i = 0; i < n; i++)
            PS_TRY(ps_rows_alloc(cx, part_of(table, hashes[list[i]]), 1, &s->rows[i]));
    }
    table->n_unmarked += n;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t k = list[i];
        memcpy(s->rows[i], &hashes[k], 8);
        s->physical[i] = sel ? sel[k] : k;
        out[k] = s->rows[i];
    }
    return ps_rows_scatter(cx, &table->heap, 0, keys, table->layout->n_keys, s->physical, n,
                           s->rows);
}

/* Walks each pending row to the first entry that is empty (to fresh) or has its tag (to pairs). */
static void walk(const ps_group_table *table, const uint64_t *hashes, uint32_t n, uint8_t **out,
                 uint32_t *n_fresh, uint32_t *n_pairs)
{
    group_scratch *s = table->scratch;
    const uint64_t *dir = table->dir, mask = ((uint64_t)1 << table->dir_bits) - 1;
    uint32_t fresh = 0, pairs = 0;

    for (uint32_t i = 0; i < n; i++) {
        const uint32_t k = s->pending[i];
        uint64_t at = s->at[k], entry = dir[at];
        while (entry && !entry_tag_is(entry, hashes[k])) {
            at = (at + 1) & mask;
            entry = dir[at];
        }
        s->at[k] = at;
        if (entry) {
            out[k] = entry_row(entry);
            PS_PREFETCH(out[k]);
            s->pairs[pairs++] = k;
        } else {
            s->fresh[fresh++] = k;
        }
    }
    *n_fresh = fresh;
    *n_pairs = pairs;
}

/* Claims empty entries; a row that finds its entry taken by a row before it has to walk again. */
static ps_status insert(ps_ctx *cx, ps_group_table *table, const ps_vec *keys, const uint32_t *sel,
                        uint32_t n_fresh, const uint64_t *hashes, uint8_t **out,
                        uint32_t *n_pending)
{
    group_scratch *s = table->scratch;
    uint32_t n = 0;

    for (uint32_t i = 0; i < n_fresh; i++) {
        const uint32_t k = s->fresh[i];
        uint64_t *entry = &table->dir[s->at[k]];
        if (*entry) {
            s->pending[(*n_pending)++] = k;
        } else {
            *entry = 1; /* taken: the address follows */
            s->fresh[n++] = k;
        }
    }
    PS_TRY(rows_new(cx, table, keys, sel, s->fresh, n, hashes, out));
    for (uint32_t i = 0; i < n; i++)
        table->dir[s->at[s->fresh[i]]] = entry_of(out[s->fresh[i]], hashes[s->fresh[i]]);
    table->dir_n += n;
    return PS_OK;
}

static ps_status find_append(ps_ctx *cx, ps_group_table *table, const ps_vec *keys,
                             const uint32_t *sel, uint32_t n, const uint64_t *hashes, uint8_t **out)
{
    for (uint32_t k = 0; k < n; k++) table->scratch->fresh[k] = k;
    return rows_new(cx, table, keys, sel, table->scratch->fresh, n, hashes, out);
}

/* A mark, when enough was taken since the last one. */
static ps_status mark(ps_ctx *cx, ps_group_table *table)
{
    if (table->n_parts == 1 ||
        table->n_unmarked * table->layout->row_bytes < table->mark_bytes / 16)
        return PS_OK;
    const uint64_t last = table->marks.n ? table->marks.at[table->marks.n - 1].taken : table->given;
    ps_group_mark mark = {.taken = ps_group_table_bytes(table) + table->given};

    if (mark.taken < last + table->mark_bytes) return PS_OK;
    table->n_unmarked = 0;
    mark.heaps = table->heap.heaps.n ? table->heap.heaps.n - 1 : 0; /* the newest isn't full */
    for (uint32_t p = 0; p < table->n_parts; p++) mark.pages[p] = (uint32_t)table->parts[p].pages.n;
    return PS_ARRAY_ADD(cx, &table->marks, mark);
}

/* Finds or makes the groups of the pending rows. */
static ps_status settle(ps_ctx *cx, ps_group_table *table, const ps_vec *keys, const uint32_t *sel,
                        uint32_t n_pending, const uint64_t *hashes, uint8_t **out)
{
    group_scratch *s = table->scratch;
    const uint64_t mask = ((uint64_t)1 << table->dir_bits) - 1;
    uint32_t n_fresh, n_pairs, n_equal;

    while (n_pending > 0) {
        PS_TRY(ps_poll(cx));
        walk(table, hashes, n_pending, out, &n_fresh, &n_pairs);
        n_pending = 0;
        PS_TRY(ps_rows_match(cx, table->layout, keys, sel, out, s->pairs, n_pairs, s->other,
                             &n_equal));
        for (uint32_t i = 0; i < n_pairs - n_equal; i++) {
            const uint32_t k = s->other[i];
            s->at[k] = (s->at[k] + 1) & mask;
            s->pending[n_pending++] = k;
        }
        PS_TRY(insert(cx, table, keys, sel, n_fresh, hashes, out, &n_pending));
    }
    return PS_OK;
}

ps_status ps_group_table_find(ps_ctx *cx, ps_group_table *table, const ps_vec *keys,
                              const uint32_t *sel, uint32_t n, const uint64_t *hashes,
                              uint8_t **out)
{
    uint32_t n_pending = 0, n_again = 0, n_equal;

    PS_ASSERT(n <= PS_BATCH_ROWS_MAX);
    if (!table->scratch) table->scratch = ps_alloc(cx, sizeof(group_scratch));
    group_scratch *s = table->scratch;
    if (!s) return PS_MEMORY;
    PS_TRY(mark(cx, table));
    if (!table->append_only) PS_TRY(dir_room(cx, table, n));
    if (table->append_only) return find_append(cx, table, keys, sel, n, hashes, out);
    table->rows_seen += n;
    for (uint32_t k = 0; k < n; k++) {
        s->at[k] = dir_index(hashes[k], table->dir_bits);
        if (k && hashes[k] == hashes[k - 1]) { /* rows often lie in the order of their keys */
            s->again[n_again++] = k;
            continue;
        }
        PS_PREFETCH(&table->dir[s->at[k]]);
        s->pending[n_pending++] = k;
    }
    PS_TRY(settle(cx, table, keys, sel, n_pending, hashes, out));
    if (n_again == 0) return PS_OK;
    for (uint32_t i = 0; i < n_again; i++) out[s->again[i]] = out[s->again[i] - 1];
    PS_TRY(
        ps_rows_match(cx, table->layout, keys, sel, out, s->again, n_again, s->pending, &n_equal));
    return settle(cx, table, keys, sel, n_again - n_equal, hashes, out);
}

static ps_status spill_all(ps_ctx *cx, ps_group_table *table, ps_spill *spill)
{
    PS_TRY(ps_group_table_partition(cx, table));
    for (uint32_t p = 0; p < table->n_parts; p++)
        if (table->parts[p].n_rows) PS_TRY(ps_rows_spill(cx, &table->parts[p], spill));
    ps_rows_release(&table->heap); /* every string that is still used is in the file */
    ps_group_table_clear(table);
    table->marks.n = 0;
    return PS_OK;
}

/* The directory from those of its rows that are in memory. */
static void dir_again(ps_group_table *table)
{
    const uint64_t mask = ((uint64_t)1 << table->dir_bits) - 1;

    for (uint32_t p = 0; p < table->n_parts; p++)
        for (size_t q = table->born_page[p]; q < table->parts[p].pages.n; q++) {
            const ps_row_page *page = &table->parts[p].pages.at[q];
            uint32_t r = q == table->born_page[p] ? table->born_row[p] : 0;
            for (; page->rows && r < page->n_rows; r++) {
                const uint8_t *row = page->rows + (size_t)r * table->layout->row_bytes;
                const uint64_t hash = ps_row_hash(row);
                uint64_t at = dir_index(hash, table->dir_bits);
                while (table->dir[at]) at = (at + 1) & mask;
                table->dir[at] = entry_of(row, hash);
                table->dir_n++;
            }
        }
}

/* The rows before marks.at[m]. */
static ps_status spill_until(ps_ctx *cx, ps_group_table *table, size_t m, ps_spill *spill)
{
    const ps_group_mark *mark = &table->marks.at[m];
    const uint64_t known = table->dir_n;

    if (known) memset(table->dir, 0, sizeof(uint64_t) << table->dir_bits);
    table->dir_n = 0;
    for (uint32_t p = 0; p < table->n_parts; p++)
        PS_TRY(ps_rows_spill_first(cx, &table->parts[p], mark->pages[p], spill));
    ps_rows_free_first_heaps(&table->heap, mark->heaps);
    if (known) dir_again(table);
    const size_t heaps = mark->heaps, left = table->marks.n - m - 1;
    memmove(table->marks.at, table->marks.at + m + 1, left * sizeof(*mark));
    for (size_t i = 0; i < left; i++) table->marks.at[i].heaps -= heaps;
    table->marks.n = left;
    return PS_OK;
}

ps_status ps_group_table_spill(ps_ctx *cx, ps_group_table *table, uint64_t bytes, ps_spill *spill)
{
    const uint64_t before = ps_group_table_bytes(table);
    size_t m = 0;

    while (m < table->marks.n && (table->marks.at[m].taken <= table->given ||
                                  table->marks.at[m].taken - table->given < bytes))
        m++;
    PS_TRY(m < table->marks.n ? spill_until(cx, table, m, spill) : spill_all(cx, table, spill));
    table->given += before - ps_group_table_bytes(table);
    table->generations++;
    return PS_OK;
}

void ps_group_table_filed(const ps_group_table *table, uint64_t *parts)
{
    uint64_t own[PS_GROUP_PARTITIONS], all = 0;

    for (uint32_t p = 0; p < table->n_parts; p++)
        all += own[p] = ps_rows_spilled_bytes(&table->parts[p]);
    if (all == 0) return;
    const double times = (double)table->given / (double)all; /* strings are more than their rows */
    for (uint32_t p = 0; p < table->n_parts; p++) parts[p] += (uint64_t)((double)own[p] * times);
}

ps_status ps_group_table_relocate(ps_ctx *cx, ps_group_table *table)
{
    ps_rows heap = table->heap;
    ps_status st = PS_OK;

    /* The copies keep their strings in heaps of their own; those of later rows go to the lane's
     * again. */
    for (uint32_t p = 0; st == PS_OK && p < table->n_parts; p++)
        if (table->parts[p].n_rows) st = ps_rows_relocate(cx, &table->parts[p]);
    if (st != PS_OK) return st;
    ps_rows_init(&table->heap, table->layout);
    ps_rows_release(&heap);
    ps_group_table_clear(table);
    table->marks.n = 0; /* of a heap that is no more */
    return PS_OK;
}
