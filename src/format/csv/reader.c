/* format/csv/reader.c -- a worker's reading of morsels: bytes, index, rows, values.
 *
 * A morsel is a range of bytes; whether it begins between quotes depends on all bytes before it.
 * Each worker first guesses that its own doesn't and notes the state it would end in; the chain of
 * states from the file's start is then exact and mostly looked up: where a guess was wrong, the
 * chunk is looked through again from its true state. So results depend on the bytes only.
 * Columns that a filter reads are converted first, the others only for batches with rows left.
 * Tests: tests/py/test_csv.py, tests/slt/format/csv_read.test */
#include "col/value.h"
#include "format/csv/source.h"

#include <stdio.h>

enum { TAIL_BYTES = 1 << 16 };

typedef struct column {
    void *data;
    uint64_t *valid;
} column;

typedef struct reader {
    ps_reader base;
    ps_scan_filter *filter;
    column *columns; /* by column of the request */
    bool *converted;
    uint32_t *first, *start, *n_fields; /* by row of the batch: index of its first field's end... */
    uint64_t *bad;                      /* rows to leave out (ignore_errors) */
    bool any_bad;
    uint32_t *sels[2];
    ps_csv_index index;
    ps_arena heap; /* text of the batch that had to be unescaped */
    ps_file *open;
    uint32_t file;
    char *bytes;
    size_t room;
    uint64_t at;     /* of the file: where bytes begin */
    uint32_t n, end; /* bytes there; where the morsel ends */
    uint32_t next;   /* where the next record begins */
    bool complete;   /* all records of the morsel are in the index */
    uint64_t morsel, n_rows, n_given;
} reader;

static const ps_csv_source *source_of(const reader *r)
{
    return (const ps_csv_source *)(const void *)r->base.scan->source;
}
static ps_csv_scan *scan_of(const reader *r) { return (ps_csv_scan *)(uintptr_t)r->base.scan; }

static ps_status buffers_init(ps_ctx *cx, ps_arena *arena, reader *r, uint32_t n)
{
    const uint32_t rows = PS_BATCH_ROWS_MAX;

    r->columns = PS_ARENA_ARRAY(cx, arena, column, n + 1);
    r->converted = PS_ARENA_ARRAY(cx, arena, bool, n + 1);
    r->first = PS_ARENA_ARRAY(cx, arena, uint32_t, rows);
    r->start = PS_ARENA_ARRAY(cx, arena, uint32_t, rows);
    r->n_fields = PS_ARENA_ARRAY(cx, arena, uint32_t, rows);
    r->bad = PS_ARENA_ARRAY(cx, arena, uint64_t, PS_BITS_WORDS(rows));
    r->sels[0] = PS_ARENA_ARRAY(cx, arena, uint32_t, rows);
    r->sels[1] = PS_ARENA_ARRAY(cx, arena, uint32_t, rows);
    if (!r->columns || !r->converted || !r->first || !r->start || !r->n_fields || !r->bad ||
        !r->sels[0] || !r->sels[1])
        return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        r->columns[i].data = ps_arena_alloc_raw(cx, arena, 16 * (size_t)cx->batch_rows + 64, 64);
        r->columns[i].valid = ps_arena_alloc_raw(cx, arena, PS_BITS_BYTES(cx->batch_rows) + 64, 64);
        if (!r->columns[i].data || !r->columns[i].valid) return PS_MEMORY;
    }
    return PS_OK;
}

ps_status ps_csv_reader_open(ps_ctx *cx, ps_arena *arena, const ps_scan *scan,
                             ps_scan_filter *filter, ps_reader **out)
{
    reader *r = PS_ARENA_NEW(cx, arena, reader);
    const uint32_t n = ((const ps_csv_scan *)(const void *)scan)->request.n_columns;

    *out = NULL;
    if (!r) return PS_MEMORY;
    r->base.scan = scan;
    r->filter = filter;
    /* one column more: those nobody asked for are checked into it (ignore_errors) */
    PS_TRY(buffers_init(cx, arena, r, n + 1));
    *out = &r->base;
    return PS_OK;
}

void ps_csv_reader_close(ps_reader *base)
{
    reader *r = (reader *)(void *)base;

    if (!r) return;
    ps_file_free(r->open);
    ps_free(r->bytes);
    ps_csv_index_release(&r->index);
    ps_arena_release(&r->heap);
}

static ps_status file_enter(ps_ctx *cx, reader *r, uint32_t number)
{
    const ps_csv_file *f = &source_of(r)->files[number];

    if (r->open && r->file == number) return PS_OK;
    ps_file_free(r->open);
    r->open = NULL;
    PS_TRY(ps_file_open(cx, f->path, &r->open));
    r->file = number;
    if (r->open->id.inode != f->id.inode || r->open->id.device != f->id.device ||
        r->open->id.size != f->id.size || r->open->id.mtime_ns != f->id.mtime_ns)
        return ps_fail(cx, PS_DATA, "the file was changed while it was in use: %.*s",
                       PS_STR_ARGS(f->path));
    return PS_OK;
}

/* Makes bytes hold n bytes from offset r->at of the file; those before r->n are there. */
static ps_status bytes_load(ps_ctx *cx, reader *r, uint64_t n)
{
    const uint64_t have = r->n, want = PS_MIN(n, r->open->id.size - r->at);

    if (want <= have) return PS_OK;
    if (want > UINT32_MAX / 2)
        return ps_fail(cx, PS_UNSUPPORTED, "a record of more than 2 GiB in %.*s",
                       PS_STR_ARGS(r->open->path));
    if (want + 128 > r->room) {
        char *bytes = ps_realloc(cx, r->bytes, (size_t)want + 128);
        if (!bytes) return PS_MEMORY;
        r->bytes = bytes, r->room = (size_t)want + 128;
    }
    PS_TRY(ps_file_read(cx, r->open, r->at + have, r->bytes + have, (size_t)(want - have)));
    memset(r->bytes + want, 0, 64);
    r->n = (uint32_t)want;
    return PS_OK;
}

/* ---- the states that morsels begin in ---- */

/* Notes what chunk `m` with these bytes ends in when it begins in a state. */
static ps_csv_state exit_note(reader *r, uint64_t m, ps_csv_state state, const char *at, size_t n)
{
    ps_csv_scan *scan = scan_of(r);
    const ps_csv_dialect d = source_of(r)->dialect;
    const ps_csv_state out = ps_csv_state_after(d, state, at, n);

    ps_mutex_lock(&scan->mutex);
    scan->exits[m][state] = (uint8_t)(out + 1);
    if (state == PS_CSV_BARE && n && at[0] != d.quote)
        scan->exits[m][PS_CSV_START] = scan->exits[m][PS_CSV_CLOSED] = (uint8_t)(out + 1);
    ps_mutex_unlock(&scan->mutex);
    return out;
}

static ps_status exit_find(ps_ctx *cx, reader *r, uint64_t m, ps_csv_state *state)
{
    const ps_csv_source *s = source_of(r);
    const ps_csv_file *f = &s->files[r->file];
    const uint64_t from = f->start + (m - f->morsel) * s->options.chunk_bytes;
    ps_csv_scan *scan = scan_of(r);
    uint8_t known;
    ps_status st;

    ps_mutex_lock(&scan->mutex);
    known = scan->exits[m][*state];
    ps_mutex_unlock(&scan->mutex);
    if (known) {
        *state = (ps_csv_state)(known - 1);
        return PS_OK;
    }
    const size_t n = (size_t)PS_MIN(s->options.chunk_bytes, f->id.size - from);
    char *bytes = ps_alloc(cx, n);
    if (!bytes) return PS_MEMORY;
    st = ps_file_read(cx, r->open, from, bytes, n);
    if (st == PS_OK) *state = exit_note(r, m, *state, bytes, n);
    ps_free(bytes);
    return st;
}

static ps_status entry_find(ps_ctx *cx, reader *r, uint64_t morsel, ps_csv_state *state)
{
    ps_csv_scan *scan = scan_of(r);
    const uint64_t first = source_of(r)->files[r->file].morsel;
    uint64_t m = morsel;

    *state = PS_CSV_START;
    ps_mutex_lock(&scan->mutex);
    while (m > first && !scan->entries[m]) m--;
    if (m > first) *state = (ps_csv_state)(scan->entries[m] - 1);
    ps_mutex_unlock(&scan->mutex);
    for (; m < morsel; m++) {
        PS_TRY(ps_poll(cx));
        PS_TRY(exit_find(cx, r, m, state));
        ps_mutex_lock(&scan->mutex);
        scan->entries[m + 1] = (uint8_t)(*state + 1);
        ps_mutex_unlock(&scan->mutex);
    }
    return PS_OK;
}

/* The first record of the morsel: after the first break outside quotes from the byte before on. */
static uint32_t record_find(const reader *r, ps_csv_state state, uint32_t from)
{
    const ps_csv_dialect d = source_of(r)->dialect;

    if (from == 0) return 0; /* the file's first */
    char last = state == PS_CSV_START ? r->bytes[from - 1] : 0;
    for (uint32_t at = from; at < r->end; at++) {
        const char c = r->bytes[at];
        if (state == PS_CSV_START && (last == '\n' || (last == '\r' && c != '\n'))) return at;
        state = ps_csv_state_after(d, state, &c, 1);
        last = state == PS_CSV_START ? c : 0;
    }
    return r->end;
}

ps_status ps_csv_reader_start(ps_ctx *cx, ps_reader *base, uint64_t morsel)
{
    reader *r = (reader *)(void *)base;
    const ps_csv_source *s = source_of(r);
    uint32_t number = 0;
    ps_csv_state state;

    if (morsel >= base->scan->n_morsels) return PS_BUG(cx, "a morsel past the end of a scan");
    while (number + 1 < s->n_files && s->files[number + 1].morsel <= morsel) number++;
    PS_TRY(file_enter(cx, r, number));
    const ps_csv_file *f = &s->files[number];
    const uint64_t chunk = morsel - f->morsel, from = f->start + chunk * s->options.chunk_bytes;
    const uint32_t before = chunk > 0; /* the byte before tells whether a record begins here */
    const uint64_t size = PS_MIN(s->options.chunk_bytes, f->id.size - from);

    r->morsel = morsel, r->n_rows = r->n_given = 0;
    r->at = from - before, r->n = 0, r->end = (uint32_t)size + before;
    r->complete = false;
    PS_TRY(bytes_load(cx, r, (uint64_t)r->end + TAIL_BYTES));
    if (morsel + 1 < base->scan->n_morsels)
        exit_note(r, morsel, PS_CSV_BARE, r->bytes + before, (size_t)size);
    PS_TRY(entry_find(cx, r, morsel, &state));
    r->next = record_find(r, state, before);
    ps_csv_index_start(&r->index, s->dialect, r->next);
    return PS_OK;
}

/* ---- records ---- */

static uint32_t after_break(const reader *r, uint32_t end)
{
    return PS_MIN(end + 1 + (r->bytes[end] == '\r' && r->bytes[end + 1] == '\n'), r->n);
}

static uint32_t unfinished(const reader *r)
{
    const uint32_t n = r->index.n_records;
    return n ? after_break(r, r->index.ends[r->index.records[n - 1]]) : r->next;
}

/* An error about the record at `start`, its line counted. */
static ps_status fail_at(ps_ctx *cx, const reader *r, uint32_t start, const char *what, ps_str name)
{
    const ps_csv_source *s = source_of(r);
    uint64_t line;

    PS_TRY(ps_csv_line_of(cx, r->open, r->at + start, &line));
    ps_fail(cx, PS_DATA, "%s, at line %llu%s%.*s%s of %.*s", what, (unsigned long long)line,
            name.n ? ", column \"" : "", PS_STR_ARGS(name), name.n ? "\"" : "",
            PS_STR_ARGS(r->open->path));
    ps_hint(cx,
            "read with delimiter '%c', quote '%c', escape '%c', header %s; types are from the "
            "first %llu rows: name the right ones, or ignore_errors := true",
            s->dialect.delim, s->dialect.quote ? s->dialect.quote : ' ',
            s->dialect.escape ? s->dialect.escape : ' ', s->options.header ? "true" : "false",
            (unsigned long long)s->n_sniffed);
    return PS_DATA;
}

static ps_status record_too_long(ps_ctx *cx, const reader *r, uint32_t start)
{
    char what[96];

    snprintf(what, sizeof what, "a record is longer than max_line_size, %llu bytes",
             (unsigned long long)source_of(r)->options.line_bytes_max);
    return fail_at(cx, r, start, what, (ps_str){"", 0});
}

/* Finishes the record that begins in the morsel and ends behind it. */
static ps_status tail_index(ps_ctx *cx, reader *r)
{
    const uint64_t line_max = source_of(r)->options.line_bytes_max;
    const uint32_t had = r->index.n_records, start = unfinished(r);

    r->complete = true;
    if (start >= r->end) return PS_OK;
    while (r->index.n_records == had) {
        if (r->index.at == r->n) {
            if (r->at + r->n == r->open->id.size) break;
            if (r->index.at - start > line_max) return record_too_long(cx, r, start);
            PS_TRY(bytes_load(cx, r, (uint64_t)r->n + PS_MAX(r->n / 2, (uint32_t)TAIL_BYTES)));
        }
        PS_TRY(ps_csv_index_add(cx, &r->index, r->bytes, PS_MIN(r->n, r->index.at + 4096)));
    }
    if (r->index.n_records > had) {
        r->index.n_records = had + 1;
        r->index.n_ends = r->index.records[had] + 1;
        return PS_OK;
    }
    if (r->index.state == PS_CSV_QUOTED || r->index.state == PS_CSV_ESCAPED) {
        const uint32_t first = had ? r->index.records[had - 1] + 1 : 0;
        return fail_at(cx, r,
                       r->index.n_ends > first ? r->index.ends[r->index.n_ends - 1] + 1 : start,
                       "a quote is never closed", (ps_str){"", 0});
    }
    return ps_csv_index_finish(cx, &r->index, start, r->n);
}

static ps_status record_wrong(ps_ctx *cx, const reader *r, uint32_t start, uint32_t n_fields)
{
    char what[96];

    snprintf(what, sizeof what, "%u columns expected, %u found", r->base.scan->source->schema->n,
             n_fields);
    return fail_at(cx, r, start, what, (ps_str){"", 0});
}

/* Takes records of the index as rows of the batch. */
static ps_status rows_take(ps_ctx *cx, reader *r, uint32_t n_max, uint32_t *n_rows,
                           uint32_t *n_records)
{
    const ps_csv_source *s = source_of(r);
    const uint32_t n_cols = s->base.schema->n;
    uint32_t first = 0, n = 0, i = 0;

    for (; i < r->index.n_records && n < n_max; i++) {
        const uint32_t last = r->index.records[i], n_fields = last - first + 1;
        const uint32_t start = r->next, end = r->index.ends[last];
        const bool fits = n_fields == n_cols || (s->options.null_padding && n_fields < n_cols);

        r->next = after_break(r, end);
        r->first[n] = first, r->start[n] = start, r->n_fields[n] = n_fields;
        first = last + 1;
        if (end - start > s->options.line_bytes_max) return record_too_long(cx, r, start);
        if (end == start && n_cols > 1) continue; /* a blank line */
        if (fits) n++;
        else if (!s->options.ignore_errors) return record_wrong(cx, r, start, n_fields);
    }
    *n_rows = n, *n_records = i;
    return PS_OK;
}

/* ---- values ---- */

static ps_status value_wrong(ps_ctx *cx, const reader *r, uint32_t row, uint32_t ordinal,
                             ps_str text, const char *why)
{
    const ps_field *field = &r->base.scan->source->schema->fields[ordinal];
    ps_text what;
    ps_status st;

    ps_text_init(&what, cx);
    if (why) {
        ps_text_puts(&what, why);
    } else {
        ps_text_puts(&what, "this is no ");
        ps_type_print(field->type, &what);
        ps_text_printf(&what, ": '%.*s'", (int)PS_MIN(text.n, 100u), text.at);
    }
    st = what.status != PS_OK ? what.status : fail_at(cx, r, r->start[row], what.at, field->name);
    ps_text_release(&what);
    return st;
}

typedef struct cell {
    ps_str text;
    bool null, good;
} cell;

PS_INLINE cell cell_get(ps_ctx *cx, reader *r, uint32_t row, uint32_t ordinal)
{
    const ps_csv_source *s = source_of(r);
    cell c = {.good = true};
    bool quoted;

    if (ordinal >= r->n_fields[row]) return c.null = true, c;
    const uint32_t f = r->first[row] + ordinal;
    const uint32_t at = ordinal ? r->index.ends[f - 1] + 1 : r->start[row];
    c.text = (ps_str){r->bytes + at, r->index.ends[f] - at};
    if (c.text.n && c.text.at[0] == s->dialect.quote)
        c.good = ps_csv_field(cx, &r->heap, s->dialect, c.text.at, c.text.n, &c.text, &quoted);
    c.null = c.text.n == s->options.null.n && ps_str_equal(c.text, s->options.null);
    return c;
}

static ps_status column_convert(ps_ctx *cx, reader *r, uint32_t ordinal, column *col, uint32_t n,
                                ps_vec *out)
{
    const ps_csv_source *s = source_of(r);
    const ps_type type = s->base.schema->fields[ordinal].type;
    const ps_layout layout = ps_type_layout(type);
    bool nulls = false;

    ps_bits_fill(col->valid, n, true);
    for (uint32_t i = 0; i < n; i++) {
        const cell c = cell_get(cx, r, i, ordinal);
        bool good = c.good;
        const char *why = c.good ? NULL : "text stands after the closing quote";

        if (!c.good && cx->error.code == PS_MEMORY) return PS_MEMORY;
        if (c.null && c.good) {
            ps_bit_clear(col->valid, i), nulls = true;
            if (layout == PS_LAYOUT_VIEW) ((ps_view *)col->data)[i] = (ps_view){0};
            continue;
        }
        if (good && layout == PS_LAYOUT_VIEW) {
            size_t at;
            ((ps_view *)col->data)[i] = ps_view_of(c.text.at, c.text.n);
            if (r->index.high && !ps_utf8_valid(c.text.at, c.text.n, &at))
                good = false, why = "a text is not valid UTF-8";
        } else if (good) {
            good = ps_csv_convert(c.text, type, layout, col->data, i);
        }
        if (good) continue;
        if (!s->options.ignore_errors) return value_wrong(cx, r, i, ordinal, c.text, why);
        ps_bit_clear(col->valid, i), nulls = true;
        if (layout == PS_LAYOUT_VIEW) ((ps_view *)col->data)[i] = (ps_view){0};
        ps_bit_set(r->bad, i), r->any_bad = true;
    }
    ps_vec_flat(out, type, layout, col->data, nulls ? col->valid : NULL, n);
    return PS_OK;
}

static ps_status column_need(ps_ctx *cx, reader *r, uint32_t i, ps_batch *out)
{
    if (r->converted[i]) return PS_OK;
    r->converted[i] = true;
    return column_convert(cx, r, scan_of(r)->request.columns[i], &r->columns[i], out->n,
                          &out->cols[i]);
}

/* Rows with a value that can't be read are left out whichever columns are asked for: all are looked
 * at. */
static ps_status bad_rows_drop(ps_ctx *cx, reader *r, ps_batch *out)
{
    const ps_scan_request *request = &scan_of(r)->request;
    ps_vec unused;

    r->any_bad = false;
    ps_bits_fill(r->bad, out->n, false);
    for (uint32_t i = 0; i < request->n_columns; i++) PS_TRY(column_need(cx, r, i, out));
    for (uint32_t c = 0; c < r->base.scan->source->schema->n; c++) {
        bool asked = false;
        for (uint32_t i = 0; i < request->n_columns; i++) asked |= request->columns[i] == c;
        if (!asked)
            PS_TRY(column_convert(cx, r, c, &r->columns[request->n_columns], out->n, &unused));
    }
    if (!r->any_bad) return PS_OK;
    out->n_live = 0;
    out->sel = r->sels[0];
    for (uint32_t i = 0; i < out->n; i++)
        if (!ps_bit_get(r->bad, i)) r->sels[0][out->n_live++] = i;
    return PS_OK;
}

static ps_status batch_fill(ps_ctx *cx, reader *r, ps_batch *out)
{
    const ps_scan_request *request = &scan_of(r)->request;

    memset(r->converted, 0, request->n_columns * sizeof *r->converted);
    for (uint32_t i = 0; i < request->n_columns; i++) out->cols[i] = (ps_vec){.n = out->n};
    if (source_of(r)->options.ignore_errors) PS_TRY(bad_rows_drop(cx, r, out));
    for (uint32_t f = 0; f < request->n_filters && out->n_live; f++) {
        for (uint32_t k = 0; k < request->n_filter_columns[f]; k++)
            PS_TRY(column_need(cx, r, request->filter_columns[f][k], out));
        PS_TRY(r->filter->run(cx, r->filter, f, out));
    }
    for (uint32_t i = 0; i < request->n_dynamic && out->n_live; i++) {
        const ps_dynamic_filter *d = request->dynamic[i];
        if (!d->ready || !d->probe) continue;
        PS_TRY(column_need(cx, r, d->column, out));
        PS_TRY(d->probe(cx, d->state, &out->cols[d->column], out->sel, out->n_live, r->sels[1],
                        &out->n_live));
        out->sel = r->sels[1];
    }
    for (uint32_t i = 0; i < request->n_columns && out->n_live; i++)
        PS_TRY(column_need(cx, r, i, out));
    return PS_OK;
}

static ps_status records_index(ps_ctx *cx, reader *r)
{
    while (!r->complete && r->index.n_records < cx->batch_rows) {
        if (r->index.at < r->end)
            PS_TRY(ps_csv_index_add(
                cx, &r->index, r->bytes,
                (uint32_t)PS_MIN((uint64_t)r->end, (uint64_t)r->index.at + (1 << 16))));
        else PS_TRY(tail_index(cx, r));
    }
    return PS_OK;
}

ps_status ps_csv_reader_next(ps_ctx *cx, ps_reader *base, ps_batch *out, bool *done)
{
    reader *r = (reader *)(void *)base;
    const ps_scan_request *request = &scan_of(r)->request;
    uint32_t n_rows = 0, n_records = 0;

    *done = false;
    out->n_cols = request->n_columns;
    while (request->limit == 0 || r->n_given < request->limit) {
        PS_TRY(ps_poll(cx));
        PS_TRY(records_index(cx, r));
        if (r->index.n_records == 0) break;
        ps_arena_reset(&r->heap);
        PS_TRY(rows_take(cx, r, cx->batch_rows, &n_rows, &n_records));
        out->n = out->n_live = n_rows;
        out->sel = NULL;
        out->morsel = r->morsel;
        out->first_row = r->n_rows;
        r->n_rows += n_rows;
        if (n_rows) PS_TRY(batch_fill(cx, r, out));
        ps_csv_index_drop(&r->index, n_records);
        r->n_given += out->n_live;
        if (out->n_live) return PS_OK;
    }
    out->n = out->n_live = 0;
    *done = true;
    return PS_OK;
}
