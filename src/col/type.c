/* col/type.c -- types: construction, equality, hash, layouts, ranges. Printing is in type_print.c.
 *
 * A ps_type_ext is one block: fields, labels, tags and all text lie behind the structure, so
 * that it is made and freed in one step. Depth is bounded when a type is made; every recursion
 * over types rests on that.
 * Tests: tests/unit/test_col_vec.c */
#include "col/type.h"

#include "base/hash.h"
#include "col/type_copy.h"
#include "col/value.h"

static const struct {
    uint8_t layout, class;
} facts[PS_TYPE_COUNT] = {
#define T(ID, name, layout, class) {PS_LAYOUT_##layout, PS_CLASS_##class},
#include "col/types.def"
#undef T
};

#define TEN9  ((ps_i128)1000000000)
#define TEN18 (TEN9 * TEN9)
#define P9(base)                                                                                   \
    (base), (base) * 10, (base) * 100, (base) * 1000, (base) * 10000, (base) * 100000,             \
        (base) * 1000000, (base) * 10000000, (base) * 100000000
const ps_i128 ps_pow10[39] = {
    P9((ps_i128)1), P9(TEN9),          P9(TEN18),          P9(TEN18 *TEN9),
    TEN18 *TEN18,   TEN18 *TEN18 * 10, TEN18 *TEN18 * 100,
};

/* ---- construction ---- */

size_t ps_metadata_bytes(const char *metadata)
{
    int32_t n, length;
    size_t at = sizeof n;

    if (!metadata) return 0;
    memcpy(&n, metadata, sizeof n);
    for (int64_t i = 0; i < (int64_t)n * 2; i++) { /* key and value alternate */
        memcpy(&length, metadata + at, sizeof length);
        at += sizeof length + (length > 0 ? (size_t)length : 0);
    }
    return at;
}

size_t ps_fields_bytes(const ps_field *fields, uint32_t n)
{
    size_t bytes = 0;

    for (uint32_t i = 0; i < n; i++)
        bytes += fields[i].name.n + 1 + ps_metadata_bytes(fields[i].metadata);
    return bytes;
}

ps_str ps_str_place(char **at, ps_str text)
{
    const ps_str placed = {*at, text.n};

    if (text.n) memcpy(*at, text.at, text.n);
    (*at)[text.n] = 0;
    *at += text.n + 1;
    return placed;
}

void ps_fields_place(char **at, const ps_field *src, uint32_t n, ps_field *out)
{
    for (uint32_t i = 0; i < n; i++) {
        const size_t metadata_bytes = ps_metadata_bytes(src[i].metadata);
        out[i] = src[i];
        out[i].name = ps_str_place(at, src[i].name);
        out[i].type = ps_type_ref(src[i].type);
        if (metadata_bytes == 0) continue;
        memcpy(*at, src[i].metadata, metadata_bytes);
        out[i].metadata = *at;
        *at += metadata_bytes;
    }
}

static uint64_t str_hash(ps_str text) { return ps_hash_bytes(text.at, text.n, text.n); }

/* Names of struct members and union members are part of the type, those of list items aren't. */
static bool names_matter(ps_type_id id) { return id == PS_TYPE_STRUCT || id == PS_TYPE_UNION; }

static uint64_t ext_hash(ps_type_id id, const ps_type_ext *ext)
{
    uint64_t hash = ps_hash_u64(ext->n_fields, (uint64_t)id);

    for (uint32_t i = 0; i < ext->n_fields; i++) {
        if (names_matter(id)) hash = ps_hash_combine(hash, str_hash(ext->fields[i].name));
        if (ext->tags) hash = ps_hash_combine(hash, (uint64_t)ext->tags[i]);
        hash = ps_hash_combine(hash, ps_type_hash(ext->fields[i].type));
    }
    for (uint32_t i = 0; i < ext->n_labels; i++)
        hash = ps_hash_combine(hash, str_hash(ext->labels[i]));
    return ps_hash_combine(ps_hash_combine(hash, str_hash(ext->name)), str_hash(ext->metadata));
}

/* Copies what `like` describes into a new block of the type's own. */
static ps_status ext_new(ps_ctx *cx, ps_type_id id, const ps_type_ext *like,
                         const ps_type_ext **out)
{
    size_t bytes = sizeof *like + like->n_fields * sizeof *like->fields +
                   like->n_labels * sizeof *like->labels + (like->tags ? like->n_fields : 0) +
                   like->name.n + like->metadata.n + 2 +
                   ps_fields_bytes(like->fields, like->n_fields);
    uint32_t depth = 1;

    for (uint32_t i = 0; i < like->n_labels; i++) bytes += like->labels[i].n + 1;
    for (uint32_t i = 0; i < like->n_fields; i++)
        if (like->fields[i].type.ext) depth = PS_MAX(depth, like->fields[i].type.ext->depth + 1);
    if (depth > PS_TYPE_DEPTH_MAX)
        return ps_fail(cx, PS_UNSUPPORTED, "a type is nested too deep: at most %d levels",
                       (int)PS_TYPE_DEPTH_MAX);
    ps_type_ext *ext = ps_alloc_zero(cx, bytes);
    if (!ext) return PS_MEMORY;
    atomic_init(&ext->refs, 1);
    ext->depth = depth;
    ext->n_fields = like->n_fields;
    ext->n_labels = like->n_labels;
    ext->fields = (ps_field *)(ext + 1);
    ext->labels = (ps_str *)(ext->fields + like->n_fields);
    char *at = (char *)(ext->labels + like->n_labels);
    if (like->tags) {
        memcpy(at, like->tags, like->n_fields);
        ext->tags = (int8_t *)at;
        at += like->n_fields;
    }
    ext->name = ps_str_place(&at, like->name);
    ext->metadata = ps_str_place(&at, like->metadata);
    ps_fields_place(&at, like->fields, like->n_fields, ext->fields);
    for (uint32_t i = 0; i < like->n_labels; i++)
        ext->labels[i] = ps_str_place(&at, like->labels[i]);
    PS_ASSERT((size_t)(at - (char *)ext) <= bytes);
    ext->hash = ext_hash(id, ext);
    *out = ext;
    return PS_OK;
}

static ps_status type_new(ps_ctx *cx, ps_type type, const ps_type_ext *like, ps_type *out)
{
    const ps_type_ext *ext = NULL;

    *out = PS_TYPE(NULL);
    PS_TRY(ext_new(cx, (ps_type_id)type.id, like, &ext));
    *out = type;
    out->ext = ext;
    return PS_OK;
}

ps_status ps_type_list(ps_ctx *cx, const ps_field *item, ps_type *out)
{
    ps_type_ext like = {.n_fields = 1, .fields = (ps_field[]){*item}};
    return type_new(cx, PS_TYPE(LIST), &like, out);
}

ps_status ps_type_array(ps_ctx *cx, const ps_field *item, int32_t width, ps_type *out)
{
    ps_type_ext like = {.n_fields = 1, .fields = (ps_field[]){*item}};
    ps_type type = PS_TYPE(ARRAY);

    if (width < 0) return ps_fail(cx, PS_INVALID, "the width of an array is negative: %d", width);
    type.width = width;
    return type_new(cx, type, &like, out);
}

ps_status ps_type_struct(ps_ctx *cx, const ps_field *fields, uint32_t n, ps_type *out)
{
    ps_type_ext like = {.n_fields = n, .fields = (ps_field *)(uintptr_t)fields};
    return type_new(cx, PS_TYPE(STRUCT), &like, out);
}

ps_status ps_type_map(ps_ctx *cx, const ps_field *key, const ps_field *value, ps_type *out)
{
    ps_type_ext like = {.n_fields = 2, .fields = (ps_field[]){*key, *value}};
    return type_new(cx, PS_TYPE(MAP), &like, out);
}

ps_status ps_type_union(ps_ctx *cx, const ps_field *fields, const int8_t *tags, uint32_t n,
                        ps_type *out)
{
    ps_type_ext like = {
        .n_fields = n, .fields = (ps_field *)(uintptr_t)fields, .tags = (int8_t *)(uintptr_t)tags};

    if (n == 0 || n > 127)
        return ps_fail(cx, PS_UNSUPPORTED, "a union has 1 to 127 members, not %u", n);
    return type_new(cx, PS_TYPE(UNION), &like, out);
}

ps_status ps_type_enum(ps_ctx *cx, const ps_str *labels, uint32_t n, ps_type *out)
{
    ps_type_ext like = {.n_labels = n, .labels = (ps_str *)(uintptr_t)labels};
    return type_new(cx, PS_TYPE(ENUM), &like, out);
}

ps_status ps_type_zoned(ps_ctx *cx, ps_unit unit, ps_str zone, ps_type *out)
{
    ps_type_ext like = {.name = zone};
    return type_new(cx, ps_type_in_unit(PS_TYPE_TIMESTAMP_TZ, unit), &like, out);
}

ps_status ps_type_extension(ps_ctx *cx, ps_str name, ps_str metadata, const ps_field *storage,
                            ps_type *out)
{
    ps_type_ext like = {
        .n_fields = 1, .fields = (ps_field[]){*storage}, .name = name, .metadata = metadata};
    return type_new(cx, PS_TYPE(EXTENSION), &like, out);
}

ps_type ps_type_ref(ps_type type)
{
    /* relaxed: a reference is made from one that is already held. The count is the one part of
     * an immutable object that changes. */
    if (type.ext)
        atomic_fetch_add_explicit(&((ps_type_ext *)(uintptr_t)type.ext)->refs, 1,
                                  memory_order_relaxed);
    return type;
}

void ps_type_unref(ps_type type)
{
    ps_type_ext *ext = (ps_type_ext *)(uintptr_t)type.ext;

    /* acq_rel: the last holder must see every write made under the other references */
    if (!ext || atomic_fetch_sub_explicit(&ext->refs, 1, memory_order_acq_rel) != 1) return;
    for (uint32_t i = 0; i < ext->n_fields; i++) ps_type_unref(ext->fields[i].type);
    ps_free(ext);
}

static void ext_unref(void *ext) { ps_type_unref((ps_type){.id = PS_TYPE_EXTENSION, .ext = ext}); }

ps_status ps_type_keep(ps_ctx *cx, ps_arena *arena, ps_type type)
{
    if (!type.ext) return PS_OK;
    return ps_arena_own(cx, arena, (void *)(uintptr_t)ps_type_ref(type).ext, ext_unref);
}

/* ---- comparing ---- */

static bool ext_equal(ps_type_id id, const ps_type_ext *a, const ps_type_ext *b)
{
    if (a == b) return true;
    if (!a || !b || a->hash != b->hash || a->n_fields != b->n_fields || a->n_labels != b->n_labels)
        return false;
    if (!ps_str_equal(a->name, b->name) || !ps_str_equal(a->metadata, b->metadata)) return false;
    for (uint32_t i = 0; i < a->n_fields; i++) {
        if (names_matter(id) && !ps_str_equal(a->fields[i].name, b->fields[i].name)) return false;
        if (a->tags && a->tags[i] != b->tags[i]) return false;
        if (!ps_type_equal(a->fields[i].type, b->fields[i].type)) return false;
    }
    for (uint32_t i = 0; i < a->n_labels; i++)
        if (!ps_str_equal(a->labels[i], b->labels[i])) return false;
    return true;
}

bool ps_type_equal(ps_type a, ps_type b)
{
    if (a.id != b.id || a.precision != b.precision || a.scale != b.scale || a.unit != b.unit ||
        a.width != b.width)
        return false;
    return a.id == PS_TYPE_TIMESTAMP_TZ || ext_equal((ps_type_id)a.id, a.ext, b.ext);
}

uint64_t ps_type_hash(ps_type type)
{
    const uint64_t head = (uint64_t)type.id | (uint64_t)type.precision << 8 |
                          (uint64_t)(uint8_t)type.scale << 16 | (uint64_t)type.unit << 24 |
                          (uint64_t)(uint32_t)type.width << 32;
    const uint64_t hash = ps_hash_u64(head, 0);

    if (!type.ext || type.id == PS_TYPE_TIMESTAMP_TZ) return hash;
    return ps_hash_combine(hash, type.ext->hash);
}

/* ---- layouts and ranges ---- */

ps_type_class ps_type_class_of(ps_type type)
{
    PS_ASSERT(type.id < PS_TYPE_COUNT);
    return (ps_type_class)facts[type.id].class;
}

ps_layout ps_type_layout(ps_type type)
{
    PS_ASSERT(type.id < PS_TYPE_COUNT);
    if (type.id == PS_TYPE_EXTENSION) return ps_type_layout(type.ext->fields[0].type);
    if (type.id != PS_TYPE_DECIMAL) return (ps_layout)facts[type.id].layout;
    return type.precision <= 9    ? PS_LAYOUT_I32
           : type.precision <= 18 ? PS_LAYOUT_I64
                                  : PS_LAYOUT_I128;
}

size_t ps_layout_bytes(ps_layout layout)
{
    static const uint8_t bytes[PS_LAYOUT_COUNT] = {
        [PS_LAYOUT_BOOL] = 1, [PS_LAYOUT_I8] = 1,    [PS_LAYOUT_I16] = 2,
        [PS_LAYOUT_I32] = 4,  [PS_LAYOUT_I64] = 8,   [PS_LAYOUT_I128] = 16,
        [PS_LAYOUT_U8] = 1,   [PS_LAYOUT_U16] = 2,   [PS_LAYOUT_U32] = 4,
        [PS_LAYOUT_U64] = 8,  [PS_LAYOUT_F16] = 2,   [PS_LAYOUT_F32] = 4,
        [PS_LAYOUT_F64] = 8,  [PS_LAYOUT_VIEW] = 16, [PS_LAYOUT_INTERVAL] = 16,
        [PS_LAYOUT_LIST] = 8, [PS_LAYOUT_UNION] = 1,
    };
    PS_ASSERT((unsigned)layout < PS_LAYOUT_COUNT);
    return bytes[layout];
}

ps_layout ps_layout_for(ps_i128 lo, ps_i128 hi)
{
    if (lo >= INT8_MIN && hi <= INT8_MAX) return PS_LAYOUT_I8;
    if (lo >= INT16_MIN && hi <= INT16_MAX) return PS_LAYOUT_I16;
    if (lo >= INT32_MIN && hi <= INT32_MAX) return PS_LAYOUT_I32;
    if (lo >= INT64_MIN && hi <= INT64_MAX) return PS_LAYOUT_I64;
    return PS_LAYOUT_I128;
}

bool ps_layout_range(ps_layout layout, ps_i128 *lo, ps_i128 *hi)
{
    static const uint8_t bits[] = {8, 16, 32, 64, 128, 8, 16, 32, 64};

    if (!ps_layout_is_int(layout)) return false;
    const unsigned n = bits[layout - PS_LAYOUT_I8];
    if (layout >= PS_LAYOUT_U8) {
        *lo = 0;
        *hi = ((ps_i128)1 << n) - 1;
    } else {
        *hi = (ps_i128)(((ps_u128)1 << (n - 1)) - 1);
        *lo = -*hi - 1;
    }
    return true;
}

int64_t ps_unit_per_second(ps_unit unit)
{
    static const int64_t per_second[] = {1, 1000, 1000000, 1000000000};
    PS_ASSERT((unsigned)unit < PS_COUNT(per_second));
    return per_second[unit];
}

bool ps_type_range(ps_type type, ps_i128 *lo, ps_i128 *hi)
{
    while (type.id == PS_TYPE_EXTENSION) type = type.ext->fields[0].type;
    switch (type.id) {
    case PS_TYPE_DECIMAL:
        *hi = ps_pow10[type.precision] - 1;
        *lo = -*hi;
        return true;
    case PS_TYPE_TIME: /* 24:00:00 is a time */
        *lo = 0;
        *hi = 86400 * (ps_i128)ps_unit_per_second((ps_unit)type.unit);
        return true;
    case PS_TYPE_ENUM:
        *lo = 0;
        *hi = type.ext && type.ext->n_labels ? type.ext->n_labels - 1 : 0;
        return true;
    default: return ps_layout_range(ps_type_layout(type), lo, hi);
    }
}
