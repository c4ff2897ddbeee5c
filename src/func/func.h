/* func/func.h -- the function catalog: what exists, what it takes, the kernel behind it.
 *
 * Every entry comes from a family's TOML file (src/func/<family>.toml) through tools/gen.py, which
 * writes gen/func/catalog.c; kernels are beside the TOML (src/func/<family>.c, *.kern.c). Entries
 * are static and shared. Adding a function: its TOML entry and its kernel.
 *
 * Kernels see their exact argument types (casts are inserted before), any layout and encoding that
 * the type may come in. With nulls = "propagate" the caller has set out->valid to the AND of the
 * arguments' validity and calls the kernel for rows that may be null: it must be defined for any
 * bit pattern there. Errors of rows are marked, not raised: ps_call_error(). */
#ifndef PS_FUNC_FUNC_H
#define PS_FUNC_FUNC_H

#include "col/batch.h"
#include "expr/expr.h"

typedef enum ps_func_kind { PS_FUNC_SCALAR, PS_FUNC_AGGREGATE, PS_FUNC_WINDOW } ps_func_kind;
typedef enum ps_nulls { PS_NULLS_PROPAGATE, PS_NULLS_ACCEPT, PS_NULLS_IGNORE } ps_nulls;
typedef enum ps_purity { PS_PURITY_IMMUTABLE, PS_PURITY_PER_QUERY, PS_PURITY_VOLATILE } ps_purity;

/* Rows whose value could not be computed. The program asks about a row again, with report set,
 * to get the message only when that row turns out to be live at the end. */
typedef struct ps_row_errors {
    uint64_t *rows; /* bitmap of the batch's rows */
    bool any;
    bool report; /* record the message of report_row in cx */
    uint32_t report_row;
} ps_row_errors;

typedef struct ps_call {
    ps_ctx *cx;
    const ps_expr
        *expr; /* the call: func, argument and result types; literals can be read from its args */
    const ps_vec *args;
    uint32_t n_args;
    const uint32_t *sel; /* rows wanted: sel[0..n), or 0..n-1 when NULL */
    uint32_t n;
    ps_vec_buf *buf; /* memory for the result */
    ps_vec *out; /* type, n (physical rows) and valid are set; kernel sets layout, data, encoding,
                    bounds; may replace valid */
    ps_row_errors *errors;
    void *state; /* from prepare; one per worker and call site; NULL without prepare */
} ps_call;

/* Marks a row (physical number) as an error. The message is built only when asked for. */
void ps_call_error(ps_call *call, uint32_t row, const char *format, ...) PS_PRINTF(3, 4);

typedef struct ps_func_class {
    ps_status (*eval)(ps_call *call);
    /* Optional: makes the state of one worker at one call site from literal arguments (a compiled
     * pattern); lives in the arena, release is called at the end of the query. */
    ps_status (*prepare)(ps_ctx *cx, ps_arena *arena, const ps_expr *expr, void **state);
    void (*release)(void *state);
} ps_func_class;

/* The definition of a kernel: PS_FN(add_int, .eval = add_int_eval) makes ps_fn_add_int, which the
 * TOML names as kernel = "add_int". tools/gen.py looks for this spelling (or `ps_fn_add_int =`): an
 * entry whose kernel no source defines has no class and answers PS_UNSUPPORTED. */
#define PS_FN(name, ...)                                                                           \
    extern const ps_func_class ps_fn_##name;                                                       \
    const ps_func_class ps_fn_##name = {__VA_ARGS__}

typedef struct ps_agg_class ps_agg_class;       /* func/agg.h */
typedef struct ps_window_class ps_window_class; /* func/window.h */

/* What the window operator computes itself; aggregates over frames have 0. */
typedef enum ps_window_id {
    PS_WINDOW_NONE,
    PS_WINDOW_ROW_NUMBER,
    PS_WINDOW_RANK,
    PS_WINDOW_DENSE_RANK,
    PS_WINDOW_PERCENT_RANK,
    PS_WINDOW_CUME_DIST,
    PS_WINDOW_NTILE,
    PS_WINDOW_LAG,
    PS_WINDOW_LEAD,
    PS_WINDOW_FIRST_VALUE,
    PS_WINDOW_LAST_VALUE,
    PS_WINDOW_NTH_VALUE
} ps_window_id;

/* One parameter of a signature. */
typedef enum ps_param_kind {
    PS_PARAM_TYPE, /* exactly `type` (other arguments are cast to it) */
    PS_PARAM_VAR,  /* type variable `var`: all of one call get their common type */
    PS_PARAM_NUMERIC,
    PS_PARAM_INTEGER,
    PS_PARAM_DECIMAL,
    PS_PARAM_TEMPORAL,
    PS_PARAM_BYTES,   /* class variables, same rule by `var` */
    PS_PARAM_ANY,     /* anything, no cast */
    PS_PARAM_LIST_VAR /* a list of `var` */
} ps_param_kind;
typedef struct ps_param {
    uint8_t kind;  /* ps_param_kind */
    uint8_t var;   /* 0: none, else 1.. */
    bool constant; /* must be a literal after folding */
    ps_type type;
    const char *name;
} ps_param;

struct ps_func {
    const char *name; /* canonical */
    uint8_t kind;     /* ps_func_kind */
    uint8_t nulls, purity;
    bool fallible;
    bool variadic;        /* the last parameter repeats, 0 or more times */
    bool order_sensitive; /* aggregates: by position, else order-free */
    uint8_t window_id;    /* ps_window_id of a window function */
    uint8_t n_params;
    uint8_t n_required; /* parameters from here on have no argument when left out */
    const ps_param *params;
    ps_param result; /* fixed type or variable */
    /* For results a signature can't say (decimal precision): fills arg_types (to cast to) and
     * *result. */
    ps_status (*resolve)(ps_ctx *cx, const ps_func *func, const ps_expr *const *args, uint32_t n,
                         ps_type *arg_types, ps_type *result);
    const ps_func_class *scalar;
    const ps_agg_class *aggregate;
    const ps_window_class *window;
    const char *doc, *signature, *example, *since;
    const char *const *names; /* all names incl. the canonical one, NULL-terminated */
};

PS_STATIC_ASSERT(PS_PURITY_VOLATILE == 2, "expr/build.h knows this number");
PS_STATIC_ASSERT(offsetof(ps_func, name) == offsetof(ps_func_head, name) &&
                     offsetof(ps_func, kind) == offsetof(ps_func_head, kind) &&
                     offsetof(ps_func, nulls) == offsetof(ps_func_head, nulls) &&
                     offsetof(ps_func, purity) == offsetof(ps_func_head, purity) &&
                     offsetof(ps_func, fallible) == offsetof(ps_func_head, fallible),
                 "expressions read a catalog entry's head");

extern const ps_func *const ps_catalog[];
extern const size_t ps_catalog_count;

/* What a name and arguments come to. */
typedef struct ps_func_match {
    const ps_func *func;
    ps_type result;
    ps_type *arg_types; /* in the arena: what each argument must be cast to */
} ps_func_match;

/* The overload of the lowest cast cost; PS_BIND with the candidates listed, or near names.
 * Untyped literals (NULL, 'text', integers) adapt to the other arguments (func/coerce.h). */
ps_status ps_func_resolve(ps_ctx *cx, ps_arena *arena, ps_func_kind kind, ps_str name,
                          const ps_expr *const *args, uint32_t n, ps_func_match *out);
/* Resolves, inserts casts and builds the call; the usual way to make one. NULL on failure. */
const ps_expr *ps_func_call(ps_ctx *cx, ps_arena *arena, ps_str name, const ps_expr *const *args,
                            uint32_t n);
/* The only entry of a name that the library itself builds plans with; a bug if absent: "=",
 * "count". */
const ps_func *ps_func_find(ps_func_kind kind, const char *name);
bool ps_func_exists(ps_func_kind kind, ps_str name);

/* Coercion lattice. */
/* The type both can be cast to without loss of meaning; false: none. A literal adapts. */
bool ps_type_common(ps_type a, ps_type b, ps_type *out);
bool ps_type_common_expr(const ps_expr *a, const ps_expr *b, ps_type *out);
/* Cost of the implicit cast: 0 equal, higher is worse, -1 not implicit. */
int ps_cast_cost(ps_type from, ps_type to);
int ps_cast_cost_expr(const ps_expr *from, ps_type to);
/* Whether an explicit cast exists at all. */
bool ps_cast_exists(ps_type from, ps_type to);
/* The comparison that says the same with its arguments exchanged (">" for "<"), static; NULL: the
 * name is none of = <> < <= > >=. */
const char *ps_comparison_mirrored(const char *name);
/* The kernel of a cast, called with args[0] and out->type set. */
ps_status ps_cast_eval(ps_call *call);
/* One value; *ok false: it doesn't fit (message recorded when cx is to report). */
ps_status ps_cast_value(ps_ctx *cx, ps_arena *arena, const ps_value *from, ps_type to, bool *ok,
                        ps_value *out);

#endif
