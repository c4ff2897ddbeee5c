/* api/relations.c -- see relations.h. Lists are short (hundreds): lookup is linear. */
#include "api/relations.h"

void ps_relations_init(ps_relations *relations, ps_mem *mem)
{
    memset(relations, 0, sizeof(*relations));
    ps_mutex_init(&relations->mutex);
    relations->mem = mem;
}

static void entry_release(ps_entry *entry)
{
    ps_table_unref(entry->table);
    for (size_t i = 0; i < entry->keys.n; i++) ps_key_release(&entry->keys.at[i]);
    ps_free(entry->keys.at);
    for (uint32_t i = 0; i < entry->n_view_columns; i++) ps_free(entry->view_columns[i]);
    ps_free(entry->view_columns);
    ps_free(entry->view_text);
    ps_free(entry->name);
}

void ps_relations_release(ps_relations *relations)
{
    for (size_t i = 0; i < relations->entries.n; i++) entry_release(&relations->entries.at[i]);
    ps_free(relations->entries.at);
    ps_mutex_destroy(&relations->mutex);
}

static ps_entry *catalog_find(ps_relations *relations, ps_str name)
{
    for (size_t i = 0; i < relations->entries.n; i++) {
        if (ps_str_equal_nocase(ps_str_of(relations->entries.at[i].name), name))
            return &relations->entries.at[i];
    }
    return NULL;
}

static char *text_copy(ps_ctx *cx, ps_str text)
{
    char *copy = ps_alloc(cx, text.n + 1);

    if (!copy) return NULL;
    if (text.n) memcpy(copy, text.at, text.n);
    copy[text.n] = 0;
    return copy;
}

/* Puts a finished entry in place; it is taken over in every case. Mutex held. */
static ps_status catalog_put(ps_ctx *cx, ps_relations *relations, ps_entry *entry, ps_exists exists,
                             bool *kept)
{
    ps_entry *old = catalog_find(relations, ps_str_of(entry->name));

    *kept = false;
    if (old && exists == PS_EXISTS_KEEP) {
        *kept = true;
        entry_release(entry);
        return PS_OK;
    }
    if (old && exists == PS_EXISTS_FAIL) {
        ps_fail(cx, PS_EXISTS, "a %s of this name exists: %s", old->table ? "table" : "view",
                old->name);
        ps_hint(cx, "CREATE OR REPLACE replaces it, IF NOT EXISTS leaves it");
        entry_release(entry);
        return PS_EXISTS;
    }
    if (old) {
        entry_release(old);
        *old = *entry;
        return PS_OK;
    }
    const ps_status st = PS_ARRAY_ADD(cx, &relations->entries, *entry);
    if (st != PS_OK) entry_release(entry);
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

ps_status ps_relations_put_table(ps_ctx *cx, ps_relations *relations, ps_str name, ps_table *table,
                                 const ps_key_def *keys, uint32_t n_keys, ps_exists exists,
                                 bool *kept)
{
    ps_ctx own = *cx;
    ps_entry entry = {0};

    own.mem = relations->mem;
    entry.name = text_copy(&own, name);
    entry.table = ps_table_ref(table);
    ps_status st = entry.name ? PS_OK : PS_MEMORY;
    for (uint32_t i = 0; st == PS_OK && i < n_keys; i++) st = add_key(&own, &entry, &keys[i]);
    if (st != PS_OK) {
        entry_release(&entry);
    } else {
        ps_mutex_lock(&relations->mutex);
        st = catalog_put(&own, relations, &entry, exists, kept);
        ps_mutex_unlock(&relations->mutex);
    }
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
    ps_entry entry = {0};

    own.mem = relations->mem;
    ps_status st = view_fill(&own, &entry, name, text, columns, n_columns);
    if (st != PS_OK) {
        entry_release(&entry);
    } else {
        ps_mutex_lock(&relations->mutex);
        st = catalog_put(&own, relations, &entry, exists, kept);
        ps_mutex_unlock(&relations->mutex);
    }
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
static ps_status check_keys(ps_ctx *cx, ps_mem *mem, ps_entry *entry, ps_segment *const *segments,
                            uint32_t n)
{
    ps_ctx own = *cx;
    ps_status st = PS_OK;

    own.mem = mem;
    for (size_t i = 0; st == PS_OK && i < entry->keys.n; i++)
        st = ps_key_add(&own, &entry->keys.at[i], entry->name, entry->table, segments, n);
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
    ps_table *next = NULL, *old = NULL;
    ps_status st;

    ps_mutex_lock(&relations->mutex);
    ps_entry *entry = catalog_find(relations, name);
    if (!entry || !entry->table) {
        st = ps_fail(cx, PS_BIND, "the table is gone: %.*s", PS_STR_ARGS(name));
    } else {
        st = check_types(cx, name, entry->table->schema, schema);
        if (st == PS_OK) st = check_not_null(cx, entry->table->schema, segments, n);
        if (st == PS_OK) st = ps_table_append(cx, entry->table, segments, n, &next);
        if (st == PS_OK) {
            st = check_keys(cx, relations->mem, entry, segments, n);
            if (st != PS_OK) forget_keys(entry);
        }
        if (st == PS_OK) {
            old = entry->table;
            entry->table = next;
            next = NULL;
        }
    }
    ps_mutex_unlock(&relations->mutex);
    ps_table_unref(old);
    ps_table_unref(next);
    return st;
}

/* ---- indexes ---- */

static ps_key *find_index(ps_relations *relations, ps_str name, ps_entry **out)
{
    for (size_t i = 0; i < relations->entries.n; i++) {
        ps_entry *entry = *out = &relations->entries.at[i];
        for (size_t k = 0; k < entry->keys.n; k++) {
            ps_key *key = &entry->keys.at[k];
            const bool index = key->kind == PS_KEY_INDEX || key->kind == PS_KEY_UNIQUE_INDEX;
            if (index && ps_str_equal_nocase(ps_str_of(key->name), name)) return key;
        }
    }
    return NULL;
}

static void remove_key(ps_entry *entry, ps_key *key)
{
    ps_key_release(key);
    entry->keys.n--;
    for (ps_key *end = entry->keys.at + entry->keys.n; key < end; key++) key[0] = key[1];
}

static ps_status put_index(ps_ctx *cx, ps_relations *relations, ps_str table,
                           const ps_key_def *index, bool if_not_exists)
{
    ps_entry *entry;
    const ps_key *old = find_index(relations, index->name, &entry);

    if (old && if_not_exists) return PS_OK;
    if (old)
        return ps_fail(cx, PS_EXISTS, "an index of this name exists, of the table %s: %s",
                       entry->name, old->name);
    entry = catalog_find(relations, table);
    if (!entry || !entry->table)
        return ps_fail(cx, PS_BIND, "the table is gone: %.*s", PS_STR_ARGS(table));
    PS_TRY(add_key(cx, entry, index));
    ps_key *key = &entry->keys.at[entry->keys.n - 1];
    const ps_status st = ps_key_add(cx, key, entry->name, entry->table, NULL, 0);
    if (st != PS_OK) remove_key(entry, key);
    return st;
}

ps_status ps_relations_put_index(ps_ctx *cx, ps_relations *relations, ps_str table,
                                 const ps_key_def *index, bool if_not_exists)
{
    ps_ctx own = *cx;

    own.mem = relations->mem;
    ps_mutex_lock(&relations->mutex);
    const ps_status st = put_index(&own, relations, table, index, if_not_exists);
    ps_mutex_unlock(&relations->mutex);
    cx->error = own.error;
    return st;
}

void ps_relations_drop_index(ps_relations *relations, ps_str name, bool *found)
{
    ps_entry *entry;

    ps_mutex_lock(&relations->mutex);
    ps_key *key = find_index(relations, name, &entry);
    *found = key != NULL;
    if (key) remove_key(entry, key);
    ps_mutex_unlock(&relations->mutex);
}

ps_status ps_relations_drop(ps_ctx *cx, ps_relations *relations, ps_str name, bool view,
                            bool *found)
{
    ps_status st = PS_OK;

    ps_mutex_lock(&relations->mutex);
    ps_entry *entry = catalog_find(relations, name);
    *found = entry != NULL;
    if (entry && (entry->table == NULL) != view) {
        st = ps_fail(cx, PS_BIND, "%s is a %s: use DROP %s", entry->name,
                     entry->table ? "table" : "view", entry->table ? "TABLE" : "VIEW");
    } else if (entry) {
        entry_release(entry);
        memmove(
            entry, entry + 1,
            (size_t)((char *)(relations->entries.at + relations->entries.n) - (char *)(entry + 1)));
        relations->entries.n--;
    }
    ps_mutex_unlock(&relations->mutex);
    return st;
}

void ps_relations_names(ps_relations *relations, void (*fn)(void *user, ps_str name, bool view),
                        void *user)
{
    ps_mutex_lock(&relations->mutex);
    for (size_t i = 0; i < relations->entries.n; i++) {
        fn(user, ps_str_of(relations->entries.at[i].name), relations->entries.at[i].table == NULL);
    }
    ps_mutex_unlock(&relations->mutex);
}
