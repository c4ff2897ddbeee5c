/* tests/unit/test_parquet_write.c -- what the writer's hybrid writes, its reader reads. */
#include "unit.h"

#include "format/parquet/encoding.h"
#include "format/parquet/write.h"

static ps_mem mem;
static ps_ctx cx;

static int setup(void **state)
{
    (void)state;
    ps_mem_init(&mem, NULL, "test", 0);
    ps_ctx_init(&cx, &mem, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(mem.used, 0);
    return 0;
}

static uint64_t next(uint64_t *s)
{
    return (*s = *s * 6364136223846793005u + 1442695040888963407u) >> 33;
}

/* Runs of random lengths, so that packed groups and repeats meet at every place. */
static void test_rle(void **state)
{
    uint32_t codes[700], got[700];
    uint64_t seed = 7;

    (void)state;
    for (uint32_t round = 0; round < 2000; round++) {
        const uint32_t width = round % 33, n = (uint32_t)next(&seed) % 700;
        const uint32_t mask = width == 32 ? ~0u : (1u << width) - 1;
        ps_text text;
        ps_pq_rle rle;

        for (uint32_t i = 0; i < n;) {
            uint32_t run = next(&seed) % 3 ? 1 : 1 + (uint32_t)next(&seed) % 40;
            const uint32_t code = (uint32_t)next(&seed) & mask;
            while (run-- && i < n) codes[i++] = code;
        }
        ps_text_init(&text, &cx);
        ps_pq_rle_write(&text, codes, n, width);
        assert_int_equal(ps_text_status(&text), PS_OK);
        if (n) {
            const uint8_t *at = (const uint8_t *)text.at;
            ps_pq_rle_init(&rle, at, at + text.n, width);
            assert_true(ps_pq_rle_read(&rle, got, n));
            assert_memory_equal(codes, got, n * sizeof *codes);
        }
        ps_text_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rle, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
