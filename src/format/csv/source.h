/* format/csv/source.h -- inside csv: the source, its dialect, what a scan shares. */
#ifndef PS_FORMAT_CSV_SOURCE_H
#define PS_FORMAT_CSV_SOURCE_H

#include "base/thread.h"
#include "format/csv/index.h"
#include "format/csv/options.h"
#include "fs/file.h"

typedef struct ps_csv_file {
    ps_str path;
    ps_file_id id;
    uint64_t start;  /* of the first record: after mark, skipped lines and header */
    uint64_t morsel; /* its first one */
} ps_csv_file;

typedef struct ps_csv_source {
    ps_source base;
    ps_arena arena;
    ps_csv_options options;
    ps_csv_dialect dialect;
    ps_csv_file *files;
    uint32_t n_files;
    uint64_t n_morsels, bytes;
    double row_bytes;   /* of the sample */
    uint64_t n_sniffed; /* rows that types come from; 0: they were given */
} ps_csv_source;

typedef struct ps_csv_scan {
    ps_scan base;
    ps_scan_request request;
    ps_mutex mutex;
    /* Under the mutex; a state plus one, 0: not known yet. */
    uint8_t (*exits)[PS_CSV_STATES]; /* by morsel and the state it begins in */
    uint8_t *entries;                /* by morsel */
} ps_csv_scan;

/* Finds dialect, header, names and types in the first file; sets the fields of source that the
 * options left open. fields are in the arena. */
ps_status ps_csv_sniff(ps_ctx *cx, ps_csv_source *source, ps_file *file, ps_csv_file *facts,
                       ps_field **fields, uint32_t *n_fields);
/* Where the records of another file begin. */
ps_status ps_csv_file_start(ps_ctx *cx, const ps_csv_source *source, ps_file *file,
                            ps_csv_file *facts);

/* The text of a field whose bytes are [at, at + n): without quotes and escapes, which may need room
 * in the arena. False with cx's error clear: something stands after the closing quote. */
bool ps_csv_field(ps_ctx *cx, ps_arena *arena, ps_csv_dialect d, const char *at, size_t n,
                  ps_str *out, bool *quoted);
/* A value of a type out of a field's text into slot i of data, in the canonical layout. */
bool ps_csv_convert(ps_str text, ps_type type, ps_layout layout, void *data, size_t i);
/* Line breaks before an offset, plus one. */
ps_status ps_csv_line_of(ps_ctx *cx, const ps_file *file, uint64_t offset, uint64_t *line);

ps_status ps_csv_reader_open(ps_ctx *cx, ps_arena *arena, const ps_scan *scan,
                             ps_scan_filter *filter, ps_reader **out);
void ps_csv_reader_close(ps_reader *reader);
ps_status ps_csv_reader_start(ps_ctx *cx, ps_reader *reader, uint64_t morsel);
ps_status ps_csv_reader_next(ps_ctx *cx, ps_reader *reader, ps_batch *out, bool *done);

#endif
