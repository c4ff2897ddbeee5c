/* col/vec.h -- a vector: one column of one batch.
 *
 * Type says what values mean, layout how they sit in memory, encoding how rows map to them.
 * Layout is a property of each vector, found at run time: a DECIMAL(15,2) may come in I8 slots
 * from one segment and I64 from the next; the widest (ps_type_layout or I128) is always legal.
 * For integer layouts lo and hi bound every valid value: at least the layout's own range,
 * tighter when measured or known from a dictionary or a segment. Bounds come from decoded data
 * only, never from a file's statistics (docs/adr/0003), so unchecked loops may rest on them.
 *
 * A vector owns nothing. Its memory lives at least until its producer is asked for the next
 * batch; with `owner` set it lives as long as a reference on owner is held, so whoever keeps
 * rows longer takes a reference or copies. All memory is immutable for those who read it.
 * Data is readable (contents undefined) up to the next multiple of 64 bytes.
 *
 * Null slots of FLAT data hold any bit pattern; VIEW and LIST slots of nulls are zeroed (n = 0),
 * codes of null rows are in range (0 if the dictionary is empty). A vector of layout NONE is
 * CONSTANT. */
#ifndef PS_COL_VEC_H
#define PS_COL_VEC_H

#include "base/bits.h"
#include "col/type.h"

enum { PS_BATCH_ROWS_MAX = 8192, PS_BATCH_ROWS = 2048 };

typedef enum ps_encoding {
    PS_ENC_FLAT,       /* data[i] */
    PS_ENC_CONSTANT,   /* data[0] for every row; validity is bit 0 of valid */
    PS_ENC_DICTIONARY, /* dict->values[codes[i]] */
    PS_ENC_SEQUENCE    /* start + i * step; integer layouts, no nulls; data is NULL */
} ps_encoding;

/* 16 bytes: up to 12 bytes inline, else prefix and pointer (the heap is the owner's). */
typedef struct ps_view {
    uint32_t n;
    char prefix[4]; /* the first bytes, zero padded; inline text goes on in rest */
    union {
        char rest[8];   /* n <= 12 */
        const char *at; /* n > 12: all n bytes */
    };
} ps_view;
PS_STATIC_ASSERT(sizeof(ps_view) == 16, "views are 16 bytes");

/* IEEE half precision, the slot of FLOAT16. */
float ps_f16_to(uint16_t half);
uint16_t ps_f16_of(float value); /* to nearest even */

typedef struct ps_interval {
    int32_t months, days;
    int64_t ns;
} ps_interval;
typedef struct ps_list {
    uint32_t start, n;
} ps_list; /* items start..start+n-1 of the child */

typedef struct ps_dict ps_dict;
typedef struct ps_vec ps_vec;
struct ps_vec {
    ps_type type;
    uint8_t layout;        /* ps_layout */
    uint8_t encoding;      /* ps_encoding */
    bool bounded;          /* lo/hi tighter than the layout's range were measured or known */
    uint32_t n;            /* rows */
    const void *data;      /* FLAT: n slots; CONSTANT: 1 slot; else NULL */
    const uint64_t *valid; /* bit set: not null; NULL: no nulls. DICTIONARY: of the rows (the
                              dictionary may hold a null too) */
    int64_t lo,
        hi; /* integer layouts up to I64/U32: bounds of valid values. I128, U64: only if bounded */
    union {
        struct {
            const uint32_t *codes;
            const ps_dict *dict;
        };
        struct {
            int64_t start, step;
        };
    };
    const ps_vec *children; /* LIST 1, STRUCT and UNION n_fields; of a MAP one STRUCT */
    ps_owner *owner; /* keeps all of the above alive; NULL: only until the producer's next batch */
};

/* A dictionary has an identity: what an expression gives on it can be kept across batches. */
struct ps_dict {
    ps_owner owner;
    uint64_t id;   /* unique in this process */
    bool distinct; /* no value twice: grouping may work on codes */
    bool sorted;   /* codes order as values do */
    ps_vec values; /* FLAT; values.n is the dictionary's size */
};
uint64_t ps_dict_next_id(void);

extern const uint64_t
    ps_zero_bits[PS_BITS_WORDS(PS_BATCH_ROWS_MAX)]; /* all null; word 0 marks a null constant */

/* Text of a view; inline bytes belong to the view itself, so pass its address. */
PS_INLINE const char *ps_view_bytes(const ps_view *v)
{
    return v->n <= 12 ? (const char *)v + offsetof(ps_view, prefix) : v->at;
}
PS_INLINE ps_str ps_view_str(const ps_view *v) { return (ps_str){ps_view_bytes(v), v->n}; }
/* A view of bytes that outlive it. */
PS_INLINE ps_view ps_view_of(const char *at, size_t n)
{
    ps_view v = {.n = (uint32_t)n};
    if (n <= 12) {
        if (n) memcpy((char *)&v + offsetof(ps_view, prefix), at, n);
    } else {
        memcpy(v.prefix, at, 4);
        v.at = at;
    }
    return v;
}
PS_INLINE bool ps_view_equal(const ps_view *a, const ps_view *b)
{
    uint64_t ha, hb, ta, tb;
    memcpy(&ha, a, 8), memcpy(&hb, b, 8);
    if (ha != hb) return false; /* length and prefix */
    memcpy(&ta, (const char *)a + 8, 8), memcpy(&tb, (const char *)b + 8, 8);
    if (ta == tb) return true;
    return a->n > 12 && memcmp(a->at, b->at, a->n) == 0;
}
int ps_view_compare(const ps_view *a, const ps_view *b); /* by bytes */

/* Reading rows of any encoding: data[ps_reader_at(&r, row)]. */
typedef struct ps_reader_view {
    const void *data;
    const uint32_t *codes;      /* NULL unless DICTIONARY */
    uint32_t mask;              /* 0 for CONSTANT, ~0 else */
    const uint64_t *valid;      /* by row; CONSTANT: bit 0. NULL: no nulls */
    const uint64_t *dict_valid; /* by code; NULL: no nulls in the dictionary */
} ps_reader_view;
/* SEQUENCE must be flattened before. */
PS_INLINE ps_reader_view ps_vec_read(const ps_vec *v)
{
    ps_reader_view r = {.data = v->data, .mask = ~0u, .valid = v->valid};
    if (v->encoding == PS_ENC_DICTIONARY) {
        r.codes = v->codes, r.data = v->dict->values.data, r.dict_valid = v->dict->values.valid;
    } else if (v->encoding == PS_ENC_CONSTANT) {
        r.mask = 0;
    }
    return r;
}
PS_INLINE size_t ps_reader_at(const ps_reader_view *r, size_t row)
{
    return r->codes ? r->codes[row] : (row & r->mask);
}
PS_INLINE bool ps_reader_valid(const ps_reader_view *r, size_t row)
{
    if (r->valid && !ps_bit_get(r->valid, row & r->mask)) return false;
    return !r->dict_valid || ps_bit_get(r->dict_valid, r->codes[row]);
}

/* A vector that owns room for n_max rows of any layout its type may have: a register of a
 * program, a column of a builder. Reused batch after batch. */
typedef struct ps_vec_buf {
    void *data; /* n_max * 16 bytes, or what its layout takes */
    uint64_t *valid;
    uint32_t n_max;
    ps_arena heap; /* string bytes and children of the current batch */
} ps_vec_buf;
ps_status ps_vec_buf_init(ps_ctx *cx, ps_vec_buf *buf, uint32_t n_max);
/* For rows of one layout alone, as ps_rows_gather gives them: wide rows have many. */
ps_status ps_vec_buf_init_layout(ps_ctx *cx, ps_vec_buf *buf, uint32_t n_max, ps_layout layout);
void ps_vec_buf_release(ps_vec_buf *buf);

/* Sets type, canonical-range bounds and FLAT encoding over given memory. */
void ps_vec_flat(ps_vec *out, ps_type type, ps_layout layout, const void *data,
                 const uint64_t *valid, uint32_t n);
struct ps_value;
/* A constant of n rows; its slot (and heap) is in the arena. */
ps_status ps_vec_constant(ps_ctx *cx, ps_arena *arena, const struct ps_value *value, uint32_t n,
                          ps_vec *out);
/* A FLAT vector of n values of one type (or null), in the arena; canonical layout. */
ps_status ps_vec_of_values(ps_ctx *cx, ps_arena *arena, ps_type type, const struct ps_value *values,
                           uint32_t n, ps_vec *out);
/* How many vectors children points at. */
PS_INLINE uint32_t ps_vec_child_count(const ps_vec *vec)
{
    if (vec->layout == PS_LAYOUT_LIST) return 1;
    if (vec->layout != PS_LAYOUT_STRUCT && vec->layout != PS_LAYOUT_UNION) return 0;
    return ps_type_storage(vec->type).ext->n_fields;
}
/* Sets lo/hi to the layout's range (or what the type allows, if less). */
void ps_vec_bounds_reset(ps_vec *vec);
/* Measures lo and hi of the selected valid rows of a FLAT integer vector of up to 64 bits (one
 * pass); sel NULL: all n rows. No valid row: lo = hi = 0. Marks it bounded. */
void ps_vec_bounds_measure(ps_vec *vec, const uint32_t *sel, uint32_t n);
/* FLAT form in buf (a no-op for FLAT), which must not be the one src's memory is in. Rows outside
 * sel are left undefined; without sel every row's code must be in range. */
ps_status ps_vec_flatten(ps_ctx *cx, const ps_vec *src, const uint32_t *sel, uint32_t n,
                         ps_vec_buf *buf, ps_vec *out);
/* Rows sel[0..n) of src as rows 0..n of out: dictionary vectors keep their dictionary, constants
 * stay constant, the rest is copied into buf (nested: through a code vector over src). */
ps_status ps_vec_gather(ps_ctx *cx, const ps_vec *src, const uint32_t *sel, uint32_t n,
                        ps_vec_buf *buf, ps_vec *out);
/* Rows [first, first + n) of src without a copy; first must be a multiple of 64. Headers of
 * children are in the arena; encoding, bounds and owner stay. */
ps_status ps_vec_slice(ps_ctx *cx, ps_arena *arena, const ps_vec *src, uint32_t first, uint32_t n,
                       ps_vec *out);
/* A full copy that lives on its own under one new owner (out->owner, one reference given):
 * strings are copied, encodings kept where cheap. */
ps_status ps_vec_retain(ps_ctx *cx, const ps_vec *src, const uint32_t *sel, uint32_t n,
                        ps_vec *out);
/* What a vector made by ps_vec_retain holds, without a dictionary that it shares. */
uint64_t ps_vec_retained_bytes(const ps_vec *vec);
/* Widens integer slots: src and dst layouts of ps_layout_is_int, dst able to hold the bounds. */
void ps_slots_convert(ps_layout from, const void *src, ps_layout to, void *dst, size_t n);
bool ps_vec_row_valid(const ps_vec *vec, uint32_t row);
/* The value of one row, for printing and tests; bytes are borrowed, nested items in the arena. */
ps_status ps_vec_value(ps_ctx *cx, ps_arena *arena, const ps_vec *vec, uint32_t row,
                       struct ps_value *out);
/* Dev builds: every claim above that can be checked; PS_INTERNAL if one is broken. */
ps_status ps_vec_verify(ps_ctx *cx, const ps_vec *vec);

#endif
