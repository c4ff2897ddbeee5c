/* api/keys.h -- PRIMARY KEY, UNIQUE and indexes of a table.
 *
 * A key that is unique is enforced by a set of all its values, made at the first append after the
 * table's or the index's making and extended by each one; a failed append drops the set, the next
 * one makes it anew. So tables that are only read pay nothing. A plain index is a name: scans use
 * the zone maps of segments. Rows with a null in the key are not in the set: nulls are distinct
 * (those of a PRIMARY KEY are refused by NOT NULL).
 *
 * Threads: one at a time, who changes the table (api/relations.h). Memory: the context's payer. */
#ifndef PS_API_KEYS_H
#define PS_API_KEYS_H

#include "bind/statement.h"
#include "col/table.h"

typedef struct ps_key {
    char *name; /* of the index or constraint; "" where it has none */
    ps_key_kind kind;
    uint32_t n_cols;
    uint32_t *cols;         /* of the table */
    struct ps_key_set *set; /* NULL: not made */
} ps_key;

/* On failure there is nothing to release. */
ps_status ps_key_init(ps_ctx *cx, const ps_key_def *def, ps_key *out);
void ps_key_release(ps_key *key);
/* Takes in the key's values in segments that are to follow those of `table`; PS_VALUE when one is
 * there twice. name: the table's, for the message. After a failure of any kind: ps_key_forget. */
ps_status ps_key_add(ps_ctx *cx, ps_key *key, const char *name, const ps_table *table,
                     ps_segment *const *segments, uint32_t n);
/* Drops the set: the next ps_key_add makes it from the table. */
void ps_key_forget(ps_key *key);

#endif
