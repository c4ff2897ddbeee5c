/* api/relations.h -- names of tables and views: an instance's, and a session's temporary ones.
 *
 * A table entry holds the current version of its data; readers take a snapshot, writers swap in the
 * next one. Names compare without case.
 *
 * Threads: any. The mutex guards the list, the current versions and is_changing; it is held for a
 * look or a swap, never while rows are read, written out or freed. Who makes a table's next version
 * or changes its keys is the only one to (is_changing): others that want to wait, and can be
 * cancelled; who looks names up doesn't. Tests: tests/slt/sql/keys.test, tests/py/test_tables.py */
#ifndef PS_API_RELATIONS_H
#define PS_API_RELATIONS_H

#include "api/keys.h"
#include "base/array.h"
#include "base/thread.h"
#include "col/table.h"

typedef struct ps_entry {
    ps_owner owner; /* the list has one reference, who changes it one */
    char *name;
    ps_table *table; /* NULL: a view */
    PS_ARRAY(ps_key)
    keys; /* their list: changed with the mutex and is_changing, read with either */
    bool is_changing;
    bool gone;           /* dropped or replaced */
    char *view_text;     /* a view: canonical SQL of its SELECT */
    char **view_columns; /* names it was given, n_view_columns */
    uint32_t n_view_columns;
} ps_entry;

typedef struct ps_relations {
    ps_mutex mutex;
    ps_cond changed; /* is_changing was lowered */
    PS_ARRAY(ps_entry *) entries;
    ps_mem *mem; /* pays for entries */
} ps_relations;

void ps_relations_init(ps_relations *relations, ps_mem *mem);
void ps_relations_release(ps_relations *relations);

typedef enum ps_exists { PS_EXISTS_FAIL, PS_EXISTS_REPLACE, PS_EXISTS_KEEP } ps_exists;
/* Adds a table under a name with its keys (a reference is taken). Where there is one: PS_EXISTS,
 * replaced, or kept with *kept true. */
ps_status ps_relations_put_table(ps_ctx *cx, ps_relations *relations, ps_str name, ps_table *table,
                                 const ps_key_def *keys, uint32_t n_keys, ps_exists exists,
                                 bool *kept);
/* Adds an index to a table, whose rows must keep it. PS_EXISTS when there is one of its name. */
ps_status ps_relations_put_index(ps_ctx *cx, ps_relations *relations, ps_str table,
                                 const ps_key_def *index, bool if_not_exists);
ps_status ps_relations_drop_index(ps_ctx *cx, ps_relations *relations, ps_str name, bool *found);
ps_status ps_relations_put_view(ps_ctx *cx, ps_relations *relations, ps_str name, ps_str text,
                                const ps_str *columns, uint32_t n_columns, ps_exists exists,
                                bool *kept);
/* The current version (one reference given), or the view's text copied into the arena. */
typedef struct ps_relation_found {
    ps_table *table;
    ps_str view_text;
    const ps_str *view_columns;
    uint32_t n_view_columns;
} ps_relation_found;
ps_status ps_relations_get(ps_ctx *cx, ps_arena *arena, ps_relations *relations, ps_str name,
                           bool *found, ps_relation_found *out);
/* What tables give back for a set of keys at first; then twice that, until it fits. */
enum { PS_KEYS_GIVE_BYTES = 8 << 20 };
/* Appends segments of this schema to a table's current version: a writer's commit. PS_BIND when the
 * table is gone or has other types by now, PS_VALUE when a row breaks NOT NULL or a key: nothing is
 * appended then. */
ps_status ps_relations_append(ps_ctx *cx, ps_relations *relations, ps_str name,
                              const ps_schema *schema, ps_segment *const *segments, uint32_t n);
/* *was_view tells what it was; *found false: nothing of that name. */
ps_status ps_relations_drop(ps_ctx *cx, ps_relations *relations, ps_str name, bool view,
                            bool *found);
/* Calls fn for each name, in order of creation, with the mutex held. */
void ps_relations_names(ps_relations *relations, void (*fn)(void *user, ps_str name, bool view),
                        void *user);

#endif
