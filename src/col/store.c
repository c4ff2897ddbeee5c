/* col/store.c -- see store.h; what a column looks like in a file: segment_file.c. */
#include "base/hash.h"
#include "col/segment.h"

#include <string.h>

enum {
    GIVE_BYTES_MIN = 64 << 10, /* a store with less has nothing worth writing */
    BARREN_NS = 5000000,       /* after an attempt that gave nothing */
    POLL_NS = 4000000          /* who waits to write looks so often whether it is cancelled */
};
static const uint64_t FAILED_NS = 2000000000; /* after one that the disk refused */

/* ---- files ---- */

static void file_destroy(ps_owner *owner)
{
    struct ps_store_file *file = (struct ps_store_file *)(void *)owner;

    ps_spill_free(file->spill);
    ps_free(file->directory);
    ps_free(file);
}

static void file_unref(struct ps_store_file *file)
{
    if (file) ps_owner_unref(&file->owner);
}

static ps_status file_new(ps_ctx *cx, const ps_spill_options *how, struct ps_store_file **out)
{
    const size_t n = strlen(how->directory) + 1;
    struct ps_store_file *file = ps_alloc_zero(cx, sizeof(*file));
    ps_status st = PS_MEMORY;

    *out = NULL;
    if (!file) return PS_MEMORY;
    ps_owner_init(&file->owner, file_destroy);
    file->directory = ps_alloc(cx, n);
    if (file->directory) {
        memcpy(file->directory, how->directory, n);
        st = ps_spill_new(cx, how, &file->spill);
    }
    if (st == PS_OK) *out = file;
    else file_unref(file);
    return st;
}

/* The file to write to: a new one where another directory is wanted. is_giving is ours. */
static ps_status file_for(ps_ctx *cx, ps_store *store, const ps_spill_options *how, bool encrypt,
                          struct ps_store_file **out)
{
    const char *directory = how->directory ? how->directory : "";
    struct ps_store_file **now = &store->files[encrypt];
    struct ps_store_file *made;

    if (!*now || strcmp((*now)->directory, directory) != 0) {
        const ps_spill_options own = {
            .directory = directory, .encrypt = encrypt, .list = &store->spills};
        PS_TRY(file_new(cx, &own, &made));
        file_unref(*now); /* segments keep it while they need it */
        *now = made;
    }
    *out = *now;
    return PS_OK;
}

/* Takes out files that no segment is in any more: not every file system gives a hole's room back,
 * and nobody should wait for the next one to be written. The mutex is held, and nobody else writes:
 * so a file that only the store has stays so. */
static void take_spent(ps_store *store, struct ps_store_file *spent[2])
{
    for (int i = 0; i < 2; i++) {
        struct ps_store_file *file = store->files[i];

        spent[i] = NULL;
        if (!file || atomic_load_explicit(&file->owner.refs, memory_order_acquire) != 1) continue;
        spent[i] = file;
        store->files[i] = NULL;
    }
}

void ps_store_left_files(ps_store *store)
{
    struct ps_store_file *spent[2] = {NULL, NULL};

    ps_mutex_lock(&store->mutex);
    if (!store->is_giving) take_spent(store, spent); /* else who writes does it at its end */
    ps_mutex_unlock(&store->mutex);
    file_unref(spent[0]);
    file_unref(spent[1]);
}

/* ---- the store ---- */

static void store_destroy(ps_owner *owner)
{
    ps_store *store = (ps_store *)(void *)owner;
    ps_mem *mem = store->mem;

    PS_ASSERT(!store->first);
    file_unref(store->files[0]);
    file_unref(store->files[1]);
    ps_spill_list_release(&store->spills);
    ps_cond_destroy(&store->gave);
    ps_mutex_destroy(&store->mutex);
    ps_free(store);
    ps_mem_close(mem);
}

ps_status ps_store_new(ps_ctx *cx, ps_mem *parent, ps_store **out)
{
    ps_store *store = ps_alloc_zero(cx, sizeof(*store));

    *out = NULL;
    if (!store) return PS_MEMORY;
    store->mem = ps_mem_new(cx, parent, "tables", 0);
    if (!store->mem) {
        ps_free(store);
        return PS_MEMORY;
    }
    ps_owner_init(&store->owner, store_destroy);
    ps_spill_list_init(&store->spills);
    ps_cond_init(&store->gave);
    ps_mutex_init(&store->mutex);
    *out = store;
    return PS_OK;
}

void ps_store_add(ps_store *store, ps_segment_body *body)
{
    ps_mutex_lock(&store->mutex);
    body->after = store->first;
    if (store->first) store->first->before = body;
    store->first = body;
    ps_mutex_unlock(&store->mutex);
}

void ps_store_remove(ps_store *store, ps_segment_body *body)
{
    ps_mutex_lock(&store->mutex);
    if (body->after) body->after->before = body->before;
    if (body->before) body->before->after = body->after;
    else store->first = body->after;
    ps_mutex_unlock(&store->mutex);
}

void ps_segment_count(ps_segment_body *body, int64_t bytes)
{
    if (!body->store) return;
    /* relaxed: figures; who acts on them looks again */
    atomic_fetch_add_explicit(&body->resident, (uint64_t)bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&body->store->resident, (uint64_t)bytes, memory_order_relaxed);
}

/* ---- giving back ---- */

/* One more reference, unless the last one is gone: the list has none of its own. */
static bool ref_alive(ps_owner *owner)
{
    uint32_t refs = atomic_load_explicit(&owner->refs, memory_order_relaxed);

    while (refs > 0) {
        if (atomic_compare_exchange_weak_explicit(&owner->refs, &refs, refs + 1,
                                                  memory_order_relaxed, memory_order_relaxed))
            return true;
    }
    return false;
}

/* What was read longest ago, of those the larger, that this pass hasn't tried. The list is held. */
static ps_segment_body *pick_one(const ps_store *store)
{
    ps_segment_body *best = NULL;
    uint64_t best_ns = 0, best_bytes = 0;

    for (ps_segment_body *body = store->first; body; body = body->after) {
        const uint64_t bytes = atomic_load_explicit(&body->resident, memory_order_relaxed);
        const uint64_t ns = atomic_load_explicit(&body->read_ns, memory_order_relaxed);

        if (bytes == 0 || body->pass == store->pass) continue;
        if (best && (ns > best_ns || (ns == best_ns && bytes <= best_bytes))) continue;
        best = body;
        best_ns = ns;
        best_bytes = bytes;
    }
    if (best) best->pass = store->pass;
    return best;
}

/* One to be tried, with a reference; NULL: none is left. One that is being freed is none to try,
 * but no reason to leave out the others. */
static ps_segment_body *pick(ps_store *store)
{
    ps_segment_body *best;

    ps_mutex_lock(&store->mutex);
    do best = pick_one(store);
    while (best && !ref_alive(&best->head.owner));
    ps_mutex_unlock(&store->mutex);
    return best;
}

/* The column's rows with a reference, if nobody else but the segment has one. */
static ps_col_rows *take_unread(ps_segment_body *body, ps_segment_col *col)
{
    ps_col_rows *rows = NULL;

    ps_mutex_lock(&body->mutex);
    /* acquire: as who frees it, which we may be */
    if (col->rows && atomic_load_explicit(&col->rows->owner.refs, memory_order_acquire) == 1) {
        rows = col->rows;
        ps_owner_ref(&rows->owner);
    }
    ps_mutex_unlock(&body->mutex);
    return rows;
}

/* With a reference on its rows: they are in the file by now, and go unless somebody began to read
 * them. */
static uint64_t let_go(ps_segment_body *body, ps_segment_col *col, ps_col_rows *rows,
                       ps_col_file *file)
{
    uint64_t given = 0;

    ps_mutex_lock(&body->mutex);
    if (file) col->file = file;
    if (atomic_load_explicit(&rows->owner.refs, memory_order_acquire) == 2) {
        col->rows = NULL;
        given = col->bytes;
    }
    ps_mutex_unlock(&body->mutex);
    if (given) {
        ps_segment_count(body, -(int64_t)given);
        ps_col_rows_unref(rows);
    }
    ps_col_rows_unref(rows);
    return given;
}

/* Into the file, which only we write to. */
static ps_status write_rows(ps_ctx *cx, struct ps_store_file *to, const ps_spill_options *how,
                            const ps_segment_body *body, const ps_segment_col *col,
                            const ps_col_sealed *rows, ps_col_file **out)
{
    const uint64_t before = ps_spill_bytes(to->spill);

    PS_TRY(ps_col_write(cx, to, rows, col->whole ? body->head.n_rows : body->rows_part, out));
    if (how->written) /* relaxed: a figure */
        atomic_fetch_add_explicit(how->written, ps_spill_bytes(to->spill) - before,
                                  memory_order_relaxed);
    return PS_OK;
}

static ps_status give_segment(ps_ctx *cx, ps_store *store, const ps_spill_options *how,
                              ps_segment_body *body, uint64_t *given)
{
    struct ps_store_file *to = NULL;

    for (uint32_t c = 0; c < body->head.n_cols; c++) {
        ps_segment_col *col = &body->head.cols[c];
        ps_col_file *file = NULL;
        ps_status st = PS_OK;

        if (col->bytes == 0) continue;
        ps_col_rows *rows = take_unread(body, col);
        if (!rows) continue;
        if (!col->file) { /* only we set it */
            if (!to) st = file_for(cx, store, how, how->encrypt || body->encrypt, &to);
            if (st == PS_OK) st = write_rows(cx, to, how, body, col, &rows->col, &file);
        }
        if (st != PS_OK) {
            ps_col_rows_unref(rows);
            return st;
        }
        *given += let_go(body, col, rows, file);
    }
    return PS_OK;
}

/* The cap that a session has set for temporary files. relaxed: read by charges of this thread, or
 * of who writes later; is_giving is ours. */
static void cap_disk(ps_store *store, const ps_spill_options *how)
{
    atomic_store_explicit(&store->mem->disk_limit, (int64_t)PS_MIN(how->bytes_max, INT64_MAX),
                          memory_order_relaxed);
}

/* Waits until nobody else writes. */
static ps_status giving_begin(ps_ctx *cx, ps_store *store)
{
    for (;;) {
        ps_mutex_lock(&store->mutex);
        if (store->is_giving || store->n_waiting > 0) { /* behind those who wait already */
            store->n_waiting++;
            ps_cond_wait_ns(&store->gave, &store->mutex, POLL_NS);
            store->n_waiting--;
        }
        const bool mine = !store->is_giving;
        store->is_giving = true;
        ps_mutex_unlock(&store->mutex);
        if (mine) return PS_OK;
        PS_TRY(ps_poll(cx));
    }
}

static void giving_end(ps_store *store)
{
    struct ps_store_file *spent[2];

    ps_mutex_lock(&store->mutex);
    take_spent(store, spent);
    store->is_giving = false;
    ps_cond_signal(&store->gave);
    ps_mutex_unlock(&store->mutex);
    file_unref(spent[0]);
    file_unref(spent[1]);
}

ps_status ps_store_give_segment(ps_ctx *cx, ps_store *store, const ps_spill_options *how,
                                ps_segment *segment)
{
    ps_mem *const payer = cx->mem;
    const bool before = ps_giving_back(cx, true);
    uint64_t given = 0;

    cx->mem = store->mem;
    ps_status st = giving_begin(cx, store);
    if (st == PS_OK) {
        cap_disk(store, how);
        st = give_segment(cx, store, how, ps_segment_body_of(segment), &given);
        giving_end(store);
    }
    cx->mem = payer;
    ps_giving_back(cx, before);
    return st;
}

bool ps_store_has(ps_store *store)
{
    /* relaxed: a hint */
    return atomic_load_explicit(&store->resident, memory_order_relaxed) >= GIVE_BYTES_MIN &&
           ps_clock_ns() >= atomic_load_explicit(&store->barren_ns, memory_order_relaxed);
}

/* What is wanted of the file, by which one session's failures don't count for others. */
static uint64_t hash_of(const ps_spill_options *how)
{
    const char *directory = how->directory ? how->directory : "";

    return ps_hash_bytes(directory, strlen(directory), how->bytes_max);
}

bool ps_store_failed(const ps_store *store, const ps_spill_options *how)
{
    /* relaxed: a hint, and the two belong together as a rule */
    return ps_clock_ns() < atomic_load_explicit(&store->failed_ns, memory_order_relaxed) &&
           hash_of(how) == atomic_load_explicit(&store->failed_how, memory_order_relaxed);
}

bool ps_store_refused(ps_store *store, const ps_spill_options *how, uint64_t since_ns,
                      ps_error *why)
{
    ps_mutex_lock(&store->mutex);
    *why = store->refused;
    const bool same =
        atomic_load_explicit(&store->resident, memory_order_relaxed) >= GIVE_BYTES_MIN &&
        atomic_load_explicit(&store->failed_ns, memory_order_relaxed) > since_ns &&
        hash_of(how) == atomic_load_explicit(&store->failed_how, memory_order_relaxed);
    ps_mutex_unlock(&store->mutex);
    return same;
}

static void note_failure(const ps_ctx *cx, ps_store *store, const ps_spill_options *how,
                         ps_status st)
{
    if (st != PS_IO && st != PS_DISK_FULL) return;
    ps_mutex_lock(&store->mutex);
    store->refused = cx->error;
    atomic_store_explicit(&store->failed_how, hash_of(how), memory_order_relaxed);
    atomic_store_explicit(&store->failed_ns, ps_clock_ns() + FAILED_NS, memory_order_relaxed);
    ps_mutex_unlock(&store->mutex);
}

static ps_status give(ps_ctx *cx, ps_store *store, const ps_spill_options *how, uint64_t bytes,
                      uint64_t *given)
{
    ps_segment_body *body;
    ps_status st = PS_OK;

    cap_disk(store, how);
    store->pass++;
    while (st == PS_OK && *given < bytes && (body = pick(store))) {
        st = give_segment(cx, store, how, body, given);
        ps_owner_unref(&body->head.owner);
        if (st == PS_OK) st = ps_poll(cx);
    }
    return st;
}

ps_status ps_store_give(ps_ctx *cx, ps_store *store, const ps_spill_options *how, uint64_t bytes,
                        uint64_t *given)
{
    ps_mem *const payer = cx->mem;
    const bool before = ps_giving_back(cx, true);

    *given = 0;
    cx->mem = store->mem;
    ps_status st = giving_begin(cx, store);
    if (st == PS_OK) {
        st = give(cx, store, how, bytes, given);
        giving_end(store);
    }
    cx->mem = payer;
    ps_giving_back(cx, before);
    note_failure(cx, store, how, st);
    if (*given == 0)
        atomic_store_explicit(&store->barren_ns, ps_clock_ns() + BARREN_NS, memory_order_relaxed);
    return st;
}

ps_status ps_store_make_room(ps_ctx *cx, ps_store *store, const ps_spill_options *how,
                             uint64_t bytes, bool *fits)
{
    uint64_t left = 0, given = 1;

    while (given > 0 && (left = ps_mem_left_beside(cx->mem, store->mem)) < bytes)
        PS_TRY(ps_store_give(cx, store, how, bytes - left, &given));
    *fits = left >= bytes;
    return PS_OK;
}
