/* front/sql/ast_print_statement.c -- statements other than queries back to SQL; see ast_print.c. */
#include "front/sql/ast_print.h"

static void print_create(const char *what, bool replace, bool temporary, bool if_not_exists,
                         ps_sql_idents name, ps_text *out)
{
    ps_text_puts(out, replace ? "CREATE OR REPLACE " : "CREATE ");
    sql_print_if(temporary, "TEMPORARY ", out);
    ps_text_puts(out, what);
    sql_print_if(if_not_exists, " IF NOT EXISTS", out);
    ps_text_char(out, ' ');
    ps_sql_print_idents(name, ".", out);
}

static void print_constraint(const ps_sql_constraint *self, ps_text *out)
{
    if (self->name.text.n) {
        ps_text_puts(out, "CONSTRAINT ");
        ps_sql_print_ident(self->name, out);
        ps_text_char(out, ' ');
    }
    ps_text_puts(out, sql_text_constraint[self->kind]);
    ps_sql_print_names(self->columns, out);
    if (self->expr) {
        ps_text_puts(out, " (");
        ps_sql_print(self->expr, out);
        ps_text_char(out, ')');
    }
    if (self->collation.n) ps_text_char(out, ' ');
    ps_sql_print_idents(self->collation, ".", out);
    if (!self->table.n) return;
    ps_text_puts(out, self->kind == PS_SQL_CONSTRAINT_FOREIGN_KEY ? " REFERENCES " : " ");
    ps_sql_print_idents(self->table, ".", out);
    ps_sql_print_names(self->table_columns, out);
}

static void print_column_def(const ps_sql_column_def *self, ps_text *out)
{
    ps_sql_print_ident(self->name, out);
    sql_print_opt(" ", self->type, out);
    for (uint32_t i = 0; i < self->constraints.n; i++)
        sql_print_opt(" ", self->constraints.at[i], out);
}

static void print_create_table(const ps_sql_create_table *self, ps_text *out)
{
    print_create("TABLE", self->replace, self->temporary, self->if_not_exists, self->name, out);
    ps_sql_print_names(self->aliases, out);
    ps_sql_print_list(" (", self->columns, out);
    ps_sql_print_list(self->columns.n ? ", " : " (", self->constraints, out);
    sql_print_if(self->columns.n || self->constraints.n, ")", out);
    sql_print_opt(" AS ", self->query, out);
    sql_print_if(self->no_data, " WITH NO DATA", out);
}

static void print_macro(const ps_sql_create_macro *self, ps_text *out)
{
    print_create("MACRO", self->replace, self->temporary, self->if_not_exists, self->name, out);
    for (uint32_t i = 0; i < self->bodies.n; i++) {
        const ps_sql_macro_body *body = (const ps_sql_macro_body *)self->bodies.at[i];
        ps_text_puts(out, i ? ", (" : " (");
        ps_sql_print_exprs(body->params, ", ", out);
        ps_text_char(out, ')');
        sql_print_opt(" AS ", body->expr, out);
        sql_print_opt(" AS TABLE ", body->query, out);
    }
}

static bool print_definition(const ps_sql_node *node, ps_text *out)
{
    switch ((ps_sql_kind)node->kind) {
    case PS_SQL_CREATE_TABLE:
        print_create_table((const ps_sql_create_table *)node, out);
        return true;
    case PS_SQL_COLUMN_DEF: print_column_def((const ps_sql_column_def *)node, out); return true;
    case PS_SQL_CONSTRAINT: print_constraint((const ps_sql_constraint *)node, out); return true;
    case PS_SQL_CREATE_MACRO: print_macro((const ps_sql_create_macro *)node, out); return true;
    case PS_SQL_CREATE_VIEW: {
        SELF(create_view, node);
        print_create(self->recursive ? "RECURSIVE VIEW" : "VIEW", self->replace, self->temporary,
                     self->if_not_exists, self->name, out);
        ps_sql_print_names(self->columns, out);
        sql_print_opt(" AS ", self->query, out);
        return true;
    }
    case PS_SQL_CREATE_INDEX: {
        SELF(create_index, node);
        print_create(self->unique ? "UNIQUE INDEX" : "INDEX", false, false, self->if_not_exists,
                     self->name, out);
        ps_text_puts(out, " ON ");
        ps_sql_print_idents(self->table, ".", out);
        ps_sql_print_list(" (", self->sorts, out);
        ps_text_char(out, ')');
        return true;
    }
    case PS_SQL_CREATE_SCHEMA: {
        SELF(create_schema, node);
        print_create("SCHEMA", self->replace, false, self->if_not_exists, self->name, out);
        return true;
    }
    case PS_SQL_CREATE_TYPE: {
        SELF(create_type, node);
        print_create("TYPE", self->replace, self->temporary, self->if_not_exists, self->name, out);
        sql_print_opt(" AS ", self->type, out);
        sql_print_opt(" AS ENUM (", self->query, out);
        sql_print_if(self->query, ")", out);
        return true;
    }
    case PS_SQL_DROP: {
        SELF(drop, node);
        ps_text_printf(out, "DROP %s ", sql_text_object[self->what]);
        sql_print_if(self->if_exists, "IF EXISTS ", out);
        ps_sql_print_idents(self->name, ".", out);
        sql_print_if(self->cascade, " CASCADE", out);
        return true;
    }
    default: return false;
    }
}

static void print_sets(ps_sql_list sets, ps_text *out)
{
    for (uint32_t i = 0; i < sets.n; i++) {
        const ps_sql_named *set = (const ps_sql_named *)sets.at[i];
        ps_text_puts(out, i ? ", " : " SET ");
        ps_sql_print_ident(set->name, out);
        sql_print_opt(" = ", set->value, out);
    }
}

static void print_conflict(const ps_sql_conflict *self, ps_text *out)
{
    ps_text_puts(out, " ON CONFLICT");
    ps_sql_print_names(self->columns, out);
    ps_text_puts(out, self->sets.n ? " DO UPDATE" : " DO NOTHING");
    print_sets(self->sets, out);
    sql_print_opt(" WHERE ", self->update_where, out);
}

static void print_insert(const ps_sql_insert *self, ps_text *out)
{
    ps_text_puts(out, "INSERT ");
    sql_print_if(self->replace, "OR REPLACE ", out);
    sql_print_if(self->ignore, "OR IGNORE ", out);
    ps_text_puts(out, "INTO ");
    ps_sql_print_idents(self->name, ".", out);
    ps_sql_print_alias(self->alias, (ps_sql_idents){0}, out);
    sql_print_if(self->by_name, " BY NAME", out);
    ps_sql_print_names(self->columns, out);
    sql_print_if(self->default_values, " DEFAULT VALUES", out);
    sql_print_opt(" ", self->query, out);
    if (self->conflict) print_conflict((const ps_sql_conflict *)self->conflict, out);
    ps_sql_print_list(" RETURNING ", self->returning, out);
}

static void print_options(const char *before, ps_sql_list options, ps_text *out)
{
    for (uint32_t i = 0; i < options.n; i++) {
        const ps_sql_option *option = (const ps_sql_option *)options.at[i];
        ps_text_puts(out, i ? ", " : before);
        if (ps_str_equal_nocase(option->name.text, PS_STR("analyze")) ||
            ps_str_equal_nocase(option->name.text, PS_STR("null")))
            ps_text_str(out, option->name.text);
        else ps_sql_print_ident(option->name, out);
        sql_print_opt(" ", option->value, out);
    }
    sql_print_if(options.n, ")", out);
}

static bool print_change(const ps_sql_node *node, ps_text *out)
{
    switch ((ps_sql_kind)node->kind) {
    case PS_SQL_INSERT: print_insert((const ps_sql_insert *)node, out); return true;
    case PS_SQL_CONFLICT: print_conflict((const ps_sql_conflict *)node, out); return true;
    case PS_SQL_UPDATE: {
        SELF(update, node);
        ps_sql_print_list("WITH ", self->ctes, out);
        sql_print_opt(self->ctes.n ? " UPDATE " : "UPDATE ", self->table, out);
        print_sets(self->sets, out);
        ps_sql_print_list(" FROM ", self->from, out);
        sql_print_opt(" WHERE ", self->where, out);
        ps_sql_print_list(" RETURNING ", self->returning, out);
        return true;
    }
    case PS_SQL_DELETE: {
        SELF(delete, node);
        ps_sql_print_list("WITH ", self->ctes, out);
        sql_print_opt(self->ctes.n ? " DELETE FROM " : "DELETE FROM ", self->table, out);
        ps_sql_print_list(" USING ", self->using, out);
        sql_print_opt(" WHERE ", self->where, out);
        ps_sql_print_list(" RETURNING ", self->returning, out);
        return true;
    }
    case PS_SQL_COPY_TO: {
        SELF(copy_to, node);
        ps_text_puts(out, "COPY ");
        sql_print_opt("(", self->query, out);
        sql_print_if(self->query, ")", out);
        ps_sql_print_idents(self->name, ".", out);
        ps_sql_print_names(self->columns, out);
        sql_print_opt(" TO (", self->path, out);
        ps_text_char(out, ')');
        print_options(" (", self->options, out);
        return true;
    }
    case PS_SQL_COPY_FROM: {
        SELF(copy_from, node);
        ps_text_puts(out, "COPY ");
        ps_sql_print_idents(self->name, ".", out);
        ps_sql_print_names(self->columns, out);
        sql_print_opt(" FROM (", self->path, out);
        ps_text_char(out, ')');
        print_options(" (", self->options, out);
        return true;
    }
    default: return false;
    }
}

static void print_set(const ps_sql_set *self, ps_text *out)
{
    ps_text_puts(out, self->reset ? "RESET " : "SET ");
    if (self->scope) ps_text_printf(out, "%s ", sql_text_scope[self->scope]);
    ps_sql_print_ident(self->name, out);
    ps_sql_print_list(" = ", self->values, out);
}

static void print_show(const ps_sql_show *self, ps_text *out)
{
    ps_text_puts(out, self->all_tables ? "SHOW ALL TABLES"
                      : self->tables   ? "SHOW TABLES"
                      : self->settings ? "SHOW ALL"
                                       : "SHOW ");
    sql_print_if(self->tables && self->name.n, " FROM ", out);
    ps_sql_print_idents(self->name, ".", out);
}

static void print_explain(const ps_sql_explain *self, ps_text *out)
{
    ps_text_puts(out, self->analyze ? "EXPLAIN ANALYZE " : "EXPLAIN ");
    print_options("(", self->options, out);
    sql_print_if(self->options.n, " ", out);
    sql_print_opt(self->rules ? "RULES " : "", self->statement, out);
}

static void print_pragma(const ps_sql_pragma *self, ps_text *out)
{
    ps_text_puts(out, "PRAGMA ");
    ps_sql_print_ident(self->name, out);
    sql_print_opt(" = ", self->value, out);
    ps_sql_print_list("(", self->args, out);
    sql_print_if(self->args.n, ")", out);
}

static void print_describe(const ps_sql_describe *self, ps_text *out)
{
    ps_text_puts(out, self->summarize ? "SUMMARIZE " : "DESCRIBE ");
    ps_sql_print_idents(self->name, ".", out);
    if (self->path.n) ps_sql_print_string(self->path, out);
    sql_print_opt("", self->query, out);
}

bool ps_sql_print_statement(const ps_sql_node *node, ps_text *out)
{
    switch ((ps_sql_kind)node->kind) {
    case PS_SQL_DESCRIBE: print_describe((const ps_sql_describe *)node, out); return true;
    case PS_SQL_SHOW: print_show((const ps_sql_show *)node, out); return true;
    case PS_SQL_SET: print_set((const ps_sql_set *)node, out); return true;
    case PS_SQL_EXPLAIN: print_explain((const ps_sql_explain *)node, out); return true;
    case PS_SQL_PRAGMA: print_pragma((const ps_sql_pragma *)node, out); return true;
    case PS_SQL_OPTION: return true; /* printed by its statement */
    case PS_SQL_MACRO_BODY: return true;
    case PS_SQL_PREPARE: {
        SELF(prepare, node);
        ps_text_puts(out, "PREPARE ");
        ps_sql_print_ident(self->name, out);
        ps_sql_print_list(" (", self->types, out);
        sql_print_if(self->types.n, ")", out);
        sql_print_opt(" AS ", self->statement, out);
        return true;
    }
    case PS_SQL_EXECUTE: {
        SELF(execute, node);
        ps_text_puts(out, "EXECUTE ");
        ps_sql_print_ident(self->name, out);
        ps_sql_print_list("(", self->args, out);
        sql_print_if(self->args.n, ")", out);
        return true;
    }
    case PS_SQL_DEALLOCATE: {
        SELF(deallocate, node);
        ps_text_puts(out, "DEALLOCATE ");
        if (self->name.text.n) ps_sql_print_ident(self->name, out);
        else ps_text_puts(out, "ALL");
        return true;
    }
    case PS_SQL_TRANSACTION:
        ps_text_puts(out, sql_text_transaction[((const ps_sql_transaction *)node)->what]);
        return true;
    case PS_SQL_USE:
        ps_text_puts(out, "USE ");
        ps_sql_print_idents(((const ps_sql_use *)node)->name, ".", out);
        return true;
    case PS_SQL_CALL_STATEMENT:
        sql_print_opt("CALL ", ((const ps_sql_call_statement *)node)->call, out);
        return true;
    default: return print_definition(node, out) || print_change(node, out);
    }
}
