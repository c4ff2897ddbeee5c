/* tests/unit/test_base_mem.c -- payers, blocks, fault injection, arenas. */
#include "unit.h"

#include "base/arena.h"
#include "base/thread.h"

#include <stdio.h>

static void charges_reach_every_payer_or_none(void **state)
{
    ps_mem root, query, op;
    (void)state;
    ps_mem_init(&root, NULL, "instance", 1000);
    ps_mem_init(&query, &root, "query", 0);
    ps_mem_init(&op, &query, "hash join", 600);
    assert_true(ps_mem_try_charge(&op, 600));
    assert_false(ps_mem_try_charge(&op, 1));
    assert_int_equal(root.used, 600);
    assert_int_equal(ps_mem_left(&query), 400);
    assert_false(ps_mem_try_charge(&query, 401)); /* refused above: nothing stays below */
    assert_int_equal(query.used, 600);
    ps_mem_uncharge(&op, 600);
    assert_int_equal(root.used, 0);
    assert_int_equal(root.peak, 600);
}

static void a_refusal_names_the_limit(void **state)
{
    ps_mem root, query;
    ps_ctx cx;
    (void)state;
    ps_mem_init(&root, NULL, "instance", 200000);
    ps_mem_init(&query, &root, "query", 0);
    ps_ctx_init(&cx, &query, NULL);
    assert_null(ps_alloc(&cx, 1 << 20));
    assert_int_equal(cx.error.code, PS_MEMORY);
    assert_non_null(strstr(cx.error.message, "by instance"));
    assert_int_equal(root.used, 0);
    assert_null(ps_alloc(&cx, SIZE_MAX - 5));
    assert_int_equal(cx.error.code, PS_MEMORY);
}

static void blocks_are_aligned_padded_and_charged(void **state)
{
    static const size_t sizes[] = {0,     1,     63,    64,    65,      4096,
                                   65535, 65536, 65537, 81000, 1 << 20, (1 << 20) + 1};
    ps_mem root;
    ps_ctx cx;
    (void)state;
    ps_mem_init(&root, NULL, "instance", 0);
    ps_ctx_init(&cx, &root, NULL);
    for (size_t i = 0; i < PS_COUNT(sizes); i++) {
        unsigned char *block = ps_alloc(&cx, sizes[i]);
        volatile unsigned char sum = 0;
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % PS_ALIGN, 0);
        assert_true(ps_block_size(block) >= sizes[i]);
        assert_true((size_t)root.used >= sizes[i] + 128);
        assert_true((size_t)root.used <= sizes[i] * 5 / 4 + 256);
        memset(block, 7, ps_block_size(block));
        for (size_t k = 0; k < 64; k++)
            sum = (unsigned char)(sum + block[ps_block_size(block) + k]);
        ps_free(block);
        assert_int_equal(root.used, 0);
    }
    ps_free(NULL);
    ps_mem_trim();
}

static void realloc_keeps_bytes_across_kinds(void **state)
{
    static const size_t sizes[] = {10, 1000, 70000, 200000, 5000000, 90000, 100, 66000};
    ps_mem root;
    ps_ctx cx;
    unsigned char *block = NULL;
    (void)state;
    ps_mem_init(&root, NULL, "instance", 0);
    ps_ctx_init(&cx, &root, NULL);
    for (size_t i = 0, had = 0; i < PS_COUNT(sizes); had = sizes[i++]) {
        block = ps_realloc(&cx, block, sizes[i]);
        assert_non_null(block);
        for (size_t k = 0; k < PS_MIN(had, sizes[i]); k++) assert_int_equal(block[k], k % 251);
        for (size_t k = 0; k < sizes[i]; k++) block[k] = (unsigned char)(k % 251);
    }
    atomic_store(&root.limit, 300000);
    assert_null(ps_realloc(&cx, block, 1 << 22)); /* the old block stays */
    assert_int_equal(block[65999], 65999 % 251);
    ps_free(block);
    assert_int_equal(root.used, 0);
}

static void faults_hit_the_nth_allocation(void **state)
{
    ps_mem root;
    ps_ctx cx;
    (void)state;
    ps_mem_init(&root, NULL, "instance", 0);
    ps_ctx_init(&cx, &root, NULL);
    for (int forever = 0; forever < 2; forever++) {
        void *blocks[4];
        ps_mem_fail_after(2, forever);
        for (int i = 0; i < 4; i++) blocks[i] = ps_alloc(&cx, 100);
        ps_mem_fail_after(0, false);
        assert_non_null(blocks[0]);
        assert_null(blocks[1]);
        assert_int_equal(blocks[2] == NULL, forever);
        assert_int_equal(blocks[3] == NULL, forever);
        for (int i = 0; i < 4; i++) ps_free(blocks[i]);
    }
    assert_int_equal(root.used, 0);
}

static size_t resident_bytes(void)
{
    size_t pages = 0, ignored;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%zu %zu", &ignored, &pages), 2);
    fclose(file);
    return pages * 4096;
}

/* The limit is a ceiling for what the process holds, cached blocks included. */
static void the_cache_gives_way_to_the_limit(void **state)
{
    enum { BLOCKS = 32, BYTES = 3 << 20 };
    ps_mem root;
    ps_ctx cx;
    void *blocks[BLOCKS];
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* blocks come from malloc there, whose quarantine holds them */
#endif
    ps_mem_init(&root, NULL, "instance", 0);
    ps_ctx_init(&cx, &root, NULL);
    const size_t before = resident_bytes();
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = ps_alloc_zero(&cx, BYTES);
        assert_non_null(blocks[i]);
    }
    for (int i = 0; i < BLOCKS; i++) ps_free(blocks[i]);
    assert_true(resident_bytes() > before + BLOCKS / 2 * (size_t)BYTES); /* they are cached */
    atomic_store(&root.limit, 16 << 20);
    void *block = ps_alloc_zero(&cx, BYTES);
    assert_non_null(block);
    assert_true(resident_bytes() < before + (24 << 20));
    ps_free(block);
    ps_mem_trim();
}

/* So is what malloc keeps of small blocks, and either gives way to the other. */
/* What was freed last is at hand: blocks of other sizes that wait for longer go. */
static void the_cache_keeps_what_came_last(void **state)
{
    enum { BLOCKS = 300, BYTES = 1 << 20, OTHER = 3 << 20 }; /* more than the cache has room for */
    ps_mem root;
    ps_ctx cx;
    void *blocks[BLOCKS];
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    ps_mem_init(&root, NULL, "instance", 0);
    ps_ctx_init(&cx, &root, NULL);
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = ps_alloc(&cx, BYTES);
        assert_non_null(blocks[i]);
    }
    for (int i = 0; i < BLOCKS; i++) ps_free(blocks[i]);
    char *other = ps_alloc(&cx, OTHER);
    assert_non_null(other);
    memset(other, 7, OTHER);
    ps_free(other);
    other = ps_alloc(&cx, OTHER);
    assert_non_null(other);
    assert_int_equal(other[OTHER / 2], 7); /* pages from the system are zero */
    ps_free(other);
    ps_mem_trim();
}

/* malloc keeps what is freed between blocks that are not; where memory is short, pages go back. */
static void columns_are_pages_where_memory_is_short(void **state)
{
    enum { BLOCKS = 2048, BYTES = 20000 };
    ps_mem root;
    ps_ctx cx;
    static void *blocks[BLOCKS];
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* shadow memory is resident, too */
#endif
    ps_mem_init(&root, NULL, "instance", 128 << 20);
    ps_ctx_init(&cx, &root, NULL);
    void *large = ps_alloc(&cx, 17 << 20); /* more than an eighth */
    assert_non_null(large);
    const size_t before = resident_bytes();
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = ps_alloc_zero(&cx, BYTES);
        assert_non_null(blocks[i]);
        assert_in_range(ps_block_size(blocks[i]), BYTES, BYTES + 4096);
    }
    assert_true(resident_bytes() > before + BLOCKS * (size_t)BYTES);
    for (int i = 0; i < BLOCKS; i++)
        if (i % 8) ps_free(blocks[i]);
    ps_mem_trim();
    assert_true(resident_bytes() < before + BLOCKS * (size_t)BYTES / 4);
    for (int i = 0; i < BLOCKS; i += 8) {
        blocks[i] = ps_realloc(&cx, blocks[i], 3 * BYTES); /* a column still, then a large block */
        assert_non_null(blocks[i]);
        blocks[i] = ps_realloc(&cx, blocks[i], 10 * BYTES);
        assert_non_null(blocks[i]);
        ps_free(blocks[i]);
    }
    ps_free(large);
    assert_int_equal(atomic_load(&root.used), 0);
    ps_mem_trim();
}

static void freed_small_blocks_give_way_to_the_limit(void **state)
{
    enum { SMALL = 4000, BYTES = 10 << 10, LARGE = 40 << 20, ROOM = 64 << 20 };
    static void *blocks[SMALL];
    ps_mem root;
    ps_ctx cx;
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
    skip(); /* another malloc */
#endif
    ps_mem_init(&root, NULL, "instance", ROOM);
    ps_ctx_init(&cx, &root, NULL);
    const size_t before = resident_bytes();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < SMALL; i++) assert_non_null(blocks[i] = ps_alloc_zero(&cx, BYTES));
        assert_true(resident_bytes() < before + ROOM + (8 << 20));
        for (int i = 0; i < SMALL - 1; i++) ps_free(blocks[i]);
        assert_true(resident_bytes() > before + SMALL / 2 * (size_t)BYTES); /* malloc keeps them */
        void *large = ps_alloc_zero(&cx, LARGE);
        assert_non_null(large);
        assert_true(resident_bytes() < before + ROOM + (8 << 20));
        ps_free(blocks[SMALL - 1]); /* at the heap's end: it held the others there */
        ps_free(large);
    }
    assert_int_equal(root.used, 0);
    ps_mem_trim();
}

enum { THREADS = 4, ROUNDS = 2000, LIMIT = 3 << 20 };
static void *charge_loop(void *argument)
{
    ps_mem *root = argument, own;
    ps_ctx cx;
    uint64_t seed = (uintptr_t)&own;
    ps_mem_init(&own, root, "task", 0);
    ps_ctx_init(&cx, &own, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        const size_t bytes = (size_t)(seed >> 44) % 900000; /* four of them may not fit */
        char *block = ps_alloc(&cx, bytes);
        if (block && bytes) block[0] = block[bytes - 1] = 1;
        ps_free(block);
    }
    return (void *)(uintptr_t)(own.used != 0);
}

static void concurrent_charges_pass_the_limit_by_the_overdraft_at_most(void **state)
{
    ps_mem root;
    ps_thread threads[THREADS];
    (void)state;
    ps_mem_init(&root, NULL, "instance", LIMIT);
    for (int i = 0; i < THREADS; i++)
        assert_true(ps_thread_start(&threads[i], "charge", charge_loop, &root));
    for (int i = 0; i < THREADS; i++) {
        void *left;
        pthread_join(threads[i], &left);
        assert_null(left);
    }
    assert_int_equal(root.used, 0);
    assert_true(root.peak > 0 && root.peak <= LIMIT + (int64_t)ps_mem_overdraft(LIMIT));
    assert_int_equal(ps_mem_overdraft(LIMIT), LIMIT / 16);
    assert_false(ps_mem_try_charge(&root, LIMIT + 1)); /* who asks hears of the limit itself */
    ps_mem_trim();
}

static void count_release(void *object) { ++*(int *)object; }

static void arenas_align_reset_and_release(void **state)
{
    ps_mem root;
    ps_ctx cx;
    ps_arena arena = {0};
    int released = 0;
    (void)state;
    ps_mem_init(&root, NULL, "instance", 0);
    ps_ctx_init(&cx, &root, NULL);
    for (size_t i = 1; i < 3000; i++) {
        unsigned char *bytes = ps_arena_alloc(&cx, &arena, i);
        assert_int_equal((uintptr_t)bytes % 16, 0);
        for (size_t k = 0; k < i; k++) assert_int_equal(bytes[k], 0);
        memset(bytes, 0xEE, i);
        assert_int_equal((uintptr_t)ps_arena_alloc_raw(&cx, &arena, 3, 64) % 64, 0);
    }
    assert_string_equal(ps_arena_printf(&cx, &arena, "%s-%d", "a", 7), "a-7");
    assert_string_equal(ps_arena_strndup(&cx, &arena, "hello", 4), "hell");
    assert_non_null(ps_arena_alloc(&cx, &arena, 5 << 20));
    assert_int_equal(ps_arena_own(&cx, &arena, &released, count_release), PS_OK);
    ps_arena_reset(&arena);
    assert_int_equal(released, 1);
    assert_true(arena.bytes >= 5u << 20);
    assert_int_equal(ps_arena_own(&cx, &arena, &released, count_release), PS_OK);
    ps_arena_release(&arena);
    assert_int_equal(released, 2);
    assert_int_equal(root.used, 0);
    assert_null(ps_arena_alloc(&cx, &arena, SIZE_MAX - 100));
}

static void payers_are_listed_until_the_last_byte_went(void **state)
{
    ps_mem_facts facts[4];
    ps_ctx cx;
    (void)state;
    ps_ctx_init(&cx, NULL, NULL);
    ps_mem *root = ps_mem_new(&cx, NULL, "instance", 1 << 20);
    ps_mem *other = ps_mem_new(&cx, NULL, "another", 0);
    ps_mem *query = ps_mem_new(&cx, root, "query", 0);
    assert_int_equal(ps_mem_list(root, NULL, 0), 2);
    cx.mem = query;
    void *block = ps_alloc(&cx, 1000);
    assert_non_null(block);
    ps_mem_close(query);
    assert_int_equal(ps_mem_list(root, facts, 4), 2); /* the block keeps it */
    assert_string_equal(facts[0].name, "instance");
    assert_int_equal(facts[0].limit, 1 << 20);
    assert_false(facts[0].closed);
    assert_string_equal(facts[1].name, "query");
    assert_int_equal(facts[1].parent, facts[0].number);
    assert_true(facts[1].closed);
    assert_in_range(facts[1].used, 1000, 1200);
    assert_int_equal(ps_mem_list(root, facts, 1), 2); /* no room for both */
    ps_free(block);
    assert_int_equal(ps_mem_list(root, facts, 4), 1);
    assert_int_equal(ps_mem_list(other, facts, 4), 1);
    ps_mem_close(other);
    ps_mem_close(root);
}

static void a_reserve_is_nobody_elses(void **state)
{
    ps_mem root, one, other, op;
    (void)state;
    ps_mem_init(&root, NULL, "instance", 1000);
    ps_mem_init(&one, &root, "query", 0);
    ps_mem_init(&op, &one, "sort", 0);
    ps_mem_init(&other, &root, "query", 0);
    assert_true(ps_mem_try_charge(&op, 100));
    assert_true(ps_mem_reserve(&one, 400));
    assert_int_equal(root.used, 400);
    assert_false(ps_mem_try_charge(&other, 601));
    assert_true(ps_mem_try_charge(&other, 600));
    assert_int_equal(ps_mem_left(&other), 0);
    assert_int_equal(ps_mem_left(&op), 300);
    assert_false(ps_mem_try_charge(&op, 301)); /* nothing of it is kept */
    assert_int_equal(one.used, 100);
    assert_int_equal(one.spare, 300);
    assert_true(ps_mem_try_charge(&op, 300));
    ps_mem_uncharge(&other, 100);
    assert_true(ps_mem_try_charge(&op, 50)); /* 50 above the reserve */
    assert_int_equal(root.used, 950);
    ps_mem_uncharge(&op, 150); /* 50 go back, 100 stay set aside */
    assert_int_equal(root.used, 900);
    assert_int_equal(one.spare, 100);
    assert_false(ps_mem_reserve(&one, 501));
    assert_int_equal(one.reserve, 400);
    assert_true(ps_mem_reserve(&one, 500));
    assert_int_equal(root.used, 1000);
    assert_true(ps_mem_reserve(&one, 0));
    assert_int_equal(root.used, 800);
    assert_int_equal(one.spare, 0);
    ps_mem_uncharge(&op, 300);
    ps_mem_uncharge(&other, 500);
    assert_int_equal(root.used, 0);
}

/* What writes memory out may overdraw: but a little at a time, and nobody else while it is so. */
static void giving_back_may_overdraw(void **state)
{
    ps_mem root, query;
    ps_ctx cx;

    (void)state;
    ps_mem_init(&root, NULL, "instance", 8 << 20);
    ps_mem_init(&query, &root, "query", 0);
    ps_ctx_init(&cx, &query, NULL);
    assert_int_equal(ps_mem_charge(&cx, &query, 8 << 20), PS_OK);
    assert_null(ps_alloc(&cx, 1 << 20));
    assert_false(ps_giving_back(&cx, true));
    void *page = ps_alloc(&cx, 1 << 20);
    assert_non_null(page);
    assert_true(root.used > root.limit);
    assert_int_equal(ps_mem_left(&query), 0);
    assert_null(ps_alloc(&cx, PS_OVERDRAFT_BYTES));
    ps_free(page);
    assert_true(ps_giving_back(&cx, false));
    assert_null(ps_alloc(&cx, 1 << 20));
    assert_int_equal(root.used, 8 << 20);
    ps_mem_uncharge(&query, 8 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reserve_is_nobody_elses),
        cmocka_unit_test(giving_back_may_overdraw),
        cmocka_unit_test(payers_are_listed_until_the_last_byte_went),
        cmocka_unit_test(charges_reach_every_payer_or_none),
        cmocka_unit_test(a_refusal_names_the_limit),
        cmocka_unit_test(blocks_are_aligned_padded_and_charged),
        cmocka_unit_test(realloc_keeps_bytes_across_kinds),
        cmocka_unit_test(faults_hit_the_nth_allocation),
        cmocka_unit_test(the_cache_gives_way_to_the_limit),
        cmocka_unit_test(the_cache_keeps_what_came_last),
        cmocka_unit_test(columns_are_pages_where_memory_is_short),
        cmocka_unit_test(freed_small_blocks_give_way_to_the_limit),
        cmocka_unit_test(concurrent_charges_pass_the_limit_by_the_overdraft_at_most),
        cmocka_unit_test(arenas_align_reset_and_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
