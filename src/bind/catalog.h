/* bind/catalog.h -- what binders ask of the session: tables, views, files, table functions, formats.
 *
 * Implemented by api; tests have one of their own. Callbacks run on the binding thread. A source
 * that a callback gives carries one reference, which the binder hands to its arena. */
#ifndef PS_BIND_CATALOG_H
#define PS_BIND_CATALOG_H

#include "bind/dialect.h"
#include "plan/node.h"

typedef enum ps_relation_kind { PS_RELATION_NONE, PS_RELATION_TABLE, PS_RELATION_VIEW } ps_relation_kind;

/* What a name stands for. */
typedef struct ps_relation {
    ps_relation_kind kind;
    ps_str schema, name;            /* as created */
    ps_source *source;              /* TABLE: one reference */
    ps_str sql;                     /* VIEW: the text of its query */
    const ps_str *columns;          /* VIEW: names given to its columns, or none */
    uint32_t n_columns;
} ps_relation;

typedef struct ps_names { const ps_str *at; uint32_t n; } ps_names;

/* Text in answers is in the arena or lives as long as the catalog does. */
typedef struct ps_bind_catalog {
    void *user;
    /* schema.n 0: along the search path. kind NONE when there is none of that name (not an error).
     * Names compare by the dialect. */
    ps_status (*find)(ps_ctx *cx, void *user, ps_arena *arena, const ps_dialect *dialect, ps_str schema,
                      ps_str name, bool quoted, ps_relation *out);
    /* Names of tables and views, sorted; schema.n 0: along the search path. */
    ps_status (*list)(ps_ctx *cx, void *user, ps_arena *arena, ps_str schema, ps_names *out);
    /* FROM name(args, option := value): *out NULL when no table function has that name.
     * range, generate_series and unnest are the binder's own. */
    ps_status (*table_function)(ps_ctx *cx, void *user, ps_arena *arena, ps_str name, const ps_value *args,
                                uint32_t n_args, const ps_options *options, ps_source **out);
    ps_status (*list_table_functions)(ps_ctx *cx, void *user, ps_arena *arena, ps_names *out);
    /* FROM 'path': format by extension; globs. Fails with the reason when it can't be read. */
    ps_status (*open_file)(ps_ctx *cx, void *user, ps_arena *arena, ps_str path, ps_source **out);
    /* A format by name (COPY .. (FORMAT x)) or, with a path, by its extension; NULL: unknown. */
    const ps_format *(*format)(void *user, ps_str name, ps_str path);
} ps_bind_catalog;

/* Everything a frontend binds against. */
typedef struct ps_bind_env {
    const ps_bind_catalog *catalog;
    const ps_dialect *dialect;
    /* Values of the statement's parameters, by number less one. Without them parameters stay in the plan as
     * PS_EXPR_PARAM without a type of their own (NULL), cast to what their context wants: good for checking a
     * statement; to run it, it is bound again with values. */
    const ps_value *params;
    uint32_t n_params;
    int64_t now_us;         /* start of the statement, UTC since 1970: what now() and current_date are */
    int32_t zone_seconds;   /* the session's offset from UTC at that time, for current_date and local times */
} ps_bind_env;

#endif
