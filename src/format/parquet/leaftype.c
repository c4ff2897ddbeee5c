/* format/parquet/leaftype.c -- physical and logical types of a leaf as a type of ours.
 *
 * An annotation that doesn't fit its physical type is ignored, as the format asks: the physical
 * type speaks. INT96 is a timestamp in microseconds, as Spark means it and DuckDB reads it. */
#include "format/parquet/schema.h"

static ps_status leaf_set(ps_pq_node *n, ps_type type, ps_pq_convert convert, ps_layout layout)
{
    n->field.type = type;
    n->convert = (uint8_t)convert;
    n->layout = (uint8_t)layout;
    n->slot_bytes = (uint32_t)ps_layout_bytes(layout);
    return PS_OK;
}

static ps_status decimal_type(ps_ctx *cx, const ps_pq_element *e, ps_pq_node *n)
{
    const ps_type type = ps_type_decimal(e->precision, e->scale);

    if (e->precision < 1 || e->scale < 0 || e->scale > e->precision)
        return ps_fail(cx, PS_DATA, "a decimal of precision %d and scale %d", e->precision,
                       e->scale);
    if (e->precision > 38)
        return ps_fail(cx, PS_UNSUPPORTED, "decimals of more than 38 digits: %d", e->precision);
    if (n->physical == PS_PQ_INT32) return leaf_set(n, type, PS_PQ_TO_SAME, PS_LAYOUT_I32);
    if (n->physical == PS_PQ_INT64) return leaf_set(n, type, PS_PQ_TO_SAME, PS_LAYOUT_I64);
    return leaf_set(n, type, PS_PQ_TO_DECIMAL, ps_type_layout(type));
}

static ps_status int_type(const ps_pq_element *e, ps_pq_node *n)
{
    if (n->physical == PS_PQ_INT64)
        return !e->is_signed && e->bits == 64
                   ? leaf_set(n, PS_TYPE(UINT64), PS_PQ_TO_SAME, PS_LAYOUT_U64)
                   : leaf_set(n, PS_TYPE(INT64), PS_PQ_TO_SAME, PS_LAYOUT_I64);
    switch (e->bits * 2 + e->is_signed) {
    case 16: return leaf_set(n, PS_TYPE(UINT8), PS_PQ_TO_U8, PS_LAYOUT_U8);
    case 17: return leaf_set(n, PS_TYPE(INT8), PS_PQ_TO_I8, PS_LAYOUT_I8);
    case 32: return leaf_set(n, PS_TYPE(UINT16), PS_PQ_TO_U16, PS_LAYOUT_U16);
    case 33: return leaf_set(n, PS_TYPE(INT16), PS_PQ_TO_I16, PS_LAYOUT_I16);
    case 64: return leaf_set(n, PS_TYPE(UINT32), PS_PQ_TO_SAME, PS_LAYOUT_U32);
    default: return leaf_set(n, PS_TYPE(INT32), PS_PQ_TO_SAME, PS_LAYOUT_I32);
    }
}

static ps_status int32_type(ps_ctx *cx, const ps_pq_element *e, ps_pq_node *n)
{
    switch (e->logical) {
    case PS_PQ_DECIMAL: return decimal_type(cx, e, n);
    case PS_PQ_INTEGER: return int_type(e, n);
    case PS_PQ_DATE: return leaf_set(n, PS_TYPE(DATE), PS_PQ_TO_SAME, PS_LAYOUT_I32);
    case PS_PQ_TIME:
        return leaf_set(n, ps_type_in_unit(PS_TYPE_TIME, PS_UNIT_MS), PS_PQ_TO_I64, PS_LAYOUT_I64);
    default: return leaf_set(n, PS_TYPE(INT32), PS_PQ_TO_SAME, PS_LAYOUT_I32);
    }
}

static ps_status int64_type(ps_ctx *cx, const ps_pq_element *e, ps_pq_node *n)
{
    const ps_type_id stamp = e->utc ? PS_TYPE_TIMESTAMP_TZ : PS_TYPE_TIMESTAMP;

    switch (e->logical) {
    case PS_PQ_DECIMAL: return decimal_type(cx, e, n);
    case PS_PQ_INTEGER: return int_type(e, n);
    case PS_PQ_TIME:
        return leaf_set(n, ps_type_in_unit(PS_TYPE_TIME, (ps_unit)e->unit), PS_PQ_TO_SAME,
                        PS_LAYOUT_I64);
    case PS_PQ_TIMESTAMP:
        return leaf_set(n, ps_type_in_unit(stamp, (ps_unit)e->unit), PS_PQ_TO_SAME, PS_LAYOUT_I64);
    default: return leaf_set(n, PS_TYPE(INT64), PS_PQ_TO_SAME, PS_LAYOUT_I64);
    }
}

static ps_status bytes_type(ps_ctx *cx, const ps_pq_element *e, ps_pq_node *n)
{
    switch (e->logical) {
    case PS_PQ_DECIMAL: return decimal_type(cx, e, n);
    case PS_PQ_STRING:
    case PS_PQ_ENUM:
    case PS_PQ_JSON:
        n->utf8 = true;
        return leaf_set(n, PS_TYPE(STRING), PS_PQ_TO_VIEW, PS_LAYOUT_VIEW);
    default: return leaf_set(n, PS_TYPE(BINARY), PS_PQ_TO_VIEW, PS_LAYOUT_VIEW);
    }
}

static ps_status fixed_type(ps_ctx *cx, const ps_pq_element *e, ps_pq_node *n)
{
    ps_type type = PS_TYPE(FIXED_BINARY);

    if (e->length <= 0 || e->length > 1 << 24)
        return ps_fail(cx, PS_DATA, "values of a fixed length of %d bytes", e->length);
    n->width = (uint32_t)e->length;
    type.width = e->length;
    if (e->logical == PS_PQ_DECIMAL) return decimal_type(cx, e, n);
    if (e->logical == PS_PQ_UUID && e->length == 16)
        return leaf_set(n, PS_TYPE(UUID), PS_PQ_TO_UUID, PS_LAYOUT_I128);
    if (e->logical == PS_PQ_FLOAT16 && e->length == 2)
        return leaf_set(n, PS_TYPE(FLOAT16), PS_PQ_TO_SAME, PS_LAYOUT_F16);
    if (e->logical == PS_PQ_INTERVAL && e->length == 12)
        return leaf_set(n, PS_TYPE(INTERVAL), PS_PQ_TO_INTERVAL, PS_LAYOUT_INTERVAL);
    return leaf_set(n, type, PS_PQ_TO_VIEW, PS_LAYOUT_VIEW);
}

ps_status ps_pq_leaf_type(ps_ctx *cx, const ps_pq_element *e, ps_pq_node *n)
{
    static const uint8_t widths[] = {1, 4, 8, 12, 4, 8, 0, 0};

    if (e->physical < 0 || e->physical > PS_PQ_FIXED)
        return ps_fail(cx, PS_DATA, "physical type %d", e->physical);
    n->physical = (uint8_t)e->physical;
    n->width = widths[e->physical];
    if (e->logical == PS_PQ_UNKNOWN && e->repetition == 1)
        return leaf_set(n, PS_TYPE(NULL), PS_PQ_TO_SAME, PS_LAYOUT_NONE);
    switch (e->physical) {
    case PS_PQ_BOOLEAN: return leaf_set(n, PS_TYPE(BOOL), PS_PQ_TO_SAME, PS_LAYOUT_BOOL);
    case PS_PQ_INT32: return int32_type(cx, e, n);
    case PS_PQ_INT64: return int64_type(cx, e, n);
    case PS_PQ_INT96: return leaf_set(n, PS_TYPE_SQL_TIMESTAMP, PS_PQ_TO_TIMESTAMP, PS_LAYOUT_I64);
    case PS_PQ_FLOAT: return leaf_set(n, PS_TYPE(FLOAT32), PS_PQ_TO_SAME, PS_LAYOUT_F32);
    case PS_PQ_DOUBLE: return leaf_set(n, PS_TYPE(FLOAT64), PS_PQ_TO_SAME, PS_LAYOUT_F64);
    case PS_PQ_BYTE_ARRAY: return bytes_type(cx, e, n);
    default: return fixed_type(cx, e, n);
    }
}
