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

const ps_node *ps_lower_setop(ps_lower *lo, const ps_sql_setop *ast, ps_scope *outer)
{
    const uint32_t n = ast->inputs.n;
    const ps_node **inputs = PS_ARENA_ARRAY(lo->cx, lo->arena, const ps_node *, n + 1);

    if (ast->by_name) return ps_lower_unsupported(lo, &ast->head, "a set operation BY NAME");
    for (uint32_t i = 0; inputs && i < n; i++) {
        if (!(inputs[i] = ps_lower_query(lo, ast->inputs.at[i], outer))) return NULL;
        if (inputs[i]->n_cols != inputs[0]->n_cols)
            return ps_lower_fail(lo, ast->inputs.at[i], PS_BIND,
                                 "the inputs have %u and %u columns", inputs[0]->n_cols,
                                 inputs[i]->n_cols);
    }
    if (!inputs) return NULL;
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
