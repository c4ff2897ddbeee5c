/* plan/json_read.h -- what the two halves of reading plans share; not for other folders. */
#ifndef PS_PLAN_JSON_READ_H
#define PS_PLAN_JSON_READ_H

#include "plan/json.h"
#include "plan/node_internal.h"

typedef struct ps_plan_reader {
    ps_planner *p;
    ps_ctx *cx;
    const ps_plan_resolver *resolver;
    const ps_node **nodes; /* read so far */
    uint32_t n_nodes;
    const ps_node *node; /* being read: its inputs are set, and for a scan its columns */
} ps_plan_reader;

/* Records PS_DATA with what is wrong where; gives NULL. */
void *ps_plan_damaged(ps_plan_reader *r, const ps_json *at, const char *what);
/* An unknown member is an error: what a newer version wrote must not be dropped. */
bool ps_plan_no_more(ps_plan_reader *r, const ps_json *object);
/* The position of a word in a list; false: not in it (error recorded). */
bool ps_plan_word(ps_plan_reader *r, const ps_json *json, const char *const *words, uint32_t n,
                  uint32_t *out);
bool ps_plan_read_bool(ps_plan_reader *r, const ps_json *json, bool *out);  /* absent: false */
bool ps_plan_read_str(ps_plan_reader *r, const ps_json *json, ps_str *out); /* absent: empty */
bool ps_plan_read_type(ps_plan_reader *r, ps_json *json, ps_type *out);
bool ps_plan_read_value(ps_plan_reader *r, const ps_json *json, ps_type type, ps_value *out);
const ps_expr *ps_plan_read_expr(ps_plan_reader *r, ps_json *json);
bool ps_plan_read_keys(ps_plan_reader *r, ps_json *json, const ps_sort_key **out, uint32_t *n);

#endif
