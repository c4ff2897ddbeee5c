/* plan/source.h -- what files, tables and databases implement so that plans can read them, and
 * what formats implement so that plans can write.
 *
 * Threads: a source is immutable and shared. A scan belongs to one query and is read-only after
 * ps_scan_open, but for dynamic filters, which are complete before the pipeline starts. A reader
 * belongs to one worker at a time.
 * Morsels are numbered 0..n-1 in the order of the source's rows and depend on data and settings
 * only, never on threads: a row's position is (morsel, row). Statistics are untrusted unless said.
 */
#ifndef PS_PLAN_SOURCE_H
#define PS_PLAN_SOURCE_H

#include "base/hash.h"
#include "col/table.h"
#include "expr/expr.h"

typedef struct ps_source ps_source;
typedef struct ps_scan ps_scan;
typedef struct ps_reader ps_reader;

/* What a source knows about itself without reading data. */
typedef struct ps_source_stats {
    double n_rows;     /* estimate */
    bool n_rows_exact; /* may answer count(*) */
    double bytes;      /* to read all columns; 0: unknown */
} ps_source_stats;
/* What it knows of one column. For planning and pruning only, but for what is marked exact: that is
 * what reading would find (ADR 12). */
typedef struct ps_source_col {
    ps_col_stats stats; /* text lives as long as the source */
    bool nulls_exact; /* n_null may answer count(x); all rows: there is no least and no greatest */
    bool range_exact; /* min and max, where has_range, may answer min(x) and max(x) */
} ps_source_col;

/* Evaluates the pushed conjuncts that a reader asks it to; given by exec, which has the programs.
 * `stage` is the index of a filter of the request; the batch holds at least that filter's columns
 * (others may be unset vectors with n set). Narrows batch->sel. */
typedef struct ps_scan_filter {
    ps_status (*run)(ps_ctx *cx, struct ps_scan_filter *filter, uint32_t stage, ps_batch *batch);
    bool again; /* set by the reader: the same rows once more, after memory was refused */
    void *user;
} ps_scan_filter;

/* A simple fact that pruning understands, extracted by the planner from the conjuncts and from
 * joins at run time: the column's value lies in [lo, hi] (either may be absent) and is not null. */
typedef struct ps_scan_range {
    uint32_t column;           /* index into ps_scan_request.columns */
    const ps_value *lo, *hi;   /* inclusive; NULL: open. Of the column's type */
    bool lo_strict, hi_strict; /* the bound itself is excluded */
} ps_scan_range;

/* A join's build side as a filter on the probe's scan: complete before the scan starts. */
typedef struct ps_dynamic_filter {
    uint32_t column; /* index into ps_scan_request.columns */
    /* Filled at run time by the join when its build side is sealed; read by readers. */
    bool ready;
    bool empty; /* the build side has no rows: nothing can match */
    bool has_range;
    ps_value lo, hi;
    /* Writes those of the n rows in sel (NULL: 0..n-1) that may have a match to sel_out; vec is a
     * batch of the column in any encoding. sel_out may be sel itself. NULL: range only. Any thread.
     */
    ps_status (*probe)(ps_ctx *cx, const void *state, const ps_vec *vec, const uint32_t *sel,
                       uint32_t n, uint32_t *sel_out, uint32_t *n_out);
    const void *state;
} ps_dynamic_filter;

typedef struct ps_scan_request {
    const uint32_t *columns; /* source ordinals to give, in this order */
    uint32_t n_columns;
    const uint32_t *const *filter_columns; /* by filter: indices into columns that it reads */
    const uint32_t *n_filter_columns;
    uint32_t
        n_filters; /* rows failing a filter need not be given; the reader calls the filter itself */
    const ps_scan_range *ranges; /* implied by the filters: for pruning */
    uint32_t n_ranges;
    ps_dynamic_filter *const *dynamic;
    uint32_t n_dynamic;
    uint64_t limit; /* rows wanted at most (after filters); 0: all */
} ps_scan_request;

typedef struct ps_source_class {
    const char *name; /* "parquet", "table", "range" */
    void (*destroy)(ps_source *source);
    ps_status (*stats)(ps_ctx *cx, const ps_source *source, ps_source_stats *out);
    /* Optional: of one column; *out is zero, which says nothing. ps_source_column calls it. */
    ps_status (*column)(ps_ctx *cx, const ps_source *source, uint32_t column, ps_source_col *out);
    /* Plans the reading: *out has its n_morsels set. */
    ps_status (*scan_open)(ps_ctx *cx, ps_arena *arena, const ps_source *source,
                           const ps_scan_request *request, ps_scan **out);
    void (*scan_close)(ps_scan *scan);
    ps_status (*reader_open)(ps_ctx *cx, ps_arena *arena, const ps_scan *scan,
                             ps_scan_filter *filter, ps_reader **out);
    void (*reader_close)(ps_reader *reader);
    /* Begins a morsel. */
    ps_status (*reader_start)(ps_ctx *cx, ps_reader *reader, uint64_t morsel);
    /* The next batch of the morsel, at most cx->batch_rows rows; out->n 0 with *done set: no more.
     * Filters of the request are applied. first_row counts rows of the morsel before filtering. */
    ps_status (*reader_next)(ps_ctx *cx, ps_reader *reader, ps_batch *out, bool *done);
    /* Optional text for EXPLAIN: files, row groups. */
    void (*explain)(const ps_source *source, ps_text *out);
    /* Optional: what one reader may hold, roughly, before anything is opened. */
    uint64_t (*reader_bytes)(ps_ctx *cx, const ps_source *source, const ps_scan_request *request);
    bool reader_needs; /* all of that, rather than likes to have it */
    /* Optional: a canonical description (kind, files with their identity, options) for hash and
     * JSON. */
    void (*describe)(const ps_source *source, ps_text *out);
} ps_source_class;

/* Embedded first in every source; counted. */
struct ps_source {
    ps_owner owner; /* its destroy calls class->destroy */
    const ps_source_class *class;
    ps_schema *schema;
    ps_str name; /* for printing: table or file */
};
/* What a scan did not have to read, for EXPLAIN ANALYZE: parts are "row groups", "segments". */
typedef struct ps_scan_facts {
    const char *part; /* NULL: the source has none */
    uint64_t n_parts;
    _Atomic uint64_t n_left_out; /* parts that statistics or a limit excluded when it was planned */
    _Atomic uint64_t n_rows_unread;
    _Atomic uint64_t n_bytes_back; /* of tables, that came back from temporary files */
} ps_scan_facts;
struct ps_scan {
    const ps_source *source;
    uint64_t n_morsels;
    uint64_t reader_bytes; /* what one reader may hold, roughly; 0: little */
    ps_scan_facts facts;
};
struct ps_reader {
    const ps_scan *scan;
};

PS_INLINE ps_source *ps_source_ref(ps_source *s)
{
    if (s) ps_owner_ref(&s->owner);
    return s;
}
PS_INLINE void ps_source_unref(ps_source *s)
{
    if (s) ps_owner_unref(&s->owner);
}
/* Fills the base; takes a reference on schema. */
void ps_source_init(ps_source *source, const ps_source_class *class, ps_schema *schema,
                    ps_str name);

/* What a source knows of one of its columns. */
ps_status ps_source_column(ps_ctx *cx, const ps_source *source, uint32_t column,
                           ps_source_col *out);

/* A table as a source; morsels are pieces of segments. */
ps_status ps_table_source_new(ps_ctx *cx, ps_table *table, ps_str name, ps_source **out);
/* lo, lo + step, ... below hi (above for a negative step): one BIGINT column. */
ps_status ps_range_source_new(ps_ctx *cx, int64_t lo, int64_t hi, int64_t step, ps_source **out);

/* Named options of a reader, a table function or COPY: values are constants. */
typedef struct ps_option {
    ps_str name;
    ps_value value;
    uint32_t at;
} ps_option;
typedef struct ps_options {
    const ps_option *at;
    uint32_t n;
} ps_options;

/* A format that can be read from files; the list is built by api and given to binders, so that
 * frontends know no format by name. */
typedef struct ps_format {
    const char *name;              /* "parquet"; its table function is read_<name> */
    const char *const *extensions; /* {".parquet", NULL} */
    /* One source over a list of files (already globbed, sorted, at least one). */
    ps_status (*open)(ps_ctx *cx, const ps_str *paths, uint32_t n_paths, const ps_options *options,
                      ps_source **out);
    const struct ps_sink_class *sink; /* NULL: can't be written */
} ps_format;

/* What happens to what a directory holds already. */
typedef enum ps_write_mode {
    PS_WRITE_NEW, /* there must be nothing in it */
    PS_WRITE_OVERWRITE,
    PS_WRITE_APPEND,
    PS_WRITE_MODE_COUNT
} ps_write_mode;
extern const char *const ps_write_mode_names[];

/* A directory of files instead of one file (exec/dataset.c). */
typedef struct ps_dataset_spec {
    ps_write_mode mode;
    const uint32_t
        *partition; /* input columns that name the directories: rows come sorted by them */
    const ps_str *partition_names;
    uint32_t n_partition;
    bool keep_columns;            /* they are written into the files too */
    uint64_t rows_max, bytes_max; /* of a file; 0: no limit */
    ps_str extension;             /* of files, without the dot; n 0: the format's name */
    ps_str job; /* files are committed one by one under this name; n 0: all at once */
    const ps_hash128 *identity; /* of the job: set when it runs; no part of hash or JSON */
} ps_dataset_spec;

/* Writing: one sink for a query; tasks hand it batches in order of position. */
typedef struct ps_sink ps_sink;
typedef struct ps_sink_class ps_sink_class;
typedef struct ps_sink_spec { /* what a Write node holds */
    const ps_sink_class *class;
    ps_str path; /* of a file or a directory; a table's name */
    ps_options options;
    const ps_dataset_spec *dataset; /* NULL: one file, or a table */
    struct ps_stage *stage;         /* set for each file of a dataset: fs/stage.h; not in a plan */
    void *user; /* for sinks that are not files: not part of the plan's hash or JSON */
} ps_sink_spec;
struct ps_sink_class {
    const char *name;
    /* Checks options and prepares the temporary file; nothing at the final name before commit. spec
     * lives as long as the plan. */
    ps_status (*open)(ps_ctx *cx, const ps_sink_spec *spec, const ps_schema *schema, ps_sink **out);
    ps_status (*write)(ps_ctx *cx, ps_sink *sink,
                       const ps_batch *batch); /* one call at a time, in order */
    ps_status (*commit)(ps_ctx *cx, ps_sink *sink, uint64_t *n_rows); /* the file appears whole */
    /* What it holds of rows that it took, at most, under a memory limit. NULL: much, as files of
     * row groups do. */
    uint64_t (*floor_bytes)(const ps_schema *schema, uint64_t memory_limit);
    uint64_t (*bytes)(const ps_sink *sink); /* given to the file so far; depends on rows alone */
    void (*close)(ps_sink *sink); /* after commit or instead of it: leaves nothing behind */
};

#endif
