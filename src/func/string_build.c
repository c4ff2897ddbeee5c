/* func/string_build.c -- text: functions that make new bytes: concat, replace, padding, encodings.
 *
 * A result is limited to TEXT_MAX bytes, an error beyond, so that repeat() can't take all memory.
 * Tests: tests/unit/test_func_eval.c, the examples in string.toml. */
#include "base/find.h"
#include "func/rows.h"

enum { TEXT_MAX = 1 << 28 };

static ps_status too_long(ps_rows *rows, uint32_t row)
{
    ps_rows_error(rows, row, "a text of more than %d bytes", TEXT_MAX);
    return PS_OK;
}

/* Appends argument `arg` of the row as text. */
static void add_arg(const ps_call *call, uint32_t arg, uint32_t row, ps_text *text)
{
    const ps_vec *vec = &call->args[arg];

    if (vec->layout == PS_LAYOUT_VIEW && vec->type.id == PS_TYPE_STRING) {
        const ps_reader_view in = ps_vec_read(vec);
        ps_text_str(text, ps_view_str((const ps_view *)in.data + ps_reader_at(&in, row)));
    } else {
        ps_vec_print(vec, row, text);
    }
}

/* Joins arguments first.. of each row with the text of argument 0 (first 1) or nothing; nulls are
 * left out. */
static ps_status join_rows(ps_call *call, uint32_t first, bool keep_nulls)
{
    ps_rows rows;
    ps_text text;
    ps_status st;

    PS_TRY(ps_rows_begin(call, PS_LAYOUT_VIEW, &rows));
    ps_text_init(&text, call->cx);
    for (uint32_t k = 0; k < rows.n; k++) {
        const uint32_t row = ps_rows_at(&rows, k);
        bool any = false, null = first && !ps_vec_row_valid(&call->args[0], row);
        PS_GO(ps_rows_poll(&rows, text.n));
        ps_text_clear(&text);
        for (uint32_t i = first; i < call->n_args && !null; i++) {
            if (!ps_vec_row_valid(&call->args[i], row)) {
                null = keep_nulls;
                continue;
            }
            if (any && first) add_arg(call, 0, row, &text);
            add_arg(call, i, row, &text);
            any = true;
        }
        PS_GO(ps_text_status(&text));
        if (null) PS_GO(ps_rows_set_null(&rows, row));
        else if (text.n > TEXT_MAX) PS_GO(too_long(&rows, row));
        else PS_GO(ps_rows_put_copy(&rows, row, text.at ? text.at : "", text.n));
    }
    st = PS_OK;
done:
    ps_text_release(&text);
    return st;
}
static ps_status concat_eval(ps_call *call) { return join_rows(call, 0, false); }
PS_FN(concat, .eval = concat_eval);
static ps_status concat_ws_eval(ps_call *call) { return join_rows(call, 1, false); }
PS_FN(concat_ws, .eval = concat_ws_eval);
static ps_status concat_any_eval(ps_call *call) { return join_rows(call, 0, true); }
PS_FN(concat_any, .eval = concat_any_eval);

/* text || text and blob || blob */
static ps_status concat_two_row(ps_rows *rows, uint32_t row)
{
    const ps_str a = ps_rows_str(rows, 0, row), b = ps_rows_str(rows, 1, row);
    char small[12], *out = small;

    if (a.n + b.n > TEXT_MAX) return too_long(rows, row);
    if (a.n + b.n > sizeof small && !(out = ps_rows_text(rows, a.n + b.n))) return PS_MEMORY;
    memcpy(out, a.at, a.n);
    memcpy(out + a.n, b.at, b.n);
    ps_rows_put(rows, row, out, a.n + b.n);
    return PS_OK;
}
PS_ROW_FN(concat_two, VIEW);

static ps_status repeat_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    const int64_t n = ps_rows_i64(rows, 1, row);

    if (n <= 0 || s.n == 0) return PS_OK;
    if (n > TEXT_MAX || (size_t)n * s.n > TEXT_MAX) return too_long(rows, row);
    char *out = ps_rows_text(rows, (size_t)n * s.n);
    if (!out) return PS_MEMORY;
    for (int64_t i = 0; i < n; i++) memcpy(out + (size_t)i * s.n, s.at, s.n);
    ps_rows_put(rows, row, out, (size_t)n * s.n);
    return PS_OK;
}
PS_ROW_FN(repeat, VIEW);

static ps_status replace_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row), from = ps_rows_str(rows, 1, row),
                 to = ps_rows_str(rows, 2, row);
    const char *end = s.at + s.n, *at = s.at, *hit;
    size_t hits = 0, n = 0;

    if (from.n)
        while ((hit = ps_find(at, (size_t)(end - at), from.at, from.n)) != NULL)
            hits++, at = hit + from.n;
    if (!hits) {
        ((ps_view *)rows->out)[row] = *ps_rows_view(rows, 0, row);
        return PS_OK;
    }
    const size_t bytes = s.n - hits * from.n + hits * to.n;
    if (bytes > TEXT_MAX) return too_long(rows, row);
    char *out = ps_rows_text(rows, bytes);
    if (!out) return PS_MEMORY;
    for (at = s.at; (hit = ps_find(at, (size_t)(end - at), from.at, from.n)) != NULL;
         at = hit + from.n) {
        memcpy(out + n, at, (size_t)(hit - at));
        n += (size_t)(hit - at);
        if (to.n) memcpy(out + n, to.at, to.n);
        n += to.n;
    }
    memcpy(out + n, at, (size_t)(end - at));
    ps_rows_put(rows, row, out, bytes);
    return PS_OK;
}
PS_ROW_FN(replace, VIEW);

static ps_status reverse_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    char *out = ps_rows_text(rows, s.n);
    size_t at = s.n, length;

    if (!out) return PS_MEMORY;
    for (size_t i = 0; i < s.n; i += length) {
        ps_utf8_next(s.at + i, s.n - i, &length);
        at -= length;
        memcpy(out + at, s.at + i, length);
    }
    ps_rows_put(rows, row, out, s.n);
    return PS_OK;
}
PS_ROW_FN(reverse, VIEW);

/* Bytes of the first n code points. */
static size_t first_bytes(ps_str s, size_t n)
{
    size_t i = 0, length;

    for (; i < s.n && n > 0; i += length, n--) ps_utf8_next(s.at + i, s.n - i, &length);
    return i;
}

static ps_status put_padded(ps_rows *rows, uint32_t row, bool front)
{
    const ps_str s = ps_rows_str(rows, 0, row),
                 pad = rows->call->n_args > 2 ? ps_rows_str(rows, 2, row) : PS_STR(" ");
    const int64_t wanted = PS_MAX(ps_rows_i64(rows, 1, row), 0),
                  count = (int64_t)ps_utf8_count(s.at, s.n);

    if (count >= wanted) {
        ps_rows_put(rows, row, s.at, first_bytes(s, (size_t)wanted));
        return PS_OK;
    }
    if (pad.n == 0) {
        ps_rows_error(rows, row, "%s needs a text to pad with", front ? "lpad" : "rpad");
        return PS_OK;
    }
    const size_t missing = (size_t)(wanted - count), pad_count = ps_utf8_count(pad.at, pad.n);
    const size_t tail = first_bytes(pad, missing % pad_count);
    if (missing > TEXT_MAX || missing / pad_count * pad.n + tail + s.n > TEXT_MAX)
        return too_long(rows, row);
    const size_t bytes = missing / pad_count * pad.n + tail + s.n;
    char *out = ps_rows_text(rows, bytes), *at = out;
    if (!out) return PS_MEMORY;
    if (!front) memcpy(at, s.at, s.n), at += s.n;
    for (size_t i = 0; i < missing / pad_count; i++, at += pad.n) memcpy(at, pad.at, pad.n);
    memcpy(at, pad.at, tail), at += tail;
    if (front) memcpy(at, s.at, s.n);
    ps_rows_put(rows, row, out, bytes);
    return PS_OK;
}
static ps_status lpad_row(ps_rows *rows, uint32_t row) { return put_padded(rows, row, true); }
PS_ROW_FN(lpad, VIEW);
static ps_status rpad_row(ps_rows *rows, uint32_t row) { return put_padded(rows, row, false); }
PS_ROW_FN(rpad, VIEW);

/* ---- parts by position ---- */

/* overlay(text, new, from, n): n code points from `from` on give way to new. */
static ps_status overlay_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row), new = ps_rows_str(rows, 1, row);
    const int64_t count = (int64_t)ps_utf8_count(s.at, s.n), from = ps_rows_i64(rows, 2, row),
                  n = rows->call->n_args > 3 ? ps_rows_i64(rows, 3, row)
                                             : (int64_t)ps_utf8_count(new.at, new.n);
    const int64_t first = PS_MIN(PS_MAX(from, 1) - 1, count);
    const int64_t rest = n > count - from + 1 && from > 0 ? count : from - 1 + n;
    const size_t head = first_bytes(s, (size_t)first),
                 tail = first_bytes(s, (size_t)PS_MIN(PS_MAX(rest, 0), count));

    if (head + new.n + (s.n - tail) > TEXT_MAX) return too_long(rows, row);
    char *out = ps_rows_text(rows, head + new.n + (s.n - tail));
    if (!out) return PS_MEMORY;
    memcpy(out, s.at, head);
    memcpy(out + head, new.at, new.n);
    memcpy(out + head + new.n, s.at + tail, s.n - tail);
    ps_rows_put(rows, row, out, head + new.n + (s.n - tail));
    return PS_OK;
}
PS_ROW_FN(overlay, VIEW);

/* text[low:high]: both ends count, from 1, or from the end when negative. */
static ps_status put_slice(ps_rows *rows, uint32_t row, int64_t low, int64_t high)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    const int64_t count = (int64_t)ps_utf8_count(s.at, s.n);

    if (low < 0) low = PS_MAX(low + count + 1, 1);
    if (high < 0) high += count + 1;
    low = PS_MAX(low, 1), high = PS_MIN(high, count);
    if (low > high) return PS_OK;
    const size_t from = first_bytes(s, (size_t)low - 1), to = first_bytes(s, (size_t)high);
    return ps_rows_put_copy(rows, row, s.at + from, to - from);
}
static ps_status text_slice_row(ps_rows *rows, uint32_t row)
{
    return put_slice(rows, row, ps_rows_i64(rows, 1, row), ps_rows_i64(rows, 2, row));
}
PS_ROW_FN(text_slice, VIEW);
static ps_status text_extract_row(ps_rows *rows, uint32_t row)
{
    const int64_t at = ps_rows_i64(rows, 1, row),
                  count = (int64_t)ps_utf8_count(ps_rows_str(rows, 0, row).at,
                                                 ps_rows_str(rows, 0, row).n);

    return at == 0 || at < -count ? PS_OK : put_slice(rows, row, at, at);
}
PS_ROW_FN(text_extract, VIEW);

/* ---- code points ---- */

static ps_status chr_row(ps_rows *rows, uint32_t row)
{
    const int64_t c = ps_rows_i64(rows, 0, row);
    char out[4];

    if (c < 0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        ps_rows_error(rows, row, "no such code point: %lld", (long long)c);
    else ps_rows_put(rows, row, out, ps_utf8_put(out, (uint32_t)c));
    return PS_OK;
}
PS_ROW_FN(chr, VIEW);

/* The code point of `to` for one of `from`; 0: it is dropped; the same when it isn't in from. */
static uint32_t translated(ps_str from, ps_str to, uint32_t c)
{
    size_t j = 0, m;

    for (size_t i = 0, n; i < from.n; i += n) {
        const uint32_t key = ps_utf8_next(from.at + i, from.n - i, &n);
        const uint32_t value = j < to.n ? ps_utf8_next(to.at + j, to.n - j, &m) : 0;
        if (key == c) return value;
        if (j < to.n) j += m;
    }
    return c;
}

static ps_status translate_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row), from = ps_rows_str(rows, 1, row),
                 to = ps_rows_str(rows, 2, row);
    char *out = ps_rows_text(rows, s.n * 4 + 4);
    size_t n = 0, length;

    if (!out) return PS_MEMORY;
    for (size_t i = 0; i < s.n; i += length) {
        const uint32_t c = ps_utf8_next(s.at + i, s.n - i, &length),
                       mapped = translated(from, to, c);
        if (mapped || !c) n += ps_utf8_put(out + n, mapped);
    }
    ps_rows_put(rows, row, out, n);
    return PS_OK;
}
PS_ROW_FN(translate, VIEW);

static ps_status hex_bytes_row(ps_rows *rows, uint32_t row)
{
    static const char digits[] = "0123456789ABCDEF";
    const ps_str s = ps_rows_str(rows, 0, row);
    char *out = ps_rows_text(rows, s.n * 2);

    if (!out) return PS_MEMORY;
    for (size_t i = 0; i < s.n; i++) {
        out[2 * i] = digits[(unsigned char)s.at[i] >> 4];
        out[2 * i + 1] = digits[(unsigned char)s.at[i] & 15];
    }
    ps_rows_put(rows, row, out, s.n * 2);
    return PS_OK;
}
PS_ROW_FN(hex_bytes, VIEW);

static ps_status hex_int_row(ps_rows *rows, uint32_t row)
{
    char room[16], *at = room + sizeof room;
    uint64_t value = (uint64_t)ps_rows_i64(rows, 0, row);

    do *--at = "0123456789ABCDEF"[value & 15];
    while (value >>= 4);
    return ps_rows_put_copy(rows, row, at, (size_t)(room + sizeof room - at));
}
PS_ROW_FN(hex_int, VIEW);

static ps_status unhex_row(ps_rows *rows, uint32_t row)
{
    const ps_str s = ps_rows_str(rows, 0, row);
    char *out = ps_rows_text(rows, s.n / 2 + 1);
    size_t n = 0, i = 0;

    if (!out) return PS_MEMORY;
    if (s.n % 2) { /* an odd first digit is a byte of its own */
        const int low = ps_hex_digit(s.at[i++]);
        if (low < 0) goto done;
        out[n++] = (char)low;
    }
    for (; i < s.n; i += 2) {
        const int high = ps_hex_digit(s.at[i]), low = ps_hex_digit(s.at[i + 1]);
        if (high < 0 || low < 0) goto done;
        out[n++] = (char)(high << 4 | low);
    }
    ps_rows_put(rows, row, out, n);
    return PS_OK;
done:
    ps_rows_error(rows, row, "not a hexadecimal text: '%.*s'", (int)PS_MIN(s.n, (size_t)100), s.at);
    return PS_OK;
}
PS_ROW_FN(unhex, VIEW);

/* The type's name, the same for every row. */
static ps_status typeof_eval(ps_call *call)
{
    ps_text text;
    ps_rows rows;
    ps_status st;

    PS_TRY(ps_rows_begin(call, PS_LAYOUT_VIEW, &rows));
    ps_text_init(&text, call->cx);
    ps_type_print(call->args[0].type, &text);
    PS_GO(ps_text_status(&text));
    PS_GO(ps_rows_put_copy(&rows, 0, text.at, text.n));
    call->out->encoding = PS_ENC_CONSTANT;
    call->out->valid = NULL;
done:
    ps_text_release(&text);
    return st;
}
PS_FN(typeof, .eval = typeof_eval);
