/* front/sql/lower_operator.c -- operators: to functions of the catalog, by name.
 *
 * Tests: tests/unit/test_lower.c, tests/slt/sql/expr.test */
#include "front/sql/lower_int.h"

const char *ps_lower_function_of(ps_sql_f_op op)
{
    switch (op) {
    case PS_SQL_OP_ADD: return "+";
    case PS_SQL_OP_SUB: return "-";
    case PS_SQL_OP_MUL: return "*";
    case PS_SQL_OP_DIV: return "/";
    case PS_SQL_OP_INT_DIV: return "//";
    case PS_SQL_OP_MOD: return "%";
    case PS_SQL_OP_POWER: return "pow";
    case PS_SQL_OP_CONCAT: return "||";
    case PS_SQL_OP_BIT_AND: return "&";
    case PS_SQL_OP_BIT_OR: return "|";
    case PS_SQL_OP_SHIFT_LEFT: return "<<";
    case PS_SQL_OP_SHIFT_RIGHT: return ">>";
    case PS_SQL_OP_EQ: return "=";
    case PS_SQL_OP_NE: return "<>";
    case PS_SQL_OP_LT: return "<";
    case PS_SQL_OP_LE: return "<=";
    case PS_SQL_OP_GT: return ">";
    case PS_SQL_OP_GE: return ">=";
    case PS_SQL_OP_DISTINCT_FROM: return "is_distinct_from";
    case PS_SQL_OP_NOT_DISTINCT_FROM: return "is_not_distinct_from";
    case PS_SQL_OP_STARTS_WITH: return "starts_with";
    case PS_SQL_OP_REGEX:
    case PS_SQL_OP_NOT_REGEX:
    case PS_SQL_OP_REGEX_NOCASE:
    case PS_SQL_OP_NOT_REGEX_NOCASE: return "regexp_matches";
    case PS_SQL_OP_LIKE:
    case PS_SQL_OP_NOT_LIKE: return "like";
    case PS_SQL_OP_ILIKE:
    case PS_SQL_OP_NOT_ILIKE: return "ilike";
    default: return NULL;
    }
}

static bool is_negated(ps_sql_f_op op)
{
    return op == PS_SQL_OP_NOT_REGEX || op == PS_SQL_OP_NOT_REGEX_NOCASE ||
           op == PS_SQL_OP_NOT_LIKE || op == PS_SQL_OP_NOT_ILIKE;
}

const ps_expr *ps_lower_compare(ps_lower *lo, ps_sql_f_op op, const ps_expr *a, const ps_expr *b)
{
    const char *name = ps_lower_function_of(op);
    bool both_whole = ps_type_class_of(a->type) == PS_CLASS_INTEGER &&
                      ps_type_class_of(b->type) == PS_CLASS_INTEGER;
    const ps_expr *args[3] = {a, b, NULL};
    uint32_t n = 2;

    if (!name) {
        ps_fail(lo->cx, PS_UNSUPPORTED, "the operator %s is not supported yet", ps_sql_op_text(op));
        return NULL;
    }
    if (op == PS_SQL_OP_DIV && lo->dialect->integer_division && both_whole) name = "//";
    if (op == PS_SQL_OP_REGEX_NOCASE || op == PS_SQL_OP_NOT_REGEX_NOCASE) {
        if (!(args[n++] = ps_lower_text(lo, PS_STR("i")))) return NULL;
    }
    const ps_expr *e = ps_func_call(lo->cx, lo->arena, ps_str_of(name), args, n);
    return is_negated(op) ? ps_lower_call1(lo, "not", e) : e;
}

/* ---- (a, b) = (c, d), (a, b) < (c, d) ---- */

/* The first pair that differs decides: a < c or (a = c and (b < d or ..)). Nulls follow from it: a
 * pair that is unknown makes the order unknown, unless one before it decides. */
static const ps_expr *order_rows(ps_lower_in *in, const ps_sql_binary *node, const ps_sql_row *a,
                                 const ps_sql_row *b)
{
    ps_lower *lo = in->lo;
    const bool less = node->op == PS_SQL_OP_LT || node->op == PS_SQL_OP_LE;
    const ps_expr *e = NULL;

    for (uint32_t i = a->items.n; i-- > 0;) {
        const ps_expr *x = ps_lower_expr(in, a->items.at[i]),
                      *y = x ? ps_lower_expr(in, b->items.at[i]) : NULL;

        if (!y) return NULL;
        if (!e) { /* the last pair */
            if (!(e = ps_lower_compare(lo, node->op, x, y))) return NULL;
            continue;
        }
        if (ps_expr_is_volatile(x) || ps_expr_is_volatile(y))
            return ps_lower_unsupported(lo, &node->head, "an order of rows of volatile values");
        const ps_expr *both[] = {ps_lower_compare(lo, PS_SQL_OP_EQ, x, y), e};
        const ps_expr *either[] = {
            ps_lower_compare(lo, less ? PS_SQL_OP_LT : PS_SQL_OP_GT, x, y),
            both[0] ? ps_expr_and(lo->cx, lo->arena, both, 2) : NULL,
        };
        if (!either[0] || !either[1]) return NULL;
        if (!(e = ps_expr_or(lo->cx, lo->arena, either, 2))) return NULL;
    }
    return e;
}

static const ps_expr *compare_rows(ps_lower_in *in, const ps_sql_binary *node, const ps_sql_row *a,
                                   const ps_sql_row *b)
{
    ps_lower *lo = in->lo;
    const uint32_t n = a->items.n;
    bool equal = node->op == PS_SQL_OP_EQ || node->op == PS_SQL_OP_NOT_DISTINCT_FROM;

    bool order = node->op == PS_SQL_OP_LT || node->op == PS_SQL_OP_LE || node->op == PS_SQL_OP_GT ||
                 node->op == PS_SQL_OP_GE;

    if (!equal && !order && node->op != PS_SQL_OP_NE && node->op != PS_SQL_OP_DISTINCT_FROM)
        return ps_lower_unsupported(lo, &node->head, "this operator between rows");
    if (n != b->items.n)
        return ps_lower_fail(lo, &node->head, PS_BIND, "rows of %u and %u values are compared", n,
                             b->items.n);
    if (order) return order_rows(in, node, a, b);
    const ps_expr **parts = PS_ARENA_ARRAY(lo->cx, lo->arena, const ps_expr *, n + 1);
    for (uint32_t i = 0; parts && i < n; i++) {
        const ps_expr *x = ps_lower_expr(in, a->items.at[i]),
                      *y = x ? ps_lower_expr(in, b->items.at[i]) : NULL;
        if (!y || !(parts[i] = ps_lower_compare(lo, node->op, x, y))) return NULL;
    }
    if (!parts) return NULL;
    return equal ? ps_expr_and(lo->cx, lo->arena, parts, n)
                 : ps_expr_or(lo->cx, lo->arena, parts, n);
}

const ps_expr *ps_lower_operator(ps_lower_in *in, const ps_sql_binary *node)
{
    const ps_sql_row *row = ps_sql_as(row, ROW, node->args.at[0]);
    const ps_sql_row *other = ps_sql_as(row, ROW, node->args.at[1]);

    if (row && other && node->args.n == 2) return compare_rows(in, node, row, other);
    const ps_expr *e = ps_lower_expr(in, node->args.at[0]);
    for (uint32_t i = 1; e && i < node->args.n; i++) {
        const ps_expr *next = ps_lower_expr(in, node->args.at[i]);
        e = next ? ps_lower_compare(in->lo, node->op, e, next) : NULL;
    }
    return e;
}

const ps_expr *ps_lower_unary(ps_lower_in *in, const ps_sql_unary *node)
{
    const ps_sql_number *number = ps_sql_as(number, NUMBER, node->arg);

    if (node->op == PS_SQL_OP_NEGATE && number) return ps_lower_number(in->lo, number, true);
    const ps_expr *arg = ps_lower_expr(in, node->arg);
    switch (node->op) {
    case PS_SQL_OP_NEGATE: return ps_lower_call1(in->lo, "negate", arg);
    case PS_SQL_OP_PLUS: return arg;
    case PS_SQL_OP_ABS: return ps_lower_call1(in->lo, "abs", arg);
    case PS_SQL_OP_BIT_NOT: return ps_lower_call1(in->lo, "~", arg);
    default:
        return arg ? ps_lower_unsupported(in->lo, &node->head, ps_sql_op_text(node->op)) : NULL;
    }
}

const ps_expr *ps_lower_like(ps_lower_in *in, const ps_sql_like *node)
{
    static const char *const names[] = {"like", "ilike", "similar_to", "glob"};
    ps_lower *lo = in->lo;
    const ps_expr *args[3] = {ps_lower_expr(in, node->arg), NULL, NULL};
    bool pattern = node->op == PS_SQL_LIKE_LIKE || node->op == PS_SQL_LIKE_ILIKE;
    uint32_t n = 2;

    if (!args[0] || !(args[1] = ps_lower_expr(in, node->pattern))) return NULL;
    if (node->escape && !pattern) return ps_lower_unsupported(lo, node->escape, "ESCAPE here");
    if (node->escape && !(args[n++] = ps_lower_expr(in, node->escape))) return NULL;
    if (pattern && !node->escape && lo->dialect->like_escape) {
        if (!(args[n++] = ps_lower_text(lo, (ps_str){&lo->dialect->like_escape, 1}))) return NULL;
    }
    const ps_expr *e = ps_func_call(lo->cx, lo->arena, ps_str_of(names[node->op]), args, n);
    return node->negated ? ps_lower_call1(lo, "not", e) : e;
}

/* ---- BETWEEN and IN lists ---- */

static const ps_expr *within(ps_lower *lo, const ps_expr *x, const ps_expr *low,
                             const ps_expr *high)
{
    const ps_expr *parts[] = {ps_lower_call2(lo, ">=", x, low), ps_lower_call2(lo, "<=", x, high)};

    return parts[0] && parts[1] ? ps_expr_and(lo->cx, lo->arena, parts, 2) : NULL;
}

const ps_expr *ps_lower_between(ps_lower_in *in, const ps_sql_between *node)
{
    ps_lower *lo = in->lo;
    const ps_expr *x = ps_lower_expr(in, node->arg);
    const ps_expr *low = x ? ps_lower_expr(in, node->low) : NULL,
                  *high = low ? ps_lower_expr(in, node->high) : NULL;

    if (!high) return NULL;
    if (ps_expr_is_volatile(x))
        return ps_lower_unsupported(lo, node->arg, "BETWEEN over a volatile expression");
    const ps_expr *e = within(lo, x, low, high);
    if (e && node->symmetric) {
        const ps_expr *either[] = {e, within(lo, x, high, low)};
        e = either[1] ? ps_expr_or(lo->cx, lo->arena, either, 2) : NULL;
    }
    return node->negated ? ps_lower_call1(lo, "not", e) : e;
}

static const ps_expr *in_rows(ps_lower_in *in, const ps_sql_in *node, const ps_sql_row *row)
{
    ps_lower *lo = in->lo;
    const ps_expr **any = PS_ARENA_ARRAY(lo->cx, lo->arena, const ps_expr *, node->items.n + 1);
    ps_sql_binary equal = {.head = node->head, .op = PS_SQL_OP_EQ};

    for (uint32_t i = 0; any && i < node->items.n; i++) {
        const ps_sql_row *item = ps_sql_as(row, ROW, node->items.at[i]);
        if (!item)
            return ps_lower_fail(lo, node->items.at[i], PS_BIND,
                                 "a row of %u values is wanted here", row->items.n);
        if (!(any[i] = compare_rows(in, &equal, row, item))) return NULL;
    }
    const ps_expr *e = any ? ps_expr_or(lo->cx, lo->arena, any, node->items.n) : NULL;
    return node->negated ? ps_lower_call1(lo, "not", e) : e;
}

const ps_expr *ps_lower_in_list(ps_lower_in *in, const ps_sql_in *node)
{
    ps_lower *lo = in->lo;
    const uint32_t n = node->items.n;
    const ps_sql_row *row = ps_sql_as(row, ROW, node->arg);
    const ps_expr **all = PS_ARENA_ARRAY(lo->cx, lo->arena, const ps_expr *, n + 2);
    bool literals = true;
    const ps_expr *e;

    if (node->set) return ps_lower_unsupported(lo, node->set, "IN over a list value");
    if (row) return in_rows(in, node, row);
    if (!all || !(all[0] = ps_lower_expr(in, node->arg))) return NULL;
    for (uint32_t i = 0; i < n; i++)
        if (!(all[i + 1] = ps_lower_expr(in, node->items.at[i]))) return NULL;
    if (!ps_lower_unify(lo, all, n + 1, "IN")) return NULL;
    for (uint32_t i = 0; i < n; i++) literals &= all[i + 1]->kind == PS_EXPR_LITERAL;
    if (literals && all[0]->type.id != PS_TYPE_NULL) {
        e = ps_expr_in(lo->cx, lo->arena, all[0], all + 1, n);
    } else {
        for (uint32_t i = 0; i < n; i++)
            if (!(all[i + 1] = ps_lower_call2(lo, "=", all[0], all[i + 1]))) return NULL;
        e = ps_expr_or(lo->cx, lo->arena, all + 1, n);
    }
    return node->negated ? ps_lower_call1(lo, "not", e) : e;
}
