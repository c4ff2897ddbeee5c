/* bind/dialect.h -- the choices in which dialects differ; engines and plans know no dialects. */
#ifndef PS_BIND_DIALECT_H
#define PS_BIND_DIALECT_H

#include "base/str.h"

typedef struct ps_dialect {
    const char *name;
    bool quoted_exact; /* quoted names match byte by byte, others their lower-case form; else case
                          is ignored */
    bool nulls_first_desc; /* DESC puts nulls first; ASC puts them last in all dialects */
    bool integer_division; /* 7 / 2 is 3; else 3.5 */
    bool alias_anywhere;   /* a SELECT alias is seen in WHERE, HAVING and other items, not only in
                              GROUP and ORDER BY */
    char like_escape;      /* LIKE's escape character without ESCAPE; 0: none */
    int8_t float_literals; /* 1: 1.5 is a DOUBLE; 0: a DECIMAL */
} ps_dialect;

extern const ps_dialect ps_dialect_default, ps_dialect_postgres;
/* NULL: no dialect of that name. */
const ps_dialect *ps_dialect_find(ps_str name);
/* Does a name in a text (quoted or not) mean the given name of a table or column? */
bool ps_dialect_same_name(const ps_dialect *dialect, ps_str written, bool quoted, ps_str name);

#endif
