/* format/parquet/thrift.h -- reading thrift's compact protocol from memory, bounded.
 *
 * The reader latches its first failure: later calls give zeros and end every loop, so that
 * parsers check once at the end (ps_thrift_status). A list's length is at most the bytes that
 * are left, nesting at most THRIFT_DEPTH_MAX: no input makes it allocate or run long.
 * Reference: thrift-compact-protocol.md of Apache Thrift. Tests: tests/py/test_parquet.py */
#ifndef PS_FORMAT_PARQUET_THRIFT_H
#define PS_FORMAT_PARQUET_THRIFT_H

#include "base/str.h"

enum { THRIFT_DEPTH_MAX = 64 };

typedef enum ps_thrift_type {
    PS_THRIFT_STOP,
    PS_THRIFT_TRUE,
    PS_THRIFT_FALSE,
    PS_THRIFT_I8,
    PS_THRIFT_I16,
    PS_THRIFT_I32,
    PS_THRIFT_I64,
    PS_THRIFT_DOUBLE,
    PS_THRIFT_BINARY,
    PS_THRIFT_LIST,
    PS_THRIFT_SET,
    PS_THRIFT_MAP,
    PS_THRIFT_STRUCT,
    PS_THRIFT_UUID
} ps_thrift_type;

typedef struct ps_thrift {
    const uint8_t *start, *at, *end;
    const char *bad;  /* what is wrong at `at`; NULL: nothing */
    bool short_input; /* the failure was the end of the bytes: more of them may help */
} ps_thrift;

/* A structure being read: for (s = {0}; ps_thrift_field(t, &s);) switch (s.id). Fields that the
 * loop's body doesn't read must be given to ps_thrift_skip(t, s.type). */
typedef struct ps_thrift_struct {
    int16_t id;
    uint8_t type;
} ps_thrift_struct;

PS_INLINE void ps_thrift_init(ps_thrift *t, const void *bytes, size_t n)
{
    *t = (ps_thrift){.start = bytes, .at = bytes, .end = (const uint8_t *)bytes + n};
}
bool ps_thrift_field(ps_thrift *t, ps_thrift_struct *s);
void ps_thrift_skip(ps_thrift *t, uint8_t type);
/* A field of another type than the one asked for is skipped, as thrift's own readers do: 0, false,
 * "". */
int64_t ps_thrift_int(ps_thrift *t, uint8_t type); /* i8..i64 */
int32_t ps_thrift_i32(ps_thrift *t, uint8_t type); /* beyond 32 bits: a failure */
bool ps_thrift_bool(ps_thrift *t, uint8_t type);
ps_str ps_thrift_binary(ps_thrift *t, uint8_t type); /* points into the input */
/* The number of elements, their type in *item. */
uint32_t ps_thrift_list(ps_thrift *t, uint8_t type, uint8_t *item);
ps_status ps_thrift_status(ps_ctx *cx, const ps_thrift *t, const char *what);

#endif
