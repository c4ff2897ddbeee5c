/* front/sql/lower.h -- SQL's syntax trees to bound statements: names to columns, types, casts,
 * plans.
 *
 * Threads: none shared; a planner is used by one thread. */
#ifndef PS_FRONT_SQL_LOWER_H
#define PS_FRONT_SQL_LOWER_H

#include "bind/statement.h"
#include "front/sql/ast.h"

/* Lowers one statement of text. Everything in *out is in the planner's arena and may borrow from
 * text. Errors carry their byte offset: PS_BIND, PS_UNSUPPORTED (known, but nothing runs it yet),
 * PS_PARSE (the grammar lets it pass, the language doesn't), PS_VALUE (a constant that can't be
 * computed). */
ps_status ps_sql_lower(ps_planner *p, const ps_bind_env *env, ps_str text,
                       const ps_sql_statement *ast, ps_statement *out);

#endif
