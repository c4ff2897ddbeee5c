/* tests/unit/test_sql_print.c -- text to tree to text: golden statements, precedences, corpora.
 *
 * The corpora beside the repository are read when they are there, else skipped. */
#include "unit.h"

#include "base/arena.h"
#include "front/sql/parser.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static ps_mem mem;

static char *file_read(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    *n = (size_t)ftell(file);
    rewind(file);
    text = calloc(1, *n + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, *n, file), *n);
    fclose(file);
    return text;
}

/* Parses, prints, parses and prints again; the texts must agree, and the trees unless the text
 * says a PIVOT, whose statement form is printed as its FROM form. `printed` receives the text. */
static void round_trip(ps_str text, ps_text *printed)
{
    ps_ctx cx;
    ps_arena arena = {0};
    ps_sql_statements first, second;

    ps_ctx_init(&cx, &mem, NULL);
    if (ps_sql_parse(&cx, &arena, text, &first) != PS_OK)
        fail_msg("%s at %u: %.*s", cx.error.message, cx.error.offset, PS_STR_ARGS(text));
    for (size_t i = 0; i < first.n; i++) {
        ps_text again, tree, tree_again;
        ps_text_init(&again, &cx);
        ps_text_init(&tree, &cx);
        ps_text_init(&tree_again, &cx);
        ps_text_clear(printed);
        ps_sql_print(first.at[i].node, printed);
        ps_sql_dump(first.at[i].node, &tree);
        if (ps_sql_parse(&cx, &arena, (ps_str){printed->at, printed->n}, &second) != PS_OK)
            fail_msg("%s: %s", cx.error.message, printed->at);
        assert_int_equal(second.n, 1);
        ps_sql_print(second.at[0].node, &again);
        ps_sql_dump(second.at[0].node, &tree_again);
        assert_string_equal(printed->at, again.at);
        if (!strstr(printed->at, "PIVOT (")) assert_string_equal(tree.at, tree_again.at);
        ps_text_release(&again);
        ps_text_release(&tree);
        ps_text_release(&tree_again);
    }
    ps_arena_release(&arena);
}

static void test_golden(void **state)
{
    size_t n, pairs = 0;
    char *text = file_read(PS_TEST_DIR "/golden/sql/statements.txt", &n), *rest = text, *line;
    const char *input = NULL;
    ps_ctx cx;
    ps_text printed;

    (void)state;
    assert_non_null(text);
    ps_ctx_init(&cx, &mem, NULL);
    ps_text_init(&printed, &cx);
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (*line == '#' || *line == '\0') continue;
        if (strncmp(line, "= ", 2) != 0) {
            input = line;
            continue;
        }
        round_trip(ps_str_of(input), &printed);
        assert_string_equal(printed.at, line + 2);
        pairs++;
    }
    assert_true(pairs > 80);
    ps_text_release(&printed);
    free(text);
}

/* What binds tighter, as DuckDB 2.0 reads it: brackets made visible. */
static void test_precedence(void **state)
{
    static const char *const pairs[][2] = {
        {"a + b * c", "a + b * c"},         {"(a + b) * c", "(a + b) * c"},
        {"a or b and c", "a OR b AND c"},   {"(a or b) and c", "(a OR b) AND c"},
        {"a -> b -> c", "a -> b -> c"},     {"a or b -> c", "a OR b -> c"},
        {"(a -> b) or c", "(a -> b) OR c"}, {"-a ** b", "-a ** b"},
        {"-(a ** b)", "-(a ** b)"},         {"~a + b", "~(a + b)"},
        {"(~a) + b", "(~a) + b"},           {"a ->> b = c", "a ->> b = c"},
        {"a ->> (b = c)", "a ->> (b = c)"}, {"a & b | c", "a & b | c"},
        {"a & (b | c)", "a & (b | c)"},     {"not a = b", "NOT a = b"},
        {"(not a) = b", "(NOT a) = b"},     {"a || b like c || d", "a || b LIKE c || d"},
        {"-a::int", "-CAST(a AS int)"},     {"a between b and c and d", "a BETWEEN b AND c AND d"},
    };
    ps_ctx cx;
    ps_text printed, text;

    (void)state;
    ps_ctx_init(&cx, &mem, NULL);
    ps_text_init(&printed, &cx);
    ps_text_init(&text, &cx);
    for (size_t i = 0; i < PS_COUNT(pairs); i++) {
        ps_text_clear(&text);
        ps_text_printf(&text, "SELECT %s", pairs[i][0]);
        round_trip((ps_str){text.at, text.n}, &printed);
        assert_string_equal(printed.at + strlen("SELECT "), pairs[i][1]);
    }
    ps_text_release(&printed);
    ps_text_release(&text);
}

static size_t folder_round_trip(const char *folder)
{
    char path[1024];
    ps_ctx cx;
    ps_text printed;
    size_t files = 0;
    struct dirent *entry;
    DIR *dir = opendir(folder);

    if (!dir) return 0;
    ps_ctx_init(&cx, &mem, NULL);
    ps_text_init(&printed, &cx);
    while ((entry = readdir(dir)) != NULL) {
        const size_t length = strlen(entry->d_name);
        size_t n;
        if (length < 4 || strcmp(entry->d_name + length - 4, ".sql") != 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        char *text = file_read(path, &n);
        assert_non_null(text);
        round_trip((ps_str){text, n}, &printed);
        free(text);
        files++;
    }
    closedir(dir);
    ps_text_release(&printed);
    return files;
}

static void test_corpora(void **state)
{
    const char *root = PS_TEST_DIR "/../../shared/corpora";
    char path[512];
    DIR *dir = opendir(root);

    (void)state;
    if (!dir) skip();
    closedir(dir);
    snprintf(path, sizeof path, "%s/tpch/queries", root);
    assert_int_equal(folder_round_trip(path), 22);
    snprintf(path, sizeof path, "%s/tpcds/queries", root);
    assert_int_equal(folder_round_trip(path), 99);
    snprintf(path, sizeof path, "%s/job", root);
    assert_true(folder_round_trip(path) >= 113);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_corpora),
    };
    ps_mem_init(&mem, NULL, "test", 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
