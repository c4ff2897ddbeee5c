/* func/cast.c -- casts: which exist, the way to the kernel, single values.
 *
 * A cast of mode TRY makes null what doesn't fit; else the row is an error. Widening within integer
 * layouts only renames the type. The session's zone is UTC here; other zones are functions.
 * Tests: tests/unit/test_func_cast.c */
#include "func/cast.h"

static bool is_intlike(ps_type t)
{
    const ps_type_class c = ps_type_class_of(t);
    return c == PS_CLASS_BOOL || c == PS_CLASS_INTEGER || c == PS_CLASS_DECIMAL;
}
static bool is_float(ps_type t) { return ps_type_class_of(t) == PS_CLASS_FLOAT; }
static bool is_binary(ps_type t) { return t.id == PS_TYPE_BINARY || t.id == PS_TYPE_FIXED_BINARY; }

bool ps_cast_from_text_exists(ps_type to)
{
    switch (ps_type_class_of(to)) {
    case PS_CLASS_BOOL:
    case PS_CLASS_INTEGER:
    case PS_CLASS_FLOAT:
    case PS_CLASS_DECIMAL:
    case PS_CLASS_BYTES:
    case PS_CLASS_UUID:
    case PS_CLASS_ENUM: return true;
    case PS_CLASS_TEMPORAL: return to.id != PS_TYPE_DURATION;
    default: return false;
    }
}

static bool times_exist(ps_type from, ps_type to)
{
    switch (from.id) {
    case PS_TYPE_DATE: return to.id == PS_TYPE_TIMESTAMP || to.id == PS_TYPE_TIMESTAMP_TZ;
    case PS_TYPE_TIME: return to.id == PS_TYPE_TIME || to.id == PS_TYPE_TIME_TZ;
    case PS_TYPE_TIME_TZ: return to.id == PS_TYPE_TIME;
    case PS_TYPE_TIMESTAMP:
    case PS_TYPE_TIMESTAMP_TZ:
        return to.id == PS_TYPE_DATE || to.id == PS_TYPE_TIME || to.id == PS_TYPE_TIMESTAMP ||
               to.id == PS_TYPE_TIMESTAMP_TZ;
    case PS_TYPE_DURATION: return to.id == PS_TYPE_DURATION || to.id == PS_TYPE_INTERVAL;
    default: return false;
    }
}

bool ps_cast_exists(ps_type from, ps_type to)
{
    if (ps_type_equal(from, to) || from.id == PS_TYPE_NULL || to.id == PS_TYPE_STRING) return true;
    if (from.id == PS_TYPE_STRING) return ps_cast_from_text_exists(to);
    if (is_binary(from)) return is_binary(to);
    if (ps_type_class_of(from) == PS_CLASS_TEMPORAL) return times_exist(from, to);
    return (is_intlike(from) || is_float(from)) && (is_intlike(to) || is_float(to));
}

ps_status ps_cast_misfit(ps_cast *cast, uint32_t row)
{
    ps_call *call = cast->call;
    ps_text value, type;
    ps_status st;

    if (cast->try) return ps_rows_set_null(&cast->rows, row);
    if (!call->errors || !call->errors->report) {
        ps_rows_error(&cast->rows, row, "a value can't be cast");
        return PS_OK;
    }
    ps_text_init(&value, call->cx), ps_text_init(&type, call->cx);
    ps_vec_print(cast->arg, row, &value);
    ps_type_print(cast->to, &type);
    const char *quote = ps_type_class_of(cast->from) == PS_CLASS_BYTES ||
                                ps_type_class_of(cast->from) == PS_CLASS_ENUM
                            ? "'"
                            : "";
    PS_GO(ps_text_status(&value));
    PS_GO(ps_text_status(&type));
    ps_rows_error(&cast->rows, row, "can't cast %s%.200s%s to %s", quote, value.at ? value.at : "",
                  quote, type.at);
done:
    ps_text_release(&value), ps_text_release(&type);
    return st;
}

void ps_cast_retag(ps_cast *cast)
{
    ps_vec *out = cast->call->out;
    const uint32_t n = out->n;

    *out = *cast->arg;
    out->n = n;
    out->type = cast->to;
}

static ps_status cast_null(ps_cast *cast)
{
    ps_vec *out = cast->call->out;

    ps_vec_flat(out, cast->to, ps_type_layout(cast->to), cast->call->buf->data, ps_zero_bits,
                out->n);
    out->encoding = PS_ENC_CONSTANT;
    memset(cast->call->buf->data, 0, 16);
    if (out->layout != PS_LAYOUT_STRUCT && out->layout != PS_LAYOUT_LIST &&
        out->layout != PS_LAYOUT_UNION)
        return PS_OK;
    return ps_fail(cast->call->cx, PS_UNSUPPORTED,
                   "casting NULL to a nested type is not supported yet");
}

/* Text between binary types: the bytes stay, a fixed width is checked. */
static ps_status cast_binary(ps_cast *cast)
{
    if (cast->to.id == PS_TYPE_BINARY) {
        ps_cast_retag(cast);
        return PS_OK;
    }
    PS_TRY(ps_rows_begin(cast->call, PS_LAYOUT_VIEW, &cast->rows));
    for (uint32_t k = 0; k < cast->rows.n; k++) {
        const uint32_t row = ps_rows_at(&cast->rows, k);
        if (!ps_cast_live(cast, row)) continue;
        const ps_view *view = ps_rows_view(&cast->rows, 0, row);
        if (view->n != (uint32_t)cast->to.width) PS_TRY(ps_cast_misfit(cast, row));
        else ((ps_view *)cast->rows.out)[row] = *view;
    }
    return PS_OK;
}

static ps_status dispatch(ps_cast *cast)
{
    const ps_type from = cast->from, to = cast->to;

    if (from.id == PS_TYPE_NULL) return cast_null(cast);
    if (to.id == PS_TYPE_STRING) return ps_cast_to_text(cast);
    if (from.id == PS_TYPE_STRING) return ps_cast_from_text(cast);
    if (is_binary(from)) return cast_binary(cast);
    if (ps_type_class_of(from) == PS_CLASS_TEMPORAL) return ps_cast_times(cast);
    if (to.id == PS_TYPE_BOOL) return ps_cast_to_bool(cast);
    if (is_float(from)) return is_float(to) ? ps_cast_floats(cast) : ps_cast_float_to_ints(cast);
    return is_float(to) ? ps_cast_ints_to_float(cast) : ps_cast_ints(cast);
}

ps_status ps_cast_eval(ps_call *call)
{
    ps_cast cast = {
        .call = call, .arg = &call->args[0], .from = call->args[0].type, .to = call->out->type};

    cast.try = call->expr && call->expr->kind == PS_EXPR_CAST && call->expr->cast == PS_CAST_TRY;
    if (ps_type_equal(cast.from, cast.to)) {
        ps_cast_retag(&cast);
        return PS_OK;
    }
    if (!ps_cast_exists(cast.from, cast.to)) {
        ps_text from, to;
        ps_text_init(&from, call->cx), ps_text_init(&to, call->cx);
        ps_type_print(cast.from, &from), ps_type_print(cast.to, &to);
        ps_fail(call->cx, PS_BIND, "there is no cast from %s to %s", from.at ? from.at : "?",
                to.at ? to.at : "?");
        ps_text_release(&from), ps_text_release(&to);
        return PS_BIND;
    }
    return dispatch(&cast);
}

ps_status ps_cast_value(ps_ctx *cx, ps_arena *arena, const ps_value *from, ps_type to, bool *ok,
                        ps_value *out)
{
    uint64_t error_bits = 0;
    ps_row_errors errors = {.rows = &error_bits, .report = true, .report_row = 0};
    ps_vec arg, result = {.type = to, .n = 1};
    ps_vec_buf buf;
    ps_call call = {.cx = cx,
                    .args = &arg,
                    .n_args = 1,
                    .n = 1,
                    .buf = &buf,
                    .out = &result,
                    .errors = &errors};
    ps_value value;
    ps_status st;

    *ok = false;
    if (ps_type_equal(from->type, to) || from->null) {
        *ok = true;
        *out = *from;
        out->type = to;
        return PS_OK;
    }
    if (!ps_cast_exists(from->type, to)) return PS_OK;
    PS_TRY(ps_vec_buf_init(cx, &buf, 1));
    PS_GO(ps_vec_constant(cx, arena, from, 1, &arg));
    PS_GO(ps_cast_eval(&call));
    if (errors.any) goto done; /* the message is recorded, the status is fine */
    PS_GO(ps_vec_value(cx, arena, &result, 0, &value));
    PS_GO(ps_value_copy(cx, arena, &value, out));
    *ok = true;
done:
    ps_vec_buf_release(&buf);
    return st;
}
