/* bind/join.c -- join conditions taken apart. Tests: tests/unit/test_lower.c, tests/slt/sql */
#include "bind/join.h"
#include "func/func.h"

typedef struct reads_state {
    const ps_node *node;
    ps_reads reads;
} reads_state;

static bool reads_visit(const ps_expr *e, void *user)
{
    reads_state *s = user;

    if (e->kind == PS_EXPR_SUBQUERY) s->reads = PS_READS_OTHERS;
    if (e->kind == PS_EXPR_COLUMN && s->reads != PS_READS_OTHERS)
        s->reads = ps_node_find_col(s->node, e->column) ? PS_READS_ONLY : PS_READS_OTHERS;
    return s->reads != PS_READS_OTHERS;
}

ps_reads ps_expr_reads(const ps_expr *expr, const ps_node *node)
{
    reads_state s = {node, PS_READS_NONE};

    ps_expr_visit(expr, reads_visit, &s);
    return s.reads;
}

static bool as_key(const ps_node *left, const ps_node *right, const ps_expr *e, ps_join_key *out)
{
    if (e->kind != PS_EXPR_CALL || e->n_args != 2 || ps_expr_is_volatile(e)) return false;
    bool null_equal = strcmp(e->func->name, "is_not_distinct_from") == 0;
    if (!null_equal && strcmp(e->func->name, "=") != 0) return false;
    for (uint32_t flip = 0; flip < 2; flip++) {
        const ps_expr *l = e->args[flip], *r = e->args[1 - flip];
        if (ps_expr_reads(l, left) == PS_READS_ONLY && ps_expr_reads(r, right) == PS_READS_ONLY &&
            ps_type_equal(l->type, r->type)) {
            *out = (ps_join_key){l, r, null_equal};
            return true;
        }
    }
    return false;
}

ps_status ps_join_split(ps_planner *p, const ps_node *left, const ps_node *right,
                        const ps_expr *condition, ps_join_spec *spec)
{
    if (!condition) return PS_OK;
    bool conjunction = condition->kind == PS_EXPR_AND;
    uint32_t n = conjunction ? condition->n_args : 1, n_rest = 0;
    const ps_expr *const *conjuncts = conjunction ? condition->args : &condition;
    ps_join_key *keys = PS_ARENA_ARRAY(p->cx, p->arena, ps_join_key, n);
    const ps_expr **rest = PS_ARENA_ARRAY(p->cx, p->arena, const ps_expr *, n);

    if (!keys || !rest) return p->cx->error.code;
    spec->keys = keys;
    for (uint32_t i = 0; i < n; i++)
        if (as_key(left, right, conjuncts[i], &keys[spec->n_keys])) spec->n_keys++;
        else rest[n_rest++] = conjuncts[i];
    if (n_rest == 0) return PS_OK;
    spec->residual = ps_expr_and(p->cx, p->arena, rest, n_rest);
    return spec->residual ? PS_OK : p->cx->error.code;
}
