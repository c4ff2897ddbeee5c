/* expr/print.c -- text of expressions for plans and error messages.
 *
 * Infix operators are parenthesised wherever they are nested, so the text reads back in one way.
 * Tests: tests/unit/test_expr.c */
#include "expr/expr.h"

typedef struct printer {
    const ps_expr_names *names;
    ps_text *out;
} printer;

static void print(const printer *p, const ps_expr *expr, bool nested);

static void print_list(const printer *p, const ps_expr *const *items, uint32_t n,
                       const char *between)
{
    bool nested = between[0] != ',';

    for (uint32_t i = 0; i < n; i++) {
        if (i) ps_text_puts(p->out, between);
        print(p, items[i], nested);
    }
}

static void print_keys(const printer *p, const ps_sort_key *keys, uint32_t n)
{
    ps_text_puts(p->out, "ORDER BY ");
    for (uint32_t i = 0; i < n; i++) {
        if (i) ps_text_puts(p->out, ", ");
        print(p, keys[i].expr, true);
        if (keys[i].descending) ps_text_puts(p->out, " DESC");
        if (keys[i].nulls_first) ps_text_puts(p->out, " NULLS FIRST");
    }
}

static void print_column(const printer *p, ps_col_id id)
{
    ps_str name = p->names && p->names->name ? p->names->name(p->names->user, id) : PS_STR("");

    if (name.n) ps_text_str(p->out, name);
    else ps_text_printf(p->out, "#%u", id);
}

static bool is_operator(const char *name)
{
    char c = name[0];

    return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_');
}

static void print_call(const printer *p, const ps_expr *expr, bool nested)
{
    const char *name = ps_func_head_of(expr->func).name;

    if (is_operator(name) && (expr->n_args == 1 || expr->n_args == 2)) {
        if (nested) ps_text_char(p->out, '(');
        if (expr->n_args == 2) {
            print(p, expr->args[0], true);
            ps_text_printf(p->out, " %s ", name);
        } else {
            ps_text_puts(p->out, name);
        }
        print(p, expr->args[expr->n_args - 1], true);
        if (nested) ps_text_char(p->out, ')');
        return;
    }
    ps_text_puts(p->out, name);
    ps_text_char(p->out, '(');
    if (expr->kind != PS_EXPR_CALL && expr->agg && expr->agg->distinct)
        ps_text_puts(p->out, "DISTINCT ");
    if (expr->kind == PS_EXPR_AGGREGATE && expr->n_args == 0) ps_text_char(p->out, '*');
    print_list(p, expr->args, expr->n_args, ", ");
    if (expr->kind != PS_EXPR_CALL && expr->agg && expr->agg->n_order) {
        ps_text_char(p->out, ' ');
        print_keys(p, expr->agg->order, expr->agg->n_order);
    }
    if (expr->kind != PS_EXPR_CALL && expr->agg && expr->agg->ignore_nulls)
        ps_text_puts(p->out, " IGNORE NULLS");
    ps_text_char(p->out, ')');
    if (expr->kind != PS_EXPR_CALL && expr->agg && expr->agg->filter) {
        ps_text_puts(p->out, " FILTER (WHERE ");
        print(p, expr->agg->filter, false);
        ps_text_char(p->out, ')');
    }
}

static void print_bound(const printer *p, ps_bound_kind kind, const ps_expr *offset)
{
    static const char *const texts[] = {[PS_BOUND_UNBOUNDED_PRECEDING] = "UNBOUNDED PRECEDING",
                                        [PS_BOUND_PRECEDING] = " PRECEDING",
                                        [PS_BOUND_CURRENT] = "CURRENT ROW",
                                        [PS_BOUND_FOLLOWING] = " FOLLOWING",
                                        [PS_BOUND_UNBOUNDED_FOLLOWING] = "UNBOUNDED FOLLOWING"};

    if (offset) print(p, offset, true);
    ps_text_puts(p->out, texts[kind]);
}

static void print_frame(const printer *p, const ps_frame *frame)
{
    static const char *const units[] = {"ROWS", "RANGE", "GROUPS"};
    static const char *const excludes[] = {"", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP",
                                           " EXCLUDE TIES"};

    ps_text_printf(p->out, "%s BETWEEN ", units[frame->unit]);
    print_bound(p, frame->start, frame->start_offset);
    ps_text_puts(p->out, " AND ");
    print_bound(p, frame->end, frame->end_offset);
    ps_text_puts(p->out, excludes[frame->exclude]);
}

static void print_over(const printer *p, const ps_expr *expr)
{
    const char *before = "";

    ps_text_puts(p->out, " OVER (");
    if (expr->n_partition) {
        ps_text_puts(p->out, "PARTITION BY ");
        print_list(p, expr->partition, expr->n_partition, ", ");
        before = " ";
    }
    if (expr->n_order) {
        ps_text_puts(p->out, before);
        print_keys(p, expr->order, expr->n_order);
        before = " ";
    }
    if (expr->frame && (expr->n_order || expr->frame->unit != PS_FRAME_RANGE)) {
        ps_text_puts(p->out, before);
        print_frame(p, expr->frame);
    }
    ps_text_char(p->out, ')');
}

static void print_case(const printer *p, const ps_expr *expr)
{
    ps_text_puts(p->out, "CASE");
    for (uint32_t i = 0; i + 1 < expr->n_args; i += 2) {
        ps_text_puts(p->out, " WHEN ");
        print(p, expr->args[i], false);
        ps_text_puts(p->out, " THEN ");
        print(p, expr->args[i + 1], false);
    }
    ps_text_puts(p->out, " ELSE ");
    print(p, expr->args[expr->n_args - 1], false);
    ps_text_puts(p->out, " END");
}

static void print_in(const printer *p, const ps_expr *expr, bool nested)
{
    if (nested) ps_text_char(p->out, '(');
    print(p, expr->args[0], true);
    ps_text_puts(p->out, " IN (");
    print_list(p, expr->args + 1, expr->n_args - 1, ", ");
    if (expr->has_null_item) ps_text_puts(p->out, expr->n_args > 1 ? ", NULL" : "NULL");
    ps_text_puts(p->out, nested ? "))" : ")");
}

static void print_subquery(const printer *p, const ps_expr *expr)
{
    if (expr->subquery == PS_SUBQUERY_SCALAR || expr->subquery == PS_SUBQUERY_EXISTS) {
        ps_text_puts(p->out,
                     expr->subquery == PS_SUBQUERY_SCALAR ? "(subquery)" : "EXISTS (subquery)");
        return;
    }
    ps_text_char(p->out, '(');
    print_list(p, expr->args, expr->n_args, ", ");
    ps_text_printf(p->out, " %s %s (subquery))",
                   expr->compare ? ps_func_head_of(expr->compare).name : "=",
                   expr->subquery == PS_SUBQUERY_ANY ? "ANY" : "ALL");
}

static void print_wrapped(const printer *p, const char *name, const ps_expr *expr)
{
    ps_text_puts(p->out, name);
    ps_text_char(p->out, '(');
    print_list(p, expr->args, expr->n_args, ", ");
    ps_text_char(p->out, ')');
}

static void print(const printer *p, const ps_expr *expr, bool nested)
{
    switch ((ps_expr_kind)expr->kind) {
    case PS_EXPR_COLUMN: print_column(p, expr->column); return;
    case PS_EXPR_LITERAL: ps_value_print_sql(&expr->literal, p->out); return;
    case PS_EXPR_PARAM: ps_text_printf(p->out, "$%u", expr->param); return;
    case PS_EXPR_CALL:
    case PS_EXPR_AGGREGATE: print_call(p, expr, nested); return;
    case PS_EXPR_WINDOW:
        print_call(p, expr, true);
        print_over(p, expr);
        return;
    case PS_EXPR_CAST:
        ps_text_puts(p->out, expr->cast == PS_CAST_TRY ? "TRY_CAST(" : "CAST(");
        print(p, expr->args[0], false);
        ps_text_puts(p->out, " AS ");
        ps_type_print(expr->type, p->out);
        ps_text_char(p->out, ')');
        return;
    case PS_EXPR_AND:
    case PS_EXPR_OR:
        if (nested) ps_text_char(p->out, '(');
        print_list(p, expr->args, expr->n_args, expr->kind == PS_EXPR_AND ? " AND " : " OR ");
        if (nested) ps_text_char(p->out, ')');
        return;
    case PS_EXPR_CASE: print_case(p, expr); return;
    case PS_EXPR_COALESCE: print_wrapped(p, "COALESCE", expr); return;
    case PS_EXPR_TRY: print_wrapped(p, "TRY", expr); return;
    case PS_EXPR_IN: print_in(p, expr, nested); return;
    case PS_EXPR_SUBQUERY: print_subquery(p, expr); return;
    }
}

void ps_expr_print(const ps_expr *expr, const ps_expr_names *names, ps_text *out)
{
    printer p = {names, out};

    print(&p, expr, false);
}
