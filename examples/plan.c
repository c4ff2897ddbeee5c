/* examples/plan.c -- a query put together from plans and terms, without SQL text: what each region
 * earned, with the regions that earned nothing. */
#include <penstock.h>

#include <stdio.h>
#include <string.h>

static ps_status run_sql(ps_session *session, const char *sql, ps_error *error)
{
    ps_result *result = NULL;
    const ps_status st = ps_session_sql(session, sql, strlen(sql), NULL, &result, error);

    ps_result_free(result);
    return st;
}

/* Makers take over what they are given and carry failures along: nothing to check here. */
static ps_plan *earnings(void)
{
    ps_term *net = ps_term_call2("*", ps_term_column("price"),
                                 ps_term_call2("-", ps_term_int64(1), ps_term_column("discount")));
    ps_term *region = ps_term_column("region");
    ps_term *sums[] = {ps_term_as(ps_term_call1("sum", net), "earned"),
                       ps_term_as(ps_term_call1("count", ps_term_column("price")), "sales")};
    ps_term *order[] = {ps_term_key(ps_term_column("earned"), true, PS_NULL_PLACE_LAST),
                        ps_term_column("region")};
    const char *const names[] = {"region"};

    ps_plan *plan = ps_plan_join_using(ps_plan_table("regions"), ps_plan_table("sales"),
                                       PS_MATCH_LEFT, names, 1);
    plan = ps_plan_aggregate(plan, &region, 1, sums, 2);
    return ps_plan_sort(plan, order, 2);
}

static ps_status print_batch(const struct ArrowSchema *schema, struct ArrowArray *batch,
                             ps_error *error)
{
    ps_cells *cells;
    ps_status st = ps_cells_new(schema, batch, &cells, error);

    for (size_t row = 0; st == PS_OK && row < ps_cells_n_rows(cells); row++) {
        for (size_t column = 0; st == PS_OK && column < ps_cells_n_columns(cells); column++) {
            const char *text;

            st = ps_cells_text(cells, row, column, &text, NULL, error);
            if (st == PS_OK) printf("%s%s", column ? " " : "", text ? text : "-");
        }
        printf("\n");
    }
    ps_cells_free(cells);
    return st;
}

static ps_status run(ps_session *session, ps_error *error)
{
    ps_run_options options = PS_RUN_OPTIONS;
    struct ArrowSchema schema;
    ps_result *result = NULL;
    ps_fetch fetch = PS_FETCH_BATCH;
    ps_plan *plan = earnings();

    options.timeout_ms = 10000;
    ps_status st = ps_plan_run(plan, session, &options, &result, error);
    ps_plan_unref(plan);
    if (st != PS_OK) return st;
    st = ps_result_schema(result, &schema, error);
    while (st == PS_OK && fetch != PS_FETCH_END) {
        struct ArrowArray batch;

        st = ps_result_next(result, UINT64_MAX, &batch, &fetch, error);
        if (st == PS_OK && fetch == PS_FETCH_BATCH) st = print_batch(&schema, &batch, error);
    }
    if (schema.release) schema.release(&schema);
    ps_result_free(result);
    return st;
}

int main(void)
{
    ps_instance *instance = NULL;
    ps_session *session = NULL;
    ps_error error = {0};
    ps_status st = ps_instance_new(NULL, &instance, &error);

    if (st == PS_OK) st = ps_session_new(instance, &session, &error);
    if (st == PS_OK)
        st = run_sql(session,
                     "CREATE TABLE regions AS SELECT * FROM (VALUES ('north'), ('south'),"
                     " ('west')) t(region)",
                     &error);
    if (st == PS_OK)
        st = run_sql(session,
                     "CREATE TABLE sales AS SELECT * FROM (VALUES ('north', 10.00, 0.10),"
                     " ('south', 20.00, 0.05), ('north', 30.00, 0.00))"
                     " t(region, price, discount)",
                     &error);
    if (st == PS_OK) st = run(session, &error);
    if (st != PS_OK) fprintf(stderr, "%s: %s\n%s\n", ps_status_name(st), error.message, error.hint);
    ps_session_free(session);
    ps_instance_free(instance);
    return st != PS_OK;
}
