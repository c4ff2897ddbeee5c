/* exec/group_merge.c -- distinct groups of one partition from the rows of all lanes, in result
 * order.
 *
 * Rows in memory stay where they are; of a page in the file only new groups are copied. The
 * directory is indexed by the hash's top bits, so reading it from front to back is almost the
 * result's order already: (hash, keys), which depends on neither lanes nor spilling.
 * Tests: tests/unit/test_aggregate.c */
#include "exec/group_table.h"

ps_status ps_group_merge_init(ps_ctx *cx, ps_group_merge *merge, const ps_row_layout *layout,
                              uint32_t skip_bits, uint64_t n_rows_max)
{
    *merge = (ps_group_merge){.layout = layout, .skip_bits = skip_bits};
    ps_rows_init(&merge->own, layout);
    merge->dir_bits = PS_MAX(ps_log2_ceil(n_rows_max * 2 + 2), 6u);
    merge->dir = ps_alloc_zero(cx, sizeof(uint64_t) << merge->dir_bits);
    return merge->dir ? PS_OK : PS_MEMORY;
}

void ps_group_merge_release(ps_group_merge *merge)
{
    ps_free(merge->dir);
    ps_free(merge->groups);
    if (merge->layout) ps_rows_release(&merge->own);
    merge->dir = NULL;
    merge->groups = NULL;
    merge->n = merge->room = 0;
}

uint64_t ps_group_merge_bytes(const ps_group_merge *merge)
{
    return merge->own.bytes + (sizeof(uint64_t) << merge->dir_bits) +
           merge->room * sizeof(*merge->groups);
}

static uint64_t dir_at(const ps_group_merge *merge, const uint8_t *row)
{
    return (ps_row_hash(row) << merge->skip_bits) >> (64 - merge->dir_bits);
}

/* Half of the directory stays empty. */
static ps_status dir_room(ps_ctx *cx, ps_group_merge *merge, uint64_t n)
{
    ps_group_merge more = *merge;

    while ((merge->n + n) * 2 > (uint64_t)1 << more.dir_bits) more.dir_bits++;
    if (more.dir_bits == merge->dir_bits) return PS_OK;
    more.dir = ps_alloc_zero(cx, sizeof(uint64_t) << more.dir_bits);
    if (!more.dir) return PS_MEMORY;
    const uint64_t mask = ((uint64_t)1 << more.dir_bits) - 1;
    for (uint64_t i = 0; i < merge->n; i++) {
        uint64_t at = dir_at(&more, merge->groups[i]);
        while (more.dir[at]) at = (at + 1) & mask;
        more.dir[at] = (uint64_t)(uintptr_t)merge->groups[i];
    }
    ps_free(merge->dir);
    merge->dir = more.dir;
    merge->dir_bits = more.dir_bits;
    return PS_OK;
}

static ps_status groups_room(ps_ctx *cx, ps_group_merge *merge, uint64_t n)
{
    if (merge->n + n <= merge->room) return PS_OK;
    const uint64_t room = PS_MAX(merge->room * 2, merge->n + n);
    uint8_t **groups = ps_realloc(cx, merge->groups, room * sizeof(*groups));
    if (!groups) return PS_MEMORY;
    merge->groups = groups;
    merge->room = room;
    return PS_OK;
}

/* The directory entry of the row's group: of an equal row, or empty. */
static uint64_t *find(const ps_group_merge *merge, const uint8_t *row)
{
    const uint64_t mask = ((uint64_t)1 << merge->dir_bits) - 1, hash = ps_row_hash(row);
    uint64_t at = dir_at(merge, row);

    for (;; at = (at + 1) & mask) {
        uint64_t *entry = &merge->dir[at];
        if (*entry == 0) return entry;
        const uint8_t *other = (const uint8_t *)(uintptr_t)*entry;
        if (ps_row_hash(other) == hash && ps_row_keys_equal(merge->layout, other, row))
            return entry;
    }
}

enum { CHUNK = 256 };

static ps_status add_chunk(ps_ctx *cx, ps_group_merge *merge, uint8_t **src, uint32_t n, bool copy,
                           ps_group_combine combine, void *user)
{
    uint8_t *dst[CHUNK], *from[CHUNK];
    uint32_t m = 0;

    PS_TRY(groups_room(cx, merge, n));
    PS_TRY(dir_room(cx, merge, n));
    for (uint32_t k = 0; k < n; k++) PS_PREFETCH(&merge->dir[dir_at(merge, src[k])]);
    for (uint32_t k = 0; k < n; k++) {
        uint64_t *entry = find(merge, src[k]);
        if (*entry) {
            dst[m] = (uint8_t *)(uintptr_t)*entry;
            from[m++] = src[k];
            continue;
        }
        uint8_t *row = src[k];
        if (copy) PS_TRY(ps_rows_append_rows(cx, &merge->own, &src[k], 1, &row));
        *entry = (uint64_t)(uintptr_t)row;
        merge->groups[merge->n++] = row;
    }
    return m ? combine(cx, user, dst, from, m) : PS_OK;
}

static ps_status add_page(ps_ctx *cx, ps_group_merge *merge, const ps_row_page *page, bool copy,
                          ps_group_combine combine, void *user)
{
    const uint32_t row_bytes = merge->layout->row_bytes;
    uint8_t *src[CHUNK];

    for (uint32_t base = 0; base < page->n_rows; base += CHUNK) {
        const uint32_t n = PS_MIN(page->n_rows - base, (uint32_t)CHUNK);
        for (uint32_t k = 0; k < n; k++) src[k] = page->rows + (size_t)(base + k) * row_bytes;
        PS_TRY(add_chunk(cx, merge, src, n, copy, combine, user));
        PS_TRY(ps_poll(cx));
    }
    return PS_OK;
}

ps_status ps_group_merge_add(ps_ctx *cx, ps_group_merge *merge, ps_rows *rows, size_t *page,
                             ps_group_combine combine, void *user)
{
    while (*page < rows->pages.n && !merge->full) {
        const size_t p = *page;
        const bool from_file = !rows->pages.at[p].rows;
        PS_TRY(ps_rows_load(cx, rows, p));
        const ps_status st = add_page(cx, merge, &rows->pages.at[p], from_file, combine, user);
        if (from_file) ps_rows_unload(rows, p);
        PS_TRY(st);
        ++*page;
        merge->full = merge->is_full && merge->is_full(merge);
    }
    return PS_OK;
}

ps_status ps_group_merge_add_distinct(ps_ctx *cx, ps_group_merge *merge, const ps_rows *rows)
{
    ps_row_cursor at = {0};
    uint32_t n;

    if (rows->n_rows == 0) return PS_OK;
    PS_TRY(groups_room(cx, merge, rows->n_rows));
    while ((n = ps_rows_next(rows, &at, (uint32_t)PS_MIN(rows->n_rows, UINT32_MAX),
                             merge->groups + merge->n)) > 0)
        merge->n += n;
    return PS_OK;
}

/* ---- result order ---- */

static bool before(const ps_row_layout *layout, const uint8_t *a, const uint8_t *b)
{
    const uint64_t x = ps_row_hash(a), y = ps_row_hash(b);
    return x != y ? x < y : ps_row_keys_compare(layout, a, b) < 0;
}

/* Bottom-up merge sort; runs that follow each other in order already cost one comparison. */
static ps_status sort_rows(ps_ctx *cx, const ps_row_layout *layout, uint8_t **rows, uint8_t **spare,
                           uint64_t n)
{
    for (uint64_t width = 1; width < n; width *= 2) {
        for (uint64_t left = 0; left + width < n; left += 2 * width) {
            const uint64_t middle = left + width, right = PS_MIN(left + 2 * width, n);
            if (!before(layout, rows[middle], rows[middle - 1])) continue;
            memcpy(spare, rows + left, width * sizeof(*rows));
            uint64_t i = 0, j = middle, o = left;
            while (i < width && j < right)
                rows[o++] = before(layout, rows[j], spare[i]) ? rows[j++] : spare[i++];
            while (i < width) rows[o++] = spare[i++];
            PS_TRY(ps_poll(cx));
        }
    }
    return PS_OK;
}

ps_status ps_group_merge_sort(ps_ctx *cx, ps_group_merge *merge)
{
    if (merge->n < 2) return PS_OK;
    uint8_t **spare = ps_alloc(cx, merge->n * sizeof(*spare));
    if (!spare) return PS_MEMORY;
    /* Spread by the top bits first: what is left for the merge sort is within a few places. */
    const uint64_t n = merge->n;
    uint32_t bits = ps_log2_ceil(n), shift = 64 - (bits ? bits : 1);
    uint32_t *starts = ps_alloc_zero(cx, (((size_t)1 << bits) + 1) * sizeof(*starts));
    if (!starts || n > UINT32_MAX) {
        ps_free(starts);
        ps_free(spare);
        return starts ? ps_fail(cx, PS_UNSUPPORTED, "more than 2^32 groups in one partition")
                      : PS_MEMORY;
    }
    for (uint64_t i = 0; i < n; i++)
        starts[((ps_row_hash(merge->groups[i]) << merge->skip_bits) >> shift) + 1]++;
    for (uint64_t b = 1; b <= (uint64_t)1 << bits; b++) starts[b] += starts[b - 1];
    for (uint64_t i = 0; i < n; i++)
        spare[starts[(ps_row_hash(merge->groups[i]) << merge->skip_bits) >> shift]++] =
            merge->groups[i];
    memcpy(merge->groups, spare, n * sizeof(*spare));
    const ps_status st = sort_rows(cx, merge->layout, merge->groups, spare, n);
    ps_free(starts);
    ps_free(spare);
    return st;
}
