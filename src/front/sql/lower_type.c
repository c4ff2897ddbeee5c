/* front/sql/lower_type.c -- type names of SQL. Tests: tests/unit/test_lower.c,
 * tests/slt/sql/types.test */
#include "front/sql/lower_int.h"

typedef struct type_name {
    const char *name;
    ps_type type;
} type_name;
#define SIMPLE(text, ID)                                                                           \
    {                                                                                              \
        text, { .id = PS_TYPE_##ID }                                                               \
    }
#define IN_UNIT(text, ID, UNIT)                                                                    \
    {                                                                                              \
        text, { .id = PS_TYPE_##ID, .unit = PS_UNIT_##UNIT }                                       \
    }
static const type_name names[] = {
    SIMPLE("null", NULL),
    SIMPLE("boolean", BOOL),
    SIMPLE("bool", BOOL),
    SIMPLE("logical", BOOL),
    SIMPLE("tinyint", INT8),
    SIMPLE("int1", INT8),
    SIMPLE("smallint", INT16),
    SIMPLE("int2", INT16),
    SIMPLE("short", INT16),
    SIMPLE("int16", INT16),
    SIMPLE("integer", INT32),
    SIMPLE("int", INT32),
    SIMPLE("int4", INT32),
    SIMPLE("signed", INT32),
    SIMPLE("int32", INT32),
    SIMPLE("bigint", INT64),
    SIMPLE("int8", INT64),
    SIMPLE("long", INT64),
    SIMPLE("int64", INT64),
    SIMPLE("oid", INT64),
    SIMPLE("hugeint", INT128),
    SIMPLE("int128", INT128),
    SIMPLE("utinyint", UINT8),
    SIMPLE("uint8", UINT8),
    SIMPLE("usmallint", UINT16),
    SIMPLE("uint16", UINT16),
    SIMPLE("uinteger", UINT32),
    SIMPLE("uint32", UINT32),
    SIMPLE("ubigint", UINT64),
    SIMPLE("uint64", UINT64),
    SIMPLE("half", FLOAT16),
    SIMPLE("float16", FLOAT16),
    SIMPLE("float", FLOAT32),
    SIMPLE("float4", FLOAT32),
    SIMPLE("real", FLOAT32),
    SIMPLE("double", FLOAT64),
    SIMPLE("float8", FLOAT64),
    SIMPLE("double precision", FLOAT64),
    SIMPLE("date", DATE),
    SIMPLE("interval", INTERVAL),
    IN_UNIT("time", TIME, US),
    SIMPLE("timetz", TIME_TZ),
    IN_UNIT("timestamp", TIMESTAMP, US),
    IN_UNIT("datetime", TIMESTAMP, US),
    IN_UNIT("timestamp_us", TIMESTAMP, US),
    IN_UNIT("timestamp_s", TIMESTAMP, S),
    IN_UNIT("timestamp_ms", TIMESTAMP, MS),
    IN_UNIT("timestamp_ns", TIMESTAMP, NS),
    IN_UNIT("timestamptz", TIMESTAMP_TZ, US),
    SIMPLE("varchar", STRING),
    SIMPLE("text", STRING),
    SIMPLE("string", STRING),
    SIMPLE("char", STRING),
    SIMPLE("bpchar", STRING),
    SIMPLE("nvarchar", STRING),
    SIMPLE("character", STRING),
    SIMPLE("blob", BINARY),
    SIMPLE("bytea", BINARY),
    SIMPLE("binary", BINARY),
    SIMPLE("varbinary", BINARY),
    SIMPLE("uuid", UUID),
    SIMPLE("guid", UUID),
};

static bool fail(ps_lower *lo, const ps_sql_type *node, ps_status code, const char *what)
{
    ps_lower_fail(lo, &node->head, code, "%s", what);
    return false;
}

static bool small_int(const ps_sql_node *node, int64_t max, int64_t *out)
{
    const ps_sql_number *number = ps_sql_as(number, NUMBER, node);

    if (!number || number->form != PS_SQL_NUM_INTEGER || number->text.n > 6) return false;
    *out = 0;
    for (size_t i = 0; i < number->text.n; i++) *out = *out * 10 + (number->text.at[i] - '0');
    return *out <= max;
}

static bool decimal_type(ps_lower *lo, const ps_sql_type *node, ps_type *out)
{
    int64_t precision = 18, scale = 3;

    if (node->params.n > 2) return fail(lo, node, PS_BIND, "DECIMAL takes a precision and a scale");
    if (node->params.n >= 1) {
        scale = 0;
        if (!small_int(node->params.at[0], 38, &precision) || precision < 1)
            return fail(lo, node, PS_BIND, "the precision of a DECIMAL is from 1 to 38");
    }
    if (node->params.n == 2 && !small_int(node->params.at[1], precision, &scale))
        return fail(lo, node, PS_BIND, "the scale of a DECIMAL is from 0 to its precision");
    *out = ps_type_decimal((int)precision, (int)scale);
    return true;
}

/* Hands a new type to the arena. */
static bool keep(ps_lower *lo, ps_status made, ps_type type)
{
    if (made != PS_OK) return false;
    ps_status st = ps_type_keep(lo->cx, lo->arena, type);
    ps_type_unref(type);
    return st == PS_OK;
}

static bool enum_type(ps_lower *lo, const ps_sql_type *node, ps_type *out)
{
    ps_str *labels = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_str, node->params.n + 1);

    for (uint32_t i = 0; labels && i < node->params.n; i++) {
        const ps_sql_string *label = ps_sql_as(string, STRING, node->params.at[i]);
        if (!label) return fail(lo, node, PS_BIND, "the labels of an ENUM are strings");
        labels[i] = label->value;
    }
    return labels && keep(lo, ps_type_enum(lo->cx, labels, node->params.n, out), *out);
}

static bool struct_type(ps_lower *lo, const ps_sql_type *node, ps_type *out)
{
    ps_field *fields = PS_ARENA_ARRAY(lo->cx, lo->arena, ps_field, node->params.n + 1);

    for (uint32_t i = 0; fields && i < node->params.n; i++) {
        const ps_sql_type_field *field = ps_sql_as(type_field, TYPE_FIELD, node->params.at[i]);
        if (!field) return fail(lo, node, PS_BIND, "the fields of a STRUCT have a name and a type");
        fields[i] = (ps_field){.name = field->name.text, .nullable = true};
        if (!ps_lower_type(lo, (const ps_sql_type *)(const void *)field->type, &fields[i].type))
            return false;
    }
    return fields && keep(lo, ps_type_struct(lo->cx, fields, node->params.n, out), *out);
}

static bool map_type(ps_lower *lo, const ps_sql_type *node, ps_type *out)
{
    ps_field entry[2] = {{.name = PS_STR("key")}, {.name = PS_STR("value"), .nullable = true}};

    if (node->params.n != 2)
        return fail(lo, node, PS_BIND, "MAP takes the types of keys and values");
    for (uint32_t i = 0; i < 2; i++) {
        const ps_sql_type *part = ps_sql_as(type, TYPE, node->params.at[i]);
        if (!part) return fail(lo, node, PS_BIND, "MAP takes the types of keys and values");
        if (!ps_lower_type(lo, part, &entry[i].type)) return false;
    }
    return keep(lo, ps_type_map(lo->cx, &entry[0], &entry[1], out), *out);
}

static bool simple_type(ps_lower *lo, const ps_sql_type *node, ps_str name, ps_type *out)
{
    ps_near near = ps_near_of(name);

    for (size_t i = 0; i < PS_COUNT(names); i++) {
        ps_near_add(&near, ps_str_of(names[i].name));
        if (!ps_str_equal_nocase(name, ps_str_of(names[i].name))) continue;
        *out = names[i].type;
        /* VARCHAR(n) is VARCHAR: lengths are not checked, as in DuckDB; other types take no numbers
         */
        if (node->params.n == 0 || out->id == PS_TYPE_STRING) return true;
        return fail(lo, node, PS_UNSUPPORTED,
                    "a length or precision of this type is not supported");
    }
    ps_fail(lo->cx, PS_BIND, "no type has the name \"%.*s\"", PS_STR_ARGS(name));
    ps_near_hint(lo->cx, &near);
    ps_lower_fail_at(lo, &node->head);
    return false;
}

static bool base_type(ps_lower *lo, const ps_sql_type *node, ps_type *out)
{
    ps_str name = node->name.at[node->name.n - 1].text;

    if (ps_str_equal_nocase(name, PS_STR("decimal")) ||
        ps_str_equal_nocase(name, PS_STR("numeric")) || ps_str_equal_nocase(name, PS_STR("dec")))
        return decimal_type(lo, node, out);
    if (ps_str_equal_nocase(name, PS_STR("enum"))) return enum_type(lo, node, out);
    if (ps_str_equal_nocase(name, PS_STR("struct")) || ps_str_equal_nocase(name, PS_STR("row")))
        return struct_type(lo, node, out);
    if (ps_str_equal_nocase(name, PS_STR("map"))) return map_type(lo, node, out);
    return simple_type(lo, node, name, out);
}

bool ps_lower_type(ps_lower *lo, const ps_sql_type *node, ps_type *out)
{
    if (node->name.n == 0) return fail(lo, node, PS_BIND, "a type's name is wanted");
    if (!ps_lower_enter(lo, &node->head)) return false;
    bool ok = base_type(lo, node, out);
    for (uint32_t i = 0; ok && i < node->dims.n; i++) {
        ps_field item = {.name = PS_STR("item"), .type = *out, .nullable = true};
        if (node->dims.at[i] > INT32_MAX) {
            ok = fail(lo, node, PS_BIND, "the array is too long");
            break;
        }
        ps_status st = node->dims.at[i] < 0
                           ? ps_type_list(lo->cx, &item, out)
                           : ps_type_array(lo->cx, &item, (int32_t)node->dims.at[i], out);
        ok = keep(lo, st, *out);
    }
    lo->depth--;
    if (!ok) ps_lower_fail_at(lo, &node->head);
    return ok;
}
