/* exec/sort_keys.c -- see sort_keys.h.
 *
 * Encoding of a key: a byte for null (present when the column may hold one: always, so that the
 * width depends on types alone), then the value so that unsigned byte order is value order:
 * integers with the sign bit flipped, floats with all bits flipped when negative (one NaN above
 * all, -0.0 as 0.0), text as its bytes and an end (00 01; a zero byte in it is 00 FF), so that what
 * is behind it begins where it ends. Descending keys have the value's bytes inverted; the null byte
 * follows the null order instead.
 *
 * Where 16 bytes always hold all keys the spec is exact. Else there are 15, and a last one that
 * says whether they were too few for this row. If they were not, no other row has the same bytes
 * but one of equal keys, since no encoding is the beginning of another. Integers of more than two
 * bytes are short then: one byte says sign and number of bytes, and null, and as many follow as the
 * value has, so that most rows' keys fit. */
#include "exec/sort_keys.h"

#include "col/slots.h"

enum {
    WORD_BYTES = 16,
    PREFIX_BYTES = WORD_BYTES - 1, /* of a spec that isn't exact */
    CUT = 0xFF,                    /* for the number of bytes of a row that had no room */
    INSERTION_ROWS = 12,
    BUCKET_BITS = 8,
    BUCKETS = 1 << BUCKET_BITS,
    RADIX_MIN = 64,              /* fewer are merged */
    TIES_MIN = 16,               /* fewer are compared whole */
    SKIP_MAX = 8 * PREFIX_BYTES, /* equal so far: compared whole from here on */
    POLL_ROWS = 1 << 16
};

/* Bytes a key takes of the normalised form when it fits, and whether they say all. */
static uint32_t key_bytes(ps_layout layout, bool *exact)
{
    *exact = true;
    switch (layout) {
    case PS_LAYOUT_NONE: return 0;
    case PS_LAYOUT_BOOL:
    case PS_LAYOUT_I8:
    case PS_LAYOUT_U8: return 1;
    case PS_LAYOUT_I16:
    case PS_LAYOUT_U16:
    case PS_LAYOUT_F16: return 2;
    case PS_LAYOUT_I32:
    case PS_LAYOUT_U32:
    case PS_LAYOUT_F32: return 4;
    case PS_LAYOUT_I64:
    case PS_LAYOUT_U64:
    case PS_LAYOUT_F64: return 8;
    case PS_LAYOUT_I128: return 16;
    default: break;
    }
    *exact = false;
    return 0;
}

/* A nested value's view holds an encoding, not text. */
static uint32_t col_bytes(const ps_row_col *col, bool *exact)
{
    return key_bytes(col->nested ? PS_LAYOUT_INTERVAL : (ps_layout)col->layout, exact);
}

ps_status ps_sort_spec_init(ps_ctx *cx, ps_arena *arena, ps_sort_spec *spec,
                            const ps_sort_key *keys, uint32_t n_keys, const ps_type *types,
                            uint32_t n_cols)
{
    ps_row_spec rows = {.types = types, .n_cols = n_cols};
    const ps_row_layout *layout;
    uint32_t bytes = 0;

    *spec = (ps_sort_spec){.keys = keys, .n_keys = n_keys, .exact = true};
    PS_TRY(ps_row_layout_new(cx, arena, &rows, &spec->layout));
    rows.state_bytes = PS_SORT_STATE_BYTES;
    PS_TRY(ps_row_layout_new(cx, arena, &rows, &spec->file_layout));
    layout = spec->layout;
    PS_ASSERT(spec->file_layout->state_at == layout->row_bytes);
    for (uint32_t i = 0; i < n_keys; i++) {
        bool exact;

        bytes += 1 + col_bytes(&layout->cols[i], &exact);
        spec->exact &= exact && bytes <= WORD_BYTES;
    }
    return PS_OK;
}

typedef struct encoder {
    uint8_t *bytes; /* n * WORD_BYTES, zeroed */
    uint32_t at;    /* bytes that earlier keys took */
    uint8_t *taken; /* the same by row, where the spec isn't exact; CUT: no more fits */
    const uint32_t *sel;
    uint32_t n;
} encoder;

/* Writes the upper bytes of a big-endian value of `width` bytes, as many as there is room for. */
static void put_bytes(uint8_t *to, uint32_t room, const uint8_t *value, uint32_t width, bool invert)
{
    const uint32_t n = PS_MIN(room, width);

    for (uint32_t i = 0; i < n; i++) to[i] = invert ? (uint8_t)~value[i] : value[i];
}

static void big_endian(ps_u128 value, uint32_t width, uint8_t *out)
{
    for (uint32_t i = 0; i < width; i++) out[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
}

static uint64_t float_order(double value)
{
    uint64_t bits;

    if (value != value) return UINT64_MAX;
    value += 0.0; /* -0.0 becomes 0.0 */
    memcpy(&bits, &value, 8);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static uint32_t float32_order(float value)
{
    uint32_t bits;

    if (value != value) return UINT32_MAX;
    value += 0.0f;
    memcpy(&bits, &value, 4);
    return bits >> 31 ? ~bits : bits | (uint32_t)1 << 31;
}

static uint16_t float16_order(uint16_t bits)
{
    if ((bits & 0x7FFF) > 0x7C00) return UINT16_MAX;
    if (bits == 0x8000) bits = 0;
    return (uint16_t)(bits >> 15 ? ~bits : bits | 0x8000);
}

/* The value in slot i as big-endian bytes whose order is the value's; gives their number. */
static uint32_t encode_slot(ps_layout layout, const void *data, size_t i, uint8_t out[16])
{
    switch (layout) {
    case PS_LAYOUT_BOOL:
    case PS_LAYOUT_U8: out[0] = ((const uint8_t *)data)[i]; return 1;
    case PS_LAYOUT_I8: out[0] = ((const uint8_t *)data)[i] ^ 0x80; return 1;
    case PS_LAYOUT_I16:
        big_endian((uint16_t)(((const uint16_t *)data)[i] ^ 0x8000), 2, out);
        return 2;
    case PS_LAYOUT_U16: big_endian(((const uint16_t *)data)[i], 2, out); return 2;
    case PS_LAYOUT_I32: big_endian(((const uint32_t *)data)[i] ^ 0x80000000u, 4, out); return 4;
    case PS_LAYOUT_U32: big_endian(((const uint32_t *)data)[i], 4, out); return 4;
    case PS_LAYOUT_I64:
        big_endian(((const uint64_t *)data)[i] ^ (uint64_t)1 << 63, 8, out);
        return 8;
    case PS_LAYOUT_U64: big_endian(((const uint64_t *)data)[i], 8, out); return 8;
    case PS_LAYOUT_I128:
        big_endian(((const ps_u128 *)data)[i] ^ (ps_u128)1 << 127, 16, out);
        return 16;
    case PS_LAYOUT_F16: big_endian(float16_order(((const uint16_t *)data)[i]), 2, out); return 2;
    case PS_LAYOUT_F32: big_endian(float32_order(((const float *)data)[i]), 4, out); return 4;
    case PS_LAYOUT_F64: big_endian(float_order(((const double *)data)[i]), 8, out); return 8;
    default: break;
    }
    return 0;
}

/* The same for a row of a vector. Slots must have the layout column's width, so that every batch of
 * a column encodes alike: integers are widened one by one. */
static void encode_value(const ps_row_col *col, const ps_vec *vec, const ps_reader_view *view,
                         uint32_t row, uint8_t value[16])
{
    uint8_t wide[16];

    if (!ps_layout_is_int((ps_layout)vec->layout) || vec->layout == col->layout) {
        encode_slot((ps_layout)vec->layout, view->data, ps_reader_at(view, row), value);
        return;
    }
    const size_t slot = ps_layout_bytes((ps_layout)vec->layout);
    ps_slots_convert((ps_layout)vec->layout,
                     (const char *)view->data + ps_reader_at(view, row) * slot,
                     (ps_layout)col->layout, wide, 1);
    encode_slot((ps_layout)col->layout, wide, 0, value);
}

/* A key's bytes for every row: the same number for each, whose keys fit. */
static void encode_key(const encoder *e, const ps_row_col *col, const ps_sort_key *key,
                       const ps_vec *vec)
{
    const ps_reader_view view = ps_vec_read(vec);
    bool exact;
    const uint32_t width = col_bytes(col, &exact);

    for (uint32_t k = 0; k < e->n; k++) {
        const uint32_t row = e->sel ? e->sel[k] : k;
        uint8_t *to = e->bytes + (size_t)k * WORD_BYTES + e->at;
        uint8_t value[16];

        if (vec->layout == PS_LAYOUT_NONE || !ps_reader_valid(&view, row)) {
            to[0] = key->nulls_first ? 0 : 2;
            continue;
        }
        to[0] = 1;
        if (width == 0) continue;
        encode_value(col, vec, &view, row, value);
        put_bytes(to + 1, width, value, width, key->descending);
    }
}

/* Text and its end behind the `taken` bytes of a row; gives how many are taken then, or CUT. */
static uint8_t put_text(uint8_t *bytes, uint8_t taken, const ps_view *view, bool invert)
{
    const uint8_t flip = invert ? 0xFF : 0;
    const char *const text = ps_view_bytes(view);

    for (uint32_t i = 0; i < view->n; i++) {
        if (taken == PREFIX_BYTES) return CUT;
        bytes[taken++] = (uint8_t)text[i] ^ flip;
        if (text[i]) continue;
        if (taken == PREFIX_BYTES) return CUT;
        bytes[taken++] = 0xFF ^ flip;
    }
    for (uint8_t end = 0; end < 2; end++) {
        if (taken == PREFIX_BYTES) return CUT;
        bytes[taken++] = end ^ flip;
    }
    return taken;
}

/* ---- short integers ---- */

enum { SHORT_ZERO = 0x80, SHORT_NULL = 0xFF, SHORT_BYTES_MAX = 17 };

static bool is_short_int(const ps_row_col *col)
{
    const ps_layout layout = (ps_layout)col->layout;

    return !col->nested && ps_layout_is_int(layout) && ps_layout_bytes(layout) > 2;
}

static uint8_t short_null(const ps_sort_key *key) { return key->nulls_first ? 0 : SHORT_NULL; }

/* SHORT_ZERO and the number of bytes, or less it where the value is negative, then the bytes. Of
 * more bytes is the larger one, or the lesser; -1 has one, so that it isn't 0. */
static uint32_t short_int(ps_i128 value, bool invert, uint8_t out[SHORT_BYTES_MAX])
{
    const uint8_t flip = invert ? 0xFF : 0;
    const ps_u128 size = value < 0 ? ~(ps_u128)value : (ps_u128)value;
    const uint64_t high = (uint64_t)(size >> 64), low = (uint64_t)size;
    const uint32_t bits = high  ? 128 - (uint32_t)__builtin_clzll(high)
                          : low ? 64 - (uint32_t)__builtin_clzll(low)
                                : 0;
    const uint32_t n = PS_MAX((bits + 7) / 8, value < 0 ? 1u : 0u);

    out[0] = (uint8_t)(value < 0 ? SHORT_ZERO - n : SHORT_ZERO + n) ^ flip;
    for (uint32_t i = 0; i < n; i++)
        out[1 + i] = (uint8_t)((ps_u128)value >> (8 * (n - 1 - i))) ^ flip;
    return n + 1;
}

/* One of a row behind what its earlier keys took. */
static uint8_t put_short_int(uint8_t *bytes, uint8_t taken, const ps_sort_key *key,
                             const ps_vec *vec, const ps_reader_view *view, uint32_t row)
{
    const uint32_t room = PREFIX_BYTES - (uint32_t)taken;
    uint8_t value[SHORT_BYTES_MAX];

    if (vec->layout == PS_LAYOUT_NONE || !ps_reader_valid(view, row)) {
        bytes[taken] = short_null(key);
        return (uint8_t)(taken + 1);
    }
    const ps_i128 slot = ps_slot_get((ps_layout)vec->layout, view->data, ps_reader_at(view, row));
    const uint32_t n = short_int(slot, key->descending, value);
    memcpy(bytes + taken, value, PS_MIN(n, room));
    return n <= room ? (uint8_t)(taken + n) : CUT;
}

/* A key of one row behind what its earlier keys took. */
static uint8_t put_key(uint8_t *bytes, uint8_t taken, const ps_row_col *col, const ps_sort_key *key,
                       const ps_vec *vec, const ps_reader_view *view, uint32_t row)
{
    bool exact;
    const uint32_t width = col_bytes(col, &exact);
    uint8_t value[16];

    if (taken >= PREFIX_BYTES) return CUT;
    if (is_short_int(col)) return put_short_int(bytes, taken, key, vec, view, row);
    if (vec->layout == PS_LAYOUT_NONE || !ps_reader_valid(view, row)) {
        bytes[taken] = key->nulls_first ? 0 : 2;
        return (uint8_t)(taken + 1);
    }
    bytes[taken++] = 1;
    if (!exact && (col->nested || col->layout != PS_LAYOUT_VIEW)) return CUT;
    if (!exact) {
        const ps_view *const views = view->data;
        return put_text(bytes, taken, &views[ps_reader_at(view, row)], key->descending);
    }
    if (width == 0) return taken;
    const uint32_t room = PREFIX_BYTES - (uint32_t)taken;
    encode_value(col, vec, view, row, value);
    put_bytes(bytes + taken, room, value, width, key->descending);
    return width <= room ? (uint8_t)(taken + width) : CUT;
}

/* The same as encode_key where keys take as many bytes as each row's need. */
static void encode_prefix(const encoder *e, const ps_row_col *col, const ps_sort_key *key,
                          const ps_vec *vec)
{
    const ps_reader_view view = ps_vec_read(vec);

    for (uint32_t k = 0; k < e->n; k++) {
        uint8_t *const bytes = e->bytes + (size_t)k * WORD_BYTES;

        e->taken[k] = put_key(bytes, e->taken[k], col, key, vec, &view, e->sel ? e->sel[k] : k);
        bytes[PREFIX_BYTES] = e->taken[k] == CUT;
    }
}

static uint64_t load_big(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, 8);
    return __builtin_bswap64(word);
}

ps_status ps_sort_normalise(ps_ctx *cx, const ps_sort_spec *spec, const ps_vec *keys,
                            const uint32_t *sel, uint32_t n, ps_sort_row *out)
{
    encoder e = {.bytes = ps_alloc_zero(cx, (size_t)n * (WORD_BYTES + 1)), .sel = sel, .n = n};
    ps_vec_buf buf = {0};
    ps_status st = PS_OK;

    if (!e.bytes) return PS_MEMORY;
    e.taken = e.bytes + (size_t)n * WORD_BYTES;
    for (uint32_t i = 0; i < spec->n_keys; i++) {
        const ps_row_col *col = &spec->layout->cols[i];
        ps_vec vec = keys[i];
        bool exact;

        if (vec.encoding == PS_ENC_SEQUENCE) {
            if (!buf.data) PS_GO(ps_vec_buf_init(cx, &buf, PS_BATCH_ROWS_MAX));
            PS_GO(ps_vec_flatten(cx, &keys[i], sel, n, &buf, &vec));
        }
        if (spec->exact) encode_key(&e, col, &spec->keys[i], &vec);
        else encode_prefix(&e, col, &spec->keys[i], &vec);
        e.at += 1 + col_bytes(col, &exact);
    }
    for (uint32_t k = 0; k < n; k++) {
        out[k].high = load_big(e.bytes + (size_t)k * WORD_BYTES);
        out[k].low = load_big(e.bytes + (size_t)k * WORD_BYTES + 8);
    }
done:
    ps_vec_buf_release(&buf);
    ps_free(e.bytes);
    return st;
}

/* Compares the columns in the rows: where the words don't say all. */
static int compare_columns(const ps_sort_spec *spec, const uint8_t *a, const uint8_t *b)
{
    for (uint32_t i = 0; i < spec->n_keys; i++) {
        const ps_row_col *col = &spec->layout->cols[i];
        const ps_sort_key *key = &spec->keys[i];
        const bool null_a = ps_row_null(col, a), null_b = ps_row_null(col, b);

        if (null_a != null_b) return null_a == key->nulls_first ? -1 : 1;
        if (null_a) continue;
        const int order = ps_row_col_compare(col, a, b);
        if (order) return key->descending ? -order : order;
    }
    return 0;
}

int ps_sort_compare(const ps_sort_spec *spec, const ps_sort_row *a, const ps_sort_row *b)
{
    if (a->high != b->high) return a->high < b->high ? -1 : 1;
    if (a->low != b->low) return a->low < b->low ? -1 : 1;
    if (!spec->exact && (a->low & 0xFF)) { /* of both, or the words would differ */
        const int order = compare_columns(spec, a->row, b->row);

        if (order) return order;
    }
    if (a->morsel != b->morsel) return a->morsel < b->morsel ? -1 : 1;
    return a->ordinal < b->ordinal ? -1 : a->ordinal > b->ordinal;
}

/* ---- sorting ---- */

/* By the words and the position alone, or whole: by all columns. */
static int compare(const ps_sort_spec *spec, const ps_sort_row *a, const ps_sort_row *b, bool whole)
{
    if (whole) return ps_sort_compare(spec, a, b);
    if (a->high != b->high) return a->high < b->high ? -1 : 1;
    if (a->low != b->low) return a->low < b->low ? -1 : 1;
    if (a->morsel != b->morsel) return a->morsel < b->morsel ? -1 : 1;
    return a->ordinal < b->ordinal ? -1 : a->ordinal > b->ordinal;
}

static void insertion_sort(const ps_sort_spec *spec, ps_sort_row *rows, size_t n, bool whole)
{
    for (size_t i = 1; i < n; i++) {
        const ps_sort_row row = rows[i];
        size_t at = i;

        while (at > 0 && compare(spec, &row, &rows[at - 1], whole) < 0) {
            rows[at] = rows[at - 1];
            at--;
        }
        rows[at] = row;
    }
}

typedef struct sorting {
    ps_ctx *cx;
    const ps_sort_spec *spec;
    ps_sort_row *scratch;
    bool whole; /* compare the columns too */
} sorting;

static ps_status merge(const sorting *s, const ps_sort_row *a, size_t n_a, const ps_sort_row *b,
                       size_t n_b, ps_sort_row *out)
{
    const ps_sort_row *end_a = a + n_a, *end_b = b + n_b;

    for (size_t n = 0; a < end_a && b < end_b; n++) {
        if ((n & (POLL_ROWS - 1)) == POLL_ROWS - 1) PS_TRY(ps_poll(s->cx));
        *out++ = compare(s->spec, b, a, s->whole) < 0 ? *b++ : *a++;
    }
    memcpy(out, a, (size_t)(end_a - a) * sizeof(*a));
    memcpy(out + (end_a - a), b, (size_t)(end_b - b) * sizeof(*b));
    return PS_OK;
}

/* Bottom-up merge sort: runs of INSERTION_ROWS, then runs twice as long, between the two arrays;
 * runs that are in order already are copied whole, so sorted input costs one pass a level of
 * memcpy. */
static ps_status merge_sort(const sorting *s, ps_sort_row *rows, size_t n)
{
    ps_sort_row *from = rows, *to = s->scratch;

    for (size_t at = 0; at < n; at += INSERTION_ROWS) {
        if ((at / INSERTION_ROWS & 4095) == 4095) PS_TRY(ps_poll(s->cx));
        insertion_sort(s->spec, rows + at, PS_MIN(INSERTION_ROWS, n - at), s->whole);
    }
    for (size_t run = INSERTION_ROWS; run < n; run *= 2) {
        for (size_t at = 0; at < n; at += 2 * run) {
            const size_t n_a = PS_MIN(run, n - at), n_b = PS_MIN(run, n - at - n_a);

            if ((at & (POLL_ROWS - 1)) < 2 * run) PS_TRY(ps_poll(s->cx));
            if (n_b == 0 || compare(s->spec, &from[at + n_a - 1], &from[at + n_a], s->whole) < 0) {
                memcpy(to + at, from + at, (n_a + n_b) * sizeof(*to));
            } else {
                PS_TRY(merge(s, from + at, n_a, from + at + n_a, n_b, to + at));
            }
        }
        ps_sort_row *swap = from;
        from = to;
        to = swap;
    }
    if (from != rows) memcpy(rows, from, n * sizeof(*rows));
    return PS_OK;
}

/* ---- by digits ---- */

/* The bits that sort next: the highest in which some rows differ, and those below it. */
typedef struct digit {
    bool low; /* of the second word */
    uint32_t shift;
} digit;

static uint32_t digit_of(const ps_sort_row *row, digit d)
{
    return (uint32_t)((d.low ? row->low : row->high) >> d.shift) & (BUCKETS - 1);
}

/* *any false: the words of all rows are equal; *ordered: the rows are in order. */
static ps_status find_digit(const sorting *s, const ps_sort_row *rows, size_t n, digit *out,
                            bool *any, bool *ordered)
{
    uint64_t high = 0, low = 0;
    bool rising = true;

    for (size_t at = 1; at < n; at += POLL_ROWS) {
        const size_t end = PS_MIN(n, at + POLL_ROWS);
        PS_TRY(ps_poll(s->cx));
        for (size_t k = at; k < end; k++) {
            const ps_sort_row *a = &rows[k - 1], *b = &rows[k];
            high |= a->high ^ b->high;
            low |= a->low ^ b->low;
            rising &= a->high < b->high || (a->high == b->high && a->low < b->low);
        }
    }
    *ordered = rising;
    *any = (high | low) != 0;
    out->low = high == 0;
    const uint64_t differ = high ? high : low;
    const uint32_t top = *any ? 63 - (uint32_t)__builtin_clzll(differ) : 0;
    out->shift = top < BUCKET_BITS ? 0 : top - (BUCKET_BITS - 1);
    return PS_OK;
}

/* Rows from one array to the other, by their digit; ends[b] is where bucket b ends. */
static ps_status spread(const sorting *s, const ps_sort_row *from, size_t n, digit d,
                        ps_sort_row *to, size_t *ends)
{
    memset(ends, 0, BUCKETS * sizeof(*ends));
    for (size_t at = 0; at < n; at += POLL_ROWS) {
        const size_t end = PS_MIN(n, at + POLL_ROWS);
        PS_TRY(ps_poll(s->cx));
        for (size_t k = at; k < end; k++) ends[digit_of(&from[k], d)]++;
    }
    for (size_t b = 0, sum = 0; b < BUCKETS; b++) {
        const size_t n_rows = ends[b];
        ends[b] = sum; /* its begin, which moves to its end */
        sum += n_rows;
    }
    for (size_t at = 0; at < n; at += POLL_ROWS) {
        const size_t end = PS_MIN(n, at + POLL_ROWS);
        PS_TRY(ps_poll(s->cx));
        for (size_t k = at; k < end; k++) to[ends[digit_of(&from[k], d)]++] = from[k];
    }
    return PS_OK;
}

/* Most significant digit first, between two arrays, until pieces are small enough to be merged in
 * the cache. `here`: the result is wanted in `rows`, else in `other`. Rows whose words are equal
 * are left to merging: by position, in which they mostly are already. */
static ps_status radix_sort(const sorting *s, ps_sort_row *rows, ps_sort_row *other, size_t n,
                            bool here)
{
    size_t ends[BUCKETS];
    digit d;
    bool any = false, ordered = false;

    if (n > RADIX_MIN) PS_TRY(find_digit(s, rows, n, &d, &any, &ordered));
    if (n <= RADIX_MIN || !any || ordered) {
        const sorting piece = {.cx = s->cx, .spec = s->spec, .scratch = other};
        if (!ordered) PS_TRY(merge_sort(&piece, rows, n));
        if (!here) memcpy(other, rows, n * sizeof(*rows));
        return PS_OK;
    }
    PS_TRY(spread(s, rows, n, d, other, ends));
    for (size_t b = 0, begin = 0; b < BUCKETS; begin = ends[b++])
        if (ends[b] > begin)
            PS_TRY(radix_sort(s, other + begin, rows + begin, ends[b] - begin, !here));
    return PS_OK;
}

/* The bytes of a row's encoding behind the first `skip`, as normalised keys have the first. */
typedef struct tail {
    uint32_t skip, taken;
    bool cut;
    uint8_t bytes[WORD_BYTES];
} tail;

static void tail_put(tail *t, uint8_t byte)
{
    if (t->skip) t->skip--;
    else if (t->taken < PREFIX_BYTES) t->bytes[t->taken++] = byte;
    else t->cut = true;
}

static void tail_text(tail *t, const ps_view *view, uint8_t flip)
{
    const char *const text = ps_view_bytes(view);

    for (uint32_t i = 0; i < view->n && !t->cut; i++) {
        tail_put(t, (uint8_t)text[i] ^ flip);
        if (!text[i]) tail_put(t, 0xFF ^ flip);
    }
    for (uint8_t end = 0; end < 2; end++) tail_put(t, end ^ flip);
}

static void tail_short_int(tail *t, const ps_row_col *col, const ps_sort_key *key,
                           const uint8_t *row)
{
    uint8_t slot[16] __attribute__((aligned(16))), value[SHORT_BYTES_MAX];

    if (ps_row_null(col, row)) {
        tail_put(t, short_null(key));
        return;
    }
    memcpy(slot, row + col->at, col->slot_bytes);
    const uint32_t n =
        short_int(ps_slot_get((ps_layout)col->layout, slot, 0), key->descending, value);
    for (uint32_t i = 0; i < n; i++) tail_put(t, value[i]);
}

/* Puts the words of the encoding's part behind `skip` bytes into a row. */
static void next_words(const ps_sort_spec *spec, uint32_t skip, ps_sort_row *out)
{
    tail t = {.skip = skip};

    for (uint32_t i = 0; i < spec->n_keys && !t.cut; i++) {
        const ps_row_col *const col = &spec->layout->cols[i];
        const uint8_t flip = spec->keys[i].descending ? 0xFF : 0;
        uint64_t slot[2] = {0};
        uint8_t value[16];
        bool exact;
        const uint32_t width = col_bytes(col, &exact);

        if (is_short_int(col)) {
            tail_short_int(&t, col, &spec->keys[i], out->row);
            continue;
        }
        if (ps_row_null(col, out->row)) {
            tail_put(&t, spec->keys[i].nulls_first ? 0 : 2);
            continue;
        }
        tail_put(&t, 1);
        memcpy(slot, out->row + col->at, col->slot_bytes);
        if (exact) {
            encode_slot((ps_layout)col->layout, slot, 0, value);
            for (uint32_t b = 0; b < width; b++) tail_put(&t, value[b] ^ flip);
        } else if (!col->nested && col->layout == PS_LAYOUT_VIEW) {
            tail_text(&t, (const ps_view *)(const void *)slot, flip);
        } else {
            t.cut = true;
        }
    }
    t.bytes[PREFIX_BYTES] = t.cut;
    out->high = load_big(t.bytes);
    out->low = load_big(t.bytes + 8);
}

static ps_status sort_level(const sorting *s, ps_sort_row *rows, size_t n, uint32_t skip);

/* Rows whose words are equal and don't say all: by the words that come next. Looking into each row
 * once a level is much cheaper than at each comparison. */
static ps_status sort_ties(const sorting *s, ps_sort_row *rows, size_t n, uint32_t skip)
{
    const ps_sort_row first = rows[0];
    sorting whole = *s;

    whole.whole = true;
    if (n < TIES_MIN || skip > SKIP_MAX) return merge_sort(&whole, rows, n);
    for (size_t k = 0; k < n; k++) {
        if ((k & 4095) == 4095) PS_TRY(ps_poll(s->cx));
        if (k + 8 < n) PS_PREFETCH(rows[k + 8].row);
        next_words(s->spec, skip, &rows[k]);
    }
    const ps_status st = sort_level(s, rows, n, skip);
    for (size_t k = 0; k < n; k++) rows[k].high = first.high, rows[k].low = first.low;
    return st;
}

/* Rows with the words of the encoding's part behind `skip` bytes. */
static ps_status sort_level(const sorting *s, ps_sort_row *rows, size_t n, uint32_t skip)
{
    PS_TRY(radix_sort(s, rows, s->scratch, n, true));
    for (size_t at = 0, end = 0; !s->spec->exact && at < n; at = end) {
        for (end = at + 1;
             end < n && rows[end].high == rows[at].high && rows[end].low == rows[at].low;)
            end++;
        if (end - at > 1 && (rows[at].low & 0xFF))
            PS_TRY(sort_ties(s, rows + at, end - at, skip + PREFIX_BYTES));
    }
    return PS_OK;
}

ps_status ps_sort_rows(ps_ctx *cx, const ps_sort_spec *spec, ps_sort_row *rows,
                       ps_sort_row *scratch, size_t n)
{
    const sorting s = {.cx = cx, .spec = spec, .scratch = scratch};

    return sort_level(&s, rows, n, 0);
}

size_t ps_sort_lower(const ps_sort_spec *spec, const ps_sort_row *rows, size_t n,
                     const ps_sort_row *key)
{
    size_t lo = 0, hi = n;

    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;

        if (ps_sort_compare(spec, &rows[mid], key) < 0) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}
