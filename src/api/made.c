/* api/made.c -- see made.h. */
#include "api/made.h"

#include "front/sql/parser.h"

#include <stdio.h>

const char ps_made_schema[] = "stream";

/* What a maker gives when there is no memory for even a piece that says so; never counted. */
static const ps_made no_memory = {.status = PS_MEMORY};

void ps_made_unref(ps_made *made)
{
    /* acq_rel: the last holder sees everything done under the others */
    if (!made || made == &no_memory ||
        atomic_fetch_sub_explicit(&made->refs, 1, memory_order_acq_rel) != 1)
        return;
    /* recursion: at most PS_MADE_DEPTH_MAX levels */
    for (size_t i = 0; i < made->n_held; i++) ps_made_unref(made->held[i]);
    ps_table_unref(made->table);
    ps_arena_release(&made->arena);
    ps_free(made);
}

static ps_made *made_ref(ps_made *made)
{
    /* relaxed: made from a reference that is held */
    if (made && made != &no_memory) atomic_fetch_add_explicit(&made->refs, 1, memory_order_relaxed);
    return made;
}

ps_term *ps_term_ref(ps_term *term) { return (ps_term *)(void *)made_ref((ps_made *)term); }
void ps_term_unref(ps_term *term) { ps_made_unref((ps_made *)term); }
ps_plan *ps_plan_ref(ps_plan *plan) { return (ps_plan *)(void *)made_ref((ps_made *)plan); }
void ps_plan_unref(ps_plan *plan) { ps_made_unref((ps_made *)plan); }

ps_status ps_made_check(const ps_made *made, const char *what, ps_error *error)
{
    ps_ctx cx;

    if (made && made->status == PS_OK) return PS_OK;
    ps_ctx_init(&cx, NULL, NULL);
    if (!made) ps_fail(&cx, PS_MISUSE, "a %s is NULL", what);
    else if (made->error) cx.error = *made->error;
    else ps_fail(&cx, made->status, "allocation failed while a %s was made", what);
    return ps_give_error(&cx, cx.error.code, error);
}

ps_status ps_term_check(const ps_term *term, ps_error *error)
{
    return ps_made_check(term ? &term->made : NULL, "term", error);
}

ps_status ps_plan_check(const ps_plan *plan, ps_error *error)
{
    return ps_made_check(plan ? &plan->made : NULL, "plan", error);
}

void ps_make_fail(ps_maker *m, ps_status code, const char *format, ...)
{
    char message[sizeof m->cx.error.message];
    va_list args;

    if (m->p.status != PS_OK) return;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    m->p.status = ps_fail(&m->cx, code, "%s", message);
}

/* Takes over what a piece is made of, or gives it all back. */
static void hold(ps_maker *m, ps_made *const *a, size_t n_a, ps_made *const *b, size_t n_b)
{
    const size_t n = n_a + n_b;
    ps_made **held = m->made ? PS_ARENA_ARRAY(&m->cx, &m->made->arena, ps_made *, n + 1) : NULL;
    uint64_t n_nodes = 1;
    uint32_t depth = 0;

    if (!held && m->p.status == PS_OK) m->p.status = PS_MEMORY;
    for (size_t i = 0; i < n; i++) {
        ps_made *piece = i < n_a ? a[i] : b[i - n_a];

        if (!held) {
            ps_made_unref(piece);
            continue;
        }
        held[i] = piece;
        if (!piece) {
            ps_make_fail(m, PS_MISUSE, "a term or plan is NULL");
            continue;
        }
        if (piece->status != PS_OK && m->p.status == PS_OK) {
            m->p.status = piece->status;
            if (piece->error) m->cx.error = *piece->error;
        }
        n_nodes += piece->n_nodes;
        depth = PS_MAX(depth, piece->depth);
    }
    if (!held) return;
    m->made->held = held;
    m->made->n_held = n;
    m->made->depth = depth + 1;
    m->made->n_nodes = n_nodes;
    if (m->made->depth > PS_MADE_DEPTH_MAX || n_nodes > PS_MADE_NODES_MAX)
        ps_make_fail(m, PS_INVALID, "terms and plans may be %d levels deep and %d pieces large",
                     PS_MADE_DEPTH_MAX, PS_MADE_NODES_MAX);
}

bool ps_make_begin(ps_maker *m, ps_made *const *a, size_t n_a, ps_made *const *b, size_t n_b)
{
    memset(m, 0, sizeof *m);
    ps_ctx_init(&m->cx, NULL, NULL);
    if ((!a && n_a) || (!b && n_b)) ps_make_fail(m, PS_MISUSE, "a list of terms or plans is NULL");
    m->made = ps_alloc_zero(&m->cx, sizeof *m->made);
    if (m->made) {
        atomic_init(&m->made->refs, 1);
        m->made->arena.chunk_bytes_min = 512;
        m->p.arena = &m->made->arena;
    }
    m->p.cx = &m->cx;
    hold(m, a, a ? n_a : 0, b, b ? n_b : 0);
    return m->p.status == PS_OK;
}

ps_made *ps_make_end(ps_maker *m, ps_sql_node *node)
{
    ps_made *made = m->made;

    if (!made) return (ps_made *)(uintptr_t)&no_memory;
    if (m->p.status == PS_OK && node) {
        made->node = node;
        return made;
    }
    made->status = m->p.status != PS_OK ? m->p.status : PS_MEMORY;
    /* what failed holds nothing, so that chains of failures are not deep */
    for (size_t i = 0; i < made->n_held; i++) ps_made_unref(made->held[i]);
    made->n_held = 0;
    made->depth = 0;
    made->n_nodes = 1;
    if (m->cx.error.code == PS_OK) return made;
    ps_ctx quiet;
    ps_ctx_init(&quiet, NULL, NULL);
    ps_error *error = PS_ARENA_NEW(&quiet, &made->arena, ps_error);
    if (error) *error = m->cx.error;
    made->error = error;
    return made;
}

ps_str ps_make_text(ps_maker *m, const char *text, size_t n)
{
    size_t bad;

    if (m->p.status != PS_OK) return (ps_str){"", 0};
    if (!text && n) {
        ps_make_fail(m, PS_MISUSE, "a text is NULL");
        return (ps_str){"", 0};
    }
    if (n && (memchr(text, 0, n) || !ps_utf8_valid(text, n, &bad))) {
        ps_make_fail(m, PS_INVALID, "a text must be UTF-8 without NUL");
        return (ps_str){"", 0};
    }
    const char *copy = ps_arena_strndup(&m->cx, &m->made->arena, n ? text : "", n);
    if (!copy) m->p.status = PS_MEMORY;
    return copy ? (ps_str){copy, n} : (ps_str){"", 0};
}

ps_sql_ident ps_make_ident(ps_maker *m, const char *name)
{
    const ps_sql_ident ident = {ps_make_text(m, name, name ? strlen(name) : 0), 0, true};

    if (!name || !*name) ps_make_fail(m, PS_MISUSE, "a name is NULL or empty");
    return ident;
}

ps_sql_node *ps_make_expr(ps_maker *m, size_t held)
{
    ps_sql_node *node = m->made->held[held]->node;
    const ps_sql_item *item = ps_sql_as(item, ITEM, node);

    if (item) return item->expr;
    if (node->kind == PS_SQL_SORT) ps_make_fail(m, PS_INVALID, "a sort key stands for a value");
    return node;
}

ps_sql_node *ps_make_item(ps_maker *m, size_t held)
{
    ps_sql_node *node = m->made->held[held]->node;

    if (node->kind == PS_SQL_ITEM) return node;
    return SQL_NEW(&m->p, item, ITEM, 0, .expr = ps_make_expr(m, held));
}

ps_sql_node *ps_make_sort(ps_maker *m, size_t held)
{
    ps_sql_node *node = m->made->held[held]->node;

    if (node->kind != PS_SQL_SORT)
        node = SQL_NEW(&m->p, sort, SORT, 0, .expr = ps_make_expr(m, held));
    const ps_sql_sort *sort = ps_sql_as(sort, SORT, node);
    /* ORDER BY 1 means the first column in SQL; here it would be a constant */
    if (sort && sort->expr && sort->expr->kind == PS_SQL_NUMBER)
        ps_make_fail(m, PS_INVALID, "a sort key is a constant");
    return node;
}

ps_sql_list ps_make_list(ps_maker *m, size_t first, size_t n,
                         ps_sql_node *(*fn)(ps_maker *m, size_t held))
{
    ps_sql_list list = {0};

    for (size_t i = 0; i < n && m->p.status == PS_OK; i++)
        list = ps_gram_list_add(&m->p, list, fn(m, first + i));
    return list;
}

/* The SELECT list of a text that must be "SELECT item" and nothing else; NULL: it isn't. */
static const ps_sql_select *plain_select(const ps_sql_statements *statements)
{
    const ps_sql_query *query =
        statements->n == 1 ? ps_sql_as(query, QUERY, statements->at[0].node) : NULL;

    if (!query || query->ctes.n || query->order.n || query->limit || query->offset) return NULL;
    const ps_sql_select *s = ps_sql_as(select, SELECT, query->body);
    const bool plain = s && s->items.n == 1 && !s->distinct && !s->from.n && !s->where &&
                       !s->group_all && !s->group.n && !s->having && !s->windows.n && !s->qualify &&
                       !s->sample && !statements->at[0].n_params;
    return plain ? s : NULL;
}

ps_sql_node *ps_make_parse(ps_maker *m, const char *before, const char *text, const char *after,
                           const char *what)
{
    const ps_str given = ps_make_text(m, text, text ? strlen(text) : 0);
    ps_sql_statements statements;

    if (!text) ps_make_fail(m, PS_MISUSE, "a text is NULL");
    if (m->p.status != PS_OK) return NULL;
    const char *sql = ps_arena_printf(&m->cx, &m->made->arena, "SELECT %s%.*s\n%s", before,
                                      PS_STR_ARGS(given), after);
    if (!sql) return m->p.status = PS_MEMORY, NULL;
    m->p.status = ps_sql_parse(&m->cx, &m->made->arena, ps_str_of(sql), &statements);
    if (m->p.status != PS_OK) {
        m->cx.error.offset = 0; /* of a text that the caller has not written */
        ps_while(&m->cx, m->p.status, "reading the %s %.*s", what, PS_STR_ARGS(given));
        return NULL;
    }
    const ps_sql_select *select = plain_select(&statements);
    if (select) return select->items.at[0];
    ps_make_fail(m, PS_PARSE, "this is not one %s: %.*s", what, PS_STR_ARGS(given));
    return NULL;
}

ps_sql_node *ps_make_type(ps_maker *m, const char *type)
{
    const ps_sql_item *item =
        ps_sql_as(item, ITEM, ps_make_parse(m, "CAST(NULL AS ", type, ")", "type"));
    const ps_sql_cast *cast = item ? ps_sql_as(cast, CAST, item->expr) : NULL;

    if (cast && cast->arg->kind == PS_SQL_NULL && !item->alias.text.n) return cast->type;
    ps_make_fail(m, PS_PARSE, "this is not one type: %s", type ? type : "");
    return NULL;
}
