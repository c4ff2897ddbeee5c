/* col/arrow_schema_export.c -- types and schemas to Arrow's C structures.
 *
 * Forms: text and binary as views; decimals of 128 bits; ENUM as an ordered dictionary; UUID,
 * INT128 and TIME_TZ as extensions over fixed binary and int64. A schema never depends on the
 * layout or encoding of the batches that follow. */
#include "col/arrow_form.h"
#include "col/arrow_shared.h"
#include "col/batch.h"

static void shared_destroy(ps_owner *owner)
{
    ps_arrow_shared *shared = (ps_arrow_shared *)(void *)owner;

    ps_arena_release(&shared->arena);
    ps_free(shared);
}

ps_status ps_arrow_shared_new(ps_ctx *cx, ps_arrow_shared **out)
{
    ps_ctx free_cx;

    ps_ctx_child(cx, &free_cx);
    free_cx.mem = NULL;
    *out = ps_alloc_zero(&free_cx, sizeof **out);
    if (!*out) return ps_fail_memory(cx, sizeof **out);
    ps_owner_init(&(*out)->owner, shared_destroy);
    (*out)->cx = free_cx;
    return PS_OK;
}

void ps_arrow_shared_publish(ps_arrow_shared *shared)
{
    shared->cx.cancel = NULL; /* the query may be gone when this is released */
    shared->cx.diag = NULL;
    atomic_store(&shared->owner.refs, shared->n_nodes);
}

ps_status ps_arrow_shared_fail(ps_ctx *cx, ps_arrow_shared *shared, ps_status st)
{
    if (shared) {
        cx->error = shared->cx.error;
        shared_destroy(&shared->owner);
    }
    return st;
}

static void schema_release(struct ArrowSchema *schema)
{
    ps_arrow_shared *shared = schema->private_data;

    for (int64_t i = 0; i < schema->n_children; i++)
        if (schema->children[i]->release) schema->children[i]->release(schema->children[i]);
    if (schema->dictionary && schema->dictionary->release)
        schema->dictionary->release(schema->dictionary);
    schema->release = NULL;
    ps_owner_unref(&shared->owner);
}

static const char *fixed_format(ps_type type)
{
    static const char *const times[] = {"tts", "ttm", "ttu", "ttn"};
    static const char *const durations[] = {"tDs", "tDm", "tDu", "tDn"};

    switch ((ps_type_id)type.id) {
    case PS_TYPE_NULL: return "n";
    case PS_TYPE_BOOL: return "b";
    case PS_TYPE_INT8: return "c";
    case PS_TYPE_INT16: return "s";
    case PS_TYPE_INT32: return "i";
    case PS_TYPE_INT64: return "l";
    case PS_TYPE_UINT8: return "C";
    case PS_TYPE_UINT16: return "S";
    case PS_TYPE_UINT32: return "I";
    case PS_TYPE_UINT64: return "L";
    case PS_TYPE_FLOAT16: return "e";
    case PS_TYPE_FLOAT32: return "f";
    case PS_TYPE_FLOAT64: return "g";
    case PS_TYPE_DATE: return "tdD";
    case PS_TYPE_TIME: return times[type.unit & 3];
    case PS_TYPE_TIME_TZ: return "l";
    case PS_TYPE_DURATION: return durations[type.unit & 3];
    case PS_TYPE_INTERVAL: return "tin";
    case PS_TYPE_STRING: return "vu";
    case PS_TYPE_BINARY: return "vz";
    case PS_TYPE_INT128:
    case PS_TYPE_UUID: return "w:16";
    case PS_TYPE_ENUM: return "i";
    case PS_TYPE_LIST: return "+l";
    case PS_TYPE_STRUCT: return "+s";
    case PS_TYPE_MAP: return "+m";
    default: return NULL; /* has parameters */
    }
}

static const char *format_of(ps_arrow_shared *shared, ps_type type)
{
    const char *fixed = fixed_format(type);
    ps_ctx *cx = &shared->cx;

    if (fixed) return fixed;
    switch ((ps_type_id)type.id) {
    case PS_TYPE_DECIMAL:
        return ps_arena_printf(cx, &shared->arena, "d:%d,%d", type.precision, type.scale);
    case PS_TYPE_TIMESTAMP:
        return ps_arena_printf(cx, &shared->arena, "ts%c:", "smun"[type.unit & 3]);
    case PS_TYPE_TIMESTAMP_TZ:
        return ps_arena_printf(cx, &shared->arena, "ts%c:%s", "smun"[type.unit & 3],
                               type.ext && type.ext->name.n ? type.ext->name.at : "UTC");
    case PS_TYPE_FIXED_BINARY: return ps_arena_printf(cx, &shared->arena, "w:%d", type.width);
    case PS_TYPE_ARRAY: return ps_arena_printf(cx, &shared->arena, "+w:%d", type.width);
    case PS_TYPE_UNION: {
        char *text = ps_arena_alloc(cx, &shared->arena, 5 + 4 * (size_t)type.ext->n_fields);
        size_t at = 4;
        if (!text) return NULL;
        memcpy(text, "+us:", 4);
        for (uint32_t i = 0; i < type.ext->n_fields; i++) {
            const unsigned tag = (unsigned)type.ext->tags[i];
            if (i) text[at++] = ',';
            if (tag >= 100) text[at++] = (char)('0' + tag / 100);
            if (tag >= 10) text[at++] = (char)('0' + tag / 10 % 10);
            text[at++] = (char)('0' + tag % 10);
        }
        return text;
    }
    default: PS_BUG(cx, "a type without an Arrow form"); return NULL;
    }
}

/* The extension that stands for a type; false: it is a plain Arrow type. */
static bool extension_of(ps_type type, ps_str *name, ps_str *metadata)
{
    *metadata = PS_STR("");
    switch (type.id) {
    case PS_TYPE_UUID: *name = PS_STR("arrow.uuid"); return true;
    case PS_TYPE_INT128: *name = PS_STR("arrow.opaque"), *metadata = PS_ARROW_HUGEINT; return true;
    case PS_TYPE_TIME_TZ: *name = PS_STR("arrow.opaque"), *metadata = PS_ARROW_TIMETZ; return true;
    case PS_TYPE_EXTENSION: *name = type.ext->name, *metadata = type.ext->metadata; return true;
    default: return false;
    }
}

static void put_part(char **at, ps_str text)
{
    const int32_t n = (int32_t)text.n;

    memcpy(*at, &n, sizeof n);
    if (text.n) memcpy(*at + sizeof n, text.at, text.n);
    *at += sizeof n + text.n;
}

/* The field's own metadata and, unless it has one, the extension of its type. */
static ps_status metadata_of(ps_arrow_shared *shared, const ps_field *field, const char **out)
{
    const size_t own = ps_metadata_bytes(field->metadata);
    ps_str name, metadata, have;
    int32_t n = 0;

    *out = NULL;
    const bool add = extension_of(field->type, &name, &metadata) &&
                     !ps_arrow_metadata_get(field->metadata, PS_ARROW_EXTENSION_NAME, &have);
    if (own == 0 && !add) return PS_OK;
    char *bytes =
        ps_arena_alloc(&shared->cx, &shared->arena, own + name.n * add + metadata.n * add + 128);
    if (!bytes) return PS_MEMORY;
    if (own) {
        memcpy(bytes, field->metadata, own);
        memcpy(&n, bytes, sizeof n);
    }
    char *at = bytes + (own ? own : sizeof n);
    if (add) {
        put_part(&at, PS_ARROW_EXTENSION_NAME);
        put_part(&at, name);
        put_part(&at, PS_ARROW_EXTENSION_METADATA);
        put_part(&at, metadata);
        n += 2;
        memcpy(bytes, &n, sizeof n);
    }
    *out = bytes;
    return PS_OK;
}

static ps_status field_export(ps_arrow_shared *shared, const ps_field *field,
                              struct ArrowSchema *out);

static ps_status children_export(ps_arrow_shared *shared, const ps_field *fields, uint32_t n,
                                 struct ArrowSchema *out)
{
    struct ArrowSchema *children =
        PS_ARENA_ARRAY(&shared->cx, &shared->arena, struct ArrowSchema, n);

    out->children = PS_ARENA_ARRAY(&shared->cx, &shared->arena, struct ArrowSchema *, n);
    if (!children || !out->children) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        out->children[i] = &children[i];
        PS_TRY(field_export(shared, &fields[i], &children[i]));
    }
    out->n_children = n;
    return PS_OK;
}

static ps_status nested_export(ps_arrow_shared *shared, ps_type type, struct ArrowSchema *out)
{
    if (type.id == PS_TYPE_ENUM) {
        const ps_field labels = {.name = PS_STR(""), .type = PS_TYPE(STRING)};
        out->dictionary = PS_ARENA_NEW(&shared->cx, &shared->arena, struct ArrowSchema);
        if (!out->dictionary) return PS_MEMORY;
        out->flags |= ARROW_FLAG_DICTIONARY_ORDERED;
        PS_TRY(field_export(shared, &labels, out->dictionary));
        out->dictionary->format = "u"; /* more readers take this than views, and it is made once */
        return PS_OK;
    }
    if (type.id == PS_TYPE_MAP) {
        const ps_type entry = ps_type_entry(type);
        const ps_field entries = {.name = PS_STR("entries"), .type = entry};
        PS_TRY(children_export(shared, &entries, 1, out));
        out->children[0]->children[0]->flags &= ~ARROW_FLAG_NULLABLE;
        return PS_OK;
    }
    if (ps_type_class_of(type) != PS_CLASS_NESTED) return PS_OK;
    return children_export(shared, type.ext->fields, type.ext->n_fields, out);
}

static ps_status field_export(ps_arrow_shared *shared, const ps_field *field,
                              struct ArrowSchema *out)
{
    const ps_type type = ps_type_storage(field->type);

    memset(out, 0, sizeof *out);
    out->format = format_of(shared, type);
    out->name = ps_arena_strndup(&shared->cx, &shared->arena, field->name.at, field->name.n);
    if (!out->format || !out->name) return shared->cx.error.code;
    if (field->nullable) out->flags |= ARROW_FLAG_NULLABLE;
    PS_TRY(metadata_of(shared, field, &out->metadata));
    out->release = schema_release;
    out->private_data = shared;
    shared->n_nodes++;
    return nested_export(shared, type, out);
}

ps_status ps_arrow_export_schema(ps_ctx *cx, const ps_schema *schema, struct ArrowSchema *out)
{
    ps_arrow_shared *shared;
    ps_status st;

    memset(out, 0, sizeof *out);
    PS_TRY(ps_arrow_shared_new(cx, &shared));
    struct ArrowSchema made = {
        .format = "+s", .name = "", .release = schema_release, .private_data = shared};
    shared->n_nodes++;
    st = children_export(shared, schema->fields, schema->n, &made);
    if (st != PS_OK) return ps_arrow_shared_fail(cx, shared, st);
    ps_arrow_shared_publish(shared);
    *out = made;
    return PS_OK;
}
