/* col/type.h -- logical types, fields and schemas.
 *
 * A ps_type is a 16-byte value: compare with ps_type_equal(), pass and store it freely. What
 * doesn't fit (children, labels, a zone, an extension's name) is a counted immutable ps_type_ext
 * that the value borrows: whoever stores such a type for longer than its source lives holds
 * a reference (a schema does for its fields; an arena does through ps_type_keep()).
 * Nullability and metadata belong to fields, not to types. See docs/adr/0004. */
#ifndef PS_COL_TYPE_H
#define PS_COL_TYPE_H

#include "base/str.h"

typedef enum ps_type_id {
#define T(ID, name, layout, class) PS_TYPE_##ID,
#include "col/types.def"
#undef T
    PS_TYPE_COUNT
} ps_type_id;

typedef enum ps_type_class {
    PS_CLASS_NULL,
    PS_CLASS_BOOL,
    PS_CLASS_INTEGER,
    PS_CLASS_FLOAT,
    PS_CLASS_DECIMAL,
    PS_CLASS_TEMPORAL,
    PS_CLASS_BYTES,
    PS_CLASS_UUID,
    PS_CLASS_ENUM,
    PS_CLASS_NESTED
} ps_type_class;

/* How the values of a vector sit in memory; a type may come in several. */
typedef enum ps_layout {
    PS_LAYOUT_NONE, /* no data: all null */
    PS_LAYOUT_BOOL, /* one byte, 0 or 1 */
    PS_LAYOUT_I8,
    PS_LAYOUT_I16,
    PS_LAYOUT_I32,
    PS_LAYOUT_I64,
    PS_LAYOUT_I128,
    PS_LAYOUT_U8,
    PS_LAYOUT_U16,
    PS_LAYOUT_U32,
    PS_LAYOUT_U64,
    PS_LAYOUT_F16,
    PS_LAYOUT_F32,
    PS_LAYOUT_F64,
    PS_LAYOUT_VIEW,     /* ps_view */
    PS_LAYOUT_INTERVAL, /* ps_interval */
    PS_LAYOUT_LIST,     /* ps_list into children[0] */
    PS_LAYOUT_STRUCT,   /* children, row by row */
    PS_LAYOUT_UNION,    /* int8_t child number a row; children row by row (sparse) */
    PS_LAYOUT_COUNT
} ps_layout;

typedef enum ps_unit { PS_UNIT_S, PS_UNIT_MS, PS_UNIT_US, PS_UNIT_NS } ps_unit;

enum { PS_TYPE_DEPTH_MAX = 64 }; /* bounds every recursion over types and nested values */

typedef struct ps_type_ext ps_type_ext;
typedef struct ps_type {
    uint8_t id;        /* ps_type_id */
    uint8_t precision; /* DECIMAL: 1..38 */
    int8_t scale;      /* DECIMAL: 0..precision */
    uint8_t unit;      /* TIME, TIMESTAMP*, DURATION: ps_unit */
    int32_t width;     /* FIXED_BINARY: bytes; ARRAY: items */
    const ps_type_ext
        *ext; /* nested, ENUM, EXTENSION; TIMESTAMP_TZ with a display zone; else NULL */
} ps_type;

typedef struct ps_field {
    ps_str name;
    ps_type type;
    bool nullable;
    const char *metadata; /* Arrow's encoding of key-value metadata, NULL: none */
} ps_field;

/* Immutable, counted. */
struct ps_type_ext {
    _Atomic uint32_t refs;
    uint32_t depth; /* levels of nesting, 1: no child has an ext; at most PS_TYPE_DEPTH_MAX */
    uint64_t hash;
    ps_str name;       /* TIMESTAMP_TZ: zone; EXTENSION: its name; else empty */
    ps_str metadata;   /* EXTENSION: serialised parameters */
    uint32_t n_fields; /* LIST, ARRAY, EXTENSION: 1; MAP: 2 (key, value); STRUCT, UNION: any */
    ps_field *fields;
    uint32_t n_labels; /* ENUM */
    ps_str *labels;
    int8_t *tags; /* UNION: Arrow's type id of each child */
};

#define PS_TYPE(ID) ((ps_type){.id = PS_TYPE_##ID})
PS_INLINE ps_type ps_type_decimal(int precision, int scale)
{
    return (ps_type){
        .id = PS_TYPE_DECIMAL, .precision = (uint8_t)precision, .scale = (int8_t)scale};
}
PS_INLINE ps_type ps_type_in_unit(ps_type_id id, ps_unit unit)
{
    return (ps_type){.id = (uint8_t)id, .unit = (uint8_t)unit};
}
#define PS_TYPE_SQL_TIMESTAMP    ps_type_in_unit(PS_TYPE_TIMESTAMP, PS_UNIT_US)
#define PS_TYPE_SQL_TIMESTAMP_TZ ps_type_in_unit(PS_TYPE_TIMESTAMP_TZ, PS_UNIT_US)
#define PS_TYPE_SQL_TIME         ps_type_in_unit(PS_TYPE_TIME, PS_UNIT_US)

/* Types with an ext: copy the field, label and name bytes; give one reference, which the caller
 * passes to ps_type_unref() or hands to an arena with ps_type_keep(). */
ps_status ps_type_list(ps_ctx *cx, const ps_field *item, ps_type *out);
ps_status ps_type_array(ps_ctx *cx, const ps_field *item, int32_t width, ps_type *out);
ps_status ps_type_struct(ps_ctx *cx, const ps_field *fields, uint32_t n, ps_type *out);
ps_status ps_type_map(ps_ctx *cx, const ps_field *key, const ps_field *value, ps_type *out);
ps_status ps_type_union(ps_ctx *cx, const ps_field *fields, const int8_t *tags, uint32_t n,
                        ps_type *out);
ps_status ps_type_enum(ps_ctx *cx, const ps_str *labels, uint32_t n, ps_type *out);
ps_status ps_type_zoned(ps_ctx *cx, ps_unit unit, ps_str zone, ps_type *out);
ps_status ps_type_extension(ps_ctx *cx, ps_str name, ps_str metadata, const ps_field *storage,
                            ps_type *out);
ps_type ps_type_ref(ps_type type);
void ps_type_unref(ps_type type);
/* The arena holds the type's ext (a reference of its own) until it ends. */
ps_status ps_type_keep(ps_ctx *cx, ps_arena *arena, ps_type type);

/* By value. Ignored: a display zone, nullability, metadata, names of items of lists and maps. */
bool ps_type_equal(ps_type a, ps_type b);
uint64_t ps_type_hash(ps_type type);
ps_type_class ps_type_class_of(ps_type type);
ps_layout ps_type_layout(ps_type type);   /* canonical */
size_t ps_layout_bytes(ps_layout layout); /* per value; 0 for NONE and STRUCT */
PS_INLINE bool ps_layout_is_int(ps_layout l) { return l >= PS_LAYOUT_I8 && l <= PS_LAYOUT_U64; }
/* The smallest signed layout that holds [lo, hi]. */
ps_layout ps_layout_for(ps_i128 lo, ps_i128 hi);
/* The range of an integer layout; false: not one. */
bool ps_layout_range(ps_layout layout, ps_i128 *lo, ps_i128 *hi);
/* The range of values a type of an integer layout may have (decimals: +-(10^p - 1)); false: not
 * such a type. */
bool ps_type_range(ps_type type, ps_i128 *lo, ps_i128 *hi);
void ps_type_print(ps_type type, ps_text *out); /* as SQL: DECIMAL(15,2), STRUCT(a INTEGER) */
/* What an extension stores; other types are themselves. */
PS_INLINE ps_type ps_type_storage(ps_type type)
{
    while (type.id == PS_TYPE_EXTENSION) type = type.ext->fields[0].type;
    return type;
}
/* The struct(key, value) that a map is a list of; borrows the map's ext. */
PS_INLINE ps_type ps_type_entry(ps_type map)
{
    return (ps_type){.id = PS_TYPE_STRUCT, .ext = map.ext};
}
PS_INLINE bool ps_type_is_numeric(ps_type t)
{
    ps_type_class c = ps_type_class_of(t);
    return c == PS_CLASS_INTEGER || c == PS_CLASS_FLOAT || c == PS_CLASS_DECIMAL;
}

/* An ordered list of fields; counted, immutable; holds its types and names. */
typedef struct ps_schema {
    _Atomic uint32_t refs;
    uint32_t n;
    ps_field fields[];
} ps_schema;
ps_status ps_schema_new(ps_ctx *cx, const ps_field *fields, uint32_t n, ps_schema **out);
ps_schema *ps_schema_ref(ps_schema *schema);
void ps_schema_unref(ps_schema *schema);
bool ps_schema_equal(const ps_schema *a, const ps_schema *b);
void ps_schema_print(const ps_schema *schema, ps_text *out); /* a: INTEGER NOT NULL, b: VARCHAR */

/* Bytes of Arrow's encoding of key-value metadata; NULL: 0. */
size_t ps_metadata_bytes(const char *metadata);

/* Powers of ten that fit 128 bits, 10^0..10^38. */
extern const ps_i128 ps_pow10[39];

#endif
