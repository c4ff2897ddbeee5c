/* plan/node_fields.c -- what is made from the field list: copying, mapping and visiting
 * expressions, fresh ids, equality. One function for each field type; adding a field to nodes.def
 * needs nothing here.
 *
 * Tests: tests/unit/test_lower.c, test_plan_json.c */
#include "plan/node_internal.h"

/* ---- mapping in place: map_<type>(map, &field); false on failure ---- */

static bool map_one(ps_field_map *map, const ps_expr **expr)
{
    if (!*expr || !map->expr) return true;
    const ps_expr *now = map->expr(map, *expr);
    if (!now) return false;
    if (now != *expr) *expr = now, map->changed = true;
    return true;
}

static void map_def(ps_field_map *map, ps_col_id *id)
{
    if (!map->def) return;
    *id = map->def(map, *id);
    map->changed = true;
}

/* A private copy of a list's array, because nodes are immutable. */
#define OWN(list)                                                                                  \
    do {                                                                                           \
        if ((list)->n == 0) return true;                                                           \
        void *own_ = ps_arena_alloc(map->p->cx, map->p->arena, sizeof(*(list)->at) * (list)->n);   \
        if (!own_) return false;                                                                   \
        memcpy(own_, (list)->at, sizeof(*(list)->at) * (list)->n);                                 \
        (list)->at = own_;                                                                         \
    } while (0)

#define MAP_NOTHING(type)                                                                          \
    static bool map_##type(ps_field_map *map, ps_f_##type *v)                                      \
    {                                                                                              \
        (void)map, (void)v;                                                                        \
        return true;                                                                               \
    }
MAP_NOTHING(i64)
MAP_NOTHING(bool)
MAP_NOTHING(str)
MAP_NOTHING(source)
MAP_NOTHING(sink)
MAP_NOTHING(join_kind)
MAP_NOTHING(setop)
#undef MAP_NOTHING

static bool map_expr(ps_field_map *map, ps_f_expr *v) { return map_one(map, v); }

static bool map_exprs(ps_field_map *map, ps_f_exprs *v)
{
    if (!map->expr) return true;
    OWN(v);
    for (uint32_t i = 0; i < v->n; i++)
        if (!map_one(map, (const ps_expr **)(uintptr_t)&v->at[i])) return false;
    return true;
}

static bool map_items(ps_field_map *map, ps_f_items *v)
{
    OWN(v);
    for (uint32_t i = 0; i < v->n; i++) {
        ps_item *item = (ps_item *)(uintptr_t)&v->at[i];
        /* uses before definitions: an item that keeps its column's id keeps the new one too */
        if (!map_one(map, &item->expr)) return false;
        map_def(map, &item->col.id);
    }
    return true;
}

static bool map_cols(ps_field_map *map, ps_f_cols *v)
{
    if (!map->def) return true;
    OWN(v);
    for (uint32_t i = 0; i < v->n; i++) map_def(map, &((ps_col *)(uintptr_t)&v->at[i])->id);
    return true;
}

static bool map_scan_cols(ps_field_map *map, ps_f_scan_cols *v)
{
    if (!map->def) return true;
    OWN(v);
    for (uint32_t i = 0; i < v->n; i++)
        map_def(map, &((ps_scan_col *)(uintptr_t)&v->at[i])->col.id);
    return true;
}

static bool map_sort_keys(ps_field_map *map, ps_f_sort_keys *v)
{
    if (!map->expr) return true;
    OWN(v);
    for (uint32_t i = 0; i < v->n; i++)
        if (!map_one(map, &((ps_sort_key *)(uintptr_t)&v->at[i])->expr)) return false;
    return true;
}

static bool map_join_keys(ps_field_map *map, ps_f_join_keys *v)
{
    if (!map->expr) return true;
    OWN(v);
    for (uint32_t i = 0; i < v->n; i++) {
        ps_join_key *key = (ps_join_key *)(uintptr_t)&v->at[i];
        if (!map_one(map, &key->left) || !map_one(map, &key->right)) return false;
    }
    return true;
}

#define F(type, name, id, doc)                                                                     \
    if (!map_##type(map, &n->name)) return false;
#define N(KIND, name, inputs)                                                                      \
    static bool map_node_##name(ps_field_map *map, ps_node_##name *n)                              \
    {                                                                                              \
        PS_FIELDS_##KIND(F) return true;                                                           \
    }
PS_NODES(N)
#undef N
#undef F

bool ps_node_map_fields(ps_field_map *map, ps_node *node)
{
    switch ((ps_node_kind)node->kind) {
#define N(KIND, name, inputs)                                                                      \
    case PS_NODE_##KIND: return map_node_##name(map, (ps_node_##name *)(void *)node);
        PS_NODES(N)
#undef N
    case PS_NODE_COUNT: break;
    }
    return false;
}

/* ---- expressions of a node ---- */

static const ps_expr *apply_fn(ps_field_map *map, const ps_expr *expr)
{
    return map->fn(map->p->cx, expr, map->user);
}

const ps_node *ps_node_map_exprs(ps_planner *p, const ps_node *node, ps_expr_fn fn, void *user)
{
    ps_field_map map = {.p = p, .expr = apply_fn, .fn = fn, .user = user};
    ps_node *copy = ps_node_dup(p, node);

    if (!copy || !ps_node_map_fields(&map, copy)) return NULL;
    return map.changed ? ps_node_finish(p, copy) : node;
}

typedef struct visit_state {
    ps_ctx *cx;
    ps_status (*fn)(ps_ctx *cx, const ps_expr *expr, void *user);
    void *user;
} visit_state;

#define VISIT_NOTHING(type)                                                                        \
    static ps_status visit_##type(const visit_state *s, const ps_f_##type *v)                      \
    {                                                                                              \
        (void)s, (void)v;                                                                          \
        return PS_OK;                                                                              \
    }
VISIT_NOTHING(i64)
VISIT_NOTHING(bool)
VISIT_NOTHING(str)
VISIT_NOTHING(source)
VISIT_NOTHING(sink)
VISIT_NOTHING(join_kind)
VISIT_NOTHING(setop)
VISIT_NOTHING(cols)
VISIT_NOTHING(scan_cols)
#undef VISIT_NOTHING

static ps_status visit_expr(const visit_state *s, const ps_f_expr *v)
{
    return *v ? s->fn(s->cx, *v, s->user) : PS_OK;
}
static ps_status visit_exprs(const visit_state *s, const ps_f_exprs *v)
{
    for (uint32_t i = 0; i < v->n; i++) PS_TRY(s->fn(s->cx, v->at[i], s->user));
    return PS_OK;
}
static ps_status visit_items(const visit_state *s, const ps_f_items *v)
{
    for (uint32_t i = 0; i < v->n; i++) PS_TRY(s->fn(s->cx, v->at[i].expr, s->user));
    return PS_OK;
}
static ps_status visit_sort_keys(const visit_state *s, const ps_f_sort_keys *v)
{
    for (uint32_t i = 0; i < v->n; i++) PS_TRY(s->fn(s->cx, v->at[i].expr, s->user));
    return PS_OK;
}
static ps_status visit_join_keys(const visit_state *s, const ps_f_join_keys *v)
{
    for (uint32_t i = 0; i < v->n; i++) {
        PS_TRY(s->fn(s->cx, v->at[i].left, s->user));
        PS_TRY(s->fn(s->cx, v->at[i].right, s->user));
    }
    return PS_OK;
}

ps_status ps_node_visit_exprs(ps_ctx *cx, const ps_node *node,
                              ps_status (*fn)(ps_ctx *cx, const ps_expr *expr, void *user),
                              void *user)
{
    const visit_state s = {cx, fn, user};

    switch ((ps_node_kind)node->kind) {
#define F(type, name, id, doc) PS_TRY(visit_##type(&s, &n->name));
#define N(KIND, name, inputs)                                                                      \
    case PS_NODE_##KIND: {                                                                         \
        const ps_node_##name *n = ps_node_as_##name(node);                                         \
        PS_FIELDS_##KIND(F) return PS_OK;                                                          \
    }
        PS_NODES(N)
#undef N
#undef F
    case PS_NODE_COUNT: break;
    }
    return PS_BUG(cx, "a node of no kind");
}

/* ---- equality: same_<type>(state, &field of a, &field of b) ---- */

typedef struct same_state {
    ps_ctx *cx;
    ps_expr_same_fn same;
    void *user;
    ps_status status;
} same_state;

static bool same_i64(same_state *s, const ps_f_i64 *a, const ps_f_i64 *b)
{
    (void)s;
    return *a == *b;
}
static bool same_bool(same_state *s, const ps_f_bool *a, const ps_f_bool *b)
{
    (void)s;
    return *a == *b;
}
static bool same_str(same_state *s, const ps_f_str *a, const ps_f_str *b)
{
    (void)s, (void)a, (void)b; /* only names, for printing */
    return true;
}
static bool same_join_kind(same_state *s, const ps_f_join_kind *a, const ps_f_join_kind *b)
{
    (void)s;
    return *a == *b;
}
static bool same_setop(same_state *s, const ps_f_setop *a, const ps_f_setop *b)
{
    (void)s;
    return *a == *b;
}
static bool same_sink(same_state *s, const ps_f_sink *a, const ps_f_sink *b)
{
    (void)s, (void)a, (void)b;
    return false;
}
static bool same_source(same_state *s, const ps_f_source *a, const ps_f_source *b)
{
    const ps_source *x = *a, *y = *b;
    ps_text of_x, of_y;
    bool same;

    if (x == y) return true;
    if (x->class != y->class || !x->class->describe) return false;
    ps_text_init(&of_x, s->cx);
    ps_text_init(&of_y, s->cx);
    x->class->describe(x, &of_x);
    y->class->describe(y, &of_y);
    if (s->status == PS_OK) s->status = ps_text_status(&of_x);
    if (s->status == PS_OK) s->status = ps_text_status(&of_y);
    same = s->status == PS_OK && of_x.n == of_y.n && !memcmp(of_x.at, of_y.at, of_x.n);
    ps_text_release(&of_x);
    ps_text_release(&of_y);
    return same;
}
static bool same_expr(same_state *s, const ps_f_expr *a, const ps_f_expr *b)
{
    return !*a || !*b ? *a == *b : s->same(s->user, *a, *b);
}
static bool same_exprs(same_state *s, const ps_f_exprs *a, const ps_f_exprs *b)
{
    bool same = a->n == b->n;

    for (uint32_t i = 0; same && i < a->n; i++) same = s->same(s->user, a->at[i], b->at[i]);
    return same;
}
static bool same_items(same_state *s, const ps_f_items *a, const ps_f_items *b)
{
    bool same = a->n == b->n;

    for (uint32_t i = 0; same && i < a->n; i++)
        same = s->same(s->user, a->at[i].expr, b->at[i].expr);
    return same;
}
static bool same_cols(same_state *s, const ps_f_cols *a, const ps_f_cols *b)
{
    bool same = a->n == b->n;

    (void)s;
    for (uint32_t i = 0; same && i < a->n; i++) same = ps_type_equal(a->at[i].type, b->at[i].type);
    return same;
}
static bool same_scan_cols(same_state *s, const ps_f_scan_cols *a, const ps_f_scan_cols *b)
{
    bool same = a->n == b->n;

    (void)s;
    for (uint32_t i = 0; same && i < a->n; i++)
        same = a->at[i].source_column == b->at[i].source_column;
    return same;
}
static bool same_sort_keys(same_state *s, const ps_f_sort_keys *a, const ps_f_sort_keys *b)
{
    bool same = a->n == b->n;

    for (uint32_t i = 0; same && i < a->n; i++)
        same = a->at[i].descending == b->at[i].descending &&
               a->at[i].nulls_first == b->at[i].nulls_first &&
               s->same(s->user, a->at[i].expr, b->at[i].expr);
    return same;
}
static bool same_join_keys(same_state *s, const ps_f_join_keys *a, const ps_f_join_keys *b)
{
    bool same = a->n == b->n;

    for (uint32_t i = 0; same && i < a->n; i++)
        same = a->at[i].null_equal == b->at[i].null_equal &&
               s->same(s->user, a->at[i].left, b->at[i].left) &&
               s->same(s->user, a->at[i].right, b->at[i].right);
    return same;
}

static bool same_fields(same_state *s, const ps_node *a, const ps_node *b)
{
    switch ((ps_node_kind)a->kind) {
#define F(type, name, id, doc)                                                                     \
    if (!same_##type(s, &x->name, &y->name)) return false;
#define N(KIND, name, inputs)                                                                      \
    case PS_NODE_##KIND: {                                                                         \
        const ps_node_##name *x = ps_node_as_##name(a), *y = ps_node_as_##name(b);                 \
        PS_FIELDS_##KIND(F) return true;                                                           \
    }
        PS_NODES(N)
#undef N
#undef F
    case PS_NODE_COUNT: break;
    }
    return false;
}

ps_status ps_node_same(ps_ctx *cx, const ps_node *a, const ps_node *b, ps_expr_same_fn same,
                       void *user, bool *out)
{
    same_state s = {.cx = cx, .same = same, .user = user};

    *out = a->kind == b->kind && a->n_inputs == b->n_inputs && a->n_cols == b->n_cols &&
           same_fields(&s, a, b);
    return s.status;
}
