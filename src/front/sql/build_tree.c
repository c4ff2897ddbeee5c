/* front/sql/build_tree.c -- shapes of the tree that take more than filling fields.
 *
 * Chains of one operator become one node, so that ten thousand terms are no deeper than two. */
#include "front/sql/grammar.h"
#include "front/sql/grammar_state.h"

#define AS(name, node) ((ps_sql_##name *)(node))

static ps_sql_list list_two(sql_parser *p, ps_sql_node *a, ps_sql_node *b)
{
    return ps_gram_list_add(p, ps_gram_list_add(p, (ps_sql_list){0}, a), b);
}

/* ---- operators ---- */

ps_sql_node *ps_gram_and_or(sql_parser *p, ps_sql_kind kind, uint32_t at, ps_sql_node *a,
                            ps_sql_node *b)
{
    if (a && a->kind == kind) { /* AND and OR have the same fields */
        AS(and, a)->args = ps_gram_list_add(p, AS(and, a)->args, b);
        ps_gram_depth_raise(p, a, b);
        return a;
    }
    if (kind == PS_SQL_AND) return SQL_NEW(p, and, AND, at, .args = list_two(p, a, b));
    return SQL_NEW(p, or, OR, at, .args = list_two(p, a, b));
}

static bool op_chains(ps_sql_f_op op)
{
    return !(op >= PS_SQL_OP_EQ && op <= PS_SQL_OP_NOT_DISTINCT_FROM);
}

ps_sql_node *ps_gram_binary(sql_parser *p, ps_sql_f_op op, uint32_t at, ps_sql_node *a,
                            ps_sql_node *b)
{
    if (a && a->kind == PS_SQL_BINARY && AS(binary, a)->op == op && op_chains(op)) {
        AS(binary, a)->args = ps_gram_list_add(p, AS(binary, a)->args, b);
        ps_gram_depth_raise(p, a, b);
        return a;
    }
    return SQL_NEW(p, binary, BINARY, at, .op = op, .args = list_two(p, a, b));
}

ps_sql_node *ps_gram_unary(sql_parser *p, ps_sql_f_op op, uint32_t at, ps_sql_node *arg)
{
    return SQL_NEW(p, unary, UNARY, at, .op = op, .arg = arg);
}

/* Operators whose token kind is not enough. */
static const struct {
    const char *text;
    ps_sql_f_op op;
} operators[] = {
    {"||", PS_SQL_OP_CONCAT},         {"->>", PS_SQL_OP_ARROW_TEXT},
    {"&", PS_SQL_OP_BIT_AND},         {"|", PS_SQL_OP_BIT_OR},
    {"<<", PS_SQL_OP_SHIFT_LEFT},     {">>", PS_SQL_OP_SHIFT_RIGHT},
    {"^@", PS_SQL_OP_STARTS_WITH},    {"@>", PS_SQL_OP_CONTAINS},
    {"<@", PS_SQL_OP_CONTAINED},      {"&&", PS_SQL_OP_OVERLAPS},
    {"~", PS_SQL_OP_REGEX},           {"!~", PS_SQL_OP_NOT_REGEX},
    {"~*", PS_SQL_OP_REGEX_NOCASE},   {"!~*", PS_SQL_OP_NOT_REGEX_NOCASE},
    {"<->", PS_SQL_OP_DISTANCE},      {"<=>", PS_SQL_OP_COSINE},
    {"<#>", PS_SQL_OP_INNER_PRODUCT}, {"~~", PS_SQL_OP_LIKE},
    {"!~~", PS_SQL_OP_NOT_LIKE},      {"~~*", PS_SQL_OP_ILIKE},
    {"!~~*", PS_SQL_OP_NOT_ILIKE},
};

ps_sql_f_op ps_gram_op(sql_parser *p, sql_token token)
{
    const ps_str text = {p->text + token->start, token->end - token->start};

    switch (token->kind) {
    case PS_TK_EQ: return PS_SQL_OP_EQ;
    case PS_TK_NE: return PS_SQL_OP_NE;
    case PS_TK_LT: return PS_SQL_OP_LT;
    case PS_TK_LE: return PS_SQL_OP_LE;
    case PS_TK_GT: return PS_SQL_OP_GT;
    case PS_TK_GE: return PS_SQL_OP_GE;
    default: break;
    }
    for (size_t i = 0; i < PS_COUNT(operators); i++)
        if (ps_str_equal(text, ps_str_of(operators[i].text))) return operators[i].op;
    return PS_SQL_OP_NONE;
}

ps_sql_node *ps_gram_operator(sql_parser *p, sql_token token, ps_sql_node *a, ps_sql_node *b)
{
    const ps_sql_f_op op = ps_gram_op(p, token);

    switch (op) {
    case PS_SQL_OP_LIKE:
    case PS_SQL_OP_NOT_LIKE:
        return ps_gram_like(p, PS_SQL_LIKE_LIKE, op == PS_SQL_OP_NOT_LIKE, token->start, a, b,
                            NULL);
    case PS_SQL_OP_ILIKE:
    case PS_SQL_OP_NOT_ILIKE:
        return ps_gram_like(p, PS_SQL_LIKE_ILIKE, op == PS_SQL_OP_NOT_ILIKE, token->start, a, b,
                            NULL);
    case PS_SQL_OP_NONE: /* ~~~, the only one left */
        return ps_gram_like(p, PS_SQL_LIKE_GLOB, false, token->start, a, b, NULL);
    default: return ps_gram_binary(p, op, token->start, a, b);
    }
}

ps_sql_f_like ps_gram_like_kind(sql_token token)
{
    return token->kind == PS_TK_ILIKE  ? PS_SQL_LIKE_ILIKE
           : token->kind == PS_TK_GLOB ? PS_SQL_LIKE_GLOB
                                       : PS_SQL_LIKE_LIKE;
}

ps_sql_node *ps_gram_like(sql_parser *p, ps_sql_f_like op, bool negated, uint32_t at,
                          ps_sql_node *arg, ps_sql_node *pattern, ps_sql_node *escape)
{
    static const char *const texts[][2] = {{"LIKE", "NOT LIKE"},
                                           {"ILIKE", "NOT ILIKE"},
                                           {"SIMILAR TO", "NOT SIMILAR TO"},
                                           {"GLOB", "NOT GLOB"}};
    if (arg && arg->kind == PS_SQL_STAR && !AS(star, arg)->like && !escape) { /* * LIKE 'a%' */
        AS(star, arg)->like_op = ps_str_of(texts[op][negated]);
        AS(star, arg)->like = pattern;
        ps_gram_depth_raise(p, arg, pattern);
        return arg;
    }
    return SQL_NEW(p, like, LIKE, at, .arg = arg, .op = op, .negated = negated, .pattern = pattern,
                   .escape = escape);
}

ps_sql_node *ps_gram_quantified(sql_parser *p, sql_token op, ps_sql_node *arg, bool all,
                                ps_sql_node *query, ps_sql_node *set)
{
    return SQL_NEW(p, quantified, QUANTIFIED, op->start, .arg = arg, .op = ps_gram_op(p, op),
                   .all = all, .query = query, .set = set);
}

ps_sql_node *ps_gram_is(sql_parser *p, ps_sql_f_is what, bool negated, uint32_t at,
                        ps_sql_node *arg)
{
    return SQL_NEW(p, is, IS, at, .arg = arg, .what = what, .negated = negated);
}

ps_sql_node *ps_gram_between_with(sql_parser *p, ps_sql_node *between, ps_sql_node *arg,
                                  ps_sql_node *low, ps_sql_node *high)
{
    if (!between) return NULL;
    AS(between, between)->arg = arg;
    AS(between, between)->low = low;
    AS(between, between)->high = high;
    ps_gram_depth_raise(p, between, arg);
    ps_gram_depth_raise(p, between, low);
    ps_gram_depth_raise(p, between, high);
    return between;
}

ps_sql_node *ps_gram_in_with(sql_parser *p, ps_sql_node *in, ps_sql_node *arg, bool negated,
                             uint32_t at)
{
    if (!in) return NULL;
    in->start = at;
    AS(in, in)->arg = arg;
    AS(in, in)->negated = negated;
    ps_gram_depth_raise(p, in, arg);
    return in;
}

/* ---- names, literals, calls ---- */

ps_sql_node *ps_gram_column(sql_parser *p, ps_sql_idents parts)
{
    return SQL_NEW(p, column, COLUMN, parts.n ? parts.at[0].offset : 0, .parts = parts);
}

ps_sql_node *ps_gram_integer(sql_parser *p, int64_t value, uint32_t at)
{
    char *text = ps_arena_printf(p->cx, p->arena, "%lld", (long long)value);
    if (!text) p->status = p->status == PS_OK ? PS_MEMORY : p->status;
    return SQL_NEW(p, number, NUMBER, at, .text = ps_str_of(text));
}

ps_sql_node *ps_gram_typed(sql_parser *p, ps_sql_idents name, const char *suffix, sql_token text)
{
    ps_sql_node *type = ps_gram_type(p, name, suffix, (ps_sql_list){0});
    return SQL_NEW(p, typed, TYPED, type ? type->start : 0, .type = type,
                   .value = ps_gram_string(p, text));
}

ps_sql_node *ps_gram_star_with(sql_parser *p, ps_sql_node *star, ps_sql_list exclude,
                               ps_sql_list replace, ps_sql_list rename)
{
    if (!star) return NULL;
    AS(star, star)->exclude = exclude;
    AS(star, star)->replace = replace;
    AS(star, star)->rename = rename;
    for (uint32_t i = 0; i < replace.n; i++) ps_gram_depth_raise(p, star, replace.at[i]);
    for (uint32_t i = 0; i < rename.n; i++) ps_gram_depth_raise(p, star, rename.at[i]);
    for (uint32_t i = 0; i < exclude.n; i++) ps_gram_depth_raise(p, star, exclude.at[i]);
    return star;
}

ps_sql_node *ps_gram_call(sql_parser *p, const char *name, uint32_t at, ps_sql_list args)
{
    const ps_sql_idents idents =
        ps_gram_idents_add(p, (ps_sql_idents){0}, ps_gram_ident_of(name, at));
    return SQL_NEW(p, call, CALL, at, .name = idents, .args = args);
}

ps_sql_node *ps_gram_call_named(sql_parser *p, ps_sql_idents name, const sql_call_body *body)
{
    return SQL_NEW(p, call, CALL, name.n ? name.at[0].offset : 0, .name = name,
                   .distinct = body->distinct, .args = body->args, .order = body->order,
                   .nulls = (ps_sql_f_nulls)body->nulls);
}

ps_sql_node *ps_gram_call_chained(sql_parser *p, sql_token name, ps_sql_node *receiver,
                                  const sql_call_body *body)
{
    const ps_sql_idents idents = ps_gram_idents_add(p, (ps_sql_idents){0}, ps_gram_ident(p, name));
    ps_sql_list args = ps_gram_list_add(p, (ps_sql_list){0}, receiver);

    for (uint32_t i = 0; i < body->args.n; i++) args = ps_gram_list_add(p, args, body->args.at[i]);
    return SQL_NEW(p, call, CALL, name->start, .name = idents, .chained = true,
                   .distinct = body->distinct, .args = args, .order = body->order,
                   .nulls = (ps_sql_f_nulls)body->nulls);
}

ps_sql_node *ps_gram_call_with(sql_parser *p, ps_sql_node *call, ps_sql_list within,
                               ps_sql_node *filter, bool export_state, sql_over over)
{
    ps_sql_call *c = AS(call, call);
    if (!call) return NULL;
    c->within = within;
    c->filter = filter;
    c->export_state = export_state;
    c->over = over.window;
    if (over.nulls) c->nulls = (ps_sql_f_nulls)over.nulls;
    for (uint32_t i = 0; i < within.n; i++) ps_gram_depth_raise(p, call, within.at[i]);
    ps_gram_depth_raise(p, call, filter);
    ps_gram_depth_raise(p, call, over.window);
    return call;
}

int ps_gram_over_nulls(sql_token token)
{
    return token->kind == PS_TK_IGNORE_NULLS_OVER    ? PS_SQL_NULLS_IGNORE
           : token->kind == PS_TK_RESPECT_NULLS_OVER ? PS_SQL_NULLS_RESPECT
                                                     : PS_SQL_NULLS_DEFAULT;
}

/* POSITION(a IN b): the grammar reads "a IN b" as an expression. */
ps_sql_node *ps_gram_position(sql_parser *p, uint32_t at, ps_sql_list args)
{
    const ps_sql_in *in = args.n == 1 ? ps_sql_as(in, IN, args.at[0]) : NULL;

    if (!in) return ps_gram_call(p, "position", at, args);
    if (in->negated || (!in->set && in->items.n != 1)) {
        ps_gram_fail_at(p, PS_PARSE, at, "POSITION takes the form POSITION(text IN text)");
        return NULL;
    }
    return ps_gram_call(p, "strpos", at, list_two(p, in->set ? in->set : in->items.at[0], in->arg));
}

ps_sql_node *ps_gram_trim(sql_parser *p, sql_token side, uint32_t at, ps_sql_list args)
{
    return ps_gram_call(p,
                        side->kind == PS_TK_LEADING    ? "ltrim"
                        : side->kind == PS_TK_TRAILING ? "rtrim"
                                                       : "trim",
                        at, args);
}

sql_frame ps_gram_frame_of(sql_parser *p, sql_token unit, sql_bound start, sql_bound end,
                           int exclude)
{
    sql_frame frame = {.start = start, .end = end, .exclude = (ps_sql_f_exclude)exclude};

    frame.unit = unit->kind == PS_TK_ROWS    ? PS_SQL_FRAME_ROWS
                 : unit->kind == PS_TK_RANGE ? PS_SQL_FRAME_RANGE
                                             : PS_SQL_FRAME_GROUPS;
    if (start.kind > end.kind || start.kind == PS_SQL_BOUND_UNBOUNDED_FOLLOWING ||
        end.kind == PS_SQL_BOUND_UNBOUNDED_PRECEDING)
        ps_gram_fail_at(p, PS_PARSE, unit->start, "the window frame ends before it starts");
    return frame;
}

bool ps_gram_is_word(const sql_parser *p, sql_token token, uint16_t kind)
{
    (void)p;
    return token->kind == kind;
}

/* ---- types ---- */

ps_sql_node *ps_gram_type(sql_parser *p, ps_sql_idents name, const char *suffix, ps_sql_list params)
{
    if (*suffix && name.n) { /* TIMESTAMP WITH TIME ZONE is timestamptz */
        ps_sql_ident *last = &name.at[name.n - 1];
        char *joined = ps_arena_printf(p->cx, p->arena, "%.*s%s", PS_STR_ARGS(last->text), suffix);
        if (!joined) return p->status = p->status == PS_OK ? PS_MEMORY : p->status, NULL;
        last->text = ps_str_of(joined);
    }
    return SQL_NEW(p, type, TYPE, name.n ? name.at[0].offset : 0, .name = name, .params = params);
}

ps_sql_node *ps_gram_type_word(sql_parser *p, sql_token word, ps_sql_list params)
{
    const ps_sql_ident ident = {
        {p->text + word->start, word->end - word->start}, word->start, false};
    return ps_gram_type(p, ps_gram_idents_add(p, (ps_sql_idents){0}, ident), "", params);
}

ps_sql_node *ps_gram_type_dim(sql_parser *p, ps_sql_node *type, int64_t size)
{
    ps_sql_dims *dims = type ? &AS(type, type)->dims : NULL;
    if (!type) return NULL;
    if (dims->n == dims->room) {
        const uint32_t wider = dims->room ? dims->room * 2 : 2;
        int64_t *at = PS_ARENA_ARRAY(p->cx, p->arena, int64_t, wider);
        if (!at) return p->status = p->status == PS_OK ? PS_MEMORY : p->status, NULL;
        if (dims->n) memcpy(at, dims->at, dims->n * sizeof *at);
        dims->at = at;
        dims->room = wider;
    }
    dims->at[dims->n++] = size;
    if (dims->n > PS_SQL_DEPTH_MAX)
        ps_gram_fail_at(p, PS_PARSE, type->start, "a list type is nested too deeply");
    ps_gram_depth_raise(p, type, NULL);
    return type;
}

ps_sql_idents ps_gram_varying(ps_sql_idents name)
{
    if (name.n) name.at[name.n - 1].text = PS_STR("varchar");
    return name;
}

/* ---- queries ---- */

/* A query in brackets that says nothing beyond its body is its body. */
static ps_sql_node *body_plain(ps_sql_node *node)
{
    const ps_sql_query *query = ps_sql_as(query, QUERY, node);
    if (!query || query->ctes.n || query->order.n || query->limit || query->offset) return node;
    return query->body;
}

ps_sql_node *ps_gram_query_of(sql_parser *p, ps_sql_node *body)
{
    if (!body || body->kind == PS_SQL_QUERY) return body;
    return SQL_NEW(p, query, QUERY, body->start, .body = body);
}

ps_sql_node *ps_gram_query_tail(sql_parser *p, ps_sql_node *body, ps_sql_list order,
                                sql_limits limits)
{
    body = body_plain(body);
    return SQL_NEW(p, query, QUERY, body ? body->start : 0, .body = body, .order = order,
                   .limit = limits.limit, .limit_percent = limits.percent, .offset = limits.offset);
}

ps_sql_node *ps_gram_query_with(sql_parser *p, sql_with with, ps_sql_node *query)
{
    if (!query) return NULL;
    AS(query, query)->ctes = with.ctes;
    AS(query, query)->recursive = with.recursive;
    for (uint32_t i = 0; i < with.ctes.n; i++) ps_gram_depth_raise(p, query, with.ctes.at[i]);
    return query;
}

ps_sql_node *ps_gram_setop(sql_parser *p, ps_sql_f_setop op, bool all, bool by_name, uint32_t at,
                           ps_sql_node *a, ps_sql_node *b)
{
    a = body_plain(a);
    b = body_plain(b);
    ps_sql_setop *left = a && a->kind == PS_SQL_SETOP ? AS(setop, a) : NULL;
    if (left && left->op == op && left->all == all && left->by_name == by_name) {
        left->inputs = ps_gram_list_add(p, left->inputs, b);
        ps_gram_depth_raise(p, a, b);
        return a;
    }
    return SQL_NEW(p, setop, SETOP, at, .op = op, .all = all, .by_name = by_name,
                   .inputs = list_two(p, a, b));
}

ps_sql_node *ps_gram_select_with(sql_parser *p, ps_sql_node *select, uint32_t at,
                                 sql_distinct distinct, ps_sql_list items, ps_sql_list from)
{
    ps_sql_select *s = AS(select, select);
    if (!select) return NULL;
    select->start = at;
    s->distinct = distinct.distinct;
    s->distinct_on = distinct.on;
    s->items = items;
    s->from = from;
    for (uint32_t i = 0; i < distinct.on.n; i++) ps_gram_depth_raise(p, select, distinct.on.at[i]);
    for (uint32_t i = 0; i < items.n; i++) ps_gram_depth_raise(p, select, items.at[i]);
    for (uint32_t i = 0; i < from.n; i++) ps_gram_depth_raise(p, select, from.at[i]);
    return select;
}

ps_sql_node *ps_gram_table(sql_parser *p, ps_sql_idents name)
{
    return SQL_NEW(p, table, TABLE, name.n ? name.at[0].offset : 0, .name = name);
}

ps_sql_node *ps_gram_table_query(sql_parser *p, sql_token table, ps_sql_idents name)
{
    const ps_sql_list none = {0};
    ps_sql_node *star = SQL_NEW(p, star, STAR, table->start);
    ps_sql_node *item = SQL_NEW(p, item, ITEM, table->start, .expr = star);
    return SQL_NEW(p, select, SELECT, table->start, .items = ps_gram_list_add(p, none, item),
                   .from = ps_gram_list_add(p, none, ps_gram_table(p, name)));
}

ps_sql_node *ps_gram_join_of(sql_parser *p, sql_join_kind kind, ps_sql_node *left,
                             ps_sql_node *right, sql_join_qual qual)
{
    return SQL_NEW(p, join, JOIN, kind.at, .kind = kind.kind, .natural = kind.natural,
                   .asof = kind.asof, .left = left, .right = right, .on = qual.on,
                   .columns = qual.columns);
}

/* Every kind of table has an alias and columns; where they sit differs. */
ps_sql_node *ps_gram_table_alias(sql_parser *p, ps_sql_node *table, ps_sql_ident alias,
                                 ps_sql_idents columns)
{
    if (!table || !alias.text.n) return table;
    switch (table->kind) {
#define CASE_ALIAS(name, KIND)                                                                     \
    case PS_SQL_##KIND:                                                                            \
        AS(name, table)->alias = alias;                                                            \
        AS(name, table)->columns = columns;                                                        \
        break;
        CASE_ALIAS(table, TABLE)
        CASE_ALIAS(file, FILE)
        CASE_ALIAS(function, FUNCTION)
        CASE_ALIAS(derived, DERIVED)
        CASE_ALIAS(pivot, PIVOT)
        CASE_ALIAS(unpivot, UNPIVOT)
#undef CASE_ALIAS
    case PS_SQL_JOIN:
        AS(join, table)->alias = alias;
        AS(join, table)->alias_columns = columns;
        break;
    default: break;
    }
    ps_gram_depth_raise(p, table, NULL);
    return table;
}

ps_sql_node *ps_gram_table_sample(sql_parser *p, ps_sql_node *table, ps_sql_node *sample)
{
    if (!table) return NULL;
    switch (table->kind) {
    case PS_SQL_TABLE: AS(table, table)->sample = sample; break;
    case PS_SQL_FILE: AS(file, table)->sample = sample; break;
    case PS_SQL_FUNCTION: AS(function, table)->sample = sample; break;
    case PS_SQL_DERIVED: AS(derived, table)->sample = sample; break;
    default:
        ps_gram_fail_at(p, PS_UNSUPPORTED, sample ? sample->start : table->start,
                        "TABLESAMPLE of a join or pivot is not supported");
        break;
    }
    ps_gram_depth_raise(p, table, sample);
    return table;
}

ps_sql_list ps_gram_pivot_ons(sql_parser *p, ps_sql_list items)
{
    ps_sql_list ons = {0};
    for (uint32_t i = 0; i < items.n; i++) {
        const ps_sql_item *item = ps_sql_as(item, ITEM, items.at[i]);
        const ps_sql_in *in = item ? ps_sql_as(in, IN, item->expr) : NULL;
        ps_sql_list values = {0};
        const ps_sql_list none = {0};
        if (!in || in->negated) {
            ons = ps_gram_list_add(
                p, ons,
                SQL_NEW(p, pivot_on, PIVOT_ON, items.at[i]->start,
                        .exprs = ps_gram_list_add(p, none, item ? item->expr : NULL)));
            continue;
        }
        const ps_sql_row *row = ps_sql_as(row, ROW, in->arg);
        const ps_sql_column *type = ps_sql_as(column, COLUMN, in->set);
        const ps_sql_ident type_name = type ? type->parts.at[0] : (ps_sql_ident){.offset = 0};
        const ps_sql_list exprs = row ? row->items : ps_gram_list_add(p, none, in->arg);
        if (in->set && !type)
            ps_gram_fail_at(p, PS_UNSUPPORTED, in->head.start,
                            "PIVOT ... IN an expression is not supported");
        for (uint32_t k = 0; k < in->items.n; k++)
            values = ps_gram_list_add(
                p, values, SQL_NEW(p, item, ITEM, in->items.at[k]->start, .expr = in->items.at[k]));
        ons = ps_gram_list_add(p, ons,
                               SQL_NEW(p, pivot_on, PIVOT_ON, in->head.start, .exprs = exprs,
                                       .values = values, .query = in->query, .type = type_name));
    }
    return ons;
}

/* ---- statements ---- */

ps_sql_node *ps_gram_table_body(sql_parser *p, ps_sql_list elements, ps_sql_node *query,
                                bool no_data)
{
    ps_sql_list columns = {0}, constraints = {0};
    ps_sql_idents aliases = {0};

    for (uint32_t i = 0; i < elements.n; i++) {
        const ps_sql_column_def *def = ps_sql_as(column_def, COLUMN_DEF, elements.at[i]);
        if (!def) {
            constraints = ps_gram_list_add(p, constraints, elements.at[i]);
        } else if (!query) {
            columns = ps_gram_list_add(p, columns, elements.at[i]);
            if (!def->type && !def->constraints.n)
                ps_gram_fail_at(p, PS_PARSE, def->head.start, "a column needs a type");
        } else if (def->type || def->constraints.n) {
            ps_gram_fail_at(p, PS_PARSE, def->head.start,
                            "with AS a column of CREATE TABLE is a name without a type");
        } else {
            aliases = ps_gram_idents_add(p, aliases, def->name);
        }
    }
    return SQL_NEW(p, create_table, CREATE_TABLE, 0, .columns = columns, .constraints = constraints,
                   .aliases = aliases, .query = query, .no_data = no_data);
}

void ps_gram_create_table_with(sql_parser *p, ps_sql_node *create, uint32_t at, bool replace,
                               bool temporary, bool if_not_exists, ps_sql_idents name)
{
    ps_sql_create_table *c = AS(create_table, create);
    if (!create) return;
    create->start = at;
    c->replace = replace;
    c->temporary = temporary;
    c->if_not_exists = if_not_exists;
    c->name = name;
    ps_gram_depth_raise(p, create, NULL);
}

void ps_gram_insert_with(sql_parser *p, ps_sql_node *insert, uint32_t at, int conflict_rule,
                         ps_sql_idents name, ps_sql_ident alias, ps_sql_node *conflict,
                         ps_sql_list returning)
{
    ps_sql_insert *i = AS(insert, insert);
    if (!insert) return;
    insert->start = at;
    i->replace = conflict_rule == 1;
    i->ignore = conflict_rule == 2;
    i->name = name;
    i->alias = alias;
    i->conflict = conflict;
    i->returning = returning;
    ps_gram_depth_raise(p, insert, conflict);
    for (uint32_t k = 0; k < returning.n; k++) ps_gram_depth_raise(p, insert, returning.at[k]);
}
