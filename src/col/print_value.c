/* col/print_value.c -- values and rows of vectors as text, and as SQL literals.
 *
 * Tests: tests/unit/test_col_print.c */
#include "col/print.h"
#include "col/value.h"

static void print_plain(const ps_value *value, ps_type type, ps_text *out)
{
    switch (type.id) {
    case PS_TYPE_NULL: ps_text_puts(out, "NULL"); break;
    case PS_TYPE_BOOL: ps_text_puts(out, value->i ? "true" : "false"); break;
    case PS_TYPE_FLOAT16: ps_print_f16(ps_f16_of((float)value->f64), out); break;
    case PS_TYPE_FLOAT32: ps_print_f32((float)value->f64, out); break;
    case PS_TYPE_FLOAT64: ps_print_f64(value->f64, out); break;
    case PS_TYPE_DECIMAL: ps_print_decimal(value->i, type.precision, type.scale, out); break;
    case PS_TYPE_DATE: ps_print_date((int64_t)value->i, out); break;
    case PS_TYPE_TIME: ps_print_time((int64_t)value->i, (ps_unit)type.unit, out); break;
    case PS_TYPE_TIME_TZ: ps_print_timetz((int64_t)value->i, out); break;
    case PS_TYPE_TIMESTAMP: ps_print_timestamp((int64_t)value->i, (ps_unit)type.unit, out); break;
    case PS_TYPE_TIMESTAMP_TZ: /* shown in UTC; a session's zone is a cast of its own */
        ps_print_timestamp((int64_t)value->i, (ps_unit)type.unit, out);
        if (value->i != INT64_MAX && value->i != -INT64_MAX) ps_text_puts(out, "+00");
        break;
    case PS_TYPE_DURATION: ps_print_time((int64_t)value->i, (ps_unit)type.unit, out); break;
    case PS_TYPE_INTERVAL: ps_print_interval(value->interval, out); break;
    case PS_TYPE_STRING: ps_text_str(out, value->str); break;
    case PS_TYPE_BINARY:
    case PS_TYPE_FIXED_BINARY: ps_print_blob(value->str, out); break;
    case PS_TYPE_UUID: ps_print_uuid(value->i, out); break;
    case PS_TYPE_ENUM:
        if (type.ext && value->i >= 0 && value->i < type.ext->n_labels)
            ps_text_str(out, type.ext->labels[value->i]);
        break;
    default: ps_print_i128(value->i, out);
    }
}

static void print_item(const ps_value *value, ps_text *out);

static void print_list(const ps_value *value, const char *open, const char *close, ps_text *out)
{
    ps_text_puts(out, open);
    for (uint32_t i = 0; i < value->n_items; i++) {
        if (i) ps_text_puts(out, ", ");
        print_item(&value->items[i], out);
    }
    ps_text_puts(out, close);
}

static void print_struct(const ps_value *value, ps_type type, ps_text *out)
{
    const ps_field *fields = type.ext->fields;

    if (value->n_items && fields[0].name.n == 0) { /* a row without names */
        print_list(value, "(", ")", out);
        return;
    }
    ps_text_char(out, '{');
    for (uint32_t i = 0; i < value->n_items; i++) {
        ps_text_puts(out, i ? ", '" : "'");
        for (size_t k = 0; k < fields[i].name.n; k++) {
            const char c = fields[i].name.at[k];
            if (c == '\'' || c == '\\') ps_text_char(out, '\\');
            ps_text_char(out, c);
        }
        ps_text_puts(out, "': ");
        print_item(&value->items[i], out);
    }
    ps_text_char(out, '}');
}

static void print_map(const ps_value *value, ps_text *out)
{
    ps_text_char(out, '{');
    for (uint32_t i = 0; i < value->n_items; i++) {
        if (i) ps_text_puts(out, ", ");
        print_item(&value->items[i].items[0], out);
        ps_text_char(out, '=');
        print_item(&value->items[i].items[1], out);
    }
    ps_text_char(out, '}');
}

void ps_value_print(const ps_value *value, ps_text *out)
{
    const ps_type type = ps_type_storage(value->type);

    if (value->null) {
        ps_text_puts(out, "NULL");
        return;
    }
    switch (type.id) {
    case PS_TYPE_LIST:
    case PS_TYPE_ARRAY: print_list(value, "[", "]", out); break;
    case PS_TYPE_STRUCT: print_struct(value, type, out); break;
    case PS_TYPE_MAP: print_map(value, out); break;
    case PS_TYPE_UNION: ps_value_print(&value->items[0], out); break;
    default: print_plain(value, type, out);
    }
}

/* A value inside another one: quoted where its text could be taken for structure. */
static void print_item(const ps_value *value, ps_text *out)
{
    const ps_type type = ps_type_storage(value->type);
    ps_text plain;

    if (value->null || ps_type_class_of(type) == PS_CLASS_NESTED) {
        ps_value_print(value, out);
        return;
    }
    ps_text_init(&plain, out->cx);
    print_plain(value, type, &plain);
    if (plain.status == PS_OK) ps_print_quoted_if_needed((ps_str){plain.at, plain.n}, out);
    else if (out->status == PS_OK) out->status = plain.status;
    ps_text_release(&plain);
}

void ps_vec_print(const ps_vec *vec, uint32_t row, ps_text *out)
{
    ps_arena arena = {0}; /* only nested values need it */
    ps_value value;
    const ps_status st = ps_vec_value(out->cx, &arena, vec, row, &value);

    if (st != PS_OK) out->status = out->status == PS_OK ? st : out->status;
    else if (!value.null) ps_value_print(&value, out);
    ps_arena_release(&arena);
}

/* ---- SQL literals ---- */

static void print_sql_text(ps_str text, ps_text *out)
{
    ps_text_char(out, '\'');
    for (size_t i = 0; i < text.n; i++) {
        if (text.at[i] == '\'') ps_text_char(out, '\'');
        ps_text_char(out, text.at[i]);
    }
    ps_text_char(out, '\'');
}

/* 'text'::TYPE, for what has no literal of its own */
static void print_sql_cast(const ps_value *value, ps_type type, ps_text *out)
{
    ps_text plain;

    ps_text_init(&plain, out->cx);
    print_plain(value, type, &plain);
    print_sql_text((ps_str){plain.at, plain.n}, out);
    ps_text_puts(out, "::");
    ps_type_print(type, out);
    if (plain.status != PS_OK && out->status == PS_OK) out->status = plain.status;
    ps_text_release(&plain);
}

static void print_sql_items(const ps_value *value, ps_type type, ps_text *out)
{
    static const char *const open[] = {"[", "{", "MAP {"}, *const close[] = {"]", "}", "}"};
    const int kind = type.id == PS_TYPE_STRUCT ? 1 : type.id == PS_TYPE_MAP ? 2 : 0;

    ps_text_puts(out, open[kind]);
    for (uint32_t i = 0; i < value->n_items; i++) {
        const ps_value *item = &value->items[i];
        if (i) ps_text_puts(out, ", ");
        if (kind == 1) print_sql_text(type.ext->fields[i].name, out);
        if (kind == 2) ps_value_print_sql(&item->items[0], out);
        if (kind) ps_text_puts(out, ": ");
        ps_value_print_sql(kind == 2 ? &item->items[1] : item, out);
    }
    ps_text_puts(out, close[kind]);
}

void ps_value_print_sql(const ps_value *value, ps_text *out)
{
    const ps_type type = ps_type_storage(value->type);

    if (value->null) {
        ps_text_puts(out, "NULL");
        if (type.id == PS_TYPE_NULL) return;
        ps_text_puts(out, "::");
        ps_type_print(type, out);
        return;
    }
    switch (type.id) {
    case PS_TYPE_BOOL:
    case PS_TYPE_NULL: print_plain(value, type, out); break;
    case PS_TYPE_STRING: print_sql_text(value->str, out); break;
    case PS_TYPE_DECIMAL:
        ps_print_decimal(value->i, type.precision, type.scale, out);
        ps_text_puts(out, "::");
        ps_type_print(type, out);
        break;
    case PS_TYPE_DATE:
    case PS_TYPE_INTERVAL: {
        ps_text plain;
        ps_text_init(&plain, out->cx);
        print_plain(value, type, &plain);
        ps_text_puts(out, type.id == PS_TYPE_DATE ? "DATE " : "INTERVAL ");
        print_sql_text((ps_str){plain.at, plain.n}, out);
        if (plain.status != PS_OK && out->status == PS_OK) out->status = plain.status;
        ps_text_release(&plain);
        break;
    }
    case PS_TYPE_LIST:
    case PS_TYPE_ARRAY:
    case PS_TYPE_STRUCT:
    case PS_TYPE_MAP: print_sql_items(value, type, out); break;
    case PS_TYPE_UNION:
        ps_text_puts(out, "union_value(");
        ps_text_str(out, type.ext->fields[value->tag].name);
        ps_text_puts(out, " := ");
        ps_value_print_sql(&value->items[0], out);
        ps_text_char(out, ')');
        break;
    default:
        if (type.id == PS_TYPE_INT32 && value->i > INT32_MIN) {
            print_plain(value, type, out);
        } else if (ps_type_class_of(type) == PS_CLASS_INTEGER && value->i >= 0) {
            /* a sign would bind looser than the cast: the least value would overflow */
            print_plain(value, type, out);
            ps_text_puts(out, "::");
            ps_type_print(type, out);
        } else {
            print_sql_cast(value, type, out);
        }
    }
}
