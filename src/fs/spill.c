/* fs/spill.c -- see spill.h. A block in the file:
 *
 *     bytes, as LZ4 where that saves time or room (pace.h), encrypted if so wanted | block_tail
 *
 * The tail's check covers the tail, what is before it and its place in the file: a checksum (XXH3),
 * or the cipher's tag. Blocks lie at offsets handed out by an atomic, and have numbers from another
 * one: neither is used twice, so a cipher's number (nonce) never is. */
#include "fs/spill.h"

#include "base/hash.h"
#include "fs/cipher.h"
#include "fs/pace.h"
#include "fs/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <lz4.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

struct ps_spill {
    int fd;
    ps_mem *payer;             /* alive: it pays for this block */
    uint64_t bytes_max;        /* 0: no cap */
    _Atomic uint64_t *written; /* of the options */
    ps_cipher *cipher;         /* NULL: none */
    _Atomic uint64_t next;     /* offset of the next block */
    _Atomic uint64_t blocks;   /* written so far */
    _Atomic uint64_t raw;      /* their bytes before compression */
    _Atomic uint64_t charged;  /* blocks that were not dropped */
    ps_pace pace;
    _Atomic bool small;  /* the disk, for what the file may become */
    ps_spill_list *list; /* guards the next two */
    ps_spill *before, *after;
    char directory[];
};

typedef struct block_tail {
    uint32_t magic, form;
    uint64_t n_raw, n_stored; /* bytes before compression; before this tail */
    uint64_t number;
    uint8_t
        check[PS_CIPHER_TAG_BYTES]; /* of the fields before, the block's place, what is stored */
} block_tail;
enum { BLOCK_MAGIC = 0x50535332, FORM_PLAIN = 0, FORM_LZ4 = 1, SAVES_AT_LEAST = 4 };
PS_STATIC_ASSERT(sizeof(block_tail) <= PS_SPILL_ROOM, "callers leave room for it");

/* What a check covers beside the stored bytes. */
typedef struct block_place {
    uint64_t at;
    char tail[offsetof(block_tail, check)];
} block_place;

static block_place place_of(const block_tail *tail, uint64_t at)
{
    block_place place = {.at = at};

    memcpy(place.tail, tail, sizeof(place.tail));
    return place;
}

/* Fills in the tail's check, and encrypts where that is wanted. */
static ps_status block_seal(ps_ctx *cx, const ps_spill *spill, block_tail *tail, uint64_t at,
                            char *stored)
{
    const block_place place = place_of(tail, at);

    if (spill->cipher)
        return ps_cipher_seal(cx, spill->cipher, tail->number,
                              (ps_str){(const char *)&place, sizeof(place)}, stored, tail->n_stored,
                              tail->check);
    const uint64_t sum =
        ps_hash_bytes(stored, tail->n_stored, ps_hash_bytes(&place, sizeof(place), 0));
    memcpy(tail->check, &sum, sizeof(sum));
    return PS_OK;
}

/* The reverse; *same: it is what was sealed. */
static ps_status block_open(ps_ctx *cx, const ps_spill *spill, const block_tail *tail, uint64_t at,
                            char *stored, bool *same)
{
    const block_place place = place_of(tail, at);

    if (spill->cipher)
        return ps_cipher_open(cx, spill->cipher, tail->number,
                              (ps_str){(const char *)&place, sizeof(place)}, stored, tail->n_stored,
                              tail->check, same);
    uint8_t check[PS_CIPHER_TAG_BYTES] = {0};
    const uint64_t sum =
        ps_hash_bytes(stored, tail->n_stored, ps_hash_bytes(&place, sizeof(place), 0));
    memcpy(check, &sum, sizeof(sum));
    *same = memcmp(check, tail->check, sizeof(check)) == 0;
    return PS_OK;
}

/* ---- the file ---- */

static const char *default_directory(void)
{
    const char *directory = getenv("TMPDIR");
    return directory && *directory ? directory : "/tmp";
}

static int open_unlinked(const char *directory)
{
    enum { TRIES_MAX = 16 };
    char path[4096];
    uint64_t random;
    int fd = ps_sys_open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);

    if (fd >= 0) return fd; /* else this file system can't: a name that goes at once */
    for (int i = 0; i < TRIES_MAX; i++) {
        if (ps_sys_random(&random, sizeof(random)) != 0) return -1;
        if (snprintf(path, sizeof(path), "%s/.penstock-%016llx.tmp", directory,
                     (unsigned long long)random) >= (int)sizeof(path)) {
            errno = ENAMETOOLONG;
            return -1;
        }
        fd = ps_sys_open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
        if (fd < 0 && errno == EEXIST) continue;
        break;
    }
    if (fd >= 0 && ps_sys_unlink(path) != 0) { /* a file with a name would outlive us */
        const int error = errno;
        ps_sys_close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static void list_add(ps_spill_list *list, ps_spill *spill)
{
    spill->list = list;
    if (!list) return;
    ps_mutex_lock(&list->mutex);
    spill->after = list->first;
    if (list->first) list->first->before = spill;
    list->first = spill;
    ps_mutex_unlock(&list->mutex);
}

static void list_take(ps_spill *spill)
{
    ps_spill_list *const list = spill->list;

    if (!list) return;
    ps_mutex_lock(&list->mutex);
    if (spill->after) spill->after->before = spill->before;
    if (spill->before) spill->before->after = spill->after;
    else list->first = spill->after;
    ps_mutex_unlock(&list->mutex);
}

static ps_status make_fail(ps_ctx *cx, const char *directory, int error)
{
    const bool full = error == ENOSPC || error == EDQUOT;
    const ps_status code = full ? PS_DISK_FULL : PS_IO;

    ps_fail(cx, code, "a temporary file can't be made in %s: %s", directory, strerror(error));
    ps_hint(cx, full ? "free room there, or set temp_directory to a larger disk"
                     : "set temp_directory to a directory that files can be made in");
    return code;
}

ps_status ps_spill_new(ps_ctx *cx, const ps_spill_options *options, ps_spill **out)
{
    const char *directory = options->directory;
    ps_spill *spill;
    ps_status st = PS_OK;

    *out = NULL;
    if (!directory || !*directory) directory = default_directory();
    const size_t n = strlen(directory) + 1;
    spill = ps_alloc_zero(cx, sizeof(*spill) + n);
    if (!spill) return PS_MEMORY;
    memcpy(spill->directory, directory, n);
    spill->payer = cx->mem;
    spill->bytes_max = options->bytes_max;
    spill->written = options->written;
    if (options->encrypt) st = ps_cipher_new(cx, &spill->cipher);
    spill->fd = st == PS_OK ? open_unlinked(directory) : -1;
    if (st == PS_OK && spill->fd < 0) st = make_fail(cx, directory, errno);
    if (st != PS_OK) {
        ps_cipher_free(spill->cipher);
        ps_free(spill);
        return st;
    }
    list_add(options->list, spill);
    *out = spill;
    return PS_OK;
}

void ps_spill_free(ps_spill *spill)
{
    if (!spill) return;
    list_take(spill);
    ps_sys_close(spill->fd);
    ps_mem_uncharge_disk(spill->payer, atomic_load_explicit(&spill->charged, memory_order_relaxed));
    ps_cipher_free(spill->cipher);
    ps_free(spill);
}

/* relaxed: figures for reports */
static uint64_t figure(const _Atomic uint64_t *at)
{
    return atomic_load_explicit((_Atomic uint64_t *)(uintptr_t)at, memory_order_relaxed);
}

uint64_t ps_spill_bytes(const ps_spill *spill) { return figure(&spill->next); }

/* "none", or the lowest cap that holds for the file. */
static const char *cap_text(const ps_spill *spill, char *room, size_t room_bytes)
{
    uint64_t cap = spill->bytes_max;

    for (const ps_mem *mem = spill->payer; mem; mem = mem->parent) {
        const int64_t limit =
            atomic_load_explicit(&((ps_mem *)(uintptr_t)mem)->disk_limit, memory_order_relaxed);
        if (limit > 0 && (cap == 0 || (uint64_t)limit < cap)) cap = (uint64_t)limit;
    }
    if (cap == 0) return "none";
    snprintf(room, room_bytes, "%llu bytes", (unsigned long long)cap);
    return room;
}

/* The disk refused: what it is, where, how much there is, how much more was wanted, and the cap. */
static ps_status disk_fail(ps_ctx *cx, const ps_spill *spill, int error, uint64_t n)
{
    const ps_mem *const query = spill->payer->parent ? spill->payer->parent : spill->payer;
    const int64_t held =
        atomic_load_explicit(&((ps_mem *)(uintptr_t)query)->disk, memory_order_relaxed);
    char room[40];

    if (error != ENOSPC && error != EDQUOT) {
        ps_fail(cx, PS_IO, "a temporary file in %s can't be written: %s; it needs %llu bytes more",
                spill->directory, strerror(error), (unsigned long long)n);
        ps_hint(cx, "a fault of that disk; temp_directory can name another one");
        return PS_IO;
    }
    ps_fail(cx, PS_DISK_FULL,
            "no room in %s for temporary files: %s; the query's hold %lld bytes and need %llu "
            "more, their cap (max_temp_directory_size) is %s",
            spill->directory, strerror(error), (long long)held, (unsigned long long)n,
            cap_text(spill, room, sizeof(room)));
    ps_hint(cx, "free room there, set temp_directory to a larger disk, or raise memory_limit so "
                "that less is written");
    return PS_DISK_FULL;
}

static ps_status file_write(ps_ctx *cx, ps_spill *spill, const char *from, uint64_t n, uint64_t at)
{
    const uint64_t began = ps_clock_ns(), all = n;

    while (n > 0) {
        const ssize_t done = ps_sys_pwrite(spill->fd, from, PS_MIN(n, (size_t)1 << 30), at);
        if (done < 0) return disk_fail(cx, spill, errno, n);
        if (done == 0) return disk_fail(cx, spill, ENOSPC, n);
        from += done;
        n -= (size_t)done;
        at += (uint64_t)done;
        PS_TRY(ps_poll(cx));
    }
    ps_pace_add(&spill->pace.write, ps_clock_ns() - began, all);
    return PS_OK;
}

/* Pays for n more bytes of the file, or says whose cap they would break. */
static ps_status file_charge(ps_ctx *cx, ps_spill *spill, uint64_t n)
{
    const ps_mem *full = NULL;
    const uint64_t charged =
        atomic_fetch_add_explicit(&spill->charged, n, memory_order_relaxed) + n;
    unsigned long long cap = spill->bytes_max, held = charged - n;

    if (spill->bytes_max == 0 || charged <= spill->bytes_max) {
        if (ps_mem_try_charge_disk(spill->payer, n, &full)) return PS_OK;
        cap = (unsigned long long)atomic_load_explicit(&full->disk_limit, memory_order_relaxed);
        held = (unsigned long long)atomic_load_explicit(&full->disk, memory_order_relaxed);
    }
    atomic_fetch_sub_explicit(&spill->charged, n, memory_order_relaxed);
    const bool shared = full && !full->parent; /* the root: an instance */
    ps_fail(cx, PS_DISK_FULL,
            "the temporary files in %s hold %llu bytes and need %llu more: their cap%s is %llu "
            "bytes",
            spill->directory, held, (unsigned long long)n,
            shared ? ", which all queries of the instance share," : "", cap);
    ps_hint(cx, shared ? "raise temp_bytes_max of the instance or memory_limit, or run fewer "
                         "queries at once"
                       : "raise max_temp_directory_size, or memory_limit so that less is written");
    return PS_DISK_FULL;
}

static void file_uncharge(ps_spill *spill, uint64_t n)
{
    atomic_fetch_sub_explicit(&spill->charged, n, memory_order_relaxed);
    ps_mem_uncharge_disk(spill->payer, n);
}

ps_status ps_spill_damaged(ps_ctx *cx, const ps_spill *spill, ps_spill_block block,
                           const char *what)
{
    ps_fail(cx, PS_IO, "a temporary file in %s is damaged: %s, in the block at byte %llu",
            spill->directory, what, (unsigned long long)block.at);
    ps_hint(cx, "what was read is not what was written: a fault of that disk or of the memory of "
                "this machine; temp_directory can name another disk");
    return PS_IO;
}

static ps_status file_read(ps_ctx *cx, ps_spill *spill, char *bytes, ps_spill_block block)
{
    const uint64_t began = ps_clock_ns();
    uint64_t n = 0;

    while (n < block.n) {
        const ssize_t done =
            ps_sys_pread(spill->fd, bytes + n, PS_MIN(block.n - n, (size_t)1 << 30), block.at + n);
        if (done < 0)
            return ps_fail(cx, PS_IO, "a temporary file in %s can't be read: %s", spill->directory,
                           strerror(errno));
        if (done == 0) break;
        n += (uint64_t)done;
        PS_TRY(ps_poll(cx));
    }
    ps_pace_add(&spill->pace.read, ps_clock_ns() - began, n);
    if (ps_sys_spoil(bytes, n) < block.n)
        return ps_spill_damaged(cx, spill, block, "the file ends early");
    return PS_OK;
}

/* ---- out ---- */

enum { SCARCE_SHARE = 8 }; /* of what there may be: then room counts, not time */

static bool near_cap(const ps_spill *spill)
{
    if (spill->bytes_max && figure(&spill->charged) > spill->bytes_max / SCARCE_SHARE) return true;
    for (ps_mem *mem = spill->payer; mem; mem = mem->parent) {
        const int64_t cap = atomic_load_explicit(&mem->disk_limit, memory_order_relaxed);

        if (cap && atomic_load_explicit(&mem->disk, memory_order_relaxed) > cap / SCARCE_SHARE)
            return true;
    }
    return false;
}

static bool disk_is_small(const ps_spill *spill)
{
    uint64_t room;
    return ps_sys_room(spill->fd, &room) == 0 && figure(&spill->charged) > room / SCARCE_SHARE;
}

/* Whether to try to pack the next block. relaxed: guesses. */
static bool packs(ps_spill *spill, uint64_t n)
{
    const bool due = ps_pace_due(&spill->pace);

    if (n > LZ4_MAX_INPUT_SIZE) return false;
    if (due) atomic_store_explicit(&spill->small, disk_is_small(spill), memory_order_relaxed);
    return due || ps_pace_pays(&spill->pace) || near_cap(spill) ||
           atomic_load_explicit(&spill->small, memory_order_relaxed);
}

/* The block as LZ4, or NULL: that saves too little or gets no memory. */
static char *packed_block(ps_ctx *cx, ps_spill *spill, const char *raw, block_tail *tail)
{
    const int n = (int)tail->n_raw, room = LZ4_compressBound(n);
    char *const out = ps_alloc(cx, (size_t)room + PS_SPILL_ROOM);

    if (!out) {
        ps_ctx_clear(cx);
        return NULL;
    }
    const uint64_t began = ps_clock_ns();
    const int got = LZ4_compress_default(raw, out, n, room);
    const uint64_t stored = got > 0 ? (uint64_t)got : tail->n_raw;
    ps_pace_packed(&spill->pace, ps_clock_ns() - began, tail->n_raw, stored);
    if (stored > tail->n_raw - tail->n_raw / SAVES_AT_LEAST) {
        ps_free(out);
        return NULL;
    }
    tail->form = FORM_LZ4;
    tail->n_stored = stored;
    return out;
}

/* Pays for the block, as it is or packed: *packed. */
static ps_status block_charge(ps_ctx *cx, ps_spill *spill, const char *raw, block_tail *tail,
                              char **packed)
{
    const bool tried = packs(spill, tail->n_raw);

    *packed = tried ? packed_block(cx, spill, raw, tail) : NULL;
    ps_status st = file_charge(cx, spill, tail->n_stored + sizeof(*tail));
    if (st == PS_OK || tried || tail->n_raw > LZ4_MAX_INPUT_SIZE) return st;
    ps_ctx_clear(cx); /* a cap that the block may fit below when it is packed */
    *packed = packed_block(cx, spill, raw, tail);
    return file_charge(cx, spill, tail->n_stored + sizeof(*tail));
}

ps_status ps_spill_write(ps_ctx *cx, ps_spill *spill, char *bytes, uint64_t n, ps_spill_block *out)
{
    block_tail tail = {.magic = BLOCK_MAGIC, .form = FORM_PLAIN, .n_raw = n, .n_stored = n};
    char *packed;
    ps_status st = PS_OK;

    PS_GO(block_charge(cx, spill, bytes, &tail, &packed));
    char *const stored = packed ? packed : bytes;
    out->n = tail.n_stored + sizeof(tail);
    out->at = atomic_fetch_add_explicit(&spill->next, out->n, memory_order_relaxed);
    tail.number = atomic_fetch_add_explicit(&spill->blocks, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&spill->raw, n, memory_order_relaxed);
    st = block_seal(cx, spill, &tail, out->at, stored);
    if (st == PS_OK) {
        memcpy(stored + tail.n_stored, &tail, sizeof(tail));
        st = file_write(cx, spill, stored, out->n, out->at);
    }
    if (st != PS_OK) file_uncharge(spill, out->n);
    else if (spill->written)
        atomic_fetch_add_explicit(spill->written, out->n, memory_order_relaxed);
done:
    ps_free(packed);
    return st;
}

void ps_spill_drop(ps_spill *spill, ps_spill_block block)
{
    /* Where the file system can't, the space goes with the file. */
    if (block.n && ps_sys_punch(spill->fd, block.at, block.n) == 0) file_uncharge(spill, block.n);
}

/* ---- back ---- */

void ps_spill_expect(const ps_spill *spill, ps_spill_block block)
{
    if (block.n) ps_sys_expect(spill->fd, block.at, block.n);
}

/* The tail of a block as it was read, if everything that can be checked is right; what is before it
 * as it was before encryption. */
static ps_status block_check(ps_ctx *cx, const ps_spill *spill, ps_spill_block block, char *stored,
                             block_tail *tail)
{
    memcpy(tail, stored + block.n - sizeof(*tail), sizeof(*tail));
    if (tail->magic != BLOCK_MAGIC || tail->n_stored != block.n - sizeof(*tail) ||
        tail->form > FORM_LZ4 || tail->n_raw > (uint64_t)PTRDIFF_MAX / 8 ||
        (tail->form == FORM_PLAIN && tail->n_raw != tail->n_stored) ||
        (tail->form == FORM_LZ4 && tail->n_raw > LZ4_MAX_INPUT_SIZE))
        return ps_spill_damaged(cx, spill, block, "its description is wrong");
    bool same;
    PS_TRY(block_open(cx, spill, tail, block.at, stored, &same));
    return same ? PS_OK : ps_spill_damaged(cx, spill, block, "the checksum is wrong");
}

ps_status ps_spill_read(ps_ctx *cx, ps_spill *spill, ps_spill_block block, char **bytes,
                        uint64_t *n)
{
    char *stored = ps_alloc(cx, block.n), *raw = NULL;
    block_tail tail;
    ps_status st = PS_OK;

    *bytes = NULL;
    if (!stored) return PS_MEMORY;
    PS_GO(file_read(cx, spill, stored, block));
    PS_GO(block_check(cx, spill, block, stored, &tail));
    if (tail.form == FORM_LZ4) {
        raw = ps_alloc(cx, tail.n_raw);
        if (!raw) PS_GO(PS_MEMORY);
        if (LZ4_decompress_safe(stored, raw, (int)tail.n_stored, (int)tail.n_raw) !=
            (int)tail.n_raw)
            PS_GO(ps_spill_damaged(cx, spill, block, "it can't be unpacked"));
    } else {
        raw = stored;
        stored = NULL;
    }
    *bytes = raw;
    *n = tail.n_raw;
    raw = NULL;
done:
    ps_free(raw);
    ps_free(stored);
    return st;
}

/* ---- all of them ---- */

void ps_spill_list_init(ps_spill_list *list)
{
    ps_mutex_init(&list->mutex);
    list->first = NULL;
}

void ps_spill_list_release(ps_spill_list *list)
{
    PS_ASSERT(!list->first);
    ps_mutex_destroy(&list->mutex);
}

static ps_status facts_of(ps_ctx *cx, ps_arena *arena, const ps_spill *spill, ps_spill_facts *out)
{
    *out = (ps_spill_facts){
        .payer = spill->payer->number,
        .parent = spill->payer->parent ? spill->payer->parent->number : 0,
        .payer_name = spill->payer->name,
        .directory = ps_arena_strndup(cx, arena, spill->directory, strlen(spill->directory)),
        .blocks = figure(&spill->blocks),
        .bytes_raw = figure(&spill->raw),
        .bytes = figure(&spill->next),
        .bytes_now = figure(&spill->charged),
        .encrypted = spill->cipher != NULL,
    };
    return out->directory ? PS_OK : PS_MEMORY;
}

ps_status ps_spill_list_look(ps_ctx *cx, ps_arena *arena, ps_spill_list *list, ps_spill_facts **out,
                             size_t *n)
{
    size_t room = 0;
    ps_status st = PS_OK;

    *n = 0;
    ps_mutex_lock(&list->mutex); /* no file goes meanwhile */
    for (const ps_spill *spill = list->first; spill; spill = spill->after) room++;
    *out = PS_ARENA_ARRAY(cx, arena, ps_spill_facts, room + 1);
    if (!*out) st = PS_MEMORY;
    for (const ps_spill *spill = list->first; spill && st == PS_OK; spill = spill->after)
        st = facts_of(cx, arena, spill, &(*out)[(*n)++]);
    ps_mutex_unlock(&list->mutex);
    return st;
}
