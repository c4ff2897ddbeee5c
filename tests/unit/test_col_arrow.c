/* tests/unit/test_col_arrow.c -- broken Arrow arrays, thousands of them, under the sanitizers.
 *
 * Arrays of all types are exported, one thing in them is broken at random, and they are imported:
 * the outcome is either vectors that verify and print, or an error. Only what the interface lets
 * one check is broken: the sizes of buffers are the producer's word. */
#include "unit.h"

#include "base/hash.h"
#include "col/arrow_stream.h"
#include "col/value.h"

enum { ROWS = 40, MUTANTS = 20000 };

static ps_mem mem;
static ps_ctx cx;
static uint64_t seed;

static uint64_t roll(uint64_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % n;
}

static void check(ps_status st)
{
    if (st != PS_OK) print_error("%s\n", cx.error.message);
    assert_int_equal(st, PS_OK);
}

/* One column of each nested kind over integers and text, with nulls; and one of views. */
static ps_schema *make_schema(void)
{
    ps_type types[6];
    const ps_field number = {PS_STR("n"), PS_TYPE(INT32), true, NULL};
    const ps_field text = {PS_STR("t"), PS_TYPE(STRING), true, NULL};
    ps_schema *schema;

    check(ps_type_list(&cx, &text, &types[0]));
    check(ps_type_array(&cx, &number, 2, &types[1]));
    check(ps_type_struct(&cx, (ps_field[]){number, text}, 2, &types[2]));
    check(ps_type_map(&cx, &text, &number, &types[3]));
    check(ps_type_union(&cx, (ps_field[]){number, text}, (int8_t[]){2, 5}, 2, &types[4]));
    check(ps_type_enum(&cx, (ps_str[]){PS_STR("x"), PS_STR("y")}, 2, &types[5]));
    const ps_field fields[] = {
        {PS_STR("a"), types[0], true, NULL},
        {PS_STR("b"), types[1], true, NULL},
        {PS_STR("c"), types[2], true, NULL},
        {PS_STR("d"), types[3], true, NULL},
        {PS_STR("e"), types[4], true, NULL},
        {PS_STR("f"), types[5], true, NULL},
        {PS_STR("g"), PS_TYPE(STRING), true, NULL},
        {PS_STR("h"), ps_type_decimal(9, 2), true, NULL},
        {PS_STR("i"), PS_TYPE(BOOL), true, NULL},
    };
    check(ps_schema_new(&cx, fields, PS_COUNT(fields), &schema));
    for (int i = 0; i < 6; i++) ps_type_unref(types[i]);
    return schema;
}

static ps_value any_value(ps_arena *arena, ps_type type)
{
    static const char text[] = "a text that is longer than twelve bytes";
    ps_value value = {.type = type};

    if (roll(5) == 0) return ps_value_null(type);
    if (type.id == PS_TYPE_STRING) return ps_value_str((ps_str){text, roll(sizeof text)});
    if (!type.ext || type.id == PS_TYPE_ENUM) return ps_value_int(type, (ps_i128)roll(2));
    const bool list = type.id == PS_TYPE_LIST || type.id == PS_TYPE_MAP;
    value.tag = type.id == PS_TYPE_UNION ? (int8_t)roll(2) : 0;
    value.n_items = list ? (uint32_t)roll(4) : type.id == PS_TYPE_UNION ? 1 : 2;
    ps_value *items = PS_ARENA_ARRAY(&cx, arena, ps_value, value.n_items);
    for (uint32_t i = 0; i < value.n_items; i++) {
        const ps_field *fields = type.ext->fields;
        if (type.id != PS_TYPE_MAP) {
            const uint32_t f = type.id == PS_TYPE_UNION ? (uint32_t)value.tag : i;
            items[i] = any_value(arena, fields[type.ext->n_fields == 1 ? 0 : f].type);
            continue;
        }
        ps_value *entry = PS_ARENA_ARRAY(&cx, arena, ps_value, 2);
        entry[0] = ps_value_str(PS_STR("key")); /* never null */
        entry[1] = any_value(arena, fields[1].type);
        items[i] = (ps_value){.type = ps_type_entry(type), .items = entry, .n_items = 2};
    }
    value.items = items;
    return value;
}

static void make_array(const ps_schema *schema, struct ArrowArray *out)
{
    ps_arena arena = {0};
    ps_batch batch;
    check(ps_batch_init(&cx, &arena, schema->n, &batch));
    batch.n_cols = schema->n, batch.n = batch.n_live = ROWS;
    for (uint32_t c = 0; c < schema->n; c++) {
        ps_value values[ROWS];
        for (uint32_t i = 0; i < ROWS; i++) values[i] = any_value(&arena, schema->fields[c].type);
        check(ps_vec_of_values(&cx, &arena, schema->fields[c].type, values, ROWS, &batch.cols[c]));
    }
    check(ps_arrow_export_batch(&cx, schema, &batch, out));
    ps_arena_release(&arena);
}

/* A random node of the tree, and its schema. */
static struct ArrowArray *pick(struct ArrowArray *array, const struct ArrowSchema *schema,
                               const struct ArrowSchema **out)
{
    while (array->n_children && (array->n_children > 2 || roll(3))) {
        const uint64_t child = roll((uint64_t)array->n_children);
        schema = schema->children[child];
        array = array->children[child];
    }
    if (array->dictionary && roll(2)) {
        schema = schema->dictionary;
        array = array->dictionary;
    }
    *out = schema;
    return array;
}

/* Bytes of a buffer that may be overwritten: heads, offsets, tags, codes and validity, no sizes. */
static size_t buffer_bytes(const struct ArrowArray *array, const char *format, int64_t i)
{
    const size_t n = (size_t)array->length;
    if (i == 0 && strncmp(format, "+u", 2) != 0) return (n + 7) / 8;
    if (strncmp(format, "+u", 2) == 0) return n;
    if (format[0] == '+') return (n + 1) * 4;
    if (strcmp(format, "u") == 0) return 0; /* offsets into bytes of unknown size */
    if (i > 1) return 0;
    return format[0] == 'v' || format[0] == 'd' ? n * 16 : format[0] == 'b' ? (n + 7) / 8 : n * 4;
}

static void break_field(struct ArrowArray *array)
{
    static const int64_t bad[] = {-1, INT64_MIN, -2, INT32_MIN};
    const int64_t value = bad[roll(PS_COUNT(bad))];

    switch (roll(5)) {
    case 0: array->length = roll(2) ? value : array->length - (int64_t)roll(3); break;
    case 1: array->offset = value; break;
    case 2: array->null_count += roll(2) ? value : 1; break;
    case 3: array->n_buffers += roll(2) ? 1 : -1; break;
    default: array->n_children += roll(2) ? 1 : -1; break;
    }
}

/* What was broken is put back, so that the release of the exporter sees a whole array. */
typedef struct mutant {
    struct ArrowArray *array, fields;
    char *buffer, saved[ROWS * 64];
    size_t bytes;
} mutant;

static void mutate(struct ArrowArray *top, const struct ArrowSchema *schema, mutant *out)
{
    const struct ArrowSchema *form;
    struct ArrowArray *array = pick(top, schema, &form);

    *out = (mutant){.array = array, .fields = *array};
    if (roll(3) == 0) {
        break_field(array);
        return;
    }
    if (array->n_buffers == 0) return;
    const int64_t i = (int64_t)roll((uint64_t)PS_MIN(array->n_buffers, 2));
    out->bytes = buffer_bytes(array, form->format, i);
    out->buffer = (char *)(uintptr_t)array->buffers[i];
    if (!out->buffer || out->bytes == 0 || out->bytes > sizeof out->saved) {
        out->buffer = NULL;
        return;
    }
    memcpy(out->saved, out->buffer, out->bytes);
    for (uint64_t k = 1 + roll(3); k; k--) {
        const size_t at = roll(out->bytes);
        out->buffer[at] = (char)(roll(2) ? roll(256) : (uint64_t)out->buffer[at] ^ (1u << roll(8)));
    }
}

static void mend(mutant *broken)
{
    void (*release)(struct ArrowArray *) = broken->array->release;

    *broken->array = broken->fields;
    broken->array->release = release;
    if (broken->buffer) memcpy(broken->buffer, broken->saved, broken->bytes);
}

/* The array handed to the importer: its release only marks it, the real one comes after mending. */
static void mark_released(struct ArrowArray *array) { array->release = NULL; }

static bool import_all(const ps_schema *schema, const struct ArrowSchema *form,
                       struct ArrowArray *array)
{
    ps_arena arena = {0};
    ps_owner *owner = NULL;
    ps_batch batch;
    ps_text text;

    const ps_status st = ps_arrow_import_batch(&cx, &arena, schema, form, array, &batch, &owner);
    assert_null(array->release); /* taken over in any case */
    if (st == PS_OK) {
        check(ps_batch_verify(&cx, &batch));
        ps_text_init(&text, &cx);
        for (uint32_t c = 0; c < batch.n_cols; c++)
            for (uint32_t r = 0; r < batch.n; r++) ps_vec_print(&batch.cols[c], r, &text);
        check(ps_text_status(&text));
        ps_text_release(&text);
    } else {
        assert_true(st == PS_DATA || st == PS_UNSUPPORTED);
        assert_true(cx.error.message[0]);
    }
    ps_owner_unref(owner);
    ps_arena_release(&arena);
    return st == PS_OK;
}

static void mutants_are_refused_or_whole(void **state)
{
    ps_schema *schema = make_schema(), *imported;
    struct ArrowSchema form;
    uint32_t taken = 0;
    (void)state;

    check(ps_arrow_export_schema(&cx, schema, &form));
    check(ps_arrow_import_schema(&cx, &form, &imported));
    for (uint32_t m = 0; m < MUTANTS; m++) {
        struct ArrowArray array, handed;
        mutant broken;
        make_array(schema, &array);
        mutate(&array, &form, &broken);
        handed = array;
        handed.release = mark_released;
        taken += import_all(imported, &form, &handed);
        mend(&broken);
        array.release(&array);
    }
    assert_in_range(taken, MUTANTS / 20,
                    MUTANTS - MUTANTS / 20); /* the sweep breaks some, not all */
    form.release(&form);
    ps_schema_unref(imported);
    ps_schema_unref(schema);
}

static void failures_while_importing_leave_nothing(void **state)
{
    ps_schema *schema = make_schema(), *imported = NULL;
    struct ArrowSchema form;
    bool done = false;
    (void)state;

    check(ps_arrow_export_schema(&cx, schema, &form));
    for (int64_t n = 1; !done; n++) {
        ps_mem_fail_after(n, false);
        const ps_status st = ps_arrow_import_schema(&cx, &form, &imported);
        ps_mem_fail_after(0, false);
        done = st == PS_OK;
        assert_true(done || st == PS_MEMORY);
    }
    done = false;
    for (int64_t n = 1; !done; n++) {
        struct ArrowArray array, again;
        ps_arena arena = {0};
        ps_owner *owner = NULL;
        ps_batch batch;
        make_array(schema, &array);
        ps_mem_fail_after(n, false);
        ps_status st = ps_arrow_import_batch(&cx, &arena, imported, &form, &array, &batch, &owner);
        if (st == PS_OK) {
            st = ps_arrow_export_batch(&cx, imported, &batch, &again);
            if (st == PS_OK) again.release(&again);
        }
        ps_mem_fail_after(0, false);
        done = st == PS_OK;
        assert_true(done || st == PS_MEMORY);
        ps_owner_unref(owner);
        ps_arena_release(&arena);
    }
    form.release(&form);
    ps_schema_unref(imported);
    ps_schema_unref(schema);
}

static void children_may_be_moved_out(void **state)
{
    ps_schema *schema = make_schema();
    struct ArrowArray array, child;
    (void)state;
    make_array(schema, &array);
    child = *array.children[0];
    array.children[0]->release = NULL;
    array.release(&array); /* the parent goes first */
    assert_int_equal(child.length, ROWS);
    assert_true(((const int32_t *)child.buffers[1])[0] == 0);
    child.release(&child);
    ps_schema_unref(schema);
}

/* A producer of three batches that fails at the given call. */
typedef struct producer {
    const ps_schema *schema;
    int calls, fails_at;
} producer;

static int produce_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    producer *p = stream->private_data;
    if (++p->calls == p->fails_at) return 5;
    return ps_arrow_export_schema(&cx, p->schema, out) == PS_OK ? 0 : 12;
}
static int produce_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    producer *p = stream->private_data;
    if (++p->calls == p->fails_at) return 5;
    if (p->calls > 4) out->release = NULL;
    else make_array(p->schema, out);
    return 0;
}
static const char *produce_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return "the disk is on fire";
}
static void produce_release(struct ArrowArrayStream *stream) { stream->release = NULL; }

static void streams_become_tables_or_errors(void **state)
{
    ps_schema *schema = make_schema();
    (void)state;
    for (int fails_at = 0; fails_at < 6; fails_at++) {
        producer p = {schema, 0, fails_at};
        struct ArrowArrayStream stream = {produce_schema, produce_next, produce_error,
                                          produce_release, &p};
        ps_table *table;
        const ps_status st = ps_table_from_stream(&cx, &stream, NULL, NULL, &table);
        assert_null(stream.release);
        if (fails_at == 0) {
            check(st);
            assert_int_equal(table->n_rows, 3 * ROWS);
        } else {
            assert_int_equal(st, PS_IO);
            assert_non_null(strstr(cx.error.message, "on fire"));
            assert_null(table);
        }
        ps_table_unref(table);
    }
    ps_schema_unref(schema);
}

static int set_up(void **state)
{
    (void)state;
    seed = 7;
    ps_mem_init(&mem, NULL, "instance", 0);
    ps_ctx_init(&cx, &mem, NULL);
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    return mem.used == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutants_are_refused_or_whole),
        cmocka_unit_test(failures_while_importing_leave_nothing),
        cmocka_unit_test(children_may_be_moved_out),
        cmocka_unit_test(streams_become_tables_or_errors),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
