/* bind/env.h -- what binding needs to know of the world: names of tables and views, table
 * functions, formats, settings. api implements it; every frontend binds through it, so that none
 * knows catalogs or formats.
 *
 * Valid for one bind on one thread. Sources that are found are kept alive by the arena they are
 * given. */
#ifndef PS_BIND_ENV_H
#define PS_BIND_ENV_H

#include "plan/node.h"

typedef struct ps_bind_found {
    ps_source *source; /* a table: the snapshot of this moment; the arena holds it */
    bool is_view;
    ps_str view_text;           /* a view: its SELECT, canonical SQL; the arena's */
    const ps_str *view_columns; /* its column names, if it was given any */
    uint32_t n_view_columns;
} ps_bind_found;

typedef struct ps_bind_env {
    void *user;
    /* A table or view by name; schema.at NULL: none was given. *found false: there is none (no
     * error). */
    ps_status (*table)(ps_ctx *cx, ps_arena *arena, void *user, ps_str schema, ps_str name,
                       bool *found, ps_bind_found *out);
    /* A table function with constant arguments: range, read_parquet, penstock_settings, ...; named
     * arguments in options. */
    ps_status (*table_function)(ps_ctx *cx, ps_arena *arena, void *user, ps_str name,
                                const ps_value *args, uint32_t n_args, const ps_options *options,
                                bool *found, ps_source **out);
    /* FROM 'x.parquet': a file or pattern, format by extension; an error when there is no such file
     * or format. */
    ps_status (*file)(ps_ctx *cx, ps_arena *arena, void *user, ps_str path, ps_source **out);
    /* COPY TO: the sink class of a format (by name, or by the path's extension when name is empty).
     */
    ps_status (*sink)(ps_ctx *cx, void *user, ps_str format, ps_str path,
                      const ps_sink_class **out);
    /* COPY FROM: a source over a file with options. */
    ps_status (*copy_from)(ps_ctx *cx, ps_arena *arena, void *user, ps_str format, ps_str path,
                           const ps_options *options, ps_source **out);
    /* Calls fn with the name of each table, view (what 0), table function (1), for near names. */
    void (*names)(void *user, int what, void (*fn)(void *fn_user, ps_str name), void *fn_user);
    /* Parameters of EXECUTE or of a bound statement: types and values by number, 1-based at [0];
     * none: n_params 0. */
    const ps_value *params;
    const ps_str *param_names; /* by value; NULL: they go by number */
    uint32_t n_params;
    const struct ps_dialect *dialect; /* bind/dialect.h */
    int64_t now_us;                   /* the statement's clock: now(), current_date */
    ps_str time_zone;
} ps_bind_env;

#endif
