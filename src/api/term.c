/* api/term.c -- terms: columns, literals, casts, CASE, names, sort keys. */
#include "api/made.h"

static ps_term *end(ps_maker *m, ps_sql_node *node)
{
    return (ps_term *)(void *)ps_make_end(m, node);
}

static bool begin(ps_maker *m) { return ps_make_begin(m, NULL, 0, NULL, 0); }

static ps_term *column(const char *table, const char *name, bool qualified)
{
    ps_sql_idents parts = {0};
    ps_maker m;

    if (begin(&m)) {
        if (qualified) parts = ps_gram_idents_add(&m.p, parts, ps_make_ident(&m, table));
        parts = ps_gram_idents_add(&m.p, parts, ps_make_ident(&m, name));
    }
    if (m.p.status != PS_OK) return end(&m, NULL);
    return end(&m, SQL_NEW(&m.p, column, COLUMN, 0, .parts = parts));
}

ps_term *ps_term_column(const char *name) { return column(NULL, name, false); }
ps_term *ps_term_column_of(const char *table, const char *name)
{
    return column(table, name, true);
}

ps_term *ps_term_star(void)
{
    ps_maker m;

    return end(&m, begin(&m) ? SQL_NEW(&m.p, star, STAR, 0) : NULL);
}

ps_term *ps_term_null(void)
{
    ps_maker m;

    return end(&m, begin(&m) ? SQL_NEW(&m.p, null, NULL, 0) : NULL);
}

ps_term *ps_term_bool(bool value)
{
    ps_maker m;

    return end(&m, begin(&m) ? SQL_NEW(&m.p, bool, BOOL, 0, .value = value) : NULL);
}

ps_term *ps_term_int64(int64_t value)
{
    const uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
    ps_sql_node *node = NULL;
    ps_maker m;

    if (begin(&m)) {
        const char *text = ps_arena_printf(&m.cx, &m.made->arena, "%llu", (unsigned long long)size);
        if (text)
            node = SQL_NEW(&m.p, number, NUMBER, 0, .form = PS_SQL_NUM_INTEGER,
                           .text = ps_str_of(text));
        if (node && value < 0)
            node = SQL_NEW(&m.p, unary, UNARY, 0, .op = PS_SQL_OP_NEGATE, .arg = node);
    }
    return end(&m, node);
}

static ps_sql_node *typed(ps_maker *m, const char *type, ps_str text)
{
    ps_sql_node *node = ps_make_type(m, type);

    return node ? SQL_NEW(&m->p, typed, TYPED, 0, .type = node, .value = text) : NULL;
}

ps_term *ps_term_double(double value)
{
    const ps_value v = ps_value_f64(value);
    ps_sql_node *node = NULL;
    ps_text text;
    ps_maker m;

    if (begin(&m)) {
        ps_text_init(&text, &m.cx);
        ps_value_print(&v, &text);
        m.p.status = ps_text_status(&text);
        if (m.p.status == PS_OK) node = typed(&m, "DOUBLE", ps_make_text(&m, text.at, text.n));
        ps_text_release(&text);
    }
    return end(&m, node);
}

ps_term *ps_term_text(const char *text, size_t bytes)
{
    ps_maker m;

    begin(&m);
    const ps_str value = ps_make_text(&m, text, bytes);
    if (m.p.status != PS_OK) return end(&m, NULL);
    return end(&m, SQL_NEW(&m.p, string, STRING, 0, .value = value));
}

ps_term *ps_term_typed(const char *type, const char *text)
{
    ps_maker m;

    begin(&m);
    if (!text) ps_make_fail(&m, PS_MISUSE, "a text is NULL");
    const ps_str value = ps_make_text(&m, text, text ? strlen(text) : 0);
    return end(&m, m.p.status == PS_OK ? typed(&m, type, value) : NULL);
}

ps_term *ps_term_sql(const char *text)
{
    ps_maker m;

    return end(&m, begin(&m) ? ps_make_parse(&m, "", text, "", "expression") : NULL);
}

ps_term *ps_term_cast(ps_term *arg, const char *type, bool attempt)
{
    ps_sql_node *node = NULL, *target;
    ps_maker m;

    if (ps_make_begin(&m, ps_made_terms(&arg), 1, NULL, 0)) {
        target = ps_make_type(&m, type);
        if (target)
            node = SQL_NEW(&m.p, cast, CAST, 0, .arg = ps_make_expr(&m, 0), .type = target,
                           .attempt = attempt);
    }
    return end(&m, node);
}

ps_term *ps_term_case(ps_term *const *parts, size_t n_pairs, ps_term *otherwise)
{
    ps_sql_list whens = {0};
    ps_maker m;

    if (!ps_make_begin(&m, ps_made_terms(parts), n_pairs * 2, ps_made_terms(&otherwise),
                       otherwise ? 1 : 0))
        return end(&m, NULL);
    if (!n_pairs) ps_make_fail(&m, PS_INVALID, "a CASE needs a condition and its result");
    for (size_t i = 0; i < n_pairs; i++) {
        whens = ps_gram_list_add(&m.p, whens,
                                 SQL_NEW(&m.p, when, WHEN, 0, .condition = ps_make_expr(&m, i * 2),
                                         .result = ps_make_expr(&m, i * 2 + 1)));
    }
    ps_sql_node *last = otherwise ? ps_make_expr(&m, n_pairs * 2) : NULL;
    return end(&m, SQL_NEW(&m.p, case, CASE, 0, .whens = whens, .otherwise = last));
}

ps_term *ps_term_as(ps_term *arg, const char *name)
{
    ps_sql_node *node = NULL;
    ps_maker m;

    if (ps_make_begin(&m, ps_made_terms(&arg), 1, NULL, 0))
        node = SQL_NEW(&m.p, item, ITEM, 0, .expr = ps_make_expr(&m, 0),
                       .alias = ps_make_ident(&m, name));
    return end(&m, node);
}

ps_term *ps_term_key(ps_term *arg, bool descending, ps_null_place nulls)
{
    ps_sql_node *node = NULL;
    ps_maker m;

    if (ps_make_begin(&m, ps_made_terms(&arg), 1, NULL, 0))
        node = SQL_NEW(&m.p, sort, SORT, 0, .expr = ps_make_expr(&m, 0),
                       .direction = descending ? PS_SQL_DIRECTION_DESC : PS_SQL_DIRECTION_ASC,
                       .nulls = nulls == PS_NULL_PLACE_FIRST  ? PS_SQL_NULL_ORDER_FIRST
                                : nulls == PS_NULL_PLACE_LAST ? PS_SQL_NULL_ORDER_LAST
                                                              : PS_SQL_NULL_ORDER_DEFAULT);
    return end(&m, node);
}
