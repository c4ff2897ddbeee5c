/* format/parquet/schema.c -- from the list of elements to a tree of nodes. */
#include "format/parquet/schema.h"

typedef struct builder {
    ps_ctx *cx;
    ps_arena *arena;
    const ps_pq_meta *meta;
    uint32_t next; /* element to read */
    ps_pq_schema *out;
} builder;

static ps_status node_build(builder *b, uint32_t depth, ps_pq_levels up, bool as_item,
                            ps_pq_node *out);

/* The arena holds the type from now on. */
static ps_status type_adopt(builder *b, ps_status st, ps_pq_node *node)
{
    const ps_type type = node->field.type;

    if (st != PS_OK) return st;
    st = ps_type_keep(b->cx, b->arena, type);
    ps_type_unref(type);
    return st;
}

static ps_status children_room(builder *b, uint32_t n, ps_pq_node *out)
{
    out->n_children = n;
    out->children = PS_ARENA_ARRAY(b->cx, b->arena, ps_pq_node, PS_MAX(n, 1));
    return out->children ? PS_OK : PS_MEMORY;
}

static ps_status struct_build(builder *b, uint32_t depth, const ps_pq_element *e, ps_pq_node *out)
{
    const uint32_t left = b->meta->n_elements - b->next;
    ps_field *fields;

    out->kind = PS_PQ_STRUCT;
    if (e->n_children <= 0)
        return ps_fail(b->cx, PS_UNSUPPORTED, "a group without columns: %.*s",
                       PS_STR_ARGS(e->name));
    if ((uint32_t)e->n_children > left)
        return ps_fail(b->cx, PS_DATA, "the schema ends inside the group %.*s",
                       PS_STR_ARGS(e->name));
    PS_TRY(children_room(b, (uint32_t)e->n_children, out));
    fields = PS_ARENA_ARRAY(b->cx, b->arena, ps_field, e->n_children);
    if (!fields) return PS_MEMORY;
    for (uint32_t i = 0; i < out->n_children; i++) {
        PS_TRY(node_build(b, depth + 1, out->levels, false, &out->children[i]));
        fields[i] = out->children[i].field;
    }
    if (depth == 0) return PS_OK; /* the root's fields are a schema, not a type */
    return type_adopt(b, ps_type_struct(b->cx, fields, out->n_children, &out->field.type), out);
}

static bool list_item_is_group(const ps_pq_element *list, const ps_pq_element *r,
                               const ps_pq_element *child)
{
    static const ps_str tuple = {"_tuple", 6};

    if (r->physical != PS_PQ_GROUP || r->n_children != 1) return true;
    if (child->repetition == 2) return true;
    if (ps_str_equal(r->name, PS_STR("array"))) return true;
    return ps_str_ends(r->name, tuple) && r->name.n == list->name.n + tuple.n &&
           ps_str_starts(r->name, list->name);
}

static ps_status list_finish(builder *b, bool map, ps_pq_node *out)
{
    const ps_pq_node *const item = out->children;

    if (map)
        return type_adopt(b,
                          ps_type_map(b->cx, &item->children[0].field, &item->children[1].field,
                                      &out->field.type),
                          out);
    return type_adopt(b, ps_type_list(b->cx, &item->field, &out->field.type), out);
}

/* A group annotated as list or map; the next element is its repeated child. */
static ps_status list_build(builder *b, uint32_t depth, const ps_pq_element *e, ps_pq_node *out)
{
    const ps_pq_element *const r = &b->meta->elements[b->next];
    const bool map = e->logical == PS_PQ_MAP && r->physical == PS_PQ_GROUP && r->n_children == 2;
    const ps_pq_levels item = {(uint16_t)(out->levels.rep + 1), (uint16_t)(out->levels.def + 1),
                               (uint16_t)(out->levels.def + 1)};
    bool whole = map;

    out->kind = PS_PQ_LISTS;
    PS_TRY(children_room(b, 1, out));
    if (!map) {
        const bool more = b->next + 1 < b->meta->n_elements;
        if (!more && r->physical == PS_PQ_GROUP)
            return ps_fail(b->cx, PS_DATA, "the schema ends inside the list %.*s",
                           PS_STR_ARGS(e->name));
        whole = list_item_is_group(e, r, more ? r + 1 : r) && e->logical == PS_PQ_LIST;
        if (e->logical != PS_PQ_LIST && r->n_children != 1) whole = true;
    }
    if (!whole) b->next++;
    PS_TRY(node_build(b, depth + 1, item, whole, out->children));
    return list_finish(b, map, out);
}

/* A repeated field without a list around it: a list of required items that is never null. */
static ps_status repeated_build(builder *b, uint32_t depth, ps_pq_levels up, ps_pq_node *out)
{
    const ps_pq_levels item = {(uint16_t)(up.rep + 1), (uint16_t)(up.def + 1),
                               (uint16_t)(up.def + 1)};

    out->kind = PS_PQ_LISTS;
    out->levels = up;
    PS_TRY(children_room(b, 1, out));
    PS_TRY(node_build(b, depth + 1, item, true, out->children));
    return list_finish(b, false, out);
}

static ps_status leaf_build(builder *b, const ps_pq_element *e, ps_pq_node *out)
{
    const ps_status st = ps_pq_leaf_type(b->cx, e, out);

    out->kind = PS_PQ_LEAF;
    if (st != PS_OK)
        return ps_while(b->cx, st, "reading the type of column %.*s", PS_STR_ARGS(e->name));
    PS_ASSERT(b->out->n_leaves < b->meta->n_leaves);
    b->out->leaves[b->out->n_leaves++] = out;
    return PS_OK;
}

/* Depth is bounded by PS_PQ_DEPTH_MAX. as_item: e is a list's repeated child, its repetition is
 * in `up` already. */
static ps_status node_build(builder *b, uint32_t depth, ps_pq_levels up, bool as_item,
                            ps_pq_node *out)
{
    const ps_pq_element *e, *next;

    if (depth > PS_PQ_DEPTH_MAX)
        return ps_fail(b->cx, PS_UNSUPPORTED, "columns nested deeper than %d", PS_PQ_DEPTH_MAX);
    if (b->next >= b->meta->n_elements) return ps_fail(b->cx, PS_DATA, "the schema ends too early");
    e = &b->meta->elements[b->next];
    out->field.name = e->name;
    out->leaf = b->out->n_leaves;
    if (e->repetition > 2)
        return ps_fail(b->cx, PS_DATA, "repetition %u of column %.*s", e->repetition,
                       PS_STR_ARGS(e->name));
    if (!ps_utf8_valid(e->name.at ? e->name.at : "", e->name.n, NULL))
        return ps_fail(b->cx, PS_DATA, "the name of a column is not valid UTF-8");
    if (depth > 0 && e->repetition == 2 && !as_item) {
        PS_TRY(repeated_build(b, depth, up, out));
    } else {
        b->next++;
        out->levels = up;
        out->field.nullable = depth > 0 && e->repetition == 1;
        out->levels.def = (uint16_t)(up.def + out->field.nullable);
        next = b->next < b->meta->n_elements ? &b->meta->elements[b->next] : NULL;
        if (e->physical != PS_PQ_GROUP) PS_TRY(leaf_build(b, e, out));
        else if (depth > 0 && (e->logical == PS_PQ_LIST || e->logical == PS_PQ_MAP) &&
                 e->n_children == 1 && next && next->repetition == 2)
            PS_TRY(list_build(b, depth, e, out));
        else PS_TRY(struct_build(b, depth, e, out));
    }
    out->n_leaves = b->out->n_leaves - out->leaf;
    return PS_OK;
}

ps_status ps_pq_schema_build(ps_ctx *cx, ps_arena *arena, const ps_pq_meta *meta, ps_pq_schema *out)
{
    builder b = {.cx = cx, .arena = arena, .meta = meta, .out = out};

    *out = (ps_pq_schema){0};
    out->leaves = PS_ARENA_ARRAY(cx, arena, const ps_pq_node *, PS_MAX(meta->n_leaves, 1));
    if (!out->leaves) return PS_MEMORY;
    if (meta->elements[0].physical != PS_PQ_GROUP)
        return ps_fail(cx, PS_DATA, "the root of the schema is no group");
    PS_TRY(node_build(&b, 0, (ps_pq_levels){0}, false, &out->root));
    if (b.next != meta->n_elements || out->n_leaves != meta->n_leaves)
        return ps_fail(cx, PS_DATA, "the schema has %u elements, its groups hold %u",
                       meta->n_elements, b.next);
    return PS_OK;
}
