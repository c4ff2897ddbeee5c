/* col/rows_spill.c -- temporary files of row pages.
 *
 * The file is unlinked before the first byte is written and has mode 0600. A page is one record:
 *
 *     record_head | LZ4 block of (rows with views made relative, then their long strings in row
 * order)
 *
 * A relative view holds the offset of its bytes in the string part instead of an address; only
 * strings that a row still refers to are written. Offsets, lengths and the XXH3 checksum are
 * verified on the way back: a damaged disk is PS_DATA, not a wild pointer. Records are written at
 * offsets handed out by an atomic, so any number of threads write and read at once. Every byte is
 * charged to the payer's disk before it is written. Tests: tests/unit/test_rows.c, test_spill.c */
#include "col/rows_int.h"

#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <lz4.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct ps_spill {
    int fd;
    ps_mem *payer;            /* alive: it pays for this block */
    uint64_t bytes_max;       /* 0: no cap */
    _Atomic uint64_t next;    /* offset of the next record */
    _Atomic uint64_t charged; /* records that were not dropped */
    _Atomic uint32_t plain;   /* records to store without trying to compress them */
    char directory[];
};

typedef struct record_head {
    uint32_t magic, n_rows;
    uint64_t row_bytes; /* of all rows */
    uint64_t heap_bytes;
    uint64_t stored_bytes; /* behind this head; equal to row_bytes + heap_bytes: not compressed */
    uint64_t checksum;     /* of the fields before, the record's place, and what is stored */
} record_head;
enum { RECORD_MAGIC = 0x50535231 };

/* The place counts too: a record that was written or read elsewhere is a damaged one. */
static uint64_t record_checksum(const record_head *head, uint64_t at, const char *stored)
{
    const uint64_t seed = ps_hash_bytes(head, offsetof(record_head, checksum), at);

    return ps_hash_bytes(stored, head->stored_bytes, seed);
}

static const char *default_directory(void)
{
    const char *directory = getenv("TMPDIR");
    return directory && *directory ? directory : "/tmp";
}

static int open_unlinked(const char *directory)
{
    char path[4096];
    int fd = -1;

    fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd >= 0) return fd; /* else this file system can't: a name that goes at once */
    if (snprintf(path, sizeof(path), "%s/penstock-XXXXXX", directory) >= (int)sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC); /* mode 0600 */
    if (fd >= 0) unlink(path);
    return fd;
}

ps_status ps_spill_new(ps_ctx *cx, const char *directory, uint64_t bytes_max, ps_spill **out)
{
    ps_spill *spill;

    *out = NULL;
    if (!directory || !*directory) directory = default_directory();
    const size_t n = strlen(directory) + 1;
    spill = ps_alloc_zero(cx, sizeof(*spill) + n);
    if (!spill) return PS_MEMORY;
    memcpy(spill->directory, directory, n);
    spill->payer = cx->mem;
    spill->bytes_max = bytes_max;
    atomic_init(&spill->next, 0);
    atomic_init(&spill->charged, 0);
    atomic_init(&spill->plain, 0);
    spill->fd = open_unlinked(directory);
    if (spill->fd < 0) {
        ps_free(spill);
        return ps_fail(cx, PS_IO, "a temporary file can't be made in %s: %s", directory,
                       strerror(errno));
    }
    *out = spill;
    return PS_OK;
}

void ps_spill_free(ps_spill *spill)
{
    if (!spill) return;
    close(spill->fd);
    ps_mem_uncharge_disk(spill->payer, atomic_load_explicit(&spill->charged, memory_order_relaxed));
    ps_free(spill);
}

uint64_t ps_spill_bytes(const ps_spill *spill)
{
    /* relaxed: a figure for reports */
    return atomic_load_explicit(&((ps_spill *)(uintptr_t)spill)->next, memory_order_relaxed);
}

/* The disk refused: what it is, where, how much there is and how much more was wanted. */
static ps_status disk_fail(ps_ctx *cx, const ps_spill *spill, int error, uint64_t n)
{
    const bool full = error == ENOSPC || error == EDQUOT;
    const ps_status code = full ? PS_DISK_FULL : PS_IO;

    ps_fail(cx, code,
            "a temporary file in %s can't be written: %s; it holds %llu bytes and needs %llu more",
            spill->directory, strerror(error), (unsigned long long)ps_spill_bytes(spill),
            (unsigned long long)n);
    if (full) ps_hint(cx, "set temp_directory to a larger disk, or raise memory_limit");
    return code;
}

static ps_status file_write(ps_ctx *cx, ps_spill *spill, const void *bytes, size_t n, uint64_t at)
{
    const char *from = bytes;

    while (n > 0) {
        const ssize_t done = pwrite(spill->fd, from, PS_MIN(n, (size_t)1 << 30), (off_t)at);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return disk_fail(cx, spill, errno, n);
        if (done == 0) return disk_fail(cx, spill, ENOSPC, n);
        from += done;
        n -= (size_t)done;
        at += (uint64_t)done;
        PS_TRY(ps_poll(cx));
    }
    return PS_OK;
}

/* Pays for n more bytes of the file, or says whose cap they would break. */
static ps_status file_charge(ps_ctx *cx, ps_spill *spill, uint64_t n)
{
    const ps_mem *full;
    const uint64_t charged =
        atomic_fetch_add_explicit(&spill->charged, n, memory_order_relaxed) + n;
    unsigned long long cap = spill->bytes_max, held = charged - n;

    if (spill->bytes_max == 0 || charged <= spill->bytes_max) {
        if (ps_mem_try_charge_disk(spill->payer, n, &full)) return PS_OK;
        cap = (unsigned long long)atomic_load_explicit(&full->disk_limit, memory_order_relaxed);
        held = (unsigned long long)atomic_load_explicit(&full->disk, memory_order_relaxed);
    }
    atomic_fetch_sub_explicit(&spill->charged, n, memory_order_relaxed);
    ps_fail(cx, PS_DISK_FULL,
            "the temporary files in %s hold %llu bytes and need %llu more: their cap is %llu bytes",
            spill->directory, held, (unsigned long long)n, cap);
    ps_hint(cx, "raise max_temp_directory_size or memory_limit");
    return PS_DISK_FULL;
}

static void file_uncharge(ps_spill *spill, uint64_t n)
{
    atomic_fetch_sub_explicit(&spill->charged, n, memory_order_relaxed);
    ps_mem_uncharge_disk(spill->payer, n);
}

static ps_status file_read(ps_ctx *cx, ps_spill *spill, void *bytes, size_t n, uint64_t at)
{
    char *to = bytes;

    while (n > 0) {
        const ssize_t done = pread(spill->fd, to, PS_MIN(n, (size_t)1 << 30), (off_t)at);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0)
            return ps_fail(cx, PS_IO, "a temporary file in %s can't be read: %s", spill->directory,
                           strerror(errno));
        if (done == 0)
            return ps_fail(cx, PS_DATA, "a temporary file in %s ends early, at byte %llu",
                           spill->directory, (unsigned long long)at);
        to += done;
        n -= (size_t)done;
        at += (uint64_t)done;
        PS_TRY(ps_poll(cx));
    }
    return PS_OK;
}

/* ---- a page as bytes ---- */

/* What a record is made of: rows one after the other, or by address. */
typedef struct record_rows {
    const ps_row_layout *layout;
    const uint8_t *first;
    uint8_t *const *list;  /* NULL: from `first` on */
    const uint8_t *states; /* NULL: the rows have theirs */
    uint32_t n;
} record_rows;

static const ps_view *view_at(const uint8_t *row, uint32_t at)
{
    return (const ps_view *)(const void *)(row + at);
}

static const uint8_t *record_row(const record_rows *from, uint32_t r)
{
    return from->list ? from->list[r] : from->first + (size_t)r * from->layout->row_bytes;
}

static uint64_t heap_bytes(const record_rows *from)
{
    const ps_row_layout *layout = from->layout;
    uint64_t bytes = 0;

    for (uint32_t r = 0; r < from->n && layout->n_views; r++)
        for (uint32_t v = 0; v < layout->n_views; v++) {
            const ps_view *view = view_at(record_row(from, r), layout->views[v]);
            if (view->n > 12) bytes += view->n;
        }
    return bytes;
}

static void pack_rows(const record_rows *from, char *out)
{
    const ps_row_layout *layout = from->layout;
    const uint32_t state_bytes = layout->state_bytes;

    if (!from->list) {
        memcpy(out, from->first, (size_t)from->n * layout->row_bytes);
        return;
    }
    for (uint32_t r = 0; r < from->n; r++) {
        char *to = out + (size_t)r * layout->row_bytes;
        if (r + 8 < from->n) PS_PREFETCH(from->list[r + 8]);
        memcpy(to, from->list[r], from->states ? layout->state_at : layout->row_bytes);
        if (from->states)
            memcpy(to + layout->state_at, from->states + (size_t)r * state_bytes, state_bytes);
    }
}

static void pack(const record_rows *from, char *out)
{
    const ps_row_layout *layout = from->layout;
    char *heap = out + (size_t)from->n * layout->row_bytes;
    uint64_t at = 0;

    pack_rows(from, out);
    for (uint32_t r = 0; r < from->n && layout->n_views; r++)
        for (uint32_t v = 0; v < layout->n_views; v++) {
            const size_t where = (size_t)r * layout->row_bytes + layout->views[v];
            ps_view view;
            memcpy(&view, out + where, sizeof(view));
            if (view.n <= 12) continue;
            memcpy(heap + at, view.at, view.n);
            memcpy(out + where + 8, &at, 8);
            at += view.n;
        }
}

static ps_status unpack(ps_ctx *cx, const ps_row_layout *layout, ps_row_page *page,
                        uint64_t heap_bytes)
{
    for (uint32_t r = 0; r < page->n_rows; r++)
        for (uint32_t v = 0; v < layout->n_views; v++) {
            uint8_t *row = page->rows + (size_t)r * layout->row_bytes;
            ps_view *view = (ps_view *)(void *)(row + layout->views[v]);
            uint64_t at;
            if (view->n <= 12) continue;
            memcpy(&at, (const char *)view + 8, 8);
            if (at > heap_bytes || view->n > heap_bytes - at)
                return ps_fail(cx, PS_DATA,
                               "a temporary file is damaged: a string lies outside its page");
            view->at = page->heap + at;
        }
    return PS_OK;
}

/* ---- out ---- */

/* Bytes after compression; 0: it doesn't save a quarter. Then the next records aren't tried, since
 * LZ4 would take more time than it saves. relaxed: a guess. */
static uint64_t compress(ps_spill *spill, const char *raw, uint64_t raw_bytes, char *out,
                         size_t room)
{
    enum { PLAIN_AFTER_POOR = 15 };
    uint32_t plain = atomic_load_explicit(&spill->plain, memory_order_relaxed);

    if (raw_bytes > LZ4_MAX_INPUT_SIZE) return 0;
    if (plain > 0) {
        atomic_compare_exchange_strong_explicit(&spill->plain, &plain, plain - 1,
                                                memory_order_relaxed, memory_order_relaxed);
        return 0;
    }
    const int packed = LZ4_compress_default(raw, out, (int)raw_bytes, (int)room);
    if (packed > 0 && (uint64_t)packed <= raw_bytes - raw_bytes / 4) return (uint64_t)packed;
    atomic_store_explicit(&spill->plain, PLAIN_AFTER_POOR, memory_order_relaxed);
    return 0;
}

/* Packs, compresses where that helps, writes; *page gets the place. */
static ps_status record_write(ps_ctx *cx, ps_spill *spill, const record_rows *from,
                              ps_row_page *page)
{
    record_head head = {.magic = RECORD_MAGIC, .n_rows = from->n};
    char *raw = NULL, *stored = NULL;
    ps_status st = PS_OK;

    head.row_bytes = (uint64_t)from->n * from->layout->row_bytes;
    head.heap_bytes = heap_bytes(from);
    const uint64_t raw_bytes = head.row_bytes + head.heap_bytes;
    const bool small = raw_bytes <= LZ4_MAX_INPUT_SIZE;
    const size_t room =
        sizeof(head) + (small ? (size_t)LZ4_compressBound((int)raw_bytes) : raw_bytes);
    raw = ps_alloc(cx, raw_bytes);
    stored = ps_alloc(cx, room);
    if (!raw || !stored) PS_GO(PS_MEMORY);
    pack(from, raw);
    head.stored_bytes = compress(spill, raw, raw_bytes, stored + sizeof(head), room - sizeof(head));
    if (head.stored_bytes == 0) {
        head.stored_bytes = raw_bytes;
        memcpy(stored + sizeof(head), raw, raw_bytes);
    }
    const uint64_t bytes = sizeof(head) + head.stored_bytes;
    PS_GO(file_charge(cx, spill, bytes));
    const uint64_t at = atomic_fetch_add_explicit(&spill->next, bytes, memory_order_relaxed);
    head.checksum = record_checksum(&head, at, stored + sizeof(head));
    memcpy(stored, &head, sizeof(head));
    st = file_write(cx, spill, stored, bytes, at);
    if (st != PS_OK) {
        file_uncharge(spill, bytes);
        goto done;
    }
    page->file_at = at;
    page->file_bytes = bytes;
done:
    ps_free(raw);
    ps_free(stored);
    return st;
}

static ps_status page_write(ps_ctx *cx, ps_spill *spill, const ps_row_layout *layout,
                            ps_row_page *page)
{
    const record_rows from = {.layout = layout, .first = page->rows, .n = page->n_rows};

    return record_write(cx, spill, &from, page);
}

ps_status ps_rows_spill(ps_ctx *cx, ps_rows *rows, ps_spill *spill)
{
    PS_ASSERT(!rows->spill || rows->spill == spill);
    for (size_t p = 0; p < rows->pages.n; p++) {
        ps_row_page *page = &rows->pages.at[p];
        if (!page->rows || page->file_bytes) continue;
        const ps_status st = page_write(cx, spill, rows->layout, page);
        if (st == PS_OK) continue;
        /* Unchanged on failure: what was written stays unused in the file. */
        for (size_t q = 0; q < p; q++)
            if (rows->pages.at[q].rows && !rows->pages.at[q].heap) rows->pages.at[q].file_bytes = 0;
        return st;
    }
    for (size_t p = 0; p < rows->pages.n; p++) ps_rows_unload(rows, p);
    ps_rows_free_heaps(rows);
    rows->bytes = 0;
    if (rows->pages.n) rows->spill = spill;
    return PS_OK;
}

ps_status ps_rows_spill_copy(ps_ctx *cx, ps_rows *rows, ps_spill *spill, uint8_t *const *src,
                             const void *states, uint32_t n)
{
    const record_rows from = {.layout = rows->layout, .list = src, .states = states, .n = n};
    ps_row_page page = {.n_rows = n, .rows_max = n};

    PS_ASSERT(!rows->spill || rows->spill == spill);
    if (n == 0) return PS_OK;
    if (rows->pages.n == rows->pages.room)
        PS_TRY(ps_array_grow(cx, NULL, (void **)&rows->pages.at, &rows->pages.room,
                             rows->pages.n + 1, sizeof(ps_row_page)));
    PS_TRY(record_write(cx, spill, &from, &page));
    rows->pages.at[rows->pages.n++] = page;
    rows->n_rows += n;
    rows->spill = spill;
    return PS_OK;
}

void ps_rows_drop(ps_rows *rows)
{
    for (size_t p = 0; p < rows->pages.n; p++) {
        const ps_row_page *page = &rows->pages.at[p];
        if (page->file_bytes == 0) continue;
        /* Where the file system can't, the space goes with the file. */
        if (fallocate(rows->spill->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      (off_t)page->file_at, (off_t)page->file_bytes) == 0)
            file_uncharge(rows->spill, page->file_bytes);
    }
    ps_rows_release(rows);
}

/* ---- back ---- */

static ps_status record_check(ps_ctx *cx, const ps_row_layout *layout, const ps_row_page *page,
                              const record_head *head)
{
    const bool right = head->magic == RECORD_MAGIC && head->n_rows == page->n_rows &&
                       head->row_bytes == (uint64_t)page->n_rows * layout->row_bytes &&
                       head->stored_bytes == page->file_bytes - sizeof(*head) &&
                       head->heap_bytes <= (uint64_t)PTRDIFF_MAX / 8 &&
                       head->stored_bytes <= head->row_bytes + head->heap_bytes;
    return right ? PS_OK
                 : ps_fail(cx, PS_DATA, "a temporary file is damaged: the head of a page is wrong");
}

static ps_status record_read(ps_ctx *cx, ps_spill *spill, const ps_row_layout *layout,
                             ps_row_page *page)
{
    record_head head;
    char *stored = NULL, *raw = NULL;
    uint64_t raw_bytes;
    ps_status st = PS_OK;

    stored = ps_alloc(cx, page->file_bytes);
    if (!stored) return PS_MEMORY;
    PS_GO(file_read(cx, spill, stored, page->file_bytes, page->file_at));
    memcpy(&head, stored, sizeof(head));
    PS_GO(record_check(cx, layout, page, &head));
    if (record_checksum(&head, page->file_at, stored + sizeof(head)) != head.checksum) {
        st = ps_fail(cx, PS_DATA, "a temporary file is damaged: the checksum of a page is wrong");
        goto done;
    }
    raw_bytes = head.row_bytes + head.heap_bytes;
    raw = ps_alloc(cx, raw_bytes);
    if (!raw) PS_GO(PS_MEMORY);
    if (head.stored_bytes == raw_bytes) {
        memcpy(raw, stored + sizeof(head), raw_bytes);
    } else if (raw_bytes > LZ4_MAX_INPUT_SIZE ||
               LZ4_decompress_safe(stored + sizeof(head), raw, (int)head.stored_bytes,
                                   (int)raw_bytes) != (int)raw_bytes) {
        st = ps_fail(cx, PS_DATA, "a temporary file is damaged: a page can't be unpacked");
        goto done;
    }
    page->rows = (uint8_t *)raw;
    page->heap = raw + head.row_bytes;
    st = unpack(cx, layout, page, head.heap_bytes);
    if (st == PS_OK) raw = NULL; /* moved into the page */
    else page->rows = NULL, page->heap = NULL;
done:
    ps_free(raw);
    ps_free(stored);
    return st;
}

uint64_t ps_rows_spilled_bytes(const ps_rows *rows)
{
    uint64_t bytes = 0;

    for (size_t p = 0; p < rows->pages.n; p++)
        if (!rows->pages.at[p].rows)
            bytes += (uint64_t)rows->pages.at[p].n_rows * rows->layout->row_bytes;
    return bytes;
}

ps_status ps_rows_load(ps_ctx *cx, ps_rows *rows, size_t p)
{
    ps_row_page *page = &rows->pages.at[p];

    if (page->rows) return PS_OK;
    PS_ASSERT(rows->spill && page->file_bytes > 0);
    PS_TRY(record_read(cx, rows->spill, rows->layout, page));
    rows->bytes += ps_block_size(page->rows);
    return PS_OK;
}

ps_status ps_rows_read(ps_ctx *cx, const ps_rows *rows, size_t p, ps_row_page *out)
{
    PS_ASSERT(rows->spill && rows->pages.at[p].file_bytes > 0);
    *out = rows->pages.at[p];
    out->rows = NULL;
    out->heap = NULL;
    return record_read(cx, rows->spill, rows->layout, out);
}

void ps_rows_unload(ps_rows *rows, size_t p)
{
    ps_row_page *page = &rows->pages.at[p];

    if (!page->rows) return;
    PS_ASSERT(page->file_bytes > 0);
    rows->bytes -= PS_MIN(rows->bytes, ps_block_size(page->rows));
    ps_free(page->rows);
    page->rows = NULL;
    page->heap = NULL; /* it lay behind the rows */
    page->rows_max = page->n_rows;
}
