/* opt/opt.c -- the driver of the rules; see opt.h. */
#include "opt/opt.h"

#include "base/diag.h"
#include "base/str.h"
#include "base/thread.h"
#include "opt/util.h"

typedef struct entry {
    const ps_rule *rule;
    int stage;
    bool required;
} entry;

static const entry RULES[] = {
#define R(name, stage, required) {&ps_rule_##name, stage, required},
#include "opt/rules.def"
#undef R
};

/* The next name of a list with commas; false: there is none. */
static bool next_name(ps_str *list, ps_str *name)
{
    while (list->n && (*list->at == ',' || *list->at == ' ')) list->at++, list->n--;
    if (list->n == 0) return false;
    name->at = list->at;
    while (list->n && *list->at != ',' && *list->at != ' ') list->at++, list->n--;
    name->n = (size_t)(list->at - name->at);
    return true;
}

static bool is_disabled(const char *disabled, const entry *e)
{
    ps_str list = ps_str_of(disabled), name;

    if (e->required) return false;
    while (next_name(&list, &name)) {
        if (ps_str_equal_nocase(name, PS_STR("all")) ||
            ps_str_equal_nocase(name, ps_str_of(e->rule->name)))
            return true;
    }
    return false;
}

ps_status ps_opt_check_names(ps_ctx *cx, const char *disabled)
{
    ps_str list = ps_str_of(disabled), name;

    while (next_name(&list, &name)) {
        const char *near = NULL;
        uint32_t best = 5;
        bool found = ps_str_equal_nocase(name, PS_STR("all"));

        for (size_t i = 0; i < PS_COUNT(RULES) && !found; i++) {
            const uint32_t distance = ps_str_distance(name, ps_str_of(RULES[i].rule->name), best);

            found = distance == 0;
            if (distance < best) {
                best = distance;
                near = RULES[i].rule->name;
            }
        }
        if (found) continue;
        ps_fail(cx, PS_BIND, "there is no optimizer rule of this name: %.*s", PS_STR_ARGS(name));
        if (near) ps_hint(cx, "did you mean %s?", near);
        return PS_BIND;
    }
    return PS_OK;
}

typedef struct node_walk {
    ps_opt *opt;
    const ps_rule *rule;
} node_walk;

static const ps_node *apply_node(ps_planner *planner, const ps_node *node, void *user)
{
    node_walk *walk = user;

    if (ps_poll(planner->cx) != PS_OK) return NULL;
    if (walk->rule->root != PS_NODE_COUNT && walk->rule->root != (int)node->kind) return node;
    return walk->rule->node(walk->opt, node);
}

static ps_status check_same_columns(ps_ctx *cx, const ps_rule *rule, const ps_node *before,
                                    const ps_node *after)
{
    bool same = before->n_cols == after->n_cols;

    for (uint32_t i = 0; same && i < before->n_cols; i++) {
        same = before->cols[i].id == after->cols[i].id &&
               ps_type_equal(before->cols[i].type, after->cols[i].type);
    }
    return same ? PS_OK
                : ps_fail(cx, PS_INTERNAL, "the optimizer rule %s changed the plan's columns",
                          rule->name);
}

/* One rule over the whole plan; *plan is replaced when it changed. */
static ps_status apply_rule(ps_opt *opt, uint32_t i, const ps_node **plan, bool *changed)
{
    const ps_rule *rule = RULES[i].rule;
    const uint64_t start = ps_clock_ns();
    node_walk walk = {opt, rule};
    const ps_node *after = rule->plan ? rule->plan(opt, *plan)
                                      : ps_node_rewrite(opt->planner, *plan, apply_node, &walk);

    opt->reports[i].ns += ps_clock_ns() - start;
    if (!after)
        return ps_while(opt->cx, opt->cx->error.code, "applying the optimizer rule %s", rule->name);
    if (after == *plan) return PS_OK;
    opt->reports[i].n_changes++;
    *changed = true;
    PS_TRY(check_same_columns(opt->cx, rule, *plan, after));
    *plan = after;
#ifdef PS_DEV
    const ps_status st = ps_plan_verify(opt->cx, after);
    if (st != PS_OK)
        return ps_while(opt->cx, st, "checking the plan after the optimizer rule %s", rule->name);
#endif
    return PS_OK;
}

static ps_status run_stage(ps_opt *opt, const char *disabled, uint32_t first, uint32_t end,
                           const ps_node **plan)
{
    for (int pass = 0; pass < PS_OPT_PASSES_MAX; pass++) {
        bool changed = false;

        for (uint32_t i = first; i < end; i++) {
            PS_TRY(ps_poll(opt->cx));
            opt->reports[i].disabled = is_disabled(disabled, &RULES[i]);
            if (!opt->reports[i].disabled) PS_TRY(apply_rule(opt, i, plan, &changed));
        }
        if (!changed) return PS_OK;
    }
    return PS_OK;
}

/* Why a filter is where it is: what its rule says of it. */
static const char *stay_reason(const ps_node *filter)
{
    const ps_expr *predicate = ps_node_as_filter(filter)->predicate;

    if (ps_expr_is_volatile(predicate)) return "it gives another answer at every call";
    if (ps_expr_may_fail(predicate)) return "below, it could fail on rows that don't get here";
    return "it reads what is made there, or would change it";
}

static ps_status record_filter(ps_ctx *cx, const ps_node *node, void *user)
{
    (void)user;
    if (node->kind == PS_NODE_FILTER) {
        ps_diag_add(cx, PS_PHASE_OPTIMIZE, PS_SEVERITY_INFO, PS_DIAG_NOT_PUSHED,
                    "a filter stays above %s: %s", ps_node_kind_names[node->inputs[0]->kind],
                    stay_reason(node));
    }
    return PS_OK;
}

/* Tells the recorder which rules fired and what they left. */
static void record(const ps_opt *opt, const ps_node *plan)
{
    if (!opt->cx->diag) return;
    for (uint32_t i = 0; i < opt->n_reports; i++) {
        const ps_rule_report *report = &opt->reports[i];

        if (report->n_changes == 0) continue;
        ps_diag_add(opt->cx, PS_PHASE_OPTIMIZE, PS_SEVERITY_INFO, PS_DIAG_RULE_FIRED,
                    "%s changed the plan %u times in %.3f ms", report->rule->name,
                    (unsigned)report->n_changes, (double)report->ns / 1e6);
    }
    (void)!ps_node_visit(opt->cx, plan, record_filter, NULL); /* a note at most is missing */
}

ps_status ps_optimize(ps_planner *planner, const char *disabled, const ps_node *plan,
                      const ps_node **out, const ps_rule_report **reports, uint32_t *n_reports)
{
    ps_opt opt = {.planner = planner,
                  .cx = planner->cx,
                  .arena = planner->arena,
                  .n_reports = PS_COUNT(RULES)};
    uint32_t first = 0;

    PS_TRY(ps_opt_check_names(planner->cx, disabled));
    opt.reports = PS_ARENA_ARRAY(planner->cx, planner->arena, ps_rule_report, PS_COUNT(RULES));
    if (!opt.reports) return PS_MEMORY;
    for (uint32_t i = 0; i < PS_COUNT(RULES); i++) opt.reports[i].rule = RULES[i].rule;
    while (first < PS_COUNT(RULES)) {
        uint32_t end = first;

        while (end < PS_COUNT(RULES) && RULES[end].stage == RULES[first].stage) end++;
        PS_TRY(run_stage(&opt, disabled, first, end, &plan));
        first = end;
    }
    record(&opt, plan);
    *out = plan;
    if (reports) *reports = opt.reports;
    if (n_reports) *n_reports = opt.n_reports;
    return PS_OK;
}
