/* col/arrow_schema.c -- Arrow schemas to our types. Export is in arrow_schema_export.c.
 *
 * Recursion is bounded by PS_TYPE_DEPTH_MAX. What is read is a tree of pointers whose lengths
 * the interface doesn't give: counts, NULLs and text are checked, the rest is the producer's word.
 */
#include "col/arrow_form.h"
#include "col/batch.h"

static ps_status field_import(ps_ctx *cx, ps_arena *scratch, const struct ArrowSchema *schema,
                              unsigned depth, ps_field *out);

static ps_status fields_import(ps_ctx *cx, ps_arena *scratch, const struct ArrowSchema *schema,
                               unsigned depth, ps_field **out)
{
    if (schema->n_children < 0 || schema->n_children > INT32_MAX / 64 ||
        (schema->n_children > 0 && !schema->children))
        return ps_fail(cx, PS_DATA, "an Arrow schema has a bad number of children: %lld",
                       (long long)schema->n_children);
    *out = PS_ARENA_ARRAY(cx, scratch, ps_field, schema->n_children);
    if (!*out) return PS_MEMORY;
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (!schema->children[i] || !schema->children[i]->release)
            return ps_fail(cx, PS_DATA, "child %lld of an Arrow schema is missing", (long long)i);
        PS_TRY(field_import(cx, scratch, schema->children[i], depth + 1, &(*out)[i]));
    }
    return PS_OK;
}

static ps_status nested_type(ps_ctx *cx, const ps_arrow_form *form, const ps_field *fields,
                             uint32_t n, ps_type *out)
{
    if (form->n_children >= 0 && n != (uint32_t)form->n_children)
        return ps_fail(cx, PS_DATA, "an Arrow type has %u children and needs %d", n,
                       form->n_children);
    switch (form->kind) {
    case PS_ARROW_ARRAY: return ps_type_array(cx, &fields[0], form->type.width, out);
    case PS_ARROW_STRUCT: return ps_type_struct(cx, fields, n, out);
    case PS_ARROW_MAP: {
        const ps_type entry = fields[0].type;
        if (entry.id != PS_TYPE_STRUCT || entry.ext->n_fields != 2)
            return ps_fail(cx, PS_DATA,
                           "the entries of an Arrow map aren't structs of key and value");
        ps_field key = entry.ext->fields[0], value = entry.ext->fields[1];
        key.name = PS_STR("key"), value.name = PS_STR("value");
        return ps_type_map(cx, &key, &value, out);
    }
    case PS_ARROW_UNION_SPARSE:
    case PS_ARROW_UNION_DENSE:
        if (n != form->n_tags)
            return ps_fail(cx, PS_DATA, "an Arrow union has %u children and %d type ids", n,
                           form->n_tags);
        return ps_type_union(cx, fields, form->tags, n, out);
    case PS_ARROW_RUNS: {
        const ps_type ends = fields[0].type;
        if (ends.id != PS_TYPE_INT16 && ends.id != PS_TYPE_INT32 && ends.id != PS_TYPE_INT64)
            return ps_fail(cx, PS_DATA, "run ends of an Arrow array aren't of 16, 32 or 64 bits");
        *out = ps_type_ref(fields[1].type);
        return PS_OK;
    }
    default: return ps_type_list(cx, &fields[0], out);
    }
}

/* Turns storage into the type its extension names; storage's reference moves into *out. */
static ps_status extension_type(ps_ctx *cx, const struct ArrowSchema *schema, ps_type storage,
                                ps_type *out)
{
    ps_str name, metadata = PS_STR("");

    *out = storage;
    if (!ps_arrow_metadata_get(schema->metadata, PS_ARROW_EXTENSION_NAME, &name)) return PS_OK;
    (void)ps_arrow_metadata_get(schema->metadata, PS_ARROW_EXTENSION_METADATA, &metadata);
    const bool opaque = ps_str_equal(name, PS_STR("arrow.opaque"));
    if (storage.id == PS_TYPE_FIXED_BINARY && storage.width == 16) {
        if (ps_str_equal(name, PS_STR("arrow.uuid"))) {
            *out = PS_TYPE(UUID);
            return PS_OK;
        }
        if (opaque && ps_str_equal(metadata, PS_ARROW_HUGEINT)) {
            *out = PS_TYPE(INT128);
            return PS_OK;
        }
    }
    if (storage.id == PS_TYPE_INT64 && opaque && ps_str_equal(metadata, PS_ARROW_TIMETZ)) {
        *out = PS_TYPE(TIME_TZ);
        return PS_OK;
    }
    const ps_field field = {.name = PS_STR("storage"), .type = storage, .nullable = true};
    const ps_status st = ps_type_extension(cx, name, metadata, &field, out);
    ps_type_unref(storage);
    return st;
}

static ps_status type_import(ps_ctx *cx, ps_arena *scratch, const struct ArrowSchema *schema,
                             unsigned depth, ps_type *out)
{
    ps_arrow_form form;
    ps_field *fields, inner;

    *out = PS_TYPE(NULL);
    if (depth > PS_TYPE_DEPTH_MAX)
        return ps_fail(cx, PS_UNSUPPORTED, "an Arrow type is nested too deep: more than %d levels",
                       (int)PS_TYPE_DEPTH_MAX);
    PS_TRY(ps_arrow_form_read(cx, schema, &form));
    if (schema->dictionary) {
        if (form.kind != PS_ARROW_SLOTS || ps_type_class_of(form.type) != PS_CLASS_INTEGER)
            return ps_fail(cx, PS_DATA, "the codes of an Arrow dictionary aren't integers: '%s'",
                           schema->format);
        PS_TRY(field_import(cx, scratch, schema->dictionary, depth + 1, &inner));
        return extension_type(cx, schema, ps_type_ref(inner.type), out);
    }
    if (ps_type_class_of(form.type) == PS_CLASS_NESTED || form.kind == PS_ARROW_RUNS) {
        PS_TRY(fields_import(cx, scratch, schema, depth, &fields));
        PS_TRY(nested_type(cx, &form, fields, (uint32_t)schema->n_children, out));
    } else {
        if (schema->n_children != 0)
            return ps_fail(cx, PS_DATA, "an Arrow type has children it can't have: '%s'",
                           schema->format);
        *out = form.type;
        if (form.type.id == PS_TYPE_TIMESTAMP_TZ)
            PS_TRY(ps_type_zoned(cx, (ps_unit)form.type.unit, form.zone, out));
    }
    return extension_type(cx, schema, *out, out);
}

/* The field's type lives in the scratch arena; text is borrowed from the Arrow schema. */
static ps_status field_import(ps_ctx *cx, ps_arena *scratch, const struct ArrowSchema *schema,
                              unsigned depth, ps_field *out)
{
    *out = (ps_field){.name = ps_str_of(schema->name ? schema->name : ""),
                      .nullable = (schema->flags & ARROW_FLAG_NULLABLE) != 0,
                      .metadata = schema->metadata};
    if (!ps_utf8_valid(out->name.at, out->name.n, NULL))
        return ps_fail(cx, PS_DATA, "a column's name in an Arrow schema is not UTF-8");
    ps_status st = type_import(cx, scratch, schema, depth, &out->type);
    if (st == PS_OK) {
        st = ps_type_keep(cx, scratch, out->type);
        ps_type_unref(out->type); /* the arena's reference stays */
    }
    return st == PS_OK || depth == 0
               ? st
               : ps_while(cx, st, "reading the type of '%.60s'", out->name.at);
}

ps_status ps_arrow_import_schema(ps_ctx *cx, const struct ArrowSchema *schema, ps_schema **out)
{
    ps_arena scratch = {0};
    ps_field *fields;
    ps_status st;

    *out = NULL;
    if (!schema || !schema->release)
        return ps_fail(cx, PS_MISUSE, "the Arrow schema was released before it was imported");
    if (!schema->format || strcmp(schema->format, "+s") != 0)
        return ps_fail(cx, PS_INVALID, "an Arrow stream or batch must be a struct, not '%.100s'",
                       schema->format ? schema->format : "");
    PS_GO(fields_import(cx, &scratch, schema, 0, &fields));
    PS_GO(ps_schema_new(cx, fields, (uint32_t)schema->n_children, out));
done:
    ps_arena_release(&scratch);
    return st;
}
