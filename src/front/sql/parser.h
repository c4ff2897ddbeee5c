/* front/sql/parser.h -- SQL text to syntax trees, positions of errors, completeness for shells.
 *
 * Threads: no shared state; each call works with its own context and arena. */
#ifndef PS_FRONT_SQL_PARSER_H
#define PS_FRONT_SQL_PARSER_H

#include "front/sql/ast.h"

/* Parses statements separated by semicolons (none at all is fine: out->n is 0). Everything in out
 * is in the arena and borrows from text. Errors carry their byte offset: PS_PARSE, PS_UNSUPPORTED
 * (known SQL that has no tree here), PS_MEMORY. */
ps_status ps_sql_parse(ps_ctx *cx, ps_arena *arena, ps_str text, ps_sql_statements *out);

/* Fills line, column and excerpt of an error at byte offset of text (and error->offset); long
 * lines are cut around the caret. text may be any bytes. */
void ps_sql_locate(ps_str text, uint32_t offset, ps_error *error);

/* Does text end a statement: its last token is a semicolon, no string, comment or quoted name is
 * open? Text of blanks and comments alone is complete. */
bool ps_sql_is_complete(ps_str text);

#endif
