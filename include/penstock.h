/* SPDX-License-Identifier: Apache-2.0 */
/** @file penstock.h
 *  The public C interface of Penstock, an embeddable analytical dataframe engine.
 *
 *  Conventions
 *  - Functions borrow their arguments and give what they return through the last
 *    pointer before the optional `error`; give it back with the type's _unref/_free.
 *  - Every handle says "any thread" or "one call at a time".
 *  - A failed call returns a status, fills `error` when one is given, and leaves outputs NULL.
 *  - Text is UTF-8. Sizes are bytes, times are named with their unit.
 *  - Structures of options begin with their size: initialise them with their macro. */
#ifndef PENSTOCK_H
#define PENSTOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The Arrow C Data and C Stream interfaces, as their specification gives them. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE           2
#define ARROW_FLAG_MAP_KEYS_SORTED    4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};
#endif

#if defined(PS_BUILD)
#define PS_API __attribute__((visibility("default")))
#else
#define PS_API
#endif
#define PS_CHECKED __attribute__((warn_unused_result))

#define PS_VERSION "0.1.0"

/* NAME, number (part of the ABI), SQLSTATE class, what it means. */
#define PS_STATUS_LIST(X)                                                                          \
    X(OK, 0, "00000", "ok")                                                                        \
    X(PARSE, 10, "42601", "the text is not a valid statement")                                     \
    X(BIND, 11, "42000", "a name or type could not be resolved")                                   \
    X(UNSUPPORTED, 12, "0A000", "valid, but this version can't do it")                             \
    X(EXISTS, 13, "42710", "something of that name exists already")                                \
    X(INVALID, 14, "22023", "an argument or setting is out of its range")                          \
    X(VALUE, 20, "22000", "a value can't be computed: overflow, division by zero, invalid cast")   \
    X(DATA, 21, "22P04", "an input is damaged or not of the form it claims")                       \
    X(MEMORY, 30, "53200", "allocation failed or the memory limit is reached")                     \
    X(IO, 31, "58030", "a file or directory could not be read or written")                         \
    X(DISK_FULL, 32, "53100", "no room on the device or above the cap for temporary files")        \
    X(LIMIT, 33, "53400", "more rows read or bytes given than the statement may")                  \
    X(CANCELLED, 40, "57014", "stopped by request")                                                \
    X(TIMEOUT, 41, "57014", "stopped because its time limit was reached")                          \
    X(MISUSE, 50, "HY010", "a call broke this interface's rules")                                  \
    X(INTERNAL, 99, "XX000", "a bug in this library")

typedef enum ps_status {
#define X(NAME, NUMBER, SQLSTATE, TEXT) PS_##NAME = NUMBER,
    PS_STATUS_LIST(X)
#undef X
} ps_status;

/** What went wrong, on the caller's stack: nothing to free. Zero-initialise it. */
typedef struct ps_error {
    ps_status code;
    uint32_t line;      /**< 1-based position in the statement's text; 0: not about text */
    uint32_t column;    /**< 1-based, in code points */
    uint32_t offset;    /**< byte offset in the statement's text plus one; 0: not about text */
    char message[1024]; /**< what, where, the value; NUL-terminated UTF-8 */
    char hint[256];     /**< what to do about it; may be empty */
    char excerpt[512];  /**< the line of the statement with a caret under it; may be empty */
} ps_error;

/** The name of a status ("VALUE"), static. */
PS_API const char *ps_status_name(ps_status status);
/** The meaning of a status in a few words, static. */
PS_API const char *ps_status_text(ps_status status);
/** The five-letter SQLSTATE of a status, static. */
PS_API const char *ps_status_sqlstate(ps_status status);
/** The version of the library that is loaded, static: compare with PS_VERSION. */
PS_API const char *ps_version(void);

/* ---- instances -------------------------------------------------------------------------- */

/** The thread pool, the memory budget and the tables that sessions share. Usable from any thread.
 *  Threads start at the first need, block all signals and end with the instance. An instance made
 *  before fork() is not usable in the child: calls give PS_MISUSE there. */
typedef struct ps_instance ps_instance;

typedef struct ps_instance_options {
    size_t size;                /**< sizeof: lets old callers meet new libraries */
    uint32_t threads;           /**< that run a query at most, the caller's included; 0: one per
                                     core, or as many as a session sets */
    uint64_t memory_bytes_max;  /**< for all data of all queries; 0: 80 % of what the machine and
                                     the process's control group allow */
    const char *temp_directory; /**< for spilling; NULL: TMPDIR or /tmp */
    uint64_t temp_bytes_max;    /**< of temporary files of all queries together; 0: no cap */
    /* What a statement may take at most, whatever a session sets; 0: no bound. @since 0.1 */
    uint64_t timeout_ms;
    uint64_t rows_scanned_max;
    uint64_t result_bytes_max;
} ps_instance_options;
#define PS_INSTANCE_OPTIONS ((ps_instance_options){.size = sizeof(ps_instance_options)})

/** @param options  optional
 *  @return PS_OK, PS_MEMORY, PS_INVALID */
PS_API PS_CHECKED ps_status ps_instance_new(const ps_instance_options *options, ps_instance **out,
                                            ps_error *error);
/** Gives the caller's reference back; what sessions and results still use stays until they are
 * freed. NULL is fine. */
PS_API void ps_instance_free(ps_instance *instance);

/* ---- sessions --------------------------------------------------------------------------- */

/** Settings, temporary tables, prepared statements: what one user of an instance has. One call at a
 *  time, but for ps_session_cancel(). */
typedef struct ps_session ps_session;

PS_API PS_CHECKED ps_status ps_session_new(ps_instance *instance, ps_session **out,
                                           ps_error *error);
/** NULL is fine. Results of this session stay usable. */
PS_API void ps_session_free(ps_session *session);
/** SET name = value, with the value as text ("4", "256MiB", "true"). docs/settings.md lists them.
 *  @return PS_OK, PS_BIND (no such setting; near names in the message), PS_INVALID */
PS_API PS_CHECKED ps_status ps_session_set(ps_session *session, const char *name, const char *value,
                                           ps_error *error);
/** The value of a setting as text, into buffer (NUL-terminated, cut when it is too small). */
PS_API PS_CHECKED ps_status ps_session_get(ps_session *session, const char *name, char *buffer,
                                           size_t buffer_bytes, ps_error *error);
/** Stops what the session is doing (parsing, planning, running), from any thread, within about
 *  100 ms; that call gives PS_CANCELLED. No effect when it does nothing. */
PS_API void ps_session_cancel(ps_session *session);
/** What was recorded of the session's last 16 statements, from parse to write, as a JSON array of
 *  objects: statement (its number), time, elapsed_ms (since the statement began), phase, severity,
 *  code, message. `FROM penstock_diagnostics()` gives the same as rows; the setting `diagnostics`
 *  says what is recorded. No value of a row is ever in it.
 *  @param out  NUL-terminated; give it back with ps_string_free()  @since 0.1 */
PS_API PS_CHECKED ps_status ps_session_diagnostics(ps_session *session, char **out,
                                                   ps_error *error);
/** Part of what the session is running that is done, 0 to 1, from any thread, also while a
 *  statement without rows (COPY, CREATE TABLE AS) keeps the session's own thread; below 0: nothing
 *  runs, or it is not known yet. A figure for display: from expected numbers of rows. @since 0.1 */
PS_API double ps_session_progress(ps_session *session);

/** After a call that gave PS_INTERNAL: what to send to those who mend it (version, place,
 *  statement, settings, plan), "" when there was no such call. Values of rows are not in it, but
 *  the statement's text is. The session, its instance and other queries go on.
 *  @param out  NUL-terminated; give it back with ps_string_free()  @since 0.1 */
PS_API PS_CHECKED ps_status ps_session_bug_report(ps_session *session, char **out, ps_error *error);
/** What the session is running did so far, as a JSON object, from any thread: progress, wall_ms,
 *  waited_ms (until its memory was free), memory_bytes, temp_bytes, and for each operator rows,
 *  time, memory_bytes, memory_bytes_peak, spilled_bytes, partitions and depth of what it spilled,
 *  and how long it was parked for memory and for output. "{}": nothing runs.
 *  @param out  NUL-terminated; give it back with ps_string_free()  @since 0.1 */
PS_API PS_CHECKED ps_status ps_session_statistics(ps_session *session, char **out, ps_error *error);

/* ---- running SQL ------------------------------------------------------------------------- */

/** The rows of a statement, made while they are fetched. One call at a time, but for
 *  ps_result_cancel() and ps_result_progress(). */
typedef struct ps_result ps_result;

/** Runs the first statement of text. Statements that give no rows (CREATE, INSERT, SET, ...) have
 *  run when this returns; queries begin to run.
 *  @param text   UTF-8, need not end in a NUL
 *  @param tail   optional: set to what follows the statement and its semicolon; without it more
 *                than one statement is an error
 *  @param out    given; an empty text gives a result without columns
 *  @return PS_OK, PS_PARSE, PS_BIND, PS_UNSUPPORTED, PS_VALUE, PS_DATA, PS_IO, PS_MEMORY,
 *          PS_CANCELLED, PS_TIMEOUT, PS_INTERNAL */
PS_API PS_CHECKED ps_status ps_session_sql(ps_session *session, const char *text, size_t bytes,
                                           const char **tail, ps_result **out, ps_error *error);
/** NULL is fine; stops what still runs. */
PS_API void ps_result_free(ps_result *result);
/** Columns; 0 for statements that give no rows. */
PS_API uint32_t ps_result_columns(const ps_result *result);
/** What was done: "SELECT", "CREATE TABLE", "INSERT", ...; static. */
PS_API const char *ps_result_tag(const ps_result *result);
/** Rows written by INSERT, CREATE TABLE AS and COPY; -1: does not apply. */
PS_API int64_t ps_result_rows_changed(const ps_result *result);
/** The schema as an Arrow struct type; release it as Arrow says. */
PS_API PS_CHECKED ps_status ps_result_schema(ps_result *result, struct ArrowSchema *out,
                                             ps_error *error);

typedef enum ps_fetch {
    PS_FETCH_BATCH = 0, /**< a batch was given */
    PS_FETCH_END = 1,   /**< there are no more */
    PS_FETCH_WAIT = 2   /**< the time was up; ask again */
} ps_fetch;
/** The next rows as an Arrow struct array; the calling thread works on the query while it waits.
 *  Batches come in the query's order; they are valid after the result is freed.
 *  @param timeout_ms  UINT64_MAX: as long as it takes */
PS_API PS_CHECKED ps_status ps_result_next(ps_result *result, uint64_t timeout_ms,
                                           struct ArrowArray *out, ps_fetch *fetch,
                                           ps_error *error);
/** Turns the result into an Arrow stream, which owns it from now on. Its errors are errno values
 * with get_last_error's text. */
PS_API PS_CHECKED ps_status ps_result_stream(ps_result *result, struct ArrowArrayStream *out,
                                             ps_error *error);
/** Stops the query, from any thread; the next fetch gives PS_CANCELLED. */
PS_API void ps_result_cancel(ps_result *result);
/** Part of the work that is done, 0 to 1, never falling, from any thread: a figure for display,
 *  from expected numbers of rows. */
PS_API double ps_result_progress(const ps_result *result);

/* ---- tables ------------------------------------------------------------------------------ */

/** Reads a stream to its end into a table of the instance (replacing one of that name). Values are
 *  copied into the table's own layout: nothing of the producer is held after the call.
 *  @param stream  taken over and released, also on failure
 *  @return PS_OK, PS_DATA (a broken array, with where), PS_UNSUPPORTED (a type), PS_MEMORY,
 *          PS_CANCELLED, PS_INVALID (no name), PS_MISUSE */
PS_API PS_CHECKED ps_status ps_session_import(ps_session *session, const char *name,
                                              struct ArrowArrayStream *stream, ps_error *error);

/* ---- expressions ------------------------------------------------------------------------- */

/* Terms and plans are descriptions: immutable, counted, usable from any thread. Making one runs
 * nothing and needs no session; names and types are resolved when a plan is used with a session.
 *
 * Makers take over the terms and plans that they are given, one reference each, and never return
 * NULL: a failure (no memory, NULL given, text that doesn't parse) is carried along and reported by
 * the function that uses the plan, so chains need no checks. Keep a reference with _ref(). */

/** An expression that is not bound to a table yet. Any thread. */
typedef struct ps_term ps_term;

PS_API ps_term *ps_term_ref(ps_term *term);
PS_API void ps_term_unref(ps_term *term); /**< NULL ok */
/** The failure that a term carries, or PS_OK. */
PS_API ps_status ps_term_check(const ps_term *term, ps_error *error);

PS_API ps_term *ps_term_column(const char *name);
/** A column of one side of a join: table is "left" or "right" in ps_plan_join(). */
PS_API ps_term *ps_term_column_of(const char *table, const char *name);
/** All columns: in a selection, and as the argument of count. */
PS_API ps_term *ps_term_star(void);
PS_API ps_term *ps_term_null(void);
PS_API ps_term *ps_term_bool(bool value);
PS_API ps_term *ps_term_int64(int64_t value); /**< an integer literal of SQL: it fits its context */
PS_API ps_term *ps_term_double(double value);
PS_API ps_term *ps_term_text(const char *text, size_t bytes);
/** A literal of any type: ("DATE", "1998-12-01"), ("DECIMAL(12,2)", "0.05"). */
PS_API ps_term *ps_term_typed(const char *type, const char *text);
/** An expression as SQL text, with or without AS: "price * (1 - discount) AS net". */
PS_API ps_term *ps_term_sql(const char *text);
/** A function of the catalog (docs/functions.md), or an operator by its text: "+", "<=", "and",
 *  "or", "not", "like", "not like", "ilike", "not ilike", "between", "in", "not in", "is null",
 *  "is not null". "and", "or" and arithmetic take any number of arguments. */
PS_API ps_term *ps_term_call(const char *name, ps_term *const *args, size_t n_args);
PS_API ps_term *ps_term_call1(const char *name, ps_term *a);
PS_API ps_term *ps_term_call2(const char *name, ps_term *a, ps_term *b);
/** @param type     as SQL writes it: "DECIMAL(12,2)", "BIGINT[]"
 *  @param attempt  a value that doesn't fit gives null instead of an error */
PS_API ps_term *ps_term_cast(ps_term *arg, const char *type, bool attempt);
/** @param parts      n_pairs conditions, each followed by its result
 *  @param otherwise  NULL: null */
PS_API ps_term *ps_term_case(ps_term *const *parts, size_t n_pairs, ps_term *otherwise);
PS_API ps_term *ps_term_as(ps_term *arg, const char *name);

typedef enum ps_null_place {
    PS_NULL_PLACE_DEFAULT = 0, /**< as the session's dialect has it */
    PS_NULL_PLACE_FIRST = 1,
    PS_NULL_PLACE_LAST = 2
} ps_null_place;
/** A sort key, for ps_plan_sort() and the orders below; a plain term is ascending. */
PS_API ps_term *ps_term_key(ps_term *arg, bool descending, ps_null_place nulls);
/** Aggregate calls: only distinct arguments; only rows where condition is true; rows in an order.
 */
PS_API ps_term *ps_term_distinct(ps_term *call);
PS_API ps_term *ps_term_filter(ps_term *call, ps_term *condition);
PS_API ps_term *ps_term_order(ps_term *call, ps_term *const *keys, size_t n_keys);

typedef struct ps_window_options {
    size_t size; /**< sizeof: lets old callers meet new libraries */
    ps_term *const *partition;
    size_t n_partition;
    ps_term *const *order; /**< keys */
    size_t n_order;
    const char *frame; /**< "ROWS BETWEEN 2 PRECEDING AND CURRENT ROW"; NULL: SQL's default */
    bool ignore_nulls; /**< of lag, first_value, ... */
} ps_window_options;
#define PS_WINDOW_OPTIONS ((ps_window_options){.size = sizeof(ps_window_options)})
/** A call over a window: window functions and aggregates. */
PS_API ps_term *ps_term_over(ps_term *call, const ps_window_options *options);

/* ---- plans ------------------------------------------------------------------------------- */

/** A query: where rows come from and what is done to them. Any thread. */
typedef struct ps_plan ps_plan;

PS_API ps_plan *ps_plan_ref(ps_plan *plan);
PS_API void ps_plan_unref(ps_plan *plan); /**< NULL ok */
/** The failure that a plan carries, or PS_OK. */
PS_API ps_status ps_plan_check(const ps_plan *plan, ps_error *error);

/** A query as SQL text. */
PS_API ps_plan *ps_plan_sql(const char *text, size_t bytes);
/** A table or view: "t", looked up in the session that runs the plan. */
PS_API ps_plan *ps_plan_table(const char *name);
/** Files or patterns ("data/x*.parquet").
 *  @param format  "parquet", "csv", ...; NULL: by the first path's extension */
PS_API ps_plan *ps_plan_files(const char *const *paths, size_t n_paths, const char *format);
/** The rows of a stream, which is read to its end now and released in every case; the plan holds
 *  them, paid for by the session's instance, and runs with any session, any number of times. */
PS_API ps_plan *ps_plan_stream(ps_session *session, struct ArrowArrayStream *stream);

/** Exactly these columns; a term without a name is called by its text. */
PS_API ps_plan *ps_plan_select(ps_plan *plan, ps_term *const *terms, size_t n_terms);
/** The columns there are, and these behind them. */
PS_API ps_plan *ps_plan_extend(ps_plan *plan, ps_term *const *terms, size_t n_terms);
/** The columns there are; each term, with its name (ps_term_as), stands in for the one of that
 *  name. */
PS_API ps_plan *ps_plan_replace(ps_plan *plan, ps_term *const *terms, size_t n_terms);
PS_API ps_plan *ps_plan_drop(ps_plan *plan, const char *const *names, size_t n_names);
PS_API ps_plan *ps_plan_filter(ps_plan *plan, ps_term *condition);
/** One row for each value of the keys, or one row without keys: keys, then aggregates. */
PS_API ps_plan *ps_plan_aggregate(ps_plan *plan, ps_term *const *keys, size_t n_keys,
                                  ps_term *const *aggregates, size_t n_aggregates);
PS_API ps_plan *ps_plan_sort(ps_plan *plan, ps_term *const *keys, size_t n_keys);
/** @param count  UINT64_MAX: all behind offset */
PS_API ps_plan *ps_plan_limit(ps_plan *plan, uint64_t offset, uint64_t count);
PS_API ps_plan *ps_plan_distinct(ps_plan *plan);

typedef enum ps_match {
    PS_MATCH_INNER = 0,
    PS_MATCH_LEFT = 1,
    PS_MATCH_RIGHT = 2,
    PS_MATCH_FULL = 3,
    PS_MATCH_SEMI = 4, /**< rows of left that have a partner, its columns only */
    PS_MATCH_ANTI = 5, /**< rows of left that have none */
    PS_MATCH_CROSS = 6 /**< every pair: no condition */
} ps_match;
/** Joins on a condition over ps_term_column_of("left", ..) and ("right", ..). */
PS_API ps_plan *ps_plan_join(ps_plan *left, ps_plan *right, ps_match match, ps_term *on);
/** Joins on equality of the columns of these names, which come once and first. */
PS_API ps_plan *ps_plan_join_using(ps_plan *left, ps_plan *right, ps_match match,
                                   const char *const *names, size_t n_names);

typedef enum ps_combine {
    PS_COMBINE_UNION = 0,
    PS_COMBINE_INTERSECT = 1,
    PS_COMBINE_EXCEPT = 2
} ps_combine;
/** Columns go by position. @param all  keep duplicates */
PS_API ps_plan *ps_plan_combine(ps_combine how, bool all, ps_plan *const *plans, size_t n_plans);

typedef struct ps_run_options {
    size_t size;                /**< sizeof: lets old callers meet new libraries */
    uint32_t threads_max;       /**< 0: as the session has it */
    uint64_t memory_bytes_max;  /**< of this query; 0: as the session has it */
    uint64_t timeout_ms;        /**< 0: as the session has it */
    const char *temp_directory; /**< for spilling; NULL: as the session has it */
    uint64_t temp_bytes_max;    /**< of its temporary files; 0: as the session has it */
    uint64_t rows_scanned_max;  /**< read by its scans; 0: as the session has it */
    uint64_t result_bytes_max;  /**< of the rows it gives; 0: as the session has it */
} ps_run_options;
#define PS_RUN_OPTIONS ((ps_run_options){.size = sizeof(ps_run_options)})

/** Binds, optimises and starts a plan. The plan is borrowed; the result does not need it any more.
 *  @param options  optional
 *  @return as ps_session_sql(); PS_MISUSE when the plan or a term of it was made from NULL */
PS_API PS_CHECKED ps_status ps_plan_run(const ps_plan *plan, ps_session *session,
                                        const ps_run_options *options, ps_result **out,
                                        ps_error *error);
/** Writes a plan's rows into a file or a directory of files, as COPY does; they are in place,
 *  whole, when this returns PS_OK (docs/writing.md).
 *  @param path     UTF-8, NUL-terminated
 *  @param options  those of COPY as SQL text: "FORMAT parquet, PARTITION_BY (a), OVERWRITE";
 *                  NULL: none, the format is that of the path's extension
 *  @param run      optional
 *  @param n_rows   optional: rows written
 *  @return as ps_session_sql(); PS_EXISTS: what is there may not be replaced  @since 0.1 */
PS_API PS_CHECKED ps_status ps_plan_write(const ps_plan *plan, ps_session *session,
                                          const char *path, const char *options,
                                          const ps_run_options *run, uint64_t *n_rows,
                                          ps_error *error);
/** Binds a plan; gives its columns as an Arrow struct type. */
PS_API PS_CHECKED ps_status ps_plan_schema(const ps_plan *plan, ps_session *session,
                                           struct ArrowSchema *out, ps_error *error);

typedef enum ps_plan_view {
    PS_PLAN_VIEW_TEXT = 0,     /**< the tree that runs, as EXPLAIN gives it */
    PS_PLAN_VIEW_GRAPHVIZ = 1, /**< the same as a drawing's source */
    PS_PLAN_VIEW_JSON = 2      /**< canonical form of the bound plan, before the optimizer */
} ps_plan_view;
/** @param out  NUL-terminated; give it back with ps_string_free() */
PS_API PS_CHECKED ps_status ps_plan_show(const ps_plan *plan, ps_session *session,
                                         ps_plan_view view, char **out, ps_error *error);
/** Sixteen bytes over the canonical form: equal plans over equal sources have equal ones. */
PS_API PS_CHECKED ps_status ps_plan_digest(const ps_plan *plan, ps_session *session,
                                           uint8_t out[16], ps_error *error);
PS_API void ps_string_free(char *text); /**< NULL ok */

/* ---- text of values ---------------------------------------------------------------------- */

/** The values of one Arrow batch as text, as CAST(value AS VARCHAR) gives them: for shells, tests
 *  and logs. One call at a time. */
typedef struct ps_cells ps_cells;

/** Reads a batch for its text.
 *  @param schema  borrowed: a struct whose children are the columns, as a stream gives it
 *  @param batch   taken over, also on failure; NULL: no rows, for names and types alone
 *  @param out     given; release with ps_cells_free(); NULL on failure
 *  @param error   optional
 *  @return PS_OK, PS_DATA (damaged batch), PS_UNSUPPORTED (a type), PS_MEMORY    @since 0.1 */
PS_API PS_CHECKED ps_status ps_cells_new(const struct ArrowSchema *schema, struct ArrowArray *batch,
                                         ps_cells **out, ps_error *error);
PS_API void ps_cells_free(ps_cells *cells); /**< NULL ok */
PS_API size_t ps_cells_n_rows(const ps_cells *cells);
PS_API size_t ps_cells_n_columns(const ps_cells *cells);
/** The name of a column, NUL-terminated, valid as long as cells. */
PS_API const char *ps_cells_name(const ps_cells *cells, size_t column);
/** The SQL type of a column ("DECIMAL(15,2)"), NUL-terminated, valid as long as cells. */
PS_API const char *ps_cells_type(const ps_cells *cells, size_t column);
/** Whether a column holds numbers: shells align them to the right, JSON leaves out quotes. */
PS_API bool ps_cells_is_number(const ps_cells *cells, size_t column);
/** The text of one value: NUL-terminated, valid until the next call with these cells.
 *  @param text     given; NULL: the value is null
 *  @param n_bytes  optional: its length without the NUL
 *  @return PS_OK, PS_MISUSE (no such row or column), PS_MEMORY */
PS_API PS_CHECKED ps_status ps_cells_text(ps_cells *cells, size_t row, size_t column,
                                          const char **text, size_t *n_bytes, ps_error *error);

#ifdef __cplusplus
}
#endif
#endif
