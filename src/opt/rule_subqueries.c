/* opt/rule_subqueries.c -- an expression with a subquery q  =>  a join with q's plan
 *
 *   filter exists (q)       =>  semi join q (anti for not exists)
 *   filter x in (q)         =>  semi join q on x = column
 *   scalar (q)              =>  single join q (left where one row at most is provable)
 *   exists (q) as a value   =>  mark join q
 *   x in (q) as a value     =>  mark join q on x = column, null-aware
 *   (x, y) in (q) as a value => mark joins q for each way that a pair is equal or unknown
 *   x = all (q)             =>  not (x <> any (q))
 *
 * The expression reads the join's column. Where q of `x in (q)` as a value is correlated, or many
 * columns or another comparison is asked for, it is: case when exists (q with p) then true
 * when exists (q with p is null) then null else false end.
 * A subquery in a join's condition is attached to the side that it reads; one that reads both makes
 * the condition a filter: above an inner join, else over the right input of a lateral join.
 * Why: after it the plan holds joins only; correlated ones are marked lateral and left to rule
 * unnest.
 * Safe: these are the definitions. `not in` as a condition is an anti join on "p is not false".
 * Order: required, first; nothing else looks into subqueries. Tests: tests/slt/opt/unnest.test */
#include "func/func.h"
#include "opt/util.h"

typedef struct replaced {
    const ps_expr *subquery, *value;
} replaced;

/* The subqueries of one node's expressions, attached to an input. */
typedef struct attach {
    ps_opt *opt;
    const ps_node *input; /* grows by joins */
    PS_ARRAY(replaced) done;
} attach;

/* Plans that stand in the result already: their second use is a copy. */
typedef PS_ARRAY(const ps_node *) used_plans;

static const ps_node *convert_plan(ps_opt *opt, const ps_node *plan);

static ps_status is_lateral(ps_opt *opt, const ps_node *left, const ps_node *right, bool *out)
{
    ps_ids ids;

    PS_TRY(ps_ids_of_node(opt, left, &ids));
    return ps_node_uses(opt, right, &ids, out);
}

static ps_status define(ps_ctx *cx, const ps_node *node, void *user)
{
    (void)cx;
    for (uint32_t i = 0; i < node->n_cols; i++) ps_ids_add(user, node->cols[i].id);
    return PS_OK;
}

/* Whether a plan reads columns that it does not make itself. */
static ps_status is_correlated(ps_opt *opt, const ps_node *plan, bool *out)
{
    ps_ids reads, defs;

    *out = false;
    PS_TRY(ps_ids_init(opt, &reads));
    PS_TRY(ps_ids_init(opt, &defs));
    PS_TRY(ps_ids_add_reads(opt, plan, &reads));
    PS_TRY(ps_node_visit(opt->cx, plan, define, &defs));
    for (uint32_t i = 0; i < reads.n / 64 + 1; i++) *out |= (reads.bits[i] & ~defs.bits[i]) != 0;
    return PS_OK;
}

/* A subquery's plan, itself without subqueries, all its columns new to everybody else. */
static const ps_node *plan_of(ps_opt *opt, const ps_expr *subquery)
{
    used_plans *used = opt->user;
    const ps_node *plan = subquery->plan;

    for (size_t i = 0; i < used->n && plan == subquery->plan; i++) {
        if (used->at[i] == plan) plan = ps_node_instantiate(opt->planner, plan);
    }
    if (!plan || PS_ARRAY_ADD_IN(opt->cx, opt->arena, used, subquery->plan) != PS_OK) return NULL;
    if (!(plan = convert_plan(opt, plan))) return NULL;
    ps_item *items = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_item, plan->n_cols + 1);
    for (uint32_t i = 0; items && i < plan->n_cols; i++) {
        items[i] = (ps_item){plan->cols[i], ps_opt_col(opt, &plan->cols[i])};
        items[i].col.id = ps_planner_id(opt->planner);
        if (!items[i].expr) return NULL;
    }
    return items ? ps_node_project_new(opt->planner, plan, items, plan->n_cols) : NULL;
}

static const ps_node *join(attach *a, const ps_node *right, ps_join_spec *spec)
{
    if (is_lateral(a->opt, a->input, right, &spec->lateral) != PS_OK) return NULL;
    return a->input = ps_node_join_new(a->opt->planner, a->input, right, spec);
}

static const char *negated(const char *name)
{
    static const char *const pairs[][2] = {{"=", "<>"}, {"<", ">="}, {">", "<="}};

    for (size_t i = 0; i < PS_COUNT(pairs); i++) {
        if (strcmp(name, pairs[i][0]) == 0) return pairs[i][1];
        if (strcmp(name, pairs[i][1]) == 0) return pairs[i][0];
    }
    return NULL;
}

/* A quantified comparison as ANY: ALL is the negation of ANY of the negated comparison. */
static const char *any_compare(const ps_expr *e)
{
    const char *name = ps_func_head_of(e->compare).name;

    return e->subquery == PS_SUBQUERY_ALL ? negated(name) : name;
}

/* args compare columns, for a pair of rows. */
static const ps_expr *comparison(ps_opt *opt, const ps_expr *e, const ps_node *plan)
{
    const ps_expr **all = PS_ARENA_ARRAY(opt->cx, opt->arena, const ps_expr *, e->n_args + 1);
    const char *name = any_compare(e);

    if (!all) return NULL;
    if (!name)
        return ps_fail(opt->cx, PS_UNSUPPORTED, "this comparison with a subquery is not supported"),
               NULL;
    for (uint32_t i = 0; i < e->n_args; i++) {
        all[i] = ps_opt_call(opt, name, e->args[i], ps_opt_col(opt, &plan->cols[i]));
        if (!all[i]) return NULL;
    }
    return ps_expr_and(opt->cx, opt->arena, all, e->n_args);
}

/* ---- values ---- */

static const ps_expr *mark_join(attach *a, const ps_node *right, const ps_join_key *keys,
                                uint32_t n_keys)
{
    ps_join_spec spec = {.kind = PS_JOIN_MARK, .keys = keys, .n_keys = n_keys};

    spec.mark = (ps_col){
        .id = ps_planner_id(a->opt->planner), .type = PS_TYPE(BOOL), .nullable = n_keys == 1};
    return join(a, right, &spec) ? ps_opt_col(a->opt, &spec.mark) : NULL;
}

static bool at_most_one(const ps_node *plan, bool *exactly)
{
    *exactly = false;
    for (bool filtered = false;; plan = plan->inputs[0]) {
        switch ((ps_node_kind)plan->kind) {
        case PS_NODE_FILTER: filtered = true; break;
        case PS_NODE_PROJECT:
        case PS_NODE_SORT: break;
        case PS_NODE_AGGREGATE:
            *exactly = !filtered;
            return ps_node_as_aggregate(plan)->keys.n == 0;
        case PS_NODE_LIMIT: return ps_node_as_limit(plan)->count <= 1;
        case PS_NODE_TOPN: return ps_node_as_topn(plan)->count <= 1;
        case PS_NODE_VALUES: /* without columns: one row */
            *exactly = !filtered && ps_node_as_values(plan)->columns.n == 0;
            return ps_node_as_values(plan)->cells.n <= ps_node_as_values(plan)->columns.n;
        default: return false;
        }
    }
}

static const ps_expr *scalar(attach *a, const ps_node *plan)
{
    ps_join_spec spec = {.kind = PS_JOIN_SINGLE};
    bool exactly;

    if (at_most_one(plan, &exactly)) spec.kind = PS_JOIN_LEFT;
    if (is_lateral(a->opt, a->input, plan, &spec.lateral) != PS_OK) return NULL;
    if (spec.kind == PS_JOIN_LEFT && exactly && !spec.lateral) spec.kind = PS_JOIN_CROSS;
    return join(a, plan, &spec) ? ps_opt_col(a->opt, &plan->cols[0]) : NULL;
}

/* Three-valued ANY by two questions of existence. */
static const ps_expr *any_by_cases(attach *a, const ps_expr *e, const ps_node *plan)
{
    ps_opt *opt = a->opt;
    const ps_expr *cases[5];
    const ps_expr *p = comparison(opt, e, plan);

    if (!p || !(cases[0] = mark_join(a, ps_node_filter_new(opt->planner, plan, p), NULL, 0)))
        return NULL;
    const ps_node *again = plan_of(opt, e);
    const ps_expr *q = again ? comparison(opt, e, again) : NULL;
    if (!q || !(q = ps_opt_call1(opt, "is_null", q))) return NULL;
    if (!(cases[2] = mark_join(a, ps_node_filter_new(opt->planner, again, q), NULL, 0)))
        return NULL;
    cases[1] = ps_opt_bool(opt, true, false);
    cases[3] = ps_opt_bool(opt, false, true);
    cases[4] = ps_opt_bool(opt, false, false);
    return cases[1] && cases[3] && cases[4] ? ps_expr_case(opt->cx, opt->arena, cases, 5) : NULL;
}

static bool never_null(const ps_node *input, const ps_expr *e)
{
    const ps_col *col = e->kind == PS_EXPR_COLUMN ? ps_node_find_col(input, e->column) : NULL;

    return col ? !col->nullable : e->kind == PS_EXPR_LITERAL && !e->literal.null;
}

/* ---- (x, y) in (q): one hash join for each way that a pair can be equal or unknown ---- */

/* A column of a pair: equal, or unknown because one side is null. */
typedef enum column_way { WAY_EQUAL, WAY_BUILD_NULL, WAY_PROBE_NULL } column_way;

enum { WAYS_MAX = 27 }; /* joins: three nullable columns */

typedef struct row_ways {
    column_way *can; /* three a column: those that can be */
    uint32_t *n_can;
    uint32_t n; /* combinations; 0: too many */
} row_ways;

static ps_status find_ways(const attach *a, const ps_expr *e, const ps_node *plan, row_ways *out)
{
    out->can = PS_ARENA_ARRAY(a->opt->cx, a->opt->arena, column_way, e->n_args * 3 + 1);
    out->n_can = PS_ARENA_ARRAY(a->opt->cx, a->opt->arena, uint32_t, e->n_args + 1);
    if (!out->can || !out->n_can) return PS_MEMORY;
    out->n = 1;
    for (uint32_t i = 0; i < e->n_args; i++) {
        column_way *can = out->can + (size_t)i * 3;
        uint32_t n = 0;

        can[n++] = WAY_EQUAL;
        if (plan->cols[i].nullable) can[n++] = WAY_BUILD_NULL;
        if (!never_null(a->input, e->args[i])) can[n++] = WAY_PROBE_NULL;
        out->n_can[i] = n;
        out->n = out->n * n <= WAYS_MAX ? out->n * n : 0;
    }
    return PS_OK;
}

/* Whether plan has a row that matches in the combination's way: true, or else false or null. */
static const ps_expr *matches_way(attach *a, const ps_expr *e, const ps_node *plan,
                                  const row_ways *ways, uint32_t combination)
{
    ps_opt *opt = a->opt;
    ps_join_key *keys = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_join_key, e->n_args + 1);
    ps_conjuncts build = {0}, probe = {0};
    uint32_t n_keys = 0;

    if (!keys) return NULL;
    for (uint32_t i = 0; i < e->n_args; i++) {
        const column_way way = ways->can[(size_t)i * 3 + combination % ways->n_can[i]];
        const ps_expr *col = ps_opt_col(opt, &plan->cols[i]);

        combination /= ways->n_can[i];
        if (!col) return NULL;
        if (way == WAY_EQUAL) {
            keys[n_keys++] = (ps_join_key){e->args[i], col, false};
            continue;
        }
        const bool is_build = way == WAY_BUILD_NULL;
        const ps_expr *null = ps_opt_call1(opt, "is_null", is_build ? col : e->args[i]);
        if (!null || ps_conjuncts_add(opt, is_build ? &build : &probe, null) != PS_OK) return NULL;
    }
    if (!(plan = ps_opt_filter(opt, plan, &build))) return NULL;
    const ps_expr *mark = mark_join(a, plan, keys, n_keys);
    if (!mark || ps_conjuncts_add(opt, &probe, mark) != PS_OK) return NULL;
    return ps_conjuncts_and(opt, &probe);
}

/* Three-valued ANY of equal rows: true in the way that all columns are equal, null in the others.
 * Every join has only equalities, so each is linear, however many nulls there are. */
static const ps_expr *any_by_ways(attach *a, const ps_expr *e, const ps_node *plan,
                                  const row_ways *ways)
{
    ps_opt *opt = a->opt;
    const ps_expr **cases = PS_ARENA_ARRAY(opt->cx, opt->arena, const ps_expr *, ways->n * 2 + 1);

    for (uint32_t k = 0; cases && k < ways->n; k++) {
        if (k && !(plan = plan_of(opt, e))) return NULL;
        cases[k * 2] = matches_way(a, e, plan, ways, k);
        cases[k * 2 + 1] = ps_opt_bool(opt, true, k > 0);
        if (!cases[k * 2] || !cases[k * 2 + 1]) return NULL;
    }
    if (!cases || !(cases[ways->n * 2] = ps_opt_bool(opt, false, false))) return NULL;
    return ps_expr_case(opt->cx, opt->arena, cases, ways->n * 2 + 1);
}

/* e as ANY, three-valued: ALL is its negation. */
static const ps_expr *any_value(attach *a, const ps_expr *e, const ps_node *plan)
{
    const char *name = any_compare(e);
    bool correlated;

    if (is_correlated(a->opt, plan, &correlated) != PS_OK) return NULL;
    if (correlated || !name || strcmp(name, "=") != 0) return any_by_cases(a, e, plan);
    if (e->n_args == 1) {
        const ps_join_key key = {e->args[0], ps_opt_col(a->opt, &plan->cols[0]), false};
        return key.right ? mark_join(a, plan, &key, 1) : NULL;
    }
    row_ways ways;
    if (find_ways(a, e, plan, &ways) != PS_OK) return NULL;
    return ways.n ? any_by_ways(a, e, plan, &ways) : any_by_cases(a, e, plan);
}

static const ps_expr *quantified(attach *a, const ps_expr *e, const ps_node *plan)
{
    const ps_expr *any = any_value(a, e, plan);

    return any && e->subquery == PS_SUBQUERY_ALL ? ps_opt_call1(a->opt, "not", any) : any;
}

static const ps_expr *attach_one(ps_ctx *cx, const ps_expr *e, void *user)
{
    attach *a = user;
    replaced r = {e, NULL};

    if (e->kind != PS_EXPR_SUBQUERY) return e;
    for (size_t i = 0; i < a->done.n; i++) {
        if (ps_expr_equal(a->done.at[i].subquery, e)) return a->done.at[i].value;
    }
    const ps_node *plan = plan_of(a->opt, e);
    if (!plan) return NULL;
    if (e->subquery == PS_SUBQUERY_SCALAR) r.value = scalar(a, plan);
    else if (e->subquery == PS_SUBQUERY_EXISTS) r.value = mark_join(a, plan, NULL, 0);
    else r.value = quantified(a, e, plan);
    if (!r.value) return NULL;
    return PS_ARRAY_ADD_IN(cx, a->opt->arena, &a->done, r) == PS_OK ? r.value : NULL;
}

static const ps_expr *attach_expr(ps_ctx *cx, const ps_expr *e, void *user)
{
    attach *a = user;

    if (!(e->flags & PS_EXPR_HAS_SUBQUERY)) return e;
    return ps_expr_rewrite(cx, a->opt->arena, e, attach_one, a);
}

/* ---- conditions ---- */

/* e with the subqueries inside its compared values attached. */
static const ps_expr *attach_args(attach *a, const ps_expr *e)
{
    const ps_expr **args =
        PS_ARENA_ARRAY(a->opt->cx, a->opt->arena, const ps_expr *, e->n_args + 1);

    for (uint32_t i = 0; args && i < e->n_args; i++) {
        if (!(args[i] = attach_expr(a->opt->cx, e->args[i], a))) return NULL;
    }
    return args ? ps_expr_with_children(a->opt->cx, a->opt->arena, e, args) : NULL;
}

/* ANY: a semi join. A value that may fail is computed once a row, as a key: later rules would leave
 * the equality a condition of pairs. */
static ps_status condition_any(attach *a, const ps_expr *e)
{
    ps_opt *opt = a->opt;
    ps_join_spec spec = {.kind = PS_JOIN_SEMI};
    const ps_node *plan = plan_of(opt, e);
    const ps_expr *pairs = plan ? comparison(opt, e, plan) : NULL;
    ps_join_key *keys = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_join_key, e->n_args + 1);
    ps_conjuncts all = {0}, rest = {0};

    if (!pairs || !keys) return opt->cx->error.code;
    PS_TRY(ps_conjuncts_add(opt, &all, pairs));
    for (size_t i = 0; i < all.n; i++) {
        const ps_expr *c = all.at[i];

        if (ps_expr_is_call(c, "=") && ps_expr_may_fail(c->args[0]) &&
            c->args[0]->flags & PS_EXPR_HAS_COLUMN && c->args[1]->kind == PS_EXPR_COLUMN &&
            ps_type_equal(c->args[0]->type, c->args[1]->type))
            keys[spec.n_keys++] = (ps_join_key){c->args[0], c->args[1], false};
        else PS_TRY(ps_conjuncts_add(opt, &rest, c));
    }
    spec.keys = keys;
    if (rest.n && !(spec.residual = ps_conjuncts_and(opt, &rest))) return opt->cx->error.code;
    return join(a, plan, &spec) ? PS_OK : opt->cx->error.code;
}

/* NOT ANY: an anti join; where nulls are possible, on pairs for which the comparison is not false.
 */
static ps_status condition_not_any(attach *a, const ps_expr *e, ps_conjuncts *top)
{
    ps_opt *opt = a->opt;
    ps_join_spec spec = {.kind = PS_JOIN_ANTI};
    const ps_node *plan = plan_of(opt, e);
    const char *name = any_compare(e);
    bool known = true, correlated;

    if (!plan) return opt->cx->error.code;
    for (uint32_t i = 0; i < e->n_args; i++)
        known &= !plan->cols[i].nullable && never_null(a->input, e->args[i]);
    PS_TRY(is_correlated(opt, plan, &correlated));
    if (!known && !correlated && name && strcmp(name, "=") == 0) {
        const ps_expr *any = any_value(a, e, plan);
        const ps_expr *not = any ? ps_opt_call1(opt, "not", any) : NULL;
        return not ? ps_conjuncts_add(opt, top, not) : opt->cx->error.code;
    }
    spec.residual = comparison(opt, e, plan);
    if (spec.residual && !known) {
        const ps_expr *no = ps_opt_bool(opt, false, false);
        spec.residual = no ? ps_opt_call(opt, "is_distinct_from", spec.residual, no) : NULL;
    }
    return spec.residual && join(a, plan, &spec) ? PS_OK : opt->cx->error.code;
}

static ps_status condition(attach *a, const ps_expr *e, ps_conjuncts *top)
{
    const ps_expr *x = e;
    bool negative = false;

    for (; ps_expr_is_call(x, "not"); x = x->args[0]) negative = !negative;
    if (x->kind == PS_EXPR_SUBQUERY && x->subquery == PS_SUBQUERY_EXISTS) {
        ps_join_spec spec = {.kind = negative ? PS_JOIN_ANTI : PS_JOIN_SEMI};
        const ps_node *plan = plan_of(a->opt, x);
        return plan && join(a, plan, &spec) ? PS_OK : a->opt->cx->error.code;
    }
    if (x->kind == PS_EXPR_SUBQUERY && x->subquery != PS_SUBQUERY_SCALAR) {
        if (!(x = attach_args(a, x))) return a->opt->cx->error.code;
        return negative == (x->subquery == PS_SUBQUERY_ALL) ? condition_any(a, x)
                                                            : condition_not_any(a, x, top);
    }
    if (!(e = attach_expr(a->opt->cx, e, a))) return a->opt->cx->error.code;
    return ps_conjuncts_add(a->opt, top, e);
}

static const ps_node *convert_filter(ps_opt *opt, const ps_node *node)
{
    ps_conjuncts all = {0}, plain = {0}, top = {0};
    attach a = {.opt = opt};

    if (ps_conjuncts_add(opt, &all, ps_node_as_filter(node)->predicate) != PS_OK) return NULL;
    for (size_t i = 0; i < all.n; i++) {
        if (all.at[i]->flags & PS_EXPR_HAS_SUBQUERY) continue;
        if (ps_conjuncts_add(opt, ps_expr_may_fail(all.at[i]) ? &top : &plain, all.at[i]) != PS_OK)
            return NULL;
    }
    if (!(a.input = ps_opt_filter(opt, node->inputs[0], &plain))) return NULL;
    for (size_t i = 0; i < all.n; i++) {
        if (all.at[i]->flags & PS_EXPR_HAS_SUBQUERY && condition(&a, all.at[i], &top) != PS_OK)
            return NULL;
    }
    return ps_opt_keep(opt, ps_opt_filter(opt, a.input, &top), node->cols, node->n_cols);
}

/* ---- other nodes ---- */

static const ps_node *convert_single(ps_opt *opt, const ps_node *node)
{
    attach a = {.opt = opt, .input = node->inputs[0]};
    const ps_node *out = ps_node_map_exprs(opt->planner, node, attach_expr, &a);

    if (out) out = ps_node_with_inputs(opt->planner, out, &a.input);
    return ps_opt_keep(opt, out, node->cols, node->n_cols);
}

/* ---- joins whose condition holds subqueries ---- */

typedef struct join_attach {
    attach left, right;
    ps_ids left_ids, right_ids;
    bool both; /* some subquery reads both sides */
} join_attach;

static ps_status sides_of(const join_attach *j, const ps_expr *e, bool *left, bool *right)
{
    PS_TRY(ps_node_uses(j->left.opt, e->plan, &j->left_ids, left));
    PS_TRY(ps_node_uses(j->left.opt, e->plan, &j->right_ids, right));
    for (uint32_t i = 0; i < e->n_args; i++) {
        *left |= ps_expr_uses(e->args[i], &j->left_ids);
        *right |= ps_expr_uses(e->args[i], &j->right_ids);
    }
    return PS_OK;
}

/* In a join's condition: attached to the side that the subquery reads. */
static const ps_expr *attach_side(ps_ctx *cx, const ps_expr *e, void *user)
{
    join_attach *j = user;
    bool left = false, right = false;

    if (e->kind != PS_EXPR_SUBQUERY) return e;
    if (sides_of(j, e, &left, &right) != PS_OK) return NULL;
    return attach_one(cx, e, right ? &j->right : &j->left);
}
static const ps_expr *attach_sides(ps_ctx *cx, const ps_expr *e, void *user)
{
    join_attach *j = user;

    return e->flags & PS_EXPR_HAS_SUBQUERY
               ? ps_expr_rewrite(cx, j->left.opt->arena, e, attach_side, j)
               : e;
}

static const ps_expr *note_both(ps_ctx *cx, const ps_expr *e, void *user)
{
    join_attach *j = user;
    bool left = false, right = false;

    (void)cx;
    if (e->kind != PS_EXPR_SUBQUERY) return e;
    if (sides_of(j, e, &left, &right) != PS_OK) return NULL;
    j->both |= left && right;
    return e;
}
static ps_status find_both(ps_ctx *cx, const ps_expr *e, void *user)
{
    join_attach *j = user;

    if (!(e->flags & PS_EXPR_HAS_SUBQUERY)) return PS_OK;
    return ps_expr_rewrite(cx, j->left.opt->arena, e, note_both, j) ? PS_OK : cx->error.code;
}

/* The whole condition of a join, with its keys. */
static ps_status join_condition(ps_opt *opt, const ps_node_join *join, ps_conjuncts *out)
{
    for (uint32_t i = 0; i < join->keys.n; i++) {
        const ps_join_key *key = &join->keys.at[i];
        const ps_expr *same =
            ps_opt_call(opt, key->null_equal ? "is_not_distinct_from" : "=", key->left, key->right);
        if (!same) return opt->cx->error.code;
        PS_TRY(ps_conjuncts_add(opt, out, same));
    }
    return ps_conjuncts_add(opt, out, join->residual);
}

/* join(l, r) on p  =>  lateral join(l, filter(r) on p): p is a filter over r's rows for each of
 * l's, and may hold any subquery. l keeps its rows. */
static const ps_node *lateral_over(ps_opt *opt, ps_join_kind kind, const ps_node *l,
                                   const ps_node *r, const ps_conjuncts *p)
{
    const ps_join_spec spec = {.kind = kind, .lateral = true};
    const ps_node *filter = ps_opt_filter(opt, r, p);

    if (filter) filter = convert_filter(opt, filter);
    return filter ? ps_node_join_new(opt->planner, l, filter, &spec) : NULL;
}

/* full join(l, r) on p  =>  left join(l, r) on p, and the rows of r that have no match, with nulls
 * for l. Both halves are copies, because each reads l and r. */
static const ps_node *full_over(ps_opt *opt, const ps_node *node, const ps_conjuncts *p)
{
    const ps_node *l = node->inputs[0], *r = node->inputs[1];
    const ps_node *rest = lateral_over(opt, PS_JOIN_ANTI, r, l, p), *half[2];
    ps_item *items = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_item, node->n_cols + 1);

    half[0] = lateral_over(opt, PS_JOIN_LEFT, l, r, p);
    if (half[0]) half[0] = ps_node_instantiate(opt->planner, half[0]);
    if (rest) rest = ps_node_instantiate(opt->planner, rest);
    if (!items || !half[0] || !rest) return NULL;
    for (uint32_t i = 0; i < node->n_cols; i++) {
        const ps_value none = ps_value_null(node->cols[i].type);

        items[i].col = node->cols[i];
        items[i].col.id = ps_planner_id(opt->planner);
        items[i].expr = i < l->n_cols ? ps_expr_literal(opt->cx, opt->arena, &none)
                                      : ps_opt_col(opt, &rest->cols[i - l->n_cols]);
        if (!items[i].expr) return NULL;
    }
    half[1] = ps_node_project_new(opt->planner, rest, items, node->n_cols);
    return half[1] ? ps_node_setop_new(opt->planner, PS_SETOP_UNION_ALL, half, 2, node->cols)
                   : NULL;
}

static const ps_node *convert_pairs(ps_opt *opt, const ps_node *node)
{
    const ps_node *l = node->inputs[0], *r = node->inputs[1], *out;
    const ps_join_kind kind = ps_node_as_join(node)->join;
    ps_join_spec cross = {.kind = PS_JOIN_CROSS};
    ps_conjuncts p = {0};

    if (join_condition(opt, ps_node_as_join(node), &p) != PS_OK) return NULL;
    switch (kind) {
    case PS_JOIN_INNER:
    case PS_JOIN_CROSS:
        cross.lateral = ps_node_as_join(node)->lateral;
        out = ps_opt_filter(opt, ps_node_join_new(opt->planner, l, r, &cross), &p);
        if (out) out = convert_filter(opt, out);
        break;
    case PS_JOIN_LEFT:
    case PS_JOIN_SEMI:
    case PS_JOIN_ANTI: out = lateral_over(opt, kind, l, r, &p); break;
    case PS_JOIN_RIGHT: out = lateral_over(opt, PS_JOIN_LEFT, r, l, &p); break;
    case PS_JOIN_FULL: out = full_over(opt, node, &p); break;
    default:
        ps_fail(opt->cx, PS_UNSUPPORTED, "a subquery in the condition of this kind of join");
        return NULL;
    }
    return ps_opt_keep(opt, out, node->cols, node->n_cols);
}

static const ps_node *convert_join(ps_opt *opt, const ps_node *node)
{
    join_attach j = {.left = {.opt = opt, .input = node->inputs[0]},
                     .right = {.opt = opt, .input = node->inputs[1]}};

    if (ps_ids_of_node(opt, node->inputs[0], &j.left_ids) != PS_OK) return NULL;
    if (ps_ids_of_node(opt, node->inputs[1], &j.right_ids) != PS_OK) return NULL;
    if (ps_node_visit_exprs(opt->cx, node, find_both, &j) != PS_OK) return NULL;
    if (j.both) return convert_pairs(opt, node);
    const ps_node *out = ps_node_map_exprs(opt->planner, node, attach_sides, &j);
    const ps_node *inputs[] = {j.left.input, j.right.input};
    if (out) out = ps_node_with_inputs(opt->planner, out, inputs);
    return ps_opt_keep(opt, out, node->cols, node->n_cols);
}

static ps_status has_subquery(ps_ctx *cx, const ps_expr *e, void *user)
{
    (void)cx;
    *(bool *)user |= (e->flags & PS_EXPR_HAS_SUBQUERY) != 0;
    return PS_OK;
}

static const ps_node *convert(ps_planner *p, const ps_node *node, void *user)
{
    ps_opt *opt = user;
    bool found = false;

    if (ps_node_visit_exprs(p->cx, node, has_subquery, &found) != PS_OK) return NULL;
    if (!found) return node;
    if (node->kind == PS_NODE_FILTER) return convert_filter(opt, node);
    if (node->n_inputs == 2) return convert_join(opt, node);
    return convert_single(opt, node);
}

static const ps_node *convert_plan(ps_opt *opt, const ps_node *plan)
{
    return ps_node_rewrite(opt->planner, plan, convert, opt);
}

static const ps_node *subqueries(ps_opt *opt, const ps_node *plan)
{
    used_plans used = {0};

    opt->user = &used;
    plan = convert_plan(opt, plan);
    opt->user = NULL;
    return plan;
}

const ps_rule ps_rule_subqueries = {
    .name = "subqueries",
    .doc = "expressions with subqueries => joins, correlated ones lateral",
    .plan = subqueries,
};
