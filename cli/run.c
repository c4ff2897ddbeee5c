/* cli/run.c -- runs statements and prints what they give. */
#include "shell.h"

#include "split.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { POLL_MS = 100, WIDTH_DEFAULT = 80 };

void shell_print_error(const ps_error *error)
{
    fprintf(stderr, "%s: %s\n", ps_status_name(error->code), error->message);
    if (error->excerpt[0]) {
        const size_t n = strlen(error->excerpt);

        if (error->line) fprintf(stderr, "line %u, column %u:\n", error->line, error->column);
        fprintf(stderr, "%s%s", error->excerpt, error->excerpt[n - 1] == '\n' ? "" : "\n");
    }
    if (error->hint[0]) fprintf(stderr, "hint: %s\n", error->hint);
}

static size_t terminal_width(void)
{
    struct winsize size;

    if (!isatty(STDOUT_FILENO)) return 0;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col) return size.ws_col;
    return WIDTH_DEFAULT;
}

/* Fetches and prints the batches of a result. */
static ps_status print_batches(shell *sh, ps_result *result, const struct ArrowSchema *schema,
                               render *r, ps_error *error)
{
    progress bar;
    ps_status st;

    progress_start(&bar, sh->progress);
    for (;;) {
        struct ArrowArray batch = {0};
        ps_cells *cells = NULL;
        ps_fetch fetch;

        st = ps_result_next(result, POLL_MS, &batch, &fetch, error);
        if (st != PS_OK || fetch == PS_FETCH_END) break;
        if (fetch == PS_FETCH_WAIT) {
            progress_update(&bar, ps_result_progress(result));
            continue;
        }
        progress_clear(&bar);
        st = ps_cells_new(schema, &batch, &cells, error);
        if (st == PS_OK && !render_batch(r, cells, error)) st = error->code;
        ps_cells_free(cells);
        if (st != PS_OK) break;
    }
    progress_clear(&bar);
    return st;
}

static ps_status print_rows(shell *sh, ps_result *result, ps_error *error)
{
    const render_options options = {
        .mode = sh->mode,
        .rows_max = sh->rows_max,
        .width = terminal_width(),
        .null = sh->mode == RENDER_CSV ? "" : "NULL",
    };
    struct ArrowSchema schema = {0};
    ps_cells *columns = NULL;
    render r;
    ps_status st = ps_result_schema(result, &schema, error);

    if (st == PS_OK) st = ps_cells_new(&schema, NULL, &columns, error);
    if (st == PS_OK) {
        render_begin(&r, &options, stdout, columns);
        st = print_batches(sh, result, &schema, &r, error);
        render_end(&r, st == PS_OK);
    }
    ps_cells_free(columns);
    if (schema.release) schema.release(&schema);
    return st;
}

/* What a person wants to know of a statement without rows. */
static void print_done(const shell *sh, const ps_result *result)
{
    const int64_t rows = ps_result_rows_changed(result);

    if (!sh->interactive || !ps_result_tag(result)[0]) return;
    if (rows >= 0) {
        printf("%s: %lld %s\n", ps_result_tag(result), (long long)rows, rows == 1 ? "row" : "rows");
    } else {
        printf("%s\n", ps_result_tag(result));
    }
}

bool shell_run(shell *sh, const char *sql, size_t n)
{
    const double started = progress_now();
    ps_error error = {0};
    ps_result *result = NULL;

    if (split_is_empty(sql, n)) return true;
    signals_arm();
    ps_status st = ps_session_sql(sh->session, sql, n, NULL, &result, &error);
    if (st == PS_OK) {
        if (ps_result_columns(result)) st = print_rows(sh, result, &error);
        else print_done(sh, result);
    }
    ps_result_free(result);
    sh->interrupted = signals_disarm() && st == PS_CANCELLED;
    if (st != PS_OK) shell_print_error(&error);
    if (sh->timer) fprintf(stdout, "time: %.3f s\n", progress_now() - started);
    fflush(stdout);
    return st == PS_OK;
}

/* The end of the first line, past its newline. */
static size_t line_end(const char *sql, size_t n)
{
    const char *newline = memchr(sql, '\n', n);

    return newline ? (size_t)(newline - sql) + 1 : n;
}

static bool run_dot_line(shell *sh, const char *line, size_t n)
{
    text copy = {0};

    while (n && (line[n - 1] == '\n' || line[n - 1] == '\r')) n--;
    text_add(&copy, line, n);
    const bool good = shell_dot(sh, copy.at);
    text_release(&copy);
    return good;
}

bool shell_run_all(shell *sh, const char *sql, size_t n)
{
    bool good = true;

    while (n && !sh->leave && (good || sh->interactive)) {
        const size_t blanks = strspn(sql, " \t\r\n");
        size_t step;

        if (blanks >= n) break;
        sql += blanks, n -= blanks;
        if (sql[0] == '.') {
            step = line_end(sql, n);
            good &= run_dot_line(sh, sql, step);
        } else {
            step = split_statement(sql, n);
            if (!step) step = n;
            good &= shell_run(sh, sql, step);
        }
        sql += step, n -= step;
    }
    return good;
}
