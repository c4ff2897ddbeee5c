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
