/* plan/json_read.c -- plans from their canonical JSON form: nodes and fields.
 *
 * The text is untrusted: shapes are checked before nodes are built, and the whole plan is verified
 * at the end. What is malformed is PS_DATA; kinds and fields this version doesn't know are
 * PS_UNSUPPORTED. Tests: tests/unit/test_plan_json.c */
#include "plan/json_read.h"

void *ps_plan_damaged(ps_plan_reader *r, const ps_json *at, const char *what)
{
    ps_fail(r->cx, PS_DATA, "the plan is damaged at byte %zu: %s", at ? at->at : 0, what);
    return NULL;
}

bool ps_plan_no_more(ps_plan_reader *r, const ps_json *object)
{
    const ps_json *unknown = ps_json_unused(object);

    if (!unknown) return true;
    ps_fail(r->cx, PS_UNSUPPORTED,
            "the plan has a member this version doesn't know at byte %zu: %.*s", unknown->at,
            PS_STR_ARGS(unknown->name));
    return false;
}

bool ps_plan_word(ps_plan_reader *r, const ps_json *json, const char *const *words, uint32_t n,
                  uint32_t *out)
{
    for (*out = 0; json && json->kind == PS_JSON_STRING && *out < n; ++*out)
        if (ps_str_equal(json->text, ps_str_of(words[*out]))) return true;
    if (!json || json->kind != PS_JSON_STRING)
        return ps_plan_damaged(r, json, "a word is wanted"), false;
    ps_fail(r->cx, PS_UNSUPPORTED,
            "the plan has a word this version doesn't know at byte %zu: %.*s", json->at,
            PS_STR_ARGS(json->text));
    return false;
}

bool ps_plan_read_bool(ps_plan_reader *r, const ps_json *json, bool *out)
{
    *out = json && json->on;
    if (!json || json->kind == PS_JSON_BOOL) return true;
    return ps_plan_damaged(r, json, "true or false is wanted"), false;
}

bool ps_plan_read_str(ps_plan_reader *r, const ps_json *json, ps_str *out)
{
    *out = json ? json->text : (ps_str){"", 0};
    if (!json || json->kind == PS_JSON_STRING) return true;
    return ps_plan_damaged(r, json, "a text is wanted"), false;
}

/* An array for the children of a list, which may be absent. */
static void *list_room(ps_plan_reader *r, const ps_json *json, size_t size, uint32_t *n)
{
    *n = json ? json->n : 0;
    if (json && json->kind != PS_JSON_ARRAY) return ps_plan_damaged(r, json, "a list is wanted");
    return ps_arena_alloc(r->cx, r->p->arena, size * *n + 1);
}

/* ---- fields: read_<type>(r, json or NULL, &value) ---- */

static bool read_i64(ps_plan_reader *r, ps_json *json, ps_f_i64 *v)
{
    if (!json || (ps_json_int(json, v) && *v >= 0)) return true;
    return ps_plan_damaged(r, json, "a whole number of 0 or more is wanted"), false;
}
static bool read_bool(ps_plan_reader *r, ps_json *json, ps_f_bool *v)
{
    return ps_plan_read_bool(r, json, v);
}
static bool read_str(ps_plan_reader *r, ps_json *json, ps_f_str *v)
{
    return ps_plan_read_str(r, json, v);
}

static void unref_source(void *source) { ps_source_unref(source); }

static bool read_source(ps_plan_reader *r, ps_json *json, ps_f_source *v)
{
    if (!json || json->kind != PS_JSON_STRING)
        return ps_plan_damaged(r, json, "a source is wanted"), false;
    if (!r->resolver || !r->resolver->source)
        return ps_fail(r->cx, PS_UNSUPPORTED, "nothing resolves the plan's sources"), false;
    if (r->resolver->source(r->cx, r->resolver->user, json->text, v) != PS_OK) return false;
    return ps_arena_own(r->cx, r->p->arena, *v, unref_source) == PS_OK;
}
static bool read_sink(ps_plan_reader *r, ps_json *json, ps_f_sink *v)
{
    ps_sink_spec *spec = PS_ARENA_NEW(r->cx, r->p->arena, ps_sink_spec);

    if (!spec) return false;
    if (!json || json->kind != PS_JSON_OBJECT)
        return ps_plan_damaged(r, json, "a sink is wanted"), false;
    if (!r->resolver || !r->resolver->sink)
        return ps_fail(r->cx, PS_UNSUPPORTED, "nothing resolves the plan's sinks"), false;
    *v = spec;
    return r->resolver->sink(r->cx, r->resolver->user, json->text, spec) == PS_OK;
}
static bool read_join_kind(ps_plan_reader *r, ps_json *json, ps_f_join_kind *v)
{
    uint32_t at = 0;

    if (json && !ps_plan_word(r, json, ps_join_kind_names, PS_JOIN_KIND_COUNT, &at)) return false;
    *v = (ps_join_kind)at;
    return true;
}
static bool read_setop(ps_plan_reader *r, ps_json *json, ps_f_setop *v)
{
    uint32_t at = 0;

    if (json && !ps_plan_word(r, json, ps_setop_names, PS_SETOP_COUNT, &at)) return false;
    *v = (ps_setop)at;
    return true;
}
static bool read_expr(ps_plan_reader *r, ps_json *json, ps_f_expr *v)
{
    return !json || (*v = ps_plan_read_expr(r, json)) != NULL;
}
static bool read_exprs(ps_plan_reader *r, ps_json *json, ps_f_exprs *v)
{
    const ps_expr **at = list_room(r, json, sizeof *at, &v->n);
    uint32_t i = 0;

    if (!at) return false;
    for (ps_json *c = json ? json->child : NULL; c; c = c->next)
        if (!(at[i++] = ps_plan_read_expr(r, c))) return false;
    v->at = at;
    return true;
}
static bool read_items(ps_plan_reader *r, ps_json *json, ps_f_items *v)
{
    ps_item *at = list_room(r, json, sizeof *at, &v->n), *item = at;

    if (!at) return false;
    for (ps_json *c = json ? json->child : NULL; c; c = c->next, item++) {
        ps_json *expr = ps_json_get(c, "expr");
        bool keep;
        if (!expr) return ps_plan_damaged(r, c, "an item with an expression is wanted"), false;
        if (!ps_plan_read_str(r, ps_json_get(c, "name"), &item->col.name) ||
            !(item->expr = ps_plan_read_expr(r, expr)) ||
            !ps_plan_read_bool(r, ps_json_get(c, "keep"), &keep) || !ps_plan_no_more(r, c))
            return false;
        if (keep && item->expr->kind != PS_EXPR_COLUMN)
            return ps_plan_damaged(r, c, "only a plain column can be kept"), false;
        item->col.id = keep ? item->expr->column : ps_planner_id(r->p);
        item->col.type = item->expr->type;
        item->col.nullable = true;
    }
    v->at = at;
    return true;
}

static bool read_col(ps_plan_reader *r, ps_json *json, ps_col *out)
{
    ps_json *type = ps_json_get(json, "type");

    out->id = ps_planner_id(r->p);
    if (!type) return ps_plan_damaged(r, json, "a column with a type is wanted"), false;
    return ps_plan_read_str(r, ps_json_get(json, "name"), &out->name) &&
           ps_plan_read_type(r, type, &out->type) &&
           ps_plan_read_bool(r, ps_json_get(json, "nullable"), &out->nullable);
}
static bool read_cols(ps_plan_reader *r, ps_json *json, ps_f_cols *v)
{
    ps_col *at = list_room(r, json, sizeof *at, &v->n), *col = at;

    if (!at) return false;
    for (ps_json *c = json ? json->child : NULL; c; c = c->next)
        if (!read_col(r, c, col++) || !ps_plan_no_more(r, c)) return false;
    v->at = at;
    return true;
}
static bool read_scan_cols(ps_plan_reader *r, ps_json *json, ps_f_scan_cols *v)
{
    ps_scan_col *at = list_room(r, json, sizeof *at, &v->n), *col = at;
    const ps_schema *schema = ((const ps_node_scan *)(const void *)r->node)->source->schema;
    ps_col *cols = at ? PS_ARENA_ARRAY(r->cx, r->p->arena, ps_col, v->n + 1) : NULL;

    if (!cols) return false;
    for (ps_json *c = json ? json->child : NULL; c; c = c->next, col++) {
        int64_t column;
        if (!read_col(r, c, &col->col)) return false;
        if (!ps_json_int(ps_json_get(c, "column"), &column) || column < 0 || column >= schema->n ||
            !ps_type_equal(schema->fields[column].type, col->col.type))
            return ps_plan_damaged(r, c, "the source has no such column"), false;
        col->source_column = (uint32_t)column;
        col->col.nullable |= schema->fields[column].nullable;
        if (!ps_plan_no_more(r, c)) return false;
        cols[col - at] = col->col;
    }
    v->at = at;
    /* the filters that follow name these columns */
    ((ps_node *)(uintptr_t)r->node)->cols = cols;
    ((ps_node *)(uintptr_t)r->node)->n_cols = v->n;
    return true;
}
static bool read_sort_keys(ps_plan_reader *r, ps_json *json, ps_f_sort_keys *v)
{
    return !json || ps_plan_read_keys(r, json, &v->at, &v->n);
}
static bool read_join_keys(ps_plan_reader *r, ps_json *json, ps_f_join_keys *v)
{
    ps_join_key *at = list_room(r, json, sizeof *at, &v->n), *key = at;

    if (!at) return false;
    for (ps_json *c = json ? json->child : NULL; c; c = c->next, key++) {
        ps_json *left = ps_json_get(c, "left"), *right = ps_json_get(c, "right");
        if (!left || !right) return ps_plan_damaged(r, c, "a key with two sides is wanted"), false;
        if (!(key->left = ps_plan_read_expr(r, left)) ||
            !(key->right = ps_plan_read_expr(r, right)) ||
            !ps_plan_read_bool(r, ps_json_get(c, "null_equal"), &key->null_equal) ||
            !ps_plan_no_more(r, c))
            return false;
    }
    v->at = at;
    return true;
}

#define F(type, name, id, doc)                                                                     \
    if (!read_##type(r, ps_json_get(json, #name), &n->name)) return false;
#define N(KIND, name, inputs)                                                                      \
    static bool read_node_##name(ps_plan_reader *r, ps_json *json, ps_node_##name *n)              \
    {                                                                                              \
        PS_FIELDS_##KIND(F) return true;                                                           \
    }
PS_NODES(N)
#undef N
#undef F

static bool read_fields(ps_plan_reader *r, ps_json *json, ps_node *node)
{
    switch ((ps_node_kind)node->kind) {
#define N(KIND, name, inputs)                                                                      \
    case PS_NODE_##KIND: return read_node_##name(r, json, (ps_node_##name *)(void *)node);
        PS_NODES(N)
#undef N
    case PS_NODE_COUNT: break;
    }
    return false;
}

/* ---- nodes ---- */

static bool positional_fits(const ps_node *node, const ps_f_cols *cols)
{
    for (uint32_t k = 0; k < node->n_inputs; k++)
        if (node->inputs[k]->n_cols != cols->n) return false;
    return true;
}

/* What deriving the output columns rests on; the rest is verification's. */
static bool shape_fits(ps_plan_reader *r, const ps_json *json, const ps_node *node)
{
    bool fits = true;

    switch ((ps_node_kind)node->kind) {
    case PS_NODE_SETOP: fits = positional_fits(node, &ps_node_as_setop(node)->columns); break;
    case PS_NODE_SUBPLAN: fits = positional_fits(node, &ps_node_as_subplan(node)->columns); break;
    case PS_NODE_FILTER: fits = ps_node_as_filter(node)->predicate != NULL; break;
    case PS_NODE_JOIN:
        fits = ps_node_as_join(node)->mark.n == (ps_node_as_join(node)->join == PS_JOIN_MARK);
        break;
    case PS_NODE_WRITE: fits = ps_node_as_write(node)->columns.n == 1; break;
    case PS_NODE_VALUES:
        fits = ps_node_as_values(node)->columns.n || !ps_node_as_values(node)->cells.n;
        break;
    default: break;
    }
    if (!fits) ps_plan_damaged(r, json, "the node's fields don't fit together");
    return fits;
}

static const ps_node **read_inputs(ps_plan_reader *r, ps_json *json, uint32_t *n)
{
    const ps_node **at = list_room(r, json, sizeof *at, n);
    uint32_t i = 0;

    for (ps_json *c = json ? json->child : NULL; at && c; c = c->next) {
        int64_t number;
        if (!ps_json_int(c, &number) || number < 0 || number >= r->n_nodes)
            return ps_plan_damaged(r, c, "an input must be a node before this one");
        at[i++] = r->nodes[number];
    }
    return at;
}

static const ps_node *read_node(ps_plan_reader *r, ps_json *json)
{
    static const int n_inputs_wanted[] = {
#define N(KIND, name, inputs) inputs,
        PS_NODES(N)
#undef N
    };
    uint32_t kind, n;

    if (json->kind != PS_JSON_OBJECT) return ps_plan_damaged(r, json, "a node is wanted");
    if (!ps_plan_word(r, ps_json_get(json, "node"), ps_node_kind_names, PS_NODE_COUNT, &kind))
        return NULL;
    const ps_node **inputs = read_inputs(r, ps_json_get(json, "inputs"), &n);
    if (!inputs) return NULL;
    if (n_inputs_wanted[kind] >= 0 ? (int64_t)n != n_inputs_wanted[kind] : n == 0)
        return ps_plan_damaged(r, json, "the number of inputs is wrong");
    ps_node *node = ps_node_alloc(r->p, (ps_node_kind)kind, inputs, n);
    if (!node) return NULL;
    r->node = node;
    if (!read_fields(r, json, node) || !shape_fits(r, json, node) || !ps_plan_no_more(r, json))
        return NULL;
    return ps_node_finish(r->p, node);
}

static ps_status read_all(ps_plan_reader *r, ps_json *json, const ps_node **out)
{
    ps_json *nodes = ps_json_get(json, "nodes");
    int64_t version;

    if (!ps_json_int(ps_json_get(json, "penstock_plan"), &version))
        return ps_plan_damaged(r, json, "this is not a plan"), PS_DATA;
    if (version != 1)
        return ps_fail(r->cx, PS_UNSUPPORTED, "the plan's form is of another version: %lld",
                       (long long)version);
    if (!nodes || nodes->kind != PS_JSON_ARRAY || nodes->n == 0)
        return ps_plan_damaged(r, json, "a plan has nodes"), PS_DATA;
    if (!ps_plan_no_more(r, json)) return r->cx->error.code;
    r->nodes = PS_ARENA_ARRAY(r->cx, r->p->arena, const ps_node *, nodes->n);
    if (!r->nodes) return r->cx->error.code;
    for (ps_json *c = nodes->child; c; c = c->next) {
        PS_TRY(ps_poll(r->cx));
        if (!(r->nodes[r->n_nodes] = read_node(r, c))) return r->cx->error.code;
        r->n_nodes++;
    }
    *out = r->nodes[r->n_nodes - 1];
    if (ps_plan_verify(r->cx, *out) == PS_OK) return PS_OK;
    if (r->cx->error.code != PS_INTERNAL) return r->cx->error.code;
    ps_error breach = r->cx->error;
    return ps_fail(r->cx, PS_DATA, "the plan is damaged: %.900s", breach.message);
}

ps_status ps_plan_from_json(ps_planner *p, ps_str json, const ps_plan_resolver *resolver,
                            const ps_node **out)
{
    ps_plan_reader r = {.p = p, .cx = p->cx, .resolver = resolver};
    ps_json *tree;

    *out = NULL;
    PS_TRY(ps_json_read(p->cx, p->arena, json, &tree));
    ps_status st = read_all(&r, tree, out);
    if (st != PS_OK) *out = NULL;
    return st;
}
