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
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

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
#define PS_STATUS_LIST(X)                                                                         \
    X(OK, 0, "00000", "ok")                                                                       \
    X(PARSE, 10, "42601", "the text is not a valid statement")                                    \
    X(BIND, 11, "42000", "a name or type could not be resolved")                                  \
    X(UNSUPPORTED, 12, "0A000", "valid, but this version can't do it")                            \
    X(EXISTS, 13, "42710", "something of that name exists already")                               \
    X(INVALID, 14, "22023", "an argument or setting is out of its range")                         \
    X(VALUE, 20, "22000", "a value can't be computed: overflow, division by zero, invalid cast")  \
    X(DATA, 21, "22P04", "an input is damaged or not of the form it claims")                      \
    X(MEMORY, 30, "53200", "allocation failed or the memory limit is reached")                    \
    X(IO, 31, "58030", "a file or directory could not be read or written")                        \
    X(DISK_FULL, 32, "53100", "no room on the device or above the cap for temporary files")       \
    X(CANCELLED, 40, "57014", "stopped by request")                                               \
    X(TIMEOUT, 41, "57014", "stopped because its time limit was reached")                         \
    X(MISUSE, 50, "HY010", "a call broke this interface's rules")                                 \
    X(INTERNAL, 99, "XX000", "a bug in this library")

typedef enum ps_status {
#define X(NAME, NUMBER, SQLSTATE, TEXT) PS_##NAME = NUMBER,
    PS_STATUS_LIST(X)
#undef X
} ps_status;

/** What went wrong, on the caller's stack: nothing to free. Zero-initialise it. */
typedef struct ps_error {
    ps_status code;
    uint32_t line;       /**< 1-based position in the statement's text; 0: not about text */
    uint32_t column;     /**< 1-based, in code points */
    uint32_t offset;     /**< byte offset in the statement's text plus one; 0: not about text */
    char message[1024];  /**< what, where, the value; NUL-terminated UTF-8 */
    char hint[256];      /**< what to do about it; may be empty */
    char excerpt[512];   /**< the line of the statement with a caret under it; may be empty */
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
    size_t size;                 /**< sizeof: lets old callers meet new libraries */
    uint32_t threads;            /**< that run queries, the caller's included; 0: one per core */
    uint64_t memory_bytes_max;   /**< for all data of all queries; 0: 80 % of the machine's memory */
    const char *temp_directory;  /**< for spilling; NULL: TMPDIR or /tmp */
} ps_instance_options;
#define PS_INSTANCE_OPTIONS ((ps_instance_options){.size = sizeof(ps_instance_options)})

/** @param options  optional
 *  @return PS_OK, PS_MEMORY, PS_INVALID */
PS_API PS_CHECKED ps_status ps_instance_new(const ps_instance_options *options, ps_instance **out,
                                            ps_error *error);
/** Gives the caller's reference back; what sessions and results still use stays until they are freed.
 *  NULL is fine. */
PS_API void ps_instance_free(ps_instance *instance);

/* ---- sessions --------------------------------------------------------------------------- */

/** Settings, temporary tables, prepared statements: what one user of an instance has. One call at a
 *  time, but for ps_session_cancel(). */
typedef struct ps_session ps_session;

PS_API PS_CHECKED ps_status ps_session_new(ps_instance *instance, ps_session **out, ps_error *error);
/** NULL is fine. Results of this session stay usable. */
PS_API void ps_session_free(ps_session *session);
/** SET name = value, with the value as text ("4", "256MiB", "true").
 *  @return PS_OK, PS_BIND (no such setting; near names in the message), PS_INVALID */
PS_API PS_CHECKED ps_status ps_session_set(ps_session *session, const char *name, const char *value,
                                           ps_error *error);
/** The value of a setting as text, into buffer (NUL-terminated, cut when it is too small). */
PS_API PS_CHECKED ps_status ps_session_get(ps_session *session, const char *name, char *buffer,
                                           size_t buffer_bytes, ps_error *error);
/** Stops what the session is doing (parsing, planning, running), from any thread, within about
 *  100 ms; that call gives PS_CANCELLED. No effect when it does nothing. */
PS_API void ps_session_cancel(ps_session *session);

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
PS_API PS_CHECKED ps_status ps_result_schema(ps_result *result, struct ArrowSchema *out, ps_error *error);

typedef enum ps_fetch {
    PS_FETCH_BATCH = 0, /**< a batch was given */
    PS_FETCH_END = 1,   /**< there are no more */
    PS_FETCH_WAIT = 2   /**< the time was up; ask again */
} ps_fetch;
/** The next rows as an Arrow struct array; the calling thread works on the query while it waits.
 *  Batches come in the query's order; they are valid after the result is freed.
 *  @param timeout_ms  UINT64_MAX: as long as it takes */
PS_API PS_CHECKED ps_status ps_result_next(ps_result *result, uint64_t timeout_ms, struct ArrowArray *out,
                                           ps_fetch *fetch, ps_error *error);
/** Turns the result into an Arrow stream, which owns it from now on. Its errors are errno values with
 *  get_last_error's text. */
PS_API PS_CHECKED ps_status ps_result_stream(ps_result *result, struct ArrowArrayStream *out, ps_error *error);
/** Stops the query, from any thread; the next fetch gives PS_CANCELLED. */
PS_API void ps_result_cancel(ps_result *result);
/** Part of the input that was read, 0 to 1, from any thread; below 0: not known yet. */
PS_API double ps_result_progress(const ps_result *result);

/* ---- tables ------------------------------------------------------------------------------ */

/** Reads a stream to its end into a table of the instance (replacing one of that name). Values are
 *  copied into the table's own layout: nothing of the producer is held after the call.
 *  @param stream  taken over and released, also on failure
 *  @return PS_OK, PS_DATA (a broken array, with where), PS_UNSUPPORTED (a type), PS_MEMORY,
 *          PS_CANCELLED, PS_INVALID (no name), PS_MISUSE */
PS_API PS_CHECKED ps_status ps_session_import(ps_session *session, const char *name,
                                              struct ArrowArrayStream *stream, ps_error *error);

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
PS_API PS_CHECKED ps_status ps_cells_new(const struct ArrowSchema *schema,
                                         struct ArrowArray *batch, ps_cells **out,
                                         ps_error *error);
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
