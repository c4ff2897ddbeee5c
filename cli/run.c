/* cli/run.c -- runs statements and prints what they give. */
#include "shell.h"

#include "split.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { POLL_MS = 100, WIDTH_DEFAULT = 80 };

/* A bug of the library's: all that is to be known of it, to copy. */
static void print_report(const shell *sh)
{
    char *report = NULL;

    if (ps_session_bug_report(sh->session, &report, NULL) == PS_OK && report[0]) {
        fprintf(stderr,
                "This is a bug in penstock; the session goes on. Please report what stands between "
                "the lines,\nafter a look at what the statement gives away:\n"
                "----------------------------------------\n%s"
                "----------------------------------------\n",
                report);
    }
    ps_string_free(report);
}

void shell_print_error(const shell *sh, const ps_error *error)
{
    fprintf(stderr, "%s: %s\n", ps_status_name(error->code), error->message);
    if (error->excerpt[0]) {
        const size_t n = strlen(error->excerpt);

        if (error->line && sh->file) fprintf(stderr, "%s, ", sh->file);
        if (error->line)
            fprintf(stderr, "line %zu, column %u:\n", sh->line + error->line, error->column);
        fprintf(stderr, "%s%s", error->excerpt, error->excerpt[n - 1] == '\n' ? "" : "\n");
    }
    if (error->hint[0]) fprintf(stderr, "hint: %s\n", error->hint);
    if (error->code == PS_INTERNAL) print_report(sh);
}

bool shell_flush(void)
{
    static bool told;

    if (fflush(stdout) == 0 && !ferror(stdout)) return true;
    if (!told) fprintf(stderr, "penstock: the output can't be written: %s\n", strerror(errno));
    told = true;
    return false;
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
                               render *r, double started, ps_error *error)
{
    ps_status st = PS_OK;

    while (st == PS_OK) {
        struct ArrowArray batch = {0};
        ps_cells *cells = NULL;
        ps_fetch fetch;

        st = ps_result_next(result, POLL_MS, &batch, &fetch, error);
        if (st != PS_OK || fetch == PS_FETCH_END) break;
        /* once more: Ctrl-C may have come before there was something to cancel */
        if (signals_pressed()) ps_result_cancel(result);
        if (fetch == PS_FETCH_WAIT) continue;
        progress_stop();
        st = ps_cells_new(schema, &batch, &cells, error);
        if (st == PS_OK && !render_batch(r, cells, error)) st = error->code;
        ps_cells_free(cells);
        progress_start(sh, started);
    }
    progress_stop();
    return st;
}

static ps_status print_rows(shell *sh, ps_result *result, double started, ps_error *error)
{
    const bool document = strcmp(ps_result_tag(result), "EXPLAIN") == 0;
    const render_options options = {
        .mode = sh->mode,
        .rows_max = document ? 0 : sh->rows_max,
        .document = document,
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
        st = print_batches(sh, result, &schema, &r, started, error);
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

/* Gigabytes take a tenth of a second to give back: a person who pressed Ctrl-C doesn't wait. */
static void *reap(void *result)
{
    ps_result_free(result);
    return NULL;
}

void shell_reap(shell *sh)
{
    if (sh->reaping) pthread_join(sh->reaper, NULL);
    sh->reaping = false;
}

static void free_result(shell *sh, ps_result *result, ps_status st)
{
    sigset_t all, before;

    if (result && st == PS_CANCELLED && !sh->reaping) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        sh->reaping = pthread_create(&sh->reaper, NULL, reap, result) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (sh->reaping) return;
    }
    ps_result_free(result);
}

static void print_time(double seconds)
{
    if (seconds < 1) printf("time: %.1f ms\n", seconds * 1000);
    else printf("time: %.2f s\n", seconds);
}

bool shell_run(shell *sh, const char *sql, size_t n)
{
    ps_error error = {.code = PS_CANCELLED, .message = "the statement was stopped before it began"};
    ps_status st = PS_CANCELLED;
    ps_result *result = NULL;

    if (split_is_empty(sql, n)) return true;
    const double started = progress_now();
    signals_arm(true);
    shell_reap(sh); /* so that this statement has all the memory; takes a moment */
    progress_start(sh, started);
    if (!signals_pressed()) st = ps_session_sql(sh->session, sql, n, NULL, &result, &error);
    if (st == PS_OK && ps_result_columns(result)) st = print_rows(sh, result, started, &error);
    progress_stop();
    if (st == PS_OK && !ps_result_columns(result)) print_done(sh, result);
    free_result(sh, result, st);
    sh->interrupted = signals_disarm() && st == PS_CANCELLED;
    if (st != PS_OK) {
        shell_flush(); /* what came before the error comes first */
        shell_print_error(sh, &error);
    }
    if (sh->timer) print_time(progress_now() - started);
    return shell_flush() && st == PS_OK;
}

/* The rows of one batch for shell_each(). */
static ps_status each_row(ps_cells *cells, void (*fn)(void *, const char *, const char *),
                          void *user, ps_error *error)
{
    const size_t n_columns = ps_cells_n_columns(cells);

    for (size_t row = 0; row < ps_cells_n_rows(cells); row++) {
        const char *cell = NULL;
        text first = {0}, second = {0};
        ps_status st = ps_cells_text(cells, row, 0, &cell, NULL, error);

        text_puts(&first, cell ? cell : "");
        cell = NULL;
        if (st == PS_OK && n_columns > 1) st = ps_cells_text(cells, row, 1, &cell, NULL, error);
        text_puts(&second, cell ? cell : "");
        if (st == PS_OK) fn(user, first.at, second.at);
        text_release(&first);
        text_release(&second);
        if (st != PS_OK) return st;
    }
    return PS_OK;
}

bool shell_each(shell *sh, const char *sql,
                void (*fn)(void *user, const char *first, const char *second), void *user)
{
    struct ArrowSchema schema = {0};
    ps_error error = {0};
    ps_result *result = NULL;
    ps_fetch fetch = PS_FETCH_BATCH;
    ps_status st = ps_session_sql(sh->session, sql, strlen(sql), NULL, &result, &error);

    if (st == PS_OK) st = ps_result_schema(result, &schema, &error);
    while (st == PS_OK && fetch != PS_FETCH_END) {
        struct ArrowArray batch = {0};
        ps_cells *cells = NULL;

        st = ps_result_next(result, UINT64_MAX, &batch, &fetch, &error);
        if (st != PS_OK || fetch != PS_FETCH_BATCH) continue;
        st = ps_cells_new(&schema, &batch, &cells, &error);
        if (st == PS_OK) st = each_row(cells, fn, user, &error);
        ps_cells_free(cells);
    }
    if (schema.release) schema.release(&schema);
    ps_result_free(result);
    if (st != PS_OK) shell_print_error(sh, &error);
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

static size_t count_lines(const char *sql, size_t n)
{
    size_t lines = 0;

    for (size_t i = 0; i < n; i++) lines += sql[i] == '\n';
    return lines;
}

/* One statement or dot command of a text; the bytes it took. */
static size_t run_piece(shell *sh, const char *sql, size_t n, bool *good)
{
    size_t step;

    if (sql[0] == '.') {
        step = line_end(sql, n);
        *good &= run_dot_line(sh, sql, step);
        return step;
    }
    step = split_statement(sql, n);
    if (!step) step = n;
    *good &= shell_run(sh, sql, step);
    return step;
}

bool shell_run_all(shell *sh, const char *file, const char *sql, size_t n)
{
    const char *const outer_file = sh->file;
    const size_t outer_line = sh->line;
    size_t line = 0;
    bool good = true;

    if (n >= 3 && memcmp(sql, "\xef\xbb\xbf", 3) == 0) sql += 3, n -= 3; /* a byte order mark */
    while (n && !sh->leave && (good || sh->interactive)) {
        size_t blanks = strspn(sql, " \t\r\n");

        if (blanks >= n) break;
        line += count_lines(sql, blanks);
        sql += blanks, n -= blanks;
        sh->file = file;
        sh->line = line;
        const size_t step = run_piece(sh, sql, n, &good);
        line += count_lines(sql, step);
        sql += step, n -= step;
    }
    sh->file = outer_file;
    sh->line = outer_line;
    return good;
}
