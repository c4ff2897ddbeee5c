/* api/relations.c -- see relations.h. Lists are short (hundreds): lookup is linear. */
#include "api/relations.h"

void ps_relations_init(ps_relations *relations, ps_mem *mem)
{
    memset(relations, 0, sizeof(*relations));
    ps_mutex_init(&relations->mutex);
    ps_cond_init(&relations->changed);
    relations->mem = mem;
}

static void entry_destroy(ps_owner *owner)
{
    ps_entry *entry = (ps_entry *)(void *)owner;

    ps_table_unref(entry->table);
    for (size_t i = 0; i < entry->keys.n; i++) ps_key_release(&entry->keys.at[i]);
    ps_free(entry->keys.at);
    for (uint32_t i = 0; i < entry->n_view_columns; i++) ps_free(entry->view_columns[i]);
    ps_free(entry->view_columns);
    ps_free(entry->view_text);
    ps_free(entry->name);
    ps_free(entry);
}

static void entry_unref(ps_entry *entry)
{
    if (entry) ps_owner_unref(&entry->owner);
}

static ps_entry *entry_new(ps_ctx *cx)
{
    ps_entry *entry = ps_alloc_zero(cx, sizeof(*entry));

    if (entry) ps_owner_init(&entry->owner, entry_destroy);
    return entry;
}

void ps_relations_release(ps_relations *relations)
{
    for (size_t i = 0; i < relations->entries.n; i++) entry_unref(relations->entries.at[i]);
    ps_free(relations->entries.at);
    ps_cond_destroy(&relations->changed);
    ps_mutex_destroy(&relations->mutex);
}

/* Where the entry of this name is in the list; NULL: nowhere. */
static ps_entry **catalog_place(const ps_relations *relations, ps_str name)
{
    for (size_t i = 0; i < relations->entries.n; i++) {
        ps_entry **place = &relations->entries.at[i];
        if (ps_str_equal_nocase(ps_str_of((*place)->name), name)) return place;
    }
    return NULL;
}

static ps_entry *catalog_find(const ps_relations *relations, ps_str name)
{
    ps_entry **place = catalog_place(relations, name);

    return place ? *place : NULL;
}

static char *text_copy(ps_ctx *cx, ps_str text)
{
    char *copy = ps_alloc(cx, text.n + 1);

    if (!copy) return NULL;
    if (text.n) memcpy(copy, text.at, text.n);
    copy[text.n] = 0;
    return copy;
}

/* Puts a finished entry in place, which takes over the reference; *out: what is to be freed once
 * the mutex isn't held any more. */
static ps_status catalog_put(ps_ctx *cx, ps_relations *relations, ps_entry *entry, ps_exists exists,
                             bool *kept, ps_entry **out)
{
    ps_entry **place = catalog_place(relations, ps_str_of(entry->name));

    *kept = place && exists == PS_EXISTS_KEEP;
    *out = entry;
    if (*kept) return PS_OK;
    if (place && exists == PS_EXISTS_FAIL) {
        ps_fail(cx, PS_EXISTS, "a %s of this name exists: %s", (*place)->table ? "table" : "view",
                (*place)->name);
        ps_hint(cx, "CREATE OR REPLACE replaces it, IF NOT EXISTS leaves it");
        return PS_EXISTS;
    }
    if (place) {
        *out = *place;
        (*out)->gone = true;
        *place = entry;
        return PS_OK;
    }
    PS_TRY(PS_ARRAY_ADD(cx, &relations->entries, entry));
    *out = NULL;
    return PS_OK;
}

/* The same with the mutex taken for it, unless the entry failed (st) before it was finished. */
static ps_status put(ps_ctx *cx, ps_relations *relations, ps_entry *entry, ps_status st,
                     ps_exists exists, bool *kept)
{
    ps_entry *old = entry;

    if (st == PS_OK) {
        ps_mutex_lock(&relations->mutex);
        st = catalog_put(cx, relations, entry, exists, kept, &old);
        ps_mutex_unlock(&relations->mutex);
    }
    entry_unref(old);
    return st;
}

static ps_status add_key(ps_ctx *cx, ps_entry *entry, const ps_key_def *def)
{
    ps_key key;

    PS_TRY(ps_key_init(cx, def, &key));
    const ps_status st = PS_ARRAY_ADD(cx, &entry->keys, key);
    if (st != PS_OK) ps_key_release(&key);
    return st;
}

static ps_status table_fill(ps_ctx *cx, ps_entry *entry, ps_str name, ps_table *table,
                            const ps_key_def *keys, uint32_t n_keys)
{
    entry->name = text_copy(cx, name);
    entry->table = ps_table_ref(table);
    if (!entry->name) return PS_MEMORY;
    for (uint32_t i = 0; i < n_keys; i++) PS_TRY(add_key(cx, entry, &keys[i]));
    return PS_OK;
}

ps_status ps_relations_put_table(ps_ctx *cx, ps_relations *relations, ps_str name, ps_table *table,
                                 const ps_key_def *keys, uint32_t n_keys, ps_exists exists,
                                 bool *kept)
{
    ps_ctx own = *cx;

    own.mem = relations->mem;
    ps_entry *entry = entry_new(&own);
    ps_status st = entry ? table_fill(&own, entry, name, table, keys, n_keys) : PS_MEMORY;
    st = put(&own, relations, entry, st, exists, kept);
    cx->error = own.error;
    return st;
}

static ps_status view_fill(ps_ctx *cx, ps_entry *entry, ps_str name, ps_str text,
                           const ps_str *columns, uint32_t n)
{
    entry->name = text_copy(cx, name);
    entry->view_text = text_copy(cx, text);
    entry->view_columns = ps_alloc_zero(cx, (n + 1) * sizeof(char *));
    if (!entry->name || !entry->view_text || !entry->view_columns) return PS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        entry->view_columns[i] = text_copy(cx, columns[i]);
        if (!entry->view_columns[i]) return PS_MEMORY;
        entry->n_view_columns = i + 1;
    }
    return PS_OK;
}

ps_status ps_relations_put_view(ps_ctx *cx, ps_relations *relations, ps_str name, ps_str text,
                                const ps_str *columns, uint32_t n_columns, ps_exists exists,
                                bool *kept)
{
    ps_ctx own = *cx;

    own.mem = relations->mem;
    ps_entry *entry = entry_new(&own);
    ps_status st = entry ? view_fill(&own, entry, name, text, columns, n_columns) : PS_MEMORY;
    st = put(&own, relations, entry, st, exists, kept);
    cx->error = own.error;
    return st;
}

static ps_status found_view(ps_ctx *cx, ps_arena *arena, const ps_entry *entry,
                            ps_relation_found *out)
{
    const size_t n = strlen(entry->view_text);
    ps_str *columns = PS_ARENA_ARRAY(cx, arena, ps_str, entry->n_view_columns + 1);

    out->view_text = (ps_str){ps_arena_strndup(cx, arena, entry->view_text, n), n};
    if (!columns || !out->view_text.at) return PS_MEMORY;
    for (uint32_t i = 0; i < entry->n_view_columns; i++) {
        const size_t length = strlen(entry->view_columns[i]);

        columns[i] = (ps_str){ps_arena_strndup(cx, arena, entry->view_columns[i], length), length};
        if (!columns[i].at) return PS_MEMORY;
    }
    out->view_columns = columns;
    out->n_view_columns = entry->n_view_columns;
    return PS_OK;
}

ps_status ps_relations_get(ps_ctx *cx, ps_arena *arena, ps_relations *relations, ps_str name,
                           bool *found, ps_relation_found *out)
{
    ps_status st = PS_OK;

    *out = (ps_relation_found){0};
    ps_mutex_lock(&relations->mutex);
    const ps_entry *entry = catalog_find(relations, name);
    *found = entry != NULL;
    if (entry && entry->table) out->table = ps_table_ref(entry->table);
    else if (entry) st = found_view(cx, arena, entry, out);
    ps_mutex_unlock(&relations->mutex);
    return st;
}

/* ---- changes ---- */

static ps_status gone(ps_ctx *cx, ps_str name)
{
    return ps_fail(cx, PS_BIND, "the table is gone: %.*s", PS_STR_ARGS(name));
}

/* Waits a while for who changes an entry. Mutex held. */
static void wait_changed(ps_relations *relations)
{
    enum { POLL_NS = 4000000 }; /* who waits looks so often whether it is cancelled */

    ps_cond_wait_ns(&relations->changed, &relations->mutex, POLL_NS);
}

/* The table of this name for the caller alone to change until change_end: its entry, and its
 * current version with a reference. */
static ps_status change_begin(ps_ctx *cx, ps_relations *relations, ps_str name, ps_entry **out,
                              ps_table **version)
{
    bool mine = false;

    while (!mine) {
        PS_TRY(ps_poll(cx));
        ps_mutex_lock(&relations->mutex);
        ps_entry *entry = catalog_find(relations, name);
        const bool found = entry && entry->table;
        mine = found && !entry->is_changing;
        if (mine) {
            entry->is_changing = true;
            ps_owner_ref(&entry->owner);
            *out = entry;
            *version = ps_table_ref(entry->table);
        } else if (found) {
            wait_changed(relations);
        }
        ps_mutex_unlock(&relations->mutex);
        if (!found) return gone(cx, name);
    }
    return PS_OK;
}

/* Puts *next, if there is one, in place of the current version, which *next becomes. False, and
 * nothing put: the table was dropped or replaced meanwhile. */
static bool change_end(ps_relations *relations, ps_entry *entry, ps_table **next)
{
    ps_mutex_lock(&relations->mutex);
    const bool stays = !entry->gone;
    if (stays && *next) {
        ps_table *const old = entry->table;
        entry->table = *next;
        *next = old;
    }
    entry->is_changing = false;
    ps_cond_broadcast(&relations->changed);
    ps_mutex_unlock(&relations->mutex);
    entry_unref(entry);
    return stays;
}

/* The table may have been replaced since the statement was bound to it. */
static ps_status check_types(ps_ctx *cx, ps_str name, const ps_schema *table, const ps_schema *rows)
{
    bool same = table->n == rows->n;

    for (uint32_t c = 0; same && c < table->n; c++)
        same = ps_type_equal(table->fields[c].type, rows->fields[c].type);
    if (same) return PS_OK;
    return ps_fail(cx, PS_BIND, "the table was replaced by one of other columns meanwhile: %.*s",
                   PS_STR_ARGS(name));
}

/* NOT NULL columns: a promise that plans rest on, so what breaks it never gets in. */
static ps_status check_not_null(ps_ctx *cx, const ps_schema *schema, ps_segment *const *segments,
                                uint32_t n)
{
    for (uint32_t s = 0; s < n; s++) {
        for (uint32_t c = 0; c < schema->n; c++) {
            if (schema->fields[c].nullable || segments[s]->stats[c].n_null == 0) continue;
            return ps_fail(cx, PS_VALUE, "a null in a column that is NOT NULL: %.*s",
                           PS_STR_ARGS(schema->fields[c].name));
        }
    }
    return PS_OK;
}

/* Keys are the instance's or the session's to pay for, not the statement's. */
static ps_status check_keys(ps_ctx *cx, ps_mem *mem, ps_entry *entry, const ps_table *table,
                            ps_segment *const *segments, uint32_t n)
{
    ps_ctx own = *cx;
    ps_status st = PS_OK;

    own.mem = mem;
    for (size_t i = 0; st == PS_OK && i < entry->keys.n; i++)
        st = ps_key_add(&own, &entry->keys.at[i], entry->name, table, segments, n);
    cx->error = own.error;
    return st;
}

static void forget_keys(ps_entry *entry)
{
    for (size_t i = 0; i < entry->keys.n; i++) ps_key_forget(&entry->keys.at[i]);
}

ps_status ps_relations_append(ps_ctx *cx, ps_relations *relations, ps_str name,
                              const ps_schema *schema, ps_segment *const *segments, uint32_t n)
{
    ps_entry *entry;
    bool stays = false;

    while (!stays) { /* where it is replaced meanwhile: to what replaced it */
        ps_table *next = NULL, *old;
        PS_TRY(change_begin(cx, relations, name, &entry, &old));
        ps_status st = check_types(cx, name, old->schema, schema);
        if (st == PS_OK) st = check_not_null(cx, old->schema, segments, n);
        if (st == PS_OK) st = ps_table_append(cx, old, segments, n, &next);
        if (st == PS_OK) {
            st = check_keys(cx, relations->mem, entry, old, segments, n);
            if (st != PS_OK) {
                forget_keys(entry);
                ps_table_unref(next);
                next = NULL;
            }
        }
        stays = change_end(relations, entry, &next);
        ps_table_unref(next);
        ps_table_unref(old);
        if (st != PS_OK) return st;
    }
    return PS_OK;
}

/* ---- indexes ---- */

static ps_key *find_index(ps_relations *relations, ps_str name, ps_entry **out)
{
    for (size_t i = 0; i < relations->entries.n; i++) {
        ps_entry *entry = *out = relations->entries.at[i];
        for (size_t k = 0; k < entry->keys.n; k++) {
            ps_key *key = &entry->keys.at[k];
            const bool index = key->kind == PS_KEY_INDEX || key->kind == PS_KEY_UNIQUE_INDEX;
            if (index && ps_str_equal_nocase(ps_str_of(key->name), name)) return key;
        }
    }
    return NULL;
}

/* *exists: an index of this name does, and that is fine. Mutex held. */
static ps_status check_index(ps_ctx *cx, ps_relations *relations, ps_str name, bool if_not_exists,
                             bool *exists)
{
    ps_entry *entry;
    const ps_key *old = find_index(relations, name, &entry);

    *exists = old != NULL;
    if (!old || if_not_exists) return PS_OK;
    return ps_fail(cx, PS_EXISTS, "an index of this name exists, of the table %s: %s", entry->name,
                   old->name);
}

/* The key with its set, of a table that nobody else changes. */
static ps_status make_index(ps_ctx *cx, const ps_entry *entry, const ps_table *table,
                            const ps_key_def *index, ps_key *out)
{
    for (uint32_t i = 0; i < index->n_cols; i++) /* it may have been replaced since the binding */
        if (index->cols[i] >= table->schema->n) return gone(cx, ps_str_of(entry->name));
    PS_TRY(ps_key_init(cx, index, out));
    const ps_status st = ps_key_add(cx, out, entry->name, table, NULL, 0);
    if (st != PS_OK) ps_key_release(out);
    return st;
}

static ps_status put_index(ps_ctx *cx, ps_relations *relations, ps_entry *entry,
                           const ps_table *table, const ps_key_def *index, bool if_not_exists)
{
    bool exists = false;
    ps_key key;

    PS_TRY(make_index(cx, entry, table, index, &key));
    ps_mutex_lock(&relations->mutex);
    ps_status st = check_index(cx, relations, index->name, if_not_exists, &exists);
    if (st == PS_OK && entry->gone) st = gone(cx, ps_str_of(entry->name));
    const bool put = st == PS_OK && !exists;
    if (put) st = PS_ARRAY_ADD(cx, &entry->keys, key);
    ps_mutex_unlock(&relations->mutex);
    if (!put || st != PS_OK) ps_key_release(&key);
    return st;
}

ps_status ps_relations_put_index(ps_ctx *cx, ps_relations *relations, ps_str table,
                                 const ps_key_def *index, bool if_not_exists)
{
    ps_ctx own = *cx;
    ps_table *version = NULL, *none = NULL;
    ps_entry *entry;
    bool exists;

    own.mem = relations->mem;
    ps_mutex_lock(&relations->mutex);
    ps_status st = check_index(&own, relations, index->name, if_not_exists, &exists);
    ps_mutex_unlock(&relations->mutex);
    if (st == PS_OK && !exists) st = change_begin(&own, relations, table, &entry, &version);
    if (version) {
        st = put_index(&own, relations, entry, version, index, if_not_exists);
        change_end(relations, entry, &none);
        ps_table_unref(version);
    }
    cx->error = own.error;
    return st;
}

/* Takes the key out of the list. Mutex held. */
static ps_key take_key(ps_entry *entry, ps_key *key)
{
    const ps_key taken = *key;

    entry->keys.n--;
    for (ps_key *end = entry->keys.at + entry->keys.n; key < end; key++) key[0] = key[1];
    return taken;
}

ps_status ps_relations_drop_index(ps_ctx *cx, ps_relations *relations, ps_str name, bool *found)
{
    ps_key taken = {0};
    ps_entry *entry;
    bool waits = true;

    while (waits) {
        PS_TRY(ps_poll(cx));
        ps_mutex_lock(&relations->mutex);
        ps_key *key = find_index(relations, name, &entry);
        *found = key != NULL;
        waits = key && entry->is_changing;
        if (waits) wait_changed(relations);
        else if (key) taken = take_key(entry, key);
        ps_mutex_unlock(&relations->mutex);
    }
    ps_key_release(&taken);
    return PS_OK;
}

ps_status ps_relations_drop(ps_ctx *cx, ps_relations *relations, ps_str name, bool view,
                            bool *found)
{
    ps_entry *entry = NULL;
    ps_status st = PS_OK;

    ps_mutex_lock(&relations->mutex);
    ps_entry **place = catalog_place(relations, name);
    *found = place != NULL;
    if (place && ((*place)->table == NULL) != view) {
        st = ps_fail(cx, PS_BIND, "%s is a %s: use DROP %s", (*place)->name,
                     (*place)->table ? "table" : "view", (*place)->table ? "TABLE" : "VIEW");
    } else if (place) {
        entry = *place;
        entry->gone = true;
        ps_entry **const end = relations->entries.at + --relations->entries.n;
        for (; place < end; place++) place[0] = place[1];
    }
    ps_mutex_unlock(&relations->mutex);
    entry_unref(entry);
    return st;
}

void ps_relations_names(ps_relations *relations, void (*fn)(void *user, ps_str name, bool view),
                        void *user)
{
    ps_mutex_lock(&relations->mutex);
    for (size_t i = 0; i < relations->entries.n; i++) {
        const ps_entry *entry = relations->entries.at[i];
        fn(user, ps_str_of(entry->name), entry->table == NULL);
    }
    ps_mutex_unlock(&relations->mutex);
}
