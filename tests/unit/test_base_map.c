/* tests/unit/test_base_map.c -- maps, arrays, bitmaps, text, UTF-8, hashes. */
#include "unit.h"

#include "base/array.h"
#include "base/bits.h"
#include "base/hash.h"
#include "base/map.h"

static ps_mem mem;
static ps_ctx cx;

static void maps_find_what_was_put(void **state)
{
    ps_arena arena = {0};
    (void)state;
    for (int nocase = 0; nocase < 2; nocase++) {
        ps_map map = {.nocase = nocase};
        assert_null(ps_map_get(&map, PS_STR("x")));
        for (uintptr_t i = 1; i < 2000; i++) {
            char *key = ps_arena_printf(&cx, &arena, "Key%zu", (size_t)i);
            assert_int_equal(ps_map_put(&cx, &arena, &map, ps_str_of(key), (void *)i), PS_OK);
        }
        assert_int_equal(map.n, 1999);
        assert_ptr_equal(ps_map_get(&map, PS_STR("Key77")), (void *)77);
        assert_ptr_equal(ps_map_get(&map, PS_STR("kEY77")), nocase ? (void *)77 : NULL);
        assert_int_equal(ps_map_put(&cx, &arena, &map, PS_STR("Key77"), (void *)5), PS_OK);
        assert_int_equal(map.n, 1999);
        assert_ptr_equal(ps_map_get(&map, PS_STR("Key77")), (void *)5);
        assert_int_equal(ps_map_put(&cx, &arena, &map, (ps_str){NULL, 0}, (void *)6), PS_OK);
        assert_ptr_equal(ps_map_get(&map, PS_STR("")), (void *)6);
    }
    ps_arena_release(&arena);
}

static void growth_failure_leaves_containers_whole(void **state)
{
    ps_arena arena = {0};
    ps_map map = {0};
    PS_ARRAY(uint64_t) array = {0};
    (void)state;
    for (uint64_t i = 0; i < 8; i++) assert_int_equal(PS_ARRAY_ADD(&cx, &array, i), PS_OK);
    ps_mem_fail_after(1, true);
    assert_int_equal(PS_ARRAY_ADD(&cx, &array, 8), PS_MEMORY);
    assert_int_equal(ps_map_put(&cx, &arena, &map, PS_STR("a"), &map), PS_MEMORY);
    ps_mem_fail_after(0, false);
    assert_int_equal(array.n, 8);
    assert_int_equal(array.at[7], 7);
    assert_int_equal(map.n, 0);
    assert_int_equal(ps_map_put(&cx, &arena, &map, PS_STR("a"), &map), PS_OK);
    for (uint64_t i = 8; i < 100; i++) assert_int_equal(PS_ARRAY_ADD(&cx, &array, i), PS_OK);
    assert_int_equal(array.at[99], 99);
    ps_free(array.at);
    void *at = NULL;
    size_t room = 0;
    assert_int_equal(ps_array_grow(&cx, NULL, &at, &room, SIZE_MAX / 2, 16), PS_MEMORY);
    ps_arena_release(&arena);
}

static void bitmaps_copy_from_any_offset(void **state)
{
    uint64_t src[6], out[5];
    (void)state;
    for (size_t w = 0; w < 6; w++) src[w] = ps_hash_u64(w, 1);
    for (size_t offset = 0; offset < 70; offset++)
        for (size_t n = 0; n <= 300; n += 1 + n / 9) {
            size_t ones = 0;
            /* an exact heap copy lets the address sanitizer see a read past the last byte */
            const size_t bytes = (offset + n + 7) / 8;
            uint8_t *exact = test_malloc(bytes + 1);
            memcpy(exact + 1, src, bytes);
            ps_bits_copy(out, exact + 1, offset, n);
            test_free(exact);
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(ps_bit_get(out, i), ps_bit_get(src, offset + i));
                ones += ps_bit_get(out, i);
            }
            assert_int_equal(ps_bits_count(out, n), ones);
            if (n % 64) assert_int_equal(out[n / 64] >> (n % 64), 0);
        }
}

static void utf8_is_checked(void **state)
{
    static const char *const bad[] = {"\x80",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xE0\x9F\xBF",
                                      "\xED\xA0\x80",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xE2\x82",
                                      "\xF0\x9F\x98",
                                      "\xFF",
                                      "\xC3("};
    static const char *const good[] = {"",
                                       "abc",
                                       "\xC3\xA9",
                                       "\xE2\x82\xAC",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xF0\x9F\x98\x80",
                                       "\xF4\x8F\xBF\xBF"};
    char text[128];
    (void)state;
    for (size_t pad = 0; pad < 70; pad++) {
        memset(text, 'a', pad);
        for (size_t i = 0; i < PS_COUNT(bad); i++) {
            size_t at = 0;
            memcpy(text + pad, bad[i], strlen(bad[i]) + 1);
            assert_false(ps_utf8_valid(text, strlen(text), &at));
            assert_int_equal(at, pad);
        }
        for (size_t i = 0; i < PS_COUNT(good); i++) {
            memcpy(text + pad, good[i], strlen(good[i]) + 1);
            assert_true(ps_utf8_valid(text, strlen(text), NULL));
        }
    }
    for (uint32_t c = 1; c <= 0x10FFFF; c += 1 + c / 50) {
        char out[4];
        size_t length;
        if (c >= 0xD800 && c <= 0xDFFF) continue;
        const size_t n = ps_utf8_put(out, c);
        assert_int_equal(ps_utf8_next(out, n, &length), c);
        assert_int_equal(length, n);
    }
    assert_int_equal(ps_utf8_width(PS_STR("a\xE4\xB8\xAD")), 3); /* a wide character */
    assert_int_equal(ps_utf8_count("a\xE4\xB8\xAD", 4), 2);
}

static void names_have_a_distance(void **state)
{
    (void)state;
    assert_int_equal(ps_str_distance(PS_STR("orderkey"), PS_STR("ORDERKEY"), 2), 0);
    assert_int_equal(ps_str_distance(PS_STR("orderkey"), PS_STR("oderkey"), 2), 1);
    assert_int_equal(ps_str_distance(PS_STR("orderkey"), PS_STR("odrerkey"), 2), 1);
    assert_int_equal(ps_str_distance(PS_STR("kitten"), PS_STR("sitting"), 3), 3);
    assert_int_equal(ps_str_distance(PS_STR("kitten"), PS_STR("sitting"), 2), 3);
    assert_int_equal(ps_str_distance(PS_STR(""), PS_STR("ab"), 5), 2);
}

static void texts_grow_and_latch(void **state)
{
    ps_text text;
    (void)state;
    ps_text_init(&text, &cx);
    ps_text_json(&text, PS_STR("a\"b\\\n\x01z"));
    assert_string_equal(text.at, "\"a\\\"b\\\\\\n\\u0001z\"");
    ps_text_clear(&text);
    for (int i = 0; i < 1000; i++) ps_text_printf(&text, "%d,", i);
    assert_int_equal(text.n, 3890);
    assert_int_equal(ps_text_status(&text), PS_OK);
    ps_mem_fail_after(1, true);
    ps_text_repeat(&text, ' ', 1 << 20);
    ps_mem_fail_after(0, false);
    ps_text_puts(&text, "lost");
    assert_int_equal(ps_text_status(&text), PS_MEMORY);
    assert_int_equal(text.n, 3890);
    ps_text_release(&text);
}

static void hashes_are_the_published_ones(void **state)
{
    (void)state;
    assert_true(ps_hash_bytes("", 0, 0) == 0x2D06800538D394C2u); /* XXH3's test vector */
    assert_int_equal(ps_crc32(0, "123456789", 9), 0xCBF43926u);
    assert_true(ps_hash128_bytes("", 0).high == 0x99AA06D3014798D8u);
}

static int set_up(void **state)
{
    (void)state;
    ps_mem_init(&mem, NULL, "instance", 0);
    ps_ctx_init(&cx, &mem, NULL);
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    return mem.used == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_find_what_was_put),
        cmocka_unit_test(growth_failure_leaves_containers_whole),
        cmocka_unit_test(bitmaps_copy_from_any_offset),
        cmocka_unit_test(utf8_is_checked),
        cmocka_unit_test(names_have_a_distance),
        cmocka_unit_test(texts_grow_and_latch),
        cmocka_unit_test(hashes_are_the_published_ones),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
