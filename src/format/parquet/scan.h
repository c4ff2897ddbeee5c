/* format/parquet/scan.h -- the source, its scan and its readers; private to this folder. */
#ifndef PS_FORMAT_PARQUET_SCAN_H
#define PS_FORMAT_PARQUET_SCAN_H

#include "format/parquet/cursor.h"
#include "format/parquet/parquet.h"

enum { PS_PQ_MORSEL_ROWS = 122880 };

typedef struct ps_pq_file {
    ps_str path;
    ps_file_id id; /* as it was when the footer was read */
    ps_pq_meta meta;
    ps_pq_schema schema;
    uint32_t *columns; /* by column of the source: child of the root */
} ps_pq_file;

typedef struct ps_pq_source {
    ps_source base;
    ps_arena arena; /* everything below */
    ps_pq_file *files;
    uint32_t n_files;
    int64_t n_rows;
    double bytes; /* compressed */
} ps_pq_source;

/* A row group that is read by several morsels: what they share of each leaf of the request. */
typedef struct ps_pq_group {
    uint32_t file, row_group;
    ps_pq_shared *leaves;  /* in the order of the request's columns; NULL: one morsel only */
    _Atomic uint32_t left; /* morsels that have not ended */
} ps_pq_group;

typedef struct ps_pq_morsel {
    uint32_t group;
    int64_t row, row_end; /* of the row group */
} ps_pq_morsel;

typedef struct ps_pq_scan {
    ps_scan base;
    ps_scan_request request;
    ps_arena pages; /* under each group's mutexes and this one */
    ps_mutex mutex; /* guards pages */
    ps_pq_group *groups;
    ps_pq_morsel *morsels;
    uint32_t n_groups;
    uint32_t n_leaves; /* of the requested columns of one file */
} ps_pq_scan;

PS_INLINE const ps_pq_source *ps_pq_source_of(const ps_source *s)
{
    return (const ps_pq_source *)(const void *)s;
}
PS_INLINE const ps_pq_node *ps_pq_column_node(const ps_pq_file *f, uint32_t column)
{
    return &f->schema.root.children[f->columns[column]];
}

/* source_stats.c */
ps_status ps_pq_source_stats(ps_ctx *cx, const ps_source *source, ps_source_stats *out);
ps_status ps_pq_source_column(ps_ctx *cx, const ps_source *source, uint32_t column,
                              ps_source_col *out);

/* prune.c: the bound of a leaf's values from a file's bytes; false: can't be used. */
bool ps_pq_stat_value(const ps_pq_node *leaf, bool legacy, ps_str bytes, ps_value *out);
/* No row of which the statistics tell can lie in the range (which implies not null). */
bool ps_pq_range_excludes(const ps_pq_node *leaf, const ps_pq_stats *stats, int64_t n_values,
                          const ps_scan_range *range);
bool ps_pq_group_excluded(const ps_pq_file *file, const ps_pq_row_group *group,
                          const ps_scan_request *request, bool dynamic);
/* Rows [row, row_end) without those of pages that the ranges exclude: *spans in order, at least one
 * unless nothing is left. */
typedef struct ps_pq_span {
    int64_t row, row_end;
} ps_pq_span;
typedef PS_ARRAY(ps_pq_span) ps_pq_spans;
ps_status ps_pq_page_spans(ps_ctx *cx, ps_arena *arena, const ps_file *file, const ps_pq_file *meta,
                           const ps_pq_row_group *group, const ps_scan_request *request,
                           int64_t row, int64_t row_end, ps_pq_spans *out);

/* scan.c */
/* Of the largest row group of all files, whatever the scan will leave out. */
uint64_t ps_pq_reader_bytes(ps_ctx *cx, const ps_source *source, const ps_scan_request *request);
ps_status ps_pq_scan_open(ps_ctx *cx, ps_arena *arena, const ps_source *source,
                          const ps_scan_request *request, ps_scan **out);
void ps_pq_scan_close(ps_scan *scan);
/* Looks for the pages of a leaf that several morsels read. */
ps_status ps_pq_shared_prepare(ps_ctx *cx, ps_pq_scan *scan, const ps_file *file,
                               const ps_pq_node *leaf, const ps_pq_chunk *chunk, int64_t n_rows,
                               ps_pq_shared *shared);
/* A morsel of the group has ended: the last one gives the dictionaries back. */
void ps_pq_group_leave(ps_pq_scan *scan, ps_pq_group *group);

/* reader.c */
ps_status ps_pq_reader_open(ps_ctx *cx, ps_arena *arena, const ps_scan *scan,
                            ps_scan_filter *filter, ps_reader **out);
void ps_pq_reader_close(ps_reader *reader);
ps_status ps_pq_reader_start(ps_ctx *cx, ps_reader *reader, uint64_t morsel);
ps_status ps_pq_reader_next(ps_ctx *cx, ps_reader *reader, ps_batch *out, bool *done);

#endif
