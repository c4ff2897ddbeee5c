/* fuzz/text.c -- any text as a value, a pattern and a subject: casts from text to every scalar
 * type, LIKE, regular expressions, globs, date formats. The text is a row of a table, so nothing is
 * folded. */
#include "support/session.h"

#include <stdlib.h>
#include <string.h>

static void import(const uint8_t *bytes, size_t n, size_t cut);

static const char *const queries[] = {
    "SELECT TRY_CAST(a AS BIGINT), TRY_CAST(a AS UTINYINT), TRY_CAST(a AS HUGEINT), TRY_CAST(a AS "
    "DECIMAL(38, 10)), TRY_CAST(a AS DECIMAL(5, 4)), TRY_CAST(a AS DOUBLE), TRY_CAST(a AS FLOAT), "
    "TRY_CAST(a AS DATE), TRY_CAST(a AS TIME), TRY_CAST(a AS TIMESTAMP), TRY_CAST(a AS "
    "TIMESTAMPTZ), TRY_CAST(a AS INTERVAL), TRY_CAST(a AS BOOLEAN), TRY_CAST(a AS UUID), "
    "TRY_CAST(a AS BLOB) FROM input",
    "SELECT TRY_CAST(TRY_CAST(a AS DOUBLE)::VARCHAR AS DOUBLE) IS NOT DISTINCT FROM TRY_CAST(a AS "
    "DOUBLE), TRY_CAST(TRY_CAST(a AS TIMESTAMP)::VARCHAR AS TIMESTAMP) IS NOT DISTINCT FROM "
    "TRY_CAST(a AS TIMESTAMP), TRY_CAST(TRY_CAST(a AS INTERVAL)::VARCHAR AS INTERVAL) IS NOT "
    "DISTINCT FROM TRY_CAST(a AS INTERVAL) FROM input",
    "SELECT CAST(a AS DATE), CAST(b AS INTERVAL) FROM input",
    "SELECT a LIKE b, a ILIKE b, a NOT LIKE b ESCAPE '#' FROM input",
    "SELECT regexp_matches(a, b), regexp_replace(a, b, 'x$1\\1'), regexp_extract(a, b) FROM input",
    ("SELECT lower(a), upper(b), trim(a), length(a), substring(a, 2, 3), reverse(a), "
     "lpad(a, 9, b), replace(a, b, a), strpos(a, b), split_part(a, b, 2) FROM input")};

struct bytes_holder {
    int64_t ends[3];
    const void *buffers[2][3];
    struct ArrowArray columns[2], *column_at[2];
    const void *no_buffer[1];
    uint8_t bytes[];
};

static void child_done(struct ArrowArray *array) { array->release = NULL; }

static void batch_done(struct ArrowArray *array)
{
    free(array->private_data);
    array->release = NULL;
}

static void schema_done(struct ArrowSchema *schema) { schema->release = NULL; }

static struct ArrowSchema names[2], *name_at[2] = {&names[0], &names[1]};
static struct ArrowArray batch;

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    (void)stream;
    names[0] = (struct ArrowSchema){.format = "u", .name = "a", .release = schema_done};
    names[1] = (struct ArrowSchema){.format = "u", .name = "b", .release = schema_done};
    *out = (struct ArrowSchema){
        .format = "+s", .n_children = 2, .children = name_at, .release = schema_done};
    return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    (void)stream;
    *out = batch;
    batch = (struct ArrowArray){0};
    return 0;
}

static const char *get_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return "";
}

static void stream_done(struct ArrowArrayStream *stream)
{
    if (batch.release) batch.release(&batch);
    stream->release = NULL;
}

/* A table of one row: what stands before and behind cut. */
static void import(const uint8_t *bytes, size_t n, size_t cut)
{
    struct bytes_holder *const h = calloc(1, sizeof *h + n + 1);
    int32_t *const ends = (int32_t *)h->ends;
    struct ArrowArrayStream stream = {get_schema, get_next, get_error, stream_done, NULL};
    ps_error error = {0};

    memcpy(h->bytes, bytes, n);
    ends[0] = 0, ends[1] = (int32_t)cut, ends[2] = (int32_t)n;
    for (int i = 0; i < 2; i++) {
        h->buffers[i][1] = ends + i, h->buffers[i][2] = h->bytes;
        h->columns[i] = (struct ArrowArray){
            .length = 1, .n_buffers = 3, .buffers = h->buffers[i], .release = child_done};
        h->column_at[i] = &h->columns[i];
    }
    batch = (struct ArrowArray){.length = 1,
                                .n_buffers = 1,
                                .n_children = 2,
                                .buffers = h->no_buffer,
                                .children = h->column_at,
                                .release = batch_done,
                                .private_data = h};
    fuzz_check(ps_session_import(fuzz_session(), "input", &stream, &error), &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    ps_error error = {0};

    if (n < 1 || n > 4096) return 0;
    import(bytes + 1, n - 1, bytes[0] % n);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        (void)!fuzz_sql(queries[i], strlen(queries[i]), &error);
    return 0;
}
