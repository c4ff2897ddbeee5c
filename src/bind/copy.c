/* bind/copy.c -- which files a COPY TO writes.
 *
 * Tests: tests/slt/op/write_dataset.test */
#include "bind/copy.h"

#include "bind/near.h"

/* A job commits file by file: without a limit it would have one. */
enum { JOB_ROWS = 1 << 20 };

typedef enum option_id {
    PARTITION_BY,
    OVERWRITE,
    OVERWRITE_OR_IGNORE,
    APPEND,
    WRITE_PARTITION_COLUMNS,
    MAX_ROWS_PER_FILE,
    FILE_SIZE_BYTES,
    FILE_EXTENSION,
    JOB
} option_id;

static const struct option_name {
    const char *name;
    option_id id;
} OPTIONS[] = {{"partition_by", PARTITION_BY},
               {"overwrite", OVERWRITE},
               {"overwrite_or_ignore", OVERWRITE_OR_IGNORE},
               {"append", APPEND},
               {"write_partition_columns", WRITE_PARTITION_COLUMNS},
               {"max_rows_per_file", MAX_ROWS_PER_FILE},
               {"file_size_bytes", FILE_SIZE_BYTES},
               {"file_extension", FILE_EXTENSION},
               {"job", JOB}};

typedef struct binder {
    ps_ctx *cx;
    ps_arena *arena;
    const ps_node *input;
    ps_dataset_spec *out;
    bool wanted; /* a directory of files */
} binder;

static ps_status flag_value(ps_ctx *cx, const ps_option *o, bool *out)
{
    const ps_value *v = &o->value;

    if (v->null || !(v->type.id == PS_TYPE_BOOL ||
                     (ps_type_class_of(v->type) == PS_CLASS_INTEGER && (v->i == 0 || v->i == 1))))
        return ps_fail(cx, PS_BIND, "this option of COPY is true or false: %.*s",
                       PS_STR_ARGS(o->name));
    *out = v->i != 0;
    return PS_OK;
}

static ps_status count_value(ps_ctx *cx, const ps_option *o, uint64_t *out)
{
    const ps_value *v = &o->value;

    if (v->null || ps_type_class_of(v->type) != PS_CLASS_INTEGER || v->i < 1 || v->i > INT64_MAX)
        return ps_fail(cx, PS_BIND, "this option of COPY is a whole number above 0: %.*s",
                       PS_STR_ARGS(o->name));
    *out = (uint64_t)v->i;
    return PS_OK;
}

static ps_status text_value(ps_ctx *cx, const ps_option *o, ps_str *out)
{
    const ps_value *v = &o->value;

    if (v->null || v->type.id != PS_TYPE_STRING || v->str.n == 0)
        return ps_fail(cx, PS_BIND, "this option of COPY is a text: %.*s", PS_STR_ARGS(o->name));
    *out = v->str;
    return PS_OK;
}

/* ---- PARTITION_BY ---- */

static ps_status find_column(binder *b, const ps_value *name, uint32_t *out)
{
    ps_near near;

    if (name->null || name->type.id != PS_TYPE_STRING)
        return ps_fail(b->cx, PS_BIND, "PARTITION_BY takes names of columns");
    near = ps_near_of(name->str);
    for (uint32_t i = 0; i < b->input->n_cols; i++) {
        ps_near_add(&near, b->input->cols[i].name);
        if (!ps_str_equal_nocase(b->input->cols[i].name, name->str)) continue;
        *out = i;
        return PS_OK;
    }
    ps_fail(b->cx, PS_BIND, "PARTITION_BY names no column of the result: %.*s",
            PS_STR_ARGS(name->str));
    ps_near_hint(b->cx, &near);
    return PS_BIND;
}

static ps_status check_column(binder *b, const uint32_t *columns, uint32_t n)
{
    const ps_col *col = &b->input->cols[columns[n]];
    const ps_type type = ps_type_storage(col->type);

    for (uint32_t k = 0; k < n; k++)
        if (columns[k] == columns[n])
            return ps_fail(b->cx, PS_BIND, "PARTITION_BY names a column twice: %.*s",
                           PS_STR_ARGS(col->name));
    if (ps_type_class_of(type) == PS_CLASS_NESTED)
        return ps_fail(b->cx, PS_BIND, "a column of a nested type can't name directories: %.*s",
                       PS_STR_ARGS(col->name));
    return PS_OK;
}

static ps_status partition_by(binder *b, const ps_option *o)
{
    const bool list = !o->value.null && o->value.type.id == PS_TYPE_LIST;
    const ps_value *names = list ? o->value.items : &o->value;
    const uint32_t n = list ? o->value.n_items : 1;
    uint32_t *columns = PS_ARENA_ARRAY(b->cx, b->arena, uint32_t, n + 1);
    ps_str *texts = PS_ARENA_ARRAY(b->cx, b->arena, ps_str, n + 1);

    if (!columns || !texts) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        PS_TRY(find_column(b, &names[i], &columns[i]));
        PS_TRY(check_column(b, columns, i));
        texts[i] = b->input->cols[columns[i]].name;
    }
    b->out->partition = columns;
    b->out->partition_names = texts;
    b->out->n_partition = n;
    b->wanted |= n > 0;
    return PS_OK;
}

/* ---- the others ---- */

static ps_status mode_set(binder *b, const ps_option *o, ps_write_mode mode)
{
    bool on;

    PS_TRY(flag_value(b->cx, o, &on));
    if (!on) return PS_OK;
    if (b->out->mode != PS_WRITE_NEW)
        return ps_fail(b->cx, PS_BIND, "COPY can't both OVERWRITE and APPEND");
    b->out->mode = mode;
    b->wanted |= mode == PS_WRITE_APPEND;
    return PS_OK;
}

static ps_status option_set(binder *b, option_id id, const ps_option *o)
{
    switch (id) {
    case PARTITION_BY: return partition_by(b, o);
    case OVERWRITE: return mode_set(b, o, PS_WRITE_OVERWRITE);
    case APPEND: return mode_set(b, o, PS_WRITE_APPEND);
    case OVERWRITE_OR_IGNORE:
        ps_fail(b->cx, PS_UNSUPPORTED, "OVERWRITE_OR_IGNORE would leave a mixture of old and new");
        ps_hint(b->cx, "OVERWRITE replaces the whole directory, APPEND adds to it");
        return PS_UNSUPPORTED;
    case WRITE_PARTITION_COLUMNS: return flag_value(b->cx, o, &b->out->keep_columns);
    case MAX_ROWS_PER_FILE: b->wanted = true; return count_value(b->cx, o, &b->out->rows_max);
    case FILE_SIZE_BYTES: b->wanted = true; return count_value(b->cx, o, &b->out->bytes_max);
    case FILE_EXTENSION: return text_value(b->cx, o, &b->out->extension);
    case JOB: b->wanted = true; return text_value(b->cx, o, &b->out->job);
    }
    return PS_BUG(b->cx, "an option of COPY that nothing sets");
}

static ps_status check_extension(ps_ctx *cx, ps_str *extension)
{
    if (extension->n && extension->at[0] == '.') extension->at++, extension->n--;
    if (extension->n <= 32 && !memchr(extension->at, '/', extension->n) &&
        !memchr(extension->at, 0, extension->n))
        return PS_OK;
    return ps_fail(cx, PS_BIND, "not an extension of a file: %.*s", PS_STR_ARGS(*extension));
}

static ps_status check_dataset(binder *b)
{
    ps_dataset_spec *out = b->out;

    if (out->n_partition == b->input->n_cols && !out->keep_columns)
        return ps_fail(b->cx, PS_BIND, "every column is in PARTITION_BY: nothing is left to write");
    if (out->job.n && out->mode == PS_WRITE_OVERWRITE)
        return ps_fail(b->cx, PS_BIND, "a JOB adds files one by one: it can't OVERWRITE");
    if (out->job.n && !out->rows_max && !out->bytes_max) out->rows_max = JOB_ROWS;
    if (out->extension.n) return check_extension(b->cx, &out->extension);
    return PS_OK;
}

static const struct option_name *option_find(ps_str name)
{
    for (size_t i = 0; i < PS_COUNT(OPTIONS); i++)
        if (ps_str_equal_nocase(ps_str_of(OPTIONS[i].name), name)) return &OPTIONS[i];
    return NULL;
}

ps_status ps_bind_write(ps_ctx *cx, ps_arena *arena, const ps_node *input, const ps_options *given,
                        ps_sink_spec *sink)
{
    ps_option *rest = PS_ARENA_ARRAY(cx, arena, ps_option, given->n + 1);
    binder b = {.cx = cx, .arena = arena, .input = input};

    b.out = PS_ARENA_NEW(cx, arena, ps_dataset_spec);
    if (!rest || !b.out) return PS_MEMORY;
    sink->options = (ps_options){rest, 0};
    b.wanted = ps_str_ends(sink->path, PS_STR("/"));
    for (uint32_t i = 0; i < given->n; i++) {
        const ps_option *o = &given->at[i];
        const struct option_name *known = option_find(o->name);
        if (!known) {
            rest[sink->options.n++] = *o;
            continue;
        }
        const ps_status st = option_set(&b, known->id, o);
        if (st != PS_OK) return ps_fail_at(cx, o->at), st;
    }
    if (!b.wanted) return PS_OK;
    sink->dataset = b.out;
    return check_dataset(&b);
}
