/* format/csv/options.h -- inside csv: the named options of read_csv and COPY, checked. */
#ifndef PS_FORMAT_CSV_OPTIONS_H
#define PS_FORMAT_CSV_OPTIONS_H

#include "plan/source.h"

/* An option that was not given keeps what the struct held before. */
typedef struct ps_csv_options {
    char delim, quote, escape; /* quote 0: none */
    bool has_delim, has_quote, has_escape, has_header, has_force;
    bool header, all_varchar, ignore_errors, null_padding;
    ps_str null;        /* the text of NULL */
    ps_str force_quote; /* a column, or * for all */
    uint64_t skip;      /* lines before the header */
    uint64_t sample;    /* rows to sniff */
    uint64_t line_bytes_max, chunk_bytes;
    const ps_value *names, *types, *columns; /* lists of text; a struct of text */
} ps_csv_options;

/* Fails with near names for an option that readers (or writers) don't have. */
ps_status ps_csv_options_read(ps_ctx *cx, const ps_options *options, bool writing,
                              ps_csv_options *out);
/* The type a SQL name stands for: those that a field of text can be read as. */
ps_status ps_csv_type_of_name(ps_ctx *cx, ps_str name, ps_type *out);

#endif
