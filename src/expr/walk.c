/* expr/walk.c -- children by number, copies with other children, visiting and rewriting.
 *
 * The order of children is written down once, in slot_at(); everything else uses it.
 * Tests: tests/unit/test_expr.c */
#include "expr/build.h"

static bool has_over(const ps_expr *e) { return e->kind == PS_EXPR_WINDOW; }
static const ps_agg_part *agg_of(const ps_expr *e)
{
    return e->kind == PS_EXPR_AGGREGATE || e->kind == PS_EXPR_WINDOW ? e->agg : NULL;
}

uint32_t ps_expr_n_children(const ps_expr *expr)
{
    const ps_agg_part *agg = agg_of(expr);
    uint32_t n = expr->n_args;

    if (agg) n += agg->n_order + (agg->filter ? 1 : 0);
    if (has_over(expr)) {
        n += expr->n_partition + expr->n_order;
        if (expr->frame && expr->frame->start_offset) n++;
        if (expr->frame && expr->frame->end_offset) n++;
    }
    return n;
}

/* The address of the i-th child's pointer inside the node and its parts. */
static const ps_expr *const *slot_at(const ps_expr *expr, uint32_t i)
{
    const ps_agg_part *agg = agg_of(expr);

    if (i < expr->n_args) return &expr->args[i];
    i -= expr->n_args;
    if (agg && agg->filter && i-- == 0) return &agg->filter;
    if (has_over(expr)) {
        if (i < expr->n_partition) return &expr->partition[i];
        i -= expr->n_partition;
        if (i < expr->n_order) return &expr->order[i].expr;
        i -= expr->n_order;
    }
    if (agg) {
        if (i < agg->n_order) return &agg->order[i].expr;
        i -= agg->n_order;
    }
    if (has_over(expr) && expr->frame) {
        if (expr->frame->start_offset && i-- == 0) return &expr->frame->start_offset;
        if (expr->frame->end_offset && i-- == 0) return &expr->frame->end_offset;
    }
    PS_ASSERT(false); /* child number out of range */
    return NULL;
}

const ps_expr *ps_expr_child(const ps_expr *expr, uint32_t i) { return *slot_at(expr, i); }

static void *part_copy(ps_ctx *cx, ps_arena *arena, const void *src, size_t bytes)
{
    void *copy = ps_arena_alloc(cx, arena, bytes ? bytes : 1);

    if (copy && bytes) memcpy(copy, src, bytes);
    return copy;
}

/* A node whose every part that holds child pointers is its own, to be written through slot_at(). */
static ps_expr *node_copy(ps_ctx *cx, ps_arena *arena, const ps_expr *expr)
{
    ps_expr *copy = part_copy(cx, arena, expr, sizeof(*expr));
    const ps_agg_part *agg = agg_of(expr);

    if (!copy) return NULL;
    if (expr->type.ext && ps_type_keep(cx, arena, expr->type) != PS_OK) return NULL;
    copy->args = part_copy(cx, arena, expr->args, expr->n_args * sizeof(*expr->args));
    if (!copy->args) return NULL;
    if (agg) {
        ps_agg_part *part = part_copy(cx, arena, agg, sizeof(*agg));
        if (!part) return NULL;
        part->order = part_copy(cx, arena, agg->order, agg->n_order * sizeof(*agg->order));
        if (!part->order) return NULL;
        copy->agg = part;
    }
    if (has_over(expr)) {
        copy->partition =
            part_copy(cx, arena, expr->partition, expr->n_partition * sizeof(*expr->partition));
        copy->order = part_copy(cx, arena, expr->order, expr->n_order * sizeof(*expr->order));
        if (expr->frame) copy->frame = part_copy(cx, arena, expr->frame, sizeof(*expr->frame));
        if (!copy->partition || !copy->order || (expr->frame && !copy->frame)) return NULL;
    }
    return copy;
}

const ps_expr *ps_expr_with_children(ps_ctx *cx, ps_arena *arena, const ps_expr *expr,
                                     const ps_expr *const *children)
{
    uint32_t n = ps_expr_n_children(expr), i = 0;
    ps_expr *copy;

    while (i < n && children[i] == ps_expr_child(expr, i)) i++;
    if (i == n) return expr;
    /* a conjunct that became an AND itself is flattened as in the builder */
    if (expr->kind == PS_EXPR_AND || expr->kind == PS_EXPR_OR) {
        const ps_expr *flat = expr->kind == PS_EXPR_AND ? ps_expr_and(cx, arena, children, n)
                                                        : ps_expr_or(cx, arena, children, n);
        return flat && flat->kind == expr->kind ? ps_expr_place(flat, expr->at) : flat;
    }
    copy = node_copy(cx, arena, expr);
    if (!copy) return NULL;
    for (i = 0; i < n; i++) {
        /* slot_at() looks through const; all parts of this copy are ours */
        const ps_expr **slot = (const ps_expr **)(uintptr_t)slot_at(copy, i);
        if (!children[i]) return NULL;
        PS_ASSERT(ps_type_equal(children[i]->type, (*slot)->type));
        *slot = children[i];
    }
    return ps_expr_finish(cx, copy);
}

const ps_expr *ps_expr_rewrite(ps_ctx *cx, ps_arena *arena, const ps_expr *expr, ps_expr_fn fn,
                               void *user)
{
    uint32_t n = ps_expr_n_children(expr);
    const ps_expr **children = NULL;

    for (uint32_t i = 0; i < n; i++) {
        const ps_expr *child = ps_expr_child(expr, i);
        const ps_expr *changed = ps_expr_rewrite(cx, arena, child, fn, user);
        if (!changed) return NULL;
        if (changed != child && !children) { /* the first change: the ones before it are the same */
            children = PS_ARENA_ARRAY(cx, arena, const ps_expr *, n);
            if (!children) return NULL;
            for (uint32_t j = 0; j < i; j++) children[j] = ps_expr_child(expr, j);
        }
        if (children) children[i] = changed;
    }
    if (children) expr = ps_expr_with_children(cx, arena, expr, children);
    return expr ? fn(cx, expr, user) : NULL;
}

bool ps_expr_visit(const ps_expr *expr, bool (*fn)(const ps_expr *expr, void *user), void *user)
{
    uint32_t n = ps_expr_n_children(expr);

    if (!fn(expr, user)) return false;
    for (uint32_t i = 0; i < n; i++)
        if (!ps_expr_visit(ps_expr_child(expr, i), fn, user)) return false;
    return true;
}
