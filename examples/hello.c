/* examples/hello.c -- SQL to rows: an instance, a session, a statement, its rows as text. */
#include <penstock.h>

#include <stdio.h>
#include <string.h>

static int fail(const ps_error *error)
{
    fprintf(stderr, "%s: %s\n%s\n", ps_status_name(error->code), error->message, error->excerpt);
    return 1;
}

/* One batch, a line a row. The batch goes over to the cells. */
static ps_status print_batch(const struct ArrowSchema *schema, struct ArrowArray *batch,
                             ps_error *error)
{
    ps_cells *cells;
    ps_status st = ps_cells_new(schema, batch, &cells, error);

    for (size_t row = 0; st == PS_OK && row < ps_cells_n_rows(cells); row++) {
        for (size_t column = 0; st == PS_OK && column < ps_cells_n_columns(cells); column++) {
            const char *text;

            st = ps_cells_text(cells, row, column, &text, NULL, error);
            if (st == PS_OK) printf("%s%s", column ? " | " : "", text ? text : "NULL");
        }
        printf("\n");
    }
    ps_cells_free(cells);
    return st;
}

static ps_status print_rows(ps_result *result, ps_error *error)
{
    struct ArrowSchema schema;
    ps_fetch fetch = PS_FETCH_BATCH;
    ps_status st = ps_result_schema(result, &schema, error);

    if (st != PS_OK) return st;
    while (st == PS_OK && fetch != PS_FETCH_END) {
        struct ArrowArray batch;

        st = ps_result_next(result, UINT64_MAX, &batch, &fetch, error);
        if (st == PS_OK && fetch == PS_FETCH_BATCH) st = print_batch(&schema, &batch, error);
    }
    schema.release(&schema);
    return st;
}

int main(void)
{
    static const char sql[] =
        "SELECT n, n * n AS square, CASE WHEN n % 2 = 0 THEN 'even' END AS kind"
        " FROM range(1, 5) t(n) ORDER BY n DESC";
    ps_instance *instance = NULL;
    ps_session *session = NULL;
    ps_result *result = NULL;
    ps_error error = {0};
    ps_status st = ps_instance_new(NULL, &instance, &error);

    if (st == PS_OK) st = ps_session_new(instance, &session, &error);
    if (st == PS_OK) st = ps_session_sql(session, sql, strlen(sql), NULL, &result, &error);
    if (st == PS_OK) st = print_rows(result, &error);
    ps_result_free(result);
    ps_session_free(session);
    ps_instance_free(instance);
    return st == PS_OK ? 0 : fail(&error);
}
