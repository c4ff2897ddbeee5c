/* opt/opt.h -- the optimizer: rules, each in a file, in a listed order (rules.def).
 *
 * A rule turns a plan into one that gives the same rows in the same order; its file's head states
 * equation, why, safety and order. The driver, not the rule: walks, counts, times, honours
 * disabled_rules, verifies the plan and compares its output columns after each change (dev builds),
 * polls for cancellation. Rules only build nodes; ids stay what they are.
 *
 * Threads: one optimise run is one thread's; plans it reads are immutable. */
#ifndef PS_OPT_OPT_H
#define PS_OPT_OPT_H

#include "plan/node.h"

typedef struct ps_rule ps_rule;

/* What rules did, for EXPLAIN RULES. */
typedef struct ps_rule_report {
    const ps_rule *rule;
    uint32_t n_changes; /* passes in which it changed the plan */
    uint64_t ns;
    bool disabled;
} ps_rule_report;

typedef struct ps_opt {
    ps_planner *planner;
    ps_ctx *cx;
    ps_arena *arena;
    ps_rule_report *reports; /* by position in rules.def */
    uint32_t n_reports;
    void *user; /* a rule's own state during its run */
} ps_opt;

/* One of two forms: `node` is called for every node of kind `root` (PS_NODE_COUNT: every kind)
 * after its inputs; `plan` once with the whole plan. Both give the same pointer when nothing
 * changed, NULL on failure. */
struct ps_rule {
    const char *name;
    const char *doc; /* the equation, in one line */
    int root;
    const ps_node *(*node)(ps_opt *opt, const ps_node *node);
    const ps_node *(*plan)(ps_opt *opt, const ps_node *plan);
};

/* A stage is a run of rules in rules.def, repeated until none changes anything, at most this often.
 */
enum { PS_OPT_PASSES_MAX = 16 };

/* Optimises for running here. disabled: names separated by commas, "all", or NULL; required rules
 * (those without which a plan can't run) can't be switched off. reports (optional) are in the
 * planner's arena. */
ps_status ps_optimize(ps_planner *planner, const char *disabled, const ps_node *plan,
                      const ps_node **out, const ps_rule_report **reports, uint32_t *n_reports);
/* PS_BIND with near names when a name in the list is no rule. */
ps_status ps_opt_check_names(ps_ctx *cx, const char *disabled);

#define R(name, stage, required) extern const ps_rule ps_rule_##name;
#include "opt/rules.def"
#undef R

#endif
