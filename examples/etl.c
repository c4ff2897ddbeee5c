/* examples/etl.c -- files to rows: the Parquet files that a pattern names, filtered, grouped and
 * sorted by a plan, leave as an Arrow stream. Takes the pattern as its argument. */
#include <penstock.h>

#include <stdio.h>
#include <string.h>

static ps_plan *summary(const char *pattern)
{
    ps_term *star = ps_term_star(), *group = ps_term_column("g");
    ps_term *aggregates[] = {ps_term_as(ps_term_call("count", &star, 1), "n"),
                             ps_term_as(ps_term_call1("sum", ps_term_column("k")), "total")};
    ps_term *order = ps_term_column("g");
    ps_plan *plan = ps_plan_files(&pattern, 1, NULL);

    plan = ps_plan_filter(plan, ps_term_sql("k % 2 = 0 AND g < 4"));
    plan = ps_plan_aggregate(plan, &group, 1, aggregates, 2);
    return ps_plan_sort(plan, &order, 1);
}

/* Any consumer of Arrow streams could stand here. */
static int print_stream(struct ArrowArrayStream *stream)
{
    struct ArrowSchema schema;
    int code = stream->get_schema(stream, &schema);

    if (code) return code;
    for (;;) {
        struct ArrowArray batch;
        ps_cells *cells;
        const char *text;

        code = stream->get_next(stream, &batch);
        if (code || !batch.release) break;
        if (ps_cells_new(&schema, &batch, &cells, NULL) != PS_OK) break;
        for (size_t row = 0; row < ps_cells_n_rows(cells); row++) {
            for (size_t column = 0; column < ps_cells_n_columns(cells); column++) {
                if (ps_cells_text(cells, row, column, &text, NULL, NULL) != PS_OK) text = "?";
                printf("%s%s", column ? " " : "", text ? text : "NULL");
            }
            printf("\n");
        }
        ps_cells_free(cells);
    }
    if (code) fprintf(stderr, "%s\n", stream->get_last_error(stream));
    schema.release(&schema);
    return code;
}

static ps_status run(ps_session *session, const char *pattern, ps_error *error)
{
    struct ArrowArrayStream stream;
    ps_result *result = NULL;
    ps_plan *plan = summary(pattern);
    ps_status st = ps_plan_run(plan, session, NULL, &result, error);

    ps_plan_unref(plan);
    if (st == PS_OK) st = ps_result_stream(result, &stream, error);
    if (st != PS_OK) return st;
    const int code = print_stream(&stream);
    stream.release(&stream);
    return code ? PS_DATA : PS_OK;
}

int main(int argc, char **argv)
{
    ps_instance *instance = NULL;
    ps_session *session = NULL;
    ps_error error = {0};
    ps_status st = ps_instance_new(NULL, &instance, &error);

    if (st == PS_OK) st = ps_session_new(instance, &session, &error);
    if (st == PS_OK) st = run(session, argc > 1 ? argv[1] : "*.parquet", &error);
    if (st != PS_OK) fprintf(stderr, "%s: %s\n%s\n", ps_status_name(st), error.message, error.hint);
    ps_session_free(session);
    ps_instance_free(instance);
    return st != PS_OK;
}
