/* front/sql/lower_expr.c -- expressions: the dispatch, names, logic, CASE and casts.
 *
 * Tests: tests/unit/test_lower.c, tests/slt/sql/expr.test */
#include "front/sql/lower_int.h"

/* ---- names ---- */

size_t ps_lower_alias(const ps_lower_in *in, const ps_sql_ident *name)
{
    for (size_t i = 0; in->items && i < in->items->list.n; i++) {
        const ps_lower_item *item = &in->items->list.at[i];
        if (item->aliased && ps_lower_same(in->lo, name, item->name)) return i;
    }
    return SIZE_MAX;
}

static const ps_expr *alias_expr(ps_lower_in *in, const ps_sql_ident *name, bool *found)
{
    size_t i = ps_lower_alias(in, name);

    *found = i != SIZE_MAX;
    return *found ? ps_lower_item_expr(in->items, i) : NULL;
}

static const ps_expr *field_of(ps_lower *lo, const ps_expr *e, const ps_sql_ident *name)
{
    return ps_lower_call2(lo, "struct_extract", e, ps_lower_text(lo, name->text));
}

static const ps_expr *hit_expr(ps_lower *lo, const ps_scope_hit *hit, const ps_sql_column *node)
{
    const ps_expr *e = ps_expr_column(lo->cx, lo->arena, hit->col->id, hit->col->type);

    for (uint32_t i = hit->n_used; e && i < node->parts.n; i++)
        e = field_of(lo, e, &node->parts.at[i]);
    return e;
}

static const ps_expr *lower_column(ps_lower_in *in, const ps_sql_column *node)
{
    ps_lower *lo = in->lo;
    const uint32_t n = node->parts.n;
    ps_name *parts = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_name, n + 1);
    const ps_sql_ident *name = &node->parts.at[0];
    ps_scope_hit hit;
    bool found = false;

    if (!parts) return NULL;
    for (uint32_t i = 0; i < n; i++)
        parts[i] =
            (ps_name){node->parts.at[i].text, node->parts.at[i].quoted, node->parts.at[i].offset};
    if (n == 1 && in->alias_first) {
        const ps_expr *e = alias_expr(in, name, &found);
        if (found) return e;
    }
    if (ps_scope_find_in(lo->cx, lo->dialect, in->scope, parts, n, &hit) != PS_OK) return NULL;
    if (hit.col) return hit_expr(lo, &hit, node);
    if (n == 1 && !in->alias_first) {
        const ps_expr *e = alias_expr(in, name, &found);
        if (found) return e;
    }
    if (ps_scope_find(lo->cx, lo->dialect, in->scope, parts, n, &hit) != PS_OK) return NULL;
    if (hit.col) return hit_expr(lo, &hit, node);
    if (n == 1 && !name->quoted) {
        const ps_expr *e = ps_lower_clock(lo, name->text, &found);
        if (found) return e;
    }
    ps_scope_unknown(lo->cx, lo->dialect, in->scope, parts, n);
    return NULL;
}

/* #1: the first column of FROM. */
static const ps_expr *lower_position(ps_lower_in *in, const ps_sql_position *node)
{
    if (node->number < 1 || (uint64_t)node->number > in->scope->visible.n)
        return ps_lower_fail(in->lo, &node->head, PS_BIND, "FROM has %zu columns, not #%lld",
                             in->scope->visible.n, (long long)node->number);
    const ps_scope_col *col = &in->scope->visible.at[node->number - 1];
    return ps_expr_column(in->lo->cx, in->lo->arena, col->id, col->type);
}

/* ---- logic ---- */

const ps_expr *ps_lower_bool_expr(ps_lower_in *in, const ps_sql_node *node)
{
    const ps_expr *e = ps_lower_condition(in->lo, ps_lower_expr(in, node));

    return e ? e : ps_lower_fail_at(in->lo, node);
}

static const ps_expr *lower_logic(ps_lower_in *in, const ps_sql_list *list, bool conjunction)
{
    ps_lower *lo = in->lo;
    const ps_expr **args = PS_ARENA_ARRAY(lo->cx, lo->arena, const ps_expr *, list->n + 1);

    if (!args) return NULL;
    for (uint32_t i = 0; i < list->n; i++)
        if (!(args[i] = ps_lower_bool_expr(in, list->at[i]))) return NULL;
    return conjunction ? ps_expr_and(lo->cx, lo->arena, args, list->n)
                       : ps_expr_or(lo->cx, lo->arena, args, list->n);
}

static const ps_expr *lower_is(ps_lower_in *in, const ps_sql_is *node)
{
    ps_lower *lo = in->lo;

    if (node->what == PS_SQL_IS_NULL || node->what == PS_SQL_IS_UNKNOWN) {
        const ps_expr *arg = node->what == PS_SQL_IS_NULL ? ps_lower_expr(in, node->arg)
                                                          : ps_lower_bool_expr(in, node->arg);
        return ps_lower_call1(lo, node->negated ? "is_not_null" : "is_null", arg);
    }
    const ps_expr *arg = ps_lower_bool_expr(in, node->arg);
    return ps_lower_call2(lo, node->negated ? "is_distinct_from" : "is_not_distinct_from", arg,
                          ps_lower_bool(lo, node->what == PS_SQL_IS_TRUE));
}

/* ---- CASE ---- */

static const ps_expr *lower_case(ps_lower_in *in, const ps_sql_case *node)
{
    ps_lower *lo = in->lo;
    const uint32_t n = node->whens.n;
    const ps_expr **args = PS_ARENA_ARRAY(lo->cx, lo->arena, const ps_expr *, 2 * n + 1);
    const ps_expr **results = PS_ARENA_ARRAY(lo->cx, lo->arena, const ps_expr *, n + 1);
    const ps_expr *subject = node->arg ? ps_lower_expr(in, node->arg) : NULL;

    if (!args || !results || (node->arg && !subject)) return NULL;
    for (uint32_t i = 0; i < n; i++) {
        const ps_sql_when *when = (const ps_sql_when *)(const void *)node->whens.at[i];
        const ps_expr *condition;
        if (subject) {
            condition = ps_lower_call2(lo, "=", subject, ps_lower_expr(in, when->condition));
            if (!condition) return ps_lower_fail_at(lo, when->condition);
        } else {
            condition = ps_lower_bool_expr(in, when->condition);
        }
        args[2 * i] = condition;
        results[i] = condition ? ps_lower_expr(in, when->result) : NULL;
        if (!results[i]) return NULL;
    }
    ps_value null = ps_value_null(PS_TYPE(NULL));
    results[n] = node->otherwise ? ps_lower_expr(in, node->otherwise)
                                 : ps_expr_literal(lo->cx, lo->arena, &null);
    if (!results[n] || !ps_lower_unify(lo, results, n + 1, "CASE")) return NULL;
    for (uint32_t i = 0; i < n; i++) args[2 * i + 1] = results[i];
    args[2 * n] = results[n];
    return ps_expr_case(lo->cx, lo->arena, args, 2 * n + 1);
}

/* ---- casts and special forms ---- */

static const ps_expr *lower_cast(ps_lower_in *in, const ps_sql_cast *node)
{
    const ps_expr *arg = ps_lower_expr(in, node->arg);
    ps_type type;

    if (!arg || !ps_lower_type(in->lo, (const ps_sql_type *)(const void *)node->type, &type))
        return NULL;
    if (ps_type_equal(arg->type, type)) return arg;
    const ps_cast_mode mode = node->attempt ? PS_CAST_TRY : PS_CAST_ERROR;
    const ps_expr *now = ps_lower_cast(in->lo, arg, type, mode);
    /* what was cast has a type of its own: as a literal, 2::BIGINT would adapt to others as 2 does
     */
    if (!now || now->kind != PS_EXPR_LITERAL || !ps_expr_adapts(now)) return now;
    return ps_expr_cast(in->lo->cx, in->lo->arena, arg, type, mode);
}

static const ps_expr *lower_extract(ps_lower_in *in, const ps_sql_extract *node)
{
    return ps_lower_call2(in->lo, "date_part", ps_lower_text(in->lo, node->part.text),
                          ps_lower_expr(in, node->arg));
}

static const ps_expr *lower_field(ps_lower_in *in, const ps_sql_field *node)
{
    const ps_expr *arg = ps_lower_expr(in, node->arg);

    return arg ? field_of(in->lo, arg, &node->name) : NULL;
}

static const ps_expr *lower_list(ps_lower_in *in, const ps_sql_list_literal *node)
{
    const ps_expr **args = ps_lower_exprs(in, &node->items);

    return args ? ps_func_call(in->lo->cx, in->lo->arena, PS_STR("list_value"), args, node->items.n)
                : NULL;
}

/* x[i]: an item of a list, a code point of a text. */
static const ps_expr *lower_subscript(ps_lower_in *in, const ps_sql_subscript *node)
{
    return ps_lower_call2(in->lo, "array_extract", ps_lower_expr(in, node->arg),
                          ps_lower_expr(in, node->index));
}

/* x[low:high] of a text; a bound that is left out is the first or the last position. */
static const ps_expr *lower_slice(ps_lower_in *in, const ps_sql_slice *node)
{
    ps_lower *lo = in->lo;
    const ps_value ends[] = {ps_value_int(PS_TYPE(INT64), 1), ps_value_int(PS_TYPE(INT64), -1)};
    const ps_expr *args[3] = {ps_lower_expr(in, node->arg)};

    if (node->step) return ps_lower_unsupported(lo, node->step, "the step of a slice");
    if (!args[0]) return NULL;
    if (args[0]->type.id == PS_TYPE_LIST)
        return ps_lower_unsupported(lo, &node->head, "a slice of a list");
    args[1] =
        node->low ? ps_lower_expr(in, node->low) : ps_expr_literal(lo->cx, lo->arena, &ends[0]);
    args[2] =
        node->high ? ps_lower_expr(in, node->high) : ps_expr_literal(lo->cx, lo->arena, &ends[1]);
    return args[1] && args[2] ? ps_func_call(lo->cx, lo->arena, PS_STR("array_slice"), args, 3)
                              : NULL;
}

const ps_expr **ps_lower_exprs(ps_lower_in *in, const ps_sql_list *list)
{
    const ps_expr **args = PS_ARENA_ARRAY(in->lo->cx, in->lo->arena, const ps_expr *, list->n + 1);

    for (uint32_t i = 0; args && i < list->n; i++)
        if (!(args[i] = ps_lower_expr(in, list->at[i]))) return NULL;
    return args;
}

static const ps_expr *dispatch(ps_lower_in *in, const ps_sql_node *node)
{
    switch ((ps_sql_kind)node->kind) {
    case PS_SQL_NULL:
    case PS_SQL_BOOL:
    case PS_SQL_NUMBER:
    case PS_SQL_STRING:
    case PS_SQL_BLOB:
    case PS_SQL_TYPED:
    case PS_SQL_INTERVAL: return ps_lower_literal(in, node);
    case PS_SQL_PARAM: return ps_lower_param(in->lo, (const ps_sql_param *)(const void *)node);
    case PS_SQL_COLUMN: return lower_column(in, (const ps_sql_column *)(const void *)node);
    case PS_SQL_POSITION: return lower_position(in, (const ps_sql_position *)(const void *)node);
    case PS_SQL_UNARY: return ps_lower_unary(in, (const ps_sql_unary *)(const void *)node);
    case PS_SQL_BINARY: return ps_lower_operator(in, (const ps_sql_binary *)(const void *)node);
    case PS_SQL_AND: return lower_logic(in, &((const ps_sql_and *)(const void *)node)->args, true);
    case PS_SQL_OR: return lower_logic(in, &((const ps_sql_or *)(const void *)node)->args, false);
    case PS_SQL_NOT:
        return ps_lower_call1(
            in->lo, "not", ps_lower_bool_expr(in, ((const ps_sql_not *)(const void *)node)->arg));
    case PS_SQL_IS: return lower_is(in, (const ps_sql_is *)(const void *)node);
    case PS_SQL_LIKE: return ps_lower_like(in, (const ps_sql_like *)(const void *)node);
    case PS_SQL_BETWEEN: return ps_lower_between(in, (const ps_sql_between *)(const void *)node);
    case PS_SQL_IN: {
        const ps_sql_in *membership = (const ps_sql_in *)(const void *)node;
        return membership->query ? ps_lower_in_query(in, membership)
                                 : ps_lower_in_list(in, membership);
    }
    case PS_SQL_QUANTIFIED:
    case PS_SQL_EXISTS:
    case PS_SQL_SUBQUERY: return ps_lower_subquery(in, node);
    case PS_SQL_CASE: return lower_case(in, (const ps_sql_case *)(const void *)node);
    case PS_SQL_CAST: return lower_cast(in, (const ps_sql_cast *)(const void *)node);
    case PS_SQL_EXTRACT: return lower_extract(in, (const ps_sql_extract *)(const void *)node);
    case PS_SQL_CALL: return ps_lower_call(in, (const ps_sql_call *)(const void *)node);
    case PS_SQL_FIELD: return lower_field(in, (const ps_sql_field *)(const void *)node);
    case PS_SQL_LIST: return lower_list(in, (const ps_sql_list_literal *)(const void *)node);
    case PS_SQL_SUBSCRIPT: return lower_subscript(in, (const ps_sql_subscript *)(const void *)node);
    case PS_SQL_SLICE: return lower_slice(in, (const ps_sql_slice *)(const void *)node);
    case PS_SQL_STAR: return ps_lower_fail(in->lo, node, PS_BIND, "* can't stand here");
    default: return ps_lower_unsupported(in->lo, node, ps_sql_kind_name((ps_sql_kind)node->kind));
    }
}

const ps_expr *ps_lower_expr(ps_lower_in *in, const ps_sql_node *node)
{
    ps_lower *lo = in->lo;

    if (!ps_lower_enter(lo, node)) return NULL;
    const ps_expr *e = dispatch(in, node);
    lo->depth--;
    if (!e) return ps_lower_fail_at(lo, node);
    return lo->n_views ? e : ps_expr_place(e, node->start + 1);
}
