/* front/sql/lower_setop.c -- UNION, INTERSECT, EXCEPT: types unified by casts, names from the first
 * input.
 *
 * UNION without ALL is DISTINCT over UNION ALL. Tests: tests/unit/test_lower.c,
 * tests/slt/sql/setop.test */
#include "front/sql/lower_int.h"

static bool unify_types(ps_lower *lo, const ps_sql_setop *ast, const ps_node **inputs, uint32_t n,
                        ps_type *types)
{
    for (uint32_t c = 0; c < inputs[0]->n_cols; c++) {
        types[c] = inputs[0]->cols[c].type;
        for (uint32_t i = 1; i < n; i++) {
            ps_type common;
            if (ps_type_common(types[c], inputs[i]->cols[c].type, &common)) {
                types[c] = common;
                continue;
            }
            ps_text text;
            ps_text_init(&text, lo->cx);
            ps_type_print(types[c], &text);
            ps_text_puts(&text, ", ");
            ps_type_print(inputs[i]->cols[c].type, &text);
            ps_lower_fail(lo, ast->inputs.at[i], PS_BIND,
                          "column %u of the inputs has no common type: %.*s", c + 1, (int)text.n,
                          text.n ? text.at : "");
            ps_text_release(&text);
            return false;
        }
    }
    return true;
}

static const ps_node *combine(ps_lower *lo, ps_setop op, const ps_node **inputs, uint32_t n)
{
    ps_col *cols = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_col, inputs[0]->n_cols + 1);

    if (!cols) return NULL;
    for (uint32_t c = 0; c < inputs[0]->n_cols; c++) {
        cols[c] = inputs[0]->cols[c];
        cols[c].id = ps_planner_id(lo->p);
    }
    return ps_node_setop_new(lo->p, op, inputs, n, cols);
}

/* ---- BY NAME ---- */

static const ps_col *named(const ps_node *node, ps_str name)
{
    for (uint32_t i = 0; i < node->n_cols; i++)
        if (ps_str_equal_nocase(node->cols[i].name, name)) return &node->cols[i];
    return NULL;
}

/* The input's columns in the order of cols, nulls where it has none of that name. */
static const ps_node *in_order(ps_lower *lo, const ps_node *input, const ps_col *cols, uint32_t n)
{
    ps_item *items = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_item, n + 1);
    const ps_value null = ps_value_null(PS_TYPE(NULL));

    for (uint32_t i = 0; items && i < n; i++) {
        const ps_col *col = named(input, cols[i].name);

        items[i].expr = col ? ps_expr_column(lo->cx, lo->arena, col->id, col->type)
                            : ps_expr_literal(lo->cx, lo->arena, &null);
        if (!items[i].expr) return NULL;
        items[i].col = (ps_col){ps_planner_id(lo->p), items[i].expr->type, true, cols[i].name};
    }
    return items ? ps_node_project_new(lo->p, input, items, n) : NULL;
}

/* Each input gets every name that some input has, by first appearance. */
static bool match_names(ps_lower *lo, const ps_sql_setop *ast, const ps_node **inputs, uint32_t n)
{
    PS_ARRAY(ps_col) cols = {0};

    if (ast->op != PS_SQL_SETOP_UNION)
        return ps_lower_unsupported(lo, &ast->head, "INTERSECT and EXCEPT BY NAME"), false;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t c = 0; c < inputs[i]->n_cols; c++) {
            const ps_col *col = &inputs[i]->cols[c];
            bool known = false;

            if (named(inputs[i], col->name) != col) {
                ps_lower_fail(lo, ast->inputs.at[i], PS_BIND,
                              "BY NAME needs names that differ: %.*s", PS_STR_ARGS(col->name));
                return false;
            }
            for (size_t k = 0; k < cols.n && !known; k++)
                known = ps_str_equal_nocase(cols.at[k].name, col->name);
            if (!known && PS_ARRAY_ADD_IN(lo->cx, lo->arena, &cols, *col) != PS_OK) return false;
        }
    }
    for (uint32_t i = 0; i < n; i++)
        if (!(inputs[i] = in_order(lo, inputs[i], cols.at, (uint32_t)cols.n))) return false;
    return true;
}

const ps_node *ps_lower_setop(ps_lower *lo, const ps_sql_setop *ast, ps_scope *outer)
{
    const uint32_t n = ast->inputs.n;
    const ps_node **inputs = PS_ARENA_ARRAY(lo->cx, lo->arena, const ps_node *, n + 1);

    for (uint32_t i = 0; inputs && i < n; i++)
        if (!(inputs[i] = ps_lower_query(lo, ast->inputs.at[i], outer))) return NULL;
    if (!inputs || (ast->by_name && !match_names(lo, ast, inputs, n))) return NULL;
    for (uint32_t i = 0; i < n; i++) {
        if (inputs[i]->n_cols != inputs[0]->n_cols)
            return ps_lower_fail(lo, ast->inputs.at[i], PS_BIND,
                                 "the inputs have %u and %u columns", inputs[0]->n_cols,
                                 inputs[i]->n_cols);
    }
    ps_type *types = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_type, inputs[0]->n_cols + 1);
    if (!types || !unify_types(lo, ast, inputs, n, types)) return NULL;
    for (uint32_t i = 0; i < n; i++)
        if (!(inputs[i] = ps_lower_cast_cols(lo, inputs[i], types, NULL))) return NULL;
    if (ast->op == PS_SQL_SETOP_UNION) {
        const ps_node *node = combine(lo, PS_SETOP_UNION_ALL, inputs, n);
        return node && !ast->all
                   ? ps_node_distinct_new(lo->p, node, (const ps_expr *const *)NULL, 0)
                   : node;
    }
    ps_setop op = ast->op == PS_SQL_SETOP_INTERSECT
                      ? (ast->all ? PS_SETOP_INTERSECT_ALL : PS_SETOP_INTERSECT)
                      : (ast->all ? PS_SETOP_EXCEPT_ALL : PS_SETOP_EXCEPT);
    const ps_node *node = inputs[0];
    for (uint32_t i = 1; node && i < n; i++) {
        const ps_node *pair[] = {node, inputs[i]};
        node = combine(lo, op, pair, 2);
    }
    return node;
}
