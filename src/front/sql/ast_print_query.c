/* front/sql/ast_print_query.c -- queries and tables back to SQL; see ast_print.c. */
#include "front/sql/ast_print.h"

static void print_brackets(const ps_sql_node *node, ps_text *out)
{
    ps_text_char(out, '(');
    ps_sql_print(node, out);
    ps_text_char(out, ')');
}

static void print_bound(ps_sql_f_bound bound, const ps_sql_node *value, ps_text *out)
{
    if (value) {
        ps_sql_print(value, out);
        ps_text_char(out, ' ');
    }
    ps_text_puts(out, sql_text_bound[bound]);
}

void ps_sql_print_window(const ps_sql_window *self, ps_text *out)
{
    if (self->reference) {
        ps_sql_print_ident(self->base, out);
        return;
    }
    const char *between = "";
    ps_text_char(out, '(');
    if (self->base.text.n) ps_sql_print_ident(self->base, out), between = " ";
    if (self->partition.n) {
        ps_text_puts(out, between);
        ps_sql_print_list("PARTITION BY ", self->partition, out), between = " ";
    }
    if (self->order.n) {
        ps_text_puts(out, between);
        ps_sql_print_list("ORDER BY ", self->order, out), between = " ";
    }
    if (self->unit) {
        ps_text_printf(out, "%s%s BETWEEN ", between, sql_text_frame[self->unit]);
        print_bound(self->start, self->start_value, out);
        ps_text_puts(out, " AND ");
        print_bound(self->end, self->end_value, out);
        if (self->exclude) ps_text_printf(out, " %s", sql_text_exclude[self->exclude]);
    }
    ps_text_char(out, ')');
}

static bool pivot_is_table(const ps_sql_pivot *self);

/* A PIVOT with its values listed and an UNPIVOT have one spelling: that of FROM. */
static void print_body(const ps_sql_node *body, ps_text *out)
{
    const ps_sql_pivot *pivot = ps_sql_as(pivot, PIVOT, body);
    if (body->kind == PS_SQL_QUERY) {
        print_brackets(body, out);
        return;
    }
    if (body->kind == PS_SQL_UNPIVOT || (pivot && pivot_is_table(pivot)))
        ps_text_puts(out, "SELECT * FROM ");
    ps_sql_print(body, out);
}

static void print_query(const ps_sql_query *self, ps_text *out)
{
    ps_sql_print_list(self->recursive ? "WITH RECURSIVE " : "WITH ", self->ctes, out);
    sql_print_if(self->ctes.n, " ", out);
    print_body(self->body, out);
    ps_sql_print_list(" ORDER BY ", self->order, out);
    if (self->limit) {
        ps_text_puts(out, " LIMIT ");
        ps_sql_print_expr(self->limit, LEVEL_ADD, out);
        sql_print_if(self->limit_percent, " PERCENT", out);
    }
    sql_print_opt(" OFFSET ", self->offset, out);
}

static void print_select(const ps_sql_select *self, ps_text *out)
{
    ps_text_puts(out, self->distinct ? "SELECT DISTINCT " : "SELECT ");
    ps_sql_print_list("ON (", self->distinct_on, out);
    sql_print_if(self->distinct_on.n, ") ", out);
    ps_sql_print_exprs(self->items, ", ", out);
    ps_sql_print_list(" FROM ", self->from, out);
    sql_print_opt(" WHERE ", self->where, out);
    sql_print_if(self->group_all, " GROUP BY ALL", out);
    ps_sql_print_list(" GROUP BY ", self->group, out);
    sql_print_opt(" HAVING ", self->having, out);
    for (uint32_t i = 0; i < self->windows.n; i++) {
        const ps_sql_window *window = (const ps_sql_window *)self->windows.at[i];
        ps_text_puts(out, i ? ", " : " WINDOW ");
        ps_sql_print_ident(window->name, out);
        ps_text_puts(out, " AS ");
        ps_sql_print_window(window, out);
    }
    sql_print_opt(" QUALIFY ", self->qualify, out);
    sql_print_opt(" USING SAMPLE ", self->sample, out);
}

static void print_setop(const ps_sql_setop *self, ps_text *out)
{
    for (uint32_t i = 0; i < self->inputs.n; i++) {
        const uint16_t kind = self->inputs.at[i]->kind;
        if (i)
            ps_text_printf(out, " %s%s%s ", sql_text_setop[self->op], self->all ? " ALL" : "",
                           self->by_name ? " BY NAME" : "");
        if (kind == PS_SQL_SELECT || kind == PS_SQL_VALUES) ps_sql_print(self->inputs.at[i], out);
        else {
            ps_text_char(out, '(');
            print_body(self->inputs.at[i], out);
            ps_text_char(out, ')');
        }
    }
}

static void print_cte(const ps_sql_cte *self, ps_text *out)
{
    ps_sql_print_ident(self->name, out);
    ps_sql_print_names(self->columns, out);
    if (self->key.n) ps_text_puts(out, " USING KEY");
    ps_sql_print_names(self->key, out);
    ps_text_puts(out, " AS ");
    if (self->materialized) ps_text_printf(out, "%s ", sql_text_materialized[self->materialized]);
    print_brackets(self->query, out);
}

static void print_grouping(const ps_sql_grouping *self, ps_text *out)
{
    if (self->kind == PS_SQL_GROUPING_EMPTY) {
        ps_text_puts(out, "()");
        return;
    }
    ps_text_puts(out, sql_text_grouping[self->kind]);
    ps_sql_print_list(" (", self->items, out);
    ps_text_char(out, ')');
}

static void print_sort(const ps_sql_sort *self, ps_text *out)
{
    if (self->all) ps_text_puts(out, "ALL");
    else ps_sql_print(self->expr, out);
    if (self->direction) ps_text_printf(out, " %s", sql_text_direction[self->direction]);
    if (self->nulls) ps_text_printf(out, " %s", sql_text_null_order[self->nulls]);
}

static void print_item(const ps_sql_item *self, ps_text *out)
{
    ps_sql_print(self->expr, out);
    if (!self->alias.text.n) return;
    ps_text_puts(out, " AS ");
    ps_sql_print_ident(self->alias, out);
}

bool ps_sql_print_query_part(const ps_sql_node *node, ps_text *out)
{
    switch ((ps_sql_kind)node->kind) {
    case PS_SQL_QUERY: print_query((const ps_sql_query *)node, out); return true;
    case PS_SQL_SELECT: print_select((const ps_sql_select *)node, out); return true;
    case PS_SQL_SETOP: print_setop((const ps_sql_setop *)node, out); return true;
    case PS_SQL_CTE: print_cte((const ps_sql_cte *)node, out); return true;
    case PS_SQL_ITEM: print_item((const ps_sql_item *)node, out); return true;
    case PS_SQL_SORT: print_sort((const ps_sql_sort *)node, out); return true;
    case PS_SQL_GROUPING: print_grouping((const ps_sql_grouping *)node, out); return true;
    case PS_SQL_WINDOW: ps_sql_print_window((const ps_sql_window *)node, out); return true;
    case PS_SQL_VALUES: {
        SELF(values, node);
        for (uint32_t i = 0; i < self->rows.n; i++) {
            const ps_sql_row *row = (const ps_sql_row *)self->rows.at[i];
            ps_text_puts(out, i ? ", (" : "VALUES (");
            ps_sql_print_exprs(row->items, ", ", out);
            ps_text_char(out, ')');
        }
        return true;
    }
    default: return false;
    }
}

/* ---- tables ---- */

static void print_join(const ps_sql_join *self, ps_text *out)
{
    sql_print_if(self->alias.text.n, "(", out);
    ps_sql_print(self->left, out);
    ps_text_char(out, ' ');
    sql_print_if(self->natural, "NATURAL ", out);
    sql_print_if(self->asof, "ASOF ", out);
    ps_text_puts(out, sql_text_join[self->kind]);
    ps_text_char(out, ' ');
    const bool brackets =
        self->right->kind == PS_SQL_JOIN && !((const ps_sql_join *)self->right)->alias.text.n;
    if (brackets) print_brackets(self->right, out);
    else ps_sql_print(self->right, out);
    sql_print_opt(" ON ", self->on, out);
    sql_print_if(self->columns.n, " USING", out);
    ps_sql_print_names(self->columns, out);
    sql_print_if(self->alias.text.n, ")", out);
    ps_sql_print_alias(self->alias, self->alias_columns, out);
}

static void print_sample(const ps_sql_node *node, ps_text *out)
{
    SELF(sample, node);
    if (self->method.text.n) {
        ps_sql_print_ident(self->method, out);
        ps_text_char(out, '(');
    }
    ps_sql_print(self->size, out);
    sql_print_if(self->percent, " PERCENT", out);
    sql_print_if(self->method.text.n, ")", out);
    sql_print_opt(" REPEATABLE (", self->seed, out);
    sql_print_if(self->seed, ")", out);
}

static void print_pivot_on(const ps_sql_pivot_on *self, ps_text *out)
{
    if (self->exprs.n == 1) ps_sql_print_expr(self->exprs.at[0], LEVEL_PRIMARY, out);
    else {
        ps_sql_print_list("(", self->exprs, out);
        ps_text_char(out, ')');
    }
    ps_sql_print_list(" IN (", self->values, out);
    sql_print_opt(" IN (", self->query, out);
    sql_print_if(self->values.n || self->query, ")", out);
    if (!self->type.text.n) return;
    ps_text_puts(out, " IN ");
    ps_sql_print_ident(self->type, out);
}

static bool pivot_is_table(const ps_sql_pivot *self)
{
    bool listed = self->on.n > 0 && self->aggregates.n > 0;
    for (uint32_t i = 0; i < self->on.n; i++) {
        const ps_sql_pivot_on *on = (const ps_sql_pivot_on *)self->on.at[i];
        listed = listed && (on->values.n || on->query || on->type.text.n);
    }
    return listed;
}

static void print_pivot(const ps_sql_pivot *self, ps_text *out)
{
    if (self->alias.text.n || pivot_is_table(self)) { /* the form inside FROM */
        if (self->source->kind == PS_SQL_JOIN) print_brackets(self->source, out);
        else ps_sql_print(self->source, out);
        ps_sql_print_list(" PIVOT (", self->aggregates, out);
        ps_text_puts(out, " FOR ");
        ps_sql_print_exprs(self->on, " ", out);
        ps_sql_print_list(" GROUP BY ", self->group, out);
        ps_text_char(out, ')');
        ps_sql_print_alias(self->alias, self->columns, out);
        return;
    }
    sql_print_opt("PIVOT ", self->source, out);
    ps_sql_print_list(" ON ", self->on, out);
    ps_sql_print_list(" USING ", self->aggregates, out);
    ps_sql_print_list(" GROUP BY ", self->group, out);
}

static void print_unpivot(const ps_sql_unpivot *self, ps_text *out)
{
    if (self->source->kind == PS_SQL_JOIN) print_brackets(self->source, out);
    else ps_sql_print(self->source, out);
    ps_text_puts(out, self->include_nulls ? " UNPIVOT INCLUDE NULLS (" : " UNPIVOT (");
    sql_print_if(self->values.n > 1, "(", out);
    if (self->values.n) ps_sql_print_idents(self->values, ", ", out);
    else ps_text_puts(out, "\"value\"");
    sql_print_if(self->values.n > 1, ")", out);
    ps_text_puts(out, " FOR ");
    if (self->name.text.n) ps_sql_print_ident(self->name, out);
    else ps_text_puts(out, "\"name\"");
    ps_sql_print_list(" IN (", self->on, out);
    ps_text_puts(out, "))");
    ps_sql_print_alias(self->alias, self->columns, out);
}

static void print_tail(ps_sql_ident alias, ps_sql_idents columns, const ps_sql_node *sample,
                       ps_text *out)
{
    ps_sql_print_alias(alias, columns, out);
    sql_print_opt(" TABLESAMPLE ", sample, out);
}

bool ps_sql_print_table_part(const ps_sql_node *node, ps_text *out)
{
    switch ((ps_sql_kind)node->kind) {
    case PS_SQL_TABLE: {
        SELF(table, node);
        ps_sql_print_idents(self->name, ".", out);
        if (self->at) ps_text_printf(out, " AT (%.*s => ", PS_STR_ARGS(self->at_unit));
        sql_print_opt("", self->at, out);
        sql_print_if(self->at, ")", out);
        print_tail(self->alias, self->columns, self->sample, out);
        return true;
    }
    case PS_SQL_FILE: {
        SELF(file, node);
        ps_sql_print_string(self->path, out);
        print_tail(self->alias, self->columns, self->sample, out);
        return true;
    }
    case PS_SQL_FUNCTION: {
        SELF(function, node);
        sql_print_opt(self->lateral ? "LATERAL " : "", self->call, out);
        sql_print_if(self->ordinality, " WITH ORDINALITY", out);
        print_tail(self->alias, self->columns, self->sample, out);
        return true;
    }
    case PS_SQL_DERIVED: {
        SELF(derived, node);
        sql_print_if(self->lateral, "LATERAL ", out);
        print_brackets(self->query, out);
        print_tail(self->alias, self->columns, self->sample, out);
        return true;
    }
    case PS_SQL_JOIN: print_join((const ps_sql_join *)node, out); return true;
    case PS_SQL_PIVOT: print_pivot((const ps_sql_pivot *)node, out); return true;
    case PS_SQL_PIVOT_ON: print_pivot_on((const ps_sql_pivot_on *)node, out); return true;
    case PS_SQL_UNPIVOT: print_unpivot((const ps_sql_unpivot *)node, out); return true;
    case PS_SQL_SAMPLE: print_sample(node, out); return true;
    default: return false;
    }
}
