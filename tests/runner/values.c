/* tests/runner/values.c -- formatting, sorting, hashing and comparing of results.
 *
 * The formats are sqllogictest's: https://www.sqlite.org/sqllogictest, "about". */
#include "values.h"

#include "md5.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *format_text(pool *p, const char *cell, bool sqlite)
{
    text t = {0};

    for (const char *at = cell; *at; at++) {
        if (sqlite) text_add(&t, *at < ' ' || *at > '~' ? "@" : at, 1);
        else if (*at == '\n') text_puts(&t, "\\n");
        else if (*at == '\t') text_puts(&t, "\\t");
        else text_add(&t, at, 1);
    }
    char *out = pool_copy(p, t.at, t.n);
    text_release(&t);
    return out;
}

static char *format_number(pool *p, const char *cell, bool real)
{
    char buffer[400];
    char *end;
    int n;

    if (strcmp(cell, "true") == 0 || strcmp(cell, "false") == 0) cell = *cell == 't' ? "1" : "0";
    if (real) {
        n = snprintf(buffer, sizeof buffer, "%.3f", strtod(cell, NULL));
    } else {
        const long long whole = strtoll(cell, &end, 10);
        const double value = *end ? strtod(cell, NULL) : 0.0;

        n = snprintf(buffer, sizeof buffer, "%lld",
                     *end && fabs(value) < 9e18 ? (long long)value : whole);
    }
    return pool_copy(p, buffer, (size_t)n);
}

void values_format(pool *p, result *r, const char *types, bool sqlite)
{
    for (size_t i = 0; i < r->n_rows * r->n_cols; i++) {
        const char type = types[i % r->n_cols];
        char *cell = r->cells[i];

        if (!cell) r->cells[i] = pool_copy(p, "NULL", 4);
        else if (sqlite && (type == 'I' || type == 'R'))
            r->cells[i] = format_number(p, cell, type == 'R');
        else if (!cell[0]) r->cells[i] = pool_copy(p, "(empty)", 7);
        else r->cells[i] = format_text(p, cell, sqlite);
    }
}

static int compare_values(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int compare_rows(const void *a, const void *b, void *n_cols)
{
    char *const *left = *(char **const *)a, *const *right = *(char **const *)b;

    for (size_t i = 0; i < *(const size_t *)n_cols; i++) {
        const int order = strcmp(left[i], right[i]);
        if (order) return order;
    }
    return 0;
}

void values_sort(pool *p, result *r, record_sort sort)
{
    const size_t n = r->n_rows * r->n_cols;

    if (sort == SORT_NONE || n == 0) return;
    if (sort == SORT_VALUES) {
        qsort(r->cells, n, sizeof *r->cells, compare_values);
        return;
    }
    char ***rows = pool_alloc(p, r->n_rows * sizeof *rows);
    char **sorted = pool_alloc(p, n * sizeof *sorted);

    for (size_t i = 0; i < r->n_rows; i++) rows[i] = r->cells + i * r->n_cols;
    qsort_r(rows, r->n_rows, sizeof *rows, compare_rows, &r->n_cols);
    for (size_t i = 0; i < r->n_rows; i++)
        memcpy(sorted + i * r->n_cols, rows[i], r->n_cols * sizeof *sorted);
    r->cells = sorted;
}

outcome_text values_lines(pool *p, const result *r, bool sqlite)
{
    outcome_text out = {.lines = r->cells, .n_lines = r->n_rows * r->n_cols};

    if (sqlite || r->n_cols <= 1) return out;
    out.n_lines = r->n_rows;
    out.lines = pool_alloc(p, (out.n_lines + 1) * sizeof *out.lines);
    for (size_t row = 0; row < r->n_rows; row++) {
        text t = {0};

        for (size_t col = 0; col < r->n_cols; col++) {
            if (col) text_puts(&t, "\t");
            text_puts(&t, r->cells[row * r->n_cols + col]);
        }
        out.lines[row] = pool_copy(p, t.at, t.n);
        text_release(&t);
    }
    return out;
}

char *values_hash(pool *p, const result *r)
{
    const size_t n = r->n_rows * r->n_cols;
    text all = {0}, line = {0};
    char hex[33];

    for (size_t i = 0; i < n; i++) {
        text_puts(&all, r->cells[i]);
        text_puts(&all, "\n");
    }
    md5_hex(all.at ? all.at : "", all.n, hex);
    text_printf(&line, "%zu values hashing to %s", n, hex);
    char *out = pool_copy(p, line.at, line.n);
    text_release(&all);
    text_release(&line);
    return out;
}

static bool same_lines(char *const *a, size_t n_a, char *const *b, size_t n_b)
{
    if (n_a != n_b) return false;
    for (size_t i = 0; i < n_a; i++)
        if (strcmp(a[i], b[i]) != 0) return false;
    return true;
}

bool values_match(pool *p, const result *r, char *const *lines, size_t n_lines, bool sqlite)
{
    if (n_lines == 1 && strstr(lines[0], " values hashing to "))
        return strcmp(lines[0], values_hash(p, r)) == 0;
    const outcome_text rows = values_lines(p, r, sqlite);

    return same_lines(rows.lines, rows.n_lines, lines, n_lines) ||
           same_lines(r->cells, r->n_rows * r->n_cols, lines, n_lines);
}
