/* examples/arrow.c -- Arrow both ways: a stream built by hand becomes a table, a query's rows leave
 * as an Arrow stream. */
#include <penstock.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- a producer: one batch of two columns in static memory, nothing to free ---- */

enum { ROWS = 4 };
static const int64_t years[ROWS] = {2021, 2022, 2023, 2024};
static const double litres[ROWS] = {41.5, 38.25, 0, 44};
static const uint8_t litres_there[] = {0x0b}; /* row 2 is null */

static void release_schema(struct ArrowSchema *schema) { schema->release = NULL; }
static void release_array(struct ArrowArray *array) { array->release = NULL; }
static void release_stream(struct ArrowArrayStream *stream) { stream->release = NULL; }

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    static struct ArrowSchema columns[2];
    static struct ArrowSchema *const children[] = {&columns[0], &columns[1]};

    (void)stream;
    columns[0] = (struct ArrowSchema){.format = "l", .name = "year", .release = release_schema};
    columns[1] = (struct ArrowSchema){
        .format = "g", .name = "litres", .flags = ARROW_FLAG_NULLABLE, .release = release_schema};
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = 2,
                                .children = (struct ArrowSchema **)children,
                                .release = release_schema};
    return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    static const void *no_buffers[] = {NULL};
    static const void *year_buffers[] = {NULL, years};
    static const void *litre_buffers[] = {litres_there, litres};
    static struct ArrowArray columns[2];
    static struct ArrowArray *const children[] = {&columns[0], &columns[1]};
    int *given = stream->private_data;

    *out = (struct ArrowArray){0};
    if (*given) return 0; /* released: the end */
    *given = 1;
    columns[0] = (struct ArrowArray){
        .length = ROWS, .n_buffers = 2, .buffers = year_buffers, .release = release_array};
    columns[1] = (struct ArrowArray){.length = ROWS,
                                     .null_count = 1,
                                     .n_buffers = 2,
                                     .buffers = litre_buffers,
                                     .release = release_array};
    *out = (struct ArrowArray){.length = ROWS,
                               .n_buffers = 1,
                               .buffers = no_buffers,
                               .n_children = 2,
                               .children = (struct ArrowArray **)children,
                               .release = release_array};
    return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return NULL;
}

/* ---- a consumer: sums a BIGINT column of any Arrow stream ---- */

static int print_stream(struct ArrowArrayStream *stream)
{
    for (;;) {
        struct ArrowArray batch;
        const int code = stream->get_next(stream, &batch);

        if (code) {
            fprintf(stderr, "%s: %s\n", strerror(code), stream->get_last_error(stream));
            return code;
        }
        if (!batch.release) return 0;
        const struct ArrowArray *year = batch.children[0], *sum = batch.children[1];
        for (int64_t row = 0; row < batch.length; row++) {
            printf("%lld %.2f\n",
                   (long long)((const int64_t *)year->buffers[1])[row + year->offset],
                   ((const double *)sum->buffers[1])[row + sum->offset]);
        }
        batch.release(&batch);
    }
}

static ps_status run(ps_session *session, ps_error *error)
{
    static const char sql[] =
        "SELECT year, 2 * litres AS twice FROM fuel WHERE litres IS NOT NULL ORDER BY year";
    int given = 0;
    struct ArrowArrayStream in = {get_schema, get_next, get_last_error, release_stream, &given},
                            out;
    ps_result *result = NULL;
    ps_status st = ps_session_import(session, "fuel", &in, error);

    if (st == PS_OK) st = ps_session_sql(session, sql, strlen(sql), NULL, &result, error);
    if (st == PS_OK) st = ps_result_stream(result, &out, error); /* the stream owns it now */
    else ps_result_free(result);
    if (st != PS_OK) return st;
    const int code = print_stream(&out);
    out.release(&out);
    return code ? PS_DATA : PS_OK;
}

int main(void)
{
    ps_instance *instance = NULL;
    ps_session *session = NULL;
    ps_error error = {0};
    ps_status st = ps_instance_new(NULL, &instance, &error);

    if (st == PS_OK) st = ps_session_new(instance, &session, &error);
    if (st == PS_OK) st = run(session, &error);
    if (st != PS_OK) fprintf(stderr, "%s: %s\n", ps_status_name(st), error.message);
    ps_session_free(session);
    ps_instance_free(instance);
    return st != PS_OK;
}
