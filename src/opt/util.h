/* opt/util.h -- what rules share: sets of column ids, conjunct lists, substitution.
 *
 * Functions that make something give NULL or a status on failure, with the error recorded. */
#ifndef PS_OPT_UTIL_H
#define PS_OPT_UTIL_H

#include "base/array.h"
#include "opt/opt.h"

/* ---- sets of column ids; ids made after the set are not in it ---- */
typedef struct ps_ids {
    uint64_t *bits;
    uint32_t n;
} ps_ids;
ps_status ps_ids_init(ps_opt *opt, ps_ids *set);
PS_INLINE bool ps_ids_has(const ps_ids *set, ps_col_id id)
{
    return id < set->n && (set->bits[id / 64] >> (id % 64) & 1);
}
PS_INLINE void ps_ids_add(ps_ids *set, ps_col_id id)
{
    if (id < set->n) set->bits[id / 64] |= (uint64_t)1 << (id % 64);
}
ps_status ps_ids_of_node(ps_opt *opt, const ps_node *node, ps_ids *set); /* its output columns */
bool ps_expr_uses(const ps_expr *expr, const ps_ids *set);   /* some column of the set */
bool ps_expr_within(const ps_expr *expr, const ps_ids *set); /* no column but the set's */
void ps_ids_add_expr(ps_ids *set, const ps_expr *expr);      /* the columns it reads */
/* Whether a subtree's expressions, subqueries in them too, read a column of the set; definitions
 * don't count. */
ps_status ps_node_uses(ps_opt *opt, const ps_node *node, const ps_ids *set, bool *out);
/* Adds all columns that a subtree's expressions read. */
ps_status ps_ids_add_reads(ps_opt *opt, const ps_node *node, ps_ids *set);

/* ---- lists of conjuncts ---- */
typedef PS_ARRAY(const ps_expr *) ps_conjuncts;
ps_status ps_conjuncts_add(ps_opt *opt, ps_conjuncts *list,
                           const ps_expr *expr); /* NULL: nothing; ANDs are split; no duplicates */
const ps_expr *ps_conjuncts_and(
    ps_opt *opt, const ps_conjuncts *list); /* NULL is a failure: the list is not empty */
const ps_node *ps_opt_filter(ps_opt *opt, const ps_node *input,
                             const ps_conjuncts *list); /* input itself for an empty list */

/* ---- building ---- */
const ps_expr *ps_opt_col(ps_opt *opt, const ps_col *col);
/* An argument that is NULL, because it could not be made, gives NULL. */
const ps_expr *ps_opt_call1(ps_opt *opt, const char *name, const ps_expr *a);
const ps_expr *ps_opt_call(ps_opt *opt, const char *name, const ps_expr *a, const ps_expr *b);
const ps_expr *ps_opt_int(ps_opt *opt, int64_t value);
const ps_expr *ps_opt_bool(ps_opt *opt, bool value, bool null);
bool ps_expr_is_call(const ps_expr *expr, const char *name);
/* The node's columns cut to the given ones by a projection; the node itself when they are the same.
 */
const ps_node *ps_opt_keep(ps_opt *opt, const ps_node *node, const ps_col *cols, uint32_t n);

/* ---- substitution of columns by expressions ---- */
typedef struct ps_subst {
    ps_col_id id;
    const ps_expr *expr;
} ps_subst;
typedef PS_ARRAY(ps_subst) ps_substs;
const ps_expr *ps_opt_substitute(ps_opt *opt, const ps_expr *expr, const ps_substs *map);
/* In every expression of a subtree. */
const ps_node *ps_opt_substitute_node(ps_opt *opt, const ps_node *node, const ps_substs *map);
ps_status ps_substs_of_items(ps_opt *opt, const ps_f_items *items, ps_substs *map);

/* Whether a condition can't be true, or a value can't but be null, when the set's columns are all
 * null. */
bool ps_expr_rejects_null(const ps_expr *expr, const ps_ids *set);
/* Whether some row may be an error; sharper than the flag: LIKE with a sound literal pattern can't
 * fail. */
bool ps_expr_may_fail(const ps_expr *expr);

#endif
