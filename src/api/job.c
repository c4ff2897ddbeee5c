/* api/job.c -- what makes a job of COPY the same when it is started again (fs/job.h).
 *
 * Its rows must come again, the same ones in the same order. They depend on the plan, the files it
 * reads (their description holds size and time), the seed of hashing, the rules of the optimizer
 * and this library's version; never on threads, batches or memory. What can't be told apart after a
 * restart (tables in memory) or comes out differently each time (random()) can't be a job. Tests:
 * tests/slt/op/write_job.test */
#include "api/handles.h"

static ps_status check_node(ps_ctx *cx, const ps_node *node, void *user);

static bool check_subquery(const ps_expr *e, void *user)
{
    ps_ctx *cx = user;

    if (ps_expr_is_volatile(e))
        return ps_fail(cx, PS_UNSUPPORTED,
                       "a JOB needs a query that gives the same rows again: "
                       "it has a volatile function"),
               false;
    return e->kind != PS_EXPR_SUBQUERY || ps_node_visit(cx, e->plan, check_node, cx) == PS_OK;
}

static ps_status check_expr(ps_ctx *cx, const ps_expr *e, void *user)
{
    (void)user;
    ps_expr_visit(e, check_subquery, cx);
    return cx->error.code;
}

static ps_status check_node(ps_ctx *cx, const ps_node *node, void *user)
{
    if (node->kind == PS_NODE_SCAN) {
        const ps_source *source = ps_node_as_scan(node)->source;
        if (!source->class->describe || !strcmp(source->class->name, "table"))
            return ps_fail(cx, PS_UNSUPPORTED,
                           "a JOB reads files, which are the same after a "
                           "restart: it can't read %.*s",
                           PS_STR_ARGS(source->name));
    }
    return ps_node_visit_exprs(cx, node, check_expr, user);
}

/* Without its path: a directory may be moved, or named in another way. */
static ps_status identity_of(ps_result *result, const ps_node_write *write, ps_hash128 *out)
{
    ps_sink_spec sink = *write->sink;
    ps_node_write bare = *write;
    const char *text;
    ps_hash128 plan;

    sink.path = PS_STR("");
    bare.sink = &sink;
    PS_TRY(ps_plan_hash(&result->cx, &bare.base, false, &plan));
    text = ps_arena_printf(
        &result->cx, &result->arena, "%016llx%016llx %llu %d %s %s", (unsigned long long)plan.high,
        (unsigned long long)plan.low, (unsigned long long)result->settings.exec.hash_seed,
        result->settings.exec.one_hash, result->settings.disabled_rules, ps_version());
    if (!text) return PS_MEMORY;
    *out = ps_hash128_bytes(text, strlen(text));
    return PS_OK;
}

ps_status ps_job_identify(ps_result *result, const ps_node **plan)
{
    const ps_node_write *write = (*plan)->kind == PS_NODE_WRITE ? ps_node_as_write(*plan) : NULL;

    if (!write || !write->sink->dataset || !write->sink->dataset->job.n) return PS_OK;
    ps_node_write *copy = PS_ARENA_NEW(&result->cx, &result->arena, ps_node_write);
    ps_sink_spec *sink = PS_ARENA_NEW(&result->cx, &result->arena, ps_sink_spec);
    ps_dataset_spec *dataset = PS_ARENA_NEW(&result->cx, &result->arena, ps_dataset_spec);
    ps_hash128 *identity = PS_ARENA_NEW(&result->cx, &result->arena, ps_hash128);

    if (!copy || !sink || !dataset || !identity) return PS_MEMORY;
    PS_TRY(ps_node_visit(&result->cx, *plan, check_node, NULL));
    PS_TRY(identity_of(result, write, identity));
    *dataset = *write->sink->dataset;
    dataset->identity = identity;
    *sink = *write->sink;
    sink->dataset = dataset;
    *copy = *write;
    copy->sink = sink;
    *plan = &copy->base;
    return PS_OK;
}
