/* func/cast_text.c -- casts between text and everything else.
 *
 * Printing is col/value.h's, except integers, which have a loop of their own; reading is
 * func/parse.h's. Tests: tests/unit/test_func_cast.c */
#include "func/cast.h"
#include "func/parse.h"

/* Digits of value at the end of room; gives the first. */
static char *print_i64(char *end, int64_t value)
{
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do *--end = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0) *--end = '-';
    return end;
}

static ps_status ints_to_text(ps_cast *cast)
{
    ps_ints in;

    PS_TRY(ps_rows_ints(&cast->rows, 0, &in));
    for (uint32_t k = 0; k < cast->rows.n; k++) {
        const uint32_t row = ps_rows_at(&cast->rows, k);
        char room[24], *end = room + sizeof room;
        if (!ps_cast_live(cast, row)) continue;
        const char *text = print_i64(end, ps_ints_at(&in, row));
        PS_TRY(ps_rows_put_copy(&cast->rows, row, text, (size_t)(end - text)));
    }
    return PS_OK;
}

ps_status ps_cast_to_text(ps_cast *cast)
{
    ps_text text;
    ps_status st = PS_OK;

    PS_TRY(ps_rows_begin(cast->call, PS_LAYOUT_VIEW, &cast->rows));
    if (cast->call->out->encoding == PS_ENC_CONSTANT) cast->call->out->valid = cast->arg->valid;
    if (ps_type_class_of(cast->from) == PS_CLASS_INTEGER && ps_rows_fits_i64(cast->arg))
        return ints_to_text(cast);
    ps_text_init(&text, cast->call->cx);
    for (uint32_t k = 0; k < cast->rows.n; k++) {
        const uint32_t row = ps_rows_at(&cast->rows, k);
        if (!ps_cast_live(cast, row)) continue;
        ps_text_clear(&text);
        ps_vec_print(cast->arg, row, &text);
        PS_GO(ps_text_status(&text));
        PS_GO(ps_rows_put_copy(&cast->rows, row, text.at ? text.at : "", text.n));
    }
done:
    ps_text_release(&text);
    return st;
}

/* Integer-like targets: the slot of a text. */
static bool slot_of_text(ps_str s, ps_type to, ps_i128 lo, ps_i128 hi, ps_i128 *out)
{
    int64_t wide = 0;
    int32_t narrow = 0;
    bool on = false, ok;

    switch (to.id) {
    case PS_TYPE_BOOL: ok = ps_parse_bool(s, &on), *out = on; return ok;
    case PS_TYPE_DECIMAL: return ps_parse_decimal(s, to.precision, to.scale, out);
    case PS_TYPE_DATE: ok = ps_parse_date(s, &narrow), *out = narrow; return ok;
    case PS_TYPE_TIME: ok = ps_parse_time(s, (ps_unit)to.unit, &wide), *out = wide; return ok;
    case PS_TYPE_TIME_TZ:
        ok = ps_parse_time_zoned(s, &wide, &narrow);
        wide = (wide - narrow * INT64_C(1000000)) % INT64_C(86400000000); /* of day in UTC */
        if (wide < 0) wide += INT64_C(86400000000);
        *out = (ps_i128)wide * (1 << 24) + narrow + (1 << 23);
        return ok;
    case PS_TYPE_TIMESTAMP:
    case PS_TYPE_TIMESTAMP_TZ:
        ok = ps_parse_timestamp(s, (ps_unit)to.unit, to.id == PS_TYPE_TIMESTAMP_TZ, &wide),
        *out = wide;
        return ok;
    case PS_TYPE_UUID: return ps_parse_uuid(s, out);
    case PS_TYPE_ENUM: return ps_parse_enum(s, to, out);
    default: return ps_parse_int(s, lo, hi, out);
    }
}

static void store_slot(void *out, ps_layout layout, uint32_t row, ps_i128 value)
{
    switch (ps_layout_bytes(layout)) {
    case 1: ((uint8_t *)out)[row] = (uint8_t)value; break;
    case 2: ((uint16_t *)out)[row] = (uint16_t)value; break;
    case 4: ((uint32_t *)out)[row] = (uint32_t)value; break;
    case 8: ((uint64_t *)out)[row] = (uint64_t)value; break;
    default: ((ps_i128 *)out)[row] = value; break;
    }
}

static bool float_of_text(ps_str s, ps_type_id id, void *out, uint32_t row)
{
    double value;

    if (!ps_parse_f64(s, &value)) return false;
    if (id == PS_TYPE_FLOAT64) ((double *)out)[row] = value;
    else if (id == PS_TYPE_FLOAT32) ((float *)out)[row] = (float)value;
    else ((uint16_t *)out)[row] = ps_f16_of((float)value);
    return true;
}

static ps_status blob_of_text(ps_cast *cast, uint32_t row, ps_str s, bool *ok)
{
    size_t n = 0;
    char *room = ps_rows_text(&cast->rows, s.n);

    if (!room) return PS_MEMORY;
    *ok = ps_parse_blob(s, room, &n) &&
          (cast->to.id != PS_TYPE_FIXED_BINARY || n == (size_t)cast->to.width);
    if (*ok) ps_rows_put(&cast->rows, row, room, n);
    return PS_OK;
}

ps_status ps_cast_from_text(ps_cast *cast)
{
    const ps_layout layout = ps_type_layout(cast->to);
    const ps_type_class class = ps_type_class_of(cast->to);
    ps_i128 lo = 0, hi = 0, slot;

    ps_type_range(cast->to, &lo, &hi);
    PS_TRY(ps_rows_begin(cast->call, layout, &cast->rows));
    for (uint32_t k = 0; k < cast->rows.n; k++) {
        const uint32_t row = ps_rows_at(&cast->rows, k);
        bool ok = true;
        if (!ps_cast_live(cast, row)) continue;
        const ps_str s = ps_rows_str(&cast->rows, 0, row);
        if (class == PS_CLASS_FLOAT) ok = float_of_text(s, cast->to.id, cast->rows.out, row);
        else if (cast->to.id == PS_TYPE_INTERVAL)
            ok = ps_parse_interval(s, (ps_interval *)cast->rows.out + row);
        else if (class == PS_CLASS_BYTES) PS_TRY(blob_of_text(cast, row, s, &ok));
        else if ((ok = slot_of_text(s, cast->to, lo, hi, &slot)))
            store_slot(cast->rows.out, layout, row, slot);
        if (!ok) PS_TRY(ps_cast_misfit(cast, row));
    }
    return PS_OK;
}
