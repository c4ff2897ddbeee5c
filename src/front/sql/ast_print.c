/* front/sql/ast_print.c -- a tree back to SQL: names, expressions, types.
 *
 * Canonical: one spelling for each construct, brackets only where precedence asks for them,
 * names quoted where a keyword or letter case asks for it. Printing, parsing and printing again
 * gives the same text (tests/unit/test_sql_print.c). Depth is bounded by PS_SQL_DEPTH_MAX. */
#include "front/sql/ast_print.h"
#include "front/sql/lexer.h"

/* ---- names and strings ---- */

static void print_quoted(ps_str text, char quote, ps_text *out)
{
    ps_text_char(out, quote);
    for (size_t i = 0; i < text.n; i++) {
        if (text.at[i] == quote) ps_text_char(out, quote);
        ps_text_char(out, text.at[i]);
    }
    ps_text_char(out, quote);
}

void ps_sql_print_string(ps_str text, ps_text *out) { print_quoted(text, '\'', out); }

static bool is_plain(ps_str text, bool quoted)
{
    for (size_t i = 0; i < text.n; i++) {
        const char c = text.at[i];
        const bool lower = (c >= 'a' && c <= 'z') || c == '_' || (unsigned char)c >= 0x80;
        const bool upper = c >= 'A' && c <= 'Z';
        const bool digit = (c >= '0' && c <= '9') || c == '$';
        if (!(lower || (upper && !quoted) || (digit && i))) return false;
    }
    return text.n > 0;
}

void ps_sql_print_ident(ps_sql_ident ident, ps_text *out)
{
    if (is_plain(ident.text, ident.quoted) && !ps_sql_word_is_reserved(ident.text))
        ps_text_str(out, ident.text);
    else print_quoted(ident.text, '"', out);
}

void ps_sql_print_idents(ps_sql_idents idents, const char *between, ps_text *out)
{
    for (uint32_t i = 0; i < idents.n; i++) {
        if (i) ps_text_puts(out, between);
        ps_sql_print_ident(idents.at[i], out);
    }
}

void ps_sql_print_names(ps_sql_idents names, ps_text *out)
{
    if (!names.n) return;
    ps_text_puts(out, " (");
    ps_sql_print_idents(names, ", ", out);
    ps_text_char(out, ')');
}

/* Words that are keywords elsewhere but read well as the name of a function or a type. */
void ps_sql_print_word_name(ps_sql_idents name, ps_text *out)
{
    static const char *const words[] = {"replace", "if",       "first",     "last",    "left",
                                        "right",   "trim",     "substring", "overlay", "range",
                                        "time",    "interval", "map",       "struct",  "row",
                                        "union",   "name",     "value",     "glob",    "like"};
    if (name.n == 1 && !name.at[0].quoted)
        for (size_t i = 0; i < PS_COUNT(words); i++)
            if (ps_str_equal_nocase(name.at[0].text, ps_str_of(words[i]))) {
                ps_text_str(out, name.at[0].text);
                return;
            }
    ps_sql_print_idents(name, ".", out);
}

void ps_sql_print_exprs(ps_sql_list list, const char *between, ps_text *out)
{
    for (uint32_t i = 0; i < list.n; i++) {
        if (i) ps_text_puts(out, between);
        ps_sql_print(list.at[i], out);
    }
}

void ps_sql_print_list(const char *before, ps_sql_list list, ps_text *out)
{
    if (!list.n) return;
    ps_text_puts(out, before);
    ps_sql_print_exprs(list, ", ", out);
}

void ps_sql_print_alias(ps_sql_ident alias, ps_sql_idents columns, ps_text *out)
{
    if (!alias.text.n) return;
    ps_text_puts(out, " AS ");
    ps_sql_print_ident(alias, out);
    ps_sql_print_names(columns, out);
}

/* ---- types ---- */

void ps_sql_print_type(const ps_sql_type *type, ps_text *out)
{
    ps_sql_print_word_name(type->name, out);
    if (type->params.n) {
        ps_text_char(out, '(');
        ps_sql_print_exprs(type->params, ", ", out);
        ps_text_char(out, ')');
    }
    for (uint32_t i = 0; i < type->dims.n; i++) {
        if (type->dims.at[i] < 0) ps_text_puts(out, "[]");
        else ps_text_printf(out, "[%lld]", (long long)type->dims.at[i]);
    }
}

/* ---- expressions ---- */

static int op_level(ps_sql_f_op op)
{
    switch (op) {
    case PS_SQL_OP_ARROW: return LEVEL_ARROW;
    case PS_SQL_OP_DISTINCT_FROM:
    case PS_SQL_OP_NOT_DISTINCT_FROM: return LEVEL_IS;
    case PS_SQL_OP_EQ:
    case PS_SQL_OP_NE:
    case PS_SQL_OP_LT:
    case PS_SQL_OP_LE:
    case PS_SQL_OP_GT:
    case PS_SQL_OP_GE: return LEVEL_COMPARE;
    case PS_SQL_OP_ADD:
    case PS_SQL_OP_SUB: return LEVEL_ADD;
    case PS_SQL_OP_MUL:
    case PS_SQL_OP_DIV:
    case PS_SQL_OP_INT_DIV:
    case PS_SQL_OP_MOD: return LEVEL_MUL;
    case PS_SQL_OP_POWER: return LEVEL_POWER;
    case PS_SQL_OP_NEGATE:
    case PS_SQL_OP_PLUS: return LEVEL_UNARY;
    default: return LEVEL_OPERATOR;
    }
}

static int level_of(const ps_sql_node *node)
{
    switch ((ps_sql_kind)node->kind) {
    case PS_SQL_LAMBDA: return LEVEL_ARROW;
    case PS_SQL_OR: return LEVEL_OR;
    case PS_SQL_AND: return LEVEL_AND;
    case PS_SQL_NOT: return LEVEL_NOT;
    case PS_SQL_IS: return LEVEL_IS;
    case PS_SQL_QUANTIFIED: return LEVEL_COMPARE;
    case PS_SQL_LIKE:
    case PS_SQL_BETWEEN:
    case PS_SQL_IN: return LEVEL_LIKE;
    case PS_SQL_BINARY: return op_level(((const ps_sql_binary *)node)->op);
    case PS_SQL_UNARY: return op_level(((const ps_sql_unary *)node)->op);
    case PS_SQL_COLLATE: return LEVEL_COLLATE;
    case PS_SQL_STAR: return LEVEL_POSTFIX;
    case PS_SQL_SUBSCRIPT:
    case PS_SQL_SLICE:
    case PS_SQL_FIELD: return LEVEL_POSTFIX;
    default: return LEVEL_PRIMARY;
    }
}

void ps_sql_print_expr(const ps_sql_node *node, int level, ps_text *out)
{
    const bool brackets = level_of(node) < level;
    sql_print_if(brackets, "(", out);
    ps_sql_print(node, out);
    sql_print_if(brackets, ")", out);
}

/* a op b op c; the first may be as loose as the operator, the others must bind tighter. */
static void print_chain(ps_sql_list args, const char *op, int level, bool left_too, ps_text *out)
{
    for (uint32_t i = 0; i < args.n; i++) {
        if (i) {
            ps_text_char(out, ' ');
            ps_text_puts(out, op);
            ps_text_char(out, ' ');
        }
        ps_sql_print_expr(args.at[i], i || left_too ? level + 1 : level, out);
    }
}

static void print_binary(const ps_sql_binary *self, ps_text *out)
{
    const int level = op_level(self->op);
    print_chain(self->args, sql_text_op[self->op], level,
                level == LEVEL_COMPARE || level == LEVEL_IS, out);
}

static void print_unary(const ps_sql_unary *self, ps_text *out)
{
    if (self->op == PS_SQL_OP_FACTORIAL) {
        ps_sql_print_expr(self->arg, LEVEL_POSTFIX, out);
        ps_text_puts(out, " !");
        return;
    }
    ps_text_puts(out, sql_text_op[self->op]);
    ps_sql_print_expr(self->arg, LEVEL_POSTFIX, out);
}

static void print_like(const ps_sql_like *self, ps_text *out)
{
    ps_sql_print_expr(self->arg, LEVEL_LIKE + 1, out);
    ps_text_puts(out, self->negated ? " NOT " : " ");
    ps_text_puts(out, sql_text_like[self->op]);
    ps_text_char(out, ' ');
    ps_sql_print_expr(self->pattern, LEVEL_LIKE + 1, out);
    if (!self->escape) return;
    ps_text_puts(out, " ESCAPE ");
    ps_sql_print_expr(self->escape, LEVEL_LIKE + 1, out);
}

static void print_between(const ps_sql_between *self, ps_text *out)
{
    ps_sql_print_expr(self->arg, LEVEL_LIKE + 1, out);
    ps_text_puts(out, self->negated ? " NOT BETWEEN " : " BETWEEN ");
    sql_print_if(self->symmetric, "SYMMETRIC ", out);
    ps_sql_print_expr(self->low, LEVEL_LIKE + 1, out);
    ps_text_puts(out, " AND ");
    ps_sql_print_expr(self->high, LEVEL_LIKE + 1, out);
}

static void print_brackets(const ps_sql_node *node, ps_text *out)
{
    ps_text_char(out, '(');
    ps_sql_print(node, out);
    ps_text_char(out, ')');
}

/* What a ".name" follows: after a name, a number or a unit the dot would be theirs. */
static void print_receiver(const ps_sql_node *node, ps_text *out)
{
    if (node->kind == PS_SQL_COLUMN || node->kind == PS_SQL_NUMBER ||
        node->kind == PS_SQL_INTERVAL || node->kind == PS_SQL_STAR)
        print_brackets(node, out);
    else ps_sql_print_expr(node, LEVEL_POSTFIX, out);
}

static void print_in(const ps_sql_in *self, ps_text *out)
{
    ps_sql_print_expr(self->arg, LEVEL_LIKE + 1, out);
    ps_text_puts(out, self->negated ? " NOT IN " : " IN ");
    if (self->query) {
        print_brackets(self->query, out);
    } else if (self->set) {
        ps_sql_print(self->set, out);
    } else {
        ps_text_char(out, '(');
        ps_sql_print_exprs(self->items, ", ", out);
        ps_text_char(out, ')');
    }
}

static void print_case(const ps_sql_case *self, ps_text *out)
{
    ps_text_puts(out, "CASE");
    sql_print_opt(" ", self->arg, out);
    for (uint32_t i = 0; i < self->whens.n; i++) sql_print_opt(" ", self->whens.at[i], out);
    sql_print_opt(" ELSE ", self->otherwise, out);
    ps_text_puts(out, " END");
}

static void print_star(const ps_sql_star *self, ps_text *out)
{
    ps_sql_print_idents(self->table, ".", out);
    ps_text_puts(out, self->table.n ? ".*" : "*");
    ps_sql_print_list(" EXCLUDE (", self->exclude, out);
    sql_print_if(self->exclude.n, ")", out);
    ps_sql_print_list(" REPLACE (", self->replace, out);
    sql_print_if(self->replace.n, ")", out);
    ps_sql_print_list(" RENAME (", self->rename, out);
    sql_print_if(self->rename.n, ")", out);
    if (!self->like) return;
    ps_text_char(out, ' ');
    ps_text_str(out, self->like_op);
    ps_text_char(out, ' ');
    ps_sql_print_expr(self->like, LEVEL_LIKE + 1, out);
}

static void print_interval(const ps_sql_interval *self, ps_text *out)
{
    const uint16_t kind = self->value->kind;
    ps_text_puts(out, "INTERVAL ");
    if (kind == PS_SQL_STRING || kind == PS_SQL_NUMBER) ps_sql_print(self->value, out);
    else print_brackets(self->value, out);
    if (!self->unit.text.n) return;
    ps_text_char(out, ' ');
    ps_text_str(out, self->unit.text);
}

static void print_call(const ps_sql_call *self, ps_text *out)
{
    const uint32_t first = self->chained ? 1 : 0;
    if (self->chained) {
        print_receiver(self->args.at[0], out);
        ps_text_char(out, '.');
        ps_sql_print_ident(self->name.at[0], out);
    } else {
        ps_sql_print_word_name(self->name, out);
    }
    ps_text_puts(out, self->distinct ? "(DISTINCT " : "(");
    for (uint32_t i = first; i < self->args.n; i++) {
        if (i > first) ps_text_puts(out, ", ");
        ps_sql_print(self->args.at[i], out);
    }
    ps_sql_print_list(self->args.n > first ? " ORDER BY " : "ORDER BY ", self->order, out);
    if (self->nulls) ps_text_printf(out, " %s", sql_text_nulls[self->nulls]);
    ps_text_char(out, ')');
    ps_sql_print_list(" WITHIN GROUP (ORDER BY ", self->within, out);
    sql_print_if(self->within.n, ")", out);
    sql_print_opt(" FILTER (WHERE ", self->filter, out);
    sql_print_if(self->filter, ")", out);
    sql_print_if(self->export_state, " EXPORT_STATE", out);
    if (!self->over) return;
    ps_text_puts(out, " OVER ");
    ps_sql_print_window((const ps_sql_window *)self->over, out);
}

static void print_subscript(const ps_sql_node *node, ps_text *out)
{
    if (node->kind == PS_SQL_SUBSCRIPT) {
        SELF(subscript, node);
        ps_sql_print_expr(self->arg, LEVEL_POSTFIX, out);
        ps_text_char(out, '[');
        ps_sql_print(self->index, out);
        ps_text_char(out, ']');
        return;
    }
    SELF(slice, node);
    ps_sql_print_expr(self->arg, LEVEL_POSTFIX, out);
    ps_text_char(out, '[');
    if (self->low) ps_sql_print(self->low, out);
    ps_text_puts(out, " : ");
    if (self->high) ps_sql_print(self->high, out);
    else sql_print_if(self->step, "-", out);
    sql_print_opt(" : ", self->step, out);
    ps_text_char(out, ']');
}

static void print_struct(const ps_sql_struct *self, ps_text *out)
{
    ps_text_char(out, '{');
    for (uint32_t i = 0; i < self->fields.n; i++) {
        const ps_sql_named *field = (const ps_sql_named *)self->fields.at[i];
        if (i) ps_text_puts(out, ", ");
        ps_sql_print_string(field->name.text, out);
        sql_print_opt(": ", field->value, out);
    }
    ps_text_char(out, '}');
}

static void print_map(const ps_sql_map *self, ps_text *out)
{
    ps_text_puts(out, "MAP {");
    for (uint32_t i = 0; i < self->keys.n; i++) {
        if (i) ps_text_puts(out, ", ");
        ps_sql_print(self->keys.at[i], out);
        sql_print_opt(": ", self->values.at[i], out);
    }
    ps_text_char(out, '}');
}

static void print_comprehension(const ps_sql_comprehension *self, ps_text *out)
{
    ps_text_char(out, '[');
    ps_sql_print(self->body, out);
    ps_text_puts(out, " FOR ");
    ps_sql_print_idents(self->params, ", ", out);
    sql_print_opt(" IN ", self->source, out);
    sql_print_opt(" IF ", self->filter, out);
    ps_text_char(out, ']');
}

static bool print_literal(const ps_sql_node *node, ps_text *out)
{
    switch ((ps_sql_kind)node->kind) {
    case PS_SQL_NULL: ps_text_puts(out, "NULL"); return true;
    case PS_SQL_DEFAULT: ps_text_puts(out, "DEFAULT"); return true;
    case PS_SQL_BOOL:
        ps_text_puts(out, ((const ps_sql_bool *)node)->value ? "TRUE" : "FALSE");
        return true;
    case PS_SQL_NUMBER: ps_text_str(out, ((const ps_sql_number *)node)->text); return true;
    case PS_SQL_STRING: ps_sql_print_string(((const ps_sql_string *)node)->value, out); return true;
    case PS_SQL_BLOB:
        ps_text_char(out, 'x');
        ps_sql_print_string(((const ps_sql_blob *)node)->hex, out);
        return true;
    case PS_SQL_TYPED: {
        SELF(typed, node);
        ps_sql_print(self->type, out);
        ps_text_char(out, ' ');
        ps_sql_print_string(self->value, out);
        return true;
    }
    case PS_SQL_PARAM: {
        SELF(param, node);
        ps_text_char(out, '$');
        if (self->name.n) ps_text_str(out, self->name);
        else ps_text_printf(out, "%lld", (long long)self->number);
        return true;
    }
    case PS_SQL_POSITION:
        ps_text_printf(out, "#%lld", (long long)((const ps_sql_position *)node)->number);
        return true;
    default: return false;
    }
}

/* Nodes that are a word, brackets and children. */
static bool print_bracketed(const ps_sql_node *node, ps_text *out)
{
    switch ((ps_sql_kind)node->kind) {
    case PS_SQL_CAST: {
        SELF(cast, node);
        sql_print_opt(self->attempt ? "TRY_CAST(" : "CAST(", self->arg, out);
        sql_print_opt(" AS ", self->type, out);
        break;
    }
    case PS_SQL_EXTRACT: {
        SELF(extract, node);
        ps_text_puts(out, "EXTRACT(");
        ps_sql_print_string(self->part.text, out);
        sql_print_opt(" FROM ", self->arg, out);
        break;
    }
    case PS_SQL_COLUMNS: {
        SELF(columns, node);
        sql_print_opt(self->unpack ? "*COLUMNS(" : "COLUMNS(", self->arg, out);
        break;
    }
    case PS_SQL_EXISTS: sql_print_opt("EXISTS (", ((const ps_sql_exists *)node)->query, out); break;
    case PS_SQL_SUBQUERY: {
        SELF(subquery, node);
        sql_print_opt(self->array ? "ARRAY(" : "(", self->query, out);
        break;
    }
    case PS_SQL_ROW: {
        SELF(row, node);
        ps_text_puts(out, self->keyword ? "ROW(" : "(");
        ps_sql_print_exprs(self->items, ", ", out);
        sql_print_if(self->items.n == 1 && !self->keyword, ",", out);
        break;
    }
    default: return false;
    }
    ps_text_char(out, ')');
    return true;
}

static bool print_operator(const ps_sql_node *node, ps_text *out)
{
    switch ((ps_sql_kind)node->kind) {
    case PS_SQL_AND:
        print_chain(((const ps_sql_and *)node)->args, "AND", LEVEL_AND, true, out);
        return true;
    case PS_SQL_OR:
        print_chain(((const ps_sql_or *)node)->args, "OR", LEVEL_OR, true, out);
        return true;
    case PS_SQL_BINARY: print_binary((const ps_sql_binary *)node, out); return true;
    case PS_SQL_UNARY: print_unary((const ps_sql_unary *)node, out); return true;
    case PS_SQL_LIKE: print_like((const ps_sql_like *)node, out); return true;
    case PS_SQL_BETWEEN: print_between((const ps_sql_between *)node, out); return true;
    case PS_SQL_IN: print_in((const ps_sql_in *)node, out); return true;
    case PS_SQL_NOT:
        ps_text_puts(out, "NOT ");
        ps_sql_print_expr(((const ps_sql_not *)node)->arg, LEVEL_NOT, out);
        return true;
    case PS_SQL_IS: {
        SELF(is, node);
        ps_sql_print_expr(self->arg, LEVEL_IS + 1, out);
        ps_text_puts(out, self->negated ? " IS NOT " : " IS ");
        ps_text_puts(out, sql_text_is[self->what]);
        return true;
    }
    case PS_SQL_QUANTIFIED: {
        SELF(quantified, node);
        ps_sql_print_expr(self->arg, LEVEL_COMPARE + 1, out);
        ps_text_printf(out, " %s %s ", sql_text_op[self->op], self->all ? "ALL" : "ANY");
        print_brackets(self->query ? self->query : self->set, out);
        return true;
    }
    case PS_SQL_COLLATE: {
        SELF(collate, node);
        ps_sql_print_expr(self->arg, LEVEL_COLLATE, out);
        ps_text_puts(out, " COLLATE ");
        ps_sql_print_idents(self->collation, ".", out);
        return true;
    }
    default: return false;
    }
}

static bool print_composite(const ps_sql_node *node, ps_text *out)
{
    switch ((ps_sql_kind)node->kind) {
    case PS_SQL_COLUMN:
        ps_sql_print_idents(((const ps_sql_column *)node)->parts, ".", out);
        return true;
    case PS_SQL_STAR: print_star((const ps_sql_star *)node, out); return true;
    case PS_SQL_INTERVAL: print_interval((const ps_sql_interval *)node, out); return true;
    case PS_SQL_CASE: print_case((const ps_sql_case *)node, out); return true;
    case PS_SQL_CALL: print_call((const ps_sql_call *)node, out); return true;
    case PS_SQL_SUBSCRIPT:
    case PS_SQL_SLICE: print_subscript(node, out); return true;
    case PS_SQL_STRUCT: print_struct((const ps_sql_struct *)node, out); return true;
    case PS_SQL_MAP: print_map((const ps_sql_map *)node, out); return true;
    case PS_SQL_COMPREHENSION:
        print_comprehension((const ps_sql_comprehension *)node, out);
        return true;
    case PS_SQL_TYPE: ps_sql_print_type((const ps_sql_type *)node, out); return true;
    case PS_SQL_WHEN: {
        SELF(when, node);
        sql_print_opt("WHEN ", self->condition, out);
        sql_print_opt(" THEN ", self->result, out);
        return true;
    }
    case PS_SQL_RENAME: {
        SELF(rename, node);
        ps_sql_print(self->column, out);
        ps_text_puts(out, " AS ");
        ps_sql_print_ident(self->name, out);
        return true;
    }
    case PS_SQL_NAMED: {
        SELF(named, node);
        ps_sql_print_ident(self->name, out);
        sql_print_opt(" := ", self->value, out);
        return true;
    }
    case PS_SQL_FIELD: {
        SELF(field, node);
        print_receiver(self->arg, out);
        ps_text_char(out, '.');
        ps_sql_print_ident(self->name, out);
        return true;
    }
    case PS_SQL_LIST: {
        SELF(list_literal, node);
        ps_text_char(out, '[');
        ps_sql_print_exprs(self->items, ", ", out);
        ps_text_char(out, ']');
        return true;
    }
    case PS_SQL_LAMBDA: {
        SELF(lambda, node);
        ps_text_puts(out, "lambda ");
        ps_sql_print_idents(self->params, ", ", out);
        sql_print_opt(": ", self->body, out);
        return true;
    }
    case PS_SQL_TYPE_FIELD: {
        SELF(type_field, node);
        ps_sql_print_ident(self->name, out);
        sql_print_opt(" ", self->type, out);
        return true;
    }
    default: return false;
    }
}

void ps_sql_print(const ps_sql_node *node, ps_text *out)
{
    if (print_literal(node, out) || print_composite(node, out) || print_operator(node, out) ||
        print_bracketed(node, out) || ps_sql_print_query_part(node, out) ||
        ps_sql_print_table_part(node, out))
        return;
    const bool known = ps_sql_print_statement(node, out);
    PS_ASSERT(known);
    (void)known;
}
