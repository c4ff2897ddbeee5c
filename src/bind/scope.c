/* bind/scope.c -- scopes and name lookup. Tests: tests/unit/test_lower.c, tests/slt/sql */
#include "bind/scope.h"
#include "bind/near.h"

ps_status ps_scope_add(ps_ctx *cx, ps_arena *arena, ps_scope *scope, ps_str schema, ps_str alias,
                       const ps_col *cols, uint32_t n)
{
    ps_scope_col *own = PS_ARENA_ARRAY(cx, arena, ps_scope_col, n + 1);

    if (!own) return cx->error.code;
    for (size_t i = 0; alias.n && i < scope->tables.n; i++) {
        const ps_scope_table *t = &scope->tables.at[i];
        if (ps_str_equal_nocase(t->name, alias) && ps_str_equal_nocase(t->schema, schema))
            return ps_fail(cx, PS_BIND, "two tables of one FROM have the name \"%.*s\"",
                           PS_STR_ARGS(alias));
    }
    for (uint32_t i = 0; i < n; i++) {
        own[i] = (ps_scope_col){cols[i].name, alias, cols[i].id, cols[i].type};
        PS_TRY(PS_ARRAY_ADD_IN(cx, arena, &scope->visible, own[i]));
    }
    return PS_ARRAY_ADD_IN(cx, arena, &scope->tables, (ps_scope_table){schema, alias, own, n});
}

static const ps_scope_col *merged_of(const ps_scope_col *merged, uint32_t n, ps_str name)
{
    for (uint32_t i = 0; i < n; i++)
        if (ps_str_equal_nocase(merged[i].name, name)) return &merged[i];
    return NULL;
}

ps_status ps_scope_join(ps_ctx *cx, ps_arena *arena, ps_scope *left, const ps_scope *right,
                        const ps_scope_col *merged, uint32_t n_merged)
{
    for (size_t i = 0; i < right->tables.n; i++) {
        const ps_scope_table *r = &right->tables.at[i];
        for (size_t k = 0; r->name.n && k < left->tables.n; k++) {
            const ps_scope_table *l = &left->tables.at[k];
            if (ps_str_equal_nocase(l->name, r->name) && ps_str_equal_nocase(l->schema, r->schema))
                return ps_fail(cx, PS_BIND, "two tables of one FROM have the name \"%.*s\"",
                               PS_STR_ARGS(r->name));
        }
        PS_TRY(PS_ARRAY_ADD_IN(cx, arena, &left->tables, *r));
    }
    for (size_t i = 0; i < left->visible.n; i++) {
        const ps_scope_col *m = merged_of(merged, n_merged, left->visible.at[i].name);
        if (m) left->visible.at[i] = *m;
    }
    for (size_t i = 0; i < right->visible.n; i++) {
        if (merged_of(merged, n_merged, right->visible.at[i].name)) continue;
        PS_TRY(PS_ARRAY_ADD_IN(cx, arena, &left->visible, right->visible.at[i]));
    }
    left->read_from_inside |= right->read_from_inside;
    return PS_OK;
}

static bool same(const ps_dialect *d, const ps_name *written, ps_str name)
{
    return ps_dialect_same_name(d, written->text, written->quoted, name);
}

static ps_status ambiguous(ps_ctx *cx, const ps_name *name, const ps_scope_col *a,
                           const ps_scope_col *b)
{
    ps_fail(cx, PS_BIND, "the column name \"%.*s\" is ambiguous: %.*s.%.*s or %.*s.%.*s",
            PS_STR_ARGS(name->text), PS_STR_ARGS(a->table), PS_STR_ARGS(a->name),
            PS_STR_ARGS(b->table), PS_STR_ARGS(b->name));
    ps_fail_at(cx, name->at);
    return PS_BIND;
}

static ps_status find_visible(ps_ctx *cx, const ps_dialect *d, const ps_scope *scope,
                              const ps_name *name, const ps_scope_col **out)
{
    *out = NULL;
    for (size_t i = 0; i < scope->visible.n; i++) {
        const ps_scope_col *col = &scope->visible.at[i];
        if (!same(d, name, col->name)) continue;
        if (*out && (*out)->id != col->id) return ambiguous(cx, name, *out, col);
        *out = col;
    }
    return PS_OK;
}

const ps_scope_table *ps_scope_table_of(const ps_dialect *d, const ps_scope *scope,
                                        const ps_name *parts, uint32_t n)
{
    for (size_t i = 0; i < scope->tables.n; i++) {
        const ps_scope_table *t = &scope->tables.at[i];
        if (!same(d, &parts[n - 1], t->name)) continue;
        if (n >= 2 && t->schema.n && !same(d, &parts[n - 2], t->schema)) continue;
        return t;
    }
    return NULL;
}

static ps_status find_in_table(ps_ctx *cx, const ps_dialect *d, const ps_scope_table *table,
                               const ps_name *name, const ps_scope_col **out)
{
    *out = NULL;
    for (uint32_t i = 0; i < table->n; i++) {
        if (!same(d, name, table->cols[i].name)) continue;
        if (*out) return ambiguous(cx, name, *out, &table->cols[i]);
        *out = &table->cols[i];
    }
    return PS_OK;
}

ps_status ps_scope_find_in(ps_ctx *cx, const ps_dialect *d, const ps_scope *scope,
                           const ps_name *parts, uint32_t n, ps_scope_hit *out)
{
    *out = (ps_scope_hit){0};
    /* the longest qualification first: s.t.a, t.a, then a with fields */
    for (uint32_t q = PS_MIN(n - 1, 3u); q >= 1; q--) {
        const ps_scope_table *table = ps_scope_table_of(d, scope, parts, q);
        if (!table) continue;
        PS_TRY(find_in_table(cx, d, table, &parts[q], &out->col));
        if (out->col) {
            out->n_used = q + 1;
            return PS_OK;
        }
    }
    PS_TRY(find_visible(cx, d, scope, &parts[0], &out->col));
    if (out->col && n > 1 && out->col->type.id != PS_TYPE_STRUCT) out->col = NULL;
    out->n_used = 1;
    return PS_OK;
}

ps_status ps_scope_find(ps_ctx *cx, const ps_dialect *d, ps_scope *scope, const ps_name *parts,
                        uint32_t n, ps_scope_hit *out)
{
    *out = (ps_scope_hit){0};
    for (ps_scope *s = scope; s; s = s->outer) {
        PS_TRY(ps_scope_find_in(cx, d, s, parts, n, out));
        if (!out->col) continue;
        if (s != scope) s->read_from_inside = true;
        return PS_OK;
    }
    return PS_OK;
}

bool ps_scope_has(const ps_scope *scope, ps_col_id id)
{
    for (size_t i = 0; i < scope->visible.n; i++)
        if (scope->visible.at[i].id == id) return true;
    for (size_t t = 0; t < scope->tables.n; t++)
        for (uint32_t i = 0; i < scope->tables.at[t].n; i++)
            if (scope->tables.at[t].cols[i].id == id) return true;
    return false;
}

ps_status ps_scope_unknown(ps_ctx *cx, const ps_dialect *d, const ps_scope *scope,
                           const ps_name *parts, uint32_t n)
{
    const ps_scope_table *table = NULL;

    for (const ps_scope *s = scope; n > 1 && s && !table; s = s->outer)
        table = ps_scope_table_of(d, s, parts, n - 1);
    ps_near near = ps_near_of(n > 1 && !table ? parts[n - 2].text : parts[n - 1].text);
    for (const ps_scope *s = scope; s && !table; s = s->outer) {
        for (size_t i = 0; n == 1 && i < s->visible.n; i++)
            ps_near_add(&near, s->visible.at[i].name);
        for (size_t i = 0; n > 1 && i < s->tables.n; i++) ps_near_add(&near, s->tables.at[i].name);
    }
    for (uint32_t i = 0; table && i < table->n; i++) ps_near_add(&near, table->cols[i].name);
    if (table)
        ps_fail(cx, PS_BIND, "table \"%.*s\" has no column \"%.*s\"", PS_STR_ARGS(table->name),
                PS_STR_ARGS(parts[n - 1].text));
    else if (n > 1)
        ps_fail(cx, PS_BIND, "no table of this FROM has the name \"%.*s\"",
                PS_STR_ARGS(parts[n - 2].text));
    else ps_fail(cx, PS_BIND, "no column has the name \"%.*s\"", PS_STR_ARGS(parts[0].text));
    ps_near_hint(cx, &near);
    ps_fail_at(cx, parts[0].at);
    return PS_BIND;
}
