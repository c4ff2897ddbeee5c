/* tests/unit/test_spill.c -- temporary files on a disk that misbehaves: full, failing, short,
 * damaged; caps.
 *
 * pwrite and pread of this program stand before the C library's: they fail on demand. */
#include "unit.h"

#include "col/rows.h"
#include "col/value.h"
#include "fs/cipher.h"
#include "fs/pace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { N = 300 };

static ps_mem mem;
static ps_ctx cx;

static struct {
    int write_error, read_error; /* errno of the call number `at` */
    int at, calls;
    bool cut; /* calls move at most 7 bytes */
    unsigned slow_us;
    int64_t flip; /* bit of the file that reads see inverted; -1: none */
} disk;

static bool encrypt; /* the whole group runs once without and once with it */

static ps_status spill_new(const char *directory, uint64_t bytes_max, ps_spill **out)
{
    return ps_spill_new(
        &cx,
        &(ps_spill_options){.directory = directory, .bytes_max = bytes_max, .encrypt = encrypt},
        out);
}

static size_t short_of(size_t n) { return disk.cut && n > 7 ? 7 : n; }

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    if (disk.slow_us) usleep(disk.slow_us);
    if (++disk.calls == disk.at && disk.write_error) return errno = disk.write_error, -1;
    return syscall(SYS_pwrite64, fd, bytes, short_of(n), at);
}

ssize_t pread(int fd, void *bytes, size_t n, off_t at)
{
    if (++disk.calls == disk.at && disk.read_error) return errno = disk.read_error, -1;
    const ssize_t done = syscall(SYS_pread64, fd, bytes, short_of(n), at);
    const int64_t bit = disk.flip - at * 8;
    if (disk.flip >= 0 && bit >= 0 && bit < done * 8)
        ((uint8_t *)bytes)[bit / 8] ^= (uint8_t)(1 << bit % 8);
    return done;
}

static int setup(void **state)
{
    (void)state;
    ps_mem_init(&mem, NULL, "test", 0);
    ps_ctx_init(&cx, &mem, NULL);
    memset(&disk, 0, sizeof disk);
    disk.flip = -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(atomic_load(&mem.disk), 0);
    return atomic_load(&mem.used) != 0;
}

/* Rows of a number and a text, some of them long. */
static void rows_fill(ps_rows *rows, const ps_row_layout *layout, uint32_t n)
{
    char room[N][40];
    ps_vec vecs[2];

    ps_rows_init(rows, layout);
    ps_value a[N], b[N];
    ps_arena arena = {0};
    for (uint32_t i = 0; i < n; i++) {
        snprintf(room[i], sizeof room[i],
                 i % 3 ? "short %u" : "a text of more than twelve bytes %u", i);
        a[i] = ps_value_int(PS_TYPE(INT64), (ps_i128)i * 77777777);
        b[i] = i % 11 == 4 ? ps_value_null(PS_TYPE(STRING)) : ps_value_str(ps_str_of(room[i]));
    }
    assert_int_equal(ps_vec_of_values(&cx, &arena, PS_TYPE(INT64), a, n, &vecs[0]), PS_OK);
    assert_int_equal(ps_vec_of_values(&cx, &arena, PS_TYPE(STRING), b, n, &vecs[1]), PS_OK);
    assert_int_equal(ps_rows_append(&cx, rows, vecs, NULL, NULL, n, NULL), PS_OK);
    ps_arena_release(&arena);
}

static const ps_row_layout *layout_new(ps_arena *arena, uint32_t state_bytes)
{
    const ps_type types[2] = {PS_TYPE(INT64), PS_TYPE(STRING)};
    const ps_row_spec spec = {.types = types, .n_cols = 2, .n_keys = 1, .state_bytes = state_bytes};
    const ps_row_layout *layout;

    assert_int_equal(ps_row_layout_new(&cx, arena, &spec, &layout), PS_OK);
    return layout;
}

static uint64_t digest(const ps_rows *rows)
{
    ps_row_cursor at = {0};
    uint8_t *row;
    uint64_t sum = 0;

    while (ps_rows_next(rows, &at, 1, &row)) {
        const ps_row_col *col = &rows->layout->cols[1];
        ps_view view;
        int64_t number;
        memcpy(&number, row + rows->layout->cols[0].at, sizeof number);
        memcpy(&view, row + col->at, sizeof view);
        sum = sum * 31 + (uint64_t)number;
        if (ps_row_null(col, row)) continue;
        for (uint32_t i = 0; i < view.n; i++) sum = sum * 31 + (uint8_t)ps_view_bytes(&view)[i];
    }
    return sum;
}

static ps_status load_all(ps_rows *rows)
{
    for (size_t p = 0; p < rows->pages.n; p++) {
        const ps_status st = ps_rows_load(&cx, rows, p);
        if (st != PS_OK) return st;
    }
    return PS_OK;
}

static void writing_fails_and_the_rows_stay(void **state)
{
    static const struct {
        int error;
        ps_status st;
    } cases[] = {{EIO, PS_IO}, {ENOSPC, PS_DISK_FULL}, {EDQUOT, PS_DISK_FULL}, {EINTR, PS_OK}};
    ps_arena arena = {0};
    ps_rows rows;
    ps_spill *spill;
    (void)state;
    rows_fill(&rows, layout_new(&arena, 0), N);
    const uint64_t before = digest(&rows);
    for (size_t c = 0; c < PS_COUNT(cases); c++)
        for (int at = 1; at <= 3; at++) {
            assert_int_equal(spill_new("/tmp", 0, &spill), PS_OK);
            disk.write_error = cases[c].error, disk.at = at, disk.calls = 0;
            const ps_status st = ps_rows_spill(&cx, &rows, spill);
            const bool met = disk.calls >= at;
            disk.write_error = 0;
            assert_int_equal(st, met ? cases[c].st : PS_OK);
            if (st != PS_OK) {
                assert_non_null(strstr(cx.error.message, "/tmp"));
                assert_non_null(strstr(cx.error.message, "need"));
                ps_ctx_clear(&cx);
            }
            assert_int_equal(load_all(&rows), PS_OK);
            assert_true(digest(&rows) == before);
            ps_rows_release(&rows);
            ps_spill_free(spill);
            rows_fill(&rows, rows.layout, N);
        }
    ps_rows_release(&rows);
    ps_arena_release(&arena);
}

static void reading_fails_or_comes_in_pieces(void **state)
{
    ps_arena arena = {0};
    ps_rows rows;
    ps_spill *spill;
    (void)state;
    rows_fill(&rows, layout_new(&arena, 0), N);
    const uint64_t before = digest(&rows);
    disk.cut = true;
    assert_int_equal(spill_new(NULL, 0, &spill), PS_OK);
    assert_int_equal(ps_rows_spill(&cx, &rows, spill), PS_OK);
    disk.read_error = EIO, disk.at = 5, disk.calls = 0;
    assert_int_equal(load_all(&rows), PS_IO);
    disk.read_error = EINTR, disk.calls = 0;
    assert_int_equal(load_all(&rows), PS_OK);
    assert_true(digest(&rows) == before);
    ps_rows_release(&rows);
    ps_spill_free(spill);
    ps_arena_release(&arena);
}

static void every_flipped_bit_is_seen(void **state)
{
    ps_arena arena = {0};
    ps_rows rows;
    ps_spill *spill;
    (void)state;
    for (int packed = 0; packed < 2; packed++) {
        rows_fill(&rows, layout_new(&arena, 0), packed ? 60 : 1); /* one row doesn't compress */
        assert_int_equal(spill_new(NULL, 0, &spill), PS_OK);
        assert_int_equal(ps_rows_spill(&cx, &rows, spill), PS_OK);
        for (disk.flip = 0; disk.flip < (int64_t)ps_spill_bytes(spill) * 8; disk.flip++) {
            assert_int_equal(load_all(&rows), PS_IO);
            ps_ctx_clear(&cx);
        }
        disk.flip = -1;
        assert_int_equal(load_all(&rows), PS_OK);
        ps_rows_release(&rows);
        ps_spill_free(spill);
    }
    ps_arena_release(&arena);
}

static void a_cut_file_is_seen(void **state)
{
    ps_arena arena = {0};
    ps_rows rows;
    ps_spill *spill;
    (void)state;
    rows_fill(&rows, layout_new(&arena, 0), N);
    assert_int_equal(spill_new(NULL, 0, &spill), PS_OK);
    assert_int_equal(ps_rows_spill(&cx, &rows, spill), PS_OK);
    rows.pages.at[0].file_at += ps_spill_bytes(spill);
    assert_int_equal(load_all(&rows), PS_IO);
    ps_rows_release(&rows);
    ps_spill_free(spill);
    ps_arena_release(&arena);
}

static void copies_get_states_and_come_back_for_many_readers(void **state)
{
    ps_arena arena = {0};
    ps_rows rows, copies;
    ps_spill *spill;
    ps_row_page pages[2];
    uint8_t *at[N];
    uint64_t states[N];
    ps_row_cursor cursor = {0};
    (void)state;
    rows_fill(&rows, layout_new(&arena, 0), N);
    const uint64_t before = digest(&rows);
    ps_rows_init(&copies, layout_new(&arena, 8));
    assert_int_equal(ps_rows_next(&rows, &cursor, N, at), N);
    for (uint32_t i = 0; i < N; i++) states[i] = 3 * i;
    assert_int_equal(spill_new(NULL, 0, &spill), PS_OK);
    assert_int_equal(ps_rows_spill_copy(&cx, &copies, spill, at, states, 100), PS_OK);
    assert_int_equal(ps_rows_spill_copy(&cx, &copies, spill, at + 100, states + 100, N - 100),
                     PS_OK);
    assert_true(digest(&rows) == before); /* untouched */
    ps_rows_release(&rows);
    for (size_t p = 0; p < 2; p++)
        assert_int_equal(ps_rows_read(&cx, &copies, p, &pages[p]), PS_OK);
    for (uint32_t i = 0; i < N; i++) {
        const ps_row_page *page = &pages[i >= 100];
        const uint32_t place = i >= 100 ? i - 100 : i;
        const uint8_t *row = page->rows + (size_t)place * copies.layout->row_bytes;
        uint64_t got;
        memcpy(&got, row + copies.layout->state_at, sizeof got);
        assert_int_equal(got, 3 * i);
    }
    assert_int_equal(load_all(&copies), PS_OK);
    assert_true(digest(&copies) == before);
    ps_free(pages[0].rows), ps_free(pages[1].rows);
    assert_true(atomic_load(&mem.disk) > 0);
    ps_rows_drop(&copies); /* where holes can be made the disk has it back at once */
    ps_spill_free(spill);
    ps_arena_release(&arena);
}

/* A cap anywhere above the operator counts for all that is below it. */
static void caps_hold_for_all_files_together(void **state)
{
    ps_arena arena = {0};
    ps_mem ops[2];
    ps_rows rows[2];
    ps_spill *spills[2];
    (void)state;
    const ps_row_layout *layout = layout_new(&arena, 0);
    for (int i = 0; i < 2; i++) {
        ps_mem_init(&ops[i], &mem, "operator", 0);
        rows_fill(&rows[i], layout, N);
        cx.mem = &ops[i];
        assert_int_equal(spill_new(NULL, 0, &spills[i]), PS_OK);
        cx.mem = &mem;
    }
    assert_int_equal(ps_rows_spill(&cx, &rows[0], spills[0]), PS_OK);
    const int64_t one = atomic_load(&mem.disk);
    assert_true(one > 0);
    atomic_store(&mem.disk_limit, one + 10);
    assert_int_equal(ps_rows_spill(&cx, &rows[1], spills[1]), PS_DISK_FULL);
    assert_non_null(strstr(cx.error.message, "cap"));
    assert_int_equal(atomic_load(&mem.disk), one);
    ps_rows_release(&rows[0]);
    ps_spill_free(spills[0]); /* its bytes are free again */
    assert_int_equal(ps_rows_spill(&cx, &rows[1], spills[1]), PS_OK);
    ps_rows_release(&rows[1]);
    ps_spill_free(spills[1]);
    ps_arena_release(&arena);
}

/* The bytes of the one unlinked file that is open. */
static char *file_bytes(size_t *n)
{
    struct stat info;

    for (int fd = 3; fd < 64; fd++) {
        if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink > 0) continue;
        char *bytes = malloc((size_t)info.st_size + 1);
        *n = (size_t)syscall(SYS_pread64, fd, bytes, info.st_size, 0);
        assert_int_equal(*n, info.st_size);
        return bytes;
    }
    return NULL;
}

static void what_is_on_the_disk_can_be_read_only_without_encryption(void **state)
{
    ps_arena arena = {0};
    ps_rows rows;
    ps_spill *spill;
    size_t n = 0;
    (void)state;
    for (uint32_t n_rows = 1; n_rows < 64; n_rows += 61) { /* one doesn't compress */
        rows_fill(&rows, layout_new(&arena, 0), n_rows);
        const uint64_t before = digest(&rows);
        assert_int_equal(spill_new(NULL, 0, &spill), PS_OK);
        assert_int_equal(ps_rows_spill(&cx, &rows, spill), PS_OK);
        char *bytes = file_bytes(&n);
        assert_non_null(bytes);
        assert_int_equal(memmem(bytes, n, "of more than", 12) == NULL, encrypt);
        free(bytes);
        assert_int_equal(load_all(&rows), PS_OK);
        assert_true(digest(&rows) == before);
        ps_rows_release(&rows);
        ps_spill_free(spill);
    }
    ps_arena_release(&arena);
}

/* The same bytes again are other bytes in the file: no key and number are used twice. */
static void equal_blocks_differ_in_the_file(void **state)
{
    enum { BLOCK = 256, BLOCKS = 64 };
    ps_spill_block blocks[BLOCKS], again;
    ps_spill *spills[2];
    char *all[2], room[BLOCK + PS_SPILL_ROOM], *back;
    size_t n;
    uint64_t n_back;
    (void)state;
    if (!encrypt) return;
    for (int f = 0; f < 2; f++) {
        assert_int_equal(spill_new(NULL, 0, &spills[f]), PS_OK);
        for (int b = 0; b < BLOCKS; b++) {
            for (int i = 0; i < BLOCK; i++) room[i] = (char)(i * 37); /* doesn't compress */
            disk.write_error = b == 7 ? EIO : 0, disk.at = 1, disk.calls = 0;
            const ps_status st = ps_spill_write(&cx, spills[f], room, BLOCK, &blocks[b]);
            assert_int_equal(st, b == 7 ? PS_IO : PS_OK);
        }
        disk.write_error = 0;
        ps_spill_drop(spills[f], blocks[3]);
        for (int i = 0; i < BLOCK; i++) room[i] = (char)(i * 37);
        assert_int_equal(ps_spill_write(&cx, spills[f], room, BLOCK, &again), PS_OK);
        all[f] = file_bytes(&n);
        if (f) break;
        for (int a = 0; a < BLOCKS; a++)
            for (int b = 0; b < a; b++)
                if (a != 7 && b != 7 && b != 3 && a != 3)
                    assert_memory_not_equal(all[0] + blocks[a].at, all[0] + blocks[b].at, 16);
        assert_memory_not_equal(all[0] + again.at, all[0] + blocks[4].at, 16);
        assert_int_equal(ps_spill_read(&cx, spills[0], again, &back, &n_back), PS_OK);
        assert_int_equal(n_back, BLOCK);
        for (int i = 0; i < BLOCK; i++) assert_int_equal(back[i], (char)(i * 37));
        ps_free(back);
        ps_spill_free(spills[0]);
    }
    assert_memory_not_equal(all[0], all[1], 16); /* each file has its own key */
    free(all[0]), free(all[1]);
    ps_spill_free(spills[1]);
}

/* Writes so many blocks of a text that LZ4 shrinks well; how many it did. */
static int packed_of(ps_spill *spill, int n_blocks)
{
    enum { BLOCK = 32 << 10 };
    char *room = malloc(BLOCK + PS_SPILL_ROOM);
    int n_packed = 0;

    for (int b = 0; b < n_blocks; b++) {
        ps_spill_block block;
        for (int i = 0; i < BLOCK; i++) room[i] = (char)(i / 100 + b);
        assert_int_equal(ps_spill_write(&cx, spill, room, BLOCK, &block), PS_OK);
        n_packed += block.n < BLOCK;
    }
    free(room);
    return n_packed;
}

static void blocks_are_packed_where_the_disk_is_slow_or_small(void **state)
{
    enum { BLOCKS = 70 };
    ps_spill *spill;
    (void)state;
    disk.slow_us = 2000; /* 60 ns a byte */
    assert_int_equal(spill_new(NULL, 0, &spill), PS_OK);
    assert_int_equal(packed_of(spill, BLOCKS), BLOCKS);
    ps_spill_free(spill);
    disk.slow_us = 0;
    assert_int_equal(spill_new(NULL, 400 << 10, &spill), PS_OK);
    packed_of(spill, PS_PACE_TRY);
    assert_int_equal(packed_of(spill, BLOCKS), BLOCKS); /* else the cap would break */
    ps_spill_free(spill);
}

static void packing_is_chosen_by_what_was_measured(void **state)
{
    enum { ROUNDS = 10, MB = 1000 * 1000, PACK_NS = 2 * MB };
    /* LZ4 at 2 ns a byte; writes and reads at ns a byte, packed blocks at per cent of it */
    const struct {
        uint64_t write_ns, read_ns, per_cent;
        bool packs;
    } cases[] = {{1, 1, 40, false}, {1, 0, 40, false}, {2, 2, 30, true},  {8, 8, 40, true},
                 {8, 0, 40, true},  {1, 8, 50, true},  {8, 8, 100, false}};
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        ps_pace pace = {0};
        int n_packed = 0;

        for (int b = 0; b < ROUNDS * PS_PACE_TRY; b++) {
            const bool packs = ps_pace_due(&pace) || ps_pace_pays(&pace);
            n_packed += packs;
            if (packs) ps_pace_packed(&pace, PACK_NS, MB, cases[c].per_cent * MB / 100);
            ps_pace_add(&pace.write, cases[c].write_ns * MB, MB);
            if (cases[c].read_ns) ps_pace_add(&pace.read, cases[c].read_ns * MB, MB);
        }
        assert_int_equal(n_packed, cases[c].packs ? ROUNDS * PS_PACE_TRY : ROUNDS);
    }
    /* a disk that becomes slow is seen within a few blocks */
    ps_pace pace = {0};
    ps_pace_packed(&pace, PACK_NS, MB, MB / 2);
    for (int i = 0; i < 1000; i++) ps_pace_add(&pace.write, MB / 2, MB);
    assert_false(ps_pace_pays(&pace));
    for (int i = 0; i < 4; i++) ps_pace_add(&pace.write, (uint64_t)20 * MB, MB);
    assert_true(ps_pace_pays(&pace));
}

static void files_that_live_are_listed(void **state)
{
    ps_arena arena = {0};
    ps_mem *query = ps_mem_new(&cx, &mem, "query", 0), *op = ps_mem_new(&cx, query, "sort", 0);
    ps_spill_list list;
    ps_spill *spills[3];
    ps_spill_facts *facts;
    ps_rows rows;
    size_t n;
    (void)state;
    rows_fill(&rows, layout_new(&arena, 0), N);
    ps_spill_list_init(&list);
    cx.mem = op;
    for (int i = 0; i < 3; i++) {
        const ps_spill_options options = {.list = &list, .directory = "/tmp", .encrypt = encrypt};
        assert_int_equal(ps_spill_new(&cx, &options, &spills[i]), PS_OK);
    }
    cx.mem = &mem;
    assert_int_equal(ps_rows_spill(&cx, &rows, spills[1]), PS_OK);
    ps_spill_free(spills[2]);
    assert_int_equal(ps_spill_list_look(&cx, &arena, &list, &facts, &n), PS_OK);
    assert_int_equal(n, 2); /* newest first */
    assert_int_equal(facts[0].payer, op->number);
    assert_int_equal(facts[0].parent, query->number);
    assert_string_equal(facts[0].payer_name, "sort");
    assert_string_equal(facts[0].directory, "/tmp");
    assert_int_equal(facts[0].encrypted, encrypt);
    assert_int_equal(facts[0].bytes, ps_spill_bytes(spills[1]));
    assert_int_equal(facts[0].bytes_now, facts[0].bytes);
    assert_true(facts[0].bytes_raw > facts[0].bytes && facts[0].blocks > 0);
    assert_int_equal(facts[1].bytes, 0);
    ps_rows_drop(&rows);
    assert_int_equal(ps_spill_list_look(&cx, &arena, &list, &facts, &n), PS_OK);
    assert_int_equal(facts[0].bytes_now, 0);
    ps_spill_free(spills[0]); /* the last of the list, then its only one */
    ps_spill_free(spills[1]);
    assert_int_equal(ps_spill_list_look(&cx, &arena, &list, &facts, &n), PS_OK);
    assert_int_equal(n, 0);
    ps_spill_list_release(&list);
    ps_arena_release(&arena);
    ps_mem_close(op);
    ps_mem_close(query);
}

static void the_file_has_no_name_and_nobody_else_may_read_it(void **state)
{
    char dir[] = "/tmp/ps_spill_XXXXXX", command[64];
    ps_spill *spill;
    struct stat info;
    int seen = 0;
    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(spill_new(dir, 0, &spill), PS_OK);
    assert_int_equal(rmdir(dir), 0); /* empty */
    for (int fd = 3; fd < 64; fd++) {
        if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink > 0) continue;
        assert_int_equal(info.st_mode & 0777, 0600);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        seen++;
    }
    assert_int_equal(seen, 1);
    ps_spill_free(spill);
    snprintf(command, sizeof command, "%s/none", dir);
    assert_int_equal(spill_new(command, 0, &spill), PS_IO);
    assert_non_null(strstr(cx.error.message, dir));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(writing_fails_and_the_rows_stay),
        T(reading_fails_or_comes_in_pieces),
        T(every_flipped_bit_is_seen),
        T(a_cut_file_is_seen),
        T(copies_get_states_and_come_back_for_many_readers),
        T(caps_hold_for_all_files_together),
        T(what_is_on_the_disk_can_be_read_only_without_encryption),
        T(equal_blocks_differ_in_the_file),
        T(files_that_live_are_listed),
        T(blocks_are_packed_where_the_disk_is_slow_or_small),
        T(packing_is_chosen_by_what_was_measured),
        T(the_file_has_no_name_and_nobody_else_may_read_it),
#undef T
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    ps_ctx_init(&cx, NULL, NULL);
    encrypt = ps_cipher_check(&cx) == PS_OK; /* where there is a library for it */
    return failed + (encrypt ? cmocka_run_group_tests(tests, NULL, NULL) : 0);
}
