/* exec/dataset.c -- rows in order to a directory of files: one at a time is open.
 *
 * Rows come sorted by the partition's columns (plan/node.c), so a partition's rows are side by side
 * and a file ends where the next partition begins, or where it is full. Which rows are in which
 * file depends on rows and options alone. Names: <column>=<value>/.../part-<number>-<id>.<format>,
 * percent-encoded; the id is another one in each write, so that a reader who listed the directory
 * before it was replaced misses files instead of reading some of each.
 *
 * All files appear at once (fs/stage.h), or, as a job, one after the other (fs/job.h): a job that
 * is started again leaves out the rows of the files that are there.
 *
 * Memory: what the open file's sink holds. Tests: tests/slt/op/write_dataset.test,
 * write_job.test, tests/py/test_kills.py */
#include "exec/dataset.h"

#include "col/value.h"
#include "fs/file.h"
#include "fs/job.h"
#include "fs/stage.h"
#include "fs/sys.h"
#include "fs/tree.h"

#include <errno.h>
#include <limits.h>

enum {
    STEP_ROWS = 1024, /* after which a file may be full by its bytes */
    PART_DIGITS = 6,
    NAME_PARTS_MAX = 64
};

static const char NULL_NAME[] = "__HIVE_DEFAULT_PARTITION__";

/* The sink of the open file is another ps_sink: a format's. */
typedef struct ps_sink file_sink;

struct ps_sink {
    const ps_sink_spec *spec;
    const ps_dataset_spec *dataset;
    ps_arena arena;
    ps_schema *schema;          /* of the files */
    const ps_schema *schema_in; /* of the rows */
    uint32_t *columns;          /* of a row, in the file's order */
    ps_vec *cols;
    uint32_t *sel; /* room for a batch */
    ps_stage *stage;
    ps_job *job;
    uint64_t id;
    uint64_t n_skip; /* rows that the job wrote before */
    uint64_t n_rows, n_files;
    /* the open file */
    file_sink *file;
    ps_sink_spec file_spec;
    uint64_t file_rows;
    ps_text dir, next_dir; /* of its partition, ends in a slash; scratch */
    ps_text value;
    ps_text name; /* relative to the directory */
    ps_text path; /* a job's file */
};

static void dataset_close(ps_sink *sink)
{
    if (!sink) return;
    if (sink->file) sink->spec->class->close(sink->file);
    ps_stage_free(sink->stage);
    ps_job_free(sink->job);
    ps_schema_unref(sink->schema);
    ps_text_release(&sink->dir);
    ps_text_release(&sink->next_dir);
    ps_text_release(&sink->value);
    ps_text_release(&sink->name);
    ps_text_release(&sink->path);
    ps_arena_release(&sink->arena);
    ps_free(sink);
}

static bool is_partition(const ps_dataset_spec *dataset, uint32_t column)
{
    for (uint32_t i = 0; i < dataset->n_partition; i++)
        if (dataset->partition[i] == column) return true;
    return false;
}

static ps_status columns_set(ps_ctx *cx, ps_sink *sink)
{
    const ps_schema *in = sink->schema_in;
    ps_field *fields = PS_ARENA_ARRAY(cx, &sink->arena, ps_field, in->n + 1);
    uint32_t n = 0;

    sink->columns = PS_ARENA_ARRAY(cx, &sink->arena, uint32_t, in->n + 1);
    sink->cols = PS_ARENA_ARRAY(cx, &sink->arena, ps_vec, in->n + 1);
    sink->sel = PS_ARENA_ARRAY(cx, &sink->arena, uint32_t, PS_BATCH_ROWS_MAX);
    if (!fields || !sink->columns || !sink->cols || !sink->sel) return PS_MEMORY;
    for (uint32_t i = 0; i < in->n; i++) {
        if (!sink->dataset->keep_columns && is_partition(sink->dataset, i)) continue;
        fields[n] = in->fields[i];
        sink->columns[n++] = i;
    }
    return ps_schema_new(cx, fields, n, &sink->schema);
}

static ps_status place_open(ps_ctx *cx, ps_sink *sink)
{
    static const ps_stage_mode MODES[PS_WRITE_MODE_COUNT] = {
        [PS_WRITE_NEW] = PS_STAGE_NEW,
        [PS_WRITE_OVERWRITE] = PS_STAGE_OVERWRITE,
        [PS_WRITE_APPEND] = PS_STAGE_APPEND,
    };
    const ps_dataset_spec *dataset = sink->dataset;

    if (!dataset->job.n) {
        if (ps_sys_random(&sink->id, sizeof sink->id) != 0)
            return ps_file_fail(cx, errno, "making names for files of", sink->spec->path);
        return ps_stage_open(cx, sink->spec->path, MODES[dataset->mode], &sink->stage);
    }
    if (!ps_job_name_valid(dataset->job))
        return ps_fail(cx, PS_BIND, "a JOB's name is of at most %d letters, digits, - and _: %.*s",
                       PS_JOB_NAME_MAX, PS_STR_ARGS(dataset->job));
    if (!dataset->identity) return PS_BUG(cx, "a job without an identity");
    PS_TRY(ps_job_open(cx, sink->spec->path, dataset->job, *dataset->identity,
                       dataset->mode == PS_WRITE_APPEND, &sink->job));
    sink->id = ps_job_id(sink->job);
    sink->n_skip = ps_job_rows(sink->job);
    sink->n_files = ps_job_files(sink->job);
    return PS_OK;
}

static void texts_of(ps_ctx *cx, ps_sink *sink)
{
    sink->dir.cx = sink->next_dir.cx = sink->value.cx = sink->name.cx = sink->path.cx = cx;
}

static ps_status dataset_open(ps_ctx *cx, const ps_sink_spec *spec, const ps_schema *schema,
                              ps_sink **out)
{
    ps_sink *sink = ps_alloc_zero(cx, sizeof *sink);
    ps_status st = PS_OK;

    *out = NULL;
    if (!sink) return PS_MEMORY;
    texts_of(cx, sink);
    sink->spec = spec;
    sink->dataset = spec->dataset;
    sink->schema_in = schema;
    if (sink->dataset->n_partition > NAME_PARTS_MAX)
        PS_GO(ps_fail(cx, PS_UNSUPPORTED, "more than %d columns in PARTITION_BY", NAME_PARTS_MAX));
    PS_GO(columns_set(cx, sink));
    PS_GO(place_open(cx, sink));
    *out = sink;
    sink = NULL;
done:
    dataset_close(sink);
    return st;
}

/* ---- names ---- */

static bool is_plain(unsigned char c)
{
    const unsigned char letter = c | 32;

    return (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '~' || c >= 0x80;
}

/* As in a URI: what every reader of Hive's names undoes. */
static void name_encode(ps_text *out, const char *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)at[i];
        if (is_plain(c)) ps_text_char(out, at[i]);
        else ps_text_printf(out, "%%%02X", c);
    }
}

static ps_status part_add(ps_ctx *cx, ps_sink *sink, const ps_vec *vec, uint32_t row, ps_str column,
                          ps_text *out)
{
    const size_t begin = out->n;

    name_encode(out, column.at, column.n);
    ps_text_char(out, '=');
    if (!ps_vec_row_valid(vec, row)) {
        ps_text_puts(out, NULL_NAME);
    } else {
        ps_text_clear(&sink->value);
        ps_vec_print(vec, row, &sink->value);
        PS_TRY(ps_text_status(&sink->value));
        if (ps_str_equal((ps_str){sink->value.at, sink->value.n}, ps_str_of(NULL_NAME)))
            return ps_fail(cx, PS_VALUE,
                           "a value of PARTITION_BY column %.*s is the name that "
                           "stands for NULL: %s",
                           PS_STR_ARGS(column), NULL_NAME);
        if (sink->value.n) name_encode(out, sink->value.at, sink->value.n);
    }
    PS_TRY(ps_text_status(out));
    if (out->n - begin > NAME_MAX)
        return ps_fail(cx, PS_VALUE,
                       "a value of PARTITION_BY column %.*s is too long for the "
                       "name of a directory: %zu bytes, %d are possible",
                       PS_STR_ARGS(column), out->n - begin, NAME_MAX);
    ps_text_char(out, '/');
    return ps_text_status(out);
}

/* The directory of a row. */
static ps_status dir_make(ps_ctx *cx, ps_sink *sink, const ps_batch *batch, uint32_t row,
                          ps_text *out)
{
    const ps_dataset_spec *dataset = sink->dataset;

    ps_text_clear(out);
    for (uint32_t i = 0; i < dataset->n_partition; i++)
        PS_TRY(part_add(cx, sink, &batch->cols[dataset->partition[i]], row,
                        dataset->partition_names[i], out));
    return PS_OK;
}

static bool texts_equal(const ps_text *a, const ps_text *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->at, b->at, a->n) == 0);
}

/* ---- files ---- */

static ps_status file_open(ps_ctx *cx, ps_sink *sink)
{
    const ps_str extension = sink->dataset->extension;
    const char *format = sink->spec->class->name;

    ps_text_clear(&sink->name);
    if (sink->dir.n) ps_text_add(&sink->name, sink->dir.at, sink->dir.n);
    ps_text_printf(&sink->name, "part-%0*llu-%016llx.", PART_DIGITS,
                   (unsigned long long)sink->n_files, (unsigned long long)sink->id);
    if (extension.n) ps_text_str(&sink->name, extension);
    else ps_text_puts(&sink->name, format);
    PS_TRY(ps_text_status(&sink->name));
    sink->file_spec = *sink->spec;
    sink->file_spec.dataset = NULL;
    sink->file_spec.stage = sink->stage;
    sink->file_spec.path = (ps_str){sink->name.at, sink->name.n};
    if (sink->job) {
        PS_TRY(ps_tree_make(cx, ps_job_dir(sink->job), sink->name.at, true));
        ps_text_clear(&sink->path);
        ps_text_printf(&sink->path, "%s/%s", ps_job_dir(sink->job), sink->name.at);
        PS_TRY(ps_text_status(&sink->path));
        sink->file_spec.path = (ps_str){sink->path.at, sink->path.n};
    }
    sink->file_rows = 0;
    return sink->spec->class->open(cx, &sink->file_spec, sink->schema, &sink->file);
}

static ps_status file_end(ps_ctx *cx, ps_sink *sink)
{
    uint64_t n_rows;

    if (!sink->file) return PS_OK;
    PS_TRY(sink->spec->class->commit(cx, sink->file, &n_rows));
    sink->spec->class->close(sink->file);
    sink->file = NULL;
    sink->n_files++;
    if (!sink->job) return PS_OK;
    return ps_job_add(cx, sink->job, (ps_str){sink->name.at, sink->name.n}, n_rows);
}

/* Rows that the open file takes before it has to be looked at again. */
static uint64_t file_room(const ps_sink *sink)
{
    const ps_dataset_spec *dataset = sink->dataset;
    uint64_t room = UINT64_MAX;

    if (dataset->rows_max) room = dataset->rows_max - sink->file_rows;
    if (dataset->bytes_max) room = PS_MIN(room, STEP_ROWS - sink->file_rows % STEP_ROWS);
    return room;
}

static bool file_is_full(const ps_sink *sink)
{
    const ps_dataset_spec *dataset = sink->dataset;

    if (dataset->rows_max && sink->file_rows >= dataset->rows_max) return true;
    return dataset->bytes_max && sink->file_rows % STEP_ROWS == 0 && sink->spec->class->bytes &&
           sink->spec->class->bytes(sink->file) >= dataset->bytes_max;
}

/* Live rows [from, from + n) of a batch, all of the open file's partition. */
static ps_status rows_write(ps_ctx *cx, ps_sink *sink, const ps_batch *batch, uint32_t from,
                            uint32_t n)
{
    ps_batch part = *batch;

    for (uint32_t k = 0; k < n; k++) sink->sel[k] = ps_batch_row(batch, from + k);
    for (uint32_t i = 0; i < sink->schema->n; i++) sink->cols[i] = batch->cols[sink->columns[i]];
    part.cols = sink->cols;
    part.n_cols = sink->schema->n;
    part.sel = sink->sel;
    part.n_live = n;
    PS_TRY(sink->spec->class->write(cx, sink->file, &part));
    sink->file_rows += n;
    sink->n_rows += n;
    return PS_OK;
}

/* How many of the live rows from `from` on are in the partition of sink->dir: rows come sorted, so
 * the first that isn't is found by halving. */
static ps_status partition_rows(ps_ctx *cx, ps_sink *sink, const ps_batch *batch, uint32_t from,
                                uint32_t *n)
{
    uint32_t in = from, out = batch->n_live; /* in is, out is not, or the end */

    if (sink->dataset->n_partition && out > from) {
        PS_TRY(dir_make(cx, sink, batch, ps_batch_row(batch, out - 1), &sink->next_dir));
        if (!texts_equal(&sink->dir, &sink->next_dir)) out--;
        while (out < batch->n_live && out - in > 1) {
            const uint32_t middle = in + (out - in) / 2;
            PS_TRY(dir_make(cx, sink, batch, ps_batch_row(batch, middle), &sink->next_dir));
            if (texts_equal(&sink->dir, &sink->next_dir)) in = middle;
            else out = middle;
        }
    }
    *n = out - from;
    return PS_OK;
}

/* The rows from `from` on that belong to one partition. */
static ps_status partition_write(ps_ctx *cx, ps_sink *sink, const ps_batch *batch, uint32_t from,
                                 uint32_t *n)
{
    PS_TRY(dir_make(cx, sink, batch, ps_batch_row(batch, from), &sink->next_dir));
    if (!texts_equal(&sink->dir, &sink->next_dir)) {
        PS_TRY(file_end(cx, sink));
        ps_text_clear(&sink->dir);
        ps_text_add(&sink->dir, sink->next_dir.at, sink->next_dir.n);
        PS_TRY(ps_text_status(&sink->dir));
    }
    PS_TRY(partition_rows(cx, sink, batch, from, n));
    for (uint32_t done = 0; done < *n;) {
        if (!sink->file) PS_TRY(file_open(cx, sink));
        const uint32_t step = (uint32_t)PS_MIN((uint64_t)(*n - done), file_room(sink));
        PS_TRY(rows_write(cx, sink, batch, from + done, step));
        done += step;
        if (file_is_full(sink)) PS_TRY(file_end(cx, sink));
    }
    return PS_OK;
}

static ps_status dataset_write(ps_ctx *cx, ps_sink *sink, const ps_batch *batch)
{
    const uint32_t skip = (uint32_t)PS_MIN((uint64_t)batch->n_live, sink->n_skip);
    uint32_t n;

    texts_of(cx, sink); /* errors go to whoever writes now */
    sink->n_skip -= skip;
    sink->n_rows += skip;
    for (uint32_t from = skip; from < batch->n_live; from += n)
        PS_TRY(partition_write(cx, sink, batch, from, &n));
    return PS_OK;
}

static ps_status dataset_commit(ps_ctx *cx, ps_sink *sink, uint64_t *n_rows)
{
    texts_of(cx, sink);
    if (sink->n_skip)
        return ps_fail(cx, PS_DATA, "the job %.*s has written more rows than its query gives now",
                       PS_STR_ARGS(sink->dataset->job));
    /* without rows the columns still get a file, where there are no directories of values */
    if (!sink->file && !sink->n_files && !sink->dataset->n_partition) PS_TRY(file_open(cx, sink));
    PS_TRY(file_end(cx, sink));
    *n_rows = sink->n_rows;
    if (sink->stage) return ps_stage_commit(cx, sink->stage);
    return ps_job_is_done(sink->job) ? PS_OK : ps_job_finish(cx, sink->job);
}

const ps_sink_class ps_dataset_sink = {.name = "dataset",
                                       .open = dataset_open,
                                       .write = dataset_write,
                                       .commit = dataset_commit,
                                       .close = dataset_close};
