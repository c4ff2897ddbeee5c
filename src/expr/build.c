/* expr/build.c -- builders: every node is made here, with its flags, depth, size and hash.
 *
 * A builder copies argument arrays into the arena and fails when the tree becomes too deep or too
 * large; nothing else can build a node, so walks over expressions need no limits of their own.
 * Tests: tests/unit/test_expr.c */
#include "expr/build.h"

#include "base/hash.h"

#include <stdlib.h>

/* A node with a copy of args; type's extension is kept by the arena. */
static ps_expr *node_new(ps_ctx *cx, ps_arena *arena, ps_expr_kind kind, ps_type type,
                         const ps_expr *const *args, uint32_t n)
{
    ps_expr *node = PS_ARENA_NEW(cx, arena, ps_expr);

    if (!node) return NULL;
    if (type.ext && ps_type_keep(cx, arena, type) != PS_OK) return NULL;
    node->kind = (uint8_t)kind;
    node->type = type;
    if (n) {
        const ps_expr **copy = PS_ARENA_ARRAY(cx, arena, const ps_expr *, n);
        if (!copy) return NULL;
        for (uint32_t i = 0; i < n; i++) {
            if (!args[i]) return NULL; /* a builder inside the argument list failed */
            copy[i] = args[i];
        }
        node->args = copy;
        node->n_args = n;
    }
    return node;
}

/* Flags that a node adds to those of its children. */
static uint8_t own_flags(const ps_expr *node)
{
    switch ((ps_expr_kind)node->kind) {
    case PS_EXPR_COLUMN: return PS_EXPR_HAS_COLUMN;
    case PS_EXPR_PARAM: return PS_EXPR_HAS_PARAM;
    case PS_EXPR_CAST:
        return node->cast == PS_CAST_ERROR && !ps_cast_never_fails(node->args[0]->type, node->type)
                   ? PS_EXPR_FALLIBLE
                   : 0;
    case PS_EXPR_CALL:
    case PS_EXPR_AGGREGATE:
    case PS_EXPR_WINDOW: {
        ps_func_head head = ps_func_head_of(node->func);
        unsigned flags = (head.purity == PS_EXPR_PURITY_VOLATILE ? PS_EXPR_VOLATILE : 0) |
                         (head.fallible ? PS_EXPR_FALLIBLE : 0);
        if (node->kind == PS_EXPR_AGGREGATE) flags |= PS_EXPR_HAS_AGGREGATE;
        if (node->kind == PS_EXPR_WINDOW) flags |= PS_EXPR_HAS_WINDOW;
        return (uint8_t)flags;
    }
    case PS_EXPR_SUBQUERY:
        /* a scalar subquery of two rows is an error */
        return PS_EXPR_HAS_SUBQUERY | (node->subquery == PS_SUBQUERY_SCALAR ? PS_EXPR_FALLIBLE : 0);
    case PS_EXPR_LITERAL:
    case PS_EXPR_AND:
    case PS_EXPR_OR:
    case PS_EXPR_CASE:
    case PS_EXPR_COALESCE:
    case PS_EXPR_IN:
    case PS_EXPR_TRY: return 0;
    }
    return 0;
}

const ps_expr *ps_expr_finish(ps_ctx *cx, ps_expr *node)
{
    uint32_t depth = 0, n_children = ps_expr_n_children(node);
    uint64_t n_nodes = 1;
    unsigned flags = 0;

    for (uint32_t i = 0; i < n_children; i++) {
        const ps_expr *child = ps_expr_child(node, i);
        if (!child) return NULL;
        flags |= child->flags;
        depth = PS_MAX(depth, child->depth);
        n_nodes += child->n_nodes;
    }
    if (depth + 1 > PS_EXPR_DEPTH_MAX) {
        ps_fail(cx, PS_UNSUPPORTED, "expression is nested more than %d deep", PS_EXPR_DEPTH_MAX);
        return NULL;
    }
    if (n_nodes > PS_EXPR_NODES_MAX) {
        ps_fail(cx, PS_UNSUPPORTED, "expression has more than %d parts", PS_EXPR_NODES_MAX);
        return NULL;
    }
    if (node->kind == PS_EXPR_TRY) flags &= ~(unsigned)PS_EXPR_FALLIBLE;
    node->depth = (uint16_t)(depth + 1);
    node->n_nodes = (uint32_t)n_nodes;
    node->flags = (uint8_t)(flags | own_flags(node));
    node->hash = ps_expr_hash_of(node);
    return node;
}

const ps_expr *ps_expr_column(ps_ctx *cx, ps_arena *arena, ps_col_id id, ps_type type)
{
    ps_expr *node = node_new(cx, arena, PS_EXPR_COLUMN, type, NULL, 0);

    PS_ASSERT(id != PS_COL_NONE);
    if (!node) return NULL;
    node->column = id;
    return ps_expr_finish(cx, node);
}

const ps_expr *ps_expr_literal(ps_ctx *cx, ps_arena *arena, const ps_value *value)
{
    ps_expr *node = node_new(cx, arena, PS_EXPR_LITERAL, value->type, NULL, 0);

    if (!node || ps_value_copy(cx, arena, value, &node->literal) != PS_OK) return NULL;
    return ps_expr_finish(cx, node);
}

const ps_expr *ps_expr_param(ps_ctx *cx, ps_arena *arena, uint32_t param, ps_type type)
{
    ps_expr *node = node_new(cx, arena, PS_EXPR_PARAM, type, NULL, 0);

    if (!node) return NULL;
    node->param = param;
    return ps_expr_finish(cx, node);
}

const ps_expr *ps_expr_call(ps_ctx *cx, ps_arena *arena, const ps_func *func, ps_type type,
                            const ps_expr *const *args, uint32_t n)
{
    ps_expr *node = node_new(cx, arena, PS_EXPR_CALL, type, args, n);

    PS_ASSERT(func);
    if (!node) return NULL;
    node->func = func;
    return ps_expr_finish(cx, node);
}

const ps_expr *ps_expr_cast(ps_ctx *cx, ps_arena *arena, const ps_expr *arg, ps_type type,
                            ps_cast_mode mode)
{
    ps_expr *node;

    if (!arg) return NULL;
    if (ps_type_equal(arg->type, type)) return arg;
    node = node_new(cx, arena, PS_EXPR_CAST, type, &arg, 1);
    if (!node) return NULL;
    node->cast = mode;
    node->at = arg->at; /* a cast that nobody wrote fails where its argument stands */
    return ps_expr_finish(cx, node);
}

/* AND and OR: arguments of the same kind give way to their own arguments. */
static const ps_expr *junction_new(ps_ctx *cx, ps_arena *arena, ps_expr_kind kind,
                                   const ps_expr *const *args, uint32_t n)
{
    uint64_t n_flat = 0;
    const ps_expr **flat;
    ps_expr *node;
    uint32_t at = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (!args[i]) return NULL;
        PS_ASSERT(args[i]->type.id == PS_TYPE_BOOL);
        n_flat += args[i]->kind == kind ? args[i]->n_args : 1;
    }
    if (n_flat == 0) {
        ps_value identity = ps_value_bool(kind == PS_EXPR_AND);
        return ps_expr_literal(cx, arena, &identity);
    }
    if (n == 1) return args[0];
    if (n_flat > PS_EXPR_NODES_MAX) {
        ps_fail(cx, PS_UNSUPPORTED, "expression has more than %d parts", PS_EXPR_NODES_MAX);
        return NULL;
    }
    flat = PS_ARENA_ARRAY(cx, arena, const ps_expr *, n_flat);
    if (!flat) return NULL;
    for (uint32_t i = 0; i < n; i++) {
        if (args[i]->kind != kind) {
            flat[at++] = args[i];
            continue;
        }
        for (uint32_t j = 0; j < args[i]->n_args; j++) flat[at++] = args[i]->args[j];
    }
    node = node_new(cx, arena, kind, PS_TYPE(BOOL), flat, at);
    return node ? ps_expr_finish(cx, node) : NULL;
}

const ps_expr *ps_expr_and(ps_ctx *cx, ps_arena *arena, const ps_expr *const *args, uint32_t n)
{
    return junction_new(cx, arena, PS_EXPR_AND, args, n);
}

const ps_expr *ps_expr_or(ps_ctx *cx, ps_arena *arena, const ps_expr *const *args, uint32_t n)
{
    return junction_new(cx, arena, PS_EXPR_OR, args, n);
}

const ps_expr *ps_expr_case(ps_ctx *cx, ps_arena *arena, const ps_expr *const *args, uint32_t n)
{
    ps_expr *node;

    PS_ASSERT(n % 2 == 1);
    if (!args[n - 1]) return NULL;
    node = node_new(cx, arena, PS_EXPR_CASE, args[n - 1]->type, args, n);
    return node ? ps_expr_finish(cx, node) : NULL;
}

const ps_expr *ps_expr_coalesce(ps_ctx *cx, ps_arena *arena, const ps_expr *const *args, uint32_t n)
{
    ps_expr *node;

    PS_ASSERT(n > 0);
    if (n == 1 || !args[0]) return args[0];
    node = node_new(cx, arena, PS_EXPR_COALESCE, args[0]->type, args, n);
    return node ? ps_expr_finish(cx, node) : NULL;
}

static int item_compare(const void *a, const void *b)
{
    const ps_expr *const *x = a, *const *y = b;

    return ps_value_compare(&(*x)->literal, &(*y)->literal);
}

const ps_expr *ps_expr_in(ps_ctx *cx, ps_arena *arena, const ps_expr *needle,
                          const ps_expr *const *items, uint32_t n)
{
    const ps_expr **args;
    bool has_null = false;
    ps_expr *node;
    uint32_t n_args = 1, n_kept;

    if (!needle) return NULL;
    args = PS_ARENA_ARRAY(cx, arena, const ps_expr *, (size_t)n + 1);
    if (!args) return NULL;
    for (uint32_t i = 0; i < n; i++) {
        if (!items[i]) return NULL;
        PS_ASSERT(items[i]->kind == PS_EXPR_LITERAL);
        PS_ASSERT(ps_type_equal(items[i]->type, needle->type));
        if (items[i]->literal.null) has_null = true;
        else args[n_args++] = items[i];
    }
    args[0] = needle;
    qsort(args + 1, n_args - 1, sizeof(args[0]), item_compare);
    n_kept = n_args > 1 ? 2 : 1;
    for (uint32_t i = 2; i < n_args; i++)
        if (ps_value_compare(&args[i]->literal, &args[n_kept - 1]->literal) != 0)
            args[n_kept++] = args[i];
    node = node_new(cx, arena, PS_EXPR_IN, PS_TYPE(BOOL), args, n_kept);
    if (!node) return NULL;
    node->has_null_item = has_null;
    return ps_expr_finish(cx, node);
}

const ps_expr *ps_expr_try(ps_ctx *cx, ps_arena *arena, const ps_expr *arg)
{
    ps_expr *node;

    if (!arg || !ps_expr_is_fallible(arg)) return arg;
    node = node_new(cx, arena, PS_EXPR_TRY, arg->type, &arg, 1);
    return node ? ps_expr_finish(cx, node) : NULL;
}

static const ps_sort_key *keys_copy(ps_ctx *cx, ps_arena *arena, const ps_sort_key *keys,
                                    uint32_t n)
{
    ps_sort_key *copy = PS_ARENA_ARRAY(cx, arena, ps_sort_key, n + 1);

    if (copy && n) memcpy(copy, keys, n * sizeof(*copy));
    return copy;
}

/* The catalog entry and the aggregate's part, copied. */
static bool node_set_agg(ps_ctx *cx, ps_arena *arena, ps_expr *node, const ps_func *func,
                         const ps_agg_part *part)
{
    ps_agg_part *copy;

    node->func = func;
    if (!part) return true;
    copy = PS_ARENA_NEW(cx, arena, ps_agg_part);
    if (!copy) return false;
    *copy = *part;
    copy->order = keys_copy(cx, arena, part->order, part->n_order);
    node->agg = copy;
    return copy->order != NULL;
}

const ps_expr *ps_expr_aggregate(ps_ctx *cx, ps_arena *arena, const ps_func *func, ps_type type,
                                 const ps_expr *const *args, uint32_t n, const ps_agg_part *part)
{
    ps_expr *node = node_new(cx, arena, PS_EXPR_AGGREGATE, type, args, n);
    const ps_agg_part none = {0};

    if (!node || !node_set_agg(cx, arena, node, func, part ? part : &none)) return NULL;
    return ps_expr_finish(cx, node);
}

const ps_expr *ps_expr_window(ps_ctx *cx, ps_arena *arena, const ps_func *func, ps_type type,
                              const ps_expr *const *args, uint32_t n, const ps_agg_part *part,
                              const ps_window_spec *spec)
{
    ps_expr *node = node_new(cx, arena, PS_EXPR_WINDOW, type, args, n);
    const ps_agg_part none = {0};
    const ps_expr **partition;
    ps_frame *frame;

    if (!node || !node_set_agg(cx, arena, node, func, part ? part : &none)) return NULL;
    frame = PS_ARENA_NEW(cx, arena, ps_frame);
    partition = PS_ARENA_ARRAY(cx, arena, const ps_expr *, (size_t)spec->n_partition + 1);
    node->order = keys_copy(cx, arena, spec->order, spec->n_order);
    if (!frame || !partition || !node->order) return NULL;
    if (spec->n_partition)
        memcpy(partition, spec->partition, spec->n_partition * sizeof(*partition));
    *frame = spec->frame;
    node->partition = partition;
    node->n_partition = spec->n_partition;
    node->n_order = spec->n_order;
    node->frame = frame;
    return ps_expr_finish(cx, node);
}

const ps_expr *ps_expr_subquery(ps_ctx *cx, ps_arena *arena, ps_subquery_kind kind, ps_type type,
                                const ps_func *compare, const ps_expr *const *args, uint32_t n,
                                const ps_node *plan)
{
    ps_expr *node = node_new(cx, arena, PS_EXPR_SUBQUERY, type, args, n);

    if (!node) return NULL;
    node->subquery = kind;
    node->compare = compare;
    node->plan = plan;
    return ps_expr_finish(cx, node);
}

const ps_expr *ps_expr_place(const ps_expr *expr, uint32_t at)
{
    /* the one write to a finished node: its builder's caller still owns it alone */
    if (expr && expr->at == 0) ((ps_expr *)(uintptr_t)expr)->at = at;
    return expr;
}
