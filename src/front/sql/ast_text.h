/* front/sql/ast_text.h -- SQL text of the enums of ast.def, for the printer and the dump. */
#ifndef PS_FRONT_SQL_AST_TEXT_H
#define PS_FRONT_SQL_AST_TEXT_H

#include "front/sql/ast.h"

#define E(NAME, text) text,
static const char *const sql_text_op[] PS_UNUSED = {PS_SQL_OP_LIST(E)};
static const char *const sql_text_num[] PS_UNUSED = {PS_SQL_NUM_LIST(E)};
static const char *const sql_text_is[] PS_UNUSED = {PS_SQL_IS_LIST(E)};
static const char *const sql_text_like[] PS_UNUSED = {PS_SQL_LIKE_LIST(E)};
static const char *const sql_text_nulls[] PS_UNUSED = {PS_SQL_NULLS_LIST(E)};
static const char *const sql_text_direction[] PS_UNUSED = {PS_SQL_DIRECTION_LIST(E)};
static const char *const sql_text_null_order[] PS_UNUSED = {PS_SQL_NULL_ORDER_LIST(E)};
static const char *const sql_text_frame[] PS_UNUSED = {PS_SQL_FRAME_LIST(E)};
static const char *const sql_text_bound[] PS_UNUSED = {PS_SQL_BOUND_LIST(E)};
static const char *const sql_text_exclude[] PS_UNUSED = {PS_SQL_EXCLUDE_LIST(E)};
static const char *const sql_text_join[] PS_UNUSED = {PS_SQL_JOIN_LIST(E)};
static const char *const sql_text_grouping[] PS_UNUSED = {PS_SQL_GROUPING_LIST(E)};
static const char *const sql_text_setop[] PS_UNUSED = {PS_SQL_SETOP_LIST(E)};
static const char *const sql_text_materialized[] PS_UNUSED = {PS_SQL_MATERIALIZED_LIST(E)};
static const char *const sql_text_constraint[] PS_UNUSED = {PS_SQL_CONSTRAINT_LIST(E)};
static const char *const sql_text_object[] PS_UNUSED = {PS_SQL_OBJECT_LIST(E)};
static const char *const sql_text_scope[] PS_UNUSED = {PS_SQL_SCOPE_LIST(E)};
static const char *const sql_text_transaction[] PS_UNUSED = {PS_SQL_TRANSACTION_LIST(E)};
#undef E

#endif
