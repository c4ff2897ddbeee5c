/* front/sql/lower_call.c -- function calls: the few that are expressions of their own, the clock,
 * the catalog's.
 *
 * Tests: tests/unit/test_lower.c, tests/slt/sql/expr.test */
#include "front/sql/lower_int.h"

typedef const ps_expr *(*special_fn)(ps_lower *lo, const ps_sql_call *node, const ps_expr **args,
                                     uint32_t n);

static const ps_expr *arity(ps_lower *lo, const ps_sql_call *node, const char *wanted)
{
    return ps_lower_fail(lo, &node->head, PS_BIND, "%.*s takes %s",
                         PS_STR_ARGS(node->name.at[node->name.n - 1].text), wanted);
}

static const ps_expr *call_coalesce(ps_lower *lo, const ps_sql_call *node, const ps_expr **args,
                                    uint32_t n)
{
    if (n == 0) return arity(lo, node, "one argument or more");
    if (!ps_lower_unify(lo, args, n, "COALESCE")) return NULL;
    return ps_expr_coalesce(lo->cx, lo->arena, args, n);
}

static const ps_expr *call_ifnull(ps_lower *lo, const ps_sql_call *node, const ps_expr **args,
                                  uint32_t n)
{
    return n == 2 ? call_coalesce(lo, node, args, n) : arity(lo, node, "two arguments");
}

static const ps_expr *call_nullif(ps_lower *lo, const ps_sql_call *node, const ps_expr **args,
                                  uint32_t n)
{
    if (n != 2) return arity(lo, node, "two arguments");
    if (ps_expr_is_volatile(args[0]))
        return ps_lower_unsupported(lo, &node->head, "NULLIF of a volatile expression");
    ps_value null = ps_value_null(args[0]->type);
    const ps_expr *parts[] = {ps_lower_call2(lo, "=", args[0], args[1]),
                              ps_expr_literal(lo->cx, lo->arena, &null), args[0]};
    return parts[0] && parts[1] ? ps_expr_case(lo->cx, lo->arena, parts, 3) : NULL;
}

static const ps_expr *call_if(ps_lower *lo, const ps_sql_call *node, const ps_expr **args,
                              uint32_t n)
{
    if (n != 3) return arity(lo, node, "a condition and two values");
    const ps_expr *condition = ps_lower_condition(lo, args[0]);
    if (!condition || !ps_lower_unify(lo, args + 1, 2, "IF")) return NULL;
    const ps_expr *parts[] = {condition, args[1], args[2]};
    return ps_expr_case(lo->cx, lo->arena, parts, 3);
}

static const ps_expr *call_try(ps_lower *lo, const ps_sql_call *node, const ps_expr **args,
                               uint32_t n)
{
    return n == 1 ? ps_expr_try(lo->cx, lo->arena, args[0]) : arity(lo, node, "one argument");
}

static const ps_expr *call_version(ps_lower *lo, const ps_sql_call *node, const ps_expr **args,
                                   uint32_t n)
{
    (void)args;
    return n == 0 ? ps_lower_text(lo, PS_STR(PS_VERSION)) : arity(lo, node, "no arguments");
}

/* x AT TIME ZONE z: there is no time zone database yet. */
static const ps_expr *call_timezone(ps_lower *lo, const ps_sql_call *node, const ps_expr **args,
                                    uint32_t n)
{
    (void)args, (void)n;
    return ps_lower_unsupported(lo, &node->head, "AT TIME ZONE");
}

/* Functions by their look, but with rules of their own for which arguments are evaluated. */
static const struct {
    const char *name;
    special_fn fn;
} specials[] = {
    {"coalesce", call_coalesce},
    {"ifnull", call_ifnull},
    {"nvl", call_ifnull},
    {"nullif", call_nullif},
    {"if", call_if},
    {"iif", call_if},
    {"try", call_try},
    {"timezone", call_timezone},
    {"version", call_version},
};

static special_fn special_of(ps_str name)
{
    for (size_t i = 0; i < PS_COUNT(specials); i++)
        if (ps_str_equal_nocase(name, ps_str_of(specials[i].name))) return specials[i].fn;
    return NULL;
}

/* ---- the clock: the statement's, so every row and every engine sees one time ---- */

static const ps_expr *in_zone(ps_lower *lo, ps_type type)
{
    ps_str zone = lo->env->time_zone;

    if (zone.n && !ps_str_equal_nocase(zone, PS_STR("UTC")) &&
        !ps_str_equal_nocase(zone, PS_STR("Etc/UTC"))) {
        ps_fail(lo->cx, PS_UNSUPPORTED, "local time in the zone %.*s is not supported yet",
                PS_STR_ARGS(zone));
        return NULL;
    }
    const int64_t us = lo->env->now_us, day = 86400000000;
    int64_t days = us / day - (us % day < 0);
    ps_i128 value = type.id == PS_TYPE_DATE ? days : type.id == PS_TYPE_TIME ? us - days * day : us;
    ps_value v = ps_value_int(type, value);
    return ps_expr_literal(lo->cx, lo->arena, &v);
}

const ps_expr *ps_lower_clock(ps_lower *lo, ps_str name, bool *found)
{
    static const struct {
        const char *name;
        ps_type type;
    } words[] = {
        {"current_timestamp", {.id = PS_TYPE_TIMESTAMP_TZ, .unit = PS_UNIT_US}},
        {"now", {.id = PS_TYPE_TIMESTAMP_TZ, .unit = PS_UNIT_US}},
        {"get_current_timestamp", {.id = PS_TYPE_TIMESTAMP_TZ, .unit = PS_UNIT_US}},
        {"transaction_timestamp", {.id = PS_TYPE_TIMESTAMP_TZ, .unit = PS_UNIT_US}},
        {"localtimestamp", {.id = PS_TYPE_TIMESTAMP, .unit = PS_UNIT_US}},
        {"current_localtimestamp", {.id = PS_TYPE_TIMESTAMP, .unit = PS_UNIT_US}},
        {"current_date", {.id = PS_TYPE_DATE}},
        {"today", {.id = PS_TYPE_DATE}},
        {"localtime", {.id = PS_TYPE_TIME, .unit = PS_UNIT_US}},
        {"current_localtime", {.id = PS_TYPE_TIME, .unit = PS_UNIT_US}},
    };

    *found = false;
    for (size_t i = 0; i < PS_COUNT(words); i++) {
        if (!ps_str_equal_nocase(name, ps_str_of(words[i].name))) continue;
        *found = true;
        ps_value v = ps_value_int(words[i].type, lo->env->now_us);
        return words[i].type.id == PS_TYPE_TIMESTAMP_TZ ? ps_expr_literal(lo->cx, lo->arena, &v)
                                                        : in_zone(lo, words[i].type);
    }
    return NULL;
}

/* ---- the catalog's functions ---- */

/* Nothing that only aggregates and windows may have; false: the error is recorded. */
static bool is_plain(ps_lower *lo, const ps_sql_call *node, ps_str name)
{
    const char *breach = NULL;

    if (!special_of(name) && !ps_func_exists(PS_FUNC_SCALAR, name))
        breach = NULL; /* the name is what is wrong */
    else if (node->distinct || node->order.n || node->within.n || node->filter)
        breach = "DISTINCT, ORDER BY and FILTER are for aggregates";
    else if (node->nulls != PS_SQL_NULLS_DEFAULT)
        breach = "IGNORE and RESPECT NULLS are for window functions";
    if (breach) ps_lower_fail(lo, &node->head, PS_BIND, "%s", breach);
    for (uint32_t i = 0; !breach && i < node->args.n; i++) {
        if (node->args.at[i]->kind != PS_SQL_NAMED) continue;
        ps_lower_unsupported(lo, node->args.at[i], "a named argument here");
        return false;
    }
    return !breach;
}

const ps_expr *ps_lower_call(ps_lower_in *in, const ps_sql_call *node)
{
    ps_lower *lo = in->lo;
    ps_str name = node->name.at[node->name.n - 1].text;
    bool found = false;

    if (node->export_state) return ps_lower_unsupported(lo, &node->head, "EXPORT_STATE");
    if (node->over) return ps_lower_window(in, node, name);
    if (ps_func_exists(PS_FUNC_AGGREGATE, name) && !ps_func_exists(PS_FUNC_SCALAR, name))
        return ps_lower_aggregate(in, node, name);
    if (!is_plain(lo, node, name)) return NULL;
    if (node->args.n == 0) {
        const ps_expr *e = ps_lower_clock(lo, name, &found);
        if (found) return e;
    }
    if (ps_func_exists(PS_FUNC_WINDOW, name) && !ps_func_exists(PS_FUNC_SCALAR, name))
        return ps_lower_fail(lo, &node->head, PS_BIND, "the window function %.*s needs OVER",
                             PS_STR_ARGS(name));
    const ps_expr **args = ps_lower_exprs(in, &node->args);
    if (!args) return NULL;
    special_fn special = special_of(name);
    if (special) return special(lo, node, args, node->args.n);
    return ps_func_call(lo->cx, lo->arena, name, args, node->args.n);
}
