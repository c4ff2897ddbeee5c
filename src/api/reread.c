/* api/reread.c -- with the setting `verify`: every plan goes through its JSON form.
 *
 * What is run is what was read back, so that a field that JSON loses shows in results; the plan
 * that the rules made of it must come back with equal bytes too. Sources and sinks are found by
 * their descriptions among those of the plan. Tests: tests/configs/verify.conf */
#include "api/handles.h"

typedef struct found {
    ps_ctx *cx;
    ps_arena *arena;
    PS_ARRAY(ps_source *) sources;
    const ps_sink_spec *sink;
    ps_status status;
} found;

static ps_status collect(ps_ctx *cx, const ps_node *node, void *user);

static bool collect_subquery(const ps_expr *e, void *user)
{
    found *f = user;

    if (e->kind == PS_EXPR_SUBQUERY) f->status = ps_node_visit(f->cx, e->plan, collect, f);
    return f->status == PS_OK;
}

static ps_status collect_expr(ps_ctx *cx, const ps_expr *e, void *user)
{
    found *f = user;

    (void)cx;
    ps_expr_visit(e, collect_subquery, f);
    return f->status;
}

static ps_status collect(ps_ctx *cx, const ps_node *node, void *user)
{
    found *f = user;

    if (node->kind == PS_NODE_WRITE) f->sink = ps_node_as_write(node)->sink;
    if (node->kind == PS_NODE_SCAN)
        PS_TRY(PS_ARRAY_ADD_IN(cx, f->arena, &f->sources, ps_node_as_scan(node)->source));
    return ps_node_visit_exprs(cx, node, collect_expr, f);
}

static ps_status source_of(ps_ctx *cx, void *user, ps_str description, ps_source **out)
{
    const found *f = user;

    for (size_t i = 0; i < f->sources.n; i++) {
        ps_source *source = f->sources.at[i];
        ps_text text;

        ps_text_init(&text, cx);
        if (source->class->describe) source->class->describe(source, &text);
        else ps_text_printf(&text, "%s:%.*s", source->class->name, PS_STR_ARGS(source->name));
        const ps_status st = ps_text_status(&text);
        const bool same = st == PS_OK && ps_str_equal(description, (ps_str){text.at, text.n});
        ps_text_release(&text);
        PS_TRY(st);
        if (same) return *out = ps_source_ref(source), PS_OK;
    }
    return PS_BUG(cx, "a plan read back names a source that it did not have");
}

static ps_status sink_of(ps_ctx *cx, void *user, ps_str description, ps_sink_spec *out)
{
    const found *f = user;

    (void)description;
    if (!f->sink) return PS_BUG(cx, "a plan read back writes where it did not");
    *out = *f->sink;
    return PS_OK;
}

/* A source without a description is known by its name alone, which others may have too. */
static bool are_described(const found *f)
{
    for (size_t i = 0; i < f->sources.n; i++)
        if (!f->sources.at[i]->class->describe) return false;
    return true;
}

ps_status ps_reread(ps_planner *planner, const ps_node *plan, const ps_node **out)
{
    found f = {.cx = planner->cx, .arena = planner->arena};
    const ps_plan_resolver resolver = {.source = source_of, .sink = sink_of, .user = &f};
    ps_text first, second;
    ps_status st;

    *out = plan;
    ps_text_init(&first, planner->cx);
    ps_text_init(&second, planner->cx);
    PS_GO(ps_node_visit(planner->cx, plan, collect, &f));
    if (!are_described(&f)) goto done;
    PS_GO(ps_plan_to_json(planner->cx, plan, &first));
    PS_GO(ps_text_status(&first));
    PS_GO(ps_plan_from_json(planner, (ps_str){first.at, first.n}, &resolver, out));
    PS_GO(ps_plan_to_json(planner->cx, *out, &second));
    PS_GO(ps_text_status(&second));
    if (first.n != second.n || memcmp(first.at, second.at, first.n) != 0)
        st = PS_BUG(planner->cx, "a plan changed on its way through JSON");
done:
    ps_text_release(&first);
    ps_text_release(&second);
    return st;
}
