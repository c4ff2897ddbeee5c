/* col/arrow_export.c -- batches to Arrow arrays.
 *
 * A column is first made flat (selection, dictionary, constant and sequence resolved), then
 * each layout becomes its Arrow buffers. Columns with an owner that are flat already are shared
 * when their slots are Arrow's; all else is copied into the array's own arena. Text heads are
 * rewritten to Arrow's views and long texts copied behind them: the heaps our views point
 * into have no bounds that a consumer could be given. What is between (flat slots that are to be
 * widened or rewritten) is in a scratch arena that all columns use in turn: the array lives long.
 * Tests: tests/py/test_arrow.py */
#include "col/arrow_shared.h"
#include "col/batch.h"
#include "col/slots.h"
#include "col/value.h"
#include "col/vec_take.h"

typedef struct exporter {
    ps_arrow_shared *shared;
    ps_ctx *cx;
    ps_arena *arena;   /* of the array */
    ps_arena *scratch; /* of one column */
} exporter;

static void array_release(struct ArrowArray *array)
{
    ps_arrow_shared *shared = array->private_data;

    for (int64_t i = 0; i < array->n_children; i++)
        if (array->children[i]->release) array->children[i]->release(array->children[i]);
    if (array->dictionary && array->dictionary->release)
        array->dictionary->release(array->dictionary);
    array->release = NULL;
    ps_owner_unref(&shared->owner);
}

static void *room(const exporter *ex, size_t n, size_t size)
{
    return ps_arena_alloc_raw(ex->cx, ex->arena, n * size + PS_ALIGN, PS_ALIGN);
}

/* An array of n rows with the given numbers of buffers and children. */
static ps_status array_init(const exporter *ex, uint32_t n, uint32_t n_buffers, uint32_t n_children,
                            struct ArrowArray *out)
{
    memset(out, 0, sizeof *out);
    out->length = n;
    out->n_buffers = n_buffers;
    out->buffers = PS_ARENA_ARRAY(ex->cx, ex->arena, const void *, n_buffers + 1);
    out->children = PS_ARENA_ARRAY(ex->cx, ex->arena, struct ArrowArray *, n_children + 1);
    struct ArrowArray *children =
        PS_ARENA_ARRAY(ex->cx, ex->arena, struct ArrowArray, n_children + 1);
    if (!out->buffers || !out->children || !children) return PS_MEMORY;
    for (uint32_t i = 0; i < n_children; i++) out->children[i] = &children[i];
    out->n_children = n_children;
    out->release = array_release;
    out->private_data = ex->shared;
    ex->shared->n_nodes++;
    return PS_OK;
}

/* ---- flat rows ---- */

/* Positions of a dictionary's or constant's rows in its flat values, and their validity (NULL: no
 * nulls), which is the array's. */
static ps_status positions(const exporter *ex, const ps_vec *vec, const uint32_t *sel, uint32_t n,
                           const uint32_t **out, uint64_t **out_valid)
{
    const bool dictionary = vec->encoding == PS_ENC_DICTIONARY;

    *out_valid = NULL;
    *out = vec->codes;
    const bool whole = !vec->valid && (!dictionary || !vec->dict->values.valid);
    if (whole && dictionary && !sel) return PS_OK;
    uint32_t *const idx = PS_ARENA_ARRAY(ex->cx, ex->scratch, uint32_t, n + 1);
    if (!idx) return PS_MEMORY;
    *out = idx;
    if (whole && dictionary) ps_slots_take(sizeof *idx, vec->codes, sel, n, idx);
    if (whole) return PS_OK;
    uint64_t *const valid = PS_ARENA_ARRAY(ex->cx, ex->arena, uint64_t, PS_BITS_WORDS(n) + 1);
    if (!valid) return PS_MEMORY;
    *out_valid = valid;
    for (uint32_t k = 0; k < n; k++) {
        const uint32_t i = sel ? sel[k] : k;
        if (!ps_vec_row_valid(vec, i)) continue;
        idx[k] = dictionary ? vec->codes[i] : 0;
        ps_bit_set(valid, k);
    }
    return PS_OK;
}

/* Rows of a dictionary or constant as flat ones, slots in `how`'s arena. */
static ps_status resolve(const exporter *ex, const ps_take *how, const ps_vec *vec,
                         const uint32_t *sel, uint32_t n, ps_vec *out)
{
    const bool dictionary = vec->encoding == PS_ENC_DICTIONARY;
    ps_vec values = dictionary ? vec->dict->values : *vec;
    const uint32_t *idx;
    uint64_t *valid;

    values.encoding = PS_ENC_FLAT;
    if (!dictionary) values.n = 1;
    if (dictionary && values.n == 0) { /* all rows are null */
        const ps_value null = ps_value_null(vec->type);
        ps_vec one;
        PS_TRY(ps_vec_constant(ex->cx, ex->scratch, &null, n, &one));
        return resolve(ex, how, &one, NULL, n, out);
    }
    PS_TRY(positions(ex, vec, sel, n, &idx, &valid));
    values.valid = NULL; /* of the rows instead */
    PS_TRY(ps_vec_take(how, &values, idx, n, NULL, NULL, out));
    out->type = vec->type;
    out->valid = valid;
    return PS_OK;
}

static void owner_unref(void *owner) { ps_owner_unref(owner); }

/* Flat rows. Their validity lives as long as the array, their slots too where they are `lasting`:
 * shared through the owner, or copied. What has an owner is held in any case: it has a payer, so
 * that rows in the caller's hands count. */
static ps_status flat_rows(const exporter *ex, const ps_vec *vec, const uint32_t *sel, uint32_t n,
                           bool lasting, ps_vec *out)
{
    const ps_take how = {.cx = ex->cx, .arena = lasting ? ex->arena : ex->scratch};
    uint64_t *valid = NULL;

    if (vec->layout == PS_LAYOUT_NONE) {
        *out = *vec;
        out->n = n;
        return PS_OK;
    }
    if (vec->encoding == PS_ENC_CONSTANT || vec->encoding == PS_ENC_DICTIONARY)
        return resolve(ex, &how, vec, sel, n, out);
    const bool take = sel || vec->encoding == PS_ENC_SEQUENCE || (lasting && !vec->owner);
    if (vec->valid && (take || !vec->owner)) {
        valid = room(ex, PS_BITS_WORDS(n) + 1, sizeof *valid);
        if (!valid) return PS_MEMORY;
    }
    if (take) return ps_vec_take(&how, vec, sel, n, NULL, valid, out);
    *out = *vec;
    out->n = n;
    if (valid) out->valid = memcpy(valid, vec->valid, PS_BITS_BYTES(n));
    return vec->owner ? ps_arena_own(ex->cx, ex->arena, ps_owner_ref(vec->owner), owner_unref)
                      : PS_OK;
}

/* Buffer 0 and the null count. */
static void put_validity(const ps_vec *vec, struct ArrowArray *out)
{
    if (!vec->valid) return;
    out->null_count = (int64_t)(vec->n - ps_bits_count(vec->valid, vec->n));
    if (out->null_count) out->buffers[0] = vec->valid;
}

/* ---- layouts ---- */

/* The slots that Arrow has for a type; NONE: they are made anew from ours. */
static ps_layout arrow_layout(ps_type storage)
{
    switch ((ps_type_id)storage.id) {
    case PS_TYPE_DECIMAL: return PS_LAYOUT_I128;
    case PS_TYPE_TIME: return storage.unit <= PS_UNIT_MS ? PS_LAYOUT_I32 : PS_LAYOUT_I64;
    case PS_TYPE_ENUM: return PS_LAYOUT_I32;
    case PS_TYPE_NULL:
    case PS_TYPE_BOOL:
    case PS_TYPE_INT128:
    case PS_TYPE_UUID:
    case PS_TYPE_STRING:
    case PS_TYPE_BINARY:
    case PS_TYPE_FIXED_BINARY:
    case PS_TYPE_LIST:
    case PS_TYPE_ARRAY:
    case PS_TYPE_MAP:
    case PS_TYPE_STRUCT:
    case PS_TYPE_UNION: return PS_LAYOUT_NONE;
    default: return ps_type_layout(storage);
    }
}

static bool same_slots(const ps_vec *vec, ps_layout to)
{
    return to != PS_LAYOUT_NONE && (vec->layout == to || !ps_layout_is_int(to));
}

/* lasting: the vector's slots live as long as the array. */
static ps_status export_slots(const exporter *ex, const ps_vec *vec, ps_layout to, bool lasting,
                              struct ArrowArray *out)
{
    PS_TRY(array_init(ex, vec->n, 2, 0, out));
    put_validity(vec, out);
    out->buffers[1] = vec->data;
    if (lasting && same_slots(vec, to)) return PS_OK;
    const size_t width = ps_layout_bytes(to);
    void *data = room(ex, vec->n, width);
    if (!data) return PS_MEMORY;
    if (!same_slots(vec, to)) ps_slots_convert((ps_layout)vec->layout, vec->data, to, data, vec->n);
    else if (vec->n) memcpy(data, vec->data, vec->n * width);
    out->buffers[1] = data;
    return PS_OK;
}

static ps_status export_bool(const exporter *ex, const ps_vec *vec, struct ArrowArray *out)
{
    const uint8_t *data = vec->data;
    uint64_t *bits = PS_ARENA_ARRAY(ex->cx, ex->arena, uint64_t, PS_BITS_WORDS(vec->n) + 1);

    PS_TRY(array_init(ex, vec->n, 2, 0, out));
    if (!bits) return PS_MEMORY;
    put_validity(vec, out);
    for (uint32_t i = 0; i < vec->n; i++) bits[i / 64] |= (uint64_t)(data[i] & 1) << (i % 64);
    out->buffers[1] = bits;
    return PS_OK;
}

/* UUID: big endian with the top bit as it was; INT128: the slot's bytes. */
static ps_status export_i128_bytes(const exporter *ex, const ps_vec *vec, bool uuid,
                                   struct ArrowArray *out)
{
    ps_i128 *data = room(ex, vec->n, sizeof *data);

    PS_TRY(array_init(ex, vec->n, 2, 0, out));
    if (!data) return PS_MEMORY;
    put_validity(vec, out);
    ps_slots_convert((ps_layout)vec->layout, vec->data, PS_LAYOUT_I128, data, vec->n);
    for (uint32_t i = 0; uuid && i < vec->n; i++) {
        const ps_u128 bits = (ps_u128)data[i] ^ (ps_u128)1 << 127;
        const uint64_t halves[2] = {__builtin_bswap64((uint64_t)(bits >> 64)),
                                    __builtin_bswap64((uint64_t)bits)};
        memcpy(&data[i], halves, sizeof halves);
    }
    out->buffers[1] = data;
    return PS_OK;
}

static ps_status export_fixed_bytes(const exporter *ex, const ps_vec *vec, size_t width,
                                    struct ArrowArray *out)
{
    const ps_view *views = vec->data;
    char *data = room(ex, vec->n, width);

    PS_TRY(array_init(ex, vec->n, 2, 0, out));
    if (!data) return PS_MEMORY;
    put_validity(vec, out);
    memset(data, 0, vec->n * width);
    for (uint32_t i = 0; i < vec->n; i++) {
        if (vec->valid && !ps_bit_get(vec->valid, i)) continue;
        if (views[i].n != width)
            return ps_fail(ex->cx, PS_VALUE, "a binary value has %u bytes, its type %zu",
                           views[i].n, width);
        if (width) memcpy(data + i * width, ps_view_bytes(&views[i]), width);
    }
    out->buffers[1] = data;
    return PS_OK;
}

/* Arrow's view of a long text. */
typedef struct arrow_view {
    uint32_t n;
    char prefix[4];
    int32_t buffer, offset;
} arrow_view;

static ps_status views_size(const exporter *ex, const ps_vec *vec, size_t *bytes,
                            uint32_t *n_buffers)
{
    const ps_view *views = vec->data;
    size_t in_buffer = 0;

    *bytes = 0, *n_buffers = 0;
    for (uint32_t i = 0; i < vec->n; i++) {
        if (views[i].n <= 12 || (vec->valid && !ps_bit_get(vec->valid, i))) continue;
        if (views[i].n > INT32_MAX)
            return ps_fail(ex->cx, PS_UNSUPPORTED, "a text is too long for Arrow: %u bytes",
                           views[i].n);
        if (*n_buffers == 0 || in_buffer + views[i].n > INT32_MAX) {
            ++*n_buffers;
            in_buffer = 0;
        }
        in_buffer += views[i].n;
        *bytes += views[i].n;
    }
    return PS_OK;
}

static ps_status export_views(const exporter *ex, const ps_vec *vec, struct ArrowArray *out)
{
    const ps_view *views = vec->data;
    uint32_t n_buffers, at_buffer = 0;
    size_t bytes;

    PS_TRY(views_size(ex, vec, &bytes, &n_buffers));
    PS_TRY(array_init(ex, vec->n, 3 + n_buffers, 0, out));
    put_validity(vec, out);
    ps_view *heads = room(ex, vec->n, sizeof *heads);
    char *data = room(ex, bytes, 1);
    int64_t *sizes = PS_ARENA_ARRAY(ex->cx, ex->arena, int64_t, n_buffers + 1);
    if (!heads || !data || !sizes) return PS_MEMORY;
    out->buffers[1] = heads;
    out->buffers[2] = data;
    out->buffers[2 + n_buffers] = sizes;
    for (uint32_t i = 0; i < vec->n; i++) {
        heads[i] = (ps_view){0};
        if (vec->valid && !ps_bit_get(vec->valid, i)) continue;
        heads[i] = views[i];
        if (views[i].n <= 12) continue;
        if (sizes[at_buffer] + views[i].n > INT32_MAX) {
            data += sizes[at_buffer++];
            out->buffers[2 + at_buffer] = data;
        }
        arrow_view head = {
            .n = views[i].n, .buffer = (int32_t)at_buffer, .offset = (int32_t)sizes[at_buffer]};
        memcpy(head.prefix, views[i].prefix, sizeof head.prefix);
        memcpy(data + head.offset, views[i].at, views[i].n);
        memcpy(&heads[i], &head, sizeof head);
        sizes[at_buffer] += views[i].n;
    }
    if (n_buffers == 0) out->buffers[2] = sizes;
    return PS_OK;
}

static ps_status export_enum(const exporter *ex, const ps_vec *vec, ps_type type, bool lasting,
                             struct ArrowArray *out)
{
    const uint32_t n = type.ext ? type.ext->n_labels : 0;
    size_t bytes = 0;

    PS_TRY(export_slots(ex, vec, PS_LAYOUT_I32, lasting, out));
    for (uint32_t i = 0; i < n; i++) bytes += type.ext->labels[i].n;
    if (bytes > INT32_MAX)
        return ps_fail(ex->cx, PS_UNSUPPORTED, "the labels of an enum are too long for Arrow");
    struct ArrowArray *labels = PS_ARENA_NEW(ex->cx, ex->arena, struct ArrowArray);
    int32_t *offsets = room(ex, (size_t)n + 1, sizeof *offsets);
    char *text = room(ex, bytes, 1);
    if (!labels || !offsets || !text) return PS_MEMORY;
    PS_TRY(array_init(ex, n, 3, 0, labels));
    offsets[0] = 0;
    for (uint32_t i = 0; i < n; i++) {
        const ps_str label = type.ext->labels[i];
        if (label.n) memcpy(text + offsets[i], label.at, label.n);
        offsets[i + 1] = offsets[i] + (int32_t)label.n;
    }
    labels->buffers[1] = offsets;
    labels->buffers[2] = text;
    out->dictionary = labels;
    return PS_OK;
}

/* ---- nested ---- */

static ps_status vec_export(const exporter *ex, const ps_vec *vec, const uint32_t *sel, uint32_t n,
                            struct ArrowArray *out);

/* The rows of the child that the lists use, in order. A null ARRAY still takes `width` of them. */
static ps_status list_items(const exporter *ex, const ps_vec *vec, uint32_t null_width,
                            uint32_t **items, int32_t *offsets, uint32_t *out_n)
{
    const ps_list *lists = vec->data;
    uint64_t total = 0;
    uint32_t at = 0;

    for (uint32_t i = 0; i < vec->n; i++)
        total += vec->valid && !ps_bit_get(vec->valid, i) ? null_width : lists[i].n;
    if (total > INT32_MAX)
        return ps_fail(ex->cx, PS_UNSUPPORTED,
                       "the lists of one batch hold too many items for Arrow: %llu",
                       (unsigned long long)total);
    *items = PS_ARENA_ARRAY(ex->cx, ex->scratch, uint32_t, total + 1);
    if (!*items) return PS_MEMORY;
    for (uint32_t i = 0; i < vec->n; i++) {
        offsets[i] = (int32_t)at;
        const bool null = vec->valid && !ps_bit_get(vec->valid, i);
        if (null) {
            at += null_width; /* item 0 stands in */
            continue;
        }
        for (uint32_t k = 0; k < lists[i].n; k++) (*items)[at++] = lists[i].start + k;
    }
    offsets[vec->n] = (int32_t)at;
    *out_n = at;
    return PS_OK;
}

static ps_status export_list(const exporter *ex, const ps_vec *vec, ps_type type,
                             struct ArrowArray *out)
{
    const bool fixed = type.id == PS_TYPE_ARRAY;
    int32_t *offsets = room(ex, (size_t)vec->n + 1, sizeof *offsets);
    uint32_t *items = NULL, n_items = 0;
    ps_vec child = vec->children[0];

    if (!offsets) return PS_MEMORY;
    PS_TRY(array_init(ex, vec->n, fixed ? 1 : 2, 1, out));
    put_validity(vec, out);
    if (!fixed) out->buffers[1] = offsets;
    PS_TRY(list_items(ex, vec, fixed ? (uint32_t)type.width : 0, &items, offsets, &n_items));
    if (child.n == 0 && n_items) { /* null arrays over no items at all */
        const ps_value null = ps_value_null(child.type);
        PS_TRY(ps_vec_constant(ex->cx, ex->scratch, &null, n_items, &child));
    }
    return vec_export(ex, &child, items, n_items, out->children[0]);
}

static ps_status export_struct(const exporter *ex, const ps_vec *vec, struct ArrowArray *out)
{
    const uint32_t n = ps_vec_child_count(vec);

    PS_TRY(array_init(ex, vec->n, 1, n, out));
    put_validity(vec, out);
    for (uint32_t i = 0; i < n; i++)
        PS_TRY(vec_export(ex, &vec->children[i], NULL, vec->n, out->children[i]));
    return PS_OK;
}

/* A union has no validity in Arrow: a null row is a null in its member. */
static ps_status export_union(const exporter *ex, const ps_vec *vec, ps_type type,
                              struct ArrowArray *out)
{
    const uint32_t n = type.ext->n_fields;
    const int8_t *tags = vec->data;
    int8_t *ids = room(ex, vec->n, 1);

    PS_TRY(array_init(ex, vec->n, 1, n, out));
    if (!ids) return PS_MEMORY;
    for (uint32_t i = 0; i < vec->n; i++) {
        const bool null = vec->valid && !ps_bit_get(vec->valid, i);
        ids[i] = type.ext->tags[null ? 0 : tags[i]];
    }
    out->buffers[0] = ids;
    for (uint32_t c = 0; c < n; c++) {
        ps_vec child;
        PS_TRY(flat_rows(ex, &vec->children[c], NULL, vec->n, false, &child));
        if (vec->valid && child.layout != PS_LAYOUT_NONE) {
            uint64_t *valid =
                PS_ARENA_ARRAY(ex->cx, ex->arena, uint64_t, PS_BITS_WORDS(vec->n) + 1);
            if (!valid) return PS_MEMORY;
            for (uint32_t i = 0; i < vec->n; i++)
                ps_bit_put(valid, i, ps_bit_get(vec->valid, i) && ps_vec_row_valid(&child, i));
            child.valid = valid;
        }
        PS_TRY(vec_export(ex, &child, NULL, vec->n, out->children[c]));
    }
    return PS_OK;
}

static ps_status vec_export(const exporter *ex, const ps_vec *vec, const uint32_t *sel, uint32_t n,
                            struct ArrowArray *out)
{
    const ps_type type = ps_type_storage(vec->type);
    const ps_layout to = arrow_layout(type);
    const bool lasting = same_slots(vec, to);
    ps_vec flat;

    PS_TRY(ps_poll(ex->cx));
    PS_TRY(flat_rows(ex, vec, sel, n, lasting, &flat));
    switch ((ps_type_id)type.id) {
    case PS_TYPE_NULL:
        PS_TRY(array_init(ex, n, 0, 0, out));
        out->null_count = n;
        return PS_OK;
    case PS_TYPE_BOOL: return export_bool(ex, &flat, out);
    case PS_TYPE_INT128:
    case PS_TYPE_UUID: return export_i128_bytes(ex, &flat, type.id == PS_TYPE_UUID, out);
    case PS_TYPE_STRING:
    case PS_TYPE_BINARY: return export_views(ex, &flat, out);
    case PS_TYPE_FIXED_BINARY: return export_fixed_bytes(ex, &flat, (size_t)type.width, out);
    case PS_TYPE_ENUM: return export_enum(ex, &flat, type, lasting, out);
    case PS_TYPE_LIST:
    case PS_TYPE_ARRAY:
    case PS_TYPE_MAP: return export_list(ex, &flat, type, out);
    case PS_TYPE_STRUCT: return export_struct(ex, &flat, out);
    case PS_TYPE_UNION: return export_union(ex, &flat, type, out);
    default: return export_slots(ex, &flat, to, lasting, out);
    }
}

ps_status ps_arrow_export_batch(ps_ctx *cx, const ps_schema *schema, const ps_batch *batch,
                                struct ArrowArray *out)
{
    ps_arrow_shared *shared;
    struct ArrowArray made;
    ps_arena scratch = {0};

    memset(out, 0, sizeof *out);
    PS_ASSERT(schema->n == batch->n_cols);
    PS_TRY(ps_arrow_shared_new(cx, &shared));
    const exporter ex = {
        .shared = shared, .cx = &shared->cx, .arena = &shared->arena, .scratch = &scratch};
    ps_status st = array_init(&ex, batch->n_live, 1, batch->n_cols, &made);
    for (uint32_t i = 0; st == PS_OK && i < batch->n_cols; i++) {
        st = vec_export(&ex, &batch->cols[i], batch->sel, batch->n_live, made.children[i]);
        if (st != PS_OK)
            ps_while(&shared->cx, st, "exporting column '%.*s'",
                     PS_STR_ARGS(schema->fields[i].name));
        ps_arena_reset(&scratch);
    }
    ps_arena_release(&scratch);
    if (st != PS_OK) return ps_arrow_shared_fail(cx, shared, st);
    ps_arrow_shared_publish(shared);
    *out = made;
    return PS_OK;
}
