/* col/schema.c -- ordered lists of fields: one block with the names behind the fields. */
#include "col/type_copy.h"

ps_status ps_schema_new(ps_ctx *cx, const ps_field *fields, uint32_t n, ps_schema **out)
{
    *out = NULL;
    ps_schema *schema =
        ps_alloc(cx, sizeof *schema + n * sizeof *fields + ps_fields_bytes(fields, n));
    if (!schema) return PS_MEMORY;
    atomic_init(&schema->refs, 1);
    schema->n = n;
    char *at = (char *)(schema->fields + n);
    ps_fields_place(&at, fields, n, schema->fields);
    *out = schema;
    return PS_OK;
}

ps_schema *ps_schema_ref(ps_schema *schema)
{
    /* relaxed: a reference is made from one that is already held */
    if (schema) atomic_fetch_add_explicit(&schema->refs, 1, memory_order_relaxed);
    return schema;
}

void ps_schema_unref(ps_schema *schema)
{
    /* acq_rel: the last holder must see every write made under the other references */
    if (!schema || atomic_fetch_sub_explicit(&schema->refs, 1, memory_order_acq_rel) != 1) return;
    for (uint32_t i = 0; i < schema->n; i++) ps_type_unref(schema->fields[i].type);
    ps_free(schema);
}

bool ps_schema_equal(const ps_schema *a, const ps_schema *b)
{
    if (a == b) return true;
    if (a->n != b->n) return false;
    for (uint32_t i = 0; i < a->n; i++) {
        const ps_field *fa = &a->fields[i], *fb = &b->fields[i];
        if (!ps_str_equal(fa->name, fb->name) || fa->nullable != fb->nullable ||
            !ps_type_equal(fa->type, fb->type))
            return false;
    }
    return true;
}
