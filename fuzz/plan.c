/* fuzz/plan.c -- any text as a plan in JSON: what is read is a sound plan, says the same again when
 * written, and can be optimised and printed. */
#include "opt/opt.h"
#include "support/session.h"

#include <stdio.h>
#include <stdlib.h>

static ps_status find_source(ps_ctx *cx, void *user, ps_str description, ps_source **out)
{
    int start, step, n;
    char text[64];

    (void)user;
    snprintf(text, sizeof text, "%.*s", PS_STR_ARGS(description));
    if (sscanf(text, "range:%5d:%5d:%5d", &start, &step, &n) != 3 || step == 0 || n < 0)
        return ps_fail(cx, PS_BIND, "no such source: %s", text);
    return ps_range_source_new(cx, start, start + (int64_t)step * n, step, out);
}

static void stop(const char *what, const ps_ctx *cx)
{
    fprintf(stderr, "%s: %s\n", what, cx->error.message);
    abort();
}

/* Written, read and written again: the two texts are one. */
static void check_text(ps_ctx *cx, ps_planner *planner, const ps_plan_resolver *resolver,
                       const ps_node *plan)
{
    ps_text first, second;
    const ps_node *back;

    ps_text_init(&first, cx);
    ps_text_init(&second, cx);
    if (ps_plan_to_json(cx, plan, &first) == PS_OK) {
        if (ps_plan_from_json(planner, (ps_str){first.at, first.n}, resolver, &back) != PS_OK ||
            ps_plan_to_json(cx, back, &second) != PS_OK) {
            if (cx->error.code != PS_MEMORY) stop("not read back", cx);
        } else if (first.n != second.n || memcmp(first.at, second.at, first.n) != 0) {
            fprintf(stderr, "%.*s\n%.*s\n", (int)first.n, first.at, (int)second.n, second.at);
            abort();
        }
    }
    ps_text_release(&first);
    ps_text_release(&second);
}

static void check_plan(ps_ctx *cx, ps_planner *planner, const ps_plan_resolver *resolver,
                       const ps_node *plan)
{
    const ps_node *fast;
    ps_text text;

    if (ps_plan_verify(cx, plan) != PS_OK) stop("a plan was read that isn't sound", cx);
    check_text(cx, planner, resolver, plan);
    ps_ctx_clear(cx);
    const ps_status st = ps_optimize(planner, NULL, plan, &fast, NULL, NULL);
    if (st == PS_INTERNAL) stop("optimising", cx);
    if (st != PS_OK) return;
    ps_text_init(&text, cx);
    for (int form = PS_PLAN_TEXT; form <= PS_PLAN_GRAPHVIZ; form++)
        if (ps_plan_print(cx, fast, (ps_plan_form)form, NULL, &text) == PS_INTERNAL)
            stop("printing", cx);
    ps_text_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const ps_plan_resolver resolver = {.source = find_source};
    const ps_node *plan;
    ps_mem mem;
    ps_ctx cx;
    ps_arena arena = {0};

    ps_mem_init(&mem, NULL, "fuzz", 128 << 20);
    ps_ctx_init(&cx, &mem, NULL);
    ps_planner planner = {.cx = &cx, .arena = &arena};
    const ps_status st =
        ps_plan_from_json(&planner, (ps_str){(const char *)bytes, n}, &resolver, &plan);
    if (st == PS_INTERNAL || (st != PS_OK) != (cx.error.code != PS_OK)) stop("reading", &cx);
    if (st == PS_OK) check_plan(&cx, &planner, &resolver, plan);
    ps_arena_release(&arena);
    if (mem.used) abort();
    return 0;
}
