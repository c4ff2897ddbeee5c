/* col/type_print.c -- types and schemas as SQL text, the names DuckDB's users expect. */
#include "col/type.h"

static const char *const names[PS_TYPE_COUNT] = {
#define T(ID, name, layout, class) name,
#include "col/types.def"
#undef T
};

static bool is_plain(ps_str name)
{
    if (name.n == 0 || (name.at[0] >= '0' && name.at[0] <= '9')) return false;
    for (size_t i = 0; i < name.n; i++) {
        const char c = name.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_'))
            return false;
    }
    return true;
}

/* text in quotes, each quote within doubled */
static void print_quoted(ps_str text, char quote, ps_text *out)
{
    ps_text_char(out, quote);
    for (size_t i = 0; i < text.n; i++) {
        if (text.at[i] == quote) ps_text_char(out, quote);
        ps_text_char(out, text.at[i]);
    }
    ps_text_char(out, quote);
}

static void print_name(ps_str name, ps_text *out)
{
    if (is_plain(name)) ps_text_str(out, name);
    else print_quoted(name, '"', out);
}

static void print_members(const ps_type_ext *ext, ps_text *out)
{
    ps_text_char(out, '(');
    for (uint32_t i = 0; i < ext->n_fields; i++) {
        if (i) ps_text_puts(out, ", ");
        print_name(ext->fields[i].name, out);
        ps_text_char(out, ' ');
        ps_type_print(ext->fields[i].type, out);
    }
    ps_text_char(out, ')');
}

/* "TIMESTAMP", "TIMESTAMP_NS": microseconds are what SQL means without a suffix. */
static void print_in_unit(const char *name, uint8_t unit, ps_text *out)
{
    static const char *const suffixes[] = {"_S", "_MS", "", "_NS"};
    ps_text_puts(out, name);
    ps_text_puts(out, suffixes[unit & 3]);
}

void ps_type_print(ps_type type, ps_text *out)
{
    const ps_type_ext *ext = type.ext;

    switch (type.id) {
    case PS_TYPE_DECIMAL: ps_text_printf(out, "DECIMAL(%d,%d)", type.precision, type.scale); break;
    case PS_TYPE_TIME:
    case PS_TYPE_TIMESTAMP:
    case PS_TYPE_DURATION: print_in_unit(names[type.id], type.unit, out); break;
    case PS_TYPE_TIMESTAMP_TZ:
        print_in_unit("TIMESTAMP", type.unit, out);
        ps_text_puts(out, " WITH TIME ZONE");
        break;
    case PS_TYPE_TIME_TZ: ps_text_puts(out, "TIME WITH TIME ZONE"); break;
    case PS_TYPE_FIXED_BINARY: ps_text_printf(out, "%s(%d)", names[type.id], type.width); break;
    case PS_TYPE_LIST:
        ps_type_print(ext->fields[0].type, out);
        ps_text_puts(out, "[]");
        break;
    case PS_TYPE_ARRAY:
        ps_type_print(ext->fields[0].type, out);
        ps_text_printf(out, "[%d]", type.width);
        break;
    case PS_TYPE_MAP:
        ps_text_puts(out, "MAP(");
        ps_type_print(ext->fields[0].type, out);
        ps_text_puts(out, ", ");
        ps_type_print(ext->fields[1].type, out);
        ps_text_char(out, ')');
        break;
    case PS_TYPE_STRUCT:
    case PS_TYPE_UNION:
        ps_text_puts(out, names[type.id]);
        print_members(ext, out);
        break;
    case PS_TYPE_ENUM:
        ps_text_puts(out, "ENUM(");
        for (uint32_t i = 0; ext && i < ext->n_labels; i++) {
            if (i) ps_text_puts(out, ", ");
            print_quoted(ext->labels[i], '\'', out);
        }
        ps_text_char(out, ')');
        break;
    case PS_TYPE_EXTENSION:
        ps_text_puts(out, "EXTENSION(");
        print_quoted(ext->name, '\'', out);
        ps_text_puts(out, ", ");
        ps_type_print(ext->fields[0].type, out);
        ps_text_char(out, ')');
        break;
    default: ps_text_puts(out, names[type.id]);
    }
}

void ps_schema_print(const ps_schema *schema, ps_text *out)
{
    for (uint32_t i = 0; i < schema->n; i++) {
        if (i) ps_text_puts(out, ", ");
        print_name(schema->fields[i].name, out);
        ps_text_puts(out, ": ");
        ps_type_print(schema->fields[i].type, out);
        if (!schema->fields[i].nullable) ps_text_puts(out, " NOT NULL");
    }
}
