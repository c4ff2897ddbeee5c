/* col/arrow_form.c -- Arrow format strings (C Data Interface, "Data type description").
 *
 * Tests: tests/py/test_arrow.py */
#include "col/arrow_form.h"

#include "penstock.h"

typedef struct simple_form {
    char format[4];
    ps_arrow_kind kind;
    ps_layout layout;
    ps_type_id type;
    ps_unit unit;
    int8_t n_buffers, n_children;
} simple_form;

#define SLOTS(format, LAYOUT, TYPE)                                                                \
    {format, PS_ARROW_SLOTS, PS_LAYOUT_##LAYOUT, PS_TYPE_##TYPE, 0, 2, 0}
#define TIMES(format, LAYOUT, TYPE, UNIT)                                                          \
    {format, PS_ARROW_SLOTS, PS_LAYOUT_##LAYOUT, PS_TYPE_##TYPE, PS_UNIT_##UNIT, 2, 0}
#define OTHER(format, KIND, TYPE, n_buffers, n_children)                                           \
    {format, PS_ARROW_##KIND, PS_LAYOUT_NONE, PS_TYPE_##TYPE, 0, n_buffers, n_children}

static const simple_form simple_forms[] = {
    OTHER("n", NULL, NULL, 0, 0),
    OTHER("b", BOOL, BOOL, 2, 0),
    SLOTS("c", I8, INT8),
    SLOTS("s", I16, INT16),
    SLOTS("i", I32, INT32),
    SLOTS("l", I64, INT64),
    SLOTS("C", U8, UINT8),
    SLOTS("S", U16, UINT16),
    SLOTS("I", U32, UINT32),
    SLOTS("L", U64, UINT64),
    SLOTS("e", F16, FLOAT16),
    SLOTS("f", F32, FLOAT32),
    SLOTS("g", F64, FLOAT64),
    SLOTS("tdD", I32, DATE),
    OTHER("tdm", DATE64, DATE, 2, 0),
    TIMES("tts", I32, TIME, S),
    TIMES("ttm", I32, TIME, MS),
    TIMES("ttu", I64, TIME, US),
    TIMES("ttn", I64, TIME, NS),
    TIMES("tDs", I64, DURATION, S),
    TIMES("tDm", I64, DURATION, MS),
    TIMES("tDu", I64, DURATION, US),
    TIMES("tDn", I64, DURATION, NS),
    OTHER("tiM", MONTHS, INTERVAL, 2, 0),
    OTHER("tiD", DAY_TIME, INTERVAL, 2, 0),
    SLOTS("tin", INTERVAL, INTERVAL),
    OTHER("u", BYTES32, STRING, 3, 0),
    OTHER("U", BYTES64, STRING, 3, 0),
    OTHER("vu", VIEWS, STRING, 3, 0),
    OTHER("z", BYTES32, BINARY, 3, 0),
    OTHER("Z", BYTES64, BINARY, 3, 0),
    OTHER("vz", VIEWS, BINARY, 3, 0),
    OTHER("+l", LIST32, LIST, 2, 1),
    OTHER("+L", LIST64, LIST, 2, 1),
    OTHER("+vl", LIST_VIEW32, LIST, 3, 1),
    OTHER("+vL", LIST_VIEW64, LIST, 3, 1),
    OTHER("+s", STRUCT, STRUCT, 1, -1),
    OTHER("+m", MAP, MAP, 2, 1),
    OTHER("+r", RUNS, NULL, 0, 2),
};

bool ps_arrow_metadata_get(const char *metadata, ps_str key, ps_str *out)
{
    int32_t n = 0, lengths[2];

    if (metadata) memcpy(&n, metadata, sizeof n), metadata += sizeof n;
    for (int32_t i = 0; i < n; i++) {
        ps_str parts[2];
        for (int p = 0; p < 2; p++) {
            memcpy(&lengths[p], metadata, sizeof lengths[p]);
            if (lengths[p] < 0) return false;
            parts[p] = (ps_str){metadata + sizeof lengths[p], (size_t)lengths[p]};
            metadata += sizeof lengths[p] + parts[p].n;
        }
        if (!ps_str_equal(parts[0], key)) continue;
        *out = parts[1];
        return true;
    }
    return false;
}

/* A decimal integer of at most 9 digits at *text, which moves past it. */
static bool read_int(const char **text, int32_t *out)
{
    const bool negative = **text == '-';
    const char *at = *text + negative;
    int32_t value = 0, digits = 0;

    for (; *at >= '0' && *at <= '9' && digits < 9; at++, digits++) value = value * 10 + (*at - '0');
    if (digits == 0 || (*at >= '0' && *at <= '9')) return false;
    *text = at;
    *out = negative ? -value : value;
    return true;
}

static ps_status bad_format(ps_ctx *cx, const char *format)
{
    return ps_fail(cx, PS_DATA, "an Arrow format string is not valid: '%.100s'", format);
}

static ps_status read_decimal(ps_ctx *cx, const char *format, ps_arrow_form *out)
{
    const char *at = format + 2;
    int32_t precision, scale, bits = 128;

    if (!read_int(&at, &precision) || *at++ != ',' || !read_int(&at, &scale) ||
        (*at == ',' && (at++, !read_int(&at, &bits))) || *at)
        return bad_format(cx, format);
    if (bits != 32 && bits != 64 && bits != 128 && bits != 256) return bad_format(cx, format);
    if (precision < 1 || precision > 38 || scale < 0 || scale > precision)
        return ps_fail(cx, PS_UNSUPPORTED,
                       "decimals have a precision of 1 to 38 and a scale from 0 to it: not '%s'",
                       format);
    out->type = ps_type_decimal(precision, scale);
    out->kind = bits == 256 ? PS_ARROW_DECIMAL256 : PS_ARROW_SLOTS;
    out->layout = bits == 32 ? PS_LAYOUT_I32 : bits == 64 ? PS_LAYOUT_I64 : PS_LAYOUT_I128;
    out->n_buffers = 2;
    return PS_OK;
}

static ps_status read_timestamp(ps_ctx *cx, const char *format, ps_arrow_form *out)
{
    static const char units[] = "smun";
    const char *unit = format[2] ? strchr(units, format[2]) : NULL;

    if (!unit || format[3] != ':') return bad_format(cx, format);
    out->zone = ps_str_of(format + 4);
    if (!ps_utf8_valid(out->zone.at, out->zone.n, NULL)) return bad_format(cx, "a time zone");
    out->type = ps_type_in_unit(out->zone.n ? PS_TYPE_TIMESTAMP_TZ : PS_TYPE_TIMESTAMP,
                                (ps_unit)(unit - units));
    out->kind = PS_ARROW_SLOTS;
    out->layout = PS_LAYOUT_I64;
    out->n_buffers = 2;
    return PS_OK;
}

static ps_status read_union(ps_ctx *cx, const char *format, ps_arrow_form *out)
{
    const char *at = format + 4;

    out->kind = format[2] == 'd' ? PS_ARROW_UNION_DENSE : PS_ARROW_UNION_SPARSE;
    out->type = PS_TYPE(UNION);
    out->n_buffers = format[2] == 'd' ? 2 : 1;
    out->n_children = -1;
    while (*at) {
        int32_t tag;
        if (out->n_tags == PS_COUNT(out->tags) || !read_int(&at, &tag) || tag < 0 || tag > 127)
            return bad_format(cx, format);
        for (int i = 0; i < out->n_tags; i++)
            if (out->tags[i] == tag) return bad_format(cx, format);
        out->tags[out->n_tags++] = (int8_t)tag;
        if (*at == ',' && at[1]) at++;
        else if (*at) return bad_format(cx, format);
    }
    return PS_OK;
}

static ps_status read_width(ps_ctx *cx, const char *format, size_t skip, ps_arrow_form *out)
{
    const char *at = format + skip;

    if (!read_int(&at, &out->type.width) || *at || out->type.width < 0)
        return bad_format(cx, format);
    return PS_OK;
}

ps_status ps_arrow_form_read(ps_ctx *cx, const struct ArrowSchema *schema, ps_arrow_form *out)
{
    const char *format = schema->format;

    memset(out, 0, sizeof *out);
    if (!format) return ps_fail(cx, PS_DATA, "an Arrow schema has no format");
    for (size_t i = 0; i < PS_COUNT(simple_forms); i++) {
        const simple_form *form = &simple_forms[i];
        if (strcmp(format, form->format) != 0) continue;
        *out = (ps_arrow_form){.kind = form->kind,
                               .layout = form->layout,
                               .type = ps_type_in_unit(form->type, form->unit),
                               .n_buffers = form->n_buffers,
                               .n_children = form->n_children};
        return PS_OK;
    }
    if (strncmp(format, "d:", 2) == 0) return read_decimal(cx, format, out);
    if (strncmp(format, "ts", 2) == 0) return read_timestamp(cx, format, out);
    if (strncmp(format, "+ud:", 4) == 0 || strncmp(format, "+us:", 4) == 0)
        return read_union(cx, format, out);
    if (strncmp(format, "w:", 2) == 0) {
        *out = (ps_arrow_form){
            .kind = PS_ARROW_FIXED_BYTES, .type = PS_TYPE(FIXED_BINARY), .n_buffers = 2};
        return read_width(cx, format, 2, out);
    }
    if (strncmp(format, "+w:", 3) == 0) {
        *out = (ps_arrow_form){
            .kind = PS_ARROW_ARRAY, .type = PS_TYPE(ARRAY), .n_buffers = 1, .n_children = 1};
        return read_width(cx, format, 3, out);
    }
    return ps_fail(cx, PS_UNSUPPORTED, "an Arrow format is not known: '%.100s'", format);
}
