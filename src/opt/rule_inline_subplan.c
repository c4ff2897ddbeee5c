/* opt/rule_inline_subplan.c -- subplan(x) with a single reader  =>  project(x)
 *
 * The project gives the reader's ids.
 * Why: nothing need be kept, and filters go through.
 * Safe: the plan still runs once.
 * Order: after unnesting, which makes and copies shared plans. Tests: tests/slt/opt/prune.test */
#include "opt/util.h"

typedef struct census {
    ps_opt *opt;
    PS_ARRAY(const ps_node *) readers;
} census;

static ps_status count(ps_ctx *cx, const ps_node *node, void *user)
{
    census *c = user;

    return node->kind == PS_NODE_SUBPLAN ? PS_ARRAY_ADD_IN(cx, c->opt->arena, &c->readers, node)
                                         : PS_OK;
}

/* The first reader of a plan that nobody else reads; NULL: there is none. */
static const ps_node *find_single(const census *c)
{
    for (size_t i = 0; i < c->readers.n; i++) {
        uint32_t n = 0;

        for (size_t k = 0; k < c->readers.n; k++)
            n += c->readers.at[k]->inputs[0] == c->readers.at[i]->inputs[0];
        if (n == 1) return c->readers.at[i];
    }
    return NULL;
}

static const ps_node *as_project(ps_opt *opt, const ps_node *node)
{
    const ps_f_cols *cols = &ps_node_as_subplan(node)->columns;
    ps_item *items = PS_ARENA_ARRAY(opt->cx, opt->arena, ps_item, cols->n + 1);

    for (uint32_t i = 0; items && i < cols->n; i++) {
        items[i] = (ps_item){cols->at[i], ps_opt_col(opt, &node->inputs[0]->cols[i])};
        if (!items[i].expr) return NULL;
    }
    return items ? ps_node_project_new(opt->planner, node->inputs[0], items, cols->n) : NULL;
}

typedef struct swap {
    const ps_node *old, *new;
} swap;

static const ps_node *swap_node(ps_planner *p, const ps_node *node, void *user)
{
    const swap *s = user;

    (void)p;
    return node == s->old ? s->new : node;
}

static const ps_node *inline_subplan(ps_opt *opt, const ps_node *plan)
{
    for (;;) {
        census c = {.opt = opt};
        swap s = {0};

        if (ps_poll(opt->cx) != PS_OK || ps_node_visit(opt->cx, plan, count, &c) != PS_OK)
            return NULL;
        if (!(s.old = find_single(&c))) return plan;
        if (!(s.new = as_project(opt, s.old)) ||
            !(plan = ps_node_rewrite(opt->planner, plan, swap_node, &s)))
            return NULL;
    }
}

const ps_rule ps_rule_inline_subplan = {
    .name = "inline_subplan",
    .doc = "a shared plan with one reader is not shared",
    .plan = inline_subplan,
};
