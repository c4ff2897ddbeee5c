/* api/term_call.c -- terms that call: functions, operators by their text, aggregates, windows. */
#include "api/made.h"

typedef struct call_form {
    const char *name;
    ps_sql_kind kind;
    int what; /* ps_sql_f_is, ps_sql_f_like */
    bool negated;
    uint32_t n_min, n_max; /* arguments */
} call_form;

/* What SQL writes with syntax of its own. */
static const call_form forms[] = {
    {"and", PS_SQL_AND, 0, false, 1, UINT32_MAX},
    {"or", PS_SQL_OR, 0, false, 1, UINT32_MAX},
    {"not", PS_SQL_NOT, 0, false, 1, 1},
    {"is null", PS_SQL_IS, PS_SQL_IS_NULL, false, 1, 1},
    {"is not null", PS_SQL_IS, PS_SQL_IS_NULL, true, 1, 1},
    {"like", PS_SQL_LIKE, PS_SQL_LIKE_LIKE, false, 2, 3},
    {"not like", PS_SQL_LIKE, PS_SQL_LIKE_LIKE, true, 2, 3},
    {"ilike", PS_SQL_LIKE, PS_SQL_LIKE_ILIKE, false, 2, 3},
    {"not ilike", PS_SQL_LIKE, PS_SQL_LIKE_ILIKE, true, 2, 3},
    {"between", PS_SQL_BETWEEN, 0, false, 3, 3},
    {"not between", PS_SQL_BETWEEN, 0, true, 3, 3},
    {"in", PS_SQL_IN, 0, false, 2, UINT32_MAX},
    {"not in", PS_SQL_IN, 0, true, 2, UINT32_MAX},
};

static ps_sql_node *make_form(ps_maker *m, const call_form *form, const ps_sql_list *args)
{
    ps_sql_node **a = args->at;
    ps_sql_list rest = {0};

    if ((form->kind == PS_SQL_AND || form->kind == PS_SQL_OR) && args->n == 1) return a[0];
    switch (form->kind) {
    case PS_SQL_AND: return SQL_NEW(&m->p, and, AND, 0, .args = *args);
    case PS_SQL_OR: return SQL_NEW(&m->p, or, OR, 0, .args = *args);
    case PS_SQL_NOT: return SQL_NEW(&m->p, not, NOT, 0, .arg = a[0]);
    case PS_SQL_IS:
        return SQL_NEW(&m->p, is, IS, 0, .arg = a[0], .what = (ps_sql_f_is)form->what,
                       .negated = form->negated);
    case PS_SQL_LIKE:
        return SQL_NEW(&m->p, like, LIKE, 0, .arg = a[0], .op = (ps_sql_f_like)form->what,
                       .negated = form->negated, .pattern = a[1],
                       .escape = args->n == 3 ? a[2] : NULL);
    case PS_SQL_BETWEEN:
        return SQL_NEW(&m->p, between, BETWEEN, 0, .arg = a[0], .negated = form->negated,
                       .low = a[1], .high = a[2]);
    default: break;
    }
    for (uint32_t i = 1; i < args->n; i++) rest = ps_gram_list_add(&m->p, rest, a[i]);
    return SQL_NEW(&m->p, in, IN, 0, .arg = a[0], .negated = form->negated, .items = rest);
}

static const call_form *form_of(ps_str name)
{
    for (size_t i = 0; i < PS_COUNT(forms); i++)
        if (ps_str_equal_nocase(name, ps_str_of(forms[i].name))) return &forms[i];
    return NULL;
}

/* The operator of a text with this number of arguments; NONE: there is none. */
static ps_sql_f_op op_of(ps_str name, size_t n_args)
{
    const int first = n_args == 1 ? PS_SQL_OP_NEGATE : PS_SQL_OP_ADD,
              last = n_args == 1 ? PS_SQL_OP_FACTORIAL : PS_SQL_OP_INNER_PRODUCT;

    if (ps_str_equal(name, PS_STR("!=")) && n_args == 2) return PS_SQL_OP_NE;
    for (int op = first; op <= last; op++)
        if (ps_str_equal_nocase(name, ps_str_of(ps_sql_op_text((ps_sql_f_op)op))))
            return (ps_sql_f_op)op;
    return PS_SQL_OP_NONE;
}

static bool takes_two(ps_sql_f_op op)
{
    return op >= PS_SQL_OP_EQ && op <= PS_SQL_OP_NOT_DISTINCT_FROM;
}

static ps_sql_node *make_call(ps_maker *m, const char *name, size_t n_args)
{
    const ps_sql_ident ident = ps_make_ident(m, name);
    const ps_sql_list args = ps_make_list(m, 0, n_args, ps_make_expr);
    const call_form *form = form_of(ident.text);
    const ps_sql_f_op op = op_of(ident.text, n_args);

    if (m->p.status != PS_OK) return NULL;
    if (form && (n_args < form->n_min || n_args > form->n_max)) {
        ps_make_fail(m, PS_BIND, "%s does not take %zu arguments", form->name, n_args);
        return NULL;
    }
    if (form) return make_form(m, form, &args);
    if (op == PS_SQL_OP_NONE || n_args == 0) {
        const ps_sql_idents parts = ps_gram_idents_add(&m->p, (ps_sql_idents){0}, ident);

        return m->p.status == PS_OK ? SQL_NEW(&m->p, call, CALL, 0, .name = parts, .args = args)
                                    : NULL;
    }
    if (n_args == 1) return SQL_NEW(&m->p, unary, UNARY, 0, .op = op, .arg = args.at[0]);
    if (n_args == 2 || !takes_two(op))
        return SQL_NEW(&m->p, binary, BINARY, 0, .op = op, .args = args);
    ps_make_fail(m, PS_BIND, "%s takes two arguments, not %zu", name, n_args);
    return NULL;
}

ps_term *ps_term_call(const char *name, ps_term *const *args, size_t n_args)
{
    ps_maker m;
    const bool fine = ps_make_begin(&m, ps_made_terms(args), n_args, NULL, 0);

    return (ps_term *)(void *)ps_make_end(&m, fine ? make_call(&m, name, n_args) : NULL);
}

ps_term *ps_term_call1(const char *name, ps_term *a) { return ps_term_call(name, &a, 1); }
ps_term *ps_term_call2(const char *name, ps_term *a, ps_term *b)
{
    ps_term *const args[] = {a, b};

    return ps_term_call(name, args, 2);
}

/* ---- what is said of a call ---- */

/* A copy of the first held piece's call, to be added to; NULL: it is no call. */
static ps_sql_call *copy_call(ps_maker *m)
{
    ps_sql_node *node = ps_make_expr(m, 0);

    if (m->p.status == PS_OK && node->kind == PS_SQL_CALL)
        return (ps_sql_call *)(void *)ps_gram_node(&m->p, PS_SQL_CALL, node, sizeof(ps_sql_call));
    ps_make_fail(m, PS_INVALID, "a function call was expected");
    return NULL;
}

static ps_term *end_call(ps_maker *m, ps_sql_call *call)
{
    return (ps_term *)(void *)ps_make_end(m, call ? &call->head : NULL);
}

ps_term *ps_term_distinct(ps_term *arg)
{
    ps_sql_call *call = NULL;
    ps_maker m;

    if (ps_make_begin(&m, ps_made_terms(&arg), 1, NULL, 0)) call = copy_call(&m);
    if (call) call->distinct = true;
    return end_call(&m, call);
}

ps_term *ps_term_filter(ps_term *arg, ps_term *condition)
{
    ps_sql_call *call = NULL;
    ps_maker m;

    if (ps_make_begin(&m, ps_made_terms(&arg), 1, ps_made_terms(&condition), 1))
        call = copy_call(&m);
    if (call) {
        call->filter = ps_make_expr(&m, 1);
        ps_gram_depth_raise(&m.p, &call->head, call->filter);
    }
    return end_call(&m, call);
}

ps_term *ps_term_order(ps_term *arg, ps_term *const *keys, size_t n_keys)
{
    ps_sql_call *call = NULL;
    ps_maker m;

    if (ps_make_begin(&m, ps_made_terms(&arg), 1, ps_made_terms(keys), n_keys))
        call = copy_call(&m);
    if (call) {
        call->order = ps_make_list(&m, 1, n_keys, ps_make_sort);
        for (uint32_t i = 0; i < call->order.n; i++)
            ps_gram_depth_raise(&m.p, &call->head, call->order.at[i]);
    }
    return end_call(&m, call);
}

/* ---- windows ---- */

/* A WINDOW with the frame that a text says. */
static ps_sql_window *parse_frame(ps_maker *m, const char *frame)
{
    const ps_sql_item *item =
        ps_sql_as(item, ITEM, ps_make_parse(m, "count(*) OVER (", frame, ")", "frame"));
    const ps_sql_call *call = item ? ps_sql_as(call, CALL, item->expr) : NULL;
    const ps_sql_window *window = call ? ps_sql_as(window, WINDOW, call->over) : NULL;

    if (window && !item->alias.text.n && !window->base.text.n && !window->partition.n &&
        !window->order.n && window->unit != PS_SQL_FRAME_NONE)
        return (ps_sql_window *)(void *)ps_gram_node(&m->p, PS_SQL_WINDOW, window, sizeof *window);
    ps_make_fail(m, PS_PARSE, "this is not one frame: %s", frame);
    return NULL;
}

static ps_sql_call *call_over(ps_maker *m, const ps_window_options *o)
{
    ps_sql_call *call = copy_call(m);
    const ps_sql_list partition = ps_make_list(m, 1, o->n_partition, ps_make_expr),
                      order = ps_make_list(m, 1 + o->n_partition, o->n_order, ps_make_sort);

    if (m->p.status != PS_OK) return NULL;
    ps_sql_window *window =
        o->frame ? parse_frame(m, o->frame)
                 : (ps_sql_window *)(void *)SQL_NEW(&m->p, window, WINDOW, 0, .reference = false);
    if (!window) return NULL;
    window->partition = partition;
    window->order = order;
    for (uint32_t i = 0; i < partition.n; i++)
        ps_gram_depth_raise(&m->p, &window->head, partition.at[i]);
    for (uint32_t i = 0; i < order.n; i++) ps_gram_depth_raise(&m->p, &window->head, order.at[i]);
    call->over = &window->head;
    if (o->ignore_nulls) call->nulls = PS_SQL_NULLS_IGNORE;
    ps_gram_depth_raise(&m->p, &call->head, call->over);
    return call;
}

ps_term *ps_term_over(ps_term *arg, const ps_window_options *options)
{
    ps_window_options given = PS_WINDOW_OPTIONS;
    ps_sql_call *call = NULL;
    ps_maker m;

    if (options) memcpy(&given, options, PS_MIN(options->size, sizeof given));
    /* call, partition and order become one list */
    const size_t n_partition = given.partition ? given.n_partition : 0,
                 n_order = given.order ? given.n_order : 0;
    ps_ctx cx;
    ps_ctx_init(&cx, NULL, NULL);
    ps_term **all = ps_alloc(&cx, (1 + n_partition) * sizeof *all);
    if (all) {
        all[0] = arg;
        if (n_partition) memcpy(all + 1, given.partition, n_partition * sizeof *all);
    }
    given.n_partition = n_partition;
    given.n_order = n_order;
    if (ps_make_begin(&m, ps_made_terms(all), 1 + n_partition, ps_made_terms(given.order), n_order))
        call = call_over(&m, &given);
    if (!all) {
        ps_term_unref(arg);
        for (size_t i = 0; i < n_partition; i++) ps_term_unref(given.partition[i]);
        m.p.status = PS_MEMORY;
        m.cx.error = cx.error;
    }
    ps_free(all);
    return end_call(&m, call);
}
