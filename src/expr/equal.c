/* expr/equal.c -- structural equality and its hash; what the range of a cast's types proves.
 *
 * Equal means: the same result for every row, by structure alone. Literals compare by type and
 * value; a catalog entry by address (entries are static); a subquery's plan by address.
 * Tests: tests/unit/test_expr.c */
#include "expr/build.h"

#include "base/hash.h"

static uint64_t keys_hash(uint64_t hash, const ps_sort_key *keys, uint32_t n)
{
    hash = ps_hash_combine(hash, n);
    for (uint32_t i = 0; i < n; i++)
        hash = ps_hash_combine(hash, (uint64_t)keys[i].descending * 2 + keys[i].nulls_first);
    return hash;
}

static uint64_t func_hash(uint64_t hash, const ps_func *func)
{
    const char *name = func ? ps_func_head_of(func).name : "";

    return ps_hash_combine(hash,
                           ps_hash_bytes(name, strlen(name), 0)); /* the same in every process */
}

static uint64_t parts_hash(uint64_t hash, const ps_expr *node)
{
    const ps_agg_part *agg = node->agg;
    const ps_frame *frame = node->frame;

    if (agg) {
        hash = ps_hash_combine(hash, (uint64_t)agg->distinct * 4 + agg->ignore_nulls * 2u +
                                         (agg->filter != NULL));
        hash = keys_hash(hash, agg->order, agg->n_order);
    }
    if (node->kind != PS_EXPR_WINDOW) return hash;
    hash = keys_hash(ps_hash_combine(hash, node->n_partition), node->order, node->n_order);
    if (frame)
        hash = ps_hash_combine(hash, (uint64_t)frame->unit << 16 | (uint64_t)frame->start << 12 |
                                         (uint64_t)frame->end << 8 | (uint64_t)frame->exclude << 4 |
                                         (frame->start_offset != NULL) * 2u |
                                         (frame->end_offset != NULL));
    return hash;
}

uint64_t ps_expr_hash_of(const ps_expr *node)
{
    uint64_t hash = ps_hash_combine(ps_hash_u64(node->kind, 0), ps_type_hash(node->type));
    uint32_t n = ps_expr_n_children(node);

    hash = ps_hash_combine(hash, node->n_args);
    switch ((ps_expr_kind)node->kind) {
    case PS_EXPR_COLUMN: hash = ps_hash_combine(hash, node->column); break;
    case PS_EXPR_PARAM: hash = ps_hash_combine(hash, node->param); break;
    case PS_EXPR_LITERAL: hash = ps_hash_combine(hash, ps_value_hash(&node->literal)); break;
    case PS_EXPR_CAST: hash = ps_hash_combine(hash, node->cast); break;
    case PS_EXPR_IN: hash = ps_hash_combine(hash, node->has_null_item); break;
    case PS_EXPR_CALL: hash = func_hash(hash, node->func); break;
    case PS_EXPR_AGGREGATE:
    case PS_EXPR_WINDOW: hash = parts_hash(func_hash(hash, node->func), node); break;
    case PS_EXPR_SUBQUERY:
        hash = func_hash(ps_hash_combine(hash, node->subquery), node->compare);
        hash = ps_hash_combine(hash, (uintptr_t)node->plan);
        break;
    case PS_EXPR_AND:
    case PS_EXPR_OR:
    case PS_EXPR_CASE:
    case PS_EXPR_COALESCE:
    case PS_EXPR_TRY: break;
    }
    for (uint32_t i = 0; i < n; i++) hash = ps_hash_combine(hash, ps_expr_child(node, i)->hash);
    return hash;
}

static bool keys_equal(const ps_sort_key *a, uint32_t n_a, const ps_sort_key *b, uint32_t n_b)
{
    if (n_a != n_b) return false;
    for (uint32_t i = 0; i < n_a; i++)
        if (a[i].descending != b[i].descending || a[i].nulls_first != b[i].nulls_first)
            return false;
    return true;
}

static bool aggs_equal(const ps_agg_part *a, const ps_agg_part *b)
{
    if (!a || !b) return a == b;
    return a->distinct == b->distinct && a->ignore_nulls == b->ignore_nulls &&
           !a->filter == !b->filter && keys_equal(a->order, a->n_order, b->order, b->n_order);
}

static bool frames_equal(const ps_frame *a, const ps_frame *b)
{
    if (!a || !b) return a == b;
    return a->unit == b->unit && a->start == b->start && a->end == b->end &&
           a->exclude == b->exclude && !a->start_offset == !b->start_offset &&
           !a->end_offset == !b->end_offset;
}

/* Fields that are not children. */
static bool own_equal(const ps_expr *a, const ps_expr *b)
{
    switch ((ps_expr_kind)a->kind) {
    case PS_EXPR_COLUMN: return a->column == b->column;
    case PS_EXPR_PARAM: return a->param == b->param;
    case PS_EXPR_LITERAL: return ps_value_equal(&a->literal, &b->literal);
    case PS_EXPR_CAST: return a->cast == b->cast;
    case PS_EXPR_IN: return a->has_null_item == b->has_null_item;
    case PS_EXPR_CALL: return a->func == b->func;
    case PS_EXPR_WINDOW:
        if (a->n_partition != b->n_partition || !frames_equal(a->frame, b->frame) ||
            !keys_equal(a->order, a->n_order, b->order, b->n_order))
            return false;
        return a->func == b->func && aggs_equal(a->agg, b->agg);
    case PS_EXPR_AGGREGATE: return a->func == b->func && aggs_equal(a->agg, b->agg);
    case PS_EXPR_SUBQUERY:
        return a->subquery == b->subquery && a->compare == b->compare && a->plan == b->plan;
    case PS_EXPR_AND:
    case PS_EXPR_OR:
    case PS_EXPR_CASE:
    case PS_EXPR_COALESCE:
    case PS_EXPR_TRY: return true;
    }
    return false;
}

bool ps_expr_equal(const ps_expr *a, const ps_expr *b)
{
    uint32_t n;

    if (a == b) return true;
    if (a->hash != b->hash || a->kind != b->kind || a->n_args != b->n_args ||
        !ps_type_equal(a->type, b->type) || !own_equal(a, b))
        return false;
    n = ps_expr_n_children(a);
    if (n != ps_expr_n_children(b)) return false;
    for (uint32_t i = 0; i < n; i++)
        if (!ps_expr_equal(ps_expr_child(a, i), ps_expr_child(b, i))) return false;
    return true;
}

bool ps_expr_same_window(const ps_expr *a, const ps_expr *b)
{
    if (a->n_partition != b->n_partition || !keys_equal(a->order, a->n_order, b->order, b->n_order))
        return false;
    for (uint32_t i = 0; i < a->n_partition; i++)
        if (!ps_expr_equal(a->partition[i], b->partition[i])) return false;
    for (uint32_t i = 0; i < a->n_order; i++)
        if (!ps_expr_equal(a->order[i].expr, b->order[i].expr)) return false;
    return true;
}

/* Whether every value of an integer-like type, brought to to's scale, is in to's range. */
static bool range_fits(ps_type from, ps_type to)
{
    ps_i128 from_lo, from_hi, to_lo, to_hi, factor;
    int up = to.scale - from.scale;

    PS_ASSERT(up >= 0 && up <= 38);
    if (!ps_type_range(from, &from_lo, &from_hi) || !ps_type_range(to, &to_lo, &to_hi))
        return false;
    factor = ps_pow10[up];
    return from_lo >= to_lo / factor && from_hi <= to_hi / factor;
}

bool ps_cast_never_fails(ps_type from, ps_type to)
{
    ps_type_class a = ps_type_class_of(from), b = ps_type_class_of(to);

    if (a == PS_CLASS_NULL || ps_type_equal(from, to)) return true;
    if (to.id == PS_TYPE_STRING) return a != PS_CLASS_NESTED && from.id != PS_TYPE_BINARY;
    if (a == PS_CLASS_BOOL) return b == PS_CLASS_INTEGER || b == PS_CLASS_FLOAT;
    if (a == PS_CLASS_FLOAT) return to.id == PS_TYPE_FLOAT64;
    if (a != PS_CLASS_INTEGER && a != PS_CLASS_DECIMAL) return false;
    if (to.id == PS_TYPE_FLOAT64 || (to.id == PS_TYPE_FLOAT32 && a == PS_CLASS_INTEGER))
        return true;
    if (b != PS_CLASS_INTEGER && b != PS_CLASS_DECIMAL) return false;
    if (from.scale > to.scale) return false; /* rare; rounding is left to the kernel */
    return range_fits(from, to);
}
