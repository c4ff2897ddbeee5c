/* fuzz/sql.c -- any text as SQL over three small tables: parsed, bound, optimised, run.
 *
 * Files and settings are not for a fuzzer: a text that could write or read a file, or take away
 * the time limit, is left out. */
#include "support/session.h"

#include <string.h>
#include <strings.h>

static const char *const tables[] = {
    "CREATE TABLE t AS SELECT i AS a, i % 7 AS b, CASE WHEN i % 5 > 0 THEN 'v' || i::VARCHAR END "
    "AS s, i * 1.5::DOUBLE AS f, (i * 3)::DECIMAL(9, 2) AS n, DATE '2020-01-01' + i::INTEGER AS d "
    "FROM range(40) r(i)",
    ("CREATE TABLE u AS SELECT i AS a, CASE WHEN i % 3 > 0 THEN i * 2 END AS c, i % 2 = 0 AS o, "
     "TIMESTAMP '2001-02-03 04:05:06' AS ts FROM range(20) r(i)"),
    "CREATE TABLE e AS SELECT 1 AS a, 'x' AS s, NULL AS z WHERE false"};

static bool has(const uint8_t *bytes, size_t n, const char *word)
{
    const size_t length = strlen(word);

    for (size_t i = 0; i + length <= n; i++)
        if (strncasecmp((const char *)bytes + i, word, length) == 0) return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char *const left_out[] = {"copy",  "set ",  "set\t", "set\n",
                                           "reset", "read_", ".csv",  "drop"};
    static bool made;
    ps_error error = {0};

    for (size_t i = 0; !made && i < sizeof tables / sizeof *tables; i++)
        (void)!fuzz_sql(tables[i], strlen(tables[i]), &error);
    made = true;
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (has(bytes, n, left_out[i])) return 0;
    (void)!fuzz_sql((const char *)bytes, n, &error);
    return 0;
}
