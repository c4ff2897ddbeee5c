/* api/insight.c -- see insight.h. Tests: tests/slt/sql/settings.test */
#include "api/insight.h"

#define BOOLEAN(text)                                                                              \
    {                                                                                              \
        .name = {text, sizeof(text) - 1}, .type = {.id = PS_TYPE_BOOL }                            \
    }
#define BIGINT(text)                                                                               \
    {.name = {text, sizeof(text) - 1}, .type = {.id = PS_TYPE_INT64}, .nullable = true}
#define VARCHAR(text)                                                                              \
    {.name = {text, sizeof(text) - 1}, .type = {.id = PS_TYPE_STRING}, .nullable = true}

/* At most PS_BATCH_ROWS_MAX rows from `first` on. */
static ps_status add_batch(ps_ctx *cx, ps_arena *arena, const ps_rows_of *rows, size_t first,
                           uint32_t n, ps_segment_builder *builder)
{
    ps_value *column = PS_ARENA_ARRAY(cx, arena, ps_value, n + 1);
    ps_batch batch;

    if (!column) return PS_MEMORY;
    PS_TRY(ps_batch_init(cx, arena, rows->n_cols, &batch));
    batch.n_cols = rows->n_cols;
    batch.n = batch.n_live = n;
    for (uint32_t c = 0; c < rows->n_cols; c++) {
        for (uint32_t r = 0; r < n; r++) column[r] = rows->cells.at[(first + r) * rows->n_cols + c];
        PS_TRY(ps_vec_of_values(cx, arena, rows->fields[c].type, column, n, &batch.cols[c]));
    }
    return ps_segment_builder_add(cx, builder, &batch);
}

ps_status ps_rows_of_table(ps_ctx *cx, ps_arena *arena, const ps_rows_of *rows, ps_table **out)
{
    const size_t n_rows = rows->cells.n / rows->n_cols;
    ps_segment_builder *builder = NULL;
    ps_segment *segment = NULL;
    ps_schema *schema = NULL;
    ps_table *empty = NULL;
    ps_status st;

    *out = NULL;
    PS_GO(ps_schema_new(cx, rows->fields, rows->n_cols, &schema));
    PS_GO(ps_table_new(cx, schema, &empty));
    PS_GO(ps_segment_builder_new(cx, schema, &builder));
    for (size_t at = 0; at < n_rows; at += PS_BATCH_ROWS_MAX)
        PS_GO(add_batch(cx, arena, rows, at, (uint32_t)PS_MIN(n_rows - at, PS_BATCH_ROWS_MAX),
                        builder));
    PS_GO(ps_segment_builder_seal(cx, builder, 0, &segment));
    if (segment) st = ps_table_append(cx, empty, &segment, 1, out);
    else *out = ps_table_ref(empty);
done:
    if (segment) ps_owner_unref(&segment->owner);
    ps_segment_builder_free(builder);
    ps_table_unref(empty);
    ps_schema_unref(schema);
    return st;
}

static ps_value text_of(const char *text) { return ps_value_str(ps_str_of(text)); }

static ps_value count_of(int64_t n) { return ps_value_int(PS_TYPE(INT64), n); }

/* A limit of 0 is none. */
static ps_value limit_of(int64_t n) { return n ? count_of(n) : ps_value_null(PS_TYPE(INT64)); }

/* ---- settings ---- */

static const ps_field SETTINGS[] = {VARCHAR("name"), VARCHAR("value"), VARCHAR("in_force"),
                                    VARCHAR("description"), VARCHAR("input_type")};

/* What a setting amounts to where the instance has a say too; NULL: its value. */
static const char *in_force(ps_ctx *cx, ps_arena *arena, const ps_session *session,
                            const char *name)
{
    const ps_instance *instance = session->instance;
    const ps_settings *own = ps_session_settings(session);
    ps_exec_settings exec = own->exec;

    ps_limits_settle(session, own, &exec);
    if (strcmp(name, "temp_directory") == 0) return exec.temp_directory;
    const uint64_t numbers[] = {
        exec.threads,
        PS_MIN(ps_mem_limit(session->mem), exec.memory_limit ? exec.memory_limit : UINT64_MAX),
        ps_limit_tighter(own->max_execution_ms, instance->most.timeout_ms),
        exec.rows_scanned_max,
        exec.result_bytes_max,
        ps_limit_tighter(exec.temp_bytes_max, (uint64_t)instance->mem->disk_limit)};
    static const char *const NAMES[] = {
        "threads",          "memory_limit",     "max_execution_time",
        "max_rows_scanned", "max_result_bytes", "max_temp_directory_size"};

    for (size_t i = 0; i < PS_COUNT(NAMES); i++) {
        if (strcmp(name, NAMES[i]) != 0) continue;
        const uint64_t number = numbers[i] == UINT64_MAX ? 0 : numbers[i];
        return ps_arena_printf(cx, arena, "%llu", (unsigned long long)number);
    }
    return NULL;
}

ps_status ps_insight_settings(ps_ctx *cx, ps_arena *arena, const ps_session *session,
                              ps_table **out)
{
    ps_rows_of rows = {.fields = SETTINGS, .n_cols = PS_COUNT(SETTINGS)};
    const char *name, *doc, *kind;
    ps_status st = PS_OK;
    ps_text text;

    ps_text_init(&text, cx);
    for (uint32_t i = 0; ps_settings_at(i, &name, &doc, &kind); i++) {
        text.n = 0;
        PS_GO(ps_settings_get(cx, ps_session_settings(session), ps_str_of(name), &text));
        const char *value = ps_arena_strndup(cx, arena, text.at ? text.at : "", text.n);
        const char *now = in_force(cx, arena, session, name);
        if (!value || cx->error.code) PS_GO(PS_MEMORY);
        const ps_value cells[] = {text_of(name), text_of(value), text_of(now ? now : value),
                                  text_of(doc), text_of(kind)};
        for (size_t c = 0; c < PS_COUNT(cells); c++)
            PS_GO(PS_ARRAY_ADD_IN(cx, arena, &rows.cells, cells[c]));
    }
    st = ps_rows_of_table(cx, arena, &rows, out);
done:
    ps_text_release(&text);
    return st;
}

/* ---- memory ---- */

static const ps_field MEMORY[] = {
    BIGINT("payer"),      BIGINT("parent"),         VARCHAR("name"),       BIGINT("bytes"),
    BIGINT("bytes_peak"), BIGINT("bytes_reserved"), BIGINT("bytes_limit"), BIGINT("temp_bytes"),
    BIGINT("temp_limit"), BOOLEAN("closed"),
};

ps_status ps_insight_memory(ps_ctx *cx, ps_arena *arena, const ps_session *session, ps_table **out)
{
    ps_rows_of rows = {.fields = MEMORY, .n_cols = PS_COUNT(MEMORY)};
    const ps_mem *root = session->instance->mem;
    const size_t room = ps_mem_list(root, NULL, 0) + 16; /* others may come meanwhile */
    ps_mem_facts *facts = PS_ARENA_ARRAY(cx, arena, ps_mem_facts, room);

    if (!facts) return PS_MEMORY;
    const size_t n = PS_MIN(ps_mem_list(root, facts, room), room);
    for (size_t i = 0; i < n; i++) {
        const ps_mem_facts *f = &facts[i];
        const ps_value cells[] = {count_of((int64_t)f->number),
                                  limit_of((int64_t)f->parent),
                                  text_of(f->name),
                                  count_of(f->used),
                                  count_of(f->peak),
                                  count_of(f->reserve),
                                  limit_of(f->limit),
                                  count_of(f->disk),
                                  limit_of(f->disk_limit),
                                  ps_value_int(PS_TYPE(BOOL), f->closed)};

        for (size_t c = 0; c < PS_COUNT(cells); c++)
            PS_TRY(PS_ARRAY_ADD_IN(cx, arena, &rows.cells, cells[c]));
    }
    return ps_rows_of_table(cx, arena, &rows, out);
}

/* ---- temporary files ---- */

static const ps_field SPILL_FILES[] = {
    BIGINT("payer"),         BIGINT("query"),          VARCHAR("operator"),
    VARCHAR("directory"),    BIGINT("blocks"),         BIGINT("bytes"),
    BIGINT("bytes_written"), BIGINT("bytes_unpacked"), BOOLEAN("encrypted"),
};

ps_status ps_insight_spill_files(ps_ctx *cx, ps_arena *arena, const ps_session *session,
                                 ps_table **out)
{
    ps_rows_of rows = {.fields = SPILL_FILES, .n_cols = PS_COUNT(SPILL_FILES)};
    ps_spill_facts *facts;
    size_t n;

    PS_TRY(ps_spill_list_look(cx, arena, &session->instance->tables->spills, &facts, &n));
    for (size_t i = 0; i < n; i++) {
        const ps_spill_facts *f = &facts[i];
        const ps_value cells[] = {limit_of((int64_t)f->payer),
                                  limit_of((int64_t)f->parent),
                                  text_of(f->payer_name),
                                  text_of(f->directory),
                                  count_of((int64_t)f->blocks),
                                  count_of((int64_t)f->bytes_now),
                                  count_of((int64_t)f->bytes),
                                  count_of((int64_t)f->bytes_raw),
                                  ps_value_int(PS_TYPE(BOOL), f->encrypted)};

        for (size_t c = 0; c < PS_COUNT(cells); c++)
            PS_TRY(PS_ARRAY_ADD_IN(cx, arena, &rows.cells, cells[c]));
    }
    return ps_rows_of_table(cx, arena, &rows, out);
}
