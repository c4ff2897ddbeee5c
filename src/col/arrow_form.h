/* col/arrow_form.h -- inside col: what an Arrow format string says about type and buffers. */
#ifndef PS_COL_ARROW_FORM_H
#define PS_COL_ARROW_FORM_H

#include "col/type.h"

typedef enum ps_arrow_kind {
    PS_ARROW_NULL,
    PS_ARROW_BOOL,
    PS_ARROW_SLOTS, /* slots of `layout`, as ours */
    PS_ARROW_DECIMAL256,
    PS_ARROW_DATE64,
    PS_ARROW_MONTHS,
    PS_ARROW_DAY_TIME,
    PS_ARROW_BYTES32,
    PS_ARROW_BYTES64,
    PS_ARROW_VIEWS,
    PS_ARROW_FIXED_BYTES,
    PS_ARROW_LIST32,
    PS_ARROW_LIST64,
    PS_ARROW_LIST_VIEW32,
    PS_ARROW_LIST_VIEW64,
    PS_ARROW_ARRAY,
    PS_ARROW_STRUCT,
    PS_ARROW_MAP,
    PS_ARROW_UNION_SPARSE,
    PS_ARROW_UNION_DENSE,
    PS_ARROW_RUNS
} ps_arrow_kind;

typedef struct ps_arrow_form {
    ps_arrow_kind kind;
    ps_layout layout;  /* of SLOTS */
    ps_type type;      /* complete unless nested or zoned */
    int8_t n_buffers;  /* VIEWS: at least */
    int8_t n_children; /* -1: any */
    ps_str zone;       /* timestamps */
    uint8_t n_tags;    /* unions */
    int8_t tags[127];
} ps_arrow_form;

struct ArrowSchema;
/* Reads schema->format; PS_UNSUPPORTED or PS_DATA for what can't be taken. Not the dictionary's. */
ps_status ps_arrow_form_read(ps_ctx *cx, const struct ArrowSchema *schema, ps_arrow_form *out);
/* The value of a key in Arrow's metadata encoding; false: absent. */
bool ps_arrow_metadata_get(const char *metadata, ps_str key, ps_str *out);
#define PS_ARROW_EXTENSION_NAME     PS_STR("ARROW:extension:name")
#define PS_ARROW_EXTENSION_METADATA PS_STR("ARROW:extension:metadata")
/* Extensions that are types of ours: the metadata of arrow.opaque that we (and DuckDB) write. */
#define PS_ARROW_HUGEINT PS_STR("{\"type_name\":\"hugeint\",\"vendor_name\":\"DuckDB\"}")
#define PS_ARROW_TIMETZ  PS_STR("{\"type_name\":\"timetz\",\"vendor_name\":\"Penstock\"}")

#endif
