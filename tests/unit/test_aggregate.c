/* tests/unit/test_aggregate.c -- the aggregation operator through whole queries: every way of
 * grouping against a plain reference, and the same text for any threads, batch size, spilling,
 * relocation; faults at every allocation. links: exec */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "col/table.h"
#include "exec/group_table.h"
#include "exec/query.h"

enum { N = 24000, COLS = 5, KEYS_B = 3000 };

static ps_mem mem;
static ps_ctx cx;
static ps_arena arena;
static ps_table *table;
static ps_source *source;
static ps_planner planner;
static const ps_node *scan_node;

static uint64_t bits(uint32_t i, uint64_t seed) { return ps_hash_u64(i, seed); }
static bool null_a(uint32_t i) { return bits(i, 1) % 11 == 0; }
static int32_t value_a(uint32_t i) { return (int32_t)(bits(i, 2) % 5); }
static uint32_t value_b(uint32_t i) { return (uint32_t)(bits(i, 3) % KEYS_B); }
static int64_t value_c(uint32_t i) { return (int64_t)bits(i % 17000, 4); }

static void table_make(void)
{
    static int32_t a[N];
    static ps_view b[N];
    static char text[N][40];
    static int64_t c[N], e[N];
    static double d[N];
    static uint64_t valid[PS_BITS_WORDS(N)];
    const ps_field fields[COLS] = {{.name = PS_STR("a"), .type = PS_TYPE(INT32), .nullable = true},
                                   {.name = PS_STR("b"), .type = PS_TYPE(STRING)},
                                   {.name = PS_STR("c"), .type = PS_TYPE(INT64)},
                                   {.name = PS_STR("d"), .type = PS_TYPE(FLOAT64)},
                                   {.name = PS_STR("e"), .type = ps_type_decimal(15, 2)}};
    ps_schema *schema;
    ps_segment_builder *builder;
    ps_table *empty;

    memset(valid, 0xff, sizeof(valid));
    for (uint32_t i = 0; i < N; i++) {
        a[i] = value_a(i), c[i] = value_c(i), e[i] = (int64_t)(bits(i, 5) % 1000000);
        d[i] = bits(i, 6) % 50 == 0 ? -0.0 : (double)(int64_t)bits(i, 6) * 0x1p-40;
        if (null_a(i)) ps_bit_clear(valid, i);
        const int n =
            snprintf(text[i], sizeof(text[i]),
                     value_b(i) % 2 ? "%u" : "a longer text than fits a view %u", value_b(i));
        b[i] = ps_view_of(text[i], (size_t)n);
    }
    assert_int_equal(ps_schema_new(&cx, fields, COLS, &schema), PS_OK);
    assert_int_equal(ps_table_new(&cx, schema, &table), PS_OK);
    assert_int_equal(ps_segment_builder_new(&cx, schema, &builder), PS_OK);
    for (uint32_t segment = 0; segment < 6; segment++) {
        for (uint32_t at = segment * (N / 6); at < (segment + 1) * (N / 6);) {
            const uint32_t m = PS_MIN(64u * 10, (segment + 1) * (N / 6) - at);
            uint64_t part[10];
            ps_vec cols[COLS];
            const ps_batch batch = {
                .cols = cols, .n_cols = COLS, .cols_max = COLS, .n = m, .n_live = m};
            for (uint32_t i = 0; i < m; i++) ps_bit_put(part, i, ps_bit_get(valid, at + i));
            ps_vec_flat(&cols[0], fields[0].type, PS_LAYOUT_I32, a + at, part, m);
            ps_vec_flat(&cols[1], fields[1].type, PS_LAYOUT_VIEW, b + at, NULL, m);
            ps_vec_flat(&cols[2], fields[2].type, PS_LAYOUT_I64, c + at, NULL, m);
            ps_vec_flat(&cols[3], fields[3].type, PS_LAYOUT_F64, d + at, NULL, m);
            ps_vec_flat(&cols[4], fields[4].type, PS_LAYOUT_I64, e + at, NULL, m);
            assert_int_equal(ps_segment_builder_add(&cx, builder, &batch), PS_OK);
            at += m;
        }
        ps_segment *sealed;
        assert_int_equal(ps_segment_builder_seal(&cx, builder, segment, &sealed), PS_OK);
        empty = table;
        assert_int_equal(ps_table_append(&cx, empty, &sealed, 1, &table), PS_OK);
        ps_table_unref(empty);
        ps_owner_unref(&sealed->owner);
    }
    ps_segment_builder_free(builder);
    ps_schema_unref(schema);
    assert_int_equal(ps_table_source_new(&cx, table, PS_STR("t"), &source), PS_OK);
    planner = (ps_planner){.cx = &cx, .arena = &arena};
    scan_node = ps_node_scan_all(&planner, source);
    assert_non_null(scan_node);
}

static const ps_expr *col(uint32_t c)
{
    return ps_expr_column(&cx, &arena, scan_node->cols[c].id, scan_node->cols[c].type);
}

static ps_item item(const ps_expr *e)
{
    return (ps_item){.col = {.id = ps_planner_id(&planner),
                             .type = e->type,
                             .nullable = true,
                             .name = PS_STR("x")},
                     .expr = e};
}

static ps_item agg(const char *name, const ps_expr *arg, bool distinct, const ps_expr *filter)
{
    ps_func_match match;
    ps_agg_part part = {.distinct = distinct, .filter = filter};
    assert_int_equal(
        ps_func_resolve(&cx, &arena, PS_FUNC_AGGREGATE, ps_str_of(name), &arg, arg ? 1 : 0, &match),
        PS_OK);
    const ps_expr *cast =
        arg ? ps_expr_cast(&cx, &arena, arg, match.arg_types[0], PS_CAST_ERROR) : NULL;
    return item(
        ps_expr_aggregate(&cx, &arena, match.func, match.result, &cast, arg ? 1 : 0, &part));
}

static const ps_expr *greater(const ps_expr *x, int64_t than)
{
    const ps_value value = ps_value_int(x->type, than);
    const ps_expr *args[2] = {x, ps_expr_literal(&cx, &arena, &value)};
    return ps_func_call(&cx, &arena, PS_STR(">"), args, 2);
}

/* GROUP BY the columns whose bits are set, with an aggregate of each kind. */
static const ps_node *plan_of(uint32_t keys)
{
    ps_item key[COLS], aggs[15];
    uint32_t n = 0;
    for (uint32_t c = 0; c < COLS; c++)
        if (keys >> c & 1) key[n++] = item(col(c));
    aggs[0] = agg("count", NULL, false, NULL);
    aggs[1] = agg("sum", col(2), false, NULL);
    aggs[2] = agg("sum", col(3), false, NULL);
    aggs[3] = agg("min", col(1), false, NULL);
    aggs[4] = agg("max", col(3), false, NULL);
    aggs[5] = agg("avg", col(4), false, NULL);
    aggs[6] = agg("count", col(1), true, NULL);
    aggs[7] = agg("sum", col(0), false, greater(col(0), 1));
    aggs[8] = agg("sum", col(0), true, greater(col(0), 1));
    aggs[9] = agg("any_value", col(1), false, NULL);
    aggs[10] = agg("median", col(3), false, NULL);
    aggs[11] = agg("mode", col(1), false, NULL);
    aggs[12] = agg("string_agg", col(1), true, greater(col(4), 9900));
    aggs[13] = agg("median", col(4), true, NULL);
    const ps_sort_key by = {.expr = col(2), .descending = true};
    const ps_agg_part ordered = {.order = &by, .n_order = 1};
    aggs[14] = agg("first", col(1), false, NULL);
    aggs[14].expr = ps_expr_aggregate(&cx, &arena, aggs[14].expr->func, aggs[14].expr->type,
                                      aggs[14].expr->args, 1, &ordered);
    return ps_node_aggregate_new(&planner, scan_node, key, n, aggs, 15);
}

static ps_exec_settings settings_of(uint32_t threads, uint32_t batch_rows)
{
    return (ps_exec_settings){
        .threads = threads, .batch_rows = batch_rows, .hash_seed = 7, .deterministic = true};
}

static ps_status run(const ps_node *plan, const ps_exec_settings *settings, ps_text *out)
{
    ps_cancel cancel = {0};
    ps_query *query = NULL;
    ps_pool *pool = NULL;
    ps_batch batch;
    ps_arena own = {0};
    bool done = false;
    ps_status st;

    cx.batch_rows = settings->batch_rows;
    if ((st = ps_pool_new(&cx, settings->threads, &pool)) != PS_OK) return st;
    if ((st = ps_batch_init(&cx, &own, plan->n_cols, &batch)) != PS_OK) goto done;
    if ((st = ps_query_new(&cx, pool, plan, settings, &cancel, &mem, planner.next_id, &query)) !=
        PS_OK)
        goto done;
    while ((st = ps_query_next(&cx, query, UINT64_MAX, &batch, &done)) == PS_OK && !done) {
        for (uint32_t k = 0; k < batch.n_live; k++) {
            for (uint32_t c = 0; c < batch.n_cols; c++) {
                if (ps_vec_row_valid(&batch.cols[c], ps_batch_row(&batch, k)))
                    ps_vec_print(&batch.cols[c], ps_batch_row(&batch, k), out);
                else ps_text_puts(out, "NULL");
                ps_text_puts(out, c + 1 < batch.n_cols ? "|" : "\n");
            }
        }
        for (uint32_t c = 0; c < batch.n_cols; c++) ps_owner_unref(batch.cols[c].owner);
    }
done:
    ps_query_free(query);
    ps_pool_free(pool);
    ps_arena_release(&own);
    return st;
}

static void same_text_in_every_configuration(void **state)
{
    const uint32_t keys[] = {0, 1, 2, 4, 3, 8, 31};
    (void)state;
    for (size_t p = 0; p < PS_COUNT(keys); p++) {
        const ps_node *plan = plan_of(keys[p]);
        ps_text base, other;
        assert_non_null(plan);
        ps_text_init(&base, &cx);
        ps_text_init(&other, &cx);
        ps_exec_settings plain = settings_of(1, 2048);
        if (run(plan, &plain, &base) != PS_OK) fail_msg("%s", cx.error.message);
        assert_true(base.n > 0);
        for (uint32_t variant = 0; variant < 7; variant++) {
            ps_exec_settings s = settings_of(variant % 2 + 1, variant < 2   ? 100
                                                              : variant < 4 ? 2048
                                                                            : 500);
            s.force_spill = variant == 3 || variant == 5;
            s.relocate_pages = variant == 4 || variant == 5;
            s.memory_limit = variant == 6 ? (uint64_t)1 << 30 : 0;
            ps_text_clear(&other);
            if (run(plan, &s, &other) != PS_OK)
                fail_msg("variant %u: %s", variant, cx.error.message);
            size_t same = 0;
            while (same < base.n && same < other.n && base.at[same] == other.at[same]) same++;
            if (same < base.n || same < other.n)
                fail_msg("keys %u, variant %u, at %zu:\n%.*s\n%.*s", keys[p], variant, same,
                         (int)PS_MIN(base.n - same, 200u), base.at + (same > 90 ? same - 90 : 0),
                         (int)PS_MIN(other.n - same, 200u), other.at + (same > 90 ? same - 90 : 0));
        }
        /* One hash for all: other order, the same number of groups. */
        if (keys[p] == 1 || keys[p] == 2) {
            ps_exec_settings s = settings_of(2, 2048);
            s.one_hash = true;
            ps_text_clear(&other);
            assert_int_equal(run(plan, &s, &other), PS_OK);
            assert_int_equal(other.n, base.n);
        }
        ps_text_release(&base);
        ps_text_release(&other);
    }
}

static uint32_t lines_of(const ps_text *text)
{
    uint32_t lines = 0;
    for (size_t i = 0; i < text->n; i++) lines += text->at[i] == '\n';
    return lines;
}

static void groups_equal_a_plain_reference(void **state)
{
    static uint64_t n[KEYS_B], least[KEYS_B];
    static ps_i128 sum[KEYS_B];
    ps_item key = item(col(1)),
            aggs[] = {agg("count", NULL, false, NULL), agg("sum", col(2), false, NULL)};
    const ps_node *plan = ps_node_aggregate_new(&planner, scan_node, &key, 1, aggs, 2);
    const ps_exec_settings s = settings_of(2, 2048);
    ps_text out, line;
    uint32_t groups = 0;
    (void)state, (void)least;
    memset(n, 0, sizeof(n));
    for (uint32_t i = 0; i < N; i++) n[value_b(i)]++, sum[value_b(i)] += value_c(i);
    ps_text_init(&out, &cx);
    ps_text_init(&line, &cx);
    assert_int_equal(run(plan, &s, &out), PS_OK);
    ps_text_char(&out, 0);
    for (uint32_t b = 0; b < KEYS_B; b++) {
        if (n[b] == 0) continue;
        groups++;
        const ps_value v = ps_value_int(PS_TYPE(INT128), sum[b]);
        ps_text_clear(&line);
        ps_text_printf(&line, b % 2 ? "%u|%llu|" : "a longer text than fits a view %u|%llu|", b,
                       (unsigned long long)n[b]);
        ps_value_print(&v, &line);
        ps_text_puts(&line, "\n");
        if (!strstr(out.at, line.at)) fail_msg("missing: %s", line.at);
    }
    assert_int_equal(lines_of(&out), groups);
    ps_text_release(&out);
    ps_text_release(&line);
}

static void distinct_keeps_one_row_of_each_and_on_the_first(void **state)
{
    const ps_exec_settings s = settings_of(2, 2048);
    const ps_item items[] = {{.col = scan_node->cols[0], .expr = col(0)},
                             {.col = scan_node->cols[1], .expr = col(1)}};
    const ps_node *two = ps_node_project_new(&planner, scan_node, items, 2);
    const ps_expr *on = col(0);
    ps_text out, line;
    (void)state;
    ps_text_init(&out, &cx);
    ps_text_init(&line, &cx);
    assert_int_equal(run(ps_node_distinct_new(&planner, two, NULL, 0), &s, &out), PS_OK);
    static bool seen[6][KEYS_B];
    uint32_t n = 0;
    for (uint32_t i = 0; i < N; i++) {
        bool *there = &seen[null_a(i) ? 5 : value_a(i)][value_b(i)];
        n += !*there;
        *there = true;
    }
    assert_int_equal(lines_of(&out), n);
    ps_text_clear(&out);
    assert_int_equal(run(ps_node_distinct_new(&planner, two, &on, 1), &s, &out), PS_OK);
    assert_int_equal(lines_of(&out), 6);
    ps_text_char(&out, 0);
    for (int32_t a = 0; a < 5; a++) {
        uint32_t i = 0;
        while (null_a(i) || value_a(i) != a) i++;
        ps_text_clear(&line);
        ps_text_printf(&line, value_b(i) % 2 ? "%d|%u\n" : "%d|a longer text than fits a view %u\n",
                       a, value_b(i));
        if (!strstr(out.at, line.at)) fail_msg("missing: %s in %s", line.at, out.at);
    }
    ps_text_release(&out);
    ps_text_release(&line);
}

static int order_int64(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void medians_and_ordered_texts_are_right(void **state)
{
    static int64_t c[N];
    const ps_exec_settings s = settings_of(2, 300);
    const ps_sort_key by = {.expr = col(2)};
    const ps_agg_part ordered = {
        .order = &by, .n_order = 1, .filter = greater(col(2), INT64_MAX - (INT64_MAX >> 9))};
    ps_item aggs[2] = {agg("median", col(2), false, NULL), agg("string_agg", col(1), false, NULL)};
    ps_text out, line;
    uint32_t n = 0;
    (void)state;
    aggs[1].expr = ps_expr_aggregate(&cx, &arena, aggs[1].expr->func, aggs[1].expr->type,
                                     aggs[1].expr->args, 1, &ordered);
    for (uint32_t i = 0; i < N; i++) c[i] = value_c(i);
    qsort(c, N, sizeof(*c), order_int64);
    ps_text_init(&out, &cx);
    ps_text_init(&line, &cx);
    const __float128 median =
        (__float128)c[N / 2 - 1] + ((__float128)c[N / 2] - (__float128)c[N / 2 - 1]) / 2;
    const ps_value v = ps_value_f64((double)median);
    ps_value_print(&v, &line);
    ps_text_char(&line, '|');
    for (uint32_t k = 0; k < N; k++) { /* values above the bound, least first, ties by position */
        if (c[k] <= INT64_MAX - (INT64_MAX >> 9) || (k && c[k] == c[k - 1])) continue;
        for (uint32_t i = 0; i < N; i++) {
            if (value_c(i) != c[k]) continue;
            ps_text_printf(&line, value_b(i) % 2 ? "%s%u" : "%sa longer text than fits a view %u",
                           n++ ? "," : "", value_b(i));
        }
    }
    ps_text_char(&line, '\n');
    assert_true(n > 5);
    if (run(ps_node_aggregate_new(&planner, scan_node, NULL, 0, aggs, 2), &s, &out) != PS_OK)
        fail_msg("%s", cx.error.message);
    assert_int_equal(out.n, line.n);
    assert_memory_equal(out.at, line.at, out.n);
    ps_text_release(&out);
    ps_text_release(&line);
}

static void no_input_gives_one_row_without_keys_and_none_with(void **state)
{
    const ps_expr *never = greater(col(0), 1000);
    const ps_node *empty = ps_node_filter_new(&planner, scan_node, never);
    ps_item key = item(col(0)),
            aggs[] = {agg("count", NULL, false, NULL), agg("sum", col(2), false, NULL),
                      agg("count", col(1), true, NULL)};
    const ps_exec_settings s = settings_of(2, 2048);
    ps_text out;
    (void)state;
    ps_text_init(&out, &cx);
    assert_int_equal(run(ps_node_aggregate_new(&planner, empty, NULL, 0, aggs, 3), &s, &out),
                     PS_OK);
    assert_int_equal(out.n, 9);
    assert_memory_equal(out.at, "0|NULL|0\n", 9);
    ps_text_clear(&out);
    assert_int_equal(run(ps_node_aggregate_new(&planner, empty, &key, 1, aggs, 3), &s, &out),
                     PS_OK);
    assert_int_equal(out.n, 0);
    ps_text_release(&out);
}

static void every_allocation_may_fail(void **state)
{
    const ps_node *plan = plan_of(2);
    ps_exec_settings s = settings_of(1, 2048);
    ps_text out;
    uint64_t n_failed = 0;
    (void)state;
    for (int spill = 0; spill < 2; spill++) {
        s.force_spill = spill;
        /* each of the first, then in wider steps: the thread sanitizer takes its time */
        for (int64_t fault = 1;; fault += fault < 150 ? 1 : fault / 20) {
            ps_text_init(&out, &cx);
            const int64_t before = atomic_load(&mem.used);
            ps_mem_fail_after(fault, false);
            const ps_status st = run(plan, &s, &out);
            ps_mem_fail_after(0, false);
            ps_text_release(&out);
            assert_true(st == PS_OK || st == PS_MEMORY);
            assert_int_equal(atomic_load(&mem.used), before);
            ps_ctx_clear(&cx);
            if (st == PS_OK) break;
            n_failed++;
        }
    }
    assert_true(n_failed > 50);
}

/* Counts of rows by a text, in a table of 64 parts whose directory holds all groups. */
enum { GROUPS = 60000, ROUNDS = 5 };

static char group_texts[GROUPS][40];

static void count_rows(ps_group_table *groups, uint32_t first, uint32_t n, uint8_t **out)
{
    static ps_view views[PS_BATCH_ROWS];
    static uint64_t hashes[PS_BATCH_ROWS];
    ps_vec key;

    for (uint32_t at = first; at < first + n; at += PS_BATCH_ROWS) {
        const uint32_t m = PS_MIN((uint32_t)PS_BATCH_ROWS, first + n - at);
        for (uint32_t k = 0; k < m; k++) {
            const char *text = group_texts[at + k];
            views[k] = ps_view_of(text, strlen(text));
            hashes[k] = ps_hash_u64(at + k, 7);
        }
        ps_vec_flat(&key, PS_TYPE(STRING), PS_LAYOUT_VIEW, views, NULL, m);
        assert_int_equal(ps_group_table_find(&cx, groups, &key, NULL, m, hashes, out + at), PS_OK);
        for (uint32_t k = 0; k < m; k++) {
            uint64_t count;
            memcpy(&count, out[at + k] + groups->layout->state_at, sizeof(count));
            count++;
            memcpy(out[at + k] + groups->layout->state_at, &count, sizeof(count));
        }
    }
}

static ps_status add_counts(ps_ctx *of, void *user, uint8_t *const *dst, uint8_t *const *src,
                            uint32_t n)
{
    const ps_row_layout *layout = user;
    (void)of;
    for (uint32_t k = 0; k < n; k++) {
        uint64_t a, b;
        memcpy(&a, dst[k] + layout->state_at, sizeof(a));
        memcpy(&b, src[k] + layout->state_at, sizeof(b));
        a += b;
        memcpy(dst[k] + layout->state_at, &a, sizeof(a));
    }
    return PS_OK;
}

/* All parts merged: every group once, with this count. */
static void check_counts(ps_group_table *groups, uint64_t count)
{
    uint64_t n = 0;

    for (uint32_t p = 0; p < groups->n_parts; p++) {
        ps_group_merge merge;
        size_t page = 0;
        assert_int_equal(ps_group_merge_init(&cx, &merge, groups->layout, PS_GROUP_RADIX_BITS, 64),
                         PS_OK);
        assert_int_equal(ps_group_merge_add(&cx, &merge, &groups->parts[p], &page, add_counts,
                                            (void *)(uintptr_t)groups->layout),
                         PS_OK);
        for (uint64_t g = 0; g < merge.n; g++) {
            const char *row = (const char *)merge.groups[g];
            uint64_t found;
            ps_view view;
            memcpy(&found, row + groups->layout->state_at, sizeof(found));
            memcpy(&view, row + groups->layout->cols[0].at, sizeof(view));
            char text[40] = {0};
            assert_true(view.n < sizeof(text));
            memcpy(text, ps_view_bytes(&view), view.n);
            const long i = strtol(text + strlen("the long text of group "), NULL, 10);
            assert_in_range(i, 0, GROUPS - 1);
            assert_int_equal(view.n, strlen(group_texts[i]));
            assert_memory_equal(ps_view_bytes(&view), group_texts[i], view.n);
            assert_int_equal(found, count);
        }
        n += merge.n;
        ps_group_merge_release(&merge);
    }
    assert_int_equal(n, GROUPS);
}

/* Texts of rows in memory are in blocks that are still there, and no block is there for nothing. */
static void check_texts(const ps_group_table *groups)
{
    size_t used[64] = {0};
    const size_t n = groups->heap.heaps.n;

    assert_true(n < PS_COUNT(used));
    for (uint32_t p = 0; p < groups->n_parts; p++) {
        const ps_rows *part = &groups->parts[p];
        for (size_t q = 0; q < part->pages.n; q++) {
            const ps_row_page *page = &part->pages.at[q];
            for (uint32_t r = 0; page->rows && r < page->n_rows; r++) {
                const uint8_t *row = page->rows + (size_t)r * groups->layout->row_bytes;
                ps_view view;
                size_t h = 0;
                memcpy(&view, row + groups->layout->cols[0].at, sizeof(view));
                while (h < n && (view.at < groups->heap.heaps.at[h] ||
                                 view.at + view.n > groups->heap.heaps.at[h] +
                                                        ps_block_size(groups->heap.heaps.at[h])))
                    h++;
                assert_true(h < n);
                used[h]++;
            }
        }
    }
    for (size_t h = 0; h < n; h++) assert_true(used[h] > 0);
}

static void a_table_gives_back_its_oldest_rows(void **state)
{
    static uint8_t *first[GROUPS], *again[GROUPS];
    const ps_type type = PS_TYPE(STRING);
    const ps_row_spec spec = {
        .types = &type, .n_cols = 1, .n_keys = 1, .hashed = true, .state_bytes = 8};
    const ps_row_layout *layout;
    ps_group_table groups;
    ps_spill *spill;
    uint32_t n_kept = 0;

    (void)state;
    for (uint32_t i = 0; i < GROUPS; i++)
        snprintf(group_texts[i], sizeof(group_texts[i]), "the long text of group %u", i);
    assert_int_equal(ps_row_layout_new(&cx, &arena, &spec, &layout), PS_OK);
    assert_int_equal(ps_group_table_init(&cx, &groups, layout, true, 0), PS_OK);
    assert_int_equal(ps_spill_new(&cx, &(ps_spill_options){0}, &spill), PS_OK);
    groups.mark_bytes = 64 << 10;
    count_rows(&groups, 0, GROUPS, first);
    const uint64_t bytes = ps_group_table_bytes(&groups);
    const uint64_t wanted = bytes / 4;
    assert_int_equal(ps_group_table_spill(&cx, &groups, wanted, spill), PS_OK);
    const uint64_t given = bytes - ps_group_table_bytes(&groups);
    check_texts(&groups);
    assert_true(given >= wanted / 2);
    assert_true(given < bytes / 2); /* not all of it */
    /* Those that stayed are counted where they are; others get a second row. */
    count_rows(&groups, 0, GROUPS, again);
    for (uint32_t i = 0; i < GROUPS; i++) n_kept += first[i] == again[i];
    assert_true(n_kept > GROUPS / 3);
    for (uint32_t i = GROUPS - PS_BATCH_ROWS; i < GROUPS; i++) assert_ptr_equal(first[i], again[i]);
    /* Marks behind one that was used say how much of what is left comes before them. */
    const uint64_t held = ps_group_table_bytes(&groups);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        assert_int_equal(ps_group_table_spill(&cx, &groups, wanted / 2, spill), PS_OK);
        check_texts(&groups);
    }
    assert_in_range(held - ps_group_table_bytes(&groups), ROUNDS * wanted / 4, ROUNDS * wanted);
    assert_true(ps_group_table_bytes(&groups) > 0);
    count_rows(&groups, 0, GROUPS, again);
    check_counts(&groups, 3);
    assert_int_equal(ps_group_table_spill(&cx, &groups, UINT64_MAX, spill), PS_OK);
    assert_int_equal(ps_group_table_bytes(&groups), 0);
    count_rows(&groups, 0, GROUPS, again);
    check_counts(&groups, 4);
    ps_group_table_release(&groups);
    ps_spill_free(spill);
}

static int setup(void **state)
{
    (void)state;
    ps_mem_init(&mem, NULL, "test", 0);
    ps_ctx_init(&cx, &mem, NULL);
    cx.batch_rows = PS_BATCH_ROWS;
    table_make();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ps_source_unref(source);
    ps_table_unref(table);
    ps_arena_release(&arena);
    memset(&arena, 0, sizeof(arena));
    return atomic_load(&mem.used) != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(groups_equal_a_plain_reference, setup, teardown),
        cmocka_unit_test_setup_teardown(distinct_keeps_one_row_of_each_and_on_the_first, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(medians_and_ordered_texts_are_right, setup, teardown),
        cmocka_unit_test_setup_teardown(no_input_gives_one_row_without_keys_and_none_with, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(same_text_in_every_configuration, setup, teardown),
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, setup, teardown),
        cmocka_unit_test_setup_teardown(a_table_gives_back_its_oldest_rows, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
