/* format/csv/convert.c -- fields to values: common forms here, the rest by the parsers of casts.
 *
 * Numbers are stricter than casts: a whole number is a sign and digits, so that 5.5 isn't rounded.
 */
#include "col/slots.h"
#include "col/value.h"
#include "format/csv/source.h"
#include "func/parse.h"

bool ps_csv_field(ps_ctx *cx, ps_arena *arena, ps_csv_dialect d, const char *at, size_t n,
                  ps_str *out, bool *quoted)
{
    *quoted = n && d.quote && at[0] == d.quote;
    *out = (ps_str){at, n};
    if (!*quoted) return true;
    if (n < 2) return false;
    const char *const end = at + n;
    const bool special =
        memchr(at + 1, d.quote, n - 2) || (d.escape != d.quote && memchr(at + 1, d.escape, n - 2));
    if (!special) {
        *out = (ps_str){at + 1, n - 2};
        return end[-1] == d.quote;
    }
    char *const room = ps_arena_alloc_raw(cx, arena, n, 1);
    char *to = room;
    if (!room) return false;
    for (at++; at < end; at++) {
        if ((*at == d.escape && d.escape != d.quote && at + 1 < end) ||
            (*at == d.quote && at + 1 < end && at[1] == d.quote))
            *to++ = *++at;
        else if (*at == d.quote) break;
        else *to++ = *at;
    }
    *out = (ps_str){room, (size_t)(to - room)};
    return at == end - 1;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool whole(ps_str s, ps_type type, ps_i128 *out)
{
    ps_i128 lo = 0, hi = 0;
    size_t i;

    s = ps_parse_trim(s);
    i = s.n && (s.at[0] == '-' || s.at[0] == '+');
    if (i == s.n) return false;
    for (size_t k = i; k < s.n; k++)
        if (!is_digit(s.at[k])) return false;
    return ps_type_range(type, &lo, &hi) && ps_parse_int(s, lo, hi, out);
}

static bool date(ps_str s, int32_t *out)
{
    if (s.n == 10 && s.at[4] == '-' && s.at[7] == '-') {
        int v[8];
        bool digits = true;
        for (int i = 0, k = 0; i < 10; i++) {
            if (i == 4 || i == 7) continue;
            digits &= is_digit(s.at[i]);
            v[k++] = s.at[i] - '0';
        }
        const int64_t year = v[0] * 1000 + v[1] * 100 + v[2] * 10 + v[3];
        const int32_t month = v[4] * 10 + v[5], day = v[6] * 10 + v[7];
        if (digits && month >= 1 && month <= 12 && day >= 1 &&
            (day <= 28 || day <= ps_days_in_month(year, month))) {
            *out = (int32_t)ps_days_of_civil(year, month, day);
            return true;
        }
    }
    /* casts drop a time of day: a field that has one is no date */
    return !memchr(s.at, ':', s.n) && ps_parse_date(s, out);
}

/* Up to 15 digits and a small power of ten are exact as doubles, so one division rounds once
 * (Clinger, "How to read floating point numbers accurately", 1990). */
static bool f64(ps_str s, double *out)
{
    static const double power[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const bool negative = s.n && s.at[0] == '-';
    uint64_t digits = 0;
    size_t point = s.n, i = negative, n = 0;

    if (s.n <= 16) {
        for (; i < s.n; i++) {
            if (is_digit(s.at[i])) digits = digits * 10 + (uint64_t)(s.at[i] - '0'), n++;
            else if (s.at[i] == '.' && point == s.n) point = i;
            else break;
        }
        if (i == s.n && n && n <= 15) {
            const double value = (double)digits / power[point < s.n ? s.n - point - 1 : 0];
            *out = negative ? -value : value;
            return true;
        }
    }
    return !memchr(s.at, '_', s.n) && ps_parse_f64(s, out);
}

static bool boolean(ps_str s, bool *out)
{
    s = ps_parse_trim(s);
    *out = ps_str_equal_nocase(s, PS_STR("true"));
    return *out || ps_str_equal_nocase(s, PS_STR("false"));
}

static bool slot(ps_str text, ps_type type, ps_i128 *out)
{
    int64_t units;
    int32_t days;
    bool yes;

    switch (type.id) {
    case PS_TYPE_BOOL: return boolean(text, &yes) && (*out = yes, true);
    case PS_TYPE_DATE: return date(text, &days) && (*out = days, true);
    case PS_TYPE_TIME:
        return ps_parse_time(text, (ps_unit)type.unit, &units) && (*out = units, true);
    case PS_TYPE_TIMESTAMP:
    case PS_TYPE_TIMESTAMP_TZ:
        return ps_parse_timestamp(text, (ps_unit)type.unit, type.id == PS_TYPE_TIMESTAMP_TZ,
                                  &units) &&
               (*out = units, true);
    case PS_TYPE_DECIMAL:
        return text.n && !memchr(text.at, '_', text.n) &&
               ps_parse_decimal(text, type.precision, type.scale, out);
    case PS_TYPE_UUID: return ps_parse_uuid(text, out);
    default: return whole(text, type, out);
    }
}

bool ps_csv_convert(ps_str text, ps_type type, ps_layout layout, void *data, size_t i)
{
    double real;
    ps_i128 value;

    if (layout == PS_LAYOUT_F64) return f64(text, &((double *)data)[i]);
    if (layout == PS_LAYOUT_F32) {
        if (!f64(text, &real)) return false;
        ((float *)data)[i] = (float)real;
        return true;
    }
    if (!slot(text, type, &value)) return false;
    ps_slot_put(layout, data, i, value);
    return true;
}

ps_status ps_csv_line_of(ps_ctx *cx, const ps_file *file, uint64_t offset, uint64_t *line)
{
    enum { STEP = 1 << 16 };
    char *const room = ps_alloc(cx, STEP);
    char last = 0;
    ps_status st = PS_OK;

    *line = 1;
    if (!room) return PS_MEMORY;
    for (uint64_t at = 0; at < offset && st == PS_OK; at += STEP) {
        const size_t n = (size_t)PS_MIN(offset - at, (uint64_t)STEP);
        st = ps_poll(cx);
        if (st == PS_OK) st = ps_file_read(cx, file, at, room, n);
        for (size_t i = 0; i < n && st == PS_OK; i++) {
            *line += room[i] == '\r' || (room[i] == '\n' && last != '\r');
            last = room[i];
        }
    }
    ps_free(room);
    return st;
}
