/* format/parquet/write_schema.c -- types to leaves with their levels, and to schema elements.
 *
 * Every field is optional but the keys of maps. What the format has no exact type for is
 * PS_UNSUPPORTED with the column's name. HUGEINT is DECIMAL(38, 0): exact, or an error for a value
 * of more digits. Recursion is bounded by PS_TYPE_DEPTH_MAX.
 * Reference: LogicalTypes.md of apache/parquet-format 2.12. */
#include "format/parquet/write.h"

enum { REQUIRED, OPTIONAL, REPEATED };
enum { NO_CONVERTED = -1 };

typedef struct builder {
    ps_ctx *cx;
    ps_arena *arena;
    ps_pq_write_schema *out;
    uint32_t leaves_max;
    ps_str names[2 * PS_TYPE_DEPTH_MAX + 2];
    uint32_t n_names;
} builder;

/* What a leaf's element says besides its name. */
typedef struct leaf_facts {
    ps_pq_physical physical;
    ps_pq_store store;
    ps_pq_order order;
    ps_layout layout;
    uint32_t width;
    int8_t converted;
    uint8_t logical, unit, bits; /* unit: 1 ms, 2 us, 3 ns */
    bool utc, is_signed;
    uint8_t precision;
    int8_t scale;
    int64_t factor;
} leaf_facts;

static leaf_facts int_facts(bool wide, bool is_signed, int bits, int converted)
{
    return (leaf_facts){.physical = wide ? PS_PQ_INT64 : PS_PQ_INT32,
                        .store = PS_PQ_STORE_INT,
                        .order = wide ? (is_signed ? PS_PQ_ORDER_I64 : PS_PQ_ORDER_U64)
                                      : (is_signed ? PS_PQ_ORDER_I32 : PS_PQ_ORDER_U32),
                        .layout = wide ? (is_signed ? PS_LAYOUT_I64 : PS_LAYOUT_U64)
                                       : (is_signed ? PS_LAYOUT_I32 : PS_LAYOUT_U32),
                        .width = wide ? 8 : 4,
                        .converted = (int8_t)converted,
                        .logical = bits ? PS_PQ_INTEGER : PS_PQ_LOGICAL_NONE,
                        .bits = (uint8_t)bits,
                        .is_signed = is_signed,
                        .factor = 1};
}

static leaf_facts decimal_facts(int precision, int scale)
{
    leaf_facts f = int_facts(precision > 9, true, 0, 5);

    if (precision > 18)
        f = (leaf_facts){.physical = PS_PQ_FIXED,
                         .store = PS_PQ_STORE_DECIMAL,
                         .order = PS_PQ_ORDER_SIGNED,
                         .layout = PS_LAYOUT_I128,
                         .width = 16,
                         .converted = 5};
    f.logical = PS_PQ_DECIMAL;
    f.precision = (uint8_t)precision, f.scale = (int8_t)scale;
    return f;
}

static leaf_facts time_facts(ps_type type)
{
    const bool stamp = type.id != PS_TYPE_TIME, utc = type.id == PS_TYPE_TIMESTAMP_TZ;
    const ps_unit unit = type.unit == PS_UNIT_S ? PS_UNIT_MS : (ps_unit)type.unit;
    leaf_facts f = int_facts(stamp || unit != PS_UNIT_MS, true, 0, NO_CONVERTED);

    if (type.unit == PS_UNIT_S) f.factor = 1000;
    f.logical = stamp ? PS_PQ_TIMESTAMP : PS_PQ_TIME;
    f.unit = (uint8_t)unit;
    f.utc = utc;
    if (utc && unit != PS_UNIT_NS) f.converted = unit == PS_UNIT_MS ? 9 : 10;
    return f;
}

static leaf_facts fixed_facts(ps_pq_store store, ps_pq_order order, uint32_t width,
                              ps_pq_logical logical)
{
    return (leaf_facts){.physical = PS_PQ_FIXED,
                        .store = store,
                        .order = order,
                        .width = width,
                        .converted = NO_CONVERTED,
                        .logical = (uint8_t)logical};
}

static leaf_facts float_facts(ps_pq_physical physical, ps_pq_order order, uint32_t width)
{
    return (leaf_facts){.physical = physical,
                        .store = PS_PQ_STORE_SAME,
                        .order = order,
                        .width = width,
                        .converted = NO_CONVERTED};
}

static leaf_facts text_facts(ps_pq_store store, bool utf8)
{
    return (leaf_facts){.physical = PS_PQ_BYTE_ARRAY,
                        .store = store,
                        .order = PS_PQ_ORDER_BYTES,
                        .converted = utf8 ? 0 : NO_CONVERTED,
                        .logical = utf8 ? PS_PQ_STRING : PS_PQ_LOGICAL_NONE};
}

static bool facts_of(ps_type t, leaf_facts *f)
{
    switch (t.id) {
    case PS_TYPE_NULL:
        *f = int_facts(false, true, 0, NO_CONVERTED);
        f->store = PS_PQ_STORE_NULL, f->logical = PS_PQ_UNKNOWN, f->order = PS_PQ_ORDER_NONE;
        return true;
    case PS_TYPE_BOOL:
        *f = float_facts(PS_PQ_BOOLEAN, PS_PQ_ORDER_BOOL, 1);
        f->store = PS_PQ_STORE_BOOL;
        return true;
    case PS_TYPE_INT8: *f = int_facts(false, true, 8, 15); return true;
    case PS_TYPE_INT16: *f = int_facts(false, true, 16, 16); return true;
    case PS_TYPE_INT32: *f = int_facts(false, true, 32, 17); return true;
    case PS_TYPE_INT64: *f = int_facts(true, true, 64, 18); return true;
    case PS_TYPE_INT128: *f = decimal_facts(38, 0); return true;
    case PS_TYPE_UINT8: *f = int_facts(false, false, 8, 11); return true;
    case PS_TYPE_UINT16: *f = int_facts(false, false, 16, 12); return true;
    case PS_TYPE_UINT32: *f = int_facts(false, false, 32, 13); return true;
    case PS_TYPE_UINT64: *f = int_facts(true, false, 64, 14); return true;
    case PS_TYPE_FLOAT16:
        *f = fixed_facts(PS_PQ_STORE_SAME, PS_PQ_ORDER_F16, 2, PS_PQ_FLOAT16);
        return true;
    case PS_TYPE_FLOAT32: *f = float_facts(PS_PQ_FLOAT, PS_PQ_ORDER_F32, 4); return true;
    case PS_TYPE_FLOAT64: *f = float_facts(PS_PQ_DOUBLE, PS_PQ_ORDER_F64, 8); return true;
    case PS_TYPE_DECIMAL: *f = decimal_facts(t.precision, t.scale); return true;
    case PS_TYPE_DATE:
        *f = int_facts(false, true, 0, 6);
        f->logical = PS_PQ_DATE;
        return true;
    case PS_TYPE_TIME:
    case PS_TYPE_TIMESTAMP:
    case PS_TYPE_TIMESTAMP_TZ: *f = time_facts(t); return true;
    case PS_TYPE_INTERVAL:
        *f = fixed_facts(PS_PQ_STORE_INTERVAL, PS_PQ_ORDER_NONE, 12, PS_PQ_LOGICAL_NONE);
        f->converted = 21;
        return true;
    case PS_TYPE_STRING: *f = text_facts(PS_PQ_STORE_TEXT, true); return true;
    case PS_TYPE_BINARY: *f = text_facts(PS_PQ_STORE_TEXT, false); return true;
    case PS_TYPE_ENUM: *f = text_facts(PS_PQ_STORE_ENUM, true); return true;
    case PS_TYPE_FIXED_BINARY:
        *f = fixed_facts(PS_PQ_STORE_FIXED, PS_PQ_ORDER_BYTES, (uint32_t)t.width,
                         PS_PQ_LOGICAL_NONE);
        return t.width > 0;
    case PS_TYPE_UUID:
        *f = fixed_facts(PS_PQ_STORE_UUID, PS_PQ_ORDER_BYTES, 16, PS_PQ_UUID);
        return true;
    default: return false;
    }
}

static void logical_put(ps_pq_thrift_writer *w, const leaf_facts *f)
{
    ps_pq_put_struct(w, 10);
    ps_pq_put_struct(w, f->logical);
    if (f->logical == PS_PQ_DECIMAL) {
        ps_pq_put_int(w, 1, 32, f->scale);
        ps_pq_put_int(w, 2, 32, f->precision);
    } else if (f->logical == PS_PQ_TIME || f->logical == PS_PQ_TIMESTAMP) {
        ps_pq_put_bool(w, 1, f->utc);
        ps_pq_put_struct(w, 2);
        ps_pq_put_struct(w, f->unit);
        ps_pq_put_end(w);
        ps_pq_put_end(w);
    } else if (f->logical == PS_PQ_INTEGER) {
        ps_pq_put_int(w, 1, 8, f->bits);
        ps_pq_put_bool(w, 2, f->is_signed);
    }
    ps_pq_put_end(w);
    ps_pq_put_end(w);
}

static void leaf_put(builder *b, ps_str name, int repetition, const leaf_facts *f)
{
    ps_pq_thrift_writer w = {.out = &b->out->elements};

    ps_pq_put_int(&w, 1, 32, f->physical);
    if (f->physical == PS_PQ_FIXED) ps_pq_put_int(&w, 2, 32, f->width);
    ps_pq_put_int(&w, 3, 32, repetition);
    ps_pq_put_text(&w, 4, name);
    if (f->converted != NO_CONVERTED) ps_pq_put_int(&w, 6, 32, f->converted);
    if (f->logical == PS_PQ_DECIMAL) {
        ps_pq_put_int(&w, 7, 32, f->scale);
        ps_pq_put_int(&w, 8, 32, f->precision);
    }
    if (f->logical != PS_PQ_LOGICAL_NONE) logical_put(&w, f);
    ps_pq_put_end(&w);
    b->out->n_elements++;
}

/* logical: LIST, MAP or none; repetition -1: the root. */
static void group_put(builder *b, ps_str name, int repetition, uint32_t n, ps_pq_logical logical)
{
    ps_pq_thrift_writer w = {.out = &b->out->elements};
    const leaf_facts f = {.logical = (uint8_t)logical};

    if (repetition >= 0) ps_pq_put_int(&w, 3, 32, repetition);
    ps_pq_put_text(&w, 4, name);
    ps_pq_put_int(&w, 5, 32, n);
    if (logical != PS_PQ_LOGICAL_NONE) {
        ps_pq_put_int(&w, 6, 32, logical == PS_PQ_LIST ? 3 : 1);
        logical_put(&w, &f);
    }
    ps_pq_put_end(&w);
    b->out->n_elements++;
}

static uint32_t leaves_of(ps_type type)
{
    uint32_t n = 0;

    type = ps_type_storage(type);
    if (ps_type_class_of(type) != PS_CLASS_NESTED) return 1;
    for (uint32_t i = 0; i < type.ext->n_fields; i++) n += leaves_of(type.ext->fields[i].type);
    return n;
}

static ps_status unsupported(builder *b, ps_type type)
{
    ps_text text;

    ps_text_init(&text, b->cx);
    ps_type_print(type, &text);
    ps_fail(b->cx, PS_UNSUPPORTED, "Parquet has no type for %s, the type of column %.*s",
            text.at ? text.at : "", PS_STR_ARGS(b->names[0]));
    ps_hint(b->cx, "cast the column, for example to VARCHAR");
    ps_text_release(&text);
    return PS_UNSUPPORTED;
}

static ps_status leaf_add(builder *b, ps_pq_write_node *node)
{
    ps_pq_write_leaf *leaf = &b->out->leaves[b->out->n_leaves];
    ps_str *names = PS_ARENA_ARRAY(b->cx, b->arena, ps_str, b->n_names);
    leaf_facts f;

    if (!names) return PS_MEMORY;
    if (!facts_of(node->type, &f)) return unsupported(b, node->type);
    PS_ASSERT(b->out->n_leaves < b->leaves_max);
    memcpy(names, b->names, b->n_names * sizeof *names);
    leaf->names = names, leaf->n_names = b->n_names;
    leaf->path = names[0];
    leaf->type = node->type;
    leaf->physical = (uint8_t)f.physical, leaf->store = (uint8_t)f.store;
    leaf->order = (uint8_t)f.order, leaf->layout = (uint8_t)f.layout;
    leaf->width = f.width, leaf->factor = f.factor;
    leaf->def_max = node->def, leaf->rep_max = node->rep;
    b->out->n_leaves++;
    node->leaf = leaf;
    leaf_put(b, node->name, node->repetition, &f);
    return PS_OK;
}

static ps_status node_add(builder *b, const ps_field *field, int repetition,
                          ps_pq_write_node *node);

static ps_status children_add(builder *b, const ps_field *fields, uint32_t n,
                              ps_pq_write_node *node, bool map)
{
    static const ps_str keys[] = {{"key", 3}, {"value", 5}};

    node->children = PS_ARENA_ARRAY(b->cx, b->arena, ps_pq_write_node, PS_MAX(n, 1));
    if (!node->children) return PS_MEMORY;
    node->n_children = n;
    for (uint32_t i = 0; i < n; i++) {
        node->children[i] = (ps_pq_write_node){
            .name = map ? keys[i] : fields[i].name, .def = node->def, .rep = node->rep};
        PS_TRY(node_add(b, &fields[i], map && i == 0 ? REQUIRED : OPTIONAL, &node->children[i]));
    }
    return PS_OK;
}

/* A list's node has as its only child the repeated group (a MAP's is the struct of its entries). */
static ps_status list_add(builder *b, ps_pq_write_node *node)
{
    const bool map = node->type.id == PS_TYPE_MAP;
    const ps_type_ext *ext = node->type.ext;
    ps_pq_write_node *group = PS_ARENA_NEW(b->cx, b->arena, ps_pq_write_node);
    ps_field item = ext->fields[0];
    ps_status st;

    if (!group) return PS_MEMORY;
    group_put(b, node->name, node->repetition, 1, map ? PS_PQ_MAP : PS_PQ_LIST);
    *group = (ps_pq_write_node){.name = map ? PS_STR("key_value") : PS_STR("list"),
                                .type = map ? ps_type_entry(node->type) : PS_TYPE(NULL),
                                .repetition = REPEATED,
                                .def = (uint8_t)(node->def + 1),
                                .rep = (uint8_t)(node->rep + 1)};
    group_put(b, group->name, REPEATED, map ? 2 : 1, PS_PQ_LOGICAL_NONE);
    node->children = group, node->n_children = 1;
    b->names[b->n_names++] = group->name;
    item.name = PS_STR("element");
    st = children_add(b, map ? ext->fields : &item, map ? 2 : 1, group, map);
    b->n_names--;
    return st;
}

static ps_status node_add(builder *b, const ps_field *field, int repetition, ps_pq_write_node *node)
{
    ps_status st;

    node->type = ps_type_storage(field->type);
    node->repetition = (uint8_t)repetition;
    if (repetition == OPTIONAL) node->def++;
    b->names[b->n_names++] = node->name;
    switch (node->type.id) {
    case PS_TYPE_STRUCT:
        if (node->type.ext->n_fields == 0) {
            st = unsupported(b, node->type);
            break;
        }
        group_put(b, node->name, repetition, node->type.ext->n_fields, PS_PQ_LOGICAL_NONE);
        st = children_add(b, node->type.ext->fields, node->type.ext->n_fields, node, false);
        break;
    case PS_TYPE_LIST:
    case PS_TYPE_ARRAY:
    case PS_TYPE_MAP: st = list_add(b, node); break;
    default: st = leaf_add(b, node);
    }
    b->n_names--;
    return st;
}

ps_status ps_pq_write_schema_build(ps_ctx *cx, ps_arena *arena, const ps_schema *schema,
                                   ps_pq_write_schema *out)
{
    builder b = {.cx = cx, .arena = arena, .out = out};

    if (schema->n == 0) return ps_fail(cx, PS_UNSUPPORTED, "a Parquet file without columns");
    for (uint32_t i = 0; i < schema->n; i++) b.leaves_max += leaves_of(schema->fields[i].type);
    out->leaves = PS_ARENA_ARRAY(cx, arena, ps_pq_write_leaf, PS_MAX(b.leaves_max, 1));
    if (!out->leaves) return PS_MEMORY;
    memset(out->leaves, 0, PS_MAX(b.leaves_max, 1) * sizeof *out->leaves);
    group_put(&b, PS_STR("schema"), -1, schema->n, PS_PQ_LOGICAL_NONE);
    PS_TRY(children_add(&b, schema->fields, schema->n, &out->root, false));
    return ps_text_status(&out->elements);
}
