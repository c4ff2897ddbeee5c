/* front/sql/lower_items.c -- the SELECT list: stars, aliases, names of columns.
 *
 * Tests: tests/unit/test_lower.c, tests/slt/sql/star.test */
#include "front/sql/lower_int.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

const ps_expr *ps_lower_item_expr(ps_lower_items *items, size_t i)
{
    ps_lower_item *item = &items->list.at[i];
    ps_lower *lo = items->in.lo;

    if (item->expr) return item->expr;
    if (item->busy)
        return ps_lower_fail(lo, item->ast, PS_BIND, "the alias \"%.*s\" is defined by itself",
                             PS_STR_ARGS(item->name));
    item->busy = true;
    const ps_expr *e = ps_lower_expr(&items->in, item->ast);
    item = &items->list.at[i];
    item->busy = false;
    item->expr = e;
    return e;
}

/* The name of a column without an alias, as DuckDB's users know it where that is short. False:
 * failed. */
static bool name_of(ps_lower_select *s, const ps_sql_node *ast, ps_str *out)
{
    const ps_sql_column *column = ps_sql_as(column, COLUMN, ast);
    const ps_sql_call *call = ps_sql_as(call, CALL, ast);
    const ps_sql_field *field = ps_sql_as(field, FIELD, ast);

    if (column) {
        const ps_sql_ident *last = &column->parts.at[column->parts.n - 1];
        *out = last->text;
        /* the case of the definition, not of the use */
        for (size_t i = s->scope.visible.n; i-- > 0;)
            if (ps_lower_same(s->lo, last, s->scope.visible.at[i].name))
                *out = s->scope.visible.at[i].name;
    } else if (field) {
        *out = field->name.text;
    } else if (call && call->args.n == 1 && call->args.at[0]->kind == PS_SQL_STAR && !call->over &&
               !call->filter) {
        *out = PS_STR("count_star()");
    } else {
        *out = ps_lower_print(s->lo, ast);
        return out->at != NULL;
    }
    return true;
}

/* ---- stars ---- */

static bool add_column(ps_lower_select *s, const ps_scope_col *col, ps_str name)
{
    ps_lower *lo = s->lo;
    ps_lower_item item = {.name = name,
                          .expr = ps_expr_column(lo->cx, lo->arena, col->id, col->type)};

    return item.expr && PS_ARRAY_ADD_IN(lo->cx, lo->arena, &s->items.list, item) == PS_OK;
}

static bool names_column(const ps_lower *lo, const ps_sql_node *node, const ps_scope_col *col)
{
    const ps_sql_column *column = ps_sql_as(column, COLUMN, node);

    if (!column) return false;
    const uint32_t n = column->parts.n;
    if (!ps_lower_same(lo, &column->parts.at[n - 1], col->name)) return false;
    return n == 1 || ps_lower_same(lo, &column->parts.at[n - 2], col->table);
}

static bool is_excluded(const ps_lower *lo, const ps_sql_star *star, const ps_scope_col *col,
                        bool *used)
{
    for (uint32_t i = 0; i < star->exclude.n; i++)
        if (names_column(lo, star->exclude.at[i], col)) return used[i] = true;
    return false;
}

/* REPLACE (expr AS col): the item that stands for col; NULL: none. */
static const ps_sql_item *replacement(const ps_lower *lo, const ps_sql_star *star,
                                      const ps_scope_col *col, bool *used)
{
    for (uint32_t i = 0; i < star->replace.n; i++) {
        const ps_sql_item *item = (const ps_sql_item *)(const void *)star->replace.at[i];
        if (!ps_lower_same(lo, &item->alias, col->name)) continue;
        used[star->exclude.n + i] = true;
        return item;
    }
    return NULL;
}

static ps_str renamed(const ps_lower *lo, const ps_sql_star *star, const ps_scope_col *col,
                      bool *used)
{
    for (uint32_t i = 0; i < star->rename.n; i++) {
        const ps_sql_rename *rename = (const ps_sql_rename *)(const void *)star->rename.at[i];
        if (!names_column(lo, rename->column, col)) continue;
        used[star->exclude.n + star->replace.n + i] = true;
        return rename->name.text;
    }
    return col->name;
}

static bool all_used(ps_lower *lo, const ps_sql_star *star, const bool *used)
{
    const ps_sql_list *lists[] = {&star->exclude, &star->replace, &star->rename};
    uint32_t at = 0;

    for (size_t k = 0; k < PS_COUNT(lists); k++)
        for (uint32_t i = 0; i < lists[k]->n; i++, at++) {
            if (used[at]) continue;
            ps_lower_fail(lo, lists[k]->at[i], PS_BIND, "the star has no column of this name");
            return false;
        }
    return true;
}

/* The columns a star stands for: all visible ones, or one table's. */
static bool star_columns(ps_lower_select *s, const ps_sql_star *star, const ps_scope_col **cols,
                         size_t *n)
{
    ps_lower *lo = s->lo;
    ps_name parts[3];

    *cols = s->scope.visible.at;
    *n = s->scope.visible.n;
    if (star->table.n == 0) {
        if (s->scope.tables.n) return true;
        ps_lower_fail(lo, &star->head, PS_BIND, "* needs a FROM");
        return false;
    }
    if (star->table.n > 3) {
        ps_lower_fail(lo, &star->head, PS_BIND, "a name has up to three parts");
        return false;
    }
    for (uint32_t i = 0; i < star->table.n; i++)
        parts[i] =
            (ps_name){star->table.at[i].text, star->table.at[i].quoted, star->table.at[i].offset};
    const ps_scope_table *table = ps_scope_table_of(lo->dialect, &s->scope, parts, star->table.n);
    if (!table) {
        ps_near near = ps_near_of(parts[star->table.n - 1].text);
        for (size_t i = 0; i < s->scope.tables.n; i++)
            ps_near_add(&near, s->scope.tables.at[i].name);
        ps_fail(lo->cx, PS_BIND, "no table of this FROM has the name \"%.*s\"",
                PS_STR_ARGS(near.wanted));
        ps_near_hint(lo->cx, &near);
        ps_lower_fail_at(lo, &star->head);
        return false;
    }
    *cols = table->cols;
    *n = table->n;
    return true;
}

static bool expand_star(ps_lower_select *s, const ps_sql_star *star)
{
    ps_lower *lo = s->lo;
    const ps_scope_col *cols;
    size_t n;
    bool *used = PS_ARENA_ARRAY(lo->cx, lo->arena, bool,
                                star->exclude.n + star->replace.n + star->rename.n + 1);

    if (star->like_op.n) return ps_lower_unsupported(lo, &star->head, "* with a pattern"), false;
    if (!used || !star_columns(s, star, &cols, &n)) return false;
    for (size_t i = 0; i < n; i++) {
        if (is_excluded(lo, star, &cols[i], used)) continue;
        const ps_sql_item *item = replacement(lo, star, &cols[i], used);
        if (!item) {
            if (!add_column(s, &cols[i], renamed(lo, star, &cols[i], used))) return false;
            continue;
        }
        const ps_lower_item made = {.ast = item->expr, .name = cols[i].name};
        if (PS_ARRAY_ADD_IN(lo->cx, lo->arena, &s->items.list, made) != PS_OK) return false;
    }
    return all_used(lo, star, used);
}

/* COLUMNS('regex'): the visible columns whose names match somewhere. */
static bool expand_columns(ps_lower_select *s, const ps_sql_columns *node)
{
    ps_lower *lo = s->lo;
    const ps_sql_string *pattern = ps_sql_as(string, STRING, node->arg);
    const ps_sql_star *star = ps_sql_as(star, STAR, node->arg);
    size_t before = s->items.list.n, bad;
    int code;

    if (node->unpack || (!pattern && !star))
        return ps_lower_unsupported(lo, &node->head, "this form of COLUMNS"), false;
    if (star) return expand_star(s, star);
    pcre2_code *regex = pcre2_compile((PCRE2_SPTR)pattern->value.at, pattern->value.n,
                                      PCRE2_UTF | PCRE2_CASELESS, &code, &bad, NULL);
    pcre2_match_data *match = regex ? pcre2_match_data_create(1, NULL) : NULL;
    bool ok = match != NULL;
    if (!regex)
        ps_lower_fail(lo, node->arg, PS_BIND, "the pattern of COLUMNS is not a regular expression");
    else if (!match) ps_fail_memory(lo->cx, 64);
    for (size_t i = 0; ok && i < s->scope.visible.n; i++) {
        const ps_scope_col *col = &s->scope.visible.at[i];
        if (pcre2_match(regex, (PCRE2_SPTR)col->name.at, col->name.n, 0, 0, match, NULL) >= 0)
            ok = add_column(s, col, col->name);
    }
    pcre2_match_data_free(match);
    pcre2_code_free(regex);
    if (ok && s->items.list.n == before)
        ok = ps_lower_fail(lo, node->arg, PS_BIND, "no column matches the pattern") != NULL;
    return ok;
}

bool ps_lower_items_expand(ps_lower_select *s)
{
    ps_lower *lo = s->lo;

    for (uint32_t i = 0; i < s->ast->items.n; i++) {
        const ps_sql_item *ast = (const ps_sql_item *)(const void *)s->ast->items.at[i];
        if (ast->expr->kind == PS_SQL_STAR || ast->expr->kind == PS_SQL_COLUMNS) {
            bool ok = ast->expr->kind == PS_SQL_STAR
                          ? expand_star(s, (const ps_sql_star *)(const void *)ast->expr)
                          : expand_columns(s, (const ps_sql_columns *)(const void *)ast->expr);
            if (!ok) return false;
            continue;
        }
        ps_lower_item item = {.ast = ast->expr,
                              .name = ast->alias.text,
                              .aliased = ast->alias.text.n > 0,
                              .quoted = ast->alias.quoted};
        if (!item.aliased && !name_of(s, ast->expr, &item.name)) return false;
        if (PS_ARRAY_ADD_IN(lo->cx, lo->arena, &s->items.list, item) != PS_OK) return false;
    }
    return true;
}
