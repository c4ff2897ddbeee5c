/* front/sql/grammar.y -- SQL as DuckDB 2.0 speaks it; lemon makes gen/front/sql/grammar.c of it.
 *
 * LALR(1) without conflicts: words that need more than one token of context are settled before
 * (words.c), so a rule may rely on its keyword being one. A word that may follow a place for an
 * alias without AS must not be of class NAME: lemon would try it as the alias before it reduces.
 * Precedences were compared with DuckDB 2.0's trees (tests/unit/test_sql_print.c).
 * Actions only build (build.h); what a construct means is the lowering's business. */

%name ps_sql_grammar
%token_prefix PS_TK_
%token_type {sql_token}
%default_type {ps_sql_node *}
%extra_context {sql_parser *sql}
%stack_size 0

%include {
#include "front/sql/build.h"
#include "front/sql/grammar_state.h"
#include "front/sql/grammar.h"

/* not by way of SQL_NEW: NULL and bool would be expanded on the way */
#define NEW(name, KIND, at_, ...)                                                                  \
    ps_gram_node(sql, PS_SQL_##KIND, &(ps_sql_##name){.head = {.start = (at_)}, __VA_ARGS__},           \
             sizeof(ps_sql_##name))
static void syntax_error(void *parser);
#define AS(name, node) ((ps_sql_##name *)(node))
#define SET(name, node, field, value) \
    do { if (node) AS(name, node)->field = (value); } while (0)
#define SET_NODE(name, node, field, value) \
    do { if (node) { AS(name, node)->field = (value); ps_gram_depth_raise(sql, node, AS(name, node)->field); } } while (0)
#define ONE(node) ps_gram_list_add(sql, (ps_sql_list){0}, (node))
#define TWO(a, b) ps_gram_list_add(sql, ONE(a), (b))
#define THREE(a, b, c) ps_gram_list_add(sql, TWO(a, b), (c))
/* lemon's stack is the parser's own memory, bounded: see grammar_state.h */
#define malloc(bytes) ps_gram_stack_grow(p->sql, NULL, (size_t)(bytes))
#define realloc(block, bytes) ps_gram_stack_grow(p->sql, (block), (size_t)(bytes))
#define free(block) ps_free(block)
}

%code {
static bool state_accepts(void *state, uint16_t kind)
{
    const YYACTIONTYPE action = yy_find_shift_action((YYCODETYPE)kind, *(const YYACTIONTYPE *)state);
    return yyFallback[kind] == 0 && action != YY_ERROR_ACTION;
}

static void syntax_error(void *raw)
{
    yyParser *parser = raw;
    ps_gram_syntax_error(parser->sql, state_accepts, &parser->yytos->stateno);
}

size_t ps_sql_grammar_bytes(void)
{
    return sizeof(yyParser);
}
}

%syntax_error { (void)yymajor; (void)yyminor; syntax_error(yypParser); }
%stack_overflow { ps_gram_stack_overflow(sql); }

/* @keywords */

%nonassoc LOWEST.
%left COMMA.
%left ARROW.
%left OR.
%left AND.
%right NOT.
%nonassoc IS ISNULL NOTNULL.
%nonassoc EQ NE LT LE GT GE.
%nonassoc BETWEEN IN LIKE ILIKE SIMILAR GLOB NOT_LA.
%nonassoc ESCAPE.
%left OPERATOR CONCAT TILDE AT_SIGN BANG.
%left PLUS MINUS.
%left STAR SLASH MOD INT_DIV.
%left POWER.
%left AT.
%left COLLATE.
%right UMINUS.
%left LB.
%left LP RP.
%left TYPECAST.
%left DOT.
%left UNION EXCEPT.
%left INTERSECT.
%left JOIN LEFT RIGHT FULL INNER CROSS NATURAL SEMI ANTI ASOF POSITIONAL.
%token SEMI_COLON.

%type names {ps_sql_idents}
%type names_opt {ps_sql_idents}
%type idents {ps_sql_idents}
%type name {ps_sql_ident}
%type label {ps_sql_ident}
%type exprs {ps_sql_list}
%type exprs_c {ps_sql_list}
%type items {ps_sql_list}
%type items_c {ps_sql_list}
%type sorts {ps_sql_list}
%type order {ps_sql_list}
%type order_opt {ps_sql_list}
%type args {ps_sql_list}
%type args_opt {ps_sql_list}
%type from {ps_sql_list}
%type from_opt {ps_sql_list}
%type tables {ps_sql_list}
%type whens {ps_sql_list}
%type fields {ps_sql_list}
%type fields_opt {ps_sql_list}
%type types {ps_sql_list}
%type type_fields {ps_sql_list}
%type rows {ps_sql_list}
%type row_items {ps_sql_list}
%type ctes {ps_sql_list}
%type windows {ps_sql_list}
%type windows_opt {ps_sql_list}
%type partition_opt {ps_sql_list}
%type exclude_names {ps_sql_list}
%type exclude_opt {ps_sql_list}
%type replace_opt {ps_sql_list}
%type replace_items {ps_sql_list}
%type rename_opt {ps_sql_list}
%type renames {ps_sql_list}
%type groups {ps_sql_list}
%type group_opt {sql_groups}
%type options {ps_sql_list}
%type options_opt {ps_sql_list}
%type elements {ps_sql_list}
%type constraints {ps_sql_list}
%type set_items {ps_sql_list}
%type set_values {ps_sql_list}
%type returning_opt {ps_sql_list}
%type pivot_fors {ps_sql_list}
%type using_opt {ps_sql_list}
%type macro_params {ps_sql_list}
%type macro_bodies {ps_sql_list}
%type alias {sql_alias}
%type alias_opt {sql_alias}
%type limit {sql_limits}
%type distinct_opt {sql_distinct}
%type with {sql_with}
%type join_kind {sql_join_kind}
%type join_qual {sql_join_qual}
%type bound {sql_bound}
%type frame_opt {sql_frame}
%type setop {sql_setop_kind}
%type entries {sql_entries}
%type entries_opt {sql_entries}
%type call_body {sql_call_body}
%type nulls_opt {int}
%type direction_opt {int}
%type null_order_opt {int}
%type frame_exclude_opt {int}
%type quantifier {int}
%type materialized_opt {int}
%type not_opt {int}
%type or_replace_opt {int}
%type temp_opt {int}
%type if_not_exists_opt {int}
%type if_exists_opt {int}
%type cascade_opt {int}
%type object {int}
%type scope_opt {int}
%type insert_or_opt {int}
%type include_nulls_opt {int}
%type recursive_opt {int}
%type data_opt {int}
%type analyze_opt {int}
%type rules_opt {int}
%type all_opt {int}
%type unpivot_into_opt {sql_unpivot_names}
%type value_names {ps_sql_idents}

text ::= statement(S). { sql->statement = S; }

/* ---- names ---- */
name(A) ::= ID(T). { A = ps_gram_ident(sql, T); }
label(A) ::= word(T). { A = ps_gram_ident(sql, T); }
label(A) ::= STRING(T). { A = (ps_sql_ident){.text = ps_gram_string(sql, T), .offset = T->start, .quoted = true}; }
names(A) ::= name(N). { A = ps_gram_idents_add(sql, (ps_sql_idents){0}, N); }
names(A) ::= names(L) COMMA name(N). { A = ps_gram_idents_add(sql, L, N); }
names_opt(A) ::= . { A = (ps_sql_idents){0}; }
names_opt(A) ::= LP names(L) RP. { A = L; }
idents(A) ::= ID(T). { A = ps_gram_idents_add(sql, (ps_sql_idents){0}, ps_gram_ident(sql, T)); }
idents(A) ::= idents(L) DOT ID(T). { A = ps_gram_idents_add(sql, L, ps_gram_ident(sql, T)); }

/* ---- expressions ---- */
exprs(A) ::= expr(E). { A = ONE(E); }
exprs(A) ::= exprs(L) COMMA expr(E). { A = ps_gram_list_add(sql, L, E); }
exprs_c(A) ::= exprs(L). { A = L; }
exprs_c(A) ::= exprs(L) COMMA. { A = L; }

expr(A) ::= NULL(T). { A = NEW(null, NULL, T->start); }
expr(A) ::= TRUE(T). { A = NEW(bool, BOOL, T->start, .value = true); }
expr(A) ::= FALSE(T). { A = NEW(bool, BOOL, T->start, .value = false); }
expr(A) ::= INTEGER(T). { A = ps_gram_number(sql, T); }
expr(A) ::= NUMBER(T). { A = ps_gram_number(sql, T); }
expr(A) ::= STRING(T). { A = ps_gram_string_node(sql, T); }
expr(A) ::= BLOB(T). { A = NEW(blob, BLOB, T->start, .hex = {sql->text + T->start + 2, T->end - T->start - 3}); }
expr(A) ::= PARAM(T). { A = ps_gram_param(sql, T); }
expr(A) ::= ORDINAL(T). { A = NEW(position, POSITION, T->start, .number = ps_gram_count(sql, T)); }
expr(A) ::= idents(L) STRING(T). { A = ps_gram_typed(sql, L, "", T); }
expr(A) ::= idents(L) WITH_TIME_ZONE STRING(T). { A = ps_gram_typed(sql, L, "tz", T); }
expr(A) ::= INTERVAL(I) STRING(T). { A = NEW(interval, INTERVAL, I->start, .value = ps_gram_string_node(sql, T)); }
expr(A) ::= INTERVAL(I) STRING(T) UNIT(U). { A = NEW(interval, INTERVAL, I->start, .value = ps_gram_string_node(sql, T), .unit = ps_gram_unit(sql, U)); }
expr(A) ::= INTERVAL(I) INTEGER(T) UNIT(U). { A = NEW(interval, INTERVAL, I->start, .value = ps_gram_number(sql, T), .unit = ps_gram_unit(sql, U)); }
expr(A) ::= INTERVAL(I) NUMBER(T) UNIT(U). { A = NEW(interval, INTERVAL, I->start, .value = ps_gram_number(sql, T), .unit = ps_gram_unit(sql, U)); }
expr(A) ::= INTERVAL(I) PARAM(T) UNIT(U). { A = NEW(interval, INTERVAL, I->start, .value = ps_gram_param(sql, T), .unit = ps_gram_unit(sql, U)); }
expr(A) ::= INTERVAL(I) LP expr(E) RP UNIT(U). { A = NEW(interval, INTERVAL, I->start, .value = E, .unit = ps_gram_unit(sql, U)); }
expr(A) ::= INTERVAL(I) idents(L) UNIT(U). { A = NEW(interval, INTERVAL, I->start, .value = ps_gram_column(sql, L), .unit = ps_gram_unit(sql, U)); }

expr(A) ::= idents(L). [LOWEST] { A = ps_gram_column(sql, L); }
expr(A) ::= LP expr(E) RP. { A = E; }
expr(A) ::= LP(T) exprs(L) COMMA expr(E) RP. { A = NEW(row, ROW, T->start, .items = ps_gram_list_add(sql, L, E)); }
expr(A) ::= LP(T) exprs(L) COMMA RP. { A = NEW(row, ROW, T->start, .items = L); }
expr(A) ::= ROW(T) LP exprs_c(L) RP. { A = NEW(row, ROW, T->start, .keyword = true, .items = L); }
expr(A) ::= ROW(T) LP RP. { A = NEW(row, ROW, T->start, .keyword = true); }
expr(A) ::= query_paren(Q). [UMINUS] { A = NEW(subquery, SUBQUERY, Q ? Q->start : 0, .query = Q); }
expr(A) ::= EXISTS(T) query_paren(Q). { A = NEW(exists, EXISTS, T->start, .query = Q); }
expr(A) ::= ARRAY(T) query_paren(Q). { A = NEW(subquery, SUBQUERY, T->start, .query = Q, .array = true); }
expr(A) ::= ARRAY list(L). { A = L; }
expr(A) ::= list(L). { A = L; }
list(A) ::= LB(T) RB. { A = NEW(list_literal, LIST, T->start); }
list(A) ::= LB(T) exprs_c(L) RB. { A = NEW(list_literal, LIST, T->start, .items = L); }
expr(A) ::= LB(T) expr(B) FOR names(N) IN expr(S) RB. { A = NEW(comprehension, COMPREHENSION, T->start, .body = B, .params = N, .source = S); }
expr(A) ::= LB(T) expr(B) FOR names(N) IN expr(S) IF expr(F) RB. { A = NEW(comprehension, COMPREHENSION, T->start, .body = B, .params = N, .source = S, .filter = F); }
expr(A) ::= LC(T) fields_opt(L) RC. { A = NEW(struct, STRUCT, T->start, .fields = L); }
fields_opt(A) ::= . { A = (ps_sql_list){0}; }
fields_opt(A) ::= fields(L). { A = L; }
fields_opt(A) ::= fields(L) COMMA. { A = L; }
fields(A) ::= field(F). { A = ONE(F); }
fields(A) ::= fields(L) COMMA field(F). { A = ps_gram_list_add(sql, L, F); }
field(A) ::= label(N) COLON expr(E). { A = NEW(named, NAMED, N.offset, .name = N, .value = E); }
expr(A) ::= MAP_LITERAL(T) LC entries_opt(E) RC. { A = NEW(map, MAP, T->start, .keys = E.keys, .values = E.values); }
entries_opt(A) ::= . { A = (sql_entries){0}; }
entries_opt(A) ::= entries(E). { A = E; }
entries_opt(A) ::= entries(E) COMMA. { A = E; }
entries(A) ::= expr(K) COLON expr(V). { A.keys = ONE(K); A.values = ONE(V); }
entries(A) ::= entries(E) COMMA expr(K) COLON expr(V). { A.keys = ps_gram_list_add(sql, E.keys, K); A.values = ps_gram_list_add(sql, E.values, V); }

expr(A) ::= star(S) exclude_opt(X) replace_opt(R) rename_opt(N). { A = ps_gram_star_with(sql, S, X, R, N); }
star(A) ::= STAR(T). { A = NEW(star, STAR, T->start); }
star(A) ::= idents(L) DOT STAR(T). { A = NEW(star, STAR, T->start, .table = L); }
exclude_opt(A) ::= . { A = (ps_sql_list){0}; }
exclude_opt(A) ::= EXCLUDE idents(C). [LOWEST] { A = ONE(ps_gram_column(sql, C)); }
exclude_opt(A) ::= EXCLUDE LP exclude_names(L) RP. { A = L; }
exclude_opt(A) ::= EXCLUDE LP exclude_names(L) COMMA RP. { A = L; }
exclude_names(A) ::= idents(C). { A = ONE(ps_gram_column(sql, C)); }
exclude_names(A) ::= exclude_names(L) COMMA idents(C). { A = ps_gram_list_add(sql, L, ps_gram_column(sql, C)); }
replace_opt(A) ::= . { A = (ps_sql_list){0}; }
replace_opt(A) ::= REPLACE LP replace_items(L) RP. { A = L; }
replace_opt(A) ::= REPLACE LP replace_items(L) COMMA RP. { A = L; }
replace_opt(A) ::= REPLACE replace_item(I). { A = ONE(I); }
replace_items(A) ::= replace_item(I). { A = ONE(I); }
replace_items(A) ::= replace_items(L) COMMA replace_item(I). { A = ps_gram_list_add(sql, L, I); }
replace_item(A) ::= expr(E) AS label(N). { A = NEW(item, ITEM, N.offset, .expr = E, .alias = N); }
replace_item(A) ::= expr(E) ID(T). { A = NEW(item, ITEM, T->start, .expr = E, .alias = ps_gram_ident(sql, T)); }
rename_opt(A) ::= . { A = (ps_sql_list){0}; }
rename_opt(A) ::= RENAME LP renames(L) RP. { A = L; }
rename_opt(A) ::= RENAME LP renames(L) COMMA RP. { A = L; }
rename_opt(A) ::= RENAME rename(R). { A = ONE(R); }
renames(A) ::= rename(R). { A = ONE(R); }
renames(A) ::= renames(L) COMMA rename(R). { A = ps_gram_list_add(sql, L, R); }
rename(A) ::= idents(C) AS label(N). { A = NEW(rename, RENAME, N.offset, .column = ps_gram_column(sql, C), .name = N); }
expr(A) ::= COLUMNS(T) LP expr(E) RP. { A = NEW(columns, COLUMNS, T->start, .arg = E); }
expr(A) ::= STAR(T) COLUMNS LP expr(E) RP. { A = NEW(columns, COLUMNS, T->start, .arg = E, .unpack = true); }

expr(A) ::= expr(B) OR(T) expr(C). { A = ps_gram_and_or(sql, PS_SQL_OR, T->start, B, C); }
expr(A) ::= expr(B) AND(T) expr(C). { A = ps_gram_and_or(sql, PS_SQL_AND, T->start, B, C); }
expr(A) ::= NOT(T) expr(B). { A = NEW(not, NOT, T->start, .arg = B); }
expr(A) ::= expr(B) ARROW(T) expr(C). { A = ps_gram_binary(sql, PS_SQL_OP_ARROW, T->start, B, C); }
expr(A) ::= LAMBDA(T) names(N) COLON expr(B). [LOWEST] { A = NEW(lambda, LAMBDA, T->start, .params = N, .body = B); }

not_opt(A) ::= . { A = 0; }
not_opt(A) ::= NOT. { A = 1; }
expr(A) ::= expr(B) IS(T) not_opt(N) NULL. [IS] { A = ps_gram_is(sql, PS_SQL_IS_NULL, N, T->start, B); }
expr(A) ::= expr(B) IS(T) not_opt(N) TRUE. [IS] { A = ps_gram_is(sql, PS_SQL_IS_TRUE, N, T->start, B); }
expr(A) ::= expr(B) IS(T) not_opt(N) FALSE. [IS] { A = ps_gram_is(sql, PS_SQL_IS_FALSE, N, T->start, B); }
expr(A) ::= expr(B) IS(T) not_opt(N) UNKNOWN. [IS] { A = ps_gram_is(sql, PS_SQL_IS_UNKNOWN, N, T->start, B); }
expr(A) ::= expr(B) IS(T) not_opt(N) DISTINCT FROM expr(C). [IS] { A = ps_gram_binary(sql, N ? PS_SQL_OP_NOT_DISTINCT_FROM : PS_SQL_OP_DISTINCT_FROM, T->start, B, C); }
expr(A) ::= expr(B) ISNULL(T). { A = ps_gram_is(sql, PS_SQL_IS_NULL, false, T->start, B); }
expr(A) ::= expr(B) NOTNULL(T). { A = ps_gram_is(sql, PS_SQL_IS_NULL, true, T->start, B); }
expr(A) ::= expr(B) NOT(T) NULL. [ISNULL] { A = ps_gram_is(sql, PS_SQL_IS_NULL, true, T->start, B); }

%token_class compare EQ NE LT LE GT GE.
%token_class like LIKE ILIKE GLOB.
expr(A) ::= expr(B) compare(T) expr(C). { A = ps_gram_operator(sql, T, B, C); }
quantifier(A) ::= ANY. { A = 0; }
quantifier(A) ::= SOME. { A = 0; }
quantifier(A) ::= ALL. { A = 1; }
expr(A) ::= expr(B) compare(T) quantifier(Q) query_paren(S). [EQ] { A = ps_gram_quantified(sql, T, B, Q, S, NULL); }
expr(A) ::= expr(B) compare(T) quantifier(Q) LP expr(S) RP. [EQ] { A = ps_gram_quantified(sql, T, B, Q, NULL, S); }

expr(A) ::= expr(B) like(T) expr(C). [LIKE] { A = ps_gram_like(sql, ps_gram_like_kind(T), false, T->start, B, C, NULL); }
expr(A) ::= expr(B) like(T) expr(C) ESCAPE expr(D). [LIKE] { A = ps_gram_like(sql, ps_gram_like_kind(T), false, T->start, B, C, D); }
expr(A) ::= expr(B) NOT_LA(N) like(T) expr(C). [LIKE] { A = ps_gram_like(sql, ps_gram_like_kind(T), true, N->start, B, C, NULL); }
expr(A) ::= expr(B) NOT_LA(N) like(T) expr(C) ESCAPE expr(D). [LIKE] { A = ps_gram_like(sql, ps_gram_like_kind(T), true, N->start, B, C, D); }
expr(A) ::= expr(B) SIMILAR(T) TO expr(C). [LIKE] { A = ps_gram_like(sql, PS_SQL_LIKE_SIMILAR, false, T->start, B, C, NULL); }
expr(A) ::= expr(B) SIMILAR(T) TO expr(C) ESCAPE expr(D). [LIKE] { A = ps_gram_like(sql, PS_SQL_LIKE_SIMILAR, false, T->start, B, C, D); }
expr(A) ::= expr(B) NOT_LA(N) SIMILAR TO expr(C). [LIKE] { A = ps_gram_like(sql, PS_SQL_LIKE_SIMILAR, true, N->start, B, C, NULL); }
expr(A) ::= expr(B) NOT_LA(N) SIMILAR TO expr(C) ESCAPE expr(D). [LIKE] { A = ps_gram_like(sql, PS_SQL_LIKE_SIMILAR, true, N->start, B, C, D); }

expr(A) ::= expr(B) between(N) expr(C) AND expr(D). [BETWEEN] { A = ps_gram_between_with(sql, N, B, C, D); }
between(A) ::= BETWEEN(T). { A = NEW(between, BETWEEN, T->start); }
between(A) ::= BETWEEN(T) SYMMETRIC. { A = NEW(between, BETWEEN, T->start, .symmetric = true); }
between(A) ::= BETWEEN(T) ASYMMETRIC. { A = NEW(between, BETWEEN, T->start); }
between(A) ::= NOT_LA(T) BETWEEN. { A = NEW(between, BETWEEN, T->start, .negated = true); }
between(A) ::= NOT_LA(T) BETWEEN SYMMETRIC. { A = NEW(between, BETWEEN, T->start, .negated = true, .symmetric = true); }
between(A) ::= NOT_LA(T) BETWEEN ASYMMETRIC. { A = NEW(between, BETWEEN, T->start, .negated = true); }

expr(A) ::= expr(B) IN(T) in_set(S). [IN] { A = ps_gram_in_with(sql, S, B, false, T->start); }
expr(A) ::= expr(B) NOT_LA(T) IN in_set(S). [IN] { A = ps_gram_in_with(sql, S, B, true, T->start); }
in_set(A) ::= LP(T) exprs_c(L) RP. { A = NEW(in, IN, T->start, .items = L); }
in_set(A) ::= LP(T) RP. { A = NEW(in, IN, T->start); }
in_set(A) ::= query_paren(Q). { A = NEW(in, IN, Q ? Q->start : 0, .query = Q); }
in_set(A) ::= in_primary(E). [LOWEST] { A = NEW(in, IN, E ? E->start : 0, .set = E); }
in_primary(A) ::= idents(L). [LOWEST] { A = ps_gram_column(sql, L); }
in_primary(A) ::= call(C). { A = C; }
in_primary(A) ::= list(L). { A = L; }
in_primary(A) ::= PARAM(T). { A = ps_gram_param(sql, T); }
in_primary(A) ::= STRING(T). { A = ps_gram_string_node(sql, T); }
in_primary(A) ::= in_primary(B) LB expr(I) RB. { A = NEW(subscript, SUBSCRIPT, B ? B->start : 0, .arg = B, .index = I); }

%token_class generic OPERATOR TILDE CONCAT.
expr(A) ::= expr(B) generic(T) expr(C). [OPERATOR] { A = ps_gram_operator(sql, T, B, C); }
expr(A) ::= TILDE(T) expr(B). [OPERATOR] { A = ps_gram_unary(sql, PS_SQL_OP_BIT_NOT, T->start, B); }
expr(A) ::= AT_SIGN(T) expr(B). [OPERATOR] { A = ps_gram_unary(sql, PS_SQL_OP_ABS, T->start, B); }
expr(A) ::= expr(B) BANG(T). { A = ps_gram_unary(sql, PS_SQL_OP_FACTORIAL, T->start, B); }
expr(A) ::= expr(B) PLUS(T) expr(C). { A = ps_gram_binary(sql, PS_SQL_OP_ADD, T->start, B, C); }
expr(A) ::= expr(B) MINUS(T) expr(C). { A = ps_gram_binary(sql, PS_SQL_OP_SUB, T->start, B, C); }
expr(A) ::= expr(B) STAR(T) expr(C). { A = ps_gram_binary(sql, PS_SQL_OP_MUL, T->start, B, C); }
expr(A) ::= expr(B) SLASH(T) expr(C). { A = ps_gram_binary(sql, PS_SQL_OP_DIV, T->start, B, C); }
expr(A) ::= expr(B) INT_DIV(T) expr(C). { A = ps_gram_binary(sql, PS_SQL_OP_INT_DIV, T->start, B, C); }
expr(A) ::= expr(B) MOD(T) expr(C). { A = ps_gram_binary(sql, PS_SQL_OP_MOD, T->start, B, C); }
expr(A) ::= expr(B) POWER(T) expr(C). { A = ps_gram_binary(sql, PS_SQL_OP_POWER, T->start, B, C); }
expr(A) ::= expr(B) AT(T) TIME ZONE expr(C). [AT] { A = ps_gram_call(sql, "timezone", T->start, TWO(C, B)); }
expr(A) ::= expr(B) COLLATE(T) idents(N). [COLLATE] { A = NEW(collate, COLLATE, T->start, .arg = B, .collation = N); }
expr(A) ::= MINUS(T) expr(B). [UMINUS] { A = ps_gram_unary(sql, PS_SQL_OP_NEGATE, T->start, B); }
expr(A) ::= PLUS(T) expr(B). [UMINUS] { A = ps_gram_unary(sql, PS_SQL_OP_PLUS, T->start, B); }
expr(A) ::= expr(B) LB(T) expr(I) RB. [LB] { A = NEW(subscript, SUBSCRIPT, T->start, .arg = B, .index = I); }
expr(A) ::= expr(B) LB(T) slice_bound(L) COLON slice_bound(H) RB. [LB] { A = NEW(slice, SLICE, T->start, .arg = B, .low = L, .high = H); }
expr(A) ::= expr(B) LB(T) slice_bound(L) COLON slice_bound(H) COLON slice_bound(S) RB. [LB] { A = NEW(slice, SLICE, T->start, .arg = B, .low = L, .high = H, .step = S); }
slice_bound(A) ::= . { A = NULL; }
slice_bound(A) ::= MINUS. [LOWEST] { A = NULL; }
slice_bound(A) ::= expr(E). { A = E; }
expr(A) ::= expr(B) TYPECAST(T) type(C). [LOWEST] { A = NEW(cast, CAST, T->start, .arg = B, .type = C); }
expr(A) ::= expr(B) DOT ID(T). [LOWEST] { A = NEW(field, FIELD, T->start, .arg = B, .name = ps_gram_ident(sql, T)); }
expr(A) ::= expr(B) DOT ID(T) LP call_body(C) RP. { A = ps_gram_call_chained(sql, T, B, &C); }

/* ---- forms with words inside the brackets ---- */
expr(A) ::= CAST(T) LP expr(E) AS type(C) RP. { A = NEW(cast, CAST, T->start, .arg = E, .type = C); }
expr(A) ::= TRY_CAST(T) LP expr(E) AS type(C) RP. { A = NEW(cast, CAST, T->start, .arg = E, .type = C, .attempt = true); }
expr(A) ::= CASE(T) case_arg_opt(X) whens(W) else_opt(E) END. { A = NEW(case, CASE, T->start, .arg = X, .whens = W, .otherwise = E); }
case_arg_opt(A) ::= . { A = NULL; }
case_arg_opt(A) ::= expr(E). { A = E; }
else_opt(A) ::= . { A = NULL; }
else_opt(A) ::= ELSE expr(E). { A = E; }
whens(A) ::= when(W). { A = ONE(W); }
whens(A) ::= whens(L) when(W). { A = ps_gram_list_add(sql, L, W); }
when(A) ::= WHEN(T) expr(C) THEN expr(R). { A = NEW(when, WHEN, T->start, .condition = C, .result = R); }
expr(A) ::= EXTRACT(T) LP label(P) FROM expr(E) RP. { A = NEW(extract, EXTRACT, T->start, .part = P, .arg = E); }
expr(A) ::= SUBSTRING(T) LP expr(E) FROM expr(F) FOR expr(N) RP. { A = ps_gram_call(sql, "substring", T->start, THREE(E, F, N)); }
expr(A) ::= SUBSTRING(T) LP expr(E) FROM expr(F) RP. { A = ps_gram_call(sql, "substring", T->start, TWO(E, F)); }
expr(A) ::= SUBSTRING(T) LP expr(E) FOR expr(N) RP. { A = ps_gram_call(sql, "substring", T->start, THREE(E, ps_gram_integer(sql, 1, T->start), N)); }
expr(A) ::= SUBSTRING(T) LP exprs(L) RP. { A = ps_gram_call(sql, "substring", T->start, L); }
expr(A) ::= POSITION(T) LP exprs(L) RP. { A = ps_gram_position(sql, T->start, L); }
expr(A) ::= TRIM(T) LP exprs(L) RP. { A = ps_gram_call(sql, "trim", T->start, L); }
expr(A) ::= TRIM(T) LP expr(C) FROM expr(E) RP. { A = ps_gram_call(sql, "trim", T->start, TWO(E, C)); }
expr(A) ::= TRIM(T) LP trim_side(S) FROM expr(E) RP. { A = ps_gram_trim(sql, S, T->start, ONE(E)); }
expr(A) ::= TRIM(T) LP trim_side(S) expr(E) RP. { A = ps_gram_trim(sql, S, T->start, ONE(E)); }
expr(A) ::= TRIM(T) LP trim_side(S) expr(C) FROM expr(E) RP. { A = ps_gram_trim(sql, S, T->start, TWO(E, C)); }
%type trim_side {sql_token}
%token_class side BOTH LEADING TRAILING.
trim_side(A) ::= side(T). { A = T; }
expr(A) ::= OVERLAY(T) LP expr(E) PLACING expr(N) FROM expr(F) RP. { A = ps_gram_call(sql, "overlay", T->start, THREE(E, N, F)); }
expr(A) ::= OVERLAY(T) LP expr(E) PLACING expr(N) FROM expr(F) FOR expr(C) RP. { A = ps_gram_call(sql, "overlay", T->start, ps_gram_list_add(sql, THREE(E, N, F), C)); }
expr(A) ::= OVERLAY(T) LP exprs(L) RP. { A = ps_gram_call(sql, "overlay", T->start, L); }

/* ---- calls and windows ---- */
expr(A) ::= call(C). { A = C; }
call(A) ::= call_head(C) within_opt(W) filter_opt(F) export_opt(X) over_opt(O). { A = ps_gram_call_with(sql, C, W, F, X, O); }
call_head(A) ::= idents(N) LP call_body(C) RP. { A = ps_gram_call_named(sql, N, &C); }
call_body(A) ::= args_opt(L). { A = (sql_call_body){.args = L}; }
call_body(A) ::= all_opt(D) args(L) order_opt(O) nulls_opt(N). { A = (sql_call_body){.distinct = D == 2, .args = L, .order = O, .nulls = (uint8_t)N}; }
all_opt(A) ::= ALL. { A = 1; }
all_opt(A) ::= DISTINCT. { A = 2; }
call_body(A) ::= args(L) order(O) nulls_opt(N). { A = (sql_call_body){.args = L, .order = O, .nulls = (uint8_t)N}; }
call_body(A) ::= args(L) nulls(N). { A = (sql_call_body){.args = L, .nulls = (uint8_t)N}; }
call_body(A) ::= order(O). { A = (sql_call_body){.order = O}; }
args_opt(A) ::= . { A = (ps_sql_list){0}; }
args_opt(A) ::= args(L). { A = L; }
args_opt(A) ::= args(L) COMMA. { A = L; }
args(A) ::= arg(E). { A = ONE(E); }
args(A) ::= args(L) COMMA arg(E). { A = ps_gram_list_add(sql, L, E); }
arg(A) ::= expr(E). { A = E; }
arg(A) ::= ID(T) ASSIGN expr(E). { A = NEW(named, NAMED, T->start, .name = ps_gram_ident(sql, T), .value = E); }
arg(A) ::= ID(T) FAT_ARROW expr(E). { A = NEW(named, NAMED, T->start, .name = ps_gram_ident(sql, T), .value = E); }
%type nulls {int}
nulls(A) ::= IGNORE NULLS. { A = PS_SQL_NULLS_IGNORE; }
nulls(A) ::= RESPECT NULLS. { A = PS_SQL_NULLS_RESPECT; }
nulls_opt(A) ::= . { A = PS_SQL_NULLS_DEFAULT; }
nulls_opt(A) ::= nulls(N). { A = N; }
%type within_opt {ps_sql_list}
within_opt(A) ::= . { A = (ps_sql_list){0}; }
within_opt(A) ::= WITHIN_GROUP LP order(O) RP. { A = O; }
filter_opt(A) ::= . { A = NULL; }
filter_opt(A) ::= FILTER LP WHERE expr(E) RP. { A = E; }
filter_opt(A) ::= FILTER LP expr(E) RP. { A = E; }
%type export_opt {int}
export_opt(A) ::= . { A = 0; }
export_opt(A) ::= EXPORT_STATE. { A = 1; }
%type over_opt {sql_over}
%token_class over OVER IGNORE_NULLS_OVER RESPECT_NULLS_OVER.
over_opt(A) ::= . { A = (sql_over){0}; }
over_opt(A) ::= over(T) name(B). { A = (sql_over){ps_gram_over_nulls(T), NEW(window, WINDOW, T->start, .base = B, .reference = true)}; }
over_opt(A) ::= over(T) window_spec(W). { A = (sql_over){ps_gram_over_nulls(T), W}; }
window_spec(A) ::= LP(T) base_opt(B) partition_opt(P) order_opt(O) frame_opt(F) RP. {
    A = NEW(window, WINDOW, T->start, .base = B, .partition = P, .order = O, .unit = F.unit,
            .start = F.start.kind, .start_value = F.start.value, .end = F.end.kind,
            .end_value = F.end.value, .exclude = F.exclude);
}
%type base_opt {ps_sql_ident}
base_opt(A) ::= . { A = (ps_sql_ident){0}; }
base_opt(A) ::= name(N). { A = N; }
partition_opt(A) ::= . { A = (ps_sql_list){0}; }
partition_opt(A) ::= PARTITION BY exprs(L). { A = L; }
frame_opt(A) ::= . { A = (sql_frame){.start.kind = PS_SQL_BOUND_UNBOUNDED_PRECEDING, .end.kind = PS_SQL_BOUND_CURRENT_ROW}; }
%token_class frame_unit ROWS RANGE GROUPS.
frame_opt(A) ::= frame_unit(U) bound(B) frame_exclude_opt(X). { A = ps_gram_frame_of(sql, U, B, (sql_bound){.kind = PS_SQL_BOUND_CURRENT_ROW}, X); }
frame_opt(A) ::= frame_unit(U) BETWEEN bound(B) AND bound(C) frame_exclude_opt(X). { A = ps_gram_frame_of(sql, U, B, C, X); }
bound(A) ::= UNBOUNDED PRECEDING. { A = (sql_bound){PS_SQL_BOUND_UNBOUNDED_PRECEDING, NULL}; }
bound(A) ::= UNBOUNDED FOLLOWING. { A = (sql_bound){PS_SQL_BOUND_UNBOUNDED_FOLLOWING, NULL}; }
bound(A) ::= CURRENT_ROW. { A = (sql_bound){PS_SQL_BOUND_CURRENT_ROW, NULL}; }
bound(A) ::= expr(E) PRECEDING. { A = (sql_bound){PS_SQL_BOUND_PRECEDING, E}; }
bound(A) ::= expr(E) FOLLOWING. { A = (sql_bound){PS_SQL_BOUND_FOLLOWING, E}; }
frame_exclude_opt(A) ::= . { A = PS_SQL_EXCLUDE_NO_OTHERS; }
frame_exclude_opt(A) ::= EXCLUDE NO OTHERS. { A = PS_SQL_EXCLUDE_NO_OTHERS; }
frame_exclude_opt(A) ::= EXCLUDE CURRENT_ROW. { A = PS_SQL_EXCLUDE_CURRENT_ROW; }
frame_exclude_opt(A) ::= EXCLUDE GROUP. { A = PS_SQL_EXCLUDE_GROUP; }
frame_exclude_opt(A) ::= EXCLUDE TIES. { A = PS_SQL_EXCLUDE_TIES; }

/* ---- types ---- */
type(A) ::= type_base(B). { A = B; }
type(A) ::= type(B) LB RB. { A = ps_gram_type_dim(sql, B, -1); }
type(A) ::= type(B) LB INTEGER(T) RB. { A = ps_gram_type_dim(sql, B, ps_gram_count(sql, T)); }
type_base(A) ::= idents(N). [LOWEST] { A = ps_gram_type(sql, N, "", (ps_sql_list){0}); }
type_base(A) ::= idents(N) LP exprs(L) RP. { A = ps_gram_type(sql, N, "", L); }
type_base(A) ::= idents(N) LP RP. { A = ps_gram_type(sql, N, "", (ps_sql_list){0}); }
type_base(A) ::= idents(N) WITH_TIME_ZONE. { A = ps_gram_type(sql, N, "tz", (ps_sql_list){0}); }
type_base(A) ::= idents(N) LP exprs(L) RP WITH_TIME_ZONE. { A = ps_gram_type(sql, N, "tz", L); }
type_base(A) ::= idents(N) WITHOUT_TIME_ZONE. { A = ps_gram_type(sql, N, "", (ps_sql_list){0}); }
type_base(A) ::= idents(N) PRECISION. { A = ps_gram_type(sql, N, "", (ps_sql_list){0}); }
type_base(A) ::= idents(N) VARYING. { A = ps_gram_type(sql, ps_gram_varying(N), "", (ps_sql_list){0}); }
type_base(A) ::= idents(N) VARYING LP exprs(L) RP. { A = ps_gram_type(sql, ps_gram_varying(N), "", L); }
type_base(A) ::= MAP(T). [LOWEST] { A = ps_gram_type_word(sql, T, (ps_sql_list){0}); }
type_base(A) ::= MAP(T) LP types(L) RP. { A = ps_gram_type_word(sql, T, L); }
type_base(A) ::= STRUCT(T). [LOWEST] { A = ps_gram_type_word(sql, T, (ps_sql_list){0}); }
type_base(A) ::= STRUCT(T) LP type_fields(L) RP. { A = ps_gram_type_word(sql, T, L); }
type_base(A) ::= ROW(T) LP type_fields(L) RP. { A = ps_gram_type_word(sql, T, L); }
type_base(A) ::= UNION(T) LP type_fields(L) RP. { A = ps_gram_type_word(sql, T, L); }
types(A) ::= type(T). { A = ONE(T); }
types(A) ::= types(L) COMMA type(T). { A = ps_gram_list_add(sql, L, T); }
type_fields(A) ::= type_field(F). { A = ONE(F); }
type_fields(A) ::= type_fields(L) COMMA type_field(F). { A = ps_gram_list_add(sql, L, F); }
type_field(A) ::= label(N) type(T). { A = NEW(type_field, TYPE_FIELD, N.offset, .name = N, .type = T); }

/* ---- queries ---- */
query(A) ::= query_np(Q). { A = Q; }
query(A) ::= query_paren(Q). { A = Q; }
query_paren(A) ::= LP query_np(Q) RP. { A = Q; }
query_paren(A) ::= LP query_paren(Q) RP. { A = Q; }
query_np(A) ::= body(B). { A = ps_gram_query_of(sql, B); }
query_np(A) ::= clause(B) order_opt(O) limit(L). { A = ps_gram_query_tail(sql, B, O, L); }
query_np(A) ::= clause(B) order(O). { A = ps_gram_query_tail(sql, B, O, (sql_limits){0}); }
query_np(A) ::= with(W) clause(B). { A = ps_gram_query_with(sql, W, ps_gram_query_tail(sql, B, (ps_sql_list){0}, (sql_limits){0})); }
query_np(A) ::= with(W) clause(B) order_opt(O) limit(L). { A = ps_gram_query_with(sql, W, ps_gram_query_tail(sql, B, O, L)); }
query_np(A) ::= with(W) clause(B) order(O). { A = ps_gram_query_with(sql, W, ps_gram_query_tail(sql, B, O, (sql_limits){0})); }
clause(A) ::= body(B). { A = B; }
clause(A) ::= query_paren(Q). { A = Q; }

with(A) ::= WITH ctes(L). { A = (sql_with){.ctes = L}; }
with(A) ::= WITH RECURSIVE ctes(L). { A = (sql_with){.ctes = L, .recursive = true}; }
ctes(A) ::= cte(C). { A = ONE(C); }
ctes(A) ::= ctes(L) COMMA cte(C). { A = ps_gram_list_add(sql, L, C); }
cte(A) ::= name(N) names_opt(C) key_opt(K) AS materialized_opt(M) query_paren(Q). { A = NEW(cte, CTE, N.offset, .name = N, .columns = C, .key = K, .materialized = (ps_sql_f_materialized)M, .query = Q); }
%type key_opt {ps_sql_idents}
key_opt(A) ::= . { A = (ps_sql_idents){0}; }
key_opt(A) ::= USING KEY LP names(L) RP. { A = L; }
materialized_opt(A) ::= . { A = PS_SQL_MATERIALIZED_DEFAULT; }
materialized_opt(A) ::= MATERIALIZED. { A = PS_SQL_MATERIALIZED_YES; }
materialized_opt(A) ::= NOT MATERIALIZED. { A = PS_SQL_MATERIALIZED_NO; }

order_opt(A) ::= . { A = (ps_sql_list){0}; }
order_opt(A) ::= order(O). { A = O; }
order(A) ::= ORDER BY sorts(L). { A = L; }
sorts(A) ::= sort(S). { A = ONE(S); }
sorts(A) ::= sorts(L) COMMA sort(S). { A = ps_gram_list_add(sql, L, S); }
sort(A) ::= expr(E) direction_opt(D) null_order_opt(N). { A = NEW(sort, SORT, E ? E->start : 0, .expr = E, .direction = (ps_sql_f_direction)D, .nulls = (ps_sql_f_null_order)N); }
sort(A) ::= ALL(T) direction_opt(D) null_order_opt(N). { A = NEW(sort, SORT, T->start, .all = true, .direction = (ps_sql_f_direction)D, .nulls = (ps_sql_f_null_order)N); }
direction_opt(A) ::= . { A = PS_SQL_DIRECTION_DEFAULT; }
direction_opt(A) ::= ASC. { A = PS_SQL_DIRECTION_ASC; }
direction_opt(A) ::= DESC. { A = PS_SQL_DIRECTION_DESC; }
null_order_opt(A) ::= . { A = PS_SQL_NULL_ORDER_DEFAULT; }
null_order_opt(A) ::= NULLS_FIRST. { A = PS_SQL_NULL_ORDER_FIRST; }
null_order_opt(A) ::= NULLS_LAST. { A = PS_SQL_NULL_ORDER_LAST; }
limit(A) ::= limit_count(L). { A = L; }
limit(A) ::= offset(O). { A = (sql_limits){.offset = O}; }
limit(A) ::= limit_count(L) offset(O). { A = L; A.offset = O; }
limit(A) ::= offset(O) limit_count(L). { A = L; A.offset = O; }
%type limit_count {sql_limits}
limit_count(A) ::= LIMIT expr(E). { A = (sql_limits){.limit = E}; }
limit_count(A) ::= LIMIT ALL. { A = (sql_limits){0}; }
limit_count(A) ::= LIMIT expr(E) PERCENT. { A = (sql_limits){.limit = E, .percent = true}; }
limit_count(A) ::= LIMIT expr(E) MOD. { A = (sql_limits){.limit = E, .percent = true}; }
limit_count(A) ::= FETCH first INTEGER(T) ID ONLY. { A = (sql_limits){.limit = ps_gram_number(sql, T)}; }
limit_count(A) ::= FETCH(F) first ID ONLY. { A = (sql_limits){.limit = ps_gram_integer(sql, 1, F->start)}; }
%type first {int}
first(A) ::= FIRST. { A = 0; }
first(A) ::= NEXT. { A = 0; }
offset(A) ::= OFFSET expr(E). { A = E; }
offset(A) ::= OFFSET expr(E) ID. { A = E; }

body(A) ::= SELECT(T) distinct_opt(D) items_c(I) from_opt(F) block_tail(B). { A = ps_gram_select_with(sql, B, T->start, D, I, F); }
body(A) ::= FROM(T) tables(F) SELECT distinct_opt(D) items_c(I) block_tail(B). { A = ps_gram_select_with(sql, B, T->start, D, I, F); }
body(A) ::= FROM(T) tables(F) block_tail(B). { A = ps_gram_select_with(sql, B, T->start, (sql_distinct){0}, ONE(NEW(item, ITEM, T->start, .expr = NEW(star, STAR, T->start))), F); }
body(A) ::= TABLE(T) idents(N). { A = ps_gram_table_query(sql, T, N); }
body(A) ::= VALUES(T) rows(R) COMMA. { A = NEW(values, VALUES, T->start, .rows = R); }
body(A) ::= VALUES(T) rows(R). [AND] { A = NEW(values, VALUES, T->start, .rows = R); }
body(A) ::= clause(B) setop(S) clause(C). [UNION] { A = ps_gram_setop(sql, S.op, S.all, S.by_name, S.at, B, C); }
body(A) ::= clause(B) INTERSECT(T) set_all_opt(L) clause(C). [INTERSECT] { A = ps_gram_setop(sql, PS_SQL_SETOP_INTERSECT, L & 1, L & 2, T->start, B, C); }
setop(A) ::= UNION(T) set_all_opt(L). { A = (sql_setop_kind){PS_SQL_SETOP_UNION, L & 1, L & 2, T->start}; }
setop(A) ::= EXCEPT(T) set_all_opt(L). { A = (sql_setop_kind){PS_SQL_SETOP_EXCEPT, L & 1, L & 2, T->start}; }
%type set_all_opt {int}
set_all_opt(A) ::= . { A = 0; }
set_all_opt(A) ::= ALL. { A = 1; }
set_all_opt(A) ::= DISTINCT. { A = 0; }
set_all_opt(A) ::= BY NAME. { A = 2; }
set_all_opt(A) ::= ALL BY NAME. { A = 3; }
set_all_opt(A) ::= DISTINCT BY NAME. { A = 2; }
rows(A) ::= row(R). { A = ONE(R); }
rows(A) ::= rows(L) COMMA row(R). { A = ps_gram_list_add(sql, L, R); }
row(A) ::= LP(T) row_items(L) RP. { A = NEW(row, ROW, T->start, .items = L); }
row(A) ::= LP(T) row_items(L) COMMA RP. { A = NEW(row, ROW, T->start, .items = L); }
row_items(A) ::= row_item(E). { A = ONE(E); }
row_items(A) ::= row_items(L) COMMA row_item(E). { A = ps_gram_list_add(sql, L, E); }
row_item(A) ::= expr(E). { A = E; }
row_item(A) ::= DEFAULT(T). { A = NEW(default, DEFAULT, T->start); }

distinct_opt(A) ::= . { A = (sql_distinct){0}; }
distinct_opt(A) ::= ALL. { A = (sql_distinct){0}; }
distinct_opt(A) ::= DISTINCT. { A = (sql_distinct){.distinct = true}; }
distinct_opt(A) ::= DISTINCT ON LP exprs(L) RP. { A = (sql_distinct){true, L}; }
items(A) ::= item(I). { A = ONE(I); }
items(A) ::= items(L) COMMA item(I). { A = ps_gram_list_add(sql, L, I); }
items_c(A) ::= items(L). { A = L; }
items_c(A) ::= items(L) COMMA. { A = L; }
item(A) ::= expr(E). { A = NEW(item, ITEM, E ? E->start : 0, .expr = E); }
item(A) ::= expr(E) AS label(N). { A = NEW(item, ITEM, N.offset, .expr = E, .alias = N); }
item(A) ::= expr(E) ID(T). { A = NEW(item, ITEM, T->start, .expr = E, .alias = ps_gram_ident(sql, T)); }
item(A) ::= ID(T) COLON expr(E). { A = NEW(item, ITEM, T->start, .expr = E, .alias = ps_gram_ident(sql, T)); }

block_tail(A) ::= where_opt(W) group_opt(G) having_opt(H) windows_opt(N) qualify_opt(Q) using_sample_opt(S). {
    A = NEW(select, SELECT, 0, .where = W, .group_all = G.all, .group = G.list, .having = H, .windows = N, .qualify = Q, .sample = S);
}
where_opt(A) ::= . { A = NULL; }
where_opt(A) ::= WHERE expr(E). { A = E; }
group_opt(A) ::= . { A = (sql_groups){0}; }
group_opt(A) ::= GROUP BY ALL. { A = (sql_groups){.all = true}; }
group_opt(A) ::= GROUP BY groups(L). { A = (sql_groups){.list = L}; }
groups(A) ::= group(G). { A = ONE(G); }
groups(A) ::= groups(L) COMMA group(G). { A = ps_gram_list_add(sql, L, G); }
group(A) ::= expr(E). { A = E; }
group(A) ::= LP(T) RP. { A = NEW(grouping, GROUPING, T->start, .kind = PS_SQL_GROUPING_EMPTY); }
group(A) ::= ROLLUP(T) LP exprs_c(L) RP. { A = NEW(grouping, GROUPING, T->start, .kind = PS_SQL_GROUPING_ROLLUP, .items = L); }
group(A) ::= CUBE(T) LP exprs_c(L) RP. { A = NEW(grouping, GROUPING, T->start, .kind = PS_SQL_GROUPING_CUBE, .items = L); }
group(A) ::= GROUPING(T) SETS LP groups(L) RP. { A = NEW(grouping, GROUPING, T->start, .kind = PS_SQL_GROUPING_SETS, .items = L); }
having_opt(A) ::= . { A = NULL; }
having_opt(A) ::= HAVING expr(E). { A = E; }
qualify_opt(A) ::= . { A = NULL; }
qualify_opt(A) ::= QUALIFY expr(E). { A = E; }
windows_opt(A) ::= . { A = (ps_sql_list){0}; }
windows_opt(A) ::= WINDOW windows(L). { A = L; }
windows(A) ::= window(W). { A = ONE(W); }
windows(A) ::= windows(L) COMMA window(W). { A = ps_gram_list_add(sql, L, W); }
window(A) ::= name(N) AS window_spec(W). { A = W; SET(window, W, name, N); }
using_sample_opt(A) ::= . { A = NULL; }
using_sample_opt(A) ::= USING SAMPLE sample(S). { A = S; }
sample(A) ::= sample_size(S). { A = S; }
sample(A) ::= sample_size(S) LP ID(M) RP. { A = S; SET(sample, S, method, ps_gram_ident(sql, M)); }
sample(A) ::= sample_size(S) LP ID(M) COMMA INTEGER(N) RP. { A = S; SET(sample, S, method, ps_gram_ident(sql, M)); SET_NODE(sample, S, seed, ps_gram_number(sql, N)); }
sample(A) ::= sample_size(S) REPEATABLE LP INTEGER(N) RP. { A = S; SET_NODE(sample, S, seed, ps_gram_number(sql, N)); }
sample(A) ::= ID(M) LP sample_size(S) RP repeatable_opt(R). { A = S; SET(sample, S, method, ps_gram_ident(sql, M)); SET_NODE(sample, S, seed, R); }
repeatable_opt(A) ::= . { A = NULL; }
repeatable_opt(A) ::= REPEATABLE LP INTEGER(N) RP. { A = ps_gram_number(sql, N); }
%token_class figure INTEGER NUMBER.
sample_size(A) ::= figure(T). { A = NEW(sample, SAMPLE, T->start, .size = ps_gram_number(sql, T)); }
sample_size(A) ::= figure(T) MOD. { A = NEW(sample, SAMPLE, T->start, .size = ps_gram_number(sql, T), .percent = true); }
sample_size(A) ::= figure(T) PERCENT. { A = NEW(sample, SAMPLE, T->start, .size = ps_gram_number(sql, T), .percent = true); }
sample_size(A) ::= figure(T) ID. { A = NEW(sample, SAMPLE, T->start, .size = ps_gram_number(sql, T)); }
sample_size(A) ::= PARAM(T). { A = NEW(sample, SAMPLE, T->start, .size = ps_gram_param(sql, T)); }
sample_size(A) ::= PARAM(T) MOD. { A = NEW(sample, SAMPLE, T->start, .size = ps_gram_param(sql, T), .percent = true); }

/* ---- tables ---- */
from_opt(A) ::= . { A = (ps_sql_list){0}; }
from_opt(A) ::= FROM tables(L). { A = L; }
from_opt(A) ::= FROM tables(L) COMMA. { A = L; }
tables(A) ::= table_ref(T). { A = ONE(T); }
tables(A) ::= tables(L) COMMA table_ref(T). { A = ps_gram_list_add(sql, L, T); }
table_ref(A) ::= table(T). { A = T; }
table_ref(A) ::= joined(J). { A = J; }
alias_opt(A) ::= . [LOWEST] { A = (sql_alias){0}; }
alias_opt(A) ::= alias(B). { A = B; }
alias(A) ::= AS label(N) names_opt(C). { A = (sql_alias){N, C}; }
alias(A) ::= ID(T) names_opt(C). { A = (sql_alias){ps_gram_ident(sql, T), C}; }
table(A) ::= table_plain(T) alias_opt(L). { A = ps_gram_table_alias(sql, T, L.name, L.columns); }
table(A) ::= table_plain(T) alias_opt(L) TABLESAMPLE sample(S). { A = ps_gram_table_sample(sql, ps_gram_table_alias(sql, T, L.name, L.columns), S); }
table(A) ::= ID(N) COLON table_plain(T). { A = ps_gram_table_alias(sql, T, ps_gram_ident(sql, N), (ps_sql_idents){0}); }
table_plain(A) ::= idents(N). { A = ps_gram_table(sql, N); }
table_plain(A) ::= idents(N) AT(T) LP ID(U) FAT_ARROW expr(E) RP. { A = ps_gram_table(sql, N); (void)T; SET(table, A, at_unit, ps_gram_ident(sql, U).text); SET_NODE(table, A, at, E); }
table_plain(A) ::= STRING(T). { A = NEW(file, FILE, T->start, .path = ps_gram_string(sql, T)); }
table_plain(A) ::= call_head(C). { A = NEW(function, FUNCTION, C ? C->start : 0, .call = C); }
table_plain(A) ::= call_head(C) WITH_ORDINALITY. { A = NEW(function, FUNCTION, C ? C->start : 0, .call = C, .ordinality = true); }
table_plain(A) ::= LATERAL(T) call_head(C). { A = NEW(function, FUNCTION, T->start, .call = C, .lateral = true); }
table_plain(A) ::= query_paren(Q). [LOWEST] { A = NEW(derived, DERIVED, Q ? Q->start : 0, .query = Q); }
table_plain(A) ::= LATERAL(T) call_head(C) WITH_ORDINALITY. { A = NEW(function, FUNCTION, T->start, .call = C, .lateral = true, .ordinality = true); }
table_plain(A) ::= VALUES(T) rows(R). [LOWEST] { A = NEW(derived, DERIVED, T->start, .query = ps_gram_query_of(sql, NEW(values, VALUES, T->start, .rows = R))); }
table_plain(A) ::= LATERAL(T) query_paren(Q). { A = NEW(derived, DERIVED, T->start, .query = Q, .lateral = true); }
table_plain(A) ::= LP(T) describe(D) RP. { A = NEW(derived, DERIVED, T->start, .query = D); }
table_plain(A) ::= LP joined(J) RP. { A = J; }
table_plain(A) ::= LP table(T) RP. { A = T; }
table(A) ::= table(S) PIVOT(T) LP items_c(I) FOR pivot_fors(F) pivot_group_opt(G) RP alias_opt(L). {
    A = NEW(pivot, PIVOT, T->start, .source = S, .aggregates = I, .on = F, .group = G, .alias = L.name, .columns = L.columns);
}
table(A) ::= table(S) UNPIVOT(T) include_nulls_opt(N) LP value_names(V) FOR name(M) IN LP items_c(I) RP RP alias_opt(L). {
    A = NEW(unpivot, UNPIVOT, T->start, .source = S, .include_nulls = N, .values = V, .name = M, .on = I, .alias = L.name, .columns = L.columns);
}
include_nulls_opt(A) ::= . { A = 0; }
include_nulls_opt(A) ::= INCLUDE_NULLS. { A = 1; }
include_nulls_opt(A) ::= EXCLUDE_NULLS. { A = 0; }
value_names(A) ::= name(N). { A = ps_gram_idents_add(sql, (ps_sql_idents){0}, N); }
value_names(A) ::= LP names(L) RP. { A = L; }
pivot_fors(A) ::= pivot_for(P). { A = ONE(P); }
pivot_fors(A) ::= pivot_fors(L) pivot_for(P). { A = ps_gram_list_add(sql, L, P); }
%type pivot_head {ps_sql_list}
pivot_head(A) ::= idents(N). { A = ONE(ps_gram_column(sql, N)); }
pivot_head(A) ::= call_head(C). { A = ONE(C); }
pivot_head(A) ::= LP exprs(L) RP. { A = L; }
pivot_for(A) ::= pivot_head(H) IN(T) LP items_c(I) RP. { A = NEW(pivot_on, PIVOT_ON, T->start, .exprs = H, .values = I); }
pivot_for(A) ::= pivot_head(H) IN(T) query_paren(Q). { A = NEW(pivot_on, PIVOT_ON, T->start, .exprs = H, .query = Q); }
pivot_for(A) ::= pivot_head(H) IN(T) name(N). { A = NEW(pivot_on, PIVOT_ON, T->start, .exprs = H, .type = N); }
%type pivot_group_opt {ps_sql_list}
pivot_group_opt(A) ::= . { A = (ps_sql_list){0}; }
pivot_group_opt(A) ::= GROUP BY exprs(L). { A = L; }

joined(A) ::= table_ref(L) join_kind(K) table_ref(R) join_qual(Q). [JOIN] { A = ps_gram_join_of(sql, K, L, R, Q); }
joined(A) ::= table_ref(L) CROSS(T) JOIN table_ref(R). [JOIN] { A = ps_gram_join_of(sql, (sql_join_kind){PS_SQL_JOIN_CROSS, T->start, false, false}, L, R, (sql_join_qual){0}); }
joined(A) ::= table_ref(L) POSITIONAL(T) JOIN table_ref(R). [JOIN] { A = ps_gram_join_of(sql, (sql_join_kind){PS_SQL_JOIN_POSITIONAL, T->start, false, false}, L, R, (sql_join_qual){0}); }
joined(A) ::= table_ref(L) NATURAL join_kind(K) table_ref(R). [JOIN] { K.natural = true; A = ps_gram_join_of(sql, K, L, R, (sql_join_qual){0}); }
join_kind(A) ::= JOIN(T). { A = (sql_join_kind){PS_SQL_JOIN_INNER, T->start, false, false}; }
join_kind(A) ::= INNER(T) JOIN. { A = (sql_join_kind){PS_SQL_JOIN_INNER, T->start, false, false}; }
join_kind(A) ::= LEFT(T) outer_opt JOIN. { A = (sql_join_kind){PS_SQL_JOIN_LEFT, T->start, false, false}; }
join_kind(A) ::= RIGHT(T) outer_opt JOIN. { A = (sql_join_kind){PS_SQL_JOIN_RIGHT, T->start, false, false}; }
join_kind(A) ::= FULL(T) outer_opt JOIN. { A = (sql_join_kind){PS_SQL_JOIN_FULL, T->start, false, false}; }
join_kind(A) ::= SEMI(T) JOIN. { A = (sql_join_kind){PS_SQL_JOIN_SEMI, T->start, false, false}; }
join_kind(A) ::= ANTI(T) JOIN. { A = (sql_join_kind){PS_SQL_JOIN_ANTI, T->start, false, false}; }
join_kind(A) ::= ASOF join_kind(K). { A = K; A.asof = true; }
outer_opt ::= .
outer_opt ::= OUTER.
join_qual(A) ::= ON expr(E). { A = (sql_join_qual){.on = E}; }
join_qual(A) ::= USING LP names(L) RP. { A = (sql_join_qual){.columns = L}; }
join_qual(A) ::= USING LP names(L) COMMA RP. { A = (sql_join_qual){.columns = L}; }

%token_class pivot_word PIVOT PIVOT_WIDER.
%token_class unpivot_word UNPIVOT PIVOT_LONGER.
body(A) ::= pivot_word(T) table_ref(S). { A = NEW(pivot, PIVOT, T->start, .source = S); }
body(A) ::= pivot_word(T) table_ref(S) ON items_c(O) using_opt(U) pivot_group_opt(G). { A = NEW(pivot, PIVOT, T->start, .source = S, .on = ps_gram_pivot_ons(sql, O), .aggregates = U, .group = G); }
body(A) ::= pivot_word(T) table_ref(S) USING items_c(U) pivot_group_opt(G). { A = NEW(pivot, PIVOT, T->start, .source = S, .aggregates = U, .group = G); }
body(A) ::= pivot_word(T) table_ref(S) GROUP BY exprs(G). { A = NEW(pivot, PIVOT, T->start, .source = S, .group = G); }
using_opt(A) ::= . { A = (ps_sql_list){0}; }
using_opt(A) ::= USING items_c(L). { A = L; }
body(A) ::= unpivot_word(T) table_ref(S) ON items_c(O) unpivot_into_opt(I). { A = NEW(unpivot, UNPIVOT, T->start, .source = S, .on = O, .name = I.name, .values = I.values); }
unpivot_into_opt(A) ::= . { A = (sql_unpivot_names){0}; }
unpivot_into_opt(A) ::= INTO NAME name(N) VALUE names(V). { A = (sql_unpivot_names){N, V}; }

/* ---- statements ---- */
statement(A) ::= query(Q). { A = Q; }
statement(A) ::= CREATE(T) or_replace_opt(R) temp_opt(P) TABLE if_not_exists_opt(I) idents(N) table_body(B). { A = B; ps_gram_create_table_with(sql, B, T->start, R, P, I, N); }
or_replace_opt(A) ::= . { A = 0; }
or_replace_opt(A) ::= OR_REPLACE. { A = 1; }
temp_opt(A) ::= . { A = 0; }
temp_opt(A) ::= TEMP. { A = 1; }
temp_opt(A) ::= TEMPORARY. { A = 1; }
if_not_exists_opt(A) ::= . { A = 0; }
if_not_exists_opt(A) ::= IF_NOT_EXISTS. { A = 1; }
if_exists_opt(A) ::= . { A = 0; }
if_exists_opt(A) ::= IF_EXISTS. { A = 1; }
table_body(A) ::= LP elements(L) RP. { A = ps_gram_table_body(sql, L, NULL, 0); }
table_body(A) ::= LP elements(L) COMMA RP. { A = ps_gram_table_body(sql, L, NULL, 0); }
table_body(A) ::= AS query(Q) data_opt(D). { A = ps_gram_table_body(sql, (ps_sql_list){0}, Q, D); }
table_body(A) ::= LP elements(L) RP AS query(Q) data_opt(D). { A = ps_gram_table_body(sql, L, Q, D); }
data_opt(A) ::= . { A = 0; }
data_opt(A) ::= WITH DATA. { A = 0; }
data_opt(A) ::= WITH NO DATA. { A = 1; }
elements(A) ::= element(E). { A = ONE(E); }
elements(A) ::= elements(L) COMMA element(E). { A = ps_gram_list_add(sql, L, E); }
element(A) ::= name(N) constraints(C). { A = NEW(column_def, COLUMN_DEF, N.offset, .name = N, .constraints = C); }
element(A) ::= name(N) type(T) constraints(C). { A = NEW(column_def, COLUMN_DEF, N.offset, .name = N, .type = T, .constraints = C); }
element(A) ::= table_constraint(C). { A = C; }
element(A) ::= CONSTRAINT name(N) table_constraint(C). { A = C; SET(constraint, C, name, N); }
table_constraint(A) ::= PRIMARY(T) KEY LP names(L) RP. { A = NEW(constraint, CONSTRAINT, T->start, .kind = PS_SQL_CONSTRAINT_PRIMARY_KEY, .columns = L); }
table_constraint(A) ::= UNIQUE(T) LP names(L) RP. { A = NEW(constraint, CONSTRAINT, T->start, .kind = PS_SQL_CONSTRAINT_UNIQUE, .columns = L); }
table_constraint(A) ::= CHECK(T) LP expr(E) RP. { A = NEW(constraint, CONSTRAINT, T->start, .kind = PS_SQL_CONSTRAINT_CHECK, .expr = E); }
table_constraint(A) ::= FOREIGN(T) KEY LP names(L) RP REFERENCES idents(R) names_opt(C). { A = NEW(constraint, CONSTRAINT, T->start, .kind = PS_SQL_CONSTRAINT_FOREIGN_KEY, .columns = L, .table = R, .table_columns = C); }
constraints(A) ::= . { A = (ps_sql_list){0}; }
constraints(A) ::= constraints(L) constraint(C). { A = ps_gram_list_add(sql, L, C); }
constraints(A) ::= constraints(L) CONSTRAINT name(N) constraint(C). { SET(constraint, C, name, N); A = ps_gram_list_add(sql, L, C); }
constraint(A) ::= NOT(T) NULL. { A = NEW(constraint, CONSTRAINT, T->start, .kind = PS_SQL_CONSTRAINT_NOT_NULL); }
constraint(A) ::= NULL(T). { A = NEW(constraint, CONSTRAINT, T->start, .kind = PS_SQL_CONSTRAINT_NULLABLE); }
constraint(A) ::= PRIMARY(T) KEY. { A = NEW(constraint, CONSTRAINT, T->start, .kind = PS_SQL_CONSTRAINT_PRIMARY_KEY); }
constraint(A) ::= UNIQUE(T). { A = NEW(constraint, CONSTRAINT, T->start, .kind = PS_SQL_CONSTRAINT_UNIQUE); }
constraint(A) ::= CHECK(T) LP expr(E) RP. { A = NEW(constraint, CONSTRAINT, T->start, .kind = PS_SQL_CONSTRAINT_CHECK, .expr = E); }
constraint(A) ::= DEFAULT(T) expr(E). [ISNULL] { A = NEW(constraint, CONSTRAINT, T->start, .kind = PS_SQL_CONSTRAINT_DEFAULT, .expr = E); }
constraint(A) ::= REFERENCES(T) idents(R) names_opt(C). { A = NEW(constraint, CONSTRAINT, T->start, .kind = PS_SQL_CONSTRAINT_REFERENCES, .table = R, .table_columns = C); }
constraint(A) ::= COLLATE(T) idents(C). { A = NEW(constraint, CONSTRAINT, T->start, .kind = PS_SQL_CONSTRAINT_COLLATE, .collation = C); }
constraint(A) ::= GENERATED(T) ALWAYS AS LP expr(E) RP virtual_opt. { A = NEW(constraint, CONSTRAINT, T->start, .kind = PS_SQL_CONSTRAINT_GENERATED, .expr = E); }
constraint(A) ::= AS(T) LP expr(E) RP virtual_opt. { A = NEW(constraint, CONSTRAINT, T->start, .kind = PS_SQL_CONSTRAINT_GENERATED, .expr = E); }
virtual_opt ::= .
virtual_opt ::= VIRTUAL.
virtual_opt ::= STORED.

statement(A) ::= CREATE(T) or_replace_opt(R) temp_opt(P) VIEW if_not_exists_opt(I) idents(N) names_opt(C) AS query(Q). { A = NEW(create_view, CREATE_VIEW, T->start, .replace = R, .temporary = P, .if_not_exists = I, .name = N, .columns = C, .query = Q); }
statement(A) ::= CREATE(T) or_replace_opt(R) temp_opt(P) RECURSIVE VIEW if_not_exists_opt(I) idents(N) names_opt(C) AS query(Q). { A = NEW(create_view, CREATE_VIEW, T->start, .replace = R, .temporary = P, .recursive = true, .if_not_exists = I, .name = N, .columns = C, .query = Q); }
statement(A) ::= CREATE(T) unique_opt(U) INDEX if_not_exists_opt(I) idents(N) ON idents(B) LP sorts(S) RP. { A = NEW(create_index, CREATE_INDEX, T->start, .unique = U, .if_not_exists = I, .name = N, .table = B, .sorts = S); }
%type unique_opt {int}
unique_opt(A) ::= . { A = 0; }
unique_opt(A) ::= UNIQUE. { A = 1; }
statement(A) ::= CREATE(T) or_replace_opt(R) temp_opt(P) SCHEMA if_not_exists_opt(I) idents(N). { (void)P; A = NEW(create_schema, CREATE_SCHEMA, T->start, .replace = R, .if_not_exists = I, .name = N); }
statement(A) ::= CREATE(T) or_replace_opt(R) temp_opt(P) TYPE if_not_exists_opt(I) idents(N) AS type(Y). { A = NEW(create_type, CREATE_TYPE, T->start, .replace = R, .temporary = P, .if_not_exists = I, .name = N, .type = Y); }
statement(A) ::= CREATE(T) or_replace_opt(R) temp_opt(P) TYPE if_not_exists_opt(I) idents(N) AS idents query_paren(Q). { A = NEW(create_type, CREATE_TYPE, T->start, .replace = R, .temporary = P, .if_not_exists = I, .name = N, .query = Q); }
%token_class macro_word MACRO FUNCTION.
statement(A) ::= CREATE(T) or_replace_opt(R) temp_opt(P) macro_word if_not_exists_opt(I) idents(N) macro_bodies(B). { A = NEW(create_macro, CREATE_MACRO, T->start, .replace = R, .temporary = P, .if_not_exists = I, .name = N, .bodies = B); }
macro_bodies(A) ::= LP(T) macro_params(L) RP AS TABLE query(Q). { A = ONE(NEW(macro_body, MACRO_BODY, T->start, .params = L, .query = Q)); }
macro_bodies(A) ::= macro_exprs(L). { A = L; }
%type macro_exprs {ps_sql_list}
macro_exprs(A) ::= macro_body(B). { A = ONE(B); }
macro_exprs(A) ::= macro_exprs(L) COMMA macro_body(B). { A = ps_gram_list_add(sql, L, B); }
macro_body(A) ::= LP(T) macro_params(L) RP AS expr(E). { A = NEW(macro_body, MACRO_BODY, T->start, .params = L, .expr = E); }
macro_params(A) ::= . { A = (ps_sql_list){0}; }
macro_params(A) ::= macro_param_list(L). { A = L; }
%type macro_param_list {ps_sql_list}
macro_param_list(A) ::= macro_param(E). { A = ONE(E); }
macro_param_list(A) ::= macro_param_list(L) COMMA macro_param(E). { A = ps_gram_list_add(sql, L, E); }
macro_param(A) ::= name(N). { A = NEW(column_def, COLUMN_DEF, N.offset, .name = N); }
macro_param(A) ::= name(N) type(T). { A = NEW(column_def, COLUMN_DEF, N.offset, .name = N, .type = T); }
macro_param(A) ::= name(N) ASSIGN expr(E). { A = NEW(named, NAMED, N.offset, .name = N, .value = E); }
macro_param(A) ::= name(N) FAT_ARROW expr(E). { A = NEW(named, NAMED, N.offset, .name = N, .value = E); }

statement(A) ::= INSERT(T) insert_or_opt(O) INTO idents(N) insert_alias_opt(L) insert_source(S) conflict_opt(C) returning_opt(R). { A = S; ps_gram_insert_with(sql, S, T->start, O, N, L, C, R); }
insert_or_opt(A) ::= . { A = 0; }
insert_or_opt(A) ::= OR_REPLACE. { A = 1; }
insert_or_opt(A) ::= OR_IGNORE. { A = 2; }
%type insert_alias_opt {ps_sql_ident}
insert_alias_opt(A) ::= . [LOWEST] { A = (ps_sql_ident){0}; }
insert_alias_opt(A) ::= AS name(N). { A = N; }
insert_source(A) ::= query(Q). { A = NEW(insert, INSERT, 0, .query = Q); }
insert_source(A) ::= BY NAME query(Q). { A = NEW(insert, INSERT, 0, .by_name = true, .query = Q); }
insert_source(A) ::= LP names(C) RP query(Q). { A = NEW(insert, INSERT, 0, .columns = C, .query = Q); }
insert_source(A) ::= LP names(C) COMMA RP query(Q). { A = NEW(insert, INSERT, 0, .columns = C, .query = Q); }
insert_source(A) ::= DEFAULT_VALUES. { A = NEW(insert, INSERT, 0, .default_values = true); }
conflict_opt(A) ::= . { A = NULL; }
conflict_opt(A) ::= ON_CONFLICT(T) conflict_where_names(C) DO NOTHING. { A = NEW(conflict, CONFLICT, T->start, .columns = C); }
conflict_opt(A) ::= ON_CONFLICT(T) conflict_where_names(C) DO UPDATE SET set_items(S) where_opt(W). { A = NEW(conflict, CONFLICT, T->start, .columns = C, .sets = S, .update_where = W); }
%type conflict_where_names {ps_sql_idents}
conflict_where_names(A) ::= names_opt(L). { A = L; }
returning_opt(A) ::= . { A = (ps_sql_list){0}; }
returning_opt(A) ::= RETURNING items_c(L). { A = L; }
set_items(A) ::= set_item(I). { A = ONE(I); }
set_items(A) ::= set_items(L) COMMA set_item(I). { A = ps_gram_list_add(sql, L, I); }
set_item(A) ::= name(N) EQ row_item(E). { A = NEW(named, NAMED, N.offset, .name = N, .value = E); }
statement(A) ::= UPDATE(T) update_target(B) SET set_items(S) from_opt(F) where_opt(W) returning_opt(R). { A = NEW(update, UPDATE, T->start, .table = B, .sets = S, .from = F, .where = W, .returning = R); }
statement(A) ::= with(H) UPDATE(T) update_target(B) SET set_items(S) from_opt(F) where_opt(W) returning_opt(R). { A = NEW(update, UPDATE, T->start, .ctes = H.ctes, .table = B, .sets = S, .from = F, .where = W, .returning = R); }
statement(A) ::= DELETE(T) FROM update_target(B) delete_using_opt(U) where_opt(W) returning_opt(R). { A = NEW(delete, DELETE, T->start, .table = B, .using = U, .where = W, .returning = R); }
statement(A) ::= with(H) DELETE(T) FROM update_target(B) delete_using_opt(U) where_opt(W) returning_opt(R). { A = NEW(delete, DELETE, T->start, .ctes = H.ctes, .table = B, .using = U, .where = W, .returning = R); }
statement(A) ::= TRUNCATE(T) update_target(B). { A = NEW(delete, DELETE, T->start, .table = B); }
update_target(A) ::= idents(N). { A = ps_gram_table(sql, N); }
update_target(A) ::= idents(N) AS name(L). { A = ps_gram_table_alias(sql, ps_gram_table(sql, N), L, (ps_sql_idents){0}); }
update_target(A) ::= idents(N) ID(L). { A = ps_gram_table_alias(sql, ps_gram_table(sql, N), ps_gram_ident(sql, L), (ps_sql_idents){0}); }
%type delete_using_opt {ps_sql_list}
delete_using_opt(A) ::= . { A = (ps_sql_list){0}; }
delete_using_opt(A) ::= USING tables(L). { A = L; }

statement(A) ::= DROP(T) object(O) if_exists_opt(I) idents(N) cascade_opt(C). { A = NEW(drop, DROP, T->start, .what = (ps_sql_f_object)O, .if_exists = I, .name = N, .cascade = C); }
object(A) ::= TABLE. { A = PS_SQL_OBJECT_TABLE; }
object(A) ::= VIEW. { A = PS_SQL_OBJECT_VIEW; }
object(A) ::= SCHEMA. { A = PS_SQL_OBJECT_SCHEMA; }
object(A) ::= INDEX. { A = PS_SQL_OBJECT_INDEX; }
object(A) ::= SEQUENCE. { A = PS_SQL_OBJECT_SEQUENCE; }
object(A) ::= TYPE. { A = PS_SQL_OBJECT_TYPE; }
object(A) ::= macro_word. { A = PS_SQL_OBJECT_MACRO; }
object(A) ::= macro_word TABLE. { A = PS_SQL_OBJECT_MACRO_TABLE; }
cascade_opt(A) ::= . { A = 0; }
cascade_opt(A) ::= CASCADE. { A = 1; }
cascade_opt(A) ::= RESTRICT. { A = 0; }

statement(A) ::= COPY(T) query_paren(Q) TO copy_path(P) options_opt(O). { A = NEW(copy_to, COPY_TO, T->start, .query = Q, .path = P, .options = O); }
statement(A) ::= COPY(T) idents(N) names_opt(C) TO copy_path(P) options_opt(O). { A = NEW(copy_to, COPY_TO, T->start, .name = N, .columns = C, .path = P, .options = O); }
statement(A) ::= COPY(T) idents(N) names_opt(C) FROM copy_path(P) options_opt(O). { A = NEW(copy_from, COPY_FROM, T->start, .name = N, .columns = C, .path = P, .options = O); }
copy_path(A) ::= STRING(T). { A = ps_gram_string_node(sql, T); }
copy_path(A) ::= PARAM(T). { A = ps_gram_param(sql, T); }
copy_path(A) ::= idents(N). { A = ps_gram_column(sql, N); }
copy_path(A) ::= LP expr(E) RP. { A = E; }
options_opt(A) ::= . { A = (ps_sql_list){0}; }
options_opt(A) ::= LP options(L) RP. { A = L; }
options_opt(A) ::= WITH LP options(L) RP. { A = L; }
options(A) ::= option(O). { A = ONE(O); }
options(A) ::= options(L) COMMA option(O). { A = ps_gram_list_add(sql, L, O); }
option(A) ::= option_name(N). { A = NEW(option, OPTION, N.offset, .name = N); }
option(A) ::= option_name(N) expr(E). { A = NEW(option, OPTION, N.offset, .name = N, .value = E); }
option(A) ::= option_name(N) EQ expr(E). { A = NEW(option, OPTION, N.offset, .name = N, .value = E); }
%type option_name {ps_sql_ident}
%token_class option_word ID ANALYZE ARRAY NULL DEFAULT.
option_name(A) ::= option_word(T). { A = ps_gram_ident(sql, T); }

statement(A) ::= describe(D). { A = D; }
%token_class describe_word DESCRIBE DESC SUMMARIZE.
describe(A) ::= describe_word(T) query(Q). { A = NEW(describe, DESCRIBE, T->start, .summarize = ps_gram_is_word(sql, T, PS_TK_SUMMARIZE), .query = Q); }
describe(A) ::= describe_word(T) idents(N). { A = NEW(describe, DESCRIBE, T->start, .summarize = ps_gram_is_word(sql, T, PS_TK_SUMMARIZE), .name = N); }
describe(A) ::= describe_word(T) STRING(S). { A = NEW(describe, DESCRIBE, T->start, .summarize = ps_gram_is_word(sql, T, PS_TK_SUMMARIZE), .path = ps_gram_string(sql, S)); }
describe(A) ::= describe_word(T). { A = NEW(show, SHOW, T->start, .tables = true); }
describe(A) ::= SHOW(T). { A = NEW(show, SHOW, T->start, .tables = true); }
describe(A) ::= SHOW(T) idents(N). { A = NEW(show, SHOW, T->start, .name = N); }
describe(A) ::= SHOW(T) TABLES. { A = NEW(show, SHOW, T->start, .tables = true); }
describe(A) ::= SHOW(T) TABLES FROM idents(N). { A = NEW(show, SHOW, T->start, .tables = true, .name = N); }
describe(A) ::= SHOW(T) ALL. { A = NEW(show, SHOW, T->start, .settings = true); }
describe(A) ::= SHOW(T) ALL TABLES. { A = NEW(show, SHOW, T->start, .tables = true, .all_tables = true); }
describe(A) ::= SHOW(T) query(Q). { A = NEW(describe, DESCRIBE, T->start, .query = Q); }

statement(A) ::= SET(T) scope_opt(S) name(N) set_to set_values(V). { A = NEW(set, SET, T->start, .scope = (ps_sql_f_scope)S, .name = N, .values = V); }
statement(A) ::= SET(T) TIME(M) ZONE set_value(V). { A = NEW(set, SET, T->start, .name = ps_gram_ident_of("TimeZone", M->start), .values = ONE(V)); }
statement(A) ::= RESET(T) scope_opt(S) name(N). { A = NEW(set, SET, T->start, .scope = (ps_sql_f_scope)S, .name = N, .reset = true); }
set_to ::= EQ.
set_to ::= TO.
scope_opt(A) ::= . [LOWEST] { A = PS_SQL_SCOPE_DEFAULT; }
scope_opt(A) ::= SESSION. { A = PS_SQL_SCOPE_SESSION; }
scope_opt(A) ::= GLOBAL. { A = PS_SQL_SCOPE_GLOBAL; }
scope_opt(A) ::= LOCAL. { A = PS_SQL_SCOPE_LOCAL; }
scope_opt(A) ::= VARIABLE. { A = PS_SQL_SCOPE_VARIABLE; }
set_values(A) ::= set_value(V). { A = ONE(V); }
set_values(A) ::= set_values(L) COMMA set_value(V). { A = ps_gram_list_add(sql, L, V); }
set_value(A) ::= expr(E). { A = E; }
set_value(A) ::= ON(T). { A = NEW(bool, BOOL, T->start, .value = true); }
set_value(A) ::= DEFAULT(T). { A = NEW(default, DEFAULT, T->start); }

%token_class analyze_word ANALYZE ANALYSE.
statement(A) ::= EXPLAIN(T) analyze_opt(Z) statement(S). { A = NEW(explain, EXPLAIN, T->start, .analyze = Z, .statement = S); }
statement(A) ::= EXPLAIN(T) analyze_opt(Z) RULES statement(S). { A = NEW(explain, EXPLAIN, T->start, .analyze = Z, .rules = true, .statement = S); }
statement(A) ::= EXPLAIN(T) analyze_opt(Z) LP options(O) RP rules_opt(R) statement(S). { A = NEW(explain, EXPLAIN, T->start, .analyze = Z, .rules = R, .options = O, .statement = S); }
analyze_opt(A) ::= . { A = 0; }
analyze_opt(A) ::= analyze_word. { A = 1; }
rules_opt(A) ::= . { A = 0; }
rules_opt(A) ::= RULES. { A = 1; }
statement(A) ::= PREPARE(T) name(N) prepare_types_opt(L) AS statement(S). { A = NEW(prepare, PREPARE, T->start, .name = N, .types = L, .statement = S); }
%type prepare_types_opt {ps_sql_list}
prepare_types_opt(A) ::= . { A = (ps_sql_list){0}; }
prepare_types_opt(A) ::= LP types(L) RP. { A = L; }
statement(A) ::= EXECUTE(T) name(N). { A = NEW(execute, EXECUTE, T->start, .name = N); }
statement(A) ::= EXECUTE(T) name(N) LP args_opt(L) RP. { A = NEW(execute, EXECUTE, T->start, .name = N, .args = L); }
statement(A) ::= DEALLOCATE(T) name(N). { A = NEW(deallocate, DEALLOCATE, T->start, .name = N); }
statement(A) ::= DEALLOCATE(T) PREPARE name(N). { A = NEW(deallocate, DEALLOCATE, T->start, .name = N); }
statement(A) ::= DEALLOCATE(T) ALL. { A = NEW(deallocate, DEALLOCATE, T->start); }
statement(A) ::= PRAGMA(T) name(N). { A = NEW(pragma, PRAGMA, T->start, .name = N); }
statement(A) ::= PRAGMA(T) name(N) EQ set_value(V). { A = NEW(pragma, PRAGMA, T->start, .name = N, .value = V); }
statement(A) ::= PRAGMA(T) name(N) LP args_opt(L) RP. { A = NEW(pragma, PRAGMA, T->start, .name = N, .args = L); }
statement(A) ::= BEGIN(T) work_opt. { A = NEW(transaction, TRANSACTION, T->start, .what = PS_SQL_TRANSACTION_BEGIN); }
statement(A) ::= START(T) work_opt. { A = NEW(transaction, TRANSACTION, T->start, .what = PS_SQL_TRANSACTION_BEGIN); }
%token_class commit_word COMMIT END.
statement(A) ::= commit_word(T) work_opt. { A = NEW(transaction, TRANSACTION, T->start, .what = PS_SQL_TRANSACTION_COMMIT); }
%token_class rollback_word ROLLBACK ABORT.
statement(A) ::= rollback_word(T) work_opt. { A = NEW(transaction, TRANSACTION, T->start, .what = PS_SQL_TRANSACTION_ROLLBACK); }
work_opt ::= .
work_opt ::= ID.
statement(A) ::= USE(T) idents(N). { A = NEW(use, USE, T->start, .name = N); }
statement(A) ::= CALL(T) call_head(C). { A = NEW(call_statement, CALL_STATEMENT, T->start, .call = C); }

/* Statements of DuckDB that have no tree here: refused at their first word (parser.c). */
