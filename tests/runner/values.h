/* tests/runner/values.h -- results as the lines that a .test file expects. */
#ifndef RUNNER_VALUES_H
#define RUNNER_VALUES_H

#include "db.h"
#include "script.h"

typedef struct outcome_text {
    char **lines;
    size_t n_lines;
} outcome_text;

/* Formats by the types of the query where sqlite is set (I %d, R %.3f), else as they are;
 * NULL, (empty), and escaped newlines and tabs in both. In place: result cells become text. */
void values_format(pool *p, result *r, const char *types, bool sqlite);
void values_sort(pool *p, result *r, record_sort sort);
/* Rows as lines with tabs, or one value a line where sqlite is set. */
outcome_text values_lines(pool *p, const result *r, bool sqlite);
/* "30 values hashing to 3c13dee48d9356ae19af2515e05e6b54". */
char *values_hash(pool *p, const result *r);
/* Whether the expected lines are these values: by row, by value, or as a hash. */
bool values_match(pool *p, const result *r, char *const *lines, size_t n_lines, bool sqlite);

#endif
