/* plan/json_names.h -- words of the canonical JSON form that writing and reading share. */
#ifndef PS_PLAN_JSON_NAMES_H
#define PS_PLAN_JSON_NAMES_H

#include "expr/expr.h"

/* By ps_subquery_kind, ps_frame_unit, ps_bound_kind, ps_frame_exclude, ps_unit, ps_type_id. */
static PS_UNUSED const char *const ps_json_subqueries[] = {"scalar", "exists", "any", "all"};
static PS_UNUSED const char *const ps_json_frames[] = {"rows", "range", "groups"};
static PS_UNUSED const char *const ps_json_bounds[] = {
    "unbounded_preceding", "preceding", "current", "following", "unbounded_following"};
static PS_UNUSED const char *const ps_json_excludes[] = {"no_others", "current_row", "group",
                                                         "ties"};
static PS_UNUSED const char *const ps_json_units[] = {"s", "ms", "us", "ns"};
static PS_UNUSED const char *const ps_json_types[] = {
#define T(ID, name, layout, class) #ID,
#include "col/types.def"
#undef T
};

#endif
