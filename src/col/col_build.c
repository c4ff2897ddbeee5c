/* col/col_build.c -- growing columns of any type.
 *
 * Rows arrive with any encoding and integer layout; they are kept flat in the canonical
 * layout, nested types as children of their own. Text is hashed into a dictionary as it comes,
 * until more than a quarter of the rows (and of a minimum) are distinct: low-cardinality
 * columns never copy a text twice, others stop paying for the hashing early.
 * Tests: tests/unit/test_col_table.c */
#include "base/array.h"
#include "base/hash.h"
#include "col/segment.h"
#include "col/slots.h"
#include "col/vec_take.h"

enum { DICT_FREE = 1024, DICT_MAX = 1 << 16, ROWS_PER_ENTRY = 4 };

ps_status ps_col_build_init(ps_ctx *cx, ps_arena *arena, ps_type type, ps_col_build *out)
{
    const ps_type storage = ps_type_storage(type);

    uint32_t n = 0;

    *out = (ps_col_build){.type = type, .layout = ps_type_layout(type)};
    if (out->layout == PS_LAYOUT_LIST) n = 1;
    else if (out->layout == PS_LAYOUT_STRUCT || out->layout == PS_LAYOUT_UNION)
        n = storage.ext->n_fields;
    out->children = PS_ARENA_ARRAY(cx, arena, ps_col_build, n);
    if (!out->children) return PS_MEMORY;
    out->n_children = n;
    for (uint32_t i = 0; i < out->n_children; i++) {
        const ps_type child =
            storage.id == PS_TYPE_MAP ? ps_type_entry(storage) : storage.ext->fields[i].type;
        PS_TRY(ps_col_build_init(cx, arena, child, &out->children[i]));
    }
    return PS_OK;
}

void ps_col_build_clear(ps_col_build *col)
{
    col->n = col->n_null = 0;
    ps_arena_reset(&col->heap);
    col->n_dict = 0;
    if (col->slots) memset(col->slots, 0, col->slots_room * sizeof *col->slots);
    for (uint32_t i = 0; i < col->n_children; i++) ps_col_build_clear(&col->children[i]);
    if (col->data && col->layout == PS_LAYOUT_VIEW && !col->codes && !col->plain)
        ps_col_build_release(col);
}

void ps_col_build_release(ps_col_build *col)
{
    ps_free(col->data);
    ps_free(col->valid);
    ps_free(col->codes);
    ps_free(col->dict);
    ps_free(col->slots);
    ps_arena_release(&col->heap);
    for (uint32_t i = 0; i < col->n_children; i++) ps_col_build_release(&col->children[i]);
    *col = (ps_col_build){.type = col->type,
                          .layout = col->layout,
                          .plain = col->plain,
                          .children = col->children,
                          .n_children = col->n_children};
}

static ps_status block_grow(ps_ctx *cx, void **block, size_t bytes)
{
    void *grown = ps_realloc(cx, *block, bytes);
    if (!grown) return PS_MEMORY;
    *block = grown;
    return PS_OK;
}

/* Room for n rows more. Text without rows yet starts as codes. */
static ps_status reserve(ps_ctx *cx, ps_col_build *col, size_t n)
{
    const size_t wanted = col->n + n;
    const bool text = col->layout == PS_LAYOUT_VIEW && !col->plain;
    const size_t width = ps_layout_bytes(col->layout);

    if (wanted > UINT32_MAX / 2)
        return ps_fail(cx, PS_UNSUPPORTED, "a segment has too many rows or items");
    if (wanted <= col->room) return PS_OK;
    const size_t room = PS_MAX(PS_MAX(col->room * 2, wanted), (size_t)64);
    PS_TRY(block_grow(cx, (void **)&col->valid, PS_BITS_BYTES(room)));
    if (text && (col->codes || col->n == 0))
        PS_TRY(block_grow(cx, (void **)&col->codes, room * sizeof *col->codes));
    if (width && !(text && col->codes)) PS_TRY(block_grow(cx, (void **)&col->data, room * width));
    col->room = room;
    return PS_OK;
}

/* ---- text ---- */

static uint64_t view_hash(const ps_view *view)
{
    return ps_hash_bytes(ps_view_bytes(view), view->n, 0);
}

static uint32_t *slot_find(const ps_col_build *col, const ps_view *view)
{
    size_t at = view_hash(view) & (col->slots_room - 1);

    while (col->slots[at] && !ps_view_equal(&col->dict[col->slots[at] - 1], view))
        at = (at + 1) & (col->slots_room - 1);
    return &col->slots[at];
}

static ps_status slots_grow(ps_ctx *cx, ps_col_build *col)
{
    const size_t room = col->slots_room ? col->slots_room * 2 : 2 * DICT_FREE;
    uint32_t *slots = ps_alloc_zero(cx, room * sizeof *slots);

    if (!slots) return PS_MEMORY;
    ps_free(col->slots);
    col->slots = slots;
    col->slots_room = room;
    for (uint32_t i = 0; i < col->n_dict; i++) *slot_find(col, &col->dict[i]) = i + 1;
    return PS_OK;
}

/* Gives up the dictionary: rows so far become views. */
static ps_status text_flatten(ps_ctx *cx, ps_col_build *col)
{
    PS_TRY(block_grow(cx, (void **)&col->data, col->room * sizeof(ps_view)));
    ps_view *views = (ps_view *)(void *)col->data;
    for (size_t i = 0; i < col->n; i++)
        views[i] = ps_bit_get(col->valid, i) ? col->dict[col->codes[i]] : (ps_view){0};
    ps_free(col->codes), ps_free(col->dict), ps_free(col->slots);
    col->codes = NULL, col->dict = NULL, col->slots = NULL;
    col->n_dict = col->dict_room = 0, col->slots_room = 0;
    return PS_OK;
}

static ps_status code_of(ps_ctx *cx, ps_col_build *col, const ps_view *view, uint32_t *code)
{
    if ((size_t)col->n_dict * 2 >= col->slots_room) PS_TRY(slots_grow(cx, col));
    uint32_t *slot = slot_find(col, view);
    if (!*slot) {
        size_t room = col->dict_room;
        PS_TRY(ps_array_grow(cx, NULL, (void **)&col->dict, &room, (size_t)col->n_dict + 1,
                             sizeof *col->dict));
        col->dict_room = (uint32_t)room;
        PS_TRY(ps_view_copy(cx, &col->heap, view, &col->dict[col->n_dict]));
        *slot = ++col->n_dict;
    }
    *code = *slot - 1;
    return PS_OK;
}

static bool dict_pays(const ps_col_build *col)
{
    return col->n_dict <= DICT_FREE ||
           (col->n_dict <= DICT_MAX && col->n_dict <= col->n / ROWS_PER_ENTRY);
}

/* Codes for rows that are codes of another dictionary: each of its entries is hashed once. */
static ps_status add_codes(ps_ctx *cx, ps_col_build *col, const ps_vec *values, const uint32_t *idx,
                           uint32_t n)
{
    const ps_view *views = values->data;
    uint32_t *code_plus_one = ps_alloc_zero(cx, values->n * sizeof *code_plus_one);
    ps_status st = PS_OK;

    if (!code_plus_one) return PS_MEMORY;
    for (uint32_t k = 0; k < n && st == PS_OK; k++) {
        const size_t at = col->n + k;
        uint32_t code = 0;
        if (ps_bit_get(col->valid, at)) {
            if (code_plus_one[idx[k]] == 0) {
                st = code_of(cx, col, &views[idx[k]], &code);
                code_plus_one[idx[k]] = code + 1;
            }
            code = code_plus_one[idx[k]] - 1;
        }
        col->codes[at] = code;
    }
    ps_free(code_plus_one);
    return st;
}

/* valid bits of the rows are set already; col->n isn't moved yet */
static ps_status add_text(ps_ctx *cx, ps_col_build *col, const ps_vec *vec, const uint32_t *idx,
                          uint32_t n)
{
    const ps_view *views = vec->data;

    if (col->codes && vec->n < n) return add_codes(cx, col, vec, idx, n);
    for (uint32_t k = 0; k < n; k++) {
        const size_t at = col->n + k;
        const bool valid = ps_bit_get(col->valid, at);
        if (col->codes) {
            col->codes[at] = 0;
            if (valid) PS_TRY(code_of(cx, col, &views[idx[k]], &col->codes[at]));
        } else {
            ps_view *out = (ps_view *)(void *)col->data + at;
            *out = (ps_view){0};
            if (valid) PS_TRY(ps_view_copy(cx, &col->heap, &views[idx[k]], out));
        }
    }
    return PS_OK;
}

/* ---- rows ---- */

static ps_status add_lists(ps_ctx *cx, ps_col_build *col, const ps_vec *vec, const uint32_t *idx,
                           uint32_t n)
{
    const ps_list *lists = vec->data;
    ps_list *out = (ps_list *)(void *)col->data + col->n;
    ps_arena scratch = {0};
    uint64_t total = 0;
    ps_status st = PS_OK;

    for (uint32_t k = 0; k < n; k++)
        total += ps_bit_get(col->valid, col->n + k) ? lists[idx[k]].n : 0;
    if (total > UINT32_MAX / 2)
        return ps_fail(cx, PS_UNSUPPORTED, "a segment has too many rows or items");
    uint32_t *items = PS_ARENA_ARRAY(cx, &scratch, uint32_t, total + 1);
    if (!items) return PS_MEMORY;
    uint32_t at = 0;
    for (uint32_t k = 0; k < n; k++) {
        out[k] = (ps_list){0};
        if (!ps_bit_get(col->valid, col->n + k)) continue;
        const ps_list list = lists[idx[k]];
        out[k] = (ps_list){(uint32_t)col->children[0].n + at, list.n};
        for (uint32_t i = 0; i < list.n; i++) items[at++] = list.start + i;
    }
    if (at) st = ps_col_build_add(cx, &col->children[0], &vec->children[0], items, at);
    ps_arena_release(&scratch);
    return st;
}

/* Rows idx[0..n) of a FLAT vector; their validity is in place. */
static ps_status add_flat(ps_ctx *cx, ps_col_build *col, const ps_vec *vec, const uint32_t *idx,
                          uint32_t n)
{
    const size_t width = ps_layout_bytes(col->layout);
    char *out = col->data ? col->data + col->n * width : NULL;

    switch (col->layout) {
    case PS_LAYOUT_NONE: return PS_OK;
    case PS_LAYOUT_VIEW: return add_text(cx, col, vec, idx, n);
    case PS_LAYOUT_LIST: return add_lists(cx, col, vec, idx, n);
    case PS_LAYOUT_STRUCT:
    case PS_LAYOUT_UNION:
        if (width) ps_slots_take(width, vec->data, idx, n, out);
        for (uint32_t i = 0; i < col->n_children; i++)
            PS_TRY(ps_col_build_add(cx, &col->children[i], &vec->children[i], idx, n));
        return PS_OK;
    default: break;
    }
    if (vec->layout == col->layout) {
        ps_slots_take(width, vec->data, idx, n, out);
        return PS_OK;
    }
    /* another integer layout: in pieces, through room for the widest */
    ps_i128 piece[128];
    const size_t from = ps_layout_bytes((ps_layout)vec->layout);
    for (uint32_t k = 0; k < n; k += PS_COUNT(piece)) {
        const uint32_t run = PS_MIN(n - k, (uint32_t)PS_COUNT(piece));
        ps_slots_take(from, vec->data, idx + k, run, piece);
        ps_slots_convert((ps_layout)vec->layout, piece, col->layout, out + k * width, run);
    }
    return PS_OK;
}

/* Sets validity of the new rows and rewrites idx to positions in the flat values. */
static void resolve_rows(ps_col_build *col, const ps_vec *vec, uint32_t *idx, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        const bool valid = ps_vec_row_valid(vec, idx[k]);
        ps_bit_put(col->valid, col->n + k, valid);
        col->n_null += !valid;
        if (vec->encoding == PS_ENC_DICTIONARY) idx[k] = valid ? vec->codes[idx[k]] : 0;
        else if (vec->encoding == PS_ENC_CONSTANT) idx[k] = 0;
    }
}

ps_status ps_col_build_add(ps_ctx *cx, ps_col_build *col, const ps_vec *vec, const uint32_t *idx,
                           uint32_t n)
{
    ps_status st = PS_OK;

    if (n == 0) return PS_OK;
    PS_TRY(reserve(cx, col, n));
    uint32_t *rows = ps_alloc(cx, n * sizeof *rows);
    if (!rows) return PS_MEMORY;
    for (uint32_t k = 0; k < n; k++) rows[k] = idx ? idx[k] : k;
    if (vec->encoding == PS_ENC_SEQUENCE) {
        for (uint32_t k = 0; k < n; k++) ps_bit_set(col->valid, col->n + k);
        ps_slots_sequence(col->layout, vec->start, vec->step, rows, n,
                          col->data + col->n * ps_layout_bytes(col->layout));
    } else {
        ps_vec flat = vec->encoding == PS_ENC_DICTIONARY ? vec->dict->values : *vec;
        resolve_rows(col, vec, rows, n);
        if (flat.n == 0 && vec->encoding == PS_ENC_DICTIONARY) { /* all null: no slot to read */
            const ps_value null = ps_value_null(vec->type);
            PS_GO(ps_vec_of_values(cx, &col->heap, vec->type, &null, 1, &flat));
        }
        PS_GO(add_flat(cx, col, &flat, rows, n));
    }
    col->n += n;
    if (col->codes && !dict_pays(col)) st = text_flatten(cx, col);
done:
    ps_free(rows);
    return st;
}
