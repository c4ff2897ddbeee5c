/* base/mem.c -- payers, and the block allocator.
 *
 * A block is a 64-byte header, the usable bytes, and a tail of 64 bytes that may be read so
 * that kernels can load whole vectors at the end. What is charged is the whole of it,
 * rounded to its size class: the books follow what the system really gave.
 *
 * Blocks of PS_BLOCK_BYTES and more are mappings of our own in classes of four steps per
 * doubling. Freed ones wait in a cache that is bounded by CACHE_BYTES_MAX and by what the
 * payer's limit leaves: used + cached stays below the limit, so that the limit holds for
 * resident memory too. Smaller blocks are malloc's, which keeps what is freed: as much as they
 * were at most since it last gave that back counts as cached, too. It keeps more where blocks never
 * come to lie in the same places, which can't be told: where memory is short columns of batches,
 * most of what comes and goes, are mappings too, in steps of a page. (Always: 5 % of TPC-H in
 * memory.) Under the address sanitizer all come from malloc, which finds leaks and overflows.
 *
 * Threads: payers are atomics; each class of the cache has a mutex.
 * Process-wide state (the cache, the list of payers, fault injection) is the one exception to "no
 * mutable globals": pages belong to the process, whatever instance used them.
 * Tests: tests/unit/test_base_mem.c */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* mremap */
#endif
#include "base/mem.h"

#include "base/thread.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define MEM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEM_ASAN 1
#endif
#endif
#ifndef MEM_ASAN
#define MEM_ASAN 0
#endif
/* The thread sanitizer doesn't see that mremap gives an address up: the next owner would seem to
 * race with the last one. */
#if MEM_ASAN || defined(__SANITIZE_THREAD__)
#define MEM_REMAPS 0
#else
#define MEM_REMAPS 1
#endif

enum {
    HEADER_BYTES = 64,
    TAIL_BYTES = 64,
    PAGE_BYTES = 4 << 10,
    COLUMN_BYTES = 16 << 10, /* from here on blocks are mapped where memory is short */
    COLUMN_CLASSES = (PS_BLOCK_BYTES - COLUMN_BYTES) / PAGE_BYTES,
    COLUMN_LIMIT_MIN = 128 << 20, /* below it what malloc keeps is in the bar */
    COLUMNS_MAX = 16 << 10,       /* the system bounds the number of mappings: 65,530 */
    CLASS_COUNT =
        COLUMN_CLASSES + 64, /* 64 KiB << (class / 4), up to 4 GiB; larger ones aren't cached */
    CACHED_BLOCK_MAX = 64 << 20,
    CACHE_BYTES_MAX = 256 << 20,
    OVERDRAFT_SHARE_OF = 16, /* of a limit, and at most so much: well within the bar */
    OVERDRAFT_SHARE_MAX = 4 << 20,
    SMALL_STEP = 64 << 10, /* small blocks grow by it between two looks at the limit */
    SMALL_BOOKS = 16,
    SMALL_KEPT_MIN = 4 << 20, /* of freed small blocks: less is not worth asking malloc for */
};

enum { KIND_SMALL = 0x736d616c, KIND_MAPPED = 0x6d617070, KIND_FREED = 0x66726565 };

typedef struct block {
    ps_mem *payer;
    size_t total; /* bytes with header and tail: what was charged */
    uint32_t kind;
    uint32_t books;     /* of a small one: where it is counted */
    struct block *next; /* while it is in the cache */
} block;
PS_STATIC_ASSERT(sizeof(block) <= HEADER_BYTES, "the header must fit");

typedef struct block_list {
    pthread_mutex_t mutex; /* guards first */
    block *first;
} block_list;

/* GNU range initialisers: a static mutex needs no start-up call. */
static block_list cache[CLASS_COUNT] = {
    [0 ... CLASS_COUNT - 1] = {PTHREAD_MUTEX_INITIALIZER, NULL}};
static _Atomic int64_t cached_bytes;
static _Atomic unsigned evicted_last; /* the class after the one that gave a block up last */
static _Atomic int32_t
    columns_mapped; /* blocks below PS_BLOCK_BYTES that are mappings, cached ones too */
/* Bytes of the small blocks that some threads made: now, and about the most since malloc gave back
 * what it keeps. By thread, because malloc's arenas are: what one keeps is of no use to another. */
typedef struct small_books {
    _Atomic int64_t bytes, high;
} small_books;
static small_books small[SMALL_BOOKS];

/* Held while kept pages go back: who needs their room waits until they are gone. */
static pthread_mutex_t trim_mutex = PTHREAD_MUTEX_INITIALIZER;

/* ---- payers ---- */

/* Every counted payer of the process; guards newest, next_number and the links. */
static pthread_mutex_t payers_mutex = PTHREAD_MUTEX_INITIALIZER;
static ps_mem *newest;
static uint64_t next_number = 1;

void ps_mem_init(ps_mem *mem, ps_mem *parent, const char *name, uint64_t limit)
{
    mem->parent = parent;
    mem->name = name;
    mem->counted = false;
    mem->number = 0;
    mem->older = mem->newer = NULL;
    mem->beside = NULL;
    atomic_init(&mem->closed, false);
    atomic_init(&mem->reserve, 0);
    atomic_init(&mem->spare, 0);
    atomic_init(&mem->used, 0);
    atomic_init(&mem->peak, 0);
    atomic_init(&mem->limit, limit > INT64_MAX ? 0 : (int64_t)limit);
    atomic_init(&mem->disk, 0);
    atomic_init(&mem->disk_limit, 0);
}

static void payer_enlist(ps_mem *mem)
{
    pthread_mutex_lock(&payers_mutex);
    mem->number = next_number++;
    mem->older = newest;
    if (newest) newest->newer = mem;
    newest = mem;
    pthread_mutex_unlock(&payers_mutex);
}

static void payer_free(ps_mem *mem)
{
    pthread_mutex_lock(&payers_mutex);
    if (mem->older) mem->older->newer = mem->newer;
    if (mem->newer) mem->newer->older = mem->older;
    else newest = mem->older;
    pthread_mutex_unlock(&payers_mutex);
    if (mem->beside) ps_mem_uncharge(mem->beside, 1);
    free(mem);
}

static ps_mem_facts facts_of(const ps_mem *mem)
{
    /* relaxed: figures for display */
    return (ps_mem_facts){.number = mem->number,
                          .parent = mem->parent ? mem->parent->number : 0,
                          .name = mem->name,
                          .used = atomic_load_explicit(&mem->used, memory_order_relaxed),
                          .peak = atomic_load_explicit(&mem->peak, memory_order_relaxed),
                          .limit = atomic_load_explicit(&mem->limit, memory_order_relaxed),
                          .reserve = atomic_load_explicit(&mem->reserve, memory_order_relaxed),
                          .disk = atomic_load_explicit(&mem->disk, memory_order_relaxed),
                          .disk_limit =
                              atomic_load_explicit(&mem->disk_limit, memory_order_relaxed),
                          .closed = atomic_load_explicit(&mem->closed, memory_order_relaxed)};
}

/* A listed payer keeps its parents: they are charged for it until it has left the list. */
size_t ps_mem_list(const ps_mem *root, ps_mem_facts *out, size_t room)
{
    size_t n = 0;

    pthread_mutex_lock(&payers_mutex);
    const ps_mem *mem = newest;
    while (mem && mem->older) mem = mem->older;
    for (; mem; mem = mem->newer) {
        const ps_mem *level = mem;

        while (level && level != root) level = level->parent;
        if (!level) continue;
        if (n < room) out[n] = facts_of(mem);
        n++;
    }
    pthread_mutex_unlock(&payers_mutex);
    return n;
}

/* A counted payer and its parents are charged one byte for being open; whoever takes used to 0
 * is the last and frees it. So `used` is the reference count. */
ps_mem *ps_mem_new(ps_ctx *cx, ps_mem *parent, const char *name, uint64_t limit)
{
    ps_mem *mem = ps_mem_fault_due() ? NULL : malloc(sizeof(*mem));

    if (!mem) {
        ps_fail_memory(cx, sizeof(*mem));
        return NULL;
    }
    ps_mem_init(mem, parent, name, limit);
    mem->counted = true;
    atomic_init(&mem->used, 1);
    for (ps_mem *level = parent; level; level = level->parent)
        atomic_fetch_add_explicit(&level->used, 1, memory_order_relaxed);
    payer_enlist(mem);
    return mem;
}

void ps_mem_close(ps_mem *mem)
{
    if (!mem) return;
    atomic_store_explicit(&mem->closed, true, memory_order_relaxed);
    ps_mem_uncharge(mem, 1);
}

void ps_mem_set_beside(ps_mem *mem, ps_mem *other)
{
    for (ps_mem *level = other; level; level = level->parent)
        atomic_fetch_add_explicit(&level->used, 1, memory_order_relaxed);
    mem->beside = other;
}

/* An eighth is theirs whatever is beside them, so that a statement can always begin, and give
 * memory back. */
int64_t ps_mem_own_limit(const ps_mem *mem)
{
    const int64_t limit = atomic_load_explicit(&mem->limit, memory_order_relaxed);

    if (PS_LIKELY(!mem->beside) || limit == 0) return limit;
    const int64_t used = atomic_load_explicit(&mem->beside->used, memory_order_relaxed);
    return PS_MAX(limit - PS_MIN(used, limit - limit / 8), 1);
}

static void peak_raise(ps_mem *mem, int64_t used)
{
    int64_t peak = atomic_load_explicit(&mem->peak, memory_order_relaxed);

    while (used > peak &&
           !atomic_compare_exchange_weak_explicit(&mem->peak, &peak, used, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

uint64_t ps_mem_overdraft(uint64_t limit)
{
    return PS_MIN(limit / OVERDRAFT_SHARE_OF, (uint64_t)OVERDRAFT_SHARE_MAX);
}

/* What is charged above a limit. */
typedef enum overdraft { OVERDRAFT_NONE, OVERDRAFT_SHARE, OVERDRAFT_ANY } overdraft;

/* Charges one level. A level with a limit is never above it but by an overdraft, not even for a
 * moment: else two charges that don't both fit could refuse each other. relaxed throughout: the
 * counters order no other memory. */
static bool charge_level(ps_mem *mem, int64_t bytes, overdraft most)
{
    int64_t limit = ps_mem_own_limit(mem);
    int64_t used;

    if (most == OVERDRAFT_SHARE) limit += (int64_t)ps_mem_overdraft((uint64_t)limit);
    if (limit == 0 || most == OVERDRAFT_ANY) {
        used = atomic_fetch_add_explicit(&mem->used, bytes, memory_order_relaxed) + bytes;
    } else {
        int64_t old = atomic_load_explicit(&mem->used, memory_order_relaxed);
        do {
            if (old > limit - bytes) return false;
            used = old + bytes;
        } while (!atomic_compare_exchange_weak_explicit(
            &mem->used, &old, used, memory_order_relaxed, memory_order_relaxed));
    }
    peak_raise(mem, used);
    return true;
}

/* What of `bytes` the level's own reserve pays for. */
static int64_t spare_take(ps_mem *mem, int64_t bytes)
{
    int64_t spare = atomic_load_explicit(&mem->spare, memory_order_relaxed);

    while (spare > 0) {
        const int64_t taken = PS_MIN(spare, bytes);

        if (atomic_compare_exchange_weak_explicit(&mem->spare, &spare, spare - taken,
                                                  memory_order_relaxed, memory_order_relaxed))
            return taken;
    }
    return 0;
}

/* What of `bytes` that are about to be given back the level keeps for itself. Two threads may keep
 * a little too much or too little between them; the next call mends it, and the parents' books
 * always hold. */
static int64_t spare_keep(ps_mem *mem, int64_t bytes)
{
    const int64_t reserve = atomic_load_explicit(&mem->reserve, memory_order_relaxed);

    if (PS_LIKELY(reserve == 0)) return 0;
    const int64_t after = atomic_load_explicit(&mem->used, memory_order_relaxed) - bytes;
    const int64_t lack = reserve - after - atomic_load_explicit(&mem->spare, memory_order_relaxed);
    const int64_t kept = PS_MAX(PS_MIN(bytes, lack), 0);
    atomic_fetch_add_explicit(&mem->spare, kept, memory_order_relaxed);
    return kept;
}

/* Recursion follows the payers, which are few deep. */
static bool charge_up(ps_mem *mem, int64_t bytes, overdraft most)
{
    if (!mem || bytes == 0) return true;
    if (!charge_level(mem, bytes, most)) return false;
    const int64_t taken = spare_take(mem, bytes);
    if (charge_up(mem->parent, bytes - taken, most)) return true;
    atomic_fetch_add_explicit(&mem->spare, taken, memory_order_relaxed);
    atomic_fetch_sub_explicit(&mem->used, bytes, memory_order_relaxed);
    return false;
}

bool ps_mem_try_charge(ps_mem *mem, size_t bytes)
{
    return bytes <= INT64_MAX / 4 && charge_up(mem, (int64_t)bytes, OVERDRAFT_NONE);
}

/* For an allocation. Who asks first whether there is room asks between two batches, and several may
 * be told yes at once: what they take in a batch may then overdraw a little, for until the next one
 * tells them to give back. What gives memory back may overdraw in any case. */
static bool charge_for(const ps_ctx *cx, ps_mem *mem, size_t bytes)
{
    const overdraft most = cx->gives_back ? OVERDRAFT_ANY : OVERDRAFT_SHARE;

    return ps_mem_try_charge(mem, bytes) ||
           (bytes <= PS_OVERDRAFT_BYTES && charge_up(mem, (int64_t)bytes, most));
}

bool ps_mem_reserve(ps_mem *mem, uint64_t bytes)
{
    const int64_t used = atomic_load_explicit(&mem->used, memory_order_relaxed);
    const int64_t spare = atomic_load_explicit(&mem->spare, memory_order_relaxed);
    const int64_t lack = bytes > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)bytes - used - spare;

    if (lack > 0 && !charge_up(mem->parent, lack, OVERDRAFT_NONE)) return false;
    atomic_store_explicit(&mem->reserve, (int64_t)bytes, memory_order_relaxed);
    if (lack > 0) {
        atomic_fetch_add_explicit(&mem->spare, lack, memory_order_relaxed);
    } else {
        const int64_t back = spare_take(mem, bytes ? -lack : INT64_MAX);
        if (back > 0) ps_mem_uncharge(mem->parent, (size_t)back);
    }
    return true;
}

uint64_t ps_mem_spare(const ps_mem *mem)
{
    return (uint64_t)PS_MAX(atomic_load_explicit(&mem->spare, memory_order_relaxed), 0);
}

uint64_t ps_mem_above_reserve(const ps_mem *mem)
{
    const int64_t above = atomic_load_explicit(&mem->used, memory_order_relaxed) -
                          atomic_load_explicit(&mem->reserve, memory_order_relaxed);

    return (uint64_t)PS_MAX(above, 0);
}

ps_status ps_mem_charge(ps_ctx *cx, ps_mem *mem, size_t bytes)
{
    ps_mem *const own = cx->mem;

    if (PS_LIKELY(ps_mem_try_charge(mem, bytes))) return PS_OK;
    cx->mem = mem; /* the message names the payer that was asked */
    ps_fail_memory(cx, bytes);
    cx->mem = own;
    return PS_MEMORY;
}

void ps_mem_uncharge(ps_mem *mem, size_t bytes)
{
    while (mem) {
        ps_mem *const parent = mem->parent; /* read before another thread may free mem */
        const bool counted = mem->counted;
        const int64_t kept = spare_keep(mem, (int64_t)bytes);
        /* acq_rel: the one that frees mem comes after everybody else's last use of it */
        const int64_t old =
            atomic_fetch_sub_explicit(&mem->used, (int64_t)bytes, memory_order_acq_rel);
        PS_ASSERT(old >= (int64_t)bytes);
        bytes -= (size_t)kept;
        if (counted && old == (int64_t)bytes + kept) {
            bytes += ps_mem_spare(mem); /* what two threads kept at once */
            payer_free(mem);
        }
        mem = bytes ? parent : NULL;
    }
}

uint64_t ps_mem_limit(const ps_mem *mem)
{
    uint64_t lowest = UINT64_MAX;

    for (; mem; mem = mem->parent) {
        const int64_t limit = atomic_load_explicit(&mem->limit, memory_order_relaxed);
        if (limit) lowest = PS_MIN(lowest, (uint64_t)limit);
    }
    return lowest;
}

uint64_t ps_mem_left(const ps_mem *mem)
{
    uint64_t left = UINT64_MAX, spare = 0;

    for (; mem; mem = mem->parent) {
        const int64_t limit = ps_mem_own_limit(mem);
        const int64_t used = atomic_load_explicit(&mem->used, memory_order_relaxed);
        if (limit) left = PS_MIN(left, spare + (used < limit ? (uint64_t)(limit - used) : 0));
        /* above this level what is set aside below it is charged already */
        spare += ps_mem_spare(mem);
    }
    return left;
}

uint64_t ps_mem_left_beside(const ps_mem *mem, const ps_mem *other)
{
    uint64_t left = ps_mem_left(other);

    for (; mem; mem = mem->parent) {
        const int64_t limit = atomic_load_explicit(&mem->limit, memory_order_relaxed);

        if (limit == 0 || mem->beside != other) continue;
        const int64_t used = atomic_load_explicit(&mem->used, memory_order_relaxed) +
                             atomic_load_explicit(&other->used, memory_order_relaxed);
        left = PS_MIN(left, (uint64_t)PS_MAX(limit - used, 0));
    }
    return left;
}

/* Adds first and looks then: two charges that don't both fit may refuse each other, which for files
 * only means that the cap was as good as reached. relaxed: the counters order nothing. */
bool ps_mem_try_charge_disk(ps_mem *mem, uint64_t bytes, const ps_mem **full)
{
    if (bytes > INT64_MAX / 4) {
        *full = mem;
        return false;
    }
    for (ps_mem *level = mem; level; level = level->parent) {
        const int64_t limit = atomic_load_explicit(&level->disk_limit, memory_order_relaxed);
        const int64_t used =
            atomic_fetch_add_explicit(&level->disk, (int64_t)bytes, memory_order_relaxed) +
            (int64_t)bytes;

        if (limit == 0 || used <= limit) continue;
        for (ps_mem *undo = mem; undo != level->parent; undo = undo->parent)
            atomic_fetch_sub_explicit(&undo->disk, (int64_t)bytes, memory_order_relaxed);
        *full = level;
        return false;
    }
    return true;
}

void ps_mem_uncharge_disk(ps_mem *mem, uint64_t bytes)
{
    for (; mem; mem = mem->parent)
        atomic_fetch_sub_explicit(&mem->disk, (int64_t)bytes, memory_order_relaxed);
}

/* ---- fault injection ---- */

static _Atomic int64_t fail_countdown; /* 0: off, or over; FAIL_ALL: every one fails */
static _Atomic bool fail_forever;
enum { FAIL_ALL = -1 };
static _Atomic uint64_t alloc_count;

#ifdef PS_DEV
static void fault_from_environment(void)
{
    const char *text = getenv("PS_FAIL_ALLOC");
    if (text) ps_mem_fail_after(strtoll(text, NULL, 10), false);
}
#endif

void ps_mem_fail_after(int64_t n, bool forever)
{
    atomic_store(&fail_forever, forever);
    atomic_store(&fail_countdown, n);
}

int64_t ps_mem_fail_left(void)
{
    const int64_t left = atomic_load(&fail_countdown);

    return left > 0 ? left : 0;
}

uint64_t ps_mem_alloc_count(void)
{
    return atomic_load_explicit(&alloc_count, memory_order_relaxed);
}

bool ps_mem_fault_due(void)
{
#ifdef PS_DEV
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fault_from_environment);
#endif
    atomic_fetch_add_explicit(&alloc_count, 1, memory_order_relaxed);
    if (PS_LIKELY(atomic_load_explicit(&fail_countdown, memory_order_relaxed) == 0)) return false;
    int64_t at = atomic_load(&fail_countdown);
    while (at > 0) {
        const int64_t next = at == 1 && atomic_load(&fail_forever) ? FAIL_ALL : at - 1;
        if (atomic_compare_exchange_weak(&fail_countdown, &at, next)) return at == 1;
    }
    return at == FAIL_ALL;
}

/* ---- pages ---- */

/* The class of a mapping of at least total bytes, and its exact size. */
static unsigned class_of(size_t total, size_t *size)
{
    unsigned doubling = 0;

    if (total < PS_BLOCK_BYTES) {
        const size_t pages = (total + PAGE_BYTES - 1) / PAGE_BYTES;

        *size = pages * PAGE_BYTES;
        return (unsigned)(pages - COLUMN_BYTES / PAGE_BYTES);
    }
    while (((size_t)PS_BLOCK_BYTES << doubling) * 2 <= total) doubling++;
    const size_t base = (size_t)PS_BLOCK_BYTES << doubling;
    const size_t step = base / 4;
    const size_t steps = total <= base ? 0 : (total - base + step - 1) / step;
    *size = base + steps * step;
    return COLUMN_CLASSES + doubling * 4 + (unsigned)steps;
}

/* A mapping of so many bytes came or went. */
static void columns_count(size_t size, int change)
{
    if (size < PS_BLOCK_BYTES)
        atomic_fetch_add_explicit(&columns_mapped, change, memory_order_relaxed);
}

static void pages_give(void *pages, size_t size)
{
    columns_count(size, -1);
#if MEM_ASAN
    (void)size;
    free(pages);
#else
    munmap(pages, size);
#endif
}

static void *pages_take(size_t size)
{
#if MEM_ASAN
    void *pages = NULL;
    if (posix_memalign(&pages, PS_ALIGN, size) != 0) return NULL;
#else
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return NULL;
#endif
    columns_count(size, 1);
    return pages;
}

static block *cache_take(unsigned class)
{
    if (class >= CLASS_COUNT) return NULL;
    block_list *list = &cache[class];
    pthread_mutex_lock(&list->mutex);
    block *found = list->first;
    if (found) list->first = found->next;
    pthread_mutex_unlock(&list->mutex);
    if (found)
        atomic_fetch_sub_explicit(&cached_bytes, (int64_t)found->total, memory_order_relaxed);
    return found;
}

/* What malloc keeps of small blocks, at most. relaxed: an estimate */
static int64_t small_kept(void)
{
    int64_t kept = 0;

    for (uint32_t i = 0; i < SMALL_BOOKS; i++) {
        const int64_t one = atomic_load_explicit(&small[i].high, memory_order_relaxed) -
                            atomic_load_explicit(&small[i].bytes, memory_order_relaxed);
        kept += PS_MAX(one, 0);
    }
    return kept < SMALL_KEPT_MIN ? 0 : kept;
}

/* Gives blocks of other classes back, in turn, until so many bytes went; false: there were fewer.
 * relaxed: any class will do */
static bool cache_evict(unsigned keep, int64_t bytes)
{
    for (unsigned looked = 0; bytes > 0 && looked < CLASS_COUNT;) {
        const unsigned class =
            atomic_load_explicit(&evicted_last, memory_order_relaxed) % CLASS_COUNT;
        block *victim = class == keep ? NULL : cache_take(class);

        if (victim) {
            bytes -= (int64_t)victim->total;
            pages_give(victim, victim->total);
            looked = 0;
        } else {
            looked++;
        }
        atomic_store_explicit(&evicted_last, class + 1, memory_order_relaxed);
    }
    return bytes <= 0;
}

/* Keeps a freed mapping if there is room in the cache and under the payer's limit, or if others
 * that wait there for longer can go: what the last query took may be of no use to this one. */
static bool cache_put(ps_mem *payer, unsigned class, block *freed)
{
    const int64_t bytes = (int64_t)freed->total;

    if (MEM_ASAN || class >= CLASS_COUNT || freed->total > CACHED_BLOCK_MAX) return false;
    const int64_t after =
        atomic_fetch_add_explicit(&cached_bytes, bytes, memory_order_relaxed) + bytes;
    const uint64_t left = PS_MIN(ps_mem_left(payer), (uint64_t)INT64_MAX);
    const int64_t room = PS_MIN((int64_t)CACHE_BYTES_MAX, (int64_t)left - small_kept());
    const int64_t over = after - PS_MAX(room, 0);
    if (over > 0 && (over > after - bytes || !cache_evict(class, over))) {
        atomic_fetch_sub_explicit(&cached_bytes, bytes, memory_order_relaxed);
        return false;
    }
    block_list *list = &cache[class];
    pthread_mutex_lock(&list->mutex);
    freed->next = list->first;
    list->first = freed;
    pthread_mutex_unlock(&list->mutex);
    return true;
}

static void trim_cache(void)
{
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        pthread_mutex_lock(&cache[class].mutex);
        block *list = cache[class].first;
        cache[class].first = NULL;
        pthread_mutex_unlock(&cache[class].mutex);
        while (list) {
            block *next = list->next;
            const int64_t bytes = (int64_t)list->total;
            pages_give(list, list->total);
            atomic_fetch_sub_explicit(&cached_bytes, bytes, memory_order_relaxed);
            list = next;
        }
    }
}

/* relaxed: an estimate. What is freed meanwhile may still be kept. */
static void trim_small(void)
{
    int64_t before[SMALL_BOOKS];

    for (uint32_t i = 0; i < SMALL_BOOKS; i++)
        before[i] = atomic_load_explicit(&small[i].bytes, memory_order_relaxed);
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    for (uint32_t i = 0; i < SMALL_BOOKS; i++) {
        const int64_t now = atomic_load_explicit(&small[i].bytes, memory_order_relaxed);
        atomic_store_explicit(&small[i].high, PS_MAX(before[i], now), memory_order_relaxed);
    }
}

void ps_mem_trim(void)
{
    pthread_mutex_lock(&trim_mutex);
    trim_cache();
    pthread_mutex_unlock(&trim_mutex);
}

/* ---- blocks ---- */

static block *header_of(const void *usable)
{
    block *header = (block *)(void *)((char *)(uintptr_t)usable - HEADER_BYTES);
    PS_ASSERT(header->kind == KIND_SMALL || header->kind == KIND_MAPPED);
    return header;
}

static void *usable_of(block *header) { return (char *)header + HEADER_BYTES; }

/* More than an eighth of a limit is in use. */
static bool is_short(const ps_mem *payer)
{
    for (; payer; payer = payer->parent) {
        const int64_t limit = atomic_load_explicit(&payer->limit, memory_order_relaxed);

        if (limit >= COLUMN_LIMIT_MIN &&
            atomic_load_explicit(&payer->used, memory_order_relaxed) > limit / 8)
            return true;
    }
    return false;
}

static bool is_mapped(const ps_mem *payer, size_t bytes)
{
    if (bytes < COLUMN_BYTES || bytes >= PS_BLOCK_BYTES) return bytes >= PS_BLOCK_BYTES;
    return atomic_load_explicit(&columns_mapped, memory_order_relaxed) < COLUMNS_MAX &&
           is_short(payer);
}

/* Bytes to charge for a block of `bytes` usable ones; 0: too many. class is for mappings. */
static size_t total_for(const ps_mem *payer, size_t bytes, bool *mapped, unsigned *class)
{
    size_t total;

    *class = CLASS_COUNT;
    *mapped = false;
    if (bytes > PTRDIFF_MAX / 4) return 0;
    *mapped = is_mapped(payer, bytes);
    total = (bytes + HEADER_BYTES + TAIL_BYTES + PS_ALIGN - 1) / PS_ALIGN * PS_ALIGN;
    if (*mapped) *class = class_of(total, &total);
    return total;
}

/* Whether what is kept fits beside what is charged. */
static bool kept_fits(const ps_mem *payer, int64_t kept)
{
    return kept <= 0 || (uint64_t)kept <= ps_mem_left(payer);
}

/* Empties what is kept if it doesn't fit: used + kept stays below the limit, also when that was
 * lowered since. */
static void cache_fit(const ps_mem *payer)
{
    const int64_t cached = atomic_load_explicit(&cached_bytes, memory_order_relaxed);

    if (kept_fits(payer, cached + small_kept())) return;
    pthread_mutex_lock(&trim_mutex);
    const int64_t kept = small_kept();
    if (kept > 0 && !kept_fits(payer, atomic_load(&cached_bytes) + kept)) trim_small();
    if (!kept_fits(payer, atomic_load(&cached_bytes))) trim_cache();
    pthread_mutex_unlock(&trim_mutex);
}

/* relaxed: counters */
static block *small_take(const ps_mem *payer, size_t total, uint32_t *books)
{
    /* one of sixteen by the thread's name: its upper bits after a multiplication mix all of them */
    *books = (uint32_t)((uint64_t)pthread_self() * 0x9E3779B97F4A7C15u >> 60);
    small_books *own = &small[*books];
    const int64_t add = (int64_t)total;
    const int64_t now = atomic_fetch_add_explicit(&own->bytes, add, memory_order_relaxed) + add;
    void *memory = NULL;

    if (now > atomic_load_explicit(&own->high, memory_order_relaxed)) {
        atomic_store_explicit(&own->high, now + SMALL_STEP, memory_order_relaxed);
        cache_fit(payer);
    }
    if (posix_memalign(&memory, PS_ALIGN, total) == 0) return memory;
    atomic_fetch_sub_explicit(&own->bytes, add, memory_order_relaxed);
    return NULL;
}

static void small_give(block *freed)
{
    atomic_fetch_sub_explicit(&small[freed->books].bytes, (int64_t)freed->total,
                              memory_order_relaxed);
    free(freed);
}

/* Memory of a block that was charged already. */
static block *block_take(ps_mem *payer, size_t total, bool mapped, unsigned class, uint32_t *books)
{
    *books = 0;
    if (!mapped) return small_take(payer, total, books);
    void *memory = cache_take(class);
    cache_fit(payer);
    if (!memory) memory = pages_take(total);
    if (memory) return memory;
    ps_mem_trim(); /* the system has no more: give back what waits, once */
    return pages_take(total);
}

static void *alloc_from(ps_ctx *cx, ps_mem *payer, size_t bytes)
{
    bool mapped;
    unsigned class;
    const size_t total = total_for(payer, bytes, &mapped, &class);

    if (total == 0 || ps_mem_fault_due() || !charge_for(cx, payer, total)) {
        ps_fail_memory(cx, total ? total : bytes);
        return NULL;
    }
    uint32_t books;
    block *header = block_take(payer, total, mapped, class, &books);
    if (!header) {
        ps_mem_uncharge(payer, total);
        ps_fail_memory(cx, total);
        return NULL;
    }
    *header = (block){
        .payer = payer, .total = total, .kind = mapped ? KIND_MAPPED : KIND_SMALL, .books = books};
    return usable_of(header);
}

void *ps_alloc(ps_ctx *cx, size_t bytes) { return alloc_from(cx, cx->mem, bytes); }

void *ps_alloc_zero(ps_ctx *cx, size_t bytes)
{
    void *usable = ps_alloc(cx, bytes);
    if (usable) memset(usable, 0, bytes);
    return usable;
}

#if MEM_REMAPS
/* Grows or shrinks a mapping by moving pages instead of bytes. */
static block *remap(ps_ctx *cx, block *old, size_t total)
{
    ps_mem *payer = old->payer;
    const size_t before = old->total;

    if (ps_mem_fault_due() || (total > before && !charge_for(cx, payer, total - before))) {
        ps_fail_memory(cx, total);
        return NULL;
    }
    if (total > before) cache_fit(payer);
    block *moved = mremap(old, before, total, MREMAP_MAYMOVE);
    if (moved == MAP_FAILED) {
        if (total > before) ps_mem_uncharge(payer, total - before);
        ps_fail_memory(cx, total);
        return NULL;
    }
    if (total < before) ps_mem_uncharge(payer, before - total);
    columns_count(before, -1);
    columns_count(total, 1);
    moved->total = total;
    return moved;
}
#endif

void *ps_realloc(ps_ctx *cx, void *usable, size_t bytes)
{
    bool mapped;
    unsigned class;

    if (!usable) return ps_alloc(cx, bytes);
    block *old = header_of(usable);
    const size_t total = total_for(old->payer, bytes, &mapped, &class);
    if (total == old->total && mapped == (old->kind == KIND_MAPPED)) return usable;
#if MEM_REMAPS
    if (total && mapped && old->kind == KIND_MAPPED) {
        block *moved = remap(cx, old, total);
        return moved ? usable_of(moved) : NULL;
    }
#endif
    void *fresh = alloc_from(cx, old->payer, bytes);
    if (!fresh) return NULL;
    memcpy(fresh, usable, PS_MIN(bytes, ps_block_size(usable)));
    ps_free(usable);
    return fresh;
}

void ps_free(void *usable)
{
    if (!usable) return;
    block *header = header_of(usable);
    ps_mem *payer = header->payer;
    const size_t total = header->total;
    const bool mapped = header->kind == KIND_MAPPED;

    header->kind = KIND_FREED;
    if (mapped) {
        size_t size;
        const unsigned class = class_of(total, &size);
        PS_ASSERT(size == total);
        if (!cache_put(payer, class, header)) pages_give(header, total);
    } else {
        small_give(header);
    }
    ps_mem_uncharge(payer, total); /* last: it may free the payer */
}

size_t ps_block_size(const void *usable)
{
    return header_of(usable)->total - HEADER_BYTES - TAIL_BYTES;
}
