/* col/arrow_import_dict.c -- dictionaries, kept as dictionaries; run-end encoding, expanded. */
#include "base/hash.h"
#include "col/arrow_import.h"
#include "col/slots.h"
#include "col/value.h"
#include "col/vec_take.h"

enum { DISTINCT_CHECK_MAX = 1 << 16 };

typedef struct import_dict {
    ps_dict dict;
    ps_arrow_memory *memory; /* a reference */
} import_dict;

static void dict_destroy(ps_owner *owner)
{
    import_dict *dict = (import_dict *)(void *)owner;

    ps_owner_unref(&dict->memory->owner);
    ps_free(dict);
}

static void dict_unref(void *dict) { ps_owner_unref(dict); }

/* Whether no text comes twice; unknown counts as no. */
static ps_status texts_distinct(const ps_arrow_import *im, const ps_vec *values, bool *out)
{
    const ps_view *views = values->data;
    const size_t room = (size_t)1 << ps_log2_ceil((uint64_t)values->n * 2 + 1);

    *out = false;
    if (values->valid || values->n > DISTINCT_CHECK_MAX) return PS_OK;
    uint32_t *slots = ps_alloc_zero(im->cx, room * sizeof *slots); /* value number plus one */
    if (!slots) return PS_MEMORY;
    bool distinct = true;
    for (uint32_t i = 0; i < values->n && distinct; i++) {
        const ps_str text = ps_view_str(&views[i]);
        size_t at = ps_hash_bytes(text.at, text.n, 0) & (room - 1);
        for (; slots[at] && distinct; at = (at + 1) & (room - 1))
            distinct = !ps_view_equal(&views[slots[at] - 1], &views[i]);
        slots[at] = i + 1;
    }
    ps_free(slots);
    *out = distinct;
    return PS_OK;
}

static bool texts_sorted(const ps_vec *values)
{
    const ps_view *views = values->data;

    for (uint32_t i = 1; i < values->n; i++)
        if (ps_view_compare(&views[i - 1], &views[i]) > 0) return false;
    return !values->valid;
}

static ps_status dict_new(const ps_arrow_import *im, const ps_vec *values, const ps_dict **out)
{
    import_dict *dict = ps_alloc_zero(im->cx, sizeof *dict);

    if (!dict) return PS_MEMORY;
    ps_owner_init(&dict->dict.owner, dict_destroy);
    dict->memory = im->holder->memory;
    ps_owner_ref(&dict->memory->owner);
    dict->dict.id = ps_dict_next_id();
    dict->dict.values = *values;
    dict->dict.values.owner = NULL; /* the dictionary itself keeps them */
    PS_TRY(
        ps_arena_own(im->cx, &im->holder->arena, dict, dict_unref)); /* takes it over either way */
    if (values->layout == PS_LAYOUT_VIEW) {
        PS_TRY(texts_distinct(im, values, &dict->dict.distinct));
        dict->dict.sorted = texts_sorted(values);
    } else if (ps_layout_is_int((ps_layout)values->layout)) {
        ps_vec_bounds_measure(&dict->dict.values, NULL, values->n);
    }
    *out = &dict->dict;
    return PS_OK;
}

static ps_status read_codes(const ps_arrow_import *im, const ps_arrow_window *w, uint32_t n_values,
                            uint32_t *codes)
{
    const size_t width = ps_layout_bytes(w->form.layout);
    const char *buffer;

    PS_TRY(ps_arrow_buffer(im, w, 1, &buffer));
    for (uint32_t i = 0; i < w->n; i++) {
        uint64_t slot = 0; /* a copy, because the buffer may be unaligned */
        if (!PS_ARROW_VALID(w, i)) continue;
        memcpy(&slot, buffer + (w->first + i) * (int64_t)width, width);
        const ps_i128 code = ps_slot_get(w->form.layout, &slot, 0);
        if (code < 0 || code >= n_values)
            return ps_fail(im->cx, PS_DATA,
                           "a code of an Arrow dictionary is out of range: row %u, %lld of %u", i,
                           (long long)code, n_values);
        codes[i] = (uint32_t)code;
    }
    return PS_OK;
}

/* Values that can't be a dictionary of ours (constant or dictionaries themselves): one by one. */
static ps_status expand(const ps_arrow_import *im, const ps_arrow_window *w, const ps_vec *values,
                        const uint32_t *codes, ps_vec *out)
{
    const ps_take how = {.cx = im->cx, .arena = im->arena};
    uint64_t *valid;

    if (values->layout == PS_LAYOUT_NONE) {
        *out = *values;
        out->n = w->n;
        return PS_OK;
    }
    PS_TRY(ps_vec_take(&how, values, codes, w->n, NULL, NULL, out));
    if (!w->valid) return PS_OK;
    valid = ps_arrow_room(im, PS_BITS_WORDS(w->n), sizeof *valid);
    if (!valid) return PS_MEMORY;
    for (uint32_t i = 0; i < w->n; i++)
        ps_bit_put(valid, i, ps_bit_get(w->valid, i) && ps_vec_row_valid(out, i));
    if (out->encoding == PS_ENC_CONSTANT)
        return ps_fail(im->cx, PS_UNSUPPORTED, "an Arrow dictionary of constants has null codes");
    out->valid = valid;
    if (out->encoding == PS_ENC_FLAT) /* else it is a dictionary again: its slots are shared */
        ps_slots_zero_nulls((ps_layout)out->layout, (void *)(uintptr_t)out->data, valid, w->n);
    return PS_OK;
}

ps_status ps_arrow_import_dictionary(const ps_arrow_import *im, const ps_arrow_window *w,
                                     ps_vec *out)
{
    const struct ArrowArray *array = w->array->dictionary;
    uint32_t *codes = ps_arrow_room(im, w->n, sizeof *codes);
    const ps_dict *dict;
    ps_vec values;

    if (!codes) return PS_MEMORY;
    if (!array->release || w->form.kind != PS_ARROW_SLOTS || !ps_layout_is_int(w->form.layout))
        return ps_fail(im->cx, PS_DATA,
                       "an Arrow dictionary is missing or its codes aren't integers");
    PS_TRY(ps_arrow_import_vec(im, w->schema->dictionary, array, w->type, 0, array->length,
                               w->depth + 1, &values));
    PS_TRY(read_codes(im, w, values.n, codes));
    if (values.encoding != PS_ENC_FLAT || values.n == 0) {
        if (values.n) return expand(im, w, &values, codes, out);
        const ps_value null = ps_value_null(w->type); /* every row is null */
        return ps_vec_constant(im->cx, im->arena, &null, w->n, out);
    }
    PS_TRY(dict_new(im, &values, &dict));
    *out = (ps_vec){.type = w->type,
                    .layout = values.layout,
                    .encoding = PS_ENC_DICTIONARY,
                    .bounded = dict->values.bounded,
                    .n = w->n,
                    .valid = w->valid,
                    .lo = dict->values.lo,
                    .hi = dict->values.hi,
                    .codes = codes,
                    .dict = dict,
                    .children = values.children};
    return PS_OK;
}

ps_status ps_arrow_import_runs(const ps_arrow_import *im, const ps_arrow_window *w, ps_vec *out)
{
    const struct ArrowSchema *ends_schema = w->schema->children[0];
    const struct ArrowArray *ends_array = w->array->children[0],
                            *values_array = w->array->children[1];
    const ps_take how = {.cx = im->cx, .arena = im->arena};
    uint32_t *codes = ps_arrow_room(im, w->n, sizeof *codes);
    ps_arrow_form form;
    ps_vec ends, values;

    if (!codes) return PS_MEMORY;
    PS_TRY(ps_arrow_form_read(im->cx, ends_schema, &form));
    PS_TRY(ps_arrow_import_vec(im, ends_schema, ends_array, form.type, 0, ends_array->length,
                               w->depth + 1, &ends));
    PS_TRY(ps_arrow_import_vec(im, w->schema->children[1], values_array, w->type, 0,
                               values_array->length, w->depth + 1, &values));
    if (ends.valid || ends.n > values.n || ends.encoding != PS_ENC_FLAT)
        return ps_fail(im->cx, PS_DATA,
                       "run ends of an Arrow array are null or more than its values");
    int64_t last = 0;
    uint32_t row = 0;
    for (uint32_t run = 0; run < ends.n; run++) {
        const int64_t end = (int64_t)ps_slot_get((ps_layout)ends.layout, ends.data, run);
        if (end <= last)
            return ps_fail(im->cx, PS_DATA,
                           "run ends of an Arrow array don't rise: %lld after %lld", (long long)end,
                           (long long)last);
        while (row < w->n && w->first + row < end) codes[row++] = run;
        last = end;
    }
    if (row < w->n)
        return ps_fail(im->cx, PS_DATA, "the runs of an Arrow array end at %lld, before its length",
                       (long long)last);
    return ps_vec_take(&how, &values, codes, w->n, NULL, NULL, out);
}
