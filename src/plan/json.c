/* plan/json.c -- reading JSON. Tests: tests/unit/test_plan_json.c */
#include "plan/json.h"

typedef struct reader {
    ps_ctx *cx;
    ps_arena *arena;
    ps_str text;
    size_t at;
    uint32_t depth;
} reader;

static ps_status bad(reader *r, const char *what)
{
    return ps_fail(r->cx, PS_DATA, "the JSON is damaged at byte %zu: %s", r->at, what);
}

static void skip_blanks(reader *r)
{
    while (r->at < r->text.n) {
        char c = r->text.at[r->at];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return;
        r->at++;
    }
}

static int peek(const reader *r)
{
    return r->at < r->text.n ? (unsigned char)r->text.at[r->at] : -1;
}

static bool take(reader *r, char c)
{
    if (peek(r) != (unsigned char)c) return false;
    r->at++;
    return true;
}

/* ---- strings ---- */

static bool hex4(const reader *r, size_t at, uint32_t *out)
{
    *out = 0;
    if (r->text.n - at < 4) return false;
    for (size_t i = 0; i < 4; i++) {
        char c = r->text.at[at + i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 16;
        if (digit > 15) return false;
        *out = *out * 16 + digit;
    }
    return true;
}

static ps_status read_unicode(reader *r, char *out, size_t *n)
{
    uint32_t code, low;

    if (!hex4(r, r->at, &code)) return bad(r, "\\u needs four hex digits");
    r->at += 4;
    if (code >= 0xd800 && code < 0xdc00) {
        if (r->text.n - r->at < 6 || r->text.at[r->at] != '\\' || r->text.at[r->at + 1] != 'u' ||
            !hex4(r, r->at + 2, &low) || low < 0xdc00 || low > 0xdfff)
            return bad(r, "half of a surrogate pair");
        r->at += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code <= 0xdfff) {
        return bad(r, "half of a surrogate pair");
    }
    *n += ps_utf8_put(out + *n, code);
    return PS_OK;
}

static ps_status read_escape(reader *r, char *out, size_t *n)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int c = peek(r);

    if (c < 0) return bad(r, "an open string");
    r->at++;
    if (c == 'u') return read_unicode(r, out, n);
    const char *found = c ? strchr(from, c) : NULL;
    if (!found) return bad(r, "an unknown escape");
    out[(*n)++] = to[found - from];
    return PS_OK;
}

static ps_status read_string(reader *r, ps_str *out)
{
    size_t end = r->at, n = 0, wrong;

    if (!take(r, '"')) return bad(r, "a string is wanted");
    for (end = r->at; end < r->text.n && r->text.at[end] != '"'; end++)
        if (r->text.at[end] == '\\') end++;
    if (end >= r->text.n) return bad(r, "an open string");
    /* escapes only ever shrink */
    char *bytes = ps_arena_alloc(r->cx, r->arena, end - r->at + 1);
    if (!bytes) return r->cx->error.code;
    while (peek(r) != '"') {
        char c = r->text.at[r->at++];
        if ((unsigned char)c < 0x20) return bad(r, "a control character in a string");
        if (c == '\\') PS_TRY(read_escape(r, bytes, &n));
        else bytes[n++] = c;
    }
    r->at++;
    if (!ps_utf8_valid(bytes, n, &wrong)) return bad(r, "text that is not UTF-8");
    *out = (ps_str){bytes, n};
    return PS_OK;
}

/* ---- values ---- */

static ps_status read_number(reader *r, ps_json *json)
{
    size_t from = r->at, digits;

    (void)take(r, '-');
    digits = r->at;
    while (peek(r) >= '0' && peek(r) <= '9') r->at++;
    if (r->at == digits || (r->text.at[digits] == '0' && r->at > digits + 1))
        return bad(r, "a number is wanted");
    if (take(r, '.')) {
        digits = r->at;
        while (peek(r) >= '0' && peek(r) <= '9') r->at++;
        if (r->at == digits) return bad(r, "digits are wanted");
    }
    if (take(r, 'e') || take(r, 'E')) {
        if (!take(r, '+')) (void)take(r, '-');
        digits = r->at;
        while (peek(r) >= '0' && peek(r) <= '9') r->at++;
        if (r->at == digits) return bad(r, "digits are wanted");
    }
    json->kind = PS_JSON_NUMBER;
    json->text = (ps_str){r->text.at + from, r->at - from};
    return PS_OK;
}

static ps_status read_word(reader *r, ps_json *json)
{
    static const struct {
        const char *word;
        ps_json_kind kind;
        bool on;
    } words[] = {{"null", PS_JSON_NULL, false},
                 {"true", PS_JSON_BOOL, true},
                 {"false", PS_JSON_BOOL, false}};
    const ps_str rest = {r->text.at + r->at, r->text.n - r->at};

    for (size_t i = 0; i < PS_COUNT(words); i++) {
        ps_str word = ps_str_of(words[i].word);
        if (!ps_str_starts(rest, word)) continue;
        json->kind = words[i].kind;
        json->on = words[i].on;
        r->at += word.n;
        return PS_OK;
    }
    return read_number(r, json);
}

static ps_status read_value(reader *r, ps_json *json);

static ps_status read_children(reader *r, ps_json *json, char close)
{
    ps_json **last = &json->child;

    skip_blanks(r);
    if (take(r, close)) return PS_OK;
    for (;;) {
        ps_json *child = PS_ARENA_NEW(r->cx, r->arena, ps_json);
        if (!child) return r->cx->error.code;
        skip_blanks(r);
        if (close == '}') {
            PS_TRY(read_string(r, &child->name));
            for (const ps_json *other = json->child; other; other = other->next)
                if (ps_str_equal(other->name, child->name))
                    return bad(r, "a name twice in one object");
            if (json->n >= 256) return bad(r, "an object of too many members");
            skip_blanks(r);
            if (!take(r, ':')) return bad(r, "a colon is wanted");
        }
        PS_TRY(read_value(r, child));
        *last = child;
        last = &child->next;
        json->n++;
        PS_TRY(ps_poll(r->cx));
        skip_blanks(r);
        if (take(r, close)) return PS_OK;
        if (!take(r, ',')) return bad(r, "a comma or the end of a list is wanted");
    }
}

static ps_status read_value(reader *r, ps_json *json)
{
    ps_status st;

    skip_blanks(r);
    json->at = r->at;
    switch (peek(r)) {
    case '{':
    case '[':
        if (++r->depth > PS_JSON_DEPTH_MAX) return bad(r, "it is nested too deeply");
        json->kind = peek(r) == '{' ? PS_JSON_OBJECT : PS_JSON_ARRAY;
        r->at++;
        st = read_children(r, json, json->kind == PS_JSON_OBJECT ? '}' : ']');
        r->depth--;
        json->text = (ps_str){r->text.at + json->at, r->at - json->at};
        return st;
    case '"': json->kind = PS_JSON_STRING; return read_string(r, &json->text);
    case -1: return bad(r, "it ends too early");
    default: return read_word(r, json);
    }
}

ps_status ps_json_read(ps_ctx *cx, ps_arena *arena, ps_str text, ps_json **out)
{
    reader r = {.cx = cx, .arena = arena, .text = text};

    *out = PS_ARENA_NEW(cx, arena, ps_json);
    if (!*out) return cx->error.code;
    PS_TRY(read_value(&r, *out));
    skip_blanks(&r);
    return r.at == text.n ? PS_OK : bad(&r, "more follows its end");
}

ps_json *ps_json_get(ps_json *object, const char *name)
{
    if (!object || object->kind != PS_JSON_OBJECT) return NULL;
    for (ps_json *child = object->child; child; child = child->next)
        if (ps_str_equal(child->name, ps_str_of(name))) {
            child->used = true;
            return child;
        }
    return NULL;
}

const ps_json *ps_json_unused(const ps_json *object)
{
    for (const ps_json *child = object->child; child; child = child->next)
        if (!child->used) return child;
    return NULL;
}

bool ps_json_int(const ps_json *json, int64_t *out)
{
    bool negative;
    size_t i;

    *out = 0;
    if (!json || json->kind != PS_JSON_NUMBER || json->text.n > 20) return false;
    negative = json->text.at[0] == '-';
    for (i = negative; i < json->text.n; i++) {
        int digit = json->text.at[i] - '0';
        if (digit < 0 || digit > 9) return false;
        if (__builtin_mul_overflow(*out, (int64_t)10, out) ||
            (negative ? __builtin_sub_overflow(*out, (int64_t)digit, out)
                      : __builtin_add_overflow(*out, (int64_t)digit, out)))
            return false;
    }
    return i > (size_t)negative;
}
