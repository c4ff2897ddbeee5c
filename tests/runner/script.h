/* tests/runner/script.h -- a .test file as a list of records.
 *
 * The syntax is sqllogictest's with directives of our own; tests/README.md is its description.
 * Records are separated by blank lines; a loop holds the records up to its `endloop`. */
#ifndef RUNNER_SCRIPT_H
#define RUNNER_SCRIPT_H

#include "text.h"

typedef enum record_kind {
    RECORD_STATEMENT, /* statement ok | statement error */
    RECORD_QUERY,     /* query TYPES [nosort|rowsort|valuesort] [label] */
    RECORD_PLAN,      /* plan optimized | plan bound */
    RECORD_LOOP,      /* loop NAME FIRST END | foreach NAME ITEM... */
    RECORD_END,       /* endloop */
    RECORD_HALT,      /* halt */
    RECORD_THRESHOLD, /* hash-threshold N */
    RECORD_REQUIRE,   /* require FEATURE */
    RECORD_CONFIG,    /* config only|skip NAME... */
    RECORD_SESSION,   /* session NAME: the records after it run there */
    RECORD_PREPARE,   /* prepare: runs before the next record, each time a sweep runs that */
} record_kind;

typedef enum record_sort { SORT_NONE, SORT_ROWS, SORT_VALUES } record_sort;

typedef struct record {
    record_kind kind;
    size_t line;      /* 1-based, of its first line */
    bool skipped;     /* by skipif, onlyif or mode skip */
    bool wants_error; /* statement error */
    record_sort sort;
    char *sql;    /* statement, query, plan */
    char *word;   /* types, loop variable, feature, form of plan, only|skip, session */
    char *label;  /* NULL: none */
    char **lines; /* expected lines, loop items, configuration names */
    size_t n_lines;
    long number;                  /* hash-threshold */
    size_t partner;               /* loop: index of its end */
    bool has_expected;            /* there was a ---- */
    size_t sql_end, expected_end; /* 0-based lines of the file, one past the part */
} record;

typedef struct script {
    const char *path;
    char **lines; /* of the file, without their ends */
    size_t n_lines;
    record *records;
    size_t n_records;
    char *mistake; /* why the file can't be used; NULL: it can */
} script;

/* Parses a file; a mistake is told in out->mistake. Everything lives in the pool. */
void script_parse(pool *p, const char *path, const text *content, script *out);

#endif
