/* api/keys.c -- see keys.h. The set is a group table of key rows; the 8 bytes of state of each say
 * whether the row was there before. Tests: tests/slt/sql/keys.test */
#include "api/keys.h"

#include "base/diag.h"
#include "eval/program.h"
#include "exec/group_table.h"

enum { DIR_BITS_MAX = 40 };

typedef struct ps_key_set {
    ps_arena arena; /* types, layout, and the vectors of a step */
    const ps_row_layout *layout;
    ps_group_table rows;
    ps_vec *vecs;       /* n_cols */
    ps_vec_buf *bufs;   /* n_cols */
    ps_col_hold *holds; /* n_cols; while rows are added */
    uint32_t sel[PS_BATCH_ROWS];
    uint64_t hashes[PS_BATCH_ROWS];
    uint8_t *found[PS_BATCH_ROWS];
} ps_key_set;

ps_status ps_key_init(ps_ctx *cx, const ps_key_def *def, ps_key *out)
{
    *out = (ps_key){.kind = def->kind, .n_cols = def->n_cols};
    out->name = ps_alloc(cx, def->name.n + 1);
    out->cols = ps_alloc(cx, (def->n_cols + 1) * sizeof(*out->cols));
    if (!out->name || !out->cols) {
        ps_key_release(out);
        return PS_MEMORY;
    }
    if (def->name.n) memcpy(out->name, def->name.at, def->name.n);
    out->name[def->name.n] = 0;
    memcpy(out->cols, def->cols, def->n_cols * sizeof(*out->cols));
    return PS_OK;
}

void ps_key_forget(ps_key *key)
{
    ps_key_set *set = key->set;

    if (!set) return;
    for (uint32_t i = 0; set->bufs && i < key->n_cols; i++) ps_vec_buf_release(&set->bufs[i]);
    ps_group_table_release(&set->rows);
    ps_arena_release(&set->arena);
    ps_free(set);
    key->set = NULL;
}

void ps_key_release(ps_key *key)
{
    ps_key_forget(key);
    ps_free(key->cols);
    ps_free(key->name);
    *key = (ps_key){0};
}

static ps_status set_fill(ps_ctx *cx, const ps_key *key, const ps_schema *schema, ps_key_set *set)
{
    ps_type *types = PS_ARENA_ARRAY(cx, &set->arena, ps_type, key->n_cols);

    set->vecs = PS_ARENA_ARRAY(cx, &set->arena, ps_vec, key->n_cols);
    set->bufs = PS_ARENA_ARRAY(cx, &set->arena, ps_vec_buf, key->n_cols);
    set->holds = PS_ARENA_ARRAY(cx, &set->arena, ps_col_hold, key->n_cols);
    if (!types || !set->vecs || !set->bufs || !set->holds) return PS_MEMORY;
    for (uint32_t i = 0; i < key->n_cols; i++) types[i] = schema->fields[key->cols[i]].type;
    const ps_row_spec spec = {.types = types,
                              .n_cols = key->n_cols,
                              .n_keys = key->n_cols,
                              .hashed = true,
                              .state_bytes = sizeof(uint64_t)};
    PS_TRY(ps_row_layout_new(cx, &set->arena, &spec, &set->layout));
    PS_TRY(ps_group_table_init(cx, &set->rows, set->layout, false, DIR_BITS_MAX));
    for (uint32_t i = 0; i < key->n_cols; i++) set->bufs[i].n_max = PS_BATCH_ROWS;
    return PS_OK;
}

static ps_status duplicate(ps_ctx *cx, const ps_key *key, const char *name, const ps_schema *schema,
                           uint32_t row)
{
    static const char *const kinds[] = {"index", "PRIMARY KEY", "UNIQUE", "UNIQUE INDEX"};
    ps_text cols, values;

    ps_text_init(&cols, cx);
    ps_text_init(&values, cx);
    for (uint32_t i = 0; i < key->n_cols; i++) {
        ps_text_puts(&cols, i ? ", " : "");
        ps_text_str(&cols, schema->fields[key->cols[i]].name);
        ps_text_puts(&values, i ? ", " : "");
        ps_vec_print(&key->set->vecs[i], row, &values);
    }
    ps_status st = ps_text_status(&cols);
    if (st == PS_OK) st = ps_text_status(&values);
    if (st == PS_OK)
        st = ps_fail(cx, PS_VALUE, "a duplicate key in the table %s: %s%s%s (%.*s) = (%.*s)", name,
                     kinds[key->kind], key->name[0] ? " " : "", key->name, (int)cols.n, cols.at,
                     (int)values.n, values.at);
    ps_text_release(&cols);
    ps_text_release(&values);
    return st;
}

/* The rows of a step that have no null in the key. */
static uint32_t full_rows(const ps_key *key, uint32_t n, uint32_t *sel)
{
    uint32_t n_sel = 0;

    for (uint32_t row = 0; row < n; row++) {
        bool full = true;
        for (uint32_t i = 0; full && i < key->n_cols; i++)
            full = ps_vec_row_valid(&key->set->vecs[i], row);
        sel[n_sel] = row;
        n_sel += full;
    }
    return n_sel;
}

static ps_status add_rows(ps_ctx *cx, ps_key *key, const char *name, const ps_schema *schema,
                          const ps_segment *segment, uint32_t first, uint32_t n)
{
    ps_key_set *set = key->set;

    for (uint32_t i = 0; i < key->n_cols; i++)
        PS_TRY(ps_segment_read(cx, segment, key->cols[i], first, n, &set->holds[i], &set->bufs[i],
                               &set->vecs[i]));
    const uint32_t n_sel = full_rows(key, n, set->sel);
    if (n_sel == 0) return PS_OK;
    PS_TRY(ps_hash_rows(cx, set->vecs, key->n_cols, set->sel, n_sel, 0, set->hashes));
    PS_TRY(
        ps_group_table_find(cx, &set->rows, set->vecs, set->sel, n_sel, set->hashes, set->found));
    for (uint32_t k = 0; k < n_sel; k++) {
        uint8_t *seen = set->found[k] + set->layout->state_at;
        if (*seen) return duplicate(cx, key, name, schema, set->sel[k]);
        *seen = 1;
    }
    return PS_OK;
}

static ps_status add_segments(ps_ctx *cx, ps_key *key, const char *name, const ps_schema *schema,
                              ps_segment *const *segments, uint32_t n)
{
    ps_status st = PS_OK;

    for (uint32_t s = 0; s < n && st == PS_OK; s++) {
        for (uint32_t first = 0; first < segments[s]->n_rows && st == PS_OK;
             first += PS_BATCH_ROWS) {
            const uint32_t rows = PS_MIN((uint32_t)PS_BATCH_ROWS, segments[s]->n_rows - first);
            st = add_rows(cx, key, name, schema, segments[s], first, rows);
        }
        for (uint32_t i = 0; i < key->n_cols; i++) ps_col_hold_release(&key->set->holds[i]);
    }
    return st;
}

ps_status ps_key_add(ps_ctx *cx, ps_key *key, const char *name, const ps_table *table,
                     ps_segment *const *segments, uint32_t n)
{
    if (key->kind == PS_KEY_INDEX) return PS_OK;
    if (!key->set) {
        key->set = ps_alloc_zero(cx, sizeof(*key->set));
        if (!key->set) return PS_MEMORY;
        PS_TRY(set_fill(cx, key, table->schema, key->set));
        PS_TRY(add_segments(cx, key, name, table->schema, table->segments, table->n_segments));
    }
    PS_TRY(add_segments(cx, key, name, table->schema, segments, n));
    ps_group_table_rest(&key->set->rows);
    return PS_OK;
}
