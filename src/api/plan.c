/* api/plan.c -- builders of plans: each is one SELECT, set operation or join around its inputs. */
#include "api/made.h"

#include "front/sql/parser.h"

static ps_plan *end(ps_maker *m, ps_sql_node *node)
{
    return (ps_plan *)(void *)ps_make_end(m, node);
}

/* A QUERY around a body. */
static ps_sql_node *query(ps_maker *m, ps_sql_node *body)
{
    return body ? SQL_NEW(&m->p, query, QUERY, 0, .body = body) : NULL;
}

/* A held plan as a table of FROM. */
static ps_sql_node *derived(ps_maker *m, size_t held, const char *alias)
{
    return SQL_NEW(&m->p, derived, DERIVED, 0, .query = m->made->held[held]->node,
                   .alias = ps_gram_ident_of(alias, 0));
}

static ps_sql_list one(ps_maker *m, ps_sql_node *node)
{
    return ps_gram_list_add(&m->p, (ps_sql_list){0}, node);
}

static ps_sql_list star(ps_maker *m)
{
    return one(m, SQL_NEW(&m->p, item, ITEM, 0, .expr = SQL_NEW(&m->p, star, STAR, 0)));
}

/* SELECT * FROM a table. */
static ps_sql_node *all_of(ps_maker *m, ps_sql_node *table)
{
    if (!table) return NULL;
    return query(m, SQL_NEW(&m->p, select, SELECT, 0, .items = star(m), .from = one(m, table)));
}

/* ---- sources ---- */

static bool begin(ps_maker *m) { return ps_make_begin(m, NULL, 0, NULL, 0); }

ps_plan *ps_plan_sql(const char *text, size_t bytes)
{
    ps_sql_node *node = NULL;
    ps_maker m;

    begin(&m);
    const ps_str own = ps_make_text(&m, text, bytes);
    if (m.p.status != PS_OK) return end(&m, NULL);
    ps_sql_statements *parsed = &m.made->parsed;
    m.made->text = own;
    m.p.status = ps_sql_parse(&m.cx, &m.made->arena, own, parsed);
    if (m.p.status == PS_OK && (parsed->n != 1 || parsed->at[0].node->kind != PS_SQL_QUERY))
        ps_make_fail(&m, PS_PARSE, "a plan is one query, this text is not");
    else if (m.p.status == PS_OK && parsed->at[0].n_params)
        ps_make_fail(&m, PS_UNSUPPORTED, "parameters in a plan are not supported yet");
    if (m.p.status == PS_OK) node = parsed->at[0].node;
    else if (m.cx.error.offset) ps_sql_locate(own, m.cx.error.offset - 1, &m.cx.error);
    return end(&m, node);
}

ps_plan *ps_plan_table(const char *name)
{
    ps_sql_idents parts = {0};
    ps_sql_node *node = NULL;
    ps_maker m;

    begin(&m);
    parts = m.p.status == PS_OK ? ps_gram_idents_add(&m.p, parts, ps_make_ident(&m, name)) : parts;
    if (m.p.status == PS_OK) node = all_of(&m, SQL_NEW(&m.p, table, TABLE, 0, .name = parts));
    return end(&m, node);
}

static ps_sql_node *file_function(ps_maker *m, const char *const *paths, size_t n, ps_str format)
{
    ps_sql_list items = {0};
    ps_sql_idents name = {0};

    for (size_t i = 0; i < n; i++) {
        const ps_str path = ps_make_text(m, paths[i], paths[i] ? strlen(paths[i]) : 0);

        if (!path.n) ps_make_fail(m, PS_MISUSE, "a path is NULL or empty");
        items = ps_gram_list_add(&m->p, items, SQL_NEW(&m->p, string, STRING, 0, .value = path));
    }
    const char *reader = ps_arena_printf(&m->cx, &m->made->arena, "read_%.*s", PS_STR_ARGS(format));
    if (!reader || m->p.status != PS_OK) return NULL;
    name = ps_gram_idents_add(&m->p, name, ps_gram_ident_of(reader, 0));
    ps_sql_node *list = SQL_NEW(&m->p, list_literal, LIST, 0, .items = items);
    ps_sql_node *call = SQL_NEW(&m->p, call, CALL, 0, .name = name, .args = one(m, list));
    return call ? SQL_NEW(&m->p, function, FUNCTION, 0, .call = call) : NULL;
}

ps_plan *ps_plan_files(const char *const *paths, size_t n_paths, const char *format)
{
    ps_sql_node *table = NULL;
    ps_maker m;

    begin(&m);
    if (!paths || !n_paths || !paths[0] || !*paths[0])
        ps_make_fail(&m, PS_MISUSE, "no path is given");
    if (m.p.status != PS_OK) return end(&m, NULL);
    if (n_paths == 1 && !format) {
        const ps_str path = ps_make_text(&m, paths[0], strlen(paths[0]));

        table = SQL_NEW(&m.p, file, FILE, 0, .path = path);
    } else {
        const char *dot = strrchr(paths[0], '.');
        const ps_str name = ps_str_of(format ? format : dot ? dot + 1 : "files");

        table = file_function(&m, paths, n_paths, ps_make_text(&m, name.at, name.n));
    }
    return end(&m, all_of(&m, table));
}

static ps_sql_node *stream_table(ps_maker *m, ps_session *session, struct ArrowArrayStream *stream)
{
    ps_made *made = m->made;
    ps_sql_idents name = {0};

    m->p.status = ps_session_enter(session, &m->cx.error);
    if (m->p.status != PS_OK) {
        stream->release(stream);
        return NULL;
    }
    m->p.status = ps_session_read_stream(session, stream, &made->table, &m->cx.error);
    ps_session_leave(session);
    if (m->p.status != PS_OK) return NULL;
    memcpy(made->table_name, "stream", sizeof "stream");
    name = ps_gram_idents_add(&m->p, name, ps_gram_ident_of(ps_made_schema, 0));
    name = ps_gram_idents_add(&m->p, name, ps_gram_ident_of(made->table_name, 0));
    return m->p.status == PS_OK ? SQL_NEW(&m->p, table, TABLE, 0, .name = name) : NULL;
}

ps_plan *ps_plan_stream(ps_session *session, struct ArrowArrayStream *stream)
{
    ps_sql_node *table = NULL;
    ps_maker m;

    begin(&m);
    if (!stream || !stream->release)
        ps_make_fail(&m, PS_MISUSE, "the stream is NULL or was released");
    else if (m.p.status != PS_OK) stream->release(stream);
    if (m.p.status == PS_OK) table = stream_table(&m, session, stream);
    return end(&m, all_of(&m, table));
}

/* ---- one input ---- */

/* SELECT items FROM the held plan 0. */
static ps_sql_select *select_from(ps_maker *m, ps_sql_list items)
{
    ps_sql_node *table = derived(m, 0, "");

    if (!table || m->p.status != PS_OK) return NULL;
    return (ps_sql_select *)(void *)SQL_NEW(&m->p, select, SELECT, 0, .items = items,
                                            .from = one(m, table));
}

static ps_plan *end_select(ps_maker *m, ps_sql_select *select)
{
    return end(m, select ? query(m, &select->head) : NULL);
}

ps_plan *ps_plan_select(ps_plan *plan, ps_term *const *terms, size_t n_terms)
{
    ps_sql_select *select = NULL;
    ps_maker m;

    if (ps_make_begin(&m, ps_made_plans(&plan), 1, ps_made_terms(terms), n_terms)) {
        if (!n_terms) ps_make_fail(&m, PS_INVALID, "a selection needs a column");
        select = select_from(&m, ps_make_list(&m, 1, n_terms, ps_make_item));
    }
    return end_select(&m, select);
}

ps_plan *ps_plan_extend(ps_plan *plan, ps_term *const *terms, size_t n_terms)
{
    ps_sql_select *select = NULL;
    ps_maker m;

    if (ps_make_begin(&m, ps_made_plans(&plan), 1, ps_made_terms(terms), n_terms)) {
        ps_sql_list items = star(&m);

        for (size_t i = 0; i < n_terms; i++)
            items = ps_gram_list_add(&m.p, items, ps_make_item(&m, 1 + i));
        select = select_from(&m, items);
    }
    return end_select(&m, select);
}

static ps_sql_node *named_item(ps_maker *m, size_t held)
{
    ps_sql_node *node = ps_make_item(m, held);
    const ps_sql_item *item = ps_sql_as(item, ITEM, node);

    if (item && !item->alias.text.n)
        ps_make_fail(m, PS_INVALID, "a replacement needs the name of a column (ps_term_as)");
    return node;
}

ps_plan *ps_plan_replace(ps_plan *plan, ps_term *const *terms, size_t n_terms)
{
    ps_sql_select *select = NULL;
    ps_maker m;

    if (ps_make_begin(&m, ps_made_plans(&plan), 1, ps_made_terms(terms), n_terms)) {
        const ps_sql_list replace = ps_make_list(&m, 1, n_terms, named_item);
        ps_sql_node *all = SQL_NEW(&m.p, star, STAR, 0, .replace = replace);

        select = select_from(&m, one(&m, SQL_NEW(&m.p, item, ITEM, 0, .expr = all)));
    }
    return end_select(&m, select);
}

ps_plan *ps_plan_drop(ps_plan *plan, const char *const *names, size_t n_names)
{
    ps_sql_list exclude = {0};
    ps_sql_select *select = NULL;
    ps_maker m;

    if (ps_make_begin(&m, ps_made_plans(&plan), 1, NULL, 0)) {
        for (size_t i = 0; i < n_names; i++) {
            const ps_sql_ident name = ps_make_ident(&m, names ? names[i] : NULL);
            const ps_sql_idents parts = ps_gram_idents_add(&m.p, (ps_sql_idents){0}, name);

            if (m.p.status != PS_OK) return end(&m, NULL);
            exclude =
                ps_gram_list_add(&m.p, exclude, SQL_NEW(&m.p, column, COLUMN, 0, .parts = parts));
        }
        ps_sql_node *all = SQL_NEW(&m.p, star, STAR, 0, .exclude = exclude);
        select = select_from(&m, one(&m, SQL_NEW(&m.p, item, ITEM, 0, .expr = all)));
    }
    return end_select(&m, select);
}

ps_plan *ps_plan_filter(ps_plan *plan, ps_term *condition)
{
    ps_sql_select *select = NULL;
    ps_maker m;

    if (ps_make_begin(&m, ps_made_plans(&plan), 1, ps_made_terms(&condition), 1)) {
        select = select_from(&m, star(&m));
        if (select) {
            select->where = ps_make_expr(&m, 1);
            ps_gram_depth_raise(&m.p, &select->head, select->where);
        }
    }
    return end_select(&m, select);
}

/* GROUP BY 1, 2, ...: the first n items. */
static ps_sql_list ordinals(ps_maker *m, size_t n)
{
    ps_sql_list list = {0};

    for (size_t i = 1; i <= n; i++) {
        const char *text = ps_arena_printf(&m->cx, &m->made->arena, "%zu", i);

        if (!text) return m->p.status = PS_MEMORY, list;
        list = ps_gram_list_add(
            &m->p, list,
            SQL_NEW(&m->p, number, NUMBER, 0, .form = PS_SQL_NUM_INTEGER, .text = ps_str_of(text)));
    }
    return list;
}

static ps_sql_select *aggregate(ps_maker *m, size_t n_keys, size_t n_aggregates)
{
    ps_sql_list items = ps_make_list(m, 1, n_keys, ps_make_item);

    if (!n_keys && !n_aggregates)
        ps_make_fail(m, PS_INVALID, "an aggregation needs a key or an aggregate");
    for (size_t i = 0; i < n_aggregates && m->p.status == PS_OK; i++)
        items = ps_gram_list_add(&m->p, items, ps_make_item(m, 1 + n_keys + i));
    ps_sql_select *select = select_from(m, items);
    if (select) select->group = ordinals(m, n_keys);
    return select;
}

ps_plan *ps_plan_aggregate(ps_plan *plan, ps_term *const *keys, size_t n_keys,
                           ps_term *const *aggregates, size_t n_aggregates)
{
    ps_sql_select *select = NULL;
    ps_made **all;
    ps_maker m;
    ps_ctx cx;

    ps_ctx_init(&cx, NULL, NULL);
    n_keys = keys ? n_keys : 0;
    n_aggregates = aggregates ? n_aggregates : 0;
    all = ps_alloc(&cx, (1 + n_keys) * sizeof(*all));
    if (!all) {
        ps_plan_unref(plan);
        for (size_t i = 0; i < n_keys; i++) ps_term_unref(keys[i]);
        for (size_t i = 0; i < n_aggregates; i++) ps_term_unref(aggregates[i]);
        begin(&m);
        m.p.status = PS_MEMORY;
        return end(&m, NULL);
    }
    all[0] = (ps_made *)plan;
    for (size_t i = 0; i < n_keys; i++) all[1 + i] = (ps_made *)keys[i];
    if (ps_make_begin(&m, all, 1 + n_keys, ps_made_terms(aggregates), n_aggregates))
        select = aggregate(&m, n_keys, n_aggregates);
    ps_free(all);
    return end_select(&m, select);
}

static ps_sql_query *whole_query(ps_maker *m)
{
    ps_sql_select *select = select_from(m, star(m));

    return select ? (ps_sql_query *)(void *)query(m, &select->head) : NULL;
}

ps_plan *ps_plan_sort(ps_plan *plan, ps_term *const *keys, size_t n_keys)
{
    ps_sql_query *whole = NULL;
    ps_maker m;

    if (ps_make_begin(&m, ps_made_plans(&plan), 1, ps_made_terms(keys), n_keys)) {
        whole = whole_query(&m);
        if (whole) whole->order = ps_make_list(&m, 1, n_keys, ps_make_sort);
        for (uint32_t i = 0; whole && i < whole->order.n; i++)
            ps_gram_depth_raise(&m.p, &whole->head, whole->order.at[i]);
    }
    return end(&m, whole ? &whole->head : NULL);
}

static ps_sql_node *count_node(ps_maker *m, uint64_t count)
{
    const char *text = ps_arena_printf(&m->cx, &m->made->arena, "%llu", (unsigned long long)count);

    if (count > INT64_MAX) ps_make_fail(m, PS_INVALID, "a count is too large: %s", text);
    if (!text) return m->p.status = PS_MEMORY, NULL;
    return SQL_NEW(&m->p, number, NUMBER, 0, .form = PS_SQL_NUM_INTEGER, .text = ps_str_of(text));
}

ps_plan *ps_plan_limit(ps_plan *plan, uint64_t offset, uint64_t count)
{
    ps_sql_query *whole = NULL;
    ps_maker m;

    if (ps_make_begin(&m, ps_made_plans(&plan), 1, NULL, 0)) {
        whole = whole_query(&m);
        if (whole && count != UINT64_MAX) whole->limit = count_node(&m, count);
        if (whole && offset) whole->offset = count_node(&m, offset);
    }
    return end(&m, whole ? &whole->head : NULL);
}

ps_plan *ps_plan_distinct(ps_plan *plan)
{
    ps_sql_select *select = NULL;
    ps_maker m;

    if (ps_make_begin(&m, ps_made_plans(&plan), 1, NULL, 0)) {
        select = select_from(&m, star(&m));
        if (select) select->distinct = true;
    }
    return end_select(&m, select);
}

/* ---- several inputs ---- */

static ps_sql_join *join_node(ps_maker *m, ps_match match)
{
    static const ps_sql_f_join kinds[] = {
        [PS_MATCH_INNER] = PS_SQL_JOIN_INNER, [PS_MATCH_LEFT] = PS_SQL_JOIN_LEFT,
        [PS_MATCH_RIGHT] = PS_SQL_JOIN_RIGHT, [PS_MATCH_FULL] = PS_SQL_JOIN_FULL,
        [PS_MATCH_SEMI] = PS_SQL_JOIN_SEMI,   [PS_MATCH_ANTI] = PS_SQL_JOIN_ANTI,
        [PS_MATCH_CROSS] = PS_SQL_JOIN_CROSS};

    if ((unsigned)match >= PS_COUNT(kinds)) {
        ps_make_fail(m, PS_INVALID, "there is no such kind of join: %d", (int)match);
        return NULL;
    }
    return (ps_sql_join *)(void *)SQL_NEW(&m->p, join, JOIN, 0, .kind = kinds[match],
                                          .left = derived(m, 0, "left"),
                                          .right = derived(m, 1, "right"));
}

ps_plan *ps_plan_join(ps_plan *left, ps_plan *right, ps_match match, ps_term *on)
{
    ps_made *const inputs[] = {(ps_made *)left, (ps_made *)right};
    ps_sql_join *join = NULL;
    ps_maker m;

    if (ps_make_begin(&m, inputs, 2, ps_made_terms(&on), on ? 1 : 0)) {
        if ((on == NULL) != (match == PS_MATCH_CROSS))
            ps_make_fail(&m, PS_INVALID, "every join but the cross join needs a condition");
        join = join_node(&m, match);
        if (join && on && m.p.status == PS_OK) {
            join->on = ps_make_expr(&m, 2);
            ps_gram_depth_raise(&m.p, &join->head, join->on);
        }
    }
    return end(&m, all_of(&m, join ? &join->head : NULL));
}

ps_plan *ps_plan_join_using(ps_plan *left, ps_plan *right, ps_match match, const char *const *names,
                            size_t n_names)
{
    ps_made *const inputs[] = {(ps_made *)left, (ps_made *)right};
    ps_sql_join *join = NULL;
    ps_maker m;

    if (ps_make_begin(&m, inputs, 2, NULL, 0)) {
        if (!names || !n_names || match == PS_MATCH_CROSS)
            ps_make_fail(&m, PS_INVALID, "a join on names needs one, and is no cross join");
        join = join_node(&m, match);
        for (size_t i = 0; join && i < n_names && m.p.status == PS_OK; i++)
            join->columns = ps_gram_idents_add(&m.p, join->columns, ps_make_ident(&m, names[i]));
    }
    return end(&m, all_of(&m, join ? &join->head : NULL));
}

static ps_sql_node *plan_query(ps_maker *m, size_t held) { return m->made->held[held]->node; }

ps_plan *ps_plan_combine(ps_combine how, bool all, ps_plan *const *plans, size_t n_plans)
{
    static const ps_sql_f_setop ops[] = {[PS_COMBINE_UNION] = PS_SQL_SETOP_UNION,
                                         [PS_COMBINE_INTERSECT] = PS_SQL_SETOP_INTERSECT,
                                         [PS_COMBINE_EXCEPT] = PS_SQL_SETOP_EXCEPT};
    ps_sql_node *node = NULL;
    ps_maker m;

    if (ps_make_begin(&m, ps_made_plans(plans), n_plans, NULL, 0)) {
        if (n_plans < 2) ps_make_fail(&m, PS_INVALID, "plans are combined two or more at a time");
        if ((unsigned)how >= PS_COUNT(ops))
            ps_make_fail(&m, PS_INVALID, "there is no such combination: %d", (int)how);
        const ps_sql_list inputs = ps_make_list(&m, 0, n_plans, plan_query);
        if (m.p.status == PS_OK)
            node = query(
                &m, SQL_NEW(&m.p, setop, SETOP, 0, .op = ops[how], .all = all, .inputs = inputs));
    }
    return end(&m, node);
}
