/* format/parquet/schema.h -- the tree of a file's schema with its levels, and its types as ours.
 *
 * Levels (Dremel): a node's def is the definition level at which it is present, rep the number
 * of repeated groups around it, slot_def the definition level at which the innermost of those
 * has an item (so: at which the node has a slot at all). A list node's own slot is judged by
 * its rep, def and slot_def; its items are those entries with rep <= item.rep and
 * definition >= item.slot_def.
 * Lists: three levels, and the older forms with two (LogicalTypes.md, "backward compatibility"). */
#ifndef PS_FORMAT_PARQUET_SCHEMA_H
#define PS_FORMAT_PARQUET_SCHEMA_H

#include "col/type.h"
#include "format/parquet/meta.h"

enum { PS_PQ_DEPTH_MAX = 48 };

/* How a leaf's stored values become slots. */
typedef enum ps_pq_convert {
    PS_PQ_TO_SAME, /* the bytes as they are */
    PS_PQ_TO_I8,
    PS_PQ_TO_I16,
    PS_PQ_TO_U8,
    PS_PQ_TO_U16,     /* from INT32, checked */
    PS_PQ_TO_I64,     /* from INT32 */
    PS_PQ_TO_DECIMAL, /* big-endian bytes, fixed or not */
    PS_PQ_TO_UUID,
    PS_PQ_TO_INTERVAL,
    PS_PQ_TO_TIMESTAMP /* INT96 */,
    PS_PQ_TO_VIEW /* fixed or variable bytes */
} ps_pq_convert;

typedef enum ps_pq_kind { PS_PQ_LEAF, PS_PQ_STRUCT, PS_PQ_LISTS } ps_pq_kind;

typedef struct ps_pq_levels {
    uint16_t rep, def, slot_def;
} ps_pq_levels;

typedef struct ps_pq_node ps_pq_node;
struct ps_pq_node {
    ps_field field; /* its type is kept by the arena */
    ps_pq_kind kind;
    ps_pq_levels levels;
    uint32_t n_children; /* STRUCT: members; LISTS: 1, the item */
    ps_pq_node *children;
    uint32_t leaf; /* number of the first leaf at or below it */
    uint32_t n_leaves;
    /* leaves only: */
    uint8_t physical, convert, layout; /* layout of slots */
    bool utf8;                         /* views must be UTF-8 */
    uint32_t width;                    /* bytes of a stored value; 0: each has its length */
    uint32_t slot_bytes;
};

typedef struct ps_pq_schema {
    ps_pq_node root;           /* children are the columns */
    const ps_pq_node **leaves; /* by number */
    uint32_t n_leaves;
} ps_pq_schema;

ps_status ps_pq_schema_build(ps_ctx *cx, ps_arena *arena, const ps_pq_meta *meta,
                             ps_pq_schema *out);
/* Type, conversion and layout of a leaf from its element. */
ps_status ps_pq_leaf_type(ps_ctx *cx, const ps_pq_element *e, ps_pq_node *node);

#endif
