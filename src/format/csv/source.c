/* format/csv/source.c -- CSV files as a source. */
#include "format/csv/csv.h"
#include "format/csv/write.h"

static ps_status csv_read(ps_ctx *cx, const ps_str *paths, uint32_t n_paths,
                          const ps_options *options, ps_source **out)
{
    (void)n_paths, (void)options;
    *out = NULL;
    return ps_fail(cx, PS_UNSUPPORTED, "CSV files can't be read yet: %.*s", PS_STR_ARGS(paths[0]));
}

static const char *const extensions[] = {".csv", ".tsv", NULL};
const ps_format ps_format_csv = {
    .name = "csv", .extensions = extensions, .open = csv_read, .sink = &ps_csv_sink};
