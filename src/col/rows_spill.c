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
 * offsets handed out by an atomic, so any number of threads write and read at once. Tests:
 * tests/unit/test_rows.c */
#include "col/rows_int.h"

#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct ps_spill {
    int fd;
    uint64_t bytes_max;    /* 0: no cap */
    _Atomic uint64_t next; /* offset of the next record */
};

typedef struct record_head {
    uint32_t magic, n_rows;
    uint64_t row_bytes; /* of all rows */
    uint64_t heap_bytes;
    uint64_t stored_bytes; /* behind this head; equal to row_bytes + heap_bytes: not compressed */
    uint64_t checksum;     /* of what is stored */
} record_head;
enum { RECORD_MAGIC = 0x50535231 };

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
    spill = ps_alloc_zero(cx, sizeof(*spill));
    if (!spill) return PS_MEMORY;
    spill->bytes_max = bytes_max;
    atomic_init(&spill->next, 0);
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
    ps_free(spill);
}

uint64_t ps_spill_bytes(const ps_spill *spill)
{
    /* relaxed: a figure for reports */
    return atomic_load_explicit(&((ps_spill *)(uintptr_t)spill)->next, memory_order_relaxed);
}

static ps_status file_write(ps_ctx *cx, ps_spill *spill, const void *bytes, size_t n, uint64_t at)
{
    const char *from = bytes;

    while (n > 0) {
        const ssize_t done = pwrite(spill->fd, from, PS_MIN(n, (size_t)1 << 30), (off_t)at);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0)
            return ps_fail(cx, errno == ENOSPC || errno == EDQUOT ? PS_DISK_FULL : PS_IO,
                           "a temporary file can't be written: %s", strerror(errno));
        from += done;
        n -= (size_t)done;
        at += (uint64_t)done;
        PS_TRY(ps_poll(cx));
    }
    return PS_OK;
}

static ps_status file_read(ps_ctx *cx, ps_spill *spill, void *bytes, size_t n, uint64_t at)
{
    char *to = bytes;

    while (n > 0) {
        const ssize_t done = pread(spill->fd, to, PS_MIN(n, (size_t)1 << 30), (off_t)at);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0)
            return ps_fail(cx, PS_IO, "a temporary file can't be read: %s", strerror(errno));
        if (done == 0)
            return ps_fail(cx, PS_DATA, "a temporary file ends early, at byte %llu",
                           (unsigned long long)at);
        to += done;
        n -= (size_t)done;
        at += (uint64_t)done;
        PS_TRY(ps_poll(cx));
    }
    return PS_OK;
}

/* ---- a page as bytes ---- */

static ps_view *view_at(uint8_t *row, uint32_t at) { return (ps_view *)(void *)(row + at); }

static uint64_t page_heap_bytes(const ps_row_layout *layout, const ps_row_page *page)
{
    uint64_t bytes = 0;

    for (uint32_t r = 0; r < page->n_rows; r++)
        for (uint32_t v = 0; v < layout->n_views; v++) {
            const ps_view *view =
                view_at(page->rows + (size_t)r * layout->row_bytes, layout->views[v]);
            if (view->n > 12) bytes += view->n;
        }
    return bytes;
}

static void pack(const ps_row_layout *layout, const ps_row_page *page, char *out)
{
    const size_t row_bytes = (size_t)page->n_rows * layout->row_bytes;
    char *heap = out + row_bytes;
    uint64_t at = 0;

    memcpy(out, page->rows, row_bytes);
    for (uint32_t r = 0; r < page->n_rows; r++)
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
            ps_view *view = view_at(page->rows + (size_t)r * layout->row_bytes, layout->views[v]);
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

static ps_status record_write(ps_ctx *cx, ps_spill *spill, const ps_row_layout *layout,
                              ps_row_page *page)
{
    record_head head = {.magic = RECORD_MAGIC, .n_rows = page->n_rows};
    char *raw = NULL, *stored = NULL;
    ps_status st = PS_OK;

    head.row_bytes = (uint64_t)page->n_rows * layout->row_bytes;
    head.heap_bytes = page_heap_bytes(layout, page);
    const uint64_t raw_bytes = head.row_bytes + head.heap_bytes;
    const bool small = raw_bytes <= LZ4_MAX_INPUT_SIZE;
    const size_t room =
        sizeof(head) + (small ? (size_t)LZ4_compressBound((int)raw_bytes) : raw_bytes);
    raw = ps_alloc(cx, raw_bytes);
    stored = ps_alloc(cx, room);
    if (!raw || !stored) PS_GO(PS_MEMORY);
    pack(layout, page, raw);
    const int packed = small ? LZ4_compress_default(raw, stored + sizeof(head), (int)raw_bytes,
                                                    (int)(room - sizeof(head)))
                             : 0;
    if (packed > 0 && (uint64_t)packed < raw_bytes) {
        head.stored_bytes = (uint64_t)packed;
    } else {
        head.stored_bytes = raw_bytes;
        memcpy(stored + sizeof(head), raw, raw_bytes);
    }
    head.checksum = ps_hash_bytes(stored + sizeof(head), head.stored_bytes, RECORD_MAGIC);
    memcpy(stored, &head, sizeof(head));
    const uint64_t bytes = sizeof(head) + head.stored_bytes;
    const uint64_t at = atomic_fetch_add_explicit(&spill->next, bytes, memory_order_relaxed);
    if (spill->bytes_max && at + bytes > spill->bytes_max) {
        st = ps_fail(cx, PS_DISK_FULL, "temporary files would grow above their cap of %llu bytes",
                     (unsigned long long)spill->bytes_max);
        goto done;
    }
    PS_GO(file_write(cx, spill, stored, bytes, at));
    page->file_at = at;
    page->file_bytes = bytes;
done:
    ps_free(raw);
    ps_free(stored);
    return st;
}

ps_status ps_rows_spill(ps_ctx *cx, ps_rows *rows, ps_spill *spill)
{
    PS_ASSERT(!rows->spill || rows->spill == spill);
    for (size_t p = 0; p < rows->pages.n; p++) {
        ps_row_page *page = &rows->pages.at[p];
        if (!page->rows || page->file_bytes) continue;
        const ps_status st = record_write(cx, spill, rows->layout, page);
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
    if (ps_hash_bytes(stored + sizeof(head), head.stored_bytes, RECORD_MAGIC) != head.checksum) {
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
