/* format/csv/options.c -- names and values of options to a checked struct, type names to types. */
#include "format/csv/options.h"

#include "bind/near.h"
#include "col/value.h"

#include <stdio.h>

typedef enum option_id {
    DELIM,
    QUOTE,
    ESCAPE,
    HEADER,
    NULLSTR,
    FORCE_QUOTE,
    SKIP,
    SAMPLE_SIZE,
    ALL_VARCHAR,
    IGNORE_ERRORS,
    NULL_PADDING,
    MAX_LINE_SIZE,
    BUFFER_SIZE,
    NAMES,
    TYPES,
    COLUMNS
} option_id;

enum { READS = 1, WRITES = 2, BOTH = 3 };

static const struct option_name {
    const char *name;
    option_id id;
    int use;
} NAMES_KNOWN[] = {
    {"delim", DELIM, BOTH},
    {"delimiter", DELIM, BOTH},
    {"sep", DELIM, BOTH},
    {"quote", QUOTE, BOTH},
    {"escape", ESCAPE, BOTH},
    {"header", HEADER, BOTH},
    {"null", NULLSTR, BOTH},
    {"nullstr", NULLSTR, BOTH},
    {"force_quote", FORCE_QUOTE, WRITES},
    {"skip", SKIP, READS},
    {"sample_size", SAMPLE_SIZE, READS},
    {"all_varchar", ALL_VARCHAR, READS},
    {"ignore_errors", IGNORE_ERRORS, READS},
    {"null_padding", NULL_PADDING, READS},
    {"max_line_size", MAX_LINE_SIZE, READS},
    {"buffer_size", BUFFER_SIZE, READS},
    {"names", NAMES, READS},
    {"column_names", NAMES, READS},
    {"types", TYPES, READS},
    {"dtypes", TYPES, READS},
    {"column_types", TYPES, READS},
    {"columns", COLUMNS, READS},
};

static ps_status byte_value(ps_ctx *cx, const ps_option *o, bool may_be_empty, char *out)
{
    const ps_value *v = &o->value;

    if (v->null || v->type.id != PS_TYPE_STRING || v->str.n > 2 || (!v->str.n && !may_be_empty) ||
        (v->str.n == 2 && memcmp(v->str.at, "\\t", 2) != 0) ||
        (v->str.n == 1 && ((v->str.at[0] & 0x80) || v->str.at[0] == '\n' || v->str.at[0] == '\r' ||
                           v->str.at[0] == 0)))
        return ps_fail(cx, PS_BIND, "this option of CSV is one ASCII character: %.*s",
                       PS_STR_ARGS(o->name));
    *out = v->str.n == 2 ? '\t' : v->str.n ? v->str.at[0] : 0;
    return PS_OK;
}

static ps_status text_value(ps_ctx *cx, const ps_option *o, ps_str *out)
{
    if (o->value.null || o->value.type.id != PS_TYPE_STRING)
        return ps_fail(cx, PS_BIND, "this option of CSV is a text: %.*s", PS_STR_ARGS(o->name));
    *out = o->value.str;
    return PS_OK;
}

static ps_status bool_value(ps_ctx *cx, const ps_option *o, bool *out)
{
    const ps_value *v = &o->value;
    const bool text = !v->null && v->type.id == PS_TYPE_STRING;

    if (!v->null && (v->type.id == PS_TYPE_BOOL ||
                     (ps_type_class_of(v->type) == PS_CLASS_INTEGER && (v->i == 0 || v->i == 1))))
        *out = v->i != 0;
    else if (text && ps_str_equal_nocase(v->str, PS_STR("true"))) *out = true;
    else if (text && ps_str_equal_nocase(v->str, PS_STR("false"))) *out = false;
    else
        return ps_fail(cx, PS_BIND, "this option of CSV is true or false: %.*s",
                       PS_STR_ARGS(o->name));
    return PS_OK;
}

/* A number in [lo, hi]; -1 stands for hi. */
static ps_status number_value(ps_ctx *cx, const ps_option *o, int64_t lo, int64_t hi, uint64_t *out)
{
    const ps_value *v = &o->value;
    const bool whole = !v->null && ps_type_class_of(v->type) == PS_CLASS_INTEGER;

    if (whole && v->i == -1) *out = (uint64_t)hi;
    else if (whole && v->i >= lo && v->i <= hi) *out = (uint64_t)v->i;
    else
        return ps_fail(cx, PS_INVALID, "%.*s of CSV is a whole number between %lld and %lld",
                       PS_STR_ARGS(o->name), (long long)lo, (long long)hi);
    return PS_OK;
}

static ps_status texts_value(ps_ctx *cx, const ps_option *o, ps_type_id id, const ps_value **out)
{
    const ps_value *v = &o->value;
    bool fits = !v->null && v->type.id == id && v->n_items;

    for (uint32_t i = 0; fits && i < v->n_items; i++)
        fits = !v->items[i].null && v->items[i].type.id == PS_TYPE_STRING;
    if (!fits)
        return ps_fail(cx, PS_BIND, "%.*s of CSV is a %s of text", PS_STR_ARGS(o->name),
                       id == PS_TYPE_LIST ? "list" : "struct");
    *out = v;
    return PS_OK;
}

static ps_status option_set(ps_ctx *cx, option_id id, const ps_option *o, ps_csv_options *out)
{
    switch (id) {
    case DELIM: out->has_delim = true; return byte_value(cx, o, false, &out->delim);
    case QUOTE: out->has_quote = true; return byte_value(cx, o, true, &out->quote);
    case ESCAPE: out->has_escape = true; return byte_value(cx, o, true, &out->escape);
    case HEADER: out->has_header = true; return bool_value(cx, o, &out->header);
    case NULLSTR: return text_value(cx, o, &out->null);
    case FORCE_QUOTE: out->has_force = true; return text_value(cx, o, &out->force_quote);
    case SKIP: return number_value(cx, o, 0, INT64_MAX, &out->skip);
    case SAMPLE_SIZE: return number_value(cx, o, 1, INT64_MAX, &out->sample);
    case ALL_VARCHAR: return bool_value(cx, o, &out->all_varchar);
    case IGNORE_ERRORS: return bool_value(cx, o, &out->ignore_errors);
    case NULL_PADDING: return bool_value(cx, o, &out->null_padding);
    case MAX_LINE_SIZE: return number_value(cx, o, 1, 1 << 30, &out->line_bytes_max);
    case BUFFER_SIZE: return number_value(cx, o, 1, 1 << 28, &out->chunk_bytes);
    case NAMES: return texts_value(cx, o, PS_TYPE_LIST, &out->names);
    case TYPES:
        return texts_value(
            cx, o, o->value.type.id == PS_TYPE_STRUCT ? PS_TYPE_STRUCT : PS_TYPE_LIST, &out->types);
    case COLUMNS: return texts_value(cx, o, PS_TYPE_STRUCT, &out->columns);
    }
    return PS_OK;
}

static ps_status option_unknown(ps_ctx *cx, const ps_option *o, int use)
{
    ps_near near = ps_near_of(o->name);

    for (size_t i = 0; i < PS_COUNT(NAMES_KNOWN); i++)
        if (NAMES_KNOWN[i].use & use) ps_near_add(&near, ps_str_of(NAMES_KNOWN[i].name));
    ps_fail(cx, PS_BIND, "%s CSV has no option of this name: %.*s",
            use == WRITES ? "writing" : "reading", PS_STR_ARGS(o->name));
    ps_near_hint(cx, &near);
    return PS_BIND;
}

ps_status ps_csv_options_read(ps_ctx *cx, const ps_options *options, bool writing,
                              ps_csv_options *out)
{
    const int use = writing ? WRITES : READS;

    for (uint32_t i = 0; options && i < options->n; i++) {
        const ps_option *o = &options->at[i];
        const struct option_name *known = NULL;
        for (size_t k = 0; !known && k < PS_COUNT(NAMES_KNOWN); k++)
            if ((NAMES_KNOWN[k].use & use) &&
                ps_str_equal_nocase(ps_str_of(NAMES_KNOWN[k].name), o->name))
                known = &NAMES_KNOWN[k];
        PS_TRY(known ? option_set(cx, known->id, o, out) : option_unknown(cx, o, use));
    }
    if (!out->has_escape) out->escape = out->quote;
    if (out->has_delim && (out->delim == out->quote || out->delim == out->escape))
        return ps_fail(cx, PS_BIND, "delimiter and quote (or escape) of CSV are the same: %c",
                       out->delim);
    return PS_OK;
}

/* ---- types ---- */

static bool decimal_of_name(ps_str name, ps_type *out)
{
    char room[32];
    unsigned precision, scale;
    int end = 0;

    if (name.n >= sizeof room) return false;
    memcpy(room, name.at, name.n);
    room[name.n] = 0;
    if (!ps_str_equal_nocase((ps_str){room, PS_MIN(name.n, 7u)}, PS_STR("DECIMAL")) ||
        sscanf(room + 7, " ( %2u , %2u ) %n", &precision, &scale, &end) != 2 || !end ||
        room[7 + end] || precision < 1 || precision > 38 || scale > precision)
        return false;
    *out = ps_type_decimal((int)precision, (int)scale);
    return true;
}

ps_status ps_csv_type_of_name(ps_ctx *cx, ps_str name, ps_type *out)
{
    static const struct {
        const char *name;
        ps_type_id id;
    } known[] = {
        {"BOOLEAN", PS_TYPE_BOOL},       {"BOOL", PS_TYPE_BOOL},
        {"TINYINT", PS_TYPE_INT8},       {"SMALLINT", PS_TYPE_INT16},
        {"INTEGER", PS_TYPE_INT32},      {"INT", PS_TYPE_INT32},
        {"BIGINT", PS_TYPE_INT64},       {"HUGEINT", PS_TYPE_INT128},
        {"UTINYINT", PS_TYPE_UINT8},     {"USMALLINT", PS_TYPE_UINT16},
        {"UINTEGER", PS_TYPE_UINT32},    {"UBIGINT", PS_TYPE_UINT64},
        {"FLOAT", PS_TYPE_FLOAT32},      {"REAL", PS_TYPE_FLOAT32},
        {"DOUBLE", PS_TYPE_FLOAT64},     {"DATE", PS_TYPE_DATE},
        {"TIME", PS_TYPE_TIME},          {"TIMESTAMP", PS_TYPE_TIMESTAMP},
        {"DATETIME", PS_TYPE_TIMESTAMP}, {"TIMESTAMPTZ", PS_TYPE_TIMESTAMP_TZ},
        {"VARCHAR", PS_TYPE_STRING},     {"TEXT", PS_TYPE_STRING},
        {"STRING", PS_TYPE_STRING},      {"UUID", PS_TYPE_UUID},
    };
    ps_near near = ps_near_of(name);

    for (size_t i = 0; i < PS_COUNT(known); i++) {
        ps_near_add(&near, ps_str_of(known[i].name));
        if (!ps_str_equal_nocase(ps_str_of(known[i].name), name)) continue;
        *out = (ps_type){.id = (uint8_t)known[i].id};
        if (known[i].id == PS_TYPE_TIME || known[i].id == PS_TYPE_TIMESTAMP ||
            known[i].id == PS_TYPE_TIMESTAMP_TZ)
            out->unit = PS_UNIT_US;
        return PS_OK;
    }
    if (decimal_of_name(name, out)) return PS_OK;
    if (ps_str_equal_nocase(name, PS_STR("DECIMAL"))) return *out = ps_type_decimal(18, 3), PS_OK;
    ps_fail(cx, PS_BIND, "CSV can't be read as this type: %.*s", PS_STR_ARGS(name));
    ps_near_hint(cx, &near);
    return PS_BIND;
}
