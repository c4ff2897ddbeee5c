/* bind/dialect.c -- the dialects: named sets of choices. */
#include "bind/dialect.h"

const ps_dialect ps_dialect_default = {
    .name = "default",
    .alias_anywhere = true,
};

const ps_dialect ps_dialect_postgres = {
    .name = "postgres",
    .quoted_exact = true,
    .nulls_first_desc = true,
    .integer_division = true,
    .like_escape = '\\',
};

const ps_dialect *ps_dialect_find(ps_str name)
{
    static const ps_dialect *const all[] = {&ps_dialect_default, &ps_dialect_postgres};

    for (size_t i = 0; i < PS_COUNT(all); i++)
        if (ps_str_equal_nocase(name, ps_str_of(all[i]->name))) return all[i];
    return NULL;
}

bool ps_dialect_same_name(const ps_dialect *dialect, ps_str written, bool quoted, ps_str name)
{
    /* Files have names with capitals, which unquoted text must reach in every dialect. */
    if (dialect->quoted_exact && quoted) return ps_str_equal(written, name);
    return ps_str_equal_nocase(written, name);
}
