/* api/env.c -- the world as binding sees it: the session's relations, table functions, formats,
 * clock. */
#include "api/formats.h"
#include "api/handles.h"
#include "api/insight.h"
#include "api/made.h"
#include "bind/dialect.h"
#include "fs/glob.h"

static void release_source(void *source) { ps_source_unref(source); }

/* The arena holds the source from now on. */
static ps_status arena_source(ps_ctx *cx, ps_arena *arena, ps_source *source)
{
    return ps_arena_own(cx, arena, source, release_source); /* takes it over either way */
}

static ps_status found_relation(ps_ctx *cx, ps_arena *arena, ps_str name,
                                const ps_relation_found *relation, ps_bind_found *out)
{
    *out = (ps_bind_found){.is_view = relation->table == NULL,
                           .view_text = relation->view_text,
                           .view_columns = relation->view_columns,
                           .n_view_columns = relation->n_view_columns};
    if (!relation->table) return PS_OK;
    const ps_status st = ps_table_source_new(cx, relation->table, name, &out->source);
    ps_table_unref(relation->table);
    return st == PS_OK ? arena_source(cx, arena, out->source) : st;
}

static ps_status env_table(ps_ctx *cx, ps_arena *arena, void *user, ps_str schema, ps_str name,
                           bool *found, ps_bind_found *out)
{
    ps_session *session = user;
    const bool temp = ps_str_equal_nocase(schema, PS_STR("temp")),
               main = ps_str_equal_nocase(schema, PS_STR("main"));
    ps_relation_found relation;

    *found = false;
    if (schema.at == ps_made_schema) { /* a plan's own stream; no text can give this address */
        ps_table *table = ps_made_of_table(name)->table;

        *found = true;
        PS_TRY(ps_table_source_new(cx, table, name, &out->source));
        return arena_source(cx, arena, out->source);
    }
    if (schema.n && !temp && !main) return PS_OK;
    if (!main) PS_TRY(ps_relations_get(cx, arena, &session->temporary, name, found, &relation));
    if (!*found && !temp)
        PS_TRY(ps_relations_get(cx, arena, &session->instance->relations, name, found, &relation));
    return *found ? found_relation(cx, arena, name, &relation, out) : PS_OK;
}

/* Opening reads the beginnings and footers of files, before there is a query that could have set
 * memory aside for it: where tables have it they give it back, where others do it waits for them
 * (ADR 7). */
static ps_status open_format(ps_ctx *cx, ps_arena *arena, ps_session *session,
                             const ps_format *format, const ps_str *patterns, uint32_t n,
                             const ps_options *options, ps_source **out)
{
    enum { OPEN_BYTES = 4 << 20 };
    ps_str *paths;
    uint32_t n_paths;
    ps_status st;

    PS_TRY(ps_glob_expand(cx, arena, patterns, n, &paths, &n_paths));
    for (;;) {
        st = format->open(cx, paths, n_paths, options, out);
        if (st != PS_MEMORY || session->fail_alloc) break;
        if (!ps_session_tables_give(cx, session, OPEN_BYTES) &&
            !ps_pool_wait_room(session->instance->pool))
            break;
        PS_TRY(ps_poll(cx));
        ps_ctx_clear(cx);
    }
    return st == PS_OK ? arena_source(cx, arena, *out) : st;
}

static ps_status env_file(ps_ctx *cx, ps_arena *arena, void *user, ps_str path, ps_source **out)
{
    const ps_format *format = ps_format_of_path(path);
    const ps_options none = {0};

    if (format) return open_format(cx, arena, user, format, &path, 1, &none, out);
    ps_fail(cx, PS_BIND, "no format is known by this file's extension: %.*s", PS_STR_ARGS(path));
    ps_hint(cx, "read_parquet('...') and its like name the format");
    return PS_BIND;
}

static ps_status argument_int(ps_ctx *cx, const ps_value *arg, const char *function, int64_t *out)
{
    const ps_type_class class = ps_type_class_of(arg->type);

    if (arg->null || class != PS_CLASS_INTEGER || arg->i > INT64_MAX || arg->i < INT64_MIN) {
        return ps_fail(cx, PS_BIND, "%s takes whole numbers (BIGINT)", function);
    }
    *out = (int64_t)arg->i;
    return PS_OK;
}

/* range(n), range(lo, hi), range(lo, hi, step); generate_series includes its end. */
static ps_status range_function(ps_ctx *cx, ps_arena *arena, bool inclusive, const ps_value *args,
                                uint32_t n_args, ps_source **out)
{
    const char *name = inclusive ? "generate_series" : "range";
    int64_t values[3] = {0, 0, 1};

    if (n_args < 1 || n_args > 3)
        return ps_fail(cx, PS_BIND, "%s takes one to three arguments, not %u", name, n_args);
    for (uint32_t i = 0; i < n_args; i++)
        PS_TRY(argument_int(cx, &args[i], name, &values[n_args == 1 ? 1 : i]));
    if (values[2] == 0) return ps_fail(cx, PS_BIND, "the step of %s must not be 0", name);
    if (inclusive && values[1] != INT64_MAX && values[1] != INT64_MIN)
        values[1] += values[2] > 0 ? 1 : -1;
    PS_TRY(ps_range_source_new(cx, values[0], values[1], values[2], out));
    return arena_source(cx, arena, *out);
}

/* The file arguments of read_<format>: one text or a list of texts. */
static ps_status path_arguments(ps_ctx *cx, ps_arena *arena, const ps_value *arg, ps_str **paths,
                                uint32_t *n)
{
    const bool list = arg->type.id == PS_TYPE_LIST;

    *n = list ? arg->n_items : 1;
    *paths = PS_ARENA_ARRAY(cx, arena, ps_str, *n + 1);
    if (!*paths) return PS_MEMORY;
    for (uint32_t i = 0; i < *n; i++) {
        const ps_value *item = list ? &arg->items[i] : arg;

        if (item->null || item->type.id != PS_TYPE_STRING)
            return ps_fail(cx, PS_BIND, "a file name must be text");
        (*paths)[i] = item->str;
    }
    return *n ? PS_OK : ps_fail(cx, PS_BIND, "the list of files is empty");
}

/* penstock_diagnostics(): what was recorded of the statements before this one. */
static ps_status diagnostics(ps_ctx *cx, ps_arena *arena, const ps_session *session, ps_table **out)
{
    const ps_log *own = session->current ? session->current->log : NULL;

    return ps_logs_table(cx, arena, &session->logs, own, out);
}

/* Functions without arguments that show what the library knows about itself. */
typedef struct insight {
    const char *name;
    ps_status (*table)(ps_ctx *cx, ps_arena *arena, const ps_session *session, ps_table **out);
} insight;
static const insight INSIGHTS[] = {
    {"penstock_diagnostics", diagnostics},
    {"penstock_settings", ps_insight_settings},
    {"penstock_memory", ps_insight_memory},
    {"penstock_spill_files", ps_insight_spill_files},
};

static const insight *insight_find(ps_str name)
{
    for (size_t i = 0; i < PS_COUNT(INSIGHTS); i++)
        if (ps_str_equal_nocase(name, ps_str_of(INSIGHTS[i].name))) return &INSIGHTS[i];
    return NULL;
}

static ps_status insight_source(ps_ctx *cx, ps_arena *arena, const ps_session *session,
                                const insight *found, uint32_t n_args, ps_source **out)
{
    ps_table *table;

    if (n_args) return ps_fail(cx, PS_BIND, "%s takes no arguments", found->name);
    PS_TRY(found->table(cx, arena, session, &table));
    const ps_status st = ps_table_source_new(cx, table, ps_str_of(found->name), out);
    ps_table_unref(table);
    return st == PS_OK ? arena_source(cx, arena, *out) : st;
}

/* Other names of table functions, as DuckDB has them. */
static ps_str function_of(ps_str name)
{
    if (ps_str_equal_nocase(name, PS_STR("parquet_scan"))) return PS_STR("read_parquet");
    if (ps_str_equal_nocase(name, PS_STR("read_csv_auto"))) return PS_STR("read_csv");
    if (ps_str_equal_nocase(name, PS_STR("duckdb_settings"))) return PS_STR("penstock_settings");
    return name;
}

static ps_status env_table_function(ps_ctx *cx, ps_arena *arena, void *user, ps_str name,
                                    const ps_value *args, uint32_t n_args,
                                    const ps_options *options, bool *found, ps_source **out)
{
    const bool series = ps_str_equal_nocase(name, PS_STR("generate_series"));
    ps_str *paths;
    uint32_t n_paths;

    *found = true;
    name = function_of(name);
    const insight *shows = insight_find(name);
    if (shows) return insight_source(cx, arena, user, shows, n_args, out);
    if (series || ps_str_equal_nocase(name, PS_STR("range")))
        return range_function(cx, arena, series, args, n_args, out);
    if (name.n > 5 && ps_str_equal_nocase((ps_str){name.at, 5}, PS_STR("read_"))) {
        const ps_format *format = ps_format_find((ps_str){name.at + 5, name.n - 5});

        if (format) {
            if (n_args != 1)
                return ps_fail(cx, PS_BIND, "%.*s takes one file or a list of files",
                               PS_STR_ARGS(name));
            PS_TRY(path_arguments(cx, arena, &args[0], &paths, &n_paths));
            return open_format(cx, arena, user, format, paths, n_paths, options, out);
        }
    }
    *found = false;
    return PS_OK;
}

static ps_status find_format(ps_ctx *cx, ps_str name, ps_str path, const ps_format **out)
{
    *out = name.n ? ps_format_find(name) : ps_format_of_path(path);
    if (*out) return PS_OK;
    if (name.n)
        return ps_fail(cx, PS_BIND, "there is no format of this name: %.*s", PS_STR_ARGS(name));
    ps_fail(cx, PS_BIND, "no format is known by this file's extension: %.*s", PS_STR_ARGS(path));
    ps_hint(cx, "name it: COPY ... (FORMAT parquet)");
    return PS_BIND;
}

static ps_status env_sink(ps_ctx *cx, void *user, ps_str format, ps_str path,
                          const ps_sink_class **out)
{
    const ps_format *found;

    (void)user;
    PS_TRY(find_format(cx, format, path, &found));
    *out = found->sink;
    return *out ? PS_OK
                : ps_fail(cx, PS_UNSUPPORTED, "this format can't be written yet: %s", found->name);
}

static ps_status env_copy_from(ps_ctx *cx, ps_arena *arena, void *user, ps_str format, ps_str path,
                               const ps_options *options, ps_source **out)
{
    const ps_format *found;

    PS_TRY(find_format(cx, format, path, &found));
    return open_format(cx, arena, user, found, &path, 1, options, out);
}

typedef struct name_list {
    void (*fn)(void *user, ps_str name);
    void *user;
} name_list;

static void give_name(void *user, ps_str name, bool view)
{
    const name_list *list = user;

    (void)view;
    list->fn(list->user, name);
}

static void env_names(void *user, int what, void (*fn)(void *fn_user, ps_str name), void *fn_user)
{
    ps_session *session = user;
    name_list list = {fn, fn_user};

    if (what == 0) {
        ps_relations_names(&session->temporary, give_name, &list);
        ps_relations_names(&session->instance->relations, give_name, &list);
        return;
    }
    fn(fn_user, PS_STR("range"));
    fn(fn_user, PS_STR("generate_series"));
    fn(fn_user, PS_STR("read_parquet"));
    fn(fn_user, PS_STR("read_csv"));
    for (size_t i = 0; i < PS_COUNT(INSIGHTS); i++) fn(fn_user, ps_str_of(INSIGHTS[i].name));
}

void ps_session_env(ps_session *session, ps_bind_env *out)
{
    *out =
        (ps_bind_env){.user = session,
                      .table = env_table,
                      .table_function = env_table_function,
                      .file = env_file,
                      .sink = env_sink,
                      .copy_from = env_copy_from,
                      .names = env_names,
                      .dialect = ps_dialect_find(ps_str_of(ps_session_settings(session)->dialect)),
                      .now_us = ps_wall_us(),
                      .time_zone = PS_STR("UTC")};
}
