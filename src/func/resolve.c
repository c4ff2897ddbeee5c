/* func/resolve.c -- from a name and arguments to the catalog's entry, with the casts it needs.
 *
 * Of the overloads that fit, the one of the lowest total cast cost wins; ties go to the first of
 * the catalog, but a tie that a bare text literal made is ambiguous. Type variables get the common
 * type of their arguments first. Nothing here is mutable. Tests: tests/unit/test_func_resolve.c */
#include "func/coerce.h"

#include <ctype.h>

enum { ARGS_MAX = 1024, NAME_MAX_BYTES = 64, VARS_MAX = 4, COST_ANY = 3, NEAR_DISTANCE = 2 };

/* First entry of ps_func_names with this name; *n overloads follow. NULL: none. */
static const ps_func_name *names_find(ps_str name, size_t *n)
{
    char lower[NAME_MAX_BYTES];
    size_t lo = 0, hi = ps_func_names_count;

    *n = 0;
    if (name.n >= sizeof lower) return NULL;
    for (size_t i = 0; i < name.n; i++) {
        const char c = name.at[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    lower[name.n] = 0;
    while (lo < hi) {
        const size_t mid = (lo + hi) / 2;
        if (strcmp(ps_func_names[mid].name, lower) < 0) lo = mid + 1;
        else hi = mid;
    }
    while (lo + *n < ps_func_names_count && strcmp(ps_func_names[lo + *n].name, lower) == 0) ++*n;
    return *n ? &ps_func_names[lo] : NULL;
}

static bool is_kind(const ps_func *func, ps_func_kind kind)
{
    /* every aggregate can run over a window */
    return func->kind == kind || (kind == PS_FUNC_WINDOW && func->kind == PS_FUNC_AGGREGATE);
}

bool ps_func_exists(ps_func_kind kind, ps_str name)
{
    size_t n;
    const ps_func_name *found = names_find(name, &n);

    for (size_t i = 0; i < n; i++)
        if (is_kind(found[i].func, kind)) return true;
    return false;
}

const ps_func *ps_func_find(ps_func_kind kind, const char *name)
{
    size_t n;
    const ps_func_name *found = names_find(ps_str_of(name), &n);

    for (size_t i = 0; i < n; i++)
        if (is_kind(found[i].func, kind)) return found[i].func;
    PS_ASSERT(n > 0 &&
              name == NULL); /* the library builds plans with it: it must be in the catalog */
    return NULL;
}

static const ps_param *param_at(const ps_func *func, uint32_t i)
{
    return &func->params[i < func->n_params ? i : func->n_params - 1u];
}

static bool arity_fits(const ps_func *func, uint32_t n)
{
    return n >= func->n_required && (n <= func->n_params || func->variadic);
}

static bool class_fits(ps_param_kind kind, ps_type type)
{
    const ps_type_class c = ps_type_class_of(type);

    switch (kind) {
    case PS_PARAM_NUMERIC: return ps_type_is_numeric(type);
    case PS_PARAM_INTEGER: return c == PS_CLASS_INTEGER;
    case PS_PARAM_DECIMAL: return c == PS_CLASS_DECIMAL;
    case PS_PARAM_TEMPORAL: return c == PS_CLASS_TEMPORAL;
    case PS_PARAM_BYTES: return c == PS_CLASS_BYTES;
    default: return true;
    }
}

static ps_type class_default(ps_param_kind kind)
{
    switch (kind) {
    case PS_PARAM_TEMPORAL: return PS_TYPE_SQL_TIMESTAMP;
    case PS_PARAM_BYTES: return PS_TYPE(STRING);
    default: return PS_TYPE(INT32);
    }
}

/* The common type of the arguments of one type variable; false: none that its class allows. */
static bool bind_var(const ps_func *func, const ps_expr *const *args, uint32_t n, uint8_t var,
                     ps_type *out)
{
    const ps_expr *same[ARGS_MAX];
    ps_param_kind kind = PS_PARAM_VAR;
    uint32_t n_same = 0;

    *out = PS_TYPE(NULL);
    for (uint32_t i = 0; i < n; i++) {
        const ps_param *p = param_at(func, i);
        if (p->var != var) continue;
        if (p->kind == PS_PARAM_LIST_VAR) {
            if (args[i]->type.id != PS_TYPE_LIST && args[i]->type.id != PS_TYPE_ARRAY) return false;
            *out = args[i]->type.ext->fields[0].type;
            continue;
        }
        kind = (ps_param_kind)p->kind;
        same[n_same++] = args[i];
    }
    if (n_same) {
        ps_type common;
        if (!ps_type_common_exprs(same, n_same, &common)) return false;
        if (out->id != PS_TYPE_NULL && !ps_type_common(*out, common, &common)) return false;
        *out = common;
    }
    if (out->id == PS_TYPE_NULL) *out = class_default(kind);
    return class_fits(kind, *out);
}

/* Total cost of calling func with args; -1: it doesn't fit. Fills types (and the variables' types).
 */
static int match_cost(const ps_func *func, const ps_expr *const *args, uint32_t n, ps_type *types,
                      ps_type *vars)
{
    int total = 0;

    if (!arity_fits(func, n)) return -1;
    const bool free_vars = func->resolve && func->n_params && func->params[0].kind == PS_PARAM_VAR;
    for (uint8_t var = 1; var <= VARS_MAX && !free_vars; var++) {
        bool used = false;
        for (uint32_t i = 0; i < n; i++) used |= param_at(func, i)->var == var;
        if (used && !bind_var(func, args, n, var, &vars[var])) return -1;
    }
    for (uint32_t i = 0; i < n; i++) {
        const ps_param *p = param_at(func, i);
        int cost = 0;

        if (p->kind == PS_PARAM_ANY) types[i] = args[i]->type, cost = COST_ANY;
        else if (p->kind == PS_PARAM_LIST_VAR || (free_vars && p->var)) types[i] = args[i]->type;
        else {
            types[i] = p->kind == PS_PARAM_TYPE ? p->type : vars[p->var];
            cost = args[i]->type.id == PS_TYPE_NULL && p->kind != PS_PARAM_TYPE
                       ? 0
                       : ps_cast_cost_expr(args[i], types[i]);
        }
        if (cost < 0) return -1;
        total += cost;
    }
    return total;
}

/* "upper(INTEGER)" */
static void print_call(ps_text *text, ps_str name, const ps_expr *const *args, uint32_t n)
{
    ps_text_str(text, name);
    ps_text_char(text, '(');
    for (uint32_t i = 0; i < n && i < 16; i++) {
        if (i) ps_text_puts(text, ", ");
        ps_type_print(args[i]->type, text);
    }
    ps_text_char(text, ')');
}

static bool any_takes(const ps_func_name *found, size_t n_names, ps_func_kind kind, uint32_t n)
{
    for (size_t i = 0; i < n_names; i++)
        if (is_kind(found[i].func, kind) && arity_fits(found[i].func, n)) return true;
    return false;
}

static ps_status fail_no_match(ps_ctx *cx, ps_func_kind kind, ps_str name,
                               const ps_expr *const *args, uint32_t n)
{
    ps_text call, candidates;
    size_t n_names, listed = 0;
    const ps_func_name *found = names_find(name, &n_names);
    ps_status st;

    ps_text_init(&call, cx), ps_text_init(&candidates, cx);
    print_call(&call, name, args, n);
    for (size_t i = 0; i < n_names; i++) {
        if (!is_kind(found[i].func, kind) || listed++ >= 8) continue;
        ps_text_printf(&candidates, "%s%s%s", listed > 1 ? ", " : "", found[i].func->name,
                       found[i].func->signature);
    }
    st = ps_fail(cx, PS_BIND, "no function fits %s; there is %s", call.at ? call.at : "the call",
                 candidates.at ? candidates.at : "none of that kind");
    if (any_takes(found, n_names, kind, n)) {
        ps_hint(cx, "cast the arguments to the types of one of them");
    } else {
        ps_hint(cx, "none of them takes %u %s", n, n == 1 ? "argument" : "arguments");
    }
    ps_text_release(&call), ps_text_release(&candidates);
    return st;
}

static ps_status fail_unknown(ps_ctx *cx, ps_func_kind kind, ps_str name)
{
    static const char *const kinds[] = {"function", "aggregate", "window function"};
    const char *near = NULL;
    uint32_t best = NEAR_DISTANCE + 1;
    ps_status st = ps_fail(cx, PS_BIND, "there is no %s named %.*s", kinds[kind],
                           (int)PS_MIN(name.n, 200u), name.at);

    for (size_t i = 0; i < ps_func_names_count; i++) {
        const ps_func_name *entry = &ps_func_names[i];
        const uint32_t distance = ps_str_distance(name, ps_str_of(entry->name), NEAR_DISTANCE);
        if (distance < best && (isalpha((unsigned char)entry->name[0])))
            best = distance, near = entry->name;
    }
    if (near) ps_hint(cx, "did you mean %s?", near);
    return st;
}

/* The result type, once argument types and variables are known. */
static ps_status result_type(ps_ctx *cx, ps_arena *arena, const ps_func *func, const ps_type *vars,
                             ps_type *out)
{
    const ps_param *r = &func->result;

    if (r->kind == PS_PARAM_TYPE) {
        *out = r->type;
        return PS_OK;
    }
    if (r->kind != PS_PARAM_LIST_VAR) {
        *out = vars[r->var];
        return PS_OK;
    }
    const ps_field item = {.name = PS_STR("item"), .type = vars[r->var], .nullable = true};
    PS_TRY(ps_type_list(cx, &item, out));
    const ps_status st = ps_type_keep(cx, arena, *out);
    ps_type_unref(*out);
    return st;
}

static ps_status check_usable(ps_ctx *cx, const ps_func *func, const ps_expr *const *args,
                              uint32_t n)
{
    const bool present = func->kind == PS_FUNC_SCALAR      ? func->scalar != NULL
                         : func->kind == PS_FUNC_AGGREGATE ? func->aggregate != NULL
                                                           : true;

    if (!present)
        return ps_fail(cx, PS_UNSUPPORTED, "%s%s is not supported yet", func->name,
                       func->signature);
    for (uint32_t i = 0; i < n; i++)
        if (param_at(func, i)->constant &&
            (args[i]->flags & (PS_EXPR_HAS_COLUMN | PS_EXPR_HAS_SUBQUERY)))
            return ps_fail(cx, PS_BIND, "argument %s of %s must be a constant",
                           param_at(func, i)->name, func->name);
    return PS_OK;
}

static bool any_text_literal(const ps_expr *const *args, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (ps_expr_is_literal(args[i]) && args[i]->type.id == PS_TYPE_STRING) return true;
    return false;
}

ps_status ps_func_resolve(ps_ctx *cx, ps_arena *arena, ps_func_kind kind, ps_str name,
                          const ps_expr *const *args, uint32_t n, ps_func_match *out)
{
    ps_type vars[VARS_MAX + 1] = {{0}}, best_vars[VARS_MAX + 1] = {{0}};
    size_t n_names;
    const ps_func_name *found = names_find(name, &n_names);
    const ps_func *best = NULL;
    int best_cost = 0;
    bool tie = false;

    *out = (ps_func_match){0};
    if (!ps_func_exists(kind, name)) return fail_unknown(cx, kind, name);
    if (n > ARGS_MAX)
        return ps_fail(cx, PS_BIND, "%s has more than %d arguments: %u", found->func->name,
                       ARGS_MAX, n);
    ps_type *types = PS_ARENA_ARRAY(cx, arena, ps_type, n + 1);
    ps_type *best_types = PS_ARENA_ARRAY(cx, arena, ps_type, n + 1);
    if (!types || !best_types) return PS_MEMORY;
    for (size_t i = 0; i < n_names; i++) {
        if (!is_kind(found[i].func, kind)) continue;
        const int cost = match_cost(found[i].func, args, n, types, vars);
        if (cost < 0) continue;
        tie = best && cost == best_cost ? true : best && cost > best_cost ? tie : false;
        if (best && cost >= best_cost) continue;
        best = found[i].func, best_cost = cost;
        memcpy(best_types, types, sizeof(ps_type) * n);
        memcpy(best_vars, vars, sizeof vars);
    }
    if (!best) return fail_no_match(cx, kind, name, args, n);
    if (tie && best_cost > 0 && any_text_literal(args, n))
        return ps_while(
            cx,
            ps_fail(cx, PS_BIND,
                    "%s is ambiguous for a text literal; cast it to the type that is meant",
                    best->name),
            "choosing an overload");
    PS_TRY(check_usable(cx, best, args, n));
    PS_TRY(result_type(cx, arena, best, best_vars, &out->result));
    if (best->resolve) PS_TRY(best->resolve(cx, best, args, n, best_types, &out->result));
    out->func = best;
    out->arg_types = best_types;
    return PS_OK;
}

/* A literal is cast here and now; one that doesn't fit stays a cast, so that the error is the
 * row's. */
static const ps_expr *cast_arg(ps_ctx *cx, ps_arena *arena, const ps_expr *arg, ps_type type)
{
    if (ps_expr_is_literal(arg) && !ps_type_equal(arg->type, type)) {
        ps_value value;
        bool ok = false;
        if (ps_cast_value(cx, arena, &arg->literal, type, &ok, &value) != PS_OK) return NULL;
        if (ok) return ps_expr_literal(cx, arena, &value);
        ps_ctx_clear(cx);
    }
    return ps_expr_cast(cx, arena, arg, type, PS_CAST_ERROR);
}

/* typeof is known here and needs no rows. */
static const ps_expr *type_literal(ps_ctx *cx, ps_arena *arena, ps_type type)
{
    const ps_expr *made = NULL;
    ps_text text;

    ps_text_init(&text, cx);
    ps_type_print(type, &text);
    if (ps_text_status(&text) == PS_OK) {
        const ps_value value = ps_value_str((ps_str){text.at, text.n});
        made = ps_expr_literal(cx, arena, &value);
    }
    ps_text_release(&text);
    return made;
}

const ps_expr *ps_func_call(ps_ctx *cx, ps_arena *arena, ps_str name, const ps_expr *const *args,
                            uint32_t n)
{
    ps_func_match match;

    if (ps_func_resolve(cx, arena, PS_FUNC_SCALAR, name, args, n, &match) != PS_OK) return NULL;
    if (strcmp(match.func->name, "typeof") == 0) return type_literal(cx, arena, args[0]->type);
    const ps_expr **casted = PS_ARENA_ARRAY(cx, arena, const ps_expr *, n + 1);
    if (!casted) return NULL;
    for (uint32_t i = 0; i < n; i++) {
        casted[i] = cast_arg(cx, arena, args[i], match.arg_types[i]);
        if (!casted[i]) return NULL;
    }
    return ps_expr_call(cx, arena, match.func, match.result, casted, n);
}
