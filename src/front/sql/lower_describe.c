/* front/sql/lower_describe.c -- DESCRIBE and SHOW TABLES: rows about columns and tables, as VALUES
 * plans.
 *
 * Tests: tests/unit/test_lower.c, tests/slt/sql/statement.test */
#include "front/sql/lower_int.h"

#include <stdlib.h>

/* A VALUES node of text cells, row by row; a cell with .at NULL is null. */
static const ps_node *text_rows(ps_lower *lo, const char *const *names, uint32_t n_cols,
                                const ps_str *cells, uint32_t n_rows)
{
    ps_col *cols = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_col, n_cols + 1);
    const ps_expr **exprs = PS_ARENA_ARRAY(lo->cx, lo->arena, const ps_expr *, n_rows *n_cols + 1);

    if (!cols || !exprs) return NULL;
    for (uint32_t i = 0; i < n_cols; i++)
        cols[i] = (ps_col){ps_planner_id(lo->p), PS_TYPE(STRING), false, ps_str_of(names[i])};
    for (uint32_t i = 0; i < n_rows * n_cols; i++) {
        ps_value value = cells[i].at ? ps_value_str(cells[i]) : ps_value_null(PS_TYPE(STRING));
        if (!(exprs[i] = ps_expr_literal(lo->cx, lo->arena, &value))) return NULL;
    }
    return ps_node_values_new(lo->p, cols, n_cols, exprs, n_rows * n_cols);
}

static bool type_text(ps_lower *lo, ps_type type, ps_str *out)
{
    ps_text text;

    ps_text_init(&text, lo->cx);
    ps_type_print(type, &text);
    *out = (ps_str){NULL, text.n};
    if (ps_text_status(&text) == PS_OK)
        out->at = ps_arena_strndup(lo->cx, lo->arena, text.at ? text.at : "", text.n);
    ps_text_release(&text);
    return out->at != NULL;
}

/* What is described: a query, a table or view, a file. */
static const ps_node *described(ps_lower *lo, const ps_sql_describe *node)
{
    const ps_sql_node head = {.depth = 1, .start = node->head.start, .end = node->head.end};
    ps_scope scope;

    if (node->query) return ps_lower_query(lo, node->query, NULL);
    if (node->path.n) {
        ps_sql_file file = {.head = head, .path = node->path};
        file.head.kind = PS_SQL_FILE;
        return ps_lower_table(lo, &file.head, NULL, &scope);
    }
    ps_sql_table table = {.head = head, .name = node->name};
    table.head.kind = PS_SQL_TABLE;
    return ps_lower_table(lo, &table.head, NULL, &scope);
}

const ps_node *ps_lower_describe(ps_lower *lo, const ps_sql_describe *node)
{
    static const char *const names[] = {"column_name", "column_type", "null",
                                        "key",         "default",     "extra"};
    const uint32_t n_names = PS_COUNT(names);

    if (node->summarize) return ps_lower_unsupported(lo, &node->head, "SUMMARIZE");
    if (!node->query && !node->path.n && !node->name.n) {
        const ps_sql_show tables = {.head = node->head, .tables = true};
        return ps_lower_show(lo, &tables);
    }
    const ps_node *plan = described(lo, node);
    ps_str *cells =
        plan ? PS_ARENA_ARRAY(lo->cx, lo->arena, ps_str, plan->n_cols * n_names + 1) : NULL;
    if (!cells) return NULL;
    for (uint32_t i = 0; i < plan->n_cols; i++) {
        ps_str *row = &cells[i * n_names];
        row[0] = plan->cols[i].name.at ? plan->cols[i].name : PS_STR("");
        if (!type_text(lo, plan->cols[i].type, &row[1])) return NULL;
        row[2] = node->query || plan->cols[i].nullable ? PS_STR("YES") : PS_STR("NO");
    }
    return text_rows(lo, names, n_names, cells, plan->n_cols);
}

typedef struct name_list {
    ps_lower *lo;
    PS_ARRAY(ps_str) names;
    bool failed;
} name_list;

static void add_name(void *user, ps_str name)
{
    name_list *list = user;
    const char *copy = ps_arena_strndup(list->lo->cx, list->lo->arena, name.at, name.n);

    if (!copy || PS_ARRAY_ADD_IN(list->lo->cx, list->lo->arena, &list->names,
                                 (ps_str){copy, name.n}) != PS_OK)
        list->failed = true;
}

static int compare_names(const void *a, const void *b)
{
    return ps_str_compare(*(const ps_str *)a, *(const ps_str *)b);
}

const ps_node *ps_lower_show(ps_lower *lo, const ps_sql_show *node)
{
    static const char *const columns[] = {"name"};
    name_list list = {.lo = lo};

    if (node->all_tables) return ps_lower_unsupported(lo, &node->head, "SHOW ALL TABLES");
    if (!node->tables) return ps_lower_unsupported(lo, &node->head, "SHOW of a setting here");
    if (node->name.n) return ps_lower_unsupported(lo, &node->head, "SHOW TABLES FROM");
    lo->env->names(lo->env->user, 0, add_name, &list);
    if (list.failed) return NULL;
    if (list.names.n) qsort(list.names.at, list.names.n, sizeof(ps_str), compare_names);
    return text_rows(lo, columns, 1, list.names.at, (uint32_t)list.names.n);
}
