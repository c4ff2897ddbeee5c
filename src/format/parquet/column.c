/* format/parquet/column.c -- vectors from what cursors read; nested ones from their levels.
 *
 * Every node judges its slots by the levels of its first leaf: an entry makes a slot when it
 * doesn't continue a list below the node (rep <= node.rep) and the list around it has an item
 * there (def >= slot_def); the slot is valid when def reaches the node's. Siblings must agree
 * about the number of slots, which is checked: a file may lie. */
#include "format/parquet/cursor.h"

static ps_status column_init(ps_ctx *cx, ps_arena *arena, const ps_pq_node *node,
                             ps_pq_cursor *cursors, uint32_t first, ps_pq_column *out)
{
    *out = (ps_pq_column){.node = node, .cursors = cursors + (node->leaf - first)};
    if (node->n_children == 0) return PS_OK;
    out->children = PS_ARENA_ARRAY(cx, arena, ps_pq_column, node->n_children);
    out->vecs = PS_ARENA_ARRAY(cx, arena, ps_vec, node->n_children);
    if (!out->children || !out->vecs) return PS_MEMORY;
    for (uint32_t i = 0; i < node->n_children; i++) /* as deep as the schema: PS_PQ_DEPTH_MAX */
        PS_TRY(column_init(cx, arena, &node->children[i], cursors, first, &out->children[i]));
    return PS_OK;
}

static const ps_pq_node *leaf_of(const ps_pq_node *node, uint32_t leaf)
{
    while (node->kind != PS_PQ_LEAF) {
        uint32_t i = 0;
        while (leaf >= node->children[i].leaf + node->children[i].n_leaves) i++;
        node = &node->children[i];
    }
    return node;
}

ps_status ps_pq_column_init(ps_ctx *cx, ps_arena *arena, const ps_pq_node *node,
                            ps_pq_codecs *codecs, uint32_t batch_rows, ps_pq_column *out)
{
    const bool flat = node->kind == PS_PQ_LEAF;
    ps_pq_cursor *const cursors = PS_ARENA_ARRAY(cx, arena, ps_pq_cursor, node->n_leaves);

    *out = (ps_pq_column){0};
    if (!cursors) return PS_MEMORY;
    PS_TRY(column_init(cx, arena, node, cursors, node->leaf, out));
    for (uint32_t i = 0; i < node->n_leaves; i++)
        PS_TRY(ps_pq_cursor_init(cx, &cursors[i], leaf_of(node, node->leaf + i), flat, codecs,
                                 batch_rows));
    return PS_OK;
}

static void column_free(ps_pq_column *column)
{
    ps_free(column->valid);
    ps_free(column->lists);
    for (uint32_t i = 0; column->children && i < column->node->n_children; i++)
        column_free(&column->children[i]);
}

void ps_pq_column_release(ps_pq_column *column)
{
    if (!column->node) return;
    for (uint32_t i = 0; i < column->node->n_leaves; i++) ps_pq_cursor_release(&column->cursors[i]);
    column_free(column);
}

/* ---- a leaf's dense values as a vector of n rows ---- */

static void slots_expand(uint32_t slot_bytes, void *slots, uint32_t n_values, const uint64_t *valid,
                         uint32_t n)
{
    const ps_pq_kernels *const k = ps_pq_kernels_here();

    switch (slot_bytes) {
    case 1: k->expand1(slots, n_values, valid, n); break;
    case 2: k->expand2(slots, n_values, valid, n); break;
    case 4: k->expand4(slots, n_values, valid, n); break;
    case 8: k->expand8(slots, n_values, valid, n); break;
    case 16: k->expand16(slots, n_values, valid, n); break;
    default: break;
    }
}

static void all_null(const ps_pq_cursor *c, uint32_t n, ps_vec *out)
{
    memset(c->out.slots, 0, 16);
    ps_vec_flat(out, c->leaf->field.type, (ps_layout)c->leaf->layout, c->out.slots, ps_zero_bits,
                n);
    out->encoding = PS_ENC_CONSTANT;
    if (ps_layout_is_int((ps_layout)c->leaf->layout)) out->lo = out->hi = 0, out->bounded = true;
}

static void dict_vec(const ps_pq_cursor *c, const uint64_t *valid, uint32_t n, ps_vec *out)
{
    const ps_vec *const values = &c->dict->values;

    *out = (ps_vec){.type = values->type,
                    .layout = values->layout,
                    .encoding = PS_ENC_DICTIONARY,
                    .bounded = values->bounded,
                    .n = n,
                    .valid = valid,
                    .lo = values->lo,
                    .hi = values->hi};
    out->codes = c->out.codes;
    out->dict = c->dict;
}

/* valid NULL: every row has a value. */
static ps_status leaf_vec(ps_ctx *cx, ps_pq_cursor *c, const uint64_t *valid, uint32_t n,
                          ps_vec *out)
{
    ps_pq_out *const o = &c->out;

    if (o->n_values == n) valid = NULL;
    PS_ASSERT(valid || o->n_values == n);
    if (c->leaf->layout == PS_LAYOUT_NONE || (o->n_values == 0 && n > 0)) {
        if (o->n_values) return ps_fail(cx, PS_DATA, "values in a column that can only be null");
        all_null(c, n, out);
        return PS_OK;
    }
    if (o->mode == PS_PQ_CODES) {
        if (valid) slots_expand(4, o->codes, o->n_values, valid, n);
        dict_vec(c, valid, n, out);
        return PS_OK;
    }
    if (valid && o->mode == PS_PQ_REF) PS_TRY(ps_pq_out_flatten(cx, c));
    const void *const data = o->mode == PS_PQ_REF ? o->ref : o->slots;
    ps_vec_flat(out, c->leaf->field.type, (ps_layout)c->leaf->layout, data, valid, n);
    if (o->plain) {
        PS_TRY(ps_pq_bounds(cx, c->leaf, data, o->n_values, false, out));
    } else if (c->dict && c->dict->values.bounded) {
        out->lo = c->dict->values.lo, out->hi = c->dict->values.hi, out->bounded = true;
    }
    if (valid) slots_expand(c->leaf->slot_bytes, o->slots, o->n_values, valid, n);
    return PS_OK;
}

/* ---- nested ---- */

static ps_status node_room(ps_ctx *cx, ps_pq_column *col, uint32_t n)
{
    void *block;

    if (n <= col->room && col->valid) return PS_OK;
    block = ps_realloc(cx, col->valid, PS_BITS_BYTES((size_t)n + 64));
    if (!block) return PS_MEMORY;
    col->valid = block;
    if (col->node->kind == PS_PQ_LISTS) {
        block = ps_realloc(cx, col->lists, (size_t)PS_MAX(n, 1) * sizeof *col->lists);
        if (!block) return PS_MEMORY;
        col->lists = block;
    }
    col->room = n;
    return PS_OK;
}

/* Slots of a node and their validity, by the levels of its first leaf. */
static uint32_t slots_judge(const ps_pq_node *node, const ps_pq_out *o, uint64_t *valid,
                            uint32_t *n_valid)
{
    uint32_t n = 0, ones = 0;

    for (uint32_t e = 0; e < o->n_entries; e++) {
        if (o->rep[e] > node->levels.rep || o->def[e] < node->levels.slot_def) continue;
        const bool on = o->def[e] >= node->levels.def;
        ps_bit_put(valid, n++, on);
        ones += on;
    }
    *n_valid = ones;
    return n;
}

/* Starts and lengths. False: an item continues a list that isn't there or has none. */
static bool lists_judge(const ps_pq_node *node, const ps_pq_out *o, ps_list *lists,
                        uint32_t *n_items)
{
    const ps_pq_levels *const item = &node->children[0].levels;
    uint32_t slot = 0, items = 0;
    bool open = false;

    for (uint32_t e = 0; e < o->n_entries; e++) {
        const bool has_item = o->def[e] >= item->slot_def;
        if (o->rep[e] > item->rep) continue; /* of a list inside an item */
        if (o->rep[e] <= node->levels.rep) {
            open = o->def[e] >= node->levels.slot_def;
            if (open) lists[slot++] = (ps_list){has_item ? items : 0, 0};
        } else if (!open || lists[slot - 1].n == 0 || !has_item) {
            return false;
        }
        if (open && has_item) lists[slot - 1].n++, items++;
    }
    *n_items = items;
    return true;
}

static ps_status node_vec(ps_ctx *cx, ps_pq_column *col, ps_vec *out);

static ps_status children_vec(ps_ctx *cx, ps_pq_column *col, uint32_t n)
{
    for (uint32_t i = 0; i < col->node->n_children; i++) {
        PS_TRY(node_vec(cx, &col->children[i], &col->vecs[i]));
        if (col->vecs[i].n != n)
            return ps_fail(cx, PS_DATA, "%u items in %.*s where its siblings have %u",
                           col->vecs[i].n, PS_STR_ARGS(col->children[i].node->field.name), n);
    }
    return PS_OK;
}

static ps_status node_vec(ps_ctx *cx, ps_pq_column *col, ps_vec *out)
{
    const ps_pq_node *const node = col->node;
    const ps_pq_out *const o = &col->cursors[0].out;
    const uint64_t *valid;
    uint32_t n, n_valid;

    PS_TRY(node_room(cx, col, o->n_entries));
    n = slots_judge(node, o, col->valid, &n_valid);
    valid = n_valid == n ? NULL : col->valid;
    if (node->kind == PS_PQ_LEAF) {
        if (n_valid != o->n_values)
            return ps_fail(cx, PS_DATA, "%u values for %u levels", o->n_values, n_valid);
        return leaf_vec(cx, col->cursors, col->valid, n, out);
    }
    if (node->kind == PS_PQ_LISTS) {
        uint32_t items;
        if (!lists_judge(node, o, col->lists, &items))
            return ps_fail(cx, PS_DATA, "a level continues a list that has no items");
        PS_TRY(children_vec(cx, col, items));
        ps_vec_flat(out, node->field.type, PS_LAYOUT_LIST, col->lists, valid, n);
    } else {
        PS_TRY(children_vec(cx, col, n));
        ps_vec_flat(out, node->field.type, PS_LAYOUT_STRUCT, NULL, valid, n);
    }
    out->children = col->vecs;
    return PS_OK;
}

ps_status ps_pq_column_read(ps_ctx *cx, ps_pq_column *col, uint32_t n, ps_vec *out)
{
    const ps_pq_node *const node = col->node;
    ps_status st = PS_OK;

    for (uint32_t i = 0; i < node->n_leaves && st == PS_OK; i++)
        st = ps_pq_cursor_read(cx, &col->cursors[i], n);
    if (st == PS_OK)
        st = node->kind == PS_PQ_LEAF
                 ? leaf_vec(cx, col->cursors, col->cursors[0].out.valid, n, out)
                 : node_vec(cx, col, out);
    if (st == PS_OK && out->n != n) st = ps_fail(cx, PS_DATA, "%u rows where %u are", out->n, n);
    if (st == PS_OK || st == PS_CANCELLED || st == PS_TIMEOUT) return st;
    return ps_while(cx, st, "reading column %.*s", PS_STR_ARGS(node->field.name));
}
