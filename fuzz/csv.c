/* fuzz/csv.c -- any bytes as a CSV file: sniffed and read whole, in small and in large morsels, as
 * text and as the types that were found. The two sizes must agree on whether it can be read. */
#include "support/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ps_status read_by(const char *path, const char *options)
{
    ps_error error = {0};
    char sql[200];

    const int n = snprintf(sql, sizeof sql, "SELECT * FROM read_csv('%s'%s)", path, options);
    const ps_status status = fuzz_sql(sql, (size_t)n, &error);
    if (status == PS_DATA && !strstr(error.message, path)) {
        fprintf(stderr, "no path in: %s\n", error.message);
        abort();
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const char *const path = fuzz_file(bytes, n);
    const ps_status whole = read_by(path, "");
    const ps_status pieces = n < 4096 ? read_by(path, ", buffer_size := 16") : whole;

    (void)!read_by(path, ", all_varchar := true, header := false");
    (void)!read_by(path, ", delim := ';', quote := '''', escape := '\\', ignore_errors := true");
    fuzz_file_close();
    if (whole != pieces && whole != PS_TIMEOUT && pieces != PS_TIMEOUT) {
        fprintf(stderr, "in one piece %s, in small ones %s\n", ps_status_name(whole),
                ps_status_name(pieces));
        abort();
    }
    return 0;
}
