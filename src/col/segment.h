/* col/segment.h -- inside col: how a column of a segment is stored, and growing columns. */
#ifndef PS_COL_SEGMENT_H
#define PS_COL_SEGMENT_H

#include "col/table.h"

/* Counts distinct values: HyperLogLog with 1024 registers, 3 % standard error. */
enum { PS_SKETCH_REGISTERS = 1024 };
typedef struct ps_sketch {
    uint8_t registers[PS_SKETCH_REGISTERS];
} ps_sketch;
PS_INLINE void ps_sketch_add(ps_sketch *sketch, uint64_t hash)
{
    const uint64_t rest = hash << 10 | 512; /* 10 bits choose the register; never zero */
    const uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);
    uint8_t *at = &sketch->registers[hash >> 54];

    *at = PS_MAX(*at, rank);
}
void ps_sketch_merge(ps_sketch *into, const ps_sketch *other);
double ps_sketch_count(const ps_sketch *sketch);

struct ps_segment_col {
    ps_vec vec;              /* all rows; DICTIONARY: its codes are in `codes`, vec.codes is NULL */
    const void *codes;       /* of code_bytes each */
    uint8_t code_bytes;      /* 1, 2 or 4; 0: not a dictionary */
    const ps_sketch *sketch; /* NULL: of a type that isn't counted */
};

/* The whole of a segment; ps_segment is its head. */
typedef struct ps_segment_body {
    ps_segment head;
    ps_schema *schema;
    ps_arena arena;
} ps_segment_body;

/* A growing column: flat, in the canonical layout of its type, children beside it. Text starts
 * out as codes of a dictionary and turns flat when too much of it is distinct. */
typedef struct ps_col_build {
    ps_type type;
    ps_layout layout;
    size_t n, room; /* rows */
    size_t n_null;
    char *data;
    uint64_t *valid;
    ps_arena heap; /* bytes of text */
    struct ps_col_build *children;
    uint32_t n_children;
    uint32_t *codes; /* NULL: flat */
    ps_view *dict;
    uint32_t n_dict, dict_room;
    uint32_t *slots; /* open addressing: code plus one */
    size_t slots_room;
} ps_col_build;

ps_status ps_col_build_init(ps_ctx *cx, ps_arena *arena, ps_type type, ps_col_build *out);
/* Appends rows idx[0..n) of vec (NULL: rows 0..n). */
ps_status ps_col_build_add(ps_ctx *cx, ps_col_build *col, const ps_vec *vec, const uint32_t *idx,
                           uint32_t n);
/* Forgets the rows, keeps the room. */
void ps_col_build_clear(ps_col_build *col);
void ps_col_build_release(ps_col_build *col);
/* Moves the rows into a segment in their narrowest form, with their statistics. */
ps_status ps_col_build_seal(ps_ctx *cx, ps_arena *arena, ps_col_build *col, ps_segment_col *out,
                            ps_col_stats *stats);
/* Least and greatest value, nulls, width of a FLAT vector; text of the range goes to the arena. */
ps_status ps_stats_measure(ps_ctx *cx, ps_arena *arena, const ps_vec *vec, ps_col_stats *out);
/* Widens stats by other: text of the range goes to the arena. */
ps_status ps_stats_merge(ps_ctx *cx, ps_arena *arena, const ps_col_stats *other, bool first,
                         ps_col_stats *stats);

#endif
