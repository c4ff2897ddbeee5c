/* opt/push_join.c -- conjuncts at a join: the side they go to, new keys, outer joins made inner.
 *
 * Part of rule_push_filters.c; that file's head says why it is safe. */
#include "func/func.h"
#include "opt/push.h"

typedef struct join_push {
    ps_push *push;
    ps_opt *opt;
    const ps_node_join *join;
    ps_join_kind kind;
    ps_ids left, right;
    ps_conjuncts to_left, to_right; /* go below */
    ps_conjuncts residual, above;
    ps_conjuncts late; /* equalities that may fail; the first late_on are the join's */
    size_t late_on;
    PS_ARRAY(ps_join_key) keys;
} join_push;

static bool is_free(const ps_expr *e) { return !ps_expr_is_volatile(e) && !ps_expr_may_fail(e); }
static bool inner_like(ps_join_kind kind) { return kind == PS_JOIN_INNER || kind == PS_JOIN_CROSS; }

/* Rows of the side that have no partner are dropped, so a condition of the join may be applied to
 * it before. */
static bool on_goes_left(ps_join_kind kind)
{
    return inner_like(kind) || kind == PS_JOIN_SEMI || kind == PS_JOIN_RIGHT;
}
static bool on_goes_right(ps_join_kind kind)
{
    return kind != PS_JOIN_RIGHT && kind != PS_JOIN_FULL;
}
/* Rows of the side come out as they are, so what is above may be applied before. */
static bool above_goes_left(ps_join_kind kind)
{
    return kind != PS_JOIN_RIGHT && kind != PS_JOIN_FULL;
}
static bool above_goes_right(ps_join_kind kind)
{
    return inner_like(kind) || kind == PS_JOIN_RIGHT;
}

/* Outer joins whose padded rows a conjunct rejects. */
static void outer_to_inner(join_push *j, const ps_conjuncts *list)
{
    bool no_left_pad = false, no_right_pad = false;

    for (size_t i = 0; i < list->n; i++) {
        no_left_pad |= ps_expr_rejects_null(list->at[i], &j->left);
        no_right_pad |= ps_expr_rejects_null(list->at[i], &j->right);
    }
    if (j->kind == PS_JOIN_LEFT && no_right_pad) j->kind = PS_JOIN_INNER;
    if (j->kind == PS_JOIN_RIGHT && no_left_pad) j->kind = PS_JOIN_INNER;
    if (j->kind != PS_JOIN_FULL) return;
    if (no_left_pad && no_right_pad) j->kind = PS_JOIN_INNER;
    else if (no_left_pad) j->kind = PS_JOIN_LEFT;
    else if (no_right_pad) j->kind = PS_JOIN_RIGHT;
}

/* a = b with each side over one input can be a key. */
static bool as_key(const join_push *j, const ps_expr *e, ps_join_key *key)
{
    const bool null_equal = ps_expr_is_call(e, "is_not_distinct_from");

    if (!ps_expr_is_call(e, "=") && !null_equal) return false;
    if (!ps_type_equal(e->args[0]->type, e->args[1]->type) || ps_expr_is_volatile(e)) return false;
    for (int side = 0; side < 2; side++) {
        const ps_expr *a = e->args[side], *b = e->args[1 - side];

        if (!(a->flags & b->flags & PS_EXPR_HAS_COLUMN)) return false;
        if (!ps_expr_within(a, &j->left) || !ps_expr_within(b, &j->right)) continue;
        *key = (ps_join_key){a, b, null_equal};
        return true;
    }
    return false;
}

static ps_status add_key(join_push *j, ps_join_key key)
{
    for (size_t i = 0; i < j->keys.n; i++) {
        const ps_join_key *other = &j->keys.at[i];
        if (other->null_equal == key.null_equal && ps_expr_equal(other->left, key.left) &&
            ps_expr_equal(other->right, key.right))
            return PS_OK;
    }
    return PS_ARRAY_ADD_IN(j->opt->cx, j->opt->arena, &j->keys, key);
}

static ps_status add_condition(join_push *j, const ps_expr *e)
{
    ps_join_key key;

    if (j->kind == PS_JOIN_MARK || !as_key(j, e, &key))
        return ps_conjuncts_add(j->opt, &j->residual, e);
    return is_free(e) ? add_key(j, key) : ps_conjuncts_add(j->opt, &j->late, e);
}

/* A key is evaluated for each row of its input, a condition only for pairs that another one has not
 * rejected. So what may fail is a key only where every pair would have to be looked at otherwise:
 * one of them, the first. SQL leaves the order of conditions open; this is where it shows. */
static ps_status settle_late(join_push *j)
{
    ps_join_key key;
    size_t n_keys = 0;

    if (j->late.n > 0 && j->keys.n == 0 && as_key(j, j->late.at[0], &key)) {
        PS_TRY(add_key(j, key));
        n_keys = 1;
    }
    for (size_t i = n_keys; i < j->late.n; i++) {
        ps_conjuncts *list = i < j->late_on ? &j->residual : &j->above;
        PS_TRY(ps_conjuncts_add(j->opt, list, j->late.at[i]));
    }
    return PS_OK;
}

/* A conjunct of the join's own condition. */
static ps_status place_on(join_push *j, const ps_expr *e)
{
    const bool free = is_free(e) && e->flags & PS_EXPR_HAS_COLUMN;

    if (free && on_goes_left(j->kind) && ps_expr_within(e, &j->left))
        return ps_conjuncts_add(j->opt, &j->to_left, e);
    if (free && j->kind != PS_JOIN_MARK && on_goes_right(j->kind) && ps_expr_within(e, &j->right))
        return ps_conjuncts_add(j->opt, &j->to_right, e);
    return add_condition(j, e);
}

/* A conjunct on the join's output. */
static ps_status place_above(join_push *j, const ps_expr *e)
{
    const bool free = is_free(e) && e->flags & PS_EXPR_HAS_COLUMN;

    if (free && above_goes_left(j->kind) && ps_expr_within(e, &j->left))
        return ps_conjuncts_add(j->opt, &j->to_left, e);
    if (free && above_goes_right(j->kind) && ps_expr_within(e, &j->right))
        return ps_conjuncts_add(j->opt, &j->to_right, e);
    if (inner_like(j->kind) && is_free(e)) return add_condition(j, e);
    if (inner_like(j->kind) && as_key(j, e, &(ps_join_key){0}))
        return ps_conjuncts_add(j->opt, &j->late, e);
    return ps_conjuncts_add(j->opt, &j->above, e);
}

/* ---- copies ---- */

/* What a disjunction says of one side alone: the OR of each branch's conjuncts over it; NULL in
 * *out: nothing. */
static ps_status implied(join_push *j, const ps_expr * or, const ps_ids *side, const ps_expr **out)
{
    const ps_expr **branches =
        PS_ARENA_ARRAY(j->opt->cx, j->opt->arena, const ps_expr *, or->n_args + 1);

    *out = NULL;
    if (!branches) return PS_MEMORY;
    for (uint32_t i = 0; i < or->n_args; i++) {
        ps_conjuncts all = {0}, mine = {0};

        PS_TRY(ps_conjuncts_add(j->opt, &all, or->args[i]));
        for (size_t k = 0; k < all.n; k++) {
            if (all.at[k]->flags & PS_EXPR_HAS_COLUMN && ps_expr_within(all.at[k], side) &&
                is_free(all.at[k]))
                PS_TRY(ps_conjuncts_add(j->opt, &mine, all.at[k]));
        }
        if (mine.n == 0) return PS_OK;
        if (!(branches[i] = ps_conjuncts_and(j->opt, &mine))) return j->opt->cx->error.code;
    }
    *out = ps_expr_or(j->opt->cx, j->opt->arena, branches, or->n_args);
    return *out ? PS_OK : j->opt->cx->error.code;
}

static ps_status copy_implied(join_push *j)
{
    for (size_t i = 0; i < j->residual.n; i++) {
        const ps_expr *e = j->residual.at[i], *copy;

        if (e->kind != PS_EXPR_OR) continue;
        if (on_goes_left(j->kind)) {
            PS_TRY(implied(j, e, &j->left, &copy));
            PS_TRY(ps_conjuncts_add(j->opt, &j->to_left, copy));
        }
        if (on_goes_right(j->kind) && j->kind != PS_JOIN_MARK) {
            PS_TRY(implied(j, e, &j->right, &copy));
            PS_TRY(ps_conjuncts_add(j->opt, &j->to_right, copy));
        }
    }
    return PS_OK;
}

/* Conditions on one side of an equal key hold on the other: from -> to. */
static ps_status copy_over_keys(join_push *j, const ps_conjuncts *from, bool to_right)
{
    ps_conjuncts *to = to_right ? &j->to_right : &j->to_left;
    const size_t n = from->n;

    for (size_t k = 0; k < j->keys.n; k++) {
        const ps_expr *a = to_right ? j->keys.at[k].left : j->keys.at[k].right;
        const ps_expr *b = to_right ? j->keys.at[k].right : j->keys.at[k].left;
        ps_ids one;

        if (a->kind != PS_EXPR_COLUMN || b->kind != PS_EXPR_COLUMN ||
            a->type.id == PS_TYPE_FLOAT64 || a->type.id == PS_TYPE_FLOAT32 ||
            a->type.id == PS_TYPE_FLOAT16)
            continue;
        PS_TRY(ps_ids_init(j->opt, &one));
        ps_ids_add(&one, a->column);
        ps_subst subst = {a->column, b};
        const ps_substs map = {&subst, 1, 1};
        for (size_t i = 0; i < n; i++) {
            if (!ps_expr_within(from->at[i], &one) || !ps_expr_rejects_null(from->at[i], &one))
                continue;
            const ps_expr *copy = ps_opt_substitute(j->opt, from->at[i], &map);
            if (!copy) return j->opt->cx->error.code;
            PS_TRY(ps_conjuncts_add(j->opt, to, copy));
        }
    }
    return PS_OK;
}

/* What the inputs are filtered by, for copies over keys: conjuncts on the way down only. */
static ps_status add_copies(join_push *j)
{
    const ps_join_kind kind = j->kind;
    const ps_conjuncts left = j->to_left, right = j->to_right;

    if (kind == PS_JOIN_MARK || kind == PS_JOIN_FULL) return PS_OK;
    PS_TRY(copy_implied(j));
    if (kind != PS_JOIN_RIGHT) PS_TRY(copy_over_keys(j, &left, true));
    if (inner_like(kind) || kind == PS_JOIN_SEMI || kind == PS_JOIN_RIGHT)
        PS_TRY(copy_over_keys(j, &right, false));
    return PS_OK;
}

/* ---- the join ---- */

static bool same_condition(const join_push *j, const ps_expr *residual)
{
    const ps_node_join *join = j->join;
    bool same = join->join == j->kind && join->keys.n == j->keys.n && !join->residual == !residual;

    for (uint32_t i = 0; same && i < join->keys.n; i++) {
        const ps_join_key *a = &join->keys.at[i], *b = &j->keys.at[i];
        same = a->null_equal == b->null_equal && ps_expr_equal(a->left, b->left) &&
               ps_expr_equal(a->right, b->right);
    }
    return same && (!residual || ps_expr_equal(residual, join->residual));
}

static const ps_node *rebuild(join_push *j)
{
    ps_opt *opt = j->opt;
    const ps_node *inputs[2], *node = &j->join->base;
    const ps_expr *residual = NULL;

    inputs[0] = ps_push_into(j->push, node->inputs[0], &j->to_left);
    inputs[1] = inputs[0] ? ps_push_into(j->push, node->inputs[1], &j->to_right) : NULL;
    if (!inputs[1]) return NULL;
    if (j->residual.n && !(residual = ps_conjuncts_and(opt, &j->residual))) return NULL;
    if (j->kind == PS_JOIN_CROSS && (j->keys.n || residual)) j->kind = PS_JOIN_INNER;
    if (j->kind == PS_JOIN_INNER && j->keys.n == 0 && !residual) j->kind = PS_JOIN_CROSS;
    if (same_condition(j, residual)) {
        node = ps_node_with_inputs(opt->planner, node, inputs);
    } else {
        ps_join_spec spec = {.kind = j->kind,
                             .keys = j->keys.at,
                             .n_keys = (uint32_t)j->keys.n,
                             .residual = residual};
        if (j->kind == PS_JOIN_MARK) spec.mark = j->join->mark.at[0];
        node = ps_node_join_new(opt->planner, inputs[0], inputs[1], &spec);
    }
    return node ? ps_opt_filter(opt, node, &j->above) : NULL;
}

const ps_node *ps_push_join(ps_push *push, const ps_node *node, const ps_conjuncts *list)
{
    join_push j = {.push = push, .opt = push->opt, .join = ps_node_as_join(node)};
    ps_conjuncts on = {0};

    j.kind = j.join->join;
    if (ps_ids_of_node(j.opt, node->inputs[0], &j.left) != PS_OK) return NULL;
    if (ps_ids_of_node(j.opt, node->inputs[1], &j.right) != PS_OK) return NULL;
    if (!push->joins_only) outer_to_inner(&j, list);
    for (uint32_t i = 0; i < j.join->keys.n; i++) {
        if (PS_ARRAY_ADD_IN(j.opt->cx, j.opt->arena, &j.keys, j.join->keys.at[i]) != PS_OK)
            return NULL;
    }
    if (ps_conjuncts_add(j.opt, &on, j.join->residual) != PS_OK) return NULL;
    for (size_t i = 0; i < on.n; i++) {
        if (place_on(&j, on.at[i]) != PS_OK) return NULL;
    }
    j.late_on = j.late.n;
    for (size_t i = 0; i < list->n; i++) {
        if (place_above(&j, list->at[i]) != PS_OK) return NULL;
    }
    if (settle_late(&j) != PS_OK) return NULL;
    if (!push->joins_only && add_copies(&j) != PS_OK) return NULL;
    return rebuild(&j);
}
