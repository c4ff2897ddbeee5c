/* opt/rule_share_subplans.c -- f(x), g(x')  =>  f(s), g(s) where s is a shared subplan of x, when x
 * and x' are the same plan under other column ids
 * Why: a view, a CTE written out or a subquery that stands twice in a statement is run once.
 * Safe: equality is exact (the same operations over the same sources, by structure, columns by
 * their place in the inputs), nothing volatile is shared, a shared plan gives the same rows in the
 * same order, and an error of one copy is an error of the other.
 * When it pays: the shared rows are kept, so they must be few against the rows that are worked on
 * to get them; and a join that stands inside a larger one is left to the join order.
 * Order: after filters have moved, so that copies that read different rows differ by now; before
 * the join order and before columns are pruned, which would make copies differ that need not.
 * Tests: tests/slt/opt/share_subplans.test */
#include "opt/util.h"

#include "base/hash.h"
#include "plan/ptr_map.h"
#include "stat/estimate.h"

/* A row that is kept and read again costs as much as this many that pass an operator. */
enum { KEEP_COST = 4 };

typedef struct seen {
    const ps_node *node;
    uint32_t class;     /* equal plans have equal numbers */
    bool heavy;         /* does more than read, filter and project */
    bool fixed;         /* volatile, holds a shared plan, or writes: must stay as it is */
    bool in_region;     /* an inner join that the join order may move */
    double work;        /* rows that pass the operators of the subtree */
    struct seen *alike; /* the next with this fingerprint */
} seen;

typedef struct sharer {
    ps_opt *opt;
    PS_ARRAY(seen *) all; /* inputs before users */
    ps_ptr_map of_node;   /* node -> seen */
    ps_ptr_map alike;     /* fingerprint -> seen, chained */
    uint32_t n_classes;
    const ps_node *node; /* whose expressions are being looked at */
    uint64_t hash;
} sharer;

/* ---- expressions with columns by their place in the node's inputs ---- */

typedef struct placer {
    ps_opt *opt;
    const ps_node *node;
} placer;

static const ps_expr *place_column(ps_ctx *cx, const ps_expr *e, void *user)
{
    const placer *p = user;
    const ps_node *const *inputs = p->node->n_inputs ? p->node->inputs : &p->node;
    const uint32_t n = p->node->n_inputs ? p->node->n_inputs : 1;
    uint32_t base = 0;

    if (e->kind != PS_EXPR_COLUMN) return e;
    for (uint32_t i = 0; i < n; base += inputs[i++]->n_cols) {
        const ps_col *col = ps_node_find_col(inputs[i], e->column);
        if (col)
            return ps_expr_column(cx, p->opt->arena, base + (uint32_t)(col - inputs[i]->cols),
                                  e->type);
    }
    PS_BUG(cx, "an expression reads a column that its inputs don't give");
    return NULL;
}

static const ps_expr *placed(ps_opt *opt, const ps_node *node, const ps_expr *e)
{
    placer p = {opt, node};

    return ps_expr_rewrite(opt->cx, opt->arena, e, place_column, &p);
}

typedef struct pair {
    ps_opt *opt;
    const ps_node *a, *b;
} pair;

static bool exprs_same(void *user, const ps_expr *a, const ps_expr *b)
{
    const pair *p = user;
    const ps_expr *x = placed(p->opt, p->a, a), *y = placed(p->opt, p->b, b);

    return x && y && ps_expr_equal(x, y);
}

/* ---- numbering: equal plans get one class ---- */

static seen *seen_of(const sharer *s, const ps_node *node)
{
    return (seen *)(uintptr_t)ps_ptr_map_get(&s->of_node, node);
}

static ps_status add_expr(ps_ctx *cx, const ps_expr *e, void *user)
{
    sharer *s = user;
    const ps_expr *at_place = placed(s->opt, s->node, e);

    if (!at_place) return cx->error.code;
    s->hash = ps_hash_combine(s->hash, at_place->hash);
    seen_of(s, s->node)->fixed |= ps_expr_is_volatile(e);
    return PS_OK;
}

static bool works(const ps_node *node)
{
    switch ((ps_node_kind)node->kind) {
    case PS_NODE_AGGREGATE:
    case PS_NODE_WINDOW:
    case PS_NODE_JOIN:
    case PS_NODE_SORT:
    case PS_NODE_TOPN:
    case PS_NODE_DISTINCT:
    case PS_NODE_SETOP: return true;
    default: return false;
    }
}

/* What follows from the inputs, and the fingerprint of the node. */
static ps_status look_at(sharer *s, seen *me)
{
    const ps_node *node = me->node;

    me->heavy = works(node);
    me->fixed = node->kind == PS_NODE_WRITE || node->kind == PS_NODE_SUBPLAN;
    me->work = PS_MAX(node->rows_est, 0);
    s->hash = ps_hash_combine(ps_hash_u64(node->kind, 0), node->n_cols);
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const seen *input = seen_of(s, node->inputs[i]);

        me->heavy |= input->heavy;
        me->fixed |= input->fixed;
        me->work += input->work;
        s->hash = ps_hash_combine(s->hash, input->class);
    }
    for (uint32_t i = 0; i < node->n_cols; i++)
        s->hash = ps_hash_combine(s->hash, ps_type_hash(node->cols[i].type));
    s->node = node;
    return ps_node_visit_exprs(s->opt->cx, node, add_expr, s);
}

static bool inputs_same(const sharer *s, const ps_node *a, const ps_node *b)
{
    bool same = a->n_inputs == b->n_inputs;

    for (uint32_t i = 0; same && i < a->n_inputs; i++)
        same = seen_of(s, a->inputs[i])->class == seen_of(s, b->inputs[i])->class;
    return same;
}

static ps_status number(ps_ctx *cx, const ps_node *node, void *user)
{
    sharer *s = user;
    seen *me = PS_ARENA_NEW(cx, s->opt->arena, seen);

    if (!me) return PS_MEMORY;
    me->node = node;
    PS_TRY(PS_ARRAY_ADD_IN(cx, s->opt->arena, &s->all, me));
    PS_TRY(ps_ptr_map_put(cx, s->opt->arena, &s->of_node, node, me));
    PS_TRY(look_at(s, me));
    me->class = s->n_classes++;
    if (me->fixed) return PS_OK;

    const void *const key = (const void *)(uintptr_t)(s->hash | 1); /* an address is not 0 */
    me->alike = (seen *)(uintptr_t)ps_ptr_map_get(&s->alike, key);
    for (const seen *other = me->alike; other; other = other->alike) {
        pair p = {s->opt, node, other->node};
        bool same = false;

        if (!inputs_same(s, node, other->node)) continue;
        PS_TRY(ps_node_same(cx, node, other->node, exprs_same, &p, &same));
        if (cx->error.code != PS_OK) return cx->error.code;
        if (!same) continue;
        me->class = other->class;
        break;
    }
    return ps_ptr_map_put(cx, s->opt->arena, &s->alike, key, me);
}

static bool is_inner(const ps_node *node)
{
    if (node->kind != PS_NODE_JOIN) return false;
    const ps_join_kind kind = ps_node_as_join(node)->join;
    return kind == PS_JOIN_INNER || kind == PS_JOIN_CROSS;
}

/* Inner joins below inner joins, with filters and projections between, are one region. */
static void mark_regions(const sharer *s)
{
    for (size_t i = s->all.n; i-- > 0;) { /* users before inputs */
        const seen *me = s->all.at[i];
        const ps_node *node = me->node;
        const bool passes = node->kind == PS_NODE_FILTER || node->kind == PS_NODE_PROJECT;

        if (!is_inner(node) && !(passes && me->in_region)) continue;
        for (uint32_t k = 0; k < node->n_inputs; k++) {
            const uint8_t kind = node->inputs[k]->kind;
            if (is_inner(node->inputs[k]) || kind == PS_NODE_FILTER || kind == PS_NODE_PROJECT)
                seen_of(s, node->inputs[k])->in_region = true;
        }
    }
}

/* ---- what to share ---- */

static bool has_doubles(const ps_node *node)
{
    for (uint32_t i = 0; i < node->n_cols; i++)
        for (uint32_t k = 0; k < i; k++)
            if (node->cols[i].id == node->cols[k].id) return true;
    return false;
}

static bool may_share(const seen *me)
{
    return me->heavy && !me->fixed && !me->in_region && me->node->n_cols && !has_doubles(me->node);
}

/* The largest of equal plans whose sharing pays, so that shared plans may share what is inside them
 * in turn; NULL: none. Costs count with estimates only. */
static ps_status choose(const sharer *s, bool with_costs, const seen **out)
{
    uint32_t *n = PS_ARENA_ARRAY(s->opt->cx, s->opt->arena, uint32_t, s->n_classes + 1);

    *out = NULL;
    if (!n) return PS_MEMORY;
    for (size_t i = 0; i < s->all.n; i++) n[s->all.at[i]->class] += may_share(s->all.at[i]);
    for (size_t i = s->all.n; i-- > 0 && !*out;) {
        const seen *me = s->all.at[i];
        const double saved = (n[me->class] - 1.0) * me->work,
                     kept = PS_MAX(me->node->rows_est, 1) * (double)KEEP_COST * n[me->class];

        if (n[me->class] >= 2 && may_share(me) && (!with_costs || saved >= kept)) *out = me;
    }
    return PS_OK;
}

static ps_status survey(ps_opt *opt, const ps_node *plan, sharer *s)
{
    *s = (sharer){.opt = opt};
    PS_TRY(ps_node_visit(opt->cx, plan, number, s));
    mark_regions(s);
    return PS_OK;
}

typedef struct sharing {
    const sharer *s;
    uint32_t class;
    const ps_node *shared;
} sharing;

static const ps_node *read_shared(ps_planner *p, const ps_node *node, void *user)
{
    const sharing *one = user;
    const seen *me = seen_of(one->s, node);

    if (!me || me->class != one->class || !may_share(me)) return node;
    return ps_node_subplan_new(p, one->shared, PS_STR("shared"), node->cols);
}

static const ps_node *share_subplans(ps_opt *opt, const ps_node *plan)
{
    const ps_node *out = plan, *stamped;
    const seen *best;
    sharer s;
    ps_stat stat;

    if (survey(opt, plan, &s) != PS_OK || choose(&s, false, &best) != PS_OK) return NULL;
    if (!best) return plan;
    if (ps_stat_init(opt->planner, &stat) != PS_OK || !(stamped = ps_stat_stamp(&stat, plan)))
        return NULL;
    for (;;) {
        if (ps_poll(opt->cx) != PS_OK || survey(opt, stamped, &s) != PS_OK ||
            choose(&s, true, &best) != PS_OK)
            return NULL;
        if (!best) return out;
        sharing one = {&s, best->class, ps_node_instantiate(opt->planner, best->node)};
        if (!one.shared || !(stamped = ps_node_rewrite(opt->planner, stamped, read_shared, &one)))
            return NULL;
        out = stamped;
    }
}

const ps_rule ps_rule_share_subplans = {
    .name = "share_subplans",
    .doc = "equal plans in one statement are run once",
    .plan = share_subplans,
};
