/* opt/util.c -- see util.h. */
#include "opt/util.h"

#include "func/func.h"

/* ---- sets ---- */

ps_status ps_ids_init(ps_opt *opt, ps_ids *set)
{
    set->n = opt->planner->next_id;
    set->bits = PS_ARENA_ARRAY(opt->cx, opt->arena, uint64_t, set->n / 64 + 1);
    return set->bits ? PS_OK : PS_MEMORY;
}

ps_status ps_ids_of_node(ps_opt *opt, const ps_node *node, ps_ids *set)
{
    PS_TRY(ps_ids_init(opt, set));
    for (uint32_t i = 0; i < node->n_cols; i++) ps_ids_add(set, node->cols[i].id);
    return PS_OK;
}

static bool not_in(const ps_expr *e, void *user)
{
    return e->kind != PS_EXPR_COLUMN || !ps_ids_has(user, e->column);
}
static bool is_in(const ps_expr *e, void *user)
{
    return e->kind != PS_EXPR_COLUMN || ps_ids_has(user, e->column);
}
static bool add_one(const ps_expr *e, void *user)
{
    if (e->kind == PS_EXPR_COLUMN) ps_ids_add(user, e->column);
    return true;
}

bool ps_expr_uses(const ps_expr *expr, const ps_ids *set)
{
    return expr->flags & PS_EXPR_HAS_COLUMN && !ps_expr_visit(expr, not_in, (void *)(uintptr_t)set);
}
bool ps_expr_within(const ps_expr *expr, const ps_ids *set)
{
    return !(expr->flags & PS_EXPR_HAS_COLUMN) ||
           ps_expr_visit(expr, is_in, (void *)(uintptr_t)set);
}
void ps_ids_add_expr(ps_ids *set, const ps_expr *expr)
{
    if (expr) ps_expr_visit(expr, add_one, set);
}

typedef struct use_search {
    ps_ctx *cx;
    const ps_ids *set;
    ps_status status;
    bool found;
} use_search;

static ps_status search_node(ps_ctx *cx, const ps_node *node, void *user);

/* False ends the visit: found, or failed. Subqueries in subqueries are as deep as the text. */
static bool search_one(const ps_expr *expr, void *user)
{
    use_search *search = user;

    if (expr->kind == PS_EXPR_COLUMN) search->found |= ps_ids_has(search->set, expr->column);
    if (expr->kind == PS_EXPR_SUBQUERY && !search->found)
        search->status = ps_node_visit(search->cx, expr->plan, search_node, search);
    return !search->found && search->status == PS_OK;
}
static ps_status search_expr(ps_ctx *cx, const ps_expr *expr, void *user)
{
    use_search *search = user;

    (void)cx;
    if (!search->found) ps_expr_visit(expr, search_one, search);
    return search->status;
}
static ps_status search_node(ps_ctx *cx, const ps_node *node, void *user)
{
    return ps_node_visit_exprs(cx, node, search_expr, user);
}

ps_status ps_node_uses(ps_opt *opt, const ps_node *node, const ps_ids *set, bool *out)
{
    use_search search = {opt->cx, set, PS_OK, false};

    PS_TRY(ps_node_visit(opt->cx, node, search_node, &search));
    *out = search.found;
    return PS_OK;
}

static ps_status reads_expr(ps_ctx *cx, const ps_expr *expr, void *user)
{
    (void)cx;
    ps_ids_add_expr(user, expr);
    return PS_OK;
}
static ps_status reads_node(ps_ctx *cx, const ps_node *node, void *user)
{
    return ps_node_visit_exprs(cx, node, reads_expr, user);
}

ps_status ps_ids_add_reads(ps_opt *opt, const ps_node *node, ps_ids *set)
{
    return ps_node_visit(opt->cx, node, reads_node, set);
}

/* ---- conjuncts ---- */

ps_status ps_conjuncts_add(ps_opt *opt, ps_conjuncts *list, const ps_expr *expr)
{
    if (!expr) return PS_OK;
    if (expr->kind == PS_EXPR_AND) {
        for (uint32_t i = 0; i < expr->n_args; i++)
            PS_TRY(ps_conjuncts_add(opt, list, expr->args[i]));
        return PS_OK;
    }
    for (size_t i = 0; i < list->n && !ps_expr_is_volatile(expr); i++) {
        if (list->at[i]->hash == expr->hash && ps_expr_equal(list->at[i], expr)) return PS_OK;
    }
    return PS_ARRAY_ADD_IN(opt->cx, opt->arena, list, expr);
}

const ps_expr *ps_conjuncts_and(ps_opt *opt, const ps_conjuncts *list)
{
    return ps_expr_and(opt->cx, opt->arena, list->at, (uint32_t)list->n);
}

const ps_node *ps_opt_filter(ps_opt *opt, const ps_node *input, const ps_conjuncts *list)
{
    return list->n && input ? ps_node_filter_new(opt->planner, input, ps_conjuncts_and(opt, list))
                            : input;
}

/* ---- building ---- */

const ps_expr *ps_opt_col(ps_opt *opt, const ps_col *col)
{
    return ps_expr_column(opt->cx, opt->arena, col->id, col->type);
}

const ps_expr *ps_opt_call(ps_opt *opt, const char *name, const ps_expr *a, const ps_expr *b)
{
    const ps_expr *args[] = {a, b};

    return a && b ? ps_func_call(opt->cx, opt->arena, ps_str_of(name), args, 2) : NULL;
}

const ps_expr *ps_opt_call1(ps_opt *opt, const char *name, const ps_expr *a)
{
    return a ? ps_func_call(opt->cx, opt->arena, ps_str_of(name), &a, 1) : NULL;
}

const ps_expr *ps_opt_int(ps_opt *opt, int64_t value)
{
    const ps_value v = ps_value_int(PS_TYPE(INT64), value);

    return ps_expr_literal(opt->cx, opt->arena, &v);
}

const ps_expr *ps_opt_bool(ps_opt *opt, bool value, bool null)
{
    const ps_value v = null ? ps_value_null(PS_TYPE(BOOL)) : ps_value_bool(value);

    return ps_expr_literal(opt->cx, opt->arena, &v);
}

bool ps_expr_is_call(const ps_expr *expr, const char *name)
{
    return expr->kind == PS_EXPR_CALL && strcmp(ps_func_head_of(expr->func).name, name) == 0;
}

const ps_node *ps_opt_keep(ps_opt *opt, const ps_node *node, const ps_col *cols, uint32_t n)
{
    bool same = node && node->n_cols == n;

    if (!node) return NULL;
    for (uint32_t i = 0; same && i < n; i++) same = node->cols[i].id == cols[i].id;
    if (same) return node;
    ps_item *items = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_item, n + 1);
    for (uint32_t i = 0; items && i < n; i++) {
        items[i] = (ps_item){cols[i], ps_opt_col(opt, &cols[i])};
        if (!items[i].expr) return NULL;
    }
    return items ? ps_node_project_new(opt->planner, node, items, n) : NULL;
}

/* ---- substitution ---- */

typedef struct substitution {
    ps_opt *opt;
    const ps_substs *map;
} substitution;

static const ps_expr *substitute_one(ps_ctx *cx, const ps_expr *e, void *user)
{
    const substitution *s = user;

    (void)cx;
    if (e->kind != PS_EXPR_COLUMN) return e;
    for (size_t i = 0; i < s->map->n; i++) {
        if (s->map->at[i].id == e->column) return s->map->at[i].expr;
    }
    return e;
}

const ps_expr *ps_opt_substitute(ps_opt *opt, const ps_expr *expr, const ps_substs *map)
{
    substitution s = {opt, map};

    return ps_expr_rewrite(opt->cx, opt->arena, expr, substitute_one, &s);
}

static const ps_expr *substitute_in(ps_ctx *cx, const ps_expr *e, void *user)
{
    substitution *s = user;

    return ps_expr_rewrite(cx, s->opt->arena, e, substitute_one, s);
}
static const ps_node *substitute_node(ps_planner *p, const ps_node *node, void *user)
{
    return ps_node_map_exprs(p, node, substitute_in, user);
}

const ps_node *ps_opt_substitute_node(ps_opt *opt, const ps_node *node, const ps_substs *map)
{
    substitution s = {opt, map};

    return map->n ? ps_node_rewrite(opt->planner, node, substitute_node, &s) : node;
}

ps_status ps_substs_of_items(ps_opt *opt, const ps_f_items *items, ps_substs *map)
{
    for (uint32_t i = 0; i < items->n; i++) {
        PS_TRY(PS_ARRAY_ADD_IN(opt->cx, opt->arena, map,
                               (ps_subst){items->at[i].col.id, items->at[i].expr}));
    }
    return PS_OK;
}

/* ---- nulls ---- */

bool ps_expr_rejects_null(const ps_expr *e, const ps_ids *set)
{
    bool all = e->n_args > 0, any = false;

    switch ((ps_expr_kind)e->kind) {
    case PS_EXPR_COLUMN: return ps_ids_has(set, e->column);
    case PS_EXPR_CAST: return ps_expr_rejects_null(e->args[0], set);
    case PS_EXPR_IN: return ps_expr_rejects_null(e->args[0], set);
    case PS_EXPR_CALL:
        if (ps_expr_is_call(e, "is_not_null")) return ps_expr_rejects_null(e->args[0], set);
        if (ps_func_head_of(e->func).nulls != PS_NULLS_PROPAGATE) return false;
        for (uint32_t i = 0; i < e->n_args; i++) {
            /* not(is_not_null(x)): what rejects as a condition need not be null as a value */
            const ps_expr *arg = e->args[i];
            if (arg->type.id != PS_TYPE_BOOL || arg->kind == PS_EXPR_COLUMN)
                any |= ps_expr_rejects_null(arg, set);
        }
        return any;
    case PS_EXPR_AND:
        for (uint32_t i = 0; i < e->n_args; i++) any |= ps_expr_rejects_null(e->args[i], set);
        return any;
    case PS_EXPR_OR:
        for (uint32_t i = 0; i < e->n_args; i++) all &= ps_expr_rejects_null(e->args[i], set);
        return all;
    default: return false;
    }
}

/* ---- errors ---- */

static bool is_sound_like(const ps_expr *e)
{
    const char *name = ps_func_head_of(e->func).name;

    if (e->n_args != 2 || !strstr(name, "like") || e->args[1]->kind != PS_EXPR_LITERAL)
        return false;
    const ps_value *pattern = &e->args[1]->literal;
    return pattern->type.id == PS_TYPE_STRING &&
           (pattern->null || !memchr(pattern->str.at, '\\', pattern->str.n));
}

bool ps_expr_may_fail(const ps_expr *e)
{
    bool any = false;

    if (!ps_expr_is_fallible(e)) return false;
    switch ((ps_expr_kind)e->kind) {
    case PS_EXPR_CALL:
        if (ps_func_head_of(e->func).fallible && !is_sound_like(e)) return true;
        break;
    case PS_EXPR_AND:
    case PS_EXPR_OR:
    case PS_EXPR_CASE:
    case PS_EXPR_COALESCE:
    case PS_EXPR_IN: break;
    default: return true;
    }
    for (uint32_t i = 0; i < e->n_args; i++) any |= ps_expr_may_fail(e->args[i]);
    return any;
}
