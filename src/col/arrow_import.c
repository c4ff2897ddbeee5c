/* col/arrow_import.c -- Arrow arrays to vectors: ownership, common checks, fixed-width values.
 *
 * Nothing of an array is trusted: counts, offsets, null counts, codes and UTF-8 are checked
 * before anything is read through them. What can't be checked is that buffers are as long as the
 * array says: the interface doesn't give their sizes.
 *
 * Zero copy: fixed-width buffers are used in place when aligned. Vectors may be read up to the
 * next 64 bytes; that is safe in place if it stays on the last byte's page, else they are copied.
 * Text keeps its bytes in place under 16-byte views of ours.
 *
 * Ownership: holder -> memory, holder -> dictionaries -> memory. So a dictionary that outlives
 * its batch keeps the Arrow array alive, and nothing points back.
 * Tests: tests/py/test_arrow.py, tests/unit/test_col_arrow.c */
#include "col/arrow_import.h"

#include "col/slots.h"
#include "col/value.h"
#include "col/vec_bounds.h"

enum { PAGE_BYTES = 4096 };

/* ---- ownership ---- */

static void memory_destroy(ps_owner *owner)
{
    ps_arrow_memory *memory = (ps_arrow_memory *)(void *)owner;

    if (memory->array.release) memory->array.release(&memory->array);
    ps_arena_release(&memory->arena);
    ps_free(memory);
}

static void holder_destroy(ps_owner *owner)
{
    ps_arrow_holder *holder = (ps_arrow_holder *)(void *)owner;

    ps_arena_release(&holder->arena);
    ps_owner_unref(&holder->memory->owner);
    ps_free(holder);
}

static ps_status holder_new(ps_ctx *cx, struct ArrowArray *array, ps_arrow_holder **out)
{
    ps_arrow_memory *memory = ps_alloc_zero(cx, sizeof *memory);
    ps_arrow_holder *holder = ps_alloc_zero(cx, sizeof *holder);

    if (!memory || !holder) {
        ps_free(memory);
        ps_free(holder);
        array->release(array);
        return PS_MEMORY;
    }
    memory->array = *array;
    array->release = NULL; /* moved */
    ps_owner_init(&memory->owner, memory_destroy);
    ps_owner_init(&holder->owner, holder_destroy);
    holder->memory = memory;
    *out = holder;
    return PS_OK;
}

void *ps_arrow_room(const ps_arrow_import *im, size_t n, size_t size)
{
    void *room = ps_arena_alloc_raw(im->cx, im->arena, n * size + PS_ALIGN, PS_ALIGN);
    if (room) memset(room, 0, n * size + PS_ALIGN);
    return room;
}

ps_status ps_arrow_adopt(const ps_arrow_import *im, const char *at, size_t bytes, size_t align,
                         const void **out)
{
    const uintptr_t start = (uintptr_t)at;
    const size_t padded = (bytes + PS_ALIGN - 1) / PS_ALIGN * PS_ALIGN;

    *out = ps_zero_bits;
    if (bytes == 0) return PS_OK;
    *out = at;
    if (start % align == 0 && (start + padded - 1) / PAGE_BYTES == (start + bytes - 1) / PAGE_BYTES)
        return PS_OK;
    void *copy = ps_arena_alloc_raw(im->cx, im->arena, padded, PS_ALIGN);
    if (!copy) return PS_MEMORY;
    memcpy(copy, at, bytes);
    *out = copy;
    return PS_OK;
}

ps_status ps_arrow_buffer(const ps_arrow_import *im, const ps_arrow_window *w, int i,
                          const char **out)
{
    *out = w->array->buffers ? w->array->buffers[i] : NULL;
    if (*out || w->n == 0) return PS_OK;
    return ps_fail(im->cx, PS_DATA, "buffer %d of an Arrow array of %lld rows is missing", i,
                   (long long)w->array->length);
}

/* ---- common checks ---- */

static ps_status check_shape(const ps_arrow_import *im, const ps_arrow_window *w)
{
    const struct ArrowArray *array = w->array;
    const ps_arrow_form *form = &w->form;
    int64_t end;

    if (array->length < 0 || array->offset < 0 ||
        __builtin_add_overflow(array->length, array->offset, &end))
        return ps_fail(im->cx, PS_DATA, "an Arrow array has a bad length or offset: %lld, %lld",
                       (long long)array->length, (long long)array->offset);
    if (form->kind == PS_ARROW_VIEWS ? array->n_buffers < form->n_buffers
                                     : array->n_buffers != form->n_buffers)
        return ps_fail(im->cx, PS_DATA, "an Arrow array of format '%s' has %lld buffers, not %d",
                       w->schema->format, (long long)array->n_buffers, form->n_buffers);
    if (array->n_buffers > 0 && !array->buffers)
        return ps_fail(im->cx, PS_DATA, "an Arrow array has no list of buffers");
    if (array->n_children != w->schema->n_children || (array->n_children > 0 && !array->children))
        return ps_fail(im->cx, PS_DATA, "an Arrow array has %lld children and its type %lld",
                       (long long)array->n_children, (long long)w->schema->n_children);
    for (int64_t i = 0; i < array->n_children; i++)
        if (!array->children[i] || !array->children[i]->release)
            return ps_fail(im->cx, PS_DATA, "child %lld of an Arrow array is missing",
                           (long long)i);
    if (!array->dictionary != !w->schema->dictionary)
        return ps_fail(im->cx, PS_DATA, "an Arrow array and its type don't agree on a dictionary");
    if (array->null_count < -1 || array->null_count > array->length)
        return ps_fail(im->cx, PS_DATA, "an Arrow array of %lld rows says it has %lld nulls",
                       (long long)array->length, (long long)array->null_count);
    return PS_OK;
}

static bool has_validity(ps_arrow_kind kind)
{
    return kind != PS_ARROW_NULL && kind != PS_ARROW_UNION_SPARSE && kind != PS_ARROW_UNION_DENSE &&
           kind != PS_ARROW_RUNS;
}

static size_t count_ones(const uint8_t *bits, int64_t offset, int64_t n)
{
    size_t ones = 0;

    for (; n > 0 && offset % 8; n--, offset++) ones += (bits[offset / 8] >> (offset % 8)) & 1;
    for (; n >= 64; n -= 64, offset += 64) {
        uint64_t word;
        memcpy(&word, bits + offset / 8, sizeof word);
        ones += (size_t)__builtin_popcountll(word);
    }
    for (; n > 0; n--, offset++) ones += (bits[offset / 8] >> (offset % 8)) & 1;
    return ones;
}

/* Checks the null count over the whole array, then takes the validity of the window's rows. */
static ps_status read_validity(const ps_arrow_import *im, ps_arrow_window *w)
{
    const struct ArrowArray *array = w->array;
    const int64_t length = array->length;

    w->valid = NULL;
    if (w->form.kind == PS_ARROW_NULL) {
        if (array->null_count >= 0 && array->null_count != length)
            return ps_fail(im->cx, PS_DATA, "an Arrow array of nulls says it has %lld of %lld",
                           (long long)array->null_count, (long long)length);
        return PS_OK;
    }
    const uint8_t *bits = has_validity(w->form.kind) ? array->buffers[0] : NULL;
    const int64_t nulls = bits ? length - (int64_t)count_ones(bits, array->offset, length) : 0;
    if (array->null_count >= 0 && array->null_count != nulls)
        return ps_fail(im->cx, PS_DATA, "an Arrow array says it has %lld nulls, but has %lld",
                       (long long)array->null_count, (long long)nulls);
    if (nulls == 0 || w->n == 0) return PS_OK;
    uint64_t *valid = ps_arrow_room(im, PS_BITS_WORDS(w->n), sizeof *valid);
    if (!valid) return PS_MEMORY;
    ps_bits_copy(valid, bits, (size_t)w->first, w->n);
    w->valid = valid;
    return PS_OK;
}

/* ---- values of fixed width ---- */

static ps_status out_of_range(const ps_arrow_import *im, const ps_arrow_window *w)
{
    ps_text text;

    ps_text_init(&text, im->cx);
    ps_type_print(w->type, &text);
    const ps_status st = ps_fail(im->cx, PS_DATA, "an Arrow array holds a value out of range of %s",
                                 text.at ? text.at : "its type");
    ps_text_release(&text);
    return st;
}

static bool needs_range_check(ps_type type)
{
    return type.id == PS_TYPE_DECIMAL || type.id == PS_TYPE_TIME;
}

/* Values that the type forbids are refused here: unchecked loops rest on the type's range. */
static ps_status check_range(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *vec)
{
    ps_i128 lo, hi, least, most;

    if (!needs_range_check(w->type) || !ps_type_range(w->type, &least, &most)) return PS_OK;
    if (!ps_slots_measure(vec, NULL, vec->n, &lo, &hi)) return PS_OK;
    if (lo < least || hi > most) return out_of_range(im, w);
    if (lo < INT64_MIN || hi > INT64_MAX) return PS_OK;
    vec->lo = (int64_t)lo, vec->hi = (int64_t)hi;
    vec->bounded = true;
    return PS_OK;
}

static ps_status import_slots(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out)
{
    const size_t width = ps_layout_bytes(w->form.layout);
    const size_t align = w->form.layout == PS_LAYOUT_INTERVAL ? 8 : width;
    const char *buffer;
    const void *data;

    PS_TRY(ps_arrow_buffer(im, w, 1, &buffer));
    const char *at = w->n ? buffer + w->first * (int64_t)width : NULL;
    PS_TRY(ps_arrow_adopt(im, at, w->n * width, align, &data));
    ps_vec_flat(out, w->type, w->form.layout, data, w->valid, w->n);
    return ps_layout_is_int(w->form.layout) ? check_range(im, w, out) : PS_OK;
}

static ps_status import_bool(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out)
{
    const char *buffer;
    uint8_t *data = ps_arrow_room(im, w->n, 1);

    PS_TRY(ps_arrow_buffer(im, w, 1, &buffer));
    if (!data) return PS_MEMORY;
    const uint8_t *bits = (const uint8_t *)buffer;
    for (uint32_t i = 0; i < w->n; i++) {
        const uint64_t at = (uint64_t)w->first + i;
        data[i] = (bits[at / 8] >> (at % 8)) & 1;
    }
    ps_vec_flat(out, w->type, PS_LAYOUT_BOOL, data, w->valid, w->n);
    return PS_OK;
}

static ps_status import_decimal256(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out)
{
    const char *buffer;
    ps_i128 *data = ps_arrow_room(im, w->n, sizeof *data), high;

    PS_TRY(ps_arrow_buffer(im, w, 1, &buffer));
    if (!data) return PS_MEMORY;
    for (uint32_t i = 0; i < w->n; i++) {
        if (!PS_ARROW_VALID(w, i)) continue;
        const char *at = buffer + (w->first + i) * 32;
        memcpy(&data[i], at, 16);
        memcpy(&high, at + 16, 16);
        if (high != (data[i] < 0 ? -1 : 0)) return out_of_range(im, w);
    }
    ps_vec_flat(out, w->type, PS_LAYOUT_I128, data, w->valid, w->n);
    return check_range(im, w, out);
}

static ps_status import_date64(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out)
{
    static const int64_t ms_per_day = 86400000;
    const char *buffer;
    int32_t *data = ps_arrow_room(im, w->n, sizeof *data);

    PS_TRY(ps_arrow_buffer(im, w, 1, &buffer));
    if (!data) return PS_MEMORY;
    for (uint32_t i = 0; i < w->n; i++) {
        int64_t ms;
        if (!PS_ARROW_VALID(w, i)) continue;
        memcpy(&ms, buffer + (w->first + i) * 8, sizeof ms);
        const int64_t days = ms / ms_per_day - (ms % ms_per_day < 0);
        if (days < INT32_MIN || days > INT32_MAX) return out_of_range(im, w);
        data[i] = (int32_t)days;
    }
    ps_vec_flat(out, w->type, PS_LAYOUT_I32, data, w->valid, w->n);
    return PS_OK;
}

static ps_status import_interval(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out)
{
    const bool months = w->form.kind == PS_ARROW_MONTHS;
    const char *buffer;
    ps_interval *data = ps_arrow_room(im, w->n, sizeof *data);

    PS_TRY(ps_arrow_buffer(im, w, 1, &buffer));
    if (!data) return PS_MEMORY;
    for (uint32_t i = 0; i < w->n; i++) {
        int32_t parts[2] = {0};
        memcpy(parts, buffer + (w->first + i) * (months ? 4 : 8), months ? 4 : 8);
        if (months) data[i].months = parts[0];
        else data[i].days = parts[0], data[i].ns = (int64_t)parts[1] * 1000000;
    }
    ps_vec_flat(out, w->type, PS_LAYOUT_INTERVAL, data, w->valid, w->n);
    return PS_OK;
}

/* ---- dispatch ---- */

static ps_status import_kind(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out)
{
    if (w->schema->dictionary) return ps_arrow_import_dictionary(im, w, out);
    switch (w->form.kind) {
    case PS_ARROW_NULL: {
        const ps_value null = ps_value_null(w->type);
        return ps_vec_constant(im->cx, im->arena, &null, w->n, out);
    }
    case PS_ARROW_BOOL: return import_bool(im, w, out);
    case PS_ARROW_SLOTS: return import_slots(im, w, out);
    case PS_ARROW_DECIMAL256: return import_decimal256(im, w, out);
    case PS_ARROW_DATE64: return import_date64(im, w, out);
    case PS_ARROW_MONTHS:
    case PS_ARROW_DAY_TIME: return import_interval(im, w, out);
    case PS_ARROW_BYTES32:
    case PS_ARROW_BYTES64: return ps_arrow_import_bytes(im, w, out);
    case PS_ARROW_VIEWS: return ps_arrow_import_views(im, w, out);
    case PS_ARROW_FIXED_BYTES: return ps_arrow_import_fixed_bytes(im, w, out);
    case PS_ARROW_LIST32:
    case PS_ARROW_LIST64:
    case PS_ARROW_MAP: return ps_arrow_import_list(im, w, out);
    case PS_ARROW_LIST_VIEW32:
    case PS_ARROW_LIST_VIEW64: return ps_arrow_import_list_view(im, w, out);
    case PS_ARROW_ARRAY: return ps_arrow_import_array(im, w, out);
    case PS_ARROW_STRUCT: return ps_arrow_import_struct(im, w, out);
    case PS_ARROW_UNION_SPARSE:
    case PS_ARROW_UNION_DENSE: return ps_arrow_import_union(im, w, out);
    case PS_ARROW_RUNS: return ps_arrow_import_runs(im, w, out);
    }
    return PS_BUG(im->cx, "an Arrow form without an importer");
}

/* The type must be the one this schema was imported as: its storage tells how buffers are read. */
static bool type_agrees(const ps_arrow_window *w)
{
    const ps_type_id id = (ps_type_id)w->type.id;

    if (w->schema->dictionary || w->form.kind == PS_ARROW_RUNS)
        return true; /* checked on the values */
    switch (w->form.kind) {
    case PS_ARROW_FIXED_BYTES:
        if (id == PS_TYPE_UUID || id == PS_TYPE_INT128) return w->form.type.width == 16;
        return id == PS_TYPE_FIXED_BINARY && w->type.width == w->form.type.width;
    case PS_ARROW_SLOTS:
        if (id == PS_TYPE_TIME_TZ) return w->form.type.id == PS_TYPE_INT64;
        return id == w->form.type.id && w->type.unit == w->form.type.unit &&
               w->type.precision == w->form.type.precision && w->type.scale == w->form.type.scale;
    case PS_ARROW_ARRAY: return id == PS_TYPE_ARRAY && w->type.width == w->form.type.width;
    default: return id == w->form.type.id;
    }
}

ps_status ps_arrow_import_vec(const ps_arrow_import *im, const struct ArrowSchema *schema,
                              const struct ArrowArray *array, ps_type type, int64_t skip, int64_t n,
                              unsigned depth, ps_vec *out)
{
    ps_arrow_window w = {
        .schema = schema, .array = array, .type = ps_type_storage(type), .depth = depth};

    if (depth > PS_TYPE_DEPTH_MAX)
        return ps_fail(im->cx, PS_MISUSE, "an Arrow schema is nested too deep");
    PS_TRY(ps_poll(im->cx));
    PS_TRY(ps_arrow_form_read(im->cx, schema, &w.form));
    PS_TRY(check_shape(im, &w));
    if (!type_agrees(&w))
        return ps_fail(im->cx, PS_MISUSE,
                       "an Arrow array was imported with another schema than its own: '%s'",
                       schema->format);
    if (skip < 0 || n < 0 || skip > array->length || n > array->length - skip)
        return ps_fail(im->cx, PS_DATA,
                       "an Arrow array has %lld rows, its parent needs rows up to %lld",
                       (long long)array->length, (long long)(skip + n));
    if (n > INT32_MAX)
        return ps_fail(im->cx, PS_UNSUPPORTED,
                       "an Arrow array has too many rows for one batch: %lld", (long long)n);
    w.first = array->offset + skip;
    w.n = (uint32_t)n;
    PS_TRY(read_validity(im, &w));
    PS_TRY(import_kind(im, &w, out));
    out->type = type;
    out->owner = &im->holder->owner;
    return PS_OK;
}

static ps_status check_top(ps_ctx *cx, const ps_schema *schema, const struct ArrowSchema *form,
                           const struct ArrowArray *array)
{
    if (!form || !form->release || !form->format || strcmp(form->format, "+s") != 0 ||
        form->n_children != (int64_t)schema->n)
        return ps_fail(cx, PS_MISUSE,
                       "an Arrow batch comes without the schema it was imported with");
    if (array->length < 0 || array->length > INT32_MAX || array->offset < 0)
        return ps_fail(cx,
                       array->length > INT32_MAX && array->offset >= 0 ? PS_UNSUPPORTED : PS_DATA,
                       "an Arrow batch has a bad length or offset: %lld, %lld",
                       (long long)array->length, (long long)array->offset);
    return PS_OK;
}

ps_status ps_arrow_import_batch(ps_ctx *cx, ps_arena *arena, const ps_schema *schema,
                                const struct ArrowSchema *form, struct ArrowArray *array,
                                ps_batch *out, ps_owner **owner)
{
    ps_arrow_holder *holder = NULL;
    ps_status st;

    *owner = NULL;
    if (!array->release)
        return ps_fail(cx, PS_MISUSE, "the Arrow array was released before it was imported");
    PS_TRY(holder_new(cx, array, &holder));
    array = &holder->memory->array;
    const ps_arrow_import im = {.cx = cx, .holder = holder, .arena = &holder->memory->arena};
    ps_arrow_window top = {.schema = form, .array = array, .type = PS_TYPE(STRUCT)};
    PS_GO(check_top(cx, schema, form, array));
    PS_GO(ps_arrow_form_read(cx, form, &top.form));
    PS_GO(check_shape(&im, &top));
    top.first = array->offset;
    top.n = (uint32_t)array->length;
    PS_GO(read_validity(&im, &top));
    if (top.valid) PS_GO(ps_fail(cx, PS_DATA, "a row of an Arrow batch is null as a whole"));
    PS_GO(ps_batch_init(cx, arena, schema->n, out));
    for (uint32_t i = 0; i < schema->n; i++) {
        st = ps_arrow_import_vec(&im, form->children[i], array->children[i], schema->fields[i].type,
                                 array->offset, array->length, 1, &out->cols[i]);
        if (st != PS_OK) {
            ps_while(cx, st, "importing column '%.*s'", PS_STR_ARGS(schema->fields[i].name));
            goto done;
        }
    }
    out->n_cols = schema->n;
    out->n = out->n_live = top.n;
    *owner = &holder->owner;
done:
    if (st != PS_OK) ps_owner_unref(&holder->owner);
    return st;
}
