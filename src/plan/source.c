/* plan/source.c -- what every source shares: its counted base. */
#include "plan/source.h"

const char *const ps_write_mode_names[PS_WRITE_MODE_COUNT] = {"new", "overwrite", "append"};

static void source_destroy(ps_owner *owner)
{
    ps_source *source = PS_CONTAINER(owner, ps_source, owner);
    ps_schema *schema = source->schema;

    source->class->destroy(source);
    ps_schema_unref(schema);
}

void ps_source_init(ps_source *source, const ps_source_class *class, ps_schema *schema, ps_str name)
{
    ps_owner_init(&source->owner, source_destroy);
    source->class = class;
    source->schema = ps_schema_ref(schema);
    source->name = name;
}

ps_status ps_source_column(ps_ctx *cx, const ps_source *source, uint32_t column, ps_source_col *out)
{
    PS_ASSERT(column < source->schema->n);
    *out = (ps_source_col){0};
    return source->class->column ? source->class->column(cx, source, column, out) : PS_OK;
}
