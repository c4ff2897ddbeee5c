/* tests/runner/db.c -- see db.h. The only file of the runner that calls the library. */
#include "db.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SESSIONS_MAX = 8 };

struct db {
    ps_instance *instance;
    ps_session *sessions[SESSIONS_MAX];
    char *names[SESSIONS_MAX];
    size_t n_sessions, current;
};

static char *message_of(pool *p, ps_status status, const ps_error *error)
{
    text t = {0};

    text_printf(&t, "%s: %s", ps_status_name(status), error->message);
    char *out = pool_copy(p, t.at, t.n);
    text_release(&t);
    return out;
}

db *db_open(pool *p, char **why)
{
    db *d = pool_alloc(p, sizeof *d);
    ps_error error = {0};
    const ps_status st = ps_instance_new(NULL, &d->instance, &error);

    if (st != PS_OK) {
        *why = message_of(p, st, &error);
        return NULL;
    }
    if (db_session(d, p, "default", why)) return d;
    db_close(d);
    return NULL;
}

bool db_session(db *d, pool *p, const char *name, char **why)
{
    ps_error error = {0};

    for (size_t i = 0; i < d->n_sessions; i++) {
        if (strcmp(d->names[i], name) != 0) continue;
        d->current = i;
        return true;
    }
    if (d->n_sessions == SESSIONS_MAX) {
        *why = pool_copy(p, "too many sessions", 17);
        return false;
    }
    const ps_status st = ps_session_new(d->instance, &d->sessions[d->n_sessions], &error);
    if (st != PS_OK) {
        *why = message_of(p, st, &error);
        return false;
    }
    d->names[d->n_sessions] = pool_copy(p, name, strlen(name));
    d->current = d->n_sessions++;
    return true;
}

/* Adds the rows of one batch to the result; the batch is taken over. */
static ps_status add_batch(pool *p, const struct ArrowSchema *schema, struct ArrowArray *batch,
                           result *out, ps_error *error)
{
    ps_cells *cells = NULL;
    ps_status st = ps_cells_new(schema, batch, &cells, error);

    if (st != PS_OK) return st;
    for (size_t row = 0; row < ps_cells_n_rows(cells); row++) {
        for (size_t col = 0; col < out->n_cols; col++) {
            const size_t at = out->n_rows * out->n_cols + col;
            const char *cell;
            size_t n;

            st = ps_cells_text(cells, row, col, &cell, &n, error);
            if (st != PS_OK) goto done;
            out->cells = pool_grow(p, out->cells, at, sizeof *out->cells);
            out->cells[at] = cell ? pool_copy(p, cell, n) : NULL;
        }
        out->n_rows++;
    }
done:
    ps_cells_free(cells);
    return st;
}

static ps_status read_rows(pool *p, ps_result *rows, result *out, ps_error *error)
{
    struct ArrowSchema schema = {0};
    struct ArrowArray batch;
    ps_fetch fetch = PS_FETCH_BATCH;
    ps_status st = ps_result_schema(rows, &schema, error);

    while (st == PS_OK) {
        st = ps_result_next(rows, UINT64_MAX, &batch, &fetch, error);
        if (st != PS_OK || fetch != PS_FETCH_BATCH) break;
        st = add_batch(p, &schema, &batch, out, error);
    }
    if (schema.release) schema.release(&schema);
    return st;
}

void db_run(db *d, pool *p, const char *sql, result *out)
{
    ps_error error = {0};
    ps_result *rows = NULL;

    *out = (result){0};
    out->status = ps_session_sql(d->sessions[d->current], sql, strlen(sql), NULL, &rows, &error);
    if (out->status == PS_OK) {
        out->n_cols = ps_result_columns(rows);
        if (out->n_cols) out->status = read_rows(p, rows, out, &error);
    }
    ps_result_free(rows);
    if (out->status != PS_OK) out->message = message_of(p, out->status, &error);
}

static bool is_allocation(const fault *f) { return strcmp(f->kind, "allocation") == 0; }

void db_fault(db *d, const fault *f)
{
    ps_session *session = d->sessions[d->current];
    ps_error error;
    char value[64] = "";
    ps_status st;

    if (is_allocation(f)) {
        st = ps_session_set(session, "fail_alloc_all", f->all ? "true" : "false", &error);
        snprintf(value, sizeof value, "%ld", f->n);
        if (st == PS_OK) st = ps_session_set(session, "fail_alloc", value, &error);
    } else {
        if (f->n) snprintf(value, sizeof value, "%s %ld%s", f->kind, f->n, f->all ? " all" : "");
        st = ps_session_set(session, "fail_io", value, &error);
    }
    if (st != PS_OK) abort(); /* setting takes no memory */
}

bool db_fault_came(db *d, const fault *f, char call[16])
{
    ps_error error;
    char left[64];
    const bool allocation = is_allocation(f);

    call[0] = 0;
    /* reading allocates: where all of that fails, it came */
    if (ps_session_get(d->sessions[d->current], allocation ? "fail_alloc" : "fail_io", left,
                       sizeof left, &error) != PS_OK)
        return true;
    if (allocation) return strcmp(left, "0") == 0;
    const int found = sscanf(left, f->all ? "%*s %*s all %15s" : "%*s %*s %15s", call);
    return found == 1;
}

void db_close(db *d)
{
    for (size_t i = 0; i < d->n_sessions; i++) ps_session_free(d->sessions[i]);
    ps_instance_free(d->instance);
}
