/* plan/json_read_expr.c -- plans from JSON: types, values and expressions.
 *
 * A call is taken only when resolving its name over its argument types gives the function that its
 * signature names, with the same types: no kernel ever sees types that binding would not give it.
 * Tests: tests/unit/test_plan_json.c */
#include "func/func.h"
#include "plan/json_names.h"
#include "plan/json_read.h"

/* ---- types ---- */

static bool keep(ps_plan_reader *r, ps_status made, ps_type type)
{
    if (made != PS_OK) return false;
    ps_status st = ps_type_keep(r->cx, r->p->arena, type);
    ps_type_unref(type);
    return st == PS_OK;
}

static bool small(const ps_json *json, int64_t max, int64_t *out)
{
    *out = 0;
    return !json || (ps_json_int(json, out) && *out >= 0 && *out <= max);
}

typedef struct nested {
    ps_field *fields;
    int8_t *tags;
    uint32_t n;
    ps_str *labels;
    uint32_t n_labels;
    ps_str name;
} nested;

static bool read_nested(ps_plan_reader *r, ps_json *json, nested *out)
{
    ps_json *fields = ps_json_get(json, "fields"), *labels = ps_json_get(json, "labels");

    if ((fields && fields->kind != PS_JSON_ARRAY) || (labels && labels->kind != PS_JSON_ARRAY))
        return ps_plan_damaged(r, json, "a list is wanted"), false;
    out->fields = PS_ARENA_ARRAY(r->cx, r->p->arena, ps_field, (fields ? fields->n : 0) + 1);
    out->tags = PS_ARENA_ARRAY(r->cx, r->p->arena, int8_t, (fields ? fields->n : 0) + 1);
    out->labels = PS_ARENA_ARRAY(r->cx, r->p->arena, ps_str, (labels ? labels->n : 0) + 1);
    if (!out->fields || !out->tags || !out->labels ||
        !ps_plan_read_str(r, ps_json_get(json, "name"), &out->name))
        return false;
    for (ps_json *c = fields ? fields->child : NULL; c; c = c->next) {
        ps_field *field = &out->fields[out->n];
        ps_json *type = ps_json_get(c, "type");
        bool required;
        int64_t tag;
        if (!type || !small(ps_json_get(c, "tag"), 127, &tag))
            return ps_plan_damaged(r, c, "a field is wanted"), false;
        if (!ps_plan_read_type(r, type, &field->type) ||
            !ps_plan_read_str(r, ps_json_get(c, "name"), &field->name) ||
            !ps_plan_read_bool(r, ps_json_get(c, "required"), &required) || !ps_plan_no_more(r, c))
            return false;
        field->nullable = !required;
        out->tags[out->n++] = (int8_t)tag;
    }
    for (ps_json *c = labels ? labels->child : NULL; c; c = c->next)
        if (!ps_plan_read_str(r, c, &out->labels[out->n_labels++])) return false;
    return true;
}

static bool make_type(ps_plan_reader *r, const ps_json *json, ps_type_id id, const nested *n,
                      ps_unit unit, int32_t width, ps_type *out)
{
    switch (id) {
    case PS_TYPE_LIST:
        if (n->n == 1) return keep(r, ps_type_list(r->cx, &n->fields[0], out), *out);
        break;
    case PS_TYPE_ARRAY:
        if (n->n == 1) return keep(r, ps_type_array(r->cx, &n->fields[0], width, out), *out);
        break;
    case PS_TYPE_STRUCT: return keep(r, ps_type_struct(r->cx, n->fields, n->n, out), *out);
    case PS_TYPE_MAP:
        if (n->n == 2) return keep(r, ps_type_map(r->cx, &n->fields[0], &n->fields[1], out), *out);
        break;
    case PS_TYPE_UNION: return keep(r, ps_type_union(r->cx, n->fields, n->tags, n->n, out), *out);
    case PS_TYPE_ENUM: return keep(r, ps_type_enum(r->cx, n->labels, n->n_labels, out), *out);
    case PS_TYPE_TIMESTAMP_TZ:
        if (n->name.n) return keep(r, ps_type_zoned(r->cx, unit, n->name, out), *out);
        *out = ps_type_in_unit(id, unit);
        return true;
    case PS_TYPE_EXTENSION:
        if (n->n == 1)
            return keep(r, ps_type_extension(r->cx, n->name, PS_STR(""), &n->fields[0], out), *out);
        break;
    case PS_TYPE_FIXED_BINARY: *out = (ps_type){.id = (uint8_t)id, .width = width}; return true;
    case PS_TYPE_TIME:
    case PS_TYPE_TIMESTAMP:
    case PS_TYPE_DURATION: *out = ps_type_in_unit(id, unit); return true;
    default: *out = (ps_type){.id = (uint8_t)id}; return true;
    }
    return ps_plan_damaged(r, json, "the type's fields don't fit it"), false;
}

bool ps_plan_read_type(ps_plan_reader *r, ps_json *json, ps_type *out)
{
    uint32_t id, unit = PS_UNIT_S;
    int64_t precision, scale, width;
    nested n = {0};

    if (json->kind == PS_JSON_STRING) {
        if (!ps_plan_word(r, json, ps_json_types, PS_TYPE_COUNT, &id)) return false;
        if (id == PS_TYPE_DECIMAL)
            return ps_plan_damaged(r, json, "a decimal has a precision"), false;
        return make_type(r, json, (ps_type_id)id, &n, PS_UNIT_S, 0, out);
    }
    if (json->kind != PS_JSON_OBJECT) return ps_plan_damaged(r, json, "a type is wanted"), false;
    if (!ps_plan_word(r, ps_json_get(json, "id"), ps_json_types, PS_TYPE_COUNT, &id)) return false;
    ps_json *unit_word = ps_json_get(json, "unit");
    if (unit_word && !ps_plan_word(r, unit_word, ps_json_units, PS_COUNT(ps_json_units), &unit))
        return false;
    if (!small(ps_json_get(json, "precision"), 38, &precision) ||
        !small(ps_json_get(json, "scale"), precision, &scale) ||
        !small(ps_json_get(json, "width"), INT32_MAX, &width))
        return ps_plan_damaged(r, json, "the type's numbers are out of range"), false;
    if (id == PS_TYPE_DECIMAL) {
        if (precision < 1) return ps_plan_damaged(r, json, "a decimal has a precision"), false;
        *out = ps_type_decimal((int)precision, (int)scale);
        return ps_plan_no_more(r, json);
    }
    return read_nested(r, json, &n) && ps_plan_no_more(r, json) &&
           make_type(r, json, (ps_type_id)id, &n, (ps_unit)unit, (int32_t)width, out);
}

/* ---- values ---- */

static bool read_i128(ps_str text, ps_i128 *out)
{
    bool negative = text.n && text.at[0] == '-';
    ps_u128 value = 0, most = (ps_u128)1 << 127;

    if (text.n == negative || text.n > 40) return false;
    for (size_t i = negative; i < text.n; i++) {
        const uint32_t digit = (uint32_t)(text.at[i] - '0');
        if (digit > 9 || value > (most - digit) / 10) return false;
        value = value * 10 + digit;
    }
    if (!negative && value == most) return false;
    *out = negative ? (ps_i128)(0 - value) : (ps_i128)value;
    return true;
}

static bool read_hex(ps_plan_reader *r, ps_str hex, ps_str *out)
{
    char *bytes = ps_arena_alloc(r->cx, r->p->arena, hex.n / 2 + 1);

    if (!bytes || hex.n % 2) return false;
    for (size_t i = 0; i < hex.n; i++) {
        const char c = hex.at[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) return false;
        bytes[i / 2] = (char)((unsigned char)bytes[i / 2] << 4 | digit);
    }
    *out = (ps_str){bytes, hex.n / 2};
    return true;
}

static bool read_interval(const ps_json *json, ps_interval *out)
{
    int64_t parts[3], n = 0;

    if (json->kind != PS_JSON_ARRAY || json->n != 3) return false;
    for (const ps_json *c = json->child; c; c = c->next)
        if (!ps_json_int(c, &parts[n++])) return false;
    *out = (ps_interval){(int32_t)parts[0], (int32_t)parts[1], parts[2]};
    return parts[0] == out->months && parts[1] == out->days;
}

static bool in_range(ps_type type, ps_i128 value)
{
    ps_i128 lo, hi;

    return !ps_type_range(type, &lo, &hi) || (value >= lo && value <= hi);
}

/* Items of a list or a map, fields of a struct. */
static bool read_items(ps_plan_reader *r, const ps_json *json, ps_type type, ps_value *out)
{
    const bool fields = ps_type_layout(type) == PS_LAYOUT_STRUCT;
    uint32_t i = 0;

    if (json->kind != PS_JSON_ARRAY || !type.ext || (fields && json->n != type.ext->n_fields))
        return false;
    ps_value *items = PS_ARENA_ARRAY(r->cx, r->p->arena, ps_value, json->n + 1);
    if (!items) return false;
    for (const ps_json *item = json->child; item; item = item->next, i++)
        if (!ps_plan_read_value(r, item, type.ext->fields[fields ? i : 0].type, &items[i]))
            return false;
    out->items = items, out->n_items = json->n;
    return true;
}

bool ps_plan_read_value(ps_plan_reader *r, const ps_json *json, ps_type type, ps_value *out)
{
    bool text = json->kind == PS_JSON_STRING, ok = false;
    ps_str bytes;

    *out = (ps_value){.type = type, .null = json->kind == PS_JSON_NULL};
    if (out->null) return true;
    switch (ps_type_layout(type)) {
    case PS_LAYOUT_F16:
    case PS_LAYOUT_F32:
    case PS_LAYOUT_F64:
        if (text && json->text.n == 16 && read_hex(r, json->text, &bytes)) {
            uint64_t bits = 0;
            for (size_t i = 0; i < 8; i++) bits = bits << 8 | (unsigned char)bytes.at[i];
            memcpy(&out->f64, &bits, sizeof bits);
            ok = true;
        }
        break;
    case PS_LAYOUT_VIEW:
        if (type.id == PS_TYPE_STRING) out->str = json->text, ok = text;
        else
            ok = text && read_hex(r, json->text, &out->str) &&
                 (type.id != PS_TYPE_FIXED_BINARY || out->str.n == (size_t)type.width);
        break;
    case PS_LAYOUT_INTERVAL: ok = read_interval(json, &out->interval); break;
    case PS_LAYOUT_LIST:
    case PS_LAYOUT_STRUCT: ok = read_items(r, json, type, out); break;
    case PS_LAYOUT_NONE:
    case PS_LAYOUT_UNION: break;
    default: ok = text && read_i128(json->text, &out->i) && in_range(type, out->i); break;
    }
    if (!ok && r->cx->error.code == PS_OK)
        ps_plan_damaged(r, json, "the value is not one of its type");
    return ok;
}

/* ---- expressions ---- */

static const ps_expr *ordinal_column(ps_plan_reader *r, const ps_json *json)
{
    const ps_node *node = r->node;
    int64_t at;

    if (!ps_json_int(json, &at) || at < 0)
        return ps_plan_damaged(r, json, "a column's number is wanted");
    if (node->kind == PS_NODE_SCAN && at < node->n_cols)
        return ps_expr_column(r->cx, r->p->arena, node->cols[at].id, node->cols[at].type);
    for (uint32_t k = 0; k < node->n_inputs; k++) {
        const ps_node *input = node->inputs[k];
        if (at < input->n_cols)
            return ps_expr_column(r->cx, r->p->arena, input->cols[at].id, input->cols[at].type);
        at -= input->n_cols;
    }
    return ps_plan_damaged(r, json, "the inputs have fewer columns");
}

static const ps_expr *outer_column(ps_plan_reader *r, const ps_json *json)
{
    int64_t node, at;

    if (json->kind != PS_JSON_ARRAY || json->n != 2 || !ps_json_int(json->child, &node) ||
        !ps_json_int(json->child->next, &at) || node < 0 || node >= r->n_nodes || at < 0 ||
        at >= r->nodes[node]->n_cols)
        return ps_plan_damaged(r, json, "no such outer column");
    const ps_col *col = &r->nodes[node]->cols[at];
    return ps_expr_column(r->cx, r->p->arena, col->id, col->type);
}

static const ps_expr **read_args(ps_plan_reader *r, ps_json *json, uint32_t *n)
{
    uint32_t i = 0;

    *n = json ? json->n : 0;
    if (json && json->kind != PS_JSON_ARRAY) return ps_plan_damaged(r, json, "a list is wanted");
    const ps_expr **args = PS_ARENA_ARRAY(r->cx, r->p->arena, const ps_expr *, *n + 1);
    for (ps_json *c = json ? json->child : NULL; args && c; c = c->next)
        if (!(args[i++] = ps_plan_read_expr(r, c))) return NULL;
    return args;
}

bool ps_plan_read_keys(ps_plan_reader *r, ps_json *json, const ps_sort_key **out, uint32_t *n)
{
    ps_sort_key *keys = PS_ARENA_ARRAY(r->cx, r->p->arena, ps_sort_key, json->n + 1), *key = keys;

    if (!keys) return false;
    if (json->kind != PS_JSON_ARRAY)
        return ps_plan_damaged(r, json, "a list of keys is wanted"), false;
    for (ps_json *c = json->child; c; c = c->next, key++) {
        ps_json *expr = ps_json_get(c, "expr");
        if (!expr) return ps_plan_damaged(r, c, "a key with an expression is wanted"), false;
        if (!(key->expr = ps_plan_read_expr(r, expr)) ||
            !ps_plan_read_bool(r, ps_json_get(c, "descending"), &key->descending) ||
            !ps_plan_read_bool(r, ps_json_get(c, "nulls_first"), &key->nulls_first) ||
            !ps_plan_no_more(r, c))
            return false;
    }
    *out = keys;
    *n = json->n;
    return true;
}

/* ---- calls ---- */

static bool resolves(ps_plan_reader *r, const ps_func *func, ps_func_kind kind,
                     const ps_expr *const *args, uint32_t n, ps_type type)
{
    ps_func_match match;
    ps_error kept = r->cx->error;

    if (ps_func_resolve(r->cx, r->p->arena, kind, ps_str_of(func->name), args, n, &match) !=
        PS_OK) {
        r->cx->error = kept;
        return false;
    }
    if (match.func != func || !ps_type_equal(match.result, type)) return false;
    for (uint32_t i = 0; i < n; i++)
        if (!ps_type_equal(match.arg_types[i], args[i]->type)) return false;
    return true;
}

/* Literals may resolve as something else than their type, so they are also tried as parameters of
 * it. */
static bool call_fits(ps_plan_reader *r, const ps_func *func, ps_func_kind kind,
                      const ps_expr *const *args, uint32_t n, ps_type type)
{
    if (resolves(r, func, kind, args, n, type)) return true;
    const ps_expr **typed = PS_ARENA_ARRAY(r->cx, r->p->arena, const ps_expr *, n + 1);
    for (uint32_t i = 0; typed && i < n; i++) {
        typed[i] = args[i]->kind == PS_EXPR_LITERAL
                       ? ps_expr_param(r->cx, r->p->arena, 1, args[i]->type)
                       : args[i];
        if (!typed[i]) return false;
    }
    return typed && resolves(r, func, kind, typed, n, type);
}

static const ps_func *find_func(ps_plan_reader *r, const ps_json *name, const ps_json *signature,
                                ps_func_kind kind)
{
    for (size_t i = 0; name && signature && i < ps_catalog_count; i++) {
        const ps_func *func = ps_catalog[i];
        bool fits =
            func->kind == kind || (kind == PS_FUNC_WINDOW && func->kind == PS_FUNC_AGGREGATE);
        if (fits && ps_str_equal(name->text, ps_str_of(func->name)) &&
            ps_str_equal(signature->text, ps_str_of(func->signature)))
            return func;
    }
    if (!name || !signature)
        return ps_plan_damaged(r, name, "a function with its signature is wanted");
    ps_fail(r->cx, PS_UNSUPPORTED, "the plan calls a function this version doesn't have: %.*s%.*s",
            PS_STR_ARGS(name->text), PS_STR_ARGS(signature->text));
    return NULL;
}

typedef struct call {
    const ps_func *func;
    ps_type type;
    const ps_expr **args;
    uint32_t n;
} call;

static bool read_call(ps_plan_reader *r, ps_json *json, const ps_json *name, ps_func_kind kind,
                      call *out)
{
    ps_json *type = ps_json_get(json, "type");

    if (!type) return ps_plan_damaged(r, json, "a call with its type is wanted"), false;
    if (!(out->func = find_func(r, name, ps_json_get(json, "signature"), kind)) ||
        !ps_plan_read_type(r, type, &out->type) ||
        !(out->args = read_args(r, ps_json_get(json, "args"), &out->n)))
        return false;
    if (call_fits(r, out->func, kind, out->args, out->n, out->type)) return true;
    return ps_plan_damaged(r, json, "the call's arguments don't fit its function"), false;
}

static bool read_part(ps_plan_reader *r, ps_json *json, ps_agg_part *out)
{
    ps_json *filter = ps_json_get(json, "filter"), *order = ps_json_get(json, "order");

    *out = (ps_agg_part){0};
    return ps_plan_read_bool(r, ps_json_get(json, "distinct"), &out->distinct) &&
           ps_plan_read_bool(r, ps_json_get(json, "ignore_nulls"), &out->ignore_nulls) &&
           (!filter || (out->filter = ps_plan_read_expr(r, filter))) &&
           (!order || ps_plan_read_keys(r, order, &out->order, &out->n_order));
}

static bool read_frame(ps_plan_reader *r, ps_json *json, ps_frame *out)
{
    uint32_t unit, start, end, exclude;
    ps_json *from = ps_json_get(json, "start_offset"), *to = ps_json_get(json, "end_offset");

    if (!json ||
        !ps_plan_word(r, ps_json_get(json, "unit"), ps_json_frames, PS_COUNT(ps_json_frames),
                      &unit) ||
        !ps_plan_word(r, ps_json_get(json, "start"), ps_json_bounds, PS_COUNT(ps_json_bounds),
                      &start) ||
        !ps_plan_word(r, ps_json_get(json, "end"), ps_json_bounds, PS_COUNT(ps_json_bounds),
                      &end) ||
        !ps_plan_word(r, ps_json_get(json, "exclude"), ps_json_excludes, PS_COUNT(ps_json_excludes),
                      &exclude))
        return false;
    *out = (ps_frame){.unit = (ps_frame_unit)unit,
                      .start = (ps_bound_kind)start,
                      .end = (ps_bound_kind)end,
                      .exclude = (ps_frame_exclude)exclude};
    bool wants_from = start == PS_BOUND_PRECEDING || start == PS_BOUND_FOLLOWING;
    bool wants_to = end == PS_BOUND_PRECEDING || end == PS_BOUND_FOLLOWING;
    if (wants_from != (from != NULL) || wants_to != (to != NULL))
        return ps_plan_damaged(r, json, "a frame's distance"), false;
    return (!from || (out->start_offset = ps_plan_read_expr(r, from))) &&
           (!to || (out->end_offset = ps_plan_read_expr(r, to))) && ps_plan_no_more(r, json);
}

static const ps_expr *read_window(ps_plan_reader *r, ps_json *json, const ps_json *name)
{
    ps_window_spec spec = {0};
    ps_agg_part part;
    call c;
    ps_json *over = ps_json_get(json, "over"), *frame = ps_json_get(json, "frame");

    if (!over || !frame) return ps_plan_damaged(r, json, "a window with order and frame is wanted");
    if (!read_call(r, json, name, PS_FUNC_WINDOW, &c) || !read_part(r, json, &part)) return NULL;
    const ps_expr **partition = read_args(r, ps_json_get(json, "partition"), &spec.n_partition);
    if (!partition || !ps_plan_read_keys(r, over, &spec.order, &spec.n_order) ||
        !read_frame(r, frame, &spec.frame))
        return NULL;
    spec.partition = partition;
    return ps_expr_window(r->cx, r->p->arena, c.func, c.type, c.args, c.n, &part, &spec);
}

static const ps_expr *read_subquery(ps_plan_reader *r, ps_json *json, const ps_json *word)
{
    uint32_t kind, n;
    int64_t plan;
    ps_type type;
    const ps_func *compare = NULL;
    ps_json *name = ps_json_get(json, "compare"), *json_type = ps_json_get(json, "type");

    if (!ps_plan_word(r, word, ps_json_subqueries, PS_COUNT(ps_json_subqueries), &kind))
        return NULL;
    if (!ps_json_int(ps_json_get(json, "plan"), &plan) || plan < 0 || plan >= r->n_nodes ||
        !json_type)
        return ps_plan_damaged(r, json, "a subquery's plan must come before it");
    if (name && !(compare = find_func(r, name, ps_json_get(json, "signature"), PS_FUNC_SCALAR)))
        return NULL;
    const ps_expr **args = read_args(r, ps_json_get(json, "args"), &n);
    if (!args || !ps_plan_read_type(r, json_type, &type)) return NULL;
    const ps_node *node = r->nodes[plan];
    bool compared = kind == PS_SUBQUERY_ANY || kind == PS_SUBQUERY_ALL;
    bool fits = compared ? compare && n && n <= node->n_cols && type.id == PS_TYPE_BOOL
                : kind == PS_SUBQUERY_EXISTS
                    ? type.id == PS_TYPE_BOOL
                    : node->n_cols == 1 && ps_type_equal(type, node->cols[0].type);
    for (uint32_t i = 0; fits && compared && i < n; i++)
        fits = ps_type_equal(args[i]->type, node->cols[i].type);
    if (!fits) return ps_plan_damaged(r, json, "the subquery doesn't fit its plan");
    return ps_expr_subquery(r->cx, r->p->arena, (ps_subquery_kind)kind, type, compare, args, n,
                            node);
}

/* ---- forms without a function ---- */

static bool all_of_type(const ps_expr *const *args, uint32_t first, uint32_t n, uint32_t step,
                        ps_type type)
{
    for (uint32_t i = first; i < n; i += step)
        if (!ps_type_equal(args[i]->type, type)) return false;
    return true;
}

static const ps_expr *read_variadic(ps_plan_reader *r, ps_json *json, ps_json *list,
                                    ps_expr_kind kind)
{
    ps_ctx *cx = r->cx;
    ps_arena *arena = r->p->arena;
    uint32_t n;
    bool has_null;
    const ps_expr **args = read_args(r, list, &n);

    if (!args ||
        !ps_plan_read_bool(r, kind == PS_EXPR_IN ? ps_json_get(json, "null") : NULL, &has_null))
        return NULL;
    bool fits = n > 0;
    if (kind == PS_EXPR_AND || kind == PS_EXPR_OR) fits = all_of_type(args, 0, n, 1, PS_TYPE(BOOL));
    else if (kind == PS_EXPR_CASE)
        fits = n % 2 && all_of_type(args, 0, n - 1, 2, PS_TYPE(BOOL)) &&
               all_of_type(args, 1, n, 2, args[n - 1]->type);
    else if (kind == PS_EXPR_TRY) fits = n == 1;
    else fits = n && all_of_type(args, 1, n, 1, args[0]->type);
    for (uint32_t i = 1; kind == PS_EXPR_IN && i < n; i++) fits &= args[i]->kind == PS_EXPR_LITERAL;
    if (!fits) return ps_plan_damaged(r, json, "the arguments don't fit");
    switch (kind) {
    case PS_EXPR_AND: return ps_expr_and(cx, arena, args, n);
    case PS_EXPR_OR: return ps_expr_or(cx, arena, args, n);
    case PS_EXPR_CASE: return ps_expr_case(cx, arena, args, n);
    case PS_EXPR_COALESCE: return ps_expr_coalesce(cx, arena, args, n);
    case PS_EXPR_TRY: return ps_expr_try(cx, arena, args[0]);
    default: break;
    }
    if (has_null) {
        ps_value null = ps_value_null(args[0]->type);
        if (!(args[n++] = ps_expr_literal(cx, arena, &null)))
            return NULL; /* read_args left room for one more */
    }
    return ps_expr_in(cx, arena, args[0], args + 1, n - 1);
}

static const ps_expr *read_literal(ps_plan_reader *r, ps_json *json, const ps_json *literal)
{
    ps_json *json_type = ps_json_get(json, "type");
    ps_value value;
    ps_type type;

    if (!json_type) return ps_plan_damaged(r, json, "a literal with its type is wanted");
    if (!ps_plan_read_type(r, json_type, &type) || !ps_plan_read_value(r, literal, type, &value))
        return NULL;
    return ps_expr_literal(r->cx, r->p->arena, &value);
}

static const ps_expr *read_cast(ps_plan_reader *r, ps_json *json, ps_json *arg)
{
    ps_json *json_type = ps_json_get(json, "type");
    const ps_expr *e = json_type ? ps_plan_read_expr(r, arg)
                                 : ps_plan_damaged(r, json, "a cast with its type is wanted");
    ps_type type;
    bool attempt;

    if (!e || !ps_plan_read_type(r, json_type, &type) ||
        !ps_plan_read_bool(r, ps_json_get(json, "try"), &attempt))
        return NULL;
    if (!ps_cast_exists(e->type, type)) return ps_plan_damaged(r, json, "there is no such cast");
    return ps_expr_cast(r->cx, r->p->arena, e, type, attempt ? PS_CAST_TRY : PS_CAST_ERROR);
}

static const ps_expr *read_param(ps_plan_reader *r, ps_json *json, const ps_json *number)
{
    ps_json *json_type = ps_json_get(json, "type");
    int64_t n;
    ps_type type;

    if (!json_type || !ps_json_int(number, &n) || n < 1 || n > UINT16_MAX)
        return ps_plan_damaged(r, json, "a parameter");
    return ps_plan_read_type(r, json_type, &type)
               ? ps_expr_param(r->cx, r->p->arena, (uint32_t)n, type)
               : NULL;
}

static const ps_expr *read_object(ps_plan_reader *r, ps_json *json)
{
    static const struct {
        const char *name;
        ps_expr_kind kind;
    } lists[] = {{"and", PS_EXPR_AND},           {"or", PS_EXPR_OR}, {"case", PS_EXPR_CASE},
                 {"coalesce", PS_EXPR_COALESCE}, {"in", PS_EXPR_IN}, {"try_null", PS_EXPR_TRY}};
    ps_json *form;
    call c;
    ps_agg_part part;

    if ((form = ps_json_get(json, "call")))
        return read_call(r, json, form, PS_FUNC_SCALAR, &c)
                   ? ps_expr_call(r->cx, r->p->arena, c.func, c.type, c.args, c.n)
                   : NULL;
    if ((form = ps_json_get(json, "literal"))) return read_literal(r, json, form);
    if ((form = ps_json_get(json, "cast"))) return read_cast(r, json, form);
    if ((form = ps_json_get(json, "outer"))) return outer_column(r, form);
    if ((form = ps_json_get(json, "param"))) return read_param(r, json, form);
    if ((form = ps_json_get(json, "subquery"))) return read_subquery(r, json, form);
    if ((form = ps_json_get(json, "window"))) return read_window(r, json, form);
    if ((form = ps_json_get(json, "aggregate"))) {
        if (!read_call(r, json, form, PS_FUNC_AGGREGATE, &c) || !read_part(r, json, &part))
            return NULL;
        return ps_expr_aggregate(r->cx, r->p->arena, c.func, c.type, c.args, c.n, &part);
    }
    for (size_t i = 0; i < PS_COUNT(lists); i++)
        if ((form = ps_json_get(json, lists[i].name)))
            return read_variadic(r, json, form, lists[i].kind);
    ps_fail(r->cx, PS_UNSUPPORTED,
            "the plan has an expression this version doesn't know at byte %zu", json->at);
    return NULL;
}

const ps_expr *ps_plan_read_expr(ps_plan_reader *r, ps_json *json)
{
    if (json->kind == PS_JSON_NUMBER) return ordinal_column(r, json);
    if (json->kind != PS_JSON_OBJECT) return ps_plan_damaged(r, json, "an expression is wanted");
    const ps_expr *e = read_object(r, json);
    return e && ps_plan_no_more(r, json) ? e : NULL;
}
