/* front/sql/lower.c -- lowering: its entry, errors, casts and small builders.
 *
 * Tests: tests/unit/test_lower.c, tests/slt/sql */
#include "front/sql/lower_int.h"

#include "eval/program.h"

#include <stdarg.h>
#include <stdio.h>

ps_status ps_sql_lower(ps_planner *p, const ps_bind_env *env, ps_str text,
                       const ps_sql_statement *ast, ps_statement *out)
{
    ps_lower lo = {.p = p, .cx = p->cx, .arena = p->arena, .env = env, .text = text};

    lo.dialect = env->dialect ? env->dialect : &ps_dialect_default;
    *out = (ps_statement){.n_params = ast->n_params};
    return ps_lower_statement(&lo, ast->node, out);
}

/* ---- errors ---- */

void *ps_lower_fail_at(ps_lower *lo, const ps_sql_node *node)
{
    if (lo->n_views == 0) ps_fail_at(lo->cx, node->start);
    return NULL;
}

void *ps_lower_fail(ps_lower *lo, const ps_sql_node *node, ps_status code, const char *format, ...)
{
    char message[sizeof lo->cx->error.message];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    ps_fail(lo->cx, code, "%s", message);
    return ps_lower_fail_at(lo, node);
}

void *ps_lower_unsupported(ps_lower *lo, const ps_sql_node *node, const char *what)
{
    return ps_lower_fail(lo, node, PS_UNSUPPORTED, "%s is not supported yet", what);
}

bool ps_lower_enter(ps_lower *lo, const ps_sql_node *node)
{
    if (lo->depth < PS_LOWER_DEPTH_MAX) {
        lo->depth++;
        return true;
    }
    ps_lower_fail(lo, node, PS_UNSUPPORTED,
                  "the statement (with its views) is nested deeper than %d levels",
                  PS_LOWER_DEPTH_MAX);
    return false;
}

/* ---- small builders ---- */

bool ps_lower_same(const ps_lower *lo, const ps_sql_ident *written, ps_str name)
{
    return ps_dialect_same_name(lo->dialect, written->text, written->quoted, name);
}

const ps_expr *ps_lower_column_of(ps_lower *lo, const ps_col *col)
{
    return ps_expr_column(lo->cx, lo->arena, col->id, col->type);
}

static const ps_expr *literal(ps_lower *lo, ps_value value)
{
    return ps_expr_literal(lo->cx, lo->arena, &value);
}

const ps_expr *ps_lower_int(ps_lower *lo, int64_t value)
{
    bool narrow = value >= INT32_MIN && value <= INT32_MAX;

    return literal(lo, ps_value_int(narrow ? PS_TYPE(INT32) : PS_TYPE(INT64), value));
}
const ps_expr *ps_lower_text(ps_lower *lo, ps_str text) { return literal(lo, ps_value_str(text)); }
const ps_expr *ps_lower_bool(ps_lower *lo, bool on) { return literal(lo, ps_value_bool(on)); }

const ps_expr *ps_lower_call1(ps_lower *lo, const char *name, const ps_expr *a)
{
    return a ? ps_func_call(lo->cx, lo->arena, ps_str_of(name), &a, 1) : NULL;
}

const ps_expr *ps_lower_call2(ps_lower *lo, const char *name, const ps_expr *a, const ps_expr *b)
{
    const ps_expr *args[] = {a, b};

    return a && b ? ps_func_call(lo->cx, lo->arena, ps_str_of(name), args, 2) : NULL;
}

ps_str ps_lower_print(ps_lower *lo, const ps_sql_node *node)
{
    ps_str out = {NULL, 0};
    ps_text text;

    ps_text_init(&text, lo->cx);
    ps_sql_print(node, &text);
    if (ps_text_status(&text) == PS_OK)
        out.at = ps_arena_strndup(lo->cx, lo->arena, text.at ? text.at : "", text.n);
    if (out.at) out.n = text.n;
    ps_text_release(&text);
    return out;
}

/* ---- casts ---- */

/* A literal's cast done now; *out NULL: it doesn't fit, so it stays a cast and fails when a row
 * needs it. False: failed. */
static bool cast_literal(ps_lower *lo, const ps_expr *e, ps_type type, const ps_expr **out)
{
    ps_value value;
    bool ok = false;

    *out = NULL;
    if (e->literal.null) return (*out = literal(lo, ps_value_null(type))) != NULL;
    ps_error kept = lo->cx->error;
    if (ps_cast_value(lo->cx, lo->arena, &e->literal, type, &ok, &value) != PS_OK) return false;
    if (ok) return (*out = literal(lo, value)) != NULL;
    lo->cx->error = kept;
    return true;
}

const ps_expr *ps_lower_cast(ps_lower *lo, const ps_expr *e, ps_type type, ps_cast_mode mode)
{
    if (!e || ps_type_equal(e->type, type)) return e;
    if (e->kind == PS_EXPR_LITERAL) {
        const ps_expr *now;

        if (!cast_literal(lo, e, type, &now)) return NULL;
        if (now) return ps_expr_place(now, e->at);
    }
    if (!ps_cast_exists(e->type, type)) {
        ps_text text;
        ps_text_init(&text, lo->cx);
        ps_type_print(e->type, &text);
        ps_text_puts(&text, " to ");
        ps_type_print(type, &text);
        ps_fail(lo->cx, PS_BIND, "there is no cast from %.*s", (int)text.n, text.n ? text.at : "");
        ps_text_release(&text);
        return NULL;
    }
    return ps_expr_place(ps_expr_cast(lo->cx, lo->arena, e, type, mode), e->at);
}

const ps_expr *ps_lower_condition(ps_lower *lo, const ps_expr *e)
{
    if (!e || e->type.id == PS_TYPE_BOOL) return e;
    bool fits = ps_type_is_numeric(e->type) || e->type.id == PS_TYPE_NULL ||
                (e->kind == PS_EXPR_LITERAL && e->type.id == PS_TYPE_STRING);
    if (fits) return ps_lower_cast(lo, e, PS_TYPE(BOOL), PS_CAST_ERROR);
    ps_text text;
    ps_text_init(&text, lo->cx);
    ps_type_print(e->type, &text);
    ps_fail(lo->cx, PS_BIND, "a condition must be BOOLEAN, this is %.*s", (int)text.n,
            text.n ? text.at : "");
    ps_text_release(&text);
    return NULL;
}

bool ps_lower_unify(ps_lower *lo, const ps_expr **exprs, uint32_t n, const char *what)
{
    ps_type type;

    if (n == 0) return true;
    if (!ps_type_common_exprs(exprs, n, &type)) {
        ps_text text;
        ps_text_init(&text, lo->cx);
        for (uint32_t i = 0; i < PS_MIN(n, 8u); i++) {
            if (i) ps_text_puts(&text, ", ");
            ps_type_print(exprs[i]->type, &text);
        }
        ps_fail(lo->cx, PS_BIND, "the values of %s have no common type: %.*s", what, (int)text.n,
                text.n ? text.at : "");
        ps_text_release(&text);
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        exprs[i] = ps_lower_cast(lo, exprs[i], type, PS_CAST_ERROR);
        if (!exprs[i]) return false;
    }
    return true;
}

/* {'a': 1}: structs are constants only, for options. */
static ps_status struct_constant(ps_lower *lo, const ps_sql_struct *node, const char *clause,
                                 ps_value *out)
{
    const uint32_t n = node->fields.n;
    ps_field *fields = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_field, n + 1);
    ps_value *items = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_value, n + 1);
    ps_type type;

    if (!fields || !items) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        const ps_sql_named *named = (const ps_sql_named *)(const void *)node->fields.at[i];

        PS_TRY(ps_lower_constant(lo, named->value, clause, &items[i]));
        fields[i] = (ps_field){.name = named->name.text, .type = items[i].type, .nullable = true};
    }
    PS_TRY(ps_type_struct(lo->cx, fields, n, &type));
    const ps_status kept = ps_type_keep(lo->cx, lo->arena, type);
    ps_type_unref(type);
    PS_TRY(kept);
    *out = (ps_value){.type = type, .items = items, .n_items = n};
    return PS_OK;
}

ps_status ps_lower_constant(ps_lower *lo, const ps_sql_node *node, const char *clause,
                            ps_value *out)
{
    ps_scope empty = {.outer = NULL};
    ps_lower_in in = {
        .lo = lo, .scope = &empty, .no_aggregates = true, .no_windows = true, .clause = clause};
    if (node->kind == PS_SQL_STRUCT) {
        if (!ps_lower_enter(lo, node)) return lo->cx->error.code;
        const ps_status st =
            struct_constant(lo, (const ps_sql_struct *)(const void *)node, clause, out);
        lo->depth--;
        return st;
    }
    const ps_expr *e = ps_lower_expr(&in, node);

    if (!e) return lo->cx->error.code;
    if (e->kind == PS_EXPR_LITERAL) return ps_value_copy(lo->cx, lo->arena, &e->literal, out);
    if (e->flags & (PS_EXPR_HAS_SUBQUERY | PS_EXPR_HAS_PARAM)) {
        ps_lower_fail(lo, node, PS_UNSUPPORTED, "%s takes constants only, for now", clause);
        return PS_UNSUPPORTED;
    }
    ps_status st = ps_eval_constant(lo->cx, lo->arena, e, out);
    if (st != PS_OK) ps_lower_fail_at(lo, node);
    return st;
}
