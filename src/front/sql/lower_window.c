/* front/sql/lower_window.c -- window calls, named windows, and the Window nodes they become.
 *
 * Calls with the same PARTITION BY and ORDER BY share one node, so that they share one sort.
 * Tests: tests/unit/test_lower.c, tests/slt/sql/window.test */
#include "front/sql/lower_int.h"

/* ---- OVER ---- */

static const ps_sql_window *named_window(ps_lower_in *in, const ps_sql_ident *name)
{
    ps_near near = ps_near_of(name->text);

    for (uint32_t i = 0; in->windows && i < in->windows->n; i++) {
        const ps_sql_window *w = (const ps_sql_window *)(const void *)in->windows->at[i];
        ps_near_add(&near, w->name.text);
        if (ps_lower_same(in->lo, name, w->name.text)) return w;
    }
    ps_fail(in->lo->cx, PS_BIND, "no window has the name \"%.*s\"", PS_STR_ARGS(name->text));
    ps_near_hint(in->lo->cx, &near);
    if (in->lo->n_views == 0) ps_fail_at(in->lo->cx, name->offset);
    return NULL;
}

static bool add_partition(ps_lower_in *in, const ps_sql_window *w, ps_window_spec *spec)
{
    if (w->partition.n == 0) return true;
    if (!(spec->partition = ps_lower_exprs(in, &w->partition))) return false;
    spec->n_partition = w->partition.n;
    return true;
}

static bool add_order(ps_lower_in *in, const ps_sql_window *w, ps_window_spec *spec)
{
    ps_lower *lo = in->lo;
    ps_sort_key *keys = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_sort_key, w->order.n + 1);

    if (w->order.n == 0) return true;
    for (uint32_t i = 0; keys && i < w->order.n; i++)
        if (!ps_lower_sort_key(in, (const ps_sql_sort *)(const void *)w->order.at[i], &keys[i]))
            return false;
    spec->order = keys;
    spec->n_order = w->order.n;
    return keys != NULL;
}

static bool add_offset(ps_lower_in *in, const ps_sql_node *node, ps_bound_kind kind,
                       const ps_frame *frame, const ps_window_spec *spec, const ps_expr **out)
{
    *out = NULL;
    if (kind != PS_BOUND_PRECEDING && kind != PS_BOUND_FOLLOWING) return true;
    const ps_expr *e = ps_lower_expr(in, node);
    if (!e) return false;
    if (frame->unit != PS_FRAME_RANGE) {
        *out = ps_lower_cast(in->lo, e, PS_TYPE(INT64), PS_CAST_ERROR);
    } else {
        if (spec->n_order != 1) {
            ps_lower_fail(in->lo, node, PS_BIND, "RANGE with a distance needs one ORDER BY key");
            return false;
        }
        /* distances over dates and times are intervals, or whole days */
        ps_type key = spec->order[0].expr->type;
        *out = ps_type_is_numeric(key) ? ps_lower_cast(in->lo, e, key, PS_CAST_ERROR) : e;
    }
    if (!*out) ps_lower_fail_at(in->lo, node);
    return *out != NULL;
}

static ps_bound_kind bound_of(ps_sql_f_bound bound)
{
    switch (bound) {
    case PS_SQL_BOUND_UNBOUNDED_PRECEDING: return PS_BOUND_UNBOUNDED_PRECEDING;
    case PS_SQL_BOUND_PRECEDING: return PS_BOUND_PRECEDING;
    case PS_SQL_BOUND_CURRENT_ROW: return PS_BOUND_CURRENT;
    case PS_SQL_BOUND_FOLLOWING: return PS_BOUND_FOLLOWING;
    case PS_SQL_BOUND_UNBOUNDED_FOLLOWING: return PS_BOUND_UNBOUNDED_FOLLOWING;
    }
    return PS_BOUND_CURRENT;
}

static bool add_frame(ps_lower_in *in, const ps_sql_window *w, ps_window_spec *spec)
{
    ps_frame *frame = &spec->frame;

    if (w->unit == PS_SQL_FRAME_NONE) {
        /* the standard's default: up to the current row's peers; without an order all rows are
         * peers */
        *frame = (ps_frame){.unit = PS_FRAME_RANGE,
                            .start = PS_BOUND_UNBOUNDED_PRECEDING,
                            .end = spec->n_order ? PS_BOUND_CURRENT : PS_BOUND_UNBOUNDED_FOLLOWING};
        return true;
    }
    frame->unit = w->unit == PS_SQL_FRAME_ROWS    ? PS_FRAME_ROWS
                  : w->unit == PS_SQL_FRAME_RANGE ? PS_FRAME_RANGE
                                                  : PS_FRAME_GROUPS;
    frame->start = bound_of(w->start);
    frame->end = bound_of(w->end);
    frame->exclude = w->exclude == PS_SQL_EXCLUDE_CURRENT_ROW ? PS_EXCLUDE_CURRENT_ROW
                     : w->exclude == PS_SQL_EXCLUDE_GROUP     ? PS_EXCLUDE_GROUP
                     : w->exclude == PS_SQL_EXCLUDE_TIES      ? PS_EXCLUDE_TIES
                                                              : PS_EXCLUDE_NO_OTHERS;
    if (frame->start == PS_BOUND_UNBOUNDED_FOLLOWING ||
        frame->end == PS_BOUND_UNBOUNDED_PRECEDING || frame->start > frame->end) {
        ps_lower_fail(in->lo, &w->head, PS_BIND, "the frame ends before it starts");
        return false;
    }
    if (frame->unit == PS_FRAME_GROUPS && spec->n_order == 0) {
        ps_lower_fail(in->lo, &w->head, PS_BIND, "GROUPS needs an ORDER BY");
        return false;
    }
    return add_offset(in, w->start_value, frame->start, frame, spec, &frame->start_offset) &&
           add_offset(in, w->end_value, frame->end, frame, spec, &frame->end_offset);
}

/* OVER (..), OVER name, OVER (base ..): what the base says first. */
static bool window_spec(ps_lower_in *in, const ps_sql_window *w, ps_window_spec *spec)
{
    const ps_sql_window *base = w->base.text.n ? named_window(in, &w->base) : NULL;

    *spec = (ps_window_spec){0};
    if (w->base.text.n && !base) return false;
    if (base) {
        if (!ps_lower_enter(in->lo, &w->head))
            return false; /* WINDOW a AS (a) would go round for ever */
        bool ok = window_spec(in, base, spec);
        in->lo->depth--;
        if (!ok) return false;
        if (w->reference) return true;
        if (base->unit != PS_SQL_FRAME_NONE || w->partition.n || (base->order.n && w->order.n)) {
            ps_lower_fail(in->lo, &w->head, PS_BIND,
                          "what window \"%.*s\" says already can't be said again",
                          PS_STR_ARGS(w->base.text));
            return false;
        }
    }
    return add_partition(in, w, spec) && add_order(in, w, spec) && add_frame(in, w, spec);
}

const ps_expr *ps_lower_window(ps_lower_in *in, const ps_sql_call *node, ps_str name)
{
    ps_lower *lo = in->lo;
    ps_lower_in inner = *in;
    uint32_t n = node->args.n;
    ps_window_spec spec;
    ps_func_match match;
    ps_agg_part part;

    if (in->no_windows)
        return ps_lower_fail(lo, &node->head, PS_BIND, "window functions can't stand in %s",
                             in->clause);
    if (node->within.n) return ps_lower_unsupported(lo, &node->head, "WITHIN GROUP over a window");
    inner.no_windows = true;
    inner.clause = "a window function";
    if (ps_lower_counts_rows(node, name)) n = 0;
    const ps_sql_list list = {node->args.at, n, n};
    const ps_expr **args = ps_lower_exprs(&inner, &list);
    if (!args || !ps_lower_agg_part(&inner, node, &part)) return NULL;
    if (!window_spec(&inner, (const ps_sql_window *)(const void *)node->over, &spec)) return NULL;
    if (ps_func_resolve(lo->cx, lo->arena, PS_FUNC_WINDOW, name, args, n, &match) != PS_OK ||
        !ps_lower_cast_args(lo, &match, args, n))
        return NULL;
    return ps_expr_window(lo->cx, lo->arena, match.func, match.result, args, n, &part, &spec);
}

/* ---- Window nodes ---- */

typedef struct windows {
    PS_ARRAY(ps_item) calls;
} windows;

static const ps_expr *extract(ps_lower_select *s, const ps_expr *e, void *user)
{
    ps_lower *lo = s->lo;
    windows *w = user;

    if (!(e->flags & PS_EXPR_HAS_WINDOW)) return e;
    if (e->kind == PS_EXPR_WINDOW) {
        ps_item item = {.expr = e};
        for (size_t i = 0; i < w->calls.n; i++)
            if (ps_expr_equal(w->calls.at[i].expr, e))
                return ps_lower_column_of(lo, &w->calls.at[i].col);
        item.col = (ps_col){ps_planner_id(lo->p), e->type, true, {"", 0}};
        if (PS_ARRAY_ADD_IN(lo->cx, lo->arena, &w->calls, item) != PS_OK) return NULL;
        return ps_lower_column_of(lo, &item.col);
    }
    uint32_t n = ps_expr_n_children(e);
    const ps_expr **children = PS_ARENA_ARRAY(lo->cx, lo->arena, const ps_expr *, n + 1);
    for (uint32_t i = 0; children && i < n; i++)
        if (!(children[i] = extract(s, ps_expr_child(e, i), user))) return NULL;
    return children ? ps_expr_place(ps_expr_with_children(lo->cx, lo->arena, e, children), e->at)
                    : NULL;
}

bool ps_lower_windows(ps_lower_select *s)
{
    ps_lower *lo = s->lo;
    windows w = {.calls = {0}};

    if (!ps_lower_select_map(s, extract, &w)) return false;
    ps_item *one = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_item, w.calls.n + 1);
    bool *done = PS_ARENA_ARRAY(lo->cx, lo->arena, bool, w.calls.n + 1);
    if (!one || !done) return false;
    for (size_t i = 0; i < w.calls.n; i++) {
        uint32_t n = 0;
        for (size_t k = i; k < w.calls.n; k++) {
            if (done[k] || !ps_expr_same_window(w.calls.at[i].expr, w.calls.at[k].expr)) continue;
            one[n++] = w.calls.at[k];
            done[k] = true;
        }
        if (n && !(s->node = ps_node_window_new(lo->p, s->node, one, n))) return false;
    }
    return true;
}
