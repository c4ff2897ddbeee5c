/* front/sql/ast.c -- what follows from ast.def alone: names, children, the dump.
 *
 * The dump leaves out positions and fields at their default: two texts with one meaning and one
 * shape dump alike, which is what the round trip tests compare (tests/unit/test_sql_print.c). */
#include "front/sql/ast_text.h"

const char *ps_sql_kind_name(ps_sql_kind kind)
{
    static const char *const names[] = {"NONE",
#define N(KIND, name, doc) #KIND,
                                        PS_SQL_NODES(N)
#undef N
    };
    return (size_t)kind < PS_COUNT(names) ? names[kind] : "NONE";
}

const char *ps_sql_op_text(ps_sql_f_op op) { return sql_text_op[op]; }

static ps_status visit_list(const ps_sql_list *list, ps_sql_visit visit, void *state)
{
    for (uint32_t i = 0; i < list->n; i++) PS_TRY(visit(state, list->at[i]));
    return PS_OK;
}

#define VISIT_node(value)                                                                          \
    if (value) PS_TRY(visit(state, value));
#define VISIT_list(value) PS_TRY(visit_list(&(value), visit, state));
#define VISIT_NO(value)
#define VISIT_ident        VISIT_NO
#define VISIT_idents       VISIT_NO
#define VISIT_dims         VISIT_NO
#define VISIT_str          VISIT_NO
#define VISIT_flag         VISIT_NO
#define VISIT_int          VISIT_NO
#define VISIT_op           VISIT_NO
#define VISIT_num          VISIT_NO
#define VISIT_is           VISIT_NO
#define VISIT_like         VISIT_NO
#define VISIT_nulls        VISIT_NO
#define VISIT_direction    VISIT_NO
#define VISIT_null_order   VISIT_NO
#define VISIT_frame        VISIT_NO
#define VISIT_bound        VISIT_NO
#define VISIT_exclude      VISIT_NO
#define VISIT_join         VISIT_NO
#define VISIT_grouping     VISIT_NO
#define VISIT_setop        VISIT_NO
#define VISIT_materialized VISIT_NO
#define VISIT_constraint   VISIT_NO
#define VISIT_object       VISIT_NO
#define VISIT_scope        VISIT_NO
#define VISIT_transaction  VISIT_NO

ps_status ps_sql_each_child(const ps_sql_node *node, ps_sql_visit visit, void *state)
{
    switch ((ps_sql_kind)node->kind) {
#define F(type, name, doc) VISIT_##type(self->name)
#define N(KIND, name, doc)                                                                         \
    case PS_SQL_##KIND: {                                                                          \
        const ps_sql_##name *self = (const ps_sql_##name *)node;                                   \
        (void)self;                                                                                \
        PS_SQL_FIELDS_##KIND(F) break;                                                             \
    }
        PS_SQL_NODES(N)
#undef N
#undef F
    case PS_SQL_NONE:
    case PS_SQL_KIND_COUNT: break;
    }
    return PS_OK;
}

/* ---- the dump ---- */

static void dump_name(const char *name, ps_text *out)
{
    ps_text_char(out, ' ');
    ps_text_puts(out, name);
    ps_text_char(out, '=');
}

static void dump_node(const char *name, const ps_sql_node *node, ps_text *out)
{
    if (!node) return;
    dump_name(name, out);
    ps_sql_dump(node, out);
}

static void dump_list(const char *name, ps_sql_list list, ps_text *out)
{
    if (!list.n) return;
    dump_name(name, out);
    ps_text_char(out, '[');
    for (uint32_t i = 0; i < list.n; i++) {
        if (i) ps_text_char(out, ' ');
        ps_sql_dump(list.at[i], out);
    }
    ps_text_char(out, ']');
}

static void dump_str(const char *name, ps_str text, ps_text *out)
{
    if (!text.n) return;
    dump_name(name, out);
    ps_text_json(out, text);
}

static void dump_ident(const char *name, ps_sql_ident ident, ps_text *out)
{
    dump_str(name, ident.text, out);
}

static void dump_idents(const char *name, ps_sql_idents idents, ps_text *out)
{
    if (!idents.n) return;
    dump_name(name, out);
    for (uint32_t i = 0; i < idents.n; i++) {
        if (i) ps_text_char(out, '.');
        ps_text_json(out, idents.at[i].text);
    }
}

static void dump_dims(const char *name, ps_sql_dims dims, ps_text *out)
{
    if (!dims.n) return;
    dump_name(name, out);
    for (uint32_t i = 0; i < dims.n; i++) ps_text_printf(out, "[%lld]", (long long)dims.at[i]);
}

static void dump_flag(const char *name, bool on, ps_text *out)
{
    if (!on) return;
    ps_text_char(out, ' ');
    ps_text_puts(out, name);
}

static void dump_int(const char *name, int64_t value, ps_text *out)
{
    if (!value) return;
    dump_name(name, out);
    ps_text_printf(out, "%lld", (long long)value);
}

static void dump_enum(const char *name, const char *text, ps_text *out)
{
    if (!*text) return;
    dump_name(name, out);
    ps_text_puts(out, text);
}

#define dump_op(name, value, out)           dump_enum(name, sql_text_op[value], out)
#define dump_num(name, value, out)          dump_enum(name, sql_text_num[value], out)
#define dump_is(name, value, out)           dump_enum(name, sql_text_is[value], out)
#define dump_like(name, value, out)         dump_enum(name, sql_text_like[value], out)
#define dump_nulls(name, value, out)        dump_enum(name, sql_text_nulls[value], out)
#define dump_direction(name, value, out)    dump_enum(name, sql_text_direction[value], out)
#define dump_null_order(name, value, out)   dump_enum(name, sql_text_null_order[value], out)
#define dump_frame(name, value, out)        dump_enum(name, sql_text_frame[value], out)
#define dump_bound(name, value, out)        dump_enum(name, sql_text_bound[value], out)
#define dump_exclude(name, value, out)      dump_enum(name, sql_text_exclude[value], out)
#define dump_join(name, value, out)         dump_enum(name, sql_text_join[value], out)
#define dump_grouping(name, value, out)     dump_enum(name, sql_text_grouping[value], out)
#define dump_setop(name, value, out)        dump_enum(name, sql_text_setop[value], out)
#define dump_materialized(name, value, out) dump_enum(name, sql_text_materialized[value], out)
#define dump_constraint(name, value, out)   dump_enum(name, sql_text_constraint[value], out)
#define dump_object(name, value, out)       dump_enum(name, sql_text_object[value], out)
#define dump_scope(name, value, out)        dump_enum(name, sql_text_scope[value], out)
#define dump_transaction(name, value, out)  dump_enum(name, sql_text_transaction[value], out)

void ps_sql_dump(const ps_sql_node *node, ps_text *out)
{
    ps_text_char(out, '(');
    ps_text_puts(out, ps_sql_kind_name((ps_sql_kind)node->kind));
    switch ((ps_sql_kind)node->kind) {
#define F(type, name, doc) dump_##type(#name, self->name, out);
#define N(KIND, name, doc)                                                                         \
    case PS_SQL_##KIND: {                                                                          \
        const ps_sql_##name *self = (const ps_sql_##name *)node;                                   \
        (void)self;                                                                                \
        PS_SQL_FIELDS_##KIND(F) break;                                                             \
    }
        PS_SQL_NODES(N)
#undef N
#undef F
    case PS_SQL_NONE:
    case PS_SQL_KIND_COUNT: break;
    }
    ps_text_char(out, ')');
}
