/* plan/json.h -- a small strict JSON reader (RFC 8259) into a tree in an arena; not for other
 * folders.
 *
 * Nesting is bounded, text must be valid UTF-8, names of one object must differ. Numbers keep their
 * text. Positions are byte offsets, for messages. */
#ifndef PS_PLAN_JSON_H
#define PS_PLAN_JSON_H

#include "base/str.h"

enum { PS_JSON_DEPTH_MAX = 4000 };

typedef enum ps_json_kind {
    PS_JSON_NULL,
    PS_JSON_BOOL,
    PS_JSON_NUMBER,
    PS_JSON_STRING,
    PS_JSON_ARRAY,
    PS_JSON_OBJECT
} ps_json_kind;

typedef struct ps_json {
    ps_json_kind kind;
    bool on;               /* BOOL */
    bool used;             /* OBJECT members: ps_json_get() was asked for it */
    ps_str name;           /* of a member */
    ps_str text;           /* STRING unescaped; else the source text */
    struct ps_json *child; /* ARRAY, OBJECT: the first */
    struct ps_json *next;
    uint32_t n; /* children */
    size_t at;
} ps_json;

ps_status ps_json_read(ps_ctx *cx, ps_arena *arena, ps_str text,
                       ps_json **out); /* PS_DATA with the offset */
/* A member of an object, marked as used; NULL: absent. */
ps_json *ps_json_get(ps_json *object, const char *name);
/* The first member nobody asked for; NULL: none. */
const ps_json *ps_json_unused(const ps_json *object);
bool ps_json_int(const ps_json *json, int64_t *out); /* a whole number in range */

#endif
