/* front/sql/lower_join.c -- joins: ON, USING, NATURAL, LATERAL.
 *
 * A merged column of USING is the left one, the right one for a right join, and a projected
 * coalesce for a full join. Tests: tests/unit/test_lower.c, tests/slt/sql/join.test */
#include "front/sql/lower_int.h"

const ps_node *ps_lower_cross(ps_lower *lo, const ps_node *left, ps_scope *left_scope,
                              const ps_node *right, const ps_scope *right_scope, bool lateral)
{
    const ps_join_spec spec = {.kind = PS_JOIN_CROSS, .lateral = lateral};

    if (ps_scope_join(lo->cx, lo->arena, left_scope, right_scope, NULL, 0) != PS_OK) return NULL;
    return ps_node_join_new(lo->p, left, right, &spec);
}

/* A join being made. */
typedef struct joining {
    ps_lower *lo;
    const ps_sql_join *ast;
    const ps_node *left, *right;
    ps_scope *scope; /* left's, then the join's */
    ps_scope right_scope;
    ps_join_spec spec;
    ps_scope_col *merged;
    uint32_t n_merged;
} joining;

static bool keeps_left_only(ps_join_kind kind)
{
    return kind == PS_JOIN_SEMI || kind == PS_JOIN_ANTI;
}

static bool kind_of(ps_lower *lo, const ps_sql_join *ast, ps_join_kind *out)
{
    static const ps_join_kind kinds[] = {PS_JOIN_INNER, PS_JOIN_LEFT, PS_JOIN_RIGHT, PS_JOIN_FULL,
                                         PS_JOIN_CROSS, PS_JOIN_SEMI, PS_JOIN_ANTI};

    if (ast->asof || ast->kind == PS_SQL_JOIN_POSITIONAL) {
        ps_lower_unsupported(lo, &ast->head, ast->asof ? "ASOF JOIN" : "POSITIONAL JOIN");
        return false;
    }
    *out = kinds[ast->kind];
    return true;
}

static const ps_scope_col *visible(joining *j, const ps_scope *scope, const ps_sql_ident *name)
{
    ps_lower *lo = j->lo;
    const ps_name part = {name->text, name->quoted, name->offset};
    ps_scope_hit hit;

    if (ps_scope_find_in(lo->cx, lo->dialect, scope, &part, 1, &hit) != PS_OK) return NULL;
    if (hit.col) return hit.col;
    ps_scope alone = {.visible = {scope->visible.at, scope->visible.n, scope->visible.room}};
    ps_scope_unknown(lo->cx, lo->dialect, &alone, &part, 1);
    return NULL;
}

/* One pair of USING: a key, and the column that stands for both. */
static bool merge(joining *j, const ps_sql_ident *name, ps_join_key *key)
{
    ps_lower *lo = j->lo;
    const ps_scope_col *l = visible(j, j->scope, name),
                       *r = l ? visible(j, &j->right_scope, name) : NULL;

    if (!r) return false;
    const ps_expr *sides[] = {ps_expr_column(lo->cx, lo->arena, l->id, l->type),
                              ps_expr_column(lo->cx, lo->arena, r->id, r->type)};
    const ps_expr *equal =
        sides[0] && sides[1] ? ps_func_call(lo->cx, lo->arena, PS_STR("="), sides, 2) : NULL;
    if (!equal) return false;
    *key = (ps_join_key){equal->args[0], equal->args[1], false};
    ps_scope_col *m = &j->merged[j->n_merged++];
    *m = j->spec.kind == PS_JOIN_RIGHT ? *r : *l;
    m->name = l->name;
    m->table = (ps_str){"", 0};
    if (j->spec.kind == PS_JOIN_FULL) m->id = PS_COL_NONE, m->type = equal->args[0]->type;
    return true;
}

static bool join_using(joining *j, const ps_sql_idents *names)
{
    ps_lower *lo = j->lo;
    ps_join_key *keys = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_join_key, names->n + 1);

    j->merged = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_scope_col, names->n + 1);
    if (!keys || !j->merged) return false;
    for (uint32_t i = 0; i < names->n; i++) {
        if (merge(j, &names->at[i], &keys[i])) continue;
        if (lo->n_views == 0) ps_fail_at(lo->cx, names->at[i].offset);
        return false;
    }
    j->spec.keys = keys;
    j->spec.n_keys = names->n;
    return true;
}

static bool join_natural(joining *j)
{
    ps_lower *lo = j->lo;
    const size_t n = j->scope->visible.n;
    ps_sql_idents names = {PS_ARENA_ARRAY(lo->cx, lo->arena, ps_sql_ident, n + 1), 0, (uint32_t)n};

    if (!names.at) return false;
    for (size_t i = 0; i < n; i++) {
        ps_str name = j->scope->visible.at[i].name;
        bool shared = false;
        for (size_t k = 0; k < j->right_scope.visible.n; k++)
            shared |= ps_str_equal_nocase(name, j->right_scope.visible.at[k].name);
        if (shared) names.at[names.n++] = (ps_sql_ident){name, j->ast->head.start, false};
    }
    if (names.n) return join_using(j, &names);
    ps_lower_fail(lo, &j->ast->head, PS_BIND,
                  "the tables of a natural join have no column name in common");
    return false;
}

/* The coalesced columns of a full join, projected above it. */
static const ps_node *coalesce_merged(joining *j, const ps_node *node)
{
    ps_lower *lo = j->lo;
    ps_item *items = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_item, node->n_cols + j->n_merged + 1);
    uint32_t n = 0;

    if (!items) return NULL;
    for (; n < node->n_cols; n++)
        if (!(items[n] = (ps_item){node->cols[n], ps_lower_column_of(lo, &node->cols[n])}).expr)
            return NULL;
    for (uint32_t i = 0; i < j->n_merged; i++, n++) {
        const ps_expr *both[] = {j->spec.keys[i].left, j->spec.keys[i].right};
        j->merged[i].id = ps_planner_id(lo->p);
        items[n].col = (ps_col){j->merged[i].id, j->merged[i].type, true, j->merged[i].name};
        if (!(items[n].expr = ps_expr_coalesce(lo->cx, lo->arena, both, 2))) return NULL;
    }
    return ps_node_project_new(lo->p, node, items, n);
}

/* The scope that ON sees: both sides. */
static const ps_expr *on_condition(joining *j)
{
    ps_lower *lo = j->lo;
    ps_scope both = {.outer = j->scope->outer};

    if (ps_scope_join(lo->cx, lo->arena, &both, j->scope, NULL, 0) != PS_OK ||
        ps_scope_join(lo->cx, lo->arena, &both, &j->right_scope, NULL, 0) != PS_OK)
        return NULL;
    ps_lower_in in = {.lo = lo,
                      .scope = &both,
                      .no_aggregates = true,
                      .no_windows = true,
                      .clause = "a join condition"};
    return ps_lower_bool_expr(&in, j->ast->on);
}

static const ps_node *make_join(joining *j)
{
    ps_lower *lo = j->lo;
    const ps_expr *condition = NULL, *above = NULL;

    if (j->ast->natural     ? !join_natural(j)
        : j->ast->columns.n ? !join_using(j, &j->ast->columns)
                            : false)
        return NULL;
    if (j->ast->on && !(condition = on_condition(j))) return NULL;
    if (!condition && j->spec.n_keys == 0 && j->spec.kind != PS_JOIN_CROSS)
        return ps_lower_fail(lo, &j->ast->head, PS_PARSE, "this join needs ON or USING");
    if (j->spec.kind == PS_JOIN_INNER && condition && condition->flags & PS_EXPR_HAS_SUBQUERY) {
        above = condition; /* subqueries are unnested in filters */
        condition = NULL;
        j->spec.kind = PS_JOIN_CROSS;
    }
    if (ps_join_split(lo->p, j->left, j->right, condition, &j->spec) != PS_OK) return NULL;
    const ps_node *node = ps_node_join_new(lo->p, j->left, j->right, &j->spec);
    if (node && j->spec.kind == PS_JOIN_FULL && j->n_merged) node = coalesce_merged(j, node);
    if (node && above) node = ps_node_filter_new(lo->p, node, above);
    if (!node || keeps_left_only(j->spec.kind)) return node;
    return ps_scope_join(lo->cx, lo->arena, j->scope, &j->right_scope, j->merged, j->n_merged) ==
                   PS_OK
               ? node
               : NULL;
}

/* (a JOIN b) x: one table of all visible columns. */
static bool name_join(joining *j)
{
    ps_lower *lo = j->lo;
    const uint32_t n = (uint32_t)j->scope->visible.n;
    ps_col *cols = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_col, n + 1);
    ps_scope named = {.outer = j->scope->outer, .read_from_inside = j->scope->read_from_inside};

    if (!cols) return false;
    for (uint32_t i = 0; i < n; i++) {
        const ps_scope_col *col = &j->scope->visible.at[i];
        cols[i] =
            (ps_col){col->id, col->type, true,
                     i < j->ast->alias_columns.n ? j->ast->alias_columns.at[i].text : col->name};
    }
    if (ps_scope_add(lo->cx, lo->arena, &named, (ps_str){NULL, 0}, j->ast->alias.text, cols, n) !=
        PS_OK)
        return false;
    *j->scope = named;
    return true;
}

const ps_node *ps_lower_join(ps_lower *lo, const ps_sql_join *ast, ps_scope *outer, ps_scope *scope)
{
    joining j = {.lo = lo, .ast = ast, .scope = scope};
    ps_scope *bridge = PS_ARENA_NEW(lo->cx, lo->arena, ps_scope);

    if (!bridge || !kind_of(lo, ast, &j.spec.kind)) return NULL;
    if (!(j.left = ps_lower_table(lo, ast->left, outer, scope))) return NULL;
    *bridge = *scope;
    if (!(j.right = ps_lower_table(lo, ast->right, bridge, &j.right_scope))) return NULL;
    j.right_scope.outer = outer;
    j.spec.lateral = bridge->read_from_inside;
    if (j.spec.lateral && (j.spec.kind == PS_JOIN_RIGHT || j.spec.kind == PS_JOIN_FULL))
        return ps_lower_fail(lo, &ast->head, PS_BIND,
                             "a lateral input can't be kept whole by a right or full join");
    const ps_node *node = make_join(&j);
    if (node && ast->alias.text.n && !name_join(&j)) return NULL;
    return node;
}
