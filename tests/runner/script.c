/* tests/runner/script.c -- parsing of .test files. See script.h. */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 256, LOOP_ITEMS_MAX = 100000 };

typedef struct parser {
    pool *p;
    script *out;
    size_t at;      /* line to read next */
    bool skip_next; /* skipif or onlyif stood before */
    bool skip_all;  /* mode skip */
    char *words[WORDS_MAX];
    size_t n_words;
} parser;

static bool mistake(parser *ps, const char *what)
{
    text t = {0};

    text_printf(&t, "%s:%zu: %s", ps->out->path, ps->at, what);
    ps->out->mistake = pool_copy(ps->p, t.at, t.n);
    text_release(&t);
    return false;
}

static void split_lines(parser *ps, const text *content)
{
    const char *at = content->at, *end = content->at + content->n;
    script *out = ps->out;

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline ? newline : end) - at);
        const size_t step = n + (newline != NULL);

        if (n && at[n - 1] == '\r') n--;
        out->lines = pool_grow(ps->p, out->lines, out->n_lines, sizeof *out->lines);
        out->lines[out->n_lines++] = pool_copy(ps->p, at, n);
        at += step;
    }
}

static void split_words(parser *ps, const char *line)
{
    ps->n_words = 0;
    while (ps->n_words < WORDS_MAX) {
        line += strspn(line, " \t");
        const size_t n = strcspn(line, " \t");

        if (n == 0) break;
        ps->words[ps->n_words++] = pool_copy(ps->p, line, n);
        line += n;
    }
}

static bool is_blank(const char *line) { return line[strspn(line, " \t")] == 0; }

static void add_line(parser *ps, record *r, char *line)
{
    r->lines = pool_grow(ps->p, r->lines, r->n_lines, sizeof *r->lines);
    r->lines[r->n_lines++] = line;
}

/* The SQL up to a blank line or ----, then the expected lines up to a blank line. */
static bool parse_body(parser *ps, record *r)
{
    script *out = ps->out;
    text sql = {0};

    for (; ps->at < out->n_lines && !is_blank(out->lines[ps->at]); ps->at++) {
        if (strcmp(out->lines[ps->at], "----") == 0) break;
        if (sql.n) text_puts(&sql, "\n");
        text_puts(&sql, out->lines[ps->at]);
    }
    r->sql = pool_copy(ps->p, sql.at ? sql.at : "", sql.n);
    text_release(&sql);
    r->sql_end = r->expected_end = ps->at;
    if (!r->sql[0]) return mistake(ps, "a record without a statement");
    if (ps->at < out->n_lines && strcmp(out->lines[ps->at], "----") == 0) {
        r->has_expected = true;
        for (ps->at++; ps->at < out->n_lines && !is_blank(out->lines[ps->at]); ps->at++)
            add_line(ps, r, out->lines[ps->at]);
        r->expected_end = ps->at;
    }
    return true;
}

static bool parse_statement(parser *ps, record *r)
{
    r->kind = RECORD_STATEMENT;
    if (ps->n_words < 2) return mistake(ps, "`statement` needs `ok` or `error`");
    r->wants_error = strcmp(ps->words[1], "error") == 0;
    if (!r->wants_error && strcmp(ps->words[1], "ok") != 0)
        return mistake(ps, "`statement` needs `ok` or `error`");
    return parse_body(ps, r);
}

static bool parse_prepare(parser *ps, record *r)
{
    r->kind = RECORD_PREPARE;
    if (ps->n_words != 1) return mistake(ps, "`prepare` stands alone");
    return parse_body(ps, r);
}

static bool parse_query(parser *ps, record *r)
{
    r->kind = RECORD_QUERY;
    if (ps->n_words < 2) return mistake(ps, "`query` needs the types of its columns");
    r->word = ps->words[1];
    if (strspn(r->word, "IRTBDF?") != strlen(r->word))
        return mistake(ps, "types of columns are I, R and T");
    for (size_t i = 2; i < ps->n_words; i++) {
        const char *word = ps->words[i];

        if (strcmp(word, "rowsort") == 0) r->sort = SORT_ROWS;
        else if (strcmp(word, "valuesort") == 0) r->sort = SORT_VALUES;
        else if (strcmp(word, "nosort") != 0) r->label = ps->words[i];
    }
    return parse_body(ps, r);
}

static bool parse_plan(parser *ps, record *r)
{
    r->kind = RECORD_PLAN;
    if (ps->n_words != 2) return mistake(ps, "`plan` needs its form: optimized or bound");
    r->word = ps->words[1];
    return parse_body(ps, r);
}

static bool parse_loop(parser *ps, record *r)
{
    long first, end;

    r->kind = RECORD_LOOP;
    if (ps->n_words != 4 || !text_number(ps->words[2], strlen(ps->words[2]), &first) ||
        !text_number(ps->words[3], strlen(ps->words[3]), &end))
        return mistake(ps, "`loop` needs a name, the first number and the end");
    if (end - first > LOOP_ITEMS_MAX) return mistake(ps, "too many rounds");
    r->word = ps->words[1];
    for (long i = first; i < end; i++) {
        char number[32];
        const int n = snprintf(number, sizeof number, "%ld", i);

        add_line(ps, r, pool_copy(ps->p, number, (size_t)n));
    }
    return true;
}

static bool parse_words(parser *ps, record *r, record_kind kind, size_t words_min)
{
    r->kind = kind;
    if (ps->n_words < words_min) return mistake(ps, "a directive without its argument");
    if (ps->n_words > 1) r->word = ps->words[1];
    for (size_t i = 2; i < ps->n_words; i++) add_line(ps, r, ps->words[i]);
    return true;
}

static bool parse_threshold(parser *ps, record *r)
{
    r->kind = RECORD_THRESHOLD;
    if (ps->n_words != 2 || !text_number(ps->words[1], strlen(ps->words[1]), &r->number))
        return mistake(ps, "`hash-threshold` needs a number");
    return true;
}

/* skipif, onlyif and mode change how the records after them are read; *is_record tells the rest. */
static bool parse_guard(parser *ps, bool *is_record)
{
    const char *word = ps->words[0], *name = ps->n_words > 1 ? ps->words[1] : "";
    const bool ours = strcmp(name, "penstock") == 0;

    *is_record = false;
    if (strcmp(word, "skipif") == 0) ps->skip_next |= ours;
    else if (strcmp(word, "onlyif") == 0) ps->skip_next |= !ours;
    else if (strcmp(word, "mode") == 0 && strcmp(name, "skip") == 0) ps->skip_all = true;
    else if (strcmp(word, "mode") == 0 && strcmp(name, "unskip") == 0) ps->skip_all = false;
    else *is_record = true;
    return true;
}

static bool parse_record(parser *ps, record *r)
{
    const char *word = ps->words[0];

    if (strcmp(word, "statement") == 0) return parse_statement(ps, r);
    if (strcmp(word, "query") == 0) return parse_query(ps, r);
    if (strcmp(word, "plan") == 0) return parse_plan(ps, r);
    if (strcmp(word, "loop") == 0) return parse_loop(ps, r);
    if (strcmp(word, "foreach") == 0) return parse_words(ps, r, RECORD_LOOP, 3);
    if (strcmp(word, "endloop") == 0) return parse_words(ps, r, RECORD_END, 1);
    if (strcmp(word, "halt") == 0) return parse_words(ps, r, RECORD_HALT, 1);
    if (strcmp(word, "require") == 0) return parse_words(ps, r, RECORD_REQUIRE, 2);
    if (strcmp(word, "config") == 0) return parse_words(ps, r, RECORD_CONFIG, 3);
    if (strcmp(word, "prepare") == 0) return parse_prepare(ps, r);
    if (strcmp(word, "session") == 0) return parse_words(ps, r, RECORD_SESSION, 2);
    if (strcmp(word, "hash-threshold") == 0) return parse_threshold(ps, r);
    return mistake(ps, "an unknown directive");
}

/* Pairs loops with their ends. */
static bool pair_loops(parser *ps)
{
    enum { DEPTH_MAX = 8 };
    size_t open[DEPTH_MAX], depth = 0;
    script *out = ps->out;

    for (size_t i = 0; i < out->n_records; i++) {
        if (out->records[i].kind == RECORD_LOOP) {
            if (depth == DEPTH_MAX) return mistake(ps, "loops nested too deep");
            open[depth++] = i;
        } else if (out->records[i].kind == RECORD_END) {
            if (depth == 0) return mistake(ps, "`endloop` without a loop");
            out->records[open[--depth]].partner = i;
        }
    }
    return depth == 0 || mistake(ps, "a loop without `endloop`");
}

void script_parse(pool *p, const char *path, const text *content, script *out)
{
    parser ps = {.p = p, .out = out};

    *out = (script){.path = path};
    split_lines(&ps, content);
    while (ps.at < out->n_lines) {
        const size_t line = ps.at;
        bool is_record;

        split_words(&ps, out->lines[ps.at++]);
        if (ps.n_words == 0 || ps.words[0][0] == '#') continue;
        parse_guard(&ps, &is_record);
        if (!is_record) continue;
        out->records = pool_grow(p, out->records, out->n_records, sizeof *out->records);
        record *r = &out->records[out->n_records++];
        *r = (record){.line = line + 1, .skipped = ps.skip_next || ps.skip_all};
        ps.skip_next = false;
        if (!parse_record(&ps, r)) return;
    }
    pair_loops(&ps);
}
