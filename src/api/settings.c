/* api/settings.c -- see settings.h. One table from settings.def: names, kinds, where the value
 * lives. */
#include "api/settings.h"

#include "api/diagnostics.h"

#include "col/vec.h"
#include "fs/cipher.h"
#include "fs/sys.h"

#include <stdlib.h>

typedef enum setting_kind {
    KIND_BYTES,
    KIND_COUNT,
    KIND_FLAG,
    KIND_TEXT,
    KIND_MILLISECONDS
} setting_kind;

typedef struct setting {
    const char *name;
    setting_kind kind;
    size_t offset, bytes;
    const char *initial, *doc;
} setting;

static const setting SETTINGS[] = {
#define S(NAME, KIND, field, initial, doc)                                                         \
    {NAME,    KIND_##KIND, offsetof(ps_settings, field), sizeof(((ps_settings *)0)->field),        \
     initial, doc},
#include "api/settings.def"
#undef S
};

bool ps_settings_at(uint32_t i, const char **name, const char **doc, const char **kind)
{
    static const char *const KINDS[] = {[KIND_BYTES] = "BYTES",
                                        [KIND_COUNT] = "COUNT",
                                        [KIND_FLAG] = "FLAG",
                                        [KIND_TEXT] = "TEXT",
                                        [KIND_MILLISECONDS] = "MILLISECONDS"};

    if (i >= PS_COUNT(SETTINGS)) return false;
    *name = SETTINGS[i].name;
    *doc = SETTINGS[i].doc;
    *kind = KINDS[SETTINGS[i].kind];
    return true;
}

static const setting *setting_find(ps_ctx *cx, ps_str name)
{
    const char *near = NULL;
    uint32_t best = 4;

    for (size_t i = 0; i < PS_COUNT(SETTINGS); i++) {
        const ps_str own = ps_str_of(SETTINGS[i].name);

        if (ps_str_equal_nocase(own, name)) return &SETTINGS[i];
        const uint32_t distance = ps_str_distance(own, name, best);
        if (distance < best) {
            best = distance;
            near = SETTINGS[i].name;
        }
    }
    ps_fail(cx, PS_BIND, "there is no setting of this name: %.*s", PS_STR_ARGS(name));
    if (near) ps_hint(cx, "did you mean %s? SHOW ALL lists them", near);
    else ps_hint(cx, "SHOW ALL lists the settings");
    return NULL;
}

static ps_status bad_value(ps_ctx *cx, const setting *s, ps_str value, const char *want)
{
    return ps_fail(cx, PS_INVALID, "the setting %s takes %s, not: %.*s", s->name, want,
                   PS_STR_ARGS(value));
}

typedef struct suffix {
    const char *text;
    double factor;
} suffix;

static const suffix BYTE_SUFFIXES[] = {
    {"", 1},
    {"b", 1},
    {"kb", 1e3},
    {"mb", 1e6},
    {"gb", 1e9},
    {"tb", 1e12},
    {"k", 1024},
    {"m", 1048576},
    {"g", 1073741824},
    {"kib", 1024},
    {"mib", 1048576},
    {"gib", 1073741824},
    {"tib", 1099511627776},
};
static const suffix TIME_SUFFIXES[] = {{"", 1}, {"ms", 1}, {"s", 1e3}, {"min", 6e4}, {"h", 36e5}};

/* A non-negative number with one of the suffixes, in units of the suffix with factor 1. */
static bool parse_scaled(ps_str value, const suffix *suffixes, size_t n, uint64_t *out)
{
    char text[64];
    char *end;

    if (value.n == 0 || value.n >= sizeof(text)) return false;
    memcpy(text, value.at, value.n);
    text[value.n] = 0;
    if (text[0] < '0' || text[0] > '9') return false;
    const double number = strtod(text, &end);
    while (*end == ' ') end++;
    for (size_t i = 0; i < n; i++) {
        if (!ps_str_equal_nocase(ps_str_of(suffixes[i].text), ps_str_of(end))) continue;
        const double scaled = number * suffixes[i].factor;

        if (!(scaled < 9e18)) return false;
        *out = (uint64_t)scaled;
        return true;
    }
    return false;
}

static bool parse_flag(ps_str value, bool *out)
{
    static const char *const ON[] = {"true", "on", "1", "yes"}, *const OFF[] = {"false", "off", "0",
                                                                                "no"};

    for (size_t i = 0; i < PS_COUNT(ON); i++) {
        if (ps_str_equal_nocase(value, ps_str_of(ON[i]))) return *out = true;
        if (ps_str_equal_nocase(value, ps_str_of(OFF[i]))) {
            *out = false;
            return true;
        }
    }
    return false;
}

static ps_status store_number(ps_ctx *cx, ps_settings *settings, const setting *s, ps_str value,
                              uint64_t number)
{
    char *at = (char *)settings + s->offset;

    if (s->bytes == 4) {
        const uint32_t narrow = (uint32_t)number;

        if (number > UINT32_MAX) return bad_value(cx, s, value, "a smaller number");
        memcpy(at, &narrow, 4);
    } else {
        memcpy(at, &number, 8);
    }
    return PS_OK;
}

static ps_status setting_store(ps_ctx *cx, ps_settings *settings, const setting *s, ps_str value)
{
    char *at = (char *)settings + s->offset;
    uint64_t number;

    switch (s->kind) {
    case KIND_BYTES:
        if (!parse_scaled(value, BYTE_SUFFIXES, PS_COUNT(BYTE_SUFFIXES), &number)) {
            return bad_value(cx, s, value, "a size like 256MiB or 1GB");
        }
        return store_number(cx, settings, s, value, number);
    case KIND_MILLISECONDS:
        if (!parse_scaled(value, TIME_SUFFIXES, PS_COUNT(TIME_SUFFIXES), &number)) {
            return bad_value(cx, s, value, "a time like 1500 (milliseconds) or 1.5s");
        }
        return store_number(cx, settings, s, value, number);
    case KIND_COUNT:
        if (!parse_scaled(value, BYTE_SUFFIXES, 1, &number))
            return bad_value(cx, s, value, "a number");
        return store_number(cx, settings, s, value, number);
    case KIND_FLAG:
        return parse_flag(value, (bool *)at) ? PS_OK : bad_value(cx, s, value, "true or false");
    case KIND_TEXT: break;
    }
    if (value.n >= PS_SETTING_TEXT_MAX) return bad_value(cx, s, value, "a shorter text");
    memcpy(at, value.at, value.n);
    at[value.n] = 0;
    return PS_OK;
}

static ps_status check(ps_ctx *cx, const ps_settings *settings)
{
    if (settings->exec.batch_rows < 1 || settings->exec.batch_rows > PS_BATCH_ROWS_MAX) {
        return ps_fail(cx, PS_INVALID, "the setting batch_rows takes 1 to %d, not: %u",
                       PS_BATCH_ROWS_MAX, settings->exec.batch_rows);
    }
    if (settings->exec.threads > 1024) {
        return ps_fail(cx, PS_INVALID, "the setting threads takes at most 1024, not: %u",
                       settings->exec.threads);
    }
    if (strcmp(settings->dialect, "default") != 0 && strcmp(settings->dialect, "postgres") != 0) {
        return ps_fail(cx, PS_INVALID, "the setting dialect takes default or postgres, not: %s",
                       settings->dialect);
    }
    if (!ps_log_level_known(settings->diagnostics)) {
        return ps_fail(cx, PS_INVALID,
                       "the setting diagnostics takes off, debug, info, warning or error, not: %s",
                       settings->diagnostics);
    }
    if (settings->exec.temp_encryption) PS_TRY(ps_cipher_check(cx));
    return ps_sys_fault_check(cx, ps_str_of(settings->fail_io));
}

ps_status ps_settings_set(ps_ctx *cx, ps_settings *settings, ps_str name, ps_str value)
{
    const setting *s = setting_find(cx, name);
    ps_settings changed = *settings;

    if (!s) return PS_BIND;
    PS_TRY(setting_store(cx, &changed, s, value));
    PS_TRY(check(cx, &changed));
    *settings = changed;
    return PS_OK;
}

ps_status ps_settings_reset(ps_ctx *cx, ps_settings *settings, ps_str name)
{
    const setting *s = setting_find(cx, name);

    return s ? setting_store(cx, settings, s, ps_str_of(s->initial)) : PS_BIND;
}

void ps_settings_init(ps_settings *settings)
{
    ps_ctx cx;

    memset(settings, 0, sizeof(*settings));
    ps_ctx_init(&cx, NULL, NULL);
    for (size_t i = 0; i < PS_COUNT(SETTINGS); i++) {
        const ps_status st =
            setting_store(&cx, settings, &SETTINGS[i], ps_str_of(SETTINGS[i].initial));

        PS_ASSERT(st == PS_OK);
        (void)st;
    }
}

ps_status ps_settings_get(ps_ctx *cx, const ps_settings *settings, ps_str name, ps_text *out)
{
    const setting *s = setting_find(cx, name);
    uint64_t number = 0;

    if (!s) return PS_BIND;
    const char *at = (const char *)settings + s->offset;
    if (s->kind == KIND_TEXT) {
        ps_text_puts(out, at);
    } else if (s->kind == KIND_FLAG) {
        ps_text_puts(out, *(const bool *)at ? "true" : "false");
    } else {
        memcpy(&number, at, s->bytes);
        ps_text_printf(out, "%llu", (unsigned long long)number);
    }
    return ps_text_status(out);
}
