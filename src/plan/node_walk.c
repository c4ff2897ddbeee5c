/* plan/node_walk.c -- the one visitor, the one rewriter, and copies with fresh ids.
 *
 * Walks use an explicit stack and see each shared node once. They do not enter the plans of
 * subquery expressions, as ps_expr_visit doesn't; ps_node_instantiate() does, because a copy must
 * have fresh ids throughout. Tests: tests/unit/test_lower.c, test_plan_json.c */
#include "base/array.h"
#include "plan/node_internal.h"

typedef struct frame {
    const ps_node *node;
    uint32_t next;
} frame;
typedef PS_ARRAY(frame) frame_stack;

/* Calls step for each node after its inputs; done maps a node to what step gave for it. */
typedef struct walk {
    ps_ctx *cx;
    ps_arena arena;
    ps_ptr_map done;
    frame_stack stack;
} walk;

static ps_status walk_run(walk *w, const ps_node *root,
                          ps_status (*step)(walk *w, const ps_node *node, void *user,
                                            const ps_node **out),
                          void *user)
{
    PS_TRY(PS_ARRAY_ADD_IN(w->cx, &w->arena, &w->stack, (frame){root, 0}));
    while (w->stack.n) {
        frame *top = &w->stack.at[w->stack.n - 1];
        const ps_node *node = top->node, *out = NULL;

        if (top->next == 0 && ps_ptr_map_get(&w->done, node)) {
            w->stack.n--;
            continue;
        }
        if (top->next < node->n_inputs) {
            const ps_node *input = node->inputs[top->next++];
            if (!ps_ptr_map_get(&w->done, input))
                PS_TRY(PS_ARRAY_ADD_IN(w->cx, &w->arena, &w->stack, (frame){input, 0}));
            continue;
        }
        PS_TRY(ps_poll(w->cx));
        PS_TRY(step(w, node, user, &out));
        PS_TRY(ps_ptr_map_put(w->cx, &w->arena, &w->done, node, out));
        w->stack.n--;
    }
    return PS_OK;
}

typedef struct visitor {
    ps_status (*fn)(ps_ctx *cx, const ps_node *node, void *user);
    void *user;
} visitor;

static ps_status visit_step(walk *w, const ps_node *node, void *user, const ps_node **out)
{
    const visitor *v = user;

    *out = node;
    return v->fn(w->cx, node, v->user);
}

ps_status ps_node_visit(ps_ctx *cx, const ps_node *root,
                        ps_status (*fn)(ps_ctx *cx, const ps_node *node, void *user), void *user)
{
    walk w = {.cx = cx};
    visitor v = {fn, user};
    ps_status st = walk_run(&w, root, visit_step, &v);

    ps_arena_release(&w.arena);
    return st;
}

typedef struct rewriter {
    ps_planner *p;
    ps_node_fn fn;
    void *user;
} rewriter;

static ps_status rewrite_step(walk *w, const ps_node *node, void *user, const ps_node **out)
{
    rewriter *r = user;
    const ps_node *few[4], **inputs = few;

    if (node->n_inputs > PS_COUNT(few)) {
        inputs = PS_ARENA_ARRAY(w->cx, &w->arena, const ps_node *, node->n_inputs);
        if (!inputs) return w->cx->error.code;
    }
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        inputs[i] = ps_ptr_map_get(&w->done, node->inputs[i]);
        PS_ASSERT(inputs[i]);
    }
    const ps_node *now = ps_node_with_inputs(r->p, node, inputs);
    if (now) now = r->fn(r->p, now, r->user);
    *out = now;
    if (now) return PS_OK;
    return w->cx->error.code ? w->cx->error.code
                             : PS_BUG(w->cx, "a rewrite failed without an error");
}

const ps_node *ps_node_rewrite(ps_planner *p, const ps_node *root, ps_node_fn fn, void *user)
{
    walk w = {.cx = p->cx};
    rewriter r = {p, fn, user};
    const ps_node *out = NULL;

    if (walk_run(&w, root, rewrite_step, &r) == PS_OK) out = ps_ptr_map_get(&w.done, root);
    ps_arena_release(&w.arena);
    return out;
}

const ps_node *ps_node_with_inputs(ps_planner *p, const ps_node *node, const ps_node *const *inputs)
{
    if (node->n_inputs == 0 || memcmp(node->inputs, inputs, sizeof(*inputs) * node->n_inputs) == 0)
        return node;
    ps_node *copy = ps_node_dup(p, node);
    if (!copy) return NULL;
    const ps_node **own = PS_ARENA_ARRAY(p->cx, p->arena, const ps_node *, node->n_inputs);
    if (!own) return NULL;
    memcpy(own, inputs, sizeof(*inputs) * node->n_inputs);
    copy->inputs = own;
    return ps_node_finish(p, copy);
}

const ps_node *ps_node_with_rows(ps_planner *p, const ps_node *node, double rows_est)
{
    ps_node *copy = ps_node_dup(p, node);

    if (copy) copy->rows_est = rows_est;
    return copy;
}

/* ---- instantiate ---- */

typedef struct copier {
    ps_ptr_map done; /* old node -> new node */
    ps_arena scratch;
    ps_col_id *ids; /* old id -> new id; PS_COL_NONE: not defined inside */
    ps_col_id n_ids;
    ps_planner *p;
} copier;

static const ps_node *copy_plan(copier *c, const ps_node *root);

static ps_col_id copy_def(ps_field_map *map, ps_col_id id)
{
    copier *c = map->user;

    if (id >= c->n_ids) return id;
    if (c->ids[id] == PS_COL_NONE) c->ids[id] = ps_planner_id(map->p);
    return c->ids[id];
}

static const ps_expr *copy_leaf(ps_ctx *cx, const ps_expr *e, void *user)
{
    copier *c = user;

    if (e->kind == PS_EXPR_COLUMN && e->column < c->n_ids && c->ids[e->column] != PS_COL_NONE)
        return ps_expr_column(cx, c->p->arena, c->ids[e->column], e->type);
    if (e->kind == PS_EXPR_SUBQUERY) {
        const ps_node *plan = copy_plan(c, e->plan);
        if (!plan) return NULL;
        return ps_expr_subquery(cx, c->p->arena, e->subquery, e->type, e->compare, e->args,
                                e->n_args, plan);
    }
    return e;
}

static const ps_expr *copy_expr(ps_field_map *map, const ps_expr *e)
{
    return ps_expr_rewrite(map->p->cx, map->p->arena, e, copy_leaf, map->user);
}

static const ps_node *copy_node(ps_planner *p, const ps_node *node, void *user)
{
    ps_field_map map = {.p = p, .expr = copy_expr, .def = copy_def, .user = user};
    ps_node *copy = ps_node_dup(p, node);

    if (!copy || !ps_node_map_fields(&map, copy)) return NULL;
    return ps_node_finish(p, copy);
}

/* Recursion is over subqueries only, whose nesting the syntax tree's depth bounds. A plan shared
 * between a subquery and its surroundings is copied for each, under equal ids: it is only ever
 * read through SUBPLAN nodes, which give their own. */
static const ps_node *copy_plan(copier *c, const ps_node *root)
{
    const ps_node *known = ps_ptr_map_get(&c->done, root);

    if (known) return known;
    const ps_node *copy = ps_node_rewrite(c->p, root, copy_node, c);
    if (!copy || ps_ptr_map_put(c->p->cx, &c->scratch, &c->done, root, copy) != PS_OK) return NULL;
    return copy;
}

const ps_node *ps_node_instantiate(ps_planner *p, const ps_node *node)
{
    copier c = {.n_ids = p->next_id, .p = p};
    const ps_node *out = NULL;

    c.ids = ps_arena_alloc_raw(p->cx, &c.scratch, sizeof(*c.ids) * ((size_t)c.n_ids + 1), 16);
    if (c.ids) {
        memset(c.ids, 0xff, sizeof(*c.ids) * ((size_t)c.n_ids + 1));
        out = copy_plan(&c, node);
    }
    ps_arena_release(&c.scratch);
    return out;
}
