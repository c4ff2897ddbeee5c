/* col/segment_file.c -- columns of segments in temporary files.
 *
 * A column is written in parts of at most PS_SEGMENT_PART_ROWS rows (nested ones whole), each a run
 * of blocks of its own, so that a reader needs memory for a part only. A part is a stream:
 *
 *     node_head | validity | codes, or slots; of text views with offsets for addresses, then the
 *     bytes of long texts | dictionary of a child | children
 *
 * The dictionary of the column itself is a part of its own, behind the others. Blocks are small and
 * go through one buffer, which may overdraw (ps_giving_back): writing must not need what it gives.
 * Checks of the bytes are the file's (fs/spill.h); what is checked here is that they make sense.
 * Recursion follows types, whose depth is bounded. Tests: tests/unit/test_col_store.c */
#include "base/array.h"
#include "col/segment.h"

enum { VIEWS_AT_ONCE = 256 };

typedef struct node_head {
    uint8_t layout, encoding, code_bytes;
    bool bounded, valid, distinct, sorted;
    uint32_t n;
    int64_t lo, hi;
    uint64_t n_text; /* bytes of long texts */
} node_head;

/* Values of a vector that are stored: a constant has one. */
static uint32_t stored_rows(const ps_vec *vec)
{
    return vec->encoding == PS_ENC_CONSTANT ? PS_MIN(vec->n, 1) : vec->n;
}

static uint64_t text_bytes(const ps_view *views, uint32_t n)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < n; i++) bytes += views[i].n > 12 ? views[i].n : 0;
    return bytes;
}

static uint64_t vec_bytes(const ps_vec *vec, uint8_t code_bytes)
{
    const uint32_t n = stored_rows(vec);
    uint64_t bytes = vec->valid ? PS_BITS_BYTES(n) : 0;

    if (vec->encoding == PS_ENC_DICTIONARY)
        return bytes + (uint64_t)n * code_bytes + vec_bytes(&vec->dict->values, 0);
    bytes += (uint64_t)n * ps_layout_bytes((ps_layout)vec->layout);
    if (vec->layout == PS_LAYOUT_VIEW) bytes += text_bytes(vec->data, n);
    for (uint32_t i = 0; i < ps_vec_child_count(vec); i++)
        bytes += vec_bytes(&vec->children[i], sizeof(uint32_t));
    return bytes;
}

uint64_t ps_col_bytes(const ps_col_sealed *col) { return vec_bytes(&col->vec, col->code_bytes); }

uint64_t ps_col_dict_bytes(const ps_col_sealed *col)
{
    return col->code_bytes ? vec_bytes(&col->vec.dict->values, 0) : 0;
}

/* ---- out ---- */

typedef struct col_writer {
    ps_ctx *cx;
    ps_spill *spill;
    char *room; /* PS_COL_BLOCK_BYTES, and PS_SPILL_ROOM behind them */
    size_t n;
    PS_ARRAY(ps_spill_block) blocks;
    uint32_t part_at[PS_SEGMENT_PARTS + 2];
} col_writer;

static ps_status flush(col_writer *w)
{
    ps_spill_block block;

    if (w->n == 0) return PS_OK;
    PS_TRY(ps_spill_write(w->cx, w->spill, w->room, w->n, &block));
    w->n = 0;
    const ps_status st = PS_ARRAY_ADD(w->cx, &w->blocks, block);
    if (st != PS_OK) ps_spill_drop(w->spill, block);
    return st;
}

static ps_status put(col_writer *w, const void *bytes, size_t n)
{
    const char *from = bytes;

    while (n > 0) {
        const size_t run = PS_MIN(n, PS_COL_BLOCK_BYTES - w->n);

        memcpy(w->room + w->n, from, run);
        w->n += run;
        from += run;
        n -= run;
        if (w->n == PS_COL_BLOCK_BYTES) PS_TRY(flush(w));
    }
    return PS_OK;
}

static ps_status put_texts(col_writer *w, const ps_view *views, uint32_t n)
{
    ps_view moved[VIEWS_AT_ONCE];
    uint64_t at = 0;

    for (uint32_t first = 0; first < n; first += VIEWS_AT_ONCE) {
        const uint32_t run = PS_MIN(n - first, (uint32_t)VIEWS_AT_ONCE);

        for (uint32_t i = 0; i < run; i++) {
            moved[i] = views[first + i];
            if (moved[i].n <= 12) continue;
            moved[i].at = (const char *)(uintptr_t)at;
            at += moved[i].n;
        }
        PS_TRY(put(w, moved, run * sizeof(*moved)));
    }
    for (uint32_t i = 0; i < n; i++)
        if (views[i].n > 12) PS_TRY(put(w, views[i].at, views[i].n));
    return PS_OK;
}

/* Rows [first, first + n) of a vector; first is a multiple of 64, and 0 for what has children. */
static ps_status put_vec(col_writer *w, const ps_vec *vec, const void *codes, uint8_t code_bytes,
                         bool dict_apart, uint32_t first, uint32_t n)
{
    const bool constant = vec->encoding == PS_ENC_CONSTANT;
    const uint32_t at = constant ? 0 : first, rows = constant ? PS_MIN(n, 1) : n;
    const size_t width = ps_layout_bytes((ps_layout)vec->layout);
    const bool coded = vec->encoding == PS_ENC_DICTIONARY;
    const bool text = vec->layout == PS_LAYOUT_VIEW && !coded;
    const char *data = vec->data;
    const node_head head = {.layout = vec->layout,
                            .encoding = vec->encoding,
                            .code_bytes = coded ? code_bytes : 0,
                            .bounded = vec->bounded,
                            .valid = vec->valid != NULL,
                            .distinct = coded && vec->dict->distinct,
                            .sorted = coded && vec->dict->sorted,
                            .n = n,
                            .lo = vec->lo,
                            .hi = vec->hi,
                            .n_text = text ? text_bytes((const ps_view *)vec->data + at, rows) : 0};

    PS_ASSERT(at % 64 == 0);
    PS_TRY(put(w, &head, sizeof(head)));
    if (vec->valid) PS_TRY(put(w, vec->valid + at / 64, PS_BITS_BYTES(rows)));
    if (coded) {
        PS_TRY(put(w, (const char *)codes + (size_t)at * code_bytes, (size_t)rows * code_bytes));
        const ps_vec *values = &vec->dict->values;
        return dict_apart ? PS_OK : put_vec(w, values, NULL, 0, false, 0, values->n);
    }
    if (text) PS_TRY(put_texts(w, (const ps_view *)vec->data + at, rows));
    else if (rows && width) PS_TRY(put(w, data + at * width, rows * width));
    for (uint32_t i = 0; i < ps_vec_child_count(vec); i++) {
        const ps_vec *child = &vec->children[i];
        PS_TRY(put_vec(w, child, child->encoding == PS_ENC_DICTIONARY ? child->codes : NULL,
                       sizeof(uint32_t), false, 0, child->n));
    }
    return PS_OK;
}

static ps_status put_parts(col_writer *w, const ps_col_sealed *col, const ps_col_file *file)
{
    const uint32_t n_rows = col->vec.n;

    for (uint32_t p = 0; p < file->n_parts; p++) {
        const uint32_t first = p * file->rows_part;

        w->part_at[p] = (uint32_t)w->blocks.n;
        PS_TRY(put_vec(w, &col->vec, col->codes, col->code_bytes, true, first,
                       PS_MIN(file->rows_part, n_rows - first)));
        PS_TRY(flush(w));
    }
    w->part_at[file->n_parts] = (uint32_t)w->blocks.n;
    if (col->code_bytes) {
        const ps_vec *values = &col->vec.dict->values;
        PS_TRY(put_vec(w, values, NULL, 0, false, 0, values->n));
        PS_TRY(flush(w));
    }
    w->part_at[file->n_parts + 1] = (uint32_t)w->blocks.n;
    return PS_OK;
}

/* Those that lie behind each other go in one call. */
static void drop_blocks(ps_spill *spill, const ps_spill_block *blocks, size_t n)
{
    ps_spill_block run = {0};

    for (size_t i = 0; i < n; i++) {
        if (run.n && run.at + run.n == blocks[i].at) {
            run.n += blocks[i].n;
            continue;
        }
        ps_spill_drop(spill, run);
        run = blocks[i];
    }
    ps_spill_drop(spill, run);
}

/* What is in a file of a column, where it is. May overdraw: the column that is given back for it is
 * larger. */
static ps_col_file *file_made(col_writer *w, const ps_col_file *head)
{
    const size_t blocks = w->blocks.n * sizeof(*w->blocks.at);
    const size_t parts = (head->n_parts + 2) * sizeof(*w->part_at);
    ps_col_file *made = ps_alloc(w->cx, sizeof(*made) + blocks + parts);

    if (!made) return NULL;
    *made = *head;
    if (blocks) memcpy(made->blocks, w->blocks.at, blocks);
    made->part_at = memcpy(made->blocks + w->blocks.n, w->part_at, parts);
    ps_owner_ref(&made->file->owner);
    return made;
}

ps_status ps_col_write(ps_ctx *cx, struct ps_store_file *file, const ps_col_sealed *col,
                       uint32_t rows_part, ps_col_file **out)
{
    col_writer w = {.cx = cx, .spill = file->spill};
    ps_col_file head = {.file = file, .n_rows = col->vec.n}, *made = NULL;
    ps_status st = PS_MEMORY;

    *out = NULL;
    head.distinct = col->code_bytes && col->vec.dict->distinct;
    head.sorted = col->code_bytes && col->vec.dict->sorted;
    head.rows_part = rows_part;
    head.n_parts = (col->vec.n + rows_part - 1) / rows_part;
    PS_ASSERT(head.n_parts <= PS_SEGMENT_PARTS);
    w.room = ps_alloc(cx, PS_COL_BLOCK_BYTES + PS_SPILL_ROOM);
    if (w.room) st = put_parts(&w, col, &head);
    ps_free(w.room);
    if (st == PS_OK) made = file_made(&w, &head);
    if (!made) drop_blocks(file->spill, w.blocks.at, w.blocks.n);
    ps_free(w.blocks.at);
    *out = made;
    return st == PS_OK && !made ? PS_MEMORY : st;
}

void ps_col_file_free(ps_col_file *file)
{
    if (!file) return;
    drop_blocks(file->file->spill, file->blocks, file->part_at[file->n_parts + 1]);
    ps_owner_unref(&file->file->owner);
    ps_free(file);
}

/* ---- back ---- */

typedef struct col_reader {
    ps_ctx *cx;
    const ps_col_file *file;
    uint32_t next, end; /* blocks */
    char *bytes;
    uint64_t at, n;
} col_reader;

static ps_status no_sense(const col_reader *r, const char *what)
{
    return ps_spill_damaged(r->cx, r->file->file->spill, r->file->blocks[r->next - 1], what);
}

static void begin(col_reader *r, uint32_t part)
{
    ps_free(r->bytes);
    r->bytes = NULL;
    r->at = r->n = 0;
    r->next = r->file->part_at[part];
    r->end = r->file->part_at[part + 1];
}

static ps_status get(col_reader *r, void *out, size_t n)
{
    char *to = out;

    while (n > 0) {
        if (r->at == r->n) {
            ps_free(r->bytes);
            r->bytes = NULL;
            r->at = r->n = 0;
            if (r->next == r->end) return no_sense(r, "rows are missing");
            PS_TRY(ps_spill_read(r->cx, r->file->file->spill, r->file->blocks[r->next++], &r->bytes,
                                 &r->n));
            r->cx->bytes_read += r->file->blocks[r->next - 1].n;
        }
        const size_t run = PS_MIN(n, r->n - r->at);
        memcpy(to, r->bytes + r->at, run);
        r->at += run;
        to += run;
        n -= run;
    }
    return PS_OK;
}

static ps_status get_texts(col_reader *r, ps_arena *arena, const node_head *head, ps_view *views,
                           uint32_t n)
{
    char *bytes = ps_col_room(r->cx, arena, head->n_text);

    if (!bytes) return PS_MEMORY;
    PS_TRY(get(r, views, n * sizeof(*views)));
    PS_TRY(get(r, bytes, head->n_text));
    for (uint32_t i = 0; i < n; i++) {
        if (views[i].n <= 12) continue;
        const uint64_t at = (uintptr_t)views[i].at;
        if (at > head->n_text || views[i].n > head->n_text - at)
            return no_sense(r, "a text is not in it");
        views[i].at = bytes + at;
    }
    return PS_OK;
}

/* Room for the rows of all parts, as the first part describes them. */
static ps_status make_room(col_reader *r, ps_arena *arena, const node_head *head, ps_type type,
                           uint32_t n, ps_col_sealed *out)
{
    const uint32_t rows = head->encoding == PS_ENC_CONSTANT ? PS_MIN(n, 1) : n;
    const size_t width = ps_layout_bytes((ps_layout)head->layout);
    void *valid = NULL, *data = NULL;

    ps_vec_flat(&out->vec, type, (ps_layout)head->layout, NULL, NULL, n);
    out->vec.encoding = head->encoding;
    out->vec.bounded = head->bounded;
    out->vec.lo = head->lo;
    out->vec.hi = head->hi;
    out->code_bytes = head->code_bytes;
    if (head->valid) {
        valid = ps_col_room(r->cx, arena, PS_BITS_BYTES(rows));
        if (!valid) return PS_MEMORY;
    }
    out->vec.valid = valid;
    if (head->encoding == PS_ENC_DICTIONARY) {
        out->codes = ps_col_room(r->cx, arena, (size_t)rows * head->code_bytes);
        return out->codes ? PS_OK : PS_MEMORY;
    }
    if (width) {
        data = ps_col_room(r->cx, arena, rows * width);
        if (!data) return PS_MEMORY;
    }
    out->vec.data = data;
    return PS_OK;
}

static ps_status get_vec(col_reader *r, ps_arena *arena, ps_type type, bool dict_apart, uint32_t at,
                         uint32_t total, ps_col_sealed *out);

static ps_status get_dict(col_reader *r, ps_arena *arena, ps_type type, const node_head *head,
                          const ps_dict **out)
{
    ps_arena *own;
    ps_dict *dict;
    ps_col_sealed values = {0};

    PS_TRY(ps_col_dict_new(r->cx, arena, &own, &dict));
    PS_TRY(get_vec(r, own, type, false, 0, 0, &values));
    if (values.vec.encoding != PS_ENC_FLAT || values.vec.layout != PS_LAYOUT_VIEW)
        return no_sense(r, "its dictionary is none");
    dict->values = values.vec;
    dict->distinct = head->distinct;
    dict->sorted = head->sorted;
    *out = dict;
    return PS_OK;
}

static ps_type child_type(ps_type type, uint32_t i)
{
    const ps_type storage = ps_type_storage(type);

    return storage.id == PS_TYPE_MAP ? ps_type_entry(storage) : storage.ext->fields[i].type;
}

static ps_status get_children(col_reader *r, ps_arena *arena, ps_type type, ps_vec *vec)
{
    const uint32_t n = ps_vec_child_count(vec);
    ps_vec *children = PS_ARENA_ARRAY(r->cx, arena, ps_vec, n);

    if (!children) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        ps_col_sealed child = {0};
        PS_TRY(get_vec(r, arena, child_type(type, i), false, 0, 0, &child));
        if (child.code_bytes) child.vec.codes = child.codes;
        children[i] = child.vec;
    }
    vec->children = children;
    return PS_OK;
}

static bool head_is_right(const node_head *head, ps_type type)
{
    const uint8_t c = head->code_bytes;

    if (head->layout >= PS_LAYOUT_COUNT || head->n > UINT32_MAX / 2) return false;
    if (head->encoding == PS_ENC_DICTIONARY)
        return head->layout == PS_LAYOUT_VIEW && (c == 1 || c == 2 || c == 4);
    const ps_layout canonical = ps_type_layout(type);
    const bool same = ps_layout_is_int(canonical) ? ps_layout_is_int((ps_layout)head->layout)
                                                  : head->layout == canonical;
    return same && c == 0 && (head->encoding == PS_ENC_FLAT || head->encoding == PS_ENC_CONSTANT);
}

/* The rows that come next, as rows from `at` on of `total` (0: those that come are all). */
static ps_status get_vec(col_reader *r, ps_arena *arena, ps_type type, bool dict_apart, uint32_t at,
                         uint32_t total, ps_col_sealed *out)
{
    ps_vec *vec = &out->vec;
    node_head head;

    PS_TRY(get(r, &head, sizeof(head)));
    if (!head_is_right(&head, type)) return no_sense(r, "a column's description is wrong");
    if (total == 0) total = head.n;
    if (at == 0) PS_TRY(make_room(r, arena, &head, type, total, out));
    if (head.n > total - at || head.layout != vec->layout || head.encoding != vec->encoding ||
        head.valid != (vec->valid != NULL) || head.code_bytes != out->code_bytes)
        return no_sense(r, "its parts don't belong together");
    const uint32_t rows = head.encoding == PS_ENC_CONSTANT ? PS_MIN(head.n, 1) : head.n;
    const size_t width = ps_layout_bytes((ps_layout)head.layout);
    char *data = (char *)(uintptr_t)vec->data;
    if (head.valid)
        PS_TRY(get(r, (uint64_t *)(uintptr_t)vec->valid + at / 64, PS_BITS_BYTES(rows)));
    if (head.encoding == PS_ENC_DICTIONARY) {
        char *codes = (char *)(uintptr_t)out->codes;
        PS_TRY(get(r, codes + (size_t)at * head.code_bytes, (size_t)rows * head.code_bytes));
        return dict_apart ? PS_OK : get_dict(r, arena, type, &head, &vec->dict);
    }
    if (head.layout == PS_LAYOUT_VIEW)
        return get_texts(r, arena, &head, (ps_view *)(void *)data + at, rows);
    if (width) PS_TRY(get(r, data + at * width, rows * width));
    return get_children(r, arena, type, vec);
}

static void dict_unref(void *dict) { ps_owner_unref(&((ps_dict *)dict)->owner); }

/* The column's dictionary: the one that is in memory, or from the file. */
static ps_status take_dict(col_reader *r, ps_col_rows *rows, ps_type type, const ps_dict *dict)
{
    if (dict) {
        ps_owner_ref((ps_owner *)(uintptr_t)&dict->owner);
        rows->col.vec.dict = dict;
        return ps_arena_own(r->cx, &rows->arena, (void *)(uintptr_t)dict, dict_unref);
    }
    begin(r, r->file->n_parts);
    const node_head head = {.distinct = r->file->distinct, .sorted = r->file->sorted};
    return get_dict(r, &rows->arena, type, &head, &rows->col.vec.dict);
}

ps_status ps_col_read_back(ps_ctx *cx, const ps_col_file *file, ps_schema *schema, ps_type type,
                           uint32_t first, uint32_t n, const ps_dict *dict, ps_col_rows **out)
{
    col_reader r = {.cx = cx, .file = file};
    const uint32_t end = PS_MIN((first + n) * file->rows_part, file->n_rows);
    ps_col_rows *rows;
    ps_status st = PS_OK;

    *out = NULL;
    PS_TRY(ps_col_rows_new(cx, schema, &rows));
    rows->first = first * file->rows_part;
    for (uint32_t p = first; p < first + n; p++) {
        begin(&r, p);
        PS_GO(get_vec(&r, &rows->arena, type, true, (p - first) * file->rows_part,
                      end - rows->first, &rows->col));
        PS_GO(ps_poll(cx));
    }
    if (rows->col.code_bytes) PS_GO(take_dict(&r, rows, type, dict));
done:
    ps_free(r.bytes);
    if (st != PS_OK) ps_col_rows_unref(rows);
    else *out = rows;
    return st;
}
