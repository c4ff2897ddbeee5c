/* format/csv/sniff.c -- what a file leaves unsaid, from a sample of its first rows.
 *
 * Delimiter and quote: of all candidates the one under which most rows have as many fields as the
 * first. Types: the narrowest that every sampled value of a column has. Header: the first row,
 * when a value of it isn't of its column's type, or when all is text. As DuckDB does.
 * Tests: tests/py/test_csv.py */
#include "format/csv/source.h"
#include "func/parse.h"

enum { SAMPLE_BYTES = 8 << 20, SAMPLE_BYTES_MAX = 1 << 30, SCORE_ROWS = 1024 };

/* Types in the order they are tried; VARCHAR when none is left. */
static const ps_type CANDIDATES[] = {{.id = PS_TYPE_BOOL},
                                     {.id = PS_TYPE_INT64},
                                     {.id = PS_TYPE_INT128},
                                     {.id = PS_TYPE_FLOAT64},
                                     {.id = PS_TYPE_DATE},
                                     {.id = PS_TYPE_TIME, .unit = PS_UNIT_US},
                                     {.id = PS_TYPE_TIMESTAMP, .unit = PS_UNIT_US}};
enum { ALL_CANDIDATES = (1 << PS_COUNT(CANDIDATES)) - 1 };

typedef struct sample {
    ps_csv_source *source;
    char *bytes;
    uint32_t n, first; /* first: where rows begin */
    bool whole;        /* the file ends with it */
    ps_csv_index index;
    ps_arena arena;
    uint32_t n_cols;
    uint8_t *left, *first_left; /* by column: bits of CANDIDATES, from row 1 on; of row 0 */
    bool *seen, *first_seen;    /* a value that isn't null */
} sample;

static bool blank(const sample *s, uint32_t row, uint32_t start)
{
    const uint32_t first = row ? s->index.records[row - 1] + 1 : 0;
    return s->index.records[row] == first && s->index.ends[first] == start;
}

static uint32_t row_start(const sample *s, uint32_t row)
{
    if (row == 0) return s->first;
    const uint32_t end = s->index.ends[s->index.records[row - 1]];
    return PS_MIN(end + 1 + (s->bytes[end] == '\r' && s->bytes[end + 1] == '\n'), s->n);
}

static uint32_t row_fields(const sample *s, uint32_t row)
{
    return s->index.records[row] - (row ? s->index.records[row - 1] + 1 : 0) + 1;
}

static ps_status sample_index(ps_ctx *cx, sample *s, ps_csv_dialect d, uint32_t to)
{
    ps_csv_index_start(&s->index, d, s->first);
    PS_TRY(ps_csv_index_add(cx, &s->index, s->bytes, to));
    const uint32_t n = s->index.n_records;
    if (s->whole && to == s->n) PS_TRY(ps_csv_index_finish(cx, &s->index, row_start(s, n), to));
    return PS_OK;
}

/* Of 1000: rows with as many fields as the first, 0 if that is one; malformed quotes count. */
static uint32_t score(ps_ctx *cx, sample *s, uint32_t *n_cols, uint32_t *n_quoted)
{
    const uint32_t n = PS_MIN(s->index.n_records, (uint32_t)SCORE_ROWS);
    uint32_t fit = 0, rows = 0, first = 0;

    *n_quoted = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t start = row_start(s, i), from = i ? s->index.records[i - 1] + 1 : 0;
        bool good = true;
        if (blank(s, i, start)) continue;
        for (uint32_t f = 0; f < row_fields(s, i); f++) {
            const uint32_t at = f ? s->index.ends[from + f - 1] + 1 : start;
            bool quoted;
            ps_str text;
            good &= ps_csv_field(cx, &s->arena, s->index.dialect, s->bytes + at,
                                 s->index.ends[from + f] - at, &text, &quoted);
            *n_quoted += quoted;
        }
        if (rows++ == 0) first = row_fields(s, i);
        fit += good && row_fields(s, i) == first;
    }
    ps_arena_reset(&s->arena);
    *n_cols = first;
    return rows ? fit * 1000 / rows : 0;
}

static ps_status dialect_find(ps_ctx *cx, sample *s)
{
    static const char delims[] = {',', '|', ';', '\t'};
    ps_csv_options *o = &s->source->options;
    const uint32_t to = PS_MIN(s->n, 1u << 18);
    ps_csv_dialect best = {o->has_delim ? o->delim : ',', o->has_quote ? o->quote : '"', 0};
    uint32_t best_score = 0, best_cols = 1;

    best.escape = o->has_escape ? o->escape : best.quote;
    for (int variant = 0; variant < 3; variant++) { /* "", "\ and '' */
        const char quote = o->has_quote ? o->quote : variant == 2 ? '\'' : '"';
        const char escape = o->has_escape ? o->escape : variant == 1 ? '\\' : quote;
        if ((variant == 2 && o->has_quote) || (variant == 1 && o->has_escape)) continue;
        for (size_t i = 0; i < PS_COUNT(delims); i++) {
            const ps_csv_dialect d = {o->has_delim ? o->delim : delims[i], quote, escape};
            uint32_t n_cols, n_quoted, value;
            if ((o->has_delim && i > 0) || d.delim == quote || d.delim == escape) continue;
            PS_TRY(sample_index(cx, s, d, to));
            value = score(cx, s, &n_cols, &n_quoted);
            if (variant && !n_quoted) continue;
            const bool better = value > best_score || (value == best_score && n_cols > best_cols);
            if (n_cols > 1 ? value >= 500 && (best_cols == 1 || (better && value > best_score) ||
                                              (better && !variant))
                           : best_cols == 1 && value > best_score) {
                best = d, best_score = value, best_cols = n_cols;
            }
        }
    }
    if (!best.escape) best.escape = best.quote;
    s->source->dialect = best;
    return PS_OK;
}

static uint8_t narrow(uint8_t left, ps_str text)
{
    ps_i128 room;

    for (uint32_t k = 0; k < PS_COUNT(CANDIDATES); k++)
        if ((left >> k & 1) &&
            !ps_csv_convert(text, CANDIDATES[k], ps_type_layout(CANDIDATES[k]), &room, 0))
            left &= (uint8_t)~(1u << k);
    return left;
}

static void row_sniff(ps_ctx *cx, sample *s, uint32_t row, uint8_t *left, bool *seen)
{
    const uint32_t start = row_start(s, row), from = row ? s->index.records[row - 1] + 1 : 0;

    for (uint32_t f = 0; f < PS_MIN(row_fields(s, row), s->n_cols); f++) {
        const uint32_t at = f ? s->index.ends[from + f - 1] + 1 : start;
        bool quoted;
        ps_str text;
        if (seen[f] && !left[f]) continue;
        if (!ps_csv_field(cx, &s->arena, s->index.dialect, s->bytes + at,
                          s->index.ends[from + f] - at, &text, &quoted))
            left[f] = 0;
        else if (ps_str_equal(text, s->source->options.null)) continue;
        seen[f] = true;
        left[f] = narrow(left[f], text);
    }
}

static bool header_find(const sample *s)
{
    bool all_text = true, typed = false, other = false;

    for (uint32_t i = 0; i < s->n_cols; i++) {
        const bool text = s->first_seen[i] && !s->first_left[i];
        all_text &= text;
        typed |= s->seen[i] && s->left[i];
        other |= s->seen[i] && s->left[i] && text;
    }
    return typed ? other : all_text;
}

static ps_status types_find(ps_ctx *cx, sample *s, uint32_t *first_row)
{
    ps_csv_source *src = s->source;
    uint32_t row = 0, n = 0;

    PS_TRY(sample_index(cx, s, src->dialect, s->n));
    while (row < s->index.n_records && blank(s, row, row_start(s, row))) row++;
    *first_row = row;
    s->n_cols = row < s->index.n_records ? row_fields(s, row) : 1;
    s->left = PS_ARENA_ARRAY(cx, &src->arena, uint8_t, s->n_cols);
    s->first_left = PS_ARENA_ARRAY(cx, &src->arena, uint8_t, s->n_cols);
    s->seen = PS_ARENA_ARRAY(cx, &src->arena, bool, s->n_cols);
    s->first_seen = PS_ARENA_ARRAY(cx, &src->arena, bool, s->n_cols);
    if (!s->left || !s->first_left || !s->seen || !s->first_seen) return PS_MEMORY;
    memset(s->left, ALL_CANDIDATES, s->n_cols);
    memset(s->first_left, ALL_CANDIDATES, s->n_cols);
    if (row < s->index.n_records) row_sniff(cx, s, row, s->first_left, s->first_seen);
    for (row++; row < s->index.n_records && n < src->options.sample; row++, n++) {
        if (n % 256 == 0) PS_TRY(ps_poll(cx));
        row_sniff(cx, s, row, s->left, s->seen);
        ps_arena_reset(&s->arena);
    }
    src->n_sniffed = n;
    if (!src->options.has_header) src->options.header = s->index.n_records && header_find(s);
    for (uint32_t i = 0; !src->options.header && i < s->n_cols; i++) {
        s->seen[i] |= s->first_seen[i];
        if (s->first_seen[i]) s->left[i] &= s->first_left[i];
    }
    if (n) src->row_bytes = (double)(row_start(s, *first_row + n) - s->first) / (double)n;
    return PS_OK;
}

/* A name in the header, without the spaces around it; false: text stands behind its quote. */
static bool header_field(ps_ctx *cx, ps_arena *arena, const sample *s, uint32_t row, uint32_t i,
                         ps_str *out)
{
    const uint32_t f = (row ? s->index.records[row - 1] + 1 : 0) + i;
    const uint32_t at = i ? s->index.ends[f - 1] + 1 : row_start(s, row);
    bool quoted;

    if (!ps_csv_field(cx, arena, s->index.dialect, s->bytes + at, s->index.ends[f] - at, out,
                      &quoted))
        return false;
    while (out->n && out->at[0] == ' ') out->at++, out->n--;
    while (out->n && out->at[out->n - 1] == ' ') out->n--;
    return true;
}

/* The name of a column: the header's, made unique as DuckDB does; column3 without one. */
static ps_status name_make(ps_ctx *cx, sample *s, uint32_t row, uint32_t i, ps_field *fields)
{
    const ps_csv_options *o = &s->source->options;
    ps_arena *arena = &s->source->arena;
    ps_str name = {"", 0};
    bool again = true;

    if (o->names && i < o->names->n_items) name = o->names->items[i].str;
    else if (o->columns && i < o->columns->n_items) name = o->columns->type.ext->fields[i].name;
    else if (o->header && row < s->index.n_records) {
        if (!header_field(cx, arena, s, row, i, &name))
            return ps_fail(cx, PS_DATA, "a name in the header has text after its closing quote");
        if (!ps_utf8_valid(name.at, name.n, &(size_t){0}))
            return ps_fail(cx, PS_DATA, "the name of column %u is not valid UTF-8", i + 1);
    }
    const char *at = name.n ? ps_arena_strndup(cx, arena, name.at, name.n)
                            : ps_arena_printf(cx, arena, "column%u", i);
    if (!at) return PS_MEMORY;
    name = ps_str_of(at);
    fields[i].name = name;
    for (uint32_t k = 1; again; k++) {
        again = false;
        for (uint32_t j = 0; j < i && !again; j++)
            again = ps_str_equal_nocase(fields[j].name, fields[i].name);
        if (!again) break;
        at = ps_arena_printf(cx, arena, "%.*s_%u", PS_STR_ARGS(name), k);
        if (!at) return PS_MEMORY;
        fields[i].name = ps_str_of(at);
    }
    return PS_OK;
}

static ps_status type_make(ps_ctx *cx, const sample *s, uint32_t i, ps_field *field)
{
    const ps_csv_options *o = &s->source->options;
    const ps_value *types = o->columns ? o->columns : o->types;

    field->type = PS_TYPE(STRING);
    field->nullable = true;
    for (uint32_t k = 0; types && k < types->n_items; k++) {
        const bool by_name = types->type.id == PS_TYPE_STRUCT && !o->columns;
        if (by_name ? ps_str_equal_nocase(types->type.ext->fields[k].name, field->name) : k == i)
            return ps_csv_type_of_name(cx, types->items[k].str, &field->type);
    }
    if (!o->all_varchar && s->seen[i] && s->left[i])
        field->type = CANDIDATES[__builtin_ctz(s->left[i])];
    return PS_OK;
}

static ps_status fields_make(ps_ctx *cx, sample *s, uint32_t row, ps_field **out, uint32_t *n_out)
{
    const ps_csv_options *o = &s->source->options;
    const ps_value *lists[] = {o->names, o->columns,
                               o->types && o->types->type.id == PS_TYPE_LIST ? o->types : NULL};
    ps_field *fields = PS_ARENA_ARRAY(cx, &s->source->arena, ps_field, s->n_cols);

    if (!fields) return PS_MEMORY;
    for (size_t i = 0; i < PS_COUNT(lists); i++)
        if (lists[i] && s->index.n_records && lists[i]->n_items != s->n_cols)
            return ps_fail(cx, PS_BIND, "%u columns are given, the file has %u with delimiter '%c'",
                           lists[i]->n_items, s->n_cols, s->source->dialect.delim);
    for (uint32_t i = 0; i < s->n_cols; i++) {
        PS_TRY(name_make(cx, s, row, i, fields));
        PS_TRY(type_make(cx, s, i, &fields[i]));
    }
    *out = fields, *n_out = s->n_cols;
    return PS_OK;
}

static ps_status sample_read(ps_ctx *cx, sample *s, const ps_file *file, uint64_t bytes_max)
{
    const uint64_t skip = s->source->options.skip;
    uint64_t lines = 0;

    s->n = (uint32_t)PS_MIN(file->id.size, bytes_max);
    s->whole = s->n == file->id.size;
    s->bytes = ps_alloc(cx, (size_t)s->n + 64);
    if (!s->bytes) return PS_MEMORY;
    memset(s->bytes + s->n, 0, 64);
    PS_TRY(ps_file_read(cx, file, 0, s->bytes, s->n));
    if (s->n >= 2 && (memcmp(s->bytes, "\xff\xfe", 2) == 0 || memcmp(s->bytes, "\xfe\xff", 2) == 0))
        return ps_fail(cx, PS_UNSUPPORTED, "UTF-16 can't be read yet, only UTF-8");
    if (s->n >= 3 && memcmp(s->bytes, "\xef\xbb\xbf", 3) == 0) s->first = 3;
    for (; lines < skip && s->first < s->n; s->first++) {
        const char c = s->bytes[s->first];
        lines += c == '\n' || (c == '\r' && s->bytes[s->first + 1] != '\n');
    }
    return PS_OK;
}

static void sample_release(sample *s)
{
    ps_free(s->bytes);
    ps_csv_index_release(&s->index);
    ps_arena_release(&s->arena);
}

static uint64_t sample_bytes(const ps_csv_source *source)
{
    return source->options.sample > 20480 ? SAMPLE_BYTES_MAX : SAMPLE_BYTES;
}

ps_status ps_csv_sniff(ps_ctx *cx, ps_csv_source *source, ps_file *file, ps_csv_file *facts,
                       ps_field **fields, uint32_t *n_fields)
{
    sample s = {.source = source};
    uint32_t row = 0;
    ps_status st;

    PS_GO(sample_read(cx, &s, file, sample_bytes(source)));
    PS_GO(dialect_find(cx, &s));
    PS_GO(types_find(cx, &s, &row));
    if (s.index.n_records == 0 && s.n > s.first)
        PS_GO(ps_fail(cx, PS_DATA, "the first record doesn't end: is a quote (%c) left open",
                      source->dialect.quote));
    PS_GO(fields_make(cx, &s, row, fields, n_fields));
    facts->start = source->options.header && s.index.n_records ? row_start(&s, row + 1) : s.first;
done:
    sample_release(&s);
    return st;
}

ps_status ps_csv_file_start(ps_ctx *cx, const ps_csv_source *source, ps_file *file,
                            ps_csv_file *facts)
{
    sample s = {.source = (ps_csv_source *)(uintptr_t)source};
    uint32_t row = 0;
    ps_status st;

    PS_GO(sample_read(cx, &s, file, source->options.line_bytes_max + (1 << 16)));
    PS_GO(sample_index(cx, &s, source->dialect, s.n));
    while (row < s.index.n_records && blank(&s, row, row_start(&s, row))) row++;
    facts->start = s.first;
    if (!source->options.header || row >= s.index.n_records) goto done;
    for (uint32_t i = 0; i < PS_MAX(row_fields(&s, row), source->base.schema->n); i++) {
        ps_str name = {"", 0};
        if (i < row_fields(&s, row) && i < source->base.schema->n &&
            header_field(cx, &s.arena, &s, row, i, &name) &&
            (source->options.names || source->options.columns || !name.n ||
             ps_str_starts(source->base.schema->fields[i].name, name)))
            continue;
        PS_GO(ps_fail(cx, PS_DATA,
                      "the header differs from that of the first file at column %u: %.*s", i + 1,
                      PS_STR_ARGS(name)));
    }
    facts->start = row_start(&s, row + 1);
done:
    sample_release(&s);
    return st;
}
